"""A tape under each queue model, beside each other.

What stood before an order in its level, and who of them left, is in no recording. So a run assumes
one model, and its report shows what the others make of the same data: where the answer depends on
that, it is not known.
"""

import hashlib

import numpy as np
from msgspec import Struct

from steelyard.backtest.metrics import Metrics
from steelyard.backtest.result import Result
from steelyard.domain.units import in_full
from steelyard.engine.book import QueueModel


class QueueRow(Struct, frozen=True, kw_only=True):
    """What came of a run under one model."""

    queue: str
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


def row(result: Result, told: Metrics, queue: QueueModel, *, is_assumed: bool) -> QueueRow:
    """Return a run's line in the table."""
    return QueueRow(
        queue=queue.name.lower(),
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
