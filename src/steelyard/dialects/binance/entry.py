"""Order entry over the WebSocket API, client end: the same requests in another envelope.

The invariant: a message is what `client.call_of` makes of it, and an answer is handed on as the
response that REST would give, so that one function says what it means. Each request is signed by
itself: a connection needs no logon.
"""

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from steelyard.dialects.binance.auth import signed_params
from steelyard.dialects.binance.client import call_of
from steelyard.dialects.binance.frames import ApiFrame, ApiRequest
from steelyard.dialects.binance.parameters import write
from steelyard.dialects.binance.ws_api import METHODS, PATH
from steelyard.domain.commands import Cancel, UserCommand
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Response

_NAMES = {(endpoint.method, endpoint.path): name for name, endpoint in METHODS.items()}
_encode = msgspec.json.Encoder().encode
_frame = msgspec.json.Decoder(ApiFrame)
_MS = 1_000


class OrderEntry:
    """Our conversation with the WebSocket API about orders."""

    target = PATH

    def __init__(self, key: ApiKey) -> None:
        self._key = key
        self._number = 0
        self._canceled: Cancel | None = None  # what the last request was to cancel

    def opened(self, now_ns: int) -> list[str]:  # noqa: ARG002
        """Return nothing: the first request may be sent at once."""
        return []

    def request(self, message: UserCommand, listings: Listings, now_ns: int) -> str:
        """Return the frame of a command.

        Raises:
            Unsupported: Binance does not offer this, or not over the WebSocket API.
        """
        call = call_of(message, listings)
        name = _NAMES.get((call.endpoint.method, call.endpoint.path))
        if name is None:
            raise Unsupported(f"{call.endpoint.path} is not on Binance's WebSocket API")
        self._number += 1
        self._canceled = message if isinstance(message, Cancel) else None
        params = signed_params(dict(parse_qsl(write(call.parameters))), self._key, now_ns)
        return _encode(ApiRequest(id=self._number, method=name, params=params)).decode()

    def response(self, frame: str | bytes) -> Response | None:
        """Return what answers the last request; None where a frame is about something else.

        Raises:
            DecodeError: It has another form than documented.
        """
        try:
            told = _frame.decode(frame)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"order entry: {error}") from error
        if told.status is None or told.id != self._number:
            return None
        if told.error is None:
            return Response(told.status, {}, _encode(self._asked_for(told.result)))
        return Response(told.status, _wait(told.error.data), _encode(told.error))

    def _asked_for(self, result: Any) -> Any:
        """Return a result; of a list that a cancel took along, the order that was to be canceled.

        REST tells of that order alone.
        """
        cancel = self._canceled
        match result:
            case {"orderReports": [*reports]} if cancel is not None:
                names = (cancel.order_id, cancel.client_order_id)
                mine = (
                    report
                    for report in reports
                    if report.get("orderId") == names[0]
                    or (not names[0] and report.get("origClientOrderId") == names[1])
                )
                return next(mine, result)
            case _:
                return result


def _wait(data: object) -> dict[str, str]:
    """Return how long an error asks to wait, as REST says it in a header."""
    match data:
        case {"retryAfter": int(until_ms), "serverTime": int(now_ms)} if until_ms > now_ms:
            return {"retry-after": str(-(-(until_ms - now_ms) // _MS))}
        case _:
            return {}
