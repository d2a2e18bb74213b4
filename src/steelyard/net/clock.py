"""The only place that reads the clock."""

import time


def uptime_ns() -> int:
    """Return how long the host has been up: the same for all processes, whatever its clock says."""
    if hasattr(time, "CLOCK_BOOTTIME"):  # what it slept through counts too
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()


class Clock:
    """UTC nanoseconds that never go back, plus a chosen skew."""

    def __init__(self, skew_ns: int = 0) -> None:
        self.skew_ns = skew_ns
        self._last_ns = 0

    def now_ns(self) -> int:
        """Return the time; not before any time returned earlier."""
        self._last_ns = max(self._last_ns, time.time_ns() + self.skew_ns)  # noqa: TID251 the place
        return self._last_ns
