"""Every message of WebSocket v2, in the venue's own field names.

As in `messages.py`, one struct serves both ends. Amounts and prices are JSON numbers whose digits
count, for checksums too: they stay as they are written (`Raw`). Times are RFC 3339.
"""

from decimal import Decimal

from msgspec import UNSET, Raw, Struct, UnsetType

Optional = UnsetType  # a field that is left out


# -- what a client says -------------------------------------------------------------------------


class Call(Struct, frozen=True, kw_only=True):
    """Any message of a client."""

    method: str
    params: Raw | Optional = UNSET
    req_id: int | Optional = UNSET


class ChannelName(Struct, frozen=True, kw_only=True):
    """Of what a subscription is."""

    channel: str
    symbol: tuple[str, ...] | Optional = UNSET
    snapshot: bool | Optional = UNSET
    depth: int | Optional = UNSET
    interval: int | Optional = UNSET
    event_trigger: str | Optional = UNSET
    token: str | Optional = UNSET
    snap_orders: bool | Optional = UNSET
    snap_trades: bool | Optional = UNSET
    order_status: bool | Optional = UNSET
    ratecounter: bool | Optional = UNSET


class Subscribe(Struct, frozen=True, kw_only=True):
    """A subscription, or its end."""

    method: str
    params: ChannelName
    req_id: int | Optional = UNSET


class Triggers(Struct, frozen=True, kw_only=True):
    """What an order waits for."""

    price: Decimal
    reference: str = "last"
    price_type: str = "static"


class Conditional(Struct, frozen=True, kw_only=True):
    """What closes an order's position."""

    order_type: str
    limit_price: Decimal | None = None
    limit_price_type: str = "static"
    trigger_price: Decimal | None = None
    trigger_price_type: str = "static"


class NewOrder(Struct, frozen=True, kw_only=True):
    """One order of batch_add."""

    order_type: str
    side: str
    order_qty: Decimal | None = None
    limit_price: Decimal | None = None
    limit_price_type: str = "static"
    time_in_force: str | None = None
    expire_time: str | None = None
    effective_time: str | None = None
    cl_ord_id: str | None = None
    order_userref: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    margin: bool = False
    display_qty: Decimal | None = None
    cash_order_qty: Decimal | None = None
    stp_type: str | None = None
    fee_preference: str | None = None
    no_mpp: bool = False
    triggers: Triggers | None = None
    conditional: Conditional | None = None
    sender_sub_id: str | None = None


class AddOrder(NewOrder, frozen=True, kw_only=True):
    """add_order."""

    symbol: str
    token: str | None = None
    deadline: str | None = None
    validate: bool = False


class BatchAdd(Struct, frozen=True, kw_only=True):
    """batch_add."""

    symbol: str
    orders: tuple[NewOrder, ...]
    token: str | None = None
    deadline: str | None = None
    validate: bool = False


class AmendOrder(Struct, frozen=True, kw_only=True):
    """amend_order."""

    order_id: str | None = None
    cl_ord_id: str | None = None
    order_qty: Decimal | None = None
    limit_price: Decimal | None = None
    limit_price_type: str = "static"
    trigger_price: Decimal | None = None
    trigger_price_type: str = "static"
    display_qty: Decimal | None = None
    post_only: bool = False
    symbol: str | None = None
    token: str | None = None
    deadline: str | None = None


class EditOrder(NewOrder, frozen=True, kw_only=True):
    """edit_order."""

    order_id: str
    symbol: str
    order_type: str = ""
    side: str = ""
    token: str | None = None
    deadline: str | None = None
    validate: bool = False


class CancelOrder(Struct, frozen=True, kw_only=True):
    """cancel_order."""

    order_id: tuple[str, ...] = ()
    cl_ord_id: tuple[str, ...] = ()
    order_userref: tuple[int, ...] = ()
    token: str | None = None


class BatchCancel(Struct, frozen=True, kw_only=True):
    """batch_cancel: what stands in orders may be ids or userrefs."""

    orders: tuple[str | int, ...] = ()
    cl_ord_id: tuple[str, ...] = ()
    token: str | None = None


class CancelAll(Struct, frozen=True, kw_only=True):
    """cancel_all."""

    token: str | None = None


class CancelAfter(Struct, frozen=True, kw_only=True):
    """cancel_all_orders_after; in seconds, 0 disarms."""

    timeout: int
    token: str | None = None


# -- what the exchange says ---------------------------------------------------------------------


class Ack(Struct, frozen=True, kw_only=True):
    """The answer to a call, or in error why not."""

    method: str
    req_id: int | Optional = UNSET
    result: Raw | Optional = UNSET
    success: bool
    error: str | Optional = UNSET
    help: str | Optional = UNSET
    symbol: str | Optional = UNSET
    orders_cancelled: int | Optional = UNSET
    time_in: str
    time_out: str


class Pong(Struct, frozen=True, kw_only=True):
    """The answer to a ping."""

    method: str = "pong"
    req_id: int | Optional = UNSET
    time_in: str
    time_out: str


class SystemStatus(Struct, frozen=True, kw_only=True):
    """One entry of `status`."""

    version: str = "2.0.10"
    system: str
    api_version: str = "v2"
    connection_id: int


class Message(Struct, frozen=True, kw_only=True):
    """Any message of a channel."""

    channel: str
    type: str = ""
    data: Raw | Optional = UNSET
    sequence: int | Optional = UNSET
    timestamp: str | Optional = UNSET


class Ticker(Struct, frozen=True, kw_only=True):
    """One entry of `ticker`."""

    symbol: str
    bid: Raw
    bid_qty: Raw
    ask: Raw
    ask_qty: Raw
    last: Raw
    volume: Raw
    vwap: Raw
    low: Raw
    high: Raw
    change: Raw
    change_pct: Raw
    timestamp: str | Optional = UNSET


class Trade(Struct, frozen=True, kw_only=True):
    """One entry of `trade`; side is the taker's."""

    symbol: str
    side: str
    price: Raw
    qty: Raw
    ord_type: str = "limit"
    trade_id: int
    timestamp: str


class Candle(Struct, frozen=True, kw_only=True):
    """One entry of `ohlc`."""

    symbol: str
    open: Raw
    high: Raw
    low: Raw
    close: Raw
    trades: int
    volume: Raw
    vwap: Raw
    interval_begin: str
    interval: int
    timestamp: str


class Level(Struct, frozen=True, kw_only=True):
    """One level of a book; a quantity of 0 takes it away."""

    price: Raw
    qty: Raw


class Book(Struct, frozen=True, kw_only=True):
    """One entry of `book`."""

    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    checksum: int
    timestamp: str | Optional = UNSET


class BookOrder(Struct, frozen=True, kw_only=True):
    """One order of a book; a snapshot has no event."""

    event: str | Optional = UNSET  # add, modify or delete
    order_id: str
    limit_price: Raw
    order_qty: Raw
    timestamp: str


class Level3(Struct, frozen=True, kw_only=True):
    """One entry of `level3`; the orders of one price in the order in which they stand."""

    symbol: str
    checksum: int
    bids: tuple[BookOrder, ...]
    asks: tuple[BookOrder, ...]
    timestamp: str | Optional = UNSET


class InstrumentAsset(Struct, frozen=True, kw_only=True):
    """One asset of `instrument`."""

    id: str
    status: str = "enabled"
    precision: int
    precision_display: int
    borrowable: bool = False
    collateral_value: Raw
    margin_rate: Raw


class InstrumentPair(Struct, frozen=True, kw_only=True):
    """One pair of `instrument`."""

    symbol: str
    base: str
    quote: str
    status: str
    qty_precision: int
    qty_increment: Raw
    price_precision: int
    price_increment: Raw
    cost_precision: int
    cost_min: Raw
    qty_min: Raw
    marginable: bool = False
    has_index: bool = False


class Instruments(Struct, frozen=True, kw_only=True):
    """The data of `instrument`."""

    assets: tuple[InstrumentAsset, ...]
    pairs: tuple[InstrumentPair, ...]


class FeePart(Struct, frozen=True, kw_only=True):
    """One asset of a fee."""

    asset: str
    qty: Raw


class Execution(Struct, frozen=True, kw_only=True):
    """One entry of `executions`; the venue leaves out what has not changed."""

    order_id: str
    exec_type: str
    order_status: str
    timestamp: str
    cl_ord_id: str | Optional = UNSET
    order_userref: int | Optional = UNSET
    symbol: str | Optional = UNSET
    side: str | Optional = UNSET
    order_type: str | Optional = UNSET
    order_qty: Raw | Optional = UNSET
    cash_order_qty: Raw | Optional = UNSET
    limit_price: Raw | Optional = UNSET
    limit_price_type: str | Optional = UNSET
    stop_price: Raw | Optional = UNSET
    display_qty: Raw | Optional = UNSET
    time_in_force: str | Optional = UNSET
    expire_time: str | Optional = UNSET
    post_only: bool | Optional = UNSET
    reduce_only: bool | Optional = UNSET
    margin: bool | Optional = UNSET
    fee_ccy_pref: str | Optional = UNSET
    cum_qty: Raw | Optional = UNSET
    cum_cost: Raw | Optional = UNSET
    avg_price: Raw | Optional = UNSET
    fee_usd_equiv: Raw | Optional = UNSET
    exec_id: str | Optional = UNSET
    trade_id: int | Optional = UNSET
    last_qty: Raw | Optional = UNSET
    last_price: Raw | Optional = UNSET
    liquidity_ind: str | Optional = UNSET
    cost: Raw | Optional = UNSET
    fees: tuple[FeePart, ...] | Optional = UNSET
    cancel_reason: str | Optional = UNSET
    reason: str | Optional = UNSET
    ratecount: int | Optional = UNSET


class Wallet(Struct, frozen=True, kw_only=True):
    """Where a balance is."""

    type: str = "spot"
    id: str = "main"
    balance: Raw


class Balance(Struct, frozen=True, kw_only=True):
    """One entry of a snapshot of `balances`; our exchange alone tells what orders hold of it."""

    asset: str
    asset_class: str = "currency"
    balance: Raw
    hold_trade: Raw | Optional = UNSET
    wallets: tuple[Wallet, ...]


class BalanceChange(Struct, frozen=True, kw_only=True):
    """One entry of an update of `balances`."""

    asset: str
    asset_class: str = "currency"
    type: str = "trade"
    category: str = "trade"
    wallet_type: str = "spot"
    wallet_id: str = "main"
    amount: Raw
    fee: Raw
    balance: Raw
    hold_trade: Raw | Optional = UNSET
    timestamp: str
