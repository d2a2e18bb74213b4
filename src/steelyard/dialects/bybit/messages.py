"""Messages of the public REST routes, in the venue's own field names, and the envelope of all.

Source: https://bybit-exchange.github.io/docs/v5, read 2026-11-22. Prices, sizes and amounts are
texts; times of objects are milliseconds in texts. What does not apply is an empty text, or left
out where the venue does so.
"""

# ruff: noqa: N815
# The field names are the venue's.

from typing import Any, Generic, TypeVar

from msgspec import UNSET, Struct, UnsetType, field

T = TypeVar("T")


class Help(Struct, frozen=True):
    """What stands beside a refusal here: how to mend it."""

    help: str = ""


class Envelope(Struct, Generic[T]):
    """Every answer: the result, or a code that is not 0."""

    retCode: int
    retMsg: str
    result: T
    retExtInfo: Any = field(default_factory=dict)
    time: int = 0


class Head(Struct):
    """As much of an answer as says whether it is a yes."""

    retCode: int
    retMsg: str = ""
    retExtInfo: Any = None

    @property
    def help(self) -> str:
        """How to mend it, where that is told."""
        match self.retExtInfo:
            case {"help": str(how)}:
                return how
            case _:
                return ""


class Nothing(Struct):
    """A request without parameters, or a result without fields."""


# -- requests -----------------------------------------------------------------------------------


class InstrumentsRequest(Struct):
    """Everything of a category, or one symbol."""

    category: str
    symbol: str | None = None
    status: str | None = None
    baseCoin: str | None = None
    limit: int | None = None
    cursor: str | None = None


class TickersRequest(Struct):
    """The tickers of a category, or one."""

    category: str
    symbol: str | None = None
    baseCoin: str | None = None


class OrderbookRequest(Struct):
    """A book, so many levels of a side."""

    category: str
    symbol: str
    limit: int | None = None


class RecentTradesRequest(Struct):
    """The newest public trades."""

    category: str
    symbol: str | None = None
    limit: int | None = None


class KlineRequest(Struct):
    """Candles; start and end are milliseconds."""

    symbol: str
    interval: str
    category: str = "linear"
    start: int | None = None
    end: int | None = None
    limit: int | None = None


class ContractRequest(Struct):
    """What only contracts have: prices of mark and index, funding, open interest, risk limits."""

    category: str
    symbol: str | None = None


class PositionChange(Struct):
    """What is to become of a position of a contract; the rest of it is not looked at."""

    category: str
    symbol: str | None = None


class SystemStatusRequest(Struct):
    """A maintenance, or those of a state."""

    id: str | None = None
    state: str | None = None


class PriceLimitRequest(Struct):
    """How far from the last price an order of a symbol may be."""

    symbol: str
    category: str | None = None


# -- results ------------------------------------------------------------------------------------


class ServerTime(Struct):
    """The clock."""

    timeSecond: str
    timeNano: str


class LotSizeFilter(Struct):
    """The steps and limits of sizes."""

    basePrecision: str
    quotePrecision: str
    minOrderQty: str
    maxOrderQty: str
    minOrderAmt: str
    maxOrderAmt: str
    maxLimitOrderQty: str | UnsetType = UNSET
    maxMarketOrderQty: str | UnsetType = UNSET
    postOnlyMaxLimitOrderSize: str | UnsetType = UNSET


class PriceFilter(Struct):
    """The step of prices."""

    tickSize: str


class RiskParameters(Struct):
    """How far a price may be from the market, as shares: of limit orders, of market orders."""

    priceLimitRatioX: str
    priceLimitRatioY: str


class InstrumentInfo(Struct):
    """A symbol of the category spot."""

    symbol: str
    baseCoin: str
    quoteCoin: str
    status: str
    lotSizeFilter: LotSizeFilter
    priceFilter: PriceFilter
    symbolId: int | UnsetType = UNSET
    innovation: str | UnsetType = UNSET
    marginTrading: str | UnsetType = UNSET
    stTag: str | UnsetType = UNSET
    riskParameters: RiskParameters | UnsetType = UNSET
    symbolType: str | UnsetType = UNSET
    xstockMultiplier: str | UnsetType = UNSET


class Instruments(Struct):
    """Symbols of a category."""

    category: str | UnsetType = UNSET
    list: tuple[InstrumentInfo, ...] = ()
    nextPageCursor: str | UnsetType = UNSET


class Ticker(Struct):
    """The last 24 hours and the touch."""

    symbol: str
    bid1Price: str
    bid1Size: str
    ask1Price: str
    ask1Size: str
    lastPrice: str
    prevPrice24h: str
    price24hPcnt: str
    highPrice24h: str
    lowPrice24h: str
    turnover24h: str
    volume24h: str
    usdIndexPrice: str | UnsetType = UNSET


class Tickers(Struct):
    """Tickers of a category."""

    category: str
    list: tuple[Ticker, ...]


Level = tuple[str, str]


class Orderbook(Struct):
    """A book: bids and asks, best first."""

    s: str
    b: tuple[Level, ...]
    a: tuple[Level, ...]
    ts: int
    u: int
    seq: int
    cts: int | UnsetType = UNSET


class PublicTrade(Struct):
    """A public trade; side is the taker's."""

    execId: str
    symbol: str
    price: str
    size: str
    side: str
    time: str
    isBlockTrade: bool = False
    isRPITrade: bool | UnsetType = UNSET
    seq: str | UnsetType = UNSET


class RecentTrades(Struct):
    """Public trades, newest first."""

    category: str
    list: tuple[PublicTrade, ...]


Candle = tuple[str, str, str, str, str, str, str]  # start, open, high, low, close, base, quote


class Klines(Struct):
    """Candles, newest first."""

    symbol: str
    category: str | UnsetType
    list: tuple[Candle, ...]


class NoContracts(Struct):
    """What there is of contracts: nothing."""

    category: str
    list: tuple[Nothing, ...] = ()
    symbol: str | UnsetType = UNSET
    nextPageCursor: str = ""


class SystemEvent(Struct):
    """A maintenance; of trading by HTTP and over sockets, of spot, and of everybody."""

    id: str
    title: str
    state: str
    begin: str
    end: str
    href: str = ""
    serviceTypes: tuple[int, ...] = (1, 2, 3, 4, 5)
    product: tuple[int, ...] = (2,)
    uidSuffix: tuple[int, ...] = ()
    maintainType: int | str = 1
    env: int | str = 1


class SystemStatus(Struct):
    """Maintenances."""

    list: tuple[SystemEvent, ...] = ()


class PriceLimit(Struct):
    """The highest price of a buy, and the lowest of a sell."""

    symbol: str
    buyLmt: str
    sellLmt: str
    ts: str
