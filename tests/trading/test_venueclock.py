from random import Random

from steelyard.domain.messages import SECOND_NS, Clock
from steelyard.trading.actions import Ask, Returned
from steelyard.trading.turn import Turn
from steelyard.trading.venueclock import (
    AGAIN_NS,
    BLAMED_AGAIN_NS,
    FAILED_AGAIN_NS,
    TRIES,
    VenueClock,
)
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


def test_jitter_is_how_much_the_answers_differ():
    """The way back takes it all: half of each round trip is what the offsets are off by."""
    _, clock = measured([400, 10, 90], 2_500)
    assert clock.jitter_ns == (400 - 10) // 2 * MS
    assert measured([10] * TRIES, 5)[1].jitter_ns == 0


def test_a_refused_time_is_looked_into_at_once():
    """Not at the next hour; and once, however many requests are refused."""
    turn, clock = measured([10] * TRIES, 100)
    turn.drain()
    for number in range(5):
        turn.returned(Returned(900 + number, NotSent("late", blames_clock=True), 0, turn.now_ns))
    clock.work()
    assert len([a for a in turn.drain() if isinstance(a, Ask)]) == 1
    assert turn.now_ns < AGAIN_NS + turn.now_ns


def test_a_refused_time_is_not_looked_into_all_the_time():
    """A venue that refuses every time is asked once a second."""
    turn, clock = measured([10] * TRIES, 100)
    turn.drain()
    clock.blame()
    assert [a.name for a in turn.drain()] == ["clock.blamed"]
    clock.blame()
    assert turn.drain() == []
    turn.now_ns += BLAMED_AGAIN_NS
    clock.blame()
    assert [a.name for a in turn.drain()] == ["clock.blamed"]


def test_a_clock_that_leaps_is_told():
    """One of the two was set; the jitter is not of both times."""
    turn, clock = measured([10] * TRIES, 100)
    turn.now_ns += AGAIN_NS
    turn.drain()
    clock.work()
    for _ in range(TRIES):
        (ask,) = (a for a in turn.drain() if isinstance(a, Ask))
        sent_ns = turn.now_ns
        turn.now_ns += 10 * MS
        answer = Answered(Clock(sent_ns + 5_000 * MS))
        turn.returned(Returned(ask.request_id, answer, sent_ns, turn.now_ns))
    assert [a.name for a in turn.drain()] == ["clock.leapt"]
    assert clock.jitter_ns == 0


def test_a_clock_far_off_is_no_clock_to_begin_with():
    """It says whose is off, by how much, and what to do."""
    _, clock = measured([10] * TRIES, 90_000)
    why = clock.skew(60 * SECOND_NS)
    assert why.startswith("this machine's clock is 90 s behind the venue's")
    assert "timedatectl set-ntp" in why
    assert "skew_max" in why
    assert clock.skew(120 * SECOND_NS) is None
    assert "ahead of" in measured([10] * TRIES, -90_000)[1].skew(SECOND_NS)


def test_an_offset_that_is_not_known_well_enough_is_refused():
    """Half a round trip of 4 s is more than a request of 3 s bears."""
    turn, clock = measured([4_000] * TRIES, 0)
    turn.rules.expiry = 3 * SECOND_NS
    assert "known to 2000 ms only" in clock.skew(60 * SECOND_NS)
