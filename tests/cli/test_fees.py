from decimal import Decimal

import pytest
from exchange_here import ExchangeHere

from steelyard.cli.fees import parse_tier
from steelyard.cli.main import run
from steelyard.exchange.operation import Tier


@pytest.mark.slow
def test_fees_are_set_assigned_and_listed_on_a_running_and_on_a_stopped_exchange(tmp_path, capsys):
    exchange = ExchangeHere(tmp_path / "data", "--crowd", "1")
    exchange.steelyard("account", "create", "ann")
    exchange.steelyard("fees", "set", "1", "0:0.1%:0.1%", "1000000:-0.005%:0.04%")
    with exchange:
        exchange.steelyard("fees", "assign", "ann", "1")
        token = ("SOL", "--quote", "USDT", "--price", "150", "--discount", "25%")
        exchange.steelyard("fees", "token", *token)
        running = exchange.steelyard("fees", "list")
    assert running == exchange.steelyard("fees", "list")
    assert running["accounts"][0]["schedule"] == 1
    assert running["schedules"][0]["tiers"][1]["maker_rate"] == "-0.00005"
    assert running["tokens"][0]["token_per_quote"] == "0.00666667"
    assert run(["fees", "list", "--data", str(exchange.data)]) == 0
    said = capsys.readouterr().out
    assert "maker -0.005% · taker 0.04%" in said
    assert "ann  maker 0.1% · taker 0.1% · schedule 1" in said
    own = exchange.steelyard("fees", "assign", "ann", "--maker", "-0.01%", "--taker", "0.05%")
    assert own["accounts"][0]["maker_rate"] == "-0.0001"


def test_a_tier_is_read():
    assert parse_tier("1e6:-0.005%:0.04%") == Tier(Decimal(1_000_000), -5_000, 40_000)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "1", "0:0.1%"), "should be VOLUME:MAKER:TAKER"),
        (("set", "1", "0:0.1:0.1"), "write a percentage: 0.1%"),
        (("set", "1", "0:0.1%:0.00000001%"), "finer than 0.000001%"),
        (("set", "1", "x:0.1%:0.1%"), "not a decimal number"),
        (("set", "1"), "1 to 16 tiers"),
        (("assign", "nobody", "1"), "no account 'nobody'"),
        (("token", "SOL", "--price", "1"), "--quote"),
    ],
)
def test_what_cannot_be_done_is_said_and_is_exit_code_2(exchange, words, said, capsys):
    assert run(["fees", *words, "--data", str(exchange.data)]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
