import csv
import json
from decimal import Decimal
from io import StringIO

import pytest
from exchange_here import ExchangeHere

from steelyard.cli.main import run


@pytest.mark.slow
def test_a_statement_ends_in_the_balance_running_and_stopped(tmp_path, capsys):
    with ExchangeHere(tmp_path / "data", "--crowd", "1") as exchange:
        exchange.steelyard("account", "create", "ann", "--deposit", "USDT=1000.000000000001")
        exchange.steelyard("account", "deposit", "ann", "USDT=2", "BTC=0.5")
        exchange.steelyard("account", "transfer", "ann", "USDT=-3")
        exchange.steelyard("account", "transfer", "ann", "confirm", "1")
        running = exchange.steelyard("account", "statement", "ann")
    assert running == exchange.steelyard("account", "statement", "ann")
    assert [(line["what"], line["asset"], line["amount"]) for line in running["lines"]] == [
        ("deposit", "USDT", "1000.000000000001"),
        ("deposit", "USDT", "2"),
        ("deposit", "BTC", "0.5"),
        ("withdrawal", "USDT", "-3"),
    ]
    balances = exchange.steelyard("account", "balance", "ann")["balances"]
    assert running["closing"] == {asset: each["free"] for asset, each in balances.items()}
    only = exchange.steelyard("account", "statement", "ann", "--asset", "BTC", "--since", "1h")
    assert [line["balance"] for line in only["lines"]] == ["0.5"]
    later = exchange.steelyard("account", "statement", "ann", "--since", "2199-01-01")
    assert (later["lines"], later["opening"]) == ([], running["closing"])

    capsys.readouterr()
    assert run(["account", "statement", "ann", "--csv", "--data", str(exchange.data)]) == 0
    rows = [*csv.DictReader(StringIO(capsys.readouterr().out))]
    assert [Decimal(row["balance"]) for row in rows] == [
        Decimal(line["balance"]) for line in running["lines"]
    ]
    assert rows[0]["time"].endswith("Z")
    assert rows[3]["transfer_id"] == "1"
    assert run(["account", "statement", "ann", "--data", str(exchange.data)]) == 0
    assert "closing 999.000000000001 USDT" in capsys.readouterr().out


@pytest.mark.slow
def test_a_long_statement_comes_in_pages_and_is_shown_as_one(tmp_path, capsys, monkeypatch):
    exchange = ExchangeHere(tmp_path / "data")
    deposits = ["USDT=1", "BTC=2", "ETH=3", "SOL=4", "USD=5"]
    exchange.steelyard("account", "create", "ann", "--deposit", *deposits)
    whole = exchange.steelyard("account", "statement", "ann")
    monkeypatch.setattr("steelyard.cli.statement.PAGE", 2)
    assert run(["account", "statement", "ann", "--json", "--data", str(exchange.data)]) == 0
    assert json.loads(capsys.readouterr().out) == whole
    assert len(whole["lines"]) == 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("nobody",), "no account 'nobody'"),
        (("ann-of-statements", "--asset", "DOGE"), "no asset 'DOGE'"),
        (("ann-of-statements", "--since", "yesterday"), "24h (ago)"),
    ],
)
def test_what_cannot_be_done_is_said_and_is_exit_code_2(exchange, options, words, capsys):
    names = [a["account"] for a in exchange.steelyard("account", "list")["accounts"]]
    if "ann-of-statements" not in names:
        exchange.steelyard("account", "create", "ann-of-statements")
    assert run(["account", "statement", *options, "--data", str(exchange.data)]) == 2
    assert words in capsys.readouterr().err
