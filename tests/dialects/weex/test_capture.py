"""What was recorded of WEEX's channels, as it stands."""

import msgspec
import pytest

from steelyard.dialects.weex.capture import CAPTURE, FrameReader
from steelyard.domain.errors import DecodeError
from steelyard.domain.order import Side
from steelyard.wire.capture import RawDepth, RawTouch, RawTrade

MS = 1_700_000_000_123
TIME_NS = MS * 10**6


def frame(name, **data):
    return msgspec.json.encode({"e": name, "E": MS, "s": "BTCUSDT", **data})


def book(name, before, number, bids=()):
    return frame(name, U=before, u=number, l=200, d="CHANGED", b=bids, a=[])


def trade(**data):
    row = {"T": MS, "t": "9", "p": "1.10", "q": "0.50", "v": "0.55", "m": True}
    return [row | data]


def test_a_book_goes_on_from_the_number_before():
    bids = (("50000.10", "0.250"),)
    whole, changed = book("depthSnapshot", 0, 10, bids), book("depth", 10, 15, bids)
    reader = FrameReader()
    assert reader.read(whole) == [RawDepth("BTCUSDT", TIME_NS, 10, 10, bids, (), is_snapshot=True)]
    assert reader.read(changed) == [RawDepth("BTCUSDT", TIME_NS, 11, 15, bids, ())]
    assert CAPTURE.is_ours(whole)
    assert CAPTURE.is_ours(changed)
    assert CAPTURE.snapshot is None, "the stream begins with it"
    assert reader.market is None, "spot or contracts: it does not say"


def test_trades_and_the_touch_are_read_as_they_stand():
    """An id that is no number is none."""
    assert FrameReader().read(frame("trade", d=trade())) == [
        RawTrade("BTCUSDT", TIME_NS, 9, Side.SELL, "1.10", "0.50")
    ]
    (other,) = FrameReader().read(frame("trade", d=trade(m=False, t="b5d7-11")))
    assert (other.side, other.trade_id) == (Side.BUY, 0)
    (touch,) = FrameReader().read(frame("bookTicker", u=7, b="1.0", B="2", a="1.1", A="3"))
    assert touch == RawTouch("BTCUSDT", TIME_NS, 7, ("1.0", "2"), ("1.1", "3"))


def test_what_is_about_no_market_or_was_before_tells_nothing():
    for other in (
        frame("tradeSnapshot", d=trade()),
        frame("ticker", d=[]),
        b'{"result":true,"id":"sy"}',
        b'{"event":"ping","time":"1"}',
    ):
        assert FrameReader().read(other) == []


@pytest.mark.parametrize(
    "raw",
    [
        *(b"x", b"[]", frame("depth"), frame("trade", d=[{}]), frame("trade", d=trade(T=-1))),
        *(book("depth", 2**63, 2), book("depth", 1, -1)),
    ],
)
def test_garbage_is_a_decode_error(raw):
    with pytest.raises(DecodeError):
        FrameReader().read(raw)
