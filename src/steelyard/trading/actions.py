"""What goes into a trader and what comes out of it: the words between the machine and its shell.

A shell carries all actions of a step out, in order, before it gives the next input: the journal
has records in the order in which the machine applied them. `Send` waits until every `Journal`
before it is on disk; everything else may happen at once. For each Send and Ask the shell gives
back one `Returned`, in bounded time and whatever happens, and for a Send one `Sent` when its
bytes go out, as a rule just after them, so that nothing waits for what it leads to.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct

from steelyard.domain.commands import UserCommand
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import Event, Query
from steelyard.trading.records import TraderRecord
from steelyard.trading.takeover import Takeover
from steelyard.wire.book import Book
from steelyard.wire.capabilities import Capabilities
from steelyard.wire.outcome import Outcome


class Role(StrEnum):
    """Which of a venue's streams."""

    MARKET = "market"
    PRIVATE = "private"


class Level(StrEnum):
    """How much a log line matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


# -- in -------------------------------------------------------------------------------------------


class Start(NamedTuple):
    """The journal has been replayed: begin. What the venue offers; None: everything.

    takeover is the lease that is held, of several hosts, and what the holder before has left.
    """

    capabilities: Capabilities | None = None
    takeover: Takeover | None = None


class MarketTold(NamedTuple):
    """Whose market it is, as the exchange of ours on this machine has told; empty: it has not.

    kind is crowd, tape, script or live; venue the dialect and the address that are followed.
    """

    kind: str = ""
    venue: str = ""


class BookMoved(Struct, frozen=True, gc=False):
    """A stream told of changes of a book that it keeps by itself.

    became is a `wire.book.Told`: CHANGED, OLD, WAITS, GAP or WHOLE. time_ns is the venue's.
    """

    instrument_id: int
    became: int
    time_ns: int


class Told(Struct, frozen=True, gc=False):
    """A stream told of something."""

    event: Event | BookMoved


class StreamUp(NamedTuple):
    """A stream's subscriptions are confirmed: what happens from here on is told.

    books are those that the stream keeps by itself, by instrument: between two inputs they are
    changed by nothing but what the next one tells of. Of others it tells every change.
    """

    role: Role
    books: Mapping[int, Book] = MappingProxyType({})


class StreamDown(NamedTuple):
    """A stream is gone; what happens from here on is missed."""

    role: Role
    why: str


class Sent(Struct, frozen=True, gc=False):
    """The bytes of a Send go out."""

    request_id: int


class Returned(NamedTuple):
    """What became of a Send or an Ask, and when it left and came back, on our clock."""

    request_id: int
    outcome: Outcome
    sent_ns: int
    received_ns: int


class Woken(NamedTuple):
    """It is `deadline_ns`, or later."""


class Kill(NamedTuple):
    """Latch trading off and cancel every own order; has_file: a latch file says so too."""

    why: str
    has_file: bool = False


class Resume(NamedTuple):
    """Lift the latch."""

    why: str


class Closing(NamedTuple):
    """The kill switch has closed the position, or begun to, by orders of these names."""

    client_order_ids: tuple[str, ...]


class Stop(NamedTuple):
    """End in order."""

    why: str


class VenueHalt(NamedTuple):
    """The venue has told this host to send nothing until then, on our clock; 0: it may again."""

    until_ns: int
    is_ban: bool


class LeaseTold(NamedTuple):
    """How the bot's lease is: why not everything may leave, None: it may; is_lost: never again."""

    trouble: str | None
    is_lost: bool = False


class Reconcile(NamedTuple):
    """Compare everything with the venue now; what came of it is a `Reply` to this request."""

    request: int
    who: str


class Decision(StrEnum):
    """What a person says of an order that the venue's answers do not explain."""

    ABSENT = "absent"  # it, or the change of it, never arrived
    LIVE = "live"  # it is at the venue
    FILLS = "fills"  # its fills are right, whatever the venue counts


class Resolve(NamedTuple):
    """A person decides about an order; answered by a `Reply`. who and why are journaled."""

    request: int
    client_order_id: str
    decision: Decision
    who: str
    why: str


class ResumeBreaker(NamedTuple):
    """A person lets a breaker that has tripped resume; answered by a `Reply`."""

    request: int
    name: str
    who: str
    why: str


Input = (
    Start
    | Told
    | StreamUp
    | StreamDown
    | Sent
    | Returned
    | Woken
    | Kill
    | Resume
    | Closing
    | Stop
    | VenueHalt
    | LeaseTold
    | MarketTold
    | Reconcile
    | Resolve
    | ResumeBreaker
)


# -- out ------------------------------------------------------------------------------------------


class Journal(Struct, frozen=True, gc=False):
    """Append this."""

    message: TraderRecord
    time_ns: int


class Send(Struct, frozen=True, gc=False):
    """Send a command, once all that was journaled before is on disk."""

    request_id: int
    command: UserCommand


class Ask(NamedTuple):
    """Send a query."""

    request_id: int
    query: Query


class Log(NamedTuple):
    """Write a line. name is dotted: `order.refused`."""

    level: Level
    name: str
    text: str


class OpenStreams(NamedTuple):
    """Follow the market of an instrument, and the account; keep both open."""

    instrument: Instrument


class ResetStream(NamedTuple):
    """Close a stream that says nothing any more, so that it is opened anew."""

    role: Role
    why: str


class Reply(NamedTuple):
    """The answer to a person's request: whether it was done, and what came of it."""

    request: int
    is_done: bool
    text: str


class Finish(NamedTuple):
    """Nothing more will happen: write what is left, and end with this exit code."""

    code: int
    text: str


Action = Journal | Send | Ask | Log | OpenStreams | ResetStream | Reply | Finish
