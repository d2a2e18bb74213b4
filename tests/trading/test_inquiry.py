"""Unknown orders: presence is proof, absence only after the expiry, and silence never."""

import pytest

from steelyard.domain.commands import Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS, FillsQuery, OrderQuery, OrdersQuery, Refused
from steelyard.domain.order import RejectReason
from steelyard.trading.actions import Role
from steelyard.trading.inquiry import LOUD_NS, MARGIN_NS
from steelyard.trading.records import OrderAbsent, OrderUnknown
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
