"""A grid buys on each line down and sells a line higher."""

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.strategies import Grid
from steelyard.trading.bench import BTC_USDT, Bench

LINES = {"low": "90", "high": "110", "lines": 5, "size": "0.1"}  # 90, 95, 100, 105, 110


def bench(price: str = "102", **more) -> Bench:
    return Bench(Grid(**LINES), price=price, **more)


def test_it_buys_on_the_lines_below_the_price():
    """The nearest first; above the price an empty cell waits."""
    assert bench().started == [
        "buy 0.1 limit at 100.00",
        "buy 0.1 limit at 95.00",
        "buy 0.1 limit at 90.00",
    ]


def test_what_a_line_bought_is_sold_a_line_higher_and_bought_again():
    """Each round earns the distance between two lines."""
    one = bench()
    for said in (one.fill_line("100.00"), one.fill_line("95.00")):
        assert len(said) == 1
    assert sorted(one.open) == [
        "buy 0.1 limit at 90.00",
        "sell 0.1 limit at 100.00",
        "sell 0.1 limit at 105.00",
    ]
    assert one.fill_line("100.00") == ["buy 0.1 limit at 95.00"]


def test_only_the_nearest_are_at_the_venue():
    """When the price leaves, an order far behind it goes and a nearer one comes."""
    one = Bench(Grid(**LINES, near=1), price="102")
    assert one.open == ["buy 0.1 limit at 100.00"]
    assert one.timer("107") == ["cancel buy 0.1 limit at 100.00", "buy 0.1 limit at 105.00"]


def test_a_part_that_filled_is_not_sold_before_the_rest_has_come():
    """One order of a cell at a time."""
    one = bench()
    one.fill(size="0.04")
    assert len(one.open) == 3
    assert one.timer() == []
    one.fill()
    assert {said.partition(" ")[0] for said in one.open} == {"sell"}


def test_what_a_fee_took_is_not_sold():
    """It sells what is there, and the cell is empty then."""
    one = bench()
    one.fill_line("100.00")
    one.refuse()
    one.hold("0.09990")
    assert one.timer()[-1] == "sell 0.0999 limit at 105.00"
    one.fill_line("105.00")
    assert one.position == 0
    assert "buy 0.1 limit at 100.00" in one.open


def test_after_a_restart_what_it_holds_is_of_the_lowest_cells_above_the_price():
    """So it is sold later rather than cheaper than it was bought."""
    one = bench("96", position="0.2")
    assert one.started == [
        "buy 0.1 limit at 95.00",
        "buy 0.1 limit at 90.00",
        "sell 0.1 limit at 105.00",
        "sell 0.1 limit at 110.00",
    ]


def test_what_somebody_else_sold_is_no_cells_any_more():
    """A stop, for instance: what is left to sell is the position."""
    one = bench("91", position="0.3")
    assert sum(said.startswith("sell") for said in one.open) == 3
    one.refuse()
    one.hold("0.1")
    assert [said for said in one.timer() if said.startswith("sell")] == ["sell 0.1 limit at 100.00"]


def test_a_refused_order_is_tried_again_later_and_not_at_once():
    """The price may be at the line: a loop would be quick."""
    one = bench()
    assert one.refuse() == []
    assert len(one.timer()) == 3


def test_without_a_price_it_waits():
    """There is nothing to be below."""
    assert Bench(Grid(**LINES)).started == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"low": "110", "high": "110"}, "low must be lower"),
        ({"high": "90.03", "lines": 5}, "closer than a tick"),
        ({"size": "0.05"}, "less than the minimum of 5 USDT"),
        ({"lines": 2}, "lines is 2; it must be 3 or more"),
        ({"low": "90.001"}, "not a multiple of tick_size"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(given: dict, said: str):
    """Before it trades."""
    with pytest.raises((ConfigError, ValueError, Exception), match=said):
        Grid(**(LINES | given)).check(BTC_USDT)
