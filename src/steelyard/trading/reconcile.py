"""What the venue says, against what we believe: found out by asking, never by waiting.

A round asks for open orders, for fills since the last round and for the account; then for each
own order that looks different, by itself. It is clean when nothing is unknown, missing or
unexplained. Where we were wrong the venue counts, and an `Adjusted` record says why.

An unknown order is closed by evidence only. Presence is proof, whoever tells of it. Absence is
proof only if the request has expired on the venue's clock and one order, one open-orders and
one fills query, all made after that, agree. Where a venue has no expiry, a person decides: the
order stays unknown, and the log says so again and again.

Orders and fills of the account that are not ours are reported once and never touched. A fill
that names an order we do not know is asked about before it is called foreign.
"""

from collections.abc import Iterable

from msgspec import Struct

from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
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
from steelyard.trading.records import Adjusted, FillsChecked, OrderAbsent
from steelyard.trading.turn import Turn

ROUND_NS = 30 * SECOND_NS
AGAIN_NS = SECOND_NS // 2  # after a round that was not clean
LOOK_NS = SECOND_NS
MARGIN_NS = SECOND_NS // 2  # beyond the expiry, for what we may be wrong about the clock
SETTLE_NS = SECOND_NS // 2  # how long the stream may take to tell a fill the venue counts
SETTLE_TRIES_LOUD = 3
LOUD_NS = 60 * SECOND_NS  # an unknown order is called out again after this
PAGE = 1_000
FOREIGN_MAX = 10_000
FOREIGN_TOLD_NS = 10 * SECOND_NS  # a busy stranger is a line now and then
ATTRIBUTING_MAX = 20  # at once; the rest is asked in the next rounds
EARLY_NS = 60 * SECOND_NS  # before our first run, for clocks that differ


class Inquiry(Struct):
    """The search for one order. Times are when a query was made that did not find it."""

    begun_ns: int
    next_ns: int = 0
    waiting: int = 0
    order_ns: int | None = None
    open_ns: int | None = None
    fills_ns: int | None = None
    loud_ns: int = 0


class Settling(Struct):
    """The search for an order's missing fills."""

    due_ns: int
    tries: int = 0
    is_asked: bool = False


class Reconciler:
    """Rounds and inquiries of one trader."""

    def __init__(self, turn: Turn, questions: Questions, work: OrderWork) -> None:
        self._turn = turn
        self._questions = questions
        self._work = work
        work.look_again = self._look
        self.balances: dict[int, tuple[int, int]] = {}  # free and held atoms by asset
        self.is_clean = False  # since the last `require`
        self.foreign_open: dict[int, Order] = {}
        self._is_active = False
        self._waiting = 0  # answers that the running round waits for
        self._is_round = False
        self._is_late = False  # the running round began before something may have been missed
        self._found: list[str] = []  # what the running round is not happy with
        self._next_round_ns = 0
        self._inquiries: dict[str, Inquiry] = {}
        self._settlings: dict[str, Settling] = {}
        self._foreign: dict[int, None] = {}  # order ids
        self._foreign_untold = 0
        self._foreign_told_ns = -FOREIGN_TOLD_NS
        self._attributing: set[int] = set()
        self._looking: set[str] = set()

    # -- what is wanted -----------------------------------------------------------------------

    def require(self) -> None:
        """Something may have been missed: not clean until a new round says so."""
        self._is_active = True
        self.is_clean = False
        self._is_late = self._is_round
        self._next_round_ns = 0

    @property
    def trouble(self) -> str | None:
        """What keeps the rounds from being clean."""
        if self.is_clean:
            return None
        found = self._questions.trouble or "; ".join(self._found[:3])
        return "comparing orders and fills with the venue" + (f": {found}" if found else "")

    def work(self) -> None:
        """Begin what is due."""
        if not self._is_active:
            return
        self._inquiries = {
            name: inquiry
            for name, inquiry in self._inquiries.items()
            if inquiry.waiting or self._turn.state.orders[name].state is OrderState.UNKNOWN
        }
        for order in self._turn.state.orders.open:
            if order.state is OrderState.UNKNOWN:
                self._work_inquiry(order)
        for order in self._turn.state.orders.unsettled:
            self._work_unsettled(order)
        if self._is_round:
            return
        if self._turn.now_ns >= self._next_round_ns:
            self._begin_round()
        else:
            self._turn.wake_at(self._next_round_ns)

    def see_foreign(self, order: Order) -> None:
        """Note an order of the account that is not ours."""
        if order.order_id in self._foreign:
            if not order.state.is_open:
                self.foreign_open.pop(order.order_id, None)
            return
        self._foreign[order.order_id] = None
        if len(self._foreign) > FOREIGN_MAX:
            del self._foreign[next(iter(self._foreign))]
        if order.state.is_open and len(self.foreign_open) < PAGE:
            self.foreign_open[order.order_id] = order
        self._foreign_untold += 1
        if self._turn.now_ns < self._foreign_told_ns + FOREIGN_TOLD_NS:
            return
        more = f" (and {self._foreign_untold - 1} before it)" if self._foreign_untold > 1 else ""
        self._foreign_told_ns, self._foreign_untold = self._turn.now_ns, 0
        self._turn.warn(
            "order.foreign",
            f"order {order.order_id} ({order.client_order_id}) of this account is not this "
            f"bot's{more}; it is left alone",
        )

    # -- rounds -------------------------------------------------------------------------------

    def _begin_round(self) -> None:
        self._is_round, self._found, self._waiting = True, [], 3
        instrument_id = self._turn.instrument.instrument_id
        self._questions.ask(
            "open orders",
            OrdersQuery(OWN_ACCOUNT, PAGE, instrument_id, open_only=True),
            self._on_open,
        )
        self._questions.ask("the account", AccountQuery(OWN_ACCOUNT), self._on_account)
        self._ask_fills()

    def _answered(self) -> None:
        """One answer less to wait for; the last one ends the round."""
        self._waiting -= 1
        if self._waiting > 0:
            return
        orders = self._turn.state.orders
        self._found += [f"fills of order {o.client_order_id} are missing" for o in orders.unsettled]
        # One that becomes unknown later blocks new risk by itself (trading/risk.py).
        if not self.is_clean:
            self._found += [
                f"order {o.client_order_id} may or may not have arrived"
                for o in orders.open
                if o.state is OrderState.UNKNOWN
            ]
        self._is_round = False
        if self._is_late:
            self._is_late = False
            self._begin_round()
            return
        is_clean = not self._found
        if is_clean and not self.is_clean:
            self._turn.log("reconcile.clean", "orders and fills are as the venue has them")
        elif self.is_clean and not is_clean:
            self._turn.warn("reconcile.unclean", "; ".join(self._found[:3]))
        self.is_clean = is_clean
        self._next_round_ns = self._turn.now_ns + (ROUND_NS if is_clean else AGAIN_NS)
        self._turn.wake_at(self._next_round_ns)

    def _on_open(self, answer: Answer, asked_ns: int) -> None:
        if not isinstance(answer, OrderList):
            self._found.append(_said(answer, "open orders"))
            self._answered()
            return
        names = self._see_open(answer, asked_ns)
        for order in self._turn.state.orders.open:
            if (
                order.was_seen
                and order.created_ns < asked_ns
                and order.client_order_id not in names
            ):
                self._check_one(order)
        self._answered()

    def _see_open(self, answer: OrderList, asked_ns: int) -> set[str]:
        """Take a list of open orders; return the client ids of ours that are in it."""
        names: set[str] = set()
        foreign: dict[int, Order] = {}
        for told in answer.orders:
            order = self._work.see_order(told, "query")
            if order is None:
                self.see_foreign(told)
                foreign[told.order_id] = told
                continue
            names.add(order.client_order_id)
            if not order.is_open and asked_ns > order.updated_ns:
                self._check_one(order)
        self.foreign_open = foreign
        return names

    def _check_one(self, order: OwnOrder) -> None:
        """Ask for one order within the round, because a list is no proof."""
        self._waiting += 1

        def answered(answer: Answer, asked_ns: int) -> None:
            self._judge(order, answer, asked_ns)
            self._answered()

        self._ask_order(order, answered)

    def _judge(self, order: OwnOrder, answer: Answer, asked_ns: int) -> None:
        """Take the venue's word on one order; where it contradicts ours, it counts."""
        if isinstance(answer, OrderAnswer):
            told = answer.order
            self._work.see_order(told, "query")
            if told.state.is_open and not order.is_open and asked_ns > order.updated_ns:
                self._adjust(order, told.state, f"the venue has it as {told.state.name}")
                self._work.cancel(order, "it was thought to have ended")
        elif not _is_unknown_order(answer):
            self._found.append(_said(answer, f"order {order.client_order_id}"))
        elif order.is_open and order.was_seen and asked_ns > order.updated_ns:
            # The open-orders list of this round did not have it either, and its fills are asked
            # for: whatever it was, it cannot fill any more.
            self._adjust(order, OrderState.CANCELED, "the venue no longer knows it")

    def _adjust(self, order: OwnOrder, after: OrderState, why: str) -> None:
        turn = self._turn
        turn.record(Adjusted(order.client_order_id, order.state, after, why))
        turn.alarm("order.adjusted", f"{order.client_order_id} is now {after.name}: {why}")
        self._work.news.append(order)

    def _on_account(self, answer: Answer, _asked_ns: int) -> None:
        if isinstance(answer, AccountAnswer):
            self.see_account(answer)
        else:
            self._found.append(_said(answer, "the account"))
        self._answered()

    def see_account(self, answer: AccountAnswer) -> None:
        """Take the account's balances."""
        self.balances = {b.asset_id: (b.free_atoms, b.held_atoms) for b in answer.balances}

    # -- fills --------------------------------------------------------------------------------

    def _ask_fills(self) -> None:
        """Ask for every fill since the last round, page by page."""
        state, instrument_id = self._turn.state, self._turn.instrument.instrument_id
        if state.fills_checked is not None:
            query = FillsQuery(
                OWN_ACCOUNT, PAGE, instrument_id, from_trade_id=state.fills_checked + 1
            )
        else:
            begun_ns = self._turn.earliest_ns(state.begun_ns or 0)
            query = FillsQuery(OWN_ACCOUNT, PAGE, instrument_id, start_ns=begun_ns - EARLY_NS)
        self._questions.ask("fills", query, self._on_fills)

    def _on_fills(self, answer: Answer, _asked_ns: int) -> None:
        if not isinstance(answer, FillList):
            self._found.append(_said(answer, "fills"))
            self._answered()
            return
        if not self.see_fills(answer.fills):
            self._found.append("a fill of an order that nobody knows yet")
        elif answer.fills:
            self._turn.record(FillsChecked(max(fill.trade_id for fill in answer.fills)))
            if len(answer.fills) >= PAGE:
                self._ask_fills()
                return
        self._answered()

    def see_fills(self, fills: Iterable[Fill]) -> bool:
        """Take fills; return whether each is known to be ours or somebody else's."""
        is_explained = True
        for fill in fills:
            if self._work.see_fill(fill, "query") is None and fill.order_id not in self._foreign:
                is_explained = False
                self._attribute(fill)
        return is_explained

    def _attribute(self, fill: Fill) -> None:
        """Ask whose order a fill was of."""
        order_id = fill.order_id
        if order_id in self._attributing or len(self._attributing) >= ATTRIBUTING_MAX:
            return
        self._attributing.add(order_id)

        def answered(answer: Answer, _asked_ns: int) -> None:
            self._attributing.discard(order_id)
            if isinstance(answer, OrderAnswer):
                if self._work.see_order(answer.order, "query") is None:
                    self.see_foreign(answer.order)
            elif _is_unknown_order(answer):
                self._turn.alarm(
                    "fill.orphan",
                    f"trade {fill.trade_id} is of order {order_id}, which the venue does not know",
                )
                self._foreign[order_id] = None

        self._questions.ask(
            f"order {order_id}",
            OrderQuery(OWN_ACCOUNT, self._turn.instrument.instrument_id, order_id),
            answered,
        )

    def _work_unsettled(self, order: OwnOrder) -> None:
        """The venue counts more than was told: wait a little for the stream, then ask."""
        turn, name = self._turn, order.client_order_id
        settling = self._settlings.setdefault(name, Settling(turn.now_ns + SETTLE_NS))
        if settling.is_asked:
            return
        if turn.now_ns < settling.due_ns:
            turn.wake_at(settling.due_ns)
            return
        settling.is_asked = True
        settling.tries += 1
        if settling.tries == SETTLE_TRIES_LOUD:
            turn.alarm(
                "fills.missing",
                f"{name}: the venue counts {order.venue_filled_lots} lots filled and tells "
                f"{order.filled_lots}",
            )

        def answered(answer: Answer, _asked_ns: int) -> None:
            settling.is_asked = False
            settling.due_ns = turn.now_ns + min(SETTLE_NS << settling.tries, ROUND_NS)
            if isinstance(answer, FillList):
                for fill in answer.fills:
                    self._work.see_fill(fill, "query", name)
            if order.is_settled:
                self._settlings.pop(name, None)

        self._questions.ask(
            f"fills of order {name}",
            FillsQuery(OWN_ACCOUNT, PAGE, turn.instrument.instrument_id, order.order_id),
            answered,
        )

    # -- one order ----------------------------------------------------------------------------

    def _look(self, order: OwnOrder) -> None:
        """Ask for an order whose cancel came to nothing."""
        name = order.client_order_id
        if name in self._looking:
            return
        self._looking.add(name)

        def answered(answer: Answer, asked_ns: int) -> None:
            self._looking.discard(name)
            if isinstance(answer, OrderAnswer):
                self._judge(order, answer, asked_ns)
            else:
                self.require_round()

        self._ask_order(order, answered)

    def require_round(self) -> None:
        """Begin a round soon, without closing the gate."""
        self._next_round_ns = 0

    def _ask_order(self, order: OwnOrder, answered: OnAnswer) -> None:
        self._questions.ask(
            f"order {order.client_order_id}",
            OrderQuery(
                OWN_ACCOUNT,
                self._turn.instrument.instrument_id,
                client_order_id=order.client_order_id,
            ),
            answered,
        )

    def _work_inquiry(self, order: OwnOrder) -> None:
        turn, name = self._turn, order.client_order_id
        inquiry = self._inquiries.setdefault(name, Inquiry(turn.now_ns))
        self._be_loud(order, inquiry)
        if inquiry.waiting:
            return
        if turn.now_ns < inquiry.next_ns:
            turn.wake_at(inquiry.next_ns)
            return
        after_ns = self._proof_ns(order)
        if after_ns is not None and turn.now_ns < after_ns:
            inquiry.next_ns = min(turn.now_ns + LOOK_NS, after_ns)
            self._inquire_order(order, inquiry)
            return
        inquiry.next_ns = turn.now_ns + (LOOK_NS if after_ns is not None else ROUND_NS)
        self._inquire_order(order, inquiry)
        self._inquire_open(order, inquiry)
        self._inquire_fills(order, inquiry, None)

    def _proof_ns(self, order: OwnOrder) -> int | None:
        """Return from when on, on our clock, a query that finds nothing proves something."""
        if order.expires_ns is None:
            return None
        turn = self._turn
        return order.expires_ns - turn.offset_ns + turn.offset_error_ns + MARGIN_NS

    def _be_loud(self, order: OwnOrder, inquiry: Inquiry) -> None:
        turn = self._turn
        loud_ns = max(inquiry.begun_ns, inquiry.loud_ns) + LOUD_NS
        if turn.now_ns < loud_ns:
            turn.wake_at(loud_ns)
            return
        inquiry.loud_ns = turn.now_ns
        reason = (
            "this venue's requests do not expire: look at the venue, a person has to decide"
            if order.expires_ns is None
            else self._questions.trouble or "the venue's answers do not agree"
        )
        turn.alarm("order.still_unknown", f"{order.client_order_id}: {reason}")

    def _inquire_order(self, order: OwnOrder, inquiry: Inquiry) -> None:
        inquiry.waiting += 1

        def answered(answer: Answer, asked_ns: int) -> None:
            inquiry.waiting -= 1
            if isinstance(answer, OrderAnswer):
                self._work.see_order(answer.order, "query")
            elif _is_unknown_order(answer):
                inquiry.order_ns = asked_ns
            self._conclude(order, inquiry)

        self._ask_order(order, answered)

    def _inquire_open(self, order: OwnOrder, inquiry: Inquiry) -> None:
        inquiry.waiting += 1

        def answered(answer: Answer, asked_ns: int) -> None:
            inquiry.waiting -= 1
            if isinstance(answer, OrderList) and order.client_order_id not in self._see_open(
                answer, asked_ns
            ):
                inquiry.open_ns = asked_ns
            self._conclude(order, inquiry)

        instrument_id = self._turn.instrument.instrument_id
        query = OrdersQuery(OWN_ACCOUNT, PAGE, instrument_id, open_only=True)
        self._questions.ask("open orders", query, answered)

    def _inquire_fills(self, order: OwnOrder, inquiry: Inquiry, from_trade_id: int | None) -> None:
        """Look for fills since the order was made; absent only if all of them are explained."""
        inquiry.waiting += 1
        turn = self._turn

        def answered(answer: Answer, asked_ns: int) -> None:
            inquiry.waiting -= 1
            if isinstance(answer, FillList) and self.see_fills(answer.fills):
                if len(answer.fills) >= PAGE:
                    last = max(fill.trade_id for fill in answer.fills)
                    self._inquire_fills(order, inquiry, last + 1)
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
            self.require_round()
            return
        after_ns = self._proof_ns(order)
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
        self.require_round()


def _is_unknown_order(answer: Answer) -> bool:
    return isinstance(answer, Refused) and answer.reason is RejectReason.UNKNOWN_ORDER


def _said(answer: Answer, what: str) -> str:
    said = answer.message if isinstance(answer, Refused) else f"a {type(answer).__name__}"
    return f"asked for {what}, the venue said: {said}"
