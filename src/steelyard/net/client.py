"""Connections to a venue: requests and WebSockets, with failures told by what may have left us.

A request's raw target and body go out exactly as they are given, because signatures cover
them, and exactly once, whatever the method: nothing is sent again, and no redirect followed.
`ConnectFailed` means that no byte of the request can have left; whatever else goes wrong,
a time-out included, is `ConnectionLost`: it may have arrived. Where `loopback_only` is set,
another host is refused before anything is looked up. It does not know what a message means.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp
import websockets
import yarl
from websockets.asyncio.client import connect

from steelyard.domain.errors import (
    AuthError,
    ConnectFailed,
    ConnectionLost,
    DecodeError,
    TransportError,
)
from steelyard.domain.messages import SECOND_NS
from steelyard.net.urls import checked_url
from steelyard.wire.http import Request, Response
from steelyard.wire.outcome import delays_ns

CONNECT_S = 5.0
TOTAL_S = 10.0
CONNECTIONS_MAX = 16
KEPT_S = 30.0  # an idle connection; less than servers keep theirs
ANSWER_MAX_BYTES = 32 << 20
MESSAGE_MAX_BYTES = 16 << 20


class HttpClient:
    """Requests to one base URL, over a few kept connections."""

    def __init__(
        self,
        base_url: str,
        *,
        loopback_only: bool,
        total_s: float = TOTAL_S,
        in_turn: frozenset[str] = frozenset(),
    ) -> None:
        """Check the URL; nothing is opened before the first request.

        Args:
            base_url: `http://HOST:PORT`, perhaps with a path that every target is appended to.
            loopback_only: Refuse every other host.
            total_s: Seconds for a whole request. A connection must be had in half of it, and
                in `CONNECT_S`, so that what never left is known as such.
            in_turn: Methods whose requests go one by one, each after the answer to the one before:
                two connections may swap what is sent at once.

        Raises:
            ConfigError: Not an http URL, or not loopback where it must be.
        """
        self.base_url = checked_url(base_url, ("http", "https"), loopback_only=loopback_only)
        self._base = urlsplit(self.base_url)
        self._total_s = total_s
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False
        self._in_turn = in_turn
        self._turn = asyncio.Lock()

    async def send(self, request: Request) -> Response:
        """Send a request and return the response, whatever its status.

        Raises:
            ConnectFailed: Nothing left us.
            ConnectionLost: It may have arrived.
        """
        if request.method not in self._in_turn:
            return await self._send(request)
        async with self._turn:
            return await self._send(request)

    async def _send(self, request: Request) -> Response:
        url = self._url(request)
        if self._is_closed:
            raise ConnectFailed("the client was closed")
        if self._session is None:
            self._session = self._new_session()
        try:
            async with self._session.request(
                request.method,
                url,
                headers=request.headers,
                data=request.body or None,
                allow_redirects=False,
            ) as answer:
                body = bytearray()
                while part := await answer.content.read(ANSWER_MAX_BYTES):
                    body += part
                    if len(body) > ANSWER_MAX_BYTES:
                        raise ConnectionLost(
                            f"{self.base_url} answered more than {ANSWER_MAX_BYTES} bytes"
                        )
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status, headers, bytes(body))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ConnectFailed(f"{self.base_url}: {_said(error)}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ConnectionLost(f"{self.base_url}: {_said(error)}") from error

    async def close(self) -> None:
        """Close the kept connections. Nothing is sent after it."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _new_session(self) -> aiohttp.ClientSession:
        connect_s = min(CONNECT_S, self._total_s / 2)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=KEPT_S),
            timeout=aiohttp.ClientTimeout(
                total=self._total_s, connect=connect_s, sock_connect=connect_s
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
            skip_auto_headers=("User-Agent", "Content-Type"),
            middlewares=(_once,),
        )

    def _url(self, request: Request) -> yarl.URL:
        """Return a URL whose path is the whole target, which leaves every byte as it is."""
        target = request.target
        is_printable = all("!" <= letter <= "~" for letter in target)
        if not target.startswith("/") or not is_printable:
            raise ConnectFailed(
                f"nothing was sent: {target!r} is no request target; it should begin with / and "
                "have everything but printable ASCII percent-encoded"
            )
        for name, value in request.headers.items():
            if not set("\r\n\0").isdisjoint(name + value):
                raise ConnectFailed(
                    f"nothing was sent: header {name!r} has a line break or a zero byte in it"
                )
        return yarl.URL.build(
            scheme=self._base.scheme,
            authority=self._base.netloc,
            path=self._base.path + target,
            encoded=True,
        )


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Let no failure after a connection was had look like one that aiohttp tries again.

    Without this it sends GET, PUT and DELETE a second time where a kept connection is lost.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # never tried again: nothing left
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionLost(f"{request.url.origin()}: {_said(error)}") from error


class Down(NamedTuple):
    """A WebSocket is down, and why."""

    why: str


class Up(NamedTuple):
    """A WebSocket is open."""


class Patience(NamedTuple):
    """How a WebSocket is kept; `_s` are seconds, `_ns` nanoseconds."""

    connect_s: float = CONNECT_S
    ping_s: float = 20.0
    pong_s: float = 20.0
    close_s: float = 1.0
    steady_s: float = 5.0  # up for so long, the next pause is the first one again
    retry_first_ns: int = SECOND_NS // 4
    retry_max_ns: int = 30 * SECOND_NS


class WebSocketClient:
    """One WebSocket that is opened again whenever it breaks.

    For each connection `prepare`, if there is one, gets from elsewhere what has to be known before;
    where it fails, so has the connection. `headers`, if there is one, returns what the request that
    opens it says besides. `begin` returns what to open (path and query) and the
    first texts to send; `take` gets every message and returns texts to send; `tell` hears of Up
    and Down. A `DecodeError` or `AuthError` from `take` closes the connection, which is then opened
    anew. Pauses between tries double until a connection has been up for some seconds.
    """

    def __init__(
        self,
        base_url: str,
        *,
        loopback_only: bool,
        begin: Callable[[], tuple[str, Callable[[], list[str]]]],
        take: Callable[[str | bytes], list[str]],
        tell: Callable[[Up | Down], None],
        rng: Random,
        patience: Patience | None = None,
        hold: Callable[[], Awaitable[object]] | None = None,
        prepare: Callable[[], Awaitable[object]] | None = None,
        headers: Callable[[], dict[str, str]] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Check the URL; nothing is opened before `run`, nor before `hold` has returned.

        Raises:
            ConfigError: Not a ws URL, or not loopback where it must be.
        """
        self.base_url = checked_url(base_url, ("ws", "wss"), loopback_only=loopback_only)
        self._begin, self._take, self._tell = begin, take, tell
        self._rng = rng
        self._patience = patience or Patience()
        self._hold = hold
        self._prepare = prepare
        self._headers = headers
        self._sleep = sleep
        self._socket: websockets.ClientConnection | None = None

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        loop = asyncio.get_running_loop()
        delays = self._delays()
        while True:
            if self._hold is not None:
                await self._hold()
            up_at: float | None = None
            try:
                if self._prepare is not None:
                    await self._prepare()
                target, opened = self._begin()
                async with self._connect(target) as socket:
                    up_at = loop.time()
                    self._socket = socket
                    try:
                        self._tell(Up())
                        await self._follow(socket, opened())
                    finally:
                        self._socket = None
                        await socket.close()
                    why = _close_said(socket)
            except (websockets.WebSocketException, OSError, TimeoutError) as error:
                why = _said(error)
            except (DecodeError, AuthError, TransportError) as error:
                why = str(error)
            self._tell(Down(why))
            if up_at is not None and loop.time() - up_at >= self._patience.steady_s:
                delays = self._delays()
            await self._sleep(next(delays) / SECOND_NS)

    async def send(self, text: str) -> None:
        """Send a text if the connection is open; Down tells when it was not."""
        if self._socket is not None:
            with suppress(websockets.ConnectionClosed):
                await self._socket.send(text)

    async def reset(self) -> None:
        """Close the connection, so that it is opened anew."""
        if self._socket is not None:
            await self._socket.close()

    async def _follow(self, socket: websockets.ClientConnection, first: list[str]) -> None:
        for text in first:
            await socket.send(text)
        async for message in socket:
            for text in self._take(message):
                await socket.send(text)

    def _connect(self, target: str) -> "_Connect":
        patience = self._patience
        return _Connect(
            self.base_url + target,
            additional_headers=self._headers() if self._headers is not None else None,
            max_size=MESSAGE_MAX_BYTES,
            open_timeout=patience.connect_s,
            ping_interval=patience.ping_s,
            ping_timeout=patience.pong_s,
            close_timeout=patience.close_s,
            compression=None,
            proxy=None,
        )

    def _delays(self) -> Iterator[int]:
        patience = self._patience
        return delays_ns(
            self._rng,
            first_ns=patience.retry_first_ns,
            max_ns=patience.retry_max_ns,
            tries=1_000_000_000,  # half a minute each: for ever
        )


class _Connect(connect):
    """Connects where it is told: a redirect would take what is sent first to another host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Return the answer as what it is here, a failure."""
        return exc


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _close_said(socket: websockets.ClientConnection) -> str:
    return f"closed by the other side: {socket.close_code} {socket.close_reason or ''}".rstrip()
