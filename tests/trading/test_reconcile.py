"""What the venue says against what we believe, one disagreement at a time."""

from itertools import pairwise

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    FillsQuery,
    OrdersQuery,
    Refused,
)
from steelyard.domain.order import RejectReason, Side
from steelyard.trading.actions import Role
from steelyard.trading.reconcile import ROUND_NS
from steelyard.trading.records import Adjusted, FillsChecked
from steelyard.wire.outcome import Answered
from tests.trading.session import dump
from tests.trading.world import BEGIN_NS, Fate, hand_world


def buy(hand):
    return hand.buy("0.01")


def rest(hand):
    return hand.buy("0.01", "59999.50")


# -- rounds ---------------------------------------------------------------------------------------


def test_a_round_that_began_before_the_stream_broke_opens_nothing():
    """Its answers may be from before what was missed: only one that was asked for later counts."""
    asked_ns = []

    def slow(message, _number) -> Fate:
        if isinstance(message, OrdersQuery):
            asked_ns.append(world.now_ns)
            return Fate(back=SECOND_NS)
        return Fate()

    world = hand_world(fate=slow)
    world.run(0.5)
    assert len(asked_ns) == 1
    world.after(0.6, lambda: world.break_stream(Role.PRIVATE, back_s=0.1))
    world.run(1.5)
    up_ns = BEGIN_NS + 700_000_000
    assert [time_ns > up_ns for time_ns in asked_ns] == [False, True]
    assert not world.trader.reconciler.is_clean
    world.run(2.5)
    assert world.trader.status.word == "running"


# -- fills ----------------------------------------------------------------------------------------


def test_fills_that_nobody_told_are_asked_for():
    """The private stream drops them; the venue's count shows it, the query mends it."""
    world = hand_world(rest)
    world.after(1, lambda: world.venue.house_trade(Side.SELL, 5_999_950, 300_000))
    world.after(0.9, lambda: world.mute(Role.PRIVATE))
    world.run(5)
    assert world.only_order.filled_lots == 0
    world.run(ROUND_NS / SECOND_NS + 3)
    assert world.only_order.state is OrderState.FILLED
    assert world.trader.turn.state.portfolio.position_lots == 999


def test_fills_are_asked_for_from_the_last_round_on():
    """Nothing is read twice; the mark is journaled."""
    queries = []

    def fate(message, _number) -> Fate:
        if isinstance(message, FillsQuery):
            queries.append(message)
        return Fate()

    world = hand_world(buy, fate=fate)
    world.run(70)
    assert [m.trade_id for m in world.messages(FillsChecked)] == [1]
    assert [q.from_trade_id for q in queries] == [None, None, 2]
    world.boot()
    world.run(71)
    assert queries[-1].from_trade_id == 2


# -- disagreement ----------------------------------------------------------------------------------


def test_an_order_that_ended_unseen_is_found_ended():
    """The stream missed its cancel; the round sees that it is not open and asks."""
    world = hand_world(rest)
    world.run(1)
    world.mute(Role.PRIVATE)
    world.after(2, lambda: world.venue.perform(Cancel(0, 1), world.now_ns))
    world.run(ROUND_NS / SECOND_NS + 3)
    assert world.only_order.state is OrderState.CANCELED
    assert world.messages(Adjusted) == []


def test_an_order_that_filled_though_it_was_refused_is_found_filled():
    """A gateway said no and passed it on: the fill counts, and the state is the venue's."""

    def fate(message, _number) -> Fate:
        if isinstance(message, Place):
            world.after(1, lambda: world.venue.perform(message, world.now_ns))
            return Fate(outcome=Answered(Refused(RejectReason.UNSUPPORTED, "too many requests")))
        return Fate()

    world = hand_world(buy, fate=fate)
    world.run(10)
    assert world.only_order.state is OrderState.FILLED
    assert world.only_order.filled_lots == 1_000
    assert world.hand.told_of("order") == ["REJECTED", "FILLED"]
    (adjusted,) = world.messages(Adjusted)
    assert (adjusted.before, adjusted.after) == (OrderState.REJECTED, OrderState.FILLED)
    assert world.said("order.alive")
    assert dump(world.replayed()) == dump(world.trader.turn.state)


def test_an_order_that_the_venue_no_longer_knows_is_adjusted():
    """It cannot fill any more; the record says why."""
    world = hand_world(rest)
    world.run(1)

    def forget() -> None:
        account = world.venue.history._account(100)
        account.open.clear()
        account.kept.clear()

    world.after(2, forget)
    world.run(ROUND_NS / SECOND_NS + 3)
    (adjusted,) = world.messages(Adjusted)
    assert (adjusted.before, adjusted.after) == (OrderState.WORKING, OrderState.CANCELED)
    assert adjusted.why == "the venue no longer knows it"
    assert world.said("order.adjusted")


def test_an_order_that_we_thought_had_ended_is_taken_back_and_canceled():
    """Wrong evidence, loudly mended: the venue's state counts, and it may not go on trading."""
    world = hand_world(rest)
    world.run(1)
    order = world.only_order
    world.trader.turn.record(
        Adjusted(order.client_order_id, order.state, OrderState.CANCELED, "a fault of the test")
    )
    world._act(world.trader.turn.drain())
    world.run(ROUND_NS / SECOND_NS + 5)
    before, after = world.messages(Adjusted)
    assert (after.before, after.after) == (OrderState.CANCELED, OrderState.WORKING)
    assert order.state is OrderState.CANCELED
    assert [type(command) for command in world.commands] == [Place, Cancel]
    assert before.why == "a fault of the test"


def test_rounds_come_again_and_again():
    """Every half minute, without closing the gate."""
    rounds = []

    def fate(message, _number) -> Fate:
        if isinstance(message, OrdersQuery):
            rounds.append(world.now_ns)
        return Fate()

    world = hand_world(fate=fate)
    world.run(100)
    assert len(rounds) == 4
    assert all(b - a >= ROUND_NS for a, b in pairwise(rounds))
    assert world.trader.status.word == "running"
