"""Every order type of the Binance API through unmodified ccxt, and what becomes of it."""

import itertools

import ccxt
import pytest

pytestmark = pytest.mark.slow

names = (f"ccxt-orders-{number}" for number in itertools.count())
MARKET = "BTC/USDT"


@pytest.fixture
def client(exchange):
    key = exchange.trader(next(names), {"USDT": "100000", "BTC": "2"}, dialect="binance")
    settings = exchange.env("binance", client="ccxt")
    client = ccxt.binance({**settings, "apiKey": key["key"], "secret": key["secret"]})
    client.load_markets()
    return client


@pytest.fixture
def price(client) -> float:
    return client.fetch_ticker(MARKET)["last"]


def statuses(client, order_list):
    return [client.fetch_order(o["orderId"], MARKET)["status"] for o in order_list["orders"]]


@pytest.mark.parametrize(
    ("kind", "side", "params", "shown"),
    [
        ("market", "sell", {"stopLossPrice": 0.5}, "stop_loss"),
        ("limit", "sell", {"stopLossPrice": 0.5}, "stop_loss_limit"),
        ("market", "sell", {"takeProfitPrice": 1.5}, "take_profit"),
        ("limit", "sell", {"takeProfitPrice": 1.5}, "take_profit_limit"),
        ("market", "buy", {"stopLossPrice": 1.5}, "stop_loss"),
        ("limit", "buy", {"takeProfitPrice": 0.5}, "take_profit_limit"),
    ],
)
def test_a_stop_of_each_kind_waits_and_is_canceled(client, price, kind, side, params, shown):
    params = {name: client.price_to_precision(MARKET, price * f) for name, f in params.items()}
    limit = client.price_to_precision(MARKET, price * 0.9) if kind == "limit" else None
    order = client.create_order(MARKET, kind, side, 0.01, limit, params)
    found = client.fetch_order(order["id"], MARKET)
    assert (found["status"], found["info"]["type"]) == ("open", shown.upper())
    (trigger,) = params.values()
    assert found["triggerPrice"] == float(trigger)
    assert client.cancel_order(order["id"], MARKET)["status"] == "canceled"


def test_a_stop_that_is_passed_already_is_refused_as_such(client, price):
    beyond = client.price_to_precision(MARKET, price * 1.5)
    with pytest.raises(ccxt.OrderImmediatelyFillable, match="trigger immediately"):
        client.create_order(MARKET, "market", "sell", 0.01, None, {"stopLossPrice": beyond})


@pytest.mark.parametrize("kind", ["STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"])
def test_a_trailing_stop_has_its_delta(client, price, kind):
    limit = client.price_to_precision(MARKET, price * 0.9)
    order = client.create_order(MARKET, kind, "sell", 0.01, limit, {"trailingDelta": 250})
    found = client.fetch_order(order["id"], MARKET)
    assert (found["status"], found["info"]["trailingDelta"]) == ("open", 250)
    assert found["info"]["type"] == kind


def test_a_market_order_spends_a_cost(client):
    """CreateMarketBuyOrderWithCost: an amount of quote, never more."""
    order = client.create_market_buy_order_with_cost(MARKET, 500)
    assert order["status"] == "closed"
    assert 490 < order["cost"] <= 500
    sold = client.create_market_sell_order_with_cost(MARKET, 400)
    assert sold["status"] == "closed"
    assert sold["cost"] == pytest.approx(400, rel=0.01)


def test_an_iceberg_shows_its_part(client, price):
    limit = client.price_to_precision(MARKET, price * 0.5)
    order = client.create_order(MARKET, "limit", "buy", 0.5, limit, {"icebergQty": 0.01})
    book = dict(client.fetch_order_book(MARKET, 5_000)["bids"])
    assert book[float(limit)] < 0.5
    assert client.fetch_order(order["id"], MARKET)["amount"] == 0.5


def test_an_edited_order_is_another_one_in_its_place(client, price):
    """edit_order is a cancel-replace; what it refuses, ccxt tells."""
    low, lower = (client.price_to_precision(MARKET, price * f) for f in (0.5, 0.4))
    order = client.create_order(MARKET, "limit", "buy", 0.01, low)
    edited = client.edit_order(order["id"], MARKET, "limit", "buy", 0.02, lower)
    assert edited["id"] != order["id"]
    assert client.fetch_order(order["id"], MARKET)["status"] == "canceled"
    found = client.fetch_order(edited["id"], MARKET)
    assert (found["amount"], found["price"]) == (0.02, float(lower))
    with pytest.raises(ccxt.BaseError, match="-2022"):
        client.edit_order(order["id"], MARKET, "limit", "buy", 0.02, lower)
    with pytest.raises(ccxt.BaseError, match="-2021"):
        client.edit_order(edited["id"], MARKET, "limit", "buy", 1_000, lower)


def test_an_oco_is_found_and_canceled_as_one(client, price):
    high, low, lower = (client.price_to_precision(MARKET, price * f) for f in (1.5, 0.6, 0.5))
    told = client.private_post_orderlist_oco(
        {
            "symbol": "BTCUSDT",
            "side": "SELL",
            "quantity": "0.01",
            "aboveType": "LIMIT_MAKER",
            "abovePrice": high,
            "belowType": "STOP_LOSS_LIMIT",
            "belowStopPrice": low,
            "belowPrice": lower,
            "belowTimeInForce": "GTC",
        }
    )
    assert statuses(client, told) == ["open", "open"]
    assert len(client.fetch_open_orders(MARKET)) == 2
    number = told["orderListId"]
    assert client.private_get_orderlist({"orderListId": number})["listOrderStatus"] == "EXECUTING"
    client.private_delete_orderlist({"symbol": "BTCUSDT", "orderListId": number})
    assert statuses(client, told) == ["canceled", "canceled"]
    assert client.fetch_balance()["BTC"]["used"] == 0


def test_an_entry_that_fills_brings_its_exits(client, price):
    high, low, dear = (client.price_to_precision(MARKET, price * f) for f in (1.5, 0.5, 1.1))
    told = client.private_post_orderlist_otoco(
        {
            "symbol": "BTCUSDT",
            "workingType": "LIMIT",
            "workingTimeInForce": "GTC",
            "workingSide": "BUY",
            "workingPrice": dear,
            "workingQuantity": "0.01",
            "pendingSide": "SELL",
            "pendingQuantity": "0.01",
            "pendingAboveType": "TAKE_PROFIT",
            "pendingAboveStopPrice": high,
            "pendingBelowType": "STOP_LOSS",
            "pendingBelowStopPrice": low,
        }
    )
    assert statuses(client, told) == ["closed", "open", "open"]
    client.cancel_all_orders(MARKET)
    assert statuses(client, told) == ["closed", "canceled", "canceled"]
