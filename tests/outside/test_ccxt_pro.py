"""Unmodified ccxt.pro in the crowd's market: books, trades and tickers as they happen.

Own orders and balances, where every amount is known, are in test_ccxt_pro_day.
"""

import asyncio

import ccxt.pro
import pytest

pytestmark = pytest.mark.slow

WAIT_S = 20


def run(exchange, scenario):
    """Run a scenario with a client, and close it."""
    settings = exchange.env("binance", client="ccxt")

    async def main():
        client = ccxt.pro.binance(settings)
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
