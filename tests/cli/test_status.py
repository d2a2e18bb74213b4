import pytest
from exchange_here import ExchangeHere

from steelyard.cli.main import run
from steelyard.cli.standby import StandbyFile


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


def test_who_stands_by_is_shown(tmp_path, capsys):
    waiting = StandbyFile(tmp_path, "dip")
    waiting.say("a (process 1) trades dip")
    try:
        run(["status", "--data", str(tmp_path)])
    finally:
        waiting.close()
    assert "dip stands by" in (said := capsys.readouterr().out)
    assert "a (process 1) trades dip" in said
