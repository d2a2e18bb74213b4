"""Messages of the wallet (`/sapi`) and of listen keys, in the venue's own field names.

As in `messages.py`, one struct serves both ends.
"""

# ruff: noqa: N815
# The field names are the venue's.

from decimal import Decimal

from msgspec import UNSET, Struct

from steelyard.dialects.binance.messages import Optional

# -- requests -----------------------------------------------------------------------------------


class ListenKeyRequest(Struct, frozen=True, kw_only=True):
    """PUT and DELETE /api/v3/userDataStream."""

    listenKey: str


class DepositAddressRequest(Struct, frozen=True, kw_only=True):
    """GET /sapi/v1/capital/deposit/address."""

    coin: str
    network: str | None = None
    amount: Decimal | None = None


class DepositsRequest(Struct, frozen=True, kw_only=True):
    """GET /sapi/v1/capital/deposit/hisrec."""

    coin: str | None = None
    status: int | None = None
    startTime: int | None = None
    endTime: int | None = None
    offset: int = 0
    limit: int = 1_000
    txId: str | None = None
    includeSource: bool = False


class WithdrawRequest(Struct, frozen=True, kw_only=True):
    """POST /sapi/v1/capital/withdraw/apply."""

    coin: str
    address: str
    amount: Decimal
    network: str | None = None
    addressTag: str | None = None
    withdrawOrderId: str | None = None
    name: str | None = None
    transactionFeeFlag: bool = False
    walletType: int | None = None


class WithdrawalsRequest(Struct, frozen=True, kw_only=True):
    """GET /sapi/v1/capital/withdraw/history."""

    coin: str | None = None
    withdrawOrderId: str | None = None
    status: int | None = None
    offset: int = 0
    limit: int = 1_000
    startTime: int | None = None
    endTime: int | None = None
    idList: str | None = None


# -- answers ------------------------------------------------------------------------------------


class ListenKey(Struct, frozen=True, kw_only=True):
    """POST /api/v3/userDataStream."""

    listenKey: str


class Network(Struct, frozen=True, kw_only=True):
    """A way in and out of a coin."""

    network: str
    coin: str
    withdrawIntegerMultiple: str
    isDefault: bool
    depositEnable: bool = True
    withdrawEnable: bool = True
    depositDesc: str = ""
    withdrawDesc: str = ""
    specialTips: str = ""
    name: str
    resetAddressStatus: bool = False
    addressRegex: str
    memoRegex: str = ""
    withdrawFee: str
    withdrawMin: str
    withdrawMax: str
    minConfirm: int = 1
    unLockConfirm: int = 0
    sameAddress: bool = False
    estimatedArrivalTime: int
    busy: bool = False


class Coin(Struct, frozen=True, kw_only=True):
    """An element of GET /sapi/v1/capital/config/getall."""

    coin: str
    depositAllEnable: bool
    withdrawAllEnable: bool
    name: str
    free: str
    locked: str
    freeze: str = "0"
    withdrawing: str
    ipoing: str = "0"
    ipoable: str = "0"
    storage: str = "0"
    isLegalMoney: bool = False
    trading: bool = True
    networkList: tuple[Network, ...]


class DepositAddress(Struct, frozen=True, kw_only=True):
    """GET /sapi/v1/capital/deposit/address."""

    address: str
    coin: str
    tag: str = ""
    url: str = ""


class DepositRecord(Struct, frozen=True, kw_only=True):
    """An element of GET /sapi/v1/capital/deposit/hisrec.

    status: 0 pending, 1 success, 2 rejected.
    """

    id: str
    amount: str
    coin: str
    network: str
    status: int
    address: str
    addressTag: str = ""
    txId: str
    insertTime: int
    completeTime: int | Optional = UNSET
    transferType: int = 0
    confirmTimes: str
    unlockConfirm: int = 0
    walletType: int = 0


class Withdrawal(Struct, frozen=True, kw_only=True):
    """POST /sapi/v1/capital/withdraw/apply."""

    id: str


class WithdrawalRecord(Struct, frozen=True, kw_only=True):
    """An element of GET /sapi/v1/capital/withdraw/history.

    status: 0 mail sent, 2 awaiting approval, 3 rejected, 4 processing, 6 completed. The fee is not
    part of the amount here.
    """

    id: str
    amount: str
    transactionFee: str
    coin: str
    status: int
    address: str
    addressTag: str = ""
    txId: str
    applyTime: str
    network: str
    transferType: int = 0
    withdrawOrderId: str | Optional = UNSET
    info: str = ""
    confirmNo: int
    walletType: int = 0
    txKey: str = ""
    completeTime: str | Optional = UNSET
