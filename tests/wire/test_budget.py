import itertools
from random import Random
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard._native import take_units
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.wire import budget
from steelyard.wire.budget import (
    BAN_NS,
    CONNECT,
    HALT_MAX_NS,
    JITTER_NS,
    PAUSE_JITTER,
    PAUSE_MAX_NS,
    RELENT_NS,
    SIZE,
    SLOTS,
    TALLIES_MAX,
    Cost,
    LocalPacing,
    Party,
    Spent,
    digest,
    packed,
    plain_counts,
    unpacked,
)
from steelyard.wire.limits import (
    Counts,
    Kind,
    Limit,
    LimitProfile,
    Per,
    SocketLimits,
    counter_of,
)

T0 = 1_700_000_000 * SECOND_NS
MS = 10**6
ONE = Cost("GET", "/", is_public=True, weight=1)
WHO = digest("venue", "ip", "")
WINDOW_NS = SECOND_NS


def of_kind(kind: Kind, most: int = 10) -> Limit:
    return Limit("r", Per.IP, Counts.REQUESTS, most, WINDOW_NS, kind)


def profile(*limits: Limit) -> LimitProfile:
    return LimitProfile(limits)


def new_parties() -> dict[Per, Party]:
    return {per: Party() for per in (Per.IP, Per.KEY, Per.ACCOUNT)}


def again(party: Party) -> Party:
    """Return a party as another process reads it."""
    found = unpacked(packed(party, WHO), WHO)
    assert found is not None
    return found


STEP = st.tuples(
    st.integers(0, 400),  # ms since the last request
    st.integers(0, JITTER_NS // MS),  # ms on the way
    st.booleans(),  # urgent
    st.integers(1, 4),  # weight
    st.integers(-5_000, 5_000) | st.just(0),  # ms by which the host's clock is set
)


@given(st.sampled_from(Kind), st.lists(STEP, max_size=80), st.integers(4, 30))
def test_what_is_let_through_the_venues_own_counter_lets_through(kind, steps, most):
    """However requests travel, whoever sends them, and however the host's clock is set."""
    limit = Limit("w", Per.IP, Counts.WEIGHT, most, WINDOW_NS, kind)
    parties, uptime_ns, set_ns = new_parties(), 0, 0
    arrivals = []
    for pause_ms, delay_ms, is_urgent, weight, step_ms in steps:
        uptime_ns += pause_ms * MS
        set_ns += step_ms * MS
        parties[Per.IP] = again(parties[Per.IP])
        now_ns = T0 + set_ns + uptime_ns
        parties[Per.IP].keep_time(now_ns, uptime_ns)
        cost = ONE._replace(weight=weight)
        held = budget.take(profile(limit), parties, cost, now_ns, is_urgent=is_urgent)
        if held is None:
            arrivals.append((T0 + uptime_ns + delay_ms * MS, weight))
        else:
            longest_ns = (WINDOW_NS + JITTER_NS) * SLOTS // (SLOTS - 1)
            assert 0 < held.wait_ns <= longest_ns + SLOTS
    venue = counter_of(limit)
    assert not any(venue.add(limit, weight, at_ns).is_over for at_ns, weight in sorted(arrivals))


@given(st.sampled_from(Kind), st.lists(st.integers(0, 300), min_size=1, max_size=40))
def test_what_waits_as_long_as_it_is_told_is_let_through(kind, pauses):
    """So nobody waits for ever; and a nanosecond before it is not, so nobody waits for nothing."""
    parties, limits, now_ns = new_parties(), profile(of_kind(kind)), T0
    for pause_ms in pauses:
        now_ns += pause_ms * MS
        held = budget.take(limits, parties, ONE, now_ns)
        if held is not None:
            assert budget.take(limits, parties, ONE, now_ns + held.wait_ns - 1) is not None
            now_ns += held.wait_ns
            assert budget.take(limits, parties, ONE, now_ns) is None


@given(
    st.integers(0, 59_000),
    st.lists(st.tuples(st.booleans(), st.integers(0, 900)), min_size=1, max_size=60),
    st.integers(-3_000, 3_000),
)
def test_what_others_use_of_the_same_limit_is_left_to_them(start_ms, steps, offset_ms):
    """The venue tells of it with each answer, by its own clock's windows."""
    limit = Limit("w", Per.IP, Counts.WEIGHT, 20, MINUTE_NS)
    parties, venue = new_parties(), counter_of(limit)
    now_ns, offset_ns = T0 + start_ms * MS, offset_ms * MS
    for is_ours, pause_ms in steps:
        now_ns += pause_ms * MS
        if is_ours and budget.take(profile(limit), parties, ONE, now_ns, is_urgent=True):
            continue
        used = venue.add(limit, 1, now_ns + offset_ns)
        if is_ours:
            assert not used.is_over
        # A trader asks for the time, say, and reads what is used.
        told = (Spent(used.used, counts=Counts.WEIGHT, window_ns=MINUTE_NS),)
        budget.learn(profile(limit), parties, told, now_ns, offset_ns)
        used_here, _ = budget.usage(profile(limit), parties, now_ns)["w"]
        assert used_here >= used.used


def test_what_others_have_used_comes_back_with_the_venues_window():
    """And not a window after it was heard of."""
    limit = Limit("w", Per.IP, Counts.WEIGHT, 100, MINUTE_NS)
    parties, limits = new_parties(), profile(limit)
    now_ns = T0 - T0 % MINUTE_NS + 50 * SECOND_NS
    budget.learn(limits, parties, (Spent(100, "w"),), now_ns, 0)
    held = budget.take(limits, parties, ONE, now_ns, is_urgent=True)
    assert held is not None
    assert held.wait_ns == 10 * SECOND_NS + JITTER_NS
    assert budget.take(limits, parties, ONE, now_ns + held.wait_ns) is None


@pytest.mark.parametrize("kind", [*Kind])
def test_a_word_beyond_reason_holds_no_longer_than_the_longest_ban(kind):
    """And can be written down."""
    limit, parties = Limit("w", Per.IP, Counts.WEIGHT, 20, WINDOW_NS, kind), new_parties()
    budget.learn(profile(limit), parties, (Spent(10**15, "w"),), T0, 0)
    held = budget.take(profile(limit), parties, ONE, T0)
    assert 0 < held.wait_ns <= HALT_MAX_NS
    assert packed(parties[Per.IP], WHO)


def test_the_venue_telling_of_less_changes_nothing():
    """It may not have seen yet what is on its way."""
    limit = Limit("w", Per.IP, Counts.WEIGHT, 100, MINUTE_NS)
    parties, limits = new_parties(), profile(limit)
    for _ in range(30):
        assert budget.take(limits, parties, ONE, T0) is None
    budget.learn(limits, parties, (Spent(3, "w"),), T0, 0)
    assert budget.usage(limits, parties, T0) == {"w": (30, 100)}


@pytest.mark.parametrize(
    ("cost", "counted"),
    [
        (ONE._replace(weight=250), {"weight": 250, "requests": 1}),
        (ONE._replace(orders=3), {"weight": 1, "requests": 1, "orders": 3}),
        (ONE._replace(path="/withdraw"), {"weight": 1, "requests": 1, "route": 1}),
        (ONE._replace(is_public=False), {"weight": 1, "requests": 1, "private": 1}),
        (ONE._replace(is_guess=True), {"weight": 1, "requests": 1, "private": 1}),
        (
            ONE._replace(method=CONNECT, path=CONNECT),
            {"weight": 1, "requests": 1, "new WebSockets": 1},
        ),
    ],
)
def test_a_request_counts_against_the_limits_that_cover_it(cost, counted):
    """Each in its own units; a heavy one is no more than the whole limit."""
    limits = LimitProfile(
        (
            Limit("weight", Per.IP, Counts.WEIGHT, 6_000, MINUTE_NS),
            Limit("requests", Per.KEY, Counts.REQUESTS, 50, MINUTE_NS),
            Limit("orders", Per.ACCOUNT, Counts.ORDERS, 10, MINUTE_NS),
            Limit("route", Per.ACCOUNT, Counts.REQUESTS, 10, MINUTE_NS, routes=("/withdraw",)),
            Limit("private", Per.KEY, Counts.REQUESTS, 10, MINUTE_NS, routes=("private",)),
        ),
        sockets=SocketLimits(connects=5, connects_ns=MINUTE_NS),
    )
    parties = new_parties()
    assert budget.take(limits, parties, cost, T0) is None
    sockets = Limit("new WebSockets", Per.IP, Counts.REQUESTS, 5, MINUTE_NS, Kind.SLIDING)
    found = {
        limit.name: units
        for limit in (*limits.limits, sockets)
        if (units := parties[limit.per].tally(limit).used(limit, T0))
    }
    assert found == counted


def test_a_refused_request_uses_nothing_of_the_limits_that_had_room():
    """Otherwise who keeps trying would starve the others."""
    limits = profile(
        Limit("wide", Per.IP, Counts.REQUESTS, 1_000, MINUTE_NS),
        Limit("narrow", Per.KEY, Counts.REQUESTS, 1, MINUTE_NS),
    )
    parties = new_parties()
    assert budget.take(limits, parties, ONE, T0) is None
    assert budget.take(limits, parties, ONE, T0).why.endswith("(narrow)")
    assert budget.usage(limits, parties, T0)["wide"] == (1, 1_000)


def test_each_pair_has_a_counter_of_its_own_and_none_holds_a_cancel_back():
    """What is modelled on the safe side must not keep an order alive."""
    limits = profile(Limit("t", Per.PAIR, Counts.ORDERS, 10, MINUTE_NS, Kind.BUCKET))
    parties = new_parties()
    place = ONE._replace(pair="BTC-USD", pair_units=8)
    assert budget.take(limits, parties, place, T0) is None
    assert budget.take(limits, parties, place, T0) is not None
    assert budget.take(limits, parties, place._replace(pair="ETH-USD"), T0) is None
    assert budget.take(limits, parties, place, T0, is_urgent=True) is None


# -- the word to stop -----------------------------------------------------------------------------


def test_pauses_double_and_are_never_shorter():
    """1, 2, 4 s ... where the venue does not say; a little more, by chance, and up to a bound."""
    party, rng, now_ns = Party(), Random(1), T0
    for number in range(10):
        party.told_to_stop(now_ns, 0, rng, is_ban=False)
        least_ns = min(PAUSE_MAX_NS, SECOND_NS << number)
        wait_ns = party.stop(now_ns).until_ns - now_ns
        assert least_ns <= wait_ns <= least_ns + least_ns // PAUSE_JITTER
        now_ns += wait_ns
        assert party.stop(now_ns) is None


def test_those_on_their_way_say_the_same():
    """Ten answers of 429 to ten requests that left together are one word to stop."""
    party, rng = Party(), Random(1)
    for number in range(10):
        party.told_to_stop(T0 + number, 0, rng, is_ban=False)
    assert party.pauses == 1


def test_after_a_quiet_minute_the_pauses_begin_again():
    party, rng = Party(), Random(1)
    now_ns = T0
    for _ in range(3):
        party.told_to_stop(now_ns, 0, rng, is_ban=False)
        now_ns = party.stop_ns
    party.told_to_stop(now_ns + RELENT_NS, 0, rng, is_ban=False)
    assert party.pauses == 1


def test_the_venues_own_time_counts():
    """The longest of several; never longer than venues ban for."""
    party, rng = Party(), Random(1)
    party.told_to_stop(T0, 5 * SECOND_NS, rng, is_ban=False)
    party.told_to_stop(T0, 3 * SECOND_NS, rng, is_ban=False)
    assert party.stop(T0) == (T0 + 5 * SECOND_NS, False)
    party.told_to_stop(T0, 10**30, rng, is_ban=True)
    assert party.stop(T0) == (T0 + HALT_MAX_NS, True)


def test_a_ban_holds_back_everything():
    """Cancels too: what is sent meanwhile makes it longer at some venues."""
    pacing = LocalPacing(profile(), Random(1))
    pacing.told_to_stop(T0, 0, is_ban=True)
    held = pacing.take(ONE, T0, is_urgent=True)
    assert held == ("the venue has banned this host", BAN_NS)
    assert pacing.stop(T0 + BAN_NS) is None
    assert pacing.take(ONE, T0 + BAN_NS, is_urgent=False) is None


@given(st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=10))
def test_a_clock_that_is_set_makes_no_ban_shorter(steps):
    """Nor longer: as much of it is left as before."""
    party, uptime_ns, set_ns = Party(), 10**12, 0
    party.keep_time(T0 + uptime_ns, uptime_ns)
    party.told_to_stop(T0 + uptime_ns, 3_600 * SECOND_NS, Random(1), is_ban=True)
    for step_ns in steps:
        uptime_ns += SECOND_NS
        set_ns += step_ns
        now_ns = T0 + set_ns + uptime_ns
        party.keep_time(now_ns, uptime_ns)
        left_ns = party.stop(now_ns).until_ns - now_ns
        passed_ns = uptime_ns - 10**12
        assert left_ns == 3_600 * SECOND_NS - passed_ns


@given(st.integers(1, 4_000), st.integers(0, 4_000), st.integers(1, 60))
def test_traders_that_tell_different_times_share_one_clock(back_s, held_s, pause_ds):
    """One holds its time where the host's was set back, another began behind that."""
    party, used = Party(), []
    limit = Limit("w", Per.IP, Counts.WEIGHT, 5, WINDOW_NS)
    party.keep_time(T0, SECOND_NS)
    for number in range(200):
        uptime_ns = SECOND_NS + number * pause_ds * SECOND_NS // 10
        set_ns = T0 - back_s * SECOND_NS + uptime_ns
        held_ns = max(set_ns, T0 + min(held_s * SECOND_NS, uptime_ns))
        for now_ns in (held_ns, set_ns):
            party.keep_time(now_ns, uptime_ns)
            if budget.take(profile(limit), {Per.IP: party}, ONE, now_ns, is_urgent=True) is None:
                used.append(uptime_ns)
    longest_ns = (WINDOW_NS + JITTER_NS) * SLOTS // (SLOTS - 1) + SLOTS + pause_ds * SECOND_NS // 10
    for at_ns, later_ns in itertools.pairwise([*used, uptime_ns]):
        assert later_ns - at_ns <= longest_ns
    for at_ns, later_ns in zip(used, used[5:], strict=False):
        assert later_ns - at_ns >= WINDOW_NS + JITTER_NS


@pytest.mark.parametrize(("down_s", "left_s"), [(0, 3_600), (600, 3_000), (-600, 3_600)])
def test_a_ban_outlives_the_host(down_s, left_s):
    """After a new start of the machine its clock is all there is; it is not believed to go back."""
    party = Party()
    party.keep_time(T0, 10**15)
    party.told_to_stop(T0, 3_600 * SECOND_NS, Random(1), is_ban=True)
    now_ns = T0 + down_s * SECOND_NS
    party.keep_time(now_ns, 10**9)
    assert party.stop(now_ns).until_ns - now_ns == left_s * SECOND_NS


# -- its form -------------------------------------------------------------------------------------


def filled() -> Party:
    party = Party()
    for number, kind in itertools.product(range(4), Kind):
        limit = Limit(f"l{number}", Per.IP, Counts.REQUESTS, 10, MINUTE_NS, kind)
        party.tally(limit).add(limit, number, T0)
        party.tally(limit).learn(limit, 7, T0, 5)
    party.keep_time(T0, 5)
    party.told_to_stop(T0, 0, Random(1), is_ban=False)
    party.stamp(T0)
    return party


@given(st.integers(0, SIZE - 1), st.binary(min_size=1, max_size=8))
def test_whoever_wrote_it_what_is_read_can_be_gone_on_with(at, written):
    """Also where the checksum is right: numbers beyond reason are damage."""
    whole = bytearray(packed(filled(), WHO))
    whole[at : at + len(written)] = written
    del whole[SIZE:]
    whole[12:16] = bytes(4)
    whole[12:16] = crc32(whole).to_bytes(4, "little")
    party = unpacked(bytes(whole), WHO)
    if party is None:
        return
    for now_ns, uptime_ns in ((T0, 5), (T0 + SECOND_NS, 6), (0, 7)):
        party.keep_time(now_ns, uptime_ns)
        budget.take(COUNTED, {Per.IP: party}, ONE, now_ns)
        budget.learn(COUNTED, {Per.IP: party}, (Spent(3, "weight"),), now_ns, 0)
        budget.usage(COUNTED, {Per.IP: party}, now_ns)
        party.stamp(now_ns)
        packed(party, WHO)


def test_a_party_is_read_as_it_was_written():
    """With a fixed size."""
    data = packed(filled(), WHO)
    assert len(data) == SIZE
    assert packed(unpacked(data, WHO), WHO) == data


@given(st.integers(0, SIZE * 8 - 1))
def test_a_torn_state_is_none(bit):
    """Whatever bit of it is another."""
    data = bytearray(packed(filled(), WHO))
    data[bit // 8] ^= 1 << bit % 8
    assert unpacked(bytes(data), WHO) is None


def test_a_state_of_somebody_else_is_none():
    """And one of another size."""
    data = packed(filled(), WHO)
    assert unpacked(data, digest("another", "ip", "")) is None
    assert unpacked(data[:-1], WHO) is None
    assert unpacked(b"", WHO) is None


def test_a_party_has_room_for_so_many_counts():
    """The one that is longest unused leaves; the state keeps its size."""
    party = Party()
    first = Limit("l0", Per.IP, Counts.REQUESTS, 10, MINUTE_NS)
    for number in range(TALLIES_MAX + 5):
        party.tally(first)
        limit = Limit(f"l{number}", Per.IP, Counts.REQUESTS, 10, MINUTE_NS)
        party.tally(limit).add(limit, 1, T0)
    assert len(party.tallies) == TALLIES_MAX
    assert party.tally(first).used(first, T0) == 1
    assert len(packed(party, WHO)) == SIZE


def test_a_party_names_nobody():
    """What stands for a key is not the key."""
    identity = digest("api.venue", "key", "AKIAEXAMPLE")
    assert b"AKIAEXAMPLE" not in packed(filled(), identity)


COUNTED = profile(
    Limit("weight", Per.IP, Counts.WEIGHT, 20, WINDOW_NS),
    Limit("all", Per.IP, Counts.REQUESTS, 8, 3 * WINDOW_NS, Kind.SLIDING),
    Limit("orders", Per.ACCOUNT, Counts.ORDERS, 6, WINDOW_NS),
    Limit("pair", Per.PAIR, Counts.ORDERS, 4, WINDOW_NS),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("take", "take", "take", "urgent", "other", "learn", "stop", "ban", "set")),
        st.integers(min_value=0, max_value=600),  # ms that pass
        st.integers(min_value=1, max_value=9),  # weight, or what is told
    ),
    max_size=60,
)


def short(states, cost, now_ns, uptime_ns, *, is_urgent):
    """Take the short way with states as they are in files; None: it is none."""
    found = dict(states)
    for per, counts in plain_counts(COUNTED, cost, is_urgent=is_urgent):
        found[per] = take_units(states[per], WHO, counts, now_ns, uptime_ns)
        if found[per] is None:
            return None
    return found


def long(states, cost, now_ns, uptime_ns, *, is_urgent):
    """Take the long way; return the states after it, and why it may not go."""
    parties = {per: unpacked(states[per], WHO) for per in budget.holders_of(COUNTED, cost)}
    for party in parties.values():
        party.keep_time(now_ns, uptime_ns)
    held = budget.take(COUNTED, parties, cost, now_ns, is_urgent=is_urgent)
    return states | {per: packed(party, WHO) for per, party in parties.items()}, held


@given(STEPS)
def test_the_short_way_does_what_the_long_way_does_and_refuses_nothing(steps):
    """Byte for byte, whatever happens in between; where it is none the long way is asked."""
    rng, now_ns, uptime_ns = Random(1), T0, SECOND_NS
    states = {per: packed(party, WHO) for per, party in new_parties().items()}
    for act, pause_ms, amount in steps:
        now_ns, uptime_ns = now_ns + pause_ms * MS, uptime_ns + pause_ms * MS
        parties = {per: unpacked(state, WHO) for per, state in states.items()}
        match act:
            case "take" | "urgent" | "other":
                pair = "B" if act == "other" else "A"
                cost = Cost("POST", "/", False, amount, 1, pair, amount % 3)
                way = cost, now_ns, uptime_ns
                taken = short(states, *way, is_urgent=act == "urgent")
                after, held = long(states, *way, is_urgent=act == "urgent")
                assert taken is None or (taken == after and held is None)
                states = after
                continue
            case "learn":
                told = (Spent(amount, "weight"), Spent(amount, "all"))
                budget.learn(COUNTED, parties, told, now_ns, 0)
            case "stop" | "ban":
                is_ban = act == "ban"
                parties[Per.IP].told_to_stop(now_ns, amount * 50 * MS, rng, is_ban=is_ban)
            case "set":
                now_ns += (amount - 5) * 40 * MS
        states = {per: packed(party, WHO) for per, party in parties.items()}


def test_the_short_way_is_taken_where_all_is_well():
    """From the second request on, until there is no room; a bucket is none of its business."""
    cost = ONE._replace(orders=1)
    states = {per: packed(party, WHO) for per, party in new_parties().items()}
    ways = []
    for number in range(8):
        way = states, cost, T0 + number * MS, SECOND_NS + number * MS
        ways.append(short(*way, is_urgent=False) is not None)
        states, _ = long(*way, is_urgent=False)
    assert ways == [False, True, True, True, True, False, False, False]
    assert plain_counts(profile(of_kind(Kind.BUCKET)), ONE) is None


@pytest.mark.parametrize("at", [0, 8, 12, 16, 40, 90, SIZE - 1])
def test_the_short_way_takes_nothing_of_a_state_that_is_torn_or_not_ours(at):
    """Nor of one that is too short, or too long."""
    party = Party()
    party.keep_time(T0, SECOND_NS)
    state = packed(party, WHO)
    torn = bytearray(state)
    torn[at] ^= 1
    assert take_units(state, WHO, b"", T0, SECOND_NS) == state
    for wrong in (bytes(torn), state[:-1], state + b"\0", b""):
        assert take_units(wrong, WHO, b"", T0, SECOND_NS) is None
    assert take_units(state, digest("another"), b"", T0, SECOND_NS) is None
