"""What a dialect is made of: one venue's API as tables and pure functions, for both ends.

A dialect folder exports `DIALECT`. The exchange's gate reads its server half: it finds the
endpoint, the credentials and the parameters of a request, turns wire structs into Commands
and Queries, and Answers, Events and refusals back into bytes. A trader's connector reads its
client half, which goes the other way with the same structs. Nothing here knows a venue, and a
dialect knows no engine, no clock and no I/O.
"""

from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import IntEnum, auto
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

from msgspec import Struct

from steelyard.domain.closing import PlaceClosing
from steelyard.domain.commands import UserCommand
from steelyard.domain.dead_man import DeadManMessage
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    Answer,
    Batch,
    Event,
    KeyKind,
    OrderQuery,
    Query,
    Refused,
    Scope,
)
from steelyard.domain.order import MarketState, RejectReason
from steelyard.domain.stream_tokens import StreamTokenMessage
from steelyard.domain.transfers import MoneyMessage
from steelyard.wire.budget import Cost, Spent
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import LimitProfile, Usage
from steelyard.wire.outcome import Outcome
from steelyard.wire.plain_orders import OrderTable
from steelyard.wire.tables import MarketTable


class Auth(IntEnum):
    """What an endpoint asks of a request."""

    NONE = 0
    KEY = 1  # a known key, no signature
    SIGNED = 2


class AccessReason(IntEnum):
    """Why the gate turned a request away before the engine saw it, in the order of the checks."""

    BODY_TOO_LARGE = 101  # apart from RejectReason: an IntEnum equals any other of its number
    UNKNOWN_ENDPOINT = auto()
    METHOD_NOT_ALLOWED = auto()
    UPGRADE_REQUIRED = auto()  # a stream's path, asked for without a WebSocket's handshake
    IP_BANNED = auto()
    IP_LIMIT = auto()
    MAINTENANCE = auto()  # the operator takes no requests now
    MISSING_KEY = auto()
    UNKNOWN_KEY = auto()  # never issued, or revoked
    KEY_EXPIRED = auto()
    KEY_ROTATED = auto()  # another key has replaced it, and the time in which both are good is over
    IP_NOT_ALLOWED = auto()
    MISSING_SIGNATURE = auto()
    MISSING_TIMESTAMP = auto()
    BAD_SIGNATURE = auto()
    BAD_PASSPHRASE = auto()
    STALE_TIMESTAMP = auto()
    FUTURE_TIMESTAMP = auto()
    REPEATED_NONCE = auto()
    MISSING_SCOPE = auto()
    WITHDRAW_COOLING = auto()  # the key may withdraw, but not yet
    KEY_LIMIT = auto()
    ORDER_LIMIT = auto()
    MALFORMED = auto()  # a parameter is missing, unknown, of the wrong type or not UTF-8
    PRODUCT_NOT_ALLOWED = auto()  # the key may trade, but not this instrument
    PERSON_REQUIRED = auto()  # nobody who could confirm a withdrawal has signed up
    DUPLICATE_CLIENT_WITHDRAWAL_ID = auto()
    UNKNOWN_ADDRESS = auto()  # not in the person's address book
    ADDRESS_COOLING = auto()  # in it, but too new
    TOO_MANY_TRANSFERS = auto()  # under way at once
    UNAVAILABLE = auto()  # the exchange is stopping, or its disk refuses


class Refusal(NamedTuple):
    """A no that is to be said in the venue's words.

    message is ours and says how to mend it; a dialect may add it to the venue's own text. Where
    the dialect itself said no, code is the venue's own, and details what it says besides.
    """

    reason: AccessReason | RejectReason
    message: str
    field: str | None = None
    retry_after_ns: int = 0
    code: str | int | None = None
    details: Any = None


class Credentials(NamedTuple):
    """What a request claims about its sender.

    payloads are the byte strings of which one must have been signed: the documented one first,
    then forms that real clients are known to sign. timestamp_ns is None where the dialect has
    none. A nonce may be used once per key within the window; one that rises is a number, without
    leading zeros, and has to be above every one that the key has used. flaw is what is missing or
    malformed besides the key: it is told when the signature's turn comes, and not before the key's.
    kind is of which kind of key the request is signed like, where a dialect has several that look
    different; misfit is what to say if the key is of another.

    On a WebSocket a stream token may stand for all of that: it is worth what its key is.

    tell_passphrase, where a venue wants it, makes of the secret and the passphrase what has to be
    told instead of the passphrase itself.
    """

    key: str
    signature: str
    payloads: tuple[bytes, ...]
    timestamp_ns: int | None
    window_ns: int  # how old the timestamp may be
    ahead_ns: int  # how far in the future it may be
    nonce: str | None = None
    flaw: Refusal | None = None
    nonce_rises: bool = False
    passphrase: str = ""
    kind: KeyKind | None = None
    misfit: str = ""
    token: str = ""
    tell_passphrase: Callable[[bytes, bytes], bytes] | None = None

    @classmethod
    def flawed(cls, key: str, flaw: Refusal) -> Self:
        """Return a claim that names a key and proves nothing."""
        return cls(key, "", (), None, 0, 0, flaw=flaw)


def _no_order(_query: OrderQuery) -> Order | None:
    return None


def _open(_instrument_id: int) -> MarketState:
    return MarketState.OPEN


def _no_answer(query: Query) -> Answer:
    raise Unsupported(f"nobody is there to answer {type(query).__name__}")


class Asker(NamedTuple):
    """Who asks, once the gate knows: account_id and key are 0 and '' for the public.

    find_order looks up one of the asker's orders, for requests that speak of an order without
    saying what the engine needs: its instrument, or its number. state_of tells what a market lets
    happen. ask answers any query, for requests whose meaning depends on what is: prices relative
    to the last one, say.
    """

    account_id: int
    key: str
    now_ns: int
    listings: Listings
    limits: LimitProfile
    find_order: Callable[[OrderQuery], Order | None] = _no_order
    usage: Usage = ()  # of the limits that this request counted against
    state_of: Callable[[int], MarketState] = _open
    ask: Callable[[Query], Answer] = _no_answer
    sandbox_ns: int = 0  # the time that orders go by; now_ns is the wire's


def _one(_request: Any) -> int:
    return 1


class Charge(NamedTuple):
    """What a request costs where an account's orders of one instrument are counted (`Per.PAIR`).

    units are used whatever becomes of it, aged only if it is carried out. What may overshoot is
    carried out though it uses more than is left.
    """

    instrument_id: int
    units: int
    aged: int = 0
    may_overshoot: bool = False


Charges = Callable[[Any, Asker], tuple[Charge, ...]]
Decoded = (
    UserCommand
    | PlaceClosing
    | Query
    | Batch
    | MoneyMessage
    | StreamTokenMessage
    | DeadManMessage
    | None
)


class Endpoint(NamedTuple):
    """One REST route; `path` may hold `{name}` segments, which become parameters.

    decode turns the request struct into a Command, a Query, or a message about money or a stream
    token (None: the route is answered by `encode` alone); encode turns the Answer (None likewise)
    into the response struct, or into a whole Response where that is not JSON. Both may raise
    UnitError or Unsupported, which become refusals. refused, where a venue has one, sees what the
    engine refused: it returns what to answer instead, None for the usual refusal, or raises
    SessionRefused with another.
    """

    method: str
    path: str
    request: type[Struct]
    response: Any
    auth: Auth
    scope: Scope | None
    decode: Callable[[Any, Asker], Decoded]
    encode: Callable[[Any, Any, Asker], Any]
    weight: Callable[[Any], int]
    is_order: bool = False  # counts against the order limit
    status: int = 200
    summary: str = ""
    in_maintenance: bool = False  # answered all the same
    orders: Callable[[Any], int] = _one  # how many orders a request holds, where it is one
    is_free: bool = False  # what succeeds weighs nothing
    refused: Callable[[Refused, Any, Asker], Any] | None = None
    charges: Charges | None = None  # where orders are counted per pair; may raise as decode does


class ChannelKind(IntEnum):
    """What a stream carries."""

    BOOK = 1  # BookDelta; of a channel with a depth, BookSnapshot
    TRADES = 2  # Trade
    TOUCH = 3  # Touch
    TICKER = 4  # Ticker
    CANDLES = 5  # Candle
    ORDERS = 6  # OrderEvent, private
    BALANCES = 7  # BalanceEvent, private
    STATUS = 8  # Status, of the exchange
    FILLS = 9  # OrderEvent of each execution, private
    FULL = 10  # FullBookChanges; of a channel with an account too, OwnChanges
    AGGREGATES = 11  # AggregateTrade
    FUNDS = 12  # BalanceMoved and BalanceLocked, private
    DEPTH = 13  # BookDelta of the best levels: who hears it cuts off what is beyond the depth
    REFUSED = 14  # OrderEvent of an order that was refused when it was placed, private


class Channel(NamedTuple):
    """One stream. Instrument for the public kinds, account for the private ones.

    period_ns is how often it is flushed (0: at once, a ticker when something traded); interval_ns
    is a candle's length, or that of a ticker's window (0: 24 hours); offset_ns is how far ahead of
    UTC a candle's days are; depth, which needs a period, is how many levels of a side a book has
    that is told anew each time, or of which DEPTH tells the changes. tells_beyond: of a DEPTH, a
    level that others have pushed beyond the depth is told as gone, for venues whose clients cut
    nothing off themselves.
    """

    kind: ChannelKind
    instrument_id: int = 0
    account_id: int = 0
    period_ns: int = 0
    interval_ns: int = 0
    depth: int = 0
    offset_ns: int = 0
    tells_beyond: bool = False


class Subscription(NamedTuple):
    """A channel as one dialect spells it; equal subscriptions share every encoded frame.

    form is the dialect's own note on how to wrap the payload (say, the combined-stream name).
    """

    dialect: str
    channel: Channel
    form: str


# What a session makes of a frame that its dialect has encoded, before it is sent to its client.
Finish = Callable[[bytes], Sequence[bytes]]

# A request's parameters, or DecodeError; and its credentials, or why there are none. The gate asks
# when their turn comes, so that no dialect can tell of a parameter before it tells of a key.
Read = Callable[[], Struct]
Claim = Callable[[], Credentials | Refusal]


class Door(Protocol):
    """What a WebSocket session may ask of the exchange behind it; the gate is one."""

    @property
    def listings(self) -> Listings:
        """What is listed."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the request that opened the connection, by names in lower case."""
        ...

    def call(self, endpoint: Endpoint, read: Read, claim: Claim) -> Any:
        """Authenticate, limit and carry out one request; return the response struct.

        What `read` raises is told last, after all that is wrong with who asks.

        Raises:
            Turned away: `SessionRefused`, with the refusal to be said in the venue's words.
        """
        ...

    def count(self, weight: int) -> None:
        """Count a message that asks no endpoint against the address, or raise SessionRefused."""
        ...

    def authenticate(self, credentials: Credentials, scope: Scope | None) -> int:
        """Return the account of valid credentials, or raise SessionRefused; None is any scope."""
        ...

    def require(self, key: str, scope: Scope) -> None:
        """Raise SessionRefused unless a key that was proven here still may do this."""
        ...

    def redeem(self, token: str) -> int | None:
        """Return the account that a stream token opens; None where it is worth nothing (more)."""
        ...

    def subscribe(self, subscription: Subscription, finish: Finish | None = None) -> None:
        """Begin a stream for this session; finish is for frames that are each session's own.

        Where a venue numbers what each of its connections is told, say.
        """
        ...

    def unsubscribe(self, subscription: Subscription) -> None:
        """End it."""
        ...

    @property
    def limits(self) -> LimitProfile:
        """The limits in force."""
        ...

    @property
    def usage(self) -> Usage:
        """What the last request counted."""
        ...

    def charged(self, account_id: int, instrument_id: int) -> int | None:
        """Return what an account's counter of an instrument stands at; None: nothing counts."""
        ...

    def snapshot(self, query: Query) -> Answer:
        """Answer a public query, for channels that start with a snapshot."""
        ...


class SessionRefused(Exception):
    """A WebSocket request was turned away."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Ending(IntEnum):
    """Why the exchange is about to close a WebSocket."""

    STOP = 1  # the exchange stops, in order
    KEY = 2  # a key that it has proven is worth nothing any more, or something else
    AGE = 3  # connections last no longer


class ServerSession(Protocol):
    """One WebSocket's conversation, server end: changed by one call, then drained empty."""

    def wake(self, now_ns: int) -> None:
        """Time went on: called about twice a second."""
        ...

    def end(self, ending: Ending, now_ns: int) -> None:
        """The connection is about to be closed: say what is to be said before."""
        ...

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one text or binary message from the client."""
        ...

    def drain(self) -> list[bytes]:
        """Return the text frames to send, in order."""
        ...

    @property
    def closing(self) -> tuple[int, str] | None:
        """The close code and reason once the session must end."""
        ...


class ApiKey(NamedTuple):
    """A key with its secret bytes; only shells and signing functions hold one.

    Of a key pair there is no secret: `sign` returns the private half's signature of a payload,
    always the same for the same one.
    """

    key: str
    secret: bytes
    passphrase: str = ""
    sign: Callable[[bytes], bytes] | None = None

    def __repr__(self) -> str:
        return f"ApiKey({self.key!r}, ***)"


class KeyText(NamedTuple):
    """A new key as the venue would spell it; the secret of a key pair is not used."""

    key: str
    secret: str
    passphrase: str = ""

    def __repr__(self) -> str:
        return f"KeyText({self.key!r}, ***)"


Entropy = Callable[[int], bytes]  # so many random bytes
TOKEN_BYTES = 40


def plain_key(entropy: Entropy) -> KeyText:
    """Spell a key and its secret with 64 letters and digits each: 320 random bits."""
    return KeyText(new_token(entropy), new_token(entropy))


def new_token(entropy: Entropy) -> str:
    """Return 64 letters and digits: 320 random bits."""
    return b32encode(entropy(TOKEN_BYTES)).decode().lower()


class ClientSession(Protocol):
    """One WebSocket's conversation, client end: changed by one call, then drained empty.

    target is the path and query to open. `needs` lists queries whose Answers the session wants
    (a book snapshot, say); they come back by `answer`.
    """

    target: str
    role: str  # which of the client's hosts: "market" or "private"

    def opened(self, now_ns: int) -> None:
        """The connection is open."""
        ...

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message. Raises DecodeError on garbage, AuthError when login is refused."""
        ...

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return frames to send and what was told, in order."""
        ...

    @property
    def ready(self) -> bool:
        """Whether every subscription has been confirmed."""
        ...


@runtime_checkable
class Errand(Protocol):
    """What a session may have besides: a request that it wants answered once it is open.

    For venues whose streams open with a token, say.
    """

    def errand(self, now_ns: int) -> Request | None:
        """Return the request; None where there is none (any more)."""
        ...

    def returned(self, response: Response, now_ns: int) -> None:
        """Take the response. Raises DecodeError on garbage, AuthError when it is refused."""
        ...


@runtime_checkable
class HandedOut(Protocol):
    """What a session may have besides, whose venue hands out the address of its stream.

    The request is asked before each connection is opened; what it returns makes the session's
    `target` the one to open.
    """

    def address_request(self, now_ns: int) -> Request | None:
        """Return what asks for the address; None: it is known."""
        ...

    def addressed(self, response: Response, now_ns: int) -> None:
        """Take the response. Raises DecodeError on garbage, AuthError when it is refused."""
        ...


@runtime_checkable
class Introduced(Protocol):
    """What a session may have besides, whose venue is told who asks as the connection opens."""

    def opening_headers(self, now_ns: int) -> dict[str, str]:
        """Return what the request that opens the connection has to say in its headers."""
        ...


def opening_headers(session: object, now_ns: int) -> dict[str, str]:
    """Return the headers that open a session's connection; most have none to send."""
    return session.opening_headers(now_ns) if isinstance(session, Introduced) else {}


@runtime_checkable
class Waking(Protocol):
    """What a session may have besides, that has something to say of its own accord.

    For venues that want to be told at times that somebody is still there.
    """

    def wake(self, now_ns: int) -> None:
        """Time went on: called about once a second while the connection is open."""
        ...


@runtime_checkable
class Paired(Protocol):
    """What a session may have besides, whose venue tells a part of it on another connection.

    The session there is opened once this one is, and both end together. It has frames to send and
    may be `Waking`, and nothing else of what a session may have besides; what it is told this one
    tells, which is not ready before both are.
    """

    beside: ClientSession


@runtime_checkable
class Parted(Protocol):
    """What a client end may have besides, whose venue does not answer every query at once."""

    def further(self, query: Query, answers: Sequence[Answer]) -> Query | None:
        """Return what to ask next, after these answers; None where they are all there is."""
        ...

    def joined(self, query: Query, answers: Sequence[Answer]) -> Answer:
        """Return the answer to a query, of all of its parts; there is at least one."""
        ...


@runtime_checkable
class Renewing(Protocol):
    """What a market session may have besides: the venue sends a book anew on the same stream.

    For venues whose books have checksums and no numbers.
    """

    def renew(self, instrument_id: int) -> None:
        """Ask for an instrument's book anew."""
        ...


class EntrySession(Protocol):
    """A WebSocket over which orders are entered, client end: one request at a time.

    What a response means the client half says (`ClientEnd.outcome`), as of one over REST.
    """

    target: str

    def opened(self, now_ns: int) -> list[str]:
        """The connection is open: return the frames to send before any request."""
        ...

    def request(self, message: UserCommand, listings: Listings, now_ns: int) -> str:
        """Return the frame of a command.

        Raises:
            Unsupported: The venue does not offer this, or not over this connection.
        """
        ...

    def response(self, frame: str | bytes) -> Response | None:
        """Return what answers the last request; None where a frame is about something else.

        Raises:
            DecodeError: It has another form than documented.
        """
        ...


class ClientEnd(Protocol):
    """The client half: how a trader speaks this venue's language."""

    def request(
        self, message: UserCommand | Query, listings: Listings, key: ApiKey | None, now_ns: int
    ) -> Request:
        """Return the bytes to send, signed where the endpoint asks for it.

        Raises:
            Unsupported: The venue does not offer this.
        """
        ...

    def outcome(
        self, message: UserCommand | Query, response: Response, listings: Listings, now_ns: int
    ) -> Outcome:
        """Return what a response means for a message: Answered, NotSent or Unknown, by code."""
        ...

    def expiry_ns(self, message: UserCommand | Query) -> int | None:
        """How long after signing the venue may still take a request up; None: for ever."""
        ...

    def client_order_id(self, number: int) -> str:
        """Print a 128-bit id in the venue's charset and length."""
        ...

    def market_session(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> ClientSession:
        """Return a session that follows these public channels."""
        ...

    def market_table(self, instruments: Sequence[Instrument]) -> MarketTable | None:
        """Return how a native reader reads the frames of such a session; None: it cannot.

        It may pass over what the session understands, and never reads anything otherwise.
        """
        ...

    def private_session(self, key: ApiKey, listings: Listings, now_ns: int) -> ClientSession:
        """Return a session that follows the account's orders and balances."""
        ...


@runtime_checkable
class Paced(Protocol):
    """What a client half may have besides: how the venue counts what is asked, and tells of it.

    Without it every request counts as a heavy one, and what the venue tells is not read.
    """

    nonces_rise: bool  # a request's time has to be above that of every one before, of any process

    def cost(self, message: UserCommand | Query, listings: Listings) -> Cost:
        """Return what a message counts as; where only the venue knows, the most that it can.

        Raises:
            Unsupported: The venue does not offer this.
        """
        ...

    def spent(self, response: Response) -> tuple[Spent, ...]:
        """Return what a response says of limits; what makes no sense is passed over."""
        ...

    def limits_request(self) -> Request | None:
        """Return what asks for the limits in force; None: the venue does not tell them."""
        ...

    def limits_of(self, response: Response) -> LimitProfile:
        """Return the limits that the answer tells.

        Raises:
            DecodeError: It does not tell any.
        """
        ...


class PublicHosts(NamedTuple):
    """Where a venue tells its public market data, to whoever asks.

    drop is a path that our own ports have before the venue's, because they are one port for several
    of its hosts.
    """

    rest: str
    ws: str
    drop: str = ""


class Dialect(NamedTuple):
    """One venue's language. The fields are what `docs/reference/dialects.md` is made of."""

    name: str
    title: str
    port_offset: int  # from --port-base
    docs: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    limits: LimitProfile
    known_differences: tuple[tuple[str, str], ...]  # what, why
    # server half
    read: Callable[[Request, Endpoint, Mapping[str, str]], Struct]  # raises DecodeError
    credentials: Callable[[Request, Endpoint], Credentials | Refusal]  # Refusal: names no key
    verify: Callable[[Credentials, bytes], bool]  # by a shared secret
    signature: Callable[[Credentials], bytes | None]  # by a key pair, decoded; None: malformed
    refuse: Callable[[Refusal, int], Response]  # (refusal, now_ns)
    usage_headers: Callable[[Usage], dict[str, str]]
    session: Callable[[str, Door], ServerSession | None]  # by target; None: no such stream
    has_stream: Callable[[str], bool]  # by target
    # One text frame, several in their order, or none.
    frame: Callable[[Subscription, Event, Listings], bytes | tuple[bytes, ...] | None]
    # client half
    client: ClientEnd
    environment: Callable[[str, str, str], dict[str, Any]]  # (client, rest, ws): what to paste
    # A client order id is unique among open orders, or (True) for ever: the same order again
    # gets the first answer, another one a refusal.
    client_ids_for_ever: bool = False
    key_kinds: frozenset[KeyKind] = frozenset({KeyKind.HMAC, KeyKind.ED25519, KeyKind.RSA})
    notes: tuple[str, ...] = ()  # as at the venue, and good to know
    fills_give_back: bool = False  # an order that trades is not counted against the order limits
    connection_life_ns: int = 0  # how long a WebSocket may last; 0: as long as it likes
    # How its keys look. Those with a passphrase have to prove that too.
    new_key: Callable[[Entropy], KeyText] = plain_key
    # What the key of a pair is called, where that is spelled otherwise than the key of a secret.
    key_name: Callable[[Entropy, KeyKind], str] | None = None
    # Its private stream tells each execution; else what they add up to, and a trader asks for them.
    tells_fills: bool = True
    # What a taker trades at one price is told to the public as one trade.
    joins_trades: bool = False
    # An answer to a Place, Amend or Cancel tells the order as it then is. Else it only says that it
    # was taken up: `Acknowledged`; of a Place the order as it was asked for.
    answers_in_full: bool = True
    # An Amend puts another order, with a number of its own, in the place of the one that was.
    replaces: bool = False
    # Around carrying out a request, for what else it says of the answer's form; may refuse.
    manner: Callable[[Request], AbstractContextManager[Any]] | None = None
    # Methods whose requests a client sends one by one: their nonces have to arrive rising.
    in_turn: frozenset[str] = frozenset()
    # A client's session for orders over a WebSocket, of a key; None: orders go over REST alone.
    entry: Callable[[ApiKey], EntrySession] | None = None
    public: PublicHosts | None = None  # of the venue itself; None: there is none
    plain_orders: OrderTable | None = None  # how nearly all of its new orders look
