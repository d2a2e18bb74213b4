"""Rate limits as data and as counters: what a venue publishes, enforces and reports.

A limit is a number of units in a window that is aligned to the clock, as Binance counts, or
slides (a token bucket, as Coinbase counts). Counters are pure: `now_ns` is an argument.
"""

from enum import StrEnum
from typing import NamedTuple

from steelyard.domain.messages import SECOND_NS


class Per(StrEnum):
    """Whose requests are counted together."""

    IP = "ip"
    KEY = "key"
    ACCOUNT = "account"


class Counts(StrEnum):
    """What is counted."""

    WEIGHT = "weight"  # an endpoint's weight
    REQUESTS = "requests"
    ORDERS = "orders"  # requests that place orders


class Limit(NamedTuple):
    """At most `limit` units per window of `window_ns`, aligned to the clock."""

    name: str
    per: Per
    counts: Counts
    limit: int
    window_ns: int


class LimitProfile(NamedTuple):
    """A venue's limits. An empty tuple is no limit at all."""

    limits: tuple[Limit, ...]
    ban_after: int = 0  # refusals within a window after which an IP is banned; 0: never
    ban_ns: int = 120 * SECOND_NS


class Used(NamedTuple):
    """How much of a limit is used in the current window."""

    limit: Limit
    used: int
    reset_ns: int  # when the window ends
    wait_ns: int = 0  # until then


Usage = tuple[Used, ...]

UNLIMITED = LimitProfile(())


class WindowCounter:
    """Units used in the clock-aligned window that now lies in."""

    __slots__ = ("used", "window")

    def __init__(self) -> None:
        self.window = -1
        self.used = 0

    def add(self, limit: Limit, units: int, now_ns: int) -> Used:
        """Count units and return the usage; it is over the limit if used > limit.limit."""
        window = now_ns // limit.window_ns
        if window != self.window:
            self.window, self.used = window, 0
        self.used += units
        reset_ns = (window + 1) * limit.window_ns
        return Used(limit, self.used, reset_ns, reset_ns - now_ns)
