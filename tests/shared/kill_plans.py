"""Who carries out a kill's plan on a stand: in virtual time, with trouble on demand."""

from collections.abc import Callable
from random import Random
from typing import Any

from steelyard.domain.commands import UserCommand
from steelyard.domain.errors import Unsupported
from steelyard.domain.messages import Acknowledged, Refused
from steelyard.domain.order import RejectReason
from steelyard.sim.stand import Stand
from steelyard.trading.killing import Ask, Heard, Killing, Pause, WriteDown
from steelyard.wire.dialect import ApiKey
from steelyard.wire.outcome import Answered, Outcome

# What becomes of a message instead: None lets it through.
Fate = Callable[[Any, int], Outcome | None]


def honest(_message: Any, _now_ns: int) -> Outcome | None:
    return None


class Hand:
    """It sends what a plan asks for, and keeps what it was asked."""

    def __init__(self, stand: Stand, key: ApiKey, fate: Fate = honest) -> None:
        self.stand, self.key, self.fate = stand, key, fate
        self.now_ns = stand.now_ns
        self.sent: list[Any] = []
        self.written: list[str] = []
        self.paused_ns = 0

    def plan(self, **options: Any) -> Killing:
        return Killing(self.stand.dialect.client, Random(1), self.now_ns, **options)

    def carry_out(self, steps: Any, *, is_drill: bool = False) -> None:
        heard = None
        while True:
            try:
                act = next(steps) if heard is None else steps.send(heard)
            except StopIteration:
                return
            outcome: Outcome | None = None
            match act:
                case Ask(message, _) if is_drill and isinstance(message, UserCommand):
                    outcome = Answered(Acknowledged())
                case Ask(message, _):
                    outcome = self.fate(message, self.now_ns)
                    if outcome is None:
                        self.sent.append(message)
                        try:
                            outcome = self.stand.send(message, self.key)
                        except Unsupported as error:  # as a Connector has it
                            outcome = Answered(Refused(RejectReason.UNSUPPORTED, str(error)))
                    self.now_ns += 50_000_000
                case Pause(pause_ns):
                    self.now_ns += pause_ns
                    self.paused_ns += pause_ns
                case WriteDown(name):
                    self.written.append(name)
            heard = Heard(outcome, self.now_ns)
