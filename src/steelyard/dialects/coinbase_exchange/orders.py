"""Orders and fills over REST, both ways: place, cancel, look up, list.

The invariant: an order that was taken up is answered as `pending`, whatever it has done by then,
because that is all the venue says; what became of it is told by the feed and by asking. An order
that is post-only and would take is no error but an order that was rejected.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from steelyard.dialects.coinbase_exchange import errors, messages, paging, placing, tutorial
from steelyard.dialects.coinbase_exchange.messages import (
    CancelAllRequest,
    FillsRequest,
    NewOrder,
    OrderRequest,
    OrdersRequest,
)
from steelyard.dialects.coinbase_exchange.routes import (
    answered,
    check_profile,
    product_of,
    signed,
)
from steelyard.dialects.coinbase_exchange.text import (
    CANCEL_REASONS,
    MONEY_DECIMALS,
    ORDER_DECIMALS,
    SIDE_NAMES,
    SIDES,
)
from steelyard.domain.commands import Cancel, CancelAll
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import (
    Around,
    FillList,
    FillsQuery,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Refused,
    Scope,
)
from steelyard.domain.order import (
    CancelCause,
    Liquidity,
    OrderType,
    RejectReason,
    SelfTrade,
    TimeInForce,
)
from steelyard.wire.dialect import Asker
from steelyard.wire.moments import from_iso, from_time, iso
from steelyard.wire.numerals import (
    amount_text,
    padded,
    price_text,
    read_amount,
    read_price,
    read_size,
    size_text,
)
from steelyard.wire.uuids import (
    Id,
    is_uuid,
    number_of,
    order_number,
    order_uuid,
    profile_uuid,
    user_id,
)

KEPT_MAX = 200_000  # orders or fills looked through for a list: all that an account has
CLIENT = "client:"
DEFAULT_STATUSES = frozenset({"open", "pending", "active"})
STATUSES = DEFAULT_STATUSES | {"rejected", "received", "done", "all"}
LIQUIDITIES = {"M": Liquidity.MAKER, "T": Liquidity.TAKER}
LIQUIDITY_NAMES = {liquidity: letter for letter, liquidity in LIQUIDITIES.items()}
REJECT_TEXTS = {RejectReason.POST_ONLY_WOULD_TAKE: "post only"}


# -- one order ----------------------------------------------------------------------------------


def status_of(order: Order) -> str:
    """Return the venue's word for an order's state."""
    if order.state is OrderState.REJECTED:
        return "rejected"
    if not order.state.is_open:
        return "done"
    return "active" if order.waits else "open"


def order_to_wire(order: Order, instrument: Instrument, fees_atoms: int = 0) -> messages.Order:
    """Return an order as it is; fees_atoms is what it has paid so far, of the quote asset."""
    status, is_market = status_of(order), order.order_type is OrderType.MARKET
    has_size = order.spend_atoms is None
    stop = placing.STOP_NAMES.get((order.side, order.order_type))
    is_done = status == "done"
    done_reason = "filled" if order.state is OrderState.FILLED else "canceled"
    tif = placing.TIME_IN_FORCE_NAMES[order.time_in_force]
    own = order.client_order_id
    return messages.Order(
        id=order_uuid(order.order_id),
        price=_price(instrument, order.price_ticks),
        size=_size(instrument, order.size_lots) if has_size else UNSET,
        funds=UNSET if has_size else padded(amount_text(order.spend_atoms or 0), MONEY_DECIMALS),
        product_id=instrument.symbol,
        profile_id=profile_uuid(order.account_id),
        side=SIDE_NAMES[order.side],  # type: ignore[arg-type]
        type="market" if is_market else "limit",
        time_in_force=UNSET if is_market else tif,
        expire_time=UNSET if order.expire_ns is None else iso(order.expire_ns),
        post_only=order.post_only,
        stp=placing.SELF_TRADE_NAMES.get(order.self_trade, UNSET),
        max_floor=UNSET if order.display_lots is None else _size(instrument, order.display_lots),
        stop=stop or UNSET,
        stop_price=UNSET if stop is None else _price(instrument, order.trigger_ticks),
        created_at=iso(order.created_ns),
        done_at=iso(order.updated_ns) if is_done else UNSET,
        done_reason=done_reason if is_done else UNSET,
        cancel_reason=CANCEL_REASONS.get(order.cancel_cause, UNSET)
        if order.cancel_cause is not None
        else UNSET,
        reject_reason=_reject_text(order.reject_reason) if status == "rejected" else UNSET,
        fill_fees=padded(amount_text(fees_atoms), MONEY_DECIMALS),
        filled_size=_size(instrument, order.filled_lots),
        executed_value=padded(amount_text(order.quote_atoms), MONEY_DECIMALS),
        status=status,
        settled=is_done,
        funding_currency=instrument.quote,
        client_oid=UNSET if own == f"sy-{order.order_id}" else own,
    )


def taken_up(order: messages.Order) -> messages.Order:
    """Return an order as the venue answers a new one, before its engine has had it."""
    return replace(
        order,
        status="pending",
        settled=False,
        done_at=UNSET,
        done_reason=UNSET,
        cancel_reason=UNSET,
        fill_fees=padded("0", MONEY_DECIMALS),
        filled_size=padded("0", ORDER_DECIMALS),
        executed_value=padded("0", MONEY_DECIMALS),
    )


def order_from_wire(wire: messages.Order, listings: Listings) -> Order:
    """Return an order.

    Raises:
        DecodeError: Of an unknown product, or a word that we do not know.
    """
    instrument = listed(wire.product_id, listings)
    filled_lots = read_size(instrument, wire.filled_size)
    side, stop_price = SIDES[wire.side], wire.stop_price or None
    order_type = OrderType.MARKET if wire.type == "market" else OrderType.LIMIT
    if stop_price is not None:
        name = wire.stop or placing.USUAL_STOPS[side]
        order_type = _word(placing.STOPS, (side, name), "stop")
    tif = TimeInForce.IOC if order_type is OrderType.MARKET else TimeInForce.GTC
    if wire.time_in_force:
        tif = _word(placing.TIMES_IN_FORCE, wire.time_in_force, "time_in_force")
    created_ns = from_iso(wire.created_at)
    expire_ns = from_iso(wire.expire_time) if wire.expire_time else None
    return Order(
        order_id=order_number(wire.id),
        client_order_id=wire.client_oid or "",
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=order_type,
        time_in_force=tif,
        post_only=wire.post_only or False,
        price_ticks=read_price(instrument, wire.price) if wire.price else None,
        size_lots=read_size(instrument, wire.size) if wire.size else 0,
        self_trade=placing.SELF_TRADES.get(wire.stp or "dc", SelfTrade.DECREMENT),
        state=_state(wire, filled_lots),
        filled_lots=filled_lots,
        quote_atoms=read_amount(wire.executed_value),
        created_ns=created_ns,
        updated_ns=from_iso(wire.done_at) if wire.done_at else created_ns,
        reject_reason=None if wire.status != "rejected" else _reject_reason(wire),
        spend_atoms=read_amount(wire.funds) if wire.funds and not wire.size else None,
        display_lots=read_size(instrument, wire.max_floor) if wire.max_floor else None,
        trigger_ticks=None if stop_price is None else read_price(instrument, stop_price),
        expire_ns=expire_ns,
    )


def _state(wire: messages.Order, filled_lots: int) -> OrderState:
    match wire.status:
        case "pending" | "received" | "open" | "active":
            return OrderState.PARTIALLY_FILLED if filled_lots else OrderState.WORKING
        case "done":
            if wire.done_reason == "filled":
                return OrderState.FILLED
            return OrderState.EXPIRED if _has_expired(wire) else OrderState.CANCELED
        case "rejected":
            return OrderState.REJECTED
        case _:
            raise DecodeError(f"an order of status {errors.shown(wire.status)}", "status")


def _has_expired(wire: messages.Order) -> bool:
    """Whether an order ended by its own terms, as far as they say so."""
    if wire.cancel_reason:
        return wire.cancel_reason != CANCEL_REASONS[CancelCause.ADMIN]
    if wire.type == "market" or wire.time_in_force in ("IOC", "FOK"):
        return True
    return bool(wire.expire_time and wire.done_at and wire.done_at >= wire.expire_time)


def placed_from_wire(wire: messages.Order, listings: Listings) -> OrderAnswer | Refused:
    """Return what a new order's answer says."""
    if wire.status == "rejected":
        text = wire.reject_reason or "rejected"
        return Refused(_reject_reason(wire), text, order_id=order_number(wire.id))
    return OrderAnswer(order_from_wire(wire, listings))


def _reject_text(reason: RejectReason | None) -> str:
    if reason is None:
        return "rejected"
    return REJECT_TEXTS.get(reason) or errors.filled(errors.REFUSED[reason].text, None)


def _reject_reason(wire: messages.Order) -> RejectReason:
    return errors.reason_of(wire.reject_reason or "")


def _word(words: Any, name: Any, what: str) -> Any:
    found = words.get(name)
    if found is None:
        raise DecodeError(f"{what} {errors.shown(str(name))} is none that we know", what)
    return found


def _price(instrument: Instrument, ticks: int | None) -> Any:
    return UNSET if ticks is None else padded(price_text(instrument, ticks), ORDER_DECIMALS)


def _size(instrument: Instrument, lots: int) -> str:
    return padded(size_text(instrument, lots), ORDER_DECIMALS)


def listed(product_id: str, listings: Listings) -> Instrument:
    """Return an instrument that a venue speaks of.

    Raises:
        DecodeError: We have not read of it.
    """
    found = listings.find(product_id)
    if found is None:
        raise DecodeError(f"{errors.shown(product_id)} is not among the products", "product_id")
    return found


# -- place --------------------------------------------------------------------------------------


def _placed(answer: Any, _request: NewOrder, asker: Asker) -> messages.Order:
    found = answered(answer, OrderAnswer)
    order = found.order
    instrument = asker.listings[order.instrument_id]
    if not tutorial.is_on():
        return taken_up(order_to_wire(order, instrument))
    return order_to_wire(order, instrument, _fees(found.fills, asker.listings))


def _refused(answer: Refused, request: NewOrder, asker: Asker) -> messages.Order | None:
    """Return the order that was rejected, where the venue tells so."""
    if answer.reason is not RejectReason.POST_ONLY_WOULD_TAKE:
        placing.refused(answer, request, asker)
        return None
    order = asker.find_order(OrderQuery(asker.account_id, order_id=answer.order_id))
    if order is None:
        return None
    return order_to_wire(order, asker.listings[order.instrument_id])


# -- look up and cancel -------------------------------------------------------------------------


def order_of(request: OrderRequest, asker: Asker) -> Order:
    """Return the order that a request names.

    Raises:
        DecodeError: Its id has another form than an id has.
        SessionRefused: There is none, or it is of another product.
    """
    check_profile(request.profile_id, asker)
    instrument_id = None
    if request.product_id is not None:
        instrument_id = product_of(
            request.product_id, asker.listings, errors.NOT_FOUND
        ).instrument_id
    text = request.order_id
    if text.startswith(CLIENT):
        query = OrderQuery(
            asker.account_id, instrument_id, client_order_id=text.removeprefix(CLIENT)
        )
    elif is_uuid(text):
        number = number_of(Id.ORDER, text)
        query = OrderQuery(asker.account_id, instrument_id, order_id=number or 0)
    else:
        raise errors.said(
            errors.BAD_ORDER_ID.text,
            "an order's id is a UUID, as it was answered; one's own stands behind `client:`",
            "order_id",
        )
    found = asker.find_order(query)
    if found is None:
        raise errors.refused(
            errors.NOT_FOUND,
            "there is no such order in this profile; `GET /orders?status=all` lists them",
            RejectReason.UNKNOWN_ORDER,
        )
    return found


def _order(_answer: None, request: OrderRequest, asker: Asker) -> messages.Order:
    (wire,) = _orders_to_wire([order_of(request, asker)], asker)
    return wire


def _cancel(request: OrderRequest, asker: Asker) -> Cancel:
    order = order_of(request, asker)
    if not order.state.is_open:
        raise errors.refused(
            errors.ALREADY_DONE,
            "it has filled, was canceled or was rejected: nothing of it is left to cancel",
            RejectReason.UNKNOWN_ORDER,
        )
    return Cancel(asker.account_id, order.order_id)


def _canceled(answer: Any, request: OrderRequest, _asker: Asker) -> str:
    if request.order_id.startswith(CLIENT):
        return request.order_id.removeprefix(CLIENT)
    return order_uuid(answered(answer, OrderAnswer).order.order_id)


def _cancel_all(request: CancelAllRequest, asker: Asker) -> CancelAll:
    check_profile(request.profile_id, asker)
    if request.product_id is None:
        return CancelAll(asker.account_id, None)
    instrument = product_of(request.product_id, asker.listings, errors.PRODUCT_NOT_FOUND)
    return CancelAll(asker.account_id, instrument.instrument_id)


def _canceled_all(answer: Any, _request: CancelAllRequest, _asker: Asker) -> tuple[str, ...]:
    return tuple(order_uuid(order.order_id) for order in answered(answer, OrderList).orders)


# -- lists --------------------------------------------------------------------------------------


def _orders_query(request: OrdersRequest, asker: Asker) -> OrdersQuery:
    check_profile(request.profile_id, asker)
    paging.places_of(request.before, request.after)
    paging.limit_of(request.limit)
    unknown = [status for status in request.status if status not in STATUSES]
    if unknown:
        raise errors.said(
            "Invalid status",
            f"{errors.shown(unknown[0])} is none of {', '.join(sorted(STATUSES))}",
            "status",
        )
    instrument_id = None
    if request.product_id is not None:
        instrument_id = product_of(request.product_id, asker.listings).instrument_id
    return OrdersQuery(
        asker.account_id,
        KEPT_MAX,
        instrument_id,
        open_only=not request.status or set(request.status) <= DEFAULT_STATUSES | {"received"},
        start_ns=moment(request.start_date, "start_date"),
        end_ns=moment(request.end_date, "end_date"),
    )


def moment(text: str | None, name: str) -> int | None:
    """Return a time that a list begins or ends with.

    Raises:
        DecodeError: It is not one.
    """
    if text is None:
        return None
    try:
        return from_time(text)
    except DecodeError as error:
        raise errors.said(f"Invalid {name}", str(error), name) from error


_SORTED_BY: dict[str, Any] = {
    "created_at": lambda order: order.order_id,
    "order_id": lambda order: order_uuid(order.order_id),
    "price": lambda order: order.price_ticks or 0,
    "size": lambda order: order.size_lots,
    "side": lambda order: SIDE_NAMES[order.side],
    "type": lambda order: order.order_type is OrderType.MARKET,
}


def _orders(answer: Any, request: OrdersRequest, asker: Asker) -> Any:
    wanted = frozenset(request.status) or DEFAULT_STATUSES
    found = [
        order
        for order in answered(answer, OrderList).orders
        if "all" in wanted or status_of(order) in wanted
    ]
    found.sort(key=lambda order: order.order_id, reverse=request.sorting == "desc")
    found.sort(key=_SORTED_BY[request.sortedBy], reverse=request.sorting == "desc")
    part, around = part_of(
        found, [order.order_id for order in found], request.before, request.after, request.limit
    )
    rows = _orders_to_wire(part, asker)
    return paging.page(rows, [order.order_id for order in part], around)


def part_of(
    rows: Sequence[Any],
    numbers: Sequence[int],
    before: str | None,
    after: str | None,
    limit: int | None,
) -> tuple[Sequence[Any], Around]:
    """Return the part of a list, newest first, that cursors ask for, and whether it goes on.

    Raises:
        DecodeError: A cursor or the limit has another form than it has.
    """
    newer, older = paging.cursor_of(before, "before"), paging.cursor_of(after, "after")
    first, last = 0, len(rows)
    if newer is not None and newer in numbers:
        last = numbers.index(newer)
    if older is not None and older in numbers:
        first = numbers.index(older) + 1
    most = paging.limit_of(limit)
    if newer is not None and older is None:
        first = max(first, last - most)  # the page that borders on the cursor
    last = min(last, first + most)
    part = rows[first:last]
    return part, Around(before=numbers[last] if last < len(rows) else None)


def _orders_to_wire(orders: Sequence[Order], asker: Asker) -> tuple[messages.Order, ...]:
    """Return orders with what they have paid."""
    listings, fees = asker.listings, dict[int, int]()
    if any(order.filled_lots for order in orders):
        only = orders[0].order_id if len(orders) == 1 else None
        query = FillsQuery(asker.account_id, KEPT_MAX, order_id=only)
        for fill in answered(asker.ask(query), FillList).fills:
            fees[fill.order_id] = fees.get(fill.order_id, 0) + _fees((fill,), listings)
    return tuple(
        order_to_wire(order, listings[order.instrument_id], fees.get(order.order_id, 0))
        for order in orders
    )


def _fees(fills: Iterable[Fill], listings: Listings) -> int:
    """Return what fills have cost, of the quote asset."""
    return sum(
        fill.fee_atoms
        for fill in fills
        if fill.fee_asset_id == listings[fill.instrument_id].quote_asset_id
    )


# -- fills --------------------------------------------------------------------------------------


def _fills_query(request: FillsRequest, asker: Asker) -> FillsQuery:
    check_profile(request.profile_id, asker)
    instrument_id = order_id = None
    if request.product_id is not None:
        instrument_id = product_of(request.product_id, asker.listings).instrument_id
    if request.order_id is not None:
        order_id = order_of(OrderRequest(order_id=request.order_id), asker).order_id
    if instrument_id is None and order_id is None:
        raise errors.said(
            "order_id or product_id is required", "fills are listed by either", "product_id"
        )
    return FillsQuery(
        asker.account_id,
        KEPT_MAX,
        instrument_id,
        order_id,
        start_ns=moment(request.start_date, "start_date"),
        end_ns=moment(request.end_date, "end_date"),
    )


def _fills(answer: Any, request: FillsRequest, asker: Asker) -> Any:
    fills = sorted(answered(answer, FillList).fills, key=lambda fill: fill.trade_id, reverse=True)
    numbers = [fill.trade_id for fill in fills]
    part, around = part_of(fills, numbers, request.before, request.after, request.limit)
    rows = [fill_to_wire(fill, asker.listings) for fill in part]
    return paging.page(rows, [fill.trade_id for fill in part], around)


def fill_to_wire(fill: Fill, listings: Listings) -> messages.Fill:
    """Return an execution."""
    instrument = listings[fill.instrument_id]
    value = amount_text(fill.quote_atoms)
    return messages.Fill(
        created_at=iso(fill.time_ns),
        trade_id=fill.trade_id,
        product_id=instrument.symbol,
        order_id=order_uuid(fill.order_id),
        user_id=user_id(fill.account_id),
        profile_id=profile_uuid(fill.account_id),
        liquidity=LIQUIDITY_NAMES[fill.liquidity],  # type: ignore[arg-type]
        price=padded(price_text(instrument, fill.price_ticks), ORDER_DECIMALS),
        size=_size(instrument, fill.size_lots),
        fee=padded(amount_text(fill.fee_atoms), MONEY_DECIMALS),
        side=SIDE_NAMES[fill.side],  # type: ignore[arg-type]
        usd_volume=padded(value, MONEY_DECIMALS),
        funding_currency=listings.asset(fill.fee_asset_id),
    )


def fill_from_wire(wire: messages.Fill, listings: Listings) -> Fill:
    """Return an execution; its fee is in the quote asset.

    Raises:
        DecodeError: Of an unknown product.
    """
    instrument = listed(wire.product_id, listings)
    price_ticks = read_price(instrument, wire.price)
    size_lots = read_size(instrument, wire.size)
    return Fill(
        trade_id=wire.trade_id,
        order_id=order_number(wire.order_id),
        client_order_id="",
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=SIDES[wire.side],
        price_ticks=price_ticks,
        size_lots=size_lots,
        quote_atoms=instrument.notional_atoms(price_ticks, size_lots),
        liquidity=LIQUIDITIES.get(wire.liquidity, Liquidity.TAKER),
        fee_asset_id=instrument.quote_asset_id,
        fee_atoms=read_amount(wire.fee),
        time_ns=from_iso(wire.created_at),
    )


# -- routes -------------------------------------------------------------------------------------

PLACE = signed(
    "POST",
    "/orders",
    NewOrder,
    messages.Order,
    placing.place_from_wire,
    _placed,
    scope=Scope.TRADE,
    is_order=True,
    refused=_refused,
    summary="Place an order",
)
ORDERS = signed(
    "GET",
    "/orders",
    OrdersRequest,
    tuple[messages.Order, ...],
    _orders_query,
    _orders,
    summary="Orders, open ones unless a status is named",
)
QUERY = signed(
    "GET",
    "/orders/{order_id}",
    OrderRequest,
    messages.Order,
    lambda _r, _a: None,
    _order,
    summary="One order, by the venue's id or as `client:` and one's own",
)
CANCEL = signed(
    "DELETE",
    "/orders/{order_id}",
    OrderRequest,
    str,
    _cancel,
    _canceled,
    scope=Scope.TRADE,
    summary="Cancel an order",
)
CANCEL_ALL = signed(
    "DELETE",
    "/orders",
    CancelAllRequest,
    tuple[str, ...],
    _cancel_all,
    _canceled_all,
    scope=Scope.TRADE,
    summary="Cancel all open orders, of a product or altogether",
)
FILLS = signed(
    "GET",
    "/fills",
    FillsRequest,
    tuple[messages.Fill, ...],
    _fills_query,
    _fills,
    summary="Fills of an order or a product",
)
ENDPOINTS = (PLACE, ORDERS, QUERY, CANCEL, CANCEL_ALL, FILLS)
