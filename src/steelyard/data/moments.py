"""Times and intervals of files: what they are in nanoseconds, and in which unit they were told.

Numbers are told apart by their magnitude: seconds, milliseconds, microseconds and nanoseconds since
1970 do not overlap for any date from 1973 to 2286. A time without a zone is UTC.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import polars as pl

from steelyard.data.exact import Ints, NotExact
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import MINUTE_NS, SECOND_NS

DAY_NS = 24 * 60 * MINUTE_NS
INTERVALS_NS = {
    "s": SECOND_NS,
    "m": MINUTE_NS,
    "h": 60 * MINUTE_NS,
    "d": DAY_NS,
    "w": 7 * DAY_NS,
}
COUNT_MAX = 10_000
LAST_NS = 2**63 - 1
_TOO_LATE = "no time before 2262, where nanoseconds end; was another column taken for the time?"


class Unit(StrEnum):
    """In which unit a file tells time."""

    S = "seconds"
    MS = "milliseconds"
    US = "microseconds"
    NS = "nanoseconds"
    TEXT = "dates"


_UNITS = {  # from this magnitude on, below the next one's
    Unit.S: (10**8, SECOND_NS),
    Unit.MS: (10**11, SECOND_NS // 10**3),
    Unit.US: (10**14, SECOND_NS // 10**6),
    Unit.NS: (10**17, 1),
}


class Times(NamedTuple):
    """Moments in nanoseconds, and the unit that they were told in."""

    values_ns: Ints
    unit: Unit


def times(column: pl.Series) -> Times:
    """Return a column of moments: whole numbers, their texts, dates, or texts of dates.

    Raises:
        NotExact: A value is no time, or of another unit than the first.
    """
    if column.null_count():
        raise NotExact(int(column.is_null().arg_true()[0]), "there is no time")
    if column.dtype == pl.String:
        numbers = column.str.strip_chars().cast(pl.Int64, strict=False)
        if numbers.null_count():
            return _dates(column)
        column = numbers
    if column.dtype in (pl.Datetime, pl.Date):
        zoned = column.cast(pl.Datetime("us")) if column.dtype == pl.Date else column
        return _dated(zoned)
    if column.dtype.is_float():
        whole = column.cast(pl.Int64, strict=False)
        if not (whole == column).fill_null(value=False).all():
            raise NotExact(
                int((whole != column).fill_null(value=True).arg_true()[0]),
                "a time is a fraction; write whole milliseconds or nanoseconds",
            )
        column = whole
    if not column.dtype.is_integer():
        raise NotExact(0, f"a column of {column.dtype} is no times")
    return _numbers(column.cast(pl.Int64).to_numpy())


def interval_ns(text: str) -> int:
    """Return an interval such as `1m`, `4h`, `1d`, `1w` in nanoseconds.

    Raises:
        UsageError: Not of that form, or a month, which has no fixed length.
    """
    match = re.fullmatch(r"([0-9]{1,5})([smhdw])", text)
    if match is None or not 1 <= int(match[1]) <= COUNT_MAX:
        why = "; a month has no fixed length" if re.fullmatch(r"[0-9]+(M|mo)", text) else ""
        raise UsageError(f"{text!r} is not an interval; write 1s, 1m, 4h, 1d or 1w{why}")
    return int(match[1]) * INTERVALS_NS[match[2]]


def interval_text(length_ns: int) -> str:
    """Return how an interval is written: the largest unit that divides it.

    Raises:
        UsageError: It is no whole number of seconds.
    """
    for letter in ("d", "h", "m", "s"):
        count, rest = divmod(length_ns, INTERVALS_NS[letter])
        if not rest and count:
            return f"{count}{letter}"
    raise UsageError(f"an interval of {length_ns} ns is no whole number of seconds")


def shown(time_ns: int) -> str:
    """Return a moment for people."""
    return f"{datetime.fromtimestamp(time_ns // SECOND_NS, UTC):%Y-%m-%dT%H:%M:%S}Z"


def guess_interval_ns(open_ns: Ints) -> int | None:
    """Return the shortest step between times; None where there are fewer than two."""
    steps = np.diff(np.unique(open_ns))
    return int(steps.min()) if len(steps) else None


def _numbers(values: Ints) -> Times:
    if not len(values):
        return Times(values, Unit.NS)
    first = abs(int(values[0]))
    unit = next((u for u, (least, _) in reversed(_UNITS.items()) if first >= least), None)
    if unit is None:
        raise NotExact(0, f"{int(values[0])} is no time since 1970 in s, ms, us or ns")
    least, factor = _UNITS[unit]
    magnitude = np.abs(values)
    wrong = np.flatnonzero((magnitude < least) | (magnitude // 1000 >= least))
    if unit is Unit.NS:
        wrong = np.flatnonzero(magnitude < least)
    if len(wrong):
        row = int(wrong[0])
        raise NotExact(row, f"{int(values[row])} is not in {unit} as the times before it are")
    late = np.flatnonzero(magnitude > LAST_NS // factor)
    if len(late):
        raise NotExact(int(late[0]), f"{int(values[int(late[0])])} {unit} is {_TOO_LATE}")
    return Times(values * factor, unit)


def _dates(column: pl.Series) -> Times:
    texts = column.str.strip_chars().str.replace("T", " ", literal=True)
    texts = texts.str.replace(r"(Z|[+-]00:?00)$", "")
    zoned = texts.str.contains(r"[+-][0-9]{2}:?[0-9]{2}$") & texts.str.contains(":")
    if zoned.any():
        raise NotExact(int(zoned.arg_true()[0]), "times have to be in UTC, without an offset")
    texts = texts.str.replace(r"^([0-9]{4}-[0-9]{2}-[0-9]{2})$", "$1 00:00:00")
    texts = texts.str.replace(r"^(.{16})$", "$1:00")
    form = "%Y-%m-%d %H:%M:%S%.f"
    _dated(texts.str.to_datetime(form, time_unit="us", strict=False))
    parsed = texts.str.to_datetime(form, time_unit="ns", strict=False)
    if parsed.null_count():
        row = int(parsed.is_null().arg_true()[0])
        raise NotExact(
            row, f"{column[row][:40]!r} is no time; expected is 2026-11-21 10:30:00 or a number"
        )
    return Times(parsed.dt.epoch("ns").to_numpy(), Unit.TEXT)


def _dated(column: pl.Series) -> Times:
    """Return dates of any unit in nanoseconds."""
    micros = column.dt.epoch("us")
    late = (micros.abs() > LAST_NS // 1000).fill_null(value=False)
    if late.any():
        row = int(late.arg_true()[0])
        raise NotExact(row, f"{column.dt.to_string()[row]} is {_TOO_LATE}")
    return Times(column.dt.epoch("ns").to_numpy(), Unit.TEXT)
