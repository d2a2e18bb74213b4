"""A few simulated worlds in this dialect: nothing is lost or doubled, whatever goes wrong."""

import pytest

from tests.sim.worlds import live


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 14])
def test_a_world_keeps_its_promises(seed):
    assert live(seed, "weex").events
