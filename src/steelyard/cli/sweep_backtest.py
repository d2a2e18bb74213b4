"""A sweep's trials as backtests: what a configuration asks for, and the work that runs it.

The work carries all that a trial needs: the bars, the settings, and the source of the strategy with
what it imported from beside it, as it was when the sweep began. So trials on another machine run
the same code on the same data, and editing a strategy during its sweep changes nothing.

A trial over a span is told of the bars before it for its warm-up, as far as it asks for them, and
begins to trade at the span's first bar.
"""

import hashlib
import sys
from collections import OrderedDict
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import msgspec
import numpy as np

from steelyard import __version__, _native
from steelyard.backtest import report
from steelyard.backtest.columns import BarColumns
from steelyard.backtest.config import BacktestConfig, SignalsTable
from steelyard.backtest.follower import Follower
from steelyard.backtest.lookahead import cut
from steelyard.backtest.metrics import measure
from steelyard.backtest.report import Overfit
from steelyard.backtest.result import Result
from steelyard.backtest.run import Run, machine_rows
from steelyard.backtest.signals import Signals, call_signals, frame_of, targets_of
from steelyard.backtest.sweep.figures import Figures
from steelyard.backtest.sweep.splits import Span
from steelyard.cli.sweep_cell import Evaluate
from steelyard.cli.trader_strategy import load_signals, load_strategy
from steelyard.domain.errors import ConfigError
from steelyard.trading.config import StrategyTable

SOURCES_MAX_BYTES = 5_000_000
SPANS_KEPT = 8  # of which a child keeps the machine's form of the bars

# By the name of a sweep: the name that the figures of a run have.
FROM_METRICS = {
    "sharpe": "sharpe",
    "sortino": "sortino",
    "calmar": "calmar",
    "profit": "profit_quote",
    "return": "return_share",
    "annual_return": "annual_return_share",
    "drawdown": "drawdown_share",
    "volatility": "annual_volatility_share",
    "profit_factor": "profit_factor",
    "hit": "hit_share",
    "expectancy": "expectancy_quote",
    "trades": "trips",
    "fills": "fills",
    "turnover": "volume_quote",
    "fees": "fees_quote",
    "exposure": "exposed_share",
    "days": "daily_returns",
    "skew": "skew",
    "kurtosis": "kurtosis",
}


class BacktestWork(NamedTuple):
    """All that trials share. warm_ns is how much of the past a function of signals is shown."""

    config: BacktestConfig
    bars: BarColumns
    sources: dict[str, bytes]  # by the path below the directory that a child runs in
    warm_ns: int = 0

    def open(self) -> Evaluate:
        """Return what runs a trial, having put the sources in place."""
        for name, text in self.sources.items():
            file = Path(name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text)
        sys.path.insert(0, str(Path.cwd()))
        return Trials(self).figures


class Trials:
    """Runs trials of a work in this process."""

    def __init__(self, work: BacktestWork) -> None:
        self._work = work
        self._rows: OrderedDict[tuple[int, int], _native.Bars] = OrderedDict()
        self._signals: Signals | None = None

    def figures(self, params: dict[str, Any], span: Span) -> Figures:
        """Return what a trial comes to."""
        found = measure(self.result(params, span)).by_name()
        return {name: found.get(source) for name, source in FROM_METRICS.items()}

    def result(self, params: dict[str, Any], span: Span) -> Result:
        """Run a trial. What the strategy raises is raised."""
        config, bars = self._work.config, self._work.bars
        table = config.strategy
        if isinstance(table, StrategyTable):
            strategy = load_strategy(msgspec.structs.replace(table, params=params))
            interval = strategy.bar_interval
            each_ns = bars.interval_ns if interval is None else interval.ns
            warm_ns = strategy.history_bars * each_ns
        else:
            strategy, warm_ns = Follower(), self._work.warm_ns
        first, last = np.searchsorted(bars.open_ns, [span.start_ns - warm_ns, span.end_ns])
        part = cut(bars, int(first), int(last))
        if not len(part):
            raise ConfigError("there is no bar in that time")
        risk = config.risk
        made = Run(
            strategy,
            part,
            config.settings,
            limits=None if risk is None else risk.limits,
            stop_loss=None if risk is None else risk.stop_loss_share,
            rows=self._machine_rows(part, int(first), int(last)),
        )
        if isinstance(table, SignalsTable):
            made.go_to(self._targets(table, params, part, span), perf_counter)
        else:
            made.go(perf_counter)
        result = made.result(name=config.bot.name)
        start_ns = max(result.about.start_ns, span.start_ns)
        about = msgspec.structs.replace(result.about, start_ns=start_ns)
        return result._replace(about=about)

    def overfit(
        self, params: dict[str, Any], span: Span, trials: int, deviation: float | None
    ) -> Overfit | None:
        """Return what shuffling makes of a trial that was picked of so many."""
        result = self.result(params, span)
        return report.document(result, trials=trials, deviation=deviation).overfit

    def _targets(
        self, table: SignalsTable, params: dict[str, Any], part: BarColumns, span: Span
    ) -> Any:
        if self._signals is None:
            self._signals = load_signals(table.signals)
        targets = targets_of(call_signals(self._signals, frame_of(part), params), part)
        # What came before the span was shown to warm up.
        return np.where(part.open_ns < span.start_ns, 0, targets)

    def _machine_rows(self, part: BarColumns, first: int, last: int) -> _native.Bars:
        key = first, last
        if key not in self._rows:
            self._rows[key] = machine_rows(part)
            while len(self._rows) > SPANS_KEPT:
                self._rows.popitem(last=False)
        self._rows.move_to_end(key)
        return self._rows[key]


def sources_here() -> dict[str, bytes]:
    """Return the sources of all that was imported from below the directory that one stands in.

    Raises:
        ConfigError: They are more than `SOURCES_MAX_BYTES`.
    """
    here = Path.cwd().resolve()
    installed = Path(sys.prefix).resolve()
    ours = Path(__file__).resolve().parents[1]
    found: dict[str, bytes] = {}
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        file = None if name is None else Path(name).resolve()
        if file is None or file.suffix != ".py" or not file.is_relative_to(here):
            continue
        if file.is_relative_to(installed) or file.is_relative_to(ours) or not file.is_file():
            continue
        found[file.relative_to(here).as_posix()] = file.read_bytes()
    if (size := sum(map(len, found.values()))) > SOURCES_MAX_BYTES:
        raise ConfigError(
            f"the strategy imports {size:,} bytes of modules from {here}, over "
            f"{SOURCES_MAX_BYTES:,}; start from a directory of its own, or install them"
        )
    return dict(sorted(found.items()))


def identity_of(work: BacktestWork, data_sha256: str) -> dict[str, str]:
    """Return what the results of a sweep depend on but for its own table, by part."""
    config = work.config
    table = config.strategy
    digest = hashlib.sha256()
    for name, text in work.sources.items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(text).digest())
    parts = {
        "backtest": config.backtest,
        "risk": config.risk,
        "strategy.params": table.params,
    }
    return {
        **{name: msgspec.json.encode(part).decode() for name, part in parts.items()},
        "strategy": table.signals if isinstance(table, SignalsTable) else table.class_name,
        "strategy.symbol": table.symbol,
        "the strategy's source": digest.hexdigest(),
        "the data": data_sha256,
        "steelyard": __version__,
    }
