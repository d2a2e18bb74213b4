"""The account pages in a real browser: people, their keys and their money, as they press them."""

import base64
import itertools
import json
import re
from contextlib import suppress

import ccxt
import msgspec
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from exchange_here import ExchangeHere
from key_pairs import public_pem
from native_client import CLOCK
from page_visit import ASKED_S, NARROW, WIDE, overflow
from person_client import PASSWORD, Browser
from playwright.sync_api import expect
from requests.adapters import HTTPAdapter
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from steelyard.dialects.native import auth as native_auth
from steelyard.exchange import totp
from steelyard.exchange.lockout import FREE_TRIES
from steelyard.wire.dialect import ApiKey

pytestmark = pytest.mark.slow

PAGES = ["accounts", "keys", "keys/new", "funds", "security", "activity", "outbox"]
LINE_S = 20
ELSEWHERE = "127.0.0.9"

names = (f"page-person{number}" for number in itertools.count())


class Person:
    """Somebody at a browser, with an authenticator in their pocket."""

    def __init__(self, visit, url):
        self.url = url.partition("#")[0]
        self.seen = visit(f"{self.url}#/sign-in")
        self.page = self.seen.page
        self.page.set_default_timeout(ASKED_S * 1_000)
        self.secret = b""
        self.step = -1
        self.recovery = []

    def go(self, place):
        self.page.goto(f"{self.url}#/{place}")

    def region(self, name):
        return self.page.get_by_role("region", name=name, exact=True)

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def write(self, label, text, within=None):
        (within or self.page).get_by_role("textbox", name=label, exact=True).fill(text)

    def choose(self, label, value, within=None):
        (within or self.page).get_by_role("combobox", name=label, exact=True).select_option(value)

    def sign_up(self, name):
        self.page.get_by_role("link", name="Sign up").click()
        self.write("Name", name)
        self.write("E-mail", f"{name}@example.com")
        self.write("Password", PASSWORD)
        self.press("Sign up")
        expect(self.region("Second factor")).to_be_visible()

    def sign_in(self, name, password=PASSWORD):
        self.write("Name", name)
        self.write("Password", password)
        self.press("Sign in")

    def enrol(self):
        self.press("Enrol a second factor")
        self.write("Password", PASSWORD, self.region("Second factor"))
        self.press("Go on")
        text = self.page.get_by_label("Secret of the second factor").inner_text()
        self.secret = base64.b32decode(text.replace(" ", ""))
        expect(self.page.get_by_alt_text("QR code for your authenticator")).to_be_visible()
        self.write("Code", self.code(), self.region("Second factor"))
        self.press("Enrol")
        self.recovery = self.shown("Recovery codes").split()
        assert len(set(self.recovery)) == 10
        self.press("I have kept it")

    def code(self):
        """A code that has not been used; a recovery code where the next one is not yet there."""
        now = CLOCK.now_ns() // totp.STEP_NS
        if self.step >= now + totp.WINDOW:
            return self.recovery.pop()
        self.step = max(self.step + 1, now - totp.WINDOW)
        return totp.code_at(self.secret, self.step)

    def shown(self, name):
        return self.page.get_by_label(name, exact=True).inner_text()

    def kept(self):
        """Everything that the page holds: what it shows, its address, its storage."""
        page = self.page
        stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
        return page.content() + page.url + stored


def trader(exchange, key, secret, source_ip="127.0.0.1"):
    """An unmodified ccxt that comes from this address."""
    settings = exchange.env("binance", client="ccxt")
    client = ccxt.binance({**settings, "apiKey": key, "secret": secret})

    class From(HTTPAdapter):
        def init_poolmanager(self, *args, **options):
            super().init_poolmanager(*args, **options, source_address=(source_ip, 0))

    client.session = requests.Session()
    client.session.mount("http://", From())
    return client


def end_of(line):
    """Return the code and reason with which the exchange closes a line."""
    while True:
        try:
            line.recv(LINE_S)
        except ConnectionClosed as closed:
            return closed.rcvd.code, closed.rcvd.reason


def new_key(person, dialect, **fields):
    """Make a key on the page; return it with its secret, which is still on show."""
    person.go("keys/new")
    person.choose("Dialect", dialect)
    person.write("Label", fields.get("label", "bot"))
    person.write("Only from these addresses", fields.get("ip", "127.0.0.1"))
    person.choose("Expires", fields.get("days", "7"))
    person.write("Code", person.code())
    person.press("Create the key")
    return person.shown("Key"), person.shown("Secret")


def test_the_whole_life_of_a_key(exchange, visit):
    """B1-B18: sign-up, second factor, key, trade, refusal elsewhere, rotation, revocation."""
    person, name = Person(visit, exchange.ready["page"]), next(names)
    person.sign_up(name)
    person.enrol()
    person.go("funds")
    deposit = person.region("Deposit")
    person.choose("Asset", "USDT", deposit)
    person.write("Amount", "1000", deposit)
    person.press("Deposit")
    person.press("Let it arrive now")
    expect(person.region("Under way and done")).to_contain_text("done")

    key, secret = new_key(person, "binance", label="dip bot")
    person.press("I have kept it")
    expect(person.page.get_by_role("heading", name="dip bot")).to_be_visible()
    thief = person.region("What a thief could do with it")
    expect(thief).to_contain_text("only from 127.0.0.1")
    expect(thief).to_contain_text("1000 USDT")
    assert secret not in person.kept()
    person.page.go_back()
    person.page.go_forward()
    assert secret not in person.kept()

    order = ("BTC/USDT", "limit", "buy", 0.001, 20_000)
    client = trader(exchange, key, secret)
    assert client.create_order(*order)["status"] == "open"
    with pytest.raises(ccxt.AuthenticationError, match="Invalid API-key, IP"):
        trader(exchange, key, secret, ELSEWHERE).fetch_balance()
    person.go(f"keys/{key}")
    expect(person.page.get_by_text("from 127.0.0.1", exact=False).first).to_be_visible()

    person.press("Rotate")
    person.write("Code", person.code())
    person.region("Rotate this key").get_by_role("button", name="Rotate", exact=True).click()
    new, new_secret = person.shown("Key"), person.shown("Secret")
    person.press("I have kept it")
    expect(person.page.get_by_role("link", name=key[:8])).to_be_visible()
    replacement = trader(exchange, new, new_secret)
    assert client.create_order(*order)["status"] == "open"
    assert len(replacement.fetch_open_orders("BTC/USDT")) == 2

    person.press("Revoke")
    person.press("Revoke for good")
    expect(person.page.get_by_text("revoked", exact=True).first).to_be_visible()
    with pytest.raises(ccxt.ExchangeError, match="it may have been revoked"):
        replacement.fetch_balance()
    assert len(client.fetch_open_orders("BTC/USDT")) == 2
    history = person.region("History").get_by_role("listitem")
    expect(history.first).to_contain_text("revoked by you")
    assert person.seen.complaints() == []
    assert person.seen.foreign == []


def test_a_secret_is_copied_and_saved_while_it_is_on_show(exchange, visit):
    """The file holds what `key create --json` prints; the clipboard the secret alone."""
    person = Person(visit, exchange.ready["page"])
    person.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    person.sign_up(next(names))
    person.enrol()
    key, secret = new_key(person, "native")
    person.press("Copy Secret")
    expect(person.page.get_by_role("button", name="Copy Secret")).to_have_text("Copied")
    assert person.page.evaluate("navigator.clipboard.readText()") == secret
    with person.page.expect_download() as download:
        person.press("Save as a file")
    saved = json.loads(download.value.path().read_text())
    assert (saved["key"], saved["secret"], saved["dialect"]) == (key, secret, "native")
    assert download.value.suggested_filename == f"steelyard-native-{key[:8]}.json"
    assert person.seen.complaints() == []


def test_revoking_a_key_closes_its_line(exchange, visit):
    """B15: the WebSocket that logged in with it ends as soon as the button is pressed."""
    person = Person(visit, exchange.ready["page"])
    person.sign_up(next(names))
    person.enrol()
    key, secret = new_key(person, "native")
    person.press("I have kept it")
    with connect(exchange.url("native", "ws") + "/ws/v1", proxy=None) as line:
        login = native_auth.login_to_wire(ApiKey(key, secret.encode()), CLOCK.now_ns())
        line.send(msgspec.json.encode(login).decode())
        assert json.loads(line.recv(LINE_S)).get("error") is None
        person.press("Revoke")
        person.press("Revoke for good")
        assert end_of(line) == (1008, "the key has been revoked")
    assert person.seen.complaints() == []


def test_changing_a_key_asks_for_a_code_only_where_it_may_do_more(exchange, visit):
    """B6: taking rights away is free, giving them needs the second factor, at its own field."""
    person = Person(visit, exchange.ready["page"])
    person.sign_up(next(names))
    person.enrol()
    key, _ = new_key(person, "native")
    person.press("I have kept it")
    person.press("Change")
    change = person.region("Change this key")
    expect(change.get_by_role("textbox", name="Label")).to_be_focused()
    change.get_by_role("checkbox", name="trade").uncheck()
    person.press("Save the changes")
    expect(change).to_be_hidden()
    expect(person.region("What a thief could do with it")).to_contain_text("cannot place")

    person.press("Change")
    change.get_by_role("checkbox", name="trade").check()
    person.press("Save the changes")
    code = change.get_by_role("textbox", name="Code")
    expect(code).to_have_accessible_description(re.compile("code of your authenticator"))
    expect(code).to_be_focused()
    code.fill(person.code())
    person.press("Save the changes")
    expect(change).to_be_hidden()
    assert exchange.steelyard("key", "show", key)["scopes"] == ["read", "trade"]


def test_nobody_reaches_another_persons_key(exchange, visit):
    """Who knows a key's name sees no more than who does not, and finds no button to press."""
    owner = Browser(exchange)
    owner_name = next(names)
    owner.sign_up(owner_name)
    owner.enrol()
    want = {"account": owner_name, "dialect": "native", "scopes": ["read"], "label": "mine"}
    key = owner.ask("POST", "keys", **want, code=owner.code())["key"]
    other = Person(visit, exchange.ready["page"])
    other.sign_up(next(names))
    for name in (key, "nokeyatall"):
        other.go(f"keys/{name}")
        alert = other.page.get_by_role("alert").get_by_text("There is no such key of yours.")
        expect(alert).to_be_visible()
        assert other.page.get_by_role("button", name="Revoke").count() == 0
        assert "mine" not in other.page.get_by_role("main").inner_text()


def test_who_is_wrong_too_often_is_told_how_long_to_wait(tmp_path, visit):
    """The page says when the next try is worth something; even the right password waits."""
    with ExchangeHere(tmp_path / "data") as here:
        Browser(here).sign_up("dora")
        here.steelyard("clock", "freeze")  # the wait begins with a second, too short to look at
        person = Person(visit, here.ready["page"])
        alert = person.page.get_by_role("alert")
        for _ in range(FREE_TRIES):
            person.sign_in("dora", "not the password")
            expect(alert).to_contain_text("The name or the password is wrong.")
            person.page.reload()
        person.sign_in("dora")
        expect(alert).to_contain_text("Too many wrong tries")
        expect(alert).to_contain_text(re.compile(r"Try again in 1 s, at \d\d:\d\d:\d\d\."))
        here.steelyard("clock", "advance", "1s")
        person.sign_in("dora")
        expect(person.region("Balances")).to_be_visible()
        assert person.seen.complaints() == []


def test_a_temporary_password_opens_nothing_but_its_change(exchange, visit):
    """Who was let in again by the administrator chooses their own password first."""
    name, new = next(names), "another good password"
    Browser(exchange).sign_up(name)
    temporary = exchange.steelyard("person", "reset-password", name)["password"]
    person = Person(visit, exchange.ready["page"])
    person.go("keys")
    person.sign_in(name, temporary)
    expect(person.page.get_by_text("Your password is a temporary one")).to_be_visible()
    assert person.page.get_by_role("navigation", name="Account", exact=True).count() == 0
    person.write("Password now", temporary)
    person.write("New password", "short")
    person.press("Change the password")
    field = person.page.get_by_role("textbox", name="New password")
    expect(field).to_have_accessible_description(re.compile("10 to 200 characters"))
    field.fill(new)
    person.press("Change the password")
    expect(person.region("API keys")).to_be_visible()
    assert person.seen.complaints() == []


def test_money_moves_to_a_sub_account_which_has_keys_of_its_own(exchange, visit):
    """B3: a sub-account is opened, funded and given a key by the public half of a pair."""
    name = next(names)
    person = Person(visit, exchange.ready["page"])
    person.sign_up(name)
    exchange.steelyard("account", "deposit", name, "USDT=500")
    person.go("accounts")
    person.write("Name", "bot", person.region("Sub-accounts"))
    person.press("Open a sub-account")
    move = person.region("Move between accounts")
    person.choose("Asset", "USDT", move)
    expect(move).to_contain_text("500 free")
    person.write("Amount", "200", move)
    person.press("Move")
    expect(move.get_by_role("status")).to_have_text(f"Moved 200 USDT to {name}.bot.")
    table = person.page.get_by_role("table", name=f"Balances of {name}.bot")
    expect(table).to_contain_text("200")

    person.go("security")
    person.enrol()
    person.go("keys/new")
    person.choose("Account", f"{name}.bot")
    person.choose("Signs with", "ed25519")
    private = Ed25519PrivateKey.generate()
    person.write("Public key", public_pem(private))
    person.write("Code", person.code())
    person.press("Create the key")
    key = person.shown("Key")
    assert person.page.get_by_label("Secret", exact=True).count() == 0
    shown = exchange.steelyard("key", "show", key)
    assert (shown["account"], shown["kind"]) == (f"{name}.bot", "ed25519")
    assert person.seen.complaints() == []


def test_the_desk_leads_to_the_account_and_back(exchange, visit):
    """The header's menu opens by keyboard, says who is signed in, and signs out."""
    url = exchange.ready["page"].partition("#")[0]
    seen = visit(url)
    menu = seen.page.get_by_role("button", name="Your account")
    menu.focus()
    seen.page.keyboard.press("Enter")
    entries = seen.page.get_by_role("navigation", name="Your account")
    expect(entries).to_contain_text("Nobody is signed in here.")
    seen.page.keyboard.press("Escape")
    expect(entries).to_be_hidden()
    expect(menu).to_be_focused()

    person, name = Person(visit, url), next(names)
    person.sign_up(name)
    person.page.get_by_role("link", name="Desk", exact=True).click()
    person.seen.book()
    person.page.get_by_role("button", name=f"Your account: {name}").click()
    entries = person.page.get_by_role("navigation", name="Your account")
    entries.get_by_role("link", name="Outbox").click()
    mail = person.page.get_by_role("article", name="Welcome to steelyard")
    expect(mail).to_contain_text(f"to {name}@example.com")
    person.page.get_by_role("button", name=f"Your account: {name}").click()
    person.press("Sign out")
    expect(person.region("Sign in")).to_be_visible()
    person.go("keys")
    expect(person.region("Sign in")).to_be_visible()
    assert person.seen.complaints() == []


def test_an_ended_session_asks_to_sign_in_and_goes_on_where_it_was(exchange, visit):
    """Somebody who is signed out meanwhile is told so, and lands where they were."""
    name = next(names)
    person = Person(visit, exchange.ready["page"])
    person.sign_up(name)
    elsewhere = Browser(exchange)
    elsewhere.sign_in(name)
    (other,) = [s for s in elsewhere.ask("GET", "sessions")["sessions"] if not s["current"]]
    elsewhere.ask("DELETE", f"sessions/{other['id']}")
    navigation = person.page.get_by_role("navigation", name="Account", exact=True)
    navigation.get_by_role("link", name="Activity").click()
    expect(person.page.get_by_text("Your session has ended")).to_be_visible()
    # By the keyboard alone, as people who sign in often do.
    person.page.get_by_role("textbox", name="Name").focus()
    person.page.keyboard.type(name)
    person.page.keyboard.press("Tab")
    person.page.keyboard.type(PASSWORD)
    person.page.keyboard.press("Enter")
    activity = person.page.get_by_role("list", name="Activity, newest first")
    expect(activity.get_by_role("listitem").first).to_contain_text("Signed in")
    assert person.seen.complaints() == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_page_fits_its_window_and_asks_nobody_else(exchange, visit, size, theme):
    """No page is wider than its window, complains, or leaves an input without a name."""
    owner = Browser(exchange)
    account = owner.sign_up(next(names))["person"]["account"]
    owner.enrol()
    want = {"account": account, "dialect": "binance", "scopes": ["read"], "code": owner.code()}
    key = owner.ask("POST", "keys", **want)["key"]
    name, _, value = owner.cookie.partition("=")
    cookie = {"name": name, "value": value, "domain": owner.host, "path": "/account"}
    url = exchange.ready["page"].partition("#")[0]
    seen = visit(f"{url}#/accounts", size, theme, [cookie])
    for place in [*PAGES, f"keys/{key}"]:
        seen.page.goto(f"{url}#/{place}")
        expect(seen.page.get_by_role("main").get_by_role("heading").first).to_be_visible()
        seen.page.wait_for_load_state("networkidle")
        assert overflow(seen.page) <= 0, place
        for kind in ("textbox", "combobox", "checkbox", "button", "link"):
            nameless = seen.page.get_by_role(kind, name=re.compile("^$"))
            assert nameless.count() == 0, (place, kind)
    assert seen.errors == []
    assert seen.foreign == []


def add_address(person, exchange):
    """Add an address and let a sandbox's day pass, which ends the session too."""
    person.go("funds")
    book = person.region("Address book")
    person.press("Add an address")
    person.choose("Network", "tron", book)
    person.write("Address", "T" + "x" * 33, book)
    person.write("Label", "cold wallet", book)
    person.write("Code", person.code(), book)
    person.press("Add the address")
    expect(book).to_contain_text("usable in 1 d 0 h")
    exchange.steelyard("clock", "advance", "1d")
    person.page.reload()
    person.sign_in("carol")
    person.write("Code", person.code())
    person.press("Sign in")
    expect(book.get_by_text("usable", exact=True)).to_be_visible()


def test_a_withdrawal_leaves_after_the_code_of_the_mail(tmp_path, visit):
    """B10, B11: an address that has cooled, a second factor, then the code in the outbox."""
    with ExchangeHere(tmp_path / "data") as here:
        person = Person(visit, here.ready["page"])
        person.sign_up("carol")
        person.enrol()
        here.steelyard("account", "deposit", "carol", "USDT=100")
        add_address(person, here)
        withdraw = person.region("Withdraw")
        expect(withdraw).to_contain_text("100 USDT free")
        expect(withdraw).to_contain_text("The network takes 1 USDT of it.")
        person.write("Amount", "1000", withdraw)
        person.write("Code", person.code(), withdraw)
        person.press("Withdraw")
        amount = withdraw.get_by_role("textbox", name="Amount")
        expect(amount).to_have_accessible_description(re.compile("There are 100 free"))
        amount.fill("60")
        person.press("Withdraw")
        transfers = person.region("Under way and done")
        expect(transfers).to_contain_text("confirm by mail")
        expect(withdraw).to_contain_text("40 USDT free")

        person.write("Code from the mail", "wrong", transfers)
        person.press("Confirm the withdrawal")
        token = transfers.get_by_role("textbox", name="Code from the mail")
        expect(token).to_have_accessible_description(re.compile("No withdrawal of yours waits"))
        person.go("outbox")
        mail = person.page.get_by_role("article", name="Confirm your withdrawal")
        code = re.search(r"with this code: (\w+)", mail.inner_text())[1]
        person.go("funds")
        person.write("Code from the mail", code, transfers)
        person.press("Confirm the withdrawal")
        expect(transfers).to_contain_text("59 arrive")
        expect(transfers).to_contain_text(re.compile("leaves in [45] min"))
        here.steelyard("clock", "advance", "5m")
        for _ in range(20):  # until the exchange has taken its next step
            person.press("Look again")
            with suppress(AssertionError):
                expect(transfers).to_contain_text("59 arrived", timeout=500)
                break
        expect(transfers).to_contain_text("59 arrived")
        expect(transfers).to_contain_text("done")
        assert person.seen.complaints() == []
