"""How fast one address or session asks: so many requests in each window of the clock, and no more.

The clock is the host's, not the sandbox's, which may stand still. In memory and bounded: the
one that was quiet longest is forgotten.
"""

from collections import OrderedDict

from steelyard.wire.limits import Limit, WindowCounter

COUNTED_MAX = 10_000  # addresses and sessions


class Pace:
    """One limit, for each of those that ask on its own."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._counters: OrderedDict[str, WindowCounter] = OrderedDict()

    def wait_ns(self, who: str, now_ns: int) -> int:
        """Count a request; return how long its sender has to wait, 0 where they need not."""
        counter = self._counters.setdefault(who, WindowCounter())
        self._counters.move_to_end(who)
        if len(self._counters) > COUNTED_MAX:
            self._counters.popitem(last=False)
        used = counter.add(self._limit, 1, now_ns)
        return used.wait_ns if used.is_over else 0
