"""Orders that fill in parts by a script: half now, a third later, as no market does when one asks.

The house trades with the order, at its limit; while a script is under way it holds still in that
market, so that nothing else of its own fills the order. The invariant: what fills is carried out by
the engine as any trade is and journaled, so the books balance and a replay is the same. Orders that
may not rest take their parts at once, from the touch on, a tick apart. Other users' orders are
real: those ahead in the queue are filled first.

Scripts under way are forgotten in a restart, and the house goes on.
"""

from msgspec import Struct

from steelyard.domain.commands import HouseLevel, HouseTrade, Place
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import OrderAnswer, OrderQuery, SingleAnswer
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.exchange.exchange import WHOLE_BOOK, Exchange
from steelyard.exchange.records import HouseHeld
from steelyard.wire.faults import CERTAIN_E6, FaultPlan, Strike

_KINDS = frozenset({OrderType.LIMIT, OrderType.MARKET})
_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
TRADES_MAX = 1_000  # of the house for one part, with those ahead of the order


class _Script(Struct):
    """One order on its way through its parts: (lots, when), the next one first."""

    account_id: int
    order_id: int
    instrument_id: int
    parts: list[tuple[int, int]]


class PartialFills:
    """The scripts of one exchange."""

    def __init__(self, exchange: Exchange, plan: FaultPlan) -> None:
        self._exchange = exchange
        self._plan = plan
        self._scripts: list[_Script] = []

    def perform(self, place: Place, dialect: str, now_ns: int) -> SingleAnswer:
        """Place an order, by a script if one strikes it."""
        exchange = self._exchange
        strike = self._strike(place, dialect)
        if strike is None:
            return exchange.perform(place, now_ns)
        lots = parts_of(place.size_lots, [part for part, _ in strike.parts])
        if place.order_type is OrderType.MARKET or place.time_in_force in _AT_ONCE:
            return self._take(place, lots, now_ns)
        self._hold(place.instrument_id, now_ns)
        self._clear(place, now_ns)
        answer = exchange.perform(place, now_ns)
        if not isinstance(answer, OrderAnswer) or not answer.order.state.is_open:
            self._let_go(place.instrument_id, now_ns)
            return answer
        due_ns, parts = exchange.now_ns, []
        for size_lots, (_, delay_ns) in zip(lots, strike.parts, strict=True):
            due_ns += delay_ns
            parts.append((size_lots, due_ns))
        order_id = answer.order.order_id
        self._scripts.append(_Script(place.account_id, order_id, place.instrument_id, parts))
        return answer

    def step(self, now_ns: int) -> None:
        """Fill the parts that are due; let the house go on where a script is over."""
        for script in [*self._scripts]:
            order = self._order(script)
            while order is not None and script.parts and script.parts[0][1] <= now_ns:
                self._fill(script, order, script.parts.pop(0)[0], now_ns)
                order = self._order(script)
            if order is None or not script.parts:
                self._scripts.remove(script)
                self._let_go(script.instrument_id, now_ns)

    def begin(self, now_ns: int) -> None:
        """Let the house go on wherever an earlier process has held it."""
        for instrument_id in sorted(self._exchange.held):
            self._let_go(instrument_id, now_ns)

    def _strike(self, place: Place, dialect: str) -> Strike | None:
        if not self._plan.standing or place.order_type not in _KINDS or not place.size_lots:
            return None
        exchange = self._exchange
        if not exchange.listings.has(place.instrument_id):
            return None
        symbol = exchange.listings[place.instrument_id].symbol
        account = exchange.keys.name_of(place.account_id)
        return self._plan.of_order(dialect, symbol, account)

    def _take(self, place: Place, lots: list[int], now_ns: int) -> SingleAnswer:
        """Let an order that may not rest find its parts, and nothing else."""
        exchange, instrument_id = self._exchange, place.instrument_id
        book = exchange.engine.book(instrument_id, 1)
        far, far_side = (book.asks, Side.SELL) if place.side is Side.BUY else (book.bids, Side.BUY)
        if not far:
            return exchange.perform(place, now_ns)
        touch_ticks, step = far[0][0], int(place.side)
        self._hold(instrument_id, now_ns)
        self._clear(place, now_ns)
        for number, size_lots in enumerate(lots):
            price_ticks = max(1, touch_ticks + number * step)
            if size_lots:
                level = HouseLevel(instrument_id, far_side, price_ticks, size_lots)
                exchange.record(level, now_ns)
        answer = exchange.perform(place, now_ns)
        self._let_go(instrument_id, now_ns)
        return answer

    def _clear(self, place: Place, now_ns: int) -> None:
        """Take the house's sizes out of an order's way, and from ahead of it in its queue."""
        exchange, limit, sign = self._exchange, place.price_ticks, int(place.side)
        book = exchange.engine.book(place.instrument_id, WHOLE_BOOK)
        far = book.asks if place.side is Side.BUY else book.bids
        for price_ticks, _ in far:
            if limit is None or sign * (limit - price_ticks) >= 0:
                level = HouseLevel(place.instrument_id, place.side.opposite, price_ticks, 0)
                exchange.record(level, now_ns)
        if limit is not None:
            exchange.record(HouseLevel(place.instrument_id, place.side, limit, 0), now_ns)

    def _fill(self, script: _Script, order: Order, size_lots: int, now_ns: int) -> None:
        """Have the house trade at an order's price until so much of it has filled."""
        price_ticks, before_lots = order.price_ticks, order.filled_lots
        wanted_lots = min(size_lots, order.size_lots - before_lots)
        if price_ticks is None:
            return
        # Another script of this market may have let the house come back.
        level = HouseLevel(order.instrument_id, order.side, price_ticks, 0)
        self._exchange.record(level, now_ns)
        for _ in range(TRADES_MAX):
            known = self._exchange.history.order(_query(script))
            filled_lots = 0 if known is None else known.filled_lots - before_lots
            if known is None or not known.state.is_open or filled_lots >= wanted_lots:
                return
            # Those ahead in a trade of their own: so the part is one fill, or nearly always.
            lots = self._ahead_lots(known) or wanted_lots - filled_lots
            trade = HouseTrade(order.instrument_id, order.side.opposite, price_ticks, lots)
            self._exchange.record(trade, now_ns)

    def _ahead_lots(self, order: Order) -> int:
        """Return what others have at better prices, or before an order at its own."""
        best_first = (-order.side * (order.price_ticks or 0), order.order_id)
        return sum(
            other.remaining_lots
            for other in self._exchange.open_orders(order.instrument_id)
            if other.side is order.side
            and other.price_ticks is not None
            and not (other.waits or other.is_pending)
            and (-other.side * other.price_ticks, other.order_id) < best_first
        )

    def _order(self, script: _Script) -> Order | None:
        """Return a script's order while it is open."""
        order = self._exchange.history.order(_query(script))
        return order if order is not None and order.state.is_open else None

    def _hold(self, instrument_id: int, now_ns: int) -> None:
        if instrument_id not in self._exchange.held:
            self._exchange.record(HouseHeld(instrument_id, is_held=True), now_ns)

    def _let_go(self, instrument_id: int, now_ns: int) -> None:
        if any(script.instrument_id == instrument_id for script in self._scripts):
            return
        if instrument_id in self._exchange.held:
            self._exchange.record(HouseHeld(instrument_id, is_held=False), now_ns)


def parts_of(size_lots: int, parts_e6: list[int]) -> list[int]:
    """Return a size in parts of whole lots, rounded down; of a whole the last part has the rest."""
    lots = [size_lots * part // CERTAIN_E6 for part in parts_e6]
    if sum(parts_e6) == CERTAIN_E6:
        lots[-1] += size_lots - sum(lots)
    return lots


def _query(script: _Script) -> OrderQuery:
    return OrderQuery(script.account_id, order_id=script.order_id)
