"""What a trader observes of itself, written into its journal when it changes, and not too often.

Whether new orders may leave is looked at after every turn; it is written at most once in
`GATE_NS`, and then with how many changes came and went between. A reason whose numbers alone
have changed is the same reason. The clock is written when it has moved by more than `CLOCK_NS`,
or is measured worse by as much.
"""

from steelyard.domain.messages import SECOND_NS
from steelyard.trading.records import ClockMeasured, GateChanged, StreamChanged
from steelyard.trading.turn import Turn

GATE_NS = SECOND_NS
CLOCK_NS = 5_000_000
CLOCK_AGAIN_NS = 60 * SECOND_NS

_WITHOUT_NUMBERS = str.maketrans("", "", "0123456789.")


class Watch:
    """What one trader has written about itself."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._status: tuple[str, str] | None = None  # as it was last looked at
        self._written: tuple[str, str] | None = None
        self._changes = 0  # since it was written
        self._gate_ns = -GATE_NS
        self._clock_ns = -CLOCK_AGAIN_NS

    def stream(self, role: str, why: str | None) -> None:
        """A stream is up (None) or down."""
        known = self._turn.state.moment.streams
        if role not in known or (known[role] is None) is not (why is None):
            self._turn.record(StreamChanged(role, why))

    def status(self, word: str, reason: str | None) -> None:
        """Take how the bot is after a turn."""
        turn = self._turn
        now = word, (reason or "").translate(_WITHOUT_NUMBERS)
        if now != self._status:
            self._changes += 1
            self._status = now
        if now == self._written:
            return
        due_ns = self._gate_ns + GATE_NS
        if turn.now_ns < due_ns:
            turn.wake_at(due_ns)
            return
        turn.record(GateChanged(word, reason, self._changes - 1))
        self._written, self._changes, self._gate_ns = now, 0, turn.now_ns

    def clock(self) -> None:
        """Take how far the venue's clock is from ours, if it has been measured."""
        turn, known = self._turn, self._turn.state.moment.clock
        if known is not None:
            moved_ns = abs(turn.offset_ns - known.offset_ns)
            worse_ns = turn.offset_error_ns - known.error_ns
            if max(moved_ns, worse_ns) <= CLOCK_NS or turn.now_ns < self._clock_ns:
                return
        self._clock_ns = turn.now_ns + CLOCK_AGAIN_NS
        turn.record(ClockMeasured(turn.offset_ns, turn.offset_error_ns))
