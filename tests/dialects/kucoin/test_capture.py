"""What was recorded of KuCoin's topics, as it stands."""

from collections import Counter

import msgspec
import pytest

from steelyard.data.captures import lines_of
from steelyard.dialects.kucoin.capture import CAPTURE, FrameReader
from steelyard.domain.errors import DecodeError
from steelyard.domain.order import Side
from steelyard.wire.capture import RawDepth, RawTouch, RawTrade
from tests.shared.desk import BTC_USDT

MS = 1_700_000_000_123
TIME_NS = MS * 10**6
BOOK = {"time": MS, "sequence": "10", "bids": [["1.10", "2"], ["1.00", "3"]], "asks": []}


def frame(topic, subject, data):
    message = {"type": "message", "topic": f"/market/{topic}:BTC-USDT", "subject": subject}
    return msgspec.json.encode({**message, "data": data})


def change(first, last, bids=(), asks=()):
    data = {"changes": {"bids": bids, "asks": asks}, "sequenceStart": first, "sequenceEnd": last}
    return frame("level2", "trade.l2update", data | {"symbol": "BTC-USDT", "time": MS})


def answer(book=BOOK):
    body = msgspec.json.encode({"code": "200000", "data": book})
    assert CAPTURE.snapshot is not None
    return CAPTURE.snapshot(BTC_USDT, body)


def test_a_change_is_a_range_of_numbers_and_of_one_price_the_newest_counts():
    bids = [["1.10", "5", "12"], ["1.10", "0.50", "13"], ["0", "0", "14"]]
    heard = change(12, 14, bids)
    (told,) = FrameReader().read(heard)
    assert told == RawDepth("BTC-USDT", TIME_NS, 12, 14, (("1.10", "0.50"),), ())
    assert CAPTURE.is_ours(heard)
    assert not CAPTURE.is_ours(b'{"stream":"btcusdt@trade"}')


def test_a_book_that_was_asked_for_is_told_as_it_is_after_the_changes_before_it():
    """And what it has is not told again."""
    reader = FrameReader()
    reader.read(change(11, 12, [["1.10", "0", "11"], ["1.05", "7", "12"]]))
    assert reader.read(answer()) == [
        RawDepth("BTC-USDT", None, 12, 12, (("1.00", "3"), ("1.05", "7")), (), is_snapshot=True)
    ]
    assert reader.read(change(10, 12)) == []
    assert len(reader.read(change(13, 13))) == 1


def test_a_book_that_changes_do_not_reach_back_to_is_passed_over():
    reader = FrameReader()
    reader.read(change(12, 12))
    assert reader.read(answer()) == []


def test_trades_and_the_touch_are_read_as_they_stand():
    match = {"price": "1.10", "size": "0.5", "side": "sell", "sequence": "9", "tradeId": "9"}
    match |= {"symbol": "BTC-USDT", "time": str(TIME_NS)}
    assert FrameReader().read(frame("match", "trade.l3match", match)) == [
        RawTrade("BTC-USDT", TIME_NS, 9, Side.SELL, "1.10", "0.5")
    ]
    ticker = {"sequence": "7", "price": "1", "size": "1", "time": MS}
    ticker |= {"bestBid": "1.0", "bestBidSize": "2", "bestAsk": "1.1", "bestAskSize": "3"}
    touch = RawTouch("BTC-USDT", TIME_NS, 7, ("1.0", "2"), ("1.1", "3"))
    assert FrameReader().read(frame("ticker", "trade.ticker", ticker)) == [touch]
    empty = ticker | {"bestAsk": "0"}
    assert FrameReader().read(frame("ticker", "trade.ticker", empty)) == []


def test_what_is_about_no_market_tells_nothing():
    for other in (
        b'{"id":"1","type":"welcome"}',
        b'{"id":"1","type":"pong"}',
        frame("candles", "trade.candles.update", {}),
    ):
        assert FrameReader().read(other) == []


def test_what_the_venue_has_sent_is_read(shared_data):
    """Of 2021: each change is one number after the one before."""
    reader, counts, last = FrameReader(), Counter(), {}
    for _, _, heard in lines_of(shared_data / "captures/KUCOIN.ws.1.0.gz"):
        for raw in reader.read(heard):
            counts[type(raw)] += 1
            if isinstance(raw, RawDepth):
                assert raw.first_id == last.get(raw.symbol, raw.first_id - 1) + 1
                last[raw.symbol] = raw.last_id
    assert counts[RawDepth] == 3_853
    assert counts[RawTrade] > 10
    assert counts[RawTouch] > 500


@pytest.mark.parametrize(
    "raw",
    [
        b"x",
        b"[]",
        frame("level2", "trade.l2update", {}),
        change(1, 2, [["1", "1", "x"]]),
        change(1, 2**63),
        change(-1, 2),
        change(1, 2).replace(str(MS).encode(), str(2**63 - 1).encode()),
        frame("match", "trade.l3match", {"side": "up"}),
    ],
)
def test_garbage_is_a_decode_error(raw):
    with pytest.raises(DecodeError):
        FrameReader().read(raw)


@pytest.mark.parametrize(
    "body", [b"x", b"{}", b'{"code":"400100"}', b'{"code":"200000","data":{}}']
)
def test_an_answer_that_is_no_book_is_a_decode_error(body):
    assert CAPTURE.snapshot is not None
    with pytest.raises(DecodeError):
        CAPTURE.snapshot(BTC_USDT, body)
