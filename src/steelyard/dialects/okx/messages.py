"""Every message of the public routes, in the venue's own field names.

One struct serves both ends. Every value is a text, and the empty text is nothing, unless said
otherwise. Rows of public routes that are no structs are arrays.
"""

# ruff: noqa: N815  the venue's names

from typing import Generic, TypeVar

from msgspec import UNSET, Struct, UnsetType

T = TypeVar("T")


class Envelope(Struct, Generic[T], frozen=True, kw_only=True):
    """Every answer; times are in microseconds, and of routes for orders only."""

    code: str = "0"
    msg: str = ""
    data: tuple[T, ...]
    inTime: str | UnsetType = UNSET
    outTime: str | UnsetType = UNSET
    help: str | UnsetType = UNSET


class Nothing(Struct, frozen=True):
    """A request without parameters."""


class Items(Struct, frozen=True, kw_only=True):
    """A request about several orders; its own struct says `items`, and of what."""

    expTime: str = ""


# -- what is asked ------------------------------------------------------------------------------


class InstrumentsRequest(Struct, frozen=True, kw_only=True):
    """public/instruments, account/instruments."""

    instType: str
    instId: str | None = None
    uly: str | None = None
    instFamily: str | None = None


class TypeRequest(Struct, frozen=True, kw_only=True):
    """A route that asks for what there is of a type."""

    instType: str | None = None
    instId: str | None = None


class InstrumentRequest(Struct, frozen=True, kw_only=True):
    """A route that asks for one instrument."""

    instId: str


class StatusRequest(Struct, frozen=True, kw_only=True):
    """system/status."""

    state: str | None = None


class BookRequest(Struct, frozen=True, kw_only=True):
    """market/books, market/books-full."""

    instId: str
    sz: str | None = None


class TradesRequest(Struct, frozen=True, kw_only=True):
    """market/trades, market/history-trades; type 1 pages by trade id, 2 by time."""

    instId: str
    type: str | None = None
    after: str | None = None
    before: str | None = None
    limit: str | None = None


class CandlesRequest(Struct, frozen=True, kw_only=True):
    """market/candles, market/history-candles; after and before are times, exclusive."""

    instId: str
    bar: str = "1m"
    after: str | None = None
    before: str | None = None
    limit: str | None = None


# -- what is answered ---------------------------------------------------------------------------


class Time(Struct, frozen=True, kw_only=True):
    """public/time."""

    ts: str


class SystemStatus(Struct, frozen=True, kw_only=True):
    """system/status: a maintenance that is planned, or under way."""

    title: str
    state: str
    begin: str
    end: str
    preOpenBegin: str = ""
    href: str = ""
    serviceType: str = "0"
    system: str = "unified"
    scheDesc: str = ""
    maintType: str = "1"
    env: str = "1"


class Instrument(Struct, frozen=True, kw_only=True):
    """public/instruments; instIdCode is a number, upcChg a list.

    The venue tells what limits a lot of kinds of orders; minNotional is ours.
    """

    instType: str = "SPOT"
    instId: str
    baseCcy: str = ""
    quoteCcy: str = ""
    settleCcy: str = ""
    uly: str = ""
    instFamily: str = ""
    category: str = "1"
    groupId: str | UnsetType = UNSET
    alias: str = ""
    tickSz: str
    lotSz: str
    minSz: str
    maxLmtSz: str = ""
    maxMktSz: str = ""
    maxLmtAmt: str | UnsetType = UNSET
    maxMktAmt: str | UnsetType = UNSET
    maxTwapSz: str = ""
    maxIcebergSz: str = ""
    maxTriggerSz: str = ""
    maxStopSz: str = ""
    lever: str = ""
    state: str
    listTime: str = ""
    ctVal: str = ""
    ctMult: str = ""
    ctValCcy: str = ""
    ctType: str = ""
    optType: str = ""
    stk: str = ""
    expTime: str = ""
    auctionEndTime: str | UnsetType = UNSET
    ruleType: str | UnsetType = UNSET
    openType: str | UnsetType = UNSET
    instIdCode: int | UnsetType = UNSET
    tradeQuoteCcyList: tuple[str, ...] | UnsetType = UNSET
    upcChg: tuple[dict[str, str], ...] | UnsetType = UNSET
    minNotional: str | UnsetType = UNSET
    maxPx: str | UnsetType = UNSET


class Ticker(Struct, frozen=True, kw_only=True):
    """market/ticker, market/tickers and the channel of that name."""

    instType: str = "SPOT"
    instId: str
    last: str
    lastSz: str
    askPx: str
    askSz: str
    bidPx: str
    bidSz: str
    open24h: str
    high24h: str
    low24h: str
    volCcy24h: str
    vol24h: str
    sodUtc0: str
    sodUtc8: str
    ts: str


Level = tuple[str, str, str, str]  # price, size, "0", how many orders
FullLevel = tuple[str, str, str]  # price, size, how many orders


class Book(Struct, frozen=True, kw_only=True):
    """market/books."""

    asks: tuple[Level, ...]
    bids: tuple[Level, ...]
    ts: str
    seqId: int | UnsetType = UNSET


class FullBook(Struct, frozen=True, kw_only=True):
    """market/books-full."""

    asks: tuple[FullLevel, ...]
    bids: tuple[FullLevel, ...]
    ts: str


class Trade(Struct, frozen=True, kw_only=True):
    """A public trade; side is the taker's. On the channel it may be several, which count says."""

    instId: str
    tradeId: str
    px: str
    sz: str
    side: str
    ts: str
    count: str | UnsetType = UNSET
    source: str | UnsetType = UNSET
    seqId: int | UnsetType = UNSET


# Opens at, open, high, low, close, volume of base, of quote, of quote again, whether it is closed.
Candle = tuple[str, str, str, str, str, str, str, str, str]


class PriceLimit(Struct, frozen=True, kw_only=True):
    """public/price-limit; enabled is a truth."""

    instType: str = "SPOT"
    instId: str
    buyLmt: str
    sellLmt: str
    ts: str
    enabled: bool
