"""`steelyard backtest` of several legs, run as a user runs it."""

import json
from pathlib import Path

import pytest

from steelyard.cli.main import run

MIX = """
[bot]
name = "mix"
environment = "backtest"
[legs.btc]
symbol = "BTC-USDT"
[legs.eth]
symbol = "ETH-USDT"
[strategy]
class = "steelyard.strategies:Rebalancer"
params = { shares = { btc = "40", eth = "40" }, capital = "10000", band = "0.2", every = "5m" }
[backtest]
round = true
deposit = { USDT = "10000" }
[backtest.legs.btc]
data = "btc.csv"
[backtest.legs.eth]
data = "eth.csv"
"""


def bars(price: int, count: int = 600) -> str:
    lines = ["timestamp,open,high,low,close,volume"]
    for at in range(count):
        close = price + price * (at % 40 if at % 80 < 40 else 40 - at % 40) // 400
        clock = f"2026-01-01 {at // 60:02}:{at % 60:02}:00"
        lines.append(f"{clock},{close},{close + 1},{close - 1},{close},100")
    return "\n".join(lines)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a configuration and bars of both legs, in which one stands."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mix.toml").write_text(MIX)
    (tmp_path / "btc.csv").write_text(bars(60_000))
    (tmp_path / "eth.csv").write_text(bars(3_000, 500))
    return tmp_path


def test_it_writes_a_report_of_all_and_of_each_leg(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    """The whole as JSON and on the terminal, each leg as a bot of its own."""
    assert run(["backtest", "mix.toml"]) == 0
    told = capsys.readouterr().out
    assert "equity: in USDT; BTC at the middle of btc, ETH at the middle of eth" in told
    whole = json.loads((folder / "backtests" / "mix.json").read_text())
    assert [leg["name"] for leg in whole["legs"]] == ["btc", "eth"]
    assert whole["end_ns"] - whole["start_ns"] == 500 * 60 * 10**9
    leg = json.loads((folder / "backtests" / "mix-eth.json").read_text())
    assert leg == whole["legs"][1]["report"]
    assert (leg["head"]["name"], leg["head"]["symbol"]) == ("mix-eth", "ETH-USDT")
    assert leg["written"]["every"] == "5m"
    assert "<html" in (folder / "backtests" / "mix-btc.html").read_text()


def test_a_program_gets_one_document(folder: Path, capsys: pytest.CaptureFixture[str]):
    """All of it, and nothing else."""
    assert run(["backtest", "mix.toml", "--quick", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "legs"
    assert (folder / "backtests" / "mix.json").exists()


def test_a_leg_without_data_is_named(folder: Path, capsys: pytest.CaptureFixture[str]):
    """With the key that it lacks; and a check of several legs is refused."""
    (folder / "mix.toml").write_text(MIX.replace('data = "eth.csv"', ""))
    assert run(["backtest", "mix.toml"]) == 2
    assert "leg eth: [backtest] says neither data" in capsys.readouterr().err
    assert run(["backtest", "mix.toml", "--check"]) == 2
    assert "--check tries one instrument" in capsys.readouterr().err
