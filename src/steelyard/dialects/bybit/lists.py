"""Lists of own orders and fills, client end: how to get all of one that comes by pages.

A place in a list (`before`, as `Around` tells it) is the number of a cursor, which the venue makes
and we remember: it is a text of any form. A list reaches over seven days at most; what is older is
asked for week by week, and `after` is where the next one begins. What comes in while a list is read
may come twice, and never not at all; `joined` has each once.

By its client id an order is looked for among those of now, and then among those that ended.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from zlib import crc32

from msgspec import UNSET
from msgspec.structs import replace

from steelyard.dialects.bybit import order_messages as wire
from steelyard.dialects.bybit import orders
from steelyard.dialects.bybit.executions import fill_from_wire, order_from_wire
from steelyard.dialects.bybit.order_messages import ExecutionsRequest, OrdersRequest
from steelyard.dialects.bybit.placing import SPOT
from steelyard.dialects.bybit.routes import find_in
from steelyard.dialects.bybit.text import order_text, symbol_text, to_ms
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
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

PARTS_MAX = 200  # of one list; whoever has more has to ask with a start
CURSORS_MAX = 1_000
T = TypeVar("T")


class Cursors:
    """The venue's cursors by numbers of ours; the oldest are forgotten."""

    def __init__(self) -> None:
        self._texts: OrderedDict[int, str] = OrderedDict()

    def number(self, text: str) -> int:
        """Return the number of a cursor."""
        number = crc32(text.encode()) or 1
        self._texts[number] = text
        while len(self._texts) > CURSORS_MAX:
            self._texts.popitem(last=False)
        return number

    def text(self, number: int | None) -> str | None:
        """Return the cursor of a number; None for the beginning of a list."""
        return None if number is None else self._texts.get(number)


def call_of(
    query: OrderQuery | OrdersQuery | FillsQuery, listings: Listings, cursors: Cursors
) -> Call:
    """Return the request that a query is."""
    match query:
        case OrderQuery():
            return _order(query)
        case OrdersQuery():
            return _orders(query, listings, cursors)
        case FillsQuery():
            return _fills(query, listings, cursors)


# -- one order ----------------------------------------------------------------------------------


def _order(query: OrderQuery) -> Call:
    link = query.client_order_id or None
    number = None if link or not query.order_id else order_text(query.order_id)
    request = OrdersRequest(SPOT, orderId=number, orderLinkId=link)
    endpoint = orders.HISTORY if query.has_ended else orders.REALTIME
    return Call(endpoint, request, wire.Orders, lambda result, known, _: _one(result, known))


def _one(result: wire.Orders, listings: Listings) -> Answer:
    for found in result.list:
        return OrderAnswer(order_from_wire(found, listings))
    return Refused(RejectReason.UNKNOWN_ORDER, "no such order")


# -- lists --------------------------------------------------------------------------------------


def _orders(query: OrdersQuery, listings: Listings, cursors: Cursors) -> Call:
    start, end = (None, None) if query.open_only else _span(query)
    request = OrdersRequest(
        SPOT,
        symbol=_symbol(query.instrument_id, listings),
        startTime=start,
        endTime=end,
        limit=orders.ORDERS_MAX,
        cursor=cursors.text(query.before),
    )

    def read(result: wire.Orders, known: Listings, now_ns: int) -> OrderList:
        rows = (o for o in result.list if find_in(SPOT, o.symbol, known) is not None)
        found = [order_from_wire(each, known) for each in rows]
        found.sort(key=_order_key)
        later = None if query.open_only else _later(query, now_ns)
        return OrderList(tuple(found), _around(result.nextPageCursor, cursors, later))

    endpoint = orders.REALTIME if query.open_only else orders.HISTORY
    return Call(endpoint, request, wire.Orders, read)


def _fills(query: FillsQuery, listings: Listings, cursors: Cursors) -> Call:
    start, end = _span(query)
    request = ExecutionsRequest(
        SPOT,
        symbol=_symbol(query.instrument_id, listings),
        orderId=None if query.order_id is None else order_text(query.order_id),
        startTime=start,
        endTime=end,
        execType="Trade",
        limit=orders.FILLS_MAX,
        cursor=cursors.text(query.before),
    )
    first = query.from_trade_id or 0

    def read(result: wire.Executions, known: Listings, now_ns: int) -> FillList:
        rows = (e for e in result.list if find_in(SPOT, e.symbol, known) is not None)
        found = [fill_from_wire(each, known) for each in rows]
        kept = sorted((fill for fill in found if fill.trade_id >= first), key=_fill_key)
        is_reached = bool(first) and len(kept) < len(found)
        cursor = "" if is_reached else result.nextPageCursor
        return FillList(tuple(kept), _around(cursor, cursors, _later(query, now_ns)))

    return Call(orders.EXECUTIONS, request, wire.Executions, read)


def _symbol(instrument_id: int | None, listings: Listings) -> str | None:
    return None if instrument_id is None else symbol_text(listings[instrument_id])


def _span(query: OrdersQuery | FillsQuery) -> tuple[int | None, int | None]:
    """Return start and end of what is asked for, of at most seven days."""
    if query.start_ns is None:
        return None, None if query.end_ns is None else to_ms(query.end_ns)
    most_ns = query.start_ns + orders.SPAN_NS
    end_ns = most_ns if query.end_ns is None else min(query.end_ns, most_ns)
    return to_ms(query.start_ns), to_ms(end_ns)


def _later(query: OrdersQuery | FillsQuery, now_ns: int) -> int | None:
    """Return where the next seven days begin; None where nothing of them can be there."""
    if query.start_ns is None:
        return None
    next_ns = query.start_ns + orders.SPAN_NS
    end_ns = now_ns if query.end_ns is None else min(query.end_ns, now_ns)
    return next_ns if next_ns < end_ns else None


def _around(cursor: Any, cursors: Cursors, later_ns: int | None) -> Around:
    before = cursors.number(cursor) if cursor is not UNSET and cursor else None
    return WHOLE if before is None and later_ns is None else Around(before, later_ns)


def _order_key(order: Any) -> tuple[int, int]:
    return order.created_ns, order.order_id


def _fill_key(fill: Any) -> tuple[int, int, int]:
    return fill.time_ns, fill.trade_id, fill.order_id


# -- parts --------------------------------------------------------------------------------------


def further(query: Query, answers: Sequence[Answer]) -> Query | None:
    """Return what to ask next, None where these answers are all there is."""
    last = answers[-1]
    if len(answers) >= PARTS_MAX:
        return None
    match query, last:
        case OrderQuery(has_ended=False), Refused(reason=RejectReason.UNKNOWN_ORDER):
            return replace(query, has_ended=True) if len(answers) == 1 else None
        case ((OrdersQuery() | FillsQuery()), (OrderList() | FillList())):
            return _next(query, answers, last.around)
        case _:
            return None


def _next(
    query: OrdersQuery | FillsQuery, answers: Sequence[Answer], around: Around
) -> Query | None:
    begun = [answer.around.after for answer in answers if isinstance(answer, OrderList | FillList)]
    if around.before is not None:
        told = sum(len(_entries(answer)) for answer in answers)
        if query.start_ns is None and told >= query.limit:
            return None
        # The pages of the week that was asked for last.
        weeks = [place for place in begun if place is not None and place != around.after]
        start_ns = query.start_ns if not weeks else max(weeks)
        return replace(query, before=around.before, start_ns=start_ns)
    if around.after is not None:
        return replace(query, before=None, start_ns=around.after)
    return None


def joined(query: Query, answers: Sequence[Answer]) -> Answer:
    """Return the answer to a query, of all of its parts."""
    last = answers[-1]
    match query, last:
        case OrdersQuery(), OrderList():
            return OrderList(_cut(_once(answers, _order_key), query))
        case FillsQuery(), FillList():
            return FillList(_cut(_once(answers, _fill_key), query))
        case _:
            return last


def _entries(answer: Answer) -> tuple[Any, ...]:
    match answer:
        case OrderList(orders=found):
            return found
        case FillList(fills=executed):
            return executed
        case _:
            return ()


def _once(answers: Sequence[Answer], key: Callable[[Any], tuple[int, ...]]) -> list[Any]:
    """Return the entries of all parts, oldest first, each once."""
    found = {key(entry): entry for answer in answers for entry in _entries(answer)}
    return [found[name] for name in sorted(found)]


def _cut(entries: list[T], query: OrdersQuery | FillsQuery) -> tuple[T, ...]:
    """Return as many as were asked for: from the start on, without one the newest."""
    has_start = query.start_ns is not None or (
        isinstance(query, FillsQuery) and query.from_trade_id is not None
    )
    return tuple(entries[: query.limit] if has_start else entries[-query.limit :])
