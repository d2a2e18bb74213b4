"""Recorded frames of WEEX's public streams, as they stand: `depth`, `trade` and `bookTicker`.

A change of a book names the number of the one before; the stream begins with the book. What had
traded before the recording began (`tradeSnapshot`) is passed over: it is told again with each
connection. Spot and contracts have the same symbols and frames, so whoever reads names the market.
"""

import msgspec

from steelyard.dialects.weex import frames, stream
from steelyard.dialects.weex.stream import SNAPSHOT
from steelyard.dialects.weex.text import from_ms
from steelyard.domain.errors import DecodeError
from steelyard.domain.order import Side
from steelyard.wire.capture import Capture, Raw, RawDepth, RawTouch, RawTrade

NUMBER_DIGITS_MAX = 18  # so that it fits into 64 bits

_STARTS = tuple(
    f'{{"e":"{name}"'.encode()
    for name in (stream.DEPTH, stream.DEPTH + SNAPSHOT, stream.TRADE, stream.TOUCH)
)

_told = msgspec.json.Decoder(frames.Told)
_depth = msgspec.json.Decoder(frames.DepthMessage)
_trades = msgspec.json.Decoder(frames.TradeMessage)
_touch = msgspec.json.Decoder(frames.TouchMessage)


class FrameReader:
    """Reads frames; it has nothing to remember."""

    market: str | None = None

    def read(self, frame: bytes) -> list[Raw]:
        """Return what a frame tells of a market.

        Raises:
            DecodeError: It has another form than documented.
        """
        try:
            told = _told.decode(frame)
            match told.e:
                case stream.TRADE:
                    trades = _trades.decode(frame)
                    return [_traded(trades.s, row) for row in trades.d]
                case stream.TOUCH:
                    touch = _touch.decode(frame)
                    bid, ask = (touch.b, touch.B), (touch.a, touch.A)
                    return [RawTouch(touch.s, from_ms(touch.E), touch.u, bid, ask)]
                case name if name.removesuffix(SNAPSHOT) == stream.DEPTH:
                    return [_changed(_depth.decode(frame))]
                case _:
                    return []
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"{frame[:60]!r}: {error}") from error


def is_ours(frame: bytes) -> bool:
    """Return whether a frame looks like one of these channels."""
    return frame.startswith(_STARTS)


def _changed(wire: frames.DepthMessage) -> RawDepth:
    is_snapshot = wire.e.endswith(SNAPSHOT)
    first = wire.u if is_snapshot else wire.U + 1
    return RawDepth(wire.s, from_ms(wire.E), first, wire.u, wire.b, wire.a, is_snapshot)


def _traded(symbol: str, row: frames.TradeData) -> RawTrade:
    side = Side.SELL if row.m else Side.BUY
    return RawTrade(symbol, from_ms(row.T), _number_of(row.t), side, row.p, row.q)


def _number_of(text: str) -> int:
    """Return a trade's number; 0 where its id is none, but a UUID."""
    is_number = text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX
    return int(text) if is_number else 0


CAPTURE = Capture("weex", is_ours, FrameReader)
