"""The full, level3, matches and user channels: a book order by order, to the wire.

The invariant: every change has one message and one number, and each number is one above that of
the message before. What belongs to no one order stands in the book under one id per price
(`level_uuid`), so that the venue's own way to follow a book works here too.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from steelyard.dialects.coinbase_exchange import frames, placing
from steelyard.dialects.coinbase_exchange.text import CANCEL_REASONS, SIDE_NAMES
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import (
    FullBookChanges,
    FullChange,
    FullChangeKind,
    OwnChanges,
    Trade,
)
from steelyard.domain.order import Liquidity
from steelyard.domain.units import RATE_SCALE
from steelyard.wire.moments import iso, seconds_text
from steelyard.wire.numerals import amount_text, price_text, rate_text, size_text
from steelyard.wire.uuids import Id, level_uuid, order_uuid, profile_uuid, user_id, uuid_of

NOBODY = uuid_of(Id.ORDER, 0)  # a taker that is nobody's order here
MODIFIED, SELF_TRADE = "modify_order", "STP"
SCHEMA: dict[str, tuple[str, ...]] = {
    "open": ("type", "product_id", "sequence", "order_id", "side", "price", "size", "time"),
    "match": (
        *("type", "product_id", "sequence", "maker_order_id", "taker_order_id"),
        *("price", "size", "time"),
    ),
    "change": ("type", "product_id", "sequence", "order_id", "price", "size", "time"),
    "done": ("type", "product_id", "sequence", "order_id", "time"),
    "noop": ("type", "product_id", "sequence", "time"),
}

_encode = msgspec.json.Encoder().encode


def public_frames(event: FullBookChanges, listings: Listings, channel: str) -> tuple[bytes, ...]:
    """Return the frames of what a command did to a book, on one of the public channels."""
    instrument, time = listings[event.instrument_id], iso(event.time_ns)
    told = (
        change_to_wire(change, number, instrument, time)
        for number, change in enumerate(event.changes, event.first_change)
        if channel != "matches" or change.kind is FullChangeKind.MATCH
    )
    if channel == "level3":
        return tuple(_encode(row_of(message)) for message in told)
    return tuple(_encode(message) for message in told)


def change_to_wire(change: FullChange, number: int, instrument: Instrument, time: str) -> Struct:
    """Return one change of a book."""
    is_named, ticks, lots = bool(change.order_id), change.price_ticks, change.size_lots
    common: dict[str, Any] = {
        "time": time,
        "product_id": instrument.symbol,
        "sequence": number,
        "order_id": order_uuid(change.order_id)
        if is_named
        else level_uuid(change.side, ticks or 0),
        "side": SIDE_NAMES[change.side],
    }
    price = UNSET if ticks is None else price_text(instrument, ticks)
    size = size_text(instrument, lots)
    match change.kind:
        case FullChangeKind.RECEIVED:
            funds = change.spend_atoms
            return frames.Received(
                **common,
                size=UNSET if funds is not None else size,
                funds=UNSET if funds is None else amount_text(funds),
                price=price,
                order_type="market" if ticks is None else "limit",
            )
        case FullChangeKind.MATCH:
            return _match(change, number, instrument, time)
        case FullChangeKind.DONE:
            return frames.Done(
                **common,
                price=price,
                reason="canceled" if lots else "filled",
                remaining_size=UNSET if ticks is None else size,
            )
        case FullChangeKind.OPEN:
            return frames.Open(**common, price=_text(price), remaining_size=size)
        case FullChangeKind.CHANGE if not is_named and not change.before_lots:
            return frames.Open(**common, price=_text(price), remaining_size=size)
        case FullChangeKind.CHANGE if not is_named and not lots:
            return frames.Done(**common, price=price, reason="canceled", remaining_size="0")
        case FullChangeKind.CHANGE | FullChangeKind.TRIGGERED:
            return _change(change, common, instrument)


def _change(change: FullChange, common: dict[str, Any], instrument: Instrument) -> frames.Change:
    before, ticks = change.before_ticks, change.price_ticks or 0
    sizes: dict[str, Any] = {
        "old_size": size_text(instrument, change.before_lots),
        "new_size": size_text(instrument, change.size_lots),
    }
    is_smaller = before == change.price_ticks and change.size_lots < change.before_lots
    if change.order_id and is_smaller:
        return frames.Change(
            **common, **sizes, reason=SELF_TRADE, price=price_text(instrument, ticks)
        )
    return frames.Change(
        **common,
        **sizes,
        reason=MODIFIED,
        old_price=price_text(instrument, ticks if before is None else before),
        new_price=price_text(instrument, ticks),
    )


def _match(change: FullChange, number: int, instrument: Instrument, time: str) -> frames.Match:
    maker_side, ticks = change.side.opposite, change.price_ticks or 0
    maker, taker = change.order_id, change.taker_order_id
    return frames.Match(
        trade_id=change.trade_id,
        sequence=number,
        maker_order_id=order_uuid(maker) if maker else level_uuid(maker_side, ticks),
        taker_order_id=order_uuid(taker) if taker else NOBODY,
        time=time,
        product_id=instrument.symbol,
        size=size_text(instrument, change.size_lots),
        price=price_text(instrument, ticks),
        side=SIDE_NAMES[maker_side],  # type: ignore[arg-type]
    )


def last_match(trade: Trade, number: int, instrument: Instrument) -> frames.LastMatch:
    """Return the newest trade; who took part in it is not kept."""
    maker_side = trade.taker_side.opposite
    return frames.LastMatch(
        trade_id=trade.trade_id,
        sequence=number,
        maker_order_id=level_uuid(maker_side, trade.price_ticks),
        taker_order_id=NOBODY,
        time=iso(trade.time_ns),
        product_id=instrument.symbol,
        size=size_text(instrument, trade.size_lots),
        price=price_text(instrument, trade.price_ticks),
        side=SIDE_NAMES[maker_side],  # type: ignore[arg-type]
    )


def row_of(message: Struct) -> tuple[str, ...]:
    """Return a message of the full channel as the level3 channel has it."""
    match message:
        case frames.Open():
            return (
                *("open", message.product_id, str(message.sequence), message.order_id),
                *(message.side, message.price, message.remaining_size, message.time),
            )
        case frames.Match():
            return (
                *("match", message.product_id, str(message.sequence), message.maker_order_id),
                *(message.taker_order_id, message.price, message.size, message.time),
            )
        case frames.Change():
            price = message.new_price or message.price
            return (
                *("change", message.product_id, str(message.sequence), message.order_id),
                *(_text(price), _text(message.new_size), message.time),
            )
        case frames.Done():
            return (
                *("done", message.product_id, str(message.sequence)),
                *(message.order_id, message.time),
            )
        case frames.Received():
            return ("noop", message.product_id, str(message.sequence), message.time)
        case _:
            raise AssertionError("the full channel has no other messages")


def _text(value: Any) -> str:
    assert isinstance(value, str), "what rests has a price and a size"
    return value


# -- the user channel ---------------------------------------------------------------------------


def own_frames(event: OwnChanges, listings: Listings) -> tuple[bytes, ...]:
    """Return the frames of what a command did to an account's orders."""
    return tuple(map(_encode, _own(event, listings)))


def _own(event: OwnChanges, listings: Listings) -> Iterator[Struct]:
    instrument, time = listings[event.instrument_id], iso(event.time_ns)
    whose: dict[str, Any] = {
        "user_id": user_id(event.account_id),
        "profile_id": profile_uuid(event.account_id),
    }
    for own in event.changes:
        order, kind = own.order, own.change.kind
        if kind is FullChangeKind.RECEIVED and order.order_type.waits:
            yield _activate(order, instrument, event.time_ns, whose)
            continue
        change = own.change
        if kind is FullChangeKind.TRIGGERED:
            change = msgspec.structs.replace(change, kind=FullChangeKind.RECEIVED)
        message = change_to_wire(change, own.number, instrument, time)
        fields: dict[str, Any] = dict(whose)
        match message:
            case frames.Received():
                fields["client_oid"] = _client_oid(order)
            case frames.Match() if own.fill is not None:
                fields |= _taken(own.fill, whose)
            case frames.Done():
                fields |= _ended(order)
            case _:
                pass
        yield msgspec.structs.replace(message, **fields)


def _client_oid(order: Order) -> Any:
    return UNSET if order.client_order_id == f"sy-{order.order_id}" else order.client_order_id


def _taken(fill: Fill, whose: dict[str, Any]) -> dict[str, Any]:
    """Return what is added to a match for one of its two sides."""
    side = "taker" if fill.liquidity is Liquidity.TAKER else "maker"
    return {
        f"{side}_user_id": whose["user_id"],
        f"{side}_profile_id": whose["profile_id"],
        f"{side}_fee_rate": rate_text(rate_of(fill)),
    }


def rate_of(fill: Fill) -> int:
    """Return the rate times 1e8 by which a fee was taken, half up; for information only."""
    if not fill.quote_atoms:
        return 0
    return (2 * fill.fee_atoms * RATE_SCALE + fill.quote_atoms) // (2 * fill.quote_atoms)


def _ended(order: Order) -> dict[str, Any]:
    if order.state is OrderState.FILLED:
        return {"reason": "filled"}
    cause = order.cancel_cause
    reason = CANCEL_REASONS.get(cause) if cause is not None else None
    return {"reason": "canceled", "cancel_reason": reason or UNSET}


def _activate(
    order: Order, instrument: Instrument, time_ns: int, whose: dict[str, Any]
) -> frames.Activate:
    stop = placing.STOP_NAMES.get((order.side, order.order_type))
    usual = placing.USUAL_STOPS[order.side]
    return frames.Activate(
        product_id=instrument.symbol,
        timestamp=seconds_text(time_ns, 6),
        **whose,
        order_id=order_uuid(order.order_id),
        stop_type=stop or usual,
        side=SIDE_NAMES[order.side],  # type: ignore[arg-type]
        stop_price=price_text(instrument, order.trigger_ticks or 0),
        size=size_text(instrument, order.size_lots),
        client_oid=_client_oid(order),
    )
