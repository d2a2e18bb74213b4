import pytest

from steelyard.dashboard.guard import TOKEN_HEADER, Guard
from steelyard.wire.http import Request

GUARD = Guard(8600, "the-token")
SECURE = Guard(8600, "the-token", 8650)


def request(**headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", "/page/kill", {"host": "127.0.0.1:8600", **named}, b"")


@pytest.mark.parametrize("host", ["127.0.0.1:8600", "localhost:8600", "[::1]:8600"])
def test_the_page_itself_with_the_token_is_let_in(host):
    asked = request(host=host, origin=f"http://{host}", x_steelyard_token="the-token")
    assert GUARD.refusal(asked) is None


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"host": "evil.example:8600"}, 403, b"HOST"),  # a name rebound to loopback
        ({"host": ""}, 403, b"HOST"),
        ({"host": "127.0.0.1:9999"}, 403, b"HOST"),
        ({"origin": "https://evil.example"}, 403, b"ORIGIN"),
        ({"origin": "null"}, 403, b"ORIGIN"),
        ({"origin": "http://127.0.0.1:8620"}, 403, b"ORIGIN"),
        ({"origin": "https://127.0.0.1:8600"}, 403, b"ORIGIN"),  # it speaks no TLS
        ({"origin": "https://127.0.0.1:8650"}, 403, b"ORIGIN"),  # it has no twin
        ({"origin": "127.0.0.1:8600"}, 403, b"ORIGIN"),
        ({"origin": ""}, 403, b"ORIGIN"),
        ({}, 401, b"TOKEN"),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}, 403, b"ORIGIN"),
        ({"sec_fetch_site": "same-site", "sec_fetch_mode": "cors"}, 403, b"ORIGIN"),
        ({"sec_fetch_site": "same-site"}, 403, b"ORIGIN"),
        ({"x_steelyard_token": "guessed"}, 401, b"TOKEN"),
        ({"x_steelyard_token": "tökén"}, 401, b"TOKEN"),
    ],
)
def test_anybody_else_is_not(headers, status, code):
    """A web page elsewhere must not be able to press the kill button."""
    refusal = GUARD.refusal(request(**headers))
    assert refusal.status == status
    assert code in refusal.body
    assert b"the-token" not in refusal.body


def test_a_page_may_ask_over_the_twin_that_speaks_tls():
    for host in ("127.0.0.1:8650", "localhost:8650", "[::1]:8650", "localhost:8600"):
        for origin in ("https://localhost:8650", "http://localhost:8600"):
            asked = request(host=host, origin=origin, x_steelyard_token="the-token")
            assert SECURE.refusal(asked) is None
    for origin in ("http://localhost:8650", "https://localhost:8600", "https://evil.example"):
        asked = request(host="localhost:8650", origin=origin, x_steelyard_token="the-token")
        assert SECURE.refusal(asked).status == 403


@pytest.mark.parametrize(
    ("site", "mode"),
    [("same-origin", "cors"), ("none", "navigate"), ("cross-site", "navigate")],
)
def test_the_page_may_be_opened_from_anywhere_and_load_what_is_its_own(site, mode):
    asked = request(sec_fetch_site=site, sec_fetch_mode=mode)
    assert GUARD.refusal(asked, needs_token=False) is None
    assert GUARD.refusal(asked).status == 401


def test_what_needs_no_token_still_needs_the_right_host():
    assert GUARD.refusal(request(), needs_token=False) is None
    assert GUARD.refusal(request(host="evil.example"), needs_token=False).status == 403
    assert TOKEN_HEADER.lower() == TOKEN_HEADER
