"""The strategy's keeper in a backtest: its wishes to the machine, the machine's news to it.

What it does is what `trading.host` and `trading.protection` do for a bot at a venue, without what
only a venue can do to it: no order here is ever unknown. Limits are checked when a wish is heard,
with what the strategy has been told; everything open counts as if it had filled.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from steelyard._native import Replay
from steelyard.backtest.desk import ReplayDesk, place_of
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import Trade
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.domain.units import from_atoms, in_full, plain, to_atoms
from steelyard.trading.duration import Duration
from steelyard.trading.risk import Limits
from steelyard.trading.strategy import (
    AmendIntent,
    CancelIntent,
    Intent,
    ProtectIntent,
    Strategy,
    Timer,
    Wish,
    overrides,
)

NOTES_MAX = 10_000  # lines of a strategy that a result keeps, the first ones
ROUNDS_MAX = 1_000  # of wishes that lead to wishes at one moment
_FILL = 0  # the kind of news that is a fill; others are states


class Host:
    """One strategy in its chair."""

    def __init__(
        self,
        strategy: Strategy,
        desk: ReplayDesk,
        replay: Replay,
        limits: Limits | None,
        stop_loss: Decimal | None,
    ) -> None:
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
        self._wanted_stop: ProtectIntent | None = None
        self._timers: dict[int, Duration] = {}  # by the machine's numbers
        self._trades = 0  # told
        self._heard = -1  # fills, when protection last looked

    @property
    def wants_news(self) -> bool:
        """Whether news of orders has to be passed on as it comes."""
        strategy, protects = self._strategy, self._stop_loss is not None
        return (
            protects or self._wants_fill or self._wants_order or _mentions_protect(type(strategy))
        )

    def start(self) -> None:
        """Tell the strategy that trading begins."""
        self._strategy.on_start()
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
        elif self._wants_order and at != self._desk.hidden:
            self._strategy.on_order(self._desk.order(at))
        self._protect()

    def timer(self, number: int, due_ns: int) -> None:
        """Call what a timer is for."""
        self._strategy.on_timer(Timer(self._timers[number], due_ns))

    def market(self, price_ticks: int, size_lots: int, side: int) -> None:
        """Pass on that somebody has traded, or with no size that the book has changed."""
        if not size_lots:
            self._strategy.on_book(self._desk.book)
            return
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
            if interval not in self._timers.values():
                self._timers[self._replay.every(interval.ns)] = interval
        # The lists stay the same ones: the machine looks at them.
        wishes = desk.intents[:]
        desk.intents.clear()
        for wish in wishes:
            self._carry_out(wish)

    def _keep_notes(self) -> None:
        now_ns, notes = self._replay.now_ns, self._desk.notes
        room = NOTES_MAX - len(self.notes)
        self.notes += [(now_ns, note) for note in notes[:room]]
        notes.clear()

    # -- wishes ---------------------------------------------------------------------------------

    def _carry_out(self, wish: Wish) -> None:
        match wish:
            case Intent():
                if self._limits is not None and (why := self._refusal(wish)) is not None:
                    self._refuse(wish, why)
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
            case CancelIntent():
                if (at := self._place_of(wish.target)) >= 0:
                    self._replay.cancel(at)
            case AmendIntent():
                self._amend(wish)
            case ProtectIntent():
                self._wanted_stop = wish if wish.trigger_ticks is not None else None
                self._heard = -1
                self._protect()

    def _place_of(self, target: Intent | str) -> int:
        name = target.client_order_id if isinstance(target, Intent) else target
        at = place_of(name)
        return at if at < self._replay.order_count else -1

    def _amend(self, wish: AmendIntent) -> None:
        at = self._place_of(wish.target)
        if at < 0:
            self._refuse(wish, ("amend", "there is no such order of this bot"))
            return
        filled = self._desk.order(at).filled_lots
        if wish.size_lots is not None and wish.size_lots <= filled:
            self._refuse(wish, ("amend", "so much of it has filled already; to end it, cancel it"))
            return
        self._replay.amend(at, wish.price_ticks or 0, wish.size_lots or 0, wish.trigger_ticks or 0)

    def _refuse(self, wish: Intent | AmendIntent, why: tuple[str, str]) -> None:
        limit, wish.refusal = why
        self.refused += 1
        self.refusals[limit] = self.refusals.get(limit, 0) + 1

    def _refusal(self, wish: Intent) -> tuple[str, str] | None:
        """Return the first limit that an order breaks, and a sentence."""
        limits, replay = self._limits, self._replay
        assert limits is not None, "asked only where there are limits"
        instrument = self._desk.instrument
        last = replay.last_ticks
        price = wish.price_ticks or wish.trigger_ticks or last
        if not last:
            return "book", "there is no price yet"
        if wish.price_ticks is not None and self._is_beyond_collar(wish, last, limits):
            price_text, last_text = (
                in_full(instrument.price(ticks)) for ticks in (wish.price_ticks, last)
            )
            why = f"price {price_text} is further from {last_text} than price_collar allows"
            return "price_collar", why
        notional = instrument.notional_atoms(price, wish.size_lots)
        if notional > to_atoms(limits.max_order_notional):
            worth = f"{in_full(plain(from_atoms(notional)))} {instrument.quote}"
            limit = in_full(limits.max_order_notional)
            why = f"the order is worth {worth}; max_order_notional is {limit}"
            return "max_order_notional", why
        places = self._desk.open_places()
        orders = [replay.order(at) for at in places]
        open_lots = sum(row[3] - row[4] for row in orders if row[5] == wish.side)
        worst = replay.told_lots + wish.side * (open_lots + wish.size_lots)
        reduces = worst * wish.side <= 0
        if not reduces and instrument.size(abs(worst)) > limits.max_position:
            size, limit = in_full(instrument.size(worst)), in_full(limits.max_position)
            why = f"with everything open the position could be {size}; max_position is {limit}"
            return "max_position", why
        if len(places) >= limits.max_open_orders:
            return (
                "max_open_orders",
                f"{len(places)} orders are open; max_open_orders allows no more",
            )
        return None

    @staticmethod
    def _is_beyond_collar(wish: Intent, last: int, limits: Limits) -> bool:
        worse = (Decimal(wish.price_ticks or 0) - last) * wish.side
        return worse > last * limits.price_collar

    # -- the stop behind the position -----------------------------------------------------------

    def _protect(self) -> None:
        """Keep one stop as large as the position, at the price that is wanted for it."""
        replay, desk = self._replay, self._desk
        if self._wanted_stop is None and self._stop_loss is None and desk.hidden is None:
            return
        if self._heard == replay.told_fills:
            return
        self._heard = replay.told_fills
        lots = replay.told_lots
        trigger, limit = self._stop_terms(lots)
        if desk.hidden is not None:
            row = replay.order(desk.hidden)
            stands = row[9] <= 4  # noqa: PLR2004 the states up to partially filled are open
            if stands and trigger and row[3] - row[4] == abs(lots) and row[2] == trigger:
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

    def _stop_terms(self, lots: int) -> tuple[int, int]:
        """Return the trigger and the limit that the position should have; 0 for none."""
        if lots == 0:
            return 0, 0
        if self._wanted_stop is not None:
            return self._wanted_stop.trigger_ticks or 0, self._wanted_stop.limit_ticks or 0
        average = self._desk.position.average_price
        if self._stop_loss is None or average is None:
            return 0, 0
        side = Side.BUY if lots > 0 else Side.SELL
        return stop_ticks(average, self._stop_loss, side, self._desk.instrument), 0


def stop_ticks(average: Decimal, share: Decimal, side: Side, instrument: Instrument) -> int:
    """Return the trigger so far from an average price, rounded towards it."""
    exact = average * (1 - share * side) / instrument.tick_size
    whole = int(exact)
    return whole + 1 if side is Side.BUY and whole != exact else whole


def _mentions_protect(strategy: type[Strategy]) -> bool:
    """Whether any method of a strategy names `protect`: then it may want it at any time."""
    methods: list[Callable[..., Any]] = [
        value
        for kind in strategy.__mro__
        if kind not in (Strategy, object)
        for value in vars(kind).values()
        if callable(value)
    ]
    return any("protect" in getattr(method, "__code__", _NO_CODE).co_names for method in methods)


_NO_CODE = (lambda: None).__code__
