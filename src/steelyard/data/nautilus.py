"""Files of a NautilusTrader catalog: its columns as ours, its names as a venue and a symbol.

Prices and sizes are fixed-point numbers: 16 bytes in units of 1e-16, 8 bytes (or whole numbers, in
older files) in units of 1e-9. Times are nanoseconds, of a bar that of its end. Deltas have to be of
levels; a book of single orders is refused, because a level cannot be told from one of its orders.

Source: https://nautilustrader.io/docs/latest/concepts/data, and its Arrow schemas, read 2026-11-22.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from steelyard.data.instruments import checked_symbol, split_symbol
from steelyard.data.kinds import Kind
from steelyard.domain.errors import UsageError

MARKS = frozenset({"ts_event", "ts_init"})
BUYER, SELLER = 1, 2
BID, ASK = 1, 2
DELETE, CLEAR = 3, 4
SNAPSHOT_FLAG = 32

_UNITS = {"SECOND": "s", "MINUTE": "m", "HOUR": "h", "DAY": "d", "WEEK": "w"}
_BAR_TYPE = re.compile(
    r"(?P<symbol>.+)\.(?P<venue>[A-Z0-9_]+)-(?P<step>[0-9]+)-(?P<unit>[A-Z]+)-"
    r"(?P<price>[A-Z]+)-(?:EX|IN)TERNAL"
)
_INSTRUMENT = re.compile(r"(?P<symbol>.+)\.(?P<venue>[A-Z0-9_]+)")
_FIXED = (
    *("open", "high", "low", "close", "volume", "price", "size"),
    *("bid_price", "ask_price", "bid_size", "ask_size"),
)


class Identity(NamedTuple):
    """What a file says of itself; empty where it does not."""

    venue: str = ""
    symbol: str = ""
    interval: str = ""


def is_nautilus(columns: Sequence[str]) -> bool:
    """Return whether a table's columns are those of a Nautilus catalog."""
    return set(columns) >= MARKS


def kind_of(columns: Sequence[str]) -> Kind:
    """Return which kind of rows a table has.

    Raises:
        UsageError: One that no backtest reads.
    """
    names = set(columns)
    if {"open", "high", "low", "close", "volume"} <= names:
        return Kind.BARS
    if {"price", "size", "aggressor_side"} <= names:
        return Kind.TRADES
    if {"bid_price", "ask_price", "bid_size", "ask_size"} <= names:
        return Kind.TOUCH
    if {"action", "side", "price", "size", "order_id"} <= names:
        return Kind.DEPTH
    raise UsageError(
        f"Nautilus data of columns {', '.join(columns)} is not read; bars, trade ticks, "
        "quote ticks and order book deltas are"
    )


def identity(metadata: Mapping[str, str], folder: str) -> Identity:
    """Return what a file's metadata says, or the name of the folder that it lies in."""
    for text in (metadata.get("bar_type", ""), metadata.get("instrument_id", ""), folder):
        if match := _BAR_TYPE.fullmatch(text):
            unit = _UNITS.get(match["unit"])
            interval = f"{match['step']}{unit}" if unit else ""
            return _identity(match["symbol"], match["venue"], interval)
        if match := _INSTRUMENT.fullmatch(text):
            return _identity(match["symbol"], match["venue"], "")
    return Identity()


def translated(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows under the names and in the forms that `shapes` knows.

    Raises:
        UsageError: Deltas of single orders.
    """
    kind = kind_of(rows.columns)
    rows = rows.with_columns(
        pl.Series(name, _as_bytes(rows[name]), dtype=pl.Binary)
        for name in _FIXED
        if name in rows.columns and rows[name].dtype.is_integer()
    )
    rows = rows.rename({"ts_event": "time"})
    if kind is Kind.TRADES:
        sides = {BUYER: "buy", SELLER: "sell"}
        side = pl.col("aggressor_side").replace_strict(
            sides, default="none", return_dtype=pl.String
        )
        names = {"aggressor_side": "side", "trade_id": "id"}
        return rows.with_columns(aggressor_side=side).rename(names)
    if kind is Kind.DEPTH:
        return _deltas(rows)
    return rows


def _deltas(rows: pl.DataFrame) -> pl.DataFrame:
    stands = rows.filter(~pl.col("action").is_in([DELETE, CLEAR]))
    orders = stands.group_by("time", "side", "price").agg(pl.col("order_id").n_unique())
    if len(orders) and (orders["order_id"] > 1).any():
        raise UsageError(
            "these deltas are of single orders (L3): several stand at one price. Only deltas of "
            "levels (L2) can be imported"
        )
    is_clear = pl.col("action") == CLEAR
    width = rows["price"].bin.size("b").max() if len(rows) else 8
    nothing = pl.lit(bytes(int(str(width))))
    what = (
        pl.when(is_clear)
        .then(pl.lit("clear"))
        .when(pl.col("action") == DELETE)
        .then(pl.lit("delete"))
        .otherwise(pl.lit("set"))
    )
    return rows.select(
        "time",
        pl.when(pl.col("side") == ASK).then(pl.lit("ask")).otherwise(pl.lit("bid")).alias("side"),
        pl.when(is_clear).then(nothing).otherwise("price").alias("price"),
        pl.when(is_clear).then(nothing).otherwise("size").alias("size"),
        what.alias("update_type"),
        # Its sequence may stand still or jump, so it is no number to go by.
        pl.lit(0, dtype=pl.Int64).alias("last_update_id"),
    )


def _identity(symbol: str, venue: str, interval: str) -> Identity:
    name, is_perpetual = re.subn(r"-PERP$|-LINEAR$|-SWAP$", "", symbol)
    name = name.replace("/", "-")
    ours = checked_symbol(name) if "-" in name else split_symbol(name) or ""
    return Identity(venue.lower() + ("-perp" if is_perpetual else ""), ours, interval)


def _as_bytes(column: pl.Series) -> list[bytes]:
    """Return whole numbers of 1e-9 in the form of newer files."""
    return [int(value).to_bytes(8, "little", signed=True) for value in column]
