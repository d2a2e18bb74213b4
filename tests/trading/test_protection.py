"""The stop behind a position: placed, kept as large as it, proven, and missed loudly."""

from decimal import Decimal
from itertools import pairwise

import pytest

from steelyard.domain.commands import Amend, Cancel, Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import OrderType, Side
from steelyard.trading import protection, risk
from steelyard.trading.actions import Role, Start, Stop
from steelyard.trading.orderwork import OrderWork
from steelyard.trading.records import OrderPending, ProtectionSeen, ProtectionSet
from steelyard.wire.outcome import Answered
from tests.trading.capabilities import offering
from tests.trading.session import check_protection, dump
from tests.trading.world import CONFIG, Fate, Hand, hand_world

STOP_LOSS = CONFIG + 'stop_loss = "1%"\n'


def buy(hand: Hand):
    return hand.buy("0.01")


def protect(trigger: str | None = "59000", price: str | None = None):
    return lambda hand: hand.protect(trigger, price)


def stops(world):
    """Return the venue's open stops, as (side, lots, trigger)."""
    return [
        (o.side, o.size_lots - o.filled_lots, o.trigger_ticks)
        for o in world.venue.orders_of_bot
        if o.state.is_open and o.order_type.waits
    ]


def test_a_strategys_stop_stands_behind_its_position():
    """Of the position's size in whole lots, at the trigger; journaled as what protects."""
    world = hand_world(buy, protect())
    world.run(2)
    assert stops(world) == [(Side.SELL, 999, 5_900_000)]
    (pending,) = [m for m in world.messages(OrderPending) if m.protects]
    assert pending.place.order_type is OrderType.STOP
    assert world.trader.status.word == "running"
    assert dump(world.replayed()) == dump(world.trader.turn.state)


def test_a_stop_wished_for_before_the_entry_waits_for_it():
    """There is nothing to protect yet; with the first fill there is."""
    world = hand_world(protect("59000", "58900"), buy)
    world.run(2)
    (order,) = [o for o in world.trader.turn.state.orders if o.protects]
    assert order.place.order_type is OrderType.STOP_LIMIT
    assert order.place.price_ticks == 5_890_000


def test_the_configured_stop_follows_from_the_average_price():
    """`stop_loss` stands below what a long position cost."""
    world = hand_world(buy, config=STOP_LOSS)
    world.run(2)
    ((side, lots, trigger),) = stops(world)
    assert (side, lots) == (Side.SELL, 999)
    average = world.trader.turn.state.portfolio.average_price
    assert abs(Decimal(trigger) / 100 - average * Decimal("0.99")) < 1


def test_the_configured_stop_goes_with_the_average_price():
    """Who adds to a position that rises has not more to lose; a strategy's own wish stays."""
    world = hand_world(buy, config=STOP_LOSS)
    world.run(2)
    world.venue.quote(6_040_000)
    world.hand.acts.append(lambda hand: hand.buy("0.03"))
    world.run(5)
    average = world.trader.turn.state.portfolio.average_price
    assert average > 60_100
    triggers = {trigger for _, _, trigger in stops(world)}
    assert triggers == {int(average * 99)}
    assert world.trader.turn.state.stop.follows
    world.hand.acts.append(protect("50000"))
    world.run(8)
    assert {trigger for _, _, trigger in stops(world)} == {5_000_000}
    assert dump(world.replayed()) == dump(world.trader.turn.state)


def test_a_position_that_is_worth_more_than_an_order_may_be_has_several_stops():
    """No limit of the bot's own leaves it bare."""
    world = hand_world(*[lambda hand: hand.buy("0.1")] * 3, protect())
    world.run(3)
    assert [lots for _, lots, _ in stops(world)] == [14_985, 14_985]
    assert world.said("protection.refused") == []
    check_protection(world)


def test_why_a_stop_is_not_sent_is_told_once_and_it_is_tried_less_and_less(monkeypatch):
    """Not an alarm in every second until a person comes."""
    tries = []

    real = OrderWork.place

    def refuse(self, intent, *, protects=False):
        if not protects:
            return real(self, intent)
        tries.append(self._turn.now_ns // SECOND_NS)
        return risk.Refused("some", "something stands in the way")

    monkeypatch.setattr(OrderWork, "place", refuse)
    world = hand_world(buy, protect())
    world.run(100)
    assert len(world.said("protection.refused")) == 1
    assert [later - one for one, later in pairwise(tries)] == [1, 2, 4, 8, 16, 32]


def test_it_grows_and_shrinks_with_the_position():
    """What comes gets another stop; when it goes the newest goes first."""
    world = hand_world(buy, protect(), *[lambda _: None] * 4, lambda hand: hand.buy("0.02"))
    world.run(2)
    assert stops(world) == [(Side.SELL, 999, 5_900_000), (Side.SELL, 1_998, 5_900_000)]
    world.hand.acts.append(lambda hand: hand.sell("0.025"))
    world.run(5)
    assert sum(lots for _, lots, _ in stops(world)) == 497
    check_protection(world)
    assert world.trader.protection.trouble is None


def test_it_goes_with_the_position():
    """No stop is left to open a position that nobody wanted."""
    world = hand_world(buy, protect(), lambda hand: hand.sell("0.00999"))
    world.run(4)
    assert world.hand.position.lots == 0
    assert stops(world) == []
    assert world.trader.turn.state.stop is None


def test_a_trigger_that_moves_is_amended_or_placed_anew():
    """By what the venue can."""
    for has_amend, kinds in ((True, [Place, Place, Amend]), (False, [Place, Place, Cancel, Place])):
        world = hand_world(buy, protect(), *[lambda _: None] * 4, protect("59500"))
        world.start = Start(offering(has_amend=has_amend))
        world.run(4)
        assert stops(world) == [(Side.SELL, 999, 5_950_000)]
        assert [type(command) for command in world.commands] == kinds


def test_what_triggers_ends_the_position():
    """The stop does its work, and is not missed."""
    world = hand_world(buy, protect("59900"))
    world.after(1.5, lambda: world.venue.quote(5_980_000))
    world.after(1.6, lambda: world.venue.house_trade(Side.SELL, 5_979_000, 100))
    world.run(6)
    assert world.trader.turn.state.portfolio.position_lots == 0
    assert world.said("protection.lost") == []
    assert world.trader.turn.state.stop is None


def vanish(world) -> None:
    """Let somebody cancel the stop at the venue."""
    (stop,) = [o for o in world.venue.orders_of_bot if o.state.is_open and o.order_type.waits]
    world.venue.perform(Cancel(0, stop.order_id), world.now_ns)


def test_a_stop_that_is_gone_is_an_alarm_and_comes_back():
    """Nobody here ended it: said loudly, and placed anew."""
    world = hand_world(buy, protect())
    world.after(1.5, lambda: vanish(world))
    world.run(4)
    assert "nobody here ended it" in world.said("protection.lost")[0]
    assert stops(world) == [(Side.SELL, 999, 5_900_000)]
    assert [m.text is None for m in world.messages(ProtectionSeen)] == [False, True]


def test_a_stop_that_is_gone_gates_new_risk_where_a_person_sees_to_it():
    """lost_stop = alarm: nothing that adds risk is sent, what reduces it may go."""
    config = CONFIG + 'lost_stop = "alarm"\n'
    world = hand_world(buy, protect(), config=config)
    world.after(1.5, lambda: vanish(world))
    world.after(2, lambda: world.hand.acts.extend([buy, lambda hand: hand.sell("0.005")]))
    world.run(4)
    assert stops(world) == []
    assert world.trader.status.word == "gated"
    assert "0.00499 BTC of the position has no stop" in world.trader.status.reason
    assert "nothing that adds risk is sent" in world.hand.done[2].refusal
    assert world.hand.done[3].refusal is None
    assert world.trader.turn.state.portfolio.position_lots == 499


def test_one_that_vanished_while_the_bot_was_down_is_found_at_the_start():
    """The comparison finds it ended; the position gets another one before anything else."""
    world = hand_world(buy, protect())
    world.run(2)
    world.die()
    vanish(world)
    world.after(3, world.boot)
    world.run(8)
    assert world.said("protection.lost")
    assert stops(world) == [(Side.SELL, 1_998, 5_900_000)]


def test_one_that_vanished_while_the_stream_was_down_is_found():
    """After each reconnect everything is compared."""
    world = hand_world(buy, protect())
    world.after(1.5, lambda: world.break_stream(Role.PRIVATE, back_s=1))
    world.after(2, lambda: vanish(world))
    world.run(6)
    assert world.said("protection.lost")
    assert stops(world) == [(Side.SELL, 999, 5_900_000)]


def test_placing_is_bounded(monkeypatch: pytest.MonkeyPatch):
    """A venue that ends every stop at once is not asked for ever."""
    monkeypatch.setattr(protection, "AGAIN_MAX_NS", SECOND_NS // 10)
    monkeypatch.setattr(protection, "AGAIN_NS", SECOND_NS // 10)
    world = hand_world(buy, protect())
    real = world.venue.perform

    def perform(command, signed_ns):
        outcome = real(command, signed_ns)
        if isinstance(command, Place) and command.order_type.waits:
            assert isinstance(outcome, Answered)
            number = outcome.answer.order.order_id
            world.after(
                (world.now_ns / SECOND_NS) % 1_000_000 - 1_700_000_000 % 1_000_000 + 0.05,
                lambda: real(Cancel(0, number), world.now_ns),
            )
        return outcome

    world.venue.perform = perform
    world.run(30)
    placed = [m for m in world.messages(OrderPending) if m.protects]
    assert protection.PLACED_MAX <= len(placed) <= protection.PLACED_MAX + 2
    assert world.said("protection.rate")


def test_dust_has_no_stop_and_is_told_once():
    """Smaller than the venue's smallest order."""
    world = hand_world(buy, protect(), lambda hand: hand.sell("0.00991"), config=CONFIG)
    world.run(10)
    assert world.trader.turn.state.portfolio.position_lots == 8
    assert len(world.said("protection.dust")) == 1
    assert world.trader.status.word == "running"
    assert stops(world) == []


def test_a_short_has_its_stop_above():
    """The other way round."""
    world = hand_world(lambda hand: hand.sell("0.01"), config=STOP_LOSS)
    world.run(2)
    ((side, lots, trigger),) = stops(world)
    assert (side, lots) == (Side.BUY, 1_000)
    assert trigger > 6_000_000


def test_a_venue_without_stops_cannot_protect():
    """Refused with the reason, at the strategy's wish."""
    world = hand_world(protect())
    world.start = Start(offering(order_types=("LIMIT GTC", "MARKET IOC")))
    world.run(1)
    assert world.hand.done[0].refusal == "venue has no order STOP GTC to protect a position by"


def test_stopping_the_bot_leaves_the_stop_and_killing_takes_it():
    """Who stops a bot wants it to end, not its position to go bare; who kills wants zero orders."""
    for end, left in ((lambda w: w.step(Stop("SIGTERM")), 1), (lambda w: w.kill(), 0)):
        world = hand_world(buy, protect(), lambda hand: hand.buy("0.01", "59000"))
        world.after(2, lambda world=world, end=end: end(world))
        world.run(10)
        assert len(stops(world)) == left
        assert sum(order.state.is_open for order in world.venue.orders_of_bot) == left
        if left:
            assert world.finished.code == 0
            assert "stops are left at the venue" in world.said("stopped")[0]


def test_taking_the_protection_away_cancels_it():
    """`protect(None)`: the strategy's own risk."""
    world = hand_world(buy, protect(), *[lambda _: None] * 3, protect(None))
    world.run(3)
    assert stops(world) == []
    assert [m.trigger_ticks for m in world.messages(ProtectionSet)] == [5_900_000, None]
    assert world.trader.status.word == "running"


def test_a_lost_answer_of_a_stop_is_not_placed_twice():
    """Unknown counts as there until it is known."""
    lost = []

    def fate(message, _number) -> Fate:
        if isinstance(message, Place) and message.order_type.waits and not lost:
            lost.append(message)
            return Fate(back=None)
        return Fate()

    world = hand_world(buy, protect(), fate=fate)
    world.timeout_ns = SECOND_NS
    world.after(0.29, lambda: world.mute(Role.PRIVATE))
    world.run(12)
    assert stops(world) == [(Side.SELL, 999, 5_900_000)]
    assert len([c for c in world.commands if isinstance(c, Place)]) == 2
    states = {o.state for o in world.trader.turn.state.orders if o.protects}
    assert states == {OrderState.WORKING}
