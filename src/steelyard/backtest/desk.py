"""The desk of a backtest: what a strategy sees is read from the machine when it is looked at.

It is a `trading.strategy.Desk`, so the same class of strategy sits there. Its orders are named by
their numbers, "1", "2" and so on. What it shows is what the strategy has been told; nothing that
the machine has not played is within reach of it.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from steelyard._native import Replay
from steelyard.backtest.book import ReplayBookView
from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill, OrderState
from steelyard.domain.order import Liquidity, OrderType, RejectReason, Side, TimeInForce
from steelyard.domain.units import EXACT
from steelyard.trading.orders import OwnOrder
from steelyard.trading.portfolio import Portfolio
from steelyard.trading.strategy import Desk, Intent, Position

ACCOUNT_ID: int = Replay.ACCOUNT_ID


class Held(NamedTuple):
    """The position that was read last, and after how many fills."""

    fills: int
    position: Position


class ReplayDesk(Desk):
    """A desk over a machine."""

    def __init__(self, instrument: Instrument, replay: Replay) -> None:
        # What the base keeps up to date by writing is read here; only the rest is its own.
        self.instrument = instrument
        self.book = ReplayBookView(instrument, replay)
        self.history = []
        self.timers = {}
        self.notes = []
        self.intents = []
        self.open_orders = self._open_orders
        self._replay = replay
        self._portfolio = Portfolio(instrument)
        self._booked = 0
        self._held = Held(0, Position(instrument))
        self._first_open = 0
        self.hidden: int | None = None  # the stop that `protect` keeps

    @property
    def now_ns(self) -> int:  # type: ignore[override] # the machine's, and nobody writes it
        """The time."""
        return self._replay.now_ns

    @property
    def last_ticks(self) -> int | None:  # type: ignore[override] # as now_ns
        """The last price; None before the first."""
        return self._replay.last_ticks or None

    @property
    def position(self) -> Position:  # type: ignore[override] # as now_ns
        """What the strategy has been told that it holds."""
        fills = self._replay.told_fills
        if fills != self._held.fills:
            lots = self._replay.told_lots
            self._held = Held(fills, Position(self.instrument, lots, self._average_price(fills)))
        return self._held.position

    def _average_price(self, fills: int) -> Decimal | None:
        return self._booked_to(fills).average_price

    @property
    def portfolio(self) -> Portfolio:
        """The books of what the strategy has been told."""
        return self._booked_to(self._replay.told_fills)

    def _booked_to(self, fills: int) -> Portfolio:
        portfolio = self._portfolio
        for at in range(self._booked, fills):
            portfolio.book(self.fill(at))
        self._booked = fills
        return portfolio

    def fill(self, at: int) -> Fill:
        """Return a fill by its place."""
        order, trade_id, time_ns, price, size, fee, asset, side, is_maker = self._replay.fill(at)
        instrument = self.instrument
        return Fill(
            trade_id=trade_id,
            order_id=order + 1,
            client_order_id=str(order + 1),
            account_id=ACCOUNT_ID,
            instrument_id=instrument.instrument_id,
            side=Side(side),
            price_ticks=price,
            size_lots=size,
            quote_atoms=instrument.notional_atoms(price, size),
            liquidity=Liquidity.MAKER if is_maker else Liquidity.TAKER,
            fee_asset_id=asset,
            fee_atoms=fee,
            time_ns=time_ns,
        )

    def order(self, at: int) -> OwnOrder:
        """Return an order by its place, as the strategy has been told of it."""
        times, price, trigger, size, filled, side, kind, tif, post, state, reason, _ = (
            self._replay.order(at)
        )
        return OwnOrder(
            place=Place(
                account_id=ACCOUNT_ID,
                instrument_id=self.instrument.instrument_id,
                side=Side(side),
                order_type=OrderType(kind),
                time_in_force=TimeInForce(tif),
                post_only=post,
                price_ticks=price or None,
                size_lots=size,
                client_order_id=str(at + 1),
                trigger_ticks=trigger or None,
            ),
            state=OrderState(state),
            order_id=at + 1,
            venue_filled_lots=filled,
            filled_lots=filled,
            created_ns=times[0],
            updated_ns=self._replay.now_ns,
            was_seen=state != OrderState.PENDING,
            protects=at == self.hidden,
            reject_reason=RejectReason(reason) if state == OrderState.REJECTED and reason else None,
        )

    def open_places(self) -> list[int]:
        """Return the places of the orders that may still fill, oldest first."""
        found = self._replay.open_orders(self._first_open)
        self._first_open = found[0] if found else self._replay.order_count
        return found

    def every_open(self) -> list[OwnOrder]:
        """Return the orders that may still fill, the stop that `protect` keeps among them."""
        return [self.order(at) for at in self.open_places()]

    def _open_orders(self) -> list[OwnOrder]:
        return [order for order in self.every_open() if not order.protects]

    def asked(self, wish: Intent) -> Place:
        """Return the order that a strategy wants."""
        return Place(
            account_id=ACCOUNT_ID,
            instrument_id=self.instrument.instrument_id,
            side=wish.side,
            order_type=wish.order_type,
            time_in_force=wish.time_in_force,
            post_only=wish.post_only,
            price_ticks=wish.price_ticks,
            size_lots=wish.size_lots,
            trigger_ticks=wish.trigger_ticks,
        )


def price_of(half_ticks: int, instrument: Instrument) -> Decimal:
    """Return a price from half ticks."""
    return EXACT.multiply(instrument.price(half_ticks), Decimal("0.5"))


def place_of(name: Any) -> int:
    """Return the place of an order by its name; -1 for a name that is no order's."""
    return int(name) - 1 if isinstance(name, str) and name.isdecimal() else -1
