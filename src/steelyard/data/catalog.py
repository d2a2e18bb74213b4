"""A catalog: a folder of datasets, and what a backtest reads from it.

    DIR/kind=bars/venue=binance/symbol=BTC-USDT/interval=1m/manifest.json
    DIR/kind=bars/venue=binance/symbol=BTC-USDT/interval=1m/date=2024-01/*.parquet
    DIR/kind=trades/venue=binance/symbol=BTC-USDT/date=2024-01-05/*.parquet

The folders are hive partitions, so that any reader of Parquet finds its way; what is a dataset's,
its manifest says. Reading gives what is there and names what is not: nothing is filled in.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import platformdirs
import polars as pl

from steelyard.backtest.columns import BarColumns, Source, Tape
from steelyard.data.damage import UNREADABLE, unreadable
from steelyard.data.exact import common, step_of, times_of
from steelyard.data.gaps import within
from steelyard.data.instruments import checked_symbol, checked_venue, derived
from steelyard.data.kinds import BOOK_KINDS, PRICES, SIZES, Kind
from steelyard.data.manifest import Key, Manifest, datasets, read
from steelyard.data.moments import interval_ns, interval_text, shown
from steelyard.data.partitions import GROUP_ROWS
from steelyard.data.timeline import Events, local_blocks, tape_blocks
from steelyard.data.touches import GUESS, with_touches
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Instrument

VARIABLE = "STEELYARD_CATALOG"
TAPE_KINDS = (Kind.TRADES, Kind.AGGREGATES, Kind.TOUCH, Kind.DEPTH)


def default_directory() -> Path:
    """Return where the catalog is when nobody says otherwise; `STEELYARD_CATALOG` does."""
    told = os.environ.get(VARIABLE)
    if told:
        return Path(told)
    return Path(platformdirs.user_data_dir("steelyard", appauthor=False)) / "catalog"


def open_catalog(directory: Path | None = None) -> "Catalog":
    """Return a catalog; nothing is read yet."""
    return Catalog(default_directory() if directory is None else directory)


class Catalog:
    """What is in a folder of datasets."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def datasets(self) -> list[Manifest]:
        """Return all datasets."""
        return datasets(self.root)

    def dataset(self, key: Key) -> Manifest:
        """Return one dataset.

        Raises:
            UsageError: There is none; the message names those that there are.
        """
        manifest = read(key.folder(self.root))
        if manifest is None:
            known = [each.key.name for each in self.datasets()]
            there = f"there are {', '.join(known[:12])}" if known else "it is empty"
            raise UsageError(
                f"no {key.name} in the catalog {self.root}: {there}. `steelyard data import FILE` "
                "brings data in"
            )
        return manifest

    def bars(
        self,
        venue: str,
        symbol: str,
        interval: str,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> tuple[BarColumns, Source]:
        """Return the bars that begin in [start_ns, end_ns); None is from the first, to the last.

        Raises:
            UsageError: There is no such dataset, or no bar in that time.
        """
        length = interval_text(interval_ns(interval))
        key = Key(Kind.BARS, checked_venue(venue), checked_symbol(symbol), length)
        manifest = self.dataset(key)
        frames = list(rows_of(manifest, key.folder(self.root), start_ns, end_ns))
        if not frames:
            raise UsageError(_nothing(manifest, start_ns, end_ns))
        rows = pl.concat(frames)
        columns = [np.ascontiguousarray(rows[name].to_numpy()) for name in rows.columns]
        bars = BarColumns(manifest.instrument, interval_ns(length), *columns)
        return bars, source_of([manifest], start_ns, end_ns)

    def tape(
        self, venue: str, symbol: str, start_ns: int | None = None, end_ns: int | None = None
    ) -> tuple[Tape, Source]:
        """Return trades, touches and depth of [start_ns, end_ns) as one tape.

        Of single trades and aggregates of them the single ones are taken. Blocks are read when
        they are asked for, some hundred thousand rows at a time.

        Raises:
            UsageError: There is nothing of this market in that time, or its datasets differ in
                steps or in clock.
        """
        venue, symbol = checked_venue(venue), checked_symbol(symbol)
        found = {
            kind: manifest
            for kind in TAPE_KINDS
            if (manifest := read(Key(kind, venue, symbol).folder(self.root))) is not None
            and _reaches(manifest, start_ns, end_ns)
        }
        if Kind.TRADES in found:
            found.pop(Kind.AGGREGATES, None)
        if not found:
            there = [m for m in self.datasets() if (m.venue, m.symbol) == (venue, symbol)]
            spans = "; ".join(
                f"{m.key.name} from {shown(m.first_ns)} to {shown(m.last_ns)}" for m in there
            )
            raise UsageError(
                f"no trades, touch or depth of {venue}/{symbol} in that time in the catalog "
                f"{self.root} ({spans or 'nothing of it at all'}); `steelyard data list` shows all"
            )
        manifests = list(found.values())
        instrument = _in_common(manifests)
        last_ns = max(manifest.last_ns for manifest in manifests)
        if end_ns is None:
            end_ns = last_ns + 1
        first_ns = min(manifest.first_ns for manifest in manifests)
        streams = {
            kind: _stream(manifest, self.root, instrument, start_ns, end_ns)
            for kind, manifest in found.items()
        }
        clock = manifests[0].clock
        has_book = bool(BOOK_KINDS & found.keys())

        def blocks() -> Iterable[Events]:
            told = tape_blocks(streams, clock)
            return told if has_book else with_touches(told)

        tape = Tape(
            instrument,
            blocks,
            (lambda: local_blocks(streams, clock)) if clock == "recorder" and has_book else None,
            (max(first_ns, start_ns or 0), min(last_ns, end_ns)),
            "" if has_book else GUESS,
        )
        return tape, source_of(manifests, start_ns, end_ns)


def rows_of(
    manifest: Manifest, folder: Path, start_ns: int | None = None, end_ns: int | None = None
) -> Iterator[pl.DataFrame]:
    """Yield a dataset's rows in order, as many at a time as a group of its files has.

    Raises:
        ConfigError: A file of it is gone or damaged.
    """
    time = "open_ns" if manifest.kind is Kind.BARS else "time_ns"
    for part in manifest.parts:
        if (end_ns is not None and part.first_ns >= end_ns) or (
            start_ns is not None and part.last_ns < start_ns
        ):
            continue
        is_whole = (start_ns is None or part.first_ns >= start_ns) and (
            end_ns is None or part.last_ns < end_ns
        )
        for first in range(0, part.rows, GROUP_ROWS):
            scan = pl.scan_parquet(folder / part.file, hive_partitioning=False)
            try:
                rows = scan.slice(first, GROUP_ROWS).collect()
            except UNREADABLE as error:
                raise unreadable(folder, manifest, part, error) from error
            if not is_whole:
                low = pl.lit(value=True) if start_ns is None else pl.col(time) >= start_ns
                high = pl.lit(value=True) if end_ns is None else pl.col(time) < end_ns
                rows = rows.filter(low & high)
            if len(rows):
                yield rows


def source_of(manifests: list[Manifest], start_ns: int | None, end_ns: int | None) -> Source:
    """Return what a report says of where data came from."""
    hashes = sorted({source.sha256 for m in manifests for source in m.sources})
    whole = hashes[0] if len(hashes) == 1 else sha256("".join(hashes).encode()).hexdigest()
    first = manifests[0]
    name = first.key.name if len(manifests) == 1 else f"{first.venue}/{first.symbol}"
    gaps = [gap for manifest in manifests for gap in within(manifest.gaps, start_ns, end_ns)]
    return Source(name, whole, tuple(sorted(set(gaps))))


def _stream(
    manifest: Manifest,
    root: Path,
    instrument: Instrument,
    start_ns: int | None,
    end_ns: int | None,
) -> Callable[[], Iterable[pl.DataFrame]]:
    folder = manifest.key.folder(root)
    tick, lot = step_of(instrument.tick_size), step_of(instrument.lot_size)
    factors = [(name, times_of(manifest.tick, tick)) for name in PRICES[manifest.kind]]
    factors += [(name, times_of(manifest.lot, lot)) for name in SIZES[manifest.kind]]
    scaled = [pl.col(name) * factor for name, factor in factors if factor > 1]

    def read_rows() -> Iterator[pl.DataFrame]:
        for rows in rows_of(manifest, folder, start_ns, end_ns):
            yield rows.with_columns(scaled) if scaled else rows

    return read_rows


def _reaches(manifest: Manifest, start_ns: int | None, end_ns: int | None) -> bool:
    return (end_ns is None or manifest.first_ns < end_ns) and (
        start_ns is None or manifest.last_ns >= start_ns
    )


def _nothing(manifest: Manifest, start_ns: int | None, end_ns: int | None) -> str:
    begin = "the beginning" if start_ns is None else shown(start_ns)
    end = "the end" if end_ns is None else shown(end_ns)
    return (
        f"{manifest.key.name} has nothing from {begin} to {end}; it has {manifest.rows} rows from "
        f"{shown(manifest.first_ns)} to {shown(manifest.last_ns)}"
    )


def _in_common(manifests: list[Manifest]) -> Instrument:
    """Return an instrument in whose steps the rows of all datasets are whole.

    Raises:
        UsageError: They go by different clocks, or have no steps in common.
    """
    first = manifests[0]
    tick, lot = first.tick, first.lot
    for other in manifests[1:]:
        if other.clock != first.clock:
            raise UsageError(
                f"{first.key.name} goes by the {first.clock}'s clock and {other.key.name} by the "
                f"{other.clock}'s: they are no one tape. Import them under different --venue names"
            )
        tick, lot = common(tick, other.tick), common(lot, other.lot)
    for manifest in manifests:
        if (manifest.tick, manifest.lot) == (tick, lot):
            return manifest.instrument
    return derived(first.symbol, tick, lot)
