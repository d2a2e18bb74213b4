"""Captures of Binance as events of a tape: what the tick benches and the oracle of fills play.

A capture has one line a message: when it was received in ns, a blank, the JSON of a combined
stream. Depth differences become levels, trades in the market become trades; what else there is, is
left out. The venue's time is the matching engine's where it says so (`T`), else the event's (`E`);
events are sorted by it and keep their order where it is equal. A touch that was recorded is not
used: peers in these benches do not know one.
"""

import gzip
import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.backtest.columns import EVENT, EventKind, Ints

HERE = Path(__file__).parent
MS = 1_000_000  # ns


class Capture(NamedTuple):
    """A capture that the benches play, and its listing's steps."""

    name: str
    path: str
    tick_size: str
    lot_size: str


class Events(NamedTuple):
    """The events of a capture by venue time, and when each was received."""

    events: NDArray[np.void]
    local_ns: Ints


USDM = Capture("usdm", "binance/usdm_btcusdt_20240808.jsonl.gz", "0.1", "0.001")
SPOT = Capture("spot", "binance/spot_btcusdt_20240809.jsonl.gz", "0.01", "0.00001")
CAPTURES = (USDM, SPOT)


def found(capture: Capture) -> Path | None:
    """Return where a capture is: below `STEELYARD_DATA`, or beside the repository."""
    told = os.environ.get("STEELYARD_DATA")
    path = (Path(told) if told else HERE.parent.parent / "shared" / "data") / capture.path
    return path if path.is_file() else None


def events_of(path: Path, capture: Capture) -> Events:
    """Return a capture's events."""
    kinds: list[int] = []
    times: list[int] = []
    local: list[int] = []
    prices: list[str] = []
    sizes: list[str] = []

    def add(kind: EventKind, time_ns: int, local_ns: int, price: str, size: str) -> None:
        kinds.append(kind)
        times.append(time_ns)
        local.append(local_ns)
        prices.append(price)
        sizes.append(size)

    with gzip.open(path, "rt") as lines:
        for line in lines:
            received, _, text = line.partition(" ")
            data = json.loads(text).get("data", {})
            if data.get("e") == "depthUpdate":
                time_ns = data.get("T", data["E"]) * MS
                for price, size in data["b"]:
                    add(EventKind.BID_LEVEL, time_ns, int(received), price, size)
                for price, size in data["a"]:
                    add(EventKind.ASK_LEVEL, time_ns, int(received), price, size)
            elif data.get("e") == "trade" and data.get("X", "MARKET") == "MARKET":
                kind = EventKind.SELL_TRADE if data["m"] else EventKind.BUY_TRADE
                add(kind, data["T"] * MS, int(received), data["p"], data["q"])
    events = np.zeros(len(kinds), EVENT)
    events["time_ns"], events["kind"] = times, kinds
    events["tick"] = steps(prices, capture.tick_size)
    events["lots"] = steps(sizes, capture.lot_size)
    order = np.argsort(events["time_ns"], kind="stable")
    return Events(events[order], np.array(local, np.int64)[order])


def steps(texts: list[str], step: str) -> Ints:
    """Return decimals as whole numbers of a step, rounded down: some levels are off the lots."""
    places = len(step.partition(".")[2])
    return np.array([scaled(text, places) for text in texts], np.int64)


def scaled(text: str, places: int) -> int:
    """Return a decimal times a power of ten, rounded down."""
    whole, _, part = text.partition(".")
    return int(whole + part[:places].ljust(places, "0"))
