"""Virtual time: what is to happen, in order, and a trace of what has.

One heap holds everything that will happen. Two events of the same time happen in the order in
which they were asked for, so that a seed decides all of it. What happened, and whatever its
doers note, goes into a digest: two runs of one seed that differ anywhere have different digests.
"""

import heapq
from collections import deque
from collections.abc import Callable
from hashlib import sha256
from itertools import count

from steelyard.domain.messages import SECOND_NS

RECENT = 50  # lines that a report shows

Act = Callable[[], None]


class Alarm:
    """Something that will happen, unless it is called off."""

    __slots__ = ("act", "is_off", "name")

    def __init__(self, name: str, act: Act) -> None:
        self.name = name
        self.act = act
        self.is_off = False


class Timeline:
    """Time in nanoseconds, and what lies ahead.

    Attributes:
        now_ns: The true time; the clocks of hosts may show another.
        events: How many have happened.
        recent: The last things noted.
    """

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.now_ns = start_ns
        self.events = 0
        self.recent: deque[str] = deque(maxlen=RECENT)
        self._heap: list[tuple[int, int, Alarm]] = []
        self._numbers = count()
        self._digest = sha256()

    def at(self, time_ns: int, name: str, act: Act) -> Alarm:
        """Let something happen then, or at once if then is over."""
        alarm = Alarm(name, act)
        heapq.heappush(self._heap, (max(time_ns, self.now_ns), next(self._numbers), alarm))
        return alarm

    def after(self, delay_ns: int, name: str, act: Act) -> Alarm:
        """Let something happen so much later."""
        return self.at(self.now_ns + delay_ns, name, act)

    def advance(self) -> bool:
        """Let the next event happen; False: nothing lies ahead."""
        while self._heap:
            time_ns, _, alarm = heapq.heappop(self._heap)
            if alarm.is_off:
                continue
            self.now_ns = time_ns
            self.events += 1
            self._digest.update(b"%d %s\n" % (time_ns, alarm.name.encode()))
            alarm.act()
            return True
        return False

    def note(self, text: str) -> None:
        """Note what happens now."""
        self._digest.update(text.encode())
        self.recent.append(f"{self.elapsed_s:10.6f} {text}")

    def trace(self, data: bytes) -> None:
        """Let bytes enter the digest, and nothing else."""
        self._digest.update(data)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return (self.now_ns - self.start_ns) / SECOND_NS

    @property
    def digest(self) -> str:
        """What tells this run from any other."""
        return self._digest.hexdigest()


class HostClock:
    """The clock of one machine: so much ahead of true time, running fast or slow, and adjusted.

    What it shows never goes back within a process: `net.clock` sees to that.
    """

    def __init__(self, timeline: Timeline, ahead_ns: int = 0, drift_e6: int = 0) -> None:
        self.ahead_ns = ahead_ns
        self._timeline = timeline
        self._drift_e6 = drift_e6  # parts per million
        self._last_ns = 0

    def now_ns(self) -> int:
        """Return the time it shows."""
        timeline = self._timeline
        drift_ns = (timeline.now_ns - timeline.start_ns) * self._drift_e6 // 1_000_000
        self._last_ns = max(self._last_ns, timeline.now_ns + self.ahead_ns + drift_ns)
        return self._last_ns

    def restart(self) -> None:
        """A new process reads it: it may show less than it has shown."""
        self._last_ns = 0
