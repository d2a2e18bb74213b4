"""SIGKILL of a trader between every two records of a session: real processes, disks, sockets.

Its twin in memory, with answers that are late, lost or refused, is tests/trading/test_restart.py.
"""

import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import pytest
from bot_process import config_text, journal_of, open_account
from dying_trader import PRELOADED, run

from steelyard.cli.opening import OpenExchange
from steelyard.domain.journal import Record
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import FillsQuery, OrdersQuery
from steelyard.domain.units import ATOMS_PER_UNIT
from steelyard.net.clock import Clock
from steelyard.testing import LocalExchange
from steelyard.trading.records import OrderPending, RunStarted, RunStopped, TimerFired
from steelyard.trading.state import TraderState

pytestmark = [pytest.mark.slow, pytest.mark.serial, pytest.mark.timeout(600)]

SLOTS = 3
AT_ONCE = 10  # most of their time is waiting for slots and expiries
WAIT_S = 60
USDT = 50_000
FILL = " info    fill "
OPEN = " info    trading "


class Killed(NamedTuple):
    """One bot that was killed once and started again."""

    point: str
    name: str
    key: str
    was_killed: bool
    last: str  # the kind of the last record on disk when it died


class Forked:
    """A process that is forked from a prepared one; any thread may have some of its own.

    multiprocessing looks after all children in every call, and two threads that ask after the
    same one at once are told nonsense: so one at a time.
    """

    lock = Lock()

    def __init__(self, *arguments: Any) -> None:
        with self.lock:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(PRELOADED)
            self._process = context.Process(target=run, args=arguments)
            self._process.start()

    @property
    def exit_code(self) -> int | None:
        with self.lock:
            return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.exit_code is None:
            os.kill(self._process.pid, number)

    def wait(self, is_enough: Callable[[], bool]) -> None:
        """Wait until it has ended, or something is so."""
        last = time.monotonic() + WAIT_S
        while self.exit_code is None and not is_enough():
            assert time.monotonic() < last, f"process {self._process.pid} takes too long"
            time.sleep(0.1)


class Trader:
    """One bot's processes, each forked from a prepared one."""

    def __init__(self, exchange: LocalExchange, data: Path, name: str) -> None:
        self.key = open_account(exchange, name, usdt=USDT)
        self.data, self.name = data, name
        self.config = data / f"{name}.toml"
        self.config.write_text(config_text(exchange, name))

    def run(self, point: str, is_enough: Callable[[str], bool]) -> int:
        """Run it until its log says enough, or it dies; return the exit code."""
        arguments = [str(self.config), "--port", "0", "--data", str(self.data)]
        environment = {"BOT_KEY": self.key["key"], "BOT_SECRET": self.key["secret"]}
        output = self.data / f"{self.name}.output"
        before = len(self.log())
        process = Forked(point, arguments, environment, output)
        try:
            process.wait(lambda: is_enough(self.log()[before:]))
            process.send_signal(signal.SIGTERM)
            process.wait(lambda: False)
            assert process.exit_code in {0, -signal.SIGKILL}, output.read_text()
            return process.exit_code
        finally:
            process.send_signal(signal.SIGKILL)

    def log(self) -> str:
        file = self.data / "bots" / self.name / "bot.log"
        return file.read_text() if file.exists() else ""


def has_traded(log: str) -> bool:
    return log.count(FILL) >= SLOTS


def has_traded_again(log: str) -> bool:
    return FILL in log.partition(OPEN)[2]


def kill_and_restart(exchange: LocalExchange, data: Path, point: str) -> Killed:
    """Let a bot die, start it again, and stop it when it has compared and traded once more."""
    name = point.replace(":", "-")
    trader = Trader(exchange, data, name)
    was_killed = trader.run(point, has_traded) != 0
    records = journal_of(data, name)
    last = type(records[-1][1]).__name__ if records else "none"
    assert trader.run("never", has_traded_again) == 0
    return Killed(point, name, trader.key["key"], was_killed, last)


def test_a_trader_killed_anywhere_doubles_no_order_and_knows_its_position(tmp_path):
    """Decision 5: journaled before the first byte leaves; what is unknown is found out."""
    data = tmp_path / "bots-data"
    data.mkdir()
    with LocalExchange(tmp_path / "data", "--crowd", "1", "--limits", "off") as exchange:
        assert Trader(exchange, data, "whole").run("never", has_traded) == 0
        records = len(journal_of(data, "whole"))
        points = [f"{kind}:{n}" for n in range(1, records + 1) for kind in ("after", "before")]
        points += [
            f"{kind}:{n}" for n in range(1, SLOTS + 1) for kind in ("unsent", "sent", "answered")
        ]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            runs = [*pool.map(lambda point: kill_and_restart(exchange, data, point), points)]
    opened = OpenExchange(exchange.data, None, Clock().now_ns())
    try:
        for done in runs:
            check(opened, data, done)
    finally:
        opened.close()
    killed = [done for done in runs if done.was_killed]
    print(f"{records} records, {len(killed)} kills, last on disk:", Counter(r.last for r in killed))
    # One session has a record more than another, as answer and stream come together or not.
    assert len(killed) >= len(runs) - 4, [done.point for done in runs if not done.was_killed]
    kinds = {"RunStarted", "InstrumentSeen", "TimerFired", "OrderPending", "OrderSent", "FillSeen"}
    assert kinds <= {done.last for done in killed}


def check(opened: OpenExchange, data: Path, done: Killed) -> None:
    """Compare a bot's journal with the exchange's own books."""
    history, point = opened.exchange.history, done.point
    account = opened.exchange.keys.find(done.key).created.account_id
    journal = journal_of(data, done.name)
    intents = check_slots([message for _, message in journal], point)

    orders = history.orders(OrdersQuery(account, 1_000))
    names = [order.client_order_id for order in orders]
    assert len(set(names)) == len(names), f"{point}: an id was used twice"
    assert set(names) <= set(intents), f"{point}: an order that nobody knows"
    assert not any(order.state.is_open for order in orders), f"{point}: an order is left open"

    state = TraderState()
    for sequence, (time_ns, message) in enumerate(journal, 1):
        state.replay(Record(sequence, time_ns, message))
    assert not state.orders.open, point
    there = {order.client_order_id: (order.state, order.filled_lots) for order in orders}
    for own in state.orders:
        if own.client_order_id in there:
            assert (own.state, own.filled_lots) == there[own.client_order_id], point
        else:
            assert own.state is OrderState.ABSENT, f"{point}: {own}"
    fills = {fill.trade_id for fill in history.fills(FillsQuery(account, 1_000))}
    assert {fill.trade_id for fill in state.recent_fills} == fills, point

    instrument = opened.exchange.listings.symbol("BTC-USDT")
    balances = opened.exchange.engine.balances(account)
    base, quote = balances[instrument.base_asset_id], balances[instrument.quote_asset_id]
    assert (base.held_atoms, quote.held_atoms) == (0, 0), point
    assert base.free_atoms == state.portfolio.position_atoms > 0, point
    assert quote.free_atoms - USDT * ATOMS_PER_UNIT == state.portfolio.cash_atoms, point


def check_slots(messages: list[Any], point: str) -> list[str]:
    """Check that no slot was used twice or gave more than one order; return the orders."""
    marks = [m for m in messages if isinstance(m, RunStarted | TimerFired | OrderPending)]
    slots = [m.slot for m in marks if isinstance(m, TimerFired)]
    assert slots == sorted(set(slots)), f"{point}: a slot was used twice"
    kinds = [(kind, len([*group])) for kind, group in groupby(marks, type)]
    before = RunStarted
    for kind, count in kinds:
        assert kind is not OrderPending or (before, count) == (TimerFired, 1), f"{point}: {kinds}"
        before = kind
    assert kinds[-1][0] is OrderPending, f"{point}: it did not trade again: {kinds[-6:]}"
    assert isinstance(messages[-1], RunStopped), point
    return [m.place.client_order_id for m in marks if isinstance(m, OrderPending)]
