import http.client
import json
from urllib.parse import urlsplit

import pytest

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
    policy = dict(headers)["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


def test_the_session_tells_what_this_is(exchange, token):
    status, _, content = ask(exchange, "GET", "/page/session", token=token)
    session = json.loads(content)
    assert status == 200
    assert (session["environment"], session["market"]) == ("sandbox", "crowd")
    assert "BTC-USDT" in session["symbols"]
    assert session["clock"] is None, "it is the host's"


@pytest.mark.parametrize("path", ["/page/session", "/page/kill", "/admin", "/page/other"])
def test_buttons_need_the_token_and_the_right_origin(exchange, token, path):
    method = "GET" if path == "/page/session" else "POST"
    assert ask(exchange, method, path)[0] == 401
    assert ask(exchange, method, path, token="no")[0] == 401
    evil = {"origin": "https://evil.example"}
    assert ask(exchange, method, path, token=token, **evil)[0] == 403
    assert ask(exchange, method, path, token=token, host="evil.example")[0] == 403


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
