"""Trading over WebSocket v2: the routes of REST under other names.

The invariant: a call becomes the request that REST has for it, and is judged there; only names and
the form of the answer are this module's. Several cancels in one call are answered one by one.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

import msgspec
from msgspec import Raw, Struct

from steelyard.dialects.kraken import errors, orders, replacing
from steelyard.dialects.kraken.frames import (
    AddOrder,
    AmendOrder,
    BatchAdd,
    BatchCancel,
    Call,
    CancelAfter,
    CancelAll,
    CancelOrder,
    EditOrder,
    NewOrder,
)
from steelyard.dialects.kraken.messages import Nothing
from steelyard.dialects.kraken.order_messages import (
    AddOrderBatchRequest,
    AddOrderRequest,
    AmendOrderRequest,
    BatchedOrder,
    CancelAfterRequest,
    CancelOrderBatchRequest,
    CancelOrderRequest,
    EditOrderRequest,
)
from steelyard.dialects.kraken.parameters import check_numbers, parse
from steelyard.domain.units import in_full
from steelyard.wire.dialect import Credentials, Door, Endpoint

FLAGS = {"post_only": "post", "no_mpp": "nompp"}


class Answer(Protocol):
    """How a call is answered."""

    def accept(self, result: Any, orders_cancelled: Any = ...) -> None:
        """Say yes."""
        ...

    def refuse(self, text: str, how: str, symbol: Any = ...) -> None:
        """Say no."""
        ...


def carry_out(call: Call, door: Door, answer: Answer) -> None:
    """Carry out a trading call and answer it.

    Raises:
        DecodeError, Turned away: `SessionRefused`; the whole call is refused then.
    """
    METHODS[call.method](call, door, answer)


# -- orders -------------------------------------------------------------------------------------


def order_to_rest(order: NewOrder, **more: Any) -> dict[str, Any]:
    """Return the parameters of REST for an order.

    Raises:
        DecodeError: It has no quantity.
    """
    flags = [flag for name, flag in FLAGS.items() if getattr(order, name)]
    if order.fee_preference is not None:
        flags.append(order.fee_preference)
    quantity = order.order_qty
    if order.cash_order_qty is not None:
        flags.append("viqc")
        quantity = order.cash_order_qty
    if quantity is None:
        raise errors.invalid("order_qty", "say how much")
    if order.margin:
        raise errors.invalid("margin", "there is no margin here; leave it out")
    limit = _relative(order.limit_price, order.limit_price_type, "limit_price_type")
    trigger = None
    if order.triggers is not None:
        trigger = _relative(order.triggers.price, order.triggers.price_type, "price_type")
        if order.order_type.startswith("trailing") and trigger and trigger[0] != "+":
            trigger = f"+{trigger}"
    closing = order.conditional
    given = {
        "ordertype": order.order_type,
        "type": order.side,
        "volume": in_full(quantity),
        "price": limit if trigger is None else trigger,
        "price2": None if trigger is None else limit,
        "trigger": None if order.triggers is None else order.triggers.reference,
        "timeinforce": order.time_in_force,
        "expiretm": order.expire_time,
        "starttm": order.effective_time,
        "displayvol": None if order.display_qty is None else in_full(order.display_qty),
        "cl_ord_id": order.cl_ord_id,
        "userref": order.order_userref,
        "reduce_only": order.reduce_only,
        "stptype": order.stp_type,
        "oflags": ",".join(flags) or None,
        **more,
    }
    if closing is not None:
        stop = _relative(
            closing.trigger_price, closing.trigger_price_type, "conditional.trigger_price_type"
        )
        end = _relative(
            closing.limit_price, closing.limit_price_type, "conditional.limit_price_type"
        )
        given["close[ordertype]"] = closing.order_type
        given["close[price]"] = end if stop is None else stop
        given["close[price2]"] = None if stop is None else end
    return given


def _relative(price: Decimal | None, kind: str, field: str) -> str | None:
    """Return a price as REST spells it."""
    if price is None:
        return None
    text = in_full(abs(price))
    sign = "-" if price < 0 else "+"
    match kind:
        case "static":
            if price < 0:  # REST would read a distance from the last price
                raise errors.said(errors.INVALID_PRICE, f"a static price is positive; got {price}")
            return in_full(price)
        case "quote":
            return f"{sign}{text}"
        case "pct":
            return f"{sign}{text}%"
        case _:
            raise errors.invalid(field, "it is static, pct or quote")


def _add(call: Call, door: Door, answer: Answer) -> None:
    wanted = _params(call, AddOrder)

    def read() -> Struct:
        params: AddOrderRequest = parse(
            order_to_rest(
                wanted, pair=wanted.symbol, deadline=wanted.deadline, validate=wanted.validate
            ),
            AddOrderRequest,
        )
        return params

    told = _call(door, orders.ADD, read, wanted.token)
    if not told.txid:
        answer.accept({})
        return
    names = {"cl_ord_id": wanted.cl_ord_id, "order_userref": wanted.order_userref}
    said = {name: value for name, value in names.items() if value is not None}
    answer.accept({"order_id": told.txid[0], **said})


def _batch_add(call: Call, door: Door, answer: Answer) -> None:
    wanted = _params(call, BatchAdd)

    def read() -> Struct:
        batched = tuple(parse(order_to_rest(o), BatchedOrder) for o in wanted.orders)
        return AddOrderBatchRequest(
            pair=wanted.symbol, orders=batched, deadline=wanted.deadline, validate=wanted.validate
        )

    told = _call(door, orders.ADD_BATCH, read, wanted.token)
    results = []
    for order, each in zip(wanted.orders, told.orders, strict=True):
        named = {"cl_ord_id": order.cl_ord_id} if order.cl_ord_id is not None else {}
        if each.error:
            results.append({**named, "success": False, "error": each.error})
        else:
            id_ = {"order_id": each.txid} if each.txid else {}
            results.append({**id_, **named, "success": True})
    answer.accept({"orders": results})


def _amend(call: Call, door: Door, answer: Answer) -> None:
    wanted = _params(call, AmendOrder)

    def read() -> Struct:
        limit = _relative(wanted.limit_price, wanted.limit_price_type, "limit_price_type")
        trigger = _relative(wanted.trigger_price, wanted.trigger_price_type, "trigger_price_type")
        return AmendOrderRequest(
            txid=wanted.order_id,
            cl_ord_id=wanted.cl_ord_id,
            order_qty=wanted.order_qty,
            display_qty=wanted.display_qty,
            limit_price=limit,
            trigger_price=trigger,
            post_only=wanted.post_only,
            deadline=wanted.deadline,
        )

    told = _call(door, orders.AMEND, read, wanted.token)
    names = {"order_id": wanted.order_id, "cl_ord_id": wanted.cl_ord_id}
    said = {name: value for name, value in names.items() if value is not None}
    answer.accept({"amend_id": told.amend_id, **said})


def _edit(call: Call, door: Door, answer: Answer) -> None:
    wanted = _params(call, EditOrder)

    def read() -> Struct:
        limit = _relative(wanted.limit_price, wanted.limit_price_type, "limit_price_type")
        trigger = None
        if wanted.triggers is not None:
            trigger = _relative(wanted.triggers.price, wanted.triggers.price_type, "price_type")
        return EditOrderRequest(
            txid=wanted.order_id,
            pair=wanted.symbol,
            volume=wanted.order_qty,
            displayvol=wanted.display_qty,
            price=limit if trigger is None else trigger,
            price2=None if trigger is None else limit,
            deadline=wanted.deadline,
            validate=wanted.validate,
            userref=wanted.order_userref,
        )

    told = _call(door, replacing.EDIT, read, wanted.token)
    new = {"order_id": told.txid} if told.txid else {}
    answer.accept({**new, "original_order_id": told.originaltxid})


# -- canceling ----------------------------------------------------------------------------------


def _cancel(call: Call, door: Door, answer: Answer) -> None:
    wanted = _params(call, CancelOrder)
    names: list[tuple[str, str]] = [
        *(("order_id", name) for name in wanted.order_id),
        *(("cl_ord_id", name) for name in wanted.cl_ord_id),
        *(("order_userref", str(name)) for name in wanted.order_userref),
    ]
    if not names:
        raise errors.invalid("order_id", "name orders by order_id, cl_ord_id or order_userref")
    for field, name in names:
        is_client_id = field == "cl_ord_id"
        request = CancelOrderRequest(
            txid=None if is_client_id else name, cl_ord_id=name if is_client_id else None
        )
        try:
            _call(door, orders.CANCEL, partial(_itself, request), wanted.token)
        except errors.REFUSALS as refused:
            answer.refuse(*errors.text_and_help(refused))
        else:
            answer.accept({field: int(name) if field == "order_userref" else name})


def _batch_cancel(call: Call, door: Door, answer: Answer) -> None:
    wanted = _params(call, BatchCancel)
    request = CancelOrderBatchRequest(
        orders=tuple(map(str, wanted.orders)), cl_ord_ids=wanted.cl_ord_id
    )
    told = _call(door, orders.CANCEL_BATCH, lambda: request, wanted.token)
    answer.accept({"count": told.count}, orders_cancelled=told.count)


def _cancel_all(call: Call, door: Door, answer: Answer) -> None:
    wanted = _params(call, CancelAll)
    told = _call(door, orders.CANCEL_ALL, Nothing, wanted.token)
    answer.accept({"count": told.count})


def _cancel_after(call: Call, door: Door, answer: Answer) -> None:
    wanted = _params(call, CancelAfter)
    request = CancelAfterRequest(timeout=wanted.timeout)
    told = _call(door, replacing.CANCEL_AFTER, partial(_itself, request), wanted.token)
    answer.accept(told)


# -- the way in ---------------------------------------------------------------------------------


_given = msgspec.json.Decoder(dict[str, Any], float_hook=str)


def _itself(request: Struct) -> Struct:
    return request


def _params(call: Call, kind: type[Any]) -> Any:
    params = bytes(call.params) if isinstance(call.params, Raw) else b"{}"
    try:
        given = _given.decode(params)
        check_numbers(given, kind)
        return msgspec.convert(given, kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        text = str(error)
        field = text.partition("`$.")[2].partition("`")[0] or text.partition("`")[2]
        raise errors.invalid(field.partition("`")[0], text) from error


def _call(door: Door, endpoint: Endpoint, read: Callable[[], Struct], token: str | None) -> Any:
    """Carry out a route under a token; return its result."""
    if not token:
        raise errors.said(errors.BAD_SESSION, "get a token with POST /0/private/GetWebSocketsToken")
    claimed = Credentials("", "", (), None, 0, 0, token=token)
    return door.call(endpoint, read, lambda: claimed).result


METHODS: dict[str, Callable[[Call, Door, Answer], None]] = {
    "add_order": _add,
    "batch_add": _batch_add,
    "amend_order": _amend,
    "edit_order": _edit,
    "cancel_order": _cancel,
    "batch_cancel": _batch_cancel,
    "cancel_all": _cancel_all,
    "cancel_all_orders_after": _cancel_after,
}
