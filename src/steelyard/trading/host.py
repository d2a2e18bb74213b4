"""The strategy's keeper: tells it what it wants to hear and carries its wishes to the limits.

A strategy is called from one place, never from within its own call, and only for callbacks it
overrides. If it raises, the wishes of that call are dropped, it is not called again, and
trading is gated; its orders are looked after all the same. Calling goes through `guard`, which
the roof hands down, because only the roof may catch everything.

A timer's slot is journaled before its callback, so that no restart uses it twice. A slot that
began while trading was gated, or while the bot was down, is used late, within its own time.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from steelyard.domain.errors import SteelyardError
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill, OrderState
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.units import in_full, plain
from steelyard.trading import risk
from steelyard.trading.books import BookView
from steelyard.trading.duration import Duration
from steelyard.trading.orders import OwnOrder
from steelyard.trading.orderwork import OrderWork
from steelyard.trading.protection import Protection
from steelyard.trading.records import (
    IntentRefused,
    StrategyFailed,
    StrategyNoted,
    TimerFired,
)
from steelyard.trading.strategy import (
    AmendIntent,
    CancelIntent,
    Desk,
    Intent,
    Position,
    ProtectIntent,
    Strategy,
    Timer,
    Wish,
)
from steelyard.trading.strategy import overrides as overrides_callback
from steelyard.trading.turn import Turn

# Calls, and returns the traceback of what was raised, or None.
Guard = Callable[[Callable[[], None]], str | None]

REFUSAL_LOG_NS = 10 * SECOND_NS  # the same limit is told, and journaled, once in this time
NOTES_MAX, NOTES_NS = 20, 10 * SECOND_NS  # so many notes are journaled in this time
TEXT_MAX = 2_000  # letters of one that are
NEWS_MAX = 1_000  # rounds of orders that lead to news that lead to orders
ENDS_MAX = 1_000  # orders of which is known that their end was told


def unguarded(call: Callable[[], None]) -> str | None:
    """Call without a net, as tests want it."""
    call()
    return None


class StrategyHost:
    """One strategy in its chair."""

    def __init__(
        self,
        turn: Turn,
        strategy: Strategy,
        work: OrderWork,
        protection: Protection,
        guard: Guard,
    ) -> None:
        self._turn = turn
        self._protection = protection
        self._strategy = strategy
        self._work = work
        self._guard = guard
        self._desk: Desk | None = None
        self._wanted = {
            name
            for name in vars(Strategy)
            if name.startswith("on_")
            if overrides_callback(strategy, name)
        }
        self._hears_books = "on_book" in self._wanted
        self._due_ns: dict[Duration, int] = {}
        self._told_ns: dict[str, int] = {}  # when a limit was last logged
        self._position_of = -1  # the portfolio's change that the desk shows
        self._untold: dict[str, int] = {}  # refusals by limit since then
        self._told_ends: dict[str, OrderState] = {}  # of orders, as they were told
        self._notes_ns = 0  # since when notes are counted
        self._notes = 0
        self.failed: Callable[[str], None] = lambda _: None  # hears what was raised
        self.bars: tuple[int, int] | None = None  # how long they are, and how many of the past
        self.is_started = False
        self.is_paused = False
        self.failure: str | None = None
        self.calls = 0  # of the strategy: whether it gets anywhere
        self.called_ns: int | None = None
        self.refused = 0
        self.last_refusal: str | None = None

    def wants(self, callback: str) -> bool:
        """Whether the strategy wants to be told of something."""
        return callback in self._wanted

    def sit(self, desk: Desk) -> None:
        """Take the chair; nothing is told yet."""
        self._desk = desk
        desk.open_orders = lambda: [
            order for order in self._turn.state.orders.open if not order.protects
        ]
        desk.refresh = self._refreshed
        desk.cash_atoms = self._cash_atoms
        type(self._strategy).bind(self._strategy, desk)

    def _cash_atoms(self) -> int:
        portfolio = self._turn.state.portfolio
        return 0 if portfolio is None else portfolio.cash_atoms

    def check(self, instrument: Instrument) -> str | None:
        """Return what the strategy says is wrong with its parameters here, or None."""
        flaws: list[str] = []

        def call() -> None:
            try:
                self._strategy.check(instrument)
            except SteelyardError as error:
                flaws.append(str(error))

        trouble = self._guard(call)
        return trouble or next(iter(flaws), None)

    def ask_bars(self) -> str | None:
        """Ask which bars the strategy wants, into `bars`; return what it raised, or None."""

        def call() -> None:
            interval = self._strategy.bar_interval
            if interval is not None:
                self.bars = interval.ns, self._strategy.history_bars

        return self._guard(call)

    def start(self) -> None:
        """Tell the strategy that trading begins."""
        self.is_started = True
        if self.wants("on_warm_up"):
            self._call("warm_up")
        self.tell("on_start")

    def tell(self, callback: str, *about: Any) -> None:
        """Call the strategy, and carry out what it wants."""
        if callback not in self._wanted or not self.is_started:
            return
        if not self.is_paused and self.failure is None:
            self._call(callback, *about)

    def tell_book(self, book: BookView) -> None:
        """Tell of a book that has changed: `tell`, in a hurry."""
        if self._hears_books and self.is_started and not self.is_paused and self.failure is None:
            self._call("on_book", book)

    def _call(self, callback: str, *about: Any) -> None:
        desk = self._refreshed()
        self.calls += 1
        self.called_ns = desk.now_ns
        trouble = self._guard(partial(getattr(self._strategy, callback), *about))
        if trouble is not None:
            self._fail(trouble, f"{callback} raised an error:\n{trouble}")
        elif desk.notes or len(desk.timers) > desk.timers_seen:
            self._take_wishes(desk)
        elif desk.intents:
            self._take_intents(desk)

    def _take_wishes(self, desk: Desk) -> None:
        """Carry out what was wished for at the desk, in its order."""
        if desk.notes:
            self._take_notes(desk)
        if len(desk.timers) > desk.timers_seen:
            for interval in desk.timers:
                if interval not in self._due_ns:
                    self._due_ns[interval] = self._first_due(interval)
            desk.timers_seen = len(desk.timers)
        if desk.intents:
            self._take_intents(desk)

    def _take_intents(self, desk: Desk) -> None:
        intents, desk.intents = desk.intents, []
        for intent in intents:
            if type(intent) is not Intent:
                self._carry_out(intent)
            elif (refused := self._work.place(intent)) is not None:
                self._refuse(intent, refused)

    def _take_notes(self, desk: Desk) -> None:
        notes, desk.notes = desk.notes, []
        for note in notes:
            self._turn.log("strategy", note)
            self._keep_note(note)

    def _fail(self, trouble: str, text: str) -> None:
        """Call the strategy no more, and drop what it wished for in the call that raised."""
        desk = self._desk
        assert desk is not None, "a strategy sits before it is called"
        self._take_notes(desk)
        desk.drain()
        self.failure = trouble
        self._turn.record(StrategyFailed(trouble))
        self._turn.alarm("strategy.failed", text)
        self.failed(trouble)

    def _hear_of_legs(self) -> None:
        """Do what a call of another leg of the same strategy has left here."""
        desk, trouble = self._desk, self._strategy.failed_elsewhere
        if desk is None:
            return
        if trouble is not None and self.failure is None:
            self._fail(trouble, f"the strategy failed: {trouble}")
        elif desk.intents or desk.notes or desk.has_new_timers:
            self._refreshed()
            self._take_wishes(desk)

    def tell_news(self) -> None:
        """Tell of orders and fills, and of what follows from the telling."""
        for _ in range(NEWS_MAX):
            if not self._work.news:
                return
            news, self._work.news = self._work.news, []
            for item in news:
                if isinstance(item, Fill):
                    self.tell("on_fill", item)
                elif self._is_news(item):
                    self.tell("on_order", item)
        self._turn.alarm("strategy.endless", "orders lead to orders without an end; told no more")
        self._work.news.clear()

    def _is_news(self, order: OwnOrder) -> bool:
        """Whether an order is still open, or has not been told yet as it has ended.

        What has several reasons to be told is told as it is now: the end of an order once.
        """
        name, ended = order.client_order_id, self._told_ends
        if order.is_open:
            ended.pop(name, None)
            return True
        if ended.get(name) is order.state:
            return False
        ended[name] = order.state
        if len(ended) > ENDS_MAX:
            del ended[next(iter(ended))]
        return True

    def work(self, *, is_open: bool) -> None:
        """Fire timers that are due, while trading is open."""
        self._hear_of_legs()
        if not self.is_started or self.is_paused or self.failure is not None:
            return
        for interval, due_ns in [*self._due_ns.items()]:
            if self._turn.now_ns < due_ns:
                self._turn.wake_at(due_ns)
            elif is_open:
                self._fire(interval)

    def _fire(self, interval: Duration) -> None:
        turn = self._turn
        slot = turn.now_ns // interval.ns
        self._due_ns[interval] = (slot + 1) * interval.ns
        turn.wake_at(self._due_ns[interval])
        if slot <= turn.state.timer_slots.get(interval.ns, -1):
            return  # the clock went back
        turn.record(TimerFired(interval.ns, slot))
        self.tell("on_timer", Timer(interval, slot * interval.ns))

    def _first_due(self, interval: Duration) -> int:
        """Return when a timer first fires: now, if this slot was missed while the bot was down."""
        slot = self._turn.now_ns // interval.ns
        last = self._turn.state.timer_slots.get(interval.ns)
        return (slot if last is not None and last < slot else slot + 1) * interval.ns

    def _carry_out(self, intent: Wish) -> None:
        match intent:
            case CancelIntent():
                if (order := self._order_of(intent.target)) is not None:
                    self._work.cancel(order, "the strategy wants it")
            case AmendIntent():
                if (verdict := self._amend(intent)) is not None:
                    self._refuse(intent, verdict)
            case ProtectIntent():
                trigger_ticks, limit_ticks = intent.trigger_ticks, intent.limit_ticks
                verdict = self._protection.want(trigger_ticks, limit_ticks)
                if verdict is not None:
                    self._refuse(intent, verdict)
            case Intent():
                if (verdict := self._work.place(intent)) is not None:
                    self._refuse(intent, verdict)

    def _amend(self, intent: AmendIntent) -> risk.Refused | None:
        order = self._order_of(intent.target)
        if order is None:
            return risk.Refused("amend", "there is no such order of this bot")
        return self._work.amends.amend(
            order, intent.price_ticks, intent.size_lots, intent.trigger_ticks
        )

    def _order_of(self, target: Intent | str) -> OwnOrder | None:
        name = target.client_order_id if isinstance(target, Intent) else target
        return self._turn.state.orders.find(name)

    def _refuse(self, intent: Intent | AmendIntent | ProtectIntent, refused: risk.Refused) -> None:
        intent.refusal = refused.text
        self.refused += 1
        self.last_refusal = refused.text
        limit, turn = refused.limit, self._turn
        last_ns = self._told_ns.get(limit)
        if last_ns is not None and turn.now_ns - last_ns < REFUSAL_LOG_NS:
            self._untold[limit] = self._untold.get(limit, 0) + 1
            return
        self._told_ns[limit] = turn.now_ns
        turn.warn("intent.refused", refused.text)
        wanted = in_words(intent, turn.instrument)
        turn.record(IntentRefused(limit, refused.text, wanted, self._untold.pop(limit, 0)))

    def _keep_note(self, note: str) -> None:
        """Journal a note, unless there are too many."""
        turn = self._turn
        if turn.now_ns - self._notes_ns >= NOTES_NS:
            self._notes_ns, omitted = turn.now_ns, max(0, self._notes - NOTES_MAX)
            self._notes = 0
        else:
            omitted = 0
        self._notes += 1
        if self._notes <= NOTES_MAX:
            turn.record(StrategyNoted(note[:TEXT_MAX], omitted))

    def _refreshed(self) -> Desk:
        desk, portfolio = self._desk, self._turn.state.portfolio
        assert desk is not None, "a strategy sits before it is told"
        assert portfolio is not None, "the instrument is known before anything is told"
        desk.now_ns = self._turn.now_ns
        if self._position_of != portfolio.changes:
            self._position_of = portfolio.changes
            lots, average = portfolio.position_lots, portfolio.average_price
            desk.position = Position(desk.instrument, lots, average)
        return desk


def in_words(intent: Intent | AmendIntent | ProtectIntent, instrument: Instrument) -> str:
    """Return a wish in a line, for the journal: what it was that was refused."""

    def price(ticks: int | None) -> str:
        return "" if ticks is None else in_full(instrument.price(ticks))

    def terms(price_ticks: int | None, trigger_ticks: int | None) -> str:
        at = f" at {price(price_ticks)}" if price_ticks is not None else ""
        return at + (f" from {price(trigger_ticks)} on" if trigger_ticks is not None else "")

    match intent:
        case Intent():
            size = in_full(plain(instrument.size(intent.size_lots)))
            kind = intent.order_type.name.lower().replace("_", " ")
            told = terms(intent.price_ticks, intent.trigger_ticks)
            return f"{intent.side.name.lower()} {size} {kind}{told}"
        case AmendIntent():
            lots = intent.size_lots
            size = "" if lots is None else f" to {in_full(plain(instrument.size(lots)))}"
            return f"amend{size}{terms(intent.price_ticks, intent.trigger_ticks)}"
        case ProtectIntent():
            return f"protect{terms(intent.limit_ticks, intent.trigger_ticks)}"
