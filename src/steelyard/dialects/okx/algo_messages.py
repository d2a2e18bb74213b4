"""Every message about algo orders, in the venue's own field names; values as in `messages.py`."""

# ruff: noqa: N815  the venue's names

from msgspec import UNSET, Struct, UnsetType

from steelyard.dialects.okx.messages import Items
from steelyard.dialects.okx.order_messages import AttachedAlgo, AttachedInfo, Linked


class NewAlgo(Struct, frozen=True, kw_only=True):
    """trade/order-algo; which fields go with which type, algos.py says."""

    instId: str
    tdMode: str
    ccy: str | None = None
    side: str
    posSide: str | None = None
    ordType: str
    sz: str | None = None
    tag: str | None = None
    tgtCcy: str | None = None
    algoClOrdId: str | None = None
    clOrdId: str | None = None
    closeFraction: str | None = None
    cxlOnClosePos: bool | None = None
    reduceOnly: bool | None = None
    tradeQuoteCcy: str | None = None
    tpTriggerPx: str | None = None
    tpTriggerPxType: str | None = None
    tpOrdPx: str | None = None
    tpOrdKind: str | None = None
    slTriggerPx: str | None = None
    slTriggerPxType: str | None = None
    slOrdPx: str | None = None
    triggerPx: str | None = None
    triggerPxType: str | None = None
    orderPx: str | None = None
    attachAlgoOrds: tuple[AttachedAlgo, ...] = ()
    callbackRatio: str | None = None
    callbackSpread: str | None = None
    activePx: str | None = None
    pxVar: str | None = None
    pxSpread: str | None = None
    szLimit: str | None = None
    pxLimit: str | None = None
    timeInterval: str | None = None
    chaseType: str | None = None
    chaseVal: str | None = None


class NewAlgos(Items, frozen=True, kw_only=True):
    """trade/order-algo: one."""

    items: tuple[NewAlgo, ...]


class CancelAlgo(Struct, frozen=True, kw_only=True):
    """One of trade/cancel-algos."""

    instId: str
    algoId: str | None = None
    algoClOrdId: str | None = None


class CancelAlgos(Items, frozen=True, kw_only=True):
    """trade/cancel-algos."""

    items: tuple[CancelAlgo, ...]


class AmendAlgo(Struct, frozen=True, kw_only=True):
    """trade/amend-algos."""

    instId: str
    algoId: str | None = None
    algoClOrdId: str | None = None
    cxlOnFail: bool | None = None
    reqId: str | None = None
    newSz: str | None = None
    newTpTriggerPx: str | None = None
    newTpOrdPx: str | None = None
    newTpTriggerPxType: str | None = None
    newSlTriggerPx: str | None = None
    newSlOrdPx: str | None = None
    newSlTriggerPxType: str | None = None
    newTriggerPx: str | None = None
    newOrdPx: str | None = None
    newTriggerPxType: str | None = None


class AmendAlgos(Items, frozen=True, kw_only=True):
    """trade/amend-algos: one, or as some clients send it, several."""

    items: tuple[AmendAlgo, ...]


class AlgoRequest(Struct, frozen=True, kw_only=True):
    """trade/order-algo, to look one up."""

    algoId: str | None = None
    algoClOrdId: str | None = None


class AlgosRequest(Struct, frozen=True, kw_only=True):
    """trade/orders-algo-pending and trade/orders-algo-history; the latter by state or algoId."""

    ordType: str
    state: str | None = None
    algoId: str | None = None
    instType: str | None = None
    instId: str | None = None
    after: str | None = None
    before: str | None = None
    limit: str | None = None


class AlgoAck(Struct, frozen=True, kw_only=True):
    """What became of one algo order of a request; help is ours."""

    algoId: str = ""
    clOrdId: str | UnsetType = UNSET
    algoClOrdId: str = ""
    reqId: str | UnsetType = UNSET
    sCode: str
    sMsg: str = ""
    tag: str | UnsetType = UNSET
    help: str | UnsetType = UNSET


class AlgoInfo(Struct, frozen=True, kw_only=True):
    """An algo order, of REST and of the channel `orders-algo`."""

    instType: str = "SPOT"
    instId: str
    algoId: str
    algoClOrdId: str = ""
    clOrdId: str = ""
    ordId: str = ""
    ordIdList: tuple[str, ...] | UnsetType = UNSET
    ordType: str
    state: str
    side: str
    posSide: str = "net"
    tdMode: str = "cash"
    tgtCcy: str = ""
    ccy: str = ""
    sz: str
    closeFraction: str = ""
    tpTriggerPx: str = ""
    tpTriggerPxType: str = ""
    tpOrdPx: str = ""
    slTriggerPx: str = ""
    slTriggerPxType: str = ""
    slOrdPx: str = ""
    triggerPx: str = ""
    triggerPxType: str = ""
    ordPx: str = ""
    callbackRatio: str = ""
    callbackSpread: str = ""
    activePx: str = ""
    moveTriggerPx: str = ""
    pxVar: str = ""
    pxSpread: str = ""
    szLimit: str = ""
    pxLimit: str = ""
    timeInterval: str = ""
    last: str = ""
    lever: str = ""
    reduceOnly: str = "false"
    actualPx: str = ""
    actualSide: str = ""
    actualSz: str = ""
    triggerTime: str = ""
    failCode: str = ""
    amendPxOnTriggerType: str = ""
    attachAlgoOrds: tuple[AttachedInfo, ...] = ()
    linkedOrd: Linked | UnsetType = UNSET
    notionalUsd: str | UnsetType = UNSET
    tag: str = ""
    tradeQuoteCcy: str | UnsetType = UNSET
    cTime: str
    uTime: str | UnsetType = UNSET
