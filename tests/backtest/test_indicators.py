"""Indicators are TA-Lib's numbers, and as signals the same as their arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
import talib

from steelyard.backtest.indicators import (
    PERIOD_MAX,
    Flags,
    Line,
    atr,
    change,
    crossed_above,
    crossed_below,
    ema,
    flags,
    higher,
    highest,
    hold,
    line,
    lower,
    lowest,
    rma,
    rsi,
    sma,
    stddev,
    where,
)
from steelyard.backtest.lookahead import check_signals
from steelyard.backtest.signals import changes_of, frame_of, targets_of
from steelyard.domain.errors import ConfigError
from tests.backtest.market import walk

BARS = walk(5_000, 3)
FRAME = frame_of(BARS)
CLOSE, HIGH, LOW = (FRAME[name].to_numpy() for name in ("close", "high", "low"))

PAIRS: dict[str, tuple[Callable[[int], Line], Callable[[int], Any]]] = {
    "sma": (lambda n: sma(CLOSE, n), lambda n: talib.SMA(CLOSE, n)),
    "ema": (lambda n: ema(CLOSE, n), lambda n: talib.EMA(CLOSE, n)),
    "rsi": (lambda n: rsi(CLOSE, n), lambda n: talib.RSI(CLOSE, n)),
    "atr": (lambda n: atr(HIGH, LOW, CLOSE, n), lambda n: talib.ATR(HIGH, LOW, CLOSE, n)),
    "stddev": (lambda n: stddev(CLOSE, n), lambda n: talib.STDDEV(CLOSE, n)),
    "highest": (lambda n: highest(HIGH, n), lambda n: talib.MAX(HIGH, n)),
    "lowest": (lambda n: lowest(LOW, n), lambda n: talib.MIN(LOW, n)),
    "change": (lambda n: change(CLOSE, n), lambda n: talib.MOM(CLOSE, n)),
    "of one another": (
        lambda n: sma(rsi(CLOSE, n), n),
        lambda n: talib.SMA(talib.RSI(CLOSE, n), n),
    ),
}


@pytest.mark.parametrize("bars", [2, 14, 300])
@pytest.mark.parametrize("name", PAIRS)
def test_numbers_are_those_of_talib(name: str, bars: int):
    """But for the last digits; missing for as long."""
    ours, theirs = PAIRS[name]
    np.testing.assert_allclose(ours(bars).to_numpy(), theirs(bars), rtol=1e-9, atol=2e-6)


def test_signals_are_worked_out_as_their_arrays_are():
    """Flags and sizes, handed over whole or as an array, want the same at every bar."""
    close = FRAME["close"]
    fast, slow = sma(close, 5), ema(close, 20)
    wide = stddev(close, 20)
    found: list[Line | Flags] = [
        fast > slow,
        (fast >= slow) & ~(rsi(close) > 70.0),
        (slow - 2 * wide > close.to_numpy()) | (highest(close, 9) == close),
        hold(crossed_above(fast, slow), crossed_below(close, slow - wide)),
        (fast > slow) ^ (fast > slow).to_numpy(),
        where(fast > slow, 1.5, -0.5),
        (fast > slow) * 2.0,
        100 / wide * ((fast - slow) / close),
        abs(-change(close, 3)) / 7,
        lower(higher(fast, slow), close.shift(1)),
    ]
    for one in found:
        assert targets_of(one, BARS).tolist() == targets_of(one.to_numpy(), BARS).tolist()
        assert targets_of(one.to_series(), BARS).tolist() == targets_of(one, BARS).tolist()
    assert any(targets_of(found[3], BARS))


def test_operators_are_numpys():
    """Of lines, columns and numbers, on either side, with missing values among them."""
    random = np.random.default_rng(5)
    one, other = (
        np.where(random.random(3_000) < 0.1, np.nan, random.integers(0, 5, 3_000)) for _ in "ab"
    )
    above = one > other
    with np.errstate(all="ignore"):
        pairs: list[tuple[Any, Any]] = [
            (line(one) + other, one + other),
            (line(one) - 3, one - 3),
            (3 - line(one), 3 - one),
            (pl.Series(one).to_numpy() * line(other), one * other),
            (line(one) / other, one / other),
            (2 / line(one), 2 / one),
            (-line(one), -one),
            (abs(line(one) - 2), abs(one - 2)),
            (line(one) < other, one < other),
            (line(one) <= other, one <= other),
            (line(one) >= 2, one >= 2),
            (line(one) == other, one == other),
            (line(one).shift(3)[3:], one[:-3]),
            (higher(one, other), np.maximum(one, other)),
            (lower(one, other), np.minimum(one, other)),
            (where(flags(above), one, other), np.where(above, one, other)),
            (flags(above) & (one > 1), above & (one > 1)),
            (flags(one > 1) | above, above | (one > 1)),
            (np.sqrt(line(one)), np.sqrt(one)),
            (np.asarray(line(one)), one),
        ]
    for found, expected in pairs:
        np.testing.assert_array_equal(np.asarray(found), expected)


def test_a_crossing_is_where_the_sides_change():
    """Also after they have been equal; nothing crosses what was missing."""
    one = [1.0, 3.0, 2.0, 2.0, 3.0, float("nan"), 3.0, 1.0]
    assert np.flatnonzero(crossed_above(one, [2.0] * 8)).tolist() == [1, 4]
    assert np.flatnonzero(crossed_below(one, 2.0)).tolist() == [7]
    enter, leave = np.array([0, 1, 0, 0, 1, 1, 0]), np.array([0, 0, 0, 1, 0, 1, 0])
    assert np.asarray(hold(enter, leave)).tolist() == [False, True, True, False, True, False, False]


def test_a_missing_value_is_missing_in_its_windows_only():
    values = np.where(np.arange(3_000) == 1_500, np.nan, CLOSE[:3_000])
    for found in (sma(values, 10), stddev(values, 10), highest(values, 10)):
        assert np.flatnonzero(np.isnan(found)).tolist() == [*range(9), *range(1_500, 1_510)]
    assert np.flatnonzero(np.isnan(rma(values, 10))).tolist() == [*range(9), 1_500]


def test_a_missing_flag_is_not_set():
    """Nor is a missing value another than some number; numpy says it is."""
    assert np.asarray(flags(pl.Series([True, None, False]))).tolist() == [True, False, False]
    assert np.asarray(line([1.0, np.nan, 2.0]) != 2.0).tolist() == [True, False, False]


def test_it_does_not_look_ahead():
    """Whatever the data end at, what was said before stays."""
    close = "close"
    signals = [
        lambda frame: sma(frame[close], 5) > sma(frame[close], 20),
        lambda frame: rsi(frame[close], 5) / 100 + (ema(frame[close], 3) > frame[close]) * 1.0,
    ]
    for one in signals:
        assert (
            check_signals(
                lambda bars, one=one: targets_of(one(frame_of(bars)), bars), BARS
            ).findings
            == []
        )


def test_what_is_shared_is_worked_out_once():
    """However often a column or an indicator is written."""
    close = FRAME["close"]
    found = (sma(close, 5) > sma(close, 20)) & (sma(close, 5) > close)
    assert repr(found) == "Flags(and, 5000 bars)"
    deep: Any = line(close)
    for _ in range(1_500):
        deep = deep + 1.0  # a number is one step, however often
    np.testing.assert_allclose(deep.to_numpy(), CLOSE + 1_500)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: sma(CLOSE, 0), f"a period of 0; give whole bars, from 1 to {PERIOD_MAX}"),
        (lambda: sma(CLOSE, 2.5), r"a period of 2\.5"),  # type: ignore[arg-type]
        (lambda: line(CLOSE).shift(-1), "a period of -1"),
        (lambda: sma(["a"], 3), "made of numbers"),
        (lambda: sma(pl.Series(["a"]), 3), "made of numbers"),
        (lambda: sma(np.zeros((2, 2)), 3), "one number a bar"),
        (lambda: line(CLOSE) > CLOSE[1:], "of 4999 and of 5000 bars; give it columns of one frame"),
        (lambda: sma(3.0, 4).to_numpy(), "needs a column"),
        (lambda: changes_of(line([1.0, 2.0]), BARS), r"signals gave \(2,\) values for 5000 bars"),
        (lambda: changes_of(line(3.0), BARS), "needs a column"),
        (lambda: changes_of(1e30 * line(CLOSE), BARS), r"at bar 0, more than an order may be"),
        (lambda: changes_of(1.0 / (line(CLOSE) * 0.0), BARS), "infinite position at bar 0"),
    ],
)
def test_what_is_no_indicator_is_refused(make: Callable[[], Any], text: str):
    """The message says what to give instead."""
    with pytest.raises(ConfigError, match=text):
        make()


def test_flags_are_no_condition():
    """`and` would drop one of them without a word."""
    with pytest.raises(TypeError, match="join flags by &"):
        bool(line(CLOSE) > 3.0)


def test_a_formula_has_its_bounds():
    """More steps than a strategy needs are a loop gone wrong."""
    deep = line(CLOSE)
    for at in range(5_000):
        deep = deep + float(at)
    with pytest.raises(ConfigError, match="between 1 and 4096 steps"):
        deep.to_numpy()
