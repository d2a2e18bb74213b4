"""Lists of orders, and what one of them was: open, closed, by ids, and the trail of amendments.

The invariant: a list has an order once, under its id. Orders that ended come newest first, 50 at a
time; a page begins at `ofs`, and lies between `start` (exclusive) and `end`.
"""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from steelyard.dialects.kraken import errors
from steelyard.dialects.kraken.executions import Told
from steelyard.dialects.kraken.order_messages import (
    Amend,
    ClosedOrders,
    ClosedOrdersRequest,
    OpenOrders,
    OpenOrdersRequest,
    OrderAmends,
    OrderAmendsRequest,
    OrderInfo,
    QueryOrdersRequest,
)
from steelyard.dialects.kraken.orders import OPEN_MAX, find_order, unknown
from steelyard.dialects.kraken.placing import userref_of
from steelyard.dialects.kraken.routes import private, time_of
from steelyard.dialects.kraken.text import amend_text, order_number, price_text, size_text
from steelyard.domain.amendments import AmendList, Amendment, AmendsQuery
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import OrderList, OrderQuery, OrdersQuery
from steelyard.wire.dialect import Asker, Endpoint, SessionRefused

CLOSED_MAX = 100_000  # looked through for a page
PAGE = 50
QUERY_MAX = 50


def _open_query(_request: OpenOrdersRequest, asker: Asker) -> OrdersQuery:
    return OrdersQuery(asker.account_id, OPEN_MAX, open_only=True)


def _open(answer: Any, request: OpenOrdersRequest, asker: Asker) -> OpenOrders:
    assert isinstance(answer, OrderList), "an OrdersQuery is answered by orders"
    orders = [o for o in answer.orders if _is_wanted(o, request.userref, request.cl_ord_id)]
    return OpenOrders(open=Told(orders, asker, trades=request.trades).infos())


def _is_wanted(order: Order, userref: int | None, cl_ord_id: str | None) -> bool:
    return (userref is None or userref_of(order.client_order_id) == userref) and (
        cl_ord_id is None or order.client_order_id == cl_ord_id
    )


def _closed_query(_request: ClosedOrdersRequest, asker: Asker) -> OrdersQuery:
    return OrdersQuery(asker.account_id, CLOSED_MAX, accepted_only=True)


def _closed(answer: Any, request: ClosedOrdersRequest, asker: Asker) -> ClosedOrders:
    assert isinstance(answer, OrderList), "an OrdersQuery is answered by orders"
    times: Callable[[Order], tuple[int, ...]]
    match request.closetime:
        case "open":
            times = lambda order: (order.created_ns,)  # noqa: E731
        case "close":
            times = lambda order: (order.updated_ns,)  # noqa: E731
        case "both":
            times = lambda order: (order.created_ns, order.updated_ns)  # noqa: E731
        case _:
            raise errors.invalid("closetime", "it is open, close or both")
    start_ns = _bound(request.start, "start", asker)
    end_ns = _bound(request.end, "end", asker)
    found = [
        order
        for order in answer.orders
        if not order.state.is_open
        and _is_wanted(order, request.userref, request.cl_ord_id)
        and any(
            (start_ns is None or time_ns > start_ns) and (end_ns is None or time_ns <= end_ns)
            for time_ns in times(order)
        )
    ]
    found.sort(key=lambda order: (order.updated_ns, order.order_id), reverse=True)
    if request.ofs < 0:
        raise errors.invalid("ofs", "it is 0 or more")
    page = found[request.ofs : request.ofs + PAGE]
    return ClosedOrders(
        closed=Told(page, asker, trades=request.trades).infos(),
        count=UNSET if request.without_count else len(found),
    )


def _bound(text: str | None, field: str, asker: Asker) -> int | None:
    """Return a time, which an order's id may stand for."""
    if text is not None and (order_id := order_number(text)) is not None:
        order = asker.find_order(OrderQuery(asker.account_id, order_id=order_id))
        if order is None:
            raise SessionRefused(unknown(text))
        return order.updated_ns
    return time_of(text, field)


def _query(request: QueryOrdersRequest, asker: Asker) -> OrdersQuery:
    names = request.txid.split(",")
    if len(names) > QUERY_MAX:
        raise errors.invalid("txid", f"at most {QUERY_MAX} ids")
    numbers = [order_number(name.strip()) for name in names]
    if None in numbers:
        wrong = names[numbers.index(None)]
        raise errors.said(errors.INVALID_ORDER, f"{errors.shown(wrong)} is no id of an order")
    ids = tuple(value for value in numbers if value is not None)
    return OrdersQuery(asker.account_id, QUERY_MAX, accepted_only=True, order_ids=ids)


def _queried(answer: Any, request: QueryOrdersRequest, asker: Asker) -> dict[str, OrderInfo]:
    assert isinstance(answer, OrderList), "an OrdersQuery is answered by orders"
    orders = [o for o in answer.orders if _is_wanted(o, request.userref, None)]
    if not orders:
        raise SessionRefused(unknown(request.txid))
    return Told(orders, asker, trades=request.trades).infos()


# -- what an order was ----------------------------------------------------------------------------


def _amends_query(request: OrderAmendsRequest, asker: Asker) -> AmendsQuery:
    order = find_order(asker, request.order_id, None)
    if order is None:
        raise SessionRefused(unknown(request.order_id))
    return AmendsQuery(asker.account_id, order.order_id)


def _amends(answer: Any, request: OrderAmendsRequest, asker: Asker) -> OrderAmends:
    assert isinstance(answer, AmendList), "an AmendsQuery is answered by a trail"
    order = find_order(asker, request.order_id, None)
    assert order is not None, "it was found before"
    instrument = asker.listings[order.instrument_id]
    rows = tuple(amend_to_wire(each, order, instrument) for each in answer.amends)
    return OrderAmends(amends=rows, count=len(rows))


def amend_to_wire(amendment: Amendment, order: Order, instrument: Instrument) -> Amend:
    """Return what an order was from a time on; what is not amended is told as it is."""
    limit, trigger = amendment.price_ticks, amendment.trigger_ticks
    kind = "user" if amendment.is_asked else "restated"
    return Amend(
        amend_id=amend_text(order.order_id, amendment.number),
        amend_type=kind if amendment.number else "original",
        order_qty=size_text(instrument, amendment.size_lots),
        display_qty=size_text(instrument, order.display_lots) if order.display_lots else UNSET,
        remaining_qty=size_text(instrument, amendment.remaining_lots),
        limit_price=UNSET if limit is None else price_text(instrument, limit),
        trigger_price=UNSET if trigger is None else price_text(instrument, trigger),
        reason=UNSET if amendment.is_asked else "Post only order",
        post_only=order.post_only,
        timestamp=amendment.time_ns,
    )


# -- routes -------------------------------------------------------------------------------------

OPEN = private("OpenOrders", OpenOrdersRequest, OpenOrders, _open_query, _open, "Open orders")
CLOSED = private(
    "ClosedOrders",
    ClosedOrdersRequest,
    ClosedOrders,
    _closed_query,
    _closed,
    "Orders that have ended, 50 at a time",
)
QUERY = private(
    "QueryOrders",
    QueryOrdersRequest,
    dict[str, OrderInfo],
    _query,
    _queried,
    "Up to 50 orders by their ids",
)
AMENDS = private(
    "OrderAmends",
    OrderAmendsRequest,
    OrderAmends,
    _amends_query,
    _amends,
    "What an order was: as it was placed, and after each amendment",
)

ENDPOINTS: tuple[Endpoint, ...] = (OPEN, CLOSED, QUERY, AMENDS)
