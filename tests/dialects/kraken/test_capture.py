import pytest

from steelyard.dialects.kraken.capture import CAPTURE, FrameReader
from steelyard.domain.errors import DecodeError
from steelyard.domain.order import Side
from steelyard.wire.capture import RawDepth, RawTrade

TIME = '"timestamp":"2023-10-06T17:35:55.440295Z"'
ENTRY = f'{{"symbol":"BTC/USD","side":"sell","price":1.10,"qty":0.5,"trade_id":9,{TIME}}}'
TRADE = f'{{"channel":"trade","type":"update","data":[{ENTRY}]}}'
TIME_NS = 1_696_613_755_440_295_000


def book(kind, bids="", asks=""):
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{bids}],'
        f'"asks":[{asks}],"checksum":1,{TIME}}}]}}'
    ).encode()


def level(price, qty):
    return f'{{"price":{price},"qty":{qty}}}'


def test_numbers_keep_their_digits_and_trades_their_side():
    reader = FrameReader()
    (told,) = reader.read(book("snapshot", level("105944.20", "0.250")))
    bids = (("105944.20", "0.250"),)
    assert told == RawDepth("BTC/USD", TIME_NS, 0, 0, bids, (), is_snapshot=True)
    frame = TRADE
    assert reader.read(frame.encode()) == [
        RawTrade("BTC/USD", TIME_NS, 9, Side.SELL, "1.10", "0.5")
    ]
    assert reader.read(frame.replace("update", "snapshot").encode()) == [], "they were before"
    assert reader.read(b'{"channel":"heartbeat"}') == []
    assert CAPTURE.is_ours(frame.encode())


def test_what_a_change_pushes_beyond_the_depth_is_told_as_gone():
    """The venue does not say so, and tells no more of that level."""
    reader = FrameReader()
    reader.read(
        b'{"method":"subscribe","result":{"channel":"book","symbol":"BTC/USD","depth":2},'
        b'"success":true}'
    )
    reader.read(book("snapshot", ",".join([level(10, 1), level(9, 1)]), level(11, 1)))
    (told,) = reader.read(book("update", level("9.5", 1)))
    assert told.bids == (("9.5", "1"), ("9", "0"))
    (told,) = reader.read(book("update", level("9.5", 0), level(12, 1)))
    assert (told.bids, told.asks) == ((("9.5", "0"),), (("12", "1"),))
    (told,) = reader.read(book("update", "", level("10.5", 1)))
    assert told.asks == (("10.5", "1"), ("12", "0"))


@pytest.mark.parametrize(
    "raw",
    [
        b"x",
        b'{"channel":"book","type":"update","data":[{}]}',
        TRADE.replace("sell", "up").encode(),
    ],
)
def test_garbage_is_a_decode_error(raw):
    with pytest.raises(DecodeError):
        FrameReader().read(raw)
