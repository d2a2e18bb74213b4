import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dashboard.sessions import (
    ABSOLUTE_NS,
    AGENT_MAX,
    GRACE_NS,
    IDLE_NS,
    PER_PERSON_MAX,
    VISITORS_MAX,
    VISITORS_PER_IP_MAX,
    Sessions,
)

NOW_NS = 1_700_000_000_000_000_000


@pytest.fixture
def sessions():
    return Sessions(secrets.token_bytes)


def signed_in(sessions, person_id=1, now_ns=NOW_NS):
    _, visitor = sessions.open("::1", "browser", now_ns)
    token = sessions.sign_in(visitor, person_id, "::1", now_ns)
    return token, sessions.find(token, now_ns)


def test_an_id_is_256_bits_and_not_kept(sessions):
    token, session = sessions.open("::1", "browser", NOW_NS)
    assert len(bytes.fromhex(token)) == 32
    assert token not in repr(vars(session)) + repr(vars(sessions))
    assert sessions.find(token, NOW_NS) is session
    assert sessions.find(session.session_id, NOW_NS) is None
    assert sessions.find(session.digest.hex(), NOW_NS) is None


def test_signing_in_changes_the_id_and_the_csrf_token(sessions):
    before, visitor = sessions.open("::1", "browser", NOW_NS)
    token = sessions.sign_in(visitor, 1, "::1", NOW_NS)
    session = sessions.find(token, NOW_NS)
    assert session.person_id == 1
    assert session.csrf != visitor.csrf
    assert sessions.find(before, NOW_NS) is None


def test_a_session_ends_when_nobody_comes_and_after_half_a_day_at_the_latest(sessions):
    token, session = signed_in(sessions)
    assert sessions.find(token, NOW_NS + IDLE_NS - 1) is session
    assert sessions.find(token, NOW_NS + 2 * IDLE_NS - 1) is None
    token, session = signed_in(sessions)
    now_ns = NOW_NS
    while now_ns + IDLE_NS - 1 < NOW_NS + ABSOLUTE_NS:
        now_ns += IDLE_NS - 1
        assert sessions.find(token, now_ns) is session
    assert sessions.find(token, NOW_NS + ABSOLUTE_NS) is None
    assert sessions.of(1) == []


def test_after_a_second_factor_the_id_before_answers_for_a_moment(sessions):
    first, session = signed_in(sessions)
    second = sessions.rotate(session, NOW_NS)
    assert sessions.find(first, NOW_NS + GRACE_NS - 1) is session
    assert sessions.find(first, NOW_NS + GRACE_NS) is None
    assert sessions.find(second, NOW_NS + GRACE_NS) is session
    third = sessions.rotate(session, NOW_NS + GRACE_NS)
    assert sessions.find(first, NOW_NS + GRACE_NS) is None
    sessions.end(session)
    assert [sessions.find(t, NOW_NS) for t in (first, second, third)] == [None] * 3


def test_an_ended_session_does_not_come_back(sessions):
    """A request that was under way when it was ended gets no other id for it."""
    first, session = signed_in(sessions)
    assert sessions.is_live(session)
    sessions.end(session)
    assert not sessions.is_live(session)
    assert sessions.rotate(session, NOW_NS) == ""
    assert sessions.find(first, NOW_NS) is None
    assert sessions.of(1) == []


def test_a_persons_sessions_are_bounded_and_ended_together(sessions):
    tokens = [signed_in(sessions)[0] for _ in range(PER_PERSON_MAX + 1)]
    assert sessions.find(tokens[0], NOW_NS) is None
    other, _ = signed_in(sessions, 2)
    mine = sessions.find(tokens[5], NOW_NS)
    sessions.end_all(1, but=mine)
    assert sessions.of(1) == [mine]
    assert sessions.find(other, NOW_NS) is not None


@pytest.mark.slow
def test_a_flood_of_visits_from_one_address_throws_out_its_own_only(sessions):
    mine, _ = signed_in(sessions)
    first, _ = sessions.open("::1", "browser", NOW_NS)
    other, _ = sessions.open("127.0.0.1", "browser", NOW_NS)
    for _ in range(VISITORS_MAX):
        sessions.open("::1", "x" * 9_999, NOW_NS)
    assert sessions.find(first, NOW_NS) is None
    assert sessions.find(mine, NOW_NS) is not None
    assert sessions.find(other, NOW_NS) is not None
    assert len(sessions._by_digest) == VISITORS_PER_IP_MAX + 2


def test_a_visitor_who_comes_again_outlasts_those_who_do_not(sessions):
    page, _ = sessions.open("::1", "browser", NOW_NS)
    for _ in range(3):
        for _ in range(VISITORS_PER_IP_MAX - 1):
            sessions.open("::1", "flood", NOW_NS)
        assert sessions.find(page, NOW_NS) is not None


def test_a_flood_from_many_addresses_throws_out_those_that_have_most(sessions):
    """Whoever has one visit keeps it; in all there are never more than the bound."""
    few, _ = sessions.open("203.0.113.1", "browser", NOW_NS)
    per_ip = 20
    for number in range(2 * VISITORS_MAX):
        sessions.open(f"127.0.{number // per_ip >> 8}.{number // per_ip & 255}", "", NOW_NS)
    assert sessions.find(few, NOW_NS) is not None
    assert len(sessions._by_digest) == VISITORS_MAX


def test_a_browsers_name_is_kept_short_and_printable(sessions):
    _, session = sessions.open("::1", "a\x1b[2J\x9bb" + "x" * 999, NOW_NS)
    assert session.agent.startswith("a[2Jbxxx")
    assert len(session.agent) == AGENT_MAX


@given(
    st.lists(
        st.tuples(st.sampled_from(["open", "in", "rotate", "end", "find"]), st.integers(0, 9)),
        max_size=60,
    )
)
def test_nothing_is_left_behind(acts):
    sessions, tokens, now_ns = Sessions(secrets.token_bytes), [], NOW_NS
    for what, number in acts:
        now_ns += number * IDLE_NS // 8
        live = [s for t in tokens if (s := sessions.find(t, now_ns))]
        match what:
            case "open":
                tokens.append(sessions.open("::1", "", now_ns)[0])
            case "in" if live:
                tokens.append(sessions.sign_in(live[number % len(live)], number, "::1", now_ns))
            case "rotate" if live:
                tokens.append(sessions.rotate(live[number % len(live)], now_ns))
            case "end" if live:
                sessions.end(live[number % len(live)])
            case _:
                pass
        visitors = [session for of_ip in sessions._visitors.values() for session in of_ip]
        assert len(visitors) == sessions._visitors_count
        assert all(sessions._visitors.values())
        known = {*visitors, *sessions._signed_in}
        assert {*sessions._by_digest.values()} == known
        assert len(sessions._by_digest) <= 2 * len(known)
