"""Every message about an account and its money, in the venue's own field names.

Values as in `messages.py`. A trading account is all that there is here: the funding account shows
the same money.
"""

# ruff: noqa: N815  the venue's names

from msgspec import UNSET, Struct, UnsetType

# -- what is asked ------------------------------------------------------------------------------


class BalanceRequest(Struct, frozen=True, kw_only=True):
    """account/balance, asset/balances; several names with commas between them."""

    ccy: str | None = None


class FeeRequest(Struct, frozen=True, kw_only=True):
    """account/trade-fee."""

    instType: str
    instId: str | None = None
    uly: str | None = None
    instFamily: str | None = None
    ruleType: str | None = None
    groupId: str | None = None


class PositionsRequest(Struct, frozen=True, kw_only=True):
    """account/positions and what else asks for positions."""

    instType: str | None = None
    instId: str | None = None
    posId: str | None = None


class SizeRequest(Struct, frozen=True, kw_only=True):
    """account/max-size, account/max-avail-size; names with commas between them."""

    instId: str
    tdMode: str
    ccy: str | None = None
    px: str | None = None
    leverage: str | None = None
    reduceOnly: bool | None = None


class BillsRequest(Struct, frozen=True, kw_only=True):
    """account/bills and account/bills-archive."""

    instType: str | None = None
    instId: str | None = None
    ccy: str | None = None
    mgnMode: str | None = None
    ctType: str | None = None
    type: str | None = None
    subType: str | None = None
    after: str | None = None
    before: str | None = None
    begin: str | None = None
    end: str | None = None
    limit: str | None = None


class LeverageRequest(Struct, frozen=True, kw_only=True):
    """account/set-leverage and account/leverage-info."""

    mgnMode: str
    lever: str | None = None
    instId: str | None = None
    ccy: str | None = None
    posSide: str | None = None


class PositionModeRequest(Struct, frozen=True, kw_only=True):
    """account/set-position-mode."""

    posMode: str


# -- what is answered ---------------------------------------------------------------------------


class BalanceDetail(Struct, frozen=True, kw_only=True):
    """One currency of account/balance; what a spot account has not is empty."""

    ccy: str
    eq: str
    cashBal: str
    uTime: str
    isoEq: str = "0"
    availEq: str = ""
    disEq: str = ""
    fixedBal: str = "0"
    availBal: str
    frozenBal: str
    ordFrozen: str
    liab: str = ""
    upl: str = ""
    uplLiab: str = ""
    crossLiab: str = ""
    isoLiab: str = ""
    rewardBal: str = "0"
    mgnRatio: str = ""
    imr: str = ""
    mmr: str = ""
    interest: str = ""
    twap: str = "0"
    maxLoan: str = ""
    eqUsd: str = ""
    borrowFroz: str = ""
    notionalLever: str = ""
    stgyEq: str = "0"
    isoUpl: str = ""
    spotInUseAmt: str = ""
    clSpotInUseAmt: str = ""
    maxSpotInUseAmt: str = ""
    spotIsoBal: str = "0"
    smtSyncEq: str = "0"
    spotCopyTradingEq: str = "0"
    spotBal: str = ""
    openAvgPx: str = ""
    accAvgPx: str = ""
    spotUpl: str = ""
    spotUplRatio: str = ""
    totalPnl: str = ""
    totalPnlRatio: str = ""


class Balance(Struct, frozen=True, kw_only=True):
    """account/balance and the channel `account`."""

    uTime: str
    totalEq: str = ""
    isoEq: str = ""
    adjEq: str = ""
    availEq: str = ""
    ordFroz: str = ""
    imr: str = ""
    mmr: str = ""
    borrowFroz: str = ""
    mgnRatio: str = ""
    notionalUsd: str = ""
    upl: str = ""
    details: tuple[BalanceDetail, ...]


class Config(Struct, frozen=True, kw_only=True):
    """account/config: what the asking key may do, and how its account is set."""

    uid: str
    mainUid: str
    acctLv: str = "1"
    acctStpMode: str = "cancel_maker"
    posMode: str = "net_mode"
    autoLoan: bool = False
    greeksType: str = "PA"
    feeType: str = "0"
    level: str = "Lv1"
    levelTmp: str = ""
    ctIsoMode: str = "automatic"
    mgnIsoMode: str = "automatic"
    spotOffsetType: str = ""
    stgyType: str = "0"
    roleType: str = "0"
    traderInsts: tuple[str, ...] = ()
    spotRoleType: str = "0"
    spotTraderInsts: tuple[str, ...] = ()
    opAuth: str = "0"
    kycLv: str = "3"
    label: str = ""
    ip: str = ""
    perm: str
    type: str = "0"


class FeeGroup(Struct, frozen=True, kw_only=True):
    """Rates of a group of instruments."""

    groupId: str = "1"
    maker: str
    taker: str


class Fee(Struct, frozen=True, kw_only=True):
    """account/trade-fee; what is paid is below zero."""

    instType: str = "SPOT"
    category: str | UnsetType = UNSET
    level: str = "Lv1"
    maker: str
    taker: str
    makerU: str = ""
    takerU: str = ""
    makerUSDC: str = ""
    takerUSDC: str = ""
    delivery: str = ""
    exercise: str = ""
    ruleType: str | UnsetType = UNSET
    feeGroup: tuple[FeeGroup, ...] | UnsetType = UNSET
    uly: str | UnsetType = UNSET
    ts: str


class MaxSize(Struct, frozen=True, kw_only=True):
    """account/max-size: what could be bought of base, and sold."""

    instId: str
    ccy: str = ""
    maxBuy: str
    maxSell: str


class MaxAvail(Struct, frozen=True, kw_only=True):
    """account/max-avail-size: what there is of quote to buy with, and of base to sell."""

    instId: str
    availBuy: str
    availSell: str


class Bill(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """account/bills: one movement in one currency."""

    instType: str = ""
    billId: str
    type: str
    subType: str
    ts: str
    balChg: str
    posBalChg: str = ""
    bal: str
    posBal: str = ""
    sz: str = ""
    px: str = ""
    ccy: str
    pnl: str = "0"
    fee: str = "0"
    earnAmt: str = ""
    earnApr: str = ""
    mgnMode: str = ""
    instId: str = ""
    ordId: str = ""
    execType: str = ""
    interest: str = "0"
    tag: str = ""
    fillTime: str = ""
    tradeId: str = ""
    clOrdId: str = ""
    fillIdxPx: str = ""
    fillMarkPx: str = ""
    notes: str = ""
    from_: str = ""
    to: str = ""


class PositionMode(Struct, frozen=True, kw_only=True):
    """account/set-position-mode."""

    posMode: str
