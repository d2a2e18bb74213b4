"""People: who has signed up, what proves who they are, which accounts are theirs, what they did.

The state that the journal's person records make; what may happen is `personal`'s to decide. Money
is the engine's: a withdrawal or deposit here is what its owner said about a transfer of the
engine, whose state it follows. Of each person the newest `ACTIVITY_MAX` lines of activity and
`ENDED_MAX` ended transfers are kept; tries that failed, the newest `FAILED_MAX`, are in memory
only.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from msgspec import Struct

from steelyard.domain.commands import CloseTransfer, Effect, TransferChanged
from steelyard.domain.order import TransferState
from steelyard.exchange.lockout import FREE_TRIES_PER_IP, Lockout
from steelyard.exchange.outbox import Outbox
from steelyard.exchange.people_records import (
    AddressAdded,
    AddressRemoved,
    Deed,
    DepositAnnounced,
    PasswordSet,
    PersonActed,
    PersonRecord,
    PersonSignedUp,
    RecoveryCodesMade,
    RecoveryCodeUsed,
    SubAccountOpened,
    TotpEnrolled,
    TotpRemoved,
    TotpStepUsed,
    WithdrawalAsked,
    WithdrawalConfirmed,
)

ACTIVITY_MAX = 1_000
FAILED_MAX = 100
KNOWN_IPS_MAX = 50
ENDED_MAX = 1_000


class Activity(Struct, frozen=True, array_like=True):
    """A line of a person's activity."""

    time_ns: int
    what: Deed
    about: str
    ip: str


class Address(Struct, frozen=True):
    """Where a person may withdraw to, from `added_ns` and the cooling period on."""

    address_id: int
    asset_id: int
    network: str
    address: str
    label: str
    added_ns: int


class Funding(Struct):
    """What a person said about a transfer; a deposit has no address, fee or token.

    due_ns is when it is carried out by itself, expires_ns when it is canceled by itself.
    """

    account_id: int
    asset_id: int
    amount_atoms: int  # with its sign
    fee_atoms: int = 0
    network: str = ""
    address: str = ""
    label: str = ""
    token_hash: bytes = b""
    expires_ns: int | None = None
    due_ns: int | None = None
    client_withdrawal_id: str = ""
    is_ended: bool = False


class Person(Struct):
    """One person, as a snapshot keeps them."""

    person_id: int
    name: str
    email: str
    account_id: int
    password_hash: str
    since_ns: int
    generation: int = 0  # how many passwords there were before; each ends the sessions
    is_temporary: bool = False  # the password; another one has to be chosen
    password_expires_ns: int | None = None
    totp_sealed: bytes | None = None
    totp_step: int = -1
    recovery_hashes: list[bytes] = []
    sub_accounts: list[int] = []
    addresses: dict[int, Address] = {}
    next_address_id: int = 1
    known_ips: list[str] = []
    activity: list[Activity] = []
    fundings: dict[int, Funding] = {}  # by transfer id

    @property
    def has_totp(self) -> bool:
        """Whether there is a second factor."""
        return self.totp_sealed is not None

    @property
    def account_ids(self) -> tuple[int, ...]:
        """The numbers of all of their accounts, the first one first."""
        return (self.account_id, *self.sub_accounts)


class People:
    """Everybody who has signed up."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self.lockout = Lockout()  # by name
        self.code_lockout = Lockout()  # by person
        self.password_lockout = Lockout()  # by person who is signed in
        self.ip_lockout = Lockout(FREE_TRIES_PER_IP)
        self.code_mails: dict[int, int] = {}  # when a person was last written to of wrong codes
        self._persons: dict[int, Person] = {}
        self._by_name: dict[str, int] = {}
        self._by_account: dict[int, int] = {}
        self._owners: dict[int, int] = {}  # of transfers
        self._failed: dict[int, deque[Activity]] = {}
        self._due: list[tuple[int, int]] = []  # (time_ns, transfer id), a heap

    # -- what happened ----------------------------------------------------------------------

    def apply(self, record: PersonRecord, effects: Iterable[Effect], now_ns: int) -> None:
        """Enter a record; effects are those of its own commands, none of them refused."""
        if isinstance(record, PersonSignedUp):
            self._enter(
                Person(
                    record.person_id,
                    record.name,
                    record.email,
                    record.account_id,
                    record.password_hash,
                    now_ns,
                )
            )
            return
        person = self._persons[record.person_id]
        match record:
            case PasswordSet():
                person.password_hash = record.password_hash
                person.is_temporary = record.is_temporary
                person.password_expires_ns = record.expires_ns
                person.generation += 1
            case TotpEnrolled():
                person.totp_sealed, person.totp_step = record.sealed, record.step
                person.recovery_hashes = [*record.recovery_hashes]
            case TotpRemoved():
                person.totp_sealed, person.recovery_hashes = None, []
            case TotpStepUsed():
                person.totp_step = max(person.totp_step, record.step)
            case RecoveryCodesMade():
                person.recovery_hashes = [*record.recovery_hashes]
            case RecoveryCodeUsed():
                person.recovery_hashes.remove(record.recovery_hash)
            case SubAccountOpened():
                person.sub_accounts.append(record.account_id)
                self._by_account[record.account_id] = person.person_id
            case AddressAdded():
                self._add_address(person, record, now_ns)
            case AddressRemoved():
                person.addresses.pop(record.address_id, None)
            case DepositAnnounced() | WithdrawalAsked():
                self._add_funding(person, record, effects)
            case WithdrawalConfirmed():
                funding = person.fundings[record.transfer_id]
                funding.expires_ns, funding.due_ns = None, record.due_ns
                funding.token_hash = b""
                heappush(self._due, (record.due_ns, record.transfer_id))
            case PersonActed():
                self._add_activity(person, record, now_ns)
            case _:
                pass  # what was moved is in the ledger

    def transfer_changed(self, effect: TransferChanged) -> None:
        """Follow what became of a transfer, whoever decided it."""
        owner = self._owners.get(effect.transfer_id)
        if owner is None or effect.state is TransferState.PENDING:
            return
        del self._owners[effect.transfer_id]
        fundings = self._persons[owner].fundings
        fundings[effect.transfer_id].is_ended = True
        fundings[effect.transfer_id].token_hash = b""
        ended = [number for number, funding in fundings.items() if funding.is_ended]
        for number in ended[: max(0, len(ended) - ENDED_MAX)]:
            del fundings[number]

    def failed(self, person_id: int, what: Deed, about: str, ip: str, now_ns: int) -> None:
        """Note what changed nothing, for as long as this process lives."""
        lines = self._failed.setdefault(person_id, deque(maxlen=FAILED_MAX))
        lines.append(Activity(now_ns, what, about, ip))

    def due(self, now_ns: int) -> Iterator[CloseTransfer]:
        """Yield what is to be carried out or canceled by now, each once."""
        while self._due and self._due[0][0] <= now_ns:
            time_ns, transfer_id = heappop(self._due)
            owner = self._owners.get(transfer_id)
            if owner is None:
                continue
            funding = self._persons[owner].fundings[transfer_id]
            if time_ns in (funding.due_ns, funding.expires_ns):
                yield CloseTransfer(transfer_id, done=time_ns == funding.due_ns)

    # -- what is asked ----------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._persons)

    def __iter__(self) -> Iterator[Person]:
        return iter(self._persons.values())

    def find(self, name: str) -> Person | None:
        """Return the person of a name, however its letters are written."""
        person_id = self._by_name.get(name.casefold())
        return None if person_id is None else self._persons[person_id]

    def get(self, person_id: int) -> Person:
        """Return a person who is known to be there."""
        return self._persons[person_id]

    def owner_of(self, account_id: int) -> Person | None:
        """Return whose account it is; None where it is nobody's."""
        person_id = self._by_account.get(account_id)
        return None if person_id is None else self._persons[person_id]

    def next_person_id(self) -> int:
        """Return the number that a new person gets."""
        return max(self._persons, default=0) + 1

    def activity(self, person_id: int) -> list[Activity]:
        """Return a person's activity with what failed, newest first."""
        lines = [*self._persons[person_id].activity, *self._failed.get(person_id, ())]
        lines.sort(key=lambda line: line.time_ns)
        lines.reverse()
        return lines

    # -- snapshots --------------------------------------------------------------------------

    def snapshot(self) -> list[Person]:
        """Return everybody."""
        return [*self._persons.values()]

    def restore(self, persons: Iterable[Person]) -> None:
        """Replace an empty exchange's people by a snapshot's."""
        for person in persons:
            self._enter(person)
            for account_id in person.sub_accounts:
                self._by_account[account_id] = person.person_id
            for transfer_id, funding in person.fundings.items():
                if not funding.is_ended:
                    self._watch(person, transfer_id, funding)

    # -- one record -------------------------------------------------------------------------

    def _enter(self, person: Person) -> None:
        self._persons[person.person_id] = person
        self._by_name[person.name.casefold()] = person.person_id
        self._by_account[person.account_id] = person.person_id

    def _add_address(self, person: Person, record: AddressAdded, now_ns: int) -> None:
        person.next_address_id = record.address_id + 1
        person.addresses[record.address_id] = Address(
            record.address_id,
            record.asset_id,
            record.network,
            record.address,
            record.label,
            now_ns,
        )

    def _add_funding(
        self,
        person: Person,
        record: DepositAnnounced | WithdrawalAsked,
        effects: Iterable[Effect],
    ) -> None:
        opened = next(e for e in effects if isinstance(e, TransferChanged))
        funding = Funding(record.account_id, record.asset_id, opened.amount_atoms)
        if isinstance(record, DepositAnnounced):
            funding.due_ns = record.due_ns
        else:
            funding.fee_atoms, funding.network = record.fee_atoms, record.network
            funding.address, funding.label = record.address, record.label
            funding.token_hash, funding.expires_ns = record.token_hash, record.expires_ns
            funding.client_withdrawal_id = record.client_withdrawal_id
        person.fundings[opened.transfer_id] = funding
        self._watch(person, opened.transfer_id, funding)

    def _watch(self, person: Person, transfer_id: int, funding: Funding) -> None:
        self._owners[transfer_id] = person.person_id
        for time_ns in (funding.due_ns, funding.expires_ns):
            if time_ns is not None:
                heappush(self._due, (time_ns, transfer_id))

    def _add_activity(self, person: Person, record: PersonActed, now_ns: int) -> None:
        person.activity.append(Activity(now_ns, record.what, record.about, record.ip))
        del person.activity[:-ACTIVITY_MAX]
        if record.what in (Deed.SIGNED_UP, Deed.SIGNED_IN) and record.ip not in person.known_ips:
            person.known_ips.append(record.ip)
            del person.known_ips[:-KNOWN_IPS_MAX]
