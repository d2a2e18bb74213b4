"""One file for one run, without a catalog: `steelyard backtest --data FILE`.

What it gives is what an import into an empty catalog would: the same rows in the same steps, the
same gaps named. A file of events is read as often as its blocks are asked for, and never whole.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from steelyard.backtest.columns import BarColumns, Source, Tape, check_bars
from steelyard.data.exact import Step, step_of
from steelyard.data.files import verified
from steelyard.data.gaps import Edge, edges, gap_between, gaps_in, joined
from steelyard.data.importing import Listed, Steps, chosen, common_clip
from steelyard.data.instruments import derived
from steelyard.data.kinds import BOOK_KINDS, Kind
from steelyard.data.manifest import Gap, Key
from steelyard.data.moments import interval_ns
from steelyard.data.reading import Wanted
from steelyard.data.shapes import Rows
from steelyard.data.sources import Source as DataSource
from steelyard.data.sources import open_source
from steelyard.data.stepping import Stepping
from steelyard.data.timeline import Block, Events, ordered, played, rows_of
from steelyard.data.touches import GUESS, with_touches
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Instrument

BARS_MAX = 50_000_000  # of one file; a catalog has no such bound


class Loaded(NamedTuple):
    """Bars, or a tape, and where they came from."""

    data: BarColumns | Tape
    source: Source
    notes: tuple[str, ...]


class _Seen(NamedTuple):
    keys: tuple[Key, ...]
    price_decimals: int
    size_decimals: int
    gaps: tuple[Gap, ...]
    bars: tuple[Rows, ...]
    span_ns: tuple[int, int]  # of a tape


def load(
    path: Path,
    wanted: Wanted = Wanted(),  # noqa: B008 a tuple of nothing
    *,
    steps: Steps = Steps(),  # noqa: B008 a tuple of nothing
    listed: Listed | None = None,
) -> Loaded:
    """Return what is in a file: bars where it has them, else a tape.

    Raises:
        UsageError: It cannot be taken as it is.
    """
    digest = verified(path)
    source = open_source(path, wanted)
    if len(source.symbols) != 1:
        raise UsageError(
            f"{path} is of several markets ({', '.join(sorted(source.symbols))}); choose one by "
            "its symbol"
        )
    (symbol,) = source.symbols
    instrument, _ = chosen(symbol, steps, listed or {})
    clip = common_clip([instrument], rounds=steps.rounds)
    seen = _seen(source, clip)
    if not seen.keys:
        raise UsageError(f"{path} has no rows{source.nothing}")
    if instrument is None:
        instrument = derived(symbol, Step(1, seen.price_decimals), Step(1, seen.size_decimals))
    said = Source(path.name, digest, seen.gaps)
    notes = tuple(source.notes)
    if seen.keys[0].kind is Kind.BARS:
        return Loaded(_bars(seen, instrument, rounds=steps.rounds), said, notes)
    made = _Lazy(path, wanted, instrument, clip, rounds=steps.rounds)
    has_book = any(key.kind in BOOK_KINDS for key in seen.keys)
    tape = Tape(
        instrument,
        made.events if has_book else lambda: with_touches(made.events()),
        made.local if source.clock == "recorder" and has_book else None,
        seen.span_ns,
        "" if has_book else GUESS,
    )
    return Loaded(tape, said, notes)


def _seen(source: DataSource, clip: tuple[int | None, int | None]) -> _Seen:
    keys: dict[Key, Edge] = {}
    gaps: list[Gap] = []
    prices = sizes = 0
    bars: list[Rows] = []
    times: list[int] = []
    for key, rows in source.rows(clip):
        if not len(rows.frame):
            continue
        prices, sizes = max(prices, rows.price_decimals), max(sizes, rows.size_decimals)
        if key.kind is Kind.BARS:
            bars.append(rows)
            if sum(len(each.frame) for each in bars) > BARS_MAX:
                raise UsageError(
                    f"{source.path} has more than {BARS_MAX} bars; import it into a catalog"
                )
            keys[key] = Edge(0, 0)
            continue
        first, last = edges(key.kind, rows.frame)
        if key in keys and (between := gap_between(key.kind, keys[key], first)):
            gaps.append(between)
        gaps += gaps_in(key.kind, rows.frame)
        keys[key] = last
        times += [first.time_ns, last.time_ns]
        times = [min(times), max(times)]
    gaps += [(each.from_ns, each.to_ns) for each in source.missing]
    if bars:
        (key,) = keys
        opens = np.unique(np.concatenate([rows.frame["open_ns"].to_numpy() for rows in bars]))
        frame = pl.DataFrame({"open_ns": opens})
        gaps += gaps_in(Kind.BARS, frame, interval_ns(key.interval))
    span_ns = (times[0], times[-1]) if times else (0, 0)
    return _Seen(tuple(keys), prices, sizes, joined(gaps), tuple(bars), span_ns)


def _bars(seen: _Seen, instrument: Instrument, *, rounds: bool) -> BarColumns:
    steps = _stepping(instrument, rounds=rounds)
    frames = [steps.of(rows) for rows in seen.bars]
    rows = pl.concat(frames).unique(maintain_order=True).sort("open_ns", maintain_order=True)
    columns = [np.ascontiguousarray(rows[name].to_numpy()) for name in rows.columns]
    bars = BarColumns(instrument, interval_ns(seen.keys[0].interval), *columns)
    check_bars(bars)
    return bars


class _Lazy:
    """Begins a file anew each time its events are asked for."""

    def __init__(
        self,
        path: Path,
        wanted: Wanted,
        instrument: Instrument,
        clip: tuple[int | None, int | None],
        *,
        rounds: bool,
    ) -> None:
        self._path, self._wanted = path, wanted
        self._instrument, self._clip, self._rounds = instrument, clip, rounds

    def events(self) -> Iterator[Events]:
        for block in self._blocks():
            yield block.events

    def local(self) -> Iterator[np.ndarray]:
        for block in self._blocks():
            yield block.local_ns

    def _blocks(self) -> Iterator[Block]:
        source = open_source(self._path, self._wanted)
        yield from played(self._batches(source), source.clock)

    def _batches(self, source: DataSource) -> Iterator[Events]:
        steps = _stepping(self._instrument, rounds=self._rounds)
        # What was read together has one first row: rows of several kinds are put in order.
        for _, together in groupby(source.rows(self._clip), key=lambda item: item[1].first_row):
            batches = [
                rows_of(key.kind, steps.of(rows)) for key, rows in together if len(rows.frame)
            ]
            if batches:
                yield ordered(batches)


def _stepping(instrument: Instrument, *, rounds: bool) -> Stepping:
    tick, lot = step_of(instrument.tick_size), step_of(instrument.lot_size)
    return Stepping(instrument.symbol, tick, lot, rounds=rounds)
