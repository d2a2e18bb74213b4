"""Unmodified ccxt.pro on Bybit's streams: books, trades, candles, own orders, orders by socket."""

import asyncio
import itertools

import ccxt.pro
import pytest
from ccxt_orders import orders_until

pytestmark = pytest.mark.slow

WAIT_S = 20
PAIR = "BTC/USDT"
names = (f"bypro-{number}" for number in itertools.count())


def run(exchange, scenario):
    """Run a scenario with a trading client, and close it."""
    key = exchange.trader(next(names), {"USDT": "100000", "BTC": "2"}, dialect="bybit")
    settings = exchange.env("bybit", client="ccxt")

    async def main():
        client = ccxt.pro.bybit({**settings, "apiKey": key["key"], "secret": key["secret"]})
        client.enableRateLimit = False
        try:
            await client.load_markets()
            return await asyncio.wait_for(scenario(client), WAIT_S)
        finally:
            await client.close()

    return asyncio.run(main())


async def trading_until(client, watching):
    """Place and cancel until a stream that has just been asked for tells of it."""
    while not watching.done():
        order = await client.create_order(PAIR, "limit", "buy", 0.01, 20_000)
        await client.cancel_order(order["id"], PAIR)
    return await watching


def test_a_watched_book_is_never_crossed_and_is_the_exchanges(exchange):
    async def scenario(client):
        for _ in range(30):
            book = await client.watch_order_book(PAIR)
            assert book["bids"][0][0] < book["asks"][0][0]
            assert len(book["bids"]) <= 50
        return await client.fetch_order_book(PAIR), book

    fetched, watched = run(exchange, scenario)
    assert abs(fetched["bids"][0][0] - watched["bids"][0][0]) < 500


def test_trades_tickers_candles_and_the_touch_are_watched(exchange):
    async def scenario(client):
        return (
            await client.watch_trades(PAIR),
            await client.watch_ticker(PAIR),
            await client.watch_ohlcv(PAIR, "1m"),
            await client.watch_bids_asks([PAIR]),
        )

    trades, ticker, candles, touch = run(exchange, scenario)
    assert trades[0]["amount"] > 0
    assert ticker["last"] > 0
    assert len(candles[0]) == 6
    assert touch[PAIR]["bid"] < touch[PAIR]["ask"]


def test_own_orders_and_trades_are_told_to_the_end(exchange):
    """Of spot: an order with `tpslMode` would be a contract's, and this would wait for ever."""

    async def scenario(client):
        orders = await trading_until(client, asyncio.create_task(client.watch_orders(PAIR)))
        assert {order["symbol"] for order in orders} == {PAIR}
        fills = asyncio.create_task(client.watch_my_trades(PAIR))
        await trading_until_told(client, fills)
        placed = await client.create_order(PAIR, "market", "buy", 0.02)

        def is_filled(order):
            return (order["id"], order["status"]) == (placed["id"], "closed")

        seen = await orders_until(client, PAIR, is_filled)
        return next(order for order in seen if is_filled(order)), fills.result()

    order, fills = run(exchange, scenario)
    assert (order["filled"], order["remaining"]) == (0.02, 0)
    assert {fill["symbol"] for fill in fills} == {PAIR}


async def trading_until_told(client, watching):
    """Buy until the stream of own trades tells of it."""
    while not watching.done():
        await client.create_order(PAIR, "market", "buy", 0.001)


def test_a_balance_is_watched(exchange):
    async def scenario(client):
        return await trading_until(client, asyncio.create_task(client.watch_balance()))

    assert run(exchange, scenario)["USDT"]["total"] > 0


def test_orders_go_over_the_trade_socket(exchange):
    async def scenario(client):
        placed = await client.create_order_ws(PAIR, "limit", "buy", 0.01, 20_000)
        edited = await client.edit_order_ws(placed["id"], PAIR, "limit", "buy", 0.02, 20_001)
        canceled = await client.cancel_order_ws(placed["id"], PAIR)
        with pytest.raises(ccxt.InsufficientFunds):
            await client.create_order_ws(PAIR, "limit", "buy", 100, 60_000)
        return placed, edited, canceled, await client.fetch_open_orders(PAIR)

    placed, edited, canceled, left = run(exchange, scenario)
    assert placed["id"] == edited["id"] == canceled["id"]
    assert left == []
