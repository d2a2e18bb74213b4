"""Days of 24 hours from 00:00 UTC, and the highest profit: journaled, and never forgiven."""

from decimal import Decimal

import pytest

from steelyard.domain.lifecycle import OrderState
from steelyard.trading.actions import Resume
from steelyard.trading.days import DAY_NS, STEADY_NS, Days
from steelyard.trading.records import DayBegan, Killed, PeakSeen
from tests.trading.session import dump
from tests.trading.world import BEGIN_NS, CONFIG, Hand, World, hand_world

UNIT = 10**12


def turn_of(world: World):
    """Return the turn of a bot that has started."""
    world.run(1)
    return world.trader.turn


def test_a_day_begins_with_what_there_is():
    """At the first look of the day; a clock that goes back begins none."""
    turn = turn_of(hand_world())
    days = Days(turn, None, lambda _: None)
    day = turn.now_ns // DAY_NS
    turn.record(DayBegan(day, 5 * UNIT))
    assert days.loss_atoms(2 * UNIT) == 3 * UNIT
    assert days.loss_atoms(9 * UNIT) == -4 * UNIT
    turn.now_ns = (day + 1) * DAY_NS - 1
    assert days.loss_atoms(2 * UNIT) == 3 * UNIT
    turn.now_ns += 1
    assert days.loss_atoms(2 * UNIT) == 0
    assert days.loss_atoms(UNIT) == UNIT
    turn.now_ns -= 1
    assert days.loss_atoms(UNIT) == UNIT
    assert turn.state.day == DayBegan(day + 1, 2 * UNIT)


def test_the_kill_switch_is_pressed_at_the_drawdown():
    """From the highest, which is written down in steps of a hundredth."""
    turn, killed = turn_of(hand_world()), []
    days = Days(turn, Decimal(100), killed.append)
    for total in (0, 50, 50.5, 51, -48):
        days.see(int(total * UNIT))
    assert killed == []
    peaks = [a.message.total_atoms / UNIT for a in turn.drain() if isinstance(a.message, PeakSeen)]
    assert peaks == [0, 50, 51]
    assert days.drawdown_atoms(-48 * UNIT) == 99 * UNIT
    days.see(-99 * UNIT)
    days.see(-48 * UNIT)  # it was the price of an instant
    days.see(-49 * UNIT)
    turn.now_ns += STEADY_NS - 1
    days.see(-49 * UNIT)
    assert killed == []
    turn.now_ns += 1
    days.see(-49 * UNIT)
    assert killed == ["profit has fallen by 100 USDT from its highest, [risk] max_drawdown is 100"]


FALL = {1.5: 5_900_000}


def buys(count: int, *then):
    return [lambda hand: hand.buy("0.05")] * count + [*then]


def test_a_day_that_has_lost_enough_lets_only_pass_what_reduces():
    """Also after a restart: the loss is the day's, not the process's."""
    config = CONFIG + 'max_daily_loss = "40"\n'
    world = hand_world(*buys(1), config=config, falls=FALL)
    world.after(2, lambda: world.hand.acts.extend(buys(1, lambda hand: hand.sell("0.01"))))
    world.run(2.5)
    _, second, third = world.hand.done
    assert str(second.refusal).startswith("max_daily_loss is 40 USDT, today has lost 5")
    assert third.refusal is None
    world.die()
    world.boot()
    world.after(5, lambda: world.hand.acts.extend(buys(1)))
    world.run(6)
    assert str(world.hand.done[-1].refusal).startswith("max_daily_loss is 40 USDT, today has lost")
    (day,) = world.messages(DayBegan)
    assert day.day == BEGIN_NS // DAY_NS


@pytest.mark.parametrize("restarts", [False, True])
def test_a_drawdown_kills_until_a_person_lifts_it(restarts: bool):
    """Orders are canceled, nothing is sent; then the highest counts anew."""
    config = CONFIG + 'max_drawdown = "40"\n[breakers]\nvolatility = "off"\n'
    world = hand_world(*buys(1, lambda hand: hand.buy("0.01", "50000")), config=config, falls=FALL)
    world.run(4)
    (killed,) = world.messages(Killed)
    assert killed.why.startswith("profit has fallen by 5")
    assert world.trader.status.word == "killed"
    assert [o.state for o in world.trader.turn.state.orders][-1] is OrderState.CANCELED
    if restarts:
        world.die()
        world.boot()
        world.run(6)
        assert world.trader.status.word == "killed"
    world.step(Resume("a person"))
    world.run(8)
    assert world.trader.status.word == "running"
    assert len(world.messages(Killed)) == 1
    assert dump(world.replayed()) == dump(world.trader.turn.state)


def test_without_the_limit_no_peak_is_kept():
    world = hand_world(*buys(1))
    world.run(3)
    assert world.messages(PeakSeen) == []
    assert isinstance(world.hand, Hand)
