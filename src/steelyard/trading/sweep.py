"""Orders that have outlived what they were placed for are canceled, each with the reason.

Three measures, each to be switched on in the configuration: how old an order in the book may
become, how far from the middle of the market it may be, and for how long the bot may be blind (no
private stream, or a book not to be traded on) before it takes its orders back. Orders that wait
for a price, stops among them, are meant for a market that is elsewhere: they are left.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from steelyard.domain.messages import SECOND_NS
from steelyard.domain.units import EXACT, in_full, plain
from steelyard.trading.books import BookView
from steelyard.trading.orders import OwnOrder
from steelyard.trading.orderwork import OrderWork
from steelyard.trading.turn import Turn


class Bounds(NamedTuple):
    """How stale an order may become; None: however stale. distance is a fraction of the middle."""

    age_ns: int | None = None
    distance: Decimal | None = None
    blind_ns: int | None = None


class Sweep:
    """The stale orders of one trader."""

    def __init__(
        self,
        turn: Turn,
        work: OrderWork,
        bounds: Bounds,
        blind_why: Callable[[], str | None],
    ) -> None:
        """blind_why says why the bot does not see its orders or their market; None: it does."""
        self._turn = turn
        self._work = work
        self._bounds = bounds
        self._blind_why = blind_why
        self._blind_ns: int | None = None  # since when

    def work(self, book: BookView) -> None:
        """Cancel what is stale."""
        bounds, turn = self._bounds, self._turn
        if bounds == (None, None, None):
            return
        blind = self._blind_for()
        resting = (order for order in turn.state.orders.open if _rests(order))
        for order in resting:
            why = blind or self._age(order) or self._distance(order, book)
            if why is not None:
                turn.warn("order.stale", f"{order.client_order_id}: {why}")
                self._work.cancel(order, why)

    def _blind_for(self) -> str | None:
        """Return why every order is taken back, if the bot has been blind for too long."""
        bound_ns, turn = self._bounds.blind_ns, self._turn
        if bound_ns is None:
            return None
        why = self._blind_why()
        if why is None:
            self._blind_ns = None
            return None
        if self._blind_ns is None:
            self._blind_ns = turn.now_ns
        if turn.now_ns - self._blind_ns < bound_ns:
            turn.wake_at(self._blind_ns + bound_ns)
            return None
        seconds = (turn.now_ns - self._blind_ns) // SECOND_NS
        return f"the bot has been blind for {seconds} s: {why}"

    def _age(self, order: OwnOrder) -> str | None:
        bound_ns, turn = self._bounds.age_ns, self._turn
        if bound_ns is None:
            return None
        since_ns = max(order.created_ns, order.terms_ns)
        if turn.now_ns - since_ns < bound_ns:
            turn.wake_at(since_ns + bound_ns)
            return None
        return f"it is older than {bound_ns // SECOND_NS} s ([risk] max_order_age)"

    def _distance(self, order: OwnOrder, book: BookView) -> str | None:
        bound, ticks, turn = self._bounds.distance, order.place.price_ticks, self._turn
        half_ticks = book.mid_half_ticks
        if bound is None or ticks is None or half_ticks is None or book.trouble(turn.now_ns):
            return None
        off = abs(2 * ticks - half_ticks)
        if Decimal(off) <= EXACT.multiply(bound, Decimal(half_ticks)):
            return None
        percent = in_full(plain(EXACT.multiply(bound, Decimal(100))))
        return f"it is more than {percent}% from the middle ([risk] max_order_distance)"


def _rests(order: OwnOrder) -> bool:
    """Whether an order is in the book, and nobody has taken it back yet."""
    is_there = order.was_seen and order.cancel_why is None
    return is_there and not order.protects and not order.place.order_type.waits
