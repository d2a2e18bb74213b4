import pytest

from steelyard.dialects.kraken.text import id_text


def test_closed_orders_come_newest_first_and_by_page(venue):
    ids = []
    for _ in range(52):
        ids.append(venue.add())
        venue.result("CancelOrder", txid=ids[-1])
        venue.pass_time(1)
    first = venue.result("ClosedOrders")
    assert [*first["closed"]] == [*reversed(ids)][:50]
    assert first["count"] == 52
    rest = venue.result("ClosedOrders", ofs=50, without_count="true")
    assert ([*rest["closed"]], "count" in rest) == ([ids[1], ids[0]], False)
    since = venue.result("ClosedOrders", start="1700000050", closetime="close")
    assert [*since["closed"]] == [ids[51]]
    assert venue.error("ClosedOrders", closetime="never") == "EGeneral:Invalid arguments:closetime"


def test_orders_are_filtered_by_their_names(venue):
    venue.add(userref="5")
    mine = venue.add(cl_ord_id="mine")
    assert [*venue.result("OpenOrders", cl_ord_id="mine")["open"]] == [mine]
    (found,) = venue.result("OpenOrders", userref="5")["open"].values()
    assert found["userref"] == 5


def test_a_name_finds_orders_that_ended_too(venue):
    txid = venue.add(cl_ord_id="mine")
    venue.result("CancelOrder", txid=txid)
    assert venue.result("OpenOrders", cl_ord_id="mine") == {"open": {}}
    assert [*venue.result("ClosedOrders", cl_ord_id="mine")["closed"]] == [txid]


def test_the_trail_of_an_order_begins_with_how_it_was_placed(venue):
    txid = venue.add()
    first = venue.result("AmendOrder", txid=txid, order_qty="0.02")["amend_id"]
    venue.add(venue.bob, type="sell", volume="0.004")
    venue.pass_time(2)
    second = venue.result("AmendOrder", txid=txid, limit_price="49000")["amend_id"]
    told = venue.result("OrderAmends", order_id=txid)
    assert told["count"] == 3
    rows = [(a["amend_type"], a["order_qty"], a["remaining_qty"]) for a in told["amends"]]
    assert rows == [
        ("original", "0.01000000", "0.01000000"),
        ("user", "0.02000000", "0.02000000"),
        ("user", "0.02000000", "0.01600000"),
    ]
    assert [a["limit_price"] for a in told["amends"]] == ["50000.00", "50000.00", "49000.00"]
    assert [a["amend_id"] for a in told["amends"]][1:] == [first, second]
    assert told["amends"][2]["timestamp"] - told["amends"][0]["timestamp"] == 2 * 10**9
    assert len({a["amend_id"] for a in told["amends"]}) == 3


def test_an_order_that_was_never_amended_has_its_beginning(venue):
    txid = venue.add(ordertype="stop-loss-limit", price="60000", price2="60010")
    (only,) = venue.result("OrderAmends", order_id=txid)["amends"]
    assert (only["amend_type"], only["limit_price"], only["trigger_price"]) == (
        "original",
        "60010.00",
        "60000.00",
    )


@pytest.mark.parametrize(
    ("order_id", "error"),
    [("what", "EOrder:Invalid order"), (id_text("O", 99), "EOrder:Unknown order")],
)
def test_the_trail_of_what_is_no_order_is_refused(venue, order_id, error):
    assert venue.error("OrderAmends", order_id=order_id) == error


def test_nobody_sees_the_trail_of_anothers_order(venue):
    assert venue.error("OrderAmends", key=venue.bob, order_id=venue.add()) == "EOrder:Unknown order"
