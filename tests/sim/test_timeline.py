"""What happens when, and the trace of it."""

from steelyard.sim.timeline import HostClock, Timeline

T0 = 1_000


def run(*delays: int) -> tuple[list[str], str]:
    """Let something happen after each delay; return what happened, and the digest."""
    timeline, done = Timeline(T0), []
    for number, delay in enumerate(delays):
        timeline.after(
            delay, f"act {number}", lambda n=number: done.append(f"{timeline.now_ns} {n}")
        )
    while timeline.advance():
        pass
    return done, timeline.digest


def test_things_happen_by_time_and_then_in_the_order_they_were_asked_for():
    """Equal times do not depend on anything but who asked first."""
    assert run(30, 10, 30, 0)[0] == ["1000 3", "1010 1", "1030 0", "1030 2"]


def test_a_digest_tells_two_runs_apart():
    """Another time, another name or another byte is another run."""
    assert run(1, 2)[1] == run(1, 2)[1] != run(1, 3)[1]
    noted, traced = Timeline(T0), Timeline(T0)
    assert noted.digest == traced.digest
    noted.note("something")
    traced.trace(b"else")
    assert noted.digest != traced.digest


def test_what_is_called_off_does_not_happen():
    """It is passed over, and is no event."""
    timeline, done = Timeline(T0), []
    timeline.after(1, "one", lambda: done.append(1)).is_off = True
    timeline.after(2, "two", lambda: done.append(2))
    assert timeline.advance()
    assert (done, timeline.events, timeline.now_ns) == ([2], 1, T0 + 2)
    assert not timeline.advance()


def test_the_past_happens_now():
    """Time never goes back."""
    timeline = Timeline(T0)
    timeline.at(5, "late", lambda: None)
    timeline.advance()
    assert timeline.now_ns == T0


def test_a_hosts_clock_is_ahead_drifts_and_never_goes_back_within_a_process():
    """The next process may be shown less."""
    timeline = Timeline(T0)
    clock = HostClock(timeline, ahead_ns=50, drift_e6=1_000)
    assert clock.now_ns() == T0 + 50
    timeline.after(100_000, "later", lambda: None)
    timeline.advance()
    assert clock.now_ns() == T0 + 100_000 + 100 + 50
    clock.ahead_ns -= 1_000
    assert clock.now_ns() == T0 + 100_000 + 100 + 50
    clock.restart()
    assert clock.now_ns() == T0 + 100_000 + 100 - 950
