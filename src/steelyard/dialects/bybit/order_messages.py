"""Messages about orders and executions, over REST, the private stream and order entry.

One struct is an order wherever it is shown: the stream has a few fields more, REST a few others,
and what does not apply is left out. An order of the category spot has no `tpslMode`, which clients
tell contracts by, and an execution over REST no `createType`.
Source: https://bybit-exchange.github.io/docs/v5/order, read 2026-11-22.
"""

# ruff: noqa: N815
# The field names are the venue's.

from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

# -- requests -----------------------------------------------------------------------------------


class NewOrder(Struct):
    """An order to place."""

    symbol: str
    side: str
    orderType: str
    qty: str
    category: str | None = None
    price: str | None = None
    timeInForce: str | None = None
    orderLinkId: str | None = None
    marketUnit: str | None = None
    triggerPrice: str | None = None
    triggerDirection: int | None = None
    triggerBy: str | None = None
    orderFilter: str | None = None
    takeProfit: str | None = None
    stopLoss: str | None = None
    tpOrderType: str | None = None
    slOrderType: str | None = None
    tpLimitPrice: str | None = None
    slLimitPrice: str | None = None
    smpType: str | None = None
    isLeverage: int | None = None
    slippageToleranceType: str | None = None
    bboSideType: str | None = None


class AmendedOrder(Struct):
    """Another price, size or trigger for an order."""

    symbol: str
    category: str | None = None
    orderId: str | None = None
    orderLinkId: str | None = None
    qty: str | None = None
    price: str | None = None
    triggerPrice: str | None = None
    takeProfit: str | None = None
    stopLoss: str | None = None


class CanceledOrder(Struct):
    """An order to cancel; the venue's id counts before the client's."""

    category: str | None = None
    symbol: str | None = None
    orderId: str | None = None
    orderLinkId: str | None = None
    orderFilter: str | None = None


class CancelAllRequest(Struct):
    """All orders of a kind: of a symbol, of a base coin, or altogether."""

    category: str
    symbol: str | None = None
    baseCoin: str | None = None
    settleCoin: str | None = None
    orderFilter: str | None = None


class BatchRequest(Struct):
    """Several orders; each entry is read by itself, and `read` keeps what came of it."""

    category: str
    request: tuple[dict[str, Any], ...]
    read: list[Any] = field(default_factory=list, name="~read")


class OrdersRequest(Struct):
    """Orders: the open ones, or those of a time."""

    category: str
    symbol: str | None = None
    baseCoin: str | None = None
    settleCoin: str | None = None
    orderId: str | None = None
    orderLinkId: str | None = None
    openOnly: int | None = None
    orderFilter: str | None = None
    orderStatus: str | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None
    cursor: str | None = None


class ExecutionsRequest(Struct):
    """Executions, of an order, a symbol or a time."""

    category: str
    symbol: str | None = None
    orderId: str | None = None
    orderLinkId: str | None = None
    baseCoin: str | None = None
    startTime: int | None = None
    endTime: int | None = None
    execType: str | None = None
    limit: int | None = None
    cursor: str | None = None


class DcpRequest(Struct):
    """How long all connections that follow `dcp` may be gone before all is canceled, in seconds."""

    timeWindow: int
    product: str = "OPTIONS"


# -- results ------------------------------------------------------------------------------------


class OrderIds(Struct):
    """That a request about an order was taken up; what became of it streams and queries tell."""

    orderId: str
    orderLinkId: str = ""


class CanceledAll(Struct):
    """What was canceled."""

    list: tuple[OrderIds, ...] = ()
    success: str | UnsetType = UNSET


class BatchedIds(Struct):
    """One entry of a batch; without an id it was refused."""

    category: str
    symbol: str
    orderId: str
    orderLinkId: str
    createAt: str | UnsetType = UNSET


class Batched(Struct):
    """The entries of a batch, in their order."""

    list: tuple[BatchedIds, ...]


class BatchCode(Struct):
    """What became of one entry of a batch."""

    code: int
    msg: str
    help: str | UnsetType = UNSET


class BatchCodes(Struct):
    """The same of all, in their order."""

    list: tuple[BatchCode, ...]


class Order(Struct):
    """An order."""

    symbol: str
    orderId: str
    side: str
    orderType: str
    orderStatus: str
    price: str | None
    qty: str
    cumExecQty: str
    createdTime: str
    updatedTime: str
    orderLinkId: str = ""
    category: str | UnsetType = UNSET
    blockTradeId: str | None = ""
    positionIdx: int = 0
    cancelType: str = "UNKNOWN"
    rejectReason: str = "EC_NoError"
    timeInForce: str = "GTC"
    isLeverage: str | UnsetType = UNSET
    avgPrice: str | None = ""
    leavesQty: str = ""
    leavesValue: str = ""
    cumExecValue: str = "0"
    cumExecFee: str = "0"
    stopOrderType: str = ""
    orderIv: str | None = ""
    triggerPrice: str = ""
    takeProfit: str = ""
    stopLoss: str = ""
    triggerBy: str = ""
    tpTriggerBy: str = ""
    slTriggerBy: str = ""
    tpLimitPrice: str = ""
    slLimitPrice: str = ""
    triggerDirection: int = 0
    lastPriceOnCreated: str | UnsetType = UNSET
    basePrice: str | UnsetType = UNSET
    placeType: str = ""
    reduceOnly: bool = False
    closeOnTrigger: bool = False
    closedPnl: str | UnsetType = UNSET
    smpType: str = "None"
    smpGroup: int = 0
    smpOrderId: str = ""
    tpslMode: str | UnsetType = UNSET
    createType: str | UnsetType = UNSET
    feeCurrency: str | UnsetType = UNSET
    cumFeeDetail: dict[str, str] | UnsetType = UNSET
    marketUnit: str | UnsetType = UNSET
    ocoTriggerBy: str | UnsetType = UNSET
    extraFees: Any = UNSET


class Orders(Struct):
    """Orders, newest first."""

    list: tuple[Order, ...]
    nextPageCursor: str | UnsetType = UNSET
    category: str | UnsetType = UNSET


class Execution(Struct):
    """One side of a trade, its owner's."""

    symbol: str
    orderId: str
    side: str
    execId: str
    execPrice: str
    execQty: str
    execTime: str
    category: str | UnsetType = UNSET
    orderLinkId: str = ""
    orderPrice: str = ""
    orderQty: str = ""
    leavesQty: str = ""
    orderType: str = ""
    stopOrderType: str = ""
    execFee: str = "0"
    feeCurrency: str | UnsetType = UNSET
    feeRate: str = ""
    execType: str = "Trade"
    execValue: str = ""
    isLeverage: str | UnsetType = UNSET
    isMaker: bool = False
    tradeIv: str = ""
    markIv: str = ""
    markPrice: str = ""
    indexPrice: str = ""
    underlyingPrice: str = ""
    blockTradeId: str = ""
    closedSize: str = ""
    marketUnit: str | UnsetType = UNSET
    execPnl: str | UnsetType = UNSET
    createType: str | UnsetType = UNSET
    extraFees: Any = UNSET
    seq: int = 0


class FastExecution(Struct):
    """The same in few words."""

    category: str
    symbol: str
    execId: str
    execPrice: str
    execQty: str
    orderId: str
    isMaker: bool
    orderLinkId: str
    side: str
    execTime: str
    seq: int


class Executions(Struct):
    """Executions, newest first."""

    list: tuple[Execution, ...]
    nextPageCursor: str | UnsetType = UNSET
    category: str | UnsetType = UNSET


class Call(Struct):
    """A request over the trade socket."""

    op: str = ""
    args: tuple[Any, ...] = ()
    reqId: str | int | None = None
    header: dict[str, Any] = field(default_factory=dict)


class CallAnswer(Struct, omit_defaults=True):
    """An answer over the trade socket; without `retCode` it is none."""

    op: str = ""
    retCode: int | UnsetType = UNSET
    retMsg: str | UnsetType = UNSET
    reqId: str | int | UnsetType | None = UNSET
    data: Any = UNSET
    retExtInfo: Any = UNSET
    header: dict[str, str] | UnsetType = UNSET
    connId: str = ""
