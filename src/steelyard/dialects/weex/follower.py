"""The streams from a trader's side: market data, and one's own orders, fills and balances.

The invariant: a book is the venue's after every message, or a gap in its numbers is told, and it
has been subscribed to anew. A change goes on from the number (U) that the message before had (u).

What a fill does to an order is kept here: orders and fills come on channels of their own, in either
order, and an order's fills are told by `fill` alone, which names neither client id nor price.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from steelyard.dialects.weex import auth, errors, frames, private, stream
from steelyard.dialects.weex.environments import PRIVATE_STREAM, PUBLIC_STREAM
from steelyard.dialects.weex.stream import SNAPSHOT, encode
from steelyard.dialects.weex.text import listed, symbol_text
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import BookDelta, BookSnapshot, Event, Execution, OrderEvent
from steelyard.domain.order import OrderType, TimeInForce
from steelyard.wire.dialect import ApiKey, ChannelKind

DEPTH = 200  # of the books that we follow
PARAMS_MAX = 50  # channels in one message
KNOWN_MAX = 10_000  # orders that a follower remembers; beyond it the oldest is forgotten
FOLLOWED: dict[ChannelKind, str] = {
    ChannelKind.BOOK: f"{stream.DEPTH}{DEPTH}",
    ChannelKind.TRADES: stream.TRADE,
    ChannelKind.TOUCH: stream.TOUCH,
    ChannelKind.TICKER: stream.TICKER,
    ChannelKind.CANDLES: stream.kline_form("1m"),
}
SUBSCRIBE, UNSUBSCRIBE = "SUBSCRIBE", "UNSUBSCRIBE"
PONG = frames.Said(method="PONG", id="sy-pong")

_told = msgspec.json.Decoder(frames.Told)
_book = msgspec.json.Decoder(frames.DepthMessage)
_trades = msgspec.json.Decoder(frames.TradeMessage)
_touch = msgspec.json.Decoder(frames.TouchMessage)
_ticker = msgspec.json.Decoder(frames.TickerMessage)
_candles = msgspec.json.Decoder(frames.KlineMessage)


class _Account(msgspec.Struct):
    """A private message with what it tells unread."""

    E: int
    d: Raw


_account = msgspec.json.Decoder(_Account)
_orders = msgspec.json.Decoder(tuple[frames.OrderData, ...])
_fills = msgspec.json.Decoder(tuple[frames.FillData, ...])
_balances = msgspec.json.Decoder(tuple[frames.BalanceData, ...])
_GARBAGE = (msgspec.DecodeError, RecursionError, UnicodeError)


class _Follower:
    """What both conversations have in common: subscribe, answer pings, tell events from answers."""

    role = "market"
    target = PUBLIC_STREAM

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._out: list[str] = []
        self._events: list[Event] = []
        self._awaited = 0  # answers to subscriptions
        self._is_open = False

    @property
    def ready(self) -> bool:
        """Whether every subscription has been confirmed."""
        return self._is_open and self._awaited <= 0

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message.

        Raises:
            DecodeError: It has another form than documented, speaks of what is not listed, or says
                that a subscription is not taken.
            AuthError: Key, signature or passphrase are not accepted.
        """
        try:
            told = _told.decode(frame)
            if told.e:
                self._heard(told, frame, now_ns)
            elif "ping" in (told.event, told.type):
                self._say(PONG)
            elif told.result is True:
                self._awaited -= 1
            elif told.result is False:
                raise _refusal(told)
        except _GARBAGE as error:
            raise DecodeError(f"stream: {error}") from error

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return frames to send and what was told, in order."""
        out, self._out = self._out, []
        events, self._events = self._events, []
        return out, events

    def _say(self, said: frames.Said) -> None:
        self._out.append(encode(said).decode())

    def _follow(self, method: str, channels: Sequence[str]) -> None:
        """Subscribe or unsubscribe, so many channels a message."""
        for start in range(0, len(channels), PARAMS_MAX):
            params = tuple(channels[start : start + PARAMS_MAX])
            self._awaited += 1
            self._say(frames.Said(method=method, params=params, id="sy"))

    def _heard(self, told: frames.Told, frame: str | bytes, now_ns: int) -> None:
        raise NotImplementedError


def _refusal(told: frames.Told) -> Exception:
    """Return what a no of the venue's means."""
    if isinstance(told.code, int) and told.code in errors.DENIED | {errors.LATE}:
        return AuthError(f"the venue does not accept the key: {told.msg} {told.help}", told.code)
    return DecodeError(f"stream: the subscription is refused: {told.msg}")


# -- market data --------------------------------------------------------------------------------


class MarketFollower(_Follower):
    """Our conversation about public channels."""

    def __init__(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> None:
        super().__init__(listings)
        for kind in kinds:
            if kind not in FOLLOWED:
                raise Unsupported(f"WEEX has no public channel for {kind.name}")
        self._instruments = tuple(instruments)
        self._kinds = sorted(kinds)
        self._last: dict[int, int] = {}  # of books that are whole, what they are up to

    def opened(self, now_ns: int) -> None:  # noqa: ARG002
        """Subscribe."""
        self._is_open = True
        self._follow(
            SUBSCRIBE,
            [
                f"{symbol_text(each)}@{FOLLOWED[kind]}"
                for kind in self._kinds
                for each in self._instruments
            ],
        )

    def renew(self, instrument_id: int) -> None:
        """Ask for a book anew."""
        self._last.pop(instrument_id, None)
        symbol = symbol_text(self._listings[instrument_id])
        for method in (UNSUBSCRIBE, SUBSCRIBE):
            self._follow(method, (f"{symbol}@{FOLLOWED[ChannelKind.BOOK]}",))

    def _heard(self, told: frames.Told, frame: str | bytes, now_ns: int) -> None:
        instrument = listed(told.s, self._listings)
        match told.e.removesuffix(SNAPSHOT):
            case stream.DEPTH:
                self._take_book(_book.decode(frame), instrument)
            case stream.TRADE if told.e == stream.TRADE:
                rows = _trades.decode(frame).d
                self._events += [stream.trade_from_wire(row, instrument) for row in rows]
            case stream.TOUCH:
                self._events.append(stream.touch_from_wire(_touch.decode(frame), instrument))
            case stream.TICKER:
                wire = _ticker.decode(frame)
                found = (stream.ticker_from_wire(wire, data, self._listings) for data in wire.d)
                self._events += found
            case stream.KLINE:
                candles = _candles.decode(frame).d
                self._events += [
                    stream.candle_from_wire(candle, instrument, now_ns) for candle in candles
                ]
            case _:
                pass  # what had traded before we came is asked for

    def _take_book(self, wire: frames.DepthMessage, instrument: Instrument) -> None:
        number, last = instrument.instrument_id, self._last.get(instrument.instrument_id)
        told = stream.book_from_wire(wire, instrument)
        if isinstance(told, BookSnapshot):
            self._last[number] = wire.u
            self._events.append(told)
        elif last is None:
            return  # the book is on its way
        elif last != wire.U or wire.u < last:
            gap = BookDelta(number, last + 2, last + 2, (), (), told.time_ns)
            self._events.append(gap)
            self.renew(number)
        elif wire.u > last:
            self._last[number] = wire.u
            self._events.append(told)


# -- an account ---------------------------------------------------------------------------------


class AccountFollower(_Follower):
    """Our conversation about an account's orders, fills and balances."""

    role = "private"
    target = PRIVATE_STREAM

    def __init__(self, key: ApiKey, listings: Listings) -> None:
        super().__init__(listings)
        self._key = key
        self._orders: OrderedDict[int, Order] = OrderedDict()  # by number
        self._fills: OrderedDict[tuple[int, int], None] = OrderedDict()
        self._whole: dict[int, int] = {}  # what orders have filled whose last fill is to come

    def opening_headers(self, now_ns: int) -> dict[str, str]:
        """Return the headers that prove who we are."""
        return {auth.AGENT: auth.USER_AGENT, **auth.stream_headers(self._key, now_ns)}

    def opened(self, now_ns: int) -> None:  # noqa: ARG002
        """Subscribe."""
        self._is_open = True
        self._follow(SUBSCRIBE, (private.ORDERS, private.FILL, private.ACCOUNT))

    def _heard(self, told: frames.Told, frame: str | bytes, now_ns: int) -> None:  # noqa: ARG002
        message = _account.decode(frame)
        data = bytes(message.d)
        match told.e:
            case private.ORDERS:
                self._events += [e for each in _orders.decode(data) for e in self._order(each)]
            case private.FILL:
                self._events += [e for each in _fills.decode(data) for e in self._executed(each)]
            case private.ACCOUNT:
                time_ns = max(message.E, 0) * 1_000_000
                rows = _balances.decode(data)
                self._events.append(private.balances_from_wire(rows, self._listings, time_ns))
            case _:
                pass

    def _order(self, wire: frames.OrderData) -> Iterator[OrderEvent]:
        """Yield what has happened to an order, but for what fills tell."""
        told = private.order_from_wire(wire, self._listings)
        name, state, time_ns = told.order_id, told.state, told.updated_ns
        before = self._orders.get(name)
        if state is OrderState.FILLED and (before is None or before.state.is_open):
            _remember(self._whole, name, told.filled_lots)
        if before is None:
            if state.is_open or state is OrderState.FILLED:
                fresh = replace(told, state=OrderState.WORKING, filled_lots=0, quote_atoms=0)
                self._keep(fresh)
                yield OrderEvent(Execution.NEW, fresh, None, time_ns)
                return
            self._keep(told)
        if state is OrderState.REJECTED:
            yield OrderEvent(Execution.REJECTED, told, None, time_ns)
        elif state in (OrderState.CANCELED, OrderState.EXPIRED):
            self._orders.pop(name, None)
            kind = Execution.EXPIRED if state is OrderState.EXPIRED else Execution.CANCELED
            yield OrderEvent(kind, told, None, time_ns)

    def _executed(self, wire: frames.FillData) -> Iterator[OrderEvent]:
        fill = private.fill_from_wire(wire, self._listings)
        name = fill.trade_id, fill.order_id
        if name in self._fills:
            return
        _remember(self._fills, name, None)
        order = self._orders.get(fill.order_id) or _unknown(fill)
        filled_lots = order.filled_lots + fill.size_lots
        whole_lots = self._whole.get(fill.order_id) or order.size_lots
        is_whole = 0 < whole_lots <= filled_lots
        if is_whole:
            self._whole.pop(fill.order_id, None)
        order = replace(
            order,
            filled_lots=filled_lots,
            quote_atoms=order.quote_atoms + fill.quote_atoms,
            state=OrderState.FILLED if is_whole else OrderState.PARTIALLY_FILLED,
            updated_ns=fill.time_ns,
        )
        self._keep(order)
        fill = replace(fill, client_order_id=order.client_order_id)
        yield OrderEvent(Execution.FILL, order, fill, fill.time_ns)

    def _keep(self, order: Order) -> None:
        _remember(self._orders, order.order_id, order)


def _remember(table: dict[Any, Any], name: Any, value: Any) -> None:
    """Keep something under a name; the oldest is forgotten where there is too much."""
    table[name] = value
    while len(table) > KNOWN_MAX:
        del table[next(iter(table))]


def _unknown(fill: Fill) -> Order:
    """Return as much of an order as a fill of it tells."""
    return Order(
        order_id=fill.order_id,
        client_order_id="",
        account_id=0,
        instrument_id=fill.instrument_id,
        side=fill.side,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        price_ticks=None,
        size_lots=0,
        created_ns=fill.time_ns,
        updated_ns=fill.time_ns,
    )
