"""The kinds of rows that a catalog holds, and their columns.

Each row is in whole numbers: nanoseconds of UTC, ticks and lots of the dataset's instrument. A
row's identity is the number that the venue gave it, counted on by `nth` where several rows share
one; rows without a number are told apart by their time and `nth`. Rows are kept in the order of
`ORDER`, so that a dataset is the same however its files were cut.
"""

from enum import StrEnum

import polars as pl


class Kind(StrEnum):
    """What a row is."""

    BARS = "bars"  # open, high, low, close and volume of an interval
    TRADES = "trades"  # one execution
    AGGREGATES = "aggtrades"  # executions of one taker at one price, numbered apart from trades
    TOUCH = "touch"  # the best bid and ask
    DEPTH = "depth"  # one level of the book: its size from now on


BOOK_KINDS = frozenset({Kind.TOUCH, Kind.DEPTH})  # those that tell where orders stand

_INT, _SMALL, _SIDE = pl.Int64(), pl.Int32(), pl.Int8()
_TRADES: dict[str, pl.DataType] = {
    "time_ns": _INT,
    "venue_ns": _INT,
    "trade_id": _INT,  # 0: none
    "nth": _SMALL,
    "side": _SIDE,  # of the taker: 1 bought, -1 sold
    "price_ticks": _INT,
    "size_lots": _INT,
}

# time_ns is when the recorder received it, where there was one, else the venue's time: all rows of
# a dataset go by the same clock. venue_ns is the venue's time, null where it does not tell it.
COLUMNS: dict[Kind, dict[str, pl.DataType]] = {
    Kind.BARS: {
        "open_ns": _INT,
        "open_ticks": _INT,
        "high_ticks": _INT,
        "low_ticks": _INT,
        "close_ticks": _INT,
        "volume_lots": _INT,
    },
    Kind.TRADES: _TRADES,
    Kind.AGGREGATES: _TRADES,
    Kind.TOUCH: {
        "time_ns": _INT,
        "venue_ns": _INT,
        "update_id": _INT,  # 0: none
        "nth": _SMALL,
        "bid_ticks": _INT,
        "bid_lots": _INT,
        "ask_ticks": _INT,
        "ask_lots": _INT,
    },
    Kind.DEPTH: {
        "time_ns": _INT,
        "venue_ns": _INT,
        # Of the message's updates: it goes on from first_id - 1; 0: it stands alone.
        "first_id": _INT,
        "last_id": _INT,
        "nth": _SMALL,  # within the message
        "side": _SIDE,  # 1 bid, -1 ask, 0 neither: what stood is gone, a snapshot follows
        "price_ticks": _INT,
        "size_lots": _INT,
    },
}
TIME = {kind: "open_ns" if kind is Kind.BARS else "time_ns" for kind in Kind}
NUMBER = {
    Kind.TRADES: "trade_id",
    Kind.AGGREGATES: "trade_id",
    Kind.TOUCH: "update_id",
    Kind.DEPTH: "last_id",
}
ORDER = {
    Kind.BARS: ("open_ns",),
    **{kind: ("time_ns", number, "nth") for kind, number in NUMBER.items()},
}
PRICES = {
    kind: tuple(c for c in columns if c.endswith("_ticks")) for kind, columns in COLUMNS.items()
}
SIZES = {
    kind: tuple(c for c in columns if c.endswith("_lots")) for kind, columns in COLUMNS.items()
}


def empty(kind: Kind) -> pl.DataFrame:
    """Return no rows of a kind."""
    return pl.DataFrame(schema=COLUMNS[kind])
