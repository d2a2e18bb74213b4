from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard._native import MarketBook
from steelyard.domain.messages import SECOND_NS, BookDelta, BookSnapshot, OddLevel
from steelyard.trading.books import QUIET_NS, STALE_NS, BookState, BookView
from steelyard.wire.book import LocalBook, Told
from steelyard.wire.tables import Continuity
from tests.trading.venue import BTC_USDT

T0 = 1_700_000_000 * SECOND_NS


def delta(first: int, last: int | None = None, bids=(), asks=()) -> BookDelta:
    return BookDelta(3, first, last or first, tuple(bids), tuple(asks), T0)


def snapshot(sequence: int, bids=((99, 5), (98, 7)), asks=((101, 5), (102, 7))) -> BookSnapshot:
    return BookSnapshot(3, sequence, tuple(bids), tuple(asks), T0)


def fresh(sequence: int = 10) -> BookView:
    book = BookView(BTC_USDT)
    book.snapshot(snapshot(sequence), T0)
    return book


def test_a_snapshot_makes_a_book_and_deltas_change_it():
    """Sizes are set, added and removed; the best price follows."""
    book = fresh()
    assert book.trouble(T0) is None
    assert book.delta(delta(11, bids=[(99, 0), (100, 3)], asks=[(101, 9)]), T0) == Told.CHANGED
    assert book.bids.first(5) == [(100, 3), (98, 7)]
    assert book.asks.first(5) == [(101, 9), (102, 7)]
    assert (book.best_bid, book.best_ask) == (Decimal("1.00"), Decimal("1.01"))
    assert (book.mid_half_ticks, book.mid) == (201, Decimal("1.005"))


def test_deltas_that_came_before_the_snapshot_are_applied_to_it():
    """Those that it holds already are skipped, an overlapping one is taken."""
    book = BookView(BTC_USDT)
    assert book.trouble(T0) is not None
    for first, last in ((8, 9), (10, 11), (12, 12)):
        book.delta(delta(first, last, bids=[(97, last)]), T0)
    book.snapshot(snapshot(10), T0)
    assert not book.needs_snapshot
    assert (book.sequence, book.bids.first(3)[-1]) == (12, (97, 12))


def test_a_snapshot_from_before_the_first_delta_is_not_enough():
    """Between the two something is missing: another one is needed."""
    book = BookView(BTC_USDT)
    book.delta(delta(12), T0)
    book.snapshot(snapshot(10), T0)
    assert book.needs_snapshot
    book.snapshot(snapshot(11), T0)
    assert not book.needs_snapshot


def test_a_gap_makes_the_book_useless_until_a_snapshot():
    """The delta after the gap is kept for it."""
    book = fresh()
    assert book.delta(delta(12, bids=[(97, 1)]), T0) == Told.GAP
    assert book.needs_snapshot
    assert book.gaps == 1
    assert "gap" in (book.trouble(T0) or "")
    book.snapshot(snapshot(11), T0)
    assert book.trouble(T0) is None
    assert book.sequence == 12


def test_a_delta_told_twice_or_late_changes_nothing():
    """Sequence numbers decide."""
    book = fresh()
    assert book.delta(delta(10, bids=[(99, 1_000)]), T0) == Told.OLD
    assert book.delta(delta(3, 9, bids=[(99, 1_000)]), T0) == Told.OLD
    assert book.bids.first(1) == [(99, 5)]
    book.snapshot(snapshot(4, bids=[(1, 1)]), T0)
    assert book.bids.first(1) == [(99, 5)]


def test_silence_makes_a_book_quiet_and_then_stale():
    """A confirmed book is good for another while; an unconfirmed one is not traded on."""
    book = fresh()
    assert not book.is_quiet(T0 + QUIET_NS - 1)
    assert book.is_quiet(T0 + QUIET_NS)
    assert book.trouble(T0 + STALE_NS) is None
    assert "stale" in (book.trouble(T0 + STALE_NS + 1) or "")
    assert book.confirm(snapshot(10), T0 + STALE_NS + 1)
    assert book.trouble(T0 + STALE_NS + 1) is None


def test_a_snapshot_without_a_number_confirms_by_its_levels():
    """Some venues number none: what they answer says nothing unless it is what we have."""
    book = fresh()
    bids, asks = (tuple(side.first(2)) for side in (book.bids, book.asks))
    same = BookSnapshot(3, 0, bids, asks, T0, is_numbered=False)
    other = replace(same, bids=((bids[0][0] - 1, 5), *bids[1:]))
    assert not book.confirm(other, T0 + QUIET_NS)
    assert book.state(T0 + STALE_NS + 1) is BookState.BEHIND
    assert book.confirm(same, T0 + STALE_NS + 1)
    assert book.state(T0 + STALE_NS + 1) is BookState.LIVE


def test_a_snapshot_that_is_ahead_confirms_nothing():
    """The stream owes us changes: until it tells them the book is not traded on."""
    book = fresh()
    assert not book.confirm(snapshot(12), T0 + QUIET_NS)
    assert book.is_quiet(T0 + QUIET_NS)
    book.delta(delta(11), T0 + QUIET_NS)
    assert "behind" in (book.trouble(T0 + QUIET_NS) or "")
    book.delta(delta(12), T0 + QUIET_NS)
    assert book.trouble(T0 + QUIET_NS) is None


def test_a_crossed_book_is_in_trouble():
    """A bid at or above the ask cannot be."""
    book = fresh()
    book.delta(delta(11, bids=[(101, 1)]), T0)
    assert "crossed" in (book.trouble(T0) or "")


def test_an_empty_side_has_no_middle():
    """There is no mid without both sides."""
    book = BookView(BTC_USDT)
    book.snapshot(snapshot(1, asks=()), T0)
    assert book.mid is None
    assert book.best_ask is None
    assert book.trouble(T0) is None


def test_levels_beyond_the_snapshots_depth_are_not_shown():
    """They are known only where they changed: neither walked into nor counted as depth."""
    book = BookView(BTC_USDT)
    deep = BookSnapshot(3, 10, ((99, 5), (91, 5)), ((101, 5),), T0).cut_at(2)
    book.snapshot(deep, T0)
    assert (book.bids.known_ticks, book.asks.known_ticks) == (91, None)
    book.delta(delta(11, bids=[(80, 1_000)], asks=[(120, 7)]), T0)
    assert book.bids.first(9) == [(99, 5), (91, 5)]
    assert book.asks.first(9) == [(101, 5), (120, 7)]
    assert (book.bids.walk(10), book.bids.walk(11)) == ((91, 950), None)
    assert book.asks.walk(12) == (120, 101 * 5 + 120 * 7)


def test_a_market_that_comes_to_the_end_of_what_is_known_needs_depth():
    """In its last quarter it is time to read again; beyond it nothing is to be traded on."""
    book = BookView(BTC_USDT)
    bids = tuple((price, 1) for price in range(100, 90, -1))
    book.snapshot(BookSnapshot(3, 10, bids, ((101, 5),), T0).cut_at(10), T0)
    assert not book.needs_depth
    book.delta(delta(11, bids=[(price, 0) for price in range(94, 101)]), T0)
    assert (book.bids.best_ticks, book.needs_depth) == (93, True)
    assert book.state(T0) is BookState.LIVE
    book.delta(delta(12, bids=[(91, 0), (92, 0), (93, 0), (85, 9)]), T0)
    assert book.state(T0) is BookState.SHALLOW
    assert "beyond what is known" in (book.trouble(T0) or "")
    assert book.bids.first(5) == []
    book.reset("the market comes to the end")
    assert book.trouble(T0) == "the market comes to the end; waiting for a new snapshot"


def test_levels_off_the_tick_are_counted():
    """They are in the size of the tick where they are shown."""
    book = BookView(BTC_USDT)
    odd = (OddLevel(98_500, 98, 3),)
    book.snapshot(BookSnapshot(3, 10, ((99, 5), (98, 7)), ((101, 5),), T0, odd), T0)
    assert (book.odd_levels, book.bids.first(5)) == (1, [(99, 5), (98, 10)])
    gone = BookDelta(3, 11, 11, ((98, 0),), (), T0, odd_bids=(OddLevel(98_500, 98, 0),))
    book.delta(gone, T0)
    assert (book.odd_levels, book.bids.first(5)) == (0, [(99, 5)])


def test_another_book_is_followed_from_its_first_snapshot():
    """The stream has begun anew: gaps are counted on, and old levels are not shown."""
    book = fresh()
    book.delta(delta(13), T0)
    own = LocalBook()
    book.follow(own)
    assert book.trouble(T0) == "the stream has begun anew; waiting for a new snapshot"
    assert (book.gaps, book.best_bid) == (1, None)
    assert own.delta(21, 21, [(97, 1)], [], T0) == Told.WAITS
    book.snapshot(snapshot(20), T0)
    assert (book.sequence, book.state(T0), len(book.bids)) == (21, BookState.LIVE, 3)
    book.moved(own.delta(30, 30, [], [], T0), T0)
    assert (book.gaps, book.state(T0)) == (2, BookState.GAP)


NEAR = st.tuples(st.integers(90, 110), st.integers(0, 3))
CHANGE = st.tuples(st.lists(NEAR, max_size=3), st.lists(NEAR, max_size=3), st.integers(1, 9))


@given(st.lists(CHANGE, max_size=6), st.integers(0, 12), st.booleans(), st.booleans())
def test_a_native_book_is_calm_only_where_nothing_is_wrong_with_it(changes, owed, is_deep, is_odd):
    """Then its middle is known and it needs no depth; where all is well it is calm."""
    view, native = BookView(BTC_USDT), MarketBook(Continuity.SPAN)
    view.follow(native)
    known = None if is_deep else 95
    odd = [OddLevel(101 * 10**6 + 1, 102, 1)] if is_odd else []
    sides = (((99, 5), (98, 7)), ((101, 5), (102, 7)))
    whole = BookSnapshot(3, 10, *sides, T0, known_bid_ticks=known, odd_asks=tuple(odd))
    view.snapshot(whole, T0)
    for number, (bids, asks, now) in enumerate(changes, 11):
        told = native.delta(number, number + (now == 9), bids, asks, T0)
        view.moved(told, T0 + now)
        if number == owed:
            view.confirm(BookSnapshot(3, number + 1, (), (), T0), T0)
        found = view.calm(T0 + now)
        view._calm_half_ticks, at = None, T0 + now  # the long way
        is_well = view.trouble(at) is None and not view.needs_depth and not view.odd_levels
        is_told = told == Told.CHANGED and number != owed
        assert found == (view.mid_half_ticks if is_well and is_told else None)
        view.moved(told, T0 + now)
        assert view.calm(T0 + now + STALE_NS + 1) is None
