"""The client half: what a trader sends to Kraken, and what an answer means.

The invariant: a request is built from the same structs that the server half reads, and every nonce
is above the last one that this process has sent. Of a command, every answer is Answered, NotSent or
Unknown, never an exception: what cannot be read may have happened. Of a query, garbage is a
DecodeError.

The venue answers a new order by its id alone, and a cancel by how many it was: what became of them,
streams and queries tell.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct

from steelyard.dialects.kraken import (
    account,
    errors,
    limits,
    lists,
    market,
    orders,
    replacing,
    tables,
)
from steelyard.dialects.kraken.account_messages import (
    ExtendedBalance,
    KeyInfo,
)
from steelyard.dialects.kraken.auth import KEY_HEADER, SIGN_HEADER, sign
from steelyard.dialects.kraken.messages import (
    AssetPair,
    AssetPairsRequest,
    Candle,
    Depth,
    DepthRequest,
    Envelope,
    Nothing,
    OhlcRequest,
    PublicTrade,
    ServerTime,
    SystemStatus,
    Ticker,
    TickerRequest,
    TradesRequest,
)
from steelyard.dialects.kraken.order_messages import (
    AddedOrder,
    AmendedOrder,
    AmendOrderRequest,
    CancelAfter,
    CancelAfterRequest,
    Canceled,
    CancelOrderRequest,
)
from steelyard.dialects.kraken.parameters import FORM, write
from steelyard.dialects.kraken.placing import place_to_wire
from steelyard.dialects.kraken.private import AccountFollower
from steelyard.dialects.kraken.stream import MarketFollower
from steelyard.dialects.kraken.tables import BURST_NS
from steelyard.dialects.kraken.text import (
    find_pair,
    order_text,
    pair_id,
    price_text,
)
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place, UserCommand
from steelyard.domain.dead_man import ArmDeadMan
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
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
    OrderQuery,
    OrdersQuery,
    Query,
    Refused,
    StatusQuery,
    TickerList,
    TickersQuery,
    TradeList,
    TradesQuery,
)
from steelyard.domain.order import RejectReason
from steelyard.domain.units import plain
from steelyard.wire.budget import Cost, Spent
from steelyard.wire.call import Call, cost_of, decoded
from steelyard.wire.dialect import ApiKey, Auth, ChannelKind, ClientSession, Endpoint
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import LimitProfile, ratelimit_told
from steelyard.wire.outcome import Answered, Outcome, Unknown
from steelyard.wire.tables import MarketTable

Message = UserCommand | Query


class KrakenClient:
    """How a trader speaks to Kraken; it remembers the last nonce, and nothing else."""

    def __init__(self) -> None:
        self._last_nonce = 0

    def request(
        self, message: Message, listings: Listings, key: ApiKey | None, now_ns: int
    ) -> Request:
        """Return the bytes to send, signed where the route asks for it.

        Raises:
            Unsupported: Kraken does not offer this.
            AuthError: The route needs a key and there is none.
        """
        call = call_of(message, listings)
        return self.signed(call.endpoint, call.parameters, key, now_ns)

    def signed(
        self, endpoint: Endpoint, parameters: Struct, key: ApiKey | None, now_ns: int
    ) -> Request:
        """Return a request to a route.

        Raises:
            AuthError: The route needs a key and there is none.
        """
        form = write(parameters)
        if endpoint.auth is not Auth.SIGNED:
            return Request("GET", f"{endpoint.path}?{form}" if form else endpoint.path, {}, b"")
        if key is None:
            raise AuthError(f"{endpoint.path} needs a key")
        if now_ns <= self._last_nonce < now_ns + BURST_NS:
            now_ns = self._last_nonce + 1  # several at one time
        self._last_nonce = now_ns
        nonce = str(now_ns)
        body = f"nonce={nonce}{'&' if form else ''}{form}".encode()
        headers = {
            KEY_HEADER: key.key,
            SIGN_HEADER: sign(endpoint.path, nonce, body, key.secret),
            "content-type": FORM,
        }
        return Request("POST", endpoint.path, headers, body)

    def outcome(
        self, message: Message, response: Response, listings: Listings, now_ns: int
    ) -> Outcome:
        """Return what a response means for a message.

        Raises:
            DecodeError: The answer to a query has another form than documented.
        """
        call = call_of(message, listings)
        try:
            texts = _errors(response.body)
            if texts or response.status != HTTPStatus.OK:
                refused = errors.refused_outcome(texts, response.status, response.body)
                return _nothing_to_cancel(message, refused)
            result = decoded(response.body, Envelope[call.body]).result  # type: ignore[name-defined]
            return Answered(call.read(_there(result), listings, now_ns))
        except DecodeError as error:
            if isinstance(message, UserCommand):
                return Unknown(f"the answer cannot be read: {error}")
            raise

    nonces_rise = True

    def cost(self, message: Message, listings: Listings) -> Cost:
        """Return what a message counts as, on the trading counter at most.

        What a cancel or an amendment costs there depends on the order's age, which is not known
        here: it counts as of one that was made just now.
        """
        match message:
            case Place():
                return _on_pair(_PLACE_COST, message.instrument_id, listings, 1)
            case Cancel():
                return _on_pair(_CANCEL_COST, message.instrument_id, listings, CANCEL_UNITS)
            case Amend():
                return _on_pair(_AMEND_COST, message.instrument_id, listings, AMEND_UNITS)
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
        raise DecodeError("Kraken tells its limits to people only")

    def further(self, query: Query, answers: Sequence[Answer]) -> Query | None:
        """Return the next part of a list, or the other list in which an order may be."""
        return lists.further(query, answers)

    def joined(self, query: Query, answers: Sequence[Answer]) -> Answer:
        """Return the whole of a list."""
        return lists.joined(query, answers)

    def expiry_ns(self, message: Message) -> int | None:  # noqa: ARG002
        """Return None: a request has no timestamp, and may be taken up whenever it arrives.

        A later one of the same key makes it worthless, by its nonce.
        """
        return None

    def client_order_id(self, number: int) -> str:
        """Print a 128-bit id as a UUID without dashes."""
        return f"{number:032x}"

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
            return None  # of finer steps than the venue spells

    def private_session(self, key: ApiKey, listings: Listings, now_ns: int) -> ClientSession:  # noqa: ARG002
        """Return a session that follows the account's orders."""
        return AccountFollower(self.signed, key, listings)


# The same for each of them but for the pair; asked before every one.
_PLACE_COST = cost_of(orders.ADD, Nothing())
_CANCEL_COST = cost_of(orders.CANCEL, Nothing())
_AMEND_COST = cost_of(orders.AMEND, Nothing())
CANCEL_UNITS = limits.CANCEL[0][1]
AMEND_UNITS = 1 + limits.AMEND[0][1]


def _on_pair(cost: Cost, instrument_id: int | None, listings: Listings, units: int) -> Cost:
    """Return what a request costs with its part on the counter of its pair."""
    if instrument_id is None:
        return cost
    return cost._replace(pair=listings[instrument_id].symbol, pair_units=units)


def call_of(message: Message, listings: Listings) -> Call:
    """Return the request that a message is.

    Raises:
        Unsupported: Kraken does not offer this.
    """
    match message:
        case Place():
            return Call(
                orders.ADD,
                place_to_wire(message, listings),
                AddedOrder,
                lambda result, _, __: orders.added_from_wire(result, message),
            )
        case Amend():
            return _amend(message, listings)
        case Cancel():
            named = message.client_order_id or None
            return Call(
                orders.CANCEL,
                CancelOrderRequest(
                    txid=None if named else order_text(message.order_id), cl_ord_id=named
                ),
                Canceled,
                lambda result, _, __: _canceled(result),
            )
        case CancelAll():
            return _cancel_all(message, listings)
        case OrderQuery() | OrdersQuery() | FillsQuery():
            return lists.call_of(message)
        case ArmDeadMan():
            return Call(
                replacing.CANCEL_AFTER,
                CancelAfterRequest(timeout=-(-message.after_ns // SECOND_NS)),
                CancelAfter,
                lambda result, _, __: replacing.armed_from_wire(result),
            )
        case AccountQuery():
            return Call(
                account.BALANCE_EX,
                Nothing(),
                dict[str, ExtendedBalance],
                account.account_from_wire,
            )
        case KeyQuery(key):
            return Call(
                account.KEY_INFO,
                Nothing(),
                KeyInfo,
                lambda result, _, __: account.key_from_wire(result, key),
            )
        case _ if not isinstance(message, UserCommand):
            return _public(message, listings)
        case _:
            raise Unsupported(f"Kraken has no {type(message).__name__} over this API")


# -- commands -----------------------------------------------------------------------------------


def _amend(amend: Amend, listings: Listings) -> Call:
    if amend.instrument_id is None:
        raise Unsupported("Kraken's prices need the instrument; name it")
    instrument = listings[amend.instrument_id]
    limit, trigger = amend.price_ticks, amend.trigger_ticks
    # An order keeps its cl_ord_id here: under another one it is not found.
    named = amend.client_order_id or None
    request = AmendOrderRequest(
        txid=None if named else order_text(amend.order_id),
        cl_ord_id=named,
        order_qty=None if amend.size_lots is None else plain(instrument.size(amend.size_lots)),
        limit_price=None if limit is None else price_text(instrument, limit),
        trigger_price=None if trigger is None else price_text(instrument, trigger),
    )
    return Call(orders.AMEND, request, AmendedOrder, lambda *_: Acknowledged())


def _canceled(result: Canceled) -> Answer:
    if not result.count and not result.pending:
        return Refused(RejectReason.UNKNOWN_ORDER, "nothing was canceled")
    return Acknowledged(result.count)


def _cancel_all(cancel: CancelAll, listings: Listings) -> Call:
    if cancel.instrument_id is not None and len(listings) > 1:
        raise Unsupported("Kraken cancels the orders of all pairs at once, or each by itself")
    return Call(
        orders.CANCEL_ALL, Nothing(), Canceled, lambda result, _, __: Acknowledged(result.count)
    )


def _nothing_to_cancel(message: Message, outcome: Outcome) -> Outcome:
    """Return what was wanted, where there was nothing to cancel."""
    match outcome:
        case Answered(Refused(reason=RejectReason.UNKNOWN_ORDER)) if isinstance(message, CancelAll):
            return Answered(Acknowledged(0))
        case _:
            return outcome


# -- queries ------------------------------------------------------------------------------------


def _public(query: Query, listings: Listings) -> Call:
    match query:
        case InstrumentsQuery():
            return Call(
                market.PAIRS,
                AssetPairsRequest(),
                dict[str, AssetPair],
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
                market.STATUS,
                Nothing(),
                SystemStatus,
                lambda result, _, __: market.status_from_wire(result),
            )
        case BookQuery():
            instrument = listings[query.instrument_id]
            return Call(
                market.DEPTH,
                DepthRequest(pair=pair_id(instrument), count=min(query.depth, market.DEPTH_MAX)),
                dict[str, Depth],
                lambda result, _, now_ns: market.book_from_wire(_first(result), instrument, now_ns),
            )
        case TradesQuery():
            return _trades(query, listings)
        case CandlesQuery():
            return _candles(query, listings)
        case TickersQuery():
            return _tickers(query, listings)
        case _:
            raise Unsupported(f"Kraken has no {type(query).__name__} for the public")


def _trades(query: TradesQuery, listings: Listings) -> Call:
    if query.from_trade_id is not None:
        raise Unsupported("Kraken gives public trades by time only; ask with start_ns")
    instrument = listings[query.instrument_id]
    request = TradesRequest(
        pair=pair_id(instrument),
        since=None if query.start_ns is None else str(query.start_ns - 1),
        count=min(query.limit, market.TRADES_MAX),
    )
    return Call(
        market.TRADES,
        request,
        dict[str, Raw],
        lambda result, _, __: TradeList(
            tuple(
                market.trade_from_wire(row, instrument)
                for row in decoded(bytes(_first(result)), tuple[PublicTrade, ...])
            )
        ),
    )


def _candles(query: CandlesQuery, listings: Listings) -> Call:
    minutes, rest = divmod(query.interval_ns, MINUTE_NS)
    if rest or minutes not in market.INTERVALS or query.offset_ns:
        known = ", ".join(map(str, market.INTERVALS))
        raise Unsupported(f"Kraken has no such candles; there are those of {known} minutes")
    instrument = listings[query.instrument_id]
    since = None if query.start_ns is None else (query.start_ns - 1) // SECOND_NS
    request = OhlcRequest(pair=pair_id(instrument), interval=minutes, since=since)

    def listed(result: dict[str, Raw], now_ns: int) -> CandleList:
        rows = decoded(bytes(_first(result)), tuple[Candle, ...])
        candles = [
            market.candle_from_wire(row, instrument, query.interval_ns, now_ns) for row in rows
        ]
        kept = [
            candle
            for candle in candles
            if (query.start_ns is None or candle.open_ns >= query.start_ns)
            and (query.end_ns is None or candle.open_ns <= query.end_ns)
        ]
        part = kept[-query.limit :] if query.start_ns is None else kept[: query.limit]
        return CandleList(tuple(part))

    return Call(
        market.OHLC, request, dict[str, Raw], lambda result, _, now_ns: listed(result, now_ns)
    )


def _tickers(query: TickersQuery, listings: Listings) -> Call:
    wanted = query.instrument_ids
    pairs = None if wanted is None else ",".join(pair_id(listings[i]) for i in wanted)

    def listed(result: dict[str, Ticker], known: Listings, now_ns: int) -> TickerList:
        found = ((find_pair(known, pair), wire) for pair, wire in result.items())
        return TickerList(
            tuple(
                market.ticker_from_wire(wire, instrument, now_ns)
                for instrument, wire in found
                if instrument is not None
            )
        )

    return Call(market.TICKER, TickerRequest(pair=pairs), dict[str, Ticker], listed)


def _first(result: dict[str, Any]) -> Any:
    """Return what is told of the one pair that was asked for."""
    for name, value in result.items():
        if name != "last":
            return value
    raise DecodeError("the answer tells of no pair")


# -- reading ------------------------------------------------------------------------------------


def _there(result: Any) -> Any:
    if result is UNSET:
        raise DecodeError("the answer has neither a result nor an error")
    return result


class _Errors(Struct):
    error: tuple[str, ...]


def _errors(body: bytes) -> tuple[str, ...]:
    """Return an answer's errors, without its warnings.

    Raises:
        DecodeError: It is no answer of this API.
    """
    try:
        told = msgspec.json.decode(body, type=_Errors).error
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ()
    return tuple(text for text in told if not text.startswith("W"))
