"""The server's end of WebSocket v2: one conversation, public or private.

The invariant: a trading call is a REST route with other names and another envelope (`trading`);
what a route checks is checked here too, under the key of the token. Every call has one answer, and
a subscription one for each symbol; each cancel of several has its own.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from steelyard.dialects.kraken import errors, level3, private, stream, trading
from steelyard.dialects.kraken.environments import LEVEL3_STREAM, PRIVATE_STREAM, PUBLIC_STREAM
from steelyard.dialects.kraken.frames import Ack, Call, ChannelName, Pong, SystemStatus
from steelyard.dialects.kraken.limits import TRADING_MAX
from steelyard.dialects.kraken.market import system_status
from steelyard.dialects.kraken.text import find_symbol, rfc3339
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    BookQuery,
    BookSnapshot,
    CandleList,
    CandlesQuery,
    Clock,
    ClockQuery,
    FillList,
    FillsQuery,
    FullBookQuery,
    FullBookSnapshot,
    InstrumentList,
    InstrumentsQuery,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Status,
    StatusQuery,
    TickerList,
    TickersQuery,
    TradeList,
    TradesQuery,
)
from steelyard.wire.dialect import (
    Channel,
    ChannelKind,
    Door,
    Ending,
    Finish,
    SessionRefused,
    Subscription,
)
from steelyard.wire.limits import counter_of

NAME = "kraken"
STATUS = "status"
INSTRUMENT = "instrument"
PUBLIC_TARGETS = ("/v2", f"{PUBLIC_STREAM}/v2")
PRIVATE_TARGETS = tuple(
    f"{prefix}/v2"
    for prefix in (PRIVATE_STREAM, LEVEL3_STREAM, "/auth", "/ws/auth", "/ws-auth", "/ws-l3")
)
HEARTBEAT_NS = SECOND_NS
SUBSCRIPTIONS_MAX = 1_000
# What a subscription has that does not say it.
DEFAULTS: dict[str, dict[str, Any]] = {
    "book": {"depth": 10},
    "ohlc": {"interval": 1},
    "ticker": {"event_trigger": "trades"},
    "level3": {"depth": 10},
}
SNAPSHOT_TRADES = 50
SNAPSHOT_CANDLES = 720
SNAPSHOT_ORDERS = 10_000
NAMED_MAX = 200  # symbols in one subscription

_call = msgspec.json.Decoder(Call)
_named = msgspec.json.Decoder(ChannelName)
_encode = stream.encode
HEARTBEAT = b'{"channel":"heartbeat"}'
_NO_PRIVATE = "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"


def is_private(path: str) -> bool | None:
    """Return which kind of stream a path is; None where it is none."""
    path = path.rstrip("/")
    if path in PUBLIC_TARGETS:
        return False
    return True if path in PRIVATE_TARGETS else None


class Session:
    """A client's conversation."""

    def __init__(self, door: Door, *, may_trade: bool) -> None:
        self.closing: tuple[int, str] | None = None
        self._door = door
        self._may_trade = may_trade
        self._subscribed: dict[str, dict[str, Subscription]] = {}  # by channel, then by symbol
        self._sequences: dict[str, int] = {}
        self._balances = private.BalanceLedger()
        self._level3_rate = counter_of(level3.RATE)
        self._told_ns = 0
        self._out: list[bytes] = []
        door.subscribe(Subscription(NAME, Channel(ChannelKind.STATUS), STATUS))
        self._say_status()

    def _say_status(self) -> None:
        clock, status = self._door.snapshot(ClockQuery()), self._door.snapshot(StatusQuery())
        listed = self._door.snapshot(InstrumentsQuery())
        assert isinstance(clock, Clock), "a ClockQuery is answered by a clock"
        assert isinstance(status, Status), "a StatusQuery is answered by a status"
        assert isinstance(listed, InstrumentList), "an InstrumentsQuery by instruments"
        word = system_status(status, listed.states)
        entry = SystemStatus(system=word, connection_id=clock.time_ns)
        self._out.append(stream.update(STATUS, (entry,)))

    def wake(self, now_ns: int) -> None:
        """Tell that the connection lives."""
        if self._subscribed and now_ns - self._told_ns >= HEARTBEAT_NS:
            self._told_ns = now_ns
            self._out.append(HEARTBEAT)

    def end(self, ending: Ending, now_ns: int) -> None:
        """The venue says nothing more."""

    def drain(self) -> list[bytes]:
        """Return the answers to send."""
        out, self._out = self._out, []
        return out

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message and answer it."""
        try:
            call = _call.decode(frame)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            self._not_a_call(error, now_ns)
            return
        answer = _Answer(self._out, call, now_ns)
        try:
            match call.method:
                case "ping":
                    self._door.count(1)
                    time = rfc3339(now_ns)
                    pong = Pong(req_id=call.req_id, time_in=time, time_out=time)
                    self._out.append(_encode(pong))
                case "subscribe" | "unsubscribe":
                    self._door.count(1)
                    self._channel(call, answer, now_ns)
                case _:
                    self._trade(call, answer)
        except errors.REFUSALS as refused:
            answer.refuse(*errors.text_and_help(refused))

    def _not_a_call(self, error: Exception, now_ns: int) -> None:
        answer = _Answer(self._out, Call(method=""), now_ns)
        try:
            self._door.count(1)
        except SessionRefused as refused:
            answer.refuse(errors.text_for(refused.refusal), refused.refusal.message)
        else:
            answer.refuse("Malformed request", str(error))

    # -- channels -----------------------------------------------------------------------------

    def _channel(self, call: Call, answer: "_Answer", now_ns: int) -> None:
        try:
            params = bytes(call.params) if isinstance(call.params, Raw) else b"{}"
            wanted = _named.decode(params)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise errors.said("Malformed request", str(error)) from error
        begins = call.method == "subscribe"
        if wanted.channel in (private.EXECUTIONS, private.BALANCES):
            self._private(wanted, answer, begins=begins)
        elif wanted.channel == level3.LEVEL3:
            self._level3(wanted, answer, now_ns, begins=begins)
        elif wanted.channel == INSTRUMENT:
            self._instruments(answer, begins=begins, snapshot=wanted.snapshot is not False)
        else:
            self._public(wanted, answer, begins=begins)

    def _public(self, wanted: ChannelName, answer: "_Answer", *, begins: bool) -> None:
        try:
            form = stream.form_of(wanted)
        except DecodeError as error:
            raise errors.said(str(error), "as the documentation of the channel has it") from error
        for symbol, instrument in self._named(wanted, answer):
            result = _result(wanted, symbol)
            if begins:
                self._begin(form, symbol, instrument, wanted, answer, result)
            elif self._leave(wanted.channel, symbol):
                answer.accept(result)
            else:
                answer.refuse("Subscription Not Found", "there is none of this symbol", symbol)

    def _named(self, wanted: ChannelName, answer: "_Answer") -> Iterator[tuple[str, Instrument]]:
        """Yield the symbols of a subscription that are listed; of the others it is said."""
        symbols = wanted.symbol
        if not isinstance(symbols, tuple) or not 1 <= len(symbols) <= NAMED_MAX:
            raise errors.said("Symbol(s) not found", f"name 1 to {NAMED_MAX} symbols, as BTC/USD")
        for symbol in symbols:
            instrument = find_symbol(self._door.listings, symbol)
            if instrument is None:
                text = f"Currency pair not supported {symbol[:20]}"
                known = ", ".join(i.symbol.replace("-", "/") for i in self._door.listings)
                answer.refuse(text, f"there are {known[:200]}", symbol)
            else:
                yield symbol, instrument

    def _level3(self, wanted: ChannelName, answer: "_Answer", now_ns: int, *, begins: bool) -> None:
        if not self._may_trade:
            raise errors.said(_NO_PRIVATE, f"connect to {LEVEL3_STREAM}/v2")
        self._redeemed(wanted.token)
        depth = 10 if wanted.depth is UNSET else int(wanted.depth)
        if depth not in level3.COSTS:
            how = f"it is {', '.join(map(str, level3.COSTS))}"
            raise errors.said("Subscription depth not supported", how)
        for symbol, instrument in self._named(wanted, answer):
            mine = self._subscribed.get(level3.LEVEL3, {})
            if not begins:
                if self._leave(level3.LEVEL3, symbol):
                    answer.accept(_result(wanted, symbol))
                else:
                    answer.refuse("Subscription Not Found", "there is none of this symbol", symbol)
            elif symbol in mine:
                answer.refuse("Already subscribed", "leave it first, to have it otherwise", symbol)
            elif len(mine) >= level3.SYMBOLS_MAX:
                answer.refuse("Too many subscriptions", f"at most {level3.SYMBOLS_MAX}", symbol)
            elif self._is_too_fast(level3.COSTS[depth], now_ns):
                cost, most = level3.COSTS[depth], level3.RATE.limit
                how = f"this depth costs {cost}, of {most} a second"
                answer.refuse(errors.KEY_LIMIT, how, symbol)
            else:
                self._begin_level3(wanted, symbol, instrument, depth, answer)

    def _is_too_fast(self, cost: int, now_ns: int) -> bool:
        """Count a subscription to `level3`, where there are limits at all."""
        if not self._door.limits.limits:
            return False
        return self._level3_rate.add(level3.RATE, cost, now_ns).is_over

    def _begin_level3(
        self,
        wanted: ChannelName,
        symbol: str,
        instrument: Instrument,
        depth: int,
        answer: "_Answer",
    ) -> None:
        channel = Channel(ChannelKind.FULL, instrument.instrument_id)
        subscription = Subscription(NAME, channel, level3.LEVEL3)
        books: list[level3.Level3Book] = []

        def told(payload: bytes) -> Sequence[bytes]:
            return books[0].told(payload)

        self._door.subscribe(subscription, told)
        book = self._door.snapshot(FullBookQuery(instrument.instrument_id))
        assert isinstance(book, FullBookSnapshot), "a FullBookQuery is answered by every order"
        books.append(level3.Level3Book(book, instrument, depth))
        self._subscribed.setdefault(level3.LEVEL3, {})[symbol] = subscription
        answer.accept(_result(wanted, symbol))
        if wanted.snapshot is not False:
            self._out.append(books[0].whole())

    def _begin(
        self,
        form: str,
        symbol: str,
        instrument: Instrument,
        wanted: ChannelName,
        answer: "_Answer",
        result: Struct,
    ) -> None:
        mine = self._subscribed.setdefault(wanted.channel, {})
        if symbol in mine:
            answer.refuse("Already subscribed", "leave it first, to have it otherwise", symbol)
            return
        if sum(map(len, self._subscribed.values())) >= self._most():
            answer.refuse("Too many subscriptions", f"at most {self._most()}", symbol)
            return
        subscription = Subscription(NAME, stream.channel_of(form, instrument), form)
        self._door.subscribe(subscription)
        mine[symbol] = subscription
        answer.accept(result)
        self._snapshot(form, instrument, wanted)

    def _most(self) -> int:
        return self._door.limits.sockets.subscriptions_most(SUBSCRIPTIONS_MAX)

    def _leave(self, channel: str, symbol: str) -> bool:
        mine = self._subscribed.get(channel, {})
        subscription = mine.pop(symbol, None)
        if not mine:
            self._subscribed.pop(channel, None)
        if subscription is not None:
            self._door.unsubscribe(subscription)
        return subscription is not None

    def _snapshot(self, form: str, instrument: Instrument, wanted: ChannelName) -> None:
        """Tell what is, of channels that begin with it."""
        name, _, option = form.partition(":")
        door, number = self._door, instrument.instrument_id
        is_asked = wanted.snapshot is True
        is_left = wanted.snapshot is not False
        data: Any
        if name == "book" and is_left:
            book = door.snapshot(BookQuery(number, int(option)))
            assert isinstance(book, BookSnapshot), "a BookQuery is answered by a book"
            data = (stream.book_to_wire(book, door.listings),)
        elif name == "ticker" and is_left:
            tickers = door.snapshot(TickersQuery((number,)))
            assert isinstance(tickers, TickerList), "a TickersQuery is answered by tickers"
            data = tuple(stream.ticker_to_wire(t, door.listings) for t in tickers.tickers)
        elif name == "trade" and is_asked:
            trades = door.snapshot(TradesQuery(number, SNAPSHOT_TRADES))
            assert isinstance(trades, TradeList), "a TradesQuery is answered by trades"
            data = tuple(stream.trade_to_wire(t, door.listings) for t in trades.trades)
        elif name == "ohlc" and is_left:
            query = CandlesQuery(number, int(option) * MINUTE_NS, SNAPSHOT_CANDLES)
            candles = door.snapshot(query)
            assert isinstance(candles, CandleList), "a CandlesQuery is answered by candles"
            rows = stream.candles_frame(candles.candles, door.listings, form, "snapshot")
            self._out.append(rows)
            return
        else:
            return
        self._out.append(stream.update(name, data, "snapshot"))

    def _instruments(self, answer: "_Answer", *, begins: bool, snapshot: bool) -> None:
        if begins:
            self._subscribed.setdefault(INSTRUMENT, {})
        else:
            self._subscribed.pop(INSTRUMENT, None)
        answer.accept({"channel": INSTRUMENT, "snapshot": snapshot})
        if not begins or not snapshot:
            return
        listed = self._door.snapshot(InstrumentsQuery())
        assert isinstance(listed, InstrumentList), "an InstrumentsQuery is answered by instruments"
        ids = (instrument.instrument_id for instrument in listed.instruments)
        states = dict(zip(ids, listed.states, strict=True))
        data = stream.instruments_to_wire(self._door.listings, states)
        self._out.append(stream.update(INSTRUMENT, data, "snapshot"))

    # -- the account --------------------------------------------------------------------------

    def _private(self, wanted: ChannelName, answer: "_Answer", *, begins: bool) -> None:
        if not self._may_trade:
            raise errors.said(_NO_PRIVATE, f"connect to {PRIVATE_STREAM}/v2")
        account_id = self._redeemed(wanted.token)
        name = wanted.channel
        if not begins:
            if not self._leave(name, ""):
                raise errors.said("Subscription Not Found", "there is none")
            answer.accept({"channel": name})
            return
        if name in self._subscribed:
            raise errors.said("Already subscribed", "leave it first, to have it otherwise")
        is_executions = name == private.EXECUTIONS
        kind = ChannelKind.ORDERS if is_executions else ChannelKind.BALANCES
        subscription = Subscription(NAME, Channel(kind, account_id=account_id), name)
        finish: Finish = self._finish_balances
        if is_executions:
            finish = self._finisher(wanted, account_id)
        self._door.subscribe(subscription, finish)
        self._subscribed[name] = {"": subscription}
        self._sequences[name] = 0
        answer.accept(_private_result(wanted))
        if is_executions:
            self._snapshot_executions(wanted, account_id)
        elif wanted.snapshot is not False:
            self._snapshot_balances(account_id)

    def _redeemed(self, token: str | UnsetType) -> int:
        account_id = self._door.redeem(token) if isinstance(token, str) else None
        if account_id is None:
            raise errors.said(
                errors.BAD_SESSION, "get a token with POST /0/private/GetWebSocketsToken"
            )
        return account_id

    def _numbered(self, name: str, payload: bytes) -> bytes:
        self._sequences[name] += 1
        return private.numbered(payload, self._sequences[name])

    def _finisher(self, wanted: ChannelName, account_id: int) -> Finish:
        tells_all, counts = wanted.order_status is not False, wanted.ratecounter is True

        def finish(payload: bytes) -> Sequence[bytes]:
            kept = (p for p in payload.split(b"\n") if tells_all or _is_end_or_trade(p))
            told = (self._counted(p, account_id) for p in kept) if counts else kept
            return [self._numbered(private.EXECUTIONS, each) for each in told]

        return finish

    def _counted(self, payload: bytes, account_id: int) -> bytes:
        """Return a message with what its pair's counter stands at."""
        instrument = find_symbol(self._door.listings, private.symbol_in(payload))
        assert instrument is not None, "only what is listed has orders"
        units = self._door.charged(account_id, instrument.instrument_id)
        return payload if units is None else private.counted(payload, units)

    def _finish_balances(self, payload: bytes) -> Sequence[bytes]:
        changes = map(self._balances.changed, payload.split(b"\n"))
        return [self._numbered(private.BALANCES, each) for each in changes if each is not None]

    def _snapshot_executions(self, wanted: ChannelName, account_id: int) -> None:
        door = self._door
        entries: list[Any] = []
        if wanted.snap_orders is not False:
            answer = door.snapshot(OrdersQuery(account_id, SNAPSHOT_ORDERS, open_only=True))
            assert isinstance(answer, OrderList), "an OrdersQuery is answered by orders"
            entries += [
                private.execution_of(order, _snapped(order), order.updated_ns, door.listings)
                for order in answer.orders
            ]
        self._out.append(
            self._numbered(
                private.EXECUTIONS, stream.update(private.EXECUTIONS, entries, "snapshot")
            )
        )
        if wanted.snap_trades is True:
            self._snapshot_trades(account_id)

    def _snapshot_trades(self, account_id: int) -> None:
        """Tell the newest trades, in a message of their own."""
        door, entries = self._door, []
        fills = door.snapshot(FillsQuery(account_id, SNAPSHOT_TRADES))
        assert isinstance(fills, FillList), "a FillsQuery is answered by fills"
        for fill in fills.fills:
            found = door.snapshot(OrderQuery(account_id, order_id=fill.order_id))
            if (order := getattr(found, "order", None)) is not None:
                entries.append(private.trade_of(order, fill, door.listings))
        if entries:
            payload = stream.update(private.EXECUTIONS, entries, "snapshot")
            self._out.append(self._numbered(private.EXECUTIONS, payload))

    def _snapshot_balances(self, account_id: int) -> None:
        account = self._door.snapshot(AccountQuery(account_id))
        assert isinstance(account, AccountAnswer), "an AccountQuery is answered by an account"
        entries = [private.balance_to_wire(b, self._door.listings) for b in account.balances]
        for entry in entries:
            self._balances.tell(entry)
        payload = stream.update(private.BALANCES, entries, "snapshot")
        self._out.append(self._numbered(private.BALANCES, payload))

    # -- trading ------------------------------------------------------------------------------

    def _trade(self, call: Call, answer: "_Answer") -> None:
        if call.method not in trading.METHODS:
            known = ", ".join(trading.METHODS)
            self._door.count(1)
            raise errors.said("Unsupported method", f"there are subscribe, ping, {known}")
        if not self._may_trade:
            self._door.count(1)
            raise errors.said(_NO_PRIVATE, f"connect to {PRIVATE_STREAM}/v2")
        trading.carry_out(call, self._door, answer)


def _is_end_or_trade(payload: bytes) -> bool:
    kinds = (b"trade", b"filled", b"canceled", b"expired")
    return any(b'"exec_type":"%s"' % kind in payload for kind in kinds)


def _snapped(order: Any) -> str:
    """Return the kind of an open order's entry in a snapshot."""
    return "new" if not order.filled_lots else "status"


def _result(wanted: ChannelName, symbol: str) -> Struct:
    """Return what an acknowledgement repeats."""
    name = wanted.channel
    defaults: dict[str, Any] = DEFAULTS.get(name) or {}
    said: dict[str, Any] = {
        field: getattr(wanted, field)
        for field in ("depth", "interval", "event_trigger")
        if field in defaults and getattr(wanted, field) is not UNSET
    }
    snapshot = wanted.snapshot if wanted.snapshot is not UNSET else name != "trade"
    return _OneSymbol(channel=name, symbol=symbol, snapshot=snapshot, **(defaults | said))


class _OneSymbol(Struct, kw_only=True):
    channel: str
    symbol: str
    snapshot: bool
    depth: int | UnsetType = UNSET
    interval: int | UnsetType = UNSET
    event_trigger: str | UnsetType = UNSET


def _private_result(wanted: ChannelName) -> dict[str, Any]:
    if wanted.channel == private.BALANCES:
        return {"channel": wanted.channel, "snapshot": wanted.snapshot is not False}
    return {
        "channel": wanted.channel,
        "maxratecount": TRADING_MAX,
        "snap_orders": wanted.snap_orders is not False,
        "snap_trades": wanted.snap_trades is True,
        "order_status": wanted.order_status is not False,
    }


class _Answer:
    """How one call is answered."""

    def __init__(self, out: list[bytes], call: Call, now_ns: int) -> None:
        self._out, self._call, self._time = out, call, rfc3339(now_ns)

    def accept(self, result: Any, orders_cancelled: int | UnsetType = UNSET) -> None:
        """Say yes."""
        self._say(result=Raw(_encode(result)), success=True, orders_cancelled=orders_cancelled)

    def refuse(self, text: str, how: str, symbol: str | UnsetType = UNSET) -> None:
        """Say no, and how to mend it."""
        self._say(error=text, help=how, success=False, symbol=symbol)

    def _say(self, **fields: Any) -> None:
        answer = Ack(
            method=self._call.method,
            req_id=self._call.req_id,
            time_in=self._time,
            time_out=self._time,
            **fields,
        )
        self._out.append(_encode(answer))
