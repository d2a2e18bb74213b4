"""Buy the dip: look at the price in regular intervals, and below a threshold buy a fixed size.

It never sells and keeps no state of its own: how much it may collect is for max_position to
say.
"""

from decimal import Decimal
from typing import Annotated

from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill
from steelyard.domain.units import from_atoms, in_full
from steelyard.trading.duration import Duration
from steelyard.trading.parameters import about
from steelyard.trading.strategy import Strategy, Timer


class DipBuyer(Strategy):
    """Every `every`, buy `size` at the market if the price is below `below`."""

    class Params(Strategy.Params, frozen=True, kw_only=True):
        """Parameters of DipBuyer."""

        below: Annotated[
            Decimal, about("it buys while the price is below this", unit="quote", above=0)
        ] = Decimal(40_000)
        size: Annotated[Decimal, about("what it buys each time", unit="base", above=0)] = Decimal(
            "0.01"
        )
        every: Annotated[Duration, about("how often it looks")] = Duration("60s")

    params: Params

    def check(self, instrument: Instrument) -> None:
        """The size is in whole lots and within the limits, and large enough to be bought."""
        size, below = self.params.size, self.params.below
        instrument.size_lots(size)
        least = from_atoms(instrument.notional_min_atoms)
        if size * below <= least:
            raise ConfigError(
                f"DipBuyer: size {in_full(size)} at any price below {in_full(below)} is "
                f"worth less than the minimum of {in_full(least)} {instrument.quote}; "
                "take a larger size"
            )

    def on_start(self) -> None:
        """Set the timer."""
        self.every(self.params.every)

    def on_timer(self, timer: Timer) -> None:  # noqa: ARG002 the slot is all the same
        """Look at the price, and act on it."""
        price = self.price
        if price is None:
            self.log("no price yet")
        elif price < self.params.below:
            self.buy(self.params.size)
            below, size = in_full(self.params.below), in_full(self.params.size)
            self.log(f"price {in_full(price)} is below {below}: buying {size}")
        else:
            self.log(f"price {in_full(price)} is not below {in_full(self.params.below)}")

    def on_fill(self, fill: Fill) -> None:
        """Log what was bought, under which id and at which price."""
        size = in_full(self.instrument.size(fill.size_lots))
        price = in_full(self.instrument.price(fill.price_ticks))
        self.log(f"bought {size} at {price}, order {fill.order_id}, trade {fill.trade_id}")
