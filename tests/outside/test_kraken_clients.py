"""Unmodified krakenex and python-kraken-sdk trade on the kraken dialect."""

import asyncio
import itertools

import krakenex
import pytest
from kraken.exceptions import KrakenInsufficientFundsError, KrakenPermissionDeniedError
from kraken.spot import Market, SpotWSClient, Trade, User

pytestmark = pytest.mark.slow

names = (f"kraken-client-{number}" for number in itertools.count())


def key_of(exchange, scopes="read,trade"):
    deposits = {"USDT": "100000", "BTC": "2"}
    return exchange.trader(next(names), deposits, dialect="kraken", scopes=scopes)


@pytest.fixture
def api(exchange):
    """The beginner's client: one function for the public, one for the account."""
    key = key_of(exchange)
    client = krakenex.API(key=key["key"], secret=key["secret"])
    for name, value in exchange.env("kraken", client="krakenex")["API"].items():
        setattr(client, name, value)
    yield client
    client.close()


def test_krakenex_reads_the_market(api):
    assert api.query_public("SystemStatus")["result"]["status"] == "online"
    pairs = api.query_public("AssetPairs")["result"]
    assert {"XBTUSDT", "XXBTZUSD", "XETHXXBT"} <= set(pairs)
    book = api.query_public("Depth", {"pair": "XBTUSDT", "count": "10"})["result"]["XBTUSDT"]
    assert float(book["bids"][0][0]) < float(book["asks"][0][0])
    assert api.query_public("Depth", {"pair": "NONE"})["error"] == ["EQuery:Unknown asset pair"]


def test_krakenex_places_looks_up_and_cancels(api):
    order = {"pair": "XBTUSDT", "type": "buy", "ordertype": "limit", "volume": "0.01"}
    closing = {"close[ordertype]": "stop-loss", "close[price]": "10000"}
    placed = api.query_private("AddOrder", {**order, "price": "20000", **closing})
    assert placed["error"] == []
    (txid,) = placed["result"]["txid"]
    assert txid in api.query_private("OpenOrders")["result"]["open"]
    assert api.query_private("CancelOrder", {"txid": txid})["result"]["count"] == 1
    bought = api.query_private("AddOrder", {**order, "ordertype": "market"})["result"]["txid"][0]
    trades = api.query_private("TradesHistory")["result"]["trades"]
    assert {trade["ordertxid"] for trade in trades.values()} == {bought}
    assert float(api.query_private("Balance")["result"]["XXBT"]) == 2.01
    refused = api.query_private("AddOrder", {**order, "price": "20000", "volume": "100"})
    assert refused["error"] == ["EOrder:Insufficient funds"]


@pytest.fixture
def sdk(exchange):
    def make(kind, scopes="read,trade", key=None):
        key = key or key_of(exchange, scopes)
        settings = exchange.env("kraken", client="python-kraken-sdk")[kind.__name__]
        return kind(key=key["key"], secret=key["secret"], **settings)

    return make


def test_the_sdk_reads_the_market(exchange):
    market = Market(**exchange.env("kraken", client="python-kraken-sdk")["Market"])
    assert "XXBTZUSD" in market.get_asset_pairs()
    assert float(market.get_ticker(pair="XBTUSDT")["XBTUSDT"]["c"][0]) > 0
    assert market.get_ohlc(pair="XBTUSDT")["XBTUSDT"]
    assert market.get_recent_trades(pair="XBTUSDT")["last"]


def test_the_sdk_trades(exchange, sdk):
    """Single orders, batches in JSON, amendments, and errors as its own exceptions."""
    key = key_of(exchange)
    trade, user = sdk(Trade, key=key), sdk(User, key=key)
    order = {"pair": "XBTUSDT", "ordertype": "limit", "volume": "0.01"}
    placed = trade.create_order(**order, side="buy", price="20000", oflags=["post"], userref=7)
    (txid,) = placed["txid"]
    assert user.get_open_orders(userref=7)["open"][txid]["oflags"].startswith("post")
    trade.amend_order(txid=txid, extra_params={"limit_price": "19000"})
    assert user.get_orders_info(txid=txid)[txid]["descr"]["price"] == "19000.00"
    batch = [
        {"ordertype": "limit", "type": "buy", "volume": "0.01", "price": p} for p in (1e4, 2e4)
    ]
    many = trade.create_order_batch(orders=batch, pair="XBTUSDT")["orders"]
    ids = [each["txid"] for each in many]
    assert trade.cancel_order_batch(orders=ids)["count"] == 2
    assert "triggerTime" in trade.cancel_all_orders_after_x(timeout=60)
    assert trade.cancel_all_orders()["count"] == 1
    trade.create_order(pair="XBTUSDT", ordertype="market", side="buy", volume="0.01")
    assert user.get_trades_history()["count"] >= 1
    assert user.get_ledgers_info()["count"] >= 1
    assert float(user.get_account_balance()["XXBT"]) == 2.01
    with pytest.raises(KrakenInsufficientFundsError):
        trade.create_order(**{**order, "volume": "100"}, side="buy", price="20000")
    with pytest.raises(KrakenPermissionDeniedError):
        sdk(Trade, "read").create_order(**order, side="buy", price="20000")


def test_the_sdk_follows_the_market_and_the_account(exchange):
    """And places an order over its WebSocket."""
    key = key_of(exchange)
    settings = exchange.env("kraken", client="python-kraken-sdk")["SpotWSClient"]
    told = []

    class Client(SpotWSClient):
        async def on_message(self, message):
            told.append(message)

    async def scenario():
        client = Client(key=key["key"], secret=key["secret"], **settings)
        await client.start()
        try:
            await client.subscribe(params={"channel": "book", "symbol": ["BTC/USDT"], "depth": 10})
            await client.subscribe(params={"channel": "executions"})
            order = {"order_type": "market", "side": "buy", "symbol": "BTC/USDT"}
            await asyncio.sleep(1)
            await client.send_message(
                {"method": "add_order", "params": {**order, "order_qty": 0.01}}
            )
            for _ in range(100):
                await asyncio.sleep(0.1)
                if any(is_filled(message) for message in told):
                    return
        finally:
            await client.close()

    asyncio.run(scenario())
    assert any(m.get("channel") == "book" and m["type"] == "snapshot" for m in told)
    assert any(is_filled(message) for message in told), told[-5:]


def is_filled(message):
    is_execution = message.get("channel") == "executions" and message.get("type") == "update"
    return is_execution and message["data"][0]["exec_type"] == "filled"
