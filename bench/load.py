"""A load of HTTP requests that are ready beforehand, over kept connections: one at a time on each.

The load is Python too and has a core of its own; what it costs is the same for every server.
"""

import os
import select
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

HOST = "127.0.0.1"
CONNECTIONS = 32
RECEIVE_BYTES = 65_536


class Driven(NamedTuple):
    """What a load found: how long it took in all, and each answer's status."""

    seconds: float
    statuses: dict[int, int]


def pin(core: int, pid: int) -> None:
    """Let a process (0: this one) run on one core alone, where the system can: all its threads."""
    if not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2:  # noqa: PLR2004
        return
    for thread in Path(f"/proc/{pid or 'self'}/task").iterdir():
        with suppress(ProcessLookupError):  # it has ended
            os.sched_setaffinity(int(thread.name), {core})


class OwnTime:
    """The processor time that a process has had, of all its threads; 0 where nobody tells."""

    def __init__(self, pid: int) -> None:
        self._threads = Path(f"/proc/{pid}/task")
        self.is_told = Path(f"/proc/{pid}/schedstat").exists()

    def seconds(self) -> float:
        """Return it in seconds, to the nanosecond: of the threads that there are."""
        if not self.is_told:
            return 0.0
        spent = (thread / "schedstat" for thread in self._threads.iterdir())
        return sum(int(path.read_text().split()[0]) for path in spent) / 1e9


def drive(port: int, requests: Sequence[bytes], connections: int = CONNECTIONS) -> Driven:
    """Send all requests and take their answers."""
    waiting = iter(requests)
    sockets: dict[int, socket.socket] = {}
    received: dict[int, bytes] = {}
    statuses: dict[int, int] = {}
    poll = select.poll()
    for _ in range(connections):
        client = socket.create_connection((HOST, port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(client.fileno(), select.POLLIN)
        sockets[client.fileno()] = client
    begun = perf_counter()
    left = 0
    for number, client in sockets.items():
        received[number] = b""
        if request := next(waiting, b""):
            client.send(request)
            left += 1
    while left:
        for number, _ in poll.poll():
            client = sockets[number]
            data = received[number] + client.recv(RECEIVE_BYTES)
            if not data:
                raise ConnectionError("the server has closed a connection that it was to keep")
            if not _is_whole(data):
                received[number] = data
                continue
            received[number] = b""
            status = int(data[9:12])
            statuses[status] = statuses.get(status, 0) + 1
            if request := next(waiting, b""):
                client.send(request)
            else:
                left -= 1
    seconds = perf_counter() - begun
    for client in sockets.values():
        client.close()
    return Driven(seconds, statuses)


def _is_whole(data: bytes) -> bool:
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = data[:end].lower()
    at = head.find(b"content-length: ")
    stop = head.find(b"\r\n", at)
    length = int(head[at + 16 : stop if stop > 0 else end])
    return len(data) >= end + 4 + length
