"""What is known of single exchanges beyond what the library says of itself; one row each.

The library tells in one way what every exchange has. It does not tell for how long a signed order
may still be taken up, whether an order can be asked for by our id, or what such an id may look
like: that is read in the venue's documentation and in the library's source, and stands here. An
exchange without a row gets the most careful one, and is used only where the configuration accepts
that by name.
"""

from typing import Any, NamedTuple
from uuid import UUID

from steelyard.bridge.pace import BURST
from steelyard.domain.messages import SECOND_NS
from steelyard.wire.capabilities import Lookup

PREFIX = "ccxt:"
COMMAND_NS = 10 * SECOND_NS  # from the pipe to the answer; after it nothing is signed any more
ID_BITS = 128
UUID_BITS = 6  # of a UUID that are not its own
UUID_MASK = (1 << UUID_BITS) - 1
SHORT_PAGE = 20  # no venue ends a page so early
COUNT_BITS = 64 - UUID_BITS
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_LETTERS = 22  # 62^22 > 2^128; the shortest ids that a venue takes have 28


class Row(NamedTuple):
    """One exchange. Durations in ns.

    expiry_ns is how long after signing an order may be taken up, None for ever; expiry_option is
    the library's option that says so in milliseconds, deadline_field the field of an order that
    says until when. has_dashes: client ids are written as UUIDs. lookup is how the library finds an
    order by our id. fills_window_ms is the longest stretch that one list of fills covers, 0 any;
    fills_offset is the parameter that skips fills where a list begins with the newest; a list of
    fewer than fills_page is the last one. in_turn:
    each request has a nonce that has to arrive above the one before, so they go one by one. burst
    is what requests may cost, by the library's table, that go at once after a pause. book_limit is
    how many levels of a stream's book are asked for, where the library's own choice is too few.
    order_params is what it wants to hear before it asks for one order.
    """

    lookup: Lookup = Lookup.LISTS
    expiry_ns: int | None = None
    expiry_option: str = ""
    has_dashes: bool = False
    fills_window_ms: int = 0
    fills_offset: str = ""
    fills_page: int = SHORT_PAGE
    in_turn: bool = False
    burst: float = BURST
    book_limit: int | None = None
    order_params: tuple[tuple[str, Any], ...] = ()
    is_checked: bool = True


_DAY_MS = 86_400_000

ROWS: dict[str, Row] = {
    # recvWindow, on every signed request; myTrades cover a day.
    "binance": Row(Lookup.CLIENT_ID, 5 * SECOND_NS, "recvWindow", fills_window_ms=_DAY_MS),
    # CB-ACCESS-TIMESTAMP is good for 30 s; client_oid is a random UUID, or dropped unread.
    "coinbaseexchange": Row(Lookup.CLIENT_ID, 30 * SECOND_NS, has_dashes=True),
    # A nonce is good for ever; cl_ord_id is a UUID, and the lists of orders tell it. The smallest
    # counter takes 15, three of the library's each, and loses one in three seconds. A book has 10
    # levels where nobody says more.
    "kraken": Row(
        Lookup.LISTS,
        has_dashes=True,
        fills_offset="ofs",
        fills_page=50,
        in_turn=True,
        burst=36.0,
        book_limit=100,
    ),
    # recv_window; orderLinkId has up to 36 letters, digits, - and _; executions cover a week. Of
    # one order it knows whether it is among the last 500, and wants to hear that this is known.
    "bybit": Row(
        Lookup.LISTS,
        5 * SECOND_NS,
        "recvWindow",
        fills_window_ms=7 * _DAY_MS,
        order_params=(("acknowledged", True),),
        is_checked=False,
    ),
    # OK-ACCESS-TIMESTAMP is good for 30 s; clOrdId has up to 32 letters and digits.
    "okx": Row(Lookup.CLIENT_ID, 30 * SECOND_NS, is_checked=False),
    # KC-API-TIMESTAMP is good for 5 s; clientOid has up to 40 letters, digits, - and _.
    "kucoin": Row(Lookup.CLIENT_ID, 5 * SECOND_NS, fills_window_ms=7 * _DAY_MS, is_checked=False),
}
UNCHECKED = Row(Lookup.LISTS, is_checked=False)


def row_of(exchange: str) -> Row:
    """Return what is known of an exchange, by the library's name for it."""
    return ROWS.get(exchange, UNCHECKED)


def expiry_ns(exchange: str) -> int | None:
    """Return how long after it was handed over an order may still be taken up; None: for ever."""
    window_ns = row_of(exchange).expiry_ns
    return None if window_ns is None else COMMAND_NS + window_ns


def client_order_id(exchange: str, number: int) -> str:
    """Print a 128-bit id as the exchange takes it."""
    assert 0 <= number < 1 << ID_BITS, "an id has 128 bits"
    if row_of(exchange).has_dashes:
        return str(_random_uuid(number))
    digits = ""
    for _ in range(ID_LETTERS):
        number, digit = divmod(number, len(LETTERS))
        digits = LETTERS[digit] + digits
    return digits


def _random_uuid(number: int) -> UUID:
    """Return a number as a UUID that looks random (version 4): some venues drop any other unread.

    Six bits of it say so; they are those at the top of the number's low half, which counts orders.
    """
    count = number & ((1 << COUNT_BITS) - 1)
    assert number >> COUNT_BITS & UUID_MASK == 0, "no run has so many orders"
    packed = (number >> COUNT_BITS + UUID_BITS) << COUNT_BITS | count
    high, middle, low = packed >> 74, packed >> 62 & 0xFFF, packed & (1 << 62) - 1
    return UUID(int=high << 80 | 4 << 76 | middle << 64 | 2 << 62 | low)


def options_of(exchange: str) -> dict[str, Any]:
    """Return the library's options that make the row true."""
    row = row_of(exchange)
    if not row.expiry_option or row.expiry_ns is None:
        return {}
    return {row.expiry_option: row.expiry_ns // 10**6}
