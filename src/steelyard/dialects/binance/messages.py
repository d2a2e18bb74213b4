"""Every REST message of the Binance spot API, in the venue's own field names.

The invariant: one struct serves both ends. What the server always sends and the client needs
has no default; what older answers lack or what appears in some cases only has one. Unknown
fields are ignored, because the venue adds some every few months.

What a request may hold besides its own fields (timestamp, recvWindow, signature) belongs to
`auth.py`; what a text parameter may look like is in `parameters.py`.
"""

# ruff: noqa: E741, N815
# The field names are the venue's.

from decimal import Decimal
from typing import Any

from msgspec import UNSET, Struct, UnsetType

Optional = UnsetType  # a field that is left out


# -- requests: market data ----------------------------------------------------------------------


class Nothing(Struct, frozen=True, kw_only=True):
    """A request without parameters, or an answer without content."""


class ExchangeInfoRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/exchangeInfo."""

    symbol: str | None = None
    symbols: tuple[str, ...] | None = None
    permissions: str | None = None
    showPermissionSets: bool = True
    symbolStatus: str | None = None


class DepthRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/depth."""

    symbol: str
    limit: int = 100
    symbolStatus: str | None = None


class TradesRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/trades."""

    symbol: str
    limit: int = 500


class HistoricalTradesRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/historicalTrades."""

    symbol: str
    limit: int = 500
    fromId: int | None = None


class AggTradesRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/aggTrades."""

    symbol: str
    fromId: int | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int = 500


class KlinesRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/klines and /api/v3/uiKlines."""

    symbol: str
    interval: str
    startTime: int | None = None
    endTime: int | None = None
    timeZone: str | None = None
    limit: int = 500


class SymbolRequest(Struct, frozen=True, kw_only=True):
    """A request about one symbol."""

    symbol: str


class TickerRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/ticker/24hr."""

    symbol: str | None = None
    symbols: tuple[str, ...] | None = None
    type: str = "FULL"
    symbolStatus: str | None = None


class SymbolsRequest(Struct, frozen=True, kw_only=True):
    """A request about one symbol, several or all."""

    symbol: str | None = None
    symbols: tuple[str, ...] | None = None
    symbolStatus: str | None = None


# -- requests: orders ---------------------------------------------------------------------------


class OrderRequest(Struct, frozen=True, kw_only=True):
    """POST /api/v3/order."""

    symbol: str
    side: str
    type: str
    timeInForce: str | None = None
    quantity: Decimal | None = None
    quoteOrderQty: Decimal | None = None
    price: Decimal | None = None
    newClientOrderId: str | None = None
    strategyId: int | None = None
    strategyType: int | None = None
    stopPrice: Decimal | None = None
    trailingDelta: int | None = None
    icebergQty: Decimal | None = None
    newOrderRespType: str | None = None
    selfTradePreventionMode: str | None = None
    pegPriceType: str | None = None
    pegOffsetType: str | None = None
    pegOffsetValue: int | None = None


class OrderTestRequest(OrderRequest, frozen=True, kw_only=True):
    """POST /api/v3/order/test."""

    computeCommissionRates: bool = False


class QueryOrderRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/order."""

    symbol: str
    orderId: int | None = None
    origClientOrderId: str | None = None


class CancelRequest(Struct, frozen=True, kw_only=True):
    """DELETE /api/v3/order."""

    symbol: str
    orderId: int | None = None
    origClientOrderId: str | None = None
    newClientOrderId: str | None = None
    cancelRestrictions: str | None = None


class OpenOrdersRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/openOrders."""

    symbol: str | None = None


class AllOrdersRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/allOrders."""

    symbol: str
    orderId: int | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int = 500


class AnyRequest(Struct, frozen=True, kw_only=True):
    """A request that is refused whatever it says."""


# -- answers: market data -----------------------------------------------------------------------


class ServerTime(Struct, frozen=True, kw_only=True):
    """GET /api/v3/time."""

    serverTime: int


class RateLimit(Struct, frozen=True, kw_only=True):
    """One of the limits in force; count is how much of it is used, where that is told."""

    rateLimitType: str
    interval: str
    intervalNum: int
    limit: int
    count: int | Optional = UNSET


class Filter(Struct, frozen=True, kw_only=True):
    """One rule of a symbol; which fields it has, filterType tells."""

    filterType: str
    minPrice: str | Optional = UNSET
    maxPrice: str | Optional = UNSET
    tickSize: str | Optional = UNSET
    minQty: str | Optional = UNSET
    maxQty: str | Optional = UNSET
    stepSize: str | Optional = UNSET
    limit: int | Optional = UNSET
    minNotional: str | Optional = UNSET
    applyMinToMarket: bool | Optional = UNSET
    maxNotional: str | Optional = UNSET
    applyMaxToMarket: bool | Optional = UNSET
    bidMultiplierUp: str | Optional = UNSET
    bidMultiplierDown: str | Optional = UNSET
    askMultiplierUp: str | Optional = UNSET
    askMultiplierDown: str | Optional = UNSET
    avgPriceMins: int | Optional = UNSET
    maxNumOrders: int | Optional = UNSET
    maxNumAlgoOrders: int | Optional = UNSET
    minTrailingAboveDelta: int | Optional = UNSET
    maxTrailingAboveDelta: int | Optional = UNSET
    minTrailingBelowDelta: int | Optional = UNSET
    maxTrailingBelowDelta: int | Optional = UNSET


class SymbolInfo(Struct, frozen=True, kw_only=True):
    """One instrument."""

    symbol: str
    status: str
    baseAsset: str
    baseAssetPrecision: int = 8
    quoteAsset: str
    quotePrecision: int = 8
    quoteAssetPrecision: int = 8
    baseCommissionPrecision: int = 8
    quoteCommissionPrecision: int = 8
    orderTypes: tuple[str, ...] = ()
    icebergAllowed: bool = False
    ocoAllowed: bool = False
    otoAllowed: bool = False
    opoAllowed: bool = False
    quoteOrderQtyMarketAllowed: bool = False
    allowTrailingStop: bool = False
    cancelReplaceAllowed: bool = False
    amendAllowed: bool = False
    pegInstructionsAllowed: bool = False
    isSpotTradingAllowed: bool = True
    isMarginTradingAllowed: bool = False
    filters: tuple[Filter, ...] = ()
    permissions: tuple[str, ...] = ()
    permissionSets: tuple[tuple[str, ...], ...] = ()
    defaultSelfTradePreventionMode: str = "NONE"
    allowedSelfTradePreventionModes: tuple[str, ...] = ()


class FairLimit(Struct, frozen=True, kw_only=True):
    """One of the limits in force, with what rateLimits cannot say of it."""

    name: str
    per: str  # ip, key, account
    counts: str  # weight, requests, orders
    limit: int
    windowMs: int
    kind: str  # aligned, sliding, bucket
    routes: tuple[str, ...]  # none: every request


class FairUse(Struct, frozen=True, kw_only=True):
    """What is enforced besides rateLimits: ours, not the venue's. 0 is never, or any number."""

    limits: tuple[FairLimit, ...]
    banAfter: int  # refusals within a limit's window
    banMs: int
    revokeAfter: int  # bans within revokeWithinMs
    revokeWithinMs: int
    wsConnections: int  # open at a time from one address
    wsConnects: int  # opened from one address within wsConnectsMs
    wsConnectsMs: int
    wsStreams: int  # on one connection
    wsMessagesPerSecond: int  # to a stream, on one connection


class ExchangeInfo(Struct, frozen=True, kw_only=True):
    """GET /api/v3/exchangeInfo."""

    timezone: str = "UTC"
    serverTime: int
    rateLimits: tuple[RateLimit, ...] = ()
    exchangeFilters: tuple[Any, ...] = ()
    symbols: tuple[SymbolInfo, ...]
    fairUse: FairUse | Optional = UNSET


Level = tuple[str, str]  # price, quantity


class Depth(Struct, frozen=True, kw_only=True):
    """GET /api/v3/depth."""

    lastUpdateId: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class PublicTrade(Struct, frozen=True, kw_only=True):
    """An element of GET /api/v3/trades."""

    id: int
    price: str
    qty: str
    quoteQty: str
    time: int
    isBuyerMaker: bool
    isBestMatch: bool = True


class AggTrade(Struct, frozen=True, kw_only=True):
    """An element of GET /api/v3/aggTrades."""

    a: int
    p: str
    q: str
    f: int
    l: int
    T: int
    m: bool
    M: bool = True


# open time, open, high, low, close, volume, close time, quote volume, trades, taker buy base,
# taker buy quote, unused
Kline = tuple[int, str, str, str, str, str, int, str, int, str, str, str]


class AvgPrice(Struct, frozen=True, kw_only=True):
    """GET /api/v3/avgPrice."""

    mins: int
    price: str
    closeTime: int


class Ticker24h(Struct, frozen=True, kw_only=True):
    """GET /api/v3/ticker/24hr."""

    symbol: str
    priceChange: str
    priceChangePercent: str
    weightedAvgPrice: str
    prevClosePrice: str
    lastPrice: str
    lastQty: str
    bidPrice: str
    bidQty: str
    askPrice: str
    askQty: str
    openPrice: str
    highPrice: str
    lowPrice: str
    volume: str
    quoteVolume: str
    openTime: int
    closeTime: int
    firstId: int
    lastId: int
    count: int


class MiniTicker24h(Struct, frozen=True, kw_only=True):
    """GET /api/v3/ticker/24hr?type=MINI."""

    symbol: str
    openPrice: str
    highPrice: str
    lowPrice: str
    lastPrice: str
    volume: str
    quoteVolume: str
    openTime: int
    closeTime: int
    firstId: int
    lastId: int
    count: int


class TickerPrice(Struct, frozen=True, kw_only=True):
    """GET /api/v3/ticker/price."""

    symbol: str
    price: str


class BookTicker(Struct, frozen=True, kw_only=True):
    """GET /api/v3/ticker/bookTicker."""

    symbol: str
    bidPrice: str
    bidQty: str
    askPrice: str
    askQty: str


# -- answers: orders ----------------------------------------------------------------------------


class OrderFill(Struct, frozen=True, kw_only=True):
    """What a new order filled at once."""

    price: str
    qty: str
    commission: str
    commissionAsset: str
    tradeId: int


class OrderAck(Struct, frozen=True, kw_only=True):
    """POST /api/v3/order with newOrderRespType=ACK."""

    symbol: str
    orderId: int
    orderListId: int = -1
    clientOrderId: str
    transactTime: int


class OrderResult(OrderAck, frozen=True, kw_only=True):
    """POST /api/v3/order, RESULT or FULL, and DELETE /api/v3/order."""

    origClientOrderId: str | Optional = UNSET
    price: str
    origQty: str
    executedQty: str
    origQuoteOrderQty: str = "0.00000000"
    cummulativeQuoteQty: str
    status: str
    timeInForce: str
    type: str
    side: str
    stopPrice: str | Optional = UNSET
    icebergQty: str | Optional = UNSET
    trailingDelta: int | Optional = UNSET
    trailingTime: int | Optional = UNSET
    workingTime: int | Optional = UNSET
    selfTradePreventionMode: str = "NONE"
    expiryReason: str | Optional = UNSET
    fills: tuple[OrderFill, ...] | Optional = UNSET


class OrderInfo(Struct, frozen=True, kw_only=True):
    """GET /api/v3/order, and an element of openOrders and allOrders."""

    symbol: str
    orderId: int
    orderListId: int = -1
    clientOrderId: str
    price: str
    origQty: str
    executedQty: str
    cummulativeQuoteQty: str
    status: str
    timeInForce: str
    type: str
    side: str
    stopPrice: str = "0.00000000"
    icebergQty: str = "0.00000000"
    trailingDelta: int | Optional = UNSET
    trailingTime: int | Optional = UNSET
    time: int
    updateTime: int
    isWorking: bool = True
    workingTime: int | Optional = UNSET
    origQuoteOrderQty: str = "0.00000000"
    selfTradePreventionMode: str = "NONE"
    expiryReason: str | Optional = UNSET


class Rates(Struct, frozen=True, kw_only=True):
    """Commission rates as shares."""

    maker: str
    taker: str
    buyer: str = "0.00000000"
    seller: str = "0.00000000"


class MakerTaker(Struct, frozen=True, kw_only=True):
    """Commission rates as order/test tells them."""

    maker: str
    taker: str


class Discount(Struct, frozen=True, kw_only=True):
    """What paying commission in BNB would save."""

    enabledForAccount: bool = False
    enabledForSymbol: bool = False
    discountAsset: str = "BNB"
    discount: str = "0.00000000"


class OrderTestCommission(Struct, frozen=True, kw_only=True):
    """POST /api/v3/order/test with computeCommissionRates=true."""

    standardCommissionForOrder: MakerTaker
    specialCommissionForOrder: MakerTaker
    taxCommissionForOrder: MakerTaker
    discount: Discount = Discount()


# -- answers: the exchange itself ---------------------------------------------------------------


class SystemStatus(Struct, frozen=True, kw_only=True):
    """GET /sapi/v1/system/status: 0 normal, 1 maintenance."""

    status: int
    msg: str


class ErrorBody(Struct, frozen=True, kw_only=True):
    """Any refusal. help is ours: how to mend it, where msg has to stay the venue's own."""

    code: int
    msg: str
    help: str | Optional = UNSET
    data: Any | Optional = UNSET  # of a cancel-replace: what became of either half
