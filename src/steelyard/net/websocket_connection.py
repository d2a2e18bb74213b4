"""One WebSocket of a port: frames to messages, and messages back, bounded both ways.

The sans-I/O protocol of `websockets` reads frames and keeps the rules of RFC 6455; frames that
go out are made once (`text_frame`) and may be shared by many. Messages reach the site in order,
each exactly once, also those that came right before a close. A reader that is too slow is
dropped, because nobody waits for it. It does not know what a message means.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

from websockets.frames import Frame, Opcode
from websockets.http11 import Request as HandshakeRequest
from websockets.protocol import State
from websockets.server import ServerProtocol

from steelyard.net.bounds import Bounds
from steelyard.wire.http import Request, Response

SLICE_BYTES = 16 << 10  # read at once: what one slice holds as frames is all that is held
REASON_MAX_BYTES = 123  # RFC 6455, 5.5
SWITCHING = 101

# True takes it; False refuses it, a Response in the site's own words.
Take = Callable[["WebSocketConnection"], bool | Response]


def text_frame(payload: bytes) -> bytes:
    """Return a server's text frame: final, not masked."""
    size = len(payload)
    if size < 126:  # noqa: PLR2004 RFC 6455, 5.2
        return b"\x81" + size.to_bytes(1) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload


def reset(transport: asyncio.Transport) -> None:
    """End a connection as one that breaks: its other end reads a reset, not an end."""
    found = transport.get_extra_info("socket")
    if found is not None:
        with suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class WebSocketConnection:
    """One WebSocket as a site sees it: set `on_message` and `on_close`, and send."""

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, bounds: Bounds
    ) -> None:
        self.on_message: Callable[[str | bytes], None] = lambda _: None
        self.on_close: Callable[[], None] = lambda: None
        self.is_dropped = False  # because its reader was too slow
        self._transport = transport
        self._loop = loop
        self._bounds = bounds
        self._protocol = ServerProtocol(max_size=bounds.message_max_bytes)
        self._message = bytearray()
        self._is_text = True
        self._is_taken = False  # by the site, which then hears of its end
        self._may_send = False  # after the handshake, until a closing frame is on its way
        self._is_mute = False
        self._is_leaving = False  # the site has closed, and hears no more messages
        self._is_full = self._is_held = self._is_paused = False
        self._kept = b""  # what had been read when it was held
        self._early: list[bytes] = []  # what the site sent before the handshake was over
        self._early_close: tuple[int, str] | None = None
        self._pinged = self._heard = loop.time()
        self._abort_at: float | None = None

    # -- for the site -------------------------------------------------------------------------

    def send(self, payload: bytes) -> None:
        """Send a text message of UTF-8 bytes; nothing happens after the end."""
        self.send_shared(text_frame(payload))

    def send_shared(self, frame: bytes) -> None:
        """Send a frame that `text_frame` made once for many."""
        if not self._may_send:
            if self._protocol.state is State.CONNECTING:
                self._early.append(frame)
            return
        if self._is_full:
            unsent = self._transport.get_write_buffer_size()
            if unsent + len(frame) > self._bounds.unsent_max_bytes:
                # The closing frame waits behind what is not being read; it may be yet, for a while.
                self.is_dropped = True
                self.close(1008, "too slow: read what is sent, or subscribe to less")
                return
        self._transport.write(frame)

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; no message is heard after it."""
        self._is_leaving = True
        if self._protocol.state is State.CONNECTING:
            self._early_close = self._early_close or (code, reason)
        elif self._protocol.state is State.OPEN:
            short = reason.encode()[:REASON_MAX_BYTES].decode(errors="ignore")
            self._protocol.send_close(code, short)
            self._flush()

    def cut(self) -> None:
        """End the connection without a closing handshake, as a network that fails would."""
        self._may_send = False
        reset(self._transport)

    def mute(self) -> None:
        """Say and hear nothing more, and stay open: as an end that is gone without a word."""
        self._may_send, self._is_mute = False, True

    # -- for the connection below -------------------------------------------------------------

    def open(self, request: Request, take: Take) -> bool:
        """Do the handshake; `take` is the site's word on it, and may raise.

        Returns False, with nothing sent, where `request` cannot be read as a handshake at all.
        """
        lines = [f"{request.method} {request.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        self._protocol.receive_data("\r\n".join([*lines, "", ""]).encode("latin-1"))
        found = [e for e in self._protocol.events_received() if isinstance(e, HandshakeRequest)]
        if not found:
            return False
        response = self._protocol.accept(found[0])
        if response.status_code == SWITCHING:
            taken = take(self)
            if isinstance(taken, Response):
                response = self._protocol.reject(taken.status, taken.body.decode())
                for name, value in taken.headers.items():
                    if name in response.headers:
                        del response.headers[name]
                    response.headers[name] = value
            elif not taken:
                response = self._protocol.reject(404, "there is no stream at this path\n")
        self._protocol.send_response(response)
        self._is_taken = self._may_send = response.status_code == SWITCHING
        for data in self._protocol.data_to_send():
            self._transport.write(data)
        if not self._is_taken:
            self._transport.close()
            return True
        for frame in self._early:
            self.send_shared(frame)
        self._early.clear()
        if self._early_close is not None:
            self.close(*self._early_close)
        return True

    def receive(self, data: bytes) -> None:
        """Take bytes, and tell the site of every whole message in them."""
        if self._is_mute:
            return
        self._heard = self._loop.time()
        for start in range(0, len(data), SLICE_BYTES):
            if self._is_held:
                self._kept = data[start:]
                return
            self._protocol.receive_data(data[start : start + SLICE_BYTES])
            for event in self._protocol.events_received():
                if isinstance(event, Frame):
                    self._take(event)
            # Only now, so that what the site answers goes out before an answer to a close.
            self._flush()

    def eof(self) -> None:
        """The client will send no more."""
        self._protocol.receive_eof()
        self._flush()

    def lost(self) -> None:
        """The connection is gone."""
        self._may_send = False
        self._kept = b""
        if self._is_taken:
            self.on_close()

    def pause_writing(self) -> None:
        """Stop reading too: what comes in, pings among it, makes more to send."""
        self._is_full = True
        self._pause_or_resume()

    def resume_writing(self) -> None:
        """Read on."""
        self._is_full = False
        self._pause_or_resume()

    def hold(self) -> None:
        """Take no more messages for now."""
        self._is_held = True
        self._pause_or_resume()

    def let_go(self) -> None:
        """Take messages again; a client that was not heard meanwhile was not silent."""
        self._is_held = False
        self._heard = self._loop.time()
        kept, self._kept = self._kept, b""
        if kept:
            self.receive(kept)
        self._pause_or_resume()

    def check(self, now: float) -> None:
        """Ping who is silent, and drop who stays so, does not read or does not close."""
        if self._abort_at is not None:
            if now > self._abort_at:
                self._transport.abort()
        elif self._is_held or self._is_mute:
            return
        elif now - self._heard > self._bounds.pong_s:
            self.close(1011, "no sign of life: answer pings, and read what is sent")
        elif now - self._pinged > self._bounds.ping_s and self._protocol.state is State.OPEN:
            self._pinged = now
            self._protocol.send_ping(b"")
            self._flush()

    # -- inside -------------------------------------------------------------------------------

    def _pause_or_resume(self) -> None:
        is_paused = self._is_full or self._is_held
        if is_paused == self._is_paused or self._transport.is_closing():
            return
        self._is_paused = is_paused
        if is_paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _take(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return  # pings, pongs and closes are the protocol's
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._message += frame.data
        if not frame.fin:
            return
        data = bytes(self._message)
        self._message.clear()
        if self._is_leaving:
            return
        message: str | bytes = data
        if self._is_text:
            try:
                message = data.decode()
            except UnicodeDecodeError:
                self._is_leaving = True
                self._protocol.fail(1007, "text must be UTF-8")
                return
        try:
            self.on_message(message)
        except Exception as error:  # noqa: BLE001 not swallowed: the loop's handler is the roof's
            self._loop.call_exception_handler(
                {
                    "message": "a site failed on a WebSocket message; the WebSocket is closed",
                    "exception": error,
                    "transport": self._transport,
                }
            )
            self.close(1011, "the server failed on this message")

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self._transport.is_closing():
                break
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
            else:
                self._transport.close()
        if self._protocol.state is not State.OPEN:
            self._may_send = False
            if self._abort_at is None:
                self._abort_at = self._loop.time() + self._bounds.stop_s
