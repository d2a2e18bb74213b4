"""Messages of order lists (OCO, OTO, OTOCO), cancel-replace and amendments, in the venue's names.

A leg of a list has the parameters of an order with a prefix; `order_lists.LEGS` says which.
"""

# ruff: noqa: N815
# The field names are the venue's.

from decimal import Decimal
from typing import Any

from msgspec import UNSET, Struct

from steelyard.dialects.binance.messages import Optional, OrderRequest

# -- requests -----------------------------------------------------------------------------------


class ListRequest(Struct, frozen=True, kw_only=True):
    """What every new order list may say."""

    symbol: str
    listClientOrderId: str | None = None
    newOrderRespType: str | None = None
    selfTradePreventionMode: str | None = None


class OcoRequest(ListRequest, frozen=True, kw_only=True):
    """POST /api/v3/orderList/oco."""

    side: str
    quantity: Decimal
    aboveType: str
    aboveClientOrderId: str | None = None
    aboveIcebergQty: Decimal | None = None
    abovePrice: Decimal | None = None
    aboveStopPrice: Decimal | None = None
    aboveTrailingDelta: int | None = None
    aboveTimeInForce: str | None = None
    aboveStrategyId: int | None = None
    aboveStrategyType: int | None = None
    abovePegPriceType: str | None = None
    abovePegOffsetType: str | None = None
    abovePegOffsetValue: int | None = None
    belowType: str
    belowClientOrderId: str | None = None
    belowIcebergQty: Decimal | None = None
    belowPrice: Decimal | None = None
    belowStopPrice: Decimal | None = None
    belowTrailingDelta: int | None = None
    belowTimeInForce: str | None = None
    belowStrategyId: int | None = None
    belowStrategyType: int | None = None
    belowPegPriceType: str | None = None
    belowPegOffsetType: str | None = None
    belowPegOffsetValue: int | None = None


class OldOcoRequest(ListRequest, frozen=True, kw_only=True):
    """POST /api/v3/order/oco, which is deprecated: a LIMIT_MAKER and a stop."""

    side: str
    quantity: Decimal
    price: Decimal
    stopPrice: Decimal
    limitClientOrderId: str | None = None
    limitStrategyId: int | None = None
    limitStrategyType: int | None = None
    limitIcebergQty: Decimal | None = None
    trailingDelta: int | None = None
    stopClientOrderId: str | None = None
    stopStrategyId: int | None = None
    stopStrategyType: int | None = None
    stopLimitPrice: Decimal | None = None
    stopIcebergQty: Decimal | None = None
    stopLimitTimeInForce: str | None = None


class WorkingRequest(ListRequest, frozen=True, kw_only=True):
    """What a list with a working order says of it."""

    workingType: str
    workingSide: str
    workingClientOrderId: str | None = None
    workingPrice: Decimal
    workingQuantity: Decimal
    workingIcebergQty: Decimal | None = None
    workingTimeInForce: str | None = None
    workingStrategyId: int | None = None
    workingStrategyType: int | None = None
    workingPegPriceType: str | None = None
    workingPegOffsetType: str | None = None
    workingPegOffsetValue: int | None = None
    pendingSide: str
    pendingQuantity: Decimal


class OtoRequest(WorkingRequest, frozen=True, kw_only=True):
    """POST /api/v3/orderList/oto."""

    pendingType: str
    pendingClientOrderId: str | None = None
    pendingPrice: Decimal | None = None
    pendingStopPrice: Decimal | None = None
    pendingTrailingDelta: int | None = None
    pendingIcebergQty: Decimal | None = None
    pendingTimeInForce: str | None = None
    pendingStrategyId: int | None = None
    pendingStrategyType: int | None = None
    pendingPegPriceType: str | None = None
    pendingPegOffsetType: str | None = None
    pendingPegOffsetValue: int | None = None


class OtocoRequest(WorkingRequest, frozen=True, kw_only=True):
    """POST /api/v3/orderList/otoco."""

    pendingAboveType: str
    pendingAboveClientOrderId: str | None = None
    pendingAbovePrice: Decimal | None = None
    pendingAboveStopPrice: Decimal | None = None
    pendingAboveTrailingDelta: int | None = None
    pendingAboveIcebergQty: Decimal | None = None
    pendingAboveTimeInForce: str | None = None
    pendingAboveStrategyId: int | None = None
    pendingAboveStrategyType: int | None = None
    pendingAbovePegPriceType: str | None = None
    pendingAbovePegOffsetType: str | None = None
    pendingAbovePegOffsetValue: int | None = None
    pendingBelowType: str
    pendingBelowClientOrderId: str | None = None
    pendingBelowPrice: Decimal | None = None
    pendingBelowStopPrice: Decimal | None = None
    pendingBelowTrailingDelta: int | None = None
    pendingBelowIcebergQty: Decimal | None = None
    pendingBelowTimeInForce: str | None = None
    pendingBelowStrategyId: int | None = None
    pendingBelowStrategyType: int | None = None
    pendingBelowPegPriceType: str | None = None
    pendingBelowPegOffsetType: str | None = None
    pendingBelowPegOffsetValue: int | None = None


class CancelListRequest(Struct, frozen=True, kw_only=True):
    """DELETE /api/v3/orderList."""

    symbol: str
    orderListId: int | None = None
    listClientOrderId: str | None = None
    newClientOrderId: str | None = None


class QueryListRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/orderList."""

    orderListId: int | None = None
    origClientOrderId: str | None = None


class AllListsRequest(Struct, frozen=True, kw_only=True):
    """GET /api/v3/allOrderList."""

    fromId: int | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int = 500


class CancelReplaceRequest(OrderRequest, frozen=True, kw_only=True):
    """POST /api/v3/order/cancelReplace."""

    cancelReplaceMode: str
    cancelNewClientOrderId: str | None = None
    cancelOrigClientOrderId: str | None = None
    cancelOrderId: int | None = None
    cancelRestrictions: str | None = None
    orderRateLimitExceededMode: str | None = None


class AmendRequest(Struct, frozen=True, kw_only=True):
    """PUT /api/v3/order/amend/keepPriority."""

    symbol: str
    orderId: int | None = None
    origClientOrderId: str | None = None
    newClientOrderId: str | None = None
    newQty: Decimal


# -- answers ------------------------------------------------------------------------------------


class ListedOrder(Struct, frozen=True, kw_only=True):
    """An order as its list names it."""

    symbol: str
    orderId: int
    clientOrderId: str


class OrderListInfo(Struct, frozen=True, kw_only=True):
    """GET /api/v3/orderList, and an element of allOrderList and openOrderList."""

    orderListId: int
    contingencyType: str
    listStatusType: str
    listOrderStatus: str
    listClientOrderId: str
    transactionTime: int
    symbol: str
    orders: tuple[ListedOrder, ...]


class OrderListReport(OrderListInfo, frozen=True, kw_only=True):
    """POST and DELETE of an order list."""

    orderReports: tuple[Any, ...]  # OrderResult, or OrderAck where that was asked for


class CancelReplaced(Struct, frozen=True, kw_only=True):
    """POST /api/v3/order/cancelReplace, and the `data` of its refusal."""

    cancelResult: str
    newOrderResult: str
    cancelResponse: Any  # OrderResult or ErrorBody
    newOrderResponse: Any  # OrderResult, OrderAck, ErrorBody or None


class AmendedOrder(Struct, frozen=True, kw_only=True):
    """An order that has been made smaller."""

    symbol: str
    orderId: int
    orderListId: int = -1
    origClientOrderId: str
    clientOrderId: str
    price: str
    qty: str
    executedQty: str
    preventedQty: str = "0.00000000"
    quoteOrderQty: str = "0.00000000"
    cumulativeQuoteQty: str
    status: str
    timeInForce: str
    type: str
    side: str
    stopPrice: str | Optional = UNSET
    icebergQty: str | Optional = UNSET
    workingTime: int | Optional = UNSET
    selfTradePreventionMode: str = "NONE"


class Amendment(Struct, frozen=True, kw_only=True):
    """PUT /api/v3/order/amend/keepPriority."""

    transactTime: int
    executionId: int
    amendedOrder: AmendedOrder
