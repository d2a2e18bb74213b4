"""A person's word on an order that the venue's answers do not explain: taken if nothing denies it.

Where a venue's requests never expire, an order without an answer stays unknown, because no
silence proves that it will not arrive. A person can look further than we (at the venue's page, at
its support) and say `absent` or `live`. Before that counts the venue is asked once more: what it
knows outweighs what a person says. The decision is journaled with who made it and why; should
the venue tell otherwise later, the venue counts again (`trading/reconcile.py`).

The answer comes within `DECIDE_NS`; a venue that has not answered by then leaves it undecided.
"""

from msgspec import Struct

from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.messages import SECOND_NS, Answer, OrderAnswer, OrderList, OrdersQuery
from steelyard.trading.actions import Decision, Reply, Resolve
from steelyard.trading.inquiry import PAGE, Inquiries, Lists, ask_order, is_unknown_order
from steelyard.trading.orders import OwnOrder
from steelyard.trading.orderwork import OWN_ACCOUNT, OrderWork
from steelyard.trading.questions import Questions
from steelyard.trading.records import AmendFailed, OrderResolved
from steelyard.trading.turn import Turn

DECIDE_NS = 10 * SECOND_NS
NAMED_MAX = 5  # orders that a refusal names


class Case(Struct, eq=False):
    """One decision under way."""

    event: Resolve
    order: OwnOrder
    until_ns: int
    waiting: int = 0
    told: Order | None = None  # the venue's word on the order
    is_denied: bool = False  # the order query says that there is none
    is_listed: bool | None = None  # whether it is among the open ones


class Resolutions:
    """The decisions of one trader that are under way."""

    def __init__(
        self,
        turn: Turn,
        questions: Questions,
        work: OrderWork,
        inquiries: Inquiries,
        lists: Lists,
    ) -> None:
        self._turn = turn
        self._questions = questions
        self._work = work
        self._inquiries = inquiries
        self._lists = lists
        self._cases: list[Case] = []

    def resolve(self, event: Resolve, *, is_connected: bool) -> None:
        """Begin with a decision."""
        turn = self._turn
        order = turn.state.orders.find(event.client_order_id)
        if order is None:
            self._reply(event, f"no order {event.client_order_id} of this bot; {self._open_cases}")
        elif event.decision is Decision.FILLS:
            self._accept_fills(event, order)
        elif (why := self._premature(order, is_connected=is_connected)) is not None:
            self._reply(event, why)
        else:
            case = Case(event, order, turn.now_ns + DECIDE_NS)
            self._cases.append(case)
            turn.wake_at(case.until_ns)
            self._ask(case)

    def work(self) -> None:
        """Leave undecided what takes too long."""
        turn = self._turn
        for case in [*self._cases]:
            if turn.now_ns < case.until_ns:
                turn.wake_at(case.until_ns)
                continue
            self._cases.remove(case)
            why = self._questions.trouble or "the venue has not answered"
            self._reply(case.event, f"not decided: {why}; try again when it answers")

    @property
    def _open_cases(self) -> str:
        orders = self._turn.state.orders
        names = [o.client_order_id for o in orders.open if o.state is OrderState.UNKNOWN]
        names += [o.client_order_id for o in orders.amending]
        named = ", ".join(names[:NAMED_MAX])
        return f"to be decided: {named}" if names else "nothing is to be decided"

    def _premature(self, order: OwnOrder, *, is_connected: bool) -> str | None:
        """Return why there is nothing for a person to decide, or not yet."""
        turn, amending = self._turn, order.amending
        is_unknown = order.state is OrderState.UNKNOWN
        is_amend_unknown = amending is not None and amending.is_unknown
        if not is_unknown and not is_amend_unknown:
            return (
                f"order {order.client_order_id} is {order.state.name}: there is nothing to decide"
            )
        if not is_connected:
            return "the bot has no connection to ask the venue by yet; try again in a moment"
        after_ns = self._inquiries.proof_ns(order)
        if not is_unknown and amending is not None:
            after_ns = self._work.amends.proof_ns(amending)
        if after_ns is not None and turn.now_ns < after_ns:
            seconds = -(-(after_ns - turn.now_ns) // SECOND_NS)
            return f"it can still arrive for {seconds} s; after that the bot finds out by itself"
        return None

    def _accept_fills(self, event: Resolve, order: OwnOrder) -> None:
        if order.disputed is None:
            self._reply(event, f"the fills of {order.client_order_id} are not in dispute")
            return
        self._record(event)
        self._lists.require_round()
        self._reply(event, f"the fills of {order.client_order_id} count", is_done=True)

    # -- asking -------------------------------------------------------------------------------

    def _ask(self, case: Case) -> None:
        case.waiting = 2

        def order_answered(answer: Answer, asked_ns: int) -> None:
            if isinstance(answer, OrderAnswer):
                case.told = answer.order
                self._work.see_order(answer.order, "query", asked_ns)
            case.is_denied = is_unknown_order(answer)
            self._answered(case)

        def open_answered(answer: Answer, asked_ns: int) -> None:
            if isinstance(answer, OrderList):
                names = self._lists.see_open(answer, asked_ns)
                case.is_listed = case.order.client_order_id in names
            self._answered(case)

        ask_order(self._turn, self._questions, case.order, order_answered)
        instrument_id = self._turn.instrument.instrument_id
        query = OrdersQuery(OWN_ACCOUNT, PAGE, instrument_id, open_only=True)
        self._questions.ask("open orders", query, open_answered)

    def _answered(self, case: Case) -> None:
        case.waiting -= 1
        if case.waiting or case not in self._cases:
            return
        self._cases.remove(case)
        self._decide(case)

    def _decide(self, case: Case) -> None:
        event, order, name = case.event, case.order, case.order.client_order_id
        is_unknown = order.state is OrderState.UNKNOWN
        amending = order.amending
        if not is_unknown and (amending is None or not amending.is_unknown):
            text = f"the venue has told: {name} is {order.state.name}"
            self._reply(event, text, is_done=(event.decision is Decision.LIVE) is order.was_seen)
        elif not is_unknown:
            self._decide_amend(case)
        elif event.decision is Decision.ABSENT:
            if case.is_listed is None:
                self._reply(event, "the venue does not list its open orders; not decided")
                return
            self._record(event)
            self._work.news.append(order)
            self._lists.require_round()
            self._reply(event, f"{name} never arrived, as far as anybody knows", is_done=True)
        elif case.is_denied and not case.is_listed:
            self._reply(
                event,
                f"the venue, asked now, does not know {name} and does not list it as open; "
                "if it was there it has ended: say --absent, its fills are found by themselves",
            )
        else:
            self._record(event)
            self._work.news.append(order)
            self._lists.require_round()
            self._reply(event, f"{name} counts as live", is_done=True)

    def _decide_amend(self, case: Case) -> None:
        """A change that may have been made, of an order that the venue knows."""
        event, order = case.event, case.order
        if event.decision is Decision.LIVE or case.told is None:
            self._reply(
                event,
                "of a change only --absent can be said: that it was not made. If it is made the "
                "venue tells; canceling the order ends the question as well",
            )
            return
        self._turn.record(
            AmendFailed(order.client_order_id, f"{event.who} has decided: {event.why}")
        )
        self._work.news.append(order)
        self._reply(event, "the change was not made; the terms are as before", is_done=True)

    # -- telling ------------------------------------------------------------------------------

    def _record(self, event: Resolve) -> None:
        turn = self._turn
        turn.record(
            OrderResolved(event.client_order_id, event.decision.value, event.who, event.why)
        )
        turn.warn(
            "order.resolved",
            f"{event.client_order_id}: {event.decision.value}, says {event.who}: {event.why}",
        )

    def _reply(self, event: Resolve, text: str, *, is_done: bool = False) -> None:
        self._turn.act(Reply(event.request, is_done, text))
