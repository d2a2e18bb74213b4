"""What an order is made of, and which field goes with which type.

`FIELDS` is the one table that validation, documentation and tests read; what it does not offer
is Unsupported. Venues fold these factors differently (Binance has a type `LIMIT_MAKER`, others
a flag), so a dialect maps the tuple (order_type, time_in_force, post_only) and the rest.

What each of them does is told in docs/concepts/orders.md.
"""

from enum import IntEnum
from typing import NamedTuple


class Side(IntEnum):
    """Buy or sell, as a sign: matching is written once for both."""

    BUY = 1
    SELL = -1

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return _OPPOSITES[self]


_OPPOSITES = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


class OrderType(IntEnum):
    """How the price is chosen."""

    LIMIT = 1
    MARKET = 2
    STOP = 3  # a market order once the price has come to trigger_ticks, against the position
    STOP_LIMIT = 4  # the same, a limit order
    TAKE_PROFIT = 5  # a market order once the price has come to trigger_ticks, in its favour
    TAKE_PROFIT_LIMIT = 6
    TRAILING_STOP = 7  # a stop that follows the best price at a distance
    TRAILING_STOP_LIMIT = 8  # the same, a limit order

    @property
    def has_limit(self) -> bool:
        """Whether it trades at its own price or better."""
        return self in _WITH_LIMIT

    @property
    def waits(self) -> bool:
        """Whether it waits outside the book until a price triggers it."""
        return self in _WAITING

    @property
    def trails(self) -> bool:
        """Whether its trigger follows the best price."""
        return self in _TRAILING


_TRAILING = frozenset({OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT})
_WITH_LIMIT = frozenset(
    {
        OrderType.LIMIT,
        OrderType.STOP_LIMIT,
        OrderType.TAKE_PROFIT_LIMIT,
        OrderType.TRAILING_STOP_LIMIT,
    }
)
_WAITING = frozenset(OrderType) - {OrderType.LIMIT, OrderType.MARKET}


class TimeInForce(IntEnum):
    """What becomes of the part that does not fill at once."""

    GTC = 1  # rests until canceled
    IOC = 2  # the remainder is canceled
    FOK = 3  # all at once or nothing
    GTD = 4  # rests until expire_ns


class TriggerBy(IntEnum):
    """Which price a waiting order listens to."""

    LAST = 1  # each public trade
    MARK = 2
    INDEX = 3


class Direction(IntEnum):
    """Which way a price comes to a level."""

    RISE = 1  # from below: it is there at the level or above
    FALL = 2  # from above: it is there at the level or below


class GroupKind(IntEnum):
    """How the orders of one request hang together."""

    BASKET = 1  # accepted or refused as one, then on their own
    OCO = 2  # one cancels the other
    OTO = 3  # the second is placed when the first has filled
    BRACKET = 4  # an entry; when it has filled, two exits of which one cancels the other


class MarketState(IntEnum):
    """What a market lets happen."""

    OPEN = 1
    POST_ONLY = 2  # orders that add liquidity, amends and cancels
    CANCEL_ONLY = 3
    HALTED = 4  # cancels still pass; told apart because prices stand still for a reason
    MAINTENANCE = 5  # nothing passes


class TransferState(IntEnum):
    """Where a deposit or withdrawal is on its way."""

    PENDING = 1  # a withdrawal's amount is held, a deposit's is not yet there
    DONE = 2
    CANCELED = 3


class SelfTrade(IntEnum):
    """What happens when an order would meet a resting order of its own account.

    The taker's mode decides.
    """

    NONE = 0  # they trade with each other
    CANCEL_NEWEST = 1  # the taker's remainder is canceled
    CANCEL_OLDEST = 2  # the resting order is canceled, the taker goes on
    CANCEL_BOTH = 3
    DECREMENT = 4  # both shrink by the smaller; what is left of the larger goes on


class FeeAsset(IntEnum):
    """The asset in which a fill's fee is taken."""

    QUOTE = 0  # Coinbase, Kraken; a buy's hold includes it
    RECEIVED = 1  # Binance: base for a buy, quote for a sell
    TOKEN = 2  # the venue's own token while the account has enough of it free, else as RECEIVED


class Need(IntEnum):
    """Whether an order type takes a field."""

    NEVER = 0
    MAY = 1
    MUST = 2


class Fields(NamedTuple):
    """One row of `FIELDS`: a field of `Place` each, the time in force with what it may be."""

    time_in_force: frozenset[TimeInForce]
    price_ticks: Need = Need.NEVER
    quote_atoms: Need = Need.NEVER  # instead of size_lots
    post_only: Need = Need.NEVER
    display_lots: Need = Need.NEVER
    trigger_ticks: Need = Need.NEVER
    trail: Need = Need.NEVER  # one of trail_ticks and trail_rate_e8
    activation_ticks: Need = Need.NEVER
    activation_direction: Need = Need.NEVER
    reduce_only: Need = Need.NEVER  # derivatives only, and there are none yet


SLICES_MAX = 100  # an iceberg's size is at most so many times what it shows

_ANY = frozenset(TimeInForce)
_RESTING = frozenset({TimeInForce.GTC, TimeInForce.GTD})
_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})

# Beyond the table: post_only and display_lots go with GTC and GTD, expire_ns goes with GTD alone.
FIELDS: dict[OrderType, Fields] = {
    OrderType.LIMIT: Fields(_ANY, price_ticks=Need.MUST, post_only=Need.MAY, display_lots=Need.MAY),
    OrderType.MARKET: Fields(_AT_ONCE, quote_atoms=Need.MAY),
    OrderType.STOP: Fields(_RESTING, trigger_ticks=Need.MUST),
    OrderType.STOP_LIMIT: Fields(
        _ANY,
        price_ticks=Need.MUST,
        post_only=Need.MAY,
        display_lots=Need.MAY,
        trigger_ticks=Need.MUST,
    ),
    OrderType.TAKE_PROFIT: Fields(_RESTING, trigger_ticks=Need.MUST),
    OrderType.TAKE_PROFIT_LIMIT: Fields(
        _ANY,
        price_ticks=Need.MUST,
        post_only=Need.MAY,
        display_lots=Need.MAY,
        trigger_ticks=Need.MUST,
    ),
    OrderType.TRAILING_STOP: Fields(
        _RESTING, trail=Need.MUST, activation_ticks=Need.MAY, activation_direction=Need.MAY
    ),
    OrderType.TRAILING_STOP_LIMIT: Fields(
        _ANY,
        price_ticks=Need.MUST,
        post_only=Need.MAY,
        display_lots=Need.MAY,
        trail=Need.MUST,
        activation_ticks=Need.MAY,
        activation_direction=Need.MAY,
    ),
}


class RejectReason(IntEnum):
    """Why a request is refused, in the order in which the reasons are checked.

    Every engine and every dialect reports the first that applies.
    """

    # What the request says of itself
    UNSUPPORTED = 1  # this combination of type, time in force and flags is not offered
    UNKNOWN_ACCOUNT = 2
    UNKNOWN_INSTRUMENT = 3
    MARKET_MAINTENANCE = 4
    MARKET_HALTED = 5
    MARKET_CANCEL_ONLY = 6
    MARKET_POST_ONLY = 7
    PRICE_OFF_TICK = 10
    SIZE_OFF_LOT = 11
    PRICE_OUT_OF_RANGE = 12  # of the limit, the trigger or the activation
    SIZE_TOO_SMALL = 13
    SIZE_TOO_LARGE = 14
    NOTIONAL_TOO_SMALL = 15
    NOTIONAL_TOO_LARGE = 16
    AMOUNT_TOO_LARGE = 17  # the sum would leave the range of the books
    DISPLAY_OUT_OF_RANGE = 18  # above the size, below the smallest order, or too many slices
    TRAIL_OUT_OF_RANGE = 19
    EXPIRY_NOT_AHEAD = 20
    PRICE_OUTSIDE_BAND = 21
    DUPLICATE_CLIENT_ORDER_ID = 22
    # What it says of something else
    UNKNOWN_ORDER = 30  # never existed, is another account's, or is over
    SIZE_BELOW_FILLED = 31  # an amend below what has filled already
    UNKNOWN_TRANSFER = 32
    # What the market and the books say
    TOO_MANY_ORDERS = 40
    TOO_MANY_TRIGGERS = 41
    WOULD_TRIGGER = 42  # the price is there already
    POST_ONLY_WOULD_TAKE = 43
    INSUFFICIENT_BALANCE = 44
    GROUP_REFUSED = 50  # another order of the same request was refused


class CancelCause(IntEnum):
    """Why an order left the book, or never rested, with something unfilled."""

    USER = 1
    IOC_REMAINDER = 2
    FOK_UNFILLABLE = 3
    NO_LIQUIDITY = 4  # a market order ran out of book
    SELF_TRADE = 5
    ADMIN = 6  # the kill switch or an administrator
    EXPIRED = 7  # its expire_ns has come
    SIBLING = 8  # the other order of an OCO has traded, was triggered, or is over
    PARENT = 9  # the entry that it waited for is over without having filled
    INSUFFICIENT_BALANCE = 10  # when it was triggered, or its entry had filled
    POST_ONLY_WOULD_TAKE = 11  # the same
    PRICE_BAND = 12  # a market order came to the end of the band
    QUOTE_SPENT = 13  # what is left of quote_atoms buys no lot: the order is done
    LEVEL_FULL = 14  # the total size at its price would leave the range of the books


class Liquidity(IntEnum):
    """Which side of a trade an order was on."""

    MAKER = 1
    TAKER = 2
