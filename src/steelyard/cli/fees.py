"""`steelyard fees`: write schedules of fees, give them to accounts, see who pays what."""

from typing import Annotated, Any

from cyclopts import Parameter

from steelyard.cli.administration import administer
from steelyard.cli.options import Common, parse_rate_e8, percent
from steelyard.cli.terminal import shown
from steelyard.domain.errors import UsageError
from steelyard.domain.units import parse_decimal
from steelyard.exchange.operation import AssignTo, ListFees, SetFees, SetToken, Tier

_EVERYONE = Common()


def set_fees(schedule: int, /, *tier: str, common: Common = _EVERYONE) -> int:
    """Write a schedule, whole: what orders cost from which traded volume on.

    A tier is VOLUME:MAKER:TAKER. The volume is what an account traded on the 30 days before today
    (UTC), in quote; the first tier's is 0. A negative maker rate is a rebate. An order keeps the
    rates of the moment when it was accepted.

    Example: steelyard fees set 1 0:0.1%:0.1% 1000000:0.05%:0.08% 50000000:-0.005%:0.04%

    Parameters
    ----------
    schedule
        Its number, from 1.
    tier
        VOLUME:MAKER:TAKER, volumes rising, up to 16 tiers.
    """
    result = administer(common.directory, SetFees(schedule, tuple(map(parse_tier, tier))))
    common.show(result, _text(result))
    return 0


def token_fees(
    token: str, /, *, quote: str, price: str, discount: str = "0%", common: Common = _EVERYONE
) -> int:
    """Let fees in a quote asset be paid in a token, where an order asks for it.

    Example: steelyard fees token SOL --quote USDT --price 150 --discount 25%

    Parameters
    ----------
    token
        The asset that is taken instead, while the account has enough of it free.
    quote
        The asset in which the fee is reckoned.
    price
        What one token counts, in quote; 0 ends it.
    discount
        What comes off the fee for paying so.
    """
    call = SetToken(token, quote, parse_decimal(price), parse_rate_e8(discount))
    result = administer(common.directory, call)
    common.show(result, _text(result))
    return 0


def assign_fees(
    account: str,
    schedule: int = 0,
    /,
    *,
    maker: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    taker: str | None = None,
    common: Common = _EVERYONE,
) -> int:
    """Give an account a schedule, or rates of its own.

    Examples: steelyard fees assign alice 1 | steelyard fees assign alice --maker 0% --taker 0.05%

    Parameters
    ----------
    account
        Whose fees they are.
    schedule
        The schedule's number; 0 takes it away, and the account pays its own rates again. Its
        volume counts from when it is given.
    maker
        Its own rate for orders that rested, instead of a schedule: 0.1%; negative is a rebate.
    taker
        Its own rate for orders that trade at once.
    """
    rates = [None if rate is None else parse_rate_e8(rate) for rate in (maker, taker)]
    result = administer(common.directory, AssignTo(account, schedule, *rates))
    common.show(result, _text(result))
    return 0


def list_fees(*, common: Common = _EVERYONE) -> int:
    """List every schedule, token and account with its volume and what it pays now."""
    result = administer(common.directory, ListFees())
    common.show(result, _text(result))
    return 0


def parse_tier(text: str) -> Tier:
    """Return the tier of `VOLUME:MAKER:TAKER`.

    Raises:
        UsageError: Not of that form; the message shows it.
    """
    parts = text.split(":")
    if len(parts) != 3:  # noqa: PLR2004 as the name of the form says
        raise UsageError(f"{text!r} should be VOLUME:MAKER:TAKER, as 1000000:-0.005%:0.04%")
    volume, maker, taker = parts
    return Tier(parse_decimal(volume), parse_rate_e8(maker), parse_rate_e8(taker))


def _text(fees: dict[str, Any]) -> str:
    lines = []
    for schedule in fees["schedules"]:
        lines.append(f"[bold]schedule {schedule['schedule']}[/]")
        lines += [f"  from {tier['volume']:>16}  {_rates(tier)}" for tier in schedule["tiers"]]
    for token in fees["tokens"]:
        lines.append(
            f"[bold]{token['token']}[/] for fees in {token['quote']}: {token['token_per_quote']} "
            f"for 1, discount {percent(token['discount'])}"
        )
    for account in fees["accounts"]:
        schedule = account["schedule"]
        of = f"schedule {schedule} · volume {account['volume']}" if schedule else "its own rates"
        lines.append(f"{shown(account['account'])}  {_rates(account)} · {of}")
    return "\n".join(lines) or "no schedules and no accounts yet"


def _rates(rates: dict[str, Any]) -> str:
    return f"maker {percent(rates['maker_rate'])} · taker {percent(rates['taker_rate'])}"
