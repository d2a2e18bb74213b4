"""What an administrator does: accounts, deposits, and ending a runaway.

Keys are `issuing`'s, markets and fees `operation`'s, audits, statements and transfers
`bookkeeping`'s, people `person_admin`'s, faults `misbehavior`'s.

Whoever holds the data directory's token is the administrator. Each act is a record like any
other, so it is journaled and replayed. Randomness and sealing are handed down. The calls are
structs, so that a command line can carry them out on a stopped exchange itself or send them
to a running one.
"""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from steelyard.domain.commands import CancelAll, Deposit, OpenAccount
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    OrderList,
    OrdersQuery,
    Refused,
)
from steelyard.domain.order import CancelCause, MarketState
from steelyard.domain.units import from_atoms, in_full, to_atoms
from steelyard.exchange.bookkeeping import Bookkeeping, BookkeepingCall
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.issuing import (
    ChangeKey,
    CreateKey,
    Issuing,
    KeyCall,
    KeyHistory,
    ListKeys,
    RevokeKey,
    RotateKey,
    ShowKey,
)
from steelyard.exchange.keys import NAME_MAX, Seal
from steelyard.exchange.misbehavior import (
    ClearFaults,
    ListFaults,
    Misbehavior,
    MisbehaviorCall,
    SetFault,
)
from steelyard.exchange.operation import (
    AssignTo,
    ListFees,
    Market,
    Operation,
    OperationCall,
    SetFees,
    SetToken,
    state_text,
)
from steelyard.exchange.partial_fills import PartialFills
from steelyard.exchange.person_admin import (
    ListPersons,
    PersonAdmin,
    PersonCall,
    ResetPassword,
    ResetTotp,
    UnlockPerson,
)
from steelyard.exchange.records import AccountNamed, MaintenanceSet
from steelyard.exchange.sandbox_clock import (
    AdvanceClock,
    ClockCall,
    FreezeClock,
    ResumeClock,
    SetClock,
    ShowClock,
    change_clock,
)
from steelyard.wire.dialect import Entropy

RATE_E8 = 100_000  # 0.1 % maker and taker
OPEN_ORDERS_MAX = 10_000
RETRY_AFTER_NS = 60 * SECOND_NS
RETRY_AFTER_MAX_NS = 24 * 3_600 * SECOND_NS


class CreateAccount(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Open an account; amounts by asset name."""

    name: str
    deposits: dict[str, Decimal] = {}


class DepositTo(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Credit an account; amounts by asset name."""

    name: str
    deposits: dict[str, Decimal]


class ListAccounts(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Every account with its balances."""


class BalanceOf(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """One account's balances."""

    name: str


class CancelOrders(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Cancel every order of an account, and count what is open afterwards."""

    account: str


class Inspect(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The exchange's state in brief, with its state hash and each asset's sum, which is zero."""


class SetMaintenance(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Turn requests away with 503, or take them again; retry_after_ns is what clients hear."""

    is_on: bool
    retry_after_ns: int = RETRY_AFTER_NS


AdminCall = (
    CreateAccount
    | DepositTo
    | ListAccounts
    | BalanceOf
    | CancelOrders
    | Inspect
    | SetMaintenance
    | KeyCall
    | ClockCall
    | OperationCall
    | BookkeepingCall
    | PersonCall
    | MisbehaviorCall
)


class Admin:
    """An administrator's hand on one exchange."""

    def __init__(self, exchange: Exchange, seal: Seal, entropy: Entropy) -> None:
        self._exchange = exchange
        self._issuing = Issuing(exchange, seal, entropy)
        self.create_key, self.revoke_key = self._issuing.create_key, self._issuing.revoke_key
        self._operation = Operation(exchange)
        self._bookkeeping = Bookkeeping(exchange)
        self._persons = PersonAdmin(exchange)
        self._misbehavior = Misbehavior(exchange.keys, exchange.listings)
        self.faults = self._misbehavior.plan
        self.partial_fills = PartialFills(exchange, self.faults)

    def carry_out(self, call: AdminCall, wire_ns: int) -> dict[str, Any]:
        """Carry out a call at a wire time; return what is to be shown, ready for JSON.

        Raises:
            UsageError: It cannot be done; nothing has happened then.
        """
        now_ns = self._exchange.time_at(wire_ns)
        match call:
            case CreateAccount():
                return self._shown(self.create_account(call.name, call.deposits, now_ns), call.name)
            case DepositTo():
                return self._shown(self.deposit(call.name, call.deposits, now_ns), call.name)
            case BalanceOf():
                return self._shown(self.balance(call.name, now_ns), call.name)
            case ListAccounts():
                names = self._exchange.keys.people.names
                return {"accounts": [self._shown(self.balance(n, now_ns), n) for n in names]}
            case CancelOrders():
                canceled = self.cancel_all(call.account, now_ns)
                left = len(self.open_orders(call.account, now_ns).orders)
                return {"account": call.account, "canceled": canceled, "open_orders": left}
            case Inspect():
                return self._inspect(wire_ns)
            case ShowClock() | SetClock() | AdvanceClock() | FreezeClock() | ResumeClock():
                clock = self._exchange.clock
                change_clock(call, clock, wire_ns, now_ns, self._exchange.record)
                return clock.described(wire_ns, self._exchange.time_at(wire_ns))
            case SetMaintenance():
                return self._maintenance(call, now_ns)
            case Market() | SetFees() | SetToken() | AssignTo() | ListFees():
                return self._operation.carry_out(call, now_ns)
            case ListPersons() | UnlockPerson() | ResetTotp() | ResetPassword():
                return self._persons.carry_out(call, now_ns)
            case SetFault() | ClearFaults() | ListFaults():
                return self._misbehavior.carry_out(call)
            case (
                CreateKey()
                | RotateKey()
                | ChangeKey()
                | RevokeKey()
                | ListKeys()
                | ShowKey()
                | KeyHistory()
            ):
                return self._issuing.carry_out(call, now_ns)
            case _:
                return self._bookkeeping.carry_out(call, now_ns)

    def create_account(self, name: str, deposits: dict[str, Decimal], now_ns: int) -> AccountAnswer:
        """Open an account with something in it.

        Raises:
            UsageError: The name is taken or not usable, an asset is unknown, an amount is not
                positive. Nothing has happened then.
        """
        exchange = self._exchange
        if not name or len(name) > NAME_MAX or not name.replace("-", "").replace("_", "").isalnum():
            raise UsageError(
                f"account name {name!r} must be 1 to {NAME_MAX} letters, digits, - or _"
            )
        if name in exchange.keys.people.names:
            raise UsageError(f"there is an account {name!r} already; deposit to it instead")
        amounts = self._amounts(deposits)
        account_id = exchange.keys.next_account_id()
        exchange.record(OpenAccount(account_id, RATE_E8, RATE_E8), now_ns)
        exchange.record(AccountNamed(account_id, name), now_ns)
        for asset_id, atoms in amounts:
            exchange.perform(Deposit(account_id, asset_id, atoms), now_ns)
        return self.balance(name, now_ns)

    def deposit(self, name: str, deposits: dict[str, Decimal], now_ns: int) -> AccountAnswer:
        """Credit an account.

        Raises:
            UsageError: No such account or asset, an amount is not positive or beyond the books.
        """
        account_id = self._exchange.keys.account_id(name)
        for asset_id, atoms in self._amounts(deposits):
            answer = self._exchange.perform(Deposit(account_id, asset_id, atoms), now_ns)
            if isinstance(answer, Refused):
                raise UsageError(f"deposit refused: {answer.message}")
        return self.balance(name, now_ns)

    def balance(self, name: str, now_ns: int) -> AccountAnswer:
        """Return an account's balances.

        Raises:
            UsageError: No such account.
        """
        account_id = self._exchange.keys.account_id(name)
        answer = self._exchange.ask(AccountQuery(account_id), now_ns)
        assert isinstance(answer, AccountAnswer), "an account that is named is open"
        return answer

    def cancel_all(self, account: str, now_ns: int) -> int:
        """Cancel every order of an account; return how many there were."""
        account_id = self._exchange.keys.account_id(account)
        command = CancelAll(account_id, None, CancelCause.ADMIN)
        answer = self._exchange.perform(command, now_ns)
        assert isinstance(answer, OrderList), "a known account's cancel-all is carried out"
        return len(answer.orders)

    def open_orders(self, account: str, now_ns: int) -> OrderList:
        """Return an account's open orders.

        Raises:
            UsageError: No such account.
        """
        account_id = self._exchange.keys.account_id(account)
        query = OrdersQuery(account_id, OPEN_ORDERS_MAX, open_only=True)
        answer = self._exchange.ask(query, now_ns)
        assert isinstance(answer, OrderList), "orders are answered by a list"
        return answer

    def _shown(self, answer: AccountAnswer, name: str) -> dict[str, Any]:
        assets = self._exchange.listings.assets()
        return {
            "account": name,
            "balances": {
                assets[balance.asset_id]: {
                    "free": in_full(from_atoms(balance.free_atoms)),
                    "held": in_full(from_atoms(balance.held_atoms)),
                }
                for balance in answer.balances
            },
        }

    def _maintenance(self, call: SetMaintenance, now_ns: int) -> dict[str, Any]:
        if not SECOND_NS <= call.retry_after_ns <= RETRY_AFTER_MAX_NS:
            raise UsageError("--retry-after is from 1s to 24h")
        self._exchange.record(MaintenanceSet(call.is_on, call.retry_after_ns), now_ns)
        seconds = -(-call.retry_after_ns // SECOND_NS)
        return {"maintenance": call.is_on, "retry_after_s": seconds if call.is_on else None}

    def _inspect(self, wire_ns: int) -> dict[str, Any]:
        exchange = self._exchange
        assets = exchange.listings.assets()
        founded = exchange.founded
        return {
            "market": founded.market if founded else "none",
            "source": founded.source if founded else "",
            "instruments": [instrument.symbol for instrument in exchange.listings],
            "restricted": {
                instrument.symbol: state_text(exchange.state_of(instrument.instrument_id))
                for instrument in exchange.listings
                if exchange.state_of(instrument.instrument_id) is not MarketState.OPEN
            },
            "notice": exchange.notice,
            "maintenance": exchange.maintenance_ns is not None,
            "accounts": len(exchange.keys.people.names),
            "clock": exchange.clock.described(wire_ns, exchange.time_at(wire_ns)),
            "state_hash": f"{exchange.engine.state_hash():016x}",
            "totals": {
                assets[asset_id]: str(atoms) for asset_id, atoms in exchange.engine.totals().items()
            },
        }

    def _amounts(self, deposits: dict[str, Decimal]) -> list[tuple[int, int]]:
        amounts: list[tuple[int, int]] = []
        for asset, amount in deposits.items():
            if amount <= 0:
                raise UsageError(f"deposit {asset}={in_full(amount)} must be positive")
            amounts.append((self._exchange.listings.asset_id(asset), to_atoms(amount)))
        return amounts
