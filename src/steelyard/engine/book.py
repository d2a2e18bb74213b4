"""Resting orders of one instrument: by price, then by time. The slow twin, written to be read.

Both sides are the same code: a side's prices are kept as keys, `side * price`, so the best
price is always the largest key. A level has two queues: what is shown, and behind all of it what
is hidden. The house's size stands in the shown queue as nodes of order_id 0 around the users'
orders, never two in a row: n orders part it into at most n + 1 of them.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum

from msgspec import Struct

from steelyard.domain.order import (
    Direction,
    FeeAsset,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)


class QueueModel(IntEnum):
    """How much of an unexplained shrink of the house's size happened ahead of a user's order."""

    PESSIMISTIC = 1  # none: the house leaves from the back
    PROPORTIONAL = 2  # its share
    OPTIMISTIC = 3  # all: the house leaves from the front


class Order(Struct, eq=False):  # an order is itself: two alike are not the same
    """A user's order on its way, at rest or waiting; or (order_id 0) house size between orders.

    One by quote_atoms has no size: quote_atoms is what is left of the amount, and size_lots grows
    by what has filled.
    """

    order_id: int
    account_id: int
    instrument_id: int
    side: Side
    price_ticks: int | None
    priority: int
    size_lots: int
    remaining_lots: int
    post_only: bool = False
    self_trade: SelfTrade = SelfTrade.NONE
    fee_asset: FeeAsset = FeeAsset.QUOTE
    maker_rate_e8: int = 0
    taker_rate_e8: int = 0
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    slide: bool = False
    quote_atoms: int | None = None
    display_lots: int | None = None
    shown_lots: int = 0  # of an iceberg: what is left of its slice
    expire_ns: int | None = None
    trigger_by: TriggerBy = TriggerBy.LAST
    trigger_ticks: int | None = None
    trail_ticks: int | None = None
    trail_rate_e8: int | None = None
    activation_ticks: int | None = None
    activation_direction: Direction | None = None
    best_ticks: int = 0  # of a trailing stop: the best price since its activation, 0 before
    group_id: int = 0
    is_child: bool = False  # it waits for its entry to fill
    is_holding: bool = False  # what it needs is set aside
    is_heard: bool = False  # it has heard its price, and its turn comes within this command
    is_over: bool = False

    @property
    def is_house(self) -> bool:
        """Whether this is the house's size and not an order."""
        return self.order_id == 0

    @property
    def is_hidden(self) -> bool:
        """Whether the book shows nothing of it."""
        return self.display_lots == 0

    @property
    def visible_lots(self) -> int:
        """How much of it the book shows."""
        return self.remaining_lots if self.display_lots is None else self.shown_lots

    @property
    def slice_lots(self) -> int:
        """How much of it may trade before others at its price have their turn."""
        return self.remaining_lots if self.is_hidden else self.visible_lots

    def show(self) -> None:
        """Begin a new slice."""
        self.shown_lots = min(self.display_lots or 0, self.remaining_lots)

    def shrink(self, lots: int) -> None:
        """Take lots off what remains; its slice cannot be more than that."""
        self.remaining_lots -= lots
        self.shown_lots = min(self.shown_lots, self.remaining_lots)


@dataclass(slots=True)
class Level:
    """The queues at one price, and the sums of what stands in them."""

    shown: list[Order] = field(default_factory=list)
    hidden: list[Order] = field(default_factory=list)
    total_lots: int = 0
    visible_lots: int = 0

    def __iter__(self) -> Iterator[Order]:
        yield from self.shown
        yield from self.hidden

    def of(self, order: Order) -> list[Order]:
        """Return the queue in which an order belongs."""
        return self.hidden if order.is_hidden else self.shown

    def count(self, order: Order) -> None:
        """Take an order's size into the sums."""
        self.total_lots += order.remaining_lots
        self.visible_lots += order.visible_lots

    def discount(self, order: Order) -> None:
        """Take an order's size out of the sums."""
        self.total_lots -= order.remaining_lots
        self.visible_lots -= order.visible_lots


@dataclass(slots=True)
class BookSide:
    """The bids or the asks."""

    side: Side
    levels: dict[int, Level] = field(default_factory=dict)
    keys: list[int] = field(default_factory=list)  # side * price, ascending: best last

    def best(self) -> int | None:
        """Return the best price, or None where nothing rests."""
        return self.keys[-1] * self.side if self.keys else None

    def prices(self) -> Iterator[int]:
        """Yield prices, best first."""
        return (key * self.side for key in reversed(self.keys))

    def prices_within(self, limit_ticks: int | None) -> list[int]:
        """Return the prices that a taker with this limit reaches, best first; None: all."""
        if limit_ticks is None:
            return list(self.prices())
        first = bisect_left(self.keys, limit_ticks * self.side)
        return [key * self.side for key in reversed(self.keys[first:])]

    def size_at(self, price_ticks: int) -> int:
        """Return the total size resting at a price, hidden too."""
        level = self.levels.get(price_ticks)
        return level.total_lots if level else 0

    def visible_at(self, price_ticks: int) -> int:
        """Return the size that the book shows at a price."""
        level = self.levels.get(price_ticks)
        return level.visible_lots if level else 0

    def front(self, price_ticks: int, *, past_house: bool = False) -> Order | None:
        """Return the order whose turn it is at a price, or that of the first user's."""
        level = self.levels.get(price_ticks, ())
        return next((order for order in level if not (past_house and order.is_house)), None)

    def first(self, limit_ticks: int | None) -> Order | None:
        """Return the order whose turn it is for a taker with this limit; None: any price."""
        if not self.keys or (limit_ticks is not None and self.keys[-1] < limit_ticks * self.side):
            return None
        level = self.levels[self.keys[-1] * self.side]
        return (level.shown or level.hidden)[0]

    def slices(self, price_ticks: int) -> Iterator[tuple[Order, int]]:
        """Yield what would trade at a price if all of it did: an iceberg comes again and again."""
        level = self.levels[price_ticks]
        queue = deque((order, order.visible_lots, order.remaining_lots) for order in level.shown)
        while queue:
            order, lots, left = queue.popleft()
            yield order, lots
            if left > lots:
                queue.append((order, min(order.display_lots or 0, left - lots), left - lots))
        yield from ((order, order.remaining_lots) for order in level.hidden)

    def add(self, order: Order) -> None:
        """Put an order at the end of its queue."""
        price_ticks = price_of(order)
        level = self.levels.get(price_ticks)
        if level is None:
            level = self.levels[price_ticks] = Level()
            insort(self.keys, price_ticks * self.side)
        level.of(order).append(order)
        level.count(order)

    def remove(self, order: Order) -> None:
        """Take an order out; house nodes that now touch become one, with the front's priority."""
        price_ticks = price_of(order)
        level = self.levels[price_ticks]
        queue = level.of(order)
        at = queue.index(order)
        del queue[at]
        level.discount(order)
        if 0 < at < len(queue) and queue[at - 1].is_house and queue[at].is_house:
            queue[at - 1].remaining_lots += queue.pop(at).remaining_lots
        if not level.shown and not level.hidden:
            del self.levels[price_ticks]
            del self.keys[bisect_left(self.keys, price_ticks * self.side)]

    def take(self, order: Order, lots: int) -> None:
        """Take what has traded off an order at rest, and off its slice."""
        level = self.levels[price_of(order)]
        level.discount(order)
        order.remaining_lots -= lots
        order.shown_lots -= lots if order.shown_lots else 0
        level.count(order)

    @contextmanager
    def recounted(self, *orders: Order) -> Iterator[None]:
        """Keep a level's sums right while sizes of orders that rest there change inside of this."""
        level = self.levels[price_of(orders[0])]
        for order in orders:
            level.discount(order)
        yield
        for order in orders:
            level.count(order)

    def last_house(self, price_ticks: int) -> Order | None:
        """Return the house's node where it stands last in a level's shown queue."""
        level = self.levels.get(price_ticks)
        last = level.shown[-1] if level is not None and level.shown else None
        return last if last is not None and last.is_house else None

    def house_nodes(self, price_ticks: int) -> list[Order]:
        """Return the house's nodes at a price, front first."""
        return [order for order in self.levels.get(price_ticks, ()) if order.is_house]


@dataclass(slots=True)
class Book:
    """Both sides of one instrument."""

    bids: BookSide = field(default_factory=lambda: BookSide(Side.BUY))
    asks: BookSide = field(default_factory=lambda: BookSide(Side.SELL))

    def of(self, side: Side) -> BookSide:
        """Return one side."""
        return self.bids if side > 0 else self.asks


def price_of(order: Order) -> int:
    """Return the limit of an order that has one."""
    assert order.price_ticks is not None, "what rests has a price"
    return order.price_ticks


def shrink(nodes: list[Order], total_lots: int, model: QueueModel) -> None:
    """Reduce house nodes, front first, to a smaller total; emptied ones stay, at 0.

    Proportional keeps floor(C * new / old) of the cumulative size C up to each node.
    """
    old = sum(node.remaining_lots for node in nodes)
    assert 0 <= total_lots <= old, "a shrink does not grow"
    match model:
        case QueueModel.PROPORTIONAL:
            ahead = kept = 0
            for node in nodes:
                ahead += node.remaining_lots
                now = ahead * total_lots // old
                node.remaining_lots = now - kept
                kept = now
        case QueueModel.PESSIMISTIC | QueueModel.OPTIMISTIC:
            gone = old - total_lots
            ordered = nodes if model is QueueModel.OPTIMISTIC else reversed(nodes)
            for node in ordered:
                part = min(gone, node.remaining_lots)
                node.remaining_lots -= part
                gone -= part
