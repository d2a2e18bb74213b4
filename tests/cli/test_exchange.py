import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from free_ports import free_base

from steelyard.cli.exchange import configure
from steelyard.cli.live_source import LiveSource
from steelyard.cli.market_source import CrowdSource
from steelyard.cli.opening import OpenExchange
from steelyard.domain.errors import UsageError
from steelyard.testing import LocalExchange


def test_nothing_is_asked_of_a_venue_where_an_exchange_is_founded_already(tmp_path):
    """A restart needs no venue that answers: what is listed stands in the directory."""
    journal = tmp_path / "exchange" / "journal"
    journal.mkdir(parents=True)
    (journal / "00000000000000000001.log").write_bytes(b"")
    config = configure(tmp_path, 0, None, None, None, "off", None, live="binance:BTC-USDT")
    assert isinstance(config.market, LiveSource)
    assert config.market.instruments == ()


def test_what_is_asked_is_checked_before_anything_is_opened():
    config = configure(Path("d"), 0, 7, None, "hold", "off", None)
    assert (config.port_base, config.market) == (0, CrowdSource(7))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"crowd": 1, "tape": "x"}, "not both"),
        ({"script": "x", "live": "binance"}, "not both"),
        ({"script": "/nowhere.txt"}, "no script at"),
        ({"live": "lemon"}, "'lemon' is no dialect"),
        ({"live_url": ("ws://127.0.0.1:1",)}, "give both"),
        ({"port_base": 80}, "0 or from 1024 to 65000"),
        ({"port_base": -1}, "0 or from 1024"),
        ({"tape": "/nowhere.gz"}, "no recording at"),
        ({"begin": "June"}, "'June' is not a time"),
        ({"begin": "1999-01-01"}, "from 2010 to 2199"),
        ({"begin": "2026-06-01", "live": "binance"}, "cannot begin at another time"),
        ({"limits": "none"}, "neither venue, tutorial, tutorial-coinbase, off"),
    ],
)
def test_what_cannot_be_is_refused(changes, words):
    asked = {
        "data": Path("d"), "port_base": 0, "crowd": None, "tape": None, "at_end": "hold",
        "limits": "venue", "ready_file": None,
    } | changes  # fmt: skip
    with pytest.raises(UsageError, match=words):
        configure(**asked)


@pytest.mark.slow
def test_the_ready_line_is_printed_and_written_and_a_signal_stops_it_in_order(tmp_path):
    ready_file = tmp_path / "ready.json"
    exchange = LocalExchange(tmp_path / "data", "--ready-file", str(ready_file))
    ready = exchange.start()
    assert ready["ready"] is True
    assert json.loads(ready_file.read_text()) == ready
    assert set(ready["dialects"]) >= {"native", "binance"}
    assert exchange.stop() == 0
    assert not (exchange.data / "exchange" / "ports.json").exists()
    assert list((exchange.data / "exchange" / "snapshots").glob("*.snapshot"))


@pytest.mark.slow
def test_a_port_in_use_is_one_sentence_that_names_it(tmp_path):
    port = free_base()  # so that the ports beside it are free
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        done = subprocess.run(
            [sys.executable, "-m", "steelyard.cli.main", "exchange", "--data", tmp_path / "d",
             "--crowd", "1", "--port-base", str(port)],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert "--port-base" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    OpenExchange(tmp_path / "d", CrowdSource(7), 1).close()  # nothing has been chosen for it


def test_an_older_directory_is_one_sentence(tmp_path):
    directory = tmp_path / "d" / "exchange"
    directory.mkdir(parents=True)
    (directory / "format").write_text("0\n")
    done = subprocess.run(
        [sys.executable, "-m", "steelyard.cli.main", "exchange", "--data", tmp_path / "d",
         "--port-base", "0"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "data format 0" in done.stderr
