"""Orders: placing, amending and canceling.

The invariant: an order is named by its id, its cl_ord_id or, of several at once, by a userref. What
a new order may say is in placing.py, how orders are listed in order_lists.py.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import UNSET

from steelyard.dialects.kraken import errors, limits
from steelyard.dialects.kraken.executions import said_of
from steelyard.dialects.kraken.messages import Nothing
from steelyard.dialects.kraken.order_messages import (
    AddedBatch,
    AddedOrder,
    AddOrderBatchRequest,
    AddOrderRequest,
    AmendedOrder,
    AmendOrderRequest,
    BatchedResult,
    Canceled,
    CancelOrderBatchRequest,
    CancelOrderRequest,
    OrderDescription,
)
from steelyard.dialects.kraken.placing import (
    Said,
    absolute_ticks,
    check_deadline,
    closing_words,
    placed_from_wire,
    userref_of,
    words,
)
from steelyard.dialects.kraken.placing import said_of as said_of_place
from steelyard.dialects.kraken.routes import instrument_of, private
from steelyard.dialects.kraken.text import amend_text, order_number, order_text, pair_alt
from steelyard.domain.amendments import AmendList, AmendsQuery
from steelyard.domain.closing import PlaceClosing
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    Answer,
    Batch,
    BatchAnswer,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Refused,
    Scope,
)
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import (
    Asker,
    Charge,
    Decoded,
    Endpoint,
    Refusal,
    SessionRefused,
)

OPEN_MAX = 100_000
CLOSED_MAX = 100_000  # looked through for a page
PAGE = 50
QUERY_MAX = 50
BATCH_MIN, BATCH_MAX = 2, 15
CANCEL_BATCH_MAX = 50
USERREF_DIGITS = 11


# -- naming orders ------------------------------------------------------------------------------


def open_orders(asker: Asker) -> tuple[Order, ...]:
    """Return all that the asker has open."""
    answer = asker.ask(OrdersQuery(asker.account_id, OPEN_MAX, open_only=True))
    assert isinstance(answer, OrderList), "an OrdersQuery is answered by orders"
    return answer.orders


def find_order(asker: Asker, txid: str | None, cl_ord_id: str | None) -> Order | None:
    """Return an order by one of its names, None where there is none.

    Raises:
        DecodeError: It is not named, or not by an id.
    """
    if cl_ord_id is not None:
        return asker.find_order(OrderQuery(asker.account_id, client_order_id=cl_ord_id))
    if txid is None:
        raise errors.invalid("txid", "name the order by txid or cl_ord_id")
    order_id = order_number(txid)
    if order_id is None:
        raise errors.said(
            errors.INVALID_ORDER, f"{errors.shown(txid)} is no id of an order", "txid"
        )
    return asker.find_order(OrderQuery(asker.account_id, order_id=order_id))


def open_order(asker: Asker, txid: str | None, cl_ord_id: str | None) -> Order:
    """Return an open order by one of its names.

    Raises:
        SessionRefused: It is not open, or there is none.
    """
    order = find_order(asker, txid, cl_ord_id)
    if order is None or not order.state.is_open:
        raise SessionRefused(unknown(txid or cl_ord_id or "", order))
    return order


def unknown(name: str, order: Order | None = None) -> Refusal:
    """Return the refusal of a name that is no open order's."""
    what = "has ended" if order else "is not one of this account's orders"
    return Refusal(
        RejectReason.UNKNOWN_ORDER,
        f"{errors.shown(name)} {what}; OpenOrders lists what is open",
        "txid",
    )


def is_userref(txid: str | None) -> bool:
    """Whether what stands for an id is a userref."""
    text = (txid or "").removeprefix("-")
    return text.isascii() and text.isdigit() and len(text) < USERREF_DIGITS


def orders_named(
    asker: Asker, txids: Iterable[str | int] = (), cl_ord_ids: Iterable[str] = ()
) -> list[Order]:
    """Return the open orders of these names; userrefs may name several.

    Raises:
        DecodeError: One is no name.
    """
    found: dict[int, Order] = {}
    refs = {int(txid) for txid in txids if isinstance(txid, int) or is_userref(txid)}
    if refs:
        for order in open_orders(asker):
            if userref_of(order.client_order_id) in refs:
                found[order.order_id] = order
    names = [(str(t), None) for t in txids if not isinstance(t, int) and not is_userref(t)]
    for txid, cl_ord_id in (*names, *((None, name) for name in cl_ord_ids)):
        named = find_order(asker, txid, cl_ord_id)
        if named is not None and named.state.is_open:
            found[named.order_id] = named
    return [*found.values()]


# -- placing ------------------------------------------------------------------------------------


def described(said: Said, instrument: Instrument, closing: Said | None) -> OrderDescription:
    """Return a new order in words."""
    return OrderDescription(
        order=words(said, instrument, pair_alt(instrument)),
        close=UNSET if closing is None else closing_words(closing, instrument),
    )


def description_of(placed: Place | PlaceClosing, instrument: Instrument) -> OrderDescription:
    """Return what was asked for in words."""
    if isinstance(placed, PlaceClosing):
        closing = said_of_place(placed.closing)
        return described(said_of_place(placed.place), instrument, closing)
    return described(said_of_place(placed), instrument, None)


def _add(request: AddOrderRequest, asker: Asker) -> Decoded:
    check_deadline(request.deadline, asker.now_ns)
    instrument = instrument_of(request.pair, asker.listings)
    placed = placed_from_wire(request, instrument, asker)
    return None if request.validate else placed


def _added(answer: Any, request: AddOrderRequest, asker: Asker) -> AddedOrder:
    instrument = instrument_of(request.pair, asker.listings)
    if answer is None:
        placed = placed_from_wire(request, instrument, asker)
        return AddedOrder(descr=description_of(placed, instrument))
    order = order_in(answer)
    closing = None if order.closing is None else said_of_place(order.closing)
    return AddedOrder(
        descr=described(said_of(order), instrument, closing), txid=(order_text(order.order_id),)
    )


def order_in(answer: Answer) -> Order:
    """Return the order of what answers a new one."""
    assert isinstance(answer, OrderAnswer), "a new order is answered by itself"
    return answer.order


def added_from_wire(wire: AddedOrder, place: Place) -> OrderAnswer:
    """Return an order as it was asked for; the venue says no more than that it took it up.

    Raises:
        DecodeError: It has no id.
    """
    order_id = order_number(wire.txid[0]) if wire.txid else None
    if order_id is None:
        raise DecodeError("the answer to a new order has no txid", "txid")
    return OrderAnswer(as_asked(order_id, place))


def as_asked(order_id: int, place: Place) -> Order:
    """Return an order of which nothing is known but that it was accepted."""
    return Order(
        order_id=order_id,
        client_order_id=place.client_order_id,
        account_id=0,
        instrument_id=place.instrument_id,
        side=place.side,
        order_type=place.order_type,
        time_in_force=place.time_in_force,
        post_only=place.post_only,
        price_ticks=place.price_ticks,
        size_lots=place.size_lots,
        self_trade=place.self_trade,
        spend_atoms=place.quote_atoms,
        display_lots=place.display_lots,
        trigger_by=place.trigger_by,
        trigger_ticks=place.trigger_ticks,
        trail_ticks=place.trail_ticks,
        trail_rate_e8=place.trail_rate_e8,
        expire_ns=place.expire_ns,
    )


def _add_batch(request: AddOrderBatchRequest, asker: Asker) -> Decoded:
    check_deadline(request.deadline, asker.now_ns)
    instrument = instrument_of(request.pair, asker.listings)
    if not BATCH_MIN <= len(request.orders) <= BATCH_MAX:
        raise errors.invalid("orders", f"a batch has {BATCH_MIN} to {BATCH_MAX} orders")
    placed = tuple(
        placed_from_wire(order, instrument, asker, number)
        for number, order in enumerate(request.orders)
    )
    return None if request.validate else Batch(placed)


def _added_batch(answer: Any, request: AddOrderBatchRequest, asker: Asker) -> AddedBatch:
    instrument = instrument_of(request.pair, asker.listings)
    placed = (
        description_of(placed_from_wire(order, instrument, asker, number), instrument)
        for number, order in enumerate(request.orders)
    )
    if answer is None:
        return AddedBatch(orders=tuple(BatchedResult(descr=descr) for descr in placed))
    assert isinstance(answer, BatchAnswer), "a Batch is answered by its answers"
    return AddedBatch(
        orders=tuple(
            BatchedResult(error=errors.text_for(refusal_of(each)))
            if isinstance(each, Refused)
            else BatchedResult(descr=descr, txid=order_text(order_in(each).order_id))
            for each, descr in zip(answer.answers, placed, strict=True)
        )
    )


def refusal_of(refused: Refused) -> Refusal:
    """Return what the gate says of a refused command."""
    return Refusal(refused.reason, refused.message, refused.field)


# -- amending -----------------------------------------------------------------------------------


def amended(request: AmendOrderRequest, asker: Asker) -> Amend:
    """Return the Amend that a request asks for.

    Raises:
        SessionRefused: The order is not open.
        DecodeError: It cannot be amended so.
        UnitError: A price or size is not in whole steps.
    """
    check_deadline(request.deadline, asker.now_ns)
    order = open_order(asker, request.txid, request.cl_ord_id)
    instrument = asker.listings[order.instrument_id]
    if order.hangs_together or order.closing is not None:
        raise errors.said(
            errors.INVALID_ORDER, "an order with a conditional close keeps its terms; replace it"
        )
    if request.display_qty is not None:
        raise errors.invalid("display_qty", "what is shown stays; place the order anew")
    limit, trigger = request.limit_price, request.trigger_price
    return Amend(
        asker.account_id,
        order.order_id,
        None if limit is None else absolute_ticks(limit, "limit_price", instrument),
        None if request.order_qty is None else instrument.size_lots(request.order_qty, "order_qty"),
        None if trigger is None else absolute_ticks(trigger, "trigger_price", instrument),
    )


def _amend(request: AmendOrderRequest, asker: Asker) -> Decoded:
    return amended(request, asker)


def _amended(answer: Any, _request: AmendOrderRequest, asker: Asker) -> AmendedOrder:
    assert isinstance(answer, OrderAnswer), "an Amend is answered by its order"
    order_id = answer.order.order_id
    trail = asker.ask(AmendsQuery(asker.account_id, order_id))
    assert isinstance(trail, AmendList), "an AmendsQuery is answered by a trail"
    return AmendedOrder(amend_id=amend_text(order_id, trail.amends[-1].number))


# -- canceling ----------------------------------------------------------------------------------


def cancels(orders: Iterable[Order], asker: Asker) -> Batch:
    """Return what cancels orders."""
    return Batch(tuple(Cancel(asker.account_id, order.order_id) for order in orders))


def _cancel(request: CancelOrderRequest, asker: Asker) -> Decoded:
    if not is_userref(request.txid):
        return Cancel(asker.account_id, open_order(asker, request.txid, request.cl_ord_id).order_id)
    orders = orders_named(asker, (request.txid or "",))
    if not orders:
        raise SessionRefused(unknown(f"userref {request.txid}"))
    return cancels(orders, asker)


def canceled(answer: Any, _request: Any, _asker: Asker) -> Canceled:
    """Return how many were canceled."""
    return Canceled(count=canceled_count(answer))


def canceled_count(answer: Any) -> int:
    """Return how many orders a cancel ended."""
    match answer:
        case OrderAnswer():
            return 1
        case OrderList():
            return len(answer.orders)
        case BatchAnswer():
            return sum(isinstance(each, OrderAnswer) for each in answer.answers)
        case _:
            raise AssertionError("a cancel is answered by orders")


def _cancel_batch(request: CancelOrderBatchRequest, asker: Asker) -> Decoded:
    if not 1 <= len(request.orders) + len(request.cl_ord_ids) <= CANCEL_BATCH_MAX:
        raise errors.invalid("orders", f"a batch names 1 to {CANCEL_BATCH_MAX} orders")
    orders = orders_named(asker, request.orders, request.cl_ord_ids)
    if not orders:
        raise SessionRefused(unknown(", ".join(request.orders or request.cl_ord_ids)))
    return cancels(orders, asker)


# -- charges ------------------------------------------------------------------------------------


def _charged_add(request: AddOrderRequest, asker: Asker) -> tuple[Charge, ...]:
    return limits.placed(instrument_of(request.pair, asker.listings).instrument_id)


def _charged_batch(request: AddOrderBatchRequest, asker: Asker) -> tuple[Charge, ...]:
    instrument = instrument_of(request.pair, asker.listings)
    return limits.placed(instrument.instrument_id, len(request.orders), is_batch=True)


def _charged_amend(request: AmendOrderRequest, asker: Asker) -> tuple[Charge, ...]:
    order = find_order(asker, request.txid, request.cl_ord_id)
    return limits.changed(limits.AMEND, order, asker.now_ns)


def _charged_cancel(request: CancelOrderRequest, asker: Asker) -> tuple[Charge, ...]:
    if is_userref(request.txid):
        return limits.canceled(orders_named(asker, (request.txid or "",)), asker.now_ns)
    return limits.canceled((find_order(asker, request.txid, request.cl_ord_id),), asker.now_ns)


def _charged_cancels(request: CancelOrderBatchRequest, asker: Asker) -> tuple[Charge, ...]:
    orders = orders_named(asker, request.orders, request.cl_ord_ids)
    return limits.canceled(orders, asker.now_ns, may_overshoot=True)


def _charged_all(_request: Nothing, asker: Asker) -> tuple[Charge, ...]:
    return limits.canceled(open_orders(asker), asker.now_ns, may_overshoot=True)


# -- routes -------------------------------------------------------------------------------------

ADD = private(
    "AddOrder",
    AddOrderRequest,
    AddedOrder,
    _add,
    _added,
    "Place an order",
    scope=Scope.TRADE,
    weight=0,
    charges=_charged_add,
    orders=lambda _: 1,
)
ADD_BATCH = private(
    "AddOrderBatch",
    AddOrderBatchRequest,
    AddedBatch,
    _add_batch,
    _added_batch,
    "Place 2 to 15 orders of one pair",
    scope=Scope.TRADE,
    weight=0,
    charges=_charged_batch,
    orders=lambda request: len(request.orders),
)
AMEND = private(
    "AmendOrder",
    AmendOrderRequest,
    AmendedOrder,
    _amend,
    _amended,
    "Change an order that keeps its id",
    scope=Scope.TRADE,
    weight=0,
    charges=_charged_amend,
)
CANCEL = private(
    "CancelOrder",
    CancelOrderRequest,
    Canceled,
    _cancel,
    canceled,
    "Cancel an order, or all of a userref",
    scope=Scope.TRADE,
    weight=0,
    charges=_charged_cancel,
)
CANCEL_ALL = private(
    "CancelAll",
    Nothing,
    Canceled,
    lambda _, asker: CancelAll(asker.account_id, None),
    canceled,
    "Cancel all open orders",
    scope=Scope.TRADE,
    charges=_charged_all,
)
CANCEL_BATCH = private(
    "CancelOrderBatch",
    CancelOrderBatchRequest,
    Canceled,
    _cancel_batch,
    canceled,
    "Cancel up to 50 orders",
    scope=Scope.TRADE,
    weight=0,
    charges=_charged_cancels,
)
ENDPOINTS: tuple[Endpoint, ...] = (ADD, ADD_BATCH, AMEND, CANCEL, CANCEL_ALL, CANCEL_BATCH)
