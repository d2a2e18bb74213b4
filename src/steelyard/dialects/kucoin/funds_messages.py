"""Wire messages of deposits and withdrawals over REST, in the venue's own field names."""

# ruff: noqa: N815 the venue's own spelling

from msgspec import Struct


class AddressRequest(Struct, frozen=True, kw_only=True):
    """Where deposits of a currency come in; `to` is passed over, as there is one wallet."""

    currency: str
    chain: str | None = None
    to: str | None = None
    amount: str | None = None


class DepositAddress(Struct, frozen=True, kw_only=True):
    """An address; older clients read `chain`."""

    address: str
    memo: str | None = ""
    remark: str | None = ""
    chainId: str
    to: str = "TRADE"
    expirationDate: int = 0
    currency: str
    contractAddress: str = ""
    chainName: str
    chain: str


class TransfersRequest(Struct, frozen=True, kw_only=True):
    """Deposits or withdrawals, page by page; times in milliseconds."""

    currency: str | None = None
    startAt: int | None = None
    endAt: int | None = None
    status: str | None = None
    pageSize: int = 50
    currentPage: int = 1


class Deposit(Struct, frozen=True, kw_only=True):
    """What came in; `walletTxId` is the exchange's own number, as nothing comes by a chain."""

    id: str
    currency: str
    chain: str
    status: str
    address: str
    memo: str | None = ""
    isInner: bool = False
    amount: str
    fee: str = "0"
    walletTxId: str
    createdAt: int
    updatedAt: int
    remark: str | None = ""
    arrears: bool = False


class Withdrawal(Struct, frozen=True, kw_only=True):
    """What goes out; the fee is not in the amount."""

    id: str
    currency: str
    chain: str
    status: str
    address: str
    memo: str | None = ""
    isInner: bool = False
    amount: str
    fee: str
    walletTxId: str | None = None
    createdAt: int
    updatedAt: int
    remark: str | None = ""


class Deposits(Struct, frozen=True, kw_only=True):
    """A page of deposits, newest first."""

    currentPage: int
    pageSize: int
    totalNum: int
    totalPage: int
    items: tuple[Deposit, ...]


class Withdrawals(Struct, frozen=True, kw_only=True):
    """A page of withdrawals, newest first."""

    currentPage: int
    pageSize: int
    totalNum: int
    totalPage: int
    items: tuple[Withdrawal, ...]


class NewWithdrawal(Struct, frozen=True, kw_only=True):
    """A withdrawal; `address` is the older route's toAddress."""

    currency: str
    amount: str
    toAddress: str | None = None
    address: str | None = None
    withdrawType: str | None = None
    chain: str | None = None
    memo: str | None = None
    isInner: bool = False
    remark: str | None = None
    feeDeductType: str | None = None


class WithdrawalId(Struct, frozen=True, kw_only=True):
    """A withdrawal that waits for its owner."""

    withdrawalId: str


class WithdrawalRequest(Struct, frozen=True, kw_only=True):
    """One withdrawal."""

    withdrawalId: str


class QuotaRequest(Struct, frozen=True, kw_only=True):
    """What may be withdrawn of a currency."""

    currency: str
    chain: str | None = None


class Quota(Struct, frozen=True, kw_only=True):
    """What may be withdrawn of a currency; nothing but the balance limits it here."""

    currency: str
    remainAmount: str
    availableAmount: str
    withdrawMinFee: str
    innerWithdrawMinFee: str = "0"
    withdrawMinSize: str
    isWithdrawEnabled: bool = True
    precision: int
    chain: str
    lockedAmount: str = "0"
