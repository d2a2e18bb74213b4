"""The trader: one machine from what happens to what is to be done about it.

`step(input, now_ns)` returns actions; nothing else goes in or comes out, so a test, a backtest
and a live bot run the same machine. The start is a ladder, and until its last rung trading is
gated: instrument, clock, key (one that may withdraw ends the start), account, streams, then a
clean comparison of orders and fills with the venue. A private stream that breaks gates trading
again until a new comparison. Orders left pending by a crash become unknown and are searched.

The parts are in modules of their own: orders on their way (`orderwork`), comparison
(`reconcile`), market (`marketdata`), the strategy's keeper (`host`), kill and stop (`ending`).
Each does what is due when `_work` calls it, so a turn ends in the same state whatever began it.
"""

from enum import IntEnum, auto
from random import Random
from typing import NamedTuple

from steelyard.domain.commands import Place
from steelyard.domain.errors import ConfigError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.journal import Record
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    Answer,
    BalanceEvent,
    BookDelta,
    BookSnapshot,
    Event,
    InstrumentList,
    InstrumentsQuery,
    KeyQuery,
    OrderEvent,
    Refused,
    Trade,
)
from steelyard.trading import risk
from steelyard.trading.actions import (
    Action,
    BookMoved,
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
from steelyard.trading.ending import Endings
from steelyard.trading.host import Guard, StrategyHost, unguarded
from steelyard.trading.keyaudit import audit
from steelyard.trading.marketdata import MarketData
from steelyard.trading.orders import ClientIds
from steelyard.trading.orderwork import OWN_ACCOUNT, OrderWork
from steelyard.trading.portfolio import EquityCurve
from steelyard.trading.questions import Questions
from steelyard.trading.reconcile import Reconciler
from steelyard.trading.records import (
    FORMAT,
    InstrumentSeen,
    RunStarted,
    RunStopped,
)
from steelyard.trading.strategy import Desk, Strategy
from steelyard.trading.turn import Rules, Turn
from steelyard.trading.venueclock import VenueClock

EQUITY_NS = SECOND_NS
USAGE = 2  # the exit code, as the roof has it
_OF_MARKET = frozenset({BookMoved, BookDelta, Trade})
_FACTS = frozenset({"key", "account"})


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
        self.endings = Endings(self.turn, self.questions, self.work)
        self.questions.denied = self._denied
        self.desk: Desk | None = None
        self.market: MarketData | None = None
        self.equity = EquityCurve(EQUITY_NS)
        self.listings = Listings()
        self.phase = Phase.ASLEEP
        self.started_ns = 0
        self.is_finished = False
        self._limits = config.limits
        self._key_id = key_id
        self._streams: dict[Role, str | None] = dict.fromkeys(Role, "not open yet")
        self._facts: set[str] = set()
        self._key_answer: Answer | None = None
        self._account: AccountAnswer | None = None
        self._was_open = False  # when all parts last looked
        self._clock = VenueClock(self.turn)

    # -- in and out ---------------------------------------------------------------------------

    def replay(self, record: Record) -> None:
        """Take a record of an earlier run, before the first step."""
        self.turn.state.replay(record)
        self.turn.now_ns = max(self.turn.now_ns, record.time_ns)

    def step(self, event: Input, now_ns: int) -> list[Action]:
        """Take what happened, and return what to do."""
        turn = self.turn
        turn.now_ns = max(turn.now_ns, now_ns)
        if self.is_finished:
            turn.deadline_ns = None
            return []
        self._take(event)
        if not self._passes_by(event):
            turn.deadline_ns = None
            self._work()
        return turn.drain()

    def _passes_by(self, event: Input) -> bool:
        """Whether nothing is due that was not before: the market has moved, an order has left."""
        turn = self.turn
        return (
            not turn.needs_work
            and self._was_open
            and turn.deadline_ns is not None
            and turn.now_ns < turn.deadline_ns
            and (type(event) is Sent or (type(event) is Told and type(event.event) in _OF_MARKET))
            and not self.work.news
        )

    @property
    def deadline_ns(self) -> int | None:
        """When to step again with `Woken`, on our clock."""
        return self.turn.deadline_ns

    @property
    def status(self) -> Status:
        """How it is."""
        killed = self.turn.state.killed_why
        if self.endings.stop_why is not None:
            return Status("stopping", self.endings.stop_why)
        if killed is not None:
            return Status("killed", killed)
        if self.phase is not Phase.READY:
            return Status("starting", self._starting())
        reason = self.gate or (self.desk.book.trouble(self.turn.now_ns) if self.desk else None)
        return Status("gated", reason) if reason else Status("running", None)

    @property
    def gate(self) -> str | None:
        """Why no new order may be sent, apart from limits, book and kill; None: it may."""
        if self.endings.stop_why is not None:
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
                self._stream_up(event)
            case StreamDown():
                self._stream_down(event.role, event.why)
            case Sent():
                turn.sent(event)
            case Returned():
                turn.returned(event)
            case Woken():
                pass
            case Kill():
                self.host.is_paused = True
                self.endings.begin_kill(event)
            case Resume():
                self.host.is_paused = False
                self.endings.resume(event.why)
            case Stop():
                self._stop(event.why)

    def _told(self, event: Event | BookMoved) -> None:
        if self.market is None or self.desk is None:
            return  # nothing is followed before the instrument is known
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
            case BookMoved() | BookDelta() | BookSnapshot() | Trade():
                if not self.market.see(event):
                    return
                if isinstance(event, Trade):
                    self.host.tell("on_trade", event)
                elif self.desk.book.trouble(self.turn.now_ns) is None:
                    self.host.tell("on_book", self.desk.book)
            case _:
                pass  # not asked for

    def _stream_up(self, up: StreamUp) -> None:
        role = up.role
        self._streams[role] = None
        self.turn.log("stream.up", role.value)
        if role is Role.MARKET and self.market is not None:
            self.market.up(up.books.get(self.turn.instrument.instrument_id))
        elif role is Role.PRIVATE:
            self.reconciler.require()

    def _stream_down(self, role: Role, why: str) -> None:
        if self._streams[role] is None:
            self.turn.warn("stream.down", f"{role.value}: {why}")
        self._streams[role] = why
        if role is Role.MARKET and self.market is not None:
            self.market.down(why)

    def _stop(self, why: str) -> None:
        if self.endings.stop_why is not None:
            return
        cancels = self.config.bot.on_stop is OnStop.CANCEL
        self.endings.begin_stop(why, cancels=cancels)
        self.host.tell("on_stop")

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
        if (flaw := self.host.check(instrument)) is not None:
            self._fail(f"[strategy] params: {flaw}")
            return False
        self.market = MarketData(turn, self.questions, self.desk)
        if (interval := self.strategy.bar_interval) is not None:
            self.market.want_bars(interval.ns, self.strategy.history_bars)
        return True

    def _on_key(self, answer: Answer, _asked_ns: int) -> None:
        self._key_answer = answer
        self._fact("key")

    def _on_account(self, answer: Answer, _asked_ns: int) -> None:
        if isinstance(answer, AccountAnswer):
            self.reconciler.see_account(answer)
            self._account = answer
            self._fact("account")
        else:
            self._fail(f"the venue does not tell the account: {_said(answer)}")

    def _fact(self, name: str) -> None:
        self._facts.add(name)
        if self._facts == _FACTS:
            self._audit_key()

    def _audit_key(self) -> None:
        """Refuse a key that a bot must not hold, and tell what is odd about one that it may."""
        assert self._key_answer is not None, "the key is one of the facts"
        symbol = self.config.strategy.symbol
        found = audit(self._key_answer, self._account, symbol, self.turn.venue_now_ns)
        if (refusal := found.refusal) is not None:
            self._fail(refusal)
            return
        for finding in found.findings:
            self.turn.warn(finding.name, finding.text)

    def _denied(self, why: str) -> None:
        """The venue does not accept the key: at the start it never will."""
        if self.phase < Phase.STREAMS and not self.is_finished:
            self._fail(f"the venue does not accept this key: {why}")

    def _climb(self) -> None:
        """Go up the ladder as far as it is free."""
        if self.phase is Phase.FACTS and self._clock.is_known and self._facts == _FACTS:
            self.phase = Phase.STREAMS
            self.turn.act(OpenStreams(self.turn.instrument))
            for order in self.turn.state.orders.open:
                self.work.doubt(order, "the bot ended before the answer", after_crash=True)
        if self.phase is Phase.STREAMS and not any(self._streams.values()):
            self.phase = Phase.MARKET
        if self.phase is Phase.MARKET and self._knows_market:
            self.phase = Phase.RECONCILE
        if self.phase is Phase.RECONCILE and self.reconciler.is_clean:
            self.phase = Phase.READY
            self.turn.log("trading", "everything is compared; trading is open")
        is_free = not self.host.is_paused and self.endings.stop_why is None
        if self.phase is Phase.READY and not self.host.is_started and is_free:
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
        self.turn.needs_work = False
        self.questions.work()
        if self.phase >= Phase.FACTS:
            self._clock.work()
        if self.market is not None:
            self.market.work()
        if self.phase >= Phase.STREAMS:
            self.reconciler.work()
        self._climb()
        self._tell_bars()
        self._was_open = self._is_open
        self.host.work(is_open=self._was_open)
        self.host.tell_news()
        is_connected = self.phase >= Phase.STREAMS
        self.endings.work_kill(is_connected=is_connected)
        if (end := self.endings.work_stop()) is not None:
            self._finish(*end)
            return
        if is_connected:
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
        if half_ticks is None or portfolio is None:
            self.turn.wake_at(self.turn.now_ns + EQUITY_NS)  # nothing to value it by yet
            return
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


def _steps(instrument: Instrument) -> tuple[int, int]:
    return instrument.lot_atoms, instrument.tick_lot_atoms


def _said(answer: Answer) -> str:
    return answer.message if isinstance(answer, Refused) else type(answer).__name__
