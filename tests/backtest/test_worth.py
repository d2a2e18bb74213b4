"""What assets are worth in one of them, by the prices of the legs."""

import numpy as np
import pytest

from steelyard.backtest.worth import worth_of
from steelyard.domain.errors import ConfigError
from tests.backtest.market import BTC
from tests.backtest.test_legs import ETH, ETH_BTC

PRICES = np.array([[50_000.0, 0.05], [60_000.0, 0.04]])


def test_a_way_goes_over_several_legs_where_none_is_direct():
    """ETH is sold for BTC and that for USDT; the other way round prices divide."""
    instruments = {"btc": BTC, "cross": ETH_BTC}
    venues = dict.fromkeys(instruments, "main")
    worth = worth_of(instruments, venues, "USDT")
    assert worth.of("main", "ETH", PRICES).tolist() == pytest.approx([2_500, 2_400])
    assert worth.text == "in USDT; BTC at the middle of btc, ETH at the middle of cross and btc"
    back = worth_of(instruments, venues, "ETH")
    assert back.of("main", "USDT", PRICES).tolist() == pytest.approx([1 / 2_500, 1 / 2_400])


def test_a_leg_at_the_same_venue_comes_first():
    """What lies at a venue is worth what it trades at there."""
    worth = worth_of({"one": BTC, "other": BTC}, {"one": "a", "other": "b"}, "USDT")
    prices = np.array([[100.0, 101.0]])
    assert worth.of("a", "BTC", prices).tolist() == [100]
    assert worth.of("b", "BTC", prices).tolist() == [101]


def test_an_asset_that_no_leg_prices_is_refused():
    """The message names one that would do."""
    with pytest.raises(ConfigError, match=r"what BTC is worth in EUR; .* such as USDT"):
        worth_of({"one": BTC, "other": ETH}, {"one": "a", "other": "a"}, "EUR")
