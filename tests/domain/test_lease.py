"""Who may trade a bot, and when: the rules, with the clocks as the test wants them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.lease import RENEWALS, Allowed, Grip, Lease, Wait
from steelyard.domain.messages import SECOND_NS

TTL_NS = 15 * SECOND_NS
DRAIN_NS = 7 * SECOND_NS
HOME, OTHER = "here", "there"


def lease(**changes) -> Lease:
    found = Lease("dip", 3, "a", 7, TTL_NS, 10**18, True, False, DRAIN_NS, OTHER, "")
    return found._replace(**changes)


def test_a_holder_stops_risk_before_the_end_and_everything_at_it():
    """It counts from before it asked; in the last third only cancels leave."""
    grip = Grip(TTL_NS)
    assert grip.allowed(0) is Allowed.NOTHING, "it was never taken"
    grip.granted(100)
    assert grip.allowed(100 + TTL_NS * 2 // 3 - 1) is Allowed.ALL
    assert grip.allowed(100 + TTL_NS * 2 // 3) is Allowed.CANCELS
    assert "about to run out" in grip.trouble(100 + TTL_NS - 1)
    assert grip.allowed(100 + TTL_NS) is Allowed.NOTHING
    assert "it was not renewed for 15 s" in grip.trouble(100 + TTL_NS)


def test_what_is_lost_is_not_had_back():
    """A late grant of a lease that had run out here changes nothing."""
    grip = Grip(TTL_NS)
    grip.granted(0)
    assert grip.allowed(TTL_NS) is Allowed.NOTHING
    grip.granted(TTL_NS)
    assert grip.allowed(TTL_NS) is Allowed.NOTHING
    grip.lose("somebody else has it")
    assert "not renewed" in grip.lost_why, "the first reason is the one"


def test_a_renewal_is_due_in_parts_of_the_time_and_says_why_it_failed():
    grip = Grip(TTL_NS)
    grip.granted(0)
    grip.asking(50)
    assert grip.due_ns() == 50 + TTL_NS // RENEWALS
    grip.failed("no answer")
    assert "(no answer)" in grip.trouble(TTL_NS - 1)
    grip.granted(TTL_NS - 1)
    assert grip.trouble(TTL_NS - 1) is None
    assert grip.left_ns(TTL_NS) == TTL_NS - 1


def test_a_lock_lasts_as_long_as_its_process():
    grip = Grip(None)
    grip.granted(0)
    assert grip.allowed(10**20) is Allowed.ALL
    assert (grip.left_ns(5), grip.due_ns()) == (None, None)


def test_what_nobody_has_is_taken_at_once():
    """Never held, released in order, or held by a process of this host that has ended."""
    for found in (None, lease(is_released=True, is_over=False), lease(home=HOME, is_over=False)):
        assert Wait(HOME).why_not(found, 0) is None


def test_a_lease_is_taken_when_both_clocks_say_so_and_requests_have_expired():
    """A database whose clock jumps ahead gives nothing away before its time."""
    wait = Wait(HOME)
    assert "a has it (term 3)" in wait.why_not(lease(is_over=False), 0)
    assert "expired in 22 s" in wait.why_not(lease(), 1), "it says over already; ours counts too"
    assert "expired in 1 s" in wait.why_not(lease(), TTL_NS + DRAIN_NS - 1)
    assert wait.why_not(lease(beat=8), TTL_NS + DRAIN_NS) is not None, "it was renewed meanwhile"
    assert wait.why_not(lease(beat=8), 2 * (TTL_NS + DRAIN_NS)) is None


def test_a_lease_that_is_gone_from_its_place_still_has_its_holder():
    """A database that was made anew knows nothing of who trades."""
    wait = Wait(HOME)
    assert wait.why_not(lease(is_over=False), 0) is not None
    assert "expired in 1 s" in wait.why_not(None, TTL_NS + DRAIN_NS - 1)
    assert wait.why_not(None, TTL_NS + DRAIN_NS) is None
    assert wait.seen.holder == "a", "what it left is taken over"


def test_where_requests_do_not_expire_a_person_has_to_know():
    found = lease(drain_ns=None)
    assert "--take-over WHY" in Wait(HOME).why_not(found, 10**20)
    wait = Wait(HOME, "its machine burned")
    assert wait.why_not(found, 0) is not None, "its lease is waited for all the same"
    assert wait.why_not(found, TTL_NS) is None
    assert wait.why_not(found._replace(is_over=False), TTL_NS) is not None


def test_a_clock_that_is_set_back_delays_by_one_lease_at_most():
    """It never says that the lease is over; who waits counts for itself."""
    wait, found = Wait(HOME), lease(is_over=False, drain_ns=0)
    assert wait.why_not(found, 0) is not None
    assert "a has it" in wait.why_not(found, 2 * TTL_NS - 1)
    assert wait.why_not(found, 2 * TTL_NS) is None
    slow = Wait(HOME)
    assert slow.why_not(lease(is_over=False), 0) is not None
    end_ns = max(2 * TTL_NS, TTL_NS + DRAIN_NS)
    assert slow.why_not(lease(is_over=False), end_ns - 1) is not None
    assert slow.why_not(lease(is_over=False), end_ns) is None
    assert "--take-over" in Wait(HOME).why_not(lease(drain_ns=None), 10**20)


def test_what_a_person_says_of_a_holder_is_not_said_of_the_next():
    """Nobody has looked for the process of that one."""
    wait = Wait(HOME, "its machine burned")
    assert wait.why_not(lease(drain_ns=None), 0) is not None
    next_one = lease(term=4, drain_ns=None)
    assert "--take-over WHY" in wait.why_not(next_one, 10**20)
    assert "--take-over WHY" in wait.why_not(next_one, 2 * 10**20)


@given(
    st.lists(st.integers(0, 30 * SECOND_NS), max_size=30),
    st.integers(0, 10**12),
    st.integers(-(10**12), 60 * SECOND_NS),
)
def test_no_two_hold_it_whatever_stands_still(pauses, offset_ns, jump_ns):
    """The holder's last order, and its request's life, end before the waiter may begin.

    The two hosts count from other beginnings, and the database's clock may be set either way.
    """
    grip, wait = Grip(TTL_NS), Wait(HOME)
    now_ns, beat, until_ns, sent_ns = 0, 0, 0, None
    grip.granted(0)
    until_ns = TTL_NS
    for pause_ns in [*pauses, *[SECOND_NS] * 60]:
        if grip.allowed(now_ns) is Allowed.ALL:
            sent_ns = now_ns
        if pause_ns % 2 and grip.allowed(now_ns) is not Allowed.NOTHING:
            beat, until_ns = beat + 1, now_ns + TTL_NS
            grip.granted(now_ns)
        found = lease(beat=beat, is_over=now_ns + jump_ns >= until_ns)
        if wait.why_not(found, now_ns + offset_ns) is None:
            assert sent_ns is None or sent_ns + DRAIN_NS < now_ns
            assert grip.allowed(now_ns) is Allowed.NOTHING
            return
        now_ns += pause_ns
    pytest.fail("a lease that nobody renews is had in the end")
