import json
import os
import signal
import time
from decimal import Decimal

import pytest
from bot_process import ALWAYS, Bot, config_text, open_account
from native_client import Client

from steelyard.cli.administration import administer
from steelyard.domain.messages import Scope
from steelyard.exchange.admin import CreateKey
from steelyard.testing import LocalExchange
from steelyard.trading.records import (
    OrderAbsent,
    OrderPending,
    OrderUnknown,
    StrategyFailed,
    TimerFired,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

QUIET = '{ below = "1000" }'
STRATEGIES = """
from steelyard.trading.strategy import Strategy

class Rests(Strategy):
    def on_start(self):
        if not self.open_orders:
            self.buy("0.001", "30000")

class Fails(Rests):
    def on_start(self):
        super().on_start()
        self.every("1s")

    def on_timer(self, timer):
        self.buy("0.001")
        raise ZeroDivisionError("a bug of mine")
"""


@pytest.fixture
def start(exchange, tmp_path):
    """Start a bot with an account of its own, here or at another exchange."""
    bots = []
    (tmp_path / "process_strategies.py").write_text(STRATEGIES)

    def start(name: str, at: LocalExchange = exchange, key=None, **changes: str) -> Bot:
        bot = Bot(tmp_path, config_text(at, name, **changes), key or open_account(at, name), name)
        bots.append(bot)
        return bot

    yield start
    for bot in bots:
        bot.end()


def native(exchange: LocalExchange, account: str) -> Client:
    """Ask the exchange by another API than the bot does."""
    scopes = (Scope.READ, Scope.TRADE)
    key = administer(exchange.data, CreateKey(account, "native", scopes))
    return Client(exchange.url("native"), key)


def open_orders(exchange: LocalExchange, account: str) -> list[dict]:
    client = native(exchange, account)
    try:
        return client.ask("GET", "/api/v1/orders?symbol=BTC-USDT&open=true")["orders"]
    finally:
        client.close()


def check_once(bot: Bot, exchange: LocalExchange) -> None:
    """Check a stopped bot's orders against the exchange: none twice, none unknown, all there."""
    client = native(exchange, bot.name)
    try:
        orders = client.ask("GET", "/api/v1/orders?symbol=BTC-USDT&limit=1000")["orders"]
        balances = client.ask("GET", "/api/v1/account")["balances"]
    finally:
        client.close()
    messages = [message for _, message in bot.journal()]
    intents = [m.place.client_order_id for m in messages if isinstance(m, OrderPending)]
    slots = [m.slot for m in messages if isinstance(m, TimerFired)]
    absent = {m.client_order_id for m in messages if isinstance(m, OrderAbsent)}
    there = [order["client_order_id"] for order in orders]
    assert len(there) == len(set(there))
    assert len(intents) == len(set(intents)) <= len(slots) == len(set(slots))
    assert {*there} == {*intents} - absent
    filled = sum(Decimal(order["filled"]) for order in orders)
    base = {b["asset"]: Decimal(b["free"]) + Decimal(b["held"]) for b in balances}["BTC"]
    assert base == filled * Decimal("0.999"), "a tenth of a percent is the fee, in what was bought"


# -- keys ---------------------------------------------------------------------------------------


def test_a_key_that_may_withdraw_is_refused(exchange, start):
    """Decision 7: a bot must not hold what can empty the account."""
    key = open_account(exchange, "rich", Scope.READ, Scope.TRADE, Scope.WITHDRAW)
    bot = start("rich", key=key)
    bot.launch()
    assert bot.join() == 2
    assert "this key may withdraw; a bot must not hold such a key" in bot.errors.read_text()
    assert "Traceback" not in bot.errors.read_text()


def test_a_key_that_may_not_trade_is_refused(exchange, start):
    bot = start("reader", key=open_account(exchange, "reader", Scope.READ))
    bot.launch()
    assert bot.join() == 2
    assert "this key lacks the scope trade" in bot.errors.read_text()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("secret", "Signature for this request is not valid"), ("key", "Invalid Api-Key ID")],
)
def test_a_wrong_key_ends_the_start_with_the_venues_words(exchange, start, wrong, said):
    """No storm of tries: what the venue says no to, it says no to once."""
    key = {**open_account(exchange, f"wrong-{wrong}"), wrong: "x" * 64}
    bot = start(f"wrong-{wrong}", key=key, params=ALWAYS)
    bot.launch()
    assert bot.join() == 2
    errors = bot.errors.read_text()
    assert "the venue does not accept this key" in errors
    assert said in errors
    assert "Traceback" not in errors
    assert len(errors.splitlines()) < 6
    assert not [m for _, m in bot.journal() if isinstance(m, OrderPending)]


def test_a_key_that_is_revoked_meanwhile_gates_trading_and_is_no_storm(exchange, start):
    """The venue no longer knows us: no order is tried, the reason is told, tries stay few."""
    key = open_account(exchange, "revoked")
    with start("revoked", key=key, params=ALWAYS) as bot:
        bot.wait(lambda s: s["fills"])
        exchange.steelyard("key", "revoke", key["key"])
        bot.wait(lambda s: s["status"] == "gated" and "Invalid Api-Key ID" in s["reason"])
        before = bot.log()
        time.sleep(5)
        more = bot.log()[len(before) :]
        assert "buying" not in more
        assert len(more.splitlines()) < 20
        assert bot.stop() == 0


# -- stopping -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_cancels_what_is_open(exchange, start, number):
    """`on_stop = "cancel"`: nobody looks after an order once its bot is gone."""
    name = f"cancels-{number}"
    with start(name, strategy="process_strategies:Rests", params="{}") as bot:
        bot.wait(lambda s: [o for o in s["orders"] if o["state"] == "working"])
        assert len(open_orders(exchange, name)) == 1
        bot.send_signal(number)
        assert bot.join() == 0
    assert open_orders(exchange, name) == []


def test_a_stop_keeps_what_is_open_if_it_should_and_the_next_start_knows_it(exchange, start):
    """`on_stop = "keep"`: the order stays, and is the bot's own again."""
    changes = {"strategy": "process_strategies:Rests", "params": "{}", "on_stop": "keep"}
    with start("keeps", **changes) as bot:
        state = bot.wait(lambda s: [o for o in s["orders"] if o["state"] == "working"])
        assert bot.stop() == 0
        (order,) = open_orders(exchange, "keeps")
        assert order["client_order_id"] == state["orders"][0]["client_order_id"]
        bot.start()
        again = bot.wait(lambda s: s["status"] == "running")
        assert [o["client_order_id"] for o in again["orders"]] == [order["client_order_id"]]
        assert again["foreign_orders"] == 0
        assert len(open_orders(exchange, "keeps")) == 1, "not placed a second time"
        assert bot.stop() == 0


# -- what goes wrong ----------------------------------------------------------------------------


def test_a_strategy_that_raises_is_shut_out_and_its_orders_are_looked_after(exchange, start):
    """Its wishes of that call are dropped; fills and cancels of its orders are still followed."""
    with start("fails", strategy="process_strategies:Fails", params="{}") as bot:
        state = bot.wait(
            lambda s: s["status"] == "gated" and s["orders"] and s["orders"][0]["order_id"]
        )
        assert "the strategy failed: ZeroDivisionError: a bug of mine" in state["reason"]
        assert "process_strategies.py" in bot.log(), "the log has the line"
        (order,) = state["orders"]
        client = native(exchange, "fails")
        client.ask("DELETE", f"/api/v1/orders/{order['order_id']}")
        client.close()
        bot.wait(lambda s: not s["orders"])
        assert bot.stop() == 0
    failures = [m for _, m in bot.journal() if isinstance(m, StrategyFailed)]
    assert len(failures) == 1, "it was not called again"
    assert len([m for _, m in bot.journal() if isinstance(m, OrderPending)]) == 1


def test_a_bot_outlives_its_exchange(own_exchange, start):
    """Stopped, killed and started again under the bot: it compares, and goes on."""
    with start("outlives", at=own_exchange, params=ALWAYS) as bot:
        bot.wait(lambda s: s["fills"])
        for end in (own_exchange.stop, own_exchange.kill):
            end()
            bot.wait(lambda s: s["status"] == "gated")
            own_exchange.start()
            known = len(bot.wait(lambda s: s["status"] == "running")["fills"])
            bot.wait(lambda s, known=known: len(s["fills"]) > known)
        assert bot.stop() == 0
    check_once(bot, own_exchange)


def test_an_order_that_was_not_answered_is_found_out(own_exchange, start):
    """The exchange stands still for 12 s amid trading: nothing is guessed or doubled."""
    with start("patient", at=own_exchange, params=ALWAYS) as bot:
        bot.wait(lambda s: s["fills"])
        os.kill(own_exchange.pid, signal.SIGSTOP)
        try:
            time.sleep(12)
            unknown = bot.state()
        finally:
            os.kill(own_exchange.pid, signal.SIGCONT)
        # It cannot know before the time-out that nobody reads; the limits hold all the same.
        states = [order["state"] for order in unknown["orders"]]
        assert "unknown" in states
        assert {*states} <= {"unknown", "pending"}
        assert len(states) <= unknown["risk"]["max_open_orders"]
        known = len(bot.wait(lambda s: s["status"] == "running" and not s["orders"])["fills"])
        bot.wait(lambda s: len(s["fills"]) > known)
        assert bot.stop() == 0
    assert [m for _, m in bot.journal() if isinstance(m, OrderUnknown)]
    check_once(bot, own_exchange)


def test_no_secret_is_ever_written_or_shown(exchange, start):
    """Canary: in good times and bad, the secret is in memory and in signatures only."""
    key = open_account(exchange, "canary")
    with start("canary", key=key, strategy="process_strategies:Fails", params="{}") as bot:
        state = bot.wait(lambda s: s["status"] == "gated")
        shown = json.dumps([bot.ready, state])
        seen = {file: file.read_bytes() for file in bot.data.rglob("*") if file.is_file()}
        bot.ask("POST", "/kill")
        os.kill(bot.process.pid, signal.SIGABRT)  # as bad as it gets: a dump of the interpreter
        bot.join()
    seen |= {file: file.read_bytes() for file in bot.data.rglob("*") if file.is_file()}
    assert {"bot.log", "ports.json", "canary.stderr"} <= {file.name for file in seen}
    assert any(file.parent.name == "journal" for file in seen)
    assert key["secret"] not in shown
    assert [file for file, content in seen.items() if key["secret"].encode() in content] == []
