"""Orders and fills over the classic routes: another way to the same book.

The invariant: an order is the same order here and over the newer routes, told in another form. A
new one needs a `clientOid` here, which the newer routes do not ask for.
"""

from typing import Any

from msgspec.structs import asdict

from steelyard.dialects.kucoin import batches, errors, orders, placing, telling
from steelyard.dialects.kucoin.account import page_of
from steelyard.dialects.kucoin.classic_messages import (
    ClassicFill,
    ClassicOrder,
    FillPage,
    FillsRequest,
    ListedRow,
    ListedRows,
    OrderPage,
    OrdersRequest,
)
from steelyard.dialects.kucoin.messages import Nothing
from steelyard.dialects.kucoin.order_messages import (
    AnyClientOrderRequest,
    AnyOrderRequest,
    CanceledClient,
    CanceledIds,
    ClassicOrders,
    MaybeSymbolRequest,
    NewOrder,
    OrderId,
)
from steelyard.dialects.kucoin.order_messages import Order as HfOrder
from steelyard.dialects.kucoin.routes import answered, maybe_symbol, nothing, signed
from steelyard.dialects.kucoin.telling import KEPT_MAX, orders_of
from steelyard.dialects.kucoin.text import (
    MS_NS,
    SIDES,
    order_id,
    own_number,
    price_text,
)
from steelyard.domain.commands import Cancel, Place
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Fill, Order
from steelyard.domain.messages import (
    WHOLE,
    Around,
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
from steelyard.wire.call import Call
from steelyard.wire.dialect import Asker

ROOT = "/api/v1/orders"
DAY_MS = 86_400_000
LATEST_MAX = 1_000


# -- both ways ----------------------------------------------------------------------------------


def classic_of(wire: HfOrder, order: Order, listings: Listings) -> ClassicOrder:
    """Return an order in this form."""
    instrument, stop = listings[order.instrument_id], ""
    if order.order_type.waits and not order.order_type.trails:
        stop = placing.STOP_NAMES[order.side, order.order_type]
    return ClassicOrder(
        id=wire.id,
        symbol=wire.symbol,
        type=wire.type,
        side=wire.side,
        price=wire.price,
        size=wire.size,
        funds=wire.funds if order.spend_atoms is not None else "0",
        dealFunds=wire.dealFunds,
        dealSize=wire.dealSize,
        fee=wire.fee,
        feeCurrency=wire.feeCurrency,
        stp=wire.stp or "",
        stop=stop,
        stopTriggered=bool(order.triggered_ns),
        stopPrice=price_text(instrument, order.trigger_ticks or 0),
        timeInForce=wire.timeInForce,
        postOnly=wire.postOnly,
        hidden=wire.hidden,
        iceberg=wire.iceberg,
        visibleSize=wire.visibleSize,
        cancelAfter=wire.cancelAfter,
        clientOid=wire.clientOid,
        isActive=wire.active,
        cancelExist=wire.cancelExist,
        createdAt=wire.createdAt,
    )


def classic_from_wire(wire: ClassicOrder, listings: Listings) -> Order:
    """Return an order; when it last changed is not told."""
    told = asdict(wire)
    names = HfOrder.__struct_fields__
    kept = {name: value for name, value in told.items() if name in names}
    return telling.order_from_wire(
        HfOrder(**kept, active=wire.isActive, lastUpdatedAt=wire.createdAt), listings
    )


def _told(found: list[Order], asker: Asker) -> tuple[ClassicOrder, ...]:
    rows = telling.told(found, asker)
    return tuple(
        classic_of(row, order, asker.listings) for row, order in zip(rows, found, strict=True)
    )


# -- place --------------------------------------------------------------------------------------


def _place(request: NewOrder, asker: Asker) -> Place:
    if request.clientOid is None:
        raise errors.said(
            "validation.createOrder.clientOidIsRequired", "send a clientOid", "clientOid"
        )
    if request.stop is not None and request.stopPrice is not None:
        return placing.stop_from_wire(request, asker)
    return placing.place_from_wire(request, asker)


def _placed(answer: Any, _request: NewOrder, _asker: Asker) -> OrderId:
    return OrderId(orderId=order_id(answered(answer, OrderAnswer).order.order_id))


def _refused(answer: Refused, _request: NewOrder, asker: Asker) -> OrderId | None:
    order = orders.rejected(answer, asker)
    return None if order is None else OrderId(orderId=order_id(order.order_id))


def _tested(request: NewOrder, asker: Asker) -> None:
    _place(request, asker)


def _would_be(_answer: None, _request: NewOrder, _asker: Asker) -> OrderId:
    return OrderId(orderId=order_id(0))


def listed_orders(request: ClassicOrders) -> tuple[NewOrder, ...]:
    """Return the orders of a list, each with its symbol."""
    return tuple(
        NewOrder(**{**asdict(each), "symbol": each.symbol or request.symbol})
        for each in request.orderList
    )


def _several(request: ClassicOrders, asker: Asker) -> Batch | None:
    return batches.batch_of(batches.places_of(listed_orders(request), asker))


def _rows(answer: Any, request: ClassicOrders, asker: Asker) -> ListedRows:
    asked = listed_orders(request)
    became = batches.outcomes_of(answer, batches.places_of(asked, asker))
    return ListedRows(
        tuple(
            ListedRow(
                symbol=each.symbol,
                type=each.type,
                side=each.side,
                price=each.price,
                size=each.size,
                stp=each.stp or "",
                timeInForce=each.timeInForce,
                cancelAfter=each.cancelAfter or 0,
                postOnly=each.postOnly,
                hidden=each.hidden,
                iceberg=each.iceberg,
                visibleSize=each.visibleSize,
                clientOid=each.clientOid,
                id=None if isinstance(told, str) else order_id(told.order_id),
                status="fail" if isinstance(told, str) else "success",
                failMsg=told if isinstance(told, str) else None,
            )
            for each, told in zip(asked, became, strict=True)
        )
    )


# -- look up ------------------------------------------------------------------------------------


def _named(request: AnyOrderRequest | AnyClientOrderRequest, asker: Asker) -> Order | None:
    if isinstance(request, AnyOrderRequest):
        number = own_number(request.orderId)
        return None if number is None else orders.found_order(asker, number=number)
    return orders.found_order(asker, client_id=request.clientOid)


def _order(
    _answer: None, request: AnyOrderRequest | AnyClientOrderRequest, asker: Asker
) -> ClassicOrder:
    order = _named(request, asker)
    if order is None:
        raise errors.refused(
            errors.NO_ORDER,
            "there is no such order; those that wait for their price are at /api/v1/stop-order",
            RejectReason.UNKNOWN_ORDER,
        )
    return _told([order], asker)[0]


def _listed(request: OrdersRequest, asker: Asker) -> list[Order]:
    """Return the orders that a list asks for, newest first."""
    number, is_active = maybe_symbol(request.symbol, asker.listings), request.status == "active"
    return [
        order
        for order in reversed(orders_of(asker, number, open_only=is_active))
        if order.state.is_open == is_active
        and orders.is_wanted(order, request)
        and not orders.is_refused(order)
    ]


def _page(_answer: None, request: OrdersRequest, asker: Asker) -> OrderPage:
    found = _listed(request, asker)
    size, first = page_of(request.currentPage, request.pageSize)
    return OrderPage(
        currentPage=request.currentPage,
        pageSize=size,
        totalNum=len(found),
        totalPage=-(-len(found) // size),
        items=_told(found[first : first + size], asker),
    )


def _latest(_answer: None, _request: Nothing, asker: Asker) -> tuple[ClassicOrder, ...]:
    since = asker.sandbox_ns // MS_NS - DAY_MS
    found = _listed(OrdersRequest(startAt=since), asker)
    return _told(found[:LATEST_MAX], asker)


# -- cancel -------------------------------------------------------------------------------------


def _cancel(request: AnyOrderRequest | AnyClientOrderRequest, asker: Asker) -> Cancel:
    return Cancel(asker.account_id, orders.open_order(_named(request, asker)).order_id)


def _canceled(answer: Any, _request: AnyOrderRequest, _asker: Asker) -> CanceledIds:
    order = answered(answer, OrderAnswer).order
    return CanceledIds(cancelledOrderIds=(order_id(order.order_id),))


def _canceled_client(answer: Any, request: AnyClientOrderRequest, _asker: Asker) -> CanceledClient:
    return CanceledClient(
        cancelledOrderId=order_id(answered(answer, OrderAnswer).order.order_id),
        clientOid=request.clientOid,
        cancelledOcoOrderIds=None,
    )


def _cancel_all(request: MaybeSymbolRequest, asker: Asker) -> Batch | None:
    number = maybe_symbol(request.symbol, asker.listings)
    return orders.cancel_orders(orders_of(asker, number, open_only=True), asker)


def _canceled_all(answer: Any, _request: MaybeSymbolRequest, _asker: Asker) -> CanceledIds:
    found = answered(answer, BatchAnswer).answers if answer is not None else ()
    return CanceledIds(
        cancelledOrderIds=tuple(
            order_id(each.order.order_id) for each in found if isinstance(each, OrderAnswer)
        )
    )


# -- fills --------------------------------------------------------------------------------------


def fill_to_wire(fill: Fill, listings: Listings, order: Order | None) -> ClassicFill:
    """Return an execution in this form."""
    told = asdict(telling.fill_to_wire(fill, listings, order))
    kept = {name: told[name] for name in ClassicFill.__struct_fields__ if name in told}
    return ClassicFill(**{**kept, "tradeId": str(fill.trade_id)})


def _fills_query(request: FillsRequest, asker: Asker) -> FillsQuery:
    number = None
    if request.orderId is not None:
        number = own_number(request.orderId) or 0
    return FillsQuery(
        asker.account_id,
        KEPT_MAX,
        maybe_symbol(request.symbol, asker.listings),
        number,
        start_ns=None if not request.startAt else request.startAt * MS_NS,
        end_ns=None if not request.endAt else request.endAt * MS_NS,
    )


def _rows_of(answer: Any, asker: Asker) -> list[ClassicFill]:
    return [
        fill_to_wire(
            fill,
            asker.listings,
            asker.find_order(OrderQuery(asker.account_id, order_id=fill.order_id)),
        )
        for fill in reversed(answered(answer, FillList).fills)
    ]


def _fills(answer: Any, request: FillsRequest, asker: Asker) -> FillPage:
    side = request.side and SIDES[request.side]
    found = [
        row
        for row in _rows_of(answer, asker)
        if side in (None, SIDES[row.side]) and request.type in (None, row.type)
    ]
    size, first = page_of(request.currentPage, request.pageSize)
    return FillPage(
        currentPage=request.currentPage,
        pageSize=size,
        totalNum=len(found),
        totalPage=-(-len(found) // size),
        items=tuple(found[first : first + size]),
    )


def _latest_query(_request: Nothing, asker: Asker) -> FillsQuery:
    since_ns = asker.sandbox_ns - DAY_MS * MS_NS
    return FillsQuery(asker.account_id, KEPT_MAX, start_ns=max(since_ns, 0))


def _latest_fills(answer: Any, _request: Nothing, asker: Asker) -> tuple[ClassicFill, ...]:
    return tuple(_rows_of(answer, asker)[:LATEST_MAX])


# -- client half --------------------------------------------------------------------------------


def order_call(text: str | None, name: str | None) -> Call:
    """Return what asks for an order without naming its symbol."""
    endpoint: Any = CLIENT_ORDER if name else ORDER
    request = AnyClientOrderRequest(clientOid=name) if name else AnyOrderRequest(orderId=text or "")
    return Call(
        endpoint,
        request,
        ClassicOrder,
        lambda data, known, _: OrderAnswer(classic_from_wire(data, known)),
    )


def orders_call(query: OrdersQuery) -> Call:
    """Return what asks for orders of all symbols; of those that are over the newest alone."""
    request = OrdersRequest(
        status="active" if query.open_only else "done",
        startAt=None if query.start_ns is None else query.start_ns // MS_NS,
        endAt=None if query.end_ns is None else query.end_ns // MS_NS,
        pageSize=500,
    )
    around = Around(before=1) if query.open_only else WHOLE

    def listed(data: OrderPage, known: Listings) -> OrderList:
        found = [classic_from_wire(each, known) for each in data.items]
        found.sort(key=lambda order: (order.created_ns, order.order_id))
        return OrderList(tuple(found), around)

    return Call(ORDERS, request, OrderPage, lambda data, known, _: listed(data, known))


# -- routes -------------------------------------------------------------------------------------

ORDERS = signed(
    "GET",
    ROOT,
    OrdersRequest,
    OrderPage,
    nothing,
    _page,
    weight=2,
    summary="Orders, page by page",
)
ORDER = signed(
    "GET",
    f"{ROOT}/{{orderId}}",
    AnyOrderRequest,
    ClassicOrder,
    nothing,
    _order,
    weight=2,
    summary="One order",
)
CLIENT_ORDER = signed(
    "GET",
    "/api/v1/order/client-order/{clientOid}",
    AnyClientOrderRequest,
    ClassicOrder,
    nothing,
    _order,
    weight=3,
    summary="One order by the client's own id",
)
ENDPOINTS = (
    signed(
        "POST",
        ROOT,
        NewOrder,
        OrderId,
        _place,
        _placed,
        weight=2,
        scope=Scope.TRADE,
        orders=lambda _: 1,
        refused=_refused,
        summary="Place an order",
    ),
    signed(
        "POST",
        f"{ROOT}/test",
        NewOrder,
        OrderId,
        _tested,
        _would_be,
        weight=2,
        scope=Scope.TRADE,
        summary="Check an order without placing it",
    ),
    signed(
        "POST",
        f"{ROOT}/multi",
        ClassicOrders,
        ListedRows,
        _several,
        _rows,
        weight=3,
        scope=Scope.TRADE,
        orders=lambda request: len(request.orderList),
        summary="Place several limit orders of a symbol",
    ),
    ORDERS,
    ORDER,
    CLIENT_ORDER,
    signed(
        "DELETE",
        f"{ROOT}/{{orderId}}",
        AnyOrderRequest,
        CanceledIds,
        _cancel,
        _canceled,
        weight=3,
        scope=Scope.TRADE,
        summary="Cancel an order",
    ),
    signed(
        "DELETE",
        "/api/v1/order/client-order/{clientOid}",
        AnyClientOrderRequest,
        CanceledClient,
        _cancel,
        _canceled_client,
        weight=3,
        scope=Scope.TRADE,
        summary="Cancel an order by the client's own id",
    ),
    signed(
        "DELETE",
        ROOT,
        MaybeSymbolRequest,
        CanceledIds,
        _cancel_all,
        _canceled_all,
        weight=20,
        scope=Scope.TRADE,
        summary="Cancel all open orders, of a symbol where one is named",
    ),
    signed(
        "GET",
        "/api/v1/limit/orders",
        Nothing,
        tuple[ClassicOrder, ...],
        nothing,
        _latest,
        weight=3,
        summary="Orders of the last day that are over",
    ),
    signed(
        "GET",
        "/api/v1/fills",
        FillsRequest,
        FillPage,
        _fills_query,
        _fills,
        weight=10,
        summary="Fills, page by page",
    ),
    signed(
        "GET",
        "/api/v1/limit/fills",
        Nothing,
        tuple[ClassicFill, ...],
        _latest_query,
        _latest_fills,
        weight=20,
        summary="Fills of the last day",
    ),
)
