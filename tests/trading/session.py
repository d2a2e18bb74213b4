"""One busy session for a trader, the same in every run, and what must be true at its end."""

from collections.abc import Collection
from functools import partial
from typing import Any

from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import FillsQuery, OrdersQuery
from steelyard.domain.order import Side
from steelyard.domain.units import Lots
from steelyard.trading.records import OrderPending, TimerFired
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


def new_world(trading_s: int = 12, **options: Any) -> World:
    """Return a world in which the session is about to begin."""
    world = World(partial(Churn, until=trading_s), **options)
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
    # What is open here is open there, and nothing is left in doubt.
    open_there = venue.history.orders(OrdersQuery(BOT, 1_000, open_only=True))
    own_there = {o.client_order_id for o in open_there if o.client_order_id in intents}
    assert own_there == {o.client_order_id for o in state.orders.open}
    assert all(o.state not in {OrderState.PENDING, OrderState.UNKNOWN} for o in state.orders)
    for order in venue.orders_of_bot:
        ours = state.orders[order.client_order_id]
        assert (ours.state, ours.filled_lots) == (order.state, order.filled_lots)
    # Position and cash are what the venue's fills of this bot add up to, to the atom.
    assert state.portfolio is not None
    assert (state.portfolio.position_atoms, state.portfolio.cash_atoms) == truth(world, intents)
    # The journal alone gives the same.
    assert dump(world.replayed()) == dump(state)


def check_once(world: World, intents: Collection[str]) -> None:
    """Check that no intent became two orders, and no order came without an intent."""
    venue = world.venue
    assert len(set(venue.client_ids)) == len(venue.client_ids), "an id was used twice"
    sizes = [order.size_lots for order in venue.orders_of_bot]
    assert len(set(sizes)) == len(sizes), "a slot was traded twice"
    assert len(set(intents)) == len(intents)
    assert {order.client_order_id for order in venue.orders_of_bot} <= set(intents)
    slots = [message.slot for message in world.messages(TimerFired)]
    assert slots == sorted(set(slots))


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
