"""Importing a file into a catalog: read, staged, committed, or refused as a whole.

The same file again is seen by its hash and passed over, so a run over many files that was cut short
is simply run again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from steelyard.data.exact import Step, step_of
from steelyard.data.files import verified
from steelyard.data.instruments import derived
from steelyard.data.manifest import Imported, Key, datasets
from steelyard.data.reading import Clip, Wanted
from steelyard.data.sources import open_source
from steelyard.data.writing import Done, Merge, Staging, locked
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Instrument

Listed = Mapping[str, Instrument]  # by symbol


class Steps(NamedTuple):
    """Whose price and size steps a dataset gets.

    With `choice` listed, what is listed is taken and anything else derived from the data; derived
    ignores the listing. tick and lot are the user's own.
    """

    choice: str = "listed"
    tick: Step | None = None
    lot: Step | None = None
    rounds: bool = False


class Report(NamedTuple):
    """What came of one file."""

    path: Path
    sha256: str
    form: str
    was_there: bool
    done: tuple[Done, ...] = ()
    notes: tuple[str, ...] = ()


def import_file(
    root: Path,
    path: Path,
    wanted: Wanted,
    *,
    now_ns: int,
    version: str = "",
    steps: Steps = Steps(),  # noqa: B008 a tuple of nothing
    listed: Listed | None = None,
    replaces: bool = False,
) -> Report:
    """Bring a file into a catalog.

    Args:
        root: The catalog's folder; made if it is not there.
        path: The file.
        wanted: What it does not say of itself.
        now_ns: The time, for the manifest.
        version: Of steelyard, likewise.
        steps: Which steps its numbers are to be in.
        listed: Instruments whose steps are known, by symbol.
        replaces: Let its rows take the place of those that they contradict.

    Raises:
        UsageError: It cannot be taken as it is; nothing has changed then.
    """
    digest = verified(path)
    with locked(root):
        known = {s.sha256: m for m in datasets(root) for s in m.sources}
        reading = open_source(path, wanted)
        same = known.get(digest)
        if same is not None and same.symbol in reading.symbols and same.venue == reading.venue:
            return Report(path, digest, reading.form, was_there=True)
        instrument, choice = chosen(reading.symbols, steps, listed or {})
        if steps.rounds and instrument is None:
            raise UsageError(
                f"{path}: --round needs steps to round to; give them by --tick and --lot"
            )
        merge = Merge(instrument, choice, reading.clock, rounds=steps.rounds, replaces=replaces)
        with Staging(root, merge) as staging:
            spans: dict[Key, tuple[int, int, int]] = {}
            for key, rows in reading.rows(clip_of(instrument, rounds=steps.rounds)):
                staging.take(key, rows)
                spans[key] = _widened(spans.get(key), rows.frame.to_series(0))
            if not spans:
                raise UsageError(f"{path} has no rows{reading.nothing}")

            def source(key: Key) -> Imported:
                count, first_ns, last_ns = spans[key]
                return Imported(
                    path.name,
                    digest,
                    reading.form,
                    count,
                    first_ns,
                    last_ns,
                    reading.time_unit,
                    imported_ns=now_ns,
                    version=version,
                )

            done = staging.commit(source, reading.missing)
        notes = tuple(reading.notes)
        return Report(path, digest, reading.form, was_there=False, done=tuple(done), notes=notes)


def chosen(symbols: frozenset[str], steps: Steps, listed: Listed) -> tuple[Instrument | None, str]:
    """Return the instrument whose steps are taken, and who chose it; None: derived from the data.

    Raises:
        UsageError: Only one of tick and lot was given, and nothing is listed.
    """
    symbol = next(iter(symbols)) if len(symbols) == 1 else ""
    known = listed.get(symbol)
    if steps.tick is not None or steps.lot is not None:
        tick, lot = steps.tick, steps.lot
        if (tick is None or lot is None) and known is None:
            raise UsageError(
                f"{symbol or 'this'} is not listed: give both --tick and --lot, or neither"
            )
        if not symbol:
            raise UsageError("the file is of several markets: import one at a time, by --symbol")
        if known is not None:
            tick = tick or step_of(known.tick_size)
            lot = lot or step_of(known.lot_size)
        assert tick is not None
        assert lot is not None
        return derived(symbol, tick, lot), "given"
    if known is not None and steps.choice == "listed":
        return replace(known, instrument_id=0), "listed"
    return None, "derived"


def clip_of(instrument: Instrument | None, *, rounds: bool) -> Clip:
    """Return how many decimals matter where numbers are going to be rounded."""
    if instrument is None or not rounds:
        return (None, None)
    return (
        step_of(instrument.tick_size).decimals + 1,
        step_of(instrument.lot_size).decimals + 1,
    )


def _widened(span: tuple[int, int, int] | None, times: object) -> tuple[int, int, int]:
    count, first, last = len(times), int(times.min()), int(times.max())  # type: ignore[attr-defined, arg-type]
    if span is None:
        return count, first, last
    return span[0] + count, min(span[1], first), max(span[2], last)
