"""Wire messages of markets and orders over REST, in the venue's own field names.

Source: docs.cdp.coinbase.com/exchange, read 2026-07-21. Prices and amounts are decimal texts, but
for candles and the clock, which are numbers: those are written from and read as decimals.
"""

# ruff: noqa: N815 the venue's own spelling

from decimal import Decimal
from typing import Any, Literal

from msgspec import UNSET, Raw, Struct, UnsetType

Side = Literal["buy", "sell"]
Granularity = Literal[60, 300, 900, 3600, 21600, 86400]


class ErrorBody(Struct, frozen=True):
    """What a refusal says; `help` is ours, the rest the venue's."""

    message: str
    help: str | UnsetType = UNSET


class Nothing(Struct, frozen=True):
    """A request without parameters."""


# -- markets ------------------------------------------------------------------------------------


class ProductRequest(Struct, frozen=True):
    """Something of one product, which is part of the path."""

    product_id: str


class BookRequest(Struct, frozen=True):
    """A book: its touch (1), its levels (2) or its orders (3)."""

    product_id: str
    level: Literal[1, 2, 3] = 1


class TradesRequest(Struct, frozen=True):
    """Public trades; before and after are cursors."""

    product_id: str
    limit: int | None = None
    before: str | None = None
    after: str | None = None


class CandlesRequest(Struct, frozen=True):
    """Candles; times are in ISO 8601 or seconds since 1970."""

    product_id: str
    granularity: Granularity = 60
    start: str | None = None
    end: str | None = None


class CurrencyRequest(Struct, frozen=True):
    """One currency."""

    currency_id: str


class Time(Struct, frozen=True):
    """The venue's clock."""

    iso: str
    epoch: Any


class Product(Struct, frozen=True, kw_only=True):
    """What trades. The limits of sizes and prices are not told by the venue any more."""

    id: str
    base_currency: str
    quote_currency: str
    quote_increment: str
    base_increment: str
    display_name: str = ""
    min_market_funds: str
    margin_enabled: bool = False
    post_only: bool = False
    limit_only: bool = False
    cancel_only: bool = False
    status: str = "online"
    status_message: str = ""
    trading_disabled: bool = False
    fx_stablecoin: bool = False
    max_slippage_percentage: str = ""
    auction_mode: bool = False
    high_bid_limit_percentage: str = ""
    base_min_size: str | UnsetType = UNSET
    base_max_size: str | UnsetType = UNSET


class CurrencyDetails(Struct, frozen=True, kw_only=True):
    """What a currency is."""

    type: str
    symbol: str | None = None
    network_confirmations: int = 0
    sort_order: int = 0
    crypto_address_link: str = ""
    crypto_transaction_link: str = ""
    push_payment_methods: tuple[str, ...] = ()
    group_types: tuple[str, ...] = ()
    display_name: str = ""
    processing_time_seconds: int | None = 0
    min_withdrawal_amount: Any = None
    max_withdrawal_amount: Any = None


class CurrencyNetwork(Struct, frozen=True, kw_only=True):
    """A network over which a currency moves."""

    id: str
    name: str
    status: str = "online"
    contract_address: str = ""
    crypto_address_link: str = ""
    crypto_transaction_link: str = ""
    min_withdrawal_amount: Any = None
    max_withdrawal_amount: Any = None
    network_confirmations: int = 0
    processing_time_seconds: int | None = 0
    destination_tag_regex: str = ""


class Currency(Struct, frozen=True, kw_only=True):
    """An asset."""

    id: str
    name: str
    min_size: str
    status: str = "online"
    message: str = ""
    max_precision: str
    convertible_to: tuple[str, ...] = ()
    details: CurrencyDetails
    default_network: str = ""
    supported_networks: tuple[CurrencyNetwork, ...] = ()
    display_name: str = ""


class Ticker(Struct, frozen=True, kw_only=True):
    """The last trade, the touch and the volume of 24 hours; what there is not is left out."""

    ask: str = "0"
    bid: str = "0"
    volume: str
    trade_id: int
    price: str
    size: str
    time: str
    rfq_volume: str = "0"
    conversions_volume: str = "0.00"


class Stats(Struct, frozen=True, kw_only=True):
    """24 hours, and the volume of 30 days."""

    open: str
    high: str
    low: str
    last: str
    volume: str
    volume_30day: str
    rfq_volume_24hour: str = "0"
    rfq_volume_30day: str = "0"


class VolumeSummary(Struct, frozen=True, kw_only=True):
    """A product's volumes."""

    id: str
    base_currency: str
    quote_currency: str
    display_name: str
    market_types: tuple[str, ...] = ("spot",)
    spot_volume_24hour: str
    spot_volume_30day: str
    rfq_volume_24hour: str = "0"
    rfq_volume_30day: str = "0"
    conversion_volume_24hour: str = "0"
    conversion_volume_30day: str = "0"


Level = tuple[str, str, int]  # price, size, number of orders
BookOrder = tuple[str, str, str]  # price, size, order id


class Book(Struct, frozen=True, kw_only=True):
    """A book, level by level (levels 1 and 2)."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    sequence: int
    auction_mode: bool = False
    auction: None = None
    time: str


class FullBook(Struct, frozen=True, kw_only=True):
    """A book, order by order (level 3)."""

    bids: tuple[BookOrder, ...]
    asks: tuple[BookOrder, ...]
    sequence: int
    auction_mode: bool = False
    auction: None = None
    time: str


class PublicTrade(Struct, frozen=True, kw_only=True):
    """A trade; side is its maker's."""

    trade_id: int
    side: Side
    size: str
    price: str
    time: str


# time, low, high, open, close, volume
Candle = tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal]
CandleText = tuple[int, Raw, Raw, Raw, Raw, Raw]
Spark = tuple[int, str]  # time, price


# -- orders -------------------------------------------------------------------------------------


class NewOrder(Struct, frozen=True, kw_only=True):
    """A new order. `order_type` is what the tutorial's program says for `type`."""

    product_id: str
    side: Side
    type: Literal["limit", "market", "stop"] = "limit"
    price: str | None = None
    size: str | None = None
    funds: str | None = None
    stop: Literal["loss", "entry"] | None = None
    stop_price: str | None = None
    stop_limit_price: str | None = None
    time_in_force: Literal["GTC", "GTT", "IOC", "FOK"] | None = None
    cancel_after: Literal["min", "hour", "day"] | None = None
    post_only: bool | None = None
    stp: Literal["dc", "co", "cn", "cb"] | None = None
    client_oid: str | None = None
    max_floor: str | None = None
    profile_id: str | None = None
    order_type: Literal["limit", "market"] | None = None


class OrderRequest(Struct, frozen=True, kw_only=True):
    """One order; its id is the venue's, or the client's own behind `client:`."""

    order_id: str
    product_id: str | None = None
    profile_id: str | None = None
    market_type: str | None = None


class CancelAllRequest(Struct, frozen=True, kw_only=True):
    """All open orders, of one product where it is named."""

    product_id: str | None = None
    profile_id: str | None = None


class OrdersRequest(Struct, frozen=True, kw_only=True):
    """A list of orders, newest first unless told otherwise; before and after are cursors."""

    status: tuple[str, ...] = ()
    product_id: str | None = None
    profile_id: str | None = None
    market_type: str | None = None
    limit: int | None = None
    before: str | None = None
    after: str | None = None
    sortedBy: Literal["created_at", "price", "size", "order_id", "side", "type"] = "created_at"
    sorting: Literal["asc", "desc"] = "desc"
    start_date: str | None = None
    end_date: str | None = None


class FillsRequest(Struct, frozen=True, kw_only=True):
    """Fills of one order or product, newest first; before and after are cursors."""

    order_id: str | None = None
    product_id: str | None = None
    profile_id: str | None = None
    market_type: str | None = None
    limit: int | None = None
    before: str | None = None
    after: str | None = None
    start_date: str | None = None
    end_date: str | None = None


class Order(Struct, frozen=True, kw_only=True):
    """An order. What does not apply is left out."""

    id: str
    price: str | UnsetType = UNSET
    size: str | UnsetType = UNSET
    funds: str | UnsetType = UNSET
    specified_funds: str | UnsetType = UNSET
    product_id: str
    profile_id: str = ""
    side: Side
    type: str
    time_in_force: str | UnsetType = UNSET
    expire_time: str | UnsetType = UNSET
    post_only: bool | UnsetType = UNSET
    stp: str | UnsetType = UNSET
    max_floor: str | UnsetType = UNSET
    stop: str | UnsetType = UNSET
    stop_price: str | UnsetType = UNSET
    created_at: str
    done_at: str | UnsetType = UNSET
    done_reason: str | UnsetType = UNSET
    cancel_reason: str | UnsetType = UNSET  # ours; the venue has it on the feed alone
    reject_reason: str | UnsetType = UNSET
    fill_fees: str = "0.0000000000000000"
    filled_size: str = "0.00000000"
    executed_value: str = "0.0000000000000000"
    market_type: str = "spot"
    status: str
    settled: bool
    funding_currency: str | UnsetType = UNSET
    client_oid: str | UnsetType = UNSET


class Fill(Struct, frozen=True, kw_only=True):
    """One execution of one's own; side is one's own, liquidity M (maker) or T (taker)."""

    created_at: str
    trade_id: int
    product_id: str
    order_id: str
    user_id: str = ""
    profile_id: str = ""
    liquidity: Literal["M", "T", "O"]
    price: str
    size: str
    fee: str
    side: Side
    settled: bool = True
    usd_volume: str | None = None
    market_type: str = "spot"
    funding_currency: str = ""
