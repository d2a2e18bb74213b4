"""Messages of the WebSocket, in the venue's own field names.

Source: the specification in github.com/Kucoin/kucoin-universal-sdk, read 2026-11-20. Prices, sizes
and amounts are decimal texts but in snapshots, which have bare numbers.
"""

# ruff: noqa: N815 the venue's own spelling

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from steelyard.dialects.kucoin.messages import Side

# What is counted fits into 64 bits, and so does a time once it is in nanoseconds.
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Ms = Annotated[int, Meta(ge=0, le=(2**63 - 1) // 10**6)]


class Said(Struct, frozen=True, kw_only=True):
    """What a client says."""

    type: str
    id: str | int | None = None
    topic: str = ""
    privateChannel: bool = False
    response: bool = False


class Control(Struct, frozen=True, kw_only=True):
    """What answers it, and the first message of all."""

    id: str
    type: str
    timestamp: int | UnsetType = UNSET
    code: int | UnsetType = UNSET
    data: str | UnsetType = UNSET


class Message(Struct, frozen=True, kw_only=True):
    """What is told on a topic."""

    topic: str
    type: Literal["message"] = "message"
    subject: str
    id: str | UnsetType = UNSET
    userId: str | UnsetType = UNSET
    channelType: str | UnsetType = UNSET
    data: Any


class Told(Struct, frozen=True, kw_only=True):
    """Any message of the venue, as far as it has to be known to read the rest of it."""

    type: str
    id: str | int | None = None
    topic: str = ""
    subject: str = ""
    code: int | str | None = None
    data: Raw | UnsetType = UNSET


# -- public ---------------------------------------------------------------------------------------


class TickerData(Struct, frozen=True, kw_only=True):
    """The last trade and the touch."""

    sequence: str
    price: str
    size: str
    bestAsk: str
    bestAskSize: str
    bestBid: str
    bestBidSize: str
    time: Ms


class SnapshotInner(Struct, frozen=True, kw_only=True):
    """24 hours of a symbol; numbers are bare."""

    symbol: str
    symbolCode: str
    baseCurrency: str
    quoteCurrency: str
    market: str
    markets: tuple[str, ...]
    trading: bool = True
    board: int = 1
    mark: int = 0
    sort: int = 100
    buy: Any
    sell: Any
    bidSize: Any = None
    askSize: Any = None
    lastTradedPrice: Any
    lastSize: Any = None
    open: Any
    close: Any
    high: Any
    low: Any
    vol: Any
    volValue: Any
    averagePrice: Any = None
    changePrice: Any = None
    changeRate: Any = None
    datetime: int
    makerFeeRate: Any
    takerFeeRate: Any
    makerCoefficient: Any = 1
    takerCoefficient: Any = 1
    marketChange1h: dict[str, Any] = {}
    marketChange4h: dict[str, Any] = {}
    marketChange24h: dict[str, Any] = {}


class SnapshotData(Struct, frozen=True, kw_only=True):
    """24 hours of a symbol, and a number."""

    sequence: str
    data: SnapshotInner


class Level1Data(Struct, frozen=True, kw_only=True):
    """The touch; a side that is empty is an empty list."""

    asks: tuple[str, ...]
    bids: tuple[str, ...]
    timestamp: int


class DepthData(Struct, frozen=True, kw_only=True):
    """The best levels, whole."""

    asks: tuple[tuple[str, str], ...]
    bids: tuple[tuple[str, str], ...]
    timestamp: int


Change = tuple[str, str, str]  # price, size, sequence


class Changes(Struct, frozen=True, kw_only=True):
    """Levels that changed."""

    asks: tuple[Change, ...]
    bids: tuple[Change, ...]


class Level2Data(Struct, frozen=True, kw_only=True):
    """Levels that changed, and the range of their numbers; a price of 0 only takes up a number."""

    changes: Changes
    sequenceStart: Number
    sequenceEnd: Number
    symbol: str
    time: Ms = 0  # older ones have none


class MatchData(Struct, frozen=True, kw_only=True):
    """A trade; side is its taker's, time in nanoseconds."""

    makerOrderId: str = ""
    takerOrderId: str = ""
    price: str
    size: str
    side: Side
    sequence: str
    symbol: str
    tradeId: str
    time: str
    type: str = "match"


class CandlesData(Struct, frozen=True, kw_only=True):
    """A candle; time is in nanoseconds."""

    symbol: str
    candles: tuple[str, str, str, str, str, str, str]
    time: int


# -- private --------------------------------------------------------------------------------------


class OrderChange(Struct, frozen=True, kw_only=True):
    """A step of an order's life; orderTime is in milliseconds, ts in nanoseconds."""

    symbol: str
    orderType: str
    side: Side
    orderId: str
    clientOid: str = ""
    type: str
    status: str
    orderTime: int
    price: str | UnsetType = UNSET
    size: str | UnsetType = UNSET
    originSize: str | UnsetType = UNSET
    originFunds: str | UnsetType = UNSET
    filledSize: str | UnsetType = UNSET
    remainSize: str | UnsetType = UNSET
    remainFunds: str | UnsetType = UNSET
    canceledSize: str | UnsetType = UNSET
    canceledFunds: str | UnsetType = UNSET
    oldSize: str | UnsetType = UNSET
    liquidity: Literal["taker", "maker"] | UnsetType = UNSET
    feeType: str | UnsetType = UNSET
    matchPrice: str | UnsetType = UNSET
    matchSize: str | UnsetType = UNSET
    tradeId: str | UnsetType = UNSET
    # These three are ours: what a fill cost, and why an order was canceled.
    fee: str | UnsetType = UNSET
    feeCurrency: str | UnsetType = UNSET
    cancelReason: str | UnsetType = UNSET
    ts: int


class StopChange(Struct, frozen=True, kw_only=True):
    """A step of the life of an order that waits for its price."""

    orderId: str
    symbol: str
    side: Side
    orderType: str = "stop"
    orderPrice: str | UnsetType = UNSET
    size: str
    stop: str
    stopPrice: str
    tradeType: str = "TRADE"
    type: str
    triggerSuccess: bool | UnsetType = UNSET
    clientOid: str = ""  # ours
    createdAt: int
    ts: int


class RelationContext(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changed a balance."""

    symbol: str = ""
    orderId: str = ""
    tradeId: str = ""


class BalanceChange(Struct, frozen=True, kw_only=True):
    """A balance as it is now, and by how much it changed."""

    accountId: str
    currency: str
    total: str
    available: str
    hold: str
    availableChange: str
    holdChange: str
    relationContext: RelationContext = RelationContext()
    relationEvent: str
    relationEventId: str
    time: str
