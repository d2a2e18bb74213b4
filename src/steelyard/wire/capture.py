"""What a recorded frame tells of a market, before any instrument is known: numbers as they stand.

A dialect that can read recordings of its streams has a module `capture` with a `CAPTURE`. Prices
and sizes stay the text that the venue wrote, so whoever reads them decides about steps; symbols are
the venue's own spelling.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from steelyard.domain.instrument import Instrument
from steelyard.domain.order import Side

Level = tuple[str, str]  # price and size


class RawTrade(NamedTuple):
    """One execution. side is the taker's; trade_id is 0 where the venue has no numbers."""

    symbol: str
    venue_ns: int
    trade_id: int
    side: Side
    price: str
    size: str
    is_aggregate: bool = False


class RawTouch(NamedTuple):
    """The best bid and ask; venue_ns is None where the venue does not say when."""

    symbol: str
    venue_ns: int | None
    update_id: int
    bid: Level
    ask: Level


class RawDepth(NamedTuple):
    """A change of the book, or all of it.

    A change goes on from first_id - 1 and ends at last_id; both are 0 where the venue does not
    number its messages. Of a snapshot only last_id counts.
    """

    symbol: str
    venue_ns: int | None
    first_id: int
    last_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    is_snapshot: bool = False


Raw = RawTrade | RawTouch | RawDepth


class FrameReader(Protocol):
    """Reads the frames of one connection in order; it may remember what it has to."""

    @property
    def market(self) -> str | None:
        """Which of the venue's markets its frames are of; empty: the main one; None: not told."""
        ...

    def read(self, frame: bytes) -> list[Raw]:
        """Return what a frame tells of a market; nothing where it tells of something else.

        Raises:
            DecodeError: It has another form than documented, or is of another of the venue's
                markets than the frames before it.
        """
        ...


class Capture(NamedTuple):
    """How a venue's recordings are read.

    is_ours says whether a frame looks like the venue's. snapshot returns the answer to a request
    for a book as a frame that the reader takes; None where the stream itself begins with the book.
    """

    venue: str
    is_ours: Callable[[bytes], bool]
    reader: Callable[[], FrameReader]
    snapshot: Callable[[Instrument, bytes], bytes] | None = None
