"""What is Bybit's own, for unmodified ccxt: ids, stops, codes of refusals, and keys.

What all venues have in common is in test_ccxt_every_day.
"""

import itertools

import ccxt
import pytest

pytestmark = pytest.mark.slow

names = (f"by-{number}" for number in itertools.count())
PAIR = "BTC/USDT"
KNOWN = {"acknowledged": True}  # ccxt's leave to ask for one order of a unified account


def settings(exchange):
    return {**exchange.env("bybit", client="ccxt"), "enableRateLimit": False}


def trader(exchange, scopes="read,trade", **deposits):
    deposits = deposits or {"USDT": "100000", "BTC": "2"}
    key = exchange.trader(next(names), deposits, dialect="bybit", scopes=scopes)
    client = ccxt.bybit({**settings(exchange), "apiKey": key["key"], "secret": key["secret"]})
    client.load_markets()
    return client


@pytest.fixture
def client(exchange):
    return trader(exchange)


def test_a_limit_order_rests_is_found_and_canceled(client):
    order = client.create_order(PAIR, "limit", "buy", 0.01, 20_000)
    assert client.fetch_balance()["USDT"]["used"] == pytest.approx(200)
    assert client.fetch_open_order(order["id"], PAIR, KNOWN)["status"] == "open"
    assert [o["id"] for o in client.fetch_open_orders(PAIR)] == [order["id"]]
    client.cancel_order(order["id"], PAIR)
    assert client.fetch_order(order["id"], PAIR, KNOWN)["status"] == "canceled"
    assert client.fetch_open_orders(PAIR) == []
    assert order["id"] in [o["id"] for o in client.fetch_canceled_orders(PAIR)]
    assert order["id"] in [o["id"] for o in client.fetch_canceled_and_closed_orders(PAIR)]
    assert client.fetch_balance()["USDT"]["used"] == 0


def test_an_order_is_found_and_canceled_by_the_clients_own_id(client):
    placed = client.create_order(PAIR, "limit", "buy", 0.01, 20_000, {"clientOrderId": "mine-1"})
    found = client.fetch_order(placed["id"], PAIR, KNOWN)
    assert found["clientOrderId"] == "mine-1"
    with pytest.raises(ccxt.InvalidOrder):
        client.create_order(PAIR, "limit", "buy", 0.01, 20_000, {"clientOrderId": "mine-1"})
    client.cancel_order(None, PAIR, {"orderLinkId": "mine-1"})
    assert client.fetch_open_orders(PAIR) == []


def test_post_only_rests_or_is_refused(client):
    resting = client.create_order(PAIR, "limit", "buy", 0.01, 20_000, {"postOnly": True})
    assert client.fetch_order(resting["id"], PAIR, KNOWN)["postOnly"]
    with pytest.raises(ccxt.InvalidOrder, match="170218"):
        client.create_order(PAIR, "limit", "buy", 0.01, 90_000, {"postOnly": True})


def test_a_stop_and_a_take_profit_wait_for_their_price(client):
    for params in ({"triggerPrice": 21_000}, {"stopLossPrice": 21_000}):
        order = client.create_order(PAIR, "limit", "sell", 0.01, 20_000, params)
        found = client.fetch_order(order["id"], PAIR, KNOWN)
        assert (found["status"], found["triggerPrice"]) == ("open", 21_000)
        client.cancel_order(order["id"], PAIR)
    order = client.create_order(PAIR, "limit", "sell", 0.01, 95_000, {"takeProfitPrice": 94_000})
    assert client.fetch_order(order["id"], PAIR, KNOWN)["triggerPrice"] == 94_000
    client.cancel_order(order["id"], PAIR)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((PAIR, "limit", "buy", 100, 60_000), ccxt.InsufficientFunds),
        ((PAIR, "limit", "buy", 0.0001, 20_000), ccxt.InvalidOrder),  # below 5 USDT
    ],
)
def test_refusals_become_the_errors_that_a_ccxt_program_catches(client, arguments, error):
    with pytest.raises(error):
        client.create_order(*arguments)
    assert client.fetch_open_orders(PAIR) == []


def test_an_unknown_order_is_not_found_and_one_that_has_ended_is_told_apart(client):
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order("1234567", PAIR, KNOWN)
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order("1234567", PAIR)
    order = client.create_order(PAIR, "limit", "buy", 0.01, 20_000)
    client.cancel_order(order["id"], PAIR)
    with pytest.raises(ccxt.InvalidOrder, match="170142"):
        client.cancel_order(order["id"], PAIR)


def test_a_wrong_secret_a_wrong_key_and_a_wrong_clock_are_told_apart(exchange):
    client = trader(exchange)
    client.nonce = lambda: client.milliseconds() - 120_000
    with pytest.raises(ccxt.InvalidNonce):
        client.private_get_v5_account_info()
    client = trader(exchange)
    client.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError, match="10004"):
        client.fetch_balance()
    client.apiKey = "unknown"
    with pytest.raises(ccxt.AuthenticationError, match="10003"):
        client.private_get_v5_account_info()


def test_a_read_only_key_reads_and_nothing_else(exchange):
    client = trader(exchange, scopes="read")
    assert client.fetch_balance()["USDT"]["free"] == 100_000
    with pytest.raises(ccxt.PermissionDenied):
        client.create_order(PAIR, "market", "buy", 0.01)
