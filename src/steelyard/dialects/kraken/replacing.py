"""Replacing orders, and canceling all of them unless told otherwise in time.

The invariant: an edited order is another one, with another id, placed when the first one has been
canceled. What an edit does not name is as it was, but for the order's names.
"""

from typing import Any

from msgspec.structs import replace

from steelyard.dialects.kraken import errors, limits
from steelyard.dialects.kraken.executions import flags_of, kind_of, said_of
from steelyard.dialects.kraken.order_messages import (
    BatchedOrder,
    CancelAfter,
    CancelAfterRequest,
    EditedOrder,
    EditOrderRequest,
)
from steelyard.dialects.kraken.orders import description_of, find_order, open_order, refusal_of
from steelyard.dialects.kraken.placing import (
    SELF_TRADE_NAMES,
    SIDE_NAMES,
    TRIGGER_NAMES,
    check_deadline,
    first_price,
    placed_from_wire,
    second_price,
)
from steelyard.dialects.kraken.routes import instrument_of, private
from steelyard.dialects.kraken.text import (
    order_text,
    read_rfc3339,
    rfc3339,
    rfc3339_seconds,
    size_text,
)
from steelyard.domain.commands import Cancel, Place
from steelyard.domain.dead_man import ArmDeadMan, DeadMan
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import SECOND_NS, Batch, BatchAnswer, OrderAnswer, Refused, Scope
from steelyard.domain.order import TimeInForce
from steelyard.domain.units import plain
from steelyard.wire.dialect import Asker, Charge, Decoded, Endpoint, SessionRefused

TIMEOUT_MAX_S = 86_400


# -- edits --------------------------------------------------------------------------------------


def _placed(request: EditOrderRequest, order: Order, asker: Asker) -> Place:
    """Return the order that takes another's place."""
    instrument = asker.listings[order.instrument_id]
    said = said_of(order)
    second = second_price(said, instrument)
    given = BatchedOrder(
        type=SIDE_NAMES[order.side],
        ordertype=kind_of(order),
        volume=plain(instrument.size(order.size_lots)),
        displayvol=plain(instrument.size(order.display_lots)) if order.display_lots else None,
        price=first_price(said, instrument),
        price2=None if second == "0" else second,
        trigger=TRIGGER_NAMES.get(order.trigger_by) if order.order_type.waits else None,
        stptype=SELF_TRADE_NAMES.get(order.self_trade),
        oflags=flags_of(order),
        timeinforce=order.time_in_force.name,
        expiretm=rfc3339(order.expire_ns)
        if order.time_in_force is TimeInForce.GTD and order.expire_ns is not None
        else None,
        userref=request.userref,
    )
    named = {
        name: value
        for name in ("volume", "displayvol", "price", "price2", "oflags")
        if (value := getattr(request, name)) is not None
    }
    placed = placed_from_wire(replace(given, **named), instrument, asker)
    assert isinstance(placed, Place), "an edit closes nothing"
    return placed


def _edit(request: EditOrderRequest, asker: Asker) -> Decoded:
    check_deadline(request.deadline, asker.now_ns)
    instrument = instrument_of(request.pair, asker.listings)
    order = open_order(asker, request.txid, None)
    if order.instrument_id != instrument.instrument_id:
        raise errors.invalid(
            "pair", f"the order is on {asker.listings[order.instrument_id].symbol}"
        )
    if order.hangs_together or order.closing is not None or order.filled_lots:
        raise errors.said(
            errors.INVALID_ORDER,
            "an order that has filled in part or has a conditional close is not edited; amend or "
            "cancel it",
        )
    placed = _placed(request, order, asker)
    if request.validate:
        return None
    return Batch((Cancel(asker.account_id, order.order_id), placed))


def _edited(answer: Any, request: EditOrderRequest, asker: Asker) -> EditedOrder:
    order = find_order(asker, request.txid, None)
    assert order is not None, "it was found before"
    placed = _placed(request, order, asker)
    instrument = asker.listings[order.instrument_id]
    said = description_of(placed, instrument)
    told = EditedOrder(
        originaltxid=request.txid,
        volume=size_text(instrument, placed.size_lots),
        price=request.price or first_price(said_of(order), instrument),
        price2=request.price2 or second_price(said_of(order), instrument),
        orders_cancelled=0,
        descr=said,
    )
    if answer is None:
        return told
    assert isinstance(answer, BatchAnswer), "a Batch is answered by its answers"
    canceled, new = answer.answers
    for each in (canceled, new):
        if isinstance(each, Refused):
            raise SessionRefused(refusal_of(each))
    assert isinstance(new, OrderAnswer), "a Place is answered by its order"
    return replace(told, txid=order_text(new.order.order_id), orders_cancelled=1)


def _charged(request: EditOrderRequest, asker: Asker) -> tuple[Charge, ...]:
    order = find_order(asker, request.txid, None)
    return limits.changed(limits.EDIT, order, asker.now_ns)


# -- the dead man's switch ----------------------------------------------------------------------


def _arm(request: CancelAfterRequest, asker: Asker) -> ArmDeadMan:
    if not 0 <= request.timeout <= TIMEOUT_MAX_S:
        raise errors.invalid("timeout", f"it is 1 to {TIMEOUT_MAX_S} s, or 0 to disarm")
    return ArmDeadMan(asker.account_id, request.timeout * SECOND_NS)


def _armed(answer: Any, _request: CancelAfterRequest, _asker: Asker) -> CancelAfter:
    assert isinstance(answer, DeadMan), "it is answered by the switch"
    due_ns = answer.due_ns
    return CancelAfter(
        currentTime=rfc3339_seconds(answer.now_ns),
        triggerTime="0" if due_ns is None else rfc3339_seconds(due_ns),
    )


def armed_from_wire(result: CancelAfter) -> DeadMan:
    """Return what the venue says of the switch.

    Raises:
        DecodeError: It does not tell times.
    """
    due = result.triggerTime
    return DeadMan(read_rfc3339(result.currentTime), None if due == "0" else read_rfc3339(due))


# -- routes -------------------------------------------------------------------------------------

EDIT = private(
    "EditOrder",
    EditOrderRequest,
    EditedOrder,
    _edit,
    _edited,
    "Replace an order by another one",
    scope=Scope.TRADE,
    weight=0,
    charges=_charged,
    orders=lambda _: 1,
)
CANCEL_AFTER = private(
    "CancelAllOrdersAfter",
    CancelAfterRequest,
    CancelAfter,
    _arm,
    _armed,
    "Cancel all orders after a time, unless this is asked again",
    scope=Scope.TRADE,
)

ENDPOINTS: tuple[Endpoint, ...] = (EDIT, CANCEL_AFTER)
