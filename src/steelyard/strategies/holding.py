"""What strategies share that hold one thing or nothing: from a wish for a position to an order.

At each closed bar the position that there is is compared with the one that is wanted, instead of
trading on the moment of a signal: an order that was refused or never arrived is made up for at the
next bar. It waits while an order of its own is open, and it does not top up: what a fee took from
the size is not bought again. What is wanted follows from bars alone, so a restart goes on with it.
"""

from collections.abc import Sequence
from decimal import Decimal

from steelyard.domain.instrument import Instrument
from steelyard.domain.units import Lots
from steelyard.strategies.indicator import Indicator
from steelyard.trading.bars import Bar
from steelyard.trading.strategy import Strategy


class Holding(Strategy):
    """Holds `size`, or nothing, or where it may is short by the same size."""

    amount: Decimal  # in base
    indicators: Sequence[Indicator] = ()

    def check(self, instrument: Instrument) -> None:
        """The size is in whole lots and within the limits."""
        instrument.size_lots(self.amount)

    @property
    def history_bars(self) -> int:
        """Enough to know every indicator at the start."""
        return max((indicator.bars for indicator in self.indicators), default=0)

    def on_warm_up(self, bar: Bar) -> None:
        """Show it to the indicators."""
        self.see(bar)

    def on_bar(self, bar: Bar) -> None:
        """Look at it, and trade to the position that follows."""
        wanted = self.see(bar)
        if wanted is not None and not self.open_orders:
            self.hold(wanted)

    def see(self, bar: Bar) -> int | None:
        """Take a bar and return what to hold: 1, -1 for short, 0 for nothing, None for as it is.

        Raises:
            NotImplementedError: It is the strategy's to say.
        """
        raise NotImplementedError

    @property
    def held(self) -> int:
        """The sign of the position; one too small to be sold is none."""
        lots = self.position.lots
        return 0 if abs(lots) < self.instrument.size_min_lots else (lots > 0) - (lots < 0)

    def hold(self, wanted: int) -> None:
        """Trade at the market until the position is of the wanted sign."""
        has, size = self.position.lots, self.instrument.size_lots(self.amount)
        if wanted == self.held:
            return
        lots = wanted * size - has
        if lots > 0:
            self.buy(Lots(lots))
        elif lots < 0:
            self.sell(Lots(-lots))
