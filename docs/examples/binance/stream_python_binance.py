"""Follow the book and your own orders by unmodified python-binance, while one is placed.

Besides python-binance it needs two files in the current folder:

    steelyard env binance --client python-binance --json > venue.json
    steelyard key create NAME --dialect binance --scopes read,trade --json > key.json
"""

import asyncio
import json
from pathlib import Path

import binance

settings, key = (json.loads(Path(name).read_text()) for name in ("venue.json", "key.json"))
for name, attributes in settings.items():  # before anything is made of its classes
    for attribute, value in attributes.items():
        setattr(getattr(binance, name), attribute, value)


async def main():
    client = await binance.AsyncClient.create(key["key"], key["secret"])
    try:
        async with binance.DepthCacheManager(client, "BTCUSDT", ws_interval=100) as cache:
            book = await cache.recv()
            print(book.get_bids()[0], book.get_asks()[0])
        async with binance.BinanceSocketManager(client).user_socket() as own:
            order = await client.order_limit_buy(symbol="BTCUSDT", quantity=0.01, price="20000.00")
            await client.cancel_order(symbol="BTCUSDT", orderId=order["orderId"])
            status = None
            while status != "CANCELED":
                event = await own.recv()
                if event["e"] == "executionReport":
                    status = event["X"]
                    print(event["i"], status)
    finally:
        await client.close_connection()


asyncio.run(main())
