"""What a simulated world's bots want, and what other people do on their accounts.

A bot's wishes come from its timer's slots, and the size of each is its slot's, so that a wish
which becomes two orders shows; a restart goes on with the next slot. They stop wanting anything
when the time of trouble is over. Some follow what they hear: they place the way out of what they
have bought, quote both sides anew, or order while they are told that the book has moved.
"""

from decimal import Decimal
from enum import StrEnum
from random import Random

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.lifecycle import Fill, OrderState
from steelyard.domain.messages import OrdersQuery
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.domain.units import Lots
from steelyard.exchange.exchange import Exchange
from steelyard.sim.quoter import LISTED
from steelyard.trading.bars import Bar
from steelyard.trading.books import BookView
from steelyard.trading.duration import Duration
from steelyard.trading.orders import OwnOrder
from steelyard.trading.strategy import Strategy, Timer

BY_HAND = "hand-"  # how ids of people's orders begin
SIZE_LOTS = 200  # of the first wish; each slot has its own from there on
ERRS_EACH, ERRS = 11, 2  # in so many slots it errs so often, if it does
MIN_LOTS = 100  # what no venue takes for too small
WISHES = 4  # in a slot, at most
QUICKER = 4  # slots of those that go by the book, in one of the others
NEAR = Decimal(40)  # how far from the middle resting orders go, in quote
ORDERS_MAX = 1_000


class Manner(StrEnum):
    """What a bot is like."""

    CHURN = "churn"  # anything, at random
    MAKER = "maker"  # both sides, quoted anew in each slot
    PAIRS = "pairs"  # buys, and sells each of what it has bought
    HOLDER = "holder"  # buys and keeps a stop behind what it has; changes its mind about both
    QUICK = "quick"  # rests orders as the book moves, and cancels and changes some


class Wisher(Strategy):
    """A bot that wants something in each slot of its timer, until its time is over."""

    class Params(Strategy.Params, frozen=True, kw_only=True):
        """Parameters of Wisher; times in ns."""

        seed: int
        manner: Manner
        begin_ns: int
        until_ns: int
        every: Duration
        bar: Duration | None = None
        has_limit: bool = False  # whether its stops have one
        errs: bool = False  # whether it wants what is too small, too

    params: Params
    history_bars = 3

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        self.bars: list[Bar] = []
        self._quick_slot = 0  # the last in which it wanted something, or began

    def on_start(self) -> None:
        """Set the timer."""
        self.every(self.params.every)
        self._quick_slot = self._quick_now()

    def on_bar(self, bar: Bar) -> None:
        """Keep it: somebody compares."""
        self.bars.append(bar)

    def on_book(self, book: BookView) -> None:
        """Want what a slot of its own says, when the book moves in it for the first time."""
        params, slot = self.params, self._quick_now()
        if params.manner is not Manner.QUICK or slot <= self._quick_slot:
            return
        self._quick_slot = slot
        if self.now_ns < params.until_ns and book.mid is not None:
            rng = Random(params.seed * 1_000_003 + slot)
            self._follow(rng, SIZE_LOTS + (slot % 1_000) * WISHES)

    def on_timer(self, timer: Timer) -> None:
        """Want what the slot says."""
        params = self.params
        if timer.due_ns >= params.until_ns or self.book.mid is None:
            return
        slot = (timer.due_ns - params.begin_ns) // timer.every.ns
        rng = Random(params.seed * 1_000_003 + slot)
        size = SIZE_LOTS + (slot % 1_000) * WISHES
        if params.errs and slot % ERRS_EACH < ERRS:
            self._want(Side.BUY, 1, self._price_near(Side.BUY, 0))
        match params.manner:
            case Manner.CHURN:
                self._churn(rng, size)
            case Manner.MAKER:
                self.cancel_all()
                self._rest(rng, Side.BUY, size)
                self._rest(rng, Side.SELL, size + 1)
            case Manner.PAIRS:
                if rng.random() < 0.5:  # noqa: PLR2004 as likely as not
                    self.buy(Lots(size))
                else:
                    self._rest(rng, Side.BUY, size)
            case Manner.HOLDER:
                self._hold(rng, size)
            case Manner.QUICK:
                pass  # it goes by the book

    def on_order(self, order: OwnOrder) -> None:
        """Sell what a finished order has bought."""
        if self.params.manner is not Manner.PAIRS or order.place.side is Side.SELL:
            return
        is_over = self.now_ns >= self.params.until_ns or self.book.mid is None
        if order.state is OrderState.FILLED and not is_over:
            self._rest(Random(order.place.size_lots), Side.SELL, order.place.size_lots)

    def on_fill(self, fill: Fill) -> None:
        """Keep a stop behind what was bought."""
        if self.params.manner is Manner.HOLDER and fill.side is Side.BUY and self.book.mid:
            self._protect(Random(fill.size_lots))

    def _churn(self, rng: Random, size: int) -> None:
        side = rng.choice([Side.BUY, Side.SELL])
        match rng.randrange(8):
            case 0:
                self._want(side, size, None)
            case 1 | 2:
                self._rest(rng, side, size)
            case 3:
                self.cancel_all()
                self._rest(rng, side, size)
            case 4:
                for wish in range(WISHES):
                    self._rest(rng, rng.choice([Side.BUY, Side.SELL]), size + wish)
            case 5:
                self._want(side, size, self._price_near(side, rng.randint(-20, 5)))
            case 6:
                if found := self.open_orders:
                    self.cancel(rng.choice(found))
            case _:
                price = self._price_near(side, rng.randint(-10, 0))
                self._want(side, size, price, TimeInForce.IOC)

    def _follow(self, rng: Random, size: int) -> None:
        found = self.open_orders
        match rng.randrange(10):
            case 0 if found:
                self.cancel(rng.choice(found))
            case 1:
                self.cancel_all()
            case 2 if found:
                order = rng.choice(found)
                self.amend(order, price=self._price_near(order.place.side, rng.randint(0, 9)))
            case 3:
                self._want(rng.choice([Side.BUY, Side.SELL]), size, None)
            case _:
                for wish in range(rng.choice([1, 1, 2, WISHES])):
                    self._rest(rng, rng.choice([Side.BUY, Side.SELL]), size + wish)

    def _quick_now(self) -> int:
        """Return the slot in which it is now: a quarter of what its timer has."""
        params = self.params
        return (self.now_ns - params.begin_ns) * QUICKER // params.every.ns

    def _hold(self, rng: Random, size: int) -> None:
        wishes = [order for order in self.open_orders if not order.protects]
        holds = Decimal(size) * self.instrument.lot_size <= self.position.size
        match rng.randrange(8):
            case 0 | 1:
                self.buy(Lots(size))
            case 2:
                self._rest(rng, Side.BUY, size)
            case 3 if wishes:
                order = rng.choice(wishes)
                self.amend(order, size=Lots(max(MIN_LOTS, order.place.size_lots - WISHES)))
            case 4 if wishes:
                self.amend(rng.choice(wishes), price=self._price_near(Side.BUY, rng.randint(0, 9)))
            case 5:
                self._protect(rng)
            case 6 if holds:
                self.protect(None)
                self.sell(Lots(size))
            case 7 if holds:
                self.sell(Lots(size))  # the stop is to shrink
            case _:
                self.cancel_all()

    def _protect(self, rng: Random) -> None:
        """Want the position to end so far below; some stops are struck soon, some never.

        Below is the wrong side of a short one, which comes of a sale beside a stop that is struck.
        """
        if self.position.size < 0:
            return
        trigger = self._price_near(Side.BUY, rng.choice([10, 30, 200, 2_000]))
        self.protect(trigger, trigger - NEAR if self.params.has_limit else None)

    def _rest(self, rng: Random, side: Side, size: int) -> None:
        self._want(side, size, self._price_near(side, rng.randint(0, int(NEAR))))

    def _want(
        self,
        side: Side,
        size: int,
        price: Decimal | None,
        time_in_force: TimeInForce | None = None,
    ) -> None:
        order = self.buy if side is Side.BUY else self.sell
        order(Lots(size), price, time_in_force=time_in_force)

    def _price_near(self, side: Side, away: int) -> Decimal:
        """Return a price so far from the middle, on the patient side, in quote."""
        mid = self.book.mid
        assert mid is not None, "nobody is asked without a book"
        return (mid - int(side) * Decimal(away)).quantize(LISTED.tick_size)


class Person:
    """Somebody who trades by hand on an account, or another program that does."""

    def __init__(self, name: str, rng: Random) -> None:
        self._name = name
        self._rng = rng
        self._orders = 0

    def act(self, exchange: Exchange, account_id: int) -> str:
        """Do something on the account; return what."""
        rng = self._rng
        found = exchange.history.orders(OrdersQuery(account_id, ORDERS_MAX, open_only=True))
        if found and rng.random() < 0.4:  # noqa: PLR2004
            order = rng.choice([*found])
            exchange.perform(Cancel(account_id, order.order_id), exchange.now_ns)
            return f"cancels {order.client_order_id or order.order_id}"
        self._orders += 1
        side = rng.choice([Side.BUY, Side.SELL])
        levels = exchange.levels(0, 1)
        facing = levels.asks if side is Side.BUY else levels.bids
        if not facing:
            return "sees an empty book"
        price = facing[0][0] + int(side) * rng.choice([50, -100, -2_000])
        name = f"{BY_HAND}{self._name}-{self._orders}"
        place = Place(
            account_id,
            0,
            side,
            OrderType.LIMIT,
            TimeInForce.GTC,
            post_only=False,
            price_ticks=price,
            size_lots=rng.randint(100, 900),
            client_order_id=name,
        )
        exchange.perform(place, exchange.now_ns)
        return f"places {name}"
