"""An HTTP request and response as bytes: signatures cover the raw target and body."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from steelyard.domain.errors import ConfigError

BODY_MAX_BYTES = 1 << 20  # a larger body is answered 413 before it is read
TARGET_MAX_BYTES = 16 << 10
HEADERS_MAX_BYTES = 32 << 10
# What 426 has to say: RFC 9110, 15.5.22.
UPGRADE = {"upgrade": "websocket", "connection": "Upgrade"}


_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


def check_host(host: str) -> str:
    """Return a host as a request names it: a name or address, and a port if it is an unusual one.

    Raises:
        ConfigError: It is no such thing.
    """
    if not _HOST.fullmatch(host):
        raise ConfigError(f"host {host!r} is not a name or address with or without a port")
    return host


class Request(NamedTuple):
    """A request. target is path and query exactly as sent; header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path, percent-decoded."""
        path = self.target.partition("?")[0]
        return unquote(path) if "%" in path else path

    @property
    def query(self) -> str:
        """The raw query, without the question mark."""
        return self.target.partition("?")[2]

    def pairs(self) -> list[tuple[str, str]]:
        """Return the query's parameters, decoded, in order."""
        return parse_qsl(self.query, keep_blank_values=True)


class Response(NamedTuple):
    """A response; content-length and date are added by the shell."""

    status: int
    headers: dict[str, str]
    body: bytes


def json_response(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON response."""
    return Response(status, {"content-type": "application/json", **(headers or {})}, body)
