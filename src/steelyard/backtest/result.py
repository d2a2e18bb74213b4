"""What a backtest has found, as arrays: fills, orders, a curve, and what the run assumed.

The records are those that `rust/replay` writes. Money in them is exact where it was booked (ticks,
lots, atoms); the curve is in floats of quote and base, because it is for reading. A result says
everything a report needs and nothing that it computes.
"""

from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from steelyard.backtest.columns import BarColumns, Source
from steelyard.domain.instrument import Instrument

Records = NDArray[np.void]

CANDLES_MAX = 5_000

# One execution. Prices before it are in half ticks, so that a middle is whole; 0: not known.
FILL = np.dtype(
    [
        ("time_ns", "<i8"),
        ("order_id", "<u8"),
        ("price_ticks", "<i8"),
        ("size_lots", "<i8"),
        ("fee_atoms_low", "<u8"),  # a signed number of 128 bits in two halves
        ("fee_atoms_high", "<i8"),
        ("position_lots", "<i8"),  # after it
        ("decided_half_ticks", "<i8"),  # the middle when the strategy wanted it
        ("arrived_half_ticks", "<i8"),  # the middle when the order reached the exchange
        ("fee_asset_id", "<u4"),
        ("side", "<i1"),  # 1 buy, -1 sell
        ("is_maker", "<u1"),
        ("pad", "<u2"),
    ]
)

# One order, as it ended or as it stood at the end. Absent prices are 0, absent times too.
ORDER = np.dtype(
    [
        ("order_id", "<u8"),
        ("wanted_ns", "<i8"),
        ("arrived_ns", "<i8"),
        ("ended_ns", "<i8"),
        ("price_ticks", "<i8"),
        ("trigger_ticks", "<i8"),
        ("size_lots", "<i8"),
        ("filled_lots", "<i8"),
        ("side", "<i1"),
        ("order_type", "<u1"),  # domain.order.OrderType
        ("time_in_force", "<u1"),
        ("post_only", "<u1"),
        ("state", "<u1"),  # domain.lifecycle.OrderState
        ("reject_reason", "<u1"),  # domain.order.RejectReason, 0 for none
        ("cancel_cause", "<u1"),  # domain.order.CancelCause, 0 for none
        ("pad", "<u1"),
    ]
)

# The account over time: every bar or every `settings.curve_ns`, and at each end of a day (UTC).
POINT = np.dtype(
    [
        ("time_ns", "<i8"),
        ("cash", "<f8"),  # quote, held or free
        ("position", "<f8"),  # base, held or free
        ("price", "<f8"),  # of the mark: the middle, or a bar's close
        ("equity", "<f8"),  # cash + position * price
    ]
)


class Assumption(NamedTuple):
    """What a run took for granted, for the top of its report: `fees: 0.1 % maker and taker`."""

    about: str
    text: str


class About(Struct, frozen=True, kw_only=True):
    """Which run it was. Times are UTC nanoseconds; sha256 of settings and data tell runs apart."""

    name: str
    strategy: str  # module:Class
    params: dict[str, Any]
    instrument: Instrument
    sources: tuple[Source, ...]
    start_ns: int
    end_ns: int
    interval_ns: int | None  # of the bars that drove it; None: a tape
    assumptions: tuple[Assumption, ...]
    settings: dict[str, Any]
    version: str
    is_partial: bool = False  # somebody stopped it before the end of the data
    failure: str | None = None  # the traceback of a strategy that raised
    written: dict[str, str] | None = None  # params as a configuration has them, without defaults
    legs: dict[str, str] = {}  # what each leg trades, by name, where this is one of several


class Totals(Struct, frozen=True, kw_only=True):
    """What is exact over the whole run, not only at the points of the curve."""

    events: int  # bars, or events of the tape
    orders: int
    fills: int
    refused: int  # wishes that a limit refused
    fees_atoms: dict[int, int]  # by asset
    exposed_ns: int  # for how long the position was not zero
    drawdown: float  # the deepest fall of the equity from a peak, as a fraction
    seconds: float  # wall time of the run itself
    refusals: dict[str, int] = {}  # of them, by the limit's name


class Result(NamedTuple):
    """One run; bars are those that it was made for, also where it ended early. None: a tape."""

    about: About
    totals: Totals
    fills: Records  # FILL
    orders: Records  # ORDER
    curve: Records  # POINT
    bars: BarColumns | None
    notes: tuple[tuple[int, str], ...] = ()  # what the strategy logged, with its time

    @property
    def candles(self) -> BarColumns | None:
        """The prices for a chart, at most some thousand candles; None where there were none."""
        return None if self.bars is None else thinned(self.bars, self.totals.events)


def fee_atoms(fills: Records) -> list[int]:
    """Return the fees of fills as whole numbers of atoms of their asset."""
    high, low = fills["fee_atoms_high"].tolist(), fills["fee_atoms_low"].tolist()
    return [(upper << 64) + lower for upper, lower in zip(high, low, strict=True)]


def thinned(bars: BarColumns, count: int) -> BarColumns | None:
    """Return the first bars, joined until they are few enough for a chart."""
    count = min(count, len(bars))
    if not count:
        return None
    step = -(-count // CANDLES_MAX)
    starts = np.arange(0, count, step)
    ends = np.minimum(starts + step, count) - 1
    return BarColumns(
        bars.instrument,
        bars.interval_ns * step,
        bars.open_ns[starts],
        bars.open_ticks[starts],
        np.maximum.reduceat(bars.high_ticks[:count], starts),
        np.minimum.reduceat(bars.low_ticks[:count], starts),
        bars.close_ticks[ends],
        np.add.reduceat(bars.volume_lots[:count], starts),
    )
