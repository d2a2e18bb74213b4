"""Numbers, times and ids as OKX spells them, and back.

The invariant: what is printed is exact, a plain decimal number without an exponent and without
zeros at its end. What is read is exact too, or a DecodeError; only sizes of others are rounded down
to whole lots. Nothing is the empty text. Times are milliseconds since 1970 as texts; only a signed
request says its time in ISO 8601, a login in seconds, and an answer when it came in microseconds.

Ids are decimal numbers, and ours stay what they are.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import Side
from steelyard.domain.units import ATOMS_PER_UNIT, TEXT_MAX

MS_NS = 1_000_000
US_NS = 1_000
ATOM_DECIMALS = 12
RATE_DECIMALS = 8
AVERAGE_DECIMALS = 12
NUMBER_BITS = 63
MS_DIGITS = 13
SPOT = "SPOT"
INST_ID_CODE = 1_000_000_000  # that of the first instrument
SIDES = {"buy": Side.BUY, "sell": Side.SELL}
SIDE_NAMES = {side: name for name, side in SIDES.items()}

_ID = re.compile(r"[0-9]{1,19}", re.ASCII)
_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z", re.ASCII
)
_SECONDS = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,9}))?", re.ASCII)


# -- numbers that are printed -------------------------------------------------------------------


@lru_cache(maxsize=4_096)
def _step(numerator: int, denominator: int) -> tuple[int, int]:
    """Return a step as coefficient and decimals: 0.05 is (5, 2)."""
    decimals = 0
    while numerator * 10**decimals % denominator:
        decimals += 1
        if decimals > TEXT_MAX:
            raise Unsupported("a step that is no decimal number has no spelling on OKX")
    return numerator * 10**decimals // denominator, decimals


def tick(instrument: Instrument) -> tuple[int, int]:
    """Return the price step as coefficient and decimals."""
    return _step(instrument.tick_lot_atoms, instrument.lot_atoms)


def lot(instrument: Instrument) -> tuple[int, int]:
    """Return the size step as coefficient and decimals."""
    return _step(instrument.lot_atoms, ATOMS_PER_UNIT)


def fixed(value: int, decimals: int) -> str:
    """Return a number that counts the last of so many decimals, with all of them."""
    if not decimals:
        return str(value)
    digits = str(abs(value)).zfill(decimals + 1)
    return f"{'-' if value < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


def trimmed(text: str) -> str:
    """Return a number without zeros at its end."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def price_text(instrument: Instrument, ticks: int) -> str:
    """Return a price."""
    coefficient, decimals = tick(instrument)
    return trimmed(fixed(ticks * coefficient, decimals))


def size_text(instrument: Instrument, lots: int) -> str:
    """Return a size."""
    coefficient, decimals = lot(instrument)
    return trimmed(fixed(lots * coefficient, decimals))


def amount_text(atoms: int) -> str:
    """Return an amount of money."""
    return trimmed(fixed(atoms, ATOM_DECIMALS))


def rate_text(rate_e8: int) -> str:
    """Return a rate as a share: 100_000 is `0.001`."""
    return trimmed(fixed(rate_e8, RATE_DECIMALS))


def average_text(instrument: Instrument, quote_atoms: int, lots: int) -> str:
    """Return quote per base, half up in the twelfth decimal; nothing without a trade."""
    if not lots:
        return ""
    denominator = lots * instrument.lot_atoms
    units = (2 * quote_atoms * 10**AVERAGE_DECIMALS + denominator) // (2 * denominator)
    return trimmed(fixed(units, AVERAGE_DECIMALS))


def read_average(instrument: Instrument, text: str, lots: int) -> int:
    """Return what so many lots were worth in quote atoms, given their average price.

    It is a whole number of ticks times lots, the nearest to what the average says.

    Raises:
        DecodeError: The average is no number.
    """
    if not lots or not text:
        return 0
    unit: int = instrument.tick_lot_atoms * 10**AVERAGE_DECIMALS
    average = scaled(_cut(text, AVERAGE_DECIMALS), AVERAGE_DECIMALS)
    steps: int = (2 * average * lots * instrument.lot_atoms + unit) // (2 * unit)
    return steps * instrument.tick_lot_atoms


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
    lots = scaled(_cut(text, decimals), decimals) // coefficient
    if lots < 0:
        raise DecodeError(f"size {text} is below zero ({instrument.symbol})")
    return lots


def read_amount(text: str) -> int:
    """Return an amount of money in atoms, of which finer parts are cut off; nothing is 0.

    Raises:
        DecodeError: It is not a number.
    """
    return scaled(_cut(text, ATOM_DECIMALS), ATOM_DECIMALS) if text else 0


def read_rate(text: str) -> int:
    """Return a rate times 1e8.

    Raises:
        DecodeError: It is not a number, or finer than that.
    """
    return scaled(text, RATE_DECIMALS)


def _cut(text: str, decimals: int) -> str:
    whole, point, rest = text.partition(".")
    if rest and not (rest.isascii() and rest.isdigit()):
        raise DecodeError(f"number {text[:TEXT_MAX]!r} is not a decimal number")
    return f"{whole}{point}{rest[:decimals]}"


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


def ms(time_ns: int) -> str:
    """Return a time in milliseconds, rounded down."""
    return str(time_ns // MS_NS)


def us(time_ns: int) -> str:
    """Return a time in microseconds, rounded down."""
    return str(time_ns // US_NS)


def read_ms(text: str) -> int:
    """Return a time that is told in milliseconds; nothing is 0.

    Raises:
        DecodeError: It is none.
    """
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= MS_DIGITS):
        raise DecodeError(f"time {text[:TEXT_MAX]!r} is not in milliseconds")
    return int(text) * MS_NS


def iso(time_ns: int) -> str:
    """Return a time as a signed request says it: `2023-11-14T22:13:20.000Z`."""
    seconds, rest_ns = divmod(time_ns, SECOND_NS)
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{rest_ns // MS_NS:03d}Z"


def from_iso(text: str) -> int:
    """Return a time that is written so.

    Raises:
        DecodeError: It is not one.
    """
    found = _ISO.fullmatch(text)
    try:
        if found is not None:
            at = datetime.fromisoformat(f"{found[1]}+00:00")
            return int(at.timestamp()) * SECOND_NS + int((found[2] or "0").ljust(9, "0"))
    except (ValueError, OverflowError):
        pass
    raise DecodeError(
        f"time {text[:TEXT_MAX]!r} is not UTC in ISO 8601; write it as 2023-11-14T22:13:20.000Z"
    )


def from_seconds(text: str) -> int:
    """Return a time that is written in seconds since 1970, with decimals or without.

    Raises:
        DecodeError: It is not one.
    """
    found = _SECONDS.fullmatch(text)
    if found is None:
        raise DecodeError(f"time {text[:TEXT_MAX]!r} is not a number of seconds since 1970")
    return int(found[1]) * SECOND_NS + int((found[2] or "0").ljust(9, "0"))


# -- ids and names ------------------------------------------------------------------------------


def id_number(text: str) -> int | None:
    """Return the number of an id, None where it is none that can be."""
    if _ID.fullmatch(text) is None:
        return None
    number = int(text)
    return number if number >> NUMBER_BITS == 0 else None


def read_id(text: str, what: str = "ordId") -> int:
    """Return the number of an id that a venue tells.

    Raises:
        DecodeError: It is none.
    """
    number = id_number(text)
    if number is None:
        raise DecodeError(f"{what} {text[:TEXT_MAX]!r} is not a number of at most 19 digits", what)
    return number


MARK = "t-"  # before the name of an order of type `trigger`: no client's own has a dash
UNNAMED = "~"  # behind it, before a number: its owner gave it no name


def own_id(client_order_id: str, order_id: int) -> str:
    """Return the clOrdId of an order; nothing where its owner gave it none."""
    name = client_order_id.removeprefix(MARK)
    return "" if name == f"sy-{order_id}" or name.startswith(UNNAMED) else name


def code_of(instrument: Instrument) -> int:
    """Return an instrument's number, by which orders over a WebSocket name it."""
    return INST_ID_CODE + instrument.instrument_id


def find_code(listings: Listings, code: int) -> Instrument | None:
    """Return the instrument of such a number, or None."""
    number = code - INST_ID_CODE
    return listings[number] if listings.has(number) else None


def listed(inst_id: str, listings: Listings) -> Instrument:
    """Return the instrument that a venue speaks of.

    Raises:
        DecodeError: It is not listed.
    """
    found = listings.find(inst_id)
    if found is None:
        raise DecodeError(f"{inst_id[:20]!r} is not listed; read the instruments again", "instId")
    return found
