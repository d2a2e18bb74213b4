"""The strategy's keeper in a backtest: its wishes to the machine, the machine's news to it.

What it does is what `trading.host` and `trading.protection` do for a bot at a venue, without what
only a venue can do to it: no order here is ever unknown. Limits are those of `trading.risk`,
checked when a wish is heard, with what the strategy has been told; everything open counts as if it
had filled. Where there is no book, a market order is worth, and the collar is around, the last
price. There are no other bots, so `max_gross_exposure` is about this one alone; `max_drawdown`
presses a kill switch, of which there is none here.
"""

from collections import deque
from decimal import Decimal
from typing import NamedTuple, cast

from steelyard._native import Replay
from steelyard.backtest.desk import ReplayDesk, place_of
from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS, Trade
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.domain.units import EXACT
from steelyard.trading import risk
from steelyard.trading.books import BookView
from steelyard.trading.days import DAY_NS
from steelyard.trading.duration import Duration
from steelyard.trading.exposure import Exposed
from steelyard.trading.orders import MINUTE_MAX, Amending, Orders, OwnOrder, counted_since
from steelyard.trading.risk import Limits
from steelyard.trading.strategy import (
    AmendIntent,
    CancelIntent,
    Intent,
    ProtectIntent,
    Strategy,
    Wish,
    overrides,
)

NOTES_MAX = 10_000  # lines of a strategy that a result keeps, the first ones
STOPS_MAX = 3  # stops in a row that are placed again because a hold was not free yet
_FILL = 0  # the kind of news that is a fill; others are states
_OPEN_MAX = OrderState.PARTIALLY_FILLED  # states up to here may still fill


class Stop(NamedTuple):
    """The stop that a strategy wants; side is the position's, None until there is one."""

    trigger_ticks: int
    limit_ticks: int
    side: Side | None


class Host:
    """One strategy in its chair."""

    def __init__(
        self,
        strategy: Strategy,
        desk: ReplayDesk,
        replay: Replay,
        limits: Limits | None,
        stop_loss: Decimal | None,
        deposits: tuple[int, int] = (0, 0),
        step_ns: int = 0,
        exposed: Exposed | None = None,
    ) -> None:
        """Deposits are what the account began with, in atoms of quote and base.

        step_ns is the length of the bars that the run is made of; 0 for a tape. exposed has what
        other legs of the strategy hold.
        """
        self._exposed = exposed
        self.trouble: ConfigError | None = None  # what cannot be run on these data
        self._step_ns = step_ns
        self.refused = 0
        self.refusals: dict[str, int] = {}
        self.notes: list[tuple[int, str]] = []
        self._strategy = strategy
        self._desk = desk
        self._replay = replay
        self._limits = limits
        self._stop_loss = stop_loss
        self._wants_fill = overrides(strategy, "on_fill")
        self._wants_order = overrides(strategy, "on_order")
        self._wanted_stop: Stop | None = None
        self._again = 0  # stops in a row that were placed anew
        self.timers: dict[int, Duration] = {}  # by the machine's numbers; it looks here
        self._deposits = deposits
        self._decided_ns: deque[int] = deque(maxlen=MINUTE_MAX)  # orders, and changes of them
        self._day = -1
        self._day_atoms = 0  # the profit that the day began with
        self._trades = 0  # told
        self._heard = -1  # fills, when protection last looked

        # The machine calls the strategy itself where nothing has to be kept up beside it.
        replay.is_limited = limits is not None
        replay.is_guarded = stop_loss is not None
        replay.wants_news = stop_loss is not None or self._wants_fill or self._wants_order

    def start(self) -> None:
        """Tell the strategy that trading begins."""
        if self._limits is not None and self._limits.max_daily_loss is not None:
            self._replay.every(DAY_NS)
        self._strategy.warm_up()
        self._strategy.on_start()
        self.drain()

    def first_book(self) -> None:
        """Tell of the book that trading begins with."""
        self._strategy.on_book(self._desk.book)
        self.drain()

    def stop(self) -> None:
        """Tell the strategy that trading ends; nothing is carried out any more."""
        self._strategy.on_stop()
        self._keep_notes()
        self._desk.drain()

    def news(self, kind: int, at: int) -> None:
        """Pass on what has become of an order; at is the place of a fill, or of the order."""
        if kind == _FILL:
            if self._wants_fill:
                self._strategy.on_fill(self._desk.fill(at))
        elif at == self._desk.hidden:
            self._hear_of_stop(kind, at)
        elif self._wants_order:
            self._strategy.on_order(self._desk.own_order(at))
        self._protect()

    def own_timer(self) -> None:
        """Do what the keeper's own timer is for, which is none of the strategy's: a day begins."""
        self._loss_atoms()

    def market(self, price_ticks: int, size_lots: int, side: int) -> None:
        """Pass on that somebody has traded."""
        self._trades += 1
        instrument_id, now_ns = self._desk.instrument.instrument_id, self._replay.now_ns
        self._strategy.on_trade(
            Trade(instrument_id, self._trades, price_ticks, size_lots, Side(side), now_ns)
        )

    def drain(self) -> None:
        """Carry out the wishes of the last call, and keep its notes."""
        desk = self._desk
        if desk.notes:
            self._keep_notes()
        for interval in desk.timers:
            if interval not in self.timers.values():
                self._check_timer(interval)
                self.timers[self._replay.every(interval.ns)] = interval
        for wish in desk.drain():
            self.carry_out(wish)

    def _check_timer(self, interval: Duration) -> None:
        """Refuse one that goes off inside of a bar: its way is assumed, and would be traded on."""
        if self._step_ns and interval.ns % self._step_ns:
            step = f"{self._step_ns // SECOND_NS}s"
            self.trouble = ConfigError(
                f"the strategy wants to be called every {interval}, inside of bars of {step}, "
                f"where no price is known: make that a multiple of {step}, or give finer data"
            )
            raise self.trouble

    def _keep_notes(self) -> None:
        now_ns, notes = self._replay.now_ns, self._desk.notes
        room = NOTES_MAX - len(self.notes)
        self.notes += [(now_ns, note) for note in notes[:room]]
        notes.clear()

    # -- wishes ---------------------------------------------------------------------------------

    def carry_out(self, wish: Wish) -> None:
        """Check a wish and send it off, or refuse it."""
        match wish:
            case Intent():
                if self._limits is not None and (refused := self._check(wish)) is not None:
                    self._refuse(wish, refused)
                    return
                at = self._replay.place(
                    wish.side,
                    wish.order_type,
                    wish.time_in_force,
                    wish.post_only,
                    wish.price_ticks or 0,
                    wish.trigger_ticks or 0,
                    wish.size_lots,
                )
                wish.client_order_id = str(at + 1)
                self._decide()
            case CancelIntent():
                if (at := self._place_of(wish.target)) >= 0:
                    self._replay.cancel(at)
            case AmendIntent():
                self._amend(wish)
            case ProtectIntent():
                self._want_stop(wish)

    def _place_of(self, target: Intent | str) -> int:
        name = target.client_order_id if isinstance(target, Intent) else target
        at = place_of(name)
        return at if at < self._replay.order_count else -1

    def _amend(self, wish: AmendIntent) -> None:
        at = self._place_of(wish.target)
        if at < 0 or at == self._desk.hidden:
            self._refuse(wish, risk.Refused("amend", "there is no such order of this bot"))
            return
        order = self._desk.own_order(at)
        if self._limits is not None:
            amending = Amending(
                wish.price_ticks,
                wish.size_lots,
                wish.trigger_ticks,
                replaces=False,
                asked_ns=self._replay.now_ns,
            )
            refused = risk.check_amend(order, amending, self._limits, self._situation())
            if refused is not None:
                self._refuse(wish, refused)
                return
        self._decide()
        self._replay.amend(at, wish.price_ticks or 0, wish.size_lots or 0, wish.trigger_ticks or 0)

    def _refuse(self, wish: Intent | AmendIntent, refused: risk.Refused) -> None:
        wish.refusal = refused.text
        self.refused += 1
        self.refusals[refused.limit] = self.refusals.get(refused.limit, 0) + 1

    def _decide(self) -> None:
        if self._limits is not None and self._limits.max_orders_per_minute is not None:
            self._decided_ns.append(self._replay.now_ns)

    def _check(self, wish: Intent) -> risk.Refused | None:
        """Return the first limit that an order breaks."""
        assert self._limits is not None, "asked only where there are limits"
        verdict = risk.check(self._desk.asked(wish), self._limits, self._situation())
        return verdict if isinstance(verdict, risk.Refused) else None

    def _situation(self) -> risk.Situation:
        replay, desk, limits = self._replay, self._desk, self._limits
        assert limits is not None, "asked only where there are limits"
        # Two views that have what `risk` reads of a book and of orders.
        return risk.Situation(
            book=cast(BookView, LastPrice(desk.instrument, replay.last_ticks)),
            orders=cast(Orders, Open(desk.every_open(), self._decided_ns)),
            position_lots=replay.told_lots,
            now_ns=replay.now_ns,
            loss_atoms=None if limits.max_daily_loss is None else self._loss_atoms(),
            equity_atoms=None if limits.max_leverage is None else self._equity_atoms(),
            exposed=self._exposed,
        )

    def exposure_atoms(self) -> int:
        """Return what the position can come to with all its orders, at the last price, in quote."""
        orders = Open(self._desk.every_open(), self._decided_ns)
        lots = risk.worst_lots(self._replay.told_lots, cast(Orders, orders))
        book = LastPrice(self._desk.instrument, self._replay.last_ticks)
        return risk.worth_atoms(lots, cast(BookView, book)) or 0

    def _total_atoms(self) -> int:
        """Return the profit after fees so far, at the last price."""
        return self._desk.portfolio.total_atoms(2 * self._replay.last_ticks)

    def _loss_atoms(self) -> int:
        """Return what the day has lost; it begins at 00:00 UTC with the profit that there is."""
        day, total_atoms = self._replay.now_ns // DAY_NS, self._total_atoms()
        if day != self._day:
            self._day, self._day_atoms = day, total_atoms
        return self._day_atoms - total_atoms

    def _equity_atoms(self) -> int:
        """Return what the account is worth, as far as the strategy has been told."""
        portfolio, instrument = self._desk.portfolio, self._desk.instrument
        base = self._deposits[1] + portfolio.position_atoms
        worth = base * self._replay.last_ticks * instrument.tick_lot_atoms // instrument.lot_atoms
        return worth + self._deposits[0] + portfolio.cash_atoms

    # -- the stop behind the position -----------------------------------------------------------

    def _want_stop(self, wish: ProtectIntent) -> None:
        if wish.trigger_ticks is None:
            self._wanted_stop = None
        else:
            side = side_of(self._replay.told_lots)
            self._wanted_stop = Stop(wish.trigger_ticks, wish.limit_ticks or 0, side)
            self._replay.wants_news = self._replay.is_guarded = True
        self._heard = -1
        self._protect()

    def _hear_of_stop(self, state: int, at: int) -> None:
        """A stop may come before the cancel of the one whose hold it needs: it is placed again."""
        if state == OrderState.WORKING:
            self._again = 0
        if state == OrderState.REJECTED:
            reason = RejectReason(self._replay.order(at)[10])
            self._desk.hidden = None
            if reason is RejectReason.INSUFFICIENT_BALANCE and self._again < STOPS_MAX:
                self._again += 1
                self._heard = -1
            else:
                self._note(f"the stop behind the position was refused: {reason.name}")

    def _note(self, text: str) -> None:
        if len(self.notes) < NOTES_MAX:
            self.notes.append((self._replay.now_ns, text))

    def _protect(self) -> None:
        """Keep one stop as large as the position, at the price that is wanted for it."""
        replay, desk = self._replay, self._desk
        if self._wanted_stop is None and self._stop_loss is None and desk.hidden is None:
            return
        if self._heard == replay.told_fills:
            return
        self._heard = replay.told_fills
        lots = replay.told_lots
        self._configure(side_of(lots))
        trigger, limit = self._stop_terms(lots)
        if desk.hidden is not None:
            row = replay.order(desk.hidden)
            stands = row[9] <= _OPEN_MAX
            terms = (row[3] - row[4], row[2], row[1])
            if stands and trigger and terms == (abs(lots), trigger, limit):
                return
            if stands:
                replay.cancel(desk.hidden)
            desk.hidden = None
        if trigger:
            desk.hidden = replay.place(
                -1 if lots > 0 else 1,
                OrderType.STOP_LIMIT if limit else OrderType.STOP,
                TimeInForce.GTC,
                False,  # noqa: FBT003 it may take
                limit,
                trigger,
                abs(lots),
            )

    def _configure(self, side: Side | None) -> None:
        """Forget a stop whose position is gone; one that was wanted before it belongs to it now."""
        stop = self._wanted_stop
        if stop is None or stop.side is side:
            return
        self._wanted_stop = stop._replace(side=side) if stop.side is None else None

    def _stop_terms(self, lots: int) -> tuple[int, int]:
        """Return the trigger and the limit that the position should have; 0 for none."""
        side = side_of(lots)
        if side is None:
            return 0, 0
        if self._wanted_stop is not None:
            return self._wanted_stop.trigger_ticks, self._wanted_stop.limit_ticks
        average = self._desk.position.average_price
        if self._stop_loss is None or average is None:
            return 0, 0
        return stop_ticks(average, self._stop_loss, side, self._desk.instrument), 0


class LastPrice:
    """A book as limits look at it, where there is none: everything trades at the last price."""

    def __init__(self, instrument: Instrument, last_ticks: int) -> None:
        self.instrument = instrument
        self._last_ticks = last_ticks
        self.mid_half_ticks = 2 * last_ticks or None

    def trouble(self, _now_ns: int) -> str | None:
        """Return why nothing can be checked, or None."""
        return None if self._last_ticks else "there is no price yet"

    def of(self, _side: Side) -> "LastPrice":
        """Return either side."""
        return self

    def walk(self, size_lots: int) -> tuple[int, int]:
        """Return the price, and what it comes to in ticks times lots."""
        return self._last_ticks, self._last_ticks * size_lots


class Open:
    """Orders as limits look at them: the open ones, none of them in doubt."""

    may_fill: tuple[OwnOrder, ...] = ()

    def __init__(self, orders: list[OwnOrder], decided_ns: deque[int]) -> None:
        self.open = orders
        self._decided_ns = decided_ns

    def __getitem__(self, client_order_id: str) -> OwnOrder:
        return next(order for order in self.open if order.client_order_id == client_order_id)

    def decided_since(self, time_ns: int, most: int = MINUTE_MAX) -> int:
        """Return how many orders and changes were decided on after then, up to most."""
        return counted_since(self._decided_ns, time_ns, most)

    def exposed_lots(self, side: Side) -> int:
        """Return what may still fill of a side."""
        return sum(order.exposed_lots for order in self.open if order.place.side is side)


def side_of(lots: int) -> Side | None:
    """Return the side of a position; None for none."""
    if not lots:
        return None
    return Side.BUY if lots > 0 else Side.SELL


def stop_ticks(average: Decimal, share: Decimal, side: Side, instrument: Instrument) -> int:
    """Return the trigger so far from an average price, as `trading.protection` rounds it: down."""
    factor = EXACT.subtract(Decimal(1), EXACT.multiply(Decimal(int(side)), share))
    price = EXACT.multiply(average, factor)
    return max(1, int(EXACT.divide_int(price, instrument.tick_size)))
