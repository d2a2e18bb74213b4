"""Assets at fixed shares of the whole."""

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.strategies import Rebalancer
from steelyard.trading.bench import BTC_USDT, LegsBench
from tests.strategies.test_triangular import ETH_BTC, ETH_USDT

LEGS = {"btc": BTC_USDT, "eth": ETH_USDT}
PRICES = {"btc": "10000", "eth": "500"}
SHARES = {"btc": "50", "eth": "30"}


def bench(**parameters) -> LegsBench:
    given = {"shares": SHARES, "capital": "10000", "band": "1"}
    return LegsBench(Rebalancer(**(given | parameters)), LEGS, prices=PRICES)


def test_it_begins_by_buying_the_shares():
    """Of the capital; what has no share stays in quote."""
    one = bench()
    assert sorted(one.started) == ["btc: buy 0.5 market", "eth: buy 6 market"]
    one["btc"].fill()
    one["eth"].fill()
    assert one["btc"].timer() == []
    assert one["btc"].desk.cash_atoms() == -5_000 * 10**12


def test_what_has_risen_is_sold_and_what_has_fallen_is_bought():
    """Until both have their shares of what all is worth by then."""
    one = bench()
    one["btc"].fill()
    one["eth"].fill()
    # 0.5 at 12,000, 6 at 500 and 2,000 in quote: 11,000.
    assert sorted(one["btc"].timer("12000")) == ["btc: sell 0.04166 market", "eth: buy 0.6 market"]


def test_within_the_band_nothing_is_traded():
    """Half a percent off is not worth the fees."""
    one = bench()
    one["btc"].fill()
    one["eth"].fill()
    assert one["btc"].timer("10100") == []


def test_it_waits_for_prices_for_venues_and_for_its_orders():
    """And says why."""
    one = bench()
    assert one["btc"].timer() == [], "its orders are open"
    one["btc"].refuse()
    one["eth"].refuse()
    one["eth"].desk.trouble = lambda: "gated"
    assert one["btc"].timer() == []
    assert one["btc"].log[-1] == "eth cannot be traded now: nothing done"
    blind = LegsBench(Rebalancer(shares=SHARES, capital="100"), LEGS, prices={"btc": "1"})
    assert blind.started == []
    assert blind["eth"].log == ["not every price is known: nothing done"]


def test_what_is_lost_is_not_bought_again():
    """Nothing left is no reason to trade."""
    one = bench()
    one["btc"].fill("30000")
    one["eth"].refuse()
    assert one["btc"].timer("1") == []
    assert one["btc"].log[-1] == "nothing left"


@pytest.mark.parametrize(
    ("legs", "shares", "said"),
    [
        (LEGS, {"btc": "0", "eth": "1"}, "share of btc is 0"),
        (LEGS, {"btc": "60", "eth": "41"}, "add up to 101"),
        (LEGS, {"btc": "60"}, "eth is not in both"),
        ({"btc": BTC_USDT, "eth": ETH_BTC}, SHARES, "quoted in BTC, USDT"),
    ],
)
def test_wrong_shares_and_legs_are_named(legs, shares, said):
    """With what they must be."""
    with pytest.raises(ConfigError, match=said):
        LegsBench(Rebalancer(shares=shares, capital="1"), legs)
