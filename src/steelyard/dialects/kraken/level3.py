"""The `level3` channel: a book order by order, cut off at a depth, with a checksum of its orders.

The invariant: who takes every message whole, and then cuts each side off at the depth, has the
orders of the best levels in the order in which they stand, and their checksum is the message's. An
order that loses its place is deleted and added anew; one that gets smaller is modified.

What belongs to no one order stands in the book as one order per price (`level_text`). A trader's
end does not follow this channel.

Source: https://docs.kraken.com/api/docs/guides/spot-ws-l3-v2 and .../websocket-v2/level3, read
2026-11-21.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Raw

from steelyard.dialects.kraken.book import CHECKED, Text, checksum
from steelyard.dialects.kraken.frames import BookOrder, Level3, Message
from steelyard.dialects.kraken.text import (
    level_text,
    number,
    order_text,
    price_text,
    rfc3339,
    size_text,
    symbol_text,
)
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import (
    SECOND_NS,
    FullBookChanges,
    FullBookSnapshot,
    FullChange,
    FullChangeKind,
)
from steelyard.domain.order import Side
from steelyard.wire.limits import Counts, Kind, Limit, Per

LEVEL3 = "level3"
COSTS = {10: 5, 100: 25, 1_000: 100}  # of a subscription, by its depth
SYMBOLS_MAX = 200  # on one connection
RATE = Limit("level3 subscriptions", Per.IP, Counts.WEIGHT, 500, SECOND_NS, Kind.BUCKET)

_encode = msgspec.json.Encoder().encode
_changes = msgspec.msgpack.Decoder(FullBookChanges)


def packed(event: FullBookChanges) -> bytes:
    """Return an event for `Level3Book.told`: what is told of it depends on the subscription."""
    return msgspec.msgpack.encode(event)


class _Entry(NamedTuple):
    """An order in its level; place rises in the order in which orders stand."""

    place: int
    lots: int
    time_ns: int


Queue = dict[int, _Entry]  # by order id, 0 for what belongs to no one order


class _Half:
    """One side of the book, and what of it has been told."""

    def __init__(self, side: Side, depth: int) -> None:
        self._sign, self._depth = -side, depth  # the best price has the least key
        self._keys: list[int] = []  # of prices, best first
        self._places = 0
        self.queues: dict[int, Queue] = {}  # by ticks, in their order
        self.told: dict[int, Queue] = {}
        self.touched: set[int] = set()

    def best(self, levels: int) -> list[int]:
        """Return the best prices in ticks, best first."""
        return [key * self._sign for key in self._keys[:levels]]

    def put(self, order_id: int, ticks: int, lots: int, time_ns: int) -> None:
        """Let an order be of this size: where it stands if it gets no larger, else behind all."""
        queue = self.queues.get(ticks)
        if queue is None:
            queue = self.queues[ticks] = {}
            insort(self._keys, ticks * self._sign)
        known = queue.get(order_id)
        self.touched.add(ticks)
        if known is not None and lots <= known.lots:
            queue[order_id] = known._replace(lots=lots)
            return
        queue.pop(order_id, None)
        self._places += 1
        queue[order_id] = _Entry(self._places, lots, time_ns)

    def drop(self, order_id: int, ticks: int) -> None:
        """Take an order out."""
        queue = self.queues.get(ticks)
        if queue is None or queue.pop(order_id, None) is None:
            return
        self.touched.add(ticks)
        if not queue:
            del self.queues[ticks]
            del self._keys[bisect_left(self._keys, ticks * self._sign)]

    def shrink(self, order_id: int, ticks: int, lots: int) -> None:
        """Let so much of an order be gone."""
        known = self.queues.get(ticks, {}).get(order_id)
        if known is None:
            return
        if known.lots > lots:
            self.put(order_id, ticks, known.lots - lots, known.time_ns)
        else:
            self.drop(order_id, ticks)

    def news(self) -> list[tuple[str, int, int, _Entry]]:
        """Return (event, order id, ticks, entry) of what has not been told, and note it as told.

        What others have pushed beyond the depth is not told: who follows cuts it off.
        """
        view = self.best(self._depth)
        entering = [ticks for ticks in view if ticks not in self.told]
        gone: list[tuple[str, int, int, _Entry]] = []
        rest: list[tuple[str, int, int, _Entry]] = []
        for ticks in {**dict.fromkeys(self.touched), **dict.fromkeys(entering)}:
            before, now = self.told.get(ticks, {}), self.queues.get(ticks, {})
            for order_id, entry in before.items():
                new = now.get(order_id)
                if new is None or new.place != entry.place:
                    gone.append(("delete", order_id, ticks, entry._replace(lots=0)))
                elif new.lots != entry.lots:
                    rest.append(("modify", order_id, ticks, new))
            if ticks in self.told or ticks in entering:
                rest += [
                    ("add", order_id, ticks, entry)
                    for order_id, entry in now.items()
                    if order_id not in before or before[order_id].place != entry.place
                ]
        if entering or len(view) != len(self.told) or self.touched:
            self.told = {
                ticks: dict(self.queues[ticks])
                if ticks in self.touched or ticks not in self.told
                else self.told[ticks]
                for ticks in view
            }
        self.touched.clear()
        return gone + rest


class Level3Book:
    """One subscription's book."""

    def __init__(self, book: FullBookSnapshot, instrument: Instrument, depth: int) -> None:
        self._instrument = instrument
        self._halves = {side: _Half(side, depth) for side in Side}
        for order in book.orders:
            self._halves[order.side].put(
                order.order_id, order.price_ticks, order.size_lots, book.time_ns
            )
        self._time_ns = book.time_ns
        for half in self._halves.values():
            half.news()

    def whole(self) -> bytes:
        """Return the snapshot's message."""
        sides = {
            side: [
                self._order(side, order_id, ticks, entry, UNSET)
                for ticks, queue in half.told.items()
                for order_id, entry in queue.items()
            ]
            for side, half in self._halves.items()
        }
        return self._message("snapshot", sides)

    def told(self, payload: bytes) -> Sequence[bytes]:
        """Return the messages of an event that was `packed`: one, or none."""
        event = _changes.decode(payload)
        for change in event.changes:
            self._take(change, event.time_ns)
        self._time_ns = event.time_ns
        sides = {
            side: [
                self._order(side, order_id, ticks, entry, kind)
                for kind, order_id, ticks, entry in half.news()
            ]
            for side, half in self._halves.items()
        }
        return (self._message("update", sides),) if any(sides.values()) else ()

    def _take(self, change: FullChange, time_ns: int) -> None:
        order_id, ticks, lots = change.order_id, change.price_ticks, change.size_lots
        if ticks is None:
            return
        match change.kind:
            case FullChangeKind.MATCH:
                if order_id:  # what is nobody's is told anew by a change
                    self._halves[change.side.opposite].shrink(order_id, ticks, lots)
            case FullChangeKind.OPEN | FullChangeKind.CHANGE:
                half, before = self._halves[change.side], change.before_ticks
                if before is not None and (before != ticks or not lots):
                    half.drop(order_id, before)
                if lots:
                    half.put(order_id, ticks, lots, time_ns)
            case FullChangeKind.DONE:
                self._halves[change.side].drop(order_id, ticks)
            case _:
                pass

    def _order(
        self, side: Side, order_id: int, ticks: int, entry: _Entry, event: str | msgspec.UnsetType
    ) -> BookOrder:
        instrument = self._instrument
        return BookOrder(
            event=event,
            order_id=order_text(order_id)
            if order_id
            else level_text(instrument.instrument_id, ticks, is_bid=side is Side.BUY),
            limit_price=number(price_text(instrument, ticks)),
            order_qty=number(size_text(instrument, entry.lots)),
            timestamp=rfc3339(entry.time_ns),
        )

    def _message(self, kind: str, sides: dict[Side, list[BookOrder]]) -> bytes:
        book = Level3(
            symbol=symbol_text(self._instrument),
            checksum=self.checksum(),
            bids=tuple(sides[Side.BUY]),
            asks=tuple(sides[Side.SELL]),
            timestamp=rfc3339(self._time_ns),
        )
        return _encode(Message(channel=LEVEL3, type=kind, data=Raw(_encode((book,)))))

    def checksum(self) -> int:
        """Return the checksum of the ten best levels of each side."""
        bids, asks = (self._halves[side] for side in (Side.BUY, Side.SELL))
        return checksum(self._texts(asks), self._texts(bids))

    def _texts(self, half: _Half) -> Iterable[Text]:
        instrument = self._instrument
        for ticks in half.best(CHECKED):
            price = price_text(instrument, ticks)
            for entry in half.queues[ticks].values():
                yield price, size_text(instrument, entry.lots)
