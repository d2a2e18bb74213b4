import pytest
from exchange_here import ExchangeHere

from steelyard.cli.main import run


@pytest.mark.slow
def test_a_market_is_halted_on_a_running_exchange_and_opened_on_a_stopped_one(tmp_path, capsys):
    exchange = ExchangeHere(tmp_path / "data", "--crowd", "1")
    with exchange:
        halted = exchange.steelyard(
            "exchange", "market", "BTC-USDT", "--state", "halted", "--mark", "60000.5"
        )
        assert (halted["state"], halted["mark"]) == ("halted", "60000.50")
        status = exchange.steelyard("status")["exchange"]
        assert status["restricted"] == {"BTC-USDT": "halted"}
        assert run(["status", "--data", str(exchange.data)]) == 0
        assert "BTC-USDT is halted" in capsys.readouterr().out
    rules = ("--state", "open", "--band", "5%", "--orders-max", "9", "--notional-max", "1e6")
    exchange.steelyard("exchange", "market", "BTC-USDT", *rules)
    with exchange:
        shown = exchange.steelyard("exchange", "market", "BTC/USDT")
    assert {what: shown[what] for what in ("state", "mark", "band", "orders_max")} == {
        "state": "open", "mark": "60000.50", "band": "0.05", "orders_max": 9,
    }  # fmt: skip
    assert run(["exchange", "market", "BTC-USDT", "--data", str(exchange.data)]) == 0
    said = capsys.readouterr().out
    for words in ("BTC-USDT open", "mark 60000.50", "band 5%", "9 open orders", "to 1000000"):
        assert words in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("DOGE-USDT",), "no instrument 'DOGE-USDT'"),
        (("BTC-USDT", "--state", "shut"), "post-only"),
        (("BTC-USDT", "--mark", "0.001"), "not a multiple of tick_size"),
        (("BTC-USDT", "--band", "5"), "write a percentage: 0.1%"),
        (("BTC-USDT", "--orders-max", "-1"), "from 0"),
    ],
)
def test_what_cannot_be_done_is_said_and_is_exit_code_2(exchange, options, words, capsys):
    assert run(["exchange", "market", *options, "--data", str(exchange.data)]) == 2
    assert words in " ".join(capsys.readouterr().err.split())
