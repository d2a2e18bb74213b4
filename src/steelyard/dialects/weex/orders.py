"""Orders over REST: place, cancel, look up, list, and what they have traded; the server's end.

The invariant: what changes something is answered by ids alone; what became of it, streams and
queries tell. A client's id that an open order has leads to that order: it is answered as if it had
just been placed, and nothing new is. Of several cancels each has its own answer.
"""

import re
from typing import Any

from steelyard.dialects.weex import errors, placing
from steelyard.dialects.weex import order_messages as wire
from steelyard.dialects.weex.executions import fill_to_wire, order_to_wire, own_name
from steelyard.dialects.weex.messages import MaybeSymbolRequest
from steelyard.dialects.weex.order_messages import (
    AllOrdersRequest,
    BatchRequest,
    CanceledOrder,
    CanceledOrders,
    MyTradesRequest,
    NewOrder,
    OrderRequest,
    PlacedOrder,
    SymbolOrdersRequest,
)
from steelyard.dialects.weex.routes import (
    answered,
    limit_of,
    nothing,
    signed,
    span_of,
    symbol_of,
)
from steelyard.dialects.weex.text import ms, order_id, own_order, symbol_text
from steelyard.domain.commands import Cancel, CancelAll
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    Batch,
    BatchAnswer,
    FillList,
    FillsQuery,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Refused,
    Scope,
)
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker

KEPT_MAX = 200_000  # orders or fills looked through for a list: all that an account has
LIST_DEFAULT, LIST_MAX = 100, 1_000
BATCH_MAX = 100
_ID = re.compile("[0-9]{1,19}")
FAILED, NOT_FOUND = "FAILED", "FAILED_ORDER_NOT_FOUND"
CANCELED = "CANCELED"


# -- one order ----------------------------------------------------------------------------------


def find_order(asker: Asker, number: str | None, own: str | None) -> Order | None:
    """Return the order that a request names; the venue's id counts before the client's.

    Raises:
        DecodeError: It names none.
    """
    if number is not None:
        mine = own_order(number)
        if mine is None:
            return None
        return asker.find_order(OrderQuery(asker.account_id, order_id=mine))
    if own is not None:
        return asker.find_order(OrderQuery(asker.account_id, client_order_id=own))
    raise errors.invalid("orderId", "Either orderId or origClientOrderId must be sent.")


def _no_order() -> Exception:
    return errors.refused(
        errors.NO_ORDER,
        RejectReason.UNKNOWN_ORDER,
        "there is no such order of this account, or it has ended; /api/v3/openOrders lists what "
        "is open",
    )


# -- place --------------------------------------------------------------------------------------


def placed_to_wire(order: Order, asker: Asker) -> PlacedOrder:
    """Return that an order was taken up."""
    symbol = symbol_text(asker.listings[order.instrument_id])
    return PlacedOrder(symbol, order_id(order.order_id), own_name(order), ms(order.created_ns))


def _placed(answer: Any, _request: NewOrder, asker: Asker) -> PlacedOrder:
    return placed_to_wire(answered(answer, OrderAnswer).order, asker)


def _refused(answer: Refused, request: NewOrder, asker: Asker) -> PlacedOrder | None:
    """Return the open order of the same client id, where that is why."""
    if answer.reason is not RejectReason.DUPLICATE_CLIENT_ORDER_ID:
        return None
    query = OrderQuery(asker.account_id, client_order_id=request.newClientOrderId or "")
    order = asker.find_order(query)
    return None if order is None else placed_to_wire(order, asker)


# -- cancel -------------------------------------------------------------------------------------


def _cancel(request: OrderRequest, asker: Asker) -> Cancel:
    order = find_order(asker, request.orderId, request.origClientOrderId)
    if order is None or not order.state.is_open:
        raise _no_order()
    return Cancel(asker.account_id, order.order_id)


def _canceled(answer: Any, _request: OrderRequest, _asker: Asker) -> CanceledOrder:
    return canceled_to_wire(answered(answer, OrderAnswer).order)


def canceled_to_wire(order: Order) -> CanceledOrder:
    """Return that an order was canceled."""
    return CanceledOrder(order_id(order.order_id), CANCELED, own_name(order))


def _cancel_symbol(request: SymbolOrdersRequest, asker: Asker) -> CancelAll:
    return CancelAll(asker.account_id, symbol_of(request.symbol, asker.listings).instrument_id)


def _canceled_symbol(
    answer: Any, _request: SymbolOrdersRequest, _asker: Asker
) -> tuple[CanceledOrder, ...]:
    return tuple(map(canceled_to_wire, answered(answer, OrderList).orders))


def _named(request: BatchRequest, asker: Asker) -> list[tuple[str, Order | None]]:
    """Return what a batch names, each with its order.

    Raises:
        DecodeError: It names nothing, or too much.
    """
    names = request.orderIds or request.origClientOrderIds
    if not names:
        raise errors.invalid("orderIds", "send orderIds or origClientOrderIds", errors.EMPTY)
    if len(names) > BATCH_MAX:
        raise errors.invalid("orderIds", f"at most {BATCH_MAX}")
    if request.orderIds:
        if not all(_ID.fullmatch(name) for name in request.orderIds):
            raise errors.invalid("orderIds", "an id is a whole number of up to 19 digits")
        return [(name, find_order(asker, name, None)) for name in names]
    return [(name, find_order(asker, None, name)) for name in names]


def _cancel_batch(request: BatchRequest, asker: Asker) -> Batch | None:
    found = [order for _, order in _named(request, asker)]
    numbers = dict.fromkeys(o.order_id for o in found if o is not None and o.state.is_open)
    commands = tuple(Cancel(asker.account_id, number) for number in numbers)
    return Batch(commands) if commands else None


def _canceled_batch(answer: Any, request: BatchRequest, asker: Asker) -> CanceledOrders:
    answers = () if answer is None else answered(answer, BatchAnswer).answers
    done = {each.order.order_id for each in answers if isinstance(each, OrderAnswer)}
    rows = []
    for name, order in _named(request, asker):
        if order is not None and order.order_id in done:
            rows.append(canceled_to_wire(order))
            continue
        own = name if request.orderIds is None else None
        rows.append(_failed(int(name) if own is None else 0, own))
    return CanceledOrders(tuple(rows))


def _failed(number: int, own: str | None) -> CanceledOrder:
    if own is None:
        return CanceledOrder(number, FAILED, errorMsg=NOT_FOUND)
    return CanceledOrder(number, FAILED, own, NOT_FOUND)


# -- look up and list ---------------------------------------------------------------------------


def _order(_answer: None, request: OrderRequest, asker: Asker) -> wire.Order:
    order = find_order(asker, request.orderId, request.origClientOrderId)
    if order is None or order.reject_reason is not None:
        raise _no_order()
    return order_to_wire(order, asker.listings[order.instrument_id])


def _open_query(request: MaybeSymbolRequest, asker: Asker) -> OrdersQuery:
    number = None
    if request.symbol is not None:
        number = symbol_of(request.symbol, asker.listings).instrument_id
    return OrdersQuery(asker.account_id, KEPT_MAX, number, open_only=True)


def _told(orders: Any, asker: Asker) -> tuple[wire.Order, ...]:
    """Return orders, newest first."""
    return tuple(
        order_to_wire(order, asker.listings[order.instrument_id])
        for order in reversed(orders)
        if not (order.is_pending and order.state.is_open)
    )


def _open(answer: Any, _request: MaybeSymbolRequest, asker: Asker) -> tuple[wire.Order, ...]:
    return _told(answered(answer, OrderList).orders, asker)


def _all_query(request: AllOrdersRequest, asker: Asker) -> OrdersQuery:
    number = symbol_of(request.symbol, asker.listings).instrument_id
    start_ns, end_ns = span_of(request.startTime, request.endTime)
    return OrdersQuery(
        asker.account_id,
        KEPT_MAX,
        number,
        accepted_only=True,
        start_ns=start_ns,
        end_ns=end_ns,
    )


def _all(answer: Any, request: AllOrdersRequest, asker: Asker) -> tuple[wire.Order, ...]:
    limit = limit_of(request.limit, LIST_DEFAULT, LIST_MAX)
    page = 1 if request.page is None else request.page
    if page < 1:
        raise errors.invalid("page", "from 1 on")
    found = _told(answered(answer, OrderList).orders, asker)
    return found[(page - 1) * limit : page * limit]


def _fills_query(request: MyTradesRequest, asker: Asker) -> FillsQuery:
    number = symbol_of(request.symbol, asker.listings).instrument_id
    start_ns, end_ns = span_of(request.startTime, request.endTime)
    only = None
    if request.orderId is not None:
        only = own_order(request.orderId) or 0  # which no order has
    return FillsQuery(asker.account_id, KEPT_MAX, number, only, start_ns=start_ns, end_ns=end_ns)


def _fills(answer: Any, request: MyTradesRequest, asker: Asker) -> tuple[wire.MyTrade, ...]:
    found = answered(answer, FillList).fills[::-1]
    part = found[: limit_of(request.limit, LIST_DEFAULT, LIST_MAX)]
    return tuple(fill_to_wire(fill, asker.listings[fill.instrument_id]) for fill in part)


# -- routes -------------------------------------------------------------------------------------

PLACE = signed(
    "POST",
    "/api/v3/order",
    NewOrder,
    PlacedOrder,
    placing.place_from_wire,
    _placed,
    weight=5,
    scope=Scope.TRADE,
    is_order=True,
    refused=_refused,
    summary="Place an order",
)
CANCEL = signed(
    "DELETE",
    "/api/v3/order",
    OrderRequest,
    CanceledOrder,
    _cancel,
    _canceled,
    weight=1,
    scope=Scope.TRADE,
    summary="Cancel an order",
)
CANCEL_SYMBOL = signed(
    "DELETE",
    "/api/v3/openOrders",
    SymbolOrdersRequest,
    tuple[CanceledOrder, ...],
    _cancel_symbol,
    _canceled_symbol,
    weight=1,
    scope=Scope.TRADE,
    summary="Cancel all open orders of a symbol",
)
CANCEL_BATCH = signed(
    "DELETE",
    "/api/v3/order/batch",
    BatchRequest,
    CanceledOrders,
    _cancel_batch,
    _canceled_batch,
    weight=10,
    scope=Scope.TRADE,
    summary="Cancel several orders; they are named in a body, which is signed",
)
ORDER = signed(
    "GET",
    "/api/v3/order",
    OrderRequest,
    wire.Order,
    nothing,
    _order,
    weight=2,
    summary="One order, open or ended",
)
OPEN = signed(
    "GET",
    "/api/v3/openOrders",
    MaybeSymbolRequest,
    tuple[wire.Order, ...],
    _open_query,
    _open,
    weight=3,
    summary="Open orders",
)
ALL = signed(
    "GET",
    "/api/v3/allOrders",
    AllOrdersRequest,
    tuple[wire.Order, ...],
    _all_query,
    _all,
    weight=10,
    summary="Orders of a symbol, newest first, page by page",
)
FILLS = signed(
    "GET",
    "/api/v3/myTrades",
    MyTradesRequest,
    tuple[wire.MyTrade, ...],
    _fills_query,
    _fills,
    weight=5,
    summary="Fills of a symbol, newest first",
)
ENDPOINTS = (PLACE, CANCEL, CANCEL_SYMBOL, CANCEL_BATCH, ORDER, OPEN, ALL, FILLS)
