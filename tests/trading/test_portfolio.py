from decimal import Decimal
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.lifecycle import Fill
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import Liquidity, Side
from steelyard.domain.units import ATOMS_PER_UNIT, from_atoms
from steelyard.trading import portfolio as module
from steelyard.trading.portfolio import POINTS_MAX, Booked, EquityCurve, Portfolio
from tests.trading.venue import BTC_USDT

BTC, USDT, BNB = BTC_USDT.base_asset_id, BTC_USDT.quote_asset_id, 99


def fill(
    trade_id: int, side: Side, ticks: int, lots: int, fee_atoms: int = 0, fee_asset: int = USDT
) -> Fill:
    return Fill(
        trade_id=trade_id,
        order_id=trade_id,
        client_order_id="",
        account_id=0,
        instrument_id=3,
        side=side,
        price_ticks=ticks,
        size_lots=lots,
        quote_atoms=BTC_USDT.notional_atoms(ticks, lots),
        liquidity=Liquidity.TAKER,
        fee_asset_id=fee_asset,
        fee_atoms=fee_atoms,
        time_ns=trade_id,
    )


def booked(*fills: Fill) -> Portfolio:
    portfolio = Portfolio(BTC_USDT)
    for each in fills:
        assert portfolio.book(each) is Booked.NEW
    return portfolio


def usdt(text: str) -> int:
    return int(Decimal(text) * ATOMS_PER_UNIT)


def test_buying_and_selling_more_expensively_earns_the_difference():
    """0.01 BTC from 60,000 to 61,000 is 10; the fees are 0.60 and 0.61."""
    portfolio = booked(
        fill(1, Side.BUY, 6_000_000, 1_000, usdt("0.6")),
        fill(2, Side.SELL, 6_100_000, 1_000, usdt("0.61")),
    )
    assert portfolio.position_lots == 0
    assert portfolio.average_price is None
    assert from_atoms(portfolio.realized_atoms) == Decimal(10)
    assert from_atoms(portfolio.fees_atoms) == Decimal("1.21")
    assert from_atoms(portfolio.total_atoms(2 * 1)) == Decimal("8.79")


def test_a_part_is_closed_at_the_average_cost():
    """Bought at 60,000 and 62,000, half of it sold at 64,000: the other half is worth the rest."""
    portfolio = booked(
        fill(1, Side.BUY, 6_000_000, 1_000),
        fill(2, Side.BUY, 6_200_000, 1_000),
        fill(3, Side.SELL, 6_400_000, 1_000),
    )
    assert portfolio.average_price == Decimal(61_000)
    assert from_atoms(portfolio.realized_atoms) == Decimal(30)
    assert from_atoms(portfolio.unrealized_atoms(2 * 6_000_000)) == Decimal(-10)


def test_a_fee_in_base_reduces_the_position_and_is_valued_at_the_fill():
    """0.1 % of 0.01 BTC bought at 60,000 is 0.00001 BTC, worth 0.60."""
    fee = BTC_USDT.lot_atoms  # one lot
    portfolio = booked(fill(1, Side.BUY, 6_000_000, 1_000, fee, BTC))
    assert portfolio.position_lots == 999
    assert from_atoms(portfolio.fees_atoms) == Decimal("0.6")
    assert from_atoms(portfolio.total_atoms(2 * 6_000_000)) == Decimal("-0.6")
    assert portfolio.average_price == Decimal(60_000)


def test_dust_below_a_lot_is_no_lot():
    """The position in lots is what can be sold; the atoms beyond are kept and valued."""
    portfolio = booked(fill(1, Side.BUY, 6_000_000, 10, BTC_USDT.lot_atoms // 3, BTC))
    assert portfolio.position_lots == 9
    assert portfolio.position_atoms % BTC_USDT.lot_atoms != 0


def test_a_short_earns_when_the_price_falls():
    """Sold at 60,000, bought back at 59,000; crossing zero closes first, then opens."""
    portfolio = booked(fill(1, Side.SELL, 6_000_000, 1_000), fill(2, Side.BUY, 5_900_000, 1_500))
    assert portfolio.position_lots == 500
    assert from_atoms(portfolio.realized_atoms) == Decimal(10)
    assert portfolio.average_price == Decimal(59_000)


def test_a_fee_in_a_third_asset_is_kept_apart():
    """It cannot be valued here, so the profit leaves it out and it is told by itself."""
    portfolio = booked(fill(1, Side.BUY, 6_000_000, 1_000, 5, BNB))
    assert portfolio.fees_atoms == 0
    assert portfolio.other_fees == {BNB: 5}


def test_both_sides_of_a_trade_with_oneself_count():
    """One trade id, two fills: the side keeps them apart, a repetition of either is known."""
    portfolio = booked(fill(1, Side.BUY, 6_000_000, 10), fill(1, Side.SELL, 6_000_000, 10))
    assert portfolio.position_lots == 0
    assert portfolio.book(fill(1, Side.SELL, 6_000_000, 10)) is Booked.SEEN


FILLS = st.lists(
    st.tuples(
        st.sampled_from([*Side]),
        st.integers(5_000_000, 7_000_000),
        st.integers(1, 5_000),
        st.integers(0, 10**9),
        st.sampled_from([BTC, USDT]),
    ),
    min_size=1,
    max_size=30,
)


@given(FILLS, st.integers(0, 2**32))
def test_any_order_and_any_repetition_give_the_same_books(rows, seed: int):
    """Position, cost, profit and fees do not depend on how the fills were told."""
    fills = [fill(n, *row) for n, row in enumerate(rows, 1)]
    straight = booked(*fills)
    rng = Random(seed)
    told = [*fills, *rng.choices(fills, k=len(fills))]
    rng.shuffle(told)
    mixed = Portfolio(BTC_USDT)
    news = [mixed.book(each) for each in told].count(Booked.NEW)
    assert news == len(fills)
    assert mixed._tally == straight._tally


@given(FILLS, st.integers(5_000_000, 7_000_000))
def test_profit_is_cash_plus_what_the_position_is_worth(rows, mark: int):
    """However it is told apart: realized + unrealized - fees = cash + position at the mark."""
    portfolio = booked(*(fill(n, *row) for n, row in enumerate(rows, 1)))
    worth = portfolio.position_atoms * 2 * mark * BTC_USDT.tick_lot_atoms
    worth //= 2 * BTC_USDT.lot_atoms
    assert portfolio.total_atoms(2 * mark) == portfolio.cash_atoms + worth


def test_memory_is_bounded_and_what_left_it_is_refused(monkeypatch: pytest.MonkeyPatch):
    """Older fills are settled in order; one from before memory begins is not booked twice."""
    monkeypatch.setattr(module, "LATE_MAX", 5)
    monkeypatch.setattr(module, "SEEN_MAX", 20)
    fills = [fill(n, Side.BUY, 6_000_000 + n, 10) for n in range(1, 101)]
    portfolio = booked(*fills)
    assert len(portfolio._late) < 10
    assert len(portfolio._seen) == 20
    assert portfolio.book(fills[0]) is Booked.TOO_OLD
    assert portfolio.book(fills[-1]) is Booked.SEEN
    assert portfolio.position_lots == 1_000


def test_other_steps_keep_what_was_booked():
    """When a venue changes its lot, atoms stay atoms."""
    portfolio = booked(fill(1, Side.BUY, 6_000_000, 1_000))
    finer = msgspec.structs.replace(
        BTC_USDT, lot_atoms=BTC_USDT.lot_atoms // 10, tick_lot_atoms=BTC_USDT.tick_lot_atoms // 10
    )
    portfolio.change_instrument(finer)
    assert portfolio.position_lots == 10_000
    portfolio.book(msgspec.structs.replace(fill(0, Side.SELL, 6_000_000, 1_000), quote_atoms=60))
    assert portfolio.position_lots == 9_000


def test_the_curve_keeps_its_whole_length_in_few_points():
    """It thins out instead of forgetting how it began."""
    curve = EquityCurve(SECOND_NS)
    for second in range(10_000):
        curve.add(second * SECOND_NS, second)
        curve.add(second * SECOND_NS + 1, -1)  # too soon
    assert len(curve.points) <= POINTS_MAX
    assert curve.points[0] == (0, 0)
    assert curve.points[-1][1] > 9_900
    assert all(value >= 0 for _, value in curve.points)
