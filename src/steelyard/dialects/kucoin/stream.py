"""Topics of the WebSocket: their names, and what an event is on each of them.

The invariant: one event and one topic make the same messages, whoever listens; each message tells
of one symbol, and its topic names that alone. Changes of the book are told as they have become
after whole commands, with the range of their numbers, which begins one above the last one's end.
"""

import msgspec
from msgspec import Raw

from steelyard.dialects.kucoin import frames, market, tickers
from steelyard.dialects.kucoin.text import (
    SIDE_NAMES,
    amount_text,
    ms,
    order_id,
    price_text,
    size_text,
    user_id,
)
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    SECOND_NS,
    BookDelta,
    BookSnapshot,
    Candle,
    Event,
    FullBookChanges,
    FullChange,
    FullChangeKind,
    Ticker,
    Touch,
)
from steelyard.wire.dialect import Channel, ChannelKind, Subscription

NAME = "kucoin"
FAST_NS = SECOND_NS // 10
BATCH_NS = SECOND_NS // 20
SNAPSHOT_NS = 2 * SECOND_NS
TICKER, SNAPSHOT, LEVEL1 = "/market/ticker", "/market/snapshot", "/spotMarket/level1"
LEVEL2, MATCH, CANDLES = "/market/level2", "/market/match", "/market/candles"
DEPTH5, DEPTH50 = "/spotMarket/level2Depth5", "/spotMarket/level2Depth50"
ALL = "all"
ORDERS, ORDERS_V2 = "/spotMarket/tradeOrders", "/spotMarket/tradeOrdersV2"
STOPS, BALANCE = "/spotMarket/advancedOrders", "/account/balance"
PRIVATE: dict[str, ChannelKind] = {
    ORDERS: ChannelKind.ORDERS,
    ORDERS_V2: ChannelKind.ORDERS,
    STOPS: ChannelKind.ORDERS,
    BALANCE: ChannelKind.BALANCES,
}
CHANNELS: dict[str, Channel] = {
    TICKER: Channel(ChannelKind.TICKER, period_ns=FAST_NS),
    SNAPSHOT: Channel(ChannelKind.TICKER, period_ns=SNAPSHOT_NS),
    LEVEL1: Channel(ChannelKind.TOUCH),
    DEPTH5: Channel(ChannelKind.BOOK, period_ns=FAST_NS, depth=5),
    DEPTH50: Channel(ChannelKind.BOOK, period_ns=FAST_NS, depth=50),
    LEVEL2: Channel(ChannelKind.BOOK, period_ns=BATCH_NS),
    MATCH: Channel(ChannelKind.FULL),
}
CANDLES_NS = SECOND_NS // 2

encode = msgspec.json.Encoder().encode


def public_topics(kind: str, argument: str, listings: Listings) -> list[Subscription] | None:
    """Return what one argument of a public topic asks for; None where there is no such thing."""
    if kind == CANDLES:
        symbol, _, length = argument.rpartition("_")
        instrument = listings.find(symbol)
        if instrument is None or length not in market.INTERVALS_NS:
            return None
        channel = Channel(
            ChannelKind.CANDLES,
            instrument.instrument_id,
            period_ns=CANDLES_NS,
            interval_ns=market.INTERVALS_NS[length],
        )
        return [Subscription(NAME, channel, f"{CANDLES}:{argument}")]
    if kind not in CHANNELS:
        return None
    found = _instruments(kind, argument, listings)
    is_all = kind == TICKER and argument == ALL
    return [
        Subscription(
            NAME,
            CHANNELS[kind]._replace(instrument_id=each.instrument_id),
            f"{kind}:{ALL}" if is_all else f"{kind}:{each.symbol}",
        )
        for each in found
    ] or None


def _instruments(kind: str, argument: str, listings: Listings) -> list[Instrument]:
    if kind == TICKER and argument == ALL:
        return [*listings]
    found = listings.find(argument)
    if found is not None:
        return [found]
    if kind == SNAPSHOT:
        return [each for each in listings if market.market_of(each) == argument]
    return []


def message(topic: str, subject: str, data: object) -> bytes:
    """Return a public message."""
    return encode(frames.Message(topic=topic, subject=subject, data=data))


def private_message(topic: str, subject: str, data: object, account: int) -> bytes:
    """Return a message to an account."""
    return encode(
        frames.Message(
            topic=topic,
            subject=subject,
            userId=user_id(account),
            channelType="private",
            data=data,
        )
    )


# -- x_to_wire ------------------------------------------------------------------------------------


def public_frame(
    subscription: Subscription, event: Event, listings: Listings
) -> bytes | tuple[bytes, ...] | None:
    """Return the messages of an event on a public topic."""
    form = subscription.form
    kind = form.partition(":")[0]
    match event:
        case FullBookChanges():
            return tuple(
                message(form, "trade.l3match", match_to_wire(change, event, listings))
                for change in event.changes
                if change.kind is FullChangeKind.MATCH
            )
        case BookDelta():
            return message(form, "trade.l2update", changes_to_wire(event, listings))
        case BookSnapshot():
            return message(form, "level2", depth_to_wire(event, listings))
        case Touch():
            return message(form, "level1", touch_to_wire(event, listings))
        case Candle() if event.trade_count:
            return message(form, "trade.candles.update", candle_to_wire(event, listings))
        case Ticker() if kind == SNAPSHOT:
            return message(form, "trade.snapshot", snapshot_to_wire(event, listings))
        case Ticker():
            symbol = listings[event.instrument_id].symbol
            subject = symbol if form.endswith(f":{ALL}") else "trade.ticker"
            told = ticker_to_wire(event, listings)
            return None if told is None else message(form, subject, told)
        case _:
            return None


def changes_to_wire(delta: BookDelta, listings: Listings) -> frames.Level2Data:
    """Return levels that changed, the last with the last number of the range."""
    instrument = listings[delta.instrument_id]
    count = len(delta.bids) + len(delta.asks)
    number = delta.last_sequence - count
    sides: list[tuple[frames.Change, ...]] = []
    for rows in (delta.bids, delta.asks):
        told = []
        for ticks, lots in rows:
            number = min(max(number + 1, delta.first_sequence), delta.last_sequence)
            told.append((price_text(instrument, ticks), size_text(instrument, lots), str(number)))
        sides.append(tuple(told))
    return frames.Level2Data(
        changes=frames.Changes(bids=sides[0], asks=sides[1]),
        sequenceStart=delta.first_sequence,
        sequenceEnd=delta.last_sequence,
        symbol=instrument.symbol,
        time=ms(delta.time_ns),
    )


def depth_to_wire(book: BookSnapshot, listings: Listings) -> frames.DepthData:
    """Return the best levels."""
    instrument = listings[book.instrument_id]
    return frames.DepthData(
        asks=market.levels_to_wire(instrument, book.asks),
        bids=market.levels_to_wire(instrument, book.bids),
        timestamp=ms(book.time_ns),
    )


def touch_to_wire(touch: Touch, listings: Listings) -> frames.Level1Data:
    """Return the touch."""
    instrument = listings[touch.instrument_id]

    def side(ticks: int, lots: int) -> tuple[str, ...]:
        return (price_text(instrument, ticks), size_text(instrument, lots)) if lots else ()

    return frames.Level1Data(
        asks=side(touch.ask_ticks, touch.ask_lots),
        bids=side(touch.bid_ticks, touch.bid_lots),
        timestamp=ms(touch.time_ns),
    )


def match_to_wire(
    change: FullChange, event: FullBookChanges, listings: Listings
) -> frames.MatchData:
    """Return a trade."""
    instrument = listings[event.instrument_id]
    return frames.MatchData(
        makerOrderId=order_id(change.order_id),
        takerOrderId=order_id(change.taker_order_id),
        price=price_text(instrument, change.price_ticks or 0),
        size=size_text(instrument, change.size_lots),
        side=SIDE_NAMES[change.side],  # type: ignore[arg-type]
        sequence=str(change.trade_id),
        symbol=instrument.symbol,
        tradeId=str(change.trade_id),
        time=str(event.time_ns),
    )


def candle_to_wire(candle: Candle, listings: Listings) -> frames.CandlesData:
    """Return a candle."""
    instrument = listings[candle.instrument_id]
    return frames.CandlesData(
        symbol=instrument.symbol,
        candles=market.candle_to_wire(candle, instrument),
        time=candle.open_ns,
    )


def ticker_to_wire(ticker: Ticker, listings: Listings) -> frames.TickerData | None:
    """Return the last trade and the touch; None where nothing has traded."""
    instrument = listings[ticker.instrument_id]
    if ticker.last_ticks is None:
        return None
    return frames.TickerData(
        sequence=str(ticker.full_sequence),
        price=price_text(instrument, ticker.last_ticks),
        size=size_text(instrument, ticker.last_lots),
        bestAsk=price_text(instrument, ticker.ask_ticks or 0),
        bestAskSize=size_text(instrument, ticker.ask_lots),
        bestBid=price_text(instrument, ticker.bid_ticks or 0),
        bestBidSize=size_text(instrument, ticker.bid_lots),
        time=ms(ticker.last_trade_ns or ticker.time_ns),
    )


def snapshot_to_wire(ticker: Ticker, listings: Listings) -> frames.SnapshotData:
    """Return 24 hours of a symbol."""
    instrument = listings[ticker.instrument_id]
    stats, place = tickers.stats_to_wire(ticker, instrument), market.market_of(instrument)
    opened = tickers.maybe_price(instrument, ticker.open_ticks)
    last = ticker.last_ticks
    return frames.SnapshotData(
        sequence=str(ticker.full_sequence),
        data=frames.SnapshotInner(
            symbol=instrument.symbol,
            symbolCode=instrument.symbol,
            baseCurrency=instrument.base,
            quoteCurrency=instrument.quote,
            market=place,
            markets=(place,),
            buy=bare(stats.buy),
            sell=bare(stats.sell),
            bidSize=bare(size_text(instrument, ticker.bid_lots)),
            askSize=bare(size_text(instrument, ticker.ask_lots)),
            lastTradedPrice=bare(stats.last),
            lastSize=None if last is None else bare(size_text(instrument, ticker.last_lots)),
            open=bare(opened),
            close=bare(stats.last),
            high=bare(stats.high),
            low=bare(stats.low),
            vol=bare(stats.vol),
            volValue=bare(amount_text(ticker.quote_atoms)),
            averagePrice=bare(stats.averagePrice),
            changePrice=bare(stats.changePrice),
            changeRate=bare(stats.changeRate),
            datetime=stats.time,
            makerFeeRate=bare(stats.makerFeeRate),
            takerFeeRate=bare(stats.takerFeeRate),
        ),
    )


def bare(text: str | None) -> Raw | None:
    """Return a number as JSON has it, digit by digit."""
    return None if text is None else Raw(text.encode())
