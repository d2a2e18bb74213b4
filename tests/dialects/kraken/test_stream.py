"""The client's end of public channels: what it makes of lost and wrong messages."""

import pytest

from steelyard.dialects.kraken.stream import MarketFollower
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import BookSnapshot, Candle, Ticker, Trade
from steelyard.trading.books import BookView
from steelyard.wire.book import Told
from steelyard.wire.dialect import ChannelKind
from tests.shared.desk import BTC_USDT

BOOK = frozenset({ChannelKind.BOOK})
UNLISTED = (
    '{"channel":"trade","type":"update","data":[{"symbol":"A/B","side":"buy","price":1,"qty":1,'
    '"trade_id":1,"timestamp":"2024-03-11T20:48:46Z"}]}'
)


@pytest.fixture
def follower(venue):
    return MarketFollower([BTC_USDT], venue.desk.exchange.listings, BOOK)


def carry(venue, socket, follower):
    """Carry messages both ways, and return the events."""
    for frame in follower.drain()[0]:
        socket.line.receive(frame)
    for text in socket.hear_text():
        follower.receive(text, venue.desk.now_ns)
    return follower.drain()[1]


def test_a_book_that_went_wrong_is_not_trusted_until_it_has_come_anew(venue, follower):
    socket, view = venue.open(follower.target), BookView(BTC_USDT)
    follower.opened(0)
    for event in carry(venue, socket, follower):
        view.snapshot(event, 1)
    venue.add()
    venue.pass_time(1)
    for text in socket.hear_text():
        follower.receive(text.replace("0.01000000", "0.02000000"), venue.desk.now_ns)
    frames, events = follower.drain()
    assert ["unsubscribe" in frames[0], "subscribe" in frames[1]] == [True, True]
    assert view.delta(events[0], 1) is Told.GAP
    assert (view.needs_snapshot, follower.ready) == (True, False)
    for frame in frames:
        socket.line.receive(frame)
    (again,) = carry(venue, socket, follower)
    assert isinstance(again, BookSnapshot)
    view.snapshot(again, 1)
    assert (view.needs_snapshot, view.bids.first(5)) == (False, [(5_000_000, 1_000)])
    assert follower.ready


def test_all_kinds_come_through(venue):
    kinds = frozenset({ChannelKind.TRADES, ChannelKind.TICKER, ChannelKind.CANDLES})
    follower = MarketFollower([BTC_USDT], venue.desk.exchange.listings, kinds)
    socket = venue.open(follower.target)
    follower.opened(0)
    carry(venue, socket, follower)
    venue.add(venue.bob, type="sell")
    venue.add()
    venue.pass_time(2)
    events = {type(event): event for event in carry(venue, socket, follower)}
    assert events[Trade].price_ticks == events[Ticker].last_ticks == events[Candle].close_ticks
    assert events[Ticker].open_ticks == 5_000_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"method":"subscribe","success":false,"error":"no","time_in":"","time_out":""}',
        '{"channel":"book","type":"update","data":[{}]}',
        UNLISTED,
    ],
)
def test_what_cannot_be_is_no_event(follower, text):
    with pytest.raises(DecodeError):
        follower.receive(text, 0)
    assert follower.drain()[1] == []
