"""Simulated worlds in this dialect: bots and an exchange under faults, judged by the auditor."""

import pytest

from steelyard.sim.plan import plan_of
from steelyard.sim.world import World
from steelyard.store import segment

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [2, 8, 11, 12])  # pairs, stops kept at the venue, kills, a maker
def test_a_world_keeps_its_rules(seed):
    assert World(plan_of(seed, "coinbase-advanced"), segment).run().events > 500
