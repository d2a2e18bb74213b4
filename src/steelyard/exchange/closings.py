"""What is still to be closed of orders that close themselves fill by fill.

The invariant: every fill of such an order is closed once, in the order of the fills. What has been
closed is in the journal, so that a restart neither forgets a fill nor closes it twice.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from steelyard.domain.commands import Canceled, Effect, Filled, Place
from steelyard.domain.instrument import Listings


class Entry(Struct):
    """An order that closes itself: sizes of fills that are not closed yet, in lots."""

    closing: Place
    owed: list[int] = []
    is_over: bool = False


class Due(NamedTuple):
    """The next order to be placed, and the one that it closes."""

    order_id: int
    place: Place


class Closings:
    """The orders that close themselves, from their beginning until all they filled is closed."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._entries: dict[int, Entry] = {}
        self.owing: dict[int, None] = {}  # the orders of which a fill may be due

    def add(self, order_id: int, closing: Place, effects: Iterable[Effect]) -> None:
        """Begin with an order, and with what its own command did."""
        self._entries[order_id] = Entry(closing)
        self.see(effects)

    def see(self, effects: Iterable[Effect]) -> None:
        """Take what a command did."""
        if not self._entries:
            return
        for effect in effects:
            if not isinstance(effect, Filled | Canceled):
                continue
            entry = self._entries.get(effect.order_id)
            if entry is None:
                continue
            if isinstance(effect, Filled):
                entry.owed.append(effect.size_lots)
            entry.is_over = isinstance(effect, Canceled) or not effect.remaining_lots
            self._settle(effect.order_id)

    def due(self) -> Due | None:
        """Return what is to be placed next, None where nothing is."""
        while self.owing:
            order_id = next(iter(self.owing))
            entry = self._entries[order_id]
            if size_lots := self._size(entry):
                return Due(order_id, replace(entry.closing, size_lots=size_lots))
            del self.owing[order_id]
        return None

    def closed(self, order_id: int) -> None:
        """What was due of an order has been placed, or refused."""
        entry = self._entries[order_id]
        size_lots = self._size(entry)
        while size_lots > 0:
            size_lots -= entry.owed.pop(0)
        self._settle(order_id)

    def _size(self, entry: Entry) -> int:
        """Return how much is to be closed at once: a fill, with those too small before it."""
        least_lots = self._listings[entry.closing.instrument_id].size_min_lots
        size_lots = 0
        for lots in entry.owed:
            size_lots += lots
            if size_lots >= least_lots:
                return size_lots
        return size_lots if entry.is_over else 0

    def _settle(self, order_id: int) -> None:
        """Look at what is owed of an order next, or forget it where nothing will be any more."""
        entry = self._entries[order_id]
        if entry.owed:
            self.owing[order_id] = None
            return
        self.owing.pop(order_id, None)
        if entry.is_over:
            del self._entries[order_id]

    def snapshot(self) -> dict[int, Entry]:
        """Return everything that is kept."""
        return {
            number: Entry(entry.closing, [*entry.owed], entry.is_over)
            for number, entry in self._entries.items()
        }

    def restore(self, entries: Mapping[int, Entry]) -> None:
        """Replace what is kept."""
        self._entries = dict(entries)
        self.owing = {number: None for number, entry in entries.items() if entry.owed}
