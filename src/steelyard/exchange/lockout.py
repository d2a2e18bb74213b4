"""How often somebody may be wrong: counters that make each further try wait longer.

Whoever tries is counted before it is known whether they are right, so that many tries at once
are as many as one after the other. The first `FREE_TRIES` cost nothing; after each further one
the next has to wait twice as long, up to `WAIT_MAX_NS`. In memory: a restart forgets them.
"""

from collections import OrderedDict

FREE_TRIES = 5
FREE_TRIES_PER_IP = 20
WAIT_FIRST_NS = 1_000_000_000
WAIT_MAX_NS = 15 * 60 * 1_000_000_000
FORGOTTEN_NS = 60 * 60 * 1_000_000_000  # after the last try
COUNTED_MAX = 10_000  # the one that was tried longest ago is forgotten beyond that

_DOUBLINGS_MAX = 20


class _Count:
    __slots__ = ("last_ns", "tries")

    def __init__(self) -> None:
        self.tries = 0
        self.last_ns = 0


class Lockout:
    """Tries by who is tried, or by who tries."""

    def __init__(self, free_tries: int = FREE_TRIES) -> None:
        self._free_tries = free_tries
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def wait_ns(self, who: str, now_ns: int) -> int:
        """Return how long the next try has to wait; 0 is not at all."""
        count = self._counts.get(who)
        beyond = 0 if count is None else count.tries - self._free_tries
        if count is None or beyond < 0:
            return 0
        wait_ns = min(WAIT_FIRST_NS << min(beyond, _DOUBLINGS_MAX), WAIT_MAX_NS)
        return max(0, count.last_ns + wait_ns - now_ns)

    def tried(self, who: str, now_ns: int) -> None:
        """Count a try as wrong, until `right` or `undo` says otherwise."""
        count = self._counts.setdefault(who, _Count())
        if now_ns - count.last_ns > FORGOTTEN_NS:
            count.tries = 0
        count.tries += 1
        count.last_ns = now_ns
        self._counts.move_to_end(who)
        if len(self._counts) > COUNTED_MAX:
            self._counts.popitem(last=False)

    def undo(self, who: str) -> None:
        """Take one try back."""
        count = self._counts.get(who)
        if count is not None:
            count.tries -= 1
            if count.tries <= 0:
                del self._counts[who]

    def right(self, who: str) -> None:
        """Forget all tries."""
        self._counts.pop(who, None)
