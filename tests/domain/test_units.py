"""Exact money: nothing is rounded but a fee, and that against the payer."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.errors import UnitError
from steelyard.domain.order import RejectReason
from steelyard.domain.units import (
    AMOUNT_MAX_ATOMS,
    RATE_SCALE,
    fee_atoms,
    from_atoms,
    in_full,
    parse_decimal,
    plain,
    to_atoms,
)

ATOMS = st.integers(-AMOUNT_MAX_ATOMS, AMOUNT_MAX_ATOMS)
MOST = f"{10**22} is the most"


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", "1"), ("-0.50", "-0.5"), ("1e-8", "0.00000001"), ("+2.E3", "2000"), (".5", "0.5")],
)
def test_plain_and_scientific_notation_are_read(text: str, number: str):
    """A number means what it says in either notation."""
    assert parse_decimal(text) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "number '' is not a decimal number"),
        ("abc", "number 'abc' is not a decimal number"),
        ("1,5", "number '1,5' is not a decimal number"),
        ("nan", "number 'nan' is not a decimal number"),
        ("-Infinity", "number '-Infinity' is not a decimal number"),
        ("1_000", "number '1_000' is not a plain decimal number"),
        ("١٢", "number '١٢' is not a plain decimal number"),
        ("9" * 49, f"number '{'9' * 48}' is not a plain decimal number"),
    ],
)
def test_what_is_not_a_number_is_refused(text: str, message: str):
    """Words, separators, other scripts, infinities and endless digits are no numbers."""
    with pytest.raises(UnitError) as error:
        parse_decimal(text)
    assert str(error.value) == message
    assert error.value.reason is RejectReason.UNSUPPORTED


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_a_unit_error(text: str):
    """Nothing that a request can hold raises anything else."""
    try:
        number = parse_decimal(text)
    except UnitError:
        return
    assert number.is_finite()


@given(ATOMS)
def test_atoms_survive_a_round_trip(atoms: int):
    """An amount is the same number in atoms and in decimal."""
    assert to_atoms(from_atoms(atoms)) == atoms
    assert Fraction(from_atoms(atoms)) == Fraction(atoms, 10**12)


@pytest.mark.parametrize(
    ("amount", "message", "reason"),
    [
        (
            "0.0000000000001",
            "amount 0.0000000000001 is finer than 0.000000000001",
            RejectReason.SIZE_OFF_LOT,
        ),
        ("1e-50", "amount 1 * 10^-50 is finer than 0.000000000001", RejectReason.SIZE_OFF_LOT),
        (
            "10000000000000000000000.000000000001",
            f"amount 10000000000000000000000.000000000001 is out of range; {MOST}",
            RejectReason.AMOUNT_TOO_LARGE,
        ),
        (
            "-1e23",
            f"amount -100000000000000000000000 is out of range; {MOST}",
            RejectReason.AMOUNT_TOO_LARGE,
        ),
        (
            "1e999999",
            f"amount 1 * 10^999999 is out of range; {MOST}",
            RejectReason.AMOUNT_TOO_LARGE,
        ),
    ],
)
def test_an_amount_that_has_no_atoms_is_refused(amount: str, message: str, reason: RejectReason):
    """Too fine and too large have different reasons, and neither is rounded."""
    with pytest.raises(UnitError) as error:
        to_atoms(Decimal(amount))
    assert str(error.value) == message
    assert error.value.reason is reason


@pytest.mark.parametrize(
    ("number", "text"),
    [("1E+2", "100"), ("1.500", "1.5"), ("-0.0", "0"), ("1E-12", "1E-12"), ("0E+5", "0")],
)
def test_a_plain_number_has_no_needless_zeros(number: str, text: str):
    """Trailing zeros go and a positive exponent is written out."""
    assert str(plain(Decimal(number))) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1E-7", "0.0000001"),
        ("1E+30", f"{10**30}"),
        ("27150.00", "27150.00"),
        ("-2.5E-8", "-0.000000025"),
        ("1.5E+999999", "1.5 * 10^999999"),
        ("NaN", "NaN"),
    ],
)
def test_a_number_is_told_in_full(number: str, text: str):
    """No message says 1E-7; what is beyond all amounts is not a page of zeros either."""
    assert in_full(Decimal(number)) == text


@given(ATOMS)
def test_a_plain_number_is_the_same_number(atoms: int):
    """Only the spelling changes."""
    number = Decimal(atoms).scaleb(-9, None) if abs(atoms) < 10**20 else Decimal(atoms)
    assert plain(number) == number


@pytest.mark.parametrize(
    ("amount", "rate_e8", "fee"),
    [
        (0, 100_000, 0),
        (1, 100_000, 1),  # a thousandth of an atom is one
        (1_000, 100_000, 1),
        (1_001, 100_000, 2),
        (10**18, 0, 0),
        (10**18, RATE_SCALE, 10**18),
    ],
)
def test_a_fee_rounds_up(amount: int, rate_e8: int, fee: int):
    """Whoever pays loses the fraction, once."""
    assert fee_atoms(amount, rate_e8) == fee


@given(st.integers(0, AMOUNT_MAX_ATOMS), st.integers(-RATE_SCALE, -1))
def test_a_rebate_rounds_up_too(amount: int, rate_e8: int):
    """It is less by the fraction, never more than what was earned."""
    rebate = -fee_atoms(amount, rate_e8)
    assert 0 <= Fraction(amount * -rate_e8, RATE_SCALE) - rebate < 1


@given(st.integers(0, AMOUNT_MAX_ATOMS), st.integers(0, RATE_SCALE), st.integers(1, 1_000))
def test_one_fee_is_never_more_than_many(amount: int, rate_e8: int, parts: int):
    """A hold that rounds up per lot covers the fees of all its fills."""
    fee = fee_atoms(amount, rate_e8)
    assert 0 <= fee - Fraction(amount * rate_e8, RATE_SCALE) < 1
    assert fee_atoms(amount * parts, rate_e8) <= fee * parts
    assert fee <= amount
