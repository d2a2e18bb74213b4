"""A bench for unit tests of a strategy: plain prices in, its wishes out as words.

    def test_it_buys_a_dip():
        bench = Bench(DipBuyer(below="40000"))
        assert bench.timer("39000") == ["buy 0.01000 market"]
        bench.fill()
        assert bench.position == Decimal("0.01")

Nothing fills, and no time passes, unless the test says so. Limits are not checked and there are no
fees: what an order costs is for a backtest to say. Wishes are open orders until they are filled,
refused or canceled, as the strategy sees them. A strategy of several legs sits at a `LegsBench`,
which has a bench for each.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import count

from msgspec.structs import replace

from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill, OrderState
from steelyard.domain.messages import SECOND_NS, BookSnapshot, Trade
from steelyard.domain.order import Liquidity, OrderType, RejectReason, Side
from steelyard.domain.units import in_full, plain
from steelyard.trading.bars import Bar
from steelyard.trading.duration import Duration
from steelyard.trading.host import in_words
from steelyard.trading.legs import Legs
from steelyard.trading.orders import OwnOrder
from steelyard.trading.portfolio import Portfolio
from steelyard.trading.strategy import (
    AmendIntent,
    CancelIntent,
    Desk,
    Intent,
    Position,
    ProtectIntent,
    Strategy,
    Timer,
)

START_NS = 1_700_000_000 * SECOND_NS
BTC_USDT = Instrument.spot(
    0,
    (1, "BTC"),
    (2, "USDT"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="9000",
    notional_min="5",
)

Price = str | int | Decimal
Closes = Sequence[Price]


class Bench:
    """One strategy on a bench.

    Attributes:
        desk: What the strategy sees.
        wishes: Those of the last call, as they are.
    """

    def __init__(
        self,
        strategy: Strategy,
        *,
        history: Closes = (),
        position: Price = 0,
        price: Price | None = None,
        instrument: Instrument = BTC_USDT,
        leg: str = "",
    ) -> None:
        """Start a strategy.

        Args:
            strategy: To be looked at.
            history: The closes of the bars before the start, oldest first.
            position: What it holds at the start, in base.
            price: The last traded price at the start.
            instrument: What it trades.
            leg: What leg of a strategy this is; a `LegsBench` says so.

        Raises:
            UsageError: Its parameters do not go with the instrument.
        """
        strategy.check(instrument)
        self.strategy = strategy
        self.desk = desk = Desk(instrument)
        self.wishes: list[Intent | AmendIntent | CancelIntent | ProtectIntent] = []
        self._portfolio = Portfolio(instrument)
        self._orders: dict[str, OwnOrder] = {}
        self._intents: dict[str, Intent] = {}
        self._numbers = count(1)
        self.others: Callable[[], list[str]] = list  # carries out what is wished at other legs
        self._label = f"{leg}: " if leg else ""
        desk.now_ns = START_NS
        desk.open_orders = lambda: [o for o in self._orders.values() if o.is_open]
        desk.cash_atoms = lambda: self._portfolio.cash_atoms
        interval = strategy.bar_interval
        self._interval_ns = 60 * SECOND_NS if interval is None else interval.ns
        for close in history:
            desk.history.append(self._bar(close))
        if price is not None:
            desk.last_ticks = self._ticks(price)
        elif desk.history:
            desk.last_ticks = desk.history[-1].close_ticks
        self.hold(position)
        type(strategy).bind(strategy, desk)
        strategy.warm_up()
        self.started = self._call(strategy.on_start)

    # -- what happens -------------------------------------------------------------------------

    def close(self, *closes: Price) -> list[str]:
        """Let bars close, one after the other; return what was wished for."""
        said: list[str] = []
        for close in closes:
            bar = self._bar(close)
            self.desk.last_ticks = bar.close_ticks
            said += self._call(lambda bar=bar: self.strategy.on_bar(bar))  # type: ignore[misc]
        return said

    def book(self, bid: Price, ask: Price, size: Price = 1) -> list[str]:
        """Let the book be one level on each side."""
        desk, lots = self.desk, self.desk.instrument.size_lots(Decimal(size))
        bids, asks = (((self._ticks(price), lots),) for price in (bid, ask))
        sequence = desk.book.sequence + 1
        instrument_id = desk.instrument.instrument_id
        snapshot = BookSnapshot(instrument_id, sequence, bids, asks, desk.now_ns)
        desk.book.snapshot(snapshot, desk.now_ns)
        return self._call(lambda: self.strategy.on_book(desk.book))

    def trade(self, price: Price, size: Price = 1, side: Side = Side.BUY) -> list[str]:
        """Let somebody trade."""
        desk = self.desk
        desk.last_ticks = self._ticks(price)
        lots = desk.instrument.size_lots(Decimal(size))
        number, instrument_id = next(self._numbers), desk.instrument.instrument_id
        trade = Trade(instrument_id, number, desk.last_ticks, lots, side, desk.now_ns)
        return self._call(lambda: self.strategy.on_trade(trade))

    def timer(self, price: Price | None = None, *, every: str | None = None) -> list[str]:
        """Let a timer fire, the first one or that of an interval, at a price if one is given."""
        desk = self.desk
        if price is not None:
            desk.last_ticks = self._ticks(price)
        interval = next(iter(desk.timers)) if every is None else Duration(every)
        self.wait(interval.ns - desk.now_ns % interval.ns)
        timer = Timer(interval, desk.now_ns)
        return self._call(lambda: self.strategy.on_timer(timer))

    def wait(self, time_ns: int) -> None:
        """Let time pass in which nothing is told."""
        self.desk.now_ns += time_ns

    def fill(self, price: Price | None = None, *, size: Price | None = None) -> list[str]:
        """Fill every open order, whole or each by a size, at its own price or at this one."""
        said: list[str] = []
        for order in self.desk.open_orders():
            lots = order.place.size_lots - order.filled_lots
            if size is not None:
                lots = min(lots, self.desk.instrument.size_lots(Decimal(size)))
            said += self._fill(order, lots, self._fill_ticks(order, price))
        return said

    def fill_line(self, price: Price) -> list[str]:
        """Fill the open orders at a price, whole."""
        ticks = self._ticks(price)
        said: list[str] = []
        for order in self.desk.open_orders():
            if order.place.price_ticks == ticks:
                said += self._fill(order, order.place.size_lots - order.filled_lots, ticks)
        return said

    def refuse(self, reason: RejectReason = RejectReason.INSUFFICIENT_BALANCE) -> list[str]:
        """Let the venue refuse every open order."""
        said: list[str] = []
        for order in self.desk.open_orders():
            said += self._ends(order, OrderState.REJECTED, reason)
        return said

    def stop(self) -> list[str]:
        """Let trading end."""
        return self._call(self.strategy.on_stop)

    def hold(self, size: Price, price: Price | None = None) -> None:
        """Let the position be this, as if it had come about before."""
        amount, desk = Decimal(size), self.desk
        lots = desk.instrument.size_lots(abs(amount)) if amount else 0
        self._portfolio = Portfolio(desk.instrument)
        if lots:
            ticks = self._ticks(price) if price is not None else desk.last_ticks or 1
            side = Side.BUY if amount > 0 else Side.SELL
            self._portfolio.book(self._fill_of(side, ticks, lots, "before"))
        self._show_position()

    # -- what came of it ----------------------------------------------------------------------

    @property
    def position(self) -> Decimal:
        """What the strategy holds, in base."""
        return plain(self.desk.position.size)

    @property
    def open(self) -> list[str]:
        """The open orders, in words."""
        return [self._order_in_words(order) for order in self.desk.open_orders()]

    @property
    def log(self) -> list[str]:
        """What it has logged so far."""
        return self.desk.notes

    # -- helpers ------------------------------------------------------------------------------

    def _call(self, call: Callable[[], None]) -> list[str]:
        call()
        return self.carry_out() + self.others()

    def carry_out(self) -> list[str]:
        """Make open orders of what was wished for here, and return it in words."""
        self.wishes = self.desk.drain()
        said = []
        for wish in self.wishes:
            match wish:
                case CancelIntent(target):
                    order = self._find(target)
                    if order is None or not order.is_open:
                        continue
                    said.append(f"{self._label}cancel {self._order_in_words(order)}")
                    said += self._ends(order, OrderState.CANCELED)
                case AmendIntent():
                    said.append(self._label + in_words(wish, self.desk.instrument))
                    self._amend(wish)
                case ProtectIntent():
                    said.append(self._label + in_words(wish, self.desk.instrument))
                case Intent():
                    said.append(self._label + in_words(wish, self.desk.instrument))
                    self._place(wish)
        return said

    def _place(self, intent: Intent) -> None:
        number = next(self._numbers)
        intent.client_order_id = str(number)
        place = Place(
            0,
            self.desk.instrument.instrument_id,
            intent.side,
            intent.order_type,
            intent.time_in_force,
            intent.post_only,
            intent.price_ticks,
            intent.size_lots,
            client_order_id=intent.client_order_id,
            trigger_ticks=intent.trigger_ticks,
        )
        now_ns = self.desk.now_ns
        order = OwnOrder(place=place, state=OrderState.WORKING, order_id=number, created_ns=now_ns)
        self._orders[intent.client_order_id] = order

    def _amend(self, intent: AmendIntent) -> None:
        order = self._find(intent.target)
        if order is None or not order.is_open:
            return
        place = order.place
        order.place = replace(
            place,
            price_ticks=intent.price_ticks or place.price_ticks,
            size_lots=intent.size_lots or place.size_lots,
            trigger_ticks=intent.trigger_ticks or place.trigger_ticks,
        )

    def _find(self, target: Intent | str) -> OwnOrder | None:
        name = target.client_order_id if isinstance(target, Intent) else target
        return self._orders.get(name)

    def _ends(
        self, order: OwnOrder, state: OrderState, reason: RejectReason | None = None
    ) -> list[str]:
        order.state, order.reject_reason = state, reason
        order.updated_ns = self.desk.now_ns
        return self._call(lambda: self.strategy.on_order(order))

    def _fill(self, order: OwnOrder, lots: int, ticks: int) -> list[str]:
        order.filled_lots += lots
        order.venue_filled_lots = order.filled_lots
        is_whole = order.filled_lots == order.place.size_lots
        fill = self._fill_of(order.place.side, ticks, lots, order.client_order_id)
        self._portfolio.book(fill)
        self._show_position()
        order.state = OrderState.FILLED if is_whole else OrderState.PARTIALLY_FILLED
        said = self._call(lambda: self.strategy.on_fill(fill))
        return said + self._call(lambda: self.strategy.on_order(order))

    def _fill_ticks(self, order: OwnOrder, price: Price | None) -> int:
        """Return the price of a fill: the one given, the order's own, or what the market is at."""
        place, book = order.place, self.desk.book
        if price is not None:
            return self._ticks(price)
        if place.price_ticks is not None:
            return place.price_ticks
        touch = book.book.ask_ticks if place.side is Side.BUY else book.book.bid_ticks
        ticks = touch if touch is not None else self.desk.last_ticks
        assert ticks is not None, "nothing says what a market order fills at: give fill() a price"
        return ticks

    def _fill_of(self, side: Side, ticks: int, lots: int, name: str) -> Fill:
        instrument = self.desk.instrument
        number = next(self._numbers)
        return Fill(
            trade_id=number,
            order_id=number,
            client_order_id=name,
            account_id=0,
            instrument_id=instrument.instrument_id,
            side=side,
            price_ticks=ticks,
            size_lots=lots,
            quote_atoms=instrument.notional_atoms(ticks, lots),
            liquidity=Liquidity.TAKER,
            fee_asset_id=instrument.quote_asset_id,
            fee_atoms=0,
            time_ns=self.desk.now_ns,
        )

    def _show_position(self) -> None:
        books = self._portfolio
        instrument = self.desk.instrument
        self.desk.position = Position(instrument, books.position_lots, books.average_price)

    def _bar(self, close: Price) -> Bar:
        """Return a flat bar that closes now, or a moment before the one that is closing."""
        desk, ticks = self.desk, self._ticks(close)
        open_ns = desk.now_ns - desk.now_ns % self._interval_ns
        desk.now_ns = open_ns + self._interval_ns
        return Bar(desk.instrument, self._interval_ns, open_ns, ticks, ticks, ticks, ticks)

    def _ticks(self, price: Price) -> int:
        return self.desk.instrument.price_ticks(Decimal(price))

    def _order_in_words(self, order: OwnOrder) -> str:
        place, instrument = order.place, self.desk.instrument
        size = in_full(plain(instrument.size(place.size_lots - order.filled_lots)))
        kind = OrderType(place.order_type).name.lower().replace("_", " ")
        price = place.price_ticks
        at = "" if price is None else f" at {in_full(instrument.price(price))}"
        return f"{place.side.name.lower()} {size} {kind}{at}"


class LegsBench:
    """A strategy of several legs on a bench for each: `bench["far"].book("99", "101")`.

    What such a call returns are the wishes at all legs, with the name of the leg before each.
    """

    def __init__(
        self,
        strategy: Strategy,
        instruments: Mapping[str, Instrument],
        *,
        positions: Mapping[str, Price] | None = None,
        prices: Mapping[str, Price] | None = None,
    ) -> None:
        """Start a strategy on legs by their names.

        Raises:
            ConfigError: They are not the strategy's.
            UsageError: Its parameters do not go with an instrument.
        """
        legs = Legs(strategy, [*instruments])
        self._benches: dict[str, Bench] = {}
        self.started: list[str] = []
        for name, instrument in instruments.items():
            self._benches[name] = Bench(
                legs.parts[name],
                instrument=instrument,
                position=(positions or {}).get(name, 0),
                price=(prices or {}).get(name),
                leg=name,
            )
            self.started += self._benches[name].started
        for bench in self._benches.values():
            bench.others = self._carry_out
        self.started += self._carry_out()

    def __getitem__(self, name: str) -> Bench:
        """Return the bench of a leg."""
        return self._benches[name]

    def _carry_out(self) -> list[str]:
        return [text for bench in self._benches.values() for text in bench.carry_out()]
