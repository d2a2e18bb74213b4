"""Stale orders: too old, too far away, or of a bot that no longer sees; each told why."""

import pytest

from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import Side
from steelyard.trading.actions import Role
from steelyard.trading.records import CancelAsked
from tests.trading.world import CONFIG, Fate, Hand, hand_world


def rest(hand: Hand):
    return hand.buy("0.01", "59999.50")


def with_risk(line: str) -> str:
    return CONFIG + line + "\n"


def why(world) -> str:
    (asked,) = world.messages(CancelAsked)
    return asked.why


def test_an_old_order_is_canceled():
    """At its age, not before; a new price makes it young again."""
    world = hand_world(
        rest,
        *[lambda _: None] * 9,
        lambda hand: hand.amend(hand.done[0], price="59990"),
        config=with_risk('max_order_age = "2s"'),
    )
    world.run(3)
    assert world.only_order.state is OrderState.WORKING
    world.run(3.4)
    assert world.only_order.state is OrderState.CANCELED
    assert why(world) == "it is older than 2 s ([risk] max_order_age)"
    assert world.said("order.stale")


def test_an_order_that_the_market_has_left_is_canceled():
    """By the distance from the middle."""
    world = hand_world(rest, config=with_risk('max_order_distance = "1%"'))
    world.after(1, lambda: world.venue.quote(6_040_000))
    world.run(1.4)
    assert world.only_order.state is OrderState.WORKING
    world.after(2, lambda: world.venue.quote(6_070_000))
    world.run(2.3)
    assert world.only_order.state is OrderState.CANCELED
    assert why(world) == "it is more than 1% from the middle ([risk] max_order_distance)"


@pytest.mark.parametrize("role", [*Role])
def test_a_blind_bot_takes_its_orders_back(role: Role):
    """Either stream; cancels go another way than streams."""
    world = hand_world(rest, config=with_risk('cancel_when_blind = "3s"'))
    world.after(1, lambda: world.break_stream(role, back_s=60))
    world.run(3.9)
    assert world.only_order.state is OrderState.WORKING
    world.run(5)
    assert world.only_order.state is OrderState.CANCELED
    assert why(world).startswith("the bot has been blind for 3 s: the ")


def test_a_short_blindness_is_nothing():
    """The measure begins anew each time."""
    world = hand_world(rest, config=with_risk('cancel_when_blind = "3s"'))
    for second in (1, 4, 7):
        world.after(second, lambda: world.break_stream(Role.PRIVATE, back_s=2))
    world.run(12)
    assert world.only_order.state is OrderState.WORKING


def test_what_waits_for_a_price_is_left():
    """A stop is meant for a market that is elsewhere."""
    world = hand_world(
        lambda hand: hand.buy("0.01"),
        lambda hand: hand.stop(Side.SELL, "0.005", "50000"),
        lambda hand: hand.protect("51000"),
        config=with_risk('max_order_distance = "1%"\nmax_order_age = "1s"'),
        fate=lambda _m, _n: Fate(),
    )
    world.run(10)
    waiting = [o for o in world.trader.turn.state.orders.open if o.place.order_type.waits]
    assert len(waiting) == 2
    assert world.messages(CancelAsked) == []
