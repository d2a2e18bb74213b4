"""Which reader of market streams: the native one where it was built, else none.

Who gets none decodes by his own Python code, which does the same.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

from steelyard.wire.tables import Steps, StreamTable


class Scanner(Protocol):
    """What scans frames; `wire.reader.MarketReader` does."""

    def scan(self, frame: str | bytes) -> tuple[Any, ...] | None:
        """Return what a frame says, None if it is none of the table's kinds, or DecodeError."""
        ...


def new_scanner(table: StreamTable, instruments: Sequence[Steps]) -> Scanner | None:
    """Return what reads frames by a table, None where no native module was built."""
    if find_spec("steelyard._native") is None:
        return None
    reader = import_module("steelyard.wire.reader")
    return cast("Scanner", reader.MarketReader(table, instruments))
