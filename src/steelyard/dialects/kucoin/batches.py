"""Several new orders at once, and another order in an order's place; over the newer routes.

The invariant: of several each is carried out or refused by itself. What is altered is canceled
first: where the new one is refused, the old one is gone all the same.
"""

from typing import Any

from msgspec.structs import asdict

from steelyard.dialects.kucoin import errors, placing, telling
from steelyard.dialects.kucoin.order_messages import (
    AlteredOrder,
    AlterRequest,
    BatchRow,
    ClientOrderRequest,
    NewOrder,
    NewOrders,
    OrderRequest,
)
from steelyard.dialects.kucoin.orders import ROOT, open_order, order_of, rejected, synced_to_wire
from steelyard.dialects.kucoin.routes import answered, signed
from steelyard.dialects.kucoin.text import order_id
from steelyard.domain.commands import Cancel, Place
from steelyard.domain.errors import DecodeError
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import Batch, BatchAnswer, OrderAnswer, Refused, Scope
from steelyard.wire.dialect import Asker, SessionRefused

BATCH_MAX = 5


# -- several at once ----------------------------------------------------------------------------


def places_of(
    orders: tuple[NewOrder, ...], asker: Asker
) -> list[Place | DecodeError | SessionRefused]:
    """Return the commands of several orders, or what is wrong with each."""
    if not 1 <= len(orders) <= BATCH_MAX:
        raise errors.said("orderList is invalid", f"1 to {BATCH_MAX} orders", "orderList")
    found: list[Place | DecodeError | SessionRefused] = []
    for order in orders:
        try:
            if order.type != "limit":
                raise errors.said("type is invalid", "several at once are limit orders", "type")
            found.append(placing.place_from_wire(order, asker))
        except (DecodeError, SessionRefused) as error:
            found.append(error)
    return found


def batch_of(places: list[Place | DecodeError | SessionRefused]) -> Batch | None:
    """Return the commands that are right; None where none is."""
    right = tuple(each for each in places if isinstance(each, Place))
    return Batch(right) if right else None


def said_of(error: DecodeError | SessionRefused | Refused) -> str:
    """Return a refusal's text, and how to mend it."""
    match error:
        case Refused():
            return f"{errors.REFUSED[error.reason].text} {error.message}"
        case SessionRefused():
            return f"{errors.words_of(error.refusal).text} {error.refusal.message}"
        case _:
            return f"{error.code or 'Bad Request'} {error}"


def outcomes_of(
    answer: Any, places: list[Place | DecodeError | SessionRefused]
) -> list[Order | str]:
    """Return what became of each of several orders: the order, or why it was refused."""
    answers = iter(answered(answer, BatchAnswer).answers if answer is not None else ())
    found: list[Order | str] = []
    for each in places:
        if not isinstance(each, Place):
            found.append(said_of(each))
            continue
        became = next(answers)
        found.append(
            said_of(became) if isinstance(became, Refused) else answered(became, OrderAnswer).order
        )
    return found


def _several(request: NewOrders, asker: Asker) -> Batch | None:
    return batch_of(places_of(request.orderList, asker))


def _rows(answer: Any, request: NewOrders, asker: Asker) -> tuple[BatchRow, ...]:
    return tuple(
        BatchRow(success=False, failMsg=each)
        if isinstance(each, str)
        else BatchRow(
            success=True,
            orderId=order_id(each.order_id),
            clientOid=telling.own_id(each) or "",
        )
        for each in outcomes_of(answer, places_of(request.orderList, asker))
    )


def _synced_rows(answer: Any, request: NewOrders, asker: Asker) -> tuple[BatchRow, ...]:
    return tuple(
        BatchRow(success=False, failMsg=each)
        if isinstance(each, str)
        else BatchRow(
            success=True,
            **asdict(synced_to_wire(each, asker.listings[each.instrument_id])),
        )
        for each in outcomes_of(answer, places_of(request.orderList, asker))
    )


def _how_many(request: NewOrders) -> int:
    return len(request.orderList)


# -- alter ---------------------------------------------------------------------------------------


def _altered(request: AlterRequest, asker: Asker) -> tuple[Order, Place | None]:
    """Return the order to be altered, and what comes in its place: None where nothing is left."""
    if request.newPrice is None and request.newSize is None:
        raise errors.said("newPrice or newSize is required", "send at least one", "newPrice")
    if request.orderId is not None:
        named: Any = OrderRequest(orderId=request.orderId, symbol=request.symbol)
    elif request.clientOid is not None:
        named = ClientOrderRequest(clientOid=request.clientOid, symbol=request.symbol)
    else:
        raise errors.missing("orderId")
    order = open_order(order_of(named, asker))
    instrument = asker.listings[order.instrument_id]
    price_ticks, size_lots = order.price_ticks, order.size_lots
    if request.newPrice is not None:
        price_ticks = placing.price_of(request.newPrice, instrument, "newPrice")
    if request.newSize is not None:
        size_lots = placing.size_of(request.newSize, instrument, "newSize")
    if size_lots <= order.filled_lots:
        return order, None
    left = size_lots - order.filled_lots
    display = order.display_lots
    return order, Place(
        order.account_id,
        order.instrument_id,
        order.side,
        order.order_type,
        order.time_in_force,
        order.post_only,
        price_ticks,
        left,
        self_trade=order.self_trade,
        client_order_id=telling.own_id(order) or "",
        display_lots=None if display is None else min(display, left),
        trigger_ticks=order.trigger_ticks,
        expire_ns=order.expire_ns,
    )


def _alter(request: AlterRequest, asker: Asker) -> Batch:
    order, place = _altered(request, asker)
    if order.hangs_together or order.order_type.waits:
        raise errors.said(
            "validation.alterOrder.notSupported",
            "orders of an OCO and those that have waited for a price cannot be altered; cancel "
            "and place anew",
            "orderId",
        )
    cancel = Cancel(asker.account_id, order.order_id)
    return Batch((cancel,) if place is None else (cancel, place))


def _altered_to_wire(answer: Any, request: AlterRequest, asker: Asker) -> AlteredOrder:
    canceled, *placed = answered(answer, BatchAnswer).answers
    for each in (canceled, *placed):
        if isinstance(each, Refused):
            order = rejected(each, asker)
            if order is not None:
                return AlteredOrder(
                    newOrderId=order_id(order.order_id), clientOid=telling.own_id(order)
                )
            raise errors.refused(
                errors.REFUSED[each.reason],
                f"{each.message}; the order that was there has been canceled",
                each.reason,
                each.field,
            )
    order = answered((placed or [canceled])[0], OrderAnswer).order
    del request
    return AlteredOrder(newOrderId=order_id(order.order_id), clientOid=telling.own_id(order))


ALTER = signed(
    "POST",
    f"{ROOT}/alter",
    AlterRequest,
    AlteredOrder,
    _alter,
    _altered_to_wire,
    weight=1,
    scope=Scope.TRADE,
    orders=lambda _: 1,
    summary="Put another order in an order's place",
)
ENDPOINTS = (
    signed(
        "POST",
        f"{ROOT}/multi",
        NewOrders,
        tuple[BatchRow, ...],
        _several,
        _rows,
        weight=1,
        scope=Scope.TRADE,
        orders=_how_many,
        summary="Place several limit orders",
    ),
    signed(
        "POST",
        f"{ROOT}/multi/sync",
        NewOrders,
        tuple[BatchRow, ...],
        _several,
        _synced_rows,
        weight=1,
        scope=Scope.TRADE,
        orders=_how_many,
        summary="Place several limit orders, and hear what has become of them",
    ),
    ALTER,
)
