"""The client half: what a trader sends to KuCoin over REST, and what an answer means.

The invariant: a request is built from the same structs that the server half reads. Of a command,
every answer is Answered, NotSent or Unknown, never an exception: what cannot be read may have
happened. Of a query, garbage is a DecodeError.

Orders go by the newer routes (`hf`). Those that wait for their price are in a list of their own, so
an order that is asked for, and the list of open ones, may be two requests (`lists`).
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from msgspec import UNSET

from steelyard.dialects.kucoin import (
    account,
    errors,
    limits,
    lists,
    market,
    orders,
    tables,
    tickers,
)
from steelyard.dialects.kucoin.account_follower import AccountFollower
from steelyard.dialects.kucoin.account_messages import Account, AccountsRequest, KeyInfo
from steelyard.dialects.kucoin.auth import WINDOW_NS, signed_headers
from steelyard.dialects.kucoin.follower import MarketFollower
from steelyard.dialects.kucoin.messages import (
    AllTickers,
    Book,
    Candle,
    CandlesRequest,
    Envelope,
    ErrorBody,
    Nothing,
    PublicTrade,
    Stats,
    Status,
    Symbol,
    SymbolRequest,
    SymbolsRequest,
)
from steelyard.dialects.kucoin.parameters import JSON, write
from steelyard.dialects.kucoin.routes import needs_key
from steelyard.dialects.kucoin.tables import USER_AGENT
from steelyard.dialects.kucoin.text import MS_NS, waits
from steelyard.domain.commands import Cancel, Place, UserCommand
from steelyard.domain.dead_man import ArmDeadMan
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    SECOND_NS,
    AccountQuery,
    Answer,
    BookQuery,
    CandleList,
    CandlesQuery,
    Clock,
    ClockQuery,
    FillsQuery,
    InstrumentsQuery,
    KeyQuery,
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
from steelyard.wire.limits import LimitProfile
from steelyard.wire.outcome import Answered, Outcome, Unknown
from steelyard.wire.tables import MarketTable, OrderForm

Message = UserCommand | Query


class KucoinClient:
    """How a trader speaks to KuCoin."""

    def request(
        self, message: Message, listings: Listings, key: ApiKey | None, now_ns: int
    ) -> Request:
        """Return the bytes to send, signed where the route asks for it.

        Raises:
            Unsupported: The venue does not offer this.
            UsageError: The route needs a key and there is none.
        """
        call = call_of(message, listings, has_key=key is not None and bool(key.key))
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
        if response.status != HTTPStatus.OK or _is_refusal(response.body):
            return lists.nothing_to_cancel(message, errors.refused_outcome(response))
        try:
            data = _there(decoded(response.body, Envelope[call.body]).data)  # type: ignore[name-defined]
            return Answered(call.read(data, listings, now_ns))
        except DecodeError as error:
            if isinstance(message, UserCommand):
                return Unknown(f"the answer cannot be read: {error}")
            raise

    nonces_rise = False

    def cost(self, message: Message, listings: Listings) -> Cost:
        """Return what a message counts as."""
        match message:
            case Place():
                return _PLACE_COST  # of one that waits too
            case Cancel() if not waits(message.order_id):
                return _CANCEL_COST
            case _:
                return call_of(message, listings).cost

    def spent(self, response: Response) -> tuple[Spent, ...]:
        """Return what headers say of the pools."""
        return limits.spent(response)

    def limits_request(self) -> None:
        """Return None: the venue tells its limits to people only."""

    def limits_of(self, response: Response) -> LimitProfile:  # noqa: ARG002
        """Raise DecodeError: no answer tells them."""
        raise DecodeError("KuCoin tells its limits to people only")

    def further(self, query: Query, answers: Sequence[Answer]) -> Query | None:
        """Return the next part of a list, or the other list in which an order may be."""
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
        """Return a session that follows these public topics."""
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


PRIVATE = AccountQuery | OrderQuery | OrdersQuery | FillsQuery | KeyQuery | ArmDeadMan
_SIGNED = UserCommand | PRIVATE
# The same for each of them; asked before every one.
_PLACE_COST = cost_of(orders.PLACE_SYNC, Nothing())
_CANCEL_COST = cost_of(orders.CANCEL, Nothing())
_SUCCESS = b'{"code":"200000"'


def _is_refusal(body: bytes) -> bool:
    """Whether an answer with HTTP 200 says no."""
    if body.startswith(_SUCCESS):
        return False
    try:
        error: ErrorBody = decoded(body, ErrorBody)
    except DecodeError:
        return False  # then it cannot be read as an answer either, and that is said
    return error.code != errors.SUCCESS


def _there(data: Any) -> Any:
    if data is UNSET:
        raise DecodeError("the answer has no data")
    return data


def call_of(message: Message, listings: Listings, *, has_key: bool = True) -> Call:
    """Return the request that a message is.

    Raises:
        Unsupported: The venue does not offer this.
    """
    match message:
        case OrderQuery() | OrdersQuery() | FillsQuery() | ArmDeadMan():
            return lists.query_call(message, listings)
        case AccountQuery():
            return Call(
                account.ACCOUNTS,
                AccountsRequest(),
                tuple[Account, ...],
                lambda data, known, _: account.account_from_wire(data, known),
            )
        case KeyQuery():
            return Call(
                account.KEY_INFO,
                Nothing(),
                KeyInfo,
                lambda data, _, __: account.key_from_wire(data),
            )
        case _ if isinstance(message, UserCommand):
            return lists.command_call(message, listings)
        case _:
            return _public(message, listings, has_key=has_key)


def _public(query: Query, listings: Listings, *, has_key: bool) -> Call:
    match query:
        case InstrumentsQuery():
            return Call(
                market.SYMBOLS,
                SymbolsRequest(),
                tuple[Symbol, ...],
                lambda data, _, __: market.instruments_from_wire(data),
            )
        case ClockQuery():
            return Call(market.TIME, Nothing(), int, lambda data, _, __: Clock(data * MS_NS))
        case StatusQuery():
            return Call(
                market.STATUS,
                Nothing(),
                Status,
                lambda data, _, now_ns: market.status_from_wire(data, now_ns),
            )
        case BookQuery():
            return _book(query, listings, has_key=has_key)
        case TradesQuery():
            return _trades(query, listings)
        case CandlesQuery():
            return _candles(query, listings)
        case TickersQuery():
            return _tickers(query, listings)
        case _:
            raise Unsupported(f"KuCoin has no {type(query).__name__} of this kind")


def _book(query: BookQuery, listings: Listings, *, has_key: bool) -> Call:
    """Return what asks for a book: a whole one only with a key."""
    instrument = listings[query.instrument_id]
    depth = next((each for each in market.DEPTHS if query.depth <= each), None)
    if depth is None and not has_key:
        depth = market.DEPTHS[-1]
    return Call(
        market.FULL_BOOK if depth is None else market.BOOKS[depth],
        SymbolRequest(instrument.symbol),
        Book,
        lambda data, _, __: market.book_from_wire(data, instrument),
    )


def _trades(query: TradesQuery, listings: Listings) -> Call:
    starts = (query.start_ns, query.end_ns, query.from_trade_id)
    if any(each is not None for each in starts):
        raise Unsupported("KuCoin gives the newest 100 public trades; ask without a start")
    instrument = listings[query.instrument_id]
    return Call(
        market.TRADES,
        SymbolRequest(instrument.symbol),
        tuple[PublicTrade, ...],
        lambda data, _, __: TradeList(
            tuple(market.trade_from_wire(trade, instrument) for trade in data[-query.limit :])
        ),
    )


def _candles(query: CandlesQuery, listings: Listings) -> Call:
    name = market.INTERVAL_NAMES.get(query.interval_ns)
    if name is None or query.offset_ns:
        known = ", ".join(market.INTERVALS_NS)
        raise Unsupported(f"KuCoin has no such candles; there are those of {known}, in UTC")
    instrument, interval_ns = listings[query.instrument_id], query.interval_ns
    start_ns, end_ns = query.start_ns, query.end_ns
    end = None if end_ns is None else end_ns // SECOND_NS + 1
    if start_ns is not None:
        most = min(query.limit, market.CANDLES_MAX)
        last = (start_ns + most * interval_ns) // SECOND_NS
        end = last if end is None else min(end, last)
    start = None if start_ns is None else -(-start_ns // SECOND_NS)
    return Call(
        market.CANDLES,
        CandlesRequest(instrument.symbol, name, startAt=start, endAt=end),
        tuple[Candle, ...],
        lambda data, _, now_ns: CandleList(
            tuple(
                market.candle_from_wire(row, instrument, interval_ns, now_ns)
                for row in reversed(data[: query.limit])
            )
        ),
    )


def _tickers(query: TickersQuery, listings: Listings) -> Call:
    wanted = query.instrument_ids
    if wanted is not None and len(wanted) == 1:
        instrument = listings[wanted[0]]
        return Call(
            tickers.STATS,
            SymbolRequest(instrument.symbol),
            Stats,
            lambda data, _, __: TickerList((tickers.ticker_from_wire(data, instrument),)),
        )

    def listed(data: AllTickers, known: Listings) -> TickerList:
        found = ((known.find(row.symbol), row) for row in data.ticker)
        return TickerList(
            tuple(
                tickers.row_from_wire(row, instrument, data.time)
                for instrument, row in found
                if instrument is not None and (wanted is None or instrument.instrument_id in wanted)
            )
        )

    return Call(tickers.TICKERS, Nothing(), AllTickers, lambda data, known, _: listed(data, known))
