"""The books of a whole exchange, traded on over its real API, killed and started again."""

import time
from contextlib import suppress
from decimal import Decimal
from random import Random

import pytest
from exchange_here import ExchangeHere
from native_client import Client, Refused

pytestmark = pytest.mark.slow

ORDERS = 120
TRADED_S = 20  # the longest that the crowd's first trade is waited for


def trade(client, random, last):
    """Place orders around the market, some of which trade with the crowd at once."""
    for _ in range(ORDERS):
        side = random.choice(["buy", "sell"])
        price = (last + random.randrange(-40, 40) / Decimal(10)).quantize(Decimal("0.01"))
        size = f"0.00{random.randrange(100, 999)}"
        terms = random.choice(
            [{}, {}, {"post_only": True}, {"time_in_force": "ioc"}, {"time_in_force": "fok"}]
        )
        with suppress(Refused):
            client.place(side, size, *([] if random.random() < 0.2 else [str(price)]), **terms)


def first_price(exchange):
    """Return what the crowd trades at, once it has."""
    end = time.monotonic() + TRADED_S
    while (last := exchange.steelyard("exchange", "market", "BTC-USDT")["last"]) is None:
        assert time.monotonic() < end, "the crowd does not trade"
    return Decimal(last)


def in_order(exchange):
    """Audit the books; return what they sum up to."""
    found = exchange.steelyard("exchange", "audit")
    assert found["balanced"], found["differences"]
    return found


def test_the_books_are_right_while_it_trades_after_a_kill_and_after_a_restart(tmp_path):
    """Tiers with a rebate, a pending withdrawal, a halt in between; statements end in balances."""
    random = Random(5)
    with ExchangeHere(tmp_path / "data", "--crowd", "5", "--limits", "off") as exchange:
        key = exchange.trader("ann", {"USDT": "100000", "BTC": "2"}, dialect="native")
        exchange.steelyard("fees", "set", "1", "0:-0.01%:0.07%")
        exchange.steelyard("fees", "assign", "ann", "1")
        client = Client(exchange.url("native"), key)
        last = first_price(exchange)
        for step in range(6):  # whatever the crowd does, these rest
            client.place("buy", "0.001", str((last / 2 + step).quantize(Decimal(1))))
        trade(client, random, last)
        running = in_order(exchange)
        assert running["open_orders"] > 5
        assert Decimal(running["assets"]["USDT"]["fees"]) != 0
        exchange.steelyard("account", "transfer", "ann", "USDT=-1.5")
        exchange.steelyard("exchange", "market", "BTC-USDT", "--state", "halted")
        with pytest.raises(Refused, match="halted"):
            client.place("buy", "0.01", str(last))
        exchange.steelyard("exchange", "market", "BTC-USDT", "--state", "open")
        trade(client, random, last)
        before = in_order(exchange)
        client.close()
        exchange.kill()
        killed = in_order(exchange)
        assert killed["open_orders"] <= before["open_orders"]
        exchange.start()
        in_order(exchange)
        assert exchange.stop() == 0
    in_order(exchange)
    statement = exchange.steelyard("account", "statement", "ann")
    balances = exchange.steelyard("account", "balance", "ann")["balances"]
    for asset, balance in balances.items():
        lines = [line for line in statement["lines"] if line["asset"] == asset]
        total = Decimal(balance["free"]) + Decimal(balance["held"])
        assert Decimal(lines[-1]["balance"]) == total == Decimal(statement["closing"][asset])
        assert sum(Decimal(line["amount"]) for line in lines) == total
    assert {"trade", "fee", "deposit"} <= {line["what"] for line in statement["lines"]}
