"""Every REST message of the native API as a struct: what may be asked, and what is answered.

A struct is the schema: decoding, the OpenAPI document and the manual are made from it. The names
that a request may carry are exactly the fields of its struct; an answer may gain fields. Nothing
here converts: that is for orders.py, market.py and account.py.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from steelyard.dialects.native.forms import (
    BOOK_DEPTH_MAX,
    SUBSCRIPTIONS_MAX,
    Amount,
    AnyClientOrderId,
    AskedClientOrderId,
    AskedOrderId,
    AskedPrice,
    AskedSize,
    AskedSymbol,
    AskedTradeId,
    Asset,
    CancelCause,
    ClientOrderId,
    End,
    Interval,
    Levels,
    Limit,
    Liquidity,
    OrderId,
    OrderState,
    OrderType,
    Percent,
    Price,
    Rate,
    ScopeName,
    SelfTrade,
    Sequence,
    Side,
    Size,
    Start,
    Symbol,
    Time,
    TimeInForce,
    TradeId,
)
from steelyard.dialects.native.text import ORDER_TYPES
from steelyard.domain.errors import DecodeError
from steelyard.domain.order import FIELDS, Need

# -- requests -----------------------------------------------------------------------------------


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of one route: those in its path, then query or body."""


class TimeRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a signature's timestamp is compared with."""


class StatusRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """And on which market: a crowd of simulated traders, a recording, or nobody else."""


class LimitsRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For programs: rate limits, weights, the signing window.

    Rate limits count in windows that are aligned to the clock. Going over one is answered with
    429 and `Retry-After`; going on all the same may get an address banned for a while.
    """


class InstrumentsRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With the steps and limits of each.

    A price must be a multiple of `tick_size`, a size a multiple of `lot_size`; nothing is
    rounded for you.
    """


class BookRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Best prices first.

    `sequence` is the number of the last change that is in it; the `book` channel continues
    from there. A depth of up to 100 weighs 2, up to 500 5, above that 10.
    """

    symbol: AskedSymbol
    depth: Annotated[
        int, Meta(title="count", description="Levels per side.", ge=1, le=BOOK_DEPTH_MAX)
    ] = 100


class TradesRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Oldest first: the newest, or from `from_id` or `start` on."""

    symbol: AskedSymbol
    from_id: Annotated[AskedTradeId, Meta(description="The first trade that is wanted.")] | None = (
        None
    )
    start: Start | None = None
    end: End | None = None
    limit: Limit = 100


class CandlesRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Oldest first: the newest, or from `start` on. The last one may still change.

    They are gap-free: an interval without trades repeats the last price with no volume. `1w`
    begins on Monday, `1M` on the first of the month, all in UTC.
    """

    symbol: AskedSymbol
    interval: Annotated[Interval, Meta(description="The length of a candle.")] = "1m"
    start: Start | None = None
    end: End | None = None
    limit: Limit = 500


class TickerRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What traded in the last 24 hours, and the best prices now.

    With a `symbol` the list has one entry and weighs 1; without, it has all and weighs 4.
    """

    symbol: AskedSymbol | None = None


class AccountRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`held` is set aside for open orders, `free` is the rest."""


class KeyRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where, and until when: the key that signs this request."""


class OrdersRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Oldest first: the newest, or from `from_id` or `start` on."""

    symbol: AskedSymbol | None = None
    open: Annotated[bool, Meta(title="flag", description="Only orders that may still fill.")] = (
        False
    )
    from_id: (
        Annotated[AskedOrderId, Meta(description="The first order id that is wanted.")] | None
    ) = None
    start: Start | None = None
    end: End | None = None
    limit: Limit = 100


class OrderRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As it is now, open or ended."""

    order_id: AskedOrderId


class ClientOrderRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Open or ended.

    After an answer that never came this tells whether the order arrived: ask again until the
    signing window of the lost request is over, then a 404 is proof that it did not.
    """

    client_order_id: AnyClientOrderId


class FillsRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Oldest first: the newest, or from `from_id` or `start` on."""

    symbol: AskedSymbol | None = None
    order_id: AskedOrderId | None = None
    from_id: Annotated[AskedTradeId, Meta(description="The first trade that is wanted.")] | None = (
        None
    )
    start: Start | None = None
    end: End | None = None
    limit: Limit = 100


class PlaceRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer holds what filled at once.

    The balance it may need, with fees, is held until it fills or ends. A market order takes no
    price and fills what is there. Give a `client_order_id`: sent twice, it trades once.
    """

    symbol: AskedSymbol
    side: Annotated[Side, Meta(description="What you do with the base asset.")]
    type: Annotated[
        OrderType,
        Meta(description="`limit`: at your price or better. `market`: at what is there, now."),
    ]
    size: AskedSize
    price: (
        Annotated[AskedPrice, Meta(description="Must for `limit`, must not for `market`.")] | None
    ) = None
    time_in_force: (
        Annotated[
            TimeInForce,
            Meta(
                description="What becomes of the part that does not fill at once. `gtc` rests "
                "until canceled (the default of `limit`, not for `market`), `ioc` is canceled "
                "(the default of `market`), `fok` is all at once or nothing."
            ),
        ]
        | None
    ) = None
    post_only: Annotated[
        bool,
        Meta(
            title="flag",
            description="Refuse the order instead of taking. Only for `limit` with `gtc`.",
        ),
    ] = False
    client_order_id: AskedClientOrderId | None = None
    self_trade: Annotated[
        SelfTrade,
        Meta(
            description="When it would meet your own resting order: `none` lets them trade, "
            "`cancel_newest` cancels the rest of this one, `cancel_oldest` the resting one, "
            "`cancel_both` both."
        ),
    ] = "cancel_oldest"

    def __post_init__(self) -> None:
        """Check that price goes with type.

        Raises:
            DecodeError: A limit order without a price, or a market order with one.
        """
        need = FIELDS[ORDER_TYPES[self.type]].price_ticks
        if need is Need.MUST and self.price is None:
            raise DecodeError(
                f'price is missing: a {self.type} order needs one, such as "61000.10"', "price"
            )
        if need is Need.NEVER and self.price is not None:
            raise DecodeError(
                f"price {self.price!r} does not go with a {self.type} order, which takes what is "
                'there; leave it out, or send "type": "limit"',
                "price",
            )


class AmendRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Change the price, the size, or both.

    `size` is the new total, with what has filled already. The order keeps its place in the
    queue only if nothing but the size changes and gets smaller; else it queues anew and may
    trade at once.
    """

    order_id: AskedOrderId
    price: AskedPrice | None = None
    size: AskedSize | None = None

    def __post_init__(self) -> None:
        """Check that something is to be changed.

        Raises:
            DecodeError: Neither price nor size is given.
        """
        if self.price is None and self.size is None:
            raise DecodeError("nothing to change: send a new price, a new size, or both", "price")


class CancelRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer shows it as it ended."""

    order_id: AskedOrderId


class CancelAllRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one instrument or of all. The answer lists what was canceled."""

    symbol: AskedSymbol | None = None


class OpenApiRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """This API as an OpenAPI 3.1 document."""


class DocsRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """This API as a page to read."""


# -- answers ------------------------------------------------------------------------------------


class ServerTime(Struct, frozen=True):
    """The exchange's clock."""

    time: Time
    time_ns: Annotated[
        int,
        Meta(
            description="The same in nanoseconds; beyond what JavaScript keeps exact.",
            examples=[1_795_000_000_000_000_000],
        ),
    ]


class ServerStatus(Struct, frozen=True):
    """Whether the exchange trades, and on which market."""

    trading: Annotated[bool, Meta(description="Whether orders are taken.")]
    market: Annotated[
        str, Meta(description="Who else trades here: crowd, tape or none.", examples=["crowd"])
    ]
    ended: Annotated[bool, Meta(description="Whether a tape is over.")]
    time: Time


class RateLimit(Struct, frozen=True):
    """One rate limit: at most `limit` units per window, aligned to the clock."""

    name: Annotated[str, Meta(examples=["key_weight_1m"])]
    per: Annotated[
        Literal["ip", "key", "account"], Meta(description="Whose requests are counted together.")
    ]
    counts: Annotated[
        Literal["weight", "requests", "orders"],
        Meta(description="The unit: a route's weight, requests, or requests that place orders."),
    ]
    limit: Annotated[int, Meta(examples=[1_200])]
    window_ms: Annotated[int, Meta(examples=[60_000])]


class RouteWeight(Struct, frozen=True):
    """What a request to a route counts for where weight is limited."""

    method: Annotated[str, Meta(examples=["GET"])]
    path: Annotated[str, Meta(examples=["/api/v1/book"])]
    weight_min: Annotated[int, Meta(examples=[2])]
    weight_max: Annotated[int, Meta(examples=[10])]
    is_order: Annotated[bool, Meta(description="Whether it counts as an order.")]


class Limits(Struct, frozen=True):
    """The limits in force."""

    rate_limits: tuple[RateLimit, ...]
    weights: tuple[RouteWeight, ...]
    ban_after: Annotated[
        int,
        Meta(
            description="Refusals for going over a limit, within its window, that ban an address; "
            "0: none do.",
            examples=[0],
        ),
    ]
    ban_ms: Annotated[int, Meta(examples=[120_000])]
    timestamp_behind_ms_max: Annotated[
        int, Meta(description="How old a signed request may be.", examples=[5_000])
    ]
    timestamp_ahead_ms_max: Annotated[
        int, Meta(description="How far ahead its clock must stay below.", examples=[1_000])
    ]
    subscriptions_max: Annotated[
        int, Meta(description="Streams on one WebSocket.", examples=[SUBSCRIPTIONS_MAX])
    ]
    messages_per_second_max: Annotated[
        int, Meta(description="Messages from you on one WebSocket.", examples=[50])
    ]


class Instrument(Struct, frozen=True):
    """What trades, with its steps and limits."""

    symbol: Symbol
    base: Asset
    quote: Asset
    tick_size: Annotated[Price, Meta(description="The price step.", examples=["0.01"])]
    lot_size: Annotated[Size, Meta(description="The size step.", examples=["0.00001"])]
    price_max: Annotated[Price, Meta(examples=["1000000.00"])]
    size_min: Annotated[Size, Meta(examples=["0.00001"])]
    size_max: Annotated[Size, Meta(examples=["1000"])]
    notional_min: Annotated[Amount, Meta(description="The least price times size.", examples=["5"])]


class InstrumentList(Struct, frozen=True):
    """Everything that trades here."""

    instruments: tuple[Instrument, ...]


class Book(Struct, frozen=True):
    """An order book."""

    symbol: Symbol
    sequence: Sequence
    bids: Levels
    asks: Levels
    time: Time


class Trade(Struct, frozen=True, kw_only=True):
    """A public trade."""

    symbol: Symbol
    trade_id: TradeId
    price: Price
    size: Size
    taker_side: Annotated[Side, Meta(description="The side of the order that came later.")]
    time: Time


class TradeList(Struct, frozen=True):
    """Public trades, oldest first."""

    trades: tuple[Trade, ...]


class Candle(Struct, frozen=True, kw_only=True):
    """What traded in one interval."""

    symbol: Symbol
    interval: Interval
    open_time: Time
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Size
    quote_volume: Amount
    trades: Annotated[int, Meta(description="How many.", examples=[12])]
    closed: Annotated[bool, Meta(description="Whether it can no longer change.")]


class CandleList(Struct, frozen=True):
    """Candles, oldest first."""

    candles: tuple[Candle, ...]


class Ticker(Struct, frozen=True, kw_only=True):
    """The last 24 hours and the best prices; null where nothing traded or rests."""

    symbol: Symbol
    last: Price | None
    open: Annotated[Price, Meta(description="The price 24 hours ago.")] | None
    high: Price | None
    low: Price | None
    volume: Size
    quote_volume: Amount
    trades: Annotated[int, Meta(description="How many.", examples=[1_200])]
    bid: Price | None
    bid_size: Size
    ask: Price | None
    ask_size: Size
    change_percent: Percent | None
    time: Time


class TickerList(Struct, frozen=True):
    """One instrument's ticker, or everyone's."""

    tickers: tuple[Ticker, ...]


class Balance(Struct, frozen=True):
    """What you have of an asset."""

    asset: Asset
    free: Amount
    held: Annotated[Amount, Meta(description="Set aside for open orders.", examples=["0"])]


class Account(Struct, frozen=True):
    """Your account. Assets of which there is nothing are left out."""

    account_id: Annotated[int, Meta(examples=[100])]
    balances: tuple[Balance, ...]
    maker_rate: Rate
    taker_rate: Rate
    time: Time


class KeyInfo(Struct, frozen=True):
    """What a key may do."""

    key: Annotated[str, Meta(examples=["sk-demo"])]
    account_id: Annotated[int, Meta(examples=[100])]
    scopes: tuple[ScopeName, ...]
    ip: Annotated[
        tuple[str, ...], Meta(description="From where; empty: anywhere.", examples=[["10.0.0.0/8"]])
    ]
    created: Time
    expires: Time | None


class Fill(Struct, frozen=True):
    """One execution of one of your orders."""

    trade_id: TradeId
    order_id: OrderId
    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    price: Price
    size: Size
    liquidity: Annotated[Liquidity, Meta(description="Whether your order rested or came later.")]
    fee: Annotated[Amount, Meta(examples=["30.50005"])]
    fee_asset: Asset
    time: Time


class FillList(Struct, frozen=True):
    """Your executions, oldest first."""

    fills: tuple[Fill, ...]


class Order(Struct, frozen=True, kw_only=True):
    """One of your orders as it is now."""

    order_id: OrderId
    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    self_trade: SelfTrade
    price: Annotated[Price, Meta(description="Null for a market order.")] | None
    size: Size
    filled: Annotated[Size, Meta(examples=["0.2"])]
    remaining: Annotated[Size, Meta(examples=["0.3"])]
    average_price: (
        Annotated[Price, Meta(description="Of what has filled, rounded to 1e-12; else null.")]
        | None
    )
    quote_volume: Annotated[Amount, Meta(description="What the filled part was worth.")]
    state: Annotated[
        OrderState,
        Meta(description="`working` and `partially_filled` may still fill; the others are final."),
    ]
    cancel_cause: (
        Annotated[CancelCause, Meta(description="Why it ended with something unfilled.")] | None
    )
    reject_reason: (
        Annotated[
            str, Meta(description="The error code of a rejected order.", examples=["SIZE_OFF_LOT"])
        ]
        | None
    ) = None
    created: Time
    updated: Time


class PlacedOrder(Order, frozen=True, kw_only=True):
    """An order, with what a request filled of it at once."""

    fills: tuple[Fill, ...] = ()


class OrderList(Struct, frozen=True):
    """Your orders, oldest first."""

    orders: tuple[Order, ...]


class ErrorDetail(Struct, frozen=True):
    """What was wrong and how to mend it."""

    code: Annotated[
        str, Meta(description="Stable; what programs decide by.", examples=["SIZE_OFF_LOT"])
    ]
    message: Annotated[
        str,
        Meta(
            description="What happened and what was expected, for people; it may change.",
            examples=["size 0.000001 is not a multiple of lot_size 0.00001 (BTC-USDT)"],
        ),
    ]
    field: Annotated[str, Meta(description="The input at fault.", examples=["size"])] | None
    hint: Annotated[
        str,
        Meta(description="What to do.", examples=["Use a multiple of the instrument's lot_size."]),
    ]
    docs: Annotated[str, Meta(description="Where to read more.", examples=["/docs#SIZE_OFF_LOT"])]


class Error(Struct, frozen=True):
    """A no."""

    error: ErrorDetail
