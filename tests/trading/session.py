"""One busy session for a trader, the same in every run, and what must be true at its end."""

from decimal import Decimal

from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import FillsQuery, OrdersQuery
from steelyard.domain.order import Side
from steelyard.domain.units import Lots
from steelyard.trading.records import OrderPending, TimerFired
from steelyard.trading.strategy import Strategy, Timer
from tests.trading.venue import BOT, BTC_USDT
from tests.trading.world import BEGIN_NS, World

TRADING_S = 18  # the strategy acts until then
END_S = 45
MID = 6_000_000


class Churn(Strategy):
    """Each second something else; the size of an order is its slot, so that a double shows."""

    def on_start(self) -> None:
        self.every("1s")

    def on_timer(self, timer: Timer) -> None:
        slot = (timer.due_ns - BEGIN_NS) // timer.every.ns
        if slot > TRADING_S:
            return
        size = Lots(1_000 + slot)
        match slot % 6:
            case 0:
                self.buy(size)
            case 1:
                self.buy(size, Decimal(59_990))
            case 2:
                self.sell(size)
            case 3:
                self.cancel_all()
                self.sell(size, Decimal(60_010), post_only=True)
            case 4:
                self.buy(size, Decimal(60_100))
            case 5:
                self.sell(size, Decimal("60000.40"))


def script(world: World) -> None:
    """Let the market move, and somebody else trade, so that resting orders fill in parts."""
    venue = world.venue
    venue.quote(MID)
    for step in range(2 * END_S):
        mid = MID + (step * 37 % 11 - 5) * 20
        world.after(0.1 + step / 2, lambda mid=mid: venue.quote(mid))
    for step in range(TRADING_S):
        side = Side.BUY if step % 2 else Side.SELL
        far = MID + int(side) * 1_500
        world.after(0.35 + step, lambda side=side, far=far: venue.house_trade(side, far, 400))


def new_world(**options: object) -> World:
    """Return a world in which the session is about to begin."""
    world = World(Churn, **options)
    script(world)
    world.after(0, world.boot)
    return world


def check_end(world: World) -> None:
    """Check that nothing was doubled, lost or miscounted."""
    venue, trader = world.venue, world.trader
    state = trader.turn.state
    # no order twice: neither an id nor a slot
    assert len(set(venue.client_ids)) == len(venue.client_ids)
    sizes = [order.size_lots for order in venue.orders_of_bot]
    assert len(set(sizes)) == len(sizes)
    # no order without an intent, no intent with two orders
    intents = [message.place.client_order_id for message in world.messages(OrderPending)]
    assert len(set(intents)) == len(intents)
    assert {order.client_order_id for order in venue.orders_of_bot} <= set(intents)
    slots = [message.slot for message in world.messages(TimerFired)]
    assert slots == sorted(set(slots))
    # every order has an end or is open on both sides
    open_there = venue.history.orders(OrdersQuery(BOT, 1_000, open_only=True))
    assert {o.client_order_id for o in open_there} == {o.client_order_id for o in state.orders.open}
    assert all(o.state not in {OrderState.PENDING, OrderState.UNKNOWN} for o in state.orders.open)
    # the position is the venue's, to the atom
    portfolio = state.portfolio
    assert portfolio is not None
    position_atoms = cash_atoms = 0
    for fill in venue.history.fills(FillsQuery(BOT, 100_000)):
        if fill.client_order_id in intents:
            sign = int(fill.side)
            position_atoms += sign * fill.size_lots * BTC_USDT.lot_atoms
            cash_atoms -= sign * fill.quote_atoms
            if fill.fee_asset_id == BTC_USDT.base_asset_id:
                position_atoms -= fill.fee_atoms
            else:
                cash_atoms -= fill.fee_atoms
    assert (portfolio.position_atoms, portfolio.cash_atoms) == (position_atoms, cash_atoms)
    for order in venue.orders_of_bot:
        ours = state.orders[order.client_order_id]
        assert (ours.state, ours.filled_lots) == (order.state, order.filled_lots)
    # and the journal alone gives the same
    assert dump(world.replayed()) == dump(state)


def dump(state) -> object:
    """Return everything in a state that lasts."""
    portfolio = state.portfolio
    return (
        [(o.client_order_id, o) for o in state.orders],
        [o.client_order_id for o in state.orders.open],
        None if portfolio is None else (portfolio._tally, portfolio._seen, portfolio.other_fees),
        state.run,
        state.timer_slots,
        state.killed_why,
        state.fills_checked,
    )
