"""SIGKILL under load, again and again: everything that was acknowledged is there afterwards."""

import random
import shutil
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest
from native_client import CLOCK, Client, Refused

from steelyard.cli.opening import OpenExchange
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import FillsQuery, OrderQuery
from steelyard.testing import LocalExchange

pytestmark = [pytest.mark.slow, pytest.mark.serial, pytest.mark.timeout(1200)]

KILLS, MANY_KILLS = 6, 50
CLIENTS = 4
ALL_REPLAYED = 5


class Load(threading.Thread):
    """Places and cancels until the exchange is gone; remembers what it was told."""

    def __init__(self, url: str, key: dict, number: int, seed: int) -> None:
        super().__init__()
        self.client = Client(url, key)
        self.rng = random.Random(seed)
        self.name = f"{seed}-{number}"
        self.placed: dict[str, dict] = {}
        self.canceled: set[str] = set()

    def run(self) -> None:
        number = 0
        while True:
            number += 1
            try:
                self.step(f"{self.name}-{number}")
            except Refused:
                continue
            except OSError:
                self.client.close()
                return
            except Exception as error:
                if type(error).__module__ in ("http.client", "json.decoder"):
                    self.client.close()
                    return
                raise

    def step(self, client_order_id: str) -> None:
        choice = self.rng.random()
        resting = [i for i, order in self.placed.items() if i not in self.canceled]
        if choice < 0.3 and resting:
            victim = self.rng.choice(resting)
            order_id = self.placed[victim]["order_id"]
            self.client.ask("DELETE", f"/api/v1/orders/{order_id}")
            self.canceled.add(victim)
            return
        side = self.rng.choice(("buy", "sell"))
        price = None if choice > 0.7 else str(self.rng.randrange(60_000, 62_500))
        order = self.client.place(side, "0.001", price, client_order_id=client_order_id)
        self.placed[client_order_id] = order


def replayed_hash(data: Path, scratch: Path) -> int:
    """Return the state hash that all records lead to, without any snapshot."""
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(data, scratch)
    shutil.rmtree(scratch / "exchange" / "snapshots")
    alone = OpenExchange(scratch, None, CLOCK.now_ns())
    alone.close()
    return alone.exchange.engine.state_hash()


@pytest.mark.parametrize("kills", [KILLS, pytest.param(MANY_KILLS, marks=pytest.mark.night)])
def test_kills_under_load_lose_nothing_that_was_acknowledged(tmp_path, kills):
    """Decision 4: no event leaves before its command is on disk."""
    rng = random.Random(50)
    data = tmp_path / "data"
    exchange = LocalExchange(data, "--crowd", "3", "--limits", "off")
    exchange.start()
    keys = [
        exchange.trader(f"load-{n}", {"USDT": "1000000", "BTC": "10"}, dialect="native")
        for n in range(CLIENTS)
    ]
    acknowledged = canceled = 0
    for kill in range(kills):
        if kill:
            exchange.start()
        url = exchange.url("native")
        loads = [Load(url, key, n, kill) for n, key in enumerate(keys)]
        for load in loads:
            load.start()
        time.sleep(rng.uniform(0.05, 0.6))
        exchange.kill()
        for load in loads:
            load.join(20)
            assert not load.is_alive()

        opened = OpenExchange(data, None, CLOCK.now_ns())
        # All records from the first one take longer with every life: each time at first, then
        # every tenth; in between it is the newest snapshot and what came after.
        if kill < ALL_REPLAYED or kill % 10 == 0:
            replayed = replayed_hash(data, tmp_path / "replay")
            assert opened.exchange.engine.state_hash() == replayed
        assert not any(opened.exchange.engine.totals().values())
        for load, key in zip(loads, keys, strict=True):
            account = opened.exchange.keys.find(key["key"]).created.account_id
            check_account(opened, account, load)
            acknowledged += len(load.placed)
            canceled += len(load.canceled)
        if kill % 3 == 0:
            opened.save_snapshot(opened.exchange.snapshot())
        opened.close()
    assert acknowledged > 10 * kills, "there was hardly any load"
    assert canceled > kills
    print(f"{kills} kills, {acknowledged} acknowledged orders, {canceled} cancels")


def check_account(opened: OpenExchange, account: int, load: Load) -> None:
    history = opened.exchange.history
    for client_order_id, told in load.placed.items():
        order = history.order(OrderQuery(account, client_order_id=client_order_id))
        assert order is not None, f"{client_order_id} was acknowledged and is gone"
        assert str(order.order_id) == str(told["order_id"])
        if client_order_id in load.canceled:
            assert order.state is OrderState.CANCELED
        fills = {
            (fill.trade_id, fill.size_lots)
            for fill in history.fills(FillsQuery(account, 1_000, order_id=order.order_id))
        }
        for fill in told["fills"]:
            lots = opened.exchange.listings.symbol("BTC-USDT").size_lots
            assert (int(fill["trade_id"]), lots(Decimal(fill["size"]))) in fills
