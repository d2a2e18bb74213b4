"""The checksum of a book, which both ends make of the same texts.

    CRC-32 of "bid price:bid size:ask price:ask size:..." over the ten best levels of each side

Levels alternate, best first, spelled as in the messages; a side that has fewer is skipped where
it ends. A book that a client keeps right has the checksum of the last push; another one has lost
or misplaced something. It proves nothing of levels below the tenth.
"""

from collections.abc import Sequence
from heapq import nlargest, nsmallest
from itertools import zip_longest
from zlib import crc32

from steelyard.dialects.native.text import price_text, size_text
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import BookDelta, BookSnapshot

DEPTH = 10

Levels = Sequence[tuple[int, int]]  # (ticks, lots), best first


def checksum(instrument: Instrument, bids: Levels, asks: Levels) -> int:
    """Return the checksum of the best levels: 0 to 2**32 - 1."""
    spelled = (
        f"{price_text(instrument, level[0])}:{size_text(instrument, level[1])}"
        for pair in zip_longest(bids[:DEPTH], asks[:DEPTH])
        for level in pair
        if level is not None
    )
    return crc32(":".join(spelled).encode())


class CheckedBook:
    """A client's copy of one book, held against each checksum.

    After a gap it compares nothing: the gap itself is for the book's reader to see.
    """

    def __init__(self, instrument: Instrument, snapshot: BookSnapshot) -> None:
        self._instrument = instrument
        self._bids, self._asks = dict(snapshot.bids), dict(snapshot.asks)
        self._sequence = snapshot.sequence

    def apply(self, delta: BookDelta, told: int | None) -> bool:
        """Take in levels that changed; False where something is missing before them.

        Raises:
            DecodeError: The exchange's checksum is another one; the book is as it was.
        """
        if delta.first_sequence > self._sequence + 1:
            return False
        sides = ((self._bids, delta.bids), (self._asks, delta.asks))
        before = [[(ticks, levels.get(ticks, 0)) for ticks, _ in new] for levels, new in sides]
        for levels, changed in sides:
            _change(levels, changed)
        try:
            self.check(told)
        except DecodeError:
            for (levels, _), old in zip(sides, before, strict=True):
                _change(levels, old)
            raise
        self._sequence = delta.last_sequence
        return True

    def check(self, told: int | None) -> None:
        """Compare with the exchange's checksum, where it told one.

        Raises:
            DecodeError: It is another one.
        """
        if told is None:
            return
        bids = nlargest(DEPTH, self._bids.items())
        asks = nsmallest(DEPTH, self._asks.items())
        mine = checksum(self._instrument, bids, asks)
        if mine != told:
            raise DecodeError(
                f"the {self._instrument.symbol} book has checksum {mine} here and {told} at the "
                "exchange: something was lost; subscribe anew",
                "checksum",
            )


def _change(levels: dict[int, int], changed: Levels) -> None:
    for ticks, lots in changed:
        levels[ticks] = lots
        if not lots:
            del levels[ticks]
