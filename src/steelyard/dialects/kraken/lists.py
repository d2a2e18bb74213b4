"""Lists of own orders and fills, client end: how to get all of one that comes 50 at a time.

A place in a list (`before`, as `Around` tells it) is how many entries come before it, newest first:
the venue's `ofs`. What comes in while a list is read moves the rest on, so that an entry may come
twice, and never not at all; `joined` has each once.

By its cl_ord_id alone the venue finds an order in one list of the open ones and in another of those
that ended: where the first has not got it, the second is asked.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from steelyard.dialects.kraken import account, order_lists
from steelyard.dialects.kraken.account_messages import TradesHistory, TradesHistoryRequest
from steelyard.dialects.kraken.executions import order_from_wire, trade_from_wire
from steelyard.dialects.kraken.order_messages import (
    ClosedOrders,
    ClosedOrdersRequest,
    OpenOrders,
    OpenOrdersRequest,
    OrderInfo,
    QueryOrdersRequest,
)
from steelyard.dialects.kraken.text import find_pair, order_text, seconds_text
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    SECOND_NS,
    WHOLE,
    Answer,
    Around,
    FillList,
    FillsQuery,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Query,
    Refused,
)
from steelyard.domain.order import RejectReason
from steelyard.wire.call import Call

PAGE = order_lists.PAGE
PARTS_MAX = 200  # of one list; whoever has more has to ask with a start
ORDER_PARTS_MAX = 4  # likewise, where the fills of one order are looked for
T = TypeVar("T")


def call_of(query: OrderQuery | OrdersQuery | FillsQuery) -> Call:
    """Return the request that a query is."""
    match query:
        case OrderQuery():
            return _order(query)
        case OrdersQuery():
            return _orders(query)
        case FillsQuery():
            return _fills(query)


# -- one order ----------------------------------------------------------------------------------


def _order(query: OrderQuery) -> Call:
    if query.order_id:
        return Call(
            order_lists.QUERY,
            QueryOrdersRequest(txid=order_text(query.order_id)),
            dict[str, OrderInfo],
            lambda result, known, _: _one(result, known),
        )
    name = query.client_order_id
    if query.has_ended:
        return Call(
            order_lists.CLOSED,
            ClosedOrdersRequest(cl_ord_id=name, without_count=True),
            ClosedOrders,
            lambda result, known, _: _one(result.closed, known),
        )
    return Call(
        order_lists.OPEN,
        OpenOrdersRequest(cl_ord_id=name),
        OpenOrders,
        lambda result, known, _: _one(result.open, known),
    )


def _one(found: dict[str, OrderInfo], listings: Listings) -> Answer:
    for txid, info in found.items():
        return OrderAnswer(order_from_wire(txid, info, listings))
    return Refused(RejectReason.UNKNOWN_ORDER, "no such order")


# -- lists --------------------------------------------------------------------------------------


def _orders(query: OrdersQuery) -> Call:
    def listed(result: dict[str, OrderInfo], known: Listings, around: Around) -> OrderList:
        found = [
            order_from_wire(txid, info, known)
            for txid, info in result.items()
            if find_pair(known, info.descr.pair) is not None
        ]
        wanted = (o for o in found if query.instrument_id in (None, o.instrument_id))
        ordered = sorted(wanted, key=lambda order: (order.created_ns, order.order_id))
        return OrderList(_part(ordered, query), around)

    if query.open_only:
        return Call(
            order_lists.OPEN,
            OpenOrdersRequest(),
            OpenOrders,
            lambda result, known, _: listed(result.open, known, WHOLE),
        )
    offset = query.before or 0
    request = ClosedOrdersRequest(
        start=_start(query.start_ns), end=_end(query.end_ns), ofs=offset, closetime="open"
    )
    return Call(
        order_lists.CLOSED,
        request,
        ClosedOrders,
        lambda result, known, _: listed(
            result.closed, known, _around(offset, len(result.closed), result.count)
        ),
    )


def _fills(query: FillsQuery) -> Call:
    offset = query.before or 0
    request = TradesHistoryRequest(start=_start(query.start_ns), end=_end(query.end_ns), ofs=offset)

    def listed(result: TradesHistory, known: Listings) -> FillList:
        found = (trade_from_wire(wire, known) for wire in result.trades.values())
        fills = [
            fill
            for fill in found
            if fill is not None
            and query.instrument_id in (None, fill.instrument_id)
            and query.order_id in (None, fill.order_id)
        ]
        is_reached = query.from_trade_id is not None and any(
            fill.trade_id < query.from_trade_id for fill in fills
        )
        first = query.from_trade_id or 0
        kept = [fill for fill in fills if fill.trade_id >= first]
        kept.sort(key=lambda fill: (fill.time_ns, fill.trade_id))
        around = _around(offset, len(result.trades), result.count)
        return FillList(_part(kept, query), WHOLE if is_reached else around)

    return Call(
        account.TRADES_HISTORY,
        request,
        TradesHistory,
        lambda result, known, _: listed(result, known),
    )


def _start(start_ns: int | None) -> str | None:
    """Return a start in the venue's way, which leaves out what happened then."""
    return None if start_ns is None else seconds_text(max(start_ns - SECOND_NS, 0))


def _end(end_ns: int | None) -> str | None:
    return None if end_ns is None else seconds_text(end_ns)


def _around(offset: int, told: int, count: Any) -> Around:
    """Return where a list goes on after a page of so many entries."""
    ends = offset + told
    is_last = told < PAGE or (count is not UNSET and ends >= count)
    return WHOLE if is_last else Around(before=ends)


# -- parts --------------------------------------------------------------------------------------


def further(query: Query, answers: Sequence[Answer]) -> Query | None:
    """Return what to ask next, None where these answers are all there is."""
    last = answers[-1]
    is_of_order = isinstance(query, FillsQuery) and query.order_id is not None
    if len(answers) >= (ORDER_PARTS_MAX if is_of_order else PARTS_MAX):
        return None
    match query, last:
        case OrderQuery(order_id=None, has_ended=False), Refused(reason=RejectReason.UNKNOWN_ORDER):
            return replace(query, has_ended=True) if len(answers) == 1 else None
        case ((OrdersQuery() | FillsQuery()), (OrderList() | FillList())):
            place = last.around.before
            told = sum(len(_entries(answer)) for answer in answers)
            is_enough = not _has_start(query) and told >= query.limit
            return None if place is None or is_enough else replace(query, before=place)
        case _:
            return None


def joined(query: Query, answers: Sequence[Answer]) -> Answer:
    """Return the answer to a query, of all of its parts."""
    last = answers[-1]
    match query, last:
        case OrdersQuery(), OrderList():
            orders = _once(answers, lambda order: (order.created_ns, order.order_id))
            return OrderList(_cut(orders, query))
        case FillsQuery(), FillList():
            fills = _once(answers, lambda fill: (fill.time_ns, fill.trade_id, fill.order_id))
            return FillList(_cut(fills, query))
        case _:
            return last


def _entries(answer: Answer) -> tuple[Any, ...]:
    match answer:
        case OrderList(orders):
            return orders
        case FillList(fills):
            return fills
        case _:
            return ()


def _once(answers: Sequence[Answer], key: Callable[[Any], tuple[int, ...]]) -> list[Any]:
    """Return the entries of all parts, oldest first, each once."""
    found = {key(entry): entry for answer in answers for entry in _entries(answer)}
    return [found[name] for name in sorted(found)]


def _cut(entries: list[T], query: OrdersQuery | FillsQuery) -> tuple[T, ...]:
    """Return as many as were asked for: from the start on, without one the newest."""
    return tuple(entries[: query.limit] if _has_start(query) else entries[-query.limit :])


def _part(entries: list[T], query: OrdersQuery | FillsQuery) -> tuple[T, ...]:
    """Return what of a page can be of the list: where it has a start, older pages come first."""
    return tuple(entries if _has_start(query) else entries[-query.limit :])


def _has_start(query: OrdersQuery | FillsQuery) -> bool:
    is_from_fill = isinstance(query, FillsQuery) and query.from_trade_id is not None
    return query.start_ns is not None or is_from_fill
