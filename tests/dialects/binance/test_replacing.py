"""Cancel-replace and amendments: what became of either half, and a queue's place that is kept."""

import pytest

from tests.dialects.binance.test_ws_api import Talk

NEW = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.02",
    "price": "49000",
    "cancelReplaceMode": "STOP_ON_FAILURE",
}
ALLOW = {**NEW, "cancelReplaceMode": "ALLOW_FAILURE"}
NO_MONEY = {"quantity": "9000", "price": "50000"}


def replace(venue, params=NEW, **more):
    return venue.call("POST", "order/cancelReplace", {**params, **more})


def test_one_request_cancels_and_places(venue):
    old = venue.place(newClientOrderId="old")
    status, told = replace(
        venue, cancelOrderId=old["orderId"], cancelNewClientOrderId="end", newClientOrderId="new"
    )
    assert status == 200
    assert (told["cancelResult"], told["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    canceled, placed = told["cancelResponse"], told["newOrderResponse"]
    assert (canceled["status"], canceled["origClientOrderId"]) == ("CANCELED", "old")
    assert canceled["clientOrderId"] == "end"
    assert (placed["status"], placed["clientOrderId"], placed["fills"]) == ("NEW", "new", [])
    assert [o["clientOrderId"] for o in venue.call("GET", "openOrders")[1]] == ["new"]


def test_the_new_order_may_have_the_old_ones_name(venue):
    venue.place(newClientOrderId="same")
    status, told = replace(venue, cancelOrigClientOrderId="same", newClientOrderId="same")
    assert (status, told["newOrderResult"]) == (200, "SUCCESS")


@pytest.mark.parametrize(
    ("mode", "old_is_there", "new_is_good", "status", "code", "results"),
    [
        (NEW, False, True, 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        (NEW, True, False, 409, -2021, ("SUCCESS", "FAILURE")),
        (ALLOW, False, True, 409, -2021, ("FAILURE", "SUCCESS")),
        (ALLOW, True, False, 409, -2021, ("SUCCESS", "FAILURE")),
        (ALLOW, False, False, 400, -2022, ("FAILURE", "FAILURE")),
    ],
)
def test_what_became_of_either_half_is_told(
    venue, mode, old_is_there, new_is_good, status, code, results
):
    old = venue.place()
    number = old["orderId"] if old_is_there else 999
    got, refused = replace(venue, mode, cancelOrderId=number, **({} if new_is_good else NO_MONEY))
    assert (got, refused["code"]) == (status, code)
    data = refused["data"]
    assert (data["cancelResult"], data["newOrderResult"]) == results
    if results[0] == "FAILURE":
        assert data["cancelResponse"] == {"code": -2011, "msg": "Unknown order sent."}
    if results[1] == "FAILURE":
        assert data["newOrderResponse"]["code"] == -2010
    if results[1] == "NOT_ATTEMPTED":
        assert data["newOrderResponse"] is None
    still = (not old_is_there) + (results[1] == "SUCCESS")
    assert len(venue.call("GET", "openOrders")[1]) == still


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({}, -1102),
        ({"cancelOrderId": 1, "price": "5.001"}, -1013),
        ({"cancelOrderId": 1, "cancelReplaceMode": "MAYBE"}, -1130),
        ({"cancelOrderId": 1, "symbol": "FOOBAR"}, -1121),
    ],
)
def test_a_request_that_is_wrong_does_nothing(venue, more, code):
    """What is wrong with the new order is told before the old one is touched."""
    old = venue.place()
    status, refused = replace(venue, **{"cancelOrderId": old["orderId"], **more} if more else more)
    assert (status, refused["code"]) == (400, code)
    assert "data" not in refused
    assert venue.found(old)["status"] == "NEW"


def test_restrictions_are_kept(venue):
    old = venue.place()
    status, refused = replace(
        venue, cancelOrderId=old["orderId"], cancelRestrictions="ONLY_PARTIALLY_FILLED"
    )
    assert (status, refused["code"]) == (400, -2022)
    assert "cancel restrictions" in refused["data"]["cancelResponse"]["msg"]


def test_over_the_websocket_api_the_data_stands_in_the_error(venue):
    talk = Talk(venue)
    old = venue.place()
    answer = talk.ask_signed("order.cancelReplace", **NEW, cancelOrderId=old["orderId"])
    assert (answer["status"], answer["result"]["newOrderResult"]) == (200, "SUCCESS")
    answer = talk.ask_signed("order.cancelReplace", **NEW, cancelOrderId=old["orderId"])
    assert (answer["status"], answer["error"]["code"]) == (400, -2022)
    assert answer["error"]["data"]["newOrderResult"] == "NOT_ATTEMPTED"


# -- amending -----------------------------------------------------------------------------------


def amend(venue, **params):
    return venue.call("PUT", "order/amend/keepPriority", {"symbol": "BTCUSDT", **params})


def test_a_smaller_order_keeps_its_place_and_gets_another_name(venue):
    talk = Talk(venue)
    talk.ask_signed("userDataStream.subscribe.signature")
    first = venue.place(newClientOrderId="old")
    venue.place(venue.other_key)
    talk.heard()
    status, told = amend(venue, orderId=first["orderId"], newQty="0.004", newClientOrderId="new")
    assert status == 200, told
    order = told["amendedOrder"]
    assert (order["origClientOrderId"], order["clientOrderId"]) == ("old", "new")
    assert (order["qty"], order["executedQty"]) == ("0.00400000", "0.00000000")
    (report,) = [e for e in talk.heard() if e["e"] == "executionReport"]
    assert (report["x"], report["X"], report["c"], report["C"]) == ("REPLACED", "NEW", "new", "old")
    assert venue.call("GET", "order", symbol="BTCUSDT", origClientOrderId="old")[0] == 400
    taken = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.004", "price": "50000"}
    venue.place(venue.new_key("bob"), **taken, selfTradePreventionMode="NONE")
    assert venue.found(first)["status"] == "FILLED", "it was first in the queue still"


@pytest.mark.parametrize(
    ("qty", "code", "words"),
    [
        ("0.01", -2038, "The requested action would change no state; rejecting"),
        ("0.02", -2038, "Order amend (quantity increase) is not supported."),
        ("0.0000001", -1013, "Filter failure: LOT_SIZE"),
        ("0", -1013, "Filter failure: LOT_SIZE"),
    ],
)
def test_an_order_is_only_made_smaller(venue, qty, code, words):
    placed = venue.place()
    status, refused = amend(venue, orderId=placed["orderId"], newQty=qty)
    assert (status, refused["code"]) == (400, code)
    assert refused["msg"].startswith(words)


def test_names_that_cannot_be(venue):
    placed = venue.place(newClientOrderId="one")
    venue.place(newClientOrderId="two")
    number = placed["orderId"]
    for params, code in (
        ({"newQty": "0.005"}, -1102),
        ({"newQty": "0.005", "orderId": 999}, -2038),
        ({"newQty": "0.005", "orderId": number, "origClientOrderId": "two"}, -2038),
        ({"newQty": "0.005", "orderId": number, "newClientOrderId": "two"}, -2038),
    ):
        status, refused = amend(venue, **params)
        assert (status, refused["code"]) == (400, code)
    assert amend(venue, orderId=number, newQty="0.005", newClientOrderId="one")[0] == 200
