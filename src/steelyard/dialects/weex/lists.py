"""Own orders and fills, client end: one of them, and how to get all of a list that has parts.

A place in a list (`before`, as `Around` tells it) is the number of the next page of orders, or the
time up to which fills are wanted next. What comes in while a list is read moves entries to later
pages: it may come twice, and never not at all; `joined` has each once. The venue does not say how
its fills are sorted; where they are oldest first, the next part is asked for from the last one on.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from steelyard.dialects.weex import order_messages as wire
from steelyard.dialects.weex import orders
from steelyard.dialects.weex.executions import fill_from_wire, order_from_wire
from steelyard.dialects.weex.messages import MaybeSymbolRequest
from steelyard.dialects.weex.order_messages import (
    AllOrdersRequest,
    MyTradesRequest,
    OrderRequest,
)
from steelyard.dialects.weex.text import MS_NS, find_symbol, ms, order_id, symbol_text
from steelyard.domain.errors import Unsupported
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
)
from steelyard.wire.call import Call

PARTS_MAX = 200  # of one list; whoever has more has to ask with a start
PAGE = orders.LIST_MAX
T = TypeVar("T")


def call_of(query: OrderQuery | OrdersQuery | FillsQuery, listings: Listings) -> Call:
    """Return the request that a query is.

    Raises:
        Unsupported: The venue lists what is asked for by symbol.
    """
    match query:
        case OrderQuery():
            return Call(
                orders.ORDER,
                named(query.order_id, query.client_order_id),
                wire.Order,
                lambda found, known, _: OrderAnswer(order_from_wire(found, known)),
            )
        case OrdersQuery(open_only=True):
            return _open(query, listings)
        case OrdersQuery():
            return _all(query, listings)
        case FillsQuery():
            return _fills(query, listings)


def named(number: int | None, own: str | None) -> OrderRequest:
    """Return how a request names an order: by its own client's id where there is one."""
    if own:
        return OrderRequest(origClientOrderId=own)
    return OrderRequest(orderId=str(order_id(number or 0)))


def _symbol(instrument_id: int | None, listings: Listings) -> str:
    if instrument_id is None:
        raise Unsupported("WEEX lists orders that have ended, and fills, by symbol; name one")
    return symbol_text(listings[instrument_id])


def _open(query: OrdersQuery, listings: Listings) -> Call:
    here = query.instrument_id
    symbol = None if here is None else symbol_text(listings[here])
    return Call(
        orders.OPEN,
        MaybeSymbolRequest(symbol),
        tuple[wire.Order, ...],
        lambda rows, known, _: OrderList(_orders_of(rows, known)),
    )


def _orders_of(rows: Sequence[wire.Order], listings: Listings) -> tuple[Any, ...]:
    """Return orders of what is listed, oldest first."""
    known = (row for row in rows if find_symbol(listings, row.symbol) is not None)
    return tuple(sorted((order_from_wire(row, listings) for row in known), key=_order_key))


def _all(query: OrdersQuery, listings: Listings) -> Call:
    page = query.before or 1
    request = AllOrdersRequest(
        _symbol(query.instrument_id, listings),
        startTime=None if query.start_ns is None else ms(query.start_ns),
        endTime=None if query.end_ns is None else ms(query.end_ns),
        page=page,
        limit=PAGE,
    )

    def read(rows: tuple[wire.Order, ...], known: Listings, _now_ns: int) -> OrderList:
        around = Around(before=page + 1) if len(rows) >= PAGE else WHOLE
        return OrderList(_orders_of(rows, known), around)

    return Call(orders.ALL, request, tuple[wire.Order, ...], read)


def _fills(query: FillsQuery, listings: Listings) -> Call:
    end_ns = query.end_ns if query.before is None else query.before * MS_NS
    request = MyTradesRequest(
        _symbol(query.instrument_id, listings),
        orderId=None if query.order_id is None else str(order_id(query.order_id)),
        startTime=None if query.start_ns is None else ms(query.start_ns),
        endTime=None if end_ns is None else ms(end_ns),
        limit=PAGE,
    )
    first = query.from_trade_id or 0

    def read(rows: tuple[wire.MyTrade, ...], known: Listings, _now_ns: int) -> FillList:
        found = sorted((fill_from_wire(row, known) for row in rows), key=_fill_key)
        kept = tuple(fill for fill in found if fill.trade_id >= first)
        if len(rows) < PAGE:
            return FillList(kept)
        if rows[0].time < rows[-1].time:
            return FillList(kept, Around(after=found[-1].time_ns))
        is_reached = bool(first) and len(kept) < len(found)
        return FillList(kept, WHOLE if is_reached else Around(before=rows[-1].time))

    return Call(orders.FILLS, request, tuple[wire.MyTrade, ...], read)


def _order_key(order: Any) -> tuple[int, int]:
    return order.created_ns, order.order_id


def _fill_key(fill: Any) -> tuple[int, int, int]:
    return fill.time_ns, fill.trade_id, fill.order_id


# -- parts --------------------------------------------------------------------------------------


def further(query: Query, answers: Sequence[Answer]) -> Query | None:
    """Return what to ask next, None where these answers are all there is."""
    last = answers[-1]
    if not isinstance(query, OrdersQuery | FillsQuery) or len(answers) >= PARTS_MAX:
        return None
    if not isinstance(last, OrderList | FillList):
        return None
    around = last.around
    if around.before is not None:
        told = sum(len(_entries(answer)) for answer in answers)
        is_enough = query.start_ns is None and told >= query.limit
        is_stuck = isinstance(query, FillsQuery) and around.before == query.before
        return None if is_enough or is_stuck else replace(query, before=around.before)
    if around.after is not None and around.after != query.start_ns:
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
