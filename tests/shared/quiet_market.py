"""A market in which nothing happens but what the test does: a recording that stands still."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exchange_here import ExchangeHere

SYMBOL = "BTCUSDT"
BID, LAST, ASK = 49_999.0, 50_000.0, 50_001.0  # of `quiet_exchange`
FAR_BELOW, BELOW, ABOVE = 30_000.0, 40_000.0, 60_000.0
DEPTH = 1_000.0  # at its bid and at its ask: more than tests take
PLENTY = {"USDT": "10000000", "BTC": "200"}

_START_MS = 1_700_000_000_000
_PAUSE_MS = 30_500  # a recording has to be longer than a minute
_WARM_S = 70

Moment = tuple[int, str, dict[str, Any]]  # ms from the beginning, stream, payload


def quiet_market(folder: Path) -> tuple[str, ...]:
    """Write a recording of one moment; return the options of an exchange that is held in it.

    5 BTC are bid for 49,900 and asked for 50,100; the last trade was in the middle.
    """
    levels = _levels(49_900, 50_100, 5)
    moments: list[Moment] = [
        (0, "depth@100ms", {"e": "depthUpdate", "U": 1, "u": 2, **levels}),
        (_PAUSE_MS, "trade", {"e": "trade", "t": 1, "p": "50000.00", "q": "1.0", "m": False}),
        (2 * _PAUSE_MS, "depth@100ms", {"e": "depthUpdate", "U": 3, "u": 4, **levels}),
    ]
    return ("--tape", str(_recording(folder, iter(moments))))


def quiet_exchange(folder: Path, *options: str) -> ExchangeHere:
    """Return an exchange, to be started, that has traded for a while and does no longer."""
    tape = ("--tape", f"{_recording(folder, _trading())}@1000")
    return ExchangeHere(folder / "data", *tape, *options)


def _trading() -> Iterator[Moment]:
    """Yield the book as it is and a trade between its sides, each second."""
    levels = _levels(BID, ASK, DEPTH)
    for second in range(_WARM_S):
        trade = {"t": second, "p": f"{LAST:.2f}", "q": "0.5", "m": bool(second % 2)}
        yield 1_000 * second, "depth", {"U": second, "u": second, **levels}
        yield 1_000 * second, "trade", trade


def _levels(bid: float, ask: float, size: float) -> dict[str, list[list[str]]]:
    return {"b": [[f"{bid:.2f}", f"{size:.1f}"]], "a": [[f"{ask:.2f}", f"{size:.1f}"]]}


def _recording(folder: Path, moments: Iterator[Moment]) -> Path:
    file = folder / "quiet.jsonl.gz"
    with gzip.open(file, "wt") as lines:
        for after_ms, stream, payload in moments:
            ms = _START_MS + after_ms
            data = {"E": ms, "s": SYMBOL, "T": ms, "M": True, **payload}
            frame = {"stream": f"{SYMBOL.lower()}@{stream}", "data": data}
            lines.write(f"{ms * 1_000_000} {json.dumps(frame, separators=(',', ':'))}\n")
    return file
