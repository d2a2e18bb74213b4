"""Every message about orders, in the venue's own field names; values as in `messages.py`.

What a client sends may be numbers and truths too. Structs of requests hold what the venue documents
for spot; what only derivatives have is there where clients send it for everything.
"""

# ruff: noqa: N815  the venue's names

from msgspec import UNSET, Struct, UnsetType

from steelyard.dialects.okx.messages import Items

# -- what is asked ------------------------------------------------------------------------------


class AttachedAlgo(Struct, frozen=True, kw_only=True):
    """What closes a new order's position once it has filled."""

    attachAlgoId: str | None = None
    attachAlgoClOrdId: str | None = None
    tpTriggerPx: str | None = None
    tpTriggerRatio: str | None = None
    tpTriggerPxType: str | None = None
    tpOrdPx: str | None = None
    tpOrdKind: str | None = None
    slTriggerPx: str | None = None
    slTriggerRatio: str | None = None
    slTriggerPxType: str | None = None
    slOrdPx: str | None = None
    sz: str | None = None
    amendPxOnTriggerType: str | None = None


class NewOrder(Struct, frozen=True, kw_only=True):
    """One order of trade/order and trade/batch-orders; over a WebSocket instIdCode names it."""

    instId: str | None = None
    instIdCode: int | None = None
    tdMode: str | None = None
    ccy: str | None = None
    side: str
    posSide: str | None = None
    ordType: str
    sz: str
    px: str | None = None
    pxUsd: str | None = None
    pxVol: str | None = None
    tgtCcy: str | None = None
    clOrdId: str | None = None
    tag: str | None = None
    reduceOnly: bool | None = None
    stpMode: str | None = None
    banAmend: bool | None = None
    pxAmendType: str | None = None
    tradeQuoteCcy: str | None = None
    slippagePct: str | None = None
    attachAlgoOrds: tuple[AttachedAlgo, ...] = ()


class NewOrders(Items, frozen=True, kw_only=True):
    """trade/order and trade/batch-orders."""

    items: tuple[NewOrder, ...]


class CancelOrder(Struct, frozen=True, kw_only=True):
    """One order of trade/cancel-order and trade/cancel-batch-orders."""

    instId: str | None = None
    instIdCode: int | None = None
    ordId: str | None = None
    clOrdId: str | None = None


class CancelOrders(Items, frozen=True, kw_only=True):
    """trade/cancel-order and trade/cancel-batch-orders."""

    items: tuple[CancelOrder, ...]


class AmendOrder(Struct, frozen=True, kw_only=True):
    """One order of trade/amend-order and trade/amend-batch-orders; newSz counts what has filled."""

    instId: str | None = None
    instIdCode: int | None = None
    ordId: str | None = None
    clOrdId: str | None = None
    cxlOnFail: bool | None = None
    reqId: str | None = None
    newSz: str | None = None
    newPx: str | None = None
    newPxUsd: str | None = None
    newPxVol: str | None = None
    pxAmendType: str | None = None
    attachAlgoOrds: tuple[dict[str, str], ...] = ()


class AmendOrders(Items, frozen=True, kw_only=True):
    """trade/amend-order and trade/amend-batch-orders."""

    items: tuple[AmendOrder, ...]


class OrderRequest(Struct, frozen=True, kw_only=True):
    """trade/order."""

    instId: str
    ordId: str | None = None
    clOrdId: str | None = None


class PendingRequest(Struct, frozen=True, kw_only=True):
    """trade/orders-pending; after and before are ids of orders, without them."""

    instType: str | None = None
    uly: str | None = None
    instFamily: str | None = None
    instId: str | None = None
    ordType: str | None = None
    state: str | None = None
    after: str | None = None
    before: str | None = None
    limit: str | None = None


class HistoryRequest(Struct, frozen=True, kw_only=True):
    """trade/orders-history and trade/orders-history-archive."""

    instType: str
    uly: str | None = None
    instFamily: str | None = None
    instId: str | None = None
    ordType: str | None = None
    state: str | None = None
    category: str | None = None
    after: str | None = None
    before: str | None = None
    begin: str | None = None
    end: str | None = None
    limit: str | None = None


class FillsRequest(Struct, frozen=True, kw_only=True):
    """trade/fills and trade/fills-history; after and before are billIds, without them."""

    instType: str | None = None
    uly: str | None = None
    instFamily: str | None = None
    instId: str | None = None
    ordId: str | None = None
    subType: str | None = None
    after: str | None = None
    before: str | None = None
    begin: str | None = None
    end: str | None = None
    limit: str | None = None


class CancelAfterRequest(Struct, frozen=True, kw_only=True):
    """trade/cancel-all-after; in seconds, 0 disarms."""

    timeOut: str
    tag: str | None = None


class ClosePositionRequest(Struct, frozen=True, kw_only=True):
    """trade/close-position."""

    instId: str
    mgnMode: str | None = None


# -- what is answered ---------------------------------------------------------------------------


class Ack(Struct, frozen=True, kw_only=True):
    """What became of one order of a request; help is ours."""

    clOrdId: str = ""
    ordId: str = ""
    tag: str | UnsetType = UNSET
    ts: str | UnsetType = UNSET
    reqId: str | UnsetType = UNSET
    sCode: str
    sMsg: str = ""
    subCode: str | UnsetType = UNSET
    help: str | UnsetType = UNSET


class Linked(Struct, frozen=True, kw_only=True):
    """An algo order that another one has to do with."""

    algoId: str = ""


class AttachedInfo(Struct, frozen=True, kw_only=True):
    """What closes an order's position, as its row says it."""

    attachAlgoId: str = ""
    attachAlgoClOrdId: str = ""
    tpTriggerPx: str = ""
    tpTriggerPxType: str = ""
    tpOrdPx: str = ""
    tpOrdKind: str | UnsetType = UNSET
    slTriggerPx: str = ""
    slTriggerPxType: str = ""
    slOrdPx: str = ""
    sz: str = ""
    amendPxOnTriggerType: str | UnsetType = UNSET
    failCode: str | UnsetType = UNSET
    failReason: str | UnsetType = UNSET


class OrderInfo(Struct, frozen=True, kw_only=True):
    """An order, of REST and of the channel `orders`; reduceOnly and isTpLimit are words.

    Of REST fillPx, fillSz, tradeId and fillTime are of the last fill, of the channel those of the
    one that it tells. What follows fillTime is the channel's alone.
    """

    instType: str = "SPOT"
    instId: str
    ordId: str
    clOrdId: str = ""
    tag: str = ""
    ccy: str | UnsetType = UNSET
    px: str = ""
    pxUsd: str | UnsetType = UNSET
    pxVol: str | UnsetType = UNSET
    pxType: str | UnsetType = UNSET
    sz: str
    ordType: str
    side: str
    posSide: str = "net"
    tdMode: str = "cash"
    tgtCcy: str = ""
    state: str
    accFillSz: str = "0"
    avgPx: str = ""
    fillPx: str = ""
    fillSz: str = ""
    fillTime: str = ""
    tradeId: str = ""
    fee: str = ""
    feeCcy: str = ""
    rebate: str = ""
    rebateCcy: str = ""
    pnl: str = "0"
    category: str = "normal"
    reduceOnly: str = "false"
    cancelSource: str = ""
    cancelSourceReason: str | UnsetType = UNSET
    lever: str = ""
    stpId: str = ""
    stpMode: str = ""
    source: str = ""
    algoId: str = ""
    algoClOrdId: str = ""
    attachAlgoClOrdId: str = ""
    attachAlgoOrds: tuple[AttachedInfo, ...] = ()
    linkedAlgoOrd: Linked | None = None
    isTpLimit: str = "false"
    slTriggerPx: str = ""
    slTriggerPxType: str = ""
    slOrdPx: str = ""
    tpTriggerPx: str = ""
    tpTriggerPxType: str = ""
    tpOrdPx: str = ""
    quickMgnType: str = ""
    tradeQuoteCcy: str | UnsetType = UNSET
    cTime: str
    uTime: str
    notionalUsd: str | UnsetType = UNSET
    execType: str | UnsetType = UNSET
    fillFee: str | UnsetType = UNSET
    fillFeeCcy: str | UnsetType = UNSET
    fillPnl: str | UnsetType = UNSET
    fillNotionalUsd: str | UnsetType = UNSET
    amendSource: str | UnsetType = UNSET
    amendResult: str | UnsetType = UNSET
    reqId: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    msg: str | UnsetType = UNSET
    lastPx: str | UnsetType = UNSET


class FillInfo(Struct, frozen=True, kw_only=True):
    """An execution."""

    instType: str = "SPOT"
    instId: str
    tradeId: str
    ordId: str
    clOrdId: str = ""
    billId: str = ""
    subType: str | UnsetType = UNSET
    tag: str | UnsetType = UNSET
    side: str
    posSide: str | UnsetType = UNSET
    fillPx: str
    fillSz: str
    execType: str
    fee: str
    feeCcy: str
    feeRate: str | UnsetType = UNSET
    fillPnl: str | UnsetType = UNSET
    fillTime: str | UnsetType = UNSET
    ts: str
    tradeQuoteCcy: str | UnsetType = UNSET


class CancelAfter(Struct, frozen=True, kw_only=True):
    """trade/cancel-all-after."""

    triggerTime: str
    tag: str = ""
    ts: str
