"""What a command did to one account's orders of one instrument, as changes of the book.

Its owner sees more of an order than others do: that it waits, was triggered, or stands in a level
without a name. The invariant: an order is received, perhaps triggered, open while it rests, met,
changed, and done, in this order, each told once.
"""

from collections.abc import Sequence
from typing import NamedTuple

from steelyard.domain.lifecycle import Fill, Order
from steelyard.domain.messages import Execution, FullChange, FullChangeKind, OwnChange
from steelyard.domain.order import Liquidity


class _Happened(NamedTuple):
    kind: FullChangeKind
    order: Order
    lots: int
    fill: Fill | None = None
    before_lots: int = 0
    before_ticks: int | None = None


class OwnGathering:
    """What has happened since the last command was over."""

    def __init__(self) -> None:
        self._happened: list[_Happened] = []
        self._arriving: dict[int, Order] = {}  # orders that may rest when the command is over
        self._known: dict[int, tuple[int, int | None]] = {}  # size and price of resting orders

    def order(self, execution: Execution, order: Order, fill: Fill | None) -> None:
        """An order of the account changed."""
        kind, number, left = FullChangeKind, order.order_id, order.remaining_lots
        match execution:
            case Execution.NEW:
                self._tell(kind.RECEIVED, order, order.size_lots)
                self._arriving[number] = order
            case Execution.FILL:
                assert fill is not None, "an execution has its fill"
                self._tell(kind.MATCH, order, fill.size_lots, fill)
                if number in self._known:
                    self._known[number] = left, order.price_ticks
                if not order.state.is_open:
                    self._end(order)
            case Execution.CANCELED | Execution.EXPIRED:
                self._end(order)
            case Execution.AMENDED:
                before = self._known.get(number, (left, order.price_ticks))
                self._happened.append(_Happened(kind.CHANGE, order, left, None, *before))
                self._known[number] = left, order.price_ticks
            case Execution.TRIGGERED | Execution.RELEASED:
                if execution is Execution.TRIGGERED:
                    self._tell(kind.TRIGGERED, order, order.size_lots)
                self._arriving[number] = order
            case Execution.REJECTED:
                pass

    def settle(self, changes: Sequence[FullChange], first: int) -> tuple[OwnChange, ...]:
        """A command is over: return what it did, numbered as the book's changes from `first` on."""
        for number, order in self._arriving.items():
            rests = order.state.is_open and not order.waits and not order.is_pending
            if rests and order.price_ticks is not None:
                self._tell(FullChangeKind.OPEN, order, order.remaining_lots)
                self._known[number] = order.remaining_lots, order.price_ticks
        self._arriving.clear()
        numbers: dict[tuple[FullChangeKind, int], tuple[int, FullChange]] = {}
        for number, change in enumerate(changes, first):
            numbers[change.kind, change.trade_id or change.order_id] = number, change
        happened, self._happened = self._happened, []
        last = first + len(changes) - 1
        return tuple(_own(each, numbers, last) for each in happened)

    def _tell(
        self, kind: FullChangeKind, order: Order, lots: int, fill: Fill | None = None
    ) -> None:
        self._happened.append(_Happened(kind, order, lots, fill))

    def _end(self, order: Order) -> None:
        self._tell(FullChangeKind.DONE, order, order.remaining_lots)
        self._arriving.pop(order.order_id, None)
        self._known.pop(order.order_id, None)


def _own(
    happened: _Happened,
    numbers: dict[tuple[FullChangeKind, int], tuple[int, FullChange]],
    last: int,
) -> OwnChange:
    kind, order, lots, fill, before_lots, before_ticks = happened
    if fill is None:
        number, _ = numbers.get((kind, order.order_id), (last, None))
        change = FullChange(
            kind,
            order.order_id,
            order.side,
            order.price_ticks,
            lots,
            before_lots=before_lots,
            before_ticks=before_ticks,
            spend_atoms=order.spend_atoms,
        )
        return OwnChange(number, change, order)
    number, seen = numbers.get((kind, fill.trade_id), (last, None))
    is_taker = fill.liquidity is Liquidity.TAKER
    change = FullChange(
        kind,
        (seen.order_id if seen else 0) if is_taker else order.order_id,
        order.side if is_taker else order.side.opposite,
        fill.price_ticks,
        lots,
        fill.trade_id,
        order.order_id if is_taker else (seen.taker_order_id if seen else 0),
    )
    return OwnChange(number, change, order, fill)
