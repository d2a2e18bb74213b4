"""OCO orders: a pair with an id of its own, and two orders of which one cancels the other."""

import pytest

from steelyard.dialects.kucoin.text import oco_id, oco_number, order_id, own_number, waiting_id
from tests.dialects.kucoin.test_stops import STOPS, last_price
from tests.dialects.kucoin.venue import BTC, HF

OCO = "/api/v3/oco"
SELL = {
    "clientOid": "pair-1",
    "symbol": BTC,
    "side": "sell",
    "price": "55000",
    "size": "0.01",
    "stopPrice": "45000",
    "limitPrice": "44000",
}
BUY = {**SELL, "side": "buy", "price": "45000", "stopPrice": "55000", "limitPrice": "56000"}


@pytest.fixture
def venue(venue):
    last_price(venue, "50000")
    return venue


def placed(venue, **changes) -> str:
    return venue.call("POST", f"{OCO}/order", {**SELL, **changes})["orderId"]


@pytest.mark.parametrize("terms", [SELL, BUY])
def test_a_pair_is_one_thing_and_two_orders(venue, terms):
    name = placed(venue, **terms)
    told = venue.get(f"{OCO}/order/{name}")
    assert told == venue.get(f"{OCO}/client-order/pair-1")
    assert [told] == venue.get(f"{OCO}/orders")["items"]
    assert [told] == venue.get(f"{OCO}/orders?symbol={BTC}&orderIds={name}")["items"]
    assert (told["orderId"], told["clientOid"], told["status"]) == (name, "pair-1", "NEW")
    details = venue.get(f"{OCO}/order/details/{name}")
    limit, stop = details.pop("orders")
    assert details == told
    assert (limit["price"], limit["stopPrice"]) == (terms["price"], None)
    assert (stop["price"], stop["stopPrice"]) == (terms["limitPrice"], terms["stopPrice"])
    assert {leg["status"] for leg in (limit, stop)} == {"NEW"}
    assert [o["id"] for o in venue.get(f"{HF}/active?symbol={BTC}")] == [limit["id"]]
    assert [o["id"] for o in venue.get(STOPS)["items"]] == [stop["id"]]


@pytest.mark.parametrize("by", ["order/{id}", "client-order/pair-1", "orders?symbol=BTC-USDT"])
def test_it_is_canceled_whole(venue, by):
    name = placed(venue)
    legs = {leg["id"] for leg in venue.get(f"{OCO}/order/details/{name}")["orders"]}
    canceled = venue.call("DELETE", f"{OCO}/{by.format(id=name)}")
    assert set(canceled["cancelledOrderIds"]) == legs
    assert venue.get(f"{OCO}/order/{name}")["status"] == "CANCELLED"
    assert venue.get(STOPS)["items"] == venue.get(f"{HF}/active?symbol={BTC}") == []
    again = venue.refused("DELETE", f"{OCO}/order/{name}")
    assert again[2] == "order_not_exist_or_not_allow_to_cancel"


def test_its_limit_trades_and_the_stop_goes(venue):
    name = placed(venue)
    venue.place(venue.bob, price="55000", size="0.004")
    assert venue.get(f"{OCO}/order/{name}")["status"] == "TRIGGERED"
    assert venue.get(STOPS)["items"] == []
    venue.place(venue.bob, price="55000", size="0.006")
    assert venue.get(f"{OCO}/order/{name}")["status"] == "DONE"
    limit, stop = venue.get(f"{OCO}/order/details/{name}")["orders"]
    assert (limit["status"], stop["status"]) == ("DONE", "CANCELLED")


def test_its_stop_is_triggered_and_the_limit_goes(venue):
    name = placed(venue)
    last_price(venue, "45000")
    assert venue.get(f"{OCO}/order/{name}")["status"] == "TRIGGERED"
    limit, stop = venue.get(f"{OCO}/order/details/{name}")["orders"]
    assert (limit["status"], stop["status"]) == ("CANCELLED", "TRIGGERED")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stopPrice": "56000"}, "stopPrice is invalid"),
        ({"clientOid": "a b"}, "clientOid is invalid"),
        ({"tradeType": "MARGIN_TRADE"}, "tradeType is invalid"),
        ({"price": "49000"}, "The post-only order would match"),
        ({"size": "10000"}, "Order size above the maximum requirement."),
    ],
)
def test_what_does_not_go_is_refused_whole(venue, changes, message):
    venue.place(price="49500")
    assert venue.refused("POST", f"{OCO}/order", {**SELL, **changes})[2] == message
    assert venue.get(f"{OCO}/orders")["items"] == []
    assert venue.get(STOPS)["items"] == []


def test_a_name_is_good_for_one_pair(venue):
    placed(venue)
    assert "clientOid" in venue.refused("POST", f"{OCO}/order", SELL)[2].replace(
        "ClientOid", "clientOid"
    )
    assert len(venue.get(f"{OCO}/orders")["items"]) == 1


def test_an_id_is_of_a_pair_or_of_an_order(venue):
    for number in (1, 2, 12345, 2**40):
        name = oco_id(number)
        assert oco_number(name) == number
        assert own_number(name) is None
        assert oco_number(order_id(number)) is None
        assert oco_number(waiting_id(number)) is None
    limit = order_id(1)
    for name in (limit, "0" * 24, "vs" + "0" * 22):
        assert venue.refused("GET", f"{OCO}/order/{name}")[2] == "order not exist."
