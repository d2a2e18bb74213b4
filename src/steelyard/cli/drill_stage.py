"""The stage of a drill: an exchange, and a bot with a key in a vault, all of its own in one folder.

The invariant: nothing of the user's is touched and no real venue spoken to. The exchange listens on
loopback; data, vault, locks and the seal key are in the folder, which goes in the end; of the
user's configuration only strategy and limits are taken. Every process ends with this one.
"""

import ctypes
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from steelyard.cli.administration import administer
from steelyard.cli.drill_rest import RESTING
from steelyard.cli.inquirer import Inquirer
from steelyard.cli.vault_venue import look
from steelyard.domain.errors import ConnectionLost, SteelyardError
from steelyard.domain.lifecycle import Fill, Order
from steelyard.domain.messages import (
    SECOND_NS,
    FillList,
    FillsQuery,
    InstrumentList,
    InstrumentsQuery,
    OrderList,
    OrdersQuery,
    Scope,
)
from steelyard.exchange.admin import CreateAccount
from steelyard.exchange.issuing import CreateKey, RevokeKey
from steelyard.net.loop import run_loop
from steelyard.net.loopback import ask
from steelyard.store import datadir
from steelyard.store.journal import read_records
from steelyard.store.leases import PostgresLease
from steelyard.trading.config import BotConfig, parse_config
from steelyard.trading.orderwork import OWN_ACCOUNT
from steelyard.trading.records import codec
from steelyard.trading.state import TraderState
from steelyard.vault.kept import Secret
from steelyard.wire.dialect import ApiKey

BOT = "drill"
READY_S, STOP_S, LOOK_S = 30.0, 15.0, 0.1
PAGE = 1_000
PR_SET_PDEATHSIG = 1  # linux/prctl.h
FUNDS = Decimal(1_000_000)

DEFAULT = {
    "strategy": {
        "class": "steelyard.strategies:MarketMaker",
        "symbol": "BTC-USDT",
        "params": {"spread": "0.02", "pause": "200ms"},
    },
    "risk": {
        "max_order_notional": "1000",
        "max_position": "0.05",
        "max_open_orders": 10,
        "price_collar": "5%",
    },
}
REST = "steelyard.cli.drill_rest:Rest"
REST_RISK = {  # wide: the smallest order of any market fits in
    "max_order_notional": "1000000",
    "max_position": "1000000",
    "max_open_orders": 50,
    "price_collar": "50%",
}
_TAKEN = ("strategy", "risk", "breakers")  # of the user's configuration


class DrillFailed(SteelyardError):
    """A step did not come to what was expected."""


class Truth(NamedTuple):
    """What the venue has of the bot."""

    orders: list[Order]
    fills: list[Fill]

    @property
    def open_ids(self) -> set[str]:
        """The client ids of orders that are open."""
        return {order.client_order_id for order in self.orders if order.state.is_open}


class Host:
    """A process of the bot, and the data directory in which it is."""

    def __init__(self, stage: "Stage", data: Path, config: Path, *options: str) -> None:
        self._stage = stage
        self.data = data
        self.process = stage.spawn(
            ["trade", str(config), "--port", "0", "--data", str(data), *options],
            f"{data.name}.{len(stage.processes)}",
            stage.state_of(data),
        )

    @property
    def is_alive(self) -> bool:
        """Whether its process is there."""
        return self.process.poll() is None

    def state(self) -> dict[str, Any] | None:
        """Return what it says of itself; None: it says nothing, or is not this process."""
        with suppress(SteelyardError):
            ports = datadir.read_document(
                datadir.port_file(self.data / "bots" / self._stage.bot), missing={}
            )
            if ports.get("pid") == self.process.pid:
                return ask(ports["port"], "GET", "/status", token=ports["token"], timeout_s=2)[1]
        return None

    def wait(self, what: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return its state once that is so.

        Raises:
            DrillFailed: It is not, in time.
        """
        found: dict[str, Any] = {}

        def looked() -> bool:
            if not self.is_alive:
                raise DrillFailed(f"{what}: the bot has ended; {self._stage.last_words(self)}")
            found.clear()
            found.update(self.state() or {})
            return bool(found) and is_so(found)

        try:
            self._stage.wait(what, looked)
        except DrillFailed as error:
            told = f"it is {found.get('status')}: {found.get('reason')}" if found else "no word"
            raise DrillFailed(f"{error} ({told})") from None
        return found

    def trades(self) -> dict[str, Any]:
        """Return its state once it may trade and has placed an order, if it is to place any."""
        self.wait("the bot trades", lambda state: state["status"] == "running")
        with suppress(DrillFailed), self._stage.within(10):
            return self.wait("it has placed an order", lambda s: s["measures"]["orders"] > 0)
        return self.wait("the bot trades", lambda state: state["status"] == "running")

    def signal(self, number: int) -> None:
        """Send its process a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Stop it in order; its orders stay.

        Raises:
            DrillFailed: It does not stop, or not in order.
        """
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise DrillFailed(f"the bot did not stop within {STOP_S:g} s") from None
        if code:
            raise DrillFailed(
                f"the bot ended with exit code {code}; {self._stage.last_words(self)}"
            )


class Stage:
    """Everything that one drill needs; made anew for each step, so that none spoils the next."""

    def __init__(self, root: Path, document: dict[str, Any], lease: str, patience_s: float) -> None:
        """Document is the user's configuration, or DEFAULT; lease an address of PostgreSQL."""
        self.root = root
        self.data, self.other = root / "data", root / "other"
        # In a database that others use it is nobody else's name.
        self.bot = f"{BOT}-{secrets.token_hex(4)}" if lease else BOT
        self.config, self._resting = root / f"{BOT}.toml", root / "rest.toml"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.lease = lease
        self._document = document
        self._until = time.monotonic() + patience_s
        self._exchange = root / "exchange"
        phrase = root / "passphrase"
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        phrase.touch(0o600)
        phrase.write_text(secrets.token_hex(16), encoding="ascii")
        self._environment = {
            **os.environ,
            "STEELYARD_STATE": str(root / "state"),
            "STEELYARD_VAULT": str(root / "vault.json"),
            "STEELYARD_VAULT_PASSPHRASE_FILE": str(phrase),
            "XDG_CONFIG_HOME": str(root / "config"),
        }
        self.key: dict[str, Any] = {}

    # -- setting it up ------------------------------------------------------------------------

    def set_up(self) -> None:
        """Start the exchange, open an account, put a key into the vault, write a configuration.

        Raises:
            DrillFailed: One of them fails.
        """
        ready_file = self.root / "ready.json"
        command = ["exchange", "--data", str(self._exchange), "--port-base", "0", "--crowd", "1"]
        process = self.spawn([*command, "--ready-file", str(ready_file)], "exchange")
        self.wait("the exchange is ready", lambda: _ready(process, ready_file))
        ready = datadir.read_document(ready_file)
        strategy = self._document["strategy"]
        dialect = str(self._document.get("dialect", "native"))
        if dialect not in ready["dialects"]:
            known = ", ".join(ready["dialects"])
            raise DrillFailed(f"the sandbox has no API {dialect!r}; it has: {known}")
        base, _, quote = str(strategy["symbol"]).upper().replace("/", "-").partition("-")
        administer(self._exchange, CreateAccount(self.bot, {base: FUNDS, quote: FUNDS}))
        self.key = self.new_key(dialect)
        self.run("vault", "add", self.bot, "--bot", self.bot, given=self.key)
        urls = ready["dialects"][dialect]
        found = {name: self._document[name] for name in _TAKEN if name in self._document}
        tables = {
            "bot": {"name": self.bot, "environment": "sandbox", "on_stop": "keep"},
            "venue.main": {
                "dialect": dialect,
                "rest": urls["rest"],
                "ws": urls["ws"],
                "key": f"vault:{self.bot}",
            },
            **({"lease": {"url": self.lease, "ttl": "3s"}} if self.lease else {}),
        }
        resting = {"class": REST, "symbol": strategy["symbol"]}
        for file, more in (
            (self.config, found),
            (self._resting, {"strategy": resting, "risk": REST_RISK}),
        ):
            text = _toml({**tables, **more})
            parse_config(text)
            file.write_text(text, encoding="utf-8")

    def new_key(self, dialect: str = "") -> dict[str, Any]:
        """Make a key at the exchange."""
        dialect = dialect or str(self._document.get("dialect", "native"))
        return administer(self._exchange, CreateKey(self.bot, dialect, (Scope.READ, Scope.TRADE)))

    def revoke_key(self, key: dict[str, Any]) -> None:
        """Have the exchange accept a key no more."""
        administer(self._exchange, RevokeKey(key["key"]))

    def start(self, data: Path | None = None, *options: str) -> Host:
        """Start the bot, and do not wait."""
        return Host(self, data or self.data, self.config, *options)

    def rest(self, data: Path | None = None) -> Host:
        """Start it with orders of the drill's own, and wait until they rest at the venue.

        Raises:
            DrillFailed: They do not, in time.
        """
        before = self.truth().open_ids
        host = Host(self, data or self.data, self._resting)
        host.wait("the bot trades", lambda state: state["status"] == "running")
        self.wait(
            "orders of the drill rest", lambda: len(self.truth().open_ids - before) >= RESTING
        )
        return host

    # -- processes ----------------------------------------------------------------------------

    def state_of(self, data: Path) -> Path:
        """Return what the processes of a host share, which is the host of a data directory."""
        return self.root / ("state" if data == self.data else f"state.{data.name}")

    def spawn(
        self, arguments: list[str], log: str, state: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command of the program that ends with this process."""
        told = {} if state is None else {"STEELYARD_STATE": str(state)}
        with (self.root / f"{log}.log").open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 ourselves
                [sys.executable, "-m", "steelyard.cli.main", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**self._environment, **told},
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            )
        process.log = self.root / f"{log}.log"  # type: ignore[attr-defined]
        self.processes.append(process)
        return process

    def run(
        self, *arguments: str, data: Path | None = None, given: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run a command of the program to its end, and return its JSON document.

        Raises:
            DrillFailed: It failed, or was not done in time.
        """
        command = [sys.executable, "-m", "steelyard.cli.main", *arguments]
        command += ["--json", "--data", str(data or self.data)]
        try:
            done = subprocess.run(  # noqa: S603 ourselves
                command,
                input=None if given is None else msgspec.json.encode(given),
                capture_output=True,
                env=self._environment,
                timeout=max(1.0, self._until - time.monotonic()),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DrillFailed(f"not in time: steelyard {' '.join(arguments[:2])}") from None
        document: dict[str, Any] = {}
        with suppress(msgspec.DecodeError):
            document = msgspec.json.decode(done.stdout or b"{}", type=dict[str, Any])
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip() or str(document)
            raise DrillFailed(f"steelyard {' '.join(arguments[:2])}: {said}")
        return document

    def wait(self, what: str, is_so: Callable[[], bool]) -> None:
        """Return when something is so.

        Raises:
            DrillFailed: It is not, in time.
        """
        while not is_so():
            if time.monotonic() > self._until:
                raise DrillFailed(f"not in time: {what}")
            time.sleep(LOOK_S)

    def within(self, seconds: float) -> "_Within":
        """Return a block in which less time is left."""
        return _Within(self, seconds)

    def last_words(self, host: Host) -> str:
        """Return the end of what a process has printed."""
        log: Path = host.process.log  # type: ignore[attr-defined]
        return log.read_text(encoding="utf-8", errors="replace").strip()[-500:] or "it said nothing"

    def forget_lease(self) -> None:
        """Leave nothing of the drill in the database of the lease.

        Raises:
            DrillFailed: It cannot be asked.
        """
        if not self.lease:
            return
        try:
            run_loop(self._forget_lease())
        except SteelyardError as error:
            raise DrillFailed(f"rows of {self.bot} are left: {error}") from error

    async def _forget_lease(self) -> None:
        place = PostgresLease(self.lease, f"{self.bot}.sandbox", SECOND_NS, "")
        try:
            await place.forget()
        finally:
            await place.close()

    def close(self) -> None:
        """End every process."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # -- what is so ---------------------------------------------------------------------------

    def truth(self) -> Truth:
        """Return what the venue has of the bot, asked over its API with its key.

        Raises:
            DrillFailed: It does not say.
        """
        try:
            return run_loop(self._asked())
        except SteelyardError as error:
            raise DrillFailed(str(error)) from error

    def is_denied(self, key: dict[str, Any]) -> bool:
        """Whether the venue does not accept a key."""
        secret = Secret(key["key"], key["secret"], key.get("passphrase") or "")
        return look(self._parsed, secret).denied is not None

    @property
    def _parsed(self) -> BotConfig:
        return parse_config(self.config.read_text(encoding="utf-8"))

    async def _asked(self) -> Truth:
        config = self._parsed
        inquirer = Inquirer(config, _api(self.key))
        try:
            await inquirer.start()
            await inquirer.read_clock()
            listed = await inquirer.answer(InstrumentsQuery(), "its markets")
            if not isinstance(listed, InstrumentList):
                raise ConnectionLost(f"the venue does not list its markets: {listed}")
            symbol = config.strategy.symbol
            number = next(it.instrument_id for it in listed.instruments if it.symbol == symbol)
            # Some venues list what is open apart from what has ended; one may end in between.
            resting = OrdersQuery(OWN_ACCOUNT, PAGE, number, open_only=True)
            opened = await inquirer.answer(resting, "open orders")
            orders = await inquirer.answer(OrdersQuery(OWN_ACCOUNT, PAGE, number), "orders")
            fills = await inquirer.answer(FillsQuery(OWN_ACCOUNT, PAGE, number), "fills")
        finally:
            await inquirer.close()
        if (
            not isinstance(opened, OrderList)
            or not isinstance(orders, OrderList)
            or not isinstance(fills, FillList)
        ):
            raise ConnectionLost(f"the venue does not tell: {opened} {orders} {fills}")
        every = {it.order_id: it for it in (*opened.orders, *orders.orders)}
        return Truth([*every.values()], [*fills.fills])

    def journal(self, data: Path | None = None) -> TraderState:
        """Return the state to which a journal adds up."""
        state, decode = TraderState(), codec()
        for stored in read_records((data or self.data) / "bots" / self.bot / "journal"):
            state.replay(decode.decode(*stored))
        return state


class _Within:
    """Less time, for a while."""

    def __init__(self, stage: Stage, seconds: float) -> None:
        self._stage, self._seconds = stage, seconds
        self._before = 0.0

    def __enter__(self) -> None:
        self._before = self._stage._until  # noqa: SLF001 of the same module
        self._stage._until = min(self._before, time.monotonic() + self._seconds)  # noqa: SLF001

    def __exit__(self, *_: object) -> None:
        self._stage._until = self._before  # noqa: SLF001


def _ready(process: subprocess.Popen[bytes], file: Path) -> bool:
    if process.poll() is not None:
        raise DrillFailed(f"the exchange ended with exit code {process.returncode}")
    return file.exists() and bool(file.read_bytes())


def _api(key: dict[str, Any]) -> ApiKey:
    return ApiKey(key["key"], key["secret"].encode(), key.get("passphrase") or "")


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _toml(tables: dict[str, dict[str, Any]]) -> str:
    """Return tables as TOML."""
    lines: list[str] = []
    for name, table in tables.items():
        lines.append(f"[{name}]")
        lines += [f"{_key(key)} = {_value(value)}" for key, value in table.items()]
    return "\n".join([*lines, ""])


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | Decimal():
            return f"{value:f}" if isinstance(value, Decimal) else str(value)
        case str():
            return msgspec.json.encode(value).decode()
        case dict():
            return f"{{ {_joined(f'{_key(k)} = {_value(v)}' for k, v in value.items())} }}"
        case list() | tuple():
            return f"[{_joined(map(_value, value))}]"
        case _:
            return msgspec.json.encode(str(value)).decode()


def _key(key: str) -> str:
    return msgspec.json.encode(key).decode()


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(parts)
