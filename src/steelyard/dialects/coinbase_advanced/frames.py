"""Messages of the WebSocket, in the venue's own field names.

Source: docs.cdp.coinbase.com (Advanced Trade WebSocket), read 2026-07. Everything but an error
stands in an `Envelope`, whose number counts one connection's messages of all channels, from 0.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from steelyard.dialects.coinbase_advanced.messages import Candle, PublicTrade

_encode = msgspec.json.Encoder().encode


class Control(Struct, frozen=True, omit_defaults=True):
    """What a client says: one channel a message."""

    type: str
    channel: str = ""
    product_ids: tuple[str, ...] | None = None
    jwt: str = ""
    api_key: str = ""
    signature: str = ""
    timestamp: str = ""


class Envelope(Struct, frozen=True, kw_only=True):
    """A message."""

    channel: str
    client_id: str = ""
    timestamp: str
    sequence_num: int
    events: tuple[Raw, ...] = ()


class Error(Struct, frozen=True, tag="error"):
    """A no; it has no number."""

    message: str


class Head(Struct, frozen=True):
    """What tells messages apart."""

    type: Any = None
    channel: Any = None
    message: Any = None


class Subscriptions(Struct, frozen=True):
    """All that is subscribed to by now."""

    subscriptions: dict[str, tuple[str, ...]]


class Heartbeat(Struct, frozen=True):
    """Once a second."""

    current_time: str
    heartbeat_counter: int


class Change(Struct, frozen=True, kw_only=True):
    """A level of a book, as it is now; 0 where nothing is left."""

    side: str
    event_time: str
    price_level: str
    new_quantity: str


class Level2(Struct, frozen=True, kw_only=True):
    """A whole book (`snapshot`), or levels that changed (`update`)."""

    type: str
    product_id: str
    updates: tuple[Change, ...]


class Trades(Struct, frozen=True, kw_only=True):
    """Trades, newest first; those of a `snapshot` were before."""

    type: str
    trades: tuple[PublicTrade, ...]


class Ticker(Struct, frozen=True, kw_only=True):
    """The last price, 24 hours and the touch."""

    type: str = "ticker"
    product_id: str
    price: str
    volume_24_h: str = "0"
    low_24_h: str = "0"
    high_24_h: str = "0"
    low_52_w: str = "0"
    high_52_w: str = "0"
    price_percent_chg_24_h: str = "0"
    best_bid: str = ""
    best_bid_quantity: str = ""
    best_ask: str = ""
    best_ask_quantity: str = ""


class Tickers(Struct, frozen=True, kw_only=True):
    """Tickers."""

    type: str
    tickers: tuple[Ticker, ...]


class ProductCandle(Candle, frozen=True, kw_only=True):
    """A candle of five minutes."""

    product_id: str


class Candles(Struct, frozen=True, kw_only=True):
    """Candles."""

    type: str
    candles: tuple[ProductCandle, ...]


class ProductStatus(Struct, frozen=True, kw_only=True):
    """What trades."""

    product_type: str = "SPOT"
    id: str
    base_currency: str
    quote_currency: str
    base_increment: str
    quote_increment: str
    display_name: str
    status: str = "online"
    status_message: str = ""
    min_market_funds: str = "0"


class Status(Struct, frozen=True, kw_only=True):
    """All products."""

    type: str
    products: tuple[ProductStatus, ...]


class UserOrder(Struct, frozen=True, kw_only=True):
    """An order as it is now: everything is the sum of what has happened to it."""

    avg_price: str = "0"
    cancel_reason: str = ""
    client_order_id: str = ""
    completion_percentage: str = "0"
    contract_expiry_type: str = "UNKNOWN_CONTRACT_EXPIRY_TYPE"
    cumulative_quantity: str = "0"
    filled_value: str = "0"
    leaves_quantity: str = "0"
    limit_price: str = "0"
    number_of_fills: str = "0"
    order_id: str
    order_side: str
    order_type: str
    outstanding_hold_amount: str = "0"
    post_only: str = "false"
    product_id: str
    product_type: str = "SPOT"
    reject_reason: str = ""
    retail_portfolio_id: str = ""
    risk_managed_by: str = "UNKNOWN_RISK_MANAGEMENT_TYPE"
    status: str
    stop_price: str = ""
    time_in_force: str = ""
    total_fees: str = "0"
    total_value_after_fees: str = "0"
    trigger_status: str = "INVALID_ORDER_TYPE"
    creation_time: str
    end_time: str = "0001-01-01T00:00:00Z"
    start_time: str = "0001-01-01T00:00:00Z"


class Positions(Struct, frozen=True, kw_only=True):
    """Derivatives: none."""

    perpetual_futures_positions: tuple[Any, ...] = ()
    expiring_futures_positions: tuple[Any, ...] = ()


class User(Struct, frozen=True, kw_only=True):
    """Orders of an account: open ones (`snapshot`), or what happened (`update`)."""

    type: str
    orders: tuple[UserOrder, ...]
    positions: Positions | UnsetType = UNSET


EVENTS: dict[str, type[Struct]] = {
    "subscriptions": Subscriptions,
    "heartbeats": Heartbeat,
    "l2_data": Level2,
    "market_trades": Trades,
    "ticker": Tickers,
    "ticker_batch": Tickers,
    "candles": Candles,
    "status": Status,
    "user": User,
}


class _Unnumbered(Struct, frozen=True):
    channel: str
    client_id: str
    timestamp: str
    events: tuple[Struct, ...]


def unnumbered(channel: str, timestamp: str, *events: Struct) -> bytes:
    """Return a message that lacks its number, which is each connection's own."""
    return _encode(_Unnumbered(channel, "", timestamp, events))


def numbered(payload: bytes, number: int) -> bytes:
    """Return a message with its number."""
    return b'%s,"sequence_num":%d}' % (payload[:-1], number)


def counted(payload: bytes, count: int) -> bytes:
    """Return a heartbeat with its number."""
    return payload.replace(b'"heartbeat_counter":0', b'"heartbeat_counter":%d' % count)
