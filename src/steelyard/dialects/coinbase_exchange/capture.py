"""Recorded frames of Coinbase Exchange's feed, as they stand: `level2`, `level2_batch`, `matches`.

A book begins with a snapshot and goes on by levels that changed, which have no numbers. The side of
a match is the maker's.
"""

import msgspec
from msgspec import Struct

from steelyard.domain.errors import DecodeError
from steelyard.domain.order import Side
from steelyard.wire.capture import Capture, Raw, RawDepth, RawTrade
from steelyard.wire.moments import from_iso


class _Snapshot(Struct, tag="snapshot"):
    product_id: str
    bids: tuple[tuple[str, str], ...]
    asks: tuple[tuple[str, str], ...]


class _Update(Struct, tag="l2update"):
    product_id: str
    changes: tuple[tuple[str, str, str], ...]
    time: str = ""


class _Match(Struct, tag="match"):
    trade_id: int
    side: str
    size: str
    price: str
    product_id: str
    time: str


class _Head(Struct):
    type: str


_HEAD = msgspec.json.Decoder(_Head)
_TOLD = msgspec.json.Decoder(_Snapshot | _Update | _Match)
_READ = frozenset({"snapshot", "l2update", "match"})  # `last_match` was before the recording


class FrameReader:
    """Reads the feed; there is nothing to remember."""

    market: str | None = ""  # spot is all that it has

    def read(self, frame: bytes) -> list[Raw]:
        """Return what a frame tells of a market.

        Raises:
            DecodeError: It has another form than documented.
        """
        try:
            if _HEAD.decode(frame).type not in _READ:
                return []
            told: _Snapshot | _Update | _Match = _TOLD.decode(frame)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"{frame[:60]!r}: {error}") from error
        match told:
            case _Snapshot():
                return [
                    RawDepth(told.product_id, None, 0, 0, told.bids, told.asks, is_snapshot=True)
                ]
            case _Update():
                venue_ns = from_iso(told.time) if told.time else None
                sides: dict[str, list[tuple[str, str]]] = {"buy": [], "sell": []}
                for side, price, size in told.changes:
                    if side not in sides:
                        raise DecodeError(f"side {side!r} should be buy or sell")
                    sides[side].append((price, size))
                bids, asks = tuple(sides["buy"]), tuple(sides["sell"])
                return [RawDepth(told.product_id, venue_ns, 0, 0, bids, asks)]
            case _Match():
                if told.side not in {"buy", "sell"}:
                    raise DecodeError(f"side {told.side!r} should be buy or sell")
                taker = Side.SELL if told.side == "buy" else Side.BUY
                time_ns = from_iso(told.time)
                return [
                    RawTrade(told.product_id, time_ns, told.trade_id, taker, told.price, told.size)
                ]


def is_ours(frame: bytes) -> bool:
    """Return whether a frame looks like the feed's."""
    return frame.startswith(b'{"type":"') and b'"product_id' in frame


CAPTURE = Capture("coinbase-exchange", is_ours, FrameReader)
