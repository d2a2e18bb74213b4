"""A trader's lasting state: what its journal says, and how each record changes it.

`apply` is the only way in, live and in replay, so both end in the same state. The records were
checked when they were written; here nothing is decided. A bot trades one instrument. What the
trader only observed (streams, gate, clock and the like) is in `moment`.
"""

from collections import deque
from typing import NamedTuple

from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.journal import Record
from steelyard.domain.lifecycle import Fill
from steelyard.domain.order import Side
from steelyard.trading.balances import AccountBooks
from steelyard.trading.moment import Moment
from steelyard.trading.orders import Amending, Orders
from steelyard.trading.portfolio import Booked, Portfolio
from steelyard.trading.records import (
    FORMATS,
    Adjusted,
    AmendFailed,
    AmendPending,
    AmendSent,
    AmendUnknown,
    BalancesSeen,
    BreakerResumed,
    BreakerTripped,
    CancelAsked,
    ClosingNoted,
    CountDisputed,
    DayBegan,
    FillsChecked,
    FillSeen,
    ForeignFillSeen,
    InstrumentSeen,
    Killed,
    LeaseTaken,
    OrderAbsent,
    OrderAdopted,
    OrderAmended,
    OrderPending,
    OrderRefused,
    OrderResolved,
    OrderSeen,
    OrderSent,
    OrderTriggered,
    OrderUnknown,
    PeakSeen,
    PositionAdopted,
    ProtectionSet,
    Resumed,
    RunStarted,
    TimerFired,
    TraderRecord,
)

FILLS_KEPT = 200

_OF_ORDERS = frozenset(
    {
        OrderSent,
        OrderUnknown,
        OrderRefused,
        OrderAbsent,
        OrderSeen,
        OrderAdopted,
        OrderResolved,
        CancelAsked,
        Adjusted,
        CountDisputed,
    }
)


class Stop(NamedTuple):
    """The stop that a position is to have: a market order at the trigger, or with a limit."""

    trigger_ticks: int
    limit_ticks: int | None
    side: Side | None  # of the position; None: of the next one
    follows: bool = False  # whether its trigger goes with the position's average price


class Tripped(NamedTuple):
    """A breaker that has tripped: since when, and what its record says."""

    since_ns: int
    message: BreakerTripped


class TraderState:
    """Orders, fills, profit, timer slots and the kill latch of one bot."""

    def __init__(self) -> None:
        self._orders = Orders()
        self._left: list[tuple[OrderPending, int]] = []  # in a hurry: to be entered when asked for
        self.portfolio: Portfolio | None = None  # once the instrument is known
        self.recent_fills: deque[Fill] = deque(maxlen=FILLS_KEPT)  # to be shown
        self.run = 0
        self.begun_ns: int | None = None  # when the first run began
        self.symbol: str | None = None
        self.lease_term = 0  # the last one that this journal has had
        self.takes_over = False  # what other journals of this bot did is its own
        self.timer_slots: dict[int, int] = {}  # last slot used by interval
        self.killed_why: str | None = None
        self.killed_has_file = False
        self.killed_ns = 0  # when
        self.closing: set[str] = set()  # orders by which the kill switch closed the position
        self.fills_checked: int | None = None  # last trade id up to which nothing is missing
        self.books = AccountBooks()
        self.adopted_value_atoms = 0
        self.adopted_atoms = 0  # of the position: what was there before the bot
        self.stop: Stop | None = None  # that the position is to have
        self.breakers: dict[str, Tripped] = {}  # those that have tripped, by name
        self.day: DayBegan | None = None  # the last one of the risk limits
        self.peak_atoms: int | None = None  # the highest profit since the bot began or was resumed
        self.moment = Moment()

    @property
    def instrument(self) -> Instrument | None:
        """The instrument, once the venue has told it."""
        return None if self.portfolio is None else self.portfolio.instrument

    def replay(self, record: Record) -> None:
        """Apply a record from the journal."""
        self.apply(record.message, record.time_ns)

    def apply(self, message: TraderRecord, time_ns: int) -> None:
        """Change the state by one record.

        Raises:
            ConfigError: The journal is of another format.
        """
        if type(message) is OrderPending:  # it leaves in a hurry
            self.pend(message, time_ns)
            return
        self.moment.see(message, time_ns)
        if type(message) in _OF_ORDERS:
            self._apply_to_orders(message, time_ns)
            return
        match message:
            case RunStarted():
                self._run_started(message, time_ns)
            case LeaseTaken():
                self._lease_taken(message)
            case InstrumentSeen():
                self._instrument_seen(message.instrument)
            case FillSeen():
                self._filled(message, time_ns)
            case FillsChecked():
                self.fills_checked = message.trade_id
            case ForeignFillSeen():
                self.books.add(message.fill, self._known_instrument)
            case BalancesSeen():
                self.books.seen(message.atoms)
            case PositionAdopted():
                assert self.portfolio is not None, "no position comes before the instrument"
                self.portfolio.adopt(message.size_atoms, message.value_atoms)
                self.adopted_atoms += message.size_atoms
                self.adopted_value_atoms += message.value_atoms
            case ProtectionSet(None):
                self.stop = None
            case ProtectionSet():
                assert message.trigger_ticks is not None, "the case above has those without"
                self.stop = Stop(
                    message.trigger_ticks, message.limit_ticks, message.side, message.follows
                )
            case BreakerTripped():
                self.breakers[message.name] = Tripped(time_ns, message)
            case BreakerResumed():
                self.breakers.pop(message.name, None)
            case DayBegan():
                self.day = message
            case PeakSeen():
                self.peak_atoms = message.total_atoms
            case TimerFired():
                self.timer_slots[message.interval_ns] = message.slot
            case Killed():
                self.killed_why = message.why
                self.killed_has_file, self.killed_ns = message.has_file, time_ns
            case Resumed():
                self.killed_why, self.peak_atoms = None, None
            case ClosingNoted():
                self.closing.update(message.client_order_ids)
            case _:
                self._apply_to_amends(message, time_ns)

    @property
    def orders(self) -> Orders:
        """All own orders."""
        if self._left:
            self._enter_left()
        return self._orders

    def pend(self, message: OrderPending, time_ns: int) -> None:
        """Apply the record of an order that was decided on; who asks for orders finds it there."""
        self.moment.time_ns = time_ns
        self._left.append((message, time_ns))

    def _enter_left(self) -> None:
        left, self._left = self._left, []
        for message, time_ns in left:
            self._orders.pend(
                message.place,
                time_ns,
                protects=message.protects,
                mid_half_ticks=message.mid_half_ticks,
            )

    def _apply_to_orders(self, message: TraderRecord, time_ns: int) -> None:
        """Change the orders; what is not about them is told for the reader of the journal."""
        orders = self.orders
        match message:
            case OrderSent():
                orders.sent(message.client_order_id, message.attempt, message.expires_ns)
            case OrderUnknown():
                orders.unknown(message.client_order_id, message.expires_ns, time_ns)
            case OrderRefused():
                orders.refused(message.client_order_id, message.reason, message.message, time_ns)
            case OrderAbsent():
                orders.absent(message.client_order_id, message.evidence, time_ns)
            case OrderSeen():
                orders.seen(message.order, time_ns)
            case OrderAdopted():
                nameless = message.is_nameless
                orders.adopt(
                    message.place,
                    message.order,
                    time_ns,
                    is_nameless=nameless,
                    protects=message.protects,
                )
            case OrderResolved():
                why = f"{message.who} has decided: {message.why}"
                orders.resolved(message.client_order_id, message.decision, why, time_ns)
            case CancelAsked():
                orders.cancel_asked(message.client_order_id, message.why)
            case Adjusted():
                orders.adjusted(message.client_order_id, message.after, message.why, time_ns)
            case CountDisputed():
                orders.dispute(message.client_order_id, message.text)
            case _:
                pass

    def _apply_to_amends(self, message: TraderRecord, time_ns: int) -> None:
        orders = self.orders
        match message:
            case AmendPending():
                terms = message.price_ticks, message.size_lots, message.trigger_ticks
                amending = Amending(*terms, message.replaces, time_ns)
                orders.amend(message.client_order_id, amending)
            case AmendSent():
                orders.amend_sent(message.client_order_id, message.expires_ns)
            case AmendUnknown():
                orders.amend_unknown(message.client_order_id, message.expires_ns)
            case AmendFailed():
                orders.amend_failed(message.client_order_id, message.why, time_ns)
            case OrderAmended():
                told = message.price_ticks, message.size_lots, message.trigger_ticks
                name, number = message.client_order_id, message.order_id
                orders.amended(name, number, told, message.state, time_ns)
            case OrderTriggered():
                name, number = message.client_order_id, message.order_id
                orders.triggered(name, number, message.state, time_ns)
            case _:
                pass  # told for the reader of the journal

    def _filled(self, message: FillSeen, time_ns: int) -> None:
        assert self.portfolio is not None, "no fill comes before the instrument"
        booked = self.portfolio.book(message.fill)
        assert booked is Booked.NEW, "a fill is journaled once"
        self.recent_fills.append(message.fill)
        self.books.add(message.fill, self.portfolio.instrument)
        self.orders.filled(message.client_order_id, message.fill, time_ns)

    @property
    def _known_instrument(self) -> Instrument:
        assert self.portfolio is not None, "no fill comes before the instrument"
        return self.portfolio.instrument

    def _run_started(self, message: RunStarted, time_ns: int) -> None:
        if message.format not in FORMATS:
            known = " and ".join(map(str, FORMATS))
            raise ConfigError(
                f"this bot's journal has format {message.format}, this program reads {known}; "
                "use the version that wrote it, or give the bot another name"
            )
        self.run = message.run
        self.symbol = message.symbol
        if self.begun_ns is None:
            self.begun_ns = time_ns

    def _lease_taken(self, message: LeaseTaken) -> None:
        self.lease_term = message.term
        self.takes_over = self.takes_over or message.is_elsewhere
        if message.begun_ns is not None:
            self.begun_ns = min(message.begun_ns, self.begun_ns or message.begun_ns)

    def _instrument_seen(self, instrument: Instrument) -> None:
        if self.portfolio is None:
            self.portfolio = Portfolio(instrument)
        else:
            self.portfolio.change_instrument(instrument)
