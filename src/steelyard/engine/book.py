"""Resting orders of one instrument: by price, then by time. The slow twin, written to be read.

Both sides are the same code: a side's prices are kept as keys, `side * price`, so the best
price is always the largest key. A level is a queue of nodes with rising priority. The house's
size stands in the queue as nodes of order_id 0 around the users' orders, never two in a row:
n orders part it into at most n + 1 of them.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from steelyard.domain.order import FeeAsset, SelfTrade, Side


class QueueModel(IntEnum):
    """How much of an unexplained shrink of the house's size happened ahead of a user's order."""

    PESSIMISTIC = 1  # none: the house leaves from the back
    PROPORTIONAL = 2  # its share
    OPTIMISTIC = 3  # all: the house leaves from the front


@dataclass(slots=True, eq=False)  # a node is itself: two alike are not the same
class Node:
    """One place in a level's queue: a user's order, or (order_id 0) house size between orders."""

    order_id: int
    account_id: int
    instrument_id: int
    side: Side
    price_ticks: int
    priority: int
    size_lots: int
    remaining_lots: int
    post_only: bool = False
    self_trade: SelfTrade = SelfTrade.NONE
    fee_asset: FeeAsset = FeeAsset.QUOTE
    maker_rate_e8: int = 0
    taker_rate_e8: int = 0

    @property
    def is_house(self) -> bool:
        """Whether this is the house's size and not an order."""
        return self.order_id == 0


@dataclass(slots=True)
class BookSide:
    """The bids or the asks."""

    side: Side
    levels: dict[int, list[Node]] = field(default_factory=dict)
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
        """Return the total size resting at a price."""
        return sum(node.remaining_lots for node in self.levels.get(price_ticks, ()))

    def add(self, node: Node) -> None:
        """Put a node at the end of its level's queue."""
        level = self.levels.get(node.price_ticks)
        if level is None:
            level = self.levels[node.price_ticks] = []
            insort(self.keys, node.price_ticks * self.side)
        level.append(node)

    def remove(self, node: Node) -> None:
        """Take a node out; house nodes that now touch become one, with the front's priority."""
        level = self.levels[node.price_ticks]
        at = level.index(node)
        del level[at]
        if 0 < at < len(level) and level[at - 1].is_house and level[at].is_house:
            level[at - 1].remaining_lots += level.pop(at).remaining_lots
        if not level:
            del self.levels[node.price_ticks]
            del self.keys[bisect_left(self.keys, node.price_ticks * self.side)]

    def ends_with_house(self, price_ticks: int) -> bool:
        """Return whether the house stands last in a level's queue."""
        level = self.levels.get(price_ticks)
        return level is not None and level[-1].is_house

    def house_nodes(self, price_ticks: int) -> list[Node]:
        """Return the house's nodes at a price, front first."""
        return [node for node in self.levels.get(price_ticks, ()) if node.is_house]


@dataclass(slots=True)
class Book:
    """Both sides of one instrument."""

    bids: BookSide = field(default_factory=lambda: BookSide(Side.BUY))
    asks: BookSide = field(default_factory=lambda: BookSide(Side.SELL))

    def of(self, side: Side) -> BookSide:
        """Return one side."""
        return self.bids if side is Side.BUY else self.asks


def shrink(nodes: list[Node], total_lots: int, model: QueueModel) -> None:
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
