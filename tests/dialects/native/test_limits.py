from steelyard.dialects.native import DIALECT, limits
from steelyard.domain.messages import SECOND_NS
from steelyard.wire.http import Request
from steelyard.wire.limits import (
    Counts,
    Limit,
    LimitProfile,
    Per,
    Used,
    WindowCounter,
    ratelimit_headers,
)
from tests.dialects.native.venue import Venue, code

FAST = Limit("fast", Per.KEY, Counts.REQUESTS, 50, SECOND_NS)
SLOW = Limit("slow", Per.IP, Counts.WEIGHT, 6_000, 60 * SECOND_NS)


def test_headers_tell_of_the_limit_that_is_nearest_to_its_end():
    """One request may count against several; the one that will bite first is shown."""
    usage = (Used(SLOW, 3_000, 0, 30 * SECOND_NS), Used(FAST, 40, 0, SECOND_NS // 2))
    assert ratelimit_headers(usage) == {
        "x-ratelimit-limit": "50",
        "x-ratelimit-remaining": "10",
        "x-ratelimit-reset": "1",
        "x-ratelimit-name": "fast",
    }


def test_nothing_remains_of_a_limit_that_is_passed():
    """It is 0, never negative; without limits there is nothing to say."""
    assert ratelimit_headers((Used(FAST, 99, 0, 1),))["x-ratelimit-remaining"] == "0"
    assert ratelimit_headers(()) == {}


def test_a_counter_knows_how_long_its_window_lasts():
    """Windows are aligned to the clock."""
    used = WindowCounter().add(FAST, 1, 7 * SECOND_NS + 1)
    assert (used.reset_ns, used.wait_ns) == (8 * SECOND_NS, SECOND_NS - 1)


def test_the_limits_in_force_are_published():
    """Programs read rates, weights and the signing window from one place (A27)."""
    status, answer = Venue(limits.LIMITS).get("/api/v1/limits")
    assert status == 200
    assert answer["rate_limits"][1] == {
        "name": "key_requests_1s",
        "per": "key",
        "counts": "requests",
        "limit": 50,
        "window_ms": 1_000,
        "kind": "aligned",
        "routes": [],
    }
    book = next(w for w in answer["weights"] if w["path"] == "/api/v1/book")
    assert (book["weight_min"], book["weight_max"]) == (2, 10)
    placing = [(w["method"], w["path"]) for w in answer["weights"] if w["is_order"]]
    assert placing == [
        ("POST", "/api/v1/orders"),
        ("POST", "/api/v1/groups"),
        ("POST", "/api/v1/orders/batch"),
        ("PATCH", "/api/v1/orders/{order_id}"),
    ]
    assert answer["timestamp_behind_ms_max"] == 5_000
    told = {name: answer[name] for name in answer if name not in ("rate_limits", "weights")}
    assert told == {
        "ban_after": 100,
        "ban_ms": 120_000,
        "revoke_after": 0,
        "revoke_within_ms": 3_600_000,
        "timestamp_behind_ms_max": 5_000,
        "timestamp_ahead_ms_max": 1_000,
        "connections_max": 1_000,
        "connects_max": 1_200,
        "connects_window_ms": 60_000,
        "subscriptions_max": 200,
        "messages_per_second_max": 50,
    }


def test_published_weights_are_those_that_count():
    """Each route's weight lies in the range that /limits names, at both ends of its depth."""
    for endpoint in DIALECT.endpoints:
        assert endpoint.weight.least <= endpoint.weight.most
    book = next(e for e in DIALECT.endpoints if e.path.endswith("/book"))
    found = [book.weight(book.request(symbol="A", depth=d)) for d in (1, 100, 101, 500, 501, 1_000)]
    assert found == [2, 2, 5, 5, 10, 10]
    ticker = next(e for e in DIALECT.endpoints if e.path.endswith("/ticker"))
    assert [ticker.weight(ticker.request(symbol=s)) for s in ("A", None)] == [1, 4]


def test_the_fifty_first_request_of_a_second_waits():
    """A burst of 50 passes; the next is answered 429 with when to come back (A25)."""
    venue = Venue(limits.LIMITS)
    now_ns = venue.desk.now_ns
    answers = []
    for number in range(51):
        venue.desk.now_ns = now_ns - 50_000_000 + number  # all within one second
        answers.append(venue.send(venue.signed("GET", "/api/v1/key")))
    assert [a.status for a in answers[:50]] == [200] * 50
    assert answers[0].headers["x-ratelimit-remaining"] == "49"
    assert answers[50].status == 429
    assert answers[50].headers["retry-after"] == "1"
    assert b'"KEY_LIMIT"' in answers[50].body
    venue.desk.now_ns = now_ns + SECOND_NS
    assert venue.call("GET", "/api/v1/key")[0] == 200


def test_orders_have_a_limit_of_their_own():
    """100 in 10 seconds, over all keys of the account."""
    venue = Venue(limits.LIMITS)
    venue.desk.now_ns = venue.desk.now_ns // (60 * SECOND_NS) * 60 * SECOND_NS
    keys = [venue.key, venue.new_key("alice"), venue.new_key("alice")]
    body = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.001", "price": "9000"}
    statuses = []
    for number in range(101):
        status, answer = venue.call("POST", "/api/v1/orders", body, keys[number % 3])
        statuses.append(status)
    assert statuses == [200] * 100 + [429]
    assert code(answer) == "ORDER_LIMIT"
    assert venue.get("/api/v1/time")[0] == 200


def test_every_answer_says_what_is_left():
    """Also a refusal, and also one for somebody unknown."""
    venue = Venue(limits.LIMITS)
    for target in ("/api/v1/time", "/api/v1/account", "/api/v1/nowhere"):
        response = venue.send(Request("GET", target, {}, b""))
        assert response.headers["x-ratelimit-limit"] == "6000"


def test_a_batch_and_a_group_are_as_many_orders_as_they_hold():
    """Sending orders together is no way around a limit on orders."""
    ten = LimitProfile((Limit("orders", Per.ACCOUNT, Counts.ORDERS, 10, SECOND_NS),))
    order = {
        "symbol": "BTC-USDT",
        "side": "buy",
        "type": "limit",
        "price": "10000.00",
        "size": "0.01",
    }
    for path, body in (
        ("orders/batch", {"orders": [order] * 6}),
        ("groups", {"kind": "basket", "orders": [order] * 6}),
    ):
        venue = Venue(ten)
        answers = [venue.call("POST", f"/api/v1/{path}", body)[0] for _ in range(2)]
        assert answers == [200, 429], path
