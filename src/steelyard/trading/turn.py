"""One turn of a trader: the state its parts share, and the actions they leave behind.

The parts of a trader (orders, reconciliation, market data, strategy) change lasting state by
`record` only, which journals what it applies. They say when they want to be called again
(`wake_at`); the earliest wins. Requests are remembered until they return, once each.
"""

from collections.abc import Callable
from random import Random
from typing import Protocol

from steelyard.domain.commands import UserCommand
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import Query
from steelyard.trading.actions import (
    Action,
    Ask,
    Journal,
    Level,
    Log,
    Returned,
    Send,
    Sent,
)
from steelyard.trading.records import OrderPending, OrderSent, TraderRecord
from steelyard.trading.state import TraderState
from steelyard.wire.capabilities import Capabilities
from steelyard.wire.outcome import Answered, NotSent

# An order that leaves is looked at again when it returns.
_LEADS_TO_NOTHING = frozenset({OrderPending, OrderSent})


class Rules(Protocol):
    """What a trader must know of a venue's language; a dialect's client end is one."""

    def client_order_id(self, number: int) -> str:
        """Print a 128-bit id."""
        ...

    def expiry_ns(self, message: UserCommand | Query) -> int | None:
        """How long after signing the venue may still take a request up."""
        ...


def _nothing(*_: object) -> None:
    """Nobody minds."""


class Turn:
    """What the parts of one trader share."""

    def __init__(self, rules: Rules, rng: Random) -> None:
        self.rules = rules
        self.rng = rng
        self.state = TraderState()
        self.capabilities: Capabilities | None = None  # None: nobody has told; all is offered
        self.now_ns = 0
        self.offset_ns = 0  # the venue's clock less ours
        self.offset_error_ns = 0  # at most so wrong
        self.market_offset_ns: int | None = None  # the market's time less our clock, if it is known
        self.deadline_ns: int | None = None
        self.needs_work = True  # something has come up that the parts have to look at
        self.is_behind = False  # something was left undone, so that an order leaves first
        self.clock_blamed: Callable[[], None] = _nothing
        self.closed: Callable[[str], None] = _nothing  # the venue has said that it is closed
        self.recorded: Callable[[TraderRecord], None] = _nothing  # told of each record
        self.decided: Callable[[TraderRecord], None] = _nothing  # of an order that is to be sent
        self.ordered: Callable[[TraderRecord], None] = _nothing  # the same, when it has left
        self._unheard: list[TraderRecord] = []
        self._actions: list[Action] = []
        self._returning: dict[int, Callable[[Returned], None]] = {}
        self._sending: dict[int, Callable[[], None]] = {}
        self._next_request = 1

    @property
    def venue_now_ns(self) -> int:
        """The time on the venue's clock, as well as we know it."""
        return self.now_ns + self.offset_ns

    def earliest_ns(self, time_ns: int) -> int:
        """Return the earliest time that the venue may have given to something of ours.

        It dates what happens by its market's time, which need not be its clock's.
        """
        return time_ns + min(0, self.offset_ns, self.market_offset_ns or 0)

    @property
    def instrument(self) -> Instrument:
        """What is traded; known once the start has come that far."""
        portfolio = self.state.portfolio
        assert portfolio is not None, "nothing is traded before the instrument is known"
        return portfolio.instrument

    def record(self, message: TraderRecord) -> None:
        """Change the lasting state, and journal how."""
        self.state.apply(message, self.now_ns)
        if type(message) not in _LEADS_TO_NOTHING:
            self.needs_work = True
        self._actions.append(Journal(message, self.now_ns))
        self.recorded(message)

    def send_order(self, message: OrderPending) -> int:
        """Record that an order was decided on, and send it; return the request, for `expect`.

        That is `record` and `send`, but for what it leads to, which can wait until it has left.
        """
        now_ns, actions, request_id = self.now_ns, self._actions, self._next_request
        self.state.pend(message, now_ns)
        actions.append(Journal(message, now_ns))
        self.decided(message)
        self._unheard.append(message)
        self._next_request = request_id + 1
        self._returning[request_id] = _nothing
        actions.append(Send(request_id, message.place))
        self.is_behind = True
        return request_id

    def hear(self) -> None:
        """Tell of the orders that were just sent, as `record` does at once."""
        if self._unheard:
            unheard, self._unheard = self._unheard, []
            for message in unheard:
                self.ordered(message)

    def expect(
        self, request_id: int, sent: Callable[[], None], returned: Callable[[Returned], None]
    ) -> None:
        """Be told when an order leaves and what became of it."""
        self._returning[request_id] = returned
        self._sending[request_id] = sent

    def act(self, action: Action) -> None:
        """Leave an action for the shell."""
        self._actions.append(action)

    def log(self, name: str, text: str, level: Level = Level.INFO) -> None:
        """Leave a log line."""
        self._actions.append(Log(level, name, text))

    def warn(self, name: str, text: str) -> None:
        """Leave a warning."""
        self.log(name, text, Level.WARNING)

    def alarm(self, name: str, text: str) -> None:
        """Leave an error: somebody should look."""
        self.log(name, text, Level.ERROR)

    def send(
        self,
        command: UserCommand,
        sent: Callable[[], None],
        returned: Callable[[Returned], None],
    ) -> None:
        """Send a command behind the journal; be told when it leaves and what became of it."""
        request_id = self._next_request
        self._next_request += 1
        self.expect(request_id, sent, returned)
        self._actions.append(Send(request_id, command))

    def ask(self, query: Query, returned: Callable[[Returned], None]) -> None:
        """Send a query."""
        self._actions.append(Ask(self._new_request(returned), query))

    def sent(self, sent: Sent) -> None:
        """Pass on that a command left."""
        if (act := self._sending.pop(sent.request_id, None)) is not None:
            act()

    def returned(self, returned: Returned) -> None:
        """Pass on what became of a request."""
        if isinstance(returned.outcome, NotSent) and returned.outcome.blames_clock:
            self.clock_blamed()
        if not isinstance(returned.outcome, Answered) and returned.outcome.is_closed:
            self.closed(returned.outcome.why)
        self._sending.pop(returned.request_id, None)
        if (act := self._returning.pop(returned.request_id, None)) is not None:
            act(returned)

    @property
    def requests(self) -> int:
        """How many requests have not returned."""
        return len(self._returning)

    def wake_at(self, time_ns: int) -> None:
        """Want to be called again then."""
        if self.deadline_ns is None or time_ns < self.deadline_ns:
            self.deadline_ns = time_ns

    def drain(self) -> list[Action]:
        """Return the actions of this turn."""
        actions, self._actions = self._actions, []
        return actions

    def _new_request(self, returned: Callable[[Returned], None]) -> int:
        request_id = self._next_request
        self._next_request += 1
        self._returning[request_id] = returned
        return request_id
