"""Every dialogue over real sockets, all of them against one exchange in a process of its own."""

import pytest
from dialogues import CASES
from socket_rung import InSockets, Quiet

from steelyard import dialects
from steelyard.sim.dialogue import Skipped, hold
from steelyard.sim.script import Dialogue

pytestmark = pytest.mark.slow

NAMES = dialects.names()
EACH = 4  # every so many dialogues commands go over a WebSocket too


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dialogues")
    with Quiet(folder, NAMES, 2 * len(CASES) * len(NAMES)) as running:
        yield running


def held(dialogue: Dialogue, rung: InSockets) -> None:
    try:
        hold(dialogue, rung)
    except Skipped as skipped:
        pytest.skip(str(skipped))
    finally:
        rung.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dialogue", CASES, ids=str)
def test_a_dialogue_goes_as_it_is_written(quiet, dialogue, name):
    """As it went without sockets."""
    held(dialogue, InSockets(dialects.find(name), quiet))


@pytest.mark.parametrize("name", [n for n in NAMES if dialects.find(n).entry is not None])
@pytest.mark.parametrize("dialogue", CASES[::EACH], ids=str)
def test_it_does_so_too_where_orders_are_entered_over_a_websocket(quiet, dialogue, name):
    held(dialogue, InSockets(dialects.find(name), quiet, over_websocket=True))
