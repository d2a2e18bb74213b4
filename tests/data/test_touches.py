"""What is guessed of a book from trades: never crossed, and the same however it is cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.backtest.columns import EVENT, EventKind
from steelyard.data.touches import with_touches

BUY, SELL, BID, ASK = (
    EventKind.BUY_TRADE, EventKind.SELL_TRADE, EventKind.BEST_BID, EventKind.BEST_ASK,
)  # fmt: skip


def trades(*rows):
    """Return trades from (side, tick), a second and a lot more each."""
    events = np.zeros(len(rows), EVENT)
    for n, (side, tick) in enumerate(rows):
        events[n] = (n * 10**9, n + 1, tick, BUY if side > 0 else SELL)
    return events


def told(events, *cuts):
    return np.concatenate(list(with_touches(np.split(events, cuts))))


def test_a_trade_is_the_touch_of_its_side_and_the_other_is_a_spread_away():
    found = told(trades((1, 100), (-1, 97), (-1, 90), (1, 95)))
    touches = [
        sorted((EventKind(row["kind"]).name, int(row["tick"]), int(row["lots"])) for row in rows)
        for rows in found.reshape(-1, 3)[:, 1:]
    ]
    assert touches == [
        [("BEST_ASK", 100, 1), ("BEST_BID", 99, 1)],  # no change of sides yet: a tick
        [("BEST_ASK", 100, 2), ("BEST_BID", 97, 2)],
        [("BEST_ASK", 93, 3), ("BEST_BID", 90, 3)],  # three, as at the last change
        [("BEST_ASK", 95, 4), ("BEST_BID", 90, 4)],
    ]


@given(
    st.lists(st.tuples(st.sampled_from([1, -1]), st.integers(1, 60)), min_size=1, max_size=40),
    st.lists(st.integers(0, 40), max_size=4),
)
def test_it_is_never_crossed_and_the_same_however_it_is_cut(rows, cuts):
    events = trades(*rows)
    found = told(events)
    assert (told(events, *sorted(cuts)) == found).all()
    best = {BID: 0, ASK: 10**9}
    for at, event in enumerate(found):
        if at % 3 == 0:
            assert event == events[at // 3]
        else:
            best[event["kind"]] = event["tick"]
            assert best[ASK] > 0
            assert best[BID] < best[ASK]


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_block_is_passed_on(count):
    found = list(with_touches([trades()] * count))
    assert sum(map(len, found)) == 0
