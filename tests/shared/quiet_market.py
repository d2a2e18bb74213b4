"""A market in which nothing happens but what the test does: a recording of one moment, held."""

import gzip
import json
from pathlib import Path

from exchange_here import ExchangeHere

SYMBOL = "BTCUSDT"
BID, LAST, ASK = 49_999.0, 50_000.0, 50_001.0  # of `quiet_exchange`
FAR_BELOW, BELOW, ABOVE = 30_000.0, 40_000.0, 60_000.0
DEPTH = 1_000.0  # at its bid and at its ask: more than tests take
PLENTY = {"USDT": "10000000", "BTC": "200"}

_START_MS = 1_700_000_000_000
_PAUSE_MS = 30_500  # a recording has to be longer than a minute


def quiet_market(
    folder: Path, bid: float = 49_900, ask: float = 50_100, size: float = 5
) -> tuple[str, ...]:
    """Write the recording; return the options of an exchange that trades in it.

    So much stands at the bid and at the ask; the last trade was in the middle.
    """
    levels = {"b": [[f"{bid:.2f}", f"{size:.1f}"]], "a": [[f"{ask:.2f}", f"{size:.1f}"]]}
    last = f"{(bid + ask) / 2:.2f}"
    messages = [
        ("depth@100ms", {"e": "depthUpdate", "U": 1, "u": 2, **levels}),
        ("trade", {"e": "trade", "t": 1, "p": last, "q": "1.0", "m": False, "M": True}),
        ("depth@100ms", {"e": "depthUpdate", "U": 3, "u": 4, **levels}),
    ]
    file = folder / "quiet.jsonl.gz"
    with gzip.open(file, "wt") as lines:
        for number, (stream, data) in enumerate(messages):
            ms = _START_MS + number * _PAUSE_MS
            frame = {
                "stream": f"{SYMBOL.lower()}@{stream}",
                "data": {"E": ms, "s": SYMBOL, "T": ms, **data},
            }
            lines.write(f"{ms * 1_000_000} {json.dumps(frame, separators=(',', ':'))}\n")
    return ("--tape", f"{file}@1000")


def quiet_exchange(folder: Path) -> ExchangeHere:
    """Return an exchange, to be started, in a market that is deeper than tests take."""
    return ExchangeHere(folder / "data", *quiet_market(folder, BID, ASK, DEPTH))
