"""A person's money over real sockets, with a clock that a test may set."""

import asyncio
import json
import threading
from contextlib import closing

import msgspec
import pytest
from native_client import CLOCK, Client, Refused
from person_client import PASSWORD, Browser

from steelyard.cli.exchange_config import ExchangeConfig
from steelyard.cli.exchange_process import ExchangeProcess
from steelyard.cli.limit_profiles import profile_chooser
from steelyard.exchange import funds
from steelyard.exchange.audit import audit
from steelyard.exchange.issuing import CreateKey
from steelyard.exchange.sandbox_clock import AdvanceClock
from steelyard.net.loopback import ask
from steelyard.store.datadir import read_token

TRON = "T" * 34


class ProcessHere:
    """An exchange's process in a thread, whose clock can be set ahead."""

    def __init__(self, data):
        self.data, self.loop, self.is_up = data, asyncio.new_event_loop(), threading.Event()
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self.main(),))
        self.thread.start()
        assert self.is_up.wait(30)

    async def main(self):
        config = ExchangeConfig(self.data, 0, None, profile_chooser("off"))
        self.process = ExchangeProcess(config)
        self.ready = await self.process.start()
        self.is_up.set()
        await self.process.stopped.wait()
        await self.process.stop()

    def url(self, dialect):
        return self.ready["dialects"][dialect]["rest"]

    def advance(self, time_ns, *browsers):
        self.process.clock.skew_ns += time_ns
        for browser in browsers:
            browser.skew_ns += time_ns

    def audit(self):
        exchange = self.process.exchange
        future = asyncio.run_coroutine_threadsafe(self._audit(exchange), self.loop)
        assert future.result(10).differences == []

    async def _audit(self, exchange):
        return audit(exchange, exchange.engine.snapshot())

    def stop(self):
        self.loop.call_soon_threadsafe(self.process.stopped.set)
        self.thread.join(30)
        self.loop.close()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    here = ProcessHere(tmp_path / "data")
    yield here
    here.stop()


def state(browser, number):
    (found,) = [t for t in browser.ask("GET", "transfers")["transfers"] if t["id"] == number]
    return found["state"]


def wait_for(browser, number, wanted):
    for _ in range(200):
        if state(browser, number) == wanted:
            return
        threading.Event().wait(0.05)
    raise AssertionError(state(browser, number))


def mailed_code(browser):
    for mail in browser.ask("GET", "outbox")["mails"]:
        if mail["subject"] == "Confirm your withdrawal":
            return mail["text"].partition("code: ")[2].split()[0]
    raise AssertionError("no mail")


@pytest.mark.slow
def test_the_whole_life_of_money(here):
    anna = Browser(here)
    anna.sign_up("anna")
    deposit = anna.ask("POST", "deposits", asset="USDT", amount="500")
    assert (anna.status, deposit["state"], deposit["account"]) == (201, "pending", "anna")
    assert anna.ask("POST", f"deposits/{deposit['id']}/confirm")["state"] == "done"
    anna.ask("POST", "sub-accounts", name="bot")
    move = {"from": "anna", "to": "anna.bot", "asset": "USDT", "amount": "100.5"}
    anna.ask("POST", "move", **move)
    balances = {a["account"]: a["balances"] for a in anna.ask("GET", "balances")["accounts"]}
    assert balances == {
        "anna": [{"asset": "USDT", "free": "399.5", "held": "0"}],
        "anna.bot": [{"asset": "USDT", "free": "100.5", "held": "0"}],
    }
    address = {"asset": "USDT", "network": "tron", "address": TRON, "label": "cold"}
    assert anna.refused("POST", "addresses", **address) == (403, "TOTP_REQUIRED")
    anna.enrol()
    added = anna.ask("POST", "addresses", **address, code=anna.code())
    assert (anna.status, added["is_usable"]) == (201, False)
    want = {"account": "anna", "asset": "USDT", "amount": "50", "address_id": added["id"]}
    assert anna.refused("POST", "withdrawals", **want) == (401, "SECOND_FACTOR")
    assert anna.refused("POST", "withdrawals", **want, code=anna.code()) == (409, "COOLING")
    assert int(anna.headers["retry-after"]) > 80_000
    here.audit()

    here.advance(funds.ADDRESS_COOLING_NS, anna)
    assert anna.refused("GET", "transfers") == (401, "SIGN_IN")  # nobody came for a day
    anna.csrf = ""
    anna.sign_in("anna", code=anna.code())
    asked = anna.ask("POST", "withdrawals", **want, code=anna.code())
    assert (asked["state"], asked["fee"], asked["arrives"]) == ("awaiting_mail", "1", "49")
    here.audit()
    code = mailed_code(anna)
    assert anna.ask("POST", "confirm", token=code)["state"] == "pending"
    assert anna.refused("POST", "confirm", token=code) == (404, "NOT_FOUND")
    here.advance(funds.WITHDRAWAL_LEAVES_NS, anna)
    wait_for(anna, asked["id"], "done")
    assert anna.refused("DELETE", f"withdrawals/{asked['id']}") == (409, "CONFLICT")
    here.audit()
    (left,) = anna.ask("GET", "balances")["accounts"][0]["balances"]
    assert left == {"asset": "USDT", "free": "349.5", "held": "0"}

    assert anna.ask("GET", "addresses")["networks"]["BTC"] == {"bitcoin": "0.0001"}
    assert anna.ask("DELETE", f"addresses/{added['id']}")["removed"] is True
    assert anna.ask("GET", "addresses")["addresses"] == []
    port, token = anna.port, read_token(here.data / "exchange")
    status, mails = ask(port, "GET", "/outbox", token=token)
    assert (status, mails["mails"]) == (200, anna.ask("GET", "outbox")["mails"])
    assert ask(port, "GET", "/outbox", token="no")[0] == 401
    assert PASSWORD not in json.dumps(mails)
    files = [path.read_bytes() for path in here.data.rglob("*") if path.is_file()]
    assert any(b"WithdrawalAsked" in content for content in files)
    assert not any(code.encode() in content for content in files)
    assert code.encode() not in here.process.exchange.snapshot()


@pytest.mark.parametrize("number", ["0", "99", "x", "-1", "1e3", "9" * 30, "٣"])
def test_a_number_that_is_none_of_theirs(exchange, number):
    from urllib.parse import quote

    browser = Browser(exchange)
    browser.sign_up(f"numbers{abs(hash(number))}"[:30])
    for kind in ("withdrawals", "deposits", "addresses"):
        assert browser.refused("DELETE", f"{kind}/{quote(number)}") == (404, "NOT_FOUND")


def test_what_a_person_does_to_keys_moves_no_clock(here):
    """On a clock that was moved: the page hands on the time of the wire, and nobody's days pass."""
    anna = Browser(here)
    anna.sign_up("anna")
    anna.enrol()
    port, token = anna.port, read_token(here.data / "exchange")
    body = msgspec.json.encode(AdvanceClock(20 * 60 * 10**9))
    assert ask(port, "POST", "/admin", token=token, body=body)[0] == 200
    ahead_ns = here.process.exchange.clock.setting.offset_ns
    exchange = here.process.exchange
    want = {"account": "anna", "dialect": "native", "scopes": ["read"]}
    made = anna.ask("POST", "keys", **want, code=anna.code())
    for label in ("one", "two", "three"):
        anna.ask("POST", f"keys/{made['key']}/change", label=label)
    assert anna.ask("GET", "keys")["keys"][0]["works"] is True
    anna.ask("DELETE", f"keys/{made['key']}")
    assert exchange.clock.setting.offset_ns == ahead_ns
    assert exchange.now_ns - CLOCK.now_ns() <= ahead_ns


def test_a_program_asks_and_its_owner_confirms(here):
    """The native API's withdrawal over real sockets: a key alone moves nothing out."""
    anna = Browser(here)
    anna.sign_up("anna")
    deposit = anna.ask("POST", "deposits", asset="USDT", amount="500")
    anna.ask("POST", f"deposits/{deposit['id']}/confirm")
    anna.enrol()
    address = {"asset": "USDT", "network": "tron", "address": TRON, "label": "cold"}
    added = anna.ask("POST", "addresses", **address, code=anna.code())
    port, token = anna.port, read_token(here.data / "exchange")

    def administer(call):
        body = msgspec.json.encode(call)
        status, answer = ask(port, "POST", "/admin", token=token, body=body)
        assert status == 200, answer
        return answer

    def key(*scopes):
        return administer(CreateKey("anna", "native", scopes, ip=("127.0.0.1",)))

    reader, owner = key("read", "trade"), key("read", "withdraw")
    want = {"asset": "USDT", "amount": "50", "address_id": added["id"]}

    def code(client):
        with pytest.raises(Refused) as refused:
            client.ask("POST", "/api/v1/withdrawals", want)
        return refused.value.status, refused.value.error["code"]

    with closing(Client(here.url("native"), reader)) as other:
        assert code(other) == (403, "MISSING_SCOPE")
    with closing(Client(here.url("native"), owner)) as program:
        assert code(program) == (403, "WITHDRAW_COOLING")
        administer(AdvanceClock(funds.ADDRESS_COOLING_NS))

        asked = program.ask("POST", "/api/v1/withdrawals", want)
        assert asked["state"] == "awaiting_mail"
        (usdt,) = program.ask("GET", "/api/v1/account")["balances"]
        assert usdt == {"asset": "USDT", "free": "450", "held": "50"}
        here.audit()
        anna.csrf = ""
        anna.sign_in("anna", code=anna.code())
        assert anna.ask("POST", "confirm", token=mailed_code(anna))["state"] == "pending"
        canceled = program.ask("DELETE", f"/api/v1/withdrawals/{asked['transfer_id']}")
        assert canceled["state"] == "canceled"
        (listed,) = program.ask("GET", "/api/v1/withdrawals")["withdrawals"]
        assert listed == canceled
        here.audit()
