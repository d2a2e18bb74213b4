"""The tape of a recording is the one that the exchange plays, event by event."""

import gzip

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.backtest.columns import EventKind
from steelyard.data.catalog import open_catalog
from steelyard.data.importing import import_file
from steelyard.data.kinds import COLUMNS, Kind
from steelyard.data.loading import load
from steelyard.data.reading import Wanted
from steelyard.data.timeline import merged, played, tape_blocks
from steelyard.dialects.binance.recording import tape_events
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import BookDelta, Touch, Trade
from steelyard.domain.order import Side
from steelyard.exchange.listings import LISTINGS

LISTED = {listing.instrument.symbol: listing.instrument for listing in LISTINGS}
SPOT = "binance/spot_btcusdt_20240809.jsonl.gz"
K = EventKind


def expected(path):
    """What `exchange.tape` does with each event, as the kinds of a tape."""
    with gzip.open(path, "rb") as file:
        depth_last, touch = 0, None
        out = []

        def follow(told, time_ns):
            if told.bid_lots:
                out.append((time_ns, told.bid_lots, told.bid_ticks, K.BEST_BID))
            if told.ask_lots:
                out.append((time_ns, told.ask_lots, told.ask_ticks, K.BEST_ASK))

        for event in tape_events(file, LISTED["BTC-USDT"]):
            match event:
                case BookDelta():
                    for levels, kind in ((event.bids, K.BID_LEVEL), (event.asks, K.ASK_LEVEL)):
                        out += [(event.time_ns, lots, ticks, kind) for ticks, lots in levels]
                    depth_last = event.last_sequence
                    if touch is not None and touch.sequence > depth_last:
                        follow(touch, event.time_ns)
                case Touch():
                    touch = event
                    if event.sequence > depth_last:
                        follow(event, event.time_ns)
                case Trade():
                    kind = K.BUY_TRADE if event.taker_side is Side.BUY else K.SELL_TRADE
                    out.append((event.time_ns, event.size_lots, event.price_ticks, kind))
    return np.array(out, dtype=np.int64)


def as_numbers(blocks):
    events = np.concatenate(list(blocks))
    return np.stack([events[name].astype(np.int64) for name in events.dtype.names], axis=1)


@pytest.mark.slow
def test_a_recordings_tape_is_what_the_exchange_plays(shared_data, tmp_path):
    """From the file itself, and by way of a catalog."""
    path = shared_data / SPOT
    want = expected(path)
    loaded = load(path, listed=LISTED)
    assert np.array_equal(as_numbers(loaded.data.blocks()), want)
    import_file(tmp_path, path, Wanted(), now_ns=1, listed=LISTED)
    tape, source = open_catalog(tmp_path).tape("binance", "BTC-USDT")
    assert np.array_equal(as_numbers(tape.blocks()), want)
    assert source.gaps == ()
    local = np.concatenate(list(tape.local()))
    assert len(local) == len(want)
    assert ((local - want[:, 0] >= 0) & (local - want[:, 0] <= 250_000_000)).all()


def test_a_futures_recording_is_in_order_and_its_touch_never_crosses(shared_data):
    """Both streams are there, and what the touch says at any moment is a market."""
    loaded = load(shared_data / "binance/usdm_btcusdt_20240808.jsonl.gz")
    events = np.concatenate(list(loaded.data.blocks()))
    assert (np.diff(events["time_ns"]) >= 0).all()
    assert set(np.unique(events["kind"]).tolist()) == set(range(7))
    bids = pl.Series(np.where(events["kind"] == K.BEST_BID, events["tick"], 0)).replace(0, None)
    asks = pl.Series(np.where(events["kind"] == K.BEST_ASK, events["tick"], 0)).replace(0, None)
    both = pl.DataFrame({"bid": bids.forward_fill(), "ask": asks.forward_fill()})
    pairs = both.filter(pl.Series(events["kind"] == K.BEST_ASK)).drop_nulls()
    assert (pairs["bid"] < pairs["ask"]).all()


def frame(kind, rows):
    columns = COLUMNS[kind]
    return pl.DataFrame(rows, schema=columns, orient="row")


def depth(time_ns, first, last, *levels, side=1):
    return [
        (time_ns, time_ns, first, last, nth, side, tick, lots)
        for nth, (tick, lots) in enumerate(levels)
    ]


def told(streams, clock="venue"):
    made = {kind: (lambda f=f: f) for kind, f in streams.items()}
    blocks = list(tape_blocks(made, clock))
    return [
        (int(e["time_ns"]), K(int(e["kind"])).name, int(e["tick"]), int(e["lots"]))
        for block in blocks
        for e in block
    ]


def test_depth_that_does_not_go_on_is_told_after_a_clear():
    """A number is missing between 5 and 7; a snapshot says so itself."""
    rows = [*depth(1, 4, 5, (10, 1)), *depth(2, 7, 8, (11, 2)), *depth(3, 9, 9, (12, 3))]
    rows += [*depth(4, 20, 20, (0, 0), side=0), *depth(4, 20, 20, (9, 9))]
    assert told({Kind.DEPTH: [frame(Kind.DEPTH, rows)]}) == [
        (1, "BID_LEVEL", 10, 1),
        (2, "CLEAR", 0, 0),
        (2, "BID_LEVEL", 11, 2),
        (3, "BID_LEVEL", 12, 3),
        (4, "CLEAR", 0, 0),
        (4, "BID_LEVEL", 9, 9),
    ]


def test_a_stale_touch_is_left_out_and_a_newer_one_told_again():
    """By the numbers that both streams share."""
    touches = [(1, 1, 7, 0, 10, 1, 12, 1), (3, 3, 8, 0, 11, 2, 12, 2)]
    streams = {
        Kind.DEPTH: [frame(Kind.DEPTH, [*depth(2, 5, 6, (9, 4)), *depth(2, 7, 9, (8, 4))])],
        Kind.TOUCH: [frame(Kind.TOUCH, touches)],
    }
    assert told(streams) == [
        (1, "BEST_BID", 10, 1),
        (1, "BEST_ASK", 12, 1),
        (2, "BID_LEVEL", 9, 4),
        (2, "BEST_BID", 10, 1),
        (2, "BEST_ASK", 12, 1),
        (2, "BID_LEVEL", 8, 4),
    ]


TIMES = st.lists(st.integers(1, 12), max_size=12).map(sorted)


@given(TIMES, TIMES, TIMES, st.integers(1, 4), st.sampled_from(["venue", "recorder"]))
def test_blocks_of_any_size_make_the_same_tape(trades, touches, depths, size, clock):
    """Reading in small pieces changes nothing, and time never goes back."""
    rows = {
        Kind.TRADES: [(t, t - 1, n, 0, 1, 5, 1) for n, t in enumerate(trades, 1)],
        Kind.TOUCH: [(t, t, n, 0, 4, 1, 6, 1) for n, t in enumerate(touches, 1)],
        Kind.DEPTH: [(t, t - 1, n, n, 0, 1, 3, 1) for n, t in enumerate(depths, 1)],
    }
    whole = {kind: [frame(kind, rows[kind])] for kind in rows}
    cut = {
        kind: [frame(kind, rows[kind][n : n + size]) for n in range(0, len(rows[kind]), size)]
        for kind in rows
    }
    tape = told(whole, clock)
    assert told(cut, clock) == tape
    assert [time for time, *_ in tape] == sorted(time for time, *_ in tape)
    assert sum(name == "BUY_TRADE" for _, name, _, _ in tape) == len(trades)


def test_a_recording_that_goes_back_in_time_is_refused_where_nothing_sorts_it():
    rows = [frame(Kind.DEPTH, depth(time, 0, 0, (1, 1))) for time in (10**10, 1)]
    with pytest.raises(UsageError, match="goes back in time"):
        list(played(merged({Kind.DEPTH: lambda: rows}), "venue"))
