"""Every command and every file of README, docs/start.md and the guides, in the order of its page.

They share one exchange, on which a bot `dip` with its key in a vault has traded a few seconds. Each
page begins with a copy of what that has left, in a home of its own.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from free_ports import free_base
from guide import Session, blocks
from mail_server import MailServer

from steelyard.net.clock import Clock
from steelyard.testing import LocalExchange
from steelyard.trading.legconfig import parse_bots
from tests.house.source import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

GUIDES = ROOT / "docs" / "guides"
KEYS = GUIDES / "keys-and-vault.md"  # the last one: it changes the key that all of them have
PAGES = [
    *sorted({ROOT / "README.md", ROOT / "docs" / "start.md", *GUIDES.glob("*.md")} - {KEYS}),
    KEYS,
]
# What a page cannot have done here, and says so: the number of its blocks.
NOT_RUN = {
    "README.md": 3,
    "add-a-venue.md": 1,
    "alerts.md": 1,
    "backtest.md": 1,
    "data.md": 3,
    "drills.md": 2,
    "journal.md": 1,
    "keys-and-vault.md": 1,
    "kill.md": 2,
    "ladder.md": 1,
    "paper.md": 1,
    "standby.md": 1,
    "start.md": 3,
    "strategies.md": 2,
    "sweeps.md": 1,
}
# Without anything to run: words, or a picture.
WORDS_ONLY = {"mistakes.md", "page.md"}
OWN_EXCHANGE = {"README.md", "start.md", "strategies.md"}  # as their first command
PHRASE = "correct horse battery"
DIP = """
steelyard init dip --dialect binance
steelyard account create dip --deposit USDT=10000
steelyard key create dip --dialect binance --ip 127.0.0.1 --expires 90d --json > key.json
steelyard vault add binance/dip --config dip.toml < key.json
sed -i 's/^params = .*/params = { below = "10000000", size = "0.0005", every = "1s" }/
s/^\\[bot\\]/[bot]\\nrecord_market = true/' dip.toml
steelyard trade dip.toml --port 0 > trade.log &
log=$XDG_DATA_HOME/steelyard/bots/dip/bot.log
for _ in $(seq 300); do
    [ "$(grep -c order.filled $log 2>/dev/null)" -ge 3 ] && break
    sleep 0.1
done
kill $!; wait $! || true
[ "$(grep -c order.filled $log)" -ge 3 ]
rm trade.log
"""


class Home(NamedTuple):
    """The folders of somebody who has steelyard."""

    path: Path

    @property
    def work(self) -> Path:
        """Where they stand."""
        return self.path / "work"

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.path / "share" / "steelyard"

    @property
    def environment(self) -> dict[str, str]:
        """What their programs are started with: nothing of whoever runs the tests."""
        key = self.work / "key.json"
        return {
            "HOME": str(self.path),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "XDG_DATA_HOME": str(self.path / "share"),
            "XDG_CONFIG_HOME": str(self.path / "config"),
            "XDG_STATE_HOME": str(self.path / "state"),
            "STEELYARD_VAULT": str(self.path / "vault.json"),
            "STEELYARD_VAULT_PASSPHRASE_FILE": str(self.path / "phrase"),
            "STEELYARD_CATALOG": str(self.path / "catalog"),
            "OLD_KEY": json.loads(key.read_text())["key"] if key.exists() else "",
            **{name: os.environ[name] for name in ("PYTHONPYCACHEPREFIX",) if name in os.environ},
        }


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, LocalExchange]]:
    """A home in which a bot has traded, and the exchange that still runs there."""
    home = Home(tmp_path_factory.mktemp("guides"))
    home.work.mkdir()
    home.data.mkdir(parents=True, mode=0o700)
    phrase = home.path / "phrase"
    phrase.touch(0o600)
    phrase.write_text(PHRASE)
    options = ("--crowd", "1", "--limits", "off", "--port-base", str(free_base()))
    with LocalExchange(home.data, *options) as exchange:
        done = subprocess.run(
            ["bash", "-ec", DIP],
            cwd=home.work,
            env=home.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        yield home, exchange


def copied(home: Home, to: Path, *, with_exchange: bool) -> Home:
    """Return a copy of a home, whose exchange is the same, or none."""
    exchange = home.data / "exchange"
    shutil.copytree(
        home.path, to, ignore=lambda folder, _: ["exchange"] if Path(folder) == home.data else []
    )
    copy = Home(to)
    if with_exchange:
        (copy.data / "exchange").symlink_to(exchange)
    about = copy.data / "bots" / "dip" / "bot.json"
    about.write_text(about.read_text().replace(str(home.work), str(copy.work)))
    (copy.work / "docs").symlink_to(ROOT / "docs")
    return copy


def replacements(page: Path, exchange: LocalExchange, base: int) -> dict[str, str]:
    """Return what a page says of another machine and day, and what it is here."""
    ports = {
        f":{8600 + offset}": ":" + exchange.url(name).rsplit(":", 1)[1]
        for name, offset in (("binance", 1), ("kraken", 3))
    }
    past = datetime.fromtimestamp(Clock().now_ns() // 10**9 - 5, UTC)
    found = {
        "2026-11-22T06:30:00.250Z": f"{past:%Y-%m-%dT%H:%M:%S}.250Z",
        "2026-11-22T06:30:00Z": f"{past:%Y-%m-%dT%H:%M:%S}Z",
        "2026-11-22": f"{past:%Y-%m-%d}",
        "4711": "9",
        "/mnt/other/": "other/",
        **ports,
    }
    if page.name in OWN_EXCHANGE:
        found |= {"8700": str(base), "8701": str(base + 1), "8720": str(base + 10)}
    if page.name != "start.md":
        found["steelyard trade "] = "steelyard trade --port 0 "
    if page.name == "scripts.md":
        found["steelyard exchange "] = f"steelyard exchange --port-base {base} --data scripted "
    return found


# --- what pages need beside it ------------------------------------------------------------------


def bars_csv(file: Path, minutes: int, count: int, base: float = 40_000) -> None:
    """Write bars of a random walk from 2024-01-01 on, with named columns."""
    rng, close, rows = random.Random(7), base, ["time,open,high,low,close,volume"]
    for at in range(count):
        opened, close = close, round(close * (1 + rng.gauss(0, 0.002)), 1)
        high, low = max(opened, close), min(opened, close)
        rows.append(f"{(1_704_067_200 + at * minutes * 60) * 1000},{opened},{high},{low},{close},9")
    file.write_text("\n".join([*rows, ""]))


def prepare(page: str, work: Path, shared_data: Path | None, found: dict[str, str]) -> None:
    """Put there what a page takes for granted: files of one's own."""
    examples = ROOT / "docs" / "examples"
    match page:
        case "backtest.md":
            assert shared_data is not None
            bars = "bars/btc_perp_1m_20211231_20220201.csv.gz"
            shutil.copy(shared_data / bars, work / "btc.csv.gz")
            shutil.copy(
                shared_data / "binance/spot_btcusdt_20240809.jsonl.gz", work / "tape.jsonl.gz"
            )
        case "add-a-venue.md":
            shutil.copy(examples / "venue" / "lemon.py", work)
        case "strategies.md":
            for file in (examples / "strategies").glob("*.toml"):
                text = file.read_text()
                for there, here in found.items():
                    text = text.replace(there, here)
                (work / file.name).write_text(text)
        case "trade-anywhere.md":  # a bridge has no frames to keep
            config = work / "dip.toml"
            config.write_text(config.read_text().replace("record_market = true", ""))
        case "sweeps.md":
            bars_csv(work / "BTC-USDT-15m.csv", 15, 96 * 150)
        case "data.md":
            data_files(work)
        case "ladder.md":
            bars_csv(work / "bars.csv", 1, 3_000)
            config = work / "dip.toml"
            told = (
                'data = "bars.csv"\ninterval = "1m"\ndeposit = { USDT = "10000" }\nround = true\n'
            )
            slow = config.read_text().replace('"1s"', '"60s"')
            config.write_text(f"{slow}\n[backtest]\n{told}")


def data_files(work: Path) -> None:
    """Write one file of each kind that the guide imports."""
    import polars as pl

    day_ms = 1_704_067_200_000
    rows = range(48)
    frame = pl.DataFrame(
        {
            "date": [day_ms + at * 300_000 for at in rows],
            **{name: [40_000.0 + at for at in rows] for name in ("open", "high", "low", "close")},
            "volume": [1.5 for _ in rows],
        }
    ).with_columns(pl.col("date").cast(pl.Datetime("ms", "UTC")))
    frame.write_ipc(work / "BTC_USDT-5m.feather")
    trades = "".join(f"{day_ms + at * 100},4000{at % 10}.5,0.01,buy\n" for at in rows)
    (work / "my_trades.csv").write_text(f"time,price,size,side\n{trades}")
    (tape,) = (work.parent / "share" / "steelyard" / "bots" / "dip" / "tape").glob("*.gz")
    shutil.copy(tape, work / "tape.jsonl.gz")


# --- the pages ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=page.name) for page in PAGES if page.name not in WORDS_ONLY]
)
def test_a_page_does_what_it_says(page: Path, lived, tmp_path: Path, request):
    """As it stands there: every command ends as the text around it says."""
    home, exchange = lived
    shared_data = request.getfixturevalue("shared_data") if page.name == "backtest.md" else None
    there = copied(home, tmp_path / "home", with_exchange=page.name not in OWN_EXCHANGE)
    found = replacements(page, exchange, free_base())
    prepare(page.name, there.work, shared_data, found)
    session = Session(page, there.work, found)
    with MailServer() as server:
        done = session.run({**there.environment, "HOOK": server.address()}, timeout=150)
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-5_000:]
    look_after(page.name, there, done.stdout, server)


def look_after(page: str, home: Home, said: str, server: MailServer) -> None:
    """Judge what a page has left and printed, where its exit codes say too little."""
    match page:
        case "README.md" | "start.md":
            assert re.search(r"\b\d{4,6}\.\d+", said), "what the market paid"
        case "backtest.md":
            judge_backtests(home.work / "backtests", said)
        case "alerts.md":
            assert server.mails
        case "everyday.md":
            assert {file.suffix for file in (home.work / "books").rglob("*.*")} >= {
                ".csv",
                ".parquet",
            }
        case "paper.md" | "trade-anywhere.md":
            (config,) = parse_bots((home.work / "dip.toml").read_text()).values()
            assert config.bot.environment == "paper" or config.main.is_bridged
        case "journal.md":
            assert "filled" in said
        case "kill.md":
            assert not (home.data / "bots" / "dip" / "killed").exists(), "it was lifted"


def judge_backtests(folder: Path, said: str) -> None:
    """What the guide says of its rules is so."""
    reports = {
        name: json.loads((folder / f"{name}.json").read_text())
        for name in ("above", "dear", "quotes")
    }
    profit = [float(reports[name]["metrics"]["profit_quote"]) for name in ("above", "dear")]
    assert profit[1] < profit[0] < 0, "it loses, and more where trading is dear"
    assert "no dependence on the future" in said
    assert (folder / "above.html").stat().st_size > 100_000
    assert (folder / "above-and-dear.html").is_file()
    assert {row["name"] for row in reports["quotes"]["variants"]} == {
        *("pessimistic", "proportional", "optimistic")
    }
    assert reports["quotes"]["metrics"]["fills"] > 10
    assert reports["quotes"]["candles"] is not None


def test_what_is_not_run_is_counted():
    """A block that is left out says why, and no more are than here."""
    left_out = {
        page.name: count
        for page in PAGES
        if (count := sum("not run" in block.marks for block in blocks(page)))
    }
    assert left_out == NOT_RUN
    reasons = [why for page in PAGES for it in blocks(page) for why in it.marks.get("not run", ())]
    assert all(len(why.split()) > 1 for why in reasons)
    without = {page.name for page in PAGES if not any(it.is_run for it in blocks(page))}
    assert without == WORDS_ONLY
