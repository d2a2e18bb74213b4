"""Public channels: what an event is on each of them, and back.

The invariant: one event and one `arg` make one frame, whoever listens. Updates of a book chain:
each says the number of the one before, which REST and snapshots share.
"""

from typing import Any

import msgspec

from steelyard.dialects.okx import messages
from steelyard.dialects.okx.book import checksum_of
from steelyard.dialects.okx.channels import wanted_of
from steelyard.dialects.okx.frames import BestLevels, BookChange
from steelyard.dialects.okx.history import candle_to_wire, trade_to_wire
from steelyard.dialects.okx.market import levels_to_wire, ticker_to_wire
from steelyard.dialects.okx.messages import SystemStatus
from steelyard.dialects.okx.text import SIDE_NAMES, ms, price_text, size_text
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    AggregateTrade,
    BookDelta,
    BookSnapshot,
    Candle,
    Event,
    Status,
    Ticker,
    Trade,
)

NAME = "okx"
SNAPSHOT, UPDATE = "snapshot", "update"

encode = msgspec.json.Encoder().encode


def push(form: str, rows: Any, action: str = "") -> bytes:
    """Return what a channel pushes."""
    said = b'"action":"%s",' % action.encode() if action else b""
    return b'{"arg":%s,%s"data":%s}' % (form.encode(), said, encode(rows))


def frame(form: str, event: Event, listings: Listings) -> bytes | None:
    """Return the frame of an event on a public channel."""
    match event:
        case BookDelta():
            return push(form, (change_to_wire(event, listings),), UPDATE)
        case BookSnapshot():
            return push(form, (best_to_wire(event, listings, wanted_of(form).channel),))
        case AggregateTrade():
            return push(form, (aggregate_to_wire(event, listings),))
        case Trade():
            return push(form, (trade_to_wire(event, listings[event.instrument_id]),))
        case Ticker():
            return push(form, (ticker_to_wire(event, listings[event.instrument_id]),))
        case Candle():
            return push(form, (candle_to_wire(event, listings[event.instrument_id]),))
        case Status():
            return push(form, status_to_wire(event)) if event.maintenance else None
        case _:
            raise Unsupported(f"{type(event).__name__} is nothing for a public channel")


def status_to_wire(status: Status) -> tuple[SystemStatus, ...]:
    """Return a maintenance that has begun."""
    begin, end = ms(status.time_ns), ms(status.time_ns + status.retry_after_ns)
    return (SystemStatus(title="Maintenance", state="ongoing", begin=begin, end=end),)


def change_to_wire(delta: BookDelta, listings: Listings) -> BookChange:
    """Return levels that changed."""
    instrument = listings[delta.instrument_id]
    assert delta.best is not None, "the feed tells the best levels"
    return BookChange(
        asks=levels_to_wire(instrument, delta.asks),
        bids=levels_to_wire(instrument, delta.bids),
        ts=ms(delta.time_ns),
        checksum=checksum_of(instrument, *delta.best, delta.time_ns),
        prevSeqId=delta.first_sequence - 1,
        seqId=delta.last_sequence,
    )


def whole_to_wire(book: BookSnapshot, listings: Listings) -> BookChange:
    """Return a book with which a channel begins."""
    instrument = listings[book.instrument_id]
    return BookChange(
        asks=levels_to_wire(instrument, book.asks),
        bids=levels_to_wire(instrument, book.bids),
        ts=ms(book.time_ns),
        checksum=checksum_of(instrument, book.bids, book.asks, book.time_ns),
        prevSeqId=-1,
        seqId=book.sequence,
    )


def heartbeat(form: str, sequence: int, now_ns: int) -> bytes:
    """Return the update of a book in which nothing has changed for a while."""
    still = BookChange(
        asks=(), bids=(), ts=ms(now_ns), checksum=0, prevSeqId=sequence, seqId=sequence
    )
    return push(form, (still,), UPDATE)


def best_to_wire(book: BookSnapshot, listings: Listings, channel: str) -> BestLevels:
    """Return the best levels."""
    instrument = listings[book.instrument_id]
    return BestLevels(
        asks=levels_to_wire(instrument, book.asks),
        bids=levels_to_wire(instrument, book.bids),
        instId=instrument.symbol if channel == "books5" else msgspec.UNSET,
        ts=ms(book.time_ns),
        checksum=checksum_of(instrument, book.bids, book.asks, book.time_ns),
        seqId=book.sequence,
    )


def aggregate_to_wire(trade: AggregateTrade, listings: Listings) -> messages.Trade:
    """Return the trades of one taker at one price."""
    instrument = listings[trade.instrument_id]
    return messages.Trade(
        instId=instrument.symbol,
        tradeId=str(trade.last_trade_id),
        px=price_text(instrument, trade.price_ticks),
        sz=size_text(instrument, trade.size_lots),
        side=SIDE_NAMES[trade.taker_side],
        ts=ms(trade.time_ns),
        count=str(trade.last_trade_id - trade.first_trade_id + 1),
        source="0",
        seqId=trade.last_trade_id,
    )
