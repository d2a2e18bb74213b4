"""What a bot holds and what it has earned, from its own fills and nothing else.

Fills are told twice (stream and query) and in any order. The key (trade_id, side) keeps each
single (a bot that trades with itself has one trade on both sides), and they are booked in the
order of their trade ids, so any order of telling gives the same position and the same profit.

The books, in quote atoms, exact:

    cash = realized - cost - fees          (always; asserted)
    total profit = realized + unrealized - fees = cash + position at the mark

`cost` is what the position was bought for (negative for a short). Closing a part takes its
share of the cost out, rounded down; the rest of it stays with the rest of the position, so
nothing is lost, and profit is only told apart into realized and unrealized by that rounding.

A fee in base is coins that are gone: it reduces the position by exactly its atoms, is valued
at the price of its fill (rounded up, one quote atom at most) and booked from cost to fees. A
fee in a third asset cannot be valued here: `other_fees` adds it up, the profit leaves it out.
"""

from bisect import bisect_left
from collections import deque
from decimal import Decimal
from enum import Enum, auto

import msgspec
from msgspec import Struct

from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill
from steelyard.domain.units import EXACT

LATE_MAX = 1_000  # so many fills back one that comes late is still put in its place
SEEN_MAX = 100_000  # so many fills back a repetition is known; older ones are refused
POINTS_MAX = 600

Key = tuple[int, int]  # trade_id, side


class Booked(Enum):
    """What became of a fill."""

    NEW = auto()
    SEEN = auto()
    TOO_OLD = auto()  # older than what is remembered: it may have been booked


class Tally(Struct):
    """The books after some fills, in order."""

    position_atoms: int = 0  # base
    cost_atoms: int = 0
    realized_atoms: int = 0
    fees_atoms: int = 0
    cash_atoms: int = 0

    def add(self, fill: Fill, instrument: Instrument) -> None:
        """Book one fill and its fee."""
        sign = int(fill.side)
        self.trade(sign * fill.size_lots * instrument.lot_atoms, sign * fill.quote_atoms)
        if fill.fee_asset_id == instrument.quote_asset_id:
            self.fees_atoms += fill.fee_atoms
            self.cash_atoms -= fill.fee_atoms
        elif fill.fee_asset_id == instrument.base_asset_id:
            size_atoms = fill.size_lots * instrument.lot_atoms
            value = -(-fill.quote_atoms * fill.fee_atoms // size_atoms)
            self.position_atoms -= fill.fee_atoms
            self.cost_atoms -= value
            self.fees_atoms += value
        assert self.cash_atoms == self.realized_atoms - self.cost_atoms - self.fees_atoms, (
            "the books do not balance"
        )

    def trade(self, size_atoms: int, value_atoms: int) -> None:
        """Book a trade; both are positive for a buy and negative for a sell."""
        self.cash_atoms -= value_atoms
        position = self.position_atoms
        if (position > 0) == (size_atoms > 0) or position == 0:
            self.position_atoms += size_atoms
            self.cost_atoms += value_atoms
            return
        closed = min(abs(size_atoms), abs(position))
        cost = self.cost_atoms * closed // abs(position)
        value = value_atoms * closed // abs(size_atoms)
        self.realized_atoms -= value + cost
        self.cost_atoms += value_atoms - value - cost
        self.position_atoms += size_atoms


class Portfolio:
    """One bot's books in one instrument."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.changes = 0  # counted, so that who looks again and again need not
        self.other_fees: dict[int, int] = {}  # atoms by asset
        self._settled = Tally()  # without the fills in _late
        self._tally = Tally()
        self._late: list[tuple[Key, Fill]] = []  # by key
        self._seen: set[Key] = set()
        self._told: deque[Key] = deque()  # the same, in order of telling
        self._forgotten: Key = (-1, 0)  # the newest key that left _seen

    def look_up(self, fill: Fill) -> Booked:
        """Return what `book` would make of a fill."""
        key = (fill.trade_id, int(fill.side))
        if key in self._seen:
            return Booked.SEEN
        return Booked.TOO_OLD if key <= self._forgotten else Booked.NEW

    def book(self, fill: Fill) -> Booked:
        """Book a fill, unless it is booked."""
        known = self.look_up(fill)
        if known is not Booked.NEW:
            return known
        key = (fill.trade_id, int(fill.side))
        self.changes += 1
        self._remember(key)
        asset = fill.fee_asset_id
        if asset not in (self.instrument.base_asset_id, self.instrument.quote_asset_id):
            self.other_fees[asset] = self.other_fees.get(asset, 0) + fill.fee_atoms
        if not self._late or key > self._late[-1][0]:
            self._late.append((key, fill))
            self._tally.add(fill, self.instrument)
        else:
            self._late.insert(bisect_left(self._late, key, key=lambda entry: entry[0]), (key, fill))
            self._tally = msgspec.structs.replace(self._settled)
            for _, later in self._late:
                self._tally.add(later, self.instrument)
        if len(self._late) >= 2 * LATE_MAX:
            for _, settled in self._late[:LATE_MAX]:
                self._settled.add(settled, self.instrument)
            del self._late[:LATE_MAX]
        return Booked.NEW

    def adopt(self, size_atoms: int, value_atoms: int) -> None:
        """Take a holding over as if it had been bought (sold, if negative) at this value now."""
        self.changes += 1
        for _, settled in self._late:
            self._settled.add(settled, self.instrument)
        self._late.clear()
        self._settled.trade(size_atoms, value_atoms)
        self._tally = msgspec.structs.replace(self._settled)

    def change_instrument(self, instrument: Instrument) -> None:
        """Go on in other steps or under other numbers: what was booked is in atoms already."""
        for _, settled in self._late:
            self._settled.add(settled, self.instrument)
        self._late.clear()
        self.changes += 1
        self.instrument = instrument

    def _remember(self, key: Key) -> None:
        self._seen.add(key)
        self._told.append(key)
        if len(self._told) > SEEN_MAX:
            oldest = self._told.popleft()
            self._seen.remove(oldest)
            self._forgotten = max(self._forgotten, oldest)

    @property
    def position_atoms(self) -> int:
        """What is held, in base atoms; negative for a short."""
        return self._tally.position_atoms

    @property
    def position_lots(self) -> int:
        """What is held in whole lots, toward zero; a fee in base may leave dust beyond."""
        atoms, lot = self._tally.position_atoms, self.instrument.lot_atoms
        return atoms // lot if atoms >= 0 else -(-atoms // lot)

    @property
    def realized_atoms(self) -> int:
        """The profit of what was closed, before fees."""
        return self._tally.realized_atoms

    @property
    def fees_atoms(self) -> int:
        """All fees, those in base valued at the price of their fill."""
        return self._tally.fees_atoms

    @property
    def cash_atoms(self) -> int:
        """The quote that all fills have brought, less what they cost."""
        return self._tally.cash_atoms

    def unrealized_atoms(self, mark_half_ticks: int) -> int:
        """Return the profit of what is held at a price in half ticks; rounded down."""
        instrument = self.instrument
        worth = self.position_atoms * mark_half_ticks * instrument.tick_lot_atoms
        return worth // (2 * instrument.lot_atoms) - self._tally.cost_atoms

    def total_atoms(self, mark_half_ticks: int) -> int:
        """Return realized plus unrealized less fees."""
        return self.realized_atoms + self.unrealized_atoms(mark_half_ticks) - self.fees_atoms

    @property
    def average_price(self) -> Decimal | None:
        """What the position cost per base, to a hundredth of a tick; None without one."""
        position = self._tally.position_atoms
        if self.position_lots == 0:
            return None
        instrument = self.instrument
        hundredths = 100 * self._tally.cost_atoms * instrument.lot_atoms
        ticks = hundredths // (position * instrument.tick_lot_atoms)
        return EXACT.multiply(instrument.tick_size, EXACT.scaleb(Decimal(ticks), -2))


class EquityCurve:
    """Profit over time at ever coarser steps: at most `POINTS_MAX` points, from the start."""

    def __init__(self, step_ns: int) -> None:
        self.step_ns = step_ns
        self.points: list[tuple[int, int]] = []  # (time_ns, total_atoms)

    def add(self, time_ns: int, total_atoms: int) -> None:
        """Note a value, if its time has come."""
        if time_ns < self.deadline_ns:
            return
        self.points.append((time_ns, total_atoms))
        if len(self.points) > POINTS_MAX:
            self.points = self.points[::2]
            self.step_ns *= 2

    @property
    def deadline_ns(self) -> int:
        """When the next value is due."""
        return self.points[-1][0] + self.step_ns if self.points else 0
