"""Changing a resting order: races, lost answers, and what each venue makes of it."""

import pytest

from steelyard.domain.commands import Amend, Cancel, Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    Acknowledged,
    Refused,
)
from steelyard.domain.order import RejectReason, Side
from steelyard.trading.actions import Role, Start
from steelyard.trading.records import (
    AmendFailed,
    AmendPending,
    AmendUnknown,
    OrderAmended,
    OrderTriggered,
)
from steelyard.wire.outcome import Answered, NotSent
from tests.trading.capabilities import offering
from tests.trading.session import dump
from tests.trading.venue import WAITS, WINDOW_NS
from tests.trading.world import CONFIG, Fate, Hand, hand_world


def rest(hand: Hand):
    return hand.buy("0.01", "59999.50")


def to(price: str | None = None, size: str | None = None):
    """Return an act that amends the hand's first order."""
    return lambda hand: hand.amend(hand.done[0], price=price, size=size)


def first_amend(fate: Fate):
    """Return a fate for the first Amend."""
    seen = []

    def choose(message, _number) -> Fate:
        if isinstance(message, Amend) and not seen:
            seen.append(message)
            return fate
        return Fate()

    return choose


def terms(world):
    place = world.only_order.place
    return place.price_ticks, place.size_lots


@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize("fate", [Fate(), Fate(back=None), Fate(there=900_000_000)])
def test_a_strategy_hears_once_that_an_order_has_ended(fate: Fate, replaces: bool):
    """One that sells what was bought sells it once; whether the change or its answer told first."""
    world = hand_world(rest, to("60010"), fate=first_amend(fate))
    world.venue.replaces = replaces
    world.run(20)
    assert world.only_order.state is OrderState.FILLED
    assert world.hand.told_of("order").count("FILLED") == 1


@pytest.mark.parametrize("replaces", [False, True])
def test_an_order_gets_its_new_terms(replaces: bool):
    """On venues that keep its number, and on those that put another order in its place."""
    world = hand_world(rest, to("59990", "0.02"))
    world.venue.replaces = replaces
    world.run(1)
    assert terms(world) == (5_999_000, 2_000)
    assert world.only_order.state is OrderState.WORKING
    assert world.only_order.amending is None
    assert len(world.only_order.former) == replaces
    (seen,) = world.messages(OrderAmended)
    assert seen.order_id == world.only_order.order_id
    world.venue.house_trade(Side.SELL, 5_998_000, 500_000)
    world.run(35)
    assert world.only_order.state is OrderState.FILLED
    assert world.only_order.filled_lots == 2_000
    assert world.trader.turn.state.portfolio.position_lots == 1_998
    assert world.trader.status.word == "running"
    assert dump(world.replayed()) == dump(world.trader.turn.state)


def test_it_is_journaled_before_it_leaves():
    """A crash between the two leaves it unknown, and the venue's terms close it."""
    points = hand_world(rest, to("59990"))
    points.run(1)
    for point in range(1, points.points + 1):
        world = hand_world(rest, to("59990"), crash_at={point})
        world.run(20)
        assert world.trader.status.word == "running", point
        venue = {o.client_order_id: o.price_ticks for o in world.venue.orders_of_bot}
        ours = {o.client_order_id: o.place.price_ticks for o in world.trader.turn.state.orders}
        assert venue.items() <= ours.items(), point
        assert all(o.amending is None for o in world.trader.turn.state.orders), point
        intents = [m.client_order_id for m in world.messages(AmendPending)]
        sent = [c for c in world.commands if isinstance(c, Amend)]
        assert len(sent) <= len(intents)


@pytest.mark.parametrize("replaces", [False, True])
def test_a_lost_answer_is_closed_by_what_the_venue_has(replaces: bool):
    """The change was made: the order's own terms say so, and nothing is sent twice."""
    world = hand_world(rest, to("59990", "0.02"), fate=first_amend(Fate(back=None)))
    world.venue.replaces = replaces
    world.timeout_ns = SECOND_NS
    world.after(0.19, lambda: world.mute(Role.PRIVATE))
    world.run(3)
    assert terms(world) == (5_999_000, 2_000)
    assert world.only_order.amending is None
    assert sum(isinstance(command, Amend) for command in world.commands) == 1


def test_a_lost_request_is_closed_after_its_expiry():
    """Until then the order counts by both terms and nothing new is risked; then it is as before."""
    world = hand_world(rest, to(size="0.03"), fate=first_amend(Fate(there=None)))
    world.timeout_ns = SECOND_NS
    world.after(2, lambda: world.hand.acts.append(lambda hand: hand.buy("0.01", "59999")))
    world.run(WINDOW_NS / SECOND_NS)
    assert world.only_order.exposed_lots == 3_000
    assert world.hand.done[2].refusal.startswith(f"order {world.only_order.client_order_id} may")
    world.run(10)
    assert terms(world) == (5_999_950, 1_000)
    assert world.only_order.exposed_lots == 1_000
    (failed,) = world.messages(AmendFailed)
    assert "the terms are as before" in failed.why
    assert world.messages(AmendUnknown)


def test_where_requests_do_not_expire_it_stays_unknown_until_the_order_ends():
    """It is told again and again; a cancel ends the question."""
    world = hand_world(rest, to("59990"), fate=first_amend(Fate(there=None)))
    world.rules.expiry = None
    world.timeout_ns = SECOND_NS
    world.run(130)
    assert world.only_order.amending is not None
    assert "order resolve" in world.said("amend.still_unknown")[0]
    world.hand.acts.append(lambda hand: hand.cancel_all())
    world.run(140)
    assert world.only_order.state is OrderState.CANCELED
    assert world.only_order.amending is None


def test_a_fill_that_races_a_change_is_counted_by_the_order_that_filled():
    """It fills whole by its old terms; the change is refused, and nothing is doubled."""
    world = hand_world(rest, to("59990"), fate=first_amend(Fate(there=300_000_000)))
    world.after(0.35, lambda: world.venue.house_trade(Side.SELL, 5_999_000, 500_000))
    world.run(5)
    assert world.only_order.state is OrderState.FILLED
    assert world.only_order.amending is None
    assert world.trader.turn.state.portfolio.position_lots == 999


def test_a_new_size_is_of_the_whole_order_though_the_venue_counts_each_number_for_itself():
    """What had filled under former numbers is not ordered again; below that there is no size."""
    world = hand_world(rest)
    world.venue.replaces = True
    world.run(1)
    world.venue.house_trade(Side.SELL, 5_999_950, 400)
    world.hand.acts += [to("59990"), to(size="0.02")]
    world.run(40)
    assert terms(world) == (5_999_000, 2_000)
    assert len(world.only_order.former) == 2
    there = world.venue.orders_of_bot[-1]
    assert there.size_lots == 2_000 - 400
    assert world.only_order.exposed_lots == there.size_lots
    world.hand.acts.append(to(size="0.004"))
    world.run(40)
    assert terms(world) == (5_999_000, 2_000)
    assert len(world.messages(AmendPending)) == 2


@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize("delay_ms", [0, 1, 2, 3, 5, 50])
def test_a_cancel_that_races_a_change_ends_whatever_there_is(replaces: bool, delay_ms: int):
    """The cancel may come before, between and after; nothing is left at the venue."""
    fate = first_amend(Fate(there=delay_ms * 1_000_000 + 1))
    world = hand_world(rest, to("59990"), lambda hand: hand.cancel_all(), fate=fate)
    world.venue.replaces = replaces
    world.run(8)
    assert not world.only_order.is_open
    assert world.only_order.amending is None
    assert all(not order.state.is_open for order in world.venue.orders_of_bot)
    assert not [*world.venue.history._account(100).open]


def test_both_terms_count_while_it_is_on_its_way():
    """In place: the larger; on a venue that replaces: both, because both can fill."""
    for replaces, worst in ((False, 2_000), (True, 3_000)):
        world = hand_world(rest, to(size="0.02"), fate=first_amend(Fate(there=500_000_000)))
        world.venue.replaces = replaces
        world.start = Start(offering(amend_replaces=replaces))
        world.run(0.4)
        assert world.only_order.exposed_lots == worst


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (to("70000"), "price_collar is 5 %"),
        (to(size="0.9"), "max_order_notional is 10000 USDT"),
        (to(), "has these terms already"),
        (lambda hand: hand.amend("nobody", price="59990"), "no such order"),
    ],
)
def test_a_change_is_checked_as_the_order_it_makes(act, why: str):
    """With the limit's name and the number that is too much."""
    world = hand_world(rest, act)
    world.run(1)
    assert why in world.hand.done[1].refusal
    assert not any(isinstance(command, Amend) for command in world.commands)


def test_a_change_that_would_pass_the_position_limit_is_refused():
    """Counted with everything that is open."""
    config = CONFIG.replace('max_position = "1"', 'max_position = "0.015"')
    world = hand_world(rest, to(size="0.02"), config=config)
    world.run(1)
    assert "the position would be 0.02" in world.hand.done[1].refusal


def test_a_venue_that_cannot_change_orders_is_not_asked_to():
    """The refusal says what to do instead."""
    world = hand_world(rest, to("59990"))
    world.start = Start(offering(has_amend=False))
    world.run(1)
    assert "venue cannot change an order; cancel it" in world.hand.done[1].refusal


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (NotSent("429", SECOND_NS), "not sent: 429"),
        (Answered(Refused(RejectReason.UNSUPPORTED, "not here")), "the venue refused it: not here"),
    ],
)
def test_a_change_that_was_not_made_is_told_and_not_repeated(outcome, why: str):
    """The price that it wanted was from then."""
    world = hand_world(rest, to("59990"), fate=first_amend(Fate(outcome=outcome)))
    world.run(5)
    assert world.only_order.amend_note == why
    assert terms(world) == (5_999_950, 1_000)
    assert sum(isinstance(command, Amend) for command in world.commands) == 1
    assert world.hand.told_of("order").count("WORKING") == 2


def test_a_bare_yes_counts_for_the_terms_that_were_asked_for():
    """And the order is looked at, because a bare yes is little."""
    world = hand_world(rest, to("59990"))
    real = world.venue.perform

    def perform(command, signed_ns):
        outcome = real(command, signed_ns)
        return Answered(Acknowledged()) if isinstance(command, Amend) else outcome

    world.venue.perform = perform
    world.after(0.19, lambda: world.mute(Role.PRIVATE))
    world.run(2)
    assert terms(world) == (5_999_000, 1_000)


def test_terms_that_somebody_else_changed_are_taken_over_loudly():
    """By hand at the venue: the limits count what is there."""
    world = hand_world(rest)
    world.after(0.5, lambda: world.venue.perform(Amend(0, 1, None, 500), world.now_ns))
    world.run(2)
    assert terms(world) == (5_999_950, 500)
    assert world.said("order.terms")


def test_two_orders_of_one_name_are_loud_and_end():
    """The venue has placed one twice: the second counts, and is canceled."""
    world = hand_world(rest)
    world.run(1)
    place = world.only_order.place
    world.after(1.5, lambda: world.venue.place_for(100, place))
    world.run(5)
    assert world.said("order.twice")
    (cancel,) = [c for c in world.commands if isinstance(c, Cancel)]
    assert cancel.order_id == world.only_order.order_id != 1
    assert [type(c) for c in world.commands] == [Place, Cancel]


@pytest.mark.parametrize("replaces", [False, True])
def test_a_late_answer_is_not_the_answer_to_the_next_change(replaces: bool):
    """The stream told of the first; its answer comes while the second is on its way."""
    fates = [Fate(back=150_000_000), Fate(there=200_000_000)]

    def fate(message, _number) -> Fate:
        return fates.pop(0) if isinstance(message, Amend) else Fate()

    world = hand_world(rest, to("59990"), to("59980"), fate=fate)
    world.venue.replaces = replaces
    world.run(3)
    assert fates == []
    assert terms(world) == (5_998_000, 1_000)
    assert world.said("order.twice") == world.said("order.terms") == []
    assert [m.price_ticks for m in world.messages(OrderAmended)] == [5_999_000, 5_998_000]


def test_no_second_change_while_one_is_on_its_way():
    """Which of them came last would not be known."""
    fate = first_amend(Fate(there=900_000_000))
    world = hand_world(rest, to("59990"), to("59980"), fate=fate)
    world.run(0.8)
    assert "a change of it is on its way already" in world.hand.done[2].refusal


def test_another_order_in_its_place_is_one_order_where_a_yes_names_only_its_number():
    """Both count until the venue has told what the new one is; the stream may tell it first."""
    for is_mute in (False, True):
        world = hand_world(rest, to("59990", "0.02"))
        world.venue.replaces, real = True, world.venue.perform
        world.start = Start(offering(amend_replaces=True))

        def perform(command, signed_ns, real=real):
            outcome = real(command, signed_ns)
            if not isinstance(command, Amend):
                return outcome
            return Answered(Acknowledged(order_id=outcome.answer.order.order_id))

        world.venue.perform = perform
        if is_mute:
            world.after(0.19, lambda world=world: world.mute(Role.PRIVATE))
        world.run(2)
        assert terms(world) == (5_999_000, 2_000)
        assert world.only_order.amending is None
        assert (len(world.only_order.former), world.only_order.state) == (1, OrderState.WORKING)
        assert world.said("order.twice") == world.said("order.terms") == []
        assert dump(world.replayed()) == dump(world.trader.turn.state)


@pytest.mark.parametrize("is_mute", [False, True])
@pytest.mark.parametrize("limit", [None, "59900"])
def test_an_order_that_has_another_number_once_it_is_triggered_stays_one(limit, is_mute: bool):
    """Told by the stream or found by its name; its fills are its own, and nothing is canceled."""
    world = hand_world(lambda hand: hand.stop(Side.SELL, "0.01", "59950", limit))
    world.venue.renumbers = True
    world.run(0.5)
    assert world.only_order.order_id & WAITS
    if is_mute:
        world.mute(Role.PRIVATE)
    world.after(0.6, lambda: world.venue.house_trade(Side.SELL, 5_994_000, 500_000))
    world.run(40)
    assert world.only_order.order_id == world.only_order.order_id & ~WAITS
    assert world.only_order.filled_lots == world.only_order.venue_filled_lots
    assert world.said("order.twice") == []
    assert [type(command) for command in world.commands] == [Place]
    assert len(world.messages(OrderTriggered)) == 1
    assert world.trader.status.word == "running"
    assert dump(world.replayed()) == dump(world.trader.turn.state)


def test_an_order_that_waits_is_canceled_under_the_number_that_it_has():
    """Once it is triggered that is the new one."""
    world = hand_world(lambda hand: hand.stop(Side.SELL, "0.01", "59950", "60100"))
    world.venue.renumbers = True
    world.after(0.6, lambda: world.venue.house_trade(Side.SELL, 5_994_000, 500_000))
    world.after(0.9, lambda: world.hand.acts.append(lambda hand: hand.cancel_all()))
    world.run(3)
    (cancel,) = [command for command in world.commands if isinstance(command, Cancel)]
    assert cancel.order_id == world.only_order.order_id != world.only_order.order_id | WAITS
    assert world.only_order.state is OrderState.CANCELED
