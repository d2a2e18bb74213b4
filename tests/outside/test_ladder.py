"""The ladder, walked on journals that days of virtual trading have made.

The same bot is backtested, then lives on an exchange in virtual time, with a crash, a restart and
a cut on each rung; `steelyard promote` reads what that has left, as it reads a real bot's.
"""

import json
import random
from pathlib import Path

import pytest

from steelyard import strategies
from steelyard.cli.main import run
from steelyard.domain.messages import SECOND_NS
from steelyard.sim import hour as hours
from steelyard.sim.hour import HOUR_NS, Hour, Site
from steelyard.store import segment
from steelyard.store.datadir import Directory
from steelyard.store.journal import Journal
from steelyard.trading.config import BotConfig, parse_config

CONFIG = """
[bot]
name = "dip"
environment = "{environment}"
[venue.main]
dialect = "native"
rest = "http://127.0.0.1:1"
ws = "ws://127.0.0.1:1"
key = "env:EXAMPLE"
[strategy]
class = "steelyard.strategies:SmaCross"
symbol = "BTC-USDT"
params = {{ fast = 2, slow = 5, size = "0.0005", bar = "{bar}" }}
[risk]
max_order_notional = "2000"
max_position = "0.1"
max_open_orders = 5
price_collar = "5%"
"""
BACKTEST = """
[backtest]
data = "bars.csv"
interval = "1m"
round = true
deposit = { USDT = "100000" }
"""
# From 22:13 UTC on, so that it sees seven dates; on paper five days are asked for.
PAPER_NS = 5 * 24 * HOUR_NS + 3 * HOUR_NS


@pytest.fixture(autouse=True)
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Grants are kept in a user's own folder; the market is slower than it could be."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hours, "STEP_NS", 10 * SECOND_NS)  # a calm market is enough


def config_of(environment: str, bar: str) -> BotConfig:
    return parse_config(CONFIG.format(environment=environment, bar=bar))


def backtested(folder: Path, bar: str) -> Path:
    """Backtest the bot on a week of bars, as a user does, and return the report."""
    rng, close, rows = random.Random(5), 60_000.0, ["time,open,high,low,close,volume"]
    for at in range(7 * 24 * 60):
        opened, close = close, round(close * (1 + rng.gauss(0, 0.0005)), 2)
        high, low = max(opened, close), min(opened, close)
        rows.append(f"{1_690_000_020 + at * 60},{opened},{high},{low},{close},10")
    (folder / "bars.csv").write_text("\n".join([*rows, ""]))
    (folder / "dip.toml").write_text(CONFIG.format(environment="backtest", bar=bar) + BACKTEST)
    assert run(["backtest", "dip.toml", "--out", "backtests"]) == 0
    return folder / "backtests" / "dip.json"


def lived(data: Path, bar: str, length_ns: int) -> Path:
    """Let the bot live in virtual time, and leave its journal where it belongs."""
    config = config_of(data.name, bar)
    hour = Hour(
        {"here": Site("native")},
        [("here", config)],
        lambda: strategies.SmaCross(**config.strategy.params),
        segment,
    )
    hour.live(length_ns)
    assert hour.bots[0].starts == 2, "it was killed, and started again"
    Directory(data / "bots" / "dip").close()
    journal = Journal(data / "bots" / "dip" / "journal")
    for _, payload in hour.bots[0].disk.records():
        journal.append(payload)
    journal.commit()
    journal.close()
    return data


def promoted(capsys, *words: object, code: int = 0) -> dict:
    capsys.readouterr()
    found = run(["promote", "dip", *map(str, words), "--why", "as it says", "--json"])
    said = capsys.readouterr().out
    assert found == code, said
    return json.loads(said)


def missing(document: dict) -> list[str]:
    return [row["name"] for row in document["criteria"] if not row["is_met"]]


def walk_to_paper(folder: Path, capsys, bar: str, length_ns: int) -> None:
    """Earn the sandbox by a backtest, and paper by some hours in the sandbox."""
    document = promoted(capsys, "--report", backtested(folder, bar))
    assert (document["to"], document["granted"]) == ("sandbox", True)
    document = promoted(capsys, "--data", lived(folder / "sandbox", bar, length_ns))
    assert (document["to"], document["granted"]) == ("paper", True)


@pytest.mark.slow
def test_an_hour_in_the_sandbox_earns_paper_and_minutes_on_paper_earn_nothing(tmp_path, capsys):
    """What is asked for is time, and nothing else is missing."""
    walk_to_paper(tmp_path, capsys, "1m", HOUR_NS * 6 // 5)
    data = lived(tmp_path / "paper", "1m", HOUR_NS // 6)
    document = promoted(capsys, "--data", data, "--confirm", "dip", code=1)
    assert (document["to"], document["granted"]) == ("live-canary", False)
    assert {*missing(document)} - {"fills"} == {"time", "days", "market"}


@pytest.mark.night
@pytest.mark.timeout(3_600)
def test_days_on_paper_earn_the_canary(tmp_path, capsys):
    """From a backtest to real money, on seven dates of virtual time.

    Nothing is waived but whose market it is: no venue can be followed in virtual time.
    """
    walk_to_paper(tmp_path, capsys, "30m", 24 * HOUR_NS)
    data = lived(tmp_path / "paper", "30m", PAPER_NS)
    document = promoted(capsys, "--data", data, "--confirm", "dip", "--waive", "market")
    assert (document["to"], document["cap"]) == ("live-canary", "100")
    assert (document["granted"], missing(document)) == (True, ["market"])
