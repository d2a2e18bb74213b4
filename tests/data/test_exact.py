from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.data.exact import Column, NotExact, Step, at, exact, in_steps, step_of
from steelyard.domain.errors import UsageError

DECIMALS = st.decimals(0, 10**6, allow_nan=False, places=6)


def decimals(column: Column) -> list[Decimal]:
    return [Decimal(int(value)).scaleb(-column.decimals) for value in column.values]


@given(st.lists(DECIMALS, min_size=1))
def test_a_text_is_the_number_that_it_says(numbers):
    """Decimal, which reads text exactly, is the oracle."""
    assert decimals(exact(pl.Series([f"{number:f}" for number in numbers]))) == numbers


@given(st.lists(DECIMALS, min_size=1))
def test_a_float_is_the_decimal_number_that_was_written(numbers):
    """A number of few decimals survives the way through a float."""
    assert decimals(exact(pl.Series([float(number) for number in numbers]))) == numbers


def test_other_spellings_are_read():
    column = exact(pl.Series(["1e-05", ".5", "5.", " 3 ", "-0.25", "1E3"]))
    want = [Decimal(n) for n in ("0.00001", "0.5", "5", "3", "-0.25", "1000")]
    assert decimals(column) == want


@pytest.mark.parametrize(
    ("column", "row", "said"),
    [
        (["1", "x"], 1, "'x' is not a number"),
        (["1", None], 1, "nothing where a number should be"),
        (["1", ""], 1, "'' is not a number"),
        (["nan"], 0, "not a number"),
        (["1", "0.1234567890123"], 1, "more than 12 decimals"),
        (["1", "1e400"], 1, "out of range"),
        (["1", "99999999999999999999"], 0, "too large"),
        ([1.0, 0.1 + 0.2], 1, "stands for no number of few decimals"),
        ([float("inf")], 0, "not a number"),
        ([2.0**60], 0, "a float that stands for no number|too large"),
        ([1, 2**63], 1, "too large"),
    ],
)
def test_what_is_not_exact_is_refused_with_its_row(column, row, said):
    series = pl.Series(column, dtype=pl.UInt64 if 2**63 in column else None)
    with pytest.raises(NotExact, match=said) as caught:
        exact(series)
    assert caught.value.row == row


@given(st.lists(DECIMALS, min_size=1), st.sampled_from(["0.5", "0.01", "0.003", "7", "0.00001"]))
def test_rounding_to_a_step_is_to_the_nearest_with_halves_up(numbers, size):
    """Digits beyond what matters are left out, and still decide a half."""
    step = step_of(Decimal(size))
    column = exact(pl.Series([f"{number:f}" for number in numbers]), clip=step.decimals + 1)
    values, off = in_steps(column, step, rounds=True)
    want = [(number / Decimal(size)).quantize(Decimal(1), ROUND_HALF_UP) for number in numbers]
    assert values.tolist() == [int(number) for number in want]
    assert off == sum(bool(number % Decimal(size)) for number in numbers)


def test_a_float_that_is_a_sum_is_rounded_where_that_is_asked_for():
    column = exact(pl.Series([1.0, 0.1 + 0.2]), clip=3)
    assert in_steps(column, Step(1, 2), rounds=True)[0].tolist() == [100, 30]


def test_off_step_names_the_value_and_its_neighbors():
    column = Column(np.array([100, 123]), 1)
    with pytest.raises(
        NotExact, match=r"12.3 is not a multiple of the step 0.5 \(nearest: 12, 12.5"
    ):
        in_steps(column, Step(5, 1))
    assert in_steps(Column(np.array([125]), 1), Step(5, 1))[0].tolist() == [25]


def test_more_decimals_than_fit_are_refused():
    with pytest.raises(NotExact, match="too large to be held with 12 decimals"):
        at(Column(np.array([1, 10**8]), 0), 12)


@pytest.mark.parametrize("size", ["0", "-1", "0.0000000000001"])
def test_a_step_is_positive_and_no_finer_than_an_atom(size):
    with pytest.raises(UsageError, match="must be positive"):
        step_of(Decimal(size))
    assert step_of(Decimal(100)) == Step(100, 0)
    assert step_of(Decimal("0.50")) == Step(5, 1)
