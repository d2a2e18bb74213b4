"""Round trips: what each closing of a position has earned, at average cost.

Average cost, as `trading.portfolio` books a live bot, and not first in, first out: so a report and
a bot's page tell the same profit. A trip is what one order closed of a position: it takes out its
share of the position's cost, of the fees that its opening cost and of its age, and ends at the
order's own fills. A fill that turns a position over closes one trip and opens the next.

    trips' profits + dust = realized - fees of what is closed        (exact; asserted)

A fee in base is coins that are gone, valued at the price of its fill (rounded up); one in a third
asset cannot be valued here and is added up apart. What such coins leave behind of a lot (dust) is
no trip when it is closed.
"""

from typing import NamedTuple

from steelyard.backtest.result import Records, fee_atoms
from steelyard.domain.instrument import Instrument


class Trip(NamedTuple):
    """One closing of a position. Amounts are in quote atoms, exact; size in base atoms."""

    opened_ns: int  # on average over what was opened, by size
    closed_ns: int  # the closing order's last fill
    side: int  # 1 it was long, -1 short
    size_atoms: int
    entry_atoms: int  # what it was bought for, or sold for if short; positive
    exit_atoms: int  # what closing it brought, or cost if short; positive
    fees_atoms: int  # of closing it, and its share of those of opening it
    profit_atoms: int  # after fees
    order_id: int  # of the order that closed it
    fills: int  # so many fills closed it


class Books(NamedTuple):
    """All fills, booked. Quote atoms but for the position, which is in base atoms."""

    trips: tuple[Trip, ...]
    position_atoms: int  # what is open at the end, of these fills alone
    opened_ns: int  # when, on average; 0 without a position
    cost_atoms: int  # what it was bought for; negative for a short
    open_fees_atoms: int  # what opening it cost in fees
    realized_atoms: int  # before fees
    fees_atoms: int  # all of them that have a value in quote
    cash_atoms: int  # realized - cost - fees
    dust_atoms: int  # profit of closing less than a lot
    other_fees: dict[int, int]  # atoms by asset, of assets that have no price here
    volume_atoms: int  # what was traded, both ways
    quote_atoms: tuple[int, ...]  # what each fill was worth
    fee_values: tuple[int, ...]  # each fill's fee in quote atoms; 0 for one in a third asset

    def profit_atoms(self, mark_half_ticks: int, instrument: Instrument) -> int:
        """Return the profit of all fills after fees, with what is open at a price; rounded down."""
        worth = self.position_atoms * mark_half_ticks * instrument.tick_lot_atoms
        return self.cash_atoms + worth // (2 * instrument.lot_atoms)


class _Position:
    """What is open while fills are booked one by one."""

    def __init__(self) -> None:
        self.atoms = 0
        self.cost_atoms = 0
        self.fees_atoms = 0
        self.opened_ns = 0

    def open(self, atoms: int, value_atoms: int, fee_atoms: int, time_ns: int) -> None:
        before = abs(self.atoms)
        self.opened_ns = (self.opened_ns * before + time_ns * abs(atoms)) // (before + abs(atoms))
        self.atoms += atoms
        self.cost_atoms += value_atoms
        self.fees_atoms += fee_atoms

    def close(self, closed_atoms: int) -> tuple[int, int]:
        """Take a part out; return its share of cost and of opening fees, both rounded down."""
        whole = abs(self.atoms)
        cost = self.cost_atoms * closed_atoms // whole
        fees = self.fees_atoms * closed_atoms // whole
        self.cost_atoms -= cost
        self.fees_atoms -= fees
        self.atoms += closed_atoms if self.atoms < 0 else -closed_atoms
        return cost, fees

    def pay_in_base(self, fee_atoms: int, value_atoms: int) -> None:
        self.atoms -= fee_atoms
        self.cost_atoms -= value_atoms


def book(fills: Records, instrument: Instrument) -> Books:
    """Book fills in their order, and return what each closing has earned."""
    lot, base, quote = instrument.lot_atoms, instrument.base_asset_id, instrument.quote_asset_id
    position = _Position()
    trips: list[Trip] = []
    other_fees: dict[int, int] = {}
    values: list[int] = []
    fee_values: list[int] = []
    realized = fees = dust = 0
    rows = zip(
        fills["time_ns"].tolist(),
        fills["order_id"].tolist(),
        fills["price_ticks"].tolist(),
        fills["size_lots"].tolist(),
        fills["side"].tolist(),
        fills["fee_asset_id"].tolist(),
        fee_atoms(fills),
        strict=True,
    )
    for time_ns, order_id, price_ticks, size_lots, side, asset, fee in rows:
        size = size_lots * lot
        worth = price_ticks * size_lots * instrument.tick_lot_atoms
        if asset == quote:
            fee_value = fee
        elif asset == base:
            fee_value = -(-worth * fee // size)
        else:
            fee_value = 0
            other_fees[asset] = other_fees.get(asset, 0) + fee
        values.append(worth)
        fee_values.append(fee_value)
        fees += fee_value
        closed = min(size, abs(position.atoms)) if position.atoms * side < 0 else 0
        left_fee, left_worth = fee_value, side * worth
        if closed:
            was_side, opened_ns = -side, position.opened_ns
            cost, open_fees = position.close(closed)
            exit_worth = side * worth * closed // size
            exit_fee = fee_value * closed // size
            left_worth -= exit_worth
            left_fee -= exit_fee
            earned = -(exit_worth + cost)
            realized += earned
            paid = open_fees + exit_fee
            if closed < lot:
                dust += earned - paid
            else:
                trip = Trip(
                    opened_ns, time_ns, was_side, closed, abs(cost), abs(exit_worth), paid,
                    earned - paid, order_id, 1,
                )  # fmt: skip
                _append(trips, trip)
        if size > closed:
            position.open(side * (size - closed), left_worth, left_fee, time_ns)
        elif left_worth or left_fee:  # what rounding left stays with what is open
            position.cost_atoms += left_worth
            position.fees_atoms += left_fee
        if asset == base:
            position.pay_in_base(fee, fee_value)
    earned_in_trips = sum(trip.profit_atoms for trip in trips)
    assert earned_in_trips + dust == realized - (fees - position.fees_atoms), "trips do not add up"
    return Books(
        trips=tuple(trips),
        position_atoms=position.atoms,
        opened_ns=position.opened_ns if position.atoms else 0,
        cost_atoms=position.cost_atoms,
        open_fees_atoms=position.fees_atoms,
        realized_atoms=realized,
        fees_atoms=fees,
        cash_atoms=realized - position.cost_atoms - fees,
        dust_atoms=dust,
        other_fees=other_fees,
        volume_atoms=sum(values),
        quote_atoms=tuple(values),
        fee_values=tuple(fee_values),
    )


def _append(trips: list[Trip], trip: Trip) -> None:
    """Add a closing; further fills of the order that closed last are the same trip."""
    last = trips[-1] if trips else None
    if last is None or last.order_id != trip.order_id or last.side != trip.side:
        trips.append(trip)
        return
    size = last.size_atoms + trip.size_atoms
    opened = (last.opened_ns * last.size_atoms + trip.opened_ns * trip.size_atoms) // size
    trips[-1] = Trip(
        opened,
        trip.closed_ns,
        last.side,
        size,
        last.entry_atoms + trip.entry_atoms,
        last.exit_atoms + trip.exit_atoms,
        last.fees_atoms + trip.fees_atoms,
        last.profit_atoms + trip.profit_atoms,
        last.order_id,
        last.fills + 1,
    )
