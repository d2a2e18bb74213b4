"""Every dialogue over real sockets, all of them against one exchange in a process of its own.

Limits count by the host's time, which nothing but waiting brings on: the dialogues that pause for
it are all held at once.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from dialogues import CASES, untold
from socket_rung import InSockets, Quiet

from steelyard import dialects
from steelyard.sim.dialogue import Skipped, hold
from steelyard.sim.script import Dialogue

pytestmark = pytest.mark.slow

NAMES = dialects.names()
ENTERED = [name for name in NAMES if dialects.find(name).entry is not None]
YOUNG = ("bybit", "coinbase-advanced", "kucoin", "okx", "weex")  # by day some, at night all
MARKETS = 2 * len(CASES)  # of each dialect
EACH = 4  # every so many dialogues commands go over a WebSocket too
BY_DAY = CASES[1::EACH]  # of young dialects


class Held(NamedTuple):
    """A dialogue in the words of a dialect."""

    dialogue: Dialogue
    name: str
    over_websocket: bool = False

    def __str__(self) -> str:
        return f"{self.dialogue}-{self.name}"

    @property
    def pauses(self) -> bool:
        return any(turn.said.text.startswith("pause ") for turn in self.dialogue.turns)

    def on(self, quiet: Quiet) -> InSockets:
        return InSockets(dialects.find(self.name), quiet, over_websocket=self.over_websocket)


REQUESTED = [Held(dialogue, name) for dialogue in CASES for name in NAMES]
OVER_WEBSOCKET = [Held(dialogue, name, True) for dialogue in CASES[::EACH] for name in ENTERED]
PAUSING = [case for case in REQUESTED + OVER_WEBSOCKET if case.pauses]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """An exchange for all but the young: what one connection may follow bounds its markets."""
    names = [name for name in NAMES if name not in YOUNG]
    with Quiet(tmp_path_factory.mktemp("dialogues"), names, MARKETS * len(names)) as running:
        yield running


@pytest.fixture(scope="module")
def quiet_young(tmp_path_factory):
    """Another one for them."""
    with Quiet(tmp_path_factory.mktemp("young"), list(YOUNG), MARKETS * len(YOUNG)) as running:
        yield running


@pytest.fixture(scope="module")
def pausing(quiet):
    """What becomes of those that pause, which are held at the same time."""
    yield from all_at_once(quiet, [case for case in PAUSING if case.name not in YOUNG])


@pytest.fixture(scope="module")
def pausing_young(quiet_young):
    """The same for young dialects."""
    yield from all_at_once(quiet_young, [case for case in PAUSING if case.name in YOUNG])


def all_at_once(quiet: Quiet, cases: list[Held]):
    with ThreadPoolExecutor(len(cases)) as pool:
        yield {case: pool.submit(hold_closing, case, case.on(quiet)) for case in cases}


@pytest.fixture
def held(request):
    """Hold a dialogue, or tell what became of it."""

    def go_on(case: Held) -> None:
        try:
            young = "_young" if case.name in YOUNG else ""
            if case.pauses:
                request.getfixturevalue(f"pausing{young}")[case].result()
            else:
                hold_closing(case, case.on(request.getfixturevalue(f"quiet{young}")))
        except Skipped as skipped:
            pytest.skip(str(skipped))

    return go_on


def hold_closing(case: Held, rung: InSockets) -> None:
    try:
        hold(case.dialogue, rung)
    finally:
        rung.close()


def marked(cases: list[Held]) -> list[object]:
    """Return cases as parameters: most of the young dialects' for the nights."""
    return [pytest.param(case, marks=[*marks_of(case)], id=str(case)) for case in cases]


def marks_of(case: Held) -> Iterator[pytest.MarkDecorator]:
    if case.name in YOUNG and (case.dialogue not in BY_DAY or case.pauses):
        yield pytest.mark.night
    if (why := untold(case.dialogue, case.name)) is not None:
        yield pytest.mark.xfail(reason=why, strict=True)


@pytest.mark.parametrize("case", marked(REQUESTED))
def test_a_dialogue_goes_as_it_is_written(held, case):
    """As it went without sockets."""
    held(case)


@pytest.mark.parametrize("case", marked(OVER_WEBSOCKET))
def test_it_does_so_too_where_orders_are_entered_over_a_websocket(held, case):
    held(case)
