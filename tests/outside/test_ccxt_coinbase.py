"""What is Coinbase Exchange's own, for unmodified ccxt: ids, funds, refusals, keys and ledgers.

What all venues have in common is in test_ccxt_every_day.
"""

import itertools
import uuid

import ccxt
import pytest

pytestmark = pytest.mark.slow

names = (f"cb-{number}" for number in itertools.count())
PAIR = "BTC/USDT"


def settings(exchange):
    return {**exchange.env("coinbase-exchange", client="ccxt"), "enableRateLimit": True}


def trader(exchange, scopes="read,trade", **deposits):
    deposits = deposits or {"USDT": "100000", "BTC": "2"}
    key = exchange.trader(next(names), deposits, dialect="coinbase-exchange", scopes=scopes)
    client = ccxt.coinbaseexchange(
        {
            **settings(exchange),
            "apiKey": key["key"],
            "secret": key["secret"],
            "password": key["passphrase"],
        }
    )
    client.load_markets()
    return client


@pytest.fixture
def client(exchange):
    return trader(exchange)


def test_all_of_a_balance_can_be_spent(exchange):
    """`funds` has the fee in it; ccxt sends it for a cost."""
    client = trader(exchange, USDT="1000")
    client.create_order(PAIR, "market", "buy", 1000, None, {"cost": 1000})
    assert client.fetch_balance()["USDT"]["total"] < 1


def test_an_order_is_found_and_canceled_by_the_clients_own_id(client):
    own = str(uuid.uuid4())
    client.create_order(PAIR, "limit", "buy", 0.01, 20_000, {"clientOrderId": own})
    found = client.fetch_order("", PAIR, {"clientOrderId": own})
    assert found["clientOrderId"] == own
    client.cancel_order("", PAIR, {"clientOrderId": own})
    assert client.fetch_open_orders(PAIR) == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((PAIR, "limit", "buy", 100, 60_000), ccxt.InsufficientFunds),
        ((PAIR, "limit", "buy", 0.0001, 20_000), ccxt.ExchangeError),  # below 5 USDT
    ],
)
def test_refusals_become_the_errors_that_a_ccxt_program_catches(client, arguments, error):
    with pytest.raises(error):
        client.create_order(*arguments)
    assert client.fetch_open_orders(PAIR) == []


def test_an_unknown_order_is_not_found(client):
    stranger = str(uuid.uuid4())
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order(stranger)
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(stranger)
    with pytest.raises(ccxt.InvalidOrder):
        client.fetch_order("12345")
    order = client.create_order(PAIR, "limit", "buy", 0.01, 20_000)
    client.cancel_order(order["id"])
    with pytest.raises(ccxt.OrderNotFound, match="already done"):
        client.cancel_order(order["id"])


def test_a_wrong_secret_a_wrong_passphrase_and_a_wrong_clock_are_told_apart(exchange):
    client = trader(exchange)
    client.password = "wrong"
    with pytest.raises(ccxt.AuthenticationError, match="Invalid Passphrase"):
        client.fetch_balance()
    client.secret = "d3Jvbmc="
    with pytest.raises(ccxt.AuthenticationError, match="invalid signature"):
        client.fetch_balance()
    client = trader(exchange)
    client.nonce = lambda: client.seconds() - 120
    with pytest.raises(ccxt.AuthenticationError, match="timestamp expired"):
        client.fetch_balance()


def test_a_read_only_key_reads_and_nothing_else(exchange):
    client = trader(exchange, scopes="read")
    assert client.fetch_balance()["USDT"]["free"] == 100_000
    with pytest.raises(ccxt.ExchangeNotAvailable, match="Forbidden"):  # ccxt's word for any 403
        client.create_order(PAIR, "market", "buy", 0.01)


def test_fees_ledger_and_transfers_are_told(client):
    fees = client.fetch_trading_fees()
    assert (fees[PAIR]["maker"], fees[PAIR]["taker"]) == (0.001, 0.001)
    client.create_order(PAIR, "market", "buy", 0.01)
    ledger = client.fetch_ledger("USDT")
    assert {"trade", "fee"} <= {entry["type"] for entry in ledger}
    assert client.fetch_deposits() == []
