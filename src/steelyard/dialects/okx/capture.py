"""Recorded frames of OKX's public WebSockets, as they stand: `books`, `trades` and their like.

Changes of a book name the number of the one before; of recordings from before there were numbers,
only the order tells. What the channel `trades` tells since it counts is the trades of one taker at
one price; `trades-all` tells each. A symbol says its market, so one connection may have several.
"""

import msgspec
from msgspec import UNSET, Raw

from steelyard.dialects.okx.channels import BOOKS
from steelyard.dialects.okx.frames import BookChange, Told, Wanted
from steelyard.dialects.okx.messages import Trade
from steelyard.dialects.okx.stream import SNAPSHOT
from steelyard.dialects.okx.text import SIDES, read_id, read_ms
from steelyard.domain.errors import DecodeError
from steelyard.wire.capture import Capture, RawDepth, RawTrade
from steelyard.wire.capture import Raw as Heard

TRADES = ("trades", "trades-all")

_told = msgspec.json.Decoder(Told)
_wanted = msgspec.json.Decoder(Wanted)
_books = msgspec.json.Decoder(list[BookChange])
_trades = msgspec.json.Decoder(list[Trade])


class FrameReader:
    """Reads frames; it has nothing to remember."""

    market: str | None = ""

    def read(self, frame: bytes) -> list[Heard]:
        """Return what a frame tells of a market.

        Raises:
            DecodeError: It has another form than documented.
        """
        if frame == b"pong":
            return []
        try:
            told = _told.decode(frame)
            if told.event or not (isinstance(told.arg, Raw) and isinstance(told.data, Raw)):
                return []
            wanted = _wanted.decode(told.arg)
            if wanted.channel in BOOKS:
                is_snapshot = told.action == SNAPSHOT
                rows = _books.decode(told.data)
                found = [_depth(row, wanted.instId, is_snapshot=is_snapshot) for row in rows]
                return [each for each in found if each is not None]
            if wanted.channel in TRADES:
                is_joined = wanted.channel == "trades"
                return [_traded(row, is_joined=is_joined) for row in _trades.decode(told.data)]
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"{frame[:60]!r}: {error}") from error
        return []


def is_ours(frame: bytes) -> bool:
    """Return whether a frame looks like one of these channels."""
    return frame.startswith((b'{"arg":{"channel":"books', b'{"arg":{"channel":"trades'))


def _depth(row: BookChange, symbol: str, *, is_snapshot: bool) -> RawDepth | None:
    """Return a change; None for a beat, by which nothing changes."""
    first = last = 0
    if isinstance(row.seqId, int):
        last = row.seqId
        before = row.prevSeqId if isinstance(row.prevSeqId, int) else last - 1
        if not is_snapshot and before == last:
            return None
        first = last if is_snapshot else before + 1
    bids, asks = (
        tuple((price, size) for price, size, *_ in levels) for levels in (row.bids, row.asks)
    )
    return RawDepth(symbol, read_ms(row.ts), first, last, bids, asks, is_snapshot=is_snapshot)


def _traded(row: Trade, *, is_joined: bool) -> RawTrade:
    side = SIDES.get(row.side)
    if side is None:
        raise DecodeError(f"side {row.side[:20]!r} should be buy or sell")
    number = read_id(row.tradeId, "tradeId")
    is_aggregate = is_joined and row.count is not UNSET
    return RawTrade(row.instId, read_ms(row.ts), number, side, row.px, row.sz, is_aggregate)


CAPTURE = Capture("okx", is_ours, FrameReader)
