"""The book as it has been told to the parent, and what is to be told next.

The library gives whole books. The first is told as a snapshot, then what has changed, and a
snapshot again where the market nears the end of what the last one knew; sequences are our own and
have no gaps. A book that has not moved for a while is compared with one that is asked
for: where they differ, the answer's sequence says that the stream owes changes.
"""

from typing import Any

from msgspec.structs import replace

from steelyard.bridge.numbers import levels_of
from steelyard.bridge.session import Session
from steelyard.domain.messages import BookDelta, BookSnapshot
from steelyard.domain.order import Side

DEPTH = 100  # levels of a side that are told
CUT_MIN = 10  # no library cuts a book off before so many; a shorter side is all that there is
COMPARED = 5  # levels of a side that have to agree
FRESH_NS = 3_000_000_000
MS_NS = 1_000_000

Half = dict[int, int]


class Books:
    """One market's book."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sequence = 0
        self._bids: Half = {}
        self._asks: Half = {}
        self._raw: tuple[list[Any], list[Any]] = ([], [])
        self._time_ns = 0
        self._heard_ns = 0
        self._is_told = False
        self._known: tuple[int | None, int | None] = (None, None)  # the ends of the last snapshot

    def forget(self) -> None:
        """The stream ends: what comes next is told as a whole."""
        self._is_told = False

    def take(self, book: Any) -> BookSnapshot | BookDelta | None:
        """Take a whole book of the library; return what there is to tell.

        Raises:
            DecodeError: It is no book.
        """
        session = self._session
        now_ns = session.now_ns()
        self._heard_ns = now_ns
        raw = ([*book["bids"][:DEPTH]], [*book["asks"][:DEPTH]])
        if raw == self._raw and self._is_told:
            return None
        time_ms = book.get("timestamp")
        time_ns = time_ms * MS_NS if isinstance(time_ms, int) else session.venue_now_ns()
        bids, asks = _halves(raw, session)
        was = self._bids, self._asks
        self._raw = ([list(row) for row in raw[0]], [list(row) for row in raw[1]])
        self._bids, self._asks, self._time_ns = bids, asks, time_ns
        if not self._is_told:
            self._is_told = True
            # Above every sequence of a child before this one, so that no book is older than it is.
            self._sequence = max(self._sequence + 1, now_ns // MS_NS)
            return self._tell_all()
        changed = _changes(was[0], bids), _changes(was[1], asks)
        if not any(changed):
            return None
        self._sequence += 1
        if self._nears_end():
            return self._tell_all()
        number = session.instrument.instrument_id
        return BookDelta(number, self._sequence, self._sequence, *changed, time_ns)

    def _tell_all(self) -> BookSnapshot:
        snapshot = self.snapshot()
        self._known = snapshot.known_bid_ticks, snapshot.known_ask_ticks
        return snapshot

    def _nears_end(self) -> bool:
        """Whether half of what is there now is beyond what the last snapshot knew."""
        bid, ask = self._known
        beyond_bid = bid is not None and 2 * sum(p < bid for p in self._bids) >= len(self._bids)
        beyond_ask = ask is not None and 2 * sum(p > ask for p in self._asks) >= len(self._asks)
        return beyond_bid or beyond_ask

    def snapshot(self) -> BookSnapshot:
        """Return the book as it was told."""
        return BookSnapshot(
            self._session.instrument.instrument_id,
            self._sequence,
            tuple(sorted(self._bids.items(), reverse=True)),
            tuple(sorted(self._asks.items())),
            self._time_ns,
            known_bid_ticks=min(self._bids) if len(self._bids) >= CUT_MIN else None,
            known_ask_ticks=max(self._asks) if len(self._asks) >= CUT_MIN else None,
        )

    async def answer(self) -> BookSnapshot:
        """Return the book for a query; in a silence, compared with one that is asked for."""
        session = self._session
        if self._is_told and session.now_ns() - self._heard_ns < FRESH_NS:
            return self.snapshot()
        before = self._sequence
        book = await session.call("fetch_order_book", session.outside)
        bids, asks = _halves((book["bids"][:DEPTH], book["asks"][:DEPTH]), session)
        if self._is_told and self._sequence != before:
            return self.snapshot()  # it has moved meanwhile
        if not self._is_told:
            self._bids, self._asks, self._time_ns = bids, asks, session.venue_now_ns()
            return self.snapshot()
        if _best(bids, Side.BUY) == _best(self._bids, Side.BUY) and (
            _best(asks, Side.SELL) == _best(self._asks, Side.SELL)
        ):
            return self.snapshot()
        return replace(self.snapshot(), sequence=self._sequence + 1)


def _halves(raw: tuple[list[Any], list[Any]], session: Session) -> tuple[Half, Half]:
    instrument = session.instrument
    return (
        levels_of(raw[0], Side.BUY, instrument, DEPTH),
        levels_of(raw[1], Side.SELL, instrument, DEPTH),
    )


def _changes(was: Half, now: Half) -> tuple[tuple[int, int], ...]:
    gone = [(price, 0) for price in was if price not in now]
    return (*gone, *((price, lots) for price, lots in now.items() if was.get(price) != lots))


def _best(half: Half, side: Side) -> list[tuple[int, int]]:
    return sorted(half.items(), reverse=side is Side.BUY)[:COMPARED]
