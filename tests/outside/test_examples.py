"""Every program of docs/examples runs as it stands against a live exchange, and says so."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.testing import LocalExchange
from tests.house.source import ROOT

pytestmark = pytest.mark.slow

EXAMPLES = ROOT / "docs" / "examples"
TIMEOUT_S = 60

# program: what it prints, line by line, as patterns. One that is missing here fails.
PRICE, NUMBER = r"[0-9]{5}(\.[0-9]+)?", "[0-9]+"
PRINTED = {
    "native/order.py": [r"\[\{.*'asset': 'USDT'.*\}\]", f"{NUMBER} working", "canceled"],
    "native/stream.py": [f"(ticker|book) ({PRICE}|{NUMBER})"] * 5,
    "native/order.mjs": [
        *(f"{NUMBER} working", r"0\.001", "canceled"),
        *("new working", "canceled canceled"),
    ],
    "native/order.sh": [
        r'\{"tickers":\[\{"symbol":"BTC-USDT".*\}\]\}',
        *(r'\{.*"state":"working".*\}', r'\{.*"state":"working".*\}'),
        r'\{.*"state":"canceled".*\}',
    ],
    "connector/follow.py": [
        f"book: {PRICE} {PRICE} None",
        *("(told: working 200|answered: canceled)", "(told: working 100|answered: canceled)"),
        *("(told: .*|answered: canceled)", "(told: canceled 100|answered: canceled)"),
    ],
    "binance/order_ccxt.py": [
        *(PRICE, rf"closed {PRICE} \{{.*'currency': 'BTC'.*\}}"),
        *("True", "canceled", r"\{.*'BTC': .*\}"),
    ],
    "coinbase-exchange/order_ccxt.py": [
        *(PRICE, "open closed", "True", "canceled"),
        r"\{.*'BTC': .*\}",
    ],
    "coinbase-exchange/tutorial.py": [
        *("USDT 10000", f"price {PRICE}"),
        r"done 0\.10000000 [0-9]{4}\.[0-9]{16}",
    ],
    "binance/stream_ccxt.py": [
        rf"\[{PRICE}, .*\] \[{PRICE}, .*\]",
        *(f"{NUMBER} open", f"{NUMBER} canceled"),
    ],
    "binance/order_python_binance.py": [
        *(PRICE, f"FILLED {PRICE}", "True", "CANCELED"),
        r"\{'asset': 'BTC', .*\}",
    ],
    "binance/stream_python_binance.py": [
        rf"\[{PRICE}, .*\] \[{PRICE}, .*\]",
        *(f"{NUMBER} NEW", f"{NUMBER} CANCELED"),
    ],
}
# Not programs: a dialect (tests/sim/test_example_venue.py), markets (tests/exchange/test_script.py)
APART = {EXAMPLES / "venue", EXAMPLES / "scripts", EXAMPLES / "strategies"}
PROGRAMS = sorted(
    file.relative_to(EXAMPLES).as_posix()
    for file in EXAMPLES.rglob("*")
    if file.is_file() and file.suffix not in {".md", ".pyc"} and file.parent not in APART
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExchange]:
    with LocalExchange(tmp_path_factory.mktemp("examples") / "data", "--crowd", "1") as exchange:
        yield exchange


def environment(exchange: LocalExchange, program: str, folder: Path) -> dict[str, str]:
    """Give a program what docs/examples/README.md says it needs."""
    folder_name, name = program.split("/")
    dialect = {"connector": "binance"}.get(folder_name, folder_name)
    signing = {"signing": "tutorial"} if name == "tutorial.py" else {}
    account = re.sub(r"\W|_", "-", program)
    key = exchange.trader(account, {"USDT": "10000"}, dialect=dialect, **signing)
    if dialect == "native":
        return {
            "STEELYARD_URL": exchange.url("native"),
            "STEELYARD_KEY": key["key"],
            "STEELYARD_SECRET": key["secret"],
        }
    if folder_name == "connector":
        return {
            "STEELYARD_REST": exchange.url(dialect),
            "STEELYARD_WS": exchange.url(dialect, "ws"),
            "STEELYARD_KEY": key["key"],
            "STEELYARD_SECRET": key["secret"],
        }
    client = next((c for c in ("ccxt", "tutorial") if c in name), "python-binance")
    (folder / "key.json").write_text(json.dumps(key))
    (folder / "venue.json").write_text(json.dumps(exchange.env(dialect, client=client)))
    return {}


def command(file: Path) -> list[str]:
    match file.suffix:
        case ".py":
            return [sys.executable, str(file)]
        case ".sh":
            return ["bash", str(file)]
        case _:
            node = shutil.which("node")
            assert node is not None, "the page is built with Node, so it is there"
            return [node, "--experimental-websocket", str(file)]


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_example_does_what_it_says(running, program, tmp_path):
    """In a folder of its own, with nothing but what the README says."""
    more = environment(running, program, tmp_path)
    done = subprocess.run(
        command(EXAMPLES / program),
        cwd=tmp_path,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    expected = PRINTED[program]
    assert len(lines) == len(expected), done.stdout
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line), line


def test_the_readme_lists_each_example():
    text = (EXAMPLES / "README.md").read_text()
    assert [program for program in PROGRAMS if f"({program})" not in text] == []


def test_no_expectation_outlives_its_example():
    assert sorted(PRINTED) == PROGRAMS
