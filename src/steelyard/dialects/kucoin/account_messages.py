"""Wire messages of accounts over REST, in the venue's own field names.

Source: the specification in github.com/Kucoin/kucoin-universal-sdk, read 2026-11-20. What the venue
calls an account is one asset of a wallet.
"""

# ruff: noqa: N815 the venue's own spelling

from msgspec import UNSET, Struct, UnsetType


class KeyInfo(Struct, frozen=True, kw_only=True):
    """What the asking key may do; ipWhitelist is left out where it may come from anywhere."""

    remark: str = ""
    apiKey: str
    apiVersion: int = 3
    permission: str
    ipWhitelist: str | UnsetType = UNSET
    createdAt: int
    uid: int = 0
    isMaster: bool = True
    subName: str | UnsetType = UNSET


class UserInfo(Struct, frozen=True, kw_only=True):
    """Who has an account: numbers of sub-accounts, of which there are none."""

    level: int = 0
    subQuantity: int = 0
    spotSubQuantity: int = 0
    marginSubQuantity: int = 0
    futuresSubQuantity: int = 0
    optionSubQuantity: int = 0
    maxSubQuantity: int = 0
    maxDefaultSubQuantity: int = 0
    maxSpotSubQuantity: int = 0
    maxMarginSubQuantity: int = 0
    maxFuturesSubQuantity: int = 0
    maxOptionSubQuantity: int = 0


class AccountMode(Struct, frozen=True):
    """Which of the venue's two worlds an account lives in."""

    selfAccountMode: str


class AccountsRequest(Struct, frozen=True):
    """What there is, of a currency or in a wallet where it is named."""

    currency: str | None = None
    type: str | None = None


class AccountRequest(Struct, frozen=True):
    """One asset of a wallet."""

    accountId: str


class Account(Struct, frozen=True, kw_only=True):
    """One asset of a wallet; balance is available and holds together."""

    id: str = ""
    currency: str
    type: str = "trade"
    balance: str
    available: str
    holds: str


class LedgersRequest(Struct, frozen=True, kw_only=True):
    """What has moved, page by page; times are in milliseconds."""

    currency: str | None = None
    direction: str | None = None
    bizType: str | None = None
    startAt: int | None = None
    endAt: int | None = None
    currentPage: int = 1
    pageSize: int = 50


class HfLedgersRequest(Struct, frozen=True, kw_only=True):
    """What has moved, newest first; lastId is where the page before ended."""

    currency: str | None = None
    direction: str | None = None
    bizType: str | None = None
    startAt: int | None = None
    endAt: int | None = None
    lastId: int | None = None
    limit: int = 100


class LedgerEntry(Struct, frozen=True, kw_only=True):
    """One movement; context is JSON in a text."""

    id: str
    currency: str
    amount: str
    fee: str = "0"
    tax: str = "0"
    balance: str
    accountType: str = "TRADE"
    bizType: str
    direction: str
    createdAt: int
    context: str = ""


class Ledgers(Struct, frozen=True, kw_only=True):
    """A page of movements."""

    currentPage: int
    pageSize: int
    totalNum: int
    totalPage: int
    items: tuple[LedgerEntry, ...]


class Context(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What brought a movement about."""

    symbol: str = ""
    orderId: str = ""
    tradeId: str = ""
    txId: str = ""


class BaseFeeRequest(Struct, frozen=True):
    """Rates; currencyType 0 is of crypto, 1 of fiat."""

    currencyType: int = 0


class BaseFee(Struct, frozen=True):
    """Rates of fees; positive is a cost."""

    takerFeeRate: str
    makerFeeRate: str


class TradeFeesRequest(Struct, frozen=True):
    """Rates of up to ten symbols, with commas between them."""

    symbols: str


class TradeFee(Struct, frozen=True):
    """Rates of fees of a symbol."""

    symbol: str
    takerFeeRate: str
    makerFeeRate: str


class MarginSymbols(Struct, frozen=True):
    """Symbols with margin: none."""

    items: tuple[str, ...] = ()
