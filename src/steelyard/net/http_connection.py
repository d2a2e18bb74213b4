"""One connection of a port: bytes to requests, and answers back, in order and bounded.

A `RequestReader` reads. A `Site` is asked one request at a time, outside the parser; it may
answer later, and answers leave in the order of the requests, whenever they come. What is taken
up from one connection is bounded by count, what waits to be sent by not reading on. After an
upgrade the bytes are a `WebSocketConnection`'s. It knows no API: how a refusal reads in an API's
own words, a `RefusingSite` says.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, cast, runtime_checkable

from steelyard.net.answers import Answers
from steelyard.net.bounds import Bounds, explain, plain_refusal
from steelyard.net.request_reader import SLICE_BYTES, RequestReader, Upgrade
from steelyard.net.websocket_connection import WebSocketConnection, reset
from steelyard.wire.http import Request, Response

TURN_MAX = 4  # requests of one connection in a row: then the others have their turn


class Reply(Protocol):
    """What a site answers a request with, once; or it cuts the connection off."""

    def __call__(self, response: Response) -> None:
        """Answer."""
        ...

    def cut(self) -> None:
        """End the connection without an answer, as a network that fails would."""
        ...

    def hang(self) -> None:
        """Take nothing more from the connection, say nothing more, and let it stay open."""
        ...


class Site(Protocol):
    """What one port serves. What it raises ends that connection, and is told to the loop."""

    def http(self, request: Request, ip: str, reply: Reply) -> None:
        """Answer a request, now or later, by one call of `reply`."""
        ...

    def websocket(
        self, request: Request, ip: str, connection: WebSocketConnection
    ) -> bool | Response:
        """Take a WebSocket: set its `on_message` and `on_close`. False or a Response refuses it."""
        ...


@runtime_checkable
class RefusingSite(Site, Protocol):
    """A site that has its own words for bytes that are no request the port takes."""

    def refuse(self, request: Request, status: int, message: str) -> Response | None:
        """Return a refusal; None leaves it to the port.

        `request` is what had been read of it, without a body; `message` says what was wrong.
        """
        ...


@dataclass
class Port:
    """What the connections of one port share."""

    site: Site
    bounds: Bounds
    loop: asyncio.AbstractEventLoop
    answers: Answers = field(default_factory=Answers)
    connections: set["HttpConnection"] = field(default_factory=set)
    on_empty: Callable[[], None] = lambda: None
    is_held: bool = False  # nothing new is taken up: the site has enough to do


class _Slot:
    """The place of one answer among those of its connection; the site's `reply` is a call."""

    __slots__ = ("connection", "is_old", "request", "response")

    def __init__(self, connection: "HttpConnection", request: Request) -> None:
        self.connection = connection
        self.request = request
        self.is_old = False  # HTTP/1.0
        self.response: Response | None = None

    def __call__(self, response: Response) -> None:
        if self.response is None:
            self.response = response
            self.connection.answered()

    def cut(self) -> None:
        self.connection.cut()

    def hang(self) -> None:
        self.connection.hang()


class HttpConnection(asyncio.Protocol):
    """One TCP connection: HTTP until it is upgraded."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._bounds = port.bounds
        self._loop = port.loop
        self._transport: asyncio.Transport
        self._ip = ""
        self._reader = RequestReader(port.bounds)
        self._socket: WebSocketConnection | None = None
        # What waits: bytes, then whole requests, then answers.
        self._backlog = b""
        self._ready: deque[_Slot] = deque()
        self._slots: deque[_Slot] = deque()
        self._upgrade: Upgrade | None = None
        # How it stands.
        self._accepts = True  # more requests
        self._is_ended = False  # by the client, which still reads
        self._is_working = False
        self._turn: asyncio.Handle | None = None  # when it goes on, after the others
        self._is_paused = False
        self._is_full = False  # the client does not take what is sent
        self._is_lingering = False
        self._is_over = False
        self._is_deaf = False
        self._unsent_bytes = 0
        self._excess_bytes = 0  # that came, or may come, after the last request that counts
        self._timed = (0, False)  # what the deadline is for: which request, its body
        self._deadline = self._loop.time() + self._bounds.head_s

    # -- asyncio's side -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: a client is there."""
        self._transport = cast("asyncio.Transport", transport)
        if len(self._port.connections) >= self._bounds.connections_max:
            self._is_over = True
            self._transport.abort()
            return
        peer = transport.get_extra_info("peername")
        self._ip = peer[0] if peer else ""
        self._port.connections.add(self)
        self.hold()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 either way it is gone
        """asyncio: it is gone; answers that come now go nowhere."""
        self._is_over = True
        if self._turn is not None:
            self._turn.cancel()
        self._ready.clear()
        self._slots.clear()
        self._backlog = b""
        self._port.connections.discard(self)
        if not self._port.connections:
            self._port.on_empty()
        if self._socket is not None:
            self._socket.lost()

    def eof_received(self) -> bool:
        """asyncio: the client sends no more; it may still wait for answers."""
        if self._socket is not None:
            self._socket.eof()
            return False
        self._is_ended = True
        self._settle()
        # With TLS no half of a connection can be closed.
        may_wait = self._transport.can_write_eof()
        return may_wait and not self._is_over and not self._is_lingering

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes."""
        if self._is_deaf:
            return
        if self._socket is not None:
            self._socket.receive(data)
        elif self._accepts:
            port = self._port
            is_busy = self._slots or self._backlog or self._is_full or port.is_held
            if is_busy or len(data) > SLICE_BYTES:
                self._backlog += data
            elif not self._ready and (request := self._reader.plain(data)) is not None:
                # What `_work` comes to where nothing waits.
                slot = _Slot(self, request)
                self._slots.append(slot)
                self._is_working = True
                try:
                    port.site.http(request, self._ip, slot)
                except Exception as error:  # noqa: BLE001 not swallowed, see _fail
                    self._fail(error, slot)
                finally:
                    self._is_working = False
                if slot.response is not None:
                    self._flush()
                if not self._is_open():
                    self._settle()
                return
            else:
                self._read(data)
            self._work()
        else:
            self._excess_bytes += len(data)
            if self._excess_bytes > self._bounds.linger_max_bytes:
                self._transport.abort()

    def pause_writing(self) -> None:
        """asyncio: more waits to be sent than is good."""
        self._is_full = True
        if self._socket is not None:
            self._socket.pause_writing()
            return
        self._unsent_bytes = self._transport.get_write_buffer_size()
        self._deadline = self._loop.time() + self._bounds.unread_s

    def resume_writing(self) -> None:
        """asyncio: the client has taken most of it."""
        self._is_full = False
        if self._socket is not None:
            self._socket.resume_writing()
            return
        self._deadline = self._loop.time() + self._bounds.idle_s
        self.answered()

    # -- from bytes to the site ---------------------------------------------------------------

    def _work(self) -> None:
        """Take up what has arrived, as far as the bounds allow, and give way in between."""
        if self._is_working or self._turn is not None:
            return
        self._is_working = True  # a site that replies at once is heard below
        left = TURN_MAX
        try:
            while not (self._is_full or self._port.is_held or self._is_at_bound()):
                if self._ready:
                    if left <= 0:
                        self._turn = self._loop.call_soon(self._go_on)
                        break
                    left -= self._ask(left)
                    self._flush()
                elif self._backlog and self._accepts and self._upgrade is None:
                    data = self._backlog
                    self._backlog = data[SLICE_BYTES:]
                    self._read(data[:SLICE_BYTES])
                else:
                    if self._upgrade is not None and not self._slots:
                        self._open(self._upgrade)
                    break
        finally:
            self._is_working = False
        self._settle()

    def _go_on(self) -> None:
        self._turn = None
        self._work()

    def _read(self, data: bytes) -> None:
        """Read one slice."""
        reader = self._reader
        reader.feed(data)
        for request, is_old in reader.whole:
            slot = _Slot(self, request)
            slot.is_old = is_old
            self._ready.append(slot)
        reader.whole.clear()
        if reader.is_over:
            if reader.refused is not None:
                self._refuse()
            elif reader.upgrade is not None:
                self._upgrade = reader.upgrade
            else:
                self._end(reader.ignored_bytes)
        elif reader.in_head or reader.in_body:
            timed = reader.begun, reader.in_body
            if timed != self._timed:
                self._timed = timed
                in_s = self._bounds.body_s if reader.in_body else self._bounds.head_s
                self._deadline = self._loop.time() + in_s

    def _ask(self, count_max: int) -> int:
        """Give the site what is ready, up to the bound; return how much that was."""
        ready, slots = self._ready, self._slots
        count = 0
        while ready and count < count_max and not (self._port.is_held or self._is_at_bound()):
            slot = ready.popleft()
            count += 1
            slots.append(slot)
            if slot.response is not None:
                continue  # a refusal, in its turn
            try:
                self._port.site.http(slot.request, self._ip, slot)
            except Exception as error:  # noqa: BLE001 not swallowed, see _fail
                self._fail(error, slot)
        return count

    def _fail(self, error: Exception, slot: _Slot) -> None:
        """Tell the loop's exception handler, which is the roof's; answer, and end."""
        self._loop.call_exception_handler(
            {
                "message": "a site failed on a request; the connection is closed",
                "exception": error,
                "transport": self._transport,
            }
        )
        self._end(len(self._ready))
        self._ready.clear()
        if slot.response is None:
            slot.response = self._words(500, explain(500, self._bounds), slot.request)

    def _open(self, upgrade: Upgrade) -> None:
        """Make it a WebSocket, if the site takes it."""
        request, rest = upgrade.request, upgrade.rest + self._backlog
        self._upgrade, self._backlog = None, b""
        slot = _Slot(self, request)
        self._socket = WebSocketConnection(self._transport, self._loop, self._bounds)
        try:
            is_read = self._socket.open(
                request, lambda socket: self._port.site.websocket(request, self._ip, socket)
            )
        except Exception as error:  # noqa: BLE001 not swallowed, see _fail
            is_read = False
            self._fail(error, slot)
        if is_read:
            self._resume()
            self.hold()
            if rest:
                self._socket.receive(rest)
            return
        self._socket = None
        if slot.response is None:
            message = "this is not a WebSocket's handshake as RFC 6455, 4.1 has it"
            slot.response = self._words(400, message, request)
            self._end(len(rest))
        self._slots.append(slot)
        self._flush()

    # -- from the site to bytes ---------------------------------------------------------------

    def cut(self) -> None:
        """End at once, with nothing more said: the client reads a reset."""
        if not self._is_over:
            reset(self._transport)

    def hang(self) -> None:
        """Read and say nothing more, and stay open: as an end that is gone without a word."""
        self._is_deaf = True
        self._backlog = b""
        self._ready.clear()

    def answered(self) -> None:
        """Send what can be sent, and take up what was waiting for that."""
        if self._is_over or self._is_working or self._is_deaf:
            return
        if self._is_only():
            # What the rest comes to where nothing waits but this.
            slot = self._slots.popleft()
            assert slot.response is not None, "it has been answered"
            self._deadline = self._loop.time() + self._bounds.idle_s
            self._transport.write(self._bytes_of(slot, slot.response, is_last=False))
            if self._is_full:
                self._settle()
            return
        self._flush()
        if self._ready or self._backlog or self._upgrade is not None:
            self._work()
        elif not self._is_open():
            self._settle()

    def _flush(self) -> None:
        """Send every answer whose turn it is."""
        slots = self._slots
        if self._is_full or self._is_over:
            return
        out = []
        while slots and (response := slots[0].response) is not None:
            slot = slots.popleft()
            is_last = not slots and (not self._accepts or self._is_ended) and self._is_done()
            out.append(self._bytes_of(slot, response, is_last=is_last))
        if out:
            if not slots:
                self._deadline = self._loop.time() + self._bounds.idle_s
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))

    def _is_only(self) -> bool:
        """Whether there is one answer, and nothing to be settled but that it leaves."""
        slots = self._slots
        if len(slots) != 1 or slots[0].response is None:
            return False
        is_waiting = self._ready or self._backlog or self._upgrade is not None
        return not is_waiting and self._is_open()

    def _split(self, slot: _Slot) -> Response:
        """Send nothing that a client, or a proxy before it, could read as two answers."""
        self._loop.call_exception_handler(
            {
                "message": "a site's answer has a line break in a header; a 500 is sent instead",
                "transport": self._transport,
            }
        )
        return self._words(500, explain(500, self._bounds), slot.request)

    def _bytes_of(self, slot: _Slot, response: Response, *, is_last: bool) -> bytes:
        is_head = slot.request.method == "HEAD"
        answers = self._port.answers
        whole = answers.write(response, is_head=is_head, is_old=slot.is_old, is_last=is_last)
        return whole or self._bytes_of(slot, self._split(slot), is_last=is_last)

    def _refuse(self) -> None:
        """Answer, in its turn, what the reader refused; then end."""
        refused = self._reader.refused
        assert refused is not None, "the reader has refused"
        slot = _Slot(self, refused.request)
        slot.response = self._words(refused.status, refused.message, refused.request)
        self._ready.append(slot)
        self._end(1)  # and whatever more was on its way

    def _words(self, status: int, message: str, request: Request) -> Response:
        site, response = self._port.site, None
        if isinstance(site, RefusingSite):
            response = site.refuse(request, status, message)
        return response or plain_refusal(status, message)

    # -- how it goes on -----------------------------------------------------------------------

    def _is_open(self) -> bool:
        """Whether nothing is to be settled: it reads, and takes what comes."""
        is_closing = not self._accepts or self._is_ended or self._is_over
        is_stopped = self._is_paused or self._is_full or self._port.is_held
        return not (is_closing or is_stopped or self._reader.owes_continue)

    def _is_at_bound(self) -> bool:
        return len(self._slots) >= self._bounds.pipelined_max

    def _is_done(self) -> bool:
        """Whether no request waits and none will come."""
        if self._ready or self._upgrade is not None:
            return False
        return not self._accepts or (self._is_ended and not self._backlog)

    def _end(self, excess_bytes: int) -> None:
        """Take no more requests; so much, besides the backlog, is known to be ignored."""
        self._accepts = False
        self._excess_bytes += excess_bytes + len(self._backlog)
        self._backlog = b""

    def _settle(self) -> None:
        """Read on or not, ask for a body, or close, as it now stands."""
        if self._is_over or self._socket is not None:
            return
        if not self._slots and (not self._accepts or self._is_ended) and self._is_done():
            self._close()
            return
        is_waiting = self._ready or self._backlog or self._upgrade is not None
        if self._is_full or self._port.is_held or is_waiting:
            if not self._is_paused:
                self._is_paused = True
                self._transport.pause_reading()
            return
        self._resume()
        if self._reader.owes_continue and not self._slots and self._accepts:
            self._reader.owes_continue = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def _close(self) -> None:
        """Close; with bytes unread a reset would overtake the answer, so read them first."""
        if self._is_lingering or self._transport.is_closing():
            return
        if self._excess_bytes and not self._is_ended and self._transport.can_write_eof():
            self._is_lingering = True
            self._deadline = self._loop.time() + self._bounds.linger_s
            self._transport.write_eof()
            self._resume()
        else:
            self._is_over = True
            self._transport.close()

    # -- time ---------------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Cut off who is too slow; `now` is the loop's time in seconds."""
        if self._socket is not None:
            self._socket.check(now)
            return
        if self._is_full:
            unsent = self._transport.get_write_buffer_size()
            if unsent < self._unsent_bytes:
                self._unsent_bytes = unsent
                self._deadline = max(self._deadline, now + self._bounds.unread_s)
        if now <= self._deadline:
            return
        reader = self._reader
        is_reading = self._accepts and (reader.in_head or reader.in_body)
        if self._is_full or self._is_lingering:
            self._transport.abort()
        elif self._is_paused or (self._slots and not is_reading):
            return  # it waits for us
        elif is_reading:
            reader.refuse(408)
            self._refuse()
            self._work()
        else:
            self._transport.close()

    def hold(self) -> None:
        """Read no more, if the port is held."""
        if not self._port.is_held:
            return
        if self._socket is not None:
            self._socket.hold()
        elif not self._is_working:  # else it sees by itself
            self._settle()

    def let_go(self) -> None:
        """Read on; the time that it was held counts for nothing."""
        if self._socket is not None:
            self._socket.let_go()
            return
        self._deadline = max(self._deadline, self._loop.time() + self._bounds.head_s)
        self.answered()

    def finish(self) -> None:
        """End in order: a WebSocket says goodbye, what the site was asked gets its answer."""
        if self._socket is not None:
            self._socket.close(1001, "this server is stopping")
            return
        is_reading = self._reader.in_head or self._reader.in_body
        self._end(len(self._ready) + is_reading + (self._upgrade is not None))
        self._ready.clear()
        self._upgrade = None
        self._settle()

    def abort(self) -> None:
        """End at once."""
        self._transport.abort()
