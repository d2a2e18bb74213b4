"""The ladder, walked on journals that days of virtual trading have made.

The same bot is backtested, then lives on an exchange in virtual time, with a crash, a restart and
a cut on each rung; `steelyard promote` reads what that has left, as it reads a real bot's.
"""

import json
import random
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from steelyard import strategies
from steelyard.cli.main import run
from steelyard.domain.messages import SECOND_NS
from steelyard.sim import hour as hours
from steelyard.sim.hour import HOUR_NS, Hour, Site
from steelyard.sim.quoter import TriangleQuoter
from steelyard.sim.trader_host import TraderHost
from steelyard.store import segment
from steelyard.store.datadir import Directory
from steelyard.store.journal import Journal
from steelyard.trading.config import BotConfig, parse_config
from steelyard.trading.legconfig import parse_bots
from tests.house.source import ROOT

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
TRIANGLE = """
[bot]
name = "around"
environment = "{environment}"
[venue.main]
dialect = "binance"
rest = "http://127.0.0.1:1"
ws = "ws://127.0.0.1:1"
key = "env:EXAMPLE"
[legs.first]
symbol = "BTC-USDT"
[legs.second]
symbol = "ETH-BTC"
[legs.third]
symbol = "ETH-USDT"
[strategy]
class = "steelyard.strategies:TriangularArbitrage"
params = {{ edge = "0.01", fee = "0", spend = "100", pause = "{pause}" }}
[risk]
max_order_notional = "2000"
max_position = "50"
max_open_orders = 5
price_collar = "5%"
"""
TRIANGLE_BACKTEST = """
[backtest]
kind = "tape"
round = true
fees = { maker = "0.01%", taker = "0.01%" }
deposit = { USDT = "50000", BTC = "1", ETH = "10" }
legs.first.data = "btc.csv"
legs.second.data = "eth_btc.csv"
legs.third.data = "eth.csv"
"""
RICH = {"USDT": Decimal(50_000), "BTC": Decimal(1), "ETH": Decimal(10)}
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
    leave(data, "dip", hour.bots[0])
    return data


def leave(data: Path, name: str, bot: TraderHost) -> None:
    """Leave a bot's journal where it belongs."""
    Directory(data / "bots" / name).close()
    journal = Journal(data / "bots" / name / "journal")
    for _, payload in bot.disk.records():
        journal.append(payload)
    journal.commit()
    journal.close()


def promoted(capsys, *words: object, code: int = 0, bot: str = "dip") -> dict:
    capsys.readouterr()
    found = run(["promote", bot, *map(str, words), "--why", "as it says", "--json"])
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


def triangle_backtested(folder: Path, pause: str) -> Path:
    """Backtest the triangle on an hour of three markets, and return the report of the whole."""
    markets = ROOT / "docs" / "examples" / "strategies" / "markets.py"
    subprocess.run([sys.executable, markets], cwd=folder, check=True)
    text = TRIANGLE.format(environment="backtest", pause=pause) + TRIANGLE_BACKTEST
    (folder / "around.toml").write_text(text)
    assert run(["backtest", "around.toml", "--out", "backtests", "--quick"]) == 0
    return folder / "backtests" / "around.json"


def triangle_lived(data: Path, pause: str, length_ns: int) -> Path:
    """Let the three legs live in virtual time, and leave the journals where they belong."""
    text = TRIANGLE.format(environment=data.name, pause=pause)
    bots = {
        leg: replace(config, bot=replace(config.bot, name=leg))
        for leg, config in parse_bots(text).items()
    }
    params = bots["first"].strategy.params
    hour = Hour(
        {"here": Site("binance", TriangleQuoter, RICH)},
        [("here", config) for config in bots.values()],
        lambda: strategies.TriangularArbitrage(**params),
        segment,
    )
    hour.live(length_ns)
    for leg, bot in zip(bots, hour.bots, strict=True):
        leave(data, f"around-{leg}", bot)
    return data


@pytest.mark.night
@pytest.mark.timeout(900)
def test_three_legs_earn_paper_by_their_backtest_and_an_hour_in_the_sandbox(tmp_path, capsys):
    """Each leg shows itself, and they go up together, with nothing waived."""
    document = promoted(capsys, "--report", triangle_backtested(tmp_path, "60s"), bot="around")
    assert [leg["bot"] for leg in document["legs"]] == [
        "around-first", "around-second", "around-third",
    ]  # fmt: skip
    assert document["granted"]
    data = triangle_lived(tmp_path / "sandbox", "60s", HOUR_NS * 6 // 5)
    document = promoted(capsys, "--data", data, bot="around")
    assert document["granted"]
    assert {leg["to"] for leg in document["legs"]} == {"paper"}
    assert not any(missing(leg) for leg in document["legs"])
