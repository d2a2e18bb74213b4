"""What a recorded frame tells of a market, before any instrument is known: numbers as they stand.

A dialect that can read recordings of its streams has a module `capture` with a `CAPTURE`. Prices
and sizes stay the text that the venue wrote, so whoever reads them decides about steps; symbols are
the venue's own spelling.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from steelyard.domain.instrument import Instrument
from steelyard.domain.order import Side

CHANGES_MAX = 4_096  # remembered of each book: minutes, and a snapshot takes a second
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


class Joined:
    """The last changes of each book, for one that is asked for and is older than they are.

    The answer is on its way while changes are received: those enter it before it is told, and what
    it has is not told again. One that goes back further than what is remembered is passed over.
    """

    def __init__(self) -> None:
        self._changes: dict[str, deque[RawDepth]] = {}
        self._snapshots: dict[str, int] = {}  # the number of the last one

    @property
    def symbols(self) -> list[str]:
        """Of what there were changes, or books."""
        return list(self._changes)

    def change(self, change: RawDepth) -> list[Raw]:
        """Return what a change tells: nothing where the book that was asked for has it."""
        if change.last_id <= self._snapshots.get(change.symbol, 0):
            return []
        self._changes.setdefault(change.symbol, deque(maxlen=CHANGES_MAX)).append(change)
        return [change]

    def snapshot(
        self, symbol: str, last: int, bids: tuple[Level, ...], asks: tuple[Level, ...]
    ) -> list[Raw]:
        """Return a book that was asked for, as it is after all changes that were told."""
        changes = self._changes.setdefault(symbol, deque(maxlen=CHANGES_MAX))
        later = [change for change in changes if change.last_id > last]
        if later and later[0].first_id > last + 1:
            return []
        bids = _overlaid(bids, [change.bids for change in later])
        asks = _overlaid(asks, [change.asks for change in later])
        self._snapshots[symbol] = number = max([last, *(c.last_id for c in later)])
        return [RawDepth(symbol, None, number, number, bids, asks, is_snapshot=True)]


def _overlaid(levels: tuple[Level, ...], changes: Sequence[tuple[Level, ...]]) -> tuple[Level, ...]:
    """Return levels after changes; a size of nothing takes one away."""
    side = dict(levels)
    for change in changes:
        side.update(change)
    return tuple((price, size) for price, size in side.items() if size.strip("0."))


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
