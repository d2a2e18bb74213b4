"""Book, price and bars, resynchronized by themselves."""

import msgspec

from steelyard.domain.messages import SECOND_NS, BookDelta, BookQuery, CandlesQuery, Refused
from steelyard.domain.order import RejectReason, Side
from steelyard.trading.actions import Role, Told
from steelyard.trading.books import QUIET_NS
from steelyard.wire.outcome import Answered
from tests.trading.world import BEGIN_NS, Fate, Hand, World, hand_world


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
    bars = world.hand.told("bar")
    assert bars[0].after_gap
    assert not any(bar.after_gap for bar in bars[1:])
    assert world.said("bars.no_history")


def test_bars_are_on_the_venues_clock():
    """It is three seconds ahead: its bars close when it says so."""
    world = quiet_world()
    world.venue.offset_ns = 3 * SECOND_NS + SECOND_NS // 2
    world._strategy = lambda: Hand(bar="1s")
    world.run(6)
    bars = world.hand.told("bar")
    assert len(bars) > 3
    last_close_ns = bars[-1].open_ns + SECOND_NS
    assert 0 <= world.now_ns + world.venue.offset_ns - last_close_ns < 2 * SECOND_NS
