"""A bot's own orders: their ids, their states, and what each piece of evidence does to them.

The rules: a state changes only as `domain.lifecycle.TRANSITIONS` allows, so late, repeated and
reordered news are harmless; an ended order stays ended, though a fill of it may still come.
What the venue says has filled (`venue_filled_lots`) is compared with the fills that were told
(`filled_lots`): an order is settled when both agree. Whatever might still happen counts as if
it had (`exposed_lots`), and while a change of it is on its way, so do its old and its new terms.
This module decides nothing and asks nobody.
"""

import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from steelyard.domain.commands import Place
from steelyard.domain.errors import InvariantError
from steelyard.domain.lifecycle import TRANSITIONS, Fill, Order, OrderState
from steelyard.domain.messages import MINUTE_NS, NEVER_NS
from steelyard.domain.order import RejectReason, Side

# Read once: until Python 3.12 that is a search.
_PENDING, _UNKNOWN = OrderState.PENDING, OrderState.UNKNOWN

MINUTE_MAX = 10_000  # so many times of orders and changes are kept, to be counted
ENDED_MAX = 10_000  # so many ended orders are kept, for fills that come late
SEQUENCE_BITS = 64
RUN_BITS = 32
SAMPLES = 16  # of printed ids, to see whether their order is that of their numbers


class ClientIds:
    """128-bit numbers for orders: 32 of the bot's name, 32 of the run, 64 counted.

    A number is never used twice: every run has another number, also after a lost directory,
    because it is the second in which it began.
    """

    def __init__(self, bot: str, run: int) -> None:
        digest = hashlib.sha256(bot.encode()).digest()
        self._bot = int.from_bytes(digest[:4])
        self._prefix = self._bot << RUN_BITS | run
        self._sequence = 0
        assert run < 1 << RUN_BITS, "a run fits its bits until 2106"

    def next(self) -> int:
        """Return the next number."""
        self._sequence += 1
        return self._prefix << SEQUENCE_BITS | self._sequence

    def owns(self, client_order_id: str, printed: Callable[[int], str]) -> bool:
        """Return whether an id is one of this bot's, of whichever run.

        Only where a venue's ids are printed in the order of their numbers; elsewhere nobody can
        tell, and the answer is no.
        """
        if not self.are_told_apart(printed):
            return False
        bits = RUN_BITS + SEQUENCE_BITS
        low, above = printed(self._bot << bits), printed(self._bot + 1 << bits)
        return len(client_order_id) == len(low) and low <= client_order_id < above

    def are_told_apart(self, printed: Callable[[int], str]) -> bool:
        """Return whether a venue's ids are printed in the order of their numbers."""
        bits = RUN_BITS + SEQUENCE_BITS
        if self._bot + 1 >= 1 << RUN_BITS:
            return False
        low, above = printed(self._bot << bits), printed(self._bot + 1 << bits)
        between = [printed((self._bot << bits) + (n << bits) // SAMPLES) for n in range(SAMPLES)]
        return [*between, above] == sorted([*between, above]) and len(low) == len(above)


class Amending(Struct, frozen=True):
    """A change of an order that is on its way; None leaves a term as it is.

    replaces: the venue may put a new order in the old one's place, so that both can fill.
    """

    price_ticks: int | None
    size_lots: int | None
    trigger_ticks: int | None
    replaces: bool
    asked_ns: int
    expires_ns: int | None = None
    is_unknown: bool = False


class OwnOrder(Struct, kw_only=True):
    """One order of this bot. Times are ours, but expires_ns, which is the venue's.

    place has the terms in force. former are numbers that the order had before an amend, or its
    trigger, gave it another one, with what the venue counts filled of each.
    """

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
    protects: bool = False
    mid_half_ticks: int | None = None  # twice the middle when it was decided on
    is_nameless: bool = False  # adopted: the venue has no client order id for it
    fill_count: int = 0
    venue_quote_atoms: int = 0
    disputed: str | None = None  # how the venue's count and its fills differ
    is_count_waived: bool = False  # a person has said that its fills are right
    amending: Amending | None = None
    amend_note: str = ""  # why the last change of it was not made
    terms_ns: int = 0  # since when these are its terms, on our clock
    is_at_market: bool = False  # it waited for its price, which has come
    former: dict[int, int] = {}

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
    def called(self) -> str:
        """What the venue calls it by our id; empty where it has none."""
        return "" if self.is_nameless else self.place.client_order_id

    @property
    def may_fill(self) -> bool:
        """Whether anything of it may still fill: it, or what an amend puts in its place."""
        return self.is_open or (self.amending is not None and self.amending.replaces)

    @property
    def exposed_lots(self) -> int:
        """What may still be added to the position: an unknown order may fill whole."""
        whole = self.place.size_lots if self.is_open else self.venue_filled_lots
        amending = self.amending
        if amending is None:
            return max(0, whole - self.filled_lots)
        wanted = self.place.size_lots if amending.size_lots is None else amending.size_lots
        if amending.replaces:
            # The old one may fill before the new one stands in its place.
            return max(0, whole - self.filled_lots) + max(0, wanted - self.filled_lots)
        whole = max(whole, wanted) if self.is_open else whole
        return max(0, whole - self.filled_lots)

    def goes_to_market(self, told: Order) -> bool:
        """Whether another number is this order's own from here on: its price has come."""
        return self.place.order_type.waits and not self.is_at_market and is_at_market(told)

    def is_past(self, told: Order) -> bool:
        """Whether the venue tells of it as it waited, under the number that it had then."""
        is_another = 0 not in (told.order_id, self.order_id) and told.order_id != self.order_id
        return is_another and self.is_at_market and not is_at_market(told)

    def has_terms(self, told: Order) -> bool:
        """Whether the venue's terms of it are ours; what it does not tell is not compared."""
        place = self.place
        if told.spend_atoms is not None or place.quote_atoms is not None:
            return True
        size_lots = sum(self.former.values()) + told.size_lots
        return (
            (told.size_lots == 0 or size_lots == place.size_lots)
            and (None in (told.price_ticks, place.price_ticks) or not place.order_type.has_limit
                 or told.price_ticks == place.price_ticks)
            and (None in (told.trigger_ticks, place.trigger_ticks) or place.order_type.trails
                 or told.trigger_ticks == place.trigger_ticks)
        )  # fmt: skip

    def has_wanted_terms(self, told: Order) -> bool:
        """Whether the venue's terms of it are those that the change on its way wants."""
        amending = self.amending
        if amending is None:
            return False
        size_lots = sum(self.former.values()) + told.size_lots
        return (
            amending.size_lots in (None, size_lots, told.size_lots)
            and amending.price_ticks in (None, told.price_ticks)
            and amending.trigger_ticks in (None, told.trigger_ticks)
        )


def is_at_market(told: Order) -> bool:
    """Whether an order does not wait for a price, or no longer."""
    return not told.order_type.waits or bool(told.triggered_ns)


class Orders:
    """All own orders, by either id."""

    def __init__(self) -> None:
        self._by_client_id: dict[str, OwnOrder] = {}
        self._by_order_id: dict[int, OwnOrder] = {}
        self._open: dict[str, OwnOrder] = {}
        self._unsettled: dict[str, OwnOrder] = {}
        self._amending: dict[str, OwnOrder] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()  # the oldest is found at once
        # Orders, and changes of them, but for the stops behind the position.
        self._decided_ns: deque[int] = deque(maxlen=MINUTE_MAX)

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

    @property
    def amending(self) -> list[OwnOrder]:
        """Orders of which a change is on its way."""
        return [*self._amending.values()]

    @property
    def may_fill(self) -> list[OwnOrder]:
        """Orders that may still fill, and those in whose place another may come."""
        if not self._amending:
            return self.open
        more = (order for order in self._amending.values() if order.may_fill)
        return [*{**self._open, **{order.client_order_id: order for order in more}}.values()]

    def exposed_lots(self, side: Side) -> int:
        """Return what may still be bought or sold by orders that were sent."""
        pool = self._open
        if self._unsettled or self._amending:  # an order may be in several of them
            pool = {**self._open, **self._unsettled, **self._amending}
        return sum(order.exposed_lots for order in pool.values() if order.place.side is side)

    def plain(self, side: Side, doubt_ns: int) -> tuple[int, int] | None:
        """Return what `exposed_lots` does, and how many are open; None: one is out of the ordinary.

        That is one that is being changed, is not settled, is unknown, or was decided on before
        doubt_ns and has no answer yet.
        """
        if self._unsettled or self._amending:
            return None
        lots = 0
        for order in self._open.values():
            state, place = order.state, order.place
            if state is _UNKNOWN or (state is _PENDING and order.created_ns < doubt_ns):
                return None
            if place.side is side:
                lots += max(0, place.size_lots - order.filled_lots)
        return lots, len(self._open)

    @property
    def pending_since_ns(self) -> int:
        """When the oldest open order without an answer was decided on; never, if there is none."""
        pending = [it.created_ns for it in self._open.values() if it.state is _PENDING]
        return min(pending, default=NEVER_NS)

    def decided_since(self, time_ns: int, most: int = MINUTE_MAX) -> int:
        """Return how many orders and changes, without stops, were decided on after then."""
        return counted_since(self._decided_ns, time_ns, most)

    def _decided(self, now_ns: int) -> None:
        """Note a decision, and forget those that no minute holds any more."""
        times = self._decided_ns
        times.append(now_ns)
        while times[0] <= now_ns - MINUTE_NS:
            times.popleft()

    # -- evidence, applied from records -------------------------------------------------------

    def pend(
        self,
        place: Place,
        now_ns: int,
        *,
        protects: bool = False,
        mid_half_ticks: int | None = None,
    ) -> OwnOrder:
        """Enter an order that was decided on."""
        name = place.client_order_id
        if name in self._by_client_id:
            raise InvariantError(f"client order id {name} was used twice")
        if not protects:
            self._decided(now_ns)
        order = OwnOrder(
            place=place,
            created_ns=now_ns,
            updated_ns=now_ns,
            protects=protects,
            mid_half_ticks=mid_half_ticks,
        )
        self._by_client_id[name] = self._open[name] = order
        return order

    def adopt(
        self,
        place: Place,
        told: Order,
        now_ns: int,
        *,
        is_nameless: bool,
        protects: bool = False,
    ) -> None:
        """Enter an order that the venue has and we had not."""
        order = self.pend(place, now_ns, protects=True)  # nobody decided on it
        order.is_nameless, order.protects = is_nameless, protects
        order.note = "adopted"
        order.was_seen = True
        order.order_id = told.order_id
        self._by_order_id[told.order_id] = order
        order.venue_filled_lots = told.filled_lots
        order.venue_quote_atoms = told.quote_atoms
        self._set(order, told.state, now_ns)

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

    def resolved(self, client_order_id: str, decision: str, why: str, now_ns: int) -> None:
        """A person has decided: `absent`, `live` or `fills`."""
        order = self[client_order_id]
        order.note = why
        match decision:
            case "absent":
                self._move(order, OrderState.ABSENT, now_ns)
            case "live":
                order.was_seen = True
                self._move(order, OrderState.WORKING, now_ns)
            case _:
                order.disputed, order.is_count_waived = None, True

    # -- changes of an order ------------------------------------------------------------------

    def amend(self, client_order_id: str, amending: Amending) -> None:
        """A change was decided on."""
        order = self[client_order_id]
        order.amending, order.amend_note = amending, ""
        if not order.protects:
            self._decided(amending.asked_ns)
        self._amending[client_order_id] = order

    def amend_sent(self, client_order_id: str, expires_ns: int | None) -> None:
        """Its bytes went out."""
        order = self[client_order_id]
        if order.amending is not None:
            order.amending = replace(order.amending, expires_ns=expires_ns)

    def amend_unknown(self, client_order_id: str, expires_ns: int | None) -> None:
        """The change may have been made."""
        order = self[client_order_id]
        if order.amending is not None:
            order.amending = replace(order.amending, is_unknown=True, expires_ns=expires_ns)

    def amend_failed(self, client_order_id: str, why: str, now_ns: int) -> None:
        """The change was not made."""
        order = self[client_order_id]
        order.amending, order.amend_note = None, why
        order.terms_ns = now_ns
        self._amending.pop(client_order_id, None)
        self._sort(order)

    def amended(
        self,
        client_order_id: str,
        order_id: int,
        terms: tuple[int | None, int, int | None],
        state: OrderState,
        now_ns: int,
    ) -> None:
        """The venue told its terms: price, size, trigger; maybe under another number."""
        order = self[client_order_id]
        is_another = 0 not in (order_id, order.order_id) and order_id != order.order_id
        if is_another:
            self._renumber(order, order_id)
        price_ticks, size_lots, trigger_ticks = terms
        order.place = replace(
            order.place, price_ticks=price_ticks, size_lots=size_lots, trigger_ticks=trigger_ticks
        )
        order.amending, order.terms_ns = None, now_ns
        self._amending.pop(client_order_id, None)
        order.was_seen = True
        if is_another or (state.is_open and not order.is_open):
            self._set(order, state, now_ns)
        self._sort(order)

    def triggered(
        self, client_order_id: str, order_id: int, state: OrderState, now_ns: int
    ) -> None:
        """It no longer waits, and has another number."""
        order = self[client_order_id]
        self._renumber(order, order_id)
        order.is_at_market = order.was_seen = True
        self._set(order, state, now_ns)

    def _renumber(self, order: OwnOrder, order_id: int) -> None:
        told_before = order.venue_filled_lots - sum(order.former.values())
        order.former = {**order.former, order.order_id: told_before}
        order.order_id = order_id
        self._by_order_id[order_id] = order

    def dispute(self, client_order_id: str, text: str | None) -> None:
        """The venue's count and its fills differ; None: they no longer do."""
        self[client_order_id].disputed = text

    # -- what the venue tells -----------------------------------------------------------------

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
        order.is_at_market |= order.place.order_type.waits and is_at_market(told)
        if told.order_id and not order.order_id:
            order.order_id = told.order_id
            self._by_order_id[told.order_id] = order
        if told.order_id in order.former:
            self._seen_former(order, told)
        else:
            filled_lots = told.filled_lots + sum(order.former.values())
            order.venue_filled_lots = max(order.venue_filled_lots, filled_lots)
            order.venue_quote_atoms = max(order.venue_quote_atoms, told.quote_atoms)
            order.reject_reason = order.reject_reason or told.reject_reason
            self._move(order, told.state, now_ns)
        self._sort(order)

    def _seen_former(self, order: OwnOrder, told: Order) -> None:
        """News of an order in whose place another stands: only what it has filled counts."""
        more = max(0, told.filled_lots - order.former[told.order_id])
        order.former = {**order.former, told.order_id: order.former[told.order_id] + more}
        order.venue_filled_lots += more
        order.place = replace(order.place, size_lots=order.place.size_lots + more)

    def filled(self, client_order_id: str, fill: Fill, now_ns: int) -> None:
        """An own fill was booked."""
        order = self[client_order_id]
        order.was_seen = True
        if fill.order_id and not order.order_id:
            order.order_id = fill.order_id
            self._by_order_id[fill.order_id] = order
        order.filled_lots += fill.size_lots
        order.quote_atoms += fill.quote_atoms
        order.fill_count += 1
        wanted = 0 if order.amending is None else order.amending.size_lots or 0
        is_whole = order.filled_lots >= max(order.place.size_lots, wanted)
        state = OrderState.FILLED if is_whole else OrderState.PARTIALLY_FILLED
        self._move(order, state, now_ns)
        self._sort(order)

    def tells_news(self, told: Order) -> bool:
        """Whether `seen` would change anything."""
        order = self.find(told.client_order_id, told.order_id)
        if order is not None and told.order_id in order.former:
            return told.filled_lots > order.former[told.order_id]
        return order is not None and (
            not order.was_seen
            or (told.order_id != 0 and order.order_id == 0)
            or told.filled_lots + sum(order.former.values()) > order.venue_filled_lots
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
        for order_id in (order.order_id, *order.former):
            self._by_order_id.pop(order_id, None)
        self._amending.pop(client_order_id, None)
        self._unsettled.pop(client_order_id, None)


def counted_since(times_ns: deque[int], time_ns: int, most: int) -> int:
    """Return how many of rising times are after one, up to most; most is found at once."""
    if 0 < most <= len(times_ns) and times_ns[-most] > time_ns:
        return most
    return sum(decided_ns > time_ns for decided_ns in times_ns)
