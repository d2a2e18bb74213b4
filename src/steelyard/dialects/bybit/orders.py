"""Orders over REST, both ways: place, amend, cancel, look up, list, and what they have traded.

The invariant: what changes something is answered by ids alone, as the venue does; what became of it
streams and queries tell. An order is named by the venue's id, or by its owner's where that is not
there. What is no longer open is told apart: it has filled, or it has been canceled.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from steelyard.dialects.bybit import errors, placing
from steelyard.dialects.bybit import order_messages as wire
from steelyard.dialects.bybit.executions import (
    NO_FEES,
    STATUSES,
    fees_of,
    fill_to_wire,
    filter_of,
    order_to_wire,
    own_link,
    status_of,
)
from steelyard.dialects.bybit.order_messages import (
    AmendedOrder,
    CancelAllRequest,
    CanceledAll,
    CanceledOrder,
    ExecutionsRequest,
    NewOrder,
    OrderIds,
    OrdersRequest,
)
from steelyard.dialects.bybit.placing import check_spot
from steelyard.dialects.bybit.routes import (
    answered,
    cursor_of,
    cursor_text,
    find_in,
    instrument_of,
    instruments_of,
    limit_of,
    one,
    signed,
    span_of,
)
from steelyard.dialects.bybit.text import DAY_NS, number_of
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place, PlaceGroup
from steelyard.domain.errors import DecodeError
from steelyard.domain.lifecycle import Fill, Order
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
from steelyard.wire.dialect import Asker, Refusal, SessionRefused

KEPT_MAX = 200_000  # orders or fills looked through for a list: all that an account has
ORDERS_DEFAULT, ORDERS_MAX = 20, 50
FILLS_DEFAULT, FILLS_MAX = 50, 100
CLOSED_MAX = 500  # of those that have ended, the newest that `openOnly=1` tells
SPAN_NS = 7 * DAY_NS
E = TypeVar("E")


# -- one order ----------------------------------------------------------------------------------


def find_order(asker: Asker, order_id: str | None, link: str | None) -> Order | None:
    """Return the order that a request names; the venue's id counts before the client's.

    Raises:
        DecodeError: It names none.
    """
    if order_id is not None:
        try:
            number = number_of(order_id)
        except DecodeError:
            return None
        return asker.find_order(OrderQuery(asker.account_id, order_id=number))
    if link is not None:
        return asker.find_order(OrderQuery(asker.account_id, client_order_id=link))
    raise errors.invalid("orderId", "name the order by orderId or orderLinkId")


def open_order(asker: Asker, order_id: str | None, link: str | None) -> Order:
    """Return the open order that a request names.

    Raises:
        DecodeError: It names none.
        SessionRefused: There is none, or it has ended.
    """
    order = find_order(asker, order_id, link)
    if order is None:
        raise errors.refused(
            errors.NO_ORDER,
            RejectReason.UNKNOWN_ORDER,
            "there is no such order of this account; /v5/order/realtime lists the open ones",
        )
    if not order.state.is_open:
        words = errors.FILLED if status_of(order) == "Filled" else errors.CANCELED
        raise errors.refused(
            words, RejectReason.UNKNOWN_ORDER, "it has ended; /v5/order/history tells how"
        )
    return order


def ids_of(order: Order) -> OrderIds:
    """Return what an order is called."""
    return OrderIds(str(order.order_id), own_link(order))


# -- place, amend, cancel -----------------------------------------------------------------------


def placed(answer: Any, _request: NewOrder, _asker: Asker) -> OrderIds:
    """Return the ids of a new order; of one with exits its own."""
    match answer:
        case OrderList(orders):
            return ids_of(orders[0])
        case _:
            return ids_of(answered(answer, OrderAnswer).order)


def amend_from_wire(request: AmendedOrder, asker: Asker) -> Amend:
    """Return the command of an amendment.

    Raises:
        DecodeError: It names no order, or changes what is not to be changed.
        SessionRefused: There is no such order.
        UnitError: A number is off its steps.
    """
    check_spot(request.category)
    order = open_order(asker, request.orderId, request.orderLinkId)
    instrument = asker.listings[order.instrument_id]
    for name in ("takeProfit", "stopLoss"):
        if getattr(request, name) is not None:
            raise errors.invalid(
                name, "exits are orders of their own here: cancel them, or amend them by their ids"
            )
    if order.hangs_together:
        raise errors.invalid("orderId", "an order with exits keeps its terms; cancel it")
    price, size, trigger = (
        None if text is None else placing.number(text, name)
        for text, name in (
            (request.price, "price"),
            (request.qty, "qty"),
            (request.triggerPrice, "triggerPrice"),
        )
    )
    if price is None and size is None and trigger is None:
        raise errors.invalid("price", "name a price, a qty or a triggerPrice that is to change")
    price_ticks, size_lots = instrument.order_steps(price, size)
    trigger_ticks = None if trigger is None else instrument.price_ticks(trigger, "triggerPrice")
    return Amend(asker.account_id, order.order_id, price_ticks, size_lots, trigger_ticks)


def changed(answer: Any, _request: Any, _asker: Asker) -> OrderIds:
    """Return the ids of an order that was amended or canceled."""
    return ids_of(answered(answer, OrderAnswer).order)


def cancel_from_wire(request: CanceledOrder, asker: Asker) -> Cancel:
    """Return the command of a cancel; the symbol is passed over, as an id is enough.

    Raises:
        DecodeError: It names no order.
        SessionRefused: There is no such order, or it has ended.
    """
    check_spot(request.category)
    order = open_order(asker, request.orderId, request.orderLinkId)
    return Cancel(asker.account_id, order.order_id)


def _cancel_all(request: CancelAllRequest, asker: Asker) -> CancelAll | Batch:
    check_spot(request.category)
    wanted = request.orderFilter or placing.ORDER
    if wanted not in placing.FILTERS:
        raise errors.invalid("orderFilter", f"one of {', '.join(placing.FILTERS)}")
    if request.settleCoin is not None:
        raise errors.invalid("settleCoin", "spot has none: name a symbol or a baseCoin")
    instruments = instruments_of(request.category, asker.listings)
    if request.symbol is not None:
        instruments = (instrument_of(request.category, request.symbol, asker.listings),)
    elif request.baseCoin is not None:
        instruments = tuple(i for i in instruments if i.base == request.baseCoin)
    numbers = {instrument.instrument_id for instrument in instruments}
    answer = asker.ask(OrdersQuery(asker.account_id, KEPT_MAX, open_only=True))
    mine = [o for o in answered(answer, OrderList).orders if o.instrument_id in numbers]
    if all(filter_of(order) == wanted for order in mine):
        if len(numbers) == 1:
            return CancelAll(asker.account_id, numbers.pop())
        if len(numbers) == len(asker.listings):
            return CancelAll(asker.account_id, None)
    chosen = (order for order in mine if filter_of(order) == wanted)
    return Batch(tuple(Cancel(asker.account_id, order.order_id) for order in chosen))


def _canceled_all(answer: Any, _request: CancelAllRequest, _asker: Asker) -> CanceledAll:
    match answer:
        case BatchAnswer(answers):
            orders = [each.order for each in answers if isinstance(each, OrderAnswer)]
        case _:
            orders = [*answered(answer, OrderList).orders]
    return CanceledAll(tuple(map(ids_of, orders)), "1")


# -- lists --------------------------------------------------------------------------------------


def page_of(
    entries: Sequence[E], limit: int | None, cursor: str | None, default: int, most: int
) -> tuple[Sequence[E], str]:
    """Return a part of a list that is oldest first, newest first, and the cursor of the next one.

    A cursor is how many entries are older than what has been told, so that what comes in moves
    nothing.

    Raises:
        DecodeError: Limit or cursor are none.
    """
    end = cursor_of(cursor)
    end = len(entries) if end is None else min(end, len(entries))
    start = max(0, end - limit_of(limit, default, most))
    return entries[start:end][::-1], cursor_text(start or None)


def _realtime_query(request: OrdersRequest, asker: Asker) -> OrdersQuery | None:
    if request.orderId is not None or request.orderLinkId is not None:
        return None
    is_open = not request.openOnly
    return OrdersQuery(asker.account_id, KEPT_MAX, open_only=is_open, accepted_only=True)


def _realtime(answer: Any, request: OrdersRequest, asker: Asker) -> wire.Orders:
    if answer is None:
        order = find_order(asker, request.orderId, request.orderLinkId)
        found = [] if order is None else [order]
    else:
        found = [*answered(answer, OrderList).orders]
        if request.openOnly:
            found = [order for order in found if not order.state.is_open][-CLOSED_MAX:]
    return _told(found, request, asker)


def _history_query(request: OrdersRequest, asker: Asker) -> OrdersQuery | None:
    if request.orderId is not None or request.orderLinkId is not None:
        return None
    start_ns, end_ns = span_of(request.startTime, request.endTime, SPAN_NS)
    return OrdersQuery(asker.account_id, KEPT_MAX, start_ns=start_ns, end_ns=end_ns)


def _history(answer: Any, request: OrdersRequest, asker: Asker) -> wire.Orders:
    if answer is None:
        order = find_order(asker, request.orderId, request.orderLinkId)
        found = [] if order is None else [order]
    else:
        found = [*answered(answer, OrderList).orders]
    if request.orderStatus is not None and request.orderStatus not in STATUSES:
        raise errors.invalid("orderStatus", f"one of {', '.join(sorted(STATUSES))}")
    ended = [order for order in found if not order.state.is_open]
    wanted = request.orderStatus
    return _told([o for o in ended if wanted in (None, status_of(o))], request, asker)


def _told(found: list[Order], request: OrdersRequest, asker: Asker) -> wire.Orders:
    """Return the page of orders that are asked for."""
    is_of = _chooses(request, asker)
    kept = [order for order in found if not order.is_pending and is_of(order)]
    part, cursor = page_of(kept, request.limit, request.cursor, ORDERS_DEFAULT, ORDERS_MAX)
    fees = _fees(part, asker)
    rows = (order_to_wire(o, asker.listings, fees.get(o.order_id, NO_FEES)) for o in part)
    return wire.Orders(tuple(rows), nextPageCursor=cursor, category=request.category)


def _chooses(
    request: OrdersRequest | ExecutionsRequest, asker: Asker
) -> Callable[[Order | Fill], bool]:
    """Return which orders or executions a request is about."""
    listings = asker.listings
    numbers = {i.instrument_id for i in instruments_of(request.category, listings)}
    if request.symbol is not None:
        named = find_in(request.category, request.symbol, listings)
        if named is None and numbers:
            instrument_of(request.category, request.symbol, listings)  # says that there is none
        numbers &= set() if named is None else {named.instrument_id}
    if request.baseCoin is not None:
        numbers = {number for number in numbers if listings[number].base == request.baseCoin}
    kind = getattr(request, "orderFilter", None)
    if kind is not None and kind not in placing.FILTERS:
        raise errors.invalid("orderFilter", f"one of {', '.join(placing.FILTERS)}")

    def chosen(entry: Order | Fill) -> bool:
        is_kind = kind is None or not isinstance(entry, Order) or filter_of(entry) == kind
        return entry.instrument_id in numbers and is_kind

    return chosen


def _fees(orders: Sequence[Order], asker: Asker) -> dict[int, dict[int, int]]:
    """Return what orders have paid."""
    traded = [order for order in orders if order.filled_lots]
    if not traded:
        return {}
    query = FillsQuery(
        asker.account_id,
        KEPT_MAX,
        order_id=traded[0].order_id if len(traded) == 1 else None,
        start_ns=min(order.created_ns for order in traded),
    )
    return fees_of(answered(asker.ask(query), FillList).fills)


def _executions_query(request: ExecutionsRequest, asker: Asker) -> FillsQuery | None:
    if request.execType not in (None, "Trade"):
        return None  # there are no others
    number = None
    if request.orderId is not None or request.orderLinkId is not None:
        order = find_order(asker, request.orderId, request.orderLinkId)
        if order is None:
            return None
        number = order.order_id
    start_ns, end_ns = span_of(request.startTime, request.endTime, SPAN_NS)
    return FillsQuery(asker.account_id, KEPT_MAX, order_id=number, start_ns=start_ns, end_ns=end_ns)


def _executions(answer: Any, request: ExecutionsRequest, asker: Asker) -> wire.Executions:
    is_of = _chooses(request, asker)
    found = () if answer is None else answered(answer, FillList).fills
    kept = [fill for fill in found if is_of(fill)]
    part, cursor = page_of(kept, request.limit, request.cursor, FILLS_DEFAULT, FILLS_MAX)
    orders = {
        number: asker.find_order(OrderQuery(asker.account_id, order_id=number))
        for number in {fill.order_id for fill in part}
    }
    rows = (fill_to_wire(fill, orders[fill.order_id], asker.listings) for fill in part)
    return wire.Executions(tuple(rows), nextPageCursor=cursor, category=request.category)


def refusal_of(answer: Refused) -> Refusal:
    """Return the engine's no as a refusal."""
    return Refusal(answer.reason, answer.message, answer.field)


def checked(answer: Any) -> Any:
    """Return an answer that is no refusal.

    Raises:
        SessionRefused: It is one.
    """
    if isinstance(answer, Refused):
        raise SessionRefused(refusal_of(answer))
    return answer


Command = Place | PlaceGroup | Amend | Cancel

# -- routes -------------------------------------------------------------------------------------

PLACE = signed(
    "POST",
    "/v5/order/create",
    NewOrder,
    OrderIds,
    placing.place_from_wire,
    placed,
    scope=Scope.TRADE,
    is_order=True,
    orders=one,
    refused=placing.refused,
    summary="Place an order",
)
AMEND = signed(
    "POST",
    "/v5/order/amend",
    AmendedOrder,
    OrderIds,
    amend_from_wire,
    changed,
    scope=Scope.TRADE,
    summary="Change price, size or trigger of an order",
)
CANCEL = signed(
    "POST",
    "/v5/order/cancel",
    CanceledOrder,
    OrderIds,
    cancel_from_wire,
    changed,
    scope=Scope.TRADE,
    summary="Cancel an order",
)
CANCEL_ALL = signed(
    "POST",
    "/v5/order/cancel-all",
    CancelAllRequest,
    CanceledAll,
    _cancel_all,
    _canceled_all,
    scope=Scope.TRADE,
    summary="Cancel all orders of a filter, plain ones unless it is named",
)
REALTIME = signed(
    "GET",
    "/v5/order/realtime",
    OrdersRequest,
    wire.Orders,
    _realtime_query,
    _realtime,
    summary="Open orders; or one, open or ended",
)
HISTORY = signed(
    "GET",
    "/v5/order/history",
    OrdersRequest,
    wire.Orders,
    _history_query,
    _history,
    summary="Orders that have ended",
)
EXECUTIONS = signed(
    "GET",
    "/v5/execution/list",
    ExecutionsRequest,
    wire.Executions,
    _executions_query,
    _executions,
    summary="Executions of own orders",
)
ENDPOINTS = (PLACE, AMEND, CANCEL, CANCEL_ALL, REALTIME, HISTORY, EXECUTIONS)
