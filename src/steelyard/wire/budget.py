"""How much of a venue's limits a host's traders have used, and when they may ask again.

Limits are counted per party: the host's address, a key, an account. A party's state has a fixed
layout, so that all traders of a host can share it in a file; nothing in it names anybody. The
invariant: whatever is let through would have been let through by the venue's own counters,
however unevenly requests travel. So a window that is aligned to the venue's clock is kept as one
that slides, every window is a little longer here, and what has been counted here is never taken
back because the venue tells of less: what it tells on top of that is somebody else's.

The venue's word to stop stops every trader of the host; where it does not say for how long, the
pauses are 1, 2, 4 s and so on. A ban is a time of its own, which outlives every process.

Each party has a clock of its own, which goes on as the host's uptime does, and nobody can set it.
Times that callers tell and are told are those of the host's clock. It does no I/O.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from struct import Struct as Layout
from typing import Any, NamedTuple, Protocol
from zlib import crc32

from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.wire.limits import Counts, Kind, Limit, LimitProfile, Per
from steelyard.wire.outcome import Chance

RESERVE_PERCENT = 20  # of each limit, for what is urgent: cancels
JITTER_NS = 250_000_000  # by so much less than another may a request have taken to the venue
SLOTS = 32  # of a window: what was used comes back at most a part of so many too late
PAUSE_FIRST_NS, PAUSE_MAX_NS = SECOND_NS, 64 * SECOND_NS  # where the venue does not say
PAUSE_JITTER = 4  # a pause is up to this part longer, so that not all come back at once
RELENT_NS = MINUTE_NS  # after so long without a word to stop the next pause is the first again
BAN_NS = 2 * MINUTE_NS  # where the venue does not say for how long
HALT_MAX_NS = 3 * 24 * 60 * MINUTE_NS  # the longest that venues ban for
UNITS_MAX = 2**32 - 1  # that have room
ROOM_MAX = 2**63 - 1  # nothing is held back
DAMAGED_NS = MINUTE_NS  # nothing is sent for so long when what was used is lost
TIME_MAX_NS = 2**61  # no time is later, nor any number for a request: there is room to reckon


CONNECT = "CONNECT"  # method and path of what opens a WebSocket


class Cost(NamedTuple):
    """What one request counts as. path is the route's, with its `{names}`; pair is a symbol.

    is_guess: nobody has said; it counts wherever it may.
    """

    method: str
    path: str
    is_public: bool
    weight: int
    orders: int = 0
    pair: str = ""
    pair_units: int = 0  # against the limits of its pair
    is_guess: bool = False


class Spent(NamedTuple):
    """What a venue says of one of its limits: by its name, or by what it counts in which window."""

    used: int
    name: str = ""
    counts: Counts | None = None
    window_ns: int = 0


class Held(NamedTuple):
    """A request may not be sent yet."""

    why: str
    wait_ns: int


class Stop(NamedTuple):
    """The venue has said to stop, until then."""

    until_ns: int
    is_ban: bool


# -- one limit's count ----------------------------------------------------------------------------


class Tally:
    """Units used of one limit: by the slots of a window, or as a bucket that drains.

    `foreign` are those that the venue told of and nobody here has used.
    """

    __slots__ = ("drained_ns", "foreign", "foreign_until_ns", "newest", "slot_ns", "slots")

    def __init__(self, slot_ns: int) -> None:
        self.slot_ns = slot_ns
        self.newest = 0  # the slot of the last of `slots`, counted from the epoch
        self.slots = [0] * SLOTS
        self.drained_ns = 0  # when a bucket will have drained
        self.foreign = 0
        self.foreign_until_ns = 0

    def used(self, limit: Limit, now_ns: int) -> int:
        """Return how many units count now; of a bucket those that have begun to drain too."""
        foreign = self.foreign if now_ns < self.foreign_until_ns else 0
        if limit.kind is Kind.BUCKET:
            level_ns = max(0, self.drained_ns - now_ns)
            return -(-level_ns * limit.limit // paced_ns(limit)) + foreign
        self._turn(now_ns)
        return sum(self.slots) + foreign

    def own(self, now_ns: int, since_ns: int) -> int:
        """Return how many were used here since a time, from the beginning of its slot on."""
        self._turn(now_ns)
        first = max(0, SLOTS - 1 - (self.newest - since_ns // self.slot_ns))
        return sum(self.slots[first:])

    def add(self, limit: Limit, units: int, now_ns: int) -> None:
        """Use units."""
        if limit.kind is Kind.BUCKET:
            cost_ns = -(-units * paced_ns(limit) // limit.limit)
            self.drained_ns = max(self.drained_ns, now_ns) + cost_ns
            return
        self._turn(now_ns)
        self.slots[-1] = min(self.slots[-1] + units, UNITS_MAX)

    def wait_ns(self, limit: Limit, units: int, room: int, now_ns: int) -> int:
        """Return how long until units more fit into room; 0: they do.

        What is larger than the room waits until nothing is used.
        """
        used = self.used(limit, now_ns)
        if not used or used + units <= room:
            return 0
        foreign_ns = max(0, self.foreign_until_ns - now_ns) if self.foreign else 0
        if limit.kind is Kind.BUCKET:
            level_ns = self.drained_ns - now_ns
            room_ns = max(0, room - units) * paced_ns(limit) // limit.limit
            return max(1, level_ns - room_ns, foreign_ns)
        over = min(used, used + units - room)
        if foreign_ns and over <= self.foreign:
            return foreign_ns
        over -= self.foreign if foreign_ns else 0
        for age, slot in enumerate(self.slots):
            over -= slot
            if slot and over <= 0:
                return max(foreign_ns, (self.newest + age + 1) * self.slot_ns - now_ns)
        return max(foreign_ns, self.slot_ns * SLOTS)

    def learn(self, limit: Limit, told: int, now_ns: int, offset_ns: int) -> None:
        """Take the venue's word of how much is used; offset_ns is its clock less ours."""
        if limit.kind is Kind.BUCKET:
            level_ns = min(told * paced_ns(limit) // limit.limit, HALT_MAX_NS)
            self.drained_ns = max(self.drained_ns, now_ns + level_ns)
            return
        since_ns, until_ns = now_ns - limit.window_ns, now_ns + paced_ns(limit)
        if limit.kind is Kind.ALIGNED:
            venue_ns = now_ns + offset_ns
            since_ns = venue_ns - venue_ns % limit.window_ns - offset_ns
            until_ns = since_ns + paced_ns(limit)
        foreign = told - self.own(now_ns, since_ns - JITTER_NS)
        if now_ns >= self.foreign_until_ns:
            self.foreign = 0
        if foreign > self.foreign:
            self.foreign, self.foreign_until_ns = min(foreign, UNITS_MAX), until_ns

    def _turn(self, now_ns: int) -> None:
        """Let slots that are over come back; a time before the newest is taken for it."""
        passed = now_ns // self.slot_ns - self.newest
        if passed <= 0:
            return
        self.newest += passed
        kept = max(0, SLOTS - passed)
        self.slots = self.slots[SLOTS - kept :] + [0] * (SLOTS - kept)


def paced_ns(limit: Limit) -> int:
    """Return how long a limit's window is here, so that it is kept where requests arrive."""
    return limit.window_ns + JITTER_NS


def _slot_ns(limit: Limit) -> int:
    return -(-paced_ns(limit) // (SLOTS - 1))


# -- one party's state ----------------------------------------------------------------------------

MAGIC = b"STLYPACE"
VERSION = 2
TALLIES_MAX = 23  # of one party; one more takes the place of the one that is longest unused
SIZE = 4096  # bytes of a party's state
IDENTITY = 16  # bytes that tell whose state it is
# magic, version, tallies, checksum, identity, clock less uptime, uptime, the host's clock less this
# one, stop until, ban until, nonce, pauses in a row
_HEAD = Layout("<8sHHI16sqqqqqQI")
_TALLY = Layout(f"<8sqqqqI{SLOTS}I")
_PLAIN = Layout("<8sQQ")  # name, units, room
_CHECKSUM_AT = 12
NAMES_MAX = COUNTS_MAX = 2_000  # kept, so that they need not be made again for each request


class Party:
    """What is known of one whose requests a venue counts together."""

    def __init__(self) -> None:
        self.tallies: dict[bytes, Tally] = {}  # the one used last comes last
        self.offset_ns: int | None = None  # its clock less the host's uptime
        self.uptime_ns = 0
        self.set_ns = 0  # by how much the host's clock is ahead of its own
        self.stop_ns = 0  # nothing is sent before
        self.ban_ns = 0  # likewise, and more is at stake
        self.nonce = 0  # the last one
        self.pauses = 0  # in a row, of those for which the venue gave no time

    def tally(self, limit: Limit, pair: str = "") -> Tally:
        """Return the count of a limit."""
        return self.named(_name(limit, pair), limit)

    def named(self, name: bytes, limit: Limit) -> Tally:
        """Return the count of a limit by its name."""
        found = self.tallies.pop(name, None) or Tally(_slot_ns(limit))
        self.tallies[name] = found
        if len(self.tallies) > TALLIES_MAX:
            del self.tallies[next(iter(self.tallies))]
        return found

    def stop(self, now_ns: int) -> Stop | None:
        """Return for how long the venue has said to stop, or None."""
        own_ns = self.own_ns(now_ns)
        until_ns = max(self.ban_ns, self.stop_ns)
        if own_ns >= until_ns:
            return None
        return Stop(until_ns + self.set_ns, is_ban=own_ns < self.ban_ns)

    def told_to_stop(self, now_ns: int, for_ns: int, rng: Chance, *, is_ban: bool) -> None:
        """Take the venue's word to stop; for_ns is 0 where it did not say for how long."""
        for_ns, now_ns = min(for_ns, HALT_MAX_NS), self.own_ns(now_ns)
        if is_ban:
            self.ban_ns = max(self.ban_ns, now_ns + (for_ns or BAN_NS))
            return
        if now_ns >= self.stop_ns:  # another one; those on their way meanwhile say the same
            if now_ns >= self.stop_ns + RELENT_NS:
                self.pauses = 0
            self.pauses += 1
            if not for_ns:
                pause_ns = min(PAUSE_MAX_NS, PAUSE_FIRST_NS << min(self.pauses - 1, 16))
                for_ns = pause_ns + rng.randrange(pause_ns // PAUSE_JITTER + 1)
        self.stop_ns = max(self.stop_ns, now_ns + for_ns)

    def stamp(self, stamp_ns: int) -> int:
        """Return a number above every one before: this one, if it is."""
        self.nonce = max(self.nonce + 1, stamp_ns)
        return self.nonce

    def own_ns(self, now_ns: int) -> int:
        """Return by its own clock what is now by the host's."""
        return now_ns - self.set_ns

    def keep_time(self, now_ns: int, uptime_ns: int) -> None:
        """Let its clock go on; a host's clock that was set, or that is held, changes nothing."""
        if self.offset_ns is None:
            self.offset_ns = now_ns - uptime_ns
        elif uptime_ns < self.uptime_ns:
            # The host was started anew: as much time has passed as its clock says, but not less
            # than none.
            before_ns = self.offset_ns + self.uptime_ns
            passed_ns = max(0, now_ns - self.set_ns - before_ns)
            self.offset_ns = before_ns + passed_ns - uptime_ns
        self.uptime_ns = uptime_ns
        self.set_ns = now_ns - self.offset_ns - uptime_ns

    def hold(self, now_ns: int) -> None:
        """Let nothing be sent for a while: nobody knows what was used."""
        self.stop_ns = max(self.stop_ns, self.own_ns(now_ns) + DAMAGED_NS)


@lru_cache(maxsize=NAMES_MAX)
def _name(limit: Limit, pair: str) -> bytes:
    kind = (limit.name, limit.counts.value, limit.kind.value, limit.window_ns, pair)
    return digest(*map(str, kind))[:8]


def packed(party: Party, identity: bytes) -> bytes:
    """Return a party's state as `SIZE` bytes."""
    fields: list[Any] = [
        MAGIC,
        VERSION,
        len(party.tallies),
        0,
        identity,
        party.offset_ns or 0,
        party.uptime_ns,
        party.set_ns,
        party.stop_ns,
        party.ban_ns,
        party.nonce,
        party.pauses,
    ]
    for name, tally in party.tallies.items():
        fields += (name, tally.slot_ns, tally.newest, tally.drained_ns, tally.foreign_until_ns)
        fields.append(tally.foreign)
        fields += tally.slots
    whole = bytearray(SIZE)
    _layout(len(party.tallies)).pack_into(whole, 0, *fields)
    whole[_CHECKSUM_AT : _CHECKSUM_AT + 4] = crc32(whole).to_bytes(4, "little")
    return bytes(whole)


@lru_cache(maxsize=TALLIES_MAX + 1)
def _layout(tallies: int) -> Layout:
    """Return how a state with so many tallies is laid out."""
    return Layout(_HEAD.format + _TALLY.format.removeprefix("<") * tallies)


def unpacked(data: bytes, identity: bytes) -> Party | None:
    """Return the party whose state this is; None: it is torn, or not this party's."""
    if len(data) != SIZE:
        return None
    magic, version, count, checksum, whose, *rest = _HEAD.unpack_from(data)
    plain = data[:_CHECKSUM_AT] + bytes(4) + data[_CHECKSUM_AT + 4 :]
    if (magic, version, whose) != (MAGIC, VERSION, identity) or crc32(plain) != checksum:
        return None
    if max(map(abs, rest)) > TIME_MAX_NS:
        return None
    party = Party()
    party.offset_ns, party.uptime_ns, party.set_ns, party.stop_ns = rest[:4]
    party.ban_ns, party.nonce, party.pauses = rest[4:]
    for number in range(min(count, TALLIES_MAX)):
        at = _HEAD.size + number * _TALLY.size
        name, slot_ns, newest, drained, until, foreign, *slots = _TALLY.unpack_from(data, at)
        if slot_ns <= 0 or max(slot_ns, abs(newest), abs(drained), abs(until)) > TIME_MAX_NS:
            return None
        tally = Tally(slot_ns)
        tally.newest, tally.drained_ns, tally.slots = newest, drained, slots
        tally.foreign, tally.foreign_until_ns = foreign, until
        party.tallies[name] = tally
    return party


def digest(*parts: str) -> bytes:
    """Return what stands for names, from which they cannot be read again."""
    return sha256("\0".join(parts).encode()).digest()[:IDENTITY]


# -- the rules ------------------------------------------------------------------------------------

Parties = Mapping[Per, Party]
# Whose state holds a limit's count.
HOLDERS = {Per.IP: Per.IP, Per.KEY: Per.KEY, Per.ACCOUNT: Per.ACCOUNT, Per.PAIR: Per.ACCOUNT}


class Count(NamedTuple):
    """What a request uses of one limit; name is that of the limit's tally."""

    limit: Limit
    units: int
    holder: Per
    name: bytes


@lru_cache(maxsize=COUNTS_MAX)
def counts_of(limits: LimitProfile, cost: Cost) -> tuple[Count, ...]:
    """Return what a request uses of which limits."""
    return tuple(
        Count(limit, units, HOLDERS[limit.per], _name(limit, _pair(limit, cost)))
        for limit in _limits(limits, cost)
        if (units := _units(limit, cost))
    )


def holders_of(limits: LimitProfile, cost: Cost) -> frozenset[Per]:
    """Return whose states a request is counted in, and that of who is told to stop."""
    return frozenset({Per.IP, *(count.holder for count in counts_of(limits, cost))})


@lru_cache(maxsize=COUNTS_MAX)
def plain_counts(
    limits: LimitProfile, cost: Cost, *, is_urgent: bool = False
) -> tuple[tuple[Per, bytes], ...] | None:
    """Return what a request uses of whose state, as the native short way takes it.

    None: there is a bucket among its limits, which only `take` knows.
    """
    found: dict[Per, list[bytes]] = {per: [] for per in sorted(holders_of(limits, cost))}
    for limit, units, holder, name in counts_of(limits, cost):
        if limit.kind is Kind.BUCKET:
            return None
        found[holder].append(_PLAIN.pack(name, units, _room(limit, is_urgent=is_urgent)))
    return tuple((per, b"".join(counts)) for per, counts in found.items())


def _room(limit: Limit, *, is_urgent: bool) -> int:
    """Return how much of a limit may be in use after a request."""
    if not is_urgent:
        return limit.limit - limit.limit * RESERVE_PERCENT // 100
    return ROOM_MAX if limit.per is Per.PAIR else limit.limit


def take(
    limits: LimitProfile, parties: Parties, cost: Cost, now_ns: int, *, is_urgent: bool = False
) -> Held | None:
    """Use what a request costs, or return why it may not be sent now; then nothing is used.

    An empty window takes any request, however small the limit is. What is urgent may use the
    reserve; modelled counters of a pair, which err to the safe side, never hold it back.
    """
    for party in parties.values():
        if (stop := party.stop(now_ns)) is not None:
            said = "the venue has banned this host" if stop.is_ban else "the venue said to wait"
            return Held(said, stop.until_ns - now_ns)
    counted: list[tuple[Tally, Limit, int, int]] = []
    longest: Held | None = None
    for limit, units, holder, name in counts_of(limits, cost):
        if (holding := parties.get(holder)) is None:
            continue
        tally = holding.named(name, limit)
        room, own_ns = _room(limit, is_urgent=is_urgent), holding.own_ns(now_ns)
        counted.append((tally, limit, units, own_ns))
        wait_ns = tally.wait_ns(limit, units, room, own_ns)
        if wait_ns > 0 and (longest is None or wait_ns > longest.wait_ns):
            longest = Held(f"waiting for the venue's rate limit ({limit.name})", wait_ns)
    if longest is not None:
        return longest
    for tally, limit, units, own_ns in counted:
        tally.add(limit, units, own_ns)
    return None


def name(limits: LimitProfile, parties: Parties, cost: Cost) -> None:
    """Enter what a request is counted in where there is room for it; nothing is used."""
    for limit, _, holder, named in counts_of(limits, cost):
        holding = parties.get(holder)
        if holding is not None and len(holding.tallies) < TALLIES_MAX:
            holding.named(named, limit)


def _pair(limit: Limit, cost: Cost) -> str:
    return cost.pair if limit.per is Per.PAIR else ""


def learn(
    limits: LimitProfile, parties: Parties, told: tuple[Spent, ...], now_ns: int, offset_ns: int
) -> None:
    """Take what a venue says is used; what it does not know of stays counted here."""
    for spent in told:
        for limit in limits.limits:
            party = parties.get(HOLDERS[limit.per])
            is_meant = (
                limit.name == spent.name
                if spent.name
                else not limit.routes
                and (limit.counts, limit.window_ns) == (spent.counts, spent.window_ns)
            )
            if is_meant and party is not None and limit.per is not Per.PAIR:
                own_ns = party.own_ns(now_ns)
                party.tally(limit).learn(limit, spent.used, own_ns, offset_ns + now_ns - own_ns)


def usage(limits: LimitProfile, parties: Parties, now_ns: int) -> dict[str, tuple[int, int]]:
    """Return by limit how much counts now, and how much there may be."""
    return {
        limit.name: (party.tally(limit).used(limit, party.own_ns(now_ns)), limit.limit)
        for limit in limits.limits
        if not limit.routes and limit.per is not Per.PAIR
        if (party := parties.get(HOLDERS[limit.per])) is not None
    }


def _limits(limits: LimitProfile, cost: Cost) -> tuple[Limit, ...]:
    """Return the limits, with that on new WebSockets where one is opened."""
    sockets = limits.sockets
    if cost.method != CONNECT or not sockets.connects:
        return limits.limits
    counted = (Per.IP, Counts.REQUESTS, sockets.connects, sockets.connects_ns, Kind.SLIDING)
    return *limits.limits, Limit("new WebSockets", *counted)


def _units(limit: Limit, cost: Cost) -> int:
    if limit.per is Per.PAIR:
        return min(cost.pair_units, limit.limit)
    if not _covers(limit, cost):
        return 0
    match limit.counts:
        case Counts.WEIGHT:
            return min(cost.weight, limit.limit)
        case Counts.REQUESTS:
            return 1
        case Counts.ORDERS:
            return cost.orders


def _covers(limit: Limit, cost: Cost) -> bool:
    asked = cost.method, cost.path
    if not cost.is_guess:
        return limit.covers(*asked, is_public=cost.is_public)
    # Of a route with a name in it, any request may be one.
    return (
        any("{" in route for route in limit.routes)
        or limit.covers(*asked, is_public=True)
        or limit.covers(*asked, is_public=False)
    )


class Pacing(Protocol):
    """The parties of one trader, wherever their state is."""

    limits: LimitProfile

    def make_ready(self, cost: Cost) -> None:
        """Reckon what can be reckoned before the first request of a cost; nothing is used."""
        ...

    def take(self, cost: Cost, now_ns: int, *, is_urgent: bool) -> Held | None:
        """Use what a request costs, or return why it may not be sent now."""
        ...

    def signed(self, cost: Cost, now_ns: int, signer: Any, terms: tuple[Any, ...]) -> bytes | None:
        """Return an order's body by a native signer, paid for; None: nothing was used, `take`.

        terms are what the signer's `body` takes.
        """
        ...

    def learn(self, told: tuple[Spent, ...], now_ns: int, offset_ns: int) -> None:
        """Take what the venue says is used."""
        ...

    def told_to_stop(self, now_ns: int, for_ns: int, *, is_ban: bool) -> None:
        """Take the venue's word to stop; for_ns is 0 where it did not say for how long."""
        ...

    def stamp(self, stamp_ns: int, now_ns: int) -> int:
        """Return a number for one request of the key: stamp_ns, or above every one before."""
        ...

    def stop(self, now_ns: int) -> Stop | None:
        """Return for how long the venue has said to stop, or None."""
        ...

    def usage(self, now_ns: int) -> dict[str, tuple[int, int]]:
        """Return by limit how much counts now, and how much there may be."""
        ...


class LocalPacing:
    """The parties of one trader that shares them with nobody."""

    def __init__(self, limits: LimitProfile, rng: Chance) -> None:
        self.limits = limits
        self._rng = rng
        self._parties = {per: Party() for per in (Per.IP, Per.KEY, Per.ACCOUNT)}

    def make_ready(self, cost: Cost) -> None:
        """Nothing can be."""

    def take(self, cost: Cost, now_ns: int, *, is_urgent: bool) -> Held | None:
        """Use what a request costs, or return why it may not be sent now."""
        return take(self.limits, self._parties, cost, now_ns, is_urgent=is_urgent)

    def signed(self, cost: Cost, now_ns: int, signer: Any, terms: tuple[Any, ...]) -> None:
        """Nothing is done at once here."""

    def learn(self, told: tuple[Spent, ...], now_ns: int, offset_ns: int) -> None:
        """Take what the venue says is used."""
        learn(self.limits, self._parties, told, now_ns, offset_ns)

    def told_to_stop(self, now_ns: int, for_ns: int, *, is_ban: bool) -> None:
        """Take the venue's word to stop; for_ns is 0 where it did not say for how long."""
        self._parties[Per.IP].told_to_stop(now_ns, for_ns, self._rng, is_ban=is_ban)

    def stamp(self, stamp_ns: int, now_ns: int) -> int:  # noqa: ARG002 time is nothing to it
        """Return a number for one request of the key: stamp_ns, or above every one before."""
        return self._parties[Per.KEY].stamp(stamp_ns)

    def stop(self, now_ns: int) -> Stop | None:
        """Return for how long the venue has said to stop, or None."""
        return self._parties[Per.IP].stop(now_ns)

    def usage(self, now_ns: int) -> dict[str, tuple[int, int]]:
        """Return by limit how much counts now, and how much there may be."""
        return usage(self.limits, self._parties, now_ns)
