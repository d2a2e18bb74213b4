"""What `Fade` decides, in five lines a test."""

from fade import Fade

from steelyard.testing import Bench

FLAT = ["100", "101"] * 100


def test_it_sells_a_rise_and_buys_back():
    """Short from the top on, flat when it has calmed down."""
    bench = Bench(Fade(size="0.5"), history=FLAT)
    assert bench.close("105", "110") == ["sell 0.5 market"]
    bench.fill()
    assert bench.close("100", "98", "96") == ["buy 0.5 market"]


def test_it_waits_until_it_knows_enough():
    """Without a past nothing is decided."""
    assert Bench(Fade()).close("100", "120", "140") == []
