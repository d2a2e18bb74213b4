"""From the command to a moving book: start-up time and memory of the exchange.

A first start founds the exchange and makes a day of candles; a second one opens a snapshot.
"""

import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.measure import row
from steelyard.testing import LocalExchange

RUNS = 5


def run() -> list[dict[str, Any]]:
    """Return seconds until the ready line, and resident memory after it."""
    first, again, memory = [], [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as scratch:
            exchange = LocalExchange(Path(scratch) / "data", "--crowd", "1")
            for times in (first, again):
                begun = perf_counter()
                exchange.start()
                times.append(perf_counter() - begun)
                memory.append(_resident_mib(exchange.pid))
                exchange.stop()
    return [
        row("exchange, first start until ready", "s", first),
        row("exchange, next start until ready", "s", again),
        row("exchange, resident when ready", "MiB", memory),
    ]


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return float("nan")  # only Linux tells it so simply
    line = next(x for x in status.read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
