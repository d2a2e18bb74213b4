"""A venue as a live market has it: its public data, and none of anybody's account.

There is no key, so nothing private can be asked for, and nothing that trades can be sent: it makes
queries and market streams alone, and may therefore reach a real venue. Each market has a stream of
its own and a `Follower`, which keeps its book by the trader's rules; what is asked is paced like
what every trader of this host asks.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from random import SystemRandom
from typing import Any

from steelyard import dialects
from steelyard.cli.trader_stream import Stream
from steelyard.domain.errors import ConnectFailed, ConnectionLost
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
    Candle,
    CandleList,
    CandlesQuery,
    InstrumentList,
    InstrumentsQuery,
    Query,
    Trade,
)
from steelyard.exchange.records import MarketHeard, MarketPast
from steelyard.net.client import HttpClient
from steelyard.net.clock import Clock, uptime_ns
from steelyard.store.datadir import state_directory
from steelyard.store.pacing import Names, SharedPacing, host_of
from steelyard.trading import actions
from steelyard.trading.actions import Input, Level, ResetStream, Returned, Role, Woken
from steelyard.trading.connector import Connector
from steelyard.trading.feed import MarketFeed
from steelyard.trading.follower import Follower
from steelyard.trading.marketdata import DEPTH_WHY, SNAPSHOT_DEPTH
from steelyard.wire.budget import Held
from steelyard.wire.dialect import ApiKey, ClientSession
from steelyard.wire.http import Request, Response
from steelyard.wire.outcome import Answered, NotSent, Outcome, Unknown, delays_ns

PACE = "pace"
NO_KEY = ApiKey("", b"")
DEEPEN_NS = 3 * SECOND_NS  # so long a book that is read deeper stands as it was
TRADES_MAX = 10_000  # that wait to be told; beyond it the oldest are dropped
LATE_NS = 2 * SECOND_NS  # a trade that waited longer is not played any more
CANDLES = 300
ASK_TRIES = 1_000_000_000

Sides = tuple[dict[int, int], dict[int, int]]


class LiveVenue:
    """One venue's public side."""

    def __init__(self, dialect: str, rest: str, ws: str) -> None:
        """Open nothing yet.

        Raises:
            ConfigError: An address is none.
        """
        found = dialects.find(dialect)
        self.name = found.name
        self.client = found.client
        self.ws = ws
        self.drop = found.public.drop if found.public and found.public.ws == ws else ""
        self.clock = Clock()
        self.rng = SystemRandom()
        self._http = HttpClient(rest, loopback_only=False)
        self.pacing = SharedPacing(
            state_directory() / PACE,
            Names(host_of(self._http.base_url), "", ""),
            found.limits,
            self.rng,
            self.clock.now_ns(),
            uptime_ns,
        )
        self.connector = Connector(found.client, NO_KEY, found.limits, self.pacing)

    async def close(self) -> None:
        """Close the kept connections."""
        await self._http.close()
        self.pacing.close()

    async def listings(self, note: Callable[[str], None] = lambda _: None) -> Listings:
        """Return what is listed, asked for until it is answered."""
        delays = delays_ns(
            self.rng, first_ns=SECOND_NS // 4, max_ns=30 * SECOND_NS, tries=ASK_TRIES
        )
        while True:
            outcome = await self.ask(InstrumentsQuery())
            if isinstance(outcome, Answered) and isinstance(outcome.answer, InstrumentList):
                return self.connector.listings
            note(f"the venue does not tell what it lists: {_why(outcome)}")
            wait_ns = outcome.retry_after_ns if isinstance(outcome, NotSent) else 0
            await asyncio.sleep(max(next(delays), wait_ns) / SECOND_NS)

    async def past(self, instrument: Instrument) -> tuple[Candle, ...]:
        """Return the newest 1-minute candles; none where the venue does not tell them."""
        query = CandlesQuery(instrument.instrument_id, MINUTE_NS, CANDLES)
        outcome = await self.ask(query)
        if isinstance(outcome, Answered) and isinstance(outcome.answer, CandleList):
            return outcome.answer.candles
        return ()

    async def send(self, request: Request) -> Response:
        """Send a request and return the response.

        Raises:
            TransportError: There is none.
        """
        return await self._http.send(request)

    async def ask(self, query: Query) -> Outcome:
        """Ask once."""
        now_ns = self.clock.now_ns()
        made = self.connector.request(query, now_ns)
        if not isinstance(made, Request):
            return made
        try:
            response = await self._http.send(made)
        except ConnectFailed as error:
            return NotSent(str(error))
        except ConnectionLost as error:
            return Unknown(str(error))
        return self.connector.outcome(query, response, self.clock.now_ns())


class LiveFeed:
    """One market of a venue: what is told of it becomes facts for a live tape."""

    def __init__(
        self,
        venue: LiveVenue,
        theirs: Instrument,
        instrument_id: int,
        changed: Callable[[], None],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        note: Callable[[str], None],
        lost: str,
    ) -> None:
        """Follow theirs as our instrument_id.

        Args:
            venue: Whose it is.
            theirs: The market as the venue lists it, in the same steps as ours.
            instrument_id: Ours.
            changed: Called when there may be facts to tell.
            spawn: Runs something that ends with the process, and ends it if it fails.
            note: Writes a line for people.
            lost: What the live tape says of it: why nothing is known, or nothing.
        """
        self._venue = venue
        self._theirs = theirs
        self._instrument_id = instrument_id
        self._changed = changed
        self.spawn = spawn
        self._note = note
        self._lost = lost
        self._told: Sides = ({}, {})
        self._is_told = False  # the house stands as `_told` says
        self._is_news = False  # something was told since the book was last looked at
        self._deepening_ns: int | None = None
        self._waiting: deque[tuple[int, Trade]] = deque()
        self.dropped = 0  # trades that were told while the book was not known, or came too late
        self._timer: asyncio.TimerHandle | None = None
        self._follower = Follower(theirs, venue.client, venue.rng)
        self._stream = Stream(self, Role.MARKET, venue.ws, venue.rng, loopback_only=False)

    def open(self) -> None:
        """Begin to follow."""
        self._stream.open()

    def check(self) -> None:
        """Open anew what does not confirm; called a few times a second."""
        self._stream.check()

    def close(self) -> None:
        """Want nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    # -- facts --------------------------------------------------------------------------------

    def facts(self, now_ns: int) -> MarketHeard | None:
        """Return what there is to tell now."""
        trouble = self._follower.trouble(now_ns)
        if trouble is None:
            return self._known(now_ns)
        if self._is_told and DEPTH_WHY in trouble:
            # The stream is right, and what it told may stand while the book is read deeper.
            if self._deepening_ns is None:
                self._deepening_ns = now_ns
            if now_ns - self._deepening_ns < DEEPEN_NS:
                return None
        self._deepening_ns = None
        self.dropped += len(self._waiting)
        self._waiting.clear()
        if not self._is_told and _kind(trouble) == _kind(self._lost):
            return None
        self._note(f"lost: {trouble}")
        self._is_told, self._told, self._lost = False, ({}, {}), trouble
        return MarketHeard(self._instrument_id, lost=trouble)

    def _known(self, now_ns: int) -> MarketHeard | None:
        """Return what has changed in a book that is right, and its trades."""
        if self._is_told and not self._is_news:
            return None
        self._is_news = False
        book = self._follower.book
        trades = self._due(now_ns)
        sides: Sides = (
            dict(book.bids.first(SNAPSHOT_DEPTH)),
            dict(book.asks.first(SNAPSHOT_DEPTH)),
        )
        is_whole = not self._is_told or self._deepening_ns is not None
        if is_whole:
            if not self._is_told:
                self._note(f"followed; {self.dropped} trades were not played")
                self.dropped += len(trades)
                trades = []
            self._is_told, self._lost, self._deepening_ns = True, "", None
            bids, asks = (tuple(side.items()) for side in sides)
        else:
            bids, asks = (_changes(*pair) for pair in zip(self._told, sides, strict=True))
        self._told = sides
        if not (is_whole or bids or asks or trades):
            return None
        return MarketHeard(
            self._instrument_id,
            is_whole=is_whole,
            bids=bids,
            asks=asks,
            trades=tuple((int(t.taker_side), t.price_ticks, t.size_lots) for t in trades),
            is_settled=bool(trades) and book.time_ns >= max(t.time_ns for t in trades),
        )

    def _due(self, now_ns: int) -> list[Trade]:
        """Return the trades that are to be told; those that waited too long are dropped."""
        due = [trade for heard_ns, trade in self._waiting if now_ns - heard_ns <= LATE_NS]
        self.dropped += len(self._waiting) - len(due)
        self._waiting.clear()
        return due

    # -- what its stream asks -------------------------------------------------------------------

    def session(self, role: Role) -> ClientSession | MarketFeed:
        """Return a new conversation."""
        venue = self._venue
        session = venue.connector.session(role, self._theirs, venue.clock.now_ns())
        # Where a venue has a host for its streams alone, ours has a path for them.
        session.target = session.target.removeprefix(venue.drop)
        return session

    def step(self, event: Input) -> None:
        """Give the follower an input, and do what it wants."""
        now_ns = self._venue.clock.now_ns()
        self._is_news = True
        for action in self._follower.step(event, now_ns):
            match action:
                case actions.Ask(request_id, query):
                    self.spawn(self._ask(request_id, query))
                case ResetStream(_, why):
                    self._note(f"the stream is opened anew: {why}")
                    self._stream.reset()
                case actions.Log(level, _, text) if level is not Level.INFO:
                    self._note(text)
                case _:
                    pass
        for trade in self._follower.trades():
            self._waiting.append((now_ns, trade))
            if len(self._waiting) > TRADES_MAX:
                self._waiting.popleft()
                self.dropped += 1
        self._set_timer(now_ns)
        self._changed()

    def venue_now_ns(self) -> int:
        """Return the time."""
        return self._venue.clock.now_ns()

    def stamp_ns(self) -> int:
        """Return the time."""
        return self._venue.clock.now_ns()

    async def hold(self) -> None:
        """Return when a connection may be opened."""
        await self._paid(self._venue.connector.connect)

    async def _paid(self, take: Callable[[int], Held | None]) -> None:
        """Wait until something is let through."""
        while (held := take(self._venue.clock.now_ns())) is not None:  # noqa: ASYNC110 it says when
            await asyncio.sleep(held.wait_ns / SECOND_NS)

    async def run_errand(self, request: Request) -> Response:
        """Send a request of a stream's session, once that may be, and return what came back."""
        await self._paid(lambda now_ns: self._venue.connector.errand(now_ns, request))
        return await self._venue.send(request)

    async def _ask(self, request_id: int, query: Query) -> None:
        sent_ns = self._venue.clock.now_ns()
        outcome = await self._venue.ask(query)
        self.step(Returned(request_id, outcome, sent_ns, self._venue.clock.now_ns()))

    def _set_timer(self, now_ns: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline_ns = self._follower.deadline_ns
        if deadline_ns is not None:
            pause_s = max(0.001, (deadline_ns - now_ns) / SECOND_NS)
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(pause_s, self.step, Woken())


def past_of(instrument_id: int, candles: tuple[Candle, ...]) -> MarketPast:
    """Return a venue's closed candles as a fact."""
    return MarketPast(
        instrument_id,
        tuple(
            (
                *(candle.open_ns, candle.open_ticks, candle.high_ticks, candle.low_ticks),
                *(candle.close_ticks, candle.volume_lots, candle.quote_atoms, candle.trade_count),
            )
            for candle in candles
            if candle.is_closed
        ),
    )


def _changes(told: dict[int, int], now: dict[int, int]) -> tuple[tuple[int, int], ...]:
    """Return the levels that are others now; 0 for those that are gone."""
    if told == now:
        return ()
    gone = ((price, 0) for price in told if price not in now)
    return (*gone, *((price, lots) for price, lots in now.items() if told.get(price) != lots))


def _kind(why: str) -> str:
    """Return what a trouble is without its numbers."""
    return why.partition(":")[0]


def _why(outcome: Outcome) -> str:
    return str(outcome.answer) if isinstance(outcome, Answered) else outcome.why
