"""The strategy's keeper: what it is told, when, and what becomes of its wishes."""

from steelyard.cli.trader_strategy import guarded
from steelyard.domain.messages import SECOND_NS
from steelyard.trading.host import NEWS_MAX, REFUSAL_LOG_NS
from steelyard.trading.records import OrderPending, StrategyFailed, TimerFired
from steelyard.trading.strategy import Strategy
from tests.trading.world import CONFIG, Hand, hand_world


def test_a_strategy_hears_of_what_it_overrides_only():
    """The base's callbacks are never called."""

    class Deaf(Strategy):
        called = 0

        def on_book(self, book) -> None:
            Deaf.called += 1

    world = hand_world(strategy=Deaf)
    world.run(3)
    assert Deaf.called > 3
    assert world.trader.host._wanted == {"on_book"}


def test_the_book_is_right_whenever_it_is_told():
    """Not while it has a gap, not before the start."""
    seen = []

    class Reader(Strategy):
        def on_book(self, book) -> None:
            seen.append(book.trouble(self.now_ns))

    world = hand_world(strategy=Reader)
    world.run(10)
    assert len(seen) > 10
    assert set(seen) == {None}


def test_a_refused_wish_tells_why_and_is_counted():
    """On the Intent, in the status, and in the log: once in a while, not each time."""

    def too_much(hand):
        return hand.buy("0.5")

    world = hand_world(*[too_much] * 150)
    world.run(12)
    refused = world.hand.done
    assert all("max_order_notional" in intent.refusal for intent in refused)
    assert all(intent.client_order_id == "" for intent in refused)
    assert world.trader.host.refused == len(refused) > 100
    assert len(world.said("intent.refused")) == 1 + 12 * SECOND_NS // REFUSAL_LOG_NS
    assert world.messages(OrderPending) == []


def test_limits_count_what_the_same_call_wished_before():
    """Ten orders are allowed: the eleventh of one call is refused."""
    world = hand_world(lambda hand: [hand.buy("0.001", "59000") for _ in range(12)])
    world.run(1)
    refusals = [intent.refusal for intent in world.hand.done[0]]
    assert refusals[:10] == [None] * 10
    assert all("max_open_orders" in refusal for refusal in refusals[10:])


def test_a_slot_is_journaled_before_its_callback():
    """So that no restart uses it twice."""
    world = hand_world(lambda hand: hand.buy("0.01"))
    world.run(0.35)
    kinds = [type(record.message) for record in world.records()]
    assert kinds.index(TimerFired) < kinds.index(OrderPending)


def test_a_clock_that_goes_back_fires_nothing_twice():
    """The journaled slot decides, whatever the clock says."""
    world = hand_world()
    world.run(2)
    before = len(world.hand.told_of("timer"))
    host, turn = world.trader.host, world.trader.turn
    turn.now_ns -= SECOND_NS
    for interval in host._due_ns:
        host._due_ns[interval] = 0
    host.work(is_open=True)
    assert len(world.hand.told_of("timer")) == before


def test_logs_of_a_strategy_are_log_lines():
    """Under a name of their own."""
    world = hand_world(lambda hand: hand.log("hello"))
    world.run(1)
    assert world.said("strategy") == ["hello"]


def test_a_failure_is_journaled_with_its_traceback():
    """And what it wished in that call is dropped."""

    def fail(hand):
        hand.buy("0.01")
        return 1 // 0

    world = hand_world(fail, fail)
    world.guard = guarded
    world.run(2)
    (failed,) = world.messages(StrategyFailed)
    assert "ZeroDivisionError" in failed.traceback
    assert "in fail" in failed.traceback
    assert world.messages(OrderPending) == []


def test_news_that_lead_to_news_without_end_are_cut():
    """A strategy that orders on every answer cannot hang the machine."""

    class Loop(Hand):
        def on_order(self, order) -> None:
            super().on_order(order)
            self.trader_work.news.append(order)

    world = hand_world(strategy=lambda: Loop(lambda hand: hand.buy("0.01", "59000")))
    world.after(0.1, lambda: setattr(world.hand, "trader_work", world.trader.work))
    world.run(1)
    assert world.said("strategy.endless")
    assert len(world.hand.told_of("order")) == NEWS_MAX


ON_ERROR_KILL = CONFIG.replace("[strategy]", '[strategy]\non_error = "kill"')


class Raises(Strategy):
    """Rests an order, then raises."""

    def on_start(self) -> None:
        self.every("1s")

    def on_timer(self, timer) -> None:
        if self.open_orders:
            raise RuntimeError("no such idea")
        self.buy("0.001", "59000")


def test_a_strategy_that_raises_pauses_and_its_orders_are_looked_after():
    """As it comes: nothing new is ordered, and a fill of what it left is still booked."""
    world = hand_world(strategy=Raises)
    world.guard = guarded
    world.run(5)
    trader = world.trader
    assert len(world.messages(StrategyFailed)) == 1
    assert "no such idea" in (trader.gate or "")
    assert [order.is_open for order in trader.turn.state.orders] == [True]
    assert trader.turn.state.killed_why is None
    assert trader.desk.trouble() == trader.gate


def test_by_policy_a_strategy_that_raises_presses_the_kill_switch():
    """Then its orders are canceled, and that is counted at the venue."""
    world = hand_world(strategy=Raises, config=ON_ERROR_KILL)
    world.guard = guarded
    world.run(8)
    trader = world.trader
    assert trader.turn.state.killed_why == "the strategy failed: RuntimeError: no such idea"
    assert trader.endings.kill.report.verified
    assert [order.is_open for order in trader.turn.state.orders] == [False]
