"""Ports for a program that has to be told them before it starts."""

import random
import socket
from contextlib import ExitStack, suppress


def free_base() -> int:
    """Return a port base that nobody uses now, below the ports that are given out to callers."""
    while True:
        base = random.randrange(10_000, 30_000)
        with ExitStack() as probes, suppress(OSError):
            for port in range(base, base + 11):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return base
