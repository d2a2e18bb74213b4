"""Messages of the streams, in the venue's own field names.

Source: https://www.weex.com/api-doc (V3), read 2026-11. Prices and sizes are texts. Times of public
messages are whole numbers of milliseconds, of private ones texts. An id comes back as it was sent,
a number or a text.
"""

# ruff: noqa: N815
# The field names are the venue's.

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field

from steelyard.dialects.weex.messages import Level

Maybe = str | UnsetType
Id = int | str | None | UnsetType
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # of a message; fits into 64 bits


class Said(Struct, omit_defaults=True):
    """What a client says."""

    method: str = ""
    params: tuple[str, ...] = ()
    id: Id = UNSET


class Ack(Struct, omit_defaults=True):
    """The answer to it. code, help and reason are ours."""

    result: bool | UnsetType = UNSET
    id: Id = UNSET
    msg: Maybe = UNSET
    code: int | UnsetType = UNSET
    help: Maybe = UNSET
    reason: Maybe = UNSET


class Greeting(Struct, omit_defaults=True):
    """What the venue says of itself: connected, or ping. Private ones have `type` for `event`."""

    cid: Maybe = UNSET
    event: Maybe = UNSET
    type: Maybe = UNSET
    time: Maybe = UNSET


class Told(Struct):
    """As much of a message as says what it is."""

    e: str = ""
    s: str = ""
    event: str = ""
    type: str = ""
    result: bool | UnsetType = UNSET
    msg: str = ""
    code: int | UnsetType = UNSET
    help: str = ""


# -- public ---------------------------------------------------------------------------------------


class TickerData(Struct, kw_only=True):
    """The last 24 hours, without the touch; P is a fraction, m and i are of contracts."""

    p: str
    P: str
    w: str
    c: str
    o: str
    h: str
    l: str  # noqa: E741 the venue's
    v: str
    q: str
    O: int  # noqa: E741
    C: int
    n: int
    m: Maybe = UNSET
    i: Maybe = UNSET


class TickerMessage(Struct, kw_only=True):
    """`SYM@ticker`."""

    e: str = "ticker"
    E: int
    s: str
    d: tuple[TickerData, ...]


class TradeData(Struct, kw_only=True):
    """A trade; where the buyer was the maker (m), the taker sold."""

    T: int
    t: str
    p: str
    q: str
    v: str
    m: bool


class TradeMessage(Struct, kw_only=True):
    """`SYM@trade`: `trade`, or first a `tradeSnapshot`."""

    e: str = "trade"
    E: int
    s: str
    d: tuple[TradeData, ...]


class KlineData(Struct, kw_only=True):
    """A candle: t to T, volume v and value q, of which takers bought V and Q, in n trades."""

    t: int
    T: int
    s: str
    i: str
    o: str
    c: str
    h: str
    l: str  # noqa: E741
    v: str
    n: int
    q: str
    V: str
    Q: str


class KlineMessage(Struct, kw_only=True):
    """`SYM@kline_1h_LAST_PRICE`: `kline`, or first a `klineSnapshot`."""

    e: str = "kline"
    E: int
    s: str
    p: str = "LAST_PRICE"
    d: tuple[KlineData, ...]


class DepthMessage(Struct, kw_only=True):
    """`SYM@depth200`: `depth`, or first a `depthSnapshot`; U is the u of the message before."""

    e: str = "depth"
    E: int
    s: str
    U: Number
    u: Number
    l: int  # noqa: E741
    d: str = "CHANGED"
    b: tuple[Level, ...]
    a: tuple[Level, ...]


class TouchMessage(Struct, kw_only=True):
    """`SYM@bookTicker`."""

    e: str = "bookTicker"
    E: int
    s: str
    u: Number
    b: str
    B: str
    a: str
    A: str


# -- private --------------------------------------------------------------------------------------


class OrderData(Struct, kw_only=True):
    """An order with all that there is to tell of it."""

    id: str
    symbol: str
    baseCoin: str
    quoteCoin: str
    orderSide: str
    price: str
    size: str
    value: str = "0"
    clientOrderId: str
    type: str
    timeInForce: str
    reduceOnly: bool = False
    triggerPrice: str = "0"
    orderSource: str = "API"
    openTpslParentOrderId: str = "0"
    setOpenTp: bool = False
    setOpenSl: bool = False
    takerFeeRate: str = "0"
    makerFeeRate: str = "0"
    feeDiscount: str = "1"
    takerFeeDiscount: str = "1"
    makerFeeDiscount: str = "1"
    status: str
    triggerTime: str = "0"
    triggerPriceTime: str = "0"
    triggerPriceValue: str = "0"
    cancelReason: str = ""
    latestFillPrice: str = "0"
    maxFillPrice: str = "0"
    minFillPrice: str = "0"
    cumFillSize: str
    cumFillValue: str
    cumFillFee: str = "0"
    createdTime: str
    updatedTime: str


class FillData(Struct, kw_only=True):
    """A fill; its price is value by size."""

    id: str
    symbol: str
    baseCoin: str
    quoteCoin: str
    orderId: str
    orderSide: str
    fillSize: str
    fillValue: str
    fillFee: str
    direction: str
    createdTime: str
    updatedTime: str


class BalanceData(Struct, kw_only=True):
    """How much there is of a coin."""

    coin: str
    equity: str
    available: str
    frozen: str


class AccountMessage(Struct, kw_only=True):
    """A message of `orders`, `fill` or `account`; v counts them."""

    e: str
    E: int
    v: int
    msgEvent: str
    d: Any = field(default_factory=tuple)
