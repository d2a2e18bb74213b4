"""Limits as data and counters, compared with a recount and with another library."""

from fractions import Fraction
from itertools import accumulate
from math import ceil
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limits import RateLimitItemPerSecond
from limits.storage import memory
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from steelyard.domain.messages import SECOND_NS
from steelyard.wire.limits import (
    UNLIMITED,
    BucketCounter,
    Counts,
    Kind,
    Limit,
    LimitProfile,
    MessagePace,
    Per,
    SlidingCounter,
    SocketLimits,
    WindowCounter,
    counter_of,
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


# -- the same arrivals, counted by somebody else's library ----------------------------------------

ARRIVALS = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), min_size=1, max_size=80)
AMOUNTS, WINDOWS = st.integers(1, 20), st.integers(1, 30)


class Theirs:
    """The `limits` library in memory, on a clock of ours: its second is our nanosecond."""

    def __init__(self, monkeypatch) -> None:
        self.now = 0
        monkeypatch.setattr(memory, "time", SimpleNamespace(time=lambda: self.now))
        # Its thread tidies up by the same clock, at any moment: what it drops does not count.
        monkeypatch.setattr(memory.MemoryStorage, "_MemoryStorage__expire_events", lambda _: None)
        self.storage = memory.MemoryStorage()

    def close(self) -> None:
        self.storage.timer.cancel()


@pytest.fixture
def theirs():
    with pytest.MonkeyPatch.context() as monkeypatch:
        clock = Theirs(monkeypatch)
        yield clock
        clock.close()


def let_through(counter, limit, arrivals):
    """Return which of the arrivals, (pause, units), ours lets through, and when each came."""
    times = list(accumulate(pause for pause, _ in arrivals))
    told = [counter.add(limit, units, at) for at, (_, units) in zip(times, arrivals, strict=True)]
    return [not used.is_over for used in told], times


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ARRIVALS, AMOUNTS, WINDOWS)
def test_aligned_is_the_fixed_window_of_another_library(theirs, arrivals, amount, window):
    """Both count what they refuse.

    Their window begins with the first request in it, ours with the clock's: told apart by the
    number of the clock's window, which they take as part of the name, they agree on each request.
    """
    ours, times = let_through(
        WindowCounter(), MINUTE._replace(limit=amount, window_ns=window), arrivals
    )
    theirs.storage.reset()
    limiter = FixedWindowRateLimiter(theirs.storage)
    item = RateLimitItemPerSecond(amount, window)
    for at, (_, units), passed in zip(times, arrivals, ours, strict=True):
        theirs.now = at
        assert limiter.hit(item, str(at // window), cost=units) == passed


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ARRIVALS, AMOUNTS, WINDOWS)
def test_sliding_is_the_moving_window_of_another_library(theirs, arrivals, amount, window):
    """Neither counts what it refuses.

    At the very instant a window after it was used a unit is back here, and there the instant
    after: on a clock that ticks, their window of n ticks is ours of n + 1.
    """
    limit = MINUTE._replace(limit=amount, window_ns=window + 1, kind=Kind.SLIDING)
    ours, times = let_through(SlidingCounter(), limit, arrivals)
    theirs.storage.reset()
    limiter = MovingWindowRateLimiter(theirs.storage)
    item = RateLimitItemPerSecond(amount, window)
    for at, (_, units), passed in zip(times, arrivals, ours, strict=True):
        theirs.now = at
        assert limiter.hit(item, "one", cost=units) == passed


def test_at_the_border_the_two_differ_by_an_instant(theirs):
    """Which is why the windows above differ by one."""
    limit = MINUTE._replace(limit=1, window_ns=10, kind=Kind.SLIDING)
    assert let_through(SlidingCounter(), limit, [(0, 1), (10, 1)])[0] == [True, True]
    limiter, item = MovingWindowRateLimiter(theirs.storage), RateLimitItemPerSecond(1, 10)
    told = []
    for theirs.now in (0, 10, 11):
        told.append(limiter.hit(item, "one"))
    assert told == [True, False, True]


# -- windows that slide ---------------------------------------------------------------------------


@given(ARRIVALS, AMOUNTS, WINDOWS)
def test_no_stretch_of_time_has_more_than_a_sliding_limit(arrivals, amount, window):
    """Wherever it begins; and what is refused would not have fitted, but after the wait it does."""
    limit = MINUTE._replace(limit=amount, window_ns=window, kind=Kind.SLIDING)
    counter, now_ns, passed = SlidingCounter(), 0, []
    for pause, units in arrivals:
        now_ns += pause
        within = sum(u for t, u in passed if t > now_ns - window)
        told = counter.add(limit, units, now_ns)
        assert told.is_over == (within + units > amount)
        if not told.is_over:
            passed.append((now_ns, units))
        elif units <= amount:
            back = now_ns + told.wait_ns
            assert sum(u for t, u in passed if t > back - window) + units <= amount
            assert sum(u for t, u in passed if t > back - 1 - window) + units > amount
        assert told.used == sum(u for t, u in passed if t > now_ns - window)
        assert len(counter) <= amount


# -- buckets --------------------------------------------------------------------------------------


@given(ARRIVALS, AMOUNTS, WINDOWS)
def test_a_bucket_drains_evenly(arrivals, amount, window):
    """As a bucket in exact fractions; what is refused does not fit before its wait is over."""
    limit = MINUTE._replace(limit=amount, window_ns=window, kind=Kind.BUCKET)
    counter, now_ns, level = BucketCounter(), 0, Fraction(0)
    for pause, units in arrivals:
        now_ns += pause
        level = max(Fraction(0), level - Fraction(pause * amount, window))
        told = counter.add(limit, units, now_ns)
        assert told.is_over == (units > 0 and level + units > amount)
        if not told.is_over:
            level += units
            assert told.used == ceil(level)
        elif units <= amount:
            assert level - Fraction(told.wait_ns * amount, window) + units <= amount
            assert level - Fraction((told.wait_ns - 1) * amount, window) + units > amount
        assert told.reset_ns == now_ns + told.wait_ns


def test_a_bucket_lets_a_burst_through_and_then_the_pace():
    """Coinbase's public limit: 15 at once, then 10 a second."""
    limit = Limit("public", Per.IP, Counts.REQUESTS, 15, SECOND_NS * 3 // 2, Kind.BUCKET)
    counter = counter_of(limit)
    burst = [counter.add(limit, 1, T0).is_over for _ in range(20)]
    assert burst == [False] * 15 + [True] * 5
    tenths = [counter.add(limit, 1, T0 + n * SECOND_NS // 10).is_over for n in range(1, 21)]
    assert not any(tenths)
    assert counter.add(limit, 1, T0 + 2 * SECOND_NS).is_over


def test_a_limit_covers_its_routes():
    """All, those without or with a key, a path, or a method and a path."""
    rows = [
        ((), True, True),
        (("public",), True, False),
        (("private",), False, True),
        (("/a",), True, True),
        (("GET /a",), True, False),
        (("/b", "POST /a"), False, True),
    ]
    for routes, get, post in rows:
        limit = MINUTE._replace(routes=routes)
        assert limit.covers("GET", "/a", is_public=True) == get
        assert limit.covers("POST", "/a", is_public=False) == post


def test_messages_are_counted_by_the_second():
    """The one too many in it is told; 0 is any number."""
    pace = MessagePace()
    assert [pace.is_over(2, T0 + n) for n in range(3)] == [False, False, True]
    assert not pace.is_over(2, T0 + SECOND_NS)
    free = MessagePace()
    assert not any(free.is_over(0, T0) for _ in range(1_000))


def test_streams_are_bounded_by_the_profile_and_the_dialect():
    """Whichever is less; a profile that says nothing leaves it to the dialect."""
    assert SocketLimits(subscriptions=5).subscriptions_most(200) == 5
    assert SocketLimits(subscriptions=5_000).subscriptions_most(200) == 200
    assert SocketLimits().subscriptions_most(200) == 200
