"""A listening port: HTTP and WebSocket on the same one, for a `Site` that says what happens.

It accepts, keeps count, checks times, and stops in order; what a connection does is in
`http_connection` and `websocket_connection`. Every bound is in `Bounds` and has an act. It
knows no API.
"""

import asyncio
import os
import socket
import ssl
from contextlib import suppress
from email.utils import formatdate

from steelyard.domain.errors import ConfigError
from steelyard.net.bounds import DEFAULT, Bounds
from steelyard.net.http_connection import HttpConnection, Port, RefusingSite, Reply, Site
from steelyard.net.ports import holder_of
from steelyard.net.websocket_connection import WebSocketConnection, text_frame

__all__ = [
    "Bounds",
    "RefusingSite",
    "Reply",
    "Server",
    "Site",
    "WebSocketConnection",
    "bind",
    "serve",
    "serve_on",
    "text_frame",
]

BACKLOG = 512  # connections that the system holds before they are accepted
PORT_MAX = 65_535


async def serve(site: Site, host: str, port: int, bounds: Bounds = DEFAULT) -> "Server":
    """Listen and serve; port 0 takes a free one.

    Raises:
        ConfigError: The port is taken, or may not be used; the message says by whom.
    """
    return await serve_on(bind(host, port), site, bounds)


def bind(host: str, port: int) -> socket.socket:
    """Take a port without listening yet: whoever connects is refused.

    Raises:
        ConfigError: As `serve`.
    """
    if not 0 <= port <= PORT_MAX:
        raise ConfigError(f"there is no port {port}: ports are 1 to {PORT_MAX}, 0 takes a free one")
    bound = None
    try:
        bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if os.name == "posix":  # elsewhere it lets two listen at once
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        if bound is not None:
            bound.close()
        raise _unusable(host, port, error) from error
    return bound


async def serve_on(
    bound: socket.socket,
    site: Site,
    bounds: Bounds = DEFAULT,
    tls: ssl.SSLContext | None = None,
) -> "Server":
    """Listen and serve on a port that was taken by `bind`; with `tls`, nothing but TLS.

    Raises:
        ConfigError: Somebody else was faster.
    """
    host, port = bound.getsockname()[:2]
    try:
        bound.listen(BACKLOG)  # here, because this too finds that a port is taken
    except OSError as error:
        bound.close()
        raise _unusable(host, port, error) from error
    server = Server(site, bound, bounds, tls)
    await server.start()
    return server


class Server:
    """A listening port and its connections."""

    def __init__(
        self,
        site: Site,
        listening: socket.socket,
        bounds: Bounds = DEFAULT,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.site = site
        self.port: int = listening.getsockname()[1]
        self.connections: set[HttpConnection] = set()
        self._bounds = bounds
        self._listening = listening
        self._shared: Port | None = None
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._first = 0
        self._tls = tls
        self._again: asyncio.TimerHandle | None = None  # when more files may be opened
        self._handshakes: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to accept."""
        loop = asyncio.get_running_loop()
        shared = Port(self.site, self._bounds, loop, connections=self.connections)
        self._shared = shared
        self.sweep(loop.time())
        if self._tls is None:
            self._server = await loop.create_server(
                lambda: HttpConnection(shared), sock=self._listening, backlog=BACKLOG
            )
        else:
            self._listening.setblocking(False)  # noqa: FBT003 its only argument
            self._listen_tls(self._tls, shared)
        self._sweeper = loop.create_task(self._sweep_forever())

    async def close(self) -> None:
        """Stop accepting, let answers and closing handshakes finish, then cut off what is left."""
        if self._shared is None:
            self._listening.close()
            return
        if self._server is not None:
            self._server.close()
        await self._stop_accepting()
        if self._sweeper is not None:
            self._sweeper.cancel()
        empty = asyncio.Event()
        self._shared.on_empty = empty.set
        for connection in [*self.connections]:
            connection.finish()
        self.hold(is_held=False)  # closing handshakes have to be read
        if self.connections:
            try:
                await asyncio.wait_for(empty.wait(), self._bounds.stop_s)
            except TimeoutError:
                for connection in [*self.connections]:
                    connection.abort()

    def hold(self, *, is_held: bool) -> None:
        """Take up nothing new, neither requests nor messages, until told otherwise.

        What has arrived is kept, and what more is sent waits with its sender. Answers go out.
        """
        port = self._shared
        if port is None or port.is_held == is_held:
            return
        port.is_held = is_held
        connections = [*self.connections]
        if is_held:
            for connection in connections:
                connection.hold()
            return
        # The one after the last that had its turn is the first: all get one.
        first = self._first % max(1, len(connections))
        for connection in connections[first:] + connections[:first]:
            connection.let_go()
            self._first += 1
            if port.is_held:  # again, by what it let in
                break

    def sweep(self, now: float) -> None:
        """Cut off who is too slow at a time of the loop, in seconds."""
        assert self._shared is not None, "a server that has started"
        self._shared.answers.set_date(formatdate(usegmt=True))
        for connection in [*self.connections]:
            connection.check(now)

    # -- TLS ----------------------------------------------------------------------------------

    def _accept(self, tls: ssl.SSLContext, shared: Port) -> None:
        """Accept here and not in the loop's server, which does not bound its handshakes."""
        loop = shared.loop
        try:
            accepted, _ = self._listening.accept()
        except (BlockingIOError, ConnectionError):
            return  # it has gone already
        except OSError:  # too many files are open
            loop.remove_reader(self._listening)
            self._again = loop.call_later(self._bounds.sweep_s, self._listen_tls, tls, shared)
            return
        if len(self._handshakes) >= self._bounds.handshakes_max:
            accepted.close()
            return
        accepted.setblocking(False)  # noqa: FBT003 its only argument
        task = loop.create_task(self._shake_hands(accepted, tls, shared))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    def _listen_tls(self, tls: ssl.SSLContext, shared: Port) -> None:
        shared.loop.add_reader(self._listening, self._accept, tls, shared)

    async def _shake_hands(
        self, accepted: socket.socket, tls: ssl.SSLContext, shared: Port
    ) -> None:
        with suppress(OSError):  # no TLS, or not in time: it has been closed
            await shared.loop.connect_accepted_socket(
                lambda: HttpConnection(shared),
                accepted,
                ssl=tls,
                ssl_handshake_timeout=self._bounds.handshake_s,
                ssl_shutdown_timeout=self._bounds.stop_s,
            )

    async def _stop_accepting(self) -> None:
        if self._tls is None:
            return
        if self._again is not None:
            self._again.cancel()
        asyncio.get_running_loop().remove_reader(self._listening)
        self._listening.close()
        if self._handshakes:
            _, late = await asyncio.wait([*self._handshakes], timeout=self._bounds.stop_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _sweep_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._bounds.sweep_s)
            self.sweep(loop.time())


def _unusable(host: str, port: int, error: OSError) -> ConfigError:
    return ConfigError(
        f"port {port} on {host} cannot be used: {error.strerror or error}{holder_of(port)}; "
        "choose others with --port-base, for a bot with --port"
    )
