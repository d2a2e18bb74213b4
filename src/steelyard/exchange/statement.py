"""Every account's statement: what moved in it, why, and what was there afterwards.

Built from the engine's effects, like the history. The invariant: what an account opened with
plus all of its entries is what the engine says it has, free and held together, per asset; the
audit compares the two. Of each account the newest `ENTRIES_MAX` entries are kept; what is older
leaves, oldest first, into the opening balances. Of its transfers the pending ones and the newest
`ENDED_MAX` of the others are kept. It decides nothing and knows no holds: they move nothing.
"""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from steelyard.domain.commands import Filled, TransferChanged, Transferred
from steelyard.domain.instrument import Listings
from steelyard.domain.order import Side, TransferState
from steelyard.domain.transfers import EntryKind

# Read once: to read a member is slow before Python 3.12.
_TRADE, _FEE, _SELL = EntryKind.TRADE, EntryKind.FEE, Side.SELL
ENTRIES_MAX = 100_000
ENDED_MAX = 10_000


class Entry(Struct, frozen=True, array_like=True):
    """One movement in one asset of one account; what does not apply is 0 or None.

    amount_atoms has its sign: what came is positive.
    """

    time_ns: int
    kind: EntryKind
    asset_id: int
    amount_atoms: int
    instrument_id: int | None = None
    order_id: int = 0
    trade_id: int = 0
    transfer_id: int = 0


class Line(NamedTuple):
    """An entry with its number in the account, from 1, and the balance after it."""

    number: int
    entry: Entry
    balance_atoms: int


class Page(NamedTuple):
    """A part of a statement.

    opening is what was there before the first entry that was asked for, closing what is there now;
    `after` is the number to go on from, None where this was the last page.
    """

    opening: dict[int, int]
    lines: list[Line]
    closing: dict[int, int]
    after: int | None


class Transfer(Struct, frozen=True):
    """A deposit (positive) or withdrawal (negative) that was announced, as it is now."""

    transfer_id: int
    asset_id: int
    amount_atoms: int
    state: TransferState
    opened_ns: int
    changed_ns: int


class AccountStatement(Struct):
    """One account's statement, as a snapshot keeps it; `left` is how many entries have left."""

    account_id: int
    left: int
    opening: dict[int, int]
    entries: list[Entry]
    transfers: list[Transfer]


class _Account:
    """One account's entries and transfers."""

    def __init__(self) -> None:
        self.left = 0
        self.opening: dict[int, int] = {}
        self.closing: dict[int, int] = {}
        self.entries: deque[Entry] = deque()
        self.pending: dict[int, Transfer] = {}
        self.ended: deque[Transfer] = deque(maxlen=ENDED_MAX)

    def enter(self, entry: Entry) -> None:
        if not entry.amount_atoms:
            return
        self.entries.append(entry)
        _add(self.closing, entry)
        self.trim()

    def trim(self) -> None:
        """Let the oldest entries leave that are too many."""
        while len(self.entries) > ENTRIES_MAX:
            _add(self.opening, self.entries.popleft())
            self.left += 1


class Statements:
    """The statements of all accounts."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._accounts: dict[int, _Account] = {}

    # -- what happened ----------------------------------------------------------------------

    def filled(self, effect: Filled, now_ns: int) -> None:
        """Enter both sides of an execution, and its fee."""
        instrument = self._listings[effect.instrument_id]
        account = self._accounts.get(effect.account_id) or self._account(effect.account_id)
        entries, closing = account.entries, account.closing
        at = effect.instrument_id, effect.order_id, effect.trade_id
        base, base_atoms = instrument.base_asset_id, effect.size_lots * instrument.lot_atoms
        quote, fee = instrument.quote_asset_id, effect.fee_asset_id
        quote_atoms = -instrument.notional_atoms(effect.price_ticks, effect.size_lots)
        fee_atoms = -effect.fee_atoms
        if effect.side is _SELL:
            base_atoms, quote_atoms = -base_atoms, -quote_atoms
        entries.append(Entry(now_ns, _TRADE, base, base_atoms, *at))
        closing[base] = closing.get(base, 0) + base_atoms
        entries.append(Entry(now_ns, _TRADE, quote, quote_atoms, *at))
        closing[quote] = closing.get(quote, 0) + quote_atoms
        if fee_atoms:
            entries.append(Entry(now_ns, _FEE, fee, fee_atoms, *at))
            closing[fee] = closing.get(fee, 0) + fee_atoms
        if len(entries) > ENTRIES_MAX:
            account.trim()

    def transferred(self, effect: Transferred, now_ns: int) -> None:
        """Enter a deposit or a withdrawal."""
        kind = EntryKind.DEPOSIT if effect.amount_atoms > 0 else EntryKind.WITHDRAWAL
        entry = Entry(now_ns, kind, effect.asset_id, effect.amount_atoms)
        self._account(effect.account_id).enter(entry)

    def transfer_changed(self, effect: TransferChanged, now_ns: int) -> None:
        """Enter what became of a transfer; one that is done was booked right before."""
        account = self._account(effect.account_id)
        known = account.pending.pop(effect.transfer_id, None)
        transfer = Transfer(
            effect.transfer_id,
            effect.asset_id,
            effect.amount_atoms,
            effect.state,
            known.opened_ns if known else now_ns,
            now_ns,
        )
        if effect.state is TransferState.PENDING:
            account.pending[effect.transfer_id] = transfer
            return
        account.ended.append(transfer)
        if effect.state is TransferState.DONE:
            account.entries[-1] = replace(account.entries[-1], transfer_id=effect.transfer_id)

    def moved(self, *account_ids: int) -> None:
        """Call the newest entry of each account a move; it was booked right before."""
        for account_id in account_ids:
            entries = self._account(account_id).entries
            entries[-1] = replace(entries[-1], kind=EntryKind.MOVE)

    # -- what is asked ----------------------------------------------------------------------

    def lines(self, account_id: int) -> list[Line]:
        """Return every entry that is kept, oldest first."""
        account = self._found(account_id)
        balances = dict(account.opening)
        found: list[Line] = []
        for number, entry in enumerate(account.entries, account.left + 1):
            _add(balances, entry)
            found.append(Line(number, entry, balances[entry.asset_id]))
        return found

    def page(
        self,
        account_id: int,
        *,
        asset_id: int | None = None,
        since_ns: int = 0,
        after: int = 0,
        limit: int,
    ) -> Page:
        """Return up to `limit` lines behind a number, oldest first; asset_id None is every one."""
        account = self._found(account_id)
        balances = dict(account.opening)
        opening = dict(balances)
        lines: list[Line] = []
        for number, entry in enumerate(account.entries, account.left + 1):
            _add(balances, entry)
            if entry.time_ns < since_ns:
                _add(opening, entry)
            elif number > after and asset_id in (None, entry.asset_id):
                if len(lines) == limit:
                    return Page(opening, lines, dict(account.closing), lines[-1].number)
                lines.append(Line(number, entry, balances[entry.asset_id]))
        return Page(opening, lines, dict(account.closing), None)

    def closing(self, account_id: int) -> dict[int, int]:
        """Return what an account has by asset id; what there is nothing of may be left out."""
        return dict(self._found(account_id).closing)

    def transfers(self, account_id: int) -> list[Transfer]:
        """Return an account's transfers, oldest first."""
        account = self._found(account_id)
        return sorted([*account.ended, *account.pending.values()], key=lambda t: t.transfer_id)

    def pending(self, account_id: int, transfer_id: int) -> Transfer | None:
        """Return an account's pending transfer of that number."""
        return self._found(account_id).pending.get(transfer_id)

    def pending_ids(self, account_id: int) -> list[int]:
        """Return the numbers of an account's pending transfers."""
        return [*self._found(account_id).pending]

    # -- snapshots --------------------------------------------------------------------------

    def snapshot(self) -> list[AccountStatement]:
        """Return everything that is kept."""
        return [
            AccountStatement(
                account_id,
                account.left,
                account.opening,
                [*account.entries],
                [*account.ended, *account.pending.values()],
            )
            for account_id, account in self._accounts.items()
        ]

    def restore(self, accounts: Iterable[AccountStatement]) -> None:
        """Replace empty statements."""
        for kept in accounts:
            account = self._account(kept.account_id)
            account.left, account.opening = kept.left, kept.opening
            account.closing = dict(kept.opening)
            for entry in kept.entries:
                account.enter(entry)
            for transfer in kept.transfers:
                if transfer.state is TransferState.PENDING:
                    account.pending[transfer.transfer_id] = transfer
                else:
                    account.ended.append(transfer)

    def _found(self, account_id: int) -> _Account:
        return self._accounts.get(account_id) or _Account()

    def _account(self, account_id: int) -> _Account:
        found = self._accounts.get(account_id)
        if found is None:
            found = self._accounts[account_id] = _Account()
        return found


def _add(balances: dict[int, int], entry: Entry) -> None:
    balances[entry.asset_id] = balances.get(entry.asset_id, 0) + entry.amount_atoms
