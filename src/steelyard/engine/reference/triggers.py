"""Orders that wait for a price: what they listen to, and when they have heard it.

A price is heard the moment it is told, so a trailing stop follows every trade of a sweep; who has
heard enough only joins the queue of consequences. One price is heard in this order: by those
that wait for a rise, nearest trigger first, then by time; by those that wait for a fall,
likewise; by trailing stops by time.
"""

from steelyard.domain.order import Direction, MarketState, OrderType, Side, TriggerBy
from steelyard.domain.units import RATE_SCALE
from steelyard.engine.book import Order
from steelyard.engine.reference.state import Heard, Market, State

_STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})


def waits_for_rise(order: Order) -> bool:
    """Return whether an order with a trigger waits for a price above, and not for one below."""
    return (order.side is Side.BUY) == (order.order_type in _STOPS)


def is_there(market: Market, order: Order) -> bool:
    """Return whether the price that an order waits for is known and there already."""
    price = market.prices[order.trigger_by]
    return bool(price) and order.trigger_ticks is not None and _has_come(order, price)


def tell(state: State, market: Market, trigger_by: TriggerBy, price_ticks: int) -> None:
    """Set a price, and let who waits for it hear it if the market is open."""
    market.prices[trigger_by] = price_ticks
    if not market.waiting or market.state is not MarketState.OPEN or not price_ticks:
        return
    listening = [
        order
        for order in market.waiting.values()
        if order.trigger_by is trigger_by and not order.is_heard
    ]
    has_come = [
        order for order in listening if order.trigger_ticks and _has_come(order, price_ticks)
    ]
    for order in sorted(has_come, key=_turn):
        _hear(state, order, price_ticks)
    for order in listening:
        if order.trigger_ticks is None and _follow(order, price_ticks):
            _hear(state, order, price_ticks)


def wait(state: State, order: Order) -> None:
    """Begin to wait; one whose price is there already has heard it at once."""
    market = state.market(order)
    order.priority = state.take_priority()
    state.open(order)
    market.waiting[order.order_id] = order
    known = market.prices[order.trigger_by]
    if is_there(market, order):
        _hear(state, order, known)
    elif known and order.trigger_ticks is None:
        _follow(order, known)


def is_far_enough(order: Order, price_ticks: int) -> bool:
    """Return whether a price triggers a trailing stop that has been active before it."""
    best = order.best_ticks
    distance = order.trail_ticks or max(1, best * (order.trail_rate_e8 or 0) // RATE_SCALE)
    return (best - price_ticks) * -order.side >= distance


def is_activated(order: Order, price_ticks: int) -> bool:
    """Return whether a trailing stop begins to follow at a price; by itself a sell by a rise."""
    activation = order.activation_ticks
    if activation is None:
        return True
    by_itself = Direction.RISE if order.side is Side.SELL else Direction.FALL
    is_rise = (order.activation_direction or by_itself) is Direction.RISE
    return price_ticks >= activation if is_rise else price_ticks <= activation


def _has_come(order: Order, price_ticks: int) -> bool:
    trigger = order.trigger_ticks or 0
    return price_ticks >= trigger if waits_for_rise(order) else price_ticks <= trigger


def _follow(order: Order, price_ticks: int) -> bool:
    """Let a trailing stop hear a price; return whether that triggers it."""
    if not order.best_ticks:
        order.best_ticks = price_ticks if is_activated(order, price_ticks) else 0
        return False
    better = max if order.side is Side.SELL else min
    order.best_ticks = better(order.best_ticks, price_ticks)
    return is_far_enough(order, price_ticks)


def _turn(order: Order) -> tuple[bool, int, int]:
    """Return by what orders with a trigger are sorted: rises first, the nearest, then by time."""
    trigger, is_rise = order.trigger_ticks or 0, waits_for_rise(order)
    return not is_rise, trigger if is_rise else -trigger, order.priority


def _hear(state: State, order: Order, price_ticks: int) -> None:
    order.is_heard = True
    state.heard.append(Heard(order, price_ticks))
