"""How far the venue's clock is from ours, and how surely that is known, measured by asking.

Of a few answers the one that came back quickest tells most exactly; half its round trip is how
wrong it can be. How much the answers differ beyond that is the jitter. Measured at the start,
before anything is signed for trading, again and again after it, and at once when the venue does
not accept a time. Times are signed by the venue's clock, so that a wrong clock of ours costs no
request; one that is far off is told all the same, and at the start refused (`skew`).
"""

from collections import deque

from steelyard.domain.messages import SECOND_NS, Clock, ClockQuery
from steelyard.trading.actions import Returned
from steelyard.trading.turn import Turn
from steelyard.wire.outcome import Answered

AGAIN_NS = 60 * SECOND_NS
FAILED_AGAIN_NS = SECOND_NS
BLAMED_AGAIN_NS = SECOND_NS  # an answer that blames the clock is looked into at most so often
TRIES = 3
SAMPLES = 5 * TRIES  # of which the jitter is taken
LEAP_NS = SECOND_NS // 2  # an offset that changes by more is told: a clock was set
WINDOW_SHARE = 2  # how wrong the offset may be, as a part of how old a request may be
MS_NS = 10**6


class VenueClock:
    """Keeps `Turn.offset_ns` right."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._next_ns = 0
        self._is_asking = False
        self._is_blamed = False
        self._blamed_ns: int | None = None  # when it was last looked into
        self._tries = 0
        self._best_ns: int | None = None  # the quickest round trip of this measurement
        self._before_ns = 0  # the offset before this measurement
        self._samples: deque[int] = deque(maxlen=SAMPLES)
        self.is_known = False
        self.measured_ns: int | None = None  # when it last was
        turn.clock_blamed = self.blame

    @property
    def jitter_ns(self) -> int:
        """How much the last offsets that were measured differ."""
        return max(self._samples) - min(self._samples) if self._samples else 0

    def blame(self) -> None:
        """The venue did not accept a time: measure at once."""
        turn = self._turn
        if self._blamed_ns is not None and turn.now_ns < self._blamed_ns + BLAMED_AGAIN_NS:
            return
        self._blamed_ns = turn.now_ns
        turn.warn("clock.blamed", "the venue did not accept a request's time; its clock is asked")
        if self._is_asking:
            self._is_blamed = True  # what is under way may have begun before
        else:
            self._next_ns = 0

    def skew(self, most_ns: int) -> str | None:
        """Return why this host's clock is too far off to begin with, or None."""
        turn = self._turn
        offset_ns, error_ns = turn.offset_ns, turn.offset_error_ns
        if abs(offset_ns) - error_ns > most_ns:
            behind = "behind" if offset_ns > 0 else "ahead of"
            return (
                f"this machine's clock is {_shown(abs(offset_ns))} {behind} the venue's, and a bot "
                f"does not start with more than {_shown(most_ns)}: set it (timedatectl set-ntp "
                "true, or chronyc makestep; the log says at clock.host what keeps it). If the "
                "venue's is the one that is wrong, as of a sandbox with --skew, allow it: "
                'skew_max in [venue.main], such as "3h"'
            )
        expiry_ns = turn.rules.expiry_ns(ClockQuery())
        if expiry_ns is not None and error_ns * WINDOW_SHARE > expiry_ns:
            return (
                f"the venue's clock is known to {_shown(error_ns)} only, because its answers take "
                f"so long, and it takes requests for {_shown(expiry_ns)}: mend the connection"
            )
        return None

    def work(self) -> None:
        """Measure, when it is time to."""
        if self._is_asking:
            return
        if self._turn.now_ns < self._next_ns:
            self._turn.wake_at(self._next_ns)
            return
        self._is_asking, self._tries, self._best_ns = True, 0, None
        self._is_blamed, self._before_ns = False, self._turn.offset_ns
        self._turn.ask(ClockQuery(), self._returned)

    def _returned(self, returned: Returned) -> None:
        turn = self._turn
        self._tries += 1
        outcome = returned.outcome
        if isinstance(outcome, Answered) and isinstance(outcome.answer, Clock):
            round_trip_ns = returned.received_ns - returned.sent_ns
            offset_ns = outcome.answer.time_ns - (returned.sent_ns + round_trip_ns // 2)
            self._note(offset_ns)
            if self._best_ns is None or round_trip_ns < self._best_ns:
                self._best_ns = round_trip_ns
                turn.offset_ns, turn.offset_error_ns = offset_ns, round_trip_ns // 2
        if self._tries < TRIES:
            turn.ask(ClockQuery(), self._returned)
            return
        self._is_asking = False
        if self._best_ns is None:
            self._next_ns = turn.now_ns + FAILED_AGAIN_NS
            turn.warn("clock.failed", "the venue's clock could not be read")
            return
        self._next_ns = 0 if self._is_blamed else turn.now_ns + AGAIN_NS
        self.measured_ns = turn.now_ns
        offset_ms = turn.offset_ns // MS_NS
        if not self.is_known:
            self.is_known = True
            turn.log("clock", f"the venue's clock is {offset_ms} ms ahead of this machine's")
        elif abs(turn.offset_ns - self._before_ns) > LEAP_NS:
            turn.warn(
                "clock.leapt",
                f"the venue's clock is {offset_ms} ms ahead of this machine's now, and was "
                f"{self._before_ns // MS_NS} ms: one of the two was set",
            )

    def _note(self, offset_ns: int) -> None:
        """Keep an offset; those from before a clock was set are none any more."""
        if self._samples and abs(offset_ns - self._samples[-1]) > LEAP_NS:
            self._samples.clear()
        self._samples.append(offset_ns)


def _shown(time_ns: int) -> str:
    """Return a time as people say it: to the millisecond below ten seconds."""
    if time_ns < 10 * SECOND_NS:
        return f"{time_ns // MS_NS} ms"
    return f"{(time_ns + SECOND_NS // 2) // SECOND_NS} s"
