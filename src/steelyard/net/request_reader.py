"""Bytes to HTTP/1.1 requests, strictly and bounded; no sockets, no time.

httptools (llhttp) reads the grammar. What it lets through and two servers could read
differently is refused: two lengths, two hosts, codings that nobody here undoes, other versions.
What it keeps while it reads is bounded, also where it tells nobody, as in a header line without
an end. A trailer is dropped, because nothing that was checked covers it. An Upgrade to anything
but a WebSocket is ignored. After a refusal nothing more is read.

Most requests come whole, alone and plain: `read_plain` reads those in one go, where the native
module was built. It takes nothing that could be read in two ways, and refuses nothing.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import httptools

from steelyard.net.bounds import Bounds, explain
from steelyard.wire.http import Request

SLICE_BYTES = 4 << 10  # the most to feed at once: its requests are all that come of it

_METHODS = {b"GET": "GET", b"POST": "POST", b"DELETE": "DELETE", b"PUT": "PUT", b"HEAD": "HEAD"}
_USUAL = (
    b"Host User-Agent Accept Accept-Encoding Accept-Language Connection Content-Type"
    b" Content-Length Transfer-Encoding Origin Referer Cookie X-Mbx-Apikey"
).split()
# Names as nearly every client writes them; another one is lowered when it comes.
_NAMES = {form: name.decode().lower() for name in _USUAL for form in (name, name.lower())}


# Method, target, headers and body of one plain request, which these bytes are; else None.
ReadPlain = Callable[[bytes, int], tuple[str, str, dict[str, str], bytes] | None]


def read_nothing(_data: bytes, _headers_max: int) -> None:
    """Take no bytes for a plain request: what there is where no native module was built."""


read_plain: ReadPlain = read_nothing
with suppress(ImportError):
    from steelyard import _native

    read_plain = _native.read_request


class Upgrade(NamedTuple):
    """A request for a WebSocket, and the bytes after it."""

    request: Request
    rest: bytes


class Refused(NamedTuple):
    """What was no request that is taken: what had been read of it, and what to say."""

    request: Request
    status: int
    message: str


class RequestReader:
    """Reads the requests of one connection. Feed it, then take what is in `whole`.

    Attributes:
        whole: Requests that have arrived and were not yet taken off, each with whether it is
            HTTP/1.0, where a connection closes unless told.
        is_over: Nothing more is to be fed: the last request closes the connection, or after it
            came what `upgrade` or `refused` says.
        begun: How many requests have begun.
        in_head, in_body: Where in a request it is.
        owes_continue: The client waits to be told to send its body.
        ignored_bytes: What came where nothing more is read.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.whole: list[tuple[Request, bool]] = []
        self.upgrade: Upgrade | None = None
        self.refused: Refused | None = None
        self.is_over = False
        self.begun = 0
        self.in_head = self.in_body = False
        self.owes_continue = False
        self.ignored_bytes = 0
        self._bounds = bounds
        self._parser = httptools.HttpRequestParser(self)
        self._stopped: tuple[int, str] | None = None
        self._target = b""
        self._headers: dict[str, str] = {}
        self._repeated = 0
        self._is_old = False
        self._body: bytes | bytearray = b""
        self._unseen_bytes = 0  # fed since the parser last told of anything
        self._unseen_max_bytes = bounds.target_max_bytes + bounds.headers_max_bytes + SLICE_BYTES
        self._plain_max_bytes = min(
            bounds.target_max_bytes, bounds.headers_max_bytes, bounds.body_max_bytes
        )

    def plain(self, data: bytes) -> Request | None:
        """Return the one plain request that these bytes are, which is read then; else None."""
        if self.in_head or self.in_body or len(data) > self._plain_max_bytes:
            return None
        found = read_plain(data, self._bounds.headers_max)
        if found is None:
            return None
        self.begun += 1
        # As Request(...) does, in half the time; there is one for each request.
        return tuple.__new__(Request, found)

    def feed(self, data: bytes) -> None:
        """Read at most `SLICE_BYTES`."""
        if (request := self.plain(data)) is not None:
            self.whole.append((request, False))
            return
        self._unseen_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._switch(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            if self.is_over:
                self.ignored_bytes += len(data)  # the last request may have been among it
            elif self._stopped is not None:
                self._refuse(*self._stopped)
            elif isinstance(error, httptools.HttpParserCallbackError):
                raise  # ours
            else:
                self._refuse(400, f"{explain(400, self._bounds)}: {error}")
        else:
            if (self.in_head or self.in_body) and self._unseen_bytes > self._unseen_max_bytes:
                self.refuse(431)

    def refuse(self, status: int) -> None:
        """Give up what is being read."""
        self._refuse(status, explain(status, self._bounds))

    # -- httptools' side ----------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """httptools: a first byte."""
        self.begun += 1
        self.in_head = True
        self._target = self._body = b""
        self._headers = {}
        self._repeated = self._unseen_bytes = 0

    def on_url(self, url: bytes) -> None:
        """httptools: the target, or a part of it."""
        self._target += url
        if len(self._target) > self._bounds.target_max_bytes:
            self._stop(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: a header, or a trailer."""
        if self.in_body:
            return
        key = _NAMES.get(name) or name.decode("latin-1").lower()
        text = value.decode("latin-1").rstrip(" \t")
        headers = self._headers
        if key in headers:
            self._repeat(key, text)
        else:
            headers[key] = text

    def on_headers_complete(self) -> None:
        """httptools: the end of the headers."""
        parser, headers, bounds = self._parser, self._headers, self._bounds
        self.in_head, self.in_body = False, True
        if len(headers) > bounds.headers_max:
            self._stop(431)
        # Counted only where it may be too much: what was fed is known, but for one slice.
        if self._unseen_bytes + SLICE_BYTES > bounds.headers_max_bytes:
            size_bytes = sum(len(name) + len(value) + 4 for name, value in headers.items())
            if size_bytes > bounds.headers_max_bytes:
                self._stop(431)
        self._unseen_bytes = 0
        version = parser.get_http_version()
        self._is_old = version == "1.0"
        if version == "1.1":
            if "host" not in headers:
                self._stop(400, "an HTTP/1.1 request has a Host header; this one has none")
            if "expect" in headers:
                self.owes_continue = headers["expect"].lower() == "100-continue"
        elif not self._is_old:
            self._stop(505)
        if "transfer-encoding" in headers:
            if self._is_old or headers["transfer-encoding"].lower() != "chunked":
                self._stop(501)
        elif "content-length" in headers and int(headers["content-length"]) > bounds.body_max_bytes:
            self._stop(413)
        if parser.should_upgrade() and parser.get_method() == b"CONNECT":
            self._stop(405)

    def on_chunk_header(self) -> None:
        """httptools: a chunk begins."""
        self._unseen_bytes = 0

    def on_body(self, body: bytes) -> None:
        """httptools: a part of the body."""
        self._unseen_bytes = 0
        if not self._body:
            self._body = body
        elif isinstance(self._body, bytes):
            self._body = bytearray(self._body + body)
        else:
            self._body += body
        if len(self._body) > self._bounds.body_max_bytes:
            self._stop(413)

    def on_message_complete(self) -> None:
        """httptools: a last byte."""
        parser = self._parser
        self.in_body = self.owes_continue = False
        if parser.should_upgrade():
            return  # `_switch` comes next
        body = self._body if isinstance(self._body, bytes) else bytes(self._body)
        self.whole.append((self._request(body), self._is_old))
        if not parser.should_keep_alive():
            self.is_over = True

    # -- inside -------------------------------------------------------------------------------

    def _repeat(self, key: str, text: str) -> None:
        """Add to a header that has been there: it is one list (RFC 9110, 5.3)."""
        if key == "host":
            self._stop(400, "a request has one Host header; this one has more")
        self._repeated += 1
        if self._repeated > self._bounds.headers_max:
            self._stop(431)
        self._headers[key] += f", {text}"

    def _request(self, body: bytes = b"") -> Request:
        method = _METHODS.get(name := self._parser.get_method()) or name.decode("ascii")
        # As Request(...) does, in half the time; there is one for each request.
        return tuple.__new__(Request, (method, self._target.decode("latin-1"), self._headers, body))

    def _stop(self, status: int, message: str = "") -> None:
        """Make the parser give up; `feed` then refuses with this."""
        self._stopped = status, message or explain(status, self._bounds)
        raise ValueError(status)

    def _refuse(self, status: int, message: str) -> None:
        request = self._request() if self._target else Request("", "", {}, b"")
        self.refused = Refused(request, status, message)
        self.is_over = True
        self.in_head = self.in_body = self.owes_continue = False

    def _switch(self, rest: bytes) -> None:
        """Go on after a request with an Upgrade header."""
        request = self._request()
        wanted = [word.strip() for word in request.headers["upgrade"].lower().split(",")]
        version = self._parser.get_http_version()
        if "websocket" in wanted and version == "1.1":
            self.upgrade, self.is_over = Upgrade(request, rest), True
            return
        # The parser leaves the body, if any, unread. It gets the head once more without what it
        # stopped at, and reads on from there (RFC 9110, 7.8: a server may ignore it).
        lines = [f"{request.method} {request.target} HTTP/{version}"]
        keeps = "keep-alive" if self._parser.should_keep_alive() else "close"
        headers = {**request.headers, "connection": keeps}
        lines += [f"{name}: {value}" for name, value in headers.items() if name != "upgrade"]
        self._parser = httptools.HttpRequestParser(self)
        self.begun -= 1
        self.feed("\r\n".join([*lines, "", ""]).encode("latin-1"))
        if not self.is_over:
            self.feed(rest)
        else:
            self.ignored_bytes += len(rest)
