from steelyard.domain.order import Side
from steelyard.wire.capture import Capture, RawDepth, RawTrade


def test_raw_messages_say_what_stands_and_no_more():
    """A trade is one execution unless it says otherwise, a depth a change unless it says so."""
    assert not RawTrade("X", 1, 2, Side.BUY, "1", "1").is_aggregate
    assert not RawDepth("X", None, 0, 0, (), ()).is_snapshot
    assert Capture("x", bool, list).snapshot is None
