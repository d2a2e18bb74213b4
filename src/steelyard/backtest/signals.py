"""Strategies as arrays: a function from a frame of bars to the position wanted after each of them.

    def signals(frame, fast=10, slow=50):
        close = frame["close"]
        above = close.rolling_mean(fast) > close.rolling_mean(slow)
        return above.fill_null(False).cast(float)

The frame is polars: `time` (UTC), `open`, `high`, `low`, `close`, `volume` as floats, a row a bar.
What comes back is as long: the position in base that each bar's close leads to, NaN or null for the
one before. Differences become market orders, carried out by the same machine as those of a class.
Unlike a class, an array can look into the future: `lookahead` finds that out.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from steelyard import _native
from steelyard.backtest.columns import BarColumns
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
    """Return the positions that signals want, in lots, a row a bar.

    Sizes between two lots are rounded towards zero, as `Strategy.size` rounds; a missing value
    keeps the position of the row before, at first none.

    Raises:
        ConfigError: Not as many as there are bars, infinite, or no numbers.
    """
    if isinstance(found, pl.DataFrame) and found.width == 1:
        found = found.to_series()
    if isinstance(found, pl.Series):
        found = found.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    try:
        wanted = np.asarray(found, np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"signals gave no numbers: {error}") from error
    if wanted.shape != (len(bars),):
        raise ConfigError(
            f"signals gave {wanted.shape} values for {len(bars)} bars; "
            "give one a bar, the position in base that its close leads to"
        )
    instrument = bars.instrument
    try:
        lots = _native.whole_targets(
            np.ascontiguousarray(wanted), float(instrument.lot_size), instrument.size_max_lots
        )
    except ValueError as error:
        at = error.args[0]
        if np.isinf(wanted[at]):
            raise ConfigError(f"signals gave an infinite position at bar {at}") from error
        raise ConfigError(
            f"signals want {wanted[at]} at bar {at}, more than an order may be"
        ) from error
    return np.frombuffer(lots, np.int64)


def call_signals(signals: Signals, frame: pl.DataFrame, params: dict[str, Any]) -> Any:
    """Call a function of signals.

    Raises:
        ConfigError: It does not take such parameters.
    """
    try:
        return signals(frame, **params)
    except TypeError as error:
        if "argument" in str(error) and error.__traceback__ and not error.__traceback__.tb_next:
            raise ConfigError(f"[strategy] params: {error}") from error
        raise
