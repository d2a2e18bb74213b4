from random import Random

from steelyard.domain.messages import SECOND_NS, Clock
from steelyard.trading.actions import Ask, Returned
from steelyard.trading.turn import Turn
from steelyard.trading.venueclock import AGAIN_NS, FAILED_AGAIN_NS, TRIES, VenueClock
from steelyard.wire.outcome import Answered, NotSent
from tests.trading.world import Rules

MS = 10**6


def measured(round_trips_ms: list[int | None], offset_ms: int) -> tuple[Turn, VenueClock]:
    """Return a clock after one measurement; None is a failure. The way back takes it all."""
    turn = Turn(Rules(), Random(1))
    turn.now_ns = 1_000 * SECOND_NS
    clock = VenueClock(turn)
    clock.work()
    for round_trip_ms in round_trips_ms:
        (ask,) = (a for a in turn.drain() if isinstance(a, Ask))
        sent_ns = turn.now_ns
        turn.now_ns += (round_trip_ms or 1) * MS
        outcome = (
            NotSent("down") if round_trip_ms is None else Answered(Clock(sent_ns + offset_ms * MS))
        )
        turn.returned(Returned(ask.request_id, outcome, sent_ns, turn.now_ns))
    return turn, clock


def test_the_quickest_answer_decides():
    """Its error is at most half its round trip, whichever way the time was spent."""
    turn, clock = measured([400, 10, 90], 2_500)
    assert clock.is_known
    assert abs(turn.offset_ns - 2_500 * MS) <= turn.offset_error_ns == 5 * MS


def test_a_failure_among_answers_does_not_matter():
    """One answer is enough."""
    turn, clock = measured([None, 10, None], -700)
    assert clock.is_known
    assert abs(turn.offset_ns + 700 * MS) <= turn.offset_error_ns


def test_without_any_answer_it_is_not_known_and_asked_again_soon():
    """Nothing is guessed."""
    turn, clock = measured([None] * TRIES, 0)
    assert not clock.is_known
    turn.deadline_ns = None
    clock.work()
    assert turn.deadline_ns == turn.now_ns + FAILED_AGAIN_NS


def test_it_is_measured_again_and_again():
    """Clocks drift."""
    turn, clock = measured([10] * TRIES, 100)
    turn.drain()
    turn.now_ns += AGAIN_NS
    clock.work()
    assert [a for a in turn.drain() if isinstance(a, Ask)]
