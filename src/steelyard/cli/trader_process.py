"""A trader as a process: machine, journal, connections and its own port, joined.

The rule it keeps: no command leaves before every record that came before it is on disk.
Queries and streams need not wait, because asking changes nothing. When the disk refuses, no
command leaves any more, and the process ends. Each request gives back one outcome, whatever
happens: nothing left us, an answer, or not known.

What goes wrong in a strategy stays there (`guarded`); what goes wrong in our own code ends the
process with its traceback, and the next start reconciles.
"""

import asyncio
import gc
import os
import signal
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any, TextIO

from steelyard.cli.bridge_venue import BridgeVenue
from steelyard.cli.dialect_venue import DialectVenue
from steelyard.cli.leasing import LeaseKeeper, group_of, terms_of, trades_of
from steelyard.cli.trader_alerts import TraderAlerts
from steelyard.cli.trader_log import BotLog
from steelyard.cli.trader_page import TraderPage
from steelyard.cli.trader_site import BotSite, latency
from steelyard.cli.trader_strategy import code_of, guarded, load_strategy
from steelyard.cli.venue import Venue
from steelyard.domain.commands import Amend, Place, PlaceGroup, UserCommand
from steelyard.domain.errors import ConfigError, StorageError
from steelyard.domain.journal import gapless
from steelyard.net.clock import Clock
from steelyard.net.server import Server, serve
from steelyard.net.time_service import TimeService, time_service
from steelyard.store import datadir
from steelyard.store.commit import GroupCommit
from steelyard.store.exposure import SharedExposure
from steelyard.store.journal import Journal
from steelyard.store.latch import Latch
from steelyard.store.ownership import Ownership
from steelyard.store.recorder import MarketRecorder
from steelyard.trading import actions
from steelyard.trading.actions import Input, Kill, LeaseTold, Resume, Start, Stop
from steelyard.trading.config import HERE, BotConfig
from steelyard.trading.records import codec
from steelyard.trading.report import state_document
from steelyard.trading.strategy import Strategy
from steelyard.trading.takeover import Takeover, left
from steelyard.trading.trader import Trader
from steelyard.trading.venue import flaws, warnings
from steelyard.vault.hiding import Secrets
from steelyard.wire.capabilities import Capabilities
from steelyard.wire.dialect import ApiKey
from steelyard.wire.outcome import NotSent

PUSH_S = 0.2
LOOK_NS = 200 * 10**6  # the kill mark is looked at so often, and before each order
CLOSE_S = 0.5
KILL_S = 4.6  # whoever pressed the button waits no longer
REPLY_S = 12.0  # nor does whoever asked for something else; the machine answers sooner
HOST = "127.0.0.1"
DONE, FAILED = 0, 1

_MAY_ADD = (Place, PlaceGroup, Amend)

# Told the sequence of each record when it is on disk; tests end the process there.
JournalHook = Callable[[int], None]


@dataclass(frozen=True)
class TraderSettings:
    """What a trader is started with."""

    config: BotConfig
    data: Path
    key: ApiKey
    port: int = 0  # 0: a free one
    terminal: TextIO | None = None
    hook: JournalHook | None = None
    file: Path | None = None  # where the configuration came from
    alerts_to: dict[str, str] = field(default_factory=dict, repr=False)  # addresses, by label
    secrets: tuple[str, ...] = ()  # what else is never written down
    notes: tuple[str, ...] = ()  # what there is to be minded, for the log
    strategy: Strategy | None = None  # None: as the configuration names it
    lease: LeaseKeeper | None = None  # None: nobody else could trade it
    leg: str = ""


async def run_trader(
    settings: TraderSettings, ready: Callable[[dict[str, Any]], None]
) -> actions.Finish:
    """Run a bot until it is told to stop, in order by a signal; return how it ended.

    `ready` is called with the document that says where it listens.

    Raises:
        ConfigError: The directory, its journal, the strategy or the port does not fit.
    """
    process: TraderProcess

    def signaled(number: int) -> None:
        process.signaled(number)

    loop = asyncio.get_running_loop()
    numbers = stop_signals()
    for number in numbers:
        # First of all: one that comes while the journal is replayed is told when that is done.
        loop.add_signal_handler(number, signaled, number)
    process = TraderProcess(settings)
    # What is there by now stays: to look through it for garbage would halt an order for long.
    gc.collect()
    gc.freeze()
    try:
        document = await process.start()
        ready(document)
        finish = await process.run()
        process.say_why(finish)
        return finish
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
        gc.unfreeze()
        await process.close()


def stop_signals() -> tuple[signal.Signals, ...]:
    """Return what stops a bot in order: Ctrl-C, SIGTERM, and a terminal that is closed.

    Whoever has it ignored, as nohup does, wants the bot to go on without its terminal.
    """
    found = (signal.SIGINT, signal.SIGTERM)
    is_heard = signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    return (*found, signal.SIGHUP) if is_heard else found


class TraderProcess:
    """One running bot. Start it, run it, close it."""

    _dead_man: Ownership | None = None

    def __init__(self, settings: TraderSettings) -> None:
        """Load the strategy, lock the directory and replay the journal.

        Raises:
            ConfigError: One of them does not fit.
        """
        config = settings.config
        table, name = config.main, config.bot.name
        strategy = settings.strategy or load_strategy(config.strategy)
        rng = SystemRandom()  # pauses only: nothing that is journaled depends on it
        self.settings = settings
        self.clock = Clock()
        self._loop = asyncio.get_running_loop()
        self.venue: Venue = (
            BridgeVenue(self, table, config.strategy.symbol, settings.key, rng)
            if table.is_bridged
            else DialectVenue(
                self,
                table,
                settings.key,
                rng,
                self._record if config.bot.record_market else None,
                is_real=config.bot.environment not in HERE,
                practice=config.strategy.symbol if config.bot.environment in HERE else "",
                why_not=None if settings.lease is None else settings.lease.why_not,
            )
        )
        self._recorder: MarketRecorder | None = None
        self._latch = Latch(settings.data, name)
        self._lease, self._lease_told = settings.lease, LeaseTold(None)
        self._look_ns: int | None = None  # when to look at it again; None: not before the start
        self._directory = datadir.Directory(settings.data / "bots" / name)
        self._codec = codec()
        self._secrets = Secrets(settings.key, settings.secrets)
        try:
            self._journal = Journal(self._directory.path / "journal")
            self._exposure = SharedExposure(
                datadir.state_directory(),
                group_of(config.bot.environment, settings.data),
                self._directory.path,
                name,
            )
            self.trader = Trader(
                config,
                settings.key.key,
                strategy,
                self.venue.rules,
                rng,
                guarded,
                self._exposure,
                code_of(config.strategy),
            )
            self._replay()
        except BaseException:
            self._directory.close()
            raise
        hidden = self._secrets.hidden
        self._alerts = TraderAlerts(name, config.alerts, settings.alerts_to, self.note, hidden)
        self._log = BotLog(self._directory.path, settings.terminal, hidden, self._alerts.line)
        if repair := self._journal.repair:
            self.note("journal.repaired", repair)
        if config.bot.record_market:
            tape, max_bytes = self._directory.path / "tape", config.bot.record_market_max_mb << 20
            self._recorder = MarketRecorder(tape, max_bytes, self._tape_said)
        self._commit = GroupCommit(self._journal, on_failure=self._disk_failed)
        self._site = BotSite(self, self._directory.token(), self.spawn, hidden, self._page())
        self._server: Server | None = None
        self._time_service = TimeService("none", None, "not asked yet")
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._inputs: deque[Input] = deque()
        self._is_stepping = False
        self._over = asyncio.Event()
        self._kills: list[asyncio.Future[None]] = []
        self._requests: dict[int, asyncio.Future[actions.Reply]] = {}
        self._next_request = 1
        self._has_looked, self._is_dirty = False, True
        self._finish = actions.Finish(DONE, "stopped at once")
        self._failure: BaseException | None = None
        self.stepped: Callable[[], None] = _nothing  # called after each turn

    def _replay(self) -> None:
        """Bring the trader to where its journal ends."""
        settings, stored = self.settings, self._journal.records(0)
        records = (self._codec.decode(sequence, payload) for sequence, payload in stored)
        for record in gapless(records, 0):
            self.trader.replay(record)
        _check_environment(self.trader.turn.state.moment.bot, settings.config, settings.data)

    def _page(self) -> TraderPage:
        """Return the page of the port; what fails in it is a line of the log, and no more."""
        kind = self.settings.config.bot.environment.value
        failed = partial(self.note, "page.failed")
        return TraderPage(self.settings.data, kind, self.clock.now_ns(), failed)

    # -- life ---------------------------------------------------------------------------------

    async def start(self) -> dict[str, Any]:
        """Listen, begin to trade, and return where it listens.

        Raises:
            ConfigError: The port is taken, the bot's past does not fit its configuration, or the
                venue does not offer what a trader's rules need.
        """
        self._alerts.start()
        self._time_service = await time_service()
        is_off = self._time_service.is_kept is False
        level = actions.Level.WARNING if is_off else actions.Level.INFO
        line = actions.Log(level, "clock.host", self._time_service.text)
        self._log.write(line, self.clock.now_ns())
        for text in self.settings.notes:
            self.note("key.minded", text)
        capabilities = await self._start_venue()
        self._server = await serve(self._site, HOST, self.settings.port)
        self._site.port = self._server.port
        config = self.settings.config
        document = {
            "name": config.bot.name,
            "port": self._server.port,
            "token": self._directory.token(),
            "symbol": config.strategy.symbol,
            "strategy": config.strategy.class_name.rpartition(":")[2],
            "key": self.settings.key.key,
        }
        about: dict[str, Any] = {k: document[k] for k in ("symbol", "strategy", "key")}
        about |= {"venue": config.main.where, "terms": terms_of(config)}
        if self.settings.file is not None:
            about["config"] = str(self.settings.file.absolute())  # the kill switch reads it
        datadir.write_atomically(datadir.about_file(self._directory.path), about)
        datadir.ended_file(self._directory.path).unlink(missing_ok=True)
        self._directory.write_ports(document)
        self.step(Start(capabilities, self._takeover()))
        self._look_ns = 0
        self._obey_latch()
        if self._failure is not None:
            raise self._failure
        page = f"http://{HOST}:{self._server.port}/#token={document['token']}"
        return {"ready": True, "pid": os.getpid(), **document, "page": page}

    def _takeover(self) -> Takeover | None:
        if self._lease is None:
            return None
        leg, state = self.settings.leg, self.trader.turn.state
        told = trades_of(self.settings.config)
        self._lease.leaves[leg] = lambda: left(state, self.trader.startup.left, *told)
        return self._lease.takeover(leg)

    async def run(self) -> actions.Finish:
        """Run until the machine has finished, and return its exit code and last words."""
        pushing = asyncio.create_task(self._push_forever())
        try:
            await self._over.wait()
        finally:
            pushing.cancel()
        if self._failure is not None:
            raise self._failure
        return self._finish

    def say_why(self, finish: actions.Finish) -> None:
        """Leave word of how it ended, for who finds it gone."""
        with suppress(ConfigError):  # a disk that refuses is told of by then
            why = self._secrets.hidden(finish.text.encode(errors="replace")).decode(
                errors="replace"
            )
            document = {"code": finish.code, "why": why}
            datadir.write_atomically(datadir.ended_file(self._directory.path), document)

    async def close(self) -> None:
        """Let go of everything: connections first, then what the journal still waits for."""
        self._over.set()
        if self._timer is not None:
            self._timer.cancel()
        if self.venue.asking:  # an answer that is almost here is worth a moment
            await asyncio.wait([*self.venue.asking], timeout=CLOSE_S)
        if self._lease is not None and (self.venue.asking or self._has_unknown):
            self._lease.is_clean = False
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._site.close()
        if self._server is not None:
            await self._server.close()
        await self.venue.close()
        await self._commit.stop()
        self._journal.close()
        if self._recorder is not None:
            await asyncio.to_thread(self._recorder.close)
        if self._dead_man is not None:
            self._dead_man.close()
        self._log.close()
        self._exposure.close()
        self._directory.close()
        await self._alerts.close()  # it may take a while, for which nobody else has to wait

    @property
    def _has_unknown(self) -> bool:
        """Whether something that was sent may still arrive."""
        orders = self.trader.turn.state.orders
        is_unknown = any(not order.was_seen for order in orders.open)
        return is_unknown or bool(orders.amending) or self._failure is not None

    # -- turns --------------------------------------------------------------------------------

    def step(self, event: Input) -> None:
        """Let the machine act, and carry out what it wants before its next input.

        An input that comes up meanwhile waits its turn: otherwise its records would come before
        those of the turn that caused it.
        """
        self._inputs.append(event)
        if self._is_stepping:
            return
        self._is_stepping = True
        try:
            while self._inputs and not self._over.is_set():
                now_ns = self.clock.now_ns()
                event = self._inputs.popleft()
                for told in (*self._told_by_lease(), *self._told_by_latch(now_ns)):
                    self._act(self.trader.step(told, now_ns), now_ns)
                self._act(self.trader.step(event, now_ns), now_ns)
        except StorageError as error:
            self._disk_failed(error)
        except BaseException as error:  # noqa: BLE001 from callbacks it would only be printed
            self._failure = error
            self._over.set()
        finally:
            self._is_stepping = False
        self._is_dirty = True
        self._set_timer()
        self._tell_kills()
        self.stepped()

    def _act(self, wanted: list[actions.Action], now_ns: int) -> None:
        sequence = None
        for action in wanted:
            match action:
                case actions.Journal(message, time_ns):
                    payload = self._secrets.hidden(self._codec.encode(message, time_ns))
                    sequence = self._journal.append(payload)
                    self._alerts.record(message, self.trader.turn.state.instrument, now_ns)
                    if self.settings.hook is not None:
                        self._commit.release(sequence, partial(self.settings.hook, sequence))
                case actions.Send(request_id, command):
                    release = partial(self._send, request_id, command)
                    self._commit.release(self._journal.last_sequence, release)
                case actions.Ask(request_id, query):
                    self.venue.ask(request_id, query, is_command=False)
                case actions.Log():
                    self._log.write(action, now_ns)
                case actions.OpenStreams(instrument):
                    self.venue.follow(instrument)
                case actions.ResetStream(role, why):
                    self._log.write(actions.Log(actions.Level.WARNING, "stream.reset", why), now_ns)
                    self.venue.reset(role)
                case actions.Reply():
                    self._replied(action)
                case actions.Finish():
                    self._finish = action
                    self._over.set()
        if sequence is not None:
            self._commit.release(sequence, _nothing)

    def _send(self, request_id: int, command: UserCommand) -> None:
        """Let a command leave, unless the lease says no, or a kill mark and it might add risk."""
        why = None if self._lease is None else self._lease.why_not(command)
        if isinstance(command, _MAY_ADD) and self._latch.is_set:
            self._look_ns = 0
            why = f"the kill mark is set: {self._latch.why}"
        if why is not None:
            now_ns = self.clock.now_ns()
            self.step(actions.Returned(request_id, NotSent(why), now_ns, now_ns))
            return
        self.venue.ask(request_id, command, is_command=True)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline_ns = self.trader.deadline_ns
        if deadline_ns is None or self._over.is_set():
            return
        pause_s = max(0.0, (deadline_ns - self.clock.now_ns()) / 1e9)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(pause_s, self.step, actions.Woken())

    def _disk_failed(self, error: StorageError) -> None:
        """Nothing can be written down any more, so nothing more may leave."""
        line = actions.Log(
            actions.Level.ERROR,
            "disk.failed",
            f"{error}; no order leaves any more. Open orders stay: `steelyard kill` cancels them",
        )
        self._log.write(line, self.clock.now_ns())
        self._finish = actions.Finish(FAILED, line.text)
        self._over.set()

    def signaled(self, number: int) -> None:
        """Begin to stop; the second time end at once."""
        if self.trader.status.word == "stopping":
            self._over.set()  # asked twice: at once
        else:
            self.step(Stop(signal.Signals(number).name))

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that is ended with the process, and ends it if it fails."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error
            self._over.set()

    # -- the tape -----------------------------------------------------------------------------

    def _record(self, frame: str | bytes) -> None:
        """Keep a frame of the market stream."""
        if self._recorder is not None:
            self._recorder.take(frame, self.clock.now_ns())

    def _tape_said(self, text: str) -> None:
        """Say in the log what the recorder's thread says."""
        with suppress(RuntimeError):  # the loop has ended, and with it the log
            self._loop.call_soon_threadsafe(self.note, "tape", text)

    # -- the venue ----------------------------------------------------------------------------

    async def _start_venue(self) -> Capabilities:
        """Make the venue ready, and refuse one on which the rules could not be kept."""
        table = self.settings.config.main
        capabilities = await self.venue.start()
        if found := flaws(capabilities, table.accept):
            names = [flaw.name for flaw in found if flaw.name is not None]
            how = (
                f"; to trade there all the same: accept = {names}"
                if len(names) == len(found)
                else ""
            )
            why = "; ".join(flaw.text for flaw in found)
            raise ConfigError(f"[venue.main] {table.dialect}: {why}{how}")
        if table.dead_man_ns is not None:
            self._own_dead_man(capabilities)
        if table.is_bridged:
            for text in warnings(capabilities):
                self.note("venue", text)
        return capabilities

    def _own_dead_man(self, capabilities: Capabilities) -> None:
        """Be the one bot of this machine that arms the account's dead man's switch.

        Raises:
            ConfigError: The venue has none, or another one arms it.
        """
        table = self.settings.config.main
        if not capabilities.has_dead_man:
            raise ConfigError(
                f"[venue.main] dead_man: {table.dialect} cancels nothing by itself, or not by "
                "what we say to it; leave it out, and let `steelyard watch` look after the bot"
            )
        names = (table.rest, table.account or self.settings.key.key)
        try:
            self._dead_man = Ownership(datadir.state_directory() / "owners", "dead-man", *names)
        except ConfigError as error:
            raise ConfigError(
                "[venue.main] dead_man: it cancels everything of the account, so only one bot may "
                f"arm it, and {error}; leave it out here"
            ) from error

    def note(self, name: str, text: str) -> None:
        """Write a warning into the log."""
        self._log.write(actions.Log(actions.Level.WARNING, name, text), self.clock.now_ns())

    def now_ns(self) -> int:
        """Return the time."""
        return self.clock.now_ns()

    def venue_now_ns(self) -> int:
        """Return the time on the venue's clock."""
        return self.clock.now_ns() + self.trader.turn.offset_ns

    # -- the latch ----------------------------------------------------------------------------

    def _obey_latch(self) -> None:
        """Do what the kill mark says."""
        for told in self._told_by_latch(self.clock.now_ns()):
            self.step(told)

    def _told_by_latch(self, now_ns: int) -> list[Input]:
        """Return what the kill mark says that the machine does not know, if it is time to look.

        A process that stood still looks before anything that has come meanwhile.
        """
        if self._look_ns is None or now_ns < self._look_ns:
            return []
        self._look_ns = now_ns + LOOK_NS
        state, found = self.trader.turn.state, list[Input]()
        if (is_set := self._latch.is_set) and state.killed_why is None:
            found.append(Kill(self._latch.why, has_file=True))
        elif state.killed_why is not None and not is_set:
            lifted = self._latch.lifted_since(state.killed_ns)
            if lifted is not None or state.killed_has_file:
                found.append(Resume(lifted or "the kill mark was taken away"))
        elif state.killed_why is None:
            self._latch.forget_lift()  # it is of before
        if is_set or not self._has_looked:
            self._has_looked = True
            if not state.closing.issuperset(names := self._latch.closing):
                found.append(actions.Closing(names))
        return found

    def _told_by_lease(self) -> list[Input]:
        """Return how the lease is, if that is new."""
        if self._lease is None:
            return []
        trouble = self._lease.trouble
        told = LeaseTold(trouble, trouble is not None and self._lease.is_lost)
        if told == self._lease_told:
            return []
        self._lease_told = told
        return [told]

    async def kill(self, why: str) -> dict[str, Any]:
        """Latch trading off, and return what came of it in bounded time."""
        has_file, self._look_ns = True, self.clock.now_ns() + LOOK_NS  # it is known here
        try:
            self._latch.set(why, "asked over its port", self.clock.now_ns())
        except ConfigError:
            has_file = False  # the journal keeps it
        done = asyncio.get_running_loop().create_future()
        self._kills.append(done)
        self.step(Kill(why, has_file))
        with suppress(TimeoutError):
            await asyncio.wait_for(done, KILL_S)
        kill = self.trader.endings.kill
        report = kill.report if kill else None
        if report is None:
            return {"killed": True, "verified": False, "error": "not verified in time; it goes on"}
        return {
            "killed": True,
            "verified": report.verified,
            "open_orders": report.open_orders,
            "canceled": report.canceled,
            "steps": list(report.steps),
            "error": report.error,
        }

    async def resume(self, why: str) -> dict[str, Any]:
        """Lift the latch."""
        self._look_ns = self.clock.now_ns() + LOOK_NS
        try:
            self._latch.lift(why, "asked over its port", self.clock.now_ns())
        except ConfigError as error:
            return {"resumed": False, "error": str(error)}
        self.step(Resume(why))
        return {"resumed": True}

    async def reconcile(self, who: str) -> dict[str, Any]:
        """Compare everything with the venue now, and return what came of it."""
        return await self._asked(lambda request: actions.Reconcile(request, who))

    async def resolve(
        self, client_order_id: str, decision: actions.Decision, who: str, why: str
    ) -> dict[str, Any]:
        """Take a person's word on an order, and return whether it counts."""
        return await self._asked(
            lambda request: actions.Resolve(request, client_order_id, decision, who, why)
        )

    async def resume_breaker(self, name: str, who: str, why: str) -> dict[str, Any]:
        """Let a breaker that has tripped resume, and return whether it has."""
        return await self._asked(lambda request: actions.ResumeBreaker(request, name, who, why))

    async def _asked(self, make: Callable[[int], Input]) -> dict[str, Any]:
        """Give the machine what a person asks for, and wait for its reply."""
        request, self._next_request = self._next_request, self._next_request + 1
        waiting = self._requests[request] = asyncio.get_running_loop().create_future()
        self.step(make(request))
        try:
            reply = await asyncio.wait_for(waiting, REPLY_S)
        except TimeoutError:
            return {"done": False, "text": "the bot has not answered in time; it goes on"}
        finally:
            del self._requests[request]
        return {"done": reply.is_done, "text": reply.text}

    def _replied(self, reply: actions.Reply) -> None:
        """Tell who asked, once what was journaled before is on disk."""

        def tell() -> None:
            waiting = self._requests.get(reply.request)
            if waiting is not None and not waiting.done():
                waiting.set_result(reply)

        self._commit.release(self._journal.last_sequence, tell)

    def _tell_kills(self) -> None:
        kill = self.trader.endings.kill
        if kill is None or kill.report is None:
            return
        for waiting in self._kills:
            if not waiting.done():
                waiting.set_result(None)
        self._kills.clear()

    # -- what is shown ------------------------------------------------------------------------

    def document(self) -> dict[str, Any]:
        """Return the state as it is shown."""
        return {
            **state_document(self.trader),
            "latency": latency(self.trader.work.latencies_ns),
            "pacing": self.venue.pacing(),
            "time_service": self._time_service._asdict(),
            "lease": None if self._lease is None else self._lease.document(),
            "log": [*self._log.lines],
        }

    async def _push_forever(self) -> None:
        while True:
            await asyncio.sleep(PUSH_S)
            self.venue.check()
            self._obey_latch()
            for told in self._told_by_lease():
                self.step(told)
            if self._is_dirty:
                self._is_dirty = False
                self._site.push()


def _check_environment(ran: dict[str, Any] | None, config: BotConfig, data: Path) -> None:
    """Refuse a directory of another environment: what a bot has shown there would be mixed up."""
    environment = config.bot.environment
    if ran is not None and ran["environment"] != environment:
        raise ConfigError(
            f"{config.bot.name} has run in {data} as {ran['environment']}, and now its environment "
            f"is {environment}: each has a data directory of its own, so name another --data"
        )


def _nothing() -> None:
    pass
