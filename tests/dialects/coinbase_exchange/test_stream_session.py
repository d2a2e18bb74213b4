"""The feed as a foreign client hears it: subscriptions, first messages, errors, balances."""

import pytest

from steelyard.dialects.coinbase_exchange import DIALECT
from steelyard.domain.messages import Scope
from steelyard.wire.limits import LimitProfile, SocketLimits
from tests.dialects.coinbase_exchange.venue import Venue


def types(messages):
    return [m["type"] for m in messages]


def test_both_styles_may_be_mixed_and_the_answer_is_the_whole_list(venue):
    number = venue.subscribe("heartbeat", {"name": "ticker", "product_ids": ["ETH-USDT"]})
    (told,) = venue.heard(number)
    assert told == {
        "type": "subscriptions",
        "channels": [
            {"name": "heartbeat", "product_ids": ["BTC-USDT"], "account_ids": None},
            {"name": "ticker", "product_ids": ["ETH-USDT"], "account_ids": None},
        ],
    }
    venue.say(number, {"type": "unsubscribe", "channels": ["heartbeat"]})
    (told,) = venue.heard(number)
    assert [c["name"] for c in told["channels"]] == ["ticker"]


def test_a_book_begins_with_its_snapshot_and_goes_on_by_levels(venue):
    venue.place()
    number = venue.subscribe("level2", key=venue.key)
    ack, snapshot = venue.heard(number)
    assert ack["type"] == "subscriptions"
    assert snapshot["bids"] == [["50000.00", "0.01"]]
    venue.place(size="0.02")
    venue.call("DELETE", "/orders")
    updates = venue.heard(number)
    assert set(types(updates)) == {"l2update"}
    assert updates[0]["changes"] == [["buy", "50000.00", "0.03"]]
    assert updates[-1]["changes"][-1] == ["buy", "50000.00", "0"]


def test_batches_gather_what_happens_in_fifty_milliseconds(venue):
    number = venue.subscribe("level2_50")
    venue.place(price="49000")
    venue.place(price="49001")
    venue.pass_time()
    ack, snapshot, *updates = venue.heard(number)
    assert ack["channels"][0]["name"] == "level2_50"
    assert snapshot["type"] == "snapshot"
    assert len(updates) == 1
    assert len(updates[0]["changes"]) == 2


def test_tickers_and_matches_begin_with_the_newest_and_follow_each_match(venue):
    venue.place(venue.other_key, side="sell")
    venue.place()
    number = venue.subscribe("ticker", "matches")
    assert types(venue.heard(number)) == ["subscriptions", "ticker", "last_match"]
    venue.place(venue.other_key, side="sell", price="50010")
    venue.place(price="50010")
    match, ticker = venue.heard(number)
    assert types([match, ticker]) == ["match", "ticker"]
    assert (match["side"], ticker["side"]) == ("sell", "buy")  # the maker's, the taker's
    assert (ticker["price"], ticker["trade_id"]) == ("50010.00", match["trade_id"])
    assert ticker["sequence"] >= match["sequence"]


def test_a_heart_beats_once_a_second(venue):
    number = venue.subscribe("heartbeat")
    venue.place()
    venue.pass_time()
    venue.pass_time()
    beats = [m for m in venue.heard(number) if m["type"] == "heartbeat"]
    assert len(beats) == 2
    book = venue.public("/products/BTC-USDT/book?level=3")
    assert beats[-1]["sequence"] == book["sequence"]


def test_products_and_currencies_are_told_again_and_again(venue):
    number = venue.subscribe("status", products=[])
    ack, status = venue.heard(number)
    assert [c["name"] for c in ack["channels"]] == ["status"]
    assert {p["id"] for p in status["products"]} == {"BTC-USDT", "ETH-USDT"}
    for _ in range(6):
        venue.pass_time()
    assert "status" in types(venue.heard(number))


def test_balances_are_told_of_the_accounts_that_are_named(venue):
    ids = {a["currency"]: a["id"] for a in venue.get("/accounts")}
    wanted = {"name": "balance", "account_ids": [ids["BTC"]]}
    one = venue.subscribe(wanted, products=[], key=venue.key)
    every = venue.subscribe("balance", products=[], key=venue.key)
    venue.place(side="sell", size="0.5", price="60000")
    (ack, *of_btc) = venue.heard(one)
    assert ack["channels"][0]["account_ids"] == [ids["BTC"]]
    assert {m["currency"] for m in of_btc} == {"BTC"}
    assert (of_btc[-1]["available"], of_btc[-1]["holds"]) == ("99.5", "0.5")
    assert {m["currency"] for m in venue.heard(every)[1:]} == {"BTC", "USDT"}


def test_there_is_nothing_to_tell_on_some_channels(venue):
    number = venue.subscribe("auctionfeed", "rfq_matches")
    venue.place()
    (ack,) = venue.heard(number)
    assert len(ack["channels"]) == 2


@pytest.mark.parametrize("channel", ["user", "full", "level2", "level3", "balance"])
def test_some_channels_want_a_key(venue, channel):
    number = venue.subscribe(channel)
    (told,) = venue.heard(number)
    assert told == {
        "type": "error",
        "message": "Failed to subscribe",
        "reason": f"{channel} channel requires authentication",
    }


def test_who_signs_wrongly_is_told_so_and_hears_nothing(venue):
    number = venue.subscribe("user", key=venue.key._replace(secret=b"AAAA"))
    (told,) = venue.heard(number)
    assert told["message"] == "Authentication Failed"
    assert "invalid signature" in told["reason"]
    trader = venue.new_key("alice", Scope.TRADE)
    number = venue.subscribe("user", key=trader)
    assert venue.heard(number)[0]["message"] == "Authentication Failed"
    venue.place()
    assert venue.heard(number) == []


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("{", "send"),
        ('{"type":"ping"}', "subscribe or unsubscribe"),
        ('{"type":"subscribe"}', "no channels provided"),
        ('{"type":"subscribe","channels":["ticker"]}', "no products provided"),
        ('{"type":"subscribe","channels":["tick"],"product_ids":["BTC-USDT"]}', "not a valid ch"),
        ('{"type":"subscribe","channels":["ticker"],"product_ids":["X"]}', "not a valid product"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(venue, message, reason):
    number = venue.connect()
    venue.say(number, message)
    (told,) = venue.heard(number)
    assert told["type"] == "error"
    assert reason in told["reason"]
    assert venue.exchange.feed.subscriptions(number) == ()


def test_who_asks_for_nothing_is_sent_away(venue):
    silent, quiet = venue.connect(), venue.subscribe("heartbeat")
    for _ in range(7):
        venue.pass_time()
    assert venue.lines[silent][0].session.closing is not None
    assert venue.lines[quiet][0].session.closing is None


def test_who_talks_too_much_is_sent_away():
    venue = Venue(LimitProfile((), sockets=SocketLimits(messages=2)))
    number = venue.connect()
    for _ in range(3):
        venue.say(number, "{")
    assert venue.lines[number][0].session.closing[0] == 1008


def test_streams_are_where_clients_look_for_them():
    assert all(DIALECT.has_stream(target) for target in ("/", "/?", "/ws", "/ws?"))
    assert not DIALECT.has_stream("/products")
