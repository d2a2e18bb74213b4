"""Why a bot did what it did, and did not: sentences from its journal alone."""

from typing import get_args

import pytest

from steelyard.domain.journal import Record
from steelyard.trading.actions import Role
from steelyard.trading.reasons import _SILENT, reasons_at
from steelyard.trading.records import TraderRecord
from tests.trading.session import new_world
from tests.trading.test_records import SAMPLES
from tests.trading.world import BEGIN_NS, hand_world

SECOND_NS = 10**9


def told(world, at: float | None = None, **options):
    time_ns = None if at is None else BEGIN_NS + int(at * SECOND_NS)
    return reasons_at(world.records(), time_ns=time_ns, **options)


def gate(reasons, name: str):
    return next(verdict for verdict in reasons.verdicts if verdict.gate == name)


def test_an_order_that_passed_is_told_with_what_it_was():
    world = hand_world(lambda hand: hand.buy("0.01", "59000"))
    world.run(3)
    reasons = told(world)
    (line,) = [line for line in reasons.lines if line.kind == "order"]
    assert line.passes
    assert "the strategy's wish to buy 0.01 at 59000 passed every gate and limit" in line.text
    assert reasons.sentence.startswith("orders could leave; the last wish: the strategy's wish")
    assert reasons.sentence.endswith("times and it wanted nothing")
    assert reasons.idle > 10
    assert all(verdict.passes for verdict in reasons.verdicts)


def test_a_refusal_names_the_limit_and_the_wish():
    world = hand_world(lambda hand: hand.buy("5", "59000"))
    world.run(3)
    (line,) = [line for line in told(world).lines if line.kind == "refusal"]
    assert line.passes is False
    assert line.text.startswith("the wish to buy 5 limit at 59000.00 was stopped by max_order_not")
    assert "raise [risk] max_order_notional" in line.text


def test_each_moment_has_its_own_answer():
    """Before the start, while a stream is down, killed, and after."""
    world = hand_world(lambda hand: hand.buy("0.01", "59000"))
    world.after(5, lambda: world.break_stream(Role.PRIVATE, back_s=3))
    world.after(20, lambda: world.kill("enough"))
    world.after(25, lambda: world.resume("looked at it"))
    world.run(30)
    assert told(world, -1).sentence == "no order could leave: process: it does not run"
    assert "no order could leave: streams: private is down" in told(world, 6.5).sentence
    assert "orders could leave" in told(world, 15).sentence
    assert told(world, 22).sentence == "no order could leave: kill: it is killed: enough"
    assert gate(told(world, 22), "kill").text == "it is killed: enough"
    assert "orders could leave" in told(world).sentence
    kills = [line.text for line in told(world).lines if line.kind == "kill"]
    assert kills == ["it was killed: enough", "it may trade again: looked at it"]


def test_a_strategy_that_failed_is_the_answer():
    def fail(_hand):
        raise ZeroDivisionError("of mine")

    world = hand_world(fail)
    world.guard = guarded
    world.boot()
    world.run(3)
    assert "strategy: it has failed: ZeroDivisionError: of mine" in told(world).sentence


def guarded(call) -> str | None:
    try:
        call()
    except ZeroDivisionError as error:
        return f"Traceback\nZeroDivisionError: {error}"
    return None


def test_what_the_venue_said_is_told():
    """Every order of a busy session, from the wish to its end, and no more lines than wanted."""
    world = new_world(10, crash_at={60})
    world.run(40)
    reasons = told(world, lines=10_000)
    kinds = {line.kind for line in reasons.lines}
    assert {"order", "fill", "cancel", "run", "gate", "stream"} <= kinds
    assert sum(line.text.startswith("it was started") for line in reasons.lines) == 2
    assert len(told(world, lines=3).lines) == 3
    assert [*told(world, lines=3).lines] == [*reasons.lines][-3:]


def test_no_kind_of_record_is_passed_over_without_a_reason():
    """A new one is told by its own words, or named among those that say nothing."""
    names = {kind.__name__ for kind in get_args(TraderRecord)}
    assert names > _SILENT
    assert len([*SAMPLES]) == len(names)


def test_numbers_that_are_kept_for_others_take_no_line():
    """Every fill is marked: thirty lines would be full of that."""
    quiet = {"DayBegan", "FillMarked", "Measured", "PeakSeen"}
    messages = [message for message in SAMPLES if type(message).__name__ in quiet]
    assert len(messages) == len(quiet)
    reasons = reasons_at(Record(n, n, message) for n, message in enumerate(messages, 1))
    assert not reasons.lines


class BreakerOpened:
    """A kind that this version does not know."""

    text = "5 rejects in a minute"


def test_a_kind_of_another_version_is_told_by_its_own_words(monkeypatch):
    reasons = reasons_at([])
    monkeypatch.setattr(reasons.past, "take", lambda _record: None)
    reasons.take(Record(1, 5, BreakerOpened()))
    assert reasons.lines[0].text == "breaker opened: 5 rejects in a minute"


def test_nothing_is_said_of_a_bot_that_never_ran():
    assert reasons_at([]).sentence == "no order could leave: process: it does not run"


@pytest.mark.parametrize("at", [None, 10])
def test_the_document_is_the_same_in_json(at):
    world = hand_world(lambda hand: hand.buy("0.01", "59000"))
    world.run(12)
    document = told(world, at).document()
    assert document["answer"] == told(world, at).sentence
    assert document["gates"][0]["gate"] == "process"
    assert document["lines"][-1]["sequence"] <= document["sequence"]
