"""Bullets: tokens that open a WebSocket, handed out with its address.

The address is the one at which the request came in: whoever reaches us over REST reaches the
WebSocket there too. A private token is the exchange's stream token; a public one says when it was
made, and nothing else.

A trader's end keeps to the host that it was configured with, whatever host is handed out: a key's
events should not go where nobody has said that they may. Path and token it takes.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from steelyard.dialects.kucoin import errors
from steelyard.dialects.kucoin.messages import Bullet, Envelope, InstanceServer, Nothing
from steelyard.dialects.kucoin.routes import answered, nothing, public, signed
from steelyard.dialects.kucoin.text import MS_NS
from steelyard.domain.errors import AuthError, ConfigError, DecodeError
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.stream_tokens import OpenStreamToken, StreamToken
from steelyard.wire.dialect import Asker
from steelyard.wire.http import Request, Response, check_host
from steelyard.wire.outcome import NotSent

PATH = "/"  # of the WebSocket
PATHS = frozenset({PATH, "/endpoint"})
PING_MS, PONG_MS = 18_000, 10_000
LASTS_NS = 24 * 3_600 * SECOND_NS  # of a public token
MARK = b"public:"
TOKEN_MAX = 512
PROTO = "x-forwarded-proto"  # https where TLS ends before us

_address: ContextVar[str] = ContextVar("address", default="ws://127.0.0.1/")
_bullet = msgspec.json.Decoder(Envelope[Bullet])


@contextmanager
def manner(request: Request) -> Iterator[None]:
    """Know at which address a request came in while it is carried out."""
    host = request.headers.get("host", "")
    try:
        check_host(host)
    except ConfigError:
        host = "127.0.0.1"
    scheme = "wss" if request.headers.get(PROTO) == "https" else "ws"
    before = _address.set(f"{scheme}://{host}{PATH}")
    try:
        yield
    finally:
        _address.reset(before)


# -- tokens for the public ------------------------------------------------------------------------


def public_token(now_ns: int) -> str:
    """Return a token that opens public topics for a day."""
    return urlsafe_b64encode(MARK + str(now_ns // MS_NS).encode()).decode()


def is_public(token: str, now_ns: int) -> bool | None:
    """Whether a token is one for the public; None where its time is over."""
    try:
        text = urlsafe_b64decode(token[:TOKEN_MAX].encode())
    except ValueError:
        return False
    made = text.removeprefix(MARK)
    if made == text or not made.isdigit() or len(made) > 15:  # noqa: PLR2004 milliseconds
        return False
    age_ns = now_ns - int(made) * MS_NS
    return True if -LASTS_NS < age_ns < LASTS_NS else None


# -- server half --------------------------------------------------------------------------------


def _handed_out(token: str) -> Bullet:
    address = _address.get()
    server = InstanceServer(
        endpoint=address,
        encrypt=address.startswith("wss:"),
        pingInterval=PING_MS,
        pingTimeout=PONG_MS,
    )
    return Bullet(token=token, instanceServers=(server,))


def _public(_answer: None, _request: Nothing, asker: Asker) -> Bullet:
    return _handed_out(public_token(asker.sandbox_ns))


def _open(_request: Nothing, asker: Asker) -> OpenStreamToken:
    return OpenStreamToken(asker.account_id, asker.key)


def _private(answer: Any, _request: Nothing, _asker: Asker) -> Bullet:
    return _handed_out(answered(answer, StreamToken).token)


# -- client half --------------------------------------------------------------------------------


def target_of(response: Response, connect_id: str) -> tuple[str, int]:
    """Return the path and query to open, and how often to ping there, in ns.

    Raises:
        AuthError: Key, signature or passphrase are not accepted.
        DecodeError: It is not handed out, or the answer has another form than documented.
    """
    try:
        data = _bullet.decode(response.body).data
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        data = msgspec.UNSET
    if data is msgspec.UNSET or not data.instanceServers:
        outcome = errors.refused_outcome(response)
        if isinstance(outcome, NotSent) and outcome.is_denied:
            raise AuthError(f"the venue hands out no address: {outcome.why}")
        raise DecodeError(f"the venue hands out no address: {response.body[:200]!r}")
    server = data.instanceServers[0]
    try:
        path = urlsplit(server.endpoint).path or PATH
    except ValueError as error:
        raise DecodeError(f"the address that is handed out is none: {error}") from error
    if not path.isascii() or not path.isprintable() or " " in path:
        raise DecodeError("the address that is handed out is none")
    interval_ns = max(1_000, server.pingInterval) * MS_NS
    token = quote(data.token, safe="")
    return f"{path}?token={token}&connectId={connect_id}", interval_ns


# -- routes -------------------------------------------------------------------------------------

PUBLIC = public(
    "/api/v1/bullet-public",
    Nothing,
    Bullet,
    nothing,
    _public,
    weight=10,
    method="POST",
    summary="The WebSocket's address, with a token for public topics",
)
PRIVATE = signed(
    "POST",
    "/api/v1/bullet-private",
    Nothing,
    Bullet,
    _open,
    _private,
    weight=10,
    summary="The WebSocket's address, with a token for all topics",
)
ENDPOINTS = (PUBLIC, PRIVATE)
