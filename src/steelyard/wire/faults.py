"""Trouble on purpose: which request or frame it befalls, and what becomes of that.

A plan is a seed and a list of faults. Each request, and each frame for each who hears it, is shown
to the plan once, in the order in which they come: the same order meets the same trouble. Of several
faults that fit, the first one that strikes is what happens. Nothing here acts: who moves the bytes
asks, and does what it is told, whether they are those of a socket or of a simulation.
"""

from enum import StrEnum
from random import Random

from msgspec import Struct

from steelyard.domain.messages import SECOND_NS

CERTAIN_E6 = 1_000_000  # a chance of one
FAULTS_MAX = 100
DELAY_MAX_NS = 3_600 * SECOND_NS


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
    # Frames of a WebSocket.
    LOST_FRAME = "lost-frame"
    SLOW_FRAME = "slow-frame"  # and all that come behind it
    REPEATED_FRAME = "repeated-frame"
    SWAPPED_FRAME = "swapped-frame"  # with the next one
    RESET_STREAM = "reset-stream"  # the connection is cut
    SILENT_STREAM = "silent-stream"  # it says nothing more, and stays open

    @property
    def is_of_frames(self) -> bool:
        """Whether it befalls frames and not requests."""
        return self in _OF_FRAMES

    @property
    def is_slow(self) -> bool:
        """Whether it takes a time."""
        return self in (Trouble.SLOW_REQUEST, Trouble.SLOW_ANSWER, Trouble.SLOW_FRAME)

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


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of trouble, and whom it befalls; what is empty is anybody or anything.

    Attributes:
        dialect: Whose API.
        where: Of requests a path, or a method and a path as the reference lists them, or
            "websocket" for what a client says on one; of frames what they carry: book, trades,
            touch, ticker, candles, orders, balances ...
        account: By name. A request names it by its key, proven or not.
        chance_e6: How likely it strikes what fits, in millionths.
        after: How many that fit are let go first.
        times: How often it strikes; 0 is for ever.
        delay_min_ns, delay_max_ns: How long a slow one takes: evenly between the two.
        status: What is answered.
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
        self, dialect: str, where: tuple[str, ...], account: str, *, may_answer: bool = True
    ) -> Strike | None:
        """Return what happens to a request, or None; may_answer: it can be given a status."""
        return self._of(dialect, where, account, is_frame=False, may_answer=may_answer)

    def of_frame(self, dialect: str, kind: str, account: str) -> Strike | None:
        """Return what happens to a frame that somebody is to hear, or None."""
        return self._of(dialect, (kind,), account, is_frame=True)

    def _of(
        self,
        dialect: str,
        where: tuple[str, ...],
        account: str,
        *,
        is_frame: bool,
        may_answer: bool = False,
    ) -> Strike | None:
        for one in self.standing:
            fault = one.fault
            if fault.trouble.is_of_frames is not is_frame or one.is_over:
                continue
            if fault.trouble.has_status and not may_answer:
                continue
            if not fault.fits(dialect, where, account):
                continue
            one.met += 1
            if one.met <= fault.after:
                continue
            if fault.chance_e6 < CERTAIN_E6 and self._rng.randrange(CERTAIN_E6) >= fault.chance_e6:
                continue
            one.struck += 1
            delay_ns = 0
            if fault.trouble.is_slow:
                delay_ns = self._rng.randint(fault.delay_min_ns, fault.delay_max_ns)
            status = fault.status if fault.trouble.has_status else 0
            return Strike(one.number, fault.trouble, delay_ns, status)
        return None
