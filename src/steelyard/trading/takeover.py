"""What the holder of a bot's lease leaves to the next, whose journal may be another one.

Orders, fills and position are found at the venue, which is right whatever the journals say. What
no venue knows is left with the lease at each renewal: the kill latch, breakers, timer slots, the
stop that the position is to have, the day of the risk limits, an adopted holding. The invariant:
whatever a holder left keeps the next one from doing more, never less; a latch or breaker of the
next one's own journal stays until a person lifts it.

A slot of a timer in which the holder before still had its lease counts as used: what is left with a
lease is a moment older than what was done, and an order missed is better than one made twice. What
a strategy keeps in its own attributes is not left, as it is not journaled.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from steelyard.domain.errors import ConfigError
from steelyard.domain.lease import Lease
from steelyard.trading.records import (
    ClosingNoted,
    Killed,
    LeaseTaken,
    PeakSeen,
    PositionAdopted,
    ProtectionSet,
    TimerFired,
    TraderRecord,
)
from steelyard.trading.state import TraderState

_NONE = "not set"
NAMED_MAX = 5  # terms that differ
WHY = "left by the holder of the lease before"


class Left(Struct, frozen=True):
    """What one bot leaves; of a bot of several legs, what each of them does.

    place is what it trades, in words; terms are its class, parameters, limits and policies.
    """

    run: int
    begun_ns: int | None
    records: tuple[TraderRecord, ...] = ()
    place: str = ""
    terms: dict[str, str] = {}


class Takeover(NamedTuple):
    """A lease that is held, and what was left with it; changed is how our terms differ."""

    name: str
    term: int
    holder: str
    before: int
    holder_before: str
    run: int = 0
    begun_ns: int | None = None
    left: tuple[TraderRecord, ...] = ()
    why: str = ""
    changed: str = ""


_Everything = dict[str, Left]


def left(
    state: TraderState,
    waiting: Iterable[TraderRecord] = (),
    place: str = "",
    terms: Mapping[str, str] = MappingProxyType({}),
) -> Left:
    """Return what a bot leaves to the next holder; waiting was left to it, and is not applied."""
    records: list[TraderRecord] = [*waiting]
    if state.killed_why is not None:
        records.append(Killed(state.killed_why))
    records += [tripped.message for tripped in state.breakers.values()]
    records += [TimerFired(*slot) for slot in sorted(state.timer_slots.items())]
    if (stop := state.stop) is not None:
        told = stop.trigger_ticks, stop.limit_ticks, stop.side, WHY, stop.follows
        records.append(ProtectionSet(*told))
    if state.closing:
        records.append(ClosingNoted(tuple(sorted(state.closing))))
    if state.day is not None:
        records.append(state.day)
    if state.peak_atoms is not None:
        records.append(PeakSeen(state.peak_atoms))
    if state.adopted_atoms:
        records.append(PositionAdopted(state.adopted_atoms, state.adopted_value_atoms, WHY))
    return Left(state.run, state.begun_ns, tuple(records), place, dict(terms))


def unlike(lease: Lease, places: Mapping[str, str]) -> str | None:
    """Return why what was left is of another bot than trades these, by leg; None: it is of it.

    Who began elsewhere would leave the orders and the position that are there to nobody.

    Raises:
        ConfigError: What was left cannot be read.
    """
    for leg, told in decode(lease).items():
        which = f" by its leg {leg}" if leg else ""
        here = places.get(leg, "nothing")
        if told.place and told.place != here:
            return (
                f"{lease.holder} trades {told.place}{which}, and this configuration {here}: "
                "whoever takes over would leave its orders and position alone. Give both the "
                "same configuration, or this one another name"
            )
    return None


def changed(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    """Return in which terms two configurations differ, in words; empty: in none, or none is told.

    What only one of them has is of another version of steelyard, or is left out on one side.
    """
    if not (there and here):
        return ""
    names = sorted(name for name in {*there, *here} if there.get(name) != here.get(name))
    told = [
        f"{it} is {there.get(it, 'not set')} there, {here.get(it, 'not set')} here" for it in names
    ]
    more = f" and {len(told) - NAMED_MAX} more" if len(told) > NAMED_MAX else ""
    return "; ".join(told[:NAMED_MAX]) + more


def changed_since(lease: Lease, terms: Mapping[str, Mapping[str, str]]) -> str:
    """Return in which terms ours, by leg, differ from a holder's; empty: in none.

    Raises:
        ConfigError: What was left cannot be read.
    """
    told = decode(lease)
    each = {leg: changed(it.terms, terms.get(leg, {})) for leg, it in told.items()}
    if any(it.terms for it in told.values()):
        each |= {leg: "not traded there" for leg in terms if leg not in told}
    return "; ".join(f"{leg}: {words}" if leg else words for leg, words in each.items() if words)


def encode(everything: dict[str, Left]) -> str:
    """Return what the legs leave, by name, as text."""
    return msgspec.json.encode(everything).decode()


def decode(lease: Lease) -> dict[str, Left]:
    """Return what was left with a lease, by leg.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return msgspec.json.decode(lease.carried or "{}", type=_Everything)
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"what {lease.holder} left with the lease {lease.name} cannot be read: {error}; use "
            "the steelyard that wrote it"
        ) from error


def takeover(
    lease: Lease,
    before: Lease | None,
    leg: str,
    why: str = "",
    terms: Mapping[str, str] = MappingProxyType({}),
) -> Takeover:
    """Return what a leg begins with that holds a lease; before is how it was found.

    Raises:
        ConfigError: What was left cannot be read.
    """
    if before is None:
        return Takeover(lease.name, lease.term, lease.holder, 0, "", why=why)
    told = decode(before).get(leg)
    found = Left(0, None) if told is None else told
    records = tuple(_used(message, before.until_ns or 0) for message in found.records)
    return Takeover(
        lease.name,
        lease.term,
        lease.holder,
        before.term,
        before.holder,
        found.run,
        found.begun_ns,
        records,
        why,
        changed(found.terms, terms),
    )


def taken_over(takeover: Takeover, state: TraderState) -> LeaseTaken:
    """Return the record of a lease that is held, for a journal that has come so far."""
    is_elsewhere = takeover.before not in {0, state.lease_term}
    return LeaseTaken(
        takeover.name,
        takeover.term,
        takeover.holder,
        takeover.before,
        takeover.holder_before,
        is_elsewhere,
        takeover.begun_ns if is_elsewhere else None,
        takeover.run,
        takeover.why,
    )


def needs_instrument(message: TraderRecord) -> bool:
    """Whether a record that was left can be applied only once the instrument is known."""
    return isinstance(message, PositionAdopted)


def _used(message: Any, until_ns: int) -> Any:
    if not isinstance(message, TimerFired):
        return message
    return TimerFired(message.interval_ns, max(message.slot, until_ns // message.interval_ns))
