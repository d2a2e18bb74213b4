"""One venue, spoken to by a program of yours: questions, orders, a book that keeps itself right.

    async with Connection("binance", rest, ws, key) as venue:
        book = await venue.follow("BTC-USDT")
        ...

It is what a bot is made of without the bot: no strategy, journal, limits or kill switch, so what
becomes of an `Unknown` is yours to find out. It speaks any dialect, and to this machine only.
"""

import asyncio
from collections.abc import Coroutine
from random import SystemRandom
from types import TracebackType
from typing import Any, Self

from steelyard import dialects
from steelyard.cli.trader_stream import Stream
from steelyard.domain.commands import UserCommand
from steelyard.domain.errors import ConnectFailed, ConnectionLost, PeerError, VenueRejected
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    SECOND_NS,
    Answer,
    BookDelta,
    BookQuery,
    BookSnapshot,
    Clock,
    ClockQuery,
    Event,
    InstrumentsQuery,
    Query,
    Refused,
)
from steelyard.net.client import HttpClient
from steelyard.net.clock import Clock as OwnClock
from steelyard.trading.actions import BookMoved, Input, Role, StreamDown, StreamUp, Told
from steelyard.trading.books import BookView
from steelyard.trading.connector import Connector
from steelyard.trading.feed import MarketFeed
from steelyard.trading.marketdata import SNAPSHOT_AGAIN_NS, SNAPSHOT_DEPTH, SNAPSHOT_PAUSE_MAX_NS
from steelyard.wire.book import LocalBook
from steelyard.wire.dialect import ApiKey, ClientSession
from steelyard.wire.http import Request, Response
from steelyard.wire.outcome import Answered, NotSent, Outcome, Unknown, delays_ns

EVENTS_MAX = 10_000  # that nobody has taken; beyond it the oldest are dropped
TRIES_MAX = 1_000


class Connection:
    """A conversation with one venue. Use it as an async context manager.

    Attributes:
        events: What the streams tell, but for changes of the book: trades, and one's own orders.
        book: That of the instrument which is followed.
    """

    events: asyncio.Queue[Event]

    def __init__(self, dialect: str, rest: str, ws: str, key: ApiKey) -> None:
        """Take a dialect's name, the addresses that `steelyard env` prints, and a key.

        Raises:
            Unsupported: There is no such dialect.
            ConfigError: An address is none of this machine.
        """
        found = dialects.find(dialect)
        self.book: BookView | None = None
        self._client = found.client
        self._connector = Connector(found.client, key, found.limits)
        self._http = HttpClient(rest, loopback_only=True, in_turn=found.in_turn)
        self._clock, self._offset_ns = OwnClock(), 0
        self._rng = SystemRandom()
        self._streams = {role: Stream(self, role, ws, self._rng) for role in Role}
        self._instrument: Instrument | None = None
        self._up: dict[Role, asyncio.Event] = {role: asyncio.Event() for role in Role}
        self._mended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._mending: asyncio.Task[None] | None = None
        self.events = asyncio.Queue()

    async def __aenter__(self) -> Self:
        """Ask for the venue's clock and what it lists.

        Raises:
            TransportError: It cannot be reached.
        """
        try:
            told = await self.ask(ClockQuery())
            if isinstance(told, Clock):
                self._offset_ns = told.time_ns - self._clock.now_ns()
            await self.ask(InstrumentsQuery())
        except BaseException:
            await self._http.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()

    @property
    def listings(self) -> Listings:
        """What the venue lists."""
        return self._connector.listings

    def new_id(self) -> str:
        """Return a client order id that nobody has used."""
        return self._client.client_order_id(self._rng.getrandbits(128))

    def stamp_ns(self) -> int:
        """Return the time to sign a request with."""
        return self._connector.stamp_ns(self.venue_now_ns(), self._clock.now_ns())

    async def hold(self) -> None:
        """Return at once: nobody else's connections are known."""

    async def run_errand(self, request: Request) -> Response:
        """Send a request of a stream's session and return what came back."""
        return await self._http.send(request)

    async def send(self, message: UserCommand | Query) -> Outcome:
        """Send a message and return what became of it; it raises nothing."""
        made = self._connector.request(message, self.venue_now_ns())
        if not isinstance(made, Request):
            return made
        try:
            response = await self._http.send(made)
        except ConnectFailed as error:
            return NotSent(str(error))
        except ConnectionLost as error:
            return Unknown(str(error))
        return self._connector.outcome(message, response, self.venue_now_ns())

    async def ask(self, message: UserCommand | Query) -> Answer:
        """Send a message and return the answer.

        Raises:
            VenueRejected: The venue says no.
            ConnectFailed: Nothing was carried out.
            ConnectionLost: It may have been.
        """
        match await self.send(message):
            case Answered(Refused(reason, text)):
                raise VenueRejected(text, reason)
            case Answered(answer):
                return answer
            case NotSent(why):
                raise ConnectFailed(why)
            case Unknown(why):
                raise ConnectionLost(why)

    async def follow(self, symbol: str) -> BookView:
        """Follow a market and one's own orders; return the book once both are told.

        Raises:
            Unsupported: There is no such symbol.
            PeerError: Something is followed already.
        """
        if self._instrument is not None:
            raise PeerError(f"{self._instrument.symbol} is followed; open another connection")
        self._instrument = self.listings.symbol(symbol)
        self.book = BookView(self._instrument)
        for stream in self._streams.values():
            stream.open()
        await asyncio.gather(self._mended.wait(), *(up.wait() for up in self._up.values()))
        return self.book

    def trouble(self) -> str | None:
        """Return why the book is not to be traded on, or None."""
        return self.book.trouble(self._clock.now_ns()) if self.book else "nothing is followed"

    # -- what its streams ask of it -----------------------------------------------------------

    def session(self, role: Role) -> ClientSession | MarketFeed:
        """Return a new conversation with one of the venue's streams."""
        assert self._instrument is not None, "streams are opened for an instrument"
        return self._connector.session(role, self._instrument, self.venue_now_ns())

    def venue_now_ns(self) -> int:
        """Return the time on the venue's clock."""
        return self._clock.now_ns() + self._offset_ns

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that is ended with the connection."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def step(self, event: Input) -> None:
        """Take what a stream tells."""
        assert self.book is not None, "streams are opened with a book"
        match event:
            case StreamUp(role, books):
                self._up[role].set()
                if role is Role.MARKET:
                    self.book.follow(books.get(self.book.instrument.instrument_id) or LocalBook())
            case StreamDown(role, why):
                self._up[role].clear()
                if role is Role.MARKET:
                    self.book.reset(f"the market stream is down: {why}")
            case Told(BookMoved(_, became, _)):
                self.book.moved(became, self._clock.now_ns())
            case Told(BookDelta() as delta):
                self.book.delta(delta, self._clock.now_ns())
            case Told(BookSnapshot() as snapshot):
                self.book.snapshot(snapshot, self._clock.now_ns())
            case Told(told):
                self._keep(told)
            case _:
                raise AssertionError("a stream tells nothing else")
        if self.book.needs_snapshot and self._up[Role.MARKET].is_set():
            if self._mending is None or self._mending.done():
                self._mending = self.spawn(self._mend(self.book))
        elif not self.book.needs_snapshot:
            self._mended.set()

    def _keep(self, event: Event | BookMoved) -> None:
        if self.events.qsize() >= EVENTS_MAX:
            self.events.get_nowait()
        assert not isinstance(event, BookMoved), "a change of the book is no event"
        self.events.put_nowait(event)

    async def _mend(self, book: BookView) -> None:
        """Ask for snapshots, with growing pauses, until one fits what the stream tells."""
        pauses_ns = delays_ns(
            self._rng, first_ns=SNAPSHOT_AGAIN_NS, max_ns=SNAPSHOT_PAUSE_MAX_NS, tries=TRIES_MAX
        )
        query = BookQuery(book.instrument.instrument_id, SNAPSHOT_DEPTH)
        for pause_ns in pauses_ns:
            outcome = await self.send(query)
            answer = outcome.answer if isinstance(outcome, Answered) else None
            if isinstance(answer, BookSnapshot) and answer.is_numbered:
                book.snapshot(answer, self._clock.now_ns())
            if not book.needs_snapshot:
                self._mended.set()
                return
            await asyncio.sleep(pause_ns / SECOND_NS)
