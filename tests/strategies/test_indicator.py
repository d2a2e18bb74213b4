"""TA-Lib's values, bar by bar."""

import numpy as np
import pytest
import talib

from steelyard.domain.errors import ConfigError
from steelyard.strategies.indicator import BARS_MAX, Indicator
from steelyard.trading.bars import Bar
from steelyard.trading.bench import BTC_USDT


def bars(count: int, seed: int = 1) -> list[Bar]:
    """Return bars of a price that wanders."""
    random = np.random.default_rng(seed)
    close = 1_000_000 + np.cumsum(random.integers(-500, 501, count))
    high, low = close + random.integers(0, 300, count), close - random.integers(0, 300, count)
    volume = random.integers(1, 10_000, count)
    rows = zip(close.tolist(), high.tolist(), low.tolist(), volume.tolist(), strict=True)
    return [Bar(BTC_USDT, 1, at, c, h, low, c, v) for at, (c, h, low, v) in enumerate(rows)]


def columns(shown: list[Bar], *names: str) -> list[np.ndarray]:
    return [np.array([float(getattr(bar, name)) for bar in shown]) for name in names]


@pytest.mark.parametrize(
    ("name", "parameters", "inputs"),
    [
        ("SMA", {"timeperiod": 5}, ["close"]),
        ("EMA", {"timeperiod": 12}, ["close"]),
        ("RSI", {"timeperiod": 14}, ["close"]),
        ("ROC", {"timeperiod": 10}, ["close"]),
        ("MACD", {}, ["close"]),
        ("BBANDS", {"timeperiod": 20}, ["close"]),
        ("ATR", {"timeperiod": 14}, ["high", "low", "close"]),
        ("MFI", {"timeperiod": 14}, ["high", "low", "close", "volume"]),
    ],
)
def test_it_says_what_the_library_says_of_all_bars(name: str, parameters: dict, inputs: list[str]):
    """Once it has seen enough, within a thousandth of what its values span; before that nothing."""
    shown, indicator = bars(700), Indicator(name, **parameters)
    values = [indicator.see(bar) for bar in shown]
    assert all(value is None for value in values[: indicator.bars - 1])
    whole = np.atleast_2d(getattr(talib, name)(*columns(shown, *inputs), **parameters))
    found = np.array([np.atleast_1d(value) for value in values[indicator.bars - 1 :]]).T
    known = whole[:, indicator.bars - 1 :]
    span = np.ptp(known, axis=1, keepdims=True)
    assert found.shape == known.shape
    assert (np.abs(found - known) < 1e-3 * span).all()


@pytest.mark.parametrize("name", ["EMA", "RSI", "BBANDS", "ADX"])
def test_a_restart_that_is_warmed_up_sees_the_same(name: str):
    """To the last digit: a value is of the last `bars` bars and of nothing else."""
    shown = bars(1_000)
    old, new = Indicator(name), Indicator(name)
    for bar in shown:
        old.see(bar)
    for bar in shown[-new.bars :]:
        new.see(bar)
    assert new.value == old.value is not None


@pytest.mark.parametrize("name", ["OBV", "AD"])
def test_what_depends_on_everything_since_the_beginning_is_refused(name: str):
    """A bot would see something else after each restart."""
    with pytest.raises(ConfigError, match="something else after each restart"):
        Indicator(name)


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("EWMA", {}, "TA-Lib has no function 'EWMA'"),
        ("EMA", {"period": 3}, "EMA has no parameter 'period'; it takes: timeperiod"),
        ("EMA", {"timeperiod": BARS_MAX}, f"more than the last {BARS_MAX} bars"),
        ("EMA", {"timeperiod": 0}, "TA-Lib does not take EMA with {'timeperiod': 0}"),
        ("MAVP", {}, "MAVP reads 'periods', which bars have not"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_made(name: str, parameters: dict, said: str):
    """With what is wrong about it."""
    with pytest.raises(ConfigError, match=said):
        Indicator(name, **parameters)
