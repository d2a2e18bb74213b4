"""The client half: what a trader sends to Binance, and what an answer means.

The invariant: a request is built from the same structs that the server half reads. Of a command,
every answer is Answered, NotSent or Unknown, never an exception: what cannot be read may have
happened. Of a query, garbage is a DecodeError.
"""

from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct

from steelyard.dialects.binance import (
    account,
    candles,
    errors,
    market,
    order_lists,
    orders,
    pacing,
    replacing,
    tables,
    trades,
)
from steelyard.dialects.binance.account_messages import (
    Account,
    AccountRequest,
    ApiRestrictions,
    MyTrade,
    MyTradesRequest,
)
from steelyard.dialects.binance.auth import KEY_HEADER, WINDOW_MS, signed_form
from steelyard.dialects.binance.executions import info_from_wire, result_from_wire
from steelyard.dialects.binance.list_messages import Amendment, OrderListReport
from steelyard.dialects.binance.messages import (
    AllOrdersRequest,
    CancelRequest,
    Depth,
    DepthRequest,
    ExchangeInfo,
    ExchangeInfoRequest,
    HistoricalTradesRequest,
    Kline,
    KlinesRequest,
    Nothing,
    OpenOrdersRequest,
    OrderInfo,
    OrderResult,
    PublicTrade,
    QueryOrderRequest,
    ServerTime,
    SymbolRequest,
    SystemStatus,
    Ticker24h,
    TickerRequest,
    TradesRequest,
)
from steelyard.dialects.binance.parameters import FORM, write
from steelyard.dialects.binance.placing import place_to_wire
from steelyard.dialects.binance.stream import MarketFollower
from steelyard.dialects.binance.text import (
    INTERVAL_NAMES,
    INTERVALS_NS,
    MS_NS,
    find_symbol,
    from_ms,
    offset_text,
    symbol_text,
    to_ms,
)
from steelyard.dialects.binance.ws_api import AccountFollower
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place, PlaceGroup, UserCommand
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    AccountQuery,
    BookQuery,
    CandleList,
    CandlesQuery,
    Clock,
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
    Status,
    StatusQuery,
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
from steelyard.wire.limits import LimitProfile
from steelyard.wire.outcome import Answered, Outcome, Unknown
from steelyard.wire.tables import MarketTable, OrderForm

CLIENT_ID_PREFIX = "sy"
BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DIGIT_PAIRS = [first + second for first in BASE_62 for second in BASE_62]
HALF_BITS, UPPER_DIGITS = 64, 7  # and four digits more: 62^11 > 2^64

Message = UserCommand | Query


class BinanceClient:
    """How a trader speaks to Binance."""

    def request(
        self, message: Message, listings: Listings, key: ApiKey | None, now_ns: int
    ) -> Request:
        """Return the bytes to send, signed where the route asks for it.

        Raises:
            Unsupported: Binance does not offer this.
            AuthError: The route needs a key and there is none.
        """
        call = call_of(message, listings)
        endpoint, form, headers = call.endpoint, write(call.parameters), {}
        if endpoint.auth is Auth.SIGNED:
            if key is None:
                raise AuthError(f"{endpoint.method} {endpoint.path} needs a key")
            form = signed_form(form, key, now_ns)
            headers[KEY_HEADER] = key.key
        if endpoint.method == "POST":
            headers["content-type"] = FORM
            return Request(endpoint.method, endpoint.path, headers, form.encode())
        target = f"{endpoint.path}?{form}" if form else endpoint.path
        return Request(endpoint.method, target, headers, b"")

    def outcome(
        self, message: Message, response: Response, listings: Listings, now_ns: int
    ) -> Outcome:
        """Return what a response means for a message.

        Raises:
            DecodeError: The answer to a query has another form than documented.
        """
        call = call_of(message, listings)
        is_command = isinstance(message, UserCommand)
        if response.status != HTTPStatus.OK:
            return _refused(message, response)
        try:
            return Answered(call.read(decoded(response.body, call.body), listings, now_ns))
        except DecodeError as error:
            if is_command:
                return Unknown(f"the answer cannot be read: {error}")
            raise

    nonces_rise = False

    def cost(self, message: Message, listings: Listings) -> Cost:
        """Return what a message weighs, and how many orders it is."""
        match message:
            case Place():
                return _PLACE_COST
            case Cancel():
                return _CANCEL_COST
            case _:
                return call_of(message, listings).cost

    def spent(self, response: Response) -> tuple[Spent, ...]:
        """Return what the venue's headers say of the limits."""
        return pacing.spent(response.headers)

    def limits_request(self) -> Request:
        """Return what asks for the limits in force."""
        return Request("GET", market.EXCHANGE_INFO.path, {}, b"")

    def limits_of(self, response: Response) -> LimitProfile:
        """Return the limits that exchangeInfo tells.

        Raises:
            DecodeError: It is no exchangeInfo.
        """
        if response.status != HTTPStatus.OK:
            raise DecodeError(f"exchangeInfo answers {response.status}")
        try:
            return pacing.limits_of(decoded(response.body, ExchangeInfo))
        except ValueError as error:
            raise DecodeError(f"exchangeInfo has a limit of an unknown kind: {error}") from error

    def expiry_ns(self, message: Message) -> int | None:
        """Return how long the venue may still take a request up: recvWindow."""
        is_signed = isinstance(message, _SIGNED)
        return WINDOW_MS * MS_NS if is_signed else None

    def client_order_id(self, number: int) -> str:
        """Print a 128-bit id in letters and digits: 24 characters, `sy` first, in order."""
        high, low = divmod(number, 1 << HALF_BITS)
        return CLIENT_ID_PREFIX + _high_digits(high) + _digits(low)

    def market_session(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> ClientSession:
        """Return a session that follows these public channels."""
        return MarketFollower(instruments, listings, kinds)

    def market_table(self, instruments: Sequence[Instrument]) -> MarketTable:
        """Return how a native reader reads the frames of such a session."""
        return tables.market(instruments)

    def order_form(self, place: Place, listings: Listings, key: ApiKey, host: str) -> OrderForm:
        """Return the form of orders like one, for a native signer; as `tables.order_form`."""
        return tables.order_form(place, listings, key.key, host)

    def private_session(self, key: ApiKey, listings: Listings, now_ns: int) -> ClientSession:  # noqa: ARG002
        """Return a session that follows the account's orders and balances."""
        return AccountFollower(key, listings)


def _digits(half: int) -> str:
    """Return half an id in as many digits as it may need, in the order of its numbers."""
    rest, last = divmod(half, len(DIGIT_PAIRS))
    upper, next_to_last = divmod(rest, len(DIGIT_PAIRS))
    return _upper_digits(upper) + DIGIT_PAIRS[next_to_last] + DIGIT_PAIRS[last]


@lru_cache(maxsize=8)  # the same for millions of orders in a row
def _upper_digits(upper: int) -> str:
    digits = []
    for _ in range(UPPER_DIGITS):
        upper, digit = divmod(upper, len(BASE_62))
        digits.append(BASE_62[digit])
    return "".join(reversed(digits))


_high_digits = lru_cache(maxsize=8)(_digits)  # the same for all orders of a run


PRIVATE = AccountQuery | OrderQuery | OrdersQuery | FillsQuery | KeyQuery
_SIGNED = UserCommand | PRIVATE
# The same for each of them; asked before every one.
_PLACE_COST = cost_of(orders.PLACE, Nothing())
_CANCEL_COST = cost_of(orders.CANCEL, Nothing())


def call_of(message: Message, listings: Listings) -> Call:
    """Return the request that a message is.

    Raises:
        Unsupported: Binance does not offer this.
    """
    match message:
        case Place():
            return Call(
                orders.PLACE,
                place_to_wire(message, listings),
                OrderResult,
                lambda body, known, _: orders.placed_from_wire(body, known),
            )
        case PlaceGroup():
            request = order_lists.group_to_wire(message, listings)
            return Call(
                order_lists.PLACING[type(request)],
                request,
                OrderListReport,
                lambda body, known, _: order_lists.group_from_reports(body, known),
            )
        case Amend():
            return Call(
                replacing.AMEND,
                replacing.amend_to_wire(message, listings),
                Amendment,
                lambda body, known, _: replacing.amended_from_wire(body, known),
            )
        case Cancel():
            return _cancel(message, listings)
        case CancelAll():
            return _cancel_all(message, listings)
        case OrderQuery():
            return Call(
                orders.QUERY,
                QueryOrderRequest(
                    symbol=_symbol(message.instrument_id, listings),
                    orderId=message.order_id or None,
                    origClientOrderId=message.client_order_id,
                ),
                OrderInfo,
                lambda body, known, _: OrderAnswer(info_from_wire(body, known)),
            )
        case OrdersQuery():
            return _orders(message, listings)
        case FillsQuery():
            return _fills(message, listings)
        case AccountQuery():
            return Call(
                account.ACCOUNT,
                AccountRequest(omitZeroBalances=True),
                Account,
                lambda body, known, _: account.account_from_wire(body, known),
            )
        case KeyQuery(key):
            return Call(
                account.API_RESTRICTIONS,
                Nothing(),
                ApiRestrictions,
                lambda body, _, __: account.restrictions_from_wire(body, key),
            )
        case _ if not isinstance(message, UserCommand):
            return _public(message, listings)
        case _:
            raise Unsupported(f"Binance has no {type(message).__name__} over this API")


def _public(query: Query, listings: Listings) -> Call:
    match query:
        case InstrumentsQuery():
            return Call(
                market.EXCHANGE_INFO,
                ExchangeInfoRequest(),
                ExchangeInfo,
                lambda body, _, __: market.instruments_from_wire(body),
            )
        case ClockQuery():
            return Call(
                market.TIME,
                Nothing(),
                ServerTime,
                lambda body, _, __: Clock(from_ms(body.serverTime)),
            )
        case StatusQuery():
            return Call(
                market.SYSTEM_STATUS,
                Nothing(),
                SystemStatus,
                lambda body, _, now_ns: Status(body.status == 0, "none", False, now_ns),  # noqa: FBT003
            )
        case BookQuery():
            instrument = listings[query.instrument_id]
            limit = min(query.depth, market.DEPTH_MAX)
            return Call(
                market.DEPTH,
                DepthRequest(symbol=symbol_text(instrument), limit=limit),
                Depth,
                lambda body, _, now_ns: market.book_from_wire(body, instrument, limit, now_ns),
            )
        case TradesQuery():
            return _trades(query, listings)
        case CandlesQuery():
            return _candles(query, listings)
        case TickersQuery():
            return _tickers(query, listings)
        case _:
            raise Unsupported(f"Binance has no {type(query).__name__} for the public")


def _cancel(cancel: Cancel, listings: Listings) -> Call:
    return Call(
        orders.CANCEL,
        CancelRequest(
            symbol=_symbol(cancel.instrument_id, listings),
            orderId=cancel.order_id or None,
            origClientOrderId=cancel.client_order_id or None,
        ),
        OrderResult,
        lambda body, known, _: OrderAnswer(result_from_wire(body, known)),
    )


def _cancel_all(cancel: CancelAll, listings: Listings) -> Call:
    return Call(
        orders.CANCEL_ALL,
        SymbolRequest(symbol=_symbol(cancel.instrument_id, listings)),
        tuple[msgspec.Raw, ...],
        lambda body, known, _: orders.canceled_all_from_wire(body, known),
    )


def _orders(query: OrdersQuery, listings: Listings) -> Call:
    request: Struct
    if query.open_only:
        wanted = query.instrument_id
        symbol = None if wanted is None else symbol_text(listings[wanted])
        request = OpenOrdersRequest(symbol=symbol)
    else:
        request = AllOrdersRequest(
            symbol=_symbol(query.instrument_id, listings),
            orderId=query.from_order_id,
            startTime=None if query.start_ns is None else to_ms(query.start_ns),
            endTime=None if query.end_ns is None else to_ms(query.end_ns),
            limit=min(query.limit, orders.ORDERS_MAX),
        )
    return Call(
        orders.OPEN if query.open_only else orders.ALL,
        request,
        tuple[OrderInfo, ...],
        lambda body, known, _: OrderList(tuple(info_from_wire(o, known) for o in body)),
    )


def _fills(query: FillsQuery, listings: Listings) -> Call:
    symbol = _symbol(query.instrument_id, listings)
    instrument = listings[query.instrument_id or 0]
    return Call(
        account.MY_TRADES,
        MyTradesRequest(
            symbol=symbol,
            orderId=query.order_id,
            startTime=None if query.start_ns is None else to_ms(query.start_ns),
            endTime=None if query.end_ns is None else to_ms(query.end_ns),
            fromId=query.from_trade_id,
            limit=min(query.limit, account.FILLS_MAX),
        ),
        tuple[MyTrade, ...],
        lambda body, known, _: FillList(
            tuple(account.fill_from_wire(fill, instrument, known) for fill in body)
        ),
    )


def _trades(query: TradesQuery, listings: Listings) -> Call:
    if query.start_ns is not None or query.end_ns is not None:
        raise Unsupported("Binance gives single trades by id only; ask with from_trade_id")
    instrument = listings[query.instrument_id]
    symbol, limit = symbol_text(instrument), min(query.limit, market.ROWS_MAX)
    is_newest = query.from_trade_id is None
    return Call(
        trades.TRADES if is_newest else trades.HISTORICAL_TRADES,
        TradesRequest(symbol=symbol, limit=limit)
        if is_newest
        else HistoricalTradesRequest(symbol=symbol, limit=limit, fromId=query.from_trade_id),
        tuple[PublicTrade, ...],
        lambda body, _, __: TradeList(tuple(trades.trade_from_wire(t, instrument) for t in body)),
    )


def _candles(query: CandlesQuery, listings: Listings) -> Call:
    name = INTERVAL_NAMES.get(query.interval_ns)
    if name is None:
        known = ", ".join(INTERVALS_NS)
        raise Unsupported(f"Binance has no candles of {query.interval_ns} ns; there are {known}")
    instrument = listings[query.instrument_id]
    return Call(
        candles.KLINES,
        KlinesRequest(
            symbol=symbol_text(instrument),
            interval=name,
            startTime=None if query.start_ns is None else to_ms(query.start_ns),
            endTime=None if query.end_ns is None else to_ms(query.end_ns),
            timeZone=offset_text(query.offset_ns) if query.offset_ns else None,
            limit=min(query.limit, market.ROWS_MAX),
        ),
        tuple[Kline, ...],
        lambda body, _, now_ns: CandleList(
            tuple(
                candles.candle_from_wire(row, instrument, query.interval_ns, now_ns) for row in body
            )
        ),
    )


def _tickers(query: TickersQuery, listings: Listings) -> Call:
    wanted = query.instrument_ids
    symbols = None if wanted is None else tuple(symbol_text(listings[i]) for i in wanted)
    return Call(
        candles.TICKER_24H,
        TickerRequest(symbols=symbols),
        tuple[Ticker24h, ...],
        lambda body, known, _: TickerList(tuple(_ticker(t, known) for t in body if _is(t, known))),
    )


def _ticker(wire: Ticker24h, listings: Listings) -> Any:
    instrument = find_symbol(listings, wire.symbol)
    assert instrument is not None, "unlisted tickers were left out"
    return candles.ticker_from_wire(wire, instrument)


def _is(wire: Ticker24h, listings: Listings) -> bool:
    """Whether a ticker is of something that is listed: all of them come, halted ones too."""
    return find_symbol(listings, wire.symbol) is not None


def _symbol(instrument_id: int | None, listings: Listings) -> str:
    if instrument_id is None:
        raise Unsupported("Binance wants to know the instrument; ask for each one by itself")
    return symbol_text(listings[instrument_id])


def _refused(message: Message, response: Response) -> Outcome:
    outcome = errors.refused_outcome(response)
    if isinstance(message, CancelAll) and isinstance(outcome, Answered):
        refused = outcome.answer
        if isinstance(refused, Refused) and refused.reason is RejectReason.UNKNOWN_ORDER:
            return Answered(OrderList(()))  # nothing to cancel, which is what was wanted
    return outcome
