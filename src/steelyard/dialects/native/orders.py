"""Place, amend, cancel; orders and fills: each to the wire next to each from the wire.

Nothing is rounded: a price off the tick or a size off the lot is refused in the words of
`domain.instrument`. Where both are wrong, the reason that comes first in `RejectReason` is told.
"""

from typing import Any

from steelyard.dialects.native import messages, stream_messages
from steelyard.dialects.native.market import instrument_of, listed, lots_of, ticks_of
from steelyard.dialects.native.text import (
    CANCEL_CAUSE_NAMES,
    CANCEL_CAUSES,
    EXECUTION_NAMES,
    EXECUTIONS,
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
    amount_text,
    average_text,
    from_ms,
    from_ms_or_none,
    price_text,
    size_text,
    to_atoms_exact,
    to_ms,
)
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order
from steelyard.domain.messages import (
    FillList,
    FillsQuery,
    OrderAnswer,
    OrderEvent,
    OrderList,
    OrderQuery,
    OrdersQuery,
)
from steelyard.domain.order import FIELDS, FeeAsset, Need, OrderType, RejectReason, TimeInForce
from steelyard.domain.units import parse_decimal
from steelyard.wire.dialect import Asker

FEE_ASSET = FeeAsset.QUOTE
DEFAULT_TIME_IN_FORCE = {OrderType.LIMIT: TimeInForce.GTC, OrderType.MARKET: TimeInForce.IOC}


# -- commands -----------------------------------------------------------------------------------


def place_from_wire(request: messages.PlaceRequest, asker: Asker) -> Place:
    """Return the command of a new order.

    Raises:
        UnitError: The combination is not offered, the symbol is not listed, or price or size
            are off their steps or limits.
    """
    order_type = ORDER_TYPES[request.type]
    time_in_force = DEFAULT_TIME_IN_FORCE[order_type]
    if request.time_in_force is not None:
        time_in_force = TIMES_IN_FORCE[request.time_in_force]
    _check_combination(order_type, time_in_force, post_only=request.post_only)
    instrument = instrument_of(request.symbol, asker.listings)
    price_ticks, size_lots = _steps(instrument, request.price, request.size)
    assert size_lots is not None, "a place has a size"
    return Place(
        account_id=asker.account_id,
        instrument_id=instrument.instrument_id,
        side=SIDES[request.side],
        order_type=order_type,
        time_in_force=time_in_force,
        post_only=request.post_only,
        price_ticks=price_ticks,
        size_lots=size_lots,
        self_trade=SELF_TRADES[request.self_trade],
        fee_asset=FEE_ASSET,
        client_order_id=request.client_order_id or "",
    )


def place_to_wire(place: Place, listings: Listings) -> dict[str, Any]:
    """Return the body of a new order; what has its default is left out."""
    instrument = listings[place.instrument_id]
    body: dict[str, Any] = {
        "symbol": instrument.symbol,
        "side": place.side.name.lower(),
        "type": place.order_type.name.lower(),
        "size": size_text(instrument, place.size_lots),
        "time_in_force": place.time_in_force.name.lower(),
        "self_trade": place.self_trade.name.lower(),
    }
    if place.price_ticks is not None:
        body["price"] = price_text(instrument, place.price_ticks)
    if place.post_only:
        body["post_only"] = True
    if place.client_order_id:
        body["client_order_id"] = place.client_order_id
    return body


def amend_from_wire(request: messages.AmendRequest, asker: Asker) -> Amend:
    """Return the command for another price or size, in steps of the order's instrument.

    Raises:
        UnitError: Price or size are off their steps or limits, or the order is unknown.
    """
    order = asker.find_order(OrderQuery(asker.account_id, order_id=request.order_id))
    if order is None:
        raise UnitError(
            f"no order {request.order_id} on this account; list the open ones to see their ids",
            RejectReason.UNKNOWN_ORDER,
        )
    instrument = asker.listings[order.instrument_id]
    price_ticks, size_lots = _steps(instrument, request.price, request.size)
    return Amend(asker.account_id, request.order_id, price_ticks, size_lots)


def cancel_from_wire(request: messages.CancelRequest, asker: Asker) -> Cancel:
    """Return the command that takes one order off the book."""
    return Cancel(asker.account_id, request.order_id)


def cancel_all_from_wire(request: messages.CancelAllRequest, asker: Asker) -> CancelAll:
    """Return the command that takes all orders off the book.

    Raises:
        UnitError: The symbol is not listed.
    """
    return CancelAll(asker.account_id, _instrument_id(request.symbol, asker.listings))


# -- queries ------------------------------------------------------------------------------------


def order_query(request: messages.OrderRequest, asker: Asker) -> OrderQuery:
    """Return the query for one order by the exchange's number."""
    return OrderQuery(asker.account_id, order_id=request.order_id)


def client_order_query(request: messages.ClientOrderRequest, asker: Asker) -> OrderQuery:
    """Return the query for one order by its owner's name."""
    return OrderQuery(asker.account_id, client_order_id=request.client_order_id)


def orders_query(request: messages.OrdersRequest, asker: Asker) -> OrdersQuery:
    """Return the query for orders.

    Raises:
        UnitError: The symbol is not listed.
    """
    return OrdersQuery(
        asker.account_id,
        request.limit,
        instrument_id=_instrument_id(request.symbol, asker.listings),
        open_only=request.open,
        from_order_id=request.from_id,
        start_ns=from_ms_or_none(request.start),
        end_ns=from_ms_or_none(request.end),
    )


def fills_query(request: messages.FillsRequest, asker: Asker) -> FillsQuery:
    """Return the query for fills.

    Raises:
        UnitError: The symbol is not listed.
    """
    return FillsQuery(
        asker.account_id,
        request.limit,
        instrument_id=_instrument_id(request.symbol, asker.listings),
        order_id=request.order_id,
        from_trade_id=request.from_id,
        start_ns=from_ms_or_none(request.start),
        end_ns=from_ms_or_none(request.end),
    )


# -- answers ------------------------------------------------------------------------------------


def placed_to_wire(answer: OrderAnswer, _request: Any, asker: Asker) -> messages.PlacedOrder:
    """Return an order with what a request filled of it."""
    fills = tuple(fill_to_wire(fill, asker.listings) for fill in answer.fills)
    return messages.PlacedOrder(**_order_fields(answer.order, asker.listings), fills=fills)


def order_answer_to_wire(answer: OrderAnswer, _request: Any, asker: Asker) -> messages.Order:
    """Return an order."""
    return order_to_wire(answer.order, asker.listings)


def orders_to_wire(answer: OrderList, _request: Any, asker: Asker) -> messages.OrderList:
    """Return orders."""
    return messages.OrderList(tuple(order_to_wire(o, asker.listings) for o in answer.orders))


def fills_to_wire(answer: FillList, _request: Any, asker: Asker) -> messages.FillList:
    """Return fills."""
    return messages.FillList(tuple(fill_to_wire(f, asker.listings) for f in answer.fills))


def placed_from_wire(
    wire: messages.PlacedOrder, listings: Listings, account_id: int
) -> OrderAnswer:
    """Return an order with what a request filled of it."""
    fills = tuple(fill_from_wire(fill, listings, account_id) for fill in wire.fills)
    return OrderAnswer(order_from_wire(wire, listings, account_id), fills)


def order_to_wire(order: Order, listings: Listings) -> messages.Order:
    """Return an order as texts."""
    return messages.Order(**_order_fields(order, listings))


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
        price_ticks=None if wire.price is None else ticks_of(instrument, wire.price),
        size_lots=lots_of(instrument, wire.size),
        self_trade=SELF_TRADES[wire.self_trade],
        fee_asset=FEE_ASSET,
        state=ORDER_STATES[wire.state],
        filled_lots=lots_of(instrument, wire.filled),
        quote_atoms=to_atoms_exact(wire.quote_volume),
        created_ns=from_ms(wire.created),
        updated_ns=from_ms(wire.updated),
        reject_reason=REJECT_REASONS.get(wire.reject_reason or ""),
        cancel_cause=None if wire.cancel_cause is None else CANCEL_CAUSES[wire.cancel_cause],
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
        fee_asset_id = listings.asset_id(wire.fee_asset)
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


def _order_fields(order: Order, listings: Listings) -> dict[str, Any]:
    instrument = listings[order.instrument_id]
    price = None if order.price_ticks is None else price_text(instrument, order.price_ticks)
    cause, reason = order.cancel_cause, order.reject_reason
    return {
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "symbol": instrument.symbol,
        "side": SIDE_NAMES[order.side],
        "type": ORDER_TYPE_NAMES[order.order_type],
        "time_in_force": TIME_IN_FORCE_NAMES[order.time_in_force],
        "post_only": order.post_only,
        "self_trade": SELF_TRADE_NAMES[order.self_trade],
        "price": price,
        "size": size_text(instrument, order.size_lots),
        "filled": size_text(instrument, order.filled_lots),
        "remaining": size_text(instrument, order.remaining_lots),
        "average_price": average_text(instrument, order.quote_atoms, order.filled_lots),
        "quote_volume": amount_text(order.quote_atoms),
        "state": ORDER_STATE_NAMES[order.state],
        "cancel_cause": None if cause is None else CANCEL_CAUSE_NAMES[cause],
        "reject_reason": None if reason is None else reason.name,
        "created": to_ms(order.created_ns),
        "updated": to_ms(order.updated_ns),
    }


def _instrument_id(symbol: str | None, listings: Listings) -> int | None:
    return None if symbol is None else instrument_of(symbol, listings).instrument_id


def _check_combination(
    order_type: OrderType, time_in_force: TimeInForce, *, post_only: bool
) -> None:
    fields, name = FIELDS[order_type], order_type.name.lower()
    if time_in_force not in fields.time_in_force:
        offered = " or ".join(t.name.lower() for t in TimeInForce if t in fields.time_in_force)
        raise UnitError(
            f"time_in_force {time_in_force.name.lower()} does not go with a {name} order; "
            f"it takes {offered}",
            RejectReason.UNSUPPORTED,
        )
    if post_only and (fields.post_only is Need.NEVER or time_in_force is not TimeInForce.GTC):
        raise UnitError(
            "post_only goes with a limit order and time_in_force gtc only: what may not take "
            "has to rest",
            RejectReason.UNSUPPORTED,
        )


def _steps(
    instrument: Instrument, price: str | None, size: str | None
) -> tuple[int | None, int | None]:
    return instrument.order_steps(
        None if price is None else parse_decimal(price),
        None if size is None else parse_decimal(size),
    )
