"""People over a whole exchange's life: the command line, restarts, power cuts, and the canary."""

import http.client
import json
import re
import ssl
from urllib.parse import urlsplit

import pytest
from person_client import PASSWORD, Browser

from steelyard.testing import LocalExchange


@pytest.fixture
def stopped(tmp_path):
    """Return an exchange that does not run, with one person who has a second factor."""
    exchange = LocalExchange(tmp_path / "data", "--crowd", "1")
    with exchange:
        browser = Browser(exchange)
        browser.sign_up("anna")
        exchange.recovery = browser.enrol()
        exchange.secret = browser.secret
    return exchange


def test_the_list_says_who_there_is(exchange):
    browser = Browser(exchange)
    browser.sign_up("listed")
    shown = {p["name"]: p for p in exchange.steelyard("person", "list")["persons"]}["listed"]
    assert (shown["accounts"], shown["totp"], shown["locked_ms"]) == (["listed"], False, 0)


def test_an_unknown_person_is_told(exchange):
    with pytest.raises(RuntimeError, match="no person 'nobody-here'; there are: "):
        exchange.steelyard("person", "unlock", "nobody-here")


def test_who_is_locked_out_is_let_in_again(exchange):
    browser = Browser(exchange)
    browser.sign_up("locked")
    wrong = {"name": "locked", "password": "a wrong password"}
    for _ in range(9):  # sooner or later locked, however slow the machine is
        browser.refused("POST", "sign-in", **wrong)
    shown = {p["name"]: p for p in exchange.steelyard("person", "list")["persons"]}["locked"]
    assert shown["locked_ms"] > 0
    exchange.steelyard("person", "unlock", "locked")
    assert Browser(exchange).sign_in("locked")["signed_in"] is True


def test_a_temporary_password_ends_sessions_and_lets_choose_another_only(exchange):
    browser = Browser(exchange)
    browser.sign_up("forgot")
    temporary = exchange.steelyard("person", "reset-password", "forgot")["password"]
    assert browser.ask("GET", "session")["signed_in"] is False
    assert Browser(exchange).refused("POST", "sign-in", name="forgot", password=PASSWORD) == (
        401,
        "CREDENTIALS",
    )
    browser.csrf = ""
    session = browser.sign_in("forgot", temporary)
    assert session["person"]["must_change_password"] is True
    for method, path in (("GET", "balances"), ("GET", "keys"), ("POST", "move")):
        refused = browser.refused(method, path)
        assert refused == (403, "PASSWORD_CHANGE_REQUIRED")
    other = Browser(exchange)
    other.sign_in("forgot", temporary)
    new = "another good one"
    session = browser.ask("POST", "password", old=temporary, new=new)
    assert session["person"]["must_change_password"] is False
    assert browser.ask("GET", "balances")["accounts"]
    assert other.ask("GET", "session")["signed_in"] is False
    assert Browser(exchange).sign_in("forgot", new)["signed_in"] is True


@pytest.mark.slow
def test_a_stopped_exchange_is_administered_too(stopped):
    (shown,) = stopped.steelyard("person", "list")["persons"]
    assert (shown["name"], shown["totp"], shown["recovery_codes_left"]) == ("anna", True, 10)
    assert stopped.steelyard("person", "reset-totp", "anna")["totp"] is False
    temporary = stopped.steelyard("person", "reset-password", "anna")["password"]
    with stopped:
        browser = Browser(stopped)
        session = browser.sign_in("anna", temporary)
        assert session["person"]["must_change_password"] is True
        assert session["person"]["totp"] is False


@pytest.mark.slow
def test_what_was_answered_outlives_a_power_cut(stopped):
    with stopped:
        browser = Browser(stopped)
        browser.sign_in("anna", code=stopped.recovery[0])
        browser.ask("POST", "sub-accounts", name="bot")
        number = browser.ask("POST", "deposits", asset="USDT", amount="500")["id"]
        browser.ask("POST", f"deposits/{number}/confirm")
        move = {"from": "anna", "to": "anna.bot", "asset": "USDT", "amount": "200"}
        browser.ask("POST", "move", **move)
        before = browser.ask("GET", "balances")["accounts"]
        deeds = browser.ask("GET", "activity")["activity"]
        stopped.kill()
        stopped.start()
        again = Browser(stopped)
        used = {"name": "anna", "password": PASSWORD, "code": stopped.recovery[0]}
        assert again.refused("POST", "sign-in", **used) == (401, "SECOND_FACTOR")
        again.sign_in("anna", code=stopped.recovery[1])
        assert again.ask("GET", "balances")["accounts"] == before
        assert again.ask("GET", "activity")["activity"][3:] == deeds
        assert stopped.steelyard("exchange", "audit")["balanced"] is True


@pytest.mark.slow
def test_cooling_is_practised_without_waiting(stopped):
    """The sandbox's clock goes on by days; the telephone's codes do not notice."""
    with stopped:
        browser = Browser(stopped)
        browser.sign_in("anna", code=stopped.recovery[0])
        number = browser.ask("POST", "deposits", asset="USDT", amount="500")["id"]
        address = {"asset": "USDT", "network": "tron", "address": "T" * 34}
        added = browser.ask("POST", "addresses", **address, code=stopped.recovery[1])
        want = {"account": "anna", "asset": "USDT", "amount": "50", "address_id": added["id"]}
        refused = browser.refused("POST", "withdrawals", **want, code=stopped.recovery[2])
        assert refused == (409, "COOLING")
        stopped.steelyard("clock", "advance", "1d")
        browser = Browser(stopped)
        browser.secret = stopped.secret
        browser.sign_in("anna", code=browser.code())
        states = {t["id"]: t["state"] for t in browser.ask("GET", "transfers")["transfers"]}
        assert states == {number: "done"}  # it has arrived by itself
        asked = browser.ask("POST", "withdrawals", **want, code=stopped.recovery[2])
        assert asked["state"] == "awaiting_mail"
        stopped.steelyard("clock", "advance", "25m")
        code = browser.ask("GET", "outbox")["mails"][0]["text"].partition("code: ")[2].split()[0]
        assert browser.ask("POST", "confirm", token=code)["state"] == "pending"
        stopped.steelyard("clock", "advance", "5m")
        assert stopped.steelyard("exchange", "audit")["balanced"] is True
        states = {t["id"]: t["state"] for t in browser.ask("GET", "transfers")["transfers"]}
        assert states[asked["id"]] == "done"


@pytest.mark.slow
def test_over_tls_the_page_signs_in_with_a_secure_cookie(tmp_path):
    exchange = LocalExchange(tmp_path / "data", "--crowd", "1", "--tls")
    with exchange:
        tls = exchange.ready["tls"]
        url = urlsplit(tls["page"])
        context = ssl.create_default_context(cafile=tls["ca"])
        connection = http.client.HTTPSConnection(
            url.hostname, url.port, timeout=20, context=context
        )
        connection.request("GET", "/account/session")
        response = connection.getresponse()
        assert response.status == 200, response.read()
        cookie = response.getheader("set-cookie")
        connection.close()
    assert cookie.startswith(f"steelyard-session-{url.port}=")
    assert cookie.endswith("; Secure")


@pytest.mark.slow
def test_the_canary_no_secret_is_written_anywhere(tmp_path):
    """Everything that the process writes: journal, snapshots, files, standard error."""
    exchange = LocalExchange(tmp_path / "data", "--crowd", "1")
    canary = "canary horse battery"
    with exchange:
        browser = Browser(exchange)
        browser.sign_up("anna", canary)
        secrets = [canary, browser.cookie.partition("=")[2], browser.csrf]
        recovery = browser.enrol(canary)
        secrets += [browser.secret.hex(), *recovery, *(c.replace("-", "") for c in recovery)]
        made = browser.ask(
            "POST", "keys", account="anna", dialect="native", scopes=["read"], code=recovery[0]
        )
        secrets.append(made["secret"])
        number = browser.ask("POST", "deposits", asset="USDT", amount="500")["id"]
        browser.ask("POST", f"deposits/{number}/confirm")
        wrong = "canary wrong password"
        browser.refused("POST", "password", old=wrong, new=canary + "2", code=recovery[1])
        browser.ask("POST", "password", old=canary, new=canary + "2", code=recovery[1])
        secrets += [wrong, canary + "2", browser.cookie.partition("=")[2], browser.csrf]
        temporary = exchange.steelyard("person", "reset-password", "anna")["password"]
        secrets.append(temporary)
        exchange.kill()  # leaves the journal
        left = written(tmp_path)
        exchange.start()
    left |= written(tmp_path)  # and the snapshot
    assert any("snapshots" in name for name in left)
    assert any(b"PersonSignedUp" in content for content in left.values())
    for secret in secrets:
        assert len(secret) > 10
        for name, content in left.items():
            assert secret.encode() not in content, name
    base32 = re.compile(rb"(?i)" + browser_secret_text(browser).encode())
    assert not any(base32.search(content) for content in left.values())


def browser_secret_text(browser):
    from steelyard.exchange.totp import secret_text

    return secret_text(browser.secret)


def written(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.slow
def test_a_directory_from_before_there_were_people_opens(tmp_path):
    """A snapshot without them, and a journal without their records."""
    exchange = LocalExchange(tmp_path / "data", "--crowd", "1")
    with exchange:
        exchange.steelyard("account", "create", "old", "--deposit", "USDT=5")
    snapshots = [*(tmp_path / "data" / "exchange" / "snapshots").iterdir()]
    assert snapshots
    with exchange:
        assert exchange.steelyard("person", "list")["persons"] == []
        browser = Browser(exchange)
        assert browser.refused(
            "POST", "sign-up", name="old", email="o@example.com", password=PASSWORD
        ) == (409, "NAME_TAKEN")
        assert json.dumps(browser.sign_up("new"))
