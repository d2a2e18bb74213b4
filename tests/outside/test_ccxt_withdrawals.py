"""Unmodified ccxt moves money out, from a key to a mail's code, where a venue has its own words."""

import time

import ccxt
import pytest
from exchange_here import ExchangeHere
from person_client import Browser

pytestmark = pytest.mark.slow

TRON = "TSandboxAddressOfNobody11111111111"
LINE_S = 20
KINDS = {"kucoin": ccxt.kucoin, "coinbase-advanced": ccxt.coinbase}
NETWORK = {"kucoin": {"chain": "trx"}, "coinbase-advanced": {"network": "tron"}}
ARRIVES = {"kucoin": 99, "coinbase-advanced": 100}  # whether the fee is in what is told


def client_of(exchange, key, dialect):
    shown = {"apiKey": key["key"], "secret": key["secret"], "password": key["passphrase"]}
    client = KINDS[dialect]({**exchange.env(dialect, client="ccxt"), **shown})
    client.load_markets()
    return client


def listed(client, what, dialect):
    """Return deposits or withdrawals of USDT."""
    if dialect == "kucoin":
        return getattr(client, f"fetch_{what}s")("USDT")
    account = next(a["id"] for a in client.fetch_accounts() if a["code"] == "USDT")
    found = client.fetch_ledger("USDT", params={"account_id": account})
    sign = "in" if what == "deposit" else "out"
    return [each for each in found if each["direction"] == sign]


@pytest.mark.parametrize("dialect", KINDS)
def test_a_withdrawal_by_ccxt_leaves_after_the_code_of_the_mail(tmp_path, dialect):
    """Asked for by a key, confirmed by a person; then it is gone, and told to be."""
    with ExchangeHere(tmp_path / "data") as here:
        anna = Browser(here)
        anna.sign_up("anna")
        anna.enrol()
        deposit = anna.ask("POST", "deposits", asset="USDT", amount="500", account="anna")
        anna.ask("POST", f"deposits/{deposit['id']}/confirm")
        anna.ask("POST", "addresses", asset="USDT", network="tron", address=TRON, code=anna.code())
        key = here.steelyard(
            *("key", "create", "anna", "--dialect", dialect, "--scopes", "read,withdraw"),
            *("--ip", "127.0.0.1/32"),
        )
        here.steelyard("clock", "advance", "1d")
        client = client_of(here, key, dialect)
        with pytest.raises(ccxt.ExchangeError):
            client.withdraw("USDT", 100, TRON[::-1], params=NETWORK[dialect])
        asked = client.withdraw("USDT", 100, TRON, params=NETWORK[dialect])
        (found,) = listed(client, "withdrawal", dialect)
        assert (found["id"], found["status"]) == (asked["id"], "pending")
        assert found["amount"] == ARRIVES[dialect]
        anna.cookie = anna.csrf = ""  # her session has ended meanwhile
        anna.sign_in("anna", code=anna.code())
        mail = next(m for m in anna.ask("GET", "outbox")["mails"] if "code: " in m["text"])
        anna.ask("POST", "confirm", token=mail["text"].partition("code: ")[2].split()[0])
        here.steelyard("clock", "advance", "10m")
        deadline = time.monotonic() + LINE_S
        while listed(client, "withdrawal", dialect)[0]["status"] != "ok":  # from the next step on
            assert time.monotonic() < deadline
        (came,) = listed(client, "deposit", dialect)
        assert (came["amount"], came["status"]) == (500, "ok")
        assert client.fetch_balance()["USDT"]["total"] == 400
