"""Quotes on both sides that lean against the inventory."""

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.domain.order import Side
from steelyard.strategies import MarketMaker
from steelyard.trading.bench import Bench

SECOND_NS = 10**9


def bench(position: str = "0", **parameters) -> Bench:
    given = {"spread": "1", "size": "0.1", "inventory_max": "0.5", "skew": "50", "pause": "1s"}
    return Bench(MarketMaker(**(given | parameters)), position=position, price="100")


def test_it_quotes_half_the_spread_on_each_side_of_the_middle():
    """Resting only."""
    one = bench()
    assert one.book("99", "101") == ["buy 0.1 limit at 99.50", "sell 0.1 limit at 100.50"]
    assert all(intent.post_only for intent in one.wishes)


def test_quotes_stay_until_they_are_too_far_off():
    """Then the old one goes first: its hold must be free."""
    one = bench()
    one.book("99", "101")
    one.wait(SECOND_NS)
    assert one.book("99.05", "101.05") == []
    assert one.book("99.40", "101.40") == [
        "cancel buy 0.1 limit at 99.50",
        "cancel sell 0.1 limit at 100.50",
    ]
    assert one.book("99.40", "101.40") == ["buy 0.1 limit at 99.90", "sell 0.1 limit at 100.90"]


def test_a_quote_is_left_in_place_for_a_while():
    """A book that trembles does not make it run."""
    one = bench()
    one.book("99", "101")
    assert one.book("95", "97") == []


@pytest.mark.parametrize(
    ("position", "buy", "sell"),
    [("0", 99.5, 100.5), ("0.2", 99.4, 100.4), ("-0.2", 99.6, 100.6)],
)
def test_it_leans_against_what_it_holds(position: str, buy: float, sell: float):
    """Half the spread is 0.5, half of that at a full inventory, two fifths of it here."""
    said = bench(position).book("99", "101")
    assert said == [f"buy 0.1 limit at {buy:.2f}", f"sell 0.1 limit at {sell:.2f}"]


@pytest.mark.parametrize(("position", "side"), [("0.45", "sell"), ("-0.45", "buy")])
def test_a_full_inventory_is_quoted_on_one_side_only(position: str, side: str):
    """The one that brings it back."""
    (said,) = bench(position).book("99", "101")
    assert said.startswith(side)


def test_a_fill_that_fills_it_up_ends_quoting_on_that_side():
    """Until the other side has been hit."""
    one = bench("0.4")
    one.book("99", "101")
    assert one.open == ["buy 0.1 limit at 99.30", "sell 0.1 limit at 100.30"]
    one.fill_line("99.30")
    one.wait(SECOND_NS)
    assert one.book("99", "101") == []
    assert one.open == ["sell 0.1 limit at 100.30"]
    one.fill_line("100.30")
    one.wait(SECOND_NS)
    assert len(one.book("99", "101")) == 2


@pytest.mark.parametrize("position", ["0.4", "-0.4"])
@pytest.mark.parametrize("spread", ["0.0001", "0.01", "3"])
def test_it_never_quotes_across_the_middle(position: str, spread: str):
    """Whatever the spread is and however far it leans."""
    one = bench(position, spread=spread, skew="99")
    one.book("100", "100.01")
    prices = {order.place.side: order.place.price_ticks for order in one.desk.open_orders()}
    assert prices[Side.BUY] <= 10_000
    assert prices[Side.SELL] >= 10_001


def test_it_takes_its_quotes_back_at_the_end():
    """Whatever the configuration says about orders."""
    one = bench()
    one.book("99", "101")
    assert len(one.stop()) == 2
    assert one.open == []


def test_without_a_book_it_does_not_quote():
    """A last price is not enough."""
    assert bench().timer() == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"size": "1"}, "a quote must fit in"),
        ({"skew": "100"}, "skew is 100"),
        ({"skew": "-1"}, "skew is -1"),
        ({"spread": "0"}, "spread is 0; it must be above 0"),
    ],
)
def test_wrong_parameters_are_named(given: dict, said: str):
    """With what they must be."""
    with pytest.raises(ConfigError, match=said):
        bench(**given)
