"""Orders that wait for their price, over REST: a book of their own.

The invariant: an order stands here from when it is placed until its price is reached or it is
canceled, under an id that begins with `vs`. Then it is an order like any other, under another id,
which is told as `relatedNo`.
"""

from collections.abc import Iterable
from typing import Any

from steelyard.dialects.kucoin import errors, orders, placing, telling
from steelyard.dialects.kucoin.account import page_of
from steelyard.dialects.kucoin.order_messages import (
    AnyClientOrderRequest,
    AnyOrderRequest,
    CanceledClient,
    CanceledIds,
    CancelStopsRequest,
    NewOrder,
    OrderId,
    StopOrder,
    StopOrders,
    StopOrdersRequest,
)
from steelyard.dialects.kucoin.private import stop_name
from steelyard.dialects.kucoin.routes import answered, maybe_symbol, nothing, signed
from steelyard.dialects.kucoin.telling import KEPT_MAX, listed
from steelyard.dialects.kucoin.text import (
    MS_NS,
    SIDE_NAMES,
    SIDES,
    amount_text,
    ms,
    order_id,
    order_number,
    own_number,
    price_text,
    rate_text,
    read_price,
    read_size,
    size_text,
    user_id,
    waiting_id,
)
from steelyard.domain.commands import Cancel
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    Batch,
    BatchAnswer,
    OrderAnswer,
    OrderList,
    OrdersQuery,
    Scope,
)
from steelyard.domain.order import OrderType, RejectReason, SelfTrade, TimeInForce
from steelyard.wire.dialect import Asker

ROOT = "/api/v1/stop-order"


# -- both ways ----------------------------------------------------------------------------------


def stop_to_wire(order: Order, instrument: Instrument, rates: AccountAnswer) -> StopOrder:
    """Return an order that waits, or did."""
    ticks, display = order.price_ticks, order.display_lots
    is_triggered = bool(order.triggered_ns)
    return StopOrder(
        id=waiting_id(order.order_id),
        symbol=instrument.symbol,
        userId=user_id(order.account_id),
        status="TRIGGERED" if is_triggered else "NEW",
        type=telling.type_name(order),  # type: ignore[arg-type]
        side=SIDE_NAMES[order.side],  # type: ignore[arg-type]
        price=None if ticks is None else price_text(instrument, ticks),
        size=size_text(instrument, order.size_lots),
        funds=None if order.spend_atoms is None else amount_text(order.spend_atoms),
        stp=placing.SELF_TRADE_NAMES.get(order.self_trade),
        timeInForce=placing.TIME_IN_FORCE_NAMES[order.time_in_force],
        cancelAfter=telling.cancel_after(order) or -1,
        postOnly=order.post_only,
        hidden=display == 0,
        iceberg=bool(display),
        visibleSize=size_text(instrument, display) if display else None,
        clientOid=telling.own_id(order),
        relatedNo=order_id(order.order_id) if is_triggered else None,
        orderTime=order.created_ns,
        feeCurrency=instrument.quote,
        takerFeeRate=rate_text(rates.taker_rate_e8),
        makerFeeRate=rate_text(rates.maker_rate_e8),
        createdAt=ms(order.created_ns),
        stop=stop_name(order),
        stopTriggerTime=ms(order.triggered_ns) if is_triggered else None,
        stopPrice=price_text(instrument, order.trigger_ticks or 0),
    )


def stop_from_wire(wire: StopOrder, listings: Listings) -> Order:
    """Return an order that waits, or did: then under the number that it has at market.

    Raises:
        DecodeError: Of an unknown symbol.
    """
    instrument, side = listed(wire.symbol, listings), SIDES[wire.side]
    kind = placing.STOPS.get((side, wire.stop), OrderType.STOP)
    has_limit = wire.type == "limit"
    return Order(
        order_id=order_number(wire.relatedNo or wire.id),
        client_order_id=wire.clientOid or "",
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=placing.LIMITED[kind] if has_limit else kind,
        time_in_force=placing.TIMES_IN_FORCE.get(wire.timeInForce, TimeInForce.GTC),
        post_only=wire.postOnly,
        price_ticks=read_price(instrument, wire.price) if wire.price and has_limit else None,
        size_lots=read_size(instrument, wire.size) if wire.size else 0,
        self_trade=placing.SELF_TRADES.get(wire.stp or "", SelfTrade.NONE),
        trigger_ticks=read_price(instrument, wire.stopPrice),
        created_ns=wire.orderTime,
        updated_ns=wire.orderTime,
        triggered_ns=(wire.stopTriggerTime or 0) * MS_NS,
    )


# -- place --------------------------------------------------------------------------------------


def _placed(answer: Any, _request: NewOrder, _asker: Asker) -> OrderId:
    return OrderId(orderId=waiting_id(answered(answer, OrderAnswer).order.order_id))


# -- look up ------------------------------------------------------------------------------------


def stops_of(asker: Asker, instrument_id: int | None) -> list[Order]:
    """Return an account's orders that wait, newest first."""
    query = OrdersQuery(asker.account_id, KEPT_MAX, instrument_id, open_only=True)
    found = answered(asker.ask(query), OrderList).orders
    return [o for o in reversed(found) if o.waits and not telling.is_pending(o)]


def _told(found: Iterable[Order], asker: Asker) -> tuple[StopOrder, ...]:
    rates = answered(asker.ask(AccountQuery(asker.account_id)), AccountAnswer)
    return tuple(stop_to_wire(o, asker.listings[o.instrument_id], rates) for o in found)


def _one(request: AnyOrderRequest | AnyClientOrderRequest, asker: Asker) -> Order | None:
    if isinstance(request, AnyOrderRequest):
        number = own_number(request.orderId)
        if number is None or request.orderId != waiting_id(number):
            return None
        return orders.found_order(asker, number=number, waits=True)
    return orders.found_order(asker, client_id=request.clientOid, symbol=request.symbol, waits=True)


def _order(_answer: None, request: AnyOrderRequest, asker: Asker) -> StopOrder:
    order = _one(request, asker)
    if order is None or not (order.waits or order.triggered_ns):
        raise _unknown(errors.NO_ORDER)
    return _told([order], asker)[0]


def _unknown(words: errors.Words) -> Exception:
    return errors.refused(
        words,
        "no such order waits for its price: it was triggered (see /api/v1/hf/orders), was "
        "canceled, or never was",
        RejectReason.UNKNOWN_ORDER,
    )


def _by_client(
    _answer: None, request: AnyClientOrderRequest, asker: Asker
) -> tuple[StopOrder, ...]:
    order = _one(request, asker)
    if order is None or not (order.waits or order.triggered_ns):
        return ()
    return _told([order], asker)


def _page(_answer: None, request: StopOrdersRequest, asker: Asker) -> StopOrders:
    named = set(request.orderIds.split(",")) if request.orderIds else None
    found = [
        order
        for order in stops_of(asker, maybe_symbol(request.symbol, asker.listings))
        if orders.is_wanted(order, request)
        and request.stop in (None, "stop", stop_name(order))
        and (named is None or waiting_id(order.order_id) in named)
    ]
    size, first = page_of(request.currentPage, request.pageSize)
    return StopOrders(
        currentPage=request.currentPage,
        pageSize=size,
        totalNum=len(found),
        totalPage=-(-len(found) // size),
        items=_told(found[first : first + size], asker),
    )


# -- cancel -------------------------------------------------------------------------------------


def _cancel(request: AnyOrderRequest | AnyClientOrderRequest, asker: Asker) -> Cancel:
    order = _one(request, asker)
    if order is None or not order.waits:
        raise _unknown(errors.NOT_TO_CANCEL)
    return Cancel(asker.account_id, order.order_id)


def _canceled(answer: Any, _request: AnyOrderRequest, _asker: Asker) -> CanceledIds:
    order = answered(answer, OrderAnswer).order
    return CanceledIds(cancelledOrderIds=(waiting_id(order.order_id),))


def _canceled_client(answer: Any, request: AnyClientOrderRequest, _asker: Asker) -> CanceledClient:
    order = answered(answer, OrderAnswer).order
    return CanceledClient(cancelledOrderId=waiting_id(order.order_id), clientOid=request.clientOid)


def _cancel_several(request: CancelStopsRequest, asker: Asker) -> Batch | None:
    named = set(request.orderIds.split(",")) if request.orderIds else None
    found = [
        order
        for order in stops_of(asker, maybe_symbol(request.symbol, asker.listings))
        if named is None or waiting_id(order.order_id) in named
    ]
    return orders.cancel_orders(found, asker)


def _canceled_several(answer: Any, _request: CancelStopsRequest, _asker: Asker) -> CanceledIds:
    found = answered(answer, BatchAnswer).answers if answer is not None else ()
    return CanceledIds(
        cancelledOrderIds=tuple(
            waiting_id(each.order.order_id) for each in found if isinstance(each, OrderAnswer)
        )
    )


# -- routes -------------------------------------------------------------------------------------

STOPS = signed(
    "GET",
    ROOT,
    StopOrdersRequest,
    StopOrders,
    nothing,
    _page,
    weight=8,
    summary="Orders that wait for their price",
)
STOP = signed(
    "GET",
    f"{ROOT}/{{orderId}}",
    AnyOrderRequest,
    StopOrder,
    nothing,
    _order,
    weight=3,
    summary="One order that waits",
)
CANCEL = signed(
    "DELETE",
    f"{ROOT}/{{orderId}}",
    AnyOrderRequest,
    CanceledIds,
    _cancel,
    _canceled,
    weight=3,
    scope=Scope.TRADE,
    summary="Cancel an order that waits",
)
PLACE = signed(
    "POST",
    ROOT,
    NewOrder,
    OrderId,
    placing.stop_from_wire,
    _placed,
    weight=1,
    scope=Scope.TRADE,
    orders=lambda _: 1,
    summary="Place an order that waits for its price",
)
CLIENT_STOP = signed(
    "GET",
    f"{ROOT}/queryOrderByClientOid",
    AnyClientOrderRequest,
    tuple[StopOrder, ...],
    nothing,
    _by_client,
    weight=3,
    summary="The same by the client's own id",
)
CANCEL_CLIENT = signed(
    "DELETE",
    f"{ROOT}/cancelOrderByClientOid",
    AnyClientOrderRequest,
    CanceledClient,
    _cancel,
    _canceled_client,
    weight=5,
    scope=Scope.TRADE,
    summary="Cancel one by the client's own id",
)
ENDPOINTS = (
    PLACE,
    STOPS,
    CLIENT_STOP,
    CANCEL_CLIENT,
    signed(
        "DELETE",
        f"{ROOT}/cancel",
        CancelStopsRequest,
        CanceledIds,
        _cancel_several,
        _canceled_several,
        weight=3,
        scope=Scope.TRADE,
        summary="Cancel those that wait, of a symbol or by their ids",
    ),
    STOP,
    CANCEL,
)
