import json

import pytest

from steelyard.dialects.coinbase_advanced.capture import CAPTURE, FrameReader
from steelyard.domain.errors import DecodeError
from steelyard.domain.order import Side
from steelyard.wire.capture import RawDepth, RawTrade

AT = "2026-04-07T14:30:01.456789Z"
TIME_NS = 1_775_572_201_456_789_000
TRADE = {"trade_id": "9", "product_id": "BTC-USD", "price": "1.10", "size": "0.5", "side": "BUY"}


def frame(number, channel, *events):
    head = {"channel": channel, "client_id": "", "timestamp": AT, "sequence_num": number}
    return json.dumps(head | {"events": events}, separators=(",", ":")).encode()


def book(kind, *levels, product="BTC-USD"):
    updates = [
        {"side": side, "event_time": AT, "price_level": price, "new_quantity": size}
        for side, price, size in levels
    ]
    return {"type": kind, "product_id": product, "updates": updates}


def test_a_book_goes_on_while_no_message_is_missing():
    """After one is, changes are of no book that is known, until it is told anew."""
    reader = FrameReader()
    whole = frame(0, "l2_data", book("snapshot", ("bid", "50.10", "0.250"), ("offer", "51", "1")))
    bids, asks = (("50.10", "0.250"),), (("51", "1"),)
    snapshot = RawDepth("BTC-USD", TIME_NS, 0, 0, bids, asks, is_snapshot=True)
    assert reader.read(whole) == [snapshot]
    assert reader.read(frame(1, "heartbeats", {})) == []
    gone = book("update", ("bid", "50.10", "0"))
    assert reader.read(frame(2, "l2_data", gone)) == [
        RawDepth("BTC-USD", TIME_NS, 0, 0, (("50.10", "0"),), ())
    ]
    assert reader.read(frame(4, "l2_data", gone)) == []
    assert reader.read(whole) == [snapshot], "a connection begins anew"
    assert CAPTURE.is_ours(whole)
    assert not CAPTURE.is_ours(b'{"channel":"book","type":"snapshot"}')


def test_trades_are_the_takers_and_oldest_first():
    """Those of a snapshot were before; an id need not be a number."""
    newer = {**TRADE, "trade_id": "d3b07384", "time": AT, "side": "SELL"}
    told = {"type": "update", "trades": [newer, {**TRADE, "time": AT}]}
    reader = FrameReader()
    assert reader.read(frame(0, "market_trades", {**told, "type": "snapshot"})) == []
    assert reader.read(frame(1, "market_trades", told)) == [
        RawTrade("BTC-USD", TIME_NS, 9, Side.SELL, "1.10", "0.5"),
        RawTrade("BTC-USD", TIME_NS, 0, Side.BUY, "1.10", "0.5"),
    ]


def test_what_is_about_no_market_tells_nothing():
    assert FrameReader().read(b'{"type":"error","message":"authentication failure"}') == []
    assert FrameReader().read(frame(0, "subscriptions", {"subscriptions": {}})) == []


@pytest.mark.parametrize(("name", "count"), [("ws_l2_data_update", 0), ("ws_market_trades", 2)])
def test_what_the_venue_has_sent_is_read(shared_data, name, count):
    """Of a book that did not begin there is nothing to tell."""
    recorded = json.loads((shared_data / f"payloads/coinbase/{name}.json").read_text())
    raw = json.dumps(recorded, separators=(",", ":")).encode()
    assert CAPTURE.is_ours(raw)
    assert len(FrameReader().read(raw)) == count


@pytest.mark.parametrize(
    "raw",
    [
        b"x",
        frame("0", "l2_data"),
        frame(0, "l2_data", {}),
        frame(0, "l2_data", book("snapshot", ("up", "1", "1"))),
        frame(0, "market_trades", {"type": "update", "trades": [{**TRADE, "side": "up"}]}),
        frame(0, "market_trades", {"type": "update", "trades": [{**TRADE, "time": "now"}]}),
    ],
)
def test_garbage_is_a_decode_error(raw):
    with pytest.raises(DecodeError):
        FrameReader().read(raw)
