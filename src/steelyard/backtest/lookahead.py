"""Finding out whether a strategy's past depends on its future, or on how far back its data begin.

A class of strategy cannot look ahead: it is handed what has been played. A function of arrays can:
so it is called again on data that end earlier, and what it said then has to be what it says now.
Both may depend on where the data begin (an average of everything, an indicator that never forgets):
so they run again on data that begin later, and have to agree once they have warmed up.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.backtest.columns import BarColumns, Tape
from steelyard.backtest.result import Records
from steelyard.domain.errors import ConfigError

CUTS = 12  # even places at which the data end earlier
CHANGES_MAX = 200  # places right after a change of the target, spread over all of them
BARS_MIN = 20
_SHARE = 4  # data that begin later begin a quarter later

Ints = NDArray[np.int64]


class Finding(NamedTuple):
    """One way in which a result depends on what it should not.

    kind is `look-ahead` or `recursive`; bar is the first row whose answer differs, counted from
    the beginning of all data, share how many of the compared ones do.
    """

    kind: str
    bar: int
    share: float
    text: str


class Checked(NamedTuple):
    """What was found, and at how many places the data were ended."""

    findings: list[Finding]
    tried: int


def cut(bars: BarColumns, first: int, last: int) -> BarColumns:
    """Return the bars from first up to, and not with, last."""
    return BarColumns(
        bars.instrument, bars.interval_ns, *(column[first:last] for column in bars[2:])
    )


def check_signals(targets: Callable[[BarColumns], Ints], bars: BarColumns) -> Checked:
    """Compare what signals say of the same bars when they know more, and when they know less.

    Who peeks at the next bar says the same of all bars but the last one. So the data end where the
    targets change, which is where a peek would have told, and at even places besides.

    Raises:
        ConfigError: There are too few bars to tell.
    """
    count = len(bars)
    _enough(count)
    whole = targets(bars)
    found = []
    ends = ends_for(whole)
    for end in ends:
        part = targets(cut(bars, 0, end))
        if finding := _differs("look-ahead", whole[:end], part, 0, f"data end at bar {end}"):
            found.append(finding)
            break
    first = count // _SHARE
    later = targets(cut(bars, first, count))
    # Whoever forgets has forgotten by the middle of what is left.
    warm = (count - first) // 2
    part = later[warm:]
    text = (
        f"data begin at bar {first}, and {warm} more have gone by (if it only compares sums of "
        "floats that are almost equal, their last digits do that: compare by more than a hair)"
    )
    if finding := _differs("recursive", whole[first + warm :], part, first + warm, text):
        found.append(finding)
    return Checked(found, len(ends))


def check_run(fills: Callable[[BarColumns], Records], bars: BarColumns) -> Checked:
    """Compare the fills of a strategy on all data with those on data that begin and end elsewhere.

    Raises:
        ConfigError: There are too few bars to tell.
    """
    count = len(bars)
    _enough(count)
    whole = _told(fills(bars))
    found = []
    end = count - count // _SHARE
    end_ns = int(bars.open_ns[end - 1]) + bars.interval_ns
    part = _told(fills(cut(bars, 0, end)))
    before = [one for one in whole if one[0] < end_ns]
    if part != before:
        found.append(_of_fills("look-ahead", before, part, bars, f"data end at bar {end}"))
    first = count // _SHARE
    warm_ns = int(bars.open_ns[first + (count - first) // 2])
    later = [one[:3] for one in _told(fills(cut(bars, first, count))) if one[0] >= warm_ns]
    same = [one[:3] for one in whole if one[0] >= warm_ns]
    if later != same:
        found.append(_of_fills("recursive", same, later, bars, f"data begin at bar {first}"))
    return Checked(found, 1)


def check_tape(fills: Callable[[Tape], Records], tape: Tape) -> Checked:
    """Compare the fills of a strategy on a whole tape with those on its first three quarters.

    A finding's `bar` is the number of the first event at or after the first fill that differs.

    Raises:
        ConfigError: The tape is too short to tell.
    """
    if tape.span_ns is None:
        raise ConfigError("this tape does not say when it begins and ends; import it to check it")
    first_ns, last_ns = tape.span_ns
    end_ns = last_ns - (last_ns - first_ns) // _SHARE
    # What happens in the last moment of the shorter one has not all been told there.
    last_ns = max((int(block["time_ns"][-1]) for block in until(tape, end_ns).blocks()), default=0)
    whole, part = (
        [one for one in _told(fills(played)) if one[0] < last_ns]
        for played in (tape, until(tape, end_ns))
    )
    if whole == part:
        return Checked([], 1)
    at, time_ns = _first_difference(whole, part)
    count = 0
    for block in tape.blocks():
        before = int(np.searchsorted(block["time_ns"], time_ns))
        count += before
        if before < len(block):
            break
    share = 1 - at / max(len(whole), len(part))
    text = "the tape ends after three quarters of its time"
    return Checked([Finding("look-ahead", count, share, text)], 1)


def until(tape: Tape, end_ns: int) -> Tape:
    """Return the events of a tape before a moment."""

    def blocks() -> Iterator[NDArray[np.void]]:
        for block in tape.blocks():
            rows = int(np.searchsorted(block["time_ns"], end_ns))
            if rows:
                yield block[:rows]
            if rows < len(block):
                return

    return tape._replace(blocks=blocks, local=None, span_ns=None)


def cuts(count: int) -> list[int]:
    """Return the places at which data of so many bars end earlier: spread, and none round."""
    return sorted({max(2, count * (2 * n + 1) // (2 * CUTS + 1)) for n in range(1, CUTS)})


def ends_for(targets: Ints) -> list[int]:
    """Return the places at which data end to try these targets: after changes, and even ones."""
    changes = np.flatnonzero(np.diff(targets, prepend=0)) + 1
    if len(changes) > CHANGES_MAX:
        changes = changes[np.linspace(0, len(changes) - 1, CHANGES_MAX).astype(np.int64)]
    after = {end for end in changes.tolist() if 2 <= end < len(targets)}  # noqa: PLR2004 as `cuts`
    return sorted(after | set(cuts(len(targets))))


def _enough(count: int) -> None:
    if count < BARS_MIN:
        raise ConfigError(f"{count} bars are too few to check; give at least {BARS_MIN}")


def _differs(kind: str, whole: Ints, part: Ints, offset: int, text: str) -> Finding | None:
    different = np.flatnonzero(whole != part)
    if not len(different):
        return None
    return Finding(kind, offset + int(different[0]), len(different) / len(whole), text)


def _told(fills: Records) -> list[tuple[int, ...]]:
    names = ["time_ns", "side", "size_lots", "price_ticks"]
    columns = [fills[name].tolist() for name in names]
    return list(zip(*columns, strict=True))


def _of_fills(kind: str, whole: list[Any], part: list[Any], bars: BarColumns, text: str) -> Finding:
    at, time_ns = _first_difference(whole, part)
    bar = int(np.searchsorted(bars.open_ns, time_ns, "right")) - 1
    share = 1 - at / max(len(whole), len(part))
    return Finding(kind, bar, share, text)


def _first_difference(whole: list[Any], part: list[Any]) -> tuple[int, int]:
    """Return the place of the first row that differs, and its time in whichever has it first."""
    pairs = zip(whole, part, strict=False)
    at = next(
        (n for n, (one, other) in enumerate(pairs) if one != other), min(len(whole), len(part))
    )
    rows = [side[at] for side in (whole, part) if at < len(side)]
    return at, min(row[0] for row in rows)
