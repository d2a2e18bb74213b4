"""What may be asked and answered of an account's money: withdrawals, transfers, its statement.

These stand apart from Command and Query on purpose: a trader's end of a dialect takes only those
two, so no strategy has words for moving money out. Money is in atoms with its sign, what comes
is positive; times are UTC nanoseconds.
"""

from enum import IntEnum, StrEnum

from msgspec import Struct

from steelyard.domain.messages import WHOLE, Around

# What an address looks like: no coin moves anywhere, so each is as good as any.
ADDRESS_FORM = "[A-Za-z0-9][A-Za-z0-9:._-]{9,127}"


class TransferStage(IntEnum):
    """How far a deposit or withdrawal is."""

    AWAITING_MAIL = 1  # a withdrawal that its owner has not confirmed yet
    PENDING = 2
    DONE = 3
    CANCELED = 4


class EntryKind(StrEnum):
    """Why something moved."""

    TRADE = "trade"  # two entries each: what came and what went
    FEE = "fee"  # a rebate is one that comes
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    MOVE = "move"  # between two accounts of one person


# -- what is asked ------------------------------------------------------------------------------


class AskWithdrawal(Struct, frozen=True, tag=True):
    """Hold an amount (positive) and ask its owner by mail whether it may leave.

    The same client_withdrawal_id again is answered by the first withdrawal. Where address_id is 0
    the address is the one of the book that reads or is called so, on this network where one is
    named.
    """

    account_id: int
    asset: str
    amount_atoms: int
    address_id: int
    client_withdrawal_id: str = ""
    address: str = ""
    network: str = ""


class CancelWithdrawal(Struct, frozen=True, tag=True):
    """Cancel a withdrawal that has not left yet."""

    account_id: int
    transfer_id: int


class TransfersQuery(Struct, frozen=True, tag=True):
    """An account's deposits and withdrawals, oldest first. Without a start: the newest `limit`.

    after and before are places in the list, exclusive, as `Around` tells them.
    """

    account_id: int
    limit: int
    asset: str | None = None
    withdrawals_only: bool = False
    deposits_only: bool = False
    start_ns: int | None = None
    end_ns: int | None = None
    after: int | None = None
    before: int | None = None


class StatementQuery(Struct, frozen=True, tag=True):
    """What moved in an account, oldest first. Without a start: the newest `limit`.

    after and before are places in the list, exclusive, as `Around` tells them.
    """

    account_id: int
    limit: int
    asset: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    after: int | None = None
    before: int | None = None


class WalletQuery(Struct, frozen=True, tag=True):
    """What an account has of each asset, and the ways in and out."""

    account_id: int


class DepositAddressQuery(Struct, frozen=True, tag=True):
    """Where an account's deposits of an asset would come in; None is the first network."""

    account_id: int
    asset: str
    network: str | None = None


class AddressBookQuery(Struct, frozen=True, tag=True):
    """Where an account's owner lets withdrawals go."""

    account_id: int


MoneyCommand = AskWithdrawal | CancelWithdrawal
MoneyQuery = TransfersQuery | StatementQuery | WalletQuery | DepositAddressQuery | AddressBookQuery
MoneyMessage = MoneyCommand | MoneyQuery


# -- what is ------------------------------------------------------------------------------------


class TransferInfo(Struct, frozen=True, tag=True):
    """A deposit or withdrawal as it is now; answers AskWithdrawal and CancelWithdrawal.

    fee_atoms is the network's and part of the amount. What its owner said of it is empty where
    the exchange's operator opened it.
    """

    transfer_id: int
    asset_id: int
    amount_atoms: int
    stage: TransferStage
    opened_ns: int
    changed_ns: int
    fee_atoms: int = 0
    network: str = ""
    address: str = ""
    label: str = ""
    client_withdrawal_id: str = ""
    expires_ns: int | None = None
    due_ns: int | None = None


class TransferList(Struct, frozen=True, tag=True):
    """Answer to TransfersQuery."""

    transfers: tuple[TransferInfo, ...]
    around: Around = WHOLE


class StatementLine(Struct, frozen=True):
    """One movement in one asset; number counts them in the account, balance is what was there then.

    What does not apply is None or 0.
    """

    number: int
    time_ns: int
    kind: EntryKind
    asset_id: int
    amount_atoms: int
    balance_atoms: int
    instrument_id: int | None = None
    order_id: int = 0
    trade_id: int = 0
    transfer_id: int = 0


class StatementList(Struct, frozen=True, tag=True):
    """Answer to StatementQuery."""

    lines: tuple[StatementLine, ...]
    around: Around = WHOLE


class WalletNetwork(Struct, frozen=True):
    """A network of an asset; a withdrawal has to be more than the fee, which is part of it.

    arrives_ns and leaves_ns is how long deposits and withdrawals that were confirmed take.
    """

    network: str
    fee_atoms: int
    arrives_ns: int
    leaves_ns: int


class WalletAsset(Struct, frozen=True):
    """One asset of an account; held is what open orders hold, leaving what withdrawals do."""

    asset_id: int
    free_atoms: int
    held_atoms: int
    leaving_atoms: int
    networks: tuple[WalletNetwork, ...]


class Wallet(Struct, frozen=True, tag=True):
    """Answer to WalletQuery; every asset that is used here."""

    assets: tuple[WalletAsset, ...]


class DepositAddress(Struct, frozen=True, tag=True):
    """Answer to DepositAddressQuery. It is the sandbox's pretence: nothing arrives there.

    others are those on the asset's other networks, where a question names none.
    """

    asset: str
    network: str
    address: str
    others: tuple["DepositAddress", ...] = ()


class BookedAddress(Struct, frozen=True):
    """One address of an owner's book; nothing goes there before usable_ns."""

    asset_id: int
    network: str
    address: str
    label: str
    usable_ns: int


class AddressBook(Struct, frozen=True, tag=True):
    """Answer to AddressBookQuery; empty where nobody has signed up for the account."""

    addresses: tuple[BookedAddress, ...]


MoneyAnswer = TransferInfo | TransferList | StatementList | Wallet | DepositAddress | AddressBook
