"""The `full` channel: a book order by order, to the wire. A trader's end does not follow it."""

from typing import Any

from steelyard.dialects.native import stream_messages
from steelyard.dialects.native.text import SIDE_NAMES, price_text, size_text, to_ms
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import (
    FullBookChanges,
    FullBookSnapshot,
    FullChange,
    FullChangeKind,
    FullOrder,
)

CHANGE_NAMES: dict[FullChangeKind, Any] = {kind: kind.name.lower() for kind in FullChangeKind}


def full_snapshot_to_wire(
    answer: FullBookSnapshot, instrument: Instrument
) -> stream_messages.FullSnapshotPush:
    """Return every order of a book."""
    return stream_messages.FullSnapshotPush(
        channel="full",
        type="snapshot",
        symbol=instrument.symbol,
        sequence=answer.sequence,
        orders=tuple(_order(order, instrument) for order in answer.orders),
        time=to_ms(answer.time_ns),
    )


def full_changes_to_wire(
    event: FullBookChanges, instrument: Instrument
) -> stream_messages.FullChangesPush:
    """Return what one command did to a book."""
    return stream_messages.FullChangesPush(
        channel="full",
        type="changes",
        symbol=instrument.symbol,
        first_sequence=event.first_sequence,
        last_sequence=event.last_sequence,
        changes=tuple(_change(change, instrument) for change in event.changes),
        time=to_ms(event.time_ns),
    )


def _order(order: FullOrder, instrument: Instrument) -> stream_messages.FullOrder:
    return stream_messages.FullOrder(
        order_id=order.order_id or None,
        side=SIDE_NAMES[order.side],
        price=price_text(instrument, order.price_ticks),
        size=size_text(instrument, order.size_lots),
    )


def _change(change: FullChange, instrument: Instrument) -> stream_messages.FullChange:
    ticks = change.price_ticks
    return stream_messages.FullChange(
        change=CHANGE_NAMES[change.kind],
        order_id=change.order_id or None,
        side=SIDE_NAMES[change.side],
        price=None if ticks is None else price_text(instrument, ticks),
        size=size_text(instrument, change.size_lots),
        trade_id=change.trade_id or None,
        taker_order_id=change.taker_order_id or None,
    )
