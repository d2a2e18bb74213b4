from hypothesis import given
from hypothesis import strategies as st

from steelyard.dashboard import pace
from steelyard.dashboard.pace import Pace
from steelyard.wire.limits import Counts, Limit, Per

SECOND_NS = 1_000_000_000
THREE = Limit("three", Per.IP, Counts.REQUESTS, 3, 10 * SECOND_NS)


def test_who_asks_too_often_waits_for_the_window_and_nobody_else_does():
    counted = Pace(THREE)
    begin_ns = 50 * SECOND_NS
    assert [counted.wait_ns("::1", begin_ns + SECOND_NS) for _ in range(4)] == [
        0, 0, 0, 9 * SECOND_NS,
    ]  # fmt: skip
    assert counted.wait_ns("127.0.0.1", begin_ns + SECOND_NS) == 0
    assert counted.wait_ns("::1", begin_ns + 10 * SECOND_NS) == 0


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 4 * SECOND_NS))))
def test_no_window_lets_more_through_than_the_limit(asks):
    counted, now_ns, passed = Pace(THREE), 0, []
    for ip, gone_ns in asks:
        now_ns += gone_ns
        wait_ns = counted.wait_ns(ip, now_ns)
        assert 0 <= wait_ns <= THREE.window_ns
        if not wait_ns:
            passed.append((ip, now_ns // THREE.window_ns))
    assert all(passed.count(each) <= THREE.limit for each in passed)


def test_the_longest_quiet_address_is_forgotten(monkeypatch):
    monkeypatch.setattr(pace, "COUNTED_MAX", 2)
    counted = Pace(THREE)
    for ip in ("a", "b", "a", "c"):
        counted.wait_ns(ip, 0)
    assert [*counted._counters] == ["a", "c"]
