"""Public channels: their names, and what an event is on each of them, both ways.

The invariant: one event and one channel make the same frame, whoever listens. Only from where a
change of a book goes on (U) is each connection's own, and the session writes it in the place of
`UNNUMBERED`: it is the number (u) of what that connection was told before.
"""

import msgspec

from steelyard.dialects.weex import frames
from steelyard.dialects.weex.market import (
    levels_from_wire,
    levels_to_wire,
    ticker_to_wire,
    trade_to_wire,
)
from steelyard.dialects.weex.text import (
    DAY_NS,
    INTERVAL_NAMES,
    INTERVALS_NS,
    MS_NS,
    average_text,
    from_ms,
    listed,
    ms,
    symbol_text,
    trade_number,
)
from steelyard.domain import messages as domain
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import SECOND_NS, BookDelta, BookSnapshot, Event
from steelyard.domain.order import Side
from steelyard.wire.dialect import Channel, ChannelKind, Subscription
from steelyard.wire.numerals import (
    amount_text,
    price_text,
    read_amount,
    read_price,
    size_text,
    whole_lots,
)

NAME = "weex"
UNNUMBERED = b'"U":0,'
TICKER, TRADE, KLINE, DEPTH, TOUCH = "ticker", "trade", "kline", "depth", "bookTicker"
SNAPSHOT = "Snapshot"  # at the end of a message's name
LAST_PRICE = "LAST_PRICE"
DEPTHS = (15, 200)
DEPTH_NS = 100 * MS_NS
CANDLES_NS = SECOND_NS

encode = msgspec.json.Encoder().encode


def kline_form(interval: str) -> str:
    """Return the name of a channel of candles, without its symbol."""
    return f"{KLINE}_{interval}_{LAST_PRICE}"


def channel_of(form: str, instrument: Instrument) -> Channel:
    """Return the channel of a name without its symbol.

    Raises:
        DecodeError: There is none, in the venue's words.
    """
    number = instrument.instrument_id
    match form.split("_", 2):
        case ["ticker"]:
            return Channel(ChannelKind.TICKER, number)
        case ["trade"]:
            return Channel(ChannelKind.TRADES, number)
        case ["bookTicker"]:
            return Channel(ChannelKind.TOUCH, number)
        case ["kline", interval, "LAST_PRICE"] if interval in INTERVALS_NS:
            interval_ns = INTERVALS_NS[interval]
            return Channel(
                ChannelKind.CANDLES, number, period_ns=CANDLES_NS, interval_ns=interval_ns
            )
        case [depth] if depth.startswith(DEPTH):
            level = depth.removeprefix(DEPTH)
            if level not in map(str, DEPTHS):
                raise DecodeError(f"invalid depth level : {level[:20]}")
            return Channel(
                ChannelKind.DEPTH,
                number,
                period_ns=DEPTH_NS,
                depth=int(level),
                tells_beyond=True,
            )
        case _:
            raise DecodeError(f"invalid event : {form[:40]}")


# -- to the wire --------------------------------------------------------------------------------


def frame(subscription: Subscription, event: Event, listings: Listings) -> bytes | None:
    """Return the text frame of an event on a public channel."""
    match event:
        case BookDelta():
            depth = subscription.channel.depth
            return encode(depth_to_wire(event, depth, listings[event.instrument_id]))
        case domain.Touch():
            return encode(touch_to_wire(event, listings[event.instrument_id]))
        case domain.Trade():
            instrument = listings[event.instrument_id]
            return trades_frame((event,), instrument, event.time_ns)
        case domain.Ticker():
            return ticker_frame(event, listings)
        case domain.Candle():
            instrument = listings[event.instrument_id]
            return candles_frame((event,), instrument, event.open_ns + event.interval_ns - MS_NS)
        case _:
            return None


def depth_to_wire(
    book: BookDelta | BookSnapshot, depth: int, instrument: Instrument
) -> frames.DepthMessage:
    """Return a book, or what has changed in it; from where that goes on is to be written in."""
    is_whole = isinstance(book, BookSnapshot)
    number = book.sequence if isinstance(book, BookSnapshot) else book.last_sequence
    return frames.DepthMessage(
        e=DEPTH + SNAPSHOT if is_whole else DEPTH,
        E=ms(book.time_ns),
        s=symbol_text(instrument),
        U=number if is_whole else 0,
        u=number,
        l=depth,
        d="SNAPSHOT" if is_whole else "CHANGED",
        b=levels_to_wire(instrument, book.bids),
        a=levels_to_wire(instrument, book.asks),
    )


def touch_to_wire(touch: domain.Touch, instrument: Instrument) -> frames.TouchMessage:
    """Return the best of each side; a side that is empty has a size of 0."""
    return frames.TouchMessage(
        E=ms(touch.time_ns),
        s=symbol_text(instrument),
        u=touch.sequence,
        b=price_text(instrument, touch.bid_ticks),
        B=size_text(instrument, touch.bid_lots),
        a=price_text(instrument, touch.ask_ticks),
        A=size_text(instrument, touch.ask_lots),
    )


def trades_frame(
    trades: tuple[domain.Trade, ...], instrument: Instrument, time_ns: int, event: str = TRADE
) -> bytes:
    """Return public trades as a message."""
    rows = []
    for trade in trades:
        told = trade_to_wire(trade, instrument)
        rows.append(
            frames.TradeData(
                T=told.time,
                t=told.id,
                p=told.price,
                q=told.qty,
                v=told.quoteQty,
                m=told.isBuyerMaker,
            )
        )
    symbol = symbol_text(instrument)
    return encode(frames.TradeMessage(e=event, E=ms(time_ns), s=symbol, d=tuple(rows)))


def ticker_frame(ticker: domain.Ticker, listings: Listings) -> bytes:
    """Return the last 24 hours as a message."""
    instrument = listings[ticker.instrument_id]
    told = ticker_to_wire(ticker, listings)
    data = frames.TickerData(
        p=told.priceChange,
        P=told.priceChangePercent,
        w=average_text(instrument, ticker.quote_atoms, ticker.volume_lots),
        c=told.lastPrice,
        o=told.openPrice,
        h=told.highPrice,
        l=told.lowPrice,
        v=told.volume,
        q=told.quoteVolume,
        O=told.openTime,
        C=told.closeTime,
        n=told.count,
    )
    return encode(frames.TickerMessage(E=ms(ticker.time_ns), s=told.symbol, d=(data,)))


def candles_frame(
    candles: tuple[domain.Candle, ...], instrument: Instrument, time_ns: int, event: str = KLINE
) -> bytes:
    """Return candles as a message."""
    symbol, rows = symbol_text(instrument), []
    for candle in candles:
        prices = (candle.open_ticks, candle.close_ticks, candle.high_ticks, candle.low_ticks)
        opened, closed, high, low = (price_text(instrument, ticks) for ticks in prices)
        rows.append(
            frames.KlineData(
                t=ms(candle.open_ns),
                T=ms(candle.open_ns + candle.interval_ns),
                s=symbol,
                i=INTERVAL_NAMES[candle.interval_ns],
                o=opened,
                c=closed,
                h=high,
                l=low,
                v=size_text(instrument, candle.volume_lots),
                n=candle.trade_count,
                q=amount_text(candle.quote_atoms),
                V=size_text(instrument, candle.taker_buy_lots),
                Q=amount_text(candle.taker_buy_quote_atoms),
            )
        )
    return encode(frames.KlineMessage(e=event, E=ms(time_ns), s=symbol, d=tuple(rows)))


def numbered(payload: bytes, before: int) -> bytes:
    """Return a change of a book that says from where it goes on."""
    return payload.replace(UNNUMBERED, b'"U":%d,' % before, 1)


# -- from the wire ------------------------------------------------------------------------------


def book_from_wire(wire: frames.DepthMessage, instrument: Instrument) -> BookSnapshot | BookDelta:
    """Return a book, or what changed in it.

    Raises:
        DecodeError: A price is off the tick, or a size is none.
    """
    bids, asks = (levels_from_wire(instrument, levels) for levels in (wire.b, wire.a))
    number, time_ns = instrument.instrument_id, from_ms(wire.E)
    if wire.e != DEPTH:
        bids, asks = (tuple(level for level in levels if level[1]) for levels in (bids, asks))
        return BookSnapshot(number, wire.u, bids, asks, time_ns).cut_at(wire.l)
    return BookDelta(number, wire.U + 1, wire.u, bids, asks, time_ns)


def touch_from_wire(wire: frames.TouchMessage, instrument: Instrument) -> domain.Touch:
    """Return the best of each side.

    Raises:
        DecodeError: A price is off the tick, or a size is none.
    """
    return domain.Touch(
        instrument.instrument_id,
        wire.u,
        read_price(instrument, wire.b),
        whole_lots(instrument, wire.B),
        read_price(instrument, wire.a),
        whole_lots(instrument, wire.A),
        from_ms(wire.E),
    )


def trade_from_wire(wire: frames.TradeData, instrument: Instrument) -> domain.Trade:
    """Return a public trade.

    Raises:
        DecodeError: With numbers that we do not know.
    """
    return domain.Trade(
        instrument.instrument_id,
        trade_number(wire.t),
        read_price(instrument, wire.p),
        whole_lots(instrument, wire.q),
        Side.SELL if wire.m else Side.BUY,
        from_ms(wire.T),
    )


def ticker_from_wire(
    wire: frames.TickerMessage, data: frames.TickerData, listings: Listings
) -> domain.Ticker:
    """Return the last 24 hours; the touch is not told.

    Raises:
        DecodeError: Of an unknown symbol, or with numbers that we do not know.
    """
    instrument = listed(wire.s, listings)

    def price(text: str) -> int | None:
        return read_price(instrument, text) or None

    time_ns = from_ms(wire.E)
    return domain.Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=time_ns,
        open_ns=time_ns - DAY_NS,
        open_ticks=price(data.o),
        high_ticks=price(data.h),
        low_ticks=price(data.l),
        last_ticks=price(data.c),
        last_lots=0,
        previous_close_ticks=None,
        volume_lots=whole_lots(instrument, data.v),
        quote_atoms=read_amount(data.q),
        trade_count=data.n,
        first_trade_id=0,
        last_trade_id=0,
        bid_ticks=None,
        bid_lots=0,
        ask_ticks=None,
        ask_lots=0,
    )


def candle_from_wire(wire: frames.KlineData, instrument: Instrument, now_ns: int) -> domain.Candle:
    """Return a candle; that it is over only the time says.

    Raises:
        DecodeError: Of an unknown interval, or with numbers that we do not know.
    """
    if wire.i not in INTERVALS_NS:
        raise DecodeError(f"interval {wire.i[:20]!a} is none that we know", "interval")
    opened, high, low, closed = (
        read_price(instrument, text) for text in (wire.o, wire.h, wire.l, wire.c)
    )
    open_ns, interval_ns = from_ms(wire.t), INTERVALS_NS[wire.i]
    return domain.Candle(
        instrument_id=instrument.instrument_id,
        interval_ns=interval_ns,
        open_ns=open_ns,
        open_ticks=opened,
        high_ticks=high,
        low_ticks=low,
        close_ticks=closed,
        volume_lots=whole_lots(instrument, wire.v),
        quote_atoms=read_amount(wire.q),
        trade_count=wire.n,
        taker_buy_lots=whole_lots(instrument, wire.V),
        taker_buy_quote_atoms=read_amount(wire.Q),
        first_trade_id=0,
        last_trade_id=0,
        is_closed=open_ns + interval_ns <= now_ns,
    )
