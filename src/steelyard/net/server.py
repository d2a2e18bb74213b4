# HANDED OVER (temporary line): net/** and tests/net, bench/http.py belong to another engineer now;
# store/**, vault/**, domain/secret.py, domain/journal.py and their tests stay with who has them.
"""HTTP and WebSocket on one port: bytes to requests, and answers back, in order and bounded.

One `asyncio.Protocol` per connection. httptools reads requests; after an upgrade the sans-I/O
protocol of `websockets` reads frames. A `Site` says what happens; it may answer later, and
answers of one connection leave in the order of its requests. It knows no API.

Every bound has an act: too many bytes are answered and the connection closed, a slow sender is
cut off, a slow reader is dropped, connections beyond the maximum are refused.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from email.utils import formatdate
from typing import Protocol, cast

import httptools
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as HandshakeRequest
from websockets.protocol import State
from websockets.server import ServerProtocol

from steelyard.domain.errors import ConfigError
from steelyard.net.ports import holder_of
from steelyard.wire.http import (
    BODY_MAX_BYTES,
    HEADERS_MAX_BYTES,
    TARGET_MAX_BYTES,
    Request,
    Response,
)

CONNECTIONS_MAX = 2_000  # the next one is closed at once
PIPELINED_MAX = 32  # unanswered requests of one connection; then it is not read
REQUEST_S = 10.0  # from the first byte of a request to the end of its headers
BODY_S = 30.0
IDLE_S = 75.0
MESSAGE_MAX_BYTES = 1 << 20
UNSENT_MAX_BYTES = 4 << 20  # of a WebSocket whose reader is slow; then it is dropped
PING_S, PONG_S = 20.0, 60.0
STOP_S = 2.0
SWEEP_S = 1.0

Reply = Callable[[Response], None]

_REASONS = {
    100: "Continue", 200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request",
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 409: "Conflict", 413: "Content Too Large", 414: "URI Too Long",
    418: "I'm a teapot", 426: "Upgrade Required", 429: "Too Many Requests",
    431: "Request Header Fields Too Large", 500: "Internal Server Error",
    502: "Bad Gateway", 503: "Service Unavailable",
}  # fmt: skip


class Site(Protocol):
    """What one port serves."""

    def http(self, request: Request, ip: str, reply: Reply) -> None:
        """Answer a request, now or later, by one call of `reply`."""
        ...

    def websocket(self, request: Request, ip: str, connection: "WebSocketConnection") -> bool:
        """Take a WebSocket: set its `on_message` and `on_close`; False refuses it."""
        ...


class WebSocketConnection:
    """One open WebSocket as a site sees it."""

    def __init__(self, connection: "_Connection") -> None:
        self.on_message: Callable[[str | bytes], None] = lambda _: None
        self.on_close: Callable[[], None] = lambda: None
        self._connection = connection

    def send(self, payload: bytes) -> None:
        """Send a text message of UTF-8 bytes."""
        self._connection.write_frame(text_frame(payload))

    def send_shared(self, frame: bytes) -> None:
        """Send a frame that `text_frame` made once for many."""
        self._connection.write_frame(frame)

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake."""
        self._connection.close_socket(code, reason)


def text_frame(payload: bytes) -> bytes:
    """Return a server's text frame: final, not masked."""
    size = len(payload)
    if size < 126:  # noqa: PLR2004 RFC 6455, 5.2
        return b"\x81" + size.to_bytes(1) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload


class Server:
    """A listening port and its connections."""

    def __init__(self, site: Site, listening: socket.socket) -> None:
        self.site = site
        self.port: int = listening.getsockname()[1]
        self.connections: set[_Connection] = set()
        self.date = b""
        self._listening = listening
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to accept."""
        loop = asyncio.get_running_loop()
        self.date = formatdate(usegmt=True).encode()
        self._server = await loop.create_server(
            lambda: _Connection(self, loop), sock=self._listening, backlog=512
        )
        self._sweeper = loop.create_task(self._sweep())

    async def close(self) -> None:
        """Stop accepting, let answers and closing handshakes finish, then cut off what is left."""
        if self._server is None:
            self._listening.close()
            return
        self._server.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in [*self.connections]:
            connection.finish()
        loop = asyncio.get_running_loop()
        last = loop.time() + STOP_S
        while self.connections and loop.time() < last:
            await asyncio.sleep(0.01)
        for connection in [*self.connections]:
            connection.abort()

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            self.date = formatdate(usegmt=True).encode()
            now = loop.time()
            for connection in [*self.connections]:
                connection.check(now)


async def serve(site: Site, host: str, port: int) -> Server:
    """Listen and serve; port 0 takes a free one.

    Raises:
        ConfigError: The port is taken, or may not be used; the message says by whom.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"port {port} on {host} cannot be used: {error.strerror}{holder_of(port)}; "
            "choose others with --port-base"
        ) from error
    server = Server(site, listening)
    await server.start()
    return server


class _Connection(asyncio.Protocol):
    """One TCP connection: HTTP until it is upgraded."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self._transport: asyncio.Transport
        self._ip = ""
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: dict[str, str] = {}
        self._head_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._refused: int | None = None
        self._answers: deque[list[tuple[Response, bool, bool] | None]] = deque()
        self._is_reading = False  # between the first byte of a request and its last
        self._is_paused = False
        self._is_closing = False
        self._deadline = loop.time() + REQUEST_S
        self._socket: _Socket | None = None

    # -- asyncio's side -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._ip = peer[0] if peer else ""
        if len(self._server.connections) >= CONNECTIONS_MAX:
            self._transport.abort()
            return
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 either way it is gone
        self._server.connections.discard(self)
        self._is_closing = True
        if self._socket is not None:
            self._socket.lost()

    def eof_received(self) -> bool:
        if self._socket is not None:
            self._socket.eof()
            return False
        # A client may half-close after its request and wait for the answer.
        self._is_closing = True
        return bool(self._answers)

    def data_received(self, data: bytes) -> None:
        if self._socket is not None:
            self._socket.receive(data)
            return
        if self._is_closing:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._refused or 400)

    # -- httptools' side ----------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._target, self._headers, self._head_bytes = b"", {}, 0
        self._body, self._body_bytes, self._refused = [], 0, None
        self._deadline = self._loop.time() + REQUEST_S
        self._is_reading = True

    def on_url(self, url: bytes) -> None:
        self._target += url
        if len(self._target) > TARGET_MAX_BYTES:
            self._stop_reading(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > HEADERS_MAX_BYTES:
            self._stop_reading(431)
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        # A repeated header is one list (RFC 9110, 5.3).
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        self._deadline = self._loop.time() + BODY_S
        length = self._headers.get("content-length", "0")
        if length.isdigit() and int(length) > BODY_MAX_BYTES:
            self._stop_reading(413)
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > BODY_MAX_BYTES:
            self._stop_reading(413)
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._deadline = self._loop.time() + IDLE_S
        self._is_reading = False
        if self._is_closing or self._parser.should_upgrade():
            return
        method = self._parser.get_method().decode("ascii")
        request = Request(
            method, self._target.decode("latin-1"), self._headers, b"".join(self._body)
        )
        keeps = self._parser.should_keep_alive()
        slot: list[tuple[Response, bool, bool] | None] = [None]
        self._answers.append(slot)

        def reply(response: Response) -> None:
            slot[0] = (response, keeps, method == "HEAD")
            self._flush()

        self._server.site.http(request, self._ip, reply)
        if len(self._answers) >= PIPELINED_MAX and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    # -- answering ----------------------------------------------------------------------------

    def _flush(self) -> None:
        """Send every answer whose turn it is."""
        out = []
        while self._answers and self._answers[0][0] is not None:
            response, keeps, is_head = self._answers.popleft()[0] or _NEVER
            keeps = keeps and not self._is_closing
            out.append(self._head(response, keeps=keeps))
            if not is_head:
                out.append(response.body)
            if not keeps:
                self._is_closing = True
                self._answers.clear()
        if out and not self._transport.is_closing():
            self._transport.write(b"".join(out))
            if self._is_closing and not self._answers:
                self._transport.close()
        if self._is_paused and len(self._answers) < PIPELINED_MAX // 2:
            self._is_paused = False
            self._transport.resume_reading()

    def _head(self, response: Response, *, keeps: bool) -> bytes:
        reason = _REASONS.get(response.status, "")
        lines = [f"HTTP/1.1 {response.status} {reason}\r\n".encode(), b"date: ", self._server.date]
        for name, value in response.headers.items():
            lines.append(f"\r\n{name}: {value}".encode("latin-1", "replace"))
        lines.append(b"\r\ncontent-length: %d" % len(response.body))
        if not keeps:
            lines.append(b"\r\nconnection: close")
        lines.append(b"\r\n\r\n")
        return b"".join(lines)

    def _stop_reading(self, status: int) -> None:
        """Make the parser give up; `data_received` answers with this status."""
        self._refused = status
        raise ValueError(status)

    def _refuse(self, status: int) -> None:
        """Answer bytes that are no request we take, and close."""
        message = {
            408: "the request took too long to arrive",
            413: f"a body may have {BODY_MAX_BYTES} bytes",
            414: f"a target may have {TARGET_MAX_BYTES} bytes",
            426: "this path is a WebSocket; ask for the upgrade as RFC 6455 says",
            431: f"headers may have {HEADERS_MAX_BYTES} bytes",
        }.get(status, "this is not an HTTP/1.1 request")
        body = b'{"error":{"code":"HTTP","message":"%s"}}' % message.encode()
        self._answers.append(
            [(Response(status, {"content-type": "application/json"}, body), False, False)]
        )
        self._flush()
        self._is_closing = True

    # -- WebSocket ----------------------------------------------------------------------------

    def _upgrade(self, rest: bytes) -> None:
        request = Request(
            self._parser.get_method().decode("ascii"),
            self._target.decode("latin-1"),
            self._headers,
            b"",
        )
        if self._answers or self._headers.get("upgrade", "").lower() != "websocket":
            self._refuse(426)
            return
        self._socket = _Socket(self._transport, self._loop)
        self._socket.open(self._server.site, request, self._ip, WebSocketConnection(self))
        if rest:
            self._socket.receive(rest)

    def write_frame(self, frame: bytes) -> None:
        """Send a frame on a WebSocket that is open."""
        if self._socket is not None:
            self._socket.write(frame)

    def close_socket(self, code: int, reason: str) -> None:
        """Begin the closing handshake of a WebSocket."""
        if self._socket is not None:
            self._socket.close(code, reason)

    # -- time ---------------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Cut off who is too slow."""
        if self._socket is not None:
            self._socket.check(now)
        elif self._answers:
            self._deadline = now + IDLE_S  # it waits for us
        elif now > self._deadline:
            if self._is_reading and not self._is_closing:
                self._refuse(408)
            else:
                self._transport.abort()

    def finish(self) -> None:
        """End in order: a WebSocket says goodbye, a request gets its answer."""
        if self._socket is not None:
            self._socket.close(1001, "the exchange is stopping")
        elif self._answers:
            self._is_closing = True
        else:
            self._transport.close()

    def abort(self) -> None:
        """End at once."""
        self._transport.abort()


class _Socket:
    """The WebSocket half of a connection."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._protocol = ServerProtocol(max_size=MESSAGE_MAX_BYTES)
        self._fragments: list[bytes] = []
        self._is_text = True
        self._pinged = self._heard = loop.time()
        self._abort_at: float | None = None
        self._connection: WebSocketConnection | None = None
        self._early: list[bytes] = []

    def open(self, site: Site, request: Request, ip: str, connection: WebSocketConnection) -> None:
        """Do the handshake; the site may refuse."""
        lines = [f"GET {request.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        self._protocol.receive_data("\r\n".join([*lines, "", ""]).encode("latin-1"))
        found = [e for e in self._protocol.events_received() if isinstance(e, HandshakeRequest)]
        if not found:
            self._transport.close()
            return
        response = self._protocol.accept(found[0])
        is_taken = False
        if response.status_code == 101:  # noqa: PLR2004 RFC 6455
            self._connection = connection
            is_taken = site.websocket(request, ip, connection)
            if not is_taken:
                response = self._protocol.reject(404, "there is no stream at this path\n")
        self._protocol.send_response(response)
        self._flush()
        if not is_taken:
            self._connection = None
            self._transport.close()
            return
        self._flush_early()

    def write(self, frame: bytes) -> None:
        if self._protocol.state is State.CONNECTING:
            self._early.append(frame)
            return
        if self._protocol.state is not State.OPEN or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > UNSENT_MAX_BYTES:
            self.close(1008, "you read too slowly")
            self._abort_at = self._loop.time()
            return
        self._transport.write(frame)

    def close(self, code: int, reason: str) -> None:
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)
            self._flush()
            self._abort_at = self._loop.time() + STOP_S

    def receive(self, data: bytes) -> None:
        self._heard = self._loop.time()
        self._protocol.receive_data(data)
        # Frames first, then what the protocol itself has to say: a close must come last.
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._take(event)
        self._flush()

    def eof(self) -> None:
        self._protocol.receive_eof()
        self._flush()

    def lost(self) -> None:
        if self._connection is not None:
            self._connection.on_close()
            self._connection = None

    def check(self, now: float) -> None:
        if self._abort_at is not None and now > self._abort_at:
            self._transport.abort()
        elif now - self._heard > PONG_S:
            self.close(1011, "no pong")
            self._abort_at = now
        elif now - self._pinged > PING_S and self._protocol.state is State.OPEN:
            self._pinged = now
            self._protocol.send_ping(b"")
            self._flush()

    def _flush_early(self) -> None:
        """Send what the site wanted to send before the handshake was over."""
        early, self._early = self._early, []
        for frame in early:
            self.write(frame)

    def _take(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY:
                self._is_text = frame.opcode is Opcode.TEXT
                self._fragments = [bytes(frame.data)]
            case Opcode.CONT:
                self._fragments.append(bytes(frame.data))
            case _:
                return  # pings, pongs and closes are the protocol's
        if not frame.fin or self._connection is None or self._protocol.state is not State.OPEN:
            return
        data, self._fragments = b"".join(self._fragments), []
        if not self._is_text:
            self._connection.on_message(data)
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self._protocol.fail(1007, "text must be UTF-8")
            self._abort_at = self._loop.time() + STOP_S
            return
        self._connection.on_message(text)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self._transport.is_closing():
                return
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
        if self._protocol.close_expected() and self._abort_at is None:
            self._abort_at = self._loop.time() + STOP_S


_NEVER = (Response(500, {}, b""), False, False)
