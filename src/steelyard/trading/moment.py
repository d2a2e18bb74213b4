"""How a trader was at a moment: what it observed and was kept from, as its journal tells it.

Folding a journal's records up to a moment gives what held then: limits, key, clock, streams,
gate, what was last refused and noted. Orders, fills and position are in `trading/state.py`,
whose records these are too. Bounded: of refusals and notes the newest are kept.
"""

from collections import deque
from typing import Any, NamedTuple

from steelyard.trading.records import (
    ClockMeasured,
    DeadManChanged,
    GateChanged,
    IntentRefused,
    KeyAudited,
    LimitsSet,
    Measured,
    ProtectionSeen,
    RunStarted,
    RunStopped,
    StrategyFailed,
    StrategyNoted,
    StreamChanged,
    TraderRecord,
)

KEPT = 50

_SEEN = frozenset(
    {
        RunStarted,
        RunStopped,
        LimitsSet,
        KeyAudited,
        ClockMeasured,
        Measured,
        DeadManChanged,
        StreamChanged,
        GateChanged,
        ProtectionSeen,
        StrategyFailed,
        IntentRefused,
        StrategyNoted,
    }
)


class Told(NamedTuple):
    """A record that says something, and when."""

    time_ns: int
    message: IntentRefused | StrategyNoted


class Moment:
    """What was so after the last record that was seen."""

    def __init__(self) -> None:
        self.time_ns = 0
        self.bot: dict[str, Any] | None = None  # who it is, as its run began
        self.is_running = False
        self.limits: dict[str, str] = {}
        self.key: KeyAudited | None = None
        self.clock: ClockMeasured | None = None
        self.streams: dict[str, str | None] = {}  # by role: why it is down, None where it is up
        self.gate: GateChanged | None = None
        self.unprotected: str | None = None
        self.failure: str | None = None  # of the strategy
        self.dead_man: DeadManChanged | None = None
        self.measured: tuple[int, dict[str, int]] | None = None  # when, and what of the run
        self.told: deque[Told] = deque(maxlen=KEPT)

    def see(self, message: TraderRecord, time_ns: int) -> None:
        """Take the next record."""
        self.time_ns = time_ns
        if type(message) not in _SEEN:
            return  # most are of orders, and those leave in a hurry
        match message:
            case RunStarted():
                self.is_running = True
                self.bot = {
                    "name": message.bot,
                    "environment": message.environment,
                    "strategy": message.strategy.rpartition(":")[2],
                    "symbol": message.symbol,
                    "params": message.parameters,
                    "started": time_ns // 1_000_000,
                }
                self.streams, self.gate, self.clock = {}, None, None
                self.failure = self.dead_man = self.measured = None
            case RunStopped():
                self.is_running = False
            case LimitsSet():
                self.limits = message.limits
            case KeyAudited():
                self.key = message
            case ClockMeasured():
                self.clock = message
            case Measured(numbers):
                self.measured = (time_ns, numbers) if numbers else None
            case StreamChanged():
                self.streams[message.role] = message.why
            case GateChanged():
                self.gate = message
            case DeadManChanged():
                self.dead_man = message
            case ProtectionSeen():
                self.unprotected = message.text
            case StrategyFailed():
                self.failure = message.traceback
            case IntentRefused() | StrategyNoted():
                self.told.append(Told(time_ns, message))
            case _:
                pass
