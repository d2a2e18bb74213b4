"""What time it is in the market, by what its events say.

That need not be what the venue's clock says, by which requests are signed: a sandbox's market may
be days ahead of it, behind it, or stand still. The invariant: between two events market time goes
on as our clock does, and for no longer than `SILENT_NS`: what happens in a silence is not known.
"""

from steelyard.domain.messages import SECOND_NS

LEAP_NS = SECOND_NS  # more than this is another time; less is the line's delay
SILENT_NS = 2 * SECOND_NS  # so long after an event nobody knows what time it is
EASE = 16  # a later event moves the time back by this part of its delay


class MarketTime:
    """Market time less our clock."""

    def __init__(self) -> None:
        self.offset_ns: int | None = None  # None: no event has said
        self._heard_ns = 0

    def forget(self) -> None:
        """What comes next may be of any time."""
        self.offset_ns = None

    def hear(self, time_ns: int, now_ns: int) -> bool:
        """Take the time of an event that came just now; return whether time has leapt by it."""
        before_ns, told_ns = self.offset_ns, time_ns - now_ns
        self._heard_ns = now_ns
        if before_ns is None:
            self.offset_ns = told_ns
            return False
        if abs(told_ns - before_ns) > LEAP_NS:
            self.offset_ns = told_ns
            return True
        # The one that came quickest tells most exactly.
        self.offset_ns = max(told_ns, before_ns - (before_ns - told_ns) // EASE)
        return False

    def at(self, now_ns: int) -> int | None:
        """Return the market's time at a time of our clock, or None in a silence."""
        if self.offset_ns is None or now_ns > self.silent_at_ns:
            return None
        return now_ns + self.offset_ns

    @property
    def silent_at_ns(self) -> int:
        """When the silence begins if nothing more is heard, on our clock."""
        return self._heard_ns + SILENT_NS
