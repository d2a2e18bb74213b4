"""The exchange's process and its machine's disk and clock, in virtual time.

It keeps the rule of the live one (`cli.exchange_process`): nothing leaves before the records that
caused it are on disk, and when the disk refuses it answers nothing more. It can be killed at
counted points and starts again from what its disk has.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from itertools import count
from typing import Any

from steelyard import dialects
from steelyard.domain.errors import StorageError
from steelyard.domain.journal import gapless
from steelyard.domain.messages import SECOND_NS, Scope
from steelyard.engine.choice import new_engine, record_decoder
from steelyard.exchange.admin import Admin
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.gate import Gate
from steelyard.exchange.house import Market
from steelyard.exchange.line import Line
from steelyard.exchange.records import FORMAT, Founded, codec
from steelyard.exchange.stream_tokens import StreamTokens
from steelyard.exchange.trouble import Answer, RequestTrouble, Voices, befall, befall_message
from steelyard.sim.disk import Commit, Disk
from steelyard.sim.network import Call, Link, Socket
from steelyard.sim.quoter import Quoter
from steelyard.sim.stand import PlainSeal
from steelyard.sim.timeline import HostClock, Timeline
from steelyard.wire.dialect import AccessReason, ApiKey, Ending, Refusal
from steelyard.wire.faults import FaultPlan
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import LimitProfile

LOOK_NS = SECOND_NS // 2  # how often sessions are woken
UNAVAILABLE = 503
GOING_AWAY = 1001
LIMITED = {
    reason.name
    for reason in (
        AccessReason.IP_BANNED,
        AccessReason.IP_LIMIT,
        AccessReason.KEY_LIMIT,
        AccessReason.ORDER_LIMIT,
    )
}
TRADER = (Scope.READ, Scope.TRADE)

# What happened in a turn: the time, and the message that was recorded.
Recorded = Callable[[int, Any], None]


class Crash(Exception):
    """A process is killed at one of its counted points."""

    def __init__(self, victim: "Victim", where: str) -> None:
        super().__init__(where)
        self.victim = victim


class Victim:
    """A process that can be killed: `points` counts its moments, `kill_at` has the fatal ones."""

    def __init__(self, kill_at: Collection[int]) -> None:
        self.points = 0
        self.kills: list[str] = []
        self.kill_at = set(kill_at)

    def die(self, why: str) -> None:
        """The process is gone at once: SIGKILL, or a power cut."""
        raise NotImplementedError

    def point(self, where: str) -> None:
        """Come past a moment.

        Raises:
            Crash: It is the last one.
        """
        self.points += 1
        if self.points in self.kill_at:
            self.kills.append(where)
            raise Crash(self, where)


class ExchangeHost(Victim):
    """One exchange, for one dialect.

    Attributes:
        faults: What befalls requests and frames; it outlives the process.
        links: Whose connections are lost with it.
        exchange: The machine; that of the last process while there is none.
        gate: The way into it.
        recorded: Hears of every record of a turn, when the turn is over.
        gone: Called when the process has ended by itself.
    """

    def __init__(
        self,
        timeline: Timeline,
        disk: Disk,
        clock: HostClock,
        *,
        dialect: str,
        limits: LimitProfile,
        seed: int,
        step_ns: int,
        skew_ns: int = 0,
        kill_at: Collection[int] = (),
        market: Callable[[int], Market] = Quoter,
    ) -> None:
        super().__init__(kill_at)
        self.timeline = timeline
        self.disk = disk
        self.clock = clock
        self.dialect = dialects.find(dialect)
        self.faults = FaultPlan(seed)
        self.links: list[Link] = []
        self.is_up = False
        self.recorded: Recorded = lambda *_: None
        self.gone: Callable[[str], None] = lambda _: None
        self.starts = 0
        self.exchange: Exchange
        self.gate: Gate
        self.admin: Admin
        self._limits = limits
        self._seed = seed
        self._market = market  # makes that of a seed, anew for each process
        self._step_ns = step_ns
        self._skew_ns = skew_ns  # of wire time to sandbox time
        self._codec = codec(record_decoder())
        self._lines: dict[int, tuple[Line, Socket]] = {}
        self._asked: dict[int, Answer] = {}
        self._over: Counter[str] = Counter()  # of processes that are gone
        self._numbers = count(1)

    # -- life -------------------------------------------------------------------------------------

    def found(self, accounts: Mapping[str, Mapping[str, Decimal]]) -> dict[str, ApiKey]:
        """Found the exchange on its empty disk, with accounts; return a key for each."""
        exchange = self._new_exchange()
        exchange.found(Founded(FORMAT, "crowd", str(self._seed)), self.clock.now_ns())
        entropy = self._entropy()
        admin = Admin(exchange, PlainSeal(), entropy)
        keys = {}
        for name, deposits in accounts.items():
            admin.create_account(name, dict(deposits), self.clock.now_ns())
            made = admin.create_key(
                name, dialect=self.dialect.name, scopes=TRADER, now_ns=self.clock.now_ns()
            )
            keys[name] = ApiKey(made.key, made.secret.encode(), made.passphrase)
        payloads = [self._codec.encode(each, at_ns) for at_ns, each in exchange.drain().records]
        self.disk.write(self.disk.encode(payloads, 1))
        return keys

    def boot(self) -> None:
        """Start the process: replay the journal, and listen."""
        self.starts += 1
        self.clock.restart()
        stored = self.disk.open()
        self.exchange = self._new_exchange()
        for record in gapless((self._codec.decode(*entry) for entry in stored), 0):
            self.exchange.replay(record)
        self.exchange.drain()
        self.exchange.clock.skew_ns = self._skew_ns
        self.admin = Admin(self.exchange, PlainSeal(), self._entropy())
        tokens = StreamTokens(self._entropy())
        now_ns = self.wire_ns()
        self.gate = Gate(self.exchange, self.dialect, self._limits, now_ns, tokens=tokens)
        self._trouble = RequestTrouble(self.faults, self.gate)
        self._voices = Voices(self.faults, self.exchange.keys, _as_it_is, self._later)
        self._commit = Commit(self.disk, self.timeline, len(stored), self.point, self._disk_failed)
        self._lines.clear()
        self._asked.clear()
        self.is_up = True
        self.timeline.note(f"exchange: starts with {len(stored)} records")
        self._every(self._step_ns, "market", self._step)
        self._every(LOOK_NS, "look", self._look)

    @property
    def is_synced(self) -> bool:
        """Whether everything that it has journaled is on the disk."""
        return self._commit.durable == self._commit.last_sequence

    def over_limits(self) -> dict[str, int]:
        """Return how many requests were over which limits, by route; those of faults are not."""
        over = self._over.copy()
        if self.is_up:
            over.update(_over(self.gate))
        return dict(over)

    def die(self, why: str) -> None:
        """The process is gone at once: SIGKILL, or a power cut."""
        if not self.is_up:
            return
        self._over.update(_over(self.gate))
        self.timeline.note(f"exchange: dies, {why}")
        self.is_up = False
        self._commit.die()
        for link in self.links:
            link.lose_far()
        self.gone(why)

    def _new_exchange(self) -> Exchange:
        return Exchange(new_engine(), self._market(self._seed), PlainSeal())

    def _entropy(self) -> Callable[[int], bytes]:
        numbers = count(self.starts << 32)
        return lambda size: next(numbers).to_bytes(8, "big") * (size // 8)

    def _disk_failed(self, error: StorageError) -> None:
        said = "this exchange cannot go on and is stopping"
        for reply in [*self._asked.values()]:
            reply(self.gate.refuse(Refusal(AccessReason.UNAVAILABLE, said), self.clock.now_ns()))
        self.die(str(error))

    # -- turns ------------------------------------------------------------------------------------

    def turn(self, act: Callable[[], Any], then: Callable[[Any], None] | None = None) -> None:
        """Let the machine act once; what follows from it happens when it is on disk."""
        if not self.is_up:
            return
        result = act()
        output = self.exchange.drain()
        sequence = self._commit.last_sequence
        try:
            for time_ns, message in output.records:
                sequence = self._commit.append(self._codec.encode(message, time_ns))
        finally:
            for time_ns, message in output.records:
                self.recorded(time_ns, message)

        def release() -> None:
            if then is not None:
                then(result)
            is_troubled = self._voices.are_needed
            for payload, sessions, channel in output.frames:
                for session in sessions:
                    if not (found := self._lines.get(session)):
                        continue
                    if is_troubled:
                        self._voices.tell(*found, payload, channel)
                    else:
                        found[1].send(payload)

        if then is not None or output.frames or output.records:
            self._commit.release(sequence, release)

    def wire_ns(self) -> int:
        """Return wire time."""
        return self.clock.now_ns() + self._skew_ns

    def _step(self) -> None:
        wire_ns = self.wire_ns()
        self.turn(lambda: self.exchange.step(wire_ns))

    def _look(self) -> None:
        wire_ns = self.wire_ns()
        for line, socket in [*self._lines.values()]:
            if line.is_old(wire_ns):
                line.session.end(Ending.AGE, wire_ns)
                self._send(line, socket, line.session.drain())
                socket.close(GOING_AWAY, "a connection lasts no longer")
            else:
                line.session.wake(wire_ns)
                self._send(line, socket, line.session.drain())

    # -- requests ---------------------------------------------------------------------------------

    def http(self, request: Request, ip: str, reply: Call) -> None:
        """Take a request; a fault may befall it."""
        strike = self._trouble.strike(request)
        if strike is None:
            self._carry_out(request, ip, reply)
            return
        self.timeline.note(f"exchange: {strike.trouble} befalls {request.method} {request.path}")
        befall(
            strike,
            lambda answer: self._carry_out(request, ip, answer),
            reply,
            lambda: self._trouble.said(strike, self.wire_ns()),
            self._later,
        )

    def _carry_out(self, request: Request, ip: str, reply: Answer) -> None:
        if not self.is_up:
            return
        number = next(self._numbers)
        self._asked[number] = reply

        def answer(response: Response) -> None:
            self._asked.pop(number, None)
            reply(response)

        now_ns = self.wire_ns()
        self.turn(lambda: self.gate.http(request, ip, now_ns), answer)

    # -- WebSockets -------------------------------------------------------------------------------

    def open_line(self, target: str, ip: str, socket: Socket, headers: Mapping[str, str]) -> bool:
        """Begin a WebSocket; False where the dialect has none at this target."""
        session = next(self._numbers)
        line = self.gate.line(target, ip, session, self.wire_ns, headers)
        if line is None:
            return False
        self._lines[session] = (line, socket)
        starts = self.starts
        socket.on_message = lambda text: self._hear(starts, line, socket, text)
        socket.on_close = lambda: self._close_line(starts, session)
        self.turn(line.session.drain, lambda frames: self._send(line, socket, frames))
        return True

    def _hear(self, starts: int, line: Line, socket: Socket, text: str) -> None:
        if starts != self.starts or not self.is_up:
            return

        def carry_out(answer: Callable[[list[bytes]], None]) -> None:
            if line.session_id in self._lines:
                self.turn(lambda: self._receive(line, text), answer)

        def say(frames: list[bytes]) -> None:
            self._send(line, socket, frames)

        strike = self._voices.heard(line)
        if strike is None:
            carry_out(say)
        else:
            befall_message(strike, carry_out, say, socket, self._later)

    def _receive(self, line: Line, text: str) -> list[bytes]:
        line.receive(text)
        return line.session.drain()

    def _send(self, line: Line, socket: Socket, frames: list[bytes]) -> None:
        voice = self._voices.of(line, socket)
        for frame in frames:
            voice.send(frame)
        if line.session.closing is not None:
            socket.close(*line.session.closing)

    def _close_line(self, starts: int, session: int) -> None:
        if starts != self.starts or not self.is_up:
            return
        found = self._lines.pop(session, None)
        self._voices.forget(session)
        if found is not None:
            found[0].close()

    # -- time -------------------------------------------------------------------------------------

    def _later(self, delay_ns: int, act: Callable[[], None]) -> None:
        """Do something later, if the process is still the same one."""
        starts = self.starts

        def then() -> None:
            if starts == self.starts and self.is_up:
                act()

        self.timeline.after(delay_ns, "fault", then)

    def _every(self, interval_ns: int, name: str, act: Callable[[], None]) -> None:
        starts = self.starts

        def fire() -> None:
            if starts == self.starts and self.is_up:
                self.timeline.after(interval_ns, name, fire)
                act()

        self.timeline.after(interval_ns, name, fire)


def _over(gate: Gate) -> dict[str, int]:
    return {
        f"{method} {path} {reason}": times
        for (method, path, reason), times in gate.routes.items()
        if reason in LIMITED
    }


def _as_it_is(payload: bytes) -> bytes:
    return payload
