"""Messages about orders and fills over REST, in the venue's own field names.

Source: https://www.weex.com/api-doc (V3), read 2026-11. Ids and times are whole numbers, prices and
sizes texts. `cummulativeQuoteQty` is the venue's spelling.
"""

# ruff: noqa: N815
# The field names are the venue's.

from msgspec import UNSET, Struct, UnsetType

# -- requests -----------------------------------------------------------------------------------


class NewOrder(Struct, frozen=True, kw_only=True):
    """An order to place; quantity is in base, of market orders too."""

    symbol: str
    side: str
    type: str
    quantity: str
    price: str | None = None
    timeInForce: str | None = None
    newClientOrderId: str | None = None


class OrderRequest(Struct, frozen=True):
    """One order, by the venue's id or by its owner's."""

    orderId: str | None = None
    origClientOrderId: str | None = None


class SymbolOrdersRequest(Struct, frozen=True):
    """Every open order of a symbol."""

    symbol: str


class BatchRequest(Struct, frozen=True):
    """Several orders, by the venue's ids or by their owner's."""

    orderIds: tuple[str, ...] | None = None
    origClientOrderIds: tuple[str, ...] | None = None


class AllOrdersRequest(Struct, frozen=True):
    """Orders of a symbol, newest first, page by page."""

    symbol: str
    startTime: int | None = None
    endTime: int | None = None
    page: int | None = None
    limit: int | None = None


class MyTradesRequest(Struct, frozen=True):
    """Fills of a symbol, newest first."""

    symbol: str
    orderId: str | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None


# -- answers ------------------------------------------------------------------------------------


class PlacedOrder(Struct, frozen=True):
    """That an order was taken up."""

    symbol: str
    orderId: int
    clientOrderId: str
    transactTime: int


class CanceledOrder(Struct, frozen=True):
    """What became of a cancel; errorMsg is of one in a batch that failed."""

    orderId: int
    status: str
    clientOrderId: str | UnsetType = UNSET
    errorMsg: str | UnsetType = UNSET


class CanceledOrders(Struct, frozen=True):
    """What became of each cancel of a batch."""

    orderList: tuple[CanceledOrder, ...]


class Order(Struct, frozen=True, kw_only=True):
    """An order; one that has filled in part and works still is NEW."""

    symbol: str
    orderId: int
    clientOrderId: str
    price: str
    origQty: str
    executedQty: str
    cummulativeQuoteQty: str
    status: str
    timeInForce: str
    type: str
    side: str
    time: int
    updateTime: int
    isWorking: bool


class MyTrade(Struct, frozen=True, kw_only=True):
    """A fill; its fee is in what was received. isMaker is ours."""

    symbol: str
    id: int
    orderId: int
    price: str
    qty: str
    quoteQty: str
    commission: str
    time: int
    isBuyer: bool
    isMaker: bool | UnsetType = UNSET
