import pytest
from desk import SECOND_NS, START_NS
from hypothesis import given
from hypothesis import strategies as st

from steelyard import dialects
from steelyard.exchange.limiter import COUNTERS_MAX, Limiter
from steelyard.wire.dialect import AccessReason
from steelyard.wire.limits import Counts, Kind, Limit, LimitProfile, Per, SocketLimits

ENDPOINTS = dialects.find("native").endpoints
ORDER = next(endpoint for endpoint in ENDPOINTS if endpoint.is_order)
ASK = next(endpoint for endpoint in ENDPOINTS if not endpoint.is_order)
NOW_NS = START_NS // (60 * SECOND_NS) * 60 * SECOND_NS
TEN_A_SECOND = LimitProfile((Limit("r", Per.IP, Counts.REQUESTS, 10, SECOND_NS),))


def ask(limiter, now_ns, *, ip="1.1.1.1", per=Per.IP, weight=1, is_order=False):
    endpoint = ORDER if is_order else ASK
    return limiter.count(per, ip, weight=weight, endpoint=endpoint, ip=ip, now_ns=now_ns)


def test_of_twenty_requests_in_a_second_the_last_ten_are_refused():
    """A23: 10 requests a second; requests 11 to 20 get 429."""
    limiter = Limiter(TEN_A_SECOND)
    refused = [ask(limiter, NOW_NS + n)[1] is not None for n in range(20)]
    assert refused == [False] * 10 + [True] * 10


def test_a_refusal_says_when_to_come_back_and_then_it_works():
    limiter = Limiter(TEN_A_SECOND)
    for _ in range(10):
        ask(limiter, NOW_NS)
    usage, refusal = ask(limiter, NOW_NS + SECOND_NS // 4)
    assert refusal.reason is AccessReason.IP_LIMIT
    assert refusal.retry_after_ns == SECOND_NS * 3 // 4
    assert usage[0].used == 11
    assert ask(limiter, NOW_NS + SECOND_NS // 4 + refusal.retry_after_ns)[1] is None


def test_each_party_has_its_own_counter():
    limiter = Limiter(TEN_A_SECOND)
    for _ in range(10):
        ask(limiter, NOW_NS)
    assert ask(limiter, NOW_NS, ip="2.2.2.2")[1] is None


def test_orders_and_weights_are_counted_apart():
    limiter = Limiter(
        LimitProfile(
            (
                Limit("w", Per.ACCOUNT, Counts.WEIGHT, 100, SECOND_NS),
                Limit("o", Per.ACCOUNT, Counts.ORDERS, 1, SECOND_NS),
            )
        )
    )
    assert ask(limiter, NOW_NS, per=Per.ACCOUNT, weight=50, is_order=True)[1] is None
    _, refusal = ask(limiter, NOW_NS, per=Per.ACCOUNT, weight=1, is_order=True)
    assert refusal.reason is AccessReason.ORDER_LIMIT
    _, refusal = ask(limiter, NOW_NS, per=Per.ACCOUNT, weight=50)
    assert refusal.reason is AccessReason.KEY_LIMIT


def test_going_on_over_the_limit_ends_in_a_ban_that_ends():
    """A26."""
    limiter = Limiter(TEN_A_SECOND._replace(ban_after=5, ban_ns=60 * SECOND_NS))
    for _ in range(15):
        ask(limiter, NOW_NS)
    ban = limiter.ban("1.1.1.1", NOW_NS)
    assert ban.reason is AccessReason.IP_BANNED
    assert limiter.ban("2.2.2.2", NOW_NS) is None
    assert limiter.ban("1.1.1.1", NOW_NS + ban.retry_after_ns) is None


def test_what_an_aligned_limit_refuses_uses_nothing_of_one_that_slides():
    """A request is in all of its limits, or in those alone that count what they refuse."""
    limiter = Limiter(
        LimitProfile(
            (
                Limit("slides", Per.IP, Counts.REQUESTS, 3, 10 * SECOND_NS, Kind.SLIDING),
                Limit("aligned", Per.IP, Counts.REQUESTS, 1, SECOND_NS),
            )
        )
    )
    told = [ask(limiter, NOW_NS)[0] for _ in range(3)]
    assert [[used.used for used in usage] for usage in told] == [[1, 1], [1, 2], [1, 3]]
    assert ask(limiter, NOW_NS + SECOND_NS)[1] is None
    assert ask(limiter, NOW_NS + 2 * SECOND_NS)[1] is None
    refusal = ask(limiter, NOW_NS + 3 * SECOND_NS)[1]
    assert (refusal.field, refusal.retry_after_ns) == ("slides", 7 * SECOND_NS)
    assert refusal.message == "over the limit of 3 requests in any 10 s; wait 7 s"


def test_the_wait_is_that_of_the_limit_that_takes_longest():
    """Over several at once, the request passes after it, and not before."""
    short = Limit("short", Per.IP, Counts.REQUESTS, 1, SECOND_NS)
    limiter = Limiter(LimitProfile((short, short._replace(name="long", window_ns=60 * SECOND_NS))))
    ask(limiter, NOW_NS)
    refusal = ask(limiter, NOW_NS)[1]
    assert (refusal.field, refusal.retry_after_ns) == ("long", 60 * SECOND_NS)


def test_a_route_may_have_a_limit_of_its_own():
    """Others do not count against it."""
    own = Limit("own", Per.IP, Counts.REQUESTS, 1, SECOND_NS, routes=(ASK.path,))
    limiter = Limiter(LimitProfile((own,)))
    assert ask(limiter, NOW_NS, is_order=True)[0] == ()
    assert [ask(limiter, NOW_NS)[1] is None for _ in range(2)] == [True, False]


def test_websockets_are_counted_as_they_are_opened():
    """A connection too many in the window waits, one too many at a time until another ends."""
    sockets = SocketLimits(connections=2, connects=4, connects_ns=60 * SECOND_NS)
    limiter = Limiter(LimitProfile((), sockets=sockets))
    assert limiter.connect("1.1.1.1", 0, NOW_NS) is None
    assert limiter.connect("1.1.1.1", 1, NOW_NS + SECOND_NS) is None
    full = limiter.connect("1.1.1.1", 2, NOW_NS + SECOND_NS)
    assert full.message.startswith("2 WebSockets are open from this address, and 2 are allowed")
    assert limiter.connect("1.1.1.1", 1, NOW_NS + 2 * SECOND_NS) is None
    fast = limiter.connect("1.1.1.1", 0, NOW_NS + 3 * SECOND_NS)
    assert fast.retry_after_ns == 57 * SECOND_NS
    assert "4 new WebSockets in any 60 s from one address; wait 57 s" in fast.message
    assert limiter.connect("2.2.2.2", 0, NOW_NS + 3 * SECOND_NS) is None
    assert limiter.connect("1.1.1.1", 0, NOW_NS + 60 * SECOND_NS) is None


@pytest.mark.slow
def test_a_hundred_thousand_addresses_take_bounded_memory():
    """Counters, refusals, bans: the longest quiet are dropped; who is busy is not forgotten."""
    profile = LimitProfile(
        (Limit("r", Per.IP, Counts.REQUESTS, 1, 3_600 * SECOND_NS),), ban_after=1
    )
    limiter = Limiter(profile)
    for number in range(100_000):
        ask(limiter, NOW_NS, ip=f"10.{number}")
        ask(limiter, NOW_NS, ip=f"10.{number}")
    assert limiter.size == 2 * COUNTERS_MAX  # counters and bans
    assert limiter.ban("10.99999", NOW_NS) is not None
    assert limiter.ban("10.0", NOW_NS) is None


def test_all_that_sliding_counters_remember_is_bounded(monkeypatch):
    """By units, not by counters: one may remember ten thousand."""
    monkeypatch.setattr("steelyard.exchange.limiter.TIMES_MAX", 100)
    limit = Limit("r", Per.IP, Counts.REQUESTS, 40, SECOND_NS, Kind.SLIDING)
    limiter = Limiter(LimitProfile((limit,)))
    for ip in ("1.1.1.1", "2.2.2.2", "3.3.3.3"):
        for _ in range(40):
            assert ask(limiter, NOW_NS, ip=ip)[1] is None
    assert limiter.size == 2  # 80 times: the first has gone
    assert ask(limiter, NOW_NS, ip="3.3.3.3")[1] is not None
    assert ask(limiter, NOW_NS, ip="2.2.2.2")[1] is not None


def test_persistence_is_bans_within_a_time():
    """A26: the third within an hour; after an hour a ban is forgotten."""
    limiter = Limiter(TEN_A_SECOND._replace(revoke_after=3, revoke_within_ns=3_600 * SECOND_NS))
    minutes = [0, 30, 60, 85]
    told = [limiter.persists("key", NOW_NS + minute * 60 * SECOND_NS) for minute in minutes]
    assert told[:3] == ["", "", ""]
    assert told[3] == "going on over its limits until it was banned, 3 times within 3600 s"
    assert Limiter(TEN_A_SECOND).persists("key", NOW_NS) == ""


@given(st.lists(st.integers(0, 5 * SECOND_NS), max_size=80))
def test_no_window_ever_lets_more_through_than_its_limit(pauses):
    limiter, now_ns, let = Limiter(TEN_A_SECOND), NOW_NS, {}
    for pause in pauses:
        now_ns += pause // 20
        if ask(limiter, now_ns)[1] is None:
            let[now_ns // SECOND_NS] = let.get(now_ns // SECOND_NS, 0) + 1
    assert all(count <= 10 for count in let.values())


@pytest.mark.parametrize("kind", Kind)
def test_what_is_given_back_can_be_used_again_and_no_more_than_that(kind):
    """Of one kind, and of one party; a window that slides gives nothing back."""
    limiter = Limiter(
        LimitProfile(
            (
                Limit("w", Per.ACCOUNT, Counts.WEIGHT, 10, SECOND_NS, kind),
                Limit("o", Per.ACCOUNT, Counts.ORDERS, 3, SECOND_NS, kind),
            )
        )
    )
    slides = kind is not Kind.ALIGNED

    def back(units, counts=Counts.WEIGHT, who="1"):
        account, where = Per.ACCOUNT, {"endpoint": ORDER, "now_ns": NOW_NS}
        return [u.used for u in limiter.give_back(account, who, counts, units, **where)]

    for _ in range(2):
        ask(limiter, NOW_NS, ip="1", per=Per.ACCOUNT, weight=4, is_order=True)
    assert back(3) == ([8, 2] if slides else [5, 2])
    assert back(1, Counts.ORDERS) == ([8, 2] if slides else [5, 1])
    assert back(9) == ([8, 2] if slides else [0, 1])
    assert back(1, who="2") == [0, 0]
    usage, refusal = ask(limiter, NOW_NS, ip="1", per=Per.ACCOUNT, weight=10, is_order=True)
    assert (refusal is None) == (not slides)
    assert [used.used for used in usage] == ([8, 2] if slides else [10, 2])
