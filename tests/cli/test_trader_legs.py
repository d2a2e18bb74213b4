"""A bot of two legs in a process of its own, on two venues of a live exchange."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from steelyard.cli.following import Following, bring_up
from steelyard.store.tables import ask_sqlite
from steelyard.testing import LocalExchange

NUMBERS = count(1)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

TEXT = """
[bot]
name = "pair"
environment = "sandbox"
[venue.main]
dialect = "binance"
rest = "{rest}"
ws = "{ws}"
key = "env:HERE"
[venue.native]
dialect = "native"
rest = "{native_rest}"
ws = "{native_ws}"
key = "env:THERE"
[legs.near]
symbol = "BTC-USDT"
[legs.far]
venue = "native"
symbol = "ETH-USDT"
[strategy]
class = "{kind}"
[risk]
max_order_notional = "100000"
max_position = "5"
max_open_orders = 20
price_collar = "20%"
"""

PAIR = '''
from steelyard.trading.strategy import Strategy


class Pair(Strategy):
    """Rests an order at each leg when both can be traded on."""

    leg_names = ("near", "far")

    def on_start(self):
        self.every("50ms")

    def on_timer(self, timer):
        if any(leg.trouble or leg.open_orders for leg in self.legs.values()):
            return
        for leg in self.legs.values():
            bid = leg.book.best_bid
            leg.buy("0.1", (bid * 95 / 100).quantize(leg.instrument.tick_size))


class Torn(Pair):
    """Raises once both have rested."""

    def on_order(self, order):
        if all(leg.open_orders for leg in self.legs.values()):
            raise RuntimeError("torn")


class Wrecked(Pair):
    """Puts at one desk what no desk takes, once both have rested."""

    def on_order(self, order):
        near, far = self.legs.values()
        if near.open_orders and far.open_orders:
            near.desk.timers[None] = None
'''


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory):
    data = tmp_path_factory.mktemp("legs") / "data"
    with LocalExchange(data, "--crowd", "1", "--limits", "off") as started:
        yield started


def start(
    exchange: LocalExchange, folder: Path, kind: str, far: str = "ETH-USDT"
) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """Start the bot from a folder with its strategy; return it and what it says when ready."""
    environment = dict(os.environ)
    for name, dialect in (("HERE", "binance"), ("THERE", "native")):
        account = f"{dialect}-{next(NUMBERS)}"
        key = exchange.trader(account, {"USDT": "100000"}, dialect=dialect)
        environment |= {f"{name}_KEY": key["key"], f"{name}_SECRET": key["secret"]}
    (folder / "pairs.py").write_text(PAIR)
    text = TEXT.format(
        kind=f"pairs:{kind}",
        rest=exchange.url("binance"),
        ws=exchange.url("binance", "ws"),
        native_rest=exchange.url("native"),
        native_ws=exchange.url("native", "ws"),
    )
    (folder / "pair.toml").write_text(text.replace("ETH-USDT", far))
    command = [sys.executable, "-m", "steelyard.cli.main", "trade", "pair.toml", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--data", str(folder / "data"), "--json"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def run(folder: Path, *words: str) -> Any:
    """Run a command of the program on the bot's directory."""
    command = [sys.executable, "-m", "steelyard.cli.main", *words, "--data", str(folder / "data")]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    return json.loads(done.stdout or done.stderr)


def end(process: subprocess.Popen[str]) -> int:
    """Press Ctrl-C and return the exit code."""
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    return process.returncode


def until(what: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)


def test_both_legs_trade_and_end_together(exchange: LocalExchange, tmp_path: Path):
    """Each with a port, a directory and a journal of its own; Ctrl-C cancels at both venues."""
    process, ready = start(exchange, tmp_path, "Pair")
    assert [*ready["legs"]] == ["near", "far"]
    ports = {leg["port"] for leg in ready["legs"].values()}
    assert len(ports) == 2
    try:
        until(lambda: all(journaled(tmp_path, leg, "OrderSeen") for leg in ("near", "far")))
    finally:
        code = end(process)
    assert code == 0
    for leg in ("near", "far"):
        assert journaled(tmp_path, leg, "OrderPending") == 1
        assert journaled(tmp_path, leg, "RunStopped") == 1


def test_a_strategy_that_raises_fails_both_legs(exchange: LocalExchange, tmp_path: Path):
    """Neither orders anything more; the journal of each says why."""
    process, _ = start(exchange, tmp_path, "Torn")
    try:
        until(lambda: all(journaled(tmp_path, leg, "StrategyFailed") for leg in ("near", "far")))
    finally:
        code = end(process)
    assert code == 0


def test_a_leg_in_which_our_own_code_fails_lets_the_other_end_in_order(
    exchange: LocalExchange, tmp_path: Path
):
    """Its orders are canceled before the process ends with the traceback."""
    process, _ = start(exchange, tmp_path, "Wrecked")
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert [journaled(tmp_path, leg, "RunStopped") for leg in ("near", "far")] == [0, 1]
    assert journaled(tmp_path, "far", "CancelAsked") == 1


def test_a_leg_that_cannot_start_ends_the_other(exchange: LocalExchange, tmp_path: Path):
    """In order, with the exit code of the one that could not."""
    process, _ = start(exchange, tmp_path, "Pair", "ETH-GOLD")
    process.communicate(timeout=60)
    assert process.returncode == 2
    assert journaled(tmp_path, "near", "RunStopped") == 1
    assert journaled(tmp_path, "near", "OrderPending") == 0


def test_killing_by_the_file_kills_every_leg(exchange: LocalExchange, tmp_path: Path):
    """And one by its name is killed alone."""
    process, _ = start(exchange, tmp_path, "Pair")
    try:
        until(lambda: all(journaled(tmp_path, leg, "OrderSeen") for leg in ("near", "far")))
        assert [*run(tmp_path, "kill", "pair-far")] == ["pair-far"]
        until(lambda: journaled(tmp_path, "far", "Killed") == 1)
        assert journaled(tmp_path, "near", "Killed") == 0
        assert [*run(tmp_path, "kill", str(tmp_path / "pair.toml"))] == ["pair-near", "pair-far"]
        until(lambda: journaled(tmp_path, "near", "Killed") == 1)
    finally:
        code = end(process)
    assert code == 0


def journaled(folder: Path, leg: str, kind: str) -> int:
    """Return how many records of a kind a leg's journal has."""
    if not (folder / "data" / "bots" / f"pair-{leg}" / "journal").exists():
        return 0
    following = Following(folder / "data", f"pair-{leg}")
    bring_up(following)
    return len(ask_sqlite(following.file, f"SELECT 1 FROM events WHERE kind = '{kind}'").rows)
