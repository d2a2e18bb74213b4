"""The ladder of the start, the gate, restarts of the whole machine, and bad weather."""

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    AccountQuery,
    CandlesQuery,
    InstrumentsQuery,
    KeyQuery,
    OrdersQuery,
    Refused,
    Scope,
)
from steelyard.domain.order import RejectReason, Side
from steelyard.trading import host, inquiry, orderwork, reconcile
from steelyard.trading.actions import Finish, Role
from steelyard.trading.records import OrderPending, RunStarted, TimerFired
from steelyard.wire.outcome import Answered, NotSent, Unknown
from tests.trading.session import new_world
from tests.trading.weather import run_in_weather
from tests.trading.world import BEGIN_NS, CONFIG, Fate, Hand, World, hand_world


def failing(kind: type, outcome=None, until: int = 3):
    """Return a fate in which the first requests of a kind fail."""
    failed = []

    def fate(message, _number) -> Fate:
        if isinstance(message, kind) and len(failed) < until:
            failed.append(message)
            return Fate(outcome=outcome or Unknown("reset"))
        return Fate()

    return fate


# -- the start ------------------------------------------------------------------------------------


def test_a_start_ends_in_trading():
    """The strategy begins after everything is compared, and knows its history."""
    world = hand_world(strategy=lambda: Hand(bar="1s"))
    world.run(1.5)
    assert world.trader.status == ("running", None)
    assert [kind for kind, _ in world.hand.heard[:2]] == ["start", "timer"]
    assert len(world.hand.history) == 3
    assert world.hand.told("bar")[0].open_ns > world.hand.history[-1].open_ns


@pytest.mark.parametrize(
    "kind", [InstrumentsQuery, KeyQuery, AccountQuery, OrdersQuery, CandlesQuery]
)
def test_nothing_is_traded_before_every_question_is_answered(kind: type):
    """While one fails the gate is closed and says for what it waits; then it opens."""
    world = hand_world(
        strategy=lambda: Hand(lambda hand: hand.buy("0.01"), bar="1s"), fate=failing(kind)
    )
    world.run(0.4)
    assert world.trader.status.word == "starting"
    assert "reset" in world.trader.status.reason
    assert world.messages(OrderPending) == []
    world.run(12)
    assert world.trader.status.word == "running"
    assert len(world.venue.orders_of_bot) == 1


def test_a_key_that_may_withdraw_ends_the_start():
    """With a sentence, and without a stream or an order."""
    world = hand_world(lambda hand: hand.buy("0.01"))
    world.venue.scopes = frozenset(Scope)
    world.run(5)
    assert world.finished == Finish(
        2,
        "this key may withdraw; a bot must not hold such a key. Make one with the scopes read and "
        "trade",
    )
    assert world.commands == []


@pytest.mark.parametrize("scope", [Scope.READ, Scope.TRADE])
def test_a_key_that_lacks_a_scope_ends_the_start(scope: Scope):
    """It names the scope."""
    world = hand_world()
    world.venue.scopes = frozenset({Scope.READ, Scope.TRADE}) - {scope}
    world.run(5)
    assert world.finished.code == 2
    assert world.finished.text == f"this key lacks the scope {scope.value}"


def test_a_symbol_that_is_not_listed_ends_the_start():
    """It names those that are."""
    world = hand_world(config=CONFIG.replace("BTC-USDT", "BTC-EUR"))
    world.run(5)
    assert world.finished.code == 2
    assert "no instrument 'BTC-EUR' here; known: BTC-USDT" in world.finished.text


@pytest.mark.parametrize("kind", [InstrumentsQuery, AccountQuery])
def test_a_refusal_that_cannot_mend_itself_ends_the_start(kind: type):
    """Without instruments or an account there is nothing to trade."""
    no = Answered(Refused(RejectReason.UNSUPPORTED, "not for you"))
    world = hand_world(fate=failing(kind, no))
    world.run(5)
    assert world.finished.code == 2
    assert "not for you" in world.finished.text


def test_a_bot_keeps_its_symbol():
    """Its journal is of one instrument; another one needs another name."""
    world = hand_world()
    world.run(1)
    other = hand_world(config=CONFIG.replace("BTC-USDT", "ETH-USDT"))
    other.payloads = world.payloads
    with pytest.raises(ConfigError, match="has traded BTC-USDT so far"):
        other.run(1)


@pytest.mark.parametrize("kind", [KeyQuery, AccountQuery])
def test_a_key_that_is_not_accepted_ends_the_start(kind: type):
    """With the venue's words, at once: asking again would not help."""
    world = hand_world(fate=failing(kind, NotSent("401 unknown key", is_denied=True)))
    world.run(2)
    assert world.finished == Finish(2, "the venue does not accept this key: 401 unknown key")


def test_a_key_that_is_not_accepted_any_more_gates_trading():
    """An order is given up after one try, and few questions are asked."""
    asked = []

    def fate(message, _number) -> Fate:
        if world.now_ns < BEGIN_NS + 3 * SECOND_NS:
            return Fate()
        asked.append(message)
        return Fate(outcome=NotSent("401 revoked", is_denied=True))

    world = hand_world(fate=fate)
    world.after(4, lambda: world.hand.acts.append(lambda hand: hand.buy("0.01")))
    world.after(5, lambda: world.break_stream(Role.PRIVATE))
    world.run(60)
    assert world.only_order.state is OrderState.ABSENT
    assert world.trader.status.word == "gated"
    assert "401 revoked" in world.trader.status.reason
    assert len(asked) < 20


def test_every_run_has_a_greater_number():
    """Also when it starts within the same second: ids of two runs never meet."""
    world = hand_world()
    for _ in range(3):
        world.run(0.01)
        world.boot()
    runs = [message.run for message in world.messages(RunStarted)]
    assert runs == sorted(set(runs))


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
    opens = [bar.open_ns for bar in world.hand.told("bar")]
    assert opens == [opens[0] + n * SECOND_NS for n in range(len(opens))]
    assert not any(bar.after_gap for bar in world.hand.told("bar"))


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
    due = [timer.due_ns for timer in world.hand.told("timer")]
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
