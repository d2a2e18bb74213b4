import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.binance import DIALECT, stream, text
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.messages import AggregateTrade, BookDelta, Candle, Ticker, Touch, Trade
from steelyard.domain.order import Side
from steelyard.wire.dialect import Channel, ChannelKind, Subscription
from tests.dialects.binance.test_candles import any_candle, any_ticker
from tests.dialects.binance.test_market import trade
from tests.dialects.binance.test_text import LISTINGS

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


def test_an_aggregate_has_a_number_of_its_own_and_the_ids_of_its_trades():
    aggregate = AggregateTrade(0, 3, 1, 1, 7, 9, Side.SELL, MS)
    told = msgspec.json.decode(market_frame("btcusdt@aggTrade", aggregate, stream.RAW))
    assert (told["e"], told["a"], told["f"], told["l"], told["m"]) == ("aggTrade", 3, 7, 9, True)


@pytest.mark.parametrize(("mark", "time"), [(stream.RAW, 5), (stream.RAW_US, 5_250)])
def test_a_time_is_in_the_unit_that_the_connection_chose(mark, time):
    """And the next one is in milliseconds again."""
    trade_ = Trade(0, 7, 1, 1, Side.SELL, 5_250_000)
    told = msgspec.json.decode(market_frame("btcusdt@trade", trade_, mark))
    assert (told["E"], told["T"]) == (time, time)
    assert text.to_ms(5_250_000) == 5


def test_a_window_and_an_average_are_told_under_names_of_their_own():
    ticker = Ticker(
        0, 9 * MS, 2 * MS, 100, 300, 100, 200, 1, None, 4, 10**12, 2, 5, 6, 1, 1, 2, 2, 7 * MS
    )
    window = msgspec.json.decode(market_frame("btcusdt@ticker_4h", ticker, stream.RAW))
    assert (window["e"], window["O"], window["C"]) == ("4hTicker", 2, 9)
    assert (window["F"], window["L"], window["n"]) == (5, 6, 2)
    assert not {"b", "a", "x"} & window.keys()
    average = msgspec.json.decode(market_frame("btcusdt@avgPrice", ticker, stream.RAW))
    assert average == {
        "e": "avgPrice",
        "E": 9,
        "s": "BTCUSDT",
        "i": "5m",
        "w": "25000.00000000",
        "T": 7,
    }


def test_a_candle_of_the_east_is_told_as_any_other():
    """Its month ends where the month there does."""
    open_ns = 1_764_518_400_000 * MS  # 2025-11-30 16:00 UTC: December begins at UTC+8
    candle = Candle(
        0, 30 * 86_400_000 * MS, open_ns, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, is_closed=True
    )
    k = msgspec.json.decode(market_frame("btcusdt@kline_1M@+08:00", candle, stream.RAW))["k"]
    assert (k["i"], k["T"] + 1 - k["t"]) == ("1M", 31 * 86_400_000)


def test_a_candle_without_trades_has_no_trade_ids():
    candle = Candle(0, 60_000 * MS, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, is_closed=False)
    k = msgspec.json.decode(market_frame("btcusdt@kline_1m", candle, stream.RAW))["k"]
    assert (k["f"], k["L"], k["n"], k["x"]) == (-1, -1, 0, False)


# -- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("btcusdt@trade", Channel(ChannelKind.TRADES, 0)),
        ("ethbtc@aggTrade", Channel(ChannelKind.AGGREGATES, 2)),
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
            "btcusdt@ticker_1h",
            Channel(ChannelKind.TICKER, 0, period_ns=1000 * MS, interval_ns=3_600_000 * MS),
        ),
        (
            "btcusdt@avgPrice",
            Channel(ChannelKind.TICKER, 0, period_ns=1000 * MS, interval_ns=300_000 * MS),
        ),
        (
            "btcusdt@kline_1d@+08:00",
            Channel(
                ChannelKind.CANDLES,
                0,
                period_ns=2000 * MS,
                interval_ns=86_400_000 * MS,
                offset_ns=28_800_000 * MS,
            ),
        ),
        (
            "btcusdt@kline_1s",
            Channel(ChannelKind.CANDLES, 0, period_ns=1000 * MS, interval_ns=1000 * MS),
        ),
    ],
)
def test_a_stream_name_is_a_channel(name, channel):
    assert stream.channels_of(name, LISTINGS) == (channel,)


@pytest.mark.parametrize("name", ["btcusdt@referencePrice", "ethbtc@blockTrade"])
def test_a_stream_of_what_there_is_not_stays_silent(name):
    assert stream.channels_of(name, LISTINGS) == ()


@pytest.mark.parametrize(
    "name", ["!miniTicker@arr", "!miniTicker@arr@1000ms", "!ticker@arr", "!ticker_1d@arr"]
)
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
        "btcusdt@ticker_2h",
        "btcusdt@kline_1d@+09:00",
        "!ticker_2h@arr",
        "!bookTicker",
        "btcusdt@trade@trade",
        "x" * 5_000,
    ],
)
def test_a_stream_that_does_not_exist_is_refused_by_name(name):
    with pytest.raises(DecodeError):
        stream.channels_of(name, LISTINGS)


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


def test_a_trader_passes_over_partial_books():
    """They do not say what they are of; ours follows the changes."""
    frame = b'{"stream":"btcusdt@depth5","data":{"lastUpdateId":1,"bids":[],"asks":[]}}'
    assert stream.event_of(frame, LISTINGS, 0) is None


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
