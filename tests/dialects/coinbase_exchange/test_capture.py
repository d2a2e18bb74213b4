import pytest

from steelyard.dialects.coinbase_exchange.capture import CAPTURE, FrameReader
from steelyard.domain.errors import DecodeError
from steelyard.domain.order import Side
from steelyard.wire.capture import RawDepth, RawTrade

# 2021-04-17T16:43:37.444196Z
TIME = 1_618_677_817_444_196_000


def test_the_feed_is_read_as_it_stands():
    """A book begins with a snapshot; the side of a match is the maker's."""
    reader = FrameReader()
    snapshot = b'{"type":"snapshot","product_id":"SKL-USD","bids":[["1","2"]],"asks":[["3","4"]]}'
    update = (
        b'{"type":"l2update","product_id":"SKL-USD","changes":[["buy","1","0.0"],["sell","3","5"]],'
        b'"time":"2021-04-17T16:43:37.444196Z"}'
    )
    match = (
        b'{"type":"match","trade_id":7,"side":"buy","size":"2.5","price":"3","product_id":"SKL-USD",'
        b'"time":"2021-04-17T16:43:37.444196Z","sequence":1}'
    )
    assert reader.read(snapshot) == [
        RawDepth("SKL-USD", None, 0, 0, (("1", "2"),), (("3", "4"),), is_snapshot=True)
    ]
    assert reader.read(update) == [RawDepth("SKL-USD", TIME, 0, 0, (("1", "0.0"),), (("3", "5"),))]
    assert reader.read(match) == [RawTrade("SKL-USD", TIME, 7, Side.SELL, "3", "2.5")]
    assert reader.read(match.replace(b'"match"', b'"last_match"')) == [], "it was before"
    assert reader.read(b'{"type":"subscriptions","channels":[]}') == []
    assert CAPTURE.is_ours(match)
    assert not CAPTURE.is_ours(b'{"stream":"btcusdt@trade"}')


@pytest.mark.parametrize(
    "raw",
    [
        b"x",
        b'{"type":"match"}',
        b'{"type":"l2update","product_id":"A-B","changes":[["up","1","1"]]}',
        b'{"type":"match","trade_id":7,"side":"x","size":"1","price":"3","product_id":"A-B","time":"2021-04-17"}',
    ],
)
def test_garbage_is_a_decode_error(raw):
    with pytest.raises(DecodeError):
        FrameReader().read(raw)
