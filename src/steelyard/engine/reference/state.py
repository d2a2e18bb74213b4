"""All that the reference engine knows, and the effects of the command under way.

Plain data: what may happen to it is in the modules around (`placing`, `matching`, `groups`,
`triggers`, `house`, `administration`), what of it lasts is in `snapshot`. Between commands
`heard` is empty, no order is heard, and every open order is in one of three places: in a book,
in its market's `waiting`, or (a child) in `orders` alone.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from steelyard.domain.commands import Amended, Canceled, Effect, Rejected
from steelyard.domain.instrument import Instrument
from steelyard.domain.ledger import Ledger
from steelyard.domain.order import (
    CancelCause,
    GroupKind,
    MarketState,
    RejectReason,
    Side,
    TriggerBy,
)
from steelyard.domain.units import RATE_SCALE
from steelyard.engine.book import Book, BookSide, Order, QueueModel, price_of


@dataclass(slots=True)
class Market:
    """One instrument, its book, its prices (0: not known yet) and who waits for them."""

    instrument: Instrument
    book: Book = field(default_factory=Book)
    state: MarketState = MarketState.OPEN
    next_trade_id: int = 1
    prices: dict[TriggerBy, int] = field(default_factory=lambda: dict.fromkeys(TriggerBy, 0))
    waiting: dict[int, Order] = field(default_factory=dict)  # by number, in the order of time
    open_counts: Counter[int] = field(default_factory=Counter)  # of orders, by account
    trigger_counts: Counter[int] = field(default_factory=Counter)  # of those with a trigger

    def near(self, order: Order) -> BookSide:
        """Return the side of the book on which an order rests."""
        return self.book.of(order.side)

    def far(self, order: Order) -> BookSide:
        """Return the side of the book that an order takes from."""
        return self.book.of(order.side.opposite)

    @property
    def band(self) -> tuple[int, int] | None:
        """The lowest and the highest price around the reference; None where there is no band."""
        rate_e8 = self.instrument.band_rate_e8
        if not rate_e8:
            return None
        reference = self.prices[TriggerBy.MARK] or self.prices[TriggerBy.LAST]
        if not reference:
            return None
        width = reference * rate_e8 // RATE_SCALE
        return reference - width, reference + width


class Tier(NamedTuple):
    """One tier of a schedule of fees."""

    volume_micros: int
    maker_rate_e8: int
    taker_rate_e8: int


class Token(NamedTuple):
    """What a fee in a quote asset costs in the venue's token."""

    asset_id: int
    rate_e8: int
    discount_e8: int


@dataclass(slots=True)
class Account:
    """A user's own rates, or the schedule that takes their place and the volumes it goes by."""

    maker_rate_e8: int
    taker_rate_e8: int
    schedule_id: int = 0
    volumes: dict[int, int] = field(default_factory=dict)  # micros by day


class Transfer(NamedTuple):
    """A deposit (positive) or a withdrawal on its way."""

    account_id: int
    asset_id: int
    amount_atoms: int


@dataclass(slots=True)
class Group:
    """Orders that hang together: an entry and who waits for it, or the two of an OCO."""

    group_id: int
    kind: GroupKind
    entry: Order | None
    pair: list[Order]

    def hanging_on(self, order: Order) -> list[Order]:
        """Return the orders that end with this one."""
        return [other for other in self.pair if other is not order]


class Heard(NamedTuple):
    """A consequence: an order has heard its price."""

    order: Order
    price_ticks: int


class EntryFilled(NamedTuple):
    """A consequence: a group's entry has filled, and what waited for it may act."""

    group: Group
    entry: Order


@dataclass(slots=True)
class State:
    """One engine's whole state."""

    queue_model: QueueModel
    ledger: Ledger = field(default_factory=Ledger)
    markets: dict[int, Market] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    schedules: dict[int, list[Tier]] = field(default_factory=dict)
    tokens: dict[int, Token] = field(default_factory=dict)  # by quote asset
    transfers: dict[int, Transfer] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)  # all open ones
    groups: dict[int, Group] = field(default_factory=dict)
    expiries: list[tuple[int, int]] = field(default_factory=list)  # a heap of (time, number)
    next_order_id: int = 1
    next_priority: int = 1
    next_transfer_id: int = 1
    # Of the command under way
    now_ns: int = 0
    effects: list[Effect] = field(default_factory=list)
    touched: list[tuple[int, Side, int]] = field(default_factory=list)
    heard: deque[Heard | EntryFilled] = field(default_factory=deque)

    def market(self, order: Order) -> Market:
        """Return the market of an order."""
        return self.markets[order.instrument_id]

    def open(self, order: Order) -> None:
        """Take an order among the open ones of its account and market."""
        assert order.order_id not in self.orders, "an order is open once"
        self.orders[order.order_id] = order
        self._count(order, 1)

    def close(self, order: Order) -> bool:
        """Take an order out again; return whether it was open."""
        was_open = self.orders.pop(order.order_id, None) is not None
        if was_open:
            self._count(order, -1)
        return was_open

    def _count(self, order: Order, more: int) -> None:
        market = self.market(order)
        market.open_counts[order.account_id] += more
        if order.order_type.waits:
            market.trigger_counts[order.account_id] += more

    def take_priority(self) -> int:
        """Return the next number of time."""
        self.next_priority += 1
        return self.next_priority - 1

    def refuse(self, account_id: int, order_id: int, reason: RejectReason) -> None:
        """Tell that a request was refused."""
        self.effects.append(Rejected(order_id, account_id, reason))

    def tell_canceled(self, order: Order, remaining_lots: int, cause: CancelCause) -> None:
        """Tell that an order is over."""
        self.effects.append(
            Canceled(order.order_id, order.account_id, order.instrument_id, remaining_lots, cause)
        )

    def tell_amended(self, order: Order, *, kept_priority: bool) -> None:
        """Tell an order's new price and size."""
        self.effects.append(
            Amended(
                order.order_id,
                order.account_id,
                order.instrument_id,
                order.price_ticks or 0,
                order.size_lots,
                kept_priority,
            )
        )

    def touch(self, order: Order) -> None:
        """Remember that the size shown at an order's price may have changed."""
        if order.is_hidden:
            return
        level = (order.instrument_id, order.side, price_of(order))
        if not self.touched or self.touched[-1] != level:
            self.touched.append(level)
