"""Which columns of a table mean what: tables as exact rows of one kind.

Columns are known by the names that exchanges, ccxt, Freqtrade and Nautilus give them; a table
without names is known by its venue's archive or by its number of columns. Nothing is filled in: a
row without a price is an error that names the row.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from steelyard.data.exact import Column, NotExact, at, exact
from steelyard.data.kinds import COLUMNS, NUMBER, Kind
from steelyard.data.moments import Unit, times
from steelyard.domain.errors import UsageError

TIMES = [
    "opentime",
    "time",
    "timestamp",
    "date",
    "datetime",
    "transacttime",
    "transactiontime",
    "eventtime",
    "tsevent",
    "ts",
    "t",
    "unix",
    "closetime",
]
_NAMES = {
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v"),
    "price": ("price", "px", "p"),
    "size": ("size", "qty", "quantity", "amount", "volume", "q"),
    "side": ("side", "takerside", "aggressorside", "aggressor"),
    "maker": ("isbuyermaker", "buyermaker", "m"),
    "id": ("aggtradeid", "tradeid", "id", "aggid", "tid"),
    "update": ("updateid", "sequence", "u"),
    "bid": ("bestbidprice", "bidprice", "bid", "bidpx"),
    "bid_size": ("bestbidqty", "bidsize", "bidqty", "bidquantity", "bidamount"),
    "ask": ("bestaskprice", "askprice", "ask", "askpx"),
    "ask_size": ("bestaskqty", "asksize", "askqty", "askquantity", "askamount"),
    "first": ("firstupdateid", "firstid"),
    "last": ("lastupdateid", "lastid"),
    "before": ("pu", "prevupdateid"),
    "update_type": ("updatetype",),
}
_NEEDED = {
    Kind.BARS: ("open", "high", "low", "close", "volume"),
    Kind.TOUCH: ("bid", "bid_size", "ask", "ask_size"),
    Kind.DEPTH: ("side", "price", "size", "last"),
    Kind.TRADES: ("price", "size"),
    Kind.AGGREGATES: ("price", "size"),
}
TRADES = (Kind.TRADES, Kind.AGGREGATES)
_BUY = frozenset({"buy", "b", "bid", "buyer", "1", "true"})
_SELL = frozenset({"sell", "s", "a", "ask", "seller", "-1", "2", "false"})
OHLCV = ("time", "open", "high", "low", "close", "volume")


class Rows(NamedTuple):
    """Rows of one kind; their prices and sizes are whole numbers of these decimals.

    first_row is the number of the first one in its file, for messages.
    """

    kind: Kind
    frame: pl.DataFrame
    price_decimals: int
    size_decimals: int
    first_row: int


class Shape(NamedTuple):
    """A table's columns by what they mean."""

    kind: Kind
    columns: dict[str, str]  # "open": the name of the column
    time: str


class ShapeError(UsageError):
    """A row of a table that cannot be taken; the message names it."""


def shape_of(names: Sequence[str], kind: Kind | None = None) -> Shape:
    """Return what a table's columns mean.

    Raises:
        UsageError: They are those of no kind of data.
    """
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in names}
    found: dict[str, str] = {}
    for meaning, known in _NAMES.items():
        match = next((plain[name] for name in known if name in plain), None)
        if match is not None:
            found[meaning] = match
    time = next((plain[name] for name in TIMES if name in plain), None)
    if "percentage" in plain and "depth" in plain:
        raise UsageError(
            "this table has sums of the book by percent of the price, which is no book: no level "
            "of it is told. Import depth with prices, or a recording of the stream"
        )
    kinds = _NEEDED if kind is None else {kind: _NEEDED[kind]}
    for each, needed in kinds.items():
        if all(meaning in found for meaning in needed) and time is not None:
            if each in TRADES and not {"side", "maker"} & set(found):
                continue
            if each is Kind.TRADES and kind is None and "aggtradeid" in plain:
                each = Kind.AGGREGATES  # noqa: PLW2901 the same columns, numbered otherwise
            return Shape(each, found, time)
    raise UsageError(
        f"columns {', '.join(names)} are those of no {kind or 'kind of data'} that is known; "
        "expected are a time and open, high, low, close, volume; or price, size and side; or bid, "
        "bid_size, ask, ask_size; or first_update_id, last_update_id, side, price, qty. Name them "
        "by --columns, in their order"
    )


class Reader:
    """Turns the frames of one table into rows, in order."""

    def __init__(
        self, shape: Shape, *, clip: tuple[int | None, int | None] = (None, None), ends_ns: int = 0
    ) -> None:
        """Begin a table.

        Args:
            shape: What its columns mean.
            clip: How many decimals of prices and of sizes matter; None: all.
            ends_ns: The interval of bars that are told by when they end, else 0.
        """
        self.shape = shape
        self.unit: Unit | None = None
        self._clip = clip
        self._ends_ns = ends_ns
        self._last = (0, 0, 0)  # time, number, nth of the row before
        self._in_snapshot = False

    def read(self, frame: pl.DataFrame, first_row: int) -> Rows:
        """Return the rows of a frame.

        Raises:
            ShapeError: A value is missing, no number, or not exact; the message names its row.
        """
        kind = self.shape.kind
        columns: dict[str, Column] = {}
        name = self.shape.time
        try:
            moments = times(frame[name])
            self._note_unit(moments.unit)
            for meaning in _NUMBERS[kind]:
                name = self.shape.columns[meaning]
                clip = self._clip[meaning in _SIZES[kind]]
                columns[meaning] = exact(frame[name], clip=clip)
            name = "columns"
            prices, price_decimals = _same(columns, _PRICES[kind])
            sizes, size_decimals = _same(columns, _SIZES[kind])
            numbers = prices | sizes
            match kind:
                case Kind.BARS:
                    made = {"open_ns": moments.values_ns - self._ends_ns}
                    made |= {f"{m}_ticks": numbers[m] for m in ("open", "high", "low", "close")}
                    made |= {"volume_lots": numbers["volume"]}
                    rows = pl.DataFrame(made)
                case Kind.TRADES | Kind.AGGREGATES:
                    name = self.shape.columns.get("side") or self.shape.columns["maker"]
                    rows = pl.DataFrame(
                        {
                            "time_ns": moments.values_ns,
                            "venue_ns": moments.values_ns,
                            "trade_id": self._ids(frame, "id"),
                            "side": self._sides(frame),
                            "price_ticks": numbers["price"],
                            "size_lots": numbers["size"],
                        }
                    )
                case Kind.TOUCH:
                    rows = pl.DataFrame(
                        {
                            "time_ns": moments.values_ns,
                            "venue_ns": moments.values_ns,
                            "update_id": self._ids(frame, "update"),
                            "bid_ticks": numbers["bid"],
                            "bid_lots": numbers["bid_size"],
                            "ask_ticks": numbers["ask"],
                            "ask_lots": numbers["ask_size"],
                        }
                    )
                case _:
                    name = self.shape.columns["side"]
                    rows = self._depth(frame, moments.values_ns, numbers)
        except NotExact as error:
            raise ShapeError(f"row {first_row + error.row}, {name}: {error}") from error
        if kind is not Kind.BARS:
            rows = self._counted(rows, first_row)
        frame = rows.select(pl.col(c).cast(dtype) for c, dtype in COLUMNS[kind].items())
        return Rows(kind, frame, price_decimals, size_decimals, first_row)

    def _note_unit(self, unit: Unit) -> None:
        if self.unit not in (None, unit):
            raise NotExact(0, f"times are in {unit}, and were in {self.unit} before")
        self.unit = unit

    def _ids(self, frame: pl.DataFrame, meaning: str) -> pl.Series:
        name = self.shape.columns.get(meaning)
        nothing = pl.Series(np.zeros(len(frame), dtype=np.int64))
        if name is None:
            return nothing
        if meaning == "update" and name.lower() == "sequence" and frame[name].n_unique() == 1:
            return nothing  # a column that its writer has left empty
        numbers = frame[name].cast(pl.Int64, strict=False)
        return nothing if numbers.null_count() else numbers  # names, then, and no numbers

    def _sides(self, frame: pl.DataFrame) -> pl.Series:
        name = self.shape.columns.get("side")
        if name is not None:
            return _sides_of(frame[name])
        # Where the buyer was the maker, the taker sold.
        return -_sides_of(frame[self.shape.columns["maker"]], _TRUTH)

    def _depth(
        self, frame: pl.DataFrame, time_ns: np.ndarray, numbers: dict[str, np.ndarray]
    ) -> pl.DataFrame:
        columns = self.shape.columns
        last = frame[columns["last"]].cast(pl.Int64)
        if "before" in columns:
            first = frame[columns["before"]].cast(pl.Int64, strict=False).fill_null(-1) + 1
        elif "first" in columns:
            first = frame[columns["first"]].cast(pl.Int64)
        else:
            first = pl.Series(np.zeros(len(frame), dtype=np.int64))
        rows = pl.DataFrame(
            {
                "time_ns": time_ns,
                "venue_ns": time_ns,
                "first_id": first,
                "last_id": last,
                "side": _sides_of(frame[columns["side"]]),
                "price_ticks": numbers["price"],
                "size_lots": numbers["size"],
            }
        )
        if "update_type" not in columns:
            return rows
        what = frame[columns["update_type"]].cast(pl.String).str.to_lowercase()
        is_gone, is_clear = what.str.starts_with("del"), what == "clear"
        rows = rows.with_columns(
            size_lots=pl.when(is_gone).then(0).otherwise(pl.col("size_lots")),
            side=pl.when(is_clear).then(0).otherwise(pl.col("side")).cast(pl.Int8),
            is_snapshot=what.str.starts_with("snap"),
        )
        return self._cleared(rows)

    def _cleared(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Put a row that says so before each snapshot."""
        snapshot = rows["is_snapshot"]
        begins = snapshot & ~snapshot.shift(1, fill_value=self._in_snapshot)
        self._in_snapshot = bool(snapshot[-1])
        if not begins.any():
            return rows.drop("is_snapshot")
        zero = pl.lit(0, dtype=pl.Int64)
        rows = rows.with_columns(
            first_id=pl.when("is_snapshot").then(zero).otherwise(pl.col("first_id"))
        )
        clear = rows.with_row_index("at").filter(begins)
        clear = clear.with_columns(
            first_id=zero,
            side=pl.lit(0, dtype=pl.Int8),
            price_ticks=zero,
            size_lots=zero,
            part=pl.lit(0),
        )
        whole = pl.concat([clear, rows.with_row_index("at").with_columns(part=pl.lit(1))])
        return whole.sort("at", "part").drop("at", "part", "is_snapshot")

    def _counted(self, rows: pl.DataFrame, first_row: int) -> pl.DataFrame:
        """Number the rows of one message, and those of one time that have no number."""
        kind = self.shape.kind
        number = NUMBER[kind]
        time_ns, ids = rows["time_ns"].to_numpy(), rows[number].to_numpy()
        last_ns, last_id, last_nth = self._last
        if not ids.any() or kind is Kind.DEPTH:
            before = np.concatenate(([last_ns], time_ns[:-1]))
            if kind is not Kind.DEPTH and (back := np.flatnonzero(time_ns < before)).size:
                raise ShapeError(
                    f"row {first_row + int(back[0])}: time goes back, and the rows have no ids by "
                    "which they could be told apart; sort the file by time"
                )
            same = (time_ns == before) & (ids == np.concatenate(([last_id], ids[:-1])))
            place = np.arange(len(rows), dtype=np.int64)
            begin = np.maximum.accumulate(np.where(same, -1, place))
            nth = np.where(begin < 0, place + last_nth + 1, place - begin)
        else:
            nth = np.zeros(len(rows), dtype=np.int64)
        self._last = (int(time_ns[-1]), int(ids[-1]), int(nth[-1]))
        return rows.with_columns(nth=pl.Series(nth))


_TRUTH = (frozenset({"true", "1", "t"}), frozenset({"false", "0", "f"}))
_PRICES = {
    Kind.BARS: ("open", "high", "low", "close"),
    Kind.TRADES: ("price",),
    Kind.AGGREGATES: ("price",),
    Kind.TOUCH: ("bid", "ask"),
    Kind.DEPTH: ("price",),
}
_SIZES = {
    Kind.BARS: ("volume",),
    Kind.TRADES: ("size",),
    Kind.AGGREGATES: ("size",),
    Kind.TOUCH: ("bid_size", "ask_size"),
    Kind.DEPTH: ("size",),
}
_NUMBERS = {kind: (*_PRICES[kind], *_SIZES[kind]) for kind in Kind}


def _same(columns: dict[str, Column], meanings: Sequence[str]) -> tuple[dict[str, np.ndarray], int]:
    """Return columns at the decimals of the finest of them."""
    decimals = max(columns[meaning].decimals for meaning in meanings)
    return {meaning: at(columns[meaning], decimals) for meaning in meanings}, decimals


def _sides_of(
    column: pl.Series, words: tuple[frozenset[str], frozenset[str]] = (_BUY, _SELL)
) -> pl.Series:
    yes, no = words
    texts = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    is_yes, is_no = texts.is_in(list(yes)), texts.is_in(list(no))
    known = (is_yes | is_no).fill_null(value=False)
    if not known.all():
        row = int((~known).arg_true()[0])
        raise NotExact(row, f"{column[row]!r} is no side; expected is {' or '.join(sorted(yes))}")
    return pl.Series(np.where(is_yes.to_numpy(), 1, -1).astype(np.int8))
