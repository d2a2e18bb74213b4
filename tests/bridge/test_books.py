"""The book as it was told, and what is told next."""

import asyncio

import pytest
from fake_ccxt import Stand
from hypothesis import given
from hypothesis import strategies as st

from steelyard.bridge.books import DEPTH, FRESH_NS
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import BookDelta, BookSnapshot
from steelyard.trading.books import BookState, BookView

HALF = st.dictionaries(st.integers(1, 200), st.integers(1, 50), max_size=40)


def book(bids: dict, asks: dict) -> dict:
    return {
        "bids": [[p / 100, s / 1000] for p, s in sorted(bids.items(), reverse=True)],
        "asks": [[p / 100, s / 1000] for p, s in sorted(asks.items())],
        "timestamp": 5_000,
    }


def loaded() -> Stand:
    stand = Stand()
    asyncio.run(stand.session.load())
    return stand


@given(st.lists(st.tuples(HALF, HALF), min_size=1, max_size=8))
def test_a_trader_who_follows_has_the_book(books):
    """Snapshot and changes come to what the library showed last, as deep as it is known."""
    stand = loaded()
    view = BookView(stand.session.instrument)
    for bids, asks in books:
        event = stand.books.take(book(bids, asks))
        match event:
            case BookSnapshot():
                view.snapshot(event, 1)
            case BookDelta():
                view.delta(event, 1)
    assert view.gaps == 0
    for side, real, sign in ((view.bids, books[-1][0], 1), (view.asks, books[-1][1], -1)):
        known = side.known_ticks
        assert dict(side.first(DEPTH)) == {
            price: size * 100
            for price, size in real.items()
            if known is None or (price - known) * sign >= 0
        }


def test_a_long_side_is_known_as_far_as_it_is_told():
    """A library cuts books off; a short side is all that there is."""
    stand = loaded()
    told = stand.books.take(book(dict.fromkeys(range(1, 31), 1), dict.fromkeys(range(40, 45), 1)))
    assert (told.known_bid_ticks, told.known_ask_ticks) == (1, None)


def test_a_book_that_has_not_changed_tells_nothing():
    stand = loaded()
    assert stand.books.take(book({1: 1}, {2: 1})) is not None
    assert stand.books.take(book({1: 1}, {2: 1})) is None


def test_after_a_break_it_is_told_as_a_whole_and_is_newer():
    stand = loaded()
    first = stand.books.take(book({1: 1}, {2: 1}))
    stand.books.forget()
    again = stand.books.take(book({1: 1}, {2: 1}))
    assert isinstance(again, BookSnapshot)
    assert again.sequence > first.sequence


def test_what_is_no_book_is_refused():
    stand = loaded()
    with pytest.raises(DecodeError):
        stand.books.take({"bids": [["x", 1]], "asks": []})


# -- asked for ------------------------------------------------------------------------------------


def test_a_fresh_book_is_answered_without_asking():
    stand = loaded()
    told = stand.books.take(stand.exchange.book)
    assert asyncio.run(stand.books.answer()) == told
    assert stand.exchange.calls["fetch_order_book"] == 0


def test_a_silent_book_is_compared_and_confirmed():
    stand = loaded()
    told = stand.books.take(stand.exchange.book)
    stand.books._heard_ns -= 2 * FRESH_NS
    assert asyncio.run(stand.books.answer()).sequence == told.sequence
    assert stand.exchange.calls["fetch_order_book"] == 1


def test_a_silent_book_that_is_wrong_is_owed_changes():
    """The trader trusts it no more, until the stream tells."""
    stand = loaded()
    view = BookView(stand.session.instrument)
    view.snapshot(stand.books.take(stand.exchange.book), 1)
    stand.books._heard_ns -= 2 * FRESH_NS
    stand.exchange.book = {"bids": [[99.0, 1.0]], "asks": [[101.0, 2.0]]}
    answer = asyncio.run(stand.books.answer())
    assert not view.confirm(answer, 2)
    assert "behind the venue's" in view.trouble(2)
    view.delta(stand.books.take(stand.exchange.book), 3)
    assert view.trouble(3) is None


def test_without_a_stream_it_is_what_was_asked_for():
    stand = loaded()
    answer = asyncio.run(stand.books.answer())
    assert (answer.bids, answer.asks) == (((10_000, 100_000),), ((10_100, 200_000),))


def test_a_market_that_wanders_off_takes_what_is_known_along():
    """Before it leaves what the first snapshot knew, the book is told as a whole again."""
    stand = loaded()
    view = BookView(stand.session.instrument)
    told = []
    for at in range(1_000, 1_100):
        bids, asks = dict.fromkeys(range(at - 20, at), 1), dict.fromkeys(range(at, at + 20), 1)
        event = stand.books.take(book(bids, asks))
        told.append(type(event))
        if isinstance(event, BookSnapshot):
            view.snapshot(event, 1)
        else:
            view.delta(event, 1)
        assert view.state(1) is BookState.LIVE
    assert told.count(BookSnapshot) == 10
    assert told.count(BookDelta) == 90
    assert view.gaps == 0
