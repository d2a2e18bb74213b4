"""Orders and fills of the account that are not this bot's, and what is done about them.

A fill that names an order nobody here knows is asked about before it is called foreign. Foreign
orders in the book are left, canceled or adopted, as `[bot] foreign_orders` says; what is canceled
or adopted is journaled first, and trading waits until it is done. Foreign fills never move the
bot's position; they are journaled because they move the account's balances.

An order whose id is this bot's own but that its journal does not have means that the journal was
lost. That is an alarm; under `adopt` such an order is taken over with all its fills, ended or not.
So is, whatever the policy, an order by which the kill switch has closed the position, and one of
another holder of the bot's lease (`takeover`), whose journal is elsewhere.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum

from msgspec import Struct

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.lifecycle import Fill, Order
from steelyard.domain.messages import SECOND_NS, Answer, OrderAnswer, OrderQuery
from steelyard.trading.actions import Returned
from steelyard.trading.inquiry import PAGE, is_unknown_order
from steelyard.trading.orderwork import OWN_ACCOUNT, OrderWork
from steelyard.trading.questions import Questions
from steelyard.trading.records import ForeignFillSeen, ForeignOrderSeen, OrderAdopted
from steelyard.trading.turn import Turn
from steelyard.wire.outcome import Answered, NotSent

FOREIGN_MAX = 10_000
TOLD_NS = 10 * SECOND_NS  # a busy stranger is a line now and then
ATTRIBUTING_MAX = 20  # at once; the rest is asked in the next rounds
CANCEL_AGAIN_NS, CANCEL_AGAIN_MAX_NS = SECOND_NS, 16 * SECOND_NS
CANCELING_MAX = 20  # at once


class ForeignOrders(StrEnum):
    """What happens to orders of the account that are not this bot's."""

    LEAVE = "leave"
    CANCEL = "cancel"
    ADOPT = "adopt"


class Canceling(Struct):
    """The cancel of a foreign order."""

    next_ns: int = 0
    tries: int = 0
    is_asked: bool = False


class Strangers:
    """What an account has that is not the bot's."""

    def __init__(
        self,
        turn: Turn,
        questions: Questions,
        work: OrderWork,
        policy: ForeignOrders = ForeignOrders.LEAVE,
        *,
        has_stop: bool = False,
    ) -> None:
        """has_stop: the configuration puts a stop behind the position."""
        self._has_stop = has_stop
        self._turn = turn
        self._questions = questions
        self._work = work
        self._policy = policy
        self.open: dict[int, Order] = {}
        self.require_round: Callable[[], None] = lambda: None
        self._known: dict[int, None] = {}  # order ids
        self._untold = 0
        self._told_ns = -TOLD_NS
        self._attributing: set[int] = set()
        self._canceling: dict[int, Canceling] = {}
        self._has_told_loss = False

    @property
    def trouble(self) -> list[str]:
        """What trading waits for."""
        if self._policy is not ForeignOrders.CANCEL or not self.open:
            return []
        return [f"{len(self.open)} orders of the account that are not this bot's are canceled"]

    def see(self, order: Order) -> None:
        """Take an order of the account that is not the bot's."""
        number = order.order_id
        if number in self._known:
            if not order.state.is_open:
                self.open.pop(number, None)
            return
        if order.client_order_id in self._turn.state.closing:
            self._adopt(order, "the kill switch closed the position by it")
            return
        is_lost = self._is_own(order.client_order_id)
        if is_lost and self._turn.state.takes_over:
            self._adopt(order, "another holder of this bot's lease has placed it")
            return
        if is_lost:
            self._tell_loss(order)
        if self._policy is ForeignOrders.ADOPT and (order.state.is_open or is_lost):
            self._adopt(order, "its id is this bot's own" if is_lost else "foreign_orders = adopt")
            return
        self._known[number] = None
        if len(self._known) > FOREIGN_MAX:
            del self._known[next(iter(self._known))]
        if order.state.is_open and len(self.open) < PAGE:
            self.open[number] = order
            if self._policy is ForeignOrders.CANCEL:
                self._turn.record(ForeignOrderSeen(order, self._policy.value))
        self._tell(order)

    def see_list(self, orders: Iterable[Order]) -> None:
        """Take all foreign orders that are open."""
        found = {}
        for order in orders:
            self.see(order)
            if order.order_id in self._known:
                found[order.order_id] = order
        self.open = found

    def see_fill(self, fill: Fill) -> bool:
        """Take a fill that is not the bot's; return whether its order is known."""
        if fill.order_id in self._known:
            books = self._turn.state.books
            checked = self._turn.state.fills_checked
            is_old = checked is not None and fill.trade_id <= checked
            if not is_old and not books.knows(fill):
                self._turn.record(ForeignFillSeen(fill))
            return True
        self._attribute(fill)
        return False

    def work(self) -> None:
        """Cancel what is to be canceled."""
        if self._policy is not ForeignOrders.CANCEL:
            return
        self._canceling = {n: work for n, work in self._canceling.items() if n in self.open}
        for number, order in [*self.open.items()][:CANCELING_MAX]:
            self._cancel(order, self._canceling.setdefault(number, Canceling()))

    # -- telling ------------------------------------------------------------------------------

    def _is_own(self, client_order_id: str) -> bool:
        ids = self._work.ids
        return ids is not None and ids.owns(client_order_id, self._turn.rules.client_order_id)

    def _tell_loss(self, order: Order) -> None:
        if self._has_told_loss:
            return
        self._has_told_loss = True
        self._turn.alarm(
            "journal.lost",
            f"order {order.order_id} ({order.client_order_id}) has an id of this bot and is not in "
            "its journal: the journal was lost, or another directory trades under this bot's name",
        )

    def _tell(self, order: Order) -> None:
        self._untold += 1
        if self._turn.now_ns < self._told_ns + TOLD_NS:
            return
        more = f" (and {self._untold - 1} before it)" if self._untold > 1 else ""
        self._told_ns, self._untold = self._turn.now_ns, 0
        if self._policy is not ForeignOrders.CANCEL:
            self._turn.record(ForeignOrderSeen(order, self._policy.value))
        is_canceled = self._policy is ForeignOrders.CANCEL and order.state.is_open
        self._turn.warn(
            "order.foreign",
            f"order {order.order_id} ({order.client_order_id}) of this account is not this "
            f"bot's{more}; it is {'canceled' if is_canceled else 'left alone'}",
        )

    # -- acting -------------------------------------------------------------------------------

    def _adopt(self, order: Order, why: str) -> None:
        name = order.client_order_id or f"adopted-{order.order_id}"
        place = Place(
            account_id=OWN_ACCOUNT,
            instrument_id=order.instrument_id,
            side=order.side,
            order_type=order.order_type,
            time_in_force=order.time_in_force,
            post_only=order.post_only,
            price_ticks=order.price_ticks,
            size_lots=order.size_lots,
            client_order_id=name,
            trigger_ticks=order.trigger_ticks,
        )
        nameless = not order.client_order_id
        protects = self._protects(place)
        self._turn.record(OrderAdopted(place, order, why, nameless, protects))
        self._turn.warn("order.adopted", f"{name} (order {order.order_id}): {why}")
        self._work.news.append(self._turn.state.orders[name])

    def _protects(self, place: Place) -> bool:
        """Whether an order of another holder is the stop behind the position.

        Better one of the strategy's too many: what does not fit the position is put right.
        """
        stop = self._turn.state.stop
        if not self._turn.state.takes_over or place.trigger_ticks is None:
            return False
        return self._has_stop if stop is None else stop.side in {None, place.side.opposite}

    def _cancel(self, order: Order, canceling: Canceling) -> None:
        turn = self._turn
        if canceling.is_asked:
            return
        if turn.now_ns < canceling.next_ns:
            turn.wake_at(canceling.next_ns)
            return
        canceling.is_asked = True
        canceling.tries += 1

        def returned(what: Returned) -> None:
            canceling.is_asked = False
            pause_ns = min(CANCEL_AGAIN_NS << canceling.tries, CANCEL_AGAIN_MAX_NS)
            match what.outcome:
                case Answered(OrderAnswer() as answer):
                    self.see(answer.order)
                case NotSent() as not_sent:
                    pause_ns = max(pause_ns, not_sent.retry_after_ns)
                case _:
                    pass  # the next list tells
            canceling.next_ns = turn.now_ns + pause_ns
            self.require_round()

        cancel = Cancel(
            OWN_ACCOUNT, order.order_id, turn.instrument.instrument_id, order.client_order_id
        )
        turn.send(cancel, lambda: None, returned)

    def _attribute(self, fill: Fill) -> None:
        """Ask whose order a fill was of."""
        order_id = fill.order_id
        if order_id in self._attributing or len(self._attributing) >= ATTRIBUTING_MAX:
            return
        self._attributing.add(order_id)

        def answered(answer: Answer, asked_ns: int) -> None:
            self._attributing.discard(order_id)
            if isinstance(answer, OrderAnswer):
                if self._work.see_order(answer.order, "query", asked_ns) is None:
                    self.see(answer.order)
            elif is_unknown_order(answer):
                self._turn.alarm(
                    "fill.orphan",
                    f"trade {fill.trade_id} is of order {order_id}, which the venue does not know",
                )
                self._known[order_id] = None

        self._questions.ask(
            f"order {order_id}",
            OrderQuery(OWN_ACCOUNT, self._turn.instrument.instrument_id, order_id),
            answered,
        )
