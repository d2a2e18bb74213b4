"""What a trader writes of itself: when it changes, not too often, and enough to know a moment."""

from itertools import pairwise

from steelyard.trading import watch
from steelyard.trading.actions import Role
from steelyard.trading.records import (
    ClockMeasured,
    GateChanged,
    IntentRefused,
    KeyAudited,
    LimitsSet,
    StrategyNoted,
    StreamChanged,
)
from tests.trading.world import BEGIN_NS, CONFIG, hand_world


def test_the_gate_is_written_when_it_opens_and_closes():
    """With the reason that the page shows."""
    world = hand_world()
    world.after(5, lambda: world.break_stream(Role.PRIVATE, back_s=3))
    world.run(12)
    told = [(m.status, m.reason) for m in world.messages(GateChanged)]
    down = told.index(("gated", "the private stream is down: broken"))
    assert told[down - 1] == told[-1] == ("running", None)
    assert len(told) <= down + 3
    roles = [(m.role, m.why) for m in world.messages(StreamChanged)]
    assert roles[-2:] == [("private", "broken"), ("private", None)]


def test_a_gate_that_flickers_is_counted():
    """At most one record in a second; the last state is always written."""
    world = hand_world(config=CONFIG + '[breakers]\nheartbeats = "off"\n')
    for step in range(40):
        world.after(5 + step / 10, lambda: world.break_stream(Role.PRIVATE, back_s=0.03))
    world.run(15)
    written = [r for r in world.records() if isinstance(r.message, GateChanged)]
    during = [r for r in written if r.time_ns > BEGIN_NS + 5 * 10**9]
    assert len(during) <= 8
    assert sum(r.message.omitted for r in during) > 20
    assert written[-1].message.status == "running"
    gaps = [b.time_ns - a.time_ns for a, b in pairwise(during)]
    assert all(gap >= watch.GATE_NS for gap in gaps)


def test_limits_key_and_clock_are_in_the_journal():
    """What was in force and what was known, at the start and when the clock moves."""
    world = hand_world()
    world.run(2)
    (limits,) = world.messages(LimitsSet)
    assert limits.limits["risk.max_position"] == "1"
    assert limits.limits["bot.foreign_orders"] == "leave"
    (key,) = world.messages(KeyAudited)
    assert (key.key, key.refusal) == ("key", None)
    world.venue.offset_ns = 3 * 10**9
    world.run(400)
    offsets = [m.offset_ns // 10**9 for m in world.messages(ClockMeasured)]
    assert offsets == [0, 3]


def test_why_it_did_not_trade_is_in_the_journal():
    """The wish and the limit; many of one kind are counted, not written."""

    def act(hand):
        hand.log("trying")
        return hand.buy("0.9", "59990")

    world = hand_world(*[act] * 130)
    world.run(20)
    refused = world.messages(IntentRefused)
    assert [m.limit for m in refused] == ["max_order_notional"] * 2
    assert refused[0].wanted == "buy 0.9 limit at 59990.00"
    assert refused[1].omitted > 80
    notes = world.messages(StrategyNoted)
    assert notes[0].text == "trying"
    assert len(notes) <= 42
    assert sum(note.omitted for note in notes) > 50
