"""The client half: what a trader sends to OKX over REST, and what an answer means.

The invariant: a request is built from the same structs that the server half reads. Of a command,
every answer is Answered, NotSent or Unknown, never an exception: what cannot be read may have
happened. Of a query, garbage is a DecodeError.

Orders that wait for a price are the venue's algo orders, with routes of their own. Which ones are,
the client remembers of those that it has placed, and of those that a list or a lookup has told; an
order that it does not know is canceled as one at market, and the refusal says so if it is none.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from steelyard.dialects.okx import (
    account,
    algo_terms,
    algos,
    errors,
    history,
    lookups,
    market,
    orders,
    placing,
    tables,
)
from steelyard.dialects.okx.account_messages import Balance, BalanceRequest, Config
from steelyard.dialects.okx.algo_messages import (
    AlgoAck,
    AmendAlgo,
    AmendAlgos,
    CancelAlgo,
    CancelAlgos,
    NewAlgos,
)
from steelyard.dialects.okx.auth import WINDOW_NS, signed_headers
from steelyard.dialects.okx.follower import AccountFollower, MarketFollower
from steelyard.dialects.okx.messages import (
    Book,
    BookRequest,
    Candle,
    CandlesRequest,
    InstrumentsRequest,
    Nothing,
    StatusRequest,
    SystemStatus,
    Ticker,
    Time,
    Trade,
    TradesRequest,
    TypeRequest,
)
from steelyard.dialects.okx.messages import Instrument as WireInstrument
from steelyard.dialects.okx.order_messages import (
    Ack,
    AmendOrder,
    AmendOrders,
    CancelAfter,
    CancelAfterRequest,
    CancelOrder,
    CancelOrders,
    NewOrders,
)
from steelyard.dialects.okx.parameters import JSON, write
from steelyard.dialects.okx.routes import needs_key
from steelyard.dialects.okx.text import MS_NS, SPOT, ms, price_text, size_text
from steelyard.domain.commands import Amend, Cancel, Place, UserCommand
from steelyard.domain.dead_man import ArmDeadMan
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
from steelyard.wire.call import Call, cost_of
from steelyard.wire.dialect import ApiKey, Auth, ChannelKind, ClientSession
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import LimitProfile, ratelimit_told
from steelyard.wire.outcome import Answered, Outcome, Unknown
from steelyard.wire.tables import MarketTable, OrderForm

WAITING_MAX = 10_000  # names of algo orders that are remembered

Message = UserCommand | Query


class OkxClient:
    """How a trader speaks to OKX; it remembers which orders are algo orders, and nothing else."""

    def __init__(self) -> None:
        self._waiting: dict[int | str, None] = {}

    def request(
        self, message: Message, listings: Listings, key: ApiKey | None, now_ns: int
    ) -> Request:
        """Return the bytes to send, signed where the route asks for it.

        Raises:
            Unsupported: OKX does not offer this.
            UsageError: The route needs a key and there is none.
        """
        call = self.call_of(message, listings)
        endpoint = call.endpoint
        target, body = write(endpoint, call.parameters)
        headers = {"content-type": JSON} if body else {}
        if endpoint.auth is Auth.SIGNED:
            if key is None:
                raise needs_key(f"{endpoint.method} {endpoint.path}")
            headers |= signed_headers(key, endpoint.method, target, body, now_ns)
        if isinstance(message, Place) and call.endpoint is algos.PLACE:
            self._remember(message.client_order_id)
        return Request(endpoint.method, target, headers, body)

    def outcome(
        self, message: Message, response: Response, listings: Listings, now_ns: int
    ) -> Outcome:
        """Return what a response means for a message.

        Raises:
            DecodeError: The answer to a query has another form than documented.
        """
        call = self.call_of(message, listings)
        try:
            refused = errors.refused_outcome(response)
            if refused is not None:
                return refused
            rows = _rows(response.body, call.body)
            answer = call.read(rows, listings, now_ns)
        except DecodeError as error:
            if isinstance(message, UserCommand):
                return Unknown(f"the answer cannot be read: {error}")
            raise
        self._learn(answer)
        return Answered(answer)

    nonces_rise = False

    def cost(self, message: Message, listings: Listings) -> Cost:
        """Return what a message counts as: the venue counts requests, by route."""
        match message:
            case Place() if not _is_algo(message):
                return _PLACE_COST
            case Cancel():
                return _CANCEL_COST
            case _:
                return self.call_of(message, listings).cost

    def spent(self, response: Response) -> tuple[Spent, ...]:
        """Return what headers say of limits, of which the venue itself has none."""
        told = ratelimit_told(response.headers)
        return () if told is None else (Spent(told[1], told[0]),)

    def limits_request(self) -> None:
        """Return None: the venue tells its limits to people only."""

    def limits_of(self, response: Response) -> LimitProfile:  # noqa: ARG002
        """Raise DecodeError: no answer tells them."""
        raise DecodeError("OKX tells its limits to people only")

    def further(self, query: Query, answers: Sequence[Answer]) -> Query | None:
        """Return the next part of a list, or the other list in which an order may be."""
        return lookups.further(query, answers)

    def joined(self, query: Query, answers: Sequence[Answer]) -> Answer:
        """Return the whole of a list."""
        return lookups.joined(query, answers)

    def expiry_ns(self, message: Message) -> int | None:
        """Return how long the venue may still take a request up: as old as a timestamp may be."""
        return WINDOW_NS if isinstance(message, _SIGNED) else None

    def client_order_id(self, number: int) -> str:
        """Print a 128-bit id in hexadecimal digits, as many as the venue takes."""
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
            return None  # of finer steps than it counts

    def order_form(self, place: Place, listings: Listings, key: ApiKey, host: str) -> OrderForm:
        """Return the form of orders like one, for a native signer; as `tables.order_form`."""
        return tables.order_form(place, listings, key, host)

    def private_session(self, key: ApiKey, listings: Listings, now_ns: int) -> ClientSession:  # noqa: ARG002
        """Return a session that follows the account's orders and balances."""
        return AccountFollower(key, listings)

    # -- which orders wait ----------------------------------------------------------------------

    def _remember(self, *names: int | str) -> None:
        for name in names:
            if name:
                self._waiting.pop(name, None)  # the newest last
                self._waiting[name] = None
        while len(self._waiting) > WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]

    def _learn(self, answer: Answer) -> None:
        """Take in which orders wait, of those that an answer tells of."""
        match answer:
            case OrderAnswer(order):
                told: tuple[Order, ...] = (order,)
            case OrderList(orders_told):
                told = orders_told
            case _:
                return
        for order in told:
            if order.waits or (order.display_lots is not None and order.state.is_open):
                self._remember(order.order_id, order.client_order_id)
            else:
                self._waiting.pop(order.order_id, None)
                self._waiting.pop(order.client_order_id, None)

    def _is_waiting(self, order_id: int, client_order_id: str) -> bool:
        return client_order_id in self._waiting or order_id in self._waiting

    # -- messages as requests -------------------------------------------------------------------

    def call_of(self, message: Message, listings: Listings) -> Call:
        """Return the request that a message is.

        Raises:
            Unsupported: OKX does not offer this.
        """
        match message:
            case Place():
                return _place(message, listings)
            case Cancel():
                waits = self._is_waiting(message.order_id, message.client_order_id)
                return _cancel(message, listings, waits=waits)
            case Amend():
                waits = self._is_waiting(message.order_id, message.client_order_id)
                return _amend(message, listings, waits=waits)
            case OrderQuery() | OrdersQuery() | FillsQuery():
                return lookups.call_of(message, listings)
            case ArmDeadMan():
                return Call(
                    orders.CANCEL_AFTER,
                    CancelAfterRequest(timeOut=str(_dead_man_s(message.after_ns))),
                    tuple[CancelAfter, ...],
                    lambda rows, _, __: orders.armed_from_wire(rows),
                )
            case AccountQuery():
                return Call(
                    account.BALANCE,
                    BalanceRequest(),
                    tuple[Balance, ...],
                    lambda rows, known, _: account.account_from_wire(rows, known),
                )
            case KeyQuery(key):
                return Call(
                    account.CONFIG,
                    Nothing(),
                    tuple[Config, ...],
                    lambda rows, _, __: account.key_from_wire(rows, key),
                )
            case _ if not isinstance(message, UserCommand):
                return _public(message, listings)
            case _:
                raise Unsupported(f"OKX has no {type(message).__name__} over this API")


_SIGNED = UserCommand | AccountQuery | OrderQuery | OrdersQuery | FillsQuery | KeyQuery | ArmDeadMan
# The same for each of them; asked before every one.
_PLACE_COST = cost_of(orders.PLACE, Nothing())
_CANCEL_COST = cost_of(orders.CANCEL, Nothing())


# -- commands -----------------------------------------------------------------------------------


def _is_algo(place: Place) -> bool:
    return place.order_type.waits or place.display_lots is not None


def _place(place: Place, listings: Listings) -> Call:
    if _is_algo(place):
        return Call(
            algos.PLACE,
            NewAlgos(items=(algo_terms.place_to_wire(place, listings),)),
            tuple[AlgoAck, ...],
            lambda rows, _, __: OrderAnswer(orders.as_asked(algo_terms.number_in_ack(rows), place)),
        )
    return Call(
        orders.PLACE,
        NewOrders(items=(placing.place_to_wire(place, listings),)),
        tuple[Ack, ...],
        lambda rows, _, __: orders.placed_from_ack(rows, place),
    )


def _inst_id(instrument_id: int | None, listings: Listings) -> str:
    if instrument_id is None:
        raise Unsupported("OKX names an order by its instrument and an id; name the instrument")
    return listings[instrument_id].symbol


def _cancel(cancel: Cancel, listings: Listings, *, waits: bool) -> Call:
    inst_id = _inst_id(cancel.instrument_id, listings)
    own = cancel.client_order_id or None
    number = None if own else str(cancel.order_id)
    if waits:
        return Call(
            algos.CANCEL,
            CancelAlgos(items=(CancelAlgo(instId=inst_id, algoId=number, algoClOrdId=own),)),
            tuple[AlgoAck, ...],
            lambda rows, _, __: Acknowledged(len(rows)),
        )
    return Call(
        orders.CANCEL,
        CancelOrders(items=(CancelOrder(instId=inst_id, ordId=number, clOrdId=own),)),
        tuple[Ack, ...],
        lambda rows, _, __: orders.canceled_from_ack(rows),
    )


def _amend(amend: Amend, listings: Listings, *, waits: bool) -> Call:
    inst_id = _inst_id(amend.instrument_id, listings)
    instrument = listings[amend.instrument_id or 0]
    # An order keeps its clOrdId here: under another one it is not found.
    own = amend.client_order_id or None
    number = None if own else str(amend.order_id)
    size = None if amend.size_lots is None else size_text(instrument, amend.size_lots)
    price = None if amend.price_ticks is None else price_text(instrument, amend.price_ticks)
    if not waits:
        if amend.trigger_ticks is not None:
            raise Unsupported("OKX changes the trigger of an algo order, and this is none we know")
        request = AmendOrder(instId=inst_id, ordId=number, clOrdId=own, newSz=size, newPx=price)
        return Call(
            orders.AMEND, AmendOrders(items=(request,)), tuple[Ack, ...], lambda *_: Acknowledged()
        )
    trigger = None if amend.trigger_ticks is None else price_text(instrument, amend.trigger_ticks)
    algo = AmendAlgo(
        instId=inst_id,
        algoId=number,
        algoClOrdId=own,
        newSz=size,
        newTpTriggerPx=trigger,
        newTpOrdPx=price,
        newSlTriggerPx=trigger,
        newSlOrdPx=price,
        newTriggerPx=trigger,
        newOrdPx=price,
    )
    return Call(
        algos.AMEND, AmendAlgos(items=(algo,)), tuple[AlgoAck, ...], lambda *_: Acknowledged()
    )


def _dead_man_s(after_ns: int) -> int:
    """Return a time of the switch in seconds, as near as the venue takes it; 0 disarms."""
    seconds = -(-after_ns // SECOND_NS)
    if not seconds:
        return 0
    if seconds > orders.DEAD_MAN_MAX_S:
        raise Unsupported(f"OKX's switch waits at most {orders.DEAD_MAN_MAX_S} s")
    return max(seconds, orders.DEAD_MAN_MIN_S)


# -- queries ------------------------------------------------------------------------------------


def _public(query: Query, listings: Listings) -> Call:
    match query:
        case InstrumentsQuery():
            return Call(
                market.INSTRUMENTS,
                InstrumentsRequest(instType=SPOT),
                tuple[WireInstrument, ...],
                lambda rows, _, __: market.instruments_from_wire(rows),
            )
        case ClockQuery():
            return Call(
                market.TIME,
                Nothing(),
                tuple[Time, ...],
                lambda rows, _, __: market.clock_from_wire(rows),
            )
        case StatusQuery():
            return Call(
                market.STATUS,
                StatusRequest(),
                tuple[SystemStatus, ...],
                lambda rows, _, now_ns: market.status_from_wire(rows, now_ns),
            )
        case BookQuery():
            instrument = listings[query.instrument_id]
            depth = min(query.depth, market.BOOK_MAX)
            return Call(
                market.BOOK,
                BookRequest(instId=instrument.symbol, sz=str(depth)),
                tuple[Book, ...],
                lambda rows, _, __: market.book_from_wire(rows, instrument, depth),
            )
        case TradesQuery():
            return _trades(query, listings)
        case CandlesQuery():
            return _candles(query, listings)
        case TickersQuery():
            return Call(
                market.TICKERS,
                TypeRequest(instType=SPOT),
                tuple[Ticker, ...],
                lambda rows, known, _: TickerList(
                    tuple(
                        market.ticker_from_wire(row, instrument)
                        for row, instrument in market.listings_known(rows, known)
                        if query.instrument_ids is None
                        or instrument.instrument_id in query.instrument_ids
                    )
                ),
            )
        case _:
            raise Unsupported(f"OKX has no {type(query).__name__} for the public")


def _trades(query: TradesQuery, listings: Listings) -> Call:
    if query.start_ns is not None:
        raise Unsupported("OKX gives the newest trades, or those from an id on; name an id")
    instrument = listings[query.instrument_id]
    request = TradesRequest(
        instId=instrument.symbol, limit=str(min(query.limit, history.TRADES_MAX))
    )
    if query.from_trade_id is not None:
        request = history.trades_from(query.from_trade_id, instrument)
    return Call(
        history.TRADES if query.from_trade_id is None else history.OLD_TRADES,
        request,
        tuple[Trade, ...],
        lambda rows, _, __: TradeList(
            tuple(history.trade_from_wire(row, instrument) for row in reversed(rows))
        ),
    )


def _candles(query: CandlesQuery, listings: Listings) -> Call:
    bar = history.BAR_NAMES.get((query.interval_ns, query.offset_ns))
    if bar is None:
        known = ", ".join(history.BARS)
        raise Unsupported(f"OKX has no such candles; there are {known}")
    instrument, limit = listings[query.instrument_id], min(query.limit, history.CANDLES_MAX)
    start_ns, end_ns = query.start_ns, query.end_ns
    if start_ns is not None:
        # Rows come newest first: the end is what keeps them at the start.
        last_ns = start_ns + limit * query.interval_ns
        end_ns = last_ns - MS_NS if end_ns is None else min(end_ns, last_ns - MS_NS)
    request = CandlesRequest(
        instId=instrument.symbol,
        bar=bar,
        before=None if start_ns is None else ms(start_ns - MS_NS),
        after=None if end_ns is None else ms(end_ns + MS_NS),
        limit=str(limit),
    )
    return Call(
        history.CANDLES if start_ns is None else history.OLD_CANDLES,
        request,
        tuple[Candle, ...],
        lambda rows, _, __: CandleList(
            tuple(
                history.candle_from_wire(row, instrument, query.interval_ns)
                for row in reversed(rows)
            )
        ),
    )


# -- reading ------------------------------------------------------------------------------------


class _Data(Struct):
    data: msgspec.Raw


def _rows(body: bytes, kind: Any) -> Any:
    """Return an answer's data.

    Raises:
        DecodeError: It has none, or of another form.
    """
    try:
        return msgspec.json.decode(msgspec.json.decode(body, type=_Data).data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise DecodeError(f"answer: {error}") from error
