"""Orders: placing, testing, canceling and looking up.

The invariant: a request names its symbol, and an order is found only where the symbol is its own.
What goes with which type is checked before anything is counted in ticks or lots.

Not offered yet, and refused in the venue's words: stop, take-profit, trailing, iceberg and pegged
orders, order lists, cancel-replace, amendments, and market orders by quote amount.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import replace

from steelyard.dialects.binance import errors
from steelyard.dialects.binance.executions import (
    FROM_TYPES,
    SELF_TRADE_DEFAULT,
    SELF_TRADE_NAMES,
    SELF_TRADES,
    SIDES,
    STATUSES,
    TYPES,
    Combination,
    cancel_id,
    fill_from_wire,
    fill_to_wire,
    info_to_wire,
    result_from_wire,
    result_to_wire,
)
from steelyard.dialects.binance.market import instrument_of
from steelyard.dialects.binance.messages import (
    AllOrdersRequest,
    AnyRequest,
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
from steelyard.dialects.binance.text import (
    ZERO,
    amount_text,
    from_ms,
    rate_text,
    symbol_text,
    to_ms,
)
from steelyard.domain.commands import Cancel, CancelAll, Place
from steelyard.domain.errors import UnitError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    Answer,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Scope,
)
from steelyard.domain.order import (
    FeeAsset,
    RejectReason,
    SelfTrade,
)
from steelyard.domain.units import plain
from steelyard.wire.dialect import Asker, Auth, Endpoint, Refusal, SessionRefused

OPEN_ORDERS_MAX = 100_000
ORDERS_MAX = 1_000
DAY_NS = 86_400 * SECOND_NS


# A parameter or type that we know and do not offer yet: the venue's words, and what to do.
REFUSED_PARAMETERS: dict[str, tuple[str, str]] = {
    "icebergQty": (
        "Iceberg orders are not supported for this symbol.",
        "icebergs are not offered here yet; place a plain limit order",
    ),
    "trailingDelta": (
        "Trailing stop orders are not supported for this symbol.",
        "trailing stops are not offered here yet",
    ),
    "pegPriceType": (
        "Pegged orders are not supported for this symbol.",
        "pegged orders are not offered here yet; send a price",
    ),
    "quoteOrderQty": (
        "Quote order qty market orders are not support for this symbol.",
        "market orders by quote amount are not offered here yet; send quantity, in the base asset",
    ),
}
REFUSED_TYPES: dict[str, str] = {
    "STOP_LOSS": "Stop loss orders are not supported for this symbol.",
    "STOP_LOSS_LIMIT": "Stop loss limit orders are not supported for this symbol.",
    "TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
    "TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
}


# -- placing ------------------------------------------------------------------------------------


def place_to_wire(place: Place, listings: Listings) -> OrderRequest:
    """Return the request that places an order.

    Raises:
        Unsupported: The venue has no such combination.
    """
    combination = TYPES.get((place.order_type, place.time_in_force, place.post_only))
    if combination is None:
        raise Unsupported(
            f"Binance has no {place.order_type.name} order with {place.time_in_force.name}"
            f"{' and post_only' if place.post_only else ''}"
        )
    if unsaid := _unsaid(place):
        raise Unsupported(f"{unsaid} cannot be sent to Binance yet")
    instrument = listings[place.instrument_id]
    is_limit = place.price_ticks is not None
    return OrderRequest(
        symbol=symbol_text(instrument),
        side=place.side.name,
        type=combination.type,
        timeInForce=combination.timeInForce,
        quantity=plain(instrument.size(place.size_lots)),
        price=plain(instrument.price(place.price_ticks or 0)) if is_limit else None,
        newClientOrderId=place.client_order_id or None,
        newOrderRespType="FULL",
        selfTradePreventionMode=SELF_TRADE_NAMES[place.self_trade],
    )


def _unsaid(place: Place) -> str | None:
    """Return the first term of an order for which there is no word here yet."""
    terms = {
        "slide": place.slide or None,
        "reduce_only": place.reduce_only or None,
        "quote_atoms": place.quote_atoms,
        "display_lots": place.display_lots,
        "self_trade DECREMENT": True if place.self_trade is SelfTrade.DECREMENT else None,
    }
    return next((name for name, value in terms.items() if value is not None), None)


def place_from_wire(request: OrderRequest, asker: Asker) -> Place:
    """Return the Place that a request asks for.

    Raises:
        DecodeError: Parameters do not go together.
        UnitError: A price or size is not in whole steps.
        SessionRefused: No such symbol.
    """
    instrument = instrument_of(request.symbol, asker)
    _refuse_what_is_not_offered(request)
    order_type, time_in_force, post_only = FROM_TYPES[_combination(request)]
    size = _positive("quantity", request.quantity)
    price_ticks, size_lots = instrument.order_steps(_price(request), size)
    assert size_lots is not None, "a size was given"
    return Place(
        account_id=asker.account_id,
        instrument_id=instrument.instrument_id,
        side=SIDES[request.side],
        order_type=order_type,
        time_in_force=time_in_force,
        post_only=post_only,
        price_ticks=price_ticks,
        size_lots=size_lots,
        self_trade=_self_trade(request),
        fee_asset=FeeAsset.RECEIVED,
        client_order_id=request.newClientOrderId or "",
    )


def _refuse_what_is_not_offered(request: OrderRequest) -> None:
    if request.type in REFUSED_TYPES:
        raise errors.said(
            errors.INVALID_MESSAGE,
            REFUSED_TYPES[request.type],
            f"{request.type} is not offered here yet; there are LIMIT, LIMIT_MAKER and MARKET",
            "type",
        )
    for name, (text, how) in REFUSED_PARAMETERS.items():
        if getattr(request, name) is not None:
            raise errors.said(errors.INVALID_MESSAGE, text, how, name)
    if request.stopPrice is not None:
        raise errors.superfluous("stopPrice", f"a {request.type} order has none")


def _combination(request: OrderRequest) -> Combination:
    match request.type, request.timeInForce:
        case "LIMIT", None:
            raise errors.missing("timeInForce")
        case "LIMIT", _:
            pass
        case (("LIMIT_MAKER" | "MARKET"), None):
            pass
        case (("LIMIT_MAKER" | "MARKET"), _):
            raise errors.superfluous("timeInForce", f"a {request.type} order has none")
        case _:
            raise errors.said(
                -1116, "Invalid orderType.", "there are LIMIT, LIMIT_MAKER and MARKET", "type"
            )
    return Combination(request.type, request.timeInForce)


def _price(request: OrderRequest) -> Decimal | None:
    if request.type != "MARKET":
        return _positive("price", request.price)
    if request.price is not None:
        raise errors.superfluous("price", "a MARKET order takes what the book has")
    return None


def _positive(name: str, value: Decimal | None) -> Decimal:
    if value is None:
        raise errors.missing(name)
    if value == 0:
        raise errors.said(
            errors.INVALID_MESSAGE, f"Invalid {name}.", f"{name} must be above 0", name
        )
    return value


def _self_trade(request: OrderRequest) -> SelfTrade:
    name = request.selfTradePreventionMode
    if name is None:
        return SELF_TRADE_DEFAULT
    mode = SELF_TRADES.get(name)
    if mode is None:
        raise errors.said(
            errors.INVALID_MESSAGE,
            "This symbol does not allow the specified self-trade prevention mode.",
            f"{name} is not offered here yet; there are {', '.join(SELF_TRADES)}",
            "selfTradePreventionMode",
        )
    return mode


def placed_to_wire(answer: Answer | None, request: OrderRequest, asker: Asker) -> Struct:
    """Return the response to a new order, as long as was asked for."""
    assert isinstance(answer, OrderAnswer), "a Place is answered by its order"
    length = request.newOrderRespType or ("ACK" if request.type == "LIMIT_MAKER" else "FULL")
    if length == "ACK":
        order = answer.order
        return OrderAck(
            symbol=symbol_text(asker.listings[order.instrument_id]),
            orderId=order.order_id,
            clientOrderId=order.client_order_id,
            transactTime=to_ms(order.created_ns),
        )
    result = result_to_wire(answer.order, asker.listings)
    if length == "RESULT":
        return result
    return replace(result, fills=tuple(fill_to_wire(f, asker.listings) for f in answer.fills))


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
                code=errors.CANCEL_REJECTED,
            )
        )
    wanted = request.cancelRestrictions
    if wanted and wanted != f"ONLY_{STATUSES[order.state]}":
        raise errors.said(
            errors.CANCEL_REJECTED,
            "Order was not canceled due to cancel restrictions.",
            f"it is {STATUSES[order.state]}",
            "cancelRestrictions",
        )
    return Cancel(asker.account_id, order.order_id)


def _named(request: QueryOrderRequest | CancelRequest) -> None:
    if request.orderId is None and request.origClientOrderId is None:
        raise errors.said(
            -1102,
            "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
            "name the order by one of them",
            "orderId",
        )


def canceled_to_wire(answer: Answer | None, request: CancelRequest, asker: Asker) -> OrderResult:
    """Return the response to a cancel, which has a client id of its own."""
    assert isinstance(answer, OrderAnswer), "a Cancel is answered by its order"
    return _canceled(answer.order, asker.listings, request.newClientOrderId)


def canceled_all_to_wire(
    answer: Answer | None, _request: SymbolRequest, asker: Asker
) -> tuple[OrderResult, ...]:
    """Return the response to canceling a symbol's orders."""
    assert isinstance(answer, OrderList), "a CancelAll is answered by its orders"
    if not answer.orders:
        raise SessionRefused(
            Refusal(
                RejectReason.UNKNOWN_ORDER,
                "this account has no open orders on this symbol",
                code=errors.CANCEL_REJECTED,
            )
        )
    return tuple(_canceled(order, asker.listings, None) for order in answer.orders)


def _canceled(order: Order, listings: Listings, client_id: str | None) -> OrderResult:
    return replace(
        result_to_wire(order, listings),
        origClientOrderId=order.client_order_id,
        clientOrderId=client_id or cancel_id(order.order_id),
    )


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


def span_of(start: int | None, end: int | None) -> tuple[int | None, int | None]:
    """Return a request's span of time in ns; the last millisecond belongs to it.

    Raises:
        DecodeError: It is longer than a day.
    """
    start_ns = None if start is None else from_ms(start)
    end_ns = None if end is None else from_ms(end) + 999_999
    if start_ns is not None and end_ns is not None and end_ns - start_ns > DAY_NS + 999_999:
        raise errors.said(
            -1127, "More than 24 hours between startTime and endTime.", "ask for one day at a time"
        )
    return start_ns, end_ns


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


# -- what is not offered yet --------------------------------------------------------------------


def _not_offered(text: str, how: str) -> Callable[[Any, Asker], None]:
    def decode(_request: AnyRequest, _asker: Asker) -> None:
        raise errors.said(errors.INVALID_MESSAGE, text, how)

    return decode


def _never(_answer: Answer | None, _request: Struct, _asker: Asker) -> None:
    raise AssertionError("a request that is refused has no answer")


_LISTS = _not_offered(
    "OCO orders are not supported for this symbol",
    "order lists are not offered here yet; place and cancel the orders one by one",
)
_CANCEL_REPLACE = _not_offered(
    "Order cancel-replace is not supported for this symbol.",
    "it is not offered here yet; cancel, then place",
)
_AMEND = _not_offered(
    "Order amend is not supported for this symbol.",
    "amendments are not offered here yet; cancel, then place",
)
_SOR = _not_offered(
    "This operation is not supported.", "there is one book per symbol; use POST /api/v3/order"
)


# -- routes -------------------------------------------------------------------------------------


def _weight(weight: int) -> Callable[[Any], int]:
    return lambda _request: weight


def _signed(
    method: str,
    path: str,
    request: type[Struct],
    response: Any,
    decode: Callable[[Any, Asker], Any],
    encode: Callable[[Any, Any, Asker], Any],
    *,
    scope: Scope,
    weight: int | Callable[[Any], int],
    is_order: bool = False,
    summary: str,
) -> Endpoint:
    weigh = weight if callable(weight) else _weight(weight)
    return Endpoint(
        method,
        f"/api/v3/{path}",
        request,
        response,
        Auth.SIGNED,
        scope,
        decode,
        encode,
        weigh,
        is_order=is_order,
        summary=summary,
        is_free=scope is Scope.TRADE and not path.endswith("/test"),
    )


def _refused(method: str, path: str, decode: Callable[[Any, Asker], None]) -> Endpoint:
    return _signed(
        method,
        path,
        AnyRequest,
        Nothing,
        decode,
        _never,
        scope=Scope.TRADE,
        weight=1,
        summary="Not offered yet",
    )


PLACE = _signed(
    "POST",
    "order",
    OrderRequest,
    OrderResult | OrderAck,
    place_from_wire,
    placed_to_wire,
    scope=Scope.TRADE,
    weight=1,
    is_order=True,
    summary="Place an order",
)
TEST = _signed(
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
QUERY = _signed(
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
CANCEL = _signed(
    "DELETE",
    "order",
    CancelRequest,
    OrderResult,
    cancel_from_wire,
    canceled_to_wire,
    scope=Scope.TRADE,
    weight=1,
    summary="Cancel an order",
)
OPEN = _signed(
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
CANCEL_ALL = _signed(
    "DELETE",
    "openOrders",
    SymbolRequest,
    tuple[OrderResult, ...],
    lambda request, asker: CancelAll(
        asker.account_id, instrument_of(request.symbol, asker).instrument_id
    ),
    canceled_all_to_wire,
    scope=Scope.TRADE,
    weight=1,
    summary="Cancel a symbol's open orders",
)
ALL = _signed(
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

REFUSED: dict[str, Endpoint] = {
    path: _refused(method, path, decode)
    for method, path, decode in (
        ("POST", "order/cancelReplace", _CANCEL_REPLACE),
        ("PUT", "order/amend/keepPriority", _AMEND),
        ("POST", "order/oco", _LISTS),
        *(("POST", f"orderList/{kind}", _LISTS) for kind in ("oco", "oto", "otoco")),
        *(("POST", f"orderList/{kind}", _LISTS) for kind in ("opo", "opoco")),
        ("DELETE", "orderList", _LISTS),
        ("POST", "sor/order", _SOR),
        ("POST", "sor/order/test", _SOR),
    )
}
ENDPOINTS: tuple[Endpoint, ...] = (
    PLACE,
    TEST,
    QUERY,
    CANCEL,
    OPEN,
    CANCEL_ALL,
    ALL,
    *REFUSED.values(),
)
