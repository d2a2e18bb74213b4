"""Wire messages of markets, in the venue's own field names.

Source: docs.cdp.coinbase.com (Advanced Trade REST), read 2026-07. Prices and amounts are decimal
texts. Every answer is an object; none but a refusal has a key `error`, which clients look for.
"""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

Side = Literal["BUY", "SELL"]
Granularity = Literal[
    "ONE_MINUTE",
    "FIVE_MINUTE",
    "FIFTEEN_MINUTE",
    "THIRTY_MINUTE",
    "ONE_HOUR",
    "TWO_HOUR",
    "FOUR_HOUR",
    "SIX_HOUR",
    "ONE_DAY",
]


class ErrorBody(Struct, frozen=True):
    """A refusal; `error_details` says how to mend it."""

    error: str
    error_details: str = ""
    message: str = ""


class OldError(Struct, frozen=True):
    """One of the refusals that signatures and limits have."""

    id: str
    message: str


class OldErrors(Struct, frozen=True):
    """A refusal of a signature, of limits, or of the older API."""

    errors: tuple[OldError, ...]


class Nothing(Struct, frozen=True):
    """A request without parameters."""


class ProductRequest(Struct, frozen=True):
    """Something of one product, which is part of the path."""

    product_id: str


class ProductsRequest(Struct, frozen=True, kw_only=True):
    """A list of products."""

    limit: int | None = None
    offset: int | None = None
    product_type: str | None = None
    product_ids: tuple[str, ...] = ()
    contract_expiry_type: str | None = None
    expiring_contract_status: str | None = None
    get_tradability_status: str | None = None
    get_all_products: str | None = None
    products_sort_order: str | None = None


class BookRequest(Struct, frozen=True, kw_only=True):
    """A book."""

    product_id: str
    limit: int | None = None
    aggregation_price_increment: str | None = None


class TouchesRequest(Struct, frozen=True, kw_only=True):
    """The best prices of products, all where none is named."""

    product_ids: tuple[str, ...] = ()


class TradesRequest(Struct, frozen=True, kw_only=True):
    """Public trades and the touch; times are seconds since 1970."""

    product_id: str
    limit: int | None = None
    start: str | None = None
    end: str | None = None


class CandlesRequest(Struct, frozen=True, kw_only=True):
    """Candles; times are seconds since 1970."""

    product_id: str
    granularity: Granularity
    start: str | None = None
    end: str | None = None
    limit: int | None = None


class Time(Struct, frozen=True):
    """The venue's clock."""

    iso: str
    epochSeconds: str  # noqa: N815 the venue's own spelling
    epochMillis: str  # noqa: N815


class Product(Struct, frozen=True, kw_only=True):
    """What trades."""

    product_id: str
    price: str = ""
    price_percentage_change_24h: str = ""
    volume_24h: str = ""
    volume_percentage_change_24h: str = ""
    base_increment: str
    quote_increment: str
    quote_min_size: str = "0"
    quote_max_size: str = ""
    base_min_size: str = "0"
    base_max_size: str = ""
    base_name: str = ""
    quote_name: str = ""
    watched: bool = False
    is_disabled: bool = False
    new: bool = False
    status: str = "online"
    cancel_only: bool = False
    limit_only: bool = False
    post_only: bool = False
    trading_disabled: bool = False
    auction_mode: bool = False
    product_type: str = "SPOT"
    quote_currency_id: str = ""
    base_currency_id: str = ""
    fcm_trading_session_details: Any = None
    mid_market_price: str = ""
    alias: str = ""
    alias_to: tuple[str, ...] = ()
    base_display_symbol: str = ""
    quote_display_symbol: str = ""
    view_only: bool = False
    price_increment: str = ""
    display_name: str = ""
    product_venue: str = "CBE"
    approximate_quote_24h_volume: str = ""
    new_at: str | None = None
    market_cap: str = ""
    base_cbrn: str = ""
    quote_cbrn: str = ""
    product_cbrn: str = ""
    icon_color: str = ""
    icon_url: str = ""
    display_name_overwrite: str = ""
    is_alpha_testing: bool = False
    about_description: str = ""
    best_bid_price: str = ""
    best_ask_price: str = ""


class Products(Struct, frozen=True, kw_only=True):
    """A list of products."""

    products: tuple[Product, ...]
    num_products: int = 0


class Level(Struct, frozen=True):
    """A level of a book."""

    price: str
    size: str


class PriceBook(Struct, frozen=True, kw_only=True):
    """A book, best first; it has no number."""

    product_id: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    time: str = ""


class Book(Struct, frozen=True, kw_only=True):
    """A book and what follows from its touch."""

    pricebook: PriceBook
    last: str = ""
    mid_market: str = ""
    spread_bps: str = ""
    spread_absolute: str = ""


class Touches(Struct, frozen=True):
    """Books of one level."""

    pricebooks: tuple[PriceBook, ...]


class PublicTrade(Struct, frozen=True, kw_only=True):
    """A trade; side is its maker's."""

    trade_id: str
    product_id: str
    price: str
    size: str
    time: str
    side: Side
    bid: str | UnsetType = UNSET
    ask: str | UnsetType = UNSET
    exchange: str | UnsetType = UNSET


class PublicTrades(Struct, frozen=True, kw_only=True):
    """Public trades, newest first, and the touch."""

    trades: tuple[PublicTrade, ...]
    best_bid: str = ""
    best_ask: str = ""


class Candle(Struct, frozen=True, kw_only=True):
    """What traded in a time."""

    start: str
    low: str
    high: str
    open: str
    close: str
    volume: str


class Candles(Struct, frozen=True):
    """Candles, newest first."""

    candles: tuple[Candle, ...]
