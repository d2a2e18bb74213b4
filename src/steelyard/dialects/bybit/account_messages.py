"""Messages about an account, its key and its money, in the venue's own field names.

Source: https://bybit-exchange.github.io/docs/v5/account, /user and /asset, read 2026-11-22.
"""

# ruff: noqa: N815
# The field names are the venue's.

from typing import Any

from msgspec import UNSET, Struct, UnsetType

# -- requests -----------------------------------------------------------------------------------


class WalletRequest(Struct):
    """The balances of an account; of some coins, with commas."""

    accountType: str
    coin: str | None = None


class FeeRateRequest(Struct):
    """Fees, of a symbol or of all."""

    category: str
    symbol: str | None = None
    baseCoin: str | None = None


class MarginModeRequest(Struct):
    """How margin is shared between positions, of which there are none."""

    setMarginMode: str


class PositionsRequest(Struct):
    """Positions of contracts."""

    category: str
    symbol: str | None = None
    baseCoin: str | None = None
    settleCoin: str | None = None
    limit: int | None = None
    cursor: str | None = None


class PocketsRequest(Struct):
    """Coins of a pocket; with commas."""

    accountType: str
    coin: str | None = None


class CoinPocketRequest(Struct):
    """One coin of a pocket."""

    accountType: str
    coin: str


class MovableRequest(Struct):
    """What of coins, with commas, is free."""

    coinName: str


class WithdrawableRequest(Struct):
    """What of a coin can be withdrawn."""

    coin: str


class TransferRequest(Struct):
    """A transfer between pockets."""

    fromAccountType: str
    toAccountType: str
    coin: str = ""
    amount: str = ""
    transferId: str = ""


class TransfersRequest(Struct):
    """Transfers between pockets, whichever."""


class CoinRequest(Struct):
    """What there is to know of a coin, or of all."""

    coin: str | None = None


class DepositAddressRequest(Struct):
    """Where a coin comes in."""

    coin: str
    chainType: str | None = None


class RecordsRequest(Struct):
    """Deposits or withdrawals of a time."""

    coin: str | None = None
    withdrawID: str | None = None
    txID: str | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None
    cursor: str | None = None


class WithdrawRequest(Struct):
    """A withdrawal; the address has to be in the owner's book."""

    coin: str
    address: str
    amount: str
    chain: str | None = None
    tag: str | None = None
    timestamp: int | None = None
    forceChain: int | None = None
    accountType: str | None = None
    feeType: int | None = None
    requestId: str | None = None


class CancelWithdrawalRequest(Struct):
    """A withdrawal that is not to leave."""

    id: str


class LogRequest(Struct):
    """What moved in an account."""

    accountType: str | None = None
    category: str | None = None
    currency: str | None = None
    baseCoin: str | None = None
    type: str | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None
    cursor: str | None = None


# -- results ------------------------------------------------------------------------------------


class CoinBalance(Struct):
    """One coin of an account; `locked` is what open orders hold of `walletBalance`."""

    coin: str
    equity: str
    walletBalance: str
    usdValue: str = ""
    locked: str = "0"
    borrowAmount: str = "0"
    accruedInterest: str = "0"
    availableToWithdraw: str = ""
    availableToBorrow: str = ""
    bonus: str = "0"
    totalOrderIM: str = "0"
    totalPositionIM: str = "0"
    totalPositionMM: str = "0"
    unrealisedPnl: str = "0"
    cumRealisedPnl: str = "0"
    spotHedgingQty: str = "0"
    collateralSwitch: bool = True
    marginCollateral: bool = True
    spotBorrow: str = "0"


class Wallet(Struct):
    """An account's balances; the totals are dollars, by the last prices."""

    totalEquity: str
    totalWalletBalance: str
    totalMarginBalance: str
    totalAvailableBalance: str
    coin: tuple[CoinBalance, ...]
    accountType: str | UnsetType = UNSET
    accountLTV: str = "0"
    accountIMRate: str = "0"
    accountIMRateByMp: str = "0"
    accountMMRate: str = "0"
    accountMMRateByMp: str = "0"
    totalPerpUPL: str = "0"
    totalInitialMargin: str = "0"
    totalInitialMarginByMp: str = "0"
    totalMaintenanceMargin: str = "0"
    totalMaintenanceMarginByMp: str = "0"


class Wallets(Struct):
    """The accounts asked for: one."""

    list: tuple[Wallet, ...]


class AccountInfo(Struct):
    """What kind of account it is."""

    marginMode: str
    updatedTime: str
    unifiedMarginStatus: int
    dcpStatus: str
    timeWindow: int
    smpGroup: int
    isMasterTrader: bool = False
    spotHedgingStatus: str = "OFF"


class FeeRate(Struct):
    """Fees of a symbol, as shares."""

    symbol: str
    takerFeeRate: str
    makerFeeRate: str
    baseCoin: str | UnsetType = UNSET


class FeeRates(Struct):
    """Fees."""

    list: tuple[FeeRate, ...]
    category: str | UnsetType = UNSET


class MarginMode(Struct):
    """Why a mode was not set: for nothing."""

    reasons: tuple[Any, ...] = ()


class DcpInfo(Struct):
    """The switch of one product; its time is in seconds."""

    product: str
    dcpStatus: str
    timeWindow: str


class DcpInfos(Struct):
    """The switches that there are."""

    dcpInfos: tuple[DcpInfo, ...]


class PocketBalance(Struct):
    """A coin in a pocket: what is free, and all of it."""

    coin: str
    transferBalance: str
    walletBalance: str
    bonus: str = ""


class Pockets(Struct):
    """Coins of a pocket."""

    accountType: str
    memberId: str
    balance: tuple[PocketBalance, ...]


class CoinPocket(Struct):
    """One coin of a pocket."""

    accountType: str
    bizType: int
    accountId: str
    memberId: str
    balance: PocketBalance


class Movable(Struct):
    """What is free of the first coin that was named, and of each."""

    availableWithdrawal: str
    availableWithdrawalMap: dict[str, str]


class Takeable(Struct):
    """What of a coin in a pocket can be withdrawn, and all that is free or not."""

    coin: str
    withdrawableAmount: str
    availableBalance: str


class Withdrawable(Struct):
    """What of a coin can be withdrawn, by pocket; of the day's limit in dollars there is none."""

    limitAmountUsd: str
    withdrawableAmount: dict[str, Takeable]


class NoTransfers(Struct):
    """Transfers between pockets: none."""

    list: tuple[Any, ...] = ()
    nextPageCursor: str = ""


class Positions(Struct):
    """Positions: none."""

    category: str
    list: tuple[Any, ...] = ()
    nextPageCursor: str = ""


class SmpGroup(Struct):
    """Which accounts do not trade with each other: none has a group."""

    smpGroup: int = 0


class Rights(Struct):
    """What a key may do."""

    ContractTrade: tuple[str, ...] = ()
    Spot: tuple[str, ...] = ()
    Wallet: tuple[str, ...] = ()
    Options: tuple[str, ...] = ()
    Derivatives: tuple[str, ...] = ()
    CopyTrading: tuple[str, ...] = ()
    BlockTrade: tuple[str, ...] = ()
    Exchange: tuple[str, ...] = ()
    NFT: tuple[str, ...] = ()
    Affiliate: tuple[str, ...] = ()
    Earn: tuple[str, ...] = ()


class KeyInfo(Struct):
    """A key: its rights, from where, and until when."""

    id: str
    note: str
    apiKey: str
    readOnly: int
    permissions: Rights
    ips: tuple[str, ...]
    type: int
    deadlineDay: int | UnsetType
    expiredAt: str | UnsetType
    createdAt: str
    unified: int
    uta: int
    userID: int
    secret: str = ""
    inviterID: int = 0
    vipLevel: str = "No VIP"
    mktMakerLevel: str = "0"
    affiliateID: int = 0
    rsaPublicKey: str = ""
    isMaster: bool = True
    parentUid: str = "0"
    kycLevel: str = "LEVEL_DEFAULT"
    kycRegion: str = ""


class CoinChain(Struct):
    """A way in and out of a coin."""

    chain: str
    chainType: str
    confirmation: str
    withdrawFee: str
    depositMin: str
    withdrawMin: str
    chainDeposit: str
    chainWithdraw: str
    minAccuracy: str
    withdrawPercentageFee: str = "0"
    contractAddress: str = ""


class Coin(Struct):
    """A coin and its ways."""

    name: str
    coin: str
    remainAmount: str
    chains: tuple[CoinChain, ...]


class Coins(Struct):
    """Coins."""

    rows: tuple[Coin, ...]


class DepositChain(Struct):
    """An address."""

    chainType: str
    addressDeposit: str
    tagDeposit: str
    chain: str
    batchReleaseLimit: str = "-1"


class DepositAddress(Struct):
    """The addresses of a coin."""

    coin: str
    chains: tuple[DepositChain, ...]


class Deposit(Struct):
    """A deposit; status 1 is under way, 3 is there, 4 failed."""

    coin: str
    chain: str
    amount: str
    txID: str
    status: int
    toAddress: str
    successAt: str
    id: str = ""
    tag: str = ""
    depositFee: str = ""
    confirmations: str = ""
    txIndex: str = ""
    blockHash: str = ""
    batchReleaseLimit: str = "-1"
    depositType: str = "0"
    fromAddress: str = ""
    taxDepositRecordsId: str = ""
    taxStatus: int = 0


class Deposits(Struct):
    """Deposits, newest first."""

    rows: tuple[Deposit, ...]
    nextPageCursor: str = ""


class Withdrawal(Struct):
    """A withdrawal."""

    coin: str
    chain: str
    amount: str
    txID: str
    status: str
    toAddress: str
    tag: str
    withdrawFee: str
    createTime: str
    updateTime: str
    withdrawId: str
    withdrawType: int = 0
    fee: str = ""
    tax: str = ""
    taxRate: str = ""
    taxType: str = ""


class Withdrawals(Struct):
    """Withdrawals, newest first."""

    rows: tuple[Withdrawal, ...]
    nextPageCursor: str = ""


class WithdrawalId(Struct):
    """A withdrawal that was asked for."""

    id: str


class Status(Struct):
    """Whether it was done: 1."""

    status: int


class LogEntry(Struct):
    """One movement in one coin."""

    id: str
    symbol: str
    category: str
    side: str
    transactionTime: str
    type: str
    qty: str
    size: str
    currency: str
    tradePrice: str
    funding: str
    fee: str
    cashFlow: str
    change: str
    cashBalance: str
    feeRate: str
    bonusChange: str
    tradeId: str
    orderId: str
    orderLinkId: str
    extraFees: str = ""
    transSubType: str = ""


class Log(Struct):
    """Movements, newest first."""

    list: tuple[LogEntry, ...]
    nextPageCursor: str = ""
