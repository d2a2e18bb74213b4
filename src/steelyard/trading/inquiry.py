"""The search for one order that may or may not have arrived.

An unknown order is closed by evidence only. Presence is proof, whoever tells of it. Absence is
proof only if the request has expired on the venue's clock and one order, one open-orders and
one fills query, all made after that, agree. Where a venue has no expiry, a person decides
(`trading/resolution.py`): the order stays unknown, and the log says so again and again.
"""

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from steelyard.domain.lifecycle import Fill, OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    Answer,
    FillList,
    FillsQuery,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Refused,
)
from steelyard.domain.order import RejectReason
from steelyard.trading.orders import OwnOrder
from steelyard.trading.orderwork import OWN_ACCOUNT, OrderWork
from steelyard.trading.questions import OnAnswer, Questions
from steelyard.trading.records import OrderAbsent
from steelyard.trading.turn import Turn

LOOK_NS = SECOND_NS
SLOWLY_NS = 30 * SECOND_NS  # where only a person can decide
MARGIN_NS = SECOND_NS // 2  # beyond the expiry, for what we may be wrong about the clock
LOUD_NS = 60 * SECOND_NS  # an unknown order is called out again after this
PAGE = 1_000
EARLY_NS = 60 * SECOND_NS  # before an order was made, for clocks that differ


class Lists(Protocol):
    """What takes the lists that a search asks for as well."""

    def see_open(self, answer: OrderList, asked_ns: int) -> set[str]:
        """Take open orders; return the client ids of own ones."""
        ...

    def see_fills(self, fills: Iterable[Fill]) -> bool:
        """Take fills; return whether each is known to be ours or somebody else's."""
        ...

    def require_round(self) -> None:
        """Compare everything soon."""
        ...


class Inquiry(Struct):
    """The search for one order. Times are when a query was made that did not find it."""

    begun_ns: int
    next_ns: int = 0
    waiting: int = 0
    order_ns: int | None = None
    open_ns: int | None = None
    fills_ns: int | None = None
    loud_ns: int = 0


class Inquiries:
    """All searches of one trader."""

    def __init__(self, turn: Turn, questions: Questions, work: OrderWork, lists: Lists) -> None:
        self._turn = turn
        self._questions = questions
        self._work = work
        self._lists = lists
        self._inquiries: dict[str, Inquiry] = {}

    def work(self) -> None:
        """Search for what is unknown."""
        orders = self._turn.state.orders
        self._inquiries = {
            name: inquiry
            for name, inquiry in self._inquiries.items()
            if inquiry.waiting or orders[name].state is OrderState.UNKNOWN
        }
        for order in orders.open:
            if order.state is OrderState.UNKNOWN:
                self._work_one(order)

    def proof_ns(self, order: OwnOrder) -> int | None:
        """Return from when on, on our clock, a query that finds nothing proves something."""
        if order.expires_ns is None:
            return None
        turn = self._turn
        return order.expires_ns - turn.offset_ns + turn.offset_error_ns + MARGIN_NS

    def ask(self, order: OwnOrder, inquiry: Inquiry) -> None:
        """Make the three queries that together can tell that it is not there."""
        self._ask_order(order, inquiry)
        self._ask_open(order, inquiry)
        self._ask_fills(order, inquiry, None)

    def _work_one(self, order: OwnOrder) -> None:
        turn, name = self._turn, order.client_order_id
        inquiry = self._inquiries.setdefault(name, Inquiry(turn.now_ns))
        self._be_loud(order, inquiry)
        if inquiry.waiting:
            return
        if turn.now_ns < inquiry.next_ns:
            turn.wake_at(inquiry.next_ns)
            return
        after_ns = self.proof_ns(order)
        if after_ns is not None and turn.now_ns < after_ns:
            inquiry.next_ns = min(turn.now_ns + LOOK_NS, after_ns)
            self._ask_order(order, inquiry)
            return
        inquiry.next_ns = turn.now_ns + (LOOK_NS if after_ns is not None else SLOWLY_NS)
        self.ask(order, inquiry)

    def _be_loud(self, order: OwnOrder, inquiry: Inquiry) -> None:
        turn, name = self._turn, order.client_order_id
        loud_ns = max(inquiry.begun_ns, inquiry.loud_ns) + LOUD_NS
        if turn.now_ns < loud_ns:
            turn.wake_at(loud_ns)
            return
        inquiry.loud_ns = turn.now_ns
        reason = (
            "this venue's requests do not expire: look at the venue, a person has to decide: "
            f"`steelyard order resolve BOT {name} --absent`, or --live"
            if order.expires_ns is None
            else self._questions.trouble or "the venue's answers do not agree"
        )
        turn.alarm("order.still_unknown", f"{name}: {reason}")

    def _ask_order(self, order: OwnOrder, inquiry: Inquiry) -> None:
        inquiry.waiting += 1

        def answered(answer: Answer, asked_ns: int) -> None:
            inquiry.waiting -= 1
            if isinstance(answer, OrderAnswer):
                self._work.see_order(answer.order, "query", asked_ns)
            elif is_unknown_order(answer):
                inquiry.order_ns = asked_ns
            self._conclude(order, inquiry)

        ask_order(self._turn, self._questions, order, answered)

    def _ask_open(self, order: OwnOrder, inquiry: Inquiry) -> None:
        inquiry.waiting += 1

        def answered(answer: Answer, asked_ns: int) -> None:
            inquiry.waiting -= 1
            if isinstance(answer, OrderList):
                names = self._lists.see_open(answer, asked_ns)
                if order.client_order_id not in names:
                    inquiry.open_ns = asked_ns
            self._conclude(order, inquiry)

        instrument_id = self._turn.instrument.instrument_id
        query = OrdersQuery(OWN_ACCOUNT, PAGE, instrument_id, open_only=True)
        self._questions.ask("open orders", query, answered)

    def _ask_fills(self, order: OwnOrder, inquiry: Inquiry, from_trade_id: int | None) -> None:
        """Look for fills since the order was made; absent only if all of them are explained."""
        inquiry.waiting += 1
        turn = self._turn

        def answered(answer: Answer, asked_ns: int) -> None:
            inquiry.waiting -= 1
            if isinstance(answer, FillList) and self._lists.see_fills(answer.fills):
                if len(answer.fills) >= PAGE:
                    last = max(fill.trade_id for fill in answer.fills)
                    self._ask_fills(order, inquiry, last + 1)
                    return
                inquiry.fills_ns = asked_ns
            self._conclude(order, inquiry)

        start_ns = None
        if from_trade_id is None:
            start_ns = turn.earliest_ns(order.created_ns) - EARLY_NS
        query = FillsQuery(
            OWN_ACCOUNT,
            PAGE,
            turn.instrument.instrument_id,
            from_trade_id=from_trade_id,
            start_ns=start_ns,
        )
        self._questions.ask("fills", query, answered)

    def _conclude(self, order: OwnOrder, inquiry: Inquiry) -> None:
        """Close an unknown order, if the evidence is there."""
        name = order.client_order_id
        if order.state is not OrderState.UNKNOWN:
            self._inquiries.pop(name, None)
            self._lists.require_round()
            return
        after_ns = self.proof_ns(order)
        made = (inquiry.order_ns, inquiry.open_ns, inquiry.fills_ns)
        if after_ns is None or any(time_ns is None or time_ns < after_ns for time_ns in made):
            return
        evidence = (
            "its time on the venue's clock is over, and the order query, the open orders and the "
            "fills made after that do not have it"
        )
        self._turn.record(OrderAbsent(name, evidence))
        self._turn.warn("order.absent", f"{name}: {evidence}")
        self._work.news.append(order)
        self._inquiries.pop(name, None)
        self._lists.require_round()


def ask_order(turn: Turn, questions: Questions, order: OwnOrder, answered: OnAnswer) -> None:
    """Ask for one own order: by our id, or by the venue's number where it has only that."""
    instrument_id = turn.instrument.instrument_id
    query = (
        OrderQuery(OWN_ACCOUNT, instrument_id, order.order_id)
        if order.is_nameless
        else OrderQuery(OWN_ACCOUNT, instrument_id, client_order_id=order.client_order_id)
    )
    questions.ask(f"order {order.client_order_id}", query, answered)


def is_unknown_order(answer: Answer) -> bool:
    """Whether a venue says that there is no such order."""
    return isinstance(answer, Refused) and answer.reason is RejectReason.UNKNOWN_ORDER
