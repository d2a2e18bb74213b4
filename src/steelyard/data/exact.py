"""Columns of numbers as whole numbers of a decimal step, exactly, and the steps that they need.

A column is `values / 10**decimals`, whatever it was written as: text, whole numbers, or binary
floating point. A float stands for the shortest decimal number that it is the nearest float to,
which is what its writer meant; one that is no such number (a sum of others, say) is refused, as
is a number off the step that was given. Rounding happens only where it was asked for, to the
nearest step with halves up, and is counted.
"""

from decimal import Decimal
from math import gcd
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from steelyard.domain.errors import UsageError
from steelyard.domain.units import in_full, plain

Ints = NDArray[np.int64]

DECIMALS_MAX = 12  # an atom; no venue quotes finer
FLOAT_EXACT_MAX = 2**53
INT_MAX = 2**63 - 1

_HINT = "give the step by --tick or --lot, and --round to take the nearest"
_TEXT = r"^-?[0-9]+(\.[0-9]*)?$|^-?\.[0-9]+$"


class Column(NamedTuple):
    """Numbers as `values / 10**decimals`."""

    values: Ints
    decimals: int


class NotExact(UsageError):
    """A value cannot be taken as it stands; `row` is its place in the column."""

    def __init__(self, row: int, what: str) -> None:
        super().__init__(what)
        self.row = row


class Step(NamedTuple):
    """A price or size step, `units / 10**decimals`."""

    units: int
    decimals: int

    @property
    def decimal(self) -> Decimal:
        """The step as people write it."""
        return plain(Decimal(self.units).scaleb(-self.decimals))


def step_of(size: Decimal) -> Step:
    """Return a step from a decimal number.

    Raises:
        UsageError: Not positive, or finer than an atom.
    """
    number = plain(size)
    decimals = -int(number.as_tuple().exponent)
    if number <= 0 or decimals > DECIMALS_MAX:
        raise UsageError(
            f"a step of {in_full(size)} must be positive, with at most {DECIMALS_MAX} decimals"
        )
    return Step(int(number.scaleb(decimals)), decimals)


def common(one: Step, other: Step) -> Step:
    """Return the largest step of which both are multiples."""
    decimals = max(one.decimals, other.decimals)
    units = gcd(
        one.units * 10 ** (decimals - one.decimals), other.units * 10 ** (decimals - other.decimals)
    )
    return step_of(Decimal(units).scaleb(-decimals))


def times_of(step: Step, smaller: Step) -> int:
    """Return how many times a smaller step goes into one that is a multiple of it."""
    decimals = max(step.decimals, smaller.decimals)
    times, rest = divmod(
        step.units * 10 ** (decimals - step.decimals),
        smaller.units * 10 ** (decimals - smaller.decimals),
    )
    assert not rest, f"{step} is no multiple of {smaller}"
    return int(times)


def exact(column: pl.Series, *, clip: int | None = None) -> Column:
    """Return a column of text, whole numbers or floats, exactly.

    Args:
        column: Without nulls.
        clip: How many decimals matter, because the column is going to be rounded to a step of one
            less; what is beyond them is told by the last one, which is then not 0. None: all.

    Raises:
        NotExact: A value is no finite number, or the column cannot be held exactly.
    """
    if column.null_count():
        row = int(column.is_null().arg_true()[0])
        raise NotExact(row, "there is nothing where a number should be")
    if column.dtype.is_integer():
        if column.dtype == pl.UInt64 and len(column) and column.to_numpy().max() > INT_MAX:
            raise NotExact(int(column.arg_max() or 0), "the number is too large")
        return Column(column.cast(pl.Int64).to_numpy(), 0)
    if column.dtype.is_float():
        floats = column.cast(pl.Float64).to_numpy()
        if clip is None:
            return _floats(floats)
        try:
            return _floats(floats)
        except NotExact:
            column = pl.Series([repr(value) for value in floats.tolist()], dtype=pl.String)
    if column.dtype == pl.Binary:
        return _fixed(column)
    if column.dtype.is_decimal():
        column = column.cast(pl.String)
    if column.dtype != pl.String:
        raise NotExact(0, f"a column of {column.dtype} should be numbers")
    return _texts(column, clip)


def at(column: Column, decimals: int) -> Ints:
    """Return the values with more decimals than they have.

    Raises:
        NotExact: One is then too large for 64 bits.
    """
    factor = 10 ** (decimals - column.decimals)
    if factor == 1:
        return column.values
    largest = np.abs(column.values)
    if len(largest) and int(largest.max()) * factor > INT_MAX:
        row = int(largest.argmax())
        raise NotExact(
            row, f"the number is too large to be held with {decimals} decimals, which others have"
        )
    scaled: Ints = column.values * factor
    return scaled


def in_steps(column: Column, step: Step, *, rounds: bool = False) -> tuple[Ints, int]:
    """Return a column in steps, and how many values were rounded to get there.

    Raises:
        NotExact: A value is off the step and rounds is not set.
    """
    decimals = max(column.decimals, step.decimals)
    values = at(column, decimals)
    size = step.units * 10 ** (decimals - step.decimals)
    if size == 1:
        return values, 0
    steps, left = np.divmod(values, size)
    off = np.flatnonzero(left)
    if not len(off):
        return steps, 0
    if not rounds:
        row = int(off[0])
        value = Decimal(int(values[row])).scaleb(-decimals)
        below = int(steps[row]) * step.decimal
        nearest = f"{in_full(plain(below))}, {in_full(plain(below + step.decimal))}"
        raise NotExact(
            row,
            f"{in_full(plain(value))} is not a multiple of the step {in_full(step.decimal)} "
            f"(nearest: {nearest}); {len(off)} such values here",
        )
    return steps + (2 * left >= size), len(off)


def _texts(column: pl.Series, clip: int | None) -> Column:
    is_plain = column.str.contains(_TEXT)
    if not is_plain.all():
        column = _spelled_out(column, is_plain)
    parts = column.str.split_exact(".", 1).struct
    whole, fraction = parts.field("field_0"), parts.field("field_1").fill_null("")
    fraction = fraction.str.strip_chars_end("0")
    lengths = fraction.str.len_bytes()
    decimals = int(lengths.max() or 0)  # type: ignore[arg-type]
    if clip is not None and decimals > clip:
        # A digit that is left out shows in the last that is kept: half a step stays a half.
        kept = fraction.str.slice(0, clip)
        sticky = (lengths > clip) & kept.str.ends_with("0")
        kept = pl.select(
            pl.when(sticky).then(kept.str.slice(0, clip - 1) + "1").otherwise(kept)
        ).to_series()
        fraction, decimals = kept, clip
    if decimals > DECIMALS_MAX:
        row = int((lengths > DECIMALS_MAX).arg_true()[0])
        raise NotExact(row, f"{column[row]} has more than {DECIMALS_MAX} decimals; {_HINT}")
    digits = whole + fraction.str.pad_end(decimals, "0") if decimals else whole
    values = digits.cast(pl.Int64, strict=False)
    if values.null_count():
        large = column[int(values.is_null().arg_true()[0])]
        row = int((lengths == lengths.max()).arg_true()[0])
        raise NotExact(
            row,
            f"{column[row]} has {decimals} decimals, with which {large} is too large to be held; "
            + _HINT,
        )
    return Column(values.to_numpy(), decimals)


def _spelled_out(column: pl.Series, is_plain: pl.Series) -> pl.Series:
    """Return a column in which what is written otherwise (`1e-05`, ` 3`) is plain digits."""
    texts = column.to_list()
    for row in (~is_plain).arg_true():
        text = texts[row].strip()
        try:
            number = Decimal(text)
        except ArithmeticError:
            number = Decimal("nan")
        if not number.is_finite() or not text.isascii() or "_" in text:
            raise NotExact(row, f"{text[:40]!r} is not a number")
        if abs(number.adjusted()) > 2 * DECIMALS_MAX:
            raise NotExact(row, f"{text[:40]} is out of range")
        texts[row] = f"{number:f}"
    return pl.Series(texts, dtype=pl.String)


def _fixed(column: pl.Series) -> Column:
    """Return fixed-point numbers: 8 bytes are units of 1e-9, 16 bytes of 1e-16."""
    lengths = column.bin.size("b").unique().to_list()
    if lengths not in ([8], [16]):
        raise NotExact(0, f"numbers of {lengths} bytes should have 8 or 16")
    raw = b"".join(column.to_list())
    halves = np.frombuffer(raw, dtype="<u8").reshape(len(column), -1)
    low = halves[:, 0].astype(object)
    if lengths == [8]:
        whole, scale = np.frombuffer(raw, dtype="<i8").astype(object), 9
    else:
        high = np.frombuffer(raw, dtype="<i8")[1::2].astype(object)
        whole, scale = high * 2**64 + low, 16
    for decimals in range(min(scale, DECIMALS_MAX) + 1):
        unit = 10 ** (scale - decimals)
        if not (whole % unit).any():
            steps = whole // unit
            if len(steps) and max(abs(steps.min()), abs(steps.max())) > INT_MAX:
                break
            return Column(steps.astype(np.int64), decimals)
    row = int(np.argmax([abs(value) for value in whole]))
    raise NotExact(row, f"{whole[row]} / 10^{scale} cannot be held exactly")


def _floats(values: NDArray[np.float64]) -> Column:
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise NotExact(row, f"{values[row]} is not a number")
    wrong: NDArray[np.intp] = np.empty(0, dtype=np.intp)
    for decimals in range(DECIMALS_MAX + 1):
        scale = 10.0**decimals  # exact, as is each whole number below 2**53
        scaled = np.rint(values * scale)
        if len(scaled) and np.abs(scaled).max() >= FLOAT_EXACT_MAX:
            break
        # One division of two exact numbers is rounded once, as reading the decimal number is.
        wrong = np.flatnonzero(scaled / scale != values)
        if not len(wrong):
            return Column(scaled.astype(np.int64), decimals)
    row = int(wrong[0]) if len(wrong) else int(np.abs(values).argmax())
    raise NotExact(
        row,
        f"{float(values[row])!r} is a float that stands for no number of few decimals (a sum of "
        f"others, perhaps); {_HINT}",
    )
