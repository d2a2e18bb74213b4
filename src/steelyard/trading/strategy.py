"""What a strategy's author writes: a class with callbacks, and what it may do in them.

    class Dip(Strategy):
        class Params(Strategy.Params):
            below: Decimal

        def on_bar(self, bar):
            if bar.price("close") < self.params.below and self.position.is_flat:
                self.buy("0.01")

A strategy is told about the past and present only, and sees no venue, clock or file. What it
orders is a wish (`Intent`) that leaves its call in a list; limits are checked after the call.
Sizes and prices are exact: Decimal, text, or whole lots; a float goes through `self.size(x)`.
The same class runs in backtest, sandbox, paper and live.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Context, Decimal
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple, NoReturn, cast

from msgspec import Struct

from steelyard.domain.errors import UnitError, UsageError
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill
from steelyard.domain.messages import SECOND_NS, Trade
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.domain.units import Lots, from_atoms
from steelyard.trading.amounts import Amounts, size_lots, ticks
from steelyard.trading.backfill import Gap
from steelyard.trading.bars import Bar
from steelyard.trading.books import STALE_NS, BookView
from steelyard.trading.duration import Duration
from steelyard.trading.orders import OwnOrder
from steelyard.trading.own_names import keep, refuse_taken
from steelyard.trading.parameters import read_parameters

INTENTS_MAX = 100  # in one call; more is a loop gone wrong
TIMERS_MAX = 20
ANY_LEGS = ("*",)

Amount = Decimal | str | Lots


class Position(NamedTuple):
    """What the bot's own fills add up to."""

    instrument: Instrument
    lots: int = 0
    average_price: Decimal | None = None

    @property
    def size(self) -> Decimal:
        """In base; negative for a short."""
        return self.instrument.size(self.lots)

    @property
    def is_flat(self) -> bool:
        """Whether there is none."""
        return self.lots == 0


class Intent(Struct, gc=False):
    """An order as a strategy wants it. After the call either an id or a refusal is filled in.

    A STOP or TAKE_PROFIT waits until the market comes to trigger_ticks.
    """

    side: Side
    size_lots: int
    order_type: OrderType
    time_in_force: TimeInForce
    price_ticks: int | None = None
    post_only: bool = False
    client_order_id: str = ""
    refusal: str | None = None
    trigger_ticks: int | None = None


class AmendIntent(Struct):
    """A change as a strategy wants it; None leaves a term as it is. A refusal is filled in."""

    target: Intent | str
    price_ticks: int | None = None
    size_lots: int | None = None
    trigger_ticks: int | None = None
    refusal: str | None = None


class ProtectIntent(Struct):
    """The stop that a strategy wants behind its position; without a trigger: none."""

    trigger_ticks: int | None
    limit_ticks: int | None = None
    refusal: str | None = None


class CancelIntent(Struct, gc=False):
    """A cancel as a strategy wants it, of an Intent or of a client order id."""

    target: Intent | str


Wish = Intent | AmendIntent | ProtectIntent | CancelIntent


class Timer(NamedTuple):
    """One firing. due_ns is a multiple of the interval since the epoch."""

    every: Duration
    due_ns: int


def none() -> None:
    """Return nothing, which is what there is to say and do where nobody says otherwise."""


class Desk:
    """What a strategy sees and where its wishes go; the trader keeps it up to date."""

    def __init__(self, instrument: Instrument, stale_ns: int = STALE_NS) -> None:
        self.instrument = instrument
        self._amounts = Amounts(instrument)
        self.book = BookView(instrument, stale_ns)
        self.position = Position(instrument)
        self.now_ns = 0
        self.last_ticks: int | None = None
        self.history: list[Bar] = []
        self.open_orders: Callable[[], list[OwnOrder]] = list
        self.trouble: Callable[[], str | None] = none
        self.refresh: Callable[[], object] = none
        self.cash_atoms: Callable[[], int] = int
        self.timers: dict[Duration, None] = {}
        self.timers_seen = 0  # of them, by who carries out what is wished here
        self.notes: list[str] = []
        self.intents: list[Wish] = []

    def wish(self, intent: Wish) -> None:
        """Keep a wish until the call is over.

        Raises:
            UsageError: More than `INTENTS_MAX` in one call.
        """
        if len(self.intents) >= INTENTS_MAX:
            raise UsageError(f"over {INTENTS_MAX} orders and cancels in one call: a loop?")
        self.intents.append(intent)

    def order(
        self,
        side: Side,
        size: Amount,
        price: Decimal | str | None,
        time_in_force: TimeInForce | None,
        post_only: bool,  # noqa: FBT001 one call of it, by `Strategy.buy` and `sell`
    ) -> Intent:
        """Wish for an order at a price or at the market; what it raises `Strategy.buy` says."""
        if time_in_force is not None and type(time_in_force) is not TimeInForce:
            raise UsageError(f"time_in_force is {time_in_force!r}; write one as TimeInForce.IOC")
        if post_only is not True and post_only is not False:
            raise UsageError(f"post_only is {post_only!r}; write True or False")
        is_limit, amounts = price is not None, self._amounts
        intent = Intent(
            side,
            amounts.size_lots(size),
            _LIMIT if is_limit else _MARKET,
            time_in_force or (_GTC if is_limit else _IOC),
            amounts.price_ticks(price) if is_limit else None,
            post_only,
        )
        if len(self.intents) < INTENTS_MAX:
            self.intents.append(intent)
        else:
            self.wish(intent)
        return intent

    def reach(self, now_ns: int) -> None:
        """Hear what time it is at another leg's desk."""
        self.now_ns = max(self.now_ns, now_ns)

    @property
    def has_new_timers(self) -> bool:
        """Whether a timer was set that nobody has seen to."""
        return len(self.timers) > self.timers_seen

    def drain(self) -> list[Wish]:
        """Return the wishes of the last call."""
        intents, self.intents = self.intents, []
        return intents


class _NoDesk:
    """What a strategy has before it sits at a desk."""

    def __getattr__(self, name: str) -> NoReturn:
        raise UsageError("a strategy can act from on_start on, not while it is made")


_NO_DESK = cast(Desk, _NoDesk())
# Read once: until Python 3.12 that is a search.
_BUY, _SELL = Side.BUY, Side.SELL
_LIMIT, _MARKET = OrderType.LIMIT, OrderType.MARKET
_GTC, _IOC = TimeInForce.GTC, TimeInForce.IOC


class Leg:
    """One instrument at one venue, as a strategy acts there and sees it.

    A strategy of one instrument is its own leg. One of several has `self.leg("name")` for each.
    """

    def __init__(self, name: str, desk: Desk) -> None:
        self.name = name
        self._desk = desk

    @property
    def desk(self) -> Desk:
        """Where it sits; what a strategy needs of it has a name of its own here."""
        return self._desk

    # -- what it may do -------------------------------------------------------------------------

    def buy(
        self,
        size: Amount,
        price: Decimal | str | None = None,
        *,
        post_only: bool = False,
        time_in_force: TimeInForce | None = None,
    ) -> Intent:
        """Want to buy: at the market, or with a price at that or better.

        Raises:
            UnitError: Size or price is not a whole number of steps.
            UsageError: Size or price is a float, or a word is none of those that there are.
        """
        return self._desk.order(_BUY, size, price, time_in_force, post_only)

    def sell(
        self,
        size: Amount,
        price: Decimal | str | None = None,
        *,
        post_only: bool = False,
        time_in_force: TimeInForce | None = None,
    ) -> Intent:
        """Want to sell; as `buy`."""
        return self._desk.order(_SELL, size, price, time_in_force, post_only)

    def stop(
        self, side: Side, size: Amount, trigger: Decimal | str, price: Decimal | str | None = None
    ) -> Intent:
        """Want an order that goes to market when the price has come to a trigger, against it.

        A sell waits below the market, a buy above. With a price it is a limit order then.

        Raises:
            UnitError: Size, trigger or price is not a whole number of steps.
            UsageError: One of them is a float.
        """
        return self._waiting((OrderType.STOP, OrderType.STOP_LIMIT), side, size, trigger, price)

    def take_profit(
        self, side: Side, size: Amount, trigger: Decimal | str, price: Decimal | str | None = None
    ) -> Intent:
        """Want an order that waits for a price in its favour; else as `stop`."""
        kinds = (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
        return self._waiting(kinds, side, size, trigger, price)

    def protect(
        self, trigger: Decimal | str | None, price: Decimal | str | None = None
    ) -> ProtectIntent:
        """Keep a stop behind the whole position from now on; None: no longer.

        The bot places it, keeps it as large as the position, and proves at every comparison that
        it is at the venue. While it is missing nothing that adds risk is sent.

        Raises:
            UnitError: Trigger or price is not a whole number of ticks.
            UsageError: One of them is a float.
        """
        desk = self._desk
        intent = ProtectIntent(ticks(trigger, desk.instrument), ticks(price, desk.instrument))
        desk.wish(intent)
        return intent

    def amend(
        self,
        target: Intent | OwnOrder | str,
        *,
        price: Decimal | str | None = None,
        size: Amount | None = None,
        trigger: Decimal | str | None = None,
    ) -> AmendIntent:
        """Want another price, size or trigger of an open order; size counts what has filled.

        A wish: it may fill by its old terms before. What came of it is told by `on_order`, with
        `amend_note` saying why not. What a venue can change differs: Binance makes orders smaller
        and nothing else.

        Raises:
            UnitError: One of them is not a whole number of steps.
            UsageError: One of them is a float.
        """
        desk = self._desk
        intent = AmendIntent(
            _named(target),
            ticks(price, desk.instrument),
            None if size is None else size_lots(size, desk.instrument),
            ticks(trigger, desk.instrument),
        )
        desk.wish(intent)
        return intent

    def cancel(self, target: Intent | OwnOrder | str) -> CancelIntent:
        """Want an order canceled. A wish: it may fill before.

        Raises:
            UsageError: It is no order.
        """
        intent = CancelIntent(_named(target))
        self._desk.wish(intent)
        return intent

    def cancel_all(self) -> None:
        """Want every open order canceled, but for the stop that `protect` keeps."""
        for order in self.open_orders:
            self.cancel(order)

    def log(self, text: object) -> None:
        """Write a line to the bot's log; what is no text is written as `print` would."""
        # What no file takes, half of a pair of surrogates, is written out.
        self._desk.notes.append(str(text).encode(errors="backslashreplace").decode())

    def size(self, amount: float | Decimal) -> Decimal:
        """Return an amount of base rounded down to whole lots; the only place for a float.

        Raises:
            UnitError: Negative, or not a number.
        """
        exact = Decimal(repr(amount)) if not isinstance(amount, Decimal) else amount
        if not exact.is_finite() or exact < 0:
            raise UnitError(f"size {amount} is not an amount", RejectReason.SIZE_TOO_SMALL)
        lot = self.instrument.lot_size
        return lot * (exact / lot).to_integral_value(ROUND_DOWN, Context(prec=60))

    # -- what it may know -------------------------------------------------------------------------

    @property
    def instrument(self) -> Instrument:
        """What is traded."""
        return self._desk.instrument

    @property
    def position(self) -> Position:
        """What the bot holds."""
        return self._desk.position

    @property
    def book(self) -> BookView:
        """The order book."""
        return self._desk.book

    @property
    def price(self) -> Decimal | None:
        """The last traded price, or before the first trade the middle of the book."""
        desk = self._desk
        if desk.last_ticks is None:
            return desk.book.mid
        return desk.instrument.price(desk.last_ticks)

    @property
    def history(self) -> list[Bar]:
        """The closed bars from before the start, oldest first."""
        return self._desk.history

    @property
    def open_orders(self) -> list[OwnOrder]:
        """This bot's orders that may still fill, but for the stop that `protect` keeps."""
        return self._desk.open_orders()

    @property
    def now_ns(self) -> int:
        """The time, in nanoseconds since the epoch."""
        return self._desk.now_ns

    @property
    def now(self) -> datetime:
        """The time, to the microsecond."""
        seconds, rest_ns = divmod(self.now_ns, SECOND_NS)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest_ns // 1000)

    @property
    def cash(self) -> Decimal:
        """What the bot's own fills have brought in quote, less what they have cost, after fees."""
        return from_atoms(self._desk.cash_atoms())

    @property
    def trouble(self) -> str | None:
        """Why nothing can be ordered now; None: it can. A wish is refused all the same."""
        return self._desk.trouble()

    def _waiting(
        self,
        kinds: tuple[OrderType, OrderType],
        side: Side,
        size: Amount,
        trigger: Decimal | str,
        price: Decimal | str | None,
    ) -> Intent:
        desk = self._desk
        if type(side) is not Side or trigger is None:
            raise UsageError(
                f"write Side.BUY or Side.SELL, and a trigger; not {side!r}, {trigger!r}"
            )
        intent = Intent(
            side,
            size_lots(size, desk.instrument),
            kinds[price is not None],
            TimeInForce.GTC,
            ticks(price, desk.instrument),
            trigger_ticks=ticks(trigger, desk.instrument),
        )
        desk.wish(intent)
        return intent


class Strategy(Leg):
    """Base of all strategies. Override the callbacks that are needed; others are not called."""

    class Params(Struct, frozen=True, kw_only=True):
        """Parameters, by name and type; a field without a default must be given."""

    params: Any
    leg_names: ClassVar[tuple[str, ...]] = ()  # of a strategy of several; ANY_LEGS: as configured

    def __init_subclass__(cls, *, is_part: bool = False, **more: Any) -> None:
        """Refuse a class that hides what every strategy has, by a UsageError that names it.

        is_part: it is no author's, and stands for one leg of an author's.
        """
        super().__init_subclass__(**more)
        if not is_part:
            refuse_taken(Strategy, cls)

    def __init__(self, **parameters: Any) -> None:
        """Take parameters as they stand in a configuration: `DipBuyer(below="40000")`.

        Raises:
            ConfigError: An unknown, missing or wrong parameter; the message names it.
        """
        super().__init__("", _NO_DESK)
        self._legs: dict[str, Leg] = {}
        self._told: Leg | None = None
        self.params = read_parameters(type(self).__name__, self.Params, parameters)

    def check(self, instrument: Instrument) -> None:
        """Refuse parameters that this instrument cannot trade, before trading begins.

        Override it where a parameter has to be on a step or within a limit.

        Raises:
            UsageError: One of them does not fit; the bot does not start, and says this.
        """

    def check_leg(self, name: str, instrument: Instrument) -> None:  # noqa: ARG002 for who overrides it
        """The same for each leg of a strategy that has several.

        Raises:
            UsageError: As `check`.
        """
        self.check(instrument)

    def check_legs(self, instruments: Mapping[str, Instrument]) -> None:
        """Refuse instruments that do not go together, by the names of the legs.

        Raises:
            UsageError: As `check`.
        """

    # -- its legs -------------------------------------------------------------------------------

    @property
    def legs(self) -> Mapping[str, Leg]:
        """The legs by name, as the configuration has them; none where there is one instrument."""
        return self._legs

    def leg(self, name: str) -> Leg:
        """Return a leg.

        Raises:
            UsageError: There is none of this name.
        """
        found = self._legs.get(name)
        if found is None:
            there = ", ".join(self._legs) or "none: it trades one instrument, by self.buy and so on"
            raise UsageError(f"there is no leg {name!r}; there are: {there}")
        return found

    @property
    def told(self) -> Leg:
        """The leg that the call is about; where there is one instrument, the strategy itself."""
        return self if self._told is None else self._told

    # -- what is told -------------------------------------------------------------------------

    def on_warm_up(self, bar: Bar) -> None:
        """A bar of `history`, oldest first and before `on_start`; nothing can be ordered yet."""

    def on_start(self) -> None:
        """Trading begins: the book is right, `history` and `position` are known."""

    def on_book(self, book: BookView) -> None:
        """The book has changed. The view is reused: it is always the newest."""

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""

    def on_gap(self, gap: Gap) -> None:
        """Trades were missed; told before any later one, with those the venue told afterwards."""

    def on_bar(self, bar: Bar) -> None:
        """A bar has closed; only if `bar_interval` says which."""

    def on_fill(self, fill: Fill) -> None:
        """An order of this bot has filled, in part or whole; the position has moved already."""

    def on_order(self, order: OwnOrder) -> None:
        """An order of this bot has another state."""

    def on_timer(self, timer: Timer) -> None:
        """A timer that `every` has set is due."""

    def on_stop(self) -> None:
        """Trading ends; only cancels are carried out from here on."""

    # -- what it wants to be told ---------------------------------------------------------------

    @property
    def bar_interval(self) -> Duration | None:
        """The length of the bars for `on_bar`: the parameter `bar`, if there is one."""
        found = getattr(self.params, "bar", None)
        return found if isinstance(found, Duration) else None

    @property
    def history_bars(self) -> int:
        """How many closed bars `history` should hold at the start."""
        return 0

    def every(self, interval: Duration | str) -> None:
        """Call `on_timer` at each multiple of an interval since the epoch (60s: every minute).

        Raises:
            ConfigError: Not a duration.
        """
        desk = self._desk
        if len(desk.timers) >= TIMERS_MAX:
            raise UsageError(f"over {TIMERS_MAX} timers")
        desk.timers[Duration.of(interval)] = None

    def bind(self, desk: Desk) -> None:
        """Sit down at a desk; the trader does it before anything is told."""
        self._desk = desk

    def wants(self, callback: str) -> bool:
        """Whether it wants to be told of something: whether it overrides that."""
        return getattr(type(self), callback) is not getattr(Strategy, callback)

    @property
    def failed_elsewhere(self) -> str | None:
        """What it has raised in a call of another leg; a strategy of one leg has none."""
        return None

    def take_legs(self, legs: dict[str, Leg], shared: Desk) -> None:
        """Sit down at the desks of several legs."""
        self._legs, self._desk = legs, shared
        self.hear(next(iter(legs)))

    def hear(self, name: str) -> None:
        """Let the next call be about this leg."""
        self._told = self._legs[name]

    def warm_up(self) -> None:
        """Tell itself the bars of the past; whoever runs it calls this once, before `on_start`.

        Raises:
            UsageError: It has ordered something by them.
        """
        if not overrides(self, "on_warm_up"):
            return
        for bar in self._desk.history:
            self.on_warm_up(bar)
        if self._desk.intents:
            raise UsageError("on_warm_up is about the past; order in on_start or on_bar")


# What is asked at every look is read in C: a function of Python's takes twice as long to be called.
for _name in ("book", "instrument", "position"):
    _found = property(attrgetter(f"_desk.{_name}"), doc=getattr(Leg, _name).__doc__)
    setattr(Leg, _name, _found)

keep(Leg, Strategy)


def overrides(strategy: Strategy, callback: str) -> bool:
    """Whether a strategy wants to be told; what it keeps under a name of its own hides nothing."""
    return type(strategy).wants(strategy, callback)


def _named(target: Any) -> Intent | str:
    kind = type(target)
    if kind is Intent or kind is str:
        return cast("Intent | str", target)
    if isinstance(target, OwnOrder):  # it asks a struct's class, in Python
        return target.client_order_id
    raise UsageError(f"{target!r} is no order; give what buy or sell returned, or an id")
