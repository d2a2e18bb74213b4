"""Market streams, both ends: names of streams, payloads, and the session of either side.

The invariant: one event and one stream name make one payload, whoever listens; a session only
keeps which names it has. Updates of a book share their numbers with REST snapshots and with
bookTicker, and each begins where the last ended.

Not offered: rolling windows (`@ticker_1h`), averages, microseconds. They are refused by name,
where the venue would stay silent.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import msgspec
from msgspec import UNSET, Struct

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
    Control,
    ControlError,
    ControlResult,
    DepthUpdate,
    KlineBody,
    KlineEvent,
    MiniTickerEvent,
    TickerEvent,
    TradeEvent,
)
from steelyard.dialects.binance.market import (
    STREAMS_MAX,
    depth_to_wire,
    levels_from_wire,
    levels_to_wire,
)
from steelyard.dialects.binance.messages import (
    ErrorBody,
    Ticker24h,
)
from steelyard.dialects.binance.text import (
    INTERVALS_NS,
    find_symbol,
    from_ms,
    price_text,
    read_price,
    size_text,
    symbol_text,
    to_ms,
    whole_lots,
)
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    SECOND_NS,
    BookDelta,
    BookSnapshot,
    Candle,
    Event,
    Ticker,
    Touch,
    Trade,
)
from steelyard.domain.order import Side
from steelyard.wire.choice import new_scanner
from steelyard.wire.dialect import Channel, ChannelKind, Door, SessionRefused, Subscription
from steelyard.wire.limits import MessagePace

NAME = "binance"
FAST_NS = 100_000_000
TICKER_NS = SECOND_NS
CANDLE_NS = 2 * SECOND_NS

COMBINED, RAW = "+", "="

PERIODS_NS = {"": SECOND_NS, "@100ms": FAST_NS, "@1000ms": SECOND_NS}
KINDS: dict[str, tuple[ChannelKind, int]] = {
    "trade": (ChannelKind.TRADES, 0),
    "aggTrade": (ChannelKind.TRADES, 0),
    "bookTicker": (ChannelKind.TOUCH, 0),
    "miniTicker": (ChannelKind.TICKER, TICKER_NS),
    "ticker": (ChannelKind.TICKER, TICKER_NS),
    **{f"depth{end}": (ChannelKind.BOOK, period) for end, period in PERIODS_NS.items()},
}
DEPTHS = (5, 10, 20)
# Of the best levels only, told anew each time: (levels of a side, period)
PARTIAL_BOOKS: dict[str, tuple[int, int]] = {
    f"depth{depth}{end}": (depth, period) for depth in DEPTHS for end, period in PERIODS_NS.items()
}
EVERY_SYMBOL = {
    "!miniTicker@arr": "miniTicker",
    "!miniTicker@arr@1000ms": "miniTicker",  # undocumented; python-binance asks for it
    "!ticker@arr": "ticker",
}
METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")

_control = msgspec.json.Decoder(Control)
_encode = msgspec.json.Encoder().encode


# -- names --------------------------------------------------------------------------------------


def channels_of(stream: str, listings: Listings) -> tuple[Channel, ...]:
    """Return what a stream name stands for.

    Raises:
        DecodeError: There is no such stream here.
    """
    if stream in EVERY_SYMBOL:
        kind, period_ns = KINDS[EVERY_SYMBOL[stream]]
        return tuple(Channel(kind, i.instrument_id, period_ns=period_ns) for i in listings)
    symbol, _, what = stream.partition("@")
    instrument = find_symbol(listings, symbol.upper()) if symbol.islower() else None
    if instrument is None:
        known = ", ".join(sorted(symbol_text(i).lower() for i in listings)[:8])
        raise DecodeError(
            f"no symbol in {errors.shown(stream)}; names begin with one of {known}, in lower case"
        )
    if what.startswith("kline_") and what[6:] in INTERVALS_NS:
        interval_ns = INTERVALS_NS[what[6:]]
        period_ns = SECOND_NS if interval_ns == SECOND_NS else CANDLE_NS
        return (
            Channel(
                ChannelKind.CANDLES,
                instrument.instrument_id,
                period_ns=period_ns,
                interval_ns=interval_ns,
            ),
        )
    if what in PARTIAL_BOOKS:
        depth, period_ns = PARTIAL_BOOKS[what]
        book = ChannelKind.BOOK
        return (Channel(book, instrument.instrument_id, period_ns=period_ns, depth=depth),)
    if what not in KINDS:
        raise DecodeError(
            f"no stream {errors.shown(stream)} here; after the symbol comes one of "
            f"@{', @'.join((*KINDS, *PARTIAL_BOOKS))}, @kline_1m"
        )
    kind, period_ns = KINDS[what]
    return (Channel(kind, instrument.instrument_id, period_ns=period_ns),)


def subscriptions_of(stream: str, listings: Listings, mark: str) -> tuple[Subscription, ...]:
    """Return the subscriptions of a stream name, raw or combined."""
    return tuple(Subscription(NAME, c, mark + stream) for c in channels_of(stream, listings))


# -- payloads -----------------------------------------------------------------------------------


def frame(subscription: Subscription, event: Event, listings: Listings) -> bytes:
    """Return the text frame of an event on a market stream."""
    mark, stream = subscription.form[0], subscription.form[1:]
    payload = payload_of(stream, event, listings)
    text = _encode((payload,) if stream in EVERY_SYMBOL else payload)
    if mark == RAW:
        return text
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
            trade = trade_to_wire(event, listings)
            return trade if what == "trade" else _aggregate(trade)
        case Touch():
            return touch_to_wire(event, listings)
        case Candle():
            return kline_to_wire(event, listings, what.removeprefix("kline_"))
        case Ticker():
            ticker = ticker_to_wire(event, listings)
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
    return BookDelta(
        instrument.instrument_id,
        wire.U,
        wire.u,
        levels_from_wire(instrument, wire.b),
        levels_from_wire(instrument, wire.a),
        from_ms(wire.E),
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
    """Return a public trade."""
    instrument = listed(wire.s, listings)
    return Trade(
        instrument.instrument_id,
        wire.t,
        read_price(instrument, wire.p),
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
        read_price(instrument, wire.b),
        whole_lots(instrument, wire.B),
        read_price(instrument, wire.a),
        whole_lots(instrument, wire.A),
        now_ns,
    )


def kline_to_wire(candle: Candle, listings: Listings, interval: str) -> KlineEvent:
    """Return a candle; its event time is its last millisecond, or its first while it is open."""
    row = candle_to_wire(candle, listings)
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


def _aggregate(trade: TradeEvent) -> AggTradeEvent:
    return AggTradeEvent(
        E=trade.E,
        s=trade.s,
        a=trade.t,
        p=trade.p,
        q=trade.q,
        f=trade.t,
        l=trade.t,
        T=trade.T,
        m=trade.m,
    )


# -- the session, server end --------------------------------------------------------------------


class Target(NamedTuple):
    """What a path asks for: whether payloads are wrapped, and the first streams."""

    mark: str
    streams: tuple[str, ...]


def target_of(path: str, query: str) -> Target | None:
    """Return what a market stream's path asks for; None where it is not one.

    ccxt puts `/stream` before `/ws` and a number after it: a last part without `@` is no stream.
    """
    if path == "/stream":
        named = parse_qs(query).get("streams", [""])[0]
        return Target(COMBINED, tuple(part for part in named.split("/") if part))
    inner = path.removeprefix("/stream")
    if inner != "/ws" and not inner.startswith("/ws/"):
        return None
    parts = inner.split("/")[2:]
    return Target(RAW, tuple(part for part in parts if "@" in part))


class StreamSession:
    """A client's conversation on a market stream."""

    def __init__(self, target: Target, door: Door) -> None:
        self.closing: tuple[int, str] | None = None
        self._door = door
        self._mark = target.mark
        self._streams: dict[str, tuple[Subscription, ...]] = {}
        self._out: list[bytes] = []
        self._pace = MessagePace()
        if target.streams:
            try:
                self._subscribe(target.streams)
            except (DecodeError, SessionRefused) as error:
                self._fail(2, f"Invalid request: {error}", None)

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one control message."""
        messages_max = self._door.limits.sockets.messages
        if self._pace.is_over(messages_max, now_ns):
            self.closing = (
                1008,
                f"over {messages_max} messages in a second; put streams into one SUBSCRIBE",
            )
            return
        control = self._read(frame)
        if control is None:
            return
        try:
            result = self._carry_out(control)
        except (DecodeError, SessionRefused) as error:
            self._fail(2, f"Invalid request: {error}", control.id)
        except _PropertyError as error:
            self._fail(error.code, str(error), control.id)
        else:
            self._out.append(_encode(ControlResult(result=result, id=control.id)))

    def drain(self) -> list[bytes]:
        """Return the answers to send."""
        out, self._out = self._out, []
        return out

    def _read(self, frame: str | bytes) -> Control | None:
        try:
            return _control.decode(frame)
        except msgspec.ValidationError as error:
            self._fail(2, f"Invalid request: {error}", None)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            self._fail(3, f"Invalid JSON: {error}", None)
        return None

    def _carry_out(self, control: Control) -> Any:
        match control.method:
            case "SUBSCRIBE":
                self._subscribe(_names(control.params))
                return None
            case "UNSUBSCRIBE":
                for stream in _names(control.params):
                    for subscription in self._streams.pop(stream, ()):
                        self._door.unsubscribe(subscription)
                return None
            case "LIST_SUBSCRIPTIONS":
                return list(self._streams)
            case "SET_PROPERTY":
                return self._set_property(control.params)
            case "GET_PROPERTY":
                _property(control.params, 1)
                return self._mark == COMBINED
            case unknown:
                expected = ", ".join(f"`{method}`" for method in METHODS)
                raise DecodeError(
                    f"unknown variant {errors.shown(unknown)}, expected one of {expected}"
                )

    def _subscribe(self, streams: Iterable[str]) -> None:
        wanted = {
            stream: subscriptions_of(stream, self._door.listings, self._mark)
            for stream in streams
            if stream not in self._streams
        }
        most = self._door.limits.sockets.subscriptions_most(STREAMS_MAX)
        if len(self._streams) + len(wanted) > most:
            raise DecodeError(f"a connection has at most {most} streams")
        for stream, subscriptions in wanted.items():
            for subscription in subscriptions:
                self._door.subscribe(subscription)
            self._streams[stream] = subscriptions

    def _set_property(self, params: Any) -> None:
        _, value = _property(params, 2)
        if not isinstance(value, bool):
            raise _PropertyError(1, "Invalid value type: expected Boolean")
        mark = COMBINED if value else RAW
        if mark == self._mark:
            return
        streams = list(self._streams)
        for subscriptions in self._streams.values():
            for subscription in subscriptions:
                self._door.unsubscribe(subscription)
        self._streams.clear()
        self._mark = mark
        self._subscribe(streams)

    def _fail(self, code: int, text: str, request_id: int | str | None) -> None:
        body = ErrorBody(code=code, msg=text, help=UNSET)
        self._out.append(_encode(ControlError(code=code, msg=text, error=body, id=request_id)))


class _PropertyError(Exception):
    """A property that there is not, or a value that it cannot have."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def _property(params: Any, count: int) -> Sequence[Any]:
    if not isinstance(params, list) or len(params) != count or not isinstance(params[0], str):
        raise DecodeError("property name must be a string")
    if params[0] != "combined":
        raise _PropertyError(0, "Unknown property")
    return params


def _names(params: Any) -> list[str]:
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        raise DecodeError('params must be a list of stream names, as in ["btcusdt@trade"]')
    return params


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
        self._scanner = new_scanner(tables.MARKET, [tables.steps(i) for i in instruments])
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
