"""One file of market data, of whatever form, as exact rows of datasets.

What the file does not say of itself is taken from its name, then asked for. Each thing that was
assumed (the unit of times, whether a bar is told by its begin or its end, the interval) is in
`notes`, for whoever imports it to read.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from steelyard.data import nautilus
from steelyard.data.archives import Named
from steelyard.data.exact import Ints, NotExact
from steelyard.data.files import inner_name
from steelyard.data.instruments import checked_symbol, checked_venue, split_symbol
from steelyard.data.kinds import Kind
from steelyard.data.manifest import Key, Missing
from steelyard.data.moments import guess_interval_ns, interval_ns, interval_text, times
from steelyard.data.shapes import OHLCV, Reader, Rows, Shape, ShapeError, shape_of
from steelyard.data.tables import Frame, Table
from steelyard.domain.errors import UsageError

Clip = tuple[int | None, int | None]  # how many decimals of prices and of sizes matter
UNKNOWN_VENUE = "files"

# Freqtrade: `BTC_USDT-5m.feather`; of futures, which have a third currency to settle in,
# `BTC_USDT_USDT-1h-futures.feather`, and other series in the same form: `BTC_USDT_USDT-8h-mark`.
_PAIR = re.compile(
    r"([A-Z0-9]+)_([A-Z0-9]+)(_[A-Z0-9]+)?-(?:([0-9]+[smhdwM])|trades)(?:-([A-Z_]+))?\b",
    re.IGNORECASE,
)
_UNTRADED = {  # what nobody traded at, by how a name ends
    "mark": "mark prices",
    "index": "prices of an index",
    "premiumindex": "premiums over an index",
    "funding_rate": "rates of funding",
}
SPACED_MIN = 5  # so many bars at one distance are of that interval
FUTURES_VENUE = f"{UNKNOWN_VENUE}-futures"
_SPELLED = re.compile(r"\b([0-9]*[A-Z][A-Z0-9]{1,10})[-/]([A-Z]{2,6})\b")
_INTERVAL = re.compile(r"(?<![A-Za-z0-9])([0-9]{1,3}[smhdw])(?![A-Za-z0-9])")


class Wanted(NamedTuple):
    """What the user said of a file; nothing is left empty that the file does not say."""

    venue: str = ""
    symbol: str = ""
    interval: str = ""
    kind: Kind | None = None
    columns: tuple[str, ...] = ()  # their names, where the table has none or others
    ends: bool | None = None  # bars are told by when they end; None: as the form has it


class Reading:
    """A file that is about to be read."""

    def __init__(self, path: Path, wanted: Wanted, table: Table, hint: Named | None) -> None:
        self.path = path
        self.clock = "venue"
        self.notes: list[str] = []
        self.missing: list[Missing] = []
        self.rows_read = 0
        self.time_unit = ""
        self._wanted = wanted
        self._table = table
        self._is_nautilus = nautilus.is_nautilus(table.columns) and not wanted.columns
        own = nautilus.identity({}, "")
        ends = False
        if self._is_nautilus:
            own = nautilus.identity(table.metadata, path.resolve().parent.name)
            kind = nautilus.kind_of(table.columns)
            names = tuple(nautilus.translated(_none_of(table)).columns)
            self.form, ends = f"Nautilus {kind}", kind is Kind.BARS
        else:
            names = _names(table, wanted, hint)
        self._shape = shape_of(names, wanted.kind or (hint.kind if hint else None))
        self._names = names
        if not self._is_nautilus:
            self.form = hint.form if hint else f"table of {self._shape.kind}"
        name = inner_name(path)
        said = hint or own
        if hint and wanted.symbol and not _may_be(hint.symbol, wanted.symbol):
            raise UsageError(
                f"{path} is of {hint.symbol}, by its name, not of {wanted.symbol}; leave out the "
                "symbol, or rename the file if its name is wrong"
            )
        told = own.venue or _venue_in(path, name)
        if hint:
            told = hint.venue_of(names, has_header=table.has_names)
        self.venue = checked_venue(wanted.venue or told or UNKNOWN_VENUE)
        if hint and not wanted.venue and told != hint.venue:
            self.notes.append(
                f"its columns are those of {told}, not of {hint.venue}; --venue says otherwise"
            )
        self.symbol = symbol_in(name, wanted.symbol or said.symbol)
        self._interval = wanted.interval or said.interval or _interval_in(name)
        self._ends = ends if wanted.ends is None else wanted.ends

    @property
    def symbols(self) -> frozenset[str]:
        """Which markets it has rows of."""
        return frozenset({self.symbol})

    @property
    def nothing(self) -> str:
        """What to say where it has no rows."""
        return ""

    def rows(self, clip: Clip = (None, None)) -> Iterator[tuple[Key, Rows]]:
        """Yield its rows, and to which dataset they belong.

        Raises:
            ShapeError: A row cannot be taken as it stands.
            UsageError: The file does not say something, and nobody else has.
        """
        reader: Reader | None = None
        interval = ""
        for frame in self._table.frames():
            if self._is_nautilus:
                named_frame = frame._replace(rows=nautilus.translated(frame.rows))
            else:
                named_frame = _renamed(frame, self._names)
            if reader is None:
                interval = self._bars(named_frame, self._shape)
                ends_ns = interval_ns(interval) if interval and self._ends else 0
                reader = Reader(self._shape, clip=clip, ends_ns=ends_ns)
            rows = reader.read(named_frame.rows, frame.first_row)
            self.rows_read += len(rows.frame)
            if interval:
                _check_places(rows, interval_ns(interval))
            yield Key(self._shape.kind, self.venue, self.symbol, interval), rows
        if reader is not None and reader.unit is not None:
            self.time_unit = str(reader.unit)
            self.notes.append(f"times are in {reader.unit}")

    def _bars(self, frame: Frame, shape: Shape) -> str:
        """Return the interval of bars; empty for other rows."""
        if shape.kind is not Kind.BARS:
            return ""
        if self._wanted.ends is not None or self._ends:
            what = "end" if self._ends else "begin"
            self.notes.append(f"bars are told by when they {what}")
        try:
            open_ns = times(frame.rows[shape.time]).values_ns
        except NotExact as error:
            raise ShapeError(f"row {frame.first_row + error.row}, {shape.time}: {error}") from error
        guess_ns = guess_interval_ns(open_ns)
        if self._interval:
            length_ns = interval_ns(self._interval)
            self._check_spacing(open_ns, guess_ns or length_ns, length_ns)
            return interval_text(length_ns)
        if guess_ns is None:
            raise UsageError(f"{self.path} has one bar; say its interval by --interval 1m")
        interval = interval_text(guess_ns)
        self.notes.append(f"the shortest step between bars, {interval}, is taken for the interval")
        return interval

    def _check_spacing(self, open_ns: Ints, shortest_ns: int, length_ns: int) -> None:
        """Refuse bars that are all further apart than they are said to be long."""
        if shortest_ns <= length_ns or len(open_ns) < SPACED_MIN:
            return
        told, found = interval_text(length_ns), interval_text(shortest_ns)
        if len(np.unique(np.diff(np.sort(open_ns)))) == 1:
            raise UsageError(
                f"{self.path}: its bars are {found} apart throughout, so they are no bars of "
                f"{told}; say --interval {found}"
            )
        self.notes.append(f"no two bars are closer than {found}: are they bars of {told}?")


def symbol_in(name: str, told: str) -> str:
    """Return the symbol that was told, or that a file's name has.

    Raises:
        UsageError: Neither.
    """
    if told:
        if told.isalnum():  # BTCUSDT
            found = split_symbol(told.upper())
            if found is None:
                raise UsageError(f"{told!r} is not a symbol; write BASE-QUOTE, as BTC-USDT")
            return found
        return checked_symbol(told)
    for pattern in (_PAIR, _SPELLED):
        if match := pattern.search(name):
            return checked_symbol(f"{match[1]}-{match[2]}")
    for word in re.findall(r"[A-Z0-9]{5,}", name):
        if symbol := split_symbol(word):
            return symbol
    raise UsageError(f"{name} does not say of which market it is; give --symbol BTC-USDT")


def _venue_in(path: Path, name: str) -> str:
    """Return the venue that a file is of by its name alone; empty: any.

    Raises:
        UsageError: Its rows are not of trades, though they look like bars.
    """
    match = _PAIR.search(name)
    if match is None:
        return ""
    ending = (match[5] or "").lower()
    if ending in _UNTRADED:
        raise UsageError(
            f"{path} has {_UNTRADED[ending]}, by its name, at which nothing was traded: they are "
            "no bars to play. Import the file whose name ends in -futures; if these are bars of "
            f"trades after all, name it without -{match[5]}"
        )
    return FUTURES_VENUE if ending == "futures" or match[3] else ""


def _may_be(archived: str, wanted: str) -> bool:
    """Whether an archive's symbol is the market that was told: futures have a date added."""
    return archived.partition("_")[0] == re.sub(r"[^A-Z0-9]", "", wanted.upper().split(":")[0])


def _names(table: Table, wanted: Wanted, hint: Named | None) -> tuple[str, ...]:
    if wanted.columns:
        if len(wanted.columns) != len(table.columns):
            raise UsageError(
                f"{table.path} has {len(table.columns)} columns, --columns names "
                f"{len(wanted.columns)}"
            )
        return wanted.columns
    if table.has_names:
        return table.columns
    if hint is not None and (known := hint.columns(len(table.columns))):
        return known
    if len(table.columns) == len(OHLCV):
        return OHLCV
    raise UsageError(
        f"{table.path} has {len(table.columns)} columns without names, and its own name is none of "
        "a known archive; name them by --columns time,open,high,low,close,volume"
    )


def _none_of(table: Table) -> pl.DataFrame:
    """Return a table's columns without its rows."""
    scan = pl.scan_parquet if table.form == "parquet" else pl.scan_ipc
    return pl.DataFrame(schema=scan(table.path).collect_schema())


def _renamed(frame: Frame, names: tuple[str, ...]) -> Frame:
    rows = frame.rows
    if tuple(rows.columns) != names:
        rows = rows.rename(dict(zip(rows.columns, names, strict=True)))
    return frame._replace(rows=rows)


def _interval_in(name: str) -> str:
    if match := _PAIR.search(name):
        return (match[4] or "").lower() if not (match[4] or "").endswith("M") else ""
    found = _INTERVAL.findall(name)
    return found[0] if len(set(found)) == 1 else ""


def _check_places(rows: Rows, length_ns: int) -> None:
    off = rows.frame.select((pl.col("open_ns") % length_ns != 0).arg_true()).to_series()
    if len(off):
        row = int(off[0])
        time_ns = int(rows.frame["open_ns"][row])
        raise ShapeError(
            f"row {rows.first_row + row}: a bar of {interval_text(length_ns)} cannot begin at "
            f"{time_ns} ns, which is no multiple of it; say another --interval, or --ends if bars "
            "are told by when they end"
        )
