"""The exchange's end of the trade socket: orders over a WebSocket.

The invariant: a call is a REST route in another envelope; what a route checks is checked here too,
under the key that the connection has proven, and counts against the same limits. Every call has one
answer, with its `reqId` and what is left of its limit. A `reqId` is used once a connection.
"""

from collections import OrderedDict
from typing import Any

import msgspec
from msgspec import UNSET

from steelyard.dialects.bybit import batches, errors, orders
from steelyard.dialects.bybit.auth import WINDOW_MAX_MS, WINDOW_MS, is_count
from steelyard.dialects.bybit.limits import told_of
from steelyard.dialects.bybit.messages import Envelope
from steelyard.dialects.bybit.order_messages import Call, CallAnswer
from steelyard.dialects.bybit.parameters import parse
from steelyard.dialects.bybit.session import Conversation, log_in
from steelyard.dialects.bybit.text import to_ms
from steelyard.wire.dialect import (
    AccessReason,
    Auth,
    Credentials,
    Door,
    Endpoint,
    Refusal,
    SessionRefused,
)

OPS: dict[str, Endpoint] = {
    "order.create": orders.PLACE,
    "order.amend": orders.AMEND,
    "order.cancel": orders.CANCEL,
    "order.create-batch": batches.CREATE,
    "order.amend-batch": batches.AMEND,
    "order.cancel-batch": batches.CANCEL,
}
UNKNOWN_OP, REPEATED_ID, REPEATED_AUTH = 10404, 20006, 20001
AHEAD_MS = 1_000
IDS_MAX = 10_000  # that are remembered of one connection

_call = msgspec.json.Decoder(Call, float_hook=str)


class TradeSession(Conversation):
    """One connection over which orders are entered."""

    def __init__(self, door: Door, target: str) -> None:
        super().__init__(door, target)
        self._key = ""
        self._ids: OrderedDict[str | int, None] = OrderedDict()

    def _take(self, frame: str, now_ns: int) -> None:
        try:
            call = _call.decode(frame)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            self._refuse(Call(), errors.invalid("frame", str(error)), now_ns)
            return
        try:
            match call.op:
                case "ping":
                    self._door.count(1)
                    self._pong(call, now_ns)
                case "auth":
                    self._log_in(call, now_ns)
                case op if op in OPS:
                    self._carry_out(call, OPS[op], now_ns)
                case unknown:
                    self._door.count(1)
                    known = ", ".join(OPS)
                    self._fail(
                        call, UNKNOWN_OP, f"no op {errors.shown(unknown)}; there are {known}"
                    )
        except errors.REFUSALS as error:
            self._refuse(call, error, now_ns)

    def _pong(self, call: Call, now_ns: int) -> None:
        data = (str(to_ms(now_ns)),)
        self._say(self._answer(call, 0, "OK", data=data, op="pong"))

    def _log_in(self, call: Call, now_ns: int) -> None:
        if self._key:
            self._fail(call, REPEATED_AUTH, "this connection is authenticated already")
            return
        self._key, _ = log_in(self._door, call.args, now_ns)
        self._say(self._answer(call, 0, "OK"))

    def _carry_out(self, call: Call, endpoint: Endpoint, now_ns: int) -> None:
        if call.reqId is not None:
            if call.reqId in self._ids:
                self._door.count(1)
                self._fail(call, REPEATED_ID, "this reqId has been used; use a fresh one")
                return
            self._ids[call.reqId] = None
            if len(self._ids) > IDS_MAX:
                self._ids.popitem(last=False)

        def read() -> Any:
            if len(call.args) != 1 or not isinstance(call.args[0], dict):
                raise errors.invalid("args", "one object, as the body of the same over REST")
            return parse(call.args[0], endpoint.request)

        by_key = endpoint._replace(auth=Auth.KEY)
        told = self._door.call(by_key, read, lambda: self._claimed(call, now_ns))
        assert isinstance(told, Envelope), "every route answers in the envelope"
        self._say(
            self._answer(
                call,
                told.retCode,
                told.retMsg,
                data=told.result,
                more=told.retExtInfo,
                header=self._header(now_ns),
            )
        )

    def _claimed(self, call: Call, now_ns: int) -> Credentials | Refusal:
        """Return the key of the connection, under the call's own time."""
        if not self._key:
            return Refusal(AccessReason.MISSING_KEY, "send auth first")
        timestamp = str(call.header.get("X-BAPI-TIMESTAMP", ""))
        window = str(call.header.get("X-BAPI-RECV-WINDOW", WINDOW_MS))
        if not (is_count(timestamp) and is_count(window)):
            raise SessionRefused(
                Refusal(AccessReason.MISSING_TIMESTAMP, "say X-BAPI-TIMESTAMP in ms in the header")
            )
        behind_ms = to_ms(now_ns) - int(timestamp)
        if not -AHEAD_MS < behind_ms <= min(int(window), WINDOW_MAX_MS):
            raise SessionRefused(
                Refusal(
                    AccessReason.STALE_TIMESTAMP,
                    f"the timestamp is {behind_ms} ms behind this exchange's clock; set yours",
                )
            )
        return Credentials(self._key, "", (), None, 0, 0)

    def _header(self, now_ns: int) -> dict[str, str]:
        now = str(to_ms(now_ns))
        return {**told_of(self._door.usage), "Traceid": self._name, "Timenow": now}

    def _refuse(self, call: Call, error: Exception, now_ns: int) -> None:
        words, how = errors.words_for(error)
        header = self._header(now_ns)
        retry_ns = error.refusal.retry_after_ns if isinstance(error, SessionRefused) else 0
        if retry_ns:
            header["X-Bapi-Limit-Reset-Timestamp"] = str(to_ms(now_ns + retry_ns) + 1)
        more = {"help": how}
        answer = self._answer(call, words.code, words.text, data={}, more=more, header=header)
        self._say(answer)

    def _fail(self, call: Call, code: int, text: str) -> None:
        self._say(self._answer(call, code, text, data={}))

    def _answer(
        self,
        call: Call,
        code: int,
        text: str,
        *,
        data: Any = UNSET,
        more: Any = UNSET,
        header: Any = UNSET,
        op: str = "",
    ) -> CallAnswer:
        return CallAnswer(
            op=op or call.op,
            retCode=code,
            retMsg=text,
            reqId=UNSET if call.reqId is None else call.reqId,
            data=data,
            retExtInfo=more,
            header=header,
            connId=self._name,
        )
