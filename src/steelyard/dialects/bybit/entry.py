"""Order entry over the trade socket, client end: REST's bodies as calls, after a login.

The invariant: a message is what `client.call_of` makes of it, and an answer is handed on as the
response that REST would give, so that one function says what it means. A login that was refused
answers the first request: it is refused for it.
"""

from http import HTTPStatus

import msgspec
from msgspec import UNSET

from steelyard.dialects.bybit.auth import WINDOW_MS, login_of
from steelyard.dialects.bybit.client import call_of
from steelyard.dialects.bybit.environments import TRADE_STREAM
from steelyard.dialects.bybit.messages import Envelope
from steelyard.dialects.bybit.order_messages import Call, CallAnswer
from steelyard.dialects.bybit.parameters import told
from steelyard.dialects.bybit.text import ms_text
from steelyard.dialects.bybit.trading import OPS
from steelyard.domain.commands import UserCommand
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Response

_NAMES = {endpoint.path: op for op, endpoint in OPS.items()}
_encode = msgspec.json.Encoder().encode
_answer = msgspec.json.Decoder(CallAnswer)


class OrderEntry:
    """Our conversation with the trade socket."""

    target = TRADE_STREAM

    def __init__(self, key: ApiKey) -> None:
        self._key = key
        self._number = 0

    def opened(self, now_ns: int) -> list[str]:
        """Return the login."""
        return [_encode(Call("auth", login_of(self._key, now_ns))).decode()]

    def request(self, message: UserCommand, listings: Listings, now_ns: int) -> str:
        """Return the frame of a command.

        Raises:
            Unsupported: Bybit does not offer this, or not over the trade socket.
        """
        call = call_of(message, listings)
        op = _NAMES.get(call.endpoint.path)
        if op is None:
            raise Unsupported(f"{call.endpoint.path} is not on Bybit's trade socket")
        self._number += 1
        header = {"X-BAPI-TIMESTAMP": ms_text(now_ns), "X-BAPI-RECV-WINDOW": str(WINDOW_MS)}
        made = Call(op, (told(call.parameters),), str(self._number), header)
        return _encode(made).decode()

    def response(self, frame: str | bytes) -> Response | None:
        """Return what answers the last request; None where a frame is about something else.

        Raises:
            DecodeError: It has another form than documented.
        """
        try:
            said = _answer.decode(frame)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"order entry: {error}") from error
        is_refused_login = said.op == "auth" and said.retCode not in (0, UNSET)
        if said.retCode is UNSET or (said.reqId != str(self._number) and not is_refused_login):
            return None
        text = said.retMsg if isinstance(said.retMsg, str) else ""
        data = {} if said.data is UNSET else said.data
        more = {} if said.retExtInfo is UNSET else said.retExtInfo
        headers = said.header if isinstance(said.header, dict) else {}
        lower = {name.lower(): value for name, value in headers.items()}
        body = _encode(Envelope(int(said.retCode), text, data, more))
        return Response(HTTPStatus.OK, lower, body)
