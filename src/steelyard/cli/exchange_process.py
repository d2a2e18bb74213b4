"""An exchange as a process: machine, journal, market steps and ports, joined.

The rule it keeps: nothing leaves, no answer, no feed frame, no page number, before the records
that caused it are on disk. Every turn of the machine is drained into the journal first and
what it wants sent is released when the group commit has it. When the disk refuses, the exchange
answers nothing more and stops.
"""

import asyncio
import gc
import secrets
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from steelyard import dialects
from steelyard.cli import exchange_tls
from steelyard.cli.exchange_config import ExchangeConfig, addresses
from steelyard.cli.exchange_faults import later
from steelyard.cli.exchange_metrics import JournalMeter, Readings, metrics_text
from steelyard.cli.exposition import Histogram, metrics_response
from steelyard.cli.live_source import LiveSource
from steelyard.cli.market_source import (
    MarketSource,
    ScriptSource,
    TapeSource,
    describe,
    market_response,
)
from steelyard.cli.market_told import MARKET_PATH
from steelyard.cli.opening import OpenExchange
from steelyard.dashboard.account_site import AccountSite
from steelyard.dashboard.accounts import open_account_site
from steelyard.dashboard.bots_site import BotsSite
from steelyard.dashboard.guard import Guard
from steelyard.dashboard.headers import private
from steelyard.dashboard.site import PageSite
from steelyard.domain.errors import StorageError
from steelyard.exchange.admin import Admin, AdminCall
from steelyard.exchange.cashier import Cashier
from steelyard.exchange.counts import Counts
from steelyard.exchange.feed import Frames
from steelyard.exchange.gate import Gate
from steelyard.exchange.line import Line
from steelyard.exchange.live import LiveTape
from steelyard.exchange.personal import Personal
from steelyard.exchange.records import KeyChanged, KeyRevoked
from steelyard.exchange.stream_tokens import StreamTokens
from steelyard.exchange.trouble import Answer, RequestTrouble, Voices, befall, befall_message
from steelyard.net.clock import Clock
from steelyard.net.server import (
    Reply,
    Server,
    WebSocketConnection,
    bind,
    serve_on,
    text_frame,
)
from steelyard.net.tls import Authority
from steelyard.store import datadir
from steelyard.store.commit import GroupCommit
from steelyard.vault.passwords import Passwords
from steelyard.wire.dialect import AccessReason, Ending, Refusal, SessionRefused
from steelyard.wire.http import Request, Response

if TYPE_CHECKING:  # it brings a client, which is slow to import and mostly not needed
    from steelyard.cli.live_market import Fact, LiveMarket

STEP_S = 0.05  # how often the market moves and due streams go out
SNAPSHOT_S = 60.0
# Objects that are made before garbage is looked for: of an order nearly all are kept.
YOUNG_MAX = 20_000
API_ROOT = "/api/"  # below it there are no pages
STATUS_PATH, STATUS_TARGET = "/status", "/api/v1/status"  # where others look, and where it is
ENDED_KEYS_S = 0.5  # how often WebSockets of keys whose time is over are looked for

_KEY_CHANGES = (KeyRevoked, KeyChanged)
# Why a port refuses, by its HTTP status. What failed while it was carried out is not known.
NOT_ALLOWED, UNAVAILABLE = 405, 503
POLICY = 1008  # the close code of a WebSocket whose key is good no longer
GOING_AWAY = 1001  # that of one which has lasted as long as it may
_REFUSED_BY_PORT = {
    NOT_ALLOWED: AccessReason.METHOD_NOT_ALLOWED,
    413: AccessReason.BODY_TOO_LARGE,
    500: AccessReason.UNAVAILABLE,
    UNAVAILABLE: AccessReason.UNAVAILABLE,
}
_STOPPING = (
    "this exchange cannot go on and is stopping; whether this was carried out is not known here, "
    "so ask when it runs again before you send it again"
)


class ExchangeProcess:
    """One running exchange. Start it, wait for `stopped`, stop it."""

    def __init__(self, config: ExchangeConfig) -> None:
        self.config = config
        self.clock = Clock(config.skew_ns)  # wire time
        self.stopped = asyncio.Event()
        self.failure: BaseException | None = None
        self._opened: OpenExchange
        self._commit: GroupCommit
        self._gates: dict[str, Gate] = {}
        self._ports: dict[str, socket.socket] = {}  # taken, and not served yet
        self._servers: dict[str, Server] = {}
        self._tls_ports: dict[str, socket.socket] = {}
        self._tls_servers: dict[str, Server] = {}
        self._authority: Authority | None = None
        self._lines: dict[int, tuple[Line, WebSocketConnection]] = {}
        self._sites: list[_Site] = []
        self._next_session = 1
        self._is_held = False
        self._meter = JournalMeter()
        self.latency = Histogram()
        self._dropped: Counter[str] = Counter()  # WebSockets with slow readers, by dialect
        self._tasks: list[asyncio.Task[None]] = []
        self._accounts: AccountSite | None = None
        self._bots: BotsSite | None = None
        self._live: LiveMarket | None = None

    # -- life ---------------------------------------------------------------------------------

    async def start(self) -> dict[str, Any]:
        """Open the directory, listen, and return the ready document.

        Raises:
            ConfigError: The directory, its format, the market or a port does not fit.
        """
        now_ns = self.started_ns = self.clock.now_ns()
        host_ns = now_ns - self.config.skew_ns
        try:
            self._opened = OpenExchange(
                self.config.data,
                self.config.market,
                host_ns,
                begins_ns=self.config.begins_ns,
                once_locked=self._take_ports,
            )
            gc.set_threshold(YOUNG_MAX, *gc.get_threshold()[1:])
            self._opened.check_seal(host_ns, forgets=self.config.forgets_sealed)
        except BaseException:
            self._give_ports_back()
            raise
        self.exchange = self._opened.exchange
        self.exchange.clock.skew_ns = self.config.skew_ns
        self.exchange.counts = Counts()  # without what the replay carried out
        source = self._opened.source
        self.market_note = describe(source)
        self._ends_with_market = (
            isinstance(source, TapeSource | ScriptSource) and source.at_end == "exit"
        )
        self.admin = Admin(self.exchange, self._opened.seal, secrets.token_bytes)
        self._voices = Voices(self.admin.faults, self.exchange.keys, text_frame, later)
        self.personal = Personal(self.exchange, self._opened.seal, secrets.token_bytes)
        self._commit = GroupCommit(
            self._opened.journal,
            on_failure=self.fail,
            on_pressure=self._hold,
            on_batch=self._meter.batch,
        )
        self._live = self._live_market(source)
        if self._live is not None:
            self._live.start()
        self.turn(lambda: self.admin.partial_fills.begin(self.exchange.time_at(now_ns)))
        self.turn(lambda: self.exchange.step(now_ns))
        try:
            if self.config.has_tls:
                self._authority = exchange_tls.authority(self._opened.directory.path)
            await self._open_ports(Cashier(self.exchange, self.personal))
        except BaseException:
            await self.stop()
            raise
        self._bots = BotsSite(self.config.data)
        token = self._opened.directory.token()
        twin = self._tls_servers.get("native")
        self.guard = Guard(self.port("native"), token, twin.port if twin else None)
        self._accounts = open_account_site(
            self, self.guard, secrets.token_bytes, Passwords(), twin.port if twin else None
        )
        self.page = PageSite(self, self._bots, self._accounts, self.guard)
        self._tasks = [
            asyncio.create_task(self._step_forever()),
            asyncio.create_task(self._snapshot_forever()),
        ]
        for task in self._tasks:
            task.add_done_callback(self._ended)
        ready = self.ready()
        ports = {name: server.port for name, server in self._servers.items()}
        self.repairs = self._opened.repairs
        document = {"ports": ports, "tls": ready.get("tls"), "repairs": self.repairs}
        self._opened.directory.write_ports(document)
        if self.config.ready_file:
            datadir.write_atomically(self.config.ready_file, ready)
        return ready

    async def _open_ports(self, cashier: Cashier) -> None:
        for name in self.config.names:
            dialect = dialects.find(name)
            limits = self.config.limits(name, dialect.limits)
            tokens = StreamTokens(secrets.token_bytes)
            gate = Gate(self.exchange, dialect, limits, self.clock.now_ns(), cashier, tokens)
            gate.misbehave(self.admin.faults, self.admin.partial_fills)
            self._gates[name] = gate
            site = _Site(self, gate)
            self._sites.append(site)
            self._servers[name] = await serve_on(self._ports.pop(name), site)
            if self._authority is not None:
                bound, tls = self._tls_ports.pop(name), self._authority.context
                twin = exchange_tls.OverTls(site)
                self._tls_servers[name] = await serve_on(bound, twin, tls=tls)

    async def stop(self) -> None:
        """Stop listening, save a snapshot, close the journal; safe to call twice."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for line, connection in [*self._lines.values()]:
            self._end(line, connection, Ending.STOP)
        if self._live is not None:
            await self._live.close()
        for server in (*self._servers.values(), *self._tls_servers.values()):
            await server.close()
        self._servers, self._tls_servers = {}, {}
        if self._accounts is not None:
            self._accounts.close()
        if self._bots is not None:
            await self._bots.close()
        self._give_ports_back()
        if self.failure is None and not self._opened.is_closed:
            await self._commit.stop()
            self._opened.save_snapshot(self.exchange.snapshot())
        self._opened.close()
        self.stopped.set()

    def _take_ports(self) -> None:
        for name in self.config.names:
            port = self.config.port(name)
            self._ports[name] = bind(self.config.host, port)
            if self.config.has_tls:
                twin = port and port + exchange_tls.PORT_OFFSET
                self._tls_ports[name] = bind(self.config.host, twin)

    def _give_ports_back(self) -> None:
        """Let go of the ports that nobody serves."""
        for ports in (self._ports, self._tls_ports):
            while ports:
                ports.popitem()[1].close()

    def ready(self) -> dict[str, Any]:
        """Return the document that says where everything is."""
        ports = {name: server.port for name, server in self._servers.items()}
        document = {"ready": True, "pid": self._opened.pid, **addresses(self.config.host, ports)}
        if self._tls_servers:
            twins = {name: server.port for name, server in self._tls_servers.items()}
            document["tls"] = {
                "ca": str(exchange_tls.files(self._opened.directory.path)[0]),
                **addresses(self.config.host, twins, "s"),
            }
        return document

    def market_told(self) -> Response:
        """Return what bots are told of the market."""
        return market_response(self._opened.source)

    def port(self, dialect: str) -> int:
        """Return the port that a dialect listens on."""
        return self._servers[dialect].port

    def sandbox_clock(self) -> dict[str, Any]:
        """Return what time it is, and whether that is the host's."""
        now_ns, exchange = self.clock.now_ns(), self.exchange
        return exchange.clock.described(now_ns, exchange.time_at(now_ns))

    def wire_ns(self) -> int:
        """Return the time that people's telephones show."""
        return self.clock.now_ns()

    def sandbox_ns(self) -> int:
        """Return the exchange's time."""
        return self.exchange.time_at(self.clock.now_ns())

    def metrics(self) -> str:
        """Return the process's numbers as Prometheus reads them."""
        sockets = Counter(dict.fromkeys(self._gates, 0))
        sockets.update(line.dialect for line, _ in self._lines.values())
        seen = Readings(
            uptime_s=(self.clock.now_ns() - self.started_ns) / 1_000_000_000,
            counts=self.exchange.counts,
            gates=self._gates,
            meter=self._meter,
            waiting=self._commit.waiting,
            sequence=self._opened.journal.last_sequence,
            connections=self._connections(),
            sockets=sockets,
            dropped={name: self._dropped[name] for name in self._gates},
            latency=self.latency,
        )
        return metrics_text(seen)

    def _connections(self) -> dict[str, int]:
        count = {name: len(server.connections) for name, server in self._servers.items()}
        for name, server in self._tls_servers.items():
            count[name] += len(server.connections)
        return count

    @property
    def environment(self) -> str:
        """How far orders reach here: nowhere, but with a live market it is called paper."""
        return "paper" if self._live is not None else "sandbox"

    def _live_market(self, source: MarketSource) -> "LiveMarket | None":
        """Return what follows the venues of a live market."""
        market = self.exchange.market
        if not (isinstance(source, LiveSource) and isinstance(market, LiveTape)):
            return None
        from steelyard.cli.live_market import LiveMarket  # noqa: PLC0415

        return LiveMarket(
            source,
            market,
            tell=self._hear_market,
            may_tell=lambda: (
                not (self._is_held or self.exchange.clock.is_frozen or self.failure is not None)
            ),
            note=lambda text: print(text, file=sys.stderr),
            fail=self.fail,
        )

    def _hear_market(self, facts: "Sequence[Fact]") -> None:
        """Record what venues have told."""
        now_ns = self.exchange.time_at(self.clock.now_ns())
        try:
            self.turn(lambda: [self.exchange.record(fact, now_ns) for fact in facts])
        except StorageError as error:  # before the group commit could tell
            self.fail(error)

    # -- turns --------------------------------------------------------------------------------

    def turn(self, act: Callable[[], Any], then: Callable[[Any], None] | None = None) -> None:
        """Let the machine act once; what follows from it happens when it is on disk."""
        self.follow(then, act())

    def follow(self, then: Callable[..., None] | None, *args: Any) -> None:
        """Have what the machine has just done written, and do this when it is on disk."""
        records, frames, payloads = self.exchange.drain()
        sequence = self._opened.journal.append_all(payloads)
        release = self._commit.release
        if then is not None:
            release(sequence, then, *args)
        if frames:
            release(sequence, self._tell, [(text_frame(each.payload), each) for each in frames])
        for _, message in records:
            if isinstance(message, _KEY_CHANGES):
                release(sequence, self._close_lines_of, message)
        if payloads and then is None:
            self._commit.begin()

    def _tell(self, frames: list[tuple[bytes, Frames]]) -> None:
        """Send what the streams have to say."""
        is_troubled = self._voices.are_needed
        for frame, (_, sessions, channel) in frames:
            for session in sessions:
                if not (found := self._lines.get(session)):
                    continue
                if is_troubled:
                    self._voices.tell(*found, frame, channel)
                else:
                    found[1].send_shared(frame)

    def answer(self, act: Callable[[], Any]) -> "asyncio.Future[Any]":
        """Let the machine act once; the future is done when it is on disk."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def done(result: Any) -> None:
            if not future.done():
                future.set_result(result)

        self.turn(act, done)
        return future

    def administer(self, call: AdminCall) -> "asyncio.Future[dict[str, Any]]":
        """Carry out an administrator's call; done when it is on disk.

        Raises:
            UsageError: It cannot be done.
        """
        now_ns = self.clock.now_ns()
        return self.answer(lambda: self.admin.carry_out(call, now_ns))

    async def _step_forever(self) -> None:
        loop = asyncio.get_running_loop()
        at = looked = loop.time()
        while True:
            # A late step is not made up by a burst: the market does what is due in one.
            at = max(at + STEP_S, loop.time())
            await asyncio.sleep(at - loop.time())
            if at - looked >= ENDED_KEYS_S:
                looked = at
                self._look_at_lines(self.clock.now_ns())
            if self._is_held:
                continue  # a market that goes on would fill the journal's buffer too
            if self._live is not None:
                self._live.check()
            now_ns = self.clock.now_ns()
            self.turn(lambda: self._step(now_ns))  # noqa: B023 called at once
            market = self.exchange.market
            if self._ends_with_market and market is not None and market.ended:
                self.stopped.set()

    def _step(self, wire_ns: int) -> None:
        """Let the market do what is due, and scripts of orders go on."""
        self.exchange.step(wire_ns)
        self.admin.partial_fills.step(self.exchange.time_at(wire_ns))

    async def _snapshot_forever(self) -> None:
        while True:
            await asyncio.sleep(SNAPSHOT_S)
            if self._authority is not None:
                exchange_tls.renew(self._authority, self.clock.now_ns())
            sequence, data = self._opened.journal.last_sequence, self.exchange.snapshot()
            await self.answer(lambda: None)
            await asyncio.to_thread(self._opened.save_snapshot, data, sequence)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """A market that does not move on, or no more snapshots: the exchange stops and says why."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    def _hold(self, is_held: bool) -> None:  # noqa: FBT001 the group commit's one argument
        """Take nothing new up while the disk does not keep up."""
        self._is_held = is_held
        for server in (*self._servers.values(), *self._tls_servers.values()):
            server.hold(is_held=is_held)

    def fail(self, error: BaseException) -> None:
        """Take nothing more, and stop."""
        self.failure = self.failure or error
        self.stopped.set()
        for site in self._sites:
            site.give_up()
        if self._accounts is not None:
            self._accounts.close()

    # -- WebSockets ---------------------------------------------------------------------------

    def open_line(self, gate: Gate, request: Request, ip: str, socket: WebSocketConnection) -> bool:
        """Begin a WebSocket; False where the dialect has none at this target."""
        session = self._next_session
        line = gate.line(request.target, ip, session, self.clock.now_ns, request.headers)
        if line is None:
            return False
        self._next_session += 1
        self._lines[session] = (line, socket)
        socket.on_message = lambda frame: self._hear(line, socket, frame)
        socket.on_close = lambda: self._close_line(session)
        self.turn(line.session.drain, lambda frames: self._send(line, socket, frames))
        return True

    def _close_lines_of(self, changed: KeyRevoked | KeyChanged) -> None:
        """Close every WebSocket that has proven a key which was revoked or changed."""
        why = "the key has been revoked"
        if isinstance(changed, KeyChanged):
            why = "the key has been changed; connect again"
        for line, connection in [*self._lines.values()]:
            if changed.key in line.keys:
                self._end(line, connection, Ending.KEY)
                connection.close(POLICY, why)

    def _look_at_lines(self, wire_ns: int) -> None:
        """Close every WebSocket whose time, or whose key's time, is over; wake the others."""
        now_ns, keys = self.exchange.time_at(wire_ns), self.exchange.keys
        for line, connection in [*self._lines.values()]:
            why = next((w for key in line.keys if (w := keys.ended(key, now_ns))), None)
            if why is not None:
                self._end(line, connection, Ending.KEY)
                connection.close(POLICY, why)
            elif line.is_old(wire_ns):
                self._end(line, connection, Ending.AGE)
                connection.close(GOING_AWAY, "a connection lasts no longer; connect again")
            else:
                line.session.wake(wire_ns)
                self._send(line, connection, line.session.drain())

    def _end(self, line: Line, connection: WebSocketConnection, ending: Ending) -> None:
        """Say what a session has to say before its connection is closed."""
        line.session.end(ending, self.clock.now_ns())
        for frame in line.session.drain():
            connection.send(frame)

    def _hear(self, line: Line, socket: WebSocketConnection, frame: str | bytes) -> None:
        """Take a client's message; a fault may befall it."""

        def carry_out(answer: Callable[[list[bytes]], None]) -> None:
            if line.session_id in self._lines:
                self.turn(lambda: self._receive(line, frame), answer)

        def say(frames: list[bytes]) -> None:
            self._send(line, socket, frames)

        strike = self._voices.heard(line)
        if strike is None:
            carry_out(say)
        else:
            befall_message(strike, carry_out, say, socket, later)

    def _receive(self, line: Line, frame: str | bytes) -> list[bytes]:
        line.receive(frame)
        return line.session.drain()

    def _send(self, line: Line, socket: WebSocketConnection, frames: list[bytes]) -> None:
        voice = self._voices.of(line, socket)
        for frame in frames:
            voice.send(frame)
        if line.session.closing is not None:
            socket.close(*line.session.closing)

    def _close_line(self, session: int) -> None:
        found = self._lines.pop(session, None)
        self._voices.forget(session)
        if found is not None:
            line, socket = found
            line.close()
            self._dropped[line.dialect] += socket.is_dropped


class _Site:
    """What one port serves: a dialect; on the native port page, administration and metrics too."""

    def __init__(self, process: ExchangeProcess, gate: Gate) -> None:
        self._process = process
        self._gate = gate
        self._has_page = gate.dialect.name == "native"
        self._trouble = RequestTrouble(process.admin.faults, gate)
        self._asked: dict[int, tuple[Request, Answer]] = {}  # what waits for the disk
        self._next = 0

    def http(self, request: Request, ip: str, reply: Reply) -> None:
        process = self._process
        if not request.target.startswith(API_ROOT):
            path = request.path
            if path == MARKET_PATH:
                reply(process.market_told())
                return
            if self._has_page:
                if process.page.serves(path):
                    process.page.http(request, ip, reply)
                    return
                if path == "/metrics" and request.method in ("GET", "HEAD"):
                    refusal = process.guard.refusal(request, needs_token=False)
                    reply(private(refusal or metrics_response(process.metrics())))
                    return
                if path == STATUS_PATH:
                    request = request._replace(target=STATUS_TARGET)
        if process.failure is not None:
            reply(self.refuse(request, UNAVAILABLE, _STOPPING))
            return
        strike = self._trouble.strike(request)
        if strike is None:
            self._carry_out(request, ip, reply)
            return
        befall(
            strike,
            lambda answer: self._carry_out(request, ip, answer),
            reply,
            lambda: self._trouble.said(strike, process.clock.now_ns()),
            later,
        )

    def _carry_out(self, request: Request, ip: str, reply: Answer) -> None:
        """Take a request up, and hand its answer on when it is on disk."""
        process, number = self._process, self._next
        self._next += 1
        began_s = time.perf_counter()
        now_ns = process.clock.now_ns()
        self._asked[number] = request, reply
        try:
            response = self._gate.http(request, ip, now_ns)
            process.follow(self._reply, number, began_s, response)
        except StorageError as error:  # before the group commit could tell
            process.fail(error)

    def _reply(self, number: int, began_s: float, response: Response) -> None:
        _, reply = self._asked.pop(number)
        reply(response)
        self._process.latency.add(time.perf_counter() - began_s)

    def give_up(self) -> None:
        """Answer who waits for a disk that refuses: not with what may not last."""
        asked, self._asked = self._asked, {}
        for request, reply in asked.values():
            reply(self.refuse(request, UNAVAILABLE, _STOPPING))

    def websocket(
        self, request: Request, ip: str, connection: WebSocketConnection
    ) -> bool | Response:
        try:
            if self._process.open_line(self._gate, request, ip, connection):
                return True
            message = f"there is no stream at {request.path[:100]}"
            refusal = Refusal(AccessReason.UNKNOWN_ENDPOINT, message)
        except SessionRefused as refused:
            refusal = refused.refusal
        return self._gate.refuse(refusal, self._process.clock.now_ns())

    def refuse(self, _request: Request, status: int, message: str) -> Response:
        """Say in the venue's words that bytes were no request that the port takes."""
        reason = _REFUSED_BY_PORT.get(status, AccessReason.MALFORMED)
        taken = ", ".join(sorted({e.method for e in self._gate.dialect.endpoints}))
        refusal = Refusal(reason, message, taken if status == NOT_ALLOWED else None)
        return self._gate.refuse(refusal, self._process.clock.now_ns())._replace(status=status)
