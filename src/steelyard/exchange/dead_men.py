"""Dead man's switches: which accounts' orders are to be canceled when, unless told otherwise.

The invariant: what is armed is in the journal and in snapshots, so that a restart does not disarm
it. Times are the sandbox's; what fell due while nobody was here falls due when somebody is.
"""

from collections.abc import Mapping


class DeadMen:
    """The switches of all accounts."""

    def __init__(self) -> None:
        self._due_ns: dict[int, int] = {}  # by account

    def set(self, account_id: int, due_ns: int) -> None:
        """Arm an account's switch, or with 0 disarm it."""
        if due_ns:
            self._due_ns[account_id] = due_ns
        else:
            self._due_ns.pop(account_id, None)

    def due(self, now_ns: int) -> list[int]:
        """Return the accounts whose time has come, by their numbers."""
        return sorted(account for account, due_ns in self._due_ns.items() if due_ns <= now_ns)

    def snapshot(self) -> dict[int, int]:
        """Return everything that is armed."""
        return dict(self._due_ns)

    def restore(self, armed: Mapping[int, int]) -> None:
        """Replace what is armed."""
        self._due_ns = dict(armed)
