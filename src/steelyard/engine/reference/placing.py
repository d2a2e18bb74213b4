"""New orders, alone or as a group that is accepted or refused as one.

First every order is checked against the state as it is and what the ones before it in the group
need; then all are accepted and hold; then each acts in its turn.
"""

from heapq import heappush

from steelyard.domain.commands import Accepted, Place, Rejected
from steelyard.domain.order import GroupKind, OrderType, RejectReason, Side
from steelyard.engine.book import Order
from steelyard.engine.reference import fees, matching, refusals, settlement, triggers
from steelyard.engine.reference.state import Group, State

_SIZES = {
    GroupKind.BASKET: range(2, 21),
    GroupKind.OCO: range(2, 3),
    GroupKind.OTO: range(2, 3),
    GroupKind.BRACKET: range(3, 4),
}
_WITH_ENTRY = frozenset({GroupKind.OTO, GroupKind.BRACKET})


def place(state: State, places: tuple[Place, ...], kind: GroupKind | None = None) -> None:
    """Accept one order, or a group's, and let them act; or refuse them all."""
    first_id = state.next_order_id
    state.next_order_id += len(places)
    orders: list[Order] = []
    for at, asked in enumerate(places):
        order = _draft(state, asked, first_id + at)
        orders.append(order)
        reason = (
            _of_group(kind, places, at)
            or refusals.of_place(state, asked)
            or _of_books(state, orders, places, kind)
        )
        if reason:
            for number, each in enumerate(places):
                why = reason if number == at else RejectReason.GROUP_REFUSED
                state.effects.append(Rejected(first_id + number, each.account_id, why))
            return
    _accept(state, orders, places)
    for order in _join(state, orders, kind):
        matching.act(state, order)


def _draft(state: State, asked: Place, order_id: int) -> Order:
    """Return the order that a request would become."""
    account = state.accounts.get(asked.account_id)
    maker_rate, taker_rate = fees.rates(state, account, state.now_ns) if account else (0, 0)
    return Order(
        order_id=order_id,
        account_id=asked.account_id,
        instrument_id=asked.instrument_id,
        side=asked.side,
        price_ticks=asked.price_ticks,
        priority=0,
        size_lots=asked.size_lots,
        remaining_lots=asked.size_lots,
        post_only=asked.post_only,
        self_trade=asked.self_trade,
        fee_asset=asked.fee_asset,
        maker_rate_e8=maker_rate,
        taker_rate_e8=taker_rate,
        order_type=asked.order_type,
        time_in_force=asked.time_in_force,
        slide=asked.slide,
        quote_atoms=asked.quote_atoms,
        display_lots=asked.display_lots,
        expire_ns=asked.expire_ns,
        trigger_by=asked.trigger_by,
        trigger_ticks=asked.trigger_ticks,
        trail_ticks=asked.trail_ticks,
        trail_rate_e8=asked.trail_rate_e8,
        activation_ticks=asked.activation_ticks,
        activation_direction=asked.activation_direction,
    )


def _accept(state: State, orders: list[Order], places: tuple[Place, ...]) -> None:
    """Tell that the orders are accepted, and of a post_only one where it has slid to."""
    for order, asked in zip(orders, places, strict=True):
        fees.drop_old_days(state.accounts[order.account_id], state.now_ns)
        state.effects.append(Accepted(order.order_id, order.account_id, order.instrument_id))
        if order.price_ticks != asked.price_ticks:
            state.tell_amended(order, kept_priority=False)
        if order.expire_ns is not None:
            heappush(state.expiries, (order.expire_ns, order.order_id))


def _join(state: State, orders: list[Order], kind: GroupKind | None) -> list[Order]:
    """Bind accepted orders together, take what they hold, and return those that act now."""
    if kind is None or kind is GroupKind.BASKET:
        for order in orders:
            settlement.hold(state, [order])
        return orders
    group_id = orders[0].order_id
    entry, pair = (orders[0], orders[1:]) if kind in _WITH_ENTRY else (None, orders)
    state.groups[group_id] = Group(group_id, kind, entry, pair)
    for order in orders:
        order.group_id = group_id
    if entry is None:
        settlement.hold(state, pair)
        return orders
    for child in pair:
        child.is_child = True
        state.open(child)
    settlement.hold(state, [entry])
    return [entry]


# -- refusals -------------------------------------------------------------------------------


def _of_group(kind: GroupKind | None, places: tuple[Place, ...], at: int) -> RejectReason | None:
    """Return whether one order does not go with its group."""
    if kind is None:
        return None
    asked, first = places[at], places[0]
    fits = len(places) in _SIZES[kind] and asked.account_id == first.account_id
    may_rest = asked.time_in_force in refusals.RESTING
    is_same_market = asked.instrument_id == first.instrument_id
    is_market = asked.order_type is OrderType.MARKET
    is_by_amount = asked.quote_atoms is not None
    if kind is GroupKind.BASKET:
        fits &= not is_by_amount and not (is_market and asked.side is Side.BUY)
    elif kind in _WITH_ENTRY and at == 0:
        fits &= not asked.order_type.waits and not is_by_amount
    elif kind is GroupKind.OTO:
        fits &= is_same_market
    elif kind is GroupKind.BRACKET:
        is_exit = asked.side is first.side.opposite and asked.size_lots == first.size_lots
        fits &= is_same_market and may_rest and is_exit
    else:
        is_alike = asked.side is first.side and asked.size_lots == first.size_lots
        fits &= is_same_market and may_rest and is_alike
    return None if fits else RejectReason.UNSUPPORTED


def _of_books(
    state: State, orders: list[Order], places: tuple[Place, ...], kind: GroupKind | None
) -> RejectReason | None:
    """Return why the books have no place for the last of these orders, behind the others.

    A post_only order slides here, before its funds are reckoned.
    """
    order = orders[-1]
    if reason := _of_room(state, orders, kind):
        return reason
    if kind in _WITH_ENTRY and len(orders) > 1:
        return None
    market = state.market(order)
    if order.order_type.waits and triggers.is_there(market, order):
        return RejectReason.WOULD_TRIGGER
    is_oco = kind is GroupKind.OCO
    if (order.post_only or is_oco) and order.order_type is OrderType.LIMIT:
        price = matching.maker_price(market, order)
        if price is None or (kind is GroupKind.BASKET and _meets_another(places, len(orders) - 1)):
            return RejectReason.POST_ONLY_WOULD_TAKE
        order.price_ticks = price
    asset_id = settlement.hold_asset(state, order)
    needed = [
        matching.needed_atoms(state, each)
        for each in orders
        if settlement.hold_asset(state, each) == asset_id
    ]
    total = max(needed) if is_oco else sum(needed)
    is_short = total > state.ledger.free_atoms(order.account_id, asset_id)
    return RejectReason.INSUFFICIENT_BALANCE if is_short else None


def _of_room(state: State, orders: list[Order], kind: GroupKind | None) -> RejectReason | None:
    """Return whether an account would have too many orders in a market; a group counts whole."""
    order = orders[-1]
    market = state.market(order)
    orders_max, triggers_max = market.instrument.orders_max, market.instrument.triggers_max
    if not orders_max and not triggers_max:
        return None
    rests = order.order_type is OrderType.LIMIT and order.time_in_force in refusals.RESTING
    if kind is None and not rests and not order.order_type.waits:
        return None
    key = (order.account_id, order.instrument_id)
    new = [each for each in orders if (each.account_id, each.instrument_id) == key]
    if 0 < orders_max < market.open_counts[order.account_id] + len(new):
        return RejectReason.TOO_MANY_ORDERS
    triggers_count = sum(each.order_type.waits for each in new)
    triggers_count += market.trigger_counts[order.account_id]
    if order.order_type.waits and 0 < triggers_max < triggers_count:
        return RejectReason.TOO_MANY_TRIGGERS
    return None


def _meets_another(places: tuple[Place, ...], at: int) -> bool:
    """Return whether a limit would meet another limit of its basket."""
    mine = places[at]
    return any(
        other.order_type is OrderType.LIMIT
        and other.side is mine.side.opposite
        and other.instrument_id == mine.instrument_id
        and (mine.price_ticks or 0) * mine.side >= (other.price_ticks or 0) * mine.side
        for other in places
    )
