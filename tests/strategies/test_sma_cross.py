from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.errors import ConfigError
from steelyard.strategies import SmaCross
from steelyard.trading.bench import Bench


def bench(history: list[str] = (), **parameters) -> Bench:
    return Bench(SmaCross(**({"fast": 2, "slow": 4, "size": "0.05"} | parameters)), history=history)


def test_it_waits_for_enough_bars():
    """Without history the first decision comes with the `slow`-th bar."""
    one = bench()
    assert [len(one.close(price)) for price in ("100", "101", "102")] == [0, 0, 0]
    assert len(one.close("103")) == 1


def test_history_lets_it_decide_at_the_first_bar():
    """That is what it is asked for."""
    assert SmaCross(fast=2, slow=4).history_bars == 4
    assert bench(["100", "101", "102"]).close("103") == ["buy 0.05 market"]


def test_it_sells_what_it_has_when_the_trend_turns():
    """All of it, also where a fee took some of the size."""
    one = bench(["100", "101", "102", "103"])
    one.hold("0.04995")
    assert one.close("104") == []
    assert one.close("90") == ["sell 0.04995 market"]
    one.fill()
    assert one.close("80") == []


def test_flat_stays_flat_in_a_falling_market():
    """It does not go short."""
    one = bench(["104", "103", "102", "101"])
    assert [one.close(price) for price in ("100", "99", "98")] == [[], [], []]


def test_equal_averages_are_not_a_rise():
    """A flat market is none to be in."""
    one = bench(["100"] * 4)
    assert one.close("100") == []


def test_it_waits_while_an_order_is_open():
    """One decision at a time."""
    one = bench(["100", "101", "102", "103"])
    assert len(one.close("104")) == 1
    assert one.close("105") == []


def test_what_was_refused_is_wanted_again():
    """It compares what it has with what it wants, at each bar."""
    one = bench(["100", "101", "102", "103"])
    for price in ("104", "105", "106"):
        assert one.close(price) == ["buy 0.05 market"]
        one.refuse()


def test_what_a_fee_took_is_not_bought_again():
    """Holding a little less than the size is holding it."""
    one = bench(["100", "101", "102", "103"])
    one.hold("0.04995")
    assert one.close("104") == []


@pytest.mark.parametrize(("fast", "slow"), [(4, 4), (5, 4), (0, 4), (-1, 4)])
def test_the_fast_average_must_be_faster(fast: int, slow: int):
    """Otherwise the configuration is wrong, and it says how."""
    with pytest.raises(ConfigError, match="fast must be smaller"):
        SmaCross(fast=fast, slow=slow)


@given(st.lists(st.integers(1, 10**8), min_size=8, max_size=8), st.integers(1, 7))
def test_the_comparison_is_exact(ticks: list[int], fast: int):
    """Whole numbers give what fractions give."""
    one = bench(fast=fast, slow=8)
    one.strategy._closes.extend(ticks)
    means = Fraction(sum(ticks[-fast:]), fast), Fraction(sum(ticks), 8)
    assert one.strategy.trend == (means[0] > means[1]) - (means[0] < means[1])


def test_both_ways_is_short_while_the_market_falls():
    """By what it holds of the account's own: first the size, then twice the size to turn."""
    one = bench(["104", "103", "102", "101"], both_ways=True)
    assert one.close("100") == ["sell 0.05 market"]
    one.fill()
    assert one.close("99") == []
    assert one.close("120") == ["buy 0.1 market"]


def test_both_ways_keeps_what_it_has_where_nothing_moves():
    """Equal averages are no reason to trade."""
    one = bench(["100"] * 4, both_ways=True)
    one.hold("-0.05")
    assert one.close("100") == []


@pytest.mark.parametrize("size", ["0", "-0.01"])
def test_a_size_that_is_none_is_refused_when_the_bot_is_made(size):
    """By name, before anything starts."""
    with pytest.raises(ConfigError, match="size"):
        SmaCross(fast=2, slow=4, size=size)
