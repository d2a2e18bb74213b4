"""What may be asked and answered of an account's money: withdrawals, transfers, its statement.

These stand apart from Command and Query on purpose: a trader's end of a dialect takes only those
two, so no strategy has words for moving money out. Money is in atoms with its sign, what comes
is positive; times are UTC nanoseconds.
"""

from enum import IntEnum, StrEnum

from msgspec import Struct

from steelyard.domain.messages import WHOLE, Around


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

    The same client_withdrawal_id again is answered by the first withdrawal.
    """

    account_id: int
    asset: str
    amount_atoms: int
    address_id: int
    client_withdrawal_id: str = ""


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


MoneyCommand = AskWithdrawal | CancelWithdrawal
MoneyQuery = TransfersQuery | StatementQuery
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


MoneyAnswer = TransferInfo | TransferList | StatementList
