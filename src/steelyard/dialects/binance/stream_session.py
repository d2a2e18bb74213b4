"""Market streams, server end: a connection's conversation about the streams that it hears.

The invariant: a session only keeps which names it has; what they carry is `stream.py`'s. A listen
key is a name too, of its account's events, for as long as it is kept alive.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import msgspec
from msgspec import UNSET

from steelyard.dialects.binance import errors
from steelyard.dialects.binance.frames import (
    Control,
    ControlError,
    ControlResult,
    ListenKeyExpired,
    ServerShutdown,
)
from steelyard.dialects.binance.market import STREAMS_MAX
from steelyard.dialects.binance.messages import ErrorBody
from steelyard.dialects.binance.stream import (
    BARE,
    IN_MICROSECONDS,
    MARKS,
    NAME,
    subscriptions_of,
    wrapped,
)
from steelyard.dialects.binance.text import MS_NS, US_NS, times_in, to_ms, unit_named
from steelyard.dialects.binance.user_data import channels_of_account, is_listen_key
from steelyard.domain.errors import DecodeError
from steelyard.wire.dialect import Door, Ending, SessionRefused, Subscription
from steelyard.wire.limits import MessagePace

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
SHUTDOWN = "!serverShutdown"
TEXT_ID_MAX = 36
NUMBER_ID_BITS = 64
ID_WANTED = (
    "Invalid request: an id is a 64-bit signed number, a text of at most "
    f"{TEXT_ID_MAX} characters, or null"
)

_control = msgspec.json.Decoder(Control)
_encode = msgspec.json.Encoder().encode


class Target(NamedTuple):
    """What a path asks for: whether payloads are wrapped, and the first streams."""

    mark: str
    streams: tuple[str, ...]


def target_of(path: str, query: str) -> Target | None:
    """Return what a market stream's path asks for; None where it is not one.

    ccxt puts `/stream` before `/ws` and a number after it, which is no stream.

    Raises:
        DecodeError: It asks for a unit of time that there is not.
    """
    # A time zone's plus is sent as it is.
    asked = parse_qs(query.replace("+", "%2B"))
    unit_ns = unit_named(asked.get("timeUnit", ["MILLISECOND"])[0])
    if path == "/stream":
        named = asked.get("streams", [""])[0]
        mark = MARKS[True, unit_ns]
        return Target(mark, tuple(part for part in named.split("/") if part))
    inner = path.removeprefix("/stream")
    if inner != "/ws" and not inner.startswith("/ws/"):
        return None
    parts = inner.split("/")[2:]
    streams = (part for part in parts if part and (not part.isdecimal() or is_listen_key(part)))
    return Target(MARKS[False, unit_ns], tuple(streams))


class StreamSession:
    """A client's conversation on a market stream."""

    def __init__(self, target: Target, door: Door) -> None:
        self.closing: tuple[int, str] | None = None
        self._door = door
        self._mark = target.mark
        self._streams: dict[str, tuple[Subscription, ...]] = {}
        self._out: list[bytes] = []
        self._pace = MessagePace()
        if target.streams:
            try:
                self._subscribe(target.streams)
            except (DecodeError, SessionRefused) as error:
                self._fail(2, f"Invalid request: {error}", None)

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one control message."""
        messages_max = self._door.limits.sockets.messages
        if self._pace.is_over(messages_max, now_ns):
            self.closing = (
                1008,
                f"over {messages_max} messages in a second; put streams into one SUBSCRIBE",
            )
            return
        control = self._read(frame)
        if control is None:
            return
        try:
            result = self._carry_out(control)
        except (DecodeError, SessionRefused) as error:
            self._fail(2, f"Invalid request: {error}", control.id)
        except _PropertyError as error:
            self._fail(error.code, str(error), control.id)
        else:
            self._out.append(_encode(ControlResult(result=result, id=control.id)))

    def wake(self, now_ns: int) -> None:
        """Tell of listen keys that nobody has kept alive."""
        for stream in [*filter(is_listen_key, self._streams)]:
            if self._door.redeem(stream) is None:
                self._unsubscribe(stream)
                self._say(stream, ListenKeyExpired(E=self._time(now_ns), listenKey=stream))

    def end(self, ending: Ending, now_ns: int) -> None:
        """Tell of the exchange's end; any other close says why itself."""
        if ending is Ending.STOP:
            self._say(SHUTDOWN, ServerShutdown(E=self._time(now_ns)))

    def drain(self) -> list[bytes]:
        """Return the answers to send."""
        out, self._out = self._out, []
        return out

    def _read(self, frame: str | bytes) -> Control | None:
        try:
            control = _control.decode(frame)
        except msgspec.ValidationError as error:
            self._fail(2, f"Invalid request: {error}", None)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            self._fail(3, f"Invalid JSON: {error}", None)
        else:
            if is_id(control.id):
                return control
            self._fail(2, ID_WANTED, None)
        return None

    def _carry_out(self, control: Control) -> Any:
        match control.method:
            case "SUBSCRIBE":
                self._subscribe(_names(control.params))
                return None
            case "UNSUBSCRIBE":
                for stream in _names(control.params):
                    self._unsubscribe(stream)
                return None
            case "LIST_SUBSCRIPTIONS":
                return list(self._streams)
            case "SET_PROPERTY":
                return self._set_property(control.params)
            case "GET_PROPERTY":
                _property(control.params, 1)
                return self._mark not in BARE
            case unknown:
                expected = ", ".join(f"`{method}`" for method in METHODS)
                raise DecodeError(
                    f"unknown variant {errors.shown(unknown)}, expected one of {expected}"
                )

    def _subscribe(self, streams: Iterable[str]) -> None:
        wanted = {
            stream: self._subscriptions_of(stream)
            for stream in streams
            if stream not in self._streams
        }
        most = self._door.limits.sockets.subscriptions_most(STREAMS_MAX)
        if len(self._streams) + len(wanted) > most:
            raise DecodeError(f"a connection has at most {most} streams")
        for stream, subscriptions in wanted.items():
            for subscription in subscriptions:
                self._door.subscribe(subscription)
            self._streams[stream] = subscriptions

    def _subscriptions_of(self, stream: str) -> tuple[Subscription, ...]:
        if not is_listen_key(stream):
            return subscriptions_of(stream, self._door.listings, self._mark)
        account_id = self._door.redeem(stream)
        if account_id is None:
            raise DecodeError(
                f"the listenKey {errors.shown(stream)} does not exist or has expired; get one with "
                "POST /api/v3/userDataStream"
            )
        form = self._mark + stream
        return tuple(Subscription(NAME, c, form) for c in channels_of_account(account_id))

    def _unsubscribe(self, stream: str) -> None:
        for subscription in self._streams.pop(stream, ()):
            self._door.unsubscribe(subscription)

    def _set_property(self, params: Any) -> None:
        _, value = _property(params, 2)
        if not isinstance(value, bool):
            raise _PropertyError(1, "Invalid value type: expected Boolean")
        mark = MARKS[value, US_NS if self._mark in IN_MICROSECONDS else MS_NS]
        if mark == self._mark:
            return
        streams = list(self._streams)
        for subscriptions in self._streams.values():
            for subscription in subscriptions:
                self._door.unsubscribe(subscription)
        self._streams.clear()
        self._mark = mark
        self._subscribe(streams)

    def _time(self, now_ns: int) -> int:
        with times_in(US_NS if self._mark in IN_MICROSECONDS else MS_NS):
            return to_ms(now_ns)

    def _say(self, stream: str, event: msgspec.Struct) -> None:
        text = _encode(event)
        self._out.append(text if self._mark in BARE else wrapped(stream, text))

    def _fail(self, code: int, text: str, request_id: int | str | None) -> None:
        body = ErrorBody(code=code, msg=text, help=UNSET)
        self._out.append(_encode(ControlError(code=code, msg=text, error=body, id=request_id)))


def is_id(request_id: int | str | None) -> bool:
    """Return whether a request may have this id."""
    if isinstance(request_id, str):
        return len(request_id) <= TEXT_ID_MAX
    return request_id is None or -(1 << NUMBER_ID_BITS - 1) <= request_id < 1 << NUMBER_ID_BITS - 1


class _PropertyError(Exception):
    """A property that there is not, or a value that it cannot have."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def _property(params: Any, count: int) -> Sequence[Any]:
    if not isinstance(params, list) or len(params) != count or not isinstance(params[0], str):
        raise DecodeError("property name must be a string")
    if params[0] != "combined":
        raise _PropertyError(0, "Unknown property")
    return params


def _names(params: Any) -> list[str]:
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        raise DecodeError('params must be a list of stream names, as in ["btcusdt@trade"]')
    return params
