"""A market stream read natively: bytes to books and to messages in whole numbers, one call each.

The invariant: a frame is taken whole or it is one `DecodeError` and nothing has changed; a book is
the venue's as it was at `sequence`, or `is_whole` is false. The dialect's table says where things
stand; its Python code and `steelyard.wire.book.LocalBook` do the same, slower, and are the
specification. It asks for nothing, reads no clock and does not judge how old a book is. It is not
imported where no native module was built.
"""

from collections.abc import Sequence
from typing import Self

from steelyard._native import MarketBook
from steelyard._native import MarketReader as Native
from steelyard.domain.errors import ConfigError
from steelyard.wire.book import Told
from steelyard.wire.tables import Steps, StreamTable

__all__ = ["MarketBook", "MarketReader", "Told"]


class MarketReader(Native):
    """Follows the instruments of one market stream; an instrument is known by its place.

    `receive` takes a frame of the stream and returns a `Told` as a plain number; `book` gives an
    instrument's book, which stays the same object.
    """

    def __new__(cls, table: StreamTable, instruments: Sequence[Steps]) -> Self:
        """Make a reader whose books wait for their snapshots.

        Raises:
            ConfigError: The table or an instrument's steps make no sense; it says which.
        """
        try:
            return super().__new__(cls, table, list(instruments))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"a table cannot be used: {error}") from error
