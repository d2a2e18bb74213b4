import itertools

import pytest

from steelyard.dialects.bybit import auth
from steelyard.dialects.bybit.limits import LIMITS
from steelyard.domain.messages import SECOND_NS, Scope
from steelyard.wire.dialect import ApiKey
from tests.dialects.bybit.venue import TRADE, Venue

ORDER = {
    "category": "spot",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "qty": "0.01",
    "price": "50000",
}
fresh = (str(number) for number in itertools.count(1))


def call(venue, number, op, *args, req_id=None, **header):
    """Send a call and return its answer."""
    now = venue.desk.now_ns // 1_000_000
    header = {"X-BAPI-TIMESTAMP": str(now), **header}
    req_id = req_id or next(fresh)
    venue.say(number, {"op": op, "args": args, "reqId": req_id, "header": header})
    (answer,) = venue.heard(number)
    assert answer["reqId"] == req_id
    return answer


def test_an_order_is_placed_amended_and_canceled(venue):
    number = venue.log_in(TRADE)
    placed = call(venue, number, "order.create", ORDER)
    assert (placed["retCode"], placed["retMsg"], placed["op"]) == (0, "OK", "order.create")
    name = {"category": "spot", "symbol": "BTCUSDT", "orderId": placed["data"]["orderId"]}
    assert call(venue, number, "order.amend", {**name, "qty": "0.02"})["retCode"] == 0
    assert venue.order(name["orderId"])["qty"] == "0.02"
    assert call(venue, number, "order.cancel", name)["data"]["orderId"] == name["orderId"]
    assert call(venue, number, "order.cancel", name)["retCode"] == 170142


def test_a_batch_has_its_codes_beside_it(venue):
    number = venue.log_in(TRADE)
    entries = [{**ORDER, "qty": qty} for qty in (0.01, "1000")]
    answer = call(venue, number, "order.create-batch", {"category": "spot", "request": entries})
    assert [each["code"] for each in answer["retExtInfo"]["list"]] == [0, 170131]
    ids = [{"symbol": "BTCUSDT", "orderId": answer["data"]["list"][0]["orderId"]}]
    for op, more in (("amend", {"price": "49000"}), ("cancel", {})):
        request = [{**each, **more} for each in ids]
        answer = call(venue, number, f"order.{op}-batch", {"category": "spot", "request": request})
        assert answer["retExtInfo"]["list"] == [{"code": 0, "msg": "OK"}]


def test_what_is_left_of_the_limit_is_told():
    """Orders over the socket and over REST share it."""
    venue = Venue(LIMITS)
    number = venue.log_in(TRADE)
    header = call(venue, number, "order.create", ORDER)["header"]
    assert (header["X-Bapi-Limit"], header["X-Bapi-Limit-Status"]) == ("20", "19")
    venue.place(price="40000")
    header = call(venue, number, "order.create", ORDER)["header"]
    assert header["X-Bapi-Limit-Status"] == "17"
    codes = [call(venue, number, "order.create", {**ORDER, "qty": "0.001"}) for _ in range(20)]
    refused = codes[-1]
    assert refused["retCode"] == 10006
    assert int(refused["header"]["X-Bapi-Limit-Reset-Timestamp"]) > venue.desk.now_ns // 10**6


@pytest.mark.parametrize(
    ("op", "args", "code"),
    [
        ("order.create", (), 10001),
        ("order.create", ([],), 10001),
        ("order.create", ({},), 10001),
        ("order.create", ({**ORDER, "qty": "1000"},), 170131),
        ("order.dance", (ORDER,), 10404),
    ],
)
def test_a_refusal_has_the_code_of_rest(venue, op, args, code):
    answer = call(venue, venue.log_in(TRADE), op, *args)
    assert (answer["retCode"], answer["data"]) == (code, {})


def test_who_has_not_logged_in_or_only_reads_places_nothing(venue):
    assert call(venue, venue.connect(TRADE), "order.create", ORDER)["retCode"] == 10003
    reader = venue.log_in(TRADE, venue.new_key("alice", Scope.READ))
    assert call(venue, reader, "order.create", ORDER)["retCode"] == 10005
    assert venue.get("/v5/order/realtime", category="spot")["list"] == []


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"X-BAPI-TIMESTAMP": "soon"}, 10002),
        ({"X-BAPI-TIMESTAMP": 5}, 10002),
        ({"X-BAPI-TIMESTAMP": 9_999_999_999_999}, 10002),
        ({"X-BAPI-RECV-WINDOW": -1}, 10002),
        ({"X-BAPI-RECV-WINDOW": 5000}, 0),
    ],
)
def test_a_call_has_its_own_time(venue, header, code):
    number = venue.log_in(TRADE)
    assert call(venue, number, "order.create", ORDER, **header)["retCode"] == code


def test_a_name_is_used_once_and_a_login_too(venue):
    number = venue.log_in(TRADE)
    call(venue, number, "order.create", ORDER, req_id="once")
    assert call(venue, number, "order.create", ORDER, req_id="once")["retCode"] == 20006
    login = auth.login_of(venue.key, venue.desk.now_ns)
    venue.say(number, {"op": "auth", "args": login})
    assert venue.heard(number)[0]["retCode"] == 20001


def test_a_wrong_signature_and_a_late_one_are_told_apart(venue):
    number = venue.connect(TRADE)
    wrong = auth.login_of(ApiKey(venue.key.key, b"wrong"), venue.desk.now_ns)
    late = auth.login_of(venue.key, venue.desk.now_ns - 60 * SECOND_NS)
    codes = []
    for args in (wrong, late, ("k",)):
        venue.say(number, {"op": "auth", "args": args})
        codes.append(venue.heard(number)[0]["retCode"])
    assert codes == [10004, 10002, 10001]


def test_a_ping_is_answered_with_the_time(venue):
    number = venue.connect(TRADE)
    venue.say(number, {"op": "ping"})
    (pong,) = venue.heard(number)
    assert (pong["op"], pong["retCode"], len(pong["data"])) == ("pong", 0, 1)
    venue.say(number, "x")
    assert venue.heard(number)[0]["retCode"] == 10001
