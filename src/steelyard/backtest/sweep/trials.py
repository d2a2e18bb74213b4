"""The record of a sweep: one line for what it is, and one for each trial that has ended.

A trial is a place in the space over a span of time; what came of it is figures, or the text of why
there are none. A line is JSON and ends with a newline; a last line without one was cut short by a
crash and is not counted. Lines stand in the order in which trials ended, which means nothing; the
key does. Who writes them, and where, is the roof's business.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from steelyard.backtest.sweep.figures import Figures
from steelyard.backtest.sweep.space import At
from steelyard.backtest.sweep.splits import Span
from steelyard.domain.errors import ConfigError

VERSION = 1
FAILURE_MAX = 8_000  # characters of a traceback that are kept: its end

T = TypeVar("T")


class Part(StrEnum):
    """What a trial is for."""

    TRAIN = "train"  # to choose by; without walk-forward all are
    TEST = "test"  # of what was chosen, on what nothing was chosen by


class Key(NamedTuple):
    """Which trial: they are counted within a fold."""

    fold: int
    part: Part
    number: int


class Job(NamedTuple):
    """A trial to be run."""

    key: Key
    at: At
    span: Span


class Row(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A trial that has ended. seconds and worker are about the run and no part of its result."""

    fold: int = 0
    part: Part = Part.TRAIN
    number: int
    at: tuple[int, ...]
    params: dict[str, Any]
    start_ns: int
    end_ns: int
    figures: dict[str, float | None] | None = None
    failure: str | None = None
    seconds: float = 0.0
    worker: str = ""

    @property
    def key(self) -> Key:
        """Which trial it is of."""
        return Key(self.fold, self.part, self.number)


class Header(Struct, frozen=True, kw_only=True):
    """The first line: what the trials are of. A sweep goes on only where identity is the same."""

    sweep: int = VERSION
    program: str  # which steelyard began it
    identity: dict[str, str]  # of each part: text if it is short, else its sha256


class Record(NamedTuple):
    """A file that was read. good_bytes is where the next line goes."""

    header: Header
    rows: dict[Key, Row]
    good_bytes: int


def row_of(
    job: Job,
    params: dict[str, Any],
    result: Figures | str,
    seconds: float = 0.0,
    worker: str = "",
) -> Row:
    """Return the row of a trial that ended with figures, or with the text of a failure."""
    return Row(
        fold=job.key.fold,
        part=job.key.part,
        number=job.key.number,
        at=job.at,
        params=params,
        start_ns=job.span.start_ns,
        end_ns=job.span.end_ns,
        figures=None if isinstance(result, str) else result,
        failure=result[-FAILURE_MAX:] if isinstance(result, str) else None,
        seconds=seconds,
        worker=worker,
    )


def line(entry: Header | Row) -> bytes:
    """Return an entry as a line."""
    return msgspec.json.encode(entry) + b"\n"


def read(content: bytes) -> Record | None:
    """Return what a file holds; None where not even its first line is whole.

    Raises:
        ConfigError: A whole line is none of ours, or the file is of another version.
    """
    good_bytes = content.rfind(b"\n") + 1
    lines = content[:good_bytes].splitlines()
    if not lines:
        return None
    header = _decoded(lines[0], Header, 1)
    if header.sweep != VERSION:
        raise ConfigError(
            f"trials of version {header.sweep}; this program writes {VERSION}. "
            "Go on with the program that began them, or start anew with --anew"
        )
    rows: dict[Key, Row] = {}
    for number, text in enumerate(lines[1:], 2):
        row = _decoded(text, Row, number)
        rows.setdefault(row.key, row)
    return Record(header, rows, good_bytes)


def changed(before: Header, now: Header) -> list[str]:
    """Return which parts of a sweep's identity are not what they were, in words."""
    names = sorted(before.identity.keys() | now.identity.keys())
    return [
        _difference(name, before.identity.get(name), now.identity.get(name))
        for name in names
        if before.identity.get(name) != now.identity.get(name)
    ]


def failures(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return failed trials by the last line of what they said, the most frequent first."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.failure is not None:
            found.setdefault(last_line(row.failure), []).append(row)
    return dict(sorted(found.items(), key=lambda pair: -len(pair[1])))


def last_line(failure: str) -> str:
    """Return the line of a traceback that says what it was."""
    lines = [text for text in failure.splitlines() if text.strip()]
    return lines[-1].strip() if lines else "it said nothing"


def _decoded(text: bytes, kind: type[T], number: int) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"line {number} is no record of a trial: {error}; start anew with --anew"
        ) from error


def _difference(name: str, before: str | None, now: str | None) -> str:
    short = 40
    if before is None or now is None or len(before) > short or len(now) > short:
        return name
    return f"{name} ({before} before, {now} now)"
