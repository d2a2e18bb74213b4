"""What an exchange journals of people: who they are, what proves it, what they did.

No record holds a secret in the clear: a password is an argon2id hash, a TOTP secret is sealed
with a key that is not in this directory, a recovery code is hashed with that key, a mail token is
the SHA-256 of a random text. A record that moves money carries out its commands itself
(`commands_of`), so that a crash never parts the two.
"""

from enum import StrEnum

from msgspec import Struct

from steelyard.domain.commands import Command, Deposit, OpenAccount, OpenTransfer, Withdraw


class Deed(StrEnum):
    """What a line of a person's activity tells."""

    SIGNED_UP = "signed_up"
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"  # never journaled
    SIGNED_OUT = "signed_out"  # never journaled
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 a word
    PASSWORD_RESET = "password_reset"  # noqa: S105 a word
    TOTP_ENROLLED = "totp_enrolled"
    TOTP_REMOVED = "totp_removed"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    SUB_ACCOUNT_OPENED = "sub_account_opened"
    MOVED = "moved"
    KEY_CREATED = "key_created"
    KEY_CHANGED = "key_changed"
    KEY_ROTATED = "key_rotated"
    KEY_REVOKED = "key_revoked"
    ADDRESS_ADDED = "address_added"
    ADDRESS_REMOVED = "address_removed"
    DEPOSIT_ANNOUNCED = "deposit_announced"
    DEPOSIT_CONFIRMED = "deposit_confirmed"
    WITHDRAWAL_ASKED = "withdrawal_asked"
    WITHDRAWAL_CONFIRMED = "withdrawal_confirmed"
    WITHDRAWAL_CANCELED = "withdrawal_canceled"


class PersonRecord(Struct, frozen=True, tag=True):
    """Something that happened to one person."""

    person_id: int


class PersonSignedUp(PersonRecord, frozen=True, tag=True):
    """Somebody is here: with an account of the same name, which this opens."""

    name: str
    email: str
    account_id: int
    rate_e8: int
    password_hash: str


class PasswordSet(PersonRecord, frozen=True, tag=True):
    """A new password; a temporary one lets its owner do nothing but choose another."""

    password_hash: str
    is_temporary: bool = False
    expires_ns: int | None = None  # of a temporary one; those of older journals have no end


class TotpEnrolled(PersonRecord, frozen=True, tag=True):
    """A second factor; step is that of the code that confirmed it."""

    sealed: bytes
    recovery_hashes: tuple[bytes, ...]
    step: int


class TotpRemoved(PersonRecord, frozen=True, tag=True):
    """No second factor any more, and no recovery codes."""


class TotpStepUsed(PersonRecord, frozen=True, tag=True):
    """Codes of this step and before are worth nothing any more."""

    step: int


class RecoveryCodesMade(PersonRecord, frozen=True, tag=True):
    """New recovery codes; those before are worth nothing any more."""

    recovery_hashes: tuple[bytes, ...]


class RecoveryCodeUsed(PersonRecord, frozen=True, tag=True):
    """A recovery code was taken, once."""

    recovery_hash: bytes


class SubAccountOpened(PersonRecord, frozen=True, tag=True):
    """One more account of a person, which this opens; its whole name."""

    account_id: int
    name: str
    rate_e8: int


class Moved(PersonRecord, frozen=True, tag=True):
    """Something went from one of a person's accounts to another."""

    from_id: int
    to_id: int
    asset_id: int
    amount_atoms: int


class AddressAdded(PersonRecord, frozen=True, tag=True):
    """An address to withdraw to."""

    address_id: int
    asset_id: int
    network: str
    address: str
    label: str


class AddressRemoved(PersonRecord, frozen=True, tag=True):
    """An address was taken off the list."""

    address_id: int


class DepositAnnounced(PersonRecord, frozen=True, tag=True):
    """A deposit that will be there at `due_ns`, or when its owner says so."""

    account_id: int
    asset_id: int
    amount_atoms: int
    due_ns: int


class WithdrawalAsked(PersonRecord, frozen=True, tag=True):
    """A withdrawal that waits for the token of a mail until `expires_ns`; its amount is held.

    The fee is part of the amount: what arrives is the rest.
    """

    account_id: int
    asset_id: int
    amount_atoms: int
    fee_atoms: int
    network: str
    address: str
    label: str
    token_hash: bytes
    expires_ns: int
    client_withdrawal_id: str = ""  # a program's name for it, unique in its account


class WithdrawalConfirmed(PersonRecord, frozen=True, tag=True):
    """The mail's token came back; the withdrawal leaves at `due_ns`."""

    transfer_id: int
    due_ns: int


class PersonActed(PersonRecord, frozen=True, tag=True):
    """A line of a person's activity: what, about what, from which address."""

    what: Deed
    about: str
    ip: str


AnyPersonRecord = (
    PersonSignedUp
    | PasswordSet
    | TotpEnrolled
    | TotpRemoved
    | TotpStepUsed
    | RecoveryCodesMade
    | RecoveryCodeUsed
    | SubAccountOpened
    | Moved
    | AddressAdded
    | AddressRemoved
    | DepositAnnounced
    | WithdrawalAsked
    | WithdrawalConfirmed
    | PersonActed
)


def commands_of(record: PersonRecord) -> tuple[Command, ...]:
    """Return the engine's commands that a record stands for; the first refused ends it."""
    match record:
        case PersonSignedUp() | SubAccountOpened():
            return (OpenAccount(record.account_id, record.rate_e8, record.rate_e8),)
        case Moved():
            return (
                Withdraw(record.from_id, record.asset_id, record.amount_atoms),
                Deposit(record.to_id, record.asset_id, record.amount_atoms),
            )
        case DepositAnnounced():
            return (OpenTransfer(record.account_id, record.asset_id, record.amount_atoms),)
        case WithdrawalAsked():
            return (OpenTransfer(record.account_id, record.asset_id, -record.amount_atoms),)
        case _:
            return ()
