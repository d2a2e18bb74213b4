"""The client half: what a trader sends to Bybit over REST, and what an answer means.

The invariant: a request is built from the same structs that the server half reads. Of a command,
every answer is Answered, NotSent or Unknown, never an exception: what cannot be read may have
happened. Of a query, garbage is a DecodeError.

The venue answers what changes something by ids alone: what became of it, streams and queries tell.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from steelyard.dialects.bybit import (
    account,
    errors,
    executions,
    lists,
    market,
    orders,
    placing,
    system,
    tables,
)
from steelyard.dialects.bybit.account_messages import KeyInfo, WalletRequest, Wallets
from steelyard.dialects.bybit.auth import WINDOW_MS, signed_headers
from steelyard.dialects.bybit.follower import AccountFollower, MarketFollower
from steelyard.dialects.bybit.messages import (
    Envelope,
    Head,
    Instruments,
    InstrumentsRequest,
    KlineRequest,
    Klines,
    Nothing,
    Orderbook,
    OrderbookRequest,
    RecentTrades,
    RecentTradesRequest,
    ServerTime,
    SystemStatus,
    SystemStatusRequest,
    Tickers,
    TickersRequest,
)
from steelyard.dialects.bybit.order_messages import (
    AmendedOrder,
    CancelAllRequest,
    CanceledAll,
    CanceledOrder,
    OrderIds,
)
from steelyard.dialects.bybit.parameters import JSON, write
from steelyard.dialects.bybit.placing import SPOT
from steelyard.dialects.bybit.routes import find_in, needs_key
from steelyard.dialects.bybit.text import (
    INTERVAL_NAMES,
    MS_NS,
    number_of,
    order_text,
    price_text,
    size_text,
    symbol_text,
    to_ms,
)
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place, UserCommand
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
    StatusQuery,
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
from steelyard.wire.outcome import Answered, Outcome, Unknown
from steelyard.wire.tables import MarketTable, OrderForm

Message = UserCommand | Query
_SIGNED = UserCommand | AccountQuery | OrderQuery | OrdersQuery | FillsQuery | KeyQuery


class BybitClient:
    """How a trader speaks to Bybit; it remembers the cursors of lists, and nothing else."""

    def __init__(self) -> None:
        self._cursors = lists.Cursors()

    def request(
        self, message: Message, listings: Listings, key: ApiKey | None, now_ns: int
    ) -> Request:
        """Return the bytes to send, signed where the route asks for it.

        Raises:
            Unsupported: The venue does not offer this.
            AuthError: The route needs a key and there is none.
        """
        call = self._call(message, listings)
        endpoint = call.endpoint
        target, body = write(endpoint, call.parameters)
        headers = {"content-type": JSON} if body else {}
        if endpoint.auth is Auth.SIGNED:
            if key is None:
                raise needs_key(endpoint.path)
            sent = body if endpoint.method == "POST" else target.partition("?")[2].encode()
            headers |= signed_headers(key, sent, now_ns)
        return Request(endpoint.method, target, headers, body)

    def outcome(
        self, message: Message, response: Response, listings: Listings, now_ns: int
    ) -> Outcome:
        """Return what a response means for a message.

        Raises:
            DecodeError: The answer to a query has another form than documented.
        """
        call = self._call(message, listings)
        try:
            if response.status != HTTPStatus.OK:
                return _no_success(response, now_ns)
            head = decoded(response.body, Head)
            if head.retCode:
                return errors.refused_outcome(head, response, now_ns)
            result = decoded(response.body, Envelope[call.body]).result  # type: ignore[name-defined]
            return Answered(call.read(result, listings, now_ns))
        except DecodeError as error:
            if isinstance(message, UserCommand):
                return Unknown(f"the answer cannot be read: {error}")
            raise

    nonces_rise = False

    def cost(self, message: Message, listings: Listings) -> Cost:
        """Return what a message counts as: the venue counts requests of each route."""
        match message:
            case Place():
                return _PLACE_COST
            case Cancel():
                return _CANCEL_COST
            case _:
                return self._call(message, listings).cost

    def spent(self, response: Response) -> tuple[Spent, ...]:
        """Return what headers say of limits; the venue's own do not say of which route."""
        told = ratelimit_told(response.headers)
        return () if told is None else (Spent(told[1], told[0]),)

    def limits_request(self) -> None:
        """Return None: the venue tells its limits to people only."""

    def limits_of(self, response: Response) -> LimitProfile:  # noqa: ARG002
        """Raise DecodeError: no answer tells them."""
        raise DecodeError("Bybit tells its limits to people only")

    def further(self, query: Query, answers: Sequence[Answer]) -> Query | None:
        """Return the next part of a list, or the other list in which an order may be."""
        return lists.further(query, answers)

    def joined(self, query: Query, answers: Sequence[Answer]) -> Answer:
        """Return the whole of a list."""
        return lists.joined(query, answers)

    def expiry_ns(self, message: Message) -> int | None:
        """Return how long the venue may still take a request up."""
        return WINDOW_MS * MS_NS if isinstance(message, _SIGNED) else None

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
        """Return a session that follows the account's orders and balances."""
        return AccountFollower(key, listings)

    def _call(self, message: Message, listings: Listings) -> Call:
        match message:
            case OrderQuery() | OrdersQuery() | FillsQuery():
                return lists.call_of(message, listings, self._cursors)
            case _:
                return call_of(message, listings)


# The same for each of them; asked before every one.
_PLACE_COST = cost_of(orders.PLACE, Nothing())
_CANCEL_COST = cost_of(orders.CANCEL, Nothing())


def _no_success(response: Response, now_ns: int) -> Outcome:
    """Return what a response means whose status is no success."""
    try:
        head = decoded(response.body, Head)
    except DecodeError:
        head = Head(0, response.body[: errors.SHOWN_MAX].decode(errors="replace"))
    return errors.refused_outcome(head, response, now_ns)


def call_of(message: Message, listings: Listings) -> Call:
    """Return the request that a message is, but for lists.

    Raises:
        Unsupported: The venue does not offer this.
    """
    match message:
        case Place():
            return Call(
                orders.PLACE,
                placing.place_to_wire(message, listings),
                OrderIds,
                lambda ids, _, __: OrderAnswer(
                    executions.as_asked(number_of(ids.orderId), message)
                ),
            )
        case Amend():
            return _amend(message, listings)
        case Cancel():
            return _cancel(message, listings)
        case CancelAll():
            here = message.instrument_id
            symbol = None if here is None else symbol_text(listings[here])
            return Call(
                orders.CANCEL_ALL,
                CancelAllRequest(SPOT, symbol=symbol),
                CanceledAll,
                lambda result, _, __: Acknowledged(len(result.list)),
            )
        case AccountQuery():
            request = WalletRequest(account.UNIFIED)
            return Call(account.WALLET, request, Wallets, account.account_from_wire)
        case KeyQuery(key):
            return Call(
                account.KEY,
                Nothing(),
                KeyInfo,
                lambda result, _, __: account.key_from_wire(result, key),
            )
        case _ if not isinstance(message, UserCommand):
            return _public(message, listings)
        case _:
            raise Unsupported(f"Bybit has no {type(message).__name__} over this API")


def _named(order_id: int | None, link: str | None) -> dict[str, Any]:
    """Return how a request names an order: by its own client's id where there is one."""
    return {"orderLinkId": link} if link else {"orderId": order_text(order_id or 0)}


def _amend(amend: Amend, listings: Listings) -> Call:
    if amend.instrument_id is None:
        raise Unsupported("Bybit's prices need the instrument; name it")
    instrument = listings[amend.instrument_id]
    limit, trigger, lots = amend.price_ticks, amend.trigger_ticks, amend.size_lots
    # An order keeps its link id here: under another one it is not found.
    request = AmendedOrder(
        category=SPOT,
        symbol=symbol_text(instrument),
        qty=None if lots is None else size_text(instrument, lots),
        price=None if limit is None else price_text(instrument, limit),
        triggerPrice=None if trigger is None else price_text(instrument, trigger),
        **_named(amend.order_id, amend.client_order_id),
    )
    return Call(orders.AMEND, request, OrderIds, lambda *_: Acknowledged())


def _cancel(cancel: Cancel, listings: Listings) -> Call:
    here = cancel.instrument_id
    if here is None:
        raise Unsupported("Bybit cancels an order by its symbol and id; name the instrument")
    request = CanceledOrder(
        SPOT, symbol_text(listings[here]), **_named(cancel.order_id, cancel.client_order_id)
    )
    return Call(orders.CANCEL, request, OrderIds, lambda *_: Acknowledged())


def _public(query: Query, listings: Listings) -> Call:
    match query:
        case InstrumentsQuery():
            return Call(
                market.INSTRUMENTS,
                InstrumentsRequest(SPOT),
                Instruments,
                lambda result, _, __: market.instruments_from_wire(result),
            )
        case ClockQuery():
            return Call(
                market.TIME,
                Nothing(),
                ServerTime,
                lambda result, _, __: market.clock_from_wire(result),
            )
        case StatusQuery():
            return Call(
                system.STATUS,
                SystemStatusRequest(),
                SystemStatus,
                lambda result, _, now_ns: system.status_from_wire(result, now_ns),
            )
        case BookQuery():
            instrument, depth = listings[query.instrument_id], min(query.depth, market.BOOK_MAX)
            return Call(
                market.ORDERBOOK,
                OrderbookRequest(SPOT, symbol_text(instrument), limit=depth),
                Orderbook,
                lambda result, _, __: market.book_from_wire(result, instrument, depth),
            )
        case TradesQuery():
            return _trades(query, listings)
        case CandlesQuery():
            return _candles(query, listings)
        case TickersQuery(instrument_ids):
            if instrument_ids is not None and len(instrument_ids) != 1:
                raise Unsupported("Bybit tells the ticker of one symbol, or of all")
            symbol = None if instrument_ids is None else symbol_text(listings[instrument_ids[0]])
            return Call(
                market.TICKERS,
                TickersRequest(SPOT, symbol),
                Tickers,
                lambda result, known, now_ns: TickerList(
                    tuple(
                        market.ticker_from_wire(each, known, now_ns)
                        for each in result.list
                        if find_in(SPOT, each.symbol, known) is not None
                    )
                ),
            )
        case _:
            raise Unsupported(f"Bybit has no {type(query).__name__} for the public")


def _trades(query: TradesQuery, listings: Listings) -> Call:
    if query.start_ns is not None or query.from_trade_id is not None or query.end_ns is not None:
        raise Unsupported("Bybit gives the newest public trades only")
    instrument = listings[query.instrument_id]
    return Call(
        market.TRADES,
        RecentTradesRequest(
            SPOT, symbol_text(instrument), limit=min(query.limit, market.TRADES_MAX)
        ),
        RecentTrades,
        lambda result, _, __: TradeList(
            tuple(market.trade_from_wire(trade, instrument) for trade in reversed(result.list))
        ),
    )


def _candles(query: CandlesQuery, listings: Listings) -> Call:
    name = INTERVAL_NAMES.get(query.interval_ns)
    if name is None or query.offset_ns or name == "M":
        raise Unsupported(f"Bybit has candles of {', '.join(INTERVAL_NAMES.values())}, in UTC")
    instrument, interval_ns = listings[query.instrument_id], query.interval_ns
    limit = min(query.limit, market.CANDLES_MAX)
    start_ns, end_ns = query.start_ns, query.end_ns
    if start_ns is not None:
        last_ns = start_ns + (limit - 1) * interval_ns
        end_ns = last_ns if end_ns is None else min(end_ns, last_ns)
    return Call(
        market.KLINE,
        KlineRequest(
            symbol_text(instrument),
            name,
            SPOT,
            start=None if start_ns is None else to_ms(start_ns),
            end=None if end_ns is None else to_ms(end_ns),
            limit=limit,
        ),
        Klines,
        lambda result, _, now_ns: CandleList(
            tuple(
                market.candle_from_wire(row, instrument, interval_ns, now_ns)
                for row in reversed(result.list)
            )
        ),
    )
