"""The forms in which market data enters a backtest: columns of bars, records of a tape.

Everything is in whole ticks and lots of one instrument, and in time order; whoever makes them (an
importer, a user with arrays) has checked that or asks `check`. A tape is an iterable of blocks, so
that it need not fit into memory.
"""

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard import _native
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Instrument
from steelyard.domain.units import in_full

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


# Room for what a first run finds is made for so many bars, of which one in 32 has an order: words
# of 64 bits for it and its fill, and for a curve (`backtest.result` has the forms).
_SHEET_BARS, _SHEET_BARS_MAX = 1 << 16, 1 << 21
_BARS_PER_ORDER, _ORDER_WORDS, _CURVE_WORDS = 32, 19, 100_000


class EventKind(IntEnum):
    """What an event of a tape tells; its tick and lots are those of a level, a trade or a touch."""

    BID_LEVEL = 0  # the level has this size now; 0 lots: it is gone
    ASK_LEVEL = 1
    BUY_TRADE = 2  # the taker bought
    SELL_TRADE = 3
    BEST_BID = 4  # the touch: this is the best level, what is better is stale
    BEST_ASK = 5
    CLEAR = 6  # a new snapshot follows: whatever stood is gone (a gap before it)


# 24 bytes, little endian; `rust/replay` reads the same form.
EVENT = np.dtype([("time_ns", "<i8"), ("lots", "<i8"), ("tick", "<u4"), ("kind", "<u4")])


class BarColumns(NamedTuple):
    """Bars of one instrument and interval, oldest first.

    Each column has one whole number a bar, int64 and contiguous: when it began (a multiple of the
    interval since the epoch), its prices in ticks, its volume in lots. Bars may be missing; what is
    missing is a gap and is never filled in.
    """

    instrument: Instrument
    interval_ns: int
    open_ns: Ints
    open_ticks: Ints
    high_ticks: Ints
    low_ticks: Ints
    close_ticks: Ints
    volume_lots: Ints

    def __len__(self) -> int:
        """How many bars."""
        return len(self.open_ns)


class Tape(NamedTuple):
    """Recorded events of one instrument, oldest first.

    blocks begins the tape anew each time and gives arrays of `EVENT`, time never going back over
    all of them. local is the same with the time at which the recorder received each event, in the
    order of blocks; None where nobody recorded that. span_ns is the first and the last time, where
    they are known before it is played. guess says what of it was not recorded.
    """

    instrument: Instrument
    blocks: Callable[[], Iterable[NDArray[np.void]]]
    local: Callable[[], Iterable[Ints]] | None = None
    span_ns: tuple[int, int] | None = None
    guess: str = ""


class Source(NamedTuple):
    """Where data came from, for a report's head and for comparing two runs."""

    name: str  # a file's name, or the catalog's `binance/BTC-USDT/1m`
    sha256: str  # of the file, or of the manifest's hashes in order
    gaps: tuple[tuple[int, int], ...] = ()  # [from_ns, to_ns), of the part that was used


def bars_from(
    instrument: Instrument,
    interval_ns: int,
    open_ns: Ints,
    opens: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    volume: Floats,
) -> tuple[BarColumns, _native.Bars]:
    """Return bars from columns of floats, and the same in the machine's form.

    Prices and volumes have to be whole steps but for the last digits of a float.

    Raises:
        UsageError: One is not, or they are no bars; the message names the first.
    """
    times = np.ascontiguousarray(open_ns, np.int64)
    given = tuple(np.ascontiguousarray(it, np.float64) for it in (opens, high, low, close, volume))
    if any(len(column) != len(times) for column in given):
        raise UsageError("the columns of bars are not equally long")
    whole = tuple(np.empty(len(times), np.int64) for _ in given)
    per_price, per_size = (float(1 / it) for it in (instrument.tick_size, instrument.lot_size))
    limit = instrument.price_max_ticks
    try:
        rows = _native.Bars.from_floats(
            times, given, whole, per_price, per_size, interval_ns, limit
        )
    except ValueError as error:
        at, name = error.args
        step = instrument.lot_size if name == "volume" else instrument.tick_size
        raise UsageError(
            f"bar {at + 1} (at {int(times[at])} ns): {name} is no whole number of {in_full(step)}"
        ) from error
    if len(times) >= _SHEET_BARS:
        # The system clears a page when it is first written: better now than in the first run.
        words = min(len(times), _SHEET_BARS_MAX) * _ORDER_WORDS // _BARS_PER_ORDER + _CURVE_WORDS
        rows.keep_sheet(np.full(words, 0, np.int64))
    bars = BarColumns(instrument, interval_ns, times, *whole)
    if not rows.is_sound:
        check_bars(bars)
    return bars, rows


def check_bars(bars: BarColumns) -> None:
    """Refuse columns that are no bars.

    Raises:
        UsageError: Lengths differ, times do not rise or are off the interval, or a bar's prices
            contradict each other; the message names the first bar that does.
    """
    if any(len(column) != len(bars.open_ns) for column in bars[2:]):
        raise UsageError("the columns of bars are not equally long")
    times = bars.open_ns
    _none(np.flatnonzero(times % bars.interval_ns), "begins off its interval", times)
    _none(np.flatnonzero(np.diff(times) <= 0) + 1, "is not later than the one before", times)
    low = np.minimum(bars.open_ticks, bars.close_ticks)
    high = np.maximum(bars.open_ticks, bars.close_ticks)
    crossed = (bars.low_ticks > low) | (bars.high_ticks < high) | (bars.low_ticks <= 0)
    _none(np.flatnonzero(crossed), "has prices outside its low and high", times)
    _none(np.flatnonzero(bars.volume_lots < 0), "has a negative volume", times)
    above = np.flatnonzero(bars.high_ticks > bars.instrument.price_max_ticks)
    _none(above, f"is above {bars.instrument.symbol}'s highest price", times)


def _none(wrong: NDArray[np.intp], what: str, times: Ints) -> None:
    if len(wrong):
        at = int(wrong[0])
        raise UsageError(
            f"bar {at + 1} (at {int(times[at])} ns) {what}; {len(wrong)} such bars, by the order "
            "of their rows; the first row is 1"
        )
