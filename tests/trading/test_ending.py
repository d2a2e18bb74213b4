"""The kill switch and the stop: canceled, counted at the venue, said as it is."""

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS, FillsQuery, OrdersQuery
from steelyard.domain.order import Side
from steelyard.trading.actions import Closing, Stop
from steelyard.trading.ending import REPORT_NS, STOP_NS
from steelyard.trading.records import ClosingNoted, FillSeen, Killed, Resumed, RunStopped
from steelyard.wire.outcome import NotSent, Unknown
from tests.trading.venue import BOT, Venue
from tests.trading.world import CONFIG, Fate, Hand, hand_world


def rest(hand):
    return [hand.buy("0.01", f"5999{n}") for n in range(3)]


def open_at_venue(world) -> int:
    return len(world.venue.history.orders(OrdersQuery(BOT, 100, open_only=True)))


def stop(world) -> None:
    world.step(Stop("SIGTERM"))


# -- kill -----------------------------------------------------------------------------------------


def test_a_kill_cancels_everything_and_counts_at_the_venue():
    """Verified, because the venue was asked after the last order had ended."""
    world = hand_world(rest)
    world.run(1)
    assert open_at_venue(world) == 3
    world.kill("enough")
    world.run(2)
    report = world.trader.endings.kill.report
    assert (report.verified, report.open_orders, report.canceled, report.error) == (
        True,
        0,
        3,
        None,
    )
    assert report.steps[-1] == "0 open orders of this bot at the venue"
    assert open_at_venue(world) == 0
    assert world.trader.status == ("killed", "enough")


def test_a_killed_bot_places_nothing_and_hears_nothing():
    """Until it is resumed; then it goes on."""
    world = hand_world(rest)
    world.run(1)
    world.kill()
    world.run(2)
    heard = len(world.hand.heard)
    world.hand.acts.append(lambda hand: hand.buy("0.01"))
    world.run(5)
    assert len(world.hand.heard) == heard
    assert sum(isinstance(command, Place) for command in world.commands) == 3
    world.resume("looked at it")
    world.run(6)
    assert world.trader.status.word == "running"
    assert sum(isinstance(command, Place) for command in world.commands) == 4
    assert [m.why for m in world.messages(Resumed)] == ["looked at it"]


def test_orders_that_closed_the_position_are_the_bots_own():
    """The kill switch names them; they are noted once, and again after a restart."""
    world = hand_world(rest)
    world.run(1)
    world.kill()
    world.step(Closing(("a", "b")))
    world.step(Closing(("a", "b")))
    world.step(Closing(("b", "c")))
    assert [m.client_order_ids for m in world.messages(ClosingNoted)] == [("a", "b"), ("c",)]
    world.die()
    world.boot()
    assert world.trader.turn.state.closing == {"a", "b", "c"}


def test_a_kill_survives_a_restart():
    """The latch is in the journal before anything else is done."""
    world = hand_world(rest)
    world.run(1)
    world.kill()
    world.run(1.0001)
    world.die()
    world.boot()
    world.hand.acts.append(lambda hand: hand.buy("0.01"))
    world.run(40)
    assert world.trader.status.word == "killed"
    assert world.hand.heard == []
    assert len(world.messages(Killed)) == 1
    world.resume()
    world.run(42)
    assert world.trader.status.word == "running"
    assert [kind for kind, _ in world.hand.heard[:1]] == ["start"]


def test_a_kill_before_the_venue_is_known_waits_for_it():
    """The orders of an earlier run are canceled as soon as that can be asked for."""
    world = hand_world(rest)
    world.run(1)
    world.die()
    world.boot()
    world.kill()
    world.run(1.000_001)
    assert sum(isinstance(command, Cancel) for command in world.commands) == 0
    world.run(3)
    assert world.trader.endings.kill.report.verified
    assert open_at_venue(world) == 0


def test_a_kill_that_cannot_be_verified_says_so_in_time_and_goes_on():
    """Nobody answers: the report is bad after four seconds; when the venue is back it is done."""

    def fate(message, _number) -> Fate:
        is_down = 1 < (world.now_ns - begin_ns) / SECOND_NS < 8
        return Fate(outcome=NotSent("refused")) if is_down else Fate()

    world = hand_world(rest, fate=fate)
    begin_ns = world.now_ns
    world.run(1.5)
    world.kill()
    killed_ns = world.now_ns
    world.run(1.5 + REPORT_NS / SECOND_NS - 0.1)
    assert world.trader.endings.kill.report is None
    world.run(1.5 + REPORT_NS / SECOND_NS + 0.1)
    report = world.trader.endings.kill.report
    assert not report.verified
    assert "not verified: 3 orders may still be open" in report.error
    assert world.said("kill.unverified")
    world.run(30)
    assert world.trader.endings.kill.report.verified
    assert open_at_venue(world) == 0
    assert world.now_ns > killed_ns


def test_an_order_on_its_way_is_caught_too():
    """It arrives after the kill, and is canceled as soon as it is seen."""
    world = hand_world(
        rest, fate=lambda m, _: Fate(there=SECOND_NS) if isinstance(m, Place) else Fate()
    )
    world.run(0.5)
    world.kill()
    world.run(3)
    assert world.trader.endings.kill.report.verified
    assert open_at_venue(world) == 0
    assert {o.state for o in world.trader.turn.state.orders} == {OrderState.CANCELED}


def test_an_unknown_order_is_not_called_gone():
    """While it may still arrive the kill is not verified; once it is proven absent it is."""
    lost = Fate(there=None)
    world = hand_world(
        lambda hand: hand.buy("0.01", "59990"),
        fate=lambda m, _: lost if isinstance(m, Place) else Fate(),
    )
    world.timeout_ns = SECOND_NS
    world.run(1.5)
    world.kill()
    world.run(5.6)
    assert not world.trader.endings.kill.report.verified
    assert world.trader.endings.kill.report.open_orders == 1
    world.run(10)
    assert world.trader.endings.kill.report.verified


def test_orders_of_others_are_left_alone():
    """A kill is of one bot."""
    from steelyard.domain.order import OrderType, Side, TimeInForce

    world = hand_world(rest)
    hand = Place(
        BOT,
        3,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        False,
        5_000_000,
        10,
        client_order_id="hand",
    )
    world.after(0.1, lambda: world.venue.place_for(BOT, hand))
    world.run(1)
    world.kill()
    world.run(2)
    assert world.trader.endings.kill.report.verified
    assert open_at_venue(world) == 1


def test_killing_twice_reports_twice_and_latches_once():
    """The button may be pressed again."""
    world = hand_world(rest)
    world.run(1)
    for second in (2, 3):
        world.kill()
        world.run(second)
        assert world.trader.endings.kill.report.verified
    assert len(world.messages(Killed)) == 1


# -- stop -----------------------------------------------------------------------------------------


def test_a_stop_cancels_and_ends_in_order():
    """The strategy hears of it, the last words are journaled, the exit code is 0."""
    world = hand_world(rest)
    world.after(1, lambda: stop(world))
    world.run(2)
    assert world.finished.code == 0
    assert world.finished.text == "SIGTERM; 3 orders canceled, 0 left open"
    assert [m.why for m in world.messages(RunStopped)] == [world.finished.text]
    assert ("stop", None) in world.hand.heard
    assert open_at_venue(world) == 0


def test_a_stop_keeps_orders_if_it_is_told_to():
    """on_stop = "keep": nothing is canceled, and that is said."""
    world = hand_world(rest, config=CONFIG.replace('"cancel"', '"keep"'))
    world.after(1, lambda: stop(world))
    world.run(2)
    assert world.finished == (0, "SIGTERM; 0 orders canceled, 3 left open")
    assert open_at_venue(world) == 3
    assert not any(isinstance(command, Cancel) for command in world.commands)


def test_a_stop_waits_for_an_answer_but_not_for_ever():
    """Cancels that nobody answers end after a bounded time; what is left is said: exit code 3."""
    world = hand_world(
        rest, fate=lambda m, _: Fate(outcome=Unknown("?")) if isinstance(m, Cancel) else Fate()
    )
    world.after(1, lambda: stop(world))
    world.run(1 + STOP_NS / SECOND_NS - 0.1)
    assert world.finished is None
    assert world.trader.status == ("stopping", "SIGTERM")
    world.run(1 + STOP_NS / SECOND_NS + 0.1)
    assert world.finished == (3, "SIGTERM; 0 orders canceled, 3 left open")


class Sums(Venue):
    """A venue that tells what orders add up to, and no executions, as Coinbase Advanced does."""

    def _tell(self, account, execution, order, _fill) -> None:
        super()._tell(account, execution, order, None)


def test_a_stop_waits_for_fills_that_the_venue_has_counted():
    """An order has filled and its fill is still to be asked for: the journal has it in the end."""
    world = hand_world(lambda hand: hand.buy("0.01", "59999.50"), venue=Sums())
    world.after(0.9, lambda: world.venue.house_trade(Side.SELL, 5_999_950, 300_000))
    world.after(1, lambda: stop(world))
    world.run(1.1)
    assert world.only_order.state is OrderState.FILLED
    assert world.messages(FillSeen) == []
    world.run(2)
    assert world.finished == (0, "SIGTERM; 0 orders canceled, 0 left open")
    assert sum(m.fill.size_lots for m in world.messages(FillSeen)) == 1_000
    assert world.said("stopped") == []


def test_a_stop_waits_for_fills_but_not_for_ever_and_the_next_start_asks_for_them():
    """What is missing is said, by its order's name."""
    lost = NotSent("refused")
    is_mute = True

    def fate(message, _number) -> Fate:
        return Fate(outcome=lost) if is_mute and isinstance(message, FillsQuery) else Fate()

    world = hand_world(lambda hand: hand.buy("0.01", "59999.50"), venue=Sums())
    world.run(0.9)
    world.fate = fate
    world.after(0.9, lambda: world.venue.house_trade(Side.SELL, 5_999_950, 300_000))
    world.after(1, lambda: stop(world))
    world.run(1 + STOP_NS / SECOND_NS - 0.1)
    assert world.finished is None
    world.run(1 + STOP_NS / SECOND_NS + 0.1)
    assert world.finished.code == 0
    assert world.said("stopped")[0] == (
        f"fills of 1 orders are missing ({world.only_order.client_order_id}): "
        "the next start asks for them"
    )
    is_mute = False
    world.boot()
    world.run(12)
    assert sum(m.fill.size_lots for m in world.messages(FillSeen)) == 1_000


def test_a_stop_places_nothing_more():
    """What on_stop wants to buy is refused."""

    class Last(Hand):
        def on_stop(self) -> None:
            self.buy("0.01")

    world = hand_world(strategy=Last)
    world.run(1)
    stop(world)
    assert world.finished.code == 0
    assert world.commands == []
    assert world.trader.host.last_refusal == "trading is gated: the bot is stopping"


def test_a_stop_before_the_start_is_over_ends_at_once():
    """Nothing is waited for that was never begun."""
    world = hand_world(fate=lambda *_: Fate(there=None))
    world.after(0.5, lambda: stop(world))
    world.run(1)
    assert world.finished.code == 0


def test_a_stop_during_the_start_still_cancels_what_an_earlier_run_left():
    """The start goes on as far as it takes to reach them; nothing new is begun."""
    world = hand_world(rest)
    world.run(1)
    world.die()
    world.boot()
    stop(world)
    assert world.finished is None
    heard = len(world.hand.heard)
    world.run(4)
    assert world.finished.text == "SIGTERM; 3 orders canceled, 0 left open"
    assert open_at_venue(world) == 0
    assert len(world.hand.heard) == heard, "the strategy is not begun"


def test_a_stop_during_a_start_that_leads_nowhere_ends_all_the_same():
    """In bounded time, and says what is left and who takes care of it; the exit code is 3."""
    world = hand_world(rest)
    world.run(1)
    world.die()
    world.fate = lambda *_: Fate(there=None)
    world.boot()
    stop(world)
    world.run(1 + STOP_NS / SECOND_NS + 0.5)
    assert world.finished == (3, "SIGTERM; 0 orders canceled, 3 left open")
    assert any("3 orders of this bot may be left open" in line.text for line in world.logs)
