"""What a trader journals: everything it must still know after a crash, and nothing else.

The trader changes its lasting state (`trading/state.py`) only by applying one of these, live
and in replay alike; so replaying a journal gives the same orders, fills, position, profit,
timer slots and kill latch. `OrderPending` is on disk before the first byte of its order leaves.
Market data is not in here, nor is what a strategy keeps in its own attributes.
"""

from msgspec import Struct

from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.journal import JournalCodec
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.order import RejectReason

FORMAT = 1  # raised when an older bot's directory could not be read as it is


class RunStarted(Struct, frozen=True, tag=True):
    """A process began. run is greater than every run before; client order ids carry it."""

    format: int
    run: int
    bot: str
    environment: str
    strategy: str
    symbol: str
    parameters: dict[str, str]


class InstrumentSeen(Struct, frozen=True, tag=True):
    """The venue's instrument, when first seen and when it has changed."""

    instrument: Instrument


class OrderPending(Struct, frozen=True, tag=True):
    """An order was decided on: it may leave from here on."""

    place: Place


class OrderSent(Struct, frozen=True, tag=True):
    """Its bytes went out. expires_ns is when the venue will no longer take it up, venue time."""

    client_order_id: str
    attempt: int
    expires_ns: int | None


class OrderNotSent(Struct, frozen=True, tag=True):
    """An attempt proved to have had no effect; another one follows, or OrderAbsent."""

    client_order_id: str
    attempt: int
    why: str


class OrderUnknown(Struct, frozen=True, tag=True):
    """It may have arrived. expires_ns (venue time) is None where only a person can tell."""

    client_order_id: str
    why: str
    expires_ns: int | None


class OrderRefused(Struct, frozen=True, tag=True):
    """The venue said no."""

    client_order_id: str
    reason: RejectReason
    message: str


class OrderAbsent(Struct, frozen=True, tag=True):
    """It is proven never to have reached the venue; the evidence is told."""

    client_order_id: str
    evidence: str


class OrderSeen(Struct, frozen=True, tag=True):
    """The venue told of an own order; source is answer, stream or query."""

    order: Order
    source: str


class FillSeen(Struct, frozen=True, tag=True):
    """The venue told of an own fill, for the first time."""

    fill: Fill
    client_order_id: str
    source: str


class FillsChecked(Struct, frozen=True, tag=True):
    """All own fills up to this trade id have been asked for and booked."""

    trade_id: int


class CancelAsked(Struct, frozen=True, tag=True):
    """A cancel was decided on: by strategy, kill, stop or a finding."""

    client_order_id: str
    why: str


class Adjusted(Struct, frozen=True, tag=True):
    """Reconciliation found the venue in another state than ours; the venue's counts."""

    client_order_id: str
    before: OrderState
    after: OrderState
    why: str


class TimerFired(Struct, frozen=True, tag=True):
    """A timer's slot is used up, whatever the strategy did with it."""

    interval_ns: int
    slot: int


class Killed(Struct, frozen=True, tag=True):
    """Trading is latched off until Resumed.

    has_file tells whether a latch file was written as well; then its removal, while the bot is
    down, lifts the latch.
    """

    why: str
    has_file: bool = False


class Resumed(Struct, frozen=True, tag=True):
    """The latch is lifted."""

    why: str


class StrategyFailed(Struct, frozen=True, tag=True):
    """The strategy raised; it is not called again in this run."""

    traceback: str


class RunStopped(Struct, frozen=True, tag=True):
    """The process ended in order."""

    why: str


TraderRecord = (
    RunStarted
    | InstrumentSeen
    | OrderPending
    | OrderSent
    | OrderNotSent
    | OrderUnknown
    | OrderRefused
    | OrderAbsent
    | OrderSeen
    | FillSeen
    | FillsChecked
    | CancelAsked
    | Adjusted
    | TimerFired
    | Killed
    | Resumed
    | StrategyFailed
    | RunStopped
)


def codec() -> JournalCodec:
    """Return the codec of a trader's journal."""
    return JournalCodec(TraderRecord)
