"""One WebSocket's conversation, the exchange's end: subscribe, unsubscribe, and what comes first.

Every message names one channel. It is answered by how things stand there, and by all that is
subscribed to by then; or by an error, which changes nothing. Whatever is sent has the connection's
next number, so that who misses one sees it: so nothing is sent but answers and what the feed tells.
Who subscribes to nothing within five seconds is sent away; channels of an account are signed, each
subscription by a token of its own.
"""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from steelyard.dialects.coinbase_advanced import auth, brackets, frames, market, stream
from steelyard.dialects.coinbase_advanced.frames import Control, numbered, unnumbered
from steelyard.dialects.coinbase_advanced.routes import KEPT_MAX
from steelyard.dialects.coinbase_advanced.stream import (
    HEARTBEATS,
    SIGNED,
    SILENT,
    SNAPSHOT,
    STATUS,
    USER,
    Paid,
)
from steelyard.dialects.coinbase_advanced.text import shown
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    SECOND_NS,
    BookQuery,
    BookSnapshot,
    CandleList,
    CandlesQuery,
    FillList,
    FillsQuery,
    InstrumentList,
    InstrumentsQuery,
    OrderList,
    OrdersQuery,
    Scope,
    TickerList,
    TickersQuery,
    TradeList,
    TradesQuery,
)
from steelyard.wire.dialect import Door, Ending, Refusal, SessionRefused, Subscription
from steelyard.wire.limits import MessagePace
from steelyard.wire.moments import iso
from steelyard.wire.uuids import user_id

PATIENCE_NS = 5 * SECOND_NS  # for the first subscription
SUBSCRIPTIONS_MAX = 1_000  # channels of products on one connection
SNAPSHOT_TRADES, SNAPSHOT_CANDLES = 50, 350
ORDERS_EACH = 50  # open orders in one message of a snapshot
PAID_MAX = 10_000  # orders of which a connection remembers what they have paid
CLOSE_UNSUPPORTED, CLOSE_POLICY = 1003, 1008

_control = msgspec.json.Decoder(Control).decode
_encode = msgspec.json.Encoder().encode


class Session:
    """The exchange's end of one WebSocket."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._out: list[bytes] = []
        self._closing: tuple[int, str] | None = None
        self._pace = MessagePace()
        self._since_ns: int | None = None
        self._has_asked = False
        self._number = 0  # of the next message
        # What is followed, by channel and product.
        self._followed: dict[str, dict[str, Subscription | None]] = {}
        self._heartbeats = 0
        self._paid: dict[int, Paid] = {}  # by order
        self._account_id = 0  # of the channel `user`

    @property
    def closing(self) -> tuple[int, str] | None:
        """The close code and reason once the session must end."""
        return self._closing

    def drain(self) -> list[bytes]:
        """Return the text frames to send, in order."""
        out, self._out = self._out, []
        return out

    def wake(self, now_ns: int) -> None:
        """Send away who has asked for nothing."""
        if self._since_ns is None:
            self._since_ns = now_ns
        if not self._has_asked and now_ns - self._since_ns >= PATIENCE_NS:
            self._closing = (CLOSE_POLICY, "send a subscribe message within 5 seconds")

    def end(self, ending: Ending, now_ns: int) -> None:
        """The close code says it all."""

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message from the client and answer it."""
        if self._closing:
            return
        if isinstance(frame, bytes):
            self._closing = (CLOSE_UNSUPPORTED, "send JSON in text frames, not binary ones")
            return
        try:
            control = _read(frame)
        except DecodeError as error:
            control = None
            self._out.append(_encode(frames.Error(str(error))))
        messages_max = self._door.limits.sockets.messages
        is_signed = control is not None and (control.jwt or control.api_key)
        if not is_signed and self._pace.is_over(messages_max, now_ns):
            self._closing = (CLOSE_POLICY, f"over {messages_max} unsigned messages in one second")
            return
        if control is None:
            return
        try:
            self._carry_out(control, now_ns)
        except DecodeError as error:
            self._out.append(_encode(frames.Error(str(error))))
        except SessionRefused as refused:
            said = f"authentication failure: {refused.refusal.message}"
            self._out.append(_encode(frames.Error(said)))

    # -- subscribe and unsubscribe ----------------------------------------------------------

    def _carry_out(self, control: Control, now_ns: int) -> None:
        name = control.channel
        products = tuple(dict.fromkeys(control.product_ids or ()))
        if control.type == "unsubscribe":
            self._unsubscribe(name, products)
        elif name in SIGNED:
            self._subscribe_signed(control, products, now_ns)
        elif name in (HEARTBEATS, STATUS):
            if name == STATUS:
                self._followed.setdefault(name, {})[name] = None
                self._say(STATUS, self._status(), now_ns)
            elif name not in self._followed:
                # Through the feed, so that its numbers come in the order in which all is sent.
                subscription = stream.heartbeats(self._door.listings)
                if subscription is not None:
                    self._door.subscribe(subscription, self._finish_heartbeat)
                self._followed[name] = {name: subscription}
        else:
            self._subscribe(name, products, now_ns)
        self._has_asked = True
        told = {channel: tuple(mine) for channel, mine in self._followed.items() if mine}
        self._say("subscriptions", frames.Subscriptions(told), now_ns)

    def _subscribe(self, name: str, products: tuple[str, ...], now_ns: int) -> None:
        if not products:
            raise DecodeError(f"{name} needs product_ids")
        instruments = [self._instrument(product_id) for product_id in products]
        mine = self._followed.get(name, {})
        fresh = [each for each in instruments if each.symbol not in mine]
        most = self._door.limits.sockets.subscriptions_most(SUBSCRIPTIONS_MAX)
        if sum(map(len, self._followed.values())) + len(fresh) > most:
            raise DecodeError(f"too many subscriptions: a connection has at most {most}")
        for instrument in fresh:
            subscription = stream.subscription_of(name, instrument.instrument_id)
            self._door.subscribe(subscription, self._finish)
            self._followed.setdefault(name, {})[instrument.symbol] = subscription
        channel = stream.LEVEL2 if name == "level2" else name
        for instrument in fresh:
            for event in self._first(name, instrument):
                self._say(channel, event, now_ns)

    def _subscribe_signed(self, control: Control, products: tuple[str, ...], now_ns: int) -> None:
        for product_id in products:
            self._instrument(product_id)
        login = auth.Login(control.api_key, control.signature, control.timestamp)
        claimed = auth.stream_credentials(control.jwt, login, control.channel, products)
        if isinstance(claimed, Refusal):
            raise SessionRefused(claimed)
        account_id = self._door.authenticate(claimed, None)
        self._door.require(claimed.key, Scope.READ)
        if control.channel == SILENT:
            self._followed.setdefault(SILENT, {})[user_id(account_id)] = None
            return
        if self._followed.get(USER):
            raise DecodeError("one subscription to user a connection: unsubscribe first")
        subscription = stream.user_subscription(account_id)
        wanted = frozenset(products)
        self._door.subscribe(subscription, lambda payload: self._finish_user(payload, wanted))
        self._account_id = account_id
        self._followed[USER] = dict.fromkeys(products or (user_id(account_id),), subscription)
        for event in self._open_orders(wanted):
            self._say(USER, event, now_ns)

    def _unsubscribe(self, name: str, products: tuple[str, ...]) -> None:
        mine = self._followed.get(name, {})
        gone = [*mine] if name in (USER, HEARTBEATS, STATUS, SILENT) or not products else products
        dropped = {mine.pop(each) for each in gone if each in mine} - {None}
        if not mine:
            self._followed.pop(name, None)
        for subscription in dropped:
            if subscription is not None:
                self._door.unsubscribe(subscription)

    def _instrument(self, product_id: str) -> Instrument:
        found = self._door.listings.find(product_id)
        if found is None:
            known = ", ".join(sorted(each.symbol for each in self._door.listings)[:8])
            raise DecodeError(f"{shown(product_id)} is not a valid product; there are {known}")
        return found

    # -- what is sent -----------------------------------------------------------------------

    def _say(self, channel: str, event: Struct, now_ns: int) -> None:
        self._out.append(self._numbered(unnumbered(channel, iso(now_ns), event)))

    def _numbered(self, payload: bytes) -> bytes:
        number, self._number = self._number, self._number + 1
        return numbered(payload, number)

    def _finish(self, payload: bytes) -> Sequence[bytes]:
        return [self._numbered(payload)]

    def _finish_user(self, payload: bytes, products: frozenset[str]) -> Sequence[bytes]:
        """Say what an order has paid, of the products that were asked for."""
        owing, message = stream.split(payload)
        if products and not any(f'"product_id":"{each}"'.encode() in message for each in products):
            return []
        if owing.first and (pair := self._pair(owing.first)) is not None:
            instrument = self._door.listings[pair[0].instrument_id]
            told = stream.in_bracket(owing, message, pair, instrument)
            if told is None:
                return []
            message = told
        paid = self._paid_before(owing.order_id, owing.filled_lots - owing.fill_lots)
        if owing.fill_lots:
            paid = Paid(owing.filled_lots, paid.fees_atoms + owing.fee_atoms, paid.fills + 1)
        self._remember(owing.order_id, paid)
        return [self._numbered(stream.with_payment(message, owing, paid))]

    def _found(self, numbers: tuple[int, ...]) -> tuple[Order, ...]:
        query = OrdersQuery(self._account_id, len(numbers), order_ids=numbers)
        found = self._door.snapshot(query)
        assert isinstance(found, OrderList), "an OrdersQuery is answered by orders"
        return found.orders

    def _pair(self, first: int) -> tuple[Order, Order] | None:
        """Return the bracket that begins with a number; None where it is another pair."""
        return brackets.pairs((first,), self._found).get(first)

    def _paid_before(self, order_id: int, lots: int) -> Paid:
        """Return what an order had paid when so much of it had filled."""
        known = self._paid.get(order_id, Paid())
        if known.lots == lots:
            return known
        found = self._door.snapshot(FillsQuery(self._account_id, KEPT_MAX, order_id=order_id))
        assert isinstance(found, FillList), "a FillsQuery is answered by fills"
        filled = fees = count = 0
        for fill in found.fills:
            if filled >= lots:
                break
            instrument = self._door.listings[fill.instrument_id]
            is_quote = fill.fee_asset_id == instrument.quote_asset_id
            filled += fill.size_lots
            fees += fill.fee_atoms if is_quote else 0
            count += 1
        return Paid(lots, fees, count)

    def _remember(self, order_id: int, paid: Paid) -> None:
        self._paid.pop(order_id, None)
        self._paid[order_id] = paid
        if len(self._paid) > PAID_MAX:
            self._paid.pop(next(iter(self._paid)))

    def _finish_heartbeat(self, payload: bytes) -> Sequence[bytes]:
        count, self._heartbeats = self._heartbeats, self._heartbeats + 1
        return [self._numbered(frames.counted(payload, count))]

    # -- what comes first -------------------------------------------------------------------

    def _first(self, name: str, instrument: Instrument) -> Iterator[Struct]:
        """Yield how things stand when a channel begins."""
        number, door = instrument.instrument_id, self._door
        match name:
            case "level2":
                book = door.snapshot(BookQuery(number, market.WHOLE_BOOK))
                assert isinstance(book, BookSnapshot), "a BookQuery is answered by a book"
                yield stream.level2_to_wire(book, door.listings)
            case "market_trades":
                trades = door.snapshot(TradesQuery(number, SNAPSHOT_TRADES))
                assert isinstance(trades, TradeList), "a TradesQuery is answered by trades"
                yield stream.trades_to_wire(trades.trades, door.listings)
            case "ticker" | "ticker_batch":
                tickers = door.snapshot(TickersQuery((number,)))
                assert isinstance(tickers, TickerList), "a TickersQuery is answered by tickers"
                told = stream.ticker_to_wire(tickers.tickers[0], door.listings)
                if told is not None:
                    yield frames.Tickers(type=SNAPSHOT, tickers=(told,))
            case _:
                query = CandlesQuery(number, stream.CANDLE_NS, SNAPSHOT_CANDLES)
                candles = door.snapshot(query)
                assert isinstance(candles, CandleList), "a CandlesQuery is answered by candles"
                rows = (c for c in reversed(candles.candles) if c.trade_count)
                yield frames.Candles(
                    type=SNAPSHOT,
                    candles=tuple(stream.product_candle(row, instrument) for row in rows),
                )

    def _open_orders(self, products: frozenset[str]) -> Iterator[frames.User]:
        door = self._door
        query = OrdersQuery(self._account_id, KEPT_MAX, open_only=True)
        found = door.snapshot(query)
        assert isinstance(found, OrderList), "an OrdersQuery is answered by orders"
        wanted = [
            order
            for order in brackets.folded(found.orders, self._found)
            if not products or door.listings[order.instrument_id].symbol in products
        ]
        for first in range(0, len(wanted) or 1, ORDERS_EACH):
            part = wanted[first : first + ORDERS_EACH]
            yield frames.User(
                type=SNAPSHOT,
                orders=tuple(map(self._open_order, part)),
                positions=frames.Positions(),
            )

    def _open_order(self, order: Order) -> frames.UserOrder:
        paid = self._paid_before(brackets.acting_number(order), order.filled_lots)
        return stream.user_order(order, self._door.listings[order.instrument_id], paid)

    def _status(self) -> frames.Status:
        known = self._door.snapshot(InstrumentsQuery())
        assert isinstance(known, InstrumentList), "an InstrumentsQuery is answered by a list"
        return frames.Status(
            type=SNAPSHOT,
            products=tuple(
                stream.status_to_wire(each, market.product_to_wire(each, state).status)
                for each, state in zip(known.instruments, known.states, strict=True)
            ),
        )


def _read(frame: str) -> Control:
    try:
        control = _control(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise DecodeError(
            f'{error}; send {{"type":"subscribe","channel":"ticker","product_ids":["BTC-USD"]}}'
        ) from error
    if control.type not in ("subscribe", "unsubscribe"):
        raise DecodeError(f"type {shown(control.type)}: it is subscribe or unsubscribe")
    if control.channel not in stream.NAMES:
        known = ", ".join(stream.NAMES)
        raise DecodeError(f"channel {shown(control.channel)} is none; there are {known}")
    return control
