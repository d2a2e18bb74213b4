"""Planted bugs are caught: the proof that the auditor can fail."""

import pytest

from steelyard.sim.world import Broken, World
from steelyard.store import segment
from tests.sim.mutations import CAUGHT_BY, MUTATIONS, Mutation

SEEDS_MAX = 100


def first_caught(mutation: Mutation, seeds) -> tuple[int, str] | None:
    """Return the first seed that catches a planted bug, and by which rule."""
    with pytest.MonkeyPatch.context() as patch:
        mutation.plant(patch)
        for seed in seeds:
            try:
                World(mutation.plan(seed), segment).run()
            except Broken as broken:
                return seed, broken.rule
    return None


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.plant.__name__)
def test_a_planted_bug_is_caught(mutation):
    """Within a hundred seeds, that which caught it last first; without it that world is good."""
    known = CAUGHT_BY.get(mutation.plant.__name__)
    seeds = [*([known] if known else []), *range(1, 1 + SEEDS_MAX)]
    caught = first_caught(mutation, seeds)
    assert caught is not None, "the auditor does not see it"
    World(mutation.plan(caught[0]), segment).run()
