"""A few simulated worlds in this dialect: nothing is lost or doubled, whatever goes wrong."""

import pytest

from tests.sim.worlds import live


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 5, 14])  # of those whose bots keep no stop at the venue
def test_a_world_keeps_its_promises(seed):
    assert live(seed, "weex").events
