import time

from steelyard.net.clock import Clock, uptime_ns


def test_the_time_is_utc_in_nanoseconds():
    """A clock says what the machine's says."""
    before_ns = time.time_ns()  # noqa: TID251 what it is compared with
    now_ns = Clock().now_ns()
    assert before_ns <= now_ns <= time.time_ns()  # noqa: TID251


def test_a_skew_is_added():
    """A clock may be set ahead or behind."""
    hour_ns = 3_600_000_000_000
    now_ns = Clock().now_ns()
    assert Clock(hour_ns).now_ns() >= now_ns + hour_ns
    assert Clock(-hour_ns).now_ns() < now_ns


def test_time_never_goes_back(monkeypatch):
    """Where the machine's clock is set back, ours stands until it has caught up."""
    told = iter([100, 200, 150, 199, 201])
    monkeypatch.setattr(time, "time_ns", lambda: next(told))
    clock = Clock()
    assert [clock.now_ns() for _ in range(5)] == [100, 200, 200, 200, 201]


def test_taking_the_skew_back_does_not_turn_back_time():
    """A skew may be changed while the clock runs; what was told stays told."""
    clock = Clock(10**15)
    ahead_ns = clock.now_ns()
    clock.skew_ns = 0
    assert clock.now_ns() == ahead_ns


def test_the_hosts_uptime_is_no_clocks(monkeypatch):
    """It goes on, whatever the machine's clock is set to."""
    before_ns = uptime_ns()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert uptime_ns() >= before_ns > 0


def test_the_hosts_uptime_is_there_without_the_clock_that_counts_sleep(monkeypatch):
    """Other systems than Linux have one clock for it."""
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    assert uptime_ns() > 0
