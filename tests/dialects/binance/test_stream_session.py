from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.binance import LIMITS, stream_session
from steelyard.wire.dialect import Ending, SessionRefused
from steelyard.wire.limits import UNLIMITED
from tests.dialects.binance.test_market import trade
from tests.dialects.binance.venue import Venue


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/ws", "", ("=", ())),
        ("/ws/btcusdt@trade", "", ("=", ("btcusdt@trade",))),
        ("/ws/a@trade/b@depth@100ms", "", ("=", ("a@trade", "b@depth@100ms"))),
        ("/ws/0", "", ("=", ())),
        ("/stream/ws/1", "", ("=", ())),
        ("/ws/!bookTicker", "", ("=", ("!bookTicker",))),
        ("/stream", "", ("+", ())),
        ("/stream", "streams=a@trade/b@depth", ("+", ("a@trade", "b@depth"))),
        ("/stream", "streams=a@kline_1d@+08:00", ("+", ("a@kline_1d@+08:00",))),
        ("/stream", "streams=a@trade&timeUnit=MICROSECOND", ("*", ("a@trade",))),
        ("/ws/a@trade", "timeUnit=microsecond", ("~", ("a@trade",))),
        (f"/ws/{'k1' * 32}", "", ("=", ("k1" * 32,))),
        ("/streams", "", None),
        ("/wsx", "", None),
        ("/", "", None),
    ],
)
def test_a_path_says_how_payloads_come(path, query, target):
    assert stream_session.target_of(path, query) == target


# -- the server's session -----------------------------------------------------------------------


def test_a_stream_in_the_target_that_there_is_not_is_refused(venue):
    """Also one without an @: the venue has had no !bookTicker since 2022."""
    (told,) = venue.heard(venue.open("/ws/!bookTicker"))
    assert told["error"]["code"] == 2
    assert "no symbol in '!bookTicker'" in told["error"]["msg"]


def test_streams_may_be_in_the_target(venue):
    """Raw ones are bare, combined ones have their name around them; ccxt puts a number."""
    bare = venue.open("/ws/btcusdt@trade")
    wrapped = venue.open("/stream?streams=btcusdt@trade/ethusdt@trade")
    numbered = venue.open("/stream/ws/0")
    venue.say(numbered, {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1})
    trade(venue, "50000")
    (told,) = venue.heard(bare)
    assert (told["e"], told["p"]) == ("trade", "50000.00000000")
    assert venue.heard(wrapped) == [{"stream": "btcusdt@trade", "data": told}]
    assert venue.heard(numbered) == [{"result": None, "id": 1}, told]


def test_streams_come_and_go(venue):
    line = venue.open("/ws")
    for request, result in [
        ({"method": "SUBSCRIBE", "params": ["btcusdt@trade", "ethusdt@trade"], "id": 1}, None),
        ({"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": "again"}, None),
        ({"method": "UNSUBSCRIBE", "params": ["ethusdt@trade", "btcusdt@depth"], "id": 2}, None),
        ({"method": "LIST_SUBSCRIPTIONS", "id": 3}, ["btcusdt@trade"]),
        ({"method": "GET_PROPERTY", "params": ["combined"], "id": 4}, False),
        ({"method": "SET_PROPERTY", "params": ["combined", True], "id": 5}, None),
        ({"method": "GET_PROPERTY", "params": ["combined"], "id": None}, True),
    ]:
        venue.say(line, request)
        assert venue.heard(line) == [{"result": result, "id": request["id"]}]
    trade(venue, "50000")
    (told,) = venue.heard(line)
    assert told["stream"] == "btcusdt@trade"
    venue.say(line, {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 6})
    venue.heard(line)
    trade(venue, "50000")
    assert venue.heard(line) == []


def test_a_book_can_be_built_as_the_documentation_says(venue):
    """The first update after a snapshot joins it, every next one joins the last, no gap."""
    venue.place(price="49000")
    line = venue.open("/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker")
    venue.place(price="49001")
    _, snapshot = venue.get("depth", symbol="BTCUSDT")
    venue.wait()
    venue.place(price="49002")
    venue.place(venue.other_key, side="SELL", price="51000")
    venue.wait()
    frames = venue.heard(line)
    updates = [f["data"] for f in frames if "@depth" in f["stream"]]
    touches = [f["data"] for f in frames if "@bookTicker" in f["stream"]]
    last = snapshot["lastUpdateId"]
    fresh = [update for update in updates if update["u"] > last]
    assert fresh[0]["U"] <= last + 1 <= fresh[0]["u"]
    for before, after in pairwise(updates):
        assert after["U"] == before["u"] + 1
    bids = {price for update in fresh for price, _ in update["b"]}
    assert bids == {"49002.00000000"}
    assert touches[-1]["u"] == updates[-1]["u"]
    assert (touches[-1]["b"], touches[-1]["a"]) == ("49002.00000000", "51000.00000000")


def test_the_best_levels_come_whole_each_time(venue):
    """`@depth5`: at once for who joins, then when the book changed, never otherwise."""
    for number in range(7):
        venue.place(price=str(49_000 + number))
    line = venue.open("/stream?streams=btcusdt@depth5/btcusdt@depth@100ms")
    fast = venue.open("/ws/btcusdt@depth20@100ms")
    venue.wait()
    (frame,) = venue.heard(line)
    assert frame["stream"] == "btcusdt@depth5"
    snapshot = venue.get("depth", symbol="BTCUSDT", limit=5)[1]
    assert frame["data"] == snapshot
    assert [price for price, _ in snapshot["bids"]] == [
        f"4900{n}.00000000" for n in (6, 5, 4, 3, 2)
    ]
    (whole,) = venue.heard(fast)
    assert (len(whole["bids"]), whole["asks"]) == (7, [])
    venue.wait()
    assert venue.heard(line) == venue.heard(fast) == []
    venue.place(venue.other_key, side="SELL", price="51000")
    venue.wait()
    frames = {frame["stream"]: frame["data"] for frame in venue.heard(line)}
    told = frames["btcusdt@depth5"]
    assert told["asks"] == [["51000.00000000", "0.01000000"]]
    assert (
        told["lastUpdateId"] == frames["btcusdt@depth@100ms"]["u"] == snapshot["lastUpdateId"] + 1
    )
    venue.say(line, {"method": "UNSUBSCRIBE", "params": ["btcusdt@depth5"], "id": 1})
    venue.place(price="48000")
    venue.wait()
    assert {frame.get("stream") for frame in venue.heard(line)} == {None, "btcusdt@depth@100ms"}


@pytest.mark.parametrize(
    ("frame", "code", "words"),
    [
        ("{", 3, "Invalid JSON: "),
        ("", 3, "Invalid JSON: "),
        (b"\xff\xfe", 3, "Invalid JSON: "),
        ("[" * 100_000, 2, "Invalid request: "),
        ('{"id":1}', 2, "missing required field `method`"),
        ('{"method":5,"id":1}', 2, "Expected `str`, got `int`"),
        ({"method": "SUBSCRIBE", "params": ["a"], "id": {}}, 2, "Invalid request: "),
        ({"method": "FOO", "id": 1}, 2, "unknown variant 'FOO', expected one of `SUBSCRIBE`,"),
        ({"method": "SUBSCRIBE", "params": "btcusdt@trade", "id": 1}, 2, "params must be a list"),
        ({"method": "SUBSCRIBE", "params": [5], "id": 1}, 2, "params must be a list"),
        ({"method": "SUBSCRIBE", "params": ["foo@trade"], "id": 1}, 2, "no symbol in 'foo@trade'"),
        ({"method": "SUBSCRIBE", "params": ["btcusdt@depth6"], "id": 1}, 2, "no stream 'btcusdt@"),
        ({"method": "GET_PROPERTY", "params": ["foo"], "id": 1}, 0, "Unknown property"),
        ({"method": "GET_PROPERTY", "id": 1}, 2, "property name must be a string"),
        ({"method": "SET_PROPERTY", "params": [5, True], "id": 1}, 2, "property name must be a"),
        (
            {"method": "SET_PROPERTY", "params": ["combined", 1], "id": 1},
            1,
            "Invalid value type: expected Boolean",
        ),
    ],
)
def test_a_bad_control_message_is_refused_and_the_line_stays(venue, frame, code, words):
    """In the documented shape, and in the one that ccxt reads."""
    line = venue.open("/ws")
    venue.say(line, frame)
    (told,) = venue.heard(line)
    assert (told["code"], told["error"]) == (code, {"code": code, "msg": told["msg"]})
    assert words in told["msg"]
    assert told["id"] in (None, 1)
    venue.say(line, {"method": "LIST_SUBSCRIPTIONS", "id": 2})
    assert venue.heard(line) == [{"result": [], "id": 2}]


def test_one_wrong_name_subscribes_to_nothing(venue):
    line = venue.open("/ws")
    venue.say(line, {"method": "SUBSCRIBE", "params": ["btcusdt@trade", "x@y"], "id": 1})
    venue.say(line, {"method": "LIST_SUBSCRIPTIONS", "id": 2})
    assert venue.heard(line)[-1] == {"result": [], "id": 2}


def test_a_wrong_name_in_the_target_is_told(venue):
    (told,) = venue.heard(venue.open("/stream?streams=btcusdt@foo"))
    assert told["error"]["code"] == 2


def test_too_many_streams_are_refused(venue, monkeypatch):
    monkeypatch.setattr(stream_session, "STREAMS_MAX", 2)
    line = venue.open("/ws")
    names = ["btcusdt@trade", "btcusdt@depth", "btcusdt@ticker"]
    venue.say(line, {"method": "SUBSCRIBE", "params": names, "id": 1})
    assert "at most 2 streams" in venue.heard(line)[0]["msg"]


def test_a_client_that_talks_too_fast_is_cut_off():
    """5 messages a second, as the venue has it; without limits nobody counts."""
    request = {"method": "LIST_SUBSCRIPTIONS", "id": 1}
    for limits, closes in ((LIMITS, True), (UNLIMITED, False)):
        venue = Venue(limits)
        venue.desk.now_ns -= venue.desk.now_ns % 1_000_000_000
        line = venue.open("/ws")
        for _ in range(5):
            venue.say(line, request)
        assert venue.lines[line][0].session.closing is None
        venue.say(line, request)
        closing = venue.lines[line][0].session.closing
        assert (closing is not None) == closes
        assert closing is None or closing[0] == 1008


@given(st.text(max_size=80) | st.binary(max_size=80))
def test_garbage_never_breaks_a_session(garbage):
    venue = Venue()
    line = venue.open("/stream")
    venue.say(line, garbage)
    venue.say(line, {"method": "LIST_SUBSCRIPTIONS", "id": 2})
    assert venue.heard(line)[-1] == {"result": [], "id": 2}


def test_an_unknown_unit_of_time_is_refused_at_the_door(venue):
    with pytest.raises(SessionRefused) as refused:
        venue.open("/ws/btcusdt@trade?timeUnit=SECOND")
    assert refused.value.refusal.code == -1194


def test_times_are_in_microseconds_where_the_target_says_so(venue):
    """Also after the form of payloads has been changed; a neighbor's are not."""
    fine = venue.open("/ws/btcusdt@trade?timeUnit=MICROSECOND")
    coarse = venue.open("/ws/btcusdt@trade")
    venue.say(fine, {"method": "SET_PROPERTY", "params": ["combined", True], "id": 1})
    trade(venue, "50000")
    told = venue.heard(fine)[1]["data"]
    (other,) = venue.heard(coarse)
    assert told["T"] == venue.exchange.now_ns // 1_000
    assert told["T"] // 1_000 == other["T"]


@pytest.mark.parametrize(
    ("request_id", "is_legal"),
    [
        (-(2**63), True),
        (2**63 - 1, True),
        (2**63, False),
        ("a" * 36, True),
        ("a" * 37, False),
        (None, True),
    ],
)
def test_an_id_is_a_number_of_64_bits_or_a_short_text(venue, request_id, is_legal):
    line = venue.open("/ws")
    venue.say(line, {"method": "LIST_SUBSCRIPTIONS", "id": request_id})
    (told,) = venue.heard(line)
    expected = {"result": [], "id": request_id} if is_legal else None
    assert (told == expected) == is_legal
    assert is_legal or (told["code"], told["id"]) == (2, None)


def test_every_stream_of_the_fact_sheet_is_there(venue):
    """And each that can have something to tell has told it."""
    names = [
        *("trade", "aggTrade", "kline_1m", "kline_1h@+08:00", "miniTicker", "ticker", "bookTicker"),
        *("ticker_1h", "ticker_4h", "ticker_1d", "avgPrice", "referencePrice", "blockTrade"),
        *("depth", "depth@100ms", "depth5", "depth20@100ms"),
    ]
    wanted = {f"btcusdt@{name}" for name in names} | {"!miniTicker@arr", "!ticker_1h@arr"}
    line = venue.open("/stream")
    venue.say(line, {"method": "SUBSCRIBE", "params": sorted(wanted), "id": 1})
    assert venue.heard(line) == [{"result": None, "id": 1}]
    trade(venue, "50000")
    venue.place(price="49000")
    venue.wait(3)
    told = {frame["stream"] for frame in venue.heard(line)}
    assert wanted - told == {"btcusdt@referencePrice", "btcusdt@blockTrade"}
    venue.say(line, {"method": "LIST_SUBSCRIPTIONS", "id": 2})
    assert set(venue.heard(line)[0]["result"]) == wanted


def test_an_orderly_stop_is_told_first(venue):
    """Bare or wrapped, like everything else of the connection."""
    event = {"e": "serverShutdown", "E": venue.desk.now_ns // 1_000_000}
    for target, told in (("/ws", event), ("/stream", {"stream": "!serverShutdown", "data": event})):
        number = venue.open(target)
        session = venue.lines[number][0].session
        session.end(Ending.AGE, venue.desk.now_ns)
        session.end(Ending.KEY, venue.desk.now_ns)
        session.end(Ending.STOP, venue.desk.now_ns)
        venue.deliver()
        assert venue.heard(number) == [told]
