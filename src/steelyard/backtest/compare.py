"""Two reports beside each other: figures, curves, what was set otherwise, where their fills part.

It is made from the two documents alone, as their files have them, and not from the runs: so runs of
different versions, days or machines can be compared. What a document left out cannot be compared,
and it says so: fills are looked at up to where both documents have all of them, and whether all of
them are the same is told by their hashes.
"""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from steelyard.backtest import page
from steelyard.backtest.curves import DAY_NS
from steelyard.backtest.figures import Unit, Value
from steelyard.backtest.page import Template
from steelyard.backtest.report import ROWS_FIRST, FillRows, Head, Report, Verdict
from steelyard.domain.units import EXACT, in_full, plain

SCHEMA = 1
DIFFERENCES_MAX = 300  # settings
FILLS_MAX = 60  # of those that differ
CELL_MAX = 60  # characters of a setting in a terminal's table


class Pair(Struct, frozen=True, kw_only=True):
    """One figure of two runs; difference is the second less the first, None where one has none."""

    name: str
    label: str
    group: str
    unit: Unit
    better: int
    about: str
    a: Value
    b: Value
    difference: Value


class Difference(Struct, frozen=True, kw_only=True):
    """A setting that is not the same; None where a run has none of that name."""

    path: str
    a: str | None
    b: str | None


class ReturnCurve(Struct, frozen=True, kw_only=True):
    """A run's equity over what it began with, less one."""

    time_s: list[int]
    return_share: list[float]


class BothWarned(Struct, frozen=True, kw_only=True):
    """What a rule says of either run."""

    rule: str
    is_serious: bool
    a: str | None
    b: str | None


class FillRow(Struct, frozen=True, kw_only=True):
    """A fill that one run has and the other has not; run is 0 or 1."""

    run: int
    time_ns: int
    side: int
    price: str
    size: str
    is_maker: int
    fee: str
    fee_asset: str


class FillDifference(Struct, frozen=True, kw_only=True):
    """Where the fills of two runs part."""

    are_same: bool  # all of them, by their hashes
    totals: tuple[int, int]
    until_ns: int | None  # fills are compared before this time; None: all of them were
    common: int
    differing: tuple[int, int]
    rows: tuple[FillRow, ...]  # the first that differ, of both, in time order
    left_out: int


class Comparison(Struct, frozen=True, kw_only=True):
    """Two runs, as the JSON file of a comparison has them."""

    schema: int = SCHEMA
    kind: Literal["comparison"] = "comparison"
    heads: tuple[Head, Head]
    names: tuple[str, str]
    verdicts: tuple[Verdict, Verdict]
    summary: str
    figures: tuple[Pair, ...]
    differences: tuple[Difference, ...]
    differences_left_out: int
    curves: tuple[ReturnCurve, ReturnCurve]
    warnings: tuple[BothWarned, ...]
    fills: FillDifference


class _Fill(NamedTuple):
    time_ns: int
    side: int
    price: str
    size: str
    is_maker: int
    fee: str
    fee_asset: str


def document(a: Report, b: Report) -> Comparison:
    """Return two reports beside each other; differences are b less a."""
    settings = _differences(a, b)
    fills = _fills(a.fills, b.fills)
    names = (a.head.name, b.head.name)
    if names[0] == names[1]:
        names = (f"{names[0]} (A)", f"{names[1]} (B)")
    return Comparison(
        heads=(a.head, b.head),
        names=names,
        verdicts=(a.verdict, b.verdict),
        summary=_summary(a, b, len(settings), fills),
        figures=_figures(a, b),
        differences=tuple(settings[:DIFFERENCES_MAX]),
        differences_left_out=max(0, len(settings) - DIFFERENCES_MAX),
        curves=(_curve(a), _curve(b)),
        warnings=_warnings(a, b),
        fills=fills,
    )


def encode(comparison: Comparison) -> bytes:
    """Return the JSON file of a comparison."""
    return msgspec.json.encode(comparison)


def html(comparison: Comparison, template: Template) -> str:
    """Return the comparison as one HTML file that needs nothing else."""
    return page.render(" and ".join(comparison.names), encode(comparison), template)


def tables(comparison: Comparison) -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Return what a terminal shows: headings with their rows of text, one table after the other."""
    made: list[tuple[tuple[str, ...], list[tuple[str, ...]]]] = []
    figures: list[tuple[str, ...]] = [
        (
            pair.label,
            written(pair.a, pair.unit),
            written(pair.b, pair.unit),
            "=" if _is_same(pair) else written(pair.difference, pair.unit, signed=True),
        )
        for pair in comparison.figures
    ]
    made.append((("Figure", "A", "B", "B less A"), figures))
    if comparison.differences:
        cells: list[tuple[str, ...]] = [
            (each.path, _cell(each.a), _cell(each.b)) for each in comparison.differences
        ]
        made.append((("Set otherwise", "A", "B"), cells))
    if comparison.fills.rows:
        rows: list[tuple[str, ...]] = [
            (
                "AB"[row.run],
                _moment(row.time_ns),
                "buy" if row.side > 0 else "sell",
                row.price,
                row.size,
                f"{row.fee} {row.fee_asset}",
            )
            for row in comparison.fills.rows
        ]
        made.append((("Only in", "Time, UTC", "Side", "Price", "Size", "Fee"), rows))
    return made


def written(value: Value, unit: Unit, *, signed: bool = False) -> str:
    """Return a figure as a terminal shows it."""
    if value is None:
        return "-"
    sign = "+" if signed else ""
    match unit:
        case Unit.QUOTE:
            return _amount(Decimal(str(value)), sign)
        case Unit.BASE:
            return f"{Decimal(str(value)):{sign},f}"
        case Unit.SHARE:
            return f"{100 * float(value):{sign},.2f} %"
        case Unit.RATE:
            return f"{10_000 * float(value):{sign},.2f} bp"
        case Unit.RATIO | Unit.DAYS:
            return f"{float(value):{sign},.2f}"
        case Unit.COUNT:
            return f"{int(value):{sign},d}"
        case Unit.TIME:
            return _span(int(value), sign)


def _amount(amount: Decimal, sign: str) -> str:
    """Return an amount with cents, or where it is less than one with what it has of 8 decimals."""
    if not amount or abs(amount) >= 1:
        return f"{amount:{sign},.2f}"
    whole, _, rest = f"{amount:{sign}.8f}".partition(".")
    return f"{whole}.{rest.rstrip('0').ljust(2, '0')}"


def _span(duration_ns: int, sign: str) -> str:
    """Return a duration in the largest unit of which it has two."""
    for unit, size_ns in (("d", DAY_NS), ("h", DAY_NS // 24), ("min", DAY_NS // 1_440)):
        if abs(duration_ns) >= 2 * size_ns:
            return f"{duration_ns / size_ns:{sign},.2f} {unit}"
    return f"{duration_ns / 10**9:{sign},.2f} s"


def _summary(a: Report, b: Report, settings: int, fills: FillDifference) -> str:
    """Return in a line whether these are the same run, and if not, in what they differ."""
    same = "their fills are the same" if fills.are_same else "their fills differ"
    if not settings:
        if fills.are_same:
            return "The same settings and the same fills."
        return (
            "The same settings, but " + same + ": a strategy that is not deterministic, or one "
            "whose code was changed."
        )
    things = "One setting differs" if settings == 1 else f"{settings} settings differ"
    equal = " although it may have had no effect" if fills.are_same else ""
    text = f"{things}, and {same}{equal}."
    if (a.head.start_ns, a.head.end_ns) != (b.head.start_ns, b.head.end_ns):
        text += " They are not of the same time, so their figures compare two markets as well."
    return text


def _figures(a: Report, b: Report) -> tuple[Pair, ...]:
    others = {figure.name: figure for figure in b.figures}
    return tuple(
        Pair(
            name=figure.name,
            label=figure.label,
            group=figure.group,
            unit=figure.unit,
            better=figure.better,
            about=figure.about,
            a=figure.value,
            b=others[figure.name].value,
            difference=_less(others[figure.name].value, figure.value, figure.unit),
        )
        for figure in a.figures
        if figure.name in others
    )


def _less(value: Value, other: Value, unit: Unit) -> Value:
    if value is None or other is None:
        return None
    if unit in (Unit.QUOTE, Unit.BASE):
        left = EXACT.subtract(Decimal(str(value)), Decimal(str(other)))
        return in_full(plain(left))
    assert not isinstance(value, str), "only amounts are text"
    assert not isinstance(other, str), "only amounts are text"
    return value - other


def _is_same(pair: Pair) -> bool:
    return pair.difference is not None and Decimal(str(pair.difference)) == 0


def _differences(a: Report, b: Report) -> list[Difference]:
    """Return the settings that are not the same, by path."""
    left, right = _settings(a), _settings(b)
    paths = [*left, *(path for path in right if path not in left)]
    return [
        Difference(path=path, a=left.get(path), b=right.get(path))
        for path in paths
        if left.get(path) != right.get(path)
    ]


def _settings(report: Report) -> dict[str, str]:
    """Return everything that made a run what it is, as paths with texts."""
    head = report.head
    found = {
        "strategy": head.strategy,
        "symbol": head.symbol,
        "start": _moment(head.start_ns),
        "end": _moment(head.end_ns),
        "interval_ns": str(head.interval_ns),
        "tick_size": head.tick_size,
        "lot_size": head.lot_size,
        "version": head.version,
    }
    for number, source in enumerate(head.sources):
        found[f"data.{number}"] = source.name
        found[f"data.{number}.sha256"] = source.sha256
    found |= dict(_lines("params", report.params))
    found |= dict(_lines("settings", report.settings))
    for number, (about, text) in enumerate(report.assumptions):
        path = f"assumption.{about}"
        found[path if path not in found else f"{path}.{number}"] = text
    return found


def _lines(path: str, value: Any) -> list[tuple[str, str]]:
    match value:
        case dict():
            return [line for name, each in value.items() for line in _lines(f"{path}.{name}", each)]
        case list() | tuple() if any(isinstance(each, dict | list | tuple) for each in value):
            return [
                line
                for number, each in enumerate(value)
                for line in _lines(f"{path}.{number}", each)
            ]
        case list() | tuple():
            return [(path, ", ".join(map(str, value)))]
        case _:
            return [(path, "none" if value is None else str(value))]


def _curve(report: Report) -> ReturnCurve:
    equity = report.curve.equity
    if not equity or equity[0] <= 0:
        return ReturnCurve(time_s=[], return_share=[])
    return ReturnCurve(
        time_s=report.curve.time_s,
        return_share=[float(f"{value / equity[0] - 1.0:.6g}") for value in equity],
    )


def _warnings(a: Report, b: Report) -> tuple[BothWarned, ...]:
    left = {warned.rule: warned for warned in a.warnings}
    right = {warned.rule: warned for warned in b.warnings}
    rules = [*left, *(rule for rule in right if rule not in left)]
    both = [
        BothWarned(
            rule=rule,
            is_serious=any(side[rule].is_serious for side in (left, right) if rule in side),
            a=left[rule].text if rule in left else None,
            b=right[rule].text if rule in right else None,
        )
        for rule in rules
    ]
    return tuple(sorted(both, key=lambda each: not each.is_serious))


def _fills(a: FillRows, b: FillRows) -> FillDifference:
    are_same = a.sha256 == b.sha256
    until = _until(a, b)
    left, right = _before(a, until), _before(b, until)
    counted, other = Counter(left), Counter(right)
    only = ((counted - other), (other - counted))
    rows = sorted(
        (
            FillRow(run=run, **fill._asdict())
            for run, found in enumerate(only)
            for fill in found.elements()
        ),
        key=lambda row: (row.time_ns, row.run),
    )
    return FillDifference(
        are_same=are_same,
        totals=(a.total, b.total),
        until_ns=until,
        common=(counted & other).total(),
        differing=(only[0].total(), only[1].total()),
        rows=tuple(rows[:FILLS_MAX]),
        left_out=max(0, len(rows) - FILLS_MAX),
    )


def _until(a: FillRows, b: FillRows) -> int | None:
    """Return the time from which a document lacks fills, the earlier one; None if neither does."""
    ends = [rows.time_ns[ROWS_FIRST - 1] for rows in (a, b) if rows.left_out]
    return min(ends) if ends else None


def _before(rows: FillRows, until_ns: int | None) -> list[_Fill]:
    columns = (
        rows.time_ns, rows.side, rows.price, rows.size, rows.is_maker, rows.fee, rows.fee_asset,
    )  # fmt: skip
    found = [_Fill(*row) for row in zip(*columns, strict=True)]
    return [fill for fill in found if until_ns is None or fill.time_ns < until_ns]


def _cell(text: str | None) -> str:
    if text is None:
        return "-"
    return text if len(text) <= CELL_MAX else f"{text[: CELL_MAX - 3]}..."


def _moment(time_ns: int) -> str:
    """Return a UTC time to the second, as text."""
    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S}"
