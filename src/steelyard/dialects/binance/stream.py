"""Market streams: their names, their payloads both ways, and the client's session.

The invariant: one event and one stream name make one payload, whoever listens. Updates of a book
share their numbers with REST snapshots and with bookTicker, and each begins where the last ended.

Reference prices and block trades have streams that stay silent, because there are none here. Any
other name that the venue does not have is refused, where the venue would stay silent.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from steelyard.dialects.binance import errors, tables
from steelyard.dialects.binance.candles import (
    candle_from_wire,
    candle_to_wire,
    ticker_from_wire,
    ticker_to_wire,
)
from steelyard.dialects.binance.executions import listed
from steelyard.dialects.binance.frames import (
    AggTradeEvent,
    BookTickerEvent,
    Combined,
    DepthUpdate,
    KlineBody,
    KlineEvent,
    MiniTickerEvent,
    TickerEvent,
    TradeEvent,
)
from steelyard.dialects.binance.market import (
    depth_to_wire,
    levels_from_wire,
    levels_to_wire,
)
from steelyard.dialects.binance.messages import (
    Ticker24h,
)
from steelyard.dialects.binance.text import (
    HOUR_NS,
    INTERVALS_NS,
    MS_NS,
    US_NS,
    find_symbol,
    from_ms,
    price_text,
    resting_price,
    size_text,
    symbol_text,
    times_in,
    to_ms,
    whole_lots,
    window_ns,
)
from steelyard.dialects.binance.trades import aggregate_to_wire
from steelyard.dialects.binance.user_data import payload_of_account
from steelyard.dialects.binance.windows import AVERAGE_NS, average_event, window_event
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    SECOND_NS,
    AggregateTrade,
    BookDelta,
    BookSnapshot,
    Candle,
    Event,
    Ticker,
    Touch,
    Trade,
)
from steelyard.domain.order import Side
from steelyard.wire.choice import new_reader
from steelyard.wire.dialect import Channel, ChannelKind, Subscription

NAME = "binance"
FAST_NS = 100_000_000
TICKER_NS = SECOND_NS
CANDLE_NS = 2 * SECOND_NS

# How payloads come: bare or wrapped, in milliseconds or microseconds.
COMBINED, RAW = "+", "="
COMBINED_US, RAW_US = "*", "~"
BARE = frozenset({RAW, RAW_US})
IN_MICROSECONDS = frozenset({COMBINED_US, RAW_US})
MARKS = {
    (True, MS_NS): COMBINED,
    (False, MS_NS): RAW,
    (True, US_NS): COMBINED_US,
    (False, US_NS): RAW_US,
}

PERIODS_NS = {"": SECOND_NS, "@100ms": FAST_NS, "@1000ms": SECOND_NS}
WINDOWS_NS = {f"ticker_{name}": window_ns(name) for name in ("1h", "4h", "1d")}
DEPTHS = (5, 10, 20)
# What follows a symbol, but for candles: the channel, of whichever instrument.
KINDS: dict[str, Channel] = {
    "trade": Channel(ChannelKind.TRADES),
    "aggTrade": Channel(ChannelKind.AGGREGATES),
    "bookTicker": Channel(ChannelKind.TOUCH),
    "miniTicker": Channel(ChannelKind.TICKER, period_ns=TICKER_NS),
    "ticker": Channel(ChannelKind.TICKER, period_ns=TICKER_NS),
    **{
        name: Channel(ChannelKind.TICKER, period_ns=TICKER_NS, interval_ns=length)
        for name, length in WINDOWS_NS.items()
    },
    "avgPrice": Channel(ChannelKind.TICKER, period_ns=TICKER_NS, interval_ns=AVERAGE_NS),
    **{f"depth{end}": Channel(ChannelKind.BOOK, period_ns=p) for end, p in PERIODS_NS.items()},
    # Of the best levels only, told anew each time.
    **{
        f"depth{depth}{end}": Channel(ChannelKind.BOOK, period_ns=period, depth=depth)
        for depth in DEPTHS
        for end, period in PERIODS_NS.items()
    },
}
SILENT = frozenset({"referencePrice", "blockTrade"})  # there is nothing to tell here
EVERY_SYMBOL = {
    "!miniTicker@arr": "miniTicker",
    "!miniTicker@arr@1000ms": "miniTicker",  # undocumented; python-binance asks for it
    "!ticker@arr": "ticker",  # the venue no longer has it
    **{f"!{name}@arr": name for name in WINDOWS_NS},
}
EAST = "@+08:00"  # behind a candle's interval: the one other time zone of streams
EAST_NS = 8 * HOUR_NS

_encode = msgspec.json.Encoder().encode


# -- names --------------------------------------------------------------------------------------


def channels_of(stream: str, listings: Listings) -> tuple[Channel, ...]:
    """Return what a stream name stands for.

    Raises:
        DecodeError: There is no such stream here.
    """
    if stream in EVERY_SYMBOL:
        channel = KINDS[EVERY_SYMBOL[stream]]
        return tuple(channel._replace(instrument_id=i.instrument_id) for i in listings)
    symbol, _, what = stream.partition("@")
    instrument = find_symbol(listings, symbol.upper()) if symbol.islower() else None
    if instrument is None:
        known = ", ".join(sorted(symbol_text(i).lower() for i in listings)[:8])
        raise DecodeError(
            f"no symbol in {errors.shown(stream)}; names begin with one of {known}, in lower case"
        )
    interval_ns = INTERVALS_NS.get(_interval_of(what))
    if interval_ns is not None:
        return (
            Channel(
                ChannelKind.CANDLES,
                instrument.instrument_id,
                period_ns=SECOND_NS if interval_ns == SECOND_NS else CANDLE_NS,
                interval_ns=interval_ns,
                offset_ns=EAST_NS if what.endswith(EAST) else 0,
            ),
        )
    if what in SILENT:
        return ()
    if what not in KINDS:
        raise DecodeError(
            f"no stream {errors.shown(stream)} here; after the symbol comes one of "
            f"@{', @'.join((*KINDS, *sorted(SILENT)))}, @kline_1m, @kline_1d{EAST}"
        )
    return (KINDS[what]._replace(instrument_id=instrument.instrument_id),)


def _interval_of(what: str) -> str:
    """Return the interval of a candle stream, in any time zone; nothing where it is none."""
    return what.removeprefix("kline_").removesuffix(EAST) if what.startswith("kline_") else ""


def subscriptions_of(stream: str, listings: Listings, mark: str) -> tuple[Subscription, ...]:
    """Return the subscriptions of a stream name, raw or combined."""
    return tuple(Subscription(NAME, c, mark + stream) for c in channels_of(stream, listings))


# -- payloads -----------------------------------------------------------------------------------


def frame(subscription: Subscription, event: Event, listings: Listings) -> bytes | None:
    """Return the text frame of an event on a market stream, or on one of a listen key."""
    mark = subscription.form[0]
    if mark not in IN_MICROSECONDS:
        return _frame(subscription, event, listings)
    with times_in(US_NS):
        return _frame(subscription, event, listings)


def _frame(subscription: Subscription, event: Event, listings: Listings) -> bytes | None:
    mark, stream = subscription.form[0], subscription.form[1:]
    payload: Struct | None
    if subscription.channel.account_id:
        payload = payload_of_account(event, listings)
        if payload is None:
            return None
    else:
        payload = payload_of(stream, event, listings)
    text = _encode((payload,) if stream in EVERY_SYMBOL else payload)
    return text if mark in BARE else wrapped(stream, text)


def wrapped(stream: str, text: bytes) -> bytes:
    """Return a payload as a combined stream has it."""
    return b'{"stream":"%s","data":%s}' % (stream.encode(), text)


def payload_of(stream: str, event: Event, listings: Listings) -> Struct:
    """Return the payload of an event on a stream of that name."""
    what = EVERY_SYMBOL.get(stream) or stream.partition("@")[2]
    match event:
        case BookDelta():
            return delta_to_wire(event, listings)
        case BookSnapshot():
            return depth_to_wire(event, listings)
        case Trade():
            return trade_to_wire(event, listings)
        case AggregateTrade():
            return aggregate_to_event(event, listings)
        case Touch():
            return touch_to_wire(event, listings)
        case Candle():
            ahead_ns = EAST_NS if what.endswith(EAST) else 0
            return kline_to_wire(event, listings, _interval_of(what), ahead_ns)
        case Ticker() if what == "avgPrice":
            return average_event(event, listings)
        case Ticker():
            ticker = ticker_to_wire(event, listings)
            if what in WINDOWS_NS:
                return window_event(ticker, what.removeprefix("ticker_"))
            return _mini(ticker) if what == "miniTicker" else _whole(ticker)
        case _:
            raise Unsupported(f"{type(event).__name__} is nothing for a market stream")


def delta_to_wire(delta: BookDelta, listings: Listings) -> DepthUpdate:
    """Return changes of a book."""
    instrument = listings[delta.instrument_id]
    return DepthUpdate(
        E=to_ms(delta.time_ns),
        s=symbol_text(instrument),
        U=delta.first_sequence,
        u=delta.last_sequence,
        b=levels_to_wire(instrument, delta.bids),
        a=levels_to_wire(instrument, delta.asks),
    )


def delta_from_wire(wire: DepthUpdate, listings: Listings) -> BookDelta:
    """Return changes of a book."""
    instrument = listed(wire.s, listings)
    bids, odd_bids = levels_from_wire(instrument, Side.BUY, wire.b)
    asks, odd_asks = levels_from_wire(instrument, Side.SELL, wire.a)
    return BookDelta(
        instrument.instrument_id,
        wire.U,
        wire.u,
        bids,
        asks,
        from_ms(wire.E),
        odd_bids=odd_bids,
        odd_asks=odd_asks,
    )


def trade_to_wire(trade: Trade, listings: Listings) -> TradeEvent:
    """Return a public trade."""
    instrument = listings[trade.instrument_id]
    time = to_ms(trade.time_ns)
    return TradeEvent(
        E=time,
        s=symbol_text(instrument),
        t=trade.trade_id,
        p=price_text(instrument, trade.price_ticks),
        q=size_text(instrument, trade.size_lots),
        T=time,
        m=trade.taker_side is Side.SELL,
    )


def trade_from_wire(wire: TradeEvent, listings: Listings) -> Trade:
    """Return a public trade, at the price at which its maker's order is shown."""
    instrument = listed(wire.s, listings)
    return Trade(
        instrument.instrument_id,
        wire.t,
        resting_price(instrument, Side.BUY if wire.m else Side.SELL, wire.p),
        whole_lots(instrument, wire.q),
        Side.SELL if wire.m else Side.BUY,
        from_ms(wire.T),
    )


def touch_to_wire(touch: Touch, listings: Listings) -> BookTickerEvent:
    """Return the best bid and ask."""
    instrument = listings[touch.instrument_id]
    return BookTickerEvent(
        u=touch.sequence,
        s=symbol_text(instrument),
        b=price_text(instrument, touch.bid_ticks),
        B=size_text(instrument, touch.bid_lots),
        a=price_text(instrument, touch.ask_ticks),
        A=size_text(instrument, touch.ask_lots),
    )


def touch_from_wire(wire: BookTickerEvent, listings: Listings, now_ns: int) -> Touch:
    """Return the best bid and ask, at the time they came: they have none of their own."""
    instrument = listed(wire.s, listings)
    return Touch(
        instrument.instrument_id,
        wire.u,
        resting_price(instrument, Side.BUY, wire.b),
        whole_lots(instrument, wire.B),
        resting_price(instrument, Side.SELL, wire.a),
        whole_lots(instrument, wire.A),
        now_ns,
    )


def kline_to_wire(
    candle: Candle, listings: Listings, interval: str, offset_ns: int = 0
) -> KlineEvent:
    """Return a candle; its event time is its last millisecond, or its first while it is open."""
    row = candle_to_wire(candle, listings, offset_ns)
    symbol = symbol_text(listings[candle.instrument_id])
    has_traded = candle.trade_count > 0
    return KlineEvent(
        E=row[6] if candle.is_closed else row[0],
        s=symbol,
        k=KlineBody(
            t=row[0],
            T=row[6],
            s=symbol,
            i=interval,
            f=candle.first_trade_id if has_traded else -1,
            L=candle.last_trade_id if has_traded else -1,
            o=row[1],
            c=row[4],
            h=row[2],
            l=row[3],
            v=row[5],
            n=candle.trade_count,
            x=candle.is_closed,
            q=row[7],
            V=row[9],
            Q=row[10],
        ),
    )


def kline_from_wire(wire: KlineEvent, listings: Listings) -> Candle:
    """Return a candle.

    Raises:
        DecodeError: An interval that we do not know.
    """
    k = wire.k
    interval_ns = INTERVALS_NS.get(k.i)
    if interval_ns is None:
        raise DecodeError(f"no interval {k.i[:20]!r}", "k.i")
    row = (k.t, k.o, k.h, k.l, k.c, k.v, k.T, k.q, k.n, k.V, k.Q, k.B)
    candle = candle_from_wire(row, listed(wire.s, listings), interval_ns, 0)
    return msgspec.structs.replace(
        candle, first_trade_id=max(k.f, 0), last_trade_id=max(k.L, 0), is_closed=k.x
    )


def event_from_ticker(wire: TickerEvent, listings: Listings) -> Ticker:
    """Return a day's statistics."""
    instrument = listed(wire.s, listings)
    whole = Ticker24h(**{name: getattr(wire, letter) for name, letter in TICKER_LETTERS.items()})
    return msgspec.structs.replace(ticker_from_wire(whole, instrument), time_ns=from_ms(wire.E))


# REST name: letter on the stream.
TICKER_LETTERS = {
    "symbol": "s",
    "priceChange": "p",
    "priceChangePercent": "P",
    "weightedAvgPrice": "w",
    "prevClosePrice": "x",
    "lastPrice": "c",
    "lastQty": "Q",
    "bidPrice": "b",
    "bidQty": "B",
    "askPrice": "a",
    "askQty": "A",
    "openPrice": "o",
    "highPrice": "h",
    "lowPrice": "l",
    "volume": "v",
    "quoteVolume": "q",
    "openTime": "O",
    "closeTime": "C",
    "firstId": "F",
    "lastId": "L",
    "count": "n",
}


def _whole(ticker: Ticker24h) -> TickerEvent:
    letters = {letter: getattr(ticker, name) for name, letter in TICKER_LETTERS.items()}
    return TickerEvent(E=ticker.closeTime, **letters)


def _mini(ticker: Ticker24h) -> MiniTickerEvent:
    return MiniTickerEvent(
        E=ticker.closeTime,
        s=ticker.symbol,
        c=ticker.lastPrice,
        o=ticker.openPrice,
        h=ticker.highPrice,
        l=ticker.lowPrice,
        v=ticker.volume,
        q=ticker.quoteVolume,
    )


def aggregate_to_event(trade: AggregateTrade, listings: Listings) -> AggTradeEvent:
    """Return an aggregate trade."""
    wire = aggregate_to_wire(trade, listings)
    return AggTradeEvent(
        E=wire.T,
        s=symbol_text(listings[trade.instrument_id]),
        a=wire.a,
        p=wire.p,
        q=wire.q,
        f=wire.f,
        l=wire.l,
        T=wire.T,
        m=wire.m,
    )


# -- the session, client end --------------------------------------------------------------------

SUBSCRIBED: dict[ChannelKind, str] = {
    ChannelKind.BOOK: "depth@100ms",
    ChannelKind.TRADES: "trade",
    ChannelKind.TOUCH: "bookTicker",
    ChannelKind.TICKER: "ticker",
    ChannelKind.CANDLES: "kline_1s",
}


class MarketFollower:
    """Our conversation with a venue's combined market stream: all streams are in the target."""

    role = "market"

    def __init__(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> None:
        for kind in kinds:
            if kind not in SUBSCRIBED:
                raise Unsupported(f"{kind.name} is not on a market stream")
        streams = [
            f"{symbol_text(instrument).lower()}@{SUBSCRIBED[kind]}"
            for instrument in instruments
            for kind in sorted(kinds)
        ]
        self.target = f"/stream?streams={'/'.join(streams)}"
        self.ready = False
        self._listings = listings
        self._instruments = tuple(instruments)
        self._scanner = new_reader(*tables.market(instruments))
        self._events: list[Event] = []

    def opened(self, now_ns: int) -> None:  # noqa: ARG002
        """The connection is open, and with it every stream."""
        self.ready = True

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message.

        Raises:
            DecodeError: It has another form than documented, or speaks of what is not listed.
        """
        event = self._scanned(frame, now_ns) or event_of(frame, self._listings, now_ns)
        if event is not None:
            self._events.append(event)

    def _scanned(self, frame: str | bytes, now_ns: int) -> Event | None:
        """Return what a frame tells, None where the tables have no word for it."""
        if self._scanner is None:
            return None
        try:
            told = self._scanner.scan(frame)
        except DecodeError:
            return None  # `event_of` takes more, and says better what is wrong
        if told is None:
            return None
        return tables.event_of(told, self._instruments[told[1]].instrument_id, now_ns)

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return what was told."""
        events, self._events = self._events, []
        return [], events


_combined = msgspec.json.Decoder(Combined)
_delta = msgspec.json.Decoder(DepthUpdate)
_trade = msgspec.json.Decoder(TradeEvent)
_touch = msgspec.json.Decoder(BookTickerEvent)
_kline = msgspec.json.Decoder(KlineEvent)
_ticker = msgspec.json.Decoder(TickerEvent)


def event_of(frame: str | bytes, listings: Listings, now_ns: int) -> Event | None:
    """Return what a combined-stream frame tells; None for news that is none of ours.

    Raises:
        DecodeError: It has another form than documented.
    """
    try:
        combined = _combined.decode(frame)
        what = combined.stream.partition("@")[2]
        if what.partition("@")[0] == "depth":
            return delta_from_wire(_delta.decode(combined.data), listings)
        if what.startswith("kline_"):
            return kline_from_wire(_kline.decode(combined.data), listings)
        match what:
            case "trade":
                return trade_from_wire(_trade.decode(combined.data), listings)
            case "bookTicker":
                return touch_from_wire(_touch.decode(combined.data), listings, now_ns)
            case "ticker":
                return event_from_ticker(_ticker.decode(combined.data), listings)
            case _:
                return None
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise DecodeError(f"market stream: {error}") from error
