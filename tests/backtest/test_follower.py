"""A follower of targets; that it does what the machine does is shown in `test_signals`."""

import numpy as np

from steelyard.backtest.follower import Follower
from tests.backtest.market import bars_of, play


def test_it_trades_the_differences_of_targets():
    """Each at the next open, and nothing while a target stays."""
    bars = bars_of([(100, 100, 100, 100)] * 6)
    targets = np.array([1_000, 1_000, -500, -500, 0, 0], np.int64)
    fills = play(Follower(targets), bars).result().fills
    assert (fills["side"] * fills["size_lots"]).tolist() == [1_000, -1_500, 500]
