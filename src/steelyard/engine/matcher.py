"""Matching without an exchange: for research and tools that keep their own books.

`Matcher` is the book of the native engine with nothing around it: limit orders by price, then by
time, numbered by the caller, in ticks and lots. No accounts, no fees, no clock, no other order
types: those are the `Engine`'s. An array of steps goes in with one call and an array of trades
comes out, here with numpy, which steelyard itself does not need:

    import numpy as np

    steps = np.zeros(1000, np.dtype(STEP))
    ...
    trades = np.frombuffer(matcher.apply(steps.tobytes()), np.dtype(TRADE))

There is no second implementation in Python; `tests/engine/test_matcher.py` compares it with the
engine and with a plain list.
"""

from steelyard._native import Matcher

__all__ = ["STEP", "TRADE", "Matcher"]

STEP = [
    ("order_id", "<u8"),
    ("price_ticks", "<i8"),
    ("size_lots", "<i8"),
    ("side", "<i8"),
]
"""A step's fields as numpy knows them; side 0 cancels."""

TRADE = [
    ("taker_id", "<u8"),
    ("maker_id", "<u8"),
    ("price_ticks", "<i8"),
    ("size_lots", "<i8"),
]
"""A trade's fields as numpy knows them."""
