"""What rests in a drill rests at any venue: the least that is taken, and not in the market."""

import pytest

from steelyard.cli.drill_rest import AWAY_PERCENT, RESTING, Rest, least_lots
from steelyard.exchange.listings import LISTINGS
from tests.trading.world import hand_world


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda it: it.instrument.symbol)
def test_the_least_is_taken_and_not_much_more(listing):
    instrument = listing.instrument
    for ticks in (instrument.price_max_ticks // 10**6 or 1, instrument.price_max_ticks // 1_000):
        lots = least_lots(instrument, ticks)
        assert lots >= instrument.size_min_lots
        assert instrument.notional_atoms(ticks, lots) >= instrument.notional_min_atoms
        fewer = instrument.notional_atoms(ticks, lots - 1)
        is_least = fewer * 100 < instrument.notional_min_atoms * 120
        assert is_least or lots == instrument.size_min_lots


def test_two_orders_rest_and_one_fills():
    """Away from the middle by a few percent, on either side."""
    world = hand_world(strategy=Rest)
    world.run(2)
    state = world.trader.turn.state
    prices = sorted(order.place.price_ticks for order in state.orders.open)
    assert prices == [6_000_000 * (100 + sign * AWAY_PERCENT) // 100 for sign in (-1, 1)]
    assert len(prices) == RESTING
    assert state.portfolio.position_lots > 0
