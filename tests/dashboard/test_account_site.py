"""The guards of the account site: Host, Origin, cookie, CSRF token, size and form of a body."""

import itertools
import json

import pytest
from native_client import Refused
from person_client import PASSWORD, Browser

from steelyard.dashboard.account_site import REQUESTS_PER_IP, VISITS_PER_IP
from steelyard.dashboard.guard import Guard

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
    routes = open_account_site(_Unasked(), Guard(1, ""), bytes, _Unasked()).routes()
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


class _Host(_Unasked):
    """Has the time, and nothing else."""

    def wire_ns(self):
        return 1

    sandbox_ns = wire_ns


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
    seen = [browser.refused("POST", "sign-in", **wrong)]
    while seen[-1] == (401, "CREDENTIALS"):  # a slow machine has waited by itself
        seen.append(browser.refused("POST", "sign-in", **wrong))
    assert seen[5:]
    assert seen[-1] == (429, "LOCKED")
    assert 1 <= int(browser.headers["retry-after"]) <= 2 ** (len(seen) - 6)


@pytest.mark.slow
def test_an_address_that_asks_too_often_is_told_to_wait(exchange):
    """New visits first, then everything; others ask on, and have kept their visits."""
    flood, other = Browser(exchange), Browser(exchange)
    other.raw("GET", "/account/session")
    flood.raw("GET", "/account/session")
    cookie, refused = flood.cookie, None
    for _ in range(2 * VISITS_PER_IP.limit + 1):
        flood.cookie = ""
        try:
            flood.raw("GET", "/account/session")
        except Refused as error:
            refused = error
            break
    assert refused is not None
    assert (refused.status, refused.error["code"]) == (429, "RATE_LIMITED")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert set(refused.error) == {"code", "message", "field", "hint"}
    flood.cookie = cookie
    assert flood.raw("GET", "/account/session")["signed_in"] is False
    for _ in range(2 * REQUESTS_PER_IP.limit + 1):
        try:
            flood.raw("GET", "/account/session")
        except Refused as error:
            refused = error
            break
    assert f"{REQUESTS_PER_IP.limit} account requests per 60 s" in refused.error["message"]
    assert refused.status == 429
    cookie = other.cookie
    other.sign_up(next(NAMES))
    assert other.cookie != cookie
    other.ip = flood.ip
    for _ in range(3):
        assert other.ask("GET", "session")["signed_in"] is True


def test_who_is_signed_in_asks_no_faster_either(exchange):
    browser, refused = Browser(exchange), None
    browser.sign_up(next(NAMES))
    for number in range(2 * REQUESTS_PER_IP.limit + 1):
        browser.ip = f"127.0.8.{number % 250 + 2}"
        try:
            browser.raw("GET", "/account/session")
        except Refused as error:
            refused = error
            break
    assert (refused.status, refused.error["code"]) == (429, "RATE_LIMITED")


def test_over_tls_the_cookie_is_secure(exchange):
    """The guard has seen the host; the port says which of the twins was asked."""
    import asyncio
    import secrets

    from steelyard.dashboard.accounts import open_account_site
    from steelyard.wire.http import Request

    class BothPorts(Guard):
        def refusal(self, request, *, needs_token=True):
            return None

    async def main():
        site = open_account_site(
            _Host(), BothPorts(1, ""), secrets.token_bytes, _Unasked(), tls_port=8700
        )
        said = []
        for port in (8600, 8700):
            headers = {"host": f"127.0.0.1:{port}"}
            site.http(Request("GET", "/account/session", headers, b""), "::1", said.append)
        await asyncio.sleep(0)
        site.close()
        site.http(Request("GET", "/account/session", headers, b""), "::1", said.append)
        return said

    plain, secure, late = asyncio.run(main())
    assert plain.headers["set-cookie"].startswith("steelyard-session-8600=")
    assert "Secure" not in plain.headers["set-cookie"]
    assert secure.headers["set-cookie"].startswith("steelyard-session-8700=")
    assert secure.headers["set-cookie"].endswith("; Path=/account; Secure")
    assert late.status == 503


def test_who_waits_when_the_exchange_stops_is_answered(exchange):
    import asyncio

    from steelyard.dashboard.accounts import open_account_site
    from steelyard.wire.http import Request

    async def main():
        site = open_account_site(_Host(), Guard(1, ""), bytes, _Unasked())
        said = []
        headers = {"host": "127.0.0.1:1"}
        site.http(Request("GET", "/account/session", headers, b""), "::1", said.append)
        site.close()
        await asyncio.sleep(0.01)
        return said

    assert [response.status for response in asyncio.run(main())] == [503]


def test_a_failure_of_ours_is_answered_without_what_failed(exchange):
    """Where it happened and with which value is for the log, not for who asked."""
    import asyncio
    import gc
    import secrets

    from steelyard.dashboard.account_site import AccountSite, Route
    from steelyard.wire.http import Request

    async def fails(_asked):
        raise KeyError("an inner value")

    async def main():
        failed = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: failed.append(context["exception"]))
        site = AccountSite(_Host(), Guard(1, ""), entropy=secrets.token_bytes, passwords=_Unasked())
        site.add([Route("GET", "/account/fails", fails, is_open=True)])
        said = []
        headers = {"host": "127.0.0.1:1"}
        site.http(Request("GET", "/account/fails", headers, b""), "::1", said.append)
        await asyncio.sleep(0.01)
        site.close()
        gc.collect()  # what nobody took from the task is told now
        return said, failed

    (response,), (failure,) = asyncio.run(main())
    assert isinstance(failure, KeyError)
    assert response.status == 500
    assert json.loads(response.body)["error"]["code"] == "FAILED"
    assert b"inner value" not in response.body
    assert b"KeyError" not in response.body
