"""Changes of open orders: a new price, size or trigger, and cancels.

A smaller size at the same price keeps the priority of a resting order; all else gives it a new
time, and it may trade. A waiting order keeps its place among equals. Orders of a group cannot be
amended.
"""

from operator import attrgetter

from msgspec.structs import replace

from steelyard.domain.commands import Amend, Cancel, CancelAll
from steelyard.domain.instrument import LEVEL_MAX_LOTS
from steelyard.domain.order import CancelCause, MarketState, RejectReason
from steelyard.engine.book import Order
from steelyard.engine.reference import matching, refusals, settlement, triggers
from steelyard.engine.reference.state import Market, State


def cancel(state: State, request: Cancel) -> None:
    """Cancel one order of its owner's."""
    order = _own_order(state, request.account_id, request.order_id)
    if order is None:
        reason = RejectReason.UNKNOWN_ORDER
    elif state.market(order).state is MarketState.MAINTENANCE:
        reason = RejectReason.MARKET_MAINTENANCE
    else:
        matching.cancel(state, order, CancelCause.USER)
        return
    state.refuse(request.account_id, request.order_id, reason)


def cancel_all(state: State, request: CancelAll) -> None:
    """Cancel all orders of an account, oldest number first; an administrator's passes always."""
    only = request.instrument_id
    is_admin = request.cause is CancelCause.ADMIN
    closed = {
        instrument_id
        for instrument_id, market in state.markets.items()
        if market.state is MarketState.MAINTENANCE and not is_admin
    }
    if request.account_id not in state.accounts:
        state.refuse(request.account_id, 0, RejectReason.UNKNOWN_ACCOUNT)
    elif only is not None and only not in state.markets:
        state.refuse(request.account_id, 0, RejectReason.UNKNOWN_INSTRUMENT)
    elif only in closed:
        state.refuse(request.account_id, 0, RejectReason.MARKET_MAINTENANCE)
    else:
        own = [order for order in state.orders.values() if order.account_id == request.account_id]
        for order in sorted(own, key=attrgetter("order_id")):
            is_meant = only in {None, order.instrument_id}
            if is_meant and order.instrument_id not in closed and not order.is_over:
                matching.cancel(state, order, request.cause)


def amend(state: State, request: Amend) -> None:
    """Change an order, or refuse to."""
    order = _own_order(state, request.account_id, request.order_id)
    if order is None:
        state.refuse(request.account_id, request.order_id, RejectReason.UNKNOWN_ORDER)
        return
    market = state.market(order)
    changed = _changed(order, request)
    if reason := _refusal(state, market, order, changed, request):
        state.refuse(request.account_id, request.order_id, reason)
    elif order.order_type.waits:
        _become(state, order, changed)
        state.tell_amended(order, kept_priority=True)
    else:
        _amend_resting(state, order, changed)


def _amend_resting(state: State, order: Order, changed: Order) -> None:
    is_same_price = changed.price_ticks == order.price_ticks
    if is_same_price and changed.size_lots <= order.size_lots:
        with state.market(order).near(order).recounted(order):
            _become(state, order, changed)
        state.tell_amended(order, kept_priority=True)
        state.touch(order)
        return
    matching.unlink(state, order)
    _become(state, order, changed)
    state.tell_amended(order, kept_priority=False)
    matching.go_to_market(state, order)


def _changed(order: Order, request: Amend) -> Order:
    """Return what an order would become."""
    changed = replace(order)
    if request.price_ticks is not None:
        changed.price_ticks = request.price_ticks
    if request.size_lots is not None:
        changed.size_lots = request.size_lots
        changed.remaining_lots += request.size_lots - order.size_lots
        changed.shown_lots = min(changed.shown_lots, max(0, changed.remaining_lots))
    if request.trigger_ticks is not None:
        changed.trigger_ticks = request.trigger_ticks
    return changed


def _become(state: State, order: Order, changed: Order) -> None:
    with settlement.reheld(state, order):
        order.price_ticks = changed.price_ticks
        order.size_lots = changed.size_lots
        order.remaining_lots = changed.remaining_lots
        order.shown_lots = changed.shown_lots
        order.trigger_ticks = changed.trigger_ticks


def _refusal(
    state: State, market: Market, order: Order, changed: Order, request: Amend
) -> RejectReason | None:
    """Return why an order cannot become what is asked; a post_only one slides here."""
    if not _is_offered(order, request):
        return RejectReason.UNSUPPORTED
    waits = order.order_type.waits
    price = None if waits else matching.maker_price(market, changed)
    if reason := refusals.of_state(market, adds_only=waits or price is not None):
        return reason
    instrument = market.instrument
    if not refusals.are_prices(instrument, (changed.price_ticks, changed.trigger_ticks)):
        return RejectReason.PRICE_OUT_OF_RANGE
    if reason := refusals.of_size(instrument, changed.price_ticks, changed.size_lots):
        return reason
    if _fills_level(market, order, changed):
        return RejectReason.AMOUNT_TOO_LARGE
    if refusals.are_too_many_slices(changed.display_lots, changed.size_lots):
        return RejectReason.DISPLAY_OUT_OF_RANGE
    if reason := refusals.of_band(market, request.price_ticks):
        return reason
    if changed.remaining_lots <= 0:
        return RejectReason.SIZE_BELOW_FILLED
    if request.trigger_ticks is not None and triggers.is_there(market, changed):
        return RejectReason.WOULD_TRIGGER
    if changed.post_only and not waits:
        if price is None:
            return RejectReason.POST_ONLY_WOULD_TAKE
        changed.price_ticks = price
    needed = settlement.hold_atoms(state, changed) - settlement.held_atoms(state, order)
    is_short = needed > settlement.free_atoms(state, order)
    return RejectReason.INSUFFICIENT_BALANCE if is_short else None


def _is_offered(order: Order, request: Amend) -> bool:
    return (
        not order.group_id
        and (request.price_ticks is None or order.price_ticks is not None)
        and (request.trigger_ticks is None or order.trigger_ticks is not None)
    )


def _fills_level(market: Market, order: Order, changed: Order) -> bool:
    """Return whether the total at a price would leave the range of the books."""
    if changed.price_ticks is None:
        return False
    total_lots = market.near(order).size_at(changed.price_ticks) + changed.size_lots
    rests_there = not order.order_type.waits and changed.price_ticks == order.price_ticks
    return total_lots - (order.remaining_lots if rests_there else 0) > LEVEL_MAX_LOTS


def _own_order(state: State, account_id: int, order_id: int) -> Order | None:
    order = state.orders.get(order_id)
    return order if order is not None and order.account_id == account_id else None
