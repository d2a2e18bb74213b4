"""One busy session for a trader, the same in every run, and what must be true at its end."""

from collections.abc import Collection
from functools import partial
from typing import Any

from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import FillsQuery, OrdersQuery
from steelyard.domain.order import Side
from steelyard.domain.units import Lots
from steelyard.trading.records import OrderAdopted, OrderPending, TimerFired
from steelyard.trading.state import TraderState
from steelyard.trading.strategy import Strategy, Timer
from tests.trading.venue import BOT, BTC_USDT
from tests.trading.world import BEGIN_NS, World

MID = 6_000_000
QUIET_S = 27  # after the trading: by then everything has settled


class Churn(Strategy):
    """Each second something else; the size of an order is its slot, so that a double shows."""

    class Params(Strategy.Params, frozen=True, kw_only=True):
        until: int

    def on_start(self) -> None:
        self.every("1s")

    def on_timer(self, timer: Timer) -> None:
        slot = (timer.due_ns - BEGIN_NS) // timer.every.ns
        if slot > self.params.until:
            return
        size = Lots(1_000 + slot)
        match slot % 6:
            case 0:
                self.buy(size)
            case 1:
                self.buy(size, "59990")
            case 2:
                self.sell(size)
            case 3:
                self.cancel_all()
                self.sell(size, "60010", post_only=True)
            case 4:
                self.buy(size, "60100")
            case 5:
                self.sell(size, "60000.40")


class Restless(Churn):
    """As Churn, and it changes what rests, and keeps a stop behind its position."""

    def on_timer(self, timer: Timer) -> None:
        slot = (timer.due_ns - BEGIN_NS) // timer.every.ns
        if slot > self.params.until:
            return
        resting = [order for order in self.open_orders if order.is_open]
        for order in resting[:2]:
            ticks = (order.place.price_ticks or MID) - int(order.place.side) * 500
            larger = Lots(order.place.size_lots % SIZE_STEP + SIZE_STEP) if slot % 4 == 0 else None
            self.amend(order, price=self.instrument.price(ticks), size=larger)
        if slot % 3 == 0 and self.position.lots and self.price is not None:
            ticks = self.instrument.price_ticks(self.price) - 1_500 * _sign(self.position.lots)
            self.protect(self.instrument.price(ticks) if slot % 9 else None)
        super().on_timer(timer)


NEVER = (
    "order.terms",
    "order.twice",
    "order.alive",
    "fills.disputed",
    "balance.unexplained",
    "journal.lost",
    "position.uncovered",
)
SIZE_STEP = 10_000  # an amended size keeps the slot in its last digits


def _sign(lots: int) -> int:
    return 1 if lots > 0 else -1


def new_world(trading_s: int = 12, *, strategy: type[Churn] = Churn, **options: Any) -> World:
    """Return a world in which the session is about to begin."""
    world = World(partial(strategy, until=trading_s), **options)
    venue = world.venue
    venue.quote(MID)
    # The market moves, and others trade, so that resting orders fill in parts.
    for step in range(2 * (trading_s + QUIET_S)):
        mid = MID + (step * 37 % 11 - 5) * 20
        world.after(0.1 + step / 2, lambda mid=mid: venue.quote(mid))
    for step in range(trading_s):
        side = Side.BUY if step % 2 else Side.SELL
        far = MID + int(side) * 1_500
        world.after(0.35 + step, lambda side=side, far=far: venue.house_trade(side, far, 400))
    world.after(0, world.boot)
    return world


def run_session(trading_s: int = 12, *, crash_at: Collection[int] = (), **options: Any) -> World:
    """Run a whole session and check its end."""
    world = new_world(trading_s, crash_at=crash_at, **options)
    world.run(trading_s + QUIET_S)
    check_end(world)
    return world


def check_end(world: World) -> None:
    """Check that nothing was doubled, lost or miscounted, against the venue's own books."""
    venue, state = world.venue, world.trader.turn.state
    intents = [message.place.client_order_id for message in world.messages(OrderPending)]
    check_once(world, intents)
    intents += [message.place.client_order_id for message in world.messages(OrderAdopted)]
    # What is open here is open there, and nothing is left in doubt.
    open_there = venue.history.orders(OrdersQuery(BOT, 1_000, open_only=True))
    own_there = {o.client_order_id for o in open_there if o.client_order_id in intents}
    assert own_there == {o.client_order_id for o in state.orders.open}
    assert all(o.state not in {OrderState.PENDING, OrderState.UNKNOWN} for o in state.orders)
    for order in venue.orders_of_bot:
        ours = state.orders[order.client_order_id]
        filled_lots = order.filled_lots + venue.filled_before.get(order.order_id, 0)
        assert (ours.state, ours.filled_lots) == (order.state, filled_lots)
        assert ours.amending is None
        if order.state.is_open:
            assert ours.place.price_ticks == order.price_ticks
            assert ours.place.trigger_ticks == order.trigger_ticks
            assert ours.place.size_lots == order.size_lots + filled_lots - order.filled_lots
    check_protection(world)
    # Nobody has changed an order by hand or moved money: whoever says so has miscounted.
    for name in NEVER:
        assert world.said(name) == [], name
    # Position and cash are what the venue's fills of this bot add up to, to the atom.
    assert state.portfolio is not None
    assert (state.portfolio.position_atoms, state.portfolio.cash_atoms) == truth(world, intents)
    # The journal alone gives the same.
    assert dump(world.replayed()) == dump(state)


def check_once(world: World, intents: Collection[str]) -> None:
    """Check that no intent became two orders, and no order came without an intent."""
    venue = world.venue
    assert len(set(venue.client_ids)) == len(venue.client_ids), "an id was used twice"
    slots = [o for o in venue.orders_of_bot if not o.order_type.waits and not o.client_order_id
             .startswith("hand")]  # fmt: skip
    sizes = [
        (order.size_lots + venue.filled_before.get(order.order_id, 0)) % SIZE_STEP
        for order in slots
    ]
    assert len(set(sizes)) == len(sizes), "a slot was traded twice"
    assert len(set(intents)) == len(intents)
    assert {order.client_order_id for order in venue.orders_of_bot} <= set(intents)
    fired = [message.slot for message in world.messages(TimerFired)]
    assert fired == sorted(set(fired))


def check_protection(world: World) -> None:
    """Check that the position has its stop at the venue, or that the bot says it has not."""
    state = world.trader.turn.state
    lots = 0 if state.portfolio is None else state.portfolio.position_lots
    if state.stop is None or lots == 0:
        return
    stops = [o for o in world.venue.orders_of_bot if o.state.is_open and o.order_type.waits]
    covered = sum(
        o.size_lots - o.filled_lots
        for o in stops
        if o.side is (Side.SELL if lots > 0 else Side.BUY)
        and o.trigger_ticks == state.stop.trigger_ticks
    )
    assert covered == abs(lots) or world.trader.protection.trouble is not None
    assert covered <= abs(lots)


def truth(world: World, intents: Collection[str]) -> tuple[int, int]:
    """Return position and cash, in atoms, by the venue's fills of this bot's orders."""
    position_atoms = cash_atoms = 0
    for fill in world.venue.history.fills(FillsQuery(BOT, 100_000)):
        if fill.client_order_id in intents:
            sign = int(fill.side)
            position_atoms += sign * fill.size_lots * BTC_USDT.lot_atoms
            cash_atoms -= sign * fill.quote_atoms
            if fill.fee_asset_id == BTC_USDT.base_asset_id:
                position_atoms -= fill.fee_atoms
            else:
                cash_atoms -= fill.fee_atoms
    return position_atoms, cash_atoms


def dump(state: TraderState) -> object:
    """Return everything in a state that lasts."""
    portfolio = state.portfolio
    return (
        [(o.client_order_id, o) for o in state.orders],
        [o.client_order_id for o in state.orders.open],
        [o.client_order_id for o in state.orders.unsettled],
        None if portfolio is None else (portfolio._tally, portfolio._seen, portfolio.other_fees),
        [*state.recent_fills],
        (state.run, state.begun_ns, state.symbol),
        state.timer_slots,
        (state.killed_why, state.killed_has_file),
        state.fills_checked,
        (state.adopted_atoms, state.stop),
        vars(state.books),
        vars(state.moment),
    )
