import pytest
from exchange_here import ExchangeHere

from steelyard.cli.main import run
from steelyard.exchange.statement import Statements


@pytest.mark.slow
def test_the_books_balance_on_a_running_and_on_a_stopped_exchange(tmp_path, capsys):
    """With orders, trades and transfers behind them, and after a kill -9."""
    with ExchangeHere(tmp_path / "data", "--crowd", "1") as exchange:
        exchange.steelyard("account", "create", "ann", "--deposit", "USDT=1000", "BTC=1")
        exchange.steelyard("account", "transfer", "ann", "USDT=-5", "BTC=2")
        running = exchange.steelyard("exchange", "audit")
        exchange.kill()
    assert running["balanced"] is True
    assert running["assets"]["USDT"]["held"] == "5"
    stopped = exchange.steelyard("exchange", "audit")
    assert {**stopped, "state_hash": ""} == {**running, "state_hash": ""}
    assert run(["exchange", "audit", "--data", str(exchange.data)]) == 0
    said = capsys.readouterr().out
    assert "the books balance" in said
    assert "pending deposits 2" in said


def test_books_that_are_off_are_exit_code_1_with_the_first_difference(
    tmp_path, capsys, monkeypatch
):
    """A statement that misses a deposit, as a bug in ours would leave it."""
    data = str(tmp_path / "data")
    monkeypatch.setattr(Statements, "transferred", lambda *_: None)
    assert run(["account", "create", "ann", "--deposit", "USDT=7", "BTC=1", "--data", data]) == 0
    capsys.readouterr()
    assert run(["exchange", "audit", "--data", data]) == 1
    said = capsys.readouterr().out
    assert "THE BOOKS ARE OFF: the statement of 'ann' ends in 0 BTC, but it has 1 BTC" in said
    assert "and 1 more" in said


@pytest.mark.parametrize("words", [("exchange", "audti"), ("exchange", "7")])
def test_a_word_that_is_no_command_does_not_start_an_exchange(words, tmp_path):
    assert run([*words, "--data", str(tmp_path / "none")]) == 2
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("exchange", "audit"),
        ("account", "list"),
        ("account", "deposit", "ann", "USDT=1"),
        ("key", "list"),
    ],
)
def test_a_look_at_a_wrong_path_begins_no_exchange(words, tmp_path, capsys):
    """An audit of nothing must not say that the books balance."""
    data = tmp_path / "typo"
    assert run([*words, "--data", str(data)]) == 2
    assert f"there is no exchange in {data} yet" in capsys.readouterr().err.replace("\n", " ")
    assert not data.exists()
