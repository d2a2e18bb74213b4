"""Public channels of WebSocket v2: their messages both ways, and the client's conversation.

The invariant: a subscription's `form` says how its events are told (`book:10`, `ohlc:5`), so that
equal subscriptions share every frame. A client's book has the exchange's checksum, or is asked for
anew; until it has come, a gap in the numbers that the session counts says that it is not whole.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct

from steelyard.dialects.kraken import level3
from steelyard.dialects.kraken.book import DEPTHS, DepthBook, checksum_of
from steelyard.dialects.kraken.environments import PUBLIC_STREAM
from steelyard.dialects.kraken.frames import (
    Ack,
    Book,
    Candle,
    ChannelName,
    InstrumentAsset,
    InstrumentPair,
    Instruments,
    Level,
    Message,
    Subscribe,
    SystemStatus,
    Ticker,
    Trade,
)
from steelyard.dialects.kraken.market import INTERVALS, STATUSES, asset_to_wire
from steelyard.dialects.kraken.text import (
    COST_DECIMALS,
    SIZE_DECIMALS,
    amount_text,
    average_text,
    find_symbol,
    fixed,
    half_up,
    lot_decimals,
    number,
    price_decimals,
    price_text,
    read_amount,
    read_price,
    read_rfc3339,
    rfc3339,
    scaled,
    size_text,
    symbol_text,
    text_of,
    whole_lots,
)
from steelyard.domain import messages as domain
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
    BookDelta,
    BookSnapshot,
    Event,
    FullBookChanges,
    Status,
)
from steelyard.domain.order import MarketState, Side
from steelyard.domain.units import ATOMS_PER_UNIT
from steelyard.wire.dialect import Channel, ChannelKind

BOOK_PERIOD_NS = 50_000_000
TICKER_PERIOD_NS = SECOND_NS
BBO_PERIOD_NS = 250_000_000
CANDLE_PERIOD_NS = SECOND_NS
DAY_NS = 24 * 60 * MINUTE_NS

encode = msgspec.json.Encoder().encode
SIDES = {Side.BUY: "buy", Side.SELL: "sell"}


# -- what a subscription is ---------------------------------------------------------------------


def form_of(wanted: ChannelName) -> str:
    """Return how a public channel is told.

    Raises:
        DecodeError: There is no such channel, or it is not told so.
    """
    match wanted.channel:
        case "book":
            depth = _or(wanted.depth, DEPTHS[0])
            if depth not in DEPTHS:
                raise DecodeError("Subscription depth not supported", "depth")
            return f"book:{depth}"
        case "ohlc":
            interval = _or(wanted.interval, 1)
            if interval not in INTERVALS[:-1]:
                raise DecodeError("Subscription ohlc interval not supported", "interval")
            return f"ohlc:{interval}"
        case "ticker":
            trigger = wanted.event_trigger or "trades"
            if trigger not in ("trades", "bbo"):
                raise DecodeError("Subscription event_trigger not supported", "event_trigger")
            return f"ticker:{trigger}"
        case "trade":
            return "trade"
        case unknown:
            raise DecodeError(f"Subscription name invalid: {unknown[:20]!r}", "channel")


def channel_of(form: str, instrument: Instrument) -> Channel:
    """Return the channel of a form."""
    name, _, option = form.partition(":")
    instrument_id = instrument.instrument_id
    match name:
        case "book":
            return Channel(
                ChannelKind.DEPTH, instrument_id, period_ns=BOOK_PERIOD_NS, depth=int(option)
            )
        case "ohlc":
            return Channel(
                ChannelKind.CANDLES,
                instrument_id,
                period_ns=CANDLE_PERIOD_NS,
                interval_ns=int(option) * MINUTE_NS,
            )
        case "ticker":
            period_ns = BBO_PERIOD_NS if option == "bbo" else TICKER_PERIOD_NS
            return Channel(ChannelKind.TICKER, instrument_id, period_ns=period_ns)
        case _:
            return Channel(ChannelKind.TRADES, instrument_id)


def _or(value: Any, default: int) -> int:
    return default if value is UNSET else int(value)


# -- messages -----------------------------------------------------------------------------------


def update(channel: str, data: Any, kind: str = "update") -> bytes:
    """Return a message of a channel."""
    return encode(Message(channel=channel, type=kind, data=Raw(encode(data))))


def frame(form: str, event: Event, listings: Listings) -> bytes | None:
    """Return the text frame of an event on a public channel."""
    match event:
        case BookDelta():
            return update("book", (delta_to_wire(event, listings),))
        case FullBookChanges():
            return level3.packed(event)
        case domain.Trade():
            return update("trade", (trade_to_wire(event, listings),))
        case domain.Ticker():
            return update("ticker", (ticker_to_wire(event, listings),))
        case domain.Candle():
            return candles_frame((event,), listings, form, "update")
        case Status():
            word = "maintenance" if event.maintenance else "online" if event.trading else None
            status = SystemStatus(system=word or "cancel_only", connection_id=event.time_ns)
            return update("status", (status,))
        case _:
            raise Unsupported(f"{type(event).__name__} is nothing for a public channel")


def levels_to_wire(instrument: Instrument, levels: Sequence[tuple[int, int]]) -> tuple[Level, ...]:
    """Return levels of a book."""
    return tuple(
        Level(price=number(price_text(instrument, ticks)), qty=number(size_text(instrument, lots)))
        for ticks, lots in levels
    )


def levels_from_wire(
    instrument: Instrument, levels: Sequence[Level]
) -> list[tuple[int, int, str, str]]:
    """Return levels of a book in ticks and lots, and as they were transmitted."""
    texts = ((text_of(level.price), text_of(level.qty)) for level in levels)
    return [
        (read_price(instrument, price), whole_lots(instrument, qty), price, qty)
        for price, qty in texts
    ]


def delta_to_wire(delta: BookDelta, listings: Listings) -> Book:
    """Return changes of a book."""
    instrument = listings[delta.instrument_id]
    assert delta.best is not None, "the feed tells the best levels"
    return Book(
        symbol=symbol_text(instrument),
        bids=levels_to_wire(instrument, delta.bids),
        asks=levels_to_wire(instrument, delta.asks),
        checksum=checksum_of(instrument, *delta.best),
        timestamp=rfc3339(delta.time_ns),
    )


def book_to_wire(book: BookSnapshot, listings: Listings) -> Book:
    """Return a book."""
    instrument = listings[book.instrument_id]
    return Book(
        symbol=symbol_text(instrument),
        bids=levels_to_wire(instrument, book.bids),
        asks=levels_to_wire(instrument, book.asks),
        checksum=checksum_of(instrument, book.bids, book.asks),
        timestamp=rfc3339(book.time_ns),
    )


def trade_to_wire(trade: domain.Trade, listings: Listings) -> Trade:
    """Return a public trade."""
    instrument = listings[trade.instrument_id]
    return Trade(
        symbol=symbol_text(instrument),
        side=SIDES[trade.taker_side],
        price=number(price_text(instrument, trade.price_ticks)),
        qty=number(size_text(instrument, trade.size_lots)),
        trade_id=trade.trade_id,
        timestamp=rfc3339(trade.time_ns),
    )


def trade_from_wire(wire: Trade, listings: Listings) -> domain.Trade:
    """Return a public trade."""
    instrument = listed(wire.symbol, listings)
    return domain.Trade(
        instrument.instrument_id,
        wire.trade_id,
        read_price(instrument, text_of(wire.price)),
        whole_lots(instrument, text_of(wire.qty)),
        Side.BUY if wire.side == "buy" else Side.SELL,
        read_rfc3339(wire.timestamp),
    )


def ticker_to_wire(ticker: domain.Ticker, listings: Listings) -> Ticker:
    """Return a day's statistics."""
    instrument = listings[ticker.instrument_id]

    def price(ticks: int | None) -> Raw:
        return number(price_text(instrument, ticks or 0))

    opened = ticker.open_ticks or 0
    change = (ticker.last_ticks or 0) - opened
    hundredths = half_up(abs(change) * 10_000, opened) if opened else 0
    return Ticker(
        symbol=symbol_text(instrument),
        bid=price(ticker.bid_ticks),
        bid_qty=number(size_text(instrument, ticker.bid_lots)),
        ask=price(ticker.ask_ticks),
        ask_qty=number(size_text(instrument, ticker.ask_lots)),
        last=price(ticker.last_ticks),
        volume=number(size_text(instrument, ticker.volume_lots)),
        vwap=number(average_text(instrument, ticker.quote_atoms, ticker.volume_lots)),
        low=price(ticker.low_ticks),
        high=price(ticker.high_ticks),
        change=price(change),
        change_pct=number(fixed(-hundredths if change < 0 else hundredths, 2)),
        timestamp=rfc3339(ticker.time_ns),
    )


def ticker_from_wire(wire: Ticker, listings: Listings, now_ns: int) -> domain.Ticker:
    """Return a day's statistics."""
    instrument = listed(wire.symbol, listings)

    def price(raw: Raw) -> int | None:
        return read_price(instrument, text_of(raw)) or None

    last = price(wire.last)
    change = scaled(text_of(wire.change), price_decimals(instrument))
    step = scaled(price_text(instrument, 1), price_decimals(instrument))
    lots = whole_lots(instrument, text_of(wire.volume))
    quote_atoms = read_amount(text_of(wire.vwap)) * lots * instrument.lot_atoms // ATOMS_PER_UNIT
    time_ns = read_rfc3339(wire.timestamp) if isinstance(wire.timestamp, str) else now_ns
    return domain.Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=time_ns,
        open_ns=time_ns - DAY_NS,
        open_ticks=None if last is None else last - change // step,
        high_ticks=price(wire.high),
        low_ticks=price(wire.low),
        last_ticks=last,
        last_lots=0,
        previous_close_ticks=None,
        volume_lots=lots,
        quote_atoms=quote_atoms,
        trade_count=0,
        first_trade_id=0,
        last_trade_id=0,
        bid_ticks=price(wire.bid),
        bid_lots=whole_lots(instrument, text_of(wire.bid_qty)),
        ask_ticks=price(wire.ask),
        ask_lots=whole_lots(instrument, text_of(wire.ask_qty)),
    )


def candle_to_wire(candle: domain.Candle, listings: Listings, interval: int) -> Candle:
    """Return a candle; its timestamp is its end."""
    instrument = listings[candle.instrument_id]

    def price(ticks: int) -> Raw:
        return number(price_text(instrument, ticks))

    return Candle(
        symbol=symbol_text(instrument),
        open=price(candle.open_ticks),
        high=price(candle.high_ticks),
        low=price(candle.low_ticks),
        close=price(candle.close_ticks),
        trades=candle.trade_count,
        volume=number(size_text(instrument, candle.volume_lots)),
        vwap=number(average_text(instrument, candle.quote_atoms, candle.volume_lots)),
        interval_begin=rfc3339(candle.open_ns).replace("Z", "000Z"),
        interval=interval,
        timestamp=rfc3339(candle.open_ns + candle.interval_ns),
    )


def candle_from_wire(wire: Candle, listings: Listings, now_ns: int) -> domain.Candle:
    """Return a candle."""
    instrument = listed(wire.symbol, listings)
    open_ns, length_ns = read_rfc3339(wire.interval_begin), wire.interval * MINUTE_NS
    lots = whole_lots(instrument, text_of(wire.volume))
    return domain.Candle(
        instrument_id=instrument.instrument_id,
        interval_ns=length_ns,
        open_ns=open_ns,
        open_ticks=read_price(instrument, text_of(wire.open)),
        high_ticks=read_price(instrument, text_of(wire.high)),
        low_ticks=read_price(instrument, text_of(wire.low)),
        close_ticks=read_price(instrument, text_of(wire.close)),
        volume_lots=lots,
        quote_atoms=read_amount(text_of(wire.vwap)) * lots * instrument.lot_atoms // ATOMS_PER_UNIT,
        trade_count=wire.trades,
        taker_buy_lots=0,
        taker_buy_quote_atoms=0,
        first_trade_id=0,
        last_trade_id=0,
        is_closed=open_ns + length_ns <= now_ns,
    )


def candles_frame(
    candles: Sequence[domain.Candle], listings: Listings, form: str, kind: str
) -> bytes:
    """Return a message with candles."""
    interval = int(form.partition(":")[2])
    rows = tuple(candle_to_wire(candle, listings, interval) for candle in candles)
    now = rows[-1].timestamp if rows else UNSET
    return encode(Message(channel="ohlc", type=kind, timestamp=now, data=Raw(encode(rows))))


def instruments_to_wire(listings: Listings, states: dict[int, MarketState]) -> Instruments:
    """Return everything that is listed."""
    assets = []
    for name in sorted(listings.assets().values()):
        asset = asset_to_wire(name)
        assets.append(
            InstrumentAsset(
                id=name,
                precision=asset.decimals,
                precision_display=asset.display_decimals,
                collateral_value=number("0.0"),
                margin_rate=number("0.0"),
            )
        )
    pairs = tuple(
        InstrumentPair(
            symbol=symbol_text(each),
            base=each.base,
            quote=each.quote,
            status=STATUSES[states.get(each.instrument_id, MarketState.OPEN)],
            qty_precision=lot_decimals(each),
            qty_increment=number(size_text(each, 1)),
            price_precision=price_decimals(each),
            price_increment=number(price_text(each, 1)),
            cost_precision=COST_DECIMALS,
            cost_min=number(amount_text(each.notional_min_atoms)),
            qty_min=number(size_text(each, each.size_min_lots)),
        )
        for each in listings
    )
    return Instruments(assets=tuple(assets), pairs=pairs)


def listed(symbol: str, listings: Listings) -> Instrument:
    """Return the instrument that a venue speaks of.

    Raises:
        DecodeError: It is not listed.
    """
    found = find_symbol(listings, symbol)
    if found is None:
        raise DecodeError(f"{symbol[:20]!r} is not listed; read the instruments again", "symbol")
    return found


# -- the session, client end --------------------------------------------------------------------

DEPTH = 100  # of the books that we follow
SUBSCRIBED: dict[ChannelKind, ChannelName] = {
    ChannelKind.BOOK: ChannelName(channel="book", depth=DEPTH, snapshot=True),
    ChannelKind.TRADES: ChannelName(channel="trade", snapshot=False),
    ChannelKind.TICKER: ChannelName(channel="ticker"),
    ChannelKind.CANDLES: ChannelName(channel="ohlc", interval=1, snapshot=False),
}

_message = msgspec.json.Decoder(Message)
_ack = msgspec.json.Decoder(Ack)
_books = msgspec.json.Decoder(tuple[Book, ...])
_trades = msgspec.json.Decoder(tuple[Trade, ...])
_tickers = msgspec.json.Decoder(tuple[Ticker, ...])
_candles = msgspec.json.Decoder(tuple[Candle, ...])


class _Either(Struct):
    channel: str = ""
    method: str = ""


_either = msgspec.json.Decoder(_Either)


def read_frame(text: str | bytes) -> Message | Ack | None:
    """Return a message or the answer to a call; None for pongs.

    Raises:
        DecodeError: It is neither.
    """
    try:
        either = _either.decode(text)
        if either.channel:
            return _message.decode(text)
        if either.method == "pong":
            return None
        return _ack.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise DecodeError(f"stream: {error}") from error


class MarketFollower:
    """Our conversation about public channels."""

    role = "market"
    target = f"{PUBLIC_STREAM}/v2"

    def __init__(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> None:
        for kind in kinds:
            if kind not in SUBSCRIBED:
                raise Unsupported(f"{kind.name} is not on a public channel")
        self._symbols = tuple(symbol_text(instrument) for instrument in instruments)
        self._kinds = sorted(kinds)
        self._listings = listings
        self._books: dict[int, DepthBook] = {}
        self._sequences: dict[int, int] = {}
        self._awaited = len(self._symbols) * len(self._kinds)
        self._frames: list[str] = []
        self._events: list[Event] = []

    @property
    def ready(self) -> bool:
        """Whether every subscription has been confirmed."""
        return self._awaited <= 0

    def opened(self, now_ns: int) -> None:  # noqa: ARG002
        """The connection is open: subscribe."""
        for kind in self._kinds:
            self._say("subscribe", kind, self._symbols)

    def _say(self, method: str, kind: ChannelKind, symbols: tuple[str, ...]) -> None:
        params = msgspec.structs.replace(SUBSCRIBED[kind], symbol=symbols)
        self._frames.append(encode(Subscribe(method=method, params=params)).decode())

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message.

        Raises:
            DecodeError: It has another form than documented, or speaks of what is not listed.
        """
        message = read_frame(frame)
        if isinstance(message, Ack):
            if not message.success:
                raise DecodeError(f"stream: {message.method} is refused: {message.error}")
            self._awaited -= message.method == "subscribe"
        elif message is not None and isinstance(message.data, Raw):
            try:
                self._take(message, bytes(message.data), now_ns)
            except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
                raise DecodeError(f"stream: {message.channel}: {error}") from error

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return frames to send and what was told."""
        frames, self._frames = self._frames, []
        events, self._events = self._events, []
        return frames, events

    def _take(self, message: Message, data: bytes, now_ns: int) -> None:
        listings = self._listings
        match message.channel:
            case "book":
                for book in _books.decode(data):
                    self._take_book(book, now_ns, is_whole=message.type == "snapshot")
            case "trade":
                self._events += [trade_from_wire(t, listings) for t in _trades.decode(data)]
            case "ticker":
                found = _tickers.decode(data)
                self._events += [ticker_from_wire(t, listings, now_ns) for t in found]
            case "ohlc":
                rows = _candles.decode(data)
                self._events += [candle_from_wire(c, listings, now_ns) for c in rows]
            case _:
                pass  # status and heartbeats

    def _take_book(self, wire: Book, now_ns: int, *, is_whole: bool) -> None:
        instrument = listed(wire.symbol, self._listings)
        number_ = instrument.instrument_id
        book = DepthBook(DEPTH) if is_whole else self._books.get(number_)
        time_ns = read_rfc3339(wire.timestamp) if isinstance(wire.timestamp, str) else now_ns
        both = [levels_from_wire(instrument, levels) for levels in (wire.bids, wire.asks)]
        if book is None:
            return  # it is on its way
        sequence = self._sequences.get(number_, 0) + 1
        told = []
        for side, levels in zip((book.bids, book.asks), both, strict=True):
            changed: dict[int, int] = {}
            for ticks, lots, price, qty in levels:
                side.change(ticks, price, qty, is_gone=not scaled(qty, SIZE_DECIMALS))
                changed[ticks] = lots
            changed |= dict.fromkeys(side.cut(book.depth), 0)
            told.append(tuple(sorted(changed.items(), reverse=side is book.bids)))
        bids, asks = told
        try:
            book.check(wire.checksum)
        except DecodeError:
            self._again(number_, sequence + 1, time_ns)
            return
        self._books[number_], self._sequences[number_] = book, sequence
        if is_whole:
            self._events.append(BookSnapshot(number_, sequence, bids, asks, time_ns))
        else:
            self._events.append(BookDelta(number_, sequence, sequence, bids, asks, time_ns))

    def _again(self, instrument_id: int, sequence: int, time_ns: int) -> None:
        """Ask for a book anew, and tell that the one there is has a gap."""
        self._sequences[instrument_id] = sequence
        self._events.append(BookDelta(instrument_id, sequence, sequence, (), (), time_ns))
        self.renew(instrument_id)

    def renew(self, instrument_id: int) -> None:
        """Ask for a book anew."""
        self._books.pop(instrument_id, None)
        symbol = symbol_text(self._listings[instrument_id])
        self._awaited += 1
        for method in ("unsubscribe", "subscribe"):
            self._say(method, ChannelKind.BOOK, (symbol,))
