import pytest

from steelyard.dialects.native import DIALECT, auth
from steelyard.domain.errors import Unsupported
from steelyard.domain.messages import Scope
from steelyard.wire.dialect import Auth, Dialect
from steelyard.wire.http import Request
from tests.dialects.native.venue import Venue, code

SIGNED = [e for e in DIALECT.endpoints if e.auth is Auth.SIGNED]
ids = {"ids": lambda e: f"{e.method} {e.path}"}


def filled(path: str) -> str:
    return (
        path.replace("{order_id}", "1")
        .replace("{transfer_id}", "1")
        .replace("{client_order_id}", "a")
    )


def test_the_manifest_is_a_dialect():
    """It has a name, stands on the first port, and keeps names of orders for ever."""
    assert isinstance(DIALECT, Dialect)
    assert (DIALECT.name, DIALECT.port_offset, DIALECT.client_ids_for_ever) == ("native", 0, True)


def test_no_route_is_written_twice():
    """One row answers for a method and path."""
    routes = [(e.method, e.path) for e in DIALECT.endpoints]
    assert len(set(routes)) == len(routes)


@pytest.mark.parametrize("endpoint", DIALECT.endpoints, **ids)
def test_what_changes_something_is_signed_and_scoped(endpoint):
    """Reading takes `read`, moving money out `withdraw`, everything else `trade`.

    Nothing of an account is public.
    """
    if endpoint.method != "GET":
        scope = Scope.WITHDRAW if "withdrawals" in endpoint.path else Scope.TRADE
        assert (endpoint.auth, endpoint.scope) == (Auth.SIGNED, scope)
    is_private = any(
        word in endpoint.path
        for word in (
            "orders",
            "groups",
            "fills",
            "account",
            "key",
            "withdrawals",
            "transfers",
            "statement",
        )
    )
    assert (endpoint.auth is Auth.SIGNED) == is_private


@pytest.mark.parametrize("endpoint", SIGNED, **ids)
def test_a_signed_route_lets_nobody_else_in(venue, endpoint):
    """Without a key, with a stranger's, with a bad signature, an old one or a used nonce."""
    target = filled(endpoint.path)
    good = venue.signed(endpoint.method, target)
    for changes, status, expected in (
        (dict.fromkeys(auth.HEADERS, ""), 401, "MISSING_KEY"),
        ({auth.KEY: "nobody"}, 401, "UNKNOWN_KEY"),
        ({auth.SIGNATURE: "0" * 64}, 401, "BAD_SIGNATURE"),
    ):
        response = venue.send(good._replace(headers={**good.headers, **changes}))
        assert (response.status, expected in response.body.decode()) == (status, True)
    late = venue.signed(endpoint.method, target)
    venue.desk.now_ns += 5_001_000_000
    assert b"STALE_TIMESTAMP" in venue.send(late).body
    venue.desk.now_ns -= 10_000_000_000
    assert b"FUTURE_TIMESTAMP" in venue.send(late).body


@pytest.mark.parametrize(
    ("ahead_ms", "status"), [(-5_000, 200), (-5_001, 401), (999, 200), (1_000, 401)]
)
def test_the_window_is_five_seconds_back_and_one_ahead(venue, ahead_ms, status):
    """To the millisecond (A21)."""
    venue.desk.now_ns += ahead_ms * 1_000_000
    request = venue.signed("GET", "/api/v1/key")
    venue.desk.now_ns -= ahead_ms * 1_000_000
    assert venue.send(request).status == status


def test_a_nonce_is_good_once(venue):
    """The same bytes again are a replay (A20)."""
    request = venue.signed("GET", "/api/v1/account")
    assert venue.send(request).status == 200
    response = venue.send(request)
    assert (response.status, b"REPEATED_NONCE" in response.body) == (401, True)


def test_a_key_may_do_what_its_scopes_say(venue):
    """A reader cannot trade; a key elsewhere cannot anything."""
    reader = venue.new_key("alice", Scope.READ)
    assert venue.call("GET", "/api/v1/account", key=reader)[0] == 200
    status, answer = venue.call("DELETE", "/api/v1/orders", key=reader)
    assert (status, code(answer)) == (403, "MISSING_SCOPE")
    bound = venue.new_key("alice", ip=["10.0.0.0/8"])
    status, answer = venue.call("GET", "/api/v1/account", key=bound)
    assert (status, code(answer)) == (403, "IP_NOT_ALLOWED")
    assert venue.send(venue.signed("GET", "/api/v1/key", key=bound), "10.1.2.3").status == 200


def test_an_unknown_path_and_a_wrong_method_are_told_apart(venue):
    """404 has no such path, 405 names the methods."""
    status, answer = venue.get("/api/v1/oders")
    assert (status, code(answer)) == (404, "UNKNOWN_ENDPOINT")
    response = venue.send(Request("POST", "/api/v1/time", {}, b"{}"))
    assert (response.status, response.headers["allow"]) == (405, "GET")
    response = venue.send(Request("PUT", "/api/v1/orders", {}, b"{}"))
    assert response.headers["allow"] == "DELETE, GET, POST"


def test_the_documents_are_served(venue):
    """A page for people, JSON for programs."""
    docs = venue.send(Request("GET", "/docs", {}, b""))
    assert (docs.status, docs.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert docs.body.startswith(b"<!doctype html>")
    spec = venue.send(Request("GET", "/openapi.json", {}, b""))
    assert (spec.status, spec.headers["content-type"]) == (200, "application/json")
    assert b'"servers":[{"url":"/"}]' in spec.body


def test_bad_input_changes_nothing(venue):
    """The exchange goes on as if it had not been asked."""
    for body in (b"", b"\xff", b"[]", b"{}", b'{"size":1e999}', b"{" * 100_000):
        status, answer = venue.call("POST", "/api/v1/orders", body)
        assert (status, code(answer)) == (400, "MALFORMED")
    assert venue.call("GET", "/api/v1/orders")[1]["orders"] == []


def test_the_environment_names_what_a_program_needs():
    """For clients that speak plain HTTP; others are told that there are none."""
    settings = DIALECT.environment("python", "http://h:1", "ws://h:1")
    assert settings["STEELYARD_URL"] == "http://h:1"
    assert settings["STEELYARD_WS"] == "ws://h:1/ws/v1"
    with pytest.raises(Unsupported, match="python, curl"):
        DIALECT.environment("ccxt", "", "")


def test_status_says_what_market_this_is():
    """No market makes no trades of its own, and still takes orders."""
    assert Venue().get("/api/v1/status")[1]["market"] == "none"
