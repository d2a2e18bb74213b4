"""Queries that are asked until they are answered.

Asking changes nothing, so it is repeated after every failure, with growing pauses and without
an end; what is gated by the answer stays gated meanwhile, and the log says for what it waits.
A refusal is an answer. The venue's own word about when to come back is obeyed. What a venue tells
in parts is asked part by part; it counts as asked when its first part was.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from steelyard.domain.messages import SECOND_NS, Answer, Query
from steelyard.trading.actions import Returned
from steelyard.trading.turn import Turn
from steelyard.wire.dialect import Parted
from steelyard.wire.outcome import Answered, NotSent, Unknown, delays_ns

FIRST_NS, MAX_NS = SECOND_NS // 2, 8 * SECOND_NS
DENIED_NS = 30 * SECOND_NS  # the pause where the venue does not accept who asks
TRIES_MAX = 1_000_000_000
LOUD_TRIES = 3  # from here on a failure is an alarm
OPEN_MAX = 200  # at once; more would be a fault of ours

# (answer, when it was asked on our clock)
OnAnswer = Callable[[Answer, int], None]


class Question(Struct, eq=False):
    """One query until its answer."""

    name: str
    query: Query
    answered: OnAnswer
    delays: Iterator[int]
    due_ns: int = 0
    tries: int = 0
    is_asked: bool = False
    trouble: str | None = None
    parts: list[Answer] = []
    further: Query | None = None  # its next part, once there is one
    asked_ns: int = 0


class Questions:
    """All queries of a trader that wait for an answer."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._open: dict[int, Question] = {}
        self.denied: Callable[[str], None] = lambda _: None
        self.missed: Callable[[str], None] = lambda _: None  # nobody has answered

    def ask(self, name: str, query: Query, answered: OnAnswer) -> None:
        """Ask now, and again until there is an answer."""
        assert len(self._open) < OPEN_MAX, "questions are answered, or not asked again"
        delays = delays_ns(self._turn.rng, first_ns=FIRST_NS, max_ns=MAX_NS, tries=TRIES_MAX)
        question = Question(name, query, answered, delays)
        self._open[id(question)] = question
        self._ask(question)

    def work(self) -> None:
        """Ask again what is due."""
        for question in [*self._open.values()]:
            if question.is_asked:
                continue
            if question.due_ns <= self._turn.now_ns:
                self._ask(question)
            else:
                self._turn.wake_at(question.due_ns)

    @property
    def trouble(self) -> str | None:
        """Why the oldest failing question has no answer yet."""
        failing = (q for q in self._open.values() if q.trouble is not None)
        found = next(failing, None)
        return f"asking for {found.name}: {found.trouble}" if found else None

    def _ask(self, question: Question) -> None:
        question.is_asked = True
        question.tries += 1
        asked = question.further or question.query
        self._turn.ask(asked, lambda returned: self._returned(question, returned))

    def _returned(self, question: Question, returned: Returned) -> None:
        question.is_asked = False
        outcome = returned.outcome
        if isinstance(outcome, Answered):
            self._take(question, outcome.answer, returned.sent_ns)
            return
        if isinstance(outcome, Unknown) or not (outcome.retry_after_ns or outcome.is_denied):
            self.missed(f"{question.name}: {outcome.why}")
        pause_ns = next(question.delays)
        if isinstance(outcome, NotSent):
            pause_ns = max(pause_ns, outcome.retry_after_ns)
            if outcome.is_denied:
                pause_ns = max(pause_ns, DENIED_NS)
                self.denied(outcome.why)
        question.due_ns = self._turn.now_ns + pause_ns
        question.trouble = outcome.why
        log = self._turn.alarm if question.tries >= LOUD_TRIES else self._turn.warn
        log("query.failed", f"{question.name}: {outcome.why}; try {question.tries}")

    def _take(self, question: Question, answer: Answer, sent_ns: int) -> None:
        """Take an answer, and go on with the next part where it is not all."""
        rules = self._turn.rules
        question.asked_ns = question.asked_ns or sent_ns
        if isinstance(rules, Parted):
            question.parts.append(answer)
            question.further = rules.further(question.query, question.parts)
            if question.further is not None:
                self._ask(question)
                return
            answer = rules.joined(question.query, question.parts)
        del self._open[id(question)]
        question.answered(answer, question.asked_ns)
