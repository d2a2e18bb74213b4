"""Symbols, ids, times and quotients as WEEX spells them, and back; other numbers are `numerals`.

The invariant: ids are whole numbers beyond 2^53, as at the venue, so that a client which reads them
as floating point numbers finds out here. Ours are a bijection of the exchange's numbers, and so is
every 64-bit id of the venue of numbers of ours: nothing is remembered. Only public trades may be
UUIDs, which are folded to a number above all others; from there is no way back, and none is needed.

Quotients that a client is shown (average price, change of a day) are for information only: they are
rounded half up and never booked.
"""

from hashlib import blake2b

from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import MINUTE_NS
from steelyard.domain.order import Side
from steelyard.domain.units import TEXT_MAX
from steelyard.wire.numerals import fixed, trimmed

MS_NS = 1_000_000
RATE_DECIMALS = 8
SYMBOL_MAX = 24
TIME_DIGITS_MAX = 16
ID_DIGITS_MAX = 19
ID_MAX = 64  # characters of a public trade's
ORDERS_FROM = 700_000_000_000_000_000  # ids of orders begin here
FILLS_FROM = 800_000_000_000_000_000
LOWER = 1 << 62  # marks numbers of ids that are below where ours begin
FOREIGN = 1 << 63  # marks numbers from which there is no way back
SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
SIDE_NAMES = {side: name for name, side in SIDES.items()}

HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
INTERVALS_NS: dict[str, int] = {
    "1m": MINUTE_NS,
    "5m": 5 * MINUTE_NS,
    "15m": 15 * MINUTE_NS,
    "30m": 30 * MINUTE_NS,
    "1h": HOUR_NS,
    "2h": 2 * HOUR_NS,
    "4h": 4 * HOUR_NS,
    "6h": 6 * HOUR_NS,
    "8h": 8 * HOUR_NS,
    "12h": 12 * HOUR_NS,
    "1d": DAY_NS,
    "1w": 7 * DAY_NS,
    "1M": 30 * DAY_NS,  # a name for calendar months
}
INTERVAL_NAMES = {length: name for name, length in INTERVALS_NS.items()}


# -- symbols ------------------------------------------------------------------------------------


def symbol_text(instrument: Instrument) -> str:
    """Return WEEX's name of an instrument: `BTCUSDT`."""
    return instrument.base + instrument.quote


def find_symbol(listings: Listings, symbol: str) -> Instrument | None:
    """Return the instrument of a name without a separator, or None."""
    for end in range(1, min(len(symbol), SYMBOL_MAX)):
        found = listings.find(f"{symbol[:end]}-{symbol[end:]}")
        if found is not None:
            return found
    return None


def listed(symbol: str, listings: Listings) -> Instrument:
    """Return the instrument that a venue speaks of.

    Raises:
        DecodeError: It is not listed.
    """
    found = find_symbol(listings, symbol)
    if found is None:
        raise DecodeError(f"{symbol[:SYMBOL_MAX]!a} is not listed; read the symbols again")
    return found


def side_of(text: str) -> Side:
    """Return the side of a word of the venue's.

    Raises:
        DecodeError: It is none.
    """
    found = SIDES.get(text)
    if found is None:
        raise DecodeError(f"side {text[:TEXT_MAX]!a} is neither BUY nor SELL", "side")
    return found


# -- quotients ----------------------------------------------------------------------------------


def half_up(numerator: int, denominator: int) -> int:
    """Return a quotient of positive numbers, rounded half up; for information only."""
    return (2 * numerator + denominator) // (2 * denominator)


def average_text(instrument: Instrument, quote_atoms: int, lots: int) -> str:
    """Return quote per base to 8 decimals; 0 where nothing traded."""
    if not lots:
        return "0"
    return trimmed(
        fixed(half_up(quote_atoms * 10**RATE_DECIMALS, lots * instrument.lot_atoms), RATE_DECIMALS)
    )


def share_text(change: int, before: int) -> str:
    """Return a change as a fraction of what was, to 6 decimals."""
    if not before:
        return "0"
    e6 = half_up(abs(change) * 10**6, before)
    return trimmed(fixed(-e6 if change < 0 else e6, 6))


def average_ticks(instrument: Instrument, quote_atoms: int, lots: int) -> int:
    """Return the price at which lots are worth so much, to the nearest tick.

    The venue tells a fill's value and size, and no price.

    Raises:
        DecodeError: Nothing was traded.
    """
    if lots <= 0:
        raise DecodeError("a fill of nothing has no price", "fillSize")
    return half_up(quote_atoms, lots * instrument.tick_lot_atoms)


# -- times --------------------------------------------------------------------------------------


def ms(time_ns: int) -> int:
    """Return a time in milliseconds."""
    return time_ns // MS_NS


def ms_text(time_ns: int) -> str:
    """Return a time in milliseconds as a text, as the private stream has it."""
    return str(time_ns // MS_NS)


def from_ms(text: str | int) -> int:
    """Return a time that is told in milliseconds, as a number or as a text.

    Raises:
        DecodeError: It is no such number.
    """
    digits = str(text)
    if not (digits.isascii() and digits.isdigit()) or len(digits) > TIME_DIGITS_MAX:
        raise DecodeError(f"time {digits[:TEXT_MAX]!r} is not a number of milliseconds")
    return int(digits) * MS_NS


# -- ids ----------------------------------------------------------------------------------------


def order_id(number: int) -> int:
    """Return the id of an order: a trader's end has the venue's, the exchange's end ours."""
    return _id(number, ORDERS_FROM)


def order_number(text: str | int) -> int:
    """Return the number of an order's id.

    Raises:
        DecodeError: It is none.
    """
    return _number(text, ORDERS_FROM)


def fill_id(number: int) -> int:
    """Return the id of a fill, or of a public trade of ours."""
    return _id(number, FILLS_FROM)


def fill_number(text: str | int) -> int:
    """Return the number of a fill's id.

    Raises:
        DecodeError: It is none.
    """
    return _number(text, FILLS_FROM)


def trade_number(text: str) -> int:
    """Return the number of a public trade's id, which may be a UUID.

    Raises:
        DecodeError: It is empty, or much too long.
    """
    if not 0 < len(text) <= ID_MAX:
        raise DecodeError(f"id {text[:TEXT_MAX]!a} is none")
    if _is_id(text):
        return _number(text, FILLS_FROM)
    return FOREIGN | int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 1


def own_order(text: str) -> int | None:
    """Return the exchange's number of an order's id; None where it is none of ours."""
    return _own(text, ORDERS_FROM)


def own_fill(text: str) -> int | None:
    """Return the exchange's number of a fill's id; None where it is none of ours."""
    return _own(text, FILLS_FROM)


def _id(number: int, begin: int) -> int:
    return number & ~LOWER if number & LOWER else number + begin


def _is_id(digits: str) -> bool:
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= ID_DIGITS_MAX
    return is_number and int(digits) < LOWER


def _number(text: str | int, begin: int) -> int:
    digits = str(text)
    if not _is_id(digits):
        raise DecodeError(f"id {digits[:TEXT_MAX]!a} is not a whole number of 62 bits")
    found = int(digits)
    return found - begin if found >= begin else found | LOWER


def _own(text: str, begin: int) -> int | None:
    return int(text) - begin if _is_id(text) and int(text) >= begin else None
