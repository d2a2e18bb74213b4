"""The WebSocket from a trader's side: what every conversation has in common, and market data.

The address is asked for before each connection; nothing is said before the venue has said welcome.
A book comes by `/market/level2`: changes that are numbered, to be joined to a book that is asked
for over REST by the range of their numbers. A ping is due at times, or the venue closes.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from msgspec import Raw

from steelyard.dialects.kucoin import bullet, frames, stream
from steelyard.dialects.kucoin.telling import listed
from steelyard.dialects.kucoin.text import (
    MS_NS,
    SIDES,
    read_count,
    read_price,
    whole_atoms,
    whole_lots,
)
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    BookDelta,
    Event,
    Ticker,
    Trade,
)
from steelyard.wire.dialect import ChannelKind
from steelyard.wire.http import Request, Response

FOLLOWED: dict[ChannelKind, str] = {
    ChannelKind.BOOK: stream.LEVEL2,
    ChannelKind.TRADES: stream.MATCH,
    ChannelKind.TICKER: stream.SNAPSHOT,
}
SYMBOLS_MAX = 100  # in one subscription

_told = msgspec.json.Decoder(frames.Told)


def read_data(raw: Raw | Any, kind: Any) -> Any:
    """Return the data of a message.

    Raises:
        DecodeError: It has another form than documented.
    """
    if not isinstance(raw, Raw):
        raise DecodeError("a message has no data")
    try:
        return msgspec.json.decode(bytes(raw), type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise DecodeError(f"stream: {error}") from error


class Follower:
    """What both conversations have in common: address, welcome, subscriptions, pings."""

    role = ""

    def __init__(self, listings: Listings, topics: Sequence[str]) -> None:
        self.target = bullet.PATH
        self._listings = listings
        self._topics = tuple(topics)
        self._awaited = {str(number) for number in range(1, len(topics) + 1)}
        self._out: list[str] = []
        self._events: list[Event] = []
        self._now_ns = 0  # when the last message came
        self._ping_ns = bullet.PING_MS * MS_NS
        self._pinged_ns = 0
        self._is_open = False

    @property
    def ready(self) -> bool:
        """Whether every subscription has been confirmed."""
        return not self._awaited

    def address_request(self, now_ns: int) -> Request | None:
        """Return what asks for the address."""
        raise NotImplementedError

    def addressed(self, response: Response, now_ns: int) -> None:
        """Take the address.

        Raises:
            AuthError: Key, signature or passphrase are not accepted.
            DecodeError: It is not handed out.
        """
        self.target, self._ping_ns = bullet.target_of(response, f"{self.role}-{now_ns // MS_NS}")

    def opened(self, now_ns: int) -> None:
        """The connection is open; the venue speaks first."""
        self._pinged_ns, self._is_open = now_ns, True

    def wake(self, now_ns: int) -> None:
        """Say that we are there, in good time."""
        if self._is_open and now_ns - self._pinged_ns >= self._ping_ns // 2:
            self._pinged_ns = now_ns
            self._say(frames.Said(type="ping", id=str(now_ns // MS_NS)))

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message.

        Raises:
            DecodeError: It has another form than documented, speaks of what is not listed, or says
                that a subscription is not taken.
            AuthError: The token is not accepted.
        """
        try:
            told = _told.decode(frame)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"stream: {error}") from error
        self._now_ns = now_ns
        match told.type:
            case "message":
                self._events += [*self._heard(told)]
            case "welcome":
                self._subscribe()
            case "ack":
                self._awaited.discard(str(told.id))
            case "error":
                self._refused(told)
            case _:
                return  # a pong, or something new

    def drain(self) -> tuple[list[str], list[Event]]:
        """Return frames to send and what was told, in order."""
        out, self._out = self._out, []
        events, self._events = self._events, []
        return out, events

    def _subscribe(self) -> None:
        for number, topic in enumerate(self._topics, 1):
            self._say(
                frames.Said(
                    type="subscribe",
                    id=str(number),
                    topic=topic,
                    privateChannel=self.role == "private",
                    response=True,
                )
            )

    def _refused(self, told: frames.Told) -> None:
        text = bytes(told.data).decode(errors="replace") if isinstance(told.data, Raw) else ""
        said = f"{told.code}: {text}"
        if str(told.code) == "401":
            raise AuthError(f"the venue does not take the token: {said}", str(told.code))
        raise DecodeError(f"the venue does not take our subscription: {said}")

    def _heard(self, told: frames.Told) -> Iterator[Event]:
        raise NotImplementedError

    def _say(self, said: frames.Said) -> None:
        self._out.append(stream.encode(said).decode())


# -- market data --------------------------------------------------------------------------------


class MarketFollower(Follower):
    """Our conversation about public topics."""

    role = "market"

    def __init__(
        self, instruments: Sequence[Instrument], listings: Listings, kinds: frozenset[ChannelKind]
    ) -> None:
        for kind in kinds:
            if kind not in FOLLOWED:
                raise Unsupported(f"KuCoin has no public topic that we follow for {kind.name}")
        symbols = [instrument.symbol for instrument in instruments]
        super().__init__(
            listings,
            [
                f"{FOLLOWED[kind]}:{','.join(symbols[first : first + SYMBOLS_MAX])}"
                for kind in sorted(kinds)
                for first in range(0, len(symbols), SYMBOLS_MAX)
            ],
        )

    def address_request(self, now_ns: int) -> Request | None:  # noqa: ARG002
        """Return what asks for the address, of whomever."""
        return Request(bullet.PUBLIC.method, bullet.PUBLIC.path, {}, b"")

    def _heard(self, told: frames.Told) -> Iterator[Event]:
        match told.topic.partition(":")[0]:
            case stream.LEVEL2:
                data = read_data(told.data, frames.Level2Data)
                yield delta_from_wire(data, self._listings, self._now_ns)
            case stream.MATCH:
                yield trade_from_wire(read_data(told.data, frames.MatchData), self._listings)
            case stream.SNAPSHOT:
                yield ticker_from_wire(read_data(told.data, _Numbers), self._listings)
            case _:
                return


def delta_from_wire(data: frames.Level2Data, listings: Listings, now_ns: int) -> BookDelta:
    """Return levels that changed: of several changes of one the newest; of price 0 none."""
    instrument = listed(data.symbol, listings)
    sides = []
    for changes in (data.changes.bids, data.changes.asks):
        ordered = sorted((read_count(row[2], "sequence"), row[0], row[1]) for row in changes)
        found = {
            read_price(instrument, price): whole_lots(instrument, size)
            for _, price, size in ordered
            if price.strip("0.")
        }
        sides.append(tuple(found.items()))
    bids, asks = sides
    return BookDelta(
        instrument.instrument_id,
        data.sequenceStart,
        data.sequenceEnd,
        bids,
        asks,
        data.time * MS_NS or now_ns,
    )


def trade_from_wire(data: frames.MatchData, listings: Listings) -> Trade:
    """Return a public trade."""
    instrument = listed(data.symbol, listings)
    return Trade(
        instrument.instrument_id,
        read_count(data.sequence, "sequence"),
        read_price(instrument, data.price),
        whole_lots(instrument, data.size),
        SIDES[data.side],
        read_count(data.time),
    )


class _Inner(msgspec.Struct):
    symbol: str
    datetime: int
    vol: Raw
    volValue: Raw  # noqa: N815 the venue's own spelling
    buy: Raw = Raw(b"null")
    sell: Raw = Raw(b"null")
    bidSize: Raw = Raw(b"null")  # noqa: N815
    askSize: Raw = Raw(b"null")  # noqa: N815
    lastTradedPrice: Raw = Raw(b"null")  # noqa: N815
    lastSize: Raw = Raw(b"null")  # noqa: N815
    open: Raw = Raw(b"null")
    high: Raw = Raw(b"null")
    low: Raw = Raw(b"null")


class _Numbers(msgspec.Struct):
    """A snapshot's data, with numbers as they are written."""

    data: _Inner


def _number(raw: Raw) -> str | None:
    """Return a bare number as a plain text; None where it is null."""
    text = bytes(raw).decode(errors="replace")
    if text == "null":
        return None
    try:
        return f"{Decimal(text):f}"
    except InvalidOperation as error:
        raise DecodeError(f"number {text[:40]!r} is none") from error


def ticker_from_wire(wire: _Numbers, listings: Listings) -> Ticker:
    """Return 24 hours of a symbol."""
    data = wire.data
    instrument = listed(data.symbol, listings)

    def ticks(raw: Raw) -> int | None:
        text = _number(raw)
        return None if text is None else read_price(instrument, text) or None

    def lots(raw: Raw) -> int:
        return whole_lots(instrument, _number(raw) or "0")

    time_ns = data.datetime * MS_NS
    return Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=time_ns,
        open_ns=time_ns,
        open_ticks=ticks(data.open),
        high_ticks=ticks(data.high),
        low_ticks=ticks(data.low),
        last_ticks=ticks(data.lastTradedPrice),
        last_lots=lots(data.lastSize),
        previous_close_ticks=None,
        volume_lots=lots(data.vol),
        quote_atoms=whole_atoms(_number(data.volValue) or "0"),
        trade_count=0,
        first_trade_id=0,
        last_trade_id=0,
        bid_ticks=ticks(data.buy),
        bid_lots=lots(data.bidSize),
        ask_ticks=ticks(data.sell),
        ask_lots=lots(data.askSize),
    )
