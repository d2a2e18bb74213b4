"""A trivial site at 32 kept connections: our server beside a floor and a peer.

The floor is a Protocol of a few lines that parses no more than it must and answers from a
constant; the peer is uvicorn with a raw ASGI application. Each server has a process and a core
of its own, the load the other core. The load is Python too and keeps a quick server waiting, so
beside requests per second stand requests per second of the server's own processor time, which
it does not bound.
"""

import argparse
import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import uvloop

from bench.load import HOST, OwnTime, drive, pin
from bench.measure import RUNS, Bench
from steelyard.net.server import Reply, WebSocketConnection, serve
from steelyard.wire.http import Request, json_response

ROOT = Path(__file__).parents[1]
REQUESTS = 60_000  # a run
GOAL = 0.5  # of the floor

ORDER = b'{"symbol":"BTC-USDT","side":"buy","type":"limit","price":"60000.01","size":"0.01"}'
ASKED = (
    b"POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1:8600\r\nContent-Type: application/json\r\n"
    b"X-Steelyard-Key: 0123456789abcdef\r\nContent-Length: %d\r\n\r\n" % len(ORDER)
) + ORDER
ANSWER = b'{"order_id":"123456789","state":"working","filled":"0","time":1700000000000}'


def run() -> Iterator[dict[str, Any]]:
    """Yield requests per second of each server, and ours against theirs."""
    bench = Bench()
    names = {"steelyard": "trivial site", "floor": "floor: Protocol by hand"}
    if find_spec("uvicorn"):
        names["uvicorn"] = "uvicorn, raw ASGI"
    else:
        bench.skip("uvicorn, raw ASGI", "pip install uvicorn==0.54.0")
    wall: dict[str, list[float]] = {kind: [] for kind in names}
    own: dict[str, list[float]] = {kind: [] for kind in names}
    servers = {kind: Served(kind) for kind in names}
    try:
        for turn in range(RUNS + 1):  # in turns, so that a busy moment of the machine hits all
            for kind, server in servers.items():
                begun_cpu = server.own.seconds()
                seconds = drive(server.port, [ASKED] * REQUESTS).seconds
                if turn:  # the first one warms up
                    wall[kind].append(REQUESTS / seconds)
                    own[kind].append(REQUESTS / max(server.own.seconds() - begun_cpu, 1e-9))
    finally:
        for server in servers.values():
            server.stop()
    for kind, name in names.items():
        bench.tell(name, wall[kind], REQUESTS, "requests/s")
        if server.own.is_told:
            bench.tell(f"{name}, own time", own[kind], REQUESTS, "requests/cpu s")
    for kind in ("floor", "uvicorn"):
        goal = GOAL if kind == "floor" else None
        bench.ratio("trivial site", names.get(kind, ""), goal)
        bench.ratio("trivial site, own time", f"{names.get(kind)}, own time", goal)
    yield from bench.rows()


class Served:
    """A server in a process of its own."""

    def __init__(self, kind: str) -> None:
        command = [sys.executable, "-m", "bench.http", kind]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.own = OwnTime(self._process.pid)
        pin(0, self._process.pid)
        pin(1, 0)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


# -- servers ------------------------------------------------------------------------------------


class _Site:
    def http(self, _request: Request, _ip: str, reply: Reply) -> None:
        reply(json_response(200, ANSWER))

    def websocket(self, _request: Request, _ip: str, _connection: WebSocketConnection) -> bool:
        return False


class _Floor(asyncio.Protocol):
    """Finds the end of a request and answers; it would not survive its first odd client."""

    def __init__(self) -> None:
        self._data = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._data + data
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            length = data.find(b"Content-Length: ")
            size = end + 4 + int(data[length + 16 : data.find(b"\r\n", length)])
            if len(data) >= size:
                self._transport.write(_CONSTANT)
                data = data[size:]
        self._data = data


_CONSTANT = (
    b"HTTP/1.1 200 OK\r\ndate: Sat, 21 Nov 2026 00:00:00 GMT\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n" % len(ANSWER)
) + ANSWER


async def _steelyard() -> None:
    server = await serve(_Site(), HOST, 0)
    print(server.port, flush=True)
    await asyncio.Event().wait()


async def _floor() -> None:
    server = await asyncio.get_running_loop().create_server(_Floor, HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _uvicorn() -> None:
    import uvicorn  # noqa: PLC0415 optional

    async def application(_scope: Any, receive: Callable[[], Any], send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(ANSWER)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ANSWER})

    listening = socket.create_server((HOST, 0), backlog=512)
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(
        application, http="httptools", lifespan="off", log_level="critical", access_log=False
    )
    await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    kinds = {"steelyard": _steelyard, "floor": _floor, "uvicorn": _uvicorn}
    parser = argparse.ArgumentParser(prog="python -m bench.http", description="One server, alone.")
    parser.add_argument("kind", choices=kinds)
    uvloop.run(kinds[parser.parse_args().kind]())
