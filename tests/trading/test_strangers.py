"""Orders and fills of the account that are not the bot's: left, canceled or adopted, and told."""

from functools import partial

import msgspec
import pytest

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import OrderQuery
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.trading.actions import Closing
from steelyard.trading.orders import ClientIds
from steelyard.trading.records import (
    BalancesSeen,
    ForeignFillSeen,
    ForeignOrderSeen,
    OrderAdopted,
)
from tests.trading import venue
from tests.trading.session import dump
from tests.trading.venue import BOT
from tests.trading.world import BEGIN_NS, CONFIG, Fate, hand_world


def buy(hand):
    return hand.buy("0.01")


def under(policy: str) -> str:
    return CONFIG.replace("[venue.main]", f'foreign_orders = "{policy}"\n[venue.main]')


def strange(client_order_id: str = "hand", price_ticks: int = 5_999_950) -> Place:
    """Return an order that the bot has not made."""
    return Place(
        BOT,
        3,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        False,
        price_ticks,
        1_000,
        client_order_id=client_order_id,
    )


def test_orders_and_fills_of_others_are_reported_and_left_alone():
    """They are not in the position, not in the limits, and not canceled."""
    world = hand_world(buy)
    world.after(0.5, lambda: world.venue.trade_by_hand(Side.BUY))
    world.venue.now_ns = BEGIN_NS
    world.after(0, lambda: world.venue.trade_by_hand(Side.SELL))
    world.run(40)
    assert len(world.said("order.foreign")) == 1
    assert len(world.trader.reconciler.strangers._known) == 2
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
    assert [o.client_order_id for o in world.trader.reconciler.strangers.open.values()] == ["hand"]
    world.after(3, lambda: world.venue.perform(Cancel(0, 1), world.now_ns))
    world.run(4)
    assert world.trader.reconciler.strangers.open == {}


@pytest.mark.parametrize("at", [0, 2])
def test_orders_of_others_are_canceled_before_anything_is_traded(at: float):
    """Those from before the start gate it; one that comes later goes too."""
    world = hand_world(buy, config=under("cancel"))
    world.after(at, lambda: world.venue.place_for(BOT, strange()))
    world.run(at + 5)
    (seen,) = world.messages(ForeignOrderSeen)
    assert seen.policy == "cancel"
    assert isinstance(world.commands[0 if at == 0 else 1], Cancel)
    assert not world.venue.history._account(BOT).open
    assert world.trader.status.word == "running"
    assert len(world.venue.orders_of_bot) == 1


@pytest.mark.parametrize("name", ["hand", ""])
def test_an_order_of_others_is_adopted_with_its_fills(name: str, monkeypatch):
    """Also one that the venue knows by its number alone; from then on it is the bot's."""
    if not name:

        def nameless(order):
            return msgspec.structs.replace(order, client_order_id="")

        monkeypatch.setattr(venue, "copied", nameless)
    world = hand_world(config=under("adopt"))
    world.after(0, lambda: world.venue.place_for(BOT, strange(name)))
    world.after(1, lambda: world.venue.house_trade(Side.SELL, 5_999_000, 400))
    world.run(3)
    (adopted,) = world.messages(OrderAdopted)
    assert adopted.is_nameless is (name == "")
    assert world.only_order.state is OrderState.PARTIALLY_FILLED
    assert world.trader.turn.state.portfolio.position_lots == world.only_order.filled_lots == 400
    world.hand.acts.append(lambda hand: hand.cancel_all())
    world.run(5)
    assert world.only_order.state is OrderState.CANCELED
    assert not world.venue.history._account(BOT).open
    assert world.trader.status.word == "running"
    assert dump(world.replayed()) == dump(world.trader.turn.state)


@pytest.mark.parametrize("policy", ["leave", "cancel", "adopt"])
def test_a_lost_journal_is_loud_and_its_orders_are_known_by_their_ids(policy: str):
    """Ids carry the bot's name, so an order of a run that the journal has not is known."""
    world = hand_world(config=under(policy))
    number = ClientIds("test", 1_699_000_000).next()
    name = world.rules.client_order_id(number)
    world.after(0, lambda: world.venue.place_for(BOT, strange(name)))
    world.run(4)
    assert "the journal was lost" in world.said("journal.lost")[0]
    state = world.trader.turn.state
    assert len([*state.orders]) == (policy == "adopt")
    open_there = [*world.venue.history._account(BOT).open]
    assert len(open_there) == (policy != "cancel")
    assert world.trader.status.word == "running"


@pytest.mark.parametrize("policy", ["leave", "cancel"])
def test_an_order_of_the_kill_switch_is_the_bots_own(policy: str):
    """It has the bot's id, was never in the journal, and is no sign of a lost one."""
    world = hand_world(config=under(policy))
    name = world.rules.client_order_id(ClientIds("test", 1_699_000_000).next())
    world.after(0, lambda: world.step(Closing((name,))))
    world.after(1, lambda: world.venue.place_for(BOT, strange(name, 6_000_050)))
    world.run(4)
    assert not world.said("journal.lost")
    assert world.only_order.state is OrderState.FILLED
    assert world.trader.turn.state.portfolio.position_lots == 1_000


def test_under_adopt_the_fills_of_a_lost_run_are_the_position_again():
    """An order that has ended since is adopted too, when one of its fills is found."""
    world = hand_world(config=under("adopt"))
    name = world.rules.client_order_id(ClientIds("test", 1_699_000_000).next())
    world.after(0, lambda: world.venue.place_for(BOT, strange(name, 6_000_050)))
    world.run(4)
    assert world.only_order.state is OrderState.FILLED
    assert world.trader.turn.state.portfolio.position_lots == 1_000


def test_foreign_fills_move_balances_and_no_position():
    """They are journaled once, whoever tells of them, and explain what the account has."""
    world = hand_world(buy)
    for at in (1, 1.5, 35):
        world.after(at, partial(world.venue.trade_by_hand, Side.BUY))
    world.run(70)
    assert len(world.messages(ForeignFillSeen)) == 3
    assert world.trader.turn.state.portfolio.position_lots == 999
    assert all(not seen.unexplained for seen in world.messages(BalancesSeen))
    assert world.said("balance.unexplained") == []
    assert dump(world.replayed()) == dump(world.trader.turn.state)
