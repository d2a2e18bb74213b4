"""Recorded frames of Kraken's WebSocket API v2, as they stand: `book` and `trade`.

A book has a depth: what a change pushes beyond it is not told as gone, and no longer told about. So
the reader keeps each book at its depth, and tells such levels as gone. The depth is the one that
the venue has confirmed, else the larger side of the snapshot.
"""

from decimal import Decimal, InvalidOperation

import msgspec
from msgspec import Struct

from steelyard.dialects.kraken.frames import Book, Message, Trade
from steelyard.dialects.kraken.text import read_rfc3339
from steelyard.domain.errors import DecodeError
from steelyard.domain.order import Side
from steelyard.wire.capture import Capture, Level, Raw, RawDepth, RawTrade


class _Confirmed(Struct):
    channel: str = ""
    symbol: str = ""
    depth: int = 0


class _Ack(Struct):
    method: str = ""
    result: _Confirmed | None = None


_HEAD = msgspec.json.Decoder(Message)
_ACK = msgspec.json.Decoder(_Ack)
_BOOKS = msgspec.json.Decoder(list[Book])
_TRADES = msgspec.json.Decoder(list[Trade])
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}


class FrameReader:
    """Reads the frames of one connection, and keeps its books at their depth."""

    market: str | None = ""  # spot is all that version 2 has

    def __init__(self) -> None:
        self._depths: dict[str, int] = {}
        self._books: dict[str, tuple[dict[str, Decimal], dict[str, Decimal]]] = {}

    def read(self, frame: bytes) -> list[Raw]:
        """Return what a frame tells of a market.

        Raises:
            DecodeError: It has another form than documented.
        """
        try:
            if b'"method"' in frame:
                self._confirmed(_ACK.decode(frame))
                return []
            head = _HEAD.decode(frame)
            if not isinstance(head.data, msgspec.Raw):
                return []
            if head.channel == "book":
                return [self._book(book, head.type) for book in _BOOKS.decode(head.data)]
            if head.channel == "trade" and head.type == "update":  # a snapshot was before
                return [_traded(trade) for trade in _TRADES.decode(head.data)]
        except (msgspec.DecodeError, RecursionError, UnicodeError, InvalidOperation) as error:
            raise DecodeError(f"{frame[:60]!r}: {error}") from error
        return []

    def _confirmed(self, ack: _Ack) -> None:
        if ack.result is not None and ack.result.channel == "book" and ack.result.depth:
            self._depths[ack.result.symbol] = ack.result.depth

    def _book(self, book: Book, kind: str) -> RawDepth:
        is_snapshot = kind == "snapshot"
        bids, asks = (
            [(_text(level.price), _text(level.qty)) for level in levels]
            for levels in (book.bids, book.asks)
        )
        if is_snapshot:
            self._books[book.symbol] = ({}, {})
            self._depths.setdefault(book.symbol, max(len(bids), len(asks), 1))
        sides = self._books.setdefault(book.symbol, ({}, {}))
        depth = self._depths.get(book.symbol, 0)
        bids += _cut(sides[0], bids, depth, is_bid=True)
        asks += _cut(sides[1], asks, depth, is_bid=False)
        time = book.timestamp
        venue_ns = read_rfc3339(time) if isinstance(time, str) else None
        return RawDepth(
            book.symbol, venue_ns, 0, 0, tuple(bids), tuple(asks), is_snapshot=is_snapshot
        )


def is_ours(frame: bytes) -> bool:
    """Return whether a frame looks like one of the API's second version."""
    return frame.startswith((b'{"channel":"book"', b'{"channel":"trade"'))


def _cut(
    side: dict[str, Decimal], changes: list[Level], depth: int, *, is_bid: bool
) -> list[Level]:
    """Let changes enter a side of a book, and return what they push beyond its depth, as gone."""
    for price, size in changes:
        if Decimal(size):
            side[price] = Decimal(price)
        else:
            side.pop(price, None)
    if not depth or len(side) <= depth:
        return []
    ordered = sorted(side, key=side.__getitem__, reverse=is_bid)
    for price in ordered[depth:]:
        del side[price]
    return [(price, "0") for price in ordered[depth:]]


def _traded(trade: Trade) -> RawTrade:
    side = _SIDES.get(trade.side)
    if side is None:
        raise DecodeError(f"side {trade.side!r} should be buy or sell")
    time_ns = read_rfc3339(trade.timestamp)
    price, size = _text(trade.price), _text(trade.qty)
    return RawTrade(trade.symbol, time_ns, trade.trade_id, side, price, size)


def _text(number: msgspec.Raw) -> str:
    return bytes(number).decode("ascii").strip('"')


CAPTURE = Capture("kraken", is_ours, FrameReader)
