"""What the venue says, against what we believe: found out by asking, never by waiting.

A round asks for open orders and for the account, then for fills since the last round, and for
each own order that looks different, by itself. It is clean when nothing is unknown, missing,
disputed or unexplained, and the account holds the bot's position. Where we were wrong the venue
counts, and an `Adjusted` record says why. Rounds come at the start, after each reconnect, every
`ROUND_NS`, and when somebody asks for one.

Beside the rounds: `inquiry` searches unknown orders, `settling` missing fills, `strangers` has
what is not the bot's, `accountcheck` the balances.
"""

from collections.abc import Iterable

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
    OrdersQuery,
    Refused,
)
from steelyard.trading.accountcheck import AccountCheck
from steelyard.trading.actions import Reconcile, Reply
from steelyard.trading.inquiry import EARLY_NS, PAGE, Inquiries, ask_order, is_unknown_order
from steelyard.trading.orders import OwnOrder
from steelyard.trading.orderwork import NEVER_THERE, OWN_ACCOUNT, OrderWork
from steelyard.trading.questions import Questions
from steelyard.trading.records import Adjusted, FillsChecked
from steelyard.trading.settling import Settlings
from steelyard.trading.strangers import ForeignOrders, Strangers
from steelyard.trading.turn import Turn

ROUND_NS = 30 * SECOND_NS
AGAIN_NS = SECOND_NS // 2  # after a round that was not clean
COMPARE_AGAIN_NS = SECOND_NS  # after balances that were not as they should be
ASKED_NS = 10 * SECOND_NS  # so long does somebody who asked for a round wait
FOUND_TOLD = 3  # of what a round found


class Reconciler:
    """Rounds and inquiries of one trader."""

    def __init__(
        self,
        turn: Turn,
        questions: Questions,
        work: OrderWork,
        foreign: ForeignOrders = ForeignOrders.LEAVE,
        *,
        has_stop: bool = False,
    ) -> None:
        self._turn = turn
        self._questions = questions
        self._work = work
        work.look_again = self._look
        self.inquiries = Inquiries(turn, questions, work, self)
        self.settlings = Settlings(turn, questions, work)
        self.strangers = Strangers(turn, questions, work, foreign, has_stop=has_stop)
        self.strangers.require_round = self.require_round
        self.account = AccountCheck(turn)
        self.is_clean = False  # since the last `require`
        self.clean_ns: int | None = None  # when a round last was
        self._is_active = False
        self._waiting = 0  # answers that the running round waits for
        self._is_round = False
        self._round = 0  # the number of the newest one
        self._is_late = False  # the running round began before something may have been missed
        self._found: list[str] = []  # what the running round is not happy with
        self._found_last: list[str] = []  # what the last whole one was not
        self._told: AccountAnswer | None = None  # of the running round
        self._fills_before = 0  # the account's fills when it was asked for
        self._next_round_ns = 0
        self._looking: set[str] = set()
        self._asked: list[tuple[Reconcile, int, int]] = []  # who waits, for which round, until when

    # -- what is wanted -----------------------------------------------------------------------

    def require(self) -> None:
        """Something may have been missed: not clean until a new round says so."""
        self._is_active = True
        self.is_clean = False
        self._is_late = self._is_round
        self._next_round_ns = 0

    def require_round(self) -> None:
        """Begin a round soon, without closing the gate."""
        self._next_round_ns = 0

    def ask(self, event: Reconcile) -> None:
        """Somebody wants a round now, and to be told what came of it."""
        turn = self._turn
        if not self._is_active:
            turn.act(Reply(event.request, False, "the bot has no connection to compare by yet"))  # noqa: FBT003
            return
        turn.log("reconcile.asked", f"{event.who} asks for a comparison")
        self._asked.append((event, self._round + 1, turn.now_ns + ASKED_NS))
        self.require_round()

    @property
    def trouble(self) -> str | None:
        """What keeps the rounds from being clean."""
        if self.is_clean:
            return None
        found = self._questions.trouble or "; ".join(self._found_last[:FOUND_TOLD])
        return "comparing orders and fills with the venue" + (f": {found}" if found else "")

    def work(self) -> None:
        """Begin what is due."""
        if not self._is_active:
            return
        self.inquiries.work()
        self.settlings.work()
        self.strangers.work()
        self._answer_asked()
        if self._is_round:
            return
        if self._turn.now_ns >= self._next_round_ns:
            self._begin_round()
        else:
            self._turn.wake_at(self._next_round_ns)

    def _answer_asked(self) -> None:
        """Tell those who wait too long for a round."""
        turn = self._turn
        waiting = []
        for event, number, until_ns in self._asked:
            if turn.now_ns < until_ns:
                waiting.append((event, number, until_ns))
                turn.wake_at(until_ns)
                continue
            why = self._questions.trouble or "the venue has not answered everything yet"
            turn.act(Reply(event.request, False, f"not compared yet: {why}; it goes on"))  # noqa: FBT003
        self._asked = waiting

    # -- rounds -------------------------------------------------------------------------------

    def _begin_round(self) -> None:
        self._is_round, self._found, self._waiting, self._told = True, [], 3, None
        self._round += 1
        instrument_id = self._turn.instrument.instrument_id
        self._questions.ask(
            "open orders",
            OrdersQuery(OWN_ACCOUNT, PAGE, instrument_id, open_only=True),
            self._on_open,
        )
        self._fills_before = self._turn.state.books.fills_ever
        self._questions.ask("the account", AccountQuery(OWN_ACCOUNT), self._on_account)

    def _answered(self) -> None:
        """One answer less to wait for; the last one ends the round."""
        self._waiting -= 1
        if self._waiting > 0:
            return
        turn = self._turn
        compares_again = self._compare_balances()
        self._found += self.settlings.trouble + self.strangers.trouble
        # One that becomes unknown later blocks new risk by itself (trading/risk.py).
        if not self.is_clean:
            self._found += [
                f"order {o.client_order_id} may or may not have arrived"
                for o in turn.state.orders.open
                if o.state is OrderState.UNKNOWN
            ]
        self._is_round, self._found_last = False, self._found
        if self._is_late:
            self._is_late = False
            self._begin_round()
            return
        is_clean = not self._found
        if is_clean and not self.is_clean:
            turn.log("reconcile.clean", "orders and fills are as the venue has them")
        elif self.is_clean and not is_clean:
            turn.warn("reconcile.unclean", "; ".join(self._found[:FOUND_TOLD]))
        self.is_clean = is_clean
        self.clean_ns = turn.now_ns if is_clean else self.clean_ns
        pause_ns = COMPARE_AGAIN_NS if compares_again else ROUND_NS
        self._next_round_ns = turn.now_ns + (pause_ns if is_clean else AGAIN_NS)
        turn.wake_at(self._next_round_ns)
        self._reply()

    def _reply(self) -> None:
        """Tell who asked for this round, or an earlier one, what came of it."""
        text = "; ".join(self._found) or "orders, fills and position are as the venue has them"
        for event, number, _ in self._asked:
            if number <= self._round:
                self._turn.act(Reply(event.request, self.is_clean, text))
        self._asked = [asked for asked in self._asked if asked[1] > self._round]

    def _on_open(self, answer: Answer, asked_ns: int) -> None:
        if not isinstance(answer, OrderList):
            self._found.append(_said(answer, "open orders"))
            self._answered()
            return
        names = self.see_open(answer, asked_ns)
        for order in self._turn.state.orders.open:
            if (
                order.was_seen
                and order.created_ns < asked_ns
                and order.client_order_id not in names
            ):
                self._check_one(order)
        self._answered()

    def see_open(self, answer: OrderList, asked_ns: int) -> set[str]:
        """Take a list of open orders; return the client ids of ours that are in it."""
        names: set[str] = set()
        foreign: list[Order] = []
        for told in answer.orders:
            order = self._work.see_order(told, "query", asked_ns)
            if order is None:
                foreign.append(told)
                continue
            names.add(order.client_order_id)
            if not order.is_open and asked_ns > order.updated_ns:
                self._check_one(order)
        self.strangers.see_list(foreign)
        return names

    def _check_one(self, order: OwnOrder) -> None:
        """Ask for one order within the round, because a list is no proof."""
        self._waiting += 1

        def answered(answer: Answer, asked_ns: int) -> None:
            self._judge(order, answer, asked_ns)
            self._answered()

        ask_order(self._turn, self._questions, order, answered)

    def _judge(self, order: OwnOrder, answer: Answer, asked_ns: int) -> None:
        """Take the venue's word on one order; where it contradicts ours, it counts."""
        if isinstance(answer, OrderAnswer):
            told = answer.order
            self._work.see_order(told, "query", asked_ns)
            self._work.amends.judge(order, told, asked_ns)
            if told.state.is_open and not order.is_open and asked_ns > order.updated_ns:
                self._adjust(order, told.state, f"the venue has it as {told.state.name}")
                self._work.cancel(order, "it was thought to have ended")
            elif order.state in NEVER_THERE and told.filled_lots and asked_ns > order.updated_ns:
                self._adjust(order, told.state, f"the venue has it as {told.state.name}")
        elif not is_unknown_order(answer):
            self._found.append(_said(answer, f"order {order.client_order_id}"))
        else:
            self._work.amends.judge(order, None, asked_ns)
            if order.is_open and order.was_seen and asked_ns > order.updated_ns:
                # The open-orders list of this round did not have it either, and its fills are
                # asked for: whatever it was, it cannot fill any more.
                self._adjust(order, OrderState.CANCELED, "the venue no longer knows it")

    def _adjust(self, order: OwnOrder, after: OrderState, why: str) -> None:
        turn = self._turn
        turn.record(Adjusted(order.client_order_id, order.state, after, why))
        turn.alarm("order.adjusted", f"{order.client_order_id} is now {after.name}: {why}")
        self._work.news.append(order)

    def _on_account(self, answer: Answer, _asked_ns: int) -> None:
        if isinstance(answer, AccountAnswer):
            self.account.see(answer)
            self._told = answer
        else:
            self._found.append(_said(answer, "the account"))
        self._ask_fills()  # now, so that all fills that are in the balances are told
        self._answered()

    def _compare_balances(self) -> bool:
        """Compare the account, when all else is known; return whether to do it again soon."""
        if self._told is None or self._found:
            return False
        compares_again = self.account.compare(self._told, self._fills_before)
        if self.account.trouble is not None:
            self._found.append(self.account.trouble)
        return compares_again

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
            if self._work.see_fill(fill, "query") is None and not self.strangers.see_fill(fill):
                is_explained = False
        return is_explained

    # -- one order ----------------------------------------------------------------------------

    def _look(self, order: OwnOrder) -> None:
        """Ask for an order of which something may have been missed."""
        name = order.client_order_id
        if name in self._looking:
            return
        self._looking.add(name)

        def answered(answer: Answer, asked_ns: int) -> None:
            self._looking.discard(name)
            if isinstance(answer, OrderAnswer):
                self._judge(order, answer, asked_ns)
                return
            if is_unknown_order(answer):
                self._work.amends.judge(order, None, asked_ns)
            self.require_round()

        ask_order(self._turn, self._questions, order, answered)


def _said(answer: Answer, what: str) -> str:
    said = answer.message if isinstance(answer, Refused) else f"a {type(answer).__name__}"
    return f"asked for {what}, the venue said: {said}"
