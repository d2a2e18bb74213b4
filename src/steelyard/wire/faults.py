"""Trouble on purpose: which request or frame it befalls, and what becomes of that.

A plan is a seed and a list of faults. Each request, each frame for each who hears it and each new
order is shown to the plan once, in the order in which they come: the same order meets the same
trouble. Of several faults that fit, the first one that strikes is what happens. A clock that is
wrong is so all the time. Nothing here acts: who moves the bytes asks, and does what it is told,
whether they are those of a socket or of a simulation.
"""

from collections.abc import Callable
from enum import StrEnum
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from steelyard.domain.messages import SECOND_NS, Status

CERTAIN_E6 = 1_000_000  # a chance of one
FAULTS_MAX = 100
DELAY_MAX_NS = 3_600 * SECOND_NS
PARTS_MAX = 100
SKEW_MAX_NS = 24 * 3_600 * SECOND_NS


class Trouble(StrEnum):
    """What may happen to a request, or to a frame on its way to a client."""

    # A request and its answer.
    LOST_REQUEST = "lost-request"  # never taken up, never answered
    LOST_ANSWER = "lost-answer"  # taken up, never answered
    SLOW_REQUEST = "slow-request"  # taken up late
    SLOW_ANSWER = "slow-answer"  # taken up at once, answered late
    REPEATED_REQUEST = "repeated-request"  # taken up twice, answered once
    RESET_REQUEST = "reset-request"  # not taken up; the connection is cut
    RESET_ANSWER = "reset-answer"  # taken up; the connection is cut
    REFUSED = "refused"  # not taken up; answered with a status
    FAILED = "failed"  # taken up; answered with a status
    MAINTENANCE = "maintenance"  # not taken up; answered as in a maintenance
    HALF_OPEN = "half-open"  # nothing more on this connection is taken up, and it stays open
    # Frames of a WebSocket.
    LOST_FRAME = "lost-frame"
    SLOW_FRAME = "slow-frame"  # and all that come behind it
    REPEATED_FRAME = "repeated-frame"
    SWAPPED_FRAME = "swapped-frame"  # with the next one
    RESET_STREAM = "reset-stream"  # the connection is cut
    SILENT_STREAM = "silent-stream"  # it says nothing more, and stays open
    # A new order.
    PARTIAL_FILLS = "partial-fills"  # it fills in parts, at times, by a script
    # A dialect's clock.
    CLOCK_SKEW = "clock-skew"  # it is ahead or behind while the fault is in force

    @property
    def is_of_requests(self) -> bool:
        """Whether it befalls requests and what clients say on a WebSocket."""
        return not self.is_of_frames and self not in (Trouble.PARTIAL_FILLS, Trouble.CLOCK_SKEW)

    @property
    def answers(self) -> bool:
        """Whether the client is given an answer that the exchange did not make."""
        return self.has_status or self is Trouble.MAINTENANCE

    @property
    def is_of_frames(self) -> bool:
        """Whether it befalls frames and not requests."""
        return self in _OF_FRAMES

    @property
    def is_slow(self) -> bool:
        """Whether it takes a time."""
        return self in _SLOW

    @property
    def has_status(self) -> bool:
        """Whether it answers."""
        return self in (Trouble.REFUSED, Trouble.FAILED)


_OF_FRAMES = frozenset(
    {
        Trouble.LOST_FRAME,
        Trouble.SLOW_FRAME,
        Trouble.REPEATED_FRAME,
        Trouble.SWAPPED_FRAME,
        Trouble.RESET_STREAM,
        Trouble.SILENT_STREAM,
    }
)

_SLOW = frozenset(
    {Trouble.SLOW_REQUEST, Trouble.SLOW_ANSWER, Trouble.SLOW_FRAME, Trouble.PARTIAL_FILLS}
)


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of trouble, and whom it befalls; what is empty is anybody or anything.

    Attributes:
        dialect: Whose API.
        where: Of requests a path, or a method and a path as the reference lists them, or
            "websocket" for what a client says on one; of frames what they carry: book, trades,
            touch, ticker, candles, orders, balances ...; of orders a symbol.
        account: By name. A request names it by its key, proven or not.
        chance_e6: How likely it strikes what fits, in millionths.
        after: How many that fit are let go first.
        times: How often it strikes; 0 is for ever.
        delay_min_ns, delay_max_ns: How long a slow one takes, or pass between the parts of an
            order: evenly between the two.
        status: What is answered.
        retry_after_ns: For how long it says to wait.
        parts_e6: Into which an order fills, in millionths of its size; what is left stays open.
        skew_ns: By how much a clock is ahead.
    """

    trouble: Trouble
    dialect: str = ""
    where: str = ""
    account: str = ""
    chance_e6: int = CERTAIN_E6
    after: int = 0
    times: int = 0
    delay_min_ns: int = SECOND_NS
    delay_max_ns: int = SECOND_NS
    status: int = 503
    retry_after_ns: int = SECOND_NS
    parts_e6: tuple[int, ...] = ()
    skew_ns: int = 0

    def fits(self, dialect: str, where: tuple[str, ...], account: str) -> bool:
        """Whether it may befall something; `where` has every name that the thing goes by."""
        return (
            self.dialect in ("", dialect)
            and self.account in ("", account)
            and (not self.where or self.where in where)
        )


class Strike(Struct, frozen=True):
    """A fault that has struck: what happens now."""

    number: int  # the fault's, in its plan
    trouble: Trouble
    delay_ns: int = 0
    status: int = 0
    retry_after_ns: int = 0
    parts: tuple[tuple[int, int], ...] = ()  # (part in millionths, ns since the one before)


class Standing(Struct):
    """A fault of a plan, and how often it was met."""

    number: int
    fault: Fault
    met: int = 0  # how many fitted
    struck: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it has struck as often as it was to."""
        return 0 < self.fault.times <= self.struck


class FaultPlan:
    """Faults in force, in the order in which they are looked at."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.standing: list[Standing] = []
        self._rng = Random(seed)
        self._next = 1

    def add(self, fault: Fault) -> Standing:
        """Put a fault in force, behind the others.

        The caller has checked it, and that there are fewer than `FAULTS_MAX`.
        """
        standing = Standing(self._next, fault)
        self._next += 1
        self.standing.append(standing)
        return standing

    def clear(self, number: int | None = None) -> int:
        """Take one fault out of force, or all; return how many that were."""
        kept = [one for one in self.standing if number not in (None, one.number)]
        cleared = len(self.standing) - len(kept)
        self.standing = kept
        return cleared

    def begin_again(self, seed: int) -> None:
        """Draw from another seed from here on."""
        self.seed = seed
        self._rng = Random(seed)

    def of_request(
        self,
        dialect: str,
        where: tuple[str, ...],
        account: str,
        *,
        may_answer: bool = True,
        is_always_open: bool = False,
    ) -> Strike | None:
        """Return what happens to a request, or None.

        may_answer: it can be given a status; is_always_open: it is answered in a maintenance too.
        """

        def may(trouble: Trouble) -> bool:
            if trouble.answers and not may_answer:
                return False
            is_closed = trouble is Trouble.MAINTENANCE and is_always_open
            return trouble.is_of_requests and not is_closed

        return self._of(dialect, where, account, may)

    def of_frame(self, dialect: str, kind: str, account: str) -> Strike | None:
        """Return what happens to a frame that somebody is to hear, or None."""
        return self._of(dialect, (kind,), account, lambda trouble: trouble.is_of_frames)

    def of_order(self, dialect: str, symbol: str, account: str) -> Strike | None:
        """Return what happens to a new order, or None."""
        return self._of(
            dialect, (symbol,), account, lambda trouble: trouble is Trouble.PARTIAL_FILLS
        )

    def skew_ns(self, dialect: str) -> int:
        """Return by how much a dialect's clock is ahead."""
        return sum(
            one.fault.skew_ns
            for one in self.standing
            if one.fault.trouble is Trouble.CLOCK_SKEW and one.fault.dialect in ("", dialect)
        )

    def told(self, status: Status, dialect: str) -> Status:
        """Return what a dialect's routes tell of the exchange: a maintenance of everybody, too.

        One of a part only (an account, a route, some requests by chance) is none of the venue's.
        """
        waits_ns = [
            one.fault.retry_after_ns
            for one in self.standing
            if one.fault.trouble is Trouble.MAINTENANCE
            and one.fault.fits(dialect, (), "")
            and one.fault.chance_e6 == CERTAIN_E6
            and one.fault.after <= one.met
            and not one.is_over
        ]
        if not waits_ns or status.maintenance:
            return status
        return replace(status, trading=False, maintenance=True, retry_after_ns=max(waits_ns))

    def _of(
        self,
        dialect: str,
        where: tuple[str, ...],
        account: str,
        may: Callable[[Trouble], bool],
    ) -> Strike | None:
        for one in self.standing:
            fault = one.fault
            if one.is_over or not may(fault.trouble):
                continue
            if not fault.fits(dialect, where, account):
                continue
            one.met += 1
            if one.met <= fault.after:
                continue
            if fault.chance_e6 < CERTAIN_E6 and self._rng.randrange(CERTAIN_E6) >= fault.chance_e6:
                continue
            one.struck += 1
            return self._strike(one)
        return None

    def _strike(self, one: Standing) -> Strike:
        fault, trouble = one.fault, one.fault.trouble

        def delay_ns() -> int:
            return self._rng.randint(fault.delay_min_ns, fault.delay_max_ns)

        if trouble is Trouble.PARTIAL_FILLS:
            parts = tuple((part, delay_ns()) for part in fault.parts_e6)
            return Strike(one.number, trouble, parts=parts)
        return Strike(
            one.number,
            trouble,
            delay_ns() if trouble.is_slow else 0,
            fault.status if trouble.has_status else 0,
            fault.retry_after_ns if trouble.answers else 0,
        )
