"""The exchange's end of the streams: who it is, subscribe, ping, what comes first.

The invariant: every message has one answer, in the order in which they came, with the id that it
had. Where one channel of a subscription is wrong, none of it is followed. Nobody logs in: on the
private stream the headers that opened it prove who it is, and where they do not, it says so and
ends. Whoever follows nothing for a minute, or leaves more than ten pings unanswered, is sent away.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET

from steelyard.dialects.weex import auth, errors, frames, private, stream
from steelyard.dialects.weex.stream import NAME, SNAPSHOT, encode
from steelyard.dialects.weex.text import find_symbol, ms_text
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import (
    MINUTE_NS,
    BookQuery,
    BookSnapshot,
    CandleList,
    CandlesQuery,
    Clock,
    ClockQuery,
    Scope,
    TickerList,
    TickersQuery,
    TradeList,
    TradesQuery,
)
from steelyard.wire.dialect import (
    AccessReason,
    ChannelKind,
    Credentials,
    Door,
    Ending,
    Finish,
    Refusal,
    SessionRefused,
    Subscription,
)

CHANNELS_MAX = 100  # on one connection
PARAMS_MAX = 100  # in one message
OPERATIONS_MAX, OPERATIONS_NS = 240, 60 * MINUTE_NS
PING_NS = MINUTE_NS
PINGS_MAX = 10  # unanswered
IDLE_NS = MINUTE_NS
TRADES_FIRST = 50  # in the snapshot of trades
CLOSE_NORMAL, CLOSE_UNSUPPORTED, CLOSE_POLICY = 1000, 1003, 1008
ARGUMENT, EXHAUSTED = "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"

_said = msgspec.json.Decoder(frames.Said).decode


class StreamSession:
    """One public or private stream, of spot or, where nothing is listed, of contracts."""

    def __init__(self, door: Door, *, is_private: bool, is_contract: bool) -> None:
        self.closing: tuple[int, str] | None = None
        self._door = door
        self._is_private, self._is_contract = is_private, is_contract
        self._out: list[bytes] = []
        self._account_id = 0
        self._teller: private.Teller | None = None
        self._followed: dict[str, Subscription | None] = {}  # by channel; silent ones are by none
        self._numbers: dict[str, int] = {}  # of what was told of books last, by channel
        self._operations: deque[int] = deque()
        self._pings = 0
        self._pinged_ns: int | None = None
        self._idle_ns: int | None = None  # since when nothing is followed
        if not is_private or self._is_let_in():
            self._greet("connected")

    # -- who it is, and whether it is there ----------------------------------------------------

    def _is_let_in(self) -> bool:
        door = self._door
        try:
            claimed = auth.stream_credentials(door.headers)
            self._account_id = _proven(claimed, door)
        except SessionRefused as refused:
            self._refuse(refused.refusal, UNSET)
            self.closing = (CLOSE_POLICY, errors.words_of(refused.refusal).text[:100])
            return False
        self._teller = private.Teller(self._account_id, door.listings, door.snapshot)
        return True

    def _greet(self, word: str, now_ns: int | None = None) -> None:
        """Say something that no client has asked for."""
        if now_ns is None:
            clock = self._door.snapshot(ClockQuery())
            assert isinstance(clock, Clock), "a ClockQuery is answered by a clock"
            now_ns = clock.time_ns
        time = ms_text(now_ns)
        if self._is_private:
            self._say(frames.Greeting(type=word, time=time))
        else:
            cid = f"sy-{time}" if word == "connected" else UNSET
            self._say(frames.Greeting(cid=cid, event=word, time=time))

    def wake(self, now_ns: int) -> None:
        """Ping, and send away who follows nothing or answers nothing."""
        self._idle_ns = None if self._followed else self._idle_ns or now_ns
        if self._idle_ns is not None and now_ns - self._idle_ns >= IDLE_NS:
            self.closing = (CLOSE_NORMAL, "nothing is followed: subscribe within a minute")
        if self._pinged_ns is None:
            self._pinged_ns = now_ns
        if now_ns - self._pinged_ns >= PING_NS and self.closing is None:
            if self._pings >= PINGS_MAX:
                self.closing = (CLOSE_POLICY, f"{PINGS_MAX} pings are unanswered: send PONG")
                return
            self._pinged_ns, self._pings = now_ns, self._pings + 1
            self._greet("ping", now_ns)

    def end(self, ending: Ending, now_ns: int) -> None:
        """The close code says it all."""

    def drain(self) -> list[bytes]:
        """Return the text frames to send, in order."""
        out, self._out = self._out, []
        return out

    # -- messages -----------------------------------------------------------------------------

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message from the client and answer it."""
        if self.closing:
            return
        if isinstance(frame, bytes):
            self.closing = (CLOSE_UNSUPPORTED, "send JSON in text frames, not binary ones")
            return
        said = frames.Said()
        try:
            self._door.count(1)
            said = _said(frame)
            self._carry_out(said, now_ns)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            self._fail(said, f"{ARGUMENT}: invalid json : {error}")
        except DecodeError as error:
            self._fail(said, f"{ARGUMENT}: {error}")
        except SessionRefused as refused:
            self._refuse(refused.refusal, said.id)

    def _carry_out(self, said: frames.Said, now_ns: int) -> None:
        match said.method:
            case "SUBSCRIBE":
                self._subscribe(said, now_ns)
            case "UNSUBSCRIBE":
                self._unsubscribe(said)
            case "PING":
                self._say(frames.Ack(result=True, id=said.id))
            case "PONG":
                self._pings = 0
            case unknown:
                raise DecodeError(f"invalid method : {unknown[:40]}")

    def _say(self, answer: Any) -> None:
        self._out.append(encode(answer))

    def _fail(self, said: frames.Said, text: str) -> None:
        self._say(frames.Ack(result=False, id=said.id, msg=text))

    def _refuse(self, refusal: Refusal, number: Any) -> None:
        body = errors.body_of(refusal)
        code = body.code if isinstance(body.code, int) else UNSET
        text = body.msg if body.msg is not UNSET else f"{EXHAUSTED}: too many requests"
        self._say(frames.Ack(result=False, id=number, msg=text, code=code, help=body.help))

    # -- channels -----------------------------------------------------------------------------

    def _subscribe(self, said: frames.Said, now_ns: int) -> None:
        if not said.params or len(said.params) > PARAMS_MAX:
            raise DecodeError(f"invalid params : 1 to {PARAMS_MAX} channels, as BTCUSDT@ticker")
        self._count_operation(now_ns)
        names = [self._name(param) for param in dict.fromkeys(said.params)]
        wanted = {name: self._subscription(name) for name in names if name not in self._followed}
        most = self._door.limits.sockets.subscriptions_most(CHANNELS_MAX)
        if len(self._followed) + len(wanted) > most:
            how = f"a connection has at most {most} channels: unsubscribe, or open another one"
            raise SessionRefused(Refusal(AccessReason.IP_LIMIT, how))
        for name, subscription in wanted.items():
            if subscription is not None:
                self._door.subscribe(subscription, self._finish(name, subscription))
            self._followed[name] = subscription
        self._say(frames.Ack(result=True, id=said.id))
        for name, subscription in wanted.items():
            if subscription is not None and not self._is_private:
                self._first(name, subscription, now_ns)

    def _unsubscribe(self, said: frames.Said) -> None:
        for param in said.params:
            name = self._name(param)
            subscription = self._followed.pop(name, None)
            self._numbers.pop(name, None)
            if subscription is not None:
                self._door.unsubscribe(subscription)
        self._say(frames.Ack(result=True, id=said.id))

    def _count_operation(self, now_ns: int) -> None:
        while self._operations and now_ns - self._operations[0] >= OPERATIONS_NS:
            self._operations.popleft()
        if len(self._operations) >= OPERATIONS_MAX:
            how = f"{OPERATIONS_MAX} subscriptions an hour: name several channels in one"
            raise SessionRefused(Refusal(AccessReason.IP_LIMIT, how))
        self._operations.append(now_ns)

    def _name(self, param: str) -> str:
        """Return a channel as we call it."""
        if not self._is_private:
            return param
        name = private.name_of(param)
        if name is None:
            raise DecodeError(f"invalid event : {param[:40]}")
        return name

    def _subscription(self, name: str) -> Subscription | None:
        if self._is_private:
            channel = None if self._is_contract else private.channel_of(name, self._account_id)
            return None if channel is None else Subscription(NAME, channel, name)
        symbol, _, form = name.partition("@")
        instrument = None if self._is_contract else find_symbol(self._door.listings, symbol)
        if instrument is None:
            raise DecodeError(f"invalid symbol : {symbol[:40]}")
        return Subscription(NAME, stream.channel_of(form, instrument), form)

    def _finish(self, name: str, subscription: Subscription) -> Finish | None:
        """Return what makes of a frame that of this connection."""
        if self._teller is not None:
            return _told_by(self._teller, name)
        if subscription.channel.kind is ChannelKind.DEPTH:
            return lambda payload: (self._numbered(name, payload),)
        return None

    def _numbered(self, name: str, payload: bytes) -> bytes:
        before = self._numbers.get(name, 0)
        self._numbers[name] = _depth(payload).u
        return stream.numbered(payload, before)

    def _first(self, name: str, subscription: Subscription, now_ns: int) -> None:
        """Tell how things stand when a channel begins."""
        channel, door = subscription.channel, self._door
        number = channel.instrument_id
        instrument = door.listings[number]
        match channel.kind:
            case ChannelKind.DEPTH:
                book = door.snapshot(BookQuery(number, channel.depth))
                assert isinstance(book, BookSnapshot), "a BookQuery is answered by a book"
                self._numbers[name] = book.sequence
                self._say(stream.depth_to_wire(book, channel.depth, instrument))
            case ChannelKind.TRADES:
                told = door.snapshot(TradesQuery(number, TRADES_FIRST))
                assert isinstance(told, TradeList), "a TradesQuery is answered by trades"
                event = stream.TRADE + SNAPSHOT
                self._out.append(stream.trades_frame(told.trades, instrument, now_ns, event))
            case ChannelKind.TICKER:
                tickers = door.snapshot(TickersQuery((number,)))
                assert isinstance(tickers, TickerList), "a TickersQuery is answered by tickers"
                self._out.append(stream.ticker_frame(tickers.tickers[0], door.listings))
            case ChannelKind.CANDLES:
                candles = door.snapshot(CandlesQuery(number, channel.interval_ns, 1))
                assert isinstance(candles, CandleList), "a CandlesQuery is answered by candles"
                event = stream.KLINE + SNAPSHOT
                rows = candles.candles
                self._out.append(stream.candles_frame(rows, instrument, now_ns, event))
            case _:
                pass


def _proven(claimed: Credentials | Refusal, door: Door) -> int:
    """Return the account of who opened a stream, or raise SessionRefused."""
    if isinstance(claimed, Refusal):
        raise SessionRefused(claimed)
    account_id = door.authenticate(claimed, None)
    door.require(claimed.key, Scope.READ)
    return account_id


class _Number(msgspec.Struct):
    """As much of a book's message as says its number."""

    u: int


_depth = msgspec.json.Decoder(_Number).decode


def _told_by(teller: private.Teller, name: str) -> Callable[[bytes], list[bytes]]:
    return lambda payload: teller.told(name, payload)
