"""The classic routes: the same book in another form."""

import msgspec

from steelyard.dialects.kucoin.classic import classic_from_wire
from steelyard.dialects.kucoin.classic_messages import ClassicOrder
from steelyard.domain.lifecycle import OrderState
from tests.dialects.kucoin.venue import BTC, HF, order

ORDERS = "/api/v1/orders"


def test_an_order_is_the_same_over_either_kind_of_route(venue):
    placed = venue.place(path=ORDERS, clientOid="mine-1", trade_type=None)
    assert placed == {"orderId": placed["orderId"]}
    told = venue.get(f"{ORDERS}/{placed['orderId']}")
    assert told == venue.get("/api/v1/order/client-order/mine-1")
    assert (told["isActive"], told["stop"], told["stopTriggered"]) == (True, "", False)
    hf = venue.order(placed["orderId"])
    assert (hf["active"], hf["price"]) == (told["isActive"], told["price"])
    page = venue.get(f"{ORDERS}?status=active&symbol={BTC}&tradeType=TRADE")
    assert (page["totalNum"], page["totalPage"], page["items"]) == (1, 1, [told])
    read = classic_from_wire(msgspec.convert(told, ClassicOrder), venue.listings)
    assert (read.state, read.price_ticks) == (OrderState.WORKING, 5_000_000)


def test_a_client_id_is_required(venue):
    expected = ("400100", "validation.createOrder.clientOidIsRequired")
    assert venue.cannot(path=ORDERS) == expected
    assert venue.cannot(path=f"{ORDERS}/test") == expected
    assert venue.place(path=f"{ORDERS}/test", clientOid="t")["orderId"]


def test_orders_are_canceled_by_either_id_and_all_at_once(venue):
    ids = [
        venue.place(path=ORDERS, clientOid=f"m{n}", price=str(40_000 + n))["orderId"]
        for n in range(4)
    ]
    assert venue.call("DELETE", f"{ORDERS}/{ids[0]}") == {"cancelledOrderIds": [ids[0]]}
    by_client = venue.call("DELETE", "/api/v1/order/client-order/m1")
    assert by_client == {
        "cancelledOrderId": ids[1],
        "clientOid": "m1",
        "cancelledOcoOrderIds": None,
    }
    assert venue.call("DELETE", f"{ORDERS}?symbol={BTC}") == {"cancelledOrderIds": ids[2:]}
    assert venue.call("DELETE", ORDERS) == {"cancelledOrderIds": []}
    done = venue.get(f"{ORDERS}?status=done&pageSize=10&currentPage=1")
    assert [o["id"] for o in done["items"]] == ids[::-1]
    assert [o["id"] for o in venue.get("/api/v1/limit/orders")] == ids[::-1]
    gone = venue.refused("DELETE", f"{ORDERS}/{ids[0]}")
    assert gone[2] == "order_not_exist_or_not_allow_to_cancel"
    assert venue.refused("GET", f"{ORDERS}/nope")[2] == "order not exist."
    assert venue.refused("GET", f"{ORDERS}?pageSize=501")[2].startswith("pageSize should not")


def test_fills_are_told_page_by_page_and_of_the_last_day(venue):
    venue.place(path=ORDERS, clientOid="m")
    venue.place(venue.bob, side="sell", size="0.004")
    venue.place(venue.bob, side="sell", size="0.006")
    page = venue.get(f"/api/v1/fills?symbol={BTC}&tradeType=TRADE")
    assert [fill["size"] for fill in page["items"]] == ["0.006", "0.004"]
    assert venue.get("/api/v1/limit/fills") == page["items"]
    assert isinstance(page["items"][0]["tradeId"], str)
    assert venue.get("/api/v1/fills?side=sell")["items"] == []


def test_several_are_answered_with_what_they_were(venue):
    listed = [
        {
            name: value
            for name, value in order(clientOid=f"l{n}", size=size).items()
            if name != "symbol"
        }
        for n, size in enumerate(("0.01", "0.00001"))
    ]
    rows = venue.call("POST", f"{ORDERS}/multi", {"symbol": BTC, "orderList": listed})["data"]
    assert [row["status"] for row in rows] == ["success", "fail"]
    assert (rows[0]["clientOid"], rows[0]["symbol"], rows[0]["failMsg"]) == ("l0", BTC, None)
    assert [o["id"] for o in venue.get(f"{HF}/active?symbol={BTC}")] == [rows[0]["id"]]
