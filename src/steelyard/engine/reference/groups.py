"""What a command set off: orders that have heard their price, children whose entry has filled.

Each has its turn after the command's own matching, first in first out, and then acts as if it
came now; what would have been a refusal cancels it.
"""

from steelyard.domain.commands import Triggered
from steelyard.domain.order import CancelCause, GroupKind, OrderType, Side, TimeInForce
from steelyard.engine.book import Order
from steelyard.engine.reference import matching, settlement
from steelyard.engine.reference.state import EntryFilled, Group, Heard, State


def work_off(state: State) -> None:
    """Let everything that was set off act; each may set off more."""
    while state.heard:
        match state.heard.popleft():
            case Heard(order, price_ticks):
                if not order.is_over:
                    _trigger(state, order, price_ticks)
            case EntryFilled(group, entry):
                _place_children(state, group, entry)


def _trigger(state: State, order: Order, price_ticks: int) -> None:
    """Let an order that has heard its price go to market, as a limit or as a market order."""
    matching.leave_oco(state, order)
    matching.unlink(state, order)
    order.is_heard, order.trigger_ticks = False, None
    state.effects.append(
        Triggered(order.order_id, order.account_id, order.instrument_id, price_ticks)
    )
    if order.order_type.has_limit:
        order.order_type = OrderType.LIMIT
    else:
        order.order_type, order.time_in_force = OrderType.MARKET, TimeInForce.IOC
    if order.post_only:
        price = matching.maker_price(state.market(order), order)
        if price is None:
            matching.cancel(state, order, CancelCause.POST_ONLY_WOULD_TAKE)
            return
        if price != order.price_ticks:
            with settlement.reheld(state, order):
                order.price_ticks = price
            state.tell_amended(order, kept_priority=False)
    is_market_buy = order.order_type is OrderType.MARKET and order.side is Side.BUY
    if is_market_buy and _is_short(state, [order]):
        matching.cancel(state, order, CancelCause.INSUFFICIENT_BALANCE)
        return
    matching.go_to_market(state, order)


def _place_children(state: State, group: Group, entry: Order) -> None:
    """Let what waited for its entry act: one order, or two exits that become an OCO."""
    children = list(group.pair)
    for child in children:
        matching.unlink(state, child)
        child.is_child = False
    if group.kind is GroupKind.BRACKET and not _cut(state, group, entry):
        return
    slid = []
    for child in children:
        if child.post_only and child.order_type is OrderType.LIMIT:
            price = matching.maker_price(state.market(child), child)
            if price is None:
                matching.cancel(state, child, CancelCause.POST_ONLY_WOULD_TAKE)
                return
            if price != child.price_ticks:
                child.price_ticks = price
                slid.append(child)
    if _is_short(state, children):
        _give_up(state, group)
        return
    if group.kind is GroupKind.BRACKET:
        group.kind, group.entry = GroupKind.OCO, None
    else:
        matching.disband(state, group)
    settlement.hold(state, children)
    for child in slid:
        state.tell_amended(child, kept_priority=False)
    for child in children:
        matching.act(state, child)


def _cut(state: State, group: Group, entry: Order) -> bool:
    """Make both exits as small as the entry, or as what is free; return whether they still act."""
    exit_ = group.pair[0]
    instrument = state.market(exit_).instrument
    size_lots = min(exit_.size_lots, entry.size_lots)
    if exit_.side is Side.SELL:
        size_lots = min(size_lots, settlement.free_atoms(state, exit_) // instrument.lot_atoms)
    if size_lots == exit_.size_lots:
        return True
    if size_lots < instrument.size_min_lots:
        _give_up(state, group)
        return False
    for each in group.pair:
        each.size_lots = each.remaining_lots = size_lots
        state.tell_amended(each, kept_priority=False)
    return True


def _is_short(state: State, orders: list[Order]) -> bool:
    """Return whether the funds do not suffice for one of these, which hold once."""
    needed = max(matching.needed_atoms(state, order) for order in orders)
    return needed > settlement.free_atoms(state, orders[0])


def _give_up(state: State, group: Group) -> None:
    """Cancel all that waited for its entry, because the funds do not suffice."""
    children = list(group.pair)
    matching.disband(state, group)
    for child in children:
        matching.cancel(state, child, CancelCause.INSUFFICIENT_BALANCE)
