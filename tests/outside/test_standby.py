"""Two traders, one bot: the primary dies or stands still, and the other one takes over.

Real processes on a real exchange. "Hosts" are data directories of their own, with a journal each;
they share a PostgreSQL server, or on one host the directory. Whatever happens, no order is made
twice, no slot of a timer is used twice, and whoever trades last knows all of the position.
"""

import asyncio
import signal
import time
from base64 import b64encode
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from bot_process import Bot, config_text, journal_of, open_account
from native_client import Client
from postgres_server import PostgresServer

from steelyard.cli.administration import administer
from steelyard.cli.leasing import lock_of
from steelyard.cli.standby import standbys
from steelyard.domain.journal import Record
from steelyard.domain.messages import SECOND_NS, Scope
from steelyard.domain.units import to_atoms
from steelyard.exchange.admin import CreateKey
from steelyard.store.leases import HostLease, PostgresLease
from steelyard.testing import LocalExchange
from steelyard.trading.config import parse_config
from steelyard.trading.records import LeaseTaken, OrderPending, TimerFired, TraderRecord
from steelyard.trading.state import TraderState
from steelyard.vault.kept import Kept, Secret, Terms
from steelyard.vault.phrase import Lease
from steelyard.vault.sealed import LeaseTerms, SealedFile

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

PHRASE = "a phrase of a standby"
STRATEGY = """
from steelyard.trading.strategy import Strategy

class Steady(Strategy):
    def on_start(self):
        self.every("1s")
        if not self.open_orders:
            self.buy("0.002", "30000")  # it rests, and goes from hand to hand

    def on_timer(self, timer):
        self.buy("0.001")
"""
STEADY = {"strategy": "steady_strategy:Steady", "params": "{}", "on_stop": "keep"}


# The other host's trader ends itself when the bytes of its third command have left.
DIES = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1] / "shared")!r})
from dying_trader import run
run("sent:3", sys.argv[1:], {{}}, Path("output"))
"""


class Host:
    """A data directory in which a bot trades, or stands by."""

    def __init__(
        self,
        directory: Path,
        exchange: LocalExchange,
        key: dict,
        lease: str = "",
        dialect: str = "binance",
        *,
        has_vault: bool = False,
    ) -> None:
        """has_vault: its key is in a vault of its own, of which it has a lease."""
        directory.mkdir(exist_ok=True)
        (directory / "steady_strategy.py").write_text(STRATEGY)
        self.data = directory
        text = config_text(exchange, "dip", dialect, **STEADY) + lease
        environment = None
        if has_vault:
            text, environment = text.replace("env:BOT", "vault:dip"), leased(directory, key)
        self.bot = Bot(directory, text, key, "dip", environment)

    def launch(self, *more: str) -> None:
        self.bot.launch(more=more)

    def wait_ready(self) -> None:
        assert self.bot.process.stdout.readline(), self.bot.errors.read_text()

    def orders(self) -> int:
        return self.bot.wait(lambda _: True)["measures"]["orders"]

    def trades(self, more: int = 2) -> None:
        """Wait until it has placed some orders more."""
        self.bot.wait(lambda state: state["status"] == "running")
        before = self.orders()
        self.bot.wait(lambda state: state["measures"]["orders"] >= before + more)


def leased(home: Path, key: dict) -> dict[str, str]:
    """Put a key into a vault; return the variables by which a bot opens it and nothing else."""
    vault, lease = SealedFile(home / "vault.json"), home / "dip.lease"
    vault.put("dip", Kept(Secret(key["key"], key["secret"]), Terms("dip")), PHRASE, new=True)
    token = vault.lease("dip", LeaseTerms("dip", 2**53), PHRASE)
    lease.touch(0o600)
    lease.write_bytes(msgspec.json.encode(Lease("dip", "dip", 2**53, b64encode(token).decode())))
    return {
        "STEELYARD_STATE": str(home / "state"),
        "STEELYARD_VAULT": str(vault.path),
        "STEELYARD_VAULT_LEASE": str(lease),
    }


def wait_until(is_so, seconds: float = 40, text=lambda: "") -> None:
    last = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < last, text()
        time.sleep(0.1)


def check_once(exchange: LocalExchange, *journals: Path) -> None:
    """Check what the exchange has against all journals; the last one knows all of the position."""
    key = administer(exchange.data, CreateKey("dip", "native", (Scope.READ, Scope.TRADE)))
    client = Client(exchange.url("native"), key)
    try:
        orders = client.ask("GET", "/api/v1/orders?symbol=BTC-USDT&limit=1000")["orders"]
        balances = client.ask("GET", "/api/v1/account")["balances"]
    finally:
        client.close()
    there = [order["client_order_id"] for order in orders]
    assert len(there) == len(set(there)), "an order was made twice"
    resting = [order for order in orders if order["type"] == "limit"]
    assert [order["state"] for order in resting] == ["working"], "it goes from hand to hand"
    whole = [journal_of(data, "dip") for data in dict.fromkeys(journals)]
    messages = [message for journal in whole for _, message in journal]
    assert set(there) <= {m.place.client_order_id for m in messages if isinstance(m, OrderPending)}
    slots = [slot for journal in whole for slot in slots_used([m for _, m in journal])]
    assert len(slots) == len(set(slots)) > 0, "a slot was used twice"
    base = {b["asset"]: Decimal(b["free"]) + Decimal(b["held"]) for b in balances}["BTC"]
    state = TraderState()
    for number, (time_ns, message) in enumerate(journal_of(journals[-1], "dip"), 1):
        state.replay(Record(number, time_ns, message))
    assert state.portfolio.position_atoms == to_atoms(base) > 0, (
        "nothing is missing, nothing is too much"
    )
    assert [order.place.price_ticks is not None for order in state.orders.open] == [True]


def slots_used(messages: list[TraderRecord]) -> Iterator[int]:
    """Yield the slots of a journal that led to an order; what another one left does not."""
    slot = None
    for message in messages:
        if isinstance(message, TimerFired):
            slot = message.slot
        elif isinstance(message, OrderPending) and message.place.price_ticks is None:
            assert slot is not None
            yield slot


@pytest.fixture(scope="module")
def server():
    with PostgresServer() as running:
        yield running


def test_on_one_host_a_standby_takes_over_from_the_dead_and_not_from_the_paused(exchange, tmp_path):
    """A lock goes with its process: one that stands still keeps it, and comes back unharmed."""
    key = open_account(exchange, "dip")
    primary, standby = Host(tmp_path, exchange, key), Host(tmp_path, exchange, key)
    try:
        primary.launch()
        primary.wait_ready()
        primary.trades()
        standby.launch("--standby")
        wait_until(lambda: standbys(tmp_path))
        assert "trades dip" in standbys(tmp_path)[0]["waits_for"]
        lease = primary.bot.state()["lease"]
        assert (lease["kind"], lease["term"], lease["allowed"]) == ("host", 1, "all")

        primary.bot.send_signal(signal.SIGSTOP)
        lock = lock_of(parse_config(primary.bot.file.read_text()), "dip", tmp_path)
        mine = HostLease(lock.directory, "dip", *lock.names)
        assert asyncio.run(mine.take(None, 0)) is None, "nobody gets it"
        primary.bot.send_signal(signal.SIGCONT)
        primary.trades()

        primary.bot.send_signal(signal.SIGKILL)
        primary.bot.join()
        standby.wait_ready()
        standby.trades()
        assert standby.bot.state()["lease"]["term"] > 1
        assert not standbys(tmp_path)
        assert standby.bot.stop() == 0
    finally:
        primary.bot.end()
        standby.bot.end()
    check_once(exchange, tmp_path)


def test_across_hosts(server, tmp_path):
    """Whoever stands still for longer than its lease comes back to nothing.

    And one that dies with an order on its way leaves no gap. Each host has a key of its own in a
    vault of its own, and opens it by a lease: nobody is there to type a passphrase.
    """
    lease = f'\n[lease]\nurl = "{server.url}"\nttl = "2s"\n'
    with LocalExchange(tmp_path / "exchange", "--crowd", "1", "--limits", "off") as exchange:
        key = open_account(exchange, "dip")
        other = administer(exchange.data, CreateKey("dip", "binance", (Scope.READ, Scope.TRADE)))
        here = Host(tmp_path / "here", exchange, key, lease, has_vault=True)
        there = Host(tmp_path / "there", exchange, other, lease, has_vault=True)
        try:
            here.launch("--standby")
            wait_until((tmp_path / "here/bots/dip/ports.json").exists)
            here.trades()
            there.bot.launch("-c", DIES, more=("--standby",))
            wait_until(lambda: standbys(there.data))
            here.bot.wait(lambda state: len(state["lease"]["standbys"]) == 1)
            assert here.bot.state()["lease"]["kind"] == "postgresql"

            here.bot.send_signal(signal.SIGSTOP)
            begun = time.monotonic()
            wait_until((tmp_path / "there/bots/dip/ports.json").exists)
            print(f"taken over after {time.monotonic() - begun:.1f} s")
            assert there.bot.state()["lease"]["term"] == 2
            here.bot.send_signal(signal.SIGCONT)
            wait_until(lambda: standbys(here.data), text=here.bot.log)
            assert "its lease is lost" in here.bot.log()

            assert there.bot.join() == -signal.SIGKILL, "it dies with an order on its way"
            begun = time.monotonic()
            wait_until((tmp_path / "here/bots/dip/ports.json").exists)
            here.trades(1)
            print(f"taken back and trading after {time.monotonic() - begun:.1f} s")
            assert here.bot.state()["lease"]["term"] == 3
            assert here.bot.stop() == 0
        finally:
            here.bot.end()
            there.bot.end()
        check_once(exchange, there.data, here.data)


async def forget(url: str) -> None:
    place = PostgresLease(url, "dip.sandbox", SECOND_NS, "")
    await place.forget()
    await place.close()


@pytest.mark.night
def test_where_requests_do_not_expire_a_persons_word_takes_over(server, tmp_path):
    """On Kraken a standby waits for somebody who knows that the primary is gone; once."""
    lease = f'\n[lease]\nurl = "{server.url}"\nttl = "2s"\n'
    why = "the machine burned, its key is revoked"
    asyncio.run(forget(server.url))  # what another test has left
    with LocalExchange(tmp_path / "exchange", "--crowd", "1", "--limits", "off") as exchange:
        key = open_account(exchange, "dip", dialect="kraken")
        here = Host(tmp_path / "here", exchange, key, lease, "kraken")
        there = Host(tmp_path / "there", exchange, key, lease, "kraken")
        try:
            here.launch()
            here.wait_ready()
            here.trades()
            there.launch("--standby")
            wait_until(lambda: standbys(there.data))
            here.bot.send_signal(signal.SIGKILL)
            here.bot.join()
            wait_until(lambda: "--take-over WHY" in standbys(there.data)[0]["waits_for"])
            assert there.bot.stop() == 0, "it has not begun"
            there.launch("--standby", "--take-over", why)
            wait_until((there.data / "bots/dip/ports.json").exists, text=there.bot.errors.read_text)
            there.trades()
            assert there.bot.stop() == 0
        finally:
            here.bot.end()
            there.bot.end()
        check_once(exchange, here.data, there.data)
    (taken,) = [m for _, m in journal_of(there.data, "dip") if isinstance(m, LeaseTaken)]
    assert (taken.term, taken.why, taken.is_elsewhere) == (2, why, True)
