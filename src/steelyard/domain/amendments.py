"""What an order was before: its terms as it was placed, and after each change of them.

Some venues tell this trail of an order. The terms mean what they mean in `Order`.
"""

from msgspec import Struct


class Amendment(Struct, frozen=True):
    """An order's terms from time_ns on; number 0 is the order as it was placed.

    is_asked: its owner asked for it; else the exchange changed it, a post_only order that slid.
    """

    number: int
    time_ns: int
    size_lots: int
    remaining_lots: int
    price_ticks: int | None
    trigger_ticks: int | None
    is_asked: bool = True


class AmendsQuery(Struct, frozen=True, tag=True):
    """The trail of one of an account's orders."""

    account_id: int
    order_id: int


class AmendList(Struct, frozen=True, tag=True):
    """Answer to AmendsQuery, oldest first; empty where there is no such order."""

    amends: tuple[Amendment, ...]
