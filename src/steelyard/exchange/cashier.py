"""An account's money by API: withdrawals that wait for a mail, transfers, the statement.

The invariant: a key alone moves nothing out. What it asks for is held, and its owner, a person
with a second factor, has to answer a mail on the page; until then the amount cannot leave, and
afterwards it goes the way of every withdrawal (`funds`). Whether the key may ask at all is the
gate's to say.
"""

from collections import Counter
from typing import NoReturn

from msgspec.structs import replace

from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.ledger import Balance
from steelyard.domain.order import RejectReason, TransferState
from steelyard.domain.transfers import (
    AddressBook,
    AddressBookQuery,
    AskWithdrawal,
    BookedAddress,
    CancelWithdrawal,
    DepositAddress,
    DepositAddressQuery,
    MoneyAnswer,
    MoneyMessage,
    StatementLine,
    StatementList,
    StatementQuery,
    TransferInfo,
    TransferList,
    TransfersQuery,
    TransferStage,
    Wallet,
    WalletAsset,
    WalletNetwork,
    WalletQuery,
)
from steelyard.domain.units import to_atoms
from steelyard.exchange.declined import Decline, Declined
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.funds import (
    ADDRESS_COOLING_NS,
    DEPOSIT_ARRIVES_NS,
    WITHDRAWAL_LEAVES_NS,
    Funds,
    Wish,
    networks_of,
)
from steelyard.exchange.paging import is_within, page
from steelyard.exchange.people import Funding, Person
from steelyard.exchange.personal import Caller, Personal
from steelyard.exchange.statement import Transfer
from steelyard.wire.dialect import AccessReason, Refusal, SessionRefused

_STAGES = {
    TransferState.PENDING: TransferStage.PENDING,
    TransferState.DONE: TransferStage.DONE,
    TransferState.CANCELED: TransferStage.CANCELED,
}
# What funds say no for, in the words of the gate; malformed is what is not here.
_REASONS: dict[Decline, AccessReason | RejectReason] = {
    Decline.NOT_FOUND: AccessReason.UNKNOWN_ADDRESS,
    Decline.COOLING: AccessReason.ADDRESS_COOLING,
    Decline.TOO_MANY: AccessReason.TOO_MANY_TRANSFERS,
    Decline.INSUFFICIENT_BALANCE: RejectReason.INSUFFICIENT_BALANCE,
    Decline.CONFLICT: RejectReason.UNKNOWN_TRANSFER,
}


class Cashier:
    """What programs do with an account's money on one exchange."""

    def __init__(self, exchange: Exchange, personal: Personal | None = None) -> None:
        """Answer; without `personal` nobody can be written to, and nothing is withdrawn."""
        self._exchange = exchange
        self._funds = None if personal is None else Funds(exchange, personal)

    def carry_out(self, message: MoneyMessage, key: str, caller: Caller) -> MoneyAnswer:
        """Do what a key asks, or answer it.

        Raises:
            Turned away: `SessionRefused`; nothing has happened then.
            DecodeError: There is no such asset.
            Unsupported: Nobody can be written to here.
        """
        match message:
            case AskWithdrawal():
                return self._withdraw(message, key, caller)
            case CancelWithdrawal():
                return self._cancel(message, caller)
            case TransfersQuery():
                return self._transfers(message)
            case StatementQuery():
                return self._statement(message)
            case WalletQuery():
                return self._wallet(message)
            case DepositAddressQuery():
                return self._deposit_address(message)
            case AddressBookQuery():
                return self._address_book(message)

    # -- out --------------------------------------------------------------------------------

    def _withdraw(self, asked: AskWithdrawal, key: str, caller: Caller) -> TransferInfo:
        funds, person = self._desk(), self._owner(asked.account_id)
        if not asked.address_id:
            asked = replace(asked, address_id=self._address_id(person, asked))
        first = self._known(person, asked)
        if first is not None:
            return self._info(asked.account_id, first)
        wish = Wish(
            asked.account_id,
            asked.asset,
            asked.amount_atoms,
            asked.address_id,
            key,
            asked.client_withdrawal_id,
        )
        try:
            number = funds.open_withdrawal(person, wish, caller)
        except Declined as declined:
            _refuse(declined)
        return self._info(asked.account_id, number)

    def _cancel(self, asked: CancelWithdrawal, caller: Caller) -> TransferInfo:
        funds, person = self._desk(), self._owner(asked.account_id)
        funding = person.fundings.get(asked.transfer_id)
        is_ours = funding is not None and funding.account_id == asked.account_id
        if funding is None or not is_ours or funding.amount_atoms > 0:
            _refuse(Declined(Decline.CONFLICT, "there is no such withdrawal of this account"))
        try:
            funds.cancel(person, asked.transfer_id, caller, is_deposit=False)
        except Declined as declined:
            _refuse(declined)
        return self._info(asked.account_id, asked.transfer_id)

    def _address_id(self, person: Person, asked: AskWithdrawal) -> int:
        """Return the address of the book that reads so; 0 where there is none."""
        asset_id = self._asset_id(asked.asset)
        for number, kept in person.addresses.items():
            is_it = kept.asset_id == asset_id and asked.address in (kept.address, kept.label)
            if is_it and asked.network in ("", kept.network):
                return number
        return 0

    def _desk(self) -> Funds:
        if self._funds is None:
            raise Unsupported("nothing can be withdrawn here: there is nobody to write to")
        return self._funds

    def _owner(self, account_id: int) -> Person:
        person = self._exchange.people.owner_of(account_id)
        if person is None:
            problem = (
                "this account is nobody's who has signed up, so there is nobody to confirm a "
                "withdrawal. Sign up on the page (Account, Sign up), and use a key of that account"
            )
        elif not person.has_totp:
            problem = (
                "a withdrawal needs a person with a second factor; enrol one on the page "
                "(Account, Security)"
            )
        else:
            return person
        raise SessionRefused(Refusal(AccessReason.PERSON_REQUIRED, problem))

    def _known(self, person: Person, asked: AskWithdrawal) -> int | None:
        """Return the withdrawal that has this name already, or None.

        Raises:
            Turned away: It is another one.
        """
        if not asked.client_withdrawal_id:
            return None
        for number, funding in person.fundings.items():
            is_named = funding.client_withdrawal_id == asked.client_withdrawal_id
            if not is_named or funding.account_id != asked.account_id:
                continue
            to = person.addresses.get(asked.address_id)
            wanted = (asked.asset, -asked.amount_atoms, to and (to.network, to.address))
            asset = self._exchange.listings.asset(funding.asset_id)
            if wanted == (asset, funding.amount_atoms, (funding.network, funding.address)):
                return number
            raise SessionRefused(
                Refusal(
                    AccessReason.DUPLICATE_CLIENT_WITHDRAWAL_ID,
                    f"the client_withdrawal_id {asked.client_withdrawal_id!r} belongs to another "
                    f"withdrawal (id {number}); use a fresh one",
                    "client_withdrawal_id",
                )
            )
        return None

    # -- what is asked ----------------------------------------------------------------------

    def _transfers(self, query: TransfersQuery) -> TransferList:
        asset_id = self._asset_id(query.asset)
        found = [
            (transfer.transfer_id, transfer)
            for transfer in self._exchange.statements.transfers(query.account_id)
            if asset_id in (None, transfer.asset_id)
            and not (query.withdrawals_only and transfer.amount_atoms > 0)
            and not (query.deposits_only and transfer.amount_atoms < 0)
            and is_within(transfer.opened_ns, query.start_ns, query.end_ns)
        ]
        part, around = page(found, query)
        return TransferList(tuple(self._shown(query.account_id, t) for t in part), around)

    def _statement(self, query: StatementQuery) -> StatementList:
        asset_id = self._asset_id(query.asset)
        found = [
            (line.number, line)
            for line in self._exchange.statements.lines(query.account_id)
            if asset_id in (None, line.entry.asset_id)
            and is_within(line.entry.time_ns, query.start_ns, query.end_ns)
        ]
        part, around = page(found, query)
        lines = tuple(
            StatementLine(
                line.number,
                line.entry.time_ns,
                line.entry.kind,
                line.entry.asset_id,
                line.entry.amount_atoms,
                line.balance_atoms,
                line.entry.instrument_id,
                line.entry.order_id,
                line.entry.trade_id,
                line.entry.transfer_id,
            )
            for line in part
        )
        return StatementList(lines, around)

    def _wallet(self, query: WalletQuery) -> Wallet:
        exchange, nothing = self._exchange, Balance(0, 0)
        balances = exchange.engine.balances(query.account_id)
        statements = exchange.statements
        leaving: Counter[int] = Counter()
        for number in statements.pending_ids(query.account_id):
            transfer = statements.pending(query.account_id, number)
            if transfer is not None and transfer.amount_atoms < 0:
                leaving[transfer.asset_id] -= transfer.amount_atoms
        assets = []
        for asset_id, name in sorted(exchange.listings.assets().items()):
            balance = balances.get(asset_id, nothing)
            networks = tuple(
                WalletNetwork(network, to_atoms(fee), DEPOSIT_ARRIVES_NS, WITHDRAWAL_LEAVES_NS)
                for network, fee in networks_of(name).items()
            )
            held_atoms = balance.held_atoms - leaving[asset_id]
            assets.append(
                WalletAsset(asset_id, balance.free_atoms, held_atoms, leaving[asset_id], networks)
            )
        return Wallet(tuple(assets))

    def _address_book(self, query: AddressBookQuery) -> AddressBook:
        person = self._exchange.people.owner_of(query.account_id)
        return AddressBook(
            tuple(
                BookedAddress(
                    kept.asset_id,
                    kept.network,
                    kept.address,
                    kept.label,
                    kept.added_ns + ADDRESS_COOLING_NS,
                )
                for kept in (person.addresses.values() if person else ())
            )
        )

    def _deposit_address(self, query: DepositAddressQuery) -> DepositAddress:
        self._asset_id(query.asset)
        networks = [*networks_of(query.asset)]
        network = query.network or networks[0]
        if network not in networks:
            known = ", ".join(networks)
            raise DecodeError(
                f"{query.asset} has no network {network!r}; there are: {known}", "network"
            )
        found, *others = (
            DepositAddress(query.asset, each, f"sandbox-{each}-{query.account_id}")
            for each in ([network] if query.network else networks)
        )
        return replace(found, others=tuple(others))

    def _asset_id(self, name: str | None) -> int | None:
        if name is None:
            return None
        assets = self._exchange.listings.assets()
        for asset_id, known in assets.items():
            if known == name:
                return asset_id
        known_names = ", ".join(sorted(assets.values()))
        raise DecodeError(f"no asset {name!r}; there are: {known_names}", "asset")

    def _info(self, account_id: int, transfer_id: int) -> TransferInfo:
        transfers = self._exchange.statements.transfers(account_id)
        found = next(t for t in transfers if t.transfer_id == transfer_id)
        return self._shown(account_id, found)

    def _shown(self, account_id: int, transfer: Transfer) -> TransferInfo:
        person = self._exchange.people.owner_of(account_id)
        said = person.fundings.get(transfer.transfer_id) if person else None
        funding = said or Funding(account_id, transfer.asset_id, transfer.amount_atoms)
        stage = _STAGES[transfer.state]
        if stage is TransferStage.PENDING and funding.token_hash:
            stage = TransferStage.AWAITING_MAIL
        return TransferInfo(
            transfer.transfer_id,
            transfer.asset_id,
            transfer.amount_atoms,
            stage,
            transfer.opened_ns,
            transfer.changed_ns,
            funding.fee_atoms,
            funding.network,
            funding.address,
            funding.label,
            funding.client_withdrawal_id,
            funding.expires_ns,
            funding.due_ns,
        )


def _refuse(declined: Declined) -> NoReturn:
    """Say no in the gate's words."""
    reason = _REASONS.get(declined.code, AccessReason.MALFORMED)
    message = f"{declined}; {declined.hint}" if declined.hint else str(declined)
    retry_after_ns = declined.retry_after_ns or 0
    raise SessionRefused(Refusal(reason, message, declined.field, retry_after_ns)) from declined
