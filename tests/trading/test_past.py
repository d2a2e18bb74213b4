"""Any past moment, from the journal: what the running bot reported then."""

from bisect import bisect_right
from operator import itemgetter
from random import Random

import msgspec
import pytest

from steelyard.domain.journal import Record
from steelyard.trading.actions import Role, Stop
from steelyard.trading.past import Past, past_at
from steelyard.trading.records import BreakerResumed, BreakerTripped, DayBegan
from steelyard.trading.report import state_document
from tests.trading.session import new_world
from tests.trading.world import Crash

MOMENTS = 1_000
GATE_NS = 1_000_000_000


def reported(trader) -> dict:
    """Return what a running bot reports that its journal has: not what the market tells it."""
    document = state_document(trader)
    for order in document["orders"]:
        del order["ahead"]
    protection = document["protection"]
    return {
        "orders": document["orders"],
        "fills": document["fills"],
        "position": document["position"],
        "realized": document["pnl"]["realized"],
        "fees": document["pnl"]["fees"],
        "trigger": None if protection is None else protection["trigger"],
        "killed": trader.turn.state.killed_why,
        "bot": document["bot"],
        "breakers": {b["name"]: b["since"] for b in document["breakers"] if b["since"]},
        "streams": {role.value: why is None for role, why in trader._streams.items()},
    }


def replayed(past: Past) -> dict:
    document = msgspec.json.decode(msgspec.json.encode(past.document()))
    protection = document["protection"]
    return {
        **{name: document[name] for name in ("orders", "fills", "position", "killed", "bot")},
        "realized": document["pnl"]["realized"],
        "fees": document["pnl"]["fees"],
        "breakers": {breaker["name"]: breaker["since"] for breaker in document["breakers"]},
        "trigger": None if protection is None else protection["trigger"],
        "streams": {"market": False, "private": False}
        | {role: why is None for role, why in document["streams"].items()},
    }


@pytest.fixture(scope="module")
def lived():
    """Return a day of a bot: its journal, and what it reported after each step, by time.

    It trades, loses a stream, is killed and let go, crashes and comes back.
    """
    world = new_world(60, crash_at={90, 300})
    reports: dict[int, tuple[dict, str] | None] = {}
    act = world._act

    def keep(actions):
        try:
            act(actions)
        except Crash:
            reports[world.now_ns] = None  # nobody reports until it is back
            raise
        if world.trader.startup.desk is not None:
            told = reported(world.trader), world.trader.status.word
            reports[world.now_ns] = told

    world._act = keep
    world.after(3.3, lambda: world.break_stream(Role.PRIVATE, back_s=1))
    world.after(20, world.kill)
    world.after(25, world.resume)
    world.run(80)
    assert world.crashes == 2
    assert len(reports) > MOMENTS // 3
    return world.records(), reports


def test_a_thousand_random_moments_are_as_the_bot_reported_them(lived):
    """A moment is any time; what was reported last before it was so then."""
    records, reports = lived
    times = sorted(reports)
    rng, past, at = Random(9), Past(), 0
    drawn = (rng.randrange(times[0], times[-1]) for _ in range(2 * MOMENTS))
    latest = ((time_ns, reports[times[bisect_right(times, time_ns) - 1]]) for time_ns in drawn)
    alive = [(time_ns, report) for time_ns, report in latest if report is not None][:MOMENTS]
    assert len(alive) == MOMENTS
    for time_ns, report in sorted(alive, key=itemgetter(0)):
        while at < len(records) and records[at].time_ns <= time_ns:
            past.take(records[at])
            at += 1
        assert replayed(past) == report[0], f"at {time_ns}"


def test_a_moment_read_from_the_beginning_is_the_same(lived):
    """As the command reads it: by time, and by the number of a record."""
    records, reports = lived
    times = sorted(time_ns for time_ns, report in reports.items() if report)
    for time_ns in Random(3).sample(times, 15):
        past = past_at(records, time_ns=time_ns, sequence=None)
        assert replayed(past) == reports[time_ns][0]
        again = past_at(records, time_ns=None, sequence=past.sequence)
        assert again.document() == past.document()


def test_the_status_is_at_most_a_second_late(lived):
    """It is written at most once a second; within one, it is one of those that were."""
    records, reports = lived
    times = sorted(time_ns for time_ns, report in reports.items() if report)
    for time_ns in Random(4).sample(times, 100):
        status = past_at(records, time_ns=time_ns, sequence=None).document()["status"]
        near = {reports[t][1] for t in times if time_ns - GATE_NS <= t <= time_ns}
        assert status in near, f"at {time_ns}"


def test_before_anything_there_is_nothing():
    document = past_at([], time_ns=5, sequence=None).document()
    assert (document["sequence"], document["status"], document["orders"]) == (0, "stopped", [])
    assert document["position"]["side"] == "flat"


def test_a_breaker_that_has_tripped_is_told_until_it_resumes():
    """With what it said, and the profit with which the day began."""
    past, second = Past(), 1_000_000_000
    past.take(Record(1, second, DayBegan(3, -5 * 10**11)))
    tripped = BreakerTripped("rejects", "the venue refused 3 orders", "5m", 301 * second)
    past.take(Record(2, second, tripped))
    document = past.document()
    assert document["day"] == {"began_with": "-0.5"}
    assert document["breakers"] == [
        {
            "name": "rejects",
            "since": 1_000,
            "until": 301_000,
            "text": "the venue refused 3 orders",
        }
    ]
    past.take(Record(3, 2 * second, BreakerResumed("rejects", "anna", "x")))
    assert past.document()["breakers"] == []


def test_what_a_run_had_measured_is_there_when_it_has_ended():
    """Written down each minute and at the end; the next run begins anew."""
    world = new_world(5)
    world.run(20)
    world.step(Stop("SIGTERM"))
    world.run(60)
    trader, past = world.trader, past_at(world.records(), time_ns=None, sequence=None)
    shown, measured = past.document()["measures"], trader.measures
    assert past.document()["status"] == "stopped"
    assert (shown["orders"], shown["refused"]) == (measured.orders, measured.refusals.total())
    live = state_document(trader)["measures"]
    assert measured.orders > 0
    for name in ("fill_ratio", "slippage", "adverse"):
        assert shown[name] == live[name]
    counts = {step: sum(counts) for step, (counts, _) in live["latencies"].items()}
    assert {step: of["count"] for step, of in shown["latencies"].items()} == counts
    past.take(Record(past.sequence + 1, past.time_ns, next(iter(world.records())).message))
    assert past.document()["measures"] is None
