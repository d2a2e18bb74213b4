"""The files of a dataset: rows in order, cut by date and by size, between two moments.

A partition is a day of events, a month of bars shorter than an hour, a year of longer ones. A file
is written under another name and renamed when it is whole; whether it counts, the manifest says.
"""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from steelyard.data.exact import Ints
from steelyard.data.gaps import edges, gaps_in
from steelyard.data.kinds import TIME, Kind
from steelyard.data.manifest import PART, Key, Part
from steelyard.data.moments import DAY_NS, INTERVALS_NS, interval_ns
from steelyard.domain.errors import ConfigError

PART_ROWS = 1 << 20
GROUP_ROWS = 1 << 17  # of Parquet: what a reader of a tape has in memory at a time


class PartWriter:
    """Writes rows that come in order as files of a day (bars: a month or a year)."""

    def __init__(self, key: Key, folder: Path) -> None:
        self._key, self._folder = key, folder
        self._rows: list[pl.DataFrame] = []
        self._waiting = 0
        self._parts: list[Part] = []

    def keep(self, part: Part) -> None:
        """Leave a file as it is."""
        self._flush()
        self._parts.append(part)

    def add(self, rows: pl.DataFrame) -> None:
        """Write rows, which are later than all before."""
        self._rows.append(rows)
        self._waiting += len(rows)
        if self._waiting >= PART_ROWS:
            self._flush()

    def finish(self) -> list[Part]:
        """Return all files, in order."""
        self._flush()
        return self._parts

    def _flush(self) -> None:
        if not self._rows:
            return
        rows = pl.concat(self._rows)
        self._rows, self._waiting = [], 0
        time_ns = rows[TIME[self._key.kind]].to_numpy()
        dates = dates_of(self._key, time_ns)
        ends = [*(np.flatnonzero(np.diff(dates)) + 1).tolist(), len(rows)]
        begin = 0
        for end in ends:
            date = date_text(self._key, int(dates[begin]))
            while begin < end:
                stop = _cut(time_ns, begin, end)
                self._parts.append(self._write(date, rows.slice(begin, stop - begin)))
                begin = stop

    def _write(self, date: str, rows: pl.DataFrame) -> Part:
        folder = self._folder / f"date={date}"
        kind = self._key.kind
        try:
            folder.mkdir(parents=True, exist_ok=True)
            first, last = edges(kind, rows)
            digest = sha256(rows.hash_rows(seed=0).to_numpy().tobytes()).hexdigest()[:16]
            path = folder / f"{first.time_ns}-{len(rows)}-{digest}.parquet"
            part = path.with_name(path.name + PART)
            write_table(rows, part, compression="zstd", row_group_size=GROUP_ROWS)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            raise ConfigError(f"{folder} cannot be written: {error.strerror}") from error
        length_ns = interval_ns(self._key.interval) if self._key.interval else 0
        return Part(
            path.relative_to(self._folder).as_posix(),
            len(rows),
            first.time_ns,
            last.time_ns,
            first.number,
            last.number,
            gaps_in(kind, rows, length_ns),
        )


def write_table(rows: pl.DataFrame, path: Path, **options: Any) -> None:
    """Write rows as Parquet.

    Raises:
        ConfigError: The disk refuses, or is full.
    """
    try:
        with path.open("wb") as file:
            rows.write_parquet(file, **options)
    except (pl.exceptions.PolarsError, OSError) as error:
        why = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise ConfigError(
            f"{path.parent} cannot be written: {why}; nothing was imported. Make room there, or "
            "use another --catalog"
        ) from error


def dates_of(key: Key, time_ns: np.ndarray) -> np.ndarray:
    """Return the number of each row's partition: of its day, its month or its year since 1970."""
    days = time_ns // DAY_NS
    if key.kind is not Kind.BARS:
        return days
    return days.astype("datetime64[D]").astype(f"datetime64[{_unit(key)}]").astype(np.int64)


def date_text(key: Key, number: int) -> str:
    """Return a partition's date as it stands in its folder's name."""
    return str(np.array(number).astype(f"datetime64[{_unit(key)}]"))


def begins_ns(key: Key, number: int) -> int:
    """Return when a partition begins."""
    date = np.array(number).astype(f"datetime64[{_unit(key)}]")
    return int(date.astype("datetime64[ns]").astype(np.int64))


def _cut(time_ns: Ints, begin: int, end: int) -> int:
    """Return where a file of rows from begin on ends: between two moments, if there is room."""
    stop = begin + PART_ROWS
    if stop >= end:
        return end
    between = begin + int(np.searchsorted(time_ns[begin:stop], time_ns[stop]))
    return between if between > begin else stop


def _unit(key: Key) -> str:
    if key.kind is not Kind.BARS:
        return "D"
    return "Y" if interval_ns(key.interval) >= INTERVALS_NS["h"] else "M"
