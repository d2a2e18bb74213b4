"""People's money: between their own accounts, in, and out through a second factor and a mail.

A deposit or withdrawal is a transfer of the engine (`OpenTransfer`, `CloseTransfer`), so the books
balance at every step; a withdrawal's amount is held from the moment it is asked for.

    withdrawal: awaiting_mail -> pending -> done      canceled from the first two, or by expiry
    deposit:    pending -> done                       canceled while pending

No coin moves anywhere: networks, fees and confirmations are the sandbox's pretence. A fee is the
network's and part of the amount, so it leaves to the world with the rest.
"""

import hmac
import re
from decimal import Decimal
from typing import Any, NamedTuple

from steelyard.domain.commands import CloseTransfer, Rejected, TransferChanged
from steelyard.domain.errors import UnitError
from steelyard.domain.order import TransferState
from steelyard.domain.transfers import ADDRESS_FORM
from steelyard.domain.units import parse_decimal, to_atoms
from steelyard.exchange.bookkeeping import amount_text
from steelyard.exchange.declined import Decline, Declined, not_found
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.people import Address, Funding, Person
from steelyard.exchange.people_records import (
    AddressAdded,
    AddressRemoved,
    Deed,
    DepositAnnounced,
    Moved,
    WithdrawalAsked,
    WithdrawalConfirmed,
)
from steelyard.exchange.personal import Caller, Personal, require_totp, token_hash
from steelyard.exchange.statement import Transfer

MINUTE_NS = 60 * 1_000_000_000
ADDRESS_COOLING_NS = 24 * 60 * MINUTE_NS  # a thief who adds an address has to wait for it
MAIL_EXPIRES_NS = 30 * MINUTE_NS
WITHDRAWAL_LEAVES_NS = 5 * MINUTE_NS  # after the mail; until then it can be canceled
DEPOSIT_ARRIVES_NS = 10 * MINUTE_NS  # by itself
PENDING_MAX = 20  # transfers of one person
ADDRESSES_MAX = 100  # of one person
TRANSFERS_SHOWN_MAX = 500
TOKEN_BYTES = 20
LABEL_MAX = 80

# What a withdrawal costs, by asset and network; other assets have a free one of the sandbox.
NETWORKS = {
    "BTC": {"bitcoin": Decimal("0.0001")},
    "ETH": {"ethereum": Decimal("0.002")},
    "SOL": {"solana": Decimal("0.01")},
    "USDT": {"ethereum": Decimal(4), "solana": Decimal(1), "tron": Decimal(1)},
    "USD": {"wire": Decimal(15)},
}
OTHER_NETWORKS = {"sandbox": Decimal(0)}

_ADDRESS = re.compile(ADDRESS_FORM)


class Asked(NamedTuple):
    """A withdrawal as it was asked for."""

    account: str
    asset: str
    amount: str
    address_id: int


class Wish(NamedTuple):
    """A withdrawal as it was understood; key is the API key that asked, '' where a person did."""

    account_id: int
    asset: str
    amount_atoms: int
    address_id: int
    key: str = ""
    client_withdrawal_id: str = ""


class Funds:
    """What people do with money on one exchange."""

    def __init__(self, exchange: Exchange, personal: Personal) -> None:
        self._exchange = exchange
        self._personal = personal

    # -- between own accounts ---------------------------------------------------------------

    def move(
        self, person: Person, source: str, target: str, asset: str, amount: str, caller: Caller
    ) -> None:
        """Move something between two of a person's accounts, at once, both or neither."""
        from_id = self._account(person, source, "from")
        to_id = self._account(person, target, "to")
        asset_id, atoms = self._asset(asset), _atoms(amount)
        if from_id == to_id:
            raise Declined(Decline.INVALID, "from and to are the same account", field="to")
        self._check_free(from_id, asset_id, atoms)
        self._personal.record(Moved(person.person_id, from_id, to_id, asset_id, atoms), caller)
        about = f"{amount_text(atoms)} {asset} from {source} to {target}"
        self._personal.note(person.person_id, Deed.MOVED, about, caller)

    # -- the address book -------------------------------------------------------------------

    def add_address(
        self, person: Person, asset: str, network: str, address: str, label: str, caller: Caller
    ) -> Address:
        """Add an address; it can be withdrawn to after the cooling period."""
        asset_id = self._asset(asset)
        networks = networks_of(asset)
        if network not in networks:
            raise Declined(
                Decline.INVALID,
                f"{asset} has no network {network!r}; there are: {', '.join(networks)}",
                field="network",
            )
        if not _ADDRESS.fullmatch(address):
            raise Declined(
                Decline.INVALID,
                "an address has 10 to 128 letters, digits and : . _ - here",
                field="address",
            )
        if len(label) > LABEL_MAX or not label.isprintable():
            raise Declined(
                Decline.INVALID,
                f"a label has at most {LABEL_MAX} printable characters",
                field="label",
            )
        if len(person.addresses) >= ADDRESSES_MAX:
            raise Declined(Decline.TOO_MANY, f"you have {ADDRESSES_MAX} addresses; remove one")
        wanted = (asset_id, network, address)
        if wanted in {(a.asset_id, a.network, a.address) for a in person.addresses.values()}:
            raise Declined(Decline.CONFLICT, "this address is in your book already")
        number = person.next_address_id
        record = AddressAdded(person.person_id, number, asset_id, network, address, label)
        self._personal.record(record, caller)
        self._personal.note(person.person_id, Deed.ADDRESS_ADDED, f"{asset} {address}", caller)
        hours = ADDRESS_COOLING_NS // (60 * MINUTE_NS)
        self._personal.mail(
            person.person_id,
            "Withdrawal address added",
            f"{address} ({asset}, {network}) can be withdrawn to in {hours} hours. If it was not "
            "you, remove it and change your password.",
            caller,
        )
        return person.addresses[number]

    def remove_address(self, person: Person, address_id: int, caller: Caller) -> list[int]:
        """Take an address off the list; return what was on its way there, which is canceled."""
        kept = person.addresses.get(address_id)
        if kept is None:
            raise not_found("address")
        under_way = [
            number
            for number, funding in person.fundings.items()
            if not funding.is_ended and _is_to(funding, kept)
        ]
        # First, so that whatever comes between the records, nothing leaves to no address.
        for number in under_way:
            self._cancel_for_address(person, number, caller)
        self._personal.record(AddressRemoved(person.person_id, address_id), caller)
        self._personal.note(person.person_id, Deed.ADDRESS_REMOVED, kept.address, caller)
        return under_way

    # -- in ---------------------------------------------------------------------------------

    def announce(
        self, person: Person, account: str, asset: str, amount: str, caller: Caller
    ) -> int:
        """Announce a deposit; return its number."""
        account_id = self._account(person, account, "account")
        asset_id, atoms = self._asset(asset), _atoms(amount)
        self._check_pending(person)
        due_ns = caller.now_ns + DEPOSIT_ARRIVES_NS
        record = DepositAnnounced(person.person_id, account_id, asset_id, atoms, due_ns)
        self._personal.record(record, caller)
        about = f"{amount_text(atoms)} {asset} to {account}"
        self._personal.note(person.person_id, Deed.DEPOSIT_ANNOUNCED, about, caller)
        return max(person.fundings)

    def confirm_deposit(self, person: Person, transfer_id: int, caller: Caller) -> None:
        """Let a deposit be there now."""
        funding = self._pending(person, transfer_id, is_deposit=True)
        self._close(transfer_id, caller, done=True)
        about = amount_text(funding.amount_atoms)
        about = f"{about} {self._exchange.listings.asset(funding.asset_id)}"
        self._personal.note(person.person_id, Deed.DEPOSIT_CONFIRMED, about, caller)

    # -- out --------------------------------------------------------------------------------

    def withdraw(self, person: Person, asked: Asked, caller: Caller) -> int:
        """Hold a withdrawal's amount and send the mail; return its number.

        The caller has had the second factor proven.
        """
        account_id = self._account(person, asked.account, "account")
        self._asset(asked.asset)
        wish = Wish(account_id, asked.asset, _atoms(asked.amount), asked.address_id)
        return self.open_withdrawal(person, wish, caller)

    def open_withdrawal(self, person: Person, wish: Wish, caller: Caller) -> int:
        """Do the same for who has proven another way that they may ask for it."""
        asset_id, atoms = self._asset(wish.asset), wish.amount_atoms
        to = person.addresses.get(wish.address_id)
        if to is None:
            raise not_found("address")
        if to.asset_id != asset_id:
            raise Declined(
                Decline.INVALID, f"this address is not one for {wish.asset}", field="address_id"
            )
        wait_ns = to.added_ns + ADDRESS_COOLING_NS - caller.now_ns
        if wait_ns > 0:
            raise Declined(
                Decline.COOLING,
                f"this address is new; it can be used in {-(-wait_ns // MINUTE_NS)} minutes",
                field="address_id",
                hint="the sandbox's clock can be advanced: steelyard clock advance 1d",
                retry_after_ns=wait_ns,
            )
        fee = to_atoms(networks_of(wish.asset).get(to.network, Decimal(0)))
        if atoms <= fee:
            raise Declined(
                Decline.INVALID,
                f"the network's fee is {amount_text(fee)} {wish.asset} and part of the amount; "
                "withdraw more than that",
                field="amount",
            )
        self._check_pending(person)
        self._check_free(wish.account_id, asset_id, atoms)
        token = self._personal.token(TOKEN_BYTES)
        record = WithdrawalAsked(
            person.person_id,
            wish.account_id,
            asset_id,
            atoms,
            fee,
            to.network,
            to.address,
            to.label,
            token_hash(token),
            caller.now_ns + MAIL_EXPIRES_NS,
            wish.client_withdrawal_id,
        )
        self._personal.record(record, caller)
        about = f"{amount_text(atoms)} {wish.asset} to {to.address}"
        by = f" by the API key {wish.key}" if wish.key else ""
        self._personal.note(person.person_id, Deed.WITHDRAWAL_ASKED, about + by, caller)
        who = f"Your API key {wish.key}" if wish.key else "You"
        undo = "revoke the key" if wish.key else "change your password"
        self._personal.mail(
            person.person_id,
            "Confirm your withdrawal",
            f"{who} asked to withdraw {about} ({to.network}; {amount_text(atoms - fee)} arrive). "
            f"Confirm it within {MAIL_EXPIRES_NS // MINUTE_NS} minutes with this code: {token}\n"
            f"If it was not you, cancel it and {undo}.",
            caller,
        )
        return max(person.fundings)

    def confirm_withdrawal(self, person: Person, token: str, caller: Caller) -> int:
        """Take a mail's token; return the number of its withdrawal, which now leaves.

        Raises:
            Declined: Nothing waits for it, its person has no second factor, or its address is in
                the book no longer; then it has been canceled.
        """
        digest = token_hash(token.strip().lower())
        for number, funding in person.fundings.items():
            is_it = hmac.compare_digest(funding.token_hash, digest)
            if is_it and (funding.expires_ns or 0) > caller.now_ns:
                require_totp(person)
                if not any(_is_to(funding, each) for each in person.addresses.values()):
                    self._cancel_for_address(person, number, caller)
                    raise Declined(
                        Decline.CONFLICT,
                        "the address of this withdrawal is in your book no longer, so it was "
                        "canceled; its amount is free again",
                    )
                due_ns = caller.now_ns + WITHDRAWAL_LEAVES_NS
                self._personal.record(WithdrawalConfirmed(person.person_id, number, due_ns), caller)
                self._personal.note(
                    person.person_id, Deed.WITHDRAWAL_CONFIRMED, funding.address, caller
                )
                return number
        raise Declined(
            Decline.NOT_FOUND,
            "no withdrawal of yours waits for this code; it may have expired or been used",
            field="token",
        )

    def cancel(self, person: Person, transfer_id: int, caller: Caller, *, is_deposit: bool) -> None:
        """Cancel what has not been carried out yet."""
        self._pending(person, transfer_id, is_deposit=is_deposit)
        self._close(transfer_id, caller, done=False)
        if not is_deposit:
            self._personal.note(
                person.person_id, Deed.WITHDRAWAL_CANCELED, str(transfer_id), caller
            )

    def _cancel_for_address(self, person: Person, transfer_id: int, caller: Caller) -> None:
        """Cancel a withdrawal whose address is taken off the list, and tell."""
        funding = person.fundings[transfer_id]
        self._close(transfer_id, caller, done=False)
        amount = f"{amount_text(-funding.amount_atoms)} "
        about = f"{amount}{self._exchange.listings.asset(funding.asset_id)} to {funding.address}"
        note = f"{transfer_id}: its address was removed"
        self._personal.note(person.person_id, Deed.WITHDRAWAL_CANCELED, note, caller)
        self._personal.mail(
            person.person_id,
            "Withdrawal canceled",
            f"The withdrawal of {about} was canceled, because this address was removed from your "
            "book. The amount is free again.",
            caller,
        )

    # -- what is asked ----------------------------------------------------------------------

    def transfers(self, person: Person) -> list[dict[str, Any]]:
        """Return the newest deposits and withdrawals of all of a person's accounts."""
        statements = self._exchange.statements
        found = [
            (transfer, account_id)
            for account_id in person.account_ids
            for transfer in statements.transfers(account_id)
        ]
        found.sort(key=lambda each: -each[0].transfer_id)
        return [self._shown(person, *each) for each in found[:TRANSFERS_SHOWN_MAX]]

    def transfer(self, person: Person, transfer_id: int) -> dict[str, Any]:
        """Return one of them."""
        for shown in self.transfers(person):
            if shown["id"] == transfer_id:
                return shown
        raise not_found("transfer")

    def addresses(self, person: Person, now_ns: int) -> list[dict[str, Any]]:
        """Return a person's address book."""
        return [self.shown_address(address, now_ns) for address in person.addresses.values()]

    def shown_address(self, address: Address, now_ns: int) -> dict[str, Any]:
        """Return an address for JSON."""
        usable_ns = address.added_ns + ADDRESS_COOLING_NS
        return {
            "id": address.address_id,
            "asset": self._exchange.listings.asset(address.asset_id),
            "network": address.network,
            "address": address.address,
            "label": address.label,
            "added": address.added_ns // 1_000_000,
            "usable_from": usable_ns // 1_000_000,
            "is_usable": usable_ns <= now_ns,
        }

    # -- parts ------------------------------------------------------------------------------

    def _account(self, person: Person, name: str, field: str) -> int:
        account_id = self._exchange.keys.people.names.get(name)
        if account_id is None or account_id not in person.account_ids:
            raise Declined(Decline.NOT_FOUND, f"you have no account {name!r}", field=field)
        return account_id

    def _asset(self, name: str) -> int:
        assets = self._exchange.listings.assets()
        for asset_id, known in assets.items():
            if known == name:
                return asset_id
        known_names = ", ".join(sorted(assets.values()))
        raise Declined(
            Decline.INVALID, f"no asset {name!r}; there are: {known_names}", field="asset"
        )

    def _check_free(self, account_id: int, asset_id: int, atoms: int) -> None:
        balances = self._exchange.engine.balances(account_id)
        free = balances[asset_id].free_atoms if asset_id in balances else 0
        if atoms > free:
            raise Declined(
                Decline.INSUFFICIENT_BALANCE,
                f"there are {amount_text(free)} free, not {amount_text(atoms)}; what open orders "
                "and withdrawals hold is not free",
                field="amount",
            )

    @staticmethod
    def _check_pending(person: Person) -> None:
        if sum(not funding.is_ended for funding in person.fundings.values()) >= PENDING_MAX:
            raise Declined(Decline.TOO_MANY, f"{PENDING_MAX} transfers of yours are under way")

    @staticmethod
    def _pending(person: Person, transfer_id: int, *, is_deposit: bool) -> Funding:
        what = "deposit" if is_deposit else "withdrawal"
        funding = person.fundings.get(transfer_id)
        if funding is None or (funding.amount_atoms > 0) is not is_deposit:
            raise not_found(what)
        if funding.is_ended:
            raise Declined(Decline.CONFLICT, f"this {what} is over; nothing can be changed")
        return funding

    def _close(self, transfer_id: int, caller: Caller, *, done: bool) -> None:
        effects = self._exchange.record(CloseTransfer(transfer_id, done), caller.now_ns)
        refused = next((e for e in effects if isinstance(e, Rejected)), None)
        if refused is not None:
            raise Declined(Decline.CONFLICT, f"the books refuse it: {refused.reason.name}")
        assert any(isinstance(e, TransferChanged) for e in effects), "it was pending"

    def _shown(self, person: Person, transfer: Transfer, account_id: int) -> dict[str, Any]:
        funding = person.fundings.get(transfer.transfer_id) or Funding(
            account_id, transfer.asset_id, transfer.amount_atoms
        )
        is_deposit = transfer.amount_atoms > 0
        amount = abs(transfer.amount_atoms)
        state = transfer.state.name.lower()
        if transfer.state is TransferState.PENDING and funding.token_hash:
            state = "awaiting_mail"
        names = {number: name for name, number in self._exchange.keys.people.names.items()}
        return {
            "id": transfer.transfer_id,
            "account": names[account_id],
            "what": "deposit" if is_deposit else "withdrawal",
            "asset": self._exchange.listings.asset(transfer.asset_id),
            "amount": amount_text(amount),
            "fee": amount_text(funding.fee_atoms),
            "arrives": amount_text(amount - funding.fee_atoms),
            "state": state,
            "network": funding.network,
            "address": funding.address,
            "label": funding.label,
            "opened": transfer.opened_ns // 1_000_000,
            "changed": transfer.changed_ns // 1_000_000,
            "expires": None if funding.expires_ns is None else funding.expires_ns // 1_000_000,
            "due": None if funding.due_ns is None else funding.due_ns // 1_000_000,
        }


def _is_to(funding: Funding, address: Address) -> bool:
    """Whether something goes to an address."""
    wanted = (address.asset_id, address.network, address.address)
    return (funding.asset_id, funding.network, funding.address) == wanted


def networks_of(asset: str) -> dict[str, Decimal]:
    """Return an asset's networks, and what a withdrawal costs there."""
    return NETWORKS.get(asset, OTHER_NETWORKS)


def _atoms(amount: str) -> int:
    try:
        atoms = to_atoms(parse_decimal(amount))
    except UnitError as error:
        raise Declined(Decline.INVALID, str(error), field="amount") from error
    if atoms <= 0:
        raise Declined(Decline.INVALID, "the amount must be more than 0", field="amount")
    return atoms
