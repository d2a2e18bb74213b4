"""What is Kraken's own, for unmodified ccxt: its types of orders, batches and refusals.

Who trades does so without the library's own limiter, which lets a second pass between two requests.
What all venues have in common is in test_ccxt_every_day.
"""

import itertools

import ccxt
import pytest

pytestmark = pytest.mark.slow

AT_ONCE = {"enableRateLimit": False}
names = (f"kraken-{number}" for number in itertools.count())


def settings_of(exchange, scopes="read,trade", **deposits):
    deposits = deposits or {"USDT": "100000", "BTC": "2"}
    key = exchange.trader(next(names), deposits, dialect="kraken", scopes=scopes)
    settings = {**exchange.env("kraken", client="ccxt"), **AT_ONCE}
    return {**settings, "apiKey": key["key"], "secret": key["secret"]}


def trader(exchange, **options):
    client = ccxt.kraken(settings_of(exchange, **options))
    client.load_markets()
    return client


@pytest.fixture
def client(exchange):
    return trader(exchange)


@pytest.mark.parametrize(
    ("kind", "price", "params", "name"),
    [
        ("limit", 20_000, {"timeInForce": "IOC"}, None),
        ("market", None, {"stopLossPrice": 20_000}, "stop-loss"),
        ("limit", 19_000, {"stopLossPrice": 20_000}, "stop-loss-limit"),
        ("market", None, {"takeProfitPrice": 200_000}, "take-profit"),
        ("limit", 199_000, {"takeProfitPrice": 200_000}, "take-profit-limit"),
        ("market", None, {"trailingPercent": "5"}, "trailing-stop"),
        ("market", None, {"trailingAmount": "500"}, "trailing-stop"),
    ],
)
def test_orders_of_every_type_are_taken(client, kind, price, params, name):
    placed = client.create_order("BTC/USDT", kind, "sell", 0.01, price, params)
    if name is None:
        client.cancel_all_orders()
        return
    (order,) = client.fetch_open_orders("BTC/USDT")
    assert (order["id"], order["info"]["descr"]["ordertype"]) == (placed["id"], name)
    client.cancel_order(placed["id"])
    assert client.fetch_open_orders("BTC/USDT") == []


def test_orders_come_and_go_in_batches(client):
    wanted = {"symbol": "BTC/USDT", "type": "limit", "side": "buy", "amount": 0.01}
    placed = client.create_orders([{**wanted, "price": 20_000}, {**wanted, "price": 21_000}])
    ids = {order["id"] for order in placed}
    assert {order["id"] for order in client.fetch_open_orders()} == ids
    client.cancel_orders([*ids])
    assert client.fetch_open_orders() == []


def test_refusals_are_the_venues_own(exchange, client):
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order("BTC/USDT", "limit", "buy", 100, 30_000)
    with pytest.raises(ccxt.InvalidOrder):
        client.create_order("BTC/USDT", "limit", "buy", 0.00001, 20_000, {"volume": "0"})
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order("OAAAAA-AAAAA-AAAAAA")
    reader = trader(exchange, scopes="read")
    with pytest.raises(ccxt.PermissionDenied):
        reader.create_order("BTC/USDT", "limit", "buy", 0.01, 20_000)
    wrong = ccxt.kraken({**settings_of(exchange), "apiKey": "nobody"})
    with pytest.raises(ccxt.AuthenticationError):
        wrong.fetch_balance()
