import json

import pytest

from steelyard.dialects.okx import DIALECT
from steelyard.dialects.okx.client import OkxClient
from steelyard.domain.commands import Amend, Cancel, CancelAll
from steelyard.domain.dead_man import ArmDeadMan, DeadMan
from steelyard.domain.errors import Unsupported, UsageError
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    AccountQuery,
    BookQuery,
    InstrumentsQuery,
    OrderAnswer,
    OrderQuery,
    Refused,
    StatusQuery,
)
from steelyard.domain.order import OrderType, RejectReason, Side
from steelyard.sim.conformance import place
from steelyard.sim.stand import Stand
from steelyard.wire.http import Response
from steelyard.wire.outcome import Unknown


@pytest.fixture
def stand():
    stand = Stand(DIALECT)
    stand.ask(place(side=Side.SELL), stand.key_of("bob"))
    stand.ask(place(), stand.key_of("alice"))
    return stand


STOP = place(
    order_type=OrderType.STOP,
    side=Side.SELL,
    price_ticks=None,
    trigger_ticks=4_000_000,
    client_order_id="stop",
)


def test_what_waits_is_canceled_and_changed_as_what_it_is(stand):
    key = stand.key_of("alice")
    placed = stand.ask(STOP, key).order
    stand.ask(Amend(0, placed.order_id, None, 2_000, 3_900_000, 0, "stop"), key)
    found = stand.ask(OrderQuery(0, 0, client_order_id="stop", has_ended=True), key).order
    assert (found.trigger_ticks, found.size_lots) == (3_900_000, 2_000)
    assert not isinstance(stand.ask(Cancel(0, placed.order_id, 0, "stop"), key), Refused)


def test_who_begins_anew_knows_what_waits_once_it_has_been_read(stand):
    key, client = stand.key_of("alice"), OkxClient()
    stand.ask(STOP, key)
    cancel = Cancel(0, 0, 0, "stop")
    path = client.request(cancel, stand.listings, key, 0).target
    assert path == "/api/v5/trade/cancel-order"
    query = OrderQuery(0, 0, client_order_id="stop", has_ended=True)
    request = client.request(query, stand.listings, key, stand.now_ns)
    client.outcome(query, stand.gate.http(request, "1.1.1.1", stand.now_ns), stand.listings, 0)
    path = client.request(cancel, stand.listings, key, 0).target
    assert path == "/api/v5/trade/cancel-algos"


def test_an_order_is_amended_by_either_name(stand):
    key = stand.key_of("alice")
    placed = stand.ask(place(price_ticks=4_900_000, client_order_id="mine"), key).order
    stand.ask(Amend(0, placed.order_id, 4_800_000, None, None, 0), key)
    stand.ask(Amend(0, 0, None, 2_000, None, 0, "mine"), key)
    found = stand.ask(OrderQuery(0, 0, order_id=placed.order_id), key).order
    assert (found.price_ticks, found.size_lots) == (4_800_000, 2_000)
    gone = stand.ask(Amend(0, 999, None, 2_000, None, 0), key)
    assert isinstance(gone, Refused)
    assert gone.reason is RejectReason.UNKNOWN_ORDER


def test_a_switch_is_armed_as_near_as_the_venue_takes_it(stand):
    key = stand.key_of("alice")
    armed = stand.ask(ArmDeadMan(0, 15 * 10**9), key)
    assert isinstance(armed, DeadMan)
    assert armed.due_ns - armed.now_ns == 15 * 10**9
    short = stand.ask(ArmDeadMan(0, 3 * 10**9), key)
    assert short.due_ns - short.now_ns == 10 * 10**9
    assert stand.ask(ArmDeadMan(0, 0), key).due_ns is None
    with pytest.raises(Unsupported, match="120"):
        stand.ask(ArmDeadMan(0, 10**15), key)


def test_a_market_order_by_quote_comes_through(stand):
    stand.ask(place(side=Side.SELL), stand.key_of("bob"))
    from steelyard.domain.order import TimeInForce

    order = place(
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.IOC,
        price_ticks=None,
        size_lots=0,
        quote_atoms=100 * 10**12,
    )
    key = stand.key_of("alice")
    placed = stand.ask(order, key).order
    found = stand.ask(OrderQuery(0, 0, order_id=placed.order_id), key)
    assert isinstance(found, OrderAnswer)
    assert (found.order.spend_atoms, found.order.state) == (100 * 10**12, OrderState.FILLED)


@pytest.mark.parametrize("message", [CancelAll(0, None), Cancel(0, 5), Amend(0, 5, 1, None)])
def test_what_the_venue_has_not_is_said_so(stand, message):
    with pytest.raises(Unsupported, match="OKX"):
        stand.send(message, stand.key_of("alice"))


def test_without_a_key_nothing_is_signed(stand):
    with pytest.raises(UsageError, match="key"):
        DIALECT.client.request(AccountQuery(0), stand.listings, None, 0)
    for query in (InstrumentsQuery(), BookQuery(0, 1_000), StatusQuery()):
        assert DIALECT.client.request(query, stand.listings, None, 0).headers == {}


def test_an_answer_that_does_not_say_what_became_of_an_order_leaves_it_open(stand):
    for body in ({"code": "0", "msg": "", "data": []}, {"code": "0", "msg": "", "data": [{}]}):
        response = Response(200, {}, json.dumps(body).encode())
        outcome = DIALECT.client.outcome(place(), response, stand.listings, 0)
        assert isinstance(outcome, Unknown), outcome


def test_requests_cost_one_each_and_nothing_is_told_of_limits(stand):
    client = DIALECT.client
    costs = [client.cost(message, stand.listings) for message in (place(), STOP, Cancel(0, 1, 0))]
    assert [cost.path.rpartition("/")[2] for cost in costs] == [
        "order",
        "order-algo",
        "cancel-order",
    ]
    assert client.limits_request() is None
    assert client.spent(Response(200, {}, b"")) == ()
