"""The book of a tape, as a strategy sees it in the middle of a run."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from steelyard.backtest.columns import EVENT, EventKind, Tape
from steelyard.backtest.run import Run
from steelyard.backtest.settings import Settings
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS
from steelyard.trading.books import BookState
from steelyard.trading.strategy import Strategy

MARKET = Instrument.spot(
    0,
    (1, "BTC"),
    (2, "USDT"),
    tick_size="1",
    lot_size="1",
    price_max="1000",
    size_max="1000",
    notional_min="0",
)
EVENTS = [
    (1, EventKind.BID_LEVEL, 99, 5),
    (1, EventKind.BID_LEVEL, 97, 7),
    (2, EventKind.ASK_LEVEL, 101, 4),
    (2, EventKind.ASK_LEVEL, 103, 6),
    (3, EventKind.SELL_TRADE, 99, 2),
    (4, EventKind.BUY_TRADE, 101, 4),
    (9, EventKind.BID_LEVEL, 98, 1),
]


def tape(rows=EVENTS) -> Tape:
    """Return a tape of (second, kind, tick, lots)."""
    records = np.array([(s * SECOND_NS, lots, tick, kind) for s, kind, tick, lots in rows], EVENT)
    return Tape(MARKET, lambda: iter([records[:3], records[3:]]))


class Looks(Strategy):
    """Notes what it sees."""

    def on_start(self):
        self.seen, self.trades = [], []

    def on_book(self, book):
        self.seen.append((self.now_ns // SECOND_NS, book.bids.first(3), book.asks.first(3)))
        if book.best_bid is not None and not self.open_orders:
            self.buy("3", "97")

    def on_trade(self, trade):
        self.trades.append((trade.time_ns // SECOND_NS, trade.price_ticks, trade.size_lots))


def run(strategy: Strategy, data: Tape | None = None) -> Run:
    """Play a tape to a strategy."""
    made = Run(strategy, data or tape(), Settings(deposits={"USDT": Decimal(10_000)}))
    made.go(lambda: 0.0)
    return made


def test_it_shows_the_levels_as_they_were_with_own_orders_among_them():
    """Each moment has its book; the order that rests is in it, as at a venue."""
    looks = Looks()
    run(looks)
    assert looks.seen[0] == (2, [(99, 5), (97, 7)], [(101, 4), (103, 6)]), "it begins with both"
    assert looks.seen[-1] == (9, [(99, 3), (98, 1), (97, 10)], [(103, 6)])
    assert looks.trades == [(3, 99, 2), (4, 101, 4)]


def test_the_touch_the_walk_and_the_state():
    """What a strategy asks of a book is answered from the machine."""

    class Asks(Strategy):
        def on_start(self):
            self.noted = []
            self.every("1s")

        def on_timer(self, timer):
            book = self.book
            self.noted.append(
                (
                    timer.due_ns // SECOND_NS,
                    book.best_bid,
                    book.best_ask,
                    book.asks.walk(5),
                    book.asks.walk(50),
                    book.state(self.now_ns),
                    book.sequence,
                )
            )

    asks = Asks()
    run(asks)
    by_second = {row[0]: row[1:] for row in asks.noted}
    # The last price, and price times lots of taking five: four at 101 and one at 103.
    assert by_second[3] == (Decimal(99), Decimal(101), (103, 507), None, BookState.LIVE, 5)
    assert by_second[8][:2] == (Decimal(99), Decimal(103))


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_blocks_may_end_anywhere(size):
    """What a strategy sees does not depend on how a tape was cut."""

    def cut() -> Iterator[Any]:
        whole = np.concatenate([*tape().blocks()])
        return (whole[at : at + size] for at in range(0, len(whole), size))

    whole, parts = Looks(), Looks()
    run(whole)
    run(parts, Tape(MARKET, cut))
    assert (parts.seen, parts.trades) == (whole.seen, whole.trades)


def test_a_book_without_a_side_is_not_one_to_trade_on():
    class Waits(Strategy):
        def on_start(self):
            self.states = []

        def on_book(self, book):
            self.states.append((book.trouble(self.now_ns), book.mid))

    waits = Waits()
    gone, back = (3, EventKind.ASK_LEVEL, 101, 0), (4, EventKind.ASK_LEVEL, 103, 1)
    run(waits, tape([*EVENTS[:3], gone, back]))
    assert waits.states == [
        (None, Decimal(100)),
        ("the book has not been received yet", None),
        (None, Decimal(101)),
    ]
