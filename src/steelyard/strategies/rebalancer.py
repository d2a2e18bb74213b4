"""A rebalancer: several assets are kept at fixed shares of what all of them are worth.

What has risen is sold in part and what has fallen is bought, whenever a share is more than `band`
away from its own. The worth is the capital that it was given and what it has made of it; it counts
what its own fills have bought and nothing else of the account. What no asset has a share of stays
in quote.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.units import in_full
from steelyard.strategies.cross_venue import is_order
from steelyard.trading.duration import Duration
from steelyard.trading.parameters import about
from steelyard.trading.strategy import ANY_LEGS, Leg, Strategy, Timer

_ALL = 100


class Rebalancer(Strategy):
    """Keep each leg's asset at its share of the whole, and trade when it is `band` away."""

    leg_names = ANY_LEGS

    class Params(Strategy.Params, frozen=True, kw_only=True):
        """Parameters of Rebalancer."""

        shares: Annotated[
            dict[str, Decimal], about("of the whole, by the name of the leg", unit="%")
        ]
        capital: Annotated[Decimal, about("what it begins with", unit="quote", above=0)]
        band: Annotated[
            Decimal,
            about("how far a share may be from its own, of the whole", unit="%", above=0, most=50),
        ] = Decimal(1)
        every: Annotated[Duration, about("how often it looks")] = Duration("1h")

    params: Params

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        shares = self.params.shares
        if wrong := [name for name, share in shares.items() if not 0 < share <= _ALL]:
            raise ConfigError(
                f"Rebalancer: the share of {wrong[0]} is {in_full(shares[wrong[0]])}; it must be "
                "above 0 and up to 100"
            )
        if (total := sum(shares.values())) > _ALL:
            raise ConfigError(
                f"Rebalancer: shares add up to {in_full(Decimal(total))}; at most 100"
            )

    def check_legs(self, instruments: Mapping[str, Instrument]) -> None:
        """Each leg has a share, each share a leg, and all are quoted in one asset."""
        shares = self.params.shares
        if odd := sorted({*instruments} ^ {*shares}):
            raise ConfigError(
                f"Rebalancer: shares are of {', '.join(shares)} and legs are "
                f"{', '.join(instruments)}; {odd[0]} is not in both"
            )
        quotes = sorted({instrument.quote for instrument in instruments.values()})
        if len(quotes) > 1:
            raise ConfigError(
                f"Rebalancer: legs are quoted in {', '.join(quotes)}; they must be in one asset"
            )

    def on_start(self) -> None:
        """Set the timer, and look at once."""
        self.every(self.params.every)
        self._rebalance()

    def on_timer(self, timer: Timer) -> None:  # noqa: ARG002 one timer
        """Look whether a share is off."""
        self._rebalance()

    def worth(self) -> Decimal | None:
        """Return what capital and positions are worth, in quote; None: a price is missing."""
        total = self.params.capital
        for leg in self.legs.values():
            if leg.price is None:
                return None
            total += leg.cash + leg.position.size * leg.price
        return total

    def _rebalance(self) -> None:
        total = self.worth()
        if total is None or total <= 0:
            self.log("not every price is known: nothing done" if total is None else "nothing left")
            return
        if closed := [leg.name for leg in self.legs.values() if leg.trouble is not None]:
            self.log(f"{', '.join(closed)} cannot be traded now: nothing done")
            return
        off = {leg.name: self._off(leg, total) for leg in self.legs.values()}
        least = total * self.params.band / _ALL
        # What is sold first may pay for what is bought.
        for name, amount in sorted(off.items(), key=lambda row: row[1]):
            leg = self.leg(name)
            if abs(amount) >= least and not leg.open_orders:
                self._trade(leg, amount)

    def _off(self, leg: Leg, total: Decimal) -> Decimal:
        """Return for how much more a leg ought to hold, in quote; negative for less."""
        price = leg.price
        assert price is not None, "all prices are known"
        return total * self.params.shares[leg.name] / _ALL - leg.position.size * price

    def _trade(self, leg: Leg, amount: Decimal) -> None:
        price = leg.price
        assert price is not None, "all prices are known"
        size = leg.size(abs(amount) / price)
        if not is_order(leg, size, price):
            return
        act = leg.buy if amount > 0 else leg.sell
        act(size)
        self.log(f"{leg.name}: {'buying' if amount > 0 else 'selling'} {in_full(size)}")
