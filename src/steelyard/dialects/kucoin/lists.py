"""Own orders and fills, client end: what a message about them is as a request, part by part.

Open orders are two lists, those in the book and those that wait for their price; fills and orders
that are over come 100 at a time. A place in a list (`before`, as `Around` tells it) is the venue's
`lastId`, and of orders that wait the number of their page.

The number of an order that waits says so. One that is asked for by its name alone is asked for at
market, and where it is not there, among those that wait (`has_ended` stands for that list); where
it is told to have been triggered, at market again.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from steelyard.dialects.kucoin import (
    batches,
    classic,
    dead_man,
    order_messages,
    orders,
    placing,
    stops,
)
from steelyard.dialects.kucoin.messages import Nothing
from steelyard.dialects.kucoin.order_messages import (
    AlterRequest,
    AnyClientOrderRequest,
    AnyOrderRequest,
    ClientOrderRequest,
    DeadManRequest,
    DoneOrders,
    DoneRequest,
    Fills,
    FillsRequest,
    OrderRequest,
    StopOrder,
    StopOrders,
    StopOrdersRequest,
    SymbolOrdersRequest,
    SyncedOrder,
)
from steelyard.dialects.kucoin.text import (
    id_of,
    is_client_id,
    is_foreign,
    order_number,
    price_text,
    size_text,
    waits,
)
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place, UserCommand
from steelyard.domain.dead_man import ArmDeadMan
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    WHOLE,
    Acknowledged,
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
from steelyard.wire.outcome import Answered, Outcome

PAGE = 100
STOP_PAGE = 50
PARTS_MAX = 200
SOUGHT_MAX = 10  # parts, in which the fills of an order are looked for that cannot be asked for
T = TypeVar("T")


# -- commands -----------------------------------------------------------------------------------


def command_call(command: UserCommand, listings: Listings) -> Call:
    """Return the request that a command is.

    Raises:
        Unsupported: The venue does not offer this.
    """
    match command:
        case Place() if command.order_type.waits:
            return Call(
                stops.PLACE,
                placing.place_to_wire(command, listings),
                order_messages.OrderId,
                lambda data, _, __: OrderAnswer(
                    orders.as_asked(order_number(data.orderId), command)
                ),
            )
        case Place():
            return Call(
                orders.PLACE_SYNC,
                placing.place_to_wire(command, listings),
                SyncedOrder,
                lambda data, _, __: orders.placed_from_wire(data, command),
            )
        case Cancel():
            return _cancel(command, listings)
        case Amend():
            return _alter(command, listings)
        case CancelAll(instrument_id=None):
            return Call(
                orders.CANCEL_EVERY,
                Nothing(),
                order_messages.CanceledSymbols,
                lambda _data, _known, _now_ns: Acknowledged(),
            )
        case CancelAll():
            symbol = listings[command.instrument_id or 0].symbol
            return Call(
                orders.CANCEL_SYMBOL,
                SymbolOrdersRequest(symbol=symbol),
                str,
                lambda _data, _known, _now_ns: Acknowledged(),
            )
        case _:
            raise Unsupported(f"KuCoin has no {type(command).__name__} over this API")


def _cancel(cancel: Cancel, listings: Listings) -> Call:
    has_name = bool(cancel.client_order_id) and is_client_id(cancel.client_order_id)
    if waits(cancel.order_id) and has_name and id_of(cancel.order_id) is None:
        return Call(
            stops.CANCEL_CLIENT,
            AnyClientOrderRequest(clientOid=cancel.client_order_id),
            order_messages.CanceledClient,
            lambda _data, _known, _now_ns: Acknowledged(),
        )
    if waits(cancel.order_id):
        return Call(
            stops.CANCEL,
            AnyOrderRequest(orderId=_id(cancel.order_id)),
            order_messages.CanceledIds,
            lambda _data, _known, _now_ns: Acknowledged(),
        )
    symbol = _symbol(cancel.instrument_id, listings)
    if has_name:
        return Call(
            orders.CANCEL_CLIENT,
            ClientOrderRequest(clientOid=cancel.client_order_id, symbol=symbol),
            order_messages.ClientId,
            lambda _data, _known, _now_ns: Acknowledged(),
        )
    return Call(
        orders.CANCEL,
        OrderRequest(orderId=_id(cancel.order_id), symbol=symbol),
        order_messages.OrderId,
        lambda _data, _known, _now_ns: Acknowledged(),
    )


def _alter(amend: Amend, listings: Listings) -> Call:
    """Return what puts another order in an order's place; what that is the venue does not say."""
    if waits(amend.order_id) or amend.trigger_ticks is not None:
        raise Unsupported("KuCoin alters no orders that wait for their price; cancel, place anew")
    symbol, number = _symbol(amend.instrument_id, listings), amend.order_id
    instrument, ticks, lots = listings.symbol(symbol), amend.price_ticks, amend.size_lots
    by_name = id_of(number) is None and bool(amend.client_order_id)
    return Call(
        batches.ALTER,
        AlterRequest(
            symbol=symbol,
            orderId=None if by_name else _id(number),
            clientOid=amend.client_order_id if by_name else None,
            newPrice=None if ticks is None else price_text(instrument, ticks),
            newSize=None if lots is None else size_text(instrument, lots),
        ),
        order_messages.AlteredOrder,
        lambda data, _known, _now_ns: Acknowledged(order_id=order_number(data.newOrderId)),
    )


def nothing_to_cancel(message: UserCommand | Query, outcome: Outcome) -> Outcome:
    """Return what was wanted, where there was nothing to cancel."""
    match outcome:
        case Answered(Refused(reason=RejectReason.UNKNOWN_ORDER)) if isinstance(message, CancelAll):
            return Answered(Acknowledged(0))
        case _:
            return outcome


def _symbol(instrument_id: int | None, listings: Listings) -> str:
    if instrument_id is None:
        raise Unsupported("KuCoin names an order with its symbol; name the instrument")
    return listings[instrument_id].symbol


def _id(number: int) -> str:
    found = id_of(number)
    if found is None:
        raise Unsupported("an order's id cannot be made from its number; name its client id")
    return found


# -- queries ------------------------------------------------------------------------------------


def query_call(
    query: OrderQuery | OrdersQuery | FillsQuery | ArmDeadMan, listings: Listings
) -> Call:
    """Return the request that a query about an account is.

    Raises:
        Unsupported: The venue does not offer this.
    """
    match query:
        case OrderQuery():
            return _order(query, listings)
        case OrdersQuery():
            return _orders(query, listings)
        case FillsQuery():
            return _fills(query, listings)
        case ArmDeadMan():
            return Call(
                dead_man.ARM,
                DeadManRequest(timeout=dead_man.timeout_of(query)),
                order_messages.DeadMan,
                lambda data, _, __: dead_man.armed_from_wire(data),
            )


def _order(query: OrderQuery, listings: Listings) -> Call:
    def one(data: Any, known: Listings) -> Answer:
        return OrderAnswer(orders.orders_from_wire((data,), known).orders[0])

    number, name = query.order_id or 0, query.client_order_id
    if query.has_ended and name:
        return Call(
            stops.CLIENT_STOP,
            AnyClientOrderRequest(clientOid=name),
            tuple[StopOrder, ...],
            lambda data, known, _: _waiting_one(data, known),
        )
    if waits(number):
        return Call(
            stops.STOP,
            AnyOrderRequest(orderId=_id(number)),
            StopOrder,
            lambda data, known, _: OrderAnswer(stops.stop_from_wire(data, known)),
        )
    if query.instrument_id is None:
        return classic.order_call(None if name else _id(number), name)
    symbol = _symbol(query.instrument_id, listings)
    if name:
        return Call(
            orders.CLIENT_ORDER,
            ClientOrderRequest(clientOid=name, symbol=symbol),
            order_messages.Order,
            lambda data, known, _: one(data, known),
        )
    return Call(
        orders.ORDER,
        OrderRequest(orderId=_id(number), symbol=symbol),
        order_messages.Order,
        lambda data, known, _: one(data, known),
    )


def _waiting_one(data: Sequence[StopOrder], listings: Listings) -> Answer:
    """Return the newest of the orders of one name that wait, or did."""
    if not data:
        return Refused(RejectReason.UNKNOWN_ORDER, "no such order waits for its price, or did")
    return OrderAnswer(stops.stop_from_wire(max(data, key=lambda row: row.orderTime), listings))


def _orders(query: OrdersQuery, listings: Listings) -> Call:
    if query.open_only and query.before is not None:
        return _waiting(query, listings)
    if query.instrument_id is None:
        return classic.orders_call(query)
    symbol = _symbol(query.instrument_id, listings)
    if query.open_only:
        return Call(
            orders.ACTIVE,
            SymbolOrdersRequest(symbol=symbol),
            tuple[order_messages.Order, ...],
            lambda data, known, _: replace(
                orders.orders_from_wire(data, known), around=Around(before=1)
            ),
        )
    request = DoneRequest(
        symbol=symbol,
        lastId=query.before,
        limit=min(query.limit, PAGE),
        startAt=_ms(query.start_ns),
        endAt=_ms(query.end_ns),
    )
    return Call(
        orders.DONE,
        request,
        DoneOrders,
        lambda data, known, _: OrderList(
            orders.orders_from_wire(data.items, known).orders,
            _around(len(data.items), request.limit, data.lastId),
        ),
    )


def _waiting(query: OrdersQuery, listings: Listings) -> Call:
    symbol = None if query.instrument_id is None else listings[query.instrument_id].symbol
    page = query.before or 1

    def listed(data: StopOrders, known: Listings) -> OrderList:
        found = tuple(stops.stop_from_wire(each, known) for each in data.items[::-1])
        return OrderList(found, Around(before=page + 1) if page < data.totalPage else WHOLE)

    return Call(
        stops.STOPS,
        StopOrdersRequest(symbol=symbol, currentPage=page, pageSize=STOP_PAGE),
        StopOrders,
        lambda data, known, _: listed(data, known),
    )


def _fills(query: FillsQuery, listings: Listings) -> Call:
    if query.instrument_id is None:
        raise Unsupported("KuCoin lists fills by symbol; name one")
    first, number = query.from_trade_id or 0, query.order_id
    request = FillsRequest(
        symbol=_symbol(query.instrument_id, listings),
        # Of an id that cannot be made all are asked for. One that waits has none.
        orderId=None if number is None else id_of(number),
        lastId=query.before,
        limit=PAGE if first or query.start_ns is not None else min(query.limit, PAGE),
        startAt=_ms(query.start_ns),
        endAt=_ms(query.end_ns),
    )

    def listed(data: Fills, known: Listings) -> FillList:
        fills = orders.fills_from_wire(data, known).fills
        kept = tuple(fill for fill in fills if fill.trade_id >= first)
        is_reached = len(kept) < len(fills)
        kept = tuple(fill for fill in kept if number in (None, fill.order_id))
        around = WHOLE if is_reached else _around(len(fills), request.limit, data.lastId)
        return FillList(kept, around)

    return Call(orders.FILLS, request, Fills, lambda data, known, _: listed(data, known))


def _around(told: int, limit: int, last: int) -> Around:
    return Around(before=last) if told >= limit and last else WHOLE


def _ms(time_ns: int | None) -> int | None:
    return None if time_ns is None else max(time_ns // 1_000_000, 0)


# -- parts --------------------------------------------------------------------------------------


def further(query: Query, answers: Sequence[Answer]) -> Query | None:
    """Return what to ask next, None where these answers are all there is."""
    is_sought = isinstance(query, FillsQuery) and is_foreign(query.order_id or 0)
    if len(answers) >= (SOUGHT_MAX if is_sought else PARTS_MAX):
        return None
    match query, answers[-1]:
        case OrderQuery(client_order_id=str()), Refused(reason=RejectReason.UNKNOWN_ORDER):
            is_first = len(answers) == 1 and not waits(query.order_id or 0)
            return replace(query, has_ended=True) if is_first else None
        case OrderQuery(client_order_id=name), OrderAnswer(order) if was_triggered(order):
            name = name or order.client_order_id or None
            return replace(query, order_id=order.order_id, client_order_id=name, has_ended=False)
        case ((OrdersQuery() | FillsQuery()), (OrderList() | FillList()) as last):
            place = last.around.before
            told = sum(len(_entries(answer)) for answer in answers)
            is_list = isinstance(query, OrdersQuery) and query.open_only
            is_enough = not is_list and not _has_start(query) and told >= query.limit
            return None if place is None or is_enough else replace(query, before=place)
        case _:
            return None


def joined(query: Query, answers: Sequence[Answer]) -> Answer:
    """Return the answer to a query, of all of its parts."""
    last = answers[-1]
    told = (answer for answer in answers if isinstance(answer, OrderAnswer))
    waited = next((answer for answer in told if was_triggered(answer.order)), None)
    match query, last:
        case OrderQuery(), OrderAnswer(order) if waited is not None and waited is not last:
            return OrderAnswer(_as_triggered(order, waited.order))
        case OrderQuery(), Refused() if waited is not None:
            return waited  # better one that is thought to be open than one that is forgotten
        case OrdersQuery(), OrderList():
            found = _once(answers, lambda order: (order.created_ns, order.order_id))
            return OrderList(_cut(found, query))
        case FillsQuery(), FillList():
            fills = _once(answers, lambda fill: (fill.time_ns, fill.trade_id, fill.side))
            return FillList(_cut(fills, query))
        case _:
            return last


def was_triggered(order: Order) -> bool:
    """Whether the list of orders that wait has told of one that no longer does."""
    return order.order_type.waits and bool(order.triggered_ns)


def _as_triggered(order: Order, waited: Order) -> Order:
    """Return an order at market with the terms that it has waited by."""
    return replace(
        order,
        order_type=waited.order_type,
        trigger_ticks=waited.trigger_ticks,
        triggered_ns=waited.triggered_ns,
    )


def _entries(answer: Answer) -> tuple[Any, ...]:
    match answer:
        case OrderList(found):
            return found
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


def _has_start(query: OrdersQuery | FillsQuery) -> bool:
    is_from_fill = isinstance(query, FillsQuery) and query.from_trade_id is not None
    return query.start_ns is not None or is_from_fill
