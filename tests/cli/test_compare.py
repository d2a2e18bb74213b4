"""`steelyard compare`: a bot's day on an exchange on loopback, and the backtest of it."""

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from nights import at_night

from steelyard.backtest.live import Part
from steelyard.cli.compare import amount, joined, read_config, tape_files
from steelyard.cli.main import run
from steelyard.domain.messages import SECOND_NS
from steelyard.net.clock import Clock
from steelyard.net.loop import run_loop
from steelyard.testing import LocalExchange
from tests.cli.trader_bot import running, settings, until

TRADES_S = 12
CONFIG = """
[bot]
name = "pendulum"
environment = "sandbox"
[strategy]
class = "tests.cli.trader_bot:Pendulum"
symbol = "BTC-USDT"
params = {{ size = "{size}" }}
[risk]
max_order_notional = "100000"
max_position = "5"
max_open_orders = 20
price_collar = "20%"
[backtest]
data = "the recording"
queue = "proportional"
[backtest.fees]
maker = "{fee}"
taker = "{fee}"
"""


class Day:
    """A data directory in which a bot has traded, and the day."""

    def __init__(self, data: Path, folder: Path) -> None:
        self.data = data
        self.folder = folder
        began = datetime.fromtimestamp(Clock().now_ns() // SECOND_NS - TRADES_S, UTC)
        self.text = began.strftime("%Y-%m-%d")

    def compare(self, *more: str, size: str = "0.01", fee: str = "0.1%") -> tuple[int, Any]:
        """Run the command; return its exit code and document."""
        config = self.folder / "pendulum.toml"
        config.write_text(CONFIG.format(size=size, fee=fee))
        code = run(
            [
                *("compare", "pendulum", "--day", self.text, "--data", str(self.data)),
                *("--config", str(config), "--out", str(self.folder), "--json", *more),
            ]
        )
        return code, json.loads((self.folder / f"pendulum-{self.text}.json").read_text())


@contextmanager
def traded(folder: Path, dialect: str) -> Iterator[Day]:
    """Let a bot trade for some seconds and record the market, on an exchange of its own."""
    with LocalExchange(folder / "data", "--crowd", "1", "--limits", "off") as exchange:
        what = settings(exchange, "Pendulum", "pendulum", dialect)
        table = structs.replace(what.config.bot, record_market=True)
        what = dataclasses.replace(what, config=structs.replace(what.config, bot=table))

        async def main() -> None:
            async with running(what) as process:
                await until(lambda: process.trader.status.word == "running")
                await asyncio.sleep(TRADES_S)

        run_loop(main())
        yield Day(exchange.data, folder)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """A bot's day on Binance's API."""
    with traded(tmp_path_factory.mktemp("compare"), "binance") as found:
        yield found


def add_up(document: dict[str, Any]) -> bool:
    return sum(map(Fraction, document["parts"].values())) == Fraction(document["gap"])


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_day_is_explained(day: Day, capsys: pytest.CaptureFixture[str]):
    """Orders find their pairs, what fills is the same but for its price, and the parts add up."""
    code, document = day.compare("--price-ticks", "100000")
    assert json.loads(capsys.readouterr().out) == document
    assert add_up(document)
    orders = document["runs"][0]["orders"]
    assert orders["live"] > TRADES_S
    assert document["pairs"] >= orders["live"] - 2
    assert not document["failures"]
    missed = {line["live"] for line in document["lines"] if line["part"] == Part.MISSED}
    assert len(missed) <= orders["live"] // 4
    assert code == (document["bug_size"] != "0")


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("dialect", ["kraken", *at_night("coinbase-exchange")])
def test_recordings_of_other_venues_are_read_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dialect: str
):
    """Whatever the bot's stream told is a tape on which its orders fill."""
    with traded(tmp_path, dialect) as day:
        _, document = day.compare("--price-ticks", "100000")
    capsys.readouterr()
    assert add_up(document)
    assert document["pairs"] >= document["runs"][0]["orders"]["live"] - 2 > 0
    missed = {line["live"] for line in document["lines"] if line["part"] == Part.MISSED}
    assert len(missed) <= document["pairs"] // 4


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_it_is_told_in_words(day: Day, capsys: pytest.CaptureFixture[str]):
    """The same numbers as a table, with the strategy and its parameters from the journal."""
    assert run(
        [
            *("compare", "pendulum", "--day", day.text, "--data", str(day.data)),
            *("--out", str(day.folder), "--bound", "1000"),
        ]
    ) in (0, 1)
    said = capsys.readouterr().out
    for part in Part:
        assert part in said
    assert "0.1 % maker and taker are assumed" in said


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_other_parameters_are_a_bug(day: Day, capsys: pytest.CaptureFixture[str]):
    """No order of another size is the same decision: every one is named, on both sides."""
    code, document = day.compare(size="0.02")
    assert add_up(document)
    assert (code, document["pairs"]) == (1, 0)
    moved = [
        abs(Fraction(line["amount"])) for line in document["lines"] if line["part"] == Part.BUG
    ]
    assert Fraction(document["bug_size"]) == sum(moved) > 0
    assert day.compare("--bound", str(round(sum(moved)) + 1), size="0.02")[0] == 0
    orders = document["runs"][0]["orders"]
    bugs = [line for line in document["lines"] if line["part"] == Part.BUG]
    assert sum(bool(line["live"]) for line in bugs) == orders["live"]
    assert all("0.02" in line["text"] and "0.01" in line["text"] for line in bugs[:5])
    capsys.readouterr()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_other_fees_are_fees(day: Day, capsys: pytest.CaptureFixture[str]):
    """Only that part moves, by what the settings charge less."""
    parts = [day.compare("--price-ticks", "100000", fee=fee)[1]["parts"] for fee in ("0.1%", "0%")]
    moved = {name for name in parts[0] if parts[0][name] != parts[1][name]}
    assert Part.FEES in moved
    assert Fraction(parts[1][Part.FEES]) < Fraction(parts[0][Part.FEES])
    assert not moved & {Part.PRICE}
    capsys.readouterr()


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("other", "--day", "2026-01-01"), "has no bot 'other'; it has: pendulum"),
        (("pendulum", "--day", "2001-01-01"), "did not trade on 2001-01-01; its journal is of"),
        (("pendulum", "--day", "yesterday"), "'yesterday' is no day; write it as 2026-11-22"),
    ],
)
def test_what_is_not_there_is_said(
    day: Day, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
):
    """Which bot, which day, and what there is instead."""
    assert run(["compare", *arguments, "--data", str(day.data)]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("backtest", ["", '[backtest.fees]\nmaker = "0.02%"\n'])
def test_a_configuration_need_not_say_data(tmp_path: Path, backtest: str):
    """What is played is the recording; one may say fees alone, or nothing of a backtest."""
    path = tmp_path / "dip.toml"
    path.write_text(
        '[bot]\nname = "dip"\nenvironment = "sandbox"\n'
        '[strategy]\nclass = "a:B"\nsymbol = "BTC-USDT"\n' + backtest
    )
    found = read_config(path)
    assert found.backtest.fees.maker == ("0.02%" if backtest else "0.1%")


def test_recordings_of_a_time_are_chosen_by_when_they_begin(tmp_path: Path):
    """One that began before is of it until the next begins; later ones are not."""
    names = [f"market-20261122T0{hour}0000Z-000{hour}.jsonl.gz" for hour in (1, 2, 3, 4)]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())

    def at(hour: int, minute: int) -> int:
        return int(datetime(2026, 11, 22, hour, minute, tzinfo=UTC).timestamp()) * SECOND_NS

    found = tape_files(tmp_path, at(2, 30), at(3, 30))
    assert [path.name for path in found] == names[1:3]
    with joined(found) as path:
        assert path.read_text() == "".join(names[1:3])


@pytest.mark.parametrize(
    ("atoms", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(10**12), "1"),
        (Fraction(-(10**12), 2), "-0.5"),
        (Fraction(1, 2), "0.0000000000005"),
        (Fraction(-(25 * 10**12)), "-25"),
    ],
)
def test_an_amount_is_exact(atoms: Fraction, text: str):
    """To half an atom; with neither exponent nor rounding."""
    assert amount(atoms) == text
