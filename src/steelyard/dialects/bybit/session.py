"""The exchange's end of the public and the private stream: subscribe, auth, ping, what comes first.

The invariant: every message has one answer, in the order in which they came, with the `req_id` that
it had. Where one topic of a subscription is wrong, none of it is followed. Whoever says nothing for
ten minutes, or as long as its address says, is sent away.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec

from steelyard.dialects.bybit import auth, errors, guarding, private, stream
from steelyard.dialects.bybit.environments import STATUS
from steelyard.dialects.bybit.frames import Ack, Control
from steelyard.dialects.bybit.routes import SPOT, find_in
from steelyard.dialects.bybit.stream import NAME, encode
from steelyard.dialects.bybit.text import to_ms
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
    BookQuery,
    BookSnapshot,
    CandleList,
    CandlesQuery,
    Scope,
    Status,
    StatusQuery,
    TickerList,
    TickersQuery,
    Touch,
)
from steelyard.wire.dialect import (
    Channel,
    ChannelKind,
    Door,
    Ending,
    Refusal,
    SessionRefused,
    Subscription,
)

ARGS_MAX = 10  # topics in one frame of a public socket
SUBSCRIPTIONS_MAX = 1_000
IDLE_NS = 10 * MINUTE_NS
IDLE_MIN_NS = 30 * SECOND_NS
REPEAT_NS = 3 * SECOND_NS  # the touch is told again after so long without a change
CLOSE_UNSUPPORTED, CLOSE_POLICY, CLOSE_NORMAL = 1003, 1008, 1000
PRIVATE, PUBLIC = "private", "public"

_control = msgspec.json.Decoder(Control).decode


class Conversation:
    """What every socket's server end has in common."""

    def __init__(self, door: Door, target: str) -> None:
        self._door = door
        self._out: list[bytes] = []
        self.closing: tuple[int, str] | None = None
        self._idle_ns = idle_of(target)
        self._heard_ns: int | None = None
        self._name = ""

    def drain(self) -> list[bytes]:
        """Return the text frames to send, in order."""
        out, self._out = self._out, []
        return out

    def wake(self, now_ns: int) -> None:
        """Send away who has said nothing for long."""
        if self._heard_ns is None:
            self._heard_ns = now_ns
        if now_ns - self._heard_ns >= self._idle_ns:
            self.closing = (CLOSE_NORMAL, "idle for too long: send a ping every 20 seconds")

    def end(self, ending: Ending, now_ns: int) -> None:
        """The close code says it all."""

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message from the client and answer it."""
        if self.closing:
            return
        if isinstance(frame, bytes):
            self.closing = (CLOSE_UNSUPPORTED, "send JSON in text frames, not binary ones")
            return
        self._heard_ns = now_ns
        self._name = self._name or f"sy{now_ns:x}-1"
        self._take(frame, now_ns)

    def _take(self, frame: str, now_ns: int) -> None:
        raise NotImplementedError

    def _say(self, answer: Any) -> None:
        self._out.append(encode(answer))


def idle_of(target: str) -> int:
    """Return after how long without a message a connection ends: as its address asks for."""
    found = parse_qs(target.partition("?")[2]).get("max_active_time", [""])[0]
    number, unit = found[:-1], found[-1:]
    scale = {"s": SECOND_NS, "m": MINUTE_NS}.get(unit)
    if scale is None or not (number.isascii() and number.isdigit() and len(number) <= 4):  # noqa: PLR2004
        return IDLE_NS
    return min(max(int(number) * scale, IDLE_MIN_NS), IDLE_NS)


class StreamSession(Conversation):
    """A public stream, of a category or of the system's status, or the private one."""

    def __init__(self, door: Door, target: str, *, category: str | None) -> None:
        super().__init__(door, target)
        self._category = category
        self._is_private = category is None
        self._account_id = 0
        self._key = ""
        self._teller: private.Teller | None = None
        self._followed: dict[str, Subscription | None] = {}  # by topic; silent ones are by none
        self._numbers: dict[str, int] = {}  # of books' messages, by topic
        self._is_off = False  # a maintenance was told, and not that it is over
        self._touches: dict[str, tuple[bytes, int]] = {}  # what was told last, and when
        self._guard: guarding.Beat | None = None  # while `dcp.spot` is followed

    # -- messages -----------------------------------------------------------------------------

    def wake(self, now_ns: int) -> None:
        """Tell the touch again where it stands still, and send away who is idle."""
        super().wake(now_ns)
        if self._guard is not None:
            try:
                self._guard.wake(now_ns)
            except SessionRefused as refused:
                self.closing = (CLOSE_POLICY, refused.refusal.message[:100])
        for topic, (payload, told_ns) in self._touches.items():
            if not told_ns:
                self._touches[topic] = payload, now_ns
            elif now_ns - told_ns >= REPEAT_NS:
                self._out.append(payload)
                self._touches[topic] = payload, now_ns

    def _take(self, frame: str, now_ns: int) -> None:
        try:
            control = _control(frame)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            try:
                self._door.count(1)
            except SessionRefused as refused:
                self._fail(Control(), refused.refusal.message)
            else:
                self._fail(Control(), f"error:invalid json: {error}")
            return
        try:
            self._door.count(1) if control.op != "auth" else None
            self._carry_out(control, now_ns)
        except DecodeError as error:
            self._fail(control, str(error))
        except SessionRefused as refused:
            words, how = errors.words_of(refused.refusal)
            self._fail(control, f"{words.text} ({how})")

    def _carry_out(self, control: Control, now_ns: int) -> None:
        match control.op:
            case "ping":
                self._pong(control, now_ns)
            case "subscribe":
                self._subscribe(control, now_ns)
            case "unsubscribe":
                self._unsubscribe(control)
            case "auth" if self._is_private:
                self._log_in(control, now_ns)
            case unknown:
                raise DecodeError(f"error:op not supported: {errors.shown(unknown)}")

    def _pong(self, control: Control, now_ns: int) -> None:
        if self._is_private:
            answer = Ack(op="pong", args=(str(to_ms(now_ns)),), conn_id=self._name)
        else:
            answer = Ack(op="ping", success=True, ret_msg="pong", conn_id=self._name)
        answer.req_id = control.req_id
        self._say(answer)

    def _accept(self, control: Control) -> None:
        is_spot = not self._is_private and self._category == SPOT
        text = "subscribe" if is_spot and control.op == "subscribe" else ""
        answer = Ack(op=control.op, success=True, ret_msg=text, conn_id=self._name)
        answer.req_id = control.req_id
        self._say(answer)

    def _fail(self, control: Control, text: str) -> None:
        answer = Ack(op=control.op or "subscribe", success=False, ret_msg=text, conn_id=self._name)
        answer.req_id = control.req_id
        self._say(answer)

    # -- who it is ----------------------------------------------------------------------------

    def _log_in(self, control: Control, now_ns: int) -> None:
        if self._key:
            raise DecodeError("error:this connection is authenticated already")
        key, account_id = log_in(self._door, control.args, now_ns)
        self._door.require(key, Scope.READ)
        self._key, self._account_id = key, account_id
        self._teller = private.Teller(account_id, self._door.listings, self._door.snapshot)
        answer = Ack(op="auth", success=True, ret_msg="", conn_id=self._name)
        answer.req_id = control.req_id
        self._say(answer)

    # -- topics -------------------------------------------------------------------------------

    def _topics(self, control: Control) -> list[str]:
        topics = [topic for topic in control.args if isinstance(topic, str)]
        if not topics or len(topics) != len(control.args):
            raise DecodeError('error:name topics in args, as ["orderbook.50.BTCUSDT"]')
        if not self._is_private and len(topics) > ARGS_MAX:
            raise DecodeError(f"error:args size >{ARGS_MAX}")
        return topics

    def _subscribe(self, control: Control, now_ns: int) -> None:
        topics = self._topics(control)
        most = self._door.limits.sockets.subscriptions_most(SUBSCRIPTIONS_MAX)
        if len(self._followed) + len(topics) > most:
            raise DecodeError(f"error:too many topics: a connection has at most {most}")
        for topic in topics:
            if topic in self._followed:
                raise DecodeError(f"error:already subscribed,topic:{topic}")
        wanted = {topic: self._subscription(topic) for topic in topics}
        for topic, subscription in wanted.items():
            if subscription is not None:
                self._door.subscribe(subscription, self._finish(topic, subscription))
            self._followed[topic] = subscription
            if topic == private.DCP_SPOT:
                self._door.require(self._key, Scope.TRADE)
                self._guard = guarding.Beat(self._door, self._key)
                self._guard.wake(now_ns)
        self._accept(control)
        for topic, subscription in wanted.items():
            if subscription is not None and not self._is_private:
                self._first(topic, subscription, now_ns)

    def _unsubscribe(self, control: Control) -> None:
        for topic in self._topics(control):
            if topic == private.DCP_SPOT and self._guard is not None:
                self._guard.end()
                self._guard = None
            subscription = self._followed.pop(topic, None)
            self._touches.pop(topic, None)
            self._numbers.pop(topic, None)
            if subscription is not None:
                self._door.unsubscribe(subscription)
        self._accept(control)

    def _subscription(self, topic: str) -> Subscription | None:
        if self._is_private:
            if not private.is_topic(topic):
                raise DecodeError(f"error:handler not found,topic:{topic[:60]}")
            if not self._key:
                raise DecodeError("error:request not authorized: send auth first")
            channel = private.channel_of(topic, self._account_id)
            return None if channel is None else Subscription(NAME, channel, topic)
        if self._category == STATUS and topic == stream.STATUS_TOPIC:
            return Subscription(NAME, Channel(ChannelKind.STATUS), topic)
        if self._category == STATUS:
            raise DecodeError(f"error:handler not found,topic:{topic[:60]}")
        form, _, symbol = topic.rpartition(".")
        instrument = find_in(self._category, symbol, self._door.listings)
        channel = None if instrument is None else stream.channel_of(form, instrument)
        if channel is None:
            raise DecodeError(f"error:handler not found,topic:{topic[:60]}")
        return Subscription(NAME, channel, form)

    def _finish(self, topic: str, subscription: Subscription) -> Any:
        """Return what makes of a frame that of this connection."""
        if self._teller is not None and self._is_private:
            teller = self._teller
            return lambda payload: teller.told(topic, payload)
        match subscription.channel.kind:
            case ChannelKind.DEPTH:
                return lambda payload: self._numbered(topic, payload)
            case ChannelKind.TOUCH:
                return lambda payload: self._kept(topic, payload)
            case ChannelKind.STATUS:
                return self._of_status
            case _:
                return None

    def _numbered(self, topic: str, payload: bytes) -> Sequence[bytes]:
        number = self._numbers.get(topic, 0) + 1
        self._numbers[topic] = number
        return (stream.numbered(payload, number),)

    def _kept(self, topic: str, payload: bytes) -> Sequence[bytes]:
        self._touches[topic] = payload, 0
        return (payload,)

    def _of_status(self, payload: bytes) -> Sequence[bytes]:
        """Tell of a maintenance that goes on; that it is over, to who has heard of it."""
        was_off, self._is_off = self._is_off, stream.is_off(payload)
        return (payload,) if was_off or self._is_off else ()

    def _first(self, topic: str, subscription: Subscription, now_ns: int) -> None:
        """Tell how things stand when a topic begins."""
        channel, door = subscription.channel, self._door
        if channel.kind is ChannelKind.STATUS:
            self._is_off = False
            status = door.snapshot(StatusQuery())
            assert isinstance(status, Status), "a StatusQuery is answered by a status"
            self._out.extend(self._of_status(stream.status_frame(status)))
            return
        instrument: Instrument = door.listings[channel.instrument_id]
        match channel.kind:
            case ChannelKind.DEPTH:
                book = door.snapshot(BookQuery(channel.instrument_id, channel.depth))
                assert isinstance(book, BookSnapshot), "a BookQuery is answered by a book"
                number = max(2, book.sequence)  # 1 is a restart of the service
                self._numbers[topic] = number
                frame = stream.book_frame(book, subscription.form, number, door.listings)
                self._out.append(frame)
            case ChannelKind.TOUCH:
                best = door.snapshot(BookQuery(channel.instrument_id, 1))
                assert isinstance(best, BookSnapshot), "a BookQuery is answered by a book"
                payload = stream.touch_frame(_touch_of(best), door.listings)
                self._touches[topic] = payload, now_ns
                self._out.append(payload)
            case ChannelKind.TICKER:
                tickers = door.snapshot(TickersQuery((channel.instrument_id,)))
                assert isinstance(tickers, TickerList), "a TickersQuery is answered by tickers"
                told = stream.ticker_frame(tickers.tickers[0], door.listings)
                if told is not None:
                    self._out.append(told)
            case ChannelKind.CANDLES:
                query = CandlesQuery(channel.instrument_id, channel.interval_ns, 1)
                candles = door.snapshot(query)
                assert isinstance(candles, CandleList), "a CandlesQuery is answered by candles"
                for candle in candles.candles:
                    data = (stream.candle_to_wire(candle, instrument),)
                    form = subscription.form
                    self._out.append(stream.message(form, instrument, data, now_ns))
            case _:
                pass


def _touch_of(book: BookSnapshot) -> Touch:
    (bid_ticks, bid_lots), (ask_ticks, ask_lots) = (
        side[0] if side else (0, 0) for side in (book.bids, book.asks)
    )
    best = bid_ticks, bid_lots, ask_ticks, ask_lots
    return Touch(book.instrument_id, book.sequence, *best, book.time_ns)


def log_in(door: Door, args: Sequence[Any], now_ns: int) -> tuple[str, int]:
    """Return key and account of an `auth`.

    Raises:
        DecodeError: It has another form.
        SessionRefused: Key or signature are not accepted.
    """
    match args:
        case [str(key), int() | str() as expires, str(signature)] if expires is not True:
            claimed = auth.login_credentials(key, str(expires), signature, now_ns)
        case _:
            raise DecodeError('error:send {"op":"auth","args":[key, expires in ms, signature]}')
    if isinstance(claimed, Refusal):
        raise SessionRefused(claimed)
    return claimed.key, door.authenticate(claimed, None)
