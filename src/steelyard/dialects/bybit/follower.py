"""The streams from a trader's side: market data, and one's own orders and balances.

The invariant: a book is the venue's after every message, or there is a gap in the numbers that the
session counts, and it has been asked for anew. The venue's own numbers rise by one a message within
a subscription and begin wherever they like: they say whether something was lost, and nothing else.

What an execution does to an order is kept here: orders and executions come on topics of their own,
in either order, and an order's fills are told by its executions alone.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import UNSET, Raw
from msgspec.structs import replace

from steelyard.dialects.bybit import account, auth, executions, frames, private, stream
from steelyard.dialects.bybit.environments import PRIVATE_STREAM, SPOT_STREAM
from steelyard.dialects.bybit.frames import Ack, Control, Topic
from steelyard.dialects.bybit.market import listed
from steelyard.dialects.bybit.order_messages import Execution as WireExecution
from steelyard.dialects.bybit.order_messages import Order as WireOrder
from steelyard.dialects.bybit.placing import QUOTE, SPOT
from steelyard.dialects.bybit.stream import encode
from steelyard.dialects.bybit.text import MS_NS, read_price, read_size, symbol_text
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import SECOND_NS, BookDelta, Event, Execution, OrderEvent
from steelyard.domain.order import OrderType, TimeInForce
from steelyard.wire.dialect import ApiKey, ChannelKind

DEPTH = 200  # of the books that we follow
PING_NS = 20 * SECOND_NS
ARGS_MAX = 10  # topics in one frame
KNOWN_MAX = 10_000  # orders that a follower remembers; beyond it the oldest is forgotten
FOLLOWED: dict[ChannelKind, str] = {
    ChannelKind.BOOK: f"{stream.BOOK}.{DEPTH}",
    ChannelKind.TRADES: stream.TRADE,
    ChannelKind.TOUCH: stream.TOUCH_FORM,
    ChannelKind.TICKER: stream.TICKER,
    ChannelKind.CANDLES: f"{stream.KLINE}.1",
}
AUTH, SUBSCRIBE, UNSUBSCRIBE = "auth", "subscribe", "unsubscribe"

_either = msgspec.json.Decoder(frames.Either)
_topic = msgspec.json.Decoder(Topic)
_ack = msgspec.json.Decoder(Ack)
_book = msgspec.json.Decoder(frames.Book)
_trades = msgspec.json.Decoder(tuple[frames.Trade, ...])
_ticker = msgspec.json.Decoder(frames.Ticker)
_candles = msgspec.json.Decoder(tuple[frames.Candle, ...])
_orders = msgspec.json.Decoder(frames.Orders)
_executions = msgspec.json.Decoder(frames.Executions)
_wallets = msgspec.json.Decoder(frames.Wallets)
_GARBAGE = (msgspec.DecodeError, RecursionError, UnicodeError)


class _Follower:
    """What both conversations have in common: subscribe, ping, and tell topics from answers."""

    role = "market"
    target = SPOT_STREAM

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._out: list[str] = []
        self._events: list[Event] = []
        self._awaited = 0  # answers to subscriptions
        self._is_open = False
        self._pinged_ns = 0

    @property
    def ready(self) -> bool:
        """Whether every subscription has been confirmed."""
        return self._is_open and self._awaited <= 0

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message.

        Raises:
            DecodeError: It has another form than documented, speaks of what is not listed, or says
                that a subscription is not taken.
            AuthError: Key or signature are not accepted.
        """
        try:
            either = _either.decode(frame)
            if either.topic:
                self._heard(_topic.decode(frame), now_ns)
            elif either.op:
                self._answered(_ack.decode(frame))
        except _GARBAGE as error:
            raise DecodeError(f"stream: {error}") from error
        self.wake(now_ns)

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return frames to send and what was told, in order."""
        out, self._out = self._out, []
        events, self._events = self._events, []
        return out, events

    def wake(self, now_ns: int) -> None:
        """Say that we are there, every 20 seconds."""
        if self._is_open and now_ns - self._pinged_ns >= PING_NS:
            self._pinged_ns = now_ns
            self._say(Control(op="ping"))

    def _open(self, now_ns: int) -> None:
        self._is_open, self._pinged_ns = True, now_ns

    def _say(self, control: Control) -> None:
        self._out.append(encode(control).decode())

    def _follow(self, op: str, topics: Sequence[str]) -> None:
        """Subscribe or unsubscribe, so many topics a frame."""
        for start in range(0, len(topics), ARGS_MAX):
            args = tuple(topics[start : start + ARGS_MAX])
            self._awaited += op == SUBSCRIBE
            self._say(Control(op=op, args=args, req_id=Raw(b'"sy"')))

    def _answered(self, ack: Ack) -> None:
        if ack.op == SUBSCRIBE:
            if ack.success is not True:
                raise DecodeError(f"stream: the subscription is refused: {ack.ret_msg}")
            self._awaited -= 1

    def _heard(self, topic: Topic, now_ns: int) -> None:
        raise NotImplementedError


# -- market data --------------------------------------------------------------------------------


class MarketFollower(_Follower):
    """Our conversation about public topics."""

    def __init__(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> None:
        super().__init__(listings)
        for kind in kinds:
            if kind not in FOLLOWED:
                raise Unsupported(f"Bybit has no public topic for {kind.name}")
        self._instruments = tuple(instruments)
        self._kinds = sorted(kinds)
        self._last: dict[int, int | None] = {}  # the venue's number; None: it is not whole
        self._counts: dict[int, int] = {}  # ours

    def opened(self, now_ns: int) -> None:
        """Subscribe."""
        self._open(now_ns)
        topics = [
            f"{FOLLOWED[kind]}.{symbol_text(each)}"
            for kind in self._kinds
            for each in self._instruments
        ]
        self._follow(SUBSCRIBE, topics)

    def renew(self, instrument_id: int) -> None:
        """Ask for a book anew."""
        self._last[instrument_id] = None
        symbol = symbol_text(self._listings[instrument_id])
        for op in (UNSUBSCRIBE, SUBSCRIBE):
            self._follow(op, (f"{FOLLOWED[ChannelKind.BOOK]}.{symbol}",))

    def _heard(self, topic: Topic, now_ns: int) -> None:
        data, listings = bytes(topic.data), self._listings
        form, _, symbol = topic.topic.rpartition(".")
        time_ns = topic.ts * MS_NS if isinstance(topic.ts, int) and topic.ts >= 0 else now_ns
        match form.partition(".")[0]:
            case stream.BOOK if form == stream.TOUCH_FORM:
                instrument = listed(symbol, listings)
                touch = stream.touch_from_wire(_book.decode(data), instrument, time_ns)
                self._events.append(touch)
            case stream.BOOK:
                is_whole = topic.type == "snapshot"
                self._take_book(_book.decode(data), symbol, time_ns, is_whole=is_whole)
            case stream.TRADE:
                told = [stream.trade_from_wire(t, listings) for t in _trades.decode(data)]
                self._events += told
            case stream.TICKER:
                self._events.append(
                    stream.ticker_from_wire(_ticker.decode(data), listings, time_ns)
                )
            case stream.KLINE:
                instrument = listed(symbol, listings)
                rows = _candles.decode(data)
                self._events += [stream.candle_from_wire(each, instrument) for each in rows]
            case _:
                pass

    def _take_book(self, wire: frames.Book, symbol: str, time_ns: int, *, is_whole: bool) -> None:
        instrument = listed(symbol, self._listings)
        number = instrument.instrument_id
        is_whole = is_whole or wire.u == 1  # the service has begun anew
        before = self._last.get(number)
        count = self._counts.get(number, 0) + 1
        if not is_whole and before is None:
            return  # it is on its way
        told = stream.book_from_wire(wire, instrument, count, time_ns, is_whole=is_whole)
        if not is_whole and before is not None and wire.u != before + 1:
            self._counts[number] = count + 1
            self._events.append(BookDelta(number, count + 1, count + 1, (), (), time_ns))
            self.renew(number)
            return
        self._last[number], self._counts[number] = wire.u, count
        self._events.append(told)


# -- an account ---------------------------------------------------------------------------------


class AccountFollower(_Follower):
    """Our conversation about an account's orders and balances."""

    role = "private"
    target = PRIVATE_STREAM

    def __init__(self, key: ApiKey, listings: Listings) -> None:
        super().__init__(listings)
        self._key = key
        self._orders: OrderedDict[str, Order] = OrderedDict()  # by the venue's id
        self._fills: OrderedDict[tuple[int, str], None] = OrderedDict()
        self._whole: dict[str, int] = {}  # what orders have filled whose last execution is to come

    def opened(self, now_ns: int) -> None:
        """Prove who we are, and subscribe: the venue reads in order."""
        self._open(now_ns)
        self._say(Control(op=AUTH, args=auth.login_of(self._key, now_ns)))
        self._follow(SUBSCRIBE, (private.ORDER, private.EXECUTION, private.WALLET))

    def _answered(self, ack: Ack) -> None:
        if ack.op == AUTH and ack.success is not True:
            said = ack.ret_msg or ack.retMsg
            code = ack.retCode if isinstance(ack.retCode, int) else None
            raise AuthError(f"the venue does not accept the key: {said}", code)
        super()._answered(ack)

    def _heard(self, topic: Topic, now_ns: int) -> None:
        data = bytes(topic.data)
        made = topic.creationTime
        time_ns = made * MS_NS if isinstance(made, int) and made >= 0 else now_ns
        match topic.topic.partition(".")[0]:
            case private.ORDER:
                found = _orders.decode(data)
                self._events += [e for o in found if _is_spot(o) for e in self._order(o)]
            case private.EXECUTION if topic.topic.startswith(private.FAST):
                pass
            case private.EXECUTION:
                rows = _executions.decode(data)
                self._events += [e for x in rows if _is_spot(x) for e in self._executed(x)]
            case private.WALLET:
                wallets = _wallets.decode(data)
                told = account.event_from_wire(wallets, self._listings, time_ns)
                self._events.append(told)
            case _:
                pass

    def _order(self, wire: WireOrder) -> Iterator[OrderEvent]:
        """Yield what has happened to an order, but for what executions tell."""
        told = executions.order_from_wire(wire, self._listings)
        before, time_ns = self._orders.get(wire.orderId), told.updated_ns
        if told.state is OrderState.FILLED and (before is None or before.state.is_open):
            self._whole[wire.orderId] = told.filled_lots
            while len(self._whole) > KNOWN_MAX:
                del self._whole[next(iter(self._whole))]
        if before is None:
            filled_lots = 0 if told.state.is_open or told.state is OrderState.FILLED else None
            self._keep(wire.orderId, _as_executed(told, filled_lots))
            if told.state.is_open or told.state is OrderState.FILLED:
                fresh = replace(
                    told, state=OrderState.WORKING, filled_lots=0, quote_atoms=0, triggered_ns=0
                )
                yield OrderEvent(Execution.NEW, fresh, None, time_ns)
                if told.triggered_ns:
                    yield OrderEvent(Execution.TRIGGERED, told, None, time_ns)
                return
        elif told.triggered_ns and not before.triggered_ns and told.state.is_open:
            order = _merged(told, before)
            self._keep(wire.orderId, order)
            yield OrderEvent(Execution.TRIGGERED, order, None, time_ns)
            return
        if told.state is OrderState.REJECTED:
            yield OrderEvent(Execution.REJECTED, told, None, time_ns)
        elif told.state in (OrderState.CANCELED, OrderState.EXPIRED):
            self._orders.pop(wire.orderId, None)
            is_expired = told.state is OrderState.EXPIRED
            kind = Execution.EXPIRED if is_expired else Execution.CANCELED
            yield OrderEvent(kind, told, None, time_ns)
        elif before is not None and _terms(told) != _terms(before) and told.state.is_open:
            order = _merged(told, before)
            self._keep(wire.orderId, order)
            yield OrderEvent(Execution.AMENDED, order, None, time_ns)

    def _executed(self, wire: WireExecution) -> Iterator[OrderEvent]:
        if wire.execType != "Trade":
            return
        fill = executions.fill_from_wire(wire, self._listings)
        name = fill.instrument_id, f"{wire.execId}:{wire.orderId}"
        if name in self._fills:
            return
        self._fills[name] = None
        while len(self._fills) > KNOWN_MAX:
            self._fills.popitem(last=False)
        order = self._orders.get(wire.orderId) or _unknown(wire, fill, self._listings)
        filled_lots = order.filled_lots + fill.size_lots
        whole_lots = self._whole.get(wire.orderId) or order.size_lots
        is_whole = 0 < whole_lots <= filled_lots
        if is_whole:
            self._whole.pop(wire.orderId, None)
        order = replace(
            order,
            filled_lots=filled_lots,
            quote_atoms=order.quote_atoms + fill.quote_atoms,
            state=OrderState.FILLED if is_whole else OrderState.PARTIALLY_FILLED,
            updated_ns=fill.time_ns,
        )
        self._keep(wire.orderId, order)
        yield OrderEvent(Execution.FILL, order, fill, fill.time_ns)

    def _keep(self, name: str, order: Order) -> None:
        self._orders[name] = order
        while len(self._orders) > KNOWN_MAX:
            self._orders.popitem(last=False)


def _is_spot(wire: WireOrder | WireExecution) -> bool:
    return wire.category in (UNSET, SPOT)


def _as_executed(told: Order, filled_lots: int | None) -> Order:
    """Return an order with as much filled as executions have told."""
    if filled_lots is None:
        return told
    return replace(told, filled_lots=0, quote_atoms=0, state=OrderState.WORKING)


def _merged(told: Order, before: Order) -> Order:
    """Return an order as it is told, with what executions have told."""
    return replace(
        told, filled_lots=before.filled_lots, quote_atoms=before.quote_atoms, state=before.state
    )


def _terms(order: Order) -> tuple[int | None, ...]:
    return order.price_ticks, order.size_lots, order.trigger_ticks


def _unknown(wire: WireExecution, fill: Fill, listings: Listings) -> Order:
    """Return as much of an order as an execution tells: it was placed before we listened."""
    instrument = listings[fill.instrument_id]
    is_limit = wire.orderType != "Market"
    has_size = wire.marketUnit != QUOTE and wire.orderQty
    left = read_size(instrument, wire.leavesQty or "0")
    size_lots = read_size(instrument, wire.orderQty) if has_size else 0
    price = wire.orderPrice if is_limit and wire.orderPrice else None
    return Order(
        order_id=fill.order_id,
        client_order_id=fill.client_order_id,
        account_id=0,
        instrument_id=fill.instrument_id,
        side=fill.side,
        order_type=OrderType.LIMIT if is_limit else OrderType.MARKET,
        time_in_force=TimeInForce.GTC if is_limit else TimeInForce.IOC,
        post_only=False,
        price_ticks=read_price(instrument, price) if price else None,
        size_lots=size_lots,
        filled_lots=max(0, size_lots - left - fill.size_lots),
        created_ns=fill.time_ns,
        updated_ns=fill.time_ns,
    )
