"""The ladder of a trader's start: until its last rung trading is gated.

Instrument, clock, key (one that may withdraw ends the start), account, streams, market, then a
clean comparison of orders, fills and position with the venue. A holding that the configuration
hands to the bot becomes its position when the account is known to have it. What cannot mend
itself ends the start with a sentence.
"""

from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum, auto

from steelyard.domain.errors import ConfigError, UnitError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    Answer,
    InstrumentList,
    InstrumentsQuery,
    KeyQuery,
    Refused,
)
from steelyard.domain.units import from_atoms, in_full, plain, to_atoms
from steelyard.trading.actions import MarketTold, OpenStreams
from steelyard.trading.channels import Channels
from steelyard.trading.config import HERE, BotConfig
from steelyard.trading.host import StrategyHost
from steelyard.trading.keyaudit import Waiver, audit
from steelyard.trading.marketdata import MarketData
from steelyard.trading.orders import ClientIds
from steelyard.trading.orderwork import OWN_ACCOUNT, OrderWork
from steelyard.trading.questions import Questions
from steelyard.trading.reconcile import Reconciler
from steelyard.trading.records import (
    FORMAT,
    InstrumentSeen,
    KeyAudited,
    LimitsSet,
    MarketNamed,
    PositionAdopted,
    RunStarted,
    TraderRecord,
)
from steelyard.trading.strategy import Desk, Strategy
from steelyard.trading.takeover import Takeover, needs_instrument, taken_over
from steelyard.trading.turn import Turn
from steelyard.trading.venueclock import VenueClock

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


class Startup:
    """The start of one trader."""

    def __init__(
        self,
        turn: Turn,
        questions: Questions,
        work: OrderWork,
        reconciler: Reconciler,
        host: StrategyHost,
        channels: Channels,
        config: BotConfig,
        key_id: str,
        fail: Callable[[str], None],
    ) -> None:
        """`fail` ends a start that cannot succeed, with a sentence."""
        self._turn = turn
        self._questions = questions
        self._work = work
        self._reconciler = reconciler
        self._host = host
        self._channels = channels
        self._config = config
        self._key_id = key_id
        self._fail = fail
        self.closed_why: Callable[[], str | None] = lambda: self.trouble
        self.code = ""
        self.clock = VenueClock(turn)
        self.phase = Phase.ASLEEP
        self.desk: Desk | None = None
        self.market: MarketData | None = None
        self.listings = Listings()
        self.begun_ns = 0
        self._facts: set[str] = set()
        self._practice: MarketTold | None = None  # None: it does not practice
        self._left: tuple[TraderRecord, ...] = ()  # by the holder of the lease before
        self._key_answer: Answer | None = None
        self._account: AccountAnswer | None = None
        questions.denied = self._denied

    @property
    def left(self) -> tuple[TraderRecord, ...]:
        """What the holder of the lease before has left that waits to be applied."""
        return tuple(filter(needs_instrument, self._left))

    @property
    def trouble(self) -> str:
        """What the start waits for."""
        trouble = self._questions.trouble
        if self.phase is Phase.RECONCILE:
            return self._reconciler.trouble or _PHASES[self.phase]
        return _PHASES[self.phase] + (f": {trouble}" if trouble else "")

    def begin(self, strategy: Strategy, takeover: Takeover | None = None) -> None:
        """Begin a run.

        Raises:
            ConfigError: The bot's past does not fit its configuration.
        """
        turn, bot, table = self._turn, self._config.bot, self._config.strategy
        state = turn.state
        if state.symbol not in (None, table.symbol):
            raise ConfigError(
                f"bot {bot.name!r} has traded {state.symbol} so far and cannot change to "
                f"{table.symbol}; give the new one another name"
            )
        self._strategy = strategy
        self.begun_ns = turn.now_ns
        # The second it began in: also after a lost directory no id is used twice.
        before = 0 if takeover is None else takeover.run
        run = max(state.run + 1, before + 1, turn.now_ns // SECOND_NS)
        turn.record(
            RunStarted(
                FORMAT,
                run,
                bot.name,
                bot.environment.value,
                table.class_name,
                table.symbol,
                {name: str(value) for name, value in table.params.items()},
                self._config.main.where,
                self.code,
                self._config.legs,
            )
        )
        if self._practice is not None:
            turn.record(MarketNamed(*self._practice))
        turn.record(LimitsSet(self._config.in_force))
        self._work.ids = ClientIds(bot.name, run)
        if takeover is not None:
            self._take_over(takeover, self._work.ids)
        if state.killed_why is not None:
            self._host.is_paused = True
            turn.warn("killed", f"trading is latched off: {state.killed_why}")
        self.phase = Phase.INSTRUMENT
        self._questions.ask("instruments", InstrumentsQuery(), self._on_instruments)

    def practice_on(self, market: MarketTold) -> None:
        """Note whose market is shown where nothing is at stake; before the run begins, too."""
        if market != self._practice and self.phase is not Phase.ASLEEP:
            self._turn.record(MarketNamed(*market))
        self._practice = market

    def _take_over(self, takeover: Takeover, ids: ClientIds) -> None:
        turn = self._turn
        taken = taken_over(takeover, turn.state)
        turn.record(taken)
        if not taken.is_elsewhere:
            return
        if not ids.are_told_apart(turn.rules.client_order_id):
            raise ConfigError(
                f"{taken.holder_before} traded this bot before, with another journal, and "
                f"{self._config.main.dialect} does not tell whose an order is: copy the directory "
                "of the bot from there, or give the bot another name"
            )
        turn.warn("lease.taken", f"after {taken.holder_before}: what it did is found at the venue")
        if takeover.changed:
            turn.warn(
                "lease.changed", f"{taken.holder_before} traded otherwise: {takeover.changed}"
            )
        self._left = takeover.left
        for message in takeover.left:
            if not needs_instrument(message):
                turn.record(message)

    def climb(self, *, has_streams: bool) -> bool:
        """Go up the ladder as far as it is free; return whether the last rung is new."""
        turn = self._turn
        if self.phase is Phase.FACTS and self.clock.is_known and self._facts == _FACTS:
            if (skew := self.clock.skew(self._config.main.skew_max_ns)) is not None:
                self._fail(skew)
                return False
            self.phase = Phase.STREAMS
            turn.act(OpenStreams(turn.instrument))
            for order in turn.state.orders.open:
                self._work.doubt(order, "the bot ended before the answer", after_crash=True)
            for order in turn.state.orders.amending:
                why = "the bot ended before the answer"
                self._work.amends.doubt(order, why, after_crash=True)
        if self.phase is Phase.STREAMS and has_streams:
            self.phase = Phase.MARKET
        if self.phase is Phase.MARKET and self._knows_market:
            if not self._adopt():
                return False
            self.phase = Phase.RECONCILE
        if self.phase is Phase.RECONCILE and self._reconciler.is_clean:
            self.phase = Phase.READY
            turn.log("trading", "everything is compared; trading is open")
            return True
        return False

    @property
    def _knows_market(self) -> bool:
        return (
            self.market is not None
            and self.market.has_history
            and self.desk is not None
            and self.desk.book.trouble(self._turn.now_ns) is None
        )

    # -- the instrument -----------------------------------------------------------------------

    def _on_instruments(self, answer: Answer, _asked_ns: int) -> None:
        if not isinstance(answer, InstrumentList):
            self._fail(f"the venue does not tell its instruments: {_said(answer)}")
            return
        self.listings = Listings(answer.instruments)
        self._reconciler.account.names = self.listings.assets()
        try:
            instrument = self.listings.symbol(self._config.strategy.symbol)
        except Unsupported as error:
            self._fail(f"[strategy] symbol: {error}")
            return
        if not self._take_instrument(instrument):
            return
        self.phase = Phase.FACTS
        self._questions.ask("the key's permissions", KeyQuery(self._key_id), self._on_key)
        self._questions.ask("the account", AccountQuery(OWN_ACCOUNT), self._on_account)

    def _take_instrument(self, instrument: Instrument) -> bool:
        turn = self._turn
        known = turn.state.instrument
        if known is not None and _steps(known) != _steps(instrument) and turn.state.orders.open:
            self._fail(
                f"the venue has changed the steps of {instrument.symbol} while orders of this bot "
                "are open; cancel them at the venue, then start the bot again"
            )
            return False
        if known != instrument:
            turn.record(InstrumentSeen(instrument))
        left, self._left = self._left, ()
        for message in left:
            if needs_instrument(message) and not turn.state.adopted_atoms:
                turn.record(message)
        self.desk = Desk(instrument, self._channels.budgets.book_ns)
        self.desk.trouble = self.closed_why
        self._host.sit(self.desk)
        if (flaw := self._host.check(instrument)) is not None:
            self._fail(f"[strategy] params: {flaw}")
            return False
        self.market = MarketData(turn, self._questions, self.desk, self._channels)
        if self._host.wants("on_trade"):
            self.market.want_trades()
        if (raised := self._host.ask_bars()) is not None:
            self._fail(f"[strategy] which bars it wants: {raised}")
            return False
        if self._host.bars is not None:
            self.market.want_bars(*self._host.bars)
        return True

    # -- key and account ----------------------------------------------------------------------

    def _on_key(self, answer: Answer, _asked_ns: int) -> None:
        self._key_answer = answer
        self._fact("key")

    def _on_account(self, answer: Answer, _asked_ns: int) -> None:
        if isinstance(answer, AccountAnswer):
            self._reconciler.account.see(answer)
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
        turn = self._turn
        symbol = self._config.strategy.symbol
        found = audit(
            self._key_answer,
            self._account,
            symbol,
            turn.venue_now_ns,
            is_live=self._config.bot.environment not in HERE,
            waived=frozenset(map(Waiver, self._config.main.waive)),
        )
        findings = tuple(finding.text for finding in found.findings)
        turn.record(KeyAudited(self._key_id, found.refusal, findings))
        if (refusal := found.refusal) is not None:
            self._fail(refusal)
            return
        for finding in found.findings:
            turn.warn(finding.name, finding.text)

    def _denied(self, why: str) -> None:
        """The venue does not accept the key: at the start it never will."""
        if self.phase < Phase.STREAMS:
            self._fail(f"the venue does not accept this key: {why}")

    # -- a holding from before ----------------------------------------------------------------

    def _adopt(self) -> bool:
        """Take over what the configuration hands over; return whether that is settled."""
        turn, wanted = self._turn, self._config.bot.adopt_position
        if not wanted:
            return True
        instrument, state = turn.instrument, turn.state
        try:
            wanted_atoms = to_atoms(wanted)
        except UnitError as error:
            self._fail(f"[bot] adopt_position: {error}")
            return False
        if state.adopted_atoms == wanted_atoms:
            return True
        if state.adopted_atoms:
            self._fail(
                f"[bot] adopt_position is {in_full(plain(wanted))}, and this bot has adopted "
                f"{in_full(from_atoms(state.adopted_atoms))} {instrument.base} before; write that, "
                "or give the bot another name"
            )
            return False
        free, held = self._reconciler.account.balances.get(instrument.base_asset_id, (0, 0))
        if free + held < wanted_atoms:
            self._fail(
                f"[bot] adopt_position is {in_full(plain(wanted))} {instrument.base}, and the "
                f"account holds {in_full(from_atoms(free + held))}"
            )
            return False
        assert self.desk is not None, "the market is known"
        half_ticks = self.desk.book.mid_half_ticks
        if half_ticks is None:
            return False  # nothing to value it by yet
        value_atoms = wanted_atoms * half_ticks * instrument.tick_lot_atoms
        value_atoms //= 2 * instrument.lot_atoms
        if (flaw := self._beyond_cap(value_atoms)) is not None:
            self._fail(flaw)
            return False
        turn.record(PositionAdopted(wanted_atoms, value_atoms, "[bot] adopt_position"))
        turn.warn(
            "position.adopted",
            f"{in_full(plain(wanted))} {instrument.base} of the account are the bot's position, "
            f"valued at {in_full(self.desk.book.mid or Decimal(0))}",
        )
        return True

    def _beyond_cap(self, value_atoms: int) -> str | None:
        """Return why a holding is too much for the rung that the bot stands on; None: it is not.

        With real money the limit is never above what the rung allows to be at stake.
        """
        most = self._config.limits.max_gross_exposure
        if self._config.bot.environment in HERE or most is None:
            return None
        worth = from_atoms(value_atoms)
        if worth <= most:
            return None
        quote = self._turn.instrument.quote
        return (
            f"[bot] adopt_position is worth {in_full(plain(worth))} {quote}, and at stake may be "
            f"{in_full(plain(most))} at most (max_gross_exposure, or the cap of its rung: "
            "`steelyard promote`): hand over less"
        )


def _steps(instrument: Instrument) -> tuple[int, int]:
    return instrument.lot_atoms, instrument.tick_lot_atoms


def _said(answer: Answer) -> str:
    return answer.message if isinstance(answer, Refused) else type(answer).__name__
