"""The ladder to real money: what each rung asks before the next may be stood on, and how large.

backtest, sandbox, paper, live-canary, live: nobody skips one. The invariant: a rung is granted by a
person, for one class with one set of parameters on one symbol, on evidence of the rung below, and
what is not shown is a criterion that is not met. A person may waive one by name and with a reason,
except that open incidents are not waived and no rung is skipped. On the canary's rung orders and
exposure are capped; live begins at the same cap, and each grant on what live has shown doubles it.
With real money evidence is used once: what came before any grant does not count. The numbers
below are chosen, not proven: `steelyard promote` prints them.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from steelyard import dialects
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.units import in_full
from steelyard.trading.codes import difference
from steelyard.trading.config import Environment, RiskTable, is_here
from steelyard.trading.evidence import DAY_NS, Evidence, Identity

CANARY_CAP = Decimal(100)  # at most so much in an order, and at stake, where the quote is MONEY
# Of these a hundred is a sum to learn with. Of others, a hundred BTC say, nobody here knows.
MONEY = frozenset({"USDT", "USDC", "USD", "EUR", "GBP", "CHF", "FDUSD", "TUSD", "DAI", "PYUSD"})
GROWTH = 2  # what each further grant multiplies the cap by
WORSE_MAX = Decimal("0.0005")  # by which slippage may be worse than in the backtest
INCIDENTS, GRANTED = "incidents", "granted"
NEVER_WAIVED = {
    INCIDENTS: "open incidents are never waived: end them first",
    GRANTED: "no rung is skipped: begin with `steelyard promote BOT --report FILE`",
}

RUNGS = tuple(Environment)
REAL = frozenset({Environment.LIVE_CANARY, Environment.LIVE})


class Needs(NamedTuple):
    """What a rung has to have shown."""

    open_ns: int
    days: int
    fills: int
    refused_max: Decimal  # a share of the orders
    fall_max: Decimal  # of the most that was at stake


HOUR_NS = 3_600 * SECOND_NS
NEEDS = {
    Environment.SANDBOX: Needs(HOUR_NS, 1, 10, Decimal("0.2"), Decimal("0.2")),
    Environment.PAPER: Needs(5 * DAY_NS, 7, 30, Decimal("0.1"), Decimal("0.15")),
    Environment.LIVE_CANARY: Needs(10 * DAY_NS, 14, 50, Decimal("0.05"), Decimal("0.1")),
    Environment.LIVE: Needs(20 * DAY_NS, 28, 100, Decimal("0.05"), Decimal("0.1")),
}
TRIPS_MIN = 30  # of a backtest: fewer prove nothing


class Backtested(Struct, frozen=True, kw_only=True):
    """What of a backtest's report the ladder looks at."""

    identity: Identity
    fills: int
    slippage: Decimal | None  # a fraction of what was traded
    serious: tuple[str, ...]  # rules whose warnings alone are a reason not to believe it


class Criterion(Struct, frozen=True, kw_only=True):
    """One thing that a rung asks: whether it is shown, in words for people."""

    name: str
    wanted: str
    found: str
    is_met: bool


class Grant(Struct, frozen=True, kw_only=True):
    """A rung that a bot may stand on: who gave it, when, why, and on what evidence."""

    bot: str
    environment: str
    identity: Identity
    cap: Decimal | None  # quote; None: no money is at stake there
    who: str
    why: str
    time_ns: int
    criteria: tuple[Criterion, ...] = ()
    waived: tuple[str, ...] = ()
    slippage: Decimal | None = None  # of the backtest, which later rungs are measured by
    venue: str = ""  # where the evidence comes from; binds on live
    code: str = ""  # of the strategy that has shown it, as `trading.codes` has it; binds


def after(environment: Environment) -> Environment:
    """Return the rung above; live has live, with a larger cap."""
    at = RUNGS.index(environment) + 1
    return RUNGS[min(at, len(RUNGS) - 1)]


def judge_backtest(found: Backtested) -> tuple[Criterion, ...]:
    """Return what the first rung asks of a report."""
    return (
        Criterion(
            name="fills",
            wanted=f"{TRIPS_MIN} or more",
            found=str(found.fills),
            is_met=found.fills >= TRIPS_MIN,
        ),
        Criterion(
            name="warnings",
            wanted="no serious one",
            found=", ".join(found.serious) or "none",
            is_met=not found.serious,
        ),
    )


def judge(found: Evidence, backtest: Decimal | None) -> tuple[Criterion, ...]:
    """Return what a rung asks of a journal. backtest is the slippage of the bot's own backtest."""
    needs = NEEDS[Environment(found.environment)]
    worst = None if backtest is None else backtest + WORSE_MAX
    where: tuple[Criterion, ...] = ()
    if found.environment in REAL:
        where = (_judge_venue(found.venue),)
    elif found.environment == Environment.PAPER:
        where = (_judge_markets(found.markets),)
    return (
        *where,
        Criterion(
            name="time",
            wanted=f"{needs.open_ns // HOUR_NS} h open to trade",
            found=f"{found.open_ns // HOUR_NS} h",
            is_met=found.open_ns >= needs.open_ns,
        ),
        Criterion(
            name="days",
            wanted=f"{needs.days} or more",
            found=str(found.days),
            is_met=found.days >= needs.days,
        ),
        Criterion(
            name="fills",
            wanted=f"{needs.fills} or more",
            found=str(found.fills),
            is_met=found.fills >= needs.fills,
        ),
        _at_most("rejects", needs.refused_max, found.refused_share, "of its orders"),
        _at_most("drawdown", needs.fall_max, found.fall_share, "of the most at stake"),
        Criterion(
            name="slippage",
            wanted="a backtest to compare with" if worst is None else f"{_share(worst)} or less",
            found="unknown" if found.slippage is None else _share(found.slippage),
            is_met=worst is not None and found.slippage is not None and found.slippage <= worst,
        ),
        Criterion(
            name=INCIDENTS,
            wanted="none open",
            found="; ".join(found.incidents) or "none",
            is_met=not found.incidents,
        ),
    )


def _judge_venue(venue: str) -> Criterion:
    """Return whether fills are a venue's; an older journal does not say, and is taken for one."""
    return Criterion(
        name="venue",
        wanted="not this machine",
        found=venue or "not told",
        is_met=not any(is_here(word) for word in venue.split()),
    )


def _judge_markets(markets: Iterable[str]) -> Criterion:
    """Return whether what was traded on paper was the market of venues, and of nobody else."""
    told = [market or "not told" for market in markets]
    return Criterion(
        name="market",
        wanted="a venue's own, followed by `steelyard exchange --live`",
        found="; ".join(told) or "not told",
        is_met=bool(told) and all(is_of_venue(market) for market in told),
    )


def is_of_venue(market: str) -> bool:
    """Return whether a market is the stream that a venue shows the public, by its address.

    A mirror's, or another exchange's of ours, is not: who knows better waives it.
    """
    kind, _, venue = market.partition(" ")
    name, _, address = venue.partition(" ")
    if kind != "live" or name not in dialects.names():
        return False
    public = dialects.find(name).public
    return public is not None and urlsplit(address).netloc == urlsplit(public.ws).netloc


def judge_rungs(grants: Iterable[Grant], environment: Environment, found: Identity) -> Criterion:
    """Return whether a bot was granted the rung that it stands on, which nobody skips."""
    names = {it.environment for it in grants if it.identity == found}
    missing = [rung for rung in RUNGS[1 : RUNGS.index(environment) + 1] if rung not in names]
    return Criterion(
        name=GRANTED,
        wanted="each rung up to here",
        found=f"not {', '.join(missing)}" if missing else "each",
        is_met=not missing,
    )


def _at_most(name: str, most: Decimal, found: Decimal | None, of: str) -> Criterion:
    return Criterion(
        name=name,
        wanted=f"{_share(most)} {of}, or less",
        found="unknown" if found is None else _share(found),
        is_met=found is not None and found <= most,
    )


def _share(share: Decimal) -> str:
    return f"{in_full((share * 100).quantize(Decimal('0.001')).normalize())} %"


def unmet(criteria: Iterable[Criterion], waived: Iterable[str]) -> list[Criterion]:
    """Return what stands in the way of a grant.

    Raises:
        UsageError: What is to be waived is not asked for, or is never waived.
    """
    criteria = list(criteria)
    waived = set(waived)
    names = [criterion.name for criterion in criteria]
    for name in waived:
        if name in NEVER_WAIVED:
            raise UsageError(NEVER_WAIVED[name])
        if name not in names:
            raise UsageError(f"{name!r} is not asked for; what is: {', '.join(names)}")
    return [it for it in criteria if not it.is_met and it.name not in waived]


def cap_of(
    stands_on: Grant | None, environment: Environment, symbol: str, said: Decimal | None = None
) -> Decimal | None:
    """Return how much may be at stake on the rung above an environment, in quote.

    stands_on is the grant by which the bot is where it is; said is what a person wants it to be at
    most. Only a grant of live doubles. None: no money is at stake there.

    Raises:
        UsageError: It is to be more than the rung allows, or nobody has said what the rung allows
            in this quote.
    """
    if after(environment) not in REAL:
        if said is not None:
            raise UsageError("--cap is for rungs with real money")
        return None
    quote = quote_of(symbol)
    most = CANARY_CAP if quote in MONEY else None
    if stands_on is not None and stands_on.cap is not None:
        most = stands_on.cap * (GROWTH if environment is Environment.LIVE else 1)
    if said is None:
        if most is None:
            raise UsageError(
                f"the rungs are counted in {', '.join(sorted(MONEY))}; how much {quote} may be at "
                "stake is for you to say: --cap NUMBER, what some 100 dollars are worth"
            )
        return most
    if not said.is_finite() or said <= 0 or (most is not None and said > most):
        bound = "" if most is None else f", and at most {in_full(most)}"
        raise UsageError(f"--cap is {said}; it must be above zero{bound}")
    return said


def quote_of(symbol: str) -> str:
    """Return what a symbol is paid in."""
    return symbol.partition("-")[2].partition("-")[0] or symbol


def capped(risk: RiskTable, cap: Decimal | None) -> RiskTable:
    """Return the limits that hold on a rung: the bot's own, and never more than its cap.

    What is at stake is also what may be lost: a hundred lost ten times over is a thousand.
    """
    if cap is None:
        return risk
    exposure, fall = risk.limits.max_gross_exposure, risk.drawdown
    return msgspec.structs.replace(
        risk,
        max_order_notional=min(risk.max_order_notional, cap),
        max_gross_exposure=in_full(cap if exposure is None else min(exposure, cap)),
        max_drawdown=in_full(cap if fall is None else min(fall, cap)),
    )


def stranger(grant: Grant, venue: str, code: str) -> str | None:
    """Return why a grant is not for a bot that is of its class; None: it is.

    A grant of before has no code.
    """
    if grant.code and (found := difference(grant.code, code)) is not None:
        return f"{found} since it has shown what it was granted on"
    if grant.environment == Environment.LIVE and grant.venue and grant.venue != venue:
        return f"it has shown what it was granted on at another venue ({grant.venue})"
    return None


def used_until_ns(grants: Iterable[Grant], bot: str, identity: Identity) -> int:
    """Return the time of the newest grant of real money: what came before it is used up."""
    return max(
        (
            grant.time_ns
            for grant in grants
            if grant.environment in REAL and (grant.bot, grant.identity) == (bot, identity)
        ),
        default=0,
    )


def granted(
    grants: Iterable[Grant], bot: str, environment: Environment, identity: Identity
) -> Grant | None:
    """Return the newest grant by which a bot may stand on a rung; None: it may not."""
    found = None
    for grant in grants:
        if (grant.bot, grant.environment, grant.identity) == (bot, environment, identity):
            found = grant
    return found
