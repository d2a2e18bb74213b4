"""What an exchange has done since its process began, for metrics.

Not part of the state: replay and snapshots do not carry it, and nothing in it is decided by it
(a gate gives back what orders that traded have used of its limits). The keys are types of
messages, members of RejectReason and accounts, so there are few of them.
"""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """Counters that only grow."""

    orders: int = 0  # of users, accepted
    fills: int = 0  # of users
    trades: int = 0  # public ones, the house's among them
    rejects: Counter[str] = field(default_factory=Counter)  # by the engine, by reason
    first_fills: Counter[int] = field(default_factory=Counter)  # orders that traded, by account
    records: Counter[str] = field(default_factory=Counter)  # what goes to the journal, by type
