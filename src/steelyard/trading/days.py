"""What a day has earned and lost so far, and how far profit is below its highest.

A day begins at 00:00 UTC, when most venues' own days do, with the profit as the bot first sees it
that day: realized and unrealized, after fees. A bot that is down at midnight therefore counts its
day from its next start. Both the day's beginning and the highest profit are journaled, so that no
restart forgives a loss; the highest is written down in steps of a hundredth of the limit.

Beyond `max_daily_loss` the risk check lets through only what reduces (trading/risk.py). Beyond
`max_drawdown`, and still a second later, the kill switch is pressed: orders are canceled and
nothing is sent until a person lifts the latch; from there the highest profit counts anew.
"""

from collections.abc import Callable
from decimal import Decimal

from steelyard.domain.messages import SECOND_NS
from steelyard.domain.units import from_atoms, in_full, plain, to_atoms
from steelyard.trading.records import DayBegan, PeakSeen
from steelyard.trading.turn import Turn

DAY_NS = 86_400 * SECOND_NS
STEADY_NS = SECOND_NS  # a price that is there for an instant only does not kill
STEP_SHARE = 100  # of max_drawdown: by so much a new peak is higher before it is written down


class Days:
    """The days of one bot, and its highest profit."""

    def __init__(
        self, turn: Turn, max_drawdown: Decimal | None, kill: Callable[[str], None]
    ) -> None:
        self._turn = turn
        self._max_atoms = None if max_drawdown is None else to_atoms(max_drawdown)
        self._kill = kill
        self._below_ns: int | None = None  # since when it is too far below the highest

    def see(self, total_atoms: int) -> None:
        """Take the profit as it is now."""
        turn, state = self._turn, self._turn.state
        self.loss_atoms(total_atoms)
        if self._max_atoms is None or state.killed_why is not None:
            return
        peak = state.peak_atoms
        if peak is None or total_atoms >= peak + max(1, self._max_atoms // STEP_SHARE):
            turn.record(PeakSeen(total_atoms))
            return
        fallen = peak - total_atoms
        if fallen < self._max_atoms:
            self._below_ns = None
        elif self._below_ns is None or turn.now_ns < self._below_ns + STEADY_NS:
            self._below_ns = self._below_ns or turn.now_ns
            turn.wake_at(self._below_ns + STEADY_NS)
        else:
            quote = turn.instrument.quote
            self._kill(
                f"profit has fallen by {in_full(from_atoms(fallen))} {quote} from its highest, "
                f"[risk] max_drawdown is {in_full(plain(from_atoms(self._max_atoms)))}"
            )

    def loss_atoms(self, total_atoms: int) -> int:
        """Return what today has lost so far; negative is a gain."""
        turn, day = self._turn, self._turn.now_ns // DAY_NS
        known = turn.state.day
        if known is None or day > known.day:
            turn.record(DayBegan(day, total_atoms))
            return 0
        return known.total_atoms - total_atoms

    def drawdown_atoms(self, total_atoms: int) -> int:
        """Return how far profit is below its highest."""
        peak = self._turn.state.peak_atoms
        return 0 if peak is None else max(0, peak - total_atoms)
