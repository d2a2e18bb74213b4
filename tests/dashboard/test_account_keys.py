"""A person's keys over real sockets: a code to make one, none to take it away."""

import itertools

import pytest
from native_client import Client, Refused
from person_client import Browser

NAMES = (f"keyed{n}" for n in itertools.count())


@pytest.fixture
def browser(exchange):
    browser = Browser(exchange)
    browser.name = next(NAMES)
    browser.sign_up(browser.name)
    return browser


def want(browser, **changes):
    fields = {"account": browser.name, "dialect": "native", "scopes": ["read"], "label": "bot"}
    return {**fields, **changes}


def test_the_key_trades_until_it_is_revoked(browser, exchange):
    browser.enrol()
    made = browser.ask("POST", "keys", **want(browser), code=browser.code())
    assert set(made) >= {"key", "secret", "account", "scopes", "ip", "expires"}
    client = Client(exchange.url("native"), made)
    assert client.ask("GET", "/api/v1/account")
    browser.ask("DELETE", f"keys/{made['key']}")
    with pytest.raises(Refused) as error:
        client.ask("GET", "/api/v1/account")
    assert error.value.status == 401
    client.close()
    first, second, *_ = browser.ask("GET", "outbox")["mails"]
    assert [first["subject"], second["subject"]] == ["API key revoked", "API key created"]
    assert made["secret"] not in str(browser.ask("GET", "outbox"))
    assert made["secret"] not in str(browser.ask("GET", "activity"))


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"account": "nobody"}, 404, "NOT_FOUND", "account"),
        ({"dialect": "klingon"}, 400, "INVALID", "dialect"),
        ({"scopes": ["all"]}, 400, "INVALID", "scopes"),
        ({"scopes": []}, 400, "INVALID", None),
        ({"scopes": ["withdraw"]}, 400, "INVALID", None),  # needs an address list
        ({"ip": ["300.1.1.1"]}, 400, "INVALID", None),
        ({"expires_days": 0}, 400, "INVALID", "expires_days"),
        ({"code": ""}, 401, "SECOND_FACTOR", "code"),
        ({"code": "12"}, 401, "SECOND_FACTOR", "code"),
    ],
)
def test_a_key_that_cannot_be_is_told_why(browser, changes, status, code, field):
    browser.enrol()
    with pytest.raises(Refused) as error:
        browser.ask("POST", "keys", **want(browser, **{"code": browser.code(), **changes}))
    refused = error.value
    assert (refused.status, refused.error["code"], refused.error["field"]) == (status, code, field)
    assert browser.ask("GET", "keys")["keys"] == []


def test_a_wrong_wish_does_not_cost_the_code(browser):
    browser.enrol()
    code = browser.code()
    assert browser.refused("POST", "keys", **want(browser, scopes=[]), code=code)[0] == 400
    assert browser.ask("POST", "keys", **want(browser), code=code)["key"]


def test_a_sub_accounts_key_sees_the_sub_account(browser, exchange):
    browser.enrol()
    assert browser.ask("POST", "sub-accounts", name="bot")["name"] == f"{browser.name}.bot"
    whole = f"{browser.name}.bot"
    made = browser.ask("POST", "keys", **want(browser, account=whole), code=browser.code())
    assert [key["account"] for key in browser.ask("GET", "keys")["keys"]] == [whole]
    assert made["account"] == whole
    assert browser.ask("GET", "sub-accounts") == {"sub_accounts": [whole]}
