"""Recorded frames of Advanced Trade's WebSocket, as they stand: `l2_data` and `market_trades`.

A connection's messages are numbered over all of its channels: where one is missing, or they begin
anew, a book is wrong until the next whole one, and its changes are passed over until then. Books
themselves have no numbers. The side of a trade is the maker's; trades of a `snapshot` were before.
"""

import msgspec
from msgspec import Raw, Struct

from steelyard.dialects.coinbase_advanced import frames
from steelyard.dialects.coinbase_advanced.messages import PublicTrade
from steelyard.dialects.coinbase_advanced.text import SIDES
from steelyard.domain.errors import DecodeError
from steelyard.wire.capture import Capture, RawDepth, RawTrade
from steelyard.wire.capture import Raw as Heard
from steelyard.wire.moments import from_iso

BOOK, TRADES, SNAPSHOT = "l2_data", "market_trades", "snapshot"
BID, OFFER = "bid", "offer"
SYMBOLS_MAX = 10_000  # books that a connection has
DIGITS_MAX = 18  # of a number of a trade
STARTS = tuple(f'{{"channel":"{channel}"'.encode() for channel in (BOOK, TRADES))


class _Envelope(Struct):
    sequence_num: int
    channel: str = ""
    timestamp: str = ""
    events: tuple[Raw, ...] = ()


class _Other(Struct):
    """A refusal, which has no number."""

    type: str = ""


_envelope = msgspec.json.Decoder(_Envelope)
_other = msgspec.json.Decoder(_Other)
_level2 = msgspec.json.Decoder(frames.Level2)
_trades = msgspec.json.Decoder(frames.Trades)


class FrameReader:
    """Reads frames; it remembers their numbers, and which books are whole."""

    market: str | None = ""  # spot is what we know of it

    def __init__(self) -> None:
        self._next: int | None = None
        self._whole: set[str] = set()

    def read(self, frame: bytes) -> list[Heard]:
        """Return what a frame tells of a market.

        Raises:
            DecodeError: It has another form than documented.
        """
        try:
            if b'"sequence_num"' not in frame:
                _other.decode(frame)
                return []
            envelope = _envelope.decode(frame)
            found = self._told(envelope)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"{frame[:60]!r}: {error}") from error
        return found

    def _told(self, envelope: _Envelope) -> list[Heard]:
        if envelope.sequence_num != self._next:
            self._whole.clear()
        self._next = envelope.sequence_num + 1
        if envelope.channel == BOOK:
            time_ns = from_iso(envelope.timestamp)
            books = [_level2.decode(event) for event in envelope.events]
            depths = [_depth(book, time_ns) for book in books]
            return [depth for depth in depths if self._joins(depth)]
        if envelope.channel == TRADES:
            events = [_trades.decode(event) for event in envelope.events]
            return [
                _traded(trade)
                for event in events
                if event.type != SNAPSHOT
                for trade in reversed(event.trades)
            ]
        return []

    def _joins(self, depth: RawDepth) -> bool:
        """Whether a change is one of a book that is whole, or makes one."""
        if depth.is_snapshot:
            if len(self._whole) >= SYMBOLS_MAX:
                raise DecodeError(f"a connection has at most {SYMBOLS_MAX} books")
            self._whole.add(depth.symbol)
        return depth.symbol in self._whole


def is_ours(frame: bytes) -> bool:
    """Return whether a frame looks like one of these channels."""
    return frame.startswith(STARTS)


def _depth(event: frames.Level2, time_ns: int) -> RawDepth:
    sides: dict[str, list[tuple[str, str]]] = {BID: [], OFFER: []}
    for change in event.updates:
        rows = sides.get(change.side)
        if rows is None:
            raise DecodeError(f"side {change.side[:20]!r} should be {BID} or {OFFER}", "side")
        rows.append((change.price_level, change.new_quantity))
    bids, asks = tuple(sides[BID]), tuple(sides[OFFER])
    is_snapshot = event.type == SNAPSHOT
    return RawDepth(event.product_id, time_ns, 0, 0, bids, asks, is_snapshot=is_snapshot)


def _traded(trade: PublicTrade) -> RawTrade:
    text, taker = trade.trade_id, SIDES[trade.side].opposite
    is_number = text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX
    number, time_ns = int(text) if is_number else 0, from_iso(trade.time)
    return RawTrade(trade.product_id, time_ns, number, taker, trade.price, trade.size)


CAPTURE = Capture("coinbase-advanced", is_ours, FrameReader)
