"""Unmodified ccxt.pro on the feed of coinbase-exchange: books, trades, tickers, own orders."""

import asyncio
import itertools

import ccxt.pro
import pytest
from ccxt_orders import orders_until

pytestmark = pytest.mark.slow

WAIT_S = 20
PAIR = "BTC/USDT"
names = (f"cbpro-{number}" for number in itertools.count())


def run(exchange, scenario):
    """Run a scenario with a trading client, and close it."""
    deposits = {"USDT": "100000", "BTC": "2"}
    key = exchange.trader(next(names), deposits, dialect="coinbase-exchange")
    settings = exchange.env("coinbase-exchange", client="ccxt")

    async def main():
        client = ccxt.pro.coinbaseexchange(
            {
                **settings,
                "apiKey": key["key"],
                "secret": key["secret"],
                "password": key["passphrase"],
            }
        )
        try:
            await client.load_markets()
            return await asyncio.wait_for(scenario(client), WAIT_S)
        finally:
            await client.close()

    return asyncio.run(main())


def test_a_watched_book_is_never_crossed(exchange):
    async def scenario(client):
        for _ in range(30):
            book = await client.watch_order_book(PAIR)
            assert book["bids"][0][0] < book["asks"][0][0]
        return await client.fetch_order_book(PAIR), book

    fetched, watched = run(exchange, scenario)
    assert abs(fetched["bids"][0][0] - watched["bids"][0][0]) < 500


def test_trades_and_tickers_are_watched(exchange):
    async def scenario(client):
        return await client.watch_trades(PAIR), await client.watch_ticker(PAIR)

    trades, ticker = run(exchange, scenario)
    assert trades[0]["amount"] > 0
    assert ticker["last"] > 0
    assert ticker["bid"] < ticker["ask"]


def test_own_orders_are_told_from_received_to_done(exchange):
    """A15: open, then closed; and a cancel."""

    async def scenario(client):
        watching = asyncio.create_task(client.watch_orders(PAIR))
        await asyncio.sleep(1)  # the subscription is on its way
        placed = await client.create_order(PAIR, "market", "buy", 0.02)
        opened = await watching
        await orders_until(client, PAIR, lambda order: order["status"] == "closed")
        resting = await client.create_order(PAIR, "limit", "buy", 0.01, 20_000)
        await client.cancel_order(resting["id"], PAIR)
        seen = await orders_until(client, PAIR, lambda order: order["status"] == "canceled")
        return placed, resting, opened, seen

    placed, resting, opened, seen = run(exchange, scenario)
    assert {order["id"] for order in opened} == {placed["id"]}
    assert {order["id"] for order in seen} == {placed["id"], resting["id"]}
    filled = [order for order in seen if order["id"] == placed["id"]]
    assert filled[-1]["filled"] == 0.02


def test_own_trades_are_watched(exchange):
    async def scenario(client):
        watching = asyncio.create_task(client.watch_my_trades(PAIR))
        await asyncio.sleep(1)
        placed = await client.create_order(PAIR, "market", "sell", 0.02)
        return placed, await watching

    placed, trades = run(exchange, scenario)
    assert {trade["order"] for trade in trades} == {placed["id"]}
