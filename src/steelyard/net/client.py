# HANDED OVER (temporary line): net/** and tests/net, bench/http.py belong to another engineer now;
# store/**, vault/**, domain/secret.py, domain/journal.py and their tests stay with who has them.
"""Connections to a venue: requests and WebSockets, with failures told by what may have left us.

A request's raw target and body go out exactly as they are given, because signatures cover
them. `ConnectFailed` means that no byte of the request can have left; whatever else goes wrong,
a time-out included, is `ConnectionLost`: it may have arrived. Where `loopback_only` is set,
another host is refused before anything is looked up.
"""

import asyncio
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp
import websockets
import yarl
from websockets.asyncio.client import connect

from steelyard.domain.errors import (
    AuthError,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    DecodeError,
)
from steelyard.domain.messages import SECOND_NS
from steelyard.wire.http import Request, Response
from steelyard.wire.outcome import delays_ns

CONNECT_S = 5.0
TOTAL_S = 10.0
CONNECTIONS_MAX = 16
ANSWER_MAX_BYTES = 32 << 20
MESSAGE_MAX_BYTES = 16 << 20
PING_S, PONG_S = 20.0, 20.0
RETRY_FIRST_NS, RETRY_MAX_NS = SECOND_NS // 4, 30 * SECOND_NS


class HttpClient:
    """Requests to one base URL, over a few kept connections."""

    def __init__(self, base_url: str, *, loopback_only: bool, total_s: float = TOTAL_S) -> None:
        """Check the URL; nothing is opened before the first request.

        Raises:
            ConfigError: Not an http URL, or not loopback where it must be.
        """
        self.base_url = checked_url(base_url, ("http", "https"), loopback_only=loopback_only)
        self._total_s = total_s
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Response:
        """Send a request and return the response, whatever its status.

        Raises:
            ConnectFailed: Nothing left us.
            ConnectionLost: It may have arrived.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=30),
                timeout=aiohttp.ClientTimeout(total=self._total_s, sock_connect=CONNECT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=True,
                skip_auto_headers=("User-Agent", "Content-Type"),
            )
        url = yarl.URL(self.base_url + request.target, encoded=True)
        try:
            async with self._session.request(
                request.method,
                url,
                headers=request.headers,
                data=request.body or None,
                allow_redirects=False,
            ) as answer:
                body = await answer.content.read(ANSWER_MAX_BYTES)
                while not answer.content.at_eof():
                    body += await answer.content.read(ANSWER_MAX_BYTES)
                    if len(body) > ANSWER_MAX_BYTES:
                        raise ConnectionLost(f"{self.base_url} answered without an end")
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status, headers, body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ConnectFailed(f"{self.base_url}: {_said(error)}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ConnectionLost(f"{self.base_url}: {_said(error)}") from error

    async def close(self) -> None:
        """Close the kept connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class Down(NamedTuple):
    """A WebSocket is down, and why."""

    why: str


class Up(NamedTuple):
    """A WebSocket is open."""


class WebSocketClient:
    """One WebSocket that is opened again whenever it breaks.

    For each connection `begin` returns what to open (path and query) and the first texts to
    send; `take` gets every message and returns texts to send; `tell` hears of Up and Down. A
    `DecodeError` or `AuthError` from `take` closes the connection, which is then opened anew.
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
    ) -> None:
        self.base_url = checked_url(base_url, ("ws", "wss"), loopback_only=loopback_only)
        self._begin, self._take, self._tell = begin, take, tell
        self._rng = rng
        self._socket: websockets.ClientConnection | None = None

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        delays = self._delays()
        while True:
            target, opened = self._begin()
            why = "closed"
            try:
                async with connect(
                    self.base_url + target,
                    max_size=MESSAGE_MAX_BYTES,
                    open_timeout=CONNECT_S,
                    ping_interval=PING_S,
                    ping_timeout=PONG_S,
                    close_timeout=1,
                    compression=None,
                    proxy=None,
                ) as self._socket:
                    self._tell(Up())
                    for text in opened():
                        await self._socket.send(text)
                    async for message in self._socket:
                        delays = self._delays()
                        for text in self._take(message):
                            await self._socket.send(text)
            except (websockets.WebSocketException, OSError, TimeoutError) as error:
                why = _said(error)
            except (DecodeError, AuthError) as error:
                why = str(error)
            finally:
                self._socket = None
            self._tell(Down(why))
            pause_ns = next(delays, RETRY_MAX_NS)
            await asyncio.sleep(pause_ns / SECOND_NS)

    async def send(self, text: str) -> None:
        """Send a text if the connection is open."""
        if self._socket is not None:
            await self._socket.send(text)

    async def reset(self) -> None:
        """Close the connection, so that it is opened anew."""
        if self._socket is not None:
            await self._socket.close()

    def _delays(self) -> Iterator[int]:
        return delays_ns(
            self._rng, first_ns=RETRY_FIRST_NS, max_ns=RETRY_MAX_NS, tries=1_000_000_000
        )


def checked_url(url: str, schemes: tuple[str, ...], *, loopback_only: bool) -> str:
    """Return a base URL without a trailing slash.

    Raises:
        ConfigError: Another scheme, no host, or a host that is not loopback where it must be.
    """
    parts = urlsplit(url)
    if parts.scheme not in schemes or not parts.hostname:
        raise ConfigError(f"{url!r} should be {schemes[0]}://HOST:PORT")
    if loopback_only and not _is_loopback(parts.hostname):
        raise ConfigError(
            f"{url} is not on this machine: only a live environment may reach a real venue"
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
