"""A person's word: taken where nothing denies it, and journaled with who and why."""

import pytest

from steelyard.domain.commands import Amend, Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS, OrderQuery, OrdersQuery, Refused
from steelyard.domain.order import RejectReason
from steelyard.trading.actions import Decision, Resolve, Role
from steelyard.trading.records import OrderResolved
from steelyard.wire.outcome import Answered, Unknown
from tests.trading.session import dump
from tests.trading.world import Fate, Hand, hand_world


def rest(hand: Hand):
    return hand.buy("0.01", "59999.50")


def lost(kind: type = Place, fate: Fate | None = None):
    """Return a fate that loses the first command of a kind."""
    seen = []

    def choose(message, _number) -> Fate:
        if isinstance(message, kind) and not seen:
            seen.append(message)
            return fate or Fate(there=None)
        return Fate()

    return choose


def unknown_world(*acts, fate=None):
    """Return a world with an unknown order, on a venue whose requests do not expire."""
    world = hand_world(rest, *acts, fate=fate or lost())
    world.rules.expiry = None
    world.timeout_ns = SECOND_NS
    world.run(3)
    return world


def decide(world, decision: Decision, name: str = "", at_s: float = 4):
    """Let a person decide, and return what they are told."""
    name = name or world.only_order.client_order_id
    event = Resolve(7, name, decision, "anna", "support says so")
    world.after(at_s, lambda: world.step(event))
    world.run(at_s + 12)
    (reply,) = [reply for reply in world.replies if reply.request == 7]
    return reply


def test_a_person_says_that_an_order_never_arrived():
    """New risk is free again; the journal has who, and why."""
    world = unknown_world()
    assert world.only_order.state is OrderState.UNKNOWN
    reply = decide(world, Decision.ABSENT)
    assert reply.is_done
    assert world.only_order.state is OrderState.ABSENT
    (resolved,) = world.messages(OrderResolved)
    assert (resolved.decision, resolved.who, resolved.why) == ("absent", "anna", "support says so")
    world.hand.acts.append(lambda hand: hand.buy("0.01"))
    world.run(20)
    assert world.hand.done[1].refusal is None
    assert dump(world.replayed()) == dump(world.trader.turn.state)


def test_the_venue_outweighs_a_person():
    """It is there after all: the decision finds it instead."""
    world = unknown_world(fate=lost(fate=Fate(there=3 * SECOND_NS)))
    world.venue.perform, real = lambda c, _: real(c, world.now_ns), world.venue.perform
    world.mute(Role.PRIVATE)
    reply = decide(world, Decision.ABSENT)
    assert not reply.is_done
    assert reply.text.endswith("is WORKING")
    assert world.messages(OrderResolved) == []


def test_a_person_who_was_wrong_is_found_out():
    """Declared absent, it arrives: loud, counted, and canceled."""
    world = unknown_world(fate=lost(fate=Fate(there=30 * SECOND_NS)))
    world.venue.perform, real = lambda c, _: real(c, world.now_ns), world.venue.perform
    assert decide(world, Decision.ABSENT).is_done
    world.run(70)
    assert world.said("order.alive")
    assert world.only_order.state is OrderState.CANCELED
    assert not any(order.state.is_open for order in world.venue.orders_of_bot)


def test_live_is_not_believed_against_the_venues_no():
    """It knows no such order and lists none."""
    world = unknown_world()
    reply = decide(world, Decision.LIVE)
    assert not reply.is_done
    assert "does not know" in reply.text
    assert world.only_order.state is OrderState.UNKNOWN


def test_live_counts_where_the_venue_cannot_look_orders_up():
    """Then a person's eyes are all there is; the order can be canceled from here on."""
    real = lost()
    no = Answered(Refused(RejectReason.UNSUPPORTED, "no lookup here"))

    def fate(message, number) -> Fate:
        return Fate(outcome=no) if isinstance(message, OrderQuery) else real(message, number)

    world = unknown_world(fate=fate)
    reply = decide(world, Decision.LIVE)
    assert reply.is_done
    assert world.only_order.was_seen
    assert world.only_order.state is OrderState.WORKING


def test_nothing_is_decided_before_the_expiry():
    """The bot can find out by itself."""
    world = hand_world(rest, fate=lost())
    world.timeout_ns = SECOND_NS
    world.run(1.5)
    reply = decide(world, Decision.ABSENT, at_s=2)
    assert not reply.is_done
    assert "it can still arrive for 4 s" in reply.text


def test_nothing_is_decided_without_the_venue():
    """It does not answer: undecided, within a bounded time."""
    real = lost()

    def fate(message, number) -> Fate:
        if isinstance(message, OrdersQuery) and world_is_deaf:
            return Fate(outcome=Unknown("down"))
        return real(message, number)

    world_is_deaf = False
    world = unknown_world(fate=fate)
    world_is_deaf = True
    reply = decide(world, Decision.ABSENT)
    assert not reply.is_done
    assert reply.text.startswith("not decided: ")
    assert world.only_order.state is OrderState.UNKNOWN


@pytest.mark.parametrize(
    ("name", "decision", "text"),
    [
        ("nobody", Decision.ABSENT, "no order nobody of this bot; nothing is to be decided"),
        ("", Decision.ABSENT, "is WORKING: there is nothing to decide"),
        ("", Decision.FILLS, "are not in dispute"),
    ],
)
def test_where_there_is_nothing_to_decide_it_says_so(name: str, decision: Decision, text: str):
    """With the order's state."""
    world = hand_world(rest)
    world.run(1)
    reply = decide(world, decision, name)
    assert not reply.is_done
    assert text in reply.text


def test_of_a_change_a_person_can_say_that_it_was_not_made():
    """The order goes on by its old terms."""
    world = unknown_world(lambda hand: hand.amend(hand.done[0], price="59990"), fate=lost(Amend))
    assert world.only_order.amending is not None
    reply = decide(world, Decision.ABSENT)
    assert reply.is_done
    assert world.only_order.amending is None
    assert world.only_order.place.price_ticks == 5_999_950
