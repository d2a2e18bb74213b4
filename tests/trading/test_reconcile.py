"""What the venue says against what we believe, one disagreement at a time."""

from itertools import pairwise

import pytest

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    FillsQuery,
    OrderQuery,
    OrdersQuery,
    Refused,
)
from steelyard.domain.order import RejectReason, Side
from steelyard.trading.actions import Role
from steelyard.trading.reconcile import LOUD_NS, MARGIN_NS, ROUND_NS
from steelyard.trading.records import Adjusted, FillsChecked, OrderAbsent, OrderUnknown
from steelyard.wire.outcome import Answered, Unknown
from tests.trading.venue import WINDOW_NS
from tests.trading.world import BEGIN_NS, Fate, hand_world


def buy(hand):
    return hand.buy("0.01")


def rest(hand):
    return hand.buy("0.01", "59999.50")


def first_place(fate: Fate):
    """Return a fate for the first Place."""
    seen = []

    def choose(message, _number) -> Fate:
        if isinstance(message, Place) and not seen:
            seen.append(message)
            return fate
        return Fate()

    return choose


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


# -- presence and absence -------------------------------------------------------------------------


def test_presence_is_proof_at_once():
    """The order arrived, its answer did not, the stream is broken: one query finds it."""
    world = hand_world(rest, fate=first_place(Fate(back=None)))
    world.timeout_ns = SECOND_NS
    world.after(0.29, lambda: world.mute(Role.PRIVATE))
    world.run(1.29)
    assert world.only_order.state is OrderState.PENDING
    world.run(1.4)
    assert world.only_order.state is OrderState.WORKING
    assert len(world.messages(OrderUnknown)) == 1


def test_absence_is_proof_only_after_the_expiry():
    """Before it nothing that is not found proves anything; after it three queries do."""
    world = hand_world(buy, fate=first_place(Fate(there=None)))
    world.timeout_ns = SECOND_NS
    sent_ns = BEGIN_NS + SECOND_NS // 10
    world.run((WINDOW_NS + MARGIN_NS) / SECOND_NS)
    assert world.only_order.state is OrderState.UNKNOWN
    world.run(8)
    (absent,) = [r for r in world.records() if isinstance(r.message, OrderAbsent)]
    assert absent.time_ns >= sent_ns + WINDOW_NS + MARGIN_NS
    assert "order query, the open orders and the fills" in absent.message.evidence


def test_an_order_that_arrives_late_is_not_lost():
    """It takes almost its whole life on the way; it is found, and stays the only one."""
    world = hand_world(buy, fate=first_place(Fate(there=WINDOW_NS - SECOND_NS)))
    world.timeout_ns = SECOND_NS
    world.run(12)
    assert world.only_order.state is OrderState.FILLED
    assert len(world.venue.orders_of_bot) == 1


@pytest.mark.parametrize("kind", [OrderQuery, OrdersQuery, FillsQuery])
def test_one_query_without_an_answer_proves_nothing(kind: type):
    """All three must agree, however long that takes; the log says so again and again."""
    place = first_place(Fate(there=None))

    def fate(message, number) -> Fate:
        is_blocked = isinstance(message, kind) and world.now_ns > BEGIN_NS + SECOND_NS
        return Fate(outcome=Unknown("down")) if is_blocked else place(message, number)

    world = hand_world(buy, fate=fate)
    world.timeout_ns = SECOND_NS
    world.run(2 * LOUD_NS / SECOND_NS + 10)
    assert world.only_order.state is OrderState.UNKNOWN
    assert len(world.said("order.still_unknown")) == 2
    assert "down" in world.said("order.still_unknown")[0]


def test_where_requests_do_not_expire_a_person_decides():
    """Absence is never believed; presence still is."""
    world = hand_world(buy, fate=first_place(Fate(there=100 * SECOND_NS)))
    world.rules.expiry = None
    world.timeout_ns = SECOND_NS
    world.venue.perform, real = lambda command, _: real(command, world.now_ns), world.venue.perform
    world.run(90)
    assert world.only_order.state is OrderState.UNKNOWN
    assert "a person has to decide" in world.said("order.still_unknown")[0]
    world.run(140)
    assert world.only_order.state is OrderState.FILLED


def test_a_fill_of_an_order_nobody_knows_is_asked_about_before_absence():
    """The fill names a number only: it is ours, and so the order is there."""
    seen = []

    def fate(message, _number) -> Fate:
        if isinstance(message, Place):
            return Fate(back=None)
        if isinstance(message, OrderQuery) and message.order_id is None and len(seen) < 12:
            seen.append(message)
            return Fate(outcome=Answered(Refused(RejectReason.UNKNOWN_ORDER, "not yet")))
        return Fate()

    world = hand_world(buy, fate=fate)
    world.timeout_ns = SECOND_NS
    world.after(0.29, lambda: world.mute(Role.PRIVATE))
    world.run(20)
    assert seen, "the venue denied the order"
    assert world.only_order.state is OrderState.FILLED
    assert world.trader.turn.state.portfolio.position_lots == 999


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


def test_an_order_that_the_venue_no_longer_knows_is_adjusted():
    """It cannot fill any more; the record says why."""
    world = hand_world(rest)
    world.run(1)

    def forget() -> None:
        account = world.venue.history._account(100)
        account.open.clear()
        account.orders.clear()

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


def test_orders_and_fills_of_others_are_reported_and_left_alone():
    """They are not in the position, not in the limits, and not canceled."""
    world = hand_world(buy)
    world.after(0.5, lambda: world.venue.trade_by_hand(Side.BUY))
    world.venue.now_ns = BEGIN_NS
    world.after(0, lambda: world.venue.trade_by_hand(Side.SELL))
    world.run(40)
    assert len(world.said("order.foreign")) == 1
    assert len(world.trader.reconciler._foreign) == 2
    assert world.trader.turn.state.portfolio.position_lots == 999
    assert len(world.commands) == 1
    assert world.trader.status.word == "running"


def test_a_busy_stranger_is_sorted_out_in_bounded_steps():
    """Hundreds of fills of somebody else: few questions at a time, few lines, and then trading."""
    waiting = []

    def fate(message, _number) -> Fate:
        if isinstance(message, OrderQuery):
            waiting.append(len(world.trader.questions._open))
        return Fate()

    world = hand_world(buy, fate=fate)
    for _ in range(120):
        world.venue.trade_by_hand(Side.BUY)
    world.run(20)
    assert len(waiting) >= 120
    assert max(waiting) < 30
    assert len(world.said("order.foreign")) < 4
    assert world.trader.status.word == "running"
    assert world.trader.turn.state.portfolio.position_lots == 999


def test_a_foreign_order_that_rests_is_counted_while_it_does():
    """Known from the list of open orders."""
    world = hand_world()
    from steelyard.domain.order import OrderType, TimeInForce

    place = Place(
        100,
        3,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        False,
        5_000_000,
        10,
        client_order_id="hand",
    )
    world.after(0, lambda: world.venue.place_for(100, place))
    world.run(2)
    assert [o.client_order_id for o in world.trader.reconciler.foreign_open.values()] == ["hand"]
    world.after(3, lambda: world.venue.perform(Cancel(0, 1), world.now_ns))
    world.run(4)
    assert world.trader.reconciler.foreign_open == {}


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
