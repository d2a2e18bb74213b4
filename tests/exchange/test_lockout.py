import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.exchange.lockout import (
    COUNTED_MAX,
    FORGOTTEN_NS,
    FREE_TRIES,
    WAIT_FIRST_NS,
    WAIT_MAX_NS,
    Lockout,
)

NOW_NS = 1_700_000_000_000_000_000


@pytest.mark.parametrize(
    ("tries", "wait_s"),
    [(0, 0), (1, 0), (4, 0), (5, 1), (6, 2), (7, 4), (8, 8), (14, 512), (15, 900), (99, 900)],
)
def test_each_try_beyond_the_free_ones_waits_twice_as_long(tries, wait_s):
    lockout = Lockout()
    for _ in range(tries):
        lockout.tried("alice", NOW_NS)
    assert lockout.wait_ns("alice", NOW_NS) == wait_s * 1_000_000_000
    assert lockout.wait_ns("bob", NOW_NS) == 0
    assert lockout.wait_ns("alice", NOW_NS + wait_s * 1_000_000_000) == 0


def test_being_right_forgets_all_and_undoing_only_one():
    lockout = Lockout()
    for _ in range(FREE_TRIES + 1):
        lockout.tried("alice", NOW_NS)
    lockout.undo("alice")
    assert lockout.wait_ns("alice", NOW_NS) == WAIT_FIRST_NS
    lockout.right("alice")
    assert lockout.wait_ns("alice", NOW_NS) == 0
    lockout.undo("alice")
    lockout.tried("alice", NOW_NS)
    assert lockout.wait_ns("alice", NOW_NS) == 0


def test_tries_are_forgotten_after_a_while():
    lockout = Lockout()
    for _ in range(FREE_TRIES + 3):
        lockout.tried("alice", NOW_NS)
    later_ns = NOW_NS + FORGOTTEN_NS + 1
    lockout.tried("alice", later_ns)
    assert lockout.wait_ns("alice", later_ns) == 0


def test_no_more_are_counted_than_the_bound():
    lockout = Lockout(1)
    for number in range(COUNTED_MAX + 10):
        lockout.tried(str(number), NOW_NS)
    assert lockout.wait_ns("0", NOW_NS) == 0
    assert lockout.wait_ns("10", NOW_NS) == WAIT_FIRST_NS


@given(st.lists(st.integers(0, 10**12), max_size=60))
def test_guessing_patiently_is_slow(gaps):
    """Who waits as told gets no more tries in an hour than the back-off gives."""
    lockout, now_ns, tries = Lockout(), NOW_NS, 0
    for gap in gaps:
        now_ns += max(gap, lockout.wait_ns("alice", now_ns))
        assert lockout.wait_ns("alice", now_ns) == 0
        lockout.tried("alice", now_ns)
        tries += 1
    if now_ns - NOW_NS < FORGOTTEN_NS:
        # 5 free ones, 10 that double up to a quarter of an hour, then four an hour
        assert tries <= 5 + 10 + FORGOTTEN_NS // WAIT_MAX_NS
