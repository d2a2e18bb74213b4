import json

import pytest

from steelyard.dialects.bybit.capture import CAPTURE, FrameReader
from steelyard.domain.errors import DecodeError
from steelyard.domain.order import Side
from steelyard.wire.capture import RawDepth, RawTouch, RawTrade

TIME_NS = 1_700_000_000_123 * 10**6
TRADE = {"T": 1_700_000_000_123, "s": "BTCUSDT", "S": "Sell", "v": "0.5", "p": "1.10", "i": "9"}


def frame(topic, data, kind="snapshot"):
    told = {"topic": topic, "ts": 1_700_000_000_123, "type": kind, "data": data}
    return json.dumps(told, separators=(",", ":")).encode()


def book(number, kind="delta", bids=()):
    data = {"s": "BTCUSDT", "b": bids, "a": [], "u": number, "seq": 7}
    return frame("orderbook.50.BTCUSDT", data, kind)


def test_a_book_is_numbered_message_by_message():
    """A message of number 1 is a whole book, whatever it calls itself: the venue began anew."""
    reader = FrameReader()
    bids = (("50000.10", "0.250"),)
    told = [
        raw
        for heard in (book(7, "snapshot", bids), book(8, "delta", bids), book(1))
        for raw in reader.read(heard)
    ]
    assert told == [
        RawDepth("BTCUSDT", TIME_NS, 7, 7, bids, (), is_snapshot=True),
        RawDepth("BTCUSDT", TIME_NS, 8, 8, bids, ()),
        RawDepth("BTCUSDT", TIME_NS, 1, 1, (), (), is_snapshot=True),
    ]
    assert CAPTURE.is_ours(book(7))
    assert reader.market is None, "spot or contracts: it does not say"


def test_a_book_of_one_level_is_the_touch():
    """It comes beside a book, with numbers of its own."""
    data = {"s": "BTCUSDT", "b": [["1.10", "2"]], "a": [["1.20", "3"]], "u": 5, "seq": 7}
    (told,) = FrameReader().read(frame("orderbook.1.BTCUSDT", data))
    assert told == RawTouch("BTCUSDT", TIME_NS, 5, ("1.10", "2"), ("1.20", "3"))
    assert FrameReader().read(frame("orderbook.1.BTCUSDT", data | {"a": []})) == []


def test_numbers_keep_their_digits_and_trades_their_side():
    assert FrameReader().read(frame("publicTrade.BTCUSDT", [TRADE])) == [
        RawTrade("BTCUSDT", TIME_NS, 9, Side.SELL, "1.10", "0.5")
    ]


def test_what_is_about_no_market_tells_nothing():
    for other in (b'{"op":"pong"}', frame("tickers.BTCUSDT", {}), b"x"):
        assert FrameReader().read(other) == []


@pytest.mark.parametrize(
    "raw",
    [
        b'{"topic":"orderbook.50.BTCUSDT"',
        frame("orderbook.50.BTCUSDT", {}),
        frame("publicTrade.BTCUSDT", [TRADE | {"S": "up"}]),
        frame("publicTrade.BTCUSDT", [TRADE | {"T": -5}]),
    ],
)
def test_garbage_is_a_decode_error(raw):
    with pytest.raises(DecodeError):
        FrameReader().read(raw)
