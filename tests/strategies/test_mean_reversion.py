"""What is far below its mean is bought, given up when it goes on falling."""

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.strategies import MeanReversion
from steelyard.trading.bench import Bench

WAVE = ["99", "101"] * 10  # a mean of 100, a deviation of 1


def bench(**parameters) -> Bench:
    given = {"bars": 20, "enter": "2", "stop": "3.5", "size": "0.05"}
    return Bench(MeanReversion(**(given | parameters)), history=WAVE)


def test_it_buys_far_below_the_mean_and_sells_back_at_it():
    """On the way it keeps what it has."""
    one = bench()
    assert one.close("99") == []
    assert one.close("97") == ["buy 0.05 market"]
    one.fill()
    assert one.close("98.50") == []
    assert one.close("100.50") == ["sell 0.05 market"]


def test_it_gives_up_what_goes_on_falling_until_the_mean_was_touched():
    """Not bought again at the next low, but after a return."""
    one = bench()
    assert one.close("97") == ["buy 0.05 market"]
    one.fill()
    assert one.close("90") == ["sell 0.05 market"]
    one.fill()
    assert one.close("93") == []
    assert one.close("110") == []
    assert one.close("85") == ["buy 0.05 market"]


def test_a_price_that_jumps_past_the_stop_is_not_bought():
    """It has given up before it began."""
    assert bench().close("90") == []


def test_both_ways_sells_what_is_far_above():
    """Upside down the same."""
    one = bench(both_ways=True)
    assert one.close("103") == ["sell 0.05 market"]
    one.fill()
    assert one.close("99") == ["buy 0.05 market"]
    assert bench().close("103") == []


def test_a_price_that_does_not_move_is_at_its_mean():
    """No deviation is nothing to be away by."""
    one = Bench(MeanReversion(bars=3, size="0.05"), history=["100"] * 3)
    assert one.close("100") == []


@pytest.mark.parametrize(
    "given",
    [{"enter": "2", "stop": "2"}, {"enter": "1", "leave": "1"}, {"leave": "3", "enter": "2"}],
)
def test_the_thresholds_have_an_order(given: dict):
    """Leave, enter, stop."""
    with pytest.raises(ConfigError, match="must be in this order"):
        MeanReversion(**given)
