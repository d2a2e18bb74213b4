"""The ladder of the start, the gate, restarts of the whole machine, and bad weather."""

import pytest

from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    BookDelta,
)
from steelyard.domain.order import Side
from steelyard.trading import amending, host, inquiry, orderwork, protection, reconcile
from steelyard.trading.actions import Journal, Role, Send, Told
from steelyard.trading.books import BookView
from steelyard.trading.records import OrderPending, TimerFired
from steelyard.trading.strategy import Strategy
from steelyard.wire.outcome import NotSent
from tests.trading.session import new_world
from tests.trading.weather import run_in_weather
from tests.trading.world import Fate, Hand, World, hand_world

# -- the gate -------------------------------------------------------------------------------------


def test_a_broken_private_stream_gates_until_everything_is_compared_again():
    """What happened meanwhile is found by asking."""
    world = hand_world(lambda hand: hand.buy("0.01", "59999.50"))
    world.run(1)
    assert world.only_order.state is OrderState.WORKING
    world.break_stream(Role.PRIVATE, back_s=2)
    world.after(1.5, lambda: world.venue.house_trade(Side.SELL, 5_999_000, 200_000))
    world.after(2, lambda: world.hand.acts.append(lambda hand: hand.buy("0.01")))
    world.run(2.5)
    assert world.trader.status == ("gated", "the private stream is down: broken")
    assert world.only_order.state is OrderState.WORKING
    assert world.hand.done[1:] == [], "a timer waits until the gate is open"
    world.run(4)
    assert world.trader.status.word == "running"
    first, second = world.trader.turn.state.orders
    assert (first.state, first.filled_lots) == (OrderState.FILLED, 1_000)
    assert second.created_ns - world.now_ns > -2 * SECOND_NS


def test_a_market_that_is_worth_nothing_yet_is_waited_for_in_peace():
    """No quote and no trade: there is nothing to value by, and no reason to wake all the time."""
    world = World(Hand)
    world.after(0, world.boot)
    steps = 0
    step = world.step

    def counted(event):
        nonlocal steps
        steps += 1
        step(event)

    world.step = counted
    world.run(20)
    assert world.trader.status.word == "running"
    assert steps < 500


def test_a_broken_market_stream_stops_orders_and_comes_back():
    """Without a book nothing is priced; afterwards a new snapshot and new bars go on."""
    world = hand_world(strategy=lambda: Hand(bar="1s"))
    world.run(3)
    world.break_stream(Role.MARKET, back_s=3)
    world.run(4)
    assert world.trader.status == (
        "gated",
        "the market stream is down: broken; waiting for a new snapshot",
    )
    world.run(9)
    assert world.trader.status.word == "running"
    opens = [bar.open_ns for bar in world.hand.told_of("bar")]
    assert opens == [opens[0] + n * SECOND_NS for n in range(len(opens))]
    assert not any(bar.is_gapped for bar in world.hand.told_of("bar"))


def test_a_strategy_that_raises_is_not_called_again():
    """Trading is gated with its error; its open order is looked after, the process lives."""
    from steelyard.cli.trader_strategy import guarded

    def fail(hand: Hand) -> None:
        hand.buy("0.02")
        raise ZeroDivisionError("my own fault")

    world = hand_world(lambda hand: hand.buy("0.01", "59999.50"), fail)
    world.guard = guarded
    world.run(1)
    assert world.trader.status.word == "gated"
    assert "ZeroDivisionError: my own fault" in world.trader.status.reason
    assert "my own fault" in world.said("strategy.failed")[0]
    assert len(world.messages(OrderPending)) == 1, "the orders of the failing call are dropped"
    heard = len(world.hand.heard)
    world.after(1.5, lambda: world.venue.house_trade(Side.SELL, 5_999_000, 200_000))
    world.run(3)
    assert len(world.hand.heard) == heard
    assert world.only_order.state is OrderState.FILLED
    assert world.trader.turn.state.portfolio.position_lots > 0


# -- timers ---------------------------------------------------------------------------------------


def test_timers_fire_at_multiples_of_their_interval():
    """Since the epoch, once each, in order."""
    world = hand_world()
    world.run(2)
    due = [timer.due_ns for timer in world.hand.told_of("timer")]
    assert due == [due[0] + n * SECOND_NS // 10 for n in range(len(due))]
    assert all(each % (SECOND_NS // 10) == 0 for each in due)


def test_a_slot_missed_while_the_bot_was_down_is_used_late_and_once():
    """A restart within the slot fires it; a second restart does not."""

    class Slow(Hand):
        def on_start(self) -> None:
            self.every("60s")

    world = hand_world(strategy=lambda: Slow(lambda hand: hand.buy("0.01")))
    world.run(70)
    assert len(world.messages(TimerFired)) == 1
    world.die()
    world.run(150)
    world.boot()
    world.run(152)
    slots = [message.slot for message in world.messages(TimerFired)]
    assert slots[1] == world.now_ns // (60 * SECOND_NS)
    world.boot()
    world.run(154)
    assert [message.slot for message in world.messages(TimerFired)] == slots
    assert len(world.venue.orders_of_bot) == 2


# -- the whole of it ------------------------------------------------------------------------------

SEEDS = 60


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SEEDS, 20))
def test_bad_weather_doubles_and_loses_nothing(first: int):
    """Lost, late and refused requests, breaks, crashes, kills and strangers, by seed."""
    for seed in range(first, first + 20):
        run_in_weather(seed)


@pytest.mark.night
@pytest.mark.timeout(3600)
def test_much_bad_weather_doubles_and_loses_nothing():
    """As above, for a night."""
    for seed in range(10_000, 20_000):
        run_in_weather(seed)


def resend(old):
    def doubt(self, order, why, **more):
        if order.state is OrderState.PENDING and not more:
            self._send(order)
        else:
            old(self, order, why, **more)

    return doubt


def believe_absent(_old):
    def doubt(self, order, why, **_more):
        if order.state is OrderState.PENDING:
            self._give_up(order, why)

    return doubt


def fire_again(_old):
    def fire(self, interval):
        slot = self._turn.now_ns // interval.ns
        self._due_ns[interval] = (slot + 1) * interval.ns
        self._turn.wake_at(self._due_ns[interval])
        self.tell("on_timer", host.Timer(interval, slot * interval.ns))

    return fire


PLANTED = {
    "an unknown order is sent again": (orderwork.OrderWork, "doubt", resend),
    "an unknown order is thought absent": (orderwork.OrderWork, "doubt", believe_absent),
    "absence is believed before the expiry": (
        inquiry.Inquiries,
        "proof_ns",
        lambda _old: lambda _self, _order: 0,
    ),
    "nothing is compared at the start": (
        reconcile.Reconciler,
        "require",
        lambda _old: lambda self: setattr(self, "is_clean", True),
    ),
    "an amend without an answer is thought not made": (
        amending.Amends,
        "doubt",
        lambda _old: lambda self, order, why, **_more: self._fail(order, why),
    ),
    "an amend without an answer is thought made": (
        amending.Amends,
        "doubt",
        lambda _old: (
            lambda self, order, _why, **_more: (
                order.amending and self._take_wanted(order, order.amending)
            )
        ),
    ),
    "a replaced order's new number is not taken": (
        amending.Amends,
        "see",
        lambda old: (
            lambda self, order, told, source, asked_ns: (
                old(self, order, told, source, asked_ns)
                if told.order_id in (0, order.order_id)
                else None
            )
        ),
    ),
    "a stop that is missing is not told": (
        protection.Protection,
        "_watch",
        lambda _old: lambda self: None,
    ),
    "only answers move the position": (
        orderwork.OrderWork,
        "see_fill",
        lambda old: (
            lambda self, fill, source, name="": (
                old(self, fill, source, name) if source == "answer" else None
            )
        ),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_caught(bug: str, monkeypatch: pytest.MonkeyPatch):
    """The weather finds each within a hundred seeds: it is not green because it looks away."""
    owner, name, wrong = PLANTED[bug]
    monkeypatch.setattr(owner, name, wrong(getattr(owner, name)))
    with pytest.raises((AssertionError, KeyError)):
        for seed in range(100):
            run_in_weather(seed)


@pytest.mark.slow
def test_a_timer_slot_that_is_not_journaled_is_caught(monkeypatch: pytest.MonkeyPatch):
    """A restart within the slot would order twice."""
    monkeypatch.setattr(host.StrategyHost, "_fire", fire_again(None))
    monkeypatch.setattr(
        host.StrategyHost,
        "_first_due",
        lambda self, interval: self._turn.now_ns // interval.ns * interval.ns,
    )
    with pytest.raises((AssertionError, KeyError)):
        for seed in range(100):
            run_in_weather(seed)


def test_an_order_sent_before_its_record_is_caught():
    """The world's crash points lie between the two."""
    from steelyard.trading import turn

    old = turn.Turn.drain

    def late(self):
        return sorted(old(self), key=lambda a: isinstance(getattr(a, "message", 0), OrderPending))

    with pytest.MonkeyPatch.context() as patch, pytest.raises((AssertionError, KeyError)):
        patch.setattr(turn.Turn, "drain", late)
        for point in range(1, 60):
            world = new_world(6, crash_at={point})
            world.run(40)
            from tests.trading.session import check_end

            check_end(world)


def test_a_refused_request_is_repeated_without_a_second_order():
    """Five tries at most; the fate refuses two, then the order arrives once."""
    refused = []

    def fate(message, _number) -> Fate:
        if hasattr(message, "client_order_id") and len(refused) < 2:
            refused.append(message.client_order_id)
            return Fate(outcome=NotSent("429", SECOND_NS))
        return Fate()

    world = hand_world(lambda hand: hand.buy("0.01"), fate=fate)
    world.run(10)
    assert refused[0] == refused[1] == world.only_order.client_order_id
    assert world.only_order.state is OrderState.FILLED
    assert len(world.venue.orders_of_bot) == 1


class OnBook(Strategy):
    """Buys a little at changes of the book, as long as it is told to."""

    is_due = False

    def on_book(self, book: BookView) -> None:
        if self.is_due:
            self.buy("0.00010", "59000")


def test_an_order_leaves_before_what_is_due_and_that_waits_once():
    """The parts look in the very next turn: when it has left, or at the next change of the book."""
    strategy = OnBook()
    world = hand_world(strategy=lambda: strategy)
    world.run(3)
    trader = world.trader
    number, now_ns = trader.turn.instrument.instrument_id, trader.turn.now_ns
    book = trader.desk.book
    strategy.is_due = True
    for waits in (True, False, True):
        trader.turn.needs_work = True
        change = BookDelta(number, book.sequence + 1, book.sequence + 1, (), (), now_ns)
        actions = trader.step(Told(change), now_ns)
        assert [type(action) for action in actions[:2]] == [Journal, Send]
        assert trader._has_waited is waits
        assert trader.turn.needs_work or not waits
        assert trader.deadline_ns is not None
        (name,) = {action.command.client_order_id for action in actions if type(action) is Send}
        assert trader.turn.state.orders.find(name) in trader.turn.state.orders.open
