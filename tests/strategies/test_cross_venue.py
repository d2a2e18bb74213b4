"""Arbitrage between two venues: both sides at once, and what is left over is evened out."""

import pytest

from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.order import TimeInForce
from steelyard.strategies import CrossVenueArbitrage
from steelyard.trading.bench import BTC_USDT, LegsBench
from tests.strategies.test_triangular import ETH_USDT

SECOND_NS = 10**9


def bench(**parameters) -> LegsBench:
    given = {"edge": "0.5", "fees": "0.2", "size": "0.5", "inventory_max": "2"}
    made = LegsBench(
        CrossVenueArbitrage(**(given | parameters)), {"one": BTC_USDT, "other": BTC_USDT}
    )
    made["one"].book("99", "100")
    return made


def test_it_buys_the_cheap_and_sells_the_dear_at_the_same_time():
    """Each at the price that it has seen, or not at all."""
    one = bench()
    assert sorted(one["other"].book("101", "102")) == [
        "one: buy 0.5 limit at 100.00",
        "other: sell 0.5 limit at 101.00",
    ]
    wishes = [*one["one"].wishes, *one["other"].wishes]
    assert {wish.time_in_force for wish in wishes} == {TimeInForce.IOC}


def test_it_goes_the_other_way_around_too():
    """Whichever is the cheaper."""
    assert sorted(bench()["other"].book("97", "98")) == [
        "one: sell 0.5 limit at 99.00",
        "other: buy 0.5 limit at 98.00",
    ]


@pytest.mark.parametrize(("bid", "acts"), [("100.69", False), ("100.70", True)])
def test_fees_and_edge_have_to_be_left(bid: str, acts: bool):
    """0.2 % and 0.5 % of 100."""
    assert bool(bench()["other"].book(bid, "102")) is acts


def test_it_takes_no_more_than_is_there_and_than_may_move():
    """The touch of both books, and the inventory on both sides."""
    assert "one: buy 0.2 limit at 100.00" in bench()["other"].book("101", "102", "0.2")
    one = bench(inventory_max="0.7")
    one["one"].hold("0.4")
    one["other"].hold("-0.4")
    assert "one: buy 0.3 limit at 100.00" in one["other"].book("101", "102")
    one = bench(inventory_max="0.4", size="0.4")
    one["one"].hold("0.4")
    one["other"].hold("-0.4")
    assert one["other"].book("101", "102") == []


def test_it_waits_for_what_is_on_its_way_and_between_two_rounds():
    """One pair at a time."""
    one = bench(pause="2s")
    assert one["other"].book("101", "102")
    one["one"].wait(3 * SECOND_NS)
    one["other"].wait(3 * SECOND_NS)
    assert one["other"].book("101", "102") == [], "both orders are open"
    one["one"].fill()
    one["other"].fill()
    assert one["other"].book("101", "102")
    one["one"].fill()
    one["other"].fill()
    assert one["other"].book("101", "102") == [], "it is too soon"


def test_it_does_not_begin_while_a_venue_cannot_be_traded_on():
    """Half a pair is no arbitrage."""
    one = bench()
    one["one"].desk.trouble = lambda: "the private stream is down"
    assert one["other"].book("101", "102") == []


@pytest.mark.parametrize(
    ("one_holds", "other_holds", "said"),
    [
        ("0.5", "-0.3", ["other: sell 0.2 market"]),
        ("-0.5", "0.3", ["one: buy 0.2 market"]),
        ("0.5", "-0.49999", []),
    ],
)
def test_what_one_order_filled_alone_is_evened_out_where_it_is_better(
    one_holds: str, other_holds: str, said: list[str]
):
    """It sells where most is bid, and buys where least is asked; dust stays."""
    one = bench(edge="50")
    one["other"].book("99.50", "100.50")
    one["one"].hold(one_holds)
    one["other"].hold(other_holds)
    assert one["one"].timer("100") == said


@pytest.mark.parametrize(
    ("second", "parameters", "said"),
    [
        (ETH_USDT, {}, "must be of the same assets"),
        (BTC_USDT, {"size": "0.000001"}, "lot_size"),
    ],
)
def test_what_cannot_be_is_refused(second, parameters, said):
    """Before it trades."""
    with pytest.raises((ConfigError, UsageError), match=said):
        LegsBench(CrossVenueArbitrage(**parameters), {"one": BTC_USDT, "other": second})
