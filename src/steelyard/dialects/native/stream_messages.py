"""Every WebSocket message of the native API as a struct: what a client says, what it is told."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from steelyard.dialects.native.forms import (
    AskedSymbol,
    AskedTime,
    CallName,
    ChannelName,
    Checksum,
    Execution,
    FullChangeName,
    Interval,
    Levels,
    OrderId,
    Price,
    Sequence,
    Side,
    Size,
    Symbol,
    Time,
    TradeId,
)
from steelyard.dialects.native.messages import (
    Balance,
    Candle,
    ErrorDetail,
    Fill,
    Order,
    ServerStatus,
    Ticker,
    Trade,
)

# -- WebSocket: what a client says --------------------------------------------------------------


class Wanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One channel to follow or to leave."""

    channel: Annotated[
        ChannelName,
        Meta(description="What to follow; `orders`, `fills` and `balances` need a login."),
    ]
    symbol: AskedSymbol | None = None
    interval: Annotated[Interval, Meta(description="The length of a candle.")] | None = None


class Subscribe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Follow channels, or leave them: `subscribe` and `unsubscribe`."""

    op: Literal["subscribe", "unsubscribe"]
    id: Any = None
    channels: tuple[Wanted, ...]


class Login(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prove a key, to follow `orders`, `fills` and `balances`."""

    op: Literal["login"] = "login"
    id: Any = None
    key: Annotated[str, Meta(title="text", min_length=1, max_length=128)]
    timestamp: Annotated[AskedTime, Meta(description="Your clock.")]
    nonce: Annotated[
        str, Meta(title="nonce of 1 to 36 letters, digits, - or _", pattern="^[A-Za-z0-9_-]{1,36}$")
    ]
    signature: Annotated[
        str,
        Meta(
            title="signature of 64 lower-case hex digits, or in base64",
            description='Hex HMAC-SHA256 of timestamp + nonce + "GET/ws/v1"; of a key pair base64.',
            pattern="^([0-9a-f]{64}|[A-Za-z0-9+/]{86,683}={0,2})$",
        ),
    ]


class Call(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Do over the WebSocket what REST does; the answer's `result` is what REST would answer.

    After a login, and without a signature. `params` are the route's parameters, those of its path
    too: `place` is `POST /api/v1/orders`, `place_group` `POST /api/v1/groups`, `place_batch`
    `POST /api/v1/orders/batch`, `amend` PATCH and `cancel` DELETE on
    `/api/v1/orders/{order_id}`, `cancel_all` `DELETE /api/v1/orders`; `order`,
    `order_by_client_id`, `orders`, `fills` and `account` read.
    """

    op: CallName
    id: Any = None
    params: Annotated[
        dict[str, Any], Meta(title="object", description="The parameters of the route.")
    ] = {}


class Ping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask whether the exchange is there."""

    op: Literal["ping"] = "ping"
    id: Any = None


# -- WebSocket: what the exchange says ----------------------------------------------------------


class Ack(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one message of yours; `id` is the one you gave."""

    op: str | None
    id: Raw
    ok: bool
    account_id: int | None = None  # after a login
    error: ErrorDetail | None = None
    result: Any = None  # of a call: what REST would answer


class Pong(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a ping."""

    op: Literal["pong"]
    id: Any | UnsetType = UNSET


class BookSnapshotPush(Struct, frozen=True, kw_only=True):
    """The whole book: the first push of a `book` channel."""

    channel: Literal["book"]
    type: Literal["snapshot"]
    symbol: Symbol
    sequence: Sequence
    bids: Levels
    asks: Levels
    time: Time
    checksum: Checksum | None = None


class BookDeltaPush(Struct, frozen=True, kw_only=True):
    """Levels that changed, by their new size; size `0` removes one.

    `first_sequence` is the `sequence` or `last_sequence` of the push before, plus one; if it is
    greater, something is missing: subscribe anew. So it is if your book has another `checksum`.
    """

    channel: Literal["book"]
    type: Literal["delta"]
    symbol: Symbol
    first_sequence: Sequence
    last_sequence: Sequence
    bids: Levels
    asks: Levels
    time: Time
    checksum: Checksum | None = None


class FullOrder(Struct, frozen=True, kw_only=True):
    """An order in the book; `order_id` null: what a price shows besides orders with a number."""

    order_id: OrderId | None
    side: Side
    price: Price
    size: Size


class FullSnapshotPush(Struct, frozen=True, kw_only=True):
    """Every order of the book, those of a price in the order of their coming: the first push.

    What a price shows besides has no number and is one entry: the crowd's size, slices of
    icebergs, orders of groups, those that waited for a price or slid. Its place in the queue is
    not told.
    """

    channel: Literal["full"]
    type: Literal["snapshot"]
    symbol: Symbol
    sequence: Sequence
    orders: tuple[FullOrder, ...]
    time: Time


class FullChange(Struct, frozen=True, kw_only=True):
    """One change of the book."""

    change: FullChangeName
    order_id: (
        Annotated[OrderId, Meta(description="Null for what has no number; of a match the maker.")]
        | None
    )
    side: Annotated[Side, Meta(description="The order's; of a match the taker's.")]
    price: Annotated[Price, Meta(description="Null for a market order.")] | None
    size: Annotated[Size, Meta(description="What traded in a match; else what the order has left.")]
    trade_id: Annotated[TradeId, Meta(description="Of a match; else null.")] | None
    taker_order_id: Annotated[OrderId, Meta(description="Of a match; else null.")] | None


class FullChangesPush(Struct, frozen=True, kw_only=True):
    """What one command did, in order; sequences chain as on the `book` channel.

    `received`: an order came; the book is as it was. `open`: it stands in the book now, last at
    its price. `match`: takes `size` off the maker, if it is in your book. `change`: the order, or
    what has no number at this price, has this price and size now; 0 removes it. `done`: the
    order is over; take it out if it is there. Where no price changed its size, `last_sequence` is
    `first_sequence` - 1.
    """

    channel: Literal["full"]
    type: Literal["changes"]
    symbol: Symbol
    first_sequence: Sequence
    last_sequence: Sequence
    changes: tuple[FullChange, ...]
    time: Time


class TradesPush(Trade, frozen=True, kw_only=True):
    """A public trade."""

    channel: Literal["trades"] = "trades"


class TickerPush(Ticker, frozen=True, kw_only=True):
    """The last 24 hours: at once, then every second."""

    channel: Literal["ticker"] = "ticker"


class CandlesPush(Candle, frozen=True, kw_only=True):
    """A candle: the current one at once, then when it changes, at most every 250 ms.

    The last push of a candle has `closed` true.
    """

    channel: Literal["candles"] = "candles"


class TouchPush(Struct, frozen=True, kw_only=True):
    """The best bid and ask: at once, then whenever they change; null where a side is empty."""

    channel: Literal["touch"]
    symbol: Symbol
    sequence: Sequence
    bid: Price | None
    bid_size: Size
    ask: Price | None
    ask_size: Size
    time: Time


class StatusPush(ServerStatus, frozen=True, kw_only=True):
    """Whether the exchange takes requests and orders: at once, then whenever that changes."""

    channel: Literal["status"] = "status"


class OrdersPush(Struct, frozen=True, kw_only=True):
    """One of your orders after something happened to it."""

    channel: Literal["orders"]
    execution: Annotated[Execution, Meta(description="What happened.")]
    order: Order
    fill: Annotated[Fill, Meta(description="The execution, where one happened.")] | None
    time: Time


class FillsPush(Fill, frozen=True, kw_only=True):
    """One execution of one of your orders."""

    channel: Literal["fills"] = "fills"


class BalancesPush(Struct, frozen=True, kw_only=True):
    """Your balances that changed, as they are now."""

    channel: Literal["balances"]
    balances: tuple[Balance, ...]
    time: Time
