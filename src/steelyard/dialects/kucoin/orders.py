"""Orders and fills over the newer routes (`hf`), both ways: place, cancel, alter, look up, list.

The invariant: a new order is answered by its ids alone, or, on the routes called `sync`, by what
has become of it at once. One that is post-only and would take is accepted, and canceled at once.
What waits for its price is not here: it has routes of its own, and comes here when it is triggered.
"""

from typing import Any

from steelyard.dialects.kucoin import errors, order_messages, placing, telling
from steelyard.dialects.kucoin.messages import Nothing
from steelyard.dialects.kucoin.order_messages import (
    ActivePage,
    ActivePageRequest,
    ActiveSymbols,
    CanceledPart,
    CanceledSymbols,
    ClientId,
    ClientOrderRequest,
    DoneOrders,
    DoneRequest,
    Fills,
    FillsRequest,
    NewOrder,
    OrderId,
    OrderRequest,
    PartRequest,
    SymbolOrdersRequest,
    SyncedOrder,
)
from steelyard.dialects.kucoin.routes import answered, nothing, signed, symbol_of
from steelyard.dialects.kucoin.telling import KEPT_MAX, orders_of, told
from steelyard.dialects.kucoin.text import (
    MS_NS,
    SIDES,
    ms,
    order_id,
    order_number,
    own_number,
    size_text,
)
from steelyard.domain.commands import Amend, Cancel, Place
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    Batch,
    BatchAnswer,
    FillList,
    FillsQuery,
    OrderAnswer,
    OrderList,
    OrderQuery,
    Refused,
    Scope,
)
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker

BATCH_MAX = 5
PAGE_MAX = 100


# -- one order that is there --------------------------------------------------------------------


def found_order(
    asker: Asker,
    *,
    number: int | None = None,
    client_id: str | None = None,
    symbol: str | None = None,
    waits: bool = False,
) -> Order | None:
    """Return one of the account's orders, None where there is none such.

    waits: among those that wait for their price or have; else among those that do not (any more).
    """
    instrument_id = None
    if symbol is not None:
        instrument_id = symbol_of(symbol, asker.listings).instrument_id
    query = OrderQuery(asker.account_id, instrument_id, order_id=number, client_order_id=client_id)
    found = asker.find_order(query)
    if found is None or telling.is_pending(found) or is_refused(found):
        return None
    if waits:
        return found if found.order_type.waits else None
    has_come = not found.order_type.waits or bool(found.triggered_ns)
    return found if has_come else None


def order_of(request: OrderRequest | ClientOrderRequest, asker: Asker) -> Order | None:
    """Return the order that a request names, None where there is none such."""
    if isinstance(request, OrderRequest):
        number = own_number(request.orderId)
        return None if number is None else found_order(asker, number=number, symbol=request.symbol)
    return found_order(asker, client_id=request.clientOid, symbol=request.symbol)


def open_order(order: Order | None) -> Order:
    """Return an order that may be canceled.

    Raises:
        SessionRefused: There is none, or it is over.
    """
    if order is None or not order.state.is_open:
        raise errors.refused(
            errors.NOT_TO_CANCEL,
            "there is no such open order of this symbol: it has filled, was canceled, waits for "
            "its price (see /api/v1/stop-order), or never was",
            RejectReason.UNKNOWN_ORDER,
        )
    return order


# -- place --------------------------------------------------------------------------------------


def _placed(answer: Any, _request: NewOrder, _asker: Asker) -> OrderId:
    order = answered(answer, OrderAnswer).order
    return OrderId(orderId=order_id(order.order_id), clientOid=telling.own_id(order))


def _synced(answer: Any, _request: NewOrder, asker: Asker) -> SyncedOrder:
    order = answered(answer, OrderAnswer).order
    return synced_to_wire(order, asker.listings[order.instrument_id])


def synced_to_wire(order: Order, instrument: Instrument) -> SyncedOrder:
    """Return what has become of an order."""
    left = max(order.size_lots - order.filled_lots, 0)
    is_open = order.state.is_open
    return SyncedOrder(
        orderId=order_id(order.order_id),
        clientOid=telling.own_id(order),
        orderTime=ms(order.created_ns),
        originSize=size_text(instrument, order.size_lots),
        dealSize=size_text(instrument, order.filled_lots),
        remainSize=size_text(instrument, left if is_open else 0),
        canceledSize=size_text(instrument, left if telling.is_canceled(order) else 0),
        status="open" if is_open else "done",
        matchTime=ms(order.updated_ns),
    )


def rejected(answer: Refused, asker: Asker) -> Order | None:
    """Return the order that was refused, where the venue takes it up and cancels it."""
    if answer.reason is not RejectReason.POST_ONLY_WOULD_TAKE:
        return None
    return asker.find_order(OrderQuery(asker.account_id, order_id=answer.order_id))


def _refused(answer: Refused, _request: NewOrder, asker: Asker) -> OrderId | None:
    order = rejected(answer, asker)
    if order is None:
        return None
    return OrderId(orderId=order_id(order.order_id), clientOid=telling.own_id(order))


def _refused_synced(answer: Refused, _request: NewOrder, asker: Asker) -> SyncedOrder | None:
    order = rejected(answer, asker)
    return None if order is None else synced_to_wire(order, asker.listings[order.instrument_id])


def _tested(request: NewOrder, asker: Asker) -> None:
    placing.place_from_wire(request, asker)


def _would_be(_answer: None, request: NewOrder, _asker: Asker) -> OrderId:
    return OrderId(orderId=order_id(0), clientOid=request.clientOid)


def placed_from_wire(wire: SyncedOrder, place: Place) -> OrderAnswer | Refused:
    """Return a new order as it was asked for, or that it would have taken and must not."""
    number = order_number(wire.orderId)
    if place.post_only and wire.status == "done" and is_zero(wire.dealSize):
        reason = RejectReason.POST_ONLY_WOULD_TAKE
        return Refused(reason, "the post-only order would match", order_id=number)
    return OrderAnswer(as_asked(number, place))


def is_zero(text: str) -> bool:
    """Whether a number is 0, however it is spelled."""
    return not text.strip("0.")


def as_asked(number: int, place: Place) -> Order:
    """Return an order of which nothing is known but that it was taken up."""
    return Order(
        order_id=number,
        client_order_id=place.client_order_id,
        account_id=0,
        instrument_id=place.instrument_id,
        side=place.side,
        order_type=place.order_type,
        time_in_force=place.time_in_force,
        post_only=place.post_only,
        price_ticks=place.price_ticks,
        size_lots=place.size_lots,
        self_trade=place.self_trade,
        spend_atoms=place.quote_atoms,
        display_lots=place.display_lots,
        trigger_ticks=place.trigger_ticks,
        expire_ns=place.expire_ns,
    )


# -- cancel --------------------------------------------------------------------------------------


def _cancel(request: OrderRequest | ClientOrderRequest, asker: Asker) -> Cancel:
    return Cancel(asker.account_id, open_order(order_of(request, asker)).order_id)


def _canceled(answer: Any, _request: Any, _asker: Asker) -> OrderId:
    return OrderId(orderId=order_id(answered(answer, OrderAnswer).order.order_id))


def _canceled_client(_answer: Any, request: ClientOrderRequest, _asker: Asker) -> ClientId:
    return ClientId(clientOid=request.clientOid)


def _cancel_part(request: PartRequest, asker: Asker) -> Amend:
    named = OrderRequest(orderId=request.orderId, symbol=request.symbol)
    order = open_order(order_of(named, asker))
    instrument = asker.listings[order.instrument_id]
    lots = placing.size_of(request.cancelSize, instrument, "cancelSize")
    if lots >= order.remaining_lots:
        raise errors.said(
            "cancelSize is invalid", "all of it is left to DELETE hf/orders/{orderId}", "cancelSize"
        )
    return Amend(asker.account_id, order.order_id, None, order.size_lots - lots)


def _canceled_part(_answer: Any, request: PartRequest, _asker: Asker) -> CanceledPart:
    return CanceledPart(orderId=request.orderId, cancelSize=request.cancelSize)


def cancel_orders(orders: list[Order], asker: Asker) -> Batch | None:
    """Return what cancels some orders, None where there are none."""
    commands = tuple(Cancel(asker.account_id, order.order_id) for order in orders)
    return Batch(commands) if commands else None


def _cancel_symbol(request: SymbolOrdersRequest, asker: Asker) -> Batch | None:
    number = symbol_of(request.symbol, asker.listings).instrument_id
    return cancel_orders(orders_of(asker, number, open_only=True), asker)


def _success(_answer: Any, _request: Any, _asker: Asker) -> str:
    return "success"


def _cancel_every(_request: Nothing, asker: Asker) -> Batch | None:
    return cancel_orders(orders_of(asker, None, open_only=True), asker)


def _canceled_every(answer: Any, _request: Nothing, asker: Asker) -> CanceledSymbols:
    orders = [
        each.order
        for each in (answered(answer, BatchAnswer).answers if answer is not None else ())
        if isinstance(each, OrderAnswer)
    ]
    symbols = dict.fromkeys(asker.listings[order.instrument_id].symbol for order in orders)
    return CanceledSymbols(succeedSymbols=tuple(symbols))


# -- look up and list ---------------------------------------------------------------------------


def _order(_answer: None, request: OrderRequest | ClientOrderRequest, asker: Asker) -> Any:
    order = order_of(request, asker)
    if order is None:
        raise errors.refused(
            errors.NO_ORDER,
            "there is no such order of this symbol; those that wait for their price are at "
            "/api/v1/stop-order",
            RejectReason.UNKNOWN_ORDER,
        )
    return told([order], asker)[0]


def _active(_answer: None, request: SymbolOrdersRequest, asker: Asker) -> Any:
    number = symbol_of(request.symbol, asker.listings).instrument_id
    return told(orders_of(asker, number, open_only=True)[::-1], asker)


def _active_page(_answer: None, request: ActivePageRequest, asker: Asker) -> ActivePage:
    number = symbol_of(request.symbol, asker.listings).instrument_id
    found = orders_of(asker, number, open_only=True)[::-1]
    size = limit_of(request.pageSize, "pageSize")
    first = max(request.pageNum - 1, 0) * size
    return ActivePage(
        currentPage=request.pageNum,
        pageSize=size,
        totalNum=len(found),
        totalPage=-(-len(found) // size),
        items=told(found[first : first + size], asker),
    )


def _active_symbols(_answer: None, _request: Nothing, asker: Asker) -> ActiveSymbols:
    found = (asker.listings[o.instrument_id] for o in orders_of(asker, None, open_only=True))
    return ActiveSymbols(symbols=tuple(dict.fromkeys(each.symbol for each in found)))


def limit_of(limit: int, name: str = "limit", most: int = PAGE_MAX) -> int:
    """Return how many entries are wanted.

    Raises:
        DecodeError: None, or less.
    """
    if limit < 1:
        raise errors.said(f"{name} is invalid", f"from 1 to {most}", name)
    return min(limit, most)


def is_wanted(order: Order, request: Any) -> bool:
    """Whether a list that is asked for by side, type and time has an order."""
    created_ms = ms(order.created_ns)
    return (
        request.side in (None, "buy" if order.side > 0 else "sell")
        and request.type in (None, telling.type_name(order))
        and (request.startAt is None or created_ms >= request.startAt)
        and (not request.endAt or created_ms <= request.endAt)
    )


def _done(_answer: None, request: DoneRequest, asker: Asker) -> DoneOrders:
    number, limit = symbol_of(request.symbol, asker.listings).instrument_id, limit_of(request.limit)
    before = request.lastId or None
    found = [
        order
        for order in reversed(orders_of(asker, number, open_only=False))
        if not order.state.is_open
        and is_wanted(order, request)
        and not is_refused(order)
        and (before is None or order.order_id < before)
    ]
    part = found[:limit]
    return DoneOrders(lastId=part[-1].order_id if part else 0, items=told(part, asker))


def is_refused(order: Order) -> bool:
    """Whether an order never was one, for the venue: but for post-only, which it takes up."""
    return order.reject_reason not in (None, RejectReason.POST_ONLY_WOULD_TAKE)


def _fills_query(request: FillsRequest, asker: Asker) -> FillsQuery:
    number = None
    if request.orderId is not None:
        number = own_number(request.orderId) or 0
    return FillsQuery(
        asker.account_id,
        KEPT_MAX,
        symbol_of(request.symbol, asker.listings).instrument_id,
        number,
        start_ns=None if not request.startAt else request.startAt * MS_NS,
        end_ns=None if not request.endAt else request.endAt * MS_NS,
    )


def _fills(answer: Any, request: FillsRequest, asker: Asker) -> Fills:
    limit, before = limit_of(request.limit), request.lastId or None
    side = None if request.side is None else SIDES[request.side]
    found = [
        fill
        for fill in reversed(answered(answer, FillList).fills)
        if side in (None, fill.side) and (before is None or telling.fill_number(fill) < before)
    ]
    rows = []
    for fill in found:
        order = asker.find_order(OrderQuery(asker.account_id, order_id=fill.order_id))
        row = telling.fill_to_wire(fill, asker.listings, order)
        if request.type in (None, row.type):
            rows.append(row)
        if len(rows) == limit:
            break
    return Fills(items=tuple(rows), lastId=rows[-1].id if rows else 0)


def fills_from_wire(wire: Fills, listings: Listings) -> FillList:
    """Return executions, oldest first."""
    return FillList(tuple(telling.fill_from_wire(each, listings) for each in wire.items[::-1]))


def orders_from_wire(wire: tuple[order_messages.Order, ...], listings: Listings) -> OrderList:
    """Return orders, oldest first."""
    found = [telling.order_from_wire(each, listings) for each in wire]
    return OrderList(tuple(sorted(found, key=lambda order: (order.created_ns, order.order_id))))


# -- routes -------------------------------------------------------------------------------------

ROOT = "/api/v1/hf/orders"
PLACE = signed(
    "POST",
    ROOT,
    NewOrder,
    OrderId,
    placing.place_from_wire,
    _placed,
    weight=1,
    scope=Scope.TRADE,
    orders=lambda _: 1,
    refused=_refused,
    summary="Place an order",
)
PLACE_SYNC = signed(
    "POST",
    f"{ROOT}/sync",
    NewOrder,
    SyncedOrder,
    placing.place_from_wire,
    _synced,
    weight=1,
    scope=Scope.TRADE,
    orders=lambda _: 1,
    refused=_refused_synced,
    summary="Place an order, and hear what has become of it",
)
TEST = signed(
    "POST",
    f"{ROOT}/test",
    NewOrder,
    OrderId,
    _tested,
    _would_be,
    weight=1,
    scope=Scope.TRADE,
    summary="Check an order without placing it",
)
CANCEL = signed(
    "DELETE",
    f"{ROOT}/{{orderId}}",
    OrderRequest,
    OrderId,
    _cancel,
    _canceled,
    weight=1,
    scope=Scope.TRADE,
    summary="Cancel an order",
)
CANCEL_CLIENT = signed(
    "DELETE",
    f"{ROOT}/client-order/{{clientOid}}",
    ClientOrderRequest,
    ClientId,
    _cancel,
    _canceled_client,
    weight=1,
    scope=Scope.TRADE,
    summary="Cancel an order by the client's own id",
)
CANCEL_SYMBOL = signed(
    "DELETE",
    ROOT,
    SymbolOrdersRequest,
    str,
    _cancel_symbol,
    _success,
    weight=2,
    scope=Scope.TRADE,
    summary="Cancel all open orders of a symbol",
)
CANCEL_EVERY = signed(
    "DELETE",
    f"{ROOT}/cancelAll",
    Nothing,
    CanceledSymbols,
    _cancel_every,
    _canceled_every,
    weight=30,
    scope=Scope.TRADE,
    summary="Cancel all open orders",
)
ORDER = signed(
    "GET",
    f"{ROOT}/{{orderId}}",
    OrderRequest,
    order_messages.Order,
    nothing,
    _order,
    weight=2,
    summary="One order",
)
CLIENT_ORDER = signed(
    "GET",
    f"{ROOT}/client-order/{{clientOid}}",
    ClientOrderRequest,
    order_messages.Order,
    nothing,
    _order,
    weight=2,
    summary="One order by the client's own id",
)
ACTIVE = signed(
    "GET",
    f"{ROOT}/active",
    SymbolOrdersRequest,
    tuple[order_messages.Order, ...],
    nothing,
    _active,
    weight=2,
    summary="Open orders of a symbol",
)
DONE = signed(
    "GET",
    f"{ROOT}/done",
    DoneRequest,
    DoneOrders,
    nothing,
    _done,
    weight=2,
    summary="Orders of a symbol that are over",
)
FILLS = signed(
    "GET",
    "/api/v1/hf/fills",
    FillsRequest,
    Fills,
    _fills_query,
    _fills,
    weight=2,
    summary="Fills of a symbol",
)
ENDPOINTS = (
    PLACE,
    PLACE_SYNC,
    TEST,
    CANCEL_EVERY,
    signed(
        "DELETE",
        f"{ROOT}/sync/{{orderId}}",
        OrderRequest,
        SyncedOrder,
        _cancel,
        _synced,
        weight=1,
        scope=Scope.TRADE,
        summary="Cancel an order, and hear what has become of it",
    ),
    signed(
        "DELETE",
        f"{ROOT}/sync/client-order/{{clientOid}}",
        ClientOrderRequest,
        SyncedOrder,
        _cancel,
        _synced,
        weight=1,
        scope=Scope.TRADE,
        summary="The same by the client's own id",
    ),
    signed(
        "DELETE",
        f"{ROOT}/cancel/{{orderId}}",
        PartRequest,
        CanceledPart,
        _cancel_part,
        _canceled_part,
        weight=2,
        scope=Scope.TRADE,
        summary="Cancel a part of an order",
    ),
    CANCEL_CLIENT,
    CANCEL,
    CANCEL_SYMBOL,
    signed(
        "GET",
        f"{ROOT}/active/symbols",
        Nothing,
        ActiveSymbols,
        nothing,
        _active_symbols,
        weight=2,
        summary="Symbols that there are open orders of",
    ),
    signed(
        "GET",
        f"{ROOT}/active/page",
        ActivePageRequest,
        ActivePage,
        nothing,
        _active_page,
        weight=2,
        summary="A page of open orders of a symbol",
    ),
    ACTIVE,
    DONE,
    CLIENT_ORDER,
    ORDER,
    FILLS,
)
