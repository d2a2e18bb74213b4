"""Orders: placing, testing, canceling and looking up.

The invariant: a request names its symbol, and an order is found only where the symbol is its own.
What a new order may say is in placing.py.
"""

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, Struct

from steelyard.dialects.binance import codes, errors
from steelyard.dialects.binance.executions import (
    STATUSES,
    canceled_to_wire,
    fill_from_wire,
    fill_to_wire,
    info_to_wire,
    list_id,
    result_from_wire,
    result_to_wire,
)
from steelyard.dialects.binance.list_messages import OrderListReport
from steelyard.dialects.binance.market import instrument_of
from steelyard.dialects.binance.messages import (
    AllOrdersRequest,
    CancelRequest,
    MakerTaker,
    Nothing,
    OpenOrdersRequest,
    OrderAck,
    OrderInfo,
    OrderRequest,
    OrderResult,
    OrderTestCommission,
    OrderTestRequest,
    QueryOrderRequest,
    SymbolRequest,
)
from steelyard.dialects.binance.order_lists import cancel_of, list_canceled, orders_of_list
from steelyard.dialects.binance.placing import place_from_wire
from steelyard.dialects.binance.routes import signed, span_of
from steelyard.dialects.binance.text import ZERO, amount_text, rate_text, symbol_text, to_ms
from steelyard.domain.commands import Cancel, CancelAll
from steelyard.domain.errors import DecodeError, UnitError
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    Answer,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Scope,
)
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker, Endpoint, Refusal, SessionRefused

OPEN_ORDERS_MAX = 100_000
ORDERS_MAX = 1_000
_TOLD_IN_FULL = ("LIMIT", "MARKET")  # where a request does not say how much


# -- placing ------------------------------------------------------------------------------------


def placed_to_wire(
    answer: Answer | None, request: OrderRequest, asker: Asker
) -> OrderResult | OrderAck:
    """Return the response to a new order, as long as was asked for."""
    assert isinstance(answer, OrderAnswer), "a Place is answered by its order"
    length = request.newOrderRespType or ("FULL" if request.type in _TOLD_IN_FULL else "ACK")
    if length == "ACK":
        order = answer.order
        return OrderAck(
            symbol=symbol_text(asker.listings[order.instrument_id]),
            orderId=order.order_id,
            clientOrderId=order.client_order_id,
            transactTime=to_ms(order.created_ns),
        )
    if length == "RESULT":
        return result_to_wire(answer.order, asker.listings)
    fills = tuple([fill_to_wire(fill, asker.listings) for fill in answer.fills])
    return result_to_wire(answer.order, asker.listings, fills)


def placed_from_wire(result: OrderResult, listings: Listings) -> OrderAnswer:
    """Return the order that a response tells of; what it filled at once it took."""
    order = result_from_wire(result, listings)
    told = () if result.fills is UNSET else result.fills
    return OrderAnswer(order, tuple(fill_from_wire(fill, order, listings) for fill in told))


# -- looking up and canceling -------------------------------------------------------------------


def query_from_wire(request: QueryOrderRequest, asker: Asker) -> OrderQuery:
    """Return the query for one order.

    Raises:
        DecodeError: It is not named.
    """
    instrument = instrument_of(request.symbol, asker)
    _named(request)
    return OrderQuery(
        asker.account_id, instrument.instrument_id, request.orderId, request.origClientOrderId
    )


def cancel_from_wire(request: CancelRequest, asker: Asker) -> Cancel:
    """Return the Cancel that a request asks for.

    Raises:
        DecodeError: The order is not named.
        SessionRefused: There is no such open order, or it is in another state than was asked.
    """
    instrument = instrument_of(request.symbol, asker)
    _named(request)
    query = OrderQuery(
        asker.account_id, instrument.instrument_id, request.orderId, request.origClientOrderId
    )
    order = asker.find_order(query)
    if order is None or not order.state.is_open:
        what = "has ended" if order else "is not one of this account's orders on this symbol"
        raise SessionRefused(
            Refusal(
                RejectReason.UNKNOWN_ORDER,
                f"{request.orderId or request.origClientOrderId!r} {what}; "
                "GET /api/v3/openOrders lists those that can be canceled",
                code=codes.CANCEL_REJECTED,
            )
        )
    check_restrictions(request.cancelRestrictions, order)
    # What waits for its list's working order goes with it, and it alone would leave that one.
    orders = orders_of_list(order, asker) if order.is_pending else (order,)
    found = cancel_of(orders, request.newClientOrderId)
    assert found is not None, "one of them is open"
    return found


def check_restrictions(wanted: str | None, order: Order) -> None:
    """Refuse to cancel an order in another state than was asked for."""
    if wanted and wanted != f"ONLY_{STATUSES[order.state]}":
        raise errors.said(
            codes.CANCEL_REJECTED,
            "Order was not canceled due to cancel restrictions.",
            f"it is {STATUSES[order.state]}",
            "cancelRestrictions",
        )


def _named(request: QueryOrderRequest | CancelRequest) -> None:
    if request.orderId is None and request.origClientOrderId is None:
        raise errors.said(
            -1102,
            "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
            "name the order by one of them",
            "orderId",
        )


def cancel_to_wire(answer: Answer | None, request: CancelRequest, asker: Asker) -> OrderResult:
    """Return the response to a cancel, which has a client id of its own."""
    assert isinstance(answer, OrderAnswer), "a Cancel is answered by its order"
    order = named_order(answer.order, request.orderId, request.origClientOrderId, asker)
    return canceled_to_wire(order, asker.listings, request.newClientOrderId)


def cancel_to_socket(
    answer: Answer | None, request: CancelRequest, asker: Asker
) -> OrderResult | OrderListReport:
    """Return the same over the WebSocket API; of a list that goes with its order, all of it."""
    assert isinstance(answer, OrderAnswer), "a Cancel is answered by its order"
    if list_id(answer.order) < 0:
        return cancel_to_wire(answer, request, asker)
    orders = orders_of_list(answer.order, asker)
    return list_canceled(orders, asker.listings, request.newClientOrderId)


def named_order(
    canceled: Order, order_id: int | None, client_order_id: str | None, asker: Asker
) -> Order:
    """Return the order that a cancel named: another than `canceled` where that took it along."""
    is_it = order_id in (None, canceled.order_id)
    if is_it and client_order_id in (None, canceled.client_order_id):
        return canceled
    query = OrderQuery(asker.account_id, order_id=order_id, client_order_id=client_order_id)
    return asker.find_order(query) or canceled


def cancel_all_to_wire(
    answer: Answer | None, _request: SymbolRequest, asker: Asker
) -> tuple[OrderResult | OrderListReport, ...]:
    """Return the response to canceling a symbol's orders; those of a list stand in it."""
    assert isinstance(answer, OrderList), "a CancelAll is answered by its orders"
    if not answer.orders:
        raise SessionRefused(
            Refusal(
                RejectReason.UNKNOWN_ORDER,
                "this account has no open orders on this symbol",
                code=codes.CANCEL_REJECTED,
            )
        )
    told: dict[int, OrderResult | OrderListReport] = {}
    for order in answer.orders:
        number = list_id(order)
        if number < 0:
            told[order.order_id] = canceled_to_wire(order, asker.listings, None)
        elif number not in told:
            told[number] = list_canceled(orders_of_list(order, asker), asker.listings, None)
    return tuple(told.values())


class _Reports(Struct):
    orderReports: tuple[OrderResult, ...] = ()  # noqa: N815  the venue's name


def canceled_all_from_wire(body: Iterable[msgspec.Raw], listings: Listings) -> OrderList:
    """Return the orders that were canceled, those of lists too.

    Raises:
        DecodeError: One has another form than documented.
    """
    told: list[OrderResult] = []
    try:
        for raw in body:
            of_list = msgspec.json.decode(raw, type=_Reports).orderReports
            told.extend(of_list or (msgspec.json.decode(raw, type=OrderResult),))
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise DecodeError(f"answer: {error}") from error
    return OrderList(tuple(result_from_wire(order, listings) for order in told))


def order_to_wire(answer: Answer | None, _request: Struct, asker: Asker) -> OrderInfo:
    """Return the response to a query for one order."""
    assert isinstance(answer, OrderAnswer), "an OrderQuery is answered by an order"
    if answer.order.state is OrderState.REJECTED:
        # Here a refused order never was one.
        raise SessionRefused(
            Refusal(RejectReason.UNKNOWN_ORDER, "this order was refused when it was placed")
        )
    return info_to_wire(answer.order, asker.listings)


def orders_to_wire(answer: Answer | None, _request: Struct, asker: Asker) -> tuple[OrderInfo, ...]:
    """Return the response to a query for several orders."""
    assert isinstance(answer, OrderList), "an OrdersQuery is answered by orders"
    return tuple(info_to_wire(order, asker.listings) for order in answer.orders)


def _open_orders(request: OpenOrdersRequest, asker: Asker) -> OrdersQuery:
    instrument = instrument_of(request.symbol, asker) if request.symbol else None
    return OrdersQuery(
        asker.account_id,
        OPEN_ORDERS_MAX,
        instrument.instrument_id if instrument else None,
        open_only=True,
    )


def _all_orders(request: AllOrdersRequest, asker: Asker) -> OrdersQuery:
    start_ns, end_ns = span_of(request.startTime, request.endTime)
    return OrdersQuery(
        asker.account_id,
        min(request.limit, ORDERS_MAX),
        instrument_of(request.symbol, asker).instrument_id,
        from_order_id=request.orderId,
        start_ns=start_ns,
        end_ns=end_ns,
        accepted_only=True,
    )


# -- testing an order ---------------------------------------------------------------------------


def _test_order(request: OrderTestRequest, asker: Asker) -> AccountQuery | None:
    place = place_from_wire(request, asker)
    instrument = asker.listings[place.instrument_id]
    if place.price_ticks is not None:
        notional_atoms = instrument.notional_atoms(place.price_ticks, place.size_lots)
        if notional_atoms < instrument.notional_min_atoms:
            raise UnitError(
                f"price times size must be at least {amount_text(instrument.notional_min_atoms)} "
                f"{instrument.quote}",
                RejectReason.NOTIONAL_TOO_SMALL,
            )
    return AccountQuery(asker.account_id) if request.computeCommissionRates else None


def _tested(answer: Answer | None, _request: OrderTestRequest, _asker: Asker) -> Struct:
    if not isinstance(answer, AccountAnswer):
        return Nothing()
    none = MakerTaker(maker=ZERO, taker=ZERO)
    rates = MakerTaker(maker=rate_text(answer.maker_rate_e8), taker=rate_text(answer.taker_rate_e8))
    return OrderTestCommission(
        standardCommissionForOrder=rates,
        specialCommissionForOrder=none,
        taxCommissionForOrder=none,
    )


# -- routes -------------------------------------------------------------------------------------


PLACE = signed(
    "POST",
    "order",
    OrderRequest,
    OrderResult | OrderAck,
    place_from_wire,
    placed_to_wire,
    scope=Scope.TRADE,
    weight=1,
    orders=1,
    summary="Place an order",
)
TEST = signed(
    "POST",
    "order/test",
    OrderTestRequest,
    Nothing | OrderTestCommission,
    _test_order,
    _tested,
    scope=Scope.TRADE,
    weight=lambda request: 20 if request.computeCommissionRates else 1,
    summary="Check an order without placing it",
)
QUERY = signed(
    "GET",
    "order",
    QueryOrderRequest,
    OrderInfo,
    query_from_wire,
    order_to_wire,
    scope=Scope.READ,
    weight=4,
    summary="One order",
)
CANCEL = signed(
    "DELETE",
    "order",
    CancelRequest,
    OrderResult,
    cancel_from_wire,
    cancel_to_wire,
    scope=Scope.TRADE,
    weight=1,
    summary="Cancel an order",
)
SOCKET_CANCEL = CANCEL._replace(response=OrderResult | OrderListReport, encode=cancel_to_socket)
OPEN = signed(
    "GET",
    "openOrders",
    OpenOrdersRequest,
    tuple[OrderInfo, ...],
    _open_orders,
    orders_to_wire,
    scope=Scope.READ,
    weight=lambda request: 6 if request.symbol else 80,
    summary="Open orders",
)
CANCEL_ALL = signed(
    "DELETE",
    "openOrders",
    SymbolRequest,
    tuple[OrderResult | OrderListReport, ...],
    lambda request, asker: CancelAll(
        asker.account_id, instrument_of(request.symbol, asker).instrument_id
    ),
    cancel_all_to_wire,
    scope=Scope.TRADE,
    weight=1,
    summary="Cancel a symbol's open orders",
)
ALL = signed(
    "GET",
    "allOrders",
    AllOrdersRequest,
    tuple[OrderInfo, ...],
    _all_orders,
    orders_to_wire,
    scope=Scope.READ,
    weight=20,
    summary="Orders of a symbol, open or ended",
)

ENDPOINTS: tuple[Endpoint, ...] = (PLACE, TEST, QUERY, CANCEL, OPEN, CANCEL_ALL, ALL)
