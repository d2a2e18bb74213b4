"""Answers to bytes of HTTP/1.1: head, date, length and body; no sockets, no clock.

The invariant: what leaves is one answer. A header whose name or value could end its line early, and
begin another, or the body, is not written at all. Which answer has which place on its connection,
and whether it is the last, is the connection's.

Most answers say nothing but printable ASCII and have a body: `write_answer` joins those in one go,
where the native module was built. It refuses nothing.
"""

from collections.abc import Callable
from contextlib import suppress

from steelyard.wire.http import Response

NO_CONTENT, NOT_MODIFIED = 204, 304

_REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 304: "Not Modified",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict",
    413: "Content Too Large", 414: "URI Too Long", 418: "I'm a teapot",
    422: "Unprocessable Content", 426: "Upgrade Required", 429: "Too Many Requests",
    431: "Request Header Fields Too Large", 500: "Internal Server Error",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout", 505: "HTTP Version Not Supported",
}  # fmt: skip


def _line(status: int) -> str:
    # No browser may take an answer for anything but what its content-type says.
    return f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\nx-content-type-options: nosniff\r\n"


_LINES = {status: _line(status) for status in _REASONS}

# How an answer begins, its headers and its body: the whole answer, with its length; else None.
WriteAnswer = Callable[[str, dict[str, str], bytes], bytes | None]


def write_nothing(_begin: str, _headers: dict[str, str], _body: bytes) -> None:
    """Write no answer in one go: what there is where no native module was built."""


write_answer: WriteAnswer = write_nothing
with suppress(ImportError):
    from steelyard import _native

    write_answer = _native.write_answer


class Answers:
    """Writes the answers of one port, which have one date."""

    def __init__(self) -> None:
        self._date = ""
        self._begins: dict[int, str] = {}  # of answers with a body, by status, with that date

    def set_date(self, date: str) -> None:
        """Take a time, as a header's value, for now."""
        self._date = date
        self._begins.clear()

    def write(
        self,
        response: Response,
        *,
        is_head: bool = False,
        is_old: bool = False,
        is_last: bool = False,
    ) -> bytes | None:
        """Return an answer's bytes; None where its headers would not be what they are.

        Args:
            response: The answer.
            is_head: HEAD asks for it: its body is not sent, but its length is.
            is_old: It is for HTTP/1.0, where a connection closes unless told.
            is_last: The connection closes behind it.
        """
        status, headers, body = response
        if not (is_head or is_old or is_last):
            begin = self._begins.get(status)
            if begin is not None and (whole := write_answer(begin, headers, body)) is not None:
                return whole
        fields = ""
        for name, value in headers.items():
            fields += f"{name}: {value}\r\n"
        if not _is_sound(fields, len(headers)):
            return None
        begin = f"{_LINES.get(status) or _line(status)}date: {self._date}\r\n"
        head = begin + fields
        if is_last:
            head += "connection: close\r\n"
        elif is_old:
            head += "connection: keep-alive\r\n"
        if status in (NO_CONTENT, NOT_MODIFIED):
            body = b""
        else:
            if status in _LINES:  # which bounds how many are kept
                self._begins[status] = begin
            head += f"content-length: {len(body)}\r\n"
        if is_head:
            body = b""
        return (head + "\r\n").encode("latin-1", "replace") + body


def _is_sound(fields: str, count: int) -> bool:
    """Whether so many header lines are no more: none ends early and begins another, or the body."""
    return fields.count("\n") == count == fields.count("\r") and "\0" not in fields
