"""A run's line under an assumption says what its result says."""

from decimal import Decimal

import numpy as np
import pytest
from backtests import DAY, INSTRUMENT, START, curve_of, fill, fills_of, result_of
from msgspec.structs import replace

from steelyard.backtest import metrics, trips, variants
from steelyard.engine.book import QueueModel


def test_a_line_has_the_figures_of_its_run():
    fills = fills_of(
        fill(START, 1, 100_000, 100_000, 0), fill(START + 60 * 10**9, -1, 101_000, 100_000, 0)
    )
    fills["is_maker"][1] = 1
    curve = curve_of([(START, 1_000.0, 10.0), (START + DAY, 1_010.0, 10.0)])
    result = result_of(fills=fills, curve=curve)
    told = metrics.measure(result, trips.book(result.fills, INSTRUMENT))
    row = variants.variant(result, told, QueueModel.PROPORTIONAL, is_assumed=True)
    assert (row.name, row.is_assumed, row.failure) == ("proportional", True, None)
    assert (row.fills, row.maker_fills) == (2, 1)
    assert Decimal(row.profit_quote) == 10
    assert row.return_share is not None
    assert np.isclose(row.return_share, 0.01)


def test_the_hash_tells_two_runs_apart():
    one, other = (
        result_of(fills=fills_of(fill(START, 1, ticks, 100_000, 0))) for ticks in (1_000, 1_001)
    )
    hashes = set()
    for result in (one, other, one):
        told = metrics.measure(result, trips.book(result.fills, INSTRUMENT))
        hashes.add(variants.variant(result, told, QueueModel.OPTIMISTIC, is_assumed=False).sha256)
    assert len(hashes) == 2


def test_a_strategy_that_failed_is_told():
    result = result_of(failure="Traceback")
    told = metrics.measure(result, trips.book(result.fills, INSTRUMENT))
    assert (
        variants.variant(result, told, QueueModel.OPTIMISTIC, is_assumed=False).failure is not None
    )


@pytest.mark.parametrize(("second", "is_inside"), [(0, False), (1, True)])
def test_what_only_met_opens_does_not_depend_on_the_path(second, is_inside):
    fills = fills_of(fill(START, 1, 1_000, 1, 0), fill(START + second * 10**9, -1, 1_000, 1, 0))
    result = result_of(fills=fills)
    assert result.about.interval_ns is not None
    assert variants.depends_on_path(result) is is_inside
    tape = result._replace(about=replace(result.about, interval_ns=None))
    assert not variants.depends_on_path(tape)
