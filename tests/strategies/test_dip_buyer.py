from decimal import Decimal

import pytest

from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.lifecycle import Fill
from steelyard.domain.order import Liquidity, Side
from steelyard.strategies import DipBuyer
from steelyard.trading.bench import BTC_USDT, Bench
from steelyard.trading.duration import Duration


def test_the_defaults_are_the_tutorials():
    """Every 60 s, below 40,000, buy 0.01 (E5)."""
    params = DipBuyer().params
    assert (params.below, params.size, params.every) == (
        Decimal(40_000),
        Decimal("0.01"),
        Duration("60s"),
    )
    assert [*Bench(DipBuyer()).desk.timers] == [Duration("60s")]


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ("0.000001", "size 0.000001 is not a multiple of lot_size"),
        ("9001", "size 9001 is above the maximum"),
        ("0.0001", "size 0.0001 at any price below 40000 is worth less than the minimum of 5 USDT"),
        ("0.00013", None),
    ],
)
def test_a_size_that_the_venue_would_never_take_is_found_before_trading(
    size: str, said: str | None
):
    """Off the lot, beyond the maximum, or below the least that an order may be worth."""
    strategy = DipBuyer(size=size)
    if said is None:
        strategy.check(BTC_USDT)
    else:
        with pytest.raises(UsageError, match=said):
            strategy.check(BTC_USDT)


@pytest.mark.parametrize(
    ("price", "buys"),
    [("39999.99", True), ("1", True), ("40000", False), ("40000.01", False), (None, False)],
)
def test_it_buys_below_and_not_at_or_above(price: str | None, buys: bool):
    """A fixed size at the market, and nothing without a price."""
    assert Bench(DipBuyer()).timer(price) == ["buy 0.01 market"] * buys


def test_it_buys_again_each_time():
    """It keeps no state: how much it may collect is for max_position to say."""
    bench = Bench(DipBuyer(below="50000", size="0.5"))
    assert [len(bench.timer("42000")) for _ in range(3)] == [1, 1, 1]


def test_it_logs_id_and_price_of_a_fill():
    """As the tutorial asks for."""
    bench = Bench(DipBuyer())
    bench.strategy.on_fill(
        Fill(
            trade_id=9,
            order_id=77,
            client_order_id="a",
            account_id=0,
            instrument_id=0,
            side=Side.BUY,
            price_ticks=3_999_000,
            size_lots=1_000,
            quote_atoms=BTC_USDT.notional_atoms(3_999_000, 1_000),
            liquidity=Liquidity.TAKER,
            fee_asset_id=1,
            fee_atoms=0,
            time_ns=0,
        )
    )
    assert bench.log == ["bought 0.01000 at 39990.00, order 77, trade 9"]


def test_a_decision_is_logged_with_its_price():
    """Whichever it was."""
    bench = Bench(DipBuyer())
    bench.timer(None)
    bench.timer("39000")
    bench.timer("41000")
    assert bench.log == [
        "no price yet",
        "price 39000.00 is below 40000: buying 0.01",
        "price 41000.00 is not below 40000",
    ]


def test_an_unknown_parameter_is_refused():
    """With the nearest right one."""
    with pytest.raises(ConfigError, match="did you mean 'below'"):
        DipBuyer(bellow="1")
