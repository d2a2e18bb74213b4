"""What a port allows its clients, and what it says to whoever goes beyond.

Every bound has an act: too much is answered and the connection closed, a slow sender is cut
off, a slow reader is dropped, connections beyond the maximum are closed at once. Times are
arguments like the rest, so that a test need not wait for them. Which bounds make sense for an
API is not known here.
"""

from typing import NamedTuple

import msgspec

from steelyard.wire.http import (
    BODY_MAX_BYTES,
    HEADERS_MAX_BYTES,
    TARGET_MAX_BYTES,
    Response,
    json_response,
)


class Bounds(NamedTuple):
    """Bounds of a port, each with what happens beyond it; `_s` are seconds."""

    connections_max: int = 2_000  # of the port: the next one is closed at once
    pipelined_max: int = 32  # unanswered requests of a connection: then no more is taken up
    target_max_bytes: int = TARGET_MAX_BYTES  # 414
    headers_max_bytes: int = HEADERS_MAX_BYTES  # 431
    headers_max: int = 128  # 431
    body_max_bytes: int = BODY_MAX_BYTES  # 413, before the rest arrives
    handshakes_max: int = 200  # of TLS, at one time: the next connection is closed at once
    handshake_s: float = 10.0  # of TLS: abort
    head_s: float = 10.0  # from a request's first byte to the end of its headers: 408
    body_s: float = 30.0  # from there to its end: 408
    idle_s: float = 75.0  # between requests: close
    unread_s: float = 30.0  # in which a client takes nothing of what is to be sent: abort
    linger_s: float = 5.0  # in which a refused client may go on sending, so that it can read why
    linger_max_bytes: int = 64 << 20  # that a refused client may go on sending: abort
    message_max_bytes: int = 1 << 20  # of a WebSocket: close 1009
    unsent_max_bytes: int = 4 << 20  # of a WebSocket whose reader is slow: close 1008
    ping_s: float = 20.0  # between pings
    pong_s: float = 60.0  # in which a WebSocket says nothing at all: close 1011
    stop_s: float = 2.0  # for last answers and closing handshakes: abort
    sweep_s: float = 1.0  # how often times are checked


DEFAULT = Bounds()
NOT_ALLOWED = 405


def explain(status: int, bounds: Bounds) -> str:
    """Return what to tell a client that is refused with a status: what was wrong, what to do."""
    return {
        400: "these bytes are not an HTTP/1.1 request",
        405: "this server is no proxy: it opens no tunnels, so CONNECT is nothing it takes",
        408: f"the request took too long to arrive; its headers may take {bounds.head_s:g} s "
        f"and its body {bounds.body_s:g} s. Send it in one go",
        413: f"the body is too large; it may have {bounds.body_max_bytes} bytes. "
        "Send less in one request",
        414: f"the target is too long; it may have {bounds.target_max_bytes} bytes. "
        "Send long parameters in the body",
        431: f"the headers are too large; they may be {bounds.headers_max} and have "
        f"{bounds.headers_max_bytes} bytes. Send fewer",
        500: "the server failed on this request; whether it was carried out is not known here, "
        "so ask before you send it again",
        501: "this server takes bodies plain or chunked",
        505: "this server speaks HTTP/1.1 and 1.0",
    }[status]


def plain_refusal(status: int, message: str) -> Response:
    """Return a refusal in nobody's dialect."""
    document = {"error": {"code": f"HTTP_{status}", "message": message}}
    # A tunnel takes no method: RFC 9110, 10.2.1.
    headers = {"allow": ""} if status == NOT_ALLOWED else None
    return json_response(status, msgspec.json.encode(document), headers)
