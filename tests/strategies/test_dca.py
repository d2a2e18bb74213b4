"""The same amount on a schedule."""

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.strategies import Dca
from steelyard.trading.bench import BTC_USDT, Bench
from steelyard.trading.duration import Duration


def test_the_amount_is_the_same_and_the_size_follows_the_price():
    """Rounded down to whole lots: what is left of the amount is not spent."""
    bench = Bench(Dca(spend="50", every="1h"))
    assert [*bench.desk.timers] == [Duration("1h")]
    assert bench.timer("50000") == ["buy 0.001 market"]
    assert bench.timer("25000") == ["buy 0.002 market"]
    assert bench.timer("51000") == ["buy 0.00098 market"]


def test_it_asks_what_a_purchase_would_cost_where_there_is_a_book():
    """The best ask counts, not the last trade."""
    bench = Bench(Dca(spend="50"), price="25000")
    bench.book("49990", "50000")
    assert bench.timer() == ["buy 0.001 market"]


def test_what_would_be_less_than_an_order_is_skipped():
    """Rounding may take it below the least that an order may be worth."""
    bench = Bench(Dca(spend="5.1"))
    assert bench.timer("430000") == []
    assert bench.log == ["5.1 buy too little at 430000.00: skipped"]


def test_it_ends_when_enough_is_spent():
    """What its fills have cost counts."""
    bench = Bench(Dca(spend="50", spend_max="120"))
    for _ in range(2):
        assert bench.timer("50000") == ["buy 0.001 market"]
        bench.fill("50000")
    assert bench.timer("50000") == []
    assert bench.log[-1] == "100 of 120 spent: no more"


def test_it_skips_what_is_too_dear_and_what_has_no_price():
    """And says so."""
    bench = Bench(Dca(above="40000"))
    assert bench.timer() == []
    assert bench.timer("40000.01") == []
    assert bench.timer("40000") == ["buy 0.00125 market"]
    assert bench.log == ["no price yet: nothing bought", "price 40000.01 is above 40000: skipped"]


def test_an_amount_that_buys_nothing_is_found_before_trading():
    """By the market's own minimum."""
    with pytest.raises(ConfigError, match="must be worth more than 5 USDT"):
        Dca(spend="5").check(BTC_USDT)
