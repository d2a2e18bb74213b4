"""Numbers and ids at the border: texts outside, whole numbers inside, and never a guess between.

A library's numbers are decimal texts here; what a WebSocket book has as a float is taken in its
shortest form, which is what the venue wrote up to 15 digits. What is off a tick or lot is refused
by `Instrument`, except in a book, where it is shown away from the touch: those are orders of
others, from before a step was changed.

Venues name orders by numbers, UUIDs and worse; ours are whole numbers. `number_of` and `text_of`
are each other's inverse, so that an id needs no table and outlives a restart.
"""

from collections.abc import Iterable
from decimal import ROUND_FLOOR, Context, Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import EXPONENT_MAX, LIMIT_MAX, Instrument
from steelyard.domain.order import Side
from steelyard.domain.units import ATOMS_PER_UNIT, EXACT, to_atoms

MS_NS = 1_000_000
PLAIN_BITS = 64  # a decimal id below it is its own number
ID_MAX_BYTES = 128
TRADE_BITS = 64
DIGITS_MAX = 60
_ROUNDING = Context(prec=DIGITS_MAX, rounding=ROUND_FLOOR)


def decimal_of(value: Any, what: str) -> Decimal:
    """Return a number of the library's.

    Raises:
        DecodeError: It is none, or not a finite one.
    """
    number = None
    if isinstance(value, float):
        value = repr(value)
    if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = None
    if number is None or not number.is_finite() or len(number.as_tuple().digits) > DIGITS_MAX:
        raise DecodeError(f"{what} is {str(value)[:40]!r}, which is no number")
    return number


def maybe_decimal(value: Any, what: str) -> Decimal | None:
    """Return a number, or None where there is none."""
    return None if value is None or value == "" else decimal_of(value, what)


def atoms_of(amount: Decimal) -> int:
    """Return an amount in atoms, rounded down where it is finer than one.

    Raises:
        UnitError: Beyond what an amount can be.
    """
    if abs(amount.adjusted()) > EXPONENT_MAX and amount:
        return 0 if amount.adjusted() < 0 else to_atoms(amount)
    return int((_ROUNDING.multiply(amount, Decimal(ATOMS_PER_UNIT))).to_integral_value(ROUND_FLOOR))


def fee_atoms_of(amount: Decimal) -> int:
    """Return a fee in atoms, rounded up where it is finer than one: against us."""
    return -atoms_of(-amount)


def level_of(
    price: Decimal, size: Decimal, side: Side, instrument: Instrument
) -> tuple[int, int] | None:
    """Return a level of a book in ticks and lots; None where less than a lot or a tick is left.

    A price off the tick goes to the next one away from the touch, a size down to whole lots.
    """
    if not 0 < price.adjusted() + EXPONENT_MAX <= 2 * EXPONENT_MAX or price <= 0 or size <= 0:
        return None
    if abs(size.adjusted()) > EXPONENT_MAX:
        return None
    ticks, rest = EXACT.divmod(price, instrument.tick_size)
    price_ticks = int(ticks) + (1 if rest and side is Side.SELL else 0)
    size_lots = int(EXACT.divide_int(size, instrument.lot_size))
    if not 0 < price_ticks <= instrument.price_max_ticks or size_lots <= 0:
        return None
    return price_ticks, min(size_lots, LIMIT_MAX)


def levels_of(
    rows: Iterable[Any], side: Side, instrument: Instrument, depth: int
) -> dict[int, int]:
    """Return one side of a book, size_lots by price_ticks, of the first `depth` rows.

    Raises:
        DecodeError: A row is no price and size.
    """
    levels: dict[int, int] = {}
    for row, _ in zip(rows, range(depth), strict=False):
        if not isinstance(row, list | tuple) or len(row) < 2:  # noqa: PLR2004 price and size
            raise DecodeError("a level of the book is no price and size")
        level = level_of(
            decimal_of(row[0], "a price of the book"),
            decimal_of(row[1], "a size of the book"),
            side,
            instrument,
        )
        if level is not None:
            levels[level[0]] = levels.get(level[0], 0) + level[1]
    return levels


# -- ids ------------------------------------------------------------------------------------------


def number_of(text: str) -> int:
    """Return a venue's id as a whole number: a decimal one is itself, another is its bytes.

    Raises:
        DecodeError: Empty, or longer than `ID_MAX_BYTES`.
    """
    if not text or len(text.encode()) > ID_MAX_BYTES:
        raise DecodeError(f"an id of {len(text)} characters; 1 to {ID_MAX_BYTES} are understood")
    if text.isascii() and text.isdecimal() and (text == "0" or text[0] != "0"):
        number = int(text)
        if 0 < number < 1 << PLAIN_BITS:
            return number
    return (1 << PLAIN_BITS) + int.from_bytes(b"\1" + text.encode(), "big")


def text_of(number: int) -> str:
    """Return the id that `number_of` made a number.

    Raises:
        DecodeError: It made no such number.
    """
    if number < 1 << PLAIN_BITS:
        return str(number)
    number -= 1 << PLAIN_BITS
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    try:
        return raw[1:].decode()
    except UnicodeDecodeError:
        raise DecodeError("this number stands for no id of the venue") from None


def trade_number(text: str, time_ms: int) -> int:
    """Return a fill's number: it rises with the venue's time, and one fill has one.

    The same execution has to be told with the same time always, so fills are read from one place,
    the account's history.
    """
    digest = int.from_bytes(sha256(text.encode()).digest()[: TRADE_BITS // 8], "big")
    return time_ms << TRADE_BITS | digest


def trade_ms(number: int) -> int:
    """Return the time of a fill's number, in milliseconds."""
    return number >> TRADE_BITS
