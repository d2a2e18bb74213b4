"""Books of limited depth and their checksums, which both ends make of the same digits.

    CRC-32 of the ten best asks, best first, then the ten best bids; of each level price and
    quantity as they are transmitted, without the point and without zeros at the beginning.

The invariant: a book that a client keeps has, after each message and cut off at its depth, the
checksum that the message says. Source: https://docs.kraken.com/api/docs/guides/spot-ws-book-v2,
read 2026-11-20.
"""

from collections.abc import Iterable, Sequence
from zlib import crc32

from steelyard.dialects.kraken.text import price_text, size_text
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import Side

CHECKED = 10
DEPTHS = (10, 25, 100, 500, 1_000)

Text = tuple[str, str]  # price and quantity as transmitted


def digits(text: str) -> str:
    """Return a number as the checksum has it."""
    return text.replace(".", "").lstrip("0")


def checksum(asks: Iterable[Text], bids: Iterable[Text]) -> int:
    """Return the checksum of levels, or of their orders, best first; of ten levels at most."""
    levels = (*asks, *bids)
    return crc32("".join(digits(price) + digits(qty) for price, qty in levels).encode())


def checksum_of(
    instrument: Instrument, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]
) -> int:
    """Return the checksum of levels in ticks and lots."""

    def texts(levels: Sequence[tuple[int, int]]) -> list[Text]:
        return [
            (price_text(instrument, ticks), size_text(instrument, lots))
            for ticks, lots in levels[:CHECKED]
        ]

    return checksum(texts(asks), texts(bids))


class DepthSide:
    """One side of a client's book: by ticks, what was transmitted."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self.levels: dict[int, Text] = {}

    def change(self, ticks: int, price: str, qty: str, *, is_gone: bool) -> None:
        """Take one level of a message."""
        if is_gone:
            self.levels.pop(ticks, None)
        else:
            self.levels[ticks] = (price, qty)

    def cut(self, depth: int) -> list[int]:
        """Drop what is beyond the depth, and return it."""
        if len(self.levels) <= depth:
            return []
        beyond = self._sorted()[depth:]
        for ticks in beyond:
            del self.levels[ticks]
        return beyond

    def best(self) -> list[Text]:
        """Return the best levels."""
        return [self.levels[ticks] for ticks in self._sorted()[:CHECKED]]

    def _sorted(self) -> list[int]:
        return sorted(self.levels, reverse=self._side is Side.BUY)


class DepthBook:
    """A client's copy of one book."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.bids, self.asks = DepthSide(Side.BUY), DepthSide(Side.SELL)

    def check(self, told: int) -> None:
        """Compare with the exchange's checksum.

        Raises:
            DecodeError: It is another one.
        """
        mine = checksum(self.asks.best(), self.bids.best())
        if mine != told:
            raise DecodeError(
                f"the book has checksum {mine} here and {told} at the exchange", "checksum"
            )
