"""One order at a time through what can become of its sending."""

import pytest

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS, Clock, Refused
from steelyard.domain.order import RejectReason, Side
from steelyard.trading.actions import Role
from steelyard.trading.orderwork import PLACE_TIME_MAX_NS, PLACE_TRIES_MAX
from steelyard.trading.records import (
    CancelAsked,
    FillSeen,
    OrderAbsent,
    OrderNotSent,
    OrderPending,
    OrderRefused,
    OrderSeen,
    OrderSent,
    OrderUnknown,
)
from steelyard.wire.outcome import Answered, NotSent, Unknown
from tests.trading.world import BEGIN_NS, Fate, hand_world

NO = Answered(Refused(RejectReason.INSUFFICIENT_BALANCE, "not enough"))


def buy(hand):
    return hand.buy("0.01")


def rest(hand):
    return hand.buy("0.01", "59999.50")


def places(outcome, times: int = 1_000_000):
    """Return a fate that gives the first Places this outcome."""
    left = [times]

    def fate(message, _number) -> Fate:
        if isinstance(message, Place) and left[0] > 0:
            left[0] -= 1
            return Fate(outcome=outcome)
        return Fate()

    return fate


def kinds(world) -> list[str]:
    return [
        type(record.message).__name__
        for record in world.records()
        if isinstance(
            record.message,
            OrderPending
            | OrderSent
            | OrderNotSent
            | OrderUnknown
            | OrderRefused
            | OrderAbsent
            | OrderSeen
            | FillSeen
            | CancelAsked,
        )
    ]


def test_an_order_is_written_down_then_sent_then_believed():
    """The intent before the bytes, the venue's word after them, the fill once."""
    world = hand_world(buy)
    world.run(2)
    assert kinds(world) == ["OrderPending", "OrderSent", "OrderSeen", "FillSeen"]
    assert world.only_order.state is OrderState.FILLED
    assert world.hand.heard_of("order") == ["FILLED"]
    ((fill, lots),) = world.hand.heard_of("fill")
    assert (fill.size_lots, lots) == (1_000, 999), "the position has moved before it is told"
    assert world.hand.done[0].client_order_id == world.only_order.client_order_id
    assert len(world.trader.work.latencies_ns) == 1


def test_a_refused_order_is_over():
    """One request, one answer, no other try; the strategy hears of it."""
    world = hand_world(buy, fate=places(NO))
    world.run(20)
    assert kinds(world) == ["OrderPending", "OrderSent", "OrderRefused"]
    assert world.only_order.state is OrderState.REJECTED
    assert world.hand.heard_of("order") == ["REJECTED"]
    assert world.said("order.refused")[0].endswith("INSUFFICIENT_BALANCE, not enough")


def test_what_was_not_sent_is_tried_again_with_the_same_id():
    """Pauses grow, tries are bounded; then it is absent, which is proven."""
    world = hand_world(buy, fate=places(NotSent("connection refused")))
    world.run(60)
    assert kinds(world).count("OrderNotSent") <= PLACE_TRIES_MAX
    assert len({command.client_order_id for command in world.commands}) == 1
    assert world.only_order.state is OrderState.ABSENT
    assert world.only_order.updated_ns - world.only_order.created_ns < PLACE_TIME_MAX_NS
    assert world.hand.heard_of("order") == ["ABSENT"]
    assert world.trader.status.word == "running"


def test_the_venues_pause_is_kept():
    """After a 429 with three seconds the next try is not sooner."""
    world = hand_world(buy, fate=places(NotSent("429", 3 * SECOND_NS), 1))
    world.run(10)
    sent = [r.time_ns for r in world.records() if isinstance(r.message, OrderSent)]
    assert sent[1] - sent[0] >= 3 * SECOND_NS
    assert world.only_order.state is OrderState.FILLED


def test_a_long_pause_ends_the_wish():
    """An order that would leave a minute later is no longer what the strategy saw."""
    world = hand_world(buy, fate=places(NotSent("429", 60 * SECOND_NS)))
    world.run(1)
    assert world.only_order.state is OrderState.ABSENT


def test_a_try_again_must_still_pass_the_limits():
    """Between two tries the book broke: it is given up, not sent blindly."""
    world = hand_world(buy, fate=places(NotSent("429"), 1))
    world.after(0.35, lambda: world.break_stream(Role.MARKET, back_s=20))
    world.run(5)
    assert world.only_order.state is OrderState.ABSENT
    assert "not sent again: the market stream is down: broken" in world.only_order.note
    assert len(world.commands) == 1


@pytest.mark.parametrize(
    "outcome", [Unknown("reset by peer"), Answered(Clock(1))], ids=["no answer", "nonsense"]
)
def test_no_proper_answer_makes_it_unknown(outcome):
    """It may have arrived: nothing that adds risk goes until the venue has proven which."""
    world = hand_world(buy, buy, lambda hand: hand.sell("0.01"), fate=places(outcome, 1))
    world.run(3)
    assert world.only_order.state is OrderState.UNKNOWN
    refusals = [intent.refusal for intent in world.hand.done[1:]]
    assert all("may or may not have arrived" in refusal for refusal in refusals)
    assert world.trader.host.refused == 2
    world.run(10)
    assert world.only_order.state is OrderState.ABSENT
    assert world.hand.heard_of("order") == ["UNKNOWN", "ABSENT"]


def test_an_id_that_the_venue_knows_already_is_looked_for():
    """Only an earlier attempt can have used it; the same id is not sent again."""
    duplicate = Answered(Refused(RejectReason.DUPLICATE_CLIENT_ORDER_ID, "duplicate"))
    world = hand_world(buy, fate=places(duplicate))
    world.run(1)
    assert world.only_order.state is OrderState.UNKNOWN
    assert len(world.commands) == 1


def test_the_stream_may_tell_before_the_answer():
    """Then the late answer changes nothing, and nothing counts twice."""

    def fate(message, _number) -> Fate:
        return Fate(back=SECOND_NS) if isinstance(message, Place) else Fate()

    world = hand_world(buy, fate=fate)
    world.run(4)
    assert kinds(world) == ["OrderPending", "OrderSent", "OrderSeen", "OrderSeen", "FillSeen"]
    assert world.hand.heard_of("order") == ["WORKING", "FILLED"]
    assert len(world.hand.heard_of("fill")) == 1
    assert world.only_order.filled_lots == 1_000


def test_a_cancel_ends_an_order():
    """Once asked, once sent, believed when the venue says so."""
    world = hand_world(rest, lambda hand: hand.cancel(hand.done[0]))
    world.run(2)
    assert world.only_order.state is OrderState.CANCELED
    assert [type(command) for command in world.commands] == [Place, Cancel]


def test_a_cancel_of_an_order_that_is_on_its_way_waits_for_it():
    """It cannot be canceled before it is there; then it is at once."""

    def both(hand):
        hand.cancel(rest(hand))

    world = hand_world(
        both, fate=lambda m, _: Fate(there=SECOND_NS) if isinstance(m, Place) else Fate()
    )
    world.run(0.8)
    assert [type(command) for command in world.commands] == [Place]
    world.run(3)
    assert world.only_order.state is OrderState.CANCELED


@pytest.mark.parametrize(
    "outcome",
    [NotSent("429"), Unknown("reset"), Answered(Clock(1))],
    ids=["not sent", "no answer", "nonsense"],
)
def test_a_cancel_is_repeated_until_the_order_has_ended(outcome):
    """A cancel is a wish: whatever becomes of it, the order's end is what counts."""
    left = [3]

    def fate(message, _number) -> Fate:
        if isinstance(message, Cancel) and left[0]:
            left[0] -= 1
            return Fate(outcome=outcome)
        return Fate()

    world = hand_world(rest, lambda hand: hand.cancel(hand.done[0]), fate=fate)
    world.run(20)
    assert sum(isinstance(command, Cancel) for command in world.commands) == 4
    assert world.only_order.state is OrderState.CANCELED


def test_an_order_that_fills_while_it_is_canceled_is_filled():
    """The venue says that there is no such open order; we look, and believe the fill."""

    def fate(message, _number) -> Fate:
        return Fate(there=SECOND_NS) if isinstance(message, Cancel) else Fate()

    world = hand_world(rest, lambda hand: hand.cancel(hand.done[0]), fate=fate)
    world.after(0.9, lambda: world.venue.house_trade(Side.SELL, 5_999_950, 300_000))
    world.run(5)
    assert world.only_order.state is OrderState.FILLED
    assert world.trader.turn.state.portfolio.position_lots == 999
    assert "no such open order" in world.said("cancel.failed")[0]


def test_a_wish_to_cancel_ends_the_tries_to_place():
    """What was never taken up need not be canceled there."""
    world = hand_world(rest, lambda hand: hand.cancel(hand.done[0]), fate=places(NotSent("429")))
    world.run(5)
    assert world.only_order.state is OrderState.ABSENT
    assert not any(isinstance(command, Cancel) for command in world.commands)


def test_sending_tells_when_the_venue_stops_taking_it_up():
    """The expiry is on the venue's clock, from when it was signed."""
    world = hand_world(buy)
    world.venue.offset_ns = -3 * SECOND_NS
    world.run(2)
    (sent,) = world.messages(OrderSent)
    (pending,) = [r for r in world.records() if isinstance(r.message, OrderPending)]
    assert sent.expires_ns == pending.time_ns - 3 * SECOND_NS + 5 * SECOND_NS
    assert pending.time_ns > BEGIN_NS
