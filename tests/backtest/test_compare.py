"""Two runs beside each other: figures, settings, curves, warnings, and where their fills part."""

import json
from decimal import Decimal

import pytest
from backtests import (
    DAY,
    MINUTE,
    SECOND,
    START,
    curve_of,
    fill,
    fills_of,
    random_fills,
    random_run,
    result_of,
)

from steelyard.backtest import compare, report
from steelyard.backtest.figures import Unit
from steelyard.backtest.page import Template

A = report.document(random_run(2, 60, skill=0.3, name="first"))
B = report.document(
    random_run(
        4, 60, skill=0.1, name="second", params={"fast": 8, "slow": 30},
        settings={"fees": {"maker": "0.001", "taker": "0.002"}, "queue": "pessimistic"},
    )
)  # fmt: skip


def of(*rows, **about):
    return report.document(result_of(fills_of(*rows), **about))


def test_a_run_beside_itself_differs_in_nothing():
    same = compare.document(A, A)
    assert same.summary == "The same settings and the same fills."
    assert all(pair.difference is None or float(pair.difference) == 0 for pair in same.figures)
    assert (same.differences, same.fills.rows, same.fills.differing) == ((), (), (0, 0))
    assert same.fills.are_same
    assert same.names == ("first (A)", "first (B)")


def test_figures_are_subtracted_exactly():
    """Money by decimal digits, the rest as numbers; what one has not has no difference."""
    pairs = {pair.name: pair for pair in compare.document(A, B).figures}
    for name, pair in pairs.items():
        if pair.unit in (Unit.QUOTE, Unit.BASE) and pair.difference is not None:
            assert Decimal(pair.difference) == Decimal(pair.b) - Decimal(pair.a), name
        elif pair.difference is not None:
            assert pair.difference == pair.b - pair.a, name
    nothing = {p.name: p for p in compare.document(A, report.document(result_of())).figures}
    assert nothing["trades.hit_share"].difference is None
    assert nothing["trades.hit_share"].a is not None
    assert pairs["sharpe"].difference == B.metrics.sharpe - A.metrics.sharpe


def test_settings_that_differ_are_named_by_their_path():
    found = {each.path: (each.a, each.b) for each in compare.document(A, B).differences}
    assert found == {
        "params.fast": ("5", "8"),
        "settings.fees.taker": ("0.001", "0.002"),
        "settings.latency_ms": ("20", None),
        "settings.queue": (None, "pessimistic"),
    }


def test_data_times_and_assumptions_are_settings_too():
    other = report.document(
        result_of(
            curve=curve_of([(START, 1.0), (START + 2 * DAY, 1.0)]), assumptions=(), sources=(),
            interval_ns=None, strategy="x:Y",
        )
    )  # fmt: skip
    found = compare.document(report.document(result_of()), other)
    paths = {each.path for each in found.differences}
    assert {"end", "interval_ns", "strategy", "data.0", "data.0.sha256"} <= paths
    assert "assumption.latency" in paths
    assert "not of the same time" in found.summary


def test_very_many_differences_are_capped_and_counted():
    other = report.document(result_of(settings={f"x{n}": n for n in range(1_000)}))
    found = compare.document(report.document(result_of()), other)
    assert len(found.differences) == compare.DIFFERENCES_MAX
    assert found.differences_left_out > 600


def test_fills_part_where_they_first_differ():
    """The same but for one price, one that is missing and one that came twice."""
    rows = [fill(START + n * MINUTE, 1, 10_000 + n, 100) for n in range(6)]
    other = list(rows)
    other[2] = fill(START + 2 * MINUTE, 1, 10_100, 100)
    del other[4]
    other.append(rows[5])
    found = compare.document(of(*rows), of(*other)).fills
    assert not found.are_same
    assert (found.totals, found.common, found.differing) == ((6, 6), 4, (2, 2))
    assert [(row.run, (row.time_ns - START) // MINUTE, row.price) for row in found.rows] == [
        (0, 2, "100.02"),
        (1, 2, "101.00"),
        (0, 4, "100.04"),
        (1, 5, "100.05"),
    ]
    assert (found.until_ns, found.left_out) == (None, 0)


def test_the_same_settings_with_other_fills_are_suspicious():
    found = compare.document(of(fill(START, 1, 10_000, 1)), of(fill(START, 1, 10_001, 1)))
    assert "not deterministic" in found.summary


def test_fills_that_a_file_left_out_are_not_compared_and_it_says_so():
    """Up to where both files have all; whether the rest is the same is told by the hash."""
    fills = random_fills(1, 5_000, lots_max=50)
    other = fills.copy()
    other["price_ticks"][2_500] += 1  # in the part that no file has
    first = report.document(result_of(fills))
    found = compare.document(first, report.document(result_of(other))).fills
    assert found.until_ns == int(fills["time_ns"][report.ROWS_FIRST - 1])
    assert found.differing == (0, 0)
    assert not found.are_same
    assert compare.document(first, report.document(result_of(fills.copy()))).fills.are_same


def test_only_the_first_fills_that_differ_are_listed():
    found = compare.document(
        report.document(result_of(random_fills(1, 300))),
        report.document(result_of(random_fills(2, 300))),
    ).fills
    assert len(found.rows) == compare.FILLS_MAX
    assert found.left_out == 600 - compare.FILLS_MAX - 2 * found.common
    times = [row.time_ns for row in found.rows]
    assert times == sorted(times)


def test_curves_are_returns_of_each_own_start():
    small = report.document(result_of(curve=curve_of([(START, 10.0), (START + DAY, 15.0)])))
    found = compare.document(small, report.document(result_of(curve=curve_of([])))).curves
    assert found[0].return_share == [0, 0.5]
    assert found[1].time_s == []


def test_warnings_of_either_are_beside_each_other():
    found = {each.rule: each for each in compare.document(A, of()).warnings}
    assert found["no_trades"].a is None
    assert "never traded" in found["no_trades"].b
    assert found["no_trades"].is_serious


def test_the_terminal_has_every_figure_and_what_differs():
    figures, settings, fills = compare.tables(compare.document(A, B))
    assert figures[0] == ("Figure", "A", "B", "B less A")
    assert len(figures[1]) == len(A.figures)
    assert ("params.fast", "5", "8") in settings[1]
    assert fills[0][0] == "Only in"
    assert len(compare.tables(compare.document(A, A))) == 1


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, Unit.QUOTE, "-"),
        ("1234.567800", Unit.QUOTE, "+1,234.57"),
        ("0", Unit.QUOTE, "+0.00"),
        ("0.0123", Unit.QUOTE, "+0.0123"),
        ("-0.00000012", Unit.QUOTE, "-0.00000012"),
        ("12", Unit.BASE, "+12"),
        ("-1234.00050", Unit.BASE, "-1,234.00050"),
        (0.12345, Unit.SHARE, "+12.35 %"),
        (0.001, Unit.RATE, "+10.00 bp"),
        (-1.5, Unit.RATIO, "-1.50"),
        (12_345, Unit.COUNT, "+12,345"),
        ("-0.2", Unit.QUOTE, "-0.20"),
        (DAY * 5 // 2, Unit.TIME, "+2.50 d"),
        (-DAY * 3 // 2, Unit.TIME, "-36.00 h"),
        (90 * SECOND, Unit.TIME, "+90.00 s"),
        (5 * MINUTE, Unit.TIME, "+5.00 min"),
        (0, Unit.TIME, "+0.00 s"),
    ],
)
def test_figures_in_a_terminal(value, unit, text):
    assert compare.written(value, unit, signed=True) == text


def test_a_comparison_is_json_and_a_page():
    made = compare.document(A, B)
    content = json.loads(compare.encode(made))
    assert (content["kind"], content["schema"]) == ("comparison", compare.SCHEMA)
    assert "first and second" in compare.html(made, Template("x", "y"))
