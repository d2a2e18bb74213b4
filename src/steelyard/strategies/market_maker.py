"""A market maker: it quotes both sides around a price that leans against what it holds.

The price around which it quotes is the middle of the book, moved down while it holds too much and
up while it has sold too much, by `skew` of the half spread at `inventory_max`: then the side that
brings it back is the nearer one, and the other side is not quoted at all. Quotes only rest; they
are taken back and placed anew when they are `requote` away from where they ought to be. It lives
on the book, so bars alone do not make it quote: give it a tape, or a venue.
"""

from decimal import Decimal
from typing import Annotated

from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import Side
from steelyard.domain.units import Lots, in_full
from steelyard.trading.books import BookView
from steelyard.trading.duration import Duration
from steelyard.trading.orders import OwnOrder
from steelyard.trading.parameters import about
from steelyard.trading.strategy import Strategy, Timer

REST = Duration("1s")  # a quote that was refused is tried again so much later


class MarketMaker(Strategy):
    """Quote `size` on both sides, `spread` apart, leaning against the inventory."""

    class Params(Strategy.Params, frozen=True, kw_only=True):
        """Parameters of MarketMaker."""

        spread: Annotated[
            Decimal, about("from bid to ask, of the price", unit="%", above=0, most=50)
        ] = Decimal("0.2")
        size: Annotated[Decimal, about("of each quote", unit="base", above=0)] = Decimal("0.001")
        inventory_max: Annotated[
            Decimal, about("what it may hold, or have sold", unit="base", above=0)
        ] = Decimal("0.01")
        skew: Annotated[
            Decimal,
            about("how far a full inventory moves the quotes, of half the spread", unit="%"),
        ] = Decimal(80)
        requote: Annotated[
            Decimal,
            about("how far off a quote may be, of half the spread", unit="%", above=0, most=100),
        ] = Decimal(20)
        pause: Annotated[Duration, about("a quote is left in place at least so long")] = Duration(
            "500ms"
        )

    params: Params

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        params = self.params
        if params.size > params.inventory_max:
            raise ConfigError(
                f"MarketMaker: size is {in_full(params.size)} and inventory_max is "
                f"{in_full(params.inventory_max)}; a quote must fit in"
            )
        if not 0 <= params.skew < _ALL:
            raise ConfigError(
                f"MarketMaker: skew is {in_full(params.skew)}; it must be from 0 up to but not "
                "including 100, or a quote would be on the other side of the middle"
            )
        self._placed_ns = {Side.BUY: -SECOND_NS, Side.SELL: -SECOND_NS}

    def check(self, instrument: Instrument) -> None:
        """Sizes are in whole lots and within the limits."""
        instrument.size_lots(self.params.size)
        instrument.size_lots(self.params.inventory_max)

    def on_start(self) -> None:
        """Begin to look, also when nothing moves."""
        self.every(REST)

    def on_book(self, book: BookView) -> None:  # noqa: ARG002 the view is the strategy's own
        """Follow the market."""
        self._quote()

    def on_timer(self, timer: Timer) -> None:  # noqa: ARG002 one timer
        """Look for a quote that is missing."""
        self._quote()

    def on_stop(self) -> None:
        """Take the quotes back."""
        self.cancel_all()

    def _quote(self) -> None:
        half_ticks = self.book.mid_half_ticks
        if half_ticks is None:
            return
        quotes: dict[Side, list[OwnOrder]] = {Side.BUY: [], Side.SELL: []}
        for order in self.open_orders:
            quotes[order.place.side].append(order)
        # In half ticks, as the middle is. Floats decide where, whole ticks are sent.
        half_spread = half_ticks * float(self.params.spread) / 200
        center = half_ticks - half_spread * self.lean
        near = half_spread * float(self.params.requote) / 100
        for side, found in quotes.items():
            wanted = center - int(side) * half_spread if self._may(side) else None
            self._keep(side, found, wanted, near)

    @property
    def lean(self) -> float:
        """How far quotes are moved against the inventory, of half the spread; above 0 is down."""
        most = self.instrument.size_lots(self.params.inventory_max)
        full = max(-1.0, min(1.0, self.position.lots / most))
        return full * float(self.params.skew) / 100

    def _may(self, side: Side) -> bool:
        """Whether a quote of that side leaves the inventory within its bounds."""
        most = self.instrument.size_lots(self.params.inventory_max)
        size = self.instrument.size_lots(self.params.size)
        return abs(self.position.lots + int(side) * size) <= most

    def _keep(self, side: Side, found: list[OwnOrder], wanted: float | None, near: float) -> None:
        """Have one quote of a side where it is wanted, none where it is not."""
        if wanted is None:
            for order in found:
                self._take_back(order)
            return
        # Never across the middle: the lean is less than half the spread.
        ticks = round(wanted / 2)
        if self.now_ns - self._placed_ns[side] < self.params.pause.ns:
            return
        kept = [o for o in found if abs(2 * (o.place.price_ticks or 0) - wanted) <= near]
        for order in found:
            if order not in kept[:1]:
                self._take_back(order)
        # A hold must be free before the next quote: it goes out when the old one is gone.
        if not found and ticks > 0:
            self._placed_ns[side] = self.now_ns
            act = self.buy if side is Side.BUY else self.sell
            size = self.instrument.size_lots(self.params.size)
            act(Lots(size), self.instrument.price(ticks), post_only=True)

    def _take_back(self, order: OwnOrder) -> None:
        if order.cancel_why is None:
            self.cancel(order)


_ALL = 100
