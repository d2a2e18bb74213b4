"""Round trips: hand-made ones, and the books of a live bot beside them."""

import pytest
from backtests import ATOMS, INSTRUMENT, SECOND, START, fill, fills_of, random_fills
from hypothesis import given
from hypothesis import strategies as st

from steelyard.backtest.result import fee_atoms
from steelyard.backtest.trips import book
from steelyard.domain.lifecycle import Fill
from steelyard.domain.order import Liquidity, Side
from steelyard.trading.portfolio import Portfolio

LOT = 100_000 * 10**2  # what a lot costs in quote atoms at a price of one: a hundred ticks


def at(seconds):
    return START + seconds * SECOND


def portfolio_of(fills):
    """Return the books that a live bot has after the same fills."""
    books = Portfolio(INSTRUMENT)
    for number, (row, fee) in enumerate(zip(fills.tolist(), fee_atoms(fills), strict=True)):
        time_ns, order_id, price, lots, *_, asset, side, maker, _ = row
        books.book(
            Fill(
                trade_id=number + 1,
                order_id=order_id,
                client_order_id="",
                account_id=1,
                instrument_id=0,
                side=Side(side),
                price_ticks=price,
                size_lots=lots,
                quote_atoms=INSTRUMENT.notional_atoms(price, lots),
                liquidity=Liquidity.MAKER if maker else Liquidity.TAKER,
                fee_asset_id=asset,
                fee_atoms=fee,
                time_ns=time_ns,
            )
        )
    return books


def test_a_long_trip_takes_its_share_of_cost_fees_and_age():
    """Bought 1 at 100 and 1 at 110, half a minute apart; 1 is sold at 120."""
    lots = 100_000  # one coin
    fills = fills_of(
        fill(at(0), 1, 10_000, lots, ATOMS // 10),
        fill(at(30), 1, 11_000, lots, ATOMS // 5),
        fill(at(100), -1, 12_000, lots, ATOMS // 2),
    )
    books = book(fills, INSTRUMENT)
    (trip,) = books.trips
    assert trip.opened_ns == at(15)
    assert trip.closed_ns == at(100)
    assert (trip.side, trip.size_atoms, trip.order_id, trip.fills) == (1, ATOMS, 3, 1)
    assert trip.entry_atoms == 105 * ATOMS
    assert trip.exit_atoms == 120 * ATOMS
    assert trip.fees_atoms == ATOMS * 65 // 100  # half of 0.3, and 0.5
    assert trip.profit_atoms == 15 * ATOMS - ATOMS * 65 // 100
    assert books.position_atoms == ATOMS
    assert books.cost_atoms == 105 * ATOMS
    assert books.open_fees_atoms == ATOMS * 15 // 100


def test_a_fill_that_turns_a_position_over_closes_one_trip_and_opens_the_next():
    fills = fills_of(
        fill(at(0), 1, 10_000, 100_000),
        fill(at(60), -1, 9_000, 300_000, 3 * ATOMS),
        fill(at(90), 1, 8_000, 200_000),
    )
    first, second = book(fills, INSTRUMENT).trips
    assert (first.side, first.profit_atoms) == (1, -10 * ATOMS - ATOMS)
    assert (second.side, second.size_atoms) == (-1, 2 * ATOMS)
    assert second.opened_ns == at(60)
    assert second.profit_atoms == 2 * 10 * ATOMS - 2 * ATOMS


def test_the_fills_of_one_closing_order_are_one_trip():
    """Also where its pieces come at different prices."""
    fills = fills_of(
        fill(at(0), 1, 10_000, 200_000, order_id=1),
        fill(at(10), -1, 10_100, 100_000, order_id=2),
        fill(at(11), -1, 10_300, 100_000, order_id=2),
    )
    (trip,) = book(fills, INSTRUMENT).trips
    assert (trip.fills, trip.closed_ns, trip.profit_atoms) == (2, at(11), 4 * ATOMS)


def test_a_fee_in_base_is_valued_at_its_fill_and_its_dust_is_no_trip():
    """Bought a coin less 0.001; what is left of a lot after the sale counts, but is no trip."""
    fee = ATOMS // 1_000 + 7  # leaves a part of a lot
    fills = fills_of(
        fill(at(0), 1, 10_000, 100_000, fee, asset=1),
        fill(at(10), -1, 10_000, 99_899),
        fill(at(20), -1, 10_000, 50_000),
    )
    books = book(fills, INSTRUMENT)
    assert [trip.size_atoms for trip in books.trips] == [99_899 * INSTRUMENT.lot_atoms]
    assert books.fees_atoms == 100 * fee
    assert books.position_atoms < 0
    assert books.other_fees == {}


def test_a_fee_in_a_third_asset_is_added_up_apart():
    fills = fills_of(
        fill(at(0), 1, 10_000, 100_000, 5, asset=9), fill(at(1), -1, 10_000, 100_000, 6, asset=9)
    )
    books = book(fills, INSTRUMENT)
    assert books.other_fees == {9: 11}
    assert (books.fees_atoms, books.cash_atoms) == (0, 0)


def test_a_rebate_is_a_negative_fee():
    """Also across the border of its two halves."""
    fills = fills_of(fill(at(0), 1, 10_000, 100_000, -3), fill(at(1), -1, 10_000, 100_000, -4))
    books = book(fills, INSTRUMENT)
    assert books.fees_atoms == -7
    assert books.trips[0].profit_atoms == 7


def test_no_fills_are_empty_books():
    books = book(fills_of(), INSTRUMENT)
    assert (books.trips, books.position_atoms, books.volume_atoms) == ((), 0, 0)


@pytest.mark.parametrize("assets", [(2,), (1,), (1, 2), (2, 9)], ids=str)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 120))
def test_books_are_those_of_a_live_bot(assets, seed, count):
    """Position, realized profit, fees, cash and total are the portfolio's, to the atom."""
    fills = random_fills(seed, count, assets=assets)
    books, live = book(fills, INSTRUMENT), portfolio_of(fills)
    assert books.position_atoms == live.position_atoms
    assert books.realized_atoms == live.realized_atoms
    assert books.fees_atoms == live.fees_atoms
    assert books.cash_atoms == live.cash_atoms
    assert books.other_fees == live.other_fees
    mark = 2 * int(fills["price_ticks"][-1]) + 1
    assert books.profit_atoms(mark, INSTRUMENT) == live.total_atoms(mark)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 120))
def test_trips_and_what_is_open_are_the_whole_profit(seed, count):
    """No profit is lost between trips, dust and the open position."""
    fills = random_fills(seed, count, assets=(1, 2))
    books = book(fills, INSTRUMENT)
    trips = sum(trip.profit_atoms for trip in books.trips) + books.dust_atoms
    assert trips - books.open_fees_atoms - books.cost_atoms == books.cash_atoms
    assert all(trip.opened_ns <= trip.closed_ns for trip in books.trips)
