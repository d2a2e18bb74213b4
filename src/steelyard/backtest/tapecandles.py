"""Candles of a tape, made while its blocks go by, so that a chart needs no second reading.

A candle is one of recorded trades; a tape without trades is told by its curve instead, without
volume. However long a tape is, there are at most some thousand candles: they begin with a second
each and are joined, a power of two at a time, when there are too many.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from steelyard.backtest.columns import BarColumns, EventKind, Tape
from steelyard.backtest.result import Records
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS

CANDLES_MAX = 5_000

Columns = NDArray[np.int64]  # rows of open_ns, open, high, low, close, volume


class CandleTap:
    """Looks at a tape's trades as they are played."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._interval_ns = SECOND_NS
        self._rows: Columns = np.empty((0, 6), np.int64)
        self.now_ns = 0

    @property
    def tape(self) -> Tape:
        """The tape, to be played instead of the one that it was made from."""
        return self._tape._replace(blocks=self.blocks)

    def blocks(self) -> Iterator[NDArray[np.void]]:
        """Yield the tape's blocks, from its beginning."""
        self._interval_ns, self._rows, self.now_ns = SECOND_NS, self._rows[:0], 0
        for block in self._tape.blocks():
            if len(block):
                self._add(block)
                self.now_ns = int(block["time_ns"][-1])
            yield block

    def candles(self, end_ns: int, curve: Records) -> BarColumns | None:
        """Return the candles of what was played until end_ns; None where there were no prices."""
        rows = (
            self._rows[self._rows[:, 0] < end_ns]
            if len(self._rows)
            else _of_curve(curve, self._tape.instrument)
        )
        if not len(rows):
            return None
        rows, interval_ns = _few(rows, self._interval_ns)
        columns = (np.ascontiguousarray(rows[:, at]) for at in range(6))
        return BarColumns(self._tape.instrument, interval_ns, *columns)

    def _add(self, block: NDArray[np.void]) -> None:
        kind = block["kind"]
        trades = block[(kind == EventKind.BUY_TRADE) | (kind == EventKind.SELL_TRADE)]
        if not len(trades):
            return
        tick = trades["tick"].astype(np.int64)
        rows = np.stack([trades["time_ns"], tick, tick, tick, tick, trades["lots"]], axis=1)
        # The last candle may go on in this block.
        rows = _joined(np.concatenate([self._rows[-1:], rows]), self._interval_ns)
        rows = np.concatenate([self._rows[:-1], rows])
        self._rows, self._interval_ns = _few(rows, self._interval_ns)


def _joined(rows: Columns, interval_ns: int) -> Columns:
    """Return rows as candles of an interval; they are in order of time."""
    begins_ns = rows[:, 0] // interval_ns * interval_ns
    first = np.flatnonzero(np.diff(begins_ns, prepend=begins_ns[:1] - 1))
    last = np.append(first[1:], len(rows)) - 1
    return np.stack(
        [
            begins_ns[first],
            rows[first, 1],
            np.maximum.reduceat(rows[:, 2], first),
            np.minimum.reduceat(rows[:, 3], first),
            rows[last, 4],
            np.add.reduceat(rows[:, 5], first),
        ],
        axis=1,
    )


def _few(rows: Columns, interval_ns: int) -> tuple[Columns, int]:
    while len(rows) > CANDLES_MAX:
        interval_ns *= 2
        rows = _joined(rows, interval_ns)
    return rows, interval_ns


def _of_curve(curve: Records, instrument: Instrument) -> Columns:
    known = curve[curve["price"] > 0]
    if not len(known):
        return np.empty((0, 6), np.int64)
    tick = np.rint(known["price"] / float(instrument.tick_size)).astype(np.int64)
    nothing = np.zeros(len(known), np.int64)
    rows = np.stack([known["time_ns"], tick, tick, tick, tick, nothing], axis=1)
    return _joined(rows, SECOND_NS)
