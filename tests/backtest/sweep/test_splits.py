"""Walking forward: what a test looks at was not trained on."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.backtest.sweep.splits import DAY_NS, Span, WalkForward, split, unused_ns
from steelyard.domain.errors import ConfigError

MINUTE = 60 * 10**9
HOUR = 60 * MINUTE


def days(start: float, end: float) -> Span:
    return Span(int(start * DAY_NS), int(end * DAY_NS))


def walk(train: float, test: float, **more: float | bool) -> WalkForward:
    step = more.pop("step", test)
    anchored = bool(more.pop("anchored", False))
    durations = {f"{name}_ns": int(value * DAY_NS) for name, value in more.items()}
    return WalkForward(
        int(train * DAY_NS),
        int(test * DAY_NS),
        int(step * DAY_NS),
        is_anchored=anchored,
        **{"purge_ns": 0, **durations},
    )


def test_rolling_and_anchored_folds_are_these():
    """A hundred days: 60 to train, one between, 10 to test."""
    rolling = split(days(0, 100), walk(60, 10, purge=1), MINUTE, 0)
    assert [(f.train, f.test) for f in rolling] == [
        (days(0, 60), days(61, 71)),
        (days(10, 70), days(71, 81)),
        (days(20, 80), days(81, 91)),
    ]
    anchored = split(days(0, 100), walk(60, 10, purge=1, anchored=True), MINUTE, 0)
    assert [f.train for f in anchored] == [days(0, 60), days(0, 70), days(0, 80)]
    assert [f.test for f in anchored] == [f.test for f in rolling]
    assert unused_ns(days(0, 100), rolling) == 9 * DAY_NS


def test_the_embargo_is_added_to_the_purge():
    (fold,) = split(days(0, 80), walk(60, 10, purge=1, embargo=2), MINUTE, 0)
    assert fold.test == days(63, 73)


@pytest.mark.parametrize(
    ("whole", "how", "reach", "said"),
    [
        (days(0, 100), walk(60, 10, purge=1), 2 * DAY_NS, 'purge = "2d"'),
        (days(0, 100), walk(60, 10, step=5), 0, "tests would overlap"),
        (days(0, 50), walk(60, 10), 0, "needs 70d for one fold, and the data has 50d"),
        (days(0, 100), walk(60.001, 10), 0, "train is .*no whole number of bars of 1h"),
        (days(0, 5_000), walk(1, 1), 0, "over 1000 folds"),
    ],
)
def test_what_cannot_be_split_is_refused_with_the_way_out(whole, how, reach, said):
    with pytest.raises(ConfigError, match=said):
        split(whole, how, HOUR, reach)


@given(
    start=st.integers(0, 10**6),
    length=st.integers(1, 5_000),
    train=st.integers(1, 500),
    test=st.integers(1, 200),
    more=st.integers(0, 100),
    purge=st.integers(0, 50),
    embargo=st.integers(0, 50),
    reach=st.integers(0, 50),
    is_anchored=st.booleans(),
)
def test_no_bar_that_a_test_looks_at_was_trained_on(
    start, length, train, test, more, purge, embargo, reach, is_anchored
):
    """Its warm-up included; nor is anything that training measures still open in a test.

    Tests do not overlap, everything lies within the data and on whole bars, and no fold that
    would fit is left out.
    """
    how = WalkForward(
        train * HOUR,
        test * HOUR,
        (test + more) * HOUR,
        purge * HOUR,
        embargo * HOUR,
        is_anchored,
    )
    reach = min(reach, purge)  # less is refused
    whole = Span(start * MINUTE, start * MINUTE + length * HOUR)
    try:
        folds = split(whole, how, HOUR, reach * HOUR)
    except ConfigError:
        first = -(-whole.start_ns // HOUR) * HOUR
        assert first + (train + purge + embargo + test) * HOUR > whole.end_ns
        return
    for fold in folds:
        assert fold.train.end_ns + reach * HOUR + embargo * HOUR <= fold.test.start_ns
        assert whole.start_ns <= fold.train.start_ns < fold.train.end_ns
        assert fold.test.end_ns <= whole.end_ns
        assert fold.test.length_ns == test * HOUR
        assert fold.train.length_ns == train * HOUR or is_anchored
        assert all(edge % HOUR == 0 for span in fold for edge in span)
    for before, after in itertools.pairwise(folds):
        assert before.test.end_ns <= after.test.start_ns
        assert before.train.end_ns < after.train.end_ns
        assert (before.train.start_ns == after.train.start_ns) is is_anchored
    assert 0 <= unused_ns(whole, folds) < how.step_ns
