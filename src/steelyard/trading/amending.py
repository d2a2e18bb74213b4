"""Changing a resting order: journaled before it is sent, believed by what the venue tells.

While a change is on its way the order counts as if it could fill by its old and by its new terms,
and another change of it is refused. A change that was not sent is not repeated: the price it
wanted is from then. One without an answer is unknown: the order is asked for until it has the
wanted terms, has ended, or, after the request's own expiry, still has the old ones. Venues that
keep an order's number and venues that put a new order in its place end the same way here: by an
`OrderAmended` with the number that counts. Some venues give an order that has waited for its price
another number when that has come: an `OrderTriggered` says which.
"""

from collections.abc import Callable
from typing import Protocol

from steelyard.domain.commands import Amend
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import SECOND_NS, Acknowledged, OrderAnswer, Refused
from steelyard.trading import risk
from steelyard.trading.actions import Returned
from steelyard.trading.orders import Amending, OwnOrder
from steelyard.trading.records import (
    AmendFailed,
    AmendPending,
    AmendSent,
    AmendUnknown,
    OrderAmended,
    OrderTriggered,
)
from steelyard.trading.turn import Turn
from steelyard.wire.outcome import Answered, NotSent

OWN_ACCOUNT = 0  # a venue knows us by our key
LOOK_NS = SECOND_NS
MARGIN_NS = SECOND_NS // 2  # beyond the expiry, for what we may be wrong about the clock
NUMBERS_MAX = 20_000  # orders of which it is known how often they were changed
LOUD_NS = 60 * SECOND_NS  # an unknown change is called out again after this

CheckAmend = Callable[[OwnOrder, Amending], risk.Refused | None]


class Owner(Protocol):
    """What changes of orders need of those who carry orders out."""

    news: list[OwnOrder | Fill]
    look_again: Callable[[OwnOrder], None]

    def see_order(self, told: Order, source: str) -> OwnOrder | None:
        """Take what the venue says of an order."""
        ...

    def see_fill(self, fill: Fill, source: str, client_order_id: str = "") -> OwnOrder | None:
        """Take a fill."""
        ...

    def cancel(self, order: OwnOrder, why: str) -> None:
        """Want an order ended."""
        ...


class Amends:
    """The changes of a trader's orders that are on their way."""

    def __init__(self, turn: Turn, check: CheckAmend, owner: Owner) -> None:
        self._turn = turn
        self._check = check
        self._owner = owner
        self._next_ns: dict[str, int] = {}  # when an unknown one is asked for again
        self._loud_ns: dict[str, int] = {}
        self._numbers: dict[str, int] = {}  # of the newest change of an order

    # -- wanting one --------------------------------------------------------------------------

    def amend(
        self,
        order: OwnOrder,
        price_ticks: int | None = None,
        size_lots: int | None = None,
        trigger_ticks: int | None = None,
    ) -> risk.Refused | None:
        """Change an order, or return why not."""
        turn, place = self._turn, order.place
        if (why := self._impossible(order)) is not None:
            return risk.Refused("amend", f"{order.client_order_id}: {why}")
        # What stays as it is is not sent: venues may take it for a wish of its own.
        price_ticks = None if price_ticks == place.price_ticks else price_ticks
        size_lots = None if size_lots == place.size_lots else size_lots
        trigger_ticks = None if trigger_ticks == place.trigger_ticks else trigger_ticks
        if (price_ticks, size_lots, trigger_ticks) == (None, None, None):
            return risk.Refused("amend", f"{order.client_order_id} has these terms already")
        # The venue counts from when it gave this number; what others had filled is not in it.
        before_lots = sum(order.former.values())
        if size_lots is not None and size_lots <= before_lots:
            why = "has filled as much before it had the number that it has now; cancel it instead"
            return risk.Refused("amend", f"{order.client_order_id} {why}")
        terms = (price_ticks, size_lots, trigger_ticks)
        replaces = turn.capabilities is not None and turn.capabilities.amend_replaces
        wanted = Amending(*terms, replaces, turn.now_ns)
        if (refused := self._check(order, wanted)) is not None:
            return refused
        name = order.client_order_id
        turn.record(AmendPending(name, *terms, replaces))
        amend = Amend(
            OWN_ACCOUNT,
            order.order_id,
            price_ticks,
            None if size_lots is None else size_lots - before_lots,
            trigger_ticks,
            turn.instrument.instrument_id,
            order.called,  # some venues give an order another name with each change
        )

        def sent() -> None:
            expiry_ns = turn.rules.expiry_ns(amend)
            expires_ns = None if expiry_ns is None else turn.venue_now_ns + expiry_ns
            turn.record(AmendSent(name, expires_ns))

        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        turn.send(amend, sent, lambda returned: self._returned(order, number, returned))
        return None

    def _impossible(self, order: OwnOrder) -> str | None:
        capabilities = self._turn.capabilities
        if capabilities is not None and not capabilities.has_amend:
            return (
                f"{capabilities.venue} cannot change an order; cancel it, and place another when "
                "it has ended"
            )
        if not order.is_open:
            return f"it has ended ({order.state.name})"
        if not order.was_seen:
            return "the venue has not confirmed it yet; change it when it has"
        if order.cancel_why is not None:
            return f"it is being canceled ({order.cancel_why})"
        if order.amending is not None:
            return "a change of it is on its way already"
        return None

    # -- what became of it --------------------------------------------------------------------

    def _returned(self, order: OwnOrder, number: int, returned: Returned) -> None:
        amending = order.amending
        if self._numbers.get(order.client_order_id) != number or amending is None:
            # The stream has told already, and maybe another change is on its way by now.
            self._see_late(order, returned)
            return
        match returned.outcome:
            case Answered(OrderAnswer() as answer):
                self.take_terms(order, answer.order, "answer")
                self._owner.see_order(answer.order, "answer")
                for fill in answer.fills:
                    self._owner.see_fill(fill, "answer", order.client_order_id)
            case Answered(Acknowledged(order_id=number)) if number not in (0, order.order_id):
                # What the new one's terms are, and whether it is open still, is to be told.
                why = f"order {number} stands in its place"
                self._turn.record(AmendUnknown(order.client_order_id, why, amending.expires_ns))
                self._owner.look_again(order)
            case Answered(Acknowledged()):
                self._take_wanted(order, amending)
                self._owner.look_again(order)
            case Answered(Refused() as refused):
                self._fail(order, f"the venue refused it: {refused.message}")
                self._owner.look_again(
                    order
                )  # it may have ended, or have other terms than we think
            case NotSent(why):
                self._fail(order, f"not sent: {why}")
            case outcome:
                why = "an answer of another kind" if isinstance(outcome, Answered) else outcome.why
                self.doubt(order, why)

    def _see_late(self, order: OwnOrder, returned: Returned) -> None:
        """Take what the answer to a change says that is over."""
        if isinstance(returned.outcome, Answered) and isinstance(
            returned.outcome.answer, OrderAnswer
        ):
            answer = returned.outcome.answer
            self._owner.see_order(answer.order, "answer")
            for fill in answer.fills:
                self._owner.see_fill(fill, "answer", order.client_order_id)

    def doubt(self, order: OwnOrder, why: str, *, after_crash: bool = False) -> None:
        """A change may have been made."""
        amending, turn = order.amending, self._turn
        if amending is None or amending.is_unknown:
            return  # the stream has told already
        expires_ns = amending.expires_ns
        if expires_ns is None or after_crash:
            # When it was signed is not known: no later than now.
            expiry_ns = turn.rules.expiry_ns(Amend(OWN_ACCOUNT, order.order_id, None, None))
            expires_ns = None if expiry_ns is None else turn.venue_now_ns + expiry_ns
        turn.record(AmendUnknown(order.client_order_id, why, expires_ns))
        turn.warn("amend.unknown", f"{order.client_order_id}: {why}")

    def see(self, order: OwnOrder, told: Order, source: str, asked_ns: int | None) -> None:
        """Take the terms that the venue tells of an order.

        asked_ns is when it was asked for them; None: it told by itself, maybe late.
        """
        is_another = 0 not in (told.order_id, order.order_id) and told.order_id != order.order_id
        if told.order_id in order.former or not (told.state.is_open or is_another):
            return
        amending = order.amending
        if amending is not None:
            if order.has_wanted_terms(told) or is_another:
                self.take_terms(order, told, source)
            return
        if is_another and order.goes_to_market(told):
            self._take_triggered(order, told, source)
        elif is_another:
            self._take_another(order, told)
        elif not order.has_terms(told):
            if asked_ns is None or asked_ns <= order.terms_ns:
                self._owner.look_again(order)
                return
            self._turn.alarm(
                "order.terms",
                f"{order.client_order_id} has other terms at the venue; those count from now on",
            )
            self.take_terms(order, told, source)

    def take_terms(self, order: OwnOrder, told: Order, source: str) -> None:
        """Take the venue's terms for those in force."""
        place = order.place
        is_another = 0 not in (told.order_id, order.order_id) and told.order_id != order.order_id
        before_lots = sum(order.former.values())
        if is_another:
            before_lots = order.venue_filled_lots
        size_lots = before_lots + told.size_lots if told.size_lots else place.size_lots
        keeps = place.price_ticks is None or told.price_ticks is None
        self._record(
            order,
            told.order_id,
            (
                place.price_ticks if keeps else told.price_ticks,
                size_lots,
                place.trigger_ticks if told.trigger_ticks is None else told.trigger_ticks,
            ),
            told.state,
            source,
        )

    def _take_wanted(self, order: OwnOrder, amending: Amending) -> None:
        """The venue has said yes, and nothing more."""
        place = order.place
        terms = (
            place.price_ticks if amending.price_ticks is None else amending.price_ticks,
            place.size_lots if amending.size_lots is None else amending.size_lots,
            place.trigger_ticks if amending.trigger_ticks is None else amending.trigger_ticks,
        )
        self._record(order, order.order_id, terms, order.state, "answer")

    def _record(
        self,
        order: OwnOrder,
        order_id: int,
        terms: tuple[int | None, int, int | None],
        state: OrderState,
        source: str,
    ) -> None:
        name = order.client_order_id
        self._turn.record(OrderAmended(name, order_id, *terms, state, source))
        self._turn.log("order.amended", f"{name} has its new terms")
        self._owner.news.append(order)

    def _take_triggered(self, order: OwnOrder, told: Order, source: str) -> None:
        """Its price has come, and the venue has given it the number of another order."""
        name = order.client_order_id
        self._turn.record(OrderTriggered(name, told.order_id, told.state, source))
        self._turn.log("order.triggered", f"{name} has gone to market as order {told.order_id}")
        self._owner.news.append(order)

    def _take_another(self, order: OwnOrder, told: Order) -> None:
        """Another order of the same name, and no change of ours is on its way."""
        self._turn.alarm(
            "order.twice",
            f"the venue has order {told.order_id} under the name of {order.client_order_id}, which "
            f"was order {order.order_id}; it counts too, and is canceled",
        )
        self.take_terms(order, told, "stream")
        self._owner.cancel(order, "the venue has two orders of its name")

    def _fail(self, order: OwnOrder, why: str) -> None:
        if order.amending is None:
            return  # the stream has told already
        self._turn.record(AmendFailed(order.client_order_id, why))
        self._turn.warn("amend.failed", f"{order.client_order_id}: {why}")
        self._owner.news.append(order)

    # -- what is due --------------------------------------------------------------------------

    def work(self) -> None:
        """Ask for orders whose change is unknown; close what has become moot."""
        turn = self._turn
        for order in turn.state.orders.amending:
            amending, name = order.amending, order.client_order_id
            if amending is None or not amending.is_unknown:
                continue
            if not order.may_fill:
                self._fail(order, f"the order has ended ({order.state.name})")
                continue
            self._be_loud(order, amending)
            if turn.now_ns < self._next_ns.get(name, 0):
                turn.wake_at(self._next_ns[name])
                continue
            self._next_ns[name] = turn.now_ns + LOOK_NS
            turn.wake_at(self._next_ns[name])
            self._owner.look_again(order)
        names = {order.client_order_id for order in turn.state.orders.amending}
        if len(self._numbers) > NUMBERS_MAX:
            orders = turn.state.orders
            self._numbers = {n: k for n, k in self._numbers.items() if orders.find(n) is not None}
        self._next_ns = {name: due for name, due in self._next_ns.items() if name in names}
        self._loud_ns = {name: due for name, due in self._loud_ns.items() if name in names}

    def proof_ns(self, amending: Amending) -> int | None:
        """Return from when on, on our clock, an order with its old terms proves something."""
        if amending.expires_ns is None:
            return None
        turn = self._turn
        return amending.expires_ns - turn.offset_ns + turn.offset_error_ns + MARGIN_NS

    def judge(self, order: OwnOrder, told: Order | None, asked_ns: int) -> None:
        """Close an unknown change by an answer about the order: as it is, or None for unknown."""
        amending = order.amending
        if amending is None or not amending.is_unknown:
            return
        after_ns = self.proof_ns(amending)
        if after_ns is None or asked_ns < after_ns:
            return
        if told is None or not told.state.is_open:
            self._fail(order, "the order has ended, and nothing stands in its place")
        elif told.order_id in (0, order.order_id):
            self._fail(order, "its time on the venue's clock is over, and the terms are as before")

    def _be_loud(self, order: OwnOrder, amending: Amending) -> None:
        turn, name = self._turn, order.client_order_id
        loud_ns = self._loud_ns.setdefault(name, turn.now_ns + LOUD_NS)
        if turn.now_ns < loud_ns:
            turn.wake_at(loud_ns)
            return
        self._loud_ns[name] = turn.now_ns + LOUD_NS
        why = (
            f"this venue's requests do not expire: cancel the order, or look at the venue and say "
            f"`steelyard order resolve BOT {name} --absent`"
            if amending.expires_ns is None
            else "the venue's answers do not tell"
        )
        turn.alarm("amend.still_unknown", f"{name}: {why}")
