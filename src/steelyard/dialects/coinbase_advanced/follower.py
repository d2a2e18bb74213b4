"""The WebSocket from a trader's side: market data, and one's own orders.

The invariant: messages have one number a connection, and each is one above the one before. Where
one is missing nothing that follows is believed: it is a DecodeError, and the connection has to be
opened anew, which begins with whole books. Changes of a book have no numbers of their own, so they
are counted here, from 1 on.

Of one's own orders the venue tells sums, and no executions: an event has no fill, what has filled
is asked for over REST. There is no channel for balances.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from steelyard.dialects.coinbase_advanced import auth, frames
from steelyard.dialects.coinbase_advanced.frames import Control
from steelyard.dialects.coinbase_advanced.market import candle_from_wire, trade_from_wire
from steelyard.dialects.coinbase_advanced.routes import listed
from steelyard.dialects.coinbase_advanced.stream import (
    BID,
    CANDLE_NS,
    HEARTBEATS,
    OFFER,
    SNAPSHOT,
    USER,
)
from steelyard.dialects.coinbase_advanced.text import (
    NO_TIME,
    NO_TRIGGER,
    SIDES,
    TIMES_IN_FORCE,
    TRIGGERED,
    cause_of,
    ended,
    shown,
    state_of,
)
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.messages import (
    BookDelta,
    BookSnapshot,
    Event,
    Execution,
    OrderEvent,
    Ticker,
)
from steelyard.domain.order import CancelCause, OrderType, TimeInForce
from steelyard.wire.dialect import ApiKey, ChannelKind
from steelyard.wire.moments import from_iso
from steelyard.wire.numerals import read_amount, read_price, read_size, whole_lots

TARGET = "/"
FOLLOWED: dict[ChannelKind, str] = {
    ChannelKind.BOOK: "level2",
    ChannelKind.TRADES: "market_trades",
    ChannelKind.TICKER: "ticker",
    ChannelKind.CANDLES: "candles",
}
KNOWN_MAX = 10_000  # orders that are remembered; beyond it the oldest is forgotten

_envelope = msgspec.json.Decoder(frames.Envelope)
_head = msgspec.json.Decoder(frames.Head)
_events = {name: msgspec.json.Decoder(kind) for name, kind in frames.EVENTS.items()}
_encode = msgspec.json.Encoder().encode


class _Follower:
    """What both conversations have in common: subscribe when the connection opens, then listen."""

    target = TARGET

    def __init__(self, listings: Listings) -> None:
        self.ready = False
        self._listings = listings
        self._out: list[str] = []
        self._told: list[Event] = []
        self._next: int | None = None  # the number of the next message

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message.

        Raises:
            DecodeError: It has another form than documented, speaks of what is not listed, says
                that the subscription is not taken, or shows that one before it was lost.
            AuthError: The key is not accepted.
        """
        read = _read(frame)
        if read is None:
            return
        envelope, events = read
        if self._next is not None and envelope.sequence_num != self._next:
            raise DecodeError(
                f"message {envelope.sequence_num} came where {self._next} was to come: some were "
                "lost, so the connection has to be opened anew"
            )
        time_ns = from_iso(envelope.timestamp)
        before = self._kept()
        try:
            told = [each for event in events for each in self._heard(event, time_ns, now_ns)]
        except DecodeError:
            self._restore(before)
            raise
        self._next = envelope.sequence_num + 1
        self._told += told
        for event in events:
            if isinstance(event, frames.Subscriptions):
                self.ready = self._is_confirmed(event)

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return frames to send and what was told, in order."""
        out, self._out = self._out, []
        told, self._told = self._told, []
        return out, told

    def _kept(self) -> dict[Any, Any]:
        """Return a copy of what is remembered between messages."""
        raise NotImplementedError

    def _restore(self, kept: dict[Any, Any]) -> None:
        raise NotImplementedError

    def _is_confirmed(self, message: frames.Subscriptions) -> bool:
        raise NotImplementedError

    def _heard(self, event: Struct, time_ns: int, now_ns: int) -> Iterator[Event]:
        raise NotImplementedError

    def _say(self, channel: str, products: tuple[str, ...] | None = None, **login: str) -> None:
        control = Control("subscribe", channel, products, **login)
        self._out.append(_encode(control).decode())


def _read(frame: str | bytes) -> tuple[frames.Envelope, list[Struct]] | None:
    """Return a message and its events; None for one that we do not follow.

    Raises:
        DecodeError: It has another form than documented.
        AuthError: It says that the key is not accepted.
    """
    try:
        head = _head.decode(frame)
        if head.type == "error":
            said = str(head.message)
            if said.startswith("authentication failure"):
                raise AuthError(said, "authentication failure")
            raise DecodeError(f"the venue does not take our subscription: {shown(said)}")
        if not isinstance(head.channel, str):
            return None
        envelope = _envelope.decode(frame)
        decoder = _events.get(envelope.channel)
        events = [] if decoder is None else [decoder.decode(bytes(e)) for e in envelope.events]
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise DecodeError(f"stream: {error}") from error
    return envelope, events


# -- market data --------------------------------------------------------------------------------


class MarketFollower(_Follower):
    """Our conversation about public channels."""

    role = "market"

    def __init__(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> None:
        super().__init__(listings)
        for kind in kinds:
            if kind not in FOLLOWED:
                raise Unsupported(f"Coinbase Advanced has no public channel for {kind.name}")
        self._products = tuple(instrument.symbol for instrument in instruments)
        self._channels = tuple(FOLLOWED[kind] for kind in sorted(kinds))
        self._changes: dict[int, int] = {}  # of books, by instrument

    def opened(self, now_ns: int) -> None:  # noqa: ARG002
        """Subscribe, channel by channel; heartbeats keep the connection open."""
        self._say(HEARTBEATS)
        for channel in self._channels:
            self._say(channel, self._products)

    def _kept(self) -> dict[Any, Any]:
        return dict(self._changes)

    def _restore(self, kept: dict[Any, Any]) -> None:
        self._changes = kept

    def _is_confirmed(self, message: frames.Subscriptions) -> bool:
        return set(message.subscriptions) >= set(self._channels)

    def _heard(self, event: Struct, time_ns: int, now_ns: int) -> Iterator[Event]:
        match event:
            case frames.Level2():
                yield self._book(event, time_ns)
            case frames.Trades() if event.type != SNAPSHOT:
                for trade in reversed(event.trades):
                    yield trade_from_wire(trade, self._listings)
            case frames.Tickers():
                for ticker in event.tickers:
                    yield ticker_from_wire(ticker, time_ns, self._listings)
            case frames.Candles():
                for candle in reversed(event.candles):
                    instrument = listed(candle.product_id, self._listings)
                    yield candle_from_wire(candle, instrument, CANDLE_NS, now_ns)
            case _:
                return

    def _book(self, event: frames.Level2, time_ns: int) -> BookSnapshot | BookDelta:
        instrument = listed(event.product_id, self._listings)
        number = instrument.instrument_id
        sides: dict[str, list[tuple[int, int]]] = {BID: [], OFFER: []}
        for change in event.updates:
            rows = sides.get(change.side)
            if rows is None:
                raise DecodeError(f"side {shown(change.side)} should be bid or offer", "side")
            price = read_price(instrument, change.price_level)
            rows.append((price, whole_lots(instrument, change.new_quantity)))
        self._changes[number] = sequence = self._changes.get(number, 0) + 1
        if event.type != SNAPSHOT:
            bids, asks = tuple(sides[BID]), tuple(sides[OFFER])
            return BookDelta(number, sequence, sequence, bids, asks, time_ns)
        bids, asks = (
            tuple(sorted((row for row in sides[side] if row[1]), key=lambda row: sign * row[0]))
            for side, sign in ((BID, -1), (OFFER, 1))
        )
        return BookSnapshot(number, sequence, bids, asks, time_ns)


def ticker_from_wire(wire: frames.Ticker, time_ns: int, listings: Listings) -> Ticker:
    """Return the last price, 24 hours and the touch.

    Raises:
        DecodeError: Of an unknown product, or off its steps.
    """
    instrument = listed(wire.product_id, listings)
    high, low, last, bid, ask = (
        read_price(instrument, text or "0") or None
        for text in (wire.high_24_h, wire.low_24_h, wire.price, wire.best_bid, wire.best_ask)
    )
    return Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=time_ns,
        open_ns=time_ns,
        open_ticks=None,
        high_ticks=high,
        low_ticks=low,
        last_ticks=last,
        last_lots=0,
        previous_close_ticks=None,
        volume_lots=whole_lots(instrument, wire.volume_24_h or "0"),
        quote_atoms=0,
        trade_count=0,
        first_trade_id=0,
        last_trade_id=0,
        bid_ticks=bid,
        bid_lots=whole_lots(instrument, wire.best_bid_quantity or "0"),
        ask_ticks=ask,
        ask_lots=whole_lots(instrument, wire.best_ask_quantity or "0"),
    )


# -- an account ---------------------------------------------------------------------------------


class AccountFollower(_Follower):
    """Our conversation about an account's orders."""

    role = "private"

    def __init__(self, key: ApiKey, listings: Listings, number: Callable[[str], int]) -> None:
        super().__init__(listings)
        self._key, self._number = key, number
        self._orders: dict[str, Order] = {}  # by the venue's id

    def opened(self, now_ns: int) -> None:
        """Subscribe to every product's orders."""
        self._say(USER, (), **auth.login_of(self._key, USER, (), now_ns))
        self._say(HEARTBEATS)

    def _kept(self) -> dict[Any, Any]:
        return dict(self._orders)

    def _restore(self, kept: dict[Any, Any]) -> None:
        self._orders = kept

    def _is_confirmed(self, message: frames.Subscriptions) -> bool:
        return USER in message.subscriptions

    def _heard(self, event: Struct, time_ns: int, now_ns: int) -> Iterator[Event]:  # noqa: ARG002
        if not isinstance(event, frames.User):
            return
        for wire in event.orders:
            order = order_from_wire(wire, self._listings, self._number, time_ns)
            before = self._orders.pop(wire.order_id, None)
            self._orders[wire.order_id] = order
            if len(self._orders) > KNOWN_MAX:
                self._orders.pop(next(iter(self._orders)))
            if event.type != SNAPSHOT:
                yield from _steps(before, order, time_ns)


def order_from_wire(
    wire: frames.UserOrder, listings: Listings, number: Callable[[str], int], time_ns: int
) -> Order:
    """Return an order as it is now.

    Raises:
        DecodeError: Of an unknown product, or a word that we do not know.
    """
    instrument = listed(wire.product_id, listings)
    side = SIDES.get(wire.order_side)
    if side is None:
        raise DecodeError(f"side {shown(wire.order_side)} should be BUY or SELL", "order_side")
    is_market = wire.order_type.lower() == "market"
    tif = TIMES_IN_FORCE.get(wire.time_in_force, TimeInForce.IOC if is_market else TimeInForce.GTC)
    stop = read_price(instrument, wire.stop_price) if wire.stop_price else 0
    price = read_price(instrument, wire.limit_price or "0")
    order_type = OrderType.MARKET if is_market else OrderType.LIMIT
    if stop and wire.trigger_status != NO_TRIGGER:
        order_type = OrderType.STOP_LIMIT if price else OrderType.STOP
    filled_lots = read_size(instrument, wire.cumulative_quantity or "0")
    state = state_of(wire.status, tif, filled_lots)
    cause = CancelCause.EXPIRED if wire.status == "EXPIRED" else None
    cause = cause or cause_of(wire.cancel_reason, state)
    return Order(
        order_id=number(wire.order_id),
        client_order_id=wire.client_order_id,
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=order_type,
        time_in_force=tif,
        post_only=wire.post_only == "true",
        price_ticks=None if is_market else price or None,
        size_lots=filled_lots + read_size(instrument, wire.leaves_quantity or "0"),
        state=ended(state, cause),
        cancel_cause=cause,
        filled_lots=filled_lots,
        quote_atoms=read_amount(wire.filled_value or "0"),
        created_ns=from_iso(wire.creation_time),
        updated_ns=time_ns,
        trigger_ticks=stop or None,
        expire_ns=None if wire.end_time in ("", NO_TIME) else from_iso(wire.end_time),
        triggered_ns=time_ns if wire.trigger_status == TRIGGERED else 0,
    )


_ENDS = {
    OrderState.CANCELED: Execution.CANCELED,
    OrderState.EXPIRED: Execution.EXPIRED,
    OrderState.REJECTED: Execution.REJECTED,
}


def _steps(before: Order | None, order: Order, time_ns: int) -> Iterator[OrderEvent]:
    """Yield what has happened between two sums; a message may tell of several things at once."""
    if before is None:
        fresh = replace(order, state=OrderState.WORKING, filled_lots=0, quote_atoms=0)
        if order.state in (OrderState.WORKING, OrderState.REJECTED):
            fresh = order
        if order.state is not OrderState.REJECTED:
            yield OrderEvent(Execution.NEW, fresh, None, time_ns)
    elif order.state.is_open and _terms(before) != _terms(order):
        yield OrderEvent(Execution.AMENDED, order, None, time_ns)
    if before is not None and order.triggered_ns and not before.triggered_ns:
        yield OrderEvent(Execution.TRIGGERED, order, None, time_ns)
    had_filled = 0 if before is None else before.filled_lots
    if order.filled_lots > had_filled:
        is_whole = order.state is OrderState.FILLED
        state = OrderState.FILLED if is_whole else OrderState.PARTIALLY_FILLED
        yield OrderEvent(Execution.FILL, replace(order, state=state), None, time_ns)
    had_ended = before is not None and before.state is order.state
    if order.state in _ENDS and not had_ended:
        yield OrderEvent(_ENDS[order.state], order, None, time_ns)


def _terms(order: Order) -> tuple[Any, ...]:
    return order.price_ticks, order.size_lots, order.trigger_ticks
