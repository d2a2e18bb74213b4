"""The exchange's TLS: which ports, and where the local authority is kept.

Each port has a twin `PORT_OFFSET` above it that speaks TLS and nothing else; the plain one stays.
"""

from datetime import UTC, datetime
from pathlib import Path

from steelyard.domain.messages import SECOND_NS
from steelyard.net.clock import Clock
from steelyard.net.http_connection import RefusingSite, Reply
from steelyard.net.tls import CERTIFICATE, KEY, Authority, open_authority
from steelyard.net.websocket_connection import WebSocketConnection
from steelyard.store.datadir import write_atomically
from steelyard.store.disk import make_private_directory
from steelyard.wire.http import Request, Response

PORT_OFFSET = 50
PROTO = {"x-forwarded-proto": "https"}


def authority(directory: Path) -> Authority:
    """Return the authority of an exchange's directory, made on first use and when it ends.

    Raises:
        ConfigError: Its files cannot be read or written.
    """
    now_ns = Clock().now_ns()
    certificate, key = files(directory)
    found = open_authority((certificate, key), _moment(now_ns))
    if found is None:
        make_private_directory(certificate.parent)
        made = Authority.made()
        for file, content in zip((certificate, key), made, strict=True):
            write_atomically(file, content)
        found = Authority(*made)
    renew(found, now_ns)
    return found


def renew(found: Authority, now_ns: int) -> None:
    """Make the ports a new certificate, if it is time; now_ns is the host's."""
    found.renew(_moment(now_ns))


def files(directory: Path) -> tuple[Path, Path]:
    """Return where an exchange's authority has its certificate and its key."""
    return directory / "tls" / CERTIFICATE, directory / "tls" / KEY


class OverTls:
    """What a plain port serves, at its twin: each request says that it came over TLS.

    It says so as behind any proxy that ends TLS, so that a dialect can name an address.
    """

    def __init__(self, site: RefusingSite) -> None:
        self._site = site

    def http(self, request: Request, ip: str, reply: Reply) -> None:
        """Answer a request as the plain port does."""
        self._site.http(request._replace(headers={**request.headers, **PROTO}), ip, reply)

    def websocket(
        self, request: Request, ip: str, connection: WebSocketConnection
    ) -> bool | Response:
        """Take a WebSocket as the plain port does."""
        return self._site.websocket(request, ip, connection)

    def refuse(self, request: Request, status: int, message: str) -> Response | None:
        """Refuse as the plain port does."""
        return self._site.refuse(request, status, message)


def _moment(now_ns: int) -> datetime:
    return datetime.fromtimestamp(now_ns // SECOND_NS, UTC)
