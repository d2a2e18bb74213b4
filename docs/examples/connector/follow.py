"""Follow a book and your own orders while one is placed, amended and canceled: no bot, no ccxt.

It speaks the binance dialect by steelyard's own connector, and takes key and addresses from:

    STEELYARD_REST, STEELYARD_WS    what `steelyard env binance --client ccxt` says the hosts are
    STEELYARD_KEY, STEELYARD_SECRET    of `steelyard key create NAME --dialect binance`
"""

import asyncio
import os
from decimal import Decimal

from steelyard.connection import Connection
from steelyard.domain.commands import Amend, Cancel, Place
from steelyard.domain.messages import OrderEvent
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.wire.dialect import ApiKey

ME = 0  # a key names its account


async def states(venue, count):
    """Print what becomes of orders, so many times."""
    while count:
        event = await venue.events.get()
        if isinstance(event, OrderEvent):
            print("told:", event.order.state.name.lower(), event.order.size_lots)
            count -= 1


async def main():
    rest, ws, name, secret = (
        os.environ[f"STEELYARD_{name}"] for name in ("REST", "WS", "KEY", "SECRET")
    )
    async with Connection("binance", rest, ws, ApiKey(name, secret.encode())) as venue:
        book = await venue.follow("BTC-USDT")
        market = book.instrument
        print("book:", book.best_bid, book.best_ask, venue.trouble())
        told = asyncio.create_task(states(venue, 3))
        size, half = (market.size_lots(Decimal(text)) for text in ("0.002", "0.001"))
        price = market.price_ticks(Decimal(20_000))
        terms = (Side.BUY, OrderType.LIMIT, TimeInForce.GTC, True, price, size)  # True: post only
        place = Place(ME, market.instrument_id, *terms, client_order_id=venue.new_id())
        number = (await venue.ask(place)).order.order_id
        await venue.ask(Amend(ME, number, None, half, instrument_id=market.instrument_id))
        gone = await venue.ask(Cancel(ME, number, market.instrument_id))
        print("answered:", gone.order.state.name.lower())
        await told


asyncio.run(main())
