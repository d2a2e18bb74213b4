"""Public topics: their names, and what an event is on each of them, both ways.

The invariant: one event and one topic make the same frame, whoever listens; only the number of a
book's message is each connection's own, and the session writes it in the place of `UNNUMBERED`.
"""

from typing import Any

import msgspec
from msgspec import Raw

from steelyard.dialects.bybit import frames
from steelyard.dialects.bybit.frames import Topic
from steelyard.dialects.bybit.market import (
    DAY_NS,
    DOLLARS,
    levels_from_wire,
    levels_to_wire,
    listed,
    side_of,
)
from steelyard.dialects.bybit.system import ONGOING, status_to_stream
from steelyard.dialects.bybit.text import (
    INTERVAL_NAMES,
    INTERVALS_NS,
    MS_NS,
    SIDE_NAMES,
    amount_text,
    from_ms,
    number_of,
    price_text,
    read_amount,
    read_price,
    share_text,
    size_text,
    symbol_text,
    to_ms,
    whole_lots,
)
from steelyard.domain import messages as domain
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import SECOND_NS, BookDelta, BookSnapshot, Event
from steelyard.wire.dialect import Channel, ChannelKind, Subscription

NAME = "bybit"
UNNUMBERED = b'"u":0'
BOOK, TRADE, TICKER, KLINE = "orderbook", "publicTrade", "tickers", "kline"
STATUS_TOPIC = "system.status"
TOUCH_DEPTH = 1
PERIODS_NS = {50: 20 * MS_NS, 200: 100 * MS_NS, 1_000: 200 * MS_NS}  # by depth
CANDLES_NS = SECOND_NS
TOUCH_FORM = f"{BOOK}.{TOUCH_DEPTH}"

Levels = tuple[tuple[int, int], ...]
encode = msgspec.json.Encoder().encode


def channel_of(form: str, instrument: Instrument) -> Channel | None:
    """Return the channel of a topic, which is named without its symbol; None: no such topic."""
    name, _, option = form.partition(".")
    number = instrument.instrument_id
    match name:
        case "orderbook" if option.isdigit() and int(option) in PERIODS_NS:
            depth = int(option)
            return Channel(
                ChannelKind.DEPTH,
                number,
                period_ns=PERIODS_NS[depth],
                depth=depth,
                tells_beyond=True,
            )
        case "orderbook" if option == str(TOUCH_DEPTH):
            return Channel(ChannelKind.TOUCH, number)
        case "publicTrade" if not option:
            return Channel(ChannelKind.TRADES, number)
        case "tickers" if not option:
            return Channel(ChannelKind.TICKER, number)
        case "kline" if option in INTERVALS_NS:
            interval_ns = INTERVALS_NS[option]
            return Channel(
                ChannelKind.CANDLES, number, period_ns=CANDLES_NS, interval_ns=interval_ns
            )
        case _:
            return None


# -- to the wire --------------------------------------------------------------------------------


def message(
    form: str, instrument: Instrument, data: Any, time_ns: int, kind: str = "snapshot", **more: Any
) -> bytes:
    """Return a message of a topic."""
    topic, now = f"{form}.{symbol_text(instrument)}", to_ms(time_ns)
    return encode(Topic(topic=topic, ts=now, type=kind, data=Raw(encode(data)), **more))


def frame(subscription: Subscription, event: Event, listings: Listings) -> bytes | None:
    """Return the text frame of an event on a public topic."""
    form = subscription.form
    match event:
        case BookDelta():
            instrument = listings[event.instrument_id]
            book = _book(instrument, event.bids, event.asks, 0, event.last_sequence)
            now = to_ms(event.time_ns)
            return message(form, instrument, book, event.time_ns, "delta", cts=now)
        case domain.Touch():
            return touch_frame(event, listings)
        case domain.Trade():
            instrument = listings[event.instrument_id]
            return message(form, instrument, (trade_to_wire(event, instrument),), event.time_ns)
        case domain.Ticker():
            return ticker_frame(event, listings)
        case domain.Status():
            return status_frame(event)
        case domain.Candle():
            instrument = listings[event.instrument_id]
            candle = candle_to_wire(event, instrument)
            return message(form, instrument, (candle,), candle.timestamp * MS_NS)
        case _:
            return None


def _book(
    instrument: Instrument, bids: Levels, asks: Levels, number: int, sequence: int
) -> frames.Book:
    return frames.Book(
        s=symbol_text(instrument),
        b=levels_to_wire(instrument, bids),
        a=levels_to_wire(instrument, asks),
        u=number,
        seq=sequence,
    )


def book_frame(book: BookSnapshot, form: str, number: int, listings: Listings) -> bytes:
    """Return a whole book, as the message of this number."""
    instrument = listings[book.instrument_id]
    data = _book(instrument, book.bids, book.asks, number, book.sequence)
    return message(form, instrument, data, book.time_ns, cts=to_ms(book.time_ns))


def numbered(payload: bytes, number: int) -> bytes:
    """Return a message of a book with its number."""
    return payload.replace(UNNUMBERED, b'"u":%d' % number, 1)


def status_frame(status: domain.Status) -> bytes:
    """Return a maintenance that goes on, or that there is none any more."""
    rows, now = (status_to_stream(status),), to_ms(status.time_ns)
    return encode(Topic(topic=STATUS_TOPIC, ts=now, data=Raw(encode(rows))))


def is_off(frame: bytes) -> bool:
    """Return whether a frame of `status_frame` tells of a maintenance that goes on."""
    return f'"state":"{ONGOING}"'.encode() in frame


def touch_frame(touch: domain.Touch, listings: Listings) -> bytes:
    """Return the best of each side; its number is the book's."""
    instrument = listings[touch.instrument_id]
    bids = ((touch.bid_ticks, touch.bid_lots),) if touch.bid_lots else ()
    asks = ((touch.ask_ticks, touch.ask_lots),) if touch.ask_lots else ()
    data = _book(instrument, bids, asks, touch.sequence, touch.sequence)
    return message(TOUCH_FORM, instrument, data, touch.time_ns, cts=to_ms(touch.time_ns))


def trade_to_wire(trade: domain.Trade, instrument: Instrument) -> frames.Trade:
    """Return a public trade."""
    return frames.Trade(
        T=to_ms(trade.time_ns),
        s=symbol_text(instrument),
        S=SIDE_NAMES[trade.taker_side],
        v=size_text(instrument, trade.size_lots),
        p=price_text(instrument, trade.price_ticks),
        i=str(trade.trade_id),
        BT=False,
        RPI=False,
        seq=trade.trade_id,
    )


def ticker_frame(ticker: domain.Ticker, listings: Listings) -> bytes | None:
    """Return the last 24 hours; None where nothing has traded."""
    instrument = listings[ticker.instrument_id]
    if ticker.last_ticks is None:
        return None

    def price(ticks: int | None) -> str:
        return price_text(instrument, ticks or 0)

    opened = ticker.open_ticks or ticker.last_ticks
    last = price(ticker.last_ticks)
    data = frames.Ticker(
        symbol=symbol_text(instrument),
        lastPrice=last,
        highPrice24h=price(ticker.high_ticks),
        lowPrice24h=price(ticker.low_ticks),
        prevPrice24h=price(opened),
        volume24h=size_text(instrument, ticker.volume_lots),
        turnover24h=amount_text(ticker.quote_atoms),
        price24hPcnt=share_text(ticker.last_ticks - opened, opened),
        usdIndexPrice=last if instrument.quote in DOLLARS else "",
    )
    return message(TICKER, instrument, data, ticker.time_ns, cs=ticker.last_trade_id)


def candle_to_wire(candle: domain.Candle, instrument: Instrument) -> frames.Candle:
    """Return a candle."""
    start, length = to_ms(candle.open_ns), to_ms(candle.interval_ns)
    opened, closed, high, low = (
        price_text(instrument, ticks)
        for ticks in (
            *(candle.open_ticks, candle.close_ticks),
            *(candle.high_ticks, candle.low_ticks),
        )
    )
    return frames.Candle(
        start=start,
        end=start + length - 1,
        interval=INTERVAL_NAMES[candle.interval_ns],
        open=opened,
        close=closed,
        high=high,
        low=low,
        volume=size_text(instrument, candle.volume_lots),
        turnover=amount_text(candle.quote_atoms),
        confirm=candle.is_closed,
        timestamp=start + length - 1,
    )


# -- from the wire ------------------------------------------------------------------------------


def book_from_wire(
    wire: frames.Book, instrument: Instrument, sequence: int, time_ns: int, *, is_whole: bool
) -> BookSnapshot | BookDelta:
    """Return a book, or what changed in it, as the message of this number of ours.

    Raises:
        DecodeError: A price is off the tick, or a size is none.
    """
    bids, asks = (levels_from_wire(instrument, levels) for levels in (wire.b, wire.a))
    number = instrument.instrument_id
    if is_whole:
        bids, asks = (tuple(level for level in levels if level[1]) for levels in (bids, asks))
        return BookSnapshot(number, sequence, bids, asks, time_ns)
    return BookDelta(number, sequence, sequence, bids, asks, time_ns)


def touch_from_wire(wire: frames.Book, instrument: Instrument, time_ns: int) -> domain.Touch:
    """Return the best of each side.

    Raises:
        DecodeError: A price is off the tick, or a size is none.
    """
    (bid_ticks, bid_lots), (ask_ticks, ask_lots) = (
        next(iter(levels_from_wire(instrument, levels)), (0, 0)) for levels in (wire.b, wire.a)
    )
    number = instrument.instrument_id
    return domain.Touch(number, wire.u, bid_ticks, bid_lots, ask_ticks, ask_lots, time_ns)


def trade_from_wire(wire: frames.Trade, listings: Listings) -> domain.Trade:
    """Return a public trade.

    Raises:
        DecodeError: Of an unknown symbol, or with numbers that we do not know.
    """
    instrument = listed(wire.s, listings)
    return domain.Trade(
        instrument.instrument_id,
        number_of(wire.i),
        read_price(instrument, wire.p),
        whole_lots(instrument, wire.v),
        side_of(wire.S),
        from_ms(wire.T),
    )


def ticker_from_wire(wire: frames.Ticker, listings: Listings, time_ns: int) -> domain.Ticker:
    """Return the last 24 hours; the touch is not told.

    Raises:
        DecodeError: Of an unknown symbol, or with numbers that we do not know.
    """
    instrument = listed(wire.symbol, listings)

    def price(text: str) -> int | None:
        return (read_price(instrument, text) if text else 0) or None

    return domain.Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=time_ns,
        open_ns=time_ns - DAY_NS,
        open_ticks=price(wire.prevPrice24h),
        high_ticks=price(wire.highPrice24h),
        low_ticks=price(wire.lowPrice24h),
        last_ticks=price(wire.lastPrice),
        last_lots=0,
        previous_close_ticks=None,
        volume_lots=whole_lots(instrument, wire.volume24h),
        quote_atoms=read_amount(wire.turnover24h),
        trade_count=0,
        first_trade_id=0,
        last_trade_id=0,
        bid_ticks=None,
        bid_lots=0,
        ask_ticks=None,
        ask_lots=0,
    )


def candle_from_wire(wire: frames.Candle, instrument: Instrument) -> domain.Candle:
    """Return a candle; what the venue does not tell is 0.

    Raises:
        DecodeError: Of an unknown interval, or with numbers that we do not know.
    """
    if wire.interval not in INTERVALS_NS:
        raise DecodeError(f"interval {wire.interval[:20]!r} is none that we know", "interval")
    opened, high, low, closed = (
        read_price(instrument, text) for text in (wire.open, wire.high, wire.low, wire.close)
    )
    return domain.Candle(
        instrument_id=instrument.instrument_id,
        interval_ns=INTERVALS_NS[wire.interval],
        open_ns=from_ms(wire.start),
        open_ticks=opened,
        high_ticks=high,
        low_ticks=low,
        close_ticks=closed,
        volume_lots=whole_lots(instrument, wire.volume),
        quote_atoms=read_amount(wire.turnover),
        trade_count=0,
        taker_buy_lots=0,
        taker_buy_quote_atoms=0,
        first_trade_id=0,
        last_trade_id=0,
        is_closed=wire.confirm,
    )
