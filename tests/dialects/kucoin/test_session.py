"""The WebSocket, the exchange's end: welcome, topics, pings; and what is told on each topic."""

import pytest

from steelyard.dialects.kucoin.session import QUIET_NS
from steelyard.wire.limits import LimitProfile, SocketLimits
from tests.dialects.kucoin.venue import BTC, HF, Venue

STOPS = "/api/v1/stop-order"


def data_of(heard, topic):
    return [message["data"] for message in heard if message.get("topic") == topic]


# -- the conversation ---------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/", "/?token=", "/?token=abc", "/endpoint?token=cHVibGlj"])
def test_who_has_no_token_is_sent_away(venue, target):
    number = venue.connect(target)
    (told,) = venue.heard(number)
    assert (told["type"], told["code"], told["data"]) == ("error", 401, "token is invalid")
    assert venue.lines[number][0].session.closing == (1008, "token is invalid")


def test_an_old_token_is_told_to_be_expired(venue):
    token = venue.public("/api/v1/bullet-public", "POST")["token"]
    venue.pass_time(86_500)
    number = venue.connect(f"/?token={token}")
    assert venue.heard(number)[0]["data"] == "token is expired"


def test_a_ping_is_answered_and_silence_is_not_borne(venue):
    number = venue.open()
    session = venue.lines[number][0].session
    venue.pass_time()
    venue.say(number, {"id": "7", "type": "ping"})
    (pong,) = venue.heard(number)
    assert (pong["id"], pong["type"]) == ("7", "pong")
    venue.pass_time(QUIET_NS // 10**9 - 1)
    assert session.closing is None
    venue.pass_time()
    assert session.closing is not None


def test_a_subscription_is_acknowledged_under_its_own_id_where_that_is_wanted(venue):
    number = venue.open()
    said = {"id": "/market/ticker@@BTC-USDT", "type": "subscribe", "topic": f"/market/match:{BTC}"}
    venue.say(number, said)
    assert venue.heard(number) == []
    venue.say(number, said | {"response": True})
    assert venue.heard(number) == [{"id": "/market/ticker@@BTC-USDT", "type": "ack"}]
    venue.say(number, {**said, "id": 5, "type": "unsubscribe", "response": True})
    assert venue.heard(number) == [{"id": "5", "type": "ack"}]
    venue.place(venue.bob, side="sell")
    venue.place()
    assert venue.heard(number) == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"type": "subscribe", "topic": "/market/nope:BTC-USDT"}, 404),
        ({"type": "subscribe", "topic": "/market/match:NOPE"}, 404),
        ({"type": "subscribe", "topic": "/market/match"}, 404),
        ({"type": "subscribe", "topic": "/market/candles:BTC-USDT_7min"}, 404),
        ({"type": "unsubscribe", "topic": ""}, 404),
        ({"type": "subscribe", "topic": f"/market/match:{','.join([BTC] * 101)}"}, 509),
        ({"type": "subscribe", "topic": "/account/balance"}, 401),
        ({"type": "openTunnel"}, 415),
        ("[]", 415),
        ("\x00", 415),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(venue, said, code):
    number = venue.open()
    venue.say(number, said if isinstance(said, str) else {"id": "1", **said})
    (told,) = venue.heard(number)
    assert (told["type"], told["code"]) == ("error", code)
    assert venue.lines[number][0].session.closing is None


def test_binary_frames_and_floods_end_the_connection():
    venue = Venue(LimitProfile((), sockets=SocketLimits(messages=3, subscriptions=2)))
    number = venue.open()
    venue.lines[number][0].receive(b"{}")
    assert venue.lines[number][0].session.closing[0] == 1003
    number = venue.open()
    venue.say(
        number, {"id": "1", "type": "subscribe", "topic": "/market/ticker:all", "response": True}
    )
    many = f"/market/candles:{BTC}_1min,{BTC}_5min"
    venue.say(number, {"id": "2", "type": "subscribe", "topic": many, "response": True})
    assert [told["type"] for told in venue.heard(number)] == ["ack", "error"]
    for _ in range(4):
        venue.say(number, {"id": "3", "type": "ping"})
    assert venue.lines[number][0].session.closing[0] == 1008


# -- public topics ------------------------------------------------------------------------------


def test_changes_of_the_book_join_the_book_that_is_asked_for(venue):
    """By ranges that begin one above the end of the one before; of a level the newest."""
    topic = f"/market/level2:{BTC}"
    number = venue.follow(topic)
    venue.pass_time()
    placed = venue.place(price="49000", size="0.5")
    book = venue.get(f"/api/v3/market/orderbook/level2?symbol={BTC}")
    venue.place(price="48000", size="0.1")
    venue.pass_time()
    venue.place(venue.bob, side="sell", price="49000", size="0.1")
    venue.call("DELETE", f"{HF}/{placed['orderId']}?symbol={BTC}")
    venue.pass_time()
    first, second = data_of(venue.heard(number), topic)
    assert first["changes"]["bids"] == [["49000", "0.5", "1"], ["48000", "0.1", "2"]]
    assert second["changes"]["bids"] == [["49000", "0", "4"]]
    assert [(t["sequenceStart"], t["sequenceEnd"]) for t in (first, second)] == [(1, 2), (3, 4)]
    assert int(book["sequence"]) == 1


def test_a_trade_is_told_with_both_orders(venue):
    number = venue.follow(f"/market/match:{BTC},ETH-USDT")
    made = venue.place()
    took = venue.place(venue.bob, side="sell", size="0.004")
    (told,) = data_of(venue.heard(number), f"/market/match:{BTC}")
    assert (told["makerOrderId"], told["takerOrderId"]) == (made["orderId"], took["orderId"])
    assert (told["side"], told["price"], told["size"]) == ("sell", "50000", "0.004")
    (listed,) = venue.public(f"/api/v1/market/histories?symbol={BTC}")
    assert told["tradeId"] == told["sequence"] == listed["sequence"]
    assert told["time"] == str(listed["time"])


def test_what_is_told_at_times_names_one_symbol(venue):
    kinds = ("/market/ticker", "/spotMarket/level1", "/spotMarket/level2Depth5", "/market/snapshot")
    number = venue.follow(
        *(f"{kind}:{BTC}" for kind in kinds), f"/market/candles:{BTC}_1min", "/market/ticker:all"
    )
    venue.place(price="49000", size="0.5")
    venue.place(venue.bob, side="sell", price="49000", size="0.1")
    venue.pass_time(3)
    heard = venue.heard(number)
    ticker = data_of(heard, f"/market/ticker:{BTC}")[-1]
    assert (ticker["price"], ticker["bestBid"], ticker["bestBidSize"]) == ("49000", "49000", "0.4")
    assert ticker == data_of(heard, "/market/ticker:all")[-1]
    (subject,) = {m["subject"] for m in heard if m["topic"] == "/market/ticker:all"}
    assert subject == BTC
    touch = data_of(heard, f"/spotMarket/level1:{BTC}")[-1]
    assert (touch["bids"], touch["asks"]) == (["49000", "0.4"], [])
    depth = data_of(heard, f"/spotMarket/level2Depth5:{BTC}")[-1]
    assert (depth["bids"], depth["asks"]) == ([["49000", "0.4"]], [])
    snapshot = data_of(heard, f"/market/snapshot:{BTC}")[-1]["data"]
    assert (snapshot["lastTradedPrice"], snapshot["vol"], snapshot["open"]) == (49_000, 0.1, 49_000)
    (candle, *_) = data_of(heard, f"/market/candles:{BTC}_1min")
    assert candle["candles"][1:6] == ["49000", "49000", "49000", "49000", "0.1"]


def test_a_market_stands_for_its_symbols(venue):
    number = venue.follow("/market/snapshot:USDS")
    venue.pass_time(3)
    topics = {message["topic"] for message in venue.heard(number)}
    assert topics == {f"/market/snapshot:{BTC}", "/market/snapshot:ETH-USDT"}


# -- private topics -----------------------------------------------------------------------------


def steps(heard, topic="/spotMarket/tradeOrdersV2"):
    return [(data["type"], data["status"]) for data in data_of(heard, topic)]


def test_an_orders_life_is_told_step_by_step(venue):
    topics = ("/spotMarket/tradeOrders", "/spotMarket/tradeOrdersV2")
    number = venue.follow(*topics, key=venue.alice)
    placed = venue.place(clientOid="mine-1")
    venue.place(venue.bob, side="sell", size="0.004")
    venue.call("DELETE", f"{HF}/cancel/{placed['orderId']}?symbol={BTC}&cancelSize=0.001")
    venue.place(venue.bob, side="sell", size="0.005")
    heard = venue.heard(number)
    expected = [
        ("open", "open"),
        ("match", "open"),
        ("update", "open"),
        ("match", "match"),
        ("filled", "done"),
    ]
    assert steps(heard, topics[0]) == expected
    assert steps(heard, topics[1]) == [("received", "new"), *expected]
    told = data_of(heard, topics[0])
    assert {(d["orderId"], d["clientOid"]) for d in told} == {(placed["orderId"], "mine-1")}
    assert [("tradeId" in d) for d in told] == [False, True, False, True, False]
    match = told[1]
    assert (match["liquidity"], match["matchPrice"], match["matchSize"]) == (
        "maker",
        "50000",
        "0.004",
    )
    assert (match["filledSize"], match["remainSize"], match["fee"]) == ("0.004", "0.006", "0.2")
    assert all(message["channelType"] == "private" for message in heard)


def test_what_is_canceled_says_how_much_of_it(venue):
    number = venue.follow("/spotMarket/tradeOrdersV2", key=venue.alice)
    venue.place(venue.bob, side="sell", size="0.004")
    venue.place(timeInForce="IOC")
    venue.place(type="market", price=None, size=None, funds="100")
    heard = venue.heard(number)
    assert steps(heard) == [
        *(("received", "new"), ("match", "match"), ("canceled", "done")),
        *(("received", "new"), ("canceled", "done")),
    ]
    ioc, market = (
        d for d in data_of(heard, "/spotMarket/tradeOrdersV2") if d["type"] == "canceled"
    )
    assert (ioc["canceledSize"], ioc["remainSize"], ioc["filledSize"]) == ("0.006", "0", "0.004")
    assert (market["canceledFunds"], market["remainFunds"]) == ("100", "0")
    assert (ioc["cancelReason"], market["cancelReason"]) == ("ioc_remainder", "no_liquidity")


def test_what_waits_is_told_on_a_topic_of_its_own(venue):
    topics = ("/spotMarket/advancedOrders", "/spotMarket/tradeOrdersV2")
    venue.place(price="50000", size="0.001")
    venue.place(venue.bob, side="sell", size="0.001")
    number = venue.follow(*topics, key=venue.alice)
    asked = {"side": "sell", "price": "44000", "stop": "loss", "stopPrice": "45000"}
    first = venue.place(path=STOPS, **asked)
    second = venue.place(path=STOPS, **asked)
    venue.call("DELETE", f"{STOPS}/{second['orderId']}")
    assert steps(venue.heard(number)) == []
    venue.place(venue.bob, side="buy", price="45000", size="0.001")
    number = venue.follow(*topics, key=venue.alice)
    venue.place(side="sell", price="45000", size="0.001")
    heard = venue.heard(number)
    (told,) = (d for d in data_of(heard, topics[0]) if d["type"] == "triggered")
    assert (told["orderId"], told["triggerSuccess"]) == (first["orderId"], True)
    assert ("received", "new") in steps(heard)


def test_a_balance_is_told_with_by_how_much_it_changed(venue):
    number = venue.follow("/account/balance", key=venue.alice)
    placed = venue.place()
    held, *_ = data_of(venue.heard(number), "/account/balance")
    assert (held["currency"], held["relationEvent"]) == ("USDT", "trade.hold")
    assert (held["availableChange"], held["holdChange"]) == ("-500.5", "500.5")
    assert (held["total"], held["available"], held["hold"]) == ("1000000", "999499.5", "500.5")
    venue.place(venue.bob, side="sell", size="0.004")
    told = {d["currency"]: d for d in data_of(venue.heard(number), "/account/balance")}
    assert told["BTC"]["availableChange"] == "0.004"
    assert told["BTC"]["relationEvent"] == "trade.setted"
    venue.call("DELETE", f"{HF}/{placed['orderId']}?symbol={BTC}")
    (free,) = data_of(venue.heard(number), "/account/balance")
    assert (free["hold"], free["relationEvent"]) == ("0", "trade.hold")
    rows = {row["currency"]: row for row in venue.get("/api/v1/accounts")}
    assert rows["USDT"]["id"] == free["accountId"]
    assert rows["USDT"]["available"] == free["available"]


def test_nobody_hears_of_another_account(venue):
    topics = ("/spotMarket/tradeOrdersV2", "/account/balance", "/spotMarket/advancedOrders")
    number = venue.follow(*topics, key=venue.bob)
    venue.place()
    assert venue.heard(number) == []
