import pytest

from steelyard.dialects.bybit import orders
from steelyard.domain.errors import DecodeError

ORDERS, HISTORY, FILLS = "/v5/order/realtime", "/v5/order/history", "/v5/execution/list"


def listed(venue, path, **pairs):
    return venue.get(path, category="spot", **pairs)["list"]


def ids(rows):
    return [row["orderId"] for row in rows]


def test_a_new_order_is_answered_by_its_ids_alone(venue):
    answer = venue.try_to_place(orderLinkId="mine-1")
    assert answer["result"].keys() == {"orderId", "orderLinkId"}
    assert answer["result"]["orderLinkId"] == "mine-1"
    assert (answer["retCode"], answer["retMsg"], answer["retExtInfo"]) == (0, "OK", {})


def test_an_order_of_spot_has_no_mode_of_take_profits(venue):
    """Clients tell contracts by that field."""
    order = venue.order(venue.place())
    assert "tpslMode" not in order
    assert (order["orderStatus"], order["price"], order["qty"]) == ("New", "50000.00", "0.01")
    assert (order["leavesQty"], order["leavesValue"], order["avgPrice"]) == ("0.01", "500", "")


def test_what_has_traded_is_told_with_its_fees(venue):
    number = venue.place()
    venue.place(venue.other_key, side="Sell", qty="0.004")
    order = venue.order(number)
    assert (order["orderStatus"], order["cumExecQty"]) == ("PartiallyFilled", "0.004")
    assert (order["cumExecValue"], order["avgPrice"]) == ("200", "50000")
    assert order["cumFeeDetail"] == {"BTC": order["cumExecFee"]} == {"BTC": "0.000004"}
    (fill,) = listed(venue, FILLS, orderId=number)
    assert (fill["execQty"], fill["execFee"], fill["feeCurrency"]) == ("0.004", "0.000004", "BTC")
    assert (fill["isMaker"], fill["feeRate"], fill["leavesQty"]) == (True, "0.001", "0.006")
    assert "createType" not in fill


def test_an_order_is_found_by_either_name_open_and_ended(venue):
    number = venue.place(orderLinkId="mine")
    assert ids(listed(venue, ORDERS, orderLinkId="mine")) == [number]
    venue.post("/v5/order/cancel", symbol="BTCUSDT", orderLinkId="mine")
    assert ids(listed(venue, ORDERS)) == []
    (ended,) = listed(venue, ORDERS, orderId=number)
    assert (ended["orderStatus"], ended["cancelType"]) == ("Cancelled", "CancelByUser")
    assert ids(listed(venue, HISTORY, orderLinkId="mine")) == [number]
    assert ids(listed(venue, HISTORY, orderStatus="Cancelled")) == [number]
    assert ids(listed(venue, HISTORY, orderStatus="Filled")) == []
    assert ids(listed(venue, ORDERS, openOnly=1)) == [number]
    assert listed(venue, ORDERS, orderId="no-such-order") == []


def test_another_accounts_order_is_not_there(venue):
    number = venue.place(venue.other_key)
    assert listed(venue, ORDERS, orderId=number) == []
    answer = venue.post("/v5/order/cancel", symbol="BTCUSDT", orderId=number)
    assert answer["retCode"] == 170213


@pytest.mark.parametrize("path", ["/v5/order/cancel", "/v5/order/amend"])
def test_what_has_ended_is_told_apart(venue, path):
    canceled, filled = venue.place(), venue.place(price="50001")
    venue.place(venue.other_key, side="Sell", price="50001")
    venue.post("/v5/order/cancel", symbol="BTCUSDT", orderId=canceled)
    codes = [
        venue.post(path, symbol="BTCUSDT", price="50002", orderId=number)["retCode"]
        for number in (canceled, filled, "77")
    ]
    assert codes == [170142, 170139, 170213]
    assert venue.post(path, symbol="BTCUSDT")["retCode"] == 10001


def test_a_cancel_goes_by_its_id_whatever_the_symbol_is_called(venue):
    """Some clients send their own name of the pair."""
    number = venue.place()
    answer = venue.post("/v5/order/cancel", symbol="BTC-USDT", orderId=number, orderLinkId="x")
    assert answer["result"]["orderId"] == number


def test_an_amendment_keeps_the_id(venue):
    number = venue.place(orderLinkId="mine")
    answer = venue.post("/v5/order/amend", symbol="BTCUSDT", orderId=number, qty="0.02")
    assert answer["result"] == {"orderId": number, "orderLinkId": "mine"}
    venue.post("/v5/order/amend", symbol="BTCUSDT", orderLinkId="mine", price="49000")
    order = venue.order(number)
    assert (order["qty"], order["price"], order["orderStatus"]) == ("0.02", "49000.00", "New")
    for wrong in ({}, {"takeProfit": "60000"}):
        assert (
            venue.post("/v5/order/amend", symbol="BTCUSDT", orderId=number, **wrong)["retCode"]
            == 10001
        )


def test_all_orders_of_a_filter_are_canceled_and_others_stay(venue):
    """Plain ones unless the filter is named; of a symbol, of a coin, or altogether."""
    plain, other = venue.place(price="40000"), venue.place(symbol="ETHUSDT", price="100", qty="1")
    stop = venue.place(
        price="61000", orderFilter="StopOrder", triggerPrice="60000", triggerDirection=1
    )
    answer = venue.post("/v5/order/cancel-all", symbol="BTCUSDT")
    assert ids(answer["result"]["list"]) == [plain]
    assert answer["result"]["success"] == "1"
    assert ids(listed(venue, ORDERS)) == [stop, other]
    answer = venue.post("/v5/order/cancel-all", orderFilter="StopOrder", baseCoin="BTC")
    assert ids(answer["result"]["list"]) == [stop]
    assert ids(venue.post("/v5/order/cancel-all")["result"]["list"]) == [other]
    assert venue.post("/v5/order/cancel-all")["result"]["list"] == []
    assert venue.post("/v5/order/cancel-all", settleCoin="USDT")["retCode"] == 10001


def test_lists_come_by_pages_newest_first(venue):
    numbers = [venue.place(price=str(40_000 + n)) for n in range(5)]
    found, cursor = [], None
    for _ in range(3):
        pairs = {"limit": 2} if cursor is None else {"limit": 2, "cursor": cursor}
        page = venue.get(ORDERS, category="spot", **pairs)
        found += ids(page["list"])
        cursor = page["nextPageCursor"]
    assert found == numbers[::-1]
    assert cursor == ""


def test_a_page_is_a_part_of_a_list():
    entries = [1, 2, 3, 4, 5]
    assert orders.page_of(entries, 2, None, 20, 50) == ([5, 4], "3")
    assert orders.page_of(entries, 2, "3", 20, 50) == ([3, 2], "1")
    assert orders.page_of(entries, 2, "1", 20, 50) == ([1], "")
    assert orders.page_of([], None, None, 20, 50) == ([], "")
    with pytest.raises(DecodeError):
        orders.page_of(entries, 0, None, 20, 50)


def test_executions_are_of_a_symbol_an_order_and_a_time(venue):
    number = venue.place()
    venue.place(venue.other_key, side="Sell", qty="0.004")
    venue.place(venue.other_key, side="Sell", qty="0.006")
    rows = listed(venue, FILLS, symbol="BTCUSDT", execType="Trade")
    assert [row["execId"] for row in rows] == ["2", "1"]
    assert listed(venue, FILLS, symbol="ETHUSDT") == []
    assert listed(venue, FILLS, execType="Funding") == []
    assert listed(venue, FILLS, orderId="77") == []
    assert len(listed(venue, FILLS, orderId=number, limit=1)) == 1
    early = venue.desk.now_ns // 1_000_000 - 3_600_000
    assert listed(venue, FILLS, startTime=early - 1, endTime=early) == []
    assert len(listed(venue, FILLS, startTime=early)) == 2
