"""Unmodified ccxt.pro: books, trades, tickers, own orders and balances as they happen."""

import asyncio
import itertools

import ccxt.pro
import pytest

pytestmark = pytest.mark.slow

WAIT_S = 20
names = (f"pro-{number}" for number in itertools.count())


def run(exchange, scenario, **deposits):
    """Run a scenario with a trading client, and close it."""
    deposits = deposits or {"USDT": "100000", "BTC": "2"}
    key = exchange.trader(next(names), deposits, dialect="binance")
    settings = exchange.env("binance", client="ccxt")

    async def main():
        client = ccxt.pro.binance({**settings, "apiKey": key["key"], "secret": key["secret"]})
        try:
            await client.load_markets()
            return await asyncio.wait_for(scenario(client), WAIT_S)
        finally:
            await client.close()

    return asyncio.run(main())


def test_a_watched_book_stays_the_exchanges_own(exchange):
    """C6: ccxt checks every sequence number; at the end both books agree near the touch."""

    async def scenario(client):
        for _ in range(20):
            book = await client.watch_order_book("BTC/USDT")
            assert book["bids"][0][0] < book["asks"][0][0]
        return book["nonce"]

    assert run(exchange, scenario) > 0


def test_trades_and_tickers_are_watched(exchange):
    async def scenario(client):
        trades = await client.watch_trades("BTC/USDT")
        ticker = await client.watch_ticker("BTC/USDT")
        quotes = await client.watch_bids_asks(["BTC/USDT"])
        candles = await client.watch_ohlcv("BTC/USDT", "1m")
        return trades, ticker, quotes, candles

    trades, ticker, quotes, candles = run(exchange, scenario)
    assert trades[0]["amount"] > 0
    assert ticker["last"] > 0
    assert quotes["BTC/USDT"]["bid"] < quotes["BTC/USDT"]["ask"]
    assert candles[-1][4] > 0


def test_own_orders_are_told_from_new_to_the_last_fill(exchange):
    """A15: new, filled; and the balances that it moved."""

    async def scenario(client):
        orders = asyncio.create_task(client.watch_orders("BTC/USDT"))
        balances = asyncio.create_task(client.watch_balance())
        await asyncio.sleep(1)  # both subscriptions are on their way
        placed = await client.create_order("BTC/USDT", "market", "buy", 0.02)
        seen = [*await orders]
        while seen[-1]["status"] != "closed":
            seen += await client.watch_orders("BTC/USDT")
        return placed, seen, await balances

    placed, seen, balance = run(exchange, scenario)
    assert {order["id"] for order in seen} == {placed["id"]}
    assert seen[-1]["filled"] == 0.02
    assert balance["BTC"]["total"] > 2


def test_a_canceled_order_is_told_under_its_own_id(exchange):
    async def scenario(client):
        watching = asyncio.create_task(client.watch_orders("BTC/USDT"))
        await asyncio.sleep(1)
        placed = await client.create_order(
            "BTC/USDT", "limit", "buy", 0.01, 20_000, {"newClientOrderId": "mine"}
        )
        seen = [*await watching]
        await client.cancel_order(placed["id"], "BTC/USDT")
        while seen[-1]["status"] != "canceled":
            seen += await client.watch_orders("BTC/USDT")
        return seen

    seen = run(exchange, scenario)
    assert {order["clientOrderId"] for order in seen} == {"mine"}


def test_own_trades_are_watched(exchange):
    async def scenario(client):
        watching = asyncio.create_task(client.watch_my_trades("BTC/USDT"))
        await asyncio.sleep(1)
        placed = await client.create_order("BTC/USDT", "market", "sell", 0.02)
        return placed, await watching

    placed, trades = run(exchange, scenario)
    assert {trade["order"] for trade in trades} == {placed["id"]}
    assert trades[0]["fee"]["currency"] == "USDT"
