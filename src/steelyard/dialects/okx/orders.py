"""Orders over REST: placing, amending and canceling, alone and in batches; the dead man's switch.

The invariant: each order of a request has an answer of its own, in the request's order, and what
is wrong with one keeps none of the others from being carried out. An answer says that an order was
taken up, and no more: what became of it, streams and queries tell. A post-only order that would
take is taken up too, and canceled at once.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from steelyard.dialects.okx import errors
from steelyard.dialects.okx.executions import is_iceberg, is_told
from steelyard.dialects.okx.messages import Envelope
from steelyard.dialects.okx.order_messages import (
    Ack,
    AmendOrder,
    AmendOrders,
    CancelAfter,
    CancelAfterRequest,
    CancelOrder,
    CancelOrders,
    ClosePositionRequest,
    NewOrder,
    NewOrders,
)
from steelyard.dialects.okx.placing import (
    client_id_of,
    named_instrument,
    placed_from_wire,
    price_of,
    size_of,
)
from steelyard.dialects.okx.routes import answered, signed
from steelyard.dialects.okx.text import MARK, MS_NS, id_number, ms, read_ms, us
from steelyard.domain.commands import Amend, Cancel, Place, UserCommand
from steelyard.domain.dead_man import ArmDeadMan, DeadMan
from steelyard.domain.errors import DecodeError
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    SECOND_NS,
    Acknowledged,
    Batch,
    BatchAnswer,
    OrderAnswer,
    OrderList,
    OrderQuery,
    Refused,
    Scope,
)
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker, Decoded, Refusal

BATCH_MAX = 20
DEAD_MAN_MIN_S, DEAD_MAN_MAX_S = 10, 120
EXPIRY_DIGITS = 13
SUCCEEDED_IN_PART = "Bulk operation partially succeeded."
ALL_REFUSED = "All operations failed"

Make = Callable[[Any, Asker], UserCommand]


class Item(NamedTuple):
    """One entry of a request: what it asks for, or why it is nothing."""

    request: Any
    command: UserCommand | None
    refusal: Refusal | None


def items_of(request: Any, asker: Asker, make: Make, most: int = BATCH_MAX) -> list[Item]:
    """Return what each entry of a request asks for; the same whenever it is asked.

    Raises:
        DecodeError: There are too many, or the request came too late.
    """
    if len(request.items) > most:
        raise errors.said(errors.TOO_MANY, f"at most {most} orders in a request", "args")
    check_expiry(request.expTime, asker.now_ns)
    found = []
    for each in request.items:
        try:
            found.append(Item(each, make(each, asker), None))
        except errors.REFUSALS as error:
            found.append(Item(each, None, errors.refusal_of(error)))
    return found


def check_expiry(text: str, now_ns: int) -> None:
    """Raise DecodeError where a request came later than it says that it may."""
    if not text:
        return
    if not (text.isascii() and text.isdigit() and len(text) <= EXPIRY_DIGITS):
        raise errors.invalid("expTime", "it is a time in milliseconds")
    if now_ns > int(text) * MS_NS:
        raise errors.said(errors.TIMED_OUT, "expTime had passed; it was not carried out")


def batch_of(items: Sequence[Item]) -> Batch | None:
    """Return the commands of a request's entries; None where none is good."""
    commands = tuple(item.command for item in items if item.command is not None)
    return Batch(commands) if commands else None


def envelope_of(items: Sequence[Item], answer: Any, asker: Asker, tell: Any) -> Envelope[Any]:
    """Return the answer to a request; tell makes an entry of an item and its answer.

    The answer of an item is a `Refusal` where it was refused.
    """
    answers = iter(() if answer is None else answered(answer, BatchAnswer).answers)
    rows, refused = [], 0
    for item in items:
        told: Any = item.refusal
        if told is None:
            told = next(answers)
            if isinstance(told, Refused):
                told = refusal_told(told)
        row, is_refused = tell(item, told, asker)
        rows.append(row)
        refused += is_refused
    code, text = errors.OK, ""
    if refused:
        is_all = refused == len(rows)
        code = errors.ALL_FAILED if is_all else errors.SOME_FAILED
        text = ALL_REFUSED if is_all else SUCCEEDED_IN_PART
    now = us(asker.now_ns)
    return Envelope(code=code, msg=text, data=tuple(rows), inTime=now, outTime=now)


def refusal_told(refused: Refused) -> Refusal:
    """Return what the engine refused, with the number of the order that was refused."""
    return Refusal(refused.reason, refused.message, refused.field, details=refused.order_id)


def in_words(refusal: Refusal, unknown: errors.Words) -> errors.Words:
    """Return the words of a refusal; what is said of an order that is not there differs."""
    is_unknown = refusal.reason is RejectReason.UNKNOWN_ORDER and refusal.code is None
    return unknown if is_unknown else errors.words_of(refusal)


# -- naming orders ------------------------------------------------------------------------------


def find_order(
    inst_id: str | None, code: int | None, ord_id: str | None, own: str | None, asker: Asker
) -> Order | None:
    """Return an order by one of its names, by the venue's where it has both; None: there is none.

    Raises:
        DecodeError: It is not named.
        SessionRefused: No such instrument.
    """
    instrument = named_instrument(inst_id, code, asker.listings)
    if ord_id is not None:
        query = OrderQuery(asker.account_id, instrument.instrument_id, id_number(ord_id) or 0)
        return asker.find_order(query)
    if own is None:
        raise errors.said(errors.NO_NAME, "send ordId or clOrdId", "ordId")
    number = instrument.instrument_id
    return named(own, number, asker)


def named(own: str, instrument_id: int | None, asker: Asker) -> Order | None:
    """Return the newest order that its owner calls so."""
    found = (
        asker.find_order(OrderQuery(asker.account_id, instrument_id, client_order_id=name))
        for name in (own, f"{MARK}{own}")
    )
    orders = [order for order in found if order is not None]
    return max(orders, key=lambda order: order.order_id, default=None)


def _named(request: CancelOrder | AmendOrder, words: errors.Words, asker: Asker) -> Order:
    """Return the order at market that a request names.

    Raises:
        DecodeError, Turned away: `SessionRefused`; there is none.
    """
    found = find_order(request.instId, request.instIdCode, request.ordId, request.clOrdId, asker)
    if found is None or not is_told(found):
        how = "there is no such order; trade/orders-pending lists those that are open"
        if found is not None:
            how = "it is an algo order that waits for its price; trade/cancel-algos cancels those"
        raise errors.refused(words, how, RejectReason.UNKNOWN_ORDER, "ordId")
    return found


# -- placing ------------------------------------------------------------------------------------


def _place(request: NewOrders, asker: Asker) -> Decoded:
    return batch_of(items_of(request, asker, placed_from_wire))


def _placed(answer: Any, request: NewOrders, asker: Asker) -> Envelope[Ack]:
    items = items_of(request, asker, placed_from_wire)
    return envelope_of(items, answer, asker, _placed_one)


def _placed_one(item: Item, told: Any, asker: Asker) -> tuple[Ack, bool]:
    order: NewOrder = item.request
    named = {"clOrdId": order.clOrdId or "", "tag": order.tag or "", "ts": ms(asker.now_ns)}
    match told:
        case OrderAnswer():
            return Ack(ordId=str(told.order.order_id), sCode=errors.OK, subCode="", **named), False
        case OrderList(orders):
            return Ack(ordId=str(orders[0].order_id), sCode=errors.OK, subCode="", **named), False
        case Refusal(reason=RejectReason.POST_ONLY_WOULD_TAKE, details=int(number)) if number:
            return Ack(ordId=str(number), sCode=errors.OK, subCode="", **named), False
        case Refusal():
            words = errors.words_of(told)
            row = Ack(sCode=words.code, sMsg=words.text, subCode="", help=told.message, **named)
            return row, True
        case _:
            raise AssertionError("a new order is answered by itself")


def placed_from_ack(rows: Sequence[Ack], place: Place) -> OrderAnswer:
    """Return an order as it was asked for; the venue says no more than that it took it up.

    Raises:
        DecodeError: It has no number.
    """
    number = id_number(rows[0].ordId) if rows else None
    if number is None:
        raise DecodeError("the answer to a new order has no ordId", "ordId")
    return OrderAnswer(as_asked(number, place))


def as_asked(order_id: int, place: Place) -> Order:
    """Return an order of which nothing is known but that it was taken up."""
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
        fee_asset=place.fee_asset,
        spend_atoms=place.quote_atoms,
        display_lots=place.display_lots,
        trigger_by=place.trigger_by,
        trigger_ticks=place.trigger_ticks,
        trail_ticks=place.trail_ticks,
        trail_rate_e8=place.trail_rate_e8,
        activation_ticks=place.activation_ticks,
    )


# -- canceling ----------------------------------------------------------------------------------


def _canceled_from_wire(request: CancelOrder, asker: Asker) -> Cancel:
    order = _named(request, errors.NOT_CANCELED, asker)
    return Cancel(asker.account_id, order.order_id)


def _cancel(request: CancelOrders, asker: Asker) -> Decoded:
    return batch_of(items_of(request, asker, _canceled_from_wire))


def _canceled(answer: Any, request: CancelOrders, asker: Asker) -> Envelope[Ack]:
    items = items_of(request, asker, _canceled_from_wire)
    return envelope_of(items, answer, asker, _canceled_one)


def _canceled_one(item: Item, told: Any, asker: Asker) -> tuple[Ack, bool]:
    return _changed_one(item, told, asker, errors.NOT_CANCELED)


def _changed_one(
    item: Item, told: Any, asker: Asker, unknown: errors.Words, **more: Any
) -> tuple[Ack, bool]:
    request = item.request
    number = request.ordId or ""
    if isinstance(item.command, Cancel | Amend):
        number = str(item.command.order_id)
    named = {"clOrdId": request.clOrdId or "", "ordId": number, "ts": ms(asker.now_ns), **more}
    if isinstance(told, Refusal):
        words = in_words(told, unknown)
        return Ack(sCode=words.code, sMsg=words.text, help=told.message, **named), True
    return Ack(sCode=errors.OK, **named), False


def canceled_from_ack(rows: Sequence[Ack]) -> Acknowledged:
    """Return what answers a cancel."""
    return Acknowledged(len(rows))


# -- amending -----------------------------------------------------------------------------------


def _amended_from_wire(request: AmendOrder, asker: Asker) -> Amend:
    order = _named(request, errors.NOT_AMENDED, asker)
    instrument = asker.listings[order.instrument_id]
    if request.newSz is None and request.newPx is None:
        raise errors.said(errors.NOTHING_TO_AMEND, "send newSz, newPx or both", "newSz")
    if request.cxlOnFail:
        raise errors.invalid("cxlOnFail", "an order stays as it was; cancel it yourself")
    if request.attachAlgoOrds or order.hangs_together:
        raise errors.said(
            errors.NOT_AMENDABLE, "an order with a take-profit or stop-loss keeps its terms"
        )
    if is_iceberg(order):
        raise errors.said(errors.NOT_AMENDABLE, "an iceberg keeps its terms; place it anew")
    client_id_of(request.reqId, "reqId")
    new_px, new_sz = request.newPx, request.newSz
    return Amend(
        asker.account_id,
        order.order_id,
        None if new_px is None else price_of(new_px, "newPx", instrument),
        None if new_sz is None else size_of(new_sz, "newSz", instrument),
    )


def _amend(request: AmendOrders, asker: Asker) -> Decoded:
    return batch_of(items_of(request, asker, _amended_from_wire))


def _amended(answer: Any, request: AmendOrders, asker: Asker) -> Envelope[Ack]:
    items = items_of(request, asker, _amended_from_wire)
    return envelope_of(items, answer, asker, _amended_one)


def _amended_one(item: Item, told: Any, asker: Asker) -> tuple[Ack, bool]:
    if isinstance(told, Refusal) and told.reason is RejectReason.POST_ONLY_WOULD_TAKE:
        told = told._replace(code="51511")
    more = {"reqId": item.request.reqId or "", "subCode": ""}
    return _changed_one(item, told, asker, errors.NOT_AMENDED, **more)


# -- the dead man's switch ----------------------------------------------------------------------


def _arm(request: CancelAfterRequest, asker: Asker) -> ArmDeadMan:
    text = request.timeOut
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1  # noqa: PLR2004
    if seconds and not DEAD_MAN_MIN_S <= seconds <= DEAD_MAN_MAX_S:
        how = f"it is {DEAD_MAN_MIN_S} to {DEAD_MAN_MAX_S} s, or 0 to disarm"
        raise errors.invalid("timeOut", how)
    if request.tag is not None:
        raise errors.invalid("tag", "orders are canceled whatever their tag; leave it out")
    return ArmDeadMan(asker.account_id, seconds * SECOND_NS)


def _armed(answer: Any, _request: CancelAfterRequest, _asker: Asker) -> tuple[CancelAfter, ...]:
    switch = answered(answer, DeadMan)
    due = "0" if switch.due_ns is None else ms(switch.due_ns)
    return (CancelAfter(triggerTime=due, ts=ms(switch.now_ns)),)


def armed_from_wire(rows: Sequence[CancelAfter]) -> DeadMan:
    """Return what the venue says of the switch.

    Raises:
        DecodeError: It does not tell times.
    """
    if not rows:
        raise DecodeError("the answer tells nothing of the switch")
    due = rows[0].triggerTime
    return DeadMan(read_ms(rows[0].ts), None if due in ("", "0") else read_ms(due))


def _no_position(_request: ClosePositionRequest, _asker: Asker) -> None:
    raise errors.refused(
        errors.NO_POSITION,
        "spot has no positions: sell what you have",
        RejectReason.UNSUPPORTED,
    )


def _never(_answer: Any, _request: Any, _asker: Asker) -> None:
    raise AssertionError("a request that is refused has no answer")


# -- routes -------------------------------------------------------------------------------------


def count_of(request: Any) -> int:
    """Return how many orders a request is about."""
    return len(request.items)


PLACE = signed(
    "POST",
    "trade/order",
    NewOrders,
    Ack,
    _place,
    _placed,
    "Place an order",
    scope=Scope.TRADE,
    is_order=True,
    is_enveloped=True,
)
PLACE_BATCH = signed(
    "POST",
    "trade/batch-orders",
    NewOrders,
    Ack,
    _place,
    _placed,
    "Place up to 20 orders",
    scope=Scope.TRADE,
    weight=count_of,
    is_order=True,
    is_enveloped=True,
)
CANCEL = signed(
    "POST",
    "trade/cancel-order",
    CancelOrders,
    Ack,
    _cancel,
    _canceled,
    "Cancel an order",
    scope=Scope.TRADE,
    is_enveloped=True,
)
CANCEL_BATCH = signed(
    "POST",
    "trade/cancel-batch-orders",
    CancelOrders,
    Ack,
    _cancel,
    _canceled,
    "Cancel up to 20 orders",
    scope=Scope.TRADE,
    weight=count_of,
    is_enveloped=True,
)
AMEND = signed(
    "POST",
    "trade/amend-order",
    AmendOrders,
    Ack,
    _amend,
    _amended,
    "Change an order's size or price",
    scope=Scope.TRADE,
    is_enveloped=True,
)
AMEND_BATCH = signed(
    "POST",
    "trade/amend-batch-orders",
    AmendOrders,
    Ack,
    _amend,
    _amended,
    "Change up to 20 orders",
    scope=Scope.TRADE,
    weight=count_of,
    is_enveloped=True,
)
CANCEL_AFTER = signed(
    "POST",
    "trade/cancel-all-after",
    CancelAfterRequest,
    CancelAfter,
    _arm,
    _armed,
    "Cancel all orders after a time, unless this is asked again",
    scope=Scope.TRADE,
)
CLOSE_POSITION = signed(
    "POST",
    "trade/close-position",
    ClosePositionRequest,
    dict[str, str],
    _no_position,
    _never,
    "Refused: spot has no positions",
    scope=Scope.TRADE,
)
ENDPOINTS = (
    *(PLACE, PLACE_BATCH, CANCEL, CANCEL_BATCH, AMEND, AMEND_BATCH, CANCEL_AFTER, CLOSE_POSITION),
)
