"""What an administrator asks of the books: audits, statements, transfers and what becomes of them.

Amounts are decimal text, exact; times in JSON are milliseconds. A transfer is opened by a user or
an administrator, and carried out or canceled here: nobody else moves money over the border.
"""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from steelyard.domain.commands import CloseTransfer, OpenTransfer, Rejected
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import Refused
from steelyard.domain.units import from_atoms, in_full, to_atoms
from steelyard.exchange.audit import audit
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.statement import Line, Transfer

PAGE_MAX = 5_000


class AuditBooks(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Hold the books against the engine."""


class StatementOf(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """One page of an account's statement, behind a line's number; asset None is every one."""

    account: str
    asset: str | None = None
    since_ns: int = 0
    after: int = 0
    limit: int = PAGE_MAX


class OpenTransfers(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Announce deposits (positive) or ask for withdrawals (negative); amounts by asset name."""

    account: str
    amounts: dict[str, Decimal]


class ListTransfers(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """An account's deposits and withdrawals that were announced, with their states."""

    account: str


class EndTransfer(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Carry out an account's pending transfer, or cancel it."""

    account: str
    transfer_id: int
    done: bool


BookkeepingCall = AuditBooks | StatementOf | OpenTransfers | ListTransfers | EndTransfer


class Bookkeeping:
    """An administrator's hand on the books of one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def carry_out(self, call: BookkeepingCall, now_ns: int) -> dict[str, Any]:
        """Carry out a call; return what is to be shown, ready for JSON.

        Raises:
            UsageError: It cannot be done; nothing has happened then.
        """
        match call:
            case AuditBooks():
                return self._audit()
            case StatementOf():
                return self._statement(call)
            case OpenTransfers():
                self._open(call, now_ns)
            case EndTransfer():
                self._end(call, now_ns)
            case ListTransfers():
                pass
        return self._transfers(call.account)

    def _audit(self) -> dict[str, Any]:
        exchange = self._exchange
        found = audit(exchange, exchange.engine.snapshot())
        names = exchange.listings.assets()
        fields = (
            "free", "held", "house", "fees", "world", "total", "pending_deposits",
            "pending_withdrawals",
        )  # fmt: skip
        return {
            "balanced": not found.differences,
            "differences": found.differences,
            "accounts": found.accounts,
            "open_orders": found.open_orders,
            "state_hash": f"{exchange.engine.state_hash():016x}",
            "assets": {
                names[books.asset_id]: {
                    field: amount_text(getattr(books, field)) for field in fields
                }
                for books in found.assets
            },
        }

    def _statement(self, call: StatementOf) -> dict[str, Any]:
        listings = self._exchange.listings
        account_id = self._exchange.keys.account_id(call.account)
        asset_id = None if call.asset is None else listings.asset_id(call.asset)
        if not 1 <= call.limit <= PAGE_MAX:
            raise UsageError(f"a page of a statement has 1 to {PAGE_MAX} lines, not {call.limit}")
        page = self._exchange.statements.page(
            account_id,
            asset_id=asset_id,
            since_ns=call.since_ns,
            after=call.after,
            limit=call.limit,
        )

        def named(balances: dict[int, int]) -> dict[str, str]:
            wanted = {a: b for a, b in sorted(balances.items()) if asset_id in (None, a)}
            return {listings.asset(a): amount_text(atoms) for a, atoms in wanted.items()}

        return {
            "account": call.account,
            "opening": named(page.opening),
            "lines": [_shown_line(line, listings) for line in page.lines],
            "closing": named(page.closing),
            "after": page.after,
        }

    # -- transfers --------------------------------------------------------------------------

    def _open(self, call: OpenTransfers, now_ns: int) -> None:
        listings = self._exchange.listings
        account_id = self._exchange.keys.account_id(call.account)
        wanted = [(listings.asset_id(name), to_atoms(a)) for name, a in call.amounts.items()]
        if not all(atoms for _, atoms in wanted):
            raise UsageError("a transfer of 0 moves nothing; +5 is a deposit, -5 a withdrawal")
        # All or none: what a first withdrawal holds is not free for another of the same asset,
        # and each asset is named once.
        balances = self._exchange.engine.balances(account_id)
        for asset_id, atoms in wanted:
            free = balances[asset_id].free_atoms if asset_id in balances else 0
            if -atoms > free:
                raise UsageError(
                    f"{call.account} has {amount_text(free)} {listings.asset(asset_id)} free, not "
                    f"{amount_text(-atoms)}; what open orders and other withdrawals hold is not "
                    "free"
                )
        for asset_id, atoms in wanted:
            command = OpenTransfer(account_id, asset_id, atoms)
            answer = self._exchange.perform(command, now_ns)
            if isinstance(answer, Refused):
                raise UsageError(f"transfer refused: {answer.message}")

    def _end(self, call: EndTransfer, now_ns: int) -> None:
        account_id = self._exchange.keys.account_id(call.account)
        if self._exchange.statements.pending(account_id, call.transfer_id) is None:
            raise UsageError(
                f"{call.account} has no pending transfer {call.transfer_id}; "
                f"`steelyard account transfer {call.account} list` shows all"
            )
        effects = self._exchange.record(CloseTransfer(call.transfer_id, call.done), now_ns)
        refused = next((e for e in effects if isinstance(e, Rejected)), None)
        if refused is not None:
            raise UsageError(
                f"transfer {call.transfer_id} stays pending: {refused.reason.name}, the books "
                "cannot hold so much; cancel it"
            )

    def _transfers(self, account: str) -> dict[str, Any]:
        account_id = self._exchange.keys.account_id(account)
        listings = self._exchange.listings
        transfers = self._exchange.statements.transfers(account_id)
        return {"account": account, "transfers": [_shown(t, listings) for t in transfers]}


def amount_text(atoms: int) -> str:
    """Return an amount as exact, plain decimal text."""
    return in_full(from_atoms(atoms))


def _shown_line(line: Line, listings: Listings) -> dict[str, Any]:
    entry = line.entry
    symbol = None if entry.instrument_id is None else listings[entry.instrument_id].symbol
    return {
        "number": line.number,
        "time": entry.time_ns // 1_000_000,
        "what": entry.kind.value,
        "symbol": symbol,
        "order_id": entry.order_id or None,
        "trade_id": entry.trade_id or None,
        "transfer_id": entry.transfer_id or None,
        "asset": listings.asset(entry.asset_id),
        "amount": amount_text(entry.amount_atoms),
        "balance": amount_text(line.balance_atoms),
    }


def _shown(transfer: Transfer, listings: Listings) -> dict[str, Any]:
    return {
        "transfer_id": transfer.transfer_id,
        "what": "deposit" if transfer.amount_atoms > 0 else "withdrawal",
        "asset": listings.asset(transfer.asset_id),
        "amount": amount_text(transfer.amount_atoms),
        "state": transfer.state.name.lower(),
        "opened": transfer.opened_ns // 1_000_000,
        "changed": transfer.changed_ns // 1_000_000,
    }
