"""Five recorded minutes of BTCUSDT as a trader follows them: no gap, and the touch is the venue's.

The recording has no snapshot: a book begins empty before the first update, and what had rested at a
price before is not known until an update tells of it.
"""

from bisect import bisect_right
from collections import Counter
from typing import NamedTuple

import pytest
from recordings import streamed

from steelyard.dialects.binance import DIALECT, tables
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import BookDelta, BookSnapshot, Touch, Trade
from steelyard.trading.books import BookView
from steelyard.wire.dialect import ChannelKind
from steelyard.wire.tables import MessageKind
from tests.shared.desk import BTC_USDT

RECORDING = "binance/spot_btcusdt_20240809.jsonl.gz"
LISTINGS = Listings([BTC_USDT])
KINDS = frozenset({ChannelKind.BOOK, ChannelKind.TRADES, ChannelKind.TOUCH})
WARM_NS = 60 * 10**9
RESTED_BEFORE = "a level of before the recording, which no update had told of until one removed it"

Level = tuple[int, int] | None  # price_ticks, size_lots


class Seen(NamedTuple):
    """The best bid and ask of a book at a sequence."""

    sequence: int
    bid: Level
    ask: Level


class Followed:
    """What a way of following the recording has heard."""

    def __init__(self) -> None:
        self.touches: list[Seen] = []
        self.books: list[Seen] = []  # after each update, once warm
        self.first_sizes: dict[tuple[str, int], int] = {}  # that an update told, by side and price
        self.trade_ids: list[int] = []
        self.deltas = self.gaps = 0
        self._begin_ns: int | None = None

    def touch(self, sequence: int, bid: Level, ask: Level) -> None:
        self.touches.append(Seen(sequence, bid, ask))

    def delta(self, local_ns: int, sequence: int, sides, best: tuple[Level, Level]) -> None:
        self._begin_ns = local_ns if self._begin_ns is None else self._begin_ns
        self.deltas += 1
        for name, levels in zip(("bid", "ask"), sides, strict=True):
            for price_ticks, size_lots in levels:
                self.first_sizes.setdefault((name, price_ticks), size_lots)
        if local_ns - self._begin_ns >= WARM_NS:
            self.books.append(Seen(sequence, *best))

    def unlike(self) -> list[str]:
        """Return why the touch is not the last bookTicker's, for each update where it is not."""
        sequences = [touch.sequence for touch in self.touches]
        assert sequences == sorted(sequences)
        reasons = []
        for book in self.books:
            venues = self.touches[bisect_right(sequences, book.sequence) - 1]
            for name in ("bid", "ask"):
                told = getattr(venues, name)
                if getattr(book, name) != told:
                    is_first_told_gone = self.first_sizes.get((name, told[0])) == 0
                    reasons.append(RESTED_BEFORE if is_first_told_gone else f"{book}, {venues}")
        return reasons


def by_the_session(lines) -> Followed:
    """Follow through the client's session and the trader's book."""
    session = DIALECT.client.market_session([BTC_USDT], LISTINGS, KINDS)
    session.opened(0)
    view, followed = BookView(BTC_USDT), Followed()
    for local_ns, frame in lines:
        session.receive(frame, local_ns)
        _, (event,) = session.drain()
        match event:
            case Trade():
                followed.trade_ids.append(event.trade_id)
            case Touch():
                bid = (event.bid_ticks, event.bid_lots)
                followed.touch(event.sequence, bid, (event.ask_ticks, event.ask_lots))
            case BookDelta():
                if followed.deltas == 0:
                    empty = BookSnapshot(0, event.first_sequence - 1, (), (), local_ns)
                    view.snapshot(empty, local_ns)
                view.delta(event, local_ns)
                best = tuple(next(iter(side.first(1)), None) for side in (view.bids, view.asks))
                sides = (event.bids, event.asks)
                followed.delta(local_ns, view.sequence, sides, best)
    followed.gaps = view.gaps
    return followed


def by_the_native_reader(lines) -> Followed:
    """Follow through the reader that keeps the book itself."""
    reader = pytest.importorskip("steelyard.wire.reader", reason="no native module was built")
    scanner = reader.MarketReader(tables.MARKET, [tables.steps(BTC_USDT)])
    book, followed = scanner.book(0), Followed()
    for local_ns, frame in lines:
        kind, _, *told = scanner.scan(frame)
        match kind:
            case MessageKind.TRADE:
                followed.trade_ids.append(told[0])
            case MessageKind.TOUCH:
                followed.touch(told[0], (told[1], told[2]), (told[3], told[4]))
            case MessageKind.DELTA:
                first, _, bids, asks, *_ = told
                if followed.deltas == 0:
                    book.snapshot(first - 1, [], [], 0)
                assert scanner.receive(frame) == reader.Told.CHANGED
                best = tuple(next(iter(side(1)), None) for side in (book.bids, book.asks))
                followed.delta(local_ns, book.sequence, (bids, asks), best)
    followed.gaps = book.gaps
    return followed


@pytest.mark.parametrize(
    "follow", [pytest.param(by_the_session, marks=pytest.mark.slow), by_the_native_reader]
)
def test_the_touch_of_a_recording_is_the_venues(shared_data, follow):
    """At each update the best levels are those of the last bookTicker with `u` up to its own."""
    followed = follow(streamed(shared_data / RECORDING))
    counts = (followed.deltas, len(followed.trade_ids), len(followed.touches))
    assert counts == (3_044, 10_147, 45_134)
    assert followed.gaps == 0
    first, last = followed.trade_ids[0], followed.trade_ids[-1]
    assert followed.trade_ids == [*range(first, last + 1)]
    assert len(followed.books) == 2_444
    reasons = followed.unlike()
    assert Counter(reasons) == {RESTED_BEFORE: 2}
    assert len(reasons) * 1_000 <= len(followed.books)
