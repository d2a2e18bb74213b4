"""A trader that ends itself by SIGKILL at one exact point; all else is the real program.

    after:N      record N is on disk, and not one byte after it, wherever its batch ends
    before:N     nothing of the batch with record N is on disk
    unsent:N     the Nth command was about to leave
    sent:N       its bytes have left, the venue's answer has not come
    answered:N   the answer has come, and nobody was told
    never        as everybody else

`run` is for a process of its own that was forked from one where `PRELOADED` is imported already,
because there are many and starting Python takes longer than all they do.
"""

import os
import signal
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

from steelyard.cli import dialect_venue, main, trader_process
from steelyard.net.client import HttpClient
from steelyard.store import batches, segment
from steelyard.store.disk import Batch, Writer
from steelyard.store.journal import Journal
from steelyard.wire.http import Request, Response

PRELOADED = ["steelyard.cli.main", "steelyard.cli.trade", "steelyard.strategies"]
COMMANDS = frozenset({("POST", "/api/v3/order"), ("DELETE", "/api/v3/order")})


def run(point: str, arguments: list[str], environment: dict[str, str], output: Path) -> None:
    """Run `steelyard trade` until it dies, or ends."""
    os.environ |= environment
    with output.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    kind, _, number = point.partition(":")
    if kind in {"after", "before"}:
        DyingJournal.point, DyingJournal.fatal = kind, int(number)
        trader_process.Journal = DyingJournal
    elif kind in {"unsent", "sent", "answered"}:
        DyingClient.point, DyingClient.fatal = kind, int(number)
        dialect_venue.HttpClient = DyingClient
    sys.exit(main.run(["trade", *arguments]))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingJournal(Journal):
    """Ends a batch where the process is to end."""

    point: str
    fatal: int

    def hand_over(self, batch: Batch, writer: Writer) -> bool:
        first, payloads = _of(batch)
        return self.fatal >= first + len(payloads) and super().hand_over(batch, writer)

    def write(self, batch: Batch) -> None:
        first, payloads = _of(batch)
        if self.fatal >= first + len(payloads):
            super().write(batch)
            return
        if self.point == "after":
            super().write(segment.encode(payloads[: self.fatal - first + 1], first))
        die()


def _of(batch: Batch) -> tuple[int, list[bytes]]:
    """Return the first sequence of a batch, and its records."""
    first = segment.first_sequence(batch)
    payloads, _ = batches.read(bytes(batch), 0, first, 1)
    return first, payloads


class DyingClient(HttpClient):
    """Ends the process with a command on its way."""

    point: str
    fatal: int
    commands = 0

    async def send(self, request: Request) -> Response:
        if (request.method, request.target.partition("?")[0]) not in COMMANDS:
            return await super().send(request)
        self.commands += 1
        if self.commands == self.fatal:
            if self.point == "sent":
                self._send_and_forget(request)
            elif self.point == "answered":
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
