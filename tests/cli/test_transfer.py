from decimal import Decimal

import pytest
from exchange_here import ExchangeHere

from steelyard.cli.main import run
from steelyard.cli.transfer import parse_call
from steelyard.domain.errors import UsageError
from steelyard.exchange.bookkeeping import EndTransfer, ListTransfers, OpenTransfers


@pytest.mark.slow
def test_transfers_are_asked_for_and_decided_on_a_running_and_on_a_stopped_exchange(
    tmp_path, capsys
):
    exchange = ExchangeHere(tmp_path / "data", "--crowd", "1")
    exchange.steelyard("account", "create", "ann", "--deposit", "USDT=10")
    exchange.steelyard("account", "transfer", "ann", "USDT=-4", "BTC=1")
    with exchange:
        balances = exchange.steelyard("account", "balance", "ann")["balances"]
        assert balances == {"USDT": {"free": "6", "held": "4"}}
        exchange.steelyard("account", "transfer", "ann", "confirm", "2")
        running = exchange.steelyard("account", "transfer", "ann", "cancel", "1")
    assert [t["state"] for t in running["transfers"]] == ["canceled", "done"]
    assert exchange.steelyard("account", "transfer", "ann", "list") == running
    assert run(["account", "transfer", "ann", "--data", str(exchange.data)]) == 0
    said = capsys.readouterr().out
    assert "withdrawal" in said
    assert "canceled" in said
    assert run(["account", "transfer", "ann", "USDT=-11", "--data", str(exchange.data)]) == 2
    assert "ann has 10 USDT free, not 11" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "call"),
    [
        ((), ListTransfers("ann")),
        (("list",), ListTransfers("ann")),
        (("confirm", "3"), EndTransfer("ann", 3, done=True)),
        (("cancel", "3"), EndTransfer("ann", 3, done=False)),
        (("usdt=-5",), OpenTransfers("ann", {"USDT": Decimal(-5)})),
        (("BTC=1", "USDT=-5"), OpenTransfers("ann", {"BTC": Decimal(1), "USDT": Decimal(-5)})),
    ],
)
def test_words_are_a_call(words, call):
    assert parse_call("ann", words) == call


@pytest.mark.parametrize(
    "words",
    [
        ("confirm",),
        ("confirm", "x"),
        ("confirm", "-1"),
        ("undo", "1"),
        ("USDT",),
        ("USDT=1", "list"),
    ],
)
def test_other_words_are_answered_with_those_there_are(words):
    with pytest.raises(UsageError, match="confirm ID"):
        parse_call("ann", words)


def test_an_asset_twice_is_refused():
    with pytest.raises(UsageError, match="each asset once"):
        parse_call("ann", ("USDT=1", "USDT=2"))
