"""What a person does about themselves, over real sockets."""

import itertools
import threading
import time
from copy import copy

import pytest
from native_client import Refused
from person_client import PASSWORD, Browser

UNDER_WAY_S = 0.03  # argon2 takes longer
NAMES = (f"person{n}" for n in itertools.count())


@pytest.fixture
def browser(exchange):
    return Browser(exchange)


@pytest.fixture
def name():
    return next(NAMES)


def test_who_signs_up_is_signed_in_and_has_an_empty_account(browser, name):
    assert browser.ask("GET", "session")["signed_in"] is False
    session = browser.sign_up(name)
    assert browser.status == 201
    assert session["signed_in"] is True
    assert session["person"] == {
        "name": name,
        "email": f"{name}@example.com",
        "account": name,
        "accounts": [{"name": name, "is_sub": False}],
        "totp": False,
        "recovery_codes_left": 0,
        "must_change_password": False,
    }
    assert browser.ask("GET", "session") == {
        **session,
        "expires": pytest.approx(session["expires"], abs=60_000),
    }
    balances = browser.ask("GET", "balances")
    assert balances["accounts"] == [{"account": name, "balances": []}]
    assert "USDT" in balances["assets"]


def test_a_second_factor_is_asked_for_and_a_code_is_good_once(browser, exchange, name):
    browser.sign_up(name)
    begun = browser.ask("POST", "totp/begin", password=PASSWORD)
    assert begun["uri"].startswith(f"otpauth://totp/steelyard%3A{name}?secret={begun['secret']}&")
    assert begun["qr_svg"].startswith("<svg")
    recovery = browser.enrol()
    assert len(set(recovery)) == 10
    browser.ask("POST", "sign-out")
    assert browser.refused("POST", "sign-in", name=name, password=PASSWORD) == (
        401,
        "SECOND_FACTOR",
    )
    code = browser.code()
    assert browser.sign_in(name, code=code)["person"]["totp"] is True
    other = Browser(exchange)
    again = {"name": name, "password": PASSWORD, "code": code}
    assert other.refused("POST", "sign-in", **again) == (401, "SECOND_FACTOR")
    assert other.sign_in(name, code=recovery[0])["person"]["recovery_codes_left"] == 9
    again["code"] = recovery[0]
    assert other.refused("POST", "sign-in", **again) == (401, "SECOND_FACTOR")


def test_a_key_needs_a_second_factor_and_trades(browser, name):
    browser.sign_up(name)
    want = {"account": name, "dialect": "native", "scopes": ["read", "trade"], "code": "000000"}
    assert browser.refused("POST", "keys", **want) == (403, "TOTP_REQUIRED")
    browser.enrol()
    made = browser.ask("POST", "keys", **{**want, "code": browser.code()})
    assert browser.status == 201
    assert made["secret"]
    (kept,) = browser.ask("GET", "keys")["keys"]
    assert kept["key"] == made["key"]
    assert "secret" not in kept
    assert browser.ask("DELETE", f"keys/{made['key']}")["revoked"] is True
    assert browser.ask("GET", f"keys/{made['key']}")["revoked"] is not None
    deeds = [a["what"] for a in browser.ask("GET", "activity")["activity"]]
    assert deeds == ["key_revoked", "key_created", "totp_enrolled", "signed_up"]


def test_a_session_that_has_ended_opens_nothing_more(browser, exchange, name):
    """Signed out here, or ended from elsewhere: the cookie is worthless."""
    browser.sign_up(name)
    cookie = browser.cookie
    browser.ask("POST", "sign-out")
    assert browser.cookie != cookie
    browser.cookie = cookie
    assert browser.refused("GET", "balances") == (401, "SIGN_IN")
    browser.cookie = browser.csrf = ""
    browser.sign_in(name)
    other = Browser(exchange)
    other.sign_in(name)
    (ended,) = [s["id"] for s in other.ask("GET", "sessions")["sessions"] if not s["current"]]
    other.ask("DELETE", f"sessions/{ended}")
    assert browser.refused("GET", "balances") == (401, "SIGN_IN")
    assert other.ask("GET", "balances")["accounts"]


def test_a_new_password_takes_the_old_one_ends_other_sessions_and_is_told(browser, exchange, name):
    browser.sign_up(name)
    other = Browser(exchange)
    other.sign_in(name)
    new = "another four word phrase"
    assert browser.refused("POST", "password", old="a wrong one", new=new) == (401, "CREDENTIALS")
    assert browser.refused("POST", "password", old=PASSWORD, new="short") == (400, "INVALID")
    assert browser.refused("POST", "password", new=new) == (400, "INVALID")
    assert other.ask("GET", "balances")["accounts"], "nothing has changed yet"
    before = browser.cookie
    browser.ask("POST", "password", old=PASSWORD, new=new)
    assert browser.cookie != before
    assert other.refused("GET", "balances") == (401, "SIGN_IN")
    assert browser.ask("GET", "outbox")["mails"][0]["subject"] == "Your password was changed"
    assert Browser(exchange).refused("POST", "sign-in", name=name, password=PASSWORD) == (
        401,
        "CREDENTIALS",
    )
    assert Browser(exchange).sign_in(name, new)["signed_in"] is True


def test_who_tried_in_vain_is_in_the_activity(browser, exchange, name):
    """When, from where and at which factor; never what was typed."""
    browser.sign_up(name)
    stranger = Browser(exchange)
    stranger.refused("POST", "sign-in", name=name, password="typed by a stranger")
    activity = browser.ask("GET", "activity")["activity"]
    found = [line for line in activity if line["what"] == "sign_in_failed"]
    assert [(line["about"], line["ip"]) for line in found] == [("password", stranger.ip)]
    assert found[0]["time"] > 0
    assert "typed by a stranger" not in str(activity)


def test_a_factor_wants_the_password_again(browser, name):
    """Whoever sits down at an open browser neither enrols a telephone of theirs nor removes one."""
    browser.sign_up(name)
    wrong = (401, "CREDENTIALS")
    assert browser.refused("POST", "totp/begin", password="a wrong one") == wrong
    recovery = browser.enrol()
    for path in ("totp/remove", "recovery-codes"):
        asked = {"password": "a wrong one", "code": recovery[0]}
        assert browser.refused("POST", path, **asked) == wrong
        asked["password"], asked["code"] = PASSWORD, "000000"
        assert browser.refused("POST", path, **asked) == (401, "SECOND_FACTOR")
    assert browser.ask("GET", "session")["person"]["totp"] is True


def test_in_maintenance_people_may_look_and_close_doors_but_change_nothing(exchange, name):
    """What makes an account safer still goes; what moves or opens anything waits."""
    browser = Browser(exchange)
    browser.sign_up(name)
    exchange.steelyard("exchange", "maintenance", "on", "--retry-after", "30s")
    try:
        assert browser.ask("GET", "balances")["accounts"]
        for path, body in (
            ("sub-accounts", {"name": "bot"}),
            ("deposits", {"account": name, "asset": "USDT", "amount": "5"}),
            ("totp/begin", {"password": PASSWORD}),
        ):
            assert browser.refused("POST", path, **body) == (503, "MAINTENANCE")
            assert browser.headers["retry-after"] == "30"
        browser.ask("POST", "sign-out")
        assert browser.sign_in(name, PASSWORD)["signed_in"] is True
    finally:
        exchange.steelyard("exchange", "maintenance", "off")
    assert browser.ask("POST", "sub-accounts", name="bot")


@pytest.mark.parametrize("ends", ["by itself", "by its owner elsewhere"])
def test_what_a_session_asked_before_it_was_ended_comes_to_nothing(browser, exchange, name, ends):
    """While a password is compared, the session that asked is ended: nothing is done, or opened."""
    browser.sign_up(name)
    recovery = browser.enrol()
    twin, owner = copy(browser), Browser(exchange)
    owner.sign_in(name, code=recovery[0])
    late = {}

    def ask():
        body = {"password": PASSWORD, "code": recovery[1]}
        try:
            late["codes"] = twin.ask("POST", "recovery-codes", **body)
        except Refused as refused:
            late["status"] = refused.status

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(UNDER_WAY_S)
    if ends == "by itself":
        browser.ask("POST", "sign-out")
    else:
        (other,) = [s for s in owner.ask("GET", "sessions")["sessions"] if not s["current"]]
        owner.ask("DELETE", f"sessions/{other['id']}")
    asking.join()
    assert late in ({"status": 401}, {"codes": late.get("codes")}), "one was faster than the other"
    assert twin.ask("GET", "session")["signed_in"] is False
    assert len(owner.ask("GET", "sessions")["sessions"]) == 1
