from random import Random

from steelyard.domain.messages import SECOND_NS, Clock, ClockQuery, Refused, StatusQuery
from steelyard.domain.order import RejectReason
from steelyard.trading.actions import Ask, Level, Log, Returned
from steelyard.trading.questions import DENIED_NS, LOUD_TRIES, MAX_NS, Questions
from steelyard.trading.turn import Turn
from steelyard.wire.outcome import Answered, NotSent, Outcome, Unknown
from tests.trading.world import Rules


class Asked:
    """One question, and time to let pass."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.turn = Turn(rules or Rules(), Random(1))
        self.turn.now_ns = 1_000 * SECOND_NS
        self.questions = Questions(self.turn)
        self.heard = []
        self.questions.ask("the time", ClockQuery(), lambda *answer: self.heard.append(answer))
        self.logs: list[Log] = []

    def asks(self) -> list[Ask]:
        drained = self.turn.drain()
        self.logs += [action for action in drained if isinstance(action, Log)]
        return [action for action in drained if isinstance(action, Ask)]

    def answer(self, outcome: Outcome) -> None:
        (ask,) = self.asks()
        self.turn.returned(Returned(ask.request_id, outcome, self.turn.now_ns, self.turn.now_ns))
        self.turn.deadline_ns = None
        self.questions.work()

    def wait(self) -> int:
        """Let time pass until it is asked again, and return how long that took."""
        before_ns = self.turn.now_ns
        self.turn.now_ns = self.turn.deadline_ns
        self.questions.work()
        return self.turn.now_ns - before_ns


def test_an_answer_ends_it():
    """The handler hears it once, with the time of asking; a refusal is an answer."""
    for answer in (Clock(5), Refused(RejectReason.UNKNOWN_ORDER, "no")):
        one = Asked()
        one.answer(Answered(answer))
        assert one.heard == [(answer, one.turn.now_ns)]
        assert one.asks() == []
        assert one.questions.trouble is None


def test_a_failure_is_asked_again_after_growing_pauses():
    """1-2-4 and so on up to a maximum, however often; what it waits for can be read."""
    one, pauses = Asked(), []
    for _ in range(20):
        one.answer(Unknown("reset"))
        assert one.asks() == []
        pauses.append(one.wait())
    assert one.questions.trouble == "asking for the time: reset"
    assert max(pauses) <= MAX_NS
    assert min(pauses[6:]) >= MAX_NS // 2
    one.answer(Answered(Clock(1)))
    assert len(one.heard) == 1


def test_the_venues_pause_is_obeyed():
    """It is never asked again sooner than it may be."""
    one = Asked()
    one.answer(NotSent("429", 60 * SECOND_NS))
    assert one.wait() == 60 * SECOND_NS


def test_failures_become_loud():
    """The first ones are warnings, then they are errors."""
    one = Asked()
    for _ in range(LOUD_TRIES):
        one.answer(Unknown("reset"))
        one.wait()
    one.asks()
    assert [log.level for log in one.logs] == [Level.WARNING] * (LOUD_TRIES - 1) + [Level.ERROR]


def test_who_is_denied_asks_rarely():
    """The same again will not help soon; whoever listens is told."""
    one, said = Asked(), []
    one.questions.denied = said.append
    one.answer(NotSent("unknown key", is_denied=True))
    assert one.wait() == DENIED_NS
    assert said == ["unknown key"]


class InParts(Rules):
    """A venue that tells its time in three parts."""

    def further(self, query, answers):
        return StatusQuery() if len(answers) < 3 else None

    def joined(self, query, answers):
        return Clock(sum(answer.time_ns for answer in answers))


def test_what_a_venue_tells_in_parts_is_one_answer():
    """A part that fails is asked for again, by itself; the time is that of the first one."""
    one = Asked(InParts())
    begun_ns = one.turn.now_ns
    one.answer(Answered(Clock(1)))
    one.turn.now_ns += 5
    one.answer(Answered(Clock(2)))
    one.answer(Unknown("reset"))
    one.wait()
    (ask,) = one.asks()
    assert ask.query == StatusQuery()
    one.turn.returned(
        Returned(ask.request_id, Answered(Clock(4)), one.turn.now_ns, one.turn.now_ns)
    )
    assert one.heard == [(Clock(7), begun_ns)]
