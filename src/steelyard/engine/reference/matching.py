"""How an order meets the book: what it would fill, what it fills, where it comes to rest.

Best price first; at a price the shown queue, then the hidden one. A trade happens at the resting
order's price. An order that ends takes along what hangs on it; who hears a price and whose entry
has filled only joins the queue of consequences, so no order acts in the middle of another's trade.
"""

from typing import NamedTuple

from steelyard.domain.commands import Traded
from steelyard.domain.instrument import LEVEL_MAX_LOTS
from steelyard.domain.order import (
    CancelCause,
    FeeAsset,
    GroupKind,
    Liquidity,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)
from steelyard.domain.units import fee_atoms
from steelyard.engine.book import BookSide, Order, price_of
from steelyard.engine.reference import settlement, triggers
from steelyard.engine.reference.refusals import RESTING
from steelyard.engine.reference.state import EntryFilled, Group, Market, State


class Plan(NamedTuple):
    """What an order would fill as the book is, as (price, lots) of each trade."""

    fills: list[tuple[int, int]]
    is_whole: bool  # nothing of the order would be left


# -- before anything changes ----------------------------------------------------------------


def maker_price(market: Market, order: Order) -> int | None:
    """Return the price at which a post_only order takes nothing; None where there is none."""
    price, best = price_of(order), market.far(order).best()
    if best is None or price * order.side < best * order.side:
        return price
    slid = best - order.side
    may = order.slide and 1 <= slid <= market.instrument.price_max_ticks
    return slid if may else None


def needed_atoms(state: State, order: Order) -> int:
    """Return what must be free for an order: what it holds, or what its fills will cost."""
    is_market_buy = order.order_type is OrderType.MARKET and order.side is Side.BUY
    if is_market_buy or order.quote_atoms is not None:
        return _cost_atoms(state, order)
    return settlement.hold_atoms(state, order)


def _cost_atoms(state: State, order: Order) -> int:
    """Return what the fills of a market order would cost now, in the asset that it gives."""
    instrument = state.market(order).instrument
    fills = plan(state, order).fills
    if order.side is Side.SELL:
        return sum(lots for _, lots in fills) * instrument.lot_atoms
    costs = [instrument.notional_atoms(price, lots) for price, lots in fills]
    if order.fee_asset is FeeAsset.QUOTE:
        costs = [cost + fee_atoms(cost, order.taker_rate_e8) for cost in costs]
    return sum(costs)


def plan(state: State, order: Order) -> Plan:
    """Return what an order would fill, with self-trade prevention and OCOs reckoned with."""
    market = state.market(order)
    far = market.far(order)
    fills: list[tuple[int, int]] = []
    gone: set[int] = set()  # orders that would have ended on the way
    left, filled, atoms = order.remaining_lots, 0, order.quote_atoms
    for price in far.prices_within(_reach(market, order)):
        for maker, slice_lots in far.slices(price):
            if maker.order_id in gone:
                continue
            wanted = _wanted(market, price, left, filled, atoms)
            if wanted == 0:
                return Plan(fills, atoms is not None or filled == order.remaining_lots)
            gone.update(each.order_id for each in _siblings(state, maker))
            if maker.account_id == order.account_id and order.self_trade is not SelfTrade.NONE:
                if order.self_trade in {SelfTrade.CANCEL_NEWEST, SelfTrade.CANCEL_BOTH}:
                    return Plan(fills, is_whole=False)
                if order.self_trade is SelfTrade.DECREMENT:
                    left -= min(left, maker.remaining_lots)
                gone.add(maker.order_id)
                continue
            lots = min(wanted, slice_lots)
            fills.append((price, lots))
            filled += lots
            if atoms is None:
                left -= lots
            else:
                atoms -= market.instrument.notional_atoms(price, lots)
    if atoms is not None:
        return Plan(fills, atoms == 0 or filled == market.instrument.size_max_lots)
    return Plan(fills, filled == order.remaining_lots)


def _wanted(market: Market, price: int, left: int, filled: int, atoms: int | None) -> int:
    """Return how many lots an order wants at a price; 0 when it is done."""
    if atoms is None:
        return left
    affordable = atoms // market.instrument.notional_atoms(price, 1)
    return max(0, min(affordable, market.instrument.size_max_lots - filled))


def _reach(market: Market, order: Order) -> int | None:
    """Return the last price at which an order may trade."""
    if order.price_ticks is not None:
        return order.price_ticks
    band = market.band
    if band is None:
        return None
    return band[1] if order.side is Side.BUY else band[0]


# -- on the way -----------------------------------------------------------------------------


def act(state: State, order: Order) -> None:
    """Let an accepted order, whose hold is taken, wait for its price or go to market."""
    if order.is_over:
        return
    if order.order_type.waits:
        triggers.wait(state, order)
    else:
        go_to_market(state, order)


def go_to_market(state: State, order: Order) -> None:
    """Match an order; what is left rests or is canceled."""
    market = state.market(order)
    if order.time_in_force is TimeInForce.FOK and not plan(state, order).is_whole:
        cancel(state, order, CancelCause.FOK_UNFILLABLE)
        return
    _match(state, market, order)
    if order.is_over:
        return
    if order.time_in_force in RESTING:
        _rest(state, market, order)
    elif order.order_type is OrderType.MARKET:
        cancel(state, order, _end_of_book(market, order))
    else:
        cancel(state, order, CancelCause.IOC_REMAINDER)


def trade(
    state: State,
    market: Market,
    taker_side: Side,
    taker: Order | None,
    maker: Order,
    lots: int,
) -> None:
    """Carry out one trade at the maker's price; a taker of None is the house."""
    price = price_of(maker)
    parties = [order for order in (taker, maker) if order and not order.is_house]
    for order in parties:
        leave_oco(state, order)
    trade_id = tell_trade(state, market, taker_side, taker, maker, price, lots)
    state.touch(maker)
    if parties:
        _settle(state, market, taker_side, taker, maker, lots)
    else:
        market.near(maker).take(maker, lots)
    if taker:
        settlement.charge(state, taker, trade_id, price, lots, Liquidity.TAKER)
    if not maker.is_house:
        settlement.charge(state, maker, trade_id, price, lots, Liquidity.MAKER)
    if maker.slice_lots == 0:
        _use_up(state, market.near(maker), maker)
    if taker and taker.quote_atoms is None and taker.remaining_lots == 0:
        _finish(state, taker)


def tell_trade(
    state: State,
    market: Market,
    taker_side: Side,
    taker: Order | None,
    maker: Order | None,
    price: int,
    lots: int,
) -> int:
    """Make a trade public and let who waits for its price hear it; return its number."""
    trade_id = market.next_trade_id
    market.next_trade_id += 1
    instrument_id = market.instrument.instrument_id
    taker_id = taker.order_id if taker else 0
    maker_id = maker.order_id if maker else 0
    state.effects.append(
        Traded(instrument_id, trade_id, price, lots, taker_side, taker_id, maker_id)
    )
    triggers.tell(state, market, TriggerBy.LAST, price)
    return trade_id


def _settle(
    state: State, market: Market, taker_side: Side, taker: Order | None, maker: Order, lots: int
) -> None:
    """Give both their shares of what they held and swap the assets."""
    price = price_of(maker)
    market.near(maker).take(maker, lots)
    if not maker.is_house:
        settlement.release_share(state, maker, lots)
    if taker and taker.quote_atoms is not None:
        taker.size_lots += lots
        taker.quote_atoms -= market.instrument.notional_atoms(price, lots)
    elif taker:
        taker.remaining_lots -= lots
        settlement.release_share(state, taker, lots)
    user = None if maker.is_house else maker
    buyer, seller = (taker, user) if taker_side is Side.BUY else (user, taker)
    settlement.swap(state, market, buyer, seller, price, lots)


def _match(state: State, market: Market, taker: Order) -> None:
    """Trade until the order is over or nothing is in its reach."""
    far, reach = market.far(taker), _reach(market, taker)
    while not taker.is_over and (maker := far.first(reach)):
        wanted = _wanted(
            market, price_of(maker), taker.remaining_lots, taker.size_lots, taker.quote_atoms
        )
        if wanted == 0:
            cancel(state, taker, CancelCause.QUOTE_SPENT)
        elif maker.account_id == taker.account_id and taker.self_trade is not SelfTrade.NONE:
            _prevent(state, taker, maker)
        else:
            trade(state, market, taker.side, taker, maker, min(wanted, maker.slice_lots))


def _prevent(state: State, taker: Order, maker: Order) -> None:
    """Do what the taker wants done when it meets an order of its own account."""
    if taker.self_trade is SelfTrade.DECREMENT:
        lots = min(taker.remaining_lots, maker.remaining_lots)
        for order in (maker, taker):
            if order.remaining_lots == lots:
                cancel(state, order, CancelCause.SELF_TRADE)
            elif order is maker:
                with state.market(maker).near(maker).recounted(maker):
                    _decrement(state, maker, lots)
                state.touch(maker)
            else:
                _decrement(state, taker, lots)
        return
    if taker.self_trade is not SelfTrade.CANCEL_NEWEST:
        cancel(state, maker, CancelCause.SELF_TRADE)
    if taker.self_trade is not SelfTrade.CANCEL_OLDEST:
        cancel(state, taker, CancelCause.SELF_TRADE)


def _decrement(state: State, order: Order, lots: int) -> None:
    """Take lots off an order's size without a trade."""
    with settlement.reheld(state, order):
        order.size_lots -= lots
        order.shrink(lots)
    state.tell_amended(order, kept_priority=True)


def _end_of_book(market: Market, order: Order) -> CancelCause:
    """Return why a market order stops that has come as far as it may."""
    size_max = market.instrument.size_max_lots
    is_by_amount = order.quote_atoms is not None
    if is_by_amount and (not order.quote_atoms or order.size_lots == size_max):
        return CancelCause.QUOTE_SPENT
    # Everything in reach is gone, so what still rests there is beyond the band.
    is_beyond = market.far(order).best() is not None
    return CancelCause.PRICE_BAND if is_beyond else CancelCause.NO_LIQUIDITY


# -- where orders are -----------------------------------------------------------------------


def _rest(state: State, market: Market, order: Order) -> None:
    near = market.near(order)
    if near.size_at(price_of(order)) + order.remaining_lots > LEVEL_MAX_LOTS:
        cancel(state, order, CancelCause.LEVEL_FULL)
        return
    order.priority = state.take_priority()
    order.show()
    state.open(order)
    near.add(order)
    state.touch(order)


def _use_up(state: State, near: BookSide, maker: Order) -> None:
    """End an order whose slice is gone, or let it show the next one behind all others."""
    if maker.is_house:
        near.remove(maker)
    elif maker.remaining_lots == 0:
        _finish(state, maker)
    else:
        near.remove(maker)
        maker.priority = state.take_priority()
        maker.show()
        near.add(maker)


def unlink(state: State, order: Order) -> None:
    """Take an order out of where it is; one on its way is nowhere."""
    if not state.close(order) or order.is_child:
        return
    market = state.market(order)
    if market.waiting.pop(order.order_id, None) is None:
        state.touch(order)
        market.near(order).remove(order)


def cancel(state: State, order: Order, cause: CancelCause) -> None:
    """End an order with something unfilled, and what hangs on it."""
    group = state.groups.get(order.group_id)
    others = group.hanging_on(order) if group else []
    is_oco = group is not None and group.kind is GroupKind.OCO
    settlement.release(state, order, staying=others[0] if is_oco else None)
    if group:
        disband(state, group)
    unlink(state, order)
    order.is_over = True
    remaining_lots = 0 if order.quote_atoms is not None else order.remaining_lots
    state.tell_canceled(order, remaining_lots, cause)
    for other in others:
        is_child = group is not None and order is group.entry
        cancel(state, other, CancelCause.PARENT if is_child else CancelCause.SIBLING)


def leave_oco(state: State, order: Order) -> None:
    """Cancel the other order of an OCO, because this one trades or is triggered."""
    for sibling in _siblings(state, order):
        settlement.release(state, order, staying=order)
        disband(state, state.groups[order.group_id])
        unlink(state, sibling)
        sibling.is_over = True
        state.tell_canceled(sibling, sibling.remaining_lots, CancelCause.SIBLING)


def _siblings(state: State, order: Order) -> list[Order]:
    """Return the other order of an OCO."""
    group = state.groups.get(order.group_id)
    is_oco = group is not None and group.kind is GroupKind.OCO
    return group.hanging_on(order) if group and is_oco else []


def disband(state: State, group: Group) -> None:
    """Let orders that hung together stand alone."""
    del state.groups[group.group_id]
    for order in (group.entry, *group.pair):
        if order:
            order.group_id = 0


def _finish(state: State, order: Order) -> None:
    """End an order that has filled whole; what waited for it has its turn later."""
    group = state.groups.get(order.group_id)
    unlink(state, order)
    order.is_over = True
    if group:
        state.heard.append(EntryFilled(group, order))
