"""One WebSocket's conversation, for either end: login, subscribe, snapshot, then what happens.

The exchange's end answers every message once, in order; a channel's snapshot follows the answer
to its subscribe and is followed by its deltas without a gap. It never closes for a mistake, only
for binary frames and for a flood. The client's end says what it wants when the connection opens
and turns pushes into Events; whether a book has a gap is for its reader to see.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct

from steelyard.dialects.native import (
    account,
    auth,
    calls,
    errors,
    forms,
    full_book,
    market,
    orders,
    stream_messages,
)
from steelyard.dialects.native.checksum import CheckedBook
from steelyard.dialects.native.parameters import build, nearest, parse_object
from steelyard.domain.errors import AuthError, DecodeError, UnitError, Unsupported, VenueRejected
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    SECOND_NS,
    AggregateTrade,
    BalanceEvent,
    BalanceLocked,
    BalanceMoved,
    BookDelta,
    BookQuery,
    BookSnapshot,
    Candle,
    CandleList,
    CandlesQuery,
    Event,
    FullBookChanges,
    FullBookQuery,
    FullBookSnapshot,
    GroupEvent,
    OrderEvent,
    OwnChanges,
    Scope,
    Status,
    StatusQuery,
    Ticker,
    TickerList,
    TickersQuery,
    Touch,
    Trade,
)
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import (
    AccessReason,
    ApiKey,
    Channel,
    ChannelKind,
    Door,
    Ending,
    Refusal,
    SessionRefused,
    Subscription,
)
from steelyard.wire.limits import MessagePace

NAME = "native"
SNAPSHOT_DEPTH = 5_000  # deltas speak of every level, so the snapshot has every level
CLOSE_UNSUPPORTED = 1003
CLOSE_POLICY = 1008
MS_NS = 1_000_000

OPS: dict[str, type[Struct]] = {
    "subscribe": stream_messages.Subscribe,
    "unsubscribe": stream_messages.Subscribe,
    "login": stream_messages.Login,
    "ping": stream_messages.Ping,
    **dict.fromkeys(calls.CALLS, stream_messages.Call),
}
# Not on this API.
ELSEWHERE = frozenset(
    {ChannelKind.AGGREGATES, ChannelKind.FUNDS, ChannelKind.DEPTH, ChannelKind.REFUSED}
)
KINDS = {kind.name.lower(): kind for kind in ChannelKind if kind not in ELSEWHERE}
KIND_NAMES: dict[ChannelKind, Any] = {kind: name for name, kind in KINDS.items()}
PRIVATE = frozenset({ChannelKind.ORDERS, ChannelKind.BALANCES, ChannelKind.FILLS})
OF_A_TRADER = (ChannelKind.ORDERS, ChannelKind.BALANCES)  # `orders` has the fills too
PERIODS_NS = {
    ChannelKind.BOOK: 100 * MS_NS,
    ChannelKind.TICKER: SECOND_NS,
    ChannelKind.CANDLES: 250 * MS_NS,
}
DEFAULT_INTERVAL: forms.Interval = "1m"

_encode = msgspec.json.Encoder().encode


class _Head(Struct):
    """What tells pushes and answers apart, and the id that comes back as it was sent."""

    op: Any = None
    id: Raw = Raw(b"null")
    ok: Any = None
    channel: Any = None
    type: Any = None


_head = msgspec.json.Decoder(_Head).decode


# -- the exchange's end -------------------------------------------------------------------------


def is_target(target: str) -> bool:
    """Whether there is a stream at a target."""
    return target == auth.WS_TARGET


def session(target: str, door: Door) -> "Session | None":
    """Return the conversation at a target, or None where there is none."""
    return Session(door) if is_target(target) else None


class Session:
    """The exchange's end of one WebSocket."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._out: list[bytes] = []
        self._closing: tuple[int, str] | None = None
        self._account_id: int | None = None
        self._key = ""  # proven by the login
        self._followed: dict[Subscription, None] = {}
        self._pace = MessagePace()

    @property
    def closing(self) -> tuple[int, str] | None:
        """The close code and reason once the session must end."""
        return self._closing

    def drain(self) -> list[bytes]:
        """Return the text frames to send, in order."""
        out, self._out = self._out, []
        return out

    def wake(self, now_ns: int) -> None:
        """Nothing here falls due."""

    def end(self, ending: Ending, now_ns: int) -> None:
        """The close code says it all."""

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message from the client and answer it."""
        if self._closing or self._is_unwelcome(frame, now_ns):
            return
        op, sent_id = None, Raw(b"null")
        try:
            given = parse_object(frame, "the message")
            head = _head(frame)
            sent_id = head.id
            op = _op(head.op)
            self._carry_out(build(OPS[op], given, f'the message "{op}"'), op, sent_id)
        except SessionRefused as refused:
            self._refuse(op, sent_id, refused.refusal)
        except UnitError as error:
            self._refuse(op, sent_id, Refusal(error.reason, str(error)))
        except DecodeError as error:
            self._refuse(op, sent_id, Refusal(AccessReason.MALFORMED, str(error), error.field))

    def _is_unwelcome(self, frame: str | bytes, now_ns: int) -> bool:
        if isinstance(frame, bytes):
            self._closing = (CLOSE_UNSUPPORTED, "send JSON in text frames, not binary ones")
            return True
        messages_max = self._door.limits.sockets.messages
        if self._pace.is_over(messages_max, now_ns):
            self._closing = (CLOSE_POLICY, f"over {messages_max} messages in one second")
            return True
        return False

    def _carry_out(self, request: Struct, op: str, sent_id: Raw) -> None:
        match request:
            case stream_messages.Subscribe(op="subscribe"):
                self._subscribe(request, sent_id)
            case stream_messages.Subscribe():
                for subscription in self._wanted(request):
                    if self._followed.pop(subscription, False) is None:
                        self._door.unsubscribe(subscription)
                self._say(stream_messages.Ack(op=op, id=sent_id, ok=True))
            case stream_messages.Login():
                self._login(request, sent_id)
            case stream_messages.Call():
                result = calls.call(op, request.params, self._key, self._door)
                self._say(stream_messages.Ack(op=op, id=sent_id, ok=True, result=result))
            case stream_messages.Ping():
                self._say(
                    stream_messages.Pong(op="pong", id=UNSET if request.id is None else sent_id)
                )
            case _:
                raise AssertionError("OPS has no other requests")

    def _subscribe(self, request: stream_messages.Subscribe, sent_id: Raw) -> None:
        wanted = self._wanted(request)
        most = self._door.limits.sockets.subscriptions_most(forms.SUBSCRIPTIONS_MAX)
        if len(self._followed.keys() | wanted.keys()) > most:
            raise SessionRefused(
                Refusal(
                    AccessReason.KEY_LIMIT,
                    f"a connection follows at most {most} channels, and "
                    f"{len(self._followed)} are followed; unsubscribe some, or open another",
                )
            )
        for subscription in wanted:
            # Once more means from the start: with a snapshot, and deltas that chain to it.
            if self._followed.pop(subscription, False) is None:
                self._door.unsubscribe(subscription)
        for subscription in wanted:
            self._door.subscribe(subscription)
            self._followed[subscription] = None
        self._say(stream_messages.Ack(op="subscribe", id=sent_id, ok=True))
        for subscription in wanted:
            if (first := self._first_push(subscription.channel)) is not None:
                self._say(first)

    def _login(self, request: stream_messages.Login, sent_id: Raw) -> None:
        if self._account_id is not None:
            raise DecodeError("this connection is logged in; open another one", "op")
        self._account_id = self._door.authenticate(auth.login_credentials(request), None)
        self._key = request.key
        self._say(stream_messages.Ack(op="login", id=sent_id, ok=True, account_id=self._account_id))

    def _wanted(self, request: stream_messages.Subscribe) -> dict[Subscription, None]:
        """Return what a message names, each once.

        Raises:
            DecodeError: A symbol or interval is missing or too many, or nothing is named.
            UnitError: A symbol is not listed.
            SessionRefused: A private channel before login, or of a key that may not read.
        """
        if not request.channels:
            raise DecodeError(
                'channels is empty; name some, such as {"channel":"book","symbol":"BTC-USDT"}',
                "channels",
            )
        found: dict[Subscription, None] = {}
        for position, wanted in enumerate(request.channels):
            channel = self._channel(wanted, f"channels[{position}].")
            found[Subscription(NAME, channel, "")] = None
        return found

    def _channel(self, wanted: stream_messages.Wanted, place: str) -> Channel:
        kind = KINDS[wanted.channel]
        if wanted.interval is not None and kind is not ChannelKind.CANDLES:
            raise DecodeError(
                f"{place}interval goes with candles only; leave it out", f"{place}interval"
            )
        if kind in PRIVATE:
            if wanted.symbol is not None:
                raise DecodeError(
                    f"{place}symbol does not go with {wanted.channel}, which tells of all; "
                    "leave it out",
                    f"{place}symbol",
                )
            if self._account_id is None:
                raise SessionRefused(
                    Refusal(
                        AccessReason.MISSING_KEY,
                        f'{wanted.channel} needs a login; send {{"op":"login",...}} first',
                        f"{place}channel",
                    )
                )
            self._require_read(wanted.channel, f"{place}channel")
            return Channel(kind, account_id=self._account_id)
        if kind is ChannelKind.STATUS:
            if wanted.symbol is not None:
                raise DecodeError(
                    f"{place}symbol does not go with status, which is the exchange's; leave it out",
                    f"{place}symbol",
                )
            return Channel(kind)
        if wanted.symbol is None:
            raise DecodeError(
                f'{place}symbol is missing; {wanted.channel} needs one, such as "BTC-USDT"',
                f"{place}symbol",
            )
        instrument = market.instrument_of(wanted.symbol, self._door.listings)
        interval = wanted.interval or DEFAULT_INTERVAL
        return Channel(
            kind,
            instrument.instrument_id,
            period_ns=PERIODS_NS.get(kind, 0),
            interval_ns=market.INTERVALS_NS[interval] if kind is ChannelKind.CANDLES else 0,
        )

    def _require_read(self, channel: str, field: str) -> None:
        """Turn away a key that may not read from what tells of its account."""
        try:
            self._door.require(self._key, Scope.READ)
        except SessionRefused as refused:
            refusal = refused.refusal
            if refusal.reason is AccessReason.MISSING_SCOPE:
                message = f"{channel} needs the scope read; {refusal.message}"
                refusal = refusal._replace(message=message, field=field)
            raise SessionRefused(refusal) from refused

    def _first_push(self, channel: Channel) -> Struct | None:
        """Return how things stand when a channel begins; None where it only tells what happens."""
        if channel.kind in PRIVATE or channel.kind is ChannelKind.TRADES:
            return None
        door, number = self._door, channel.instrument_id
        if channel.kind is ChannelKind.STATUS:
            status = door.snapshot(StatusQuery())
            assert isinstance(status, Status), "a StatusQuery is answered by a status"
            return account.status_push(status)
        instrument = door.listings[number]
        match channel.kind:
            case ChannelKind.BOOK:
                answer = door.snapshot(BookQuery(number, SNAPSHOT_DEPTH))
            case ChannelKind.FULL:
                answer = door.snapshot(FullBookQuery(number))
            case ChannelKind.TOUCH:
                answer = door.snapshot(BookQuery(number, 1))
            case ChannelKind.TICKER:
                answer = door.snapshot(TickersQuery((number,)))
            case _:
                answer = door.snapshot(CandlesQuery(number, channel.interval_ns, limit=1))
        match answer:
            case BookSnapshot() if channel.kind is ChannelKind.BOOK:
                return market.snapshot_to_wire(answer, instrument)
            case BookSnapshot():
                return market.touch_to_wire(market.touch_of(answer), instrument)
            case FullBookSnapshot():
                return full_book.full_snapshot_to_wire(answer, instrument)
            case TickerList(tickers=(ticker,)):
                return market.ticker_push(ticker, instrument)
            case CandleList(candles=(candle,)):
                return market.candle_push(candle, instrument)
            case _:
                return None  # nothing has traded yet

    def _refuse(self, op: str | None, sent_id: Raw, refusal: Refusal) -> None:
        self._say(stream_messages.Ack(op=op, id=sent_id, ok=False, error=errors.detail(refusal)))

    def _say(self, message: Struct) -> None:
        self._out.append(_encode(message))


def frame(subscription: Subscription, event: Event, listings: Listings) -> bytes | None:
    """Return what an event is to the subscribers of a channel."""
    push: Struct
    match event:
        case BookDelta():
            push = market.delta_to_wire(event, listings[event.instrument_id])
        case BookSnapshot():
            push = market.snapshot_to_wire(event, listings[event.instrument_id])
        case FullBookChanges():
            push = full_book.full_changes_to_wire(event, listings[event.instrument_id])
        case Trade():
            push = market.trade_push(event, listings[event.instrument_id])
        case Touch():
            push = market.touch_to_wire(event, listings[event.instrument_id])
        case Ticker():
            push = market.ticker_push(event, listings[event.instrument_id])
        case Candle():
            push = market.candle_push(event, listings[event.instrument_id])
        case OrderEvent() if subscription.channel.kind is ChannelKind.FILLS:
            push = orders.fill_push(event, listings)
        case OrderEvent():
            push = orders.order_push(event, listings)
        case GroupEvent() | OwnChanges():
            return None  # its orders say it
        case Status():
            push = account.status_push(event)
        case BalanceEvent():
            push = account.balances_push(event, listings)
        case AggregateTrade() | BalanceMoved() | BalanceLocked():
            return None
    return _encode(push)


def _op(op: Any) -> str:
    known = " or ".join(f'"{name}"' for name in OPS)
    if op is None:
        raise DecodeError(f"op is missing; it must be {known}", "op")
    if not isinstance(op, str) or op not in OPS:
        close = nearest(op, OPS) if isinstance(op, str) else None
        meant = f'; did you mean "{close}"?' if close else ""
        raise DecodeError(f"op must be {known}{meant}", "op")
    return op


# -- the client's end ---------------------------------------------------------------------------

_PUSHES: dict[tuple[str, str | None], type[Struct]] = {
    ("book", "snapshot"): stream_messages.BookSnapshotPush,
    ("book", "delta"): stream_messages.BookDeltaPush,
    ("trades", None): stream_messages.TradesPush,
    ("ticker", None): stream_messages.TickerPush,
    ("candles", None): stream_messages.CandlesPush,
    ("touch", None): stream_messages.TouchPush,
    ("orders", None): stream_messages.OrdersPush,
    ("balances", None): stream_messages.BalancesPush,
    ("status", None): stream_messages.StatusPush,
}


class ClientStream:
    """The client's end of one WebSocket."""

    target = auth.WS_TARGET

    def __init__(
        self,
        role: str,
        channels: Sequence[stream_messages.Wanted],
        listings: Listings,
        key: ApiKey | None = None,
    ) -> None:
        if len(channels) > forms.SUBSCRIPTIONS_MAX:
            raise Unsupported(
                f"{len(channels)} channels on one connection; {forms.SUBSCRIPTIONS_MAX} are "
                "allowed: open another"
            )
        self.role = role
        self._channels = tuple(channels)
        self._listings = listings
        self._key = key
        self._account_id = 0
        self._ready = False
        self._out: list[str] = []
        self._events: list[Event] = []
        self._books: dict[int, CheckedBook] = {}

    @property
    def ready(self) -> bool:
        """Whether every subscription has been confirmed."""
        return self._ready

    def opened(self, now_ns: int) -> None:
        """Say who we are, if that is needed, and what we want."""
        self._ready = False
        self._books = {}
        if self._key is not None:
            self._say(auth.login_to_wire(self._key, now_ns))
        else:
            self._ask()

    def receive(self, frame: str | bytes, now_ns: int) -> None:  # noqa: ARG002 nothing here is timed
        """Take one message.

        Raises:
            DecodeError: It is not a message of this API.
            AuthError: The login was refused.
            VenueRejected: A subscription was refused.
        """
        if isinstance(frame, bytes):
            raise DecodeError("a binary frame; this API sends text")
        try:
            head = _head(frame)
            if head.op == "pong":
                return
            if head.op is not None:
                self._answered(msgspec.json.decode(frame, type=stream_messages.Ack), frame)
                return
            kind = _PUSHES.get((head.channel, head.type)) if _is_named(head) else None
            if kind is None:
                raise DecodeError("neither an answer nor a push of a channel that we know")
            self._events.append(self._event(msgspec.json.decode(frame, type=kind)))
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise DecodeError(f"not a message of this API: {error}") from error

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return frames to send and what was told, in order."""
        out, self._out = self._out, []
        events, self._events = self._events, []
        return out, events

    def _answered(self, ack: stream_messages.Ack, frame: str) -> None:
        if not ack.ok:
            if ack.error is None:
                raise DecodeError(f"a refusal without an error: {frame[:200]}")
            said = f"{ack.op} was refused: {ack.error.message}"
            reason = errors.reason_of(ack.error.code)
            if isinstance(reason, RejectReason):
                raise VenueRejected(said, reason, ack.error.code)
            raise AuthError(said, ack.error.code)
        if ack.op == "login":
            self._account_id = ack.account_id or 0
            self._ask()
        elif ack.op == "subscribe":
            self._ready = True

    def _event(self, push: Any) -> Event:
        listings = self._listings
        match push:
            case stream_messages.BookSnapshotPush():
                return self._snapshot(push)
            case stream_messages.BookDeltaPush():
                return self._delta(push)
            case stream_messages.TradesPush():
                return market.trade_from_wire(push, listings)
            case stream_messages.TickerPush():
                return market.ticker_from_wire(push, listings)
            case stream_messages.CandlesPush():
                return market.candle_from_wire(push, listings)
            case stream_messages.TouchPush():
                return market.touch_from_wire(push, listings)
            case stream_messages.OrdersPush():
                return orders.order_event(push, listings, self._account_id)
            case stream_messages.StatusPush():
                return account.status_from_wire(push)
            case stream_messages.BalancesPush():
                return account.balances_event(push, listings, self._account_id)
            case _:
                raise AssertionError("_PUSHES has no other structs")

    def _snapshot(self, push: stream_messages.BookSnapshotPush) -> BookSnapshot:
        snapshot = market.book_from_wire(push, self._listings)
        book = CheckedBook(self._listings[snapshot.instrument_id], snapshot)
        book.check(push.checksum)
        self._books[snapshot.instrument_id] = book
        return snapshot.cut_at(SNAPSHOT_DEPTH)

    def _delta(self, push: stream_messages.BookDeltaPush) -> BookDelta:
        delta = market.delta_from_wire(push, self._listings)
        book = self._books.get(delta.instrument_id)
        if book is not None and not book.apply(delta, push.checksum):
            del self._books[delta.instrument_id]
        return delta

    def _ask(self) -> None:
        self._say(stream_messages.Subscribe(op="subscribe", id="all", channels=self._channels))

    def _say(self, message: Struct) -> None:
        self._out.append(_encode(message).decode())


def market_stream(
    instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
) -> ClientStream:
    """Return a session that follows public channels of these instruments; `full` is left out."""
    channels = [
        stream_messages.Wanted(channel=KIND_NAMES[kind], symbol=instrument.symbol)
        for instrument in instruments
        for kind in sorted(kinds - PRIVATE - ELSEWHERE - {ChannelKind.STATUS, ChannelKind.FULL})
    ]
    if ChannelKind.STATUS in kinds:
        channels.append(stream_messages.Wanted(channel="status"))
    return ClientStream("market", channels, listings)


def private_stream(key: ApiKey, listings: Listings) -> ClientStream:
    """Return a session that follows the account's orders and balances."""
    channels = [stream_messages.Wanted(channel=KIND_NAMES[kind]) for kind in OF_A_TRADER]
    return ClientStream("private", channels, listings, key)


def _is_named(head: _Head) -> bool:
    return isinstance(head.channel, str) and isinstance(head.type, str | None)
