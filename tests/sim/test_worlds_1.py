"""The first quarter of the worlds that only `make test` goes through, see `worlds.py`."""

import pytest

from tests.sim.worlds import PER_TEST, firsts, live_all

pytestmark = pytest.mark.slow


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", firsts(1))
def test_many_seeds_are_good(first):
    """Whatever goes wrong, nothing is doubled, lost, miscounted or let out too early."""
    live_all(range(first, first + PER_TEST))
