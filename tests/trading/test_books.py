from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.messages import SECOND_NS, BookDelta, BookSnapshot
from steelyard.domain.order import Side
from steelyard.trading.books import LEVELS_MAX, QUIET_NS, STALE_NS, WAITING_MAX, BookView, Levels
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
    assert book.delta(delta(11, bids=[(99, 0), (100, 3)], asks=[(101, 9)]), T0)
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
    assert not book.delta(delta(12, bids=[(97, 1)]), T0)
    assert book.needs_snapshot
    assert book.gaps == 1
    assert "gap" in (book.trouble(T0) or "")
    book.snapshot(snapshot(11), T0)
    assert book.trouble(T0) is None
    assert book.sequence == 12


def test_a_delta_told_twice_or_late_changes_nothing():
    """Sequence numbers decide."""
    book = fresh()
    assert not book.delta(delta(10, bids=[(99, 1_000)]), T0)
    assert not book.delta(delta(3, 9, bids=[(99, 1_000)]), T0)
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


def test_waiting_deltas_and_levels_are_bounded():
    """Too many deltas begin again, too many levels lose the worst."""
    book = BookView(BTC_USDT)
    for number in range(WAITING_MAX + 1):
        book.delta(delta(number + 1), T0)
    assert len(book._waiting) == 1
    levels = Levels(Side.BUY)
    for price in range(LEVELS_MAX + 5):
        levels.change(price + 1, 1)
    assert (len(levels), levels.first(1)) == (LEVELS_MAX, [(LEVELS_MAX + 5, 1)])
    assert levels.first(LEVELS_MAX)[-1] == (6, 1)


def test_a_walk_tells_the_last_price_and_the_cost():
    """Too large a size has none."""
    asks = Levels(Side.SELL)
    asks.replace([(101, 5), (102, 7)])
    assert asks.walk(5) == (101, 505)
    assert asks.walk(6) == (102, 505 + 102)
    assert asks.walk(13) is None


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_a_book_equals_a_dictionary(seed: int, changes: int):
    """After any changes each side is the sorted map of what was set last."""
    rng = Random(seed)
    for side in Side:
        levels, model = Levels(side), {}
        for _ in range(changes):
            price, lots = rng.randrange(1, 20), rng.randrange(3)
            levels.change(price, lots)
            model[price] = lots
        wanted = sorted(((p, n) for p, n in model.items() if n), reverse=side is Side.BUY)
        assert levels.first(100) == wanted
        assert levels.best_ticks == (wanted[0][0] if wanted else None)
