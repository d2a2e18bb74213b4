"""Around a triangle of markets, in both directions."""

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.strategies import TriangularArbitrage
from steelyard.trading.bench import BTC_USDT, LegsBench

ETH_BTC = Instrument.spot(
    1,
    (3, "ETH"),
    (1, "BTC"),
    tick_size="0.0001",
    lot_size="0.001",
    price_max="1000",
    size_max="9000",
    notional_min="0.0001",
)
ETH_USDT = Instrument.spot(
    2,
    (3, "ETH"),
    (2, "USDT"),
    tick_size="0.01",
    lot_size="0.001",
    price_max="100000",
    size_max="9000",
    notional_min="5",
)
LEGS = {"first": BTC_USDT, "second": ETH_BTC, "third": ETH_USDT}


def bench(legs: dict[str, Instrument] = LEGS, **parameters) -> LegsBench:
    given = {"edge": "0.5", "fee": "0.1", "spend": "1000"}
    made = LegsBench(TriangularArbitrage(**(given | parameters)), legs)
    made["first"].book("9999", "10000")
    made["second"].book("0.0499", "0.05", "100")
    return made


def test_it_goes_around_when_that_pays():
    """A coin of BTC for 10,000 buys 20 ETH, and they are sold for more than they cost."""
    assert sorted(bench()["third"].book("510", "520", "100")) == [
        "first: buy 0.1 limit at 10000.00",
        "second: buy 2 limit at 0.0500",
        "third: sell 2 limit at 510.00",
    ]


def test_it_goes_the_other_way_around():
    """From ETH to BTC, where ETH is too cheap."""
    assert sorted(bench()["third"].book("480", "490", "100")) == [
        "first: sell 0.10183 limit at 9999.00",
        "second: sell 2.04 limit at 0.0499",
        "third: buy 2.04 limit at 490.00",
    ]


@pytest.mark.parametrize(("bid", "acts"), [("504", False), ("504.02", True)])
def test_three_fees_and_the_edge_have_to_be_left(bid: str, acts: bool):
    """504.02 / 500, less three times 0.1 %, is a little more than 0.5 %."""
    assert bool(bench()["third"].book(bid, "520", "100")) is acts


def test_the_smallest_book_bounds_the_round():
    """All three sizes shrink together."""
    assert sorted(bench()["third"].book("510", "520", "0.5")) == [
        "first: buy 0.025 limit at 10000.00",
        "second: buy 0.5 limit at 0.0500",
        "third: sell 0.5 limit at 510.00",
    ]


def test_a_round_too_small_for_one_market_is_none():
    """Two orders without the third would be a bet."""
    assert bench()["third"].book("510", "520", "0.005") == []


def test_it_does_not_begin_while_a_market_cannot_be_traded_on():
    """Nor while anything is on its way."""
    one = bench()
    one["second"].desk.trouble = lambda: "the book is stale"
    assert one["third"].book("510", "520", "100") == []


def test_what_a_round_has_left_is_traded_back():
    """By all fills together: what was bought here and sold there is nothing."""
    one = bench(edge="40")
    one["third"].book("499", "501", "100")
    one["second"].hold("2", "0.05")  # 2 ETH for 0.1 BTC
    one["first"].hold("0.1", "10000")
    assert one["first"].timer("10000") == ["third: sell 2 market"]
    one["third"].fill()
    one["first"].hold("0.15", "10000")
    assert one["first"].timer("10000") == ["first: sell 0.05 market"]


@pytest.mark.parametrize(
    "legs",
    [
        LEGS | {"second": BTC_USDT},
        LEGS | {"first": ETH_BTC},
        {"first": BTC_USDT, "second": ETH_USDT, "third": ETH_BTC},
    ],
)
def test_markets_that_are_no_triangle_are_refused(legs: dict[str, Instrument]):
    """With how to name them."""
    with pytest.raises(ConfigError, match="no way from"):
        bench(legs)
