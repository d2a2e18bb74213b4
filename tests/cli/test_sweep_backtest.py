"""Trials as backtests: the figures are a backtest's own, and everything travels with the work."""

import pickle

import numpy as np
import pytest

from steelyard.backtest.columns import BarColumns
from steelyard.backtest.config import parse_backtest
from steelyard.backtest.metrics import measure
from steelyard.backtest.run import Run
from steelyard.backtest.sweep.figures import FIGURES
from steelyard.backtest.sweep.splits import DAY_NS, Span
from steelyard.cli.sweep_backtest import (
    FROM_METRICS,
    BacktestWork,
    Trials,
    identity_of,
    sources_here,
)
from steelyard.domain.errors import ConfigError
from steelyard.exchange.listings import LISTINGS
from steelyard.strategies import SmaCross

HOUR = 3600 * 10**9
(INSTRUMENT,) = (each.instrument for each in LISTINGS if each.instrument.symbol == "BTC-USDT")
CONFIG = """
[bot]
name = "trend"
environment = "backtest"
[strategy]
{strategy}
symbol = "BTC-USDT"
[backtest]
data = "x.csv"
interval = "1h"
deposit = {{ USDT = 100000 }}
"""
CLASS = 'class = "steelyard.strategies:SmaCross"\nparams = { size = "1", bar = "1h" }'
PARAMS = {"size": "1", "bar": "1h", "fast": 5, "slow": 20}


def bars(days: int = 40, seed: int = 4) -> BarColumns:
    chance = np.random.default_rng(seed)
    count = days * 24
    close = np.cumsum(chance.integers(-30_000, 30_200, count)) + 4_000_000
    opened = np.concatenate([[4_000_000], close[:-1]])
    return BarColumns(
        INSTRUMENT,
        HOUR,
        np.arange(count, dtype=np.int64) * HOUR,
        opened,
        np.maximum(opened, close) + 1_000,
        np.minimum(opened, close) - 1_000,
        close,
        np.full(count, 10_000_000, np.int64),
    )


def work(strategy: str = CLASS, data: BarColumns | None = None, **more: object) -> BacktestWork:
    config = parse_backtest(CONFIG.format(strategy=strategy))
    return BacktestWork(config, bars() if data is None else data, more.pop("sources", {}), **more)


def test_the_figures_are_those_of_a_backtest():
    """Each by its own name, and every name that an objective may have is there."""
    data = bars()
    whole = Span(0, 40 * DAY_NS)
    found = Trials(work()).figures(PARAMS, whole)
    made = Run(SmaCross(**PARAMS), data, work().config.settings)
    made.go(lambda: 0.0)
    told = measure(made.result())
    assert found["sharpe"] == told.sharpe is not None
    assert found["profit"] == float(told.profit_quote)
    assert found["trades"] == told.trades.trips > 5
    assert found["fees"] == float(told.costs.fees_quote) > 0
    assert found.keys() == FIGURES.keys() == FROM_METRICS.keys()
    names = told.by_name()
    assert set(FROM_METRICS.values()) <= names.keys()


def test_a_trial_over_a_span_trades_in_it_and_warms_up_before_it():
    """It is told of just the bars that it asks for."""
    span = Span(20 * DAY_NS, 30 * DAY_NS)
    result = Trials(work()).result(PARAMS, span)
    assert result.about.start_ns == span.start_ns
    assert result.about.end_ns == span.end_ns
    assert len(result.fills)
    assert span.start_ns <= result.fills["time_ns"].min()
    assert result.fills["time_ns"].max() < span.end_ns


def test_nothing_outside_of_a_span_and_its_warm_up_changes_a_trial():
    """Neither what comes after it nor what was long before: the past that it sees is its own."""
    span = Span(20 * DAY_NS, 30 * DAY_NS)
    data = bars()
    other = bars(seed=5)
    seen = (data.open_ns >= span.start_ns - 20 * HOUR) & (data.open_ns < span.end_ns)
    changed = BarColumns(
        data.instrument,
        data.interval_ns,
        data.open_ns,
        *(np.where(seen, a, b) for a, b in zip(data[3:], other[3:], strict=True)),
    )
    assert not np.array_equal(changed.close_ticks, data.close_ticks)
    first = Trials(work(data=data)).figures(PARAMS, span)
    assert Trials(work(data=changed)).figures(PARAMS, span) == first


SIGNALS = """
def signals(frame, fast=5, slow=20):
    close = frame["close"]
    above = close.rolling_mean(fast) > close.rolling_mean(slow)
    return above.fill_null(False).cast(float)
"""


def test_signals_are_computed_with_their_warm_up_and_trade_in_the_span_only(tmp_path, monkeypatch):
    (tmp_path / "arrays_of_trend.py").write_text(SIGNALS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    span = Span(20 * DAY_NS, 30 * DAY_NS)
    made = work('signals = "arrays_of_trend:signals"', warm_ns=DAY_NS)
    result = Trials(made).result({"fast": 5, "slow": 20}, span)
    assert span.start_ns <= result.fills["time_ns"].min()
    assert Trials(made).figures({"fast": 5, "slow": 20}, span)["trades"] > 1
    assert "arrays_of_trend.py" in sources_here()


def test_work_carries_the_strategys_source(tmp_path, monkeypatch):
    """As it was: opened elsewhere, it is the one that was packed and not what is there now."""
    (tmp_path / "shipped_trend.py").write_text(
        "from shipped_part import SLOW\nfrom steelyard.strategies import SmaCross\n"
        "class Shipped(SmaCross):\n"
        "    @property\n    def history_bars(self):\n        return SLOW\n"
    )
    (tmp_path / "shipped_part.py").write_text("SLOW = 20\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    strategy = CLASS.replace("steelyard.strategies:SmaCross", "shipped_trend:Shipped")
    Trials(work(strategy)).figures(PARAMS, Span(0, DAY_NS * 5))
    sources = sources_here()
    assert sources.keys() == {"shipped_trend.py", "shipped_part.py"}
    packed = pickle.dumps(work(strategy, sources=sources))
    there = tmp_path / "there"
    there.mkdir()
    monkeypatch.chdir(there)
    figures = pickle.loads(packed).open()(PARAMS, Span(0, DAY_NS * 5))
    assert figures["days"] is not None
    assert (there / "shipped_part.py").read_text() == "SLOW = 20\n"


def test_an_edited_strategy_is_another_sweep():
    parts = [
        identity_of(work(sources={"a.py": text}), "00") for text in (b"x = 1", b"x = 1", b"x = 2")
    ]
    assert parts[0] == parts[1] != parts[2]
    assert identity_of(work(), "00") != identity_of(work(), "01")


def test_what_cannot_be_run_says_so():
    with pytest.raises(ConfigError, match="no bar in that time"):
        Trials(work()).figures(PARAMS, Span(90 * DAY_NS, 91 * DAY_NS))
    with pytest.raises(ConfigError, match="fast must be smaller"):
        Trials(work()).figures({**PARAMS, "fast": 30}, Span(0, DAY_NS))


def test_the_best_is_shuffled():
    overfit = Trials(work()).overfit(PARAMS, Span(0, 40 * DAY_NS), 50, 0.01)
    assert overfit.sharpe.trials == 50
    assert overfit.sharpe.deflated is not None
    assert overfit.order.runs > 0
