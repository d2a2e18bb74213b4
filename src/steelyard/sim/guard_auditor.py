"""The auditor of limits and breakers: what each bot of a guarded world may decide on, and when.

It follows what a bot is told and what it writes down, and reckons by itself, in plain lists, what
the rules count: refusals, orders, streams that break, times without a book, prices, fills. An order
that adds risk while a breaker has tripped, or while one should have, is a `Violation`; so is a
breaker that resumes before its rule allows it, and an order beyond a limit. What is counted from
the journal is read anew from the disk at each start, the rest begins anew, as a process does.

Where the trader may see more than is seen here (questions that nobody answered, channels that are
stale) this counts less, so that it is never stricter than the rule; and prices tremble: what two
look at at different times may differ by `SLACK`.
"""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
    BookDelta,
    BookSnapshot,
)
from steelyard.domain.order import RejectReason, Side
from steelyard.domain.units import EXACT, to_atoms
from steelyard.sim.trader_host import TraderHost
from steelyard.trading import actions
from steelyard.trading.actions import BookMoved, Input, Role
from steelyard.trading.breakers import ENDED, Breaker, Rule
from steelyard.trading.records import (
    AmendPending,
    BreakerResumed,
    BreakerTripped,
    CancelAsked,
    FillSeen,
    Killed,
    OrderPending,
    OrderRefused,
    PeakSeen,
    Resumed,
    TraderRecord,
)
from steelyard.trading.startup import Phase
from steelyard.wire.outcome import Answered

SLACK = Decimal("1.02")  # by so much prices differ between two looks
STALE_SLACK_NS = SECOND_NS  # a state is noticed by the trader in its next turn
DRAWDOWN_SLACK_NS = 3 * SECOND_NS
ATOMS_SLACK = 100  # roundings of a profit
CLOSED = (
    RejectReason.MARKET_MAINTENANCE,
    RejectReason.MARKET_HALTED,
    RejectReason.MARKET_CANCEL_ONLY,
    RejectReason.MARKET_POST_ONLY,
)
BY_RULE = "its rule"
OF_BOOK = (BookMoved, BookDelta, BookSnapshot)


class Broken(Exception):
    """A rule that was broken: its short name, and what was wrong."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.rule = rule
        self.text = text


class GuardAuditor:
    """What is known of one bot's limits and breakers."""

    def __init__(self, host: TraderHost) -> None:
        self.counts: defaultdict[str, int] = defaultdict(int)
        self._host = host
        self._rules: dict[str, Rule] = {
            breaker.value: rule for breaker, rule in host.config.breakers.rules.items()
        }
        self._begin(())

    def took(self, event: Input, wanted: list[actions.Action]) -> None:
        """The machine took an input and wants this.

        Raises:
            Broken: It wants what it may not.
        """
        if isinstance(event, actions.Start):
            self._begin((r.message, r.time_ns) for r in self._host.records())
        now_ns = self._host.trader.turn.now_ns
        self._hear(event, now_ns)
        for action in wanted:
            if isinstance(action, actions.Journal):
                self._judge(action.message, action.time_ns)
        self._look(event, now_ns)

    def _begin(self, records: Iterable[tuple[TraderRecord, int]]) -> None:
        """A process begins with what its disk has."""
        self._tripped: dict[str, int] = {}  # since when, by name
        self._times: defaultdict[str, list[int]] = defaultdict(list)
        self._slips: list[tuple[int, int, int]] = []  # time, cost, worth
        self._mids: dict[str, int | None] = {}  # of decisions, by our id
        self._prices: list[tuple[int, int]] = []
        self._spans: list[list[int]] = []  # [since, until] without a right book or a stream
        self._is_stale = False
        self._up: set[Role] = set()
        self._decided: list[int] = []  # orders and changes, without stops
        self._position = self._cash = 0
        self._peak: int | None = None
        self._low_ns: int | None = None
        self._killed = False
        self._begun_ns: int | None = None
        for message, time_ns in records:
            self._learn(message, time_ns)

    # -- what it is told --------------------------------------------------------------------------

    def _hear(self, event: Input, now_ns: int) -> None:
        self._begun_ns = self._begun_ns or now_ns
        match event:
            case actions.StreamUp(role):
                self._up.add(role)
            case actions.StreamDown(role) if role in self._up:
                self._up.discard(role)
                self._times[Breaker.HEARTBEATS].append(now_ns)
            case actions.Returned(_, outcome) if (
                not isinstance(outcome, Answered) and outcome.is_closed
            ):
                self._times[Breaker.VENUE].append(now_ns)
            case _:
                pass

    def _look(self, event: Input, now_ns: int) -> None:
        """Note what the bot sees after a turn."""
        trader = self._host.trader
        desk = trader.desk
        if desk is None:
            return
        is_right = desk.book.trouble(now_ns) is None
        half_ticks = desk.book.mid_half_ticks
        is_of_book = isinstance(event, actions.Told) and isinstance(event.event, OF_BOOK)
        if is_of_book and is_right and half_ticks is not None:
            self._prices.append((now_ns, half_ticks))
            if len(self._prices) > 1_000:  # noqa: PLR2004 more than a window has
                del self._prices[:500]
        is_stale = trader.phase is Phase.READY and not (is_right and Role.PRIVATE in self._up)
        if is_stale and not self._is_stale:
            self._spans.append([now_ns, now_ns])
        elif is_stale:
            self._spans[-1][1] = now_ns
        self._is_stale = is_stale
        if not self._is_too_low():
            self._low_ns = None
        elif self._low_ns is None:
            self._low_ns = now_ns

    def _is_too_low(self) -> bool:
        """Whether profit is so far below its highest that the bot has to kill itself."""
        total, limit = self._total(), self._host.config.risk.drawdown
        if limit is None or total is None or self._peak is None or self._killed:
            return False
        return self._peak - total >= int(to_atoms(limit) * SLACK)

    def _total(self) -> int | None:
        """Return the profit at the middle of the book, in quote atoms."""
        desk = self._host.trader.desk
        half_ticks = None if desk is None else desk.book.mid_half_ticks
        if desk is None or half_ticks is None:
            return None
        instrument = desk.instrument
        worth = self._position * half_ticks * instrument.tick_lot_atoms
        return self._cash + worth // (2 * instrument.lot_atoms)

    # -- what it writes down ----------------------------------------------------------------------

    def _learn(self, message: TraderRecord, time_ns: int) -> None:
        match message:
            case OrderRefused(reason=reason):
                self._times[Breaker.REJECTS].append(time_ns)
                if reason in CLOSED:
                    self._times[Breaker.VENUE].append(time_ns)
            case OrderPending():
                self._times[Breaker.ORDER_RATE].append(time_ns)
                if not message.protects:
                    self._decided.append(time_ns)
                self._mids[message.place.client_order_id] = message.mid_half_ticks
            case AmendPending():
                self._times[Breaker.ORDER_RATE].append(time_ns)
                order = self._host.trader.turn.state.orders.find(message.client_order_id)
                if order is None or not order.protects:
                    self._decided.append(time_ns)
            case CancelAsked():
                self._times[Breaker.ORDER_RATE].append(time_ns)
            case FillSeen():
                self._learn_fill(message, time_ns)
            case BreakerTripped():
                self.counts[f"tripped {message.name}"] += 1
                self._tripped[message.name] = time_ns
            case BreakerResumed():
                self._tripped.pop(message.name, None)
                self._forget(message.name)
            case PeakSeen():
                self._peak = message.total_atoms
            case Killed():
                self._killed = True
            case Resumed():
                self._killed, self._peak = False, None
            case _:
                pass

    def _learn_fill(self, message: FillSeen, time_ns: int) -> None:
        fill, state = message.fill, self._host.trader.turn.state
        portfolio = state.portfolio
        if portfolio is None:
            return
        instrument, sign = portfolio.instrument, int(fill.side)
        self._position += sign * fill.size_lots * instrument.lot_atoms
        self._cash -= sign * fill.quote_atoms
        if fill.fee_asset_id == instrument.base_asset_id:
            self._position -= fill.fee_atoms
        else:
            self._cash -= fill.fee_atoms
        order = state.orders.find(message.client_order_id)
        half_ticks = self._mids.get(message.client_order_id)
        if order is not None and order.place.trigger_ticks is not None:
            half_ticks = 2 * order.place.trigger_ticks
        if half_ticks is not None:
            worse = sign * (2 * fill.price_ticks - half_ticks)
            slip = time_ns, worse * fill.size_lots, half_ticks * fill.size_lots
            self._slips.append(slip)

    def _forget(self, name: str) -> None:
        self._times.pop(name, None)
        match name:
            case Breaker.SLIPPAGE:
                self._slips.clear()
            case Breaker.VOLATILITY:
                self._prices.clear()
            case Breaker.STALENESS:
                self._spans.clear()
                self._is_stale = False
            case _:
                pass

    # -- what it may ------------------------------------------------------------------------------

    def _judge(self, message: TraderRecord, time_ns: int) -> None:
        match message:
            case OrderPending(place, protects):
                self._check_mid(message)
                if not protects:
                    self._check_rate(place, time_ns)
                if not self._reduces(place.side, place.size_lots):
                    self._check_held(place.client_order_id, time_ns)
                    self._check_loss(place)
                self._check_size(place.client_order_id, place.size_lots)
            case AmendPending():
                self._judge_change(message, time_ns)
            case BreakerResumed(name, who) if who == BY_RULE:
                self._check_resumed(name, time_ns)
            case _:
                pass
        self._learn(message, time_ns)

    def _judge_change(self, message: AmendPending, time_ns: int) -> None:
        """A change that makes an order larger, or its price one that trades sooner, adds risk."""
        name, size_lots = message.client_order_id, message.size_lots
        if size_lots is not None:
            self._check_size(name, size_lots)
        order = self._host.trader.turn.state.orders.find(name)
        if order is None or order.protects:
            return
        place = order.place
        wanted = place.size_lots if size_lots is None else size_lots
        nearer = 0
        if message.price_ticks is not None and place.price_ticks is not None:
            nearer = int(place.side) * (message.price_ticks - place.price_ticks)
        is_more = wanted > place.size_lots or nearer > 0
        if is_more and not self._reduces(place.side, wanted - order.filled_lots):
            self._check_held(name, time_ns)

    def _reduces(self, side: Side, size_lots: int) -> bool:
        portfolio = self._host.trader.turn.state.portfolio
        lots = 0 if portfolio is None else portfolio.position_lots
        return lots * int(side) < 0 and size_lots <= abs(lots)

    def _check_held(self, name: str, now_ns: int) -> None:
        """Nothing that adds risk while a breaker has tripped, or should have."""
        self.counts["held against"] += 1
        if self._tripped:
            raise Broken("breaker", f"{name} adds risk, and {[*self._tripped]} have tripped")
        for breaker, rule in self._rules.items():
            if self._exceeds(breaker, rule, now_ns, is_strict=True):
                raise Broken("untripped", f"{name} adds risk, and {breaker} has not tripped")

    def _exceeds(self, breaker: str, rule: Rule, now_ns: int, *, is_strict: bool) -> bool:
        """Whether a condition is true; strictly: beyond every doubt."""
        begin_ns = now_ns - rule.window_ns
        match breaker:
            case Breaker.SLIPPAGE:
                slips = [slip for slip in self._slips if slip[0] > begin_ns]
                worth = sum(slip[2] for slip in slips)
                return sum(slip[1] for slip in slips) > rule.threshold * worth
            case Breaker.STALENESS:
                spans = self._spans
                stale_ns = sum(max(0, until - max(since, begin_ns)) for since, until in spans)
                return stale_ns > rule.threshold + STALE_SLACK_NS * is_strict
            case Breaker.VOLATILITY:
                prices = [price for time_ns, price in self._prices if time_ns > begin_ns]
                lowest = min(prices, default=0)
                return max(prices, default=0) - lowest > rule.threshold * lowest
            case _:
                return sum(at > begin_ns for at in self._times[breaker]) >= rule.threshold

    def _check_resumed(self, name: str, now_ns: int) -> None:
        """By its own rule none resumes before that allows it."""
        rule, since_ns = self._rules[name], self._tripped.get(name)
        self.counts["resumed"] += 1
        if since_ns is None:
            raise Broken("resumed", f"{name} resumes and had not tripped")
        if rule.resume_ns is not None:
            is_early = now_ns < since_ns + rule.resume_ns
        else:
            is_early = rule.resume != ENDED or self._exceeds(name, rule, now_ns, is_strict=True)
        if is_early:
            raise Broken("resumed", f"{name} resumes, and its rule is {rule.words}")

    def _check_mid(self, message: OrderPending) -> None:
        """What is journaled with a decision is the middle that it was made on."""
        desk = self._host.trader.desk
        assert desk is not None, "who orders has a book"
        if message.mid_half_ticks not in (None, desk.book.mid_half_ticks):
            name, seen = message.place.client_order_id, desk.book.mid_half_ticks
            raise Broken("mid", f"{name} was decided on at {seen}, not {message.mid_half_ticks}")

    def _check_size(self, name: str, size_lots: int) -> None:
        most, instrument = self._host.config.limits.max_order_size, self._instrument
        if most is not None and size_lots > EXACT.divide(most, instrument.lot_size):
            raise Broken("max_order_size", f"{name} is for {size_lots} lots")

    def _check_rate(self, place: Place, now_ns: int) -> None:
        most = self._host.config.limits.max_orders_per_minute
        count = sum(at > now_ns - MINUTE_NS for at in self._decided)
        if most is not None and count >= most:
            name = place.client_order_id
            raise Broken("max_orders_per_minute", f"{name} is the {count + 1}th of a minute")

    def _check_loss(self, place: Place) -> None:
        """Of the one day that a world has, which begins without a profit."""
        most, total = self._host.config.limits.max_daily_loss, self._total()
        name = place.client_order_id
        if most is not None and total is not None and -total >= to_atoms(most) + ATOMS_SLACK:
            raise Broken("max_daily_loss", f"{name} adds risk, and today has lost {-total}")
        if self._low_ns is not None:
            low_ns = self._host.trader.turn.now_ns - self._low_ns
            if low_ns > DRAWDOWN_SLACK_NS:
                raise Broken("max_drawdown", f"{name} comes after {low_ns} ns too far below")

    @property
    def _instrument(self) -> Instrument:
        return self._host.trader.turn.instrument
