"""A trader's lasting state: what its journal says, and how each record changes it.

`apply` is the only way in, live and in replay, so both end in the same state. The records were
checked when they were written; here nothing is decided. A bot trades one instrument.
"""

from collections import deque

from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.journal import Record
from steelyard.domain.lifecycle import Fill
from steelyard.trading.orders import Orders
from steelyard.trading.portfolio import Booked, Portfolio
from steelyard.trading.records import (
    FORMAT,
    Adjusted,
    CancelAsked,
    FillsChecked,
    FillSeen,
    InstrumentSeen,
    Killed,
    OrderAbsent,
    OrderNotSent,
    OrderPending,
    OrderRefused,
    OrderSeen,
    OrderSent,
    OrderUnknown,
    Resumed,
    RunStarted,
    RunStopped,
    StrategyFailed,
    TimerFired,
    TraderRecord,
)

FILLS_KEPT = 200


class TraderState:
    """Orders, fills, profit, timer slots and the kill latch of one bot."""

    def __init__(self) -> None:
        self.orders = Orders()
        self.portfolio: Portfolio | None = None  # once the instrument is known
        self.recent_fills: deque[Fill] = deque(maxlen=FILLS_KEPT)  # to be shown
        self.run = 0
        self.begun_ns: int | None = None  # when the first run began
        self.symbol: str | None = None
        self.timer_slots: dict[int, int] = {}  # last slot used by interval
        self.killed_why: str | None = None
        self.killed_has_file = False
        self.fills_checked: int | None = None  # last trade id up to which nothing is missing

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
        orders = self.orders
        match message:
            case RunStarted():
                self._run_started(message, time_ns)
            case InstrumentSeen():
                self._instrument_seen(message.instrument)
            case OrderPending():
                orders.pend(message.place, time_ns)
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
            case FillSeen():
                assert self.portfolio is not None, "no fill comes before the instrument"
                booked = self.portfolio.book(message.fill)
                assert booked is Booked.NEW, "a fill is journaled once"
                self.recent_fills.append(message.fill)
                orders.filled(message.client_order_id, message.fill, time_ns)
            case FillsChecked():
                self.fills_checked = message.trade_id
            case CancelAsked():
                orders.cancel_asked(message.client_order_id, message.why)
            case Adjusted():
                orders.adjusted(message.client_order_id, message.after, message.why, time_ns)
            case TimerFired():
                self.timer_slots[message.interval_ns] = message.slot
            case Killed():
                self.killed_why = message.why
                self.killed_has_file = message.has_file
            case Resumed():
                self.killed_why = None
            case OrderNotSent() | StrategyFailed() | RunStopped():
                pass  # told for the reader of the journal

    def _run_started(self, message: RunStarted, time_ns: int) -> None:
        if message.format != FORMAT:
            raise ConfigError(
                f"this bot's journal has format {message.format}, this program reads {FORMAT}; "
                "use the version that wrote it, or give the bot another name"
            )
        self.run = message.run
        self.symbol = message.symbol
        if self.begun_ns is None:
            self.begun_ns = time_ns

    def _instrument_seen(self, instrument: Instrument) -> None:
        if self.portfolio is None:
            self.portfolio = Portfolio(instrument)
        else:
            self.portfolio.change_instrument(instrument)
