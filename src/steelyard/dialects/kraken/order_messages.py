"""Messages of orders: placing, changing, canceling and looking up; see `messages.py`."""

from decimal import Decimal

from msgspec import UNSET, Raw, Struct, field

from steelyard.dialects.kraken.messages import Optional

# -- requests: trading --------------------------------------------------------------------------


class BatchedOrder(Struct, frozen=True, kw_only=True):
    """One order of POST /0/private/AddOrderBatch."""

    type: str
    ordertype: str
    volume: Decimal
    displayvol: Decimal | None = None
    price: str | None = None
    price2: str | None = None
    trigger: str | None = None
    leverage: str | None = None
    reduce_only: bool = False
    stptype: str | None = None
    stp_type: str | None = None  # as one client calls it
    oflags: str | None = None
    timeinforce: str | None = None
    starttm: str | None = None
    expiretm: str | None = None
    close_ordertype: str | None = field(default=None, name="close[ordertype]")
    close_price: str | None = field(default=None, name="close[price]")
    close_price2: str | None = field(default=None, name="close[price2]")
    userref: int | None = None
    cl_ord_id: str | None = None


class AddOrderRequest(BatchedOrder, frozen=True, kw_only=True):
    """POST /0/private/AddOrder."""

    pair: str
    deadline: str | None = None
    validate: bool = False


class AddOrderBatchRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/AddOrderBatch."""

    pair: str
    orders: tuple[BatchedOrder, ...]
    deadline: str | None = None
    validate: bool = False


class AmendOrderRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/AmendOrder."""

    txid: str | None = None
    cl_ord_id: str | None = None
    order_qty: Decimal | None = None
    display_qty: Decimal | None = None
    limit_price: str | None = None
    trigger_price: str | None = None
    pair: str | None = None
    post_only: bool = False
    deadline: str | None = None


class EditOrderRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/EditOrder."""

    txid: str
    pair: str
    volume: Decimal | None = None
    displayvol: Decimal | None = None
    price: str | None = None
    price2: str | None = None
    oflags: str | None = None
    deadline: str | None = None
    cancel_response: bool = False
    validate: bool = False
    userref: int | None = None


class CancelOrderRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/CancelOrder; txid may be a userref."""

    txid: str | None = None
    cl_ord_id: str | None = None


class CancelOrderBatchRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/CancelOrderBatch."""

    orders: tuple[str, ...] = ()
    cl_ord_ids: tuple[str, ...] = ()


class CancelAfterRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/CancelAllOrdersAfter; in seconds, 0 disarms."""

    timeout: int


# -- requests: looking up -----------------------------------------------------------------------


class OpenOrdersRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/OpenOrders."""

    trades: bool = False
    userref: int | None = None
    cl_ord_id: str | None = None


class ClosedOrdersRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/ClosedOrders; start and end are times in seconds or ids of orders."""

    trades: bool = False
    userref: int | None = None
    cl_ord_id: str | None = None
    start: str | None = None
    end: str | None = None
    ofs: int = 0
    closetime: str = "both"
    without_count: bool = False


class QueryOrdersRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/QueryOrders; txid is one or several, with commas."""

    txid: str
    trades: bool = False
    userref: int | None = None


class OrderAmendsRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/OrderAmends."""

    order_id: str


# -- answers ------------------------------------------------------------------------------------


class OrderDescription(Struct, frozen=True, kw_only=True):
    """An order in words, as the answer to a new one has it."""

    order: str
    close: str | Optional = UNSET


class AddedOrder(Struct, frozen=True, kw_only=True):
    """AddOrder; without txid where it was only checked."""

    descr: OrderDescription
    txid: tuple[str, ...] | Optional = UNSET


class BatchedResult(Struct, frozen=True, kw_only=True):
    """One order of AddOrderBatch."""

    descr: OrderDescription | Optional = UNSET
    txid: str | Optional = UNSET
    error: str | Optional = UNSET


class AddedBatch(Struct, frozen=True, kw_only=True):
    """AddOrderBatch."""

    orders: tuple[BatchedResult, ...]


class AmendedOrder(Struct, frozen=True, kw_only=True):
    """AmendOrder."""

    amend_id: str


class EditedOrder(Struct, frozen=True, kw_only=True):
    """EditOrder."""

    status: str = "ok"
    txid: str | Optional = UNSET
    originaltxid: str
    volume: str
    price: str
    price2: str
    orders_cancelled: int
    descr: OrderDescription


class Canceled(Struct, frozen=True, kw_only=True):
    """CancelOrder, CancelAll and CancelOrderBatch."""

    count: int
    pending: bool | Optional = UNSET


class CancelAfter(Struct, frozen=True, kw_only=True):
    """CancelAllOrdersAfter; triggerTime is 0 where nothing is armed."""

    currentTime: str  # noqa: N815
    triggerTime: str  # noqa: N815


class OrderTerms(Struct, frozen=True, kw_only=True):
    """`descr` of an order."""

    pair: str
    type: str
    ordertype: str
    price: str
    price2: str
    leverage: str = "none"
    order: str
    close: str = ""


class OrderInfo(Struct, frozen=True, kw_only=True):
    """An order in OpenOrders, ClosedOrders and QueryOrders."""

    refid: str | None = None
    userref: int | None = None
    cl_ord_id: str | Optional = UNSET
    status: str
    reason: str | Optional | None = UNSET
    opentm: Raw
    closetm: Raw | Optional = UNSET
    starttm: Raw | Optional = UNSET
    expiretm: Raw | Optional = UNSET
    descr: OrderTerms
    vol: str
    vol_exec: str
    cost: str
    fee: str
    price: str
    stopprice: str
    limitprice: str
    trigger: str | Optional = UNSET
    misc: str = ""
    oflags: str
    timeinforce: str | Optional = UNSET
    displayvol: str | Optional = UNSET
    trades: tuple[str, ...] | Optional = UNSET


class OpenOrders(Struct, frozen=True, kw_only=True):
    """OpenOrders, by id."""

    open: dict[str, OrderInfo]


class ClosedOrders(Struct, frozen=True, kw_only=True):
    """ClosedOrders, by id, newest first."""

    closed: dict[str, OrderInfo]
    count: int | Optional = UNSET


class Amend(Struct, frozen=True, kw_only=True):
    """One change of OrderAmends."""

    amend_id: str
    amend_type: str
    order_qty: str
    display_qty: str | Optional = UNSET
    remaining_qty: str
    limit_price: str | Optional = UNSET
    trigger_price: str | Optional = UNSET
    reason: str | Optional = UNSET
    post_only: bool = False
    timestamp: int


class OrderAmends(Struct, frozen=True, kw_only=True):
    """OrderAmends."""

    amends: tuple[Amend, ...]
    count: int
