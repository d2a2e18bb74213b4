"""What a bot measures of its own trading: how much fills, at what price, how fast, and what then.

Counted from the records of this run, so live and journal say the same; everything is whole numbers,
and shares are reckoned by who shows them. What each number means:

    filled and ordered   lots of all fills, and of all orders; of one that was changed, as it is now
    slippage             what fills cost against the middle on which they were decided (a trigger)
    adverse selection    how far the middle moved against a fill 1, 5 and 30 s after it was heard
    decided, wire        from the venue's time of the book to the decision; from there to the bytes
    ack, fill            from the bytes to the venue's answer; from the decision to the first fill
    queue                what may at most be ahead of a resting order at its price

What is ahead of an order is an upper bound: what stood at its price when it was first seen there,
less what has gone since, as if all that went had been behind it; own orders do not count. Marks of
fills that wait for their 30 seconds are lost with the process. Every memory is bounded.
"""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple

from steelyard.domain.commands import Place
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.domain.order import Side
from steelyard.trading.books import BookView
from steelyard.trading.orders import OwnOrder
from steelyard.trading.records import (
    FillMarked,
    FillSeen,
    Measured,
    OrderAmended,
    OrderPending,
    OrderRefused,
    OrderSent,
    TraderRecord,
)
from steelyard.trading.tripping import slippage
from steelyard.trading.turn import Turn

HORIZONS_NS = (SECOND_NS, 5 * SECOND_NS, 30 * SECOND_NS)
MARKS_MAX = 1_000  # fills that wait for their marks; more are not marked
SIZES_MAX = 10_000  # orders whose sizes are kept; of those that have ended none is needed
QUEUED_MAX = 1_000  # orders of which a place in the queue is kept
TOLD_NS = SECOND_NS  # by then an own order is in the book that is seen
LEVELS = 200  # of a side that are looked at
NOTE_NS = MINUTE_NS  # so often do the numbers go into the journal
BOUNDS_NS = (
    *(n * 10**6 for n in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(n * SECOND_NS for n in (1, 2, 5, 10, 60)),
)
HEARD = frozenset({OrderSent, OrderRefused, OrderAmended, FillSeen})
STEPS = ("decided", "wire", "ack", "fill")


class Spread:
    """How long something took, in buckets; times below zero, by clocks that differ, count as 0."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_NS) + 1)
        self.sum_ns = 0

    def add(self, time_ns: int) -> None:
        """Enter one time."""
        time_ns = max(0, time_ns)
        self.counts[bisect_left(BOUNDS_NS, time_ns)] += 1
        self.sum_ns += time_ns

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)


class Sum:
    """What something cost, and the worth of what it was reckoned of, in half ticks times lots."""

    def __init__(self) -> None:
        self.cost = 0
        self.worth = 0

    def add(self, cost: int, worth: int) -> None:
        """Enter one."""
        self.cost += cost
        self.worth += worth


class Liquidity(NamedTuple):
    """What stands in a market now: the spread, and the lots within a tenth and one percent."""

    spread_ticks: int
    mid_half_ticks: int
    depth_lots: dict[tuple[Side, int], int]  # by side and parts in a thousand


class _Mark:
    """A fill that waits for its marks."""

    def __init__(self, seen: FillSeen, now_ns: int, mid_half_ticks: int) -> None:
        self.seen = seen
        self.begun_ns = now_ns
        self.mids: list[int | None] = [mid_half_ticks]


class Measures:
    """The measures of one run."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self.book: BookView | None = None  # once there is one
        self.orders = 0
        self.ordered_lots = self.filled_lots = 0
        self.refusals: Counter[str] = Counter()
        self.slipped = Sum()
        self.adverse = {horizon_ns: Sum() for horizon_ns in HORIZONS_NS}
        self.latencies = {step: Spread() for step in STEPS}
        self._marks: deque[_Mark] = deque(maxlen=MARKS_MAX)
        self._ahead: dict[str, int] = {}
        self._sizes: dict[str, int] = {}  # of this run's orders, as they are counted
        self._note_ns: int | None = None
        self._unseen: list[tuple[Place, int | None]] = []  # orders, and how late they were decided

    # -- what it hears ----------------------------------------------------------------------------

    def see(self, message: TraderRecord) -> None:
        """Take a record that has just been made."""
        if type(message) is OrderPending:  # it leaves in a hurry: entered when it has left
            turn, book = self._turn, self.book
            seen_ns = 0 if book is None else book.book.time_ns
            late_ns = turn.now_ns + turn.offset_ns - seen_ns if seen_ns else None
            self._unseen.append((message.place, late_ns))
            return
        if type(message) not in HEARD:
            return
        self.catch_up()
        now_ns = self._turn.now_ns
        match message:
            case OrderAmended(name):
                if name in self._sizes:
                    self._order(name, message.size_lots)
            case OrderSent(name, attempt):
                order = self._turn.state.orders.find(name)
                if order is not None and attempt == 1:
                    self.latencies["wire"].add(now_ns - order.created_ns)
            case OrderRefused():
                self.refusals[message.reason.name] += 1
            case FillSeen():
                self._take_fill(message, now_ns)
            case _:
                pass

    def catch_up(self) -> None:
        """Enter the orders of the last turn."""
        if not self._unseen:
            return
        unseen, self._unseen = self._unseen, []
        for place, late_ns in unseen:
            self.orders += 1
            self._order(place.client_order_id, place.size_lots)
            if late_ns is not None:
                self.latencies["decided"].add(late_ns)

    def _order(self, name: str, size_lots: int) -> None:
        """Count an order, or what a change has made of it."""
        self.ordered_lots += size_lots - self._sizes.get(name, 0)
        self._sizes[name] = size_lots
        if len(self._sizes) > SIZES_MAX:
            orders = self._turn.state.orders.may_fill
            names = {name, *(order.client_order_id for order in orders)}
            self._sizes = {name: size for name, size in self._sizes.items() if name in names}

    def answered(self, latency_ns: int) -> None:
        """The venue has answered an order, so long after its bytes left."""
        self.latencies["ack"].add(latency_ns)

    def _take_fill(self, message: FillSeen, now_ns: int) -> None:
        fill, order = message.fill, self._turn.state.orders.find(message.client_order_id)
        self.filled_lots += fill.size_lots
        if order is not None:
            if (cost := slippage(order, fill)) is not None:
                self.slipped.add(*cost)
            if order.fill_count == 1:  # it is the first
                self.latencies["fill"].add(now_ns - order.created_ns)
        mid = None if self.book is None else self.book.mid_half_ticks
        if mid is not None and len(self._marks) < MARKS_MAX:
            self._marks.append(_Mark(message, now_ns, mid))

    # -- what is due ------------------------------------------------------------------------------

    def work(self) -> None:
        """Mark fills whose time has come, follow the queue, and write the numbers down."""
        turn = self._turn
        self.catch_up()
        self._mark()
        self._follow_queue()
        if self._note_ns is None:
            self._note_ns = turn.now_ns + NOTE_NS
        elif turn.now_ns >= self._note_ns:
            self._note_ns = turn.now_ns + NOTE_NS
            turn.record(Measured(self.noted if self.orders else {}))  # the sign that it runs
        turn.wake_at(self._note_ns)

    def note(self) -> None:
        """Write the numbers down, where there are any."""
        self.catch_up()
        if self.orders:
            self._turn.record(Measured(self.noted))

    def _mark(self) -> None:
        turn, book = self._turn, self.book
        is_right = book is not None and book.trouble(turn.now_ns) is None
        mid = book.mid_half_ticks if book is not None and is_right else None
        for mark in self._marks:
            fill, first = mark.seen.fill, mark.mids[0]
            while len(mark.mids) <= len(HORIZONS_NS):
                horizon_ns = HORIZONS_NS[len(mark.mids) - 1]
                if turn.now_ns < mark.begun_ns + horizon_ns:
                    turn.wake_at(mark.begun_ns + horizon_ns)
                    break
                mark.mids.append(mid)
                if mid is not None and first is not None:
                    against = int(fill.side) * (first - mid) * fill.size_lots
                    self.adverse[horizon_ns].add(against, first * fill.size_lots)
        while self._marks and len(self._marks[0].mids) > len(HORIZONS_NS):
            mark = self._marks.popleft()
            fill = mark.seen.fill
            turn.record(FillMarked(fill.trade_id, fill.side, tuple(mark.mids)))

    def _follow_queue(self) -> None:
        """Look what stands where own orders rest."""
        open_orders = self._turn.state.orders.open
        if not open_orders:
            self._ahead.clear()
            return
        names = set()
        for order, level_lots in self._resting(open_orders):
            name = order.client_order_id
            names.add(name)
            self._ahead[name] = min(self._ahead.get(name, level_lots), level_lots)
            if len(names) >= QUEUED_MAX:
                break
        self._ahead = {name: lots for name, lots in self._ahead.items() if name in names}

    def _resting(self, orders: list[OwnOrder]) -> Iterator[tuple[OwnOrder, int]]:
        """Yield own orders in the book, with what others have at their prices."""
        book = self.book
        if book is None or book.trouble(self._turn.now_ns) is not None:
            return
        levels = {side: dict(book.of(side).first(LEVELS)) for side in Side}
        own: Counter[tuple[Side, int | None]] = Counter()
        resting = [o for o in orders if o.was_seen and o.place.order_type.has_limit]
        resting = [o for o in resting if not o.place.order_type.waits]
        for order in resting:
            if self._turn.now_ns < order.created_ns + TOLD_NS:
                continue  # the book may not have been told of it
            left = order.place.size_lots - order.venue_filled_lots
            own[order.place.side, order.place.price_ticks] += max(0, left)
        for order in resting:
            side, price_ticks = order.place.side, order.place.price_ticks
            assert price_ticks is not None, "it has a limit"
            yield order, max(0, levels[side].get(price_ticks, 0) - own[side, price_ticks])

    # -- what is shown ----------------------------------------------------------------------------

    def ahead_lots(self, name: str) -> int | None:
        """Return what may at most be ahead of an order; None: it does not rest, as far as known."""
        return self._ahead.get(name)

    @property
    def liquidity(self) -> Liquidity | None:
        """What stands in the market; None: the book is not to be relied on."""
        book = self.book
        if book is None or book.trouble(self._turn.now_ns) is not None:
            return None
        bid, ask, mid = book.bids.best_ticks, book.asks.best_ticks, book.mid_half_ticks
        if bid is None or ask is None or mid is None:
            return None
        depth: Counter[tuple[Side, int]] = Counter()
        for side in Side:
            for price_ticks, size_lots in book.of(side).first(LEVELS):
                away = abs(2 * price_ticks - mid) * 1_000
                for parts in (1, 10):
                    if away <= mid * parts:
                        depth[side, parts] += size_lots
        within = {(side, parts): depth[side, parts] for side in Side for parts in (1, 10)}
        return Liquidity(ask - bid, mid, within)

    @property
    def noted(self) -> dict[str, int]:
        """The numbers as they are journaled: counts, lots, and half ticks times lots."""
        found = {
            "orders": self.orders,
            "refusals": self.refusals.total(),
            "ordered_lots": self.ordered_lots,
            "filled_lots": self.filled_lots,
            "slippage": self.slipped.cost,
            "slippage_worth": self.slipped.worth,
        }
        for horizon_ns, told in self.adverse.items():
            seconds = horizon_ns // SECOND_NS
            found[f"adverse_{seconds}s"] = told.cost
            found[f"adverse_{seconds}s_worth"] = told.worth
        for step, spread in self.latencies.items():
            found[f"{step}_ns"], found[f"{step}_count"] = spread.sum_ns, spread.count
        return found
