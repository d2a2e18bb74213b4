"""Files of a catalog that cannot be read any more, and how their rows come back.

A damaged file is never passed over: who reads it is told which sources to import again. Importing
one of them writes the file anew with what that source has; the others are no longer whole until
they are imported again, too.
"""

from collections.abc import Iterable
from pathlib import Path

import polars as pl
from msgspec.structs import replace

from steelyard.data.manifest import Imported, Manifest, Part
from steelyard.domain.errors import ConfigError

UNREADABLE = (pl.exceptions.PolarsError, OSError)
NAMED_MAX = 12


def unreadable(folder: Path, manifest: Manifest, part: Part, error: Exception) -> ConfigError:
    """Return what to say of a file that cannot be read, and how it is mended."""
    sources = [source.file for source in manifest.sources if _meet(source, [part])]
    names = " ".join(sources[:NAMED_MAX]) + (" ..." if sources[NAMED_MAX:] else "")
    return ConfigError(
        f"{folder / part.file} cannot be read ({str(error).splitlines()[0]}); import what "
        f"{manifest.key.name} was made of anew: steelyard data import --replace {names}"
    )


def is_damaged(folder: Path, part: Part) -> bool:
    """Return whether a file is gone, or is no Parquet any more; its rows are not looked at."""
    try:
        pl.read_parquet_schema(folder / part.file)
    except UNREADABLE:
        return True
    return False


def refused(folder: Path, part: Part) -> ConfigError | None:
    """Return what to say of a file that may be whole, but that the disk does not let us read."""
    path = folder / part.file
    try:
        path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return ConfigError(f"{path} cannot be read: {error.strerror}")
    return None


def marked(sources: Iterable[Imported], spans: Iterable[tuple[int, int]]) -> tuple[Imported, ...]:
    """Return sources; those of which rows in these spans [first, last] are gone are not whole."""
    gone = list(spans)
    return tuple(
        replace(source, is_whole=False)
        if any(source.first_ns <= last and source.last_ns >= first for first, last in gone)
        else source
        for source in sources
    )


def _meet(source: Imported, parts: Iterable[Part]) -> bool:
    return any(source.first_ns <= p.last_ns and source.last_ns >= p.first_ns for p in parts)
