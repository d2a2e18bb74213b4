"""Columns that are no bars are refused, with the first that is none."""

from typing import Any

import numpy as np
import pytest

from steelyard.backtest.columns import EVENT, BarColumns, bars_from, check_bars
from steelyard.domain.errors import UsageError
from tests.backtest.market import BEGIN_NS, BTC, MINUTE_NS, bars_of

GOOD = bars_of([(100, 105, 95, 102)] * 4)


def with_(**columns: Any) -> BarColumns:
    changed = {name: np.array(column, np.int64) for name, column in columns.items()}
    return BarColumns(**{**dict(zip(GOOD._fields, tuple(GOOD), strict=False)), **changed})


def times(*minutes: float) -> list[int]:
    return [BEGIN_NS + int(minute * MINUTE_NS) for minute in minutes]


def test_good_bars_are_taken_with_gaps_too():
    """A missing bar is a gap; a bar in which nothing traded is one."""
    check_bars(GOOD)
    check_bars(with_(open_ns=times(0, 1, 5, 6), volume_lots=[0, 1, 2, 3]))
    assert len(GOOD) == 4


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"close_ticks": [204]}, "the columns of bars are not equally long"),
        ({"open_ns": times(0, 1, 2.5, 3)}, "bar 3 .* begins off its interval; 1 such bars"),
        ({"open_ns": times(0, 1, 1, 3)}, "bar 3 .* is not later than the one before"),
        ({"open_ns": times(3, 2, 1, 0)}, "bar 2 .* not later than the one before; 3 such bars"),
        ({"low_ticks": [190, 205, 190, 190]}, "bar 2 .* outside its low and high"),
        ({"high_ticks": [210, 210, 210, 203]}, "bar 4 .* outside its low and high"),
        ({"low_ticks": [0, 190, 190, 190]}, "bar 1 .* outside its low and high"),
        ({"volume_lots": [1, -1, 1, 1]}, "bar 2 .* has a negative volume"),
        ({"high_ticks": [2_000_001, 210, 210, 210]}, "bar 1 .* above BTC-USDT's highest price"),
    ],
)
def test_what_is_no_bar_is_refused(changes: dict[str, Any], text: str):
    """The message names the first, counts them, and says where the others are listed."""
    with pytest.raises(UsageError, match=text):
        check_bars(with_(**changes))


def test_an_event_is_what_the_machine_reads():
    """Twenty-four bytes; the order of its fields is that of `rust/replay`."""
    assert EVENT.itemsize == 24
    assert EVENT.names == ("time_ns", "lots", "tick", "kind")
    assert BTC.symbol == "BTC-USDT"


FLOATS: dict[str, list[float]] = {
    "opens": [100.0, 100.5],
    "high": [101.0, 101.0],
    "low": [99.5, 100.0],
    "close": [100.5, 100.5],
    "volume": [0.001, 0.1 + 0.2],
}


def from_floats(**changes: list[float]) -> BarColumns:
    numbers = {name: np.array(column) for name, column in {**FLOATS, **changes}.items()}
    return bars_from(BTC, MINUTE_NS, np.array(times(0, 1), np.int64), **numbers)[0]


def test_floats_become_whole_steps():
    """The last digits of a float are not meant."""
    bars = from_floats()
    assert [column.tolist() for column in bars[3:]] == [
        [200, 201],
        [202, 202],
        [199, 200],
        [201, 201],
        [1, 300],
    ]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"close": [100.5, 100.7]}, r"bar 2 .*: close is no whole number of 0\.5"),
        ({"volume": [0.0015, 1]}, r"bar 1 .*: volume is no whole number of 0\.001"),
        ({"high": [101.0, float("nan")]}, "bar 2 .*: high is no whole number"),
        ({"high": [float("inf"), 101.0]}, "bar 1 .*: high is no whole number"),
        ({"close": [100.5, 100.25]}, "bar 2 .*: close is no whole number"),
        ({"low": [100.5, 100.0]}, "bar 1 .* outside its low and high"),
        ({"low": [99.5, 100.0], "high": [100.0, 101.0]}, "bar 1 .* outside its low and high"),
        ({"high": [101.0, 2e6]}, "bar 2 .* is above BTC-USDT's highest price"),
        ({"volume": [1e13, 1.0]}, "bar 1 .*: volume is no whole number"),
        ({"volume": [-1.0, 1.0]}, "bar 1 .* has a negative volume"),
        ({"close": [1.0]}, "not equally long"),
    ],
)
def test_floats_that_are_none_are_refused(changes: dict[str, list[float]], text: str):
    """The message names the bar, the column and the step."""
    with pytest.raises(UsageError, match=text):
        from_floats(**changes)


def test_of_many_floats_the_first_that_is_none_is_named():
    """In the order of bars, not of columns."""
    count = 2_000
    numbers = {name: np.full(count, column[0]) for name, column in FLOATS.items()}
    numbers["volume"][1_500] = 0.0005
    numbers["opens"][1_501] = 100.3
    minutes = np.array(times(*range(count)), np.int64)
    with pytest.raises(UsageError, match=r"bar 1501 .*: volume is no whole number of 0\.001"):
        bars_from(BTC, MINUTE_NS, minutes, **numbers)


def test_a_volume_that_is_larger_than_fractions_go_is_whole():
    """Above 2^51 steps a float is looked at by itself, and below it among others."""
    assert from_floats(volume=[5e12, 3.0]).volume_lots.tolist() == [5 * 10**15, 3_000]


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        ((0, 0), "bar 2 .* is not later than the one before"),
        ((1, 0), "bar 2 .* is not later than the one before"),
        ((0, 1.5), "bar 2 .* begins off its interval"),
        ((0.5, 1.5), "bar 1 .* begins off its interval"),
    ],
)
def test_times_that_are_none_are_refused(minutes: tuple[float, float], text: str):
    """Also where prices come as floats."""
    stamps = np.array([BEGIN_NS + int(it * MINUTE_NS) for it in minutes], np.int64)
    numbers = {name: np.array(column) for name, column in FLOATS.items()}
    with pytest.raises(UsageError, match=text):
        bars_from(BTC, MINUTE_NS, stamps, **numbers)
