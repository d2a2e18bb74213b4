"""Changing an open order: cancel-replace, and amendments that keep its place in the queue.

A cancel-replace is one request for two commands. Whether the old order can be canceled is known
before either is carried out; what became of both is told together, also where one of them failed.
An order that is made smaller gets another client id, as at the venue.
"""

from typing import Any

from steelyard.dialects.binance import codes, errors
from steelyard.dialects.binance.executions import (
    canceled_to_wire,
    list_id,
    result_from_wire,
    result_to_wire,
)
from steelyard.dialects.binance.list_messages import (
    AmendedOrder,
    Amendment,
    AmendRequest,
    CancelReplaced,
    CancelReplaceRequest,
)
from steelyard.dialects.binance.market import instrument_of
from steelyard.dialects.binance.messages import ErrorBody, OrderAck, OrderResult
from steelyard.dialects.binance.order_lists import cancel_of, orders_of_list
from steelyard.dialects.binance.orders import check_restrictions, named_order, placed_to_wire
from steelyard.dialects.binance.placing import place_from_wire
from steelyard.dialects.binance.routes import signed
from steelyard.dialects.binance.text import symbol_text, to_ms
from steelyard.domain.commands import Amend, Cancel
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    Answer,
    Batch,
    BatchAnswer,
    OrderAnswer,
    OrderQuery,
    Refused,
    Scope,
    SingleAnswer,
)
from steelyard.domain.order import RejectReason
from steelyard.domain.units import plain
from steelyard.wire.dialect import Asker, Endpoint, Refusal, SessionRefused

SUCCESS, FAILURE, NOT_ATTEMPTED = "SUCCESS", "FAILURE", "NOT_ATTEMPTED"
UNKNOWN_ORDER = ErrorBody(code=codes.CANCEL_REJECTED, msg="Unknown order sent.")


# -- cancel-replace -----------------------------------------------------------------------------


def replace_from_wire(request: CancelReplaceRequest, asker: Asker) -> Batch:
    """Return the commands of a cancel-replace.

    Raises:
        DecodeError: Parameters do not go together.
        UnitError: A price or size is not in whole steps.
        SessionRefused: There is no such open order, and the new one was to depend on it.
    """
    place = place_from_wire(request, asker)
    cancel = _cancel(request, place.instrument_id, asker)
    if isinstance(cancel, Cancel):
        return Batch((cancel, place))
    if request.cancelReplaceMode == "STOP_ON_FAILURE":
        raise _failed(
            CancelReplaced(
                cancelResult=FAILURE,
                newOrderResult=NOT_ATTEMPTED,
                cancelResponse=cancel,
                newOrderResponse=None,
            )
        )
    return Batch((place,))


def _cancel(request: CancelReplaceRequest, instrument_id: int, asker: Asker) -> Cancel | ErrorBody:
    """Return the command that cancels the old order, or why it cannot be."""
    if request.cancelOrderId is None and request.cancelOrigClientOrderId is None:
        raise errors.said(
            -1102,
            "Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent, but both were "
            "empty/null!",
            "name the order by one of them",
            "cancelOrderId",
        )
    order = asker.find_order(
        OrderQuery(
            asker.account_id,
            instrument_id,
            request.cancelOrderId,
            request.cancelOrigClientOrderId,
        )
    )
    if order is None or not order.state.is_open:
        return UNKNOWN_ORDER
    try:
        check_restrictions(request.cancelRestrictions, order)
    except DecodeError as error:
        return ErrorBody(code=codes.CANCEL_REJECTED, msg=str(error))
    orders = orders_of_list(order, asker) if order.is_pending else (order,)
    return cancel_of(orders, request.cancelNewClientOrderId) or UNKNOWN_ORDER


def replaced_to_wire(
    answer: Answer | None, request: CancelReplaceRequest, asker: Asker
) -> CancelReplaced:
    """Return the response to a cancel-replace.

    Raises:
        SessionRefused: One of the two failed, or both; what became of each is told with it.
    """
    assert isinstance(answer, BatchAnswer), "a Batch is answered by answers"
    *canceled, placed = answer.answers
    cancel_response = _canceled(canceled[0], request, asker) if canceled else UNKNOWN_ORDER
    new_response = _placed(placed, request, asker)
    told = CancelReplaced(
        cancelResult=_result(cancel_response),
        newOrderResult=_result(new_response),
        cancelResponse=cancel_response,
        newOrderResponse=new_response,
    )
    if (told.cancelResult, told.newOrderResult) != (SUCCESS, SUCCESS):
        raise _failed(told)
    return told


def _canceled(
    answer: SingleAnswer, request: CancelReplaceRequest, asker: Asker
) -> OrderResult | ErrorBody:
    if isinstance(answer, Refused):
        return _words(answer, asker)
    assert isinstance(answer, OrderAnswer), "a Cancel is answered by its order"
    order = named_order(answer.order, request.cancelOrderId, request.cancelOrigClientOrderId, asker)
    return canceled_to_wire(order, asker.listings, request.cancelNewClientOrderId)


def _placed(
    answer: SingleAnswer, request: CancelReplaceRequest, asker: Asker
) -> OrderResult | OrderAck | ErrorBody:
    if isinstance(answer, Refused):
        return _words(answer, asker)
    return placed_to_wire(answer, request, asker)


def _words(refused: Refused, asker: Asker) -> ErrorBody:
    refusal = Refusal(refused.reason, refused.message, refused.field)
    return errors.words_of(refusal, asker.now_ns, asker.limits)[1]


def _result(response: OrderResult | OrderAck | ErrorBody) -> str:
    return FAILURE if isinstance(response, ErrorBody) else SUCCESS


def _failed(told: CancelReplaced) -> SessionRefused:
    is_partly = SUCCESS in (told.cancelResult, told.newOrderResult)
    code = errors.REPLACE_PARTLY_FAILED if is_partly else errors.REPLACE_FAILED
    what = [
        f"{name}: {response.msg}"
        for name, response in (("cancel", told.cancelResponse), ("new", told.newOrderResponse))
        if isinstance(response, ErrorBody)
    ]
    return SessionRefused(
        Refusal(RejectReason.UNKNOWN_ORDER, "; ".join(what), code=code, details=told)
    )


# -- amending -----------------------------------------------------------------------------------


def amend_from_wire(request: AmendRequest, asker: Asker) -> Amend:
    """Return the command that makes an order smaller.

    Raises:
        DecodeError: The order is not named, or would not become smaller.
        UnitError: The quantity is not in whole lots.
        SessionRefused: There is no such open order.
    """
    instrument = instrument_of(request.symbol, asker)
    if request.orderId is None and request.origClientOrderId is None:
        raise errors.said(
            -1102,
            "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
            "name the order by one of them",
            "orderId",
        )
    order = asker.find_order(
        OrderQuery(
            asker.account_id, instrument.instrument_id, request.orderId, request.origClientOrderId
        )
    )
    if order is None or not order.state.is_open:
        raise SessionRefused(
            Refusal(
                RejectReason.UNKNOWN_ORDER,
                "GET /api/v3/openOrders lists the orders that can be amended",
                code=codes.AMEND_REJECTED,
            )
        )
    size_lots = instrument.size_lots(request.newQty, "newQty")
    _check_amend(order, size_lots)
    return Amend(
        asker.account_id,
        order.order_id,
        None,
        size_lots,
        client_order_id=_new_name(request, order, size_lots, asker),
    )


def _check_amend(order: Order, size_lots: int) -> None:
    if list_id(order) >= 0:
        raise _not_amended(
            "Order amend is not supported for this symbol.",
            "an order of a list keeps its size here; cancel the list and place another",
        )
    if size_lots == order.size_lots:
        raise _not_amended(
            "The requested action would change no state; rejecting", "newQty is what it has"
        )
    if size_lots > order.size_lots:
        raise _not_amended(
            "Order amend (quantity increase) is not supported.",
            "newQty must be less than the order's quantity",
        )
    if size_lots <= order.filled_lots:
        raise _not_amended(
            "Order amend is not supported for this symbol.",
            "newQty must be above what has been executed; cancel the order to end it there",
        )


def _not_amended(text: str, how: str) -> DecodeError:
    return errors.said(codes.AMEND_REJECTED, text, how, "newQty")


def _new_name(request: AmendRequest, order: Order, size_lots: int, asker: Asker) -> str:
    name = request.newClientOrderId
    if name is None:
        return f"syamend{order.order_id}x{size_lots}"
    other = asker.find_order(OrderQuery(asker.account_id, client_order_id=name))
    if other is not None and other.state.is_open and other.order_id != order.order_id:
        raise errors.said(
            codes.AMEND_REJECTED,
            "Duplicate order sent.",
            f"an open order already has the client order id {name!r}",
            "newClientOrderId",
        )
    return name


def amended_to_wire(answer: Answer | None, _request: Any, asker: Asker) -> Amendment:
    """Return the response to an amendment."""
    assert isinstance(answer, OrderAnswer), "an Amend is answered by its order"
    order = answer.order
    result = result_to_wire(order, asker.listings)
    return Amendment(
        transactTime=to_ms(order.updated_ns),
        executionId=order.order_id,
        amendedOrder=AmendedOrder(
            symbol=result.symbol,
            orderId=result.orderId,
            orderListId=result.orderListId,
            origClientOrderId=answer.former_client_order_id or order.client_order_id,
            clientOrderId=result.clientOrderId,
            price=result.price,
            qty=result.origQty,
            executedQty=result.executedQty,
            quoteOrderQty=result.origQuoteOrderQty,
            cumulativeQuoteQty=result.cummulativeQuoteQty,
            status=result.status,
            timeInForce=result.timeInForce,
            type=result.type,
            side=result.side,
            stopPrice=result.stopPrice,
            icebergQty=result.icebergQty,
            workingTime=result.workingTime,
            selfTradePreventionMode=result.selfTradePreventionMode,
        ),
    )


def amend_to_wire(amend: Amend, listings: Listings) -> AmendRequest:
    """Return the request that makes an order smaller.

    Raises:
        Unsupported: It asks for anything else, which at this venue is another order.
    """
    size_lots = amend.size_lots
    other = amend.price_ticks is not None or amend.trigger_ticks is not None
    if other or size_lots is None or amend.instrument_id is None:
        raise Unsupported(
            "Binance amends the size of an order alone, and needs its instrument: cancel and place"
        )
    instrument = listings[amend.instrument_id]
    return AmendRequest(
        symbol=symbol_text(instrument),
        orderId=amend.order_id,
        newClientOrderId=amend.client_order_id or None,
        newQty=plain(instrument.size(size_lots)),
    )


def amended_from_wire(amendment: Amendment, listings: Listings) -> OrderAnswer:
    """Return the order that has been made smaller."""
    told = amendment.amendedOrder
    result = OrderResult(
        symbol=told.symbol,
        orderId=told.orderId,
        orderListId=told.orderListId,
        clientOrderId=told.clientOrderId,
        transactTime=amendment.transactTime,
        price=told.price,
        origQty=told.qty,
        executedQty=told.executedQty,
        origQuoteOrderQty=told.quoteOrderQty,
        cummulativeQuoteQty=told.cumulativeQuoteQty,
        status=told.status,
        timeInForce=told.timeInForce,
        type=told.type,
        side=told.side,
        stopPrice=told.stopPrice,
        icebergQty=told.icebergQty,
        workingTime=told.workingTime,
        selfTradePreventionMode=told.selfTradePreventionMode,
    )
    order = result_from_wire(result, listings)
    return OrderAnswer(order, (), told.origClientOrderId)


# -- routes -------------------------------------------------------------------------------------

CANCEL_REPLACE = signed(
    "POST",
    "order/cancelReplace",
    CancelReplaceRequest,
    CancelReplaced,
    replace_from_wire,
    replaced_to_wire,
    scope=Scope.TRADE,
    weight=1,
    orders=1,
    summary="Cancel an order and place another",
)
AMEND = signed(
    "PUT",
    "order/amend/keepPriority",
    AmendRequest,
    Amendment,
    amend_from_wire,
    amended_to_wire,
    scope=Scope.TRADE,
    weight=4,
    summary="Make an order smaller where it stands",
)
ENDPOINTS: tuple[Endpoint, ...] = (CANCEL_REPLACE, AMEND)
