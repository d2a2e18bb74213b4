"""How far the venue's clock is from ours, measured by asking.

Of a few answers the one that came back quickest tells most exactly; half its round trip is how
wrong it can be. Measured at the start, before anything is signed for trading, and again and
again after it. What to do about a bad clock is not decided here.
"""

from steelyard.domain.messages import SECOND_NS, Clock, ClockQuery
from steelyard.trading.actions import Returned
from steelyard.trading.turn import Turn
from steelyard.wire.outcome import Answered

AGAIN_NS = 60 * SECOND_NS
FAILED_AGAIN_NS = SECOND_NS
TRIES = 3


class VenueClock:
    """Keeps `Turn.offset_ns` right."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._next_ns = 0
        self._is_asking = False
        self._tries = 0
        self._best_ns: int | None = None  # the quickest round trip of this measurement
        self.is_known = False

    def work(self) -> None:
        """Measure, when it is time to."""
        if self._is_asking:
            return
        if self._turn.now_ns < self._next_ns:
            self._turn.wake_at(self._next_ns)
            return
        self._is_asking, self._tries, self._best_ns = True, 0, None
        self._turn.ask(ClockQuery(), self._returned)

    def _returned(self, returned: Returned) -> None:
        turn = self._turn
        self._tries += 1
        outcome = returned.outcome
        if isinstance(outcome, Answered) and isinstance(outcome.answer, Clock):
            round_trip_ns = returned.received_ns - returned.sent_ns
            if self._best_ns is None or round_trip_ns < self._best_ns:
                self._best_ns = round_trip_ns
                middle_ns = returned.sent_ns + round_trip_ns // 2
                turn.offset_ns = outcome.answer.time_ns - middle_ns
                turn.offset_error_ns = round_trip_ns // 2
        if self._tries < TRIES:
            turn.ask(ClockQuery(), self._returned)
            return
        self._is_asking = False
        if self._best_ns is None:
            self._next_ns = turn.now_ns + FAILED_AGAIN_NS
            turn.warn("clock.failed", "the venue's clock could not be read")
            return
        self._next_ns = turn.now_ns + AGAIN_NS
        if not self.is_known:
            self.is_known = True
            offset_ms = turn.offset_ns // 10**6
            turn.log("clock", f"the venue's clock is {offset_ms} ms ahead of this machine's")
