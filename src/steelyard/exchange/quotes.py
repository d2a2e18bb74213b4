"""What the crowd's makers offer on one instrument: a ladder of levels around a worth.

Makers stand at the touch until the worth has left it by more than they tolerate, then move
there at once, through whoever is in the way; a wide spread closes again in small steps, never
through a user's order. Behind the touch levels come, change and go, by the logarithm of their
distance, so that they crowd at the touch and reach about 2 % out. When takers have eaten into a
side, its makers come back over a second or two: `guards` say how far from the worth they stay.

The invariant: after each step both sides have levels, and the touch does not cross. It does not
know who takes, or why the worth moves.
"""

from typing import NamedTuple

from steelyard.domain.order import Side
from steelyard.exchange.chance import Chance, exp2_e16, log2_e16
from steelyard.exchange.mirror import Mirror, MirrorSide

MILLI = 1_000  # worths are in thousandths of a tick
_GUARD_KEPT_E4 = 14  # sixteenths of a guard that are left after a step
_CALM_E2 = 20  # the crowd's own takers make its makers less shy than a user does
_BITS = 65_535
_NEW_E4 = 10  # of 16 changes are new levels, others new sizes
_LEVELS_MIN = 30  # fewer a side are filled up at once


class Makers(NamedTuple):
    """How makers behave on one instrument; distances in ticks, sizes in lots.

    Attributes:
        tolerance_milli: How far the worth may leave the touch before they move.
        levels: How many levels a side they keep.
        reach_ticks: How far out these go.
        touch_lots: The usual size at the touch.
        depth_lots: The usual size right behind it; it grows with the distance.
        churn_e4: Changes behind the touch per step, in sixteenths.
    """

    tolerance_milli: int
    levels: int
    reach_ticks: int
    touch_lots: int
    depth_lots: int
    churn_e4: int


class Ladder(Mirror):
    """The makers of one instrument, and what they have standing."""

    def __init__(self, instrument_id: int, makers: Makers, chance: Chance) -> None:
        super().__init__(instrument_id)
        self.makers = makers
        self.chance = chance
        self.guards = {Side.BUY: 0, Side.SELL: 0}
        self._reach_e16 = log2_e16(makers.reach_ticks)

    def take(self, side: Side, size_lots: int, deepest_ticks: int, levels_max: int) -> int:
        """Let a house taker take from the best on; return what it got.

        deepest_ticks is how far behind the best it goes, levels_max on how many levels.
        """
        far = self.of(side).far
        first = far.best_of_all()
        left = size_lots
        for _ in range(levels_max):
            key = far.best_of_all()
            if left == 0 or key is None or first is None or first - key > deepest_ticks:
                break
            lots = min(left, far.lots.get(key, 0) + far.users.get(key, 0))
            left -= lots
            self.trade(side, abs(key), lots)
            self.shy(side, abs(key), _CALM_E2)
        return size_lots - left

    # -- what makers do ---------------------------------------------------------------------

    def open(self, worth_milli: int) -> None:
        """Make the whole book anew around a worth."""
        self.guards = {Side.BUY: 0, Side.SELL: 0}
        for side in (self.bids, self.asks):
            for key in list(side.keys):
                self.put(side, key, 0)
        bid = worth_milli // MILLI
        for side, price in ((self.bids, bid), (self.asks, bid + 1)):
            self.put(side, side.side * max(1, price), self._touch_lots())
            self._fill(side, self.makers.levels, worth_milli)

    def step(self, worth_milli: int, calm_e16: int) -> None:
        """Do one step's quoting; calm_e16 is 65536 in ordinary times and less in wild ones.

        Whoever calls has looked at the book (`see`) if the spread `is_wide`.
        """
        bids, asks = self.bids, self.asks
        self.mend(worth_milli)
        for side in (bids, asks):
            self.guards[side.side] = self.guards[side.side] * _GUARD_KEPT_E4 >> 4
        # An order of a user that is too cheap or too dear is a touch to be moved through, too.
        best_bid, best_ask = bids.best_of_all() or 0, -(asks.best_of_all() or 0)
        tolerance = self.makers.tolerance_milli
        word = self.chance.word()
        if worth_milli > best_ask * MILLI + tolerance:
            self._move(bids, worth_milli, calm_e16)
        elif worth_milli < best_bid * MILLI - tolerance:
            self._move(asks, worth_milli, calm_e16)
        elif self.is_wide() and word & _BITS < calm_e16 // 3:
            self._narrow(worth_milli)
        elif word >> 16 & 3 == 0:
            side = bids if word >> 18 & 1 else asks
            self.put(side, side.keys[-1], self._touch_lots())
        changes = self.makers.churn_e4 + (word >> 20 & 15) >> 4
        for _ in range(changes):
            self._change(worth_milli)
        for side in (bids, asks):
            if len(side.keys) < _LEVELS_MIN:
                self._fill(side, _LEVELS_MIN, worth_milli)

    def mend(self, worth_milli: int) -> None:
        """Give a side that a user has taken whole some levels again, if far out."""
        for side in (self.bids, self.asks):
            if not side.keys:
                self._fill(side, _LEVELS_MIN, worth_milli)

    def is_wide(self) -> bool:
        """Whether the house's spread is more than one tick."""
        bids, asks = self.bids.keys, self.asks.keys
        return not bids or not asks or -asks[-1] - bids[-1] > 1

    def shy(self, taker: Side, price_ticks: int, share_e2: int = 100) -> None:
        """After a trade: if it took the best level, makers stay away as far as it was to the next.

        A sweep adds these up, to what it moved the touch, or to a share of it in percent.
        """
        side = self.of(taker).far
        gone = side.side * price_ticks - side.keys[-1] if side.keys else 0
        if gone > 0:
            guard = self.guards[side.side] + gone * share_e2 // 100
            self.guards[side.side] = min(guard, self.makers.reach_ticks // 4)

    # -- helpers ----------------------------------------------------------------------------

    def _remember(self, side: MirrorSide, key: int) -> None:
        if not self.is_seen:
            self._before.setdefault((side.side, key), side.lots.get(key, 0))

    def _move(self, own: MirrorSide, worth_milli: int, calm_e16: int) -> None:
        """Move the touch to the worth: `own` goes through the far side's old best.

        Half of the time somebody was quick enough to trade there first.
        """
        word = self.chance.word()
        best = own.far.best_of_all()
        if word >> 40 & 1 and best is not None:
            standing = own.far.lots.get(best, 0) + own.far.users.get(best, 0)
            self.trade(own.side, abs(best), (standing * (word >> 41 & 31) >> 7) + 1)
        slack = self.makers.tolerance_milli // MILLI // 3
        spread = 1
        if word & 7 == 0:
            spread = 2 + (word >> 3 & 3)
        if word >> 8 & _BITS > calm_e16:  # wild times: makers keep a distance
            spread += slack * (1 + (word >> 24 & 3)) + 1
        floor = worth_milli // MILLI - (slack * (word >> 32 & 255) >> 8) - spread // 2
        # Who was just taken from does not come back at once.
        bid = max(1, floor - self.guards[Side.BUY])
        ask = max(2, floor + spread + self.guards[Side.SELL])
        key, far_key = (bid, -ask) if own is self.bids else (-ask, bid)
        self.put(own, key, self._touch_lots())
        far = own.far
        for stale in [k for k in far.keys[-8:] if k > far_key]:
            self.put(far, stale, 0)
        self.put(far, far_key, self._touch_lots())

    def _narrow(self, worth_milli: int) -> None:
        """Improve the side that is further from the worth, up to its guard."""
        bid, ask = self.bids.keys[-1], self.asks.keys[-1]
        side = self.bids if worth_milli - bid * MILLI > -ask * MILLI - worth_milli else self.asks
        best, limit = side.keys[-1], -(side.far.best_of_all() or side.far.keys[-1]) - 1
        sign = side.side
        aim = min(sign * worth_milli // MILLI - self.guards[side.side], limit)
        room = aim - best
        if room <= 0:
            return
        # Mostly all the way; now and then somewhere between.
        word = self.chance.word()
        step = room if word & 3 else 1 + ((room - 1) * (word >> 8 & 255) >> 8)
        self.put(side, best + step, self._touch_lots())

    def _change(self, worth_milli: int) -> None:
        """Change one level behind a touch: a new one, another size, or gone."""
        word = self.chance.word()
        side = self.bids if word & 1 else self.asks
        if not side.keys:
            return
        count = len(side.keys)
        if word & 14 < _NEW_E4 or count < self.makers.levels:
            self._add(side, side.keys[-1], word >> 8)
            # Two at most: a narrowed spread is a level too many as well.
            for _ in range(min(2, len(side.keys) - self.makers.levels)):
                self._drop(side, word >> 40, worth_milli)
            return
        key = side.keys[(word >> 8 & _BITS) * (count - 1) >> 16]
        lots = side.lots[key]
        self.put(side, key, max(1, lots * (32 + (word >> 24 & 63)) >> 6))

    def _add(self, side: MirrorSide, base: int, word: int) -> None:
        """Add a level behind a key, or to a level that is there."""
        away_e16 = self._reach_e16 * (word & _BITS) >> 16
        if word >> 16 & 1:
            away_e16 = away_e16 * 3 >> 2
        key = base - (exp2_e16(away_e16) >> 16)
        if key * side.side <= 0:
            return
        # Sizes grow with the distance, like its fourth root.
        usual = self.makers.depth_lots * exp2_e16(away_e16 >> 2) >> 16
        lots = self.chance.lognormal(usual, 1_300) + 1
        if key in side.lots:
            lots = (lots + side.lots[key]) // 2 + 1
        self.put(side, key, lots)

    def _drop(self, side: MirrorSide, word: int, worth_milli: int) -> None:
        """Drop the farthest level if it is out of reach, else any but the best."""
        farthest = side.keys[0]
        away = side.side * worth_milli // MILLI - farthest
        at = 0
        if away <= self.makers.reach_ticks * 5 // 4:
            at = (word & _BITS) * (len(side.keys) - 1) >> 16
        self.put(side, side.keys[at], 0)

    def _fill(self, side: MirrorSide, levels: int, worth_milli: int) -> None:
        """Bring a side to a number of levels: behind its best, or behind the worth if empty."""
        base = side.keys[-1] if side.keys else None
        if base is None:
            base = side.side * (worth_milli // MILLI) - self.guards[side.side] - 1
        for _ in range(levels * 4):
            if len(side.keys) >= levels:
                return
            self._add(side, base, self.chance.word())

    def _touch_lots(self) -> int:
        return self.chance.lognormal(self.makers.touch_lots, 900) + 1
