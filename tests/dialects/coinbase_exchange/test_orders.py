"""Orders over REST: their lives, their lists, their refusals."""

import json
import uuid

import pytest

from steelyard.domain.messages import MINUTE_NS

OWN = "1985ca2d-61ef-49f1-bfce-6c39d8462914"


def refusal(venue, **fields):
    wanted = {"product_id": "BTC-USDT", "side": "buy", "price": "50000", "size": "0.01"}
    body = {k: v for k, v in {**wanted, **fields}.items() if v is not None}
    status, answer = venue.call("POST", "/orders", body)
    assert "help" in answer, answer
    return status, answer["message"]


def test_a_new_order_is_taken_up_and_then_as_it_is(venue):
    placed = venue.place(client_oid=OWN)
    assert placed["status"] == "pending"
    assert placed["price"] == "50000.00000000"
    assert placed["size"] == "0.01000000"
    assert (placed["client_oid"], placed["post_only"]) == (OWN, False)
    found = venue.order(placed["id"])
    assert found == {**placed, "status": "open"}
    assert venue.order(f"client:{OWN}") == found
    venue.place(venue.other_key, side="sell")
    done = venue.order(placed["id"])
    assert (done["status"], done["done_reason"], done["settled"]) == ("done", "filled", True)
    assert done["executed_value"] == "500.0000000000000000"
    assert done["fill_fees"] == "0.5000000000000000"
    assert done["filled_size"] == "0.01000000"


def test_a_client_id_that_is_no_random_uuid_is_dropped(venue):
    assert "client_oid" not in venue.place(client_oid="mine")


def test_cancel_answers_with_the_bare_id(venue):
    one, other = venue.place(), venue.place(client_oid=OWN, price="49000")
    target = f"/orders/{one['id']}?product_id=BTC-USDT"
    assert venue.call("DELETE", target) == (200, one["id"])
    assert venue.call("DELETE", f"/orders/client:{OWN}") == (200, OWN)
    assert venue.order(other["id"])["done_reason"] == "canceled"
    assert venue.call("DELETE", f"/orders/{one['id']}")[1]["message"] == "Order already done"
    assert venue.call("DELETE", f"/orders/{uuid.uuid4()}")[0] == 404
    assert venue.call("GET", "/orders/12345")[1]["message"] == "Invalid order id"
    third = venue.place()
    assert venue.call("DELETE", f"/orders/{third['id']}?product_id=ETH-USDT")[0] == 404
    assert venue.call("DELETE", f"/orders/{third['id']}?Product_Id=ETH-USDT")[0] == 400


def test_nobody_sees_or_cancels_anothers_order(venue):
    order = venue.place()
    assert venue.call("GET", f"/orders/{order['id']}", key=venue.other_key)[0] == 404
    assert venue.call("DELETE", f"/orders/{order['id']}", key=venue.other_key)[0] == 404


def test_all_orders_of_a_product_are_canceled(venue):
    ids = {venue.place(price=str(price))["id"] for price in (49000, 49001)}
    kept = venue.place(product_id="ETH-USDT", price="2000", size="1")
    assert set(venue.call("DELETE", "/orders?product_id=BTC-USDT")[1]) == ids
    assert venue.call("DELETE", "/orders")[1] == [kept["id"]]
    assert venue.call("DELETE", "/orders")[1] == []


def test_post_only_that_would_take_is_an_order_that_was_rejected(venue):
    venue.place(venue.other_key, side="sell")
    order = venue.place(post_only=True)
    assert (order["status"], order["reject_reason"]) == ("rejected", "post only")
    assert venue.get("/orders?status=rejected")[0]["id"] == order["id"]
    assert venue.get("/orders") == []


def test_gtt_ends_after_its_time(venue):
    order = venue.place(time_in_force="GTT", cancel_after="min")
    assert "expire_time" in order
    venue.pass_time(59)
    assert venue.order(order["id"])["status"] == "open"
    venue.pass_time(MINUTE_NS // 10**9)
    assert venue.order(order["id"])["done_reason"] == "canceled"


def test_a_sell_without_a_word_is_a_loss_and_a_buy_an_entry(venue):
    """Ccxt sends stop_price alone."""
    venue.place(venue.other_key, side="sell")
    venue.place()
    sell = venue.place(side="sell", stop_price="49000", price="48000")
    buy = venue.place(stop_price="51000", price="52000")
    assert [venue.order(o["id"])["stop"] for o in (sell, buy)] == ["loss", "entry"]
    assert {o["status"] for o in venue.get("/orders?status=active")} == {"active"}


def test_an_iceberg_shows_its_floor(venue):
    order = venue.place(size="0.1", max_floor="0.02")
    assert venue.order(order["id"])["max_floor"] == "0.02000000"
    (level,) = venue.public("/products/BTC-USDT/book?level=2")["bids"]
    assert level == ["50000.00", "0.02", 1]
    assert refusal(venue, size="1", max_floor="0.05") == (400, "Invalid max_floor")


def test_funds_have_the_fee_in_them(venue):
    """1,001 buys 1,000 worth at 0.1 %."""
    venue.place(venue.other_key, side="sell", size="1")
    order = venue.place(type="market", price=None, size=None, funds="1001")
    found = venue.order(order["id"])
    assert found["executed_value"] == "1000.0000000000000000"
    assert found["fill_fees"] == "1.0000000000000000"
    assert (found["status"], found["done_reason"]) == ("done", "filled")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"size": "1000"}, (400, "Insufficient funds")),
        ({"product_id": "X-Y"}, (404, "Product not found")),
        ({"price": "50000.001"}, (400, "price too precise (50000.001)")),
        ({"price": "0"}, (400, "price too small")),
        ({"price": "abc"}, (400, "Invalid Price")),
        ({"price": None}, (400, "Invalid Price")),
        ({"size": "0.000001"}, (400, "size is too accurate. Smallest unit is 0.00001")),
        ({"size": "0"}, (400, "size is too small. Minimum size is 0.00001")),
        ({"size": "0.00001"}, (400, "funds is too small. Minimum size is 5")),
        ({"size": "10000"}, (400, "size is too large. Maximum size is 9000")),
        ({"post_only": True, "time_in_force": "IOC"}, (400, "Invalid post_only")),
        ({"time_in_force": "GTT"}, (400, "Invalid cancel_after")),
        ({"cancel_after": "day"}, (400, "Invalid cancel_after")),
        ({"stop": "loss"}, (400, "Invalid stop_price")),
        ({"stop_limit_price": "1"}, (400, "Unsupported order type")),
        ({"funds": "5"}, (400, "Invalid funds")),
        ({"type": "market"}, (400, "Invalid price")),
        ({"type": "market", "price": None, "funds": "5"}, (400, "size or funds is required")),
        ({"profile_id": OWN}, (404, "NotFound")),
    ],
)
def test_refusals_are_in_the_venues_words(venue, fields, expected):
    assert refusal(venue, **fields) == expected
    assert venue.get("/orders?status=open") == []


def test_a_client_id_is_good_for_one_open_order(venue):
    venue.place(client_oid=OWN)
    assert refusal(venue, client_oid=OWN, price="49000") == (400, "Duplicate client_oid")
    venue.call("DELETE", f"/orders/client:{OWN}")
    assert venue.place(client_oid=OWN, price="49000")["status"] == "pending"


def test_lists_are_newest_first_and_go_on_by_cursors(venue):
    ids = [venue.place(price=str(49000 + n))["id"] for n in range(5)]
    first = venue.answer("GET", "/orders?limit=2")
    assert [o["id"] for o in _rows(first)] == [ids[4], ids[3]]
    older = venue.answer("GET", f"/orders?limit=2&after={first.headers['cb-after']}")
    assert [o["id"] for o in _rows(older)] == [ids[2], ids[1]]
    last = venue.answer("GET", f"/orders?limit=2&after={older.headers['cb-after']}")
    assert [o["id"] for o in _rows(last)] == [ids[0]]
    assert "cb-after" not in last.headers
    newer = venue.answer("GET", f"/orders?limit=2&before={last.headers['cb-before']}")
    assert [o["id"] for o in _rows(newer)] == [ids[2], ids[1]]
    by_price = venue.get("/orders?sortedBy=price&sorting=asc")
    assert [o["id"] for o in by_price] == ids


def _rows(response):
    return json.loads(response.body)


def test_what_no_list_understands_is_refused(venue):
    for query in ("status=closed", "limit=0", "limit=x", "before=x", "sorting=up", "start_date=?"):
        assert venue.call("GET", f"/orders?{query}")[0] == 400, query


def test_fills_have_ones_own_side_and_liquidity(venue):
    maker = venue.place()
    taker = venue.place(venue.other_key, side="sell")
    (mine,) = venue.get(f"/fills?order_id={maker['id']}")
    (theirs,) = venue.get("/fills?product_id=BTC-USDT", key=venue.other_key)
    assert (mine["side"], mine["liquidity"]) == ("buy", "M")
    assert (theirs["side"], theirs["liquidity"]) == ("sell", "T")
    assert mine["trade_id"] == theirs["trade_id"]
    assert (mine["price"], mine["fee"]) == ("50000.00000000", "0.5000000000000000")
    assert theirs["order_id"] == taker["id"]
    assert venue.call("GET", "/fills")[0] == 400
