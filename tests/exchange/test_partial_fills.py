from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.journal import Record
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS, FillsQuery, OrderQuery
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.engine.choice import new_engine
from steelyard.exchange.admin import Admin
from steelyard.exchange.crowd import Crowd
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.partial_fills import parts_of
from steelyard.exchange.records import FORMAT, Founded
from steelyard.sim.stand import PlainSeal
from steelyard.wire.faults import CERTAIN_E6, Fault, Trouble

T0 = 1_700_000_000 * SECOND_NS
STEP_NS = SECOND_NS // 10
PARTS = (500_000, 300_000, 200_000)
SCRIPT = Fault(Trouble.PARTIAL_FILLS, parts_e6=PARTS, times=1)


class Floor:
    """An exchange with a crowd, and one user."""

    def __init__(self, fault: Fault | None = SCRIPT) -> None:
        self.exchange = Exchange(new_engine(), Crowd(1), PlainSeal())
        self.admin = Admin(self.exchange, PlainSeal(), lambda size: b"x" * size)
        self.now_ns = T0
        self.exchange.found(Founded(FORMAT, "crowd", "1"), T0)
        plenty = {"USDT": Decimal(100_000_000), "BTC": Decimal(1_000)}
        self.alice = self.admin.create_account("alice", plenty, T0).account_id
        self.instrument = self.exchange.listings.symbol("BTC-USDT")
        self.run(2)
        if fault is not None:
            self.admin.faults.add(fault)

    def run(self, seconds: float) -> None:
        """Let time go on, in the market and in scripts."""
        end_ns = self.now_ns + int(seconds * SECOND_NS)
        while self.now_ns < end_ns:
            self.now_ns += STEP_NS
            self.exchange.step(self.now_ns)
            self.admin.partial_fills.step(self.now_ns)
            assert not any(self.exchange.engine.totals().values())

    @property
    def book(self):
        return self.exchange.engine.book(self.instrument.instrument_id, 50)

    def place(self, side: Side, lots: int, ticks: int | None, force=TimeInForce.GTC, **more):
        """Place an order through the script's door; return it."""
        kind = OrderType.MARKET if ticks is None else OrderType.LIMIT
        number = self.instrument.instrument_id
        place = Place(self.alice, number, side, kind, force, False, ticks, lots, **more)
        answer = self.admin.partial_fills.perform(place, "binance", self.now_ns)
        return answer.order

    def order(self, order_id: int):
        return self.exchange.history.order(OrderQuery(self.alice, order_id=order_id))

    def fills(self, order_id: int) -> list[tuple[int, int]]:
        """Return (lots, price in ticks) of each fill."""
        query = FillsQuery(self.alice, 100, order_id=order_id)
        found = self.exchange.history.fill_list(query).fills
        return [(fill.size_lots, fill.price_ticks) for fill in found]


def test_who_is_ahead_in_the_queue_is_filled_first():
    """And the order still gets its parts, whole."""
    floor = Floor()
    floor.admin.faults.clear()
    limit = floor.book.bids[0][0] - 500_000
    ahead = floor.place(Side.BUY, 700, limit)
    floor.admin.faults.add(SCRIPT)
    order = floor.place(Side.BUY, 1_000, limit)
    floor.run(4)
    assert floor.order(ahead.order_id).state is OrderState.FILLED
    assert floor.fills(order.order_id) == [(500, limit), (300, limit), (200, limit)]


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("ahead_ticks", [-500_000, 0, 1, 500_000])
def test_an_order_fills_in_its_parts_at_its_limit(side, ahead_ticks):
    """Far behind the market, at the touch or through it: a part a second, and nothing else."""
    floor = Floor()
    own = floor.book.bids if side is Side.BUY else floor.book.asks
    limit = own[0][0] + int(side) * ahead_ticks
    order = floor.place(side, 1_001, limit)
    assert order.state is OrderState.WORKING
    for filled in (0, 500, 800):
        floor.run(0.9)
        assert floor.order(order.order_id).filled_lots == filled
        floor.run(0.1)
    assert floor.order(order.order_id).state is OrderState.FILLED
    assert floor.fills(order.order_id) == [(500, limit), (300, limit), (201, limit)]
    assert floor.exchange.held == set()


def test_the_house_holds_still_only_as_long_as_it_must():
    """Then the market is one again: two sides, not crossed, and it moves."""
    floor = Floor()
    order = floor.place(Side.BUY, 1_000, floor.book.asks[0][0] + 100_000)
    book = floor.book
    floor.run(2)
    assert floor.book.asks == book.asks
    floor.run(1.5)
    assert floor.order(order.order_id).state is OrderState.FILLED
    after = floor.book
    assert after.bids[0][0] < after.asks[0][0]
    assert min(len(after.bids), len(after.asks)) > 40
    floor.run(5)
    assert floor.book != after


def test_what_is_left_of_a_script_stays_open():
    """Half is filled; the rest is the market's, as any order."""
    floor = Floor(Fault(Trouble.PARTIAL_FILLS, parts_e6=(500_000,), times=1))
    order = floor.place(Side.BUY, 1_000, floor.book.bids[0][0] - 1_000_000)
    floor.run(3)
    assert floor.order(order.order_id).filled_lots == 500
    assert floor.order(order.order_id).state.is_open
    assert floor.exchange.held == set()


def test_an_order_that_is_canceled_fills_no_further():
    """The script is over, and the house goes on."""
    floor = Floor()
    order = floor.place(Side.BUY, 1_000, floor.book.bids[0][0])
    floor.run(1)
    cancel = Cancel(floor.alice, order.order_id, order.instrument_id)
    floor.exchange.perform(cancel, floor.now_ns)
    floor.run(3)
    assert floor.order(order.order_id).filled_lots == 500
    assert floor.exchange.held == set()


@pytest.mark.parametrize("force", [TimeInForce.IOC, TimeInForce.FOK])
@pytest.mark.parametrize("side", Side)
def test_an_order_that_may_not_rest_takes_its_parts_at_once(side, force):
    """From the touch on, a tick apart."""
    floor = Floor()
    far = floor.book.asks if side is Side.BUY else floor.book.bids
    touch, sign = far[0][0], int(side)
    order = floor.place(side, 1_000, touch + sign * 10_000, force)
    assert floor.fills(order.order_id) == [
        (500, touch),
        (300, touch + sign),
        (200, touch + 2 * sign),
    ]
    assert floor.order(order.order_id).state is OrderState.FILLED
    assert floor.exchange.held == set()


def test_a_market_order_whose_parts_are_no_whole_ends_partly_filled():
    """As where there is too little on the other side."""
    floor = Floor(Fault(Trouble.PARTIAL_FILLS, parts_e6=(400_000, 100_000)))
    order = floor.place(Side.BUY, 1_000, None, TimeInForce.IOC)
    found = floor.order(order.order_id)
    assert (found.filled_lots, found.state.is_open) == (500, False)


def test_orders_of_others_and_other_kinds_are_left_alone():
    """A script befalls whom it names, and so many orders as it is to."""
    script = Fault(Trouble.PARTIAL_FILLS, where="ETH-USDT", parts_e6=PARTS)
    floor = Floor(script)
    deep = floor.book.bids[0][0] - 1_000_000
    floor.place(Side.BUY, 1_000, deep)
    floor.run(3)
    assert floor.admin.faults.standing[0].struck == 0
    floor.admin.faults.clear()
    floor.admin.faults.add(SCRIPT)
    first, second = (floor.place(Side.BUY, 1_000, deep + 10 - n) for n in range(2))
    floor.run(4)
    assert floor.order(first.order_id).filled_lots == 1_000
    assert floor.order(second.order_id).filled_lots == 0


def test_two_scripts_in_one_market_do_not_disturb_each_other():
    """Each fills its own order, at its own price."""
    floor = Floor(Fault(Trouble.PARTIAL_FILLS, parts_e6=PARTS))
    touch = floor.book.bids[0][0]
    first = floor.place(Side.BUY, 1_000, touch)
    floor.run(0.5)
    second = floor.place(Side.SELL, 600, touch + 5_000)
    floor.run(4)
    assert [lots for lots, _ in floor.fills(first.order_id)] == [500, 300, 200]
    assert [lots for lots, _ in floor.fills(second.order_id)] == [300, 180, 120]
    assert floor.exchange.held == set()


def test_a_replay_makes_the_same_exchange():
    """From the records alone, and from a snapshot in the middle of a script."""
    floor = Floor()
    floor.place(Side.BUY, 1_000, floor.book.asks[0][0] + 10)
    floor.run(1.2)
    records, data = floor.exchange.drain().records, floor.exchange.snapshot()
    floor.run(4)
    after = floor.exchange.drain().records
    replayed = Exchange(new_engine(), Crowd(1), PlainSeal())
    for number, (time_ns, message) in enumerate(records + after, 1):
        replayed.replay(Record(number, time_ns, message))
    restored = Exchange(new_engine(), Crowd(1), PlainSeal())
    restored.restore(data)
    assert restored.held == {floor.instrument.instrument_id}
    for number, (time_ns, message) in enumerate(after, len(records) + 1):
        restored.replay(Record(number, time_ns, message))
    hashes = {each.engine.state_hash() for each in (floor.exchange, replayed, restored)}
    assert len(hashes) == 1


def test_after_a_restart_the_house_goes_on():
    """Nobody remembers the script; the market must not stand still for ever."""
    floor = Floor()
    floor.place(Side.BUY, 1_000, floor.book.asks[0][0] + 10)
    assert floor.exchange.held
    restored = Exchange(new_engine(), Crowd(1), PlainSeal())
    restored.restore(floor.exchange.snapshot())
    Admin(restored, PlainSeal(), lambda size: b"x" * size).partial_fills.begin(floor.now_ns)
    assert restored.held == set()


@given(
    st.integers(1, 10**9),
    st.lists(st.integers(1, CERTAIN_E6), min_size=1, max_size=8).filter(
        lambda parts: sum(parts) <= CERTAIN_E6
    ),
)
def test_parts_come_to_no_more_than_the_whole(size, parts):
    """And to exactly the whole where they are all of it."""
    lots = parts_of(size, parts)
    assert sum(lots) <= size
    assert all(0 <= each <= size for each in lots)
    whole = parts_of(size, [*parts, CERTAIN_E6 - sum(parts)])
    assert sum(whole) == size
