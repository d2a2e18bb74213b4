"""A market stream followed twice: by the dialect's own session, and with the native reader.

After each frame all that can be seen of both is equal: what is sent back, what was told, and the
book level by level. A dialect's Python code is the specification; where its tables are narrower, a
frame takes the longer way and the result is the same all the same.
"""

from collections.abc import Sequence
from typing import Any

from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import BookDelta, BookSnapshot
from steelyard.trading.actions import BookMoved
from steelyard.trading.books import BookView
from steelyard.trading.feed import MarketFeed
from steelyard.wire.book import LEVELS_MAX, TICKS_MAX, Told
from steelyard.wire.choice import new_reader
from steelyard.wire.dialect import ChannelKind, ClientEnd
from steelyard.wire.tables import MarketTable

KINDS = frozenset({ChannelKind.BOOK, ChannelKind.TRADES})


class Follower:
    """One conversation with a market, and the books that come of it."""

    def __init__(
        self, client: ClientEnd, markets: Sequence[Instrument], table: MarketTable | None
    ) -> None:
        listings = Listings(markets)
        session: Any = client.market_session(markets, listings, KINDS)
        self.views = {market.instrument_id: BookView(market) for market in markets}
        if table is not None:
            reader = new_reader(*table)
            assert reader is not None, "the native module is there"
            session = MarketFeed(session, markets, reader)
            for number, view in self.views.items():
                view.follow(session.books[number])
        self.session = session
        self.told: list[Any] = []
        session.opened(0)
        self.told += session.drain()[0]

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take a frame, as a trader does."""
        try:
            self.session.receive(frame, now_ns)
            texts, events = self.session.drain()
        except DecodeError:
            self.told.append("refused")
            return
        if any(is_too_large(it) for it in events if isinstance(it, BookDelta | BookSnapshot)):
            self.told.append("refused")
            return
        self.told += texts
        for event in events:
            self._take(event, now_ns)

    def _take(self, event: Any, now_ns: int) -> None:
        match event:
            case BookMoved(number, became, time_ns):
                self.views[number].moved(became, now_ns)
                self.told.append((number, Told(became)))
                if became != Told.WHOLE:
                    self.told.append(time_ns)
            case BookSnapshot(instrument_id=number):
                self.views[number].snapshot(event, now_ns)
                self.told.append((number, Told.WHOLE))
            case BookDelta(instrument_id=number, time_ns=time_ns):
                became = self.views[number].delta(event, now_ns)
                self.told += [(number, Told(became)), time_ns]
            case _:
                self.told.append(event)

    def seen(self, now_ns: int, depth: int = LEVELS_MAX) -> list[Any]:
        """Return what can be seen, books to a depth, and begin to listen anew."""
        told, self.told = self.told, []
        books = (_seen(view, now_ns, depth) for view in self.views.values())
        return [self.session.ready, told, *books]


def is_too_large(book: BookDelta | BookSnapshot) -> bool:
    """Whether a book says what a book of 64-bit numbers cannot hold; there it is refused."""
    levels = (*book.bids, *book.asks)
    return book.time_ns >= 2**63 or any(it[0] > TICKS_MAX or it[1] >= 2**63 for it in levels)


def _seen(view: BookView, now_ns: int, depth: int) -> tuple[Any, ...]:
    book = view.book
    return (
        *(book.sequence, book.time_ns, view.gaps, book.is_whole, book.counts, book.known_ticks),
        *(book.bids(depth), book.asks(depth), book.bid_lots, book.ask_lots),
        *(view.state(now_ns), view.snapshots, view.is_quiet(now_ns), view.mid),
    )


class Twins:
    """Both, told the same."""

    def __init__(self, client: ClientEnd, markets: Sequence[Instrument], **how: Any) -> None:
        table = how.get("table") or client.market_table(markets)
        self.python = Follower(client, markets, None)
        self.native = Follower(client, markets, table)
        assert self.native.seen(0) == self.python.seen(0)

    def receive(self, frame: str | bytes, now_ns: int = 0, depth: int = LEVELS_MAX) -> list[Any]:
        """Take a frame, compare books to a depth, and return what was told of it."""
        for follower in (self.python, self.native):
            follower.receive(frame, now_ns)
        seen = self.python.seen(now_ns, depth)
        assert self.native.seen(now_ns, depth) == seen, frame
        return seen[1]
