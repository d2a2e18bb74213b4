"""Dead man's switches: which accounts' orders are to be canceled when, unless told otherwise.

The invariant: what is armed is in the journal and in snapshots, so that a restart does not disarm
it. Times are the sandbox's; what fell due while nobody was here falls due when somebody is.
"""

from collections.abc import Mapping

from steelyard.domain.dead_man import ArmDeadMan, DeadMan
from steelyard.exchange.records import DeadManSet


class DeadMen:
    """The switches of all accounts."""

    def __init__(self) -> None:
        self._armed: dict[int, tuple[int, int]] = {}  # when, and after how long; by account

    def wish(self, message: ArmDeadMan, now_ns: int) -> DeadManSet:
        """Return what to record of a message."""
        due_ns = now_ns + message.after_ns if message.after_ns else 0
        return DeadManSet(message.account_id, due_ns, message.after_ns)

    def set(self, account_id: int, due_ns: int, after_ns: int = 0) -> None:
        """Arm an account's switch, or with 0 disarm it."""
        if due_ns:
            self._armed[account_id] = (due_ns, after_ns)
        else:
            self._armed.pop(account_id, None)

    def told(self, account_id: int, now_ns: int) -> DeadMan:
        """Return how an account's switch stands."""
        due_ns, after_ns = self._armed.get(account_id, (None, 0))
        return DeadMan(now_ns, due_ns, after_ns)

    def due(self, now_ns: int) -> list[int]:
        """Return the accounts whose time has come, by their numbers."""
        return sorted(account for account, (due_ns, _) in self._armed.items() if due_ns <= now_ns)

    def snapshot(self) -> dict[int, tuple[int, int] | int]:
        """Return everything that is armed."""
        return dict(self._armed)

    def restore(self, armed: Mapping[int, tuple[int, int] | int]) -> None:
        """Replace what is armed; snapshots of before tell only when."""
        self._armed = {
            account: (told, 0) if isinstance(told, int) else told for account, told in armed.items()
        }
