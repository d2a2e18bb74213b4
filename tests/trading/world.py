"""A trader, a venue and what lies between them, under virtual time: the real machine, a fake shell.

Every record goes through the journal's codec. A crash is one of counted points: after a record
is on disk, before a command leaves, after it has left. What was on its way to the venue arrives
all the same; what was on its way back is lost.
"""

import heapq
from collections import deque
from collections.abc import Callable, Collection
from functools import partial
from itertools import count
from random import Random
from typing import Any

from steelyard.domain.exposure import Exposure
from steelyard.domain.journal import Record
from steelyard.domain.lifecycle import Fill
from steelyard.domain.messages import SECOND_NS, Trade
from steelyard.trading.actions import (
    Action,
    Ask,
    Finish,
    Journal,
    Kill,
    Log,
    OpenStreams,
    Reply,
    ResetStream,
    Resume,
    Returned,
    Role,
    Send,
    Sent,
    Start,
    StreamDown,
    StreamUp,
    Told,
    Woken,
)
from steelyard.trading.backfill import Gap
from steelyard.trading.bars import Bar
from steelyard.trading.config import parse_config
from steelyard.trading.duration import Duration
from steelyard.trading.host import Guard, unguarded
from steelyard.trading.marketdata import SNAPSHOT_DEPTH
from steelyard.trading.orders import OwnOrder
from steelyard.trading.records import codec
from steelyard.trading.state import TraderState
from steelyard.trading.strategy import Strategy, Timer
from steelyard.trading.trader import Trader
from steelyard.wire.outcome import Outcome, Unknown
from tests.trading.venue import WINDOW_NS, Venue

BEGIN_NS = 1_700_000_000 * SECOND_NS
LATENCY_NS = 2_000_000
TIMEOUT_NS = 10 * SECOND_NS

CONFIG = """
[bot]
name = "test"
environment = "sandbox"
on_stop = "cancel"
[venue.main]
dialect = "venue"
rest = "http://127.0.0.1:1"
ws = "ws://127.0.0.1:1"
key = "env:TEST"
[strategy]
class = "tests:Test"
symbol = "BTC-USDT"
[risk]
max_order_notional = "10000"
max_position = "1"
max_open_orders = 10
price_collar = "5%"
"""


class Crash(Exception):
    """The process is gone."""


class Rules:
    """What the trader knows of the venue's language."""

    expiry: int | None = WINDOW_NS

    def client_order_id(self, number: int) -> str:
        return f"{number:032x}"

    def expiry_ns(self, _message: Any) -> int | None:
        return self.expiry


class Fate:
    """What becomes of one request: delays in ns; None for lost."""

    def __init__(
        self,
        there: int | None = LATENCY_NS,
        back: int | None = LATENCY_NS,
        outcome: Outcome | None = None,
    ) -> None:
        self.there, self.back, self.outcome = there, back, outcome


class Hand(Strategy):
    """A strategy that does, every 100 ms, the next thing that a test wants; it keeps what it heard.

    With `bar` it follows bars as well.
    """

    class Params(Strategy.Params, frozen=True, kw_only=True):
        bar: Duration | None = None

    def __init__(self, *acts: Callable[["Hand"], Any], **parameters: Any) -> None:
        super().__init__(**parameters)
        self.acts = [*acts]
        self.heard: list[tuple[str, Any]] = []
        self.done: list[Any] = []

    history_bars = 3

    def on_start(self) -> None:
        self.heard.append(("start", self.position))
        self.every("100ms")

    def on_timer(self, timer: Timer) -> None:
        self.heard.append(("timer", timer))
        if self.acts:
            self.done.append(self.acts.pop(0)(self))

    def on_order(self, order: OwnOrder) -> None:
        self.heard.append(("order", order.state.name))

    def on_fill(self, fill: Fill) -> None:
        self.heard.append(("fill", (fill, self.position.lots)))

    def on_bar(self, bar: Bar) -> None:
        self.heard.append(("bar", bar))

    def on_trade(self, trade: Trade) -> None:
        self.heard.append(("trade", trade))

    def on_gap(self, gap: Gap) -> None:
        self.heard.append(("gap", gap))

    def on_stop(self) -> None:
        self.heard.append(("stop", None))

    def heard_of(self, what: str) -> list[Any]:
        """Return what it heard of a kind."""
        return [item for kind, item in self.heard if kind == what]


class World:
    """One trader's life on one venue, crashes included."""

    def __init__(
        self,
        strategy: Callable[[], Strategy],
        *,
        config: str = CONFIG,
        venue: Venue | None = None,
        crash_at: Collection[int] = (),
        fate: Callable[[Any, int], Fate] | None = None,
        timeout_ns: int = TIMEOUT_NS,
        exposure: Exposure | None = None,
    ) -> None:
        self.venue = venue or Venue()
        self.now_ns = BEGIN_NS
        self.venue.now_ns = BEGIN_NS
        self.payloads: list[bytes] = []  # the journal
        self.logs: list[Log] = []
        self.replies: list[Reply] = []  # to a person's requests
        self.finished: Finish | None = None
        self.commands: list[Any] = []
        self.crashes = 0
        self.points = 0
        self.crash_at = set(crash_at)
        self.rules = Rules()
        self.start = Start()
        self.guard: Guard = unguarded
        self._strategy = strategy
        self._config = parse_config(config)
        self._codec = codec()
        self.fate = fate or (lambda _message, _number: Fate())
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self.is_alive = False
        self._inputs: deque[Any] = deque()
        self._is_stepping = False
        self._requests = 0
        self.timeout_ns = timeout_ns
        self._exposure = exposure
        self._up: set[Role] = set()
        self._muted: set[Role] = set()
        self._generation = 0
        self._alarm = 0  # the number of the one wake-up that counts
        self.trader: Trader

    # -- time -----------------------------------------------------------------------------------

    def at(self, time_ns: int, act: Callable[[], None]) -> None:
        """Do something then."""
        heapq.heappush(self._heap, (time_ns, next(self._order), act))

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something in so many seconds from the beginning."""
        self.at(BEGIN_NS + int(seconds * SECOND_NS), act)

    def run(self, seconds: float) -> None:
        """Let so much time pass, from the beginning."""
        end_ns = BEGIN_NS + int(seconds * SECOND_NS)
        while self._heap and self._heap[0][0] <= end_ns:
            time_ns, _, act = heapq.heappop(self._heap)
            self._go(time_ns)
            try:
                act()
                self._spread()
            except Crash:
                self.crashes += 1
                self.die()
                self.at(self.now_ns + SECOND_NS // 2, self.boot)
        self._go(end_ns)

    def _go(self, time_ns: int) -> None:
        self.now_ns = max(self.now_ns, time_ns)
        self.venue.now_ns = self.now_ns

    def reconfigure(self, config: str) -> None:
        """Let the next process have another configuration."""
        self._config = parse_config(config)

    # -- the process ------------------------------------------------------------------------------

    def die(self) -> None:
        """End the process; what is on its way to it is lost."""
        self.is_alive = False
        self._generation += 1
        self._alarm += 1
        self._up.clear()
        self._muted.clear()

    def boot(self) -> None:
        """Start the trader's process."""
        self._generation += 1
        self.finished, self.is_alive = None, True
        self.trader = Trader(
            self._config,
            "key",
            self._strategy(),
            self.rules,
            Random(self._generation),
            self.guard,
            self._exposure,
        )
        for record in self.records():
            self.trader.replay(record)
        self.step(self.start)

    def step(self, event: Any) -> None:
        """Give the trader an input, and carry out what it wants before the next one."""
        if not self.is_alive:
            return
        self._inputs.append(event)
        if self._is_stepping:
            return
        self._is_stepping = True
        try:
            while self._inputs:
                self._act(self.trader.step(self._inputs.popleft(), self.now_ns))
        finally:
            self._inputs.clear()
            self._is_stepping = False

    def kill(self, why: str = "a test") -> None:
        """Press the kill switch, if there is a process to hear it."""
        self._later(0, Kill(why))

    def resume(self, why: str = "a test") -> None:
        """Lift the latch."""
        self._later(0, Resume(why))

    def records(self) -> list[Record]:
        """Return the journal."""
        return [self._codec.decode(n + 1, payload) for n, payload in enumerate(self.payloads)]

    def messages(self, kind: type) -> list[Any]:
        """Return the journal's messages of a kind."""
        return [record.message for record in self.records() if isinstance(record.message, kind)]

    def replayed(self) -> TraderState:
        """Return the state that the journal alone gives."""
        state = TraderState()
        for record in self.records():
            state.replay(record)
        return state

    def _later(self, delay_ns: int, event: Any) -> None:
        """Give an input later, unless the process is another one by then."""
        generation = self._generation

        def give() -> None:
            if generation == self._generation and self.finished is None:
                self.step(event)

        self.at(self.now_ns + delay_ns, give)

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Journal(message, time_ns):
                    self.payloads.append(self._codec.encode(message, time_ns))
                    self._point()
                case Send(request_id, command):
                    self.commands.append(command)
                    self._point()
                    self._request(request_id, command, is_command=True)
                    self.step(Sent(request_id))
                    self._point()
                case Ask(request_id, query):
                    self._request(request_id, query, is_command=False)
                case Log():
                    self.logs.append(action)
                case OpenStreams():
                    for role in Role:
                        self.open_stream(role, LATENCY_NS)
                case ResetStream(role, why):
                    self.break_stream(role, why)
                case Reply():
                    self.replies.append(action)
                case Finish():
                    self.finished = action
        self._alarm += 1
        if (deadline_ns := self.trader.deadline_ns) is not None:
            alarm = self._alarm
            self.at(max(self.now_ns + 1, deadline_ns), lambda: self._wake(alarm))

    def _wake(self, alarm: int) -> None:
        if alarm == self._alarm and self.finished is None:
            self.step(Woken())

    def _point(self) -> None:
        self.points += 1
        if self.points in self.crash_at:
            raise Crash

    def _request(self, request_id: int, message: Any, *, is_command: bool) -> None:
        self._requests += 1
        fate = self.fate(message, self._requests)
        sent_ns = self.now_ns
        signed_ns = sent_ns + self.trader.turn.offset_ns
        lost = Unknown("no answer in time")
        if fate.outcome is not None:
            self._later(LATENCY_NS, Returned(request_id, fate.outcome, sent_ns, sent_ns))
            return
        is_late = fate.there is None or fate.back is None
        if fate.there is not None and fate.back is not None:
            is_late = fate.there + fate.back > self.timeout_ns
        if is_late:
            self._later(self.timeout_ns, Returned(request_id, lost, sent_ns, sent_ns))
        if fate.there is None:
            return
        generation, back_ns = self._generation, fate.back or 0

        def arrive() -> None:
            outcome = (
                self.venue.perform(message, signed_ns) if is_command else self.venue.ask(message)
            )
            if not is_late and generation == self._generation:
                returned = Returned(request_id, outcome, sent_ns, self.now_ns + back_ns)
                self._later(back_ns, returned)

        self.at(self.now_ns + fate.there, arrive)

    @property
    def hand(self) -> Hand:
        """The strategy, where it is a Hand."""
        strategy = self.trader.strategy
        assert isinstance(strategy, Hand)
        return strategy

    @property
    def only_order(self) -> OwnOrder:
        """The bot's one order."""
        (order,) = self.trader.turn.state.orders
        return order

    def said(self, name: str) -> list[str]:
        """Return the log lines of a name."""
        return [line.text for line in self.logs if line.name == name]

    # -- streams ----------------------------------------------------------------------------------

    def open_stream(self, role: Role, delay_ns: int) -> None:
        """Open a stream a little later."""
        generation = self._generation

        def up() -> None:
            if generation == self._generation:
                self._up.add(role)
                self._muted.discard(role)
                self.step(StreamUp(role))
                if role is Role.MARKET and not self.venue.is_numbered:
                    self._tell(role, self.venue.book(SNAPSHOT_DEPTH))

        self.at(self.now_ns + delay_ns, up)

    def break_stream(self, role: Role, why: str = "broken", back_s: float = 0.5) -> None:
        """Break a stream that is open; it comes back after a while."""
        if role not in self._up:
            return
        self._up.discard(role)
        self._later(1, StreamDown(role, why))
        self.open_stream(role, int(back_s * SECOND_NS))

    def mute(self, role: Role) -> None:
        """Let a stream stay open and tell nothing any more, until it is opened anew."""
        self._muted.add(role)

    def _spread(self) -> None:
        """Send what the venue has told to those who listen."""
        for role, events in ((Role.PRIVATE, self.venue.private), (Role.MARKET, self.venue.public)):
            if role in self._up - self._muted:
                for event in events:
                    self._tell(role, event)
            events.clear()

    def _tell(self, role: Role, event: Any) -> None:
        generation = self._generation

        def tell() -> None:
            is_heard = generation == self._generation and role in self._up - self._muted
            if is_heard and self.finished is None:
                self.step(Told(event))

        self.at(self.now_ns + LATENCY_NS, tell)


def hand_world(*acts: Callable[[Hand], Any], **options: Any) -> World:
    """Return a started world with a market around 60,000 and a Hand that does these things.

    The hand's first act comes at the first tenth of a second after the start. `falls` are other
    middles, in ticks, by the second from which on they are quoted.
    """
    mids = {0: 6_000_000, **options.pop("falls", {})}
    world = World(options.pop("strategy", lambda: Hand(*acts)), **options)
    world.venue.quote(6_000_000)
    world.after(0, world.boot)
    for half in range(1, 600, 2):
        second = half / 2
        mid = next(mid for begins, mid in reversed(mids.items()) if begins <= second)
        if half % 4 == 1 or second in mids:
            trembling = 10 * (half % 8 == 1)
            world.after(second, partial(world.venue.quote, mid + trembling))
    return world
