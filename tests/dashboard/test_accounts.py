"""Nobody reaches anything of another person: every route, with the other's names and numbers."""

import re

import pytest
from native_client import Refused
from person_client import PASSWORD, Browser

from steelyard.dashboard.accounts import open_account_site
from steelyard.dashboard.guard import Guard
from tests.house.source import ROOT


@pytest.fixture(scope="module")
def two(exchange):
    """Return the one who has something, everything that names it, and the one who wants it."""
    owner, thief = Browser(exchange), Browser(exchange)
    owner.sign_up("has")
    owner.enrol()
    owner.ask("POST", "sub-accounts", name="sub")
    key = owner.ask(
        "POST", "keys", account="has", dialect="native", scopes=["read"], code=owner.code()
    )["key"]
    address = {"asset": "USDT", "network": "tron", "address": "T" * 34, "code": owner.code()}
    owner.ask("POST", "addresses", **address)
    done = owner.ask("POST", "deposits", asset="USDT", amount="500")["id"]
    owner.ask("POST", f"deposits/{done}/confirm")
    pending = owner.ask("POST", "deposits", asset="BTC", amount="1")["id"]
    exchange.steelyard("account", "transfer", "has", "USDT=-5")
    transfers = owner.ask("GET", "transfers")["transfers"]
    thief.sign_up("wants")
    thief.ask("POST", "sub-accounts", name="sub")
    recovery = thief.enrol()
    names = {
        "key": key,
        "session": owner.ask("GET", "sessions")["sessions"][0]["id"],
        "pending": str(pending),
        "transfer": str(transfers[0]["id"]),
    }
    return owner, thief, names, recovery


def everything(owner):
    """Return all that the owner sees."""
    paths = "session sessions sub-accounts balances keys activity addresses transfers outbox"
    seen = {path: owner.ask("GET", path) for path in paths.split()}
    seen["session"].pop("expires")
    for session in seen["sessions"]["sessions"]:
        session.pop("seen")
    return seen


def test_every_route_with_the_others_names(two, exchange):
    owner, thief, names, recovery = two
    before = everything(owner)
    site = open_account_site(_Unasked(), Guard(1, ""), bytes, _Unasked())
    account = {"account": "has", "asset": "USDT", "amount": "1", "dialect": "native"}
    bodies = {
        "/account/move": [
            {"from": "has", "to": "wants", "asset": "USDT", "amount": "1"},
            {"from": "has.sub", "to": "wants.sub", "asset": "USDT", "amount": "1"},
            {"from": "wants", "to": "has", "asset": "USDT", "amount": "0.1"},
        ],
        "/account/deposits": [{"account": "has.sub", "asset": "USDT", "amount": "1"}],
        "/account/withdrawals": [
            {**{k: account[k] for k in ("account", "asset", "amount")}, "address_id": 1},
            {"account": "wants", "asset": "USDT", "amount": "2", "address_id": 1},
        ],
        "/account/keys": [{"account": "has", "dialect": "native", "scopes": ["read"]}],
        "/account/sign-up": [{"name": "HAS", "email": "a@b.c", "password": PASSWORD}],
        "/account/sign-in": [{"name": "has", "password": PASSWORD}],
        "/account/confirm": [{"token": "a" * 32}],
    }
    safe = {  # what has no name of anybody's in it, and is one's own
        "/account/password", "/account/totp/begin", "/account/totp/confirm",
        "/account/totp/remove", "/account/recovery-codes", "/account/sub-accounts",
        "/account/addresses", "/account/sign-out",
    }  # fmt: skip
    tried = 0
    for route in site.routes():
        if route.method == "GET" and "*" not in route.path:
            shown = str(thief.raw("GET", route.path))
            for secret in ("has@example.com", names["key"], names["session"], "'has'", "has.sub"):
                assert secret not in shown, route
            continue
        if "*" in route.path:
            paths = [route.path.replace("*", name) for name in names.values()]
            asked = [(path, {}) for path in paths]
        elif route.path in bodies:
            asked = [(route.path, body) for body in bodies[route.path]]
        else:
            assert route.path in safe, f"say in this test how {route.path} is safe"
            continue
        for path, body in asked:
            fields = getattr(route.body, "__struct_fields__", ())
            if "code" in fields and path != "/account/sign-in":
                body = {**body, "code": recovery[0]}  # noqa: PLW2901
            with pytest.raises(Refused) as error:
                thief.ask(route.method, path.removeprefix("/account/"), **body)
            assert error.value.status in (400, 401, 404, 409), (path, error.value)
            tried += 1
    assert tried > 30
    assert everything(owner) == before
    assert thief.ask("GET", "session")["person"]["recovery_codes_left"] == 10


def test_every_route_is_in_the_docs():
    text = (ROOT / "docs" / "concepts" / "people.md").read_text()
    site = open_account_site(_Unasked(), Guard(1, ""), bytes, _Unasked())
    shown = {
        re.sub(r"/[A-Z]+(?=/|$)", "/*", route)
        for route in re.findall(r"`([A-Z]+ /account/[\w/-]+)`", text)
    }
    assert shown == {f"{route.method} {route.path}" for route in site.routes()}


class _Unasked:
    """Stands where a table is made and nothing asked."""

    exchange = admin = personal = None

    def hash(self, password):
        return ""
