"""The client half: what a trader sends to Coinbase Exchange over REST, and what an answer means.

The invariant: a request is built from the same structs that the server half reads. Of a command,
every answer is Answered, NotSent or Unknown, never an exception: what cannot be read may have
happened. Of a query, garbage is a DecodeError.
"""

from collections.abc import Sequence
from http import HTTPStatus

from steelyard.dialects.coinbase_exchange import (
    account,
    errors,
    market,
    orders,
    placing,
    tables,
)
from steelyard.dialects.coinbase_exchange.account_messages import Account
from steelyard.dialects.coinbase_exchange.auth import WINDOW_NS, signed_headers
from steelyard.dialects.coinbase_exchange.follower import AccountFollower, MarketFollower
from steelyard.dialects.coinbase_exchange.messages import (
    Book,
    BookRequest,
    CancelAllRequest,
    Candle,
    CandlesRequest,
    Fill,
    FillsRequest,
    Nothing,
    Order,
    OrderRequest,
    OrdersRequest,
    Product,
    ProductRequest,
    PublicTrade,
    Ticker,
    Time,
    TradesRequest,
)
from steelyard.dialects.coinbase_exchange.parameters import JSON, write
from steelyard.dialects.coinbase_exchange.routes import needs_key
from steelyard.dialects.coinbase_exchange.tables import USER_AGENT
from steelyard.domain.commands import Cancel, CancelAll, Place, UserCommand
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    SECOND_NS,
    AccountQuery,
    Acknowledged,
    BookQuery,
    CandleList,
    CandlesQuery,
    ClockQuery,
    FillList,
    FillsQuery,
    InstrumentsQuery,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Query,
    TickerList,
    TickersQuery,
    TradeList,
    TradesQuery,
)
from steelyard.wire.budget import Cost, Spent
from steelyard.wire.call import Call, cost_of, decoded
from steelyard.wire.dialect import ApiKey, Auth, ChannelKind, ClientSession
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import LimitProfile, ratelimit_told
from steelyard.wire.moments import iso
from steelyard.wire.outcome import Answered, Outcome, Unknown
from steelyard.wire.tables import MarketTable
from steelyard.wire.uuids import client_uuid, is_foreign, is_random_uuid, order_uuid

GRANULARITIES = (60, 300, 900, 3_600, 21_600, 86_400)

Message = UserCommand | Query


class CoinbaseClient:
    """How a trader speaks to Coinbase Exchange."""

    def request(
        self, message: Message, listings: Listings, key: ApiKey | None, now_ns: int
    ) -> Request:
        """Return the bytes to send, signed where the route asks for it.

        Raises:
            Unsupported: The venue does not offer this.
            UsageError: The route needs a key and there is none.
        """
        call = call_of(message, listings)
        endpoint = call.endpoint
        target, body = write(endpoint, call.parameters)
        headers = {"user-agent": USER_AGENT}
        if body:
            headers["content-type"] = JSON
        if endpoint.auth is Auth.SIGNED:
            if key is None:
                raise needs_key(f"{endpoint.method} {endpoint.path}")
            headers |= signed_headers(key, endpoint.method, target, body, now_ns)
        return Request(endpoint.method, target, headers, body)

    def outcome(
        self, message: Message, response: Response, listings: Listings, now_ns: int
    ) -> Outcome:
        """Return what a response means for a message.

        Raises:
            DecodeError: The answer to a query has another form than documented.
        """
        call = call_of(message, listings)
        if response.status != HTTPStatus.OK:
            return errors.refused_outcome(response)
        try:
            return Answered(call.read(decoded(response.body, call.body), listings, now_ns))
        except DecodeError as error:
            if isinstance(message, UserCommand):
                return Unknown(f"the answer cannot be read: {error}")
            raise

    nonces_rise = False

    def cost(self, message: Message, listings: Listings) -> Cost:
        """Return what a message counts as: the venue's buckets count requests."""
        match message:
            case Place():
                return _PLACE_COST
            case Cancel():
                return _CANCEL_COST
            case _:
                return call_of(message, listings).cost

    def spent(self, response: Response) -> tuple[Spent, ...]:
        """Return what headers say of limits, of which the venue itself has none."""
        told = ratelimit_told(response.headers)
        return () if told is None else (Spent(told[1], told[0]),)

    def limits_request(self) -> None:
        """Return None: the venue tells its limits to people only."""

    def limits_of(self, response: Response) -> LimitProfile:  # noqa: ARG002
        """Raise DecodeError: no answer tells them."""
        raise DecodeError("Coinbase Exchange tells its limits to people only")

    def expiry_ns(self, message: Message) -> int | None:
        """Return how long the venue may still take a request up: as old as a timestamp may be."""
        return WINDOW_NS if isinstance(message, _SIGNED) else None

    def client_order_id(self, number: int) -> str:
        """Print a 128-bit id as a random-looking UUID, which is all that the venue keeps."""
        return client_uuid(number)

    def market_session(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> ClientSession:
        """Return a session that follows these public channels."""
        return MarketFollower(instruments, listings, kinds)

    def market_table(self, instruments: Sequence[Instrument]) -> MarketTable | None:
        """Return how a native reader reads the frames of such a session."""
        try:
            return tables.market(instruments)
        except Unsupported:
            return None  # of finer steps than it counts

    def private_session(self, key: ApiKey, listings: Listings, now_ns: int) -> ClientSession:  # noqa: ARG002
        """Return a session that follows the account's orders and balances."""
        return AccountFollower(key, listings)


PRIVATE = AccountQuery | OrderQuery | OrdersQuery | FillsQuery
_SIGNED = UserCommand | PRIVATE
# The same for each of them; asked before every one.
_PLACE_COST = cost_of(orders.PLACE, Nothing())
_CANCEL_COST = cost_of(orders.CANCEL, Nothing())


def call_of(message: Message, listings: Listings) -> Call:
    """Return the request that a message is.

    Raises:
        Unsupported: The venue does not offer this.
    """
    match message:
        case Place():
            return Call(
                orders.PLACE,
                placing.place_to_wire(message, listings),
                Order,
                lambda body, known, _: orders.placed_from_wire(body, known),
            )
        case Cancel():
            name = _name(message.order_id, message.client_order_id)
            product_id = _product(message.instrument_id, listings)
            return Call(
                orders.CANCEL,
                OrderRequest(order_id=name, product_id=product_id),
                str,
                lambda _body, _known, _now_ns: Acknowledged(),
            )
        case CancelAll():
            return Call(
                orders.CANCEL_ALL,
                CancelAllRequest(product_id=_product(message.instrument_id, listings)),
                tuple[str, ...],
                lambda body, _known, _now_ns: Acknowledged(len(body)),
            )
        case OrderQuery():
            name = _name(message.order_id, message.client_order_id)
            return Call(
                orders.QUERY,
                OrderRequest(order_id=name),
                Order,
                lambda body, known, _: OrderAnswer(orders.order_from_wire(body, known)),
            )
        case OrdersQuery():
            return _orders(message, listings)
        case FillsQuery():
            return _fills(message, listings)
        case AccountQuery():
            return Call(
                account.ACCOUNTS,
                Nothing(),
                tuple[Account, ...],
                lambda body, known, _: account.account_from_wire(body, known),
            )
        case _ if not isinstance(message, UserCommand):
            return _public(message, listings)
        case _:
            raise Unsupported(f"Coinbase Exchange has no {type(message).__name__} over this API")


def _public(query: Query, listings: Listings) -> Call:
    match query:
        case InstrumentsQuery():
            return Call(
                market.PRODUCTS,
                Nothing(),
                tuple[Product, ...],
                lambda body, _, __: market.instruments_from_wire(body),
            )
        case ClockQuery():
            return Call(
                market.TIME, Nothing(), Time, lambda body, _, __: market.clock_from_wire(body)
            )
        case BookQuery():
            instrument = listings[query.instrument_id]
            return Call(
                market.BOOK,
                BookRequest(instrument.symbol, level=1 if query.depth == 1 else 2),
                Book,
                lambda body, _, __: market.book_from_wire(body, instrument),
            )
        case TradesQuery():
            return _trades(query, listings)
        case CandlesQuery():
            return _candles(query, listings)
        case TickersQuery(instrument_ids=(number,)):
            instrument = listings[number]
            return Call(
                market.TICKER,
                ProductRequest(instrument.symbol),
                Ticker,
                lambda body, _, now_ns: TickerList(
                    (market.ticker_from_wire(body, instrument, now_ns),)
                ),
            )
        case _:
            raise Unsupported(f"Coinbase Exchange has no {type(query).__name__} of this kind")


def _orders(query: OrdersQuery, listings: Listings) -> Call:
    return Call(
        orders.ORDERS,
        OrdersRequest(
            status=() if query.open_only else ("all",),
            product_id=_product(query.instrument_id, listings),
            limit=query.limit,
            start_date=None if query.start_ns is None else iso(query.start_ns),
            end_date=None if query.end_ns is None else iso(query.end_ns),
        ),
        tuple[Order, ...],
        lambda body, known, _: OrderList(
            tuple(orders.order_from_wire(order, known) for order in reversed(body))
        ),
    )


def _fills(query: FillsQuery, listings: Listings) -> Call:
    if query.order_id is None and query.instrument_id is None:
        raise Unsupported("Coinbase Exchange lists fills by product or order; name one")
    from_id = query.from_trade_id or 0
    return Call(
        orders.FILLS,
        FillsRequest(
            order_id=None if query.order_id is None else _uuid(query.order_id),
            product_id=_product(query.instrument_id, listings),
            limit=query.limit,
            # What is newer than a trade; with a time instead, what is newer than that.
            before=str(from_id - 1) if from_id > 1 else None,
            start_date=None if query.start_ns is None else iso(query.start_ns),
            end_date=None if query.end_ns is None else iso(query.end_ns),
        ),
        tuple[Fill, ...],
        lambda body, known, _: FillList(
            tuple(
                orders.fill_from_wire(fill, known)
                for fill in reversed(body)
                if fill.trade_id >= from_id
            )
        ),
    )


def _trades(query: TradesQuery, listings: Listings) -> Call:
    if query.start_ns is not None or query.end_ns is not None:
        raise Unsupported("Coinbase Exchange gives trades by id only; ask with from_trade_id")
    instrument, from_id = listings[query.instrument_id], query.from_trade_id or 0
    return Call(
        market.TRADES,
        TradesRequest(
            instrument.symbol,
            limit=query.limit,
            before=str(from_id - 1) if from_id > 1 else None,
        ),
        tuple[PublicTrade, ...],
        lambda body, _, __: TradeList(
            tuple(market.trade_from_wire(trade, instrument) for trade in reversed(body))
        ),
    )


def _candles(query: CandlesQuery, listings: Listings) -> Call:
    seconds = query.interval_ns // SECOND_NS
    if seconds not in GRANULARITIES or query.interval_ns % SECOND_NS or query.offset_ns:
        known = ", ".join(map(str, GRANULARITIES))
        raise Unsupported(f"Coinbase Exchange has candles of {known} seconds, in UTC")
    instrument, interval_ns = listings[query.instrument_id], query.interval_ns
    start_ns, end_ns = query.start_ns, query.end_ns
    if start_ns is not None:
        last_ns = start_ns + (min(query.limit, market.CANDLES_MAX) - 1) * interval_ns
        end_ns = last_ns if end_ns is None else min(end_ns, last_ns)
    return Call(
        market.CANDLES,
        CandlesRequest(
            instrument.symbol,
            granularity=seconds,  # type: ignore[arg-type]
            start=None if start_ns is None else iso(start_ns),
            end=None if end_ns is None else iso(end_ns),
        ),
        tuple[Candle, ...],
        lambda body, _, now_ns: CandleList(
            tuple(
                market.candle_from_wire(row, instrument, interval_ns, now_ns)
                for row in reversed(body[: query.limit])
            )
        ),
    )


def _name(order_id: int | None, client_order_id: str | None) -> str:
    """Return how a request names an order: by the client's own id where there is one."""
    if client_order_id and is_random_uuid(client_order_id):
        return f"{orders.CLIENT}{client_order_id}"
    return _uuid(order_id or 0)


def _uuid(order_id: int) -> str:
    if is_foreign(order_id):
        raise Unsupported("an order's UUID cannot be made from its number; name its client id")
    return order_uuid(order_id)


def _product(instrument_id: int | None, listings: Listings) -> str | None:
    return None if instrument_id is None else listings[instrument_id].symbol
