import pytest

from steelyard.dialects.kraken.text import id_text
from steelyard.domain.commands import ListInstrument
from tests.shared.desk import ETH_USDT


def test_an_edited_order_is_another_one(venue):
    old = venue.add()
    told = venue.result("EditOrder", txid=old, pair="XBTUSDT", price="49000", volume="0.02")
    assert told == {
        "status": "ok",
        "txid": told["txid"],
        "originaltxid": old,
        "volume": "0.02000000",
        "price": "49000",
        "price2": "0",
        "orders_cancelled": 1,
        "descr": {"order": "buy 0.02000000 XBTUSDT @ limit 49000.00"},
    }
    assert [*venue.result("OpenOrders")["open"]] == [told["txid"]]
    assert venue.order(old)["status"] == "canceled"


def test_what_an_edit_does_not_name_stays(venue):
    stop = venue.add(
        ordertype="stop-loss-limit", price="60000", price2="60100", oflags="post", expiretm="+60"
    )
    new = venue.result("EditOrder", txid=stop, pair="XBTUSDT", volume="0.02")["txid"]
    one, other = venue.order(stop), venue.order(new)
    for name in ("price", "price2", "ordertype", "type"):
        assert one["descr"][name] == other["descr"][name]
    assert (one["oflags"], one["expiretm"]) == (other["oflags"], other["expiretm"])


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"txid": id_text("O", 9)}, "EOrder:Unknown order"),
        ({"txid": "x"}, "EOrder:Invalid order"),
        ({"price": "0"}, "EGeneral:Invalid arguments:price"),
        ({"pair": "NONE"}, "EQuery:Unknown asset pair"),
        ({"deadline": "2020-01-01T00:00:00Z"}, "EService:Deadline elapsed"),
    ],
)
def test_an_edit_that_is_none_leaves_the_order(venue, params, error):
    txid = venue.add()
    assert venue.error("EditOrder", {"txid": txid, "pair": "XBTUSDT", **params}) == error
    assert [*venue.result("OpenOrders")["open"]] == [txid]


def test_an_edit_may_only_be_checked(venue):
    txid = venue.add()
    told = venue.result("EditOrder", txid=txid, pair="XBTUSDT", price="1000", validate="true")
    assert (told["orders_cancelled"], "txid" in told) == (0, False)
    assert [*venue.result("OpenOrders")["open"]] == [txid]


def test_all_is_canceled_unless_it_is_asked_again_in_time(venue):
    venue.add()
    told = venue.result("CancelAllOrdersAfter", timeout="60")
    assert told == {
        "currentTime": "2023-11-14T22:13:20Z",
        "triggerTime": "2023-11-14T22:14:20Z",
    }
    venue.pass_time(59)
    venue.result("CancelAllOrdersAfter", timeout="60")
    venue.pass_time(59)
    assert len(venue.result("OpenOrders")["open"]) == 1
    venue.pass_time(1)
    assert venue.result("OpenOrders")["open"] == {}
    venue.add()
    venue.pass_time(100)
    assert len(venue.result("OpenOrders")["open"]) == 1  # once


@pytest.mark.parametrize("timeout", ["2", "0"])
def test_a_key_for_some_markets_neither_arms_nor_disarms(venue, timeout):
    """It is about all of the account's orders."""
    venue.desk.exchange.record(ListInstrument(ETH_USDT), venue.desk.tick())
    part = venue.key("alice", products=("ETH-USDT",))
    txid = venue.add()
    venue.result("CancelAllOrdersAfter", timeout="60")
    told = venue.error("CancelAllOrdersAfter", key=part, timeout=timeout)
    assert told == "EGeneral:Permission denied"
    venue.pass_time(59)
    assert [*venue.result("OpenOrders")["open"]] == [txid]
    venue.pass_time(2)
    assert venue.result("OpenOrders")["open"] == {}


def test_a_switch_is_disarmed_by_zero_and_is_each_accounts_own(venue):
    venue.add()
    venue.add(venue.bob, price="40000")
    venue.result("CancelAllOrdersAfter", key=venue.bob, timeout="10")
    venue.result("CancelAllOrdersAfter", timeout="10")
    assert venue.result("CancelAllOrdersAfter", timeout="0")["triggerTime"] == "0"
    venue.pass_time(11)
    assert len(venue.result("OpenOrders")["open"]) == 1
    assert venue.result("OpenOrders", key=venue.bob)["open"] == {}
    assert venue.error("CancelAllOrdersAfter", timeout="-1") == "EGeneral:Invalid arguments:timeout"


def test_over_a_websocket_it_is_the_same(venue):
    socket, token = venue.open("/wsauth/v2"), venue.token()
    txid = venue.add()
    socket.hear()
    params = {"token": token, "order_id": txid, "symbol": "BTC/USDT", "limit_price": 49000}
    (told,) = socket.say(method="edit_order", params=params)
    assert told["result"]["original_order_id"] == txid
    assert venue.order(told["result"]["order_id"])["descr"]["price"] == "49000.00"
    (told,) = socket.say(method="cancel_all_orders_after", params={"token": token, "timeout": 5})
    assert told["result"]["triggerTime"] == "2023-11-14T22:13:25Z"
