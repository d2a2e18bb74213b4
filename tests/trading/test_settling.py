"""An order's fills against the venue's count of it: missing, too many, or worth something else."""

import msgspec
import pytest

from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import OrderQuery
from steelyard.domain.order import Side
from steelyard.trading.actions import Decision, Resolve
from steelyard.trading.records import CountDisputed
from tests.trading import venue
from tests.trading.session import dump
from tests.trading.world import hand_world


def buy(hand):
    return hand.buy("0.01")


def counting(monkeypatch, **wrong) -> None:
    """Let the venue count ended orders otherwise than its fills."""
    real = venue.copied

    def copied(order):
        order = real(order)
        return order if order.state.is_open else msgspec.structs.replace(order, **wrong)

    monkeypatch.setattr(venue, "copied", copied)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"filled_lots": 900}, "the venue counts 0.00900 filled, its fills add up to 0.01000"),
        ({"quote_atoms": 599 * 10**12}, "the venue counts 599 USDT, its fills add up to 600.005"),
    ],
)
def test_a_count_that_is_not_the_sum_of_the_fills_gates(monkeypatch, wrong, text: str):
    """Asked for again and again; loud, journaled, and nothing new is risked meanwhile."""
    counting(monkeypatch, **wrong)
    world = hand_world(buy)
    world.run(60)
    assert text in world.said("fills.disputed")[0]
    assert len(world.messages(CountDisputed)) == 1
    assert text in world.trader.status.reason
    assert world.trader.status.word == "gated"
    assert world.trader.turn.state.portfolio.position_lots == 999, "fills alone move the position"


def test_a_dispute_ends_when_the_venue_agrees(monkeypatch):
    """It has mended its count."""
    counting(monkeypatch, filled_lots=900)
    world = hand_world(buy)
    world.run(40)
    assert world.trader.status.word == "gated"
    monkeypatch.undo()
    world.run(140)
    assert world.trader.status.word == "running"
    assert [m.text is None for m in world.messages(CountDisputed)] == [False, True]
    assert dump(world.replayed()) == dump(world.trader.turn.state)


def test_a_dispute_survives_a_restart_and_ends_by_a_person(monkeypatch):
    """Who says that the fills are right is journaled."""
    counting(monkeypatch, filled_lots=900)
    world = hand_world(buy)
    world.run(40)
    world.boot()
    world.run(50)
    assert world.trader.status.word == "starting"
    name = next(iter(world.trader.turn.state.orders)).client_order_id
    world.step(Resolve(1, name, Decision.FILLS, "anna", "the statement agrees"))
    world.run(60)
    assert world.replies[0].is_done
    assert world.trader.status.word == "running"


def test_a_count_that_is_told_late_is_asked_for_once_more(monkeypatch):
    """A message that is old is no dispute."""
    counting(monkeypatch, filled_lots=900)
    world = hand_world(buy)
    real = world.venue.ask

    def ask(query):
        if isinstance(query, OrderQuery):
            monkeypatch.undo()
        return real(query)

    world.venue.ask = ask
    world.run(10)
    assert world.said("fills.disputed") == []
    assert world.only_order.state is OrderState.FILLED
    assert world.trader.status.word == "running"


def test_a_fill_of_a_number_that_the_order_had_before_is_asked_for_too():
    """Its match was not told, and by the time that it is missed another order is in its place."""
    world = hand_world(lambda hand: hand.buy("0.01", "59999.50"))
    world.venue.replaces = True
    world.run(1)
    world.venue.house_trade(Side.SELL, 5_999_950, 400)
    world.venue.private.clear()
    world.hand.acts.append(lambda hand: hand.amend(hand.done[0], price="59990"))
    world.run(5)
    (order,) = world.trader.turn.state.orders
    assert order.former
    assert (order.venue_filled_lots, order.filled_lots) == (400, 400)
    assert not world.said("fills.missing")
