"""Wire messages of markets over REST, in the venue's own field names, and what all answers share.

Source: the specification in github.com/Kucoin/kucoin-universal-sdk, read 2026-11-20. Prices, sizes
and amounts are decimal texts.
"""

# ruff: noqa: N815 the venue's own spelling

from typing import Generic, Literal, TypeVar

from msgspec import UNSET, Struct, UnsetType

T = TypeVar("T")
Side = Literal["buy", "sell"]


class Envelope(Struct, Generic[T], frozen=True):
    """What every answer that is no refusal stands in."""

    code: str
    data: T | UnsetType = UNSET


class ErrorBody(Struct, frozen=True, omit_defaults=True):
    """What a refusal says; `help` is ours, the rest the venue's."""

    code: str
    msg: str = ""
    help: str | UnsetType = UNSET


class Nothing(Struct, frozen=True):
    """A request without parameters."""


# -- requests -----------------------------------------------------------------------------------


class SymbolsRequest(Struct, frozen=True):
    """All symbols, or those of a market (of a quote asset)."""

    market: str | None = None


class SymbolRequest(Struct, frozen=True):
    """Something of one symbol."""

    symbol: str


class CandlesRequest(Struct, frozen=True):
    """Candles; times are in seconds."""

    symbol: str
    type: str
    startAt: int | None = None
    endAt: int | None = None


class CurrencyRequest(Struct, frozen=True):
    """One currency."""

    currency: str
    chain: str | None = None


# -- what is ------------------------------------------------------------------------------------


class Status(Struct, frozen=True):
    """Whether the venue is in service."""

    status: str
    msg: str = ""


class Symbol(Struct, frozen=True, kw_only=True):
    """What trades. What only newer versions of the route tell has a default."""

    symbol: str
    name: str
    baseCurrency: str
    quoteCurrency: str
    feeCurrency: str
    market: str
    baseMinSize: str
    quoteMinSize: str
    baseMaxSize: str
    quoteMaxSize: str
    baseIncrement: str
    quoteIncrement: str
    priceIncrement: str
    priceLimitRate: str = "0"
    minFunds: str | None = None
    isMarginEnabled: bool = False
    enableTrading: bool = True
    feeCategory: int = 1
    makerFeeCoefficient: str = "1.00"
    takerFeeCoefficient: str = "1.00"
    st: bool = False
    callauctionIsEnabled: bool = False
    callauctionPriceFloor: str | None = None
    callauctionPriceCeiling: str | None = None
    callauctionFirstStageStartTime: int | None = None
    callauctionSecondStageStartTime: int | None = None
    callauctionThirdStageStartTime: int | None = None
    tradingStartTime: int | None = None


class Chain(Struct, frozen=True, kw_only=True):
    """A network over which a currency moves."""

    chainName: str
    chainId: str
    withdrawalMinSize: str = "0"
    depositMinSize: str | None = None
    withdrawFeeRate: str = "0"
    withdrawalMinFee: str = "0"
    isWithdrawEnabled: bool = True
    isDepositEnabled: bool = True
    confirms: int = 1
    preConfirms: int = 1
    contractAddress: str = ""
    withdrawPrecision: int = 8
    maxWithdraw: str | None = None
    maxDeposit: str | None = None
    needTag: bool = False


class Currency(Struct, frozen=True, kw_only=True):
    """An asset."""

    currency: str
    name: str
    fullName: str
    precision: int
    confirms: int | None = None
    contractAddress: str | None = None
    isMarginEnabled: bool = False
    isDebitEnabled: bool = False
    chains: tuple[Chain, ...] | None = None


class Level1(Struct, frozen=True, kw_only=True):
    """The last trade and the touch; None where nothing traded or rests."""

    time: int
    sequence: str
    price: str | None
    size: str | None
    bestBid: str | None
    bestBidSize: str | None
    bestAsk: str | None
    bestAskSize: str | None


class TickerRow(Struct, frozen=True, kw_only=True):
    """24 hours of one symbol, among those of all."""

    symbol: str
    symbolName: str
    buy: str | None
    bestBidSize: str | None
    sell: str | None
    bestAskSize: str | None
    changeRate: str | None
    changePrice: str | None
    high: str | None
    low: str | None
    vol: str
    volValue: str
    last: str | None
    averagePrice: str | None
    takerFeeRate: str
    makerFeeRate: str
    takerCoefficient: str = "1"
    makerCoefficient: str = "1"


class AllTickers(Struct, frozen=True):
    """24 hours of all symbols."""

    time: int
    ticker: tuple[TickerRow, ...]


class Stats(Struct, frozen=True, kw_only=True):
    """24 hours of one symbol."""

    time: int
    symbol: str
    buy: str | None
    sell: str | None
    changeRate: str | None
    changePrice: str | None
    high: str | None
    low: str | None
    vol: str
    volValue: str
    last: str | None
    averagePrice: str | None
    takerFeeRate: str
    makerFeeRate: str
    takerCoefficient: str = "1"
    makerCoefficient: str = "1"


Level = tuple[str, str]  # price, size


class Book(Struct, frozen=True, kw_only=True):
    """A book, level by level, best first."""

    time: int
    sequence: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class PublicTrade(Struct, frozen=True, kw_only=True):
    """A trade; side is its taker's, time in nanoseconds."""

    sequence: str
    price: str
    size: str
    side: Side
    time: int


# time in seconds, open, close, high, low, volume, turnover
Candle = tuple[str, str, str, str, str, str, str]


class InstanceServer(Struct, frozen=True, kw_only=True):
    """Where to open a WebSocket, and how often to ping on it, in milliseconds."""

    endpoint: str
    encrypt: bool
    protocol: str = "websocket"
    pingInterval: int = 18_000
    pingTimeout: int = 10_000


class Bullet(Struct, frozen=True, kw_only=True):
    """What opens a WebSocket."""

    token: str
    instanceServers: tuple[InstanceServer, ...]
