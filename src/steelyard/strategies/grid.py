"""A grid: between two prices it buys on each line going down, and sells a line higher going up.

A cell is the space between two lines. It is empty and waits to be bought at its lower line, or it
holds `size` and waits to be sold at its upper line; an empty one above the price waits until the
price is above it. Only the `near` orders on each side of the price are at the venue.

After a restart the bot knows how much it holds, and of which cells only from orders that are still
open; the rest is taken for the lowest cells above the price, which sells it later rather than
cheaper than it was bought.
"""

from collections import OrderedDict, defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from typing import Annotated

from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill, OrderState
from steelyard.domain.order import Side
from steelyard.domain.units import Lots, from_atoms, in_full
from steelyard.trading.duration import Duration
from steelyard.trading.orders import OwnOrder
from steelyard.trading.parameters import about
from steelyard.trading.strategy import Intent, Strategy, Timer

LINES_MAX = 200
ORDERS_MAX = 1_000  # whose cells are kept in mind, for fills that come late

_Wish = tuple[Side, int]  # a side and a line


class Grid(Strategy):
    """Rest a buy of `size` on each line below the price, and a sell a line above each purchase."""

    class Params(Strategy.Params, frozen=True, kw_only=True):
        """Parameters of Grid."""

        low: Annotated[Decimal, about("the lowest line", unit="quote", above=0)]
        high: Annotated[Decimal, about("the highest line", unit="quote", above=0)]
        lines: Annotated[int, about("how many, evenly spaced", least=3, most=LINES_MAX)] = 11
        size: Annotated[Decimal, about("what each cell buys", unit="base", above=0)] = Decimal(
            "0.001"
        )
        near: Annotated[
            int, about("how many orders rest on each side of the price", least=1, most=50)
        ] = 5
        every: Annotated[Duration, about("how often it looks whether an order is missing")] = (
            Duration("10s")
        )

    params: Params

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        if self.params.low >= self.params.high:
            raise ConfigError(
                f"Grid: low is {in_full(self.params.low)} and high is "
                f"{in_full(self.params.high)}; low must be lower"
            )
        self._lines: list[int] = []  # in ticks, rising
        self._size = 0
        self._held: defaultdict[int, int] = defaultdict(int)  # lots, by cell
        self._sent: list[tuple[Intent, int]] = []  # with the cell; an id comes after the call
        self._cells: OrderedDict[str, int] = OrderedDict()  # by our id of the order

    def check(self, instrument: Instrument) -> None:
        """Lines are on ticks and apart, and a cell is worth more than the least of an order."""
        params = self.params
        lines, size = self._lines_of(instrument), instrument.size_lots(params.size)
        if min(high - low for low, high in pairwise(lines)) < 1:
            raise ConfigError(
                f"Grid: {params.lines} lines between {in_full(params.low)} and "
                f"{in_full(params.high)} are closer than a tick; take fewer lines"
            )
        least = instrument.notional_min_atoms
        if instrument.notional_atoms(lines[0], size) <= least:
            raise ConfigError(
                f"Grid: size {in_full(params.size)} at {in_full(params.low)} is worth less than "
                f"the minimum of {in_full(from_atoms(least))} {instrument.quote}; take a larger one"
            )

    def on_start(self) -> None:
        """Find out which cells are held, and set the timer."""
        self._lines = self._lines_of(self.instrument)
        self._size = self.instrument.size_lots(self.params.size)
        self._recollect()
        self.every(self.params.every)
        self._arrange()

    def on_timer(self, timer: Timer) -> None:  # noqa: ARG002 one timer
        """See to what is missing."""
        self._arrange()

    def on_fill(self, fill: Fill) -> None:
        """Enter it into its cell."""
        cell = self._cell_of(fill.client_order_id)
        if cell is None:
            return
        held = max(0, self._held[cell] + int(fill.side) * fill.size_lots)
        if fill.side is Side.SELL and not self._is_order(self._lines[cell], held):
            held = 0  # what a fee took was not there to be sold
        self._held[cell] = held

    def on_order(self, order: OwnOrder) -> None:
        """When one has filled the next one of its cell goes out; another one waits a while."""
        if order.state is OrderState.FILLED:
            self._arrange()

    # -- lines and cells ------------------------------------------------------------------------

    def _lines_of(self, instrument: Instrument) -> list[int]:
        """Return the lines in ticks; the first and the last are given, between them is rounded."""
        low = instrument.price_ticks(self.params.low)
        high = instrument.price_ticks(self.params.high)
        last = self.params.lines - 1
        return [
            low + int((Decimal((high - low) * line) / last).to_integral_value(ROUND_HALF_EVEN))
            for line in range(self.params.lines)
        ]

    def _cell_of(self, client_order_id: str) -> int | None:
        """Return the cell that an order was for."""
        for intent, cell in self._sent:
            if intent.client_order_id:
                self._cells[intent.client_order_id] = cell
        self._sent.clear()
        while len(self._cells) > ORDERS_MAX:
            self._cells.popitem(last=False)
        return self._cells.get(client_order_id)

    def _cell(self, side: Side, price_ticks: int) -> int | None:
        """Return the cell of an order at a line."""
        if price_ticks not in self._lines:
            return None
        cell = self._lines.index(price_ticks) - (side is Side.SELL)
        return cell if 0 <= cell < len(self._lines) - 1 else None

    def _recollect(self) -> None:
        """Find out which cells are held: by their orders first, then from the price upwards."""
        left = self.position.lots
        for order in self.open_orders:
            cell = self._cell(order.place.side, order.place.price_ticks or 0)
            if cell is None:
                continue
            self._cells[order.client_order_id] = cell
            if order.place.side is Side.SELL:
                self._held[cell] += _left(order)
                left -= _left(order)
        ticks = self._ask_ticks or 0
        above = [cell for cell in range(len(self._lines) - 1) if self._lines[cell] >= ticks]
        below = [cell for cell in reversed(range(len(self._lines) - 1)) if cell not in above]
        for cell in (*above, *below):
            if left <= 0:
                break
            if not self._held[cell]:
                self._held[cell] = min(left, self._size)
                left -= self._held[cell]

    @property
    def _ask_ticks(self) -> int | None:
        """The price at which a buy would not rest."""
        price = self.book.best_ask or self.price
        return None if price is None else self.instrument.price_ticks(price)

    # -- orders ---------------------------------------------------------------------------------

    def _arrange(self) -> None:
        """Place what is missing, and take back what is too far from the price by now."""
        ask = self._ask_ticks
        if ask is None:
            return
        self._forget_lost()
        there: dict[_Wish, OwnOrder] = {}
        for order in self.open_orders:
            there[order.place.side, order.place.price_ticks or 0] = order
        wanted = self._wishes(ask, there)
        for wish, order in there.items():
            if wish not in wanted and order.cancel_why is None:
                self.cancel(order)
        for (side, ticks), lots in wanted.items():
            if (side, ticks) not in there:
                price = self.instrument.price(ticks)
                act = self.buy if side is Side.BUY else self.sell
                cell = self._cell(side, ticks)
                assert cell is not None, "what is wished for is a cell's"
                self._sent.append((act(Lots(lots), price), cell))

    def _forget_lost(self) -> None:
        """Take cells for empty whose content somebody else has sold, such as a stop."""
        lost = sum(self._held.values()) - self.position.lots
        for cell in sorted(self._held, reverse=True):
            if 2 * lost <= self._size:
                return  # no more than fees take
            lost -= self._held.pop(cell)

    def _wishes(self, ask: int, there: dict[_Wish, OwnOrder]) -> dict[_Wish, int]:
        """Return what ought to rest: side and line, with lots."""
        buys: dict[_Wish, int] = {}
        sells: dict[_Wish, int] = {}
        free = self.position.lots
        free -= sum(_left(o) for (side, _), o in there.items() if side is Side.SELL)
        for cell, (low, high) in enumerate(pairwise(self._lines)):
            lots = self._held[cell]
            if (Side.SELL, high) in there:
                sells[Side.SELL, high] = 0
            elif (Side.BUY, low) in there:
                buys[Side.BUY, low] = 0
            elif self._is_order(high, lots := min(lots, max(0, free))):
                sells[Side.SELL, high] = lots
                free -= lots
            elif low < ask and not self._is_order(high, self._held[cell]):
                buys[Side.BUY, low] = self._size
        near = self.params.near
        highest = sorted(buys, key=lambda wish: -wish[1])[:near]
        lowest = sorted(sells, key=lambda wish: wish[1])[:near]
        return {wish: buys[wish] for wish in highest} | {wish: sells[wish] for wish in lowest}

    def _is_order(self, ticks: int, lots: int) -> bool:
        """Whether so much is worth an order."""
        instrument = self.instrument
        return (
            lots >= max(1, instrument.size_min_lots)
            and instrument.notional_atoms(ticks, lots) >= instrument.notional_min_atoms
        )


def _left(order: OwnOrder) -> int:
    """Return how much of an order may still fill."""
    return order.place.size_lots - order.filled_lots
