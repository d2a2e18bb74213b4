"""Figures of a curve, against empyrical and against tables made by hand."""

import empyrical
import numpy as np
import pandas as pd
import pytest
from backtests import DAY, HOUR, SECOND, START, curve_of
from hypothesis import given
from hypothesis import strategies as st

from steelyard.backtest.curves import days, deepest, fall_share, falls, held, months, ratios, thin

YEAR = 365


def curve_by_chance(seed, count=400, step_ns=6 * HOUR, start_ns=START + 5 * HOUR):
    """Return points whose first and last days are parts of days."""
    rng = np.random.default_rng(seed)
    equity = 10_000 * np.exp(np.cumsum(rng.normal(0.0005, 0.01, count)))
    price = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, count)))
    times = start_ns + step_ns * np.arange(count)
    return curve_of(zip(times.tolist(), equity.tolist(), price.tolist(), strict=True))


def pandas_returns(curve):
    """Return daily returns as somebody would take them from the curve by pandas."""
    index = pd.to_datetime(curve["time_ns"], utc=True)
    series = pd.Series(curve["equity"], index)
    ends = series.resample("D", closed="right", label="left").last().dropna()
    return pd.concat([series.iloc[:1], ends]).pct_change().iloc[1:]


@pytest.mark.parametrize("seed", range(6))
def test_ratios_are_those_of_empyrical(seed):
    """Sharpe, Sortino, Calmar, volatility, return a year and drawdown, a year having 365 days."""
    curve = curve_by_chance(seed)
    own = days(curve).returns
    told = ratios(own)
    returns = pandas_returns(curve)
    assert own == pytest.approx(returns.to_numpy())
    options = {"annualization": YEAR}
    assert told.sharpe == pytest.approx(empyrical.sharpe_ratio(returns, **options))
    assert told.sortino == pytest.approx(empyrical.sortino_ratio(returns, **options))
    assert told.calmar == pytest.approx(empyrical.calmar_ratio(returns, **options))
    assert told.annual_volatility_share == pytest.approx(
        empyrical.annual_volatility(returns, **options)
    )
    assert told.annual_return_share == pytest.approx(empyrical.annual_return(returns, **options))
    assert told.daily_drawdown_share == pytest.approx(-empyrical.max_drawdown(returns))
    assert told.skew == pytest.approx(float(pd.Series(returns).skew()), rel=0.05, abs=0.05)
    assert told.absent == {}


def test_a_day_ends_at_midnight_and_its_last_point_may_be_there():
    """A point at midnight is of the day before; the first one is where the run begins."""
    points = [
        (START, 100.0),
        (START + 6 * HOUR, 90.0),
        (START + DAY, 110.0),
        (START + DAY + SECOND, 50.0),
        (START + 2 * DAY, 121.0),
        (START + 2 * DAY + HOUR, 242.0),
    ]
    found = days(curve_of(points))
    assert found.equity.tolist() == [100, 110, 121, 242]
    assert found.end_ns.tolist() == [START + n * DAY for n in (1, 2, 3)]
    assert found.returns == pytest.approx([0.1, 0.1, 1.0])


def test_a_day_without_a_point_has_no_return():
    found = days(curve_of([(START, 100.0), (START + DAY, 110.0), (START + 4 * DAY, 121.0)]))
    assert found.returns == pytest.approx([0.1, 0, 0, 0.1])


@pytest.mark.parametrize(
    "points", [[], [(START, 1.0)], [(START, 1.0), (START + HOUR, 2.0)]], ids=len
)
def test_fewer_than_two_days_have_no_ratio_and_say_so(points):
    """A run of hours is told in its own figures, and in none that belongs to a year."""
    told = ratios(days(curve_of(points)).returns)
    assert told[:-1] == (None,) * 10
    assert set(told.absent) == set(told._fields) - {"absent"}
    assert "two are the fewest" in told.absent["sharpe"]


def test_an_equity_that_stands_still_or_only_rises_has_no_ratio_to_fall_by():
    flat = ratios(np.zeros(10))
    assert (flat.sharpe, flat.sortino, flat.calmar) == (None, None, None)
    assert set(flat.absent) == {"sharpe", "sortino", "calmar", "skew", "kurtosis"}
    rising = ratios(np.array([0.01, 0.02, 0.01]))
    assert rising.sharpe is not None
    assert rising.absent["sortino"] == "no day lost anything"
    assert "never fell" in rising.absent["calmar"]


def test_an_equity_that_was_gone_has_no_returns():
    """Nothing is divided by zero."""
    curve = curve_of([(START, 100.0), (START + DAY, 0.0), (START + 2 * DAY, 5.0)])
    assert len(days(curve).returns) == 0
    assert months(curve[:2]) == []


def test_a_year_beyond_any_number_is_none():
    told = ratios(np.array([50.0, 60.0]))
    assert told.annual_return_share is None
    assert "beyond any number" in told.absent["calmar"]


def test_falls_by_hand():
    """From a peak to the next time it is as high; the last one is not over."""
    values = [100, 120, 90, 60, 120, 130, 117, 130, 100, 104]
    found = falls(curve_of([(START + n * HOUR, float(v)) for n, v in enumerate(values)]))
    assert [(fall.peak_ns - START) // HOUR for fall in found] == [1, 5, 7]
    assert [(fall.trough_ns - START) // HOUR for fall in found] == [3, 6, 8]
    assert [fall.recovered_ns and (fall.recovered_ns - START) // HOUR for fall in found] == [
        4, 7, None,
    ]  # fmt: skip
    assert [fall.depth_share for fall in found] == pytest.approx([0.5, 0.1, 3 / 13])
    assert [fall.length_ns // HOUR for fall in found] == [3, 2, 2]
    assert [round(fall.depth_share, 2) for fall in deepest(found)] == [0.5, 0.23, 0.1]


def test_months_by_hand():
    """January begins with the run, March ends with it; the market is beside each."""
    january, february, march = (
        START,
        START + 31 * DAY,
        START + 59 * DAY,
    )
    curve = curve_of(
        [
            (january + 3 * DAY, 100.0, 10.0),
            (february, 110.0, 20.0),
            (february + DAY, 5.0, 1.0),
            (march, 99.0, 10.0),
            (march + DAY, 198.0, 5.0),
        ]
    )
    assert [(m.year, m.month) for m in months(curve)] == [(2025, 1), (2025, 2), (2025, 3)]
    assert [m.return_share for m in months(curve)] == pytest.approx([0.1, -0.1, 1.0])
    assert [m.market_share for m in months(curve)] == pytest.approx([1.0, -0.5, -0.5])


@pytest.mark.parametrize("seed", range(3))
def test_months_make_the_whole_return(seed):
    curve = curve_by_chance(seed, 1_000)
    whole = np.prod([1 + month.return_share for month in months(curve)])
    assert whole == pytest.approx(curve["equity"][-1] / curve["equity"][0])


def test_holding_is_the_price_from_the_same_start():
    curve = curve_of([(START, 50.0, 10.0), (START + DAY, 70.0, 15.0)])
    assert held(curve).tolist() == [50, 75]
    assert held(curve_of([(START, 50.0, 0.0), (START + DAY, 70.0, 15.0)])) is None


@given(st.integers(1, 5_000), st.integers(10, 400), st.integers(0, 99), st.sampled_from([1, 100]))
def test_thinning_keeps_ends_and_extremes_and_no_two_points_of_a_second(count, most, seed, per):
    rng = np.random.default_rng(seed)
    times = START + np.cumsum(rng.integers(1, 2 * SECOND // per, count))
    series = [rng.normal(size=count), rng.normal(size=count)]
    kept = thin(times, series, most)
    seconds = times[kept] // SECOND
    assert np.all(np.diff(seconds) > 0)
    assert kept[-1] == count - 1
    lasts = np.flatnonzero(np.diff(times // SECOND, append=times[-1:] // SECOND + 1))
    if len(lasts) <= most:
        assert kept.tolist() == lasts.tolist()
        return
    assert len(kept) <= most + 1
    for values in series:
        assert values[kept].min() == values[lasts].min()
        assert values[kept].max() == values[lasts].max()


def test_the_deepest_fall_of_an_equity_is_a_share_of_its_peak():
    """And none where there is nothing, or nothing but debt."""
    assert fall_share(np.array([100.0, 120.0, 90.0, 130.0, 104.0])) == pytest.approx(0.25)
    assert fall_share(np.array([])) == 0
    assert fall_share(np.array([-5.0, -9.0])) == 0
