"""The house's own part of one book: what a market has standing in the engine.

The engine knows the house as a size at each price. A market must know the same to quote, to
restate and to end levels, but it is never asked and never asks: it does to its mirror what its
commands will do to the engine (`domain/commands.py`), and mends it by users' trades and by the
book wherever that is looked at. The invariant: without users the mirror is exact; with them it
may be off by what they filled within one turn, until a level is next restated.

It does not decide anything: `quotes` and `tape` do.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable

from steelyard.domain.commands import HouseLevel, HouseTrade
from steelyard.domain.order import Side
from steelyard.engine import BookLevels
from steelyard.exchange.house import Books, HouseCommand

Levels = tuple[tuple[int, int], ...]  # (price_ticks, size_lots), best first


class MirrorSide:
    """One side: a key is side * price, so the best is always the last and the largest."""

    __slots__ = ("far", "keys", "lots", "side", "users")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.far = self  # until `Mirror` has both
        self.keys: list[int] = []
        self.lots: dict[int, int] = {}
        self.users: dict[int, int] = {}  # what others have, as far as the book was looked at

    def best_of_all(self) -> int | None:
        """Return the key of the best level, users' orders included."""
        house = self.keys[-1] if self.keys else None
        user = max(self.users, default=None)
        return max(house, user) if house is not None and user is not None else house or user

    def set(self, key: int, lots: int) -> None:
        """Let the house stand with this size at a key."""
        if lots:
            if key not in self.lots:
                insort(self.keys, key)
            self.lots[key] = lots
        elif self.lots.pop(key, 0):
            del self.keys[bisect_left(self.keys, key)]

    def levels(self) -> Levels:
        """Return the levels, best first."""
        return tuple((abs(key), self.lots[key]) for key in reversed(self.keys))

    def restore(self, levels: Iterable[tuple[int, int]]) -> None:
        """Replace the levels."""
        self.lots = {self.side * price: lots for price, lots in levels}
        self.keys = sorted(self.lots)


class Mirror:
    """Both sides of one instrument, and the commands that were made of their last changes."""

    def __init__(self, instrument_id: int) -> None:
        self.instrument_id = instrument_id
        self.bids = MirrorSide(Side.BUY)
        self.asks = MirrorSide(Side.SELL)
        self.bids.far, self.asks.far = self.asks, self.bids
        self.out: list[HouseCommand] = []
        self.is_seen = False
        self._before: dict[tuple[Side, int], int] = {}
        # What stood where house takers traded in this turn, and how much they traded.
        self._traded: dict[tuple[Side, int], tuple[int, int]] = {}

    def of(self, side: Side) -> MirrorSide:
        """Return one side."""
        return self.bids if side is Side.BUY else self.asks

    # -- a turn -----------------------------------------------------------------------------

    def begin(self, out: list[HouseCommand]) -> None:
        """Begin a turn whose commands go to `out`; forget what was seen of the book before."""
        self.out = out
        self.is_seen = False
        self._before.clear()
        self._traded.clear()
        self.bids.users, self.asks.users = {}, {}

    def see(self, book: BookLevels) -> None:
        """Look at the book as it stood when the turn began: learn of users, mend the mirror."""
        self.is_seen = True
        for side, levels in ((self.bids, book.bids), (self.asks, book.asks)):
            sign = side.side
            standing = {sign * price: lots for price, lots in levels}
            # Nothing is said about what is behind the last level shown.
            last = min(standing, default=0)
            for key in [k for k in reversed(side.keys) if k >= last and k not in standing]:
                if (sign, key) not in self._before:
                    side.set(key, 0)
            for key, lots in standing.items():
                ours = self._before.get((sign, key), side.lots.get(key, 0))
                if lots > ours:
                    side.users[key] = lots - ours
                elif lots < ours and (sign, key) not in self._before:
                    side.set(key, lots)

    def put(self, own: MirrorSide, key: int, lots: int) -> None:
        """Stand with a size at a key; the house's sizes that it crosses are gone."""
        far = own.far
        if lots:
            while far.keys and far.keys[-1] >= -key:
                self._remember(far, far.keys[-1])
                far.set(far.keys[-1], 0)
        self._remember(own, key)
        self._traded.pop((own.side, key), None)
        own.set(key, lots)
        self.out.append(HouseLevel(self.instrument_id, own.side, abs(key), lots))

    def trade(self, taker: Side, price_ticks: int, lots: int) -> None:
        """Let a house taker trade at one price, with whoever stands there."""
        far = self.of(taker).far
        key = -taker * price_ticks
        self.out.append(HouseTrade(self.instrument_id, taker, price_ticks, lots))
        # Who was first in the queue is not known here: `stood_aside` tells of users' fills.
        house, users = far.lots.get(key, 0), far.users.get(key, 0)
        eaten = min(lots, house)
        if eaten:
            self._remember(far, key)
            far.set(key, house - eaten)
            stood, traded = self._traded.get((far.side, key), (house, 0))
            self._traded[far.side, key] = (stood, traded + lots)
        if lots - eaten < users:
            far.users[key] = users - (lots - eaten)
        elif users:
            del far.users[key]

    def look(self, books: Books) -> None:
        """See the book, once a turn."""
        if not self.is_seen:
            self.see(books(self.instrument_id))

    def print(self, taker: Side, price_ticks: int, lots: int, books: Books) -> None:
        """Let a house taker trade at one price, told as one trade if nobody but the house is there.

        The engine would print what stands there and then the rest. Without users it comes to the
        same to take the level away first.
        """
        far = self.of(taker).far
        key = -taker * price_ticks
        if 0 < far.lots.get(key, 0) < lots:
            self.look(books)
            if max(far.users, default=key - 1) < key:
                self.put(far, key, 0)
        self.trade(taker, price_ticks, lots)

    def restate(self, book: BookLevels) -> list[HouseCommand]:
        """Return what makes a book this mirror again, after a time in which it took no commands."""
        self.begin([])
        for side, levels in ((self.bids, book.bids), (self.asks, book.asks)):
            for price_ticks, _ in levels:
                if side.side * price_ticks not in side.lots:
                    self.out.append(HouseLevel(self.instrument_id, side.side, price_ticks, 0))
        for side in (self.bids, self.asks):
            for price_ticks, lots in side.levels():
                self.out.append(HouseLevel(self.instrument_id, side.side, price_ticks, lots))
        return self.out

    # -- what users did ---------------------------------------------------------------------

    def eaten(self, taker: Side, price_ticks: int, lots: int) -> None:
        """Learn that a user took this from the house."""
        far = self.of(taker).far
        key = -taker * price_ticks
        far.set(key, max(0, far.lots.get(key, 0) - lots))

    def stood_aside(self, taker: Side, price_ticks: int, lots: int) -> None:
        """Learn that a command of this turn met a user's order instead of the house."""
        own = self.of(taker)
        far = own.far
        key = -taker * price_ticks
        if (far.side, key) in self._traded:
            stood, traded = self._traded[far.side, key]
            self._traded[far.side, key] = (stood, traded - lots)
            far.set(key, max(0, stood - max(0, traded - lots)))
        elif own.keys and own.keys[-1] >= -key:
            # A level moved through the order: what filled it does not stand.
            best = own.keys[-1]
            own.set(best, max(0, own.lots[best] - lots))

    def _remember(self, side: MirrorSide, key: int) -> None:
        if not self.is_seen:
            self._before.setdefault((side.side, key), side.lots.get(key, 0))
