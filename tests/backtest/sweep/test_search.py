"""Which trials are proposed."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.backtest.sweep import search
from steelyard.backtest.sweep.constraint import Constraint
from steelyard.backtest.sweep.search import Grid, RandomSearch, Tried, draw
from steelyard.backtest.sweep.space import Space, parse_axis
from steelyard.domain.errors import ConfigError


def space_of(*lengths: int, constraints: tuple[str, ...] = ()) -> Space:
    axes = tuple(parse_axis(f"p{i}", [*range(n)]) for i, n in enumerate(lengths))
    return Space(axes, {}, tuple(map(Constraint, constraints)))


def test_a_grid_is_every_combination_that_is_let_in():
    space = space_of(3, 3, constraints=("p0 < p1",))
    grid = Grid(space)
    assert grid.propose([]) == [(0, 1), (0, 2), (1, 2)]
    assert grid.propose([Tried((0, 1), 1.0)]) == [(0, 2), (1, 2)]
    assert grid.propose([Tried(at, None) for at in grid.propose([])]) == []


def test_a_grid_that_is_empty_or_too_large_is_refused():
    with pytest.raises(ConfigError, match="let no combination in"):
        Grid(space_of(3, constraints=("p0 > 5",)))
    with pytest.raises(ConfigError, match=r"100,000,000 combinations.*method = \"random\""):
        Grid(space_of(10_000, 10_000))


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_random_trials_are_different_ones_and_the_seeds_own(trials, seed):
    """As many as are asked for or as there are, each let in, the same for the same seed."""
    space = space_of(5, 5, constraints=("p0 != p1",))
    found = RandomSearch(space, trials, seed).propose([])
    assert len(set(found)) == len(found) == min(trials, 20)
    assert all(space.admits(at) for at in found)
    assert RandomSearch(space, trials, seed).propose([]) == found
    assert RandomSearch(space, trials, seed).propose([Tried(found[0], 0.0)]) == found[1:]


def test_another_seed_draws_others():
    space = space_of(1000, 1000)
    assert RandomSearch(space, 20, 1).propose([]) != RandomSearch(space, 20, 2).propose([])


def test_a_space_too_large_to_list_is_drawn_from_all_the_same():
    """Different, let in, not taken, and spread over the whole of it."""
    space = space_of(10_000, 10_000, constraints=("p0 < p1",))
    assert space.size > search.ENUMERATED_MAX
    taken = frozenset(draw(space, 5, Random(3)))
    found = draw(space, 200, Random(3), taken)
    assert len(set(found)) == 200
    assert not taken.intersection(found)
    assert all(a < b for a, b in found)
    assert max(a for a, _ in found) > 5_000 > min(a for a, _ in found)


def test_a_constraint_that_hardly_lets_anything_in_is_refused():
    with pytest.raises(ConfigError, match="hardly any combination"):
        RandomSearch(space_of(10_000, 10_000, constraints=("p0 == p1 + 9998",)), 1, 7)
