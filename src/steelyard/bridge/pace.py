"""Our own budget of requests to a venue: evenly spaced, commands first, and never a long queue.

The library has a limiter of its own, which lets bursts through and knows no urgency. This one
stands before it and asks for less than it allows, so that an order is signed when it is sent and
not when a queue has drained.
"""

import asyncio
import heapq
from itertools import count

SHARE = 0.8  # of what the library allows
BURST = 5  # requests that may go at once after a pause
WAITING_MAX = 100  # more are turned away


class Pace:
    """A leaky bucket with two classes: commands overtake queries."""

    def __init__(self, interval_s: float) -> None:
        """interval_s is how far apart requests may be at least, as the library has it."""
        self._interval_s = interval_s / SHARE
        self._free_at = 0.0  # the bucket is empty from then on
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, *, is_command: bool) -> bool:
        """Wait until a request may go; return False where too many wait."""
        loop = asyncio.get_running_loop()
        if not self._waiting and self._has_room(loop.time()):
            self._use(loop.time())
            return True
        if len(self._waiting) >= WAITING_MAX and not is_command:
            return False
        future: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._waiting, (not is_command, next(self._numbers), future))
        self._wake(loop)
        await future
        return True

    def _has_room(self, now: float) -> bool:
        return self._free_at - now <= self._interval_s * (BURST - 1)

    def _use(self, now: float) -> None:
        self._free_at = max(self._free_at, now) + self._interval_s

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is None and self._waiting:
            pause_s = self._free_at - loop.time() - self._interval_s * (BURST - 1)
            self._timer = loop.call_later(max(0.0, pause_s), self._serve)

    def _serve(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._waiting and self._has_room(loop.time()):
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                self._use(loop.time())
                future.set_result(None)
        self._wake(loop)
