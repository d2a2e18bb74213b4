"""What is told of a bot, and when; time is an argument."""

import pytest

from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.observe.watchdog import AGAIN_NS, Kind, Policy, Sight, Told, Watchdog

T0 = 1_700_000_000 * SECOND_NS
POLICY = Policy(10 * SECOND_NS, 5 * MINUTE_NS, MINUTE_NS, kill_ns=30 * SECOND_NS)

WELL = {"is_there": True, "status": "running", "called_ns": 0}
GONE = {"is_there": False}
MUTE = {"is_there": True}


def told(dog: Watchdog, seen: dict, *seconds: float) -> list[tuple[float, str, str]]:
    """Return (second, what, kind) of each alert; called_ns of a well one is that very moment."""
    found = []
    for second in seconds:
        now_ns = T0 + int(second * SECOND_NS)
        more = {"called_ns": now_ns} if seen is WELL else {}
        alerts = dog.see(Sight(now_ns, **{**seen, **more}))
        found += [(second, alert.told.value, alert.kind.value) for alert in alerts]
    return found


def dog(policy: Policy = POLICY) -> Watchdog:
    return Watchdog("dip", policy, T0)


def test_a_bot_that_is_well_is_not_told_of():
    assert told(dog(), WELL, *range(0, 10_000, 7)) == []


def test_a_crash_is_told_at_once_and_killed_after_a_while():
    """Once each; when the mark is set it is over."""
    watch = dog()
    assert told(watch, WELL, 0) == []
    assert told(watch, GONE, *range(2, 60, 2)) == [
        (2, "trouble", "crashed"),
        (32, "kill", "crashed"),
    ]
    assert told(watch, {**GONE, "status": "killed"}, 60, 62) == [(60, "over", "crashed")]


def test_a_bot_that_ended_in_order_is_no_trouble_and_one_that_failed_is():
    watch = dog()
    told(watch, WELL, 0)
    assert told(watch, {**GONE, "ended": "SIGTERM; 0 left open"}, 2, 4) == []
    assert told(watch, {**GONE, "ended": "the disk", "code": 1}, 6, 8) == [(6, "trouble", "failed")]
    assert told(watch, {**GONE, "ended": "the disk", "code": 1}, 1_000) == [
        (1_000, "trouble", "failed")  # again, and never killed: it has said what was left
    ]


def test_silence_is_told_when_it_has_lasted():
    """A slow answer is none; one that lasts is, and is over with the first word."""
    watch = dog()
    assert told(watch, MUTE, 0, 5, 9) == []
    assert told(watch, WELL, 9.5) == []
    assert told(watch, MUTE, 10, 15, 19) == []
    assert told(watch, MUTE, 20, 30, 39) == [(20, "trouble", "silent")]
    assert told(watch, MUTE, 40, 50) == [(40, "kill", "silent")]
    assert told(watch, WELL, 51, 52) == [(51, "over", "silent")]


def test_a_strategy_that_nobody_calls_is_told_of_though_all_else_is_well():
    """Pain 20: alive but dead."""
    watch = dog()
    seen = {**WELL, "called_ns": T0}
    assert told(watch, seen, 1, 60, 299) == []
    assert told(watch, seen, 300) == [(300, "trouble", "stuck"), (300, "kill", "stuck")]
    assert told(watch, WELL, 301) == [(301, "over", "stuck")]


def test_a_bot_that_was_never_called_is_counted_from_the_first_look():
    assert told(dog(), {**WELL, "called_ns": None}, 1, 299, 300)[0] == (300, "trouble", "stuck")


def test_a_gate_is_told_of_when_it_has_lasted_and_is_never_a_reason_to_kill():
    watch = dog()
    gated = {"is_there": True, "status": "gated", "reason": "the book is stale"}
    assert told(watch, gated, *range(0, 600, 5)) == [(60, "trouble", "gated")]
    alerts = dog(POLICY._replace(gated_ns=0)).see(Sight(T0, **gated))
    assert alerts[0].text == "it is gated: the book is stale"


def test_a_strategy_that_raised_is_told_of():
    broken = {**WELL, "failure": "ZeroDivisionError: x", "status": "gated"}
    assert told(dog(), broken, 0) == [(0, "trouble", "broken")]


@pytest.mark.parametrize("status", ["killed", "stopping"])
def test_a_bot_that_was_stopped_by_somebody_is_no_trouble(status):
    seen = {"is_there": True, "status": status, "called_ns": T0}
    assert told(dog(), seen, 0, 1_000, 100_000) == []


def test_a_trouble_that_lasts_is_told_again():
    watch = dog(Policy())
    again_s = AGAIN_NS // SECOND_NS
    alerts = told(watch, GONE, *range(0, 3 * again_s, 60))
    assert [second for second, *_ in alerts] == [0, again_s, 2 * again_s]
    assert watch.trouble is Kind.CRASHED


def test_nobody_is_killed_without_a_policy():
    alerts = told(dog(Policy()), GONE, *range(0, 100_000, 100))
    assert {what for _, what, _ in alerts} == {Told.TROUBLE.value}


def test_one_trouble_after_another_is_told_as_two():
    watch = dog()
    told(watch, MUTE, 0, 11)
    alerts = told(watch, GONE, 12)
    assert alerts == [(12, "over", "silent"), (12, "trouble", "crashed")]
