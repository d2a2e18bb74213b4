"""Dollar-cost averaging: the same amount of quote on a schedule, whatever the price is.

The slots of its timer are journaled by the trader, so a restart buys none of them twice, and one
that passed while the bot was down is made up for within its own time. What does not buy a whole
lot, or less than the venue takes, is not bought and not saved up. It never sells.
"""

from decimal import Decimal
from typing import Annotated

from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill
from steelyard.domain.units import from_atoms, in_full, plain
from steelyard.trading.duration import Duration
from steelyard.trading.parameters import about
from steelyard.trading.strategy import Strategy, Timer


class Dca(Strategy):
    """Every `every`, buy for `spend` at the market, until `spend_max` has been spent."""

    class Params(Strategy.Params, frozen=True, kw_only=True):
        """Parameters of Dca."""

        spend: Annotated[Decimal, about("what each purchase costs", unit="quote", above=0)] = (
            Decimal(50)
        )
        every: Annotated[Duration, about("how often it buys")] = Duration("1d")
        spend_max: Annotated[
            Decimal | None, about("what all of them may cost", unit="quote", above=0)
        ] = None
        above: Annotated[
            Decimal | None,
            about("it skips a purchase while the price is above this", unit="quote", above=0),
        ] = None

    params: Params

    def check(self, instrument: Instrument) -> None:
        """What is spent is more than the least that an order may be worth."""
        least, spend = from_atoms(instrument.notional_min_atoms), self.params.spend
        if spend <= least:
            raise ConfigError(
                f"Dca: spend is {in_full(spend)}, and an order must be worth "
                f"more than {in_full(least)} {instrument.quote}"
            )

    def on_start(self) -> None:
        """Set the timer."""
        self.every(self.params.every)

    def on_timer(self, timer: Timer) -> None:  # noqa: ARG002 the slot is all the same
        """Buy, if nothing speaks against it."""
        params, price = self.params, self.book.best_ask or self.price
        if price is None:
            self.log("no price yet: nothing bought")
        elif params.above is not None and price > params.above:
            self.log(f"price {in_full(price)} is above {in_full(params.above)}: skipped")
        elif params.spend_max is not None and self.spent + params.spend > params.spend_max:
            self.log(f"{in_full(self.spent)} of {in_full(params.spend_max)} spent: no more")
        else:
            self._buy(price)

    def on_fill(self, fill: Fill) -> None:
        """Log what was bought, and for what."""
        size = in_full(self.instrument.size(fill.size_lots))
        self.log(f"bought {size} at {in_full(self.instrument.price(fill.price_ticks))}")

    @property
    def spent(self) -> Decimal:
        """What the position has cost, in quote."""
        position = self.position
        if position.average_price is None:
            return Decimal(0)
        return plain(position.size * position.average_price)

    def _buy(self, price: Decimal) -> None:
        # Rounded down to whole lots: what is left of the amount stays where it is.
        size = self.size(self.params.spend / price)
        least = from_atoms(self.instrument.notional_min_atoms)
        if size < self.instrument.size(self.instrument.size_min_lots) or size * price < least:
            self.log(f"{in_full(self.params.spend)} buy too little at {in_full(price)}: skipped")
            return
        self.buy(size)
