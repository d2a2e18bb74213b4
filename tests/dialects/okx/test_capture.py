import json
from collections import Counter

import pytest

from steelyard.data.captures import lines_of
from steelyard.dialects.okx.capture import CAPTURE, FrameReader
from steelyard.domain.errors import DecodeError
from steelyard.domain.order import Side
from steelyard.wire.capture import RawDepth, RawTrade

TIME_NS = 1_700_000_000_123 * 10**6
TRADE = {"instId": "BTC-USDT", "tradeId": "9", "px": "1.10", "sz": "0.5", "side": "sell"}
TRADE |= {"ts": "1700000000123"}


def frame(channel, *rows, action=None):
    told = {"arg": {"channel": channel, "instId": "BTC-USDT"}}
    told |= {} if action is None else {"action": action}
    return json.dumps(told | {"data": rows}, separators=(",", ":")).encode()


def change(previous, number, bids=(), **more):
    row = {"asks": [], "bids": bids, "ts": "1700000000123", "checksum": 0}
    return row | {"prevSeqId": previous, "seqId": number} | more


def test_a_book_goes_on_from_the_number_before():
    """Beats change nothing."""
    level = [["50000.10", "0.250", "0", "1"]]
    whole = frame("books", change(-1, 10, level), action="snapshot")
    told = [
        *FrameReader().read(whole),
        *FrameReader().read(frame("books", change(10, 15, level), action="update")),
        *FrameReader().read(frame("books", change(15, 15), action="update")),
    ]
    bids = (("50000.10", "0.250"),)
    assert told == [
        RawDepth("BTC-USDT", TIME_NS, 10, 10, bids, (), is_snapshot=True),
        RawDepth("BTC-USDT", TIME_NS, 11, 15, bids, ()),
    ]
    assert CAPTURE.is_ours(whole)


def test_a_book_of_a_time_without_numbers_has_none():
    row = {"asks": [], "bids": [], "ts": "1700000000123", "checksum": 5}
    (told,) = FrameReader().read(frame("books", row, action="update"))
    assert (told.first_id, told.last_id) == (0, 0)


def test_trades_that_are_counted_are_those_of_a_taker():
    """One by one they are told on another channel, or were, before they were counted."""
    one = RawTrade("BTC-USDT", TIME_NS, 9, Side.SELL, "1.10", "0.5")
    joined = TRADE | {"count": "3"}
    assert FrameReader().read(frame("trades", joined)) == [one._replace(is_aggregate=True)]
    assert FrameReader().read(frame("trades", TRADE)) == [one]
    assert FrameReader().read(frame("trades-all", joined)) == [one]


def test_what_is_about_no_market_tells_nothing():
    for other in (
        b"pong",
        b'{"event":"subscribe","arg":{"channel":"books"}}',
        frame("tickers", {}),
    ):
        assert FrameReader().read(other) == []


def test_what_the_venue_has_sent_is_read(shared_data):
    reader, told = FrameReader(), Counter()
    for _, _, heard in lines_of(shared_data / "captures/OKX.ws.1.0.gz"):
        told.update((type(raw), raw.symbol) for raw in reader.read(heard))
    assert told[RawDepth, "BTC-USDT"] == 1 + 97
    assert told[RawTrade, "BTC-USDT"] >= 69


@pytest.mark.parametrize(
    "raw",
    [b"x", frame("books", {}), frame("trades", TRADE | {"side": "up"}), frame("trades", {})],
)
def test_garbage_is_a_decode_error(raw):
    with pytest.raises(DecodeError):
        FrameReader().read(raw)
