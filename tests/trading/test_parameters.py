"""What is said of a parameter is checked when a strategy is made, and stands in tables."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.trading.duration import Duration
from steelyard.trading.parameters import about, rows
from steelyard.trading.strategy import Strategy


class Way(StrEnum):
    UP = "up"
    DOWN = "down"


class Sample(Strategy):
    class Params(Strategy.Params, frozen=True, kw_only=True):
        size: Annotated[Decimal, about("what it buys", unit="base", above=0)]
        count: Annotated[int, about("how often", least=1, most=9)] = 3
        top: Annotated[Decimal | None, about("not above this", unit="quote", above=0)] = None
        way: Annotated[Way, about("where to")] = Way.UP
        every: Annotated[Duration, about("how often it looks")] = Duration("60s")
        plain: bool = False


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"size": "0"}, "Sample: size is 0; it must be above 0"),
        ({"size": "1", "count": 0}, "Sample: count is 0; it must be 1 or more"),
        ({"size": "1", "count": 10}, "Sample: count is 10; it must be 9 or less"),
        ({"size": "1", "top": "-2.50"}, "Sample: top is -2.5; it must be above 0"),
        ({"size": "1", "way": "left"}, "Sample: Invalid enum value 'left' - at `way`"),
    ],
)
def test_a_parameter_out_of_its_bounds_is_refused(given: dict, said: str):
    """By its name, with what it is and what it must be."""
    with pytest.raises(ConfigError) as caught:
        Sample(**given)
    assert str(caught.value) == said


def test_what_is_within_or_left_out_is_taken():
    """Bounds are inclusive where they say so, and none is not compared with anything."""
    found = Sample(size="0.1", count=9, top=None).params
    assert (found.count, found.top, found.way) == (9, None, Way.UP)


def test_a_table_says_name_kind_default_bounds_and_meaning():
    """One row each, in their order."""
    assert [tuple(row) for row in rows(Sample.Params)] == [
        ("size", "number, base", "must be given", "above 0", "what it buys"),
        ("count", "whole number", "`3`", "from 1, up to 9", "how often"),
        ("top", "number, quote", "none", "above 0", "not above this"),
        ("way", "`up` or `down`", "`up`", "", "where to"),
        ("every", "time", "`60s`", "", "how often it looks"),
        ("plain", "yes or no", "`false`", "", ""),
    ]
