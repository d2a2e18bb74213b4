"""The venue's dead man's switch: it cancels everything of the account when the bot is not heard of.

Some venues have one. The bot arms it, and again and again while it is healthy: the start is done,
nothing gates it, its book is right. A bot that hangs, is gated, killed or gone arms nothing, and
after the time the venue cancels. The invariant: it is armed only while no protective order rests,
because it would be canceled too and the position be bare; when one is about to rest it is disarmed,
and the watchdog guards alone.

It is one per account, and cancels for everybody there: who sees to it that only one bot arms it is
the shell. Arming again is harmless, so an answer that is lost is not looked for.
"""

from steelyard.domain.dead_man import ArmDeadMan, DeadMan
from steelyard.domain.messages import SECOND_NS, Refused
from steelyard.trading.actions import Returned
from steelyard.trading.orderwork import OWN_ACCOUNT
from steelyard.trading.records import DeadManChanged
from steelyard.trading.turn import Turn
from steelyard.wire.outcome import Answered, NotSent

PARTS = 3  # it is armed anew after this part of its time
AGAIN_NS = SECOND_NS


class DeadManTimer:
    """One bot's switch; after_ns is None where none is wanted."""

    def __init__(self, turn: Turn, after_ns: int | None) -> None:
        self._turn = turn
        self._after_ns = after_ns
        self._next_ns = 0  # when to arm it anew
        self._again_ns = 0  # after a failure
        self._is_asking = False
        self._is_armed = False  # as far as is known, until `_due_ns`
        self._due_ns = 0
        self._told: str | None = None  # what was journaled last

    @property
    def due_ns(self) -> int | None:
        """When the venue will cancel everything, on our clock; None: nothing is armed."""
        return self._due_ns if self._is_armed and self._turn.now_ns < self._due_ns else None

    def work(self, *, is_healthy: bool) -> None:
        """Arm it anew if it is time, disarm it before a stop rests, and else let it run out."""
        after_ns, turn = self._after_ns, self._turn
        if after_ns is None:
            return
        protects = any(order.protects for order in turn.state.orders.open)
        if protects:
            if self.due_ns is not None or self._is_asking:
                self._ask(0, "a protective order rests, which it would cancel")
            else:
                self._tell("disarmed", "a protective order rests, which it would cancel")
        elif is_healthy:
            self._ask(after_ns, f"everything is canceled {after_ns // SECOND_NS} s after the last")
        elif self.due_ns is not None:
            self._tell("runs out", "the bot is not healthy: the venue will cancel everything")
            turn.wake_at(self._due_ns)
        elif self._is_armed:
            self._is_armed = False
            self._tell("ran out", "the venue was to cancel everything of the account")

    def _ask(self, after_ns: int, why: str) -> None:
        turn = self._turn
        if self._is_asking:
            return
        is_as_wanted = bool(after_ns) == self._is_armed
        due_ns = self._next_ns if is_as_wanted else self._again_ns
        if turn.now_ns < due_ns:
            turn.wake_at(due_ns)
            return
        self._is_asking = True
        asked_ns = turn.now_ns

        def returned(what: Returned) -> None:
            self._is_asking = False
            self._again_ns = self._next_ns = turn.now_ns + AGAIN_NS
            match what.outcome:
                case Answered(DeadMan()):
                    self._is_armed = bool(after_ns)
                    self._due_ns = asked_ns + after_ns
                    self._again_ns, self._next_ns = 0, asked_ns + after_ns // PARTS
                    self._tell("armed" if after_ns else "disarmed", why)
                case Answered(Refused() as refused):
                    self._tell("refused", refused.message)
                case NotSent() as not_sent:
                    self._again_ns += not_sent.retry_after_ns
                    self._next_ns = self._again_ns
                case _:
                    # It may have been set: that counts as the later of the two.
                    self._due_ns = max(self._due_ns, turn.now_ns + after_ns)
            turn.wake_at(self._next_ns)

        turn.ask(ArmDeadMan(OWN_ACCOUNT, after_ns), returned)

    def _tell(self, state: str, why: str) -> None:
        if state == self._told:
            return
        self._told = state
        self._turn.record(DeadManChanged(state, why))
        self._turn.log("deadman", f"{state}: {why}")
