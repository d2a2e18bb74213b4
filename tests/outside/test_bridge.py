import json
import os
import signal
import socket
import threading
import time
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bot_process import ALWAYS, Bot, config_text, open_account
from free_ports import free_base
from native_client import Client
from nights import at_night

from steelyard.cli.administration import administer
from steelyard.domain.messages import Scope
from steelyard.exchange.admin import CreateKey
from steelyard.testing import LocalExchange
from steelyard.trading.records import OrderAbsent, OrderPending, OrderUnknown, TimerFired

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

# The dialects whose exchanges ccxt has; the library's name is the dialect's without its dash.
DIALECTS = ["binance", "coinbase-exchange", "kraken"]
MOST_AT_NIGHT = [DIALECTS[0], *at_night(*DIALECTS[1:])]
# What ccxt puts on orders of its own accord, at these exchanges.
BROKERS = {
    "binance": (b"x-TKT5PX2F", b"x-R4BD3S82", b"x-xcKtGhcu"),
    "kraken": (),
    "coinbase-exchange": (),
}

STRATEGIES = """
from steelyard.trading.strategy import Strategy

class Rests(Strategy):
    def on_start(self):
        if not self.open_orders:
            self.buy("0.001", "30000")
"""
RESTS = {"strategy": "bridge_strategies:Rests", "params": "{}"}


def ccxt_name(dialect: str) -> str:
    return "ccxt:" + dialect.replace("-", "")


def bridged(text: str, dialect: str) -> str:
    """Return a configuration with the one line changed that says how the venue is spoken to."""
    line = f'dialect = "{dialect}"'
    assert text.count(line) == 1
    return text.replace(line, f'dialect = "{ccxt_name(dialect)}"')


@pytest.fixture
def start(tmp_path):
    """Make bots with accounts of their own; end them all."""
    bots = []
    (tmp_path / "bridge_strategies.py").write_text(STRATEGIES)

    def make(at: LocalExchange, name: str, dialect: str, *, is_bridged=True, **changes: str) -> Bot:
        key = open_account(at, name, dialect=dialect)
        fields = {"rest": at.url(dialect), "ws": at.url(dialect, "ws"), **changes}
        text = config_text(at, name, **fields).replace('"binance"', f'"{dialect}"')
        bot = Bot(tmp_path, bridged(text, dialect) if is_bridged else text, key, name)
        bot.key = key
        bots.append(bot)
        return bot

    yield make
    for bot in bots:
        bot.end()


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def the_child(bot: Bot) -> int:
    (child,) = children(bot.process.pid)
    return child


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(is_so, seconds: float = 20) -> None:
    last = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < last
        time.sleep(0.05)


def account_of(exchange: LocalExchange, name: str) -> tuple[list[dict], dict[str, Decimal]]:
    """Return an account's orders and base, by another API than the bot's."""
    key = administer(exchange.data, CreateKey(name, "native", (Scope.READ,)))
    client = Client(exchange.url("native"), key)
    try:
        orders = client.ask("GET", "/api/v1/orders?symbol=BTC-USDT&limit=1000")["orders"]
        balances = client.ask("GET", "/api/v1/account")["balances"]
    finally:
        client.close()
    return orders, {b["asset"]: Decimal(b["free"]) + Decimal(b["held"]) for b in balances}


def check_once(bot: Bot, exchange: LocalExchange) -> None:
    """Check a stopped bot against the exchange: none twice, none unknown, none forgotten."""
    orders, held = account_of(exchange, bot.name)
    messages = [message for _, message in bot.journal()]
    intents = [m.place.client_order_id for m in messages if isinstance(m, OrderPending)]
    slots = [m.slot for m in messages if isinstance(m, TimerFired)]
    absent = {m.client_order_id for m in messages if isinstance(m, OrderAbsent)}
    there = [order["client_order_id"] for order in orders]
    assert len(there) == len(set(there))
    assert len(intents) == len(set(intents)) <= len(slots) == len(set(slots))
    # Our native API has names of its own for ids that are no names there.
    assert len(there) == len({*intents} - absent)
    assert {*there} == {*intents} - absent or all(name.startswith("sy-") for name in there)
    filled = sum(Decimal(order["filled"]) for order in orders)
    assert filled * Decimal("0.99") < held["BTC"] <= filled


def bought(state: dict) -> Decimal:
    """Return what all fills that are shown bought, less the fees in what was bought."""
    return sum(
        (
            Decimal(f["size"]) - (Decimal(f["fee"]) if f["fee_asset"] == "BTC" else 0)
            for f in state["fills"]
        ),
        Decimal(0),
    )


# -- trading ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", MOST_AT_NIGHT)
def test_one_line_of_a_configuration_changes_how_a_venue_is_spoken_to(exchange, start, dialect):
    """The same strategy, limits and addresses trade by our dialect and by the bridge.

    By the bridge sizes and fees arrive exactly: the sum of the fills is what the account has. On
    the wire orders carry our id and nobody else's mark.
    """
    texts = []
    with relay(exchange.url(dialect)) as (address, seen):
        changes = {"rest": f"http:{address}", "ws": f"ws:{address}", "params": ALWAYS}
        for is_bridged in (False, True):
            seen.clear()
            name = f"line-{dialect}-{is_bridged:d}"
            with start(exchange, name, dialect, is_bridged=is_bridged, **changes) as bot:
                texts.append(bot.file.read_text().replace(name, ""))
                state = bot.wait(lambda s: len(s["fills"]) >= 3)
                assert state["status"] == "running"
                assert bot.stop() == 0
            check_once(bot, exchange)
    differ = [pair for pair in zip(*map(str.splitlines, texts), strict=True) if pair[0] != pair[1]]
    assert differ == [(f'dialect = "{dialect}"', f'dialect = "{ccxt_name(dialect)}"')]
    check_exact(bot, exchange, dialect)
    check_wire(bot, dialect, bytes(seen))


def check_exact(bot: Bot, exchange: LocalExchange, dialect: str) -> None:
    """Check the fills of a stopped bot against what the account has."""
    fills = [m.fill for _, m in bot.journal() if hasattr(m, "fill")]
    orders, held = account_of(exchange, bot.name)
    lots = sum(fill.size_lots for fill in fills)
    assert lots * Decimal("0.00001") == sum(Decimal(order["filled"]) for order in orders)
    if dialect == "binance":  # whose fees are in what was bought
        fees = sum(fill.fee_atoms for fill in fills)
        assert held["BTC"] == lots * Decimal("0.00001") - Decimal(fees).scaleb(-12)


def check_wire(bot: Bot, dialect: str, seen: bytes) -> None:
    """Check what a stopped bot has sent."""
    ids = [m.place.client_order_id for _, m in bot.journal() if isinstance(m, OrderPending)]
    assert len(ids) >= 3
    assert all(each.encode() in seen for each in ids)
    for mark in (*BROKERS[dialect], b"ccxt", b"CCXT"):
        assert mark not in seen
    assert bot.key["secret"].encode() not in seen


@pytest.mark.parametrize("dialect", MOST_AT_NIGHT)
def test_an_order_that_rests_is_the_bots_own_after_a_restart(exchange, start, dialect):
    """Nothing is placed a second time, and a stop cancels it in the end."""
    name = f"rests-{dialect}"
    with start(exchange, name, dialect, on_stop="keep", **RESTS) as bot:
        state = bot.wait(lambda s: [o for o in s["orders"] if o["state"] == "working"])
        assert bot.stop() == 0
        bot.start()
        again = bot.wait(lambda s: s["status"] == "running")
        assert [o["client_order_id"] for o in again["orders"]] == [
            o["client_order_id"] for o in state["orders"]
        ]
        assert again["foreign_orders"] == 0
        status, killed = bot.ask("POST", "/kill")
        assert (status, killed["verified"], killed["canceled"]) == (200, True, 1)
        assert bot.stop() == 0
    orders, _ = account_of(exchange, name)
    assert [order["state"] for order in orders] == ["canceled"]


# -- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", MOST_AT_NIGHT)
def test_a_bridge_that_is_killed_amid_an_order_leaves_it_unknown_until_there_is_evidence(
    own_exchange, start, dialect
):
    """Kill -9 between the order's leaving and its answer: nothing is guessed, nothing doubled."""
    with start(own_exchange, f"killed-{dialect}", dialect, params=ALWAYS) as bot:
        bot.wait(lambda s: len(s["fills"]) >= 1)
        child = the_child(bot)
        os.kill(own_exchange.pid, signal.SIGSTOP)
        try:
            bot.wait(lambda s: [o for o in s["orders"] if o["state"] == "pending"])
            time.sleep(1)  # it has left
            os.kill(child, signal.SIGKILL)
            state = bot.wait(lambda s: s["status"] == "gated")
            assert [order["state"] for order in state["orders"]] == ["unknown"]
        finally:
            os.kill(own_exchange.pid, signal.SIGCONT)
        known = len(bot.wait(lambda s: s["status"] == "running" and not s["orders"], 90)["fills"])
        assert the_child(bot) != child
        bot.wait(lambda s: len(s["fills"]) > known)
        assert bot.stop() == 0
    assert [m for _, m in bot.journal() if isinstance(m, OrderUnknown)]
    check_once(bot, own_exchange)


@pytest.mark.parametrize("dialect", MOST_AT_NIGHT)
def test_a_bot_behind_a_bridge_outlives_its_exchange(start, tmp_path, dialect):
    """Stopped, killed and started again under the bot: it compares, and goes on.

    Without limits, and faster than a venue's: Kraken's would make it wait a minute.
    """
    options = ("--crowd", "1", "--limits", "off", "--port-base", str(free_base()))
    changes = {"params": ALWAYS, "venue": "settings = { rateLimit = 50 }"}
    with (
        LocalExchange(tmp_path / "exchange", *options) as own_exchange,
        start(own_exchange, f"outlives-{dialect}", dialect, **changes) as bot,
    ):
        bot.wait(lambda s: s["fills"])
        for end in (own_exchange.stop, own_exchange.kill):
            end()
            bot.wait(lambda s: s["status"] == "gated")
            own_exchange.start()
            known = len(bot.wait(lambda s: s["status"] == "running", 90)["fills"])
            bot.wait(lambda s, known=known: len(s["fills"]) > known)
        assert bot.stop() == 0
        check_once(bot, own_exchange)


def test_no_bridge_outlives_its_bot(exchange, start):
    """Kill -9 of the bot ends the other process; an order in the book is not its business."""
    with start(exchange, "orphan", "binance", **RESTS) as bot:
        bot.wait(lambda s: [o for o in s["orders"] if o["state"] == "working"])
        child = the_child(bot)
        assert os.getpgid(child) != os.getpgid(bot.process.pid), "Ctrl-C is for the bot alone"
        bot.process.kill()
        until(lambda: not is_there(child))


# -- what leaves --------------------------------------------------------------------------------


@contextmanager
def relay(url: str):
    """Pass connections on to an address; yield ours, and the bytes that went there."""
    target = urlsplit(url)
    seen = bytearray()
    sockets = [socket.create_server(("127.0.0.1", 0))]
    threads = []

    def pump(source: socket.socket, sink: socket.socket, *, keep: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                if keep:
                    seen.extend(piece)
                sink.sendall(piece)
        hang_up(source, sink)

    def hang_up(*ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def run(act, *arguments, **more) -> None:
        threads.append(threading.Thread(target=act, args=arguments, kwargs=more, daemon=True))
        threads[-1].start()

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = sockets[0].accept()
                server = socket.create_connection((target.hostname, target.port))
                sockets.extend((client, server))
                run(pump, client, server, keep=True)
                run(pump, server, client, keep=False)

    run(accept)
    try:
        yield f"//127.0.0.1:{sockets[0].getsockname()[1]}", seen
    finally:
        hang_up(*sockets)
        for thread in [*threads]:
            thread.join(5)
        for each in sockets:
            each.close()


@pytest.mark.parametrize("dialect", ["binance", *at_night("kraken")])
def test_a_key_that_may_withdraw_is_refused_where_the_library_can_ask(exchange, tmp_path, dialect):
    """As by our own dialects, before the first order."""
    name = f"taking-{dialect}"
    key = open_account(exchange, name, *Scope, dialect=dialect)
    fields = {"rest": exchange.url(dialect), "ws": exchange.url(dialect, "ws")}
    text = config_text(exchange, name, **fields).replace('"binance"', f'"{dialect}"')
    bot = Bot(tmp_path, bridged(text, dialect), key, name)
    bot.launch()
    try:
        assert bot.join(90) == 2
    finally:
        bot.end()
    assert "this key may withdraw; a bot must not hold such a key" in bot.errors.read_text()
    orders, _ = account_of(exchange, name)
    assert orders == []


def test_a_key_of_which_nothing_can_be_asked_is_told_as_unknown(exchange, start):
    """Coinbase Exchange has no such question."""
    with start(exchange, "unknown-rights", "coinbase-exchange", **RESTS) as bot:
        state = bot.wait(lambda s: s["status"] == "running")
        assert bot.stop() == 0
    told = [line["text"] for line in state["log"]]
    assert any(line.startswith("key.withdraw_unknown") for line in told)


def test_the_key_is_in_no_argument_and_no_variable_of_the_bridge(exchange, start):
    """It goes over the pipe; the bot's own environment is not handed on."""
    with start(exchange, "canary-bridge", "binance", **RESTS) as bot:
        state = bot.wait(lambda s: s["orders"])
        child = Path(f"/proc/{the_child(bot)}")
        shown = (child / "cmdline").read_bytes() + (child / "environ").read_bytes()
        assert b"steelyard.bridge.child" in shown
        assert bot.stop() == 0
    seen = {file: file.read_bytes() for file in bot.data.rglob("*") if file.is_file()}
    for secret in (bot.key["secret"], bot.key["key"]):
        assert secret.encode() not in shown
    assert bot.key["secret"] not in json.dumps([bot.ready, state])
    assert [file for file, text in seen.items() if bot.key["secret"].encode() in text] == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{ timeout = 5000 }", "the exchange has no address of this machine"),
        (
            '{ urls = { api = { public = "https://api.binance.com/api/v3" } } }',
            "settings urls.api.public is 'https://api.binance.com/api/v3', not this machine",
        ),
        ('{ apiKey = "k" }', "settings has 'apiKey', which does not belong there"),
        ('{ httpsProxy = "http://127.0.0.1:1" }', "settings has the proxy 'httpsProxy'"),
    ],
)
def test_nothing_reaches_a_real_venue_by_accident(exchange, start, tmp_path, settings, said):
    """Only a live environment may, and there is none yet: the start ends with what to do."""
    bot = start(exchange, f"real-{abs(len(said)) % 10**6}", "binance")
    lines = bot.file.read_text().splitlines()
    lines = [f"settings = {settings}" if x.startswith("rest =") else x for x in lines]
    bot.file.write_text("\n".join(x for x in lines if not x.startswith("ws =")))
    bot.launch()
    assert bot.join(90) == 2
    assert said in bot.errors.read_text()
    assert "Traceback" not in bot.errors.read_text()
