"""Candles of a tape equal a recomputation, however it is cut, and are never too many."""

import numpy as np
import polars as pl
import pytest

from steelyard.backtest.columns import EVENT, EventKind, Tape
from steelyard.backtest.result import POINT
from steelyard.backtest.tapecandles import CANDLES_MAX, CandleTap
from tests.backtest.market import BTC

SECOND_NS = 10**9
NO_CURVE = np.zeros(0, POINT)


def trades(count, step_ns, seed=1):
    random = np.random.default_rng(seed)
    events = np.zeros(count, EVENT)
    events["time_ns"] = 10**18 + np.cumsum(random.integers(0, 2 * step_ns, count))
    events["kind"] = random.choice(
        [EventKind.BUY_TRADE, EventKind.SELL_TRADE, EventKind.BID_LEVEL], count
    )
    events["tick"] = 1_000 + np.cumsum(random.integers(-3, 4, count)).clip(-900)
    events["lots"] = random.integers(1, 50, count)
    return events


def candles(events, cuts, end_ns=2**62, curve=NO_CURVE):
    tap = CandleTap(Tape(BTC, lambda: iter(np.split(events, cuts))))
    played = np.concatenate(list(tap.tape.blocks()))
    assert (played == events).all()
    return tap.candles(end_ns, curve)


def recomputed(events, interval_ns):
    frame = pl.DataFrame({name: events[name] for name in ("time_ns", "tick", "lots", "kind")})
    frame = frame.filter(pl.col("kind").is_in([EventKind.BUY_TRADE, EventKind.SELL_TRADE]))
    tick = pl.col("tick").cast(pl.Int64)
    return (
        frame.group_by(pl.col("time_ns") // interval_ns * interval_ns, maintain_order=True)
        .agg(tick.first().alias("o"), tick.max().alias("h"), tick.min().alias("l"),
             tick.last().alias("c"), pl.col("lots").sum())
        .rows()
    )  # fmt: skip


@pytest.mark.parametrize("cuts", [[], [1], [500, 500, 501, 1_900]])
@pytest.mark.parametrize("step_ns", [SECOND_NS // 7, 2 * SECOND_NS])
def test_they_equal_a_recomputation_however_the_tape_is_cut(cuts, step_ns):
    events = trades(2_000, step_ns)
    found = candles(events, cuts)
    rows = list(zip(*(column.tolist() for column in found[2:]), strict=True))
    assert rows == recomputed(events, SECOND_NS)


def test_there_are_never_too_many():
    """The interval doubles, and nothing of a price or a volume is lost."""
    events = trades(60_000, 3 * SECOND_NS)
    found = candles(events, range(1_000, 60_000, 1_000))
    assert CANDLES_MAX / 4 < len(found) <= CANDLES_MAX
    rows = list(zip(*(column.tolist() for column in found[2:]), strict=True))
    assert rows == recomputed(events, found.interval_ns)


def test_what_comes_after_the_end_is_left_out():
    events = trades(2_000, SECOND_NS)
    end_ns = int(events["time_ns"][1_000])
    found = candles(events, [700], end_ns)
    assert found.open_ns[-1] < end_ns


def test_a_tape_without_trades_is_told_by_the_curve():
    events = trades(100, SECOND_NS)
    events["kind"] = EventKind.ASK_LEVEL
    assert candles(events, []) is None
    curve = np.zeros(3, POINT)
    curve["time_ns"] = 10**18 + np.arange(3) * 60 * SECOND_NS
    curve["price"] = [100.0, 0.0, 101.5]
    found = candles(events, [], curve=curve)
    assert found.close_ticks.tolist() == [200, 203]
    assert found.volume_lots.tolist() == [0, 0]


def test_it_begins_anew_with_the_tape():
    events = trades(200, SECOND_NS)
    tap = CandleTap(Tape(BTC, lambda: iter([events])))
    for _ in range(2):
        for _ in tap.blocks():
            pass
    assert tap.now_ns == events["time_ns"][-1]
    whole = tap.candles(2**62, NO_CURVE)
    assert len(whole) == len(recomputed(events, SECOND_NS))
