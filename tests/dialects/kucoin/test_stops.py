"""Orders that wait for their price: a book of their own, and what they become."""

import pytest

from tests.dialects.kucoin.venue import BTC, HF

STOPS = "/api/v1/stop-order"


def last_price(venue, price):
    venue.place(price=price, size="0.001")
    venue.place(venue.bob, side="sell", price=price, size="0.001")


def test_an_order_waits_in_a_book_of_its_own(venue):
    last_price(venue, "50000")
    asked = {"side": "sell", "price": "39000", "stop": "loss", "stopPrice": "40000"}
    placed = venue.place(path=STOPS, clientOid="s1", **asked)
    assert placed["orderId"].startswith("vs")
    told = venue.get(f"{STOPS}/{placed['orderId']}")
    assert [told] == venue.get(f"{STOPS}/queryOrderByClientOid?clientOid=s1&symbol={BTC}")
    assert [told] == venue.get(f"{STOPS}?symbol={BTC}&stop=stop")["items"]
    assert [told] == venue.get(f"{STOPS}?orderIds={told['id']},vs{'0' * 22}")["items"]
    assert (told["status"], told["stop"], told["stopPrice"]) == ("NEW", "loss", "40000")
    assert venue.get(f"{HF}/active?symbol={BTC}") == []
    assert venue.refused("GET", f"{HF}/client-order/s1?symbol={BTC}")[2] == "order not exist."
    canceled = venue.call("DELETE", f"{STOPS}/{told['id']}")
    assert canceled == {"cancelledOrderIds": [told["id"]]}
    again = venue.refused("DELETE", f"{STOPS}/{told['id']}")
    assert again[2] == "order_not_exist_or_not_allow_to_cancel"
    assert venue.refused("GET", f"{STOPS}/{told['id']}")[2] == "order not exist."
    assert venue.get(f"{STOPS}/queryOrderByClientOid?clientOid=s1") == []


@pytest.mark.parametrize("kind", ["limit", "market"])
def test_a_triggered_one_is_an_order_under_another_id(venue, kind):
    last_price(venue, "50000")
    asked = {"side": "sell", "stop": "loss", "stopPrice": "45000", "type": kind}
    price = {"price": "44000" if kind == "limit" else None}
    placed = venue.place(path=STOPS, clientOid="s2", **asked, **price)
    last_price(venue, "45000")
    told = venue.get(f"{STOPS}/{placed['orderId']}")
    assert (told["status"], bool(told["stopTriggerTime"])) == ("TRIGGERED", True)
    order = venue.order(told["relatedNo"])
    assert order["id"] != placed["orderId"]
    assert (order["clientOid"], order["type"]) == ("s2", kind)
    assert order["active"] == (kind == "limit")
    assert venue.get(STOPS)["items"] == []
    assert venue.refused("DELETE", f"{STOPS}/{placed['orderId']}")[1] == "400100"


@pytest.mark.parametrize(
    ("side", "price", "stop"),
    [
        ("sell", "40000", "loss"),
        ("sell", "60000", "entry"),
        ("buy", "60000", "entry"),
        ("buy", "40000", "loss"),
    ],
)
def test_which_way_it_waits_goes_by_the_last_price_where_it_is_not_said(venue, side, price, stop):
    last_price(venue, "50000")
    placed = venue.place(path=STOPS, side=side, price=price, stopPrice=price)
    assert venue.get(f"{STOPS}/{placed['orderId']}")["stop"] == stop


def test_several_are_canceled_by_symbol_id_or_client_id(venue):
    last_price(venue, "50000")
    asked = {"side": "sell", "price": "39000", "stopPrice": "40000"}
    ids = [venue.place(path=STOPS, clientOid=f"s{n}", **asked)["orderId"] for n in range(4)]
    target = f"{STOPS}/cancelOrderByClientOid?clientOid=s0&symbol={BTC}"
    assert venue.call("DELETE", target) == {"cancelledOrderId": ids[0], "clientOid": "s0"}
    named = venue.call("DELETE", f"{STOPS}/cancel?symbol={BTC}&orderIds={ids[1]}")
    assert named == {"cancelledOrderIds": [ids[1]]}
    rest = venue.call("DELETE", f"{STOPS}/cancel?symbol={BTC}")["cancelledOrderIds"]
    assert sorted(rest) == sorted(ids[2:])
    assert venue.call("DELETE", f"{STOPS}/cancel") == {"cancelledOrderIds": []}


def test_what_cannot_wait_is_refused(venue):
    last_price(venue, "50000")
    assert venue.cannot(path=STOPS) == ("400100", "stopPrice is required")
    by_funds = {"type": "market", "price": None, "size": None, "funds": "100"}
    assert venue.cannot(path=STOPS, stopPrice="40000", **by_funds)[1] == "size is required"
    there = venue.cannot(path=STOPS, side="sell", stop="loss", stopPrice="60000")
    assert there == ("300001", "The stop price has been reached already")
