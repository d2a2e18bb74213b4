"""What has risen is held."""

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.strategies import Momentum
from steelyard.trading.bench import Bench


def bench(**parameters) -> Bench:
    given = {"bars": 2, "enter": "1", "leave": "0.2", "size": "0.05"}
    return Bench(Momentum(**(given | parameters)), history=["100", "100", "100"])


def test_it_buys_a_rise_and_sells_when_it_has_ended():
    """Between the two thresholds it keeps what it has."""
    one = bench()
    assert one.close("100.90") == []
    assert one.close("101.50") == ["buy 0.05 market"]
    one.fill()
    assert one.close("101.80") == []  # 0.89 % over two bars
    assert one.close("101.60") == ["sell 0.05 market"]  # 0.1 %


def test_without_a_position_the_middle_is_no_reason_to_buy():
    """Only a rise beyond `enter` is."""
    assert bench().close("100.50", "100.90") == []


def test_both_ways_sells_a_fall_by_the_same_thresholds():
    """And buys it back when the fall has ended."""
    one = bench(both_ways=True)
    assert one.close("98") == ["sell 0.05 market"]
    one.fill()
    assert one.close("99") == []  # -1 %
    assert one.close("98") == ["buy 0.05 market"]  # no change any more


def test_one_way_never_sells_what_it_has_not():
    """A fall is no reason to act."""
    assert bench().close("90", "80") == []


def test_leave_must_be_below_enter():
    """Or it would sell what it buys."""
    with pytest.raises(ConfigError, match="leave must be smaller"):
        Momentum(enter="1", leave="1")


def test_the_past_that_it_asks_for_is_enough_for_the_first_bar():
    """As many bars as the change takes, and one."""
    assert Momentum(bars=30).history_bars == 31
