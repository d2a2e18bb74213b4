"""Follow the book and your own orders by unmodified ccxt.pro, while one is placed and canceled.

Besides ccxt it needs two files in the current folder:

    steelyard env binance --client ccxt --json > venue.json
    steelyard key create NAME --dialect binance --scopes read,trade --json > key.json
"""

import asyncio
import json
from pathlib import Path

import ccxt.pro

settings, key = (json.loads(Path(name).read_text()) for name in ("venue.json", "key.json"))


async def follow(client):
    """Print what becomes of orders, until one is canceled."""
    status = None
    while status != "canceled":
        for order in await client.watch_orders("BTC/USDT"):
            status = order["status"]
            print(order["id"], status)


async def main():
    client = ccxt.pro.binance({**settings, "apiKey": key["key"], "secret": key["secret"]})
    try:
        book = await client.watch_order_book("BTC/USDT")
        print(book["bids"][0], book["asks"][0])
        following = asyncio.create_task(follow(client))
        await asyncio.sleep(1)  # ccxt does not say when the exchange has taken the subscription
        order = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 20_000)
        await client.cancel_order(order["id"], "BTC/USDT")
        await following
    finally:
        await client.close()


asyncio.run(main())
