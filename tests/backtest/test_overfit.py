"""Tests for luck, against published numbers and what must hold for any."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.backtest.overfit import (
    days_needed,
    deflated_sharpe,
    expected_max_sharpe,
    flip_trades,
    judge,
    permute_signals,
    probabilistic_sharpe,
    shuffle_trades,
)
from steelyard.domain.errors import UsageError


def test_the_deflated_ratio_is_that_of_the_paper():
    """The example of Bailey and Lopez de Prado (2014): 2.5 a year over 1250 days, V = 1/2 a year.

    100 trials: the best of nothing shows 0.1132 a day, and the probability is 0.9004. With 46
    trials it would be 0.9505, and so with 88 if returns were normal.
    """
    deviation, sharpe = math.sqrt(1 / 2 / 250), 2.5 / math.sqrt(250)
    assert expected_max_sharpe(100, deviation) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(sharpe, 1250, -3, 10, 100, deviation) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(sharpe, 1250, -3, 10, 46, deviation) == pytest.approx(0.9505, abs=5e-5)
    assert deflated_sharpe(sharpe, 1250, 0, 3, 88, deviation) == pytest.approx(0.9505, abs=5e-5)


def test_the_probability_of_a_ratio_without_moments_is_the_plain_one():
    """Normal returns: the ratio's deviation is the root of (1 + ratio^2 / 2) / (days - 1)."""
    z = 0.1 * math.sqrt(250 / (1 + 0.1**2 / 2))
    assert probabilistic_sharpe(0.1, 251, 0, 3) == pytest.approx(0.5 * math.erfc(-z / math.sqrt(2)))
    assert probabilistic_sharpe(0.1, 251, 0, 3, 0.1) == 0.5


@given(
    st.floats(0.01, 0.5), st.integers(2, 5_000), st.floats(-3, 3), st.floats(0, 10),
    st.integers(2, 1_000),
)  # fmt: skip
def test_more_trials_deflate_more_and_more_days_prove_more(sharpe, days, skew, above, trials):
    kurtosis = 1 + skew**2 + above
    one = deflated_sharpe(sharpe, days, skew, kurtosis, 1, 0.05)
    assert one == probabilistic_sharpe(sharpe, days, skew, kurtosis)
    fewer = deflated_sharpe(sharpe, days, skew, kurtosis, trials, 0.05)
    assert 0 <= deflated_sharpe(sharpe, days, skew, kurtosis, trials + 1, 0.05) <= fewer <= one <= 1
    assert probabilistic_sharpe(sharpe, days + 1, skew, kurtosis) >= one


def test_the_days_needed_are_those_that_reach_the_probability():
    needed = days_needed(0.1, -1, 6)
    assert probabilistic_sharpe(0.1, math.ceil(needed), -1, 6) >= 0.95
    assert probabilistic_sharpe(0.1, math.floor(needed) - 1, -1, 6) < 0.95
    assert days_needed(0.0, 0, 3) is None


def test_the_best_of_worthless_trials_is_what_chance_shows():
    """Simulated: the mean of the largest of 50 normal numbers, to a few percent."""
    draws = np.random.default_rng(1).normal(0, 0.3, (20_000, 50)).max(axis=1).mean()
    assert expected_max_sharpe(50, 0.3) == pytest.approx(float(draws), rel=0.02)


@pytest.mark.parametrize(("trials", "deviation"), [(0, 0.1), (5, -0.1)])
def test_what_is_no_number_of_trials_is_refused(trials, deviation):
    with pytest.raises(UsageError, match="trials must be 1 or more"):
        expected_max_sharpe(trials, deviation)


def test_one_day_has_no_ratio():
    assert judge(np.array([0.1])) is None
    assert judge(np.zeros(5)) is None
    with pytest.raises(UsageError, match="two are the fewest"):
        probabilistic_sharpe(0.1, 1, 0, 3)


def test_a_judgement_knows_its_trials():
    returns = np.random.default_rng(3).normal(0.002, 0.01, 300)
    alone, picked = judge(returns), judge(returns, 100, 0.05)
    assert alone.deflated is None
    assert alone.probability == picked.probability
    assert picked.deflated < picked.probability
    assert picked.expected_max == expected_max_sharpe(100, 0.05)


def test_shuffling_is_seeded_and_keeps_the_end():
    profits = np.random.default_rng(5).normal(1, 20, 200)
    first = shuffle_trades(profits, 1_000.0, seed=7)
    assert first == shuffle_trades(profits, 1_000.0, seed=7)
    assert first != shuffle_trades(profits, 1_000.0, seed=8)
    assert (first.runs, first.seed) == (1_000, 7)
    assert 0 < first.median_drawdown_share <= first.p95_drawdown_share <= first.worst_drawdown_share


def test_the_luckiest_order_is_seen_as_such():
    """All losses first is the worst order; winners and losers in turn the best."""
    worst = np.array([-50.0] * 10 + [100.0] * 10)
    best = np.array([100.0, -50.0] * 10)
    assert shuffle_trades(worst, 1_000.0, seed=1).deeper_share == 0
    assert shuffle_trades(best, 1_000.0, seed=1).deeper_share > 0.9
    assert shuffle_trades(best, 1_000.0, seed=1).observed_drawdown_share == pytest.approx(
        50 / 1_100
    )


def test_equal_trades_have_one_drawdown():
    found = shuffle_trades(np.full(30, -10.0), 1_000.0, seed=1)
    assert found.worst_drawdown_share == pytest.approx(found.observed_drawdown_share)
    assert found.deeper_share == 0
    assert shuffle_trades(np.full(60, -10.0), 1_000.0, seed=1).ruined_share == 1


def test_what_cannot_be_shuffled_is_none_or_refused():
    assert shuffle_trades(np.array([1.0]), 10.0, seed=1) is None
    with pytest.raises(UsageError, match="must be positive"):
        shuffle_trades(np.array([1.0, 2.0]), 0.0, seed=1)


def test_very_many_trades_are_shuffled_less_often():
    """A report of a hundred thousand trades is there within seconds, and says how many runs."""
    assert shuffle_trades(np.ones(100_000), 1.0, seed=1).runs == 200
    assert shuffle_trades(np.ones(500_000), 1.0, seed=1, runs=5).runs == 5


def test_signals_that_see_the_future_are_found_and_those_by_chance_are_not():
    rng = np.random.default_rng(2)
    returns = rng.normal(0, 0.01, 2_000)
    seeing = permute_signals((returns > 0).astype(float), returns, seed=1)
    assert seeing.p_value == pytest.approx(1 / 1_001)
    assert seeing.observed > seeing.chance_p95 > seeing.chance_mean
    values = [
        permute_signals((rng.random(500) > 0.5).astype(float), returns[:500], seed).p_value
        for seed in range(200)
    ]
    # Under chance a p value is uniform: about one in ten is below 0.1.
    assert 0.03 < np.mean(np.array(values) < 0.1) < 0.18


def test_turning_signals_is_a_circular_shift():
    """The distribution is made of exactly the sums of all turns."""
    rng = np.random.default_rng(4)
    positions, returns = rng.random(31), rng.normal(size=31)
    sums = [float(np.dot(np.roll(positions, turn), returns)) for turn in range(1, 31)]
    found = permute_signals(positions, returns, seed=1, runs=20_000)
    assert found.observed == pytest.approx(float(np.dot(positions, returns)))
    assert found.chance_mean == pytest.approx(np.mean(sums), abs=0.05)
    good = np.mean(np.array(sums) >= found.observed)
    assert found.p_value == pytest.approx(good, abs=0.02)


def test_what_cannot_be_turned_is_none_or_refused():
    assert permute_signals(np.ones(50), np.arange(50.0), seed=1) is None
    assert permute_signals(np.array([0.0, 1.0]), np.array([0.0, 1.0]), seed=1) is None
    with pytest.raises(UsageError, match="do not fit"):
        permute_signals(np.ones(3), np.ones(4), seed=1)


def test_a_coin_is_a_coin():
    """A steady winner is not chance; a winner of one large trade may well be."""
    assert flip_trades(np.full(20, 5.0), seed=1).p_value == pytest.approx(1 / 1_001)
    lucky = np.array([-1.0] * 19 + [40.0])
    assert flip_trades(lucky, seed=1).p_value > 0.2
    assert flip_trades(lucky, seed=1) == flip_trades(lucky, seed=1)
    assert flip_trades(np.array([1.0]), seed=1) is None
