"""What the fields of messages are made of: one annotated type for each kind of value.

An annotation is the whole truth about a field: the decoder checks it, a refusal quotes its title,
OpenAPI and the manual print its description, pattern, limits and examples.
"""

from typing import Annotated, Literal

from msgspec import Meta

from steelyard.domain.units import TEXT_MAX

DECIMAL_PATTERN = r"^-?[0-9]+(\.[0-9]+)?$"
ASKED_PATTERN = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$"
ORDER_ID_MAX = 2**53 - 1  # stays exact in JavaScript
TIME_MAX_MS = 253_402_300_799_999  # the year 9999
EXPIRY_MAX_MS = (2**63 - 1) // 1_000_000  # the year 2262: nanoseconds fit the journal
GROUP_MIN = 2
BOOK_DEPTH_MAX = 1_000
LIST_MAX = 1_000
IDS_MAX = 50
BATCH_MAX = 20
SUBSCRIPTIONS_MAX = 200

Side = Literal["buy", "sell"]
OrderType = Literal[
    "limit",
    "market",
    "stop",
    "stop_limit",
    "take_profit",
    "take_profit_limit",
    "trailing_stop",
    "trailing_stop_limit",
]
TimeInForce = Literal["gtc", "ioc", "fok", "gtd"]
SelfTrade = Literal["none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement"]
TriggerBy = Literal["last", "mark", "index"]
Direction = Literal["rise", "fall"]
FeeAssetName = Literal["quote", "received", "token"]
GroupKind = Literal["basket", "oco", "oto", "bracket"]
MarketState = Literal["open", "post_only", "cancel_only", "halted", "maintenance"]
Liquidity = Literal["maker", "taker"]
FullChangeName = Literal["received", "open", "match", "change", "done"]
TransferKind = Literal["deposit", "withdrawal"]
TransferStageName = Literal["awaiting_mail", "pending", "done", "canceled"]
EntryKindName = Literal["trade", "fee", "deposit", "withdrawal", "move"]
OrderState = Literal["working", "partially_filled", "filled", "canceled", "expired", "rejected"]
CancelCause = Literal[
    "user",
    "ioc_remainder",
    "fok_unfillable",
    "no_liquidity",
    "self_trade",
    "admin",
    "expired",
    "sibling",
    "parent",
    "insufficient_balance",
    "post_only_would_take",
    "price_band",
    "quote_spent",
    "level_full",
]
Interval = Literal[
    "1s",
    "1m",
    "3m",
    "5m",
    "15m",
    "30m",
    "1h",
    "2h",
    "4h",
    "6h",
    "8h",
    "12h",
    "1d",
    "3d",
    "1w",
    "1M",
]
ScopeName = Literal["read", "trade", "withdraw"]
Execution = Literal[
    "new", "fill", "canceled", "amended", "expired", "rejected", "triggered", "released"
]
ChannelName = Literal[
    "book", "trades", "touch", "ticker", "candles", "orders", "balances", "status", "fills", "full"
]
CallName = Literal[
    "place",
    "place_group",
    "place_batch",
    "amend",
    "cancel",
    "cancel_all",
    "order",
    "order_by_client_id",
    "orders",
    "fills",
    "account",
]

CHOICES = (
    Side,
    OrderType,
    TimeInForce,
    SelfTrade,
    TriggerBy,
    Direction,
    FeeAssetName,
    GroupKind,
    MarketState,
    Liquidity,
    FullChangeName,
    TransferKind,
    TransferStageName,
    EntryKindName,
    OrderState,
    CancelCause,
    Interval,
    ScopeName,
    Execution,
    ChannelName,
    CallName,
)

# What a request may hold. `title` is the noun that a refusal uses: "price must be a ...".
AskedPrice = Annotated[
    str,
    Meta(
        title="decimal string",
        description="A price in quote per base, a multiple of the instrument's `tick_size`.",
        pattern=ASKED_PATTERN,
        max_length=TEXT_MAX,
        examples=["61000.10"],
    ),
]
AskedSize = Annotated[
    str,
    Meta(
        title="decimal string",
        description="A size in base, a multiple of the instrument's `lot_size`.",
        pattern=ASKED_PATTERN,
        max_length=TEXT_MAX,
        examples=["0.01"],
    ),
]
AskedAmount = Annotated[
    str,
    Meta(
        title="decimal string",
        description="An amount of the quote asset.",
        pattern=ASKED_PATTERN,
        max_length=TEXT_MAX,
        examples=["250"],
    ),
]
AskedAssetName = Annotated[
    str,
    Meta(
        title="asset",
        description="An asset's name.",
        pattern="^[A-Z0-9]{1,12}$",
        examples=["USDT"],
    ),
]
AskedAssetAmount = Annotated[
    str,
    Meta(
        title="decimal string",
        description="An amount of the asset, the network's fee with it.",
        pattern=ASKED_PATTERN,
        max_length=TEXT_MAX,
        examples=["250"],
    ),
]
AskedTransferId = Annotated[
    int,
    Meta(
        title="transfer id",
        description="The exchange's number of the deposit or withdrawal.",
        ge=1,
        le=ORDER_ID_MAX,
        examples=[12],
    ),
]
AskedAddressId = Annotated[
    int,
    Meta(
        title="address id",
        description="The number of an address in your address book, as the page shows it.",
        ge=1,
        le=ORDER_ID_MAX,
        examples=[1],
    ),
]
AskedClientWithdrawalId = Annotated[
    str,
    Meta(
        title="client withdrawal id",
        description="Your own name for the withdrawal, unique per account: the same withdrawal "
        "again is answered with the first one, another one is refused with 409.",
        pattern=r"^[A-Za-z0-9._:-]{1,36}$",
        examples=["payout-7"],
    ),
]
AskedRate = Annotated[
    str,
    Meta(
        title="decimal string",
        description="A share: `0.01` is 1 %.",
        pattern=ASKED_PATTERN,
        max_length=TEXT_MAX,
        examples=["0.01"],
    ),
]
AskedSymbol = Annotated[
    str,
    Meta(
        title="symbol",
        description="An instrument: `BTC-USDT`; `BTC/USDT` means the same.",
        min_length=1,
        max_length=24,
        examples=["BTC-USDT"],
    ),
]
AskedClientOrderId = Annotated[
    str,
    Meta(
        title="client order id",
        description="Your own name for the order, unique per account for ever: the same order "
        "again is answered with the first one, another order is refused with 409. Without one "
        "the exchange gives `sy-` and the order id; a name of yours must not begin like that.",
        pattern=r"^(?!sy-)[A-Za-z0-9._:-]{1,36}$",
        examples=["bot1-42"],
    ),
]
AnyClientOrderId = Annotated[
    str,
    Meta(
        title="client order id",
        description="The name that you, or the exchange for you, gave to the order.",
        pattern=r"^[A-Za-z0-9._:-]{1,36}$",
        examples=["bot1-42"],
    ),
]
AskedOrderId = Annotated[
    int,
    Meta(
        title="order id",
        description="The exchange's number of the order.",
        ge=1,
        le=ORDER_ID_MAX,
        examples=[1024],
    ),
]
AskedTradeId = Annotated[int, Meta(title="trade id", ge=0, le=ORDER_ID_MAX, examples=[1])]
AskedTime = Annotated[
    int, Meta(title="time in milliseconds", ge=0, le=TIME_MAX_MS, examples=[1_795_000_000_000])
]
Start = Annotated[AskedTime, Meta(description="The first time that is wanted.")]
End = Annotated[AskedTime, Meta(description="The last time that is wanted.")]
Limit = Annotated[
    int, Meta(title="count", description="At most so many entries.", ge=1, le=LIST_MAX)
]

Cursor = Annotated[
    str,
    Meta(
        title="cursor",
        description="The `next` or `previous` of an earlier answer, with the same other "
        "parameters: what comes after or before it.",
        pattern="^[A-Za-z0-9_-]{4,64}$",
        examples=["b3JkZXJzPjEwMjQ"],
    ),
]
Ids = Annotated[
    str,
    Meta(
        title="list of ids",
        description=f"Only these orders: up to {IDS_MAX} ids, separated by commas. What is not "
        "found is left out.",
        pattern=rf"^[0-9]{{1,16}}(,[0-9]{{1,16}}){{0,{IDS_MAX - 1}}}$",
        examples=["1024,1025"],
    ),
]

# What answers and pushes hold.
Price = Annotated[
    str,
    Meta(description="Quote per base.", pattern=DECIMAL_PATTERN, examples=["61000.10"]),
]
Size = Annotated[
    str, Meta(description="An amount of base.", pattern=DECIMAL_PATTERN, examples=["0.5"])
]
Amount = Annotated[
    str,
    Meta(description="An amount of an asset.", pattern=DECIMAL_PATTERN, examples=["30500.05"]),
]
Rate = Annotated[
    str,
    Meta(description="A share: `0.001` is 0.1 %.", pattern=DECIMAL_PATTERN, examples=["0.001"]),
]
Percent = Annotated[
    str,
    Meta(
        description="Percent, rounded to two decimals.",
        pattern=DECIMAL_PATTERN,
        examples=["-1.25"],
    ),
]
Time = Annotated[
    int, Meta(description="Milliseconds since 1970, UTC.", examples=[1_795_000_000_000])
]
Symbol = Annotated[str, Meta(description="The instrument.", examples=["BTC-USDT"])]
Asset = Annotated[str, Meta(description="The asset's name.", examples=["USDT"])]
OrderId = Annotated[int, Meta(description="The exchange's number of the order.", examples=[1024])]
ClientOrderId = Annotated[
    str, Meta(description="Your name for the order, or the exchange's.", examples=["bot1-42"])
]
TransferId = Annotated[
    int, Meta(description="The exchange's number of the deposit or withdrawal.", examples=[12])
]
TradeId = Annotated[int, Meta(description="Gapless per instrument, from 1.", examples=[77])]
Sequence = Annotated[
    int,
    Meta(description="Counts the changes of this instrument's book, up by one.", examples=[9000]),
]
Next = Annotated[
    str,
    Meta(
        description="The cursor of what comes after; null: nothing yet.",
        examples=["b3JkZXJzPjEwMjQ"],
    ),
]
Previous = Annotated[
    str,
    Meta(
        description="The cursor of what came before; null: nothing.", examples=["b3JkZXJzPDEwMjQ"]
    ),
]
Checksum = Annotated[
    int,
    Meta(
        description="CRC-32 of `price:size` of the ten best levels of each side after this push: "
        "bid, ask, bid, ask, ..., spelled as here and joined by colons; a side that has fewer is "
        "skipped where it ends.",
        examples=[2_418_406_193],
    ),
]
Levels = Annotated[
    tuple[tuple[Price, Size], ...],
    Meta(description="`[price, size]`, best first.", examples=[[["61000.10", "0.5"]]]),
]
