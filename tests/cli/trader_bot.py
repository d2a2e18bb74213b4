"""A bot in the test's own process, on an exchange in another, for tests of the trader's roof."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from steelyard.cli.administration import administer
from steelyard.cli.trader_process import TraderProcess, TraderSettings
from steelyard.domain.messages import Scope
from steelyard.exchange.admin import CreateAccount, CreateKey
from steelyard.testing import LocalExchange
from steelyard.trading.config import parse_config
from steelyard.trading.strategy import Strategy, Timer
from steelyard.wire.dialect import ApiKey

CONFIG = """
[bot]
name = "{name}"
environment = "sandbox"
[venue.main]
dialect = "{dialect}"
rest = "{rest}"
ws = "{ws}"
key = "env:UNUSED"
[strategy]
class = "tests.cli.trader_bot:{strategy}"
symbol = "BTC-USDT"
[risk]
max_order_notional = "100000"
max_position = "5"
max_open_orders = 20
price_collar = "20%"
"""


class Idle(Strategy):
    """Does nothing."""


class Rester(Strategy):
    """Puts three orders far below the market, once."""

    placed = False

    def on_start(self) -> None:
        self.every("50ms")

    def on_timer(self, timer: Timer) -> None:
        bid = self.book.best_bid
        if not self.placed and not self.open_orders and bid is not None:
            self.placed = True
            for below in (500, 600, 700):
                self.buy("0.01", bid - below)


class Interrupted(Rester):
    """Somebody presses Ctrl-C while it is made, which is before the journal is replayed."""

    def __init__(self) -> None:
        super().__init__()
        os.kill(os.getpid(), signal.SIGINT)


class Taker(Strategy):
    """Buys at the market, once."""

    placed = False

    def on_start(self) -> None:
        self.every("50ms")

    def on_timer(self, timer: Timer) -> None:
        if not self.placed:
            self.placed = True
            self.buy("0.01")


class Faulty(Rester):
    """Raises after it has placed its orders."""

    def on_timer(self, timer: Timer) -> None:
        super().on_timer(timer)
        if len(self.open_orders) == 3:
            raise RuntimeError("my own fault")


def settings(
    exchange: LocalExchange, strategy: str, name: str, dialect: str = "binance", **more: Any
) -> TraderSettings:
    """Return what a bot with an account of its own is started with."""
    accounts = administer(exchange.data, CreateAccount(name, {"USDT": 100_000}))
    assert accounts
    key = administer(exchange.data, CreateKey(name, dialect, (Scope.READ, Scope.TRADE)))
    text = CONFIG.format(
        name=name,
        dialect=dialect,
        rest=exchange.url(dialect),
        ws=exchange.url(dialect, "ws"),
        strategy=strategy,
    )
    api_key = ApiKey(key["key"], key["secret"].encode(), key["passphrase"])
    return TraderSettings(parse_config(text), exchange.data, api_key, **more)


@asynccontextmanager
async def running(what: TraderSettings) -> AsyncIterator[TraderProcess]:
    """A started bot; it is closed, not stopped, at the end."""
    process = TraderProcess(what)
    try:
        await process.start()
        yield process
    finally:
        await process.close()


async def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    """Wait until something is so."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to be")


class Mover(Strategy):
    """Buys, keeps a stop behind it, and makes an order in the book smaller, once each."""

    step = 0

    def on_start(self) -> None:
        self.every("50ms")

    def on_timer(self, timer: Timer) -> None:
        bid = self.book.best_bid
        if bid is None:
            return
        resting = [order for order in self.open_orders if order.was_seen]
        match self.step:
            case 0:
                self.buy("0.01")
                tick = self.instrument.tick_size
                below = (bid / 2 / tick).to_integral_value() * tick
                self.protect(below, below - tick)
            case 1:
                self.buy("0.02", bid - 500)
            case 2 if resting:
                self.amend(resting[0], size="0.01")
            case 2:
                return  # it is not confirmed yet
            case _:
                return
        self.step += 1


class Pendulum(Strategy):
    """Buys and sells in turn, at the market, and now and then joins the best bid for a while."""

    class Params(Strategy.Params):
        """How much."""

        size: Decimal = Decimal("0.01")

    turns = 0

    def on_start(self) -> None:
        self.every("500ms")

    def on_timer(self, timer: Timer) -> None:
        self.turns += 1
        if self.turns % 2:
            self.buy(self.params.size)
        else:
            self.sell(self.params.size)
        if self.turns % 6 == 1:
            self.cancel_all()
            assert self.book.best_bid is not None
            self.buy(self.params.size, self.book.best_bid, post_only=True)
