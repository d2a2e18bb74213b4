"""Trend following by two exponential averages."""

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.strategies import EmaCross
from steelyard.trading.bench import Bench


def bench(history: list[str], **parameters) -> Bench:
    given = {"fast": 2, "slow": 4, "margin": "0", "size": "0.05"}
    return Bench(EmaCross(**(given | parameters)), history=history)


def warm(price: str = "100") -> list[str]:
    return [price] * (EmaCross(fast=2, slow=4).history_bars)


def test_it_is_long_in_a_rise_and_out_in_a_fall():
    """Decided at the first bar, because the past is known."""
    one = bench(warm())
    assert one.close("101") == ["buy 0.05 market"]
    one.fill()
    assert one.close("102") == []
    assert one.close("90") == ["sell 0.05 market"]


def test_both_ways_turns_in_one_order():
    """From long to short by twice the size."""
    one = bench(warm(), both_ways=True)
    assert one.close("101") == ["buy 0.05 market"]
    one.fill()
    assert one.close("90") == ["sell 0.1 market"]


def test_within_the_margin_nothing_is_decided():
    """Neither bought nor sold: it takes a change of more than that."""
    one = bench(warm(), margin="1")
    assert one.close("101") == []
    assert one.close("110") == ["buy 0.05 market"]
    one.fill()
    assert one.close("107.50", "107.50", "107.50") == []


def test_without_a_past_it_waits_for_its_averages():
    """As many bars as the slow one looks at."""
    one = bench([])
    bars = one.strategy.history_bars
    assert [one.close(str(100 + at)) for at in range(bars - 1)] == [[]] * (bars - 1)
    assert one.close("200") == ["buy 0.05 market"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fast": 5, "slow": 5}, "fast must be smaller"),
        ({"fast": 1}, "fast is 1; it must be 2 or more"),
        ({"slow": 150}, "slow is 150; it must be 149 or less"),
        ({"size": "0"}, "size is 0; it must be above 0"),
    ],
)
def test_wrong_parameters_are_named(given: dict, said: str):
    """What is beyond 149 bars needs more of the past than a venue tells."""
    with pytest.raises(ConfigError, match=said):
        EmaCross(**given)


def test_the_longest_average_that_is_allowed_can_be_warmed_up():
    """So the bound of `slow` is the right one."""
    assert EmaCross(fast=100, slow=149).history_bars <= 900
