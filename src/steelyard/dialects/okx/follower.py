"""Our ends of the WebSockets: the market, and one's own orders and balances.

A book begins with a snapshot, and every update says the number of the one before. Where that is
another than ours, or numbers go back, the book has a gap and is asked for anew: the channel is left
and subscribed to again. The venue tells the best 400 levels at first, and what lies beyond them is
not known.

The venue hangs up where nothing is said for half a minute, either way: the channel of the account
is told every few seconds, whether anything has changed or not, and on the connection of orders that
wait we say `ping`. Candles are on a connection of their own, and asked for over REST.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from steelyard.dialects.okx import auth, errors, private
from steelyard.dialects.okx.algo_news import AlgoNews
from steelyard.dialects.okx.channels import ACCOUNT, ALGOS, ORDERS, Path, target_of
from steelyard.dialects.okx.frames import BookChange, Told, Wanted
from steelyard.dialects.okx.history import trade_from_wire
from steelyard.dialects.okx.market import BOOK_MAX, levels_from_wire, ticker_from_wire
from steelyard.dialects.okx.messages import Ticker, Trade
from steelyard.dialects.okx.stream import SNAPSHOT, encode
from steelyard.dialects.okx.text import listed, read_ms
from steelyard.domain.errors import AuthError, DecodeError, RateLimited, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import SECOND_NS, BookDelta, BookSnapshot, Event
from steelyard.wire.dialect import ApiKey, ChannelKind

FOLLOWED = {
    ChannelKind.BOOK: "books",
    ChannelKind.TRADES: "trades",
    ChannelKind.TICKER: "tickers",
}
PONG = ("pong", b"pong")
LIMITED_NS = 60 * SECOND_NS
PING_NS = 15 * SECOND_NS

_told = msgspec.json.Decoder(Told)
_books = msgspec.json.Decoder(tuple[BookChange, ...])
_trades = msgspec.json.Decoder(tuple[Trade, ...])
_tickers = msgspec.json.Decoder(tuple[Ticker, ...])
_wanted = msgspec.json.Decoder(Wanted)


class _Follower:
    """What both conversations have in common."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._awaited = 0
        self._frames: list[str] = []
        self._events: list[Event] = []

    @property
    def ready(self) -> bool:
        """Whether every subscription has been confirmed."""
        return self._awaited <= 0

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return frames to send and what was told, in order."""
        frames, self._frames = self._frames, []
        events, self._events = self._events, []
        return frames, events

    def _say(self, op: str, args: Sequence[Wanted | auth.Login]) -> None:
        self._frames.append(encode({"op": op, "args": args}).decode())

    def _read(self, frame: str | bytes) -> Told | None:
        """Return a message; None for the answer to a ping.

        Raises:
            DecodeError: It has another form than documented.
        """
        if frame in PONG:
            return None
        try:
            return _told.decode(frame)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"stream: {error}") from error


def _channel_of(arg: Raw | msgspec.UnsetType) -> Wanted:
    try:
        assert isinstance(arg, Raw)
        return _wanted.decode(arg)
    except (AssertionError, msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise DecodeError(f"stream: a message names no channel: {error}") from error


# -- market data --------------------------------------------------------------------------------


class MarketFollower(_Follower):
    """Our conversation about public channels."""

    role = "market"
    target = target_of(Path.PUBLIC)

    def __init__(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> None:
        super().__init__(listings)
        for kind in kinds:
            if kind not in FOLLOWED:
                raise Unsupported(f"OKX has no public channel for {kind.name}")
        self._wanted = tuple(
            Wanted(channel=FOLLOWED[kind], instId=instrument.symbol)
            for kind in sorted(kinds)
            for instrument in instruments
        )
        self._awaited = len(self._wanted)
        self._sequences: dict[int, int] = {}  # of books that are whole

    def opened(self, now_ns: int) -> None:  # noqa: ARG002
        """The connection is open: subscribe."""
        self._say("subscribe", self._wanted)

    def receive(self, frame: str | bytes, now_ns: int) -> None:  # noqa: ARG002
        """Take one message.

        Raises:
            DecodeError: It has another form than documented, speaks of what is not listed, or says
                that a subscription is not taken.
        """
        told = self._read(frame)
        if told is None:
            return
        if told.event == "error":
            raise DecodeError(f"the venue does not take our subscription: {told.code} {told.msg}")
        if told.event == "subscribe":
            self._awaited -= 1
        elif not told.event and isinstance(told.data, Raw):
            wanted = _channel_of(told.arg)
            try:
                self._take(wanted, told.action, bytes(told.data))
            except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
                raise DecodeError(f"{wanted.channel[:20]!r}: {error}") from error

    def _take(self, wanted: Wanted, action: str, data: bytes) -> None:
        match wanted.channel:
            case "books":
                instrument = listed(wanted.instId, self._listings)
                # All of them, or nothing of a message of which one cannot be read.
                rows = [
                    (
                        row,
                        levels_from_wire(instrument, row.bids),
                        levels_from_wire(instrument, row.asks),
                        read_ms(row.ts),
                    )
                    for row in _books.decode(data)
                ]
                for row, bids, asks, time_ns in rows:
                    self._take_book(
                        row,
                        instrument.instrument_id,
                        (bids, asks),
                        time_ns,
                        is_whole=action == SNAPSHOT,
                    )
            case "trades":
                instrument = listed(wanted.instId, self._listings)
                self._events += [trade_from_wire(t, instrument) for t in _trades.decode(data)]
            case "tickers":
                instrument = listed(wanted.instId, self._listings)
                self._events += [ticker_from_wire(t, instrument) for t in _tickers.decode(data)]
            case _:
                pass

    def _take_book(
        self,
        row: BookChange,
        number: int,
        levels: tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]],
        time_ns: int,
        *,
        is_whole: bool,
    ) -> None:
        if not isinstance(row.seqId, int) or row.seqId < 0:
            raise DecodeError("an update of a book has no number", "seqId")
        bids, asks = levels
        if is_whole:
            self._sequences[number] = row.seqId
            book = BookSnapshot(number, row.seqId, bids, asks, time_ns)
            self._events.append(book.cut_at(BOOK_MAX))
            return
        last = self._sequences.get(number)
        if last is None:
            return  # it is on its way
        if row.prevSeqId != last or row.seqId < last:
            gap = last + 2
            self._events.append(BookDelta(number, gap, gap, (), (), time_ns))
            self.renew(number)
        elif row.seqId > last:
            self._sequences[number] = row.seqId
            self._events.append(BookDelta(number, last + 1, row.seqId, bids, asks, time_ns))

    def renew(self, instrument_id: int) -> None:
        """Ask for a book anew."""
        self._sequences.pop(instrument_id, None)
        wanted = Wanted(channel="books", instId=self._listings[instrument_id].symbol)
        self._awaited += 1
        for op in ("unsubscribe", "subscribe"):
            self._say(op, (wanted,))


# -- an account ---------------------------------------------------------------------------------


class _Private(_Follower):
    """A conversation that logs in first."""

    role = "private"
    _CHANNELS: tuple[Wanted, ...]

    def __init__(self, key: ApiKey, listings: Listings) -> None:
        super().__init__(listings)
        self._key = key
        self._awaited = len(self._CHANNELS)

    def opened(self, now_ns: int) -> None:
        """The connection is open: log in."""
        self._say("login", (auth.login_of(self._key, now_ns),))

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message.

        Raises:
            DecodeError: It has another form than documented.
            AuthError: The venue does not accept key, signature or timestamp.
            RateLimited: It wants to be asked later.
        """
        told = self._read(frame)
        if told is None:
            return
        match told.event:
            case "error":
                self._refused(f"{told.code} {told.msg}", told.code, now_ns)
            case "login":
                self._say("subscribe", self._CHANNELS)
            case "subscribe":
                self._awaited -= 1
            case "" if isinstance(told.data, Raw):
                self.take(_channel_of(told.arg).channel, told.eventType, bytes(told.data))
            case _:
                pass

    def take(self, channel: str, event_type: str, data: bytes) -> None:
        """Take what a channel tells.

        Raises:
            DecodeError: It has another form than documented.
        """
        raise NotImplementedError

    def _refused(self, text: str, code: str, now_ns: int) -> None:
        if code in errors.LIMITS:
            raise RateLimited(text, LIMITED_NS)
        raise AuthError(f"{text} (at {now_ns} ns by our clock)", code)


class AccountFollower(_Private):
    """Our conversation about an account's orders and balances.

    Orders that wait are told on another connection (`beside`), and here once they go to market.
    Which of the two is heard first is chance: see `AlgoNews`.
    """

    target = target_of(Path.PRIVATE)
    _CHANNELS = (Wanted(channel=ORDERS, instType="SPOT"), Wanted(channel=ACCOUNT))

    def __init__(self, key: ApiKey, listings: Listings) -> None:
        super().__init__(key, listings)
        self.beside = AlgoFollower(key, listings, self)
        self._algos = AlgoNews()

    @property
    def ready(self) -> bool:
        """Whether every subscription of both connections has been confirmed."""
        return super().ready and self.beside.ready

    def take(self, channel: str, event_type: str, data: bytes) -> None:
        """Take what a channel of either connection tells.

        Raises:
            DecodeError: It has another form than documented.
        """
        match channel:
            case "orders":
                self._events += self._algos.orders(data, self._listings)
            case "orders-algo":
                self._events += self._algos.algos(data, self._listings)
            case "account" if event_type != SNAPSHOT:
                self._events += private.balances_read(data, self._listings)
            case _:
                pass


class AlgoFollower(_Private):
    """Our conversation about orders that wait; what it is told the account's tells."""

    target = target_of(Path.BUSINESS)
    _CHANNELS = (Wanted(channel=ALGOS, instType="SPOT"),)

    def __init__(self, key: ApiKey, listings: Listings, account: AccountFollower) -> None:
        super().__init__(key, listings)
        self._account = account
        self._pinged_ns: int | None = None  # None: the connection is not open

    def opened(self, now_ns: int) -> None:
        """The connection is open: log in."""
        super().opened(now_ns)
        self._pinged_ns = now_ns

    def wake(self, now_ns: int) -> None:
        """Say that we are there: of orders that wait there may be nothing to tell for hours."""
        if self._pinged_ns is not None and now_ns - self._pinged_ns >= PING_NS:
            self._pinged_ns = now_ns
            self._frames.append("ping")

    def take(self, channel: str, event_type: str, data: bytes) -> None:
        """Hand on what a channel tells."""
        self._account.take(channel, event_type, data)
