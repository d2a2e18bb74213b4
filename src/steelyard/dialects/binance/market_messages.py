"""Further messages of the market data: windows, execution rules, reference prices, block trades.

As in `messages.py`, one struct serves both ends, in the venue's own field names.
"""

# ruff: noqa: N815
# The field names are the venue's.

from msgspec import Struct

# -- requests -----------------------------------------------------------------------------------


class WindowRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/ticker."""

    symbol: str | None = None
    symbols: tuple[str, ...] | None = None
    windowSize: str = "1d"
    type: str = "FULL"
    symbolStatus: str | None = None


class TradingDayRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/ticker/tradingDay."""

    symbol: str | None = None
    symbols: tuple[str, ...] | None = None
    timeZone: str = "0"
    type: str = "FULL"
    symbolStatus: str | None = None


class SymbolStatusRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/referencePrice/calculation."""

    symbol: str
    symbolStatus: str | None = None


class BlockTradesRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/historicalBlockTrades."""

    symbol: str
    fromId: int
    limit: int = 500


# -- answers ------------------------------------------------------------------------------------


class WindowTicker(Struct, frozen=True, kw_only=True):
    """GET /api/v3/ticker and /api/v3/ticker/tradingDay."""

    symbol: str
    priceChange: str
    priceChangePercent: str
    weightedAvgPrice: str
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


class SymbolRules(Struct, frozen=True, kw_only=True):
    """What limits the prices at which a symbol's orders trade: nothing here."""

    symbol: str
    rules: tuple[Struct, ...] = ()


class ExecutionRules(Struct, frozen=True, kw_only=True):
    """GET /api/v3/executionRules."""

    symbolRules: tuple[SymbolRules, ...]
