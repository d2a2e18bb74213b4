"""The objective as a surface: neighbours, plateaus, maps."""

from hypothesis import given
from hypothesis import strategies as st

from steelyard.backtest.sweep.figures import Objective
from steelyard.backtest.sweep.space import Space, parse_axis
from steelyard.backtest.sweep.surface import (
    BINS_MAX,
    heat_maps,
    index,
    near,
    neighbourhood,
    neighbours,
    steadiest,
)

SHARPE = Objective("sharpe", is_more_better=True)
FALL = Objective("drawdown", is_more_better=False)


def space_of(*values: list) -> Space:
    return Space(tuple(parse_axis(f"p{i}", v) for i, v in enumerate(values)), {}, ())


def test_neighbours_are_one_step_away_and_alike_where_there_is_no_order():
    space = space_of([1, 2, 3], [1, 2, 3], ["wide", "narrow"])
    points = dict.fromkeys(space.all(), 0.0)
    found = neighbours(index(space, points), (1, 1, 0))
    assert len(found) == 8
    assert {at[2] for at in found} == {0}
    assert sorted(neighbours(index(space, points), (0, 0, 1))) == [
        (0, 1, 1),
        (1, 0, 1),
        (1, 1, 1),
    ]


@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=3),
    st.integers(0, 10**6),
    st.integers(1, 400),
)
def test_neighbours_are_those_within_reach_on_every_axis(lengths, seed, count):
    """Found in either of two ways, they are the same."""
    space = space_of(*([*range(n)] for n in lengths))
    points = {space.at((seed + 7919 * i) % space.size): float(i) for i in range(count)}
    at = next(iter(points))
    reach = [near(axis) for axis in space.axes]
    expected = {
        other
        for other in points
        if other != at and all(abs(a - b) <= r for a, b, r in zip(at, other, reach, strict=True))
    }
    assert set(neighbours(index(space, points), at)) == expected


def test_a_plateau_keeps_what_a_peak_loses():
    """The lonely peak is the best trial, the plateau is the steadiest."""
    space = space_of([*range(9)])
    points = dict(zip(space.all(), [0.0, 5.0, 0.0, 0.0, 2.8, 3.0, 2.9, 0.0, 0.0], strict=True))
    found = index(space, points)
    peak = neighbourhood(found, (1,), SHARPE)
    assert (peak.neighbours, peak.median, peak.worst, peak.kept_share) == (2, 0.0, 0.0, 0.0)
    flat = neighbourhood(found, (5,), SHARPE)
    assert flat.kept_share > 0.9
    assert steadiest(found) == (5,)


def test_a_neighbourhood_of_what_is_better_when_less_is_told_as_it_is():
    space = space_of([1, 2, 3])
    points = {(0,): -0.4, (1,): -0.1, (2,): -0.2}  # signed: more is better
    around = neighbourhood(index(space, points), (1,), FALL)
    assert around.worst == 0.4
    assert abs(around.median - 0.3) < 1e-12
    assert abs(around.kept_share - 1 / 3) < 1e-12


def test_without_neighbours_nothing_is_said():
    space = space_of([1, 2, 3], ["a", "b"])
    found = index(space, {(0, 0): 1.0, (2, 1): 2.0})
    around = neighbourhood(found, (0, 0), SHARPE)
    assert (around.neighbours, around.median, around.kept_share) == (0, None, None)
    assert steadiest(found) is None
    assert (
        neighbourhood(index(space, {(0, 0): -1.0, (1, 0): -2.0}), (0, 0), SHARPE).kept_share is None
    )


def test_a_map_shows_the_median_over_the_rest_and_where_the_best_is():
    space = space_of([1, 2], ["x", "y"], [1, 2, 3])
    points = {at: float(at[0] * 10 + at[1] * 100 + at[2]) for at in space.all()}
    del points[(0, 0, 0)], points[(0, 0, 1)], points[(0, 0, 2)]
    maps = heat_maps(space, points, SHARPE, (1, 1, 2))
    assert [(found.x, found.y) for found in maps] == [("p0", "p1"), ("p0", "p2"), ("p1", "p2")]
    first = maps[0]
    assert (first.x_labels, first.y_labels) == (("1", "2"), ("x", "y"))
    assert first.medians == ((None, 11.0), (101.0, 111.0))
    assert first.counts == ((0, 3), (3, 3))
    assert first.best == (1, 1)


def test_one_parameter_is_a_line_and_a_long_one_is_joined():
    space = space_of([*range(100)], [7])
    points = {at: float(at[0]) for at in space.all()}
    (line,) = heat_maps(space, points, SHARPE, (99, 0))
    assert (line.y, len(line.x_labels), len(line.medians)) == ("", BINS_MAX, 1)
    assert line.x_labels[0] == "0 … 3"
    assert sum(line.counts[0]) == 100
    assert line.best == (BINS_MAX - 1, 0)
    assert list(line.medians[0]) == sorted(line.medians[0])
