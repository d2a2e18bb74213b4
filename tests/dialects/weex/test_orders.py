"""Orders over REST, as a foreign client sends them."""

import msgspec
import pytest

from steelyard.dialects.weex import auth
from steelyard.dialects.weex.text import ORDERS_FROM
from steelyard.wire.http import Request
from tests.dialects.weex.venue import STEP_NS

NOBODY = 738970996765098600


def test_a_new_order_is_answered_by_its_ids(venue):
    """Which are beyond 2^53; what became of it the order itself tells."""
    status, told = venue.try_to_place(newClientOrderId="mine-1")
    assert status == 200
    assert (told["symbol"], told["clientOrderId"]) == ("BTCUSDT", "mine-1")
    assert told["orderId"] > ORDERS_FROM > 2**53
    order = venue.order(told["orderId"])
    assert order == {
        "symbol": "BTCUSDT",
        "orderId": told["orderId"],
        "clientOrderId": "mine-1",
        "price": "50000.00",
        "origQty": "0.01",
        "executedQty": "0",
        "cummulativeQuoteQty": "0",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "time": told["transactTime"],
        "updateTime": told["transactTime"],
        "isWorking": True,
    }
    assert venue.get("/api/v3/order", origClientOrderId="mine-1") == order


def test_an_open_orders_client_id_leads_to_that_order(venue):
    """Nothing new is placed, whatever else the second one says; once it is over, it is free."""
    first = venue.place(newClientOrderId="mine")
    assert venue.place(newClientOrderId="mine", quantity="0.02") == first
    (only,) = venue.get("/api/v3/openOrders")
    assert only["origQty"] == "0.01"
    venue.call("DELETE", "/api/v3/order", orderId=first)
    assert venue.place(newClientOrderId="mine") != first


def test_a_working_order_stays_new_whatever_has_filled(venue):
    """`executedQty` tells; one that has filled whole is FILLED."""
    order = venue.place()
    for filled, status in (("0.004", "NEW"), ("0.01", "FILLED")):
        sold = "0.004" if status == "NEW" else "0.006"
        venue.place(venue.other_key, side="SELL", quantity=sold)
        told = venue.order(order)
        assert (told["executedQty"], told["status"]) == (filled, status)
    assert told["cummulativeQuoteQty"] == "500"


@pytest.mark.parametrize(
    ("fields", "executed"),
    [
        ({"timeInForce": "IOC"}, "0.004"),
        ({"timeInForce": "FOK"}, "0"),
        ({"type": "MARKET", "price": None}, "0.004"),
    ],
)
def test_what_ends_at_once_is_canceled(venue, fields, executed):
    """Of a market buy too the quantity is in base."""
    venue.place(venue.other_key, side="SELL", quantity="0.004")
    order = venue.order(venue.place(**fields))
    assert (order["status"], order["executedQty"]) == ("CANCELED", executed)


def test_fields_that_spot_does_not_have_are_passed_over(venue):
    """An order with them trades at once, as at the venue."""
    venue.place(venue.other_key, side="SELL")
    order = venue.place(postOnly=True, triggerPrice="60000", cost="1")
    assert venue.order(order)["status"] == "FILLED"


REFUSED = [
    ({"symbol": "NOPEUSDT"}, 400, -1121, "UNKNOWN_INSTRUMENT"),
    ({"symbol": None}, 400, -1141, None),
    ({"quantity": None}, 400, -1141, None),
    ({"price": None}, 400, -1141, None),
    ({"side": "buy"}, 400, -1117, None),
    ({"type": "STOP"}, 400, -1116, None),
    ({"timeInForce": "POST_ONLY"}, 400, -1115, None),
    ({"price": "50000.001"}, 400, -1160, "PRICE_OFF_TICK"),
    ({"quantity": "0.0100000001"}, 400, -1160, "SIZE_OFF_LOT"),
    ({"quantity": "ten"}, 400, -1140, None),
    ({"quantity": "0.00001"}, 400, -1140, "NOTIONAL_TOO_SMALL"),
    ({"quantity": "1000"}, 400, -1054, "INSUFFICIENT_BALANCE"),
    ({"newClientOrderId": "x" * 41}, 400, -1180, None),
    ({"newClientOrderId": "a b"}, 400, -1180, None),
]


@pytest.mark.parametrize(("fields", "status", "code", "reason"), REFUSED)
def test_a_refusal_has_code_help_and_reason(venue, fields, status, code, reason):
    """The venue's code for many is the same; which it is, stands beside it."""
    found, told = venue.try_to_place(**fields)
    assert (found, told["code"], told.get("reason")) == (status, code, reason)
    assert told["msg"]
    assert told["help"]
    assert venue.get("/api/v3/openOrders") == []


def test_a_lack_of_money_is_told_in_the_words_that_clients_know(venue):
    _, told = venue.try_to_place(quantity="1000")
    assert "amount not enough" in told["msg"]


def test_cancels_by_either_id(venue):
    """And what is over, or never was, is unknown."""
    for name, value in (("orderId", venue.place()), ("origClientOrderId", "mine")):
        if value == "mine":
            venue.place(newClientOrderId="mine")
        status, told = venue.call("DELETE", "/api/v3/order", **{name: value})
        assert (status, told["status"]) == (200, "CANCELED")
        status, told = venue.call("DELETE", "/api/v3/order", **{name: value})
        assert (status, told["code"]) == (400, -2200)
    for wrong in (NOBODY, "garbage", ORDERS_FROM - 1):
        status, told = venue.call("DELETE", "/api/v3/order", orderId=wrong)
        assert (status, told["code"]) == (400, -2200)
    status, told = venue.call("DELETE", "/api/v3/order")
    assert (status, told["code"]) == (400, -1140)


@pytest.mark.parametrize("wrong", ["x", "1.5", "9" * 20, "-1"])
def test_nothing_is_canceled_of_a_batch_with_an_id_that_is_none(venue, wrong):
    """No answer could say which of them has failed."""
    first = venue.place()
    status, told = venue.call("DELETE", "/api/v3/order/batch", {"orderIds": [first, wrong]})
    assert (status, told["code"]) == (400, -1140)
    assert venue.order(first)["status"] == "NEW"


def test_several_are_canceled_by_a_body(venue):
    """Each has its own answer; ids may be numbers or texts, and names are taken too."""
    first, second = venue.place(), venue.place(newClientOrderId="named")
    path = "/api/v3/order/batch"
    status, told = venue.call("DELETE", path, {"orderIds": [first, str(NOBODY)]})
    assert status == 200
    assert told["orderList"] == [
        {"orderId": first, "status": "CANCELED", "clientOrderId": ""},
        {"orderId": NOBODY, "status": "FAILED", "errorMsg": "FAILED_ORDER_NOT_FOUND"},
    ]
    _, told = venue.call("DELETE", path, {"origClientOrderIds": ["named", "none"]})
    assert [(o["orderId"], o["status"]) for o in told["orderList"]] == [
        (second, "CANCELED"),
        (0, "FAILED"),
    ]
    assert venue.call("DELETE", path, {})[1]["code"] == -1141
    assert venue.call("DELETE", path, {"orderIds": [first]}, key=venue.other_key)[1] == {
        "orderList": [{"orderId": first, "status": "FAILED", "errorMsg": "FAILED_ORDER_NOT_FOUND"}]
    }


def test_several_cannot_be_placed(venue):
    """The venue has no such route, and says so in its own code."""
    status, told = venue.call("POST", "/api/v3/order/batch", {"orders": []})
    assert (status, told["code"]) == (405, -1150)


def test_all_orders_of_a_symbol_are_canceled(venue):
    """Those of another one stay."""
    mine = [venue.place(), venue.place()]
    other = venue.place(symbol="ETHUSDT", price="2000", quantity="1")
    status, told = venue.call("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert (status, sorted(each["orderId"] for each in told)) == (200, mine)
    assert [each["orderId"] for each in venue.get("/api/v3/openOrders")] == [other]
    assert venue.call("DELETE", "/api/v3/openOrders")[1]["code"] == -1141


def test_lists_are_newest_first_and_have_pages(venue):
    """Of one symbol, within a time."""
    placed = [venue.place(price=str(40_000 + number)) for number in range(5)]
    venue.call("DELETE", "/api/v3/order", orderId=placed[0])
    path, symbol = "/api/v3/allOrders", {"symbol": "BTCUSDT"}
    assert [o["orderId"] for o in venue.get(path, **symbol)] == placed[::-1]
    pages = [venue.get(path, **symbol, limit=2, page=page) for page in (1, 2, 3, 4)]
    assert [[o["orderId"] for o in page] for page in pages] == [
        placed[:2:-1],
        placed[2:0:-1],
        placed[:1],
        [],
    ]
    start = venue.order(placed[3])["time"]
    assert [o["orderId"] for o in venue.get(path, **symbol, startTime=start)] == placed[:2:-1]
    for wrong, code in (
        ({"limit": 0}, -1140),
        ({"page": 0}, -1140),
        ({"startTime": 2, "endTime": 1}, -1171),
        ({"startTime": -1}, -1170),
    ):
        status, told = venue.call("GET", path, **symbol, **wrong)
        assert (status, told["code"]) == (400, code)


def test_a_fill_tells_its_fee_in_what_was_received(venue):
    """A taker's and a maker's."""
    sold = venue.place(venue.other_key, side="SELL")
    bought = venue.place()
    (mine,) = venue.get("/api/v3/myTrades", symbol="BTCUSDT")
    assert (mine["orderId"], mine["isBuyer"], mine["isMaker"]) == (bought, True, False)
    assert (mine["price"], mine["qty"], mine["quoteQty"]) == ("50000.00", "0.01", "500")
    assert mine["commission"] == "0.00001"
    (theirs,) = venue.get("/api/v3/myTrades", symbol="BTCUSDT", orderId=sold, key=venue.other_key)
    assert (theirs["id"], theirs["isMaker"], theirs["commission"]) == (mine["id"], True, "0.5")
    assert venue.get("/api/v3/myTrades", symbol="BTCUSDT", orderId=NOBODY) == []


def test_a_body_has_to_be_json_and_say_so(venue):
    for headers, body, code in (
        ({"content-type": "text/plain"}, b"{}", -1045),
        ({}, b"{}", -1045),
        ({"content-type": "application/json; charset=utf-8"}, b"{}", -1141),
        ({"content-type": "application/json"}, b"{", -1135),
        ({"content-type": "application/json"}, b"[]", -1135),
    ):
        assert refused_with(venue, headers, body) == code


def refused_with(venue, headers, body):
    now_ns = venue.desk.now_ns + STEP_NS
    signed = auth.signed_headers(venue.key, "POST", "/api/v3/order", body, now_ns)
    response = venue.send(Request("POST", "/api/v3/order", {**headers, **signed}, body))
    return msgspec.json.decode(response.body)["code"]
