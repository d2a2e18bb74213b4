"""Own orders and fills, client end: how to find one, and how to get all of a list.

Orders that wait for a price are on lists of their own, by type: where an order is not on the first,
the other is asked (`has_ended` stands for that), and a list of open orders goes on with those that
wait. Lists come 100 at a time; a place in one (`before`) is the number of a row, or of fills the
number under which the venue lists it. Public trades from an id on come in the same way.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from steelyard.dialects.okx import algo_lists, algo_terms, executions, order_lists
from steelyard.dialects.okx.algo_messages import AlgoInfo, AlgoRequest, AlgosRequest
from steelyard.dialects.okx.history import OLD_TRADES_MAX
from steelyard.dialects.okx.order_messages import (
    FillInfo,
    FillsRequest,
    HistoryRequest,
    OrderInfo,
    OrderRequest,
    PendingRequest,
)
from steelyard.dialects.okx.text import SPOT, ms, read_id
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Order
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
    Trade,
    TradeList,
    TradesQuery,
)
from steelyard.domain.order import RejectReason
from steelyard.wire.call import Call

PAGE = order_lists.PAGE
PARTS_MAX = 200
# The lists of orders that wait, one after the other; those before them are of orders at market.
WAITING = ("conditional,oco", "trigger", "move_order_stop", "smart_iceberg")
# A place of a list of open orders that is one of these stands for the list itself.
_FIRST_LIST = -1
T = TypeVar("T")


def call_of(query: OrderQuery | OrdersQuery | FillsQuery, listings: Listings) -> Call:
    """Return the request that a query is."""
    match query:
        case OrderQuery():
            return _order(query, listings)
        case OrdersQuery(open_only=True):
            return _open(query, listings)
        case OrdersQuery():
            return _ended(query, listings)
        case FillsQuery():
            return _fills(query, listings)


# -- one order ----------------------------------------------------------------------------------


def _order(query: OrderQuery, listings: Listings) -> Call:
    number, name = query.order_id or None, query.client_order_id
    if query.has_ended:
        algo = AlgoRequest(
            algoId=None if name or number is None else str(number), algoClOrdId=name or None
        )
        return Call(
            algo_lists.QUERY,
            algo,
            tuple[AlgoInfo, ...],
            lambda rows, known, _: _one([algo_terms.order_from_wire(row, known) for row in rows]),
        )
    if query.instrument_id is None:
        raise Unsupported("OKX finds an order by its instrument and an id; name the instrument")
    request = OrderRequest(
        instId=listings[query.instrument_id].symbol,
        ordId=None if number is None else str(number),
        clOrdId=name if number is None and name else None,
    )
    return Call(
        order_lists.QUERY,
        request,
        tuple[OrderInfo, ...],
        lambda rows, known, _: _one([executions.order_from_wire(row, known) for row in rows]),
    )


def _one(found: Sequence[Any]) -> Answer:
    if not found:
        return Refused(RejectReason.UNKNOWN_ORDER, "no such order")
    return OrderAnswer(found[0])


# -- lists --------------------------------------------------------------------------------------


def _open(query: OrdersQuery, listings: Listings) -> Call:
    inst_id = None if query.instrument_id is None else listings[query.instrument_id].symbol
    place = query.before
    if place is not None and place < 0:
        kind = WAITING[_FIRST_LIST - place]
        algo_request = AlgosRequest(ordType=kind, instType=SPOT, instId=inst_id, limit=str(PAGE))
        is_last = place == _FIRST_LIST - len(WAITING) + 1
        return Call(
            algo_lists.PENDING,
            algo_request,
            tuple[AlgoInfo, ...],
            lambda rows, known, _: OrderList(
                tuple(
                    algo_terms.order_from_wire(row, known)
                    for row in reversed(rows)
                    if _is_known(row, known)
                ),
                WHOLE if is_last else Around(before=place - 1),
            ),
        )
    request = PendingRequest(
        instType=SPOT,
        instId=inst_id,
        after=None if place is None else str(place),
        limit=str(PAGE),
    )
    return Call(
        order_lists.PENDING,
        request,
        tuple[OrderInfo, ...],
        lambda rows, known, _: OrderList(
            tuple(
                executions.order_from_wire(row, known)
                for row in reversed(rows)
                if _is_known(row, known)
            ),
            Around(before=read_id(rows[-1].ordId) if len(rows) >= PAGE else _FIRST_LIST),
        ),
    )


def _is_known(row: OrderInfo | AlgoInfo | FillInfo, listings: Listings) -> bool:
    return listings.find(row.instId) is not None


def _ended(query: OrdersQuery, listings: Listings) -> Call:
    request = HistoryRequest(
        instType=SPOT,
        instId=None if query.instrument_id is None else listings[query.instrument_id].symbol,
        after=None if query.before is None else str(query.before),
        begin=None if query.start_ns is None else ms(query.start_ns),
        end=None if query.end_ns is None else ms(query.end_ns),
        limit=str(PAGE),
    )
    return Call(
        order_lists.HISTORY,
        request,
        tuple[OrderInfo, ...],
        lambda rows, known, _: OrderList(
            tuple(
                executions.order_from_wire(row, known)
                for row in reversed(rows)
                if _is_known(row, known)
            ),
            Around(before=read_id(rows[-1].ordId)) if len(rows) >= PAGE else WHOLE,
        ),
    )


def _fills(query: FillsQuery, listings: Listings) -> Call:
    request = FillsRequest(
        instType=SPOT,
        instId=None if query.instrument_id is None else listings[query.instrument_id].symbol,
        ordId=None if query.order_id is None else str(query.order_id),
        after=None if query.before is None else str(query.before),
        begin=None if query.start_ns is None else ms(query.start_ns),
        end=None if query.end_ns is None else ms(query.end_ns),
        limit=str(PAGE),
    )
    first = query.from_trade_id or 0

    def listed(rows: Sequence[FillInfo], known: Listings) -> FillList:
        found = [
            executions.fill_from_wire(row, known) for row in reversed(rows) if _is_known(row, known)
        ]
        is_reached = any(fill.trade_id < first for fill in found)
        is_last = len(rows) < PAGE or (is_reached and query.instrument_id is not None)
        kept = tuple(fill for fill in found if fill.trade_id >= first)
        return FillList(
            kept, WHOLE if is_last else Around(before=read_id(rows[-1].billId, "billId"))
        )

    return Call(
        order_lists.OLD_FILLS,
        request,
        tuple[FillInfo, ...],
        lambda rows, known, _: listed(rows, known),
    )


# -- parts --------------------------------------------------------------------------------------


def further(query: Query, answers: Sequence[Answer]) -> Query | None:
    """Return what to ask next, None where these answers are all there is."""
    last = answers[-1]
    if len(answers) >= PARTS_MAX:
        return None
    match query, last:
        case OrderQuery(has_ended=False), Refused(reason=RejectReason.UNKNOWN_ORDER):
            return replace(query, has_ended=True) if len(answers) == 1 else None
        case OrderQuery(), OrderAnswer(order) if len(answers) == 2 and order.triggered_ns:  # noqa: PLR2004
            # It has gone to market, where it has a number of its own.
            return replace(
                query,
                instrument_id=order.instrument_id,
                order_id=order.order_id,
                client_order_id=None,
                has_ended=False,
            )
        case ((OrdersQuery() | FillsQuery()), (OrderList() | FillList())):
            place = last.around.before
            told = sum(len(_entries(answer)) for answer in answers)
            is_enough = not _has_start(query) and told >= query.limit and not _is_open(query)
            return None if place is None or is_enough else replace(query, before=place)
        case TradesQuery(from_trade_id=int()), TradeList(trades=(*_, Trade(trade_id=newest))):
            told = sum(len(_entries(answer)) for answer in answers)
            is_last = len(last.trades) < OLD_TRADES_MAX or told >= query.limit
            return None if is_last else replace(query, from_trade_id=newest + 1)
        case _:
            return None


def joined(query: Query, answers: Sequence[Answer]) -> Answer:
    """Return the answer to a query, of all of its parts."""
    last = answers[-1]
    match query, last:
        case OrderQuery(client_order_id=str(name)), OrderAnswer(order) if len(answers) > 2:  # noqa: PLR2004
            return OrderAnswer(replace(order, client_order_id=order.client_order_id or name))
        case OrdersQuery(), OrderList():
            orders: dict[int, Order] = {}
            for order in (order for answer in answers for order in _entries(answer)):
                orders[order.order_id] = _with_fills(order, orders.get(order.order_id))
            return OrderList(_cut([orders[number] for number in sorted(orders)], query))
        case FillsQuery(), FillList():
            fills = {
                (fill.time_ns, fill.trade_id, fill.order_id): fill
                for answer in answers
                for fill in _entries(answer)
            }
            return FillList(_cut([fills[name] for name in sorted(fills)], query))
        case TradesQuery(from_trade_id=int()), TradeList():
            trades = [trade for answer in answers for trade in _entries(answer)]
            return TradeList(tuple(trades[: query.limit]))
        case _:
            return last


def _with_fills(order: Order, before: Order | None) -> Order:
    """Return an order as a later list has it: that of algo orders does not tell what has filled."""
    if before is None or before.filled_lots <= order.filled_lots:
        return order
    return replace(
        order, filled_lots=before.filled_lots, quote_atoms=before.quote_atoms, state=before.state
    )


def _entries(answer: Answer) -> tuple[Any, ...]:
    match answer:
        case OrderList(orders):
            return orders
        case FillList(fills):
            return fills
        case TradeList(trades):
            return trades
        case _:
            return ()


def _cut(entries: list[T], query: OrdersQuery | FillsQuery) -> tuple[T, ...]:
    """Return as many as were asked for: from the start on, without one the newest."""
    return tuple(entries[: query.limit] if _has_start(query) else entries[-query.limit :])


def _has_start(query: OrdersQuery | FillsQuery) -> bool:
    is_from_fill = isinstance(query, FillsQuery) and query.from_trade_id is not None
    return query.start_ns is not None or is_from_fill


def _is_open(query: OrdersQuery | FillsQuery) -> bool:
    return isinstance(query, OrdersQuery) and query.open_only
