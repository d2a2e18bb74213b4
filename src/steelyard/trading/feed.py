"""A market stream whose books are kept by the native reader: one call a frame.

The invariant: what it tells is what the dialect's own session tells, but for the levels of books:
those are in the book that the reader keeps, and a `BookMoved` says what became of it. A frame that
the reader does not take goes to the session, which takes more and says better what is wrong; what
that tells of a book enters the same book.
"""

from collections.abc import Sequence

from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import BookDelta, Event, Touch, Trade
from steelyard.domain.order import Side
from steelyard.trading.actions import BookMoved
from steelyard.wire.book import Told
from steelyard.wire.choice import Reader
from steelyard.wire.dialect import ClientSession


class MarketFeed:
    """A conversation with a market stream, and the books that it keeps."""

    def __init__(
        self, session: ClientSession, instruments: Sequence[Instrument], reader: Reader
    ) -> None:
        self.target = session.target
        self.role = session.role
        self._session = session
        self._reader = reader
        self._ids = [instrument.instrument_id for instrument in instruments]
        self.books = {number: reader.book(place) for place, number in enumerate(self._ids)}
        self._events: list[Event | BookMoved] = []

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
            told = reader.receive(frame)
        except DecodeError:
            told = Told.PASSED_OVER
        if told == Told.PASSED_OVER:
            self._session.receive(frame, now_ns)
            return
        number = self._ids[reader.place]
        if told == Told.TRADE:
            _, _, trade_id, price_ticks, size_lots, is_sold, time_ns = reader.trade
            side = Side.SELL if is_sold else Side.BUY
            self._events.append(Trade(number, trade_id, price_ticks, size_lots, side, time_ns))
        elif told == Told.TOUCH:
            self._events.append(Touch(number, *reader.touch[2:7], now_ns))
        else:
            self._events.append(BookMoved(number, told, reader.time_ns))

    def drain(self) -> tuple[list[str], Sequence[Event | BookMoved]]:
        """Return frames to send and what was told, in order."""
        texts, told = self._session.drain()
        events, self._events = self._events, []
        events += (self._kept(event) for event in told)
        return texts, events

    @property
    def ready(self) -> bool:
        """Whether every subscription has been confirmed."""
        return self._session.ready

    def _kept(self, event: Event) -> Event | BookMoved:
        """Let what the session tells of a book enter ours."""
        if not isinstance(event, BookDelta) or event.instrument_id not in self.books:
            return event
        told = self.books[event.instrument_id].delta(
            event.first_sequence,
            event.last_sequence,
            event.bids,
            event.asks,
            event.time_ns,
            event.odd_bids,
            event.odd_asks,
        )
        return BookMoved(event.instrument_id, told, event.time_ns)
