"""The trader: one machine from what happens to what is to be done about it.

`step(input, now_ns)` returns actions; nothing else goes in or comes out, so a test, a backtest
and a live bot run the same machine. The start is a ladder, and until its last rung trading is
gated: instrument, clock, key (one that may withdraw ends the start), account, streams, then a
clean comparison of orders and fills with the venue. A private stream that breaks gates trading
again until a new comparison. Orders left pending by a crash become unknown and are searched.

A kill is journaled before anything else, and stays through restarts. It ends in a report that
says verified only when the venue, asked afterwards, has no open order of this bot.
"""

from enum import IntEnum, auto
from random import Random
from typing import NamedTuple

from steelyard.domain.commands import Place
from steelyard.domain.errors import ConfigError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.journal import Record
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    Answer,
    BalanceEvent,
    BookDelta,
    BookSnapshot,
    Clock,
    ClockQuery,
    Event,
    InstrumentList,
    InstrumentsQuery,
    KeyAnswer,
    KeyQuery,
    OrderEvent,
    OrderList,
    OrdersQuery,
    Refused,
    Scope,
    Trade,
)
from steelyard.trading import risk
from steelyard.trading.actions import (
    Action,
    Finish,
    Input,
    Kill,
    OpenStreams,
    Resume,
    Returned,
    Role,
    Sent,
    Start,
    Stop,
    StreamDown,
    StreamUp,
    Told,
    Woken,
)
from steelyard.trading.config import BotConfig, OnStop
from steelyard.trading.host import Guard, StrategyHost, unguarded
from steelyard.trading.marketdata import MarketData
from steelyard.trading.orders import ClientIds, OwnOrder
from steelyard.trading.orderwork import OWN_ACCOUNT, OrderWork
from steelyard.trading.portfolio import EquityCurve
from steelyard.trading.questions import Questions
from steelyard.trading.reconcile import Reconciler
from steelyard.trading.records import (
    FORMAT,
    InstrumentSeen,
    Killed,
    Resumed,
    RunStarted,
    RunStopped,
)
from steelyard.trading.strategy import Desk, Strategy
from steelyard.trading.turn import Rules, Turn
from steelyard.wire.outcome import Answered

CLOCK_NS = 60 * SECOND_NS  # how often the venue's clock is compared with ours
CLOCK_TRIES = 3  # the quickest answer tells best
EQUITY_NS = SECOND_NS
KILL_AGAIN_NS = SECOND_NS // 10
KILL_SLOWLY_NS = SECOND_NS // 2
KILL_REPORT_NS = 4 * SECOND_NS  # by then whoever pressed the button is told
STOP_NS = 6 * SECOND_NS
USAGE, VENUE = 2, 3  # exit codes, as the roof has them


class Phase(IntEnum):
    """The rungs of the start."""

    ASLEEP = auto()
    INSTRUMENT = auto()
    FACTS = auto()
    STREAMS = auto()
    MARKET = auto()
    RECONCILE = auto()
    READY = auto()


_PHASES = {
    Phase.ASLEEP: "not started",
    Phase.INSTRUMENT: "asking for the instrument",
    Phase.FACTS: "asking for clock, key and account",
    Phase.STREAMS: "opening the streams",
    Phase.MARKET: "waiting for the book and the bars of the past",
    Phase.RECONCILE: "comparing orders and fills with the venue",
}


class Status(NamedTuple):
    """How a trader is, in a word and a sentence."""

    word: str  # starting, running, gated, killed, stopping
    reason: str | None


class KillReport(NamedTuple):
    """What came of a kill."""

    verified: bool
    open_orders: int
    canceled: int
    steps: tuple[str, ...]
    error: str | None


class Ending:
    """A kill or a stop under way: orders being canceled, and their count at the venue."""

    def __init__(self, begun_ns: int, orders: list[OwnOrder]) -> None:
        self.begun_ns = begun_ns
        self.orders = orders
        self.next_ns = begun_ns
        self.clear_ns: int | None = None  # since when no order is open as far as we know
        self.is_asking = False
        self.counted: int | None = None  # own open orders at the venue
        self.counted_ns = 0  # when that was asked
        self.report: KillReport | None = None

    @property
    def canceled(self) -> int:
        """How many of the orders that were open then were canceled."""
        return sum(order.state is OrderState.CANCELED for order in self.orders)


class Trader:
    """One bot."""

    def __init__(
        self,
        config: BotConfig,
        key_id: str,
        strategy: Strategy,
        rules: Rules,
        rng: Random,
        guard: Guard = unguarded,
    ) -> None:
        self.config = config
        self.strategy = strategy
        self.turn = Turn(rules, rng)
        self.questions = Questions(self.turn)
        self.work = OrderWork(self.turn, self._check)
        self.reconciler = Reconciler(self.turn, self.questions, self.work)
        self.host = StrategyHost(self.turn, strategy, self.work, guard)
        self.desk: Desk | None = None
        self.market: MarketData | None = None
        self.equity = EquityCurve(EQUITY_NS)
        self.listings = Listings()
        self.phase = Phase.ASLEEP
        self.started_ns = 0
        self.kill: Ending | None = None
        self.is_finished = False
        self._limits = config.limits
        self._key_id = key_id
        self._streams: dict[Role, str | None] = dict.fromkeys(Role, "not open yet")
        self._facts: set[str] = set()
        self._clock_ns = 0
        self._clock_tries = 0
        self._is_timing = False
        self._best_round_trip_ns: int | None = None
        self._stop: Ending | None = None
        self._stop_why = ""

    # -- in and out ---------------------------------------------------------------------------

    def replay(self, record: Record) -> None:
        """Take a record of an earlier run, before the first step."""
        self.turn.state.replay(record)
        self.turn.now_ns = max(self.turn.now_ns, record.time_ns)

    def step(self, event: Input, now_ns: int) -> list[Action]:
        """Take what happened, and return what to do."""
        turn = self.turn
        turn.now_ns = max(turn.now_ns, now_ns)
        turn.deadline_ns = None
        if self.is_finished:
            return []
        self._take(event)
        self._work()
        return turn.drain()

    @property
    def deadline_ns(self) -> int | None:
        """When to step again with `Woken`, on our clock."""
        return self.turn.deadline_ns

    @property
    def status(self) -> Status:
        """How it is."""
        killed = self.turn.state.killed_why
        if self._stop is not None:
            return Status("stopping", self._stop_why)
        if killed is not None:
            return Status("killed", killed)
        if self.phase is not Phase.READY:
            return Status("starting", self._starting())
        reason = self.gate or (self.desk.book.trouble(self.turn.now_ns) if self.desk else None)
        return Status("gated", reason) if reason else Status("running", None)

    @property
    def gate(self) -> str | None:
        """Why no new order may be sent, apart from limits, book and kill; None: it may."""
        if self._stop is not None:
            return "the bot is stopping"
        if self.host.failure is not None:
            last = self.host.failure.strip().rpartition("\n")[2]
            return f"the strategy failed: {last}; mend it and start the bot again"
        if self.phase is not Phase.READY:
            return self._starting()
        if (why := self._streams[Role.PRIVATE]) is not None:
            return f"the private stream is down: {why}"
        return self.reconciler.trouble

    def _starting(self) -> str:
        trouble = self.questions.trouble
        if self.phase is Phase.RECONCILE:
            return self.reconciler.trouble or _PHASES[self.phase]
        return _PHASES[self.phase] + (f": {trouble}" if trouble else "")

    # -- what happened ------------------------------------------------------------------------

    def _take(self, event: Input) -> None:
        turn = self.turn
        match event:
            case Start():
                self._start()
            case Told():
                self._told(event.event)
            case StreamUp():
                self._stream_up(event.role)
            case StreamDown():
                self._stream_down(event.role, event.why)
            case Sent():
                turn.sent(event)
            case Returned():
                turn.returned(event)
            case Woken():
                pass
            case Kill():
                self._kill(event)
            case Resume():
                self._resume(event.why)
            case Stop():
                self._begin_stop(event.why)

    def _told(self, event: Event) -> None:
        match event:
            case OrderEvent():
                if event.order.instrument_id != self.turn.instrument.instrument_id:
                    return  # venues may number each instrument's orders by itself
                own = self.work.see_order(event.order, "stream")
                if event.fill is not None:
                    self.work.see_fill(event.fill, "stream", event.order.client_order_id)
                if own is None:
                    self.reconciler.see_foreign(event.order)
            case BalanceEvent():
                for balance in event.balances:
                    free_held = (balance.free_atoms, balance.held_atoms)
                    self.reconciler.balances[balance.asset_id] = free_held
            case BookDelta() | BookSnapshot() | Trade() if self.market and self.desk:
                if not self.market.see(event):
                    return
                if isinstance(event, Trade):
                    self.host.tell("on_trade", event)
                elif self.desk.book.trouble(self.turn.now_ns) is None:
                    self.host.tell("on_book", self.desk.book)
            case _:
                pass  # not asked for

    def _stream_up(self, role: Role) -> None:
        self._streams[role] = None
        self.turn.log("stream.up", role.value)
        if role is Role.MARKET and self.market is not None:
            self.market.up()
        elif role is Role.PRIVATE:
            self.reconciler.require()

    def _stream_down(self, role: Role, why: str) -> None:
        if self._streams[role] is None:
            self.turn.warn("stream.down", f"{role.value}: {why}")
        self._streams[role] = why
        if role is Role.MARKET and self.market is not None:
            self.market.down(why)

    # -- the start ----------------------------------------------------------------------------

    def _start(self) -> None:
        turn, bot = self.turn, self.config.bot
        state = turn.state
        if state.symbol not in (None, self.config.strategy.symbol):
            raise ConfigError(
                f"bot {bot.name!r} has traded {state.symbol} so far and cannot change to "
                f"{self.config.strategy.symbol}; give the new one another name"
            )
        self.started_ns = turn.now_ns
        # The second it began in: also after a lost directory no id is used twice.
        run = max(state.run + 1, turn.now_ns // SECOND_NS)
        turn.record(
            RunStarted(
                FORMAT,
                run,
                bot.name,
                bot.environment.value,
                self.config.strategy.class_name,
                self.config.strategy.symbol,
                {name: str(value) for name, value in self.config.strategy.params.items()},
            )
        )
        self.work.ids = ClientIds(bot.name, run)
        if state.killed_why is not None:
            self.host.is_paused = True
            turn.warn("killed", f"trading is latched off: {state.killed_why}")
        self.phase = Phase.INSTRUMENT
        self.questions.ask("instruments", InstrumentsQuery(), self._on_instruments)

    def _on_instruments(self, answer: Answer, _asked_ns: int) -> None:
        if not isinstance(answer, InstrumentList):
            self._fail(f"the venue does not tell its instruments: {_said(answer)}")
            return
        self.listings = Listings(answer.instruments)
        try:
            instrument = self.listings.symbol(self.config.strategy.symbol)
        except Unsupported as error:
            self._fail(f"[strategy] symbol: {error}")
            return
        if not self._take_instrument(instrument):
            return
        self.phase = Phase.FACTS
        self._ask_clock()
        self.questions.ask("the key's permissions", KeyQuery(self._key_id), self._on_key)
        self.questions.ask("the account", AccountQuery(OWN_ACCOUNT), self._on_account)

    def _take_instrument(self, instrument: Instrument) -> bool:
        turn = self.turn
        known = turn.state.instrument
        if known is not None and _steps(known) != _steps(instrument) and turn.state.orders.open:
            self._fail(
                f"the venue has changed the steps of {instrument.symbol} while orders of this bot "
                "are open; cancel them at the venue, then start the bot again"
            )
            return False
        if known != instrument:
            turn.record(InstrumentSeen(instrument))
        self.desk = Desk(instrument)
        self.host.sit(self.desk)
        self.market = MarketData(turn, self.questions, self.desk)
        if (interval := self.strategy.bar_interval) is not None:
            self.market.want_bars(interval.ns, self.strategy.history_bars)
        return True

    def _ask_clock(self) -> None:
        """Compare clocks; the answer that came back quickest tells most exactly."""
        self._is_timing = True
        self._clock_tries = 0
        self._best_round_trip_ns = None
        self.turn.ask(ClockQuery(), self._on_clock)

    def _on_clock(self, returned: Returned) -> None:
        turn = self.turn
        self._clock_tries += 1
        outcome = returned.outcome
        if isinstance(outcome, Answered) and isinstance(outcome.answer, Clock):
            round_trip_ns = returned.received_ns - returned.sent_ns
            if self._best_round_trip_ns is None or round_trip_ns < self._best_round_trip_ns:
                self._best_round_trip_ns = round_trip_ns
                middle_ns = returned.sent_ns + round_trip_ns // 2
                turn.offset_ns = outcome.answer.time_ns - middle_ns
                turn.offset_error_ns = round_trip_ns // 2
        if self._clock_tries < CLOCK_TRIES:
            turn.ask(ClockQuery(), self._on_clock)
            return
        self._is_timing = False
        self._clock_ns = turn.now_ns + CLOCK_NS
        if self._best_round_trip_ns is None:
            self._clock_ns = turn.now_ns + SECOND_NS
            turn.warn("clock.failed", "the venue's clock could not be read")
            return
        if "clock" not in self._facts:
            offset_ms = turn.offset_ns // 10**6
            turn.log("clock", f"the venue's clock is {offset_ms} ms ahead of this machine's")
        self._fact("clock")

    def _on_key(self, answer: Answer, _asked_ns: int) -> None:
        if isinstance(answer, KeyAnswer):
            if Scope.WITHDRAW in answer.scopes:
                self._fail(
                    "this key may withdraw; a bot must not hold such a key. Make one with the "
                    "scopes read and trade"
                )
                return
            missing = {Scope.READ, Scope.TRADE} - answer.scopes
            if missing:
                self._fail(f"this key lacks the scope {', '.join(sorted(missing))}")
                return
        else:
            # In a sandbox there is nothing to withdraw.
            self.turn.warn("key.unknown", f"what the key may do is not known: {_said(answer)}")
        self._fact("key")

    def _on_account(self, answer: Answer, _asked_ns: int) -> None:
        if isinstance(answer, AccountAnswer):
            self.reconciler.see_account(answer)
            self._fact("account")
        else:
            self._fail(f"the venue does not tell the account: {_said(answer)}")

    def _fact(self, name: str) -> None:
        self._facts.add(name)
        if self.phase is Phase.FACTS and self._facts >= {"clock", "key", "account"}:
            self.phase = Phase.STREAMS
            self.turn.act(OpenStreams(self.turn.instrument))
            for order in self.turn.state.orders.open:
                self.work.doubt(order, "the bot ended before the answer", after_crash=True)

    def _climb(self) -> None:
        """Go up the ladder as far as it is free."""
        if self.phase is Phase.STREAMS and not any(self._streams.values()):
            self.phase = Phase.MARKET
        if self.phase is Phase.MARKET and self._knows_market:
            self.phase = Phase.RECONCILE
        if self.phase is Phase.RECONCILE and self.reconciler.is_clean:
            self.phase = Phase.READY
            self.turn.log("trading", "everything is compared; trading is open")
        if self.phase is Phase.READY and not self.host.is_started and not self.host.is_paused:
            self.host.start()

    @property
    def _knows_market(self) -> bool:
        return (
            self.market is not None
            and self.market.has_history
            and self.desk is not None
            and self.desk.book.trouble(self.turn.now_ns) is None
        )

    def _fail(self, text: str, code: int = USAGE) -> None:
        """End a start that cannot succeed."""
        self.turn.alarm("start.failed", text)
        self._finish(code, text)

    def _finish(self, code: int, text: str) -> None:
        self.turn.record(RunStopped(text))
        self.turn.act(Finish(code, text))
        self.is_finished = True

    # -- what is due --------------------------------------------------------------------------

    def _work(self) -> None:
        if self.is_finished or self.phase is Phase.ASLEEP:
            return
        turn = self.turn
        self.questions.work()
        if self.phase >= Phase.FACTS and not self._is_timing:
            if turn.now_ns >= self._clock_ns:
                self._ask_clock()
            else:
                turn.wake_at(self._clock_ns)
        if self.market is not None:
            self.market.work()
        if self.phase >= Phase.STREAMS:
            self.reconciler.work()
        self._climb()
        self._tell_bars()
        self.host.work(is_open=self._is_open)
        self.host.tell_news()
        self._work_kill()
        self._work_stop()
        if not self.is_finished:
            self.work.work()
            self._note_equity()

    @property
    def _is_open(self) -> bool:
        return (
            self.gate is None
            and self.turn.state.killed_why is None
            and self.desk is not None
            and self.desk.book.trouble(self.turn.now_ns) is None
        )

    def _tell_bars(self) -> None:
        if self.market is None:
            return
        closed, self.market.closed = self.market.closed, []
        for bar in closed:
            self.host.tell("on_bar", bar)

    def _note_equity(self) -> None:
        if self.phase is not Phase.READY:
            return
        half_ticks = self.mark_half_ticks
        portfolio = self.turn.state.portfolio
        if half_ticks is not None and portfolio is not None:
            self.equity.add(self.turn.now_ns, portfolio.total_atoms(half_ticks))
        self.turn.wake_at(max(self.equity.deadline_ns, self.turn.now_ns + 1))

    @property
    def mark_half_ticks(self) -> int | None:
        """Twice the price at which the position is valued: the middle, or the last trade."""
        if self.desk is None:
            return None
        half_ticks = self.desk.book.mid_half_ticks
        if half_ticks is None and self.desk.last_ticks is not None:
            return 2 * self.desk.last_ticks
        return half_ticks

    def _check(self, place: Place, retried: str) -> risk.Approved | risk.Refused:
        state, desk = self.turn.state, self.desk
        assert desk is not None, "orders come after the start"
        assert state.portfolio is not None, "orders come after the instrument"
        return risk.check(
            place,
            self._limits,
            risk.Situation(
                desk.book,
                state.orders,
                state.portfolio.position_lots,
                self.turn.now_ns,
                state.killed_why,
                self.gate,
                retried,
            ),
        )

    # -- kill and stop ------------------------------------------------------------------------

    def _kill(self, event: Kill) -> None:
        turn, why = self.turn, event.why
        if turn.state.killed_why is None:
            turn.record(Killed(why, event.has_file))
        turn.alarm("killed", why)
        self.host.is_paused = True
        self.kill = Ending(turn.now_ns, turn.state.orders.open)
        for order in self.kill.orders:
            self.work.cancel(order, f"killed: {why}")

    def _resume(self, why: str) -> None:
        if self.turn.state.killed_why is None:
            return
        self.turn.record(Resumed(why))
        self.turn.warn("resumed", why)
        self.kill = None
        self.host.is_paused = False

    def _work_kill(self) -> None:
        kill, turn = self.kill, self.turn
        if kill is None or (kill.report is not None and kill.report.verified):
            return
        still_open = turn.state.orders.open
        for order in still_open:
            self.work.cancel(order, "killed")
        if still_open:
            kill.clear_ns = None
        elif kill.clear_ns is None:
            kill.clear_ns = turn.now_ns
        self._count_at_venue(kill)
        if kill.counted == 0 and kill.clear_ns is not None and kill.counted_ns >= kill.clear_ns:
            kill.report = self._kill_report(kill, None)
            turn.warn("kill.verified", "0 open orders of this bot at the venue")
        elif kill.report is None:
            deadline_ns = kill.begun_ns + KILL_REPORT_NS
            if turn.now_ns < deadline_ns:
                turn.wake_at(deadline_ns)
                return
            said = "not known" if kill.counted is None else str(kill.counted)
            error = (
                f"not verified: {len(still_open)} orders may still be open, counted at the venue: "
                f"{said}; the bot keeps canceling"
            )
            kill.report = self._kill_report(kill, error)
            turn.alarm("kill.unverified", error)

    def _kill_report(self, kill: Ending, error: str | None) -> KillReport:
        still_open = max(len(self.turn.state.orders.open), kill.counted or 0)
        steps = (
            "trading latched off",
            f"{kill.canceled} orders canceled",
            error or "0 open orders of this bot at the venue",
        )
        return KillReport(error is None, still_open, kill.canceled, steps, error)

    def _count_at_venue(self, ending: Ending) -> None:
        """Ask which orders are open: at once when none should be, else now and then."""
        turn = self.turn
        if ending.is_asking or self.phase < Phase.STREAMS:
            return
        if turn.now_ns < ending.next_ns:
            turn.wake_at(ending.next_ns)
            return
        ending.is_asking = True

        def answered(answer: Answer, asked_ns: int) -> None:
            ending.is_asking = False
            is_slow = ending.report is not None or ending.clear_ns is None
            ending.next_ns = turn.now_ns + (KILL_SLOWLY_NS if is_slow else KILL_AGAIN_NS)
            if isinstance(answer, OrderList):
                own = [self.work.see_order(told, "query") for told in answer.orders]
                ending.counted = sum(order is not None for order in own)
                ending.counted_ns = asked_ns

        self.questions.ask(
            "open orders",
            OrdersQuery(OWN_ACCOUNT, 1_000, turn.instrument.instrument_id, open_only=True),
            answered,
        )

    def _begin_stop(self, why: str) -> None:
        if self._stop is not None:
            return
        turn = self.turn
        self._stop_why = why
        self._stop = Ending(turn.now_ns, turn.state.orders.open)
        self.host.tell("on_stop")
        turn.log("stopping", why)
        if self.config.bot.on_stop is OnStop.CANCEL:
            for order in self._stop.orders:
                self.work.cancel(order, "the bot is stopping")

    def _work_stop(self) -> None:
        stop, turn = self._stop, self.turn
        if stop is None:
            return
        waits_for = [
            order
            for order in turn.state.orders.open
            if order.cancel_why is not None or self.work.is_in_flight(order)
        ]
        is_over = turn.now_ns >= stop.begun_ns + STOP_NS
        if waits_for and not is_over and self.phase >= Phase.STREAMS:
            turn.wake_at(stop.begun_ns + STOP_NS)
            return
        left = len(turn.state.orders.open)
        if left:
            turn.warn("stopped", f"{left} orders of this bot are left open")
        self._finish(0, f"{self._stop_why}; {stop.canceled} orders canceled, {left} left open")


def _steps(instrument: Instrument) -> tuple[int, int]:
    return instrument.lot_atoms, instrument.tick_lot_atoms


def _said(answer: Answer) -> str:
    return answer.message if isinstance(answer, Refused) else type(answer).__name__
