"""Own orders as ccxt.pro follows them, to a moment in one's life.

What arrives between two waits wakes neither of them, and nothing later may follow it: the last word
on an order would be waited for without end. ccxt keeps it in `client.orders` all the same.
"""

import asyncio
from collections.abc import Callable
from typing import Any

LOOK_S = 0.5


async def orders_until(client: Any, symbol: str, is_done: Callable[[dict], bool]) -> list[dict]:
    """Watch own orders until one is so; return all that are known, each as it is now."""
    watching = None
    while not any(is_done(order) for order in client.orders or ()):
        if watching is None or watching.done():
            watching = asyncio.ensure_future(client.watch_orders(symbol))
        await asyncio.wait({watching}, timeout=LOOK_S)
    if watching is not None:
        watching.cancel()
    return list(client.orders)
