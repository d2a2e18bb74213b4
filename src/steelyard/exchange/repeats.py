"""An order or a group of orders that is sent again: placed once, answered with what it became.

A group is known by the client order ids of its orders, all of them: the same orders in the same
places of a group of the same kind. Anything else under one of those names is another request and
is refused.
"""

from steelyard.domain.commands import Place, PlaceGroup
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import OrderAnswer, OrderList, Refused, SingleAnswer
from steelyard.domain.order import RejectReason
from steelyard.exchange.history import History


def known_order(place: Place, history: History, *, for_ever: bool) -> SingleAnswer | None:
    """Return what is to be said to a client order id that is taken, or None."""
    if not for_ever:
        if history.open_order(place.account_id, place.client_order_id) is None:
            return None
        return Refused(
            RejectReason.DUPLICATE_CLIENT_ORDER_ID,
            f"an open order already has the client order id {place.client_order_id!r}",
        )
    first = history.placed(place.account_id, place.client_order_id)
    if first is None:
        return None
    order = history.by_client_id(place.account_id, place.client_order_id)
    if order is None or first != place or order.group_id:
        which = "no longer kept" if order is None else f"not the same (id {order.order_id})"
        return Refused(
            RejectReason.DUPLICATE_CLIENT_ORDER_ID,
            f"the client order id {place.client_order_id!r} belongs to an earlier order "
            f"that is {which}; use a fresh one",
            "client_order_id",
        )
    if order.reject_reason is not None:
        return Refused(
            order.reject_reason,
            f"this order was refused when it was first sent, for {order.reject_reason.name}; "
            "to try anew, use a fresh client order id",
            order_id=order.order_id,
        )
    return OrderAnswer(order, history.fills_of(order))


def known_group(group: PlaceGroup, history: History, *, for_ever: bool) -> SingleAnswer | None:
    """Return what is to be said to a group of which a client order id is taken, or None.

    for_ever: a client order id is good for one order for ever, else for one open order.
    """
    named = [place for place in group.places if place.client_order_id]
    names = [place.client_order_id for place in named]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        return _taken(twice, "is given to two orders of this group")
    if not for_ever:
        for place in named:
            if history.open_order(place.account_id, place.client_order_id) is not None:
                return _taken(place.client_order_id, "belongs to an open order")
        return None
    kept = [(place, history.placed(place.account_id, place.client_order_id)) for place in named]
    taken = next((place.client_order_id for place, first in kept if first is not None), None)
    if taken is None:
        return None
    orders = [_as_it_is(place, history) for place in group.places]
    found = tuple(order for order in orders if order is not None)
    is_same = len(found) == len(orders) and all(first == place for place, first in kept)
    if not is_same or not _is_one_group(found, group):
        return _taken(taken, "belongs to an earlier order that is not this group's")
    return _answer(found)


def _as_it_is(place: Place, history: History) -> Order | None:
    if not place.client_order_id:
        return None
    return history.by_client_id(place.account_id, place.client_order_id)


def _is_one_group(orders: tuple[Order, ...], group: PlaceGroup) -> bool:
    """Whether these stood in one group of that kind, in this order; refused ones tell no group."""
    numbers = [order.order_id for order in orders]
    if numbers != [*range(numbers[0], numbers[0] + len(numbers))]:
        return False
    if all(order.reject_reason is not None for order in orders):
        return True
    return all((o.group_id, o.group_kind) == (numbers[0], group.kind) for o in orders)


def _answer(orders: tuple[Order, ...]) -> SingleAnswer:
    reasons = [order.reject_reason for order in orders if order.reject_reason is not None]
    if not reasons:
        return OrderList(orders)
    reason = next((r for r in reasons if r is not RejectReason.GROUP_REFUSED), reasons[0])
    return Refused(
        reason,
        f"this group was refused when it was first sent, for {reason.name}; to try anew, use "
        "fresh client order ids",
        order_id=orders[0].order_id,
    )


def _taken(name: str, why: str) -> Refused:
    return Refused(
        RejectReason.DUPLICATE_CLIENT_ORDER_ID,
        f"the client order id {name!r} {why}; use a fresh one",
        "client_order_id",
    )
