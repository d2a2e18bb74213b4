"""Numbers, times, symbols and ids as Bybit spells them, and back: pure functions.

The invariant: what is printed is exact. Prices have all decimals of their tick, sizes and amounts
no zeros at the end. Quotients that a client is shown (average price, change of a day) are for
information only: they are rounded half up and never booked. What is read is exact too, or a
DecodeError; only what others did is rounded where it is off today's steps.

Ids are numbers in texts. Those of other products are UUIDs: they are folded to a number above all
others, always the same for the same one, from which there is no way back.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b

from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import MINUTE_NS, SECOND_NS
from steelyard.domain.order import Side
from steelyard.domain.units import ATOMS_PER_UNIT, TEXT_MAX

MS_NS = 1_000_000
ATOM_DECIMALS = 12
RATE_DECIMALS = 8
SYMBOL_MAX = 24
ID_MAX = 64
FOREIGN = 1 << 63  # from here on numbers are of ids that cannot be made from them
SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}
SIDE_NAMES = {side: name for name, side in SIDES.items()}

HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
INTERVALS_NS: dict[str, int] = {
    **{str(minutes): minutes * MINUTE_NS for minutes in (1, 3, 5, 15, 30, 60, 120)},
    **{str(minutes): minutes * MINUTE_NS for minutes in (240, 360, 720)},
    "D": DAY_NS,
    "W": 7 * DAY_NS,
    "M": 30 * DAY_NS,  # a name for calendar months
}
INTERVAL_NAMES = {length: name for name, length in INTERVALS_NS.items()}


# -- symbols ------------------------------------------------------------------------------------


def symbol_text(instrument: Instrument) -> str:
    """Return Bybit's name of an instrument: `BTCUSDT`."""
    return instrument.base + instrument.quote


def find_symbol(listings: Listings, symbol: str) -> Instrument | None:
    """Return the instrument of a name without a separator, or None."""
    for end in range(1, min(len(symbol), SYMBOL_MAX)):
        found = listings.find(f"{symbol[:end]}-{symbol[end:]}")
        if found is not None:
            return found
    return None


# -- numbers that are printed -------------------------------------------------------------------


@lru_cache(maxsize=4_096)
def _step(numerator: int, denominator: int) -> tuple[int, int]:
    """Return a step as coefficient and decimals: 0.05 is (5, 2)."""
    decimals = 0
    while numerator * 10**decimals % denominator:
        decimals += 1
        assert decimals <= TEXT_MAX, "a step has finitely many decimals"
    return numerator * 10**decimals // denominator, decimals


def tick(instrument: Instrument) -> tuple[int, int]:
    """Return the price step as coefficient and decimals."""
    return _step(instrument.tick_lot_atoms, instrument.lot_atoms)


def lot(instrument: Instrument) -> tuple[int, int]:
    """Return the size step as coefficient and decimals."""
    return _step(instrument.lot_atoms, ATOMS_PER_UNIT)


def fixed(scaled_value: int, decimals: int) -> str:
    """Return a number that is given times 10 ** decimals, with all of them."""
    if not decimals:
        return str(scaled_value)
    digits = str(abs(scaled_value)).zfill(decimals + 1)
    return f"{'-' if scaled_value < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


def trimmed(text: str) -> str:
    """Return a number without zeros at its end."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def price_text(instrument: Instrument, ticks: int) -> str:
    """Return a price with all decimals of the tick."""
    coefficient, decimals = tick(instrument)
    return fixed(ticks * coefficient, decimals)


def size_text(instrument: Instrument, lots: int) -> str:
    """Return a size without zeros at its end."""
    coefficient, decimals = lot(instrument)
    return trimmed(fixed(lots * coefficient, decimals))


def amount_text(atoms: int) -> str:
    """Return an amount of money without zeros at its end."""
    return trimmed(fixed(atoms, ATOM_DECIMALS))


def rate_text(rate_e8: int) -> str:
    """Return a rate as a share: 100_000 is `0.001`."""
    return trimmed(fixed(rate_e8, RATE_DECIMALS))


def half_up(numerator: int, denominator: int) -> int:
    """Return a quotient of positive numbers, rounded half up; for information only."""
    return (2 * numerator + denominator) // (2 * denominator)


def average_text(instrument: Instrument, quote_atoms: int, lots: int) -> str:
    """Return quote per base to 8 decimals; nothing where nothing traded."""
    if not lots:
        return ""
    price_e8 = half_up(quote_atoms * 10**RATE_DECIMALS, lots * instrument.lot_atoms)
    return trimmed(fixed(price_e8, RATE_DECIMALS))


def share_text(change: int, before: int) -> str:
    """Return a change as a share of what was, to 4 decimals."""
    if not before:
        return "0"
    e4 = half_up(abs(change) * 10_000, before)
    return trimmed(fixed(-e4 if change < 0 else e4, 4))


# -- numbers that are read ----------------------------------------------------------------------


def scaled(text: str, decimals: int) -> int:
    """Return a plain decimal number times 10 ** decimals, exactly.

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
    return _read_steps(text, tick(instrument), "price", instrument)


def read_size(instrument: Instrument, text: str) -> int:
    """Return a size in lots; beyond our limits too, for what a venue says happened.

    Raises:
        DecodeError: It is not a multiple of the lot.
    """
    return _read_steps(text, lot(instrument), "size", instrument)


def whole_lots(instrument: Instrument, text: str) -> int:
    """Return a size of others, resting or traded or summed up, rounded down to whole lots.

    Raises:
        DecodeError: It is not a size.
    """
    coefficient, decimals = lot(instrument)
    whole, point, rest = text.partition(".")
    if rest and not (rest.isascii() and rest.isdigit()):
        raise DecodeError(f"size {text[:TEXT_MAX]!r} is not a decimal number")
    lots = scaled(f"{whole}{point}{rest[:decimals]}", decimals) // coefficient
    if lots < 0:
        raise DecodeError(f"size {text} is below zero ({instrument.symbol})")
    return lots


def read_amount(text: str) -> int:
    """Return an amount of money in atoms; what is finer than an atom is cut off.

    Raises:
        DecodeError: It is not a number.
    """
    whole, point, rest = text.partition(".")
    if rest and not (rest.isascii() and rest.isdigit()):
        raise DecodeError(f"amount {text[:TEXT_MAX]!r} is not a decimal number")
    return scaled(f"{whole}{point}{rest[:ATOM_DECIMALS]}", ATOM_DECIMALS)


def read_rate(text: str) -> int:
    """Return a rate times 1e8.

    Raises:
        DecodeError: It is not a number, or finer than that.
    """
    return scaled(text, RATE_DECIMALS)


def _read_steps(text: str, step: tuple[int, int], what: str, instrument: Instrument) -> int:
    coefficient, decimals = step
    try:
        steps, rest = divmod(scaled(text, decimals), coefficient)
    except DecodeError:
        steps, rest = 0, 1
    if rest or steps < 0:
        raise DecodeError(
            f"{what} {text[:TEXT_MAX]!r} is not a multiple of {fixed(coefficient, decimals)} "
            f"({instrument.symbol}); read the instruments again"
        )
    return steps


# -- times --------------------------------------------------------------------------------------


def to_ms(time_ns: int) -> int:
    """Return a time in milliseconds."""
    return time_ns // MS_NS


def ms_text(time_ns: int) -> str:
    """Return a time in milliseconds as a text, as objects of REST have it."""
    return str(time_ns // MS_NS)


def from_ms(text: str | int) -> int:
    """Return a time that is told in milliseconds.

    Raises:
        DecodeError: It is no such number.
    """
    digits = str(text)
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 16:  # noqa: PLR2004
        raise DecodeError(f"time {digits[:TEXT_MAX]!r} is not a number of milliseconds")
    return int(digits) * MS_NS


# -- ids ----------------------------------------------------------------------------------------


def number_of(text: str) -> int:
    """Return the number of an order's or an execution's id, whatever its form.

    Raises:
        DecodeError: It is empty, or much too long.
    """
    if not 0 < len(text) <= ID_MAX:
        raise DecodeError(f"id {text[:TEXT_MAX]!r} is none")
    if text.isascii() and text.isdigit() and not text.startswith("0") and int(text) < FOREIGN:
        return int(text)
    return FOREIGN | int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 1


def order_text(order_id: int) -> str:
    """Return the id of an order.

    Raises:
        Unsupported: It cannot be made from its number.
    """
    if order_id >= FOREIGN:
        raise Unsupported("an id of this form cannot be made from its number; name its client id")
    return str(order_id)


# -- moments ------------------------------------------------------------------------------------


def iso(time_ns: int) -> str:
    """Return a time to the second, as `2026-01-01T00:00:00Z`."""
    return f"{datetime.fromtimestamp(time_ns // SECOND_NS, UTC):%Y-%m-%dT%H:%M:%S}Z"


def from_iso(text: str) -> int:
    """Return a time that is written in ISO 8601; without an offset it is UTC.

    Raises:
        DecodeError: It is not one.
    """
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware - _EPOCH) // timedelta(seconds=1) * SECOND_NS
    except (ValueError, OverflowError) as error:
        raise DecodeError(f"time {text[:TEXT_MAX]!r} is not in ISO 8601") from error


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
