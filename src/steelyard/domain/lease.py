"""A lease on a bot: who may trade it, until when, and who may take it over.

The invariant: at no moment may two holders send what adds risk, whatever stands still, for however
long. It has two halves that share no clock. The *holder* counts from before it asked for its last
renewal, on the uptime of its host (`Grip`), and stops a margin early. Whoever *waits* (`Wait`)
takes over when nothing about the lease has changed for as long on the uptime of the waiter's host,
when the place's own clock says that it has run out, and when a request that was signed in its last
moment has expired at the venue as well. So a clock that is set shortens neither half. One that is
set back lengthens the second by one lease at most: after twice its time without a change the
waiter's own uptime is enough, and the place's clock is not asked any more.

`term` grows by one with each taking, and a renewal of an older term changes nothing: it fences off
the holder before. No venue knows of terms, so a request that has left is fenced by its expiry
alone; where requests do not expire, a person says that the holder before is gone.

Pure: where leases are kept is `store/leases.py`.
"""

from enum import IntEnum
from typing import NamedTuple

from steelyard.domain.messages import SECOND_NS

TTL_NS, TTL_MIN_NS, TTL_MAX_NS = 15 * SECOND_NS, 2 * SECOND_NS, 600 * SECOND_NS
RENEWALS = 5  # tries in the time of one lease
SET_BACK = 2  # leases without a change, after which the place's clock is taken to be set back
MARGIN = 3  # one part of so many, at the end: only cancels leave then
EXPIRY_MARGIN_NS = 2 * SECOND_NS  # beyond a request's expiry: how wrong a signed time may be


class Allowed(IntEnum):
    """What may leave."""

    NOTHING = 0
    CANCELS = 1
    ALL = 2


class Lease(NamedTuple):
    """A lease as its place has it.

    beat changes with each renewal, which is good for ttl_ns. until_ns is on the place's clock, and
    is_over what that clock says of it; None: it lasts as long as its holder's process. drain_ns is
    how long a request may arrive after it was signed; None: for ever. home proves, where the
    waiter's is the same, that the holder's process has ended. carried is what the holder leaves to
    the next.
    """

    name: str
    term: int
    holder: str
    beat: int
    ttl_ns: int
    until_ns: int | None
    is_over: bool
    is_released: bool
    drain_ns: int | None
    home: str
    carried: str


class Grip:
    """What one holder may do, by the uptime of its host."""

    def __init__(self, ttl_ns: int | None) -> None:
        """ttl_ns: None where the lease goes with the process, and nothing else ends it."""
        self._ttl_ns = ttl_ns
        self._held_ns: int | None = None  # when the last renewal that was granted was asked for
        self._asked_ns = 0
        self.lost_why: str | None = None
        self.failure: str | None = None  # of the last renewal

    def granted(self, asked_ns: int) -> None:
        """A taking or renewal that was asked for then was granted."""
        self._held_ns = asked_ns
        self.failure = None

    def asking(self, now_ns: int) -> None:
        """A renewal is asked for."""
        self._asked_ns = now_ns

    def failed(self, why: str) -> None:
        """The place cannot be asked; the lease is what it was."""
        self.failure = why

    def lose(self, why: str) -> None:
        """Another one has it, or it was given away: there is no way back."""
        self.lost_why = self.lost_why or why

    def allowed(self, now_ns: int) -> Allowed:
        """What may leave now."""
        if self.lost_why is not None or self._held_ns is None:
            return Allowed.NOTHING
        if self._ttl_ns is None:
            return Allowed.ALL
        age_ns = now_ns - self._held_ns
        if age_ns >= self._ttl_ns:
            self.lose(f"it was not renewed for {age_ns // SECOND_NS} s{self._because}")
            return Allowed.NOTHING
        is_early = age_ns < self._ttl_ns - self._ttl_ns // MARGIN
        return Allowed.ALL if is_early else Allowed.CANCELS

    def trouble(self, now_ns: int) -> str | None:
        """Why not everything may leave; None: it may."""
        match self.allowed(now_ns):
            case Allowed.ALL:
                return None
            case Allowed.CANCELS:
                return f"its lease is about to run out: it cannot be renewed{self._because}"
            case _:
                return f"its lease is lost: {self.lost_why or 'it was never taken'}"

    def left_ns(self, now_ns: int) -> int | None:
        """How long it lasts without a renewal; None: as long as the process."""
        if self._ttl_ns is None:
            return None
        return max(0, (self._held_ns or 0) + self._ttl_ns - now_ns)

    def due_ns(self) -> int | None:
        """When to ask for a renewal; None: never."""
        return None if self._ttl_ns is None else self._asked_ns + self._ttl_ns // RENEWALS

    @property
    def _because(self) -> str:
        return f" ({self.failure})" if self.failure else ""


class Wait:
    """What one who waits has seen of a lease, by the uptime of its host."""

    def __init__(self, home: str, taken_over: str = "") -> None:
        """taken_over: why a person says that the holder before is gone; empty: nobody does.

        It is said of the holder that is found first, and of none after it.
        """
        self._home = home
        self._taken_over = taken_over
        self._said_of: int | None = None  # the term of whom it was said
        self._mark: tuple[int, int] | None = None
        self._since_ns = 0
        self.seen: Lease | None = None  # as it was when it was last there

    def why_not(self, lease: Lease | None, now_ns: int) -> str | None:
        """Return why it may not be taken, in words; None: it may.

        A lease that was there and is gone (its place was made anew) still has its holder.
        """
        if lease is None:
            if self.seen is None:
                return None
            lease = self.seen._replace(is_over=True)
        self.seen = lease
        mark = lease.term, lease.beat
        if mark != self._mark:
            self._mark, self._since_ns = mark, now_ns
        if self._said_of is None:
            self._said_of = lease.term
        if lease.is_released or lease.home == self._home:
            return None
        quiet_ns = now_ns - self._since_ns
        if not lease.is_over and quiet_ns < SET_BACK * lease.ttl_ns:
            return f"{lease.holder} has it (term {lease.term})"
        drain_ns = lease.drain_ns
        if self._taken_over and lease.term == self._said_of:
            drain_ns = 0
        elif drain_ns is None:
            return (
                f"{lease.holder} let it run out (term {lease.term}), and requests of its venue do "
                "not expire: one may still arrive. Revoke its key, or make sure that its process "
                "has ended, then start this one with --take-over WHY"
            )
        wait_ns = lease.ttl_ns + drain_ns - quiet_ns
        if wait_ns <= 0:
            return None
        return (
            f"{lease.holder} let it run out (term {lease.term}); what it has signed has expired in "
            f"{-(-wait_ns // SECOND_NS)} s"
        )
