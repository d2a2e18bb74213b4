"""What trading costs, by hand and by what must hold for any fills."""

from decimal import Decimal

import pytest
from backtests import ATOMS, INSTRUMENT, START, fill, fills_of, random_fills
from hypothesis import given
from hypothesis import strategies as st

from steelyard.backtest.costs import measure
from steelyard.backtest.trips import book


def costs_of(fills, mark=100.0, equity=1_000.0, years=0.5):
    return measure(fills, book(fills, INSTRUMENT), INSTRUMENT, mark, equity, years)


def two_fills():
    """A coin bought as a taker at 100.02 and sold as a maker at 101."""
    return fills_of(
        # decided at 99.995, arrived at 100.00
        fill(START, 1, 10_002, 100_000, ATOMS // 10, decided=19_999, arrived=20_000),
        # decided at 101.00, arrived at 100.98
        fill(START, -1, 10_100, 100_000, -ATOMS // 20, maker=True, decided=20_200, arrived=20_196),
    )


def test_slippage_is_told_apart_to_half_a_tick():
    """Delay is the way of the middle, taking is from there to the price, resting is earned."""
    slippage = costs_of(two_fills()).slippage
    assert slippage.delay_quote == Decimal("0.005") + Decimal("0.02")
    assert slippage.taking_quote == Decimal("0.02")
    assert slippage.resting_quote == Decimal("-0.02")
    assert (slippage.known_fills, slippage.taker_fills, slippage.maker_fills) == (2, 1, 1)


def test_fees_rebates_and_turnover():
    costs = costs_of(two_fills())
    assert costs.volume_quote == Decimal("201.02")
    assert costs.taker_volume_quote == Decimal("100.02")
    assert costs.maker_volume_quote == Decimal(101)
    assert costs.fees_quote == Decimal("0.05")
    assert (costs.fees_paid_quote, costs.rebates_quote) == (Decimal("0.1"), Decimal("0.05"))
    assert (costs.taker_fees_quote, costs.maker_fees_quote) == (Decimal("0.1"), Decimal("-0.05"))
    assert costs.turnover_per_year == pytest.approx(201.02 / 1_000 / 0.5)
    assert costs.tick_quote == Decimal("0.01")
    assert costs.gross_profit_quote == Decimal("0.98")
    assert costs.net_profit_quote == Decimal("0.93")
    assert costs.net_at_fees[0] == (0, Decimal("0.98"))
    assert costs.net_at_fees[3] == (1.5, Decimal("0.905"))


def test_what_is_open_counts_at_the_mark():
    fills = fills_of(fill(START, 1, 10_000, 100_000, ATOMS))
    assert costs_of(fills, mark=103.5).net_profit_quote == Decimal("2.5")


def test_an_unknown_middle_is_in_no_sum():
    fills = fills_of(
        fill(START, 1, 10_000, 100_000, decided=0, arrived=19_000),
        fill(START, 1, 10_000, 100_000, decided=19_000, arrived=0),
    )
    slippage = costs_of(fills).slippage
    assert slippage.known_fills == 0
    assert (slippage.delay_quote, slippage.taking_quote) == (0, 0)


def test_nothing_traded_has_no_rate_and_says_so():
    costs = costs_of(fills_of(), equity=0.0)
    assert (costs.breakeven_fee_rate, costs.fee_rate, costs.turnover_per_year) == (None, None, None)
    assert set(costs.absent) == {"breakeven_fee_rate", "fee_rate", "turnover_per_year"}


@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 200_000))
def test_at_the_breakeven_rate_nothing_is_left(seed, count, rate_e8):
    """The same fills, with that fee on all that was traded, have a profit of zero."""
    fills = random_fills(seed, count, fee_rate_e8=rate_e8)
    costs = costs_of(fills, mark=60_000.0)
    left = float(costs.gross_profit_quote) - costs.breakeven_fee_rate * float(costs.volume_quote)
    assert left == pytest.approx(0, abs=1e-6 * float(costs.volume_quote))
    assert costs.fee_rate == pytest.approx(rate_e8 / 1e8, rel=1e-4)
    assert costs.net_profit_quote == costs.gross_profit_quote - costs.fees_quote
    assert dict(costs.net_at_fees)[1] == costs.net_profit_quote


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_slippage_is_the_whole_way_from_the_decision_to_the_price(seed, count):
    """Its parts add up, fill by fill, to the price less the middle that was decided on."""
    fills = random_fills(seed, count)
    slippage = costs_of(fills).slippage
    whole = sum(
        side * (2 * price - decided) * lots * INSTRUMENT.tick_lot_atoms
        for side, price, decided, lots in zip(
            fills["side"].tolist(),
            fills["price_ticks"].tolist(),
            fills["decided_half_ticks"].tolist(),
            fills["size_lots"].tolist(),
            strict=True,
        )
    )
    parts = slippage.delay_quote + slippage.taking_quote + slippage.resting_quote
    assert parts * 2 * ATOMS == whole
