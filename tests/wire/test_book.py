"""The book that specifies the native one; `tests/dialects/binance/test_tables.py` compares both."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.messages import OddLevel
from steelyard.domain.order import Side
from steelyard.wire.book import (
    LEVELS_MAX,
    ODD_LEVELS_MAX,
    WAITING_MAX,
    Levels,
    LocalBook,
    Told,
)


def test_waiting_deltas_and_levels_are_bounded():
    """Too many deltas begin again, too many levels lose the worst, and then it is not known."""
    book = LocalBook()
    for number in range(WAITING_MAX + 1):
        assert book.delta(number + 1, number + 1, [], [], 0) == Told.WAITS
    assert len(book._waiting) == 1
    levels = Levels(Side.BUY)
    for price in range(LEVELS_MAX + 5):
        levels.change(price + 1, 1)
    assert (len(levels), levels.first(1)) == (LEVELS_MAX, [(LEVELS_MAX + 5, 1)])
    assert levels.first(LEVELS_MAX)[-1] == (6, 1)
    assert levels.known_ticks == 6
    for price in range(ODD_LEVELS_MAX + 5):
        levels.change_odd(OddLevel(price, 9_000, 1))
    assert levels.odd_count == ODD_LEVELS_MAX


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


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_what_is_off_the_tick_is_added_where_it_is_shown(seed: int, changes: int):
    """Whatever is set and removed, each tick has the sum of its own size and those shown there."""
    rng = Random(seed)
    for side in Side:
        levels, own, odd = Levels(side), {}, {}
        for _ in range(changes):
            ticks, lots = rng.randrange(1, 6), rng.randrange(3)
            if rng.random() < 0.5:
                levels.change(ticks, lots)
                own[ticks] = lots
            else:
                price = 10 * ticks + rng.randrange(1, 4)
                levels.change_odd(OddLevel(price, ticks, lots))
                odd[price] = lots
        for price, lots in odd.items():
            own[price // 10] = own.get(price // 10, 0) + lots
        wanted = sorted(((p, n) for p, n in own.items() if n), reverse=side is Side.BUY)
        assert levels.first(100) == wanted
        assert levels.odd_count == sum(1 for lots in odd.values() if lots)


def test_rules_of_the_venue():
    """Dropped, taken, waited for: by the numbers of snapshot and deltas, as the venue says."""
    for snapshot, deltas, told, sequence in [
        (10, [(8, 9), (10, 12)], Told.CHANGED, 12),  # the second holds the snapshot's update
        (10, [(11, 12)], Told.CHANGED, 12),  # nothing lies between
        (10, [(12, 13)], Told.WAITS, 0),  # older than the first: ask again
        (10, [(9, 10), (12, 13)], Told.GAP, 10),  # a hole among those that waited
        (10, [], Told.CHANGED, 10),
    ]:
        book = LocalBook()
        for first, last in deltas:
            assert book.delta(first, last, [], [], 0) == Told.WAITS
        assert book.snapshot(snapshot, [], [], 0) == told
        assert (book.sequence, book.is_whole) == (sequence, told is Told.CHANGED)
    book = LocalBook()
    book.snapshot(10, [], [], 0)
    assert book.delta(9, 10, [(1, 1)], [], 0) == Told.OLD
    assert book.delta(10, 11, [(1, 1)], [], 0) == Told.CHANGED
    assert book.delta(13, 13, [(2, 1)], [], 0) == Told.GAP
    assert (book.gaps, book.sequence, book.is_whole) == (1, 11, False)
    assert book.snapshot(12, [], [], 0) == Told.CHANGED
    assert book.bids(9) == [(2, 1)]
    assert book.snapshot(11, [], [], 0) == Told.OLD
