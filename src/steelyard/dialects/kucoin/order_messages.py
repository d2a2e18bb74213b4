"""Wire messages of orders and fills over REST, in the venue's own field names.

Source: the specification in github.com/Kucoin/kucoin-universal-sdk, read 2026-11-20. The classic
routes and the newer ones (`hf`) take the same new order and tell of it in two forms.
"""

# ruff: noqa: N815 the venue's own spelling

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from steelyard.dialects.kucoin.messages import Side

Type = Literal["limit", "market"]
TimeInForce = Literal["GTC", "GTT", "IOC", "FOK"]
Stp = Literal["DC", "CO", "CN", "CB"]


# -- requests -----------------------------------------------------------------------------------


class NewOrder(Struct, frozen=True, kw_only=True):
    """A new order; what does not apply is left out. `stop` and `stopPrice` make it wait."""

    symbol: str
    side: Side
    type: Type = "limit"
    clientOid: str | None = None
    price: str | None = None
    size: str | None = None
    funds: str | None = None
    timeInForce: TimeInForce = "GTC"
    cancelAfter: int | None = None
    postOnly: bool = False
    hidden: bool = False
    iceberg: bool = False
    visibleSize: str | None = None
    stp: Stp | None = None
    remark: str | None = None
    tags: str | None = None
    allowMaxTimeWindow: int | None = None
    clientTimestamp: int | None = None
    stop: Literal["loss", "entry"] | None = None
    stopPrice: str | None = None
    tradeType: str | None = None


class NewOrders(Struct, frozen=True, kw_only=True):
    """Several new orders."""

    orderList: tuple[NewOrder, ...]


class ClassicOrders(Struct, frozen=True, kw_only=True):
    """Several new limit orders of one symbol."""

    symbol: str
    orderList: tuple["ListedOrder", ...]


class ListedOrder(Struct, frozen=True, kw_only=True):
    """One of several orders, which may leave its symbol to the list."""

    side: Side
    symbol: str | None = None
    type: Type = "limit"
    clientOid: str | None = None
    price: str | None = None
    size: str | None = None
    timeInForce: TimeInForce = "GTC"
    cancelAfter: int | None = None
    postOnly: bool = False
    hidden: bool = False
    iceberg: bool = False
    visibleSize: str | None = None
    stp: Stp | None = None
    remark: str | None = None
    stop: Literal["loss", "entry"] | None = None
    stopPrice: str | None = None


class OrderRequest(Struct, frozen=True, kw_only=True):
    """One order of a symbol, by the venue's id."""

    orderId: str
    symbol: str


class ClientOrderRequest(Struct, frozen=True, kw_only=True):
    """One order of a symbol, by the client's own id."""

    clientOid: str
    symbol: str


class AnyOrderRequest(Struct, frozen=True, kw_only=True):
    """One order, by the venue's id."""

    orderId: str


class AnyClientOrderRequest(Struct, frozen=True, kw_only=True):
    """One order, by the client's own id."""

    clientOid: str
    symbol: str | None = None


class PartRequest(Struct, frozen=True, kw_only=True):
    """A part of an order to cancel."""

    orderId: str
    symbol: str
    cancelSize: str


class SymbolOrdersRequest(Struct, frozen=True, kw_only=True):
    """Open orders of a symbol."""

    symbol: str


class ActivePageRequest(Struct, frozen=True, kw_only=True):
    """A page of open orders of a symbol."""

    symbol: str
    pageNum: int = 1
    pageSize: int = 20


class MaybeSymbolRequest(Struct, frozen=True, kw_only=True):
    """Open orders, of a symbol where one is named."""

    symbol: str | None = None
    tradeType: str | None = None


class AlterRequest(Struct, frozen=True, kw_only=True):
    """A change of an order: another one in its place."""

    symbol: str
    orderId: str | None = None
    clientOid: str | None = None
    newPrice: str | None = None
    newSize: str | None = None


class DoneRequest(Struct, frozen=True, kw_only=True):
    """Orders of a symbol that are over, newest first; lastId is where the page before ended."""

    symbol: str
    side: Side | None = None
    type: Type | None = None
    lastId: int | None = None
    limit: int = 20
    startAt: int | None = None
    endAt: int | None = None


class FillsRequest(Struct, frozen=True, kw_only=True):
    """Fills of a symbol, newest first; lastId is where the page before ended."""

    symbol: str
    orderId: str | None = None
    side: Side | None = None
    type: Type | None = None
    lastId: int | None = None
    limit: int = 20
    startAt: int | None = None
    endAt: int | None = None


class DeadManRequest(Struct, frozen=True, kw_only=True):
    """A dead man's switch: in how many seconds all is canceled, -1 never."""

    timeout: int
    symbols: str | None = None


# -- what is ------------------------------------------------------------------------------------


class OrderId(Struct, frozen=True, kw_only=True):
    """An order's ids; of a classic route its own alone."""

    orderId: str
    clientOid: str | UnsetType | None = UNSET


class ClientId(Struct, frozen=True, kw_only=True):
    """An order's own id."""

    clientOid: str


class SyncedOrder(Struct, frozen=True, kw_only=True):
    """A new order, or one that was canceled, once it has been to the market."""

    orderId: str
    clientOid: str | None = None
    orderTime: int | UnsetType = UNSET
    originSize: str = "0"
    dealSize: str = "0"
    remainSize: str = "0"
    canceledSize: str = "0"
    status: Literal["open", "done"] = "open"
    matchTime: int | UnsetType = UNSET


class BatchRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one order of several."""

    success: bool
    orderId: str | UnsetType = UNSET
    clientOid: str | UnsetType = UNSET
    failMsg: str | UnsetType = UNSET
    orderTime: int | UnsetType = UNSET
    originSize: str | UnsetType = UNSET
    dealSize: str | UnsetType = UNSET
    remainSize: str | UnsetType = UNSET
    canceledSize: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    matchTime: int | UnsetType = UNSET


class CanceledPart(Struct, frozen=True, kw_only=True):
    """A part of an order that was canceled."""

    orderId: str
    cancelSize: str


class CanceledSymbols(Struct, frozen=True, kw_only=True):
    """Symbols whose orders were canceled."""

    succeedSymbols: tuple[str, ...]
    failedSymbols: tuple[str, ...] = ()


class AlteredOrder(Struct, frozen=True, kw_only=True):
    """The order in another one's place."""

    newOrderId: str
    clientOid: str | None = None


class ActiveSymbols(Struct, frozen=True, kw_only=True):
    """Symbols that there are open orders of."""

    symbols: tuple[str, ...]


class Order(Struct, frozen=True, kw_only=True):
    """An order as the newer routes tell it."""

    id: str
    clientOid: str | None = None
    symbol: str
    opType: str = "DEAL"
    type: str
    side: Side
    price: str | None = None
    size: str | None = None
    funds: str | None = None
    dealSize: str = "0"
    dealFunds: str = "0"
    remainSize: str = "0"
    remainFunds: str = "0"
    cancelledSize: str = "0"
    cancelledFunds: str = "0"
    fee: str = "0"
    feeCurrency: str = ""
    stp: str | None = None
    timeInForce: str = "GTC"
    postOnly: bool = False
    hidden: bool = False
    iceberg: bool = False
    visibleSize: str | None = "0"
    cancelAfter: int = 0
    channel: str = "API"
    remark: str | None = None
    tags: str | None = None
    cancelExist: bool = False
    tradeType: str = "TRADE"
    inOrderBook: bool = False
    active: bool
    tax: str = "0"
    createdAt: int
    lastUpdatedAt: int
    cancelReason: str | UnsetType = UNSET  # ours


class ActivePage(Struct, frozen=True, kw_only=True):
    """A page of open orders."""

    currentPage: int
    pageSize: int
    totalNum: int
    totalPage: int
    items: tuple[Order, ...]


class DoneOrders(Struct, frozen=True, kw_only=True):
    """Orders that are over; lastId is where the next page goes on."""

    lastId: int
    items: tuple[Order, ...]


class Fill(Struct, frozen=True, kw_only=True):
    """One execution of one's own, as the newer routes tell it."""

    id: int
    symbol: str
    tradeId: int
    orderId: str
    counterOrderId: str = ""
    side: Side
    liquidity: Literal["taker", "maker"]
    forceTaker: bool = False
    price: str
    size: str
    funds: str
    fee: str
    feeRate: str
    feeCurrency: str
    stop: str | None = ""
    tradeType: str = "TRADE"
    taxRate: str = "0"
    tax: str = "0"
    type: str
    createdAt: int


class Fills(Struct, frozen=True, kw_only=True):
    """Executions; lastId is where the next page goes on."""

    items: tuple[Fill, ...]
    lastId: int


class DeadMan(Struct, frozen=True, kw_only=True):
    """When all is canceled, in seconds."""

    currentTime: int
    triggerTime: int


class DeadManTold(Struct, frozen=True, kw_only=True):
    """How the switch stands; times are in seconds."""

    timeout: int
    symbols: str
    currentTime: int
    triggerTime: int


# -- orders that wait ---------------------------------------------------------------------------


class StopOrdersRequest(Struct, frozen=True, kw_only=True):
    """Orders that wait for their price, page by page; orderIds have commas between them."""

    symbol: str | None = None
    side: Side | None = None
    type: Type | None = None
    tradeType: str | None = None
    startAt: int | None = None
    endAt: int | None = None
    currentPage: int = 1
    pageSize: int = 50
    orderIds: str | None = None
    stop: str | None = None


class CancelStopsRequest(Struct, frozen=True, kw_only=True):
    """Orders that wait for their price, to be canceled; orderIds have commas between them."""

    symbol: str | None = None
    tradeType: str | None = None
    orderIds: str | None = None


class StopOrder(Struct, frozen=True, kw_only=True):
    """An order that waits for its price, or did; orderTime is in nanoseconds."""

    id: str
    symbol: str
    userId: str = ""
    status: str
    type: Type
    side: Side
    price: str | None = None
    size: str | None = None
    funds: str | None = None
    stp: str | None = None
    timeInForce: str = "GTC"
    cancelAfter: int = -1
    postOnly: bool = False
    hidden: bool = False
    iceberg: bool = False
    visibleSize: str | None = None
    channel: str = "API"
    clientOid: str | None = None
    remark: str | None = None
    tags: str | None = None
    relatedNo: str | None = None
    orderTime: int
    domainId: str = "kucoin"
    tradeSource: str = "USER"
    tradeType: str = "TRADE"
    feeCurrency: str = ""
    takerFeeRate: str = "0.001"
    makerFeeRate: str = "0.001"
    createdAt: int
    stop: str
    stopTriggerTime: int | None = None
    stopPrice: str


class StopOrders(Struct, frozen=True, kw_only=True):
    """A page of orders that wait."""

    currentPage: int
    pageSize: int
    totalNum: int
    totalPage: int
    items: tuple[StopOrder, ...]


class CanceledIds(Struct, frozen=True, kw_only=True):
    """Orders that were canceled."""

    cancelledOrderIds: tuple[str, ...]


class CanceledClient(Struct, frozen=True, kw_only=True):
    """An order that was canceled by the client's own id."""

    cancelledOrderId: str
    clientOid: str
    cancelledOcoOrderIds: tuple[str, ...] | UnsetType | None = UNSET


# -- pairs of which one cancels the other --------------------------------------------------------


class NewOco(Struct, frozen=True, kw_only=True):
    """A limit order and a stop; price is the limit's, stopPrice and limitPrice are the stop's."""

    clientOid: str
    side: Side
    symbol: str
    price: str
    size: str
    stopPrice: str
    limitPrice: str
    remark: str | None = None
    tradeType: str | None = None


class OcosRequest(Struct, frozen=True, kw_only=True):
    """Pairs, page by page; orderIds have commas between them."""

    symbol: str | None = None
    startAt: int | None = None
    endAt: int | None = None
    orderIds: str | None = None
    pageSize: int = 50
    currentPage: int = 1


class CancelOcosRequest(Struct, frozen=True, kw_only=True):
    """Pairs to cancel: of a symbol, or by their ids."""

    orderIds: str | None = None
    symbol: str | None = None


class Oco(Struct, frozen=True, kw_only=True):
    """A pair; orderTime is in milliseconds."""

    orderId: str
    symbol: str
    clientOid: str
    orderTime: int
    status: str


class OcoLeg(Struct, frozen=True, kw_only=True):
    """One of a pair's orders; the limit order waits for no price."""

    id: str
    symbol: str
    side: str
    price: str
    stopPrice: str | None
    size: str
    status: str


class OcoDetails(Struct, frozen=True, kw_only=True):
    """A pair with its orders."""

    orderId: str
    symbol: str
    clientOid: str
    orderTime: int
    status: str
    orders: tuple[OcoLeg, ...]


class Ocos(Struct, frozen=True, kw_only=True):
    """A page of pairs, newest first."""

    currentPage: int
    pageSize: int
    totalNum: int
    totalPage: int
    items: tuple[Oco, ...]
