"""Exact rows in the ticks and lots of an instrument: refused, rounded on request, and counted."""

import numpy as np
import polars as pl

from steelyard.data.exact import Column, Ints, NotExact, Step, in_steps
from steelyard.data.instruments import PRICE_TICKS_MAX
from steelyard.data.kinds import PRICES, SIZES, TIME, Kind
from steelyard.data.moments import shown
from steelyard.data.shapes import Rows
from steelyard.domain.errors import UsageError
from steelyard.domain.units import in_full


class Stepping:
    """Brings exact rows into ticks and lots, and counts what is not as it was.

    The size of a level is rounded down to whole lots, because orders from before a change of the
    lot still rest; anything else off its step is refused, or rounded where that was asked for.
    """

    def __init__(self, name: str, tick: Step, lot: Step, *, rounds: bool) -> None:
        self.rounded = self.levels = 0
        self._name, self._tick, self._lot, self._rounds = name, tick, lot, rounds

    def of(self, rows: Rows) -> pl.DataFrame:
        """Return rows in steps.

        Raises:
            UsageError: A value is off its step; the message names the row by its time.
        """
        columns = []
        for names, decimals, step in (
            (PRICES[rows.kind], rows.price_decimals, self._tick),
            (SIZES[rows.kind], rows.size_decimals, self._lot),
        ):
            for name in names:
                column = Column(rows.frame[name].to_numpy(), decimals)
                columns.append(pl.Series(name, self._steps(rows, name, column, step)))
        return rows.frame.with_columns(columns)

    def _steps(self, rows: Rows, name: str, column: Column, step: Step) -> Ints:
        kind = rows.kind
        is_level = name in SIZES[kind] and kind in (Kind.DEPTH, Kind.TOUCH)
        try:
            if is_level and not self._rounds:
                values, off = rounded_down(column, step)
                self.levels += off
            else:
                values, off = in_steps(column, step, rounds=self._rounds)
                self.rounded += off
        except NotExact as error:
            time_ns = int(rows.frame[TIME[kind]][error.row])
            what = name.removesuffix("_ticks").removesuffix("_lots")
            raise UsageError(
                f"{self._name}, the row of {shown(time_ns)} ({time_ns} ns), {what}: {error}. "
                "Give the steps that the data has by --tick and --lot (or --steps derived), or "
                "--round to take the nearest"
            ) from error
        is_price = name in PRICES[kind] and kind is not Kind.DEPTH  # far levels are anywhere
        if is_price and len(values) and int(values.max()) > PRICE_TICKS_MAX:
            raise UsageError(
                f"{self._name}: a price of {int(values.max())} steps of {in_full(step.decimal)} is "
                f"above the most, {PRICE_TICKS_MAX}; give a coarser --tick, with --round if need be"
            )
        return values


def rounded_down(column: Column, step: Step) -> tuple[np.ndarray, int]:
    """Return the sizes of levels in whole lots, rounded down, and how many were off them."""
    decimals = max(column.decimals, step.decimals)
    size = step.units * 10 ** (decimals - step.decimals)
    steps, left = np.divmod(column.values * 10 ** (decimals - column.decimals), size)
    return steps, int(np.count_nonzero(left))
