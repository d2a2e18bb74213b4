"""Orders and fills over REST, both ways: place, preview, edit, cancel, look up, list.

The invariant: a new order is answered with its id alone, whatever it has done by then; what became
of it is told by the `user` channel and by asking. Cancels and changes have an outcome each, with
HTTP 200.
"""

from collections.abc import Callable, Sequence
from typing import Any

from steelyard.dialects.coinbase_advanced import brackets, errors, fills, order_messages, placing
from steelyard.dialects.coinbase_advanced.fills import (
    fees_of,
    fills_by_order,
    only_product,
    products_of,
)
from steelyard.dialects.coinbase_advanced.order_messages import (
    Canceled,
    CancelRequest,
    CancelResult,
    Edit,
    Edited,
    EditError,
    EditRequest,
    NewOrder,
    OneOrder,
    OrderRequest,
    Orders,
    OrdersRequest,
    Placed,
    Success,
)
from steelyard.dialects.coinbase_advanced.routes import (
    BASE,
    KEPT_MAX,
    answered,
    check_portfolio,
    limit_of,
    listed,
    moment,
    nothing,
    part_of,
    signed,
)
from steelyard.dialects.coinbase_advanced.text import (
    SIDE_NAMES,
    SIDES,
    TIME_IN_FORCE_NAMES,
    TIMES_IN_FORCE,
    TRIGGERED,
    average_text,
    cancel_text,
    cause_of,
    completion_text,
    ended,
    reject_name,
    shown,
    state_of,
    status_of,
    told_id,
    trigger_of,
    type_of,
)
from steelyard.domain.amendments import AmendList, Amendment, AmendsQuery
from steelyard.domain.commands import Amend, Cancel
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import (
    Batch,
    BatchAnswer,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Refused,
    Scope,
)
from steelyard.domain.order import (
    CancelCause,
    RejectReason,
    Side,
    TimeInForce,
)
from steelyard.domain.units import parse_decimal
from steelyard.wire.dialect import Asker
from steelyard.wire.moments import from_iso, iso
from steelyard.wire.numerals import (
    amount_text,
    price_text,
    read_amount,
    read_size,
    size_text,
)
from steelyard.wire.uuids import (
    Id,
    number_of,
    order_uuid,
    profile_uuid,
    user_id,
)

CANCELS_MAX = 100  # orders that one request cancels
ORDERS_DEFAULT = ORDERS_MAX = 1_000
STATUSES = frozenset(
    {"PENDING", "OPEN", "FILLED", "CANCELLED", "EXPIRED", "FAILED", "QUEUED", "CANCEL_QUEUED"}
) | {"EDIT_QUEUED", "UNKNOWN_ORDER_STATUS"}
ENDED_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
Number = Callable[[str], int]  # of an order's id


# -- one order ----------------------------------------------------------------------------------


def order_to_wire(
    order: Order,
    instrument: Instrument,
    paid: Sequence[Fill] = (),
    attached: Order | None = None,
    edits: Sequence[Amendment] = (),
) -> order_messages.Order:
    """Return an order as it is; its fills say what it has paid. A bracket may be attached to it.

    edits are its changes, oldest first.
    """
    fees = fees_of(paid, instrument)
    is_buy, is_over = order.side is Side.BUY, not order.state.is_open
    by_money = order.spend_atoms is not None
    value = order.quote_atoms
    done = order.filled_lots
    return order_messages.Order(
        order_id=order_uuid(order.order_id),
        product_id=instrument.symbol,
        user_id=user_id(order.account_id),
        order_configuration=placing.configuration_of(order, instrument),
        side=SIDE_NAMES[order.side],  # type: ignore[arg-type]
        client_order_id=own_id(order),
        status=status_of(order),
        time_in_force=TIME_IN_FORCE_NAMES[order.time_in_force],
        created_time=iso(order.created_ns),
        completion_percentage=completion_text(order),
        filled_size=size_text(instrument, done),
        average_filled_price=average_text(instrument, value, done),
        number_of_fills=str(len(paid)),
        filled_value=amount_text(value),
        size_in_quote=by_money,
        total_fees=amount_text(fees),
        size_inclusive_of_fees=by_money and is_buy,
        total_value_after_fees=amount_text(value + fees if is_buy else value - fees),
        trigger_status=trigger_of(order),
        order_type=type_of(order),
        reject_reason=reject_name(order.reject_reason),
        settled=is_over,
        cancel_message=cancel_text(order),
        outstanding_hold_amount=amount_text(held_atoms(order, instrument)),
        last_fill_time=iso(paid[-1].time_ns) if paid else None,
        retail_portfolio_id=profile_uuid(order.account_id),
        originating_order_id=order_uuid(entry) if (entry := brackets.entry_of(order)) else "",
        attached_order_id="" if attached is None else order_uuid(attached.order_id),
        attached_order_configuration=None
        if attached is None
        else placing.attached_of(attached, instrument),
        edit_history=tuple(
            Edit(
                price=price_text(instrument, edit.price_ticks or 0),
                size=size_text(instrument, edit.size_lots),
                replace_accept_timestamp=iso(edit.time_ns),
            )
            for edit in edits
        ),
    )


def own_id(order: Order) -> str:
    """Return the client's own id of an order; those that we have made up are nobody's."""
    own = order.client_order_id
    return "" if own == f"sy-{order.order_id}" else told_id(own)


def held_atoms(order: Order, instrument: Instrument) -> int:
    """Return what an open order of its own holds: of the base, or of the quote without the fee."""
    if not order.state.is_open:
        return 0
    if order.side is Side.SELL:
        return order.remaining_lots * instrument.lot_atoms
    return instrument.notional_atoms(order.price_ticks or 0, order.remaining_lots)


def order_from_wire(wire: order_messages.Order, listings: Listings, number: Number) -> Order:
    """Return an order.

    Raises:
        DecodeError: Of an unknown product, or a word that we do not know.
    """
    instrument = listed(wire.product_id, listings)
    side = SIDES[wire.side]
    terms = placing.terms_from_wire(wire.order_configuration, side, instrument)
    filled_lots = read_size(instrument, wire.filled_size)
    created_ns = from_iso(wire.created_time)
    tif = TIMES_IN_FORCE.get(wire.time_in_force, terms.time_in_force)
    state = state_of(wire.status, tif, filled_lots)
    cause = CancelCause.EXPIRED if wire.status == "EXPIRED" else None
    cause = cause or cause_of(wire.cancel_message, state)
    return Order(
        order_id=number(wire.order_id),
        client_order_id=wire.client_order_id,
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=terms.order_type,
        time_in_force=tif,
        post_only=terms.post_only,
        price_ticks=terms.price_ticks,
        size_lots=terms.size_lots,
        self_trade=placing.SELF_TRADE,
        state=ended(state, cause),
        cancel_cause=cause,
        filled_lots=filled_lots,
        quote_atoms=read_amount(wire.filled_value),
        created_ns=created_ns,
        updated_ns=from_iso(wire.last_fill_time) if wire.last_fill_time else created_ns,
        reject_reason=errors.reason_of(wire.reject_reason) if wire.status == "FAILED" else None,
        spend_atoms=terms.spend_atoms,
        trigger_ticks=terms.trigger_ticks,
        expire_ns=terms.expire_ns,
        triggered_ns=created_ns if wire.trigger_status == TRIGGERED else 0,
    )


def _orders_to_wire(orders: Sequence[Order], asker: Asker) -> tuple[order_messages.Order, ...]:
    paid, find = fills_by_order(orders, asker), brackets.finder(asker)
    entries = (order.order_id + 1 for order in orders if brackets.is_entry(order))
    attached = {
        first - 1: brackets.joined(*pair) for first, pair in brackets.pairs(entries, find).items()
    }
    return tuple(
        order_to_wire(
            order,
            asker.listings[order.instrument_id],
            paid.get(order.order_id, ()),
            attached.get(order.order_id),
            _edits(order, asker),
        )
        for order in orders
    )


def _edits(order: Order, asker: Asker) -> Sequence[Amendment]:
    """Return what has become of an order's terms since it was placed."""
    if type_of(order) != "LIMIT":
        return ()  # no other is changed here
    trail = answered(asker.ask(AmendsQuery(asker.account_id, order.order_id)), AmendList)
    return [each for each in trail.amends if each.number and each.is_asked]


# -- place --------------------------------------------------------------------------------------


def _place(request: NewOrder, asker: Asker) -> Any:
    try:
        return placing.place_from_wire(request, asker)
    except UnitError as error:
        raise _failed(request, Refused(error.reason, str(error), error.field)) from error
    except Unsupported as error:
        raise _failed(request, Refused(RejectReason.UNSUPPORTED, str(error))) from error


def _failed(request: NewOrder, said: Refused) -> Exception:
    body = Placed(
        success=False,
        error_response=errors.failure(said, is_below=_is_below(request)),
        order_configuration=request.order_configuration,
    )
    return errors.told(body, said.message, said.reason)


def _refused(answer: Refused, request: NewOrder, _asker: Asker) -> None:
    raise _failed(request, answer)


def _is_below(request: NewOrder) -> bool:
    """Whether a stop that is past its price stands below the last one."""
    return any(terms.stop_direction == placing.UP for terms in request.order_configuration.values())


def _placed(answer: Any, request: NewOrder, asker: Asker) -> Placed:
    is_group = isinstance(answer, OrderList)
    order = answer.orders[0] if is_group else answered(answer, OrderAnswer).order
    name = order_uuid(order.order_id)
    return Placed(
        success=True,
        order_id=name,
        success_response=Success(
            order_id=name,
            product_id=asker.listings[order.instrument_id].symbol,
            side=SIDE_NAMES[order.side],  # type: ignore[arg-type]
            client_order_id=own_id(order),
            attached_order_id=order_uuid(order.order_id + 1) if brackets.is_entry(order) else "",
        ),
        order_configuration=request.order_configuration,
    )


# -- cancel -------------------------------------------------------------------------------------


def find_order(order_id: str, asker: Asker) -> Order | None:
    """Return one's own order by its id; None where there is none."""
    number = number_of(Id.ORDER, order_id)
    order = asker.find_order(OrderQuery(asker.account_id, order_id=number)) if number else None
    if order is None:
        return None
    (whole,) = brackets.folded([order], brackets.finder(asker))
    return whole if whole.order_id == number else None


def _cancels(request: CancelRequest, asker: Asker) -> Batch:
    if not 1 <= len(request.order_ids) <= CANCELS_MAX:
        raise DecodeError(f"order_ids has 1 to {CANCELS_MAX} ids", "order_ids")
    wanted = dict.fromkeys(request.order_ids)
    found = (find_order(each, asker) for each in wanted)
    return Batch(
        tuple(
            Cancel(asker.account_id, brackets.acting_number(order), order.instrument_id)
            for order in found
            if order is not None
        )
    )


def _canceled(answer: Any, request: CancelRequest, asker: Asker) -> Canceled:
    answers = iter(answered(answer, BatchAnswer).answers)
    results, seen = [], set[str]()
    for each in request.order_ids:
        reason = ""
        if each in seen:
            reason = "DUPLICATE_CANCEL_REQUEST"
        elif (order := find_order(each, asker)) is None:
            reason = "UNKNOWN_CANCEL_ORDER"
        elif isinstance(next(answers), Refused):
            is_filled = order.state is OrderState.FILLED
            reason = "ORDER_IS_FULLY_FILLED" if is_filled else "UNKNOWN_CANCEL_ORDER"
        seen.add(each)
        results.append(
            CancelResult(success=False, failure_reason=reason, order_id=each)
            if reason
            else CancelResult(success=True, order_id=each)
        )
    return Canceled(tuple(results))


# -- edit ---------------------------------------------------------------------------------------


def amend_from_wire(request: EditRequest, asker: Asker) -> Amend:
    """Return a change.

    Raises:
        SessionRefused: In the venue's words for changes, with HTTP 200.
    """
    order = find_order(request.order_id, asker)
    if order is None:
        raise _uneditable("ORDER_NOT_FOUND", "there is no such order; GET /orders/historical/batch")
    if not order.state.is_open:
        raise _uneditable("ONLY_OPEN_ORDERS_CAN_BE_EDITED", f"it is {status_of(order)}")
    is_plain = type_of(order) == "LIMIT" and order.time_in_force is TimeInForce.GTC
    if not is_plain or request.stop_price or request.attached_order_configuration:
        raise _uneditable(
            "ONLY_LIMIT_ORDER_EDITS_SUPPORTED", "only limit_limit_gtc orders are changed here"
        )
    instrument = asker.listings[order.instrument_id]
    price_ticks = size_lots = None
    try:
        if request.price:
            price_ticks = instrument.price_ticks(parse_decimal(request.price), "price")
    except UnitError as error:
        raise _uneditable("INVALID_EDITED_PRICE", str(error)) from error
    try:
        if request.size:
            size_lots = instrument.size_lots(parse_decimal(request.size), "size")
    except UnitError as error:
        raise _uneditable("INVALID_EDITED_SIZE", str(error)) from error
    price_ticks = None if price_ticks == order.price_ticks else price_ticks
    size_lots = None if size_lots == order.size_lots else size_lots
    if price_ticks is None and size_lots is None:
        raise _uneditable(
            "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST", "send another price or another size"
        )
    return Amend(
        asker.account_id, order.order_id, price_ticks, size_lots, None, order.instrument_id
    )


def _uneditable(reason: str, how: str, preview: str = errors.UNKNOWN_PREVIEW) -> Exception:
    told = EditError(edit_failure_reason=reason, preview_failure_reason=preview, message=how)
    return errors.told(Edited(success=False, errors=(told,)), how, RejectReason.UNSUPPORTED)


EDIT_FAILURES = {
    RejectReason.SIZE_BELOW_FILLED: "CANNOT_EDIT_TO_BELOW_FILLED_SIZE",
    RejectReason.UNKNOWN_ORDER: "ORDER_NOT_FOUND",
}


def _edit_refused(answer: Refused, _request: EditRequest, _asker: Asker) -> None:
    reason = EDIT_FAILURES.get(answer.reason, "COMMANDER_REJECTED_EDIT_ORDER")
    raise _uneditable(reason, answer.message, errors.REFUSED[answer.reason].preview)


def _edited(_answer: Any, _request: EditRequest, _asker: Asker) -> Edited:
    return Edited(success=True)


# -- look up and list ---------------------------------------------------------------------------


def _order(_answer: None, request: OrderRequest, asker: Asker) -> OneOrder:
    order = find_order(request.order_id, asker)
    if order is None:
        raise errors.refused(
            errors.NO_ORDER,
            "GET /orders/historical/batch lists all that there are",
            RejectReason.UNKNOWN_ORDER,
            "order_id",
        )
    (wire,) = _orders_to_wire([order], asker)
    return OneOrder(wire)


def _orders_query(request: OrdersRequest, asker: Asker) -> OrdersQuery:
    check_portfolio(request.retail_portfolio_id, asker)
    unknown = [status for status in request.order_status if status not in STATUSES]
    if unknown:
        known = ", ".join(sorted(STATUSES))
        raise DecodeError(f"order_status {shown(unknown[0])}: one of {known}", "order_status")
    if "OPEN" in request.order_status and len(set(request.order_status)) > 1:
        raise DecodeError("OPEN cannot be asked for with other statuses", "order_status")
    return OrdersQuery(
        asker.account_id,
        KEPT_MAX,
        only_product(request, asker),
        open_only=set(request.order_status) == {"OPEN"},
        start_ns=moment(request.start_date, "start_date"),
        end_ns=moment(request.end_date, "end_date"),
        accepted_only=False,
    )


_SORTS: dict[str, Callable[[Order], int]] = {
    "LIMIT_PRICE": lambda order: order.price_ticks or 0,
    "LAST_FILL_TIME": lambda order: order.updated_ns if order.filled_lots else 0,
}


def _orders(answer: Any, request: OrdersRequest, asker: Asker) -> Orders:
    products, sides = products_of(request, asker), {request.order_side, None}
    ids = {number_of(Id.ORDER, each) for each in request.order_ids}

    def is_wanted(order: Order) -> bool:
        return (
            (not ids or order.order_id in ids)
            and (not products or order.instrument_id in products)
            and (not request.order_status or status_of(order) in request.order_status)
            and (request.order_side is None or SIDE_NAMES[order.side] in sides)
            and (not request.order_types or type_of(order) in request.order_types)
            and (
                not request.time_in_forces
                or TIME_IN_FORCE_NAMES[order.time_in_force] in request.time_in_forces
            )
        )

    if request.product_type not in (None, "", "SPOT", "UNKNOWN_PRODUCT_TYPE"):
        return Orders(orders=())
    whole = brackets.folded(answered(answer, OrderList).orders, brackets.finder(asker))
    found = [order for order in whole if is_wanted(order)]
    found.sort(key=lambda order: order.order_id, reverse=True)
    numbers = [order.order_id for order in found]
    most = limit_of(request.limit, ORDERS_DEFAULT, ORDERS_MAX)
    part, cursor = part_of(found, numbers, request.cursor, most)
    if request.sort_by in _SORTS:
        part.sort(key=_SORTS[request.sort_by], reverse=True)
    return Orders(orders=_orders_to_wire(part, asker), has_next=bool(cursor), cursor=cursor)


# -- routes -------------------------------------------------------------------------------------

PLACE = signed(
    "POST",
    f"{BASE}/orders",
    NewOrder,
    Placed,
    _place,
    _placed,
    scope=Scope.TRADE,
    is_order=True,
    refused=_refused,
    summary="Place an order",
)
CANCEL = signed(
    "POST",
    f"{BASE}/orders/batch_cancel",
    CancelRequest,
    Canceled,
    _cancels,
    _canceled,
    scope=Scope.TRADE,
    summary="Cancel orders; each has an outcome of its own",
)
EDIT = signed(
    "POST",
    f"{BASE}/orders/edit",
    EditRequest,
    Edited,
    amend_from_wire,
    _edited,
    scope=Scope.TRADE,
    refused=_edit_refused,
    summary="Change price or size of a limit order that rests",
)
QUERY = signed(
    "GET",
    f"{BASE}/orders/historical/{{order_id}}",
    OrderRequest,
    OneOrder,
    nothing,
    _order,
    summary="One order",
)
ORDERS = signed(
    "GET",
    f"{BASE}/orders/historical/batch",
    OrdersRequest,
    Orders,
    _orders_query,
    _orders,
    summary="Orders, newest first",
)
ENDPOINTS = (PLACE, CANCEL, EDIT, ORDERS, fills.FILLS, QUERY)
