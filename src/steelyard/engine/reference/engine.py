"""The engine as a whole: the specification of docs/concepts/orders.md in code.

A command is refused whole, for the first reason in the order of `RejectReason`, or carried
out whole. Around it, always in this order: what has expired is canceled, the command, what it
set off, and the levels touched, in the order of touch, consecutive repeats merged.

It trusts that numbers fit their fields (`domain/layout.py`): decoding has seen to that.
"""

import struct
from heapq import heappop

from steelyard.domain import layout
from steelyard.domain.commands import (
    Accepted,
    AdvanceTime,
    Amend,
    AssignFees,
    Cancel,
    CancelAll,
    CloseTransfer,
    Command,
    Deposit,
    Effect,
    HouseLevel,
    HouseTrade,
    LevelChanged,
    ListInstrument,
    OpenAccount,
    OpenTransfer,
    Place,
    PlaceGroup,
    SetFeeTier,
    SetFeeToken,
    SetMarketState,
    SetPrice,
    Withdraw,
)
from steelyard.domain.ledger import Balance
from steelyard.domain.order import CancelCause
from steelyard.engine import BookLevels, too_wide
from steelyard.engine.book import BookSide, QueueModel
from steelyard.engine.reference import (
    administration,
    amending,
    fees,
    groups,
    house,
    matching,
    placing,
    snapshot,
)
from steelyard.engine.reference.state import State


class ReferenceEngine:
    """One engine, all instruments and accounts."""

    def __init__(self, queue_model: QueueModel = QueueModel.PROPORTIONAL) -> None:
        self.queue_model = queue_model
        self.state = State(queue_model)

    def apply(self, command: Command, now_ns: int) -> list[Effect]:
        """Carry out one command whole, or refuse it whole, and return what happened."""
        state = self.state
        state.now_ns, state.effects, state.touched = now_ns, [], []
        _expire(state)
        _carry_out(state, command)
        groups.work_off(state)
        for instrument_id, side, price_ticks in state.touched:
            size_lots = state.markets[instrument_id].book.of(side).visible_at(price_ticks)
            state.effects.append(LevelChanged(instrument_id, side, price_ticks, size_lots))
        return state.effects

    @staticmethod
    def record(command: Command, now_ns: int) -> bytes:
        """Return a command as a record, which `apply_record` takes."""
        try:
            return layout.encode(command, now_ns)
        except (struct.error, OverflowError) as error:
            raise too_wide(command) from error

    def apply_record(self, record: bytes) -> list[Effect]:
        """Carry out the command of a record at its own now_ns, as `apply`."""
        command, now_ns, _ = layout.decode(record)
        return self.apply(command, now_ns)

    def place(
        self,
        lead: bytes,
        place: Place,
        now_ns: int,
        in_full: bool,  # noqa: FBT001
        /,
    ) -> tuple[bytes, int, list[Effect] | None] | None:
        """Carry out a Place; return its record behind a lead, and what came of it.

        That is the order's number, where it did no more than rest, or 0 and the effects.
        """
        record, effects = self.record(place, now_ns), self.apply(place, now_ns)
        match effects:
            case [Accepted() as accepted, LevelChanged()] if not in_full:
                return lead + record, accepted.order_id, None
        return lead + record, 0, effects

    def book(self, instrument_id: int, depth: int) -> BookLevels:
        """Return up to `depth` levels of each side: what is shown."""
        book = self.state.markets[instrument_id].book
        return BookLevels(_levels(book.bids, depth), _levels(book.asks, depth))

    def balances(self, account_id: int) -> dict[int, Balance]:
        """Return an account's balances by asset id; absent means zero."""
        return self.state.ledger.of(account_id)

    def totals(self) -> dict[int, int]:
        """Return each asset's sum over all accounts, which is zero."""
        return self.state.ledger.totals()

    def rates(self, account_id: int, now_ns: int) -> tuple[int, int]:
        """Return the maker's and the taker's rate of an order that is placed now."""
        return fees.rates(self.state, self.state.accounts[account_id], now_ns)

    def state_hash(self) -> int:
        """Return the hash of the whole state, computed from nothing each time."""
        return snapshot.state_hash(self.state)

    def snapshot(self) -> bytes:
        """Return the whole state as records, in one canonical order."""
        return snapshot.write(self.state)

    def restore(self, records: bytes) -> None:
        """Replace an empty engine's state by a snapshot's.

        Raises:
            DecodeError: It has bytes that are no records, or is no possible state; the engine is
                then of no use.
        """
        self.state = snapshot.read(records, self.queue_model)


def _levels(side: BookSide, depth: int) -> list[tuple[int, int]]:
    levels: list[tuple[int, int]] = []
    for price in side.prices():
        if len(levels) >= depth:
            break
        if size_lots := side.visible_at(price):
            levels.append((price, size_lots))
    return levels


def _expire(state: State) -> None:
    """Cancel what is not to live on, by expiry, then by number."""
    while state.expiries and state.expiries[0][0] <= state.now_ns:
        _, order_id = heappop(state.expiries)
        if order := state.orders.get(order_id):
            matching.cancel(state, order, CancelCause.EXPIRED)


def _carry_out(state: State, command: Command) -> None:
    match command:
        case Place():
            placing.place(state, (command,))
        case PlaceGroup():
            placing.place(state, command.places, command.kind)
        case Amend():
            amending.amend(state, command)
        case Cancel():
            amending.cancel(state, command)
        case CancelAll():
            amending.cancel_all(state, command)
        case HouseLevel():
            house.set_level(state, command)
        case HouseTrade():
            house.trade(state, command)
        case Deposit():
            administration.deposit(state, command)
        case Withdraw():
            administration.withdraw(state, command)
        case OpenTransfer():
            administration.open_transfer(state, command)
        case CloseTransfer():
            administration.close_transfer(state, command)
        case ListInstrument():
            administration.list_instrument(state, command.instrument)
        case OpenAccount():
            administration.open_account(state, command)
        case AssignFees():
            administration.assign_fees(state, command)
        case SetFeeTier():
            administration.set_fee_tier(state, command)
        case SetFeeToken():
            administration.set_fee_token(state, command)
        case SetMarketState():
            administration.set_state(state, command)
        case SetPrice():
            administration.set_price(state, command)
        case AdvanceTime():
            pass
