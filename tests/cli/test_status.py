import json
import os

import pytest
from exchange_here import ExchangeHere

from steelyard.cli.main import run
from steelyard.cli.standby import StandbyFile
from steelyard.store.datadir import Directory


def test_a_running_exchange_shows_that_its_books_balance(exchange):
    document = exchange.steelyard("status")
    assert document["exchange"]["market"] == "crowd"
    assert set(document["exchange"]["totals"].values()) <= {"0"}
    assert document["bots"] == []


def test_nothing_running_is_said_and_is_exit_code_1(tmp_path, capsys):
    assert run(["status", "--data", str(tmp_path)]) == 1
    assert "no exchange is running" in capsys.readouterr().out
    with pytest.raises(RuntimeError):
        ExchangeHere(tmp_path).steelyard("status")


@pytest.mark.slow
def test_an_exchange_that_was_killed_is_not_called_running(tmp_path, capsys):
    exchange = ExchangeHere(tmp_path / "data")
    exchange.start()
    exchange.kill()
    assert run(["status", "--data", str(exchange.data)]) == 1
    assert "no exchange is running" in capsys.readouterr().out


def test_a_bot_that_ended_without_a_word_is_not_called_stopped(tmp_path, capsys):
    """Its port file went with it, or is still there; one that said why was stopped."""
    for name, files in {
        "fell": {"bot": {"symbol": "BTC-USDT"}},
        "died": {"bot": {}, "ports": {"pid": 2**22 - 3, "port": 1, "token": "t"}},
        "nice": {"bot": {"symbol": "BTC-USDT"}, "ended": {"why": "SIGTERM"}},
        "odd": {"ports": {"pid": os.getpid(), "port": "x"}},
    }.items():
        directory = tmp_path / "bots" / name
        Directory(directory).close()
        for file, document in files.items():
            (directory / f"{file}.json").write_text(json.dumps(document))
    assert run(["status", "--json", "--data", str(tmp_path)]) == 1
    bots = {bot["name"]: bot for bot in json.loads(capsys.readouterr().out)["bots"]}
    assert {name: bot["status"] for name, bot in bots.items()} == {
        "fell": "gone", "died": "gone", "nice": "stopped", "odd": "silent",
    }  # fmt: skip
    assert bots["nice"]["reason"] == "SIGTERM"
    assert "its orders may be open" in bots["fell"]["reason"]


def test_who_stands_by_is_shown(tmp_path, capsys):
    waiting = StandbyFile(tmp_path, "dip")
    waiting.say("a (process 1) trades dip")
    try:
        run(["status", "--data", str(tmp_path)])
    finally:
        waiting.close()
    assert "dip stands by" in (said := capsys.readouterr().out)
    assert "a (process 1) trades dip" in said
