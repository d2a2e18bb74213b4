import polars as pl
import pytest

from steelyard.data.gaps import (
    SILENCE_NS,
    Edge,
    all_gaps,
    breaks,
    edges,
    gap_between,
    gaps_in,
    joined,
    within,
)
from steelyard.data.kinds import COLUMNS, Kind
from steelyard.data.manifest import Missing, Part

M = 60


def frame(kind, rows):
    return pl.DataFrame(rows, schema=COLUMNS[kind], orient="row")


def bars(*times):
    return frame(Kind.BARS, [(time, 1, 1, 1, 1, 1) for time in times])


def trades(*rows):
    return frame(Kind.TRADES, [(time, None, number, 0, 1, 1, 1) for time, number in rows])


def depth(*rows):
    return frame(
        Kind.DEPTH, [(t, None, first, last, 0, side, 1, 1) for t, first, last, side in rows]
    )


def test_bars_lack_the_intervals_that_have_none():
    assert gaps_in(Kind.BARS, bars(0, M, 4 * M, 5 * M), M) == ((2 * M, 4 * M),)
    assert gap_between(Kind.BARS, Edge(0, 0), Edge(3 * M, 0), M) == (M, 3 * M)
    assert gap_between(Kind.BARS, Edge(0, 0), Edge(M, 0), M) is None
    assert gaps_in(Kind.BARS, bars(0), M) == ()


def test_trades_lack_the_numbers_that_are_missing():
    """However long nothing happened; and numbers in another order within a moment are none."""
    assert gaps_in(Kind.TRADES, trades((1, 5), (2, 6), (9, 8))) == ((2, 9),)
    assert gaps_in(Kind.TRADES, trades((1, 5), (2, 7), (2, 6), (3, 8))) == ()
    assert gaps_in(Kind.TRADES, trades((1, 5), (2 * SILENCE_NS, 6))) == ()
    assert gap_between(Kind.TRADES, Edge(1, 5), Edge(9, 7)) == (1, 9)
    assert gap_between(Kind.TRADES, Edge(1, 5), Edge(2 * SILENCE_NS, 6)) is None
    assert edges(Kind.TRADES, trades((1, 5), (2, 7), (3, 6))) == (Edge(1, 5), Edge(3, 7))


def test_without_numbers_a_silence_is_a_gap():
    end = 1 + SILENCE_NS + 1
    assert gaps_in(Kind.TRADES, trades((1, 0), (end, 0))) == ((1, end),)
    assert gap_between(Kind.TOUCH, Edge(1, 900), Edge(end, 901)) == (1, end)
    assert gap_between(Kind.TOUCH, Edge(1, 900), Edge(SILENCE_NS, 999)) is None


def test_depth_breaks_where_a_message_does_not_go_on():
    """A snapshot begins anew; rows of one message belong together."""
    rows = depth(
        (1, 5, 6, 1), (1, 5, 6, -1), (2, 7, 9, 1), (3, 11, 12, 1), (4, 0, 30, 0), (4, 0, 30, 1)
    )
    assert breaks(rows).tolist() == [3]
    assert gaps_in(Kind.DEPTH, rows) == ((2, 3),)
    assert edges(Kind.DEPTH, rows[4:])[0] == Edge(4, 1), "nothing has to be before it"


def test_a_datasets_gaps_are_those_of_its_parts_and_between_them_and_the_named():
    parts = [Part("a", 2, 0, 2 * M, gaps=((M, 2 * M),)), Part("b", 1, 5 * M, 5 * M)]
    missing = [Missing(4 * M, 5 * M, "x"), Missing(9 * M, 10 * M, "y")]
    assert all_gaps(Kind.BARS, parts, missing, M) == (
        (M, 2 * M),
        (3 * M, 5 * M),
        (9 * M, 10 * M),
    )


@pytest.mark.parametrize(
    ("span", "want"),
    [
        ((None, None), ((1, 3), (5, 9))),
        ((2, 6), ((2, 3), (5, 6))),
        ((3, 5), ()),
        ((9, None), ()),
    ],
)
def test_a_span_has_its_part_of_the_gaps(span, want):
    assert within(joined([(5, 9), (1, 2), (2, 3)]), *span) == want
