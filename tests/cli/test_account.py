import pytest
from exchange_here import ExchangeHere


@pytest.mark.slow
def test_accounts_work_alike_on_a_running_and_on_a_stopped_exchange(tmp_path):
    stopped = ExchangeHere(tmp_path / "data")
    made = stopped.steelyard("account", "create", "ann", "--deposit", "USDT=10", "BTC=0.5")
    assert made["balances"]["BTC"] == {"free": "0.5", "held": "0"}
    stopped.steelyard("account", "deposit", "ann", "USDT=2.5")
    with stopped as running:
        assert running.steelyard("account", "balance", "ann")["balances"]["USDT"]["free"] == "12.5"
        running.steelyard("account", "create", "ben")
    names = [a["account"] for a in stopped.steelyard("account", "list")["accounts"]]
    assert names == ["ann", "ben"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create", "dup"), "there is an account 'dup' already"),
        (("create", "eve", "--deposit", "USDT"), "ASSET=AMOUNT"),
        (("create", "eve", "--deposit", "USDT=-1"), "must be positive"),
        (("deposit", "nobody", "USDT=1"), "no account 'nobody'"),
        (("deposit", "dup"), "say how much of what: steelyard account deposit dup USDT=500"),
    ],
)
def test_what_cannot_be_done_is_said(exchange, arguments, words):
    names = [a["account"] for a in exchange.steelyard("account", "list")["accounts"]]
    if "dup" not in names:
        exchange.steelyard("account", "create", "dup")
    with pytest.raises(RuntimeError, match=words):
        exchange.steelyard("account", *arguments)
