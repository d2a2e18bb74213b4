"""A trader's process and its machine's disk, clock and way to the exchange, in virtual time.

It keeps the rule of the live one (`cli.trader_process`): no command leaves before every record
that came before it is on disk, and when the disk refuses none leaves any more. Each request gives
back one outcome. It can be killed at counted points; the next process has what the disk has.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from random import Random
from typing import Any, Protocol

from steelyard.domain.commands import UserCommand
from steelyard.domain.errors import (
    ConnectFailed,
    PeerError,
    StorageError,
    TransportError,
)
from steelyard.domain.exposure import Exposure
from steelyard.domain.instrument import Instrument
from steelyard.domain.journal import Record, gapless
from steelyard.domain.messages import SECOND_NS, Query
from steelyard.sim.disk import Commit, Disk
from steelyard.sim.exchange_host import Victim
from steelyard.sim.network import Link, Socket
from steelyard.sim.timeline import Alarm, HostClock, Timeline
from steelyard.trading import actions
from steelyard.trading.actions import Input, Kill, Level, Resume, Role, Start, StreamDown, StreamUp
from steelyard.trading.config import BotConfig
from steelyard.trading.connector import Connector
from steelyard.trading.feed import MarketFeed, own_session
from steelyard.trading.host import Guard, unguarded
from steelyard.trading.records import OrderPending, codec
from steelyard.trading.state import TraderState
from steelyard.trading.strategy import Strategy
from steelyard.trading.trader import Trader
from steelyard.wire.capabilities import Capabilities, Lookup, Source
from steelyard.wire.dialect import (
    ApiKey,
    ClientSession,
    Dialect,
    Errand,
    HandedOut,
    Paired,
    Waking,
    opening_headers,
)
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import LimitProfile
from steelyard.wire.outcome import NotSent, Outcome, Unknown, delays_ns

READY_NS = 10 * SECOND_NS
WAKE_NS = SECOND_NS
STEADY_NS = 5 * SECOND_NS  # up for so long, the next pause is the first one again
RETRY_FIRST_NS, RETRY_MAX_NS = SECOND_NS // 4, 30 * SECOND_NS
TRIES_MAX = 1_000_000_000


class Witness(Protocol):
    """Who watches what a trader does."""

    def took(self, host: "TraderHost", event: Input, wanted: list[actions.Action]) -> None:
        """The machine took an input and wants this."""
        ...

    def leaves(self, host: "TraderHost", message: UserCommand | Query, request: Request) -> None:
        """A request leaves."""
        ...

    def came_back(self, host: "TraderHost", response: Response) -> None:
        """A response has come."""
        ...


class TraderHost(Victim):
    """One bot.

    Attributes:
        account: Whose orders it places.
        trader: The machine; that of the last process while there is none.
        intents: The sequence of the record of each order that was decided on.
        finished: How the process ended, if it has by itself.
        guard: How its strategy is called.
        gone: Called when the process has ended, however.
        stepped: Called after each turn.
    """

    def __init__(
        self,
        timeline: Timeline,
        disk: Disk,
        clock: HostClock,
        link: Link,
        *,
        account: str,
        config: BotConfig,
        dialect: Dialect,
        key: ApiKey,
        limits: LimitProfile,
        strategy: Callable[[], Strategy],
        witness: Witness,
        seed: int,
        kill_at: Collection[int] = (),
        exposure: Exposure | None = None,
    ) -> None:
        super().__init__(kill_at)
        self.timeline = timeline
        self.disk = disk
        self.clock = clock
        self.link = link
        self.account = account
        self.config = config
        self.name = config.bot.name
        self.is_up = False
        self.has_latch = False  # the kill switch's file
        self.starts = 0
        self.finished: actions.Finish | None = None
        self.intents: dict[str, int] = {}  # by our id
        self.gone: Callable[[str], None] = lambda _: None
        self.guard: Guard = unguarded
        self.stepped: Callable[[], None] = lambda: None
        self.trader: Trader
        self._dialect = dialect
        self._key = key
        self._limits = limits
        self._strategy = strategy
        self._witness = witness
        self._seed = seed
        self._exposure = exposure
        self._codec = codec()
        self._inputs: deque[Input] = deque()
        self._is_stepping = False
        self._alarm: Alarm | None = None
        self._connector: Connector
        self._commit: Commit
        self._streams: dict[Role, _Stream] = {}
        self._instrument: Instrument | None = None

    # -- life -------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Start the process: replay the journal, and begin to trade."""
        self.starts += 1
        self.clock.restart()
        self.finished = None
        records = self.records(opens=True)
        rng = Random(self._seed + self.starts)
        self._connector = Connector(self._dialect.client, self._key, self._limits)
        strategy = self._strategy()
        self.trader = Trader(
            self.config,
            self._key.key,
            strategy,
            self._dialect.client,
            rng,
            guard=self.guard,
            exposure=self._exposure,
        )
        for record in records:
            self.trader.replay(record)
        self.intents = {
            record.message.place.client_order_id: record.sequence
            for record in records
            if isinstance(record.message, OrderPending)
        }
        self._commit = Commit(self.disk, self.timeline, len(records), self.point, self._disk_failed)
        self._streams = {role: _Stream(self, role, rng) for role in Role}
        self._inputs.clear()
        self._is_stepping = False
        self.is_up = True
        self.timeline.note(f"{self.name}: starts with {len(records)} records")
        self.step(Start(offered(self._dialect)))
        self._obey_latch()

    def die(self, why: str) -> None:
        """The process is gone at once: SIGKILL, or a power cut."""
        if not self.is_up:
            return
        self.timeline.note(f"{self.name}: dies, {why}")
        self.is_up = False
        if self._alarm is not None:
            self._alarm.is_off = True
        self._commit.die()
        for stream in self._streams.values():
            stream.stop()
        self.link.forget()
        self.gone(why)

    def records(self, *, opens: bool = False) -> list[Record]:
        """Return what its disk has; opens: as a process that begins, which mends the end."""
        stored = self.disk.open() if opens else self.disk.records()
        return [*gapless((self._codec.decode(*entry) for entry in stored), 0)]

    def replayed(self) -> TraderState:
        """Return the state that the journal on the disk gives."""
        state = TraderState()
        for record in self.records():
            state.replay(record)
        return state

    @property
    def is_synced(self) -> bool:
        """Whether everything that it has journaled is on the disk."""
        return self._commit.durable == self._commit.last_sequence

    def is_durable(self, client_order_id: str) -> bool:
        """Whether the intent of an order is on the disk."""
        return self.intents.get(client_order_id, self._commit.durable + 1) <= self._commit.durable

    def kill(self, why: str) -> None:
        """Press the kill switch; the file is there whether the bot runs or not."""
        self.has_latch = True
        if self.is_up:
            self.step(Kill(why, has_file=True))

    def resume(self, why: str) -> None:
        """Lift the latch."""
        self.has_latch = False
        if self.is_up:
            self.step(Resume(why))

    def _obey_latch(self) -> None:
        if not self.is_up:
            return
        state = self.trader.turn.state
        if self.has_latch and state.killed_why is None:
            self.step(Kill("the kill switch was pressed while the bot was down", has_file=True))
        elif state.killed_why is not None and state.killed_has_file and not self.has_latch:
            self.step(Resume("the latch was lifted while the bot was down"))

    # -- turns ------------------------------------------------------------------------------------

    def step(self, event: Input) -> None:
        """Let the machine act, and carry out what it wants before its next input."""
        if not self.is_up:
            return
        self._inputs.append(event)
        if self._is_stepping:
            return
        self._is_stepping = True
        try:
            while self._inputs and self._is_running:
                taken = self._inputs.popleft()
                wanted = self.trader.step(taken, self.clock.now_ns())
                self._witness.took(self, taken, wanted)
                self._act(wanted)
        except StorageError as error:
            self._disk_failed(error)
        finally:
            self._is_stepping = False
        self._set_alarm()
        self.stepped()

    def _act(self, wanted: list[actions.Action]) -> None:
        sequence = None
        for action in wanted:
            match action:
                case actions.Journal(message, time_ns):
                    payload = self._codec.encode(message, time_ns)
                    self.timeline.note(f"{self.name}: journal {message}")
                    sequence = self._commit.append(payload)
                    if isinstance(message, OrderPending):
                        self.intents[message.place.client_order_id] = sequence
                case actions.Send(request_id, command):
                    self._release_send(request_id, command)
                case actions.Ask(request_id, query):
                    self._ask(request_id, query, is_command=False)
                case actions.Log(level, name, text):
                    if level is not Level.INFO:
                        self.timeline.note(f"{self.name}: {name} {text}")
                case actions.OpenStreams(instrument):
                    self._instrument = instrument
                    for stream in self._streams.values():
                        stream.open()
                case actions.ResetStream(role, why):
                    self.timeline.note(f"{self.name}: resets {role.value}, {why}")
                    self._streams[role].reset()
                case actions.Reply(_, _, text):
                    self.timeline.note(f"{self.name}: replies {text}")
                case actions.Finish():
                    self.finished = action
        if self.finished is not None:
            self._commit.release(self._commit.last_sequence, self._end)
        elif sequence is not None:
            self._commit.release(sequence, _nothing)

    def _release_send(self, request_id: int, command: UserCommand) -> None:
        starts = self.starts

        def leave() -> None:
            if starts == self.starts and self.is_up:
                self.point("send")
                self._ask(request_id, command, is_command=True)
                self.point("sent")

        self._commit.release(self._commit.last_sequence, leave)

    def _end(self) -> None:
        if self.finished is not None:
            self.die(f"finished: {self.finished.text}")

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.is_off = True
        deadline_ns = self.trader.deadline_ns
        if deadline_ns is not None and self._is_running:
            pause_ns = max(0, deadline_ns - self.clock.now_ns())
            self._alarm = self.timeline.after(pause_ns, f"{self.name} wakes", self._wake)

    @property
    def _is_running(self) -> bool:
        return self.is_up and self.finished is None

    def _wake(self) -> None:
        self.step(actions.Woken())

    def _disk_failed(self, error: StorageError) -> None:
        self.die(str(error))

    # -- requests ---------------------------------------------------------------------------------

    def venue_now_ns(self) -> int:
        """Return the time on the venue's clock, as it is known."""
        return self.clock.now_ns() + self.trader.turn.offset_ns

    def _ask(self, request_id: int, message: UserCommand | Query, *, is_command: bool) -> None:
        starts, sent_ns = self.starts, self.clock.now_ns()

        def give(outcome: Outcome) -> None:
            if starts == self.starts and self.is_up:
                received_ns = self.clock.now_ns()
                self.step(actions.Returned(request_id, outcome, sent_ns, received_ns))

        made = self._connector.request(message, self.venue_now_ns())
        if not isinstance(made, Request):
            self.timeline.after(0, "not sent", lambda: give(made))
            return
        self.timeline.note(f"{self.name}: sends {message}")
        self.timeline.trace(made.target.encode() + made.body)
        self._witness.leaves(self, message, made)

        def returned(what: Response | TransportError) -> None:
            if starts != self.starts or not self.is_up:
                return
            give(self._outcome(message, what))

        self.link.send(made, returned)
        if is_command:
            self.step(actions.Sent(request_id))

    def _outcome(self, message: UserCommand | Query, what: Response | TransportError) -> Outcome:
        if isinstance(what, ConnectFailed):
            return NotSent(str(what))
        if isinstance(what, TransportError):
            return Unknown(str(what))
        self.timeline.trace(what.body)
        self._witness.came_back(self, what)
        return self._connector.outcome(message, what, self.venue_now_ns())

    # -- what its streams ask ---------------------------------------------------------------------

    def session(self, role: Role) -> ClientSession | MarketFeed:
        """Return a new conversation with one of the venue's streams."""
        assert self._instrument is not None, "streams are opened for an instrument"
        return self._connector.session(role, self._instrument, self.venue_now_ns())


def offered(dialect: Dialect) -> Capabilities:
    """Return what a trader is told of a venue: that it has everything; it finds out what not."""
    return Capabilities(
        venue=dialect.name,
        is_checked=True,
        lookup=Lookup.CLIENT_ID,
        request_expiry_ns=None,
        market=Source.STREAM,
        account=Source.STREAM,
        has_fills=True,
        has_open_orders=True,
        has_balances=True,
        has_cancel=True,
        has_clock=True,
        has_candles=True,
        has_dead_man=True,
        has_amend=True,
        order_types=(),
        amend_replaces=dialect.replaces,
    )


class _Stream:
    """One stream, kept open from `open` on; `cli.trader_stream` and `net.client` in one."""

    def __init__(self, host: TraderHost, role: Role, rng: Random) -> None:
        self._host = host
        self._role = role
        self._rng = rng
        self._delays = self._new_delays()
        self._session: ClientSession | MarketFeed
        self._socket: Socket | None = None
        self._beside: Socket | None = None  # the other connection of a pair
        self._is_up = self._is_over = False
        self._number = 0
        self._opened_ns: int | None = None

    def open(self) -> None:
        """Connect."""
        if self._is_over:
            return
        self._is_up, self._opened_ns = False, None
        self._number += 1
        number, now_ns = self._number, self._host.venue_now_ns()
        self._session = self._host.session(self._role)
        session = own_session(self._session)
        if (
            isinstance(session, HandedOut)
            and (request := session.address_request(now_ns)) is not None
        ):
            self._host.link.send(request, lambda what: self._addressed(session, number, what))
        else:
            self._connect()

    def _addressed(self, session: HandedOut, number: int, what: Response | TransportError) -> None:
        if number != self._number:
            return
        try:
            if isinstance(what, TransportError):
                raise what
            session.addressed(what, self._host.venue_now_ns())
        except (PeerError, TransportError) as error:
            self._down(str(error))
            return
        self._connect()

    def _connect(self) -> None:
        number = self._number

        def mine(act: Callable[..., None]) -> Callable[..., None]:
            return lambda *words: act(*words) if number == self._number else None

        self._socket = self._host.link.connect(
            self._session.target,
            mine(self._opened),
            mine(self._heard),
            mine(self._down),
            opening_headers(own_session(self._session), self._host.venue_now_ns()),
        )

    def reset(self) -> None:
        """Close the connection, so that it is opened anew."""
        if self._socket is not None:
            self._socket.hang_up()
            self._down("it was reset")

    def stop(self) -> None:
        """The process is gone."""
        self._is_over = True
        self._number += 1

    def _opened(self) -> None:
        timeline, number = self._host.timeline, self._number
        self._opened_ns = timeline.now_ns
        now_ns = self._host.venue_now_ns()
        self._session.opened(now_ns)
        session = self._session
        if isinstance(session, Errand) and (request := session.errand(now_ns)) is not None:
            self._host.link.send(request, lambda what: self._came(session, number, what))

        def check() -> None:
            if number == self._number and not self._is_up:
                self.reset()

        timeline.after(READY_NS, "not ready", check)
        if isinstance(session, Paired):
            self._connect_beside(session.beside)
        if any(isinstance(each, Waking) for each in self._sessions()):
            timeline.after(WAKE_NS, "says that it is there", lambda: self._wake(number))
        self._drain()

    def _sessions(self) -> list[ClientSession]:
        """Return the session, or both of a pair."""
        session = own_session(self._session)
        return [session, session.beside] if isinstance(session, Paired) else [session]

    def _connect_beside(self, session: ClientSession) -> None:
        number = self._number

        def opened() -> None:
            if number == self._number:
                session.opened(self._host.venue_now_ns())
                self._drain()

        def heard(text: str) -> None:
            if number != self._number:
                return
            try:
                session.receive(text, self._host.venue_now_ns())
            except PeerError as error:
                self._lost(str(error))
                return
            self._drain()

        def down(why: str) -> None:
            if number == self._number:
                self._beside = None
                self._lost(why)

        self._beside = self._host.link.connect(session.target, opened, heard, down)

    def _wake(self, number: int) -> None:
        if number != self._number:
            return
        for session in self._sessions():
            if isinstance(session, Waking):
                session.wake(self._host.venue_now_ns())
        self._host.timeline.after(WAKE_NS, "says that it is there", lambda: self._wake(number))
        self._drain()

    def _came(self, session: Errand, number: int, what: Response | TransportError) -> None:
        if number != self._number:
            return
        if isinstance(what, TransportError):
            self.reset()
            return
        try:
            session.returned(what, self._host.venue_now_ns())
        except PeerError:
            self.reset()
            return
        self._drain()

    def _heard(self, text: str) -> None:
        try:
            self._session.receive(text, self._host.venue_now_ns())
        except PeerError as error:
            self._lost(str(error))
            return
        self._drain()

    def _lost(self, why: str) -> None:
        if self._socket is not None:
            self._socket.hang_up()
        self._down(why)

    def _drain(self) -> None:
        number = self._number
        texts, events = self._session.drain()
        if self._session.ready and not self._is_up:
            self._is_up = True
            books = self._session.books if isinstance(self._session, MarketFeed) else {}
            self._host.timeline.note(f"{self._host.name}: {self._role.value} is up")
            self._host.step(StreamUp(self._role, books))
        for event in events:
            self._host.step(actions.Told(event))
        for text in texts:
            if number == self._number and self._socket is not None:
                self._socket.say(text)
        if self._beside is not None and number == self._number:
            for text in self._sessions()[1].drain()[0]:
                self._beside.say(text)

    def _down(self, why: str) -> None:
        if self._beside is not None:
            self._beside.hang_up()
        self._socket = self._beside = None
        self._number += 1
        timeline, number = self._host.timeline, self._number
        timeline.note(f"{self._host.name}: {self._role.value} is down, {why}")
        if self._opened_ns is not None and timeline.now_ns - self._opened_ns >= STEADY_NS:
            self._delays = self._new_delays()
        self._is_up = False

        def again() -> None:
            if number == self._number:
                self.open()

        timeline.after(next(self._delays), "connects again", again)
        self._host.step(StreamDown(self._role, why))

    def _new_delays(self) -> Iterator[int]:
        return delays_ns(self._rng, first_ns=RETRY_FIRST_NS, max_ns=RETRY_MAX_NS, tries=TRIES_MAX)


def _nothing(*_: Any) -> None:
    pass
