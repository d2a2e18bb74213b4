"""The house: one size at each price around the users' orders, and trades that it takes.

It passes where orders do; where only what adds liquidity may pass, it may not trade with anybody.
"""

from steelyard.domain.commands import HOUSE, HouseLevel, HouseTrade
from steelyard.domain.instrument import LIMIT_MAX
from steelyard.domain.order import MarketState, RejectReason
from steelyard.engine.book import Order, shrink
from steelyard.engine.reference import matching
from steelyard.engine.reference.refusals import MARKET_REFUSALS
from steelyard.engine.reference.state import Market, State


def set_level(state: State, level: HouseLevel) -> None:
    """Let the house stand with a size at a price; far house sizes in its way are dropped."""
    if reason := _refusal(state, level):
        state.refuse(HOUSE, 0, reason)
        return
    market = state.markets[level.instrument_id]
    left = _sweep(state, market, level) if level.size_lots else 0
    own = market.book.of(level.side)
    nodes = own.house_nodes(level.price_ticks)
    standing = sum(node.remaining_lots for node in nodes)
    if left > standing:
        last = own.last_house(level.price_ticks)
        if last:
            with own.recounted(last):
                last.remaining_lots += left - standing
        else:
            last = _node(state, level, left - standing)
            own.add(last)
        state.touch(last)
    elif left < standing:
        state.touch(nodes[0])
        with own.recounted(*nodes):
            shrink(nodes, left, state.queue_model)
        for node in nodes:
            if node.remaining_lots == 0:
                own.remove(node)


def trade(state: State, fact: HouseTrade) -> None:
    """Let a house taker trade; at better prices than its own it meets the users only."""
    if reason := _refusal(state, fact):
        state.refuse(HOUSE, 0, reason)
        return
    market = state.markets[fact.instrument_id]
    far = market.book.of(fact.side.opposite)
    left = fact.size_lots
    for price in far.prices_within(fact.price_ticks):
        is_better = price != fact.price_ticks
        while left and (maker := far.front(price, past_house=is_better)):
            lots = min(left, maker.slice_lots)
            left -= lots
            matching.trade(state, market, fact.side, None, maker, lots)
    if left:
        matching.tell_trade(state, market, fact.side, None, None, fact.price_ticks, left)


def _sweep(state: State, market: Market, level: HouseLevel) -> int:
    """Clear the far side within a new level's price and return what is left of its size."""
    far = market.book.of(level.side.opposite)
    left = level.size_lots
    for price in far.prices_within(level.price_ticks):
        for node in far.house_nodes(price):
            state.touch(node)
            far.remove(node)
        while left and (maker := far.front(price)):
            lots = min(left, maker.slice_lots)
            left -= lots
            matching.trade(state, market, level.side, None, maker, lots)
    return left


def _refusal(state: State, fact: HouseLevel | HouseTrade) -> RejectReason | None:
    market = state.markets.get(fact.instrument_id)
    if market is None:
        return RejectReason.UNKNOWN_INSTRUMENT
    if market.state is not MarketState.OPEN and (
        market.state is not MarketState.POST_ONLY or _would_trade(market, fact)
    ):
        return MARKET_REFUSALS[market.state]
    if not 1 <= fact.price_ticks <= market.instrument.price_max_ticks:
        return RejectReason.PRICE_OUT_OF_RANGE
    if fact.size_lots < (0 if isinstance(fact, HouseLevel) else 1):
        return RejectReason.SIZE_TOO_SMALL
    if fact.size_lots > LIMIT_MAX:  # a level's total may exceed one order's maximum
        return RejectReason.SIZE_TOO_LARGE
    return None


def _would_trade(market: Market, fact: HouseLevel | HouseTrade) -> bool:
    """Return whether a fact is a trade; sizes of the house that give way to each other are not."""
    if isinstance(fact, HouseTrade):
        return True
    far = market.book.of(fact.side.opposite)
    prices = far.prices_within(fact.price_ticks)
    return fact.size_lots > 0 and any(far.front(price, past_house=True) for price in prices)


def _node(state: State, level: HouseLevel, lots: int) -> Order:
    return Order(
        0,
        HOUSE,
        level.instrument_id,
        level.side,
        level.price_ticks,
        state.take_priority(),
        0,
        lots,
    )
