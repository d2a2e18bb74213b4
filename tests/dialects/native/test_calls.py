import pytest

from steelyard.dialects.native.calls import CALLS
from steelyard.domain.messages import Scope
from steelyard.exchange.admin import SetMaintenance
from steelyard.wire.limits import Counts, Limit, LimitProfile, Per
from tests.dialects.native.test_stream import Talk
from tests.dialects.native.venue import Venue

ORDER = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.01", "price": "60000.00"}


@pytest.fixture
def talk(venue):
    talk = Talk(venue)
    talk.login()
    return talk


def call(talk, op, **params):
    """Make a call that is carried out and return its result."""
    (answer,) = talk.say({"op": op, "id": [op, 1], "params": params})
    assert (answer["ok"], answer["op"], answer["id"]) == (True, op, [op, 1]), answer
    return answer["result"]


def test_an_orders_whole_life_over_the_socket(talk):
    """Each call answers what the route answers that it stands for."""
    placed = call(talk, "place", **ORDER, client_order_id="ws-1")
    number = placed["order_id"]
    assert call(talk, "amend", order_id=number, size="0.005")["size"] == "0.005"
    seen = call(talk, "order", order_id=number)
    assert seen == call(talk, "order_by_client_id", client_order_id="ws-1")
    assert seen == talk.venue.call("GET", f"/api/v1/orders/{number}")[1]
    assert call(talk, "orders", open=True)["orders"] == [seen]
    assert call(talk, "cancel", order_id=number)["state"] == "canceled"
    batch = call(talk, "place_batch", orders=[ORDER, {**ORDER, "size": "0.000001"}])
    assert [r["error"] and r["error"]["code"] for r in batch["results"]] == [None, "SIZE_OFF_LOT"]
    group = call(talk, "place_group", kind="basket", orders=[ORDER, ORDER])
    assert len(group["orders"]) == 2
    assert len(call(talk, "cancel_all")["orders"]) == 3
    assert call(talk, "fills") == {"fills": [], "next": None, "previous": None}
    assert call(talk, "account")["account_id"] == talk.venue.desk.alice


@pytest.mark.parametrize("op", CALLS)
def test_no_call_before_a_login(venue, op):
    """Whatever its parameters are."""
    error = Talk(venue).refusal({"op": op, "params": {"order_id": 1}})
    assert (error["code"], error["field"]) == ("MISSING_KEY", "op")


@pytest.mark.parametrize(
    ("message", "code", "field"),
    [
        ({"op": "place", "params": {**ORDER, "qty": "1"}}, "MALFORMED", "params.qty"),
        ({"op": "place", "params": {**ORDER, "size": 1}}, "MALFORMED", "params.size"),
        ({"op": "place", "params": [ORDER]}, "MALFORMED", "params"),
        ({"op": "place", **ORDER}, "MALFORMED", "symbol"),
        ({"op": "place", "params": {**ORDER, "size": "0.000001"}}, "SIZE_OFF_LOT", "size"),
        ({"op": "cancel", "params": {}}, "MALFORMED", "params.order_id"),
        ({"op": "cancel", "params": {"order_id": 99}}, "UNKNOWN_ORDER", None),
        ({"op": "orders", "params": {"cursor": "b3JkZXJz"}}, "MALFORMED", "cursor"),
    ],
)
def test_a_call_is_refused_as_a_request_is(talk, message, code, field):
    """With the place of what is wrong; the line stays open."""
    error = talk.refusal(message)
    assert (error["code"], error["field"]) == (code, field)
    assert talk.say({"op": "ping"}) == [{"op": "pong"}]


def test_a_login_does_not_outlive_its_key(talk):
    """Scope, maintenance and revocation are looked at with every call."""
    venue = talk.venue
    venue.admin.carry_out(SetMaintenance(is_on=True), venue.desk.tick())
    assert talk.refusal({"op": "place", "params": ORDER})["code"] == "MAINTENANCE"
    venue.admin.carry_out(SetMaintenance(is_on=False), venue.desk.tick())
    reader = Talk(venue)
    reader.login(venue.new_key("alice", Scope.READ))
    assert reader.refusal({"op": "place", "params": ORDER})["code"] == "MISSING_SCOPE"
    venue.admin.revoke_key(venue.key.key, venue.desk.tick())
    assert talk.refusal({"op": "place", "params": ORDER})["code"] == "UNKNOWN_KEY"


def test_a_key_that_may_trade_only_enters_orders(venue):
    """Over the socket as over REST; what needs another scope says which, call by call."""
    trader = Talk(venue)
    (ack,) = trader.login(venue.new_key("alice", Scope.TRADE))
    assert ack["ok"]
    number = call(trader, "place", **ORDER)["order_id"]
    assert call(trader, "cancel", order_id=number)["state"] == "canceled"
    error = trader.refusal({"op": "order", "params": {"order_id": number}})
    assert error["code"] == "MISSING_SCOPE"
    assert error["message"] == "this key may trade, not read; create one with --scopes read"


@pytest.mark.parametrize("channel", ["orders", "fills", "balances"])
def test_private_channels_need_the_scope_read(venue, channel):
    """Of a key without it, what is missing is told in the scope's words, and nothing is heard."""
    trader = Talk(venue)
    trader.login(venue.new_key("alice", Scope.TRADE))
    channels = [{"channel": "status"}, {"channel": channel}]
    error = trader.refusal({"op": "subscribe", "channels": channels})
    assert (error["code"], error["field"]) == ("MISSING_SCOPE", "channels[1].channel")
    assert error["message"].startswith(f"{channel} needs the scope read; this key may trade")
    call(trader, "place", **ORDER)
    assert trader.later(200) == []


def test_a_channel_is_not_opened_by_a_key_that_has_ended(venue):
    """A login before its end opens nothing after it."""
    reader = Talk(venue)
    key = venue.new_key("alice", Scope.READ)
    reader.login(key)
    venue.admin.revoke_key(key.key, venue.desk.tick())
    error = reader.refusal({"op": "subscribe", "channels": [{"channel": "orders"}]})
    assert error["code"] == "UNKNOWN_KEY"


def test_calls_and_requests_use_up_the_same_limits():
    """A login proves a key as a signature does: its own limits and its account's go on."""
    venue = Venue(LimitProfile((Limit("two", Per.ACCOUNT, Counts.ORDERS, 2, 10**12),)))
    talk = Talk(venue)
    talk.login()
    call(talk, "place", **ORDER)
    venue.place()
    (answer,) = talk.say({"op": "place", "id": 1, "params": ORDER})
    assert answer["error"]["code"] == "ORDER_LIMIT"
    assert venue.call("POST", "/api/v1/orders", ORDER)[0] == 429


def test_a_call_is_a_keys_last_use(talk):
    call(talk, "account")
    kept = talk.venue.exchange.keys.find(talk.venue.key.key)
    assert kept.last_endpoint == "GET /api/v1/account"
