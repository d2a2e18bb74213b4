"""All figures of a run: by hand, against empyrical, and without a NaN anywhere."""

import math
from decimal import Decimal

import empyrical
import numpy as np
import pytest
from backtests import (
    ATOMS,
    DAY,
    HOUR,
    INSTRUMENT,
    MINUTE,
    START,
    candles_of,
    curve_of,
    fill,
    fills_of,
    random_run,
    result_of,
)
from msgspec import json

from steelyard.backtest import metrics, trips
from steelyard.backtest.curves import days
from steelyard.backtest.run import Run
from steelyard.backtest.settings import Settings
from steelyard.domain.order import FeeAsset
from steelyard.strategies import SmaCross


def three_trips():
    """One coin each: a win of 10, a loss of 4, a loss of 1, an hour, two and three long."""
    lots, rows, time_ns = 100_000, [], START
    for hours, entry, leave in ((1, 10_000, 11_000), (2, 11_000, 10_600), (3, 10_600, 10_500)):
        rows.append(fill(time_ns, 1, entry, lots))
        time_ns += hours * HOUR
        rows.append(fill(time_ns, -1, leave, lots))
    return fills_of(*rows)


def test_trades_by_hand():
    told = metrics.measure(result_of(three_trips())).trades
    assert (told.trips, told.wins, told.losses) == (3, 1, 2)
    assert told.hit_share == pytest.approx(1 / 3)
    assert told.profit_factor == pytest.approx(10 / 5)
    assert told.expectancy_quote == Decimal(5 * ATOMS // 3) / ATOMS
    assert told.expectancy_share == pytest.approx((0.1 - 4 / 110 - 1 / 106) / 3)
    assert (told.win_mean_quote, told.loss_mean_quote) == (10, Decimal("-2.5"))
    assert (told.best_quote, told.worst_quote) == (10, -4)
    assert told.losing_streak == 2
    assert told.holding_mean_ns == 2 * HOUR
    assert told.holding_median_ns == 2 * HOUR


def test_excursions_are_of_the_candles_within_a_trip():
    """Opened within the first candle, closed within the fifth: three candles lie in between."""
    prices = [10_000, 9_000, 9_500, 10_800, 10_100, 5_000]
    candles = candles_of([START + n * MINUTE for n in range(5)], prices)
    lots = 100_000
    fills = fills_of(
        fill(START + 1, 1, 10_000, lots), fill(START + 4 * MINUTE + 1, -1, 10_000, lots)
    )
    told = metrics.measure(result_of(fills, candles=candles)).trades
    assert told.adverse_worst_share == pytest.approx(0.1)  # 9000, of 10000
    assert told.favorable_mean_share == pytest.approx(0.08)  # 10800
    assert told.excursions == 1
    short = fills_of(
        fill(START + 1, -1, 10_000, lots), fill(START + 4 * MINUTE + 1, 1, 10_000, lots)
    )
    told = metrics.measure(result_of(short, candles=candles)).trades
    assert told.adverse_worst_share == pytest.approx(0.08)


def test_a_trip_within_one_candle_has_no_excursion():
    candles = candles_of([START, START + MINUTE], [10_000, 9_000, 9_500])
    fills = fills_of(fill(START + 1, 1, 10_000, 100), fill(START + 2, -1, 10_000, 100))
    told = metrics.measure(result_of(fills, candles=candles))
    assert told.trades.adverse_mean_share is None
    assert "no whole candle" in told.absent["adverse_mean_share"]


@pytest.mark.parametrize("seed", range(3))
def test_excursions_are_those_of_looking_at_each_candle(seed):
    """The table of powers of two gives what a plain search gives."""
    run = random_run(seed, 30)
    books = trips.book(run.fills, INSTRUMENT)
    against, favor, known = metrics.excursions(
        books.trips, run.candles, INSTRUMENT.tick_lot_atoms, INSTRUMENT.lot_atoms
    )
    candles = run.candles
    for n, trip in enumerate(books.trips):
        inside = (candles.open_ns >= trip.opened_ns) & (
            candles.open_ns + candles.interval_ns <= trip.closed_ns
        )
        assert known[n] == inside.any()
        if known[n]:
            entry = trip.entry_atoms * INSTRUMENT.lot_atoms
            entry /= trip.size_atoms * INSTRUMENT.tick_lot_atoms
            low, high = candles.low_ticks[inside].min(), candles.high_ticks[inside].max()
            assert against[n] == pytest.approx(max(0, 1 - low / entry))
            assert favor[n] == pytest.approx(max(0, high / entry - 1))


@pytest.mark.parametrize("seed", range(4))
def test_the_account_and_its_fills_tell_the_same_profit(seed):
    """Where it began without base, what became of the account is what the fills have made."""
    told = metrics.measure(random_run(seed, 60, skill=0.2))
    assert float(told.profit_quote) == pytest.approx(float(told.costs.net_profit_quote), abs=1e-6)
    assert float(told.return_share) == pytest.approx(float(told.profit_quote) / 10_000)


@pytest.mark.parametrize("seed", range(3))
def test_beta_is_that_of_empyrical(seed):
    run = random_run(seed, 60)
    told, daily = metrics.measure(run), days(run.curve)
    assert told.beta == pytest.approx(empyrical.beta(daily.returns, daily.market))
    assert told.correlation == pytest.approx(np.corrcoef(daily.returns, daily.market)[0, 1])
    assert told.market_sharpe == pytest.approx(
        empyrical.sharpe_ratio(daily.market, annualization=365)
    )


def test_exposure_is_weighted_by_time():
    """Flat for an hour, then half in for three."""
    curve = curve_of(
        [
            (START, 100.0, 10.0, 0.0),
            (START + HOUR, 100.0, 10.0, 5.0),
            (START + 4 * HOUR, 100.0, 10.0, 0.0),
        ]
    )
    told = metrics.measure(result_of(curve=curve, totals={"exposed_ns": 3 * HOUR}))
    assert told.exposure_mean_share == pytest.approx(3 / 8)
    assert told.exposure_max_share == pytest.approx(0.5)
    assert told.exposed_share == pytest.approx(3 / 4)


def test_open_profit_is_of_what_is_held():
    fills = fills_of(fill(START, 1, 10_000, 200_000, 4 * ATOMS), fill(START, -1, 10_000, 100_000))
    curve = curve_of([(START, 1_000.0, 100.0), (START + DAY, 1_000.0, 130.0)])
    told = metrics.measure(result_of(fills, curve))
    assert told.open_size == 1
    assert told.open_profit_quote == 30 - 2  # half of the fee went with what was sold


ODD = {
    "nothing": result_of(),
    "no points": result_of(curve=curve_of([])),
    "one point": result_of(curve=curve_of([(START, 5.0)])),
    "no equity": result_of(curve=curve_of([(START, 0.0, 0.0), (START + 3 * DAY, 0.0, 0.0)])),
    "ruin": result_of(
        curve=curve_of([(START, 5.0), (START + DAY, -5.0), (START + 3 * DAY, 1.0)]),
        totals={"drawdown": 2.0},
    ),
    "flat": result_of(curve=curve_of([(START + n * DAY, 100.0) for n in range(9)])),
    "one fill": result_of(fills_of(fill(START, 1, 10_000, 1))),
    "only wins": result_of(
        fills_of(fill(START, 1, 10_000, 1), fill(START, -1, 10_001, 1)),
        curve_of([(START + n * DAY, 100.0 + n) for n in range(9)]),
    ),
    "only losses": result_of(fills_of(fill(START, -1, 10_000, 1), fill(START, 1, 10_001, 1))),
    "a run": random_run(3, 20),
}


@pytest.mark.parametrize("result", ODD.values(), ids=ODD)
def test_nothing_is_nan_and_what_is_absent_has_a_reason(result):
    """Also in a run that is empty, ruined or flat."""
    told = metrics.measure(result)
    assert "nan" not in repr(told).lower()
    assert "inf" not in repr(told).replace("information", "")
    for name, value in told.by_name().items():
        if value is None:
            assert told.absent[name], name
        else:
            assert math.isfinite(value)
            assert name not in told.absent
    json.encode(told)


@pytest.mark.parametrize("equity", [1e-9, 0.1, 123_456.789, 1e21])
def test_money_of_the_curve_is_plain_whatever_its_size(equity):
    """No power of ten, and no more digits than a hundred millionth has."""
    told = metrics.measure(result_of(curve=curve_of([(START, equity), (START + DAY, equity)])))
    assert "E" not in json.encode(told.start_quote).decode() or equity < 1e-6
    assert float(told.start_quote) == pytest.approx(equity, abs=1e-8)


def test_a_sweep_finds_figures_by_name():
    told = metrics.measure(random_run(1, 60))
    found = told.by_name()
    assert found["sharpe"] == told.sharpe
    assert found["profit_quote"] == float(told.profit_quote)
    assert found["fees_quote"] == float(told.costs.fees_quote)
    assert found["hit_share"] == told.trades.hit_share


@pytest.mark.parametrize("fee_asset", [FeeAsset.QUOTE, FeeAsset.RECEIVED], ids=["quote", "base"])
def test_a_run_of_the_machine_and_its_fills_tell_the_same(fee_asset):
    """Position, fees and profit of the engine's own books are those made of its fills."""
    rng = np.random.default_rng(3)
    count = 5_000
    prices = np.round(6_000_000 * np.exp(np.cumsum(rng.normal(0, 0.001, count + 1)))).astype(int)
    bars = candles_of(START + MINUTE * np.arange(count), prices)
    settings = Settings(deposits={"USDT": Decimal(20_000)}, fee_asset=fee_asset)
    strategy = SmaCross(fast=5, slow=20, size="0.05", bar="5m")
    run = Run(strategy, bars, settings)
    run.go(lambda: 0.0)
    result = run.result()
    told, books = metrics.measure(result), trips.book(result.fills, result.about.instrument)
    assert told.trades.trips >= 30
    assert books.position_atoms == round(result.curve["position"][-1] * ATOMS)
    paid = result.totals.fees_atoms
    if fee_asset is FeeAsset.QUOTE:
        assert books.fees_atoms == paid[result.about.instrument.quote_asset_id]
    else:
        assert set(paid) == {1, 2}
    assert float(told.costs.net_profit_quote) == pytest.approx(float(told.profit_quote), abs=1e-4)
    assert told.drawdown_share >= max(fall.depth_share for fall in told.falls) - 1e-9
    assert told.fills == len(result.fills)
