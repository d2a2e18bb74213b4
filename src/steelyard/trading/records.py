"""What a trader journals: everything it must still know after a crash, and nothing else.

The trader changes its lasting state (`trading/state.py`) only by applying one of these, live
and in replay alike; so replaying a journal gives the same orders, fills, position, profit,
timer slots and kill latch. `OrderPending` is on disk before the first byte of its order leaves.

What the trader saw and why it did nothing is in here too (streams, clock, key, limits, gate,
refusals, notes), bounded in rate, so that any past moment can be rebuilt: `trading/moment.py`.
Prices and sizes of the market are not: the tape beside the journal has them. Nor is what a
strategy keeps in its own attributes.

Format 2 added records and fields with a default; a journal of format 1 is read as it is.
"""

from msgspec import Struct

from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.journal import JournalCodec
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.order import RejectReason, Side

FORMAT = 2
FORMATS = (1, 2)  # that can be read


class RunStarted(Struct, frozen=True, tag=True):
    """A process began. run is greater than every run before; client order ids carry it.

    venue is where it trades, code what its strategy is made of (`codes`); empty: not told.
    legs is what each leg of its strategy trades, by name; empty: it has one instrument.
    """

    format: int
    run: int
    bot: str
    environment: str
    strategy: str
    symbol: str
    parameters: dict[str, str]
    venue: str = ""
    code: str = ""
    legs: dict[str, str] = {}


class MarketNamed(Struct, frozen=True, tag=True):
    """Whose market this run practices on, as the exchange of ours has told, and when it changes.

    kind is crowd, tape, script or live, and empty where nothing was told; venue is the dialect and
    the address that are followed.
    """

    kind: str
    venue: str = ""


class LeaseTaken(Struct, frozen=True, tag=True):
    """This run holds the bot's lease, of several hosts, in this term.

    before is the term of the holder before, 0: there was none. is_elsewhere: that one had another
    journal, so what it did is found at the venue; it began at begun_ns and its last run is run.
    why is a person's word that it was gone, where one was needed.
    """

    name: str
    term: int
    holder: str
    before: int
    holder_before: str
    is_elsewhere: bool
    begun_ns: int | None = None
    run: int = 0
    why: str = ""


class InstrumentSeen(Struct, frozen=True, tag=True):
    """The venue's instrument, when first seen and when it has changed."""

    instrument: Instrument


class OrderPending(Struct, frozen=True, tag=True):
    """An order was decided on: it may leave from here on.

    protects: it is a stop that the bot keeps behind its position. mid_half_ticks is twice the
    middle of the book on which it was decided: what its fills are measured by.
    """

    place: Place
    protects: bool = False
    mid_half_ticks: int | None = None


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


class OrderAdopted(Struct, frozen=True, tag=True):
    """An order of the account that this journal did not have is the bot's own from here on.

    place has the key under which it is kept: its client order id, or one made up of its number
    where it has none (is_nameless). Its fills count from its first. protects: as of OrderPending.
    """

    place: Place
    order: Order
    why: str
    is_nameless: bool = False
    protects: bool = False


class OrderResolved(Struct, frozen=True, tag=True):
    """A person has decided what the venue's answers do not tell.

    decision is `absent` (the unknown order never arrived), `live` (it is at the venue), or `fills`
    (what its fills add up to is right, whatever the venue counts).
    """

    client_order_id: str
    decision: str
    who: str
    why: str


class AmendPending(Struct, frozen=True, tag=True):
    """A change of an order was decided on: it may leave from here on. None leaves a term as it is.

    replaces: the venue may put a new order in the old one's place, so that both can fill.
    """

    client_order_id: str
    price_ticks: int | None
    size_lots: int | None
    trigger_ticks: int | None
    replaces: bool = False


class AmendSent(Struct, frozen=True, tag=True):
    """Its bytes went out; expires_ns as of OrderSent."""

    client_order_id: str
    expires_ns: int | None


class AmendUnknown(Struct, frozen=True, tag=True):
    """The change may have been made."""

    client_order_id: str
    why: str
    expires_ns: int | None


class AmendFailed(Struct, frozen=True, tag=True):
    """The change was not made: refused, never sent, or proven absent. The terms are as before."""

    client_order_id: str
    why: str


class OrderAmended(Struct, frozen=True, tag=True):
    """The venue told of an own order's terms, and they are others than ours were.

    order_id is another one than before where the venue has put a new order in its place.
    """

    client_order_id: str
    order_id: int
    price_ticks: int | None
    size_lots: int
    trigger_ticks: int | None
    state: OrderState
    source: str


class OrderTriggered(Struct, frozen=True, tag=True):
    """An own order that waited for its price has gone to market, where it has another number."""

    client_order_id: str
    order_id: int
    state: OrderState
    source: str


class CountDisputed(Struct, frozen=True, tag=True):
    """What the venue counts of an order is not what its fills add up to; None: it is again."""

    client_order_id: str
    text: str | None


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


class ForeignOrderSeen(Struct, frozen=True, tag=True):
    """An order of the account that is not this bot's, and what is done about it.

    Of those that are left, one now and then; of those that are canceled, each before its cancel.
    """

    order: Order
    policy: str


class ForeignFillSeen(Struct, frozen=True, tag=True):
    """A fill of such an order: it moves the account's balances, not the bot's position."""

    fill: Fill


class BalancesSeen(Struct, frozen=True, tag=True):
    """The account's balances, free and held together, atoms by asset, when nothing was under way.

    unexplained is what they have changed since the last of these beyond all fills told of:
    deposits, withdrawals, trades elsewhere. names are those of assets that the instrument does not
    have, in the first of these of a run that has them: the venue may number anew.
    """

    atoms: dict[int, int]
    unexplained: dict[int, int]
    names: dict[int, str] = {}


class PositionAdopted(Struct, frozen=True, tag=True):
    """A holding of the account became the bot's position, at this value in quote."""

    size_atoms: int
    value_atoms: int
    why: str


class ProtectionSet(Struct, frozen=True, tag=True):
    """The position is to have a stop at this trigger; without a limit at the market; None: none.

    side is that of the position it is for; None: of the next one. follows: the trigger goes with
    the position's average price, as the configuration says, until a strategy wants another.
    """

    trigger_ticks: int | None
    limit_ticks: int | None
    side: Side | None
    why: str
    follows: bool = False


class ProtectionSeen(Struct, frozen=True, tag=True):
    """Whether the position has its stop at the venue; text says what is missing, None: nothing."""

    text: str | None


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


class ClosingNoted(Struct, frozen=True, tag=True):
    """The kill switch has closed the position by these orders: they are the bot's own."""

    client_order_ids: tuple[str, ...]


class DayBegan(Struct, frozen=True, tag=True):
    """A day of the risk limits began, in UTC: its number since 1970, and the profit it began with.

    The profit is realized and unrealized, after fees, in quote atoms, as first seen that day.
    """

    day: int
    total_atoms: int


class PeakSeen(Struct, frozen=True, tag=True):
    """The profit has been higher than ever since the bot began, or was resumed after a kill."""

    total_atoms: int


class BreakerTripped(Struct, frozen=True, tag=True):
    """A breaker holds what adds risk from here on.

    resume is `ended`, `person`, or a duration; until_ns is when that is over, on our clock.
    """

    name: str
    text: str
    resume: str
    until_ns: int | None = None


class BreakerResumed(Struct, frozen=True, tag=True):
    """A breaker holds nothing any more, by its rule or a person's word."""

    name: str
    who: str
    why: str


class DeadManChanged(Struct, frozen=True, tag=True):
    """The venue's dead man's switch: state is armed, disarmed, refused, runs out or ran out."""

    state: str
    why: str


class StrategyFailed(Struct, frozen=True, tag=True):
    """The strategy raised; it is not called again in this run."""

    traceback: str


class FillMarked(Struct, frozen=True, tag=True):
    """Twice the middle when a fill was heard, and 1, 5 and 30 s later; None: it was not known."""

    trade_id: int
    side: Side
    mid_half_ticks: tuple[int | None, ...]


class Measured(Struct, frozen=True, tag=True):
    """What this run has measured so far of its trading; `trading.measures` says what is what.

    Once a minute, also when there is nothing to tell: it is the sign that the bot runs.
    """

    numbers: dict[str, int]


class LimitsSet(Struct, frozen=True, tag=True):
    """The limits and policies in force from here on, as they are configured."""

    limits: dict[str, str]


class KeyAudited(Struct, frozen=True, tag=True):
    """What was found out about the key; refusal is None where it may be used."""

    key: str
    refusal: str | None
    findings: tuple[str, ...]


class ClockMeasured(Struct, frozen=True, tag=True):
    """How far the venue's clock is ahead of ours, and how wrong that can be."""

    offset_ns: int
    error_ns: int


class StreamChanged(Struct, frozen=True, tag=True):
    """A stream is up (why is None) or down."""

    role: str
    why: str | None


class GateChanged(Struct, frozen=True, tag=True):
    """Whether new orders may leave: status is the bot's word for it, reason None where they may.

    omitted changes came and went too quickly to be written one by one.
    """

    status: str
    reason: str | None
    omitted: int = 0


class IntentRefused(Struct, frozen=True, tag=True):
    """What the strategy wanted and did not get; omitted others were refused for the same limit."""

    limit: str
    text: str
    wanted: str
    omitted: int = 0


class StrategyNoted(Struct, frozen=True, tag=True):
    """What the strategy says; omitted notes came before it, more than are kept."""

    text: str
    omitted: int = 0


class RunStopped(Struct, frozen=True, tag=True):
    """The process ended in order."""

    why: str


TraderRecord = (
    RunStarted
    | MarketNamed
    | LeaseTaken
    | InstrumentSeen
    | OrderPending
    | OrderSent
    | OrderNotSent
    | OrderUnknown
    | OrderRefused
    | OrderAbsent
    | OrderSeen
    | OrderAdopted
    | OrderResolved
    | AmendPending
    | AmendSent
    | AmendUnknown
    | AmendFailed
    | OrderAmended
    | OrderTriggered
    | CountDisputed
    | FillSeen
    | FillsChecked
    | CancelAsked
    | Adjusted
    | ForeignOrderSeen
    | ForeignFillSeen
    | BalancesSeen
    | PositionAdopted
    | ProtectionSet
    | ProtectionSeen
    | TimerFired
    | Killed
    | Resumed
    | ClosingNoted
    | DayBegan
    | PeakSeen
    | BreakerTripped
    | BreakerResumed
    | DeadManChanged
    | FillMarked
    | Measured
    | LimitsSet
    | KeyAudited
    | ClockMeasured
    | StreamChanged
    | GateChanged
    | IntentRefused
    | StrategyNoted
    | StrategyFailed
    | RunStopped
)


def codec() -> JournalCodec:
    """Return the codec of a trader's journal."""
    return JournalCodec(TraderRecord)
