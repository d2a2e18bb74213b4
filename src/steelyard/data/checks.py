"""What is wrong, or looks wrong, in a dataset: found, counted, and named by its first places.

Gaps (as the manifest has them), rows told twice, time that goes back within a message's numbers,
books that are crossed, prices and sizes that no bar or trade can have, and outliers: a price that
is more than `JUMP` of itself away from the ones before and after, which agree with each other.
Each check goes over the rows once, in the order of the dataset, with bounded memory, but for the
book of depth, which is kept in whole.
"""

from collections.abc import Iterator
from heapq import heappop, heappush

import numpy as np
import polars as pl
from msgspec import Struct

from steelyard.data.catalog import Catalog, rows_of
from steelyard.data.exact import Ints
from steelyard.data.gaps import within
from steelyard.data.kinds import NUMBER, TIME, Kind
from steelyard.data.manifest import Manifest

PLACES_MAX = 5
JUMP_PERCENT = 10
TRADES = (Kind.TRADES, Kind.AGGREGATES)
Place = tuple[int, str]


class Finding(Struct, frozen=True):
    """Something that was found: how often, and the first places, each a time and what is there."""

    what: str
    count: int
    places: tuple[Place, ...]


class _Found:
    """Findings while they are being collected."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._places: dict[str, list[Place]] = {}

    def add(self, what: str, times: Ints, details: list[str] | None = None) -> None:
        """Add places of one kind."""
        if not len(times):
            return
        self._counts[what] = self._counts.get(what, 0) + len(times)
        places = self._places.setdefault(what, [])
        for at in range(min(PLACES_MAX - len(places), len(times))):
            places.append((int(times[at]), details[at] if details else ""))

    def all(self) -> list[Finding]:
        """Return what was found."""
        return [
            Finding(what, count, tuple(self._places[what])) for what, count in self._counts.items()
        ]


def check_dataset(
    catalog: Catalog, manifest: Manifest, start_ns: int | None = None, end_ns: int | None = None
) -> list[Finding]:
    """Return what was found in a dataset, or in a span of its time."""
    found = _Found()
    gaps = within(manifest.gaps, start_ns, end_ns)
    why = {(each.from_ns, each.to_ns): each.why for each in manifest.missing}
    lengths = [_length(end - begin) for begin, end in gaps]
    details = [
        f"{length}{f', {why[gap]}' if gap in why else ''}"
        for gap, length in zip(gaps, lengths, strict=True)
    ]
    found.add("gaps", np.array([begin for begin, _ in gaps], dtype=np.int64), details)
    folder = manifest.key.folder(catalog.root)
    frames = rows_of(manifest, folder, start_ns, end_ns)
    check_rows(manifest.kind, frames, found)
    return found.all()


def check_rows(kind: Kind, frames: Iterator[pl.DataFrame], found: _Found) -> None:
    """Check rows of one kind, in order."""
    book = _Book(found) if kind is Kind.DEPTH else None
    tail: pl.DataFrame | None = None
    seen_max = 0
    for frame in frames:
        rows = frame if tail is None else pl.concat([tail, frame])
        skip = 0 if tail is None else len(tail)
        time_ns = rows[TIME[kind]].to_numpy()
        back = np.flatnonzero(np.diff(time_ns) < 0) + 1
        found.add("rows before the one before them", time_ns[back[back >= skip]])
        if kind is Kind.BARS:
            _bars(rows, time_ns, skip, found)
        else:
            seen_max = _numbers(kind, frame, seen_max, found)
        if kind in TRADES:
            _positive(rows, time_ns, skip, found, ("price_ticks", "size_lots"))
        if kind is Kind.TOUCH:
            _touches(rows, time_ns, skip, found)
        for name in _PRICE.get(kind, ()):
            _outliers(rows[name].to_numpy(), time_ns, skip, found)
        if book is not None:
            book.take(frame)
        tail = rows.tail(2)


_PRICE = {
    Kind.BARS: ("close_ticks",),
    Kind.TRADES: ("price_ticks",),
    Kind.AGGREGATES: ("price_ticks",),
    Kind.TOUCH: ("bid_ticks",),
}


def _bars(rows: pl.DataFrame, time_ns: Ints, skip: int, found: _Found) -> None:
    at = np.arange(len(rows)) >= skip
    values = {name: rows[name].to_numpy() for name in rows.columns}
    low = np.minimum(values["open_ticks"], values["close_ticks"])
    high = np.maximum(values["open_ticks"], values["close_ticks"])
    outside = (values["low_ticks"] > low) | (values["high_ticks"] < high)
    found.add("bars whose prices are outside their low and high", time_ns[at & outside])
    found.add("bars without a positive price", time_ns[at & (values["low_ticks"] <= 0)])
    found.add("bars of negative volume", time_ns[at & (values["volume_lots"] < 0)])
    same = np.concatenate(([False], np.diff(time_ns) == 0))
    found.add("bars told twice", time_ns[at & same])
    # Made up where there was a gap: each price on a straight line between its neighbors.
    straight = np.ones(max(len(rows) - 2, 0), dtype=bool)
    moves = np.zeros(len(straight), dtype=bool)
    for name in ("open_ticks", "high_ticks", "low_ticks", "close_ticks", "volume_lots"):
        steps = np.diff(values[name])
        straight &= np.abs(np.diff(steps)) <= 1
        moves |= steps[1:] != 0
    middle = np.concatenate(([False], straight & moves, [False]))[: len(rows)]
    both = middle[1:] & middle[:-1]  # one may be chance, two in a row are not
    made = np.concatenate((both, [False])) | np.concatenate(([False], both))
    found.add("bars on a straight line between others, which look filled in", time_ns[at & made])


def _numbers(kind: Kind, frame: pl.DataFrame, seen_max: int, found: _Found) -> int:
    """Check what is told twice; return the largest number until now."""
    number, time_ns = NUMBER[kind], frame["time_ns"].to_numpy()
    names = [number, "nth"] if kind is not Kind.DEPTH else [number, "nth", "time_ns"]
    is_numbered = frame[number].to_numpy() != 0
    repeated = frame.select(pl.struct(names).is_duplicated()).to_series().to_numpy() & is_numbered
    found.add("rows whose number is told twice", time_ns[repeated])
    ids = frame[number].to_numpy()
    if kind in TRADES and is_numbered.any():
        before = np.maximum.accumulate(np.concatenate(([seen_max], ids[:-1])))
        late = is_numbered & (ids < before)
        found.add("trades later than ones of higher numbers", time_ns[late])
    return max(seen_max, int(ids.max()) if len(ids) else 0)


def _positive(
    rows: pl.DataFrame, time_ns: Ints, skip: int, found: _Found, names: tuple[str, ...]
) -> None:
    at = np.arange(len(rows)) >= skip
    for name in names:
        what = name.partition("_")[0]
        wrong = at & (rows[name].to_numpy() <= 0)
        found.add(f"trades without a positive {what}", time_ns[wrong])


def _touches(rows: pl.DataFrame, time_ns: Ints, skip: int, found: _Found) -> None:
    at = np.arange(len(rows)) >= skip
    bid, ask = rows["bid_ticks"].to_numpy(), rows["ask_ticks"].to_numpy()
    stands = (rows["bid_lots"].to_numpy() > 0) & (rows["ask_lots"].to_numpy() > 0)
    crossed = np.flatnonzero(at & stands & (bid >= ask))
    details = [f"bid {bid[i]} ticks, ask {ask[i]}" for i in crossed[:PLACES_MAX]]
    found.add("crossed books", time_ns[crossed], details)


def _outliers(prices: Ints, time_ns: Ints, skip: int, found: _Found) -> None:
    if len(prices) < 3:  # noqa: PLR2004 one before, one after
        return
    before, price, after = prices[:-2], prices[1:-1], prices[2:]
    far = np.abs(price - before) * 100 > JUMP_PERCENT * before
    far &= np.abs(price - after) * 100 > JUMP_PERCENT * after
    far &= np.abs(after - before) * 100 <= JUMP_PERCENT * before
    at = np.flatnonzero(far) + 1
    at = at[at >= max(skip - 1, 1)]  # what waits for its neighbor is judged with the next rows
    details = [f"{prices[i - 1]}, {prices[i]}, {prices[i + 1]} ticks" for i in at[:PLACES_MAX]]
    found.add(f"outliers of more than {JUMP_PERCENT} %", time_ns[at], details)


class _Book:
    """The book that depth makes; after each message it must not be crossed."""

    def __init__(self, found: _Found) -> None:
        self._found = found
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._best_bids: list[int] = []  # heaps of candidates, bids negated
        self._best_asks: list[int] = []
        self._message: tuple[int, int] | None = None

    def take(self, frame: pl.DataFrame) -> None:
        columns = (
            frame[name].to_list()
            for name in ("time_ns", "first_id", "last_id", "side", "price_ticks", "size_lots")
        )
        for time_ns, first, last, side, tick, lots in zip(*columns, strict=True):
            message = (time_ns, last)
            if self._message is not None and message != self._message:
                self._judge(self._message[0])
                if first and self._message[1] and first > self._message[1] + 1:
                    self._clear()
            self._message = message
            if side == 0:
                self._clear()
                continue
            levels, heap = (
                (self._bids, self._best_bids) if side > 0 else (self._asks, self._best_asks)
            )
            if lots:
                if tick not in levels:
                    heappush(heap, -side * tick)
                levels[tick] = lots
            else:
                levels.pop(tick, None)

    def _clear(self) -> None:
        for each in (self._bids, self._asks, self._best_bids, self._best_asks):
            each.clear()

    def _judge(self, time_ns: int) -> None:
        while self._best_bids and -self._best_bids[0] not in self._bids:
            heappop(self._best_bids)
        while self._best_asks and self._best_asks[0] not in self._asks:
            heappop(self._best_asks)
        if self._best_bids and self._best_asks and -self._best_bids[0] >= self._best_asks[0]:
            detail = f"bid {-self._best_bids[0]} ticks, ask {self._best_asks[0]}"
            self._found.add("crossed books", np.array([time_ns]), [detail])


def _length(length_ns: int) -> str:
    seconds, rest = divmod(length_ns, 10**9)
    if seconds < 120:  # noqa: PLR2004 two minutes read better as seconds
        return f"{seconds}.{rest // 10**6:03d} s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return (
        f"{days} d {hours:02d}:{minutes:02d}:{seconds:02d}"
        if days
        else (f"{hours:02d}:{minutes:02d}:{seconds:02d}")
    )
