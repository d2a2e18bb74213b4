"""What an algo order is, and how it is told, both ways; placing and canceling are in algos.py.

The invariant: an algo order is one order of the engine, or two of which one cancels the other, and
its number is that of the first. What it goes to market as has that number too. The kind under
which it is listed follows from what it is; a `trigger` is told from a `conditional` one by a mark
before its name, which its owner does not see.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from steelyard.dialects.okx.algo_messages import (
    AlgoAck,
    AlgoInfo,
    NewAlgo,
)
from steelyard.dialects.okx.executions import (
    algo_number,
    exit_to_wire,
    is_iceberg,
)
from steelyard.dialects.okx.placing import (
    AT_MARKET,
    BASE,
    CASH,
    TRIGGER_NAMES,
    TRIGGERS,
    refuse_unsaid,
    waiting,
)
from steelyard.dialects.okx.text import (
    MARK,
    SIDE_NAMES,
    SIDES,
    id_number,
    listed,
    ms,
    own_id,
    price_text,
    rate_text,
    read_id,
    read_ms,
    read_price,
    read_rate,
    read_size,
    size_text,
)
from steelyard.domain.commands import Place
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.order import (
    CancelCause,
    FeeAsset,
    GroupKind,
    OrderType,
    Side,
    TimeInForce,
    TriggerBy,
)

CONDITIONAL, OCO, TRIGGER, TRAIL = "conditional", "oco", "trigger", "move_order_stop"
ICEBERG, OLD_ICEBERG = "smart_iceberg", "iceberg"
KINDS = (CONDITIONAL, OCO, TRIGGER, TRAIL, ICEBERG, OLD_ICEBERG)
LIVE, PARTLY, EFFECTIVE, CANCELED, FAILED = (
    *("live", "partially_effective", "effective", "canceled", "order_failed"),
)


# -- what is an algo order ----------------------------------------------------------------------


def is_algo(order: Order) -> bool:
    """Whether an order is on the list of algo orders."""
    if order.state is OrderState.REJECTED or order.is_pending:
        return False
    return order.order_type.waits or is_iceberg(order)


def kind_of(order: Order) -> str:
    """Return the type under which an algo order is listed."""
    if is_iceberg(order):
        return ICEBERG
    if order.order_type.trails:
        return TRAIL
    if order.group_kind in (GroupKind.OCO, GroupKind.BRACKET):
        return OCO
    return TRIGGER if order.client_order_id.startswith(MARK) else CONDITIONAL


def state_of(orders: Sequence[Order]) -> str:
    """Return the state of an algo order, which is one order or two."""
    first = orders[0]
    if is_iceberg(first):
        if first.state.is_open:
            return PARTLY if first.filled_lots else LIVE
        return EFFECTIVE if first.state is OrderState.FILLED else CANCELED
    if any(order.triggered_ns for order in orders):
        is_bare = all(not order.filled_lots for order in orders)
        causes = {order.cancel_cause for order in orders if order.triggered_ns}
        return FAILED if is_bare and CancelCause.INSUFFICIENT_BALANCE in causes else EFFECTIVE
    return LIVE if any(order.state.is_open for order in orders) else CANCELED


def grouped(orders: Iterable[Order]) -> list[tuple[Order, ...]]:
    """Return algo orders, each as its orders, in the order of their numbers."""
    found: dict[int, list[Order]] = {}
    for order in orders:
        if is_algo(order):
            found.setdefault(algo_number(order), []).append(order)
    return [tuple(found[number]) for number in sorted(found)]


def algo_to_wire(orders: Sequence[Order], listings: Listings) -> AlgoInfo:
    """Return an algo order."""
    first, instrument = orders[0], listings[orders[0].instrument_id]
    kind, done = kind_of(first), [order for order in orders if order.triggered_ns]
    if kind == ICEBERG and first.filled_lots:
        done = [first]
    said: dict[str, Any] = {}
    for order in orders:
        said |= _terms_to_wire(order, kind, instrument)
    number, name = algo_number(first), own_id(first.client_order_id, first.order_id)
    actual = done[0] if done else None
    is_market = not first.order_type.has_limit
    return AlgoInfo(
        instId=instrument.symbol,
        algoId=str(number),
        algoClOrdId=name,
        ordId=str(actual.order_id) if actual else "",
        ordIdList=tuple(str(order.order_id) for order in done),
        ordType=kind,
        state=state_of(orders),
        side=SIDE_NAMES[first.side],
        tgtCcy=BASE if is_market else "",
        sz=size_text(instrument, first.size_lots),
        actualSz=size_text(instrument, actual.size_lots) if actual else "",
        actualPx=price_text(instrument, actual.price_ticks)
        if actual and actual.price_ticks
        else "",
        actualSide=_actual_side(actual) if actual else "",
        triggerTime=ms(actual.triggered_ns) if actual and actual.triggered_ns else "",
        cTime=ms(first.created_ns),
        uTime=ms(max(order.updated_ns for order in orders)),
        tradeQuoteCcy=instrument.quote,
        **said,
    )


def _actual_side(order: Order) -> str:
    takes = order.order_type in (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
    return "tp" if takes else "sl"


def _terms_to_wire(order: Order, kind: str, instrument: Instrument) -> dict[str, str]:
    limit = AT_MARKET if order.price_ticks is None else price_text(instrument, order.price_ticks)
    if kind == ICEBERG:
        return {"szLimit": size_text(instrument, order.display_lots or 0), "pxLimit": limit}
    if kind == TRAIL:
        spread, ratio, active = order.trail_ticks, order.trail_rate_e8, order.activation_ticks
        return {
            "callbackSpread": "" if spread is None else price_text(instrument, spread),
            "callbackRatio": "" if ratio is None else rate_text(ratio),
            "activePx": "" if active is None else price_text(instrument, active),
            "moveTriggerPx": ""
            if order.trigger_ticks is None
            else price_text(instrument, order.trigger_ticks),
        }
    if kind == TRIGGER:
        return {
            "triggerPx": price_text(instrument, order.trigger_ticks or 0),
            "triggerPxType": TRIGGER_NAMES[order.trigger_by],
            "ordPx": limit,
        }
    return exit_to_wire(order, instrument)


# -- client half --------------------------------------------------------------------------------


def place_to_wire(place: Place, listings: Listings) -> NewAlgo:
    """Return the request that places an order that waits, or an iceberg.

    Raises:
        Unsupported: The venue has no such order.
    """
    refuse_unsaid(place)
    if place.time_in_force is not TimeInForce.GTC or place.post_only or place.quote_atoms:
        raise Unsupported("OKX has algo orders good till canceled, sized in base, and no post-only")
    instrument = listings[place.instrument_id]
    limit = None if place.price_ticks is None else price_text(instrument, place.price_ticks)
    is_market_buy = place.side is Side.BUY and limit is None
    common: dict[str, Any] = {
        "instId": instrument.symbol,
        "tdMode": CASH,
        "side": SIDE_NAMES[place.side],
        "sz": size_text(instrument, place.size_lots),
        "algoClOrdId": place.client_order_id or None,
        "tgtCcy": BASE if is_market_buy else None,
    }
    if not place.order_type.waits:
        shown = size_text(instrument, place.display_lots or 0)
        return NewAlgo(ordType=ICEBERG, szLimit=shown, pxLimit=limit, **common)
    if place.display_lots is not None:
        raise Unsupported("OKX has no orders that wait and then show a part of themselves")
    if place.order_type.trails:
        return _trailing_to_wire(place, instrument, common)
    takes = place.order_type in (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
    name = "tp" if takes else "sl"
    said: dict[str, Any] = {
        f"{name}TriggerPx": price_text(instrument, place.trigger_ticks or 0),
        f"{name}OrdPx": limit or AT_MARKET,
        f"{name}TriggerPxType": TRIGGER_NAMES[place.trigger_by],
    }
    return NewAlgo(ordType=CONDITIONAL, **common, **said)


def _trailing_to_wire(place: Place, instrument: Instrument, common: dict[str, Any]) -> NewAlgo:
    if place.order_type.has_limit:
        raise Unsupported("OKX has no trailing stops with a limit")
    if place.activation_direction is not None or place.trigger_by is not TriggerBy.LAST:
        raise Unsupported("OKX's trailing stops listen to the last price and have no direction")
    spread, ratio, active = place.trail_ticks, place.trail_rate_e8, place.activation_ticks
    return NewAlgo(
        ordType=TRAIL,
        callbackSpread=None if spread is None else price_text(instrument, spread),
        callbackRatio=None if ratio is None else rate_text(ratio),
        activePx=None if active is None else price_text(instrument, active),
        **common,
    )


def order_from_wire(wire: AlgoInfo, listings: Listings) -> Order:
    """Return an order that waits; one that went to market by the number that it has there.

    Raises:
        DecodeError: Of an unlisted instrument, or a word that we do not know.
    """
    instrument = listed(wire.instId, listings)
    if wire.side not in SIDES:
        raise DecodeError(f"an algo order of side {wire.side[:20]!r}", "side")
    side = SIDES[wire.side]
    trigger, limit, by, kind = _terms_read(wire)
    is_effective = wire.state in (EFFECTIVE, "partially_effective", "order_placed")
    is_effective = is_effective and kind.waits
    is_over = wire.state in (CANCELED, FAILED, "partially_failed")
    created_ns = read_ms(wire.cTime)
    updated = wire.uTime if isinstance(wire.uTime, str) else ""
    is_limit = limit not in ("", AT_MARKET)
    return Order(
        order_id=read_id(wire.ordId if is_effective and wire.ordId else wire.algoId, "algoId"),
        client_order_id=wire.algoClOrdId or wire.clOrdId,
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=side,
        order_type=kind,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        price_ticks=read_price(instrument, limit) if is_limit else None,
        size_lots=read_size(instrument, wire.sz),
        fee_asset=FeeAsset.RECEIVED,
        state=OrderState.CANCELED if is_over else OrderState.WORKING,
        created_ns=created_ns,
        updated_ns=read_ms(updated) or created_ns,
        cancel_cause=CancelCause.USER if is_over else None,
        display_lots=read_size(instrument, wire.szLimit) if wire.szLimit else None,
        trigger_by=TRIGGERS.get(by, TriggerBy.LAST),
        trigger_ticks=read_price(instrument, trigger) if trigger else None,
        trail_ticks=read_price(instrument, wire.callbackSpread) if wire.callbackSpread else None,
        trail_rate_e8=read_rate(wire.callbackRatio) if wire.callbackRatio else None,
        activation_ticks=read_price(instrument, wire.activePx) if wire.activePx else None,
        triggered_ns=read_ms(wire.triggerTime) or created_ns if is_effective else 0,
    )


def _terms_read(wire: AlgoInfo) -> tuple[str, str, str, OrderType]:
    """Return trigger, limit, what it listens to, and our type; of a pair those of the stop."""
    match wire.ordType:
        case "smart_iceberg" | "iceberg":
            return "", wire.pxLimit, "last", OrderType.LIMIT
        case "move_order_stop":
            return wire.moveTriggerPx, "", "last", OrderType.TRAILING_STOP
        case "trigger":
            # Which way the price has to come is not told: a stop is the careful guess.
            kind = waiting(takes_profit=False, has_limit=wire.ordPx not in ("", AT_MARKET))
            return wire.triggerPx, wire.ordPx, wire.triggerPxType, kind
        case "conditional" | "oco":
            takes = not wire.slTriggerPx
            trigger = wire.tpTriggerPx if takes else wire.slTriggerPx
            limit = wire.tpOrdPx if takes else wire.slOrdPx
            by = wire.tpTriggerPxType if takes else wire.slTriggerPxType
            return trigger, limit, by, waiting(takes, limit not in ("", AT_MARKET))
        case other:
            raise DecodeError(f"an algo order of type {other[:20]!r}", "ordType")


def number_in_ack(rows: Sequence[AlgoAck]) -> int:
    """Return the number of a new algo order.

    Raises:
        DecodeError: There is none.
    """
    number = id_number(rows[0].algoId) if rows else None
    if number is None:
        raise DecodeError("the answer to a new algo order has no algoId", "algoId")
    return number
