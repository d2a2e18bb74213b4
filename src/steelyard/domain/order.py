"""What an order is made of, and which field goes with which type.

`FIELDS` is the one table that validation, documentation and tests read. Venues fold these
factors differently (Binance has a type `LIMIT_MAKER`, others a flag), so a dialect maps the
tuple (order_type, time_in_force, post_only); what has no row there is Unsupported.
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
        return Side(-self)


class OrderType(IntEnum):
    """How the price is chosen."""

    LIMIT = 1
    MARKET = 2


class TimeInForce(IntEnum):
    """What becomes of the part that does not fill at once."""

    GTC = 1  # rests until canceled
    IOC = 2  # the remainder is canceled
    FOK = 3  # all at once or nothing


class SelfTrade(IntEnum):
    """What happens when an order would meet a resting order of its own account.

    The taker's mode decides.
    """

    NONE = 0  # they trade with each other
    CANCEL_NEWEST = 1  # the taker's remainder is canceled
    CANCEL_OLDEST = 2  # the resting order is canceled, the taker goes on
    CANCEL_BOTH = 3


class FeeAsset(IntEnum):
    """The asset in which a fill's fee is taken."""

    QUOTE = 0  # Coinbase, Kraken; a buy's hold includes it
    RECEIVED = 1  # Binance: base for a buy, quote for a sell


class Need(IntEnum):
    """Whether an order type takes a field."""

    NEVER = 0
    MAY = 1
    MUST = 2


class Fields(NamedTuple):
    """One row of `FIELDS`."""

    price_ticks: Need
    time_in_force: frozenset[TimeInForce]
    post_only: Need


FIELDS: dict[OrderType, Fields] = {
    OrderType.LIMIT: Fields(Need.MUST, frozenset(TimeInForce), Need.MAY),
    OrderType.MARKET: Fields(Need.NEVER, frozenset({TimeInForce.IOC, TimeInForce.FOK}), Need.NEVER),
}


class RejectReason(IntEnum):
    """Why a request is refused, in the order in which the reasons are checked.

    Every engine and every dialect reports the first that applies.
    """

    # What the request says of itself
    UNSUPPORTED = 1  # this combination of type, time in force and flags is not offered
    UNKNOWN_ACCOUNT = 2
    UNKNOWN_INSTRUMENT = 3
    PRICE_OFF_TICK = 4
    SIZE_OFF_LOT = 5
    PRICE_OUT_OF_RANGE = 6
    SIZE_TOO_SMALL = 7
    SIZE_TOO_LARGE = 8
    NOTIONAL_TOO_SMALL = 9
    AMOUNT_TOO_LARGE = 10  # the sum would leave the range of the books
    DUPLICATE_CLIENT_ORDER_ID = 11
    # What it says of something else
    UNKNOWN_ORDER = 20  # never existed, is another account's, or no longer rests
    SIZE_BELOW_FILLED = 21  # an amend below what has filled already
    # What the market and the books say
    POST_ONLY_WOULD_TAKE = 30
    INSUFFICIENT_BALANCE = 31


class CancelCause(IntEnum):
    """Why an order left the book, or never rested, with something unfilled."""

    USER = 1
    IOC_REMAINDER = 2
    FOK_UNFILLABLE = 3
    NO_LIQUIDITY = 4  # a market order ran out of book
    SELF_TRADE = 5
    ADMIN = 6  # the kill switch or an administrator


class Liquidity(IntEnum):
    """Which side of a trade an order was on."""

    MAKER = 1
    TAKER = 2
