"""`steelyard exchange market`: open a market or restrict it, tell it prices, set its rules."""

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from steelyard.cli.administration import administer
from steelyard.cli.options import Common, parse_rate_e8, percent
from steelyard.domain.units import parse_decimal
from steelyard.exchange.operation import STATES, Market

_EVERYONE = Common()
State = Literal["open", "post-only", "cancel-only", "halted", "maintenance"]


def market_exchange(
    symbol: str,
    /,
    *,
    state: State | None = None,
    mark: str | None = None,
    index: str | None = None,
    band: str | None = None,
    orders_max: Annotated[int | None, Parameter(name="--orders-max")] = None,
    triggers_max: Annotated[int | None, Parameter(name="--triggers-max")] = None,
    notional_max: Annotated[str | None, Parameter(name="--notional-max")] = None,
    common: Common = _EVERYONE,
) -> int:
    """Change a market; without options, show it.

    What is not named stays as it is. Orders that are open stay, whatever the new rules say; they
    hold for what comes.

    Examples: steelyard exchange market BTC-USDT --state halted |
    steelyard exchange market BTC-USDT --mark 60000 --band 5%

    Parameters
    ----------
    symbol
        The market: BTC-USDT.
    state
        What passes: all, limit orders that add (post-only), cancels only, cancels while prices
        stand still (halted), nothing but an administrator's cancels (maintenance).
    mark
        Its mark price: waiting orders may listen to it, and the band is around it.
    index
        Its index price: waiting orders may listen to it.
    band
        How far an order's price may be from the mark price, or from the last trade: 5%. 0% is any.
    orders_max
        How many open orders an account may have here, waiting ones too; 0 is any number.
    triggers_max
        How many of them may wait for a price; 0 is any number.
    notional_max
        The largest order, price times size, in quote; 0 is any.
    """
    call = Market(
        symbol,
        state=None if state is None else STATES[state],
        mark=None if mark is None else parse_decimal(mark),
        index=None if index is None else parse_decimal(index),
        band_rate_e8=None if band is None else parse_rate_e8(band),
        orders_max=orders_max,
        triggers_max=triggers_max,
        notional_max=None if notional_max is None else parse_decimal(notional_max),
    )
    result = administer(common.directory, call)
    common.show(result, _text(result))
    return 0


def _text(market: dict[str, Any]) -> str:
    colour = "green" if market["state"] == "open" else "yellow"
    prices = " · ".join(f"{what} {market[what] or '-'}" for what in ("last", "mark", "index"))
    band = percent(market["band"]) if market["band"] else "any price"
    counts = " · ".join(
        f"{market[f'{what}_max'] or 'any number of'} {words}"
        for what, words in (("orders", "open orders"), ("triggers", "waiting for a price"))
    )
    sizes = f"{market['size_min']} to {market['size_max']}"
    notionals = f"{market['notional_min']} to {market['notional_max'] or 'any'}"
    lines = [
        f"[bold]{market['symbol']}[/] [{colour}]{market['state']}[/]",
        f"  {prices}",
        f"  tick {market['tick_size']} · lot {market['lot_size']} · band {band}",
        f"  size {sizes} · notional {notionals}",
        f"  per account: {counts}",
    ]
    return "\n".join(lines)
