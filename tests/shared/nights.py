"""What only `make night` tries: the same again on other venues, in other themes, for longer."""

import pytest
from _pytest.mark.structures import ParameterSet


def at_night(*values: object) -> list[ParameterSet]:
    """Return values for `parametrize` that wait for the night."""
    return [pytest.param(value, marks=pytest.mark.night) for value in values]
