"""SIGKILL of a trader between every two records of a session, over real sockets."""

import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from bot_process import Bot, config_text, journal_of, open_account

from steelyard.cli.opening import OpenExchange
from steelyard.domain.journal import Record
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import FillsQuery, OrdersQuery
from steelyard.net.clock import Clock
from steelyard.testing import LocalExchange
from steelyard.trading.records import OrderPending, RunStopped, TimerFired
from steelyard.trading.state import TraderState

pytestmark = [pytest.mark.slow, pytest.mark.serial, pytest.mark.timeout(400)]

DYING = str(Path(__file__).resolve().parent.parent / "shared" / "dying_trader.py")
SLOTS = 3
AT_ONCE = 8
USDT = 50_000
ATOM = 10**12


class Run(NamedTuple):
    """One bot that was killed once and started again."""

    point: str
    name: str
    key: dict[str, Any]
    was_killed: bool
    last: str  # the kind of the last record on disk when it died


def session(bot: Bot, point: str) -> bool:
    """Trade some slots with a trader that dies at a point; return whether it did."""
    bot.launch(DYING, more=(point,))
    file = bot.data / "bots" / bot.name / "bot.log"
    last = time.monotonic() + 60
    while bot.process.poll() is None:
        if file.exists() and file.read_text().count(" info    fill ") >= SLOTS:
            return bot.stop() != 0
        assert time.monotonic() < last, bot.errors.read_text()
        time.sleep(0.1)
    assert bot.join() == -9, bot.errors.read_text()
    return True


def count_records(exchange: LocalExchange, data: Path) -> int:
    """Return how many records a session has in which nothing goes wrong."""
    key = open_account(exchange, "whole", usdt=USDT)
    bot = Bot(data, config_text(exchange, "whole"), key, "whole")
    try:
        assert not session(bot, "after:1000000")
    finally:
        bot.end()
    return len(bot.journal())


def kill_and_restart(exchange: LocalExchange, data: Path, point: str) -> Run:
    """Let a bot die, start it again, and stop it after it has compared and traded once more."""
    name = point.replace(":", "-")
    key = open_account(exchange, name, usdt=USDT)
    bot = Bot(data, config_text(exchange, name), key, name)
    try:
        was_killed = session(bot, point)
        records = journal_of(data, name)
        bot.start()
        known = len(bot.wait(lambda s: s["status"] == "running")["fills"])
        bot.wait(lambda s: len(s["fills"]) > known)
        assert bot.stop() == 0
    finally:
        bot.end()
    return Run(point, name, key, was_killed, type(records[-1][1]).__name__ if records else "none")


def test_a_trader_killed_anywhere_doubles_no_order_and_knows_its_position(tmp_path):
    """Decision 5: journaled before the first byte leaves, and unknown is found out, not guessed."""
    data = tmp_path / "bots-data"
    data.mkdir()
    with LocalExchange(tmp_path / "data", "--crowd", "1", "--limits", "off") as exchange:
        records = count_records(exchange, data)
        points = [f"{kind}:{n}" for n in range(1, records + 1) for kind in ("after", "before")]
        points += [
            f"{kind}:{n}" for n in range(1, SLOTS + 1) for kind in ("unsent", "sent", "answered")
        ]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            runs = [*pool.map(lambda point: kill_and_restart(exchange, data, point), points)]
    killed = [run for run in runs if run.was_killed]
    opened = OpenExchange(exchange.data, None, Clock().now_ns())
    try:
        for run in runs:
            check(opened, data, run)
    finally:
        opened.close()
    print(f"{records} records, {len(killed)} kills, last on disk:", Counter(r.last for r in killed))
    # A session may be a record shorter than the first; no more than that may have got away.
    assert len(killed) >= len(runs) - 4, [run.point for run in runs if not run.was_killed]
    kinds = {"RunStarted", "InstrumentSeen", "TimerFired", "OrderPending", "OrderSent", "OrderSeen"}
    assert kinds | {"FillSeen"} <= {run.last for run in killed}


def check(opened: OpenExchange, data: Path, run: Run) -> None:
    """Compare a bot's journal with the exchange's own books."""
    history = opened.exchange.history
    account = opened.exchange.keys.find(run.key["key"]).created.account_id
    journal = journal_of(data, run.name)
    intents = check_slots([message for _, message in journal], run)

    orders = history.orders(OrdersQuery(account, 1_000))
    names = [order.client_order_id for order in orders]
    assert len(set(names)) == len(names), f"{run.point}: an id was used twice"
    assert set(names) <= set(intents), f"{run.point}: an order that nobody knows"
    assert not any(order.state.is_open for order in orders), f"{run.point}: an order is left open"

    state = TraderState()
    for sequence, (time_ns, message) in enumerate(journal, 1):
        state.replay(Record(sequence, time_ns, message))
    assert not state.orders.open
    there = {order.client_order_id: (order.state, order.filled_lots) for order in orders}
    for own in state.orders:
        if own.client_order_id in there:
            assert (own.state, own.filled_lots) == there[own.client_order_id], run.point
        else:
            assert own.state is OrderState.ABSENT, f"{run.point}: {own}"
    fills = {fill.trade_id for fill in history.fills(FillsQuery(account, 1_000))}
    assert {fill.trade_id for fill in state.recent_fills} == fills, run.point

    portfolio = state.portfolio
    instrument = portfolio.instrument
    balances = opened.exchange.engine.balances(account)
    base, quote = balances[instrument.base_asset_id], balances[instrument.quote_asset_id]
    assert (base.held_atoms, quote.held_atoms) == (0, 0)
    assert base.free_atoms == portfolio.position_atoms, run.point
    assert quote.free_atoms - USDT * ATOM == portfolio.cash_atoms, run.point
    assert base.free_atoms > 0, "it has traded"


def check_slots(messages: list[Any], run: Run) -> list[str]:
    """Check that no slot was used twice and gave more than one order; return the orders."""
    marks = [m for m in messages if isinstance(m, TimerFired | OrderPending)]
    slots = [m.slot for m in marks if isinstance(m, TimerFired)]
    assert slots == sorted(set(slots)), f"{run.point}: a slot was used twice"
    for kind, group in groupby(marks, type):
        if kind is OrderPending:
            assert len([*group]) == 1, f"{run.point}: a slot gave two orders"
    assert not marks or isinstance(marks[0], TimerFired)
    assert isinstance(messages[-1], RunStopped)
    return [m.place.client_order_id for m in marks if isinstance(m, OrderPending)]
