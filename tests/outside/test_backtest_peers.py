"""Where their models are ours, other people's backtests find the same fills, fees and equity.

Market orders at a bar's open or close and a fee that is a share of what is traded: NautilusTrader,
backtesting.py and vectorbt each do it fill by fill as we do. `docs/concepts/fills.md` says where
they do not, and why. They live in a folder of their own, because they pin what we use.
"""

import csv
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.backtest.columns import BarColumns
from steelyard.backtest.result import fee_atoms
from steelyard.backtest.run import Run
from steelyard.backtest.settings import Settings
from steelyard.domain.instrument import Instrument
from steelyard.domain.units import from_atoms
from steelyard.trading.strategy import Strategy

PROGRAM = Path(__file__).with_name("backtest_peers.py")
PEERS = Path(sys.prefix) / "apart" / "peers"
RUN_S = 300
MINUTE_NS = 60 * 10**9
BEGIN_NS = 1_700_006_400 * 10**9
FAST, SLOW = 10, 50
CLOSE_TO = 1e-9
FILLS_MIN = 50
RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "data"

BTC = Instrument.spot(
    0,
    (0, "BTC"),
    (1, "USDT"),
    tick_size="0.01",
    lot_size="0.000001",
    price_max="10000000",
    size_max="9000",
    notional_min="0",
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PEERS.is_dir(), reason="the peers are not installed: make test does it"),
]


def recorded(folder: Path, count: int) -> BarColumns:
    """Return bars of a real market."""
    (path,) = (folder / "bars").glob("*.csv.gz")
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))[:count]
    names = ("open", "high", "low", "close")
    prices = [[int(Decimal(row[name]) * 100) for row in rows] for name in names]
    return columns(prices, [10**9] * len(rows))


def columns(prices: list[list[int]], volume: list[int]) -> BarColumns:
    count = len(volume)
    times = BEGIN_NS + np.arange(count, dtype=np.int64) * MINUTE_NS
    whole = (np.array(it, np.int64) for it in (*prices, volume))
    return BarColumns(BTC, MINUTE_NS, times, *whole)


def walk(count: int) -> BarColumns:
    """Return bars whose opens are not the closes before."""
    random = np.random.default_rng(11)
    close = np.maximum(4_000_000 + np.cumsum(random.integers(-900, 901, count)), 1_000_000)
    opens = np.concatenate(([4_000_000], close[:-1])) + random.integers(-300, 301, count)
    high = np.maximum(opens, close) + random.integers(0, 500, count)
    low = np.minimum(opens, close) - random.integers(0, 500, count)
    rows = [it.tolist() for it in (opens, high, low, close)]
    return columns(rows, [10**9] * count)


class Cross(Strategy):
    """Holds one unit while the fast sum is above, and notes what it wanted after which bar."""

    def __init__(self) -> None:
        super().__init__()
        self.closes: list[int] = []
        self.wishes: dict[str, list[tuple[int, str]]] = {}
        self.above = False

    def on_bar(self, bar: Any) -> None:
        closes = self.closes
        closes.append(bar.close_ticks)
        if len(closes) < SLOW:
            return
        above = sum(closes[-FAST:]) * SLOW > sum(closes[-SLOW:]) * FAST
        if above is not self.above:
            self.above = above
            side = 1 if above else -1
            self.wishes[str(len(closes) - 1)] = [(side, "1")]
            (self.buy if above else self.sell)("1")


class Ours:
    """Our run, in the peers' words."""

    def __init__(self, bars: BarColumns, *, at_close: bool) -> None:
        strategy = Cross()
        assumed = Settings(deposits={"USDT": Decimal(10**9)}, at_close=at_close)
        run = Run(strategy, bars, assumed)
        run.go(lambda: 0.0)
        result = run.result()
        ends = bars.open_ns + (MINUTE_NS if at_close else 0)
        self.fills = [
            [
                int(np.searchsorted(ends, row["time_ns"])),
                int(row["side"]),
                BTC.price(int(row["price_ticks"])),
                BTC.size(int(row["size_lots"])),
                from_atoms(fee),
            ]
            for row, fee in zip(result.fills, fee_atoms(result.fills), strict=True)
        ]
        quote, base = (from_atoms(it) for it in run.replay.balances())
        self.equity = quote + base * BTC.price(int(bars.close_ticks[-1]))
        self.is_flat = base == 0
        prices = np.stack(bars[3:7], axis=1).tolist()
        self.given = {
            "ends_ns": (bars.open_ns + MINUTE_NS).tolist(),
            "bars": [[str(BTC.price(it)) for it in row] for row in prices],
            "wishes": strategy.wishes,
            "at_close": at_close,
        }


@pytest.fixture(scope="module")
def runs() -> list[Ours]:
    """Runs on made bars, and where they are at hand on those of a real market."""
    markets = [walk(3_000)]
    told = os.environ.get("STEELYARD_DATA")
    folder = Path(told) if told else RECORDINGS
    if folder.is_dir():
        markets.append(recorded(folder, 6_000))
    return [Ours(bars, at_close=at_close) for bars in markets for at_close in (False, True)]


def theirs(tool: str, runs: list[Ours], folder: Path) -> Iterator[tuple[Ours, dict[str, Any]]]:
    """Yield each run with what a peer made of it; the peer starts once."""
    file = folder / "given.json"
    file.write_text(json.dumps([run.given for run in runs]))
    environment = {**os.environ, "PYTHONPATH": str(PEERS), "MPLCONFIGDIR": str(folder)}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), tool, str(file)],
        env=environment,
        stdout=subprocess.PIPE,
        timeout=RUN_S,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    yield from zip(runs, found, strict=True)


def near(one: Decimal, other: float) -> bool:
    return abs(float(one) - other) <= CLOSE_TO * abs(float(one))


def test_nautilus_fills_at_the_close_as_we_do(runs: list[Ours], tmp_path: Path):
    """Its market is at the close when it tells of a bar: to the last cent, exactly.

    It rounds each fee to eight digits, where ours is exact; half a unit of those is allowed.
    """
    at_close = [run for run in runs if run.given["at_close"]]
    for ours, found in theirs("nautilus", at_close, tmp_path):
        assert len(found["fills"]) == len(ours.fills) > FILLS_MIN
        fees = Decimal(0)
        for own, other in zip(ours.fills, found["fills"], strict=True):
            at, side, price, size, fee = other
            assert own[:4] == [at, side, Decimal(price), Decimal(size)]
            assert abs(own[4] - Decimal(fee)) <= Decimal("0.000000005")
            fees += own[4] - Decimal(fee)
        assert ours.equity + fees == Decimal(found["equity"])


def test_backtesting_py_fills_as_we_do(runs: list[Ours], tmp_path: Path):
    """At the next open, and at the close with its trade_on_close; its floats to 1e-9."""
    for ours, found in theirs("backtesting", runs, tmp_path):
        closed = len(ours.fills) // 2 * 2  # a trade that is open at the end is not told
        assert len(found["fills"]) == closed > FILLS_MIN
        fees = Decimal(0)
        for own, (at, side, price, size, _) in zip(ours.fills, found["fills"], strict=False):
            assert own[:2] == [at, side]
            assert near(own[2], price)
            assert near(own[3], size)
            fees += own[4]
        if ours.is_flat:
            assert near(fees, found["commission"])
        assert near(ours.equity, found["equity"])


def test_vectorbt_fills_as_we_do(runs: list[Ours], tmp_path: Path):
    """At the price that it is handed; fees and equity to 1e-9."""
    for ours, found in theirs("vectorbt", runs, tmp_path):
        assert len(found["fills"]) == len(ours.fills) > FILLS_MIN
        for own, (at, side, price, size, fee) in zip(ours.fills, found["fills"], strict=True):
            assert own[:2] == [at, side]
            assert near(own[2], price)
            assert near(own[3], size)
            assert near(own[4], fee)
        assert near(ours.equity, found["equity"])
