"""A recording of Binance market streams as market events: what a tape is made of.

A recording is lines of `<local nanoseconds> <frame>`, the frames of combined streams as they
were received: `depth`, `trade` and `bookTicker`; other streams and symbols are passed over.
Prices and sizes come out in ticks and lots of one of our instruments. A price or a trade that is
no whole step of it is an error, because a tape must not invent them; what rests at a price is
rounded down to whole lots.

The venue sends a change of the book before the trade that made it, on another stream, by up to
some dozen milliseconds. Played like that every trade would hit a level that has already shrunk.
So trades, which say when they happened, are moved to where the fastest frame of that moment
stood; books, which on spot do not say it exactly, stay where they were received. Events come
out in time order. This module reads no files and does not know what a tape does.
"""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

import msgspec
from msgspec import Struct

from steelyard.dialects.binance.text import lot_e8, symbol_text, tick_e8
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import BookDelta, Touch, Trade
from steelyard.domain.order import Side

WINDOW_NS = 250_000_000  # a trade is moved by no more than this
_MS_NS = 1_000_000
_DECIMALS = 8

TapeEvent = BookDelta | Trade | Touch


class _Frame(Struct):
    stream: str
    data: msgspec.Raw


class _Depth(Struct, rename={"first": "U", "last": "u", "bids": "b", "asks": "a"}):
    E: int
    first: int
    last: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    pu: int | None = None  # of futures only


class _Trade(Struct, rename={"trade_id": "t", "price": "p", "size": "q", "is_buyer_maker": "m"}):
    T: int
    trade_id: int
    price: str
    size: str
    is_buyer_maker: bool


class _BookTicker(
    Struct,
    rename={"update_id": "u", "bid": "b", "bid_size": "B", "ask": "a", "ask_size": "A"},
):
    update_id: int
    bid: str
    bid_size: str
    ask: str
    ask_size: str


_FRAME = msgspec.json.Decoder(_Frame)
_DEPTH = msgspec.json.Decoder(_Depth)
_TRADE = msgspec.json.Decoder(_Trade)
_TICKER = msgspec.json.Decoder(_BookTicker)


def tape_events(lines: Iterable[bytes], instrument: Instrument) -> Iterator[TapeEvent]:
    """Yield the events of an instrument; time_ns is the recorder's clock.

    Raises:
        DecodeError: A line is not of this form, or a number is off the instrument's steps.
    """
    reader = _Reader(instrument)
    waiting: list[tuple[int, int, TapeEvent]] = []
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            local_ns, event = reader.read(line)
        except (msgspec.DecodeError, ValueError, DecodeError) as error:
            raise DecodeError(f"line {number} of the recording: {error}") from error
        if event is not None:
            heappush(waiting, (event.time_ns, number, event))
        while waiting and waiting[0][0] <= local_ns - WINDOW_NS:
            yield heappop(waiting)[2]
    while waiting:
        yield heappop(waiting)[2]


class _Reader:
    """Decodes lines, and learns how far the recorder's clock is from the venue's."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument_id = instrument.instrument_id
        self.symbol = symbol_text(instrument).lower()
        self.tick_e8 = tick_e8(instrument)
        self.lot_e8 = lot_e8(instrument)
        self.lag_ns: int | None = None  # of the fastest frame: local time minus the venue's

    def read(self, line: bytes) -> tuple[int, TapeEvent | None]:
        """Return the local time of a line, and its event if it is one of ours."""
        time, _, text = line.partition(b" ")
        local_ns = int(time)
        frame = _FRAME.decode(text)
        symbol, _, stream = frame.stream.partition("@")
        if symbol != self.symbol:
            return local_ns, None
        match stream.partition("@")[0]:
            case "depth":
                return local_ns, self._depth(_DEPTH.decode(frame.data), local_ns)
            case "trade":
                return local_ns, self._trade(_TRADE.decode(frame.data), local_ns)
            case "bookTicker":
                return local_ns, self._touch(_TICKER.decode(frame.data), local_ns)
            case _:
                return local_ns, None

    def _depth(self, depth: _Depth, local_ns: int) -> BookDelta:
        if depth.pu is not None:
            raise DecodeError("this is a stream of futures (its depth has `pu`), not of spot")
        self._learn(local_ns - depth.E * _MS_NS)
        bids, asks = (
            tuple((self._ticks(price), self._level_lots(size)) for price, size in levels)
            for levels in (depth.bids, depth.asks)
        )
        return BookDelta(self.instrument_id, depth.first, depth.last, bids, asks, local_ns)

    def _trade(self, trade: _Trade, local_ns: int) -> Trade:
        lag_ns = self._learn(local_ns - trade.T * _MS_NS)
        return Trade(
            self.instrument_id,
            trade.trade_id,
            self._ticks(trade.price),
            self._lots(trade.size),
            Side.SELL if trade.is_buyer_maker else Side.BUY,
            max(trade.T * _MS_NS + lag_ns, local_ns - WINDOW_NS),
        )

    def _touch(self, ticker: _BookTicker, local_ns: int) -> Touch:
        return Touch(
            self.instrument_id,
            ticker.update_id,
            self._ticks(ticker.bid),
            self._level_lots(ticker.bid_size),
            self._ticks(ticker.ask),
            self._level_lots(ticker.ask_size),
            local_ns,
        )

    def _learn(self, lag_ns: int) -> int:
        """Return the smallest lag seen until now."""
        if self.lag_ns is None or lag_ns < self.lag_ns:
            self.lag_ns = lag_ns
        return self.lag_ns

    def _ticks(self, text: str) -> int:
        return _steps(text, self.tick_e8, "tick_size")

    def _lots(self, text: str) -> int:
        return _steps(text, self.lot_e8, "lot_size")

    def _level_lots(self, text: str) -> int:
        # Orders from before a change of the lot still rest: a level's total may be off it.
        return _e8(text) // self.lot_e8


def _e8(text: str) -> int:
    """Return a number times 1e8; recordings hold a million of them, so no Decimal."""
    whole, _, fraction = text.partition(".")
    if len(fraction) > _DECIMALS:
        raise DecodeError(f"{text} has more than {_DECIMALS} decimals")
    return int(whole + fraction.ljust(_DECIMALS, "0"))


def _steps(text: str, step_e8: int, name: str) -> int:
    steps, rest = divmod(_e8(text), step_e8)
    if rest:
        raise DecodeError(
            f"{text} is not a multiple of the listing's {name}; list the instrument with the "
            "steps that the recording has"
        )
    return steps
