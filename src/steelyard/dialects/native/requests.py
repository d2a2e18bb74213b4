"""What may be asked over REST, as structs: the parameters of each route.

A struct is the schema: decoding, the OpenAPI document and the manual are made from it. The names
that a request may carry are exactly the fields of its struct. What goes with what is for terms.py.
"""

from typing import Annotated

from msgspec import Meta, Struct

from steelyard.dialects.native.forms import (
    BATCH_MAX,
    BOOK_DEPTH_MAX,
    EXPIRY_MAX_MS,
    GROUP_MIN,
    AnyClientOrderId,
    AskedAddressId,
    AskedAmount,
    AskedAssetAmount,
    AskedAssetName,
    AskedClientOrderId,
    AskedClientWithdrawalId,
    AskedOrderId,
    AskedPrice,
    AskedRate,
    AskedSize,
    AskedSymbol,
    AskedTradeId,
    AskedTransferId,
    Cursor,
    Direction,
    End,
    FeeAssetName,
    GroupKind,
    Ids,
    Interval,
    Limit,
    OrderType,
    SelfTrade,
    Side,
    Start,
    TimeInForce,
    TriggerBy,
)
from steelyard.domain.commands import GROUP_MAX
from steelyard.domain.errors import DecodeError


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
    cursor: Cursor | None = None


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
    cursor: Cursor | None = None
    ids: Ids | None = None


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
    cursor: Cursor | None = None


class PlaceRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer holds what filled at once.

    The balance it may need, with fees, is held until it fills or ends. Which field goes with
    which type is told under Order types. Give a `client_order_id`: sent twice, it trades once.
    """

    symbol: AskedSymbol
    side: Annotated[Side, Meta(description="What you do with the base asset.")]
    type: Annotated[OrderType, Meta(description="How the price is chosen.")]
    size: Annotated[AskedSize, Meta(description="How much, in base: a multiple of `lot_size`.")] | (
        None
    ) = None
    quote_amount: (
        Annotated[
            AskedAmount,
            Meta(
                description="Instead of `size`: how much to spend, or for a sell to bring in, "
                "fees not counted. What is left and buys no lot is not used."
            ),
        ]
        | None
    ) = None
    price: Annotated[AskedPrice, Meta(description="The worst price you accept.")] | None = None
    time_in_force: (
        Annotated[
            TimeInForce,
            Meta(
                description="What becomes of the part that does not fill at once. `gtc` rests "
                "until canceled (the default where it goes with the type), `gtd` rests until "
                "`expires`, `ioc` is canceled (the default of `market`), `fok` is all at once or "
                "nothing."
            ),
        ]
        | None
    ) = None
    expires: (
        Annotated[
            int,
            Meta(
                title="time in milliseconds",
                description="When a `gtd` order ends.",
                ge=0,
                le=EXPIRY_MAX_MS,
                examples=[1_795_000_600_000],
            ),
        ]
        | None
    ) = None
    post_only: Annotated[
        bool,
        Meta(
            title="flag",
            description="Refuse the order instead of taking. Only with `gtc` or `gtd`.",
        ),
    ] = False
    slide: Annotated[
        bool,
        Meta(
            title="flag",
            description="With `post_only`: move to the best price that does not take, instead of "
            "being refused.",
        ),
    ] = False
    display_size: (
        Annotated[
            AskedSize,
            Meta(
                description="How much of it the book shows at a time: less than `size` is an "
                "iceberg, `0` is hidden. Only with `gtc` or `gtd`."
            ),
        ]
        | None
    ) = None
    trigger_price: (
        Annotated[AskedPrice, Meta(description="The price that the order waits for.")] | None
    ) = None
    trigger_by: (
        Annotated[
            TriggerBy,
            Meta(
                description="Which price it listens to: each public trade (`last`, the default), "
                "the `mark` or the `index` price."
            ),
        ]
        | None
    ) = None
    trail: (
        Annotated[
            AskedPrice,
            Meta(
                description="The distance in quote at which a trailing stop follows.",
                examples=["150.00"],
            ),
        ]
        | None
    ) = None
    trail_rate: (
        Annotated[
            AskedRate,
            Meta(description="Instead of `trail`: a share of the best price, `0.01` is 1 %."),
        ]
        | None
    ) = None
    activation_price: (
        Annotated[
            AskedPrice,
            Meta(description="From which price on a trailing stop follows; without it at once."),
        ]
        | None
    ) = None
    activation_direction: (
        Annotated[
            Direction,
            Meta(
                description="Which way the price comes to `activation_price`: `rise` (the default "
                "of a sell) or `fall` (of a buy)."
            ),
        ]
        | None
    ) = None
    client_order_id: AskedClientOrderId | None = None
    self_trade: Annotated[
        SelfTrade,
        Meta(
            description="When it would meet your own resting order: `none` lets them trade, "
            "`cancel_newest` cancels the rest of this one, `cancel_oldest` the resting one, "
            "`cancel_both` both; `decrement` takes the smaller size off both."
        ),
    ] = "cancel_oldest"
    fee_asset: Annotated[
        FeeAssetName,
        Meta(
            description="In what its fees are taken: `quote`; `received`, so base for a buy; or "
            "the exchange's `token` while enough of it is free, else as `received`."
        ),
    ] = "quote"


class PlaceGroupRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """They are accepted or refused as one; the answer lists them.

    How they hang together is told under Groups. Give a `client_order_id` to all of them or to
    none: sent twice, they are placed once. A group weighs as much as its orders, and counts as
    one where orders are counted.
    """

    kind: Annotated[GroupKind, Meta(description="How the orders hang together.")]
    orders: Annotated[
        tuple[PlaceRequest, ...],
        Meta(
            title="orders",
            description="Each as for `POST /api/v1/orders`; of an oto or bracket the entry first.",
            min_length=GROUP_MIN,
            max_length=GROUP_MAX,
        ),
    ]


class PlaceBatchRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """They do not depend on each other: each is accepted or refused on its own.

    The answer has one result for each, in their order, also where all were refused. Give each a
    `client_order_id`: sent twice, each trades once. A batch weighs and counts as much as its
    orders: one that is larger than a limit on orders never fits. `POST /api/v1/groups` places
    all or none.
    """

    orders: Annotated[
        tuple[PlaceRequest, ...],
        Meta(
            title="orders",
            description="Each as for `POST /api/v1/orders`.",
            min_length=1,
            max_length=BATCH_MAX,
        ),
    ]


class AmendRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Change the price, the size, the trigger, or several of them.

    `size` is the new total, with what has filled already. The order keeps its place in the
    queue only if nothing but the size changes and gets smaller; else it queues anew and may
    trade at once. Orders of a group and the trigger of a trailing stop cannot be amended.
    """

    order_id: AskedOrderId
    price: AskedPrice | None = None
    size: AskedSize | None = None
    trigger_price: (
        Annotated[AskedPrice, Meta(description="Of an order that waits for a price.")] | None
    ) = None

    def __post_init__(self) -> None:
        """Check that something is to be changed.

        Raises:
            DecodeError: Nothing is given.
        """
        if self.price is None and self.size is None and self.trigger_price is None:
            raise DecodeError("nothing to change: send a new price, size or trigger_price", "price")


class CancelRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer shows it as it ended."""

    order_id: AskedOrderId


class CancelAllRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one instrument or of all. The answer lists what was canceled."""

    symbol: AskedSymbol | None = None


class WithdrawRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To an address of your address book; it leaves only after you have answered a mail.

    The amount is held at once, and the answer is in state `awaiting_mail`: the mail is in the
    page's outbox, and its code has to be entered there before `expires`, else the withdrawal is
    canceled. So a key alone moves nothing out. It takes the scope `withdraw` past its cooling
    period, an account of a person who has signed up with a second factor, and an address past
    its own cooling period. Give a `client_withdrawal_id`: sent twice, it withdraws once. It is
    remembered among your newest 1,000 ended transfers and all that are under way.
    """

    asset: AskedAssetName
    amount: AskedAssetAmount
    address_id: AskedAddressId
    client_withdrawal_id: AskedClientWithdrawalId | None = None


class CancelWithdrawalRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As long as it has not left; what it held is free again."""

    transfer_id: AskedTransferId


class WithdrawalsRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Oldest first: the newest, or from `start` on, by when they were asked for."""

    asset: AskedAssetName | None = None
    start: Start | None = None
    end: End | None = None
    limit: Limit = 100
    cursor: Cursor | None = None


class TransfersRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Deposits and withdrawals that were announced, under way or over.

    Oldest first: the newest, or from `start` on, by when they were opened. What the exchange's
    operator put into the account at once is in the statement only.
    """

    asset: AskedAssetName | None = None
    start: Start | None = None
    end: End | None = None
    limit: Limit = 100
    cursor: Cursor | None = None


class StatementRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that changed a balance, oldest first: the newest, or from `start` on.

    Each entry has the balance after it, free and held together: holding something moves nothing.
    The newest 100,000 entries of an account are kept.
    """

    asset: AskedAssetName | None = None
    start: Start | None = None
    end: End | None = None
    limit: Limit = 100
    cursor: Cursor | None = None


class OpenApiRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """This API as an OpenAPI 3.1 document."""


class AsyncApiRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The WebSocket of this API as an AsyncAPI 3.0 document."""


class DocsRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """This API as a page to read."""
