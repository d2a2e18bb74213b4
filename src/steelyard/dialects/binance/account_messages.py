"""Messages about an account: balances, fees, fills, filters, what a key may do.

As in `messages.py`, one struct serves both ends, in the venue's own field names.
"""

# ruff: noqa: N815
# The field names are the venue's.

from msgspec import UNSET, Struct

from steelyard.dialects.binance.messages import Discount, Filter, Optional, Rates

# -- requests -----------------------------------------------------------------------------------


class AccountRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/account."""

    omitZeroBalances: bool = False


class MyTradesRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/myTrades."""

    symbol: str
    orderId: int | None = None
    startTime: int | None = None
    endTime: int | None = None
    fromId: int | None = None
    limit: int = 500


class TradeFeeRequest(Struct, frozen=True, kw_only=True):
    """GET /sapi/v1/asset/tradeFee."""

    symbol: str | None = None


class AllocationsRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/myAllocations."""

    symbol: str
    startTime: int | None = None
    endTime: int | None = None
    fromAllocationId: int | None = None
    limit: int = 500
    orderId: int | None = None


class PreventedMatchesRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/myPreventedMatches."""

    symbol: str
    preventedMatchId: int | None = None
    orderId: int | None = None
    fromPreventedMatchId: int | None = None
    limit: int = 500


# -- answers ------------------------------------------------------------------------------------


class AccountBalance(Struct, frozen=True, kw_only=True):
    """One asset of an account."""

    asset: str
    free: str
    locked: str


class Account(Struct, frozen=True, kw_only=True):
    """GET /api/v3/account."""

    makerCommission: int = 0
    takerCommission: int = 0
    buyerCommission: int = 0
    sellerCommission: int = 0
    commissionRates: Rates
    canTrade: bool = True
    canWithdraw: bool = True
    canDeposit: bool = True
    brokered: bool = False
    requireSelfTradePrevention: bool = False
    preventSor: bool = False
    updateTime: int
    accountType: str = "SPOT"
    balances: tuple[AccountBalance, ...]
    permissions: tuple[str, ...] = ("SPOT",)
    uid: int = 0


class MyTrade(Struct, frozen=True, kw_only=True):
    """An element of GET /api/v3/myTrades."""

    symbol: str
    id: int
    orderId: int
    orderListId: int = -1
    price: str
    qty: str
    quoteQty: str
    commission: str
    commissionAsset: str
    time: int
    isBuyer: bool
    isMaker: bool
    isBestMatch: bool = True


class Commission(Struct, frozen=True, kw_only=True):
    """GET /api/v3/account/commission."""

    symbol: str
    standardCommission: Rates
    specialCommission: Rates
    taxCommission: Rates
    discount: Discount = Discount()


class ApiRestrictions(Struct, frozen=True, kw_only=True):
    """GET /sapi/v1/account/apiRestrictions."""

    ipRestrict: bool
    createTime: int
    enableReading: bool | Optional = UNSET
    enableWithdrawals: bool | Optional = UNSET
    enableInternalTransfer: bool = False
    enableMargin: bool = False
    enableFutures: bool = False
    permitsUniversalTransfer: bool = False
    enableVanillaOptions: bool = False
    enableFixApiTrade: bool = False
    enableFixReadOnly: bool = False
    enableSpotAndMarginTrading: bool | Optional = UNSET
    enablePortfolioMarginTrading: bool = False
    tradingAuthorityExpirationTime: int | Optional = UNSET


class TradeFee(Struct, frozen=True, kw_only=True):
    """An element of GET /sapi/v1/asset/tradeFee."""

    symbol: str
    makerCommission: str
    takerCommission: str


class MyFilters(Struct, frozen=True, kw_only=True):
    """GET /api/v3/myFilters."""

    exchangeFilters: tuple[Filter, ...] = ()
    symbolFilters: tuple[Filter, ...] = ()
    assetFilters: tuple[Filter, ...] = ()
