"""The crowd's six markets: what is listed, and how makers and takers behave there.

Numbers only. Steps and minimums are those of the large venues; sizes and rates are of the
order that a recording of Binance spot shows, thinned out to what one machine does for fun.
"""

from typing import NamedTuple

from steelyard.domain.instrument import Instrument
from steelyard.exchange.quotes import Makers
from steelyard.exchange.takers import Appetite

BTC, ETH, SOL, USDT, USD = (1, "BTC"), (2, "ETH"), (3, "SOL"), (4, "USDT"), (5, "USD")


class Listing(NamedTuple):
    """One market of the crowd. tick_e9 is its price step times 1e9."""

    instrument: Instrument
    tick_e9: int
    makers: Makers
    appetite: Appetite


def _spot(
    instrument_id: int,
    base: tuple[int, str],
    quote: tuple[int, str],
    sizes: tuple[str, str],
    limits: tuple[str, str, str],
) -> Instrument:
    tick_size, lot_size = sizes
    price_max, size_max, notional_min = limits
    return Instrument.spot(
        instrument_id,
        base,
        quote,
        tick_size=tick_size,
        lot_size=lot_size,
        price_max=price_max,
        size_max=size_max,
        notional_min=notional_min,
    )


LISTINGS = (
    Listing(
        _spot(0, BTC, USDT, ("0.01", "0.00001"), ("1000000", "9000", "5")),
        10_000_000,
        Makers(300_000, 46, 122_000, 60_000, 22_000, 72),
        Appetite(1_300, 700, 1_000),
    ),
    Listing(
        _spot(1, ETH, USDT, ("0.01", "0.0001"), ("100000", "9000", "5")),
        10_000_000,
        Makers(14_000, 44, 5_300, 120_000, 40_000, 44),
        Appetite(650, 1_200, 1_100),
    ),
    Listing(
        _spot(2, SOL, USDT, ("0.01", "0.001"), ("10000", "90000", "5")),
        10_000_000,
        Makers(750, 42, 304, 250_000, 90_000, 30),
        Appetite(360, 3_000, 1_300),
    ),
    Listing(
        _spot(3, ETH, BTC, ("0.00001", "0.0001"), ("10", "100000", "0.0001")),
        10_000,
        Makers(600, 40, 87, 150_000, 60_000, 14),
        Appetite(100, 900, 1_000),
    ),
    Listing(
        _spot(4, BTC, USD, ("0.01", "0.00001"), ("1000000", "9000", "1")),
        10_000_000,
        Makers(450_000, 42, 122_000, 30_000, 12_000, 32),
        Appetite(240, 500, 1_200),
    ),
    Listing(
        _spot(5, ETH, USD, ("0.01", "0.0001"), ("100000", "9000", "1")),
        10_000_000,
        Makers(20_000, 40, 5_300, 70_000, 24_000, 22),
        Appetite(150, 900, 1_300),
    ),
)
