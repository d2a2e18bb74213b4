"""A trader's end of the private topics: what becomes of orders that wait."""

from decimal import Decimal

import msgspec
import pytest

from steelyard.dialects.kucoin import DIALECT
from steelyard.dialects.kucoin.account_follower import AccountFollower
from steelyard.dialects.kucoin.text import WAITS
from steelyard.domain.commands import Amend, Cancel, Place
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import Acknowledged, Execution, OrderEvent, OrderQuery
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.sim.spelling import asked_whole
from steelyard.sim.stand import BTC_USDT, PLENTY, Stand
from steelyard.wire.dialect import ApiKey

T0 = 1_700_000_000 * 10**9


class Desk:
    """An exchange, and alice who listens."""

    def __init__(self) -> None:
        self.stand = Stand(DIALECT, accounts=dict.fromkeys(("alice", "bob", "carol"), PLENTY))
        self.key = self.stand.key_of("alice")
        self.listener = self.listen()

    def listen(self):
        client, stand = DIALECT.client, self.stand
        return stand.follow(client.private_session(self.key, stand.listings, stand.now_ns))

    def heard(self):
        """Return what alice was told of orders since the last time."""
        found = [event for event in self.listener.events if isinstance(event, OrderEvent)]
        self.listener.events.clear()
        return found

    def place(self, who: str, side: Side, kind: OrderType, price=None, trigger=None, name=""):
        """Place an order of 0.01, prices in whole dollars; return it as it was answered."""
        ticks = [None if each is None else each * 100 for each in (price, trigger)]
        tif = TimeInForce.IOC if kind is OrderType.MARKET else TimeInForce.GTC
        terms = kind, tif, False, ticks[0], 1_000
        place = Place(0, 0, side, *terms, trigger_ticks=ticks[1], client_order_id=name)
        return self.stand.ask(place, self.stand.key_of(who)).order

    def trade_at(self, price: int, more: int = 2) -> None:
        """Let others trade 0.01 at a price, and leave as much to be sold to."""
        for _ in range(more):
            self.place("bob", Side.BUY, OrderType.LIMIT, price)
        self.place("carol", Side.SELL, OrderType.MARKET)

    def look_up(self, **named):
        def ask(query):
            return self.stand.send(query, self.key)

        return asked_whole(DIALECT.client, OrderQuery(0, 0, **named), ask).answer


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_order_that_waits_is_one_order_under_two_numbers(desk):
    """Its fills come under the second; by its name it is found in either list."""
    placed = desk.place("alice", Side.SELL, OrderType.STOP, trigger=49_000, name="s")
    (new,) = desk.heard()
    assert (new.execution, new.order.order_id) == (Execution.NEW, placed.order_id)
    assert (new.order.order_type, new.order.trigger_ticks) == (OrderType.STOP, 4_900_000)
    assert placed.order_id & WAITS
    assert desk.look_up(client_order_id="s").order.order_id == placed.order_id
    desk.trade_at(48_900)
    triggered, filled = desk.heard()
    assert (triggered.execution, filled.execution) == (Execution.TRIGGERED, Execution.FILL)
    number = placed.order_id & ~WAITS
    assert {triggered.order.order_id, filled.order.order_id, filled.fill.order_id} == {number}
    assert (triggered.order.order_type, triggered.order.client_order_id) == (OrderType.STOP, "s")
    for named in ({"client_order_id": "s"}, {"order_id": placed.order_id}):
        order = desk.look_up(**named).order
        assert (order.order_id, order.state, order.filled_lots) == (
            number,
            OrderState.FILLED,
            1_000,
        )


def test_one_with_a_limit_rests_once_it_is_triggered(desk):
    """And is canceled where it rests; the number tells where that is."""
    placed = desk.place("alice", Side.SELL, OrderType.STOP_LIMIT, 49_500, 49_000, "s")
    (new,) = desk.heard()
    assert (new.order.order_type, new.order.price_ticks) == (OrderType.STOP_LIMIT, 4_950_000)
    desk.trade_at(48_900)
    (triggered,) = desk.heard()
    assert (triggered.execution, triggered.order.order_type) == (
        Execution.TRIGGERED,
        OrderType.STOP_LIMIT,
    )
    told = desk.look_up(order_id=placed.order_id).order
    assert (told.order_type, told.state, bool(told.triggered_ns)) == (
        OrderType.STOP_LIMIT,
        OrderState.WORKING,
        True,
    )
    assert desk.stand.ask(Cancel(0, triggered.order.order_id, 0, "s"), desk.key) == Acknowledged()
    (canceled,) = desk.heard()
    assert (canceled.execution, canceled.order.order_id) == (
        Execution.CANCELED,
        triggered.order.order_id,
    )


def test_one_that_waits_is_canceled_in_its_own_list(desk):
    placed = desk.place("alice", Side.BUY, OrderType.TAKE_PROFIT, trigger=49_000, name="t")
    (new,) = desk.heard()
    assert new.order.order_type is OrderType.TAKE_PROFIT
    assert desk.stand.ask(Cancel(0, placed.order_id, 0, "t"), desk.key) == Acknowledged()
    (canceled,) = desk.heard()
    assert (canceled.execution, canceled.order.order_id, canceled.order.state) == (
        Execution.CANCELED,
        placed.order_id,
        OrderState.CANCELED,
    )


def test_who_has_not_heard_that_it_waited_hears_of_a_new_order_of_its_name(desk):
    """After a connection has broken nothing is remembered."""
    placed = desk.place("alice", Side.SELL, OrderType.STOP_LIMIT, 49_500, 49_000, "s")
    desk.stand.drop(desk.listener)
    desk.listener = desk.listen()
    desk.trade_at(48_900)
    (new,) = desk.heard()
    assert (new.execution, new.order.order_type, new.order.client_order_id) == (
        Execution.NEW,
        OrderType.LIMIT,
        "s",
    )
    assert new.order.order_id == placed.order_id & ~WAITS


def test_a_change_is_another_order_whose_number_is_told(desk):
    """The old one is canceled; the new one has its name."""
    placed = desk.place("alice", Side.BUY, OrderType.LIMIT, 48_000, name="a")
    desk.heard()
    amend = Amend(0, placed.order_id, 4_700_000, None, instrument_id=0, client_order_id="a")
    answer = desk.stand.ask(amend, desk.key)
    canceled, new = desk.heard()
    assert (canceled.execution, new.execution) == (Execution.CANCELED, Execution.NEW)
    assert answer == Acknowledged(order_id=new.order.order_id)
    assert new.order.order_id != placed.order_id == canceled.order.order_id
    told = desk.look_up(client_order_id="a").order
    assert (told.order_id, told.price_ticks) == (new.order.order_id, 4_700_000)


def test_a_match_that_was_not_told_is_in_the_sum_of_the_next_record(desk):
    """So who counts fills sees that one is missing, and asks for it."""
    placed = desk.place("alice", Side.BUY, OrderType.LIMIT, 50_000, name="a")
    desk.heard()
    session, receive = desk.listener.session, desk.listener.session.receive

    def deaf(frame, now_ns):
        if '"match"' not in (frame if isinstance(frame, str) else frame.decode()):
            receive(frame, now_ns)

    def sell():
        terms = OrderType.LIMIT, TimeInForce.IOC, False, 5_000_000, 200
        desk.stand.ask(Place(0, 0, Side.SELL, *terms), desk.stand.key_of("bob"))

    session.receive = deaf
    sell()
    session.receive = receive
    sell()
    (fill,) = desk.heard()
    assert (fill.execution, fill.fill.size_lots, fill.order.filled_lots) == (
        Execution.FILL,
        200,
        400,
    )
    session.receive = deaf
    sell()
    session.receive = receive
    desk.stand.ask(Cancel(0, placed.order_id, 0, "a"), desk.key)
    (canceled,) = desk.heard()
    assert (canceled.execution, canceled.order.filled_lots) == (Execution.CANCELED, 600)


def test_the_venue_names_no_order_that_waits_so_only_its_end_is_told():
    """Its documented message: without a client's id, and with a price of 0 where there is none."""
    session = AccountFollower(ApiKey("k" * 24, b"secret", "p"), Listings([BTC_USDT]))
    data = {
        "orderId": "vs93gpupfa48anof003u85mb",
        "symbol": "BTC-USDT",
        "side": "buy",
        "orderType": "stop",
        "orderPrice": "70000",
        "size": "0.00007",
        "stop": "loss",
        "stopPrice": "71000",
        "tradeType": "TRADE",
        "createdAt": 1742305928064,
        "ts": 1742305928091268493,
    }
    told = []
    for kind in ("open", "triggered", "cancel"):
        topic = "/spotMarket/advancedOrders"
        message = {"type": "message", "topic": topic, "subject": "stopOrder"}
        session.receive(msgspec.json.encode({**message, "data": data | {"type": kind}}), T0)
        told.append(session.drain()[1])
    opened, triggered, (canceled,) = told
    assert opened == triggered == []
    assert canceled.order.order_id & WAITS
    assert canceled.order.order_type is OrderType.TAKE_PROFIT_LIMIT
    assert canceled.order.price_ticks == 70_000 * int(1 / Decimal("0.01"))
