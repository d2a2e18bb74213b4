"""An order's fills against what the venue counts of it: more, less, or worth something else.

The venue counts more than it has told: wait a little for the stream, then ask for the order's
fills. It counts less, or values what has filled otherwise, once the order has ended: ask for the
order and its fills again; where it stays with that, somebody is wrong about money, which is an
alarm and gates trading until the venue tells otherwise. What is asked comes with growing pauses.
"""

from msgspec import Struct

from steelyard.domain.messages import SECOND_NS, Answer, FillList, FillsQuery, OrderAnswer
from steelyard.domain.units import from_atoms, in_full
from steelyard.trading.inquiry import PAGE, ask_order
from steelyard.trading.orders import OwnOrder
from steelyard.trading.orderwork import OWN_ACCOUNT, OrderWork
from steelyard.trading.questions import OnAnswer, Questions
from steelyard.trading.records import CountDisputed
from steelyard.trading.turn import Turn

SETTLE_NS = SECOND_NS // 2  # how long the stream may take to tell a fill the venue counts
SETTLE_MAX_NS = 30 * SECOND_NS
TRIES_LOUD = 3
QUOTE_ROUNDING_ATOMS = 10**7  # 1e-5 quote per fill: venues round what an order was worth
CHECKS_MAX = 1_000  # orders whose end is looked at; more at once would be a fault of ours


class Settling(Struct):
    """The search for what is missing of one order."""

    due_ns: int
    tries: int = 0
    is_asked: bool = False


class Settlings:
    """All such searches of one trader."""

    def __init__(self, turn: Turn, questions: Questions, work: OrderWork) -> None:
        self._turn = turn
        self._questions = questions
        self._work = work
        self._settlings: dict[str, Settling] = {}
        self._checks: dict[str, Settling] = {}
        self._counted: dict[str, tuple[int, int]] = {}  # lots and quote atoms at the order's end
        self._has_begun = False
        work.ended = self.check

    @property
    def trouble(self) -> list[str]:
        """What is missing or disputed, in sentences."""
        orders = self._turn.state.orders
        missing = [f"fills of order {o.client_order_id} are missing" for o in orders.unsettled]
        disputed = (orders[name].disputed for name in self._checks)
        return missing + [text for text in disputed if text is not None]

    def work(self) -> None:
        """Ask for what is due."""
        for order in self._turn.state.orders.unsettled:
            self._work_unsettled(order)
        if not self._has_begun:
            self._has_begun = True
            for order in self._turn.state.orders:
                if order.disputed is not None:
                    self.check(order, order.venue_filled_lots, order.venue_quote_atoms)
        for name, check in [*self._checks.items()]:
            self._work_check(self._turn.state.orders[name], check)

    def check(self, order: OwnOrder, filled_lots: int, quote_atoms: int) -> None:
        """An order has ended, and the venue has counted: it is to be as its fills say."""
        if len(self._checks) < CHECKS_MAX:
            name = order.client_order_id
            self._counted[name] = filled_lots, quote_atoms
            self._checks.setdefault(name, Settling(self._turn.now_ns + SETTLE_NS))

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
        if settling.tries == TRIES_LOUD:
            turn.alarm(
                "fills.missing",
                f"{name}: the venue counts {order.venue_filled_lots} lots filled and tells "
                f"{order.filled_lots}",
            )

        def answered(answer: Answer, _asked_ns: int) -> None:
            settling.is_asked = False
            settling.due_ns = turn.now_ns + _pause_ns(settling.tries)
            self._take_fills(order, answer)
            if order.is_settled:
                self._settlings.pop(name, None)

        self._ask_fills(order, settling.tries, answered)

    def _work_check(self, order: OwnOrder, check: Settling) -> None:
        turn, name = self._turn, order.client_order_id
        if check.is_asked or not order.is_settled:
            return  # the fills that are missing come first
        text = None if order.is_count_waived else self._dispute(order)
        if text is None:
            if order.disputed is not None:
                turn.record(CountDisputed(name, None))
                turn.log("fills.agree", f"{name}: the venue's count and its fills agree")
            del self._checks[name], self._counted[name]
            return
        if turn.now_ns < check.due_ns:
            turn.wake_at(check.due_ns)
            return
        check.tries += 1
        if check.tries >= TRIES_LOUD and order.disputed != text:
            turn.record(CountDisputed(name, text))
            turn.alarm("fills.disputed", text)
        check.is_asked = True

        def fills_answered(answer: Answer, _asked_ns: int) -> None:
            self._take_fills(order, answer)
            ask_order(turn, self._questions, order, order_answered)

        def order_answered(answer: Answer, asked_ns: int) -> None:
            check.is_asked = False
            check.due_ns = turn.now_ns + _pause_ns(check.tries)
            if isinstance(answer, OrderAnswer):
                told = answer.order
                self._work.see_order(told, "query", asked_ns)
                former = sum(order.former.values())
                self._counted[name] = told.filled_lots + former, told.quote_atoms

        self._ask_fills(order, check.tries, fills_answered)

    def _dispute(self, order: OwnOrder) -> str | None:
        """Return how the venue's count differs from the fills; None: it does not."""
        filled_lots, quote_atoms = self._counted[order.client_order_id]
        instrument = self._turn.instrument
        if filled_lots < order.filled_lots:
            return (
                f"order {order.client_order_id}: the venue counts "
                f"{in_full(instrument.size(filled_lots))} filled, its fills add up to "
                f"{in_full(instrument.size(order.filled_lots))}"
            )
        if not quote_atoms or order.former:
            return None  # it does not tell what it was worth
        if abs(quote_atoms - order.quote_atoms) > QUOTE_ROUNDING_ATOMS * (order.fill_count + 1):
            return (
                f"order {order.client_order_id}: the venue counts "
                f"{in_full(from_atoms(quote_atoms))} {instrument.quote}, its fills add up to "
                f"{in_full(from_atoms(order.quote_atoms))}"
            )
        return None

    def _take_fills(self, order: OwnOrder, answer: Answer) -> None:
        if isinstance(answer, FillList):
            for fill in answer.fills:
                self._work.see_fill(fill, "query", order.client_order_id)

    def _ask_fills(self, order: OwnOrder, tries: int, answered: OnAnswer) -> None:
        """Ask for its fills: of its number, and in turn of those under which it has filled too."""
        former = [number for number, lots in order.former.items() if lots]
        numbers = [order.order_id, *reversed(former)]
        number = numbers[(tries - 1) % len(numbers)]
        query = FillsQuery(OWN_ACCOUNT, PAGE, self._turn.instrument.instrument_id, number)
        self._questions.ask(f"fills of order {order.client_order_id}", query, answered)


def _pause_ns(tries: int) -> int:
    return min(SETTLE_NS << min(tries, 10), SETTLE_MAX_NS)
