"""A server under test, a site that does what a test wants, and a client that speaks bytes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import uvloop

from steelyard.net.server import Bounds, Reply, Server, WebSocketConnection, serve
from steelyard.wire.http import Request, Response

HOST = "127.0.0.1"
PATIENCE_S = 10.0
LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


def run(main: Awaitable[Any], loop: str = "uvloop") -> list[dict[str, Any]]:
    """Run a test's coroutine; return what the loop's exception handler was told meanwhile."""
    told: list[dict[str, Any]] = []

    async def bounded() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        await asyncio.wait_for(main, 3 * PATIENCE_S)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(bounded())
    return told


async def until(is_so: Callable[[], Any]) -> None:
    """Let the loop run until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 what is waited for knows nothing of an Event
            await asyncio.sleep(0.001)


class Recorder:
    """A site that keeps what it is asked; `answer` says what it does with a request."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.replies: list[Reply] = []
        self.sockets: list[WebSocketConnection] = []
        self.messages: list[str | bytes] = []
        self.closed = 0
        self.answer: Callable[[Request, Reply], None] = lambda request, reply: reply(
            text(request.target)
        )
        self.take: Callable[[WebSocketConnection], bool | Response] = lambda _: True

    def http(self, request: Request, ip: str, reply: Reply) -> None:
        self.requests.append(request)
        self.replies.append(reply)
        self.answer(request, reply)

    def websocket(
        self, request: Request, ip: str, connection: WebSocketConnection
    ) -> bool | Response:
        self.requests.append(request)
        self.sockets.append(connection)
        connection.on_message = self.messages.append
        connection.on_close = self._closed
        return self.take(connection)

    def _closed(self) -> None:
        self.closed += 1


def text(body: str) -> Response:
    """A plain answer."""
    return Response(200, {"content-type": "text/plain"}, body.encode())


def later(_request: Request, _reply: Reply) -> None:
    """Answer by and by: the test does it."""


class Answer(NamedTuple):
    """A response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """A client that writes what it is told and reads what comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, has_body: bool = True) -> Answer:
        """Read one response."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")[:-2]
            pairs = [line.split(": ", 1) for line in lines]
            headers = {name.lower(): value for name, value in pairs}
            assert len(headers) == len(pairs), f"a header twice in {head!r}"
            size = int(headers.get("content-length", 0)) if has_body else 0
            body = await self.reader.readexactly(size)
        assert first.startswith("HTTP/1.1 ")
        return Answer(int(first.split()[1]), headers, body)

    async def answers(self, count: int) -> list[Answer]:
        return [await self.answer() for _ in range(count)]

    async def to_end(self) -> bytes:
        """Read until the server ends the connection."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.read()

    async def turned_away(self) -> bool:
        """Whether the connection ends without an answer, by a reset or not."""
        try:
            return await self.to_end() == b""
        except ConnectionError:
            return True

    async def frame(self) -> tuple[int, bytes]:
        """Read one frame of a server: its opcode and its payload."""
        async with asyncio.timeout(PATIENCE_S):
            first, second = await self.reader.readexactly(2)
            assert first & 0x80, "servers here send whole messages"
            assert second < 0x80, "a server does not mask"
            size = second
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2))
            elif size == 127:
                size = int.from_bytes(await self.reader.readexactly(8))
            return first & 0x0F, await self.reader.readexactly(size)

    async def websocket(self, target: str = "/ws", rest: bytes = b"") -> None:
        """Upgrade."""
        self.send(upgrade(target) + rest)
        answer = await self.answer()
        assert answer.status == 101
        # RFC 6455, 1.3: the key there and its answer.
        assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def serving(site: Any, bounds: Bounds | None = None) -> AsyncIterator[Server]:
    """Serve a site on a free port."""
    server = await serve(site, HOST, 0, bounds or Bounds())
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    """Connect to a port."""
    found = Wire(*await asyncio.open_connection(HOST, port))
    try:
        yield found
    finally:
        await found.close()


def get(target: str = "/", *headers: str, method: str = "GET") -> bytes:
    """A request without a body."""
    lines = [f"{method} {target} HTTP/1.1", "Host: a", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def post(body: bytes, *headers: str, target: str = "/") -> bytes:
    """A request with a body."""
    return get(target, f"Content-Length: {len(body)}", *headers, method="POST") + body


def upgrade(target: str = "/ws", *headers: str) -> bytes:
    """A WebSocket's handshake, with the key of RFC 6455."""
    return get(
        target,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *headers,
    )


TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


def frame(
    opcode: int, data: bytes = b"", *, fin: bool = True, mask: bytes | None = b"k3y!"
) -> bytes:
    """A client's frame."""
    size, masked = len(data), 0x80 if mask else 0
    if size < 126:
        length = bytes([masked | size])
    elif size < 1 << 16:
        length = bytes([masked | 126]) + size.to_bytes(2)
    else:
        length = bytes([masked | 127]) + size.to_bytes(8)
    if mask:
        data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
    return bytes([fin << 7 | opcode]) + length + (mask or b"") + data


def closing(code: int, reason: str = "") -> bytes:
    """The payload of a closing frame."""
    return code.to_bytes(2) + reason.encode()
