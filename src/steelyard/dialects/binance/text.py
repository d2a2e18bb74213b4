"""Numbers, times and symbols as Binance spells them, and back.

The invariant: what is printed is exact. Prices and sizes have 8 decimals; amounts of money have
8, and up to 12 where the books hold finer ones. The quotients that a client is shown (average
price, change in percent) are information only: they are rounded half up and never booked. What is
read is exact too, or a DecodeError; only what others did and do is rounded where it is off today's
steps: sizes down to whole lots, prices to whole ticks. Times
are whole milliseconds, rounded down, or microseconds where a client has asked for them; both are
understood where a client sends them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.domain.order import Side
from steelyard.domain.units import ATOMS_PER_UNIT, TEXT_MAX

MS_NS = 1_000_000
US_NS = 1_000
UNIT_HEADER = "x-mbx-time-unit"  # chooses one of these for an answer
UNITS_NS = {"MILLISECOND": MS_NS, "MICROSECOND": US_NS}
MICROSECONDS_FROM = 10**15  # a larger timestamp is in microseconds

DECIMALS = 8
E8 = 100_000_000
ATOM_DECIMALS = 12
ATOMS_PER_E8 = ATOMS_PER_UNIT // E8
ZERO = "0.00000000"
SYMBOL_MAX = 20
NUMBERS_MAX = 8_192  # whose texts are remembered

HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
MONTH_NS = 30 * DAY_NS  # a name for calendar months
MINUTES_PER_HOUR = 60
EARLIEST_NS, LATEST_NS = -12 * HOUR_NS, 14 * HOUR_NS  # of all time zones, ahead of UTC
_TIME_ZONE = re.compile(r"([+-]?)([0-9]{1,2})(?::([0-9]{2}))?", re.ASCII)

INTERVALS_NS: dict[str, int] = {
    "1s": SECOND_NS,
    "1m": MINUTE_NS,
    "3m": 3 * MINUTE_NS,
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
    "3d": 3 * DAY_NS,
    "1w": 7 * DAY_NS,
    "1M": MONTH_NS,
}
INTERVAL_NAMES = {length: name for name, length in INTERVALS_NS.items()}


# -- symbols ------------------------------------------------------------------------------------


def symbol_text(instrument: Instrument) -> str:
    """Return Binance's name of an instrument: `BTCUSDT`."""
    return instrument.base + instrument.quote


def find_symbol(listings: Listings, symbol: str) -> Instrument | None:
    """Return the instrument of a name without a separator, or None."""
    for end in range(1, min(len(symbol), SYMBOL_MAX)):
        found = listings.find(f"{symbol[:end]}-{symbol[end:]}")
        if found is not None:
            return found
    return None


# -- days of other time zones -------------------------------------------------------------------


def offset_ns(time_zone: str) -> int:
    """Return how far ahead of UTC a time zone is that is written as `8`, `-1:00` or `05:45`.

    Raises:
        DecodeError: It is not one from -12:00 to +14:00.
    """
    found = _TIME_ZONE.fullmatch(time_zone)
    if found is not None:
        sign, hours, minutes = found.groups()
        length_ns = int(hours) * HOUR_NS + int(minutes or 0) * MINUTE_NS
        offset = -length_ns if sign == "-" else length_ns
        if int(minutes or 0) < MINUTES_PER_HOUR and EARLIEST_NS <= offset <= LATEST_NS:
            return offset
    raise DecodeError(
        "Data sent for parameter 'timeZone' is not valid. (it is hours, or hours and minutes, from "
        "-12:00 to 14:00, as in 8 or 05:45)",
        "timeZone",
        -1130,
    )


def offset_text(ahead_ns: int) -> str:
    """Return a time zone that is so far ahead of UTC, as `5:45`."""
    hours, minutes = divmod(abs(ahead_ns) // MINUTE_NS, MINUTES_PER_HOUR)
    return f"{'-' if ahead_ns < 0 else ''}{hours}:{minutes:02d}"


def window_ns(window_size: str) -> int:
    """Return the length of a window that is written as `15m`, `4h` or `7d`."""
    return int(window_size[:-1]) * {"m": MINUTE_NS, "h": HOUR_NS, "d": DAY_NS}[window_size[-1]]


# -- numbers that are printed -------------------------------------------------------------------


@lru_cache(maxsize=4_096)
def _step_e8(numerator: int, denominator: int) -> int:
    step, rest = divmod(numerator * E8, denominator)
    if rest:
        raise Unsupported("a tick or lot finer than 1e-8 has no spelling on Binance")
    return step


def tick_e8(instrument: Instrument) -> int:
    """Return the price step times 1e8.

    Raises:
        Unsupported: It is finer than that.
    """
    return _step_e8(instrument.tick_lot_atoms, instrument.lot_atoms)


def lot_e8(instrument: Instrument) -> int:
    """Return the size step times 1e8.

    Raises:
        Unsupported: It is finer than that.
    """
    return _step_e8(instrument.lot_atoms, ATOMS_PER_UNIT)


@lru_cache(maxsize=NUMBERS_MAX)
def fixed(value_e8: int) -> str:
    """Return a number times 1e8 with 8 decimals."""
    if value_e8 < 0:
        return "-" + fixed(-value_e8)
    digits = str(value_e8).zfill(DECIMALS + 1)
    return f"{digits[:-DECIMALS]}.{digits[-DECIMALS:]}"


def price_text(instrument: Instrument, ticks: int | None) -> str:
    """Return a price; that of a market order is zero."""
    return fixed(ticks * tick_e8(instrument)) if ticks else ZERO


def size_text(instrument: Instrument, lots: int) -> str:
    """Return a size."""
    return fixed(lots * lot_e8(instrument)) if lots else ZERO


def amount_text(atoms: int) -> str:
    """Return an amount of money with 8 decimals, or as many more as it has."""
    if not atoms:
        return ZERO
    whole, rest = divmod(abs(atoms), ATOMS_PER_UNIT)
    decimals = f"{rest:012d}".rstrip("0").ljust(DECIMALS, "0")
    return f"{'-' if atoms < 0 else ''}{whole}.{decimals}"


def rate_text(rate_e8: int) -> str:
    """Return a rate as a share: 100_000 is `0.00100000`."""
    return fixed(rate_e8)


def average_text(instrument: Instrument, quote_atoms: int, lots: int) -> str:
    """Return quote per base, half up to 8 decimals; zero where nothing traded."""
    if lots == 0:
        return ZERO
    return fixed(half_up(quote_atoms * E8, lots * instrument.lot_atoms))


def percent_text(change: int, before: int) -> str:
    """Return a change in percent with 3 decimals, half up; zero where it has no base."""
    if before == 0:
        return "0.000"
    thousandths = half_up(abs(change) * 100_000, before)
    sign = "-" if change < 0 and thousandths else ""
    return f"{sign}{thousandths // 1_000}.{thousandths % 1_000:03d}"


def half_up(numerator: int, denominator: int) -> int:
    """Return a quotient of positive numbers, rounded half up; for information only."""
    return (2 * numerator + denominator) // (2 * denominator)


# -- numbers that are read ----------------------------------------------------------------------


def scaled(text: str, decimals: int) -> int:
    """Return a plain decimal number of this venue times 10 ** decimals, exactly.

    Raises:
        DecodeError: It is not one, or has more decimals than that.
    """
    whole, _, rest = text.removeprefix("-").partition(".")
    if len(rest) != decimals:
        rest = rest.rstrip("0").ljust(decimals, "0")
    digits = whole + rest
    is_plain = whole and len(text) <= TEXT_MAX and digits.isascii() and digits.isdigit()
    if not is_plain or len(rest) > decimals:
        raise DecodeError(
            f"number {text[:TEXT_MAX]!r} is not a decimal number of at most {decimals} decimals"
        )
    return -int(digits) if text.startswith("-") else int(digits)


def read_price(instrument: Instrument, text: str) -> int:
    """Return a price in ticks; beyond our limits too, for what a venue says happened.

    Raises:
        DecodeError: It is not a multiple of the tick.
    """
    return _read_steps(text, tick_e8(instrument), "price", instrument)


def read_level(instrument: Instrument, side: Side, text: str) -> tuple[int, int, bool]:
    """Return the price of somebody's order: where it is shown, times 1e8, and whether it is off.

    Orders from before a change of the tick still rest and trade. One that is off today's tick is
    shown at the next whole one away from the other side, so that a book never looks better than it
    is.

    Raises:
        DecodeError: It is not a price.
    """
    price_e8 = scaled(text, DECIMALS)
    ticks, rest = divmod(price_e8, tick_e8(instrument))
    if price_e8 < 0:
        raise DecodeError(f"price {text} is below zero ({instrument.symbol})")
    is_off = rest != 0
    return ticks + (is_off and side is Side.SELL), price_e8, is_off


def resting_price(instrument: Instrument, side: Side, text: str) -> int:
    """Return where the price of somebody's order is shown, in ticks; see `read_level`.

    Raises:
        DecodeError: It is not a price.
    """
    return read_level(instrument, side, text)[0]


def nearest_price(instrument: Instrument, text: str) -> int:
    """Return a price that once was, in the ticks of today, half up.

    Raises:
        DecodeError: It is not a price.
    """
    below = resting_price(instrument, Side.BUY, text)
    tick = tick_e8(instrument)
    return below + (2 * (scaled(text, DECIMALS) - below * tick) >= tick)


def read_size(instrument: Instrument, text: str) -> int:
    """Return a size in lots; beyond our limits too, for what a venue says happened.

    Raises:
        DecodeError: It is not a multiple of the lot.
    """
    return _read_steps(text, lot_e8(instrument), "size", instrument)


def whole_lots(instrument: Instrument, text: str) -> int:
    """Return a size of others, resting or traded or summed up, rounded down to whole lots.

    Real books hold sizes from before a change of the lot; such dust can be seen, not booked.

    Raises:
        DecodeError: It is not a size.
    """
    lots = scaled(text, DECIMALS) // lot_e8(instrument)
    if lots < 0:
        raise DecodeError(f"size {text} is below zero ({instrument.symbol})")
    return lots


def read_amount(text: str) -> int:
    """Return an amount of money in atoms.

    Raises:
        DecodeError: It is not a number, or finer than an atom.
    """
    return scaled(text, ATOM_DECIMALS)


def _read_steps(text: str, step_e8: int, what: str, instrument: Instrument) -> int:
    steps, rest = divmod(scaled(text, DECIMALS), step_e8)
    if rest or steps < 0:
        raise DecodeError(
            f"{what} {text} is not a multiple of {fixed(step_e8)} ({instrument.symbol}); "
            "read the instruments again"
        )
    return steps


# -- times --------------------------------------------------------------------------------------


# What one unit of a printed time is: a request, a connection or a stream's name chooses it, and
# every message that is made meanwhile follows.
_unit_ns: ContextVar[int] = ContextVar("unit_ns", default=MS_NS)


@contextmanager
def times_in(unit_ns: int) -> Iterator[None]:
    """Print times in milliseconds (MS_NS) or microseconds (US_NS) meanwhile."""
    before = _unit_ns.set(unit_ns)
    try:
        yield
    finally:
        _unit_ns.reset(before)


def unit_named(name: str) -> int:
    """Return the unit of a name that a client asks for.

    Raises:
        DecodeError: There is no such unit.
    """
    unit_ns = UNITS_NS.get(name.upper())
    if unit_ns is None:
        raise DecodeError(
            "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
            "timeUnit",
            -1194,
        )
    return unit_ns


def to_ms(time_ns: int) -> int:
    """Return a time in milliseconds, or in microseconds where they have been asked for."""
    return time_ns // _unit_ns.get()


def from_ms(time: int) -> int:
    """Return a time that came in milliseconds, or in microseconds, in nanoseconds."""
    return time * (US_NS if time >= MICROSECONDS_FROM else MS_NS)
