"""Unmodified ccxt on the wallet: networks, deposits, a withdrawal from key to mail, listen keys."""

import json
import time
from contextlib import ExitStack

import ccxt
import pytest
from exchange_here import ExchangeHere
from person_client import Browser
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

pytestmark = pytest.mark.slow

TRON = "TSandboxAddressOfNobody11111111111"
LINE_S = 20


def client_of(exchange, key):
    settings = exchange.env("binance", client="ccxt")
    client = ccxt.binance({**settings, "apiKey": key["key"], "secret": key["secret"]})
    client.load_markets()
    return client


def test_a_withdrawal_by_ccxt_leaves_after_the_code_of_the_mail(tmp_path):
    """Ccxt reads the same stages that the page shows: pending, then ok; the fee apart."""
    with ExchangeHere(tmp_path / "data") as here:
        anna = Browser(here)
        anna.sign_up("anna")
        anna.enrol()
        deposit = anna.ask("POST", "deposits", asset="USDT", amount="500", account="anna")
        anna.ask("POST", f"deposits/{deposit['id']}/confirm")
        anna.ask("POST", "addresses", asset="USDT", network="tron", address=TRON, code=anna.code())
        key = here.steelyard(
            "key", "create", "anna", "--dialect", "binance", "--scopes", "read,withdraw",
            "--ip", "127.0.0.1/32",
        )  # fmt: skip
        here.steelyard("clock", "advance", "1d")
        client = client_of(here, key)
        networks = client.currencies["USDT"]["networks"]
        assert networks["TRC20"]["fee"] == 1
        assert networks["TRC20"]["withdraw"]
        address = client.fetch_deposit_address("USDT", {"network": "TRC20"})
        assert address["address"].startswith("sandbox-tron-")
        with pytest.raises(ccxt.ExchangeError, match="-4035"):
            client.withdraw("USDT", 100, TRON[::-1], params={"network": "TRC20"})
        asked = client.withdraw("USDT", 100, TRON, params={"network": "TRC20"})
        (found,) = client.fetch_withdrawals("USDT")
        assert (found["id"], found["status"]) == (asked["id"], "pending")
        assert (found["amount"], found["fee"]["cost"], found["address"]) == (99, 1, TRON)
        assert client.fetch_balance()["USDT"] == {"free": 400, "used": 100, "total": 500}
        anna.cookie = anna.csrf = ""  # her session has ended meanwhile
        anna.sign_in("anna", code=anna.code())
        mail = next(m for m in anna.ask("GET", "outbox")["mails"] if "code: " in m["text"])
        anna.ask("POST", "confirm", token=mail["text"].partition("code: ")[2].split()[0])
        here.steelyard("clock", "advance", "10m")
        deadline = time.monotonic() + LINE_S
        while client.fetch_withdrawals("USDT")[0]["status"] != "ok":  # from the next step on
            assert time.monotonic() < deadline
        (came,) = client.fetch_deposits("USDT")
        assert (came["amount"], came["status"]) == (500, "ok")
        assert client.fetch_balance()["USDT"]["total"] == 400


def test_a_listen_key_by_ccxt_opens_bare_events_until_the_exchange_stops(tmp_path):
    """With the one request of it that ccxt still has; an orderly stop is told on every line."""
    with ExchangeHere(tmp_path / "data") as here:
        key = here.trader("listener", {"USDT": "100000"}, dialect="binance")
        client = client_of(here, key)
        token = client.public_post_userdatastream()["listenKey"]
        assert client.public_put_userdatastream({"listenKey": token}) == {}
        url = here.url("binance", "ws")
        targets = (f"/ws/{token}", "/stream?streams=btcusdt@trade", "/ws-api/v3")
        with ExitStack() as lines:
            bare, wrapped, api = (
                lines.enter_context(connect(url + target, proxy=None)) for target in targets
            )
            placed = client.create_order("BTC/USDT", "limit", "buy", 0.01, 20_000)
            report, position = (json.loads(bare.recv(LINE_S)) for _ in range(2))
            assert (report["e"], str(report["i"])) == ("executionReport", placed["id"])
            assert position["e"] == "outboundAccountPosition"
            here.stop()
            told = [last_of(line) for line in (bare, wrapped, api)]
        assert told[0]["e"] == told[1]["data"]["e"] == told[2]["event"]["e"] == "serverShutdown"
        assert told[1]["stream"] == "!serverShutdown"


def last_of(line):
    """Read a line to its end; return the last message."""
    last = None
    try:
        while True:
            last = json.loads(line.recv(LINE_S))
    except ConnectionClosed:
        return last
