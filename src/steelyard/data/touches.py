"""A book for recordings that have trades alone, so that orders have something to meet.

A trade tells one side of the touch: who bought met the best ask. The other side is set apart by the
spread of the last change of sides, the nearest thing to one that trades show. Both have the size of
that trade, because nothing says that there was more. It is a guess, and a run's report says so.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from steelyard.backtest.columns import EVENT, EventKind

GUESS = (
    "guessed from trades, for there is no depth: each trade is the best price of its side, the "
    "other is as far away as at the last change of sides, and both have that trade's size"
)

Events = NDArray[np.void]


def with_touches(blocks: Iterable[Events]) -> Iterator[Events]:
    """Yield blocks of trades, each trade with the touch that it shows after it."""
    before: tuple[int, int, int, int] | None = None  # side, tick, spread, ask of the last trade
    for block in blocks:
        if not len(block):
            yield block
            continue
        tick = block["tick"].astype(np.int64)
        side = np.where(block["kind"] == EventKind.BUY_TRADE, 1, -1)
        first = (int(side[0]), int(tick[0]), 1, int(tick[0]) + 1)
        last_side, last_tick, last_spread, last_ask = before or first
        was = np.append(last_tick, tick[:-1])
        is_change = side != np.append(last_side, side[:-1])
        at = np.maximum.accumulate(np.where(is_change, np.arange(len(block)), -1))
        apart = np.maximum(side * (tick - was), 1)
        spread = np.where(at >= 0, apart[at], last_spread)
        bid = np.maximum(np.where(side > 0, tick - spread, tick), 1)
        ask = np.maximum(np.where(side > 0, tick, tick + spread), bid + 1)
        # Never through the other side's old price: what moves away goes first.
        is_ask_first = bid >= np.append(last_ask, ask[:-1])
        told = np.zeros((len(block), 3), EVENT)
        told[:, 0] = block
        for place, is_ask in ((1, is_ask_first), (2, ~is_ask_first)):
            told["time_ns"][:, place] = block["time_ns"]
            told["lots"][:, place] = block["lots"]
            told["tick"][:, place] = np.where(is_ask, ask, bid)
            told["kind"][:, place] = np.where(is_ask, EventKind.BEST_ASK, EventKind.BEST_BID)
        before = int(side[-1]), int(tick[-1]), int(spread[-1]), int(ask[-1])
        yield told.reshape(-1)
