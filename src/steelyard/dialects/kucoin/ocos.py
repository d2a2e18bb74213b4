"""OCO orders over REST: a limit order and a stop, of which one cancels the other.

The invariant: a pair has an id of its own, which no order has, and stands for both until both are
over. Its orders are among the others as well: the limit rests in the book from the start, the stop
is one that waits. Pairs of other dialects are listed here too.
"""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from steelyard.dialects.kucoin import errors, orders, placing
from steelyard.dialects.kucoin.account import page_of
from steelyard.dialects.kucoin.order_messages import (
    AnyClientOrderRequest,
    AnyOrderRequest,
    CanceledIds,
    CancelOcosRequest,
    NewOco,
    NewOrder,
    Oco,
    OcoDetails,
    OcoLeg,
    Ocos,
    OcosRequest,
    OrderId,
)
from steelyard.dialects.kucoin.routes import answered, maybe_symbol, nothing, signed, symbol_of
from steelyard.dialects.kucoin.telling import KEPT_MAX
from steelyard.dialects.kucoin.text import (
    MS_NS,
    SIDE_NAMES,
    is_client_id,
    ms,
    oco_id,
    oco_number,
    order_id,
    price_text,
    size_text,
    waiting_id,
)
from steelyard.domain.commands import Cancel, PlaceGroup
from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.messages import (
    Batch,
    BatchAnswer,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Scope,
)
from steelyard.domain.order import GroupKind, OrderType, RejectReason, Side
from steelyard.wire.dialect import Asker

ROOT = "/api/v3/oco"
NEW, TRIGGERED, DONE, CANCELED = "NEW", "TRIGGERED", "DONE", "CANCELLED"
Pair = tuple[Order, ...]


# -- place --------------------------------------------------------------------------------------


def group_from_wire(request: NewOco, asker: Asker) -> PlaceGroup:
    """Return the command of a pair.

    Raises:
        DecodeError: Something is missing, or the prices are not around each other.
        SessionRefused: An unknown symbol, a number that is off its steps, or a name that is taken.
    """
    if not is_client_id(request.clientOid):
        raise errors.said("clientOid is invalid", "1 to 40 letters, digits, _ and -", "clientOid")
    if asker.find_order(OrderQuery(asker.account_id, client_group_id=request.clientOid)):
        raise errors.refused(
            errors.DUPLICATE,
            "another pair of yours is called so: choose another name",
            RejectReason.DUPLICATE_CLIENT_ORDER_ID,
            "clientOid",
        )
    instrument = symbol_of(request.symbol, asker.listings)
    is_buy = request.side == SIDE_NAMES[Side.BUY]
    limit = NewOrder(
        symbol=request.symbol,
        side=request.side,
        price=request.price,
        size=request.size,
        remark=request.remark,
        tradeType=request.tradeType,
    )
    stop = replace(
        limit,
        price=request.limitPrice,
        stopPrice=request.stopPrice,
        stop="entry" if is_buy else "loss",
    )
    target = placing.place_from_wire(limit, asker)
    waiting = placing.stop_from_wire(stop, asker)
    gap = (waiting.trigger_ticks or 0) - (target.price_ticks or 0)
    if gap * (1 if is_buy else -1) <= 0:
        how = "above price" if is_buy else "below price"
        said = price_text(instrument, target.price_ticks or 0)
        raise errors.said(
            "stopPrice is invalid",
            f"the stop of a {request.side} is {how}, which is {said}",
            "stopPrice",
        )
    return PlaceGroup(GroupKind.OCO, (target, waiting), request.clientOid)


def _placed(answer: Any, _request: NewOco, _asker: Asker) -> OrderId:
    return OrderId(orderId=oco_id(answered(answer, OrderList).orders[0].group_id))


# -- look up ------------------------------------------------------------------------------------


def paired(found: Iterable[Order]) -> list[Pair]:
    """Return the pairs among orders, newest first."""
    groups: dict[int, list[Order]] = {}
    for order in found:
        if order.group_kind is GroupKind.OCO:
            groups.setdefault(order.group_id, []).append(order)
    whole = (group for group in groups.values() if len(group) == 2)  # noqa: PLR2004 a pair
    return sorted((tuple(group) for group in whole), key=lambda pair: -pair[0].group_id)


def _pair(request: AnyOrderRequest | AnyClientOrderRequest, asker: Asker) -> Pair:
    """Return the pair that a request names.

    Raises:
        SessionRefused: There is none such.
    """
    number = None
    if isinstance(request, AnyOrderRequest):
        number = oco_number(request.orderId)
    else:
        query = OrderQuery(asker.account_id, client_group_id=request.clientOid)
        if (named := asker.find_order(query)) is not None:
            number = named.group_id
    if number is not None:
        wanted = OrdersQuery(asker.account_id, 2, order_ids=(number, number + 1))
        for pair in paired(answered(asker.ask(wanted), OrderList).orders):
            if pair[0].group_id == number:
                return pair
    raise errors.refused(
        errors.NO_ORDER,
        f"there is no such pair of yours; GET {ROOT}/orders lists them",
        RejectReason.UNKNOWN_ORDER,
        "orderId",
    )


def status_of(pair: Pair) -> str:
    """Return how a pair stands: an order of it acts once it has traded or was triggered."""
    is_open = any(order.state.is_open for order in pair)
    has_acted = any(order.filled_lots or order.triggered_ns for order in pair)
    if has_acted:
        return TRIGGERED if is_open else DONE
    return NEW if is_open else CANCELED


def _leg_status(order: Order) -> str:
    if order.state is OrderState.FILLED:
        return DONE
    if not order.state.is_open:
        return DONE if order.filled_lots else CANCELED
    return TRIGGERED if order.triggered_ns else NEW


def _leg_id(order: Order) -> str:
    is_stop = order.order_type is not OrderType.LIMIT
    return waiting_id(order.order_id) if is_stop else order_id(order.order_id)


def oco_to_wire(pair: Pair, asker: Asker) -> Oco:
    """Return a pair."""
    first = pair[0]
    return Oco(
        orderId=oco_id(first.group_id),
        symbol=asker.listings[first.instrument_id].symbol,
        clientOid=first.client_group_id,
        orderTime=ms(first.created_ns),
        status=status_of(pair),
    )


def leg_to_wire(order: Order, asker: Asker) -> OcoLeg:
    """Return one of a pair's orders."""
    instrument, trigger = asker.listings[order.instrument_id], order.trigger_ticks
    return OcoLeg(
        id=_leg_id(order),
        symbol=instrument.symbol,
        side=SIDE_NAMES[order.side],
        price=price_text(instrument, order.price_ticks or 0),
        stopPrice=None if trigger is None else price_text(instrument, trigger),
        size=size_text(instrument, order.size_lots),
        status=_leg_status(order),
    )


def _oco(_answer: None, request: AnyOrderRequest, asker: Asker) -> Oco:
    return oco_to_wire(_pair(request, asker), asker)


def _details(_answer: None, request: AnyOrderRequest, asker: Asker) -> OcoDetails:
    pair = _pair(request, asker)
    told = oco_to_wire(pair, asker)
    return OcoDetails(
        orderId=told.orderId,
        symbol=told.symbol,
        clientOid=told.clientOid,
        orderTime=told.orderTime,
        status=told.status,
        orders=tuple(leg_to_wire(order, asker) for order in pair),
    )


def _pairs_of(request: OcosRequest | CancelOcosRequest, asker: Asker) -> list[Pair]:
    number = maybe_symbol(request.symbol, asker.listings)
    query = OrdersQuery(asker.account_id, KEPT_MAX, number, grouped_only=True)
    named = set(request.orderIds.split(",")) if request.orderIds else None
    return [
        pair
        for pair in paired(answered(asker.ask(query), OrderList).orders)
        if named is None or oco_id(pair[0].group_id) in named
    ]


def _page(_answer: None, request: OcosRequest, asker: Asker) -> Ocos:
    start, end = request.startAt or 0, request.endAt
    found = [
        pair
        for pair in _pairs_of(request, asker)
        if start * MS_NS <= pair[0].created_ns
        and (end is None or pair[0].created_ns <= end * MS_NS)
    ]
    size, first = page_of(request.currentPage, request.pageSize)
    return Ocos(
        currentPage=request.currentPage,
        pageSize=size,
        totalNum=len(found),
        totalPage=-(-len(found) // size),
        items=tuple(oco_to_wire(pair, asker) for pair in found[first : first + size]),
    )


# -- cancel -------------------------------------------------------------------------------------


def _still_open(pair: Pair) -> list[Order]:
    """Return the order by which a pair is canceled; none where it is over."""
    return [order for order in pair if order.state.is_open][:1]


def _cancel(request: AnyOrderRequest | AnyClientOrderRequest, asker: Asker) -> Cancel:
    for order in _still_open(_pair(request, asker)):
        return Cancel(asker.account_id, order.order_id)
    raise errors.refused(
        errors.NOT_TO_CANCEL, "the pair is over", RejectReason.UNKNOWN_ORDER, "orderId"
    )


def _canceled(answer: Any, _request: Any, asker: Asker) -> CanceledIds:
    order = answered(answer, OrderAnswer).order
    return CanceledIds(cancelledOrderIds=_legs((order,), asker))


def _legs(found: Iterable[Order], asker: Asker) -> tuple[str, ...]:
    """Return the ids of the orders of the pairs that these orders are of."""
    firsts = [order.group_id for order in found]
    numbers = tuple(number for first in firsts for number in (first, first + 1))
    query = OrdersQuery(asker.account_id, max(len(numbers), 1), order_ids=numbers)
    known = answered(asker.ask(query), OrderList).orders if numbers else ()
    return tuple(_leg_id(order) for order in known)


def _cancel_several(request: CancelOcosRequest, asker: Asker) -> Batch | None:
    found = [order for pair in _pairs_of(request, asker) for order in _still_open(pair)]
    return orders.cancel_orders(found, asker)


def _canceled_several(answer: Any, _request: CancelOcosRequest, asker: Asker) -> CanceledIds:
    told = answered(answer, BatchAnswer).answers if answer is not None else ()
    done = [each.order for each in told if isinstance(each, OrderAnswer)]
    return CanceledIds(cancelledOrderIds=_legs(done, asker))


# -- routes -------------------------------------------------------------------------------------

ENDPOINTS = (
    signed(
        "POST",
        f"{ROOT}/order",
        NewOco,
        OrderId,
        group_from_wire,
        _placed,
        weight=2,
        scope=Scope.TRADE,
        orders=lambda _: 2,
        summary="Place a limit order and a stop, of which one cancels the other",
    ),
    signed(
        "GET",
        f"{ROOT}/orders",
        OcosRequest,
        Ocos,
        nothing,
        _page,
        weight=2,
        summary="Pairs, newest first",
    ),
    signed(
        "DELETE",
        f"{ROOT}/orders",
        CancelOcosRequest,
        CanceledIds,
        _cancel_several,
        _canceled_several,
        weight=3,
        scope=Scope.TRADE,
        summary="Cancel pairs, of a symbol or by their ids",
    ),
    *(
        route
        for path, request in (
            (f"{ROOT}/order/{{orderId}}", AnyOrderRequest),
            (f"{ROOT}/client-order/{{clientOid}}", AnyClientOrderRequest),
        )
        for route in (
            signed("GET", path, request, Oco, nothing, _oco, weight=2, summary="One pair"),
            signed(
                "DELETE",
                path,
                request,
                CanceledIds,
                _cancel,
                _canceled,
                weight=3,
                scope=Scope.TRADE,
                summary="Cancel a pair",
            ),
        )
    ),
    signed(
        "GET",
        f"{ROOT}/order/details/{{orderId}}",
        AnyOrderRequest,
        OcoDetails,
        nothing,
        _details,
        weight=2,
        summary="One pair, with its orders",
    ),
)
