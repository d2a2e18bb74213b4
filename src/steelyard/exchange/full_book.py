"""A book order by order, for those who follow every change of it; nobody's name is in it.

Orders that stand in the book as they were sent have their number. What else a level shows has
none and is one size per level: the house's, slices of icebergs, orders of groups, those that
waited for a price or slid. The invariant: at the end of every command the sizes of a level's
orders and its nameless size are the level as the book tells it.

It follows the engine's effects from the moment somebody listens, and decides nothing.
"""

from collections import defaultdict
from collections.abc import Iterable

from steelyard.domain.commands import LevelChanged, Traded
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import Execution, FullChange, FullChangeKind, FullOrder
from steelyard.domain.order import OrderType, Side
from steelyard.engine import BookLevels

Level = tuple[Side, int]


class FullBook:
    """One instrument's book, order by order, and what the command under way did to it."""

    def __init__(self, orders: Iterable[Order], levels: BookLevels) -> None:
        """Begin with the open orders of all accounts and the whole book."""
        self._totals: dict[Level, int] = {}
        self._orders: dict[int, FullOrder] = {}
        self._named: dict[Level, int] = defaultdict(int)  # lots of orders by level
        self._rests: dict[Level, int] = {}  # nameless lots by level
        self._changes: list[FullChange] = []
        self._received: set[int] = set()  # by the command under way
        self._touched: dict[int, Order] = {}
        self._met: dict[Level, None] = {}  # of those the ones whose nameless size has traded
        self._levels: dict[Level, None] = {}  # that the command under way may have changed
        for side, rows in ((Side.BUY, levels.bids), (Side.SELL, levels.asks)):
            for ticks, lots in rows:
                self._totals[side, ticks] = lots
                self._levels[side, ticks] = None
        for order in sorted(orders, key=lambda each: each.order_id):
            if (found := _in_book(order)) is not None:
                self._put(found)
        self._settle_levels()
        self._changes.clear()

    def orders(self) -> tuple[FullOrder, ...]:
        """Return what stands in the book; a nameless size has the number 0."""
        nameless = (
            FullOrder(0, side, ticks, lots) for (side, ticks), lots in self._rests.items() if lots
        )
        return (*self._orders.values(), *nameless)

    # -- what happened ----------------------------------------------------------------------

    def order(self, execution: Execution, order: Order) -> None:
        """An order of somebody changed; it is read again when the command is over."""
        if not _is_named(order):
            return
        number, side = order.order_id, order.side
        self._touched[number] = order
        if execution is Execution.NEW:
            self._received.add(number)
            received = FullChangeKind.RECEIVED
            self._tell(
                received,
                number,
                side,
                order.price_ticks,
                order.size_lots,
                spend_atoms=order.spend_atoms,
            )
        elif not order.state.is_open:
            # An amendment may have let it trade away from where it stood: there it is gone.
            stood = self._orders.get(number)
            ticks = order.price_ticks if stood is None else stood.price_ticks
            self._drop(number)
            self._tell(FullChangeKind.DONE, number, side, ticks, order.remaining_lots)

    def traded(self, effect: Traded) -> None:
        """Two orders met."""
        maker_id, taker_id = effect.maker_order_id, effect.taker_order_id
        self._changes.append(
            FullChange(
                FullChangeKind.MATCH,
                maker_id if self._is_known(maker_id) else 0,
                effect.taker_side,
                effect.price_ticks,
                effect.size_lots,
                effect.trade_id,
                taker_id if self._is_known(taker_id) else 0,
            )
        )
        maker = self._orders.get(maker_id)
        if maker is not None:
            self._drop(maker_id)
            left = maker.size_lots - effect.size_lots
            self._put(FullOrder(maker_id, maker.side, maker.price_ticks, left))
            return
        # Who follows takes a match off the size at its price: that is told anew, as it is.
        level = effect.taker_side.opposite, effect.price_ticks
        if self._rests.get(level):
            self._met[level] = None
            self._levels[level] = None

    def level(self, effect: LevelChanged) -> None:
        """A level has another size."""
        level = effect.side, effect.price_ticks
        self._totals[level] = effect.size_lots
        self._levels[level] = None

    def settle(self) -> tuple[FullChange, ...]:
        """A command is over: return everything that it changed, in order."""
        for number, order in self._touched.items():
            wanted, known = _in_book(order), self._orders.get(number)
            if wanted is None or wanted == known:
                continue
            self._drop(number)
            self._put(wanted)
            kind = FullChangeKind.OPEN if known is None else FullChangeKind.CHANGE
            before = (0, None) if known is None else (known.size_lots, known.price_ticks)
            self._tell(
                kind, number, wanted.side, wanted.price_ticks, wanted.size_lots, before=before
            )
        self._settle_levels()
        changes = tuple(self._changes)
        self._changes.clear()
        self._touched.clear()
        self._received.clear()
        return changes

    # -- parts ------------------------------------------------------------------------------

    def _settle_levels(self) -> None:
        for level in self._levels:
            total = self._totals.get(level, 0)
            rest, before = total - self._named.get(level, 0), self._rests.get(level, 0)
            if rest != before or level in self._met:
                self._tell(FullChangeKind.CHANGE, 0, *level, rest, before=(before, level[1]))
            self._rests[level] = rest
            if not total:
                for kept in (self._totals, self._rests, self._named):
                    kept.pop(level, None)
        self._levels.clear()
        self._met.clear()

    def _put(self, order: FullOrder) -> None:
        self._orders[order.order_id] = order
        self._named[order.side, order.price_ticks] += order.size_lots
        self._levels[order.side, order.price_ticks] = None

    def _drop(self, number: int) -> None:
        order = self._orders.pop(number, None)
        if order is not None:
            self._named[order.side, order.price_ticks] -= order.size_lots
            self._levels[order.side, order.price_ticks] = None

    def _is_known(self, number: int) -> bool:
        return number in self._orders or number in self._received

    def _tell(
        self,
        kind: FullChangeKind,
        number: int,
        side: Side,
        ticks: int | None,
        lots: int,
        before: tuple[int, int | None] = (0, None),
        spend_atoms: int | None = None,
    ) -> None:
        self._changes.append(
            FullChange(kind, number, side, ticks, lots, 0, 0, *before, spend_atoms)
        )


def _is_named(order: Order) -> bool:
    """Return whether an order stands in the book as it was sent; an amend cannot change that."""
    is_plain = order.order_type in (OrderType.LIMIT, OrderType.MARKET)
    return is_plain and not order.group_id and not order.slide and order.display_lots is None


def _in_book(order: Order) -> FullOrder | None:
    """Return an order as it stands in the book, or None."""
    rests = order.state.is_open and order.order_type is OrderType.LIMIT and _is_named(order)
    if not rests or order.price_ticks is None or not order.remaining_lots:
        return None
    return FullOrder(order.order_id, order.side, order.price_ticks, order.remaining_lots)
