import numpy as np
import polars as pl
import pytest

from steelyard.data.catalog import open_catalog
from steelyard.data.checks import _Found, check_dataset, check_rows
from steelyard.data.importing import import_file
from steelyard.data.kinds import COLUMNS, Kind
from steelyard.data.manifest import Missing
from steelyard.data.reading import Wanted
from steelyard.data.writing import name_missing

MINUTE = 60 * 10**9


def found(kind, *frames):
    collected = _Found()
    made = [pl.DataFrame(rows, schema=COLUMNS[kind], orient="row") for rows in frames]
    check_rows(kind, iter(made), collected)
    return {
        finding.what: (finding.count, [t for t, _ in finding.places]) for finding in collected.all()
    }


def bars(*closes, begin=0):
    return [
        (MINUTE * (begin + n), c, c + 1 + n % 3, c - 1 - n % 2, c, 5 + n * n)
        for n, c in enumerate(closes)
    ]


def trades(*rows):
    return [(time, time, number, 0, 1, price, size) for time, number, price, size in rows]


def test_sound_rows_have_no_findings():
    assert found(Kind.BARS, bars(100, 101, 103, 102, 104)) == {}
    assert found(Kind.TRADES, trades((1, 1, 100, 1), (2, 2, 101, 2))) == {}


@pytest.mark.parametrize("cut", range(1, 6))
def test_an_outlier_is_found_wherever_the_rows_are_cut(cut):
    """It is far from both neighbors, which agree; a market that moves is none."""
    rows = bars(100, 101, 150, 102, 101, 103)
    want = {"outliers of more than 10 %": (1, [2 * MINUTE])}
    assert found(Kind.BARS, rows[:cut], rows[cut:]) == want
    assert found(Kind.BARS, bars(100, 101, 150, 151, 149)) == {}


def test_bars_that_cannot_be_are_found():
    rows = bars(100, 101, 103)
    rows[1] = (MINUTE, 101, 100, 102, 101, -1)
    assert found(Kind.BARS, rows) == {
        "bars whose prices are outside their low and high": (1, [MINUTE]),
        "bars of negative volume": (1, [MINUTE]),
    }
    assert found(Kind.BARS, [*bars(100), *bars(100)])["bars told twice"] == (1, [0])


def test_bars_on_a_straight_line_look_filled_in():
    rows = [(MINUTE * n, 100 + 5 * n, 110 + 5 * n, 90 + 5 * n, 100 + 5 * n, 7) for n in range(6)]
    what = "bars on a straight line between others, which look filled in"
    assert found(Kind.BARS, rows)[what][0] == 4
    flat = [(MINUTE * n, 100, 110, 90, 100, 7) for n in range(6)]
    assert found(Kind.BARS, flat) == {}, "a market without trades stands still"


def test_time_that_goes_back_and_numbers_told_twice_are_found():
    rows = trades((5, 1, 100, 1), (4, 2, 100, 1), (6, 2, 100, 1))
    assert found(Kind.TRADES, rows) == {
        "rows before the one before them": (1, [4]),
        "rows whose number is told twice": (2, [4, 6]),
    }
    late = trades((5, 7, 100, 1), (6, 3, 100, 0))
    assert found(Kind.TRADES, late) == {
        "trades later than ones of higher numbers": (1, [6]),
        "trades without a positive size": (1, [6]),
    }


def test_crossed_books_are_found():
    """Of a touch, and of the book that depth makes, after each whole message."""
    touch = [
        (1, 1, 1, 0, 100, 1, 101, 1),
        (2, 2, 2, 0, 101, 1, 101, 1),
        (3, 3, 3, 0, 102, 0, 101, 1),
    ]
    assert found(Kind.TOUCH, touch)["crossed books"] == (1, [2])
    depth = [
        (1, 1, 1, 1, 0, 1, 100, 1),
        (1, 1, 1, 1, 1, -1, 101, 1),
        (2, 2, 2, 2, 0, 1, 102, 1),  # crosses, and the same message mends it
        (2, 2, 2, 2, 1, -1, 101, 0),
        (3, 3, 3, 3, 0, -1, 102, 4),
        (4, 4, 4, 4, 0, 1, 102, 0),
    ]
    assert found(Kind.DEPTH, depth[:3], depth[3:])["crossed books"] == (1, [3])
    cut = [*depth[:5], (9, 9, 20, 20, 0, 1, 90, 1), (10, 10, 21, 21, 0, 1, 91, 1)]
    assert found(Kind.DEPTH, cut)["crossed books"] == (1, [3]), "after a gap the book is not known"


def test_gaps_come_with_their_length_and_their_reason(tmp_path):
    path = tmp_path / "BTC-USDT-1m.csv"
    path.write_text("\n".join(f"{1_704_067_200_000 + n * 60_000},1,1,1,1,1" for n in (0, 1, 9)))
    import_file(tmp_path / "c", path, Wanted("x"), now_ns=1)
    catalog = open_catalog(tmp_path / "c")
    (manifest,) = catalog.datasets()
    begin = manifest.first_ns
    (gap,) = check_dataset(catalog, manifest)
    assert (gap.what, gap.count, gap.places) == ("gaps", 1, ((begin + 2 * MINUTE, "00:07:00"),))
    day = Missing(begin + 20 * MINUTE, begin + 30 * MINUTE, "not in the archive")
    manifest = name_missing(catalog.root, manifest.key, [day])
    (gaps,) = check_dataset(catalog, manifest)
    assert gaps.places[1] == (begin + 20 * MINUTE, "00:10:00, not in the archive")
    assert check_dataset(catalog, manifest, begin, begin + 2 * MINUTE) == []


def test_places_are_counted_and_the_first_are_kept():
    collected = _Found()
    collected.add("x", np.arange(100), [str(n) for n in range(100)])
    collected.add("x", np.arange(3))
    (finding,) = collected.all()
    assert finding.count == 103
    assert finding.places == tuple((n, str(n)) for n in range(5))
