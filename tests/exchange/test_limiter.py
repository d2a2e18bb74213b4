from desk import SECOND_NS, START_NS
from hypothesis import given
from hypothesis import strategies as st

from steelyard import dialects
from steelyard.exchange.limiter import Limiter
from steelyard.wire.dialect import AccessReason
from steelyard.wire.limits import Counts, Limit, LimitProfile, Per

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


@given(st.lists(st.integers(0, 5 * SECOND_NS), max_size=80))
def test_no_window_ever_lets_more_through_than_its_limit(pauses):
    limiter, now_ns, let = Limiter(TEN_A_SECOND), NOW_NS, {}
    for pause in pauses:
        now_ns += pause // 20
        if ask(limiter, now_ns)[1] is None:
            let[now_ns // SECOND_NS] = let.get(now_ns // SECOND_NS, 0) + 1
    assert all(count <= 10 for count in let.values())
