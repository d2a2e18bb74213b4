"""What a file is: a table, a Nautilus catalog's file, or a recording; each is read its own way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from steelyard.data.archives import named
from steelyard.data.captures import CaptureReading, is_capture
from steelyard.data.files import inner_name, unpacked
from steelyard.data.manifest import Key, Missing
from steelyard.data.reading import Clip, Reading, Wanted
from steelyard.data.shapes import Rows
from steelyard.data.tables import open_table

PEEKED_BYTES = 1 << 16


class Source(Protocol):
    """A file that is about to be read. What it notes is complete when its rows have been read."""

    path: Path
    form: str
    clock: str
    venue: str
    notes: list[str]
    missing: list[Missing]
    time_unit: str

    @property
    def symbols(self) -> frozenset[str]:
        """Which markets it has rows of."""
        ...

    @property
    def nothing(self) -> str:
        """What to say where it has no rows."""
        ...

    def rows(self, clip: Clip = (None, None)) -> Iterator[tuple[Key, Rows]]:
        """Yield its rows, and to which dataset they belong."""
        ...


def open_source(path: Path, wanted: Wanted) -> Source:
    """Return a file, ready to be read.

    Raises:
        UsageError: It is of no known form, or does not say what it has to.
    """
    with unpacked(path) as stream:
        start = stream.read(PEEKED_BYTES)
    if is_capture(start):
        return CaptureReading(path, wanted)
    hint = named(inner_name(path), wanted.venue)
    return Reading(path, wanted, open_table(path), hint)
