"""How much of each limit a bot uses now, for people: the same numbers that the risk check looks at.

Nothing is decided here. What a limit is about and how it is changed is in `LIMITS`, which the
documentation's table is held against.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from steelyard.domain.messages import MINUTE_NS
from steelyard.domain.units import EXACT, from_atoms, in_full, plain
from steelyard.trading import risk
from steelyard.trading.breakers import share_of
from steelyard.trading.trader import Trader

# By its name in [risk]: what it holds, and when it is checked.
LIMITS = {
    "max_order_size": "the largest order, in base",
    "max_order_notional": "the largest order, price times size, in quote",
    "max_position": "the largest position, long or short, in base; open and unknown orders filled",
    "max_open_orders": "orders open at once, without the stops behind the position",
    "max_orders_per_minute": "orders and changes of orders in any minute, without those stops",
    "price_collar": "how far beyond the middle of the book an order may trade",
    "max_daily_loss": "what a day may lose in quote, from 00:00 UTC, after fees; then orders that "
    "add risk are refused",
    "max_drawdown": "how far profit may fall from its highest, in quote; then the kill switch is "
    "pressed",
    "max_gross_exposure": "what the positions of all bots of the machine may be worth, in quote",
    "max_leverage": "what the position may be worth, as a multiple of the account",
}


class Use(NamedTuple):
    """One limit; used and limit are numbers as text, None: it is off, or not known yet."""

    name: str
    text: str
    limit: str | None
    used: str | None
    unit: str


def uses(trader: Trader) -> list[Use]:
    """Return every limit with its use."""
    return [*_uses(trader)]


def _uses(trader: Trader) -> Iterator[Use]:
    limits, portfolio = trader.config.limits, trader.turn.state.portfolio
    base, quote = ("", "") if portfolio is None else _assets(trader)
    orders = trader.turn.state.orders
    position = None
    if portfolio is not None:
        lots = risk.worst_lots(portfolio.position_lots, orders)
        position = portfolio.instrument.size(lots)
    worth = trader.worth
    loss, exposure, equity = worth.loss_so_far, worth.exposure_atoms, worth.equity_atoms
    leverage = None
    if exposure is not None and equity is not None and equity > 0:
        leverage = share_of(exposure, equity).quantize(Decimal("0.0001"))
    gross = None if exposure is None else exposure + trader.exposed.last.others_atoms
    percent = EXACT.multiply(limits.price_collar, Decimal(100))
    per_minute = limits.max_orders_per_minute
    minute = orders.decided_since(trader.turn.now_ns - MINUTE_NS)
    count = sum(not order.protects for order in orders.open)
    drawdown = trader.config.risk.drawdown
    rows: dict[str, tuple[Decimal | int | None, Decimal | int | None, str]] = {
        "max_order_size": (limits.max_order_size, None, base),
        "max_order_notional": (limits.max_order_notional, None, quote),
        "max_position": (limits.max_position, position, base),
        "max_open_orders": (limits.max_open_orders, count, ""),
        "max_orders_per_minute": (per_minute, minute, ""),
        "price_collar": (percent, None, "%"),
        "max_daily_loss": (limits.max_daily_loss, _amount(loss), quote),
        "max_drawdown": (drawdown, _amount(trader.worth.drawdown_atoms), quote),
        "max_gross_exposure": (limits.max_gross_exposure, _amount(gross), quote),
        "max_leverage": (limits.max_leverage, leverage, ""),
    }
    for name, text in LIMITS.items():
        limit, used, unit = rows[name]
        yield Use(name, text, _text(limit), _text(used), unit)


def _assets(trader: Trader) -> tuple[str, str]:
    instrument = trader.turn.instrument
    return instrument.base, instrument.quote


def _amount(atoms: int | None) -> Decimal | None:
    return None if atoms is None else from_atoms(atoms)


def _text(number: Decimal | int | None) -> str | None:
    return None if number is None else in_full(plain(Decimal(number)))
