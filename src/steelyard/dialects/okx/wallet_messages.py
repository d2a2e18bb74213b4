"""Every message about currencies, deposits and withdrawals; values as in `messages.py`.

canDep and its like are truths.
"""

# ruff: noqa: N815  the venue's names

from msgspec import Struct

# -- what is asked ------------------------------------------------------------------------------


class CurrenciesRequest(Struct, frozen=True, kw_only=True):
    """asset/currencies, asset/balances; names with commas between them."""

    ccy: str | None = None


class CurrencyRequest(Struct, frozen=True, kw_only=True):
    """asset/deposit-address."""

    ccy: str


class TransfersRequest(Struct, frozen=True, kw_only=True):
    """asset/deposit-history and asset/withdrawal-history; after and before are times."""

    ccy: str | None = None
    depId: str | None = None
    wdId: str | None = None
    clientId: str | None = None
    fromWdId: str | None = None
    txId: str | None = None
    type: str | None = None
    state: str | None = None
    toAddrType: str | None = None
    after: str | None = None
    before: str | None = None
    limit: str | None = None


class WithdrawalRequest(Struct, frozen=True, kw_only=True):
    """asset/withdrawal; dest 4 is an address, 3 another account of the venue."""

    ccy: str
    amt: str
    dest: str
    toAddr: str
    toAddrType: str | None = None
    chain: str | None = None
    areaCode: str | None = None
    clientId: str | None = None
    fee: str | None = None
    pwd: str | None = None
    rcvrInfo: dict[str, str] | None = None


class CancelWithdrawalRequest(Struct, frozen=True, kw_only=True):
    """asset/cancel-withdrawal."""

    wdId: str


class TransferRequest(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """asset/transfer; 6 is the funding account, 18 the trading account."""

    ccy: str
    amt: str
    from_: str
    to: str
    type: str | None = None
    subAcct: str | None = None
    clientId: str | None = None
    loanTrans: bool | None = None
    omitPosRisk: bool | None = None


# -- what is answered ---------------------------------------------------------------------------


class Currency(Struct, frozen=True, kw_only=True):
    """asset/currencies: one network of a currency."""

    ccy: str
    name: str = ""
    logoLink: str = ""
    chain: str
    ctAddr: str = ""
    canDep: bool = True
    canWd: bool = True
    canInternal: bool = False
    depEstOpenTime: str = ""
    wdEstOpenTime: str = ""
    minDep: str = "0"
    minWd: str
    minInternal: str = "0"
    maxWd: str
    wdTickSz: str = "8"
    wdQuota: str = ""
    usedWdQuota: str = "0"
    fee: str
    minFee: str
    maxFee: str
    minFeeForCtAddr: str = ""
    maxFeeForCtAddr: str = ""
    burningFeeRate: str = ""
    mainNet: bool = False
    needTag: bool = False
    minDepArrivalConfirm: str = "1"
    minWdUnlockConfirm: str = "1"
    depQuotaFixed: str = ""
    usedDepQuotaFixed: str = ""
    depQuoteDailyLayer2: str = ""


class ValuationRequest(Struct, frozen=True, kw_only=True):
    """asset/asset-valuation; account/account-position-risk, whose type is not looked at."""

    ccy: str | None = None


class AssetBillsRequest(Struct, frozen=True, kw_only=True):
    """asset/bills; type 1 is a deposit, 2 a withdrawal; after and before are numbers of rows."""

    ccy: str | None = None
    type: str | None = None
    after: str | None = None
    before: str | None = None
    limit: str | None = None


class TransferStateRequest(Struct, frozen=True, kw_only=True):
    """asset/transfer-state."""

    transId: str | None = None


class MaxWithdrawal(Struct, frozen=True, kw_only=True):
    """account/max-withdrawal: without what is borrowed, and with it."""

    ccy: str
    maxWd: str
    maxWdEx: str
    spotOffsetMaxWd: str = ""
    spotOffsetMaxWdEx: str = ""


class Divided(Struct, frozen=True, kw_only=True):
    """What the accounts are worth."""

    trading: str
    funding: str = "0"
    classic: str = "0"
    earn: str = "0"


class Valuation(Struct, frozen=True, kw_only=True):
    """asset/asset-valuation."""

    totalBal: str
    ts: str
    details: Divided


class BalanceAtRisk(Struct, frozen=True, kw_only=True):
    """One currency of account/account-position-risk."""

    ccy: str
    eq: str
    disEq: str


class Risk(Struct, frozen=True, kw_only=True):
    """account/account-position-risk."""

    ts: str
    adjEq: str = ""
    balData: tuple[BalanceAtRisk, ...] = ()
    posData: tuple[dict[str, str], ...] = ()


class AssetBill(Struct, frozen=True, kw_only=True):
    """asset/bills."""

    billId: str
    ccy: str
    clientId: str = ""
    balChg: str
    bal: str
    type: str
    ts: str
    notes: str = ""


class AssetBalance(Struct, frozen=True, kw_only=True):
    """asset/balances."""

    ccy: str
    bal: str
    frozenBal: str
    availBal: str


class DepositAddress(Struct, frozen=True, kw_only=True):
    """asset/deposit-address; to says to which account, selected is a truth."""

    ccy: str
    chain: str
    addr: str
    tag: str = ""
    memo: str = ""
    pmtId: str = ""
    ctAddr: str = ""
    to: str = "18"
    selected: bool = True
    verifiedName: str = ""


class Deposit(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """asset/deposit-history; state 0 waits, 2 is booked."""

    ccy: str
    chain: str
    amt: str
    from_: str = ""
    areaCodeFrom: str = ""
    to: str = ""
    txId: str = ""
    ts: str
    state: str
    depId: str
    fromWdId: str = ""
    actualDepBlkConfirm: str = ""


class Withdrawal(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """asset/withdrawal-history; state 0 waits, 2 has left, -2 is canceled, 7 waits for a person."""

    ccy: str
    chain: str
    nonTradableAsset: bool = False
    amt: str
    ts: str
    from_: str = ""
    areaCodeFrom: str = ""
    to: str = ""
    areaCodeTo: str = ""
    toAddrType: str = "1"
    tag: str = ""
    pmtId: str = ""
    memo: str = ""
    addrEx: str = ""
    txId: str = ""
    fee: str
    feeCcy: str
    state: str
    wdId: str
    clientId: str = ""
    note: str = ""


class PushedDeposit(Deposit, frozen=True, kw_only=True, rename={"from_": "from"}):
    """The channel `deposit-info`."""

    pTime: str
    subAcct: str = ""
    uid: str = ""


class PushedWithdrawal(Withdrawal, frozen=True, kw_only=True, rename={"from_": "from"}):
    """The channel `withdrawal-info`."""

    pTime: str
    subAcct: str = ""
    uid: str = ""


class WithdrawalAsked(Struct, frozen=True, kw_only=True):
    """asset/withdrawal."""

    ccy: str
    chain: str
    amt: str
    wdId: str
    clientId: str = ""


class WithdrawalCanceled(Struct, frozen=True, kw_only=True):
    """asset/cancel-withdrawal."""

    wdId: str
