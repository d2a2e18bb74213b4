import pytest

from steelyard.dialects.binance.capture import CAPTURE, FrameReader, snapshot
from steelyard.domain.errors import DecodeError
from steelyard.domain.order import Side
from steelyard.exchange.listings import LISTINGS
from steelyard.wire.capture import RawDepth, RawTouch, RawTrade

MS = 10**6


def frame(stream, data):
    return f'{{"stream":"{stream}","data":{data}}}'.encode()


def depth(first, last, bids="", asks="", extra=""):
    return frame(
        "btcusdt@depth@100ms", f'{{"E":5,"U":{first},"u":{last},"b":[{bids}],"a":[{asks}]{extra}}}'
    )


def test_streams_are_read_as_they_stand():
    """Spot and futures; what the taker did follows from who the maker was."""
    reader, futures = FrameReader(), FrameReader()
    trade = '{"e":"trade","E":9,"s":"BTCUSDT","t":7,"p":"100.10","q":"0.5","T":8,"m":true,"M":true}'
    touch = '{"u":3,"s":"BTCUSDT","b":"1.0","B":"2","a":"1.1","A":"3"%s}'
    aggregate = '{"a":4,"p":"1","q":"2","f":1,"l":2,"T":8,"m":false}'
    assert reader.read(frame("btcusdt@trade", trade)) == [
        RawTrade("BTCUSDT", 8 * MS, 7, Side.SELL, "100.10", "0.5")
    ]
    assert reader.read(frame("btcusdt@aggTrade", aggregate)) == [
        RawTrade("BTCUSDT", 8 * MS, 4, Side.BUY, "1", "2", is_aggregate=True)
    ]
    assert reader.read(frame("btcusdt@bookTicker", touch % "")) == [
        RawTouch("BTCUSDT", None, 3, ("1.0", "2"), ("1.1", "3"))
    ]
    assert futures.read(frame("btcusdt@bookTicker", touch % ',"T":6,"E":6'))[0].venue_ns == 6 * MS
    assert reader.read(depth(4, 6, '["1","2"]')) == [
        RawDepth("BTCUSDT", 5 * MS, 4, 6, (("1", "2"),), ())
    ]
    assert futures.read(depth(9, 12, extra=',"pu":6'))[0].first_id == 7, "futures are chained by pu"
    assert reader.read(frame("btcusdt@kline_1m", "{}")) == []
    off_market = '{"T":8,"t":7,"p":"1","q":"1","m":true,"X":"INSURANCE_FUND"}'
    assert futures.read(frame("btcusdt@trade", off_market)) == []


def test_changes_that_came_before_their_snapshot_enter_it():
    """It was on its way meanwhile; changes that it has already are not told again."""
    reader = FrameReader()
    reader.read(depth(1, 5, '["10","1"],["9","4"]'))
    reader.read(depth(6, 8, '["10","0"],["8","3"]', '["11","2"]'))
    body = '{"lastUpdateId":5,"bids":[["10","1"],["9","4"]],"asks":[["12","7"]]}'
    (told,) = reader.read(frame("btcusdt@snapshot", body))
    assert (told.last_id, told.is_snapshot) == (8, True)
    assert dict(told.bids) == {"9": "4", "8": "3"}
    assert dict(told.asks) == {"12": "7", "11": "2"}
    assert reader.read(depth(7, 8, '["1","1"]')) == []
    assert len(reader.read(depth(9, 9, '["1","1"]'))) == 1


def test_a_snapshot_that_changes_do_not_reach_back_to_is_passed_over():
    reader = FrameReader()
    reader.read(depth(10, 12))
    old = '{"lastUpdateId":5,"bids":[],"asks":[]}'
    assert reader.read(frame("btcusdt@snapshot", old)) == []
    (bare,) = reader.read(b'{"lastUpdateId":12,"E":1,"bids":[["1","1"]],"asks":[]}')
    assert bare.symbol == "BTCUSDT"
    assert FrameReader().read(old.encode()) == [], "of which symbol it is, nobody has said"


def test_an_answer_becomes_a_frame():
    instrument = LISTINGS[0].instrument
    body = b'{"lastUpdateId":5,"bids":[["1","2"]],"asks":[]}'
    (told,) = FrameReader().read(snapshot(instrument, body))
    assert (told.symbol, told.bids) == ("BTCUSDT", (("1", "2"),))
    assert CAPTURE.is_ours(snapshot(instrument, body))
    with pytest.raises(DecodeError, match="is no book"):
        snapshot(instrument, b'{"code":-1121}')


@pytest.mark.parametrize("raw", [b"{}", b"x", b'{"stream":"btcusdt@trade","data":{"t":"x"}}'])
def test_garbage_is_a_decode_error(raw):
    with pytest.raises(DecodeError):
        FrameReader().read(raw)


def test_frames_of_spot_and_of_futures_are_told_apart():
    """By what only one of them has; a reader takes no frames of both."""
    touch = '{"u":3,"b":"1.0","B":"2","a":"1.1","A":"3","T":6}'
    aggregate = '{"a":4,"p":"1","q":"2","T":8,"m":false,"M":true}'
    for told, market in [
        (depth(9, 12, extra=',"pu":6'), "um"),
        (frame("btcusdt@bookTicker", touch), "um"),
        (frame("btcusd_perp@bookTicker", touch), "cm"),
        (depth(9, 12), ""),
        (frame("btcusdt@aggTrade", aggregate), ""),
        (frame("btcusdt@bookTicker", touch.replace(',"T":6', "")), None),
    ]:
        reader = FrameReader()
        assert reader.market is None
        reader.read(told)
        assert reader.market == market
    reader.read(depth(1, 2))
    with pytest.raises(DecodeError, match=r"is of um, those before it are of spot: .* of its own"):
        reader.read(depth(9, 12, extra=',"pu":6'))
