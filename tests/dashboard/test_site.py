import http.client
import json
from urllib.parse import urlsplit

import pytest

from steelyard.dashboard.headers import PAGE_HEADERS, PRIVATE_HEADERS
from steelyard.store.datadir import read_token


def ask(exchange, method, path, *, token=None, body=None, **headers):
    url = urlsplit(exchange.url("native"))
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        named["x-steelyard-token"] = token
    connection.request(method, path, body=body, headers=named)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, response.getheaders(), content


@pytest.fixture
def token(exchange):
    return read_token(exchange.data / "exchange")


def test_the_page_is_there_and_may_not_be_framed(exchange):
    status, headers, content = ask(exchange, "GET", "/")
    assert status == 200
    assert b"<!doctype html>" in content.lower()
    assert PAGE_HEADERS.items() <= dict(headers).items()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/account/session", 200),
        ("GET", "/account/keys", 401),
        ("GET", "/account/no-such-path", 404),
        ("PUT", "/account/session", 405),
        ("POST", "/account/sign-in", 403),
        ("GET", "/page/session", 200),
        ("GET", "/page/other", 404),
        ("GET", "/outbox", 200),
        ("POST", "/admin", 400),
        ("POST", "/", 405),
        ("GET", "/metrics", 200),
    ],
)
def test_what_is_private_is_kept_nowhere(exchange, token, method, path, status):
    """Answers and refusals alike, with the token and from elsewhere."""
    for named, expected in (({}, status), ({"host": "evil.example"}, 403)):
        found, headers, _ = ask(exchange, method, path, token=token, **named)
        assert found == expected
        assert PRIVATE_HEADERS.items() <= dict(headers).items()
        assert len(dict(headers)) == len(headers), "none is there twice"
        assert dict(headers)["x-content-type-options"] == "nosniff"


def test_the_session_tells_what_this_is(exchange, token):
    status, _, content = ask(exchange, "GET", "/page/session", token=token)
    session = json.loads(content)
    assert status == 200
    assert (session["environment"], session["market"]) == ("sandbox", "crowd")
    assert "BTC-USDT" in session["symbols"]
    assert {"native", "binance", "kraken"} <= set(session["dialects"])
    assert session["clock"] is None, "it is the host's"


PRIVATE = [
    ("GET", "/page/session"), ("POST", "/page/kill"), ("POST", "/page/resume"),
    ("POST", "/page/reconcile"), ("POST", "/page/breaker"), ("GET", "/page/kill"),
    ("GET", "/page/bots"), ("GET", "/page/why"), ("GET", "/page/past"), ("GET", "/page/timeline"),
    ("POST", "/admin"), ("GET", "/page/other"), ("POST", "/page/session"), ("GET", "/admin"),
]  # fmt: skip
OPEN = [("GET", "/"), ("HEAD", "/"), ("GET", "/metrics"), ("HEAD", "/metrics")]
FOREIGN = [
    {"host": "evil.example"}, {"host": "evil.example:8600"}, {"host": "127.0.0.1"},
    {"host": "127.0.0.1:1"}, {"host": "127.0.0.1.evil.example"}, {"host": ""},
    {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "file://"},
    {"origin": "http://127.0.0.1.evil.example"}, {"origin": "http://127.0.0.1:1"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"},
    {"sec_fetch_site": "same-site", "sec_fetch_mode": "no-cors"},
]  # fmt: skip


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize(("method", "path"), [*PRIVATE, *OPEN])
def test_who_comes_from_elsewhere_is_turned_away_with_or_without_the_token(
    exchange, token, method, path, headers
):
    """Whatever the route: a rebound name and a page on another site get nothing."""
    for given in (token, None):
        status, _, content = ask(exchange, method, path, token=given, **headers)
        assert status == 403
        assert token.encode() not in content


@pytest.mark.parametrize("given", [None, "", "no", "x" * 43, "x" * 5_000])
@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_who_has_not_the_token_is_turned_away(exchange, method, path, given):
    status, _, content = ask(exchange, method, path, token=given, body=b'{"type":"ListAccounts"}')
    assert status == 401
    assert b"TOKEN" in content


@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_a_page_of_ours_with_the_token_is_let_in(exchange, token, method, path):
    origin = exchange.url("native")
    status, _, _ = ask(exchange, method, path, token=token, origin=origin)
    assert status not in (401, 403)


def test_what_is_asked_wrongly_is_answered_with_a_reason(exchange, token):
    for body in (
        b"",
        b"{}",
        b'{"type":"Surprise"}',
        b"\xff",
        b'{"type":"\xff"}',
        b"[" * 9999,
        b'{"type":"BalanceOf"}',
    ):
        status, _, content = ask(exchange, "POST", "/admin", token=token, body=body)
        assert status == 400
        assert json.loads(content)["error"]["message"]
    status, _, content = ask(exchange, "POST", "/page/kill", token=token, body=b'{"bot":"nobody"}')
    assert (status, b"no bot 'nobody' here" in content) == (400, True)


def test_files_outside_the_page_are_not_served(exchange):
    for path in ("/../admin.token", "/assets/../../../etc/passwd", "/%2e%2e/admin.token"):
        assert ask(exchange, "GET", path)[0] in (400, 403, 404)
