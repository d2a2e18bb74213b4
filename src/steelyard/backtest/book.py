"""The book of a tape as a strategy sees it: `trading.books.BookView`, read from the machine.

It is always whole and never stale: what the recording left out is the report's to say. It shows
the user's own orders among the others, as a venue does.
"""

from collections.abc import Iterator
from typing import Any

from steelyard._native import Replay, Touch
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import Side
from steelyard.trading.books import BookState, BookView
from steelyard.wire.book import Pairs, Told


class ReplayBook:
    """The machine's book behind the protocol of `wire.book`; nobody tells it anything."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def snapshot(self, *_: Any) -> int:
        """Take nothing."""
        return Told.OLD

    def delta(self, *_: Any) -> int:
        """Take nothing."""
        return Told.OLD

    def reset(self) -> None:
        """Do nothing."""

    def bids(self, depth: int) -> Pairs:
        """Return up to `depth` bids, best first."""
        return self._levels(Side.BUY, depth)

    def asks(self, depth: int) -> Pairs:
        """Return up to `depth` asks, best first."""
        return self._levels(Side.SELL, depth)

    def walk(self, is_asks: bool, size_lots: int) -> tuple[int, int] | None:  # noqa: FBT001
        """Return (last price, sum of price times lots) of taking a size; None: too thin."""
        lots, total, last = self._replay.walk(Side.BUY if is_asks else Side.SELL, size_lots)
        return (last, total) if lots == size_lots else None

    @property
    def bid_ticks(self) -> int | None:
        """The best bid's price."""
        return self._replay.bid_ticks or None

    @property
    def bid_lots(self) -> int:
        """The best bid's size."""
        return self._replay.touch(True)[1]  # noqa: FBT003 with own orders

    @property
    def ask_ticks(self) -> int | None:
        """The best ask's price."""
        return self._replay.ask_ticks or None

    @property
    def ask_lots(self) -> int:
        """The best ask's size."""
        return self._replay.touch(True)[3]  # noqa: FBT003 with own orders

    @property
    def sequence(self) -> int:
        """How many events have been played."""
        return self._replay.events

    @property
    def time_ns(self) -> int:
        """The time of the last change: now."""
        return self._replay.now_ns

    @property
    def is_whole(self) -> bool:
        """Whether there are prices on both sides."""
        return bool(self._replay.bid_ticks and self._replay.ask_ticks)

    @property
    def counts(self) -> tuple[int, int]:
        """How many bids and asks there are; it counts them."""
        return len(self.bids(LEVELS)), len(self.asks(LEVELS))

    @property
    def gaps(self) -> int:
        """None: what the recording left out is told by its source."""
        return 0

    @property
    def odd_counts(self) -> tuple[int, int]:
        """None: a tape is in whole ticks."""
        return 0, 0

    @property
    def known_ticks(self) -> tuple[int | None, int | None]:
        """Everything that was recorded is known."""
        return None, None

    def _levels(self, side: Side, depth: int) -> Pairs:
        """Return the house's levels with the user's own orders among them."""
        replay = self._replay
        own: dict[int, int] = {}
        for at in replay.open_orders(0):
            times, price, trigger, size, filled, order_side, *_ = replay.order(at)
            if order_side == side and price and not trigger and times[1]:
                own[price] = own.get(price, 0) + size - filled
        found = replay.levels(side, depth)
        if not own:
            return found
        merged = dict(found)
        for price, lots in own.items():
            merged[price] = merged.get(price, 0) + lots
        return list(_first(merged, side, depth))


LEVELS = 1_000_000  # more than any book has


def _first(levels: dict[int, int], side: Side, depth: int) -> Iterator[tuple[int, int]]:
    for price in sorted(levels, reverse=side is Side.BUY)[:depth]:
        yield price, levels[price]


class ReplayBookView(Touch, BookView):
    """A view of it; what makes a live book doubtful does not happen here.

    Its best prices, which are looked at most, are read in Rust (`_native.Touch`).
    """

    def __init__(self, instrument: Instrument, replay: Replay) -> None:
        super().__init__(instrument)
        self.book = ReplayBook(replay)

    def state(self, now_ns: int) -> BookState:  # noqa: ARG002 it is never old
        """Return whether both sides have a price."""
        return BookState.LIVE if self.book.is_whole else BookState.WAITING
