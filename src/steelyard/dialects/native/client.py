"""The native API from a trader's side: Commands and Queries to bytes, bytes to outcomes.

The server's half in reverse, over the same structs. What a response proves is decided by code:
a refusal by the engine is an answer, one by the gate means that nothing was taken up, and
whatever cannot be read proves nothing. A nonce is made from the request and its nanosecond, so
two different requests never share one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import msgspec

from steelyard.dialects.native import account, auth, errors, forms, market, messages, orders
from steelyard.dialects.native.endpoints import BASE, ENDPOINTS
from steelyard.dialects.native.limits import Weight, limits_from_wire
from steelyard.dialects.native.stream import ClientStream, market_stream, private_stream
from steelyard.dialects.native.text import to_ms
from steelyard.domain.commands import Amend, Cancel, CancelAll, Command, Place, PlaceGroup
from steelyard.domain.errors import DecodeError, Unsupported, UsageError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    AccountQuery,
    Answer,
    BookQuery,
    BookSnapshot,
    CandleList,
    CandlesQuery,
    ClockQuery,
    FillList,
    FillsQuery,
    InstrumentsQuery,
    KeyQuery,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Query,
    StatusQuery,
    TickerList,
    TickersQuery,
    TradeList,
    TradesQuery,
)
from steelyard.wire.budget import Cost, Spent
from steelyard.wire.dialect import ApiKey, Auth, ChannelKind
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import LimitProfile, ratelimit_told
from steelyard.wire.outcome import Answered, Outcome, Unknown

Message = Command | Query


class _Route(NamedTuple):
    """Where a message goes, with what, and what comes back."""

    method: str
    path: str
    answer: type
    is_signed: bool = True
    query: Mapping[str, Any] | None = None
    body: dict[str, Any] | None = None


class NativeClient:
    """The client half. It keeps nothing between calls."""

    def request(
        self, message: Message, listings: Listings, key: ApiKey | None, now_ns: int
    ) -> Request:
        """Return the bytes to send, signed where the endpoint asks for it.

        Raises:
            Unsupported: The venue does not offer this, or a Command does not say enough.
            UsageError: A key is needed.
        """
        route = _route(message, listings)
        given = {name: value for name, value in (route.query or {}).items() if value is not None}
        target = BASE + route.path + (f"?{urlencode(given)}" if given else "")
        body = b"" if route.body is None else msgspec.json.encode(route.body)
        headers = {"content-type": "application/json"} if body else {}
        if route.is_signed:
            if key is None:
                raise UsageError(
                    f"{route.method} {target} is signed: give a key "
                    "(steelyard key create ACCOUNT --dialect native --scopes read,trade)"
                )
            headers |= auth.signed_headers(key, route.method, target, body, now_ns)
        return Request(route.method, target, headers, body)

    def outcome(
        self,
        message: Message,
        response: Response,
        listings: Listings,
        now_ns: int,  # noqa: ARG002 answers carry their own time
    ) -> Outcome:
        """Return what a response means for a message: Answered, NotSent or Unknown, by code."""
        if response.status // 100 != 2:  # noqa: PLR2004 the class of success
            return errors.outcome_of_error(message, response)
        try:
            form = _route(message, listings).answer
            wire: Any = msgspec.json.decode(response.body, type=form)
            answer = _answer(message, wire, listings)
            if isinstance(message, BookQuery) and isinstance(answer, BookSnapshot):
                answer = answer.cut_at(min(message.depth, forms.BOOK_DEPTH_MAX))
            return Answered(answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, DecodeError) as error:
            return Unknown(f"HTTP {response.status} with an answer that cannot be read: {error}")

    nonces_rise = False

    def cost(self, message: Message, listings: Listings) -> Cost:
        """Return what a message weighs, and how many orders it is."""
        match message:
            case Place():
                return _PLACE_COST
            case Cancel():
                return _CANCEL_COST
            case PlaceGroup():
                size = len(message.places)
                return _cost("POST", "/groups")._replace(weight=size, orders=size)
            case _:
                route = _route(message, listings)
                return _cost(route.method, route.path, route.query)

    def spent(self, response: Response) -> tuple[Spent, ...]:
        """Return what headers say of the limit that is nearest to its end."""
        told = ratelimit_told(response.headers)
        return () if told is None else (Spent(told[1], told[0]),)

    def limits_request(self) -> Request:
        """Return what asks for the limits in force."""
        return Request("GET", f"{BASE}/limits", {}, b"")

    def limits_of(self, response: Response) -> LimitProfile:
        """Return the limits in force.

        Raises:
            DecodeError: The answer does not tell them.
        """
        try:
            return limits_from_wire(msgspec.json.decode(response.body, type=messages.Limits))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            raise DecodeError(f"HTTP {response.status} tells no limits: {error}") from error

    def expiry_ns(self, _message: Message) -> int | None:
        """How long after signing the venue may still take a request up."""
        return auth.WINDOW_NS

    def client_order_id(self, number: int) -> str:
        """Print a 128-bit id: 32 hex digits."""
        return f"{number:032x}"

    def market_session(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> ClientStream:
        """Return a session that follows these public channels; candles are those of a minute."""
        return market_stream(instruments, listings, kinds)

    def market_table(self, _instruments: Sequence[Instrument]) -> None:
        """Its frames are read by Python code: books have checksums, which no table speaks of."""
        return

    def private_session(
        self,
        key: ApiKey,
        listings: Listings,
        now_ns: int,  # noqa: ARG002 the login is signed when the connection opens
    ) -> ClientStream:
        """Return a session that follows the account's orders and balances."""
        return private_stream(key, listings)


def _cost(method: str, path: str, query: Mapping[str, Any] | None = None) -> Cost:
    """Return what a request to a route counts as; of what is not in the table, one."""
    shape = path.split("/")
    for endpoint in ENDPOINTS:
        segments = endpoint.path.removeprefix(BASE).split("/")
        pairs = zip(segments, shape, strict=False)
        if (endpoint.method, len(segments)) == (method, len(shape)) and all(
            a == b or a.startswith("{") for a, b in pairs
        ):
            given = {k: v for k, v in (query or {}).items() if v is not None}
            weight = endpoint.weight
            assert isinstance(weight, Weight), "routes of this table say their weight's range"
            units = weight.least
            if weight.least != weight.most:
                units = weight(msgspec.convert(given, endpoint.request, strict=False))
            is_public = endpoint.auth is Auth.NONE
            return Cost(method, endpoint.path, is_public, units, int(endpoint.is_order))
    return Cost(method, BASE + path, is_public=False, weight=1)


# The same for each of them; asked before every one.
_PLACE_COST = _cost("POST", "/orders")
_CANCEL_COST = _cost("DELETE", "/orders/1")


def _route(message: Message, listings: Listings) -> _Route:
    query: dict[str, Any]
    match message:
        case Place():
            body = orders.place_to_wire(message, listings)
            return _Route("POST", "/orders", messages.PlacedOrder, body=body)
        case PlaceGroup():
            body = orders.group_to_wire(message, listings)
            return _Route("POST", "/groups", messages.OrderList, body=body)
        case Amend():
            body = orders.amend_to_wire(message, listings)
            return _Route("PATCH", f"/orders/{message.order_id}", messages.PlacedOrder, body=body)
        case Cancel():
            return _Route("DELETE", f"/orders/{message.order_id}", messages.Order)
        case CancelAll():
            query = {"symbol": _symbol(message.instrument_id, listings)}
            return _Route("DELETE", "/orders", messages.OrderList, query=query)
        case ClockQuery():
            return _Route("GET", "/time", messages.ServerTime, is_signed=False)
        case StatusQuery():
            return _Route("GET", "/status", messages.ServerStatus, is_signed=False)
        case InstrumentsQuery():
            return _Route("GET", "/instruments", messages.InstrumentList, is_signed=False)
        case AccountQuery():
            return _Route("GET", "/account", messages.Account)
        case KeyQuery():
            return _Route("GET", "/key", messages.KeyInfo)
        case OrderQuery(order_id=None, client_order_id=str(name)):
            path = f"/orders/by-client-id/{quote(name, safe='')}"
            return _Route("GET", path, messages.Order)
        case OrderQuery():
            return _Route("GET", f"/orders/{message.order_id or 0}", messages.Order)
        case BookQuery() | TradesQuery() | CandlesQuery() | TickersQuery():
            return _market_route(message, listings)
        case OrdersQuery():
            query = {
                "symbol": _symbol(message.instrument_id, listings),
                "open": "true" if message.open_only else None,
                "from_id": message.from_order_id,
                "ids": ",".join(map(str, message.order_ids)) or None,
                **_span(message),
            }
            return _Route("GET", "/orders", messages.OrderList, query=query)
        case FillsQuery():
            query = {
                "symbol": _symbol(message.instrument_id, listings),
                "order_id": message.order_id,
                "from_id": message.from_trade_id,
                **_span(message),
            }
            return _Route("GET", "/fills", messages.FillList, query=query)
        case _:
            raise Unsupported(f"{type(message).__name__} cannot be sent over the native API")


def _market_route(
    message: BookQuery | TradesQuery | CandlesQuery | TickersQuery, listings: Listings
) -> _Route:
    query: dict[str, Any]
    match message:
        case BookQuery():
            depth = min(message.depth, forms.BOOK_DEPTH_MAX)
            query = {"symbol": _symbol(message.instrument_id, listings), "depth": depth}
            return _Route("GET", "/book", messages.Book, is_signed=False, query=query)
        case TradesQuery():
            query = {
                "symbol": _symbol(message.instrument_id, listings),
                "from_id": message.from_trade_id,
                **_span(message),
            }
            return _Route("GET", "/trades", messages.TradeList, is_signed=False, query=query)
        case CandlesQuery():
            if message.offset_ns:
                raise Unsupported("candles are in UTC on this API")
            query = {
                "symbol": _symbol(message.instrument_id, listings),
                "interval": market.interval_of(message.interval_ns),
                **_span(message),
            }
            return _Route("GET", "/candles", messages.CandleList, is_signed=False, query=query)
        case TickersQuery():
            wanted = message.instrument_ids or ()
            symbol = _symbol(wanted[0], listings) if len(wanted) == 1 else None
            query = {"symbol": symbol}
            return _Route("GET", "/ticker", messages.TickerList, is_signed=False, query=query)


def _answer(message: Message, wire: Any, listings: Listings) -> Answer:
    read = _READ[type(wire)]
    answer = read(wire, listings, getattr(message, "account_id", 0))
    if isinstance(message, TickersQuery) and message.instrument_ids is not None:
        assert isinstance(answer, TickerList), "a TickersQuery is answered with tickers"
        wanted = set(message.instrument_ids)
        return TickerList(tuple(t for t in answer.tickers if t.instrument_id in wanted))
    return answer


_READ: dict[type, Callable[[Any, Listings, int], Answer]] = {
    messages.PlacedOrder: orders.placed_from_wire,
    messages.Order: lambda wire, listings, account_id: OrderAnswer(
        orders.order_from_wire(wire, listings, account_id)
    ),
    messages.OrderList: lambda wire, listings, account_id: OrderList(
        tuple(orders.order_from_wire(order, listings, account_id) for order in wire.orders)
    ),
    messages.FillList: lambda wire, listings, account_id: FillList(
        tuple(orders.fill_from_wire(fill, listings, account_id) for fill in wire.fills)
    ),
    messages.Account: lambda wire, listings, _: account.account_from_wire(wire, listings),
    messages.KeyInfo: lambda wire, _, __: account.key_from_wire(wire),
    messages.ServerTime: lambda wire, _, __: account.clock_from_wire(wire),
    messages.ServerStatus: lambda wire, _, __: account.status_from_wire(wire),
    messages.InstrumentList: lambda wire, _, __: market.instruments_from_wire(wire),
    messages.Book: lambda wire, listings, _: market.book_from_wire(wire, listings),
    messages.TradeList: lambda wire, listings, _: TradeList(
        tuple(market.trade_from_wire(trade, listings) for trade in wire.trades)
    ),
    messages.CandleList: lambda wire, listings, _: CandleList(
        tuple(market.candle_from_wire(candle, listings) for candle in wire.candles)
    ),
    messages.TickerList: lambda wire, listings, _: TickerList(
        tuple(market.ticker_from_wire(ticker, listings) for ticker in wire.tickers)
    ),
}


def _symbol(instrument_id: int | None, listings: Listings) -> str | None:
    return None if instrument_id is None else listings[instrument_id].symbol


def _span(message: TradesQuery | CandlesQuery | OrdersQuery | FillsQuery) -> dict[str, int | None]:
    """Return limit and times; rounding to milliseconds widens the span, never narrows it."""
    start, end = message.start_ns, message.end_ns
    return {
        "start": None if start is None else to_ms(start),
        "end": None if end is None else -to_ms(-end),
        "limit": min(message.limit, forms.LIST_MAX),
    }
