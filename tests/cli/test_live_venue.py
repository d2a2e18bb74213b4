import asyncio
from contextlib import asynccontextmanager

import pytest
from live_stage import BUY, SELL, LiveStage, staged, until

from steelyard.cli import live_venue
from steelyard.cli.live_venue import LiveFeed, LiveVenue, past_of
from steelyard.domain.messages import MINUTE_NS, Candle
from steelyard.exchange.live import NOT_OPEN
from steelyard.exchange.records import MarketHeard

BID, ASK = 6_000_000, 6_000_010


class Told:
    """A feed, and the facts that it has told."""

    def __init__(self, feed: LiveFeed) -> None:
        self.feed = feed
        self.facts: list[MarketHeard] = []
        self.notes: list[str] = []

    def ask(self) -> list[MarketHeard]:
        """Ask once; return everything that was told until now."""
        fact = self.feed.facts(self.feed.venue_now_ns())
        if fact is not None:
            self.facts.append(fact)
        return self.facts


@asynccontextmanager
async def fed(stage: LiveStage):
    """A feed that follows a stage."""
    venue = LiveVenue("binance", stage.url.replace("ws", "http"), stage.url)
    tasks: list[asyncio.Task[None]] = []
    listings = await venue.listings()
    notes: list[str] = []
    feed = LiveFeed(
        venue,
        listings.symbol("BTC-USDT"),
        7,
        lambda: None,
        lambda work: tasks.append(asyncio.get_running_loop().create_task(work)),
        notes.append,
        NOT_OPEN,
    )
    told = Told(feed)
    told.notes = notes
    feed.open()
    try:
        await until(lambda: any(fact.is_whole for fact in told.ask()))
        yield told
    finally:
        feed.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await venue.close()


def run(act) -> None:
    async def main() -> None:
        async with staged() as stage, fed(stage) as told:
            await act(stage, told)

    asyncio.run(main())


def test_a_whole_book_is_told_first_and_then_what_changes():
    async def act(stage: LiveStage, told: Told) -> None:
        whole = told.facts[-1]
        assert (whole.instrument_id, whole.is_whole) == (7, True)
        assert (sorted(whole.bids, reverse=True), sorted(whole.asks)) == stage.book()
        assert told.ask()[-1] is whole, "nothing has changed"
        stage.change({BID: 0, BID - 5: 8}, {ASK: 3})
        await until(lambda: told.ask()[-1] is not whole)
        change = told.facts[-1]
        assert not change.is_whole
        assert (sorted(change.bids), change.asks) == ([(BID - 5, 8), (BID, 0)], ((ASK, 3),))

    run(act)


def test_trades_are_told_once_with_the_levels_they_changed():
    async def act(stage: LiveStage, told: Told) -> None:
        stage.trade(SELL, BID, 300)
        stage.change({BID: 700})
        stage.trade(BUY, ASK, 2)
        count = len(told.facts)
        await until(lambda: sum(len(fact.trades) for fact in told.ask()[count:]) == 2)
        trades = [trade for fact in told.facts[count:] for trade in fact.trades]
        assert trades == [(int(SELL), BID, 300), (int(BUY), ASK, 2)]

    run(act)


def test_a_trade_that_waited_too_long_is_not_told(monkeypatch):
    """Who could not tell it in time, because the exchange took nothing, tells of the book alone."""
    monkeypatch.setattr(live_venue, "LATE_NS", 0)

    async def act(stage: LiveStage, told: Told) -> None:
        stage.trade(SELL, BID, 300)
        await until(lambda: told.ask() and told.feed.dropped == 1)
        assert not any(fact.trades for fact in told.facts)

    run(act)


def test_more_trades_than_may_wait_are_dropped_from_the_oldest_on(monkeypatch):
    monkeypatch.setattr(live_venue, "TRADES_MAX", 2)

    async def act(stage: LiveStage, told: Told) -> None:
        for lots in (1, 2, 3, 4):
            stage.trade(SELL, BID, lots)
        await until(lambda: told.feed.dropped == 2)
        assert [lots for _, _, lots in told.ask()[-1].trades] == [3, 4]

    run(act)


def test_a_loss_is_told_once_and_what_it_is_about():
    async def act(stage: LiveStage, told: Told) -> None:
        stage.depth_is_held = True
        stage.lose({BID: 1})
        stage.change({BID: 2})
        await until(lambda: bool(told.ask()[-1].lost))
        count = len(told.facts)
        for _ in range(5):
            told.ask()
        assert len(told.facts) == count
        assert told.facts[-1].lost.startswith("the book has a gap")
        assert told.notes[-1].startswith("lost: the book has a gap")
        await stage.close()
        await until(lambda: "down" in told.ask()[-1].lost)
        stage.depth_is_held = False
        await stage.open()
        await until(lambda: told.ask()[-1].is_whole)
        assert "followed" in told.notes[-1]

    run(act)


def test_the_past_is_closed_candles():
    def candle(open_ns: int, *, is_closed: bool) -> Candle:
        return Candle(9, MINUTE_NS, open_ns, 1, 3, 0, 2, 5, 50, 4, 1, 10, 0, 0, is_closed)

    past = past_of(3, (candle(60, is_closed=True), candle(120, is_closed=False)))
    assert (past.instrument_id, past.candles) == (3, ((60, 1, 3, 0, 2, 5, 50, 4),))


@pytest.mark.parametrize(("dialect", "target"), [("kraken", "/v2"), ("binance", "/stream?")])
def test_at_the_venue_itself_the_path_is_the_venues(dialect, target):
    """On our ports several hosts of a venue share one, and paths tell them apart."""
    stage = LiveStage()

    def target_at(ws: str) -> str:
        venue = LiveVenue(dialect, "http://127.0.0.1:1", ws)
        feed = LiveFeed(
            venue,
            stage.instrument,
            *(0, lambda: None, lambda work: work.close(), lambda _: None, ""),
        )
        return feed.session(live_venue.Role.MARKET).target

    public = live_venue.dialects.find(dialect).public
    assert public is not None
    assert target_at(public.ws).startswith(target)
    assert target_at("ws://127.0.0.1:2").startswith(public.drop + target)
