"""Every dialogue over real sockets, all of them against one exchange in a process of its own."""

import pytest
from dialogues import CASES
from socket_rung import InSockets, Quiet

from steelyard import dialects
from steelyard.sim.dialogue import Skipped, hold

pytestmark = pytest.mark.slow

NAMES = dialects.names()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dialogues")
    with Quiet(folder, NAMES, len(CASES) * len(NAMES)) as running:
        yield running


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dialogue", CASES, ids=str)
def test_a_dialogue_goes_as_it_is_written(quiet, dialogue, name):
    """As it went without sockets."""
    rung = InSockets(dialects.find(name), quiet)
    try:
        hold(dialogue, rung)
    except Skipped as skipped:
        pytest.skip(str(skipped))
    finally:
        rung.close()
