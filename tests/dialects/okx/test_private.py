import pytest

from steelyard.dialects.okx import private
from steelyard.dialects.okx.order_messages import OrderInfo
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import Execution
from steelyard.sim.stand import BTC_USDT
from tests.dialects.okx.test_algos import SL
from tests.dialects.okx.venue import PAIR

LISTINGS = Listings([BTC_USDT])


@pytest.fixture
def orders(market):
    socket = market.open("private", market.alice)
    assert socket.subscribe("orders", instType="SPOT") == []
    return socket


def test_an_order_is_told_from_live_to_its_last_fill(market, orders):
    """Each execution by itself, with its fee and with what has been paid in all."""
    number = market.place(sz="0.03", clOrdId="mine")
    for _ in range(3):
        market.place(market.bob, side="sell", px="50000")
    rows = orders.heard("orders")
    assert {(row["ordId"], row["clOrdId"]) for row in rows} == {(number, "mine")}
    assert [row["state"] for row in rows] == ["live", *["partially_filled"] * 2, "filled"]
    assert [row["accFillSz"] for row in rows] == ["0", "0.01", "0.02", "0.03"]
    assert [row["fillSz"] for row in rows] == ["0", "0.01", "0.01", "0.01"]
    assert [row["tradeId"] for row in rows] == ["", "2", "3", "4"]
    fee = float(rows[1]["fillFee"])
    assert fee < 0
    assert [float(row["fee"]) for row in rows] == pytest.approx([0, fee, 2 * fee, 3 * fee])
    assert {row["fillFeeCcy"] for row in rows[1:]} == {"BTC"}
    assert {row["execType"] for row in rows[1:]} == {"M"}


def test_who_comes_late_hears_what_was_paid_before(market):
    number = market.place(sz="0.02")
    market.place(market.bob, side="sell", px="50000")
    socket = market.open("private", market.alice)
    socket.subscribe("orders", instType="ANY", instId=PAIR)
    market.place(market.bob, side="sell", px="50000")
    (row,) = socket.heard("orders")
    assert row["fee"] == market.one(number)["fee"]
    assert float(row["fee"]) == pytest.approx(2 * float(row["fillFee"]))


def test_changes_and_ends_are_told(market, orders):
    number = market.place()
    change = {"instId": PAIR, "ordId": number, "newPx": "49500"}
    market.post("trade/amend-order", change)
    market.post("trade/cancel-order", {"instId": PAIR, "ordId": number})
    live, amended, canceled = orders.heard("orders")
    assert (live["state"], live["amendResult"]) == ("live", "")
    assert (amended["px"], amended["amendSource"], amended["amendResult"]) == ("49500", "1", "0")
    assert (canceled["state"], canceled["cancelSource"]) == ("canceled", "1")


def test_a_post_only_order_that_would_take_is_told_as_canceled_alone(market, orders):
    market.place(ordType="post_only", px="51000")
    (row,) = orders.heard("orders")
    assert (row["state"], row["cancelSource"]) == ("canceled", "31")


def test_what_was_refused_is_told_to_nobody(market, orders):
    market.post("trade/order", market.order(sz="100"))
    assert orders.heard("orders") == []


@pytest.mark.parametrize("arg", [{"instType": "SWAP"}, {"instType": "SPOT", "instId": "ETH-USDT"}])
def test_other_instruments_are_not_told(market, arg):
    socket = market.open("private", market.alice)
    socket.subscribe("orders", **arg)
    market.place()
    assert socket.heard("orders") == []


def test_an_order_that_waits_is_told_on_a_channel_of_its_own(market, orders):
    waiting = market.open("business", market.alice)
    waiting.subscribe("orders-algo", instType="ANY")
    number = market.algo(**SL)["algoId"]
    (row,) = waiting.heard("orders-algo")
    assert (row["algoId"], row["state"], row["ordType"]) == (number, "live", "conditional")
    assert orders.heard("orders") == []
    market.place(market.bob, px="47000", sz="1")
    market.place(px="48000")
    market.place(market.bob, side="sell", px="48000")
    (row,) = waiting.heard("orders-algo")
    assert (row["state"], row["ordId"]) == ("effective", number)
    told = [row for row in orders.heard("orders") if row["algoId"] == number]
    assert [row["state"] for row in told] == ["live", "filled"]
    gone = market.algo(**SL, side="sell", algoClOrdId="mine")
    assert gone["sCode"] == "51280", "the price is there by now"


def test_fills_have_a_channel_too(market):
    socket = market.open("private", market.alice)
    socket.subscribe("fills", instId=PAIR)
    number = market.place(px="51000", sz="0.1", clOrdId="mine")
    (fill,) = socket.heard("fills")
    assert fill == {
        **fill,
        "ordId": number,
        "clOrdId": "mine",
        "fillSz": "0.1",
        "fillPx": "51000",
        "side": "buy",
        "execType": "T",
    }


def test_balances_are_told_when_they_change(market):
    socket = market.open("private", market.alice)
    socket.subscribe("account", ccy="USDT")
    socket.subscribe("balance_and_position")
    market.place(sz="1", px="40000")
    told = socket.hear()
    by_channel = {message["arg"]["channel"]: message for message in told}
    account = by_channel["account"]
    assert account["eventType"] == "event_update"
    (usdt,) = (d for d in account["data"][0]["details"] if d["ccy"] == "USDT")
    assert usdt["frozenBal"] == "40000"
    (row,) = by_channel["balance_and_position"]["data"]
    assert {balance["ccy"] for balance in row["balData"]} >= {"USDT"}
    assert socket.subscribe("positions", instType="ANY")[0]["data"] == []


# -- from the wire ------------------------------------------------------------------------------


def pushed(**fields):
    told = {"instId": PAIR, "ordId": "7", "sz": "0.01", "px": "50000", "ordType": "limit"}
    told |= {"side": "buy", "state": "live", "cTime": "1", "uTime": "2"}
    return OrderInfo(**told | fields)


FILL = {
    "tradeId": "5",
    "fillSz": "0.01",
    "fillPx": "50000",
    "fillTime": "2",
    "fillFee": "-0.00001",
    "fillFeeCcy": "BTC",
    "accFillSz": "0.01",
    "execType": "M",
}


@pytest.mark.parametrize(
    ("fields", "execution"),
    [
        ({}, Execution.NEW),
        ({"algoId": "3"}, Execution.TRIGGERED),
        ({"amendResult": "0"}, Execution.AMENDED),
        ({"state": "canceled", "cancelSource": "1"}, Execution.CANCELED),
        ({"state": "canceled", "cancelSource": "14"}, Execution.EXPIRED),
        ({"state": "filled", **FILL}, Execution.FILL),
        ({"state": "partially_filled", "sz": "0.02", **FILL}, Execution.FILL),
        ({"state": "filled", "accFillSz": "0.01"}, None),
    ],
)
def test_a_push_says_what_has_happened(fields, execution):
    event = private.order_event(pushed(**fields), LISTINGS)
    assert (event and event.execution) == execution


def test_a_fill_that_is_told_in_half_is_an_error():
    half = {name: value for name, value in FILL.items() if name != "fillFee"}
    with pytest.raises(DecodeError, match="fee"):
        private.order_event(pushed(state="filled", **half), LISTINGS)


def test_instruments_that_are_not_listed_are_passed_over():
    import msgspec

    rows = msgspec.json.encode((pushed(instId="ETH-USDT"), pushed(instType="SWAP"), pushed()))
    assert len(private.rows_read(rows, LISTINGS)) == 1
    with pytest.raises(DecodeError):
        private.rows_read(b"[5]", LISTINGS)
    with pytest.raises(DecodeError):
        private.balances_read(b"[5]", LISTINGS)
