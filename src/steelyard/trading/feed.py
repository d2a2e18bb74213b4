"""A market stream whose books are kept by the native reader: one call a frame.

The invariant: what it tells is what the dialect's own session tells, but for the levels of books:
those are in the book that the reader keeps, and a `BookMoved` says what became of it. A frame that
the reader does not take goes to the session, which takes more and says better what is wrong; what
that tells of a book enters the same book. Where messages of books have no numbers, the reader
counts them, and those that the session tells of too. A book that is wrong by its checksum, or of
which a change was lost between the two, is asked for anew.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import BookDelta, BookSnapshot, Event, Touch, Trade
from steelyard.domain.order import Side
from steelyard.trading.actions import BookMoved
from steelyard.wire.book import TICKS_MAX, Told
from steelyard.wire.choice import Reader
from steelyard.wire.dialect import ClientSession, Renewing
from steelyard.wire.tables import MessageKind

NUMBER_MAX = 2**63 - 1
_CHANGED = int(Told.CHANGED)  # read once: until Python 3.12 that is a search


class MarketFeed:
    """A conversation with a market stream, and the books that it keeps."""

    def __init__(
        self, session: ClientSession, instruments: Sequence[Instrument], reader: Reader
    ) -> None:
        self.role = session.role
        self._session = session
        self._reader = reader
        self._ids = [instrument.instrument_id for instrument in instruments]
        self._places = {number: place for place, number in enumerate(self._ids)}
        self.books = {number: reader.book(place) for number, place in self._places.items()}
        self._is_counted = reader.is_counted
        self._told_last: dict[int, int] = {}  # by the session, of each instrument's numbers
        self._has_missed = False  # a change of a book, which the reader has refused
        self._events: list[Event | BookMoved] = []

    @property
    def target(self) -> str:
        """The path and query to open."""
        return self._session.target

    @target.setter
    def target(self, target: str) -> None:
        self._session.target = target

    def opened(self, now_ns: int) -> None:
        """The connection is open."""
        self._session.opened(now_ns)

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message.

        Raises:
            DecodeError: It has another form than documented, or speaks of what is not listed.
        """
        reader = self._reader
        try:
            told = reader.receive(frame, now_ns)
        except DecodeError:
            self._session.receive(frame, now_ns)
            self._has_missed |= reader.kind == MessageKind.DELTA
            return
        if told == _CHANGED:  # most are
            self._events.append(BookMoved(self._ids[reader.place], told, reader.time_ns))
            return
        if told == Told.PASSED_OVER:
            self._session.receive(frame, now_ns)
            return
        number = self._ids[reader.place]
        if told == Told.TRADE:
            for (
                _,
                place,
                trade_id,
                price_ticks,
                size_lots,
                is_sold,
                time_ns,
                joined,
            ) in reader.trades:
                side = Side.SELL if is_sold else Side.BUY
                trade = (trade_id, price_ticks, size_lots, side, time_ns, 0, joined)
                self._events.append(Trade(self._ids[place], *trade))
        elif told == Told.TOUCH:
            self._events.append(Touch(number, *reader.touch[2:7], now_ns))
        else:
            self._events.append(BookMoved(number, told, reader.time_ns))
            if told in (Told.GAP, Told.WAITS) and reader.is_wrong:
                self._renew(number)

    @property
    def session(self) -> ClientSession:
        """The dialect's own."""
        return self._session

    def drain(self) -> tuple[list[str], Sequence[Event | BookMoved]]:
        """Return frames to send and what was told, in order.

        Raises:
            DecodeError: The session has told of a book what no book of ours can hold.
        """
        texts, told = self._session.drain()
        events, self._events = self._events, []
        if not told and not self._has_missed:
            return texts, events
        events += (self._kept(event) for event in told)
        if self._has_missed:
            self._has_missed = False
            if not any(isinstance(event, BookDelta | BookSnapshot) for event in told):
                events += self._lost()
                texts += self._session.drain()[0]
        return texts, events

    @property
    def ready(self) -> bool:
        """Whether every subscription has been confirmed."""
        return self._session.ready

    def _kept(self, event: Event) -> Event | BookMoved:
        """Let what the session tells of a book enter ours."""
        match event:
            case BookDelta(instrument_id=number) if number in self.books:
                first, last = event.first_sequence, event.last_sequence
                if self._is_counted:
                    first = last = self._count(number, last)
                _check(event)
                became = self.books[number].delta(
                    first,
                    last,
                    event.bids,
                    event.asks,
                    event.time_ns,
                    event.odd_bids,
                    event.odd_asks,
                )
                return BookMoved(number, became, event.time_ns)
            case BookSnapshot(instrument_id=number) if number in self.books and self._is_counted:
                counted = replace(event, sequence=self._count(number, event.sequence))
                _check(event)
                return counted
            case _:
                return event

    def _count(self, number: int, told: int) -> int:
        """Return our number of a message to which the session gave one; its gaps are ours too."""
        before = self._told_last.get(number, told - 1)
        self._told_last[number] = told
        place, counted = self._places[number], 0
        for _ in range(max(told - before, 1)):
            counted = self._reader.number(place)
        return counted

    def _renew(self, number: int) -> None:
        """Ask for a book anew, where that goes on the same stream."""
        if isinstance(self._session, Renewing):
            self._session.renew(number)

    def _lost(self) -> list[BookMoved]:
        """Give up the books that the session could not go on with: a change may be theirs."""
        if not isinstance(self._session, Renewing):
            return []
        lost = []
        for number, book in self.books.items():
            self._renew(number)
            place, time_ns = self._places[number], book.time_ns
            self._reader.number(place)
            gap = self._reader.number(place)
            lost.append(BookMoved(number, book.delta(gap, gap, (), (), time_ns), time_ns))
        return lost


def own_session(session: ClientSession | MarketFeed) -> ClientSession:
    """Return the dialect's own session of a conversation."""
    return session.session if isinstance(session, MarketFeed) else session


def _check(book: BookDelta | BookSnapshot) -> None:
    """Check that a book of whole 64-bit numbers can hold what a venue has said.

    Raises:
        DecodeError: It cannot.
    """
    levels = (*book.bids, *book.asks, *(odd[1:] for odd in (*book.odd_bids, *book.odd_asks)))
    is_fit = all(price <= TICKS_MAX and lots <= NUMBER_MAX for price, lots in levels)
    if not is_fit or book.time_ns > NUMBER_MAX:
        raise DecodeError("a price, size or time of a book is too large to be true")
