"""Importing a file into a catalog: read, staged, committed, or refused as a whole.

The same file again is seen by its hash and passed over, so a run over many files that was cut short
is simply run again. It is not where its rows are no longer what the catalog has: where others took
their place, or their file is damaged.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from steelyard.data.damage import is_damaged
from steelyard.data.exact import Step, step_of
from steelyard.data.files import verified
from steelyard.data.instruments import derived
from steelyard.data.manifest import Imported, Key, Manifest, datasets
from steelyard.data.reading import Clip, Wanted
from steelyard.data.sources import Source, open_source
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
        reading = open_source(path, wanted)
        if not replaces and _was_there(root, digest, reading, wanted):
            return Report(path, digest, reading.form, was_there=True)
        if (steps.tick is not None or steps.lot is not None) and len(reading.symbols) > 1:
            raise UsageError(
                f"{path} is of several markets ({', '.join(sorted(reading.symbols))}), which have "
                "steps of their own: import one at a time, by --symbol"
            )

        def choose(symbol: str) -> tuple[Instrument | None, str]:
            return chosen(symbol, steps, listed or {})

        clip = common_clip([choose(symbol)[0] for symbol in reading.symbols], rounds=steps.rounds)
        merge = Merge(choose, reading.clock, rounds=steps.rounds, replaces=replaces)
        with Staging(root, merge) as staging:
            spans: dict[Key, tuple[int, int, int]] = {}
            for key, rows in reading.rows(clip):
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


def chosen(symbol: str, steps: Steps, listed: Listed) -> tuple[Instrument | None, str]:
    """Return the instrument whose steps are taken, and who chose it; None: derived from the data.

    Raises:
        UsageError: Only one of tick and lot was given, and nothing is listed; or there are no steps
            to round to.
    """
    known = listed.get(symbol)
    if steps.tick is not None or steps.lot is not None:
        tick, lot = steps.tick, steps.lot
        if known is not None:
            tick = tick or step_of(known.tick_size)
            lot = lot or step_of(known.lot_size)
        if tick is None or lot is None:
            raise UsageError(f"{symbol} is not listed: give both --tick and --lot, or neither")
        return derived(symbol, tick, lot), "given"
    if known is not None and steps.choice == "listed":
        return replace(known, instrument_id=0), "listed"
    if steps.rounds:
        raise UsageError(f"{symbol}: --round needs steps to round to; give --tick and --lot")
    return None, "derived"


def common_clip(instruments: Sequence[Instrument | None], *, rounds: bool) -> Clip:
    """Return how many decimals matter where numbers are going to be rounded; None: all."""
    known = [instrument for instrument in instruments if instrument is not None]
    if not rounds or not known:
        return (None, None)
    return (
        max(step_of(instrument.tick_size).decimals for instrument in known) + 1,
        max(step_of(instrument.lot_size).decimals for instrument in known) + 1,
    )


def _was_there(root: Path, digest: str, reading: Source, wanted: Wanted) -> bool:
    """Whether a file of this hash was imported whole, as what it is wanted for now."""
    there = [
        (manifest, source)
        for manifest in datasets(root)
        for source in manifest.sources
        if source.sha256 == digest and manifest.venue == reading.venue
    ]
    wants = {wanted.kind} if wanted.kind else set()
    return (
        bool(there)
        and len(there) >= max(source.datasets for _, source in there)
        and all(is_kept(root, manifest, source) for manifest, source in there)
        and reading.symbols <= {manifest.symbol for manifest, _ in there}
        and wants <= {manifest.kind for manifest, _ in there}
    )


def is_kept(root: Path, manifest: Manifest, source: Imported) -> bool:
    """Whether the rows of a source are still there."""
    folder = manifest.key.folder(root)
    return source.is_whole and not any(
        is_damaged(folder, part)
        for part in manifest.parts
        if source.first_ns <= part.last_ns and source.last_ns >= part.first_ns
    )


def _widened(span: tuple[int, int, int] | None, times: object) -> tuple[int, int, int]:
    count, first, last = len(times), int(times.min()), int(times.max())  # type: ignore[attr-defined, arg-type]
    if span is None:
        return count, first, last
    return span[0] + count, min(span[1], first), max(span[2], last)
