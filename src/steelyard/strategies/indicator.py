"""TA-Lib's indicators, bar by bar: an indicator has seen what it was shown, and nothing later.

    self.trend = Indicator("EMA", timeperiod=20)
    ...
    value = self.trend.see(bar)     # None until it has seen enough

A value is TA-Lib's own, of the last `bars` bars: so many that more of them would not change it,
which is found out when it is made. So a restarted strategy that was warmed up with `bars` bars
sees what it would have seen; what depends on everything since the beginning (OBV) is refused.
Values are floats: they decide, and are no amounts.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from steelyard.domain.errors import ConfigError
from steelyard.trading.bars import Bar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FACTORS = (1, 6, 12, 24)  # of the bars that a first value takes: how far back a value may reach
BARS_MAX = 900  # what a venue tells of the past at once, and a little less
SETTLED = 1e-3  # of what its values span: a difference that is none
LONGER, ENDS = 8, 24  # so much more is compared with, at so many bars in a row
MEMORIES_MAX = 1_000  # kinds of indicators whose memory is known
_COLUMNS = ("open", "high", "low", "close", "volume")


class Indicator:
    """One of TA-Lib's functions over the bars that it is shown.

    Attributes:
        bars: How many it looks at, which is how many it is to be warmed up with.
        value: What it said last; a tuple where the function has several outputs.
    """

    def __init__(self, function: str, **parameters: Any) -> None:
        """Take a function by its name in TA-Lib, and its parameters as they are called there.

        Raises:
            ConfigError: There is no such function, or it does not take these, or what it says
                depends on more than it could be warmed up with.
        """
        self._name = function
        self._parameters = parameters
        self._columns, self.bars = _memory(function, tuple(sorted(parameters.items())))
        self.value: Any = None
        self._seen: Any = None  # rows of columns, twice as many as are looked at
        self._end = 0

    def see(self, bar: Bar) -> Any:
        """Take the next bar and return the value after it; None: there is not enough yet."""
        if self._seen is None:
            import numpy  # noqa: ICN001, PLC0415 known to be there, because TA-Lib is

            self._seen = numpy.empty((len(self._columns), 2 * self.bars))
        if self._end == self._seen.shape[1]:
            kept = self.bars - 1
            self._seen[:, :kept] = self._seen[:, self._end - kept :]
            self._end = kept
        for row, column in enumerate(self._columns):
            value = bar.volume if column == "volume" else getattr(bar, column)
            self._seen[row, self._end] = value
        self._end += 1
        if self._end < self.bars:
            return None
        window = self._seen[:, self._end - self.bars : self._end]
        self.value = _last(self._name, window, self._parameters)
        return self.value


def _library() -> Any:
    try:
        import talib.abstract  # noqa: PLC0415 only for strategies that want it
    except ModuleNotFoundError as error:
        raise ConfigError(f"indicators need {error.name}: pip install 'steelyard[data]'") from error
    return talib


def _last(name: str, columns: "NDArray[np.float64]", parameters: dict[str, Any]) -> Any:
    """Return what a function says at the end of its columns, or None where it says nothing."""
    said = getattr(_library(), name)(*columns, **parameters)
    if isinstance(said, tuple):
        ends = tuple(float(output[-1]) for output in said)
        return None if any(end != end for end in ends) else ends  # noqa: PLR0124 that is NaN
    end = float(said[-1])
    return None if end != end else end  # noqa: PLR0124


@lru_cache(MEMORIES_MAX)
def _memory(name: str, given: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, ...], int]:
    """Return what columns a function reads, and how many bars a value of it depends on."""
    parameters = dict(given)
    refused = f"TA-Lib does not take {name} with {parameters}"
    library = _library()
    try:
        function = library.abstract.Function(name)
    except Exception as error:
        raise ConfigError(f"TA-Lib has no function {name!r}: {error}") from error
    known = {*function.parameters}
    if unknown := [key for key in parameters if key not in known]:
        takes = ", ".join(known) or "none"
        raise ConfigError(f"{name} has no parameter {unknown[0]!r}; it takes: {takes}")
    try:
        function.parameters = parameters
        first = int(function.lookback) + 1
    except Exception as error:
        raise ConfigError(f"{refused}: {error}") from error
    if first < 1:
        raise ConfigError(refused)
    columns = _columns_of(name, function.input_names)
    for factor in FACTORS:
        if factor * first <= BARS_MAX and _settles(name, parameters, columns, factor * first):
            return columns, factor * first
    raise ConfigError(
        f"{name} with {parameters} depends on more than the last {BARS_MAX} bars, so a bot would "
        "see something else after each restart; take shorter periods, or longer bars"
    )


def _settles(name: str, parameters: dict[str, Any], columns: tuple[str, ...], bars: int) -> bool:
    """Whether so many bars say what many more would, wherever they end."""
    import numpy as np  # noqa: PLC0415 as above

    rows = _wavy(columns, LONGER * bars + ENDS)
    ends = range(rows.shape[1] - ENDS, rows.shape[1])
    whole = [_last(name, rows[:, :end], parameters) for end in ends]
    parts = [_last(name, rows[:, end - bars : end], parameters) for end in ends]
    if None in whole or None in parts:
        return False
    known, found = np.array(whole, float), np.array(parts, float)
    span = np.maximum(np.ptp(known, axis=0), 1e-12)
    return bool((np.abs(known - found) <= SETTLED * span).all())


def _wavy(columns: tuple[str, ...], count: int) -> "NDArray[np.float64]":
    """Return bars on which an indicator that remembers shows it: nothing in them repeats soon."""
    import numpy as np  # noqa: PLC0415 as above

    at = np.arange(count)
    middle = 100 + np.sin(at * 0.7) + 5 * np.cos(at * 0.031)
    known = {
        "open": middle + np.sin(at * 0.9),
        "high": middle + 1.2 + np.abs(np.sin(at * 1.3)),
        "low": middle - 1.2 - np.abs(np.cos(at * 0.37)),
        "close": middle + np.cos(at * 2.1),
        "volume": 10 + 3 * np.sin(at * 0.47),
    }
    return np.array([known[column] for column in columns])


def _columns_of(name: str, inputs: Any) -> tuple[str, ...]:
    """Return the columns that a function reads, in its order."""
    found: list[str] = []
    # Where a function takes both, the single one comes first.
    for value in inputs.values():
        found += [value] if isinstance(value, str) else value
    if odd := [column for column in found if column not in _COLUMNS]:
        raise ConfigError(f"{name} reads {odd[0]!r}, which bars have not")
    return tuple(found)
