"""Indicators for strategies as arrays, worked out by the run in one pass and never written down.

    from steelyard.backtest.indicators import sma

    def signals(frame, fast=10, slow=50):
        return sma(frame["close"], fast) > sma(frame["close"], slow)

What a function here returns is a `Line` (a number a bar) or `Flags` (yes or no a bar). Either is
only a formula: arithmetic, comparisons and `& | ^ ~` make further ones. Handed back as signals it
is worked out block by block while targets are found; `to_numpy()`, numpy's functions and indexing
work it out as an array, with the same bits. Polars' own columns go in wherever a line does; on the
left of an operator, `line(frame["open"]) > ...` makes a line of one.

The first values of an indicator are missing (NaN) until its period is full, and a comparison with
a missing value is never so. Numbers are those of TA-Lib but for the last digits of a float: a sum
here is kept near zero, and begun anew every so often, so that rounding does not add up. What
follows a value does not change it. A value that is missing later on is missing in whatever window
it is part of; `ema`, `rma` and what is made of them pass it over.

Not here: `macd` (`ema(close, 12) - ema(close, 26)`; TA-Lib begins its fast one later), bands
(`sma(close, 20) + 2 * stddev(close, 20)`), anything that looks ahead.
"""

from typing import Any, NamedTuple, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from steelyard import _native
from steelyard.domain.errors import ConfigError

PERIOD_MAX = 1 << 20  # as rust/replay/src/formula.rs has it


class Step(NamedTuple):
    """A step of a formula; bars is their count, None for a number that is the same everywhere."""

    name: str  # as `_native.Formula` knows it
    of: "tuple[Step, ...]"
    period: int
    number: float
    column: NDArray[np.float64] | None
    bars: int | None


class Formula:
    """What lines and flags have in common: a step, and with it those that it is made of."""

    step: Step

    def __init__(
        self,
        name: str,
        *of: "Formula",
        period: int = 0,
        number: float = 0.0,
        column: NDArray[np.float64] | None = None,
    ) -> None:
        steps = tuple(it.step for it in of)
        counts = {it.bars for it in steps if it.bars is not None}
        if column is not None:
            counts.add(len(column))
        if len(counts) > 1:
            few, many = sorted(counts)[:2]
            raise ConfigError(
                f"an indicator is made of columns of {few} and of {many} bars; "
                "give it columns of one frame"
            )
        self.step = Step(name, steps, period, number, column, next(iter(counts), None))

    def native(self) -> _native.Formula:
        """Return it as the machine reads it; what two parts share is worked out once.

        Raises:
            ConfigError: It is the same number everywhere, or has too many parts.
        """
        if self.step.bars is None:
            raise ConfigError("an indicator needs a column: a number has no bars of its own")
        rows: list[tuple[str, int, int, int, float]] = []
        columns: list[NDArray[np.float64]] = []
        places: dict[int, int] = {}
        known: dict[tuple[Any, ...], int] = {}
        waiting = [self.step]
        while waiting:  # and no recursion: a loop of the user's may have nested them deep
            step = waiting[-1]
            if missing := [it for it in step.of if id(it) not in places]:
                waiting += missing
                continue
            waiting.pop()
            operands = [places[id(it)] for it in step.of]
            if step.column is not None:
                address = step.column.__array_interface__["data"][0]
                key: tuple[Any, ...] = (step.name, address)
                operands = [len(columns)]
            else:
                key = (step.name, *operands, step.period, step.number)
            if key not in known:
                known[key] = len(rows)
                if step.column is not None:
                    columns.append(step.column)
                if step.period:
                    operands.append(step.period)
                first, second, third = (*operands, 0, 0, 0)[:3]
                rows.append((step.name, first, second, third, step.number))
            places[id(step)] = known[key]
        try:
            return _native.Formula(rows, columns, self.step.bars)
        except ValueError as error:
            raise ConfigError(f"signals: {error}") from error

    def to_numpy(self) -> NDArray[Any]:
        """Return it as an array, of floats or of flags."""
        native = self.native()
        if native.is_flags:
            flags = np.empty(native.count, np.uint8)
            native.write(flags)
            return flags.view(np.bool_)
        numbers = np.empty(native.count, np.float64)
        native.write(numbers)
        return numbers

    def to_series(self, name: str = "") -> pl.Series:
        """Return it as a column of polars."""
        return pl.Series(name, self.to_numpy())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: FBT001 numpy's
        if copy is False:
            raise ValueError("an indicator is worked out as a new array; leave copy out")
        found = self.to_numpy()
        return found if dtype is None else found.astype(dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *given: Any, **options: Any) -> Any:
        plain = (it.to_numpy() if isinstance(it, Formula) else it for it in given)
        return getattr(ufunc, method)(*plain, **options)

    def __len__(self) -> int:
        return self.step.bars or 0

    def __getitem__(self, at: Any) -> Any:
        return self.to_numpy()[at]

    def __bool__(self) -> bool:
        raise TypeError(
            "an indicator has a value for each bar; join flags by & | ~ and not by and, or, not"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.step.name}, {len(self)} bars)"


class Line(Formula):
    """A number a bar, worked out when somebody looks at it."""

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Any) -> "Line":
        return Line("add", self, line(other))

    def __radd__(self, other: Any) -> "Line":
        return Line("add", line(other), self)

    def __sub__(self, other: Any) -> "Line":
        return Line("subtract", self, line(other))

    def __rsub__(self, other: Any) -> "Line":
        return Line("subtract", line(other), self)

    def __mul__(self, other: Any) -> "Line":
        return Line("multiply", self, line(other))

    def __rmul__(self, other: Any) -> "Line":
        return Line("multiply", line(other), self)

    def __truediv__(self, other: Any) -> "Line":
        return Line("divide", self, line(other))

    def __rtruediv__(self, other: Any) -> "Line":
        return Line("divide", line(other), self)

    def __neg__(self) -> "Line":
        return Line("subtract", line(0.0), self)

    def __abs__(self) -> "Line":
        return higher(self, -self)

    def __gt__(self, other: Any) -> "Flags":
        return Flags("above", self, line(other))

    def __lt__(self, other: Any) -> "Flags":
        return Flags("above", line(other), self)

    def __ge__(self, other: Any) -> "Flags":
        return Flags("at_least", self, line(other))

    def __le__(self, other: Any) -> "Flags":
        return Flags("at_least", line(other), self)

    def __eq__(self, other: object) -> "Flags":  # type: ignore[override]
        return Flags("equal", self, line(other))

    def __ne__(self, other: object) -> "Flags":  # type: ignore[override]
        other = line(other)
        return (self > other) | (other > self)

    def shift(self, bars: int = 1) -> "Line":
        """Return the values of so many bars before; of none after, which nobody knows yet."""
        return Line("shift", self, period=_period(bars))


class Flags(Formula):
    """Yes or no a bar, worked out when somebody looks at it; as signals a position of one."""

    def __and__(self, other: Any) -> "Flags":
        return Flags("and", self, flags(other))

    def __rand__(self, other: Any) -> "Flags":
        return flags(other) & self

    def __or__(self, other: Any) -> "Flags":
        return Flags("or", self, flags(other))

    def __ror__(self, other: Any) -> "Flags":
        return flags(other) | self

    def __xor__(self, other: Any) -> "Flags":
        return Flags("xor", self, flags(other))

    def __rxor__(self, other: Any) -> "Flags":
        return flags(other) ^ self

    def __invert__(self) -> Self:
        return type(self)("not", self)

    def __mul__(self, size: Any) -> Line:
        return where(self, size, 0.0)

    __rmul__ = __mul__


def line(values: Any) -> Line:
    """Return a line of a column, an array, or a number that is the same everywhere.

    Raises:
        ConfigError: They are no numbers, or not one a bar.
    """
    if isinstance(values, Line):
        return values
    if isinstance(values, Flags):
        return where(values, 1.0, 0.0)
    if isinstance(values, int | float):
        return Line("constant", number=float(values))
    try:
        if isinstance(values, pl.Series):
            if values.dtype != pl.Float64 or values.null_count():
                values = values.cast(pl.Float64).fill_null(float("nan"))
            values = values.to_numpy()
        column = np.ascontiguousarray(values, np.float64)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise ConfigError(f"an indicator is made of numbers: {error}") from error
    if np.ndim(values) != 1:
        raise ConfigError("an indicator is made of columns, which have one number a bar")
    return Line("column", column=column)


def flags(values: Any) -> Flags:
    """Return flags of a column or an array of them; numbers are set where they are not 0.

    Raises:
        ConfigError: As `line`.
    """
    return values if isinstance(values, Flags) else line(values) != 0.0


def _period(bars: Any) -> int:
    if not (isinstance(bars, int | np.integer) and 1 <= bars <= PERIOD_MAX):
        raise ConfigError(f"a period of {bars!r}; give whole bars, from 1 to {PERIOD_MAX}")
    return int(bars)


def sma(values: Any, bars: int) -> Line:
    """Return the mean of the last bars; missing before there are so many."""
    return Line("mean", line(values), period=_period(bars))


def ema(values: Any, bars: int) -> Line:
    """Return an exponential average: a weight of 2 / (bars + 1) for the newest value.

    It begins with the mean of the first bars, as TA-Lib's does.
    """
    return Line("smooth", line(values), period=_period(bars), number=2.0 / (bars + 1.0))


def rma(values: Any, bars: int) -> Line:
    """Return Wilder's average: as `ema`, with a weight of 1 / bars."""
    return Line("smooth", line(values), period=_period(bars), number=1.0 / bars)


def highest(values: Any, bars: int) -> Line:
    """Return the highest of the last bars."""
    return Line("highest", line(values), period=_period(bars))


def lowest(values: Any, bars: int) -> Line:
    """Return the lowest of the last bars."""
    return Line("lowest", line(values), period=_period(bars))


def stddev(values: Any, bars: int) -> Line:
    """Return how far the last bars spread around their mean, divided by their number (TA-Lib's)."""
    return Line("deviation", line(values), period=_period(bars))


def change(values: Any, bars: int = 1) -> Line:
    """Return the difference from so many bars before."""
    of = line(values)
    return of - of.shift(bars)


def rsi(values: Any, bars: int = 14) -> Line:
    """Return Wilder's relative strength, 0 to 100; 0 where nothing has moved, as TA-Lib says."""
    moved = change(values)
    up, down = rma(higher(moved, 0.0), bars), rma(higher(-moved, 0.0), bars)
    moves = up + down
    return where(moves == 0.0, 0.0, up * 100.0 / moves)


def atr(high: Any, low: Any, close: Any, bars: int = 14) -> Line:
    """Return Wilder's average of the true range."""
    before = line(close).shift()
    return rma(higher(high, before) - lower(low, before), bars)


def higher(one: Any, other: Any) -> Line:
    """Return the higher of two, bar by bar; missing where one is."""
    return Line("higher", line(one), line(other))


def lower(one: Any, other: Any) -> Line:
    """Return the lower of two, bar by bar; missing where one is."""
    return Line("lower", line(one), line(other))


def where(chosen: Any, one: Any, other: Any) -> Line:
    """Return one where a flag is set, else the other."""
    return Line("choose", flags(chosen), line(one), line(other))


def crossed_above(one: Any, other: Any) -> Flags:
    """Say at which bars one is above the other, and was not at the bar before."""
    return Flags("crossed_above", line(one), line(other))


def crossed_below(one: Any, other: Any) -> Flags:
    """Say at which bars one is below the other, and was not at the bar before."""
    return crossed_above(other, one)


def hold(enter: Any, leave: Any) -> Flags:
    """Return flags that are set from an entry until the next exit; where both are, not."""
    return Flags("hold", flags(enter), flags(leave))
