"""Recorded frames of Bybit's public WebSockets v5, as they stand: `orderbook` and `publicTrade`.

The same symbols are traded on spot and as contracts, and a frame does not say which: whoever reads
names the market. A book of one level is the touch; of the others one connection is taken to follow
one of a symbol.
"""

import msgspec

from steelyard.dialects.bybit import frames, stream
from steelyard.dialects.bybit.market import side_of
from steelyard.dialects.bybit.text import from_ms, number_of
from steelyard.domain.errors import DecodeError
from steelyard.wire.capture import Capture, Raw, RawDepth, RawTouch, RawTrade

_topic = msgspec.json.Decoder(frames.Topic)
_book = msgspec.json.Decoder(frames.Book)
_trades = msgspec.json.Decoder(list[frames.Trade])


class FrameReader:
    """Reads frames; it has nothing to remember."""

    market: str | None = None

    def read(self, frame: bytes) -> list[Raw]:
        """Return what a frame tells of a market.

        Raises:
            DecodeError: It has another form than documented.
        """
        if not is_ours(frame):
            return []
        try:
            told = _topic.decode(frame)
            if told.topic.startswith(f"{stream.TRADE}."):
                return [_traded(row) for row in _trades.decode(told.data)]
            book = _book.decode(told.data)
            if told.topic.startswith(f"{stream.TOUCH_FORM}."):
                return _touch(book, told)
            return [_depth(book, told)]
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"{frame[:60]!r}: {error}") from error


def is_ours(frame: bytes) -> bool:
    """Return whether a frame looks like one of these topics."""
    return frame.startswith((b'{"topic":"orderbook.', b'{"topic":"publicTrade.'))


def _touch(book: frames.Book, told: frames.Topic) -> list[Raw]:
    """Return the best bid and ask, each time told anew; nothing where a side is empty."""
    if not (book.b and book.a):
        return []
    return [RawTouch(book.s, _time_ns(told), book.u, book.b[0], book.a[0])]


def _time_ns(told: frames.Topic) -> int | None:
    return from_ms(told.ts) if isinstance(told.ts, int) else None


def _depth(book: frames.Book, told: frames.Topic) -> RawDepth:
    is_snapshot = told.type == "snapshot" or book.u == 1
    number = book.u
    return RawDepth(book.s, _time_ns(told), number, number, book.b, book.a, is_snapshot=is_snapshot)


def _traded(row: frames.Trade) -> RawTrade:
    return RawTrade(row.s, from_ms(row.T), number_of(row.i), side_of(row.S), row.p, row.v)


CAPTURE = Capture("bybit", is_ours, FrameReader)
