"""Order lists: OCO, OTO and OTOCO, each a group of the engine's; the deprecated OCO too.

The invariant: a list is one command, placed or refused as one. `LEGS` says of each kind of list
which parameters are which order's; how an order is read is said in placing.py alone. A list's
number is that of its first order. Canceling any of its orders cancels the list.

An OPO list sizes its second order by what the first one brought; the engine holds sizes when they
are placed, so these are refused.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from steelyard.dialects.binance import codes, errors
from steelyard.dialects.binance.executions import (
    canceled_to_wire,
    list_id,
    result_from_wire,
    result_to_wire,
)
from steelyard.dialects.binance.frames import ListStatus, ListStatusOrder
from steelyard.dialects.binance.list_messages import (
    AllListsRequest,
    CancelListRequest,
    ListedOrder,
    ListRequest,
    OcoRequest,
    OldOcoRequest,
    OrderListInfo,
    OrderListReport,
    OtocoRequest,
    OtoRequest,
    QueryListRequest,
)
from steelyard.dialects.binance.market import instrument_of
from steelyard.dialects.binance.messages import (
    AnyRequest,
    Nothing,
    OrderAck,
    OrderRequest,
    OrderResult,
)
from steelyard.dialects.binance.placing import place_from_wire, place_to_wire
from steelyard.dialects.binance.routes import signed, span_of
from steelyard.dialects.binance.text import symbol_text, to_ms
from steelyard.domain.commands import Cancel, Place, PlaceGroup
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    Answer,
    GroupEvent,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Scope,
)
from steelyard.domain.order import GroupKind, OrderType, RejectReason, Side
from steelyard.wire.dialect import Asker, Endpoint, Refusal, SessionRefused

LISTS_MAX = 1_000
OPEN_LISTS_MAX = 100_000
LIST_ORDERS_MAX = 3
_OURS = "sylist"  # before its number: what a list is called that its owner gave no name
_OUR_NAME = re.compile(_OURS + r"([0-9]{1,18})")
EXECUTING = ("EXEC_STARTED", "EXECUTING")
ALL_DONE = ("ALL_DONE", "ALL_DONE")
CONTINGENCIES = {GroupKind.OCO: "OCO", GroupKind.OTO: "OTO", GroupKind.BRACKET: "OTO"}

WORKING = ("LIMIT", "LIMIT_MAKER")
LIMITS = frozenset({"LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
STOPS = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})
_PREFIXED = (
    *("type", "icebergQty", "price", "stopPrice", "trailingDelta", "timeInForce"),
    *("strategyId", "strategyType", "pegPriceType", "pegOffsetType", "pegOffsetValue"),
)


class Leg(NamedTuple):
    """Where a list's request says one of its orders."""

    prefix: str
    side: str
    quantity: str

    def name(self, own: str) -> str:
        """Return what the request calls an order's parameter."""
        if own in ("side", "quantity"):
            return getattr(self, own)  # type: ignore[no-any-return]  # both are texts
        if own in ("symbol", "selfTradePreventionMode"):
            return own
        called = "clientOrderId" if own == "newClientOrderId" else own
        return f"{self.prefix}{called[0].upper()}{called[1:]}"

    def order(self, request: ListRequest) -> OrderRequest:
        """Return the order as a request of its own."""
        said: dict[str, Any] = {own: getattr(request, self.name(own), None) for own in _PREFIXED}
        return OrderRequest(
            symbol=request.symbol,
            side=getattr(request, self.side),
            quantity=getattr(request, self.quantity),
            newClientOrderId=getattr(request, self.name("newClientOrderId")),
            selfTradePreventionMode=request.selfTradePreventionMode,
            **said,
        )


class Legs(NamedTuple):
    """What a kind of list consists of."""

    kind: GroupKind
    legs: tuple[Leg, ...]


LEG_PARAMETERS = ("side", "quantity", "newClientOrderId", *_PREFIXED)
_WORKING = Leg("working", "workingSide", "workingQuantity")
LEGS: dict[type[ListRequest], Legs] = {
    OcoRequest: Legs(
        GroupKind.OCO, (Leg("below", "side", "quantity"), Leg("above", "side", "quantity"))
    ),
    OtoRequest: Legs(GroupKind.OTO, (_WORKING, Leg("pending", "pendingSide", "pendingQuantity"))),
    OtocoRequest: Legs(
        GroupKind.BRACKET,
        (
            _WORKING,
            Leg("pendingBelow", "pendingSide", "pendingQuantity"),
            Leg("pendingAbove", "pendingSide", "pendingQuantity"),
        ),
    ),
}


KINDS = {legs.kind: request for request, legs in LEGS.items()}


# -- placing ------------------------------------------------------------------------------------


def group_from_wire(request: ListRequest, asker: Asker) -> PlaceGroup:
    """Return the command that a request for a list asks for.

    Raises:
        DecodeError: Parameters do not go together, or orders do not make such a list.
        UnitError: A price or size is not in whole steps.
        SessionRefused: No such symbol, or a list of that name is open.
    """
    kind, legs = LEGS[type(request)]
    orders = [leg.order(request) for leg in legs]
    _check_types(kind, orders, legs)
    places = [_leg_from_wire(o, leg, asker) for o, leg in zip(orders, legs, strict=True)]
    if kind is not GroupKind.OTO:
        _check_pair(orders[-2], orders[-1], legs[-2], legs[-1])
        _check_prices(places[-2], places[-1], legs[-1])
    if kind is GroupKind.BRACKET:
        _check_bracket(places)
    return PlaceGroup(kind, tuple(places), _free_name(request, asker))


def _check_types(kind: GroupKind, orders: list[OrderRequest], legs: tuple[Leg, ...]) -> None:
    """Check that each order is of a type that its place in the list may have."""
    if kind is not GroupKind.OCO and orders[0].type not in WORKING:
        raise errors.said(
            -1116, "Invalid orderType.", "a working order is LIMIT or LIMIT_MAKER", "workingType"
        )
    if kind is GroupKind.OTO:
        return
    for order, leg in zip(orders[-2:], legs[-2:], strict=True):
        if order.type not in LIMITS | STOPS:
            raise errors.said(
                -1158,
                "Order type not supported in OCO.",
                f"{leg.name('type')} may be {', '.join(sorted(LIMITS | STOPS))}",
                leg.name("type"),
            )


def _leg_from_wire(order: OrderRequest, leg: Leg, asker: Asker) -> Place:
    try:
        return place_from_wire(order, asker, leg.name)
    except UnitError as error:
        field = leg.name(error.field) if error.field in OrderRequest.__struct_fields__ else None
        raise UnitError(f"{leg.name('type')}: {error}", error.reason, field) from error


def _check_pair(below: OrderRequest, above: OrderRequest, low: Leg, high: Leg) -> None:
    """Check that one takes profit and one stops a loss, each on its side of the market."""
    if not {below.type, above.type} & STOPS:
        raise errors.said(
            -1168,
            "At least one OCO order must be contingent.",
            "one of the two is STOP_LOSS or STOP_LOSS_LIMIT",
            high.name("type"),
        )
    is_buy = below.side == "BUY"
    wrong = above if is_buy else below  # where a buy's or sell's limit must not be
    if wrong.type in LIMITS:
        where = "below" if is_buy else "above"
        is_limit = wrong.type == "LIMIT_MAKER"
        code = (-1165 if is_buy else -1166) if is_limit else (-1198 if is_buy else -1199)
        what = "limit" if is_limit else "take profit"
        raise errors.said(
            code,
            f"A {what} order in a {'buy' if is_buy else 'sell'} OCO must be {where}.",
            f"{where} the market it takes profit",
            (high if is_buy else low).name("type"),
        )
    if (below if is_buy else above).type in STOPS:
        where = "above" if is_buy else "below"
        raise errors.said(
            -1196 if is_buy else -1197,
            f"A stop loss order in a {'buy' if is_buy else 'sell'} OCO must be {where}.",
            f"{where} the market it stops a loss",
            (low if is_buy else high).name("type"),
        )


def _check_prices(below: Place, above: Place, high: Leg) -> None:
    low_ticks, high_ticks = _decisive_ticks(below), _decisive_ticks(above)
    if low_ticks is not None and high_ticks is not None and low_ticks >= high_ticks:
        raise errors.said(
            codes.ORDER_REJECTED,
            "The relationship of the prices for the orders is not correct.",
            "the order above must have the higher price",
            high.name("price"),
        )


def _decisive_ticks(place: Place) -> int | None:
    return place.trigger_ticks if place.trigger_ticks is not None else place.price_ticks


def _check_bracket(places: list[Place]) -> None:
    entry, exit_ = places[0], places[1]
    if exit_.side is entry.side or exit_.size_lots != entry.size_lots:
        raise errors.said(
            codes.INVALID_MESSAGE,
            "Unsupported order combination.",
            "here the pending orders of an OTOCO are of the other side and the working order's "
            "quantity",
            "pendingSide" if exit_.side is entry.side else "pendingQuantity",
        )


def _free_name(request: ListRequest, asker: Asker) -> str:
    name = request.listClientOrderId or ""
    if name:
        first = asker.find_order(OrderQuery(asker.account_id, client_group_id=name))
        if first is not None and any(order.state.is_open for order in _orders_of(first, asker)):
            raise SessionRefused(
                Refusal(
                    RejectReason.DUPLICATE_CLIENT_ORDER_ID,
                    f"an open order list already has the listClientOrderId {name!r}",
                )
            )
    return name


def old_oco_from_wire(request: OldOcoRequest, asker: Asker) -> PlaceGroup:
    """Return the command that a request for the deprecated OCO asks for."""
    is_stop_limit = request.stopLimitPrice is not None
    limit: dict[str, Any] = {
        "Type": "LIMIT_MAKER",
        "Price": request.price,
        "ClientOrderId": request.limitClientOrderId,
        "IcebergQty": request.limitIcebergQty,
        "StrategyId": request.limitStrategyId,
        "StrategyType": request.limitStrategyType,
    }
    stop: dict[str, Any] = {
        "Type": "STOP_LOSS_LIMIT" if is_stop_limit else "STOP_LOSS",
        "Price": request.stopLimitPrice,
        "StopPrice": request.stopPrice,
        "TrailingDelta": request.trailingDelta,
        "TimeInForce": request.stopLimitTimeInForce,
        "ClientOrderId": request.stopClientOrderId,
        "IcebergQty": request.stopIcebergQty,
        "StrategyId": request.stopStrategyId,
        "StrategyType": request.stopStrategyType,
    }
    above, below = (stop, limit) if request.side == "BUY" else (limit, stop)
    new = OcoRequest(
        symbol=request.symbol,
        listClientOrderId=request.listClientOrderId,
        newOrderRespType=request.newOrderRespType,
        selfTradePreventionMode=request.selfTradePreventionMode,
        side=request.side,
        quantity=request.quantity,
        **{f"above{name}": value for name, value in above.items()},
        **{f"below{name}": value for name, value in below.items()},
    )
    return group_from_wire(new, asker)


def placed_to_wire(answer: Answer | None, request: ListRequest, asker: Asker) -> OrderListReport:
    """Return the response to a new list, its orders as long as was asked for."""
    assert isinstance(answer, OrderList), "a PlaceGroup is answered by its orders"
    length = request.newOrderRespType or "RESULT"
    reports: list[OrderResult | OrderAck] = []
    for order in answer.orders:
        result = result_to_wire(order, asker.listings)
        reports.append(
            result
            if length != "ACK"
            else OrderAck(
                symbol=result.symbol,
                orderId=result.orderId,
                orderListId=result.orderListId,
                clientOrderId=result.clientOrderId,
                transactTime=result.transactTime,
            )
        )
    return _report(answer.orders, tuple(reports), asker.listings)


# -- client half --------------------------------------------------------------------------------


def group_to_wire(group: PlaceGroup, listings: Listings) -> ListRequest:
    """Return the request that places a group.

    Raises:
        Unsupported: The venue has no such list.
    """
    kind = KINDS.get(group.kind)
    if kind is None:
        raise Unsupported("Binance has no request for several orders that do not hang together")
    places = list(group.places)
    if group.kind is not GroupKind.OTO and _is_above(places[-2], places[-1]):
        places[-2:] = places[-1], places[-2]
    exits = () if group.kind is GroupKind.OTO else places[-2:]
    if any(place.order_type is OrderType.LIMIT and not place.post_only for place in exits):
        raise Unsupported(
            "Binance has no plain limit order among those of which one cancels the other: say "
            "post_only"
        )
    said: dict[str, Any] = {}
    for leg, place in zip(LEGS[kind].legs, places, strict=True):
        order = place_to_wire(place, listings)
        told = {leg.name(own): getattr(order, own) for own in LEG_PARAMETERS}
        said |= {name: value for name, value in told.items() if name in kind.__struct_fields__}
    first = place_to_wire(places[0], listings)
    return kind(
        symbol=first.symbol,
        listClientOrderId=group.client_group_id or None,
        newOrderRespType="RESULT",
        selfTradePreventionMode=first.selfTradePreventionMode,
        **said,
    )


def _is_above(one: Place, other: Place) -> bool:
    """Return whether one of a pair's orders is the one above."""
    one_ticks, other_ticks = _decisive_ticks(one), _decisive_ticks(other)
    if one_ticks is not None and other_ticks is not None:
        return one_ticks > other_ticks
    # A trailing stop has no price to compare; it stops a loss.
    trails = one if one_ticks is None else other
    is_above = trails.side is Side.BUY
    return is_above if trails is one else not is_above


def group_from_reports(report: OrderListReport, listings: Listings) -> OrderList:
    """Return the orders of a list that a response tells of.

    Raises:
        DecodeError: One has another form than documented.
    """
    try:
        results = msgspec.convert(report.orderReports, tuple[OrderResult, ...])
    except msgspec.ValidationError as error:
        raise DecodeError(f"answer: {error}", "orderReports") from error
    return OrderList(tuple(result_from_wire(result, listings) for result in results))


# -- canceling ----------------------------------------------------------------------------------


def cancel_from_wire(request: CancelListRequest, asker: Asker) -> Cancel:
    """Return the Cancel that ends a list.

    Raises:
        DecodeError: The list is not named.
        SessionRefused: There is no such open list.
    """
    instrument = instrument_of(request.symbol, asker)
    orders = _find(request.orderListId, request.listClientOrderId, "listClientOrderId", asker)
    is_here = orders and orders[0].instrument_id == instrument.instrument_id
    found = cancel_of(orders, request.newClientOrderId) if is_here else None
    if found is None:
        raise SessionRefused(
            Refusal(
                RejectReason.UNKNOWN_ORDER,
                "this account has no such open order list on this symbol; "
                "GET /api/v3/openOrderList lists them",
                code=codes.CANCEL_REJECTED,
            )
        )
    return found


def cancel_of(orders: Iterable[Order], cancel_client_id: str | None) -> Cancel | None:
    """Return the Cancel that ends a list: of its first open order; the others go with it."""
    first = next((order for order in orders if order.state.is_open), None)
    if first is None:
        return None
    return Cancel(first.account_id, first.order_id, request_id=cancel_client_id or "")


def canceled_list_to_wire(
    answer: Answer | None, request: CancelListRequest, asker: Asker
) -> OrderListReport:
    """Return the response to canceling a list."""
    assert isinstance(answer, OrderAnswer), "a Cancel is answered by its order"
    orders = _orders_of(answer.order, asker)
    return list_canceled(orders, asker.listings, request.newClientOrderId)


def list_canceled(
    orders: tuple[Order, ...], listings: Listings, cancel_client_id: str | None
) -> OrderListReport:
    """Return a canceled list."""
    reports = tuple(canceled_to_wire(order, listings, cancel_client_id) for order in orders)
    return _report(orders, reports, listings)


def orders_of_list(order: Order, asker: Asker) -> tuple[Order, ...]:
    """Return the orders of the list that an order is in; itself alone where it is in none."""
    return (order,) if list_id(order) < 0 else _orders_of(order, asker)


# -- looking up ---------------------------------------------------------------------------------


def _orders_of(member: Order, asker: Asker) -> tuple[Order, ...]:
    return _numbered(member.group_id, asker)


def _numbered(list_number: int, asker: Asker) -> tuple[Order, ...]:
    numbers = range(list_number, list_number + LIST_ORDERS_MAX)
    found = (asker.find_order(OrderQuery(asker.account_id, order_id=n)) for n in numbers)
    return tuple(o for o in found if o is not None and list_id(o) == list_number)


def _find(
    list_number: int | None, name: str | None, called: str, asker: Asker
) -> tuple[Order, ...]:
    """Return the orders of a list, by either name; both must fit where both are given."""
    if list_number is None and not name:
        raise errors.said(
            -1102,
            f"Param '{called}' or 'orderListId' must be sent, but both were empty/null!",
            "name the list by one of them",
            "orderListId",
        )
    if list_number is None:
        first = asker.find_order(OrderQuery(asker.account_id, client_group_id=name))
        if first is not None:
            return _orders_of(first, asker)
        our_name = _OUR_NAME.fullmatch(name or "")
        if our_name is None:
            return ()
        list_number = int(our_name[1])
    orders = _numbered(list_number, asker)
    return orders if not name or {list_name(order) for order in orders} == {name} else ()


def _query(request: QueryListRequest, asker: Asker) -> OrdersQuery:
    orders = _find(request.orderListId, request.origClientOrderId, "origClientOrderId", asker)
    if not orders:
        raise SessionRefused(
            Refusal(RejectReason.UNKNOWN_ORDER, "this account has no such order list")
        )
    numbers = tuple(order.order_id for order in orders)
    return OrdersQuery(asker.account_id, LIST_ORDERS_MAX, order_ids=numbers)


def _all(request: AllListsRequest, asker: Asker) -> OrdersQuery:
    start_ns, end_ns = span_of(request.startTime, request.endTime)
    if request.fromId is not None and (start_ns is not None or end_ns is not None):
        raise errors.said(
            -1128,
            "Combination of optional parameters invalid.",
            "fromId goes without startTime and endTime",
            "fromId",
        )
    return OrdersQuery(
        asker.account_id,
        LIST_ORDERS_MAX * min(request.limit, LISTS_MAX),
        from_order_id=request.fromId,
        start_ns=start_ns,
        end_ns=end_ns,
        accepted_only=True,
        grouped_only=True,
    )


def _open(_request: Nothing, asker: Asker) -> OrdersQuery:
    return OrdersQuery(asker.account_id, OPEN_LISTS_MAX, open_only=True, grouped_only=True)


def _info(answer: Answer | None, _request: Struct, asker: Asker) -> OrderListInfo:
    assert isinstance(answer, OrderList), "an OrdersQuery is answered by orders"
    return _told(answer.orders, asker.listings)


def _infos(answer: Answer | None, request: Struct, asker: Asker) -> tuple[OrderListInfo, ...]:
    assert isinstance(answer, OrderList), "an OrdersQuery is answered by orders"
    numbers = dict.fromkeys(number for o in answer.orders if (number := list_id(o)) >= 0)
    lists = [_told(orders, asker.listings) for n in numbers if (orders := _numbered(n, asker))]
    limit = request.limit if isinstance(request, AllListsRequest) else OPEN_LISTS_MAX
    return tuple(lists[-limit:])


# -- a list to the wire -------------------------------------------------------------------------


def list_name(order: Order) -> str:
    """Return what the owner of an order calls its list, or what we do."""
    return order.client_group_id or f"{_OURS}{order.group_id}"


def _told(orders: tuple[Order, ...], listings: Listings) -> OrderListInfo:
    first = orders[0]
    is_open = any(order.state.is_open for order in orders)
    status, order_status = EXECUTING if is_open else ALL_DONE
    symbol = symbol_text(listings[first.instrument_id])
    return OrderListInfo(
        orderListId=first.group_id,
        contingencyType=CONTINGENCIES.get(first.group_kind or GroupKind.OCO, "OCO"),
        listStatusType=status,
        listOrderStatus=order_status,
        listClientOrderId=list_name(first),
        transactionTime=to_ms(max(order.updated_ns for order in orders)),
        symbol=symbol,
        orders=_named(orders, symbol),
    )


def status_to_wire(event: GroupEvent, listings: Listings) -> ListStatus:
    """Return the event of a list that begins or is over."""
    first = event.orders[0]
    status, order_status = ALL_DONE if event.is_over else EXECUTING
    symbol = symbol_text(listings[first.instrument_id])
    time = to_ms(event.time_ns)
    return ListStatus(
        E=time,
        s=symbol,
        g=first.group_id,
        c=CONTINGENCIES[first.group_kind or GroupKind.OCO],
        l=status,
        L=order_status,
        C=list_name(first),
        T=time,
        O=tuple(ListStatusOrder(s=symbol, i=o.order_id, c=o.client_order_id) for o in event.orders),
    )


def _named(orders: Iterable[Order], symbol: str) -> tuple[ListedOrder, ...]:
    return tuple(
        ListedOrder(symbol=symbol, orderId=o.order_id, clientOrderId=o.client_order_id)
        for o in orders
    )


def _report(
    orders: tuple[Order, ...], reports: tuple[OrderResult | OrderAck, ...], listings: Listings
) -> OrderListReport:
    told = _told(orders, listings)
    fields = {name: getattr(told, name) for name in OrderListInfo.__struct_fields__}
    return OrderListReport(**fields, orderReports=reports)


# -- routes -------------------------------------------------------------------------------------


def _never(_answer: Answer | None, _request: Struct, _asker: Asker) -> None:
    raise AssertionError("a request that is refused has no answer")


def _refused(text: str, how: str) -> Callable[[Any, Asker], None]:
    def decode(_request: Any, _asker: Asker) -> None:
        raise errors.said(codes.INVALID_MESSAGE, text, how)

    return decode


_NO_OPO = _refused(
    "OPO orders are not supported for this symbol.",
    "place an OTO or OTOCO, which say the size of what is pending",
)
_NO_SOR = _refused(
    "This operation is not supported.", "there is one book per symbol; use POST /api/v3/order"
)


def _placing(
    path: str,
    request: type[ListRequest],
    decode: Callable[[Any, Asker], PlaceGroup],
    orders: int,
    summary: str,
) -> Endpoint:
    return signed(
        "POST",
        path,
        request,
        OrderListReport,
        decode,
        placed_to_wire,
        scope=Scope.TRADE,
        weight=1,
        orders=orders,
        summary=summary,
    )


OCO = _placing("orderList/oco", OcoRequest, group_from_wire, 2, "Place an OCO")
OLD_OCO = _placing("order/oco", OldOcoRequest, old_oco_from_wire, 2, "Place an OCO (deprecated)")
OTO = _placing("orderList/oto", OtoRequest, group_from_wire, 2, "Place an OTO")
OTOCO = _placing("orderList/otoco", OtocoRequest, group_from_wire, 3, "Place an OTOCO")
PLACING: dict[type[ListRequest], Endpoint] = {
    OcoRequest: OCO,
    OtoRequest: OTO,
    OtocoRequest: OTOCO,
}
CANCEL_LIST = signed(
    "DELETE",
    "orderList",
    CancelListRequest,
    OrderListReport,
    cancel_from_wire,
    canceled_list_to_wire,
    scope=Scope.TRADE,
    weight=1,
    summary="Cancel an order list",
)
QUERY_LIST = signed(
    "GET",
    "orderList",
    QueryListRequest,
    OrderListInfo,
    _query,
    _info,
    scope=Scope.READ,
    weight=4,
    summary="One order list",
)
ALL_LISTS = signed(
    "GET",
    "allOrderList",
    AllListsRequest,
    tuple[OrderListInfo, ...],
    _all,
    _infos,
    scope=Scope.READ,
    weight=20,
    summary="Order lists, open or ended",
)
OPEN_LISTS = signed(
    "GET",
    "openOrderList",
    Nothing,
    tuple[OrderListInfo, ...],
    _open,
    _infos,
    scope=Scope.READ,
    weight=6,
    summary="Open order lists",
)
REFUSED: dict[str, Endpoint] = {
    path: signed(
        "POST",
        path,
        AnyRequest,
        Nothing,
        decode,
        _never,
        scope=Scope.TRADE,
        weight=1,
        summary="Not offered",
    )
    for path, decode in (
        ("orderList/opo", _NO_OPO),
        ("orderList/opoco", _NO_OPO),
        ("sor/order", _NO_SOR),
        ("sor/order/test", _NO_SOR),
    )
}
ENDPOINTS: tuple[Endpoint, ...] = (
    *(OCO, OLD_OCO, OTO, OTOCO),
    *(CANCEL_LIST, QUERY_LIST, ALL_LISTS, OPEN_LISTS),
    *REFUSED.values(),
)
