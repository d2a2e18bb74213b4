"""A run under each of the assumptions that no recording decides, beside each other.

What stood before an order in its level, and who of them left, is in no tape; in which order a bar's
extremes came is in no bar. So a run assumes one, and its report shows what the others make of the
same data: where the answer depends on that, it is not known.
"""

import hashlib

import numpy as np
from msgspec import Struct

from steelyard.backtest.metrics import Metrics
from steelyard.backtest.result import Result
from steelyard.backtest.settings import BarPath, Settings
from steelyard.domain.units import in_full
from steelyard.engine.book import QueueModel


class Variant(Struct, frozen=True, kw_only=True):
    """What came of a run under one assumption."""

    name: str  # of a queue model, or of an order of the extremes
    is_assumed: bool  # the rest of the report is of this one
    orders: int
    fills: int
    maker_fills: int
    profit_quote: str
    fees_quote: str
    return_share: float | None
    drawdown_share: float
    sha256: str  # of all fills
    failure: str | None = None


def variant(
    result: Result, told: Metrics, kind: QueueModel | BarPath, *, is_assumed: bool
) -> Variant:
    """Return a run's line in the table."""
    return Variant(
        name=kind.name.lower().replace("_", "-"),
        is_assumed=is_assumed,
        orders=result.totals.orders,
        fills=result.totals.fills,
        maker_fills=int(np.count_nonzero(result.fills["is_maker"])),
        profit_quote=in_full(told.profit_quote),
        fees_quote=in_full(told.costs.fees_quote),
        return_share=told.return_share,
        drawdown_share=told.drawdown_share,
        sha256=hashlib.sha256(np.ascontiguousarray(result.fills).tobytes()).hexdigest(),
        failure=None if result.about.failure is None else "the strategy raised an error",
    )


def depends_on_path(result: Result) -> bool:
    """Return whether anything of a run of bars happened inside of one.

    Every order of the extremes goes through both; what only met opens is the same in all of them.
    """
    interval_ns = result.about.interval_ns
    return interval_ns is not None and bool(np.any(result.fills["time_ns"] % interval_ns))


def assumptions(
    settings: Settings, *, has_bars: bool
) -> tuple[tuple[QueueModel | BarPath, ...], QueueModel | BarPath]:
    """Return what can be assumed where the data do not tell, and what is."""
    if has_bars:
        return tuple(BarPath), settings.path
    return tuple(QueueModel), settings.queue


def spelled(kind: QueueModel | BarPath) -> dict[str, str]:
    """Return an assumption as `[backtest]` has it."""
    key = "queue" if isinstance(kind, QueueModel) else "path"
    return {key: kind.name.lower().replace("_", "-")}
