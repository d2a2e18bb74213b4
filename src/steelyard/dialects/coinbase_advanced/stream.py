"""Channels of the WebSocket: their names, and what an event is on each of them.

The invariant: one event and one channel make the same message, whoever listens, but for its number
and, of one's own orders, for what they have paid: the session adds both.
"""

from typing import NamedTuple

import msgspec

from steelyard.dialects.coinbase_advanced import brackets, frames, orders
from steelyard.dialects.coinbase_advanced.fills import fees_of
from steelyard.dialects.coinbase_advanced.frames import unnumbered
from steelyard.dialects.coinbase_advanced.market import candle_to_wire, trade_to_wire
from steelyard.dialects.coinbase_advanced.messages import PublicTrade
from steelyard.dialects.coinbase_advanced.text import (
    NO_TIME,
    PENDING_TRIGGER,
    SIDE_NAMES,
    TIME_IN_FORCE_NAMES,
    TYPE_TITLES,
    average_text,
    cancel_text,
    change_text,
    completion_text,
    heartbeat_time,
    status_of,
    trigger_of,
    type_of,
)
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
    BookDelta,
    BookSnapshot,
    Candle,
    Event,
    Execution,
    OrderEvent,
    Ticker,
    Trade,
)
from steelyard.domain.order import CancelCause
from steelyard.wire.dialect import Channel, ChannelKind, Subscription
from steelyard.wire.moments import iso
from steelyard.wire.numerals import amount_text, fixed, lot, price_text, size_text, tick
from steelyard.wire.uuids import order_uuid, profile_uuid

NAME = "coinbase-advanced"
TICKER_BATCH_NS = 5 * SECOND_NS
CANDLE_NS = 5 * MINUTE_NS
BID, OFFER = "bid", "offer"
SNAPSHOT, UPDATE = "snapshot", "update"
USER, HEARTBEATS, STATUS = "user", "heartbeats", "status"
# What a channel of a product is told by.
CHANNELS: dict[str, Channel] = {
    "level2": Channel(ChannelKind.BOOK),
    "market_trades": Channel(ChannelKind.TRADES),
    "ticker": Channel(ChannelKind.TICKER),
    "ticker_batch": Channel(ChannelKind.TICKER, period_ns=TICKER_BATCH_NS),
    "candles": Channel(ChannelKind.CANDLES, period_ns=SECOND_NS, interval_ns=CANDLE_NS),
}
SILENT = "futures_balance_summary"  # there is nothing to tell here
NAMES = (*CHANNELS, HEARTBEATS, STATUS, USER, SILENT)
SIGNED = frozenset({USER, SILENT})
LEVEL2 = "l2_data"  # what level2 is called in its messages


def subscription_of(name: str, instrument_id: int) -> Subscription:
    """Return the subscription of a product's channel."""
    return Subscription(NAME, CHANNELS[name]._replace(instrument_id=instrument_id), name)


def heartbeats(listings: Listings) -> Subscription | None:
    """Return what tells once a second that the connection lives; None where nothing is listed."""
    first = next(iter(listings), None)
    if first is None:
        return None
    channel = Channel(ChannelKind.TICKER, first.instrument_id, period_ns=SECOND_NS)
    return Subscription(NAME, channel, HEARTBEATS)


def user_subscription(account_id: int) -> Subscription:
    """Return the subscription of an account's orders."""
    return Subscription(NAME, Channel(ChannelKind.ORDERS, account_id=account_id), USER)


def frame(subscription: Subscription, event: Event, listings: Listings) -> bytes | None:
    """Return the message of an event on a channel; it has no number yet."""
    match event:
        case BookDelta():
            return unnumbered(LEVEL2, iso(event.time_ns), level2_to_wire(event, listings))
        case Trade():
            trade = _trade(event, listings[event.instrument_id])
            told = frames.Trades(type=UPDATE, trades=(trade,))
            return unnumbered("market_trades", iso(event.time_ns), told)
        case Ticker() if subscription.form == HEARTBEATS:
            beat = frames.Heartbeat(heartbeat_time(event.time_ns), 0)
            return unnumbered(HEARTBEATS, iso(event.time_ns), beat)
        case Ticker():
            ticker = ticker_to_wire(event, listings)
            if ticker is None:
                return None
            tickers = frames.Tickers(type=UPDATE, tickers=(ticker,))
            return unnumbered(subscription.form, iso(event.time_ns), tickers)
        case Candle():
            candle = product_candle(event, listings[event.instrument_id])
            time = iso(event.open_ns + event.interval_ns) if event.is_closed else iso(event.open_ns)
            return unnumbered("candles", time, frames.Candles(type=UPDATE, candles=(candle,)))
        case OrderEvent():
            return paid_later(event, listings)
        case _:
            return None


# -- market data --------------------------------------------------------------------------------


def level2_to_wire(event: BookDelta | BookSnapshot, listings: Listings) -> frames.Level2:
    """Return a book, or levels of it that changed."""
    instrument = listings[event.instrument_id]
    is_whole = isinstance(event, BookSnapshot)
    time = "1970-01-01T00:00:00Z" if is_whole else iso(event.time_ns)
    return frames.Level2(
        type=SNAPSHOT if is_whole else UPDATE,
        product_id=instrument.symbol,
        updates=tuple(
            frames.Change(
                side=side,
                event_time=time,
                price_level=price_text(instrument, ticks),
                new_quantity=size_text(instrument, lots),
            )
            for side, rows in ((BID, event.bids), (OFFER, event.asks))
            for ticks, lots in rows
        ),
    )


def _trade(trade: Trade, instrument: Instrument) -> PublicTrade:
    """Return a trade as the stream has it, without the touch."""
    return msgspec.structs.replace(
        trade_to_wire(trade, instrument),
        bid=msgspec.UNSET,
        ask=msgspec.UNSET,
        exchange=msgspec.UNSET,
    )


def trades_to_wire(trades: tuple[Trade, ...], listings: Listings) -> frames.Trades:
    """Return trades from before, newest first."""
    rows = (_trade(trade, listings[trade.instrument_id]) for trade in reversed(trades))
    return frames.Trades(type=SNAPSHOT, trades=tuple(rows))


def ticker_to_wire(ticker: Ticker, listings: Listings) -> frames.Ticker | None:
    """Return the last price, 24 hours and the touch; None where nothing has traded."""
    instrument, last = listings[ticker.instrument_id], ticker.last_ticks
    if last is None:
        return None

    def price(ticks: int | None) -> str:
        return "" if ticks is None else price_text(instrument, ticks)

    low, high = price(ticker.low_ticks) or "0", price(ticker.high_ticks) or "0"
    return frames.Ticker(
        product_id=instrument.symbol,
        price=price(last),
        volume_24_h=size_text(instrument, ticker.volume_lots),
        low_24_h=low,
        high_24_h=high,
        low_52_w=low,
        high_52_w=high,
        price_percent_chg_24_h=change_text(last, ticker.open_ticks) or "0",
        best_bid=price(ticker.bid_ticks),
        best_bid_quantity=size_text(instrument, ticker.bid_lots),
        best_ask=price(ticker.ask_ticks),
        best_ask_quantity=size_text(instrument, ticker.ask_lots),
    )


def product_candle(candle: Candle, instrument: Instrument) -> frames.ProductCandle:
    """Return a candle with its product."""
    told = candle_to_wire(candle, instrument)
    return frames.ProductCandle(
        product_id=instrument.symbol,
        start=told.start,
        low=told.low,
        high=told.high,
        open=told.open,
        close=told.close,
        volume=told.volume,
    )


def status_to_wire(instrument: Instrument, status: str) -> frames.ProductStatus:
    """Return what trades."""
    return frames.ProductStatus(
        id=instrument.symbol,
        base_currency=instrument.base,
        quote_currency=instrument.quote,
        base_increment=fixed(*lot(instrument)),
        quote_increment=fixed(*tick(instrument)),
        display_name=f"{instrument.base}/{instrument.quote}",
        status=status,
        min_market_funds=amount_text(instrument.notional_min_atoms),
    )


# -- one's own orders ---------------------------------------------------------------------------


class Paid(NamedTuple):
    """What an order has paid, of the quote asset, in so many fills."""

    lots: int = 0
    fees_atoms: int = 0
    fills: int = 0


class Owing(msgspec.Struct, frozen=True):
    """What a session has to know to say what an order has paid."""

    order_id: int
    filled_lots: int
    quote_atoms: int
    side: int
    fill_lots: int
    fee_atoms: int
    first: int  # of the pair that it may be of, 0 for none
    cause: int | None  # why it was canceled
    is_fresh: bool  # it is placed, or begins to act


_owing = msgspec.json.Decoder(Owing)


class _Message(msgspec.Struct, frozen=True):
    channel: str
    client_id: str
    timestamp: str
    events: tuple[frames.User, ...]


_message = msgspec.json.Decoder(_Message)


def user_order(order: Order, instrument: Instrument, paid: Paid = Paid()) -> frames.UserOrder:  # noqa: B008 it is frozen
    """Return an order as it is now."""
    fees, value, side = paid.fees_atoms, order.quote_atoms, order.side
    return frames.UserOrder(
        avg_price=average_text(instrument, value, order.filled_lots),
        cancel_reason=cancel_text(order),
        client_order_id=orders.own_id(order),
        completion_percentage=completion_text(order),
        cumulative_quantity=size_text(instrument, order.filled_lots),
        filled_value=amount_text(value),
        leaves_quantity=size_text(instrument, order.remaining_lots),
        limit_price=price_text(instrument, order.price_ticks or 0),
        number_of_fills=str(paid.fills),
        order_id=order_uuid(order.order_id),
        order_side=SIDE_NAMES[side],
        order_type=TYPE_TITLES[type_of(order)],
        outstanding_hold_amount=amount_text(orders.held_atoms(order, instrument)),
        post_only="true" if order.post_only else "false",
        product_id=instrument.symbol,
        retail_portfolio_id=profile_uuid(order.account_id),
        status=status_of(order),
        stop_price=""
        if order.trigger_ticks is None
        else price_text(instrument, order.trigger_ticks),
        time_in_force=TIME_IN_FORCE_NAMES[order.time_in_force],
        total_fees=amount_text(fees),
        total_value_after_fees=amount_text(value + fees * side),
        trigger_status=trigger_of(order),
        creation_time=iso(order.created_ns),
        end_time=NO_TIME if order.expire_ns is None else iso(order.expire_ns),
    )


def paid_later(event: OrderEvent, listings: Listings) -> bytes:
    """Return what happened to an order, after a line with what its payments follow from."""
    order, fill = event.order, event.fill
    instrument = listings[order.instrument_id]
    owing = Owing(
        order.order_id,
        order.filled_lots,
        order.quote_atoms,
        int(order.side),
        fill.size_lots if fill else 0,
        fees_of((fill,), instrument) if fill else 0,
        brackets.first_of(order),
        order.cancel_cause,
        event.execution in (Execution.NEW, Execution.RELEASED),
    )
    told = frames.User(type=UPDATE, orders=(user_order(order, instrument),))
    return msgspec.json.encode(owing) + b"\n" + unnumbered(USER, iso(event.time_ns), told)


def in_bracket(
    owing: Owing, message: bytes, pair: tuple[Order, Order], instrument: Instrument
) -> bytes | None:
    """Return a message about one order of a pair as one about the pair; None: it says nothing new.

    The stop says nothing until it acts, and each that goes for the other's sake goes in silence.
    """
    target, stop = pair
    of_stop = owing.order_id == stop.order_id
    acts = target.cancel_cause is CancelCause.SIBLING
    went = owing.cause is not None and not acts if of_stop else owing.cause == CancelCause.SIBLING
    if went or (of_stop and owing.is_fresh):
        return None
    told = _message.decode(message)
    ((order,),) = (event.orders for event in told.events)
    whole = user_order(brackets.joined(target, stop), instrument)
    order = msgspec.structs.replace(
        order,
        order_id=whole.order_id,
        client_order_id=whole.client_order_id,
        order_type=TYPE_TITLES["BRACKET"],
        limit_price=whole.limit_price,
        stop_price=whole.stop_price,
        post_only=whole.post_only,
        trigger_status=order.trigger_status if of_stop else PENDING_TRIGGER,
    )
    return unnumbered(told.channel, told.timestamp, frames.User(type=UPDATE, orders=(order,)))


def split(payload: bytes) -> tuple[Owing, bytes]:
    """Return what a session has to know of an order, and the message."""
    first, _, message = payload.partition(b"\n")
    return _owing.decode(first), message


def with_payment(message: bytes, owing: Owing, paid: Paid) -> bytes:
    """Return a message about an order with what it has paid."""
    told = _message.decode(message)
    ((order,),) = (event.orders for event in told.events)
    order = msgspec.structs.replace(
        order,
        number_of_fills=str(paid.fills),
        total_fees=amount_text(paid.fees_atoms),
        total_value_after_fees=amount_text(owing.quote_atoms + paid.fees_atoms * owing.side),
    )
    return unnumbered(told.channel, told.timestamp, frames.User(type=UPDATE, orders=(order,)))
