"""A million one-minute bars of a random walk, and the same strategy for everybody: two averages.

numpy only, so that a peer's own environment can import it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

COUNT = 1_000_000
BEGIN_NS = 1_577_836_800_000_000_000
FAST, SLOW = 10, 50
FEE = 0.001
CASH = 1e9

Columns = dict[str, NDArray[Any]]


def bars(count: int = COUNT, seed: int = 20_240_809) -> Columns:
    """Return columns of prices in whole cents and volumes in thousandths, as floats."""
    random = np.random.default_rng(seed)
    close = np.round(60_000 * np.exp(np.cumsum(random.normal(0, 4e-4, count))), 2)
    opens = np.concatenate(([60_000.0], close[:-1]))
    span = np.abs(random.normal(0, 2e-4, count)) * close
    return {
        "open": opens,
        "high": np.round(np.maximum(opens, close) + span, 2),
        "low": np.round(np.minimum(opens, close) - span, 2),
        "close": close,
        "volume": np.round(random.gamma(2.0, 5.0, count), 3) + 0.001,
        "ts": np.int64(BEGIN_NS) + np.arange(count, dtype=np.int64) * 60_000_000_000,
    }
