"""Rate limits as data and as counters: what a venue publishes, enforces and reports.

A limit is a number of units in a window that is aligned to the clock, as Binance counts, or that
slides with it, so that no stretch of time of that length has more, wherever it begins; or it is a
bucket, as Coinbase and Kraken count: so many units at once, which drain evenly in a window. What is
refused uses up an aligned window all the same, but nothing of the others: who goes on without
a pause is let through at the limit's pace. Counters are pure: `now_ns` is an argument.
"""

from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from steelyard.domain.messages import SECOND_NS


class Per(StrEnum):
    """Whose requests are counted together."""

    IP = "ip"
    KEY = "key"
    ACCOUNT = "account"
    PAIR = "pair"  # an account's orders of one instrument, where the dialect says what they cost


class Counts(StrEnum):
    """What is counted."""

    WEIGHT = "weight"  # an endpoint's weight
    REQUESTS = "requests"
    ORDERS = "orders"  # requests that place orders


class Kind(StrEnum):
    """Where a limit's window lies."""

    ALIGNED = "aligned"  # it begins with the clock's, and all that is used comes back at its end
    SLIDING = "sliding"  # it ends now, and each unit comes back a window after it was used
    BUCKET = "bucket"  # it has none: what is used drains evenly, a full one within a window


PUBLIC, PRIVATE = "public", "private"  # routes without and with a key
COUNT_DIGITS_MAX = 9  # of a number in a header
SLIDING_MAX = 10_000  # units of a sliding limit: each request of its window is remembered


class Limit(NamedTuple):
    """At most `limit` units per window of `window_ns`.

    routes says which requests count: "public", "private", a path such as "/api/v3/klines", or a
    method and a path. Empty is all. What asks no route, say a WebSocket's ping, is public.
    """

    name: str
    per: Per
    counts: Counts
    limit: int
    window_ns: int
    kind: Kind = Kind.ALIGNED
    routes: tuple[str, ...] = ()

    def covers(self, method: str, path: str, *, is_public: bool) -> bool:
        """Whether requests to a route count."""
        routes = self.routes
        if not routes:
            return True
        found = (PUBLIC if is_public else PRIVATE, path, f"{method} {path}")
        return any(name in routes for name in found)


class SocketLimits(NamedTuple):
    """What WebSockets may do; 0 is as much as the port and the dialect bear at all.

    Who is over connections or connects is not let in; a stream too many is refused; a message too
    many closes the connection. Messages are those to a stream: calls of an API over WebSocket
    count as requests.
    """

    connections: int = 0  # open at a time from one address
    connects: int = 0  # opened within `connects_ns` from one address, sliding
    connects_ns: int = 300 * SECOND_NS
    subscriptions: int = 0  # streams on one connection
    messages: int = 0  # from the client on one connection per second, aligned

    def subscriptions_most(self, bound: int) -> int:
        """Return how many streams a connection may have; bound is what the dialect bears."""
        return min(self.subscriptions or bound, bound)


class LimitProfile(NamedTuple):
    """A venue's limits, and what going on over them leads to. An empty tuple is no limit at all."""

    limits: tuple[Limit, ...]
    ban_after: int = 0  # refusals within a window after which an IP is banned; 0: never
    ban_ns: int = 120 * SECOND_NS
    revoke_after: int = 0  # bans within `revoke_within_ns` that cost the key its access; 0: never
    revoke_within_ns: int = 3_600 * SECOND_NS
    sockets: SocketLimits = SocketLimits()


class Used(NamedTuple):
    """How much of a limit is used in the current window."""

    limit: Limit
    used: int
    reset_ns: int  # when units come back: if over, enough for the request; now, if all are there
    wait_ns: int = 0  # until then
    is_over: bool = False  # the request that was counted is more than is allowed


Usage = tuple[Used, ...]

UNLIMITED = LimitProfile(())


class WindowCounter:
    """Units used in the clock-aligned window that now lies in, refused ones too."""

    __slots__ = ("used", "window")

    def __init__(self) -> None:
        self.window = -1
        self.used = 0

    def add(self, limit: Limit, units: int, now_ns: int) -> Used:
        """Count units and return the usage."""
        window = now_ns // limit.window_ns
        if window != self.window:
            self.window, self.used = window, 0
        self.used += units
        reset_ns = (window + 1) * limit.window_ns
        is_over = units > 0 and self.used > limit.limit
        return Used(limit, self.used, reset_ns, reset_ns - now_ns, is_over)

    def give_back(self, limit: Limit, units: int, now_ns: int) -> Used:
        """Unuse units, as many of them as are used, and return the usage."""
        self.add(limit, 0, now_ns)
        self.used = max(0, self.used - units)
        return self.add(limit, 0, now_ns)


class SlidingCounter:
    """Units used in the window that ends now, from (now - window_ns) on and without that instant.

    It remembers when each was used: at most `SLIDING_MAX` times, because none is over the limit.
    """

    __slots__ = ("_times", "_used")

    def __init__(self) -> None:
        self._times: deque[tuple[int, int]] = deque()  # when, and how many units
        self._used = 0

    def __len__(self) -> int:
        """Return how many times are remembered."""
        return len(self._times)

    def add(self, limit: Limit, units: int, now_ns: int) -> Used:
        """Count units where they fit, else nothing, and return the usage."""
        told = self.look(limit, units, now_ns)
        if told.is_over or not units:
            return told
        self._times.append((now_ns, units))
        self._used += units
        return self.look(limit, 0, now_ns)

    def look(self, limit: Limit, units: int, now_ns: int) -> Used:
        """Return the usage without using more; is_over tells whether units more would not fit."""
        times, window_ns = self._times, limit.window_ns
        while times and times[0][0] + window_ns <= now_ns:
            self._used -= times.popleft()[1]
        is_over = units > 0 and self._used + units > limit.limit
        reset_ns = now_ns
        if is_over and units > limit.limit:
            reset_ns += window_ns  # as good as any: it will never fit
        elif is_over:
            reset_ns = window_ns + self._freed_ns(self._used + units - limit.limit)
        elif times:
            reset_ns = window_ns + times[0][0]
        return Used(limit, self._used, reset_ns, reset_ns - now_ns, is_over)

    def _freed_ns(self, units: int) -> int:
        """Return when the last of the oldest units was used."""
        for used_ns, used in self._times:
            units -= used
            if units <= 0:
                return used_ns
        raise AssertionError("no more can come back than is used")


class BucketCounter:
    """Units used and not drained yet; a full bucket drains within `window_ns`, evenly."""

    __slots__ = ("_drained_ns", "_level")

    def __init__(self) -> None:
        self._level = 0  # units times window_ns, so that it is whole: it falls by `limit` per ns
        self._drained_ns = 0  # the time until which it has

    def __len__(self) -> int:
        """Return how many times are remembered: none."""
        return 0

    def add(self, limit: Limit, units: int, now_ns: int) -> Used:
        """Count units where they fit, else nothing, and return the usage."""
        told = self.look(limit, units, now_ns)
        if told.is_over or not units:
            return told
        self._level += units * limit.window_ns
        return self.look(limit, 0, now_ns)

    def pour(self, limit: Limit, units: int, now_ns: int) -> Used:
        """Count units though they may not fit, and return the usage."""
        self.look(limit, 0, now_ns)
        self._level += units * limit.window_ns
        return self.look(limit, 0, now_ns)

    def look(self, limit: Limit, units: int, now_ns: int) -> Used:
        """Return the usage without using more; is_over tells whether units more would not fit.

        A unit that has begun to drain counts until it has drained.
        """
        elapsed_ns = max(0, now_ns - self._drained_ns)
        self._level = max(0, self._level - elapsed_ns * limit.limit)
        self._drained_ns = max(now_ns, self._drained_ns)
        room = limit.limit * limit.window_ns
        over = self._level + units * limit.window_ns - room
        is_over = units > 0 and over > 0
        used = -(-self._level // limit.window_ns)
        wait_ns = 0
        if is_over and units > limit.limit:
            wait_ns = limit.window_ns  # as good as any: it will never fit
        elif is_over:
            wait_ns = -(-over // limit.limit)
        elif used:
            wait_ns = -(-(self._level - (used - 1) * limit.window_ns) // limit.limit)
        return Used(limit, used, now_ns + wait_ns, wait_ns, is_over)


class MessagePace:
    """How fast one WebSocket's client talks, against `SocketLimits.messages`."""

    __slots__ = ("_count", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._count = 0

    def is_over(self, messages_max: int, now_ns: int) -> bool:
        """Count a message; whether it is one too many in this second of the clock."""
        second = now_ns // SECOND_NS
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        return 0 < messages_max < self._count


def ratelimit_headers(usage: Usage) -> dict[str, str]:
    """Return what is left of the limit that is nearest to its end, for venues without own names.

    Where several are as near, it is the one that takes longest to come back.
    """
    if not usage:
        return {}
    tightest = min(usage, key=lambda used: (_left_e6(used), -used.wait_ns))
    return {
        "x-ratelimit-limit": str(tightest.limit.limit),
        "x-ratelimit-remaining": str(max(0, tightest.limit.limit - tightest.used)),
        "x-ratelimit-reset": str(-(-tightest.wait_ns // SECOND_NS)),
        "x-ratelimit-name": tightest.limit.name,
    }


def ratelimit_told(headers: Mapping[str, str]) -> tuple[str, int] | None:
    """Return the name of the limit that such headers tell of, and how much of it is used."""
    name = headers.get("x-ratelimit-name")
    limit, left = headers.get("x-ratelimit-limit", ""), headers.get("x-ratelimit-remaining", "")
    if not name or not (is_count(limit) and is_count(left)):
        return None
    return name, max(0, int(limit) - int(left))


def is_count(text: str) -> bool:
    """Whether a text is a number as headers have them."""
    return text.isascii() and text.isdigit() and len(text) <= COUNT_DIGITS_MAX


def _left_e6(used: Used) -> int:
    return (used.limit.limit - used.used) * 1_000_000 // max(1, used.limit.limit)


# Those of which nothing is used by what is refused.
SparingCounter = SlidingCounter | BucketCounter
LimitCounter = WindowCounter | SparingCounter


def counter_of(limit: Limit) -> LimitCounter:
    """Return a new counter for a limit."""
    match limit.kind:
        case Kind.ALIGNED:
            return WindowCounter()
        case Kind.SLIDING:
            return SlidingCounter()
        case Kind.BUCKET:
            return BucketCounter()
