"""Recordings of our own exchange over loopback, in each language that can be recorded."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from steelyard.cli.data_record import parse_size
from steelyard.cli.main import run
from steelyard.data.captures import lines_of
from steelyard.data.loading import load
from steelyard.domain.errors import UsageError

SECONDS = 4
RECORDED = (
    *("binance", "bybit", "coinbase-advanced", "coinbase-exchange", "kraken", "kucoin", "okx"),
    "weex",
)


def record(exchange, dialect, out, *words):
    urls = ("--rest", exchange.url(dialect), "--ws", exchange.url(dialect, "ws"))
    return run(["data", "record", dialect, "BTC-USDT", str(out), *urls, *words])


@pytest.mark.slow
@pytest.mark.parametrize("dialect", RECORDED)
def test_a_running_market_is_recorded_and_is_a_tape(exchange, dialect, tmp_path, capsys):
    """The book that the tape makes is never crossed, and begins with a snapshot."""
    out = tmp_path / "tape.jsonl.gz"
    assert record(exchange, dialect, out, "--hours", str(SECONDS / 3600), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["frames"] > 10
    assert (said["gaps"], said["unread"]) == (0, 0)
    assert said["bytes"] == out.stat().st_size
    events = np.concatenate(list(load(out).data.blocks()))
    kinds = set(events["kind"].tolist())
    assert {0, 1, 6} <= kinds, "levels of both sides, after a clear"
    catalog = ("--catalog", str(tmp_path / "catalog"))
    assert run(["data", "import", str(out), *catalog]) == 0
    assert run(["data", "check", *catalog]) == 0


@pytest.mark.slow
def test_a_recording_ends_in_order_and_is_gone_on_with(exchange, tmp_path):
    """By Ctrl-C; the second run marks what lies between as missing."""
    out = tmp_path / "tape.jsonl.gz"
    words = ["data", "record", "binance", "BTC-USDT", str(out)]
    words += ["--rest", exchange.url("binance"), "--ws", exchange.url("binance", "ws")]
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-m", "steelyard.cli.main", *words],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ,
        )
        assert "connected to" in process.stdout.readline()
        before = out.stat().st_size
        while out.stat().st_size == before:
            pass  # a flush a second
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "frames" in rest
    frames = [frame for _, _, frame in lines_of(out)]
    assert sum(frame.startswith(b'{"stream":"steelyard@gap"') for frame in frames) == 1
    times = [time_ns for _, time_ns, _ in lines_of(out)]
    assert times == sorted(times)


def test_a_file_ends_at_its_size(exchange, tmp_path):
    out = tmp_path / "tape.jsonl.gz"
    assert record(exchange, "binance", out, "--size", "1KB", "--hours", "0.02") == 0
    assert out.stat().st_size >= 1_000


def test_what_cannot_be_recorded_is_said(exchange, tmp_path, capsys):
    out = tmp_path / "x"
    assert record(exchange, "native", out) == 2
    assert f"those of {', '.join(RECORDED)} can" in capsys.readouterr().err
    assert record(exchange, "binance", out, "--size", "1") == 2
    assert record(exchange, "binance", out, "--hours", "-1") == 2
    capsys.readouterr()
    nobody = ("--rest", "http://127.0.0.1:1", "--ws", "ws://127.0.0.1:1")
    assert run(["data", "record", "binance", "BTC-USDT", str(out), *nobody]) == 3
    assert not out.exists()
    for text in ("", "5", "0MB", "5TB"):
        with pytest.raises(UsageError, match="is not a size"):
            parse_size(text)
    assert parse_size("2gb") == 2 * 10**9
