"""Messages of the public REST routes, in the venue's own field names, and its refusals.

Source: https://www.weex.com/api-doc (V3), read 2026-11. There is no envelope: an answer is the bare
object or list. Prices and sizes are texts; ids and times are whole numbers.
"""

# ruff: noqa: N815
# The field names are the venue's.

from msgspec import UNSET, Raw, Struct, UnsetType


class ErrorBody(Struct, frozen=True, omit_defaults=True):
    """A refusal: code and msg are the venue's, the rest is ours.

    help says how to mend it, reason which of our reasons it is where the code is of several. One
    for limits has neither code nor msg: clients tell it by its HTTP status.
    """

    code: int | str | UnsetType = UNSET
    msg: str | UnsetType = UNSET
    help: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Nothing(Struct, frozen=True):
    """A request without parameters, or an answer without fields."""


# -- requests -----------------------------------------------------------------------------------


class MaybeSymbolRequest(Struct, frozen=True):
    """All symbols, or one."""

    symbol: str | None = None


class DepthRequest(Struct, frozen=True):
    """A book, of 15 or 200 levels of a side."""

    symbol: str
    limit: int | None = None


class TradesRequest(Struct, frozen=True):
    """The newest public trades."""

    symbol: str
    limit: int | None = None


class KlinesRequest(Struct, frozen=True):
    """The newest candles."""

    symbol: str
    interval: str
    limit: int | None = None


# -- what is ------------------------------------------------------------------------------------


class ServerTime(Struct, frozen=True):
    """The clock."""

    serverTime: int


class Network(Struct, frozen=True, kw_only=True):
    """A way in and out for a coin; `withdrawIntegerMultiple` is a bare number."""

    network: str
    coin: str
    name: str
    isDefault: bool
    depositEnable: bool
    withdrawEnable: bool
    withdrawFee: str
    withdrawMin: str
    withdrawInternalMin: str | None = None
    depositDust: str | None = None
    minConfirm: int = 1
    withdrawTag: bool = False
    withdrawIntegerMultiple: Raw = Raw(b"1e-8")
    contractAddress: str | None = None
    contractAddressUrl: str | None = None
    depositDesc: str | None = None
    withdrawDesc: str | None = None


class Coin(Struct, frozen=True, kw_only=True):
    """An asset."""

    coin: str
    name: str
    depositAllEnable: bool
    withdrawAllEnable: bool
    networkList: tuple[Network, ...]


class Symbol(Struct, frozen=True, kw_only=True):
    """What trades, and in which steps. minOrderValue is ours: the venue has no such limit."""

    symbol: str
    status: str
    baseAsset: str
    baseAssetPrecision: int
    quoteAsset: str
    quoteAssetPrecision: int
    tickSize: str
    stepSize: str
    minTradeAmount: str
    maxTradeAmount: str
    takerFeeRate: str
    makerFeeRate: str
    buyLimitPriceRatio: str
    sellLimitPriceRatio: str
    marketBuyLimitSize: str
    marketSellLimitSize: str
    marketFallbackPriceRatio: str
    enableTrade: bool
    enableDisplay: bool
    displayDigitMerge: str
    displayNew: bool = False
    displayHot: bool = False
    minOrderValue: str | UnsetType = UNSET


class ExchangeInfo(Struct, frozen=True, kw_only=True):
    """Everything that trades."""

    timezone: str
    serverTime: int
    symbols: tuple[Symbol, ...]


class Ticker(Struct, frozen=True, kw_only=True):
    """The last 24 hours and the touch; the change in percent is a fraction."""

    symbol: str
    priceChange: str
    priceChangePercent: str
    lastPrice: str
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
    count: int


class Price(Struct, frozen=True):
    """The last price."""

    symbol: str
    price: str


class BookTicker(Struct, frozen=True):
    """The touch."""

    symbol: str
    bidPrice: str
    bidQty: str
    askPrice: str
    askQty: str


Level = tuple[str, str]  # price, size


class Depth(Struct, frozen=True):
    """A book, best levels first."""

    lastUpdateId: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class PublicTrade(Struct, frozen=True, kw_only=True):
    """A trade; where the buyer was the maker, the taker sold."""

    id: str
    price: str
    qty: str
    quoteQty: str
    time: int
    isBuyerMaker: bool
    isBestMatch: bool = True


# open time, open, high, low, close, volume, close time, value, trades, bought by takers: both
Kline = tuple[int, str, str, str, str, str, int, str, int, str, str]
