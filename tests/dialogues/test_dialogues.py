"""Every dialogue on the rungs without sockets, over every dialect found.

How to write one is told in docs/internals/TESTING.md, the form of the files in sim/script.py.
"""

import pytest
from dialogues import CASES, untold

from steelyard import dialects
from steelyard.sim.dialogue import Skipped, hold
from steelyard.sim.rungs import NEEDS, Direct, InDialect, Rung
from steelyard.sim.script import Dialogue

DIRECT = "direct"
WEBSOCKET = " over WebSocket"
NAMES = dialects.names()
RUNGS = (DIRECT, *NAMES, *(n + WEBSOCKET for n in NAMES if dialects.find(n).entry is not None))
DIALOGUES_MIN = 25


def rung_of(name: str, dialogue: Dialogue) -> Rung:
    if name == DIRECT:
        return Direct(frozenset(dialogue.needs))
    over_websocket = name.endswith(WEBSOCKET)
    return InDialect(dialects.find(name.removesuffix(WEBSOCKET)), over_websocket=over_websocket)


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("dialogue", CASES, ids=str)
def test_a_dialogue_goes_as_it_is_written(dialogue, rung, request):
    if (why := untold(dialogue, rung.removesuffix(WEBSOCKET))) is not None:
        request.applymarker(pytest.mark.xfail(reason=why, strict=True))
    try:
        hold(dialogue, rung_of(rung, dialogue))
    except Skipped as skipped:
        pytest.skip(str(skipped))


@pytest.mark.parametrize("dialogue", CASES, ids=str)
def test_every_dialogue_is_held_over_some_dialect(dialogue):
    """What a need leaves out everywhere is tested nowhere."""
    rungs = [InDialect(dialects.find(name)) for name in dialects.names()]
    assert any(all(rung.lacks(need) is None for need in dialogue.needs) for rung in rungs)


def test_there_are_as_many_as_there_should_be():
    assert len({dialogue.file for dialogue in CASES}) >= DIALOGUES_MIN


@pytest.mark.parametrize("need", NEEDS)
def test_every_need_is_there_somewhere(need):
    """A need that no dialect meets is misspelled, or nobody's."""
    rungs = [InDialect(dialects.find(name)) for name in dialects.names()]
    assert any(rung.lacks(need) is None for rung in rungs)
