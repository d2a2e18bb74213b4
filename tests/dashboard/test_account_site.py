"""The guards of the account site: Host, Origin, cookie, CSRF token, size and form of a body."""

import itertools
import json

import pytest
from native_client import Refused
from person_client import PASSWORD, Browser

NAMES = (f"guarded{n}" for n in itertools.count())
SIGN_UP = json.dumps({"name": "x", "email": "x@example.com", "password": PASSWORD}).encode()


@pytest.fixture
def browser(exchange):
    return Browser(exchange)


def refusal(act, *arguments, **named):
    with pytest.raises(Refused) as error:
        act(*arguments, **named)
    return error.value.status, error.value.error["code"]


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser):
    browser.raw("GET", "/account/session")
    value, *flags = browser.set_cookie.split("; ")
    assert value.startswith(f"steelyard-session-{browser.port}=")
    assert set(flags) == {"HttpOnly", "SameSite=Strict", "Path=/account"}
    assert len(value.partition("=")[2]) == 64
    assert browser.headers["cache-control"] == "no-store"


def test_a_cookie_is_set_when_it_is_new_only_and_changes_at_sign_in(browser):
    browser.ask("GET", "session")
    before = browser.cookie
    browser.ask("GET", "session")
    assert browser.set_cookie is None
    browser.sign_up(next(NAMES))
    assert browser.cookie not in ("", before)
    signed_in = browser.cookie
    browser.cookie = before
    assert browser.raw("GET", "/account/session")["signed_in"] is False
    browser.cookie = signed_in
    assert browser.raw("GET", "/account/session")["signed_in"] is True


def test_a_fixed_session_does_not_become_a_persons(exchange):
    """Who plants a cookie in somebody's browser has nothing when they sign in."""
    thief, victim = Browser(exchange), Browser(exchange)
    thief.raw("GET", "/account/session")
    victim.cookie, victim.csrf = thief.cookie, thief.csrf
    victim.sign_up(next(NAMES))
    assert victim.cookie != thief.cookie
    assert thief.ask("GET", "session")["signed_in"] is False


@pytest.mark.parametrize("path", ["sign-up", "sign-in", "sign-out", "password", "keys", "move"])
def test_without_the_csrf_token_nothing_happens(browser, path):
    browser.sign_up(next(NAMES))
    for token in (None, "", "0" * 64, "é"):
        named = {"x_steelyard_csrf": token}
        if token == "é":
            named["x_steelyard_csrf"] = "é".encode()
        status = refusal(browser.raw, "POST", f"/account/{path}", SIGN_UP, **named)
        assert status == (403, "CSRF")


def test_another_sessions_csrf_token_is_none(exchange):
    one, other = Browser(exchange), Browser(exchange)
    one.sign_up(next(NAMES))
    other.sign_up(next(NAMES))
    one.csrf = other.csrf
    assert one.refused("POST", "sign-out") == (403, "CSRF")


def test_before_sign_in_a_csrf_token_is_needed_too(browser):
    assert refusal(browser.raw, "POST", "/account/sign-in", SIGN_UP) == (403, "CSRF")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"origin": "https://evil.example"}, "ORIGIN"),
        ({"origin": "null"}, "ORIGIN"),
        ({"host": "evil.example"}, "HOST"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_from_elsewhere_get_nothing(browser, headers, code, method):
    path = "/account/session" if method == "GET" else "/account/sign-up"
    assert refusal(browser.raw, method, path, **headers) == (403, code)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, None),
        (b"{", 400, None),
        (b"[]", 400, None),
        (b"\xff", 400, None),
        (b"[" * 9_999, 400, None),
        (b'{"name": 7, "email": "a", "password": "b"}', 400, "name"),
        (b'{"name": "a", "email": "a", "password": "b", "admin": true}', 400, None),
        (b'{"name": "a", "email": "a", "password": "' + b"x" * 1_001 + b'"}', 400, "password"),
        (b'{"name": "a", "email": "a", "password": "' + b"x" * 20_000 + b'"}', 413, None),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_malformed_body_is_told_where(browser, body, status, field):
    browser.ask("GET", "session")
    with pytest.raises(Refused) as error:
        browser.raw("POST", "/account/sign-up", body)
    assert (error.value.status, error.value.error["field"]) == (status, field)


def test_a_form_that_any_page_can_send_is_refused(browser):
    browser.ask("GET", "session")
    kind = {"content_type": "application/x-www-form-urlencoded"}
    status = refusal(browser.raw, "POST", "/account/sign-up", SIGN_UP, **kind)
    assert status == (415, "MEDIA_TYPE")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/account/nothing", 404),
        ("GET", "/account/", 404),
        ("GET", "/account/keys//rotate", 404),
        ("POST", "/account/keys/a/b/c", 404),
        ("GET", "/account/sign-in", 405),
        ("PUT", "/account/session", 405),
        ("DELETE", "/account/keys", 405),
    ],
)
def test_a_path_or_method_that_there_is_not(browser, method, path, status):
    browser.ask("GET", "session")
    assert refusal(browser.raw, method, path)[0] == status


def test_everything_else_needs_a_sign_in(browser, exchange):
    from steelyard.dashboard.accounts import open_account_site

    browser.ask("GET", "session")
    routes = open_account_site(_Unasked(), 1, "", bytes, _Unasked()).routes()
    assert len(routes) > 30
    for route in routes:
        path = route.path.replace("*", "1")
        if not route.is_open:
            assert refusal(browser.raw, route.method, path) == (401, "SIGN_IN"), route
        if route.method != "GET":
            assert refusal(browser.raw, route.method, path, x_steelyard_csrf="") == (403, "CSRF")


class _Unasked:
    """Stands where a table is made and nothing asked."""

    exchange = admin = personal = None

    def hash(self, password):
        return ""


def test_a_wrong_name_and_a_wrong_password_get_the_same_bytes(exchange):
    browser = Browser(exchange)
    name = next(NAMES)
    browser.sign_up(name)
    answers = []
    for who in (name, "nobody-of-that-name"):
        other = Browser(exchange)
        other.ask("GET", "session")
        with pytest.raises(Refused) as error:
            other.sign_in(who, "a wrong password")
        kept = {k: v for k, v in error.value.headers.items() if k.lower() != "date"}
        answers.append((error.value.status, error.value.error, kept))
    assert answers[0] == answers[1]


def test_many_wrong_passwords_lock_and_say_for_how_long(exchange):
    browser = Browser(exchange)
    name = next(NAMES)
    wrong = {"name": name, "password": "a wrong password"}
    seen = [browser.refused("POST", "sign-in", **wrong) for _ in range(6)]
    assert seen == [(401, "CREDENTIALS")] * 5 + [(429, "LOCKED")]
    assert browser.headers["retry-after"] == "1"
