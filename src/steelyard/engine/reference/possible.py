"""Which states commands could have led to: what a snapshot must be before an engine goes on.

First each order by itself, while it is read; then what only the whole state can show.
"""

from steelyard.domain.commands import HOUSE
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import LEVEL_MAX_LOTS, LIMIT_MAX, NOTIONAL_MAX_ATOMS, Instrument
from steelyard.domain.ledger import MAY_OWE
from steelyard.domain.order import GroupKind, MarketState
from steelyard.domain.units import AMOUNT_MAX_ATOMS, RATE_SCALE
from steelyard.engine.book import Order, price_of
from steelyard.engine.reference import fees, refusals, settlement, triggers
from steelyard.engine.reference.administration import may_trade_anywhere
from steelyard.engine.reference.state import Group, Market, State

WITH_ENTRY = frozenset({GroupKind.OTO, GroupKind.BRACKET})
_ORDERS = {GroupKind.OCO: 2, GroupKind.OTO: 2, GroupKind.BRACKET: 3}


def need(ok: bool, otherwise: str) -> None:  # noqa: FBT001 what is needed reads first
    """Refuse a snapshot in which something does not hold.

    Raises:
        DecodeError: It does not.
    """
    if not ok:
        raise DecodeError(f"snapshot: {otherwise}")


# -- orders ---------------------------------------------------------------------------------


def may_rest(state: State, order: Order) -> bool:
    """Return whether an order, or the house's size, can stand at the end of its queue."""
    market = state.markets.get(order.instrument_id)
    if market is None or not refusals.are_prices(market.instrument, (order.price_ticks,)):
        return False
    near = market.near(order)
    if not (
        order.priority >= 1
        and 1 <= order.remaining_lots <= LIMIT_MAX
        and near.size_at(price_of(order)) + order.remaining_lots <= LEVEL_MAX_LOTS + LIMIT_MAX
    ):
        return False
    if order.is_house:
        plain = Order(0, HOUSE, 0, order.side, 0, 0, 0, 0)
        names = ("account_id", "size_lots", "post_only", "self_trade", "fee_asset", "maker_rate_e8")
        is_plain = all(getattr(order, name) == getattr(plain, name) for name in names)
        return is_plain and not order.taker_rate_e8 and not near.last_house(price_of(order))
    return (
        is_order(state, order)
        and _is_sized(market.instrument, order)
        and order.remaining_lots <= order.size_lots
        and _is_shown(order)
        and (order.post_only or not order.slide)
        and near.size_at(price_of(order)) + order.remaining_lots <= LEVEL_MAX_LOTS
    )


def _is_shown(order: Order) -> bool:
    if not order.display_lots:
        return order.shown_lots == 0
    return 1 <= order.shown_lots <= min(order.display_lots, order.remaining_lots)


def may_wait(state: State, order: Order) -> bool:
    """Return whether an order can wait: for its price, or as a child for its entry."""
    market = state.markets.get(order.instrument_id)
    return (
        market is not None
        and is_order(state, order)
        and refusals.is_offered(order)
        and _is_sized(market.instrument, order)
        and may_trade_anywhere(market.instrument, order.size_lots)
        and _are_terms(market.instrument, order)
        and (order.is_child or order.order_type.waits)
        and order.is_child == (order.priority == 0)
        and (bool(order.group_id) or not order.is_child)
        and _is_best(market, order)
        and not _should_have_heard(market, order)
    )


def is_order(state: State, order: Order) -> bool:
    """Return whether its owner, number and rates can be an order's."""
    return (
        order.order_id >= 1
        and order.order_id not in state.orders
        and order.account_id in state.accounts
        and fees.is_rates(order.maker_rate_e8, order.taker_rate_e8)
    )


def _is_sized(instrument: Instrument, order: Order) -> bool:
    """Return whether its amounts stay in the range of the books and its slices are bounded."""
    if order.quote_atoms is not None:
        return order.quote_atoms >= 1
    notional = instrument.notional_atoms(order.price_ticks or 0, order.size_lots)
    base = order.size_lots * instrument.lot_atoms
    display = order.display_lots
    return (
        1 <= order.size_lots <= LIMIT_MAX
        and max(notional, base) <= NOTIONAL_MAX_ATOMS
        and (display is None or 0 <= display <= LIMIT_MAX)
    )


def _are_terms(instrument: Instrument, order: Order) -> bool:
    prices = (order.price_ticks, order.trigger_ticks, order.activation_ticks, order.trail_ticks)
    rate = order.trail_rate_e8
    return refusals.are_prices(instrument, prices) and (rate is None or 1 <= rate < RATE_SCALE)


def _is_best(market: Market, order: Order) -> bool:
    """Return whether a trailing stop can have seen its best price; others see none."""
    if not order.order_type.trails or order.is_child:
        return order.best_ticks == 0
    return 0 <= order.best_ticks <= market.instrument.price_max_ticks


def _should_have_heard(market: Market, order: Order) -> bool:
    """Return whether the price that an order waits for is there, in a market that is open."""
    price = market.prices[order.trigger_by]
    if order.is_child or market.state is not MarketState.OPEN or not price:
        return False
    if order.trigger_ticks is not None:
        return triggers.is_there(market, order)
    if not order.best_ticks:
        return triggers.is_activated(order, price)
    is_behind = (order.best_ticks - price) * -order.side < 0
    return is_behind or triggers.is_far_enough(order, price)


# -- the whole ------------------------------------------------------------------------------


def check(state: State) -> None:
    """Check what only the whole state can show.

    Raises:
        DecodeError: It is not one that commands could have led to.
    """
    _check_counters(state)
    _check_groups(state)
    _check_money(state)
    for market in state.markets.values():
        prices = market.prices.values()
        is_priced = all(0 <= price <= market.instrument.price_max_ticks for price in prices)
        need(is_priced and market.next_trade_id >= 1, "a price or a number is out of range")
        bid, ask = market.book.bids.best(), market.book.asks.best()
        need(bid is None or ask is None or bid < ask, "a book is crossed")


def _check_counters(state: State) -> None:
    house = [
        node.priority
        for market in state.markets.values()
        for side in (market.book.bids, market.book.asks)
        for level in side.levels.values()
        for node in level
        if node.is_house
    ]
    times = house + [order.priority for order in state.orders.values() if not order.is_child]
    need(len(set(times)) == len(times), "two have the same priority")
    is_ahead = (
        state.next_priority > max(times, default=0)
        and state.next_order_id > max(state.orders, default=0)
        and state.next_transfer_id > max(state.transfers, default=0)
    )
    need(is_ahead and 0 not in state.transfers, "a counter is behind what it counts")


def _check_groups(state: State) -> None:
    named = {
        order.order_id: group.group_id
        for group in state.groups.values()
        for order in (group.entry, *group.pair)
        if order
    }
    told = {order.order_id: order.group_id for order in state.orders.values() if order.group_id}
    need(named == told, "an order is not of the group that it names")
    for group in state.groups.values():
        need(_is_group(group), "a group is not one that hangs together")


def _is_group(group: Group) -> bool:
    """Return whether the orders of a group can be what is left of one request."""
    orders = [order for order in (group.entry, *group.pair) if order]
    if len(orders) != _ORDERS.get(group.kind):
        return False
    first = orders[0]
    numbers = [order.order_id for order in orders]
    # The first order of an OCO that was a bracket's exits comes behind the entry's number.
    starts = {group.group_id, group.group_id + (group.kind is GroupKind.OCO)}
    is_one_request = (
        numbers[0] in starts
        and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        and all(
            (order.account_id, order.instrument_id) == (first.account_id, first.instrument_id)
            for order in orders
        )
    )
    are_exits = all(
        order.side is group.pair[0].side
        and order.time_in_force in refusals.RESTING
        and order.remaining_lots == order.size_lots
        for order in group.pair
    )
    are_children = all(order.is_child == (group.entry is not None) for order in group.pair)
    is_entry = group.entry is None or not (group.entry.is_child or group.entry.order_type.waits)
    match group.kind:
        case GroupKind.OTO:
            return is_one_request and are_children and is_entry
        case GroupKind.BRACKET:
            is_way_out = group.pair[0].side is first.side.opposite
            is_one_size = group.pair[0].size_lots == group.pair[1].size_lots
            are_exits = are_exits and is_way_out and is_one_size
            return is_one_request and are_children and is_entry and are_exits
        case _:
            return is_one_request and are_children and are_exits


def _check_money(state: State) -> None:
    holds: dict[tuple[int, int], int] = {}
    for order in state.orders.values():
        group = state.groups.get(order.group_id)
        if group and group.kind is GroupKind.OCO and order is group.pair[1]:
            continue
        key = (order.account_id, settlement.hold_asset(state, order))
        holds[key] = holds.get(key, 0) + settlement.held_atoms(state, order)
    for transfer in state.transfers.values():
        need(_is_transfer(state, transfer.account_id, transfer.amount_atoms), "a transfer is none")
        if transfer.amount_atoms < 0:
            pocket = (transfer.account_id, transfer.asset_id)
            holds[pocket] = holds.get(pocket, 0) - transfer.amount_atoms
    held = {(a, s): b.held_atoms for a, s, b in state.ledger if b.held_atoms}
    need({k: v for k, v in holds.items() if v} == held, "a balance does not hold what it must")
    is_owed = all(b.free_atoms >= 0 or a in MAY_OWE for a, _, b in state.ledger)
    need(is_owed, "a balance is negative")
    need(not any(state.ledger.totals().values()), "an asset does not sum to zero")
    for account in state.accounts.values():
        volumes = account.volumes.values()
        are_volumes = all(1 <= volume <= fees.VOLUME_MAX_MICROS for volume in volumes)
        need(are_volumes and (account.schedule_id != 0 or not volumes), "a volume is out of range")


def _is_transfer(state: State, account_id: int, amount_atoms: int) -> bool:
    return account_id in state.accounts and 0 < abs(amount_atoms) <= AMOUNT_MAX_ATOMS
