"""Backtests on a million one-minute bars: a class called on every bar, and arrays.

The strategy is the one of `bars_data`: two averages that cross, market orders, 0.1 %. Ours, each
peer and each floor run in a process of their own, so that imports, first calls and memory are
theirs. Peers need environments of their own, by their Python:

    BENCH_NAUTILUS=.../bin/python    NautilusTrader 2 (Python 3.12: --pre --no-deps, and numpy)
    BENCH_VECTORBT=.../bin/python    vectorbt; the compiled floor runs there too

The class keeps its two sums in Python, as the floor of one plain call a bar does. Arrays use our
indicators, and once TA-Lib's, as vectorbt uses its own; all of them inside the clock.
"""

import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from bench.measure import RUNS, Bench, resident_peak_mib, row

HERE = Path(__file__).parent
CLASS, ARRAYS = "a class, every bar", "arrays, indicators inside"
TALIB, OWN = "arrays, TA-Lib's indicators inside", "arrays, without the indicators"
CALLS, PASS = "floor: one Python call a bar", "floor: one compiled pass"
NAUTILUS, VECTORBT = "NautilusTrader 2", "vectorbt"
PEERS = {
    NAUTILUS: ("nautilus2", "BENCH_NAUTILUS"),
    VECTORBT: ("vectorbt", "BENCH_VECTORBT"),
    PASS: ("floor_numba", "BENCH_VECTORBT"),
}
COUNT, FAST, SLOW = 1_000_000, 10, 50  # as in bars_data, which imports numpy
Told = dict[str, Any]


def run() -> Iterator[dict[str, Any]]:
    """Yield rates, then what comes before a run: import, load, first call, memory."""
    bench = Bench()
    told: dict[str, Told] = {}
    own = {CLASS: "class", ARRAYS: "arrays", TALIB: "talib", CALLS: "floor_calls"}
    for name, job in own.items():
        told[name] = _child([sys.executable, "-m", "bench.bars", job])
    for name, (tool, variable) in PEERS.items():
        python = os.environ.get(variable)
        if python is None:
            bench.skip(name, f"{variable} is not set")
        else:
            told[name] = _child([python, "-m", "bench.bars_peers", tool])
    for name, found in told.items():
        bench.tell(name, found["rates"], COUNT, "bars/s")
    bench.ratio(CLASS, NAUTILUS, 8)
    bench.ratio(CLASS, CALLS, 0.45)
    bench.ratio(ARRAYS, VECTORBT, 30)
    bench.ratio(ARRAYS, PASS, 0.15)
    bench.tell(OWN, told[ARRAYS]["own_rates"], COUNT, "bars/s")
    yield from bench.rows()
    for name, found in told.items():
        for figure, unit in (("import_s", "s"), ("load_s", "s"), ("cold_s", "s")):
            if figure in found:
                yield row(f"{name}: {figure.removesuffix('_s')}", unit, [found[figure]])
        if "first_s" in found:
            warm = sorted(found["rates"])[len(found["rates"]) // 2]
            first = found["first_s"] * warm / COUNT
            yield row(f"{name}: first call against a warm one", "times", [first])
        if "first_own_s" in found:
            warm = sorted(found["own_rates"])[len(found["own_rates"]) // 2]
            first = found["first_own_s"] * warm / COUNT
            yield row(f"{name}: the same without the indicators", "times", [first])
        yield row(f"{name}: resident at most", "MiB", [found["peak_mib"]])
        yield row(f"{name}: fills", "fills", [found["fills"]])


def _child(command: list[str]) -> Told:
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=HERE.parent).stdout
    found: Told = json.loads(told.splitlines()[-1])
    return found


def _ours(kind: str) -> Told:
    """Run ours, and tell what each part took."""
    data = _data()
    whole = begun = time.perf_counter()
    import steelyard.backtest.run  # noqa: PLC0415 what is imported is measured

    if kind != "class":
        import steelyard.backtest.indicators  # noqa: PLC0415 as above
        import steelyard.backtest.signals  # noqa: PLC0415, F401 as above
    import_s = time.perf_counter() - begun
    bars, rows, load_s = _loaded(data)
    play = _class(bars, rows) if kind == "class" else _arrays(bars, rows, kind)
    first = play()
    cold_s = time.perf_counter() - whole
    found = [play() for _ in range(RUNS)]
    return {
        "rates": [COUNT / it.seconds for it in found],
        "own_rates": [COUNT / it.own_s for it in found],
        "first_s": first.seconds,
        "first_own_s": first.own_s,
        "cold_s": cold_s,
        "import_s": import_s,
        "load_s": load_s,
        "fills": first.fills,
        "peak_mib": resident_peak_mib(),
    }


class Played(NamedTuple):
    """One run: seconds, those of them without the indicators, and what filled."""

    seconds: float
    own_s: float
    fills: int


def _data() -> dict[str, Any]:
    from bench.bars_data import bars  # noqa: PLC0415 it imports numpy

    return bars()


def _loaded(data: dict[str, Any]) -> tuple[Any, Any, float]:
    from steelyard.backtest.columns import bars_from  # noqa: PLC0415 measured elsewhere
    from steelyard.domain.instrument import Instrument  # noqa: PLC0415 as above

    instrument = Instrument.spot(
        0,
        (0, "BTC"),
        (1, "USDT"),
        tick_size="0.01",
        lot_size="0.000001",
        price_max="10000000",
        size_max="9000",
        notional_min="0",
    )
    begun = time.perf_counter()
    names = ("ts", "open", "high", "low", "close", "volume")
    bars, rows = bars_from(instrument, 60 * 10**9, *(data[name] for name in names))
    return bars, rows, time.perf_counter() - begun


def _settings() -> Any:
    from steelyard.backtest.settings import Settings  # noqa: PLC0415 measured elsewhere

    return Settings(deposits={"USDT": Decimal(10**9), "BTC": Decimal(10)})


def _class(bars: Any, rows: Any) -> Callable[[], Played]:
    from steelyard.backtest.run import Run  # noqa: PLC0415 measured elsewhere
    from steelyard.domain.units import Lots  # noqa: PLC0415 as above
    from steelyard.trading.strategy import Strategy  # noqa: PLC0415 as above

    size = Lots(1_000_000)

    class Cross(Strategy):
        """Two sums in whole ticks, and a market order where they cross."""

        def __init__(self) -> None:
            super().__init__()
            self.closes: deque[float] = deque(maxlen=51)
            self.fast = self.slow = 0.0
            self.above: bool | None = None

        def on_bar(self, bar: Any) -> None:
            closes = self.closes
            close = bar.close
            closes.append(close)
            self.fast += close
            self.slow += close
            if len(closes) > FAST:
                self.fast -= closes[-11]
            if len(closes) > SLOW:
                self.slow -= closes[0]
                above = self.fast * 5.0 > self.slow
                if above != self.above:
                    if above:
                        self.buy(size)
                    elif self.above is not None:
                        self.sell(size)
                    self.above = above

    def play() -> Played:
        begun = time.perf_counter()
        run = Run(Cross(), bars, _settings(), rows=rows)
        run.go(time.perf_counter)
        fills = len(run.result().fills)
        seconds = time.perf_counter() - begun
        return Played(seconds, seconds, fills)

    return play


def _arrays(bars: Any, rows: Any, kind: str) -> Callable[[], Played]:
    from steelyard.backtest.indicators import sma  # noqa: PLC0415 measured elsewhere
    from steelyard.backtest.run import Run  # noqa: PLC0415 as above
    from steelyard.backtest.signals import changes_of, frame_of  # noqa: PLC0415 as above
    from steelyard.trading.strategy import Strategy  # noqa: PLC0415 as above

    frame = frame_of(bars)
    if kind == "talib":
        import talib  # noqa: PLC0415 measured elsewhere

        def signals() -> Any:
            close = frame["close"].to_numpy()
            return talib.SMA(close, FAST) > talib.SMA(close, SLOW)
    else:

        def signals() -> Any:
            return sma(frame["close"], FAST) > sma(frame["close"], SLOW)

    ready = (sma(frame["close"], FAST) > sma(frame["close"], SLOW)).to_numpy()

    def trade(targets: Any) -> int:
        run = Run(Strategy(), bars, _settings(), rows=rows)
        run.go_to(changes_of(targets, bars), time.perf_counter)
        return len(run.result().fills)

    def play() -> Played:
        begun = time.perf_counter()
        fills = trade(signals())
        seconds = time.perf_counter() - begun
        begun = time.perf_counter()
        trade(ready)
        return Played(seconds, time.perf_counter() - begun, fills)

    return play


def _floor_calls() -> Told:
    data = _data()
    names = ("ts", "open", "high", "low", "close", "volume")
    rows = list(zip(*(data[name].tolist() for name in names), strict=True))

    class Plain:
        def __init__(self) -> None:
            self.closes: deque[float] = deque(maxlen=51)
            self.fast = self.slow = 0.0
            self.above: bool | None = None
            self.fills = 0

        def on_bar(
            self, _ts: int, _open: float, _high: float, _low: float, close: float, _volume: float
        ) -> None:
            closes = self.closes
            closes.append(close)
            self.fast += close
            self.slow += close
            if len(closes) > FAST:
                self.fast -= closes[-11]
            if len(closes) > SLOW:
                self.slow -= closes[0]
                above = self.fast * 5.0 > self.slow
                if above != self.above:
                    self.fills += 1
                    self.above = above

    rates = []
    fills = 0
    for _ in range(RUNS + 1):
        plain = Plain()
        call = plain.on_bar
        begun = time.perf_counter()
        for bar in rows:
            call(*bar)
        rates.append(len(rows) / (time.perf_counter() - begun))
        fills = plain.fills
    return {"rates": rates[1:], "fills": fills, "peak_mib": resident_peak_mib()}


if __name__ == "__main__":
    JOBS = {
        **{kind: lambda kind=kind: _ours(kind) for kind in ("class", "arrays", "talib")},
        "floor_calls": _floor_calls,
    }
    print(json.dumps(JOBS[sys.argv[1]]()))
