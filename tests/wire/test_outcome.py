"""Three outcomes, and the pauses between tries."""

from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.messages import Clock, Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.outcome import Answered, NotSent, Outcome, Unknown, delays_ns

FIRST = st.integers(1, 10**10)
GROWTH = st.integers(1, 1000)
TRIES = st.integers(0, 40)


@given(FIRST, GROWTH, TRIES, st.integers())
def test_pauses_double_up_to_the_longest(first_ns, growth, tries, seed):
    """Each lies between half of its turn's pause and the whole; there are as many as tries."""
    max_ns = first_ns * growth
    delays = list(delays_ns(Random(seed), first_ns=first_ns, max_ns=max_ns, tries=tries))
    assert len(delays) == tries
    for turn, delay in enumerate(delays):
        pause = min(first_ns * 2**turn, max_ns)
        assert pause // 2 <= delay <= pause


@pytest.mark.parametrize(("pause_ns", "seen"), [(4, {2, 3, 4}), (5, {2, 3, 4}), (2, {1, 2})])
def test_the_whole_range_is_used(pause_ns, seen):
    """Clients that failed together do not come back together: both ends occur."""
    rng = Random(1)
    delays = delays_ns(rng, first_ns=pause_ns, max_ns=pause_ns, tries=200)
    assert set(delays) == seen


def test_the_same_seed_waits_the_same():
    """The simulation can repeat a run."""

    def delays(seed: int) -> list[int]:
        return list(delays_ns(Random(seed), first_ns=10**9, max_ns=10**11, tries=8))

    assert delays(7) == delays(7)
    assert delays(7) != delays(8)


def test_a_pause_is_drawn_when_it_is_asked_for():
    """A run that ends early has used no more of the randomness than it needed."""
    rng, reference = Random(3), Random(3)
    list(islice(delays_ns(rng, first_ns=100, max_ns=100, tries=50), 2))
    list(delays_ns(reference, first_ns=100, max_ns=100, tries=2))
    assert rng.getstate() == reference.getstate()


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (NotSent("no route"), "again"),
        (NotSent("slow down", 5), "again"),
        (Answered(Clock(1)), "yes"),
        (Answered(Refused(RejectReason.UNKNOWN_ORDER, "no such order")), "no"),
        (Unknown("no route"), "look"),
    ],
)
def test_an_outcome_is_one_of_three(outcome: Outcome, word: str):
    """What to do is told by the class: a no is an answer, and only Unknown wants evidence."""
    match outcome:
        case NotSent():
            done = "again"
        case Answered(Refused()):
            done = "no"
        case Answered():
            done = "yes"
        case Unknown():
            done = "look"
    assert done == word
    assert isinstance(outcome, Outcome)


def test_the_same_words_are_not_the_same_outcome():
    """What never left and what may have arrived are unequal, whatever was said."""
    assert NotSent("broken pipe") != Unknown("broken pipe")
    assert NotSent("x").retry_after_ns == 0
