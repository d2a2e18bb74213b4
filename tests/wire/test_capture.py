from steelyard.domain.order import Side
from steelyard.wire.capture import Capture, Joined, RawDepth, RawTrade


def test_raw_messages_say_what_stands_and_no_more():
    """A trade is one execution unless it says otherwise, a depth a change unless it says so."""
    assert not RawTrade("X", 1, 2, Side.BUY, "1", "1").is_aggregate
    assert not RawDepth("X", None, 0, 0, (), ()).is_snapshot
    assert Capture("x", bool, list).snapshot is None


def test_a_book_that_was_asked_for_is_told_as_it_is_after_later_changes():
    """What it has is not told again; one that the changes do not reach back to is passed over."""
    joined = Joined()
    change = RawDepth("X", 1, 11, 12, (("9", "0"), ("8", "5")), ())
    assert joined.change(change) == [change]
    assert joined.snapshot("X", 9, (("9", "1"),), ()) == []
    (book,) = joined.snapshot("X", 10, (("9", "1"), ("7", "2")), (("10", "3"),))
    bids = (("7", "2"), ("8", "5"))
    assert book == RawDepth("X", None, 12, 12, bids, (("10", "3"),), is_snapshot=True)
    assert joined.change(change) == []
    assert joined.symbols == ["X"]
