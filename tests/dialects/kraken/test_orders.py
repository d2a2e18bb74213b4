import pytest

from steelyard.dialects.kraken.text import id_text


def test_a_limit_order_rests_and_is_told(venue):
    txid = venue.add(cl_ord_id="mine")
    told = venue.result("OpenOrders")["open"]
    assert [*told] == [txid]
    order = told[txid]
    wanted = {
        "refid": None,
        "userref": None,
        "cl_ord_id": "mine",
        "status": "open",
        "opentm": 1_700_000_000,
        "starttm": 0,
        "expiretm": 0,
        "vol": "0.01000000",
        "vol_exec": "0.00000000",
        "cost": "0.00000",
        "fee": "0.00000",
        "price": "0.00000000",
        "oflags": "fciq",
        "misc": "",
    }
    assert {**order, **wanted} == order
    assert order["descr"] == {
        "pair": "XBTUSDT",
        "type": "buy",
        "ordertype": "limit",
        "price": "50000.00",
        "price2": "0",
        "leverage": "none",
        "order": "buy 0.01000000 XBTUSDT @ limit 50000.00",
        "close": "",
    }


def test_a_filled_order_is_closed_with_cost_fee_and_trades(venue):
    venue.add(venue.bob, type="sell", price="49999", volume="0.004")
    txid = venue.add()
    order = venue.order(txid)
    assert (order["status"], order["vol_exec"], order["cost"]) == (
        "open",
        "0.00400000",
        "199.99600",
    )
    venue.add(venue.bob, type="sell", volume="0.006")
    order = venue.order(txid)
    assert (order["status"], order["cost"], order["price"]) == (
        "closed",
        "499.99600",
        "49999.60000000",
    )
    assert order["fee"] == "0.499996"
    fills = venue.result("TradesHistory")["trades"]
    assert {*order["trades"]} == {*fills}
    assert sorted((f["vol"], f["maker"]) for f in fills.values()) == [
        ("0.00400000", False),
        ("0.00600000", True),
    ]
    assert {f["ordertxid"] for f in fills.values()} == {txid}
    one = next(iter(fills))
    assert venue.result("QueryTrades", txid=one) == {one: fills[one]}


def test_an_order_is_canceled_by_each_of_its_names(venue):
    by_id, by_name = venue.add(), venue.add(cl_ord_id="mine")
    by_ref = [venue.add(userref="5"), venue.add(userref="5")]
    assert venue.result("CancelOrder", txid=by_id) == {"count": 1}
    assert venue.result("CancelOrder", cl_ord_id="mine") == {"count": 1}
    assert venue.result("CancelOrder", txid="5") == {"count": 2}
    closed = venue.result("ClosedOrders")
    assert closed["count"] == 4
    assert {*closed["closed"]} == {by_id, by_name, *by_ref}
    assert {(o["status"], o["reason"]) for o in closed["closed"].values()} == {
        ("canceled", "User requested")
    }


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({}, "EGeneral:Invalid arguments:txid"),
        ({"txid": "what"}, "EOrder:Invalid order"),
        ({"txid": id_text("O", 99)}, "EOrder:Unknown order"),
        ({"cl_ord_id": "none"}, "EOrder:Unknown order"),
        ({"txid": "12345"}, "EOrder:Unknown order"),
    ],
)
def test_what_is_not_open_is_not_canceled(venue, params, error):
    assert venue.error("CancelOrder", params) == error


def test_nobody_cancels_or_sees_what_is_another_accounts(venue):
    txid = venue.add()
    assert venue.error("CancelOrder", key=venue.bob, txid=txid) == "EOrder:Unknown order"
    assert venue.error("QueryOrders", key=venue.bob, txid=txid) == "EOrder:Unknown order"
    assert venue.result("OpenOrders", key=venue.bob) == {"open": {}}


def test_a_batch_is_answered_order_by_order(venue):
    order = {"type": "buy", "ordertype": "limit", "volume": "0.01", "price": "50000"}
    batch = [order, {**order, "volume": "100"}, {**order, "cl_ord_id": "mine"}]
    told = venue.post_json("AddOrderBatch", {"pair": "XBTUSDT", "orders": batch})
    first, second, third = told["result"]["orders"]
    assert second == {"error": "EOrder:Insufficient funds"}
    assert {first["txid"], third["txid"]} == {*venue.result("OpenOrders")["open"]}
    assert first["descr"]["order"] == "buy 0.01000000 XBTUSDT @ limit 50000.00"
    one = venue.post_json("AddOrderBatch", {"pair": "XBTUSDT", "orders": [order]})
    assert one["error"] == ["EGeneral:Invalid arguments:orders"]
    only_checked = {"pair": "XBTUSDT", "orders": [order, order], "validate": True}
    assert "txid" not in venue.post_json("AddOrderBatch", only_checked)["result"]["orders"][0]


def test_many_are_canceled_at_once(venue):
    one, two = venue.add(), venue.add(cl_ord_id="mine")
    names = {"orders": [one, id_text("O", 99)], "cl_ord_ids": ["mine"]}
    assert venue.post_json("CancelOrderBatch", names)["result"] == {"count": 2}
    assert venue.post_json("CancelOrderBatch", {"orders": [two]})["error"] == [
        "EOrder:Unknown order"
    ]
    venue.add()
    assert venue.result("CancelAll") == {"count": 1}
    assert venue.result("CancelAll") == {"count": 0}


def test_an_amended_order_keeps_its_id(venue):
    txid = venue.add()
    told = venue.result("AmendOrder", txid=txid, order_qty="0.02", limit_price="49000")
    assert told["amend_id"].startswith("T")
    order = venue.order(txid)
    assert (order["vol"], order["descr"]["price"]) == ("0.02000000", "49000.00")
    assert venue.error("AmendOrder", txid=txid, limit_price="49000.001").startswith(
        "EOrder:Invalid price:XBTUSDT"
    )
    assert venue.error("AmendOrder", txid=id_text("O", 9), order_qty="1") == "EOrder:Unknown order"
