from random import Random

import pytest

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.messages import Clock, ClockQuery
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.trading.actions import Ask, Journal, Level, Log, Returned, Send, Sent
from steelyard.trading.records import Killed, OrderPending
from steelyard.trading.turn import Turn
from steelyard.wire.outcome import Answered
from tests.trading.world import Rules


def turn() -> Turn:
    return Turn(Rules(), Random(1))


def test_a_record_changes_the_state_and_is_journaled():
    """Both or neither: there is no other way to change what lasts."""
    one = turn()
    one.now_ns = 7
    one.record(Killed("x"))
    assert one.state.killed_why == "x"
    assert one.drain() == [Journal(Killed("x"), 7)]
    assert one.drain() == []


def test_a_request_comes_back_once():
    """A second return of the same request, or one of nobody, changes nothing."""
    one, heard = turn(), []
    one.ask(ClockQuery(), heard.append)
    (ask,) = one.drain()
    assert isinstance(ask, Ask)
    returned = Returned(ask.request_id, Answered(Clock(5)), 1, 2)
    assert one.requests == 1
    for _ in range(2):
        one.returned(returned)
    one.returned(returned._replace(request_id=99))
    assert heard == [returned]
    assert one.requests == 0


def test_a_command_is_told_when_it_leaves():
    """Once, and not after it has returned."""
    one, heard = turn(), []
    one.send(Cancel(0, 1), lambda: heard.append("sent"), lambda _: heard.append("returned"))
    (send,) = one.drain()
    assert isinstance(send, Send)
    one.sent(Sent(send.request_id))
    one.sent(Sent(send.request_id))
    one.returned(Returned(send.request_id, Answered(Clock(5)), 1, 2))
    one.sent(Sent(send.request_id))
    assert heard == ["sent", "returned"]


def test_the_earliest_wish_to_be_woken_wins():
    """Whoever asks."""
    one = turn()
    for time_ns in (5, 3, 9):
        one.wake_at(time_ns)
    assert one.deadline_ns == 3


def test_log_lines_carry_their_level():
    """Info, warning, error."""
    one = turn()
    one.log("a", "x")
    one.warn("b", "y")
    one.alarm("c", "z")
    assert [line.level for line in one.drain() if isinstance(line, Log)] == [*Level]


def test_the_venues_clock_is_ours_and_an_offset():
    """As measured."""
    one = turn()
    one.now_ns, one.offset_ns = 100, -30
    assert one.venue_now_ns == 70


@pytest.mark.parametrize(
    ("offset_ns", "market_offset_ns", "earliest_ns"),
    [(30, None, 100), (-30, None, 70), (30, 31, 100), (30, -60, 40), (-30, 90, 70)],
)
def test_what_is_ours_is_looked_for_by_the_earlier_of_two_clocks(
    offset_ns, market_offset_ns, earliest_ns
):
    """A market's time may be behind the clock of its venue, and behind ours."""
    one = turn()
    one.offset_ns, one.market_offset_ns = offset_ns, market_offset_ns
    assert one.earliest_ns(100) == earliest_ns


def test_an_order_in_a_hurry_is_what_record_and_send_make_of_it():
    """In the state, in the actions and in what is told; and nothing is told twice."""
    slow, fast, told = turn(), turn(), []
    place = Place(
        0, 1, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 7, 9, client_order_id="a"
    )
    message = OrderPending(place, False, 14)
    slow.now_ns = fast.now_ns = 5
    slow.recorded = fast.decided = fast.ordered = told.append
    slow.record(message)
    slow.send(place, lambda: None, lambda _: None)
    fast.expect(fast.send_order(message), lambda: None, lambda _: None)
    assert told == [message, message]
    fast.hear()
    fast.hear()
    assert told == [message] * 3
    assert fast.drain() == slow.drain()
    assert fast.requests == slow.requests == 1
    assert [*fast.state.orders] == [*slow.state.orders]
    assert fast.state.moment.time_ns == slow.state.moment.time_ns == 5
    assert fast.is_behind
    assert fast.needs_work is slow.needs_work


def test_an_answer_to_an_order_in_a_hurry_is_counted_before_it_is_expected():
    one, heard = turn(), []
    place = Place(
        0, 1, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 7, 9, client_order_id="a"
    )
    request_id = one.send_order(OrderPending(place))
    assert one.requests == 1
    one.expect(request_id, lambda: heard.append("sent"), lambda _: heard.append("returned"))
    one.sent(Sent(request_id))
    one.returned(Returned(request_id, Answered(Clock(5)), 1, 2))
    assert heard == ["sent", "returned"]
    assert one.requests == 0
