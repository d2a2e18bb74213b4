"""Book, price and bars, resynchronized by themselves."""

import itertools
from decimal import Decimal

import msgspec
import pytest

from steelyard.domain.messages import (
    SECOND_NS,
    BookDelta,
    BookQuery,
    BookSnapshot,
    CandlesQuery,
    OddLevel,
    Refused,
)
from steelyard.domain.order import RejectReason, Side
from steelyard.trading.actions import Role, StreamDown, StreamUp, Told
from steelyard.trading.books import QUIET_NS, BookState
from steelyard.trading.marketdata import SNAPSHOT_DEPTH
from steelyard.trading.report import state_document
from steelyard.wire.outcome import Answered
from tests.trading.world import BEGIN_NS, Fate, Hand, World, hand_world

HOUR_NS = 3_600 * SECOND_NS
DAY_NS = 24 * HOUR_NS


def asked(world_options=None):
    """Return a fate that notes book queries, and its notes."""
    queries = []

    def fate(message, _number) -> Fate:
        if isinstance(message, BookQuery):
            queries.append(message)
        return Fate()

    return fate, queries


def test_a_gap_is_mended_by_a_snapshot():
    """One delta is lost: orders wait, a snapshot is asked for, trading goes on."""
    fate, queries = asked()
    world = hand_world(fate=fate)
    world.run(3)
    before = len(queries)
    world.venue.quote(6_000_500)
    world.venue.public.clear()
    world.after(4, lambda: world.venue.quote(6_000_800))
    world.run(4.003)
    assert world.trader.status == ("gated", "the book has a gap; waiting for a new snapshot")
    world.run(4.1)
    assert world.trader.status.word == "running"
    assert len(queries) == before + 1
    assert world.said("book.gap")
    book = world.trader.desk.book
    assert [*book.bids.first(10)] == [*map(tuple, world.venue.engine.book(3, 10).bids)]


def test_a_snapshot_that_comes_before_the_stream_is_up_is_kept():
    """Some venues send it before they have confirmed the last subscription."""
    fate, queries = asked()
    world = hand_world(fate=fate)
    world.run(2)
    before = len(queries)
    world.step(StreamDown(Role.MARKET, "broken"))
    levels = world.venue.engine.book(3, 10)
    told = BookSnapshot(3, 1_000, tuple(levels.bids), tuple(levels.asks), world.now_ns)
    world.step(Told(told))
    world.step(StreamUp(Role.MARKET))
    assert world.trader.desk.book.trouble(world.now_ns) is None
    assert len(queries) == before


def quiet_world(**options) -> World:
    world = World(Hand, **options)
    world.venue.quote(6_000_000)
    world.after(0, world.boot)
    return world


def test_a_quiet_market_is_confirmed_not_stale():
    """Nothing happens for a minute: now and then the book is compared, and stays good."""
    fate, queries = asked()
    world = quiet_world(fate=fate)
    world.run(60)
    assert world.trader.status.word == "running"
    assert 5 < len(queries) <= 60 * SECOND_NS // QUIET_NS + 1
    assert queries[-1].depth < 10


def test_a_stream_that_says_nothing_any_more_is_opened_anew():
    """The venue moves on and the stream does not tell: it is reset, and told so."""
    world = quiet_world()
    world.run(3)
    world.mute(Role.MARKET)
    for second in range(4, 40):
        world.after(second, lambda: world.venue.quote(6_000_000 + world.now_ns // SECOND_NS % 90))
    world.run(6)
    assert world.said("book.behind")
    assert world.trader.status.word == "gated"
    assert "behind the venue's" in world.trader.status.reason
    world.run(14)
    assert world.trader.status.word == "running"
    assert world.said("stream.up").count("market") == 2


def unnumbered_world(**options) -> World:
    world = quiet_world(**options)
    world.venue.is_numbered = False
    return world


def test_a_quiet_book_without_numbers_is_confirmed_by_what_stands_in_it():
    fate, queries = asked()
    world = unnumbered_world(fate=fate)
    world.run(60)
    assert world.trader.status.word == "running"
    assert not world.said("book.behind")
    assert 5 < len(queries) <= 60 * SECOND_NS // QUIET_NS + 1


def test_a_silent_stream_without_numbers_is_not_taken_for_a_quiet_market():
    """The book that is asked for is another: the stream is opened anew, and begins with one."""
    world = unnumbered_world()
    world.run(3)
    world.mute(Role.MARKET)
    world.after(4, lambda: world.venue.quote(6_000_900))
    world.run(6)
    assert world.said("book.behind")
    assert world.trader.status.word == "gated"
    world.run(14)
    assert world.trader.status.word == "running"
    assert world.said("stream.up").count("market") == 2
    assert world.trader.desk.book.best_bid == Decimal("60008.50")


def test_a_change_that_comes_late_clears_a_book_without_numbers():
    """What was asked for was ahead of the stream, and the stream has told it since."""
    world = unnumbered_world()
    world.run(3)
    book = world.trader.desk.book
    ahead = BookSnapshot(3, 0, ((1, 1),), ((2, 1),), BEGIN_NS, is_numbered=False)
    assert not book.confirm(ahead, world.now_ns)
    assert book.state(world.now_ns) is BookState.BEHIND
    world.venue.quote(6_000_100)
    world.run(4)
    assert book.state(world.now_ns) is BookState.LIVE


def test_no_book_is_joined_to_a_stream_without_numbers():
    """Where the stream does not tell its book, it is opened anew; none is put in its place."""
    world = unnumbered_world()
    world.run(3)
    world.trader.desk.book.reset()
    world.run(3.4)
    assert world.trader.desk.book.needs_snapshot
    world.run(10)
    assert world.said("stream.up").count("market") == 2
    assert world.trader.status.word == "running"


def test_events_of_other_instruments_are_not_ours():
    """They change neither book nor price."""
    world = quiet_world()
    world.run(2)
    sequence = world.trader.desk.book.sequence
    delta = BookDelta(9, sequence + 1, sequence + 1, ((1, 1),), (), BEGIN_NS)
    world.step(Told(delta))
    assert world.trader.desk.book.sequence == sequence


def test_a_trade_is_the_price():
    """The last one, as it was told."""
    world = quiet_world()
    world.after(1, lambda: world.venue.house_trade(Side.SELL, 5_999_950, 100))
    world.run(2)
    assert world.trader.desk.last_ticks == 5_999_950
    assert world.hand.price == msgspec.convert("59999.50", type(world.hand.price))


def test_a_venue_without_candles_gives_bars_from_trades():
    """The start does not wait for what there is not; the first bar may be incomplete."""

    def fate(message, _number) -> Fate:
        if isinstance(message, CandlesQuery):
            no = Refused(RejectReason.UNSUPPORTED, "no such interval")
            return Fate(outcome=Answered(no))
        return Fate()

    world = quiet_world(fate=fate)
    world._strategy = lambda: Hand(bar="1s")
    for step in range(8):
        world.after(1 + step / 2, lambda: world.venue.house_trade(Side.BUY, 6_000_050, 10))
    world.run(5)
    assert world.hand.history == []
    bars = world.hand.heard_of("bar")
    assert bars[0].is_gapped
    assert not any(bar.is_gapped for bar in bars[1:])
    assert world.said("bars.no_history")


def test_bars_are_on_the_venues_clock():
    """It is three seconds ahead: its bars close when it says so."""
    world = quiet_world()
    world.venue.offset_ns = 3 * SECOND_NS + SECOND_NS // 2
    world._strategy = lambda: Hand(bar="1s")
    world.run(6)
    bars = world.hand.heard_of("bar")
    assert len(bars) > 3
    last_close_ns = bars[-1].open_ns + SECOND_NS
    assert 0 <= world.now_ns + world.venue.offset_ns - last_close_ns < 2 * SECOND_NS


def busy_world(ahead_ns: int = 0) -> World:
    """A market that trades twice a second, whose time is not what its clock says."""
    world = quiet_world()
    world.venue.ahead_ns = ahead_ns
    world._strategy = lambda: Hand(bar="1s")
    for step in range(120):
        world.after(1 + step / 2, lambda: world.venue.house_trade(Side.BUY, 6_000_050, 10))
    return world


@pytest.mark.parametrize("ahead_ns", [-40 * DAY_NS, -2 * HOUR_NS, -3 * SECOND_NS, DAY_NS])
def test_bars_are_in_the_markets_time(ahead_ns):
    """Each has the trades of its second, and closes when the market says that it is over."""
    world = busy_world(ahead_ns)
    world.run(12)
    bars = world.hand.heard_of("bar")
    assert len(bars) >= 8
    assert {bar.trade_count for bar in bars[1:]} == {2}
    assert not any(bar.is_gapped for bar in bars[1:])
    last_close_ns = bars[-1].open_ns + SECOND_NS
    assert 0 <= world.now_ns + ahead_ns - last_close_ns < 2 * SECOND_NS
    assert len(world.said("market.time")) == 1


@pytest.mark.parametrize("leap_ns", [40 * DAY_NS, 3 * SECOND_NS])
def test_bars_go_on_after_a_leap(leap_ns):
    """What lies between is a gap that is marked, not a flood of flat bars."""
    world = busy_world()
    world.run(6)
    before = len(world.hand.heard_of("bar"))
    world.venue.ahead_ns = leap_ns
    world.run(12)
    bars = world.hand.heard_of("bar")
    assert 5 <= len(bars) - before <= 16  # the newest candles, and what came after them
    assert sum(bar.is_gapped for bar in bars[before:]) == (leap_ns > DAY_NS)
    opens = [bar.open_ns for bar in bars]
    assert opens == sorted(set(opens))
    assert bars[-1].trade_count == 2
    assert world.now_ns + leap_ns - opens[-1] < 3 * SECOND_NS


def test_while_time_stands_still_no_bar_closes():
    """It is said once; afterwards bars go on, each with its trades, and none comes twice."""
    world = busy_world()
    world.after(6, lambda: freeze(world))
    world.after(30, lambda: resume(world))
    world.run(29)
    before = len(world.hand.heard_of("bar"))
    assert before <= 8
    world.run(45)
    bars = world.hand.heard_of("bar")
    opens = [bar.open_ns for bar in bars]
    assert opens == sorted(set(opens))
    assert len(bars) - before >= 10
    assert {bar.trade_count for bar in bars[-8:]} == {2}


def freeze(world: World) -> None:
    world.venue.frozen_ns = world.venue.market_now_ns


def resume(world: World) -> None:
    world.venue.ahead_ns = world.venue.frozen_ns - world.venue.now_ns - world.venue.offset_ns
    world.venue.frozen_ns = None


def test_a_silent_market_that_stands_still_is_told_once():
    """Its candles do not go on; that is not the same as one where nobody trades."""
    world = quiet_world()
    world._strategy = lambda: Hand(bar="1s")
    world.after(3, lambda: freeze(world))
    world.run(60)
    assert len(world.said("bars.overdue")) == 1
    assert len(world.hand.heard_of("bar")) <= 3
    assert world.trader.status.word == "running"


def test_a_silent_market_has_the_venues_candles_for_bars():
    """Nobody trades for a minute: each second has its flat bar."""
    world = quiet_world()
    world._strategy = lambda: Hand(bar="1s")
    world.run(60)
    bars = world.hand.heard_of("bar")
    assert len(bars) >= 55
    assert {b.open_ns - a.open_ns for a, b in itertools.pairwise(bars)} == {SECOND_NS}
    assert world.said("bars.overdue") == []


def test_a_candle_is_over_by_the_markets_time_whatever_the_venue_calls_it():
    """Whoever computes that from a clock which is ahead calls the open one closed."""
    ahead_ns = -3 * SECOND_NS
    world = busy_world(ahead_ns)
    world.venue.closes_by_clock = True
    world.after(6, lambda: world.step(StreamDown(Role.MARKET, "broken")))
    world.after(6.3, lambda: world.step(StreamUp(Role.MARKET)))
    for tenth in range(10, 120):
        world.run(tenth / 10)
        for bar in world.hand.heard_of("bar")[-1:]:
            assert bar.open_ns + SECOND_NS <= world.now_ns + ahead_ns
    assert len(world.hand.heard_of("bar")) >= 10


def broken_world(**options) -> World:
    """A market that is quoted ten times a second, of which each change a second is lost."""
    world = quiet_world(**options)
    for step in range(20, 900):
        world.after(step / 10, lambda step=step: world.venue.quote(6_000_000 + step % 7))
        if step % 10 == 5:
            world.after(step / 10 + 0.001, lambda: world.mute(Role.MARKET))
            world.after(step / 10 + 0.15, world._muted.clear)
    return world


def test_snapshots_for_a_stream_that_keeps_breaking_are_asked_for_ever_less():
    """Pauses double, and after some in a row the stream is opened anew."""
    times = []

    def fate(message, _number) -> Fate:
        if isinstance(message, BookQuery) and message.depth == SNAPSHOT_DEPTH:
            times.append(world.now_ns)
        return Fate()

    world = broken_world(fate=fate)
    world.run(88)
    assert world.said("book.gap")
    assert world.said("stream.up").count("market") >= 2
    assert len(times) < 25
    latest = [b - a for a, b in itertools.pairwise(times)][-2:]
    assert max(latest) > 5 * SECOND_NS


def test_a_book_that_held_is_mended_at_once_again():
    """Gaps far apart are each mended without a pause."""
    fate, queries = asked()
    world = hand_world(fate=fate)
    for second in (20, 40, 60):
        world.run(second)
        world.venue.quote(6_000_500 + second)
        world.venue.public.clear()
        world.after(second + 0.1, lambda: world.venue.quote(6_000_800))
        before = len(queries)
        world.run(second + 0.15)
        assert (world.trader.status.word, len(queries)) == ("running", before + 1)


def test_levels_off_the_tick_are_told_of_once():
    """The strategy sees them where they are shown, and the log says why."""
    world = quiet_world()
    world.run(2)
    book = world.trader.desk.book
    for number in (1, 2):
        at = book.sequence + 1
        odd = (OddLevel(5_999_000 + number, 5_999_000, 5),)
        world.step(Told(BookDelta(3, at, at, (), (), BEGIN_NS, odd_bids=odd)))
    assert book.odd_levels == 2
    (said,) = world.said("book.off_tick")
    assert "no multiple of the tick 0.01" in said
    assert state_document(world.trader)["book"]["off_tick"] == 2


def test_before_the_market_leaves_what_is_known_the_book_is_read_again():
    """The deeper levels come with a new snapshot; meanwhile nothing is traded."""
    fate, queries = asked()
    world = quiet_world(fate=fate)
    world.run(2)
    book = world.trader.desk.book
    at = book.sequence + 1
    (best, _), *_ = book.bids.first(1)
    known = BookSnapshot(3, at, tuple((best - n, 5) for n in range(10)), ((best + 9, 1),), 0)
    world.step(Told(known.cut_at(10)))
    assert not book.needs_depth
    before = len(queries)
    gone = tuple((best - n, 0) for n in range(8))
    world.step(Told(BookDelta(3, at + 1, at + 1, gone, (), BEGIN_NS)))
    assert world.trader.status.word == "gated"
    assert "the end of what is known" in world.trader.status.reason
    assert len(queries) == before + 1
    world.run(3)
    assert world.trader.status.word == "running"
