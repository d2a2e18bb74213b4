"""The client half: what a trader sends to Advanced Trade over REST, and what an answer means.

The invariant: a request is built from the same structs that the server half reads. Of a command,
every answer is Answered, NotSent or Unknown, never an exception: what cannot be read may have
happened. Of a query, garbage is a DecodeError.

The venue cancels and changes by its own ids, which cannot be made from our numbers: those that it
has told are remembered, of the newest orders. Who begins anew asks for the open orders first.
"""

from collections.abc import Sequence
from http import HTTPStatus

from steelyard.dialects.coinbase_advanced import (
    account,
    errors,
    fills,
    market,
    orders,
    parts,
    placing,
)
from steelyard.dialects.coinbase_advanced.account_messages import KeyPermissions
from steelyard.dialects.coinbase_advanced.auth import OWN_LIFETIME_NS, signed_headers
from steelyard.dialects.coinbase_advanced.follower import AccountFollower, MarketFollower
from steelyard.dialects.coinbase_advanced.messages import (
    Book,
    BookRequest,
    Candles,
    CandlesRequest,
    Nothing,
    Product,
    ProductRequest,
    Products,
    ProductsRequest,
    PublicTrades,
    Time,
    TradesRequest,
)
from steelyard.dialects.coinbase_advanced.order_messages import (
    Canceled,
    CancelRequest,
    Edited,
    EditRequest,
    Fills,
    FillsRequest,
    OneOrder,
    OrderRequest,
    Orders,
    OrdersRequest,
    Placed,
)
from steelyard.dialects.coinbase_advanced.parameters import JSON, write
from steelyard.dialects.coinbase_advanced.parts import Cursors
from steelyard.dialects.coinbase_advanced.routes import needs_key
from steelyard.dialects.coinbase_advanced.text import shown
from steelyard.domain.commands import Amend, Cancel, Place, UserCommand
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    SECOND_NS,
    AccountQuery,
    Acknowledged,
    Answer,
    BookQuery,
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
    Refused,
    TickerList,
    TickersQuery,
    TradeList,
    TradesQuery,
)
from steelyard.domain.order import RejectReason
from steelyard.wire.budget import Cost, Spent
from steelyard.wire.call import Call, cost_of, decoded
from steelyard.wire.dialect import ApiKey, Auth, ChannelKind, ClientSession
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import LimitProfile, ratelimit_told
from steelyard.wire.moments import iso
from steelyard.wire.numerals import price_text, size_text
from steelyard.wire.outcome import Answered, Outcome, Unknown
from steelyard.wire.tables import MarketTable
from steelyard.wire.uuids import client_uuid, is_foreign, order_number, order_uuid

USER_AGENT = "steelyard"
NAMES_MAX = 100_000  # ids of the venue that are remembered

Message = UserCommand | Query
PRIVATE = AccountQuery | OrderQuery | OrdersQuery | FillsQuery | KeyQuery
_SIGNED = UserCommand | PRIVATE


class Names:
    """The venue's ids of orders, by our numbers: ours follow from them, its own are remembered."""

    def __init__(self) -> None:
        self._told: dict[int, str] = {}

    def number(self, text: str) -> int:
        """Return our number of an order.

        Raises:
            DecodeError: The id has another form than an id has.
        """
        found = order_number(text)
        if is_foreign(found):
            self._told.pop(found, None)
            self._told[found] = text
            if len(self._told) > NAMES_MAX:
                self._told.pop(next(iter(self._told)))
        return found

    def text(self, number: int) -> str:
        """Return the venue's id of an order.

        Raises:
            Unsupported: It has not been told.
        """
        if not is_foreign(number):
            return order_uuid(number)
        if number not in self._told:
            raise Unsupported(
                "the venue knows its orders by ids of its own, and has not told this one's; ask "
                "for the open orders first"
            )
        return self._told[number]


class CoinbaseAdvancedClient:
    """How a trader speaks to Advanced Trade."""

    def __init__(self) -> None:
        self._names = Names()
        self._cursors = Cursors()

    def request(
        self, message: Message, listings: Listings, key: ApiKey | None, now_ns: int
    ) -> Request:
        """Return the bytes to send, signed where the route asks for it.

        Raises:
            Unsupported: The venue does not offer this.
            UsageError: The route needs a key and there is none.
            AuthError: The key is of a kind that the venue does not take.
        """
        call = self._call(message, listings, now_ns)
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
        call = self._call(message, listings, now_ns)
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
        """Return what a message counts as: the venue's limits count requests."""
        match message:
            case Place():
                return _PLACE_COST
            case Cancel():
                return _CANCEL_COST
            case _:
                return self._call(message, listings, 0).cost

    def spent(self, response: Response) -> tuple[Spent, ...]:
        """Return what headers say of limits; the venue's own name none."""
        told = ratelimit_told(response.headers)
        return () if told is None else (Spent(told[1], told[0]),)

    def limits_request(self) -> None:
        """Return None: the venue tells its limits to people only."""

    def limits_of(self, response: Response) -> LimitProfile:  # noqa: ARG002
        """Raise DecodeError: no answer tells them."""
        raise DecodeError("Coinbase Advanced tells its limits to people only")

    def expiry_ns(self, message: Message) -> int | None:
        """Return how long the venue may still take a request up: as long as a token is good."""
        return OWN_LIFETIME_NS if isinstance(message, _SIGNED) else None

    def further(self, query: Query, answers: Sequence[Answer]) -> Query | None:
        """Return the query for the next page; None where that was the last."""
        return parts.further(query, answers)

    def joined(self, query: Query, answers: Sequence[Answer]) -> Answer:
        """Return the answer of all pages."""
        return parts.joined(query, answers)

    def client_order_id(self, number: int) -> str:
        """Print a 128-bit id as a random-looking UUID."""
        return client_uuid(number)

    def market_session(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> ClientSession:
        """Return a session that follows these public channels."""
        return MarketFollower(instruments, listings, kinds)

    def market_table(self, instruments: Sequence[Instrument]) -> MarketTable | None:  # noqa: ARG002
        """Return None: a message is a list of events with lists in them, which no table tells."""
        return None

    def private_session(self, key: ApiKey, listings: Listings, now_ns: int) -> ClientSession:  # noqa: ARG002
        """Return a session that follows the account's orders."""
        return AccountFollower(key, listings, self._names.number)

    # -- requests ---------------------------------------------------------------------------

    def _call(self, message: Message, listings: Listings, now_ns: int) -> Call:
        """Return the request that a message is.

        Raises:
            Unsupported: The venue does not offer this.
        """
        names = self._names
        match message:
            case Place():
                return Call(
                    orders.PLACE,
                    placing.place_to_wire(message, listings),
                    Placed,
                    lambda body, _, now: _placed(body, message, names, now),
                )
            case Cancel():
                name = names.text(message.order_id)
                return Call(
                    orders.CANCEL,
                    CancelRequest((name,)),
                    Canceled,
                    lambda body, _, __: _canceled(body, name),
                )
            case Amend():
                return Call(
                    orders.EDIT,
                    _edit(message, listings, names),
                    Edited,
                    lambda b, _, __: _edited(b),
                )
            case OrderQuery(order_id=number) if number:
                return Call(
                    orders.QUERY,
                    OrderRequest(order_id=names.text(number)),
                    OneOrder,
                    lambda body, known, _: OrderAnswer(
                        orders.order_from_wire(body.order, known, names.number)
                    ),
                )
            case OrderQuery(client_order_id=str(own)) if own:
                product = _product(message.instrument_id, listings)
                return Call(
                    orders.ORDERS,
                    OrdersRequest(
                        product_ids=(product,) if product else (), limit=orders.ORDERS_MAX
                    ),
                    Orders,
                    lambda body, known, _: _found(body, own, known, names),
                )
            case OrdersQuery():
                return self._orders(message, listings)
            case FillsQuery():
                return self._fills(message, listings)
            case AccountQuery():
                return parts.account_call(message, self._cursors)
            case KeyQuery(key=key):
                return Call(
                    account.KEY,
                    Nothing(),
                    KeyPermissions,
                    lambda body, _, __: account.key_from_wire(body, key),
                )
            case _ if not isinstance(message, UserCommand):
                return _public(message, listings, now_ns)
            case _:
                raise Unsupported(f"Coinbase Advanced has no {type(message).__name__}")

    def _orders(self, query: OrdersQuery, listings: Listings) -> Call:
        product = _product(query.instrument_id, listings)
        return Call(
            orders.ORDERS,
            OrdersRequest(
                order_status=("OPEN",) if query.open_only else (),
                product_ids=(product,) if product else (),
                limit=query.limit,
                start_date=None if query.start_ns is None else iso(query.start_ns),
                end_date=None if query.end_ns is None else iso(query.end_ns),
            ),
            Orders,
            lambda body, known, _: OrderList(
                tuple(
                    orders.order_from_wire(order, known, self._names.number)
                    for order in reversed(body.orders)
                )
            ),
        )

    def _fills(self, query: FillsQuery, listings: Listings) -> Call:
        product, order_id = _product(query.instrument_id, listings), query.order_id
        names = self._names
        return Call(
            fills.FILLS,
            FillsRequest(
                order_ids=() if order_id is None else (names.text(order_id),),
                product_ids=(product,) if product else (),
                # The newest come first: who wants those from one on wants all that there are.
                limit=query.limit if query.from_trade_id is None else fills.FILLS_MAX,
                start_sequence_timestamp=None if query.start_ns is None else iso(query.start_ns),
                end_sequence_timestamp=None if query.end_ns is None else iso(query.end_ns),
            ),
            Fills,
            lambda body, known, _: _fill_list(body, query, known, names),
        )


_PLACE_COST = cost_of(orders.PLACE, Nothing())
_CANCEL_COST = cost_of(orders.CANCEL, Nothing())


def _placed(body: Placed, place: Place, names: Names, now_ns: int) -> Answer:
    """Return the order as it was asked for, or why there is none."""
    if not body.success:
        if not body.error_response:
            raise DecodeError("a new order has neither succeeded nor failed", "error_response")
        return errors.refusal_of(body.error_response)
    if not body.success_response:
        raise DecodeError("a new order has no id", "success_response")
    return OrderAnswer(
        Order(
            order_id=names.number(body.success_response.order_id),
            client_order_id=body.success_response.client_order_id,
            account_id=0,
            instrument_id=place.instrument_id,
            side=place.side,
            order_type=place.order_type,
            time_in_force=place.time_in_force,
            post_only=place.post_only,
            price_ticks=place.price_ticks,
            size_lots=place.size_lots,
            self_trade=place.self_trade,
            created_ns=now_ns,
            updated_ns=now_ns,
            trigger_ticks=place.trigger_ticks,
            expire_ns=place.expire_ns,
        )
    )


def _canceled(body: Canceled, name: str) -> Answer:
    for result in body.results:
        if result.order_id == name:
            if result.success:
                return Acknowledged()
            reason = errors.reason_of(result.failure_reason)
            return Refused(reason, result.failure_reason)
    raise DecodeError(f"no result says what became of {shown(name)}", "results")


def _edit(amend: Amend, listings: Listings, names: Names) -> EditRequest:
    if amend.instrument_id is None or amend.trigger_ticks is not None:
        raise Unsupported("Coinbase Advanced changes price and size of a limit order, no triggers")
    if amend.client_order_id:
        raise Unsupported("Coinbase Advanced leaves an order its client id; do not name another")
    instrument = listings[amend.instrument_id]
    price, size = amend.price_ticks, amend.size_lots
    return EditRequest(
        order_id=names.text(amend.order_id),
        price=None if price is None else price_text(instrument, price),
        size=None if size is None else size_text(instrument, size),
    )


def _edited(body: Edited) -> Answer:
    if body.success:
        return Acknowledged()
    if not body.errors:
        raise DecodeError("a change has neither succeeded nor failed", "errors")
    error = body.errors[0]
    reason = errors.reason_of(error.preview_failure_reason, error.edit_failure_reason)
    return Refused(reason, f"{error.edit_failure_reason}: {error.message}")


def _found(body: Orders, own: str, listings: Listings, names: Names) -> Answer:
    """Return the order of a client's own id; the venue does not look one up by it.

    Raises:
        DecodeError: It is not among the newest, so whether there is one is not known.
    """
    for order in body.orders:
        if order.client_order_id == own:
            return OrderAnswer(orders.order_from_wire(order, listings, names.number))
    if body.has_next:
        raise DecodeError(f"{shown(own)} is none of the newest {len(body.orders)} orders")
    return Refused(RejectReason.UNKNOWN_ORDER, f"no order is called {shown(own)}")


def _fill_list(body: Fills, query: FillsQuery, listings: Listings, names: Names) -> Answer:
    from_id = query.from_trade_id
    found = [fills.fill_from_wire(fill, listings, names.number) for fill in reversed(body.fills)]
    if from_id is None:
        return FillList(tuple(found))
    if body.cursor and found and found[0].trade_id > from_id:
        raise DecodeError(f"more than {len(found)} fills since trade {from_id}: ask by time")
    wanted = (fill for fill in found if fill.trade_id >= from_id)
    return FillList(tuple(wanted)[: query.limit])


def _public(query: Query, listings: Listings, now_ns: int) -> Call:
    match query:
        case InstrumentsQuery():
            return Call(
                market.PRODUCTS,
                ProductsRequest(product_type="SPOT"),
                Products,
                lambda body, _, __: market.instruments_from_wire(body.products),
            )
        case ClockQuery():
            return Call(
                market.TIME, Nothing(), Time, lambda body, _, __: market.clock_from_wire(body)
            )
        case BookQuery():
            instrument = listings[query.instrument_id]
            return Call(
                market.BOOK,
                BookRequest(product_id=instrument.symbol, limit=query.depth),
                Book,
                lambda body, _, __: market.book_from_wire(body.pricebook, instrument),
            )
        case TradesQuery():
            return _trades(query, listings)
        case CandlesQuery():
            return _candles(query, listings, now_ns)
        case TickersQuery(instrument_ids=(number,)):
            instrument = listings[number]
            return Call(
                market.PRODUCT,
                ProductRequest(instrument.symbol),
                Product,
                lambda body, _, now: TickerList((market.ticker_from_wire(body, instrument, now),)),
            )
        case _:
            raise Unsupported(f"Coinbase Advanced has no {type(query).__name__} of this kind")


def _trades(query: TradesQuery, listings: Listings) -> Call:
    if query.from_trade_id is not None:
        raise Unsupported("Coinbase Advanced gives trades by time only; ask with start_ns")
    start_ns, end_ns = query.start_ns, query.end_ns
    return Call(
        market.TRADES,
        TradesRequest(
            product_id=listings[query.instrument_id].symbol,
            limit=min(query.limit, market.TRADES_MAX),
            start=None if start_ns is None else str(start_ns // SECOND_NS),
            end=None if end_ns is None else str(-(-end_ns // SECOND_NS)),
        ),
        PublicTrades,
        lambda body, known, _: TradeList(
            tuple(market.trade_from_wire(trade, known) for trade in reversed(body.trades))
        ),
    )


def _candles(query: CandlesQuery, listings: Listings, now_ns: int) -> Call:
    name = market.GRANULARITY_NAMES.get(query.interval_ns)
    if name is None or query.offset_ns:
        known = ", ".join(market.GRANULARITIES)
        raise Unsupported(f"Coinbase Advanced has candles of {known}, in UTC")
    instrument, interval_ns = listings[query.instrument_id], query.interval_ns
    most = min(query.limit, market.CANDLES_MAX)
    start_ns, end_ns = query.start_ns, query.end_ns
    if start_ns is None:
        last_ns = (now_ns if end_ns is None else end_ns) // interval_ns * interval_ns
        start_ns = max(last_ns - (most - 1) * interval_ns, 0)
    last_ns = start_ns + (most - 1) * interval_ns
    end_ns = last_ns if end_ns is None else min(end_ns, last_ns)
    return Call(
        market.CANDLES,
        CandlesRequest(
            product_id=instrument.symbol,
            granularity=name,  # type: ignore[arg-type]
            start=str(start_ns // SECOND_NS),
            end=str(end_ns // SECOND_NS),
        ),
        Candles,
        lambda body, _, now: CandleList(
            tuple(
                market.candle_from_wire(row, instrument, interval_ns, now)
                for row in reversed(body.candles[:most])
            )
        ),
    )


def _product(instrument_id: int | None, listings: Listings) -> str | None:
    return None if instrument_id is None else listings[instrument_id].symbol
