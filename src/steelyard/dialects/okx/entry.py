"""Order entry over the private socket, client end: REST's bodies as operations, after a login.

The invariant: a message is what `client.call_of` makes of it, and an answer is handed on as the
response that REST would give, so that one function says what it means. A login that was refused
answers the first request: it is refused for it. Orders that wait are not on this socket at all.
"""

from http import HTTPStatus

import msgspec
from msgspec import Raw

from steelyard.dialects.okx.auth import login_of
from steelyard.dialects.okx.channels import Path, target_of
from steelyard.dialects.okx.client import OkxClient
from steelyard.dialects.okx.frames import Told
from steelyard.dialects.okx.parameters import write
from steelyard.dialects.okx.trading import OP_NAMES
from steelyard.domain.commands import UserCommand
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Response

_encode = msgspec.json.Encoder().encode
_told = msgspec.json.Decoder(Told)


class OrderEntry:
    """Our conversation with the private socket about orders.

    Args:
        key: Whose orders.
        client: Who knows which of them wait.
    """

    target = target_of(Path.PRIVATE)

    def __init__(self, key: ApiKey, client: OkxClient) -> None:
        self._key, self._client = key, client
        self._number = 0

    def opened(self, now_ns: int) -> list[str]:
        """Return the login."""
        return [_encode({"op": "login", "args": (login_of(self._key, now_ns),)}).decode()]

    def request(self, message: UserCommand, listings: Listings, now_ns: int) -> str:  # noqa: ARG002
        """Return the frame of a command.

        Raises:
            Unsupported: OKX does not offer this, or not over the private socket.
        """
        call = self._client.call_of(message, listings)
        op = OP_NAMES.get(call.endpoint.path)
        if op is None:
            raise Unsupported(f"{call.endpoint.path} is not on OKX's private socket")
        _, body = write(call.endpoint, call.parameters)
        args = Raw(body if body.startswith(b"[") else b"[%s]" % body)
        self._number += 1
        return _encode({"id": str(self._number), "op": op, "args": args}).decode()

    def response(self, frame: str | bytes) -> Response | None:
        """Return what answers the last request; None where a frame is about something else.

        Raises:
            DecodeError: It has another form than documented.
        """
        if frame in ("pong", b"pong"):
            return None
        try:
            told = _told.decode(frame)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"order entry: {error}") from error
        is_error = told.event == "error"
        if not is_error and (not told.op or told.id != str(self._number)):
            return None
        data = bytes(told.data) if isinstance(told.data, Raw) else b"[]"
        text = told.msg if isinstance(told.msg, str) else ""
        body = b'{"code":%s,"msg":%s,"data":%s}' % (_encode(told.code), _encode(text), data)
        status = HTTPStatus.UNAUTHORIZED if is_error else HTTPStatus.OK
        return Response(status, {}, body)
