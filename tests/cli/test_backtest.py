"""The command `steelyard backtest`, run as a user runs it."""

import json
import sys
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
TRADES = "\n".join(
    ["time,price,size,side"]
    + [
        f"2026-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z,{p},{1 + n % 3},"
        f"{'buy' if n % 2 else 'sell'}"
        for n, p in enumerate(
            (100 + (n % 400 if n % 800 < 400 else 400 - n % 400)) for n in range(7_200)
        )
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
    assert document["head"]["strategy"] == "steelyard.strategies:SmaCross"
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


@pytest.fixture
def tape(folder) -> Path:
    """Return the configuration of a run on recorded trades."""
    (folder / "trades.csv").write_text(TRADES)
    (folder / "tape.toml").write_text(CONFIG.replace("bars.csv", "trades.csv"))
    return folder / "tape.toml"


def test_a_tape_is_played_under_every_queue(tape, capsys):
    """Its report has the three beside each other, candles, and what of its book is a guess."""
    assert run(["backtest", "tape.toml", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["is_assumed"]) for row in document["variants"]] == [
        ("pessimistic", True), ("proportional", False), ("optimistic", False),
    ]  # fmt: skip
    assert document["metrics"]["fills"] > 5
    assert document["variants"][0]["fills"] == document["metrics"]["fills"]
    assert document["variants"][0]["sha256"] == document["fills"]["sha256"]
    assert document["candles"]["time_s"]
    assert "guessed from trades" in dict(document["assumptions"])["the book"]
    assert document["settings"]["queue"] == "pessimistic"
    assert run(["backtest", "tape.toml"]) == 0
    assert "pessimistic (assumed)" in capsys.readouterr().out


def test_what_is_assumed_alone_is_quicker(tape, capsys):
    assert run(["backtest", "tape.toml", "--json", "--quick"]) == 0
    assert json.loads(capsys.readouterr().out)["variants"] == []


def test_a_tape_is_checked_too(tape, capsys):
    assert run(["backtest", "tape.toml", "--check"]) == 0
    assert "no dependence on the future found" in capsys.readouterr().out


def test_arrays_need_bars(tape, folder, capsys):
    arrays = (folder / "arrays.toml").read_text().replace("bars.csv", "trades.csv")
    (folder / "tape.toml").write_text(arrays)
    assert run(["backtest", "tape.toml"]) == 2
    assert "choose bars, or write the rule as a class" in capsys.readouterr().err.replace("\n", " ")


def test_limits_hold_for_arrays_too(folder, capsys):
    file = folder / "arrays.toml"
    limits = "[risk]\nmax_order_notional = 10\nmax_position = 1\nmax_open_orders = 5\n"
    file.write_text(file.read_text() + limits + 'price_collar = "2%"\n')
    assert run(["backtest", "arrays.toml", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["metrics"]["fills"] == 0
    assert document["metrics"]["refused"] > 5
    assert "max_order_notional 10" in dict(document["assumptions"])["limits"]


def test_what_a_strategy_prints_is_no_part_of_the_document(folder, capsys):
    text = (
        (folder / "rules.py").read_text().replace("    close =", '    print("here")\n    close =')
    )
    (folder / "rules.py").write_text(text)
    sys.modules.pop("rules", None)
    assert run(["backtest", "arrays.toml", "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["head"]["name"] == "arrays"
    assert "here" in told.err


def test_check_throws_no_dice(folder, capsys):
    (folder / "dice.toml").write_text(CONFIG + 'rejects = "30%"\n')
    assert run(["backtest", "dice.toml", "--check"]) == 0


def test_check_of_a_strategy_that_raises_says_so_and_no_more(folder, capsys):
    (folder / "worse.py").write_text(
        "from steelyard.strategies import SmaCross\n"
        "class Worse(SmaCross):\n"
        "    def on_bar(self, bar):\n"
        "        1 / 0\n"
    )
    (folder / "bad.toml").write_text(CONFIG.replace("steelyard.strategies:SmaCross", "worse:Worse"))
    assert run(["backtest", "bad.toml", "--check"]) == 2
    told = capsys.readouterr().err
    assert "ZeroDivisionError" in told
    assert "Traceback" not in told


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
