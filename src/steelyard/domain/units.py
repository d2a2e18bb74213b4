"""Exact money: ticks, lots and atoms, and every rule by which something is rounded.

Inside, a price is a whole number of ticks, a size a whole number of lots, and a balance a
whole number of atoms (1e-12 of an asset). `Decimal` is used at the edges only and is parsed
from text. Off-step input is refused, never rounded. There is one rounding rule: a fee rounds up
(`fee_atoms`).
"""

from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import NewType

from steelyard.domain.errors import UnitError
from steelyard.domain.order import RejectReason

Ticks = NewType("Ticks", int)
Lots = NewType("Lots", int)
Atoms = NewType("Atoms", int)

ATOMS_PER_UNIT = 10**12
RATE_SCALE = 10**8  # rate_e8: 100_000 is 0.1 %
EXPONENT_MAX = 40  # beyond it an amount is out of range, however it is spelled
AMOUNT_MAX_ATOMS = 10**34  # 1e22 units: sums of many such still fit an i128
TEXT_MAX = 48  # no number in a request needs more characters

# Enough digits for any i128; anything inexact raises instead of rounding.
EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])


def parse_decimal(text: str) -> Decimal:
    """Return the number in plain or scientific notation.

    Raises:
        UnitError: Not a finite number, or longer than `TEXT_MAX` characters.
    """
    if len(text) > TEXT_MAX or not text.isascii() or "_" in text or text != text.strip():
        raise UnitError(
            f"number {text[:TEXT_MAX]!r} is not a plain decimal number", RejectReason.UNSUPPORTED
        )
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise UnitError(f"number {text!r} is not a decimal number", RejectReason.UNSUPPORTED)
    return number


def whole_steps(text: str, numerator: int, denominator: int, steps_max: int) -> int | None:
    """Return a plain decimal text as steps of numerator / denominator; None where it is not clear.

    That is where it is not digits with at most one point in between, not a whole number of steps,
    or not from 1 to `steps_max`: `parse_decimal` and `Instrument` say what is wrong, if anything.
    """
    whole, _, rest = text.partition(".")
    digits = whole + rest
    if not whole or len(text) > TEXT_MAX or not digits.isdigit() or not digits.isascii():
        return None
    steps, left = divmod(int(digits) * denominator, numerator * 10 ** len(rest))
    return steps if not left and 0 < steps <= steps_max else None


def to_atoms(amount: Decimal) -> Atoms:
    """Return an asset amount in atoms.

    Raises:
        UnitError: Finer than one atom, or beyond `AMOUNT_MAX_ATOMS`.
    """
    if amount.adjusted() > EXPONENT_MAX:
        raise _too_large(amount)
    atoms = EXACT.multiply(amount, Decimal(ATOMS_PER_UNIT))
    if atoms != atoms.to_integral_value():
        raise UnitError(
            f"amount {in_full(amount)} is finer than 0.000000000001", RejectReason.SIZE_OFF_LOT
        )
    if not -AMOUNT_MAX_ATOMS <= atoms <= AMOUNT_MAX_ATOMS:  # abs() would round to 28 digits
        raise _too_large(amount)
    return Atoms(int(atoms))


def _too_large(amount: Decimal) -> UnitError:
    most = AMOUNT_MAX_ATOMS // ATOMS_PER_UNIT
    return UnitError(
        f"amount {in_full(amount)} is out of range; {most} is the most",
        RejectReason.AMOUNT_TOO_LARGE,
    )


def from_atoms(atoms: int) -> Decimal:
    """Return an amount of atoms as a decimal number, without trailing zeros."""
    return plain(EXACT.divide(Decimal(atoms), Decimal(ATOMS_PER_UNIT)))


def plain(number: Decimal) -> Decimal:
    """Return the number with trailing zeros dropped and no positive exponent: 1E+2 becomes 100."""
    if number == 0:
        return Decimal(0)
    number = EXACT.normalize(number)
    return number if number.as_tuple().exponent <= 0 else EXACT.quantize(number, Decimal(1))  # type: ignore[operator]


def in_full(number: Decimal) -> str:
    """Return a number for people: digits and a point, all that it has, and no exponent.

    One beyond all that can be an amount keeps its power of ten, or it would fill a page.
    """
    if not number.is_finite() or abs(number.adjusted()) <= EXPONENT_MAX:
        return f"{number:f}"
    digits, _, power = f"{number:e}".partition("e")
    return f"{digits} * 10^{int(power)}"


def fee_atoms(amount_atoms: int, rate_e8: int) -> int:
    """Return the fee on an amount, rounded up once: who pays pays more, whose rebate it is less.

    rate_e8 is the rate times 1e8: 100_000 is 0.1 %; a negative one is a rebate.
    """
    return -(-amount_atoms * rate_e8 // RATE_SCALE)
