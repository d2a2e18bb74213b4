"""A bot's own orders: their ids, their states, and what each piece of evidence does to them.

The rules: a state changes only as `domain.lifecycle.TRANSITIONS` allows, so late, repeated and
reordered news are harmless; an ended order stays ended, though a fill of it may still come.
What the venue says has filled (`venue_filled_lots`) is compared with the fills that were told
(`filled_lots`): an order is settled when both agree. Whatever might still happen counts as if
it had (`exposed_lots`). This module decides nothing and asks nobody.
"""

import hashlib
from collections.abc import Iterator

from msgspec import Struct

from steelyard.domain.commands import Place
from steelyard.domain.errors import InvariantError
from steelyard.domain.lifecycle import TRANSITIONS, Fill, Order, OrderState
from steelyard.domain.order import RejectReason, Side

ENDED_MAX = 10_000  # so many ended orders are kept, for fills that come late
SEQUENCE_BITS = 64
RUN_BITS = 32


class ClientIds:
    """128-bit numbers for orders: 32 of the bot's name, 32 of the run, 64 counted.

    A number is never used twice: every run has another number, also after a lost directory,
    because it is the second in which it began.
    """

    def __init__(self, bot: str, run: int) -> None:
        digest = hashlib.sha256(bot.encode()).digest()
        self._prefix = int.from_bytes(digest[:4]) << RUN_BITS | run
        self._sequence = 0
        assert run < 1 << RUN_BITS, "a run fits its bits until 2106"

    def next(self) -> int:
        """Return the next number."""
        self._sequence += 1
        return self._prefix << SEQUENCE_BITS | self._sequence


class OwnOrder(Struct, kw_only=True):
    """One order of this bot. Times are ours, but expires_ns, which is the venue's."""

    place: Place
    state: OrderState = OrderState.PENDING
    order_id: int = 0
    venue_filled_lots: int = 0
    filled_lots: int = 0
    quote_atoms: int = 0
    created_ns: int = 0
    updated_ns: int = 0
    attempts: int = 0
    expires_ns: int | None = None
    was_seen: bool = False  # the venue has confirmed that it exists
    cancel_why: str | None = None
    note: str = ""  # why it ended, where somebody said so
    reject_reason: RejectReason | None = None

    @property
    def client_order_id(self) -> str:
        """Our id."""
        return self.place.client_order_id

    @property
    def is_open(self) -> bool:
        """Whether it may still fill, as far as we know."""
        return self.state.is_open

    @property
    def is_settled(self) -> bool:
        """Whether every fill that the venue counts has been told."""
        return self.filled_lots >= self.venue_filled_lots

    @property
    def exposed_lots(self) -> int:
        """What may still be added to the position: an unknown order may fill whole."""
        whole = self.place.size_lots if self.is_open else self.venue_filled_lots
        return max(0, whole - self.filled_lots)


class Orders:
    """All own orders, by either id."""

    def __init__(self) -> None:
        self._by_client_id: dict[str, OwnOrder] = {}
        self._by_order_id: dict[int, OwnOrder] = {}
        self._open: dict[str, OwnOrder] = {}
        self._unsettled: dict[str, OwnOrder] = {}
        self._ended: dict[str, None] = {}

    def find(self, client_order_id: str, order_id: int = 0) -> OwnOrder | None:
        """Return an own order by our id, or else by the venue's."""
        found = self._by_client_id.get(client_order_id) if client_order_id else None
        if found is None and order_id:
            found = self._by_order_id.get(order_id)
        return found

    def __getitem__(self, client_order_id: str) -> OwnOrder:
        return self._by_client_id[client_order_id]

    def __iter__(self) -> Iterator[OwnOrder]:
        return iter(self._by_client_id.values())

    @property
    def open(self) -> list[OwnOrder]:
        """Orders that may still fill, oldest first."""
        return [*self._open.values()]

    @property
    def unsettled(self) -> list[OwnOrder]:
        """Orders of which the venue counts more than we were told."""
        return [*self._unsettled.values()]

    def exposed_lots(self, side: Side) -> int:
        """Return what may still be bought or sold by orders that were sent."""
        # An order can be open and unsettled at once; both dictionaries have it then.
        pool = {**self._open, **self._unsettled}
        return sum(order.exposed_lots for order in pool.values() if order.place.side is side)

    # -- evidence, applied from records -------------------------------------------------------

    def pend(self, place: Place, now_ns: int) -> None:
        """Enter an order that was decided on."""
        if place.client_order_id in self._by_client_id:
            raise InvariantError(f"client order id {place.client_order_id} was used twice")
        order = OwnOrder(place=place, created_ns=now_ns, updated_ns=now_ns)
        self._by_client_id[place.client_order_id] = order
        self._open[place.client_order_id] = order

    def sent(self, client_order_id: str, attempt: int, expires_ns: int | None) -> None:
        """Note an attempt."""
        order = self[client_order_id]
        order.attempts, order.expires_ns = attempt, expires_ns

    def unknown(self, client_order_id: str, expires_ns: int | None, now_ns: int) -> None:
        """An order may have arrived."""
        order = self[client_order_id]
        if self._move(order, OrderState.UNKNOWN, now_ns):
            order.expires_ns = expires_ns

    def refused(
        self, client_order_id: str, reason: RejectReason, message: str, now_ns: int
    ) -> None:
        """The venue said no."""
        order = self[client_order_id]
        if self._move(order, OrderState.REJECTED, now_ns):
            order.reject_reason, order.note = reason, message

    def absent(self, client_order_id: str, evidence: str, now_ns: int) -> None:
        """An order never reached the venue."""
        order = self[client_order_id]
        if self._move(order, OrderState.ABSENT, now_ns):
            order.note = evidence

    def cancel_asked(self, client_order_id: str, why: str) -> None:
        """Somebody wants it canceled."""
        self[client_order_id].cancel_why = why

    def adjusted(self, client_order_id: str, after: OrderState, why: str, now_ns: int) -> None:
        """The venue's state counts, whatever the table says."""
        order = self[client_order_id]
        order.note = why
        self._set(order, after, now_ns)

    def seen(self, told: Order, now_ns: int) -> None:
        """The venue told of an order."""
        order = self.find(told.client_order_id, told.order_id)
        if order is None:
            raise InvariantError(f"order {told.order_id} is not one of ours")
        order.was_seen = True
        if told.order_id and not order.order_id:
            order.order_id = told.order_id
            self._by_order_id[told.order_id] = order
        order.venue_filled_lots = max(order.venue_filled_lots, told.filled_lots)
        order.reject_reason = order.reject_reason or told.reject_reason
        self._move(order, told.state, now_ns)
        self._sort(order)

    def filled(self, client_order_id: str, fill: Fill, now_ns: int) -> None:
        """An own fill was booked."""
        order = self[client_order_id]
        order.was_seen = True
        if fill.order_id and not order.order_id:
            order.order_id = fill.order_id
            self._by_order_id[fill.order_id] = order
        order.filled_lots += fill.size_lots
        order.quote_atoms += fill.quote_atoms
        is_whole = order.filled_lots >= order.place.size_lots
        state = OrderState.FILLED if is_whole else OrderState.PARTIALLY_FILLED
        self._move(order, state, now_ns)
        self._sort(order)

    def tells_news(self, told: Order) -> bool:
        """Whether `seen` would change anything."""
        order = self.find(told.client_order_id, told.order_id)
        return order is not None and (
            not order.was_seen
            or (told.order_id != 0 and order.order_id == 0)
            or told.filled_lots > order.venue_filled_lots
            or told.state in TRANSITIONS[order.state]
        )

    def _move(self, order: OwnOrder, state: OrderState, now_ns: int) -> bool:
        """Go to a state if the table allows it; news that come late change nothing."""
        if state not in TRANSITIONS[order.state]:
            return False
        self._set(order, state, now_ns)
        return True

    def _set(self, order: OwnOrder, state: OrderState, now_ns: int) -> None:
        order.state, order.updated_ns = state, now_ns
        self._sort(order)

    def _sort(self, order: OwnOrder) -> None:
        name = order.client_order_id
        if order.is_open:
            self._open[name] = order
            self._ended.pop(name, None)
        elif self._open.pop(name, None) is not None:
            self._ended[name] = None
        if order.is_settled:
            self._unsettled.pop(name, None)
        else:
            self._unsettled[name] = order
        while len(self._ended) > ENDED_MAX:
            self._forget(next(iter(self._ended)))

    def _forget(self, client_order_id: str) -> None:
        del self._ended[client_order_id]
        order = self._by_client_id.pop(client_order_id)
        self._by_order_id.pop(order.order_id, None)
        self._unsettled.pop(client_order_id, None)
