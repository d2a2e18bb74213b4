"""The command `steelyard backtest`, run as a user runs it."""

import json
from pathlib import Path

import pytest

from steelyard.cli.main import run

BARS = "\n".join(
    ["timestamp,open,high,low,close,volume"]
    + [
        f"2026-01-01 {n // 60:02}:{n % 60:02}:00,{p},{p + 2},{p - 2},{p + 1},10"
        for n, p in enumerate((100 + (n % 40 if n % 80 < 40 else 40 - n % 40)) for n in range(600))
    ]
)
CONFIG = """
[bot]
name = "trend"
environment = "backtest"
[strategy]
class = "steelyard.strategies:SmaCross"
symbol = "BTC-USD"
params = { fast = 3, slow = 9, size = "1" }
[backtest]
data = "bars.csv"
tick = 1
lot = 1
deposit = { USD = "100000" }
"""
SIGNALS = """
def signals(frame, bars=9):
    close = frame["close"]
    return (close > close.rolling_mean(bars)).fill_null(False).cast(float)

def ahead(frame):
    return (frame["close"].shift(-1) > frame["close"]).fill_null(False).cast(float)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with bars and a configuration, in which one stands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "bars.csv").write_text(BARS)
    (tmp_path / "trend.toml").write_text(CONFIG)
    (tmp_path / "rules.py").write_text(SIGNALS)
    arrays = CONFIG.replace('class = "steelyard.strategies:SmaCross"', 'signals = "rules:signals"')
    arrays = arrays.replace('params = { fast = 3, slow = 9, size = "1" }\n', "")
    (tmp_path / "arrays.toml").write_text(arrays.replace('"trend"', '"arrays"'))
    (tmp_path / "ahead.toml").write_text(arrays.replace("rules:signals", "rules:ahead"))
    return tmp_path


def test_it_writes_both_reports_and_says_the_verdict(folder, capsys):
    assert run(["backtest", "trend.toml"]) == 0
    told = capsys.readouterr().out
    assert "after all costs" in told
    assert "report: backtests/trend.html" in told
    document = json.loads((folder / "backtests" / "trend.json").read_text())
    assert document["head"]["strategy"] == "steelyard.strategies.sma_cross:SmaCross"
    assert document["metrics"]["fills"] > 10
    assert "<html" in (folder / "backtests" / "trend.html").read_text()


def test_a_program_gets_one_document(folder, capsys):
    assert run(["backtest", "trend.toml", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["head"]["name"] == "trend"
    assert document["head"]["sources"][0][0] == "bars.csv"


def test_arrays_run_and_are_told_by_their_name(folder, capsys):
    assert run(["backtest", "arrays.toml", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["head"]["strategy"] == "rules:signals"
    assert document["metrics"]["fills"] > 10


def test_check_tells_a_rule_that_looks_ahead_from_one_that_does_not(folder, capsys):
    assert run(["backtest", "trend.toml", "--check"]) == 0
    assert run(["backtest", "arrays.toml", "--check"]) == 0
    capsys.readouterr()
    assert run(["backtest", "ahead.toml", "--check"]) == 1
    assert "depends on the future" in capsys.readouterr().out
    assert run(["backtest", "ahead.toml", "--check", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [one["kind"] for one in document["findings"]] == ["look-ahead"]


def test_two_reports_stand_beside_each_other(folder, capsys):
    assert run(["backtest", "trend.toml"]) == 0
    assert run(["backtest", "arrays.toml"]) == 0
    both = ["backtests/trend.json", "backtests/arrays.json"]
    capsys.readouterr()
    assert run(["backtest", "--compare", *both]) == 0
    assert "B less A" in capsys.readouterr().out
    assert (folder / "backtests" / "trend-and-arrays.html").is_file()


def test_a_strategy_that_raises_ends_its_run_and_the_report_says_so(folder, capsys):
    (folder / "bad.py").write_text(
        "from steelyard.strategies import SmaCross\n"
        "class Bad(SmaCross):\n"
        "    def on_bar(self, bar):\n"
        "        super().on_bar(bar)\n"
        "        if bar.open_ns % 3_600_000_000_000 == 0 and self.position.lots: 1 / 0\n"
    )
    (folder / "bad.toml").write_text(CONFIG.replace("steelyard.strategies:SmaCross", "bad:Bad"))
    assert run(["backtest", "bad.toml", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert "ZeroDivisionError" in document["head"]["failure"]
    assert document["head"]["is_partial"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name a configuration, or two reports after --compare"),
        (["none.toml"], "none.toml cannot be read"),
        (["trend.toml", "--out", "bars.csv"], "cannot be written"),
        (["--compare", "bars.csv", "bars.csv"], "bars.csv: this file is no report of a backtest"),
    ],
)
def test_what_cannot_be_done_says_why(folder, capsys, words, said):
    assert run(["backtest", *words]) == 2
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_a_part_of_the_data_may_be_played(folder, capsys):
    part = CONFIG + 'from = "2026-01-01T01:00"\nto = "2026-01-01T02:00"\n'
    (folder / "part.toml").write_text(part)
    assert run(["backtest", "part.toml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["head"]["events"] == 60
    (folder / "part.toml").write_text(part.replace("2026-", "2027-"))
    assert run(["backtest", "part.toml"]) == 2
    assert "leave no bar of the data" in capsys.readouterr().err
