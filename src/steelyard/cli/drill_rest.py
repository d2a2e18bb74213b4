"""What a drill trades with where it must be sure of orders: two that rest, and one that fills.

A user's strategy may place none, and most take theirs back when they are stopped; then the venue
and the journal would agree on nothing at all. Not for anything but drills.
"""

from steelyard.domain.instrument import Instrument
from steelyard.domain.order import Side
from steelyard.domain.units import Lots
from steelyard.trading.strategy import Strategy

AWAY_PERCENT = 5  # from the middle: it does not come so far while a drill lasts
RESTING = 2
AMPLE_PERCENT = 120  # of the least that may be ordered: the market moves a little


class Rest(Strategy):
    """Buy a little, and let an order rest on either side."""

    def on_start(self) -> None:
        """Place them, once."""
        half_ticks = self.book.mid_half_ticks
        assert half_ticks is not None, "a bot begins with a book"
        for side, act in ((Side.BUY, self.buy), (Side.SELL, self.sell)):
            ticks = half_ticks * (100 - int(side) * AWAY_PERCENT) // 200
            lots = least_lots(self.instrument, ticks)
            act(Lots(lots), self.instrument.price(ticks), post_only=True)
        self.buy(Lots(least_lots(self.instrument, half_ticks // 2)))


def least_lots(instrument: Instrument, price_ticks: int) -> int:
    """Return a size that a venue takes at a price, and not much more."""
    least_atoms = instrument.notional_min_atoms * AMPLE_PERCENT // 100
    return max(
        instrument.size_min_lots, -(-least_atoms // instrument.notional_atoms(price_ticks, 1))
    )
