"""Orders and fills looked up and listed over REST; server half.

The invariant: rows come newest first, `after` asks for older ones than an id and `before` for
newer, without it. What ended stays on the list for seven days, for two hours if nothing of it has
filled; in the archive for three months, and there only if something has.
"""

from collections.abc import Iterable
from typing import Any

from steelyard.dialects.okx import errors
from steelyard.dialects.okx.executions import (
    ENDED,
    FILLS_MAX,
    LIVE,
    PARTIAL,
    Told,
    bill_number,
    fill_to_wire,
    is_exit,
    is_told,
    kind_name,
    state_of,
)
from steelyard.dialects.okx.order_messages import (
    FillInfo,
    FillsRequest,
    HistoryRequest,
    OrderInfo,
    OrderRequest,
    PendingRequest,
)
from steelyard.dialects.okx.orders import find_order
from steelyard.dialects.okx.routes import (
    answered,
    instrument_of,
    is_spot,
    limit_of,
    moment,
    nothing,
    page,
    signed,
)
from steelyard.dialects.okx.text import id_number
from steelyard.domain.lifecycle import Fill, Order
from steelyard.domain.messages import (
    MINUTE_NS,
    FillList,
    FillsQuery,
    OrderList,
    OrdersQuery,
)
from steelyard.domain.order import GroupKind, RejectReason
from steelyard.wire.dialect import Asker

ORDERS_MAX = 200_000  # looked through for a list: all that an account has
PAGE = 100
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
KEPT_NS, UNFILLED_NS, ARCHIVE_NS = 7 * DAY_NS, 2 * HOUR_NS, 90 * DAY_NS
FILLS_NS, OLD_FILLS_NS = 3 * DAY_NS, 90 * DAY_NS


def exits_of(orders: Iterable[Order], asker: Asker) -> dict[int, list[Order]]:
    """Return the exits of entries, by the entry's number."""
    entries = {
        order.order_id
        for order in orders
        if order.group_kind in (GroupKind.OTO, GroupKind.BRACKET) and not is_exit(order)
    }
    found: dict[int, list[Order]] = {number: [] for number in entries}
    if entries:
        numbers = tuple(number + place for number in entries for place in (1, 2))
        query = OrdersQuery(asker.account_id, len(numbers), order_ids=numbers)
        for order in answered(asker.ask(query), OrderList).orders:
            if order.group_id in entries:
                found[order.group_id].append(order)
    return found


def rows_of(orders: Iterable[Order], asker: Asker) -> tuple[OrderInfo, ...]:
    """Return orders with their fills and exits."""
    found = [*orders]
    return Told(found, asker).rows(exits_of(found, asker))


# -- one order ----------------------------------------------------------------------------------


def _order(_answer: None, request: OrderRequest, asker: Asker) -> tuple[OrderInfo, ...]:
    found = find_order(request.instId, None, request.ordId, request.clOrdId, asker)
    if found is None or not is_told(found):
        how = "there is no such order of this account; trade/order-algo looks up those that wait"
        raise errors.refused(errors.NOT_THERE, how, RejectReason.UNKNOWN_ORDER, "ordId")
    return rows_of([found], asker)


# -- lists of orders ----------------------------------------------------------------------------


def _pending_query(request: PendingRequest, asker: Asker) -> OrdersQuery:
    return _query(request.instType, request.instId, asker, open_only=True)


def _query(
    inst_type: str | None, inst_id: str | None, asker: Asker, *, open_only: bool
) -> OrdersQuery:
    is_spot(inst_type)
    instrument_id = None
    if inst_id is not None:
        instrument_id = instrument_of(inst_id, asker.listings).instrument_id
    return OrdersQuery(asker.account_id, ORDERS_MAX, instrument_id, open_only=open_only)


def is_wanted(order: Order, request: PendingRequest | HistoryRequest) -> bool:
    """Whether an order is of the types and states that a list is asked for."""
    if not is_told(order) or not is_spot(request.instType) or request.uly or request.instFamily:
        return False
    kinds = (request.ordType or "").split(",")
    return (request.ordType is None or kind_name(order) in kinds) and (
        request.state is None or state_of(order) == request.state
    )


def _pending(answer: Any, request: PendingRequest, asker: Asker) -> tuple[OrderInfo, ...]:
    if request.state not in (None, LIVE, PARTIAL):
        raise errors.invalid("state", f"it is {LIVE} or {PARTIAL}")
    orders = answered(answer, OrderList).orders
    found = [order for order in reversed(orders) if is_wanted(order, request)]
    limit = limit_of(request.limit, PAGE, PAGE)
    return rows_of(page(found, _number, request.after, request.before, limit), asker)


def _history_query(request: HistoryRequest, asker: Asker) -> OrdersQuery:
    return _query(request.instType, request.instId, asker, open_only=False)


def _history(answer: Any, request: HistoryRequest, asker: Asker) -> tuple[OrderInfo, ...]:
    return _ended(answer, request, asker, KEPT_NS, UNFILLED_NS)


def _archive(answer: Any, request: HistoryRequest, asker: Asker) -> tuple[OrderInfo, ...]:
    return _ended(answer, request, asker, ARCHIVE_NS, 0)


def _ended(
    answer: Any, request: HistoryRequest, asker: Asker, kept_ns: int, unfilled_ns: int
) -> tuple[OrderInfo, ...]:
    if request.state not in (None, *ENDED):
        raise errors.invalid("state", f"it is {', '.join(ENDED)}")
    begin_ns, end_ns = moment(request.begin, "begin"), moment(request.end, "end")
    now_ns = asker.sandbox_ns

    def is_kept(order: Order) -> bool:
        age_ns = now_ns - order.updated_ns
        is_young = age_ns <= (kept_ns if order.filled_lots else unfilled_ns)
        is_within = (begin_ns is None or order.created_ns >= begin_ns) and (
            end_ns is None or order.created_ns <= end_ns
        )
        has_any = bool(order.filled_lots or unfilled_ns)
        return not order.state.is_open and is_young and is_within and has_any

    orders = answered(answer, OrderList).orders
    found = [o for o in reversed(orders) if is_wanted(o, request) and is_kept(o)]
    limit = limit_of(request.limit, PAGE, PAGE)
    return rows_of(page(found, _number, request.after, request.before, limit), asker)


def _number(order: Order) -> int:
    return order.order_id


# -- fills --------------------------------------------------------------------------------------


def _fills_query(request: FillsRequest, asker: Asker) -> FillsQuery:
    return _fills_since(request, asker, FILLS_NS)


def _old_fills_query(request: FillsRequest, asker: Asker) -> FillsQuery:
    if request.instType is None:
        raise errors.said(errors.MISSING, "send instType, SPOT", "instType")
    return _fills_since(request, asker, OLD_FILLS_NS)


def _fills_since(request: FillsRequest, asker: Asker, kept_ns: int) -> FillsQuery:
    is_spot(request.instType)
    instrument_id = order_id = None
    if request.instId is not None:
        instrument_id = instrument_of(request.instId, asker.listings).instrument_id
    if request.ordId is not None:
        order_id = id_number(request.ordId) or 0
    begin_ns = moment(request.begin, "begin") or 0
    return FillsQuery(
        asker.account_id,
        FILLS_MAX,
        instrument_id,
        order_id,
        start_ns=max(begin_ns, asker.sandbox_ns - kept_ns),
        end_ns=moment(request.end, "end"),
    )


def _fills(answer: Any, request: FillsRequest, asker: Asker) -> tuple[FillInfo, ...]:
    if not is_spot(request.instType) or request.uly or request.instFamily:
        return ()
    fills = sorted(answered(answer, FillList).fills, key=bill_number, reverse=True)
    rows = [(fill, fill_to_wire(fill, asker.listings)) for fill in fills]
    kept = [row for row in rows if request.subType in (None, row[1].subType)]
    limit = limit_of(request.limit, PAGE, PAGE)
    part = page(kept, _bill, request.after, request.before, limit)
    return tuple(row for _, row in part)


def _bill(row: tuple[Fill, FillInfo]) -> int:
    return bill_number(row[0])


# -- routes -------------------------------------------------------------------------------------

QUERY = signed(
    "GET", "trade/order", OrderRequest, OrderInfo, nothing, _order, "One order, by either id"
)
PENDING = signed(
    "GET",
    "trade/orders-pending",
    PendingRequest,
    OrderInfo,
    _pending_query,
    _pending,
    "Open orders",
)
HISTORY = signed(
    "GET",
    "trade/orders-history",
    HistoryRequest,
    OrderInfo,
    _history_query,
    _history,
    "Orders that ended in the last seven days",
)
ARCHIVE = signed(
    "GET",
    "trade/orders-history-archive",
    HistoryRequest,
    OrderInfo,
    _history_query,
    _archive,
    "Orders that ended in the last three months, and have filled",
)
FILLS = signed(
    "GET",
    "trade/fills",
    FillsRequest,
    FillInfo,
    _fills_query,
    _fills,
    "Fills of the last three days",
)
OLD_FILLS = signed(
    "GET",
    "trade/fills-history",
    FillsRequest,
    FillInfo,
    _old_fills_query,
    _fills,
    "Fills of the last three months",
)
ENDPOINTS = (QUERY, PENDING, HISTORY, ARCHIVE, FILLS, OLD_FILLS)
