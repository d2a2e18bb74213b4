"""A `steelyard trade` in a process of its own, as a user starts it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from steelyard.cli.administration import administer
from steelyard.domain.messages import Scope
from steelyard.exchange.admin import CreateAccount, CreateKey
from steelyard.net.loopback import ask
from steelyard.store.datadir import port_file, read_document
from steelyard.store.journal import Journal
from steelyard.testing import LocalExchange
from steelyard.trading.records import TraderRecord, codec

WAIT_S = 40
TRADE = ("-m", "steelyard.cli.main", "trade")

CONFIG = """\
[bot]
name = "{name}"
environment = "sandbox"
on_stop = "{on_stop}"

[venue.main]
dialect = "binance"
rest = "{rest}"
ws = "{ws}"
key = "env:BOT"

[strategy]
class = "{strategy}"
symbol = "BTC-USDT"
params = {params}

[risk]
max_order_notional = "10000"
max_position = "1"
max_open_orders = 5
price_collar = "2%"
"""
DIP_BUYER = "steelyard.strategies:DipBuyer"
ALWAYS = '{ below = "10000000", size = "0.001", every = "1s" }'


def open_account(
    exchange: LocalExchange,
    name: str,
    *scopes: Scope,
    usdt: int = 50_000,
    dialect: str = "binance",
) -> dict[str, Any]:
    """Open a funded account and return a key; without the second that the command line takes."""
    administer(exchange.data, CreateAccount(name, {"USDT": usdt}))
    scopes = scopes or (Scope.READ, Scope.TRADE)
    ip = ("127.0.0.1",) if Scope.WITHDRAW in scopes else ()
    return administer(exchange.data, CreateKey(name, dialect, scopes, ip))


def config_text(
    exchange: LocalExchange, name: str, dialect: str = "binance", venue: str = "", **changes: str
) -> str:
    """Return a configuration; venue is more lines of [venue.main]."""
    fields = {
        "name": name,
        "on_stop": "cancel",
        "rest": exchange.url(dialect),
        "ws": exchange.url(dialect, "ws"),
        "strategy": DIP_BUYER,
        "params": ALWAYS,
        **changes,
    }
    text = CONFIG.format_map(fields).replace('dialect = "binance"', f'dialect = "{dialect}"')
    return text.replace("[strategy]", f"{venue}\n\n[strategy]") if venue else text


def journal_of(data: Path, name: str) -> list[tuple[int, TraderRecord]]:
    """Return (time_ns, message) of every record of a bot that does not run."""
    journal = Journal(data / "bots" / name / "journal")
    try:
        decoded = (codec().decode(*record) for record in journal.records(0))
        return [(record.time_ns, record.message) for record in decoded]
    finally:
        journal.close()


class Bot:
    """One bot: start it, ask it, stop it, start it again."""

    def __init__(
        self,
        data: Path,
        config: str,
        key: dict[str, Any],
        name: str,
        environment: dict[str, str] | None = None,
    ) -> None:
        """Write its configuration into `data`, where its strategy may be as well.

        environment comes in place of the variables with the key.
        """
        self.data, self.name = data, name
        self.file = data / f"{name}.toml"
        self.file.write_text(config)
        self.errors = data / f"{name}.stderr"
        self.ready: dict[str, Any] = {}
        self.process: subprocess.Popen[bytes] | None = None
        if environment is None:
            environment = {
                "BOT_KEY": key["key"],
                "BOT_SECRET": key["secret"],
                "BOT_PASSPHRASE": key.get("passphrase") or "",
            }
        self._environment = {**os.environ, **environment}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def launch(self, *program: str, more: tuple[str, ...] = ()) -> None:
        """Start it, and do not wait."""
        command = [sys.executable, *(program or TRADE), str(self.file), *more]
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [*command, "--port", "0", "--data", str(self.data)],
                stdout=subprocess.PIPE,
                stderr=errors,
                env=self._environment,
                cwd=self.data,
            )

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.launch()
        self.listen()

    def listen(self) -> None:
        """Wait until it listens."""
        line = self.process.stdout.readline()
        assert line, self.errors.read_text()
        self.ready = json.loads(line)

    def ask(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        document = read_document(port_file(self.data / "bots" / self.name))
        return ask(document["port"], method, path, token=document["token"])

    def state(self) -> dict[str, Any]:
        """Return what the bot says of itself."""
        status, state = self.ask("GET", "/status")
        assert status == 200
        return state

    def wait(self, is_so, seconds: float = WAIT_S) -> dict[str, Any]:
        """Return the bot's state once it is as wanted."""
        last = time.monotonic() + seconds
        while True:
            state = self.state()
            if is_so(state):
                return state
            assert time.monotonic() < last, state
            time.sleep(0.1)

    def send_signal(self, number: int) -> None:
        self.process.send_signal(number)

    def join(self, seconds: float = WAIT_S) -> int:
        """Wait until it has ended and return its exit code."""
        code = self.process.wait(seconds)
        self.process.stdout.close()
        return code

    def stop(self) -> int:
        """Stop it in order."""
        self.send_signal(signal.SIGTERM)
        return self.join()

    def end(self) -> None:
        """End it somehow, if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process is not None:
            self.process.stdout.close()

    def journal(self) -> list[tuple[int, TraderRecord]]:
        return journal_of(self.data, self.name)

    def log(self) -> str:
        return (self.data / "bots" / self.name / "bot.log").read_text()
