"""Breakers: what each of them watches for, by which rule it trips, and by which it resumes.

A breaker that has tripped holds every order that adds risk; what reduces the position passes, and
cancels always do. Each has a threshold, a window and a resume rule: after a time, when the
condition has ended, or by a person only. This module has the rules and the memories that they
look at, all bounded; `tripping` puts them to work for one bot. Nothing here reads a clock.
"""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.units import EXACT, in_full, plain
from steelyard.trading.duration import Duration

COUNT_MAX = 10_000  # that a threshold may be
WINDOW_MAX_NS = 86_400 * SECOND_NS
FILLS_MAX = 1_000  # of which slippage is reckoned: the newest
SPANS_MAX = 1_000  # times without a book that are remembered
SHARE_DIGITS = 12  # to which shares are reckoned
BUCKETS = 60  # into which volatility's window is parted
OFF = "off"


class Breaker(StrEnum):
    """Each of them, by its name in the configuration."""

    SLIPPAGE = "slippage"
    REJECTS = "rejects"
    HEARTBEATS = "heartbeats"
    STALENESS = "staleness"
    VOLATILITY = "volatility"
    VENUE = "venue"
    ORDER_RATE = "order_rate"


class Unit(StrEnum):
    """What a threshold is."""

    SHARE = "a percentage"
    COUNT = "a whole number"
    TIME = "a duration"


class Kind(NamedTuple):
    """What one breaker is: its threshold's unit, how it comes, and the sentence that explains it.

    {threshold} and {window} are put into the sentence.
    """

    unit: Unit
    threshold: str
    window: str
    resume: str
    text: str


ENDED, PERSON = "ended", "person"

KINDS: Mapping[Breaker, Kind] = {
    Breaker.SLIPPAGE: Kind(
        Unit.SHARE,
        "1%",
        "5m",
        "15m",
        "what was filled within {window} cost on the whole more than {threshold} against the "
        "middle of the book on which it was decided",
    ),
    Breaker.REJECTS: Kind(
        Unit.COUNT,
        "10",
        "1m",
        "5m",
        "the venue refused {threshold} orders within {window}",
    ),
    Breaker.HEARTBEATS: Kind(
        Unit.COUNT,
        "5",
        "1m",
        ENDED,
        "{threshold} signs of life were missed within {window}: a stream broke or fell silent, or "
        "a question to the venue had no answer",
    ),
    Breaker.STALENESS: Kind(
        Unit.TIME,
        "30s",
        "5m",
        ENDED,
        "for more than {threshold} of the last {window} the book, the trades or the account were "
        "not known to be right",
    ),
    Breaker.VOLATILITY: Kind(
        Unit.SHARE,
        "5%",
        "1m",
        "5m",
        "the middle of the book moved by more than {threshold} within {window}",
    ),
    Breaker.VENUE: Kind(
        Unit.COUNT,
        "1",
        "10s",
        ENDED,
        "the venue said {threshold} times within {window} that it is closed: maintenance, a market "
        "that is halted or takes cancels only, or a ban of this machine",
    ),
    Breaker.ORDER_RATE: Kind(
        Unit.COUNT,
        "600",
        "1m",
        PERSON,
        "the bot sent {threshold} orders, changes and cancels within {window}, as a loop gone "
        "wrong would",
    ),
}


class Rule(NamedTuple):
    """One breaker as it is configured; resume_ns is None for `ended` and `person`."""

    breaker: Breaker
    threshold: Decimal  # a share, a count, or nanoseconds
    window_ns: int
    resume: str
    resume_ns: int | None
    shown: str  # the threshold, as it is written
    window: str

    @property
    def text(self) -> str:
        """The sentence that explains it."""
        return KINDS[self.breaker].text.format(threshold=self.shown, window=self.window)

    @property
    def how_resumed(self) -> str:
        """When it holds nothing any more, in words."""
        if self.resume == ENDED:
            return "it resumes when that has ended"
        if self.resume == PERSON:
            return "it resumes by a person only"
        return f"it resumes after {self.resume}"

    @property
    def words(self) -> str:
        """The rule in a few words, for the journal."""
        return f"{self.shown} in {self.window}, resume {self.resume}"


class OpenOrders(StrEnum):
    """What happens to open orders when a breaker trips; stops behind the position stay."""

    KEEP = "keep"
    CANCEL = "cancel"


class BreakerTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One breaker's table; what is left out is as it comes."""

    threshold: Any = None
    window: Any = None
    resume: Any = None


class BreakersTable(Struct, frozen=True, kw_only=True):
    """The table [breakers]: each a table of its own, or `off`."""

    open_orders: OpenOrders = OpenOrders.KEEP
    slippage: Any = {}
    rejects: Any = {}
    heartbeats: Any = {}
    staleness: Any = {}
    volatility: Any = {}
    venue: Any = {}
    order_rate: Any = {}

    @property
    def rules(self) -> dict[Breaker, Rule]:
        """The rules of those that are not off.

        Raises:
            ConfigError: One is none; the message names its key.
        """
        told = ((breaker, getattr(self, breaker.value)) for breaker in Breaker)
        return {breaker: rule_of(breaker, table) for breaker, table in told if table != OFF}


def rule_of(breaker: Breaker, table: Any) -> Rule:
    """Return a breaker's rule from its table.

    Raises:
        ConfigError: It is none; the message names the key and says what to write.
    """
    where, kind = f"[breakers] {breaker}", KINDS[breaker]
    if not isinstance(table, dict):
        raise ConfigError(
            f'{where} is {table!r}; write a table such as {{ threshold = "{kind.threshold}", '
            f'window = "{kind.window}", resume = "{kind.resume}" }}, or "{OFF}"'
        )
    keys = BreakerTable.__struct_encode_fields__
    if unknown := [key for key in table if key not in keys]:
        raise ConfigError(f"{where} has {unknown[0]!r}; its keys are {', '.join(keys)}")
    shown = str(table.get("threshold", kind.threshold))
    window = _duration(str(table.get("window", kind.window)), f"{where} window")
    if not 0 < window.ns <= WINDOW_MAX_NS:
        raise ConfigError(f"{where} window is {window}; it may be up to 24h")
    threshold = _threshold(kind, shown, f"{where} threshold")
    if kind.unit is Unit.TIME and threshold >= window.ns:
        raise ConfigError(f"{where} threshold is {shown}; it must be shorter than its window")
    resume = str(table.get("resume", kind.resume))
    resume_ns = None
    if resume not in (ENDED, PERSON):
        resume_ns = _duration(resume, f'{where} resume, else "{ENDED}" or "{PERSON}"').ns
    return Rule(breaker, threshold, window.ns, resume, resume_ns, shown, str(window))


def _threshold(kind: Kind, text: str, where: str) -> Decimal:
    match kind.unit:
        case Unit.TIME:
            return Decimal(_duration(text, where).ns)
        case Unit.COUNT:
            if not (text.isascii() and text.isdecimal() and 0 < int(text) <= COUNT_MAX):
                raise ConfigError(f"{where} is {text!r}; write a whole number up to {COUNT_MAX}")
            return Decimal(text)
        case Unit.SHARE:
            return parse_share(text, where)


def _duration(text: str, where: str) -> Duration:
    try:
        return Duration(text)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def parse_share(text: str, where: str) -> Decimal:
    """Return a percentage up to 100 as a fraction.

    Raises:
        ConfigError: It is none.
    """
    digits = text.removesuffix("%").strip()
    is_number = text.endswith("%") and digits.replace(".", "", 1).isdecimal() and digits.isascii()
    share = Decimal(digits).scaleb(-2) if is_number else Decimal(0)
    if not 0 < share <= 1:
        raise ConfigError(f'{where} is {text!r}; write a percentage up to 100%, such as "2%"')
    return share


# -- memories -------------------------------------------------------------------------------------


class Memory(Protocol):
    """What a rule looks at."""

    def exceeds(self, now_ns: int) -> str | None:
        """Return by how much the threshold is exceeded now, in words; None: it is not."""
        ...

    def forget(self) -> None:
        """Begin anew: what was is dealt with."""
        ...


class Counted:
    """How often something happened within a window; it trips at the threshold."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._times_ns: deque[int] = deque(maxlen=int(rule.threshold))
        self._last = ""

    def add(self, now_ns: int, what: str) -> None:
        """It happened again."""
        self._times_ns.append(now_ns)
        self._last = what

    def hits(self, now_ns: int) -> bool:
        """Add one about which there is nothing to say; return whether it `exceeds` now."""
        times = self._times_ns
        times.append(now_ns)
        self._last = ""
        return len(times) == times.maxlen and times[0] > now_ns - self._rule.window_ns

    def count(self, now_ns: int) -> int:
        """Return how often within the window, up to the threshold."""
        return sum(time_ns > now_ns - self._rule.window_ns for time_ns in self._times_ns)

    def exceeds(self, now_ns: int) -> str | None:
        """Return what happened last, if it was too often."""
        times = self._times_ns
        is_full = len(times) == times.maxlen
        if not is_full or times[0] <= now_ns - self._rule.window_ns:
            return None
        return f"the last was {self._last}" if self._last else "the last was just now"

    def forget(self) -> None:
        """Begin anew."""
        self._times_ns.clear()


class Slipped:
    """What fills within a window cost against the middle, as a share of what they were worth."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self.fills: deque[tuple[int, int, int]] = deque(maxlen=FILLS_MAX)

    def add(self, now_ns: int, cost: int, worth: int) -> None:
        """A fill has cost so much more than the middle, in any unit, and would be worth so much."""
        self.fills.append((now_ns, cost, worth))

    @property
    def is_known(self) -> bool:
        """Whether there are fills to reckon with."""
        return bool(self.fills)

    def share(self, now_ns: int) -> Decimal:
        """Return the cost of the window as a share; negative is a gain."""
        fills = self.fills
        while fills and fills[0][0] <= now_ns - self._rule.window_ns:
            fills.popleft()
        worth = sum(fill[2] for fill in fills)
        return share_of(sum(fill[1] for fill in fills), worth)

    def exceeds(self, now_ns: int) -> str | None:
        """Return the cost, if it is too much."""
        share = self.share(now_ns)
        return f"it was {in_percent(share)}" if share > self._rule.threshold else None

    def forget(self) -> None:
        """Begin anew."""
        self.fills.clear()


class Stale:
    """For how much of a window something was not to be relied on."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._spans: deque[tuple[int, int]] = deque(maxlen=SPANS_MAX)
        self._since_ns: int | None = None
        self._why = ""

    def see(self, now_ns: int, why: str | None) -> None:
        """It is not to be relied on (why), or it is (None)."""
        if why is not None:
            self._why = why
            if self._since_ns is None:
                self._since_ns = now_ns
        elif self._since_ns is not None:
            self._spans.append((self._since_ns, now_ns))
            self._since_ns = None

    def stale_ns(self, now_ns: int) -> int:
        """Return for how much of the window it was not."""
        spans, begin_ns = self._spans, now_ns - self._rule.window_ns
        while spans and spans[0][1] <= begin_ns:
            spans.popleft()
        open_ns = 0 if self._since_ns is None else now_ns - max(begin_ns, self._since_ns)
        return open_ns + sum(end_ns - max(begin_ns, since_ns) for since_ns, end_ns in spans)

    @property
    def is_now(self) -> bool:
        """Whether it is not to be relied on now."""
        return self._since_ns is not None

    def exceeds(self, now_ns: int) -> str | None:
        """Return why it last was not, if that was for too long; while it lasts it has not ended."""
        is_over = self.stale_ns(now_ns) > self._rule.threshold
        return f"the last was: {self._why}" if is_over else None

    def forget(self) -> None:
        """Begin anew; what lasts begins now."""
        self._spans.clear()
        self._since_ns = None


class Ranged:
    """Between which prices something was within a window, to a sixtieth of it."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._step_ns = max(1, rule.window_ns // BUCKETS)
        self._buckets: deque[list[int]] = deque()  # number, lowest, highest
        self._lowest = self._highest = 0  # of all buckets
        self._newest = 0, 0, -1  # when the newest bucket ends, its lowest and highest

    def add(self, now_ns: int, price: int) -> bool:
        """It is at a price now; return whether the range may have become wider."""
        end_ns, lowest, highest = self._newest
        if now_ns < end_ns and lowest <= price <= highest:  # nearly always
            return False
        number = now_ns // self._step_ns
        buckets, is_first = self._buckets, False
        if buckets and number <= buckets[-1][0]:
            last = buckets[-1]
            last[1], last[2] = min(last[1], price), max(last[2], price)
        else:
            self._drop(number - BUCKETS)
            is_first = not buckets
            if is_first:
                self._lowest = self._highest = price
            last = [number, price, price]
            buckets.append(last)
        self._newest = (last[0] + 1) * self._step_ns, last[1], last[2]
        if is_first:
            return True
        if self._lowest <= price <= self._highest:
            return False
        self._lowest, self._highest = min(self._lowest, price), max(self._highest, price)
        return True

    def _drop(self, oldest: int) -> None:
        """Forget buckets of before a number."""
        buckets, has_narrowed = self._buckets, False
        while buckets and buckets[0][0] < oldest:
            _, lowest, highest = buckets.popleft()
            has_narrowed |= lowest == self._lowest or highest == self._highest
        if has_narrowed and buckets:
            self._lowest = min(bucket[1] for bucket in buckets)
            self._highest = max(bucket[2] for bucket in buckets)

    def share(self, now_ns: int) -> Decimal:
        """Return the width of the window's range as a share of its lowest price."""
        oldest = (now_ns - self._rule.window_ns) // self._step_ns
        found = [bucket for bucket in self._buckets if bucket[0] >= oldest]
        if not found:
            return Decimal(0)
        lowest = min(bucket[1] for bucket in found)
        return share_of(max(bucket[2] for bucket in found) - lowest, lowest)

    def exceeds(self, now_ns: int) -> str | None:
        """Return by how much it moved, if that is too much."""
        share = self.share(now_ns)
        return f"it moved by {in_percent(share)}" if share > self._rule.threshold else None

    def forget(self) -> None:
        """Begin anew."""
        self._buckets.clear()


def share_of(part: int, whole: int) -> Decimal:
    """Return a part as a share of a whole, rounded down to 1e-12; of nothing it is none."""
    return Decimal(part * 10**SHARE_DIGITS // whole if whole else 0).scaleb(-SHARE_DIGITS)


def in_percent(share: Decimal) -> str:
    """Return a share in percent, to a hundredth of one."""
    percent = EXACT.multiply(share.quantize(Decimal("0.0001")), Decimal(100))
    return f"{in_full(plain(percent))}%"
