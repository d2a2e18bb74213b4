"""OCO, OTO and OTOCO as clients send them: placed, told, filled, looked up and canceled as one."""

import pytest

from steelyard.dialects.binance import messages, order_lists
from steelyard.dialects.binance.list_messages import OcoRequest, OtocoRequest, OtoRequest
from tests.dialects.binance.test_ws_api import Talk

OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "50080",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "49950",
    "belowPrice": "49910",
    "belowTimeInForce": "GTC",
}
OTO = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingTimeInForce": "GTC",
    "workingSide": "BUY",
    "workingPrice": "49950",
    "workingQuantity": "0.01",
    "pendingType": "LIMIT_MAKER",
    "pendingSide": "SELL",
    "pendingPrice": "50090",
    "pendingQuantity": "0.02",
}
OTOCO = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT_MAKER",
    "workingSide": "BUY",
    "workingPrice": "49950",
    "workingQuantity": "0.01",
    "pendingSide": "SELL",
    "pendingQuantity": "0.01",
    "pendingAboveType": "TAKE_PROFIT",
    "pendingAboveStopPrice": "50080",
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": "49920",
}
OLD_OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.01",
    "price": "50080",
    "stopPrice": "49950",
    "stopLimitPrice": "49910",
    "stopLimitTimeInForce": "GTC",
    "limitClientOrderId": "up",
    "stopClientOrderId": "down",
}


def placed(venue, path="orderList/oco", params=OCO, **more):
    status, told = venue.call("POST", path, {**params, **more})
    assert status == 200, told
    return told


def statuses(venue, told):
    return [venue.found(order)["status"] for order in told["orders"]]


def test_an_oco_is_told_as_the_venue_tells_it(market):
    told = placed(market, listClientOrderId="list", aboveClientOrderId="a", belowClientOrderId="b")
    below, above = told["orderReports"]
    number = told["orderListId"]
    assert told == {
        **told,
        "contingencyType": "OCO",
        "listStatusType": "EXEC_STARTED",
        "listOrderStatus": "EXECUTING",
        "listClientOrderId": "list",
        "symbol": "BTCUSDT",
        "orders": [
            {"symbol": "BTCUSDT", "orderId": below["orderId"], "clientOrderId": "b"},
            {"symbol": "BTCUSDT", "orderId": above["orderId"], "clientOrderId": "a"},
        ],
    }
    assert below == {
        **below,
        "orderListId": number,
        "type": "STOP_LOSS_LIMIT",
        "price": "49910.00000000",
        "stopPrice": "49950.00000000",
        "status": "NEW",
        "workingTime": -1,
    }
    assert (above["type"], above["orderListId"], above["timeInForce"]) == (
        "LIMIT_MAKER",
        number,
        "GTC",
    )
    asset = next(b for b in market.call("GET", "account")[1]["balances"] if b["asset"] == "BTC")
    assert asset["locked"] == "0.01000000", "held once for both"


def test_the_deprecated_oco_is_the_same_list(market):
    told = placed(market, "order/oco", OLD_OCO)
    assert [(r["type"], r["clientOrderId"]) for r in told["orderReports"]] == [
        ("STOP_LOSS_LIMIT", "down"),
        ("LIMIT_MAKER", "up"),
    ]
    buy = {
        **OLD_OCO,
        "side": "BUY",
        "price": "49920",
        "stopPrice": "50050",
        "stopLimitPrice": "50090",
    }
    told = placed(market, "order/oco", buy, limitClientOrderId="x", stopClientOrderId="y")
    assert [r["clientOrderId"] for r in told["orderReports"]] == ["x", "y"]


def test_one_cancels_the_other(market):
    told = placed(market)
    market.place(market.other_key, symbol="BTCUSDT", side="BUY", quantity="0.01", price="50080")
    assert statuses(market, told) == ["EXPIRED", "FILLED"]
    stopped = market.found(told["orders"][0])
    assert stopped["expiryReason"] == "OCO_TRIGGER"
    told = placed(market)
    market.trade("49940")
    assert statuses(market, told) == ["NEW", "EXPIRED"], "the stop has become a limit order"


def test_one_triggers_the_other(market):
    told = placed(market, "orderList/oto", OTO)
    assert told["contingencyType"] == "OTO"
    assert [r["status"] for r in told["orderReports"]] == ["NEW", "PENDING_NEW"]
    pending = market.found(told["orders"][1])
    assert (pending["isWorking"], pending["workingTime"]) == (False, -1)
    market.place(market.other_key, symbol="BTCUSDT", side="SELL", quantity="0.01", price="49950")
    assert statuses(market, told) == ["FILLED", "NEW"]
    assert market.found(told["orders"][1])["isWorking"] is True


def test_an_entry_brings_two_exits(market):
    told = placed(market, "orderList/otoco", OTOCO)
    assert told["contingencyType"] == "OTO"
    assert [(r["type"], r["status"]) for r in told["orderReports"]] == [
        ("LIMIT_MAKER", "NEW"),
        ("STOP_LOSS", "PENDING_NEW"),
        ("TAKE_PROFIT", "PENDING_NEW"),
    ]
    market.place(market.other_key, symbol="BTCUSDT", side="SELL", quantity="0.01", price="49950")
    assert statuses(market, told) == ["FILLED", "NEW", "NEW"]
    market.trade("49915")
    assert statuses(market, told) == ["FILLED", "FILLED", "EXPIRED"]


def test_a_list_is_found_by_either_name(market):
    first = placed(market, listClientOrderId="first")
    second = placed(market, "orderList/oto", OTO)
    number = first["orderListId"]
    for placed_list, name in (
        (first, {"orderListId": number}),
        (first, {"origClientOrderId": "first"}),
        (second, {"origClientOrderId": second["listClientOrderId"]}),  # it has one anyway
    ):
        status, told = market.call("GET", "orderList", **name)
        assert (status, told["orders"]) == (200, placed_list["orders"])
        assert "orderReports" not in told
    both = market.call("GET", "openOrderList")[1]
    assert [told["orderListId"] for told in both] == [number, second["orderListId"]]
    market.call("DELETE", "orderList", symbol="BTCUSDT", orderListId=number)
    assert [told["orderListId"] for told in market.call("GET", "openOrderList")[1]] == [
        second["orderListId"]
    ]
    everything = market.call("GET", "allOrderList")[1]
    assert [told["listOrderStatus"] for told in everything] == ["ALL_DONE", "EXECUTING"]
    assert len(market.call("GET", "allOrderList", limit=1)[1]) == 1
    assert market.call("GET", "openOrderList", key=market.other_key)[1] == []
    for wrong, code in (
        ({}, -1102),
        ({"orderListId": 999_999}, -2013),
        ({"origClientOrderId": "no-such"}, -2013),
        ({"origClientOrderId": f"sylist{number}"}, -2013),  # it is called otherwise
        ({"orderListId": number, "origClientOrderId": "other"}, -2013),
    ):
        status, refused = market.call("GET", "orderList", **wrong)
        assert (status, refused["code"]) == (400, code)


@pytest.mark.parametrize("name", ["orderListId", "listClientOrderId"])
@pytest.mark.parametrize(
    ("path", "params"),
    [("orderList/oco", OCO), ("orderList/oto", OTO), ("orderList/otoco", OTOCO)],
)
@pytest.mark.parametrize("more", [{"listClientOrderId": "mine"}, {}])
def test_a_list_is_canceled_as_one(market, path, params, more, name):
    """By its owner's name for it, or by the one that it was given."""
    told = placed(market, path, params, **more)
    status, done = market.call(
        "DELETE", "orderList", symbol="BTCUSDT", newClientOrderId="end", **{name: told[name]}
    )
    assert (status, done["listOrderStatus"]) == (200, "ALL_DONE")
    assert len(done["orderReports"]) == len(told["orders"])
    assert {report["clientOrderId"] for report in done["orderReports"]} == {"end"}
    assert not any("workingTime" in report for report in done["orderReports"])
    assert market.call("GET", "openOrders")[1] == []
    again = market.call("DELETE", "orderList", symbol="BTCUSDT", **{name: told[name]})
    assert (again[0], again[1]["code"], again[1]["msg"]) == (400, -2011, "Unknown order sent.")


@pytest.mark.parametrize("name", ["orderId", "origClientOrderId"])
@pytest.mark.parametrize("member", [0, 1])
@pytest.mark.parametrize(
    ("path", "params"),
    [("orderList/oco", OCO), ("orderList/oto", OTO), ("orderList/otoco", OTOCO)],
)
def test_canceling_an_order_cancels_its_list(market, path, params, member, name):
    told = placed(market, path, params)
    order = told["orders"][member]
    number = order["orderId"]
    by_name = {name: number if name == "orderId" else order["clientOrderId"]}
    status, done = market.call("DELETE", "order", symbol="BTCUSDT", **by_name)
    assert (status, done["orderId"]) == (200, number)
    assert done["status"] in {"CANCELED", "EXPIRED"}
    assert market.call("GET", "openOrders")[1] == []


def test_canceling_everything_tells_lists_as_lists(market):
    told, alone = placed(market), market.place(price="49000")
    status, done = market.call("DELETE", "openOrders", symbol="BTCUSDT")
    assert status == 200
    lists = [each for each in done if "orderReports" in each]
    assert [each["orderListId"] for each in lists] == [told["orderListId"]]
    assert [each["orderId"] for each in done if "orderId" in each] == [alone["orderId"]]


def test_a_name_is_one_open_lists(market):
    told = placed(market, listClientOrderId="mine")
    status, refused = market.call("POST", "orderList/oco", OCO, listClientOrderId="mine")
    assert (status, refused["code"], refused["msg"]) == (400, -2010, "Duplicate order sent.")
    market.call("DELETE", "orderList", symbol="BTCUSDT", orderListId=told["orderListId"])
    placed(market, listClientOrderId="mine")


@pytest.mark.parametrize(
    ("path", "params", "code", "words"),
    [
        ("oco", {"aboveType": "LIMIT"}, -1158, "Order type not supported in OCO."),
        (
            "oco",
            {"belowType": "TAKE_PROFIT", "belowPrice": None, "belowTimeInForce": None},
            -1168,
            "At least one OCO order must be contingent.",
        ),
        ("oco", {"side": "BUY"}, -1165, "A limit order in a buy OCO must be below."),
        ("oco", {"belowTimeInForce": None}, -1102, "Mandatory parameter 'belowTimeInForce'"),
        ("oco", {"abovePrice": None}, -1102, "Mandatory parameter 'abovePrice'"),
        ("oco", {"abovePrice": "0"}, -1013, "Invalid abovePrice."),
        ("oco", {"abovePrice": "50080.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ("oco", {"aboveStopPrice": "50080"}, -1106, "Parameter 'aboveStopPrice' sent"),
        ("oco", {"belowPrice": "99999", "belowStopPrice": "50081"}, -2010, "The relationship of"),
        (
            "oco",
            {"abovePrice": "49890", "belowStopPrice": "49880"},
            -2010,
            "Order would immediately match and take.",
        ),
        ("oco", {"quantity": "999"}, -2010, "Account has insufficient balance"),
        ("oco", {"quantity": None}, -1102, "Mandatory parameter 'quantity'"),
        ("oto", {"workingType": "MARKET"}, -1116, "Invalid orderType."),
        ("oto", {"pendingType": "STOP_LOSS"}, -1102, "Param 'pendingStopPrice' or 'pendingTrai"),
        ("otoco", {"pendingSide": "BUY"}, -1198, "A take profit order in a buy OCO must be"),
        ("otoco", {"pendingQuantity": "0.02"}, -1013, "Unsupported order combination."),
    ],
)
def test_a_list_that_cannot_be_is_refused_whole(market, path, params, code, words):
    """In the venue's words, with the name that the request gave it; nothing is placed."""
    base = {"oco": OCO, "oto": OTO, "otoco": OTOCO}[path]
    sent = {name: value for name, value in {**base, **params}.items() if value is not None}
    before = market.call("GET", "allOrders", symbol="BTCUSDT")[1]
    status, refused = market.call("POST", f"orderList/{path}", sent)
    assert (status, refused["code"]) == (400, code), refused
    assert refused["msg"].startswith(words)
    assert market.call("GET", "allOrders", symbol="BTCUSDT")[1] == before


def test_the_stream_tells_of_lists(market):
    """A list's beginning and end, its orders' numbers, and when what was pending begins to act."""
    talk = Talk(market)
    talk.ask_signed("userDataStream.subscribe.signature")
    told = placed(market, "orderList/oto", OTO, listClientOrderId="mine")
    reports = [e for e in talk.heard() if e["e"] in {"executionReport", "listStatus"}]
    assert [(e["e"], e.get("X", e.get("L"))) for e in reports] == [
        ("executionReport", "NEW"),
        ("executionReport", "PENDING_NEW"),
        ("listStatus", "EXECUTING"),
    ]
    began = reports[-1]
    assert began == {
        **began,
        "s": "BTCUSDT",
        "g": told["orderListId"],
        "c": "OTO",
        "l": "EXEC_STARTED",
        "C": "mine",
        "O": [{"s": "BTCUSDT", "i": o["orderId"], "c": o["clientOrderId"]} for o in told["orders"]],
    }
    assert {e["g"] for e in reports} == {told["orderListId"]}
    market.place(market.other_key, symbol="BTCUSDT", side="SELL", quantity="0.01", price="49950")
    heard = [e for e in talk.heard() if e["e"] == "executionReport"]
    assert [(e["x"], e["X"], e["w"]) for e in heard] == [
        ("TRADE", "FILLED", False),
        ("NEW", "NEW", True),
    ]
    market.call("DELETE", "orderList", symbol="BTCUSDT", orderListId=told["orderListId"])
    heard = [e for e in talk.heard() if e["e"] == "listStatus"]
    assert [(e["l"], e["L"]) for e in heard] == [("ALL_DONE", "ALL_DONE")]


@pytest.mark.parametrize("member", [0, 1])
def test_over_the_websocket_api_a_cancel_tells_the_list_that_it_took(market, member):
    """Over REST it tells the order that it named, whose list is canceled as well."""
    told, talk = placed(market), Talk(market)
    number = told["orders"][member]["orderId"]
    by_id = {"symbol": "BTCUSDT", "orderId": number, "newClientOrderId": "end"}
    done = talk.ask_signed("order.cancel", **by_id)["result"]
    assert (done["orderListId"], done["listOrderStatus"]) == (told["orderListId"], "ALL_DONE")
    assert done["orders"] == told["orders"]
    assert {(r["status"], r["clientOrderId"]) for r in done["orderReports"]} == {
        ("CANCELED", "end")
    }
    alone = market.place(price="49000")["orderId"]
    done = talk.ask_signed("order.cancel", symbol="BTCUSDT", orderId=alone)["result"]
    assert (done["orderId"], done["status"]) == (alone, "CANCELED")


def test_lists_go_over_the_websocket_api(market):
    talk = Talk(market)
    answer = talk.ask_signed("orderList.place.oco", **OCO)
    assert answer["status"] == 200, answer
    number = answer["result"]["orderListId"]
    assert (
        talk.ask_signed("orderList.status", orderListId=number)["result"]["orderListId"] == number
    )
    assert len(talk.ask_signed("openOrderLists.status")["result"]) == 1
    done = talk.ask_signed("orderList.cancel", symbol="BTCUSDT", orderListId=number)
    assert done["result"]["listOrderStatus"] == "ALL_DONE"
    assert talk.ask_signed("allOrderLists")["result"][0]["orderListId"] == number


@pytest.mark.parametrize("kind", [OcoRequest, OtoRequest, OtocoRequest])
def test_every_parameter_of_an_order_has_its_name_in_a_leg(kind):
    """No leg drops what its request says: each parameter is read by one leg, or is the list's."""
    of_list = {"symbol", "listClientOrderId", "newOrderRespType", "selfTradePreventionMode"}
    read = {
        leg.name(own)
        for leg in order_lists.LEGS[kind].legs
        for own in messages.OrderRequest.__struct_fields__
        if own not in {"symbol", "selfTradePreventionMode", "newOrderRespType", "quoteOrderQty"}
    }
    fields = set(kind.__struct_fields__) - of_list
    assert fields <= read
