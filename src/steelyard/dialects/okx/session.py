"""The server's end of a WebSocket: one conversation on one of the three paths.

The invariant: every channel of a message has an answer of its own, an acknowledgement that repeats
its `arg` as it was sent, or an error; what it begins with comes right after. `ping` is a word and
is answered by `pong`. Who says nothing for 30 seconds, and is told nothing, is sent away; of an
account everything is told every five seconds, unless `updateInterval` is 0.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Raw

from steelyard.dialects.okx import auth, errors, private, stream, trading
from steelyard.dialects.okx.account import detail_to_wire
from steelyard.dialects.okx.account_messages import Balance
from steelyard.dialects.okx.channels import (
    ACCOUNT,
    BALANCES,
    BOOKS,
    CANDLE,
    DEPOSITS,
    INSTRUMENTS,
    KINDS,
    ORDERS,
    POSITIONS,
    WITHDRAWALS,
    Kind,
    Path,
    wanted_of,
)
from steelyard.dialects.okx.frames import Call, Told, Wanted
from steelyard.dialects.okx.market import BOOK_MAX, instrument_to_wire
from steelyard.dialects.okx.text import ms
from steelyard.dialects.okx.wallet_news import TransferNews
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    BalanceEvent,
    BookQuery,
    BookSnapshot,
    CandleList,
    CandlesQuery,
    Clock,
    ClockQuery,
    FillList,
    FillsQuery,
    InstrumentList,
    InstrumentsQuery,
    Scope,
    TickerList,
    TickersQuery,
)
from steelyard.wire.dialect import (
    AccessReason,
    Credentials,
    Door,
    Ending,
    Finish,
    Refusal,
    SessionRefused,
    Subscription,
)
from steelyard.wire.limits import Counts, Limit, MessagePace, Per, SlidingCounter
from steelyard.wire.limits import Kind as LimitKind

PING, PONG = ("ping", b"ping"), b"pong"
IDLE_NS = 30 * SECOND_NS
REGULAR_NS = 5 * SECOND_NS
STILL_NS = 60 * SECOND_NS  # after which a book in which nothing changes says so
CLOSE_IDLE, CLOSE_PACE = 4004, 1008
SUBSCRIPTIONS_MAX = 480
ARGS_MAX_BYTES = 64 << 10
FILLS_MAX = 200_000
REQUESTS = Limit(
    "WebSocket requests", Per.IP, Counts.REQUESTS, 480, 3_600 * SECOND_NS, LimitKind.SLIDING
)

_call = msgspec.json.Decoder(Call)
_login = msgspec.json.Decoder(auth.Login)
_wanted = msgspec.json.Decoder(Wanted)


class Session:
    """A client's conversation."""

    def __init__(self, door: Door, path: Path) -> None:
        self.closing: tuple[int, str] | None = None
        self._door, self._path = door, path
        self._conn_id = f"{self._now_ns() // 1_000 & 0xFFFFFFFF:08x}"
        self._login: Credentials | None = None
        self._account_id = 0
        self._subscribed: dict[str, tuple[Subscription, ...]] = {}  # by the arg, as it was sent
        self._still: dict[str, tuple[int, int]] = {}  # of books: number, and since when
        self._regular: dict[str, int] = {}  # accounts that are told all the time: when last
        self._transfers: dict[str, TransferNews] = {}
        self._fees = private.FeeLedger(self._paid_before)
        self._requests = SlidingCounter()
        self._pace = MessagePace()
        self._heard_ns = 0
        self._is_told = False
        self._out: list[bytes] = []

    def drain(self) -> list[bytes]:
        """Return the frames to send, in order."""
        out, self._out = self._out, []
        self._is_told |= bool(out)
        return out

    def end(self, ending: Ending, now_ns: int) -> None:
        """Say that the exchange stops."""
        if ending is Ending.STOP:
            assert now_ns >= 0, "the end has a time"
            text = "The connection will soon be closed for a service upgrade. Please reconnect."
            self._say(Told(event="notice", code="64008", msg=text, connId=self._conn_id))

    def wake(self, now_ns: int) -> None:
        """Tell of books in which nothing changes, and send away who is not there any more."""
        self._heard_ns = self._heard_ns or now_ns
        for form, (number, since_ns) in [*self._still.items()]:
            self._beat(form, number, since_ns, now_ns)
        for form, told_ns in [*self._regular.items()]:
            if now_ns - told_ns >= REGULAR_NS:
                self._regular[form] = now_ns
                self._begin_account(form, wanted_of(form), now_ns)
        for news in self._transfers.values():
            self._out += news.told()
        if self._is_told or self._out or self._hears_the_market():
            self._is_told, self._heard_ns = False, now_ns
        elif now_ns - self._heard_ns >= IDLE_NS:
            self.closing = (CLOSE_IDLE, "No data received in 30s.")

    def _hears_the_market(self) -> bool:
        """Whether there is a channel that is told all the time."""
        followed = (each for several in self._subscribed.values() for each in several)
        return any(not subscription.channel.account_id for subscription in followed)

    def _beat(self, form: str, number: int, since_ns: int, now_ns: int) -> None:
        (subscription,) = self._subscribed[form]
        book = self._book(subscription.channel.instrument_id, 1)
        if book.sequence != number:
            self._still[form] = (book.sequence, now_ns)
        elif now_ns - since_ns >= STILL_NS:
            self._still[form] = (number, now_ns)
            self._out.append(stream.heartbeat(form, number, now_ns))

    # -- messages -----------------------------------------------------------------------------

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message and answer it."""
        if self.closing:
            return
        self._heard_ns = now_ns
        messages_max = self._door.limits.sockets.messages
        if self._pace.is_over(messages_max, now_ns):
            self.closing = (CLOSE_PACE, f"over {messages_max} messages in one second")
            return
        if frame in PING:
            self._out.append(PONG)
            return
        try:
            call = _call.decode(frame)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            self._not_a_call(frame, str(error))
            return
        if call.op in trading.OPS:
            self._trade(call, now_ns)
            return
        try:
            self._count(now_ns)
            self._carry_out(call, now_ns)
        except errors.REFUSALS as error:
            self._refuse(errors.refusal_of(error), call)

    def _not_a_call(self, frame: str | bytes, how: str) -> None:
        try:
            self._door.count(1)
        except SessionRefused as refused:
            self._refuse(refused.refusal, None)
            return
        text = frame if isinstance(frame, str) else frame.decode(errors="replace")
        self._error("60012", f"Invalid request: {text[: errors.SHOWN_MAX]}", how)

    def _count(self, now_ns: int) -> None:
        """Count a login or a subscription: at most so many an hour, where there are limits."""
        self._door.count(1)
        if self._door.limits.limits and self._requests.add(REQUESTS, 1, now_ns).is_over:
            how = f"{REQUESTS.limit} logins and subscriptions an hour on one connection"
            raise SessionRefused(Refusal(AccessReason.IP_LIMIT, how, code="60014"))

    def _carry_out(self, call: Call, now_ns: int) -> None:
        args = call.args if isinstance(call.args, list) else []
        if call.op not in ("login", "subscribe", "unsubscribe"):
            raise DecodeError(
                "it is login, subscribe, unsubscribe or an op of orders", "op", "60019"
            )
        if not args:
            raise DecodeError("send args, a list of objects", "args", "60013")
        if call.op == "login":
            self._log_in(call, bytes(args[0]))
            return
        for arg in args:
            try:
                if call.op == "subscribe":
                    self._subscribe(arg, call, now_ns)
                else:
                    self._unsubscribe(arg, call)
            except errors.REFUSALS as error:
                self._refuse(errors.refusal_of(error), call)

    # -- who it is ----------------------------------------------------------------------------

    def _log_in(self, call: Call, arg: bytes) -> None:
        try:
            login = _login.decode(arg)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"login: {error}", "args", "60013") from error
        claimed = auth.login_credentials(login)
        if isinstance(claimed, Refusal):
            raise SessionRefused(claimed)
        account_id = self._door.authenticate(claimed, Scope.READ)
        if self._login is not None:
            raise DecodeError("this connection is logged in: open another one", "args", "60031")
        self._account_id, self._login = account_id, claimed
        self._say(Told(event="login", id=call.id, code="0", msg="", connId=self._conn_id))

    def _needs_login(self) -> None:
        if self._login is None:
            how = "log in on this connection first"
            raise SessionRefused(Refusal(AccessReason.MISSING_KEY, how, code="60011"))

    def _trade(self, call: Call, now_ns: int) -> None:
        login = self._login
        if self._path is not Path.PRIVATE or login is None:
            code = "60011" if self._path is Path.PRIVATE else "60028"
            text = errors.WS_TEXTS[code]
            answer = trading.Answer(
                id="" if call.id is UNSET else call.id,
                op=call.op,
                code=code,
                msg=text,
            )
            self._out.append(stream.encode(answer))
            return
        # The login vouches for what comes after it, however long.
        vouched = login._replace(timestamp_ns=now_ns)
        self._out.append(trading.carry_out(call, self._door, lambda: vouched))

    # -- channels -----------------------------------------------------------------------------

    def _wanted(self, arg: Raw) -> tuple[str, Wanted, Kind]:
        """Return what an arg asks for, in its own words and as it is understood."""
        if len(bytes(arg)) > errors.FORM_MAX:
            raise DecodeError("an arg this long is none of ours", "args", "60013")
        try:
            form, wanted = bytes(arg).decode(), _wanted.decode(arg)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"arg: {error}", "args", "60013") from error
        kind = KINDS.get(wanted.channel)
        if kind is None:
            how = f"there is no channel {errors.shown(wanted.channel)}"
            raise DecodeError(how, "channel", "60018")
        if kind.path is not self._path:
            code = (
                "64001"
                if kind.path is Path.BUSINESS
                else "64002"
                if self._path is Path.BUSINESS
                else "60018"
            )
            raise DecodeError(f"{wanted.channel} is on /ws/v5/{kind.path}", "channel", code)
        return form, wanted, kind

    def _instrument(self, wanted: Wanted) -> Instrument:
        found = self._door.listings.find(wanted.instId)
        if found is None:
            known = ", ".join(sorted(i.symbol for i in self._door.listings)[:8])
            how = f"instId {errors.shown(wanted.instId)} is not listed; there are {known}"
            raise DecodeError(how, "instId", "60018")
        return found

    def _subscribe(self, arg: Raw, call: Call, now_ns: int) -> None:
        form, wanted, kind = self._wanted(arg)
        if kind.is_private:
            self._needs_login()
        instrument = self._instrument(wanted) if kind.needs_instrument else None
        is_new = form not in self._subscribed
        if is_new:
            if len(self._subscribed) >= self._door.limits.sockets.subscriptions_most(
                SUBSCRIPTIONS_MAX
            ):
                raise DecodeError("too many channels on one connection", "args", "60013")
            self._follow(form, wanted, kind, instrument)
        told = Told(event="subscribe", id=call.id, arg=arg, connId=self._conn_id)
        self._say(told)
        if kind.is_private and self._path is not Path.PUBLIC:
            self._say(
                Told(
                    event="channel-conn-count",
                    channel=wanted.channel,
                    connCount="1",
                    connId=self._conn_id,
                )
            )
        if is_new:
            self._begin(form, wanted, kind, instrument, now_ns)

    def _follow(self, form: str, wanted: Wanted, kind: Kind, instrument: Instrument | None) -> None:
        subscriptions = []
        for channel in (kind.channel, kind.also):
            if channel is None:
                continue
            if instrument is not None:
                found = channel._replace(instrument_id=instrument.instrument_id)
            else:
                found = channel._replace(account_id=self._account_id if kind.is_private else 0)
            finish = None
            if found.account_id:
                finish = self._finish(form, wanted)
            subscription = Subscription(stream.NAME, found, form)
            self._door.subscribe(subscription, finish)
            subscriptions.append(subscription)
        self._subscribed[form] = tuple(subscriptions)

    def _finish(self, form: str, wanted: Wanted) -> Finish:
        """Return what makes a subscription's pushes this connection's own."""
        if wanted.channel == ORDERS:
            return self._told_order
        if wanted.channel not in (DEPOSITS, WITHDRAWALS):
            return self._told
        assert self._login is not None, "a private channel needs a login"
        self._transfers[form] = TransferNews(form, self._door, self._login, self._now_ns)
        return self._transfers[form].heard

    def _now_ns(self) -> int:
        clock = self._door.snapshot(ClockQuery())
        assert isinstance(clock, Clock), "a ClockQuery is answered by a clock"
        return clock.time_ns

    def _told(self, payload: bytes) -> Sequence[bytes]:
        self._is_told = True
        return (payload,)

    def _told_order(self, payload: bytes) -> Sequence[bytes]:
        self._is_told = True
        return self._fees.told(payload)

    def _paid_before(self, order_id: int, trade_id: int) -> int:
        """Return what an order had paid before one of its fills."""
        answer = self._door.snapshot(FillsQuery(self._account_id, FILLS_MAX, order_id=order_id))
        assert isinstance(answer, FillList), "a FillsQuery is answered by fills"
        return sum(fill.fee_atoms for fill in answer.fills if fill.trade_id < trade_id)

    def _unsubscribe(self, arg: Raw, call: Call) -> None:
        form, wanted, _ = self._wanted(arg)
        if form not in self._subscribed:
            form = next((f for f in self._subscribed if wanted_of(f) == wanted), form)
        if form not in self._subscribed:
            raise DecodeError("it is not subscribed to", "args", "60018")
        subscriptions = self._subscribed.pop(form)
        self._still.pop(form, None)
        self._regular.pop(form, None)
        self._transfers.pop(form, None)
        for subscription in subscriptions:
            self._door.unsubscribe(subscription)
        self._say(Told(event="unsubscribe", id=call.id, arg=arg, connId=self._conn_id))

    # -- what comes first ---------------------------------------------------------------------

    def _begin(
        self, form: str, wanted: Wanted, kind: Kind, instrument: Instrument | None, now_ns: int
    ) -> None:
        door, name = self._door, wanted.channel
        if instrument is not None and name in BOOKS:
            depth = 50 if name == "books50-l2-tbt" else BOOK_MAX
            book = self._book(instrument.instrument_id, depth)
            self._still[form] = (book.sequence, now_ns)
            row = stream.whole_to_wire(book, door.listings)
            self._out.append(stream.push(form, (row,), stream.SNAPSHOT))
        elif instrument is not None and kind.channel is not None and name in ("books5", "bbo-tbt"):
            book = self._book(instrument.instrument_id, kind.channel.depth)
            row_best = stream.best_to_wire(book, door.listings, name)
            self._out.append(stream.push(form, (row_best,)))
        elif instrument is not None and name == "tickers":
            tickers = door.snapshot(TickersQuery((instrument.instrument_id,)))
            assert isinstance(tickers, TickerList), "a TickersQuery is answered by tickers"
            for ticker in tickers.tickers:
                self._push_event(form, ticker)
        elif instrument is not None and kind.channel is not None and name.startswith(CANDLE):
            channel = kind.channel
            query = CandlesQuery(
                instrument.instrument_id, channel.interval_ns, 1, offset_ns=channel.offset_ns
            )
            candles = door.snapshot(query)
            assert isinstance(candles, CandleList), "a CandlesQuery is answered by candles"
            for candle in candles.candles:
                self._push_event(form, candle)
        elif name == INSTRUMENTS:
            listed = door.snapshot(InstrumentsQuery())
            assert isinstance(listed, InstrumentList), "an InstrumentsQuery by instruments"
            if wanted.instType == "SPOT":
                rows = tuple(map(instrument_to_wire, listed.instruments, listed.states))
                self._out.append(stream.push(form, rows))
        elif name == POSITIONS:
            self._out.append(stream.push(form, ()))
        elif name in (ACCOUNT, BALANCES):
            self._begin_account(form, wanted, now_ns)
            if name == ACCOUNT and not is_quiet(wanted):
                self._regular[form] = now_ns

    def _push_event(self, form: str, event: object) -> None:
        payload = stream.frame(form, event, self._door.listings)  # type: ignore[arg-type]
        if payload is not None:
            self._out.append(payload)

    def _book(self, instrument_id: int, depth: int) -> BookSnapshot:
        book = self._door.snapshot(BookQuery(instrument_id, depth))
        assert isinstance(book, BookSnapshot), "a BookQuery is answered by a book"
        return book

    def _begin_account(self, form: str, wanted: Wanted, now_ns: int) -> None:
        account = self._door.snapshot(AccountQuery(self._account_id))
        assert isinstance(account, AccountAnswer), "an AccountQuery is answered by an account"
        listings = self._door.listings
        kept = tuple(b for b in account.balances if wanted.ccy in ("", listings.asset(b.asset_id)))
        if wanted.channel == BALANCES:
            event = BalanceEvent(self._account_id, kept, now_ns)
            row = private.changed_balances(event, listings, "snapshot")
            self._out.append(stream.push(form, (row,)))
            return
        details = tuple(detail_to_wire(b, listings, now_ns) for b in kept)
        whole = Balance(uTime=ms(now_ns), details=details)
        self._out.append(private.first_account(form, whole))

    # -- words --------------------------------------------------------------------------------

    def _refuse(self, refusal: Refusal, call: Call | None) -> None:
        code = refusal.code
        if isinstance(code, str):
            text = errors.WS_TEXTS.get(code) or errors.words_of(refusal).text
        elif refusal.reason in errors.WS_LOGIN:
            words = errors.WS_LOGIN[refusal.reason]  # type: ignore[index]  # of the same two enums
            code, text = words.code, words.text
        else:
            words = errors.words_of(refusal)
            code, text = words.code, words.text
        self._error(str(code), text, refusal.message, UNSET if call is None else call.id)

    def _error(self, code: str, text: str, how: str, own: str | int | object = UNSET) -> None:
        told = Told(
            event="error",
            id=own,  # type: ignore[arg-type]  # as it came
            code=code,
            msg=text,
            connId=self._conn_id,
            help=how,
        )
        self._say(told)

    def _say(self, told: Told) -> None:
        self._out.append(stream.encode(told))


def is_quiet(wanted: Wanted) -> bool:
    """Whether a subscription of an account asks to be told of changes alone."""
    extra = wanted.extraParams
    return isinstance(extra, str) and '"0"' in extra.replace(" ", "")
