"""Breakers at work in a whole trader: what trips them, what they hold, and what resumes them."""

from typing import Any

import pytest

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import Side
from steelyard.trading.actions import ResumeBreaker, Role, Stop, VenueHalt
from steelyard.trading.records import (
    BreakerResumed,
    BreakerTripped,
    IntentRefused,
    OrderPending,
    RunStopped,
)
from steelyard.wire.outcome import Unknown
from tests.trading.session import dump
from tests.trading.world import BEGIN_NS, CONFIG, Fate, World, hand_world

OFF = ("slippage", "rejects", "heartbeats", "staleness", "volatility", "venue", "order_rate")
S = SECOND_NS


def only(name: str, rule: str, more: str = "") -> str:
    """Return a configuration with one breaker."""
    lines = [f'{other} = "off"' for other in OFF if other != name]
    return f"{CONFIG}\n[breakers]\n{more}\n{name} = {{ {rule} }}\n" + "\n".join(lines)


def buy(size: str = "0.01", price: str | None = None):
    return lambda hand: hand.buy(size, price)


def sell(size: str = "0.005"):
    return lambda hand: hand.sell(size)


def at(world: World, second: float, *acts: Any) -> None:
    """Let the strategy do something then."""
    world.after(second, lambda: world.hand.acts.extend(acts))


def tripped(world: World) -> list[tuple[str, float]]:
    """Return what has tripped, and in which second."""
    return [
        (record.message.name, round((record.time_ns - BEGIN_NS) / S, 1))
        for record in world.records()
        if isinstance(record.message, BreakerTripped)
    ]


def resumed(world: World) -> list[tuple[str, str, float]]:
    return [
        (record.message.name, record.message.who, round((record.time_ns - BEGIN_NS) / S, 1))
        for record in world.records()
        if isinstance(record.message, BreakerResumed)
    ]


RARE = 'threshold = 9, window = "60s", resume = "person"'
REFUSED = 'threshold = 2, window = "5s", resume = "3s"'


def rejecting(rule: str = REFUSED, more: str = "") -> World:
    """Return a world with a position, in which from the second second on two orders are refused."""
    config = only("rejects", rule, more).replace('"10000"', '"10000000"').replace('"1"', '"100"')
    world = hand_world(buy(), config=config)
    at(world, 2, buy("20", "59000"), buy("20", "59000"))
    return world


def test_what_adds_risk_is_held_and_what_reduces_passes():
    """From the refusal on that is one too many; by name and reason; timers go on."""
    world = rejecting()
    at(world, 2.5, buy(), sell(), lambda hand: hand.cancel_all())
    world.run(3)
    assert tripped(world) == [("rejects", 2.1)]
    held, passed = world.hand.done[3:5]
    assert str(held.refusal) == (
        "the breaker rejects has tripped: the venue refused 2 orders within 5s; the last was "
        "INSUFFICIENT_BALANCE; it resumes after 3s; only what reduces the position is sent"
    )
    assert passed.refusal is None
    assert world.messages(IntentRefused)[-1].limit == "breaker"
    status = world.trader.status
    assert (status.word, str(status.reason)[:32]) == ("gated", "the breaker rejects has tripped:")
    assert world.said("breaker.tripped")[0].startswith("rejects: the venue refused 2 orders")
    assert dump(world.replayed()) == dump(world.trader.turn.state)


def test_it_resumes_after_its_time_and_forgets():
    """One more refusal after that is the first."""
    world = rejecting()
    at(world, 6, buy("20", "59000"), buy())
    world.run(7)
    assert resumed(world) == [("rejects", "its rule", 5.1)]
    assert len(tripped(world)) == 1
    assert [act.refusal for act in world.hand.done[3:]] == [None, None]
    assert world.trader.status.word == "running"


def test_a_person_lets_it_resume():
    """Also one that would by itself; who and why is journaled; a name that is none is told."""
    world = rejecting('threshold = 2, window = "5s", resume = "person"')
    world.run(3)
    world.step(ResumeBreaker(1, "reject", "anna", "x"))
    world.step(ResumeBreaker(2, "venue", "anna", "x"))
    world.run(60)
    assert resumed(world) == []
    assert "by a person only: `steelyard breaker resume BOT rejects" in world.trader.status.reason
    world.step(ResumeBreaker(3, "rejects", "anna", "there is money again"))
    replies = [(reply.request, reply.is_done, reply.text) for reply in world.replies]
    assert replies[0][:2] == (1, False)
    assert replies[0][2].startswith("there is no breaker 'reject'; there are slippage, rejects,")
    assert replies[1:] == [
        (2, False, "the breaker venue has not tripped"),
        (3, True, "the breaker rejects holds nothing any more"),
    ]
    assert world.messages(BreakerResumed) == [
        BreakerResumed("rejects", "anna", "there is money again")
    ]
    assert world.trader.status.word == "running"


@pytest.mark.parametrize("resume", ["person", "30s"])
def test_it_outlives_a_crash(resume: str):
    """Nothing that adds risk is sent by the next run either, until its own time has passed."""
    world = rejecting(f'threshold = 2, window = "5s", resume = "{resume}"')
    world.run(3)
    world.die()
    world.boot()
    at(world, 6, buy(), sell())
    world.run(8)
    assert [act.refusal is None for act in world.hand.done[-2:]] == [False, True]
    assert len(tripped(world)) == 1
    world.run(34)
    assert world.trader.status.word == ("gated" if resume == "person" else "running")


def test_what_was_refused_before_a_crash_counts():
    """A bot that crashes after each refusal is not let go on for ever."""
    world = rejecting('threshold = 3, window = "20s", resume = "person"')
    world.run(3)
    world.die()
    world.boot()
    at(world, 6, buy("20", "59000"))
    world.run(8)
    assert len(tripped(world)) == 1


@pytest.mark.parametrize("policy", ["keep", "cancel"])
def test_the_order_that_is_one_too_many_trips_wherever_the_bot_crashes(policy: str):
    """A trip is told behind the order: killed between the two, the next run knows of it."""
    rule = 'threshold = 3, window = "60s", resume = "person"'
    config = only("order_rate", rule, f'open_orders = "{policy}"')
    crashes = 0
    for point in range(1, 45):
        world = hand_world(*[buy("0.01", "59000")] * 60, config=config, crash_at=[point])
        world.run(8)
        crashes += world.crashes
        assert len([c for c in world.commands if isinstance(c, Place)]) <= 3, point
        assert [name for name, _ in tripped(world)] == ["order_rate"], point
        assert world.trader.status.word == "gated"
        assert policy == "keep" or all(not o.is_open for o in world.trader.turn.state.orders)
    assert crashes > 30


def test_what_was_too_often_in_an_earlier_run_is_over():
    """A run that ended in order has tripped itself; a rule that is new holds from here on."""
    world = hand_world(config=only("order_rate", RARE))
    at(world, 1, buy("0.01", "59000"), buy("0.01", "59000"))
    world.run(3)
    world.step(Stop("test"))
    world.run(4)
    world.die()
    world.reconfigure(only("order_rate", RARE.replace("9", "2")))
    world.boot()
    world.run(6)
    assert len(world.messages(OrderPending)) == 2
    assert world.messages(RunStopped)
    assert tripped(world) == []


def test_one_that_is_off_now_holds_nothing():
    """The next run begins without it, and says so."""
    world = rejecting('threshold = 2, window = "5s", resume = "person"')
    world.run(3)
    world.die()
    world.reconfigure(only("venue", ""))
    world.boot()
    world.run(5)
    assert resumed(world)[0][:2] == ("rejects", "the configuration")
    assert world.trader.status.word == "running"


@pytest.mark.parametrize("policy", ["keep", "cancel"])
def test_open_orders_are_kept_or_canceled(policy: str):
    """As it is configured; a stop behind the position stays in any case."""
    world = rejecting(more=f'open_orders = "{policy}"')
    at(world, 1, buy("0.01", "59000"), lambda hand: hand.protect("58000"))
    world.run(3)
    orders = [o for o in world.trader.turn.state.orders if o.place.size_lots < 10**6]
    orders = [o for o in orders if o.state is not OrderState.FILLED]
    rests, stop = sorted(orders, key=lambda o: o.protects)
    assert rests.state is (OrderState.WORKING if policy == "keep" else OrderState.CANCELED)
    assert stop.state is OrderState.WORKING


def test_slippage():
    """A market order through a thin book; a resting one at its own price costs nothing."""
    rule = 'threshold = "0.1%", window = "10s", resume = "ended"'
    world = hand_world(buy("0.01"), buy("0.01", "59999.50"), config=only("slippage", rule))
    world.run(3)
    assert tripped(world) == []
    world.after(4, lambda: world.venue.gap(6_050_000))
    at(world, 4.1, buy("0.1"))
    world.run(5)
    assert tripped(world) == [("slippage", 4.1)]
    text = world.messages(BreakerTripped)[0].text
    assert text.startswith("what was filled within 10s cost on the whole more than 0.1% against")
    world.run(20)
    assert resumed(world)[0][:2] == ("slippage", "its rule")


def test_slippage_that_a_gain_hides_for_a_while():
    """When the gain leaves the window what is left is too much, at the next order at the latest."""
    rule = 'threshold = "0.0005%", window = "3s", resume = "person"'
    world = hand_world(config=only("slippage", rule))
    at(world, 1, buy("0.01", "59999.50"))
    world.after(1.5, lambda: world.venue.house_trade(Side.SELL, 5_999_000, 200_000))
    at(world, 2, buy("0.001"))
    world.run(2.6)
    assert tripped(world) == []
    at(world, 4.7, buy("0.001"))
    world.run(5)
    assert [name for name, _ in tripped(world)] == ["slippage"]
    assert [act.refusal is None for act in world.hand.done] == [True, True, False]


def test_heartbeats_of_streams():
    """A stream that breaks again and again; what is told in between changes nothing."""
    rule = 'threshold = 3, window = "10s", resume = "ended"'
    world = hand_world(buy(), config=only("heartbeats", rule))
    for second in (2, 4, 6):
        world.after(second, lambda: world.break_stream(Role.MARKET))
    at(world, 7.5, buy())
    world.run(9)
    assert tripped(world) == [("heartbeats", 6.0)]
    assert "a stream broke or fell silent" in str(world.hand.done[-1].refusal)
    assert world.messages(BreakerTripped)[0].text.endswith("the market stream: broken")
    world.run(13)
    assert resumed(world) == [("heartbeats", "its rule", 12.1)]


def test_heartbeats_of_questions():
    """Nobody answers what the trader asks."""

    def fate(message: Any, _number: int) -> Fate:
        is_late = world.now_ns > BEGIN_NS + 10 * S and not isinstance(message, Place | Cancel)
        return Fate(outcome=Unknown("reset")) if is_late else Fate()

    world: World
    rule = 'threshold = 3, window = "60s", resume = "ended"'
    world = hand_world(config=only("heartbeats", rule), fate=fate)
    world.run(60)
    assert [name for name, _ in tripped(world)] == ["heartbeats"]
    assert "reset" in world.messages(BreakerTripped)[0].text


def test_staleness():
    """So long without a stream, added up; it resumes when a window has been good enough."""
    rule = 'threshold = "3s", window = "20s", resume = "ended"'
    world = hand_world(config=only("staleness", rule))
    world.after(2, lambda: world.break_stream(Role.PRIVATE, back_s=1.5))
    world.after(6, lambda: world.break_stream(Role.PRIVATE, back_s=5))
    at(world, 14, buy())
    world.run(15)
    ((name, second),) = tripped(world)
    assert name == "staleness"
    assert 7 < second < 8
    assert "the private stream is down" in world.messages(BreakerTripped)[0].text
    assert str(world.hand.done[-1].refusal).startswith("the breaker staleness has tripped")
    world.run(40)
    ((name, who, second),) = resumed(world)
    assert (name, who) == ("staleness", "its rule")
    assert 26 < second < 31


def test_volatility():
    """The middle moves too far within the window, up or down and back."""
    rule = 'threshold = "1%", window = "10s", resume = "ended"'
    world = hand_world(config=only("volatility", rule), falls={2.5: 5_930_000, 4.5: 6_000_000})
    at(world, 5, buy())
    world.run(6)
    assert tripped(world) == [("volatility", 2.5)]
    assert "moved by more than 1% within 10s; it moved by 1.1" in world.hand.done[0].refusal
    world.run(20)
    ((_, _, second),) = resumed(world)
    assert 12 <= second <= 15


def test_a_move_within_the_threshold_is_none():
    rule = 'threshold = "1%", window = "10s", resume = "ended"'
    world = hand_world(config=only("volatility", rule), falls={4.5: 5_950_000, 20.5: 6_000_000})
    world.run(30)
    assert tripped(world) == []


def test_the_venues_word_that_it_is_closed():
    """A 503, a market that takes no orders, a ban: each once is enough here."""
    rule = 'threshold = 1, window = "5s", resume = "ended"'

    def fate(message: Any, _number: int) -> Fate:
        first = isinstance(message, Place) and not world.venue.orders_of_bot
        return Fate(outcome=Unknown("503", is_closed=True)) if first else Fate()

    world = hand_world(config=only("venue", rule), fate=fate)
    at(world, 1, buy())
    world.run(3)
    assert [name for name, _ in tripped(world)] == ["venue"]
    world = hand_world(config=only("venue", rule))
    world.after(2, lambda: world.step(VenueHalt(BEGIN_NS + 4 * S, is_ban=True)))
    at(world, 5, buy())
    at(world, 9, buy())
    world.run(10)
    assert tripped(world) == [("venue", 2.0)]
    assert [act.refusal is None for act in world.hand.done] == [False, True]
    assert resumed(world) == [("venue", "its rule", 7.0)]


def test_a_pause_for_the_limits_is_no_closing():
    """The venue's `slow down` is nothing that a breaker has to end."""
    rule = 'threshold = 1, window = "5s", resume = "person"'
    world = hand_world(config=only("venue", rule))
    world.after(2, lambda: world.step(VenueHalt(BEGIN_NS + 4 * S, is_ban=False)))
    world.after(3, lambda: world.step(VenueHalt(0, is_ban=False)))
    world.run(6)
    assert tripped(world) == []


def test_order_rate():
    """Orders, changes and cancels; a loop gone wrong ends with the one that is too many."""
    rule = 'threshold = 6, window = "5s", resume = "person"'

    def churn(hand: Any) -> Any:
        hand.cancel_all()
        return hand.buy("0.01", "59000")

    world = hand_world(*[churn] * 20, config=only("order_rate", rule))
    world.run(10)
    assert [name for name, _ in tripped(world)] == ["order_rate"]
    assert len(world.messages(OrderPending)) == 3  # and three cancels
    assert all(not o.is_open for o in world.trader.turn.state.orders), "cancels went on"


def test_each_is_shown():
    """Ready with what would trip it, tripped with why, or off."""
    world = rejecting()
    world.run(3)
    found = {shown.name: shown for shown in world.trader.breakers.shown}
    assert found["rejects"].state == "tripped"
    assert found["rejects"].until_ns is not None
    assert found["venue"][1:3] == ("off", "it is off")
    world = hand_world()
    world.run(1)
    ready = {shown.name: shown for shown in world.trader.breakers.shown}
    assert ready["rejects"].text == (
        "it trips when the venue refused 10 orders within 1m; it resumes after 5m"
    )
