from random import Random

import pytest

from steelyard.dialects.binance.client import BinanceClient
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import (
    SECOND_NS,
    BookDelta,
    BookQuery,
    BookSnapshot,
    Trade,
    TradeList,
    TradesQuery,
)
from steelyard.domain.order import Side
from steelyard.trading.actions import (
    Ask,
    ResetStream,
    Returned,
    Role,
    StreamDown,
    StreamUp,
    Told,
    Woken,
)
from steelyard.trading.books import STALE_NS
from steelyard.trading.follower import Follower
from steelyard.wire.outcome import Answered

BTC_USDT = Instrument.spot(
    3,
    (1, "BTC"),
    (2, "USDT"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="9000",
    notional_min="5",
)
START_NS = 1_700_000_000 * SECOND_NS
BOOK = BookSnapshot(3, 10, ((100, 5), (99, 5)), ((101, 5),), START_NS)


class Followed:
    """A follower, its clock, and a venue that answers when it is told to."""

    def __init__(self) -> None:
        self.follower = Follower(BTC_USDT, BinanceClient(), Random(1))
        self.now_ns = START_NS
        self.asked: list[Ask] = []
        self.reset = 0

    def take(self, event) -> None:
        for action in self.follower.step(event, self.now_ns):
            if isinstance(action, Ask):
                self.asked.append(action)
            elif isinstance(action, ResetStream):
                self.reset += 1

    def tell(self, *events) -> None:
        for event in events:
            self.take(Told(event))

    def wait(self, seconds: float) -> None:
        until_ns = self.now_ns + round(seconds * SECOND_NS)
        while (due_ns := self.follower.deadline_ns) is not None and due_ns <= until_ns:
            self.now_ns = max(self.now_ns + 1, due_ns)
            self.take(Woken())
        self.now_ns = until_ns
        self.take(Woken())

    def answer(self, kind: type, answer) -> None:
        found = next(ask for ask in self.asked if isinstance(ask.query, kind))
        self.asked.remove(found)
        self.take(Returned(found.request_id, Answered(answer), self.now_ns, self.now_ns))

    @property
    def trouble(self) -> str | None:
        return self.follower.trouble(self.now_ns)


def delta(sequence: int, *bids) -> BookDelta:
    return BookDelta(3, sequence, sequence, bids, (), START_NS)


def trade(number: int) -> Trade:
    return Trade(3, number, 100, 1, Side.SELL, START_NS + number)


@pytest.fixture
def followed() -> Followed:
    """One whose book is whole."""
    made = Followed()
    made.take(StreamUp(Role.MARKET))
    made.tell(delta(11, (100, 4)))
    made.wait(0.3)
    made.answer(BookQuery, BOOK)
    return made


def test_nothing_is_known_before_a_whole_book():
    made = Followed()
    assert made.trouble == "the market stream is not open yet"
    made.take(StreamUp(Role.MARKET))
    assert made.trouble == "the book has not been received yet"
    made.wait(0.3)
    made.answer(BookQuery, BOOK)
    assert made.trouble is None
    assert made.follower.book.bids.first(5) == [(100, 5), (99, 5)]


def test_what_waited_for_the_book_is_in_it(followed):
    assert followed.follower.book.bids.first(5) == [(100, 4), (99, 5)]
    followed.tell(delta(12, (99, 0)))
    assert followed.follower.book.bids.first(5) == [(100, 4)]
    assert followed.trouble is None


def test_a_gap_is_trouble_until_a_snapshot_mends_it(followed):
    followed.tell(delta(13, (100, 1)))
    assert followed.trouble == "the book has a gap; waiting for a new snapshot"
    followed.wait(1)
    followed.answer(BookQuery, BookSnapshot(3, 13, ((100, 1),), (), START_NS))
    assert followed.trouble is None


def test_a_silence_is_trouble_unless_the_venue_confirms_it(followed):
    followed.wait(STALE_NS / SECOND_NS / 2)
    followed.answer(BookQuery, BookSnapshot(3, 11, ((100, 4),), ((101, 5),), START_NS))
    followed.wait(STALE_NS / SECOND_NS / 2)
    assert followed.trouble is None
    followed.wait(STALE_NS / SECOND_NS)
    assert "the book is stale" in followed.trouble


def test_a_stream_that_owes_changes_again_and_again_is_opened_anew(followed):
    newer = BookSnapshot(3, 15, ((100, 9),), ((101, 5),), START_NS)
    followed.wait(STALE_NS / SECOND_NS / 2)
    for _ in range(3):
        followed.answer(BookQuery, newer)
        assert "behind" in followed.trouble
        followed.wait(1.1)
    assert followed.reset == 1


def test_a_stream_that_is_down_is_trouble_that_says_why(followed):
    followed.take(StreamDown(Role.MARKET, "refused"))
    assert followed.trouble == "the market stream is down: refused"


def test_trades_are_told_once_and_in_order(followed):
    followed.tell(trade(1), trade(2), trade(2), trade(3))
    assert [t.trade_id for t in followed.follower.trades()] == [1, 2, 3]
    assert followed.follower.trades() == []


def test_trades_that_were_missed_are_counted_and_not_told(followed):
    """What happens while the stream is gone is the past; what it tells afterwards is not."""
    followed.tell(trade(1))
    followed.take(StreamDown(Role.MARKET, "reset"))
    followed.take(StreamUp(Role.MARKET))
    followed.tell(trade(4))
    followed.answer(TradesQuery, TradeList((trade(2), trade(3), trade(4))))
    assert [t.trade_id for t in followed.follower.trades()] == [1, 4]
    assert followed.follower.missed == 2


def test_another_markets_news_is_nobodys(followed):
    followed.tell(BookDelta(1, 12, 12, ((100, 1),), (), START_NS))
    followed.take(StreamUp(Role.PRIVATE))
    assert followed.follower.book.bids.first(1) == [(100, 4)]
