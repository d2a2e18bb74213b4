"""Every REST message of the Kraken spot API, in the venue's own field names.

The invariant: one struct serves both ends. What the server always sends and the client needs has
no default; what older answers lack, or what appears in some cases only, has one. Unknown fields are
ignored. Amounts are texts, times JSON numbers (`Raw`, so that no digit is lost).

An answer is an `Envelope`: what was asked for, or in `error` why not.
"""

from typing import Generic, TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType

Optional = UnsetType  # a field that is left out
T = TypeVar("T")


class Envelope(Struct, Generic[T], frozen=True, kw_only=True):
    """What every answer is; `help` is ours, and says how to mend what is wrong."""

    error: tuple[str, ...] = ()
    result: T | Optional = UNSET
    help: str | Optional = UNSET


class Nothing(Struct, frozen=True, kw_only=True):
    """A request without parameters."""


# -- requests -----------------------------------------------------------------------------------


class AssetsRequest(Struct, frozen=True, kw_only=True):
    """GET /0/public/Assets."""

    asset: str | None = None
    aclass: str | None = None


class AssetPairsRequest(Struct, frozen=True, kw_only=True):
    """GET /0/public/AssetPairs."""

    pair: str | None = None
    info: str | None = None


class TickerRequest(Struct, frozen=True, kw_only=True):
    """GET /0/public/Ticker."""

    pair: str | None = None


class DepthRequest(Struct, frozen=True, kw_only=True):
    """GET /0/public/Depth."""

    pair: str
    count: int = 100


class TradesRequest(Struct, frozen=True, kw_only=True):
    """GET /0/public/Trades; since is in ns or s, exclusive."""

    pair: str
    since: str | None = None
    count: int = 1_000


class OhlcRequest(Struct, frozen=True, kw_only=True):
    """GET /0/public/OHLC; interval in minutes."""

    pair: str
    interval: int = 1
    since: int | None = None


class SpreadRequest(Struct, frozen=True, kw_only=True):
    """GET /0/public/Spread."""

    pair: str
    since: int | None = None


# -- answers ------------------------------------------------------------------------------------


class ServerTime(Struct, frozen=True, kw_only=True):
    """Time."""

    unixtime: int
    rfc1123: str


class SystemStatus(Struct, frozen=True, kw_only=True):
    """SystemStatus: online, maintenance, cancel_only or post_only."""

    status: str
    timestamp: str


class Asset(Struct, frozen=True, kw_only=True):
    """One asset of Assets."""

    aclass: str = "currency"
    altname: str
    decimals: int
    display_decimals: int
    collateral_value: Raw | Optional = UNSET
    status: str = "enabled"


FeeRow = tuple[Raw, Raw]  # volume, percent


class AssetPair(Struct, frozen=True, kw_only=True):
    """One pair of AssetPairs.

    The venue does not tell the largest price and size that it takes; our exchange does.
    """

    altname: str
    wsname: str | Optional = UNSET
    aclass_base: str = "currency"
    base: str
    aclass_quote: str = "currency"
    quote: str
    lot: str = "unit"
    cost_decimals: int = 5
    pair_decimals: int
    lot_decimals: int
    lot_multiplier: int = 1
    leverage_buy: tuple[int, ...] = ()
    leverage_sell: tuple[int, ...] = ()
    fees: tuple[FeeRow, ...] = ()
    fees_maker: tuple[FeeRow, ...] = ()
    fee_volume_currency: str = "ZUSD"
    margin_call: int = 80
    margin_stop: int = 40
    ordermin: str | Optional = UNSET
    costmin: str | Optional = UNSET
    tick_size: str | Optional = UNSET
    status: str = "online"
    price_max: str | Optional = UNSET
    order_max: str | Optional = UNSET


class Ticker(Struct, frozen=True, kw_only=True):
    """One pair of Ticker: [today, last 24 hours] of v, p, t, l and h."""

    a: tuple[str, str, str]
    b: tuple[str, str, str]
    c: tuple[str, str]
    v: tuple[str, str]
    p: tuple[str, str]
    t: tuple[int, int]
    l: tuple[str, str]  # noqa: E741  the venue's name
    h: tuple[str, str]
    o: str


DepthLevel = tuple[str, str, Raw]  # price, size, time


class Depth(Struct, frozen=True, kw_only=True):
    """One pair of Depth."""

    asks: tuple[DepthLevel, ...]
    bids: tuple[DepthLevel, ...]


# price, size, time, b or s, m or l, miscellaneous, number
PublicTrade = tuple[str, str, Raw, str, str, str, int]
# time, open, high, low, close, average, volume, trades
Candle = tuple[int, str, str, str, str, str, str, int]
SpreadRow = tuple[int, str, str]
