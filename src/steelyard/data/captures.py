"""Recordings of a venue's streams as exact rows: what was received, when, and where frames lack.

Two forms of lines are read: `<local nanoseconds> <frame>`, which our recorder writes, and
`<local seconds>: <frame>` with lines about the connection between them. A dialect reads the frames
(its module `capture`); rows go by the recorder's clock. A line of the stream `steelyard@lost` or
`steelyard@gap` marks where the recorder knows that frames are missing.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import msgspec
import polars as pl

from steelyard import dialects
from steelyard.data.exact import NotExact, at, exact
from steelyard.data.files import blocks, unpacked
from steelyard.data.instruments import checked_symbol, checked_venue, split_symbol
from steelyard.data.kinds import COLUMNS, NUMBER, Kind
from steelyard.data.manifest import Key, Missing
from steelyard.data.reading import Clip, Wanted
from steelyard.data.shapes import Rows
from steelyard.domain.errors import DecodeError, UsageError
from steelyard.wire.capture import Capture, FrameReader, Raw, RawDepth, RawTouch, RawTrade

LINES = 50_000  # decoded together
ROWS = 1 << 18  # likewise: a frame may have thousands of levels
SEEN_FIRST = 2_000  # lines that say which markets a recording is of
MARK = b'{"stream":"steelyard@'
SECONDS_DIGITS, NS_DIGITS = 10, 19

_OURS = re.compile(rb"([0-9]{16,19}) ([{\[].*)")
_SECONDS = re.compile(rb"([0-9]{10})(?:\.([0-9]{1,9})[0-9]*)?: ([{\[].*)")
_ABOUT = re.compile(rb"(wss?|https?)://|configuration: ")


class _Mark(msgspec.Struct):
    """What the recorder says of frames that it lacks; times are left out where it does not know."""

    frames: int = 0
    from_ns: int = 0
    to_ns: int = 0
    why: str = "frames were lost"


class _MarkFrame(msgspec.Struct):
    stream: str
    data: _Mark


_MARK = msgspec.json.Decoder(_MarkFrame)


@cache
def captures() -> tuple[Capture, ...]:
    """Return how recordings are read, of the dialects that have that."""
    found = []
    for name in dialects.names():
        module = f"{dialects.__name__}.{name.replace('-', '_')}.capture"
        if find_spec(module) is not None:
            found.append(import_module(module).CAPTURE)
    return tuple(found)


def is_capture(start: bytes) -> bool:
    """Return whether a file that begins so is a recording."""
    line = start.lstrip().split(b"\n", 1)[0]
    return any(pattern.match(line) for pattern in (_OURS, _SECONDS, _ABOUT))


class CaptureReading:
    """A recording that is about to be read."""

    def __init__(self, path: Path, wanted: Wanted) -> None:
        """Find out which venue's it is, and of which markets.

        Raises:
            UsageError: No dialect reads its frames, or it is of no market that was wanted.
        """
        self.path = path
        self.clock = "recorder"
        self.notes: list[str] = []
        self.missing: list[Missing] = []
        self.time_unit = ""
        self._capture = _capture_of(path, wanted.venue)
        self._wanted = checked_symbol(wanted.symbol) if wanted.symbol else ""
        self._kind = wanted.kind
        reader = self._capture.reader()
        self._symbols = frozenset(self._first_symbols(reader))
        self._market = reader.market
        own = self._name_of(reader.market)
        self.venue = checked_venue(wanted.venue or own)
        self.form = f"recording of {own}"
        if self._wanted and self._wanted not in self._symbols:
            raise UsageError(
                f"{path} has nothing of {self._wanted} at its beginning; it is of "
                f"{', '.join(sorted(self._symbols)) or 'no market'}"
            )

    @property
    def symbols(self) -> frozenset[str]:
        """Which markets it has rows of."""
        return frozenset({self._wanted}) if self._wanted else self._symbols

    @property
    def nothing(self) -> str:
        """What to say where it has no rows."""
        return f" of a market: no frame of it is one that {self._capture.venue} documents"

    def rows(self, clip: Clip = (None, None)) -> Iterator[tuple[Key, Rows]]:
        """Yield its rows, and to which dataset they belong.

        Raises:
            UsageError: A line has another form, or a number is not exact; the message names it.
        """
        self.missing = []
        reader = self._capture.reader()
        gather = _Gather(self.venue, clip)
        last_ns = 0
        for number, local_ns, frame in lines_of(self.path):
            if frame.startswith(MARK):
                self._marked(frame, last_ns, local_ns, number)
                if b"steelyard@gap" in frame[:32]:
                    reader = self._capture.reader()  # another connection
                continue
            last_ns = local_ns
            for raw in self._read(reader, frame, number):
                if reader.market != self._market:
                    self._check_market(reader.market, number)
                symbol = symbol_of(raw.symbol)
                if not self._wanted or symbol == self._wanted:
                    gather.take(symbol, raw, local_ns, number)
            if gather.is_full:
                yield from self._chosen(gather.drain())
        yield from self._chosen(gather.drain())
        self.time_unit = "nanoseconds"
        self.notes = ["times are the recorder's; trades say the venue's, too"]
        if self.missing:
            self.notes.append(f"{len(self.missing)} places where the recorder lacks frames")

    def _chosen(self, together: Iterable[tuple[Key, Rows]]) -> Iterator[tuple[Key, Rows]]:
        for key, rows in together:
            if self._kind is None or key.kind is self._kind:
                yield key, rows

    def _read(self, reader: FrameReader, frame: bytes, number: int) -> list[Raw]:
        try:
            return reader.read(frame)
        except (DecodeError, UsageError) as error:
            raise UsageError(f"{self.path}, line {number}: {error}") from error

    def _name_of(self, market: str | None) -> str:
        return f"{self._capture.venue}-{market}" if market else self._capture.venue

    def _check_market(self, market: str | None, number: int) -> None:
        """Refuse rows of another market than those before: a gap begins a new connection."""
        if market is None or (market or "") == (self._market or ""):
            return
        if self._market is None and self.venue == self._name_of(market):
            self._market = market
            return
        raise UsageError(
            f"{self.path}, line {number}: from here on frames are of {self._name_of(market)}, "
            f"before they were of {self._name_of(self._market)}. Put the frames of each into a "
            f"file of its own; if they are all of the one, say --venue {self._name_of(market)}"
        )

    def _marked(self, frame: bytes, last_ns: int, now_ns: int, number: int) -> None:
        try:
            mark = _MARK.decode(frame).data
        except msgspec.DecodeError as error:
            raise UsageError(f"{self.path}, line {number}: {error}") from error
        begin, end = (mark.from_ns or last_ns or now_ns) + 1, mark.to_ns or now_ns
        if begin < end:
            self.missing.append(Missing(begin, end, mark.why))

    def _first_symbols(self, reader: FrameReader) -> Iterator[str]:
        for number, _, frame in lines_of(self.path):
            if number > SEEN_FIRST:
                return
            if not frame.startswith(MARK):
                for raw in self._read(reader, frame, number):
                    yield symbol_of(raw.symbol)


def symbol_of(text: str) -> str:
    """Return a venue's symbol in our spelling.

    Raises:
        UsageError: No known quote ends it.
    """
    if text.isalnum():
        found = split_symbol(text)
        if found is None:
            raise UsageError(f"{text!r} ends with no quote that is known")
        return found
    return checked_symbol(text)


def lines_of(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yield the frames of a recording: the line's number, when it was received, and the frame.

    Raises:
        UsageError: A line is neither a frame nor about a connection.
    """
    number = 0
    with unpacked(path) as stream:
        for block in blocks(stream, path):
            for line in block.splitlines():
                number += 1
                if found := _OURS.fullmatch(line):
                    yield number, int(found[1]), found[2]
                elif found := _SECONDS.fullmatch(line):
                    nanoseconds = (found[2] or b"").ljust(9, b"0")
                    yield number, int(found[1] + nanoseconds), found[3]
                elif line.strip() and not _ABOUT.match(line):
                    raise UsageError(
                        f"{path}, line {number}: {line[:40]!r} is no line of a recording; expected "
                        "is `<local nanoseconds> <frame>`"
                    )


class _Gather:
    """Rows as lists, until they are many enough for columns."""

    def __init__(self, venue: str, clip: Clip) -> None:
        self._venue, self._clip = venue, clip
        self._columns: dict[Key, dict[str, list[object]]] = {}
        self._last: dict[Key, tuple[int, int, int]] = {}  # time, number, nth
        self._lines = self._rows = 0
        self._first = 0  # line

    @property
    def is_full(self) -> bool:
        return self._lines >= LINES or self._rows >= ROWS

    def take(self, symbol: str, raw: Raw, local_ns: int, line: int) -> None:
        if not self._lines:
            self._first = line
        self._lines += 1
        match raw:
            case RawTrade():
                kind = Kind.AGGREGATES if raw.is_aggregate else Kind.TRADES
                key = Key(kind, self._venue, symbol)
                nth = self._nth(key, local_ns, raw.trade_id)
                side = int(raw.side)
                row = (local_ns, raw.venue_ns, raw.trade_id, nth, side, raw.price, raw.size)
                self._add(key, *row)
            case RawTouch():
                key = Key(Kind.TOUCH, self._venue, symbol)
                nth = self._nth(key, local_ns, raw.update_id)
                self._add(key, local_ns, raw.venue_ns, raw.update_id, nth, *raw.bid, *raw.ask)
            case RawDepth():
                key = Key(Kind.DEPTH, self._venue, symbol)
                levels = [*raw.bids, *raw.asks]
                sides = [1] * len(raw.bids) + [-1] * len(raw.asks)
                if raw.is_snapshot:
                    levels, sides = [("0", "0"), *levels], [0, *sides]
                count = len(levels)
                nth = self._nth(key, local_ns, raw.last_id, count)
                self._extend(
                    key,
                    count,
                    [local_ns] * count,
                    [raw.venue_ns] * count,
                    [0 if raw.is_snapshot else raw.first_id] * count,
                    [raw.last_id] * count,
                    range(nth, nth + count),
                    sides,
                    [price for price, _ in levels],
                    [size for _, size in levels],
                )

    def drain(self) -> list[tuple[Key, Rows]]:
        """Return what was gathered as rows of each dataset, and begin anew."""
        out = [(key, self._made(key, columns)) for key, columns in self._columns.items()]
        self._columns = {}
        self._lines = self._rows = 0
        return out

    def _nth(self, key: Key, time_ns: int, number: int, count: int = 1) -> int:
        """Return the number of the next row of one message, or of one time without numbers."""
        if number and key.kind is not Kind.DEPTH:
            return 0
        last = self._last.get(key)
        nth = last[2] if last is not None and last[:2] == (time_ns, number) else 0
        self._last[key] = (time_ns, number, nth + count)
        return nth

    def _add(self, key: Key, *values: object) -> None:
        self._extend(key, 1, *([value] for value in values))

    def _extend(self, key: Key, count: int, *values: Iterable[object]) -> None:
        columns = self._columns.get(key)
        if columns is None:
            columns = self._columns[key] = {name: [] for name in COLUMNS[key.kind]}
        for column, more in zip(columns.values(), values, strict=True):
            column.extend(more)
        self._rows += count

    def _made(self, key: Key, columns: dict[str, list[object]]) -> Rows:
        prices = [name for name in columns if name.endswith("_ticks")]
        sizes = [name for name in columns if name.endswith("_lots")]
        series: dict[str, pl.Series] = {}
        decimals = []
        for names, clip in ((prices, self._clip[0]), (sizes, self._clip[1])):
            try:
                read = {
                    name: exact(pl.Series(columns[name], dtype=pl.String), clip=clip)
                    for name in names
                }
                most = max(column.decimals for column in read.values())
                series |= {name: pl.Series(at(column, most)) for name, column in read.items()}
            except NotExact as error:
                number = NUMBER[key.kind]
                raise UsageError(
                    f"{key.name}, {number} {columns[number][error.row]}, received at "
                    f"{columns['time_ns'][error.row]} ns: {error}"
                ) from error
            decimals.append(most)
        frame = pl.DataFrame(
            {name: series.get(name, columns[name]) for name in COLUMNS[key.kind]},
            schema=COLUMNS[key.kind],
        )
        return Rows(key.kind, frame, decimals[0], decimals[1], self._first)


def _capture_of(path: Path, venue: str) -> Capture:
    for number, _, frame in lines_of(path):
        for capture in captures():
            if venue.startswith(capture.venue) or capture.is_ours(frame):
                return capture
        if number > SEEN_FIRST:
            break
    known = ", ".join(capture.venue for capture in captures())
    raise UsageError(
        f"{path} is a recording whose frames no dialect reads; those of {known} are read"
    )
