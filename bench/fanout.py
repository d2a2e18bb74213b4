"""One 200-byte text to many WebSockets: our server beside picows, and what an idle one weighs.

Each server has a process and a core of its own; one reader on the other core holds all sockets and
counts bytes, so that the server is what is measured. "Each alone" gives the loop a turn after every
frame, as a feed with one frame per journal commit does; "coalesced" after every eighth, as a
feed does that is busier than the disk. picows sends each frame by a system call of its own. Beside
deliveries per second stand those per second of the server's processor time, which the reader does
not bound.
"""

import argparse
import asyncio
import os
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import uvloop

from bench.measure import Bench, row
from steelyard.net.bounds import DEFAULT
from steelyard.net.server import WebSocketConnection, serve, text_frame
from steelyard.wire.http import Request, Response

ROOT = Path(__file__).parents[1]
HOST = "127.0.0.1"
PEER = ("picows", "2.3.1")
TEXT = b"x" * 200
FRAME_BYTES = len(text_frame(TEXT))
DELIVERIES = {1: 20_000, 100: 150_000, 1_000: 150_000}  # a run, by subscribers
RUNS = 3
GROUP = 8  # frames in a turn of the loop, coalesced
UNSENT_BYTES = 1 << 16  # where a publisher waits for its readers
IDLE = {"steelyard": 10_000, "picows": 900}  # with thousands its handshakes do not come through
CONNECT_S = 10.0
SPARE_FILES = 200
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
KINDS = {
    "steelyard": ("each alone", 1),
    "coalesced": ("coalesced", GROUP),
    "picows": ("picows, each alone", 1),
}


def run() -> Iterator[dict[str, Any]]:
    """Yield deliveries per second of each server, and ours against theirs; then memory."""
    kinds = dict(KINDS)
    bench = Bench()
    if not _has_peer():
        del kinds["picows"]
        bench.skip(PEER[0], f"pip install {PEER[0]}=={PEER[1]}")
    for subscribers, deliveries in DELIVERIES.items():
        wall: dict[str, list[float]] = {kind: [] for kind in kinds}
        own: dict[str, list[float]] = {kind: [] for kind in kinds}
        for turn in range(RUNS + 1):  # in turns, so that a busy moment of the machine hits all
            for kind in kinds:
                took_s, cpu_s = _fan_out(kind, subscribers, deliveries // subscribers)
                if turn:  # the first one warms up
                    wall[kind].append(deliveries / took_s)
                    own[kind].append(deliveries / max(cpu_s, 1e-2))
        names = {kind: f"{subscribers} subscribers, {kinds[kind][0]}" for kind in kinds}
        for kind, name in names.items():
            bench.tell(name, wall[kind], deliveries, "deliveries/s")
            bench.tell(f"{name}, own time", own[kind], deliveries, "deliveries/cpu s")
        if "picows" in kinds:
            for kind, goal in (("steelyard", 1.0), ("coalesced", 2.0)):
                bench.ratio(names[kind], names["picows"], goal)
                bench.ratio(f"{names[kind]}, own time", f"{names['picows']}, own time", goal)
        yield from bench.rows()
    for kind in kinds:
        if kind != "coalesced":
            yield from _idle(kind)


def _has_peer() -> bool:
    name, pinned = PEER
    try:
        return version(name) == pinned
    except PackageNotFoundError:
        return False


def _idle(kind: str) -> Iterator[dict[str, Any]]:
    """Yield what one of many WebSockets weighs on which nothing happens."""
    import resource  # noqa: PLC0415 not on every system

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = IDLE[kind]
    count = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard - SPARE_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + SPARE_FILES, hard))
    with _Server(kind, count, 0) as server, ExitStack() as stack:
        before = server.resident_kib()
        for _ in range(count):
            stack.enter_context(_subscriber(server.port))
        grown = (server.resident_kib() - before) / count
    name = f"{count} idle WebSockets, memory of one, {'ours' if kind == 'steelyard' else kind}"
    yield row(name, "KiB", [grown])


def _fan_out(kind: str, subscribers: int, rounds: int) -> tuple[float, float]:
    """Return the seconds that it took, and those of the server's processor time."""
    with _Server(kind, subscribers, rounds) as server, ExitStack() as stack:
        poll = select.epoll()
        sockets = {}
        for _ in range(subscribers):
            client = stack.enter_context(_subscriber(server.port))
            client.setblocking(False)  # noqa: FBT003 its only argument
            sockets[client.fileno()] = client
            poll.register(client.fileno(), select.EPOLLIN)
        left = subscribers * rounds * FRAME_BYTES
        begun_cpu, begun = server.cpu_s(), perf_counter()
        server.go()
        buffer = bytearray(1 << 18)
        while left > 0:
            for number, _ in poll.poll():
                left -= sockets[number].recv_into(buffer)
        took = perf_counter() - begun, server.cpu_s() - begun_cpu
        poll.close()
    return took


def _subscriber(port: int) -> socket.socket:
    client = socket.create_connection((HOST, port), timeout=CONNECT_S)
    client.sendall(HANDSHAKE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    return client


class _Server:
    """A server in a process of its own."""

    def __init__(self, kind: str, subscribers: int, rounds: int) -> None:
        command = [sys.executable, "-m", "bench.fanout", kind, str(subscribers), str(rounds)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self._proc = Path(f"/proc/{self._process.pid}")
        if (os.cpu_count() or 1) > 1:
            os.sched_setaffinity(self._process.pid, {0})
            os.sched_setaffinity(0, {1})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def go(self) -> None:
        """Let it publish."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def cpu_s(self) -> float:
        """Return the processor time that it has had."""
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_kib(self) -> float:
        """Return the memory that it has."""
        pages = int((self._proc / "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024


# -- servers ------------------------------------------------------------------------------------


class _Site:
    def __init__(self) -> None:
        self.sockets: list[WebSocketConnection] = []

    def http(self, _request: Request, _ip: str, reply: Callable[[Response], None]) -> None:
        reply(Response(404, {}, b""))

    def websocket(self, _request: Request, _ip: str, connection: WebSocketConnection) -> bool:
        self.sockets.append(connection)
        return True


async def _publish(
    rounds: int, group: int, send: Callable[[], None], is_behind: Callable[[], bool]
) -> None:
    await asyncio.to_thread(sys.stdin.readline)
    for number in range(1, rounds + 1):
        send()
        if number % group == 0:
            await asyncio.sleep(0)
            while is_behind():  # noqa: ASYNC110 buffers tell nobody
                await asyncio.sleep(0.0005)


async def _ours(subscribers: int, rounds: int, group: int) -> None:
    site = _Site()
    bounds = DEFAULT._replace(connections_max=subscribers + 1)
    server = await serve(site, HOST, 0, bounds)
    print(server.port, flush=True)

    def send() -> None:
        frame = text_frame(TEXT)
        for connection in site.sockets:
            connection.send_shared(frame)

    def is_behind() -> bool:
        return any(s._transport.get_write_buffer_size() > UNSENT_BYTES for s in site.sockets)  # noqa: SLF001

    await _publish(rounds, group, send, is_behind)
    await asyncio.Event().wait()


async def _picows(_subscribers: int, rounds: int, group: int) -> None:
    from picows import WSListener, WSMsgType, ws_create_server  # noqa: PLC0415 optional

    transports: list[Any] = []

    class Listener(WSListener):
        def on_ws_connected(self, transport: Any) -> None:
            transports.append(transport)

    server = await ws_create_server(lambda _: Listener(), HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)

    def send() -> None:
        for transport in transports:
            transport.send(WSMsgType.TEXT, TEXT)

    def is_behind() -> bool:
        return any(
            t.underlying_transport.get_write_buffer_size() > UNSENT_BYTES for t in transports
        )

    await _publish(rounds, group, send, is_behind)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.fanout", description="One server.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("subscribers", type=int)
    parser.add_argument("rounds", type=int)
    asked = parser.parse_args()
    serving = _picows if asked.kind == "picows" else _ours
    uvloop.run(serving(asked.subscribers, asked.rounds, KINDS[asked.kind][1]))
