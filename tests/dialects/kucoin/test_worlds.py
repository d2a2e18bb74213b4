"""Simulated worlds in this dialect: bots and an exchange under faults, judged by the auditor."""

import pytest

from steelyard.sim.plan import plan_of
from steelyard.sim.world import World
from steelyard.store import segment

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [2, 3, 12, 28])  # of those whose bots keep no stop at the venue
def test_a_world_keeps_its_rules(seed):
    assert World(plan_of(seed, "kucoin"), segment).run().events > 500
