"""Our own budget of requests to a venue: evenly spaced, commands first, and never a long queue.

The library knows what each request costs and how much a venue takes; its limiter knows no urgency.
This one is in its place and asks for less, so that an order is signed when it is sent and not when
a queue has drained. What costs nothing at the venue does not wait.
"""

import asyncio
import heapq
from itertools import count

SHARE = 0.8  # of what the library allows
BURST = 5.0  # cost of what may go at once after a pause, where a venue is not known to take more
WAITING_MAX = 100  # more are turned away


class Pace:
    """A leaky bucket with two classes: commands overtake queries."""

    def __init__(self, interval_s: float, burst: float = BURST) -> None:
        """interval_s is how far apart requests of cost 1 may be at least, as the library has it."""
        self._interval_s = interval_s / SHARE
        self._room_s = self._interval_s * (burst - 1)
        self._free_at = 0.0  # the bucket is empty from then on
        self._waiting: list[tuple[bool, int, float, asyncio.Future[None]]] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, cost: float = 1.0, *, is_command: bool) -> bool:
        """Wait until a request may go; return False where too many wait."""
        loop = asyncio.get_running_loop()
        if cost <= 0:
            return True
        if not self._waiting and self._has_room(loop.time()):
            self._use(loop.time(), cost)
            return True
        if len(self._waiting) >= WAITING_MAX and not is_command:
            return False
        future: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._waiting, (not is_command, next(self._numbers), cost, future))
        self._wake(loop)
        await future
        return True

    def _has_room(self, now: float) -> bool:
        return self._free_at - now <= self._room_s

    def _use(self, now: float, cost: float) -> None:
        self._free_at = max(self._free_at, now) + self._interval_s * cost

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is None and self._waiting:
            pause_s = self._free_at - loop.time() - self._room_s
            self._timer = loop.call_later(max(0.0, pause_s), self._serve)

    def _serve(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._waiting and self._has_room(loop.time()):
            _, _, cost, future = heapq.heappop(self._waiting)
            if not future.done():
                self._use(loop.time(), cost)
                future.set_result(None)
        self._wake(loop)
