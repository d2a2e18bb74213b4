"""The client half: what a trader sends to WEEX over REST, and what an answer means.

The invariant: a request is built from the same structs that the server half reads. Of a command,
every answer is Answered, NotSent or Unknown, never an exception: what cannot be read may have
happened. Of a query, garbage is a DecodeError.

The venue answers what changes something by ids alone: what became of it, streams and queries tell.
"""

from collections.abc import Sequence
from http import HTTPStatus

from msgspec import UNSET

from steelyard.dialects.weex import (
    account,
    errors,
    executions,
    limits,
    lists,
    market,
    orders,
    placing,
    tables,
)
from steelyard.dialects.weex.account_messages import Account
from steelyard.dialects.weex.auth import AGENT, USER_AGENT, WINDOW_NS, signed_headers
from steelyard.dialects.weex.follower import AccountFollower, MarketFollower
from steelyard.dialects.weex.messages import (
    Depth,
    DepthRequest,
    ErrorBody,
    ExchangeInfo,
    Kline,
    KlinesRequest,
    MaybeSymbolRequest,
    Nothing,
    PublicTrade,
    ServerTime,
    Ticker,
    TradesRequest,
)
from steelyard.dialects.weex.order_messages import (
    CanceledOrder,
    PlacedOrder,
    SymbolOrdersRequest,
)
from steelyard.dialects.weex.parameters import JSON, write
from steelyard.dialects.weex.routes import needs_key
from steelyard.dialects.weex.text import INTERVAL_NAMES, order_number, symbol_text
from steelyard.domain.commands import Cancel, CancelAll, Place, UserCommand
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    AccountQuery,
    Acknowledged,
    Answer,
    BookQuery,
    CandleList,
    CandlesQuery,
    ClockQuery,
    FillsQuery,
    InstrumentsQuery,
    KeyQuery,
    OrderAnswer,
    OrderQuery,
    OrdersQuery,
    Query,
    Status,
    StatusQuery,
    TickersQuery,
    TradeList,
    TradesQuery,
)
from steelyard.wire.budget import Cost, Spent
from steelyard.wire.call import Call, cost_of, decoded
from steelyard.wire.dialect import ApiKey, Auth, ChannelKind, ClientSession
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import LimitProfile
from steelyard.wire.outcome import Answered, Outcome, Unknown
from steelyard.wire.tables import MarketTable, OrderForm

Message = UserCommand | Query
_SIGNED = UserCommand | AccountQuery | OrderQuery | OrdersQuery | FillsQuery | KeyQuery


class WeexClient:
    """How a trader speaks to WEEX."""

    def request(
        self, message: Message, listings: Listings, key: ApiKey | None, now_ns: int
    ) -> Request:
        """Return the bytes to send, signed where the route asks for it.

        Raises:
            Unsupported: The venue does not offer this.
            AuthError: The route needs a key and there is none.
        """
        call = call_of(message, listings)
        endpoint = call.endpoint
        target, body = write(endpoint, call.parameters)
        headers = {AGENT: USER_AGENT}
        if endpoint.method != "GET":
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
        if response.status != HTTPStatus.OK or _is_refusal(response.body):
            return errors.refused_outcome(response)
        try:
            return Answered(call.read(decoded(response.body, call.body), listings, now_ns))
        except DecodeError as error:
            if isinstance(message, UserCommand):
                return Unknown(f"the answer cannot be read: {error}")
            raise

    nonces_rise = False

    def cost(self, message: Message, listings: Listings) -> Cost:
        """Return what a message counts as."""
        match message:
            case Place():
                return _PLACE_COST
            case Cancel():
                return _CANCEL_COST
            case _:
                return call_of(message, listings).cost

    def spent(self, response: Response) -> tuple[Spent, ...]:
        """Return what headers say of limits: of the venue's nothing."""
        return limits.spent(response)

    def limits_request(self) -> None:
        """Return None: the venue tells its limits to people only."""

    def limits_of(self, response: Response) -> LimitProfile:  # noqa: ARG002
        """Raise DecodeError: no answer tells them."""
        raise DecodeError("WEEX tells its limits to people only")

    def further(self, query: Query, answers: Sequence[Answer]) -> Query | None:
        """Return the next part of a list."""
        return lists.further(query, answers)

    def joined(self, query: Query, answers: Sequence[Answer]) -> Answer:
        """Return the whole of a list."""
        return lists.joined(query, answers)

    def expiry_ns(self, message: Message) -> int | None:
        """Return how long the venue may still take a request up: as old as a timestamp may be."""
        return WINDOW_NS if isinstance(message, _SIGNED) else None

    def client_order_id(self, number: int) -> str:
        """Print a 128-bit id in hexadecimal digits."""
        return f"{number:032x}"

    def market_session(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> ClientSession:
        """Return a session that follows these public channels."""
        return MarketFollower(instruments, listings, kinds)

    def market_table(self, instruments: Sequence[Instrument]) -> MarketTable | None:
        """Return how a native reader reads the messages of such a session."""
        try:
            return tables.market(instruments)
        except Unsupported:
            return None  # of finer steps than it counts

    def order_form(self, place: Place, listings: Listings, key: ApiKey, host: str) -> OrderForm:
        """Return the form of orders like one, for a native signer; as `tables.order_form`."""
        return tables.order_form(place, listings, key, host)

    def private_session(self, key: ApiKey, listings: Listings, now_ns: int) -> ClientSession:  # noqa: ARG002
        """Return a session that follows the account's orders, fills and balances."""
        return AccountFollower(key, listings)


# The same for each of them; asked before every one.
_PLACE_COST = cost_of(orders.PLACE, Nothing())
_CANCEL_COST = cost_of(orders.CANCEL, Nothing())


def _is_refusal(body: bytes) -> bool:
    """Whether an answer with HTTP 200 says no, which those of contracts are documented to do."""
    if not body.startswith(b"{"):
        return False
    try:
        error: ErrorBody = decoded(body, ErrorBody)
    except DecodeError:
        return False  # then it cannot be read as an answer either, and that is said
    return error.msg is not UNSET and error.code is not UNSET


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
                PlacedOrder,
                lambda placed, _, __: OrderAnswer(
                    executions.as_asked(order_number(placed.orderId), message)
                ),
            )
        case Cancel():
            return Call(
                orders.CANCEL,
                lists.named(message.order_id, message.client_order_id),
                CanceledOrder,
                lambda *_: Acknowledged(),
            )
        case CancelAll(instrument_id=here):
            if here is None:
                raise Unsupported("WEEX cancels all orders of one symbol; name one")
            return Call(
                orders.CANCEL_SYMBOL,
                SymbolOrdersRequest(symbol_text(listings[here])),
                tuple[CanceledOrder, ...],
                lambda found, _, __: Acknowledged(len(found)),
            )
        case OrderQuery() | OrdersQuery() | FillsQuery():
            return lists.call_of(message, listings)
        case AccountQuery():
            return Call(account.ACCOUNT, Nothing(), Account, account.account_from_wire)
        case KeyQuery(key):
            return Call(
                account.ACCOUNT,
                Nothing(),
                Account,
                lambda found, _, __: account.key_from_wire(found, key),
            )
        case _ if not isinstance(message, UserCommand):
            return _public(message, listings)
        case _:
            raise Unsupported(f"WEEX has no {type(message).__name__} on spot")


def _public(query: Query, listings: Listings) -> Call:
    match query:
        case InstrumentsQuery():
            return Call(
                market.INFO,
                MaybeSymbolRequest(),
                ExchangeInfo,
                lambda info, _, __: market.instruments_from_wire(info),
            )
        case ClockQuery():
            return Call(
                market.TIME, Nothing(), ServerTime, lambda wire, _, __: market.clock_from_wire(wire)
            )
        case StatusQuery():
            return Call(
                market.PING,
                Nothing(),
                Nothing,
                lambda _, __, now_ns: Status(True, "", ended=False, time_ns=now_ns),  # noqa: FBT003
            )
        case BookQuery():
            return _book(query, listings)
        case TradesQuery():
            return _trades(query, listings)
        case CandlesQuery():
            return _candles(query, listings)
        case TickersQuery(instrument_ids):
            if instrument_ids is not None and len(instrument_ids) != 1:
                raise Unsupported("WEEX tells the ticker of one symbol, or of all")
            symbol = None if instrument_ids is None else symbol_text(listings[instrument_ids[0]])
            return Call(
                market.TICKERS,
                MaybeSymbolRequest(symbol),
                tuple[Ticker, ...],
                lambda rows, known, _: market.tickers_from_wire(rows, known),
            )
        case _:
            raise Unsupported(f"WEEX has no {type(query).__name__} for the public")


def _book(query: BookQuery, listings: Listings) -> Call:
    instrument = listings[query.instrument_id]
    limit = next((each for each in market.DEPTHS if query.depth <= each), market.DEPTHS[-1])
    depth = min(query.depth, limit)
    return Call(
        market.DEPTH,
        DepthRequest(symbol_text(instrument), limit),
        Depth,
        lambda wire, _, now_ns: market.book_from_wire(wire, instrument, depth, now_ns),
    )


def _trades(query: TradesQuery, listings: Listings) -> Call:
    if query.start_ns is not None or query.from_trade_id is not None or query.end_ns is not None:
        raise Unsupported("WEEX gives the newest public trades only")
    instrument = listings[query.instrument_id]

    def read(rows: tuple[PublicTrade, ...], _known: Listings, _now_ns: int) -> TradeList:
        found = [market.trade_from_wire(row, instrument) for row in reversed(rows)]
        return TradeList(tuple(sorted(found, key=lambda trade: trade.time_ns)))

    return Call(
        market.TRADES,
        TradesRequest(symbol_text(instrument), min(query.limit, market.TRADES_MAX)),
        tuple[PublicTrade, ...],
        read,
    )


def _candles(query: CandlesQuery, listings: Listings) -> Call:
    name = INTERVAL_NAMES.get(query.interval_ns)
    if name is None or query.offset_ns or name == "1M":
        raise Unsupported(f"WEEX has candles of {', '.join(INTERVAL_NAMES.values())}, in UTC")
    if query.start_ns is not None or query.end_ns is not None:
        raise Unsupported("WEEX gives the newest candles of spot only")
    instrument, interval_ns = listings[query.instrument_id], query.interval_ns

    def read(rows: tuple[Kline, ...], _known: Listings, now_ns: int) -> CandleList:
        found = (market.candle_from_wire(row, instrument, interval_ns, now_ns) for row in rows)
        return CandleList(tuple(sorted(found, key=lambda candle: candle.open_ns)))

    return Call(
        market.KLINES,
        KlinesRequest(symbol_text(instrument), name, min(query.limit, market.CANDLES_MAX)),
        tuple[Kline, ...],
        read,
    )
