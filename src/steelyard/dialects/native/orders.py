"""Place, amend, cancel; orders and fills: each to the wire next to each from the wire.

Nothing is rounded: a price off the tick or a size off the lot is refused in the words of
`domain.instrument`. What goes with what is for terms.py.
"""

from typing import Any, TypeVar

from msgspec import structs

from steelyard.dialects.native import errors, forms, messages, requests, stream_messages, terms
from steelyard.dialects.native.cursors import cursors_of, places_of
from steelyard.dialects.native.market import (
    instrument_of,
    listed,
    lots_of,
    lots_or_none,
    price_or_none,
    ticks_of,
    ticks_or_none,
)
from steelyard.dialects.native.text import (
    CANCEL_CAUSE_NAMES,
    CANCEL_CAUSES,
    DIRECTION_NAMES,
    DIRECTIONS,
    EXECUTION_NAMES,
    EXECUTIONS,
    FEE_ASSET_NAMES,
    FEE_ASSETS,
    GROUP_KIND_NAMES,
    GROUP_KINDS,
    LIQUIDITIES,
    LIQUIDITY_NAMES,
    ORDER_STATE_NAMES,
    ORDER_STATES,
    ORDER_TYPE_NAMES,
    ORDER_TYPES,
    REJECT_REASONS,
    SELF_TRADE_NAMES,
    SELF_TRADES,
    SIDE_NAMES,
    SIDES,
    TIME_IN_FORCE_NAMES,
    TIMES_IN_FORCE,
    TRIGGER_BY_NAMES,
    TRIGGERS_BY,
    amount_or_none,
    amount_text,
    average_text,
    from_ms,
    from_ms_or_none,
    price_text,
    rate_text,
    size_text,
    to_atoms_exact,
    to_ms,
    to_rate_e8,
)
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place, PlaceGroup
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order
from steelyard.domain.messages import (
    Batch,
    BatchAnswer,
    FillList,
    FillsQuery,
    OrderAnswer,
    OrderEvent,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Refused,
)
from steelyard.domain.order import Direction, FeeAsset, RejectReason
from steelyard.wire.dialect import AccessReason, Asker, Refusal

DEFAULT_TRIGGER_BY: forms.TriggerBy = "last"
T = TypeVar("T", bound=messages.Order)


# -- commands -----------------------------------------------------------------------------------


def place_from_wire(request: requests.PlaceRequest, asker: Asker) -> Place:
    """Return the command of a new order.

    Raises:
        DecodeError: Something is missing that an order of this type needs.
        UnitError: The combination is not offered, the symbol is not listed, or a number is off
            its steps or limits.
    """
    order_type = ORDER_TYPES[request.type]
    asked = None if request.time_in_force is None else TIMES_IN_FORCE[request.time_in_force]
    time_in_force = terms.time_in_force_of(asked, order_type)
    is_plain = terms.check(request, order_type, time_in_force)
    instrument = instrument_of(request.symbol, asker.listings)
    numbers = terms.Numbers(instrument)
    if is_plain:
        price_ticks = numbers.price("price", request.price)
        size_lots = numbers.size("size", request.size) or 0
        numbers.check()
        return Place(
            asker.account_id,
            instrument.instrument_id,
            SIDES[request.side],
            order_type,
            time_in_force,
            request.post_only,
            price_ticks,
            size_lots,
            SELF_TRADES[request.self_trade],
            FEE_ASSETS[request.fee_asset],
            request.client_order_id or "",
        )
    place = Place(
        account_id=asker.account_id,
        instrument_id=instrument.instrument_id,
        side=SIDES[request.side],
        order_type=order_type,
        time_in_force=time_in_force,
        post_only=request.post_only,
        price_ticks=numbers.price("price", request.price),
        size_lots=numbers.size("size", request.size) or 0,
        self_trade=SELF_TRADES[request.self_trade],
        fee_asset=FEE_ASSETS[request.fee_asset],
        client_order_id=request.client_order_id or "",
        slide=request.slide,
        quote_atoms=numbers.amount("quote_amount", request.quote_amount),
        display_lots=numbers.display("display_size", request.display_size),
        trigger_by=TRIGGERS_BY[request.trigger_by or DEFAULT_TRIGGER_BY],
        trigger_ticks=numbers.price("trigger_price", request.trigger_price),
        trail_ticks=numbers.trail("trail", request.trail),
        trail_rate_e8=numbers.trail_rate("trail_rate", request.trail_rate),
        activation_ticks=numbers.price("activation_price", request.activation_price),
        expire_ns=from_ms_or_none(request.expires),
        activation_direction=_direction(request.activation_direction),
    )
    numbers.check()
    return place


def place_to_wire(place: Place, listings: Listings) -> dict[str, Any]:
    """Return the body of a new order; what has its default is left out.

    Raises:
        Unsupported: This API has no word for it.
    """
    if place.reduce_only:
        raise Unsupported("the native API has no reduce_only: there are no positions on spot")
    if place.activation_direction is not None and place.activation_ticks is None:
        raise Unsupported(
            "the native API has an activation_direction with an activation_price only"
        )
    instrument = listings[place.instrument_id]
    body: dict[str, Any] = {
        "symbol": instrument.symbol,
        "side": place.side.name.lower(),
        "type": place.order_type.name.lower(),
        "time_in_force": place.time_in_force.name.lower(),
        "self_trade": place.self_trade.name.lower(),
    }
    told = {
        **_terms_fields(place, instrument),
        "price": price_or_none(instrument, place.price_ticks),
        "size": size_text(instrument, place.size_lots) if place.quote_atoms is None else None,
        "quote_amount": amount_or_none(place.quote_atoms),
        "fee_asset": None
        if place.fee_asset is FeeAsset.QUOTE
        else FEE_ASSET_NAMES[place.fee_asset],
        "post_only": place.post_only or None,
        "slide": place.slide or None,
        "client_order_id": place.client_order_id or None,
    }
    return body | {name: value for name, value in told.items() if value is not None}


def group_from_wire(request: requests.PlaceGroupRequest, asker: Asker) -> PlaceGroup:
    """Return the command of several orders; what is wrong with one is told with its place.

    Raises:
        DecodeError: Something is missing in one of them, or only some have a client order id.
        UnitError: As for one order.
    """
    places = []
    for position, one in enumerate(request.orders):
        here = f"orders[{position}]"
        try:
            places.append(place_from_wire(one, asker))
        except UnitError as error:
            where = f"{here}.{error.field}" if error.field else here
            raise UnitError(f"{here}: {error}", error.reason, where) from error
        except DecodeError as error:
            raise DecodeError(f"{here}: {error}", f"{here}.{error.field}") from error
    unnamed = [i for i, place in enumerate(places) if not place.client_order_id]
    if 0 < len(unnamed) < len(places):
        raise DecodeError(
            f"orders[{unnamed[0]}] has no client_order_id and others have one; send one with "
            "each, or with none: only then the group sent again is known",
            f"orders[{unnamed[0]}].client_order_id",
        )
    return PlaceGroup(GROUP_KINDS[request.kind], tuple(places))


def group_weight(request: requests.PlaceGroupRequest) -> int:
    """Return what a group counts for: as much as its orders one by one."""
    return len(request.orders)


def group_to_wire(group: PlaceGroup, listings: Listings) -> dict[str, Any]:
    """Return the body of a group.

    Raises:
        Unsupported: This API has no word for one of its orders.
    """
    return {
        "kind": group.kind.name.lower(),
        "orders": [place_to_wire(place, listings) for place in group.places],
    }


def batch_from_wire(request: requests.PlaceBatchRequest, asker: Asker) -> Batch:
    """Return the commands of those orders that can be placed, in their order."""
    read = (_place_or_refusal(one, asker) for one in request.orders)
    return Batch(tuple(each for each in read if isinstance(each, Place)))


def batch_weight(request: requests.PlaceBatchRequest) -> int:
    """Return what a batch counts for: as much as its orders one by one."""
    return len(request.orders)


def batch_to_wire(
    answer: BatchAnswer, request: requests.PlaceBatchRequest, asker: Asker
) -> messages.OrderResults:
    """Return what became of each order of a batch."""
    answers = iter(answer.answers)
    results = []
    for one in request.orders:
        # What could not be read then cannot be read now: nothing it was read by has changed.
        read = _place_or_refusal(one, asker)
        became = next(answers) if isinstance(read, Place) else read
        if isinstance(became, Refused):
            became = Refusal(became.reason, became.message, became.field)
        if isinstance(became, Refusal):
            results.append(messages.OrderResult(None, errors.detail(became)))
        else:
            assert isinstance(became, OrderAnswer), "a Place is answered by its order"
            results.append(messages.OrderResult(placed_to_wire(became, None, asker), None))
    return messages.OrderResults(tuple(results))


def _place_or_refusal(request: requests.PlaceRequest, asker: Asker) -> Place | Refusal:
    try:
        return place_from_wire(request, asker)
    except UnitError as error:
        return Refusal(error.reason, str(error), error.field)
    except DecodeError as error:
        return Refusal(AccessReason.MALFORMED, str(error), error.field)


def amend_from_wire(request: requests.AmendRequest, asker: Asker) -> Amend:
    """Return the command for another price, size or trigger, in steps of the order's instrument.

    Raises:
        UnitError: One is off its steps or limits, or the order is unknown.
    """
    order = asker.find_order(OrderQuery(asker.account_id, order_id=request.order_id))
    if order is None:
        raise UnitError(
            f"no order {request.order_id} on this account; list the open ones to see their ids",
            RejectReason.UNKNOWN_ORDER,
        )
    numbers = terms.Numbers(asker.listings[order.instrument_id])
    amend = Amend(
        asker.account_id,
        request.order_id,
        numbers.price("price", request.price),
        numbers.size("size", request.size),
        numbers.price("trigger_price", request.trigger_price),
    )
    numbers.check()
    return amend


def amend_to_wire(amend: Amend, listings: Listings) -> dict[str, Any]:
    """Return the body of an amendment: what is to change.

    Raises:
        Unsupported: It does not say its instrument, without which steps are not a price.
    """
    if amend.instrument_id is None:
        raise Unsupported(
            "an Amend over the native API needs instrument_id: prices are sent in quote, not steps"
        )
    instrument = listings[amend.instrument_id]
    told = {
        "price": price_or_none(instrument, amend.price_ticks),
        "size": None if amend.size_lots is None else size_text(instrument, amend.size_lots),
        "trigger_price": price_or_none(instrument, amend.trigger_ticks),
    }
    return {name: value for name, value in told.items() if value is not None}


def cancel_from_wire(request: requests.CancelRequest, asker: Asker) -> Cancel:
    """Return the command that takes one order off the book."""
    return Cancel(asker.account_id, request.order_id)


def cancel_all_from_wire(request: requests.CancelAllRequest, asker: Asker) -> CancelAll:
    """Return the command that takes all orders off the book.

    Raises:
        UnitError: The symbol is not listed.
    """
    return CancelAll(asker.account_id, _instrument_id(request.symbol, asker.listings))


# -- queries ------------------------------------------------------------------------------------


def order_query(request: requests.OrderRequest, asker: Asker) -> OrderQuery:
    """Return the query for one order by the exchange's number."""
    return OrderQuery(asker.account_id, order_id=request.order_id)


def client_order_query(request: requests.ClientOrderRequest, asker: Asker) -> OrderQuery:
    """Return the query for one order by its owner's name."""
    return OrderQuery(asker.account_id, client_order_id=request.client_order_id)


def orders_query(request: requests.OrdersRequest, asker: Asker) -> OrdersQuery:
    """Return the query for orders.

    Raises:
        UnitError: The symbol is not listed.
        DecodeError: The cursor is of another list.
    """
    after, before = places_of(request.cursor, "orders")
    return OrdersQuery(
        asker.account_id,
        request.limit,
        instrument_id=_instrument_id(request.symbol, asker.listings),
        open_only=request.open,
        from_order_id=request.from_id,
        start_ns=from_ms_or_none(request.start),
        end_ns=from_ms_or_none(request.end),
        order_ids=tuple(int(i) for i in request.ids.split(",")) if request.ids else (),
        after=after,
        before=before,
    )


def fills_query(request: requests.FillsRequest, asker: Asker) -> FillsQuery:
    """Return the query for fills.

    Raises:
        UnitError: The symbol is not listed.
        DecodeError: The cursor is of another list.
    """
    after, before = places_of(request.cursor, "fills")
    return FillsQuery(
        asker.account_id,
        request.limit,
        instrument_id=_instrument_id(request.symbol, asker.listings),
        order_id=request.order_id,
        from_trade_id=request.from_id,
        start_ns=from_ms_or_none(request.start),
        end_ns=from_ms_or_none(request.end),
        after=after,
        before=before,
    )


# -- answers ------------------------------------------------------------------------------------


def placed_to_wire(answer: OrderAnswer, _request: Any, asker: Asker) -> messages.PlacedOrder:
    """Return an order with what a request filled of it."""
    fills = tuple(fill_to_wire(fill, asker.listings) for fill in answer.fills)
    return _told(messages.PlacedOrder, answer.order, asker.listings, fills=fills)


def order_answer_to_wire(answer: OrderAnswer, _request: Any, asker: Asker) -> messages.Order:
    """Return an order."""
    return order_to_wire(answer.order, asker.listings)


def orders_to_wire(answer: OrderList, _request: Any, asker: Asker) -> messages.OrderList:
    """Return orders."""
    orders = tuple(order_to_wire(o, asker.listings) for o in answer.orders)
    return messages.OrderList(orders, *cursors_of(answer.around, "orders"))


def fills_to_wire(answer: FillList, _request: Any, asker: Asker) -> messages.FillList:
    """Return fills."""
    fills = tuple(fill_to_wire(f, asker.listings) for f in answer.fills)
    return messages.FillList(fills, *cursors_of(answer.around, "fills"))


def placed_from_wire(
    wire: messages.PlacedOrder, listings: Listings, account_id: int
) -> OrderAnswer:
    """Return an order with what a request filled of it."""
    fills = tuple(fill_from_wire(fill, listings, account_id) for fill in wire.fills)
    return OrderAnswer(order_from_wire(wire, listings, account_id), fills)


def order_to_wire(order: Order, listings: Listings) -> messages.Order:
    """Return an order as texts."""
    return _told(messages.Order, order, listings)


def order_from_wire(wire: messages.Order, listings: Listings, account_id: int) -> Order:
    """Return an order in ticks and lots."""
    instrument = listed(wire.symbol, listings)
    return Order(
        order_id=wire.order_id,
        client_order_id=wire.client_order_id,
        account_id=account_id,
        instrument_id=instrument.instrument_id,
        side=SIDES[wire.side],
        order_type=ORDER_TYPES[wire.type],
        time_in_force=TIMES_IN_FORCE[wire.time_in_force],
        post_only=wire.post_only,
        price_ticks=ticks_or_none(instrument, wire.price),
        size_lots=lots_of(instrument, wire.size),
        self_trade=SELF_TRADES[wire.self_trade],
        fee_asset=FEE_ASSETS[wire.fee_asset],
        state=ORDER_STATES[wire.state],
        filled_lots=lots_of(instrument, wire.filled),
        quote_atoms=to_atoms_exact(wire.quote_volume),
        created_ns=from_ms(wire.created),
        updated_ns=from_ms(wire.updated),
        reject_reason=REJECT_REASONS.get(wire.reject_reason or ""),
        cancel_cause=None if wire.cancel_cause is None else CANCEL_CAUSES[wire.cancel_cause],
        slide=wire.slide,
        spend_atoms=None if wire.quote_amount is None else to_atoms_exact(wire.quote_amount),
        display_lots=lots_or_none(instrument, wire.display_size),
        trigger_by=TRIGGERS_BY[wire.trigger_by or DEFAULT_TRIGGER_BY],
        trigger_ticks=ticks_or_none(instrument, wire.trigger_price),
        trail_ticks=ticks_or_none(instrument, wire.trail),
        trail_rate_e8=None if wire.trail_rate is None else to_rate_e8(wire.trail_rate),
        activation_ticks=ticks_or_none(instrument, wire.activation_price),
        expire_ns=from_ms_or_none(wire.expires),
        triggered_ns=from_ms(wire.triggered or 0),
        group_id=wire.group_id or 0,
        group_kind=None if wire.group is None else GROUP_KINDS[wire.group],
        activation_direction=_direction(wire.activation_direction),
    )


def fill_to_wire(fill: Fill, listings: Listings) -> messages.Fill:
    """Return an execution as texts."""
    instrument = listings[fill.instrument_id]
    return messages.Fill(
        trade_id=fill.trade_id,
        order_id=fill.order_id,
        client_order_id=fill.client_order_id,
        symbol=instrument.symbol,
        side=SIDE_NAMES[fill.side],
        price=price_text(instrument, fill.price_ticks),
        size=size_text(instrument, fill.size_lots),
        liquidity=LIQUIDITY_NAMES[fill.liquidity],
        fee=amount_text(fill.fee_atoms),
        fee_asset=listings.asset(fill.fee_asset_id),
        time=to_ms(fill.time_ns),
    )


def fill_from_wire(wire: messages.Fill, listings: Listings, account_id: int) -> Fill:
    """Return an execution in ticks, lots and atoms.

    Raises:
        DecodeError: The symbol or the fee's asset is not listed.
    """
    instrument = listed(wire.symbol, listings)
    price_ticks, size_lots = ticks_of(instrument, wire.price), lots_of(instrument, wire.size)
    try:
        fee_asset_id = listings.any_asset_id(wire.fee_asset)
    except Unsupported as error:
        raise DecodeError(f"a fee in {wire.fee_asset!r}: {error}", "fee_asset") from error
    return Fill(
        trade_id=wire.trade_id,
        order_id=wire.order_id,
        client_order_id=wire.client_order_id,
        account_id=account_id,
        instrument_id=instrument.instrument_id,
        side=SIDES[wire.side],
        price_ticks=price_ticks,
        size_lots=size_lots,
        quote_atoms=instrument.notional_atoms(price_ticks, size_lots),
        liquidity=LIQUIDITIES[wire.liquidity],
        fee_asset_id=fee_asset_id,
        fee_atoms=to_atoms_exact(wire.fee),
        time_ns=from_ms(wire.time),
    )


def fill_push(event: OrderEvent, listings: Listings) -> stream_messages.FillsPush:
    """Return an execution as the channel tells it."""
    assert event.fill is not None, "this channel tells of executions only"
    fill = fill_to_wire(event.fill, listings)
    return stream_messages.FillsPush(**structs.asdict(fill))


def order_push(event: OrderEvent, listings: Listings) -> stream_messages.OrdersPush:
    """Return what happened to an order."""
    return stream_messages.OrdersPush(
        channel="orders",
        execution=EXECUTION_NAMES[event.execution],
        order=order_to_wire(event.order, listings),
        fill=None if event.fill is None else fill_to_wire(event.fill, listings),
        time=to_ms(event.time_ns),
    )


def order_event(
    wire: stream_messages.OrdersPush, listings: Listings, account_id: int
) -> OrderEvent:
    """Return what happened to an order, in whole numbers."""
    return OrderEvent(
        EXECUTIONS[wire.execution],
        order_from_wire(wire.order, listings, account_id),
        None if wire.fill is None else fill_from_wire(wire.fill, listings, account_id),
        from_ms(wire.time),
    )


# -- fields -------------------------------------------------------------------------------------


def _told(kind: type[T], order: Order, listings: Listings, **more: Any) -> T:
    """Return an order as texts, with what else is told of it."""
    instrument = listings[order.instrument_id]
    cause, reason, group = order.cancel_cause, order.reject_reason, order.group_kind
    size = size_text(instrument, order.size_lots)
    filled_lots, quote_atoms = order.filled_lots, order.quote_atoms
    has_terms = order.order_type.waits or order.display_lots is not None or order.expire_ns
    terms_fields = _terms_fields(order, instrument) if has_terms else _NO_TERMS
    return kind(
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        symbol=instrument.symbol,
        side=SIDE_NAMES[order.side],
        type=ORDER_TYPE_NAMES[order.order_type],
        time_in_force=TIME_IN_FORCE_NAMES[order.time_in_force],
        post_only=order.post_only,
        self_trade=SELF_TRADE_NAMES[order.self_trade],
        fee_asset=FEE_ASSET_NAMES[order.fee_asset],
        price=price_or_none(instrument, order.price_ticks),
        size=size,
        quote_amount=amount_or_none(order.spend_atoms),
        slide=order.slide,
        triggered=to_ms(order.triggered_ns) or None,
        group=None if group is None else GROUP_KIND_NAMES[group],
        group_id=order.group_id or None,
        filled=size_text(instrument, filled_lots) if filled_lots else "0",
        remaining=size_text(instrument, order.remaining_lots) if filled_lots else size,
        average_price=average_text(instrument, quote_atoms, filled_lots),
        quote_volume=amount_text(quote_atoms) if quote_atoms else "0",
        state=ORDER_STATE_NAMES[order.state],
        cancel_cause=None if cause is None else CANCEL_CAUSE_NAMES[cause],
        reject_reason=None if reason is None else reason.name,
        created=to_ms(order.created_ns),
        updated=to_ms(order.updated_ns),
        **terms_fields,
        **more,
    )


def _terms_fields(it: Place | Order, instrument: Instrument) -> dict[str, Any]:
    """Return what a new order and an order as it is call the same; None where absent."""
    way = it.activation_direction
    return {
        "display_size": None if it.display_lots is None else size_text(instrument, it.display_lots),
        "trigger_price": price_or_none(instrument, it.trigger_ticks),
        "trigger_by": TRIGGER_BY_NAMES[it.trigger_by] if it.order_type.waits else None,
        "trail": price_or_none(instrument, it.trail_ticks),
        "trail_rate": None if it.trail_rate_e8 is None else rate_text(it.trail_rate_e8),
        "activation_price": price_or_none(instrument, it.activation_ticks),
        "activation_direction": None if way is None else DIRECTION_NAMES[way],
        "expires": None if it.expire_ns is None else to_ms(it.expire_ns),
    }


# What an order has of these that waits for nothing, shows all of itself and never expires.
_NO_TERMS = dict.fromkeys(
    (
        *("display_size", "trigger_price", "trigger_by", "trail", "trail_rate"),
        *("activation_price", "activation_direction", "expires"),
    )
)


def _direction(name: forms.Direction | None) -> Direction | None:
    return None if name is None else DIRECTIONS[name]


def _instrument_id(symbol: str | None, listings: Listings) -> int | None:
    return None if symbol is None else instrument_of(symbol, listings).instrument_id
