"""Arbitrage between two venues: what is bid more for on one than it costs on the other.

It buys on the one and sells on the other at the same time, each at the price that it has seen or
not at all, out of what the accounts hold there: nothing is carried from venue to venue. What one
order filled and the other did not is traded away at the market a moment later, wherever that is
better. It does not begin while either venue cannot be traded on.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import TimeInForce
from steelyard.domain.units import from_atoms, in_full, plain
from steelyard.trading.books import BookView
from steelyard.trading.duration import Duration
from steelyard.trading.parameters import about
from steelyard.trading.strategy import Leg, Strategy, Timer


class CrossVenueArbitrage(Strategy):
    """Buy on the cheaper of two venues and sell on the dearer one, if that is worth the fees."""

    leg_names = ("one", "other")

    class Params(Strategy.Params, frozen=True, kw_only=True):
        """Parameters of CrossVenueArbitrage."""

        edge: Annotated[
            Decimal, about("what must be left after fees, of the price", unit="%", least=0, most=50)
        ] = Decimal("0.05")
        fees: Annotated[
            Decimal, about("what both orders cost together", unit="%", least=0, most=10)
        ] = Decimal("0.2")
        size: Annotated[Decimal, about("of an order, at most", unit="base", above=0)] = Decimal(
            "0.01"
        )
        inventory_max: Annotated[
            Decimal, about("what may have moved from one venue to the other", unit="base", above=0)
        ] = Decimal("0.1")
        pause: Annotated[Duration, about("from one pair of orders to the next, at least")] = (
            Duration("1s")
        )

    params: Params

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        self._acted_ns = 0

    def check_leg(self, name: str, instrument: Instrument) -> None:  # noqa: ARG002 the same for both
        """Sizes are in whole lots."""
        instrument.size_lots(self.params.size)

    def check_legs(self, instruments: Mapping[str, Instrument]) -> None:
        """Both are the same market."""
        one, other = (instruments[name] for name in self.leg_names)
        if (one.base, one.quote) != (other.base, other.quote):
            raise ConfigError(
                f"CrossVenueArbitrage: one is {one.symbol} and other is {other.symbol}; both must "
                "be of the same assets"
            )

    def on_start(self) -> None:
        """Begin to look at what is left over, too."""
        self.every(self.params.pause)

    def on_book(self, book: BookView) -> None:  # noqa: ARG002 both are looked at
        """Compare the two."""
        self._look()

    def on_timer(self, timer: Timer) -> None:  # noqa: ARG002 one timer
        """Trade away what one order filled and the other did not."""
        if self._is_free and not self._even_out():
            self._look()

    @property
    def imbalance(self) -> Decimal:
        """What both positions add up to: bought on one venue and not sold on the other."""
        return sum((leg.position.size for leg in self.legs.values()), Decimal(0))

    @property
    def _is_free(self) -> bool:
        """Whether both venues can be traded on and nothing is on its way or comes too soon."""
        if self.now_ns - self._acted_ns < self.params.pause.ns:
            return False
        return all(leg.trouble is None and not leg.open_orders for leg in self.legs.values())

    def _look(self) -> None:
        if not self._is_free:
            return
        one, other = self.legs.values()
        for cheap, dear in ((one, other), (other, one)):
            ask, bid = cheap.book.best_ask, dear.book.best_bid
            if ask is None or bid is None:
                continue
            left = (bid / ask - 1) * 100 - self.params.fees
            if left >= self.params.edge and (size := self._size(cheap, dear, ask)):
                self._acted_ns = self.now_ns
                cheap.buy(size, ask, time_in_force=TimeInForce.IOC)
                dear.sell(size, bid, time_in_force=TimeInForce.IOC)
                self.log(f"bought on {cheap.name} at {in_full(ask)}, sold at {in_full(bid)}")
                return

    def _size(self, cheap: Leg, dear: Leg, ask: Decimal) -> Decimal | None:
        """Return what both books have at their touch and the inventory allows; None: too little."""
        room = min(
            self.params.inventory_max - cheap.position.size,
            self.params.inventory_max + dear.position.size,
        )
        there = (_touch_size(cheap, is_ask=True), _touch_size(dear, is_ask=False))
        size = min(self.params.size, room, *there)
        if size <= 0:
            return None
        size = cheap.size(dear.size(size))
        # Of the two lots one may not be a multiple of the other: then there is no such size.
        fits = size > 0 and all(
            leg.size(size) == size and is_order(leg, size, ask) for leg in (cheap, dear)
        )
        return size if fits else None

    def _even_out(self) -> bool:
        """Trade an imbalance away where that is better; return whether there was one."""
        over = plain(self.imbalance)
        legs = [leg for leg in self.legs.values() if is_order(leg, leg.size(abs(over)), None)]
        if not legs:
            return False
        self._acted_ns = self.now_ns
        if over > 0:
            best = max(legs, key=lambda leg: leg.book.best_bid or 0)
            best.sell(best.size(over))
        else:
            best = min(legs, key=lambda leg: leg.book.best_ask or Decimal("Infinity"))
            best.buy(best.size(-over))
        self.log(f"{in_full(over)} more bought than sold: evened out on {best.name}")
        return True


def _touch_size(leg: Leg, *, is_ask: bool) -> Decimal:
    levels = (leg.book.asks if is_ask else leg.book.bids).first(1)
    return leg.instrument.size(levels[0][1]) if levels else Decimal(0)


def is_order(leg: Leg, size: Decimal, price: Decimal | None) -> bool:
    """Whether a leg's venue takes so small an order; without a price at what it trades at now."""
    instrument = leg.instrument
    price = leg.price if price is None else price
    if price is None or size <= 0 or size < instrument.size(instrument.size_min_lots):
        return False
    return size * price >= from_atoms(instrument.notional_min_atoms)
