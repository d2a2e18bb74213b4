"""Wire messages of orders and fills over the classic routes, in the venue's own field names.

Source: github.com/Kucoin/kucoin-api-docs, read 2026-11-20.
"""

# ruff: noqa: N815 the venue's own spelling

from typing import Literal

from msgspec import Struct

from steelyard.dialects.kucoin.messages import Side
from steelyard.dialects.kucoin.order_messages import Type


class ClassicOrder(Struct, frozen=True, kw_only=True):
    """An order as the classic routes tell it."""

    id: str
    symbol: str
    opType: str = "DEAL"
    type: str
    side: Side
    price: str | None = None
    size: str | None = None
    funds: str | None = None
    dealFunds: str = "0"
    dealSize: str = "0"
    fee: str = "0"
    feeCurrency: str = ""
    stp: str | None = ""
    stop: str | None = ""
    stopTriggered: bool = False
    stopPrice: str | None = "0"
    timeInForce: str = "GTC"
    postOnly: bool = False
    hidden: bool = False
    iceberg: bool = False
    visibleSize: str | None = "0"
    cancelAfter: int = 0
    channel: str = "API"
    clientOid: str | None = None
    remark: str | None = None
    tags: str | None = None
    isActive: bool
    cancelExist: bool = False
    createdAt: int
    tradeType: str = "TRADE"


class OrdersRequest(Struct, frozen=True, kw_only=True):
    """Orders, page by page; times are in milliseconds."""

    status: Literal["active", "done"] = "done"
    symbol: str | None = None
    side: Side | None = None
    type: Type | None = None
    tradeType: str | None = None
    startAt: int | None = None
    endAt: int | None = None
    currentPage: int = 1
    pageSize: int = 50


class OrderPage(Struct, frozen=True, kw_only=True):
    """A page of orders."""

    currentPage: int
    pageSize: int
    totalNum: int
    totalPage: int
    items: tuple[ClassicOrder, ...]


class FillsRequest(Struct, frozen=True, kw_only=True):
    """Fills, page by page; times are in milliseconds."""

    orderId: str | None = None
    symbol: str | None = None
    side: Side | None = None
    type: Type | None = None
    tradeType: str | None = None
    startAt: int | None = None
    endAt: int | None = None
    currentPage: int = 1
    pageSize: int = 50


class ClassicFill(Struct, frozen=True, kw_only=True):
    """One execution of one's own, as the classic routes tell it."""

    symbol: str
    tradeId: str
    orderId: str
    counterOrderId: str = ""
    side: Side
    liquidity: Literal["taker", "maker"]
    forceTaker: bool = False
    price: str
    size: str
    funds: str
    fee: str
    feeRate: str
    feeCurrency: str
    stop: str | None = ""
    tradeType: str = "TRADE"
    type: str
    createdAt: int


class FillPage(Struct, frozen=True, kw_only=True):
    """A page of executions."""

    currentPage: int
    pageSize: int
    totalNum: int
    totalPage: int
    items: tuple[ClassicFill, ...]


class ListedRow(Struct, frozen=True, kw_only=True):
    """What became of one order of several, which it repeats."""

    symbol: str
    type: str
    side: Side
    price: str | None = None
    size: str | None = None
    funds: str | None = None
    stp: str | None = ""
    stop: str | None = ""
    stopPrice: str | None = None
    timeInForce: str = "GTC"
    cancelAfter: int = 0
    postOnly: bool = False
    hidden: bool = False
    iceberge: bool = False  # the venue's spelling
    iceberg: bool = False
    visibleSize: str | None = None
    channel: str = "API"
    id: str | None = None
    status: Literal["success", "fail"]
    failMsg: str | None = None
    clientOid: str | None = None


class ListedRows(Struct, frozen=True):
    """What became of several orders."""

    data: tuple[ListedRow, ...]
