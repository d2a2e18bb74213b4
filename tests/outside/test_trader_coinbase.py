"""The trader on coinbase-exchange: the same configuration, but for the dialect's line."""

import os
import subprocess
import sys
import time
from decimal import Decimal

import pytest
from bot_process import ALWAYS, CONFIG, DIP_BUYER, TRADE, WAIT_S

pytestmark = pytest.mark.slow

ACCOUNT, DIALECT = "coinbase-bot", "coinbase-exchange"


def test_one_line_makes_a_strategy_trade_here(exchange, tmp_path):
    key = exchange.trader(ACCOUNT, {"USDT": "50000"}, dialect=DIALECT)
    rest, ws = exchange.url(DIALECT), exchange.url(DIALECT, "ws")
    text = CONFIG.format(
        name="cb", on_stop="cancel", rest=rest, ws=ws, strategy=DIP_BUYER, params=ALWAYS
    )
    config = tmp_path / "cb.toml"
    config.write_text(text.replace('dialect = "binance"', f'dialect = "{DIALECT}"'))
    secrets = {name.upper(): key[name] for name in ("key", "secret", "passphrase")}
    told = tmp_path / "told"
    with told.open("w") as output:
        running = subprocess.Popen(
            [sys.executable, *TRADE, str(config), "--data", str(tmp_path / "bots")],
            env={**os.environ, **{f"BOT_{name}": value for name, value in secrets.items()}},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            bought = Decimal(0)
            for _ in range(WAIT_S):
                balances = exchange.steelyard("account", "balance", ACCOUNT)["balances"]
                bought = Decimal(balances.get("BTC", {"free": "0"})["free"])
                if bought >= Decimal("0.003") or running.poll() is not None:
                    break
                time.sleep(1)
        finally:
            running.terminate()
            code = running.wait(WAIT_S)
    assert bought >= Decimal("0.003"), told.read_text()
    assert code == 0, told.read_text()
    assert "book" not in told.read_text(), "its book was not right all the time"
