"""The desk of a backtest: what a strategy sees is read from the machine when it is looked at.

It is a `trading.strategy.Desk`, so the same class of strategy sits there. Its orders are named by
their numbers, "1", "2" and so on. What it shows is what the strategy has been told; nothing that
the machine has not played is within reach of it.

What is asked for often is answered in Rust (`_native.Seat`): the position, wishes in plain numbers,
views of orders. They are what stands here in Python, made only as far as it is read; whatever is
not plain comes here, and is refused here.
"""

from decimal import Decimal
from enum import IntEnum
from types import MethodType
from typing import Any, Self

from msgspec.structs import astuple

from steelyard._native import Replay, Seat
from steelyard.backtest.book import ReplayBookView
from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill, OrderState
from steelyard.domain.order import (
    FeeAsset,
    Liquidity,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
)
from steelyard.domain.units import EXACT
from steelyard.trading.amounts import Amounts
from steelyard.trading.orders import OwnOrder
from steelyard.trading.portfolio import Portfolio
from steelyard.trading.strategy import CancelIntent, Desk, Intent, Position, Timer, Wish, none

ACCOUNT_ID: int = Replay.ACCOUNT_ID

Row = tuple[tuple[int, int], int, int, int, int, int, int, int, bool, int, int, int]


class Booked:
    """The books of fills, kept up as they are asked for, with the average price after each."""

    def __init__(self, instrument: Instrument, replay: Replay) -> None:
        self._instrument, self._replay = instrument, replay
        self._portfolio = Portfolio(instrument)
        self._averages: list[Decimal | None] = [None]

    def portfolio(self, fills: int) -> Portfolio:
        """Return the books once so many fills are in them."""
        for at in range(len(self._averages) - 1, fills):
            self._portfolio.book(fill_of(self._instrument, self._replay, at))
            self._averages.append(self._portfolio.average_price)
        return self._portfolio

    def average(self, fills: int) -> Decimal | None:
        """Return the average price of the position after so many fills."""
        self.portfolio(fills)
        return self._averages[fills]


def fill_of(instrument: Instrument, replay: Replay, at: int) -> Fill:
    """Return a fill by its place."""
    order, trade_id, time_ns, price, size, fee, asset, side, is_maker = replay.fill(at)
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


def whole_order(
    at: int,
    row: Row,
    instrument_id: int,
    now_ns: int,
    protects: bool,  # noqa: FBT001 called from Rust
) -> OwnOrder:
    """Return an order by its place and its row, `Replay.order`."""
    times, price, trigger, size, filled, side, kind, tif, post, state, reason, _ = row
    return OwnOrder(
        place=Place(
            account_id=ACCOUNT_ID,
            instrument_id=instrument_id,
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
        updated_ns=now_ns,
        was_seen=state != OrderState.PENDING,
        protects=protects,
        reject_reason=RejectReason(reason) if state == OrderState.REJECTED and reason else None,
    )


def by_number(kind: type[IntEnum], first: int = 0) -> tuple[IntEnum | None, ...]:
    """Return the members of an enum at the places of their numbers, counted from a first one."""
    members = {int(member): member for member in kind}
    return tuple(members.get(number) for number in range(first, max(members) + 1))


# What Rust makes or knows of Python's.
WORDS: dict[str, Any] = {
    "CancelIntent": CancelIntent,
    "Desk": Desk,
    "Intent": Intent,
    "MethodType": MethodType,
    "OwnOrder": OwnOrder,
    "Place": Place,
    "Position": Position,
    "Timer": Timer,
    "astuple": astuple,
    "fee_asset": FeeAsset.QUOTE,
    "order_types": by_number(OrderType),
    "self_trade": SelfTrade.CANCEL_OLDEST,
    "sides": by_number(Side, first=-1),
    "states": by_number(OrderState),
    "times_in_force": by_number(TimeInForce),
    "whole_order": whole_order,
}


class ReplayDesk(Seat, Desk):
    """A desk over a machine."""

    _booked: Booked

    def __new__(cls, instrument: Instrument, replay: Replay) -> Self:
        """Make what is Rust's of it."""
        booked = Booked(instrument, replay)
        self = super().__new__(cls, instrument, replay, WORDS, booked.average)
        self._booked = booked
        return self

    def __init__(self, instrument: Instrument, replay: Replay) -> None:
        # What the base keeps up to date by writing is read here; only the rest is its own.
        self.instrument = instrument
        self._amounts = Amounts(instrument)
        self.book = ReplayBookView(instrument, replay)
        self.history = []
        self.trouble = self.refresh = none
        self._replay = replay
        self._first_open = 0
        self.hidden: int | None = None  # the stop that `protect` keeps

    def drain(self) -> list[Wish]:
        """Return the wishes of the last call; the list stays the same one."""
        wishes = self.intents[:]
        self.intents.clear()
        return wishes

    @property
    def portfolio(self) -> Portfolio:
        """The books of what the strategy has been told."""
        return self._booked.portfolio(self._replay.told_fills)

    def cash_atoms(self) -> int:
        """Return what fills have brought in quote, less what they have cost, after fees."""
        return self.portfolio.cash_atoms

    def fill(self, at: int) -> Fill:
        """Return a fill by its place."""
        return fill_of(self.instrument, self._replay, at)

    def own_order(self, at: int) -> OwnOrder:
        """Return an order by its place, as the strategy has been told of it."""
        replay, instrument_id = self._replay, self.instrument.instrument_id
        protects = at == self.hidden
        return whole_order(at, replay.order(at), instrument_id, replay.now_ns, protects)

    def open_places(self) -> list[int]:
        """Return the places of the orders that may still fill, oldest first."""
        found = self._replay.open_orders(self._first_open)
        self._first_open = found[0] if found else self._replay.order_count
        return found

    def every_open(self) -> list[OwnOrder]:
        """Return the orders that may still fill, the stop that `protect` keeps among them."""
        return [self.own_order(at) for at in self.open_places()]

    # A method of the class: one that it kept itself would keep it, and all that was found, alive.
    def open_orders(self) -> list[OwnOrder]:
        """Return the same without the stop that `protect` keeps."""
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
