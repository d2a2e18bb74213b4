"""A trader that ends itself by SIGKILL at one exact point: python dying_trader.py CONFIG POINT ...

    after:N      record N is on disk, and not one byte after it, wherever its batch ends
    before:N     nothing of the batch with record N is on disk
    unsent:N     the Nth command was about to leave
    sent:N       its bytes have left, the venue's answer has not come
    answered:N   the answer has come, and nobody was told

All the rest is the real `run_trader`, on the real journal and sockets.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

from steelyard.cli import trader_process
from steelyard.cli.trade import configure
from steelyard.cli.trader_process import TraderSettings, run_trader
from steelyard.net.client import HttpClient
from steelyard.net.loop import run_loop
from steelyard.store import segment
from steelyard.store.journal import Journal
from steelyard.vault.keys import resolve
from steelyard.wire.http import Request, Response

POINT, _, NUMBER = sys.argv[2].partition(":")
COMMANDS = frozenset({("POST", "/api/v3/order"), ("DELETE", "/api/v3/order")})


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingJournal(Journal):
    """Cuts a batch where the process is to end."""

    def append(self, payload: bytes) -> int:
        sequence = super().append(payload)
        if sequence == 1:
            self._ends = [0]  # of each record, counted from the first
        self._ends.append(self._ends[-1] + len(self._buffer[-1]))
        return sequence

    def write(self, batch: bytes) -> None:
        begin = self._ends[segment.first_sequence(batch) - 1]
        fatal = int(NUMBER)
        if fatal >= len(self._ends) or self._ends[fatal] > begin + len(batch):
            super().write(batch)
            return
        if POINT == "after":
            super().write(batch[: self._ends[fatal] - begin])
        die()


class DyingClient(HttpClient):
    """Ends the process with a command on its way."""

    commands = 0

    async def send(self, request: Request) -> Response:
        if (request.method, request.target.partition("?")[0]) not in COMMANDS:
            return await super().send(request)
        self.commands += 1
        if self.commands == int(NUMBER):
            if POINT == "sent":
                self._send_and_forget(request)
            elif POINT == "answered":
                await super().send(request)
            die()
        return await super().send(request)

    def _send_and_forget(self, request: Request) -> None:
        parts = urlsplit(self.base_url)
        headers = {
            "host": parts.netloc,
            "content-length": str(len(request.body)),
            **request.headers,
        }
        lines = [f"{request.method} {request.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + request.body)
            die()


def main() -> int:
    if POINT in {"after", "before"}:
        trader_process.Journal = DyingJournal
    elif POINT in {"unsent", "sent", "answered"}:
        trader_process.HttpClient = DyingClient
    else:
        raise SystemExit(f"no point {POINT}")
    config = configure(Path(sys.argv[1]))
    data = Path(sys.argv[sys.argv.index("--data") + 1])
    settings = TraderSettings(config, data, resolve(config.main.key, os.environ))
    return run_loop(run_trader(settings, lambda ready: print(json.dumps(ready), flush=True)))


if __name__ == "__main__":
    sys.exit(main())
