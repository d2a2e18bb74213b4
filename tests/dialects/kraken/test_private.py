"""An account's channels: every entry whole, each message numbered per connection."""

import pytest

from steelyard.dialects.kraken.limits import LIMITS
from steelyard.dialects.kraken.private import numbered
from steelyard.wire.limits import UNLIMITED
from tests.dialects.kraken.venue import Venue


@pytest.fixture
def socket(venue):
    socket = venue.open("/wsauth/v2")
    socket.hear()
    return socket


def follow(venue, socket, channel="executions", **params):
    wanted = {"channel": channel, "token": venue.token(), **params}
    return socket.say(method="subscribe", params=wanted)


def told(socket):
    return [(f["data"][0]["exec_type"], f["data"][0]["order_status"]) for f in socket.hear()]


def test_a_token_is_needed_and_is_worth_what_its_key_is(venue, socket):
    for token in (None, "wrong"):
        params = {"channel": "executions"} | ({"token": token} if token else {})
        (answer,) = socket.say(method="subscribe", params=params)
        assert answer["error"] == "ESession:Invalid session"
    token = venue.token()
    venue.desk.admin.revoke_key(venue.alice.key, venue.desk.now_ns)
    (answer,) = socket.say(method="subscribe", params={"channel": "executions", "token": token})
    assert answer["error"] == "ESession:Invalid session"


def test_a_subscription_begins_with_what_is_open(venue, socket):
    txid = venue.add(cl_ord_id="mine")
    answer, snapshot = follow(venue, socket)
    assert answer["result"] == {
        "channel": "executions",
        "maxratecount": 180,
        "snap_orders": True,
        "snap_trades": False,
        "order_status": True,
    }
    assert (snapshot["type"], snapshot["sequence"]) == ("snapshot", 1)
    (order,) = snapshot["data"]
    assert (order["order_id"], order["cl_ord_id"]) == (txid, "mine")


def test_an_order_is_told_from_its_beginning_to_its_end(venue, socket):
    follow(venue, socket)
    txid = venue.add(cl_ord_id="mine")
    venue.add(venue.bob, type="sell", volume="0.004")
    venue.add(venue.bob, type="sell", volume="0.006")
    frames = socket.hear()
    assert [(f["data"][0]["exec_type"], f["data"][0]["order_status"]) for f in frames] == [
        ("pending_new", "pending_new"),
        ("new", "new"),
        ("trade", "partially_filled"),
        ("trade", "filled"),
        ("filled", "filled"),
    ]
    assert [f["sequence"] for f in frames] == [2, 3, 4, 5, 6]
    assert all(len(f["data"]) == 1 for f in frames)
    for f in frames:
        (entry,) = f["data"]
        wanted = {"order_id": txid, "symbol": "BTC/USDT", "cl_ord_id": "mine", "side": "buy"}
        assert {**entry, **wanted, "order_qty": 0.01, "limit_price": 50000.0} == entry
    trade = frames[3]["data"][0]
    wanted = {"last_qty": 0.006, "last_price": 50000.0, "liquidity_ind": "m", "cum_qty": 0.01}
    assert {**trade, **wanted, "fees": [{"asset": "USDT", "qty": 0.3}]} == trade
    assert trade["exec_id"] in venue.result("TradesHistory")["trades"]


def test_ends_tell_why(venue, socket):
    follow(venue, socket)
    txid = venue.add()
    venue.result("AmendOrder", txid=txid, limit_price="49000")
    venue.result("CancelOrder", txid=txid)
    venue.add(timeinforce="IOC")
    frames = socket.hear()
    assert [f["data"][0]["exec_type"] for f in frames] == [
        *("pending_new", "new", "amended", "canceled"),
        *("pending_new", "new", "canceled"),
    ]
    assert frames[3]["data"][0]["reason"] == "User requested"
    assert frames[-1]["data"][0]["cancel_reason"] == "IOC order remainder"


def test_who_wants_no_states_hears_trades_and_ends(venue, socket):
    follow(venue, socket, order_status=False)
    venue.add()
    venue.add(venue.bob, type="sell")
    assert told(socket) == [("trade", "filled"), ("filled", "filled")]


def test_numbers_are_each_connections_own(venue, socket):
    follow(venue, socket)
    venue.add()
    socket.hear()
    other = venue.open("/auth/v2")
    follow(venue, other)
    venue.add()
    assert [f["sequence"] for f in other.hear()] == [2, 3]
    assert [f["sequence"] for f in socket.hear()] == [4, 5]


def test_nobody_hears_another_account(venue, socket):
    follow(venue, socket)
    venue.add(venue.bob)
    assert socket.hear() == []


def test_the_newest_trades_come_with_the_snapshot_where_they_are_asked_for(venue, socket):
    venue.add(venue.bob, type="sell")
    venue.add()
    _, _, trades = follow(venue, socket, snap_trades=True)
    assert [entry["exec_type"] for entry in trades["data"]] == ["trade"]


def test_balances_tell_by_how_much_they_changed(venue, socket):
    _, snapshot = follow(venue, socket, "balances")
    assert {b["asset"]: b["balance"] for b in snapshot["data"]} == {"BTC": 100, "USDT": 1_000_000}
    venue.add()  # what an order holds is still there
    ((held,),) = (f["data"] for f in socket.hear())
    assert (held["amount"], held["balance"], held["hold_trade"]) == (0, 1_000_000, 500.5)
    venue.add(venue.bob, type="sell")
    changes = [f["data"][0] for f in socket.hear()]
    assert {c["asset"]: (c["amount"], c["balance"], c["hold_trade"]) for c in changes} == {
        "BTC": (0.01, 100.01, 0),
        "USDT": (-500.5, 999499.5, 0),
    }


def test_a_number_is_added_to_a_message():
    assert numbered(b'{"channel":"x"}', 7) == b'{"channel":"x","sequence":7}'


def test_who_asks_for_it_hears_the_counter_of_the_pair():
    """1 for the order, and 8 for canceling it at once, by the time that is heard."""
    venue = Venue(LIMITS)
    socket = venue.open("/wsauth/v2")
    socket.hear()
    follow(venue, socket, ratecounter=True)
    txid = venue.add()
    venue.result("CancelOrder", txid=txid)
    heard = [f["data"][0] for f in socket.hear()]
    kinds = [(entry["exec_type"], entry["ratecount"]) for entry in heard]
    assert kinds == [("pending_new", 1), ("new", 1), ("canceled", 9)]


@pytest.mark.parametrize(("limits", "asks"), [(LIMITS, False), (UNLIMITED, True)])
def test_nobody_else_does(limits, asks):
    venue = Venue(limits)
    socket = venue.open("/wsauth/v2")
    socket.hear()
    follow(venue, socket, ratecounter=asks)
    venue.add()
    assert all("ratecount" not in f["data"][0] for f in socket.hear())
