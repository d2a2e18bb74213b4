import numpy as np
import polars as pl
import pytest

from steelyard.data.exact import Column, Step
from steelyard.data.kinds import COLUMNS, Kind
from steelyard.data.moments import shown
from steelyard.data.shapes import Rows
from steelyard.data.stepping import Stepping, rounded_down
from steelyard.domain.errors import UsageError

T0 = 1_704_067_200_000


def rows(kind, *values):
    frame = pl.DataFrame(values, schema=COLUMNS[kind], orient="row")
    return Rows(kind, frame, 2, 1, 1)


def test_levels_round_down_and_moments_are_shown():
    values, off = rounded_down(Column(np.array([10, 19, 20]), 1), Step(1, 0))
    assert (values.tolist(), off) == ([1, 1, 2], 1)
    assert shown(T0 * 10**6) == "2024-01-01T00:00:00Z"


def test_a_level_is_rounded_down_and_counted_and_a_trade_is_refused():
    """What rests may be off the lot; what traded may not."""
    steps = Stepping("x", Step(1, 2), Step(1, 0), rounds=False)
    level = steps.of(rows(Kind.DEPTH, (T0 * 10**6, None, 1, 1, 0, 1, 150, 19)))
    assert level.select("price_ticks", "size_lots").rows() == [(150, 1)]
    assert (steps.levels, steps.rounded) == (1, 0)
    trade = rows(Kind.TRADES, (T0 * 10**6, None, 1, 0, 1, 150, 19))
    with pytest.raises(UsageError, match=r"x, the row of 2024-01-01T00:00:00Z .*size: 1.9 is not"):
        steps.of(trade)
    rounding = Stepping("x", Step(1, 2), Step(1, 0), rounds=True)
    assert rounding.of(trade)["size_lots"].to_list() == [2]
    assert rounding.rounded == 1


def test_a_price_beyond_what_an_event_can_say_is_refused_but_for_a_far_level():
    steps = Stepping("x", Step(1, 2), Step(1, 1), rounds=False)
    with pytest.raises(UsageError, match="is above the most"):
        steps.of(rows(Kind.TRADES, (T0 * 10**6, None, 1, 0, 1, 2**33, 1)))
    assert len(steps.of(rows(Kind.DEPTH, (T0 * 10**6, None, 1, 1, 0, 1, 2**33, 1)))) == 1
