from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from steelyard.data.exact import NotExact
from steelyard.data.moments import (
    DAY_NS,
    Unit,
    guess_interval_ns,
    interval_ns,
    interval_text,
    times,
)
from steelyard.domain.errors import UsageError

MOMENT = datetime(2025, 1, 1, 0, 0, 1, tzinfo=UTC)
MOMENT_NS = 1_735_689_601 * 10**9


@pytest.mark.parametrize(
    ("factor", "unit"), [(1, Unit.S), (10**3, Unit.MS), (10**6, Unit.US), (10**9, Unit.NS)]
)
@pytest.mark.parametrize("kind", [int, str, float])
def test_a_unit_is_known_by_its_magnitude(factor, unit, kind):
    """As numbers or as text, alone or in a float column."""
    column = pl.Series([kind(1_735_689_601 * factor)])
    assert times(column) == ([MOMENT_NS], unit)


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-01 00:00:01",
        "2025-01-01T00:00:01Z",
        "2025-01-01 00:00:01.000000",
        "2025-01-01 00:00:01+00:00",
        "2025-01-01T00:00:01.000000000Z",
    ],
)
def test_dates_are_read_as_utc(text):
    assert times(pl.Series([text])) == ([MOMENT_NS], Unit.TEXT)


def test_a_day_and_a_minute_are_dates_too():
    read = times(pl.Series(["2025-01-01", "2025-01-01 00:01"])).values_ns
    assert read.tolist() == [MOMENT_NS - 10**9, MOMENT_NS + 59 * 10**9]


def test_columns_of_dates_are_read():
    """As feather and Parquet have them, in any resolution."""
    for unit in ("ms", "us", "ns"):
        column = pl.Series([MOMENT], dtype=pl.Datetime(unit, "UTC"))
        assert times(column).values_ns.tolist() == [MOMENT_NS]


@pytest.mark.parametrize(
    ("column", "row", "said"),
    [
        ([1_735_689_601, 1_735_689_601_000], 1, "not in seconds"),
        ([12], 0, "no time since 1970"),
        (["2025-01-01 00:00:01", "soon"], 1, "'soon' is no time"),
        (["2025-01-01 00:00:01+02:00"], 0, "in UTC"),
        ([None], 0, "there is no time"),
        ([1_735_689_601.5], 0, "a fraction"),
    ],
)
def test_what_is_no_time_is_refused_with_its_row(column, row, said):
    with pytest.raises(NotExact, match=said) as caught:
        times(pl.Series(column, dtype=pl.Int64 if column == [None] else None))
    assert caught.value.row == row


def test_intervals_are_read_and_written():
    for text in ("1s", "1m", "15m", "4h", "1d"):
        assert interval_text(interval_ns(text)) == text
    assert interval_text(interval_ns("60m")) == "1h"
    assert interval_ns("1w") == 7 * DAY_NS
    for text in ("1M", "1mo", "0m", "m", "1.5h", ""):
        with pytest.raises(UsageError, match="is not an interval"):
            interval_ns(text)
    with pytest.raises(UsageError, match="no whole number of seconds"):
        interval_text(1)


def test_the_shortest_step_is_the_interval():
    assert guess_interval_ns(np.array([0, 60, 180, 240])) == 60
    assert guess_interval_ns(np.array([5, 5])) is None


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([1_704_067_200, 9_999_999_999]),
        pl.Series(["1704067200", "9999999999"]),
        pl.Series(["2024-01-01", "2286-11-20 17:46:39"]),
        pl.Series([datetime(2024, 1, 1, tzinfo=UTC), datetime(2300, 1, 1, tzinfo=UTC)]),
        pl.Series([datetime(2024, 1, 1, tzinfo=UTC).date(), datetime(2300, 1, 1).date()]),  # noqa: DTZ001
    ],
)
def test_times_that_nanoseconds_cannot_say_are_named(column):
    """They would wrap to the 18th century."""
    with pytest.raises(NotExact, match="is no time before 2262") as caught:
        times(column)
    assert caught.value.row == 1
