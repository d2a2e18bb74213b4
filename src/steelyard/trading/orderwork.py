"""Carrying orders out: placed once, canceled until it is so, believed by evidence only.

The rules: an order is journaled before it is sent, and its id never leaves twice unless the
last attempt is proven to have had no effect (`NotSent`). Such attempts are repeated with
pauses, for a bounded number and time, and only while the limits still allow the order; then it
is given up as absent. An attempt without an answer makes it unknown: `trading/reconcile.py`
finds out. A cancel is a wish of ours, not a fact: it is repeated until the venue says that the
order has ended.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import SECOND_NS, Acknowledged, OrderAnswer, Refused
from steelyard.domain.order import OrderType, RejectReason, TimeInForce
from steelyard.domain.units import in_full, plain
from steelyard.trading import risk
from steelyard.trading.actions import Returned
from steelyard.trading.amending import Amends
from steelyard.trading.books import BookView
from steelyard.trading.orders import Amending, ClientIds, OwnOrder
from steelyard.trading.portfolio import Booked
from steelyard.trading.records import (
    CancelAsked,
    FillSeen,
    OrderAbsent,
    OrderNotSent,
    OrderPending,
    OrderRefused,
    OrderSeen,
    OrderSent,
    OrderUnknown,
)
from steelyard.trading.strategy import Intent
from steelyard.trading.turn import Turn
from steelyard.wire.outcome import Answered, NotSent, delays_ns

OWN_ACCOUNT = 0  # a venue knows us by our key
RETRY_FIRST_NS, RETRY_MAX_NS = SECOND_NS, 8 * SECOND_NS
PLACE_TRIES_MAX = 5
PLACE_TIME_MAX_NS = 20 * SECOND_NS  # an older wish is no longer what the strategy saw
CANCEL_TRIES_LOUD = 5
CANCEL_AGAIN_NS = SECOND_NS // 2
# Refused, or not arrived, as far as we know: a venue that has filled some of it knows better.
NEVER_THERE = frozenset({OrderState.ABSENT, OrderState.REJECTED})


class Check(Protocol):
    """Returns why an order may not be sent now."""

    def __call__(self, place: Place, retried: str, *, protects: bool) -> risk.Refused | None:
        """`retried` is the id of an order that is counted already; `protects`: it is a stop."""
        ...


CheckAmend = Callable[[OwnOrder, Amending], risk.Refused | None]


class Work(Struct):
    """What is being done for one order; lost with the process, and not missed."""

    delays: Iterator[int] | None = None  # begun with the first attempt that fails
    cancel_delays: Iterator[int] | None = None
    is_placing: bool = False
    is_canceling: bool = False
    retry_ns: int | None = None
    cancel_ns: int = 0
    cancel_tries: int = 0


class OrderWork:
    """The orders of a trader, on their way."""

    def __init__(self, turn: Turn, check: Check, check_amend: CheckAmend) -> None:
        self._turn = turn
        self._check = check
        self.amends = Amends(turn, check_amend, self)
        self._works: dict[str, Work] = {}
        self._left: list[tuple[int, str]] = []  # orders that were just sent: request and name
        self._offered: set[tuple[OrderType, TimeInForce]] = set()  # as far as asked
        self.ids: ClientIds | None = None
        self._name = ""  # of the next order, if it is known already
        self.news: list[OwnOrder | Fill] = []  # for the strategy
        self.look_again: Callable[[OwnOrder], None] = lambda _: None
        # Told of an order that has ended, and what the venue counts of it: lots and quote atoms.
        self.ended: Callable[[OwnOrder, int, int], None] = lambda *_: None
        self.latencies_ns: list[int] = []
        self.answered: Callable[[int], None] = lambda _: None  # so long after its bytes left
        self.book: BookView | None = None  # whose middle is journaled, once there is one

    # -- placing ------------------------------------------------------------------------------

    def place(self, intent: Intent, *, protects: bool = False) -> risk.Refused | None:
        """Place what a strategy wants, or return why not."""
        assert self.ids is not None, "orders come after the start"
        turn = self._turn
        portfolio = turn.state.portfolio
        assert portfolio is not None, "orders come after the instrument"
        name, self._name = self._name or turn.rules.client_order_id(self.ids.next()), ""
        place = Place(
            OWN_ACCOUNT,
            portfolio.instrument.instrument_id,
            intent.side,
            intent.order_type,
            intent.time_in_force,
            intent.post_only,
            intent.price_ticks,
            intent.size_lots,
            trigger_ticks=intent.trigger_ticks,
            client_order_id=name,
        )
        if turn.capabilities is not None and (missing := self._not_offered(place)) is not None:
            return risk.Refused("unsupported", missing)
        refused = self._check(place, "", protects=protects)
        if refused is not None:
            return refused
        half_ticks = None if self.book is None else self.book.mid_half_ticks
        message = OrderPending(place, protects, half_ticks)
        self._left.append((turn.send_order(message), name))
        intent.client_order_id = name
        return None

    def catch_up(self) -> None:
        """Be ready for what becomes of the last turn's orders, and print the next one's name."""
        self._expect_left()
        if not self._name and self.ids is not None:
            self._name = self._turn.rules.client_order_id(self.ids.next())

    def _not_offered(self, place: Place) -> str | None:
        """Return why a venue does not take such an order, as far as it is known."""
        offered, kind = self._turn.capabilities, (place.order_type, place.time_in_force)
        if offered is None or kind in self._offered:
            return None
        name = f"{place.order_type.name} {place.time_in_force.name}"
        if not offered.order_types or name in offered.order_types:
            self._offered.add(kind)
            return None
        return f"{offered.venue} has no order {name}; it has {', '.join(offered.order_types)}"

    def is_in_flight(self, order: OwnOrder) -> bool:
        """Whether an answer to its placing is awaited, or another attempt."""
        self._expect_left()
        work = self._works.get(order.client_order_id)
        return work is not None and (work.is_placing or work.retry_ns is not None)

    def _expect_left(self) -> None:
        """Be told of the orders that were just sent."""
        if self._left:
            left, self._left = self._left, []
            for request_id, name in left:
                self._turn.expect(request_id, *self._hears(self._turn.state.orders[name]))

    def _send(self, order: OwnOrder) -> None:
        self._turn.send(order.place, *self._hears(order))

    def _hears(self, order: OwnOrder) -> tuple[Callable[[], None], Callable[[Returned], None]]:
        """Begin an attempt; return what is to be told that it has left, and what became of it."""
        turn, name = self._turn, order.place.client_order_id
        work = self._work_of(name)
        work.is_placing, work.retry_ns = True, None
        attempt = order.attempts + 1

        def sent() -> None:
            expiry_ns = turn.rules.expiry_ns(order.place)
            expires_ns = None if expiry_ns is None else turn.venue_now_ns + expiry_ns
            turn.record(OrderSent(name, attempt, expires_ns))

        return sent, lambda returned: self._placed(order, attempt, returned)

    def _placed(self, order: OwnOrder, attempt: int, returned: Returned) -> None:
        turn, name = self._turn, order.client_order_id
        self._work_of(name).is_placing = False
        match returned.outcome:
            case Answered(OrderAnswer() as answer):
                self._note_latency(returned.received_ns - returned.sent_ns)
                self.see_order(answer.order, "answer")
                for fill in answer.fills:
                    self.see_fill(fill, "answer", name)
            case Answered(Refused(reason=RejectReason.DUPLICATE_CLIENT_ORDER_ID)):
                # Only an earlier attempt of ours can have used this id.
                self.doubt(order, "the venue knows this id already")
            case Answered(Refused() as refused):
                self._note_latency(returned.received_ns - returned.sent_ns)
                turn.record(OrderRefused(name, refused.reason, refused.message))
                turn.warn("order.refused", f"{name}: {refused.reason.name}, {refused.message}")
                self.news.append(order)
            case NotSent() as not_sent:
                self._not_sent(order, attempt, not_sent)
            case outcome:
                why = "an answer of another kind" if isinstance(outcome, Answered) else outcome.why
                self.doubt(order, why)

    def doubt(self, order: OwnOrder, why: str, *, after_crash: bool = False) -> None:
        """An order may have arrived."""
        if order.state is not OrderState.PENDING:
            return  # the stream has told already
        turn = self._turn
        expires_ns = order.expires_ns
        if expires_ns is None or after_crash:
            # When its last attempt was signed is not known: no later than now.
            expiry_ns = turn.rules.expiry_ns(order.place)
            expires_ns = None if expiry_ns is None else turn.venue_now_ns + expiry_ns
        turn.record(OrderUnknown(order.client_order_id, why, expires_ns))
        turn.warn("order.unknown", f"{order.client_order_id}: {why}")
        self.news.append(order)

    def _not_sent(self, order: OwnOrder, attempt: int, outcome: NotSent) -> None:
        turn, name = self._turn, order.client_order_id
        if order.state is not OrderState.PENDING:
            return
        turn.record(OrderNotSent(name, attempt, outcome.why))
        work = self._work_of(name)
        work.delays = work.delays or self._delays()
        pause_ns = max(next(work.delays, RETRY_MAX_NS), outcome.retry_after_ns)
        retry_ns = turn.now_ns + pause_ns
        is_over = retry_ns - order.created_ns > PLACE_TIME_MAX_NS
        is_over = is_over or outcome.is_denied or order.cancel_why is not None
        if attempt >= PLACE_TRIES_MAX or is_over:
            self._give_up(order, f"nothing was taken up in {attempt} tries: {outcome.why}")
            return
        work.retry_ns = retry_ns
        turn.warn("order.not_sent", f"{name}: {outcome.why}; again in {pause_ns // 10**6} ms")

    def _retry(self, order: OwnOrder) -> None:
        if order.cancel_why is not None:
            self._give_up(order, f"not sent: {order.cancel_why}")
            return
        refused = self._check(order.place, order.client_order_id, protects=order.protects)
        if refused is not None:
            self._give_up(order, f"not sent again: {refused.text}")
        else:
            self._send(order)

    def _give_up(self, order: OwnOrder, evidence: str) -> None:
        self._work_of(order.client_order_id).retry_ns = None
        self._turn.record(OrderAbsent(order.client_order_id, evidence))
        self._turn.warn("order.absent", f"{order.client_order_id}: {evidence}")
        self.news.append(order)

    # -- canceling ----------------------------------------------------------------------------

    def cancel(self, order: OwnOrder, why: str) -> None:
        """Want an order ended."""
        if order.is_open and order.cancel_why is None:
            self._turn.record(CancelAsked(order.client_order_id, why))

    def work(self) -> None:
        """Do what is due: attempts, cancels and changes."""
        turn = self._turn
        self._expect_left()
        self.amends.work()
        open_orders = turn.state.orders.open
        for order in open_orders:
            work = self._work_of(order.client_order_id)
            if work.retry_ns is not None:
                if order.cancel_why is not None or turn.now_ns >= work.retry_ns:
                    self._retry(order)
                else:
                    turn.wake_at(work.retry_ns)
            if order.cancel_why is not None and order.was_seen and order.is_open:
                self._work_cancel(order, work)
        if len(self._works) > 2 * len(open_orders) + 10:
            names = {order.client_order_id for order in turn.state.orders.open}
            self._works = {
                name: work
                for name, work in self._works.items()
                if name in names or work.is_placing or work.is_canceling
            }

    def _work_cancel(self, order: OwnOrder, work: Work) -> None:
        turn = self._turn
        if work.is_canceling:
            return
        if turn.now_ns < work.cancel_ns:
            turn.wake_at(work.cancel_ns)
            return
        work.is_canceling = True
        work.cancel_tries += 1
        cancel = Cancel(OWN_ACCOUNT, order.order_id, turn.instrument.instrument_id, order.called)
        turn.send(cancel, lambda: None, lambda returned: self._canceled(order, returned))

    def _canceled(self, order: OwnOrder, returned: Returned) -> None:
        turn = self._turn
        work = self._work_of(order.client_order_id)
        work.is_canceling = False
        work.cancel_ns = turn.now_ns + CANCEL_AGAIN_NS
        match returned.outcome:
            case Answered(OrderAnswer() as answer):
                self.see_order(answer.order, "answer")
                return
            case Answered(Acknowledged()):
                self.look_again(order)  # what has filled before is for the venue to say
                return
            case Answered(Refused() as refused):
                why = refused.message
                self.look_again(order)
            case NotSent() as not_sent:
                why = not_sent.why
                work.cancel_delays = work.cancel_delays or self._delays()
                pause_ns = max(next(work.cancel_delays, RETRY_MAX_NS), not_sent.retry_after_ns)
                work.cancel_ns = turn.now_ns + pause_ns
            case outcome:
                why = "an answer of another kind" if isinstance(outcome, Answered) else outcome.why
                self.look_again(order)
        log = turn.alarm if work.cancel_tries >= CANCEL_TRIES_LOUD else turn.warn
        log("cancel.failed", f"{order.client_order_id}: {why}; try {work.cancel_tries}")

    # -- evidence -----------------------------------------------------------------------------

    def see_order(self, told: Order, source: str, asked_ns: int | None = None) -> OwnOrder | None:
        """Take what the venue says of an order; return ours, or None if it is not ours.

        asked_ns is when it was asked; None: it was not, and the news may be old.
        """
        orders = self._turn.state.orders
        order = orders.find(told.client_order_id, told.order_id)
        if order is None or order.is_past(told):
            return order
        self.amends.see(order, told, source, asked_ns)
        if orders.tells_news(told):
            before = order.state
            if before in NEVER_THERE and (told.state.is_open or told.filled_lots):
                name = order.client_order_id
                self._turn.alarm("order.alive", f"{name} was {before.name} and is at the venue")
                self.look_again(order)
            self._turn.record(OrderSeen(told, source))
            if not told.state.is_open and not order.is_open and told.order_id not in order.former:
                self.ended(order, told.filled_lots + sum(order.former.values()), told.quote_atoms)
            if order.state is not before:
                text = describe(order, self._turn.instrument)
                self._turn.log(f"order.{order.state.name.lower()}", text)
                self.news.append(order)
        return order

    def see_fill(self, fill: Fill, source: str, client_order_id: str = "") -> OwnOrder | None:
        """Take a fill that the venue told of; return our order, or None if it is not ours."""
        turn = self._turn
        order = turn.state.orders.find(fill.client_order_id or client_order_id, fill.order_id)
        if order is None:
            return None
        portfolio = turn.state.portfolio
        assert portfolio is not None, "no fill comes before the instrument"
        known = portfolio.look_up(fill)
        if known is Booked.TOO_OLD:
            turn.alarm("fill.too_old", f"trade {fill.trade_id} is too old to be told apart")
        if known is not Booked.NEW:
            return order
        turn.record(FillSeen(fill, order.client_order_id, source))
        size = in_full(plain(turn.instrument.size(fill.size_lots)))
        price = in_full(turn.instrument.price(fill.price_ticks))
        turn.log(
            "fill",
            f"{fill.side.name.lower()} {size} at {price}, "
            f"order {fill.order_id}, trade {fill.trade_id}",
        )
        self.news.append(fill)
        return order

    def _note_latency(self, latency_ns: int) -> None:
        self.answered(latency_ns)
        self.latencies_ns.append(latency_ns)
        del self.latencies_ns[:-1_000]

    def _work_of(self, client_order_id: str) -> Work:
        found = self._works.get(client_order_id)
        if found is None:
            found = self._works[client_order_id] = Work()
        return found

    def _delays(self) -> Iterator[int]:
        return delays_ns(
            self._turn.rng,
            first_ns=RETRY_FIRST_NS,
            max_ns=RETRY_MAX_NS,
            tries=PLACE_TRIES_MAX,
        )


def describe(order: OwnOrder, instrument: Instrument) -> str:
    """Return an order in a line, for the log; the journal has its client order id."""
    place = order.place
    price = "the market"
    if place.price_ticks is not None:
        price = in_full(instrument.price(place.price_ticks))
    name = order.order_id or place.client_order_id
    filled, size = order.venue_filled_lots, place.size_lots
    so_far = "" if filled in (0, size) else f", {in_full(plain(instrument.size(filled)))} filled"
    whole = in_full(plain(instrument.size(size)))
    return f"{place.side.name.lower()} {whole} at {price}{so_far}, order {name}"
