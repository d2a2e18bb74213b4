"""Recorded frames of Bybit's public WebSockets v5, as they stand: `orderbook` and `publicTrade`.

The same symbols are traded on spot and as contracts, and a frame does not say which: whoever reads
names the market. Books are of any depth; one connection is taken to follow one depth of a symbol.
"""

import msgspec

from steelyard.dialects.bybit import frames, stream
from steelyard.dialects.bybit.market import side_of
from steelyard.dialects.bybit.text import from_ms, number_of
from steelyard.domain.errors import DecodeError
from steelyard.wire.capture import Capture, Raw, RawDepth, RawTrade

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
            return [_depth(_book.decode(told.data), told)]
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"{frame[:60]!r}: {error}") from error


def is_ours(frame: bytes) -> bool:
    """Return whether a frame looks like one of these topics."""
    return frame.startswith((b'{"topic":"orderbook.', b'{"topic":"publicTrade.'))


def _depth(book: frames.Book, told: frames.Topic) -> RawDepth:
    is_snapshot = told.type == "snapshot" or book.u == 1
    venue_ns = from_ms(told.ts) if isinstance(told.ts, int) else None
    return RawDepth(book.s, venue_ns, book.u, book.u, book.b, book.a, is_snapshot=is_snapshot)


def _traded(row: frames.Trade) -> RawTrade:
    return RawTrade(row.s, from_ms(row.T), number_of(row.i), side_of(row.S), row.p, row.v)


CAPTURE = Capture("bybit", is_ours, FrameReader)
