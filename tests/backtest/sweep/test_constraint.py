"""Conditions between parameters, and what is not one."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.backtest.sweep.constraint import Constraint, magnitude
from steelyard.domain.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "values", "holds"),
    [
        ("fast < slow", {"fast": 5, "slow": 20}, True),
        ("fast < slow", {"fast": 20, "slow": 20}, False),
        ("slow - fast >= 5", {"fast": 5, "slow": 10}, True),
        ("0 < fast < slow < 100", {"fast": 5, "slow": 100}, False),
        ("fast * 2 == slow or mode == 'wide'", {"fast": 5, "slow": 11, "mode": "wide"}, True),
        ("fast * 2 == slow and mode == 'wide'", {"fast": 5, "slow": 11, "mode": "wide"}, False),
        ("not both_ways", {"both_ways": False}, True),
        ("both_ways != True", {"both_ways": True}, False),
        ("size * 3 == 0.3", {"size": "0.10"}, True),
        ("bar <= hold", {"bar": "90s", "hold": "2m"}, True),
        ("slow % fast == 0", {"fast": 5, "slow": 12}, False),
        ("-fast < slow / 2", {"fast": 1, "slow": -2}, False),
    ],
)
def test_a_condition_is_computed_exactly(text, values, holds):
    """Also between numbers that are written as text, and between durations of other units."""
    assert Constraint(text).holds(values) is holds


@pytest.mark.parametrize(
    "text",
    [
        "fast",
        "-fast",
        "fast <",
        "1 < 2",
        "fast ** 99 < 1",
        "open('x') == slow",
        "fast.real < slow",
        "fast in slow",
        "fast is slow",
        "[x for x in fast] < slow",
        "(lambda: 1)() < slow",
        "fast < slow; slow",
        "fast[0] < slow",
        "fast < None",
        "f'{fast}' == slow",
        "(fast := 1) < slow",
        "fast < slow " + "+ 1" * 200,
    ],
)
def test_what_is_no_condition_is_refused(text):
    """No calls, no attributes, no powers: nothing of it is ever run as a program."""
    with pytest.raises(ConfigError, match=r"constraint"):
        Constraint(text)


def test_a_name_that_is_none_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=r"'fats' is not a parameter.*did you mean 'fast'"):
        Constraint("fats < slow").check_names(("fast", "slow"))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("fast / slow > 1", {"fast": 1, "slow": 0}),
        ("fast < mode", {"fast": 1, "mode": "wide"}),
        ("mode + 1 < fast", {"fast": 1, "mode": "wide"}),
    ],
)
def test_what_cannot_be_computed_says_so(text, values):
    """A condition that is sometimes not computable is wrong, not false."""
    with pytest.raises(ConfigError, match=r"divides by zero|not a number"):
        Constraint(text).holds(values)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_a_comparison_is_pythons_own(fast, slow):
    """For whole numbers a condition says what Python would."""
    for sign in ("<", "<=", ">", ">=", "==", "!="):
        text = f"fast {sign} slow"
        assert Constraint(text).holds({"fast": fast, "slow": slow}) is eval(text)


def test_what_a_value_counts_as():
    assert [magnitude(value) for value in (1, "0.10", "2m", True, "wide", "NaN")] == [
        Decimal(1),
        Decimal("0.1"),
        Decimal(120_000_000_000),
        True,
        "wide",
        "NaN",
    ]
