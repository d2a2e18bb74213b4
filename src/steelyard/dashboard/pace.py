"""How fast one address asks: so many requests in each window of the clock, and no more.

The clock is the host's, not the sandbox's, which may stand still. In memory and bounded: the
address that was quiet longest is forgotten.
"""

from collections import OrderedDict

from steelyard.wire.limits import Limit, WindowCounter

COUNTED_MAX = 10_000  # addresses


class Pace:
    """One limit, for each address on its own."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._counters: OrderedDict[str, WindowCounter] = OrderedDict()

    def wait_ns(self, ip: str, now_ns: int) -> int:
        """Count a request; return how long the address has to wait, 0 where it need not."""
        counter = self._counters.setdefault(ip, WindowCounter())
        self._counters.move_to_end(ip)
        if len(self._counters) > COUNTED_MAX:
            self._counters.popitem(last=False)
        used = counter.add(self._limit, 1, now_ns)
        return used.wait_ns if used.is_over else 0
