"""The other three unions: what may be asked, what is answered, what a stream tells.

Commands are in `domain/commands.py`. These are the words in which a dialect speaks to both
ends: our exchange answers a Query with an Answer and publishes Events; our trader sends the
same Query to a real venue and reads the same Answer and Events back. Prices are ticks, sizes
lots, money atoms, times UTC nanoseconds.
"""

from enum import IntEnum, StrEnum
from typing import NamedTuple, Self

from msgspec import Struct
from msgspec.structs import replace

from steelyard.domain.amendments import AmendList, AmendsQuery
from steelyard.domain.closing import PlaceClosing
from steelyard.domain.commands import UserCommand
from steelyard.domain.dead_man import ArmDeadMan, DeadMan
from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill, Order
from steelyard.domain.order import MarketState, RejectReason, Side, TransferState

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
NEVER_NS = 2**63 - 1


class Scope(StrEnum):
    """What an API key may do; enforced on every request."""

    READ = "read"
    TRADE = "trade"
    WITHDRAW = "withdraw"


class KeyKind(StrEnum):
    """How requests with an API key are signed: by a secret that both sides have, or a key pair."""

    HMAC = "hmac"
    ED25519 = "ed25519"
    RSA = "rsa"
    ES256 = "es256"  # ECDSA on P-256 with SHA-256
    TUTORIAL = "tutorial"  # by a secret too, in a beginner's simpler way

    @property
    def has_secret(self) -> bool:
        """Whether both sides have the same secret."""
        return self in (KeyKind.HMAC, KeyKind.TUTORIAL)


# -- what is asked ------------------------------------------------------------------------------


class InstrumentsQuery(Struct, frozen=True, tag=True):
    """Everything that is listed."""


class ClockQuery(Struct, frozen=True, tag=True):
    """The venue's time."""


class BookQuery(Struct, frozen=True, tag=True):
    """The best `depth` levels of each side."""

    instrument_id: int
    depth: int


class FullBookQuery(Struct, frozen=True, tag=True):
    """Every order of a book."""

    instrument_id: int


class TradesQuery(Struct, frozen=True, tag=True):
    """Public trades, oldest first. With a start (id or time) from there on, else the newest.

    after and before are places in the list, exclusive, as `Around` tells them.
    """

    instrument_id: int
    limit: int
    from_trade_id: int | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    after: int | None = None
    before: int | None = None


class AggregatesQuery(Struct, frozen=True, tag=True):
    """Aggregate trades, oldest first. With a start (id or time) from there on, else the newest."""

    instrument_id: int
    limit: int
    from_aggregate_id: int | None = None
    start_ns: int | None = None
    end_ns: int | None = None


class CandlesQuery(Struct, frozen=True, tag=True):
    """Candles of one interval, oldest first. With a start: from there on; without: the newest.

    offset_ns is how far ahead of UTC the days are by which they open.
    """

    instrument_id: int
    interval_ns: int
    limit: int
    start_ns: int | None = None
    end_ns: int | None = None
    offset_ns: int = 0


class TickersQuery(Struct, frozen=True, tag=True):
    """24-hour statistics; None means every instrument."""

    instrument_ids: tuple[int, ...] | None = None


class WindowsQuery(Struct, frozen=True, tag=True):
    """Statistics of a window that begins on a whole minute and ends now.

    It is window_ns long, or up to a minute longer; None is the day so far, of days that are
    offset_ns ahead of UTC.
    """

    instrument_ids: tuple[int, ...]
    window_ns: int | None
    offset_ns: int = 0


class AccountQuery(Struct, frozen=True, tag=True):
    """An account's balances and fees; before is a place in the list, as `Around` tells it."""

    account_id: int
    before: int | None = None


class OrderQuery(Struct, frozen=True, tag=True):
    """One order, by either id, or the first one of the newest group that its owner calls so.

    instrument_id is None where the venue does not need it. has_ended: where the venue has one list
    for open orders and another for those that ended, look in the other one.
    """

    account_id: int
    instrument_id: int | None = None
    order_id: int | None = None
    client_order_id: str | None = None
    client_group_id: str | None = None
    has_ended: bool = False


class OrdersQuery(Struct, frozen=True, tag=True):
    """An account's orders, oldest first. Without a start: the newest `limit`.

    accepted_only leaves out what was refused when it was placed: on some venues that never was
    an order. order_ids asks for these alone, all that there are of them; grouped_only for orders
    of OCO, OTO and bracket groups; after and before, exclusive, are places as `Around` tells them.
    """

    account_id: int
    limit: int
    instrument_id: int | None = None
    open_only: bool = False
    from_order_id: int | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    accepted_only: bool = False
    order_ids: tuple[int, ...] = ()
    after: int | None = None
    before: int | None = None
    grouped_only: bool = False


class FillsQuery(Struct, frozen=True, tag=True):
    """An account's fills, oldest first. Without a start: the newest `limit`.

    after and before are places in the list, exclusive, as `Around` tells them.
    """

    account_id: int
    limit: int
    instrument_id: int | None = None
    order_id: int | None = None
    from_trade_id: int | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    after: int | None = None
    before: int | None = None


class KeyQuery(Struct, frozen=True, tag=True):
    """What the asking key may do."""

    key: str


class StatusQuery(Struct, frozen=True, tag=True):
    """Whether the venue trades, and on which market."""


Query = (
    InstrumentsQuery
    | ClockQuery
    | BookQuery
    | FullBookQuery
    | TradesQuery
    | AggregatesQuery
    | CandlesQuery
    | TickersQuery
    | WindowsQuery
    | AccountQuery
    | OrderQuery
    | OrdersQuery
    | AmendsQuery
    | FillsQuery
    | KeyQuery
    | StatusQuery
    | ArmDeadMan  # it may be asked again like any of these
)


# -- what is ------------------------------------------------------------------------------------


class Trade(Struct, frozen=True, tag=True):
    """A public trade; trade_id is gapless per instrument. An Event as well.

    Trades of one taker order at one price and time share an aggregate_id, which is gapless too;
    0 where it is not told. Where a venue tells such trades as one, joined says of how many it is,
    and trade_id is the last of them.
    """

    instrument_id: int
    trade_id: int
    price_ticks: int
    size_lots: int
    taker_side: Side
    time_ns: int
    aggregate_id: int = 0
    joined: int = 1

    @property
    def first_trade_id(self) -> int:
        """The id of the first of those that it is of."""
        return self.trade_id - self.joined + 1


class AggregateTrade(Struct, frozen=True, tag=True):
    """The trades of one taker order at one price and time, as one. An Event as well."""

    instrument_id: int
    aggregate_id: int
    price_ticks: int
    size_lots: int
    first_trade_id: int
    last_trade_id: int
    taker_side: Side
    time_ns: int


class Candle(Struct, frozen=True, tag=True):
    """What traded in [open_ns, open_ns + interval_ns); without trades, the last price four times.

    volume_lots is base, quote_atoms is quote, taker_buy_* is the part where the taker bought.
    An Event as well, with `is_closed` telling whether it may still change.
    """

    instrument_id: int
    interval_ns: int
    open_ns: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    quote_atoms: int
    trade_count: int
    taker_buy_lots: int
    taker_buy_quote_atoms: int
    first_trade_id: int
    last_trade_id: int
    is_closed: bool


class Ticker(Struct, frozen=True, tag=True):
    """A window, 24 hours unless another was asked for, and the touch. An Event as well.

    None where nothing rests or traded. last_trade_ns is when it last traded, 0 where never, or
    where that is not told. last_side is the side of its taker, full_sequence the number of the
    newest change of the book order by order.
    """

    instrument_id: int
    time_ns: int
    open_ns: int
    open_ticks: int | None
    high_ticks: int | None
    low_ticks: int | None
    last_ticks: int | None
    last_lots: int
    previous_close_ticks: int | None
    volume_lots: int
    quote_atoms: int
    trade_count: int
    first_trade_id: int
    last_trade_id: int
    bid_ticks: int | None
    bid_lots: int
    ask_ticks: int | None
    ask_lots: int
    last_trade_ns: int = 0
    last_side: Side | None = None
    volume_30d_lots: int = 0
    full_sequence: int = 0


class AssetBalance(Struct, frozen=True):
    """One asset of an account."""

    asset_id: int
    free_atoms: int
    held_atoms: int


class InstrumentList(Struct, frozen=True, tag=True):
    """Answer to InstrumentsQuery; states are theirs in the same order, where the venue tells."""

    instruments: tuple[Instrument, ...]
    states: tuple[MarketState, ...] = ()


class Clock(Struct, frozen=True, tag=True):
    """Answer to ClockQuery."""

    time_ns: int


class OddLevel(NamedTuple):
    """A level of a book whose price is no whole number of ticks: the tick was another one once.

    price is the venue's own, in a unit of the dialect's: the same number is the same price.
    price_ticks is where it is shown, at the next whole tick that is no better.
    """

    price: int
    price_ticks: int
    size_lots: int


class BookSnapshot(Struct, frozen=True, tag=True):
    """A whole book, best first. A BookDelta applies to it if first_sequence <= sequence + 1.

    Levels are (price_ticks, size_lots); those off the tick stand apart, and count in addition.
    known_bid_ticks and known_ask_ticks are the worst prices down to which every level is told;
    None: there are no others. Of one that is not numbered the sequence says nothing: it is true of
    a moment, and no delta applies to it.
    """

    instrument_id: int
    sequence: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    time_ns: int
    odd_bids: tuple[OddLevel, ...] = ()
    odd_asks: tuple[OddLevel, ...] = ()
    known_bid_ticks: int | None = None
    known_ask_ticks: int | None = None
    full_sequence: int = 0  # of the newest change of the book order by order
    is_numbered: bool = True

    def cut_at(self, depth: int) -> Self:
        """Return it as one of which the venue told at most `depth` levels of a side."""
        bids = [level[0] for level in self.bids] + [odd.price_ticks for odd in self.odd_bids]
        asks = [level[0] for level in self.asks] + [odd.price_ticks for odd in self.odd_asks]
        return replace(
            self,
            known_bid_ticks=min(bids) if len(bids) >= depth else None,
            known_ask_ticks=max(asks) if len(asks) >= depth else None,
        )


class FullOrder(Struct, frozen=True):
    """An order in a book; order_id is 0 for the size at a price that belongs to no one order."""

    order_id: int
    side: Side
    price_ticks: int
    size_lots: int


class FullBookSnapshot(Struct, frozen=True, tag=True):
    """Answer to FullBookQuery; those of one side and price in the order of their coming."""

    instrument_id: int
    sequence: int
    orders: tuple[FullOrder, ...]
    time_ns: int
    full_sequence: int = 0  # of the newest change that is in it


class Around(Struct, frozen=True):
    """Where a part of a list goes on, either way; None where nothing more is.

    A place is an entry's own number, which no other entry moves: the order id, the trade id, the
    number of a fill in its account.
    """

    before: int | None = None
    after: int | None = None


WHOLE = Around()


class TradeList(Struct, frozen=True, tag=True):
    """Answer to TradesQuery."""

    trades: tuple[Trade, ...]
    around: Around = WHOLE


class AggregateList(Struct, frozen=True, tag=True):
    """Answer to AggregatesQuery."""

    trades: tuple[AggregateTrade, ...]


class CandleList(Struct, frozen=True, tag=True):
    """Answer to CandlesQuery."""

    candles: tuple[Candle, ...]


class TickerList(Struct, frozen=True, tag=True):
    """Answer to TickersQuery and WindowsQuery."""

    tickers: tuple[Ticker, ...]


class AccountAnswer(Struct, frozen=True, tag=True):
    """Answer to AccountQuery; only assets of which there is something.

    can_trade is None where the venue does not say.
    """

    account_id: int
    balances: tuple[AssetBalance, ...]
    maker_rate_e8: int
    taker_rate_e8: int
    time_ns: int
    can_trade: bool | None = None
    around: Around = WHOLE


class OrderAnswer(Struct, frozen=True, tag=True):
    """An order as it is now; answers Place, Amend, Cancel and OrderQuery.

    fills holds what a Place or Amend filled at once; former_client_order_id is what an Amend's
    order was called before.
    """

    order: Order
    fills: tuple[Fill, ...] = ()
    former_client_order_id: str = ""


class Acknowledged(Struct, frozen=True, tag=True):
    """A Cancel, CancelAll or Amend was carried out; the venue does not say how things stand."""

    count: int = 1
    order_id: int = 0  # of what an Amend has put in an order's place; 0: the same, or not told


class OrderList(Struct, frozen=True, tag=True):
    """Answer to OrdersQuery, CancelAll (what was canceled) and PlaceGroup (its orders)."""

    orders: tuple[Order, ...]
    around: Around = WHOLE


class TransferAnswer(Struct, frozen=True, tag=True):
    """A deposit (positive) or withdrawal (negative) as it is now; answers OpenTransfer."""

    transfer_id: int
    account_id: int
    asset_id: int
    amount_atoms: int
    state: TransferState
    time_ns: int


class FillList(Struct, frozen=True, tag=True):
    """Answer to FillsQuery."""

    fills: tuple[Fill, ...]
    around: Around = WHOLE


class KeyAnswer(Struct, frozen=True, tag=True):
    """What a key may do. expires_ns is None for never; ip is empty for anywhere.

    products are the symbols that it may trade, empty for all; overlap_ends_ns is when a key that
    was replaced ends, withdraw_from_ns when one that may withdraw may do so. blast_radius says in
    sentences what a thief could do with it. unknown are scopes of which the venue does not say
    whether it has them; others are rights that we have no word for, in the venue's.
    """

    key: str
    account_id: int
    scopes: frozenset[Scope]
    ip: tuple[str, ...]
    created_ns: int
    expires_ns: int | None
    kind: KeyKind = KeyKind.HMAC
    label: str = ""
    products: tuple[str, ...] = ()
    overlap_ends_ns: int | None = None
    withdraw_from_ns: int | None = None
    blast_radius: tuple[str, ...] = ()
    unknown: frozenset[Scope] = frozenset()
    others: tuple[str, ...] = ()

    @property
    def ends_ns(self) -> int | None:
        """When it stops working: what comes first of expiry and overlap; None for never."""
        return min(
            (end for end in (self.expires_ns, self.overlap_ends_ns) if end is not None),
            default=None,
        )


class Status(Struct, frozen=True, tag=True):
    """Answer to StatusQuery: `market` is who else trades here; `ended` a tape that is over.

    In maintenance requests are turned away; retry_after_ns is how long they should wait. notice is
    why a live market stands still. An Event as well.
    """

    trading: bool
    market: str
    ended: bool
    time_ns: int
    maintenance: bool = False
    retry_after_ns: int = 0
    notice: str = ""


class Refused(Struct, frozen=True, tag=True):
    """A Command or Query was understood and refused.

    message says what was expected and how to mend it; field names the offending input.
    """

    reason: RejectReason
    message: str
    field: str | None = None
    order_id: int = 0


class Batch(Struct, frozen=True, tag=True):
    """Commands of one request that do not depend on each other.

    Each is carried out and journaled on its own, in their order.
    """

    commands: tuple[UserCommand | PlaceClosing, ...]


class BatchAnswer(Struct, frozen=True, tag=True):
    """Answer to a Batch: one answer for each of its commands, in their order."""

    answers: tuple["SingleAnswer", ...]


SingleAnswer = (
    InstrumentList
    | Clock
    | BookSnapshot
    | FullBookSnapshot
    | TradeList
    | AggregateList
    | CandleList
    | TickerList
    | AccountAnswer
    | OrderAnswer
    | Acknowledged
    | OrderList
    | AmendList
    | TransferAnswer
    | FillList
    | KeyAnswer
    | Status
    | DeadMan
    | Refused
)
Answer = SingleAnswer | BatchAnswer


# -- what a stream tells --------------------------------------------------------------------------


class Execution(IntEnum):
    """What happened to an order."""

    NEW = 1
    FILL = 2
    CANCELED = 3
    AMENDED = 4
    EXPIRED = 5
    REJECTED = 6
    TRIGGERED = 7
    RELEASED = 8  # its group's entry has filled: from here on it acts


class BookDelta(Struct, frozen=True, tag=True):
    """Levels that changed, by new total size; 0 removes.

    Each delta starts where the last ended: first_sequence == last_sequence of the one before + 1.
    best are the best levels of both sides after it, where the feed tells: for checksums. Levels off
    the tick stand apart, as in a BookSnapshot.
    """

    instrument_id: int
    first_sequence: int
    last_sequence: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    time_ns: int
    best: tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]] | None = None
    odd_bids: tuple[OddLevel, ...] = ()
    odd_asks: tuple[OddLevel, ...] = ()


class FullChangeKind(IntEnum):
    """What happened to an order of a book."""

    RECEIVED = 1
    OPEN = 2
    MATCH = 3
    CHANGE = 4
    DONE = 5
    TRIGGERED = 6  # told to its owner alone: it was not to be seen


class FullChange(Struct, frozen=True):
    """One change of a book, order by order; order_id is the maker's in a match.

    size_lots is what traded in a match, and else the order's size after the change; before_lots and
    before_ticks are what a CHANGE has changed. price_ticks is None for a market order, of which
    spend_atoms may say how much. In a match side is the taker's.
    """

    kind: FullChangeKind
    order_id: int
    side: Side
    price_ticks: int | None
    size_lots: int
    trade_id: int = 0
    taker_order_id: int = 0
    before_lots: int = 0
    before_ticks: int | None = None
    spend_atoms: int | None = None


class FullBookChanges(Struct, frozen=True, tag=True):
    """What one command did to a book; sequences chain as those of BookDelta do.

    Where no level changed its size, last_sequence is first_sequence - 1. first_change is the number
    of the first change: each has one of its own, by one above that of the change before it.
    """

    instrument_id: int
    first_sequence: int
    last_sequence: int
    changes: tuple[FullChange, ...]
    time_ns: int
    first_change: int = 0


class OwnChange(Struct, frozen=True):
    """One change of a book by an own order, as it is after the command; a match has its fill.

    number is that of the change in the book, or of the newest where others cannot see it.
    """

    number: int
    change: FullChange
    order: Order
    fill: Fill | None = None


class OwnChanges(Struct, frozen=True, tag=True):
    """What one command did to an account's orders of one instrument."""

    instrument_id: int
    account_id: int
    changes: tuple[OwnChange, ...]
    time_ns: int


class Touch(Struct, frozen=True, tag=True):
    """The best bid and ask; 0 lots where a side is empty (its price is then 0)."""

    instrument_id: int
    sequence: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    time_ns: int


class OrderEvent(Struct, frozen=True, tag=True):
    """One order after one execution; fill is there for Execution.FILL.

    request_id is its owner's name for the request that brought it, where a venue has one: of a
    cancel its own client id, of an amendment the name that the order had before.
    """

    execution: Execution
    order: Order
    fill: Fill | None
    time_ns: int
    request_id: str = ""


class GroupEvent(Struct, frozen=True, tag=True):
    """A group of orders that hang together was placed, or the last of them has ended."""

    orders: tuple[Order, ...]
    is_over: bool
    time_ns: int


class BalanceEvent(Struct, frozen=True, tag=True):
    """The balances that an execution or transfer touched, as they are now."""

    account_id: int
    balances: tuple[AssetBalance, ...]
    time_ns: int


class BalanceMoved(Struct, frozen=True, tag=True):
    """Something came into an account from outside (positive), or went; trades are not told so."""

    account_id: int
    asset_id: int
    amount_atoms: int
    time_ns: int


class BalanceLocked(Struct, frozen=True, tag=True):
    """A withdrawal holds an amount (positive), or no longer does."""

    account_id: int
    asset_id: int
    amount_atoms: int
    time_ns: int


# A BookSnapshot is one where a venue's stream begins with it; our feed has no such event.
Event = (
    BookSnapshot
    | BookDelta
    | FullBookChanges
    | OwnChanges
    | Trade
    | AggregateTrade
    | Touch
    | Ticker
    | Candle
    | OrderEvent
    | GroupEvent
    | BalanceEvent
    | BalanceMoved
    | BalanceLocked
    | Status
)
