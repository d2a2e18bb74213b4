from decimal import Decimal

from steelyard.exchange.fair import OPENING_E9, quoted
from steelyard.exchange.listings import LISTINGS

WORTHS_E9 = quoted(*OPENING_E9, 0)


def test_the_six_default_markets_are_listed():
    """In the order of the design, with ids from 0 and one number per asset."""
    instruments = [listing.instrument for listing in LISTINGS]
    assert [i.symbol for i in instruments] == [
        *("BTC-USDT", "ETH-USDT", "SOL-USDT", "ETH-BTC", "BTC-USD", "ETH-USD")
    ]
    assert [i.instrument_id for i in instruments] == list(range(6))
    assets = {(i.base_asset_id, i.base) for i in instruments}
    assets |= {(i.quote_asset_id, i.quote) for i in instruments}
    assert assets == {(1, "BTC"), (2, "ETH"), (3, "SOL"), (4, "USDT"), (5, "USD")}


def test_ticks_are_said_twice_alike():
    """The instrument's tick and the crowd's are one."""
    for listing in LISTINGS:
        assert listing.instrument.tick_size == Decimal(listing.tick_e9) / 10**9


def test_people_can_trade_small():
    """A minimum order is within ten of the quote, and a lot is worth less than a dollar or so."""
    for listing, worth in zip(LISTINGS, WORTHS_E9, strict=True):
        instrument = listing.instrument
        assert instrument.notional_min_atoms <= 10 * 10**12
        assert instrument.lot_size * worth / 10**9 < 1


def test_makers_reach_two_percent():
    """The ladder goes as far out as it says, and no further than prices are allowed."""
    for listing, worth in zip(LISTINGS, WORTHS_E9, strict=True):
        ticks = worth // listing.tick_e9
        assert 0.019 < listing.makers.reach_ticks / ticks < 0.021
        assert ticks * 16 < listing.instrument.price_max_ticks


def test_the_touch_is_worth_more_than_a_taker():
    """The usual touch feeds some dozen takers, else every second one would move the price."""
    for listing in LISTINGS:
        assert listing.makers.touch_lots > 20 * listing.appetite.median_lots
        assert listing.makers.levels > 30
