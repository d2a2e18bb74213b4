"""Limits as data and counters: windows are aligned to the clock, and nothing is forgotten."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.messages import SECOND_NS
from steelyard.wire.limits import (
    UNLIMITED,
    Counts,
    Limit,
    LimitProfile,
    Per,
    WindowCounter,
)

T0 = 1_700_000_000 * SECOND_NS
MINUTE = Limit("weight", Per.IP, Counts.WEIGHT, 100, 60 * SECOND_NS)

# Times that only go on, in steps from nothing to several windows, and the units at each.
STEPS = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 100)), min_size=1, max_size=60)


@given(STEPS, st.integers(1, 12), st.integers(0, T0))
def test_a_counter_is_a_recount_of_its_window(steps, window_ns, start_ns):
    """What is used is the sum of all units since the window that the clock is in began."""
    limit = MINUTE._replace(window_ns=window_ns)
    times = accumulate((step for step, _ in steps), initial=start_ns)
    requests = list(zip(list(times)[1:], (units for _, units in steps), strict=True))
    counter = WindowCounter()
    for index, (now_ns, units) in enumerate(requests):
        told = counter.add(limit, units, now_ns)
        began_ns = now_ns - now_ns % window_ns
        assert told.used == sum(u for t, u in requests[: index + 1] if t >= began_ns)
        assert told.reset_ns == began_ns + window_ns
        assert 1 <= told.wait_ns <= window_ns
        assert now_ns + told.wait_ns == told.reset_ns
        assert told.limit is limit


@pytest.mark.parametrize(
    ("second", "used"),
    [
        (0, 60),
        (39, 60),  # T0 lies 20 s into its minute
        (40, 30),  # the next one begins
        (99, 30),
        (100, 30),
        (100_000, 30),
    ],
)
def test_a_window_ends_with_the_minute_and_not_a_minute_later(second, used):
    """Aligned to the clock, as the venue's own: a client may count on the next full minute."""
    assert T0 % MINUTE.window_ns == 20 * SECOND_NS
    counter = WindowCounter()
    counter.add(MINUTE, 30, T0)
    assert counter.add(MINUTE, 30, T0 + second * SECOND_NS).used == used


def test_the_limit_itself_is_allowed():
    """Over it is only what is more."""
    counter = WindowCounter()
    assert counter.add(MINUTE, 100, T0).used == MINUTE.limit
    assert counter.add(MINUTE, 1, T0).used > MINUTE.limit


def test_asking_what_is_used_uses_nothing():
    """No units, no change: so the headers of a refusal can tell the usage."""
    counter = WindowCounter()
    counter.add(MINUTE, 7, T0)
    told = [counter.add(MINUTE, 0, T0) for _ in range(3)]
    assert [used.used for used in told] == [7, 7, 7]
    assert (told[0].reset_ns, told[0].wait_ns) == (T0 + 40 * SECOND_NS, 40 * SECOND_NS)


def test_counters_count_apart():
    """One of them knows nothing of another's requests."""
    one, other = WindowCounter(), WindowCounter()
    one.add(MINUTE, 99, T0)
    assert other.add(MINUTE, 1, T0).used == 1


def test_no_limits_are_no_limits():
    """The empty profile limits nothing and bans nobody; where bans are, they last two minutes."""
    assert LimitProfile((), ban_after=0, ban_ns=120 * SECOND_NS) == UNLIMITED
