import gzip
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.binance import DIALECT, LIMITS, stream
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import BookDelta, Candle, Ticker, Touch, Trade
from steelyard.domain.order import Side
from steelyard.wire.dialect import Channel, ChannelKind, Subscription
from steelyard.wire.limits import UNLIMITED
from tests.dialects.binance.test_candles import any_candle, any_ticker
from tests.dialects.binance.test_market import trade
from tests.dialects.binance.test_text import LISTINGS
from tests.dialects.binance.venue import Venue

MS = 1_000_000
instrument_ids = st.sampled_from([0, 1, 2])
ticks, lots = st.integers(1, 10**9), st.integers(0, 10**9)
levels = st.lists(st.tuples(ticks, lots), max_size=4).map(tuple)
times = st.integers(1, 10**6).map(lambda ms: ms * MS)


def market_frame(name: str, event, mark: str = stream.COMBINED) -> bytes:
    (channel, *_) = stream.channels_of(name, LISTINGS)
    found = DIALECT.frame(Subscription("binance", channel, mark + name), event, LISTINGS)
    assert found is not None
    return found


def name_of(instrument_id: int, what: str) -> str:
    instrument = LISTINGS[instrument_id]
    return f"{instrument.base}{instrument.quote}".lower() + f"@{what}"


def there_and_back(event, what: str):
    frame = market_frame(name_of(event.instrument_id, what), event)
    return stream.event_of(frame, LISTINGS, getattr(event, "time_ns", 0))


# -- payloads -----------------------------------------------------------------------------------


@given(st.builds(BookDelta, instrument_ids, lots, lots, levels, levels, times))
def test_changes_of_a_book_survive(delta):
    assert there_and_back(delta, "depth@100ms") == delta


@given(st.builds(Trade, instrument_ids, lots, ticks, lots, st.sampled_from(Side), times))
def test_a_trade_survives(trade_):
    assert there_and_back(trade_, "trade") == trade_


@given(st.builds(Touch, instrument_ids, lots, lots, lots, lots, lots, times))
def test_a_touch_survives(touch):
    assert there_and_back(touch, "bookTicker") == touch


@given(any_candle(), st.booleans())
def test_a_candle_survives(candle, is_closed):
    candle = msgspec.structs.replace(candle, is_closed=is_closed)
    interval = {length: name for name, length in stream.INTERVALS_NS.items()}[candle.interval_ns]
    assert there_and_back(candle, f"kline_{interval}") == candle


@given(any_ticker())
def test_a_ticker_survives(ticker):
    assert there_and_back(ticker, "ticker") == ticker


def test_payloads_are_bare_wrapped_or_in_an_array():
    touch = Touch(0, 5, 1, 2, 3, 4, MS)
    raw = market_frame("btcusdt@bookTicker", touch, stream.RAW)
    assert msgspec.json.decode(raw) == {
        "u": 5,
        "s": "BTCUSDT",
        "b": "0.01000000",
        "B": "0.00002000",
        "a": "0.03000000",
        "A": "0.00004000",
    }
    combined = market_frame("btcusdt@bookTicker", touch)
    assert combined == b'{"stream":"btcusdt@bookTicker","data":%s}' % raw
    ticker = Ticker(0, MS, 0, *([None] * 4), 0, None, 0, 0, 0, 0, 0, None, 0, None, 0)
    (mini,) = msgspec.json.decode(market_frame("!miniTicker@arr", ticker, stream.RAW))
    assert (mini["e"], mini["s"], mini["c"]) == ("24hrMiniTicker", "BTCUSDT", "0.00000000")


def test_an_aggregate_has_the_ids_of_its_one_trade():
    told = msgspec.json.decode(
        market_frame("btcusdt@aggTrade", Trade(0, 7, 1, 1, Side.SELL, MS), stream.RAW)
    )
    assert (told["e"], told["a"], told["f"], told["l"], told["m"]) == ("aggTrade", 7, 7, 7, True)


def test_a_candle_without_trades_has_no_trade_ids():
    candle = Candle(0, 60_000 * MS, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, is_closed=False)
    k = msgspec.json.decode(market_frame("btcusdt@kline_1m", candle, stream.RAW))["k"]
    assert (k["f"], k["L"], k["n"], k["x"]) == (-1, -1, 0, False)


# -- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("btcusdt@trade", Channel(ChannelKind.TRADES, 0)),
        ("ethbtc@aggTrade", Channel(ChannelKind.TRADES, 2)),
        ("btcusdt@bookTicker", Channel(ChannelKind.TOUCH, 0)),
        ("btcusdt@depth", Channel(ChannelKind.BOOK, 0, period_ns=1000 * MS)),
        ("btcusdt@depth@100ms", Channel(ChannelKind.BOOK, 0, period_ns=100 * MS)),
        ("btcusdt@depth5", Channel(ChannelKind.BOOK, 0, period_ns=1000 * MS, depth=5)),
        ("btcusdt@depth10@1000ms", Channel(ChannelKind.BOOK, 0, period_ns=1000 * MS, depth=10)),
        ("ethbtc@depth20@100ms", Channel(ChannelKind.BOOK, 2, period_ns=100 * MS, depth=20)),
        ("btcusdt@miniTicker", Channel(ChannelKind.TICKER, 0, period_ns=1000 * MS)),
        (
            "btcusdt@kline_1m",
            Channel(ChannelKind.CANDLES, 0, period_ns=2000 * MS, interval_ns=60_000 * MS),
        ),
        (
            "btcusdt@kline_1s",
            Channel(ChannelKind.CANDLES, 0, period_ns=1000 * MS, interval_ns=1000 * MS),
        ),
    ],
)
def test_a_stream_name_is_a_channel(name, channel):
    assert stream.channels_of(name, LISTINGS) == (channel,)


@pytest.mark.parametrize("name", ["!miniTicker@arr", "!miniTicker@arr@1000ms", "!ticker@arr"])
def test_all_symbols_are_one_channel_each(name):
    assert len(stream.channels_of(name, LISTINGS)) == len(LISTINGS)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "@",
        "btcusdt",
        "BTCUSDT@trade",
        "nope@trade",
        "btcusdt@depth7",
        "btcusdt@depth20@500ms",
        "btcusdt@kline_7m",
        "btcusdt@ticker_1h",
        "!bookTicker",
        "btcusdt@trade@trade",
        "x" * 5_000,
    ],
)
def test_a_stream_that_does_not_exist_is_refused_by_name(name):
    with pytest.raises(DecodeError):
        stream.channels_of(name, LISTINGS)


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/ws", "", ("=", ())),
        ("/ws/btcusdt@trade", "", ("=", ("btcusdt@trade",))),
        ("/ws/a@trade/b@depth@100ms", "", ("=", ("a@trade", "b@depth@100ms"))),
        ("/ws/0", "", ("=", ())),
        ("/stream/ws/1", "", ("=", ())),
        ("/stream", "", ("+", ())),
        ("/stream", "streams=a@trade/b@depth", ("+", ("a@trade", "b@depth"))),
        ("/streams", "", None),
        ("/wsx", "", None),
        ("/", "", None),
    ],
)
def test_a_path_says_how_payloads_come(path, query, target):
    assert stream.target_of(path, query) == target


# -- the server's session -----------------------------------------------------------------------


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


def test_a_trader_passes_over_partial_books():
    """They do not say what they are of; ours follows the changes."""
    frame = b'{"stream":"btcusdt@depth5","data":{"lastUpdateId":1,"bids":[],"asks":[]}}'
    assert stream.event_of(frame, LISTINGS, 0) is None


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
    monkeypatch.setattr(stream, "STREAMS_MAX", 2)
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


# -- the client's session -----------------------------------------------------------------------

EVERYTHING = frozenset(stream.SUBSCRIBED)


def test_a_trader_hears_what_the_exchange_says(venue):
    """Both halves joined: every kind of public event comes through."""
    ours = DIALECT.client.market_session([LISTINGS[0]], LISTINGS, EVERYTHING)
    assert ours.role == "market"
    assert not ours.ready
    line = venue.open(ours.target)
    ours.opened(venue.desk.now_ns)
    assert ours.ready
    trade(venue, "50000")
    venue.place(price="49000")
    venue.wait()
    for frame in venue.raw(line):
        ours.receive(frame.decode(), venue.desk.now_ns)
    frames, events = ours.drain()
    assert frames == []
    assert {type(event) for event in events} == {BookDelta, Trade, Touch, Ticker, Candle}
    assert ours.drain() == ([], [])
    touch = next(event for event in reversed(events) if isinstance(event, Touch))
    assert (touch.bid_ticks, touch.ask_ticks, touch.ask_lots) == (4_900_000, 0, 0)


def test_private_channels_are_not_on_a_market_stream():
    with pytest.raises(Unsupported, match="ORDERS"):
        DIALECT.client.market_session([LISTINGS[0]], LISTINGS, frozenset({ChannelKind.ORDERS}))


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "5",
        "null",
        '{"stream":5,"data":{}}',
        '{"stream":"btcusdt@trade","data":{}}',
        '{"stream":"btcusdt@trade","data":[1]}',
        '{"stream":"btcusdt@depth","data":{"E":1,"s":"XYZ","U":1,"u":1,"b":[],"a":[]}}',
        '{"stream":"btcusdt@depth","data":{"E":1,"s":"BTCUSDT","U":1,"u":1,"b":[["x","1"]],"a":[]}}',
        '{"stream":"btcusdt@depth","data":{"E":1,"s":"BTCUSDT","U":1,"u":1,"b":[["-1","1"]],"a":[]}}',
        b"\xff",
    ],
)
def test_a_frame_of_another_form_is_a_decode_error(frame):
    session = DIALECT.client.market_session([LISTINGS[0]], LISTINGS, EVERYTHING)
    with pytest.raises(DecodeError):
        session.receive(frame, 0)


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_garbage_is_a_decode_error_and_nothing_else(garbage):
    session = DIALECT.client.market_session([LISTINGS[0]], LISTINGS, EVERYTHING)
    with pytest.raises(DecodeError):
        session.receive(garbage, 0)


def test_news_that_is_none_of_ours_is_passed_over():
    session = DIALECT.client.market_session([LISTINGS[0]], LISTINGS, EVERYTHING)
    session.receive('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}', 0)
    assert session.drain() == ([], [])


# -- what the venue has really sent -------------------------------------------------------------


def test_a_real_recording_is_read_without_an_error_or_a_gap(shared_data):
    """Five minutes of BTCUSDT: every frame is an event, every book update joins the last."""
    session = DIALECT.client.market_session([LISTINGS[0]], LISTINGS, EVERYTHING)
    counts = {BookDelta: 0, Trade: 0, Touch: 0}
    last = None
    with gzip.open(shared_data / "binance" / "spot_btcusdt_20240809.jsonl.gz", "rt") as lines:
        for line in lines:
            time_ns, _, frame = line.partition(" ")
            session.receive(frame, int(time_ns))
            _, (event,) = session.drain()
            counts[type(event)] += 1
            if isinstance(event, BookDelta):
                assert last is None or event.first_sequence == last + 1
                last = event.last_sequence
    assert counts == {BookDelta: 3_044, Trade: 10_147, Touch: 45_134}


def test_captured_streams_of_four_markets_are_read(captured):
    """Frames of 2021: with instruments of those steps nothing is off."""
    steps = {"NKN-USDT": "0.0001", "BLZ-ETH": "0.00000001", "LRC-BTC": "0.00000001"}
    steps["RUNE-EUR"] = "0.001"
    instruments = [
        Instrument.spot(
            n,
            (2 * n + 1, symbol.partition("-")[0]),
            (2 * n + 2, symbol.partition("-")[2]),
            tick_size=tick,
            lot_size="0.1",
            price_max="1000",
            size_max="1000000",
            notional_min="0",
        )
        for n, (symbol, tick) in enumerate(steps.items())
    ]
    listings = Listings(instruments)
    session = DIALECT.client.market_session(instruments, listings, EVERYTHING)
    for _, frame in captured("BINANCE.ws.1.0.gz"):
        if frame.startswith("{"):
            session.receive(frame, 0)
    kinds = {type(event) for event in session.drain()[1]}
    assert {BookDelta, Touch} <= kinds
