"""A book as a trader sees it: snapshot plus deltas by sequence, and honest about its age.

The invariant: what `levels` shows is the venue's book as it was at `sequence`, or `trouble`
says why not. A delta that does not begin where the last ended is a gap: the book is then
empty-handed until a snapshot comes (`needs_snapshot`). A venue that says nothing may have
nothing to say, so silence alone only makes the book `quiet`: whoever reads it compares with a
snapshot and calls `confirm`. It asks for nothing itself, and it reads no clock.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import SECOND_NS, BookDelta, BookSnapshot
from steelyard.domain.order import Side
from steelyard.domain.units import in_full

QUIET_NS = 5 * SECOND_NS  # after this long without news, ask whether there is any
STALE_NS = 10 * SECOND_NS  # after this long without news or a confirmation, trust nothing
WAITING_MAX = 1_000  # deltas kept while a snapshot is on its way; more: begin again
LEVELS_MAX = 10_000  # per side; beyond it the worst leave


class Levels:
    """One side: size by price, and the prices in order, best first."""

    __slots__ = ("_keys", "_sign", "_sizes")

    def __init__(self, side: Side) -> None:
        self._sign = -int(side)  # keys ascend from the best price
        self._sizes: dict[int, int] = {}
        self._keys: list[int] = []

    def replace(self, levels: Iterable[tuple[int, int]]) -> None:
        """Forget everything but these (price_ticks, size_lots)."""
        self._sizes = {price: lots for price, lots in levels if lots}
        self._keys = sorted(price * self._sign for price in self._sizes)

    def change(self, price_ticks: int, size_lots: int) -> None:
        """Set the size at a price; 0 removes."""
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
                del self._sizes[self._keys.pop() * self._sign]

    @property
    def best_ticks(self) -> int | None:
        """The best price, or None where nothing rests."""
        return self._keys[0] * self._sign if self._keys else None

    def first(self, depth: int) -> list[tuple[int, int]]:
        """Return the best levels as (price_ticks, size_lots)."""
        prices = (key * self._sign for key in self._keys[:depth])
        return [(price, self._sizes[price]) for price in prices]

    def walk(self, size_lots: int) -> tuple[int, int] | None:
        """Return (last price_ticks, sum of price times lots) of taking a size, or None: too thin.

        The sum is in ticks times lots.
        """
        total = 0
        for key in self._keys:
            price = key * self._sign
            lots = min(size_lots, self._sizes[price])
            total += price * lots
            size_lots -= lots
            if size_lots == 0:
                return price, total
        return None

    def __len__(self) -> int:
        return len(self._keys)


class BookView:
    """One instrument's book."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.bids = Levels(Side.BUY)
        self.asks = Levels(Side.SELL)
        self.sequence = 0
        self.time_ns = 0  # the venue's, of the last change
        self.gaps = 0
        self._owed_sequence = 0  # the venue is known to be this far
        self._heard_ns: int | None = None  # when the book was last known to be right, our clock
        self._is_whole = False
        self._waiting: deque[BookDelta] = deque()

    def reset(self) -> None:
        """The stream begins anew: what came before may not join up."""
        self._is_whole = False
        self._waiting.clear()

    def snapshot(self, snapshot: BookSnapshot, now_ns: int) -> None:
        """Take a whole book and the deltas that waited for it."""
        if self._is_whole and snapshot.sequence < self.sequence:
            return  # older than what we have
        waiting, self._waiting = self._waiting, deque()
        # A snapshot from before the first delta we kept leaves a hole between the two.
        if waiting and waiting[0].first_sequence > snapshot.sequence + 1:
            self._waiting = waiting
            return
        self.bids.replace(snapshot.bids)
        self.asks.replace(snapshot.asks)
        self.sequence, self.time_ns = snapshot.sequence, snapshot.time_ns
        self._is_whole, self._heard_ns, self._owed_sequence = True, now_ns, 0
        for delta in waiting:
            self.delta(delta, now_ns)

    def delta(self, delta: BookDelta, now_ns: int) -> bool:
        """Take a change; return whether the book has changed by it."""
        if not self._is_whole:
            if len(self._waiting) >= WAITING_MAX:
                self._waiting.clear()
            self._waiting.append(delta)
            return False
        if delta.last_sequence <= self.sequence:
            return False  # told twice, or in the snapshot already
        if delta.first_sequence > self.sequence + 1:
            self.gaps += 1
            self._is_whole = False
            self._waiting.clear()
            self._waiting.append(delta)
            return False
        for price, lots in delta.bids:
            self.bids.change(price, lots)
        for price, lots in delta.asks:
            self.asks.change(price, lots)
        self.sequence, self.time_ns, self._heard_ns = delta.last_sequence, delta.time_ns, now_ns
        return True

    def confirm(self, snapshot: BookSnapshot, now_ns: int) -> bool:
        """Compare with a snapshot asked for in a silence; False: the stream owes us changes.

        Until it has told them the book is not to be traded on.
        """
        if not self._is_whole or snapshot.sequence > self.sequence:
            self._owed_sequence = snapshot.sequence
            return False
        self._heard_ns = now_ns
        return True

    @property
    def needs_snapshot(self) -> bool:
        """Whether nothing but a snapshot helps."""
        return not self._is_whole

    def is_quiet(self, now_ns: int) -> bool:
        """Whether it is time to ask if the book is still right."""
        return self._is_whole and now_ns - (self._heard_ns or 0) >= QUIET_NS

    def quiet_at_ns(self) -> int:
        """Return when a whole book becomes quiet."""
        return (self._heard_ns or 0) + QUIET_NS

    def trouble(self, now_ns: int) -> str | None:
        """Return why the book is not to be traded on, or None."""
        if self._heard_ns is None:
            return "the book has not been received yet"
        if not self._is_whole:
            return "the book has a gap; waiting for a new snapshot"
        if self.sequence < self._owed_sequence:
            return "the book is behind the venue's: the stream has not told of changes"
        if now_ns - self._heard_ns > STALE_NS:
            seconds = (now_ns - self._heard_ns) // SECOND_NS
            return f"the book is stale: nothing confirmed it for {seconds} s"
        bid, ask = self.bids.best_ticks, self.asks.best_ticks
        if bid is not None and ask is not None and bid >= ask:
            return f"the book is crossed: bid {self._told(bid)}, ask {self._told(ask)}"
        return None

    @property
    def mid_half_ticks(self) -> int | None:
        """Twice the mid price in ticks, so that it is whole; None without a bid or an ask."""
        bid, ask = self.bids.best_ticks, self.asks.best_ticks
        return None if bid is None or ask is None else bid + ask

    @property
    def mid(self) -> Decimal | None:
        """The middle between the best bid and the best ask."""
        half_ticks = self.mid_half_ticks
        if half_ticks is None:
            return None
        return self.instrument.price(half_ticks) * Decimal("0.5")

    @property
    def best_bid(self) -> Decimal | None:
        """The best price at which somebody buys."""
        return self._price(self.bids.best_ticks)

    @property
    def best_ask(self) -> Decimal | None:
        """The best price at which somebody sells."""
        return self._price(self.asks.best_ticks)

    def of(self, side: Side) -> Levels:
        """Return the side on which orders of that side rest."""
        return self.bids if side is Side.BUY else self.asks

    def _told(self, ticks: int) -> str:
        return in_full(self.instrument.price(ticks))

    def _price(self, ticks: int | None) -> Decimal | None:
        return None if ticks is None else self.instrument.price(ticks)
