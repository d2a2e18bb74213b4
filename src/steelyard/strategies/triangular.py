"""Triangular arbitrage: three markets of three assets on one venue, whose prices do not agree.

From the home asset (the quote of `first`) around the triangle and back, in either direction: if
that would end with more than it began with, all three orders go out at once, each at the price that
it has seen or not at all. So the account needs some of all three assets. What some orders filled
and others did not is an amount of a foreign asset too much or too little; it is traded back into
the home asset a moment later.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, NamedTuple

from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import Side, TimeInForce
from steelyard.domain.units import in_full, plain
from steelyard.strategies.cross_venue import is_order
from steelyard.trading.books import BookView
from steelyard.trading.duration import Duration
from steelyard.trading.parameters import about
from steelyard.trading.strategy import Leg, Strategy, Timer


class Step(NamedTuple):
    """One order of a way around: on which leg, and which way."""

    leg: Leg
    side: Side


class TriangularArbitrage(Strategy):
    """Trade around a triangle of markets when that ends with more than it began with."""

    leg_names = ("first", "second", "third")

    class Params(Strategy.Params, frozen=True, kw_only=True):
        """Parameters of TriangularArbitrage."""

        edge: Annotated[
            Decimal, about("what must be left after fees", unit="%", least=0, most=50)
        ] = Decimal("0.05")
        fee: Annotated[Decimal, about("what each order costs", unit="%", least=0, most=10)] = (
            Decimal("0.1")
        )
        spend: Annotated[
            Decimal, about("what goes around, at most", unit="quote of the first leg", above=0)
        ] = Decimal(100)
        pause: Annotated[Duration, about("from one round to the next, at least")] = Duration("1s")

    params: Params

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        self._ways: list[list[Step]] = []
        self._acted_ns = 0

    def check_legs(self, instruments: Mapping[str, Instrument]) -> None:
        """The three markets are of three assets, and the first is quoted in the one it is about."""
        listed = [instruments[name] for name in self.leg_names]
        for order in (listed, listed[::-1]):
            asset = home = listed[0].quote
            for instrument in order:
                if asset not in (instrument.base, instrument.quote):
                    break
                asset = instrument.quote if asset == instrument.base else instrument.base
            else:
                if asset == home and len({i.symbol for i in listed}) == len(listed):
                    continue
            symbols = ", ".join(instrument.symbol for instrument in listed)
            raise ConfigError(
                f"TriangularArbitrage: {symbols} are no way from {home} around and back; give "
                "first and third a market against it, and second the one between their assets"
            )

    def on_start(self) -> None:
        """Find the two ways around."""
        legs = [self.leg(name) for name in self.leg_names]
        self._ways = [self._way(legs), self._way(legs[::-1])]
        self.every(self.params.pause)

    def on_book(self, book: BookView) -> None:  # noqa: ARG002 all are looked at
        """Look whether a way around pays."""
        self._look()

    def on_timer(self, timer: Timer) -> None:  # noqa: ARG002 one timer
        """Trade back what a round that was not whole has left."""
        if self._is_free and not self._even_out():
            self._look()

    @property
    def home(self) -> str:
        """The asset that every round begins and ends with."""
        return self.leg("first").instrument.quote

    def held(self, asset: str) -> Decimal:
        """Return how much of an asset all fills together have brought."""
        total = Decimal(0)
        for leg in self.legs.values():
            if leg.instrument.base == asset:
                total += leg.position.size
            elif leg.instrument.quote == asset:
                total += leg.cash
        return total

    @property
    def _is_free(self) -> bool:
        if self.now_ns - self._acted_ns < self.params.pause.ns:
            return False
        return all(leg.trouble is None and not leg.open_orders for leg in self.legs.values())

    def _way(self, legs: list[Leg]) -> list[Step]:
        asset, way = self.home, list[Step]()
        for leg in legs:
            is_buy = asset == leg.instrument.quote
            way.append(Step(leg, Side.BUY if is_buy else Side.SELL))
            asset = leg.instrument.base if is_buy else leg.instrument.quote
        return way

    def _look(self) -> None:
        if not self._is_free:
            return
        for way in self._ways:
            rate = self._rate(way)
            if rate is not None and (rate - 1) * 100 >= self.params.edge and self._go(way):
                said = ", ".join(f"{step.side.name.lower()} {step.leg.name}" for step in way)
                self.log(f"around by {said} for {in_full(rate.quantize(_SHOWN))}")
                return

    def _rate(self, way: list[Step]) -> Decimal | None:
        """Return what one unit of the home asset becomes on a way; None: a book has no price."""
        rate = Decimal(1)
        for leg, side in way:
            price = leg.book.best_ask if side is Side.BUY else leg.book.best_bid
            if price is None:
                return None
            rate = rate / price if side is Side.BUY else rate * price
            rate *= 1 - self.params.fee / 100
        return rate

    def _go(self, way: list[Step]) -> bool:
        """Send all orders of a way, as large as every book allows; return whether it did."""
        amount, share = self.params.spend, Decimal(1)
        sizes, prices = list[Decimal](), list[Decimal]()
        for leg, side in way:
            levels = (leg.book.asks if side is Side.BUY else leg.book.bids).first(1)
            ticks, lots = levels[0]
            price, there = leg.instrument.price(ticks), leg.instrument.size(lots)
            size = amount / price if side is Side.BUY else amount
            share = min(share, there / size)
            sizes.append(size)
            prices.append(price)
            amount = size if side is Side.BUY else size * price
        orders = [
            (step, step.leg.size(size * share), price)
            for step, size, price in zip(way, sizes, prices, strict=True)
        ]
        if not all(is_order(step.leg, size, price) for step, size, price in orders):
            return False
        self._acted_ns = self.now_ns
        for (leg, side), size, price in orders:
            act = leg.buy if side is Side.BUY else leg.sell
            act(size, price, time_in_force=TimeInForce.IOC)
        return True

    def _even_out(self) -> bool:
        """Trade foreign assets back into the home asset; return whether there were any."""
        found = False
        for leg in self.legs.values():
            instrument = leg.instrument
            if instrument.quote != self.home:
                continue
            over = plain(self.held(instrument.base))
            size = leg.size(abs(over))
            if not is_order(leg, size, None):
                continue
            found = True
            act = leg.sell if over > 0 else leg.buy
            act(size)
            self.log(f"{in_full(over)} {instrument.base} left over: traded back")
        if found:
            self._acted_ns = self.now_ns
        return found


_SHOWN = Decimal("0.000001")
