"""The native reader reads what the follower reads, frame by frame."""

import msgspec
import pytest

from steelyard.dialects.weex import follower, tables
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import BookDelta, BookSnapshot, Trade
from steelyard.trading.actions import BookMoved
from steelyard.trading.books import BookView
from steelyard.trading.feed import MarketFeed
from steelyard.wire.choice import new_reader
from steelyard.wire.dialect import ChannelKind

KINDS = frozenset({ChannelKind.BOOK, ChannelKind.TRADES})


def frames_of(venue) -> list[bytes]:
    """Return what the exchange tells of a market that moves."""
    number = venue.connect()
    told = venue.subscribe(number, "BTCUSDT@depth200", "BTCUSDT@trade")
    for turn in range(20):
        order = venue.place(price=str(49_000 + turn))
        venue.place(venue.other_key, side="SELL", price=str(49_000 + turn), quantity="0.004")
        venue.place(venue.other_key, side="SELL", price=str(51_000 + turn))
        if turn % 3 == 0:
            venue.call("DELETE", "/api/v3/order", orderId=order)
        venue.pass_time()
        told += venue.heard(number)
    return [msgspec.json.encode(each) for each in told]


def test_a_moving_market_is_read_the_same(venue):
    """Levels, numbers and trades; the reader takes every change of the book by itself."""
    frames, btc = frames_of(venue), venue.listings.symbol("BTC-USDT")
    reader = new_reader(*tables.market([btc]))
    if reader is None:
        pytest.skip("the native reader is not built")
    plain, behind = (follower.MarketFollower([btc], venue.listings, KINDS) for _ in range(2))
    native, view = MarketFeed(behind, [btc], reader), BookView(btc)
    moved = trades = 0
    for frame in frames:
        plain.receive(frame, venue.desk.now_ns)
        native.receive(frame, venue.desk.now_ns)
        (_, told), (_, seen) = plain.drain(), native.drain()
        assert [e for e in told if isinstance(e, Trade)] == [
            e for e in seen if isinstance(e, Trade)
        ]
        trades += sum(isinstance(event, Trade) for event in told)
        for event in told:
            if isinstance(event, BookSnapshot):
                view.snapshot(event, venue.desk.now_ns)
            elif isinstance(event, BookDelta):
                view.delta(event, venue.desk.now_ns)
        for event in seen:
            if isinstance(event, BookMoved):
                moved += 1
                book = native.books[btc.instrument_id]
                assert book.sequence == view.sequence
                for side, levels in ((book.bids, view.bids), (book.asks, view.asks)):
                    assert tuple(side(100)) == tuple(levels.first(100))
    assert trades == 20
    assert moved > 20, "the snapshot, and each turn's change"


def test_steps_that_are_too_fine_are_not_counted():
    fine = Instrument.spot(
        0,
        (1, "X"),
        (2, "Y"),
        tick_size="0.0000000000001",
        lot_size="100",
        price_max="1",
        size_max="1000",
        notional_min="0",
    )
    with pytest.raises(Unsupported, match="finer than 1e-12"):
        tables.steps(fine)
