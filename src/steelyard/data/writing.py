"""Bringing rows into a dataset: staged as they come, merged with what is there, committed at once.

Rows are staged in files of some hundred thousand, sorted, with the decimals that they came with.
At the commit those that overlap in time, staged or in place, are merged; the rest is only written
anew in steps. So memory holds what overlaps, and of that a day at a time, not the file. Rows with
the same identity and the same values are one; with other values they are refused, and the first
is named. Until the manifest is replaced nothing has changed.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import polars as pl
from msgspec.structs import replace

from steelyard.data import partitions
from steelyard.data.damage import UNREADABLE, is_damaged, marked, refused, unreadable
from steelyard.data.exact import Step
from steelyard.data.gaps import all_gaps
from steelyard.data.instruments import derived
from steelyard.data.kinds import COLUMNS, NUMBER, ORDER, PRICES, SIZES, TIME, Kind, empty
from steelyard.data.manifest import (
    FORMAT,
    Imported,
    Key,
    Manifest,
    Missing,
    Part,
    read,
    sweep,
    write,
)
from steelyard.data.moments import interval_ns, shown
from steelyard.data.numbering import Stretch, check_numbers
from steelyard.data.partitions import PartWriter, begins_ns, dates_of, write_table
from steelyard.data.shapes import Rows
from steelyard.data.stepping import Stepping
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.instrument import Instrument
from steelyard.domain.units import in_full

STAGE_ROWS = 1 << 18


class Conflict(UsageError):
    """Two rows of one identity say different things."""


# By a symbol: the instrument whose steps are taken, None for steps derived from the data; and who
# chose it: listed, given, derived.
Choose = Callable[[str], tuple[Instrument | None, str]]


class Merge(NamedTuple):
    """How rows are brought in."""

    choose: Choose
    clock: str  # venue, recorder
    rounds: bool = False
    replaces: bool = False  # a new row takes the place of one that contradicts it


class Done(NamedTuple):
    """What an import did."""

    key: Key
    added: int
    repeated: int
    replaced: int
    rounded: int
    rounded_levels: int
    manifest: Manifest
    damaged: int = 0  # files that could not be read, and were written anew
    again: tuple[str, ...] = ()  # other sources whose rows those had: to be imported again


class _Stage(NamedTuple):
    file: Path
    rows: int
    first_ns: int
    last_ns: int
    price_decimals: int
    size_decimals: int
    numbers: tuple[int, int] = (0, 0)  # the least and the greatest, where they have any


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold a catalog for writing.

    Raises:
        ConfigError: Another process does, or it cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with (root / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(
                    f"another process writes into the catalog {root}; wait until it is done"
                ) from None
            yield
    except OSError as error:
        raise ConfigError(f"the catalog {root} cannot be written: {error.strerror}") from error


class Staging:
    """Rows of one source on their way into a catalog. Use it within `locked`."""

    def __init__(self, root: Path, merge: Merge) -> None:
        self._root, self._merge = root, merge
        self._folder = root / f".stage-{os.getpid()}"
        self._waiting: dict[Key, list[Rows]] = {}
        self._stages: dict[Key, list[_Stage]] = {}
        self._count = 0

    def __enter__(self) -> Self:
        for left in self._root.glob(".stage-*"):  # of one that was killed: the catalog is locked
            shutil.rmtree(left, ignore_errors=True)
        self._folder.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def keys(self) -> list[Key]:
        """Which datasets the rows belong to."""
        return sorted({*self._stages, *self._waiting})

    def take(self, key: Key, rows: Rows) -> None:
        """Take some rows of one dataset."""
        waiting = self._waiting.setdefault(key, [])
        if waiting and (waiting[0].price_decimals, waiting[0].size_decimals) != (
            rows.price_decimals,
            rows.size_decimals,
        ):
            self._flush(key)
            waiting = self._waiting.setdefault(key, [])
        waiting.append(rows)
        if sum(len(each.frame) for each in waiting) >= STAGE_ROWS:
            self._flush(key, keeps_last=True)

    def commit(
        self, source: Callable[[Key], Imported], missing: Iterable[Missing] = ()
    ) -> list[Done]:
        """Merge what was taken into the catalog, a dataset at a time.

        Args:
            source: What the manifest is to say of the source, counts of rows aside.
            missing: What the source said is not there.

        Raises:
            Conflict: A row contradicts another.
            UsageError: A value is off the steps, or there are no exact steps.
        """
        for key in list(self._waiting):
            self._flush(key)
        missing = tuple(missing)
        try:
            done = [
                self._merged(key, replace(source(key), datasets=len(self.keys)), missing)
                for key in self.keys
            ]
        except BaseException:
            for key in self.keys:
                folder = key.folder(self._root)
                sweep(folder, read(folder))
            raise
        # Only now does anything change: what was written until here no manifest names.
        for each in done:
            write(each.key.folder(self._root), each.manifest)
        return done

    # -- staging ------------------------------------------------------------------------------

    def _flush(self, key: Key, *, keeps_last: bool = False) -> None:
        """Write what waits; keeps_last leaves out the last moment, of which more may follow."""
        waiting = self._waiting.pop(key, [])
        if not waiting:
            return
        frame = pl.concat([each.frame for each in waiting]).sort(
            ORDER[key.kind], maintain_order=True
        )
        if not len(frame):
            return
        if keeps_last:
            # Stages of a file in order do not touch, so that each is merged by itself.
            is_last = pl.col(TIME[key.kind]) == pl.col(TIME[key.kind]).last()
            rest = frame.filter(is_last)
            if len(rest) < len(frame):
                self._waiting[key] = [waiting[0]._replace(frame=rest)]
                frame = frame.head(len(frame) - len(rest))
        self._count += 1
        path = self._folder / f"{self._count}.parquet"
        write_table(frame, path, compression="lz4", statistics=False)
        time_ns = frame[TIME[key.kind]]
        stage = _Stage(
            path,
            len(frame),
            int(time_ns[0]),
            int(time_ns[-1]),
            waiting[0].price_decimals,
            waiting[0].size_decimals,
            _numbers(key, frame),
        )
        self._stages.setdefault(key, []).append(stage)

    # -- merging ------------------------------------------------------------------------------

    def _merged(self, key: Key, source: Imported, missing: tuple[Missing, ...]) -> Done:
        folder = key.folder(self._root)
        old = read(folder)
        new = self._stages[key]
        manifest, factors = self._founded(key, old, new)
        stretches = (Stretch(stage.first_ns, stage.last_ns, *stage.numbers) for stage in new)
        check_numbers(key, old.parts if old else (), stretches)
        counts = _Counts()
        # What comes again may mend what is damaged; another file may not throw it away.
        mends = self._merge.replaces or source.sha256 in {s.sha256 for s in manifest.sources}
        prepare = _Preparation(manifest, self._merge, counts, folder, mends=mends)
        writer = PartWriter(key, folder)
        pieces: list[Part | _Stage] = [*(old.parts if old else ()), *new]
        pieces.sort(key=lambda piece: (piece.first_ns, piece.last_ns))
        is_fine = factors == (1, 1)
        groups = list(_overlapping(pieces))
        for place, group in enumerate(groups):
            piece = group[0]
            near = [*groups[max(place - 1, 0) : place], *groups[place + 1 : place + 2]]
            may_stay = isinstance(piece, Part) and len(group) == 1 and is_fine
            if isinstance(piece, Part) and may_stay and not _would_share(key, piece, near):
                writer.keep(piece)
                continue
            for span in _spans(key, group):
                frames = [prepare.load(piece, factors, span) for piece in group]
                rows = _together(key, frames, self._merge, counts)
                if len(rows):
                    writer.add(rows)
        written = writer.finish()
        length_ns = interval_ns(key.interval) if key.interval else 0
        total = sum(part.rows for part in written)
        had = (old.rows if old else 0) - sum(part.rows for part in counts.damaged)
        others = tuple(s for s in manifest.sources if s.sha256 != source.sha256)
        spans = [(part.first_ns, part.last_ns) for part in counts.damaged]
        again = tuple(s.file for s in marked(others, spans) if not s.is_whole)
        if counts.replaced:
            spans.append((source.first_ns, source.last_ns))
        named = _still_missing(key, folder, (*manifest.missing, *missing), written)
        source = replace(
            source,
            repeated=counts.repeated,
            replaced=counts.replaced,
            rounded=counts.rounded,
            rounded_levels=counts.levels,
        )
        manifest = replace(
            manifest,
            rows=total,
            first_ns=written[0].first_ns,
            last_ns=written[-1].last_ns,
            parts=tuple(written),
            missing=named,
            gaps=all_gaps(key.kind, written, named, length_ns),
            sources=(*marked(others, spans), source),
        )
        return Done(
            key,
            total - had,
            counts.repeated,
            counts.replaced,
            counts.rounded,
            counts.levels,
            manifest,
            len(counts.damaged),
            again if counts.damaged else (),
        )

    def _founded(
        self, key: Key, old: Manifest | None, new: list[_Stage]
    ) -> tuple[Manifest, tuple[int, int]]:
        """Return the manifest to go on from, and by what its numbers are to be multiplied."""
        merge = self._merge
        if old is not None and old.clock != merge.clock:
            raise UsageError(
                f"{key.name} goes by the {old.clock}'s clock, this file by the {merge.clock}'s: "
                "one dataset has one clock. Import it under another name: --venue "
                f"{key.venue}-{merge.clock}"
            )
        instrument, steps = merge.choose(key.symbol)
        if instrument is not None:
            if old is not None and not _same_steps(old.instrument, instrument):
                raise UsageError(
                    f"{key.name} has steps {old.tick_size} and {old.lot_size} ({old.steps}), not "
                    f"{in_full(instrument.tick_size)} and {in_full(instrument.lot_size)}; give "
                    "those, or another --venue or --catalog"
                )
            return old or _new(key, merge.clock, steps, instrument), (1, 1)
        price_decimals = max(stage.price_decimals for stage in new)
        size_decimals = max(stage.size_decimals for stage in new)
        if old is None:
            instrument = derived(key.symbol, Step(1, price_decimals), Step(1, size_decimals))
            return _new(key, merge.clock, steps, instrument), (1, 1)
        if old.steps != "derived":
            return old, (1, 1)
        tick, lot = old.tick, old.lot
        finer = (max(tick.decimals, price_decimals), max(lot.decimals, size_decimals))
        factors = (10 ** (finer[0] - tick.decimals), 10 ** (finer[1] - lot.decimals))
        if factors == (1, 1):
            return old, factors
        instrument = derived(key.symbol, Step(1, finer[0]), Step(1, finer[1]))
        return _with(old, instrument), factors


def name_missing(root: Path, key: Key, missing: Iterable[Missing]) -> Manifest | None:
    """Let a dataset say what a source does not have; None where there is no dataset."""
    with locked(root):
        folder = key.folder(root)
        old = read(folder)
        if old is None:
            return None
        parts = list(old.parts)
        named = _still_missing(key, folder, (*old.missing, *missing), parts)
        length_ns = interval_ns(key.interval) if key.interval else 0
        gaps = all_gaps(key.kind, parts, named, length_ns)
        manifest = replace(old, missing=named, gaps=gaps)
        write(folder, manifest)
        return manifest


class _Counts:
    """What happened to rows on their way."""

    def __init__(self) -> None:
        self.repeated = self.replaced = self.rounded = self.levels = 0
        self.damaged: list[Part] = []


class _Preparation:
    """Loads pieces, staged or in place, in the dataset's steps."""

    def __init__(
        self, manifest: Manifest, merge: Merge, counts: _Counts, folder: Path, *, mends: bool
    ) -> None:
        self._manifest, self._mends = manifest, mends
        self._key, self._tick, self._lot = manifest.key, manifest.tick, manifest.lot
        self._merge, self._counts, self._folder = merge, counts, folder

    def load(self, piece: "Part | _Stage", factors: tuple[int, int], span: "_Span") -> pl.DataFrame:
        """Return a piece's rows of a span of time."""
        path = self._folder / piece.file if isinstance(piece, Part) else piece.file
        scan = pl.scan_parquet(path, hive_partitioning=False)
        if span is not None:
            time = pl.col(TIME[self._key.kind])
            scan = scan.filter((time >= span[0]) & (time < span[1]))
        try:
            frame = scan.collect()
        except UNREADABLE as error:
            if not isinstance(piece, Part):
                raise
            if not self._mends:
                raise unreadable(self._folder, self._manifest, piece, error) from error
            if (why := refused(self._folder, piece)) is not None:
                raise why from error
            if piece not in self._counts.damaged:
                self._counts.damaged.append(piece)
            frame = empty(self._key.kind)
        if isinstance(piece, Part):
            scaled = [pl.col(c) * factors[0] for c in PRICES[self._key.kind]]
            scaled += [pl.col(c) * factors[1] for c in SIZES[self._key.kind]]
            return (frame if factors == (1, 1) else frame.with_columns(scaled)).with_columns(
                is_new=pl.lit(value=False)
            )
        rows = Rows(self._key.kind, frame, piece.price_decimals, piece.size_decimals, 0)
        steps = Stepping(self._key.name, self._tick, self._lot, rounds=self._merge.rounds)
        frame = steps.of(rows)
        self._counts.rounded += steps.rounded
        self._counts.levels += steps.levels
        return frame.with_columns(is_new=pl.lit(value=True))


def _numbers(key: Key, frame: pl.DataFrame) -> tuple[int, int]:
    """Return the least and the greatest number that rows have; 0 where they have none."""
    if key.kind is Kind.BARS:
        return 0, 0
    numbered = frame[NUMBER[key.kind]]
    numbered = numbered.filter(numbered > 0)
    return (int(numbered.min()), int(numbered.max())) if len(numbered) else (0, 0)  # type: ignore[arg-type]


_Span = tuple[int, int] | None  # [from_ns, to_ns); None: all


def _spans(key: Key, group: list["Part | _Stage"]) -> Iterator[_Span]:
    """Yield the spans in which overlapping pieces are merged: large ones by their partitions."""
    if sum(piece.rows for piece in group) <= 2 * partitions.PART_ROWS:
        yield None
        return
    ends = np.array([group[0].first_ns, max(piece.last_ns for piece in group)])
    first, last = dates_of(key, ends).tolist()
    for number in range(first, last + 1):
        yield begins_ns(key, number), begins_ns(key, number + 1)


def _overlapping(pieces: list["Part | _Stage"]) -> Iterator[list["Part | _Stage"]]:
    """Yield pieces in order, those together whose times overlap or touch."""
    group: list[Part | _Stage] = []
    end_ns = 0
    for piece in pieces:
        if group and piece.first_ns > end_ns:
            yield group
            group = []
        group.append(piece)
        end_ns = max(end_ns, piece.last_ns) if len(group) > 1 else piece.last_ns
    if group:
        yield group


def _would_share(key: Key, part: Part, near: list[list["Part | _Stage"]]) -> bool:
    """Whether a file is small and what comes before or after it could be in it."""
    if part.rows >= partitions.PART_ROWS // 2:
        return False
    times = [part.first_ns, *(t for group in near for p in group for t in (p.first_ns, p.last_ns))]
    dates = dates_of(key, np.array(times))
    return bool((dates[1:] == dates[0]).any())


def _together(key: Key, frames: list[pl.DataFrame], merge: Merge, counts: _Counts) -> pl.DataFrame:
    """Return the rows of several frames as one, in order, each once."""
    kind = key.kind
    rows = pl.concat(frames)
    if kind is Kind.BARS:
        identity = ["open_ns"]
        values = [name for name in COLUMNS[kind] if name != "open_ns"]
    else:
        number = NUMBER[kind]
        rows = rows.with_columns(
            identity=pl.when(pl.col(number) != 0).then(number).otherwise("time_ns"),
            is_numbered=pl.col(number) != 0,
        )
        identity = ["is_numbered", "identity", "nth"]
        if kind is Kind.DEPTH:
            identity.insert(2, "first_id")  # a snapshot has the number of its last change
        told = {"time_ns", "venue_ns", *identity, number}
        values = [name for name in COLUMNS[kind] if name not in told]
    rows = rows.sort([*identity, "is_new"], maintain_order=True)
    # Where consecutive rows have one identity, the later is the new one or the second of its file.
    same = pl.all_horizontal(*(pl.col(name) == pl.col(name).shift(1) for name in identity))
    rows = rows.with_columns(is_same=same.fill_null(value=False))
    if rows["is_same"].any():
        other = pl.any_horizontal(*(pl.col(name) != pl.col(name).shift(1) for name in values))
        rows = rows.with_columns(is_other=pl.col("is_same") & other.fill_null(value=False))
        conflicts = int(rows["is_other"].sum())
        if conflicts and not merge.replaces:
            raise _conflict(key, rows, values, conflicts)
        counts.replaced += conflicts
        counts.repeated += int(rows["is_same"].sum()) - conflicts
        kept = ~pl.col("is_same")
        if conflicts:
            kept = ~pl.col("is_same").shift(-1, fill_value=False)  # the last of each
        rows = rows.filter(kept)
    return rows.select(*COLUMNS[kind]).sort(ORDER[kind], maintain_order=True)


def _conflict(key: Key, rows: pl.DataFrame, values: list[str], conflicts: int) -> Conflict:
    at = int(rows["is_other"].arg_true()[0])
    before, after = rows.row(at - 1, named=True), rows.row(at, named=True)
    time_ns = after[TIME[key.kind]]
    number = NUMBER.get(key.kind)
    which = f"{number} {after[number]} of " if number and after[number] else ""
    differing = ", ".join(
        f"{name} {before[name]} and {after[name]}" for name in values if before[name] != after[name]
    )
    return Conflict(
        f"{key.name}: {which}{shown(time_ns)} ({time_ns} ns) is told in two ways: {differing}; "
        f"{conflicts} such rows. Nothing was imported. --replace takes the newer source's"
    )


def _new(key: Key, clock: str, steps: str, instrument: Instrument) -> Manifest:
    manifest = Manifest(
        FORMAT,
        key.kind,
        key.venue,
        key.symbol,
        key.interval,
        clock,
        steps,
        "",
        "",
        instrument,
    )
    return _with(manifest, instrument)


def _with(manifest: Manifest, instrument: Instrument) -> Manifest:
    return replace(
        manifest,
        instrument=instrument,
        tick_size=in_full(instrument.tick_size),
        lot_size=in_full(instrument.lot_size),
    )


def _same_steps(one: Instrument, other: Instrument) -> bool:
    return (one.lot_atoms, one.tick_lot_atoms) == (other.lot_atoms, other.tick_lot_atoms)


def _still_missing(
    key: Key, folder: Path, missing: tuple[Missing, ...], parts: list[Part]
) -> tuple[Missing, ...]:
    """Return what sources named missing and no row has come into since."""
    time = TIME[key.kind]

    def is_empty(each: Missing) -> bool:
        inside = (pl.col(time) >= each.from_ns) & (pl.col(time) < each.to_ns)
        near = [
            part
            for part in parts
            if part.first_ns < each.to_ns
            and part.last_ns >= each.from_ns
            and not is_damaged(folder, part)
        ]
        return all(
            pl.scan_parquet(folder / part.file, hive_partitioning=False)
            .select(inside.any())
            .collect()
            .item()
            is False
            for part in near
        )

    return tuple(each for each in dict.fromkeys(missing) if is_empty(each))
