"""The examples of `docs/guides/strategies.md`: each can be started, and some of them are."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest

from steelyard import strategies
from steelyard.cli.main import run
from steelyard.cli.trader_strategy import load_strategy
from steelyard.exchange.listings import LISTINGS
from steelyard.testing import LocalExchange
from steelyard.trading.bench import Bench, LegsBench
from steelyard.trading.legconfig import parse_bots
from tests.house.source import ROOT

EXAMPLES = ROOT / "docs" / "examples" / "strategies"
GUIDE = ROOT / "docs" / "guides" / "strategies.md"
FILES = sorted(EXAMPLES.glob("*.toml"))
LISTED = {listing.instrument.symbol: listing.instrument for listing in LISTINGS}


@pytest.fixture(autouse=True)
def beside_them(monkeypatch: pytest.MonkeyPatch):
    """A strategy is found in the folder that one stands in."""
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield
    sys.modules.pop("fade", None)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_fits_what_the_exchange_lists(file: Path):
    """Its parameters are the strategy's and go with its instruments; it starts on a bench."""
    bots = parse_bots(file.read_text())
    strategy = load_strategy(next(iter(bots.values())).strategy, [leg for leg in bots if leg])
    instruments = {leg: LISTED[bot.strategy.symbol] for leg, bot in bots.items()}
    if "" in bots:
        Bench(strategy, instrument=instruments[""])
    else:
        LegsBench(strategy, instruments)


def test_every_strategy_has_an_example_and_a_place_in_the_guide():
    """By its name."""
    named = "".join(file.read_text() for file in FILES)
    guide = GUIDE.read_text()
    for name in strategies.__all__:
        assert f'"steelyard.strategies:{name}"' in named
        assert f"`steelyard.strategies:{name}`" in guide
    for file in FILES:
        assert file.name in guide or file.stem == "fade"


def test_the_guides_own_strategy_is_the_example_and_its_test_passes():
    """Word for word, but for what it says of itself above the imports."""
    guide = GUIDE.read_text()
    for name, first in (("fade.py", "from decimal"), ("test_fade.py", "from fade")):
        text = (EXAMPLES / name).read_text()
        assert text[text.index(first) :] in guide
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_fade.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["cross_venue", "rebalancer", "triangular"])
def test_a_strategy_of_several_legs_is_backtested(name: str, tmp_path: Path, capsys: Any):
    """Each on the markets that the example beside it makes; all of its legs trade."""
    for file in (f"{name}.toml", "markets.py"):
        shutil.copy(EXAMPLES / file, tmp_path)
    subprocess.run([sys.executable, "markets.py"], cwd=tmp_path, check=True)
    words = [str(tmp_path / f"{name}.toml"), "--out", str(tmp_path), "--quick", "--json"]
    assert run(["backtest", *words]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["failure"] is None
    fills = {leg["name"]: leg["report"]["metrics"]["fills"] for leg in document["legs"]}
    assert min(fills.values()) > 5, fills


STARTED = ("dca", "market_maker", "triangular", "cross_venue")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_some_are_started_on_an_exchange(tmp_path: Path):
    """Each comes to trade on the crowd's market, and ends in order at Ctrl-C."""
    with LocalExchange(tmp_path / "exchange", "--crowd", "1", "--limits", "off") as exchange:
        environment = dict(os.environ)
        for name, dialect in (("ME", "binance"), ("ME_NATIVE", "native")):
            funds = {"USDT": "100000", "BTC": "1", "ETH": "10"}
            key: dict[str, Any] = exchange.trader(name.lower(), funds, dialect=dialect)
            environment |= {f"{name}_KEY": key["key"], f"{name}_SECRET": key["secret"]}
        with ExitStack() as ending:
            bots = {
                name: ending.enter_context(started(exchange, name, tmp_path, environment))
                for name in STARTED
            }
            wait_for(tmp_path, bots)


def started(
    exchange: LocalExchange, name: str, folder: Path, environment: dict[str, str]
) -> "Ended":
    text = (EXAMPLES / f"{name}.toml").read_text()
    for port, dialect in (("8701", "binance"), ("8700", "native")):
        for kind in ("rest", "ws"):
            scheme = "http" if kind == "rest" else "ws"
            text = text.replace(f"{scheme}://127.0.0.1:{port}", exchange.url(dialect, kind))
    (folder / f"{name}.toml").write_text(text)
    command = [sys.executable, "-m", "steelyard.cli.main", "trade", str(folder / f"{name}.toml")]
    process = subprocess.Popen(
        [*command, "--port", "0", "--data", str(folder / "data")],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Ended(process)


class Ended:
    """A bot that is ended in order."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        _, said = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, said


def wait_for(folder: Path, bots: dict[str, "Ended"]) -> None:
    """Wait until every bot, and every leg, says in its log that trading is open."""
    wanted = {
        f"{bot}-{leg}" if leg else bot
        for bot in bots
        for leg in parse_bots((EXAMPLES / f"{bot}.toml").read_text())
    }
    end = time.monotonic() + 100
    while missing := [name for name in wanted if not is_open(folder / "data" / "bots" / name)]:
        assert time.monotonic() < end, f"{missing} do not trade"
        assert all(bot.process.poll() is None for bot in bots.values())
        time.sleep(0.2)


def is_open(directory: Path) -> bool:
    return any(
        "trading is open" in file.read_text(errors="replace") for file in directory.glob("*.log*")
    )
