import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.dialects.native import programs
from steelyard.testing import LocalExchange

TIMEOUT_S = 60


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running exchange as the programs find it."""
    data = tmp_path_factory.mktemp("programs") / "data"
    with LocalExchange(data, "--crowd", "1") as exchange:
        key = exchange.trader("reader", {"USDT": "100000"}, dialect="native")
        yield {
            **os.environ,
            "STEELYARD_URL": exchange.url("native"),
            "STEELYARD_KEY": key["key"],
            "STEELYARD_SECRET": key["secret"],
        }


def printed(command: list[str], environment: dict[str, str]) -> list[str]:
    """Run a program and return its lines."""
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_python(environment):
    """Signs, places, cancels."""
    _, placed, ended = printed([sys.executable, "-c", programs.EXAMPLE], environment)
    assert (placed.split()[1], ended) == ("working", "canceled")


def test_a_stream_in_python(environment):
    """Follows a ticker and a book, whose sequence rises."""
    lines = [line.split() for line in printed([sys.executable, "-c", programs.STREAM], environment)]
    assert len(lines) == 5
    sequences = [int(told) for channel, told in lines if channel == "book"]
    assert sequences == sorted(sequences)
    assert {channel for channel, _ in lines} == {"ticker", "book"}


def test_javascript(environment, tmp_path: Path):
    """Signs, places, reads, cancels; then the same over a WebSocket."""
    node = shutil.which("node")
    assert node is not None, "the page is built with Node, so it is there"
    program = tmp_path / "program.mjs"
    program.write_text(programs.JAVASCRIPT, encoding="utf-8")
    lines = printed([node, "--experimental-websocket", str(program)], environment)
    placed, *others = lines
    assert placed.endswith(" working")
    assert others == ["0.001", "canceled", "new working", "canceled canceled"]


def test_shell(environment):
    """Signs without the secret on a command line, places, reads, cancels."""
    ticker, placed, seen, ended = printed(["bash", "-c", programs.CURL], environment)
    assert '"symbol":"BTC-USDT"' in ticker
    assert all('"state":"working"' in answer for answer in (placed, seen))
    assert '"state":"canceled"' in ended
    assert "$STEELYARD_SECRET" not in programs.CURL.replace("${#STEELYARD_SECRET}", "")
