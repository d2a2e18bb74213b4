"""The API of a venue that nobody has: both ends of it, as short as it can be.

REST with JSON bodies, HMAC over time, method, target and body, and a WebSocket that sends a whole
book at each change. `docs/guides/add-a-venue.md` walks through it; `test_lemon.py` proves it.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from steelyard.domain.commands import Cancel, CancelAll, Place, UserCommand
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    AssetBalance,
    BookQuery,
    BookSnapshot,
    Event,
    Execution,
    KeyKind,
    OrderAnswer,
    OrderEvent,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Query,
    Refused,
    Scope,
    Trade,
)
from steelyard.domain.order import Liquidity, OrderType, RejectReason, Side, TimeInForce
from steelyard.domain.units import from_atoms, in_full, parse_decimal, to_atoms
from steelyard.wire.dialect import (
    AccessReason,
    ApiKey,
    Asker,
    Auth,
    Channel,
    ChannelKind,
    Credentials,
    Dialect,
    Door,
    Endpoint,
    Refusal,
    SessionRefused,
    Subscription,
)
from steelyard.wire.http import Request, Response, json_response
from steelyard.wire.limits import Counts, Kind, Limit, LimitProfile, Per
from steelyard.wire.outcome import Answered, NotSent, Outcome, Unknown

NAME = "lemon"
WINDOW_NS = 5 * SECOND_NS
SIDES = {"buy": Side.BUY, "sell": Side.SELL}
STATES = {"working": OrderState.WORKING, "partly": OrderState.PARTIALLY_FILLED}
STATES |= {"filled": OrderState.FILLED, "canceled": OrderState.CANCELED}
REASONS = {reason.name: reason for reason in RejectReason}

# -- messages: in the venue's field names, one struct each ----------------------------------------


class Nothing(Struct):
    """A request without parameters."""


class OneMarket(Struct):
    """A request about one market."""

    market: str


class NewOrder(Struct):
    """An order to place; amounts are texts, as they have to be for money."""

    market: str
    side: str
    price: str
    size: str
    tag: str = ""


class OneOrder(Struct):
    """A request about one order, by the venue's number or by what its owner calls it."""

    id: int = 0
    tag: str = ""


class WireOrder(Struct):
    """An order as answers and the private stream show it; without a price it is at the market."""

    id: int
    tag: str
    market: str
    side: str
    price: str
    size: str
    filled: str
    state: str


class WireBook(Struct):
    """A whole book, best first; `number` rises by one with each change."""

    market: str
    number: int
    bids: tuple[tuple[str, str], ...]
    asks: tuple[tuple[str, str], ...]


class WireTrade(Struct):
    """A public trade; `side` is the taker's."""

    market: str
    id: int
    side: str
    price: str
    size: str


class WireFill(Struct):
    """One execution of an order; the fee may be negative, a rebate."""

    id: int
    price: str
    size: str
    fee: str
    fee_asset: str
    is_maker: bool


class WireBalance(Struct):
    """One asset of an account."""

    asset: str
    free: str
    held: str


class WireError(Struct):
    """What is said instead of an answer."""

    error: str
    message: str


class Frame(Struct, omit_defaults=True):
    """Everything that goes over the WebSocket, either way."""

    book: WireBook | None = None
    trade: WireTrade | None = None
    order: WireOrder | None = None
    fill: WireFill | None = None  # what made the order another one
    error: WireError | None = None
    follow: str = ""  # from the client: a market, or "mine" with the three below
    key: str = ""
    time: str = ""
    signature: str = ""


# -- x_to_wire next to x_from_wire ----------------------------------------------------------------


def order_to_wire(order: Order, listings: Listings) -> WireOrder:
    """Return an order in texts."""
    instrument = listings[order.instrument_id]
    ended = "filled" if order.state is OrderState.FILLED else "canceled"
    return WireOrder(
        order.order_id,
        order.client_order_id,
        instrument.symbol,
        order.side.name.lower(),
        "" if order.price_ticks is None else in_full(instrument.price(order.price_ticks)),
        in_full(instrument.size(order.size_lots)),
        in_full(instrument.size(order.filled_lots)),
        next((name for name, state in STATES.items() if state is order.state), ended),
    )


def order_from_wire(wire: WireOrder, listings: Listings) -> Order:
    """Return an order in ticks and lots."""
    instrument = listings.symbol(wire.market)
    return Order(
        order_id=wire.id,
        client_order_id=wire.tag,
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=SIDES[wire.side],
        order_type=OrderType.LIMIT if wire.price else OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        price_ticks=instrument.price_ticks(parse_decimal(wire.price)) if wire.price else None,
        size_lots=instrument.size_lots(parse_decimal(wire.size)),
        state=STATES[wire.state],
        filled_lots=int(parse_decimal(wire.filled) / instrument.lot_size),
    )


def book_to_wire(book: BookSnapshot, listings: Listings) -> WireBook:
    """Return a book in texts."""
    instrument = listings[book.instrument_id]

    def texts(levels: Sequence[tuple[int, int]]) -> tuple[tuple[str, str], ...]:
        return tuple(
            (in_full(instrument.price(ticks)), in_full(instrument.size(lots)))
            for ticks, lots in levels
        )

    return WireBook(instrument.symbol, book.sequence, texts(book.bids), texts(book.asks))


def book_from_wire(wire: WireBook, listings: Listings, now_ns: int) -> BookSnapshot:
    """Return a book in ticks and lots."""
    instrument = listings.symbol(wire.market)

    def steps(levels: Sequence[tuple[str, str]]) -> tuple[tuple[int, int], ...]:
        return tuple(
            (
                instrument.price_ticks(parse_decimal(price)),
                instrument.size_lots(parse_decimal(size)),
            )
            for price, size in levels
        )

    number = instrument.instrument_id
    return BookSnapshot(number, wire.number, steps(wire.bids), steps(wire.asks), now_ns)


def fill_to_wire(fill: Fill, listings: Listings) -> WireFill:
    """Return an execution in texts."""
    instrument = listings[fill.instrument_id]
    return WireFill(
        fill.trade_id,
        in_full(instrument.price(fill.price_ticks)),
        in_full(instrument.size(fill.size_lots)),
        in_full(from_atoms(fill.fee_atoms)),
        listings.asset(fill.fee_asset_id),
        fill.liquidity is Liquidity.MAKER,
    )


def fill_from_wire(wire: WireFill, order: Order, listings: Listings, now_ns: int) -> Fill:
    """Return an execution in ticks, lots and atoms."""
    instrument = listings[order.instrument_id]
    price_ticks = instrument.price_ticks(parse_decimal(wire.price))
    size_lots = instrument.size_lots(parse_decimal(wire.size))
    return Fill(
        trade_id=wire.id,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account_id=0,
        instrument_id=order.instrument_id,
        side=order.side,
        price_ticks=price_ticks,
        size_lots=size_lots,
        quote_atoms=instrument.notional_atoms(price_ticks, size_lots),
        liquidity=Liquidity.MAKER if wire.is_maker else Liquidity.TAKER,
        fee_asset_id=listings.asset_id(wire.fee_asset),
        fee_atoms=to_atoms(parse_decimal(wire.fee)),
        time_ns=now_ns,
    )


def trade_to_wire(trade: Trade, listings: Listings) -> WireTrade:
    """Return a trade in texts."""
    instrument = listings[trade.instrument_id]
    return WireTrade(
        instrument.symbol,
        trade.trade_id,
        trade.taker_side.name.lower(),
        in_full(instrument.price(trade.price_ticks)),
        in_full(instrument.size(trade.size_lots)),
    )


def trade_from_wire(wire: WireTrade, listings: Listings, now_ns: int) -> Trade:
    """Return a trade in ticks and lots."""
    instrument = listings.symbol(wire.market)
    return Trade(
        instrument.instrument_id,
        wire.id,
        instrument.price_ticks(parse_decimal(wire.price)),
        instrument.size_lots(parse_decimal(wire.size)),
        SIDES[wire.side],
        now_ns,
    )


def place_to_wire(place: Place, listings: Listings) -> NewOrder:
    """Return an order to place in texts.

    Raises:
        Unsupported: The venue has plain limit orders only.
    """
    plain = (OrderType.LIMIT, TimeInForce.GTC, False)
    if (place.order_type, place.time_in_force, place.post_only) != plain:
        raise Unsupported("lemon has limit orders that stay until they are canceled, and no others")
    instrument = listings[place.instrument_id]
    assert place.price_ticks is not None, "a limit order has a price"
    return NewOrder(
        instrument.symbol,
        place.side.name.lower(),
        in_full(instrument.price(place.price_ticks)),
        in_full(instrument.size(place.size_lots)),
        place.client_order_id,
    )


def place_from_wire(wire: NewOrder, asker: Asker) -> Place:
    """Return the Command that a request asks for; what is off the steps raises UnitError."""
    instrument = asker.listings.symbol(wire.market)
    return Place(
        asker.account_id,
        instrument.instrument_id,
        SIDES[wire.side],
        OrderType.LIMIT,
        TimeInForce.GTC,
        post_only=False,
        price_ticks=instrument.price_ticks(parse_decimal(wire.price)),
        size_lots=instrument.size_lots(parse_decimal(wire.size)),
        client_order_id=wire.tag,
    )


# -- sign next to verify --------------------------------------------------------------------------


def sign(key: ApiKey, time: str, method: str, target: str, body: bytes) -> str:
    """Return the signature of a request, in hexadecimal."""
    signed = f"{time}{method}{target}".encode() + body
    return hmac.new(key.secret, signed, hashlib.sha256).hexdigest()


def verify(credentials: Credentials, secret: bytes) -> bool:
    """Return whether the one who signed has this secret."""
    wanted = hmac.new(secret, credentials.payloads[0], hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), credentials.signature.encode())


def claims(key: str, time: str, signature: str, signed: bytes) -> Credentials | Refusal:
    """Return what somebody claims; the gate decides what of it is true, and in which order."""
    if not key.isalnum() or not key.isascii():
        return Refusal(AccessReason.MISSING_KEY, "send the key in the header lemon-key")
    if not (time.isascii() and time.isdigit() and len(time) < 20):
        flaw = Refusal(AccessReason.MISSING_TIMESTAMP, "send ns since 1970 in lemon-time")
        return Credentials.flawed(key, flaw)
    return Credentials(key, signature, (signed,), int(time), WINDOW_NS, SECOND_NS)


def credentials(request: Request, _endpoint: Endpoint) -> Credentials | Refusal:
    """Return what a request claims about its sender."""
    key, time, signature = (
        request.headers.get(f"lemon-{name}", "") for name in ("key", "time", "signature")
    )
    signed = f"{time}{request.method}{request.target}".encode() + request.body
    return claims(key, time, signature, signed)


# -- errors: ours to theirs, and theirs to what they prove ----------------------------------------


def refuse(refusal: Refusal, _now_ns: int) -> Response:
    """Return a refusal in the venue's words."""
    fault = refusal.reason in (AccessReason.UNAVAILABLE, AccessReason.MAINTENANCE)
    is_ours = isinstance(refusal.reason, AccessReason) and fault
    said = msgspec.json.encode(WireError(refusal.reason.name, refusal.message))
    return json_response(503 if is_ours else 400, said)


def outcome_of_error(response: Response) -> Outcome:
    """Return what an error proves: a 5xx nothing, the gate's that nothing was taken up."""
    if response.status >= 500:
        return Unknown(f"HTTP {response.status}")
    try:
        error = msgspec.json.decode(response.body, type=WireError)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Unknown(f"HTTP {response.status} with an answer that cannot be read")
    if error.error in REASONS:
        return Answered(Refused(REASONS[error.error], error.message))
    return NotSent(error.message)


# -- the server half ------------------------------------------------------------------------------


def read(request: Request, endpoint: Endpoint, captured: Mapping[str, str]) -> Struct:
    """Return a request's parameters, or raise the one error that garbage may raise."""
    try:
        body = msgspec.json.decode(request.body) if request.body else {}
        given = {**dict(request.pairs()), **captured, **body}
        return msgspec.convert(given, endpoint.request, strict=False)
    except (msgspec.DecodeError, TypeError, ValueError, RecursionError) as error:
        raise DecodeError(f"parameters: {error}") from error


def _cancel(wire: OneOrder, asker: Asker) -> Cancel:
    order = asker.find_order(OrderQuery(asker.account_id, None, wire.id or None, wire.tag or None))
    number, instrument_id = (order.order_id, order.instrument_id) if order else (wire.id, 0)
    return Cancel(asker.account_id, number, instrument_id)


def _one(answer: OrderAnswer, _wire: Struct, asker: Asker) -> WireOrder:
    return order_to_wire(answer.order, asker.listings)


def _many(answer: OrderList, _wire: Struct, asker: Asker) -> list[WireOrder]:
    orders = (order for order in answer.orders if not order.order_type.waits)  # of other APIs
    return [order_to_wire(order, asker.listings) for order in orders]


def _balances(answer: AccountAnswer, _wire: Struct, asker: Asker) -> list[WireBalance]:
    return [
        WireBalance(
            asker.listings.asset(each.asset_id),
            in_full(from_atoms(each.free_atoms)),
            in_full(from_atoms(each.held_atoms)),
        )
        for each in answer.balances
    ]


def _weight(_wire: Struct) -> int:
    return 1


def _route(method: str, path: str, request: Any, response: Any, decode: Any, encode: Any) -> Any:
    """Return a signed route: reads need the scope to read, everything else that to trade."""
    scope = Scope.READ if method == "GET" else Scope.TRADE
    signed = Endpoint(method, path, request, response, Auth.SIGNED, scope, decode, encode, _weight)
    return signed._replace(summary=path.strip("/"), is_order=(method, path) == ("POST", "/orders"))


BOOK = Endpoint(
    "GET",
    "/book",
    OneMarket,
    WireBook,
    Auth.NONE,
    None,
    lambda wire, asker: BookQuery(asker.listings.symbol(wire.market).instrument_id, 100),
    lambda answer, _, asker: book_to_wire(answer, asker.listings),
    _weight,
    summary="A book",
)
ORDERS: tuple[Endpoint, ...] = (
    _route("POST", "/orders", NewOrder, WireOrder, place_from_wire, _one),
    _route("DELETE", "/orders", OneOrder, WireOrder, _cancel, _one),
    _route(
        "DELETE",
        "/orders/all",
        Nothing,
        list[WireOrder],
        lambda _, asker: CancelAll(asker.account_id, None),
        _many,
    ),
    _route(
        "GET",
        "/order",
        OneOrder,
        WireOrder,
        lambda wire, asker: OrderQuery(asker.account_id, None, wire.id or None, wire.tag or None),
        _one,
    ),
    _route(
        "GET",
        "/orders",
        Nothing,
        list[WireOrder],
        lambda _, asker: OrdersQuery(asker.account_id, 100, open_only=True),
        _many,
    ),
    _route(
        "GET",
        "/balances",
        Nothing,
        list[WireBalance],
        lambda _, asker: AccountQuery(asker.account_id),
        _balances,
    ),
)
PLACE, CANCEL, CANCEL_ALL, ORDER, OPEN, BALANCES = ORDERS


class ServerFeed:
    """The server's end of one WebSocket."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._out: list[bytes] = []
        self.closing: tuple[int, str] | None = None

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message: what the client wants to follow."""
        del now_ns  # nothing here is timed
        try:
            wanted = msgspec.json.decode(frame, type=Frame)
            if wanted.follow == "mine":
                self._follow_account(wanted)
            else:
                self._follow_book(wanted.follow)
        except SessionRefused as refused:
            refusal = refused.refusal
            self._say(Frame(error=WireError(refusal.reason.name, refusal.message)))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            self._say(Frame(error=WireError("MALFORMED", f"not a message of this API: {error}")))

    def drain(self) -> list[bytes]:
        """Return the frames to send."""
        out, self._out = self._out, []
        return out

    def wake(self, now_ns: int) -> None:
        """Nothing here waits for a time."""

    def end(self, ending: Any, now_ns: int) -> None:
        """Nothing is said at the end."""

    def _follow_account(self, wanted: Frame) -> None:
        claimed = claims(wanted.key, wanted.time, wanted.signature, f"{wanted.time}mine".encode())
        if isinstance(claimed, Refusal):
            raise SessionRefused(claimed)
        account_id = self._door.authenticate(claimed, Scope.READ)
        channel = Channel(ChannelKind.ORDERS, account_id=account_id)
        self._door.subscribe(Subscription(NAME, channel, ""))
        self._say(Frame(follow="mine"))

    def _follow_book(self, symbol: str) -> None:
        instrument = self._door.listings.find(symbol)
        if instrument is None:
            raise SessionRefused(Refusal(AccessReason.MALFORMED, f"no market {symbol!r}"))
        number = instrument.instrument_id
        # So many levels, told anew every 100 ms if they have changed.
        channel = Channel(ChannelKind.BOOK, number, period_ns=SECOND_NS // 10, depth=100)
        self._door.subscribe(Subscription(NAME, channel, ""))
        self._door.subscribe(Subscription(NAME, Channel(ChannelKind.TRADES, number), ""))
        book = self._door.snapshot(BookQuery(number, 100))
        assert isinstance(book, BookSnapshot), "a BookQuery is answered with a book"
        self._say(Frame(book=book_to_wire(book, self._door.listings)))
        self._say(Frame(follow=symbol))

    def _say(self, frame: Frame) -> None:
        self._out.append(msgspec.json.encode(frame))


def frame(_: Subscription, event: Event, listings: Listings) -> bytes | None:
    """Return what the subscribers of a channel are told; encoded once for all of them."""
    match event:
        case BookSnapshot():
            return msgspec.json.encode(Frame(book=book_to_wire(event, listings)))
        case Trade():
            return msgspec.json.encode(Frame(trade=trade_to_wire(event, listings)))
        case OrderEvent(fill=fill, order=order):
            told = Frame(order=order_to_wire(order, listings))
            told.fill = fill and fill_to_wire(fill, listings)
            return msgspec.json.encode(told)
        case _:
            return None


# -- the client half ------------------------------------------------------------------------------


class ClientFeed:
    """The client's end of one WebSocket."""

    target = "/feed"

    def __init__(
        self, role: str, wants: Sequence[str], listings: Listings, key: ApiKey | None = None
    ) -> None:
        self.role = role
        self._wants = set(wants)
        self._listings = listings
        self._key = key
        self._out: list[str] = []
        self._events: list[Event] = []
        self._known: set[int] = set()  # orders that it has told of

    @property
    def ready(self) -> bool:
        """Whether all that was wanted has been confirmed."""
        return not self._wants

    def opened(self, now_ns: int) -> None:
        """Say what is wanted."""
        for name in sorted(self._wants):
            said = Frame(follow=name)
            if self._key is not None:
                said.key, said.time = self._key.key, str(now_ns)
                said.signature = sign(self._key, said.time, "", name, b"")
            self._out.append(msgspec.json.encode(said).decode())

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message; DecodeError on garbage, AuthError where the login was refused."""
        try:
            told = msgspec.json.decode(frame, type=Frame)
            if told.error is not None:
                raise AuthError(told.error.message, told.error.error)
            self._wants.discard(told.follow)
            if told.book is not None:
                self._events.append(book_from_wire(told.book, self._listings, now_ns))
            if told.order is not None:
                order = order_from_wire(told.order, self._listings)
                fill = told.fill and fill_from_wire(told.fill, order, self._listings, now_ns)
                self._events.append(self._order(order, fill, now_ns))
            if told.trade is not None:
                self._events.append(trade_from_wire(told.trade, self._listings, now_ns))
        except (msgspec.DecodeError, UnicodeError, RecursionError, KeyError) as error:
            raise DecodeError(f"not a message of this API: {error}") from error

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return frames to send and what was told."""
        out, events = self._out, self._events
        self._out, self._events = [], []
        return out, events

    def _order(self, order: Order, fill: Fill | None, now_ns: int) -> OrderEvent:
        is_new = order.order_id not in self._known
        self._known.add(order.order_id)
        ended = Execution.FILL if fill else Execution.CANCELED
        return OrderEvent(Execution.NEW if is_new else ended, order, fill, now_ns)


class LemonClient:
    """How a trader speaks this language; what is not here the venue does not have."""

    def request(
        self, message: UserCommand | Query, listings: Listings, key: ApiKey | None, now_ns: int
    ) -> Request:
        """Return the bytes to send."""
        endpoint, wire = self._call(message, listings)
        body = msgspec.json.encode(wire) if endpoint.method != "GET" else b""
        pairs = msgspec.to_builtins(wire).items() if endpoint.method == "GET" else ()
        query = "&".join(f"{name}={value}" for name, value in pairs)
        target = f"{endpoint.path}?{query}" if query else endpoint.path
        headers: dict[str, str] = {}
        if endpoint.auth is Auth.SIGNED:
            assert key is not None, "a signed route needs a key"
            signature = sign(key, str(now_ns), endpoint.method, target, body)
            headers = {"lemon-key": key.key, "lemon-time": str(now_ns)}
            headers["lemon-signature"] = signature
        return Request(endpoint.method, target, headers, body)

    def outcome(
        self, message: UserCommand | Query, response: Response, listings: Listings, now_ns: int
    ) -> Outcome:
        """Return what a response proves."""
        if response.status != 200:
            return outcome_of_error(response)
        endpoint, _ = self._call(message, listings)
        try:
            wire = msgspec.json.decode(response.body, type=endpoint.response)
            match wire:
                case WireOrder():
                    return Answered(OrderAnswer(order_from_wire(wire, listings)))
                case WireBook():
                    return Answered(book_from_wire(wire, listings, now_ns))
                case [*_] if endpoint is BALANCES:
                    return Answered(AccountAnswer(0, _balances_of(wire, listings), 0, 0, now_ns))
                case _:
                    orders = tuple(order_from_wire(order, listings) for order in wire)
                    return Answered(OrderList(orders))
        except (msgspec.DecodeError, UnicodeError, RecursionError, KeyError, DecodeError) as error:
            return Unknown(f"an answer that cannot be read: {error}")

    def expiry_ns(self, _message: UserCommand | Query) -> int | None:
        """How long after signing the venue may still take a request up."""
        return WINDOW_NS

    def client_order_id(self, number: int) -> str:
        """Print an id in the venue's charset and length."""
        return f"{number:032x}"

    def market_session(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> ClientFeed:
        """Return a session that follows books and trades, which come together."""
        if not kinds <= {ChannelKind.BOOK, ChannelKind.TRADES}:
            raise Unsupported("lemon has streams of books and trades, and no others")
        return ClientFeed("market", [each.symbol for each in instruments], listings)

    def private_session(self, key: ApiKey, listings: Listings, now_ns: int) -> ClientFeed:
        """Return a session that follows the account's orders."""
        del now_ns  # it is signed when the connection opens
        return ClientFeed("private", ["mine"], listings, key)

    def _call(self, message: UserCommand | Query, listings: Listings) -> tuple[Endpoint, Struct]:
        match message:
            case Place():
                return PLACE, place_to_wire(message, listings)
            case Cancel():
                return CANCEL, OneOrder(message.order_id, message.client_order_id)
            case CancelAll():
                return CANCEL_ALL, Nothing()
            case OrderQuery():
                return ORDER, OneOrder(message.order_id or 0, message.client_order_id or "")
            case OrdersQuery(open_only=True):
                return OPEN, Nothing()
            case AccountQuery():
                return BALANCES, Nothing()
            case BookQuery():
                return BOOK, OneMarket(listings[message.instrument_id].symbol)
            case _:
                raise Unsupported(f"lemon has no {type(message).__name__}")


def _balances_of(wire: Sequence[WireBalance], listings: Listings) -> tuple[AssetBalance, ...]:
    return tuple(
        AssetBalance(
            listings.asset_id(each.asset),
            to_atoms(parse_decimal(each.free)),
            to_atoms(parse_decimal(each.held)),
        )
        for each in wire
    )


def environment(client: str, rest: str, ws: str) -> dict[str, Any]:
    """Return what to paste into somebody's client so that it comes here."""
    raise Unsupported(f"no client {client!r} speaks lemon; it would go to {rest} and {ws}")


# -- the manifest ---------------------------------------------------------------------------------

DIALECT = Dialect(
    name=NAME,
    title="Lemon, an example",
    port_offset=90,
    docs=("docs/guides/add-a-venue.md",),
    endpoints=(BOOK, *ORDERS),
    limits=LimitProfile(
        (Limit("requests", Per.IP, Counts.REQUESTS, 20, 2 * SECOND_NS, Kind.BUCKET),)
    ),
    known_differences=(),
    read=read,
    credentials=credentials,
    verify=verify,
    signature=lambda _: None,
    refuse=refuse,
    usage_headers=lambda _: {},
    session=lambda target, door: ServerFeed(door) if target == "/feed" else None,
    has_stream=lambda target: target == "/feed",
    frame=frame,
    client=LemonClient(),
    environment=environment,
    key_kinds=frozenset({KeyKind.HMAC}),
)
