"""Numbers as most venues print them, plain decimals in the steps of an instrument, and back.

The invariant: what is printed is exact: prices with the decimals of their tick, the rest without
trailing zeros. What is read is exact too, or a DecodeError; only sizes of others are rounded down
to whole lots.
"""

from functools import lru_cache

from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.units import ATOMS_PER_UNIT, TEXT_MAX

ATOM_DECIMALS = 12
RATE_DECIMALS = 8


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
    """Return a number without trailing zeros."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def padded(text: str, decimals: int) -> str:
    """Return a number with so many decimals, or as many more as it has."""
    whole, _, rest = trimmed(text).partition(".")
    return f"{whole}.{rest.ljust(decimals, '0')}"


def price_text(instrument: Instrument, ticks: int) -> str:
    """Return a price with all decimals of the tick."""
    coefficient, decimals = tick(instrument)
    return fixed(ticks * coefficient, decimals)


def size_text(instrument: Instrument, lots: int) -> str:
    """Return a size without trailing zeros."""
    coefficient, decimals = lot(instrument)
    return trimmed(fixed(lots * coefficient, decimals))


def amount_text(atoms: int) -> str:
    """Return an amount of money without trailing zeros."""
    return trimmed(fixed(atoms, ATOM_DECIMALS))


def rate_text(rate_e8: int) -> str:
    """Return a rate as a share: 100_000 is `0.001`."""
    return trimmed(fixed(rate_e8, RATE_DECIMALS))


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
    """Return an amount of money in atoms.

    Raises:
        DecodeError: It is not a number, or finer than an atom.
    """
    return scaled(text, ATOM_DECIMALS)


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
            f"{what} {text[:TEXT_MAX]} is not a multiple of {fixed(coefficient, decimals)} "
            f"({instrument.symbol}); read the products again"
        )
    return steps
