"""What an exchange has done since its process began, for metrics.

Not part of the state: replay and snapshots do not carry it, and nothing is decided by it. The keys
are types of messages and members of RejectReason, so there are few of them.
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
    records: Counter[str] = field(default_factory=Counter)  # what goes to the journal, by type
