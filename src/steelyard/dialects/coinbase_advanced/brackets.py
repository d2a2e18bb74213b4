"""Brackets: one order with two prices at the venue, two orders of which one cancels the other here.

The invariant: what the engine has as a pair (a limit, the target, and behind it in number a stop)
is told as one order, under the target's id, and the stop's own id is never told. It is as the one
of the two that acts: the target, or the stop once the target was canceled for its sake. In `Order`
a bracket is a limit order with a trigger, which nothing else is.

Pairs of other forms, which other dialects place, are told as two orders. A bracket that is attached
to an order is the exits of the engine's group: they wait until their entry has filled.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from steelyard.dialects.coinbase_advanced.routes import answered
from steelyard.dialects.coinbase_advanced.text import is_bracket
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import OrderList, OrdersQuery
from steelyard.domain.order import CancelCause, GroupKind, OrderType, Side
from steelyard.wire.dialect import Asker

STOP_SHARE = 5  # percent beyond its trigger, where a stop has its limit
Find = Callable[[tuple[int, ...]], Sequence[Order]]  # orders by their numbers


def is_entry(order: Order) -> bool:
    """Whether a bracket is attached to an order."""
    return order.group_kind is GroupKind.BRACKET and order.order_id == order.group_id


def first_of(order: Order) -> int:
    """Return the number of the first order of the pair that an order may be of; 0: of none."""
    if order.group_kind is GroupKind.OCO:
        return order.group_id
    if order.group_kind is GroupKind.BRACKET and order.order_id != order.group_id:
        return order.group_id + 1
    return 0


def entry_of(order: Order) -> int:
    """Return the number of the order that a bracket is attached to; 0: to none."""
    is_exit = order.group_kind is GroupKind.BRACKET and order.order_id != order.group_id
    return order.group_id if is_exit else 0


def acting_number(order: Order) -> int:
    """Return the number under which the engine has what is left of an order."""
    return order.order_id + 1 if is_bracket(order) and order.triggered_ns else order.order_id


def stop_limit_ticks(trigger_ticks: int, side: Side) -> int:
    """Return where a triggered stop has its limit: 5 % worse, rounded to the worse price."""
    if side is Side.SELL:
        return max(trigger_ticks * (100 - STOP_SHARE) // 100, 1)
    return -(-trigger_ticks * (100 + STOP_SHARE) // 100)


def joined(target: Order, stop: Order) -> Order:
    """Return a pair as one order."""
    acting = stop if target.cancel_cause is CancelCause.SIBLING else target
    return replace(
        acting,
        order_id=target.order_id,
        client_order_id=target.client_order_id,
        order_type=target.order_type,
        price_ticks=target.price_ticks,
        trigger_ticks=stop.trigger_ticks,
        triggered_ns=stop.triggered_ns,
    )


def pairs(first_numbers: Iterable[int], find: Find) -> dict[int, tuple[Order, Order]]:
    """Return the pairs that begin with these numbers, as far as they are brackets."""
    firsts = sorted(first_numbers)
    if not firsts:
        return {}
    numbers = tuple(number for first in firsts for number in (first, first + 1))
    found = {order.order_id: order for order in find(numbers)}
    legs = ((first, found.get(first), found.get(first + 1)) for first in firsts)
    return {
        first: (target, stop)
        for first, target, stop in legs
        if target is not None
        and stop is not None
        and first_of(target) == first_of(stop) == first
        and target.order_type is OrderType.LIMIT
        and stop.order_type is OrderType.STOP_LIMIT
    }


def folded(orders: Iterable[Order], find: Find) -> list[Order]:
    """Return orders, each pair as one."""
    orders = [*orders]
    found = pairs({first_of(order) for order in orders} - {0}, find)
    told: dict[int, Order] = {}
    for order in orders:
        pair = found.get(first_of(order))
        whole = order if pair is None else joined(*pair)
        told[whole.order_id] = whole
    return [*told.values()]


def finder(asker: Asker) -> Find:
    """Return what finds orders of an account."""
    return lambda numbers: (
        answered(
            asker.ask(OrdersQuery(asker.account_id, len(numbers), order_ids=numbers)), OrderList
        ).orders
    )


def told_numbers(asker: Asker, most: int) -> dict[int, int]:
    """Return under which numbers the stops of an account's brackets are told."""
    query = OrdersQuery(asker.account_id, most, grouped_only=True)
    grouped = answered(asker.ask(query), OrderList).orders
    known = {order.order_id: order for order in grouped}
    firsts = {first_of(order) for order in grouped} - {0}
    found = pairs(firsts, lambda numbers: [known[n] for n in numbers if n in known])
    return {stop.order_id: first for first, (_, stop) in found.items()}
