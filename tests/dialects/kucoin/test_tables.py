"""The native reader reads what the follower reads, frame by frame."""

import msgspec
import pytest

from steelyard.dialects.kucoin import follower, tables
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import BookDelta, Trade
from steelyard.trading.actions import BookMoved
from steelyard.trading.feed import MarketFeed
from steelyard.wire.book import LocalBook
from steelyard.wire.choice import new_reader
from steelyard.wire.dialect import ChannelKind
from tests.dialects.kucoin import recorded
from tests.shared.desk import BTC_USDT

KINDS = frozenset({ChannelKind.BOOK, ChannelKind.TRADES})
UPDATE = b'{"type":"message","topic":"/market/level2:X","subject":"trade.l2update","data":{}}'
T0 = 1_700_000_000 * 10**9


def pair(instruments, listings):
    """Return a plain session, and one with the native reader before it."""
    reader = new_reader(*tables.market(instruments))
    if reader is None:
        pytest.skip("the native reader is not built")
    plain, behind = (follower.MarketFollower(instruments, listings, KINDS) for _ in range(2))
    return plain, MarketFeed(behind, instruments, reader)


def test_a_captured_day_is_read_the_same(shared_data):
    """2,834 changes of books and every trade of 2021, levels and all."""
    listings = recorded.listings_of(shared_data)
    frames = recorded.frames_of(shared_data, listings)
    named = {
        msgspec.json.decode(frame).get("topic", "").partition(":")[2]
        for frame in frames
        if b'"topic":"/market/level2' in frame
    }
    instruments = [listings.symbol(symbol) for symbol in sorted(named) if listings.find(symbol)]
    plain, native = pair(instruments, listings)
    books = {each.instrument_id: LocalBook() for each in instruments}
    for book in (*books.values(), *native.books.values()):
        book.snapshot(0, (), (), 0)
    begun = set()
    trades, changes = 0, 0
    for frame in frames:
        if b'"type":"message"' not in frame or b"/market/ticker" in frame:
            continue
        plain.receive(frame, T0)
        (_, told) = plain.drain()
        for event in told:
            if isinstance(event, BookDelta) and event.instrument_id not in begun:
                begun.add(event.instrument_id)
                for book in (books[event.instrument_id], native.books[event.instrument_id]):
                    book.snapshot(event.first_sequence - 1, (), (), 0)
        native.receive(frame, T0)
        (_, seen) = native.drain()
        assert len(told) == len(seen), frame
        for event, one in zip(told, seen, strict=True):
            if isinstance(event, Trade):
                assert event == one
                trades += 1
                continue
            changes += 1
            assert isinstance(one, BookMoved)
            book = books[event.instrument_id]
            became = book.delta(
                event.first_sequence, event.last_sequence, event.bids, event.asks, event.time_ns
            )
            assert became == one.became, frame
    for number, book in books.items():
        other = native.books[number]
        assert (book.bids(50), book.asks(50)) == (list(other.bids(50)), list(other.asks(50)))
        assert book.sequence == other.sequence
    assert changes > 2_500
    assert trades > 5


def test_garbage_is_the_one_error():
    _, native = pair([BTC_USDT], Listings([BTC_USDT]))
    for garbage in (b"", b"{", UPDATE):
        with pytest.raises(DecodeError):
            native.receive(garbage, T0)


def test_steps_that_are_too_fine_are_left_to_python():
    fine = msgspec.structs.replace(BTC_USDT, tick_lot_atoms=1, lot_atoms=10**12 * 10**3)
    with pytest.raises(Unsupported):
        tables.steps(fine)
