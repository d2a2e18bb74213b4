"""Test your own bot against an exchange: the fixture `steelyard_exchange`, and what it is made of.

Installing steelyard makes the fixture known to pytest:

    def test_my_bot_buys(steelyard_exchange):
        key = steelyard_exchange.trader("me", {"USDT": "10000"}, dialect="binance")
        settings = steelyard_exchange.env("binance", client="ccxt")
        client = ccxt.binance({**settings, "apiKey": key["key"], "secret": key["secret"]})
        client.create_order("BTC/USDT", "market", "buy", 0.01)

It is the real thing in a process of its own, on free ports of loopback, in a directory that is
thrown away: no network, no account, nothing shared between tests unless you share it.

A strategy's decisions are tested without any exchange, on a `Bench` (`steelyard.trading.bench`):

    from steelyard.strategies import DipBuyer
    from steelyard.testing import Bench

    def test_it_buys_a_dip():
        bench = Bench(DipBuyer(below="40000", size="0.5"))
        assert bench.timer("41000") == []
        assert bench.timer("39000") == ["buy 0.5 market"]
"""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pytest

if TYPE_CHECKING:
    from steelyard.trading.bench import Bench, LegsBench

__all__ = ["Bench", "LegsBench", "LocalExchange", "steelyard_exchange"]

START_S = 30.0
STOP_S = 10.0


def __getattr__(name: str) -> Any:
    # pytest imports this module at every start, and few starts need a trader's parts.
    if name in ("Bench", "LegsBench"):
        from steelyard.trading import bench  # noqa: PLC0415

        return getattr(bench, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class LocalExchange:
    """A `steelyard exchange` in a process of its own. Use it as a context manager.

    Args:
        data: Its data directory; the same one again continues the same exchange.
        options: Further options of `steelyard exchange`, such as `("--crowd", "7")`. Ports are
            free ones, others after each start, unless `--port-base` is among them.
    """

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.options = options
        self.ready: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None, "the exchange has not been started"
        return self._process.pid

    def start(self) -> dict[str, Any]:
        """Start it and return its ready document, which names every port.

        Raises:
            RuntimeError: It did not start; the message is what it said.
        """
        command = [sys.executable, "-m", "steelyard.cli.main", "exchange"]
        command += ["--data", str(self.data), *self.options]
        if "--port-base" not in self.options:
            command += ["--port-base", "0"]
        errors = self.data.parent / f"{self.data.name}.stderr"
        with errors.open("wb") as file:
            self._process = subprocess.Popen(  # noqa: S603 ourselves
                command, stdout=subprocess.PIPE, stderr=file, start_new_session=True
            )
        assert self._process.stdout is not None, "its output is a pipe"
        is_there, _, _ = select.select([self._process.stdout], [], [], START_S)
        line = self._process.stdout.readline() if is_there else b""
        if not line:
            self.stop()
            said = errors.read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"the exchange did not start: {said.strip()}")
        self.ready = json.loads(line)
        return self.ready

    def stop(self) -> int:
        """Stop it in order and return its exit code."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
        finally:
            if process.stdout is not None:
                process.stdout.close()

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL, at once."""
        assert self._process is not None, "the exchange has not been started"
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def url(self, dialect: str, kind: str = "rest") -> str:
        """Return the base URL of a dialect; kind is `rest` or `ws`."""
        found: str = self.ready["dialects"][dialect][kind]
        return found

    def steelyard(self, *arguments: str) -> Any:
        """Run a command of the program on this exchange and return its JSON document.

        Raises:
            RuntimeError: It failed; the message is what it said.
        """
        command = [sys.executable, "-m", "steelyard.cli.main", *arguments]
        done = subprocess.run(  # noqa: S603 ourselves
            [*command, "--data", str(self.data), "--json"],
            capture_output=True,
            timeout=START_S,
            check=False,
        )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise RuntimeError(f"steelyard {' '.join(arguments)}: {said}")
        return json.loads(done.stdout)

    def trader(
        self,
        name: str,
        deposits: Mapping[str, str],
        *,
        dialect: str,
        scopes: str = "read,trade",
        **key_options: str,
    ) -> dict[str, Any]:
        """Open a funded account and return a key for it, as `key create --json` prints it."""
        amounts = [f"{asset}={amount}" for asset, amount in deposits.items()]
        self.steelyard("account", "create", name, *(("--deposit", *amounts) if amounts else ()))
        options = [part for k, v in key_options.items() for part in (f"--{k}", v)]
        key: dict[str, Any] = self.steelyard(
            "key", "create", name, "--dialect", dialect, "--scopes", scopes, *options
        )
        return key

    def env(self, dialect: str, *, client: str = "ccxt") -> dict[str, Any]:
        """Return what points an unmodified client library here, as `steelyard env` prints it."""
        settings: dict[str, Any] = self.steelyard("env", dialect, "--client", client)
        return settings


@pytest.fixture
def steelyard_exchange(tmp_path: Path) -> Iterator[LocalExchange]:
    """An exchange with a seeded crowd, running, for one test."""
    with LocalExchange(tmp_path / "exchange-data", "--crowd", "1") as running:
        yield running
