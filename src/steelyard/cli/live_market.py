"""A running exchange's live market: its venues, their feeds, and when their facts are told.

The rule it keeps: facts go to the exchange as records of its journal and in no other way. Those of
some milliseconds go together, trades before the levels that they have changed. While the exchange
takes nothing (its disk does not keep up, its clock stands still) nothing is told; the difference
of the books is, later.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from steelyard.cli.live_source import LivePlace, LiveSource
from steelyard.cli.live_venue import LiveFeed, LiveVenue, past_of
from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.exchange.live import LiveTape
from steelyard.exchange.records import MarketHeard, MarketPast

TOGETHER_S = 0.02
CHECK_S = 0.5
PAST_S = 5.0  # an opening waits no longer for the venue's candles
AWAY = "this exchange was not running"

Fact = MarketHeard | MarketPast


class LiveMarket:
    """All feeds of an exchange; `start` it when the exchange is there."""

    def __init__(
        self,
        source: LiveSource,
        market: LiveTape,
        tell: Callable[[Sequence[Fact]], None],
        may_tell: Callable[[], bool],
        note: Callable[[str], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        """Make ready.

        Args:
            source: Whose streams.
            market: What the facts are for.
            tell: Records facts.
            may_tell: Whether the exchange takes any now.
            note: Writes a line for people.
            fail: Told what ends the exchange.
        """
        self._source = source
        self._market = market
        self._tell = tell
        self._may_tell = may_tell
        self._note = note
        self._fail = fail
        self._venues: list[LiveVenue] = []
        self._feeds: list[LiveFeed] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._flush_at: asyncio.TimerHandle | None = None
        self._checked_at = 0.0

    def start(self) -> None:
        """Say what is not known any more, and begin to follow."""
        known = (each.instrument_id for each in self._source.instruments)
        away = [MarketHeard(at, lost=AWAY) for at in known if not self._market.lost(at)]
        if away:
            self._tell(away)
        listed = iter(self._source.instruments)
        for place in self._source.places:
            ours = [next(listed) for _ in place.symbols]
            self._spawn(self._follow(place, ours))

    def flush(self) -> None:
        """Tell what there is to tell, if it may be told now."""
        if self._flush_at is not None:
            self._flush_at.cancel()
            self._flush_at = None
        if not self._may_tell():
            return
        facts = [
            fact for feed in self._feeds if (fact := feed.facts(feed.venue_now_ns())) is not None
        ]
        if facts:
            self._tell(facts)

    def check(self) -> None:
        """Look whether what should have come has; called with every step of the market."""
        self.flush()
        now = asyncio.get_running_loop().time()
        if now - self._checked_at >= CHECK_S:
            self._checked_at = now
            for feed in self._feeds:
                feed.check()

    async def close(self) -> None:
        """Let go of every connection."""
        if self._flush_at is not None:
            self._flush_at.cancel()
        for feed in self._feeds:
            feed.close()
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for venue in self._venues:
            await venue.close()

    async def _follow(self, place: LivePlace, ours: list[Instrument]) -> None:
        """Learn what a venue lists, take its past, and open its streams."""
        venue = LiveVenue(place.dialect, place.rest, place.ws)
        self._venues.append(venue)
        said: set[str] = set()

        def note_once(text: str) -> None:
            if text not in said:
                said.add(text)
                self._note(f"live {place.dialect}: {text}")

        listings = await venue.listings(note_once)
        for each in ours:
            theirs = listings.find(each.symbol)
            _check(place, each, theirs)
            assert theirs is not None, "it was checked"
            await self._take_past(venue, theirs, each.instrument_id)
            about = f"live {place.dialect} {each.symbol}: "
            feed = LiveFeed(
                venue,
                theirs,
                each.instrument_id,
                self._flush_soon,
                self._spawn,
                lambda text, about=about: self._note(about + text),  # type: ignore[misc]
                self._market.lost(each.instrument_id),
            )
            self._feeds.append(feed)
            feed.open()

    async def _take_past(self, venue: LiveVenue, theirs: Instrument, instrument_id: int) -> None:
        try:
            async with asyncio.timeout(PAST_S):
                candles = await venue.past(theirs)
        except TimeoutError:
            return  # bars begin with what trades from here on
        past = past_of(instrument_id, candles)
        if past.candles and self._may_tell():
            self._tell([past])

    def _flush_soon(self) -> None:
        if self._flush_at is None:
            loop = asyncio.get_running_loop()
            self._flush_at = loop.call_later(TOGETHER_S, self.flush)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)


def _check(place: LivePlace, ours: Instrument, theirs: Instrument | None) -> None:
    """Refuse a market whose prices and sizes are not ours.

    Raises:
        ConfigError: It is gone, or has other steps.
    """
    if theirs is None:
        raise ConfigError(
            f"{place.dialect} does not list {ours.symbol} any more; choose another --data"
        )
    steps = (theirs.lot_atoms, theirs.tick_lot_atoms)
    if steps != (ours.lot_atoms, ours.tick_lot_atoms):
        raise ConfigError(
            f"{place.dialect} trades {ours.symbol} in other steps than when this directory was "
            f"founded: tick {theirs.tick_size}, lot {theirs.lot_size}; choose another --data"
        )
