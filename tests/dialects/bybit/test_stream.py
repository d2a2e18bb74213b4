import msgspec
import pytest

from steelyard.dialects.bybit import frames, stream
from steelyard.dialects.bybit.frames import Topic
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import BookDelta, BookSnapshot, Candle, Touch, Trade
from steelyard.domain.order import Side
from steelyard.wire.dialect import ChannelKind, Subscription
from tests.shared.desk import BTC_USDT

LISTINGS = Listings([BTC_USDT])
NOW_NS = 1_700_000_000_123_000_000
BIDS, ASKS = ((5_000_000, 1_000), (4_999_900, 0)), ((5_001_000, 5),)


def told(form, event):
    channel = stream.channel_of(form, BTC_USDT)
    payload = stream.frame(Subscription(stream.NAME, channel, form), event, LISTINGS)
    topic = msgspec.json.decode(payload, type=Topic)
    assert topic.topic == f"{form}.BTCUSDT"
    return topic, bytes(topic.data)


@pytest.mark.parametrize("form", ["orderbook.50", "orderbook.200", "orderbook.1000"])
def test_a_change_of_a_book_comes_back(form):
    """Its number is each connection's own; levels beyond the depth are told as gone."""
    channel = stream.channel_of(form, BTC_USDT)
    assert (channel.kind, channel.tells_beyond) == (ChannelKind.DEPTH, True)
    topic, data = told(form, BookDelta(0, 7, 9, BIDS, ASKS, NOW_NS))
    assert (topic.type, topic.ts) == ("delta", NOW_NS // 10**6)
    wire = msgspec.json.decode(stream.numbered(data, 42), type=frames.Book)
    assert (wire.u, wire.seq) == (42, 9)
    found = stream.book_from_wire(wire, BTC_USDT, 3, NOW_NS, is_whole=False)
    assert found == BookDelta(0, 3, 3, BIDS, ASKS, NOW_NS)


def test_a_whole_book_comes_back():
    book = BookSnapshot(0, 9, BIDS[:1], ASKS, NOW_NS)
    topic = msgspec.json.decode(stream.book_frame(book, "orderbook.50", 9, LISTINGS), type=Topic)
    wire = msgspec.json.decode(bytes(topic.data), type=frames.Book)
    assert (topic.type, wire.u) == ("snapshot", 9)
    assert stream.book_from_wire(wire, BTC_USDT, 9, NOW_NS, is_whole=True) == book


@pytest.mark.parametrize("sizes", [(5, 7), (0, 7), (5, 0), (0, 0)])
def test_a_touch_comes_back_with_its_empty_sides(sizes):
    bid, ask = sizes
    touch = Touch(0, 9, 5_000_000 if bid else 0, bid, 5_001_000 if ask else 0, ask, NOW_NS)
    _, data = told("orderbook.1", touch)
    wire = msgspec.json.decode(data, type=frames.Book)
    assert stream.touch_from_wire(wire, BTC_USDT, NOW_NS) == touch


def test_a_trade_comes_back():
    trade = Trade(0, 5, 5_000_000, 1_000, Side.SELL, NOW_NS)
    _, data = told("publicTrade", trade)
    (wire,) = msgspec.json.decode(data, type=tuple[frames.Trade, ...])
    assert wire.S == "Sell"
    assert stream.trade_from_wire(wire, LISTINGS) == trade
    wire.s = "X"
    with pytest.raises(DecodeError):
        stream.trade_from_wire(wire, LISTINGS)


def test_a_candle_comes_back_with_what_the_venue_tells_of_it():
    minute = 60 * 10**9
    open_ns = NOW_NS - NOW_NS % minute
    prices = (5_000_000, 5_001_000, 4_999_000, 5_000_500)
    candle = Candle(0, minute, open_ns, *prices, 7, 8 * 10**12, 0, 0, 0, 0, 0, True)
    _, data = told("kline.1", candle)
    (wire,) = msgspec.json.decode(data, type=tuple[frames.Candle, ...])
    assert (wire.confirm, wire.end) == (True, (open_ns + minute) // 10**6 - 1)
    assert stream.candle_from_wire(wire, BTC_USDT) == candle
    wire.interval = "7"
    with pytest.raises(DecodeError):
        stream.candle_from_wire(wire, BTC_USDT)


@pytest.mark.parametrize(
    "form", ["orderbook.2", "orderbook", "orderbook.x", "kline", "kline.2", "tickers.1", "x", ""]
)
def test_there_is_no_such_topic(form):
    assert stream.channel_of(form, BTC_USDT) is None
