"""What a person does about themselves, over real sockets."""

import itertools

import pytest
from person_client import PASSWORD, Browser

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
