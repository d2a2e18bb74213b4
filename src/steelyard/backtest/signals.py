"""Strategies as arrays: a function from a frame of bars to the position wanted after each of them.

    def signals(frame, fast=10, slow=50):
        close = frame["close"]
        above = close.rolling_mean(fast) > close.rolling_mean(slow)
        return above.fill_null(False).cast(float)

The frame is polars: `time` (UTC), `open`, `high`, `low`, `close`, `volume` as floats, a row a bar.
`backtest.indicators` has indicators that are worked out on the way to the run.

What comes back is as long: the position in base that each bar's close leads to, NaN or null for the
one before. Differences become market orders, carried out by the same machine as those of a class;
what did not trade of one is ordered again at the next bar, as docs/concepts/fills.md says.
Unlike a class, an array can look into the future: `lookahead` finds that out.
"""

import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from steelyard import _native
from steelyard.backtest.columns import BarColumns
from steelyard.backtest.indicators import Flags, Line
from steelyard.domain.errors import ConfigError

Ints = NDArray[np.int64]
Signals = Callable[..., Any]

COLUMNS = ("time", "open", "high", "low", "close", "volume")


def frame_of(bars: BarColumns) -> pl.DataFrame:
    """Return bars as a frame of floats, each the nearest to its exact number."""
    instrument = bars.instrument
    per_tick, lot = instrument.tick_lot_atoms, instrument.lot_atoms
    prices = {
        name: ticks * per_tick / lot for name, ticks in zip(COLUMNS[1:5], bars[3:7], strict=True)
    }
    per_lot = float(instrument.lot_size)
    times = pl.Series("time", bars.open_ns).cast(pl.Datetime("ns", "UTC"))
    return pl.DataFrame({"time": times, **prices, "volume": bars.volume_lots * per_lot})


def targets_of(found: Any, bars: BarColumns) -> Ints:
    """Return the positions that signals want, in lots, a row a bar; `changes_of` says how.

    Raises:
        ConfigError: As `changes_of`.
    """
    return np.frombuffer(changes_of(found, bars).lots(), np.int64)


def changes_of(found: Any, bars: BarColumns) -> _native.Targets:
    """Return the positions that signals want, in lots, as `Run.go_to` takes them.

    Flags are positions of one and of none. Sizes between two lots are rounded towards zero, as
    `Strategy.size` rounds; a missing value keeps the position of the row before, at first none.

    Raises:
        ConfigError: Not as many as there are bars, infinite, or no numbers.
    """
    if isinstance(found, Line | Flags):
        return _changes_of_formula(found, bars)
    wanted = _numbers(found)
    if wanted.shape != (len(bars),):
        raise _not_one_a_bar(wanted.shape, bars)
    limits = _limits(bars)
    try:
        if wanted.dtype == np.bool_:
            return _native.Targets.of_flags(wanted.view(np.uint8), *limits)
        return _native.Targets.of_sizes(wanted, *limits)
    except ValueError as error:
        raise _refusal(wanted, error.args[0]) from error


def _changes_of_formula(found: Line | Flags, bars: BarColumns) -> _native.Targets:
    """Return the same of a formula, which is worked out on the way."""
    if len(found) not in (0, len(bars)):
        raise _not_one_a_bar((len(found),), bars)
    try:
        return _native.Targets.of_formula(found.native(), *_limits(bars))
    except ValueError as error:
        raise _refusal(found.to_numpy(), error.args[0]) from error


def _limits(bars: BarColumns) -> tuple[float, int]:
    """Return the size of a lot, and how many an order may have."""
    return float(bars.instrument.lot_size), bars.instrument.size_max_lots


def _not_one_a_bar(shape: tuple[int, ...], bars: BarColumns) -> ConfigError:
    return ConfigError(
        f"signals gave {shape} values for {len(bars)} bars; "
        "give one a bar, the position in base that its close leads to"
    )


def _refusal(wanted: Any, at: int) -> ConfigError:
    """Return why a position cannot be."""
    if np.isinf(wanted[at]):
        return ConfigError(f"signals gave an infinite position at bar {at}")
    return ConfigError(f"signals want {float(wanted[at])} at bar {at}, more than an order may be")


def _numbers(found: Any) -> Any:
    """Return floats or flags, contiguous."""
    if isinstance(found, pl.DataFrame) and found.width == 1:
        found = found.to_series()
    if isinstance(found, pl.Series):
        is_whole = found.dtype == pl.Boolean and not found.has_nulls()
        found = found if is_whole else found.cast(pl.Float64).fill_null(float("nan"))
        found = found.to_numpy()
    if not (isinstance(found, np.ndarray) and found.dtype == np.bool_):
        try:
            found = np.asarray(found, np.float64)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"signals gave no numbers: {error}") from error
    return np.ascontiguousarray(found)


def call_signals(signals: Signals, frame: pl.DataFrame, params: dict[str, Any]) -> Any:
    """Call a function of signals.

    Raises:
        ConfigError: It does not take such parameters, or raised an error; the message names its
            line.
    """
    try:
        return signals(frame, **params)
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)[1:]
        if isinstance(error, TypeError) and "argument" in str(error) and not frames:
            raise ConfigError(f"[strategy] params: {error}") from error
        # Their own line, where they have one: what they called is further down.
        code = getattr(signals, "__code__", None)
        own = [it for it in frames if code is not None and it.filename == code.co_filename]
        where = "".join(f" in {it.filename}, line {it.lineno}" for it in (own or frames)[-1:])
        raise ConfigError(
            f"the function of signals ended by {type(error).__name__}: {error}{where}"
        ) from error
