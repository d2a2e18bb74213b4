"""Orders over the newer routes, through the real gate."""

import pytest

from tests.dialects.kucoin.venue import BTC, HF, order


def test_an_order_rests_is_found_by_either_id_and_canceled(venue):
    placed = venue.place(clientOid="mine-1", postOnly=True, stp="CN", remark="first")
    assert placed["clientOid"] == "mine-1"
    found = venue.order(placed["orderId"])
    assert found == venue.get(f"{HF}/client-order/mine-1?symbol={BTC}")
    assert (found["active"], found["inOrderBook"], found["cancelExist"]) == (True, True, False)
    assert (found["price"], found["size"], found["funds"]) == ("50000", "0.01", "500")
    assert (found["remainSize"], found["remainFunds"], found["stp"]) == ("0.01", "500", "CN")
    assert [o["id"] for o in venue.get(f"{HF}/active?symbol={BTC}")] == [placed["orderId"]]
    assert venue.get(f"{HF}/active/symbols") == {"symbols": [BTC]}
    assert venue.get(f"{HF}/active/page?symbol={BTC}&pageNum=1")["totalNum"] == 1
    assert venue.get(f"{HF}/active?symbol=ETH-USDT") == []
    target = f"{HF}/{placed['orderId']}?orderId=again&symbol={BTC}"
    assert venue.call("DELETE", target) == {"orderId": placed["orderId"]}
    over = venue.order(placed["orderId"])
    assert (over["active"], over["cancelExist"], over["cancelledSize"]) == (False, True, "0.01")
    assert venue.get(f"{HF}/done?symbol={BTC}")["items"] == [over]
    again = venue.refused("DELETE", target)
    assert again == (200, "400100", "order_not_exist_or_not_allow_to_cancel")


def test_what_filled_is_told_with_its_fee_in_the_quote_asset(venue):
    made = venue.place(size="0.02")
    took = venue.place(venue.bob, side="sell", size="0.01", timeInForce="IOC")
    maker, taker = venue.order(made["orderId"]), venue.order(took["orderId"], venue.bob)
    assert (maker["dealSize"], maker["dealFunds"], maker["fee"]) == ("0.01", "500", "0.5")
    assert (taker["active"], taker["cancelExist"], taker["feeCurrency"]) == (False, False, "USDT")
    (fill,) = venue.get(f"/api/v1/hf/fills?symbol={BTC}")["items"]
    assert (fill["liquidity"], fill["feeRate"], fill["funds"]) == ("maker", "0.001", "500")
    (theirs,) = venue.get(f"/api/v1/hf/fills?symbol={BTC}&orderId={took['orderId']}", venue.bob)[
        "items"
    ]
    assert (theirs["liquidity"], theirs["tradeId"]) == ("taker", fill["tradeId"])
    assert theirs["id"] != fill["id"]


def test_lists_go_on_where_a_page_ended(venue):
    ids = [venue.place(price=str(40_000 + n))["orderId"] for n in range(5)]
    venue.call("DELETE", f"{HF}?symbol={BTC}")
    told, last = [], None
    for _ in range(3):
        more = "" if last is None else f"&lastId={last}"
        page = venue.get(f"{HF}/done?symbol={BTC}&limit=2{more}")
        told += [o["id"] for o in page["items"]]
        last = page["lastId"]
    assert told == ids[::-1]
    assert venue.get(f"{HF}/done?symbol={BTC}&side=sell")["items"] == []
    assert venue.refused("GET", f"{HF}/done?symbol={BTC}&limit=0")[2] == "limit is invalid"


def test_sync_routes_tell_what_became_of_an_order_at_once(venue):
    venue.place(venue.bob, side="sell", size="0.004")
    placed = venue.place(path=f"{HF}/sync", clientOid="mine-2")
    assert (placed["dealSize"], placed["remainSize"]) == ("0.004", "0.006")
    assert (placed["status"], placed["clientOid"]) == ("open", "mine-2")
    gone = venue.call("DELETE", f"{HF}/sync/client-order/mine-2?symbol={BTC}")
    assert (gone["status"], gone["canceledSize"]) == ("done", "0.006")


def test_post_only_that_would_take_is_accepted_and_canceled(venue):
    venue.place(venue.bob, side="sell")
    for path in (HF, f"{HF}/sync", "/api/v1/orders"):
        placed = venue.place(path=path, postOnly=True, clientOid=f"mine{path[-4:].strip('/')}")
        told = venue.order(placed["orderId"])
        assert (told["active"], told["cancelExist"], told["dealSize"]) == (False, True, "0")
        if "status" in placed:
            assert (placed["status"], placed["dealSize"]) == ("done", "0")


def test_a_market_order_is_sized_in_either_asset(venue):
    venue.place(venue.bob, side="sell", size="1")
    by_size = venue.place(type="market", price=None, size="0.01", timeInForce="GTC", cancelAfter=-1)
    assert venue.order(by_size["orderId"])["dealFunds"] == "500"
    by_funds = venue.place(type="market", price="0", size=None, funds="250")
    told = venue.order(by_funds["orderId"])
    assert (told["dealSize"], told["dealFunds"], told["active"]) == ("0.005", "250", False)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"symbol": "NOPE-USDT"}, ("900001", "symbol not exists")),
        ({"size": "100"}, ("200004", "Balance insufficient!")),
        ({"size": "0.000001"}, ("400100", "Order size increment invalid.")),
        ({"size": "0"}, ("400100", "Order size below the minimum requirement.")),
        ({"price": "0.001"}, ("400100", "Price increment invalid.")),
        ({"price": "-1"}, ("400100", "Order price out of range.")),
        ({"size": "0.00001"}, ("600101", "Order funds below the minimum requirement.")),
        ({"size": None}, ("400100", "size is required")),
        ({"price": "NaN"}, ("400100", "price is invalid")),
        ({"clientOid": "no spaces"}, ("400100", "clientOid is invalid")),
        ({"clientOid": "x" * 41}, ("400100", "clientOid is invalid")),
        ({"timeInForce": "GTT"}, ("400100", "cancelAfter is invalid")),
        ({"iceberg": True}, ("400100", "visibleSize is required")),
        (
            {"iceberg": True, "visibleSize": "0.0001"},
            ("400100", "validation.createOrder.visibleSizeInvalid"),
        ),
        ({"type": "market", "price": None, "size": "1", "funds": "1"}, ("400100", None)),
        ({"type": "market", "price": None, "stp": "DC"}, ("400100", "stp is invalid")),
        ({"stopPrice": "1"}, ("400100", "stopPrice is invalid")),
        ({"tradeType": "MARGIN_TRADE"}, ("400100", "tradeType is invalid")),
        ({"remark": "x" * 21}, ("400100", "remark is invalid")),
        (
            {"clientTimestamp": 1, "allowMaxTimeWindow": 5},
            ("400100", "clientTimestamp is invalid"),
        ),
    ],
)
def test_refusals_have_the_venues_codes_and_texts(venue, fields, expected):
    code, text = venue.cannot(**fields)
    assert code == expected[0]
    assert expected[1] in (None, text)
    assert venue.get(f"{HF}/active?symbol={BTC}") == []
    assert venue.refused("POST", f"{HF}/test", order(**fields)) if code == "400100" else True


def test_a_client_id_is_taken_while_its_order_is_open(venue):
    venue.place(clientOid="mine-3")
    assert venue.cannot(clientOid="mine-3") == (
        "400100",
        "validation.createOrder.clientOidDuplicated",
    )


def test_a_test_places_nothing(venue):
    assert venue.place(path=f"{HF}/test", clientOid="mine-4")["clientOid"] == "mine-4"
    assert venue.get(f"{HF}/active?symbol={BTC}") == []


def test_several_are_placed_each_for_itself(venue):
    asked = [
        order(clientOid="a"),
        order(size="0.00001", clientOid="b"),
        order(price="0.001", clientOid="c"),
        order(type="market", clientOid="d"),
        order(clientOid="e"),
    ]
    rows = venue.call("POST", f"{HF}/multi", {"symbol": BTC, "orderList": asked})
    assert [row["success"] for row in rows] == [True, False, False, False, True]
    assert "below the minimum" in rows[1]["failMsg"]
    assert rows[4]["clientOid"] == "e"
    (synced,) = venue.call("POST", f"{HF}/multi/sync", {"orderList": [order()]})
    assert (synced["success"], synced["status"]) == (True, "open")
    refused = venue.refused("POST", f"{HF}/multi", {"orderList": [order()] * 6})
    assert refused[2] == "orderList is invalid"
    assert len(venue.get(f"{HF}/active?symbol={BTC}")) == 3


def test_all_of_a_symbol_and_all_at_once_are_canceled(venue):
    venue.place()
    venue.place(symbol="ETH-USDT", price="2000", size="0.1")
    assert venue.call("DELETE", f"{HF}?symbol={BTC}") == "success"
    assert venue.get(f"{HF}/active/symbols") == {"symbols": ["ETH-USDT"]}
    every = {"succeedSymbols": ["ETH-USDT"], "failedSymbols": []}
    assert venue.call("DELETE", f"{HF}/cancelAll") == every
    assert venue.call("DELETE", f"{HF}/cancelAll")["succeedSymbols"] == []
    assert venue.call("DELETE", f"{HF}?symbol={BTC}") == "success"


def test_a_part_is_canceled_and_the_rest_keeps_its_place(venue):
    first, second = venue.place(), venue.place()
    target = f"{HF}/cancel/{first['orderId']}?symbol={BTC}&cancelSize="
    assert venue.call("DELETE", f"{target}0.004")["cancelSize"] == "0.004"
    assert venue.order(first["orderId"])["size"] == "0.006"
    assert venue.refused("DELETE", f"{target}0.006")[2] == "cancelSize is invalid"
    venue.place(venue.bob, side="sell", size="0.006")
    assert not venue.order(first["orderId"])["active"]
    assert venue.order(second["orderId"])["dealSize"] == "0"


def test_alter_puts_another_order_in_its_place(venue):
    placed = venue.place(clientOid="mine-5")
    venue.place(venue.bob, side="sell", size="0.004")
    body = {"symbol": BTC, "orderId": placed["orderId"], "newPrice": "49000", "newSize": "0.01"}
    altered = venue.call("POST", f"{HF}/alter", body)
    assert altered["newOrderId"] != placed["orderId"]
    assert altered["clientOid"] == "mine-5"
    new = venue.order(altered["newOrderId"])
    assert (new["price"], new["size"], new["active"]) == ("49000", "0.006", True)
    assert not venue.order(placed["orderId"])["active"]
    smaller = {"symbol": BTC, "clientOid": "mine-5", "newSize": "0.006"}
    assert venue.call("POST", f"{HF}/alter", smaller)["newOrderId"]
    assert venue.refused("POST", f"{HF}/alter", {"symbol": BTC, "orderId": "x"})[1] == "400100"
    gone = venue.refused("POST", f"{HF}/alter", body)
    assert gone[2] == "order_not_exist_or_not_allow_to_cancel"


def test_another_accounts_order_is_not_there(venue):
    placed = venue.place()
    target = f"{HF}/{placed['orderId']}?symbol={BTC}"
    assert venue.refused("GET", target, key=venue.bob)[2] == "order not exist."
    assert venue.refused("DELETE", target, key=venue.bob)[1] == "400100"
    assert venue.refused("GET", target.replace(BTC, "ETH-USDT"))[2] == "order not exist."
    assert venue.refused("GET", f"{HF}/nonsense?symbol={BTC}")[2] == "order not exist."


def test_a_good_till_time_order_ends_after_its_seconds(venue):
    placed = venue.place(timeInForce="GTT", cancelAfter=30)
    assert venue.order(placed["orderId"])["cancelAfter"] == 30
    venue.pass_time(31)
    assert not venue.order(placed["orderId"])["active"]


def test_what_is_hidden_is_not_in_the_book(venue):
    venue.place(hidden=True)
    assert venue.public(f"/api/v1/market/orderbook/level2_20?symbol={BTC}")["bids"] == []
    placed = venue.place(iceberg=True, visibleSize="0.001", price="49000")
    book = venue.public(f"/api/v1/market/orderbook/level2_20?symbol={BTC}")
    assert book["bids"] == [["49000", "0.001"]]
    told = venue.order(placed["orderId"])
    assert (told["iceberg"], told["visibleSize"], told["hidden"]) == (True, "0.001", False)
