"""One bot's breakers at work: what they hear, when they trip, what resumes them.

Tripping and resuming are records, so a restart finds a breaker as it was; what the rules count of
orders, refusals and fills is read from the journal too, the rest begins anew with the process.
They watch what happens, and not what the strategy wants: a breaker trips in the turn in which its
condition comes true, before the next order is checked. Resumed, it forgets what it has counted.

`trouble` is the sentence for the risk check, which lets pass what reduces the position. Here
nothing is held and, but for `open_orders = "cancel"`, nothing is canceled.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from steelyard.domain.lifecycle import Fill
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import RejectReason
from steelyard.trading.breakers import (
    ENDED,
    KINDS,
    PERSON,
    Breaker,
    BreakersTable,
    Counted,
    Memory,
    OpenOrders,
    Ranged,
    Rule,
    Slipped,
    Stale,
    Unit,
)
from steelyard.trading.orders import OwnOrder
from steelyard.trading.records import (
    AmendPending,
    BreakerResumed,
    BreakerTripped,
    CancelAsked,
    FillSeen,
    OrderPending,
    OrderRefused,
    RunStarted,
    RunStopped,
    TraderRecord,
)
from steelyard.trading.turn import Turn

AGAIN_NS = SECOND_NS  # so often is looked whether a condition has ended
HEARD = frozenset({OrderRefused, OrderPending, AmendPending, CancelAsked, FillSeen})
CLOSED = frozenset(
    {
        RejectReason.MARKET_MAINTENANCE,
        RejectReason.MARKET_HALTED,
        RejectReason.MARKET_CANCEL_ONLY,
        RejectReason.MARKET_POST_ONLY,
    }
)
Kept = TypeVar("Kept", Slipped, Stale, Ranged)
_NOBODY = "its rule"
_VOLATILITY = Breaker.VOLATILITY  # read once: until Python 3.12 that is a search


class Shown(NamedTuple):
    """One breaker as it is shown. text says why it has tripped, or what would trip it."""

    name: str
    state: str  # ready, tripped or off
    text: str
    rule: Rule | None
    since_ns: int | None = None
    until_ns: int | None = None


class Breakers:
    """The breakers of one bot."""

    def __init__(
        self, turn: Turn, table: BreakersTable, cancel_open: Callable[[str, int], None]
    ) -> None:
        """cancel_open cancels what was open at a time, in ns, but for stops, with a reason."""
        self.rules = table.rules
        self._turn = turn
        self._cancel_open = cancel_open if table.open_orders is OpenOrders.CANCEL else None
        self._memories: dict[Breaker, Memory] = {}
        self._counted: dict[Breaker, Counted] = {}
        for breaker, rule in self.rules.items():
            if KINDS[breaker].unit is Unit.COUNT:
                self._memories[breaker] = self._counted[breaker] = Counted(rule)
        self._slipped = self._made(Breaker.SLIPPAGE, Slipped)
        self._stale = self._made(Breaker.STALENESS, Stale)
        self._ranged = self._made(Breaker.VOLATILITY, Ranged)
        self._rate = self._counted.get(Breaker.ORDER_RATE)
        self._begun_ns = 0
        # Whom the last record of a run that crashed concerned, and when: see `begin`.
        self._last_heard: tuple[tuple[Breaker, ...], int] = (), 0

    def _made(self, breaker: Breaker, made: Callable[[Rule], Kept]) -> Kept | None:
        rule = self.rules.get(breaker)
        if rule is None:
            return None
        memory = made(rule)
        self._memories[breaker] = memory
        return memory

    def begin(self) -> None:
        """A run begins: what has been switched off meanwhile holds nothing any more.

        A run that crashed may have made the record that is one too many, and none of the trip; or
        that of the trip, and none of the cancels.
        """
        self._begun_ns = self._turn.now_ns
        for name in [*self._turn.state.breakers]:
            if name not in self.rules:
                self._resume(name, "the configuration", "it is off now")
            else:
                self._turn.warn("breaker.tripped", f"{name} is still: {self._why(name)}")
                self._cancel(name, self._turn.state.breakers[name].since_ns)
        breakers, time_ns = self._last_heard
        for breaker in breakers:
            self._look(breaker, time_ns)

    @property
    def trouble(self) -> str | None:
        """Why only what reduces the position may be sent; None: no breaker has tripped."""
        tripped = self._turn.state.breakers
        if not tripped:
            return None
        name = next(iter(tripped))
        more = f" (and {', '.join(list(tripped)[1:])})" if len(tripped) > 1 else ""
        return f"the breaker {name}{more} has tripped: {self._why(name)}"

    @property
    def is_calm(self) -> bool:
        """Whether none has tripped, and `trouble_now` has nothing to look at."""
        slipped = self._slipped
        return (slipped is None or not slipped.fills) and not self._turn.state.breakers

    def trouble_now(self) -> str | None:
        """Return the same, for an order that is checked now.

        Where a gain leaves the window, what fills cost may come to be too much by time alone.
        """
        if self._slipped is not None and self._slipped.is_known:
            self._look(Breaker.SLIPPAGE)
        return self.trouble

    # -- what they hear ---------------------------------------------------------------------------

    def remember(self, message: TraderRecord, time_ns: int) -> None:
        """Take a record of an earlier run."""
        if type(message) in HEARD:
            self._last_heard = self._take(message, time_ns), time_ns
        elif isinstance(message, RunStarted | RunStopped):
            self._last_heard = (), 0
        elif isinstance(message, BreakerResumed) and message.name in self.rules:
            self._memories[Breaker(message.name)].forget()

    def see(self, message: TraderRecord) -> None:
        """Take a record that has just been made."""
        if type(message) is OrderPending:  # it leaves in a hurry
            rate, now_ns = self._rate, self._turn.now_ns
            if rate is not None and rate.hits(now_ns):
                self._look(Breaker.ORDER_RATE)
            return
        if type(message) in HEARD and (breakers := self._take(message, self._turn.now_ns)):
            for breaker in breakers:
                self._look(breaker)

    def _take(self, message: TraderRecord, time_ns: int) -> tuple[Breaker, ...]:
        match message:
            case OrderRefused():
                what = message.reason.name
                self._count(Breaker.REJECTS, time_ns, what)
                if message.reason not in CLOSED:
                    return (Breaker.REJECTS,)
                self._count(Breaker.VENUE, time_ns, what)
                return Breaker.REJECTS, Breaker.VENUE
            case OrderPending() | AmendPending() | CancelAsked():
                self._count(Breaker.ORDER_RATE, time_ns)
                return (Breaker.ORDER_RATE,)
            case FillSeen():
                self._take_fill(message, time_ns)
                return (Breaker.SLIPPAGE,)
            case _:
                return ()

    def _take_fill(self, message: FillSeen, time_ns: int) -> None:
        order = self._turn.state.orders.find(message.client_order_id)
        if self._slipped is None or order is None:
            return
        if (cost := slippage(order, message.fill)) is not None:
            self._slipped.add(time_ns, *cost)

    def missed(self, what: str) -> None:
        """A sign of life was missed."""
        self._count(Breaker.HEARTBEATS, self._turn.now_ns, what)
        self._look(Breaker.HEARTBEATS)

    def closed(self, what: str) -> None:
        """The venue has said that it is closed."""
        self._count(Breaker.VENUE, self._turn.now_ns, what)
        self._look(Breaker.VENUE)

    def price(self, half_ticks: int) -> None:
        """The middle of a book that may be traded on."""
        if self._ranged is not None and self._ranged.add(self._turn.now_ns, half_ticks):
            self._look(_VOLATILITY)

    def stale(self, why: str | None) -> None:
        """Whether what is known of the venue is not to be relied on, looked at in every turn."""
        memory, turn = self._stale, self._turn
        if memory is None:
            return
        memory.see(turn.now_ns, why)
        if why is None:
            return
        self._look(Breaker.STALENESS)
        left_ns = int(self.rules[Breaker.STALENESS].threshold) - memory.stale_ns(turn.now_ns)
        if left_ns >= 0:
            turn.wake_at(turn.now_ns + left_ns + 1)

    def _count(self, breaker: Breaker, time_ns: int, what: str = "") -> None:
        if (memory := self._counted.get(breaker)) is not None:
            memory.add(time_ns, what)

    def _look(self, breaker: Breaker, at_ns: int | None = None) -> None:
        """Trip, if the condition is true, or was so then."""
        turn, memory = self._turn, self._memories.get(breaker)
        if memory is None or breaker.value in turn.state.breakers:
            return
        said = memory.exceeds(turn.now_ns if at_ns is None else at_ns)
        if said is None:
            return
        rule = self.rules[breaker]
        until_ns = None if rule.resume_ns is None else turn.now_ns + rule.resume_ns
        text = f"{rule.text}; {said}"
        turn.record(BreakerTripped(breaker.value, text, rule.resume, until_ns))
        turn.alarm("breaker.tripped", f"{breaker}: {self._why(breaker.value)}")
        self._cancel(breaker.value, turn.now_ns)

    def _cancel(self, name: str, since_ns: int) -> None:
        """Cancel what was open when one has tripped, if the bot wants that."""
        if self._cancel_open is not None:
            self._cancel_open(f"the breaker {name} has tripped", since_ns)

    # -- what resumes them ------------------------------------------------------------------------

    def work(self) -> None:
        """Resume those whose rule says so."""
        turn = self._turn
        for name, (_, message) in [*turn.state.breakers.items()]:
            if message.until_ns is not None:
                if turn.now_ns >= message.until_ns:
                    self._resume(name, _NOBODY, f"{message.resume} have passed")
                else:
                    turn.wake_at(message.until_ns)
            elif message.resume == ENDED:
                if self._has_ended(name):
                    self._resume(name, _NOBODY, "the condition has ended")
                else:
                    turn.wake_at(turn.now_ns + AGAIN_NS)

    def _has_ended(self, name: str) -> bool:
        """Whether a condition has not been true, for as long as its window is."""
        breaker, now_ns = Breaker(name), self._turn.now_ns
        rule, memory = self.rules[breaker], self._memories[breaker]
        since_ns = self._turn.state.breakers[name].since_ns
        if since_ns < self._begun_ns and now_ns < self._begun_ns + rule.window_ns:
            return False  # what came before this run is not known any more
        if isinstance(memory, Stale) and memory.is_now:
            return False
        return memory.exceeds(now_ns) is None

    def resume(self, name: str, who: str, why: str) -> str | None:
        """Take a person's word that one may resume; return why not."""
        tripped = self._turn.state.breakers
        if name not in tripped:
            known = ", ".join(breaker.value for breaker in Breaker)
            if name not in [breaker.value for breaker in Breaker]:
                return f"there is no breaker {name!r}; there are {known}"
            return f"the breaker {name} has not tripped"
        self._resume(name, who, why)
        return None

    def _resume(self, name: str, who: str, why: str) -> None:
        if (memory := self._memories.get(Breaker(name))) is not None:
            memory.forget()
        self._turn.record(BreakerResumed(name, who, why))
        self._turn.warn("breaker.resumed", f"{name}, by {who}: {why}")

    # -- what is shown ----------------------------------------------------------------------------

    @property
    def shown(self) -> list[Shown]:
        """Every breaker, and how it is."""
        return [self._shown(breaker) for breaker in Breaker]

    def _shown(self, breaker: Breaker) -> Shown:
        rule, name = self.rules.get(breaker), breaker.value
        tripped = self._turn.state.breakers.get(name)
        if tripped is not None:
            since_ns, message = tripped
            return Shown(name, "tripped", self._why(name), rule, since_ns, message.until_ns)
        if rule is None:
            return Shown(name, "off", "it is off", None)
        return Shown(name, "ready", f"it trips when {rule.text}; {rule.how_resumed}", rule)

    def _why(self, name: str) -> str:
        message = self._turn.state.breakers[name].message
        if message.resume == PERSON:
            bot = f"`steelyard breaker resume BOT {name} --why ...`"
            return f"{message.text}; it resumes by a person only: {bot}"
        how = "when that has ended" if message.resume == ENDED else f"after {message.resume}"
        return f"{message.text}; it resumes {how}"


def slippage(order: OwnOrder, fill: Fill) -> tuple[int, int] | None:
    """Return what a fill cost more than it should have, and should have cost, in half ticks x lots.

    What should have been is the middle of the book when the order was decided on; of one that
    waited for a price, that price. None: neither is known. Less than the middle is negative.
    """
    trigger_ticks = order.place.trigger_ticks
    half_ticks = order.mid_half_ticks if trigger_ticks is None else 2 * trigger_ticks
    if half_ticks is None:
        return None
    worse = int(fill.side) * (2 * fill.price_ticks - half_ticks)
    return worse * fill.size_lots, half_ticks * fill.size_lots
