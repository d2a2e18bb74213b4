"""The objective as a surface over the space: how steady it is around a trial, and maps of it.

A best trial on a lonely peak was probably found by luck; one on a plateau less so. Neighbours are
trials within one step on every axis whose values have an order (five in a hundred of its values
where there are many), and with the same value on the others. Values here are signed: more is
better. Maps show the median over all other parameters, so that one lucky trial colors nothing.
"""

from collections.abc import Mapping
from itertools import combinations, pairwise, product
from math import prod
from statistics import median
from typing import NamedTuple

from msgspec import Struct

from steelyard.backtest.sweep.figures import Objective
from steelyard.backtest.sweep.space import At, Axis, Space

BINS_MAX = 24  # on each side of a map
LOOKED_AT_MAX = 1_000  # trials whose neighbourhood is looked at
MAPS_MAX = 28  # every pair of eight parameters
NEAR_SHARE = 20  # one in so many of an axis' values is near

Points = Mapping[At, float]


class Neighbourhood(Struct, frozen=True, kw_only=True):
    """The trials around one. Figures are the objective's own; share is None where it means nothing.

    kept_share is the median neighbour over the trial itself: 1 is a plateau, 0 or less a peak.
    """

    neighbours: int
    median: float | None
    worst: float | None
    kept_share: float | None


class HeatMap(Struct, frozen=True, kw_only=True):
    """The objective by two parameters, or by one (then y is "" and there is one row).

    A cell is the median of its trials and how many they are; None and 0 where there is none. Labels
    are values, or `5 … 20` where several share a cell.
    """

    x: str
    y: str
    x_labels: tuple[str, ...]
    y_labels: tuple[str, ...]
    medians: tuple[tuple[float | None, ...], ...]  # rows, the first is the first of y_labels
    counts: tuple[tuple[int, ...], ...]
    best: tuple[int, int] | None  # column and row of the best trial


class Index(NamedTuple):
    """Points in an order that finds neighbours fast enough: by their place on the first axis."""

    space: Space
    points: Points
    by_first: dict[int, list[At]]


def index(space: Space, points: Points) -> Index:
    """Return an index of points."""
    by_first: dict[int, list[At]] = {}
    for at in points:
        by_first.setdefault(at[0], []).append(at)
    return Index(space, points, by_first)


def near(axis: Axis) -> int:
    """Return how many places away on an axis is still near."""
    return max(1, len(axis.values) // NEAR_SHARE) if axis.is_ordered else 0


def neighbours(found: Index, at: At) -> list[At]:
    """Return the trials around one, without itself."""
    reach = tuple(map(near, found.space.axes))
    ranges = [range(a - r, a + r + 1) for a, r in zip(at, reach, strict=True)]
    beside = [found.by_first[first] for first in ranges[0] if first in found.by_first]
    if prod(map(len, ranges)) < sum(map(len, beside)):
        return [other for other in product(*ranges) if other != at and other in found.points]
    return [
        other
        for places in beside
        for other in places
        if other != at and all(b in r for b, r in zip(other, ranges, strict=True))
    ]


def neighbourhood(found: Index, at: At, objective: Objective) -> Neighbourhood:
    """Return how the trials around one did."""
    values = [found.points[other] for other in neighbours(found, at)]
    if not values:
        return Neighbourhood(neighbours=0, median=None, worst=None, kept_share=None)
    middle, own = median(values), found.points[at]
    # Of a figure that is better when it is less, own is negative and so is the rest.
    if objective.is_more_better:
        kept = middle / own if own > 0 else None
    else:
        kept = own / middle if own < 0 and middle < 0 else None
    return Neighbourhood(
        neighbours=len(values),
        median=objective.plain(middle),
        worst=objective.plain(min(values)),
        kept_share=kept,
    )


def steadiest(found: Index, neighbours_min: int = 2) -> At | None:
    """Return the trial whose neighbourhood, itself included, has the best median.

    None where no trial has that many neighbours. Only the better half is looked at.
    """
    order = sorted(found.points, key=lambda at: (-found.points[at], at))
    best: tuple[float, float, At] | None = None
    for at in order[: max(1, (len(order) + 1) // 2)][:LOOKED_AT_MAX]:
        around = neighbours(found, at)
        if len(around) < neighbours_min:
            continue
        middle = median([found.points[at], *(found.points[other] for other in around)])
        if best is None or (middle, found.points[at]) > best[:2]:
            best = middle, found.points[at], at
    return None if best is None else best[2]


def heat_maps(
    space: Space, points: Points, objective: Objective, best: At | None
) -> tuple[HeatMap, ...]:
    """Return a map for each pair of parameters that vary, or one of the only one that does.

    At most `MAPS_MAX`: the pairs of the parameters that stand first.
    """
    varied = [place for place, axis in enumerate(space.axes) if len(axis.values) > 1]
    if len(varied) == 1:
        return (_heat_map(space, points, objective, best, varied[0], None),)
    pairs = list(combinations(varied, 2))[:MAPS_MAX]
    return tuple(_heat_map(space, points, objective, best, x, y) for x, y in pairs)


def _heat_map(
    space: Space, points: Points, objective: Objective, best: At | None, x: int, y: int | None
) -> HeatMap:
    columns = _bins(space.axes[x])
    rows = [range(1)] if y is None else _bins(space.axes[y])
    column_of = {place: column for column, places in enumerate(columns) for place in places}
    row_of = {place: row for row, places in enumerate(rows) for place in places}

    def cell(at: At) -> tuple[int, int]:
        return column_of[at[x]], 0 if y is None else row_of[at[y]]

    cells: dict[tuple[int, int], list[float]] = {}
    for at, value in points.items():
        cells.setdefault(cell(at), []).append(value)
    order = [[(column, row) for column in range(len(columns))] for row in range(len(rows))]
    return HeatMap(
        x=space.axes[x].name,
        y="" if y is None else space.axes[y].name,
        x_labels=_labels(space.axes[x], columns),
        y_labels=("",) if y is None else _labels(space.axes[y], rows),
        medians=tuple(
            tuple(objective.plain(median(cells[key])) if key in cells else None for key in row)
            for row in order
        ),
        counts=tuple(tuple(len(cells.get(key, ())) for key in row) for row in order),
        best=None if best is None else cell(best),
    )


def _bins(axis: Axis) -> list[range]:
    """Return the places of an axis in at most `BINS_MAX` bins of about the same number."""
    count = len(axis.values)
    bins = min(count, BINS_MAX)
    edges = [count * edge // bins for edge in range(bins + 1)]
    return [range(low, high) for low, high in pairwise(edges)]


def _labels(axis: Axis, bins: list[range]) -> tuple[str, ...]:
    return tuple(
        axis.text(places[0])
        if len(places) == 1
        else f"{axis.text(places[0])} … {axis.text(places[-1])}"
        for places in bins
    )
