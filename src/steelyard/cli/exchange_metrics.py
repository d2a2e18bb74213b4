"""What `GET /metrics` on the exchange's first port tells: `FAMILIES` is the table of it.

The invariant: a scrape reads counters that are kept anyway and changes nothing; it costs no
request weight and needs no token, because numbers of one's own machine are no secret there.
"""

import resource
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from steelyard.cli.exposition import Family, Histogram, Sample, exposition, one
from steelyard.exchange.counts import Counts
from steelyard.exchange.gate import Gate
from steelyard.exchange.plain_way import OK

COUNTER, GAUGE = "counter", "gauge"

UP = Family("steelyard_uptime_seconds", GAUGE, "Time since the process began.")
MEMORY = Family("process_resident_memory_bytes", GAUGE, "Memory that the process has.")
CPU = Family("process_cpu_seconds_total", COUNTER, "Processor time that it has used.")
RECORDS = Family(
    "steelyard_records_total", COUNTER, "Commands and other records carried out.", ("type",)
)
ORDERS = Family("steelyard_orders_total", COUNTER, "Orders of users that were accepted.")
FILLS = Family("steelyard_fills_total", COUNTER, "Fills of users' orders.")
TRADES = Family("steelyard_trades_total", COUNTER, "Public trades, the house's among them.")
REJECTS = Family(
    "steelyard_rejects_total", COUNTER, "Commands that the engine refused.", ("reason",)
)
REQUESTS = Family(
    "steelyard_requests_total",
    COUNTER,
    "Requests over HTTP and WebSocket: OK, or why they were refused.",
    ("dialect", "outcome"),
)
ROUTES = Family(
    "steelyard_http_requests_total",
    COUNTER,
    "Requests over HTTP to a route that there is: OK, or why they were refused.",
    ("dialect", "method", "route", "outcome"),
)
LATENCY = Family(
    "steelyard_http_request_seconds",
    "histogram",
    "From the last byte of a request to its answer, with the disk in between.",
)
BYTES = Family("steelyard_journal_bytes_total", COUNTER, "Bytes written to the journal.")
SYNC = Family(
    "steelyard_journal_sync_seconds",
    "histogram",
    "How long a batch of the journal took to be on disk; its count is that of syncs.",
)
WAITING = Family("steelyard_journal_waiting", GAUGE, "Answers and frames that wait for the disk.")
SEQUENCE = Family("steelyard_journal_sequence", GAUGE, "The journal's last record.")
CONNECTIONS = Family(
    "steelyard_connections", GAUGE, "Open connections of a port, of any kind.", ("dialect",)
)
SOCKETS = Family("steelyard_websockets", GAUGE, "Open WebSockets of a dialect.", ("dialect",))
DROPPED = Family(
    "steelyard_slow_consumers_dropped_total",
    COUNTER,
    "WebSockets cut off because they did not read what they were sent.",
    ("dialect",),
)

FAMILIES = (
    UP,
    MEMORY,
    CPU,
    RECORDS,
    ORDERS,
    FILLS,
    TRADES,
    REJECTS,
    REQUESTS,
    ROUTES,
    LATENCY,
    BYTES,
    SYNC,
    WAITING,
    SEQUENCE,
    CONNECTIONS,
    SOCKETS,
    DROPPED,
)


class JournalMeter:
    """What the journal's batches cost."""

    def __init__(self) -> None:
        self.written_bytes = 0
        self.sync = Histogram()

    def batch(self, size_bytes: int, time_ns: int) -> None:
        """Enter a batch that is on disk."""
        self.written_bytes += size_bytes
        self.sync.add(time_ns / 1_000_000_000)


class Readings(NamedTuple):
    """What a scrape sees of the process."""

    uptime_s: float
    counts: Counts
    gates: Mapping[str, Gate]
    meter: JournalMeter
    waiting: int
    sequence: int
    connections: Mapping[str, int]
    sockets: Mapping[str, int]
    dropped: Mapping[str, int]
    latency: Histogram


def metrics_text(seen: Readings) -> str:
    """Return a scrape."""
    counts = seen.counts
    told: dict[Family, Iterable[Sample] | Histogram] = {
        UP: one(f"{seen.uptime_s:.3f}"),
        MEMORY: one(resident_bytes()),
        CPU: one(f"{time.process_time():.3f}"),
        RECORDS: _by_label(counts.records),
        ORDERS: one(counts.orders),
        FILLS: one(counts.fills),
        TRADES: one(counts.trades),
        REJECTS: _by_label(counts.rejects),
        REQUESTS: [
            ((dialect, outcome), count)
            for dialect, gate in seen.gates.items()
            for outcome, count in sorted({OK: 0, **gate.outcomes}.items())
        ],
        ROUTES: [
            ((dialect, *route), count)
            for dialect, gate in seen.gates.items()
            for route, count in sorted(gate.routes.items())
        ],
        LATENCY: seen.latency,
        BYTES: one(seen.meter.written_bytes),
        SYNC: seen.meter.sync,
        WAITING: one(seen.waiting),
        SEQUENCE: one(seen.sequence),
        CONNECTIONS: _by_label(seen.connections),
        SOCKETS: _by_label(seen.sockets),
        DROPPED: _by_label(seen.dropped),
    }
    return exposition(told)


def resident_bytes() -> int:
    """Return the memory that this process has now; where the system does not say, its peak."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * resource.getpagesize()


def _by_label(counted: Mapping[str, int]) -> list[Sample]:
    return [((name,), count) for name, count in sorted(counted.items())]
