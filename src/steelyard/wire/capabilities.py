"""What a venue offers a trader, told before anything depends on it.

A dialect of ours offers all of it. A venue behind a bridge offers what its library has, and it is
told as it is: what is missing is missing here too, so that `trading/venue.py` can refuse at the
start, with a reason, what would otherwise fail in the first bad minute.
"""

from enum import StrEnum

from msgspec import Struct

# What is missing and may be accepted by name: see `trading/venue.py`.
UNCHECKED, NO_LOOKUP = "unchecked", "no-lookup"
ACCEPTABLE = (UNCHECKED, NO_LOOKUP)


class Lookup(StrEnum):
    """How an order is found by the id that we gave it."""

    CLIENT_ID = "client-id"  # by asking for it
    LISTS = "lists"  # in the lists of open and ended orders, which tell it
    NONE = "none"


class Source(StrEnum):
    """How news come."""

    STREAM = "stream"
    POLLED = "polled"  # by asking again and again: late, and what came and went between is missed
    NONE = "none"


class Capabilities(Struct, frozen=True, kw_only=True):
    """What one venue offers.

    Attributes:
        venue: Its name, as it stands in a configuration.
        is_checked: Whether somebody has compared how the library treats this venue's ids and
            clocks with the venue's documentation.
        lookup: How an order is found by our id.
        request_expiry_ns: How long after signing the venue may still take up an order; None: for
            ever.
        market, account: How news of the market and of the account come.
        has_fills: Whether the account's own trades can be listed.
        has_open_orders, has_balances, has_cancel: Likewise.
        has_clock: Whether the venue tells its time.
        has_candles: Whether it tells bars of the past.
        has_dead_man: Whether it cancels everything when it no longer hears of us.
        has_amend: Whether a resting order can be changed.
        amend_replaces: Whether that is another order in its place, so that for a moment both may
            fill.
        order_types: What `Place` may ask for, as `limit GTC`.
    """

    venue: str
    is_checked: bool
    lookup: Lookup
    request_expiry_ns: int | None
    market: Source
    account: Source
    has_fills: bool
    has_open_orders: bool
    has_balances: bool
    has_cancel: bool
    has_clock: bool
    has_candles: bool
    has_dead_man: bool
    has_amend: bool
    order_types: tuple[str, ...]
    amend_replaces: bool = False
