"""Messages of the feed, in the venue's own field names.

Source: docs.cdp.coinbase.com/exchange, read 2026-07-21. One JSON object a frame, told apart by
`type`; the level3 channel has bare arrays instead. What does not apply is left out.
"""

from typing import Any, Literal

from msgspec import UNSET, Raw, Struct, UnsetType

from steelyard.dialects.coinbase_exchange.messages import Currency, Product, Side


class Wanted(Struct, frozen=True, omit_defaults=True):
    """A channel of a subscription, with products of its own."""

    name: str
    product_ids: tuple[str, ...] | None = None
    account_ids: tuple[str, ...] | None = None


class Control(Struct, frozen=True, omit_defaults=True):
    """What a client says: subscribe or unsubscribe."""

    type: str
    product_ids: tuple[str, ...] | None = None
    channels: tuple[str | Wanted, ...] = ()
    key: str = ""
    signature: str = ""
    timestamp: Raw = Raw(b'""')
    passphrase: str = ""


class Subscribed(Struct, frozen=True):
    """A channel in the answer to a subscription."""

    name: str
    product_ids: tuple[str, ...] = ()
    account_ids: tuple[str, ...] | None = None


class Subscriptions(Struct, frozen=True, tag="subscriptions"):
    """Everything that is subscribed to by now."""

    channels: tuple[Subscribed, ...]


class Error(Struct, frozen=True, tag="error"):
    """A no."""

    message: str
    reason: str = ""


class Heartbeat(Struct, frozen=True, kw_only=True, tag="heartbeat"):
    """Once a second: how far a product's messages and trades have come."""

    sequence: int
    last_trade_id: int
    product_id: str
    time: str


class TickerEvent(Struct, frozen=True, kw_only=True, tag="ticker"):
    """The last trade, the touch and 24 hours; side is the taker's."""

    sequence: int
    product_id: str
    price: str
    open_24h: str
    volume_24h: str
    low_24h: str
    high_24h: str
    volume_30d: str
    best_bid: str
    best_bid_size: str = ""
    best_ask: str
    best_ask_size: str = ""
    side: Side
    time: str
    trade_id: int
    last_size: str


class Snapshot(Struct, frozen=True, kw_only=True, tag="snapshot"):
    """A whole book: price and size."""

    product_id: str
    asks: tuple[tuple[str, str], ...]
    bids: tuple[tuple[str, str], ...]
    time: str = ""


class L2Update(Struct, frozen=True, kw_only=True, tag="l2update"):
    """Levels that changed: side, price and new size, 0 where nothing is left."""

    product_id: str
    changes: tuple[tuple[Side, str, str], ...]
    time: str


class StatusEvent(Struct, frozen=True, tag="status"):
    """All products and currencies."""

    products: tuple[Product, ...]
    currencies: tuple[Currency, ...]


class BalanceUpdate(Struct, frozen=True, kw_only=True, tag="balance"):
    """One currency of a profile, as it is now."""

    account_id: str
    currency: str
    holds: str
    available: str
    updated: str
    timestamp: str


class Schema(Struct, frozen=True, tag="level3"):
    """How the arrays of the level3 channel are to be read."""

    schema: dict[str, tuple[str, ...]]


# -- a book order by order; the user channel adds whose it is -----------------------------------


class Received(Struct, frozen=True, kw_only=True, tag="received"):
    """An order has come."""

    time: str
    product_id: str
    sequence: int
    order_id: str
    size: str | UnsetType = UNSET
    price: str | UnsetType = UNSET
    funds: str | UnsetType = UNSET
    side: Side
    order_type: Literal["limit", "market"]
    client_oid: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    profile_id: str | UnsetType = UNSET


class Open(Struct, frozen=True, kw_only=True, tag="open"):
    """An order rests."""

    time: str
    product_id: str
    sequence: int
    order_id: str
    price: str
    remaining_size: str
    side: Side
    user_id: str | UnsetType = UNSET
    profile_id: str | UnsetType = UNSET


class Match(Struct, frozen=True, kw_only=True, tag="match"):
    """A trade; side is the maker's. Rates of fees are of one's own side."""

    trade_id: int
    sequence: int
    maker_order_id: str
    taker_order_id: str
    time: str
    product_id: str
    size: str
    price: str
    side: Side
    taker_user_id: str | UnsetType = UNSET
    taker_profile_id: str | UnsetType = UNSET
    taker_fee_rate: str | UnsetType = UNSET
    maker_user_id: str | UnsetType = UNSET
    maker_profile_id: str | UnsetType = UNSET
    maker_fee_rate: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    profile_id: str | UnsetType = UNSET


class LastMatch(Match, frozen=True, kw_only=True, tag="last_match"):
    """The newest trade from before the subscription."""


class Change(Struct, frozen=True, kw_only=True, tag="change"):
    """An order has another size, or another price too."""

    reason: str
    time: str
    sequence: int
    order_id: str
    side: Side
    product_id: str
    old_size: str | UnsetType = UNSET
    new_size: str | UnsetType = UNSET
    price: str | UnsetType = UNSET
    old_price: str | UnsetType = UNSET
    new_price: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    profile_id: str | UnsetType = UNSET


class Done(Struct, frozen=True, kw_only=True, tag="done"):
    """An order is over; market orders have neither price nor remaining size."""

    time: str
    product_id: str
    sequence: int
    price: str | UnsetType = UNSET
    order_id: str
    reason: Literal["filled", "canceled"]
    side: Side
    remaining_size: str | UnsetType = UNSET
    cancel_reason: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    profile_id: str | UnsetType = UNSET


class Activate(Struct, frozen=True, kw_only=True, tag="activate"):
    """A stop waits for its price; told to its owner alone."""

    product_id: str
    timestamp: str
    user_id: str
    profile_id: str
    order_id: str
    stop_type: str
    side: Side
    stop_price: str
    size: str | UnsetType = UNSET
    funds: str | UnsetType = UNSET
    private: bool = True
    client_oid: str | UnsetType = UNSET


class Other(Struct, frozen=True):
    """The type of a message that is none of ours."""

    type: Any = None


Told = (
    Subscriptions
    | Error
    | Heartbeat
    | TickerEvent
    | Snapshot
    | L2Update
    | StatusEvent
    | BalanceUpdate
    | Schema
    | Received
    | Open
    | Match
    | LastMatch
    | Change
    | Done
    | Activate
)
