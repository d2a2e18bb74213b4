"""The venue's word to stop: while it has shut this host out, nothing new is wanted.

A pause of seconds only delays what is sent; a ban closes the gate, and is told once, however many
requests hear of it and whichever trader of the host brought it on. Whoever paces the requests
knows of it first, and keeps it; here it is known as long as it lasts.
"""

from datetime import UTC, datetime

from steelyard.domain.messages import SECOND_NS
from steelyard.trading.actions import VenueHalt
from steelyard.trading.turn import Turn

SAME_NS = SECOND_NS  # a ban that ends this near to the last one is that one


class Halts:
    """What a trader knows of it."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self.until_ns = 0  # of a ban; 0: there is none
        self.bans = 0  # told of in this run

    def take(self, halt: VenueHalt) -> None:
        """The venue has said to stop, or that it is over."""
        turn = self._turn
        if not halt.is_ban:
            if halt.until_ns > turn.now_ns:
                seconds = -(-(halt.until_ns - turn.now_ns) // SECOND_NS)
                turn.warn(
                    "venue.limited", f"the venue said to wait: nothing is sent for {seconds} s"
                )
            self._end()
            return
        is_new = abs(halt.until_ns - self.until_ns) > SAME_NS
        self.until_ns = halt.until_ns
        if is_new and (why := self.trouble) is not None:
            self.bans += 1
            turn.alarm("venue.banned", f"{why}. Whatever of this machine asks there has to wait")

    def work(self) -> None:
        """Look again when it is over."""
        if not self.until_ns:
            return
        if self._turn.now_ns < self.until_ns:
            self._turn.wake_at(self.until_ns)
        else:
            self._end()

    def _end(self) -> None:
        if self.until_ns:
            self.until_ns = 0
            self._turn.log("venue.open", "the venue's ban is over")

    @property
    def trouble(self) -> str | None:
        """Why nothing new may be sent, or None."""
        left_ns = self.until_ns - self._turn.now_ns
        if left_ns <= 0:
            return None
        until = datetime.fromtimestamp(self.until_ns // SECOND_NS, UTC)
        return f"the venue has banned this host until {until:%Y-%m-%d %H:%M:%S} UTC"
