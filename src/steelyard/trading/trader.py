"""The trader: one machine from what happens to what is to be done about it.

`step(input, now_ns)` returns actions; nothing else goes in or comes out, so a test, a backtest
and a live bot run the same machine. Until the start (`startup`) has come to its last rung trading
is gated; a private stream that breaks gates it again until a new comparison. Orders left pending
by a crash become unknown and are searched.

The parts are in modules of their own: orders on their way (`orderwork`) and their changes
(`amending`), comparison (`reconcile`), market (`marketdata`), the strategy's keeper (`host`), the
stop behind the position (`protection`), stale orders (`sweep`), a person's decisions
(`resolution`), kill and stop (`ending`). Each does what is due when `_work` calls it, so a turn
ends in the same state whatever began it.
"""

from random import Random
from typing import NamedTuple

from steelyard.domain.commands import Place
from steelyard.domain.exposure import Exposure
from steelyard.domain.instrument import Listings
from steelyard.domain.journal import Record
from steelyard.domain.messages import (
    SECOND_NS,
    BalanceEvent,
    BookDelta,
    BookSnapshot,
    Event,
    OrderEvent,
    Trade,
)
from steelyard.trading import risk
from steelyard.trading.actions import (
    Action,
    BookMoved,
    Closing,
    Finish,
    Input,
    Kill,
    LeaseTold,
    MarketTold,
    Reconcile,
    Reply,
    Resolve,
    Resume,
    ResumeBreaker,
    Returned,
    Role,
    Sent,
    Start,
    Stop,
    StreamDown,
    StreamUp,
    Told,
    VenueHalt,
    Woken,
)
from steelyard.trading.channels import Channel, Channels
from steelyard.trading.config import BotConfig, OnError, OnStop
from steelyard.trading.days import Days
from steelyard.trading.deadman import DeadManTimer
from steelyard.trading.ending import Endings
from steelyard.trading.exposure import Alone, Exposed
from steelyard.trading.halts import Halts
from steelyard.trading.host import Guard, StrategyHost, unguarded
from steelyard.trading.marketdata import MarketData
from steelyard.trading.measures import Measures
from steelyard.trading.orders import Amending, OwnOrder
from steelyard.trading.orderwork import OrderWork
from steelyard.trading.portfolio import EquityCurve
from steelyard.trading.protection import Protection
from steelyard.trading.questions import Questions
from steelyard.trading.reconcile import Reconciler
from steelyard.trading.records import RunStopped, TraderRecord
from steelyard.trading.resolution import Resolutions
from steelyard.trading.shortcheck import Parts, ShortCheck
from steelyard.trading.startup import Phase, Startup
from steelyard.trading.strategy import Desk, Strategy
from steelyard.trading.sweep import Sweep
from steelyard.trading.tripping import Breakers
from steelyard.trading.turn import Rules, Turn
from steelyard.trading.venueclock import VenueClock
from steelyard.trading.watch import Watch
from steelyard.trading.worth import Worth

EQUITY_NS = SECOND_NS
LATE_NS = SECOND_NS // 50  # a shell that is busy with the book may wake it so much later
FAILED, USAGE = 1, 2  # exit codes, as the roof has them
_OF_BOOK = frozenset({BookMoved, BookDelta})


class Status(NamedTuple):
    """How a trader is, in a word and a sentence."""

    word: str  # starting, running, gated, killed, stopping
    reason: str | None

    @property
    def trouble(self) -> str | None:
        """Why nothing can be ordered; None: it can."""
        return None if self.word == "running" else self.reason or self.word


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
        exposure: Exposure | None = None,
        code: str = "",
    ) -> None:
        """Exposure is what the bots of this host share; without it there are no others.

        code is what the strategy is made of, for the journal.
        """
        self.config = config
        self.strategy = strategy
        self.turn = turn = Turn(rules, rng)
        self.questions = Questions(turn)
        self.work = OrderWork(turn, self._check, self._check_amend)
        self.reconciler = Reconciler(
            turn,
            self.questions,
            self.work,
            config.bot.foreign_orders,
            has_stop=config.stop_loss is not None,
        )
        self.protection = Protection(
            turn,
            self.work,
            config.stop_loss,
            config.risk.lost_stop,
            config.limits.max_order_notional,
            config.limits.max_order_size,
        )
        self.host = StrategyHost(turn, strategy, self.work, self.protection, guard)
        self.host.failed = self._strategy_failed
        self.endings = Endings(turn, self.questions, self.work)
        self.channels = Channels(config.main.budgets)
        self.halts = Halts(turn)
        self.startup = Startup(
            turn,
            self.questions,
            self.work,
            self.reconciler,
            self.host,
            self.channels,
            config,
            key_id,
            self._fail,
        )
        self.startup.code = code
        self.startup.closed_why = lambda: self.status.trouble
        self.resolutions = Resolutions(
            turn, self.questions, self.work, self.reconciler.inquiries, self.reconciler
        )
        self.sweep = Sweep(turn, self.work, config.bounds, self._blind_why)
        self.dead_man = DeadManTimer(turn, config.main.dead_man_ns)
        self.equity = EquityCurve(EQUITY_NS)
        self.breakers = Breakers(turn, config.breakers, self._cancel_open)
        self.measures = Measures(turn)
        self.work.answered = self.measures.answered
        turn.recorded, turn.closed = self._recorded, self.breakers.closed
        turn.decided, turn.ordered = self.measures.see, self.breakers.see
        self.questions.missed = self.breakers.missed
        self.exposed = Exposed(exposure or Alone())
        self.days = Days(turn, config.risk.drawdown, self._kill)
        self.worth = Worth(
            turn,
            self.startup,
            self.reconciler.account,
            self.days,
            has_drawdown=config.risk.drawdown is not None,
        )
        self.lease_trouble: str | None = None
        self.is_finished = False
        self._limits = config.limits
        self._streams: dict[Role, str | None] = dict.fromkeys(Role, "not open yet")
        seen = (self.startup, self.endings, self.host, self.halts, self.reconciler, self.channels)
        parts = Parts(*seen, self.breakers, self._streams, lambda: self.lease_trouble)
        self._short = ShortCheck(turn, config.limits, parts)
        self._watch = Watch(turn)
        self._was_open = False  # when all parts last looked
        self._has_waited = False  # what is due, for an order to leave

    @property
    def phase(self) -> Phase:
        """How far the start has come."""
        return self.startup.phase

    @property
    def desk(self) -> Desk | None:
        """What the strategy sees, once the instrument is known."""
        return self.startup.desk

    @property
    def market(self) -> MarketData | None:
        """The market that is followed, once the instrument is known."""
        return self.startup.market

    @property
    def listings(self) -> Listings:
        """What the venue lists."""
        return self.startup.listings

    @property
    def clock(self) -> VenueClock:
        """How far the venue's clock is from ours."""
        return self.startup.clock

    @property
    def started_ns(self) -> int:
        """When this run began."""
        return self.startup.begun_ns

    # -- in and out ---------------------------------------------------------------------------

    def replay(self, record: Record) -> None:
        """Take a record of an earlier run, before the first step."""
        self.turn.state.replay(record)
        self.breakers.remember(record.message, record.time_ns)
        self.turn.now_ns = max(self.turn.now_ns, record.time_ns)

    def step(self, event: Input, now_ns: int) -> list[Action]:
        """Take what happened, and return what to do."""
        turn = self.turn
        if turn.is_behind:
            self._catch_up()
        turn.now_ns = max(turn.now_ns, now_ns)
        if self.is_finished:
            turn.deadline_ns = None
            return []
        if type(event) is Told and type(event.event) is BookMoved:  # most are
            self._book_moved(event.event)
        else:
            self._short.forget()
            self._take(event)
        if not self._passes_by(event) and not self._comes_first(event):
            turn.deadline_ns, self._has_waited = None, False
            self._short.forget()
            self._work()
            self._short.look()
        return turn.drain()

    def _catch_up(self) -> None:
        """Do what the last turn has left for when its orders have left."""
        self.turn.is_behind = False
        self.turn.hear()
        self.measures.catch_up()
        self.work.catch_up()
        if self.market is not None:
            self.market.catch_up()

    def _passes_by(self, event: Input) -> bool:
        """Whether nothing is due that was not before: the book has moved, an order has left.

        What time alone makes due comes with the shell's `Woken`, so that an order leaves first.
        """
        turn = self.turn
        return (
            not turn.needs_work
            and self._was_open
            and turn.deadline_ns is not None
            and turn.now_ns < turn.deadline_ns + LATE_NS
            and (type(event) is Sent or (type(event) is Told and type(event.event) in _OF_BOOK))
            and not self.work.news
        )

    def _comes_first(self, event: Input) -> bool:
        """Whether an order by a change of the book leaves before what is due, which waits once."""
        turn = self.turn
        if not turn.is_behind or self._has_waited or type(event) is not Told:
            return False
        if type(event.event) in _OF_BOOK:
            self._has_waited = turn.needs_work = True
            turn.wake_at(turn.now_ns)
        return self._has_waited

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
            return Status("starting", self.halts.trouble or self.startup.trouble)
        reason = self.gate or (self.desk.book.trouble(self.turn.now_ns) if self.desk else None)
        reason = reason or self.breakers.trouble or self.protection.trouble
        return Status("gated", reason) if reason else Status("running", None)

    @property
    def gate(self) -> str | None:
        """Why no new order may be sent, apart from limits, book and kill; None: it may."""
        if self.endings.stop_why is not None:
            return "the bot is stopping"
        if self.host.failure is not None:
            last = self.host.failure.strip().rpartition("\n")[2]
            return f"the strategy failed: {last}; mend it and start the bot again"
        return self._apart_gate

    @property
    def _apart_gate(self) -> str | None:
        """Why the bot itself, whatever its strategy is, may send no new order."""
        if (why := self.lease_trouble or self.halts.trouble) is not None:
            return why
        if self.phase is not Phase.READY:
            return self.startup.trouble
        if (why := self._streams[Role.PRIVATE]) is not None:
            return f"the private stream is down: {why}"
        return self.reconciler.trouble or self._stale

    @property
    def _stale(self) -> str | None:
        """Why what is told, but for the book, is not to be relied on."""
        if (why := self.channels.trouble(Channel.PRIVATE, self.turn.now_ns)) is not None:
            return why
        return None if self.market is None else self.market.trades_trouble

    # -- what happened ------------------------------------------------------------------------

    def _take(self, event: Input) -> None:
        turn = self.turn
        match event:
            case Start():
                turn.capabilities = event.capabilities
                self.startup.begin(self.strategy, event.takeover)
                self.protection.begin()
                self.breakers.begin()
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
                self._kill(event.why, has_file=event.has_file)
            case Resume():
                self.host.is_paused = False
                self.endings.resume(event.why)
            case Closing():
                self.endings.note_closing(event.client_order_ids)
            case Stop():
                self._stop(event.why)
            case VenueHalt():
                self.halts.take(event)
                if event.is_ban and event.until_ns > turn.now_ns:
                    self.breakers.closed("a ban of this machine")
            case LeaseTold():
                self._lease_told(event)
            case MarketTold():
                self.startup.practice_on(event)
            case Reconcile():
                self.reconciler.ask(event)
            case ResumeBreaker(request, name, who, why):
                refusal = self.breakers.resume(name, who, why)
                text = refusal or f"the breaker {name} holds nothing any more"
                turn.act(Reply(request, refusal is None, text))
            case Resolve():
                self.resolutions.resolve(event, is_connected=self.phase >= Phase.STREAMS)

    def _told(self, event: Event | BookMoved) -> None:
        market, desk = self.startup.market, self.startup.desk
        if market is None or desk is None:
            return  # nothing is followed before the instrument is known
        match event:
            case OrderEvent():
                self.channels.hear(Channel.PRIVATE, self.turn.now_ns)
                self._told_order(event)
            case BalanceEvent():
                self.channels.hear(Channel.PRIVATE, self.turn.now_ns)
                for balance in event.balances:
                    free_held = (balance.free_atoms, balance.held_atoms)
                    self.reconciler.account.balances[balance.asset_id] = free_held
            case BookMoved() | BookDelta() | BookSnapshot() | Trade():
                self._book_moved(event)
            case _:
                pass  # not asked for

    def _book_moved(self, event: BookMoved | BookDelta | BookSnapshot | Trade) -> None:
        market, desk = self.startup.market, self.startup.desk
        if market is None or desk is None:
            return  # nothing is followed before the instrument is known
        half_ticks = market.changed(event) if type(event) is BookMoved else None
        if half_ticks is None:
            if not market.see(event) or desk.book.trouble(self.turn.now_ns) is not None:
                return
            half_ticks = desk.book.mid_half_ticks
        if half_ticks is not None:
            self.breakers.price(half_ticks)
        self.host.tell_book(desk.book)
        if not self.turn.is_behind:
            market.catch_up()

    def _told_order(self, event: OrderEvent) -> None:
        order = event.order
        if order.instrument_id != self.turn.instrument.instrument_id:
            return  # venues may number each instrument's orders by itself
        own = self.work.see_order(order, "stream")
        if own is None:
            self.reconciler.strangers.see(order)
        if event.fill is None:
            return
        if self.work.see_fill(event.fill, "stream", order.client_order_id) is None:
            self.reconciler.strangers.see_fill(event.fill)

    def _stream_up(self, up: StreamUp) -> None:
        role = up.role
        self._streams[role] = None
        self._watch.stream(role.value, None)
        self.turn.log("stream.up", role.value)
        if role is Role.MARKET and self.market is not None:
            self.market.up(up.books.get(self.turn.instrument.instrument_id))
        elif role is Role.PRIVATE:
            self.channels.hear(Channel.PRIVATE, self.turn.now_ns)
            self.reconciler.require()

    def _stream_down(self, role: Role, why: str) -> None:
        if self._streams[role] is None:
            self.turn.warn("stream.down", f"{role.value}: {why}")
            self.breakers.missed(f"the {role.value} stream: {why}")
        self._streams[role] = why
        self._watch.stream(role.value, why)
        if role is Role.MARKET and self.market is not None:
            self.market.down(why)

    def _kill(self, why: str, *, has_file: bool = False) -> None:
        self.host.is_paused = True
        self.endings.begin_kill(Kill(why, has_file))
        self.turn.wake_at(self.turn.now_ns)  # also when it comes at the end of a turn

    def _lease_told(self, told: LeaseTold) -> None:
        if told.trouble is not None and told.trouble != self.lease_trouble:
            self.turn.alarm("lease", told.trouble)
        self.lease_trouble = told.trouble
        if told.is_lost:  # its orders are the next holder's: not one of them is touched
            self._finish(FAILED, told.trouble or "its lease is lost")

    def _strategy_failed(self, trouble: str) -> None:
        """Do what a strategy that raises leads to; its orders are looked after either way."""
        if self.config.strategy.on_error is OnError.KILL:
            last = trouble.strip().rpartition("\n")[2]
            self._kill(f"the strategy failed: {last}")

    def _cancel_open(self, why: str, until_ns: int) -> None:
        for order in self.turn.state.orders.open:
            if not order.protects and order.created_ns <= until_ns:
                self.work.cancel(order, why)

    def _stop(self, why: str) -> None:
        if self.endings.stop_why is not None:
            return
        cancels = self.config.bot.on_stop is OnStop.CANCEL
        self.endings.begin_stop(why, cancels=cancels)
        self.host.tell("on_stop")

    def _blind_why(self) -> str | None:
        """Why the bot does not see its orders or their market; None: it does."""
        if (why := self._streams[Role.PRIVATE]) is not None:
            return f"the private stream is down: {why}"
        return None if self.desk is None else self.desk.book.trouble(self.turn.now_ns)

    def _fail(self, text: str) -> None:
        """End a start that cannot succeed."""
        if self.is_finished:
            return
        self.turn.alarm("start.failed", text)
        self._finish(USAGE, text)

    def _finish(self, code: int, text: str) -> None:
        self.measures.note()
        self.turn.record(RunStopped(text))
        self.turn.act(Finish(code, text))
        self.is_finished = True

    # -- what is due --------------------------------------------------------------------------

    def _work(self) -> None:
        if self.is_finished or self.phase is Phase.ASLEEP:
            return
        self.turn.needs_work = False
        self.turn.hear()
        self.questions.work()
        self.halts.work()
        if self.phase >= Phase.FACTS:
            self.startup.clock.work()
        if self.startup.clock.is_known:
            self._watch.clock()
        if self.market is not None:
            self.market.work()
        if self.desk is not None and self._is_book_right:
            half_ticks = self.desk.book.mid_half_ticks  # a snapshot may have moved it
            if half_ticks is not None:
                self.breakers.price(half_ticks)
        is_connected = self.phase >= Phase.STREAMS
        if is_connected:
            self.reconciler.work()
            if self.reconciler.clean_ns is not None:
                self.channels.hear(Channel.PRIVATE, self.reconciler.clean_ns)
            self.resolutions.work()
        self.startup.climb(has_streams=not any(self._streams.values()))
        is_free = not self.host.is_paused and self.endings.stop_why is None
        if self.phase is Phase.READY and not self.host.is_started and is_free:
            self.host.start()
        if self.phase is Phase.READY:
            self.breakers.stale(self._blind_why() or self._stale)
        self.breakers.work()
        self._tell_market()
        self._was_open = self._is_open
        self.host.work(is_open=self._was_open)
        self.host.tell_news()
        self.endings.work_kill(is_connected=is_connected)
        if (end := self.endings.work_stop()) is not None:
            self._finish(*end)
            return
        if is_connected:
            self._work_orders()
            self.dead_man.work(is_healthy=self._is_open)
        self._note_equity()
        if self.desk is not None:
            self.measures.book = self.work.book = self.desk.book
            self.measures.work()
        self._watch.status(*self.status)

    def _work_orders(self) -> None:
        """Look after orders: the position's stop, those that are stale, what is on its way."""
        if self.phase is Phase.READY:
            self.protection.work(is_open=self._apart_gate is None and self._is_book_right)
        if self.desk is not None:
            self.sweep.work(self.desk.book)
        self.work.work()

    @property
    def _is_open(self) -> bool:
        return self.gate is None and self.turn.state.killed_why is None and self._is_book_right

    @property
    def _is_book_right(self) -> bool:
        return self.desk is not None and self.desk.book.trouble(self.turn.now_ns) is None

    def _tell_market(self) -> None:
        if self.market is None:
            return
        trades, self.market.backfill.told = self.market.backfill.told, []
        for told in trades:
            self.host.tell("on_trade" if isinstance(told, Trade) else "on_gap", told)
        closed, self.market.closed = self.market.closed, []
        for bar in closed:
            self.host.tell("on_bar", bar)

    def _recorded(self, message: TraderRecord) -> None:
        self.breakers.see(message)
        self.measures.see(message)

    def _note_equity(self) -> None:
        if self.phase is not Phase.READY:
            return
        half_ticks = self.worth.mark_half_ticks
        portfolio = self.turn.state.portfolio
        if half_ticks is None or portfolio is None:
            self.turn.wake_at(self.turn.now_ns + EQUITY_NS)  # nothing to value it by yet
            return
        total_atoms = portfolio.total_atoms(half_ticks)
        self.equity.add(self.turn.now_ns, total_atoms)
        self.days.see(total_atoms)
        self._tell_exposure()
        self.turn.wake_at(max(self.equity.deadline_ns, self.turn.now_ns + 1))

    def _tell_exposure(self) -> None:
        """Tell the other bots of this host what this one's orders can come to."""
        atoms = self.worth.exposure_atoms
        if atoms is not None:
            self.exposed.work(self.turn.instrument.quote, atoms, self.turn.now_ns)

    def _check(self, place: Place, retried: str, *, protects: bool) -> risk.Refused | None:
        if not (retried or protects) and self._short.passes(place):
            return None
        self._short.forget()
        self.turn.hear()
        found = risk.check(place, self._limits, self._situation(retried, protects=protects))
        return found if isinstance(found, risk.Refused) else None

    def _check_amend(self, order: OwnOrder, amending: Amending) -> risk.Refused | None:
        situation = self._situation("", protects=order.protects)
        return risk.check_amend(order, amending, self._limits, situation)

    def _situation(self, retried: str, *, protects: bool = False) -> risk.Situation:
        state, desk = self.turn.state, self.desk
        # A strategy that failed leaves its position behind; the stop of it is still kept.
        is_kept = protects and self.endings.stop_why is None
        assert desk is not None, "orders come after the start"
        assert state.portfolio is not None, "orders come after the instrument"
        return risk.Situation(
            desk.book,
            state.orders,
            state.portfolio.position_lots,
            self.turn.now_ns,
            state.killed_why,
            self._apart_gate if is_kept else self.gate,
            retried,
            self.protection.trouble,
            self.breakers.trouble_now(),
            protects,
            None if self._limits.max_daily_loss is None else self.worth.loss_atoms,
            None if self._limits.max_leverage is None else self.worth.equity_atoms,
            self.exposed,
        )
