"""One instrument's book kept from a venue's snapshots and deltas, joined by sequence.

The invariant: what it shows is the venue's book as it was at `sequence`, or `is_whole` is false.
Deltas that come before the snapshot wait for it. One that does not begin where the last ended is
a gap: from then on only a snapshot helps. How far the levels are known is part of the book: what
lies beyond is kept for changes to come, and not shown.

The rules are those of venues that number every update (Binance: "How to manage a local order book
correctly"). A snapshot from just before the first delta is taken as well, because nothing lies
between the two; and a delta that ends where the book is brings nothing.

`LocalBook` is the specification of the native `MarketBook`, which serves where it was built. It
asks for nothing, reads no clock and does not judge how old a book is.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import islice
from typing import NamedTuple, Protocol

from steelyard.domain.messages import OddLevel
from steelyard.domain.order import Side

WAITING_MAX = 1_000  # deltas kept while a snapshot is on its way; more: begin again
LEVELS_MAX = 10_000  # per side; beyond it the worst leave
ODD_LEVELS_MAX = 10_000  # off the tick, per side; beyond it others are passed over
TICKS_MAX = 2**53

Pairs = Sequence[tuple[int, int]]


class Told(IntEnum):
    """What a message was, and what became of it; the numbers are those of the native reader."""

    PASSED_OVER = 0  # none of the table's kinds
    CHANGED = 1  # the book has changed
    OLD = 2  # it was in the book already
    WAITS = 3  # kept until a snapshot comes
    GAP = 4  # updates are missing: ask for a snapshot
    TRADE = 5  # see `trade`
    TOUCH = 6  # see `touch`
    WHOLE = 7  # a whole book has come on the stream


class Book(Protocol):
    """A book that keeps itself right, or says that it is not; prices in ticks, sizes in lots."""

    def snapshot(
        self,
        sequence: int,
        bids: Pairs,
        asks: Pairs,
        time_ns: int,
        odd_bids: Sequence[OddLevel] = (),
        odd_asks: Sequence[OddLevel] = (),
        known_bid_ticks: int | None = None,
        known_ask_ticks: int | None = None,
    ) -> int:
        """Take a whole book, and the deltas that waited for it; return a `Told`."""
        ...

    def delta(
        self,
        first: int,
        last: int,
        bids: Pairs,
        asks: Pairs,
        time_ns: int,
        odd_bids: Sequence[OddLevel] = (),
        odd_asks: Sequence[OddLevel] = (),
    ) -> int:
        """Take a change, whole or not at all; return a `Told`."""
        ...

    def reset(self) -> None:
        """The stream begins anew: what came before may not join up."""
        ...

    def bids(self, depth: int) -> Pairs:
        """Return up to `depth` bids of those that are known, best first."""
        ...

    def asks(self, depth: int) -> Pairs:
        """Return up to `depth` asks of those that are known, best first."""
        ...

    def walk(self, is_asks: bool, size_lots: int) -> tuple[int, int] | None:  # noqa: FBT001
        """Return (last price, sum of price times lots) of taking a size; None: not known to be."""
        ...

    @property
    def bid_ticks(self) -> int | None:
        """The best bid's price."""
        ...

    @property
    def bid_lots(self) -> int:
        """The best bid's size, 0 where nobody buys."""
        ...

    @property
    def ask_ticks(self) -> int | None:
        """The best ask's price."""
        ...

    @property
    def ask_lots(self) -> int:
        """The best ask's size, 0 where nobody sells."""
        ...

    @property
    def sequence(self) -> int:
        """The last update that is in the book."""
        ...

    @property
    def time_ns(self) -> int:
        """The venue's time of the last change."""
        ...

    @property
    def gaps(self) -> int:
        """How often updates were missing."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether the levels are the venue's."""
        ...

    @property
    def counts(self) -> tuple[int, int]:
        """How many bids and asks are kept."""
        ...

    @property
    def odd_counts(self) -> tuple[int, int]:
        """How many bids and asks are off the tick."""
        ...

    @property
    def known_ticks(self) -> tuple[int | None, int | None]:
        """Down to which bid and up to which ask every level is known; None: there are no others."""
        ...


class Levels:
    """One side: size by price, and the prices in order, best first.

    What rests off the tick is added to what rests at the tick where it is shown.
    """

    __slots__ = ("_keys", "_odd", "_odd_at", "_sign", "_sizes", "known_ticks")

    def __init__(self, side: Side) -> None:
        self._sign = -int(side)  # keys ascend from the best price
        self._sizes: dict[int, int] = {}
        self._keys: list[int] = []
        self._odd: dict[int, OddLevel] = {}  # by their own price
        self._odd_at: dict[int, int] = {}  # how much of them is shown at a tick
        self.known_ticks: int | None = None

    def replace(
        self,
        levels: Iterable[tuple[int, int]],
        odd: Iterable[OddLevel] = (),
        known_ticks: int | None = None,
    ) -> None:
        """Forget everything but these (price_ticks, size_lots)."""
        self._sizes = {price: lots for price, lots in levels if lots}
        self._keys = sorted(price * self._sign for price in self._sizes)
        self._odd, self._odd_at, self.known_ticks = {}, {}, known_ticks
        for level in odd:
            self.change_odd(level)

    def change(self, price_ticks: int, size_lots: int) -> None:
        """Set the size at a price; 0 removes."""
        if self._odd_at:
            size_lots += self._odd_at.get(price_ticks, 0)
        key = price_ticks * self._sign
        if price_ticks in self._sizes:
            if size_lots:
                self._sizes[price_ticks] = size_lots
            else:
                del self._sizes[price_ticks]
                del self._keys[bisect_left(self._keys, key)]
        elif size_lots:
            self._sizes[price_ticks] = size_lots
            self._keys.insert(bisect_left(self._keys, key), key)
            if len(self._keys) > LEVELS_MAX:
                self._drop_worst()

    def change_odd(self, level: tuple[int, int, int]) -> None:
        """Set the size at a price off the tick; 0 removes."""
        price, price_ticks, size_lots = level
        before = self._odd[price].size_lots if price in self._odd else 0
        if not before and (not size_lots or len(self._odd) >= ODD_LEVELS_MAX):
            return
        shown = self._odd_at.get(price_ticks, 0)
        own = self._sizes.get(price_ticks, 0) - shown
        if size_lots:
            self._odd[price] = OddLevel(price, price_ticks, size_lots)
        else:
            del self._odd[price]
        if shown := shown - before + size_lots:
            self._odd_at[price_ticks] = shown
        else:
            del self._odd_at[price_ticks]
        self.change(price_ticks, own)

    @property
    def best_ticks(self) -> int | None:
        """The best price, or None where nothing rests."""
        return self._keys[0] * self._sign if self._keys else None

    @property
    def best_lots(self) -> int:
        """The size at the best price, 0 where nothing rests."""
        return self._sizes[self._keys[0] * self._sign] if self._keys else 0

    @property
    def odd_count(self) -> int:
        """How many levels are off the tick."""
        return len(self._odd)

    def first(self, depth: int) -> list[tuple[int, int]]:
        """Return the best levels that are known, as (price_ticks, size_lots)."""
        return [*islice(self._known(), depth)]

    def walk(self, size_lots: int) -> tuple[int, int] | None:
        """Return (last price_ticks, sum of price times lots) of taking a size, or None: too thin.

        The sum is in ticks times lots.
        """
        total = 0
        for price, there in self._known():
            lots = min(size_lots, there)
            total += price * lots
            size_lots -= lots
            if size_lots == 0:
                return price, total
        return None

    def __len__(self) -> int:
        return len(self._keys)

    def _known(self) -> Iterator[tuple[int, int]]:
        last = None if self.known_ticks is None else self.known_ticks * self._sign
        for key in self._keys:
            if last is not None and key > last:
                return
            price = key * self._sign
            yield price, self._sizes[price]

    def _drop_worst(self) -> None:
        key = self._keys.pop()
        price_ticks = key * self._sign
        del self._sizes[price_ticks]
        if self._odd_at.pop(price_ticks, None):
            kept = {p: odd for p, odd in self._odd.items() if odd.price_ticks != price_ticks}
            self._odd = kept
        known_ticks = min(max((key - 1) * self._sign, 0), TICKS_MAX)
        if self.known_ticks is None or self.known_ticks * self._sign > known_ticks * self._sign:
            self.known_ticks = known_ticks


class _Delta(NamedTuple):
    """A delta that waits for a snapshot."""

    first: int
    last: int
    bids: Pairs
    asks: Pairs
    time_ns: int
    odd_bids: Sequence[OddLevel]
    odd_asks: Sequence[OddLevel]


class LocalBook:
    """A book in Python."""

    def __init__(self) -> None:
        self.sequence = 0
        self.time_ns = 0
        self.gaps = 0
        self.is_whole = False
        self._bids = Levels(Side.BUY)
        self._asks = Levels(Side.SELL)
        self._waiting: deque[_Delta] = deque()

    def snapshot(
        self,
        sequence: int,
        bids: Pairs,
        asks: Pairs,
        time_ns: int,
        odd_bids: Sequence[OddLevel] = (),
        odd_asks: Sequence[OddLevel] = (),
        known_bid_ticks: int | None = None,
        known_ask_ticks: int | None = None,
    ) -> Told:
        """Take a whole book, and the deltas that waited for it."""
        if self.is_whole and sequence < self.sequence:
            return Told.OLD
        # A snapshot from before the first delta we kept leaves a hole between the two.
        if self._waiting and self._waiting[0].first > sequence + 1:
            return Told.WAITS
        waiting, self._waiting = self._waiting, deque()
        self._bids.replace(bids, odd_bids, known_bid_ticks)
        self._asks.replace(asks, odd_asks, known_ask_ticks)
        self.sequence, self.time_ns, self.is_whole = sequence, time_ns, True
        for delta in waiting:
            self.delta(*delta)
        return Told.CHANGED if self.is_whole else Told.GAP

    def delta(
        self,
        first: int,
        last: int,
        bids: Pairs,
        asks: Pairs,
        time_ns: int,
        odd_bids: Sequence[OddLevel] = (),
        odd_asks: Sequence[OddLevel] = (),
    ) -> Told:
        """Take a change, whole or not at all."""
        if not self.is_whole:
            if len(self._waiting) >= WAITING_MAX:
                self._waiting.clear()
            self._waiting.append(_Delta(first, last, bids, asks, time_ns, odd_bids, odd_asks))
            return Told.WAITS
        if last <= self.sequence:
            return Told.OLD  # told twice, or in the snapshot already
        if first > self.sequence + 1:
            self.gaps += 1
            self.reset()
            self._waiting.append(_Delta(first, last, bids, asks, time_ns, odd_bids, odd_asks))
            return Told.GAP
        for price, lots in bids:
            self._bids.change(price, lots)
        for price, lots in asks:
            self._asks.change(price, lots)
        for odd in odd_bids:
            self._bids.change_odd(odd)
        for odd in odd_asks:
            self._asks.change_odd(odd)
        self.sequence, self.time_ns = last, time_ns
        return Told.CHANGED

    def reset(self) -> None:
        """The stream begins anew: what came before may not join up."""
        self.is_whole = False
        self._waiting.clear()

    def bids(self, depth: int) -> list[tuple[int, int]]:
        """Return up to `depth` bids of those that are known, best first."""
        return self._bids.first(depth)

    def asks(self, depth: int) -> list[tuple[int, int]]:
        """Return up to `depth` asks of those that are known, best first."""
        return self._asks.first(depth)

    def walk(self, is_asks: bool, size_lots: int) -> tuple[int, int] | None:  # noqa: FBT001 as there
        """Return (last price, sum of price times lots) of taking a size; None: not known to be."""
        return (self._asks if is_asks else self._bids).walk(size_lots)

    @property
    def bid_ticks(self) -> int | None:
        """The best bid's price."""
        return self._bids.best_ticks

    @property
    def bid_lots(self) -> int:
        """The best bid's size, 0 where nobody buys."""
        return self._bids.best_lots

    @property
    def ask_ticks(self) -> int | None:
        """The best ask's price."""
        return self._asks.best_ticks

    @property
    def ask_lots(self) -> int:
        """The best ask's size, 0 where nobody sells."""
        return self._asks.best_lots

    @property
    def counts(self) -> tuple[int, int]:
        """How many bids and asks are kept."""
        return len(self._bids), len(self._asks)

    @property
    def odd_counts(self) -> tuple[int, int]:
        """How many bids and asks are off the tick."""
        return self._bids.odd_count, self._asks.odd_count

    @property
    def known_ticks(self) -> tuple[int | None, int | None]:
        """Down to which bid and up to which ask every level is known; None: there are no others."""
        return self._bids.known_ticks, self._asks.known_ticks
