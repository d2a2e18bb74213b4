import json

import pytest

from steelyard.dialects.okx.follower import PING_NS, AccountFollower, MarketFollower
from steelyard.domain.errors import AuthError, DecodeError, RateLimited, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import BookDelta, BookSnapshot, Trade
from steelyard.sim.stand import BTC_USDT
from steelyard.wire.dialect import ApiKey, ChannelKind, Paired, Waking

LISTINGS = Listings([BTC_USDT])
ARG = {"channel": "books", "instId": "BTC-USDT"}


def follower(*kinds):
    session = MarketFollower([BTC_USDT], LISTINGS, frozenset(kinds or {ChannelKind.BOOK}))
    session.opened(0)
    return session


def book(action, previous, number, bids=(), asks=(), arg=ARG):
    row = {"bids": bids, "asks": asks, "ts": "1700000000000", "checksum": 0}
    row |= {"prevSeqId": previous, "seqId": number}
    return json.dumps({"arg": arg, "action": action, "data": [row]})


def events(session, *frames):
    for frame in frames:
        session.receive(frame, 0)
    return session.drain()[1]


def test_it_subscribes_and_waits_for_each_answer():
    session = follower(ChannelKind.BOOK, ChannelKind.TRADES)
    (text,) = session.drain()[0]
    assert [arg["channel"] for arg in json.loads(text)["args"]] == ["books", "trades"]
    for _ in range(2):
        assert not session.ready
        session.receive(json.dumps({"event": "subscribe", "arg": ARG}), 0)
    assert session.ready


def test_updates_that_chain_are_told_and_beats_are_not():
    session = follower()
    told = events(
        session,
        book("snapshot", -1, 10, bids=[["50000", "1", "0", "1"]]),
        book("update", 10, 15, bids=[["50000", "0", "0", "0"]]),
        book("update", 15, 15),
        "pong",
    )
    assert [type(event) for event in told] == [BookSnapshot, BookDelta]
    assert (told[1].first_sequence, told[1].last_sequence) == (11, 15)


@pytest.mark.parametrize(("previous", "number"), [(12, 15), (9, 15), (10, 5)])
def test_one_that_does_not_chain_leaves_a_gap_and_asks_anew(previous, number):
    """Also one after which numbers go back: it is as good as a new book."""
    session = follower()
    session.receive(book("snapshot", -1, 10), 0)
    session.drain()
    session.receive(book("update", previous, number), 0)
    frames, (gap,) = session.drain()
    assert gap.first_sequence > 11
    assert [json.loads(text)["op"] for text in frames] == ["unsubscribe", "subscribe"]
    assert not follower().ready
    assert events(session, book("update", number, number + 1)) == []
    (whole,) = events(session, book("snapshot", -1, 30))
    assert whole.sequence == 30


def test_what_lies_beyond_400_levels_is_not_known():
    bids = [[str(50_000 - n), "1", "0", "1"] for n in range(400)]
    (whole,) = events(follower(), book("snapshot", -1, 10, bids=bids, asks=bids[:1]))
    assert whole.known_bid_ticks == (50_000 - 399) * 100
    assert whole.known_ask_ticks is None


def test_what_has_no_public_channel_there_is_said_so():
    for kind in (ChannelKind.CANDLES, ChannelKind.FULL):
        with pytest.raises(Unsupported, match="OKX"):
            MarketFollower([BTC_USDT], LISTINGS, frozenset({kind}))


def test_trades_are_told():
    arg = {"channel": "trades", "instId": "BTC-USDT"}
    row = {"instId": "BTC-USDT", "tradeId": "5", "px": "50000", "sz": "0.1", "side": "sell"}
    frame = json.dumps({"arg": arg, "data": [{**row, "ts": "1", "count": "3"}]})
    (trade,) = events(follower(ChannelKind.TRADES), frame)
    assert isinstance(trade, Trade)
    assert (trade.first_trade_id, trade.trade_id, trade.joined) == (3, 5, 3)


@pytest.mark.parametrize("count", ["0", "6", "-1", "x", "9" * 20])
def test_a_trade_of_more_trades_than_there_were_is_refused(count):
    """The one before the first has a number too."""
    arg = {"channel": "trades", "instId": "BTC-USDT"}
    row = {"instId": "BTC-USDT", "tradeId": "5", "px": "50000", "sz": "0.1", "side": "sell"}
    session = follower(ChannelKind.TRADES)
    with pytest.raises(DecodeError, match=r"count|of [06] trades"):
        session.receive(json.dumps({"arg": arg, "data": [{**row, "ts": "1", "count": count}]}), 0)


@pytest.mark.parametrize(
    "frame",
    [
        "x",
        "{}[",
        '{"data":[]}',
        '{"event":"error","code":"60018","msg":"no"}',
        '{"arg":5,"data":[]}',
        book("update", 1, "x"),
        book("snapshot", -1, -5),
        book("snapshot", -1, 1, arg={"channel": "books", "instId": "X-Y"}),
        book("snapshot", -1, 1, bids=[["50000.001", "1", "0", "1"]]),
    ],
)
def test_garbage_is_one_error_and_leaves_nothing(frame):
    session = follower()
    session.drain()
    with pytest.raises(DecodeError):
        session.receive(frame, 0)
    assert session.drain() == ([], [])


def test_an_account_logs_in_and_then_subscribes():
    session = AccountFollower(ApiKey("k", b"s", "p"), LISTINGS)
    session.opened(10**18)
    (login,) = session.drain()[0]
    assert json.loads(login)["op"] == "login"
    session.receive('{"event":"login","code":"0","msg":"","connId":"a"}', 0)
    (text,) = session.drain()[0]
    assert [arg["channel"] for arg in json.loads(text)["args"]] == ["orders", "account"]
    for _ in range(2):
        session.receive('{"event":"subscribe","arg":{"channel":"orders"}}', 0)
    session.receive('{"event":"channel-conn-count","channel":"orders","connCount":"1"}', 0)
    assert not session.ready, "the other connection is not there yet"
    beside = session.beside
    assert isinstance(session, Paired)
    assert isinstance(beside, Waking)
    assert beside.target == "/ws/v5/business"
    beside.opened(10**18)
    beside.receive('{"event":"login","code":"0","msg":"","connId":"b"}', 0)
    (_, text), nothing = beside.drain()
    assert [arg["channel"] for arg in json.loads(text)["args"]] == ["orders-algo"]
    beside.receive('{"event":"subscribe","arg":{"channel":"orders-algo"}}', 0)
    assert session.ready
    assert nothing == []


def test_the_quiet_connection_says_at_times_that_it_is_there():
    """Not before it is open."""
    beside = AccountFollower(ApiKey("k", b"s", "p"), LISTINGS).beside
    beside.wake(10**18)
    assert beside.drain() == ([], [])
    beside.opened(10**18)
    beside.drain()
    beside.wake(10**18 + PING_NS - 1)
    assert beside.drain() == ([], [])
    beside.wake(10**18 + PING_NS)
    assert beside.drain() == (["ping"], [])


@pytest.mark.parametrize(
    ("code", "error"), [("60009", AuthError), ("60024", AuthError), ("60014", RateLimited)]
)
def test_a_login_that_is_refused_is_told(code, error):
    session = AccountFollower(ApiKey("k", b"s", "p"), LISTINGS)
    with pytest.raises(error, match=code):
        session.receive(json.dumps({"event": "error", "code": code, "msg": "no"}), 0)
