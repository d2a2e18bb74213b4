"""Order entry over the native WebSocket, client end: after a login, REST's bodies as calls.

The invariant: an answer is handed on as the response that REST would give, so that one function
says what it means. Only the status of a refusal is not told here; its code says as much.
"""

from http import HTTPStatus
from typing import Any

import msgspec

from steelyard.dialects.native import auth, orders, stream_messages
from steelyard.dialects.native.errors import CODES, PASSING
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place, PlaceGroup, UserCommand
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Response

RETRY_AFTER_S = 1  # what REST says at least; a call's refusal does not say how long

_encode = msgspec.json.Encoder().encode
_ack = msgspec.json.Decoder(stream_messages.Ack)


class OrderEntry:
    """Our conversation with the exchange about orders."""

    target = auth.WS_TARGET

    def __init__(self, key: ApiKey) -> None:
        self._key = key
        self._number = 0

    def opened(self, now_ns: int) -> list[str]:
        """Return the login."""
        return [_encode(auth.login_to_wire(self._key, now_ns)).decode()]

    def request(self, message: UserCommand, listings: Listings, now_ns: int) -> str:  # noqa: ARG002
        """Return the frame of a command.

        Raises:
            Unsupported: The venue does not offer this, or a command does not say enough.
        """
        op, params = _call(message, listings)
        self._number += 1
        return _encode(stream_messages.Call(op=op, id=self._number, params=params)).decode()

    def response(self, frame: str | bytes) -> Response | None:
        """Return what answers the last request; None where a frame is about something else.

        A login that was refused answers it too: the request is refused for it.

        Raises:
            DecodeError: It is not a message of this API.
        """
        try:
            told = _ack.decode(frame)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"order entry: {error}") from error
        if bytes(told.id) != str(self._number).encode() and (told.ok or told.op != "login"):
            return None
        if told.error is None:
            return Response(HTTPStatus.OK, {}, _encode(told.result))
        status = CODES[told.error.code].status if told.error.code in CODES else HTTPStatus.CONFLICT
        headers = {"retry-after": str(RETRY_AFTER_S)} if status in PASSING else {}
        return Response(status, headers, _encode({"error": told.error}))


def _call(message: UserCommand, listings: Listings) -> tuple[Any, dict[str, Any]]:
    match message:
        case Place():
            return "place", orders.place_to_wire(message, listings)
        case PlaceGroup():
            return "place_group", orders.group_to_wire(message, listings)
        case Amend():
            body = orders.amend_to_wire(message, listings)
            return "amend", {"order_id": message.order_id, **body}
        case Cancel():
            return "cancel", {"order_id": message.order_id}
        case CancelAll():
            here = message.instrument_id
            return "cancel_all", {} if here is None else {"symbol": listings[here].symbol}
        case _:
            raise Unsupported(f"{type(message).__name__} cannot be sent over the native WebSocket")
