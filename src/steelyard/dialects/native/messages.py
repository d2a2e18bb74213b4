"""What is answered over REST, as structs; an answer may gain fields.

A struct is the schema: encoding, the OpenAPI document and the manual are made from it. Nothing
here converts: that is for orders.py, market.py and account.py.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from steelyard.dialects.native.forms import (
    SUBSCRIPTIONS_MAX,
    Amount,
    Asset,
    CancelCause,
    ClientOrderId,
    Direction,
    EntryKindName,
    FeeAssetName,
    GroupKind,
    Interval,
    Levels,
    Liquidity,
    MarketState,
    Next,
    OrderId,
    OrderState,
    OrderType,
    Percent,
    Previous,
    Price,
    Rate,
    ScopeName,
    SelfTrade,
    Sequence,
    Side,
    Size,
    Symbol,
    Time,
    TimeInForce,
    TradeId,
    TransferId,
    TransferKind,
    TransferStageName,
    TriggerBy,
)


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
        str,
        Meta(
            description="Who else trades here: crowd, tape, script, live or none.",
            examples=["crowd"],
        ),
    ]
    ended: Annotated[bool, Meta(description="Whether a tape or script is over.")]
    time: Time
    maintenance: Annotated[bool, Meta(description="Whether requests are turned away with 503.")]
    retry_after: Annotated[
        int | None, Meta(description="Then: seconds to wait; else null.", examples=[60])
    ]
    notice: Annotated[
        str,
        Meta(description="Why a live market stands still, by symbol; empty where it does not."),
    ]


class RateLimit(Struct, frozen=True):
    """One rate limit: at most `limit` units per window."""

    name: Annotated[str, Meta(examples=["key_weight_1m"])]
    per: Annotated[
        Literal["ip", "key", "account", "pair"],
        Meta(description="Whose requests are counted together."),
    ]
    counts: Annotated[
        Literal["weight", "requests", "orders"],
        Meta(description="The unit: a route's weight, requests, or requests that place orders."),
    ]
    limit: Annotated[int, Meta(examples=[1_200])]
    window_ms: Annotated[int, Meta(examples=[60_000])]
    kind: Annotated[
        Literal["aligned", "sliding", "bucket"],
        Meta(
            description="Aligned: the window begins with the clock's, and what is refused counts "
            "too. Sliding: it ends now. Bucket: so many at once, which come back evenly within a "
            "window. What is refused by these two does not count."
        ),
    ]
    routes: Annotated[
        tuple[str, ...],
        Meta(
            description="What counts: `public`, `private`, paths, or methods and paths. Empty: "
            "every request."
        ),
    ]


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
    revoke_after: Annotated[
        int,
        Meta(
            description="Bans within `revoke_within_ms` that cost a key its access; 0: none do.",
            examples=[0],
        ),
    ]
    revoke_within_ms: Annotated[int, Meta(examples=[3_600_000])]
    timestamp_behind_ms_max: Annotated[
        int, Meta(description="How old a signed request may be.", examples=[5_000])
    ]
    timestamp_ahead_ms_max: Annotated[
        int, Meta(description="How far ahead its clock must stay below.", examples=[1_000])
    ]
    connections_max: Annotated[
        int,
        Meta(description="WebSockets open at a time from one address; 0: any.", examples=[1_000]),
    ]
    connects_max: Annotated[
        int,
        Meta(
            description="WebSockets opened from one address in any `connects_window_ms`; 0: any.",
            examples=[1_200],
        ),
    ]
    connects_window_ms: Annotated[int, Meta(examples=[60_000])]
    subscriptions_max: Annotated[
        int, Meta(description="Streams on one WebSocket.", examples=[SUBSCRIPTIONS_MAX])
    ]
    messages_per_second_max: Annotated[
        int, Meta(description="Messages from you on one WebSocket; 0: any.", examples=[50])
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
    notional_max: (
        Annotated[
            Amount, Meta(description="The most; null: any up to both maxima.", examples=["5000000"])
        ]
        | None
    )
    price_band: (
        Annotated[
            Rate,
            Meta(
                description="How far a limit price may be from the mark price, or else the last "
                "trade, as a share of it; a market order trades no further. Null: any.",
                examples=["0.05"],
            ),
        ]
        | None
    )
    orders_max: (
        Annotated[int, Meta(description="Your open orders here; null: any.", examples=[200])] | None
    )
    triggers_max: (
        Annotated[int, Meta(description="Those that wait for a price; null: any.", examples=[5])]
        | None
    )
    state: Annotated[
        MarketState,
        Meta(
            description="What passes: everything (`open`), only what adds liquidity "
            "(`post_only`), only cancels (`cancel_only`, `halted`), nothing (`maintenance`)."
        ),
    ]


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
    next: Next | None
    previous: Previous | None


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
    kind: Annotated[Literal["hmac", "ed25519", "rsa", "es256"], Meta(description="How it signs.")]
    label: Annotated[str, Meta(examples=["bot-1"])]
    products: Annotated[
        tuple[str, ...],
        Meta(description="What it may trade; empty: everything.", examples=[["BTC-USDT"]]),
    ]
    overlap_ends: Annotated[
        Time | None, Meta(description="When it ends because another key has replaced it.")
    ]
    withdraw_from: Annotated[
        Time | None, Meta(description="When its cooling period ends, where it may withdraw.")
    ]
    blast_radius: Annotated[
        tuple[str, ...],
        Meta(
            description="What a thief with this key could do, in sentences.",
            examples=[["It cannot withdraw: nothing leaves the account by it."]],
        ),
    ]


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
    next: Next | None
    previous: Previous | None


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
    fee_asset: FeeAssetName
    price: Annotated[Price, Meta(description="Null where it has no limit.")] | None
    size: Annotated[Size, Meta(description="`0` where `quote_amount` says how much.")]
    quote_amount: Annotated[Amount, Meta(description="What to spend; else null.")] | None
    slide: bool
    display_size: (
        Annotated[Size, Meta(description="What the book shows at a time; null: all of it.")] | None
    )
    trigger_price: Annotated[Price, Meta(description="What it waits for; else null.")] | None
    trigger_by: (
        Annotated[TriggerBy, Meta(description="Which price a waiting order hears; else null.")]
        | None
    )
    trail: Annotated[Price, Meta(description="Of a trailing stop; else null.")] | None
    trail_rate: Annotated[Rate, Meta(description="Of a trailing stop; else null.")] | None
    activation_price: Annotated[Price, Meta(description="Of a trailing stop; else null.")] | None
    activation_direction: (
        Annotated[
            Direction, Meta(description="As asked for; null: a sell's `rise`, a buy's `fall`.")
        ]
        | None
    )
    expires: Annotated[Time, Meta(description="When a `gtd` order ends; else null.")] | None
    triggered: Annotated[Time, Meta(description="When it heard its price; else null.")] | None
    group: Annotated[GroupKind, Meta(description="What it was placed in; else null.")] | None
    group_id: (
        Annotated[OrderId, Meta(description="The first order of that group; else null.")] | None
    )
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
    next: Next | None
    previous: Previous | None


class Transfer(Struct, frozen=True, kw_only=True):
    """A deposit or withdrawal as it is now."""

    transfer_id: TransferId
    client_withdrawal_id: (
        Annotated[str, Meta(description="Your name for it, or null.", examples=["payout-7"])] | None
    )
    kind: Annotated[TransferKind, Meta(description="In or out.")]
    asset: Asset
    amount: Amount
    fee: Annotated[Amount, Meta(description="The network's, part of the amount.", examples=["1"])]
    state: Annotated[
        TransferStageName,
        Meta(
            description="A withdrawal is `awaiting_mail` until its mail is answered, then "
            "`pending` until it leaves; `done` and `canceled` are final."
        ),
    ]
    network: Annotated[str, Meta(description="Empty where it has none.", examples=["tron"])]
    address: Annotated[
        str,
        Meta(
            description="Where to; empty for a deposit.",
            examples=["TExampleExampleExampleExample00001"],
        ),
    ]
    label: Annotated[str, Meta(description="The address's, in your book.", examples=["cold"])]
    opened: Time
    updated: Time
    expires: Annotated[Time, Meta(description="When it is canceled unanswered; else null.")] | None
    due: Annotated[Time, Meta(description="When it is carried out; else null.")] | None


class WithdrawalList(Struct, frozen=True):
    """Your withdrawals, oldest first."""

    withdrawals: tuple[Transfer, ...]
    next: Next | None
    previous: Previous | None


class TransferList(Struct, frozen=True):
    """Your deposits and withdrawals, oldest first."""

    transfers: tuple[Transfer, ...]
    next: Next | None
    previous: Previous | None


class StatementEntry(Struct, frozen=True, kw_only=True):
    """One movement in one asset of your account."""

    entry_id: Annotated[
        int, Meta(description="Counts your account's entries, from 1.", examples=[31])
    ]
    kind: Annotated[
        EntryKindName,
        Meta(
            description="Why: a trade has two entries, and a `fee` that is a rebate comes. `move` "
            "is between accounts of one person."
        ),
    ]
    asset: Asset
    amount: Annotated[
        Amount, Meta(description="With its sign: what went is negative.", examples=["-12.20002"])
    ]
    balance: Annotated[Amount, Meta(description="What there was after it, held or not.")]
    symbol: Annotated[Symbol, Meta(description="Of a trade or its fee; else null.")] | None
    order_id: Annotated[OrderId, Meta(description="Of a trade or its fee; else null.")] | None
    trade_id: Annotated[TradeId, Meta(description="Of a trade or its fee; else null.")] | None
    transfer_id: (
        Annotated[TransferId, Meta(description="Where `transfers` has more of it; else null.")]
        | None
    )
    time: Time


class Statement(Struct, frozen=True):
    """What moved in your account, oldest first."""

    entries: tuple[StatementEntry, ...]
    next: Next | None
    previous: Previous | None


class OrderResult(Struct, frozen=True):
    """What became of one order of a batch: `order`, or `error` where it was refused."""

    order: PlacedOrder | None
    error: "ErrorDetail | None"


class OrderResults(Struct, frozen=True):
    """One result for each order of a batch, in their order."""

    results: tuple[OrderResult, ...]


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
