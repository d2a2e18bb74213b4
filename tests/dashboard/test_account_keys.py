"""A person's keys over real sockets: a code to make one, none to take it away."""

import itertools

import pytest
from native_client import Client, Refused
from person_client import Browser

from steelyard.dashboard.account_keys import gives_more
from steelyard.domain.messages import Scope
from steelyard.exchange.issuing import ChangeKey
from steelyard.exchange.keys import KeptKey
from steelyard.exchange.records import KeyCreated

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


def test_the_list_says_which_kinds_of_keys_each_dialect_takes(browser):
    offered = {each["name"]: each["kinds"] for each in browser.ask("GET", "keys")["dialects"]}
    assert offered["binance"] == ["hmac", "ed25519", "rsa"]
    assert offered["native"] == ["hmac", "ed25519", "rsa", "es256"]


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


def test_rotation_needs_a_code_and_leaves_an_overlap(browser, exchange):
    browser.enrol()
    first = browser.ask("POST", "keys", **want(browser), code=browser.code())
    path = f"keys/{first['key']}/rotate"
    assert browser.refused("POST", path, overlap_hours=1) == (401, "SECOND_FACTOR")
    second = browser.ask("POST", path, overlap_hours=1, code=browser.code())
    assert (browser.status, second["replaces"]) == (201, first["key"])
    for made in (first, second):
        client = Client(exchange.url("native"), made)
        assert client.ask("GET", "/api/v1/account")
        client.close()


def test_less_needs_no_code_and_more_does(browser):
    browser.enrol()
    made = browser.ask(
        "POST", "keys", **want(browser, scopes=["read", "trade"]), code=browser.code()
    )
    change = f"keys/{made['key']}/change"
    assert browser.ask("POST", change, scopes=["read"], label="less")["scopes"] == ["read"]
    more = {"scopes": ["read", "trade"]}
    assert browser.refused("POST", change, **more) == (401, "SECOND_FACTOR")
    assert browser.ask("POST", change, **more, code=browser.code())["scopes"] == ["read", "trade"]
    shown = browser.ask("GET", f"keys/{made['key']}")
    assert [event["what"] for event in shown["history"]] == ["created", "changed", "changed"]
    assert {event["by"] for event in shown["history"]} == {f"person {browser.name}"}
    assert any("thief" in sentence for sentence in shown["blast_radius"])
    deeds = [a["what"] for a in browser.ask("GET", "activity")["activity"]]
    assert deeds[:3] == ["key_changed", "key_changed", "key_created"]


def test_a_product_is_the_same_however_it_is_written(browser):
    """What widens nothing needs no code; another product does, however it is written."""
    browser.enrol()
    products = ["BTC-USDT", "ETH-USDT"]
    made = browser.ask("POST", "keys", **want(browser, products=products), code=browser.code())
    change = f"keys/{made['key']}/change"
    assert browser.ask("POST", change, products=["btc/usdt"])["products"] == ["BTC-USDT"]
    assert browser.refused("POST", change, products=["sol/usdt"]) == (401, "SECOND_FACTOR")
    assert browser.refused("POST", change, products=["no/thing"]) == (400, "INVALID")
    assert browser.ask("GET", f"keys/{made['key']}")["products"] == ["BTC-USDT"]


@pytest.mark.parametrize("label", ["a\x1b[2J", "a\nadministrator  fake", "a\x9b31m", "a\u202eb"])
def test_a_label_that_a_terminal_would_obey_is_refused(browser, label):
    """When a key is made and when it is changed; the message shows which character it is."""
    browser.enrol()
    wish = want(browser)
    assert browser.refused("POST", "keys", **wish | {"label": label, "code": browser.code()}) == (
        400,
        "INVALID",
    )
    made = browser.ask("POST", "keys", **wish, code=browser.code())
    assert browser.refused("POST", f"keys/{made['key']}/change", label=label) == (400, "INVALID")


def test_without_a_second_factor_a_key_can_still_be_taken_away(browser, exchange):
    """An administrator made it; its owner need not enrol to be rid of it."""
    made = exchange.steelyard("key", "create", browser.name, "--dialect", "native")
    key = made["key"]
    assert browser.refused("POST", f"keys/{key}/rotate") == (403, "TOTP_REQUIRED")
    more = {"scopes": ["read", "trade", "withdraw"], "ip": ["127.0.0.1"]}
    assert browser.refused("POST", f"keys/{key}/change", **more) == (403, "TOTP_REQUIRED")
    assert browser.ask("DELETE", f"keys/{key}")["revoked"] is True


NOW_NS = 1_700_000_000_000_000_000
DAY_NS = 86_400 * 10**9
FREE = {"scopes": frozenset({Scope.READ}), "ip": (), "products": (), "expires_ns": None}
BOUND = {
    "scopes": frozenset({Scope.READ, Scope.TRADE}),
    "ip": ("10.0.0.0/8", "::1/128"),
    "products": ("BTC-USDT", "ETH-USDT"),
    "expires_ns": NOW_NS + 10 * DAY_NS,
}


@pytest.mark.parametrize(
    ("was", "change", "is_more"),
    [
        (BOUND, {}, False),
        (BOUND, {"label": "x"}, False),
        (BOUND, {"scopes": (Scope.READ,)}, False),
        (BOUND, {"scopes": (Scope.TRADE, Scope.READ)}, False),
        (BOUND, {"scopes": (Scope.READ, Scope.WITHDRAW)}, True),
        (FREE, {"scopes": (Scope.TRADE,)}, True),
        (BOUND, {"products": ("BTC-USDT",)}, False),
        (BOUND, {"products": ("BTC-USDT", "SOL-USDT")}, True),
        (BOUND, {"products": ()}, True),
        (FREE, {"products": ("BTC-USDT",)}, False),
        (FREE, {"products": ()}, False),
        (BOUND, {"ip": ("10.1.2.3",)}, False),
        (BOUND, {"ip": ("10.1.0.0/16", "::1")}, False),
        (BOUND, {"ip": ("0.0.0.0/0",)}, True),
        (BOUND, {"ip": ("10.1.2.3", "192.0.2.1")}, True),
        (BOUND, {"ip": ("::/0",)}, True),
        (BOUND, {"ip": ()}, True),
        (FREE, {"ip": ("10.1.2.3",)}, False),
        (FREE, {"ip": ()}, False),
        (BOUND, {"lifetime_ns": 9 * DAY_NS}, False),
        (BOUND, {"lifetime_ns": 11 * DAY_NS}, True),
        (BOUND, {"lifetime_ns": None}, True),
        (FREE, {"lifetime_ns": DAY_NS}, False),
        (FREE, {"lifetime_ns": None}, False),
    ],
)
def test_what_gives_a_key_more(was, change, is_more):
    kept = KeptKey(KeyCreated("k", 100, "native", label="", sealed=b"", **was), NOW_NS)
    assert gives_more(kept, ChangeKey("k", **change), NOW_NS) is is_more
