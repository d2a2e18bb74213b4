"""What a backtest assumes: money, fees, delays, the path of bars, queues, troubles.

Everything has a default that errs against the strategy or is neutral, and everything that is
assumed is said in a sentence (`assumptions`), because a report begins with them. Numbers are exact.
"""

from decimal import Decimal
from enum import IntEnum
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from steelyard.backtest.result import Assumption
from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import LIMIT_MAX, Instrument
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import FeeAsset, MarketState
from steelyard.domain.units import RATE_SCALE, in_full, to_atoms
from steelyard.engine.book import QueueModel

SAMPLES_MAX = 1_000_000
TIERS_MAX = 16
SEED_MAX = 2**64 - 1
VOLUME_MAX = Decimal(10) ** 22  # the engine counts micros in 128 bits
DELAY_MAX_NS = 24 * 3_600 * SECOND_NS
TIME_MAX_NS = 7_258_118_400 * SECOND_NS  # the year 2200; times are 64 bits until 2262
_PERCENT = 100


class BarPath(IntEnum):
    """In which order a bar's extremes came; the numbers are the machine's."""

    PESSIMISTIC = 0  # the worse one for the position first
    HIGH_FIRST = 1
    LOW_FIRST = 2
    NEAREST = 3  # the one nearer to the open first


class Delay(Struct, frozen=True):
    """How long something is on its way: always the same, drawn from samples, or as recorded.

    rows are (from_ns, delay_ns); for a constant and for samples from_ns is not read.
    """

    kind: str = "constant"
    rows: tuple[tuple[int, int], ...] = ((0, 0),)

    @classmethod
    def constant(cls, delay_ns: int) -> "Delay":
        """Return a delay that is always the same."""
        return cls("constant", ((0, delay_ns),))

    @classmethod
    def samples(cls, delays_ns: list[int]) -> "Delay":
        """Return delays that are drawn from what was measured, each as likely as the others."""
        return cls("samples", tuple((0, delay_ns) for delay_ns in delays_ns))

    @classmethod
    def recorded(cls, rows: list[tuple[int, int]]) -> "Delay":
        """Return delays as they were measured, from each time on until the next."""
        return cls("recorded", tuple(sorted(rows)))

    @property
    def text(self) -> str:
        """In words."""
        delays = sorted(delay_ns for _, delay_ns in self.rows)
        middle = in_full(Decimal(delays[len(delays) // 2]) / 1_000_000)
        if self.kind == "constant":
            return f"{middle} ms"
        worst = in_full(Decimal(delays[-1]) / 1_000_000)
        how = "drawn from" if self.kind == "samples" else "as recorded in"
        return f"{how} {len(delays)} measurements, median {middle} ms, at most {worst} ms"


class Tier(NamedTuple):
    """From this 30-day volume in quote on, these fees; fractions of what is traded."""

    volume: Decimal
    maker: Decimal
    taker: Decimal


class Closure(NamedTuple):
    """A time in which the market is not open: an outage, a halt, a maintenance."""

    from_ns: int
    to_ns: int
    state: MarketState = MarketState.MAINTENANCE


class Settings(Struct, frozen=True, kw_only=True):
    """The assumptions of one run.

    Attributes:
        deposits: What the account has at the beginning, by asset.
        maker, taker: Fees as fractions of what is traded; a negative maker is a rebate.
        tiers: Fees by the volume of the last 30 days instead, rising.
        fee_asset: QUOTE, or RECEIVED: base for a buy.
        queue: How much of an unexplained shrink of a level was ahead of us; tapes only.
        order_delay, answer_delay: From a wish to the exchange, and from there to the strategy.
        path: In which order a bar's extremes came.
        fills_by_touch: Whether a price that only touches a resting order fills it; bars only.
        at_close: Whether orders meet the close of the bar they follow from instead of the next
            open. A close that has been seen can hardly be traded at: for comparisons.
        half_spread_ticks, slippage, impact: What a taker pays beyond a bar's price: so many
            ticks, a fraction of the price, and a fraction for taking all of a bar's volume.
        volume_share: The fraction of a bar's volume that may be traded; 0 is any amount.
        closures: When the market was not open.
        rejects: The fraction of orders that are refused for no reason.
        seed: What the dice begin with.
        curve_ns: The least time between two points of the curve.
        timers_in_bars: Whether a timer may go off inside of a bar. Who trades then trades on the
            path that is assumed: for tests of the machine, never for a result.
    """

    deposits: dict[str, Decimal]
    maker: Decimal = Decimal("0.001")
    taker: Decimal = Decimal("0.001")
    tiers: tuple[Tier, ...] = ()
    fee_asset: FeeAsset = FeeAsset.QUOTE
    queue: QueueModel = QueueModel.PESSIMISTIC
    order_delay: Delay = Delay()
    answer_delay: Delay = Delay()
    path: BarPath = BarPath.PESSIMISTIC
    fills_by_touch: bool = False
    at_close: bool = False
    half_spread_ticks: int = 0
    slippage: Decimal = Decimal(0)
    impact: Decimal = Decimal(0)
    volume_share: Decimal = Decimal(0)
    closures: tuple[Closure, ...] = ()
    rejects: Decimal = Decimal(0)
    seed: int = 1
    curve_ns: int = 60 * SECOND_NS
    timers_in_bars: bool = False


def check(settings: Settings, instrument: Instrument) -> None:
    """Refuse assumptions that contradict themselves.

    Raises:
        ConfigError: The message names the setting and says what is possible.
    """
    known = (instrument.base, instrument.quote)
    for asset, amount in settings.deposits.items():
        if asset not in known:
            raise ConfigError(
                f"deposits: {asset} is not traded in {instrument.symbol}; deposit "
                f"{instrument.quote} or {instrument.base}"
            )
        if not amount.is_finite() or amount < 0:
            raise ConfigError(f"deposits: {asset} is {amount}; it must be an amount")
    if not any(settings.deposits.values()):
        raise ConfigError(f"deposits: there is no money; deposit {instrument.quote}")
    check_terms(settings)


def check_terms(settings: Settings) -> None:
    """Refuse assumptions that contradict themselves; deposits are not looked at.

    Raises:
        ConfigError: The message names the setting and says what is possible.
    """
    for name in ("maker", "taker", "slippage", "impact", "volume_share", "rejects"):
        _check_share(name, getattr(settings, name), -1 if name == "maker" else 0)
    if len(settings.tiers) > TIERS_MAX:
        raise ConfigError(f"tiers: {len(settings.tiers)} of them; at most {TIERS_MAX}")
    volumes = [tier.volume for tier in settings.tiers]
    if volumes != sorted(set(volumes)) or (volumes and volumes[0] != 0):
        raise ConfigError("tiers: volumes begin with 0 and rise")
    if volumes and not volumes[-1] <= VOLUME_MAX:
        raise ConfigError(f"tiers: a volume is {volumes[-1]}; {VOLUME_MAX} is the most")
    for tier in settings.tiers:
        for name, value in (("maker", tier.maker), ("taker", tier.taker)):
            _check_share(f"tiers: {name}", value, -1 if name == "maker" else 0)
    if settings.half_spread_ticks < 0:
        raise ConfigError("half_spread_ticks must not be negative")
    if settings.half_spread_ticks > LIMIT_MAX:
        raise ConfigError(f"half_spread_ticks is {settings.half_spread_ticks}; 2^53 is the most")
    if not 0 <= settings.seed <= SEED_MAX:
        raise ConfigError(f"seed is {settings.seed}; it is a whole number from 0 to 2^64 - 1")
    if settings.curve_ns < 1:
        raise ConfigError("curve_ns must be above 0")
    for name in ("order_delay", "answer_delay"):
        _check_delay(name, getattr(settings, name))
    ends = [time_ns for closure in settings.closures for time_ns in closure[:2]]
    if ends != sorted(ends):
        raise ConfigError("closures must come in time order, not overlap, and end after they begin")
    if ends and not (ends[0] >= 0 and ends[-1] <= TIME_MAX_NS):
        raise ConfigError("closures must be between the years 1970 and 2200")


def _check_share(name: str, value: Decimal, least: int) -> None:
    if not value.is_finite() or (not least < value <= 1 and value != 0):
        percent = f" ({_percent(value)})" if value.is_finite() else ""
        bounds = "above -100 %" if least else "from 0 %"
        rebate = "" if least else "; only maker may be below zero, which is a rebate"
        raise ConfigError(f"{name} is {value}{percent}; it must be {bounds} to 100 %{rebate}")
    if value * RATE_SCALE % 1:
        raise ConfigError(f"{name} is {in_full(value)}; nothing finer than 0.000001 % is counted")


def _check_delay(name: str, delay: Delay) -> None:
    if delay.kind not in ("constant", "samples", "recorded"):
        raise ConfigError(f"{name}: {delay.kind!r} must be constant, samples or recorded")
    if not 0 < len(delay.rows) <= SAMPLES_MAX:
        raise ConfigError(f"{name}: {len(delay.rows)} delays; give 1 to {SAMPLES_MAX}")
    if min(delay_ns for _, delay_ns in delay.rows) < 0:
        raise ConfigError(f"{name}: a delay is negative; nothing arrives before it leaves")
    if max(delay_ns for _, delay_ns in delay.rows) > DELAY_MAX_NS:
        raise ConfigError(f"{name}: a delay is more than a day")


def steady(settings: Settings) -> Settings:
    """Return the settings without what is drawn by chance: no refusals, and a middling delay."""

    def without(delay: Delay) -> Delay:
        if delay.kind != "samples":
            return delay
        delays = sorted(delay_ns for _, delay_ns in delay.rows)
        return Delay.constant(delays[len(delays) // 2])

    return replace(
        settings,
        rejects=Decimal(0),
        order_delay=without(settings.order_delay),
        answer_delay=without(settings.answer_delay),
    )


def for_machine(settings: Settings, *, is_tape: bool) -> dict[str, Any]:
    """Return the settings as the machine takes them."""
    return {
        "path": int(settings.path),
        "fills_by_touch": settings.fills_by_touch,
        "half_spread_ticks": settings.half_spread_ticks,
        "slippage_e8": rate_e8(settings.slippage),
        "impact_e8": rate_e8(settings.impact),
        "volume_share_e8": rate_e8(settings.volume_share),
        "at_close": settings.at_close,
        "closures": [(one.from_ns, one.to_ns, int(one.state)) for one in settings.closures],
        "order_latency": (settings.order_delay.kind, list(settings.order_delay.rows)),
        "answer_latency": (settings.answer_delay.kind, list(settings.answer_delay.rows)),
        "reject_e8": rate_e8(settings.rejects),
        "seed": settings.seed,
        "fee_asset": int(settings.fee_asset),
        "wants_news": False,
        "mark_ns": settings.curve_ns if is_tape else 0,
    }


def rate_e8(fraction: Decimal) -> int:
    """Return a fraction in parts of 1e8; finer parts are lost towards zero."""
    return int(fraction * RATE_SCALE)


def deposit_atoms(settings: Settings, instrument: Instrument) -> tuple[int, int]:
    """Return what is deposited of quote and of base."""
    found = [
        to_atoms(settings.deposits.get(asset, Decimal(0)))
        for asset in (instrument.quote, instrument.base)
    ]
    return found[0], found[1]


def assumptions(
    settings: Settings, instrument: Instrument, *, is_tape: bool
) -> tuple[Assumption, ...]:
    """Return everything that a run takes for granted, in sentences."""
    lines = [
        Assumption("account", ", ".join(f"{in_full(v)} {k}" for k, v in settings.deposits.items())),
        Assumption("fees", _fees(settings, instrument)),
        Assumption("orders reach the exchange after", settings.order_delay.text),
        Assumption("answers reach the strategy after", settings.answer_delay.text),
    ]
    if is_tape:
        lines.append(Assumption("queue", settings.queue.name.lower()))
        lines.append(
            Assumption(
                "impact", "what an order takes is back with the level's next recorded change"
            )
        )
    else:
        lines += _bar_assumptions(settings)
    if settings.closures:
        lines.append(Assumption("closed", f"{len(settings.closures)} times"))
    if settings.rejects:
        lines.append(Assumption("refused for no reason", _percent(settings.rejects)))
    lines.append(
        Assumption("the market does not react", "nobody else trades because of our orders")
    )
    return tuple(lines)


def _fees(settings: Settings, instrument: Instrument) -> str:
    paid = instrument.quote if settings.fee_asset is FeeAsset.QUOTE else "what is received"
    if settings.tiers:
        tiers = "; ".join(
            f"from {in_full(tier.volume)} on {_percent(tier.maker)} maker, {_percent(tier.taker)} "
            "taker"
            for tier in settings.tiers
        )
        return f"by 30-day volume: {tiers}; paid in {paid}"
    return f"{_percent(settings.maker)} maker, {_percent(settings.taker)} taker, paid in {paid}"


def _bar_assumptions(settings: Settings) -> list[Assumption]:
    paths = {
        BarPath.PESSIMISTIC: "the extreme that is worse for the position came first",
        BarPath.HIGH_FIRST: "the high came before the low",
        BarPath.LOW_FIRST: "the low came before the high",
        BarPath.NEAREST: "the extreme nearer to the open came first",
    }
    when = "the close that they follow from" if settings.at_close else "the next open"
    how = "touches its price" if settings.fills_by_touch else "goes through its price"
    extra = []
    if settings.half_spread_ticks:
        extra.append(f"{settings.half_spread_ticks} ticks")
    if settings.slippage:
        extra.append(f"{_percent(settings.slippage)} of the price")
    if settings.impact:
        extra.append(f"{_percent(settings.impact)} for each whole volume of the bar")
    share = settings.volume_share
    return [
        Assumption("inside a bar", paths[settings.path]),
        Assumption("market orders trade at", when),
        Assumption("a resting order fills when the market", how),
        Assumption("a taker pays beyond the bar's price", " and ".join(extra) or "nothing"),
        Assumption("size", f"up to {_percent(share)} of a bar's volume" if share else "any"),
    ]


def _percent(fraction: Decimal) -> str:
    return f"{in_full((fraction * _PERCENT).normalize())} %"
